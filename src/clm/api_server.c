/*
 * api_server.c - requests about the server itself: description, health, metrics.
 */
#include "clm/api.h"
#include "clm/describe.h"

extern const char clm_build_time[]; /* by tools/build-time */

void api_describe(struct api_request *request)
{
	struct json *body = json_new_object(request->http->arena);

	json_set_text(body, "id", STR("hyperfleet"));
	json_set_text(body, "href", STR("/api/hyperfleet"));
	json_set_text(body, "kind", STR("API"));
	json_set_text(body, "version", STR(REEVE_VERSION));
	json_set_text(body, "build_time", str_of(clm_build_time));
	http_response_json(request->http, request->response, 200, body);
}

void api_openapi(struct api_request *request)
{
	request->response->status = 200;
	request->response->body = request->api->description;
}

/* It may run its own script and ask this server; nothing else, and nobody may frame it. */
void api_openapi_page(struct api_request *request)
{
	request->response->status = 200;
	request->response->content_type = STR("text/html; charset=utf-8");
	request->response->body = describe_page();
	http_response_header(request->http, request->response, STR("Content-Security-Policy"),
		STR("default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
		    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action "
		    "'none'"));
}

void api_health(struct api_request *request)
{
	request->response->status = 200;
	request->response->body = STR("{\"status\":\"ok\"}");
}

/* A store_work: the database answers. */
static int ping(struct sql *sql, void *argument, struct error *err)
{
	struct sql_rows *rows;
	int more;

	if (sql_query(sql, "SELECT 1", NULL, 0, &rows, err) != 0)
		return -1;
	more = sql_next(rows, err);
	sql_end(rows);
	return more == 1 ? 0 : -1;
}

void api_ready(struct api_request *request)
{
	struct json *body = json_new_object(request->http->arena);
	struct error err = {0};

	if (atomic_load(&request->api->is_stopping)) {
		json_set_text(body, "status", STR("shutting_down"));
		json_set_text(body, "reason", STR("the server is stopping"));
	} else if (store_read(request->api->catalog->store, ping, NULL, &err) != 0) {
		json_set_text(body, "status", STR("not_ready"));
		json_set_text(body, "reason", arena_str(request->http->arena, str_of(err.message)));
	} else {
		request->response->status = 200;
		request->response->body = STR("{\"status\":\"ok\"}");
		return;
	}
	http_response_json(request->http, request->response, 503, body);
}

/* --- metrics --------------------------------------------------------------------------------- */

void api_metrics(struct api_request *request)
{
	struct api *api = request->api;
	struct error err = {0};
	struct buf out;

	buf_init(&out, 0);
	buf_add_cstr(&out, "# TYPE hyperfleet_api_requests_total counter\n"
			   "# TYPE hyperfleet_api_request_duration_seconds histogram\n");
	for (size_t i = 0; i < api->route_count; i++)
		metrics_write_route(&api->endpoints[i].metrics, &out, api->endpoints[i].method,
			api->endpoints[i].path);
	buf_printf(&out, "# TYPE reeve_clm_watches_open gauge\nreeve_clm_watches_open %zu\n",
		watch_count(api->watch));
	/* A scrape that loses some is better than none: it is then that one looks. */
	if (metrics_write(api->catalog, api->stuck_us, request->http->now_us, &out, &err) != 0)
		log_warn(api->log, "metrics without the resources", LOG_ERROR(&err));
	api_answer_buffer(request, 200, &out);
	if (request->response->status == 200)
		request->response->content_type = STR("text/plain; version=0.0.4; charset=utf-8");
}
