/*
 * maestro.c - see maestro.h.
 *
 * Wiring. A message from an agent goes to the status threads or to the repair thread; the handler
 * itself does no more than look at the type. Starting goes from the store outwards, stopping
 * backwards, so that nobody calls what is gone.
 */
#include "maestro/maestro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maestro/bundle_store.h"
#include "maestro/grpc.h"
#include "maestro/repair.h"
#include "maestro/rest.h"
#include "maestro/rest_reply.h"
#include "maestro/spec_dispatch.h"
#include "maestro/status_pool.h"
#include "maestro/watch.h"

#define SOURCE_ID_MAX 64
#define FILTER_MAX 256
/* A handler waits for its commit: as many writers share one flush of the disk. */
#define HTTP_THREADS 16

struct maestro {
	struct maestro_server server;
	char source_id[SOURCE_ID_MAX];
	struct stop stop;
	struct status_pool *statuses;
	struct repair *repair;
	struct spec_dispatch *dispatch;
	struct watch_hub *watches;
	struct rest rest;
	struct http_server *http;
	struct grpc_server *grpc;
};

/* --- messages -------------------------------------------------------------------------------- */

static void drop(
	struct maestro *maestro, const struct mqtt_message *message, const struct error *err)
{
	atomic_fetch_add(&maestro->server.messages_dropped, 1);
	log_warn(maestro->server.log, "message dropped", LOG_STR("topic", message->topic),
		LOG_ERROR(err));
}

static void on_message(void *context, struct arena *arena, const struct mqtt_message *message)
{
	struct maestro *maestro = context;
	struct cloudevent event;
	struct str action;
	struct error err;

	if (cloudevent_from_mqtt(arena, message, &event, &err) != 0) {
		drop(maestro, message, &err);
		return;
	}
	action = str_starts_with(event.type, STR(SPEC_EVENT_TYPE_PREFIX))
			 ? str_slice(event.type, sizeof(SPEC_EVENT_TYPE_PREFIX) - 1, SIZE_MAX)
			 : STR_NULL;
	if (str_starts_with(action, STR("status."))) {
		status_pool_put(maestro->statuses, &event);
	} else if (str_eq_c(action, "spec.resync_request")) {
		repair_requested(maestro->repair, &event);
	} else {
		error_set(&err, ERROR_INVALID, "unsupported event type %" STR_F, STR_A(event.type));
		drop(maestro, message, &err);
	}
}

static void on_ready(void *context)
{
	struct maestro *maestro = context;

	repair_resubscribed(maestro->repair);
}

/* --- start and stop -------------------------------------------------------------------------- */

static int open_store(
	struct maestro *maestro, const struct maestro_config *config, struct error *err)
{
	const struct store_config store = {
		.url = config->store_url,
		.migrations = bundle_migrations,
		.migration_count = bundle_migration_count,
		.product = "maestro",
		.log = config->log,
	};

	if (store_open(&maestro->server.store, &store, err) != 0)
		return -1;
	return feed_new(&maestro->server.feed, maestro->server.store, "changes", err);
}

static int connect_broker(
	struct maestro *maestro, const struct maestro_config *config, struct error *err)
{
	struct mqtt_config mqtt = {
		.host = config->broker_host,
		.port = config->broker_port,
		.client_id = config->client_id == NULL ? "maestro" : config->client_id,
		.username = config->username,
		.password = config->password,
		.on_message = on_message,
		.on_ready = on_ready,
		.context = maestro,
		.log = config->log,
	};
	const char *group = config->subscription;
	char filter[FILTER_MAX];
	int len = snprintf(filter, sizeof(filter), "%s%s%ssources/%s/consumers/+/agentevents",
		group == NULL ? "" : "$share/", group == NULL ? "" : group,
		group == NULL ? "" : "/", maestro->source_id);

	if (len < 0 || (size_t)len >= sizeof(filter))
		return error_set(
			err, ERROR_INVALID, "the subscription group \"%s\" is too long", group);
	mqtt.filter = filter;
	return mqtt_start(&maestro->server.mqtt, &mqtt, err);
}

static int serve(struct maestro *maestro, const struct maestro_config *config, struct error *err)
{
	const struct http_server_config http = {
		.host = config->host == NULL ? "127.0.0.1" : config->host,
		.port = config->port,
		.threads = HTTP_THREADS,
		.routes = rest_routes,
		.route_count = rest_route_count,
		.error_writer = rest_write_error,
		.lenient_slash = true,
		.in_process = true,
		.context = &maestro->rest,
		.log = config->log,
		.clock = maestro->server.clock,
		.name = "maestro-http",
	};

	maestro->rest = (struct rest){&maestro->server, maestro->watches};
	return http_server_start(&maestro->http, &http, err);
}

static int start_parts(
	struct maestro *maestro, const struct maestro_config *config, struct error *err)
{
	struct maestro_server *server = &maestro->server;

	if (open_store(maestro, config, err) != 0 ||
		status_pool_start(&maestro->statuses, server, err) != 0 ||
		repair_start(&maestro->repair, server, err) != 0 ||
		connect_broker(maestro, config, err) != 0 ||
		spec_dispatch_start(&maestro->dispatch, server, err) != 0 ||
		watch_hub_start(&maestro->watches, server, err) != 0)
		return -1;
	if (serve(maestro, config, err) != 0)
		return -1;
	return maestro_grpc_start(&maestro->grpc, server, config->host, config->grpc_port, err);
}

int maestro_start(struct maestro **ret, const struct maestro_config *config, struct error *err)
{
	const char *source_id = config->source_id == NULL ? "maestro" : config->source_id;
	struct maestro *maestro;

	if (strlen(source_id) >= SOURCE_ID_MAX || source_id[0] == '\0' ||
		strspn(source_id, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(source_id))
		return error_set(err, ERROR_INVALID,
			"source id \"%s\" must have 1 to %d of a-z, 0-9 and -", source_id,
			SOURCE_ID_MAX - 1);
	maestro = calloc(1, sizeof(*maestro));
	if (maestro == NULL)
		return error_set(err, ERROR_MEMORY, "no memory for a Maestro server");
	snprintf(maestro->source_id, sizeof(maestro->source_id), "%s", source_id);
	stop_init(&maestro->stop);
	maestro->server.log = config->log;
	maestro->server.clock = config->clock == NULL ? &clock_system : config->clock;
	maestro->server.source_id = str_of(maestro->source_id);
	maestro->server.stop = &maestro->stop;
	if (start_parts(maestro, config, err) != 0) {
		maestro_stop(maestro);
		return -1;
	}
	*ret = maestro;
	return 0;
}

uint16_t maestro_port(const struct maestro *maestro)
{
	return http_server_port(maestro->http);
}

uint16_t maestro_grpc_port(const struct maestro *maestro)
{
	return grpc_server_port(maestro->grpc);
}

void maestro_stop(struct maestro *maestro)
{
	if (maestro == NULL)
		return;
	stop_request(&maestro->stop);
	grpc_server_stop(maestro->grpc);
	watch_hub_close(maestro->watches);
	http_server_stop(maestro->http);
	watch_hub_free(maestro->watches);
	spec_dispatch_stop(maestro->dispatch);
	repair_stop(maestro->repair);
	status_pool_close(maestro->statuses);
	mqtt_stop(maestro->server.mqtt);
	status_pool_stop(maestro->statuses);
	feed_free(maestro->server.feed);
	store_close(maestro->server.store);
	stop_destroy(&maestro->stop);
	free(maestro);
}
