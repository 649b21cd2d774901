/*
 * adapter_queue.c - the queue of an adapter's workers.
 *
 * An item is in exactly one state, and only set_state() moves it. Items waiting for a retry stand
 * in no line; a sweep, at most ten times a second, moves those whose time has come.
 */
#include "clm/adapter_queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/thread.h"

#define SWEEP_US INT64_C(100000)

enum item_state { ITEM_NEW, ITEM_WAITING, ITEM_RUNNING, ITEM_PLANNED };

struct adapter_item {
	struct adapter_item *previous, *next; /* in its line, while waiting */
	enum item_state state;
	enum adapter_line line;
	unsigned failures;
	int64_t due_us; /* while planned */
	char *id, *event;
	char *next_event; /* came while running */
};

struct line {
	struct adapter_item *first, *last;
};

struct adapter_queue {
	pthread_mutex_t mutex; /* everything below */
	pthread_cond_t work;   /* something to take, or closed */
	pthread_cond_t room;
	struct map *items;
	struct line lines[2];
	size_t planned;
	size_t max;
	int64_t swept_us;
	bool closed;
};

static char *copy(struct str text)
{
	return strndup(text.ptr ? text.ptr : "", text.len);
}

static void item_free(void *value)
{
	struct adapter_item *item = value;
	free(item->id);
	free(item->event);
	free(item->next_event);
	free(item);
}

static void leave_line(struct adapter_queue *queue, struct adapter_item *item)
{
	struct line *line = &queue->lines[item->line];
	*(item->previous ? &item->previous->next : &line->first) = item->next;
	*(item->next ? &item->next->previous : &line->last) = item->previous;
}

static void join_line(struct adapter_queue *queue, struct adapter_item *item)
{
	struct line *line = &queue->lines[item->line];
	item->next = NULL;
	item->previous = line->last;
	*(line->last ? &line->last->next : &line->first) = item;
	line->last = item;
	pthread_cond_signal(&queue->work);
}

static void set_state(struct adapter_queue *queue, struct adapter_item *item, enum item_state state)
{
	static const bool is_legal[][4] = {
		[ITEM_NEW] = {[ITEM_WAITING] = true},
		[ITEM_WAITING] = {[ITEM_RUNNING] = true, [ITEM_WAITING] = true},
		[ITEM_RUNNING] = {[ITEM_WAITING] = true, [ITEM_PLANNED] = true},
		[ITEM_PLANNED] = {[ITEM_WAITING] = true},
	};
	assert(is_legal[item->state][state]);
	if (item->state == ITEM_WAITING)
		leave_line(queue, item);
	queue->planned -= item->state == ITEM_PLANNED;
	queue->planned += state == ITEM_PLANNED;
	item->state = state;
	if (state == ITEM_WAITING)
		join_line(queue, item);
}

struct adapter_queue *adapter_queue_new(size_t max)
{
	struct adapter_queue *queue = calloc(1, sizeof(*queue));
	pthread_condattr_t attributes;
	if (!queue)
		return NULL;
	queue->max = max ? max : ADAPTER_QUEUE_MAX;
	queue->items = map_new();
	if (!queue->items) {
		free(queue);
		return NULL;
	}
	pthread_mutex_init(&queue->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&queue->work, &attributes);
	pthread_cond_init(&queue->room, &attributes);
	pthread_condattr_destroy(&attributes);
	return queue;
}

void adapter_queue_free(struct adapter_queue *queue)
{
	if (!queue)
		return;
	map_free(queue->items, item_free);
	pthread_cond_destroy(&queue->work);
	pthread_cond_destroy(&queue->room);
	pthread_mutex_destroy(&queue->mutex);
	free(queue);
}

static bool add_item(
	struct adapter_queue *queue, struct str id, char *event, enum adapter_line line)
{
	struct adapter_item *item = calloc(1, sizeof(*item));
	if (!item)
		return false;
	item->id = copy(id);
	item->line = line;
	if (!item->id || !map_put(queue->items, id, item, NULL)) {
		item_free(item);
		return false;
	}
	item->event = event;
	set_state(queue, item, ITEM_WAITING);
	return true;
}

