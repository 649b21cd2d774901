/*
 * agent_queue.h - turns: a list of items that are ready, and a heap of those that wait for a time.
 *
 * The caller holds one lock around every call, and owns the items; an item is part of something
 * else.
 */
#ifndef REEVE_MAESTRO_AGENT_QUEUE_H
#define REEVE_MAESTRO_AGENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum agent_turn { AGENT_TURN_NONE, AGENT_TURN_READY, AGENT_TURN_TAKEN, AGENT_TURN_DELAYED };

struct agent_queue_item {
	struct agent_queue_item *next; /* while ready */
	int64_t due_us;		       /* while delayed */
	uint32_t position;	       /* in the heap, while delayed */
	uint8_t turn;		       /* enum agent_turn */
};

struct agent_queue {
	struct agent_queue_item *first, *last;
	struct agent_queue_item **heap;
	size_t count, capacity;
};

void agent_queue_free(struct agent_queue *queue);

/* Makes the item ready; nothing while it is taken: whoever ends that turn knows what else there is
 * to do. True when a waiter must wake. */
bool agent_queue_ready(struct agent_queue *queue, struct agent_queue_item *item);

/* Brings a delayed item's time forward to due_us; nothing to an item that is earlier anyway, or
 * has its turn. True when a waiter must wake. */
bool agent_queue_hasten(struct agent_queue *queue, struct agent_queue_item *item, int64_t due_us);

/* The next item, which is taken then. NULL: none before *ret_due_us (INT64_MAX: none at all). */
struct agent_queue_item *agent_queue_take(
	struct agent_queue *queue, int64_t now_us, int64_t *ret_due_us);

/* Ends a turn: the item waits until due_us (0: is ready at once). A waiter must wake, as the time
 * may be earlier than what it waits for. */
void agent_queue_done(struct agent_queue *queue, struct agent_queue_item *item, int64_t due_us);

/* Ends the turn of an item that will not come back. */
void agent_queue_forget(struct agent_queue *queue, struct agent_queue_item *item);

#endif
