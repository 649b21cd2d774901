/*
 * clm.c - see clm.h. Starts the parts from the bottom up and stops them from the top down.
 */
#include "clm/clm.h"

#include <stdlib.h>

#include "clm/api.h"

/* A handler blocks until its write is durable, and writes that wait together share one commit: this
 * many may. */
#define CLM_THREADS 32u
#define CLM_HOST "127.0.0.1"

struct clm {
	struct registry *registry;
	struct catalog catalog;
	struct api api;
	struct http_server *server;
};

static int start_server(struct clm *clm, const struct clm_config *config, struct error *err)
{
	const struct http_server_config server = {
		.host = config->host != NULL ? config->host : CLM_HOST,
		.port = config->port,
		.threads = config->threads != 0 ? config->threads : CLM_THREADS,
		.max_body = API_MAX_BODY,
		.routes = clm->api.routes,
		.route_count = clm->api.route_count,
		.error_writer = problem_write_server_error,
		.lenient_slash = true,
		.in_process = true,
		.context = &clm->api,
		.log = config->log,
		.clock = config->clock,
		.name = "clm",
	};

	return http_server_start(&clm->server, &server, err);
}

static int start(struct clm *clm, const struct clm_config *config, struct error *err)
{
	if (caller_check_rules(&config->callers, err) != 0 ||
		registry_load(&clm->registry, config->entities_file, config->schema_file, err) !=
			0 ||
		catalog_open(&clm->catalog, config->store_url, clm->registry, config->log, err) !=
			0)
		return -1;
	clm->api.catalog = &clm->catalog;
	clm->api.rules = config->callers;
	clm->api.log = config->log;
	clm->api.arena = arena_new(0);
	if (clm->api.arena == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the API");
	if (api_init(&clm->api, err) != 0 ||
		watch_start(&clm->api.watch, &clm->catalog, config->log, err) != 0)
		return -1;
	return start_server(clm, config, err);
}

int clm_start(struct clm **ret, const struct clm_config *config, struct error *err)
{
	struct clm *clm = calloc(1, sizeof(*clm));

	if (clm == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the API");
	if (start(clm, config, err) != 0) {
		clm_stop(clm);
		return -1;
	}
	*ret = clm;
	return 0;
}

uint16_t clm_port(const struct clm *clm)
{
	return http_server_port(clm->server);
}

void clm_stop(struct clm *clm)
{
	if (clm == NULL)
		return;
	atomic_store(&clm->api.is_stopping, true);
	watch_stop(clm->api.watch);
	http_server_stop(clm->server);
	watch_free(clm->api.watch);
	if (clm->catalog.store != NULL)
		catalog_close(&clm->catalog);
	arena_free(clm->api.arena);
	registry_free(clm->registry);
	free(clm);
}
