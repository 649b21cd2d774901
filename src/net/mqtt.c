/*
 * mqtt.c - see mqtt.h.
 *
 * This file is what callers meet: it starts the two threads, prepares messages on the publisher's
 * own thread, and runs handlers. mqtt_network drives the connection; mqtt_outbox and mqtt_inbox are
 * the queues in between.
 */
#include "net/mqtt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "net/mqtt_load.h"
#include "net/mqtt_network.h"

#define HANDLER_ARENA_MAX ((size_t)64 << 20)

struct mqtt {
	struct mqtt_network network;
	struct thread *network_thread;
	struct thread *dispatch_thread;
};

struct mqtt_ticket {
	struct mqtt_load load;
	struct outbox_request request;
};

/* mosquitto_lib_init counts its callers without a lock. */
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void library_init(void)
{
	mosquitto_lib_init();
}

static void free_heap_load(void *load)
{
	mqtt_load_destroy(load);
	free(load);
}

static void dispatch_run(void *argument)
{
	struct mqtt *mqtt = argument;
	const struct mqtt_config *config = &mqtt->network.config;
	struct arena *arena = arena_new(HANDLER_ARENA_MAX);
	struct inbox_item *item;
	size_t left;

	while ((item = inbox_take(&mqtt->network.inbox, &left)) != NULL) {
		if (left == MQTT_MAX_QUEUE - 1)
			mqtt_network_ring(&mqtt->network); /* there is room again */
		if (item->kind == INBOX_READY && config->on_ready != NULL)
			config->on_ready(config->context);
		else if (item->kind == INBOX_LOST && config->on_lost != NULL)
			config->on_lost(config->context);
		else if (item->kind == INBOX_MESSAGE && config->on_message != NULL && arena != NULL)
			config->on_message(config->context, arena, &item->message);
		else if (item->kind == INBOX_MESSAGE)
			atomic_fetch_add(&mqtt->network.dropped, 1);
		free(item);
		if (arena != NULL)
			arena_reset(arena);
	}
	arena_free(arena);
}

static int check_config(const struct mqtt_config *config, struct error *err)
{
	if (config->host == NULL || config->host[0] == '\0' || config->port == 0)
		return error_set(err, ERROR_INVALID, "the broker's host and port are needed");
	if (config->client_id == NULL || config->client_id[0] == '\0')
		return error_set(err, ERROR_INVALID, "an MQTT client id is needed");
	if ((config->cert_file == NULL) != (config->key_file == NULL))
		return error_set(err, ERROR_INVALID,
			"a client certificate and its key must be given together");
	if (config->cert_file != NULL && config->ca_file == NULL)
		return error_set(err, ERROR_INVALID,
			"a client certificate needs the CA file that the broker is verified with");
	return 0;
}

/* The texts of the configuration, in the order of free_config. */
static void free_config(struct mqtt_config *config)
{
	const char *texts[] = {config->host, config->client_id, config->username, config->password,
		config->ca_file, config->cert_file, config->key_file};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		free((char *)(uintptr_t)texts[i]);
}

static int copy_config(
	struct mqtt_config *copy, const struct mqtt_config *config, struct error *err)
{
	const char **texts[] = {&copy->host, &copy->client_id, &copy->username, &copy->password,
		&copy->ca_file, &copy->cert_file, &copy->key_file};
	bool is_complete = true;

	*copy = *config;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (*texts[i] == NULL)
			continue;
		*texts[i] = strdup(*texts[i]);
		is_complete = is_complete && *texts[i] != NULL;
	}
	if (is_complete)
		return 0;
	free_config(copy);
	return error_set(err, ERROR_MEMORY, "no memory for an MQTT client");
}

static void free_mqtt(struct mqtt *mqtt)
{
	while (mqtt->network.subscriptions != NULL) {
		struct mqtt_subscription *first = mqtt->network.subscriptions;

		mqtt->network.subscriptions = first->next;
		free(first);
	}
	outbox_destroy(&mqtt->network.outbox);
	inbox_destroy(&mqtt->network.inbox);
	pthread_cond_destroy(&mqtt->network.changed);
	pthread_mutex_destroy(&mqtt->network.mutex);
	if (mqtt->network.bell >= 0)
		close(mqtt->network.bell);
	free_config(&mqtt->network.config);
	free(mqtt);
}

