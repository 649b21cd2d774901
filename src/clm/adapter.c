/*
 * adapter.c - the threads around a task: subscription, watch and workers.
 */
#include "clm/adapter.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "clm/adapter_params.h"
#include "clm/adapter_queue.h"
#include "clm/adapter_run.h"
#include "clm/adapter_watch.h"
#include "net/cloudevent.h"

struct adapter {
	struct arena *arena; /* files and copied texts; unchanged after start */
	struct adapter_settings settings;
	struct adapter_task task;
	struct adapter_context context;
	struct stop stop;
	struct http_client *api, *maestro;
	struct mqtt *mqtt;
	struct adapter_queue *queue;
	struct adapter_watch *watch;
	struct thread *workers[ADAPTER_MAX_THREADS];
	unsigned worker_count;
	atomic_uint_fast64_t events, bundle_events, succeeded, skipped, failed, dropped;
};

/* --- what comes in --------------------------------------------------------------------------- */

/* Queues the work for an event's data; its id is the key. */
static void enqueue(
	struct adapter *adapter, struct arena *arena, struct str data, enum adapter_line line)
{
	struct json *document = NULL;
	struct error err = {0};
	if (json_parse(arena, data, NULL, &document, &err) == 0 &&
		str_is_empty(json_get_text(document, "id")))
		error_set(&err, ERROR_INVALID, "its data has no id");
	if (err.code == ERROR_NONE) {
		adapter_queue_put(adapter->queue, json_get_text(document, "id"), data, line);
		return;
	}
	atomic_fetch_add(&adapter->dropped, 1);
	log_warn(adapter->context.log, "an event is unreadable and was dropped", LOG_ERROR(&err));
}

static void on_message(void *context, struct arena *arena, const struct mqtt_message *message)
{
	struct adapter *adapter = context;
	struct cloudevent event;
	struct error err = {0};
	atomic_fetch_add(&adapter->events, 1);
	if (cloudevent_from_mqtt(arena, message, &event, &err) == 0) {
		enqueue(adapter, arena, event.data, ADAPTER_LINE_EVENT);
		return;
	}
	atomic_fetch_add(&adapter->dropped, 1);
	log_warn(adapter->context.log, "a message is no CloudEvent and was dropped",
		LOG_STR("topic", message->topic), LOG_ERROR(&err));
}

static void on_bundle_event(void *context, struct str event, enum adapter_line line)
{
	struct adapter *adapter = context;
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	atomic_fetch_add(&adapter->bundle_events, 1);
	if (arena)
		enqueue(adapter, arena, event, line);
}

/* --- work ------------------------------------------------------------------------------------ */

static void work_on(
	struct adapter *adapter, struct arena *arena, struct adapter_item *item, struct str event)
{
	struct log *log = adapter->context.log;
	struct error err = {0};
	enum adapter_outcome outcome = adapter_run(&adapter->context, arena, event, &err);
	bool has_failed = outcome == ADAPTER_FAILED;
	/* The event belongs to the item, and must not be read after done. */
	struct str subject = arena_str(arena, event);
	bool is_planned = adapter_queue_done(adapter->queue, item, has_failed);
	if (outcome == ADAPTER_SUCCEEDED)
		atomic_fetch_add(&adapter->succeeded, 1);
	else if (outcome == ADAPTER_SKIPPED)
		atomic_fetch_add(&adapter->skipped, 1);
	else if (!stop_requested(&adapter->stop)) {
		atomic_fetch_add(&adapter->failed, 1);
		atomic_fetch_add(&adapter->dropped, !is_planned);
		log_warn(log,
			is_planned ? "an execution failed and will be tried again"
				   : "an execution failed",
			LOG_STR("adapter", adapter->settings.name), LOG_STR("event", subject),
			LOG_ERROR(&err));
	}
}

static void run_worker(void *arg)
{
	struct adapter *adapter = arg;
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct adapter_item *item;
	struct str event;
	thread_yield_to_others();
	while (arena && (item = adapter_queue_take(adapter->queue, &event)) != NULL) {
		work_on(adapter, arena, item, event);
		arena_reset(arena);
	}
}

/* --- life ------------------------------------------------------------------------------------ */

static struct json *env_document(struct arena *arena, const struct adapter_config *config)
{
	struct json *env = json_new_object(arena);
	for (size_t i = 0; i < config->env_count; i++)
		if (config->env[i].value)
			json_set_str(env, arena_str(arena, str_of(config->env[i].name)),
				json_new_string(
					arena, arena_str(arena, str_of(config->env[i].value))));
	return env;
}

static int read_files(
	struct adapter *adapter, const struct adapter_config *config, struct error *err)
{
	struct arena *arena = adapter->arena;
	/* The settings borrow these texts. */
	struct adapter_overrides overrides = {arena_cstr(arena, str_of(config->clm_url)),
		arena_cstr(arena, str_of(config->maestro_url))};
	struct json *env = env_document(arena, config);
	if (adapter_settings_load(
		    arena, config->config_file, &overrides, &adapter->settings, err) != 0)
		return -1;
	if (adapter_task_load(arena, config->task_file, &adapter->settings, &adapter->task, err) !=
		0)
		return -1;
	if (adapter_params_check_env(&adapter->task, env, err) != 0)
		return error_prefix(err, "%s", config->task_file);
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no memory for the adapter's files");
	adapter->context = (struct adapter_context){.settings = &adapter->settings,
		.task = &adapter->task,
		.env = env,
		.clock = config->clock ? config->clock : &clock_system,
		.stop = &adapter->stop,
		.log = config->log};
	return 0;
}

