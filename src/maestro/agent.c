/*
 * agent.c - starting, dispatching and stopping.
 *
 * Threads: the MQTT client's dispatch thread puts specs into the store; a fixed pool takes turns
 * from it; one follower per kind observes; one thread repeats the spec resync request, slowly,
 * because correctness must not rest on a message having arrived. They meet in the store's lock
 * only.
 */
#include "maestro/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maestro/agent_core.h"
#include "maestro/agent_follow.h"
#include "maestro/agent_pass.h"
#include "maestro/agent_report.h"

#define AGENT_RESYNC_PAUSE_US INT64_C(1000000) /* at least, between spec resync requests */

/* --- what arrives -------------------------------------------------------------------------- */

static void drop_message(
	struct agent *agent, const struct cloudevent *event, const struct error *err)
{
	atomic_fetch_add(&agent->malformed, 1);
	log_warn(agent->log, "message dropped", LOG_STR("event", event ? event->id : STR_NULL),
		LOG_STR("type", event ? event->type : STR_NULL),
		LOG_STR("bundle", event ? cloudevent_extension(event, "resourceid") : STR_NULL),
		LOG_ERROR(err));
}

static void receive_spec(struct agent *agent, struct arena *arena, const struct cloudevent *event)
{
	struct agent_spec spec;
	struct error err;
	enum agent_action action = AGENT_SAME;
	if (agent_spec_read(arena, event, agent->consumer, &spec, &err) < 0 ||
		agent_store_receive(agent->store, &spec, &action, &err) < 0) {
		drop_message(agent, event, &err);
		return;
	}
	atomic_fetch_add(&agent->received, 1);
	if (action == AGENT_STALE) {
		atomic_fetch_add(&agent->stale, 1);
		/* Late, or from a server that begins anew: told what is here, it can go on from
		 * there. */
		stop_poke(&agent->resync_stop);
	}
	if (action == AGENT_REFUSE_STUB) {
		atomic_fetch_add(&agent->refused_stubs, 1);
		log_warn(agent->log, "the server does not know a bundle; it is kept",
			LOG_STR("bundle", spec.id));
	}
	log_debug(agent->log, "spec received", LOG_STR("bundle", spec.id),
		LOG_INT("version", spec.generation), LOG_BOOL("deleting", spec.is_deleting),
		LOG_INT("action", action));
}

/* An empty list asks for every status. */
static void receive_status_resync(
	struct agent *agent, struct arena *arena, const struct cloudevent *event)
{
	struct json *payload = NULL, *each;
	struct error err;
	if (event->data.len > 0 && json_parse(arena, event->data, NULL, &payload, &err) < 0) {
		drop_message(agent, event, &err);
		return;
	}
	atomic_fetch_add(&agent->resyncs, 1);
	/* A server that asks has just come back: what it sent before may be lost, and so may our
	 * request of that time. */
	stop_poke(&agent->resync_stop);
	const struct json *hashes = json_get(payload, "statusHashes");
	if (json_count(hashes) == 0) {
		agent_store_report_all(agent->store);
		return;
	}
	json_for_each (hashes, i, each)
		agent_store_report(agent->store, json_get_text(each, "resourceID"),
			json_get_text(each, "statusHash"));
}

static void on_message(void *context, struct arena *arena, const struct mqtt_message *message)
{
	struct agent *agent = context;
	struct cloudevent event;
	enum agent_message kind;
	struct error err;
	if (cloudevent_from_mqtt(arena, message, &event, &err) < 0) {
		drop_message(agent, NULL, &err);
		return;
	}
	if (agent_message_kind(&event, &kind, &err) < 0)
		drop_message(agent, &event, &err);
	else if (kind == AGENT_MESSAGE_SPEC)
		receive_spec(agent, arena, &event);
	else if (kind == AGENT_MESSAGE_STATUS_RESYNC)
		receive_status_resync(agent, arena, &event);
}

static void request_specs(struct agent *agent)
{
	struct error err;
	if (agent_report_resync(agent, &err) < 0)
		log_warn(agent->log, "spec resync not requested", LOG_ERROR(&err));
}

static void on_ready(void *context)
{
	struct agent *agent = context;
	log_info(agent->log, "connected to the broker",
		LOG_INT("bundles", agent_store_count(agent->store)));
	request_specs(agent);
	agent_store_send_unsent(agent->store);
}

static void on_lost(void *context)
{
	struct agent *agent = context;
	log_warn(agent->log, "connection to the broker lost; what is known goes on");
}

/* --- threads ------------------------------------------------------------------------------- */

static void work(void *arg)
{
	struct agent *agent = arg;
	struct arena *arena = arena_new(0);
	struct agent_pass pass;
	while (arena && agent_store_take(agent->store, arena, &pass)) {
		struct agent_outcome outcome;
		bool wants_spec;
		agent_pass_run(agent, arena, &pass, &outcome);
		agent_store_finish(agent->store, &pass, &outcome, &wants_spec);
		if (wants_spec)
			request_specs(agent);
		arena_reset(arena);
	}
	arena_free(arena);
}

static void resync(void *arg)
{
	struct agent *agent = arg;
	while (!stop_sleep(&agent->resync_stop, agent->resync_us)) {
		if (mqtt_is_ready(agent->mqtt))
			request_specs(agent);
		/* A server with many bundles asks in many messages; one answer serves them all. */
		stop_sleep(&agent->stop, AGENT_RESYNC_PAUSE_US);
	}
}

/* --- start and stop ------------------------------------------------------------------------ */

