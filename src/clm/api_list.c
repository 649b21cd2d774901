/*
 * api_list.c - requests on a collection: list and watch.
 *
 * A page and its total are read from one snapshot. Pages are ordered by id last, so that equal keys
 * do not change places between pages.
 */
#include "base/cleanup.h"
#include "clm/api.h"
#include "clm/fields.h"
#include "clm/label.h"
#include "clm/registry_references.h"
#include "clm/search.h"

#define DEFAULT_ORDER "created_time desc"
#define FEW_MATCHES 1000
#define LIST_MAX_BYTES JSON_MAX_BYTES /* of a page: what our own clients take */

struct listing {
	struct api_request *request;
	struct api_page page;
	struct search_clause clause;
	struct str order;
	struct fields fields;
	struct str total_key; /* for api->totals; null: not to be remembered */
	bool is_keyset;	      /* pages by `after`, not by number */
	int64_t after_us; /* created_time and id of the last one seen; id null: from the start */
	struct str after_id;
	struct str next; /* null: the page was the last */
	struct buf body;
	int64_t total;
	int64_t count;
};

/* --- what is asked --------------------------------------------------------------------------- */

static bool refuse(struct api_request *request, enum problem problem, const struct error *err)
{
	problem_say(request->http, request->response, problem,
		arena_str(request->http->arena, str_of(err->message)));
	return false;
}

static bool refuse_parameter(struct api_request *request, struct violation violation)
{
	const struct problem_details problem = {
		.problem = PROBLEM_VALIDATION,
		.detail = STR("Invalid query parameters"),
		.violations = &violation,
		.violation_count = 1,
	};

	api_refuse(request, &problem);
	return false;
}

/* Only what refers to one resource; under /resources, which has no kind to say what may refer,
 * without effect. */
static bool read_reference(struct listing *listing)
{
	struct api_request *request = listing->request;
	struct arena *arena = request->http->arena;
	const struct kind *kind = request->endpoint->kind;
	struct str type = http_request_parameter(request->http, "ref_type", 0);
	struct str target = http_request_parameter(request->http, "ref_target_id", 0);

	if (kind == NULL || (type.len == 0 && target.len == 0))
		return true;
	if (type.len == 0 || target.len == 0)
		return refuse_parameter(request,
			(struct violation){
				.field = type.len == 0 ? STR("ref_type") : STR("ref_target_id"),
				.message = STR("ref_type and ref_target_id must be provided "
					       "together"),
				.constraint = STR("required")});
	if (registry_find_rule(kind, type) == NULL)
		return refuse_parameter(
			request, (struct violation){.field = STR("ref_type"),
					 .message = arena_printf(arena,
						 "unknown reference type for kind %" STR_F,
						 STR_A(kind->name)),
					 .value = type,
					 .constraint = STR("enum")});
	search_require_reference(arena, &listing->clause, type, target);
	return true;
}

static bool read_order(struct listing *listing)
{
	struct api_request *request = listing->request;
	struct arena *arena = request->http->arena;
	size_t count = 0;
	struct error err;

	for (size_t i = 0;; i++) {
		struct str items = http_request_parameter(request->http, "order", i);

		if (str_is_null(items))
			break;
		while (!str_is_null(items)) {
			if (count++ == SEARCH_MAX_ORDER) {
				error_set(&err, ERROR_INVALID, "order has at most %u items",
					SEARCH_MAX_ORDER);
				return refuse(request, PROBLEM_BAD_REQUEST, &err);
			}
			if (search_add_order(arena, str_cut(&items, ','), &listing->order, &err) !=
				0)
				return refuse(request, PROBLEM_BAD_REQUEST, &err);
		}
	}
	if (listing->order.len == 0)
		listing->order = STR(DEFAULT_ORDER);
	listing->order = arena_printf(arena, "%" STR_F ", id", STR_A(listing->order));
	return true;
}

