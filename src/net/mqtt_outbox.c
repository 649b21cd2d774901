/*
 * mqtt_outbox.c - see mqtt_outbox.h.
 *
 * One mutex for both lists, one condition per request: with one condition for all, each PUBACK
 * would wake every publisher. PUBACKs come in the order of publishing, so looking for an id from
 * the front of the list finds it at once in practice.
 */
#include "net/mqtt_outbox.h"

#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

static void cond_init_monotonic(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* False when the deadline has passed. */
static bool cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_us)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline_us / CLOCK_US_PER_S),
		.tv_nsec = (long)(deadline_us % CLOCK_US_PER_S) * 1000,
	};

	return pthread_cond_timedwait(cond, mutex, &until) == 0 ||
	       clock_monotonic_us() < deadline_us;
}

static void list_append(struct outbox_list *list, struct outbox_request *request)
{
	request->previous = list->last;
	request->next = NULL;
	if (list->last != NULL)
		list->last->next = request;
	else
		list->first = request;
	list->last = request;
}

static void list_remove(struct outbox_list *list, struct outbox_request *request)
{
	if (request->previous != NULL)
		request->previous->next = request->next;
	else
		list->first = request->next;
	if (request->next != NULL)
		request->next->previous = request->previous;
	else
		list->last = request->previous;
	request->previous = NULL;
	request->next = NULL;
}

/* Ends a request that is on no list any more. The publisher may free it as soon as the lock is
 * gone. */
static void finish(
	struct outbox *outbox, struct outbox_request *request, const struct error *because)
{
	request->state = OUTBOX_DONE;
	request->result = because == NULL ? 0 : -1;
	if (because != NULL) {
		request->error = *because;
		outbox->failed++;
	} else {
		outbox->published++;
	}
	outbox->count--;
	pthread_cond_signal(&outbox->room);
	if (request->detached) {
		outbox->free_load(request->load);
		outbox_request_destroy(request);
		free(request);
	} else {
		pthread_cond_signal(&request->done);
	}
}

/* The wait is over: takes the request back from whichever list it is on. */
static void withdraw(struct outbox *outbox, struct outbox_request *request)
{
	const struct error late = {
		.code = ERROR_TIMEOUT,
		.message =
			"the broker has not acknowledged the message in time; it may still arrive",
	};

	list_remove(request->state == OUTBOX_QUEUED ? &outbox->queued : &outbox->sent, request);
	finish(outbox, request, &late);
}

void outbox_init(struct outbox *outbox, size_t max, void (*free_load)(void *load))
{
	*outbox = (struct outbox){.max = max, .free_load = free_load};
	pthread_mutex_init(&outbox->mutex, NULL);
	cond_init_monotonic(&outbox->room);
	error_set(&outbox->closed_because, ERROR_UNAVAILABLE, "not connected to the broker yet");
}

void outbox_destroy(struct outbox *outbox)
{
	pthread_cond_destroy(&outbox->room);
	pthread_mutex_destroy(&outbox->mutex);
}

void outbox_request_init(struct outbox_request *request, void *load)
{
	*request = (struct outbox_request){.load = load};
	cond_init_monotonic(&request->done);
}

struct outbox_request *outbox_request_detached(void *load)
{
	struct outbox_request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return NULL;
	outbox_request_init(request, load);
	request->detached = true;
	return request;
}

void outbox_request_destroy(struct outbox_request *request)
{
	pthread_cond_destroy(&request->done);
}

int outbox_put(struct outbox *outbox, struct outbox_request *request, int64_t deadline_us,
	struct error *err)
{
	LOCK_SCOPE(&outbox->mutex);

	while (outbox->open && outbox->count >= outbox->max) {
		if (!cond_wait_until(&outbox->room, &outbox->mutex, deadline_us))
			return error_set(err, ERROR_TIMEOUT,
				"%zu messages wait for the broker's acknowledgement already; try "
				"later",
				outbox->max);
	}
	if (!outbox->open)
		return error_set(
			err, outbox->closed_because.code, "%s", outbox->closed_because.message);
	request->state = OUTBOX_QUEUED;
	request->deadline_us = deadline_us;
	list_append(&outbox->queued, request);
	outbox->count++;
	return 0;
}

int outbox_wait(struct outbox *outbox, struct outbox_request *request, struct error *err)
{
	LOCK_SCOPE(&outbox->mutex);

	while (request->state != OUTBOX_DONE) {
		if (request->state == OUTBOX_SENDING) {
			pthread_cond_wait(&request->done, &outbox->mutex);
		} else if (!cond_wait_until(&request->done, &outbox->mutex, request->deadline_us) &&
			   (request->state == OUTBOX_QUEUED || request->state == OUTBOX_SENT)) {
			withdraw(outbox, request);
		}
	}
	if (request->result != 0)
		error_set(err, request->error.code, "%s", request->error.message);
	return request->result;
}

void outbox_open(struct outbox *outbox)
{
	LOCK_SCOPE(&outbox->mutex);
	outbox->open = true;
}

void outbox_close(struct outbox *outbox, const struct error *because)
{
	struct outbox_list *lists[] = {&outbox->sent, &outbox->queued};

	LOCK_SCOPE(&outbox->mutex);
	outbox->open = false;
	outbox->closed_because = *because;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		while (lists[i]->first != NULL) {
			struct outbox_request *request = lists[i]->first;

			list_remove(lists[i], request);
			finish(outbox, request, because);
		}
	}
	pthread_cond_broadcast(&outbox->room);
}

struct outbox_request *outbox_take(struct outbox *outbox)
{
	struct outbox_request *request;

	LOCK_SCOPE(&outbox->mutex);
	request = outbox->queued.first;
	if (request == NULL)
		return NULL;
	list_remove(&outbox->queued, request);
	request->state = OUTBOX_SENDING;
	return request;
}

void outbox_sent(struct outbox *outbox, struct outbox_request *request, int mid)
{
	LOCK_SCOPE(&outbox->mutex);
	request->mid = mid;
	request->state = OUTBOX_SENT;
	list_append(&outbox->sent, request);
	/* A publisher that met the state SENDING sleeps without a deadline. */
	if (!request->detached)
		pthread_cond_signal(&request->done);
}

void outbox_failed(
	struct outbox *outbox, struct outbox_request *request, const struct error *because)
{
	LOCK_SCOPE(&outbox->mutex);
	finish(outbox, request, because);
}

void outbox_acknowledged(struct outbox *outbox, int mid, const struct error *because)
{
	LOCK_SCOPE(&outbox->mutex);
	for (struct outbox_request *request = outbox->sent.first; request != NULL;
		request = request->next) {
		if (request->mid == mid) {
			list_remove(&outbox->sent, request);
			finish(outbox, request, because);
			return;
		}
	}
}

bool outbox_is_waiting(struct outbox *outbox)
{
	LOCK_SCOPE(&outbox->mutex);
	return outbox->count > 0;
}
