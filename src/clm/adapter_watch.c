/*
 * adapter_watch.c - one thread that reads Maestro's stream, and lists where the stream has a gap.
 *
 * A row that says "gone" may come without the bundle, so the events of bundles that are being
 * deleted are kept in memory until then. After a restart the list fills them in again; one that
 * goes while the adapter is away is repaired by the sentinel, for whom the resource stays
 * unreconciled.
 */
#include "clm/adapter_watch.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/map.h"
#include "clm/adapter_maestro.h"

#define SILENCE_US (INT64_C(30) * 1000000) /* three heartbeats */
#define RETRY_US INT64_C(200000)
#define RETRY_MAX_US (INT64_C(10) * 1000000)
#define PAGE_SIZE 100
#define MAX_PAGES 100000

struct adapter_watch {
	struct adapter_watch_config config;
	struct thread *thread;
	struct arena *arena;   /* of one row or page */
	struct map *dying;     /* bundle id -> event, on the heap */
	int64_t cursor, epoch; /* -1: unknown */
	bool has_gap;	       /* everything must be read */
	bool has_read;	       /* something came on this connection */
	atomic_uint_fast64_t rows;
};

static struct str event_of(const struct json *bundle)
{
	return json_str(
		json_find(bundle, "metadata", "annotations", ADAPTER_EVENT_ANNOTATION, NULL));
}

static void remember_dying(struct adapter_watch *watch, struct str id, struct str event)
{
	void *old = NULL;
	char *copy = str_is_empty(event) ? NULL : strndup(event.ptr, event.len);
	if (!copy)
		return;
	if (map_put(watch->dying, id, copy, &old))
		free(old);
	else
		free(copy);
}

static void tell(struct adapter_watch *watch, struct str event, enum adapter_line line)
{
	if (!str_is_empty(event))
		watch->config.on_event(watch->config.context, event, line);
}

static void apply_row(struct adapter_watch *watch, const struct json *row)
{
	const struct json *bundle = json_get(row, "bundle");
	struct str id = json_get_text(row, "id"), what = json_get_text(row, "event");
	struct str event = event_of(bundle);
	if (str_eq(what, STR("gone"))) {
		CLEANUP(cleanup_free) char *kept = map_remove(watch->dying, id);
		tell(watch, str_is_null(event) ? str_of(kept) : event, ADAPTER_LINE_EVENT);
		return;
	}
	if (!json_is_null(json_get(bundle, "deleted_at")))
		remember_dying(watch, id, event);
	if (str_eq(what, STR("status")))
		tell(watch, event, ADAPTER_LINE_EVENT);
}

/* --- list ------------------------------------------------------------------------------------ */

static int list_page(
	struct adapter_watch *watch, unsigned page, struct json **ret, struct error *err)
{
	struct str filter = http_encode(watch->arena,
		arena_printf(watch->arena, "source='%" STR_F "'", STR_A(watch->config.source)));
	struct http_call call = {.method = "GET",
		.path = arena_printf(watch->arena,
			ADAPTER_MAESTRO_PATH "?search=%" STR_F "&page=%u&size=%d", STR_A(filter),
			page, PAGE_SIZE),
		.retries = 2};
	return http_client_json(watch->config.maestro, watch->arena, &call, NULL, ret, err);
}

static int list_all(struct adapter_watch *watch, struct error *err)
{
	size_t seen = 0;
	for (unsigned page = 1; page <= MAX_PAGES; page++) {
		struct json *answer = NULL;
		const struct json *bundle;
		arena_reset(watch->arena);
		if (list_page(watch, page, &answer, err) != 0)
			return -1;
		const struct json *items = json_get(answer, "items");
		json_for_each (items, i, bundle) {
			struct str event = event_of(bundle);
			if (!json_is_null(json_get(bundle, "deleted_at")))
				remember_dying(watch, json_get_text(bundle, "id"), event);
			tell(watch, event, ADAPTER_LINE_REPAIR);
		}
		seen += json_count(items);
		if (json_count(items) == 0 ||
			(int64_t)seen >= json_int(json_get(answer, "total"), 0))
			return 0;
	}
	return 0;
}

/* --- stream ---------------------------------------------------------------------------------- */