/* Under /resources a kind may be asked for. */
static bool read_kind(struct listing *listing)
{
	struct api_request *request = listing->request;
	const struct kind *kind = request->endpoint->kind;
	struct str asked = http_request_parameter(request->http, "kind", 0);
	struct error err;

	if (kind == NULL && !str_is_null(asked)) {
		kind = registry_find(request->api->catalog->registry, asked);
		if (kind == NULL) {
			error_set(
				&err, ERROR_INVALID, "Unknown entity kind: %" STR_F, STR_A(asked));
			return refuse(request, PROBLEM_VALIDATION, &err);
		}
	}
	if (kind != NULL)
		search_require(request->http->arena, &listing->clause, "kind", kind->name);
	return true;
}

/* Paging by what was seen last: `after=` begins, `after=<next of the page before>` goes on, at the
 * same cost however far. The token is the last one's place in the default order. */
static bool read_after(struct listing *listing)
{
	struct http_request *http = listing->request->http;
	struct str after = http_request_parameter(http, "after", 0), time;
	struct error err;

	listing->is_keyset = !str_is_null(after);
	if (!listing->is_keyset)
		return true;
	if (!str_is_null(http_request_parameter(http, "page", 0)) ||
		!str_is_null(http_request_parameter(http, "order", 0))) {
		error_set(&err, ERROR_INVALID,
			"after goes with neither page nor order: it pages in the default order");
		return refuse(listing->request, PROBLEM_BAD_REQUEST, &err);
	}
	if (after.len == 0)
		return true;
	listing->after_id = after;
	time = str_cut(&listing->after_id, '.');
	if (str_to_int64(time, &listing->after_us) && listing->after_id.len > 0)
		return true;
	error_set(&err, ERROR_INVALID,
		"after is empty, or the `next` of the page before; '%" STR_F "' is neither",
		STR_A(after));
	return refuse(listing->request, PROBLEM_BAD_REQUEST, &err);
}

static struct str key_of(struct arena *arena, const struct search_clause *clause)
{
	struct str key = clause->text.len > 0 ? clause->text : STR("all");

	for (size_t i = 0; i < clause->value_count && key.len <= TOTALS_KEY_MAX; i++) {
		const struct sql_value *value = &clause->values[i];

		key = arena_printf(arena, "%" STR_F "|%d:%lld:%.17g:%zu:%" STR_F, STR_A(key),
			(int)value->type, (long long)value->integer, value->real, value->text.len,
			STR_A(value->text));
	}
	return key;
}

static bool read_wishes(struct listing *listing)
{
	struct api_request *request = listing->request;
	struct arena *arena = request->http->arena;
	struct str search = http_request_parameter(request->http, "search", 0);
	struct error err;

	if (fields_read(request->http, &listing->fields, &err) != 0)
		return refuse(request, PROBLEM_VALIDATION, &err);
	if (!api_read_page(request, &listing->page) || !read_kind(listing) ||
		!read_reference(listing) || !read_after(listing) || !read_order(listing))
		return false;
	if (!str_is_null(request->parent))
		search_require(arena, &listing->clause, "owner_id", request->parent);
	if (!str_is_null(request->caller.tenancy))
		search_require(arena, &listing->clause, "tenancy", request->caller.tenancy);
	if (str_trim(search).len > 0 && search_add(arena, &listing->clause, search, &err) != 0)
		return refuse(request, PROBLEM_BAD_REQUEST, &err);
	if (arena_is_exhausted(arena)) { /* a clause that lost a part would show too much */
		error_set(&err, ERROR_MEMORY, "no room for the search");
		api_fail(request, &err);
		return false;
	}
	if (!listing->clause.is_fleeting)
		listing->total_key = key_of(arena, &listing->clause);
	if (listing->clause.text.len == 0)
		listing->clause.text = STR("1 = 1");
	return true;
}

/* --- list ------------------------------------------------------------------------------------ */

/*
 * SQLite has no statistics of ours: it walks all of a kind, which for a rare label is most of the
 * work. A plus makes `kind = $1`, always the first, useless as an index, and the label's remains.
 */
static int choose_index(struct sql *sql, struct listing *listing, struct error *err)
{
	struct search_clause *clause = &listing->clause;
	int64_t count = 0;

	if (clause->dialect != SQL_SQLITE || str_is_null(clause->label_key) ||
		!str_starts_with(clause->text, STR("kind = ")))
		return 0;
	if (label_count(sql, clause->label_key, clause->label_value, FEW_MATCHES, &count, err) != 0)
		return -1;
	if (count < FEW_MATCHES)
		clause->text = arena_printf(
			listing->request->http->arena, "+%" STR_F, STR_A(clause->text));
	return 0;
}

