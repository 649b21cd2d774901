/*
 * agent_store.c - works in a map, their objects in an index, their turns in a queue.
 *
 * Memory is what matters here: a management cluster has thousands of works that sleep. A work is
 * one allocation, its spec another, its status a third; an object is found by a 64-bit hash of its
 * name, and a collision only wakes a work that then finds nothing to do. The spec is kept as the
 * text that arrived, packed (zlib), because parsed it takes ten times the room and is needed only
 * in its turn.
 */
#include "maestro/agent_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/map.h"
#include "base/thread.h"
#include "maestro/agent.h"
#include "maestro/agent_queue.h"

#define PACK_FROM_BYTES 512   /* shorter payloads gain too little */
#define AGENT_MAX_ATTEMPTS 30 /* counted; the wait has its maximum long before */

enum { TEXT_SOURCE, TEXT_METADATA, TEXT_LOG_TRACING, TEXT_PAYLOAD, TEXT_COUNT };

/* Several strings in one allocation; UINT32_MAX stands for a null one. */
struct text {
	uint32_t lengths[TEXT_COUNT];
	uint32_t payload_size; /* unpacked; 0: it lies here as it is */
	char bytes[];
};

/* What happened to a target and waits for the work's turn. */
struct event {
	struct event *next;
	size_t ordinal;
	int64_t version;
	size_t len; /* SIZE_MAX: gone */
	char object[];
};

struct agent_work {
	struct agent_queue_item item; /* first: the queue's pointer is the work */
	struct text *text;
	char *status;		       /* NULL: none */
	struct agent_tracked *tracked; /* one per manifest */
	struct event *events;
	int64_t generation;
	int64_t repaired_us; /* monotonic */
	int64_t ended_us;    /* monotonic; of the last turn */
	int64_t later_us;    /* when later_todo is due */
	uint64_t applied_hash;
	uint32_t tracked_count;
	uint32_t status_len;
	uint8_t attempts;
	uint8_t repairs;
	uint8_t todo;
	uint8_t later_todo; /* waits for its time, also when something else gives a turn before */
	bool is_deleting;
	bool is_sent;
	bool wants_spec; /* a spec came while it was being deleted */
	char owner_uid[ID_UUID_SIZE];
	char hash[HASH_SHA256_HEX_SIZE];
	uint16_t id_len;
	char id[];
};

struct agent_store {
	pthread_mutex_t mutex; /* everything below */
	pthread_cond_t changed;
	struct map *works;
	struct agent_index index;
	struct agent_queue queue;
	int64_t resync_us;
	bool is_stopping;
};

/* --- life ---------------------------------------------------------------------------------- */

struct agent_store *agent_store_new(int64_t resync_us)
{
	struct agent_store *store = calloc(1, sizeof(*store));
	if (!store)
		return NULL;
	store->works = map_new();
	bool has_index = agent_index_init(&store->index);
	store->resync_us = resync_us;
	pthread_mutex_init(&store->mutex, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&store->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (store->works && has_index)
		return store;
	agent_store_free(store);
	return NULL;
}

static void events_free(struct event *event)
{
	while (event) {
		struct event *next = event->next;
		free(event);
		event = next;
	}
}

static void work_free(void *value)
{
	struct agent_work *work = value;
	events_free(work->events);
	free(work->tracked);
	free(work->status);
	free(work->text);
	free(work);
}

void agent_store_free(struct agent_store *store)
{
	if (!store)
		return;
	agent_index_free(&store->index);
	map_free(store->works, work_free);
	agent_queue_free(&store->queue);
	pthread_cond_destroy(&store->changed);
	pthread_mutex_destroy(&store->mutex);
	free(store);
}

void agent_store_stop(struct agent_store *store)
{
	LOCK_SCOPE(&store->mutex);
	store->is_stopping = true;
	pthread_cond_broadcast(&store->changed);
}

/* With the lock held: gives the work a turn now; if it has one, another after it. */
static void work_wake(struct agent_store *store, struct agent_work *work, unsigned todo)
{
	work->todo |= (uint8_t)todo;
	if (agent_queue_ready(&store->queue, &work->item))
		pthread_cond_signal(&store->changed);
}

/* With the lock held: what was observed may wait for more of its kind, unless a deletion waits for
 * it. */
static void work_wake_to_look(struct agent_store *store, struct agent_work *work)
{
	int64_t due_us = work->ended_us + AGENT_OBSERVE_PAUSE_US;
	if (work->is_deleting || due_us <= clock_monotonic_us())
		work_wake(store, work, 0);
	else if (agent_queue_hasten(&store->queue, &work->item, due_us))
		pthread_cond_signal(&store->changed);
}

/* --- text ---------------------------------------------------------------------------------- */

/* Packs the payload: it is most of what an agent keeps, and is read only at the work's turns.
 * *ret_packed (to be freed) is NULL when it stays as it is. */
static struct str payload_pack(struct str payload, void **ret_packed)
{
	uLongf len = compressBound((uLong)payload.len);

