/*
 * kubeapi_read.c - reading objects.
 *
 * A list is put together from stored text without looking into it, unless a selector or a Table
 * asks for more. Pages after the first are read from the present, not from the first page's past:
 * each object that existed throughout is listed, and a watch from the list's version tells what
 * happened meanwhile.
 */
#include "local/kubeapi_read.h"

#include "base/hash.h"
#include "local/kubeapi_table.h"

/* --- selection ----------------------------------------------------------------------------- */

/* metadata.name and metadata.namespace are columns. Takes the requirement out of the selector. */
static bool to_query(struct kubeapi_selection *selection, size_t index)
{
	struct kubeapi_requirement *requirement = &selection->fields.items[index];
	struct str *column = str_eq_c(requirement->key, "metadata.name") ? &selection->query.name
			     : str_eq_c(requirement->key, "metadata.namespace")
				     ? &selection->query.name_space
				     : NULL;

	if (!column || requirement->relation != KUBEAPI_IN || requirement->values[0].len == 0)
		return false;
	if (column->len > 0 && !str_eq(*column, requirement->values[0]))
		selection->is_impossible = true;
	*column = requirement->values[0];
	selection->fields.items[index] = selection->fields.items[--selection->fields.count];
	return true;
}

int kubeapi_read_selection(struct kubeapi_call *call, struct kubeapi_selection *ret)
{
	struct kubeapi_selection selection = {.query = {.resource = call->type->qualified,
						      .name_space = call->name_space,
						      .name = STR("")}};
	struct error err;

	if (kubeapi_select_labels(call->arena, kubeapi_parameter(call, "labelSelector"),
		    &selection.labels, &err) < 0 ||
		kubeapi_select_fields(call->arena, kubeapi_parameter(call, "fieldSelector"),
			&selection.fields, &err) < 0)
		return kubeapi_fail(&call->failure, 400, "%s", err.message);
	for (size_t i = 0; i < selection.fields.count;) {
		struct str key = selection.fields.items[i].key;
		if (to_query(&selection, i))
			continue;
		if (!str_eq_c(key, "metadata.name") && !str_eq_c(key, "metadata.namespace") &&
			!kubeapi_has_word(call->type->selectable, key))
			return kubeapi_fail(&call->failure, 400,
				"field label not supported: %" STR_F, STR_A(key));
		i++;
	}
	*ret = selection;
	return 0;
}

bool kubeapi_selection_has(const struct kubeapi_selection *selection, struct arena *arena,
	const struct kubeapi_type *type, const struct kubeapi_record *record,
	struct json **ret_parsed)
{
	struct json *object;

	if (selection->labels.count == 0 && selection->fields.count == 0)
		return true;
	if (json_parse(arena,
		    kubeapi_object_text(arena, type->prefix, record->version, record->body), NULL,
		    &object, NULL) < 0)
		return false;
	*ret_parsed = object;
	return kubeapi_select_match_labels(
		       &selection->labels, json_find(object, "metadata", "labels", NULL)) &&
	       kubeapi_select_match_fields(&selection->fields, object);
}

/* --- get ----------------------------------------------------------------------------------- */

static int get(struct kubeapi_call *call)
{
	struct kubeapi_write missing = {
		.type = call->type, .name = call->name, .failure = &call->failure};
	struct kubeapi_record record;
	struct error err;

	if (kubeapi_objects_get(call->server->objects, call->arena, call->type->qualified,
		    call->name_space, call->name, &record, &err) < 0)
		return err.code == ERROR_NOT_FOUND ? kubeapi_write_not_found(&missing)
						   : kubeapi_fail_error(&call->failure, &err);
	kubeapi_answer_object(call, 200, record.version, record.body);
	return 0;
}

void kubeapi_read_get(struct kubeapi_call *call)
{
	if (get(call) < 0)
		kubeapi_answer_failure(call);
}

/* --- pages --------------------------------------------------------------------------------- */

static struct str write_token(
	struct arena *arena, int64_t version, struct str name_space, struct str name)
{
	struct json *token = json_new_object(arena);

	json_set_int(token, "rv", version);
	json_set_text(token, "namespace", name_space);
	json_set_text(token, "name", name);
	return hash_base64(arena, json_text(arena, token, JSON_WRITE_COMPACT));
}

