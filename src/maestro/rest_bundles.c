/*
 * rest_bundles.c - resource bundles: get, list and delete as Maestro has them; create and update
 * are ours.
 *
 * Reads include bundles that are being deleted.
 */
#include "maestro/bundle_store.h"
#include "maestro/bundle_write.h"
#include "maestro/rest.h"
#include "maestro/rest_fields.h"

static struct str etag(struct arena *arena, const struct bundle *bundle)
{
	return arena_printf(arena, "\"%lld\"", (long long)bundle->version);
}

/* The version that If-Match (RFC 9110, section 13.1.1: `*`, or a list of ETags) asks for, which is
 * the current one; 0 without the header. False when the response is filled: none of them is. */
static bool read_match(
	struct http_request *request, struct http_response *response, int64_t *ret_version)
{
	struct str rest = http_request_header(request, "If-Match");
	struct bundle bundle;
	struct error err;

	*ret_version = 0;
	if (str_is_null(rest))
		return true;
	int found = bundle_read(
		rest_of(request)->server, request->arena, request->variables[0], &bundle, &err);
	if (found < 0) {
		rest_fail_with(request, response, "Unable to read Resource", &err);
		return false;
	}
	while (found == 1 && !str_is_null(rest)) {
		struct str tag = str_trim(str_cut(&rest, ','));

		if (!str_eq_c(tag, "*") && !str_eq(tag, etag(request->arena, &bundle)))
			continue;
		*ret_version = bundle.version;
		return true;
	}
	if (found == 1)
		rest_fail(request, response, REST_PRECONDITION,
			"the resource version is not the wanted one, the latest version: %lld",
			(long long)bundle.version);
	else
		rest_fail(request, response, REST_PRECONDITION,
			"there is no resource with id='%" STR_F "'", STR_A(request->variables[0]));
	return false;
}

/* After read_match, before the write. */
static void fail_changed(struct http_request *request, struct http_response *response)
{
	rest_fail(request, response, REST_PRECONDITION,
		"the resource has been changed meanwhile; read it again");
}

static const struct rest_fields whole = {.count = 0};

static void reply_bundle(struct http_request *request, struct http_response *response, int status,
	const struct bundle *bundle, const struct rest_fields *fields)
{
	http_response_json(request, response, status,
		rest_project(fields, request->arena, bundle_to_json(request->arena, bundle)));
	http_response_header(request, response, STR("ETag"), etag(request->arena, bundle));
}

/* Everything but BUNDLE_DONE. `what` begins the sentence of a failure of the store. */
static void reply_outcome(struct http_request *request, struct http_response *response,
	enum bundle_outcome outcome, const char *what, const struct bundle *bundle,
	struct str problem, const struct error *err)
{
	switch (outcome) {
	case BUNDLE_EXISTS:
		rest_fail(request, response, REST_CONFLICT, "This Resource already exists");
		return;
	case BUNDLE_NOT_FOUND:
		rest_fail(request, response, REST_NOT_FOUND,
			"Resource with id='%" STR_F "' not found", STR_A(request->variables[0]));
		return;
	case BUNDLE_NO_CONSUMER:
		rest_fail(request, response, REST_VALIDATION, "%s", err->message);
		return;
	case BUNDLE_DELETING:
		rest_fail(request, response, REST_CONFLICT,
			"the resource is under deletion, id: %" STR_F, STR_A(bundle->id));
		return;
	case BUNDLE_STALE:
		rest_fail(request, response, REST_CONFLICT,
			"the resource version is not the latest, the latest version: %lld",
			(long long)bundle->version);
		return;
	case BUNDLE_INVALID:
		rest_fail(request, response, REST_VALIDATION,
			"the new manifest bundle in the resource is invalid, %" STR_F,
			STR_A(problem));
		return;
	case BUNDLE_BUSY:
		rest_fail(request, response, REST_CONFLICT,
			"the resource is being changed by others without a pause; try again");
		return;
	case BUNDLE_DONE:
	case BUNDLE_FAILED:
		break;
	}
	rest_fail_with(request, response, what, err);
}

/* --- create, update, delete ------------------------------------------------------------------- */

void rest_create_bundle(struct http_request *request, struct http_response *response)
{
	struct maestro_server *server = rest_of(request)->server;
	enum bundle_outcome outcome;
	struct bundle bundle;
	struct json *body;
	struct str problem;
	struct error err;

	if (!rest_read_body(request, response, &body))
		return;
	problem = bundle_from_request(request->arena, body, clock_now_us(server->clock), &bundle);
	if (!str_is_null(problem)) {
		rest_fail(request, response, REST_VALIDATION,
			"the manifest bundle in the resource is invalid, %" STR_F, STR_A(problem));
		return;
	}
	outcome = bundle_write_create(server, &bundle, &err);
	if (outcome == BUNDLE_DONE)
		reply_bundle(request, response, 201, &bundle, &whole);
	else
		reply_outcome(request, response, outcome, "Unable to create Resource", &bundle,
			problem, &err);
}

static struct str change(struct arena *arena, struct bundle *bundle, const void *body,
	int64_t now_us, bool *ret_changed)
{
	return bundle_change(arena, bundle, body, now_us, ret_changed);
}