static int start_http(struct adapter *adapter, struct error *err)
{
	const struct adapter_settings *settings = &adapter->settings;
	struct http_client_config api = {
		.user_agent = arena_printf(adapter->arena,
			"hyperfleet-adapter/" REEVE_VERSION " (%" STR_F ")", STR_A(settings->name))
				      .ptr,
		.stop = &adapter->stop};
	struct http_client_config maestro = {
		.base_url = arena_cstr(adapter->arena, settings->maestro_url),
		.user_agent = api.user_agent,
		.stop = &adapter->stop};
	if (http_client_new(&adapter->api, &api, err) != 0)
		return -1;
	if (!str_is_null(settings->maestro_url) &&
		http_client_new(&adapter->maestro, &maestro, err) != 0)
		return -1;
	adapter->context.api = adapter->api;
	adapter->context.maestro = adapter->maestro;
	return 0;
}

static int start_workers(struct adapter *adapter, unsigned count, struct error *err)
{
	if (count == 0)
		count = ADAPTER_THREADS;
	if (count > ADAPTER_MAX_THREADS)
		count = ADAPTER_MAX_THREADS;
	while (adapter->worker_count < count) {
		if (thread_start(&adapter->workers[adapter->worker_count], "adapter-work",
			    run_worker, adapter, err) != 0)
			return -1;
		adapter->worker_count++;
	}
	return 0;
}

static int start_watch(struct adapter *adapter, struct error *err)
{
	struct adapter_watch_config config = {.maestro = adapter->maestro,
		.source = adapter->settings.source_id,
		.stop = &adapter->stop,
		.on_event = on_bundle_event,
		.context = adapter,
		.log = adapter->context.log};
	return adapter->maestro ? adapter_watch_start(&adapter->watch, &config, err) : 0;
}

static int start_subscription(
	struct adapter *adapter, const struct adapter_config *config, struct error *err)
{
	const struct adapter_settings *settings = &adapter->settings;
	struct mqtt_config mqtt = {.host = config->broker_host,
		.port = config->broker_port,
		.client_id = arena_cstr(adapter->arena, settings->subscription_id),
		.username = config->username,
		.password = config->password,
		.keep_session = true,
		.session_expiry_s = ADAPTER_SESSION_S,
		.on_message = on_message,
		.context = adapter,
		.log = config->log};
	struct str filter = arena_printf(adapter->arena, "$share/%" STR_F "/clm/%" STR_F,
		STR_A(settings->subscription_id), STR_A(settings->topic));
	if (arena_is_exhausted(adapter->arena))
		return error_set(err, ERROR_MEMORY, "no memory for the subscription");
	if (mqtt_start(&adapter->mqtt, &mqtt, err) != 0)
		return -1;
	return mqtt_subscribe(adapter->mqtt, filter.ptr, err);
}

int adapter_start(struct adapter **ret, const struct adapter_config *config, struct error *err)
{
	struct adapter *adapter = calloc(1, sizeof(*adapter));
	if (!adapter)
		return error_set(err, ERROR_MEMORY, "no memory for the adapter");
	stop_init(&adapter->stop);
	adapter->arena = arena_new(0);
	adapter->queue = adapter_queue_new(0);
	if (!adapter->arena || !adapter->queue) {
		error_set(err, ERROR_MEMORY, "no memory for the adapter");
		goto fail;
	}
	if (read_files(adapter, config, err) != 0 || start_http(adapter, err) != 0 ||
		start_workers(adapter, config->threads, err) != 0 ||
		start_watch(adapter, err) != 0 || start_subscription(adapter, config, err) != 0)
		goto fail;
	*ret = adapter;
	return 0;
fail:
	adapter_stop(adapter);
	return -1;
}

void adapter_stop(struct adapter *adapter)
{
	if (!adapter)
		return;
	stop_request(&adapter->stop);
	if (adapter->queue)
		adapter_queue_close(adapter->queue);
	mqtt_stop(adapter->mqtt);
	adapter_watch_stop(adapter->watch);
	for (unsigned i = 0; i < adapter->worker_count; i++)
		thread_join(adapter->workers[i]);
	http_client_free(adapter->api);
	http_client_free(adapter->maestro);
	adapter_queue_free(adapter->queue);
	stop_destroy(&adapter->stop);
	arena_free(adapter->arena);
	free(adapter);
}

void adapter_count(struct adapter *adapter, struct adapter_counters *ret)
{
	*ret = (struct adapter_counters){.events = atomic_load(&adapter->events),
		.bundle_events = atomic_load(&adapter->bundle_events),
		.succeeded = atomic_load(&adapter->succeeded),
		.skipped = atomic_load(&adapter->skipped),
		.failed = atomic_load(&adapter->failed),
		.dropped = atomic_load(&adapter->dropped),
		.waiting = adapter_queue_count(adapter->queue)};
}
