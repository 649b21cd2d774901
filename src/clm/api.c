/*
 * api.c - see api.h.
 *
 * Routes are made at start from a table of what every kind offers, once flat and, for child kinds,
 * once nested under the parent; `/resources` offers the same without a kind.
 */
#include "clm/api.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "clm/placement.h"

#define PAGE_DEFAULT_SIZE 20
#define PAGE_MAX_SIZE 100
#define PAGE_MAX 100000

/* --- routes ---------------------------------------------------------------------------------- */

struct offer {
	const char *method;
	const char *suffix; /* after the collection's path */
	api_handler handle;
	bool needs_owner_rights;
};

static const struct offer kind_offers[] = {
	{"GET", "", api_list, false},
	{"POST", "", api_create, true},
	{"GET", "/watch", api_watch, false},
	{"GET", "/{id}", api_get, false},
	{"PATCH", "/{id}", api_patch, true},
	{"DELETE", "/{id}", api_delete, true},
	{"POST", "/{id}/force-delete", api_force_delete, true},
	{"GET", "/{id}/statuses", api_list_statuses, false},
	{"PUT", "/{id}/statuses", api_put_status, false},
};

static const struct offer placement_offers[] = {
	{"POST", "/{id}/placement", api_reserve_placement, false},
	{"DELETE", "/{id}/placement", api_free_placement, false},
};

static const struct offer open_offers[] = {
	{"GET", "/api/hyperfleet", api_describe, false},
	{"GET", RESOURCE_BASE_PATH "/openapi", api_openapi, false},
	{"GET", "/healthz", api_health, false},
	{"GET", "/readyz", api_ready, false},
	{"GET", "/metrics", api_metrics, false},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void dispatch(struct http_request *http, struct http_response *response);

static void add(struct api *api, const struct offer *offer, struct str base,
	const struct kind *kind, bool is_nested)
{
	struct endpoint *endpoint = &api->endpoints[api->route_count];
	struct str path = arena_printf(api->arena, "%" STR_F "%s", STR_A(base), offer->suffix);

	endpoint->method = offer->method;
	endpoint->path = path.ptr;
	endpoint->handle = offer->handle;
	endpoint->kind = kind;
	endpoint->is_nested = is_nested;
	endpoint->needs_owner_rights = offer->needs_owner_rights;
	api->routes[api->route_count++] = (struct http_route){
		.method = offer->method,
		.pattern = endpoint->path,
		.handler = dispatch,
		.max_body = API_MAX_BODY,
		.argument = endpoint,
	};
}

static void add_all(struct api *api, const struct offer *offers, size_t count, struct str base,
	const struct kind *kind, bool is_nested)
{
	for (size_t i = 0; i < count; i++)
		add(api, &offers[i], base, kind, is_nested);
}

static void add_kind(struct api *api, const struct kind *kind)
{
	struct str base =
		arena_printf(api->arena, RESOURCE_BASE_PATH "/%" STR_F, STR_A(kind->plural));

	add_all(api, kind_offers, COUNT(kind_offers), base, kind, false);
	if (str_eq_c(kind->name, PLACEMENT_KIND))
		add_all(api, placement_offers, COUNT(placement_offers), base, kind, false);
	if (kind->parent != NULL)
		add_all(api, kind_offers, COUNT(kind_offers),
			arena_printf(api->arena, RESOURCE_BASE_PATH "/%" STR_F "/{parent}/%" STR_F,
				STR_A(kind->parent->plural), STR_A(kind->plural)),
			kind, true);
}

int api_init(struct api *api, struct error *err)
{
	const struct registry *registry = api->catalog->registry;
	size_t most = COUNT(open_offers) + COUNT(placement_offers) +
		      COUNT(kind_offers) * (2 * registry->count + 1);

	api->endpoints = arena_calloc(api->arena, most, sizeof(*api->endpoints));
	api->routes = arena_calloc(api->arena, most, sizeof(*api->routes));
	if (api->endpoints == NULL || api->routes == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the routes");
	add_all(api, open_offers, COUNT(open_offers), STR(""), NULL, false);
	for (size_t i = 0; i < api->route_count; i++)
		api->endpoints[i].is_open = true;
	add_all(api, kind_offers, COUNT(kind_offers),
		STR(RESOURCE_BASE_PATH "/" REGISTRY_ANY_PLURAL), NULL, false);
	for (size_t i = 0; i < registry->count; i++)
		add_kind(api, &registry->kinds[i]);
	if (arena_is_exhausted(api->arena))
		return error_set(err, ERROR_MEMORY, "no room for the routes");
	return 0;
}

/* --- one request ----------------------------------------------------------------------------- */

static bool admit(struct api_request *request)
{
	const struct endpoint *endpoint = request->endpoint;
	struct problem_details problem;

	if (endpoint->is_open)
		return true;
	if (!caller_resolve(&request->api->rules, request->http, &request->caller, &problem)) {
		api_refuse(request, &problem);
		return false;
	}
	request->http->principal = request->caller.actor;
	if (request->caller.is_system && endpoint->needs_owner_rights) {
		problem_say(request->http, request->response, PROBLEM_FORBIDDEN,
			STR("system identities may only write status and conditions"));
		return false;
	}
	return true;
}

static void dispatch(struct http_request *http, struct http_response *response)
{
	struct api_request request = {
		.api = http->context,
		.endpoint = (struct endpoint *)(uintptr_t)http->route->argument,
		.http = http,
		.response = response,
	};
	struct str last;

	if (request.endpoint->is_nested)
		request.parent = http->variables[0];
	last = http->variables[request.endpoint->is_nested ? 1 : 0];
	request.id = last;
	if (admit(&request))
		request.endpoint->handle(&request);
	if (response->status >= 100 && response->status < API_MAX_STATUS)
		atomic_fetch_add(&request.endpoint->answers[response->status / 100], 1);
}

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

void api_answer_resource(struct api_request *request, int status, const struct resource *resource)
{
	struct buf body;

	buf_init(&body, 0);
	resource_write(&body, resource);
	api_answer_buffer(request, status, &body);
	http_response_header(request->http, request->response, STR("ETag"),
		resource_etag(request->http->arena, resource));
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
