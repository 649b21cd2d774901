/*
 * sentinel_queue.c - planned messages.
 *
 * Entries that are due stand in a list, in order; all others only carry their time, and one sweep a
 * second moves those whose time has come. A heap would notice to the microsecond what is planned in
 * tens of seconds.
 */
#include "clm/sentinel_queue.h"

#include <stdlib.h>

#include "base/map.h"

enum entry_state { ENTRY_PLANNED, ENTRY_READY, ENTRY_TAKEN };

struct sentinel_entry {
	struct sentinel_entry *previous, *next; /* while ready */
	enum entry_state state;
	bool stays;
	bool pushed;   /* changed while taken: due again at once */
	bool is_gone;  /* forgotten while taken */
	bool is_fresh; /* came, or was marked, since the list began */
	unsigned attempt;
	uint64_t progress; /* noted; 0: not yet */
	int64_t due_us;
	char *id, *kind, *data;
	char *next_data; /* what changed while taken */
};

struct sentinel_queue {
	struct map *entries;
	struct sentinel_entry *first, *last; /* ready */
	int64_t swept_us;
};

static char *copy(struct str text)
{
	return strndup(text.ptr ? text.ptr : "", text.len);
}

static void entry_free(void *value)
{
	struct sentinel_entry *entry = value;
	free(entry->id);
	free(entry->kind);
	free(entry->data);
	free(entry->next_data);
	free(entry);
}

/* --- the ready list -------------------------------------------------------------------------- */

static void link_last(struct sentinel_queue *queue, struct sentinel_entry *entry)
{
	entry->state = ENTRY_READY;
	entry->next = NULL;
	entry->previous = queue->last;
	*(queue->last ? &queue->last->next : &queue->first) = entry;
	queue->last = entry;
}

static void link_first(struct sentinel_queue *queue, struct sentinel_entry *entry)
{
	entry->state = ENTRY_READY;
	entry->previous = NULL;
	entry->next = queue->first;
	*(queue->first ? &queue->first->previous : &queue->last) = entry;
	queue->first = entry;
}

static void unlink_ready(struct sentinel_queue *queue, struct sentinel_entry *entry)
{
	*(entry->previous ? &entry->previous->next : &queue->first) = entry->next;
	*(entry->next ? &entry->next->previous : &queue->last) = entry->previous;
}

static void discard(struct sentinel_queue *queue, struct sentinel_entry *entry)
{
	if (entry->state == ENTRY_READY)
		unlink_ready(queue, entry);
	map_remove(queue->entries, str_of(entry->id));
	entry_free(entry);
}

/* --- public ---------------------------------------------------------------------------------- */

struct sentinel_queue *sentinel_queue_new(void)
{
	struct sentinel_queue *queue = calloc(1, sizeof(*queue));
	if (queue)
		queue->entries = map_new();
	if (queue && !queue->entries) {
		free(queue);
		return NULL;
	}
	return queue;
}

void sentinel_queue_free(struct sentinel_queue *queue)
{
	if (!queue)
		return;
	map_free(queue->entries, entry_free);
	free(queue);
}

static struct sentinel_entry *add_entry(
	struct sentinel_queue *queue, struct str id, struct str kind, struct str data)
{
	struct sentinel_entry *entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->id = copy(id);
	entry->kind = copy(kind);
	entry->data = copy(data);
	entry->is_fresh = true;
	if (!entry->id || !entry->kind || !entry->data ||
		!map_put(queue->entries, id, entry, NULL)) {
		entry_free(entry);
		return NULL;
	}
	link_last(queue, entry);
	return entry;
}

bool sentinel_queue_push(
	struct sentinel_queue *queue, struct str id, struct str kind, struct str data, bool stays)
{
	struct sentinel_entry *entry = map_get(queue->entries, id);
	if (!entry) {
		entry = add_entry(queue, id, kind, data);
		if (entry)
			entry->stays = stays;
		return entry != NULL;
	}
	char *text = copy(data);
	if (!text)
		return false;
	char **place = entry->state == ENTRY_TAKEN ? &entry->next_data : &entry->data;
	free(*place);
	*place = text;
	entry->stays = stays;
	entry->attempt = 0;
	entry->is_fresh = true;
	entry->is_gone = false;
	if (entry->state == ENTRY_TAKEN)
		entry->pushed = true;
	else if (entry->state == ENTRY_PLANNED)
		link_last(queue, entry);
	return true;
}

void sentinel_queue_note(struct sentinel_queue *queue, struct str id, uint64_t progress)
{
	struct sentinel_entry *entry = map_get(queue->entries, id);
	if (entry)
		entry->progress = progress;
}

