/*
 * adapter_queue.h - events waiting to be worked on, one at a time for each resource.
 *
 * Keyed by the resource's id. While one waits, a newer event replaces it; while one is worked on, a
 * newer one makes one more turn. What failed gets its next turn after a growing wait. Two lines:
 * events before repairs, so that reading everything anew does not delay what happens now.
 *
 * Thread-safe. A put waits while the queue is full, which holds back whoever delivers.
 */
#ifndef REEVE_CLM_ADAPTER_QUEUE_H
#define REEVE_CLM_ADAPTER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define ADAPTER_QUEUE_MAX 100000u		     /* resources */
#define ADAPTER_RETRY_US (INT64_C(1) * 1000000)	     /* wait before the second turn */
#define ADAPTER_RETRY_MAX_US (INT64_C(60) * 1000000) /* before later ones */
#define ADAPTER_RETRIES 8u /* then it waits for its next event; the sentinel repeats them */

struct adapter_queue;
struct adapter_item;

enum adapter_line { ADAPTER_LINE_EVENT, ADAPTER_LINE_REPAIR };

struct adapter_queue *adapter_queue_new(size_t max); /* 0: ADAPTER_QUEUE_MAX; NULL: no memory */
void adapter_queue_free(struct adapter_queue *queue);

/* False when memory is out or the queue is closed. */
bool adapter_queue_put(
	struct adapter_queue *queue, struct str id, struct str event, enum adapter_line line);

/* The next turn; waits for one. NULL when closed. The event lives until adapter_queue_done. */
struct adapter_item *adapter_queue_take(struct adapter_queue *queue, struct str *ret_event);

/* The turn is over. Returns whether another one is planned because it failed. */
bool adapter_queue_done(struct adapter_queue *queue, struct adapter_item *item, bool has_failed);

/* Ends all waiting, now and later. */
void adapter_queue_close(struct adapter_queue *queue);

size_t adapter_queue_count(struct adapter_queue *queue);

/* The wait after failure number `failures` (1 first), without its jitter. */
int64_t adapter_retry_us(unsigned failures);

#endif