/* The state of the first page, and where this one begins. */
static int read_token(struct kubeapi_call *call, struct kubeapi_query *query, int64_t *ret_version)
{
	struct str text = kubeapi_parameter(call, "continue");
	int64_t last, floor;
	struct json *token;
	struct error err;

	if (text.len == 0)
		return 0;
	text = hash_base64_decode(call->arena, text);
	if (str_is_null(text) || json_parse(call->arena, text, NULL, &token, NULL) < 0 ||
		!json_to_int(json_get(token, "rv"), ret_version) ||
		str_is_null(json_get_text(token, "name")))
		return kubeapi_fail(&call->failure, 400, "continue key is not valid");
	query->after_name_space = json_get_text(token, "namespace");
	query->after_name = json_get_text(token, "name");
	if (kubeapi_objects_versions(call->server->objects, &last, &floor, &err) < 0)
		return kubeapi_fail_error(&call->failure, &err);
	if (*ret_version < floor)
		return kubeapi_fail_reason(&call->failure, 410, "Expired",
			"The provided continue parameter is too old to display a consistent list "
			"result. You can start a new list without the continue parameter.");
	return 0;
}

/* --- list ---------------------------------------------------------------------------------- */

struct listing {
	struct kubeapi_call *call;
	const struct kubeapi_selection *selection;
	struct buf *out;
	struct arena *scratch;
	int64_t now_us;
	int64_t limit; /* 0: none */
	int64_t count;
	struct str next_name_space, next_name; /* the last one of this page, when there are more */
	char last_name_space[256], last_name[256];
};

static void remember(char out[256], struct str text)
{
	size_t len = text.len < 255 ? text.len : 255;

	memcpy(out, text.ptr, len);
	out[len] = '\0';
}

static bool add_item(
	void *context, enum kubeapi_event_type type, const struct kubeapi_record *record)
{
	struct listing *listing = context;
	struct kubeapi_call *call = listing->call;
	struct json *parsed = NULL;

	arena_reset(listing->scratch);
	if (!kubeapi_selection_has(
		    listing->selection, listing->scratch, call->type, record, &parsed))
		return true;
	if (listing->limit > 0 && listing->count == listing->limit) {
		listing->next_name_space = str_of(listing->last_name_space);
		listing->next_name = str_of(listing->last_name);
		return false;
	}
	if (listing->count++ > 0)
		buf_add_byte(listing->out, ',');
	remember(listing->last_name_space, record->name_space);
	remember(listing->last_name, record->name);
	if (call->view.form == KUBEAPI_WHOLE)
		return kubeapi_object_write(
			listing->out, call->type->prefix, record->version, record->body);
	if (!parsed && json_parse(listing->scratch,
			       kubeapi_object_text(listing->scratch, call->type->prefix,
				       record->version, record->body),
			       NULL, &parsed, NULL) < 0)
		return true;
	return json_write(listing->out,
		kubeapi_view_item(
			listing->scratch, &call->view, call->type, parsed, listing->now_us),
		JSON_WRITE_COMPACT);
}

/* Everything before the items; the version, known only after them, follows at the end. */
static void write_head(struct kubeapi_call *call, struct buf *out)
{
	const struct kubeapi_type *type = call->type;

	if (call->view.form == KUBEAPI_WHOLE) {
		buf_printf(out,
			"{\"kind\":\"%" STR_F "\",\"apiVersion\":\"%" STR_F "\",\"items\":[",
			STR_A(type->list_kind), STR_A(type->api_version));
	} else if (call->view.form == KUBEAPI_METADATA) {
		buf_add_cstr(out, "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":"
				  "\"meta.k8s.io/v1\",\"items\":[");
	} else {
		struct json *table = kubeapi_table_new(call->arena, type);
		buf_add_cstr(out, "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\","
				  "\"columnDefinitions\":");
		json_write(out, json_get(table, "columnDefinitions"), JSON_WRITE_COMPACT);
		buf_add_cstr(out, ",\"rows\":[");
	}
}

static void write_tail(struct listing *listing, int64_t version)
{
	buf_printf(
		listing->out, "],\"metadata\":{\"resourceVersion\":\"%lld\"", (long long)version);
	if (listing->next_name.len > 0) {
		buf_add_cstr(listing->out, ",\"continue\":");
		json_write_string(listing->out,
			write_token(listing->call->arena, version, listing->next_name_space,
				listing->next_name),
			0);
	}
	buf_add_cstr(listing->out, "}}\n");
}

static void free_buf(void *arg)
{
	buf_free(arg);
}

