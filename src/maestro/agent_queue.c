/*
 * agent_queue.c - who moves an item between none, ready, taken and delayed: only this file.
 *
 *	none, delayed --ready--> ready --take--> taken --done--> delayed (or ready again)
 */
#include "maestro/agent_queue.h"

#include <assert.h>
#include <stdlib.h>

void agent_queue_free(struct agent_queue *queue)
{
	free(queue->heap);
	*queue = (struct agent_queue){0};
}

/* --- the heap ------------------------------------------------------------------------------ */

static void heap_set(struct agent_queue *queue, size_t position, struct agent_queue_item *item)
{
	queue->heap[position] = item;
	item->position = (uint32_t)position;
}

static void heap_up(struct agent_queue *queue, size_t position)
{
	struct agent_queue_item *item = queue->heap[position];
	while (position > 0) {
		size_t parent = (position - 1) / 2;
		if (queue->heap[parent]->due_us <= item->due_us)
			break;
		heap_set(queue, position, queue->heap[parent]);
		position = parent;
	}
	heap_set(queue, position, item);
}

static void heap_down(struct agent_queue *queue, size_t position)
{
	struct agent_queue_item *item = queue->heap[position];
	for (;;) {
		size_t child = 2 * position + 1;
		if (child >= queue->count)
			break;
		if (child + 1 < queue->count &&
			queue->heap[child + 1]->due_us < queue->heap[child]->due_us)
			child++;
		if (item->due_us <= queue->heap[child]->due_us)
			break;
		heap_set(queue, position, queue->heap[child]);
		position = child;
	}
	heap_set(queue, position, item);
}

static bool heap_add(struct agent_queue *queue, struct agent_queue_item *item)
{
	if (queue->count == queue->capacity) {
		size_t capacity = queue->capacity ? queue->capacity * 2 : 64;
		void *heap = realloc(queue->heap, capacity * sizeof(*queue->heap));
		if (!heap)
			return false;
		queue->heap = heap;
		queue->capacity = capacity;
	}
	heap_set(queue, queue->count++, item);
	heap_up(queue, item->position);
	return true;
}

static void heap_remove(struct agent_queue *queue, struct agent_queue_item *item)
{
	size_t position = item->position;
	struct agent_queue_item *last = queue->heap[--queue->count];
	if (last == item)
		return;
	heap_set(queue, position, last);
	heap_up(queue, position);
	heap_down(queue, last->position);
}

/* --- moves --------------------------------------------------------------------------------- */

static void list_add(struct agent_queue *queue, struct agent_queue_item *item)
{
	item->turn = AGENT_TURN_READY;
	item->next = NULL;
	if (queue->last)
		queue->last->next = item;
	else
		queue->first = item;
	queue->last = item;
}

bool agent_queue_ready(struct agent_queue *queue, struct agent_queue_item *item)
{
	switch ((enum agent_turn)item->turn) {
	case AGENT_TURN_READY:
	case AGENT_TURN_TAKEN:
		return false;
	case AGENT_TURN_DELAYED:
		heap_remove(queue, item);
		break;
	case AGENT_TURN_NONE:
		break;
	}
	list_add(queue, item);
	return true;
}

bool agent_queue_hasten(struct agent_queue *queue, struct agent_queue_item *item, int64_t due_us)
{
	if (item->turn != AGENT_TURN_DELAYED || item->due_us <= due_us)
		return false;
	item->due_us = due_us;
	heap_up(queue, item->position);
	return item->position == 0;
}

struct agent_queue_item *agent_queue_take(
	struct agent_queue *queue, int64_t now_us, int64_t *ret_due_us)
{
	while (queue->count > 0 && queue->heap[0]->due_us <= now_us) {
		struct agent_queue_item *due = queue->heap[0];
		heap_remove(queue, due);
		list_add(queue, due);
	}
	struct agent_queue_item *item = queue->first;
	if (!item) {
		*ret_due_us = queue->count > 0 ? queue->heap[0]->due_us : INT64_MAX;
		return NULL;
	}
	queue->first = item->next;
	if (!queue->first)
		queue->last = NULL;
	item->turn = AGENT_TURN_TAKEN;
	return item;
}

void agent_queue_done(struct agent_queue *queue, struct agent_queue_item *item, int64_t due_us)
{
	assert(item->turn == AGENT_TURN_TAKEN);
	item->due_us = due_us;
	item->turn = AGENT_TURN_DELAYED;
	/* Without memory for the heap it takes its turn early rather than never. */
	if (due_us == 0 || !heap_add(queue, item))
		list_add(queue, item);
}

void agent_queue_forget(struct agent_queue *queue, struct agent_queue_item *item)
{
	assert(item->turn == AGENT_TURN_TAKEN);
	item->turn = AGENT_TURN_NONE;
}