/* A newer event for an item that is there. Takes over `event`. */
static void renew_item(
	struct adapter_queue *queue, struct adapter_item *item, char *event, enum adapter_line line)
{
	bool is_running = item->state == ITEM_RUNNING;
	char **place = is_running ? &item->next_event : &item->event;
	free(*place);
	*place = event;
	item->failures = 0;
	if (is_running) {
		item->line = line;
		return;
	}
	/* A repair that waits is hurried by an event, and an event is never slowed down by a
	 * repair. */
	if (item->state == ITEM_PLANNED) {
		item->line = line;
		set_state(queue, item, ITEM_WAITING);
	} else if (item->line == ADAPTER_LINE_REPAIR && line == ADAPTER_LINE_EVENT) {
		leave_line(queue, item);
		item->line = line;
		join_line(queue, item);
	}
}

bool adapter_queue_put(
	struct adapter_queue *queue, struct str id, struct str event, enum adapter_line line)
{
	char *text = copy(event);
	if (!text)
		return false;
	LOCK_SCOPE(&queue->mutex);
	struct adapter_item *item = map_get(queue->items, id);
	while (!item && !queue->closed && map_count(queue->items) >= queue->max) {
		pthread_cond_wait(&queue->room, &queue->mutex);
		item = map_get(queue->items, id);
	}
	if (queue->closed) {
		free(text);
		return false;
	}
	if (item) {
		renew_item(queue, item, text, line);
		return true;
	}
	if (add_item(queue, id, text, line))
		return true;
	free(text);
	return false;
}

static void sweep(struct adapter_queue *queue)
{
	int64_t now_us = clock_monotonic_us();
	struct str id;
	struct adapter_item *item;
	if (queue->planned == 0 || now_us - queue->swept_us < SWEEP_US)
		return;
	queue->swept_us = now_us;
	map_for_each (queue->items, position, id, item)
		if (item->state == ITEM_PLANNED && item->due_us <= now_us)
			set_state(queue, item, ITEM_WAITING);
}

static void wait_for_work(struct adapter_queue *queue)
{
	if (queue->planned == 0) {
		pthread_cond_wait(&queue->work, &queue->mutex);
		return;
	}
	int64_t until_us = clock_monotonic_us() + SWEEP_US;
	struct timespec until = {.tv_sec = (time_t)(until_us / CLOCK_US_PER_S),
		.tv_nsec = (long)(until_us % CLOCK_US_PER_S * 1000)};
	pthread_cond_timedwait(&queue->work, &queue->mutex, &until);
}

struct adapter_item *adapter_queue_take(struct adapter_queue *queue, struct str *ret_event)
{
	LOCK_SCOPE(&queue->mutex);
	for (;;) {
		if (queue->closed)
			return NULL;
		sweep(queue);
		struct adapter_item *item = queue->lines[ADAPTER_LINE_EVENT].first;
		if (!item)
			item = queue->lines[ADAPTER_LINE_REPAIR].first;
		if (item) {
			set_state(queue, item, ITEM_RUNNING);
			*ret_event = str_of(item->event);
			return item;
		}
		wait_for_work(queue);
	}
}

bool adapter_queue_done(struct adapter_queue *queue, struct adapter_item *item, bool has_failed)
{
	LOCK_SCOPE(&queue->mutex);
	if (item->next_event) {
		free(item->event);
		item->event = item->next_event;
		item->next_event = NULL;
		set_state(queue, item, ITEM_WAITING);
		return false;
	}
	if (has_failed && item->failures < ADAPTER_RETRIES) {
		int64_t wait_us = adapter_retry_us(++item->failures);
		item->due_us = clock_monotonic_us() + thread_backoff_us(0, wait_us, wait_us);
		set_state(queue, item, ITEM_PLANNED);
		pthread_cond_signal(&queue->work); /* somebody must wait with a deadline now */
		return true;
	}
	map_remove(queue->items, str_of(item->id));
	item_free(item);
	pthread_cond_signal(&queue->room);
	return false;
}

void adapter_queue_close(struct adapter_queue *queue)
{
	LOCK_SCOPE(&queue->mutex);
	queue->closed = true;
	pthread_cond_broadcast(&queue->work);
	pthread_cond_broadcast(&queue->room);
}

size_t adapter_queue_count(struct adapter_queue *queue)
{
	LOCK_SCOPE(&queue->mutex);
	return map_count(queue->items);
}

int64_t adapter_retry_us(unsigned failures)
{
	int64_t wait_us = ADAPTER_RETRY_US;
	for (unsigned i = 1; i < failures && wait_us < ADAPTER_RETRY_MAX_US; i++)
		wait_us *= 2;
	return wait_us < ADAPTER_RETRY_MAX_US ? wait_us : ADAPTER_RETRY_MAX_US;
}
