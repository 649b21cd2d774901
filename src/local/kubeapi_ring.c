/*
 * kubeapi_ring.c - an array of counted events, indexed by version.
 */
#include "local/kubeapi_ring.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

struct kubeapi_ring {
	pthread_mutex_t mutex; /* all of the rest */
	pthread_cond_t changed;
	struct kubeapi_event *slots[KUBEAPI_RING_EVENTS];
	int64_t first; /* oldest version held */
	int64_t next;  /* the first that readers may not see yet */
	size_t bytes;
	uint64_t pokes; /* so far */
};

struct kubeapi_ring *kubeapi_ring_new(int64_t next)
{
	struct kubeapi_ring *ring = calloc(1, sizeof(*ring));
	pthread_condattr_t attributes;

	if (!ring)
		return NULL;
	ring->first = ring->next = next;
	pthread_mutex_init(&ring->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&ring->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return ring;
}

void kubeapi_event_release(struct kubeapi_event *event)
{
	if (event && atomic_fetch_sub(&event->owners, 1) == 1)
		free(event);
}

void kubeapi_ring_free(struct kubeapi_ring *ring)
{
	if (!ring)
		return;
	for (size_t i = 0; i < KUBEAPI_RING_EVENTS; i++)
		kubeapi_event_release(ring->slots[i]);
	pthread_cond_destroy(&ring->changed);
	pthread_mutex_destroy(&ring->mutex);
	free(ring);
}

static struct str put(char **at, struct str text)
{
	if (str_is_null(text))
		return text;
	struct str copy = str_n(*at, text.len);
	if (text.len)
		memcpy(*at, text.ptr, text.len);
	*at += text.len;
	return copy;
}

/* One block for the event and its texts. */
static struct kubeapi_event *event_copy(const struct kubeapi_event *from)
{
	size_t texts = from->resource.len + from->name_space.len + from->name.len + from->uid.len +
		       from->body.len + from->previous.len;
	struct kubeapi_event *event = malloc(sizeof(*event) + texts + 1);
	char *at = (char *)(event + 1);

	if (!event)
		return NULL;
	atomic_init(&event->owners, 1);
	event->type = from->type;
	event->version = from->version;
	event->bytes = sizeof(*event) + texts;
	event->resource = put(&at, from->resource);
	event->name_space = put(&at, from->name_space);
	event->name = put(&at, from->name);
	event->uid = put(&at, from->uid);
	event->body = put(&at, from->body);
	event->previous = put(&at, from->previous);
	return event;
}

static struct kubeapi_event **slot(struct kubeapi_ring *ring, int64_t version)
{
	return &ring->slots[(uint64_t)version % KUBEAPI_RING_EVENTS];
}

static void drop_first(struct kubeapi_ring *ring)
{
	struct kubeapi_event **oldest = slot(ring, ring->first++);

	if (*oldest)
		ring->bytes -= (*oldest)->bytes;
	kubeapi_event_release(*oldest);
	*oldest = NULL;
}

void kubeapi_ring_publish(struct kubeapi_ring *ring, const struct kubeapi_event *event)
{
	struct kubeapi_event *copy = event_copy(event);

	LOCK_SCOPE(&ring->mutex);
	if (!copy) {
		/* The others of this commit are found in the tables as well. */
		while (ring->first < ring->next)
			drop_first(ring);
		if (event->version >= ring->next)
			ring->first = ring->next = event->version + 1;
		pthread_cond_broadcast(&ring->changed);
		return;
	}
	while (event->version - ring->first >= KUBEAPI_RING_EVENTS)
		drop_first(ring);
	kubeapi_event_release(*slot(ring, event->version));
	*slot(ring, event->version) = copy;
	ring->bytes += copy->bytes;
	while (ring->next - ring->first < KUBEAPI_RING_EVENTS && *slot(ring, ring->next) &&
		(*slot(ring, ring->next))->version == ring->next)
		ring->next++;
	while (ring->bytes > KUBEAPI_RING_MAX_BYTES && ring->first + 1 < ring->next)
		drop_first(ring);
	pthread_cond_broadcast(&ring->changed);
}

bool kubeapi_ring_take(struct kubeapi_ring *ring, int64_t after, size_t max,
	struct kubeapi_event **ret, size_t *ret_count)
{
	size_t count = 0;

	LOCK_SCOPE(&ring->mutex);
	if (after + 1 < ring->first)
		return false;
	for (int64_t version = after + 1; version < ring->next && count < max; version++) {
		struct kubeapi_event *event = *slot(ring, version);
		atomic_fetch_add(&event->owners, 1);
		ret[count++] = event;
	}
	*ret_count = count;
	return true;
}

int64_t kubeapi_ring_last(struct kubeapi_ring *ring)
{
	LOCK_SCOPE(&ring->mutex);
	return ring->next - 1;
}

void kubeapi_ring_wait(
	struct kubeapi_ring *ring, int64_t after, uint64_t *pokes, int64_t timeout_us)
{
	int64_t until_us = clock_monotonic_us() + timeout_us;
	struct timespec until = {
		.tv_sec = until_us / CLOCK_US_PER_S, .tv_nsec = until_us % CLOCK_US_PER_S * 1000};

	LOCK_SCOPE(&ring->mutex);
	while (ring->next - 1 <= after && ring->pokes == *pokes)
		if (pthread_cond_timedwait(&ring->changed, &ring->mutex, &until) != 0)
			break;
	*pokes = ring->pokes;
}

void kubeapi_ring_poke(struct kubeapi_ring *ring)
{
	LOCK_SCOPE(&ring->mutex);
	ring->pokes++;
	pthread_cond_broadcast(&ring->changed);
}
