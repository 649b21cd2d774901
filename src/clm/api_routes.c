/*
 * api_routes.c - which handler serves what, and the way of a request to it.
 *
 * Routes are made at start from a table of what every kind offers, once flat and, for child kinds,
 * once nested under the parent; `/resources` offers the same without a kind.
 */
#include "clm/api.h"
#include "clm/describe.h"
#include "clm/placement.h"

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
	{"POST", "/batch", api_batch, false},
	{"GET", "/{id}", api_get, false},
	{"PATCH", "/{id}", api_patch, true},
	{"DELETE", "/{id}", api_delete, true},
	{"POST", "/{id}/force-delete", api_force_delete, true},
	{"GET", "/{id}/history", api_history, false},
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
	{"GET", RESOURCE_BASE_PATH "/openapi.html", api_openapi_page, false},
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
	if (describe_api(api->arena, registry, &api->description, err) != 0)
		return -1;
	api->epoch = arena_printf(api->arena, "%lld", (long long)store_epoch(api->catalog->store));
	if (arena_is_exhausted(api->arena))
		return error_set(err, ERROR_MEMORY, "no room for the routes");
	return 0;
}

void api_end(struct api *api)
{
	totals_destroy(&api->totals);
	for (size_t i = 0; i < api->route_count; i++)
		metrics_end(&api->endpoints[i].metrics);
}

/* --- one request ----------------------------------------------------------------------------- */

static bool changes(const struct endpoint *endpoint)
{
	return !str_eq_c(STR("GET"), endpoint->method) && endpoint->handle != api_batch;
}

static bool admit(struct api_request *request)
{
	const struct endpoint *endpoint = request->endpoint;
	struct problem_details problem;

	if (endpoint->is_open)
		return true;
	if (!caller_resolve(&request->api->rules, request->api->issuers, request->http,
		    changes(endpoint), &request->caller, &problem)) {
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
	int64_t began_us = clock_monotonic_us();
	struct str last;

	if (request.endpoint->is_nested)
		request.parent = http->variables[0];
	last = http->variables[request.endpoint->is_nested ? 1 : 0];
	request.id = last;
	http_response_header(http, response, STR(API_EPOCH_HEADER), request.api->epoch);
	if (admit(&request))
		request.endpoint->handle(&request);
	metrics_count(
		&request.endpoint->metrics, response->status, clock_monotonic_us() - began_us);
}