static void free_arena(void *arg)
{
	arena_free(arg);
}

static int list(struct kubeapi_call *call, struct kubeapi_selection *selection)
{
	struct listing listing = {.call = call,
		.selection = selection,
		.scratch = arena_new(0),
		.out = arena_new_of(call->arena, struct buf),
		.now_us = clock_now_us(call->server->clock)};
	struct str limit = kubeapi_parameter(call, "limit");
	int64_t first_version = 0, version = 0;
	struct error err;

	if (!listing.scratch || !listing.out ||
		!arena_defer(call->arena, free_arena, listing.scratch))
		return kubeapi_fail(&call->failure, 503, "no memory for a list");
	if (limit.len > 0 && (!str_to_int64(limit, &listing.limit) || listing.limit < 0))
		return kubeapi_fail(&call->failure, 400, "limit must be a number of 0 or more");
	if (read_token(call, &selection->query, &first_version) < 0)
		return -1;
	buf_init(listing.out, KUBEAPI_LIST_MAX_BYTES);
	arena_defer(call->arena, free_buf, listing.out);
	write_head(call, listing.out);
	if (selection->is_impossible)
		selection->query.name = STR("/");
	if (kubeapi_objects_list(call->server->objects, &selection->query, add_item, &listing,
		    &version, &err) < 0)
		return kubeapi_fail_error(&call->failure, &err);
	write_tail(&listing, first_version > 0 ? first_version : version);
	if (listing.out->failed)
		return kubeapi_fail(&call->failure, 413,
			"the list is longer than %zu bytes; ask for it in pages (limit)",
			(size_t)KUBEAPI_LIST_MAX_BYTES);
	kubeapi_answer_text(call, 200, buf_str(listing.out));
	return 0;
}

/* --- watch --------------------------------------------------------------------------------- */

static int check_after(struct kubeapi_call *call, struct kubeapi_watch_request *wanted)
{
	struct str text = kubeapi_parameter(call, "resourceVersion");
	int64_t last, floor;
	struct error err;

	wanted->marks_start = kubeapi_parameter_is_true(call, "sendInitialEvents");
	wanted->from_start = wanted->marks_start || text.len == 0 || str_eq_c(text, "0");
	if (wanted->from_start)
		return 0;
	if (!str_to_int64(text, &wanted->after) || wanted->after < 0)
		return kubeapi_fail(&call->failure, 400,
			"resourceVersion: Invalid value: \"%" STR_F "\"", STR_A(text));
	if (kubeapi_objects_versions(call->server->objects, &last, &floor, &err) < 0)
		return kubeapi_fail_error(&call->failure, &err);
	if (wanted->after < floor || wanted->after > last)
		return kubeapi_fail_reason(&call->failure, 410, "Expired",
			"too %s resource version: %lld (%lld)",
			wanted->after > last ? "large" : "old", (long long)wanted->after,
			(long long)(wanted->after > last ? last : floor));
	return 0;
}

static int watch(struct kubeapi_call *call, const struct kubeapi_selection *selection)
{
	struct kubeapi_watch_request wanted = {.name_space = selection->query.name_space,
		.name = selection->is_impossible ? STR("/") : selection->query.name,
		.labels = selection->labels,
		.fields = selection->fields,
		.view = call->view,
		.bookmarks = kubeapi_parameter_is_true(call, "allowWatchBookmarks")};
	struct str timeout = kubeapi_parameter(call, "timeoutSeconds");

	if (timeout.len > 0 && (!str_to_int64(timeout, &wanted.timeout_s) || wanted.timeout_s < 0))
		return kubeapi_fail(&call->failure, 400, "timeoutSeconds must be 0 or more");
	if (check_after(call, &wanted) < 0)
		return -1;
	wanted.type = kubeapi_types_find(
		call->server->types, call->type->group, call->type->version, call->type->plural);
	if (!wanted.type)
		return kubeapi_fail(
			&call->failure, 404, "the server could not find the requested resource");
	return kubeapi_watches_add(
		call->server->watches, call->request, call->response, &wanted, &call->failure);
}

void kubeapi_read_list(struct kubeapi_call *call)
{
	struct kubeapi_selection selection;
	int result = kubeapi_read_selection(call, &selection);

	if (result == 0)
		result = kubeapi_parameter_is_true(call, "watch") ? watch(call, &selection)
								  : list(call, &selection);
	if (result < 0)
		kubeapi_answer_failure(call);
}
