/*
 * rest_bundles.c - resource bundles: get, list and delete as Maestro has them; create and update
 * are ours.
 *
 * A change is computed on the request's own thread and committed with a compare on the version, so
 * that the store's one writer only writes. Reads include bundles that are being deleted.
 */
#include "maestro/bundle_store.h"
#include "maestro/rest.h"
#include "maestro/rest_reply.h"

/* Tries of an update that names no version, when others update the same bundle. */
#define UPDATE_TRIES 20

struct bundle_work {
	struct http_request *request;
	struct maestro_server *server;
	struct bundle bundle;
	bool is_found;
	int64_t base_version; /* that the change was computed from */
	int64_t now_us;
	const struct rest_list *list;
	int64_t total;
	struct json *items;
};

static struct bundle_work work_for(struct http_request *request)
{
	struct maestro_server *server = rest_of(request)->server;

	return (struct bundle_work){
		.request = request,
		.server = server,
		.now_us = clock_now_us(server->clock),
	};
}

static void reply_bundle(struct http_request *request, struct http_response *response, int status,
	const struct bundle *bundle)
{
	http_response_json(request, response, status, bundle_to_json(request->arena, bundle));
}

static void reply_not_found(struct http_request *request, struct http_response *response)
{
	rest_fail(request, response, REST_NOT_FOUND, "Resource with id='%" STR_F "' not found",
		STR_A(request->variables[0]));
}

static int read_one(struct sql *sql, void *argument, struct error *err)
{
	struct bundle_work *work = argument;
	int found = bundle_load(
		sql, work->request->arena, work->request->variables[0], &work->bundle, err);

	work->is_found = found == 1;
	return found < 0 ? -1 : 0;
}

/* --- create ---------------------------------------------------------------------------------- */

static int insert(struct sql *sql, void *argument, struct error *err)
{
	struct bundle_work *work = argument;

	return bundle_insert(sql, work->server->feed, &work->bundle, err);
}

void rest_create_bundle(struct http_request *request, struct http_response *response)
{
	struct bundle_work work = work_for(request);
	struct json *body;
	struct str problem;
	struct error err;

	if (!rest_read_body(request, response, &body))
		return;
	problem = bundle_from_request(request->arena, body, work.now_us, &work.bundle);
	if (!str_is_null(problem))
		rest_fail(request, response, REST_VALIDATION,
			"the manifest bundle in the resource is invalid, %" STR_F, STR_A(problem));
	else if (store_write(work.server->store, insert, &work, &err) == 0)
		reply_bundle(request, response, 201, &work.bundle);
	else if (err.code == ERROR_CONFLICT)
		rest_fail(request, response, REST_CONFLICT, "This Resource already exists");
	else if (err.code == ERROR_NOT_FOUND)
		rest_fail(request, response, REST_VALIDATION, "%s", err.message);
	else
		rest_fail_with(request, response, "Unable to create Resource", &err);
}

/* --- get, list ------------------------------------------------------------------------------- */

void rest_get_bundle(struct http_request *request, struct http_response *response)
{
	struct bundle_work work = work_for(request);
	struct error err;

	if (store_read(work.server->store, read_one, &work, &err) != 0)
		rest_fail_with(request, response, "Unable to read Resource", &err);
	else if (!work.is_found)
		reply_not_found(request, response);
	else
		reply_bundle(request, response, 200, &work.bundle);
}

static int read_page(struct sql *sql, void *argument, struct error *err)
{
	struct bundle_work *work = argument;
	struct arena *arena = work->request->arena;
	struct search search = work->list->search;
	struct sql_rows *rows;
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
		bundle_from_row(arena, rows, &work->bundle);
		json_append(work->items, bundle_to_json(arena, &work->bundle));
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
	struct bundle_work work = work_for(request);
	struct error err;

	work.list = &list;
	if (!rest_read_list(request, response, SEARCH_BUNDLES, &list))
		return;
	if (store_read(work.server->store, read_page, &work, &err) == 0)
		rest_reply_list(
			request, response, "ResourceBundleList", &list, work.total, work.items);
	else
		rest_fail_with(request, response, "Unable to list resources", &err);
}