static void apply_heartbeat(struct adapter_watch *watch, int64_t sequence)
{
	/* A sequence below the cursor: Maestro's database is an older or another one. */
	if (watch->cursor < 0 || sequence < watch->cursor) {
		watch->cursor = sequence;
		watch->has_gap = true;
	}
}

/* False ends the stream: it is opened again at the cursor after the list. */
static bool on_line(void *arg, struct str line)
{
	struct adapter_watch *watch = arg;
	struct json *row = NULL;
	int64_t sequence, epoch;
	arena_reset(watch->arena);
	watch->has_read = true;
	if (json_parse(watch->arena, line, NULL, &row, NULL) != 0) {
		watch->has_gap = true;
		return false;
	}
	if (json_to_int(json_get(row, "heartbeat"), &sequence)) {
		apply_heartbeat(watch, sequence);
		return !watch->has_gap;
	}
	if (!json_to_int(json_get(row, "sequence"), &sequence))
		return true;
	atomic_fetch_add(&watch->rows, 1);
	if (json_to_int(json_get(row, "epoch"), &epoch)) {
		watch->has_gap |= watch->epoch >= 0 && epoch != watch->epoch;
		watch->epoch = epoch;
	}
	apply_row(watch, row);
	watch->cursor = sequence;
	return !watch->has_gap;
}

static int read_stream(struct adapter_watch *watch, int *ret_status, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct str source = http_encode(arena, watch->config.source);
	struct http_call call = {.method = "GET", .timeout_us = SILENCE_US};
	call.path = arena_printf(
		arena, ADAPTER_MAESTRO_PATH "/watch?include=bundle&source=%" STR_F, STR_A(source));
	if (watch->cursor >= 0)
		call.path = arena_printf(
			arena, "%" STR_F "&after=%jd", STR_A(call.path), (intmax_t)watch->cursor);
	return http_client_lines(
		watch->config.maestro, &call, watch->config.stop, on_line, watch, ret_status, err);
}

static void run(void *arg)
{
	struct adapter_watch *watch = arg;
	struct log *log = watch->config.log;
	unsigned failures = 0;
	thread_yield_to_others();
	while (!stop_requested(watch->config.stop)) {
		struct error err = {0};
		int status = 0;
		watch->has_read = false;
		int rc = read_stream(watch, &status, &err);
		if (stop_requested(watch->config.stop))
			break;
		if (status == 410)
			watch->cursor = -1; /* the next heartbeat tells where "now" is */
		if (watch->has_gap) {
			/* The cursor is from before the list, so nothing falls between. */
			rc = list_all(watch, &err);
			watch->has_gap = rc != 0;
			if (rc == 0) {
				failures = 0;
				continue;
			}
		} else if (watch->has_read) {
			failures = 0;
		}
		if (rc != 0 && failures == 0)
			log_warn(log, "Maestro's watch stream ended; opening it again",
				LOG_ERROR(&err));
		stop_sleep(
			watch->config.stop, thread_backoff_us(failures++, RETRY_US, RETRY_MAX_US));
	}
}

/* --- life ------------------------------------------------------------------------------------ */

int adapter_watch_start(
	struct adapter_watch **ret, const struct adapter_watch_config *config, struct error *err)
{
	struct adapter_watch *watch = calloc(1, sizeof(*watch));
	if (!watch)
		return error_set(err, ERROR_MEMORY, "no memory for Maestro's watch");
	watch->config = *config;
	watch->cursor = watch->epoch = -1;
	watch->arena = arena_new(0);
	watch->dying = map_new();
	if (!watch->arena || !watch->dying) {
		adapter_watch_stop(watch);
		return error_set(err, ERROR_MEMORY, "no memory for Maestro's watch");
	}
	if (thread_start(&watch->thread, "adapter-watch", run, watch, err) != 0) {
		adapter_watch_stop(watch);
		return -1;
	}
	*ret = watch;
	return 0;
}

void adapter_watch_stop(struct adapter_watch *watch)
{
	if (!watch)
		return;
	thread_join(watch->thread);
	map_free(watch->dying, free);
	arena_free(watch->arena);
	free(watch);
}

uint64_t adapter_watch_rows(const struct adapter_watch *watch)
{
	return watch ? atomic_load(&watch->rows) : 0;
}