static bool is_topic_name(const char *text)
{
	size_t len = text ? strlen(text) : 0;
	return len > 0 && len <= AGENT_MAX_CONSUMER &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static char *format(const char *pattern, const char *first, const char *second)
{
	char *text = NULL;
	return asprintf(&text, pattern, first, second) < 0 ? NULL : text;
}

static int names_fill(struct agent *agent, const struct agent_config *config, struct error *err)
{
	const char *source = config->source_id ? config->source_id : "maestro";
	if (!is_topic_name(config->consumer_name) || !is_topic_name(source))
		return error_set(err, ERROR_INVALID,
			"consumer name \"%s\" and source id \"%s\" must be 1 to %d characters of "
			"a-z, 0-9 and '-'",
			config->consumer_name ? config->consumer_name : "", source,
			AGENT_MAX_CONSUMER);
	struct buf hub = BUF_INITIALIZER(1024);
	buf_printf(&hub, "%s:%u", config->broker_host, config->broker_port);
	hash_sha256_hex(buf_str(&hub), agent->hub_hash);
	buf_free(&hub);
	agent->consumer = strdup(config->consumer_name);
	agent->source_id = strdup(source);
	agent->client_id = config->client_id ? strdup(config->client_id)
					     : format("%s-work-agent%s", config->consumer_name, "");
	agent->topic_in =
		format("sources/%s/consumers/%s/sourceevents", source, config->consumer_name);
	agent->topic_out =
		format("sources/%s/consumers/%s/agentevents", source, config->consumer_name);
	if (agent->consumer && agent->source_id && agent->client_id && agent->topic_in &&
		agent->topic_out)
		return 0;
	return error_set(err, ERROR_MEMORY, "no memory for the agent");
}

static int broker_connect(struct agent *agent, const struct agent_config *config, struct error *err)
{
	char *client_id = format("%s-client%s", agent->client_id, "");
	struct mqtt_config mqtt = {.host = config->broker_host,
		.port = config->broker_port,
		.client_id = client_id,
		.username = config->username,
		.password = config->password,
		.filter = agent->topic_in,
		.on_message = on_message,
		.on_ready = on_ready,
		.on_lost = on_lost,
		.context = agent,
		.log = config->log};
	int result = client_id ? mqtt_start(&agent->mqtt, &mqtt, err)
			       : error_set(err, ERROR_MEMORY, "no memory for the agent");
	free(client_id);
	return result;
}

static int threads_start(struct agent *agent, unsigned count, struct error *err)
{
	while (agent->worker_count < count) {
		if (thread_start(&agent->workers[agent->worker_count], "agent-work", work, agent,
			    err) < 0)
			return -1;
		agent->worker_count++;
	}
	return thread_start(&agent->resync, "agent-resync", resync, agent, err);
}

int agent_start(struct agent **ret, const struct agent_config *config, struct error *err)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	if (!agent)
		return error_set(err, ERROR_MEMORY, "no memory for the agent");
	unsigned threads = config->threads ? config->threads : AGENT_THREADS;
	if (threads > AGENT_MAX_THREADS)
		threads = AGENT_MAX_THREADS;
	agent->log = log_child(config->log, "agent");
	agent->clock = config->clock ? config->clock : &clock_system;
	agent->resync_us = config->resync_us > 0 ? config->resync_us : AGENT_RESYNC_US;
	stop_init(&agent->stop);
	stop_init(&agent->resync_stop);
	pthread_mutex_init(&agent->followers_mutex, NULL);
	agent->store = agent_store_new(agent->resync_us);
	agent->sequence = id_snowflake_new(1);
	int result = agent->store && agent->sequence
			     ? 0
			     : error_set(err, ERROR_MEMORY, "no memory for the agent");
	if (result == 0)
		result = names_fill(agent, config, err);
	if (result == 0)
		result = kube_open(&agent->kube, config->kubeconfig, "reeve-agent/" REEVE_VERSION,
			&agent->stop, err);
	if (result == 0)
		result = broker_connect(agent, config, err);
	if (result == 0)
		result = threads_start(agent, threads, err);
	if (result < 0) {
		agent_stop(agent);
		return -1;
	}
	*ret = agent;
	return 0;
}

void agent_stop(struct agent *agent)
{
	if (!agent)
		return;
	if (agent->store)
		agent_store_stop(agent->store);
	stop_request(&agent->stop);
	stop_request(&agent->resync_stop);
	for (unsigned i = 0; i < agent->worker_count; i++)
		thread_join(agent->workers[i]);
	thread_join(agent->resync);
	agent_follow_stop(agent);
	mqtt_stop(agent->mqtt);
	kube_close(agent->kube);
	agent_store_free(agent->store);
	id_snowflake_free(agent->sequence);
	pthread_mutex_destroy(&agent->followers_mutex);
	stop_destroy(&agent->stop);
	stop_destroy(&agent->resync_stop);
	free(agent->consumer);
	free(agent->client_id);
	free(agent->source_id);
	free(agent->topic_in);
	free(agent->topic_out);
	free(agent);
}

void agent_count(struct agent *agent, struct agent_counters *ret)
{
	*ret = (struct agent_counters){
		.works = agent_store_count(agent->store),
		.received = atomic_load(&agent->received),
		.stale = atomic_load(&agent->stale),
		.malformed = atomic_load(&agent->malformed),
		.refused_stubs = atomic_load(&agent->refused_stubs),
		.applied = atomic_load(&agent->applied),
		.apply_errors = atomic_load(&agent->apply_errors),
		.repaired = atomic_load(&agent->repaired),
		.observed = atomic_load(&agent->observed),
		.published = atomic_load(&agent->published),
		.publish_errors = atomic_load(&agent->publish_errors),
		.deleted = atomic_load(&agent->deleted),
		.resyncs = atomic_load(&agent->resyncs),
	};
}
