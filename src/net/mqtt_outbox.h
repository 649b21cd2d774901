/*
 * mqtt_outbox.h - messages on their way to the broker: queued, handed over, acknowledged.
 *
 * Publishers (any thread) put a request and wait for its end; the network thread takes requests in
 * order, tells the packet id each got, and later which id was acknowledged. When the connection
 * goes, every request ends with the reason. Knows nothing of libmosquitto but the ids.
 *
 * A request belongs to its publisher, who must not free it before outbox_wait() returned; a
 * *detached* one belongs to the outbox from outbox_put() on.
 */
#ifndef REEVE_NET_MQTT_OUTBOX_H
#define REEVE_NET_MQTT_OUTBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum outbox_state {
	OUTBOX_NEW,
	OUTBOX_QUEUED,	/* waits for the network thread */
	OUTBOX_SENDING, /* the network thread works on it */
	OUTBOX_SENT,	/* waits for PUBACK */
	OUTBOX_DONE
};

struct outbox_request {
	struct outbox_request *previous;
	struct outbox_request *next;
	enum outbox_state state;
	int mid; /* packet id, when sent */
	int64_t deadline_us;
	bool detached;
	int result;
	struct error error;
	pthread_cond_t done;
	void *load; /* what to send: the publisher's */
};

struct outbox_list {
	struct outbox_request *first;
	struct outbox_request *last;
};

struct outbox {
	pthread_mutex_t mutex;
	pthread_cond_t room;
	struct outbox_list queued;
	struct outbox_list sent;
	size_t count; /* both lists, and what is being sent */
	size_t max;
	bool open;
	struct error closed_because;
	void (*free_load)(void *load); /* for detached requests */
	uint64_t published;
	uint64_t failed;
};

void outbox_init(struct outbox *outbox, size_t max, void (*free_load)(void *load));
void outbox_destroy(struct outbox *outbox);

void outbox_request_init(struct outbox_request *request, void *load);
/* Made on the heap, and freed with its load by the outbox. NULL when memory is out. */
struct outbox_request *outbox_request_detached(void *load);
void outbox_request_destroy(struct outbox_request *request);

/* Waits for room, at most to deadline_us (monotonic). On failure the request stays the caller's. */
int outbox_put(struct outbox *outbox, struct outbox_request *request, int64_t deadline_us,
	struct error *err);

/* The request's result, at the latest at its deadline (ERROR_TIMEOUT). */
int outbox_wait(struct outbox *outbox, struct outbox_request *request, struct error *err);

/* --- the network thread's side --------------------------------------------------------------- */

/* From now on publishers may put; closing ends all requests with `because`. */
void outbox_open(struct outbox *outbox);
void outbox_close(struct outbox *outbox, const struct error *because);

/* The oldest queued request, or NULL; give it back with outbox_sent or outbox_failed. */
struct outbox_request *outbox_take(struct outbox *outbox);
void outbox_sent(struct outbox *outbox, struct outbox_request *request, int mid);
void outbox_failed(
	struct outbox *outbox, struct outbox_request *request, const struct error *because);

/* PUBACK: because NULL is success. Unknown ids (given up by their publisher) are ignored. */
void outbox_acknowledged(struct outbox *outbox, int mid, const struct error *because);

/* Whether a publisher waits for an answer of the broker. */
bool outbox_is_waiting(struct outbox *outbox);

#endif
