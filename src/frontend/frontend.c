/*
 * frontend.c - the route table, starting and stopping.
 */
#include "frontend/frontend.h"

#include <stdlib.h>

#include "frontend/clusters.h"
#include "frontend/management_clusters.h"
#include "frontend/service.h"

/* Answered without a signature. */
static const char is_open[] = "open";

static void answer_health(struct http_request *request, struct http_response *response)
{
	(void)request;
	response->status = 200;
	response->body = STR("{\"status\":\"ok\"}");
}

static const struct http_route routes[] = {
	{"GET", "/api/v0/live", answer_health, 0, is_open},
	{"GET", "/api/v0/ready", answer_health, 0, is_open},
	{"GET", "/api/v0/clusters", clusters_list, 0, NULL},
	{"POST", "/api/v0/clusters", clusters_create, 0, NULL},
	{"GET", "/api/v0/clusters/{id}", clusters_get, 0, NULL},
	{"PUT", "/api/v0/clusters/{id}", clusters_update, 0, NULL},
	{"PATCH", "/api/v0/clusters/{id}", clusters_update, 0, NULL},
	{"DELETE", "/api/v0/clusters/{id}", clusters_delete, 0, NULL},
	{"GET", "/api/v0/clusters/{id}/statuses", clusters_statuses, 0, NULL},
	{"GET", "/api/v0/management_clusters", management_clusters_list, 0, NULL},
	{"POST", "/api/v0/management_clusters", management_clusters_create, 0, NULL},
	{"GET", "/api/v0/management_clusters/{id}", management_clusters_get, 0, NULL},
};

static bool before(struct http_request *request, struct http_response *response)
{
	if (request->route->argument == is_open)
		return true;
	return service_authenticate(request, response);
}

static int start_server(struct frontend *frontend, struct error *err)
{
	const struct frontend_config *config = &frontend->config;
	struct http_server_config server = {.host = config->host,
		.port = config->port,
		.threads = FRONTEND_THREADS,
		.max_body = FRONTEND_MAX_BODY,
		.routes = routes,
		.route_count = sizeof(routes) / sizeof(routes[0]),
		.error_writer = service_server_error,
		.before = before,
		.context = frontend,
		.log = config->log,
		.clock = config->clock,
		.name = "frontend"};

	return http_server_start(&frontend->server, &server, err);
}

int frontend_start(struct frontend **ret, const struct frontend_config *config, struct error *err)
{
	struct frontend *frontend = calloc(1, sizeof(*frontend));
	struct http_client_config clm = {
		.base_url = config->clm_url, .user_agent = "reeve-frontend/" REEVE_VERSION};

	if (!frontend)
		return error_set(err, ERROR_MEMORY, "no memory for the frontend");
	frontend->config = *config;
	if (key_ring_open(&frontend->keys, config->key_ring_file, err) < 0 ||
		http_client_new(&frontend->clm, &clm, err) < 0 || start_server(frontend, err) < 0) {
		frontend_stop(frontend);
		return -1;
	}
	*ret = frontend;
	return 0;
}

uint16_t frontend_port(const struct frontend *frontend)
{
	return http_server_port(frontend->server);
}

void frontend_stop(struct frontend *frontend)
{
	if (!frontend)
		return;
	http_server_stop(frontend->server);
	http_client_free(frontend->clm);
	key_ring_close(frontend->keys);
	free(frontend);
}
