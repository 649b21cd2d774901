/*
 * sentinel_queue.h - the resources that still need something, and when each gets its next message.
 *
 * One entry per resource, so a burst of changes becomes one message with the last content. An entry
 * holds a planned time: at once after a change, later and later (debounce, doubled each time) while
 * the resource stays unreconciled. Only such resources are kept, with the few bytes of their
 * message.
 *
 * Not thread-safe: the sentinel holds its lock around each call. Times are of the monotonic clock
 * and passed in.
 */
#ifndef REEVE_CLM_SENTINEL_QUEUE_H
#define REEVE_CLM_SENTINEL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define SENTINEL_DEBOUNCE_US (INT64_C(10) * 1000000)
#define SENTINEL_REFIRE_MAX_US (INT64_C(300) * 1000000)
#define SENTINEL_SWEEP_US (INT64_C(1) * 1000000) /* how late a planned time may be noticed */

struct sentinel_queue;
struct sentinel_entry;

/* What taking gives: borrowed from the queue until sentinel_queue_sent or _failed. */
struct sentinel_message {
	struct sentinel_entry *entry;
	struct str id;
	struct str kind;
	struct str data;
	unsigned attempt; /* 0: for a change; then counts the repetitions */
};

struct sentinel_queue *sentinel_queue_new(void); /* NULL when memory is out */
void sentinel_queue_free(struct sentinel_queue *queue);

/* Something changed: the message is due now and its repetitions begin anew. `stays`: keep the
 * resource afterwards, it is unreconciled. False when memory is out. */
bool sentinel_queue_push(
	struct sentinel_queue *queue, struct str id, struct str kind, struct str data, bool stays);

/* What the resource has achieved, as a digest: kept with its entry for sentinel_queue_has_progress.
 */
void sentinel_queue_note(struct sentinel_queue *queue, struct str id, uint64_t progress);
/* Whether the digest differs from the one noted, or none was. */
bool sentinel_queue_has_progress(
	const struct sentinel_queue *queue, struct str id, uint64_t progress);

/* Found in a full list as needing a message: due now unless it is already planned. */
bool sentinel_queue_offer(
	struct sentinel_queue *queue, struct str id, struct str kind, struct str data);

/* Nothing is left to do for the resource. */
void sentinel_queue_forget(struct sentinel_queue *queue, struct str id);

/* The full list: between begin and end each resource that needs something is marked; at the end
 * those that were there at begin and are not marked are forgotten. */
void sentinel_queue_list_begin(struct sentinel_queue *queue);
void sentinel_queue_list_keep(struct sentinel_queue *queue, struct str id);
void sentinel_queue_list_end(struct sentinel_queue *queue);

/* Up to `max` messages that are due, oldest first. */
size_t sentinel_queue_take(
	struct sentinel_queue *queue, int64_t now_us, struct sentinel_message *ret, size_t max);
/* The message is with the broker: plan the repetition, or drop the entry. */
void sentinel_queue_sent(
	struct sentinel_queue *queue, struct sentinel_entry *entry, int64_t now_us);
/* It is not: due again, before all others. */
void sentinel_queue_failed(struct sentinel_queue *queue, struct sentinel_entry *entry);

/* Whether a message is due without waiting for a sweep. */
bool sentinel_queue_is_ready(const struct sentinel_queue *queue);
size_t sentinel_queue_count(const struct sentinel_queue *queue);

/* The wait before repetition `attempt` (1 first). */
int64_t sentinel_refire_us(unsigned attempt);

#endif