/* --- update ---------------------------------------------------------------------------------- */

/* Writes the change unless the bundle has moved on: then work->bundle is what it is now, and
 * base_version differs from its version. */
static int save(struct sql *sql, void *argument, struct error *err)
{
	struct bundle_work *work = argument;
	struct bundle current;
	int found = bundle_load(sql, work->request->arena, work->bundle.id, &current, err);

	if (found < 0)
		return -1;
	work->is_found = found == 1;
	if (found == 0 || current.version != work->base_version || bundle_is_deleting(&current))
		return 0;
	work->bundle.version = work->base_version + 1;
	return bundle_save_spec(sql, work->server->feed, &work->bundle, BUNDLE_EVENT_UPDATED, err);
}

enum update_step { UPDATE_DONE, UPDATE_AGAIN };

static enum update_step try_update(struct http_request *request, struct http_response *response,
	const struct json *body, struct bundle_work *work)
{
	struct bundle *bundle = &work->bundle;
	int64_t wanted = json_int(json_get(body, "version"), 0);
	bool is_changed = false;
	struct str problem;
	struct error err;

	if (store_read(work->server->store, read_one, work, &err) != 0) {
		rest_fail_with(request, response, "Unable to read Resource", &err);
		return UPDATE_DONE;
	}
	if (!work->is_found) {
		reply_not_found(request, response);
		return UPDATE_DONE;
	}
	if (bundle_is_deleting(bundle)) {
		rest_fail(request, response, REST_CONFLICT,
			"the resource is under deletion, id: %" STR_F, STR_A(bundle->id));
		return UPDATE_DONE;
	}
	if (wanted != 0 && wanted != bundle->version) {
		rest_fail(request, response, REST_CONFLICT,
			"the resource version is not the latest, the latest version: %lld",
			(long long)bundle->version);
		return UPDATE_DONE;
	}
	work->base_version = bundle->version;
	problem = bundle_change(request->arena, bundle, body, work->now_us, &is_changed);
	if (!str_is_null(problem)) {
		rest_fail(request, response, REST_VALIDATION,
			"the new manifest bundle in the resource is invalid, %" STR_F,
			STR_A(problem));
		return UPDATE_DONE;
	}
	if (is_changed && store_write(work->server->store, save, work, &err) != 0) {
		rest_fail_with(request, response, "Unable to update Resource", &err);
		return UPDATE_DONE;
	}
	if (is_changed && bundle->version == work->base_version)
		return UPDATE_AGAIN;
	reply_bundle(request, response, 200, bundle);
	return UPDATE_DONE;
}

void rest_update_bundle(struct http_request *request, struct http_response *response)
{
	struct bundle_work work = work_for(request);
	const struct json *version;
	struct json *body;
	int64_t unused;

	if (!rest_read_body(request, response, &body))
		return;
	version = json_get(body, "version");
	if (!json_is_null(version) && !json_to_int(version, &unused)) {
		rest_fail(request, response, REST_MALFORMED,
			"Invalid request format: version is not an integer");
		return;
	}
	for (int i = 0; i < UPDATE_TRIES; i++) {
		if (try_update(request, response, body, &work) == UPDATE_DONE)
			return;
	}
	rest_fail(request, response, REST_CONFLICT,
		"the resource is being changed by others without a pause; try again");
}

/* --- delete ---------------------------------------------------------------------------------- */

static int mark_deleting(struct sql *sql, void *argument, struct error *err)
{
	struct bundle_work *work = argument;
	int found = bundle_load_for_status(
		sql, work->request->arena, work->request->variables[0], &work->bundle, err);

	if (found <= 0 || bundle_is_deleting(&work->bundle))
		return found < 0 ? -1 : 0;
	return bundle_mark_deleting(sql, work->server->feed, &work->bundle, work->now_us, err);
}

void rest_delete_bundle(struct http_request *request, struct http_response *response)
{
	struct bundle_work work = work_for(request);
	struct error err;

	if (store_write(work.server->store, mark_deleting, &work, &err) == 0)
		response->status = 204;
	else
		rest_fail_with(request, response, "Unable to delete Resource", &err);
}
