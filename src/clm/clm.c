/*
 * clm.c - see clm.h. Starts the parts from the bottom up and stops them from the top down.
 */
#include "clm/clm.h"

#include <stdlib.h>
#include <string.h>

#include "clm/api.h"

/* A handler blocks until its write is durable, and writes that wait together share one commit: this
 * many may. */
#define CLM_THREADS 32u
#define CLM_HOST "127.0.0.1"
#define CLM_SIDE_ROUTES 4u
#define CLM_SIDE_THREADS 2u

struct clm {
	struct registry *registry;
	struct catalog catalog;
	struct api api;
	struct http_server *server;
	struct http_server *health, *metrics; /* NULL: with the API */
};

static int start_server(struct clm *clm, const struct clm_config *config, struct error *err)
{
	const struct http_server_config server = {
		.host = config->host != NULL ? config->host : CLM_HOST,
		.port = config->port,
		.threads = config->threads != 0 ? config->threads : CLM_THREADS,
		.request_timeout_s = config->request_timeout_s,
		.max_body = API_MAX_BODY,
		.routes = clm->api.routes,
		.route_count = clm->api.route_count,
		.error_writer = problem_write_server_error,
		.lenient_slash = true,
		.in_process = true,
		.tls = config->tls.cert_file != NULL ? &config->tls : NULL,
		.gzip = true,
		.context = &clm->api,
		.log = config->log,
		.clock = config->clock,
		.name = "clm",
	};

	return http_server_start(&clm->server, &server, err);
}

/* Some of the API's routes on a port of their own. */
static int start_side(struct clm *clm, const struct clm_config *config, const char *host,
	uint16_t port, const char *const *paths, struct http_server **ret, struct error *err)
{
	struct http_route *routes = arena_calloc(clm->api.arena, CLM_SIDE_ROUTES, sizeof(*routes));
	size_t count = 0;

	if (host == NULL)
		return 0;
	if (routes == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the routes");
	for (; *paths != NULL; paths++)
		for (size_t i = 0; i < clm->api.route_count && count < CLM_SIDE_ROUTES; i++)
			if (strcmp(clm->api.routes[i].pattern, *paths) == 0)
				routes[count++] = clm->api.routes[i];
	const struct http_server_config server = {
		.host = host,
		.port = port,
		.threads = CLM_SIDE_THREADS,
		.routes = routes,
		.route_count = count,
		.error_writer = problem_write_server_error,
		.context = &clm->api, /* and no access log: they are asked every few seconds */
		.clock = config->clock,
		.name = "clm-side",
	};
	return http_server_start(ret, &server, err);
}

static int start_sides(struct clm *clm, const struct clm_config *config, struct error *err)
{
	static const char *const health[] = {"/healthz", "/readyz", NULL};
	static const char *const metrics[] = {"/metrics", NULL};

	if (start_side(clm, config, config->health_host, config->health_port, health, &clm->health,
		    err) != 0)
		return error_prefix(err, "health");
	if (start_side(clm, config, config->metrics_host, config->metrics_port, metrics,
		    &clm->metrics, err) != 0)
		return error_prefix(err, "metrics");
	return 0;
}

static void warn_of_missing_schemas(const struct registry *registry, struct log *log)
{
	for (size_t i = 0; i < registry->count; i++)
		if (!str_is_null(registry->kinds[i].schema_name) &&
			registry->kinds[i].schema == NULL)
			log_warn(log, "the schema is not in the schema file; specs are not checked",
				LOG_STR("kind", registry->kinds[i].name),
				LOG_STR("schema", registry->kinds[i].schema_name));
}

static int start(struct clm *clm, const struct clm_config *config, struct error *err)
{
	if (caller_check_rules(&config->callers, err) != 0 ||
		registry_load(&clm->registry, config->entities_file, config->schema_file, err) !=
			0 ||
		catalog_open(&clm->catalog, config->store_url, clm->registry, config->log, err) !=
			0)
		return -1;
	warn_of_missing_schemas(clm->registry, config->log);
	const char *warning = caller_warning(&config->callers);
	if (warning)
		log_warn(config->log, warning);
	clm->api.catalog = &clm->catalog;
	totals_init(&clm->api.totals);
	clm->api.rules = config->callers;
	clm->api.log = config->log;
	clm->api.stuck_us = config->stuck_us;
	clm->api.arena = arena_new(0);
	if (clm->api.arena == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the API");
	if (config->callers.needs_token &&
		issuers_open(&clm->api.issuers, config->callers.issuers,
			config->callers.issuer_count, config->log, err) != 0)
		return -1;
	if (api_init(&clm->api, err) != 0 || watch_start(&clm->api.watch, &clm->catalog,
						     &config->retention, config->log, err) != 0)
		return -1;
	return start_server(clm, config, err) != 0 ? -1 : start_sides(clm, config, err);
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

uint16_t clm_health_port(const struct clm *clm)
{
	return clm->health != NULL ? http_server_port(clm->health) : 0;
}

uint16_t clm_metrics_port(const struct clm *clm)
{
	return clm->metrics != NULL ? http_server_port(clm->metrics) : 0;
}

void clm_stop(struct clm *clm)
{
	if (clm == NULL)
		return;
	atomic_store(&clm->api.is_stopping, true);
	watch_stop(clm->api.watch);
	http_server_stop(clm->server);
	http_server_stop(clm->health); /* says that we are stopping until the last moment */
	http_server_stop(clm->metrics);
	watch_free(clm->api.watch);
	if (clm->catalog.store != NULL)
		catalog_close(&clm->catalog);
	issuers_close(clm->api.issuers);
	api_end(&clm->api);
	arena_free(clm->api.arena);
	registry_free(clm->registry);
	free(clm);
}