bool sentinel_queue_has_progress(
	const struct sentinel_queue *queue, struct str id, uint64_t progress)
{
	const struct sentinel_entry *entry = map_get(queue->entries, id);
	return !entry || entry->progress != progress;
}

bool sentinel_queue_offer(
	struct sentinel_queue *queue, struct str id, struct str kind, struct str data)
{
	struct sentinel_entry *entry = map_get(queue->entries, id);
	if (entry) {
		entry->is_fresh = true;
		return true;
	}
	entry = add_entry(queue, id, kind, data);
	if (entry)
		entry->stays = true;
	return entry != NULL;
}

void sentinel_queue_forget(struct sentinel_queue *queue, struct str id)
{
	struct sentinel_entry *entry = map_get(queue->entries, id);
	if (entry && entry->state == ENTRY_TAKEN)
		entry->is_gone = true;
	else if (entry)
		discard(queue, entry);
}

void sentinel_queue_list_begin(struct sentinel_queue *queue)
{
	struct str id;
	struct sentinel_entry *entry;
	map_for_each (queue->entries, position, id, entry)
		entry->is_fresh = false;
}

void sentinel_queue_list_keep(struct sentinel_queue *queue, struct str id)
{
	struct sentinel_entry *entry = map_get(queue->entries, id);
	if (entry)
		entry->is_fresh = true;
}

void sentinel_queue_list_end(struct sentinel_queue *queue)
{
	struct str id;
	struct sentinel_entry *entry, *stale = NULL;
	/* Removing while iterating is not allowed; planned entries have their links free. */
	map_for_each (queue->entries, position, id, entry) {
		if (entry->is_fresh || entry->state != ENTRY_PLANNED)
			continue;
		entry->next = stale;
		stale = entry;
	}
	while ((entry = stale) != NULL) {
		stale = entry->next;
		discard(queue, entry);
	}
}

static void sweep(struct sentinel_queue *queue, int64_t now_us)
{
	struct str id;
	struct sentinel_entry *entry;
	if (queue->swept_us && now_us - queue->swept_us < SENTINEL_SWEEP_US)
		return;
	queue->swept_us = now_us;
	map_for_each (queue->entries, position, id, entry)
		if (entry->state == ENTRY_PLANNED && entry->due_us <= now_us)
			link_last(queue, entry);
}

size_t sentinel_queue_take(
	struct sentinel_queue *queue, int64_t now_us, struct sentinel_message *ret, size_t max)
{
	size_t count = 0;
	sweep(queue, now_us);
	while (count < max && queue->first) {
		struct sentinel_entry *entry = queue->first;
		unlink_ready(queue, entry);
		entry->state = ENTRY_TAKEN;
		ret[count++] = (struct sentinel_message){entry, str_of(entry->id),
			str_of(entry->kind), str_of(entry->data), entry->attempt};
	}
	return count;
}

void sentinel_queue_sent(struct sentinel_queue *queue, struct sentinel_entry *entry, int64_t now_us)
{
	entry->state = ENTRY_PLANNED;
	if (entry->is_gone || (!entry->pushed && !entry->stays)) {
		discard(queue, entry);
		return;
	}
	if (entry->pushed) {
		free(entry->data);
		entry->data = entry->next_data;
		entry->next_data = NULL;
		entry->pushed = false;
		link_last(queue, entry);
		return;
	}
	entry->attempt++;
	entry->due_us = now_us + sentinel_refire_us(entry->attempt);
}

void sentinel_queue_failed(struct sentinel_queue *queue, struct sentinel_entry *entry)
{
	entry->state = ENTRY_PLANNED;
	if (entry->is_gone) {
		discard(queue, entry);
		return;
	}
	if (entry->pushed) {
		free(entry->data);
		entry->data = entry->next_data;
		entry->next_data = NULL;
		entry->pushed = false;
	}
	link_first(queue, entry);
}

bool sentinel_queue_is_ready(const struct sentinel_queue *queue)
{
	return queue->first != NULL;
}

size_t sentinel_queue_count(const struct sentinel_queue *queue)
{
	return map_count(queue->entries);
}

int64_t sentinel_refire_us(unsigned attempt)
{
	int64_t wait_us = SENTINEL_DEBOUNCE_US;
	for (unsigned i = 1; i < attempt && wait_us < SENTINEL_REFIRE_MAX_US; i++)
		wait_us *= 2;
	return wait_us < SENTINEL_REFIRE_MAX_US ? wait_us : SENTINEL_REFIRE_MAX_US;
}
