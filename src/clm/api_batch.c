/*
 * api_batch.c - POST /{plural}/batch: several resources by their ids, in one answer.
 *
 * {"ids": ["a", "b"]} gives {"items": [...], "missing": ["b"]}: what there is in the order of the
 * ids, all from one snapshot, and the ids that there are not, or that the caller may not see.
 */
#include "base/cleanup.h"
#include "clm/api.h"

struct batch {
	struct api_request *request;
	const struct json *ids;
	struct json *missing;
	size_t found;
	struct buf body;
};

/* A store_work. */
static int read_all(struct sql *sql, void *argument, struct error *err)
{
	struct batch *batch = argument;
	struct arena *arena = batch->request->http->arena;
	struct scope scope = api_scope(batch->request);
	const struct json *id;

	json_for_each (batch->ids, i, id) {
		struct resource resource;
		struct error failed;

		if (resource_find(sql, arena, &scope, json_str(id), &resource, &failed) != 0) {
			if (failed.code != ERROR_NOT_FOUND) {
				*err = failed;
				return -1;
			}
			json_append(batch->missing, json_new_string(arena, json_str(id)));
			continue;
		}
		if (batch->found++ > 0)
			buf_add_byte(&batch->body, ',');
		resource_write(&batch->body, &resource);
	}
	return 0;
}

static bool refuse(struct api_request *request, enum problem problem, const char *detail)
{
	problem_say(request->http, request->response, problem,
		arena_str(request->http->arena, str_of(detail)));
	return false;
}

static bool read_ids(struct api_request *request, const struct json **ret)
{
	struct json *document;
	const struct json *id;
	struct error err = {0};

	if (json_parse(request->http->arena, request->http->body, NULL, &document, &err) != 0)
		return refuse(request, PROBLEM_MALFORMED, err.message);
	*ret = json_get(document, "ids");
	if (!json_is(*ret, JSON_ARRAY) || json_count(document) != 1)
		return refuse(request, PROBLEM_VALIDATION,
			"a batch is {\"ids\": [...]}, with the ids of resources");
	if (json_count(*ret) > API_MAX_BATCH) {
		error_set(&err, ERROR_INVALID, "a batch has at most %u ids", API_MAX_BATCH);
		return refuse(request, PROBLEM_VALIDATION, err.message);
	}
	json_for_each (*ret, i, id)
		if (!json_is(id, JSON_STRING))
			return refuse(request, PROBLEM_VALIDATION, "an id is text");
	return true;
}

void api_batch(struct api_request *request)
{
	struct batch batch = {.request = request, .missing = json_new_array(request->http->arena)};
	struct error err = {0};

	if (!read_ids(request, &batch.ids))
		return;
	buf_init(&batch.body, JSON_MAX_BYTES);
	buf_add_cstr(&batch.body, "{\"items\":[");
	if (store_read(request->api->catalog->store, read_all, &batch, &err) != 0) {
		buf_free(&batch.body);
		api_fail(request, &err);
		return;
	}
	buf_add_cstr(&batch.body, "],\"missing\":");
	json_write(&batch.body, batch.missing, JSON_WRITE_COMPACT);
	buf_add_byte(&batch.body, '}');
	api_answer_buffer(request, 200, &batch.body);
}
