/*
 * api_status.c - requests on a resource's adapter statuses.
 */
#include "clm/api.h"
#include "clm/body.h"
#include "clm/status.h"

void api_put_status(struct api_request *request)
{
	struct status_put put = {
		.change = api_change(request),
		.scope = api_scope(request),
		.id = request->id,
		.if_match = http_request_header(request->http, "If-Match"),
	};
	struct problem_details problem;
	struct error err = {0};
	struct buf body;

	if (!body_parse_status(request->http->arena, request->http->body, request->http->now_us,
		    &put.report, &problem)) {
		api_refuse(request, &problem);
		return;
	}
	if (store_write_ahead(
		    request->api->catalog->store, status_prefetch, status_put, &put, &err) != 0) {
		api_fail(request, &err);
		return;
	}
	change_count(&put.change);
	if (put.ret_is_discarded) {
		request->response->status = 204;
		return;
	}
	buf_init(&body, 0);
	report_write(&body, &put.ret_stored);
	api_answer_buffer(request, 201, &body);
}

void api_write_statuses(
	struct buf *body, const struct report_list *reports, const struct api_page *page)
{
	size_t first = (size_t)((page->page - 1) * page->size);
	size_t count = 0;

	buf_add_cstr(body, "{\"items\":[");
	while (count < (size_t)page->size && first + count < reports->count) {
		if (count > 0)
			buf_add_byte(body, ',');
		report_write(body, &reports->items[first + count++]);
	}
	buf_printf(body, "],\"page\":%lld,\"size\":%zu,\"total\":%zu}", (long long)page->page,
		count, reports->count);
}

struct reading {
	struct api_request *request;
	struct report_list reports;
};

/* A store_work. */
static int load(struct sql *sql, void *argument, struct error *err)
{
	struct reading *reading = argument;
	struct api_request *request = reading->request;
	struct scope scope = api_scope(request);
	struct resource resource;

	if (resource_find(sql, request->http->arena, &scope, request->id, &resource, err) != 0)
		return -1;
	return report_load(sql, request->http->arena, request->id, &reading->reports, err);
}

void api_list_statuses(struct api_request *request)
{
	struct reading reading = {.request = request};
	struct error err = {0};
	struct api_page page;
	struct buf body;

	if (!api_read_page(request, &page))
		return;
	if (store_read(request->api->catalog->store, load, &reading, &err) != 0) {
		api_fail(request, &err);
		return;
	}
	buf_init(&body, 0);
	api_write_statuses(&body, &reading.reports, &page);
	api_answer_buffer(request, 200, &body);
}