static int count_all(struct sql *sql, struct listing *listing, struct error *err)
{
	struct sql_rows *rows;
	int more;

	if (sql_query_text(sql,
		    arena_printf(listing->request->http->arena,
			    "SELECT COUNT(*) FROM resources WHERE %" STR_F,
			    STR_A(listing->clause.text)),
		    listing->clause.values, listing->clause.value_count, &rows, err) != 0)
		return -1;
	more = sql_next(rows, err);
	if (more == 1)
		listing->total = sql_int(rows, 0);
	sql_end(rows);
	return more < 0 ? -1 : 0;
}

static int query_page(
	struct sql *sql, struct listing *listing, struct sql_rows **ret, struct error *err)
{
	struct arena *arena = listing->request->http->arena;
	struct search_clause *clause = &listing->clause;
	struct sql_value values[SEARCH_MAX_VALUES + 4];
	size_t count = clause->value_count;
	struct str beyond = STR("");

	memcpy(values, clause->values, count * sizeof(values[0]));
	if (!str_is_null(listing->after_id)) {
		values[count++] = SQL_INT(listing->after_us);
		values[count++] = SQL_STR(listing->after_id);
		/* The first comparison is for the index, the second for equal times. */
		beyond = arena_printf(arena,
			" AND created_time <= $%zu AND (created_time < $%zu OR id > $%zu)",
			count - 1, count - 1, count);
	}
	values[count++] = SQL_INT(listing->page.size);
	values[count++] = SQL_INT((listing->page.page - 1) * listing->page.size);
	return sql_query_text(sql,
		arena_printf(arena,
			"SELECT " RESOURCE_COLUMNS " FROM resources WHERE %" STR_F "%" STR_F
			" ORDER BY %" STR_F " LIMIT $%zu OFFSET $%zu",
			STR_A(clause->text), STR_A(beyond), STR_A(listing->order), count - 1,
			count),
		values, count, ret, err);
}

static int write_item(struct arena *arena, struct listing *listing, const struct resource *resource,
	struct error *err)
{
	struct json *whole, *chosen;

	if (listing->fields.count == 0) {
		resource_write(&listing->body, resource);
		return 0;
	}
	if (json_parse(arena, resource_text(arena, resource), NULL, &whole, err) != 0)
		return error_prefix(err, "a stored resource");
	chosen = fields_project(&listing->fields, arena, whole);
	if (chosen == NULL)
		return error_set(err, ERROR_MEMORY, "no room for a resource");
	json_write(&listing->body, chosen, JSON_WRITE_COMPACT);
	return 0;
}

static int write_items(
	struct sql_rows *rows, struct arena *arena, struct listing *listing, struct error *err)
{
	int more;

	while ((more = sql_next(rows, err)) == 1) {
		struct resource resource;

		arena_reset(arena);
		resource_from_row(rows, NULL, &resource);
		if (listing->count++ > 0)
			buf_add_byte(&listing->body, ',');
		if (write_item(arena, listing, &resource, err) != 0)
			return -1;
		if (listing->is_keyset && listing->count == listing->page.size)
			listing->next = arena_printf(listing->request->http->arena, "%lld.%" STR_F,
				(long long)resource.created_us, STR_A(resource.id));
	}
	return more;
}

static int write_page(struct sql *sql, struct listing *listing, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct sql_rows *rows;
	int result;

	if (arena == NULL)
		return error_set(err, ERROR_MEMORY, "no room for a list");
	if (query_page(sql, listing, &rows, err) != 0)
		return -1;
	buf_clear(&listing->body); /* the work may run again */
	listing->count = 0;
	listing->next = STR_NULL;
	buf_add_cstr(&listing->body, "{\"items\":[");
	result = write_items(rows, arena, listing, err);
	sql_end(rows);
	if (result != 0)
		return -1;
	buf_printf(&listing->body, "],\"page\":%lld,\"size\":%lld,\"total\":%lld",
		(long long)listing->page.page, (long long)listing->count,
		(long long)listing->total);
	if (!str_is_null(listing->next)) {
		buf_add_cstr(&listing->body, ",\"next\":");
		json_write_string(&listing->body, listing->next, JSON_WRITE_COMPACT);
	}
	buf_add_byte(&listing->body, '}');
	if (arena_is_exhausted(listing->request->http->arena))
		return error_set(err, ERROR_MEMORY, "no room for a list");
	if (listing->body.failed)
		return error_set(err, ERROR_TOO_LARGE,
			"the page is larger than %zu bytes; ask for a smaller size",
			LIST_MAX_BYTES);
	return 0;
}

