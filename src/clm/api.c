/*
 * api.c - see api.h: what handlers share. Routes are in api_routes.c.
 */
#include "clm/api.h"

#include <stdlib.h>

#include "base/cleanup.h"

#define PAGE_DEFAULT_SIZE 20
#define PAGE_MAX_SIZE 100
#define PAGE_MAX 100000

struct scope api_scope(const struct api_request *request)
{
	return (struct scope){
		.kind = request->endpoint->kind,
		.owner = request->parent,
		.tenancy = request->caller.tenancy,
	};
}

struct scope api_parent_scope(const struct api_request *request)
{
	const struct kind *kind = request->endpoint->kind;

	return (struct scope){
		.kind = kind != NULL ? kind->parent : NULL,
		.tenancy = request->caller.tenancy,
	};
}

struct change api_change(const struct api_request *request)
{
	return (struct change){
		.catalog = request->api->catalog,
		.arena = request->http->arena,
		.now_us = request->http->now_us,
		.actor = request->caller.actor,
	};
}

/* --- answers --------------------------------------------------------------------------------- */

void api_answer_buffer(struct api_request *request, int status, struct buf *body)
{
	if (body->failed || !arena_defer(request->http->arena, free, body->ptr)) {
		const struct error err = {ERROR_MEMORY, "no room for the answer"};

		if (body->failed)
			buf_free(body);
		api_fail(request, &err);
		return;
	}
	request->response->status = status;
	request->response->body = buf_str(body);
	http_response_header(request->http, request->response, STR("Vary"), STR("Authorization"));
}

struct str api_etag(struct api_request *request, const struct resource *resource)
{
	return resource_etag(
		request->http->arena, resource, store_epoch(request->api->catalog->store));
}

void api_answer_resource(struct api_request *request, int status, const struct resource *resource)
{
	struct buf body;

	buf_init(&body, 0);
	resource_write(&body, resource);
	api_answer_buffer(request, status, &body);
	http_response_header(
		request->http, request->response, STR("ETag"), api_etag(request, resource));
}

void api_fail(struct api_request *request, const struct error *err)
{
	if (error_http_status(err->code) >= 500)
		log_error(request->api->log, "a request failed",
			LOG_STR("request", request->http->id), LOG_STR("path", request->http->path),
			LOG_ERROR(err));
	problem_answer_error(request->http, request->response, err);
}

void api_refuse(struct api_request *request, const struct problem_details *problem)
{
	problem_answer(request->http, request->response, problem);
}

/* --- pages ----------------------------------------------------------------------------------- */

struct bound {
	const char *name;
	int64_t fallback;
	int64_t most;
};

static bool read_number(struct api_request *request, const struct bound *bound,
	struct violation *violation, int64_t *ret)
{
	struct str text = http_request_parameter(request->http, bound->name, 0);
	struct arena *arena = request->http->arena;
	int64_t number = bound->fallback;

	*violation = (struct violation){.field = str_of(bound->name), .value = text};
	if (!str_is_null(text) && !str_to_int64(text, &number)) {
		violation->message = STR("must be a valid integer");
		violation->constraint = STR("format");
	} else if (number < 1) {
		violation->message = arena_printf(arena, "%s must be at least 1", bound->name);
		violation->constraint = STR("min");
	} else if (number > bound->most) {
		violation->message = arena_printf(
			arena, "%s must be at most %lld", bound->name, (long long)bound->most);
		violation->constraint = STR("max");
	} else {
		*ret = number;
		return true;
	}
	return false;
}

bool api_read_page(struct api_request *request, struct api_page *ret)
{
	static const struct bound page = {"page", 1, PAGE_MAX};
	static const struct bound size = {"size", PAGE_DEFAULT_SIZE, PAGE_MAX_SIZE};
	struct violation violations[2];
	struct problem_details problem = {
		.problem = PROBLEM_VALIDATION,
		.detail = STR("Invalid query parameters"),
		.violations = violations,
	};

	if (!read_number(request, &page, &violations[0], &ret->page))
		problem.violation_count++;
	if (!read_number(request, &size, &violations[problem.violation_count], &ret->size))
		problem.violation_count++;
	if (problem.violation_count == 0)
		return true;
	api_refuse(request, &problem);
	return false;
}
