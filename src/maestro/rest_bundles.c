/*
 * rest_bundles.c - resource bundles: get, list and delete as Maestro has them; create and update
 * are ours.
 *
 * Reads include bundles that are being deleted.
 */
#include "maestro/bundle_store.h"
#include "maestro/bundle_write.h"
#include "maestro/rest.h"
#include "maestro/rest_reply.h"

static void reply_bundle(struct http_request *request, struct http_response *response, int status,
	const struct bundle *bundle)
{
	http_response_json(request, response, status, bundle_to_json(request->arena, bundle));
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
		reply_bundle(request, response, 201, &bundle);
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
	int64_t wanted = 0;
	struct error err;

	if (!rest_read_body(request, response, &body))
		return;
	version = json_get(body, "version");
	if (!json_is_null(version) && !json_to_int(version, &wanted)) {
		rest_fail(request, response, REST_MALFORMED,
			"Invalid request format: version is not an integer");
		return;
	}
	outcome = bundle_write_update(server, request->arena, request->variables[0], wanted, change,
		body, &bundle, &problem, &err);
	if (outcome == BUNDLE_DONE)
		reply_bundle(request, response, 200, &bundle);
	else
		reply_outcome(request, response, outcome, "Unable to update Resource", &bundle,
			problem, &err);
}

void rest_delete_bundle(struct http_request *request, struct http_response *response)
{
	struct error err;

	if (bundle_write_delete(rest_of(request)->server, request->variables[0], &err) ==
		BUNDLE_DONE)
		response->status = 204;
	else
		rest_fail_with(request, response, "Unable to delete Resource", &err);
}

/* --- get, list -------------------------------------------------------------------------------- */

void rest_get_bundle(struct http_request *request, struct http_response *response)
{
	struct bundle bundle;
	struct error err;
	int found = bundle_read(
		rest_of(request)->server, request->arena, request->variables[0], &bundle, &err);

	if (found == 1)
		reply_bundle(request, response, 200, &bundle);
	else
		reply_outcome(request, response, found == 0 ? BUNDLE_NOT_FOUND : BUNDLE_FAILED,
			"Unable to read Resource", NULL, STR_NULL, &err);
}

struct page_work {
	struct arena *arena;
	struct arena *scratch;
	const struct rest_list *list;
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
				arena_str(arena, json_text(work->scratch,
							 bundle_to_json(work->scratch, &bundle),
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

	if (!rest_read_list(request, response, SEARCH_BUNDLES, &list))
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
