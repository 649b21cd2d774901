/*
 * api_history.c - GET /{plural}/{id}/history: who changed a resource, when and how, newest first;
 * also when it has gone.
 *
 * {"items": [...], "next": 17}: `after=17` goes on with older ones. A resource that never was, or
 * went longer ago than the history is kept, is not found.
 */
#include "clm/api.h"
#include "clm/journal.h"

struct reading_history {
	struct api_request *request;
	struct journal_page page;
	struct buf body;
};

/* A store_work. */
static int read_history(struct sql *sql, void *argument, struct error *err)
{
	struct reading_history *reading = argument;
	struct resource resource;

	buf_clear(&reading->body); /* the work may run again */
	buf_add_cstr(&reading->body, "{\"items\":[");
	if (journal_read(sql, &reading->page, &reading->body, err) != 0)
		return -1;
	if (reading->page.ret_count == 0 &&
		resource_find(sql, reading->request->http->arena, &reading->page.scope,
			reading->page.id, &resource, err) != 0)
		return -1;
	buf_add_byte(&reading->body, ']');
	if (reading->page.ret_next != 0)
		buf_printf(&reading->body, ",\"next\":%lld", (long long)reading->page.ret_next);
	buf_add_byte(&reading->body, '}');
	return 0;
}

static bool read_after(struct api_request *request, int64_t *ret)
{
	struct str after = http_request_parameter(request->http, "after", 0);

	*ret = INT64_MAX;
	if (str_is_null(after) || (str_to_int64(after, ret) && *ret >= 0))
		return true;
	problem_say(request->http, request->response, PROBLEM_BAD_REQUEST,
		arena_printf(request->http->arena,
			"after is the `next` of the page before, a sequence number; is '%" STR_F
			"'",
			STR_A(after)));
	return false;
}

void api_history(struct api_request *request)
{
	struct reading_history reading = {
		.request = request,
		.page = {.scope = api_scope(request), .id = request->id},
	};
	struct api_page page;
	struct error err = {0};

	if (!api_read_page(request, &page) || !read_after(request, &reading.page.before))
		return;
	reading.page.size = page.size;
	buf_init(&reading.body, JSON_MAX_BYTES);
	if (store_read(request->api->catalog->store, read_history, &reading, &err) != 0) {
		buf_free(&reading.body);
		api_fail(request, &err);
		return;
	}
	api_answer_buffer(request, 200, &reading.body);
}