	*ret_packed = payload.len > PACK_FROM_BYTES ? malloc(len) : NULL;
	if (*ret_packed &&
		compress2(*ret_packed, &len, (const Bytef *)payload.ptr, (uLong)payload.len,
			Z_BEST_SPEED) == Z_OK &&
		len < payload.len)
		return str_n(*ret_packed, len);
	free(*ret_packed);
	*ret_packed = NULL;
	return payload;
}

static struct text *text_new(const struct agent_spec *spec)
{
	void *packed;
	const struct str parts[TEXT_COUNT] = {spec->source, spec->metadata, spec->log_tracing,
		payload_pack(spec->payload, &packed)};
	size_t len = 0;
	for (size_t i = 0; i < TEXT_COUNT; i++)
		len += parts[i].len;
	struct text *text = malloc(sizeof(*text) + len);
	char *end = text ? text->bytes : NULL;
	for (size_t i = 0; text && i < TEXT_COUNT; i++) {
		text->lengths[i] = str_is_null(parts[i]) ? UINT32_MAX : (uint32_t)parts[i].len;
		if (parts[i].len > 0)
			memcpy(end, parts[i].ptr, parts[i].len);
		end += parts[i].len;
	}
	if (text)
		text->payload_size = packed ? (uint32_t)spec->payload.len : 0;
	free(packed);
	return text;
}

static struct str text_part(const struct text *text, size_t wanted)
{
	size_t offset = 0;
	for (size_t i = 0; text && i < TEXT_COUNT; i++) {
		bool is_null = text->lengths[i] == UINT32_MAX;
		size_t len = is_null ? 0 : text->lengths[i];
		if (i == wanted)
			return is_null ? STR_NULL : str_n(text->bytes + offset, len);
		offset += len;
	}
	return STR_NULL;
}

/* The payload as received, in the arena. */
static struct str text_payload(const struct text *text, struct arena *arena)
{
	struct str kept = text_part(text, TEXT_PAYLOAD);
	if (!text || !text->payload_size)
		return arena_str(arena, kept);
	uLongf len = text->payload_size;
	char *payload = arena_alloc(arena, len + 1);
	if (!payload || uncompress((Bytef *)payload, &len, (const Bytef *)kept.ptr,
				(uLong)kept.len) != Z_OK)
		return STR_NULL;
	payload[len] = '\0';
	return str_n(payload, len);
}

/* --- the index ----------------------------------------------------------------------------- */

static void work_untrack(struct agent_store *store, struct agent_work *work)
{
	for (uint32_t i = 0; i < work->tracked_count; i++) {
		if (work->tracked[i].target.key != 0)
			agent_index_remove(&store->index, &work->tracked[i]);
	}
	free(work->tracked);
	work->tracked = NULL;
	work->tracked_count = 0;
}

static bool targets_are_tracked(
	const struct agent_work *work, const struct agent_target *targets, size_t count)
{
	if (work->tracked_count != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (work->tracked[i].target.key != targets[i].key)
			return false;
	}
	return true;
}

static void work_track(struct agent_store *store, struct agent_work *work,
	const struct agent_target *targets, size_t count)
{
	work_untrack(store, work);
	work->tracked = calloc(count, sizeof(*work->tracked));
	if (!work->tracked)
		return; /* unobserved, so repaired by resync alone */
	work->tracked_count = (uint32_t)count;
	for (size_t i = 0; i < count; i++) {
		struct agent_tracked *tracked = &work->tracked[i];
		*tracked = (struct agent_tracked){
			.work = work, .ordinal = (uint32_t)i, .target = targets[i]};
		if (targets[i].key != 0 && !agent_index_add(&store->index, tracked))
			tracked->target.key = 0;
	}
}

void agent_store_track(struct agent_store *store, const struct agent_pass *pass,
	const struct agent_target *targets, size_t count)
{
	LOCK_SCOPE(&store->mutex);
	if (!targets_are_tracked(pass->work, targets, count))
		work_track(store, pass->work, targets, count);
}

/* A deletion may carry the version that the object had all along. */
static bool is_news(const struct agent_tracked *tracked, int64_t version, bool is_gone)
{
	if (version == 0 || tracked->work->is_deleting)
		return true;
	return is_gone ? version >= tracked->target.version : version > tracked->target.version;
}

bool agent_store_sees(
	struct agent_store *store, uint64_t key, uint64_t listing, int64_t version, bool is_gone)
{
	bool is_wanted = false;
	LOCK_SCOPE(&store->mutex);
	for (struct agent_tracked *each = agent_index_find(&store->index, key); each;
		each = each->next) {
		if (listing != 0)
			each->listing = listing;
		is_wanted |= is_news(each, version, is_gone);
	}
	return is_wanted;
}

/* Keeps the newest event of each target. */
static void work_add_event(struct agent_work *work, struct event *event)
{
	for (struct event **each = &work->events; *each; each = &(*each)->next) {
		if ((*each)->ordinal != event->ordinal)
			continue;
		struct event *old = *each;
		*each = old->next;
		free(old);
		break;
	}
	event->next = work->events;
	work->events = event;
}

void agent_store_observe(
	struct agent_store *store, uint64_t key, int64_t version, struct str object)
{
	bool is_gone = str_is_null(object);
	LOCK_SCOPE(&store->mutex);
	for (struct agent_tracked *each = agent_index_find(&store->index, key); each;
		each = each->next) {
		if (!is_news(each, version, is_gone))
			continue;
		struct event *event = malloc(sizeof(*event) + object.len);
		if (!event) {
			work_wake(store, each->work, AGENT_DO_APPLY);
			continue;
		}
		*event = (struct event){.ordinal = each->ordinal,
			.version = version,
			.len = is_gone ? SIZE_MAX : object.len};
		if (!is_gone)
			memcpy(event->object, object.ptr, object.len);
		work_add_event(each->work, event);
		work_wake_to_look(store, each->work);
	}
}

void agent_store_listed(struct agent_store *store, uint32_t kind, uint64_t listing)
{
	struct str key;
	struct agent_work *work;
	LOCK_SCOPE(&store->mutex);
	map_for_each (store->works, position, key, work) {
		for (uint32_t i = 0; i < work->tracked_count; i++) {
			const struct agent_tracked *tracked = &work->tracked[i];
			if (tracked->target.kind == kind && tracked->target.key != 0 &&
				tracked->listing != 0 && tracked->listing < listing)
				work_wake(store, work, AGENT_DO_APPLY);
		}
	}
}

/* --- specs --------------------------------------------------------------------------------- */

static struct agent_work *work_add(
	struct agent_store *store, const struct agent_spec *spec, struct error *err)
{
	if (map_count(store->works) >= AGENT_MAX_WORKS) {
		error_set(err, ERROR_LIMITED, "bundle %" STR_F " exceeds the limit of %d bundles",
			STR_A(spec->id), AGENT_MAX_WORKS);
		return NULL;
	}
	struct agent_work *work = calloc(1, sizeof(*work) + spec->id.len + 1);
	if (work) {
		work->id_len = (uint16_t)spec->id.len;
		memcpy(work->id, spec->id.ptr, spec->id.len);
	}
	if (work && map_put(store->works, spec->id, work, NULL))
		return work;
	free(work);
	error_set(err, ERROR_MEMORY, "no memory for bundle %" STR_F, STR_A(spec->id));
	return NULL;
}

static void work_set_spec(struct agent_work *work, const struct agent_spec *spec, struct text *text)
{
	if (spec->generation != 0 || work->generation == 0)
		work->generation = spec->generation;
	/* A deletion without content keeps what is known, for the names in it. */
	if (spec->is_deleting && work->text) {
		free(text);
		return;
	}
	free(work->text);
	work->text = text;
}

/* With the lock held. The text becomes the work's, or is freed. */
static int receive(struct agent_store *store, const struct agent_spec *spec, struct text *text,
	struct arena *arena, enum agent_action *ret, struct error *err)
{
	struct agent_work *work = map_get(store->works, spec->id);
	struct agent_known known = {0};
	if (work)
		known = (struct agent_known){work->generation, work->is_deleting,
			text_payload(work->text, arena), text_part(work->text, TEXT_METADATA)};
	*ret = agent_spec_decide(work ? &known : NULL, spec);
	bool takes_text = *ret == AGENT_ADD || *ret == AGENT_REPLACE || *ret == AGENT_MARK_DELETING;
	if (takes_text && !work)
		work = work_add(store, spec, err);
	if (!takes_text || !work)
		free(text);
	if (!work)
		return -1;
	if (*ret == AGENT_LATER)
		work->wants_spec = true;
	if (*ret == AGENT_RETRY_DELETE)
		work_wake(store, work, AGENT_DO_SEND);
	if (!takes_text)
		return 0;
	work_set_spec(work, spec, text);
	work->is_deleting |= *ret == AGENT_MARK_DELETING;
	work->attempts = 0;
	work->later_todo = 0;
	work_wake(store, work, AGENT_DO_APPLY);
	return 0;
}

int agent_store_receive(struct agent_store *store, const struct agent_spec *spec,
	enum agent_action *ret, struct error *err)
{
	struct text *text = text_new(spec);
	if (!text)
		return error_set(
			err, ERROR_MEMORY, "no memory for bundle %" STR_F, STR_A(spec->id));
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	LOCK_SCOPE(&store->mutex);
	return receive(store, spec, text, arena, ret, err);
}

/* --- turns --------------------------------------------------------------------------------- */

static void pass_copy_events(struct arena *arena, struct agent_pass *pass, struct agent_work *work)
{
	size_t count = 0;
	for (const struct event *each = work->events; each; each = each->next)
		count++;
	pass->observations = arena_calloc(arena, count, sizeof(*pass->observations));
	for (const struct event *each = work->events; each && pass->observations;
		each = each->next) {
		struct str object = STR_NULL;
		if (each->len != SIZE_MAX)
			object = arena_str(arena, str_n(each->object, each->len));
		pass->observations[pass->observation_count++] =
			(struct agent_observation){each->ordinal, each->version, object};
	}
	events_free(work->events);
	work->events = NULL;
}

static void pass_copy(struct arena *arena, struct agent_pass *pass, struct agent_work *work)
{
	*pass = (struct agent_pass){
		.work = work,
		.todo = work->todo,
		.id = arena_str(arena, str_n(work->id, work->id_len)),
		.generation = work->generation,
		.is_deleting = work->is_deleting,
		.source = arena_str(arena, text_part(work->text, TEXT_SOURCE)),
		.metadata = arena_str(arena, text_part(work->text, TEXT_METADATA)),
		.log_tracing = arena_str(arena, text_part(work->text, TEXT_LOG_TRACING)),
		.payload = text_payload(work->text, arena),
		.status = work->status ? arena_str(arena, str_n(work->status, work->status_len))
				       : STR_NULL,
		.is_sent = work->is_sent,
		.owner_uid =
			work->owner_uid[0] ? arena_str(arena, str_of(work->owner_uid)) : STR_NULL,
		.applied_hash = work->applied_hash,
		.repairs = work->repairs,
	};
	pass->targets = arena_calloc(arena, work->tracked_count, sizeof(*pass->targets));
	for (uint32_t i = 0; pass->targets && i < work->tracked_count; i++)
		pass->targets[pass->target_count++] = work->tracked[i].target;
	pass_copy_events(arena, pass, work);
	work->todo = 0;
}

/* With the lock held: the next work whose time has come, or NULL after a wait. */
static struct agent_work *wait_for_work(struct agent_store *store)
{
	int64_t due_us = 0;
	struct agent_queue_item *item =
		agent_queue_take(&store->queue, clock_monotonic_us(), &due_us);
	if (item)
		return (struct agent_work *)item;
	if (due_us == INT64_MAX) {
		pthread_cond_wait(&store->changed, &store->mutex);
		return NULL;
	}
	struct timespec until = {due_us / CLOCK_US_PER_S, (due_us % CLOCK_US_PER_S) * 1000};
	pthread_cond_timedwait(&store->changed, &store->mutex, &until);
	return NULL;
}

static void work_find_todo(struct agent_work *work, int64_t now_us)
{
	if (work->later_todo != 0 && now_us >= work->later_us) {
		work->todo |= work->later_todo;
		work->later_todo = 0;
	}
	/* Its time came and nothing had happened: the slow repair. */
	if (work->todo == 0 && !work->events && work->later_todo == 0)
		work->todo = AGENT_DO_APPLY | AGENT_DO_VERIFY;
}

bool agent_store_take(struct agent_store *store, struct arena *arena, struct agent_pass *ret)
{
	LOCK_SCOPE(&store->mutex);
	while (!store->is_stopping) {
		struct agent_work *work = wait_for_work(store);
		if (!work)
			continue;
		work_find_todo(work, clock_monotonic_us());
		pass_copy(arena, ret, work);
		return true;
	}
	return false;
}

static void work_set_status(struct agent_work *work, const struct agent_outcome *outcome)
{
	char *status = malloc(outcome->status.len);
	if (!status)
		return; /* computed again at the next turn */
	memcpy(status, outcome->status.ptr, outcome->status.len);
	free(work->status);
	work->status = status;
	work->status_len = (uint32_t)outcome->status.len;
	memcpy(work->hash, outcome->hash, sizeof(work->hash));
}

static void work_set_targets(struct agent_work *work, const struct agent_outcome *outcome)
{
	for (size_t i = 0; i < outcome->target_count && i < work->tracked_count; i++) {
		struct agent_target *target = &work->tracked[i].target;
		if (target->key != outcome->targets[i].key)
			continue;
		target->version = outcome->targets[i].version;
		target->is_unstable = outcome->targets[i].is_unstable;
	}
}

/* Events that the pass has overtaken by reading or writing the object itself. */
static void work_drop_old_events(struct agent_work *work)
{
	struct event **each = &work->events;
	while (*each) {
		struct event *event = *each;
		bool is_known = event->ordinal < work->tracked_count;
		if (is_known && !is_news(&work->tracked[event->ordinal], event->version,
					event->len == SIZE_MAX)) {
			*each = event->next;
			free(event);
		} else {
			each = &event->next;
		}
	}
}

static void work_count_repair(struct agent_work *work, int64_t now_us)
{
	if (now_us - work->repaired_us > 2 * AGENT_REPAIR_MAX_US)
		work->repairs = 0;
	work->repaired_us = now_us;
	if (work->repairs < AGENT_MAX_ATTEMPTS)
		work->repairs++;
}

/* When the next turn is due, if nothing happens before. */
static int64_t next_turn_us(struct agent_store *store, struct agent_work *work,
	const struct agent_outcome *outcome, int64_t now_us)
{
	if (outcome->is_failed) {
		work->later_todo |= AGENT_DO_APPLY;
		work->later_us = now_us + thread_backoff_us(work->attempts, AGENT_RETRY_US,
						  AGENT_RETRY_MAX_US);
		if (work->attempts < AGENT_MAX_ATTEMPTS)
			work->attempts++;
	} else if (outcome->repair_after_us > 0 && work->later_todo == 0) {
		work->later_todo = AGENT_DO_APPLY;
		work->later_us = now_us + outcome->repair_after_us;
		work_count_repair(work, now_us);
	}
	if (work->later_todo != 0)
		return work->later_us;
	work->attempts = 0;
	/* Spread, so that thousands of works do not come at once. */
	return now_us + store->resync_us +
	       (int64_t)(hash_fnv1a(str_n(work->id, work->id_len)) %
			 (uint64_t)(store->resync_us / 2 + 1));
}

static void work_forget(struct agent_store *store, struct agent_work *work)
{
	agent_queue_forget(&store->queue, &work->item);
	work_untrack(store, work);
	map_remove(store->works, str_n(work->id, work->id_len));
	work_free(work);
}

void agent_store_finish(struct agent_store *store, const struct agent_pass *pass,
	const struct agent_outcome *outcome, bool *ret_wants_spec)
{
	struct agent_work *work = pass->work;
	int64_t now_us = clock_monotonic_us();
	*ret_wants_spec = false;
	LOCK_SCOPE(&store->mutex);
	if (outcome->is_forgotten) {
		*ret_wants_spec = work->wants_spec;
		work_forget(store, work);
		return;
	}
	if (!str_is_null(outcome->status))
		work_set_status(work, outcome);
	work->is_sent = outcome->is_sent;
	if (!str_is_null(outcome->owner_uid) && outcome->owner_uid.len < sizeof(work->owner_uid)) {
		memcpy(work->owner_uid, outcome->owner_uid.ptr, outcome->owner_uid.len);
		work->owner_uid[outcome->owner_uid.len] = '\0';
	}
	work->applied_hash = outcome->applied_hash;
	work_set_targets(work, outcome);
	work_drop_old_events(work);
	if (outcome->has_repaired)
		work_count_repair(work, now_us);
	work->ended_us = now_us;
	int64_t due_us = next_turn_us(store, work, outcome, now_us);
	if (work->events && due_us > now_us + AGENT_OBSERVE_PAUSE_US)
		due_us = now_us + AGENT_OBSERVE_PAUSE_US;
	bool is_next = work->todo != 0 || (work->events && work->is_deleting);
	agent_queue_done(&store->queue, &work->item, is_next ? 0 : due_us);
	pthread_cond_signal(&store->changed);
}

/* --- reports ------------------------------------------------------------------------------- */

void agent_store_report(struct agent_store *store, struct str id, struct str hash)
{
	LOCK_SCOPE(&store->mutex);
	struct agent_work *work = map_get(store->works, id);
	if (work && work->status && !str_eq_c(hash, work->hash))
		work_wake(store, work, AGENT_DO_REPORT);
}

void agent_store_report_all(struct agent_store *store)
{
	struct str id;
	struct agent_work *work;
	LOCK_SCOPE(&store->mutex);
	map_for_each (store->works, position, id, work) {
		if (work->status)
			work_wake(store, work, AGENT_DO_REPORT);
	}
}

void agent_store_send_unsent(struct agent_store *store)
{
	struct str id;
	struct agent_work *work;
	LOCK_SCOPE(&store->mutex);
	map_for_each (store->works, position, id, work) {
		if (work->status && !work->is_sent)
			work_wake(store, work, AGENT_DO_SEND);
	}
}

void agent_store_each(struct agent_store *store,
	void (*each)(void *arg, struct str id, int64_t generation), void *arg)
{
	struct str id;
	struct agent_work *work;
	LOCK_SCOPE(&store->mutex);
	map_for_each (store->works, position, id, work) {
		each(arg, id, work->generation);
	}
}

size_t agent_store_count(struct agent_store *store)
{
	LOCK_SCOPE(&store->mutex);
	return map_count(store->works);
}