static void init_network(struct mqtt_network *network)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&network->mutex, NULL);
	pthread_cond_init(&network->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	outbox_init(&network->outbox, MQTT_MAX_QUEUE, free_heap_load);
	inbox_init(&network->inbox);
	error_set(&network->last_error, ERROR_UNAVAILABLE, "broker %s:%u: not connected yet",
		network->config.host, (unsigned)network->config.port);
	network->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

int mqtt_start(struct mqtt **ret, const struct mqtt_config *config, struct error *err)
{
	struct mqtt *mqtt;

	if (check_config(config, err) != 0)
		return -1;
	pthread_once(&library_once, library_init);
	mqtt = calloc(1, sizeof(*mqtt));
	if (mqtt == NULL)
		return error_set(err, ERROR_MEMORY, "no memory for an MQTT client");
	if (copy_config(&mqtt->network.config, config, err) != 0) {
		free(mqtt);
		return -1;
	}
	init_network(&mqtt->network);
	*ret = mqtt;
	if (mqtt->network.bell < 0)
		error_set(err, error_from_errno(errno), "eventfd: %s", strerror(errno));
	else if ((config->filter == NULL || mqtt_subscribe(mqtt, config->filter, err) == 0) &&
		 thread_start(&mqtt->dispatch_thread, "mqtt-dispatch", dispatch_run, mqtt, err) ==
			 0 &&
		 thread_start(&mqtt->network_thread, "mqtt-network", mqtt_network_run,
			 &mqtt->network, err) == 0)
		return 0;
	*ret = NULL;
	mqtt_stop(mqtt);
	return -1;
}

void mqtt_stop(struct mqtt *mqtt)
{
	struct error because;

	if (mqtt == NULL)
		return;
	atomic_store(&mqtt->network.stopping, true);
	inbox_close(&mqtt->network.inbox);
	if (mqtt->network.bell >= 0)
		mqtt_network_ring(&mqtt->network);
	/* A handler may wait for a PUBACK: end that wait before its thread is joined. */
	error_set(&because, ERROR_CANCELLED, "the connection to the broker is being closed");
	outbox_close(&mqtt->network.outbox, &because);
	thread_join(mqtt->network_thread);
	thread_join(mqtt->dispatch_thread);
	free_mqtt(mqtt);
}

int mqtt_subscribe(struct mqtt *mqtt, const char *filter, struct error *err)
{
	size_t size = strlen(filter) + 1;
	struct mqtt_subscription *added;
	struct mqtt_subscription **end;

	if (mosquitto_sub_topic_check(filter) != MOSQ_ERR_SUCCESS)
		return error_set(err, ERROR_INVALID, "\"%s\" is not an MQTT topic filter", filter);
	added = calloc(1, sizeof(*added) + size);
	if (added == NULL)
		return error_set(err, ERROR_MEMORY, "no memory for a subscription");
	memcpy(added->filter, filter, size);
	pthread_mutex_lock(&mqtt->network.mutex);
	for (end = &mqtt->network.subscriptions; *end != NULL; end = &(*end)->next)
		continue;
	*end = added;
	mqtt->network.ready = false;
	pthread_mutex_unlock(&mqtt->network.mutex);
	mqtt_network_ring(&mqtt->network);
	return 0;
}

int mqtt_wait_ready(struct mqtt *mqtt, int64_t timeout_us, struct error *err)
{
	struct mqtt_network *network = &mqtt->network;
	int64_t deadline_us = clock_monotonic_us() + timeout_us;
	struct timespec until = {
		.tv_sec = (time_t)(deadline_us / CLOCK_US_PER_S),
		.tv_nsec = (long)(deadline_us % CLOCK_US_PER_S) * 1000,
	};

	LOCK_SCOPE(&network->mutex);
	while (!network->ready) {
		if (pthread_cond_timedwait(&network->changed, &network->mutex, &until) ==
				ETIMEDOUT &&
			!network->ready)
			return error_set(err, ERROR_TIMEOUT, "%s", network->last_error.message);
	}
	return 0;
}

bool mqtt_is_ready(struct mqtt *mqtt)
{
	LOCK_SCOPE(&mqtt->network.mutex);
	return mqtt->network.ready;
}

int mqtt_publish_begin(struct mqtt *mqtt, const struct mqtt_message *message,
	struct mqtt_ticket **ret, struct error *err)
{
	struct mqtt_ticket *ticket = calloc(1, sizeof(*ticket));
	int64_t deadline_us = clock_monotonic_us() + MQTT_PUBLISH_TIMEOUT_US;

	if (ticket == NULL)
		return error_set(err, ERROR_MEMORY, "no memory for a message");
	if (mqtt_load_init(&ticket->load, message, false, err) != 0) {
		free(ticket);
		return -1;
	}
	outbox_request_init(&ticket->request, &ticket->load);
	if (outbox_put(&mqtt->network.outbox, &ticket->request, deadline_us, err) != 0) {
		outbox_request_destroy(&ticket->request);
		mqtt_load_destroy(&ticket->load);
		free(ticket);
		return -1;
	}
	mqtt_network_ring(&mqtt->network);
	*ret = ticket;
	return 0;
}

int mqtt_publish_end(struct mqtt *mqtt, struct mqtt_ticket *ticket, struct error *err)
{
	int result = outbox_wait(&mqtt->network.outbox, &ticket->request, err);

	outbox_request_destroy(&ticket->request);
	mqtt_load_destroy(&ticket->load);
	free(ticket);
	return result;
}

int mqtt_publish(struct mqtt *mqtt, const struct mqtt_message *message, struct error *err)
{
	struct mqtt_ticket *ticket;

	if (mqtt_publish_begin(mqtt, message, &ticket, err) != 0)
		return -1;
	return mqtt_publish_end(mqtt, ticket, err);
}

int mqtt_publish_nowait(struct mqtt *mqtt, const struct mqtt_message *message, struct error *err)
{
	int64_t deadline_us = clock_monotonic_us() + MQTT_PUBLISH_TIMEOUT_US;
	struct mqtt_load *load = calloc(1, sizeof(*load));
	struct outbox_request *request;

	if (load == NULL)
		return error_set(err, ERROR_MEMORY, "no memory for a message");
	if (mqtt_load_init(load, message, true, err) != 0) {
		free(load);
		return -1;
	}
	request = outbox_request_detached(load);
	if (request == NULL) {
		free_heap_load(load);
		return error_set(err, ERROR_MEMORY, "no memory for a message");
	}
	if (outbox_put(&mqtt->network.outbox, request, deadline_us, err) != 0) {
		outbox_request_destroy(request);
		free(request);
		free_heap_load(load);
		return -1;
	}
	mqtt_network_ring(&mqtt->network);
	return 0;
}

void mqtt_count(struct mqtt *mqtt, struct mqtt_counters *ret)
{
	struct mqtt_network *network = &mqtt->network;

	*ret = (struct mqtt_counters){
		.received = atomic_load(&network->received),
		.reconnects = atomic_load(&network->reconnects),
		.dropped = atomic_load(&network->dropped),
	};
	LOCK_SCOPE(&network->outbox.mutex);
	ret->published = network->outbox.published;
	ret->failed = network->outbox.failed;
}