void rest_update_bundle(struct http_request *request, struct http_response *response)
{
	struct maestro_server *server = rest_of(request)->server;
	enum bundle_outcome outcome;
	struct bundle bundle;
	const struct json *version;
	struct json *body;
	struct str problem = STR_NULL;
	int64_t wanted = 0, matched;
	struct error err;

	if (!rest_read_body(request, response, &body) || !read_match(request, response, &matched))
		return;
	version = json_get(body, "version");
	if (!json_is_null(version) && !json_to_int(version, &wanted)) {
		rest_fail(request, response, REST_MALFORMED,
			"Invalid request format: version is not an integer");
		return;
	}
	outcome = bundle_write_update(server, request->arena, request->variables[0],
		wanted ? wanted : matched, change, body, &bundle, &problem, &err);
	if (outcome == BUNDLE_DONE)
		reply_bundle(request, response, 200, &bundle, &whole);
	else if (outcome == BUNDLE_STALE && wanted == 0)
		fail_changed(request, response);
	else
		reply_outcome(request, response, outcome, "Unable to update Resource", &bundle,
			problem, &err);
}

void rest_delete_bundle(struct http_request *request, struct http_response *response)
{
	enum bundle_outcome outcome;
	int64_t wanted;
	struct error err;

	if (!read_match(request, response, &wanted))
		return;
	outcome =
		bundle_write_delete(rest_of(request)->server, request->variables[0], wanted, &err);
	if (outcome == BUNDLE_DONE)
		response->status = 204;
	else if (outcome == BUNDLE_STALE)
		fail_changed(request, response);
	else
		rest_fail_with(request, response, "Unable to delete Resource", &err);
}

/* --- get, list -------------------------------------------------------------------------------- */

void rest_get_bundle(struct http_request *request, struct http_response *response)
{
	struct rest_fields fields;
	struct bundle bundle;
	struct error err;

	if (!rest_read_fields(request, response, SEARCH_BUNDLES, &fields))
		return;
	int found = bundle_read(
		rest_of(request)->server, request->arena, request->variables[0], &bundle, &err);
	if (found == 1)
		reply_bundle(request, response, 200, &bundle, &fields);
	else
		reply_outcome(request, response, found == 0 ? BUNDLE_NOT_FOUND : BUNDLE_FAILED,
			"Unable to read Resource", NULL, STR_NULL, &err);
}

struct page_work {
	struct arena *arena;
	struct arena *scratch;
	const struct rest_list *list;
	struct rest_fields fields;
	int64_t total;
	struct json *items;
};

static int read_page(struct sql *sql, void *argument, struct error *err)
{
	struct page_work *work = argument;
	struct arena *arena = work->arena;
	struct search search = work->list->search;
	struct sql_rows *rows;
	struct bundle bundle;
	int rc;

	work->items = json_new_array(arena);
	if (sql_query_text(sql,
		    arena_printf(arena, "SELECT COUNT(*) FROM bundles WHERE %" STR_F,
			    STR_A(search.condition)),
		    search.values, search.count, &rows, err) != 0)
		return -1;
	rc = sql_next(rows, err);
	work->total = rc == 1 ? sql_int(rows, 0) : 0;
	sql_end(rows);
	if (rc < 0)
		return -1;
	search.values[search.count] = SQL_INT(work->list->size);
	search.values[search.count + 1] = SQL_INT((work->list->page - 1) * work->list->size);
	if (sql_query_text(sql,
		    arena_printf(arena,
			    "SELECT " BUNDLE_COLUMNS " FROM bundles WHERE %" STR_F
			    " ORDER BY %" STR_F " LIMIT $%zu OFFSET $%zu",
			    STR_A(search.condition), STR_A(work->list->order), search.count + 1,
			    search.count + 2),
		    search.values, search.count + 2, &rows, err) != 0)
		return -1;
	while ((rc = sql_next(rows, err)) == 1) {
		/* A bundle is taken apart in memory that the next one uses again. */
		arena_reset(work->scratch);
		bundle_from_row(work->scratch, rows, &bundle);
		json_append(work->items,
			json_new_raw(arena,
				arena_str(arena,
					json_text(work->scratch,
						rest_project(&work->fields, work->scratch,
							bundle_to_json(work->scratch, &bundle)),
						JSON_WRITE_COMPACT))));
	}
	sql_end(rows);
	if (rc == 0 && arena_is_exhausted(arena))
		return error_set(
			err, ERROR_TOO_LARGE, "the page is too large; ask with a smaller size");
	return rc;
}

void rest_list_bundles(struct http_request *request, struct http_response *response)
{
	struct rest_list list;
	struct page_work work = {.arena = request->arena, .list = &list};
	struct error err;

	if (!rest_read_list(request, response, SEARCH_BUNDLES, &list) ||
		!rest_read_fields(request, response, SEARCH_BUNDLES, &work.fields))
		return;
	work.scratch = arena_new(0);
	if (work.scratch == NULL)
		rest_fail(request, response, REST_GENERAL, "no memory for a list");
	else if (store_read(rest_of(request)->server->store, read_page, &work, &err) == 0)
		rest_reply_list(
			request, response, "ResourceBundleList", &list, work.total, work.items);
	else
		rest_fail_with(request, response, "Unable to list resources", &err);
	arena_free(work.scratch);
}
