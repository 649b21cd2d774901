/*
 * rest.c - see rest.h.
 */
#include "maestro/rest.h"

#include "maestro/rest_reply.h"
#include "maestro/watch.h"

/* A bundle's manifests may have 500 KiB; the rest of the request needs little. */
#define MAX_BUNDLE_BODY ((size_t)1 << 20)
#define MAX_CONSUMER_BODY ((size_t)256 << 10)

static void describe_api(struct http_request *request, struct http_response *response)
{
	response->status = 200;
	response->body = STR("{\"id\":\"maestro\",\"kind\":\"API\",\"href\":\"/api/maestro\","
			     "\"versions\":[{\"id\":\"v1\",\"kind\":\"\","
			     "\"href\":\"/api/maestro/v1\",\"collections\":null}]}");
}

static void describe_version(struct http_request *request, struct http_response *response)
{
	response->status = 200;
	response->body = STR("{\"id\":\"v1\",\"kind\":\"APIVersion\",\"href\":\"/api/maestro/v1\","
			     "\"collections\":["
			     "{\"id\":\"consumers\",\"kind\":\"ConsumerList\","
			     "\"href\":\"/api/maestro/v1/consumers\"},"
			     "{\"id\":\"resource-bundles\",\"kind\":\"ResourceBundleList\","
			     "\"href\":\"/api/maestro/v1/resource-bundles\"}]}");
}

/* 200 while the store answers and the broker is connected; for health checks. */
static void health(struct http_request *request, struct http_response *response)
{
	bool is_ready = mqtt_is_ready(rest_of(request)->server->mqtt);

	response->status = is_ready ? 200 : 503;
	response->body = is_ready ? STR("{\"status\":\"ok\"}") : STR("{\"status\":\"not ready\"}");
}

const struct http_route rest_routes[] = {
	{"GET", "/api/maestro", describe_api, 0, NULL},
	{"GET", REST_BASE, describe_version, 0, NULL},
	{"GET", REST_BASE "/errors", rest_errors, 0, NULL},
	{"GET", REST_BASE "/errors/{id}", rest_error, 0, NULL},
	{"GET", REST_BASE "/consumers", rest_list_consumers, 0, NULL},
	{"POST", REST_BASE "/consumers", rest_create_consumer, MAX_CONSUMER_BODY, NULL},
	{"GET", REST_BASE "/consumers/{id}", rest_get_consumer, 0, NULL},
	{"PATCH", REST_BASE "/consumers/{id}", rest_update_consumer, MAX_CONSUMER_BODY, NULL},
	{"DELETE", REST_BASE "/consumers/{id}", rest_delete_consumer, 0, NULL},
	{"GET", REST_BASE "/resource-bundles/watch", bundle_watch_open, 0, NULL},
	{"GET", REST_BASE "/resource-bundles", rest_list_bundles, 0, NULL},
	{"POST", REST_BASE "/resource-bundles", rest_create_bundle, MAX_BUNDLE_BODY, NULL},
	{"GET", REST_BASE "/resource-bundles/{id}", rest_get_bundle, 0, NULL},
	{"PATCH", REST_BASE "/resource-bundles/{id}", rest_update_bundle, MAX_BUNDLE_BODY, NULL},
	{"DELETE", REST_BASE "/resource-bundles/{id}", rest_delete_bundle, 0, NULL},
	{"GET", "/healthcheck", health, 0, NULL},
};
const size_t rest_route_count = sizeof(rest_routes) / sizeof(rest_routes[0]);