static int find_total(struct sql *sql, struct listing *listing, struct error *err)
{
	struct api *api = listing->request->api;
	int64_t newest;

	if (feed_newest(sql, api->catalog->feed, &newest, err) != 0)
		return -1;
	if (!str_is_null(listing->total_key) &&
		totals_find(&api->totals, listing->total_key, newest, &listing->total))
		return 0;
	if (count_all(sql, listing, err) != 0)
		return -1;
	totals_keep(&api->totals, listing->total_key, newest, listing->total);
	return 0;
}

/* A store_work: the parent in the path, if there is one, is there. */
static int find_parent(struct sql *sql, void *argument, struct error *err)
{
	struct api_request *request = argument;
	struct scope scope = api_parent_scope(request);
	struct resource parent;

	return str_is_null(request->parent) ? 0
					    : resource_find(sql, request->http->arena, &scope,
						      request->parent, &parent, err);
}

/* A store_work. */
static int list(struct sql *sql, void *argument, struct error *err)
{
	struct listing *listing = argument;

	if (find_parent(sql, listing->request, err) != 0)
		return -1;
	if (choose_index(sql, listing, err) != 0 || find_total(sql, listing, err) != 0)
		return -1;
	return write_page(sql, listing, err);
}

void api_list(struct api_request *request)
{
	struct listing *listing = arena_new_of(request->http->arena, struct listing);
	struct error err = {0};

	if (listing == NULL) {
		error_set(&err, ERROR_MEMORY, "no room for a list");
		api_fail(request, &err);
		return;
	}
	listing->request = request;
	listing->clause.dialect = store_dialect(request->api->catalog->store);
	buf_init(&listing->body, LIST_MAX_BYTES);
	if (!read_wishes(listing))
		return;
	if (store_read(request->api->catalog->store, list, listing, &err) != 0) {
		buf_free(&listing->body);
		api_fail(request, &err);
		return;
	}
	api_answer_buffer(request, 200, &listing->body);
}

/* --- watch ----------------------------------------------------------------------------------- */

static bool read_watch(struct api_request *request, struct watch_wish *wish)
{
	struct str after = http_request_parameter(request->http, "after", 0);
	struct str include = http_request_parameter(request->http, "include", 0);
	struct error err;

	wish->has_after = !str_is_null(after);
	if (wish->has_after && (!str_to_int64(after, &wish->after) || wish->after < 0)) {
		error_set(&err, ERROR_INVALID, "after must be a sequence number, is '%" STR_F "'",
			STR_A(after));
		return refuse(request, PROBLEM_BAD_REQUEST, &err);
	}
	wish->includes_resource = str_eq_c(include, "resource");
	if (!str_is_null(include) && !wish->includes_resource) {
		error_set(&err, ERROR_INVALID, "include can only be 'resource', is '%" STR_F "'",
			STR_A(include));
		return refuse(request, PROBLEM_BAD_REQUEST, &err);
	}
	return true;
}

void api_watch(struct api_request *request)
{
	struct watch_wish wish = {
		.kind = request->endpoint->kind,
		.owner = request->parent,
		.tenancy = request->caller.tenancy,
		.now_us = request->http->now_us,
		.ends_us = request->caller.ends_us,
	};
	struct error err = {0};

	if (!read_watch(request, &wish))
		return;
	if ((!str_is_null(request->parent) &&
		    store_read(request->api->catalog->store, find_parent, request, &err) != 0) ||
		watch_open(request->api->watch, request->http, request->response, &wish, &err) != 0)
		api_fail(request, &err);
}
