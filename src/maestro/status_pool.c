/*
 * status_pool.c - see status_pool.h.
 */
#include "maestro/status_pool.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "maestro/bundle_store.h"
#include "maestro/status_event.h"

#define RETRY_US INT64_C(50000)
#define RETRY_MAX_US INT64_C(5000000)
#define EVENT_ARENA_MAX ((size_t)64 << 20)

struct pool_item {
	struct pool_item *next;
	struct arena *arena; /* holds the event, and is the worker's scratch */
	struct cloudevent event;
};

struct pool_thread {
	struct maestro_server *server;
	struct thread *thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct pool_item *first;
	struct pool_item *last;
	size_t count;
	bool stopping;
};

struct status_pool {
	struct pool_thread threads[STATUS_POOL_THREADS];
};

/* One status in one transaction. Runs on any thread, perhaps more than once. */
struct status_write {
	struct maestro_server *server;
	const struct status_event *event;
	struct arena *arena;
	int64_t now_us;
	enum status_action action;
	const char *reason;
};

static int write_status(struct sql *sql, void *argument, struct error *err)
{
	struct status_write *write = argument;
	struct feed *feed = write->server->feed;
	const struct status_event *event = write->event;
	struct bundle bundle;
	int found = bundle_load_for_status(sql, write->arena, event->id, &bundle, err);

	if (found < 0)
		return -1;
	write->action = status_decide(found == 1 ? &bundle : NULL, event, &write->reason);
	bundle.updated_us = write->now_us;
	switch (write->action) {
	case STATUS_STORE:
	case STATUS_REMOVE:
		bundle.status = event->status;
		bundle.status_event = event->event;
		bundle.status_version = event->version;
		bundle.status_sequence = event->sequence;
		bundle.status_hash = event->hash;
		if (write->action == STATUS_STORE)
			return bundle_save_status(sql, feed, &bundle, err);
		return bundle_remove(sql, feed, &bundle, write->arena, write->now_us, err);
	case STATUS_RESEND:
		return bundle_resend(sql, feed, &bundle, err);
	case STATUS_RAISE:
		return bundle_raise_version(sql, feed, &bundle, event->version + 1, err);
	case STATUS_IGNORE:
		break;
	}
	return 0;
}

static void count_outcome(const struct status_write *write)
{
	struct maestro_server *server = write->server;
	bool is_stored = write->action == STATUS_STORE || write->action == STATUS_REMOVE;

	atomic_fetch_add(is_stored ? &server->statuses_stored : &server->statuses_ignored, 1);
	if (write->action == STATUS_RESEND || write->action == STATUS_RAISE)
		log_warn(server->log, "status answered with the specification",
			LOG_STR("id", write->event->id),
			LOG_STR("consumer", write->event->consumer_name),
			LOG_CSTR("reason", write->reason),
			LOG_INT("version", write->event->version));
	else if (!is_stored)
		log_debug(server->log, "status ignored", LOG_STR("id", write->event->id),
			LOG_CSTR("reason", write->reason));
}

static void handle(struct maestro_server *server, struct pool_item *item)
{
	struct status_event event;
	struct status_write write = {.server = server, .event = &event, .arena = item->arena};
	struct error err;

	if (status_event_read(item->arena, &item->event, server->source_id, &event, &err) != 0) {
		atomic_fetch_add(&server->messages_dropped, 1);
		log_warn(server->log, "status dropped", LOG_STR("source", item->event.source),
			LOG_ERROR(&err));
		return;
	}
	for (unsigned attempt = 0;; attempt++) {
		write.now_us = clock_now_us(server->clock);
		if (store_write(server->store, write_status, &write, &err) == 0) {
			count_outcome(&write);
			return;
		}
		if (attempt == 0)
			log_error(server->log, "status not stored yet", LOG_STR("id", event.id),
				LOG_ERROR(&err));
		if ((!error_is_transient(err.code) && err.code != ERROR_NO_SPACE) ||
			stop_sleep(
				server->stop, thread_backoff_us(attempt, RETRY_US, RETRY_MAX_US)))
			return;
	}
}

static struct pool_item *take(struct pool_thread *thread)
{
	struct pool_item *item;

	LOCK_SCOPE(&thread->mutex);
	while (thread->first == NULL && !thread->stopping)
		pthread_cond_wait(&thread->changed, &thread->mutex);
	if (thread->stopping)
		return NULL;
	item = thread->first;
	thread->first = item->next;
	if (thread->first == NULL)
		thread->last = NULL;
	if (thread->count-- == STATUS_POOL_QUEUE)
		pthread_cond_broadcast(&thread->changed);
	return item;
}

static void free_item(struct pool_item *item)
{
	arena_free(item->arena);
	free(item);
}

static void run(void *argument)
{
	struct pool_thread *thread = argument;
	struct pool_item *item;

	while ((item = take(thread)) != NULL) {
		handle(thread->server, item);
		free_item(item);
	}
}

int status_pool_start(struct status_pool **ret, struct maestro_server *server, struct error *err)
{
	struct status_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return error_set(err, ERROR_MEMORY, "no memory for the status threads");
	for (int i = 0; i < STATUS_POOL_THREADS; i++) {
		pool->threads[i].server = server;
		pthread_mutex_init(&pool->threads[i].mutex, NULL);
		pthread_cond_init(&pool->threads[i].changed, NULL);
	}
	for (int i = 0; i < STATUS_POOL_THREADS; i++) {
		if (thread_start(&pool->threads[i].thread, "maestro-status", run, &pool->threads[i],
			    err) != 0) {
			status_pool_stop(pool);
			return -1;
		}
	}
	*ret = pool;
	return 0;
}

static struct pool_item *copy_event(const struct cloudevent *event)
{
	struct pool_item *item = calloc(1, sizeof(*item));
	struct arena *arena = arena_new(EVENT_ARENA_MAX);

	if (item == NULL || arena == NULL) {
		free(item);
		arena_free(arena);
		return NULL;
	}
	item->arena = arena;
	item->event = *event;
	item->event.id = arena_str(arena, event->id);
	item->event.source = arena_str(arena, event->source);
	item->event.type = arena_str(arena, event->type);
	item->event.subject = arena_str(arena, event->subject);
	item->event.time = arena_str(arena, event->time);
	item->event.datacontenttype = arena_str(arena, event->datacontenttype);
	item->event.dataschema = arena_str(arena, event->dataschema);
	item->event.data = arena_str(arena, event->data);
	for (size_t i = 0; i < event->extension_count; i++)
		item->event.extensions[i] = (struct mqtt_property){
			arena_str(arena, event->extensions[i].name),
			arena_str(arena, event->extensions[i].value),
		};
	if (!arena_is_exhausted(arena))
		return item;
	free_item(item);
	return NULL;
}

void status_pool_put(struct status_pool *pool, const struct cloudevent *event)
{
	uint64_t hash = hash_fnv1a(cloudevent_extension(event, "resourceid"));
	struct pool_thread *thread = &pool->threads[hash % STATUS_POOL_THREADS];
	struct pool_item *item = copy_event(event);

	if (item == NULL) {
		atomic_fetch_add(&thread->server->messages_dropped, 1);
		return;
	}
	LOCK_SCOPE(&thread->mutex);
	while (thread->count >= STATUS_POOL_QUEUE && !thread->stopping)
		pthread_cond_wait(&thread->changed, &thread->mutex);
	if (thread->stopping) {
		free_item(item);
		return;
	}
	if (thread->last != NULL)
		thread->last->next = item;
	else
		thread->first = item;
	thread->last = item;
	thread->count++;
	pthread_cond_broadcast(&thread->changed);
}

void status_pool_close(struct status_pool *pool)
{
	if (pool == NULL)
		return;
	for (int i = 0; i < STATUS_POOL_THREADS; i++) {
		struct pool_thread *thread = &pool->threads[i];

		LOCK_SCOPE(&thread->mutex);
		thread->stopping = true;
		pthread_cond_broadcast(&thread->changed);
	}
}

void status_pool_stop(struct status_pool *pool)
{
	if (pool == NULL)
		return;
	status_pool_close(pool);
	for (int i = 0; i < STATUS_POOL_THREADS; i++) {
		struct pool_thread *thread = &pool->threads[i];

		thread_join(thread->thread);
		while (thread->first != NULL) {
			struct pool_item *item = thread->first;

			thread->first = item->next;
			free_item(item);
		}
		pthread_cond_destroy(&thread->changed);
		pthread_mutex_destroy(&thread->mutex);
	}
	free(pool);
}
