/*
 * watch.c - see watch.h.
 */
#include "maestro/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "maestro/bundle_store.h"
#include "maestro/bundle_write.h"
#include "maestro/rest_reply.h"

#define ROWS 256 /* of the feed, read at once */
#define SOURCE_MAX 256

struct watcher {
	struct watcher *next;
	struct http_stream *stream;
	int64_t cursor;
	int64_t heartbeat_us; /* when the next is due */
	bool includes_bundle;
	bool has_source;
	char source[SOURCE_MAX];
	bool is_over;
};

struct watch_hub {
	struct maestro_server *server;
	struct thread *thread;
	struct stop wake;      /* poked by the feed and by new watchers */
	pthread_mutex_t mutex; /* of watchers and count */
	struct watcher *watchers;
	size_t count;
	bool is_closed;
};

/* --- lines ----------------------------------------------------------------------------------- */

/* A row of the feed and the two lines made of it, when first needed. */
struct line {
	struct arena *arena;
	const struct feed_row *row;
	struct str source;
	struct str text[2]; /* without and with the bundle */
};

/* The bundle as it is now, null when it is gone; NULL when that cannot be told. */
static struct json *current_bundle(
	struct maestro_server *server, struct arena *arena, struct str id)
{
	struct bundle bundle;

	switch (bundle_read(server, arena, id, &bundle, NULL)) {
	case 1:
		return bundle_to_json(arena, &bundle);
	case 0:
		return json_new_null(arena);
	default:
		return NULL;
	}
}

/* Null when it cannot be made. */
static struct str line_text(struct maestro_server *server, struct line *line, bool includes_bundle)
{
	const struct feed_row *row = line->row;
	struct arena *arena = line->arena;
	struct json *document;
	struct json *bundle;

	if (!str_is_null(line->text[includes_bundle]))
		return line->text[includes_bundle];
	bundle = includes_bundle ? current_bundle(server, arena, row->id) : json_new_null(arena);
	document = json_new_object(arena);
	json_set_int(document, "sequence", row->sequence);
	json_set_int(document, "epoch", row->epoch);
	json_set_text(document, "id", row->id);
	json_set_text(document, "event", row->event);
	json_set_text(document, "consumer_name", row->owner);
	json_set_int(document, "version", row->version);
	json_set_text(document, "time", clock_text(arena, row->time_us));
	json_set(document, "bundle", bundle);
	if (bundle == NULL || arena_is_exhausted(arena))
		return STR_NULL;
	line->text[includes_bundle] = arena_printf(
		arena, "%" STR_F "\n", STR_A(json_text(arena, document, JSON_WRITE_COMPACT)));
	return line->text[includes_bundle];
}

static void send_heartbeat(struct watcher *watcher)
{
	char text[64];
	int len =
		snprintf(text, sizeof(text), "{\"heartbeat\":%lld}\n", (long long)watcher->cursor);

	watcher->heartbeat_us = clock_monotonic_us() + WATCH_HEARTBEAT_US;
	if (!http_stream_send(watcher->stream, str_n(text, (size_t)len)))
		watcher->is_over = true;
}

static bool wants(const struct watcher *watcher, const struct line *line)
{
	if (!bundle_event_is_public(line->row->event))
		return false;
	return !watcher->has_source || str_eq_c(line->source, watcher->source);
}

static void send_line(struct maestro_server *server, struct watcher *watcher, struct line *line)
{
	if (watcher->is_over || line->row->sequence <= watcher->cursor)
		return;
	if (wants(watcher, line)) {
		struct str text = line_text(server, line, watcher->includes_bundle);

		/* Whoever misses a line must come again, from where it was. */
		if (str_is_null(text) || !http_stream_send(watcher->stream, text)) {
			watcher->is_over = true;
			return;
		}
	}
	watcher->cursor = line->row->sequence;
}

static struct line line_for(struct arena *arena, const struct feed_row *row)
{
	struct line line = {.arena = arena, .row = row, .source = bundle_source_of(arena, row)};

	return line;
}

/* --- the hub --------------------------------------------------------------------------------- */

static void free_watcher(struct watcher *watcher)
{
	http_stream_close(watcher->stream);
	free(watcher);
}

/* The cursor that is furthest behind; -1 without watchers. */
static int64_t oldest_cursor(struct watch_hub *hub)
{
	int64_t oldest = -1;

	LOCK_SCOPE(&hub->mutex);
	for (const struct watcher *each = hub->watchers; each != NULL; each = each->next) {
		if (oldest < 0 || each->cursor < oldest)
			oldest = each->cursor;
	}
	return oldest;
}

/* Sending only queues bytes, so the lock is not held across I/O; loading bundles is done before. */
static void deliver_row(struct watch_hub *hub, struct arena *arena, const struct feed_row *row)
{
	struct line line = line_for(arena, row);
	bool includes = false;

	pthread_mutex_lock(&hub->mutex);
	for (struct watcher *each = hub->watchers; each != NULL; each = each->next)
		includes = includes || (each->includes_bundle && wants(each, &line) &&
					       each->cursor < row->sequence);
	pthread_mutex_unlock(&hub->mutex);
	if (includes)
		line_text(hub->server, &line, true);
	pthread_mutex_lock(&hub->mutex);
	for (struct watcher *each = hub->watchers; each != NULL; each = each->next)
		send_line(hub->server, each, &line);
	pthread_mutex_unlock(&hub->mutex);
}

static void deliver(struct watch_hub *hub, const struct feed_row *rows, size_t count)
{
	struct arena *arena = arena_new(0);

	for (size_t i = 0; arena != NULL && i < count; i++) {
		arena_reset(arena);
		deliver_row(hub, arena, &rows[i]);
	}
	arena_free(arena);
}

/* Heartbeats, and an end to those that are over. Returns when the next heartbeat is due. */
static int64_t tend(struct watch_hub *hub)
{
	int64_t now_us = clock_monotonic_us();
	int64_t next_us = now_us + WATCH_HEARTBEAT_US;

	LOCK_SCOPE(&hub->mutex);
	for (struct watcher **link = &hub->watchers; *link != NULL;) {
		struct watcher *watcher = *link;

		if (!watcher->is_over && watcher->heartbeat_us <= now_us)
			send_heartbeat(watcher);
		if (watcher->is_over || http_stream_is_gone(watcher->stream)) {
			*link = watcher->next;
			hub->count--;
			free_watcher(watcher);
			continue;
		}
		if (watcher->heartbeat_us < next_us)
			next_us = watcher->heartbeat_us;
		link = &watcher->next;
	}
	return next_us;
}

/* Those whose place in the feed has been compacted away must list again. */
static void cut_off(struct watch_hub *hub, int64_t cursor)
{
	LOCK_SCOPE(&hub->mutex);
	for (struct watcher *each = hub->watchers; each != NULL; each = each->next)
		each->is_over = each->is_over || each->cursor <= cursor;
}

static void run(void *argument)
{
	struct watch_hub *hub = argument;
	struct arena *arena = arena_new(0);
	int64_t next_us = clock_monotonic_us();

	while (arena != NULL && !stop_requested(&hub->wake)) {
		int64_t cursor = oldest_cursor(hub);
		struct feed_row *rows;
		size_t count = 0;
		struct error err;

		arena_reset(arena);
		if (cursor >= 0 && cursor < feed_last(hub->server->feed)) {
			if (feed_read(hub->server->feed, arena, cursor, ROWS, &rows, &count,
				    &err) == 0)
				deliver(hub, rows, count);
			else if (err.code == ERROR_GONE)
				cut_off(hub, cursor);
			else
				log_error(hub->server->log, "feed not read", LOG_ERROR(&err));
		}
		next_us = tend(hub);
		if (count == 0) {
			int64_t wait_us = next_us - clock_monotonic_us();

			stop_sleep(&hub->wake, wait_us > 0 ? wait_us : 0);
		}
	}
	arena_free(arena);
}

static void ring(void *context, int64_t last)
{
	struct watch_hub *hub = context;

	stop_poke(&hub->wake);
}

int watch_hub_start(struct watch_hub **ret, struct maestro_server *server, struct error *err)
{
	struct watch_hub *hub = calloc(1, sizeof(*hub));

	if (hub == NULL)
		return error_set(err, ERROR_MEMORY, "no memory for watches");
	hub->server = server;
	pthread_mutex_init(&hub->mutex, NULL);
	stop_init(&hub->wake);
	if (feed_listen(server->feed, ring, hub) != 0)
		error_set(err, ERROR_LIMITED, "too many listeners on the change feed");
	else if (thread_start(&hub->thread, "maestro-watch", run, hub, err) == 0) {
		*ret = hub;
		return 0;
	}
	watch_hub_close(hub);
	watch_hub_free(hub);
	return -1;
}

void watch_hub_close(struct watch_hub *hub)
{
	if (hub == NULL)
		return;
	feed_unlisten(hub->server->feed, hub);
	stop_request(&hub->wake);
	thread_join(hub->thread);
	LOCK_SCOPE(&hub->mutex);
	hub->is_closed = true;
	while (hub->watchers != NULL) {
		struct watcher *first = hub->watchers;

		hub->watchers = first->next;
		free_watcher(first);
	}
}

void watch_hub_free(struct watch_hub *hub)
{
	if (hub == NULL)
		return;
	stop_destroy(&hub->wake);
	pthread_mutex_destroy(&hub->mutex);
	free(hub);
}

/* --- the handler ----------------------------------------------------------------------------- */

/* Where to begin; false when the response is filled. */
static bool read_cursor(struct http_request *request, struct http_response *response, int64_t *ret)
{
	struct feed *feed = rest_of(request)->server->feed;
	struct str after = http_request_parameter(request, "after", 0);
	struct feed_row *rows;
	struct error err;
	size_t count;

	if (after.len == 0) {
		*ret = feed_last(feed);
		return true;
	}
	if (!str_to_int64(after, ret) || *ret < 0) {
		rest_fail(request, response, REST_BAD_REQUEST, "after=%" STR_F " is not a sequence",
			STR_A(after));
		return false;
	}
	if (feed_read(feed, request->arena, *ret, 1, &rows, &count, &err) == 0)
		return true;
	rest_fail_with(request, response, "Unable to watch", &err);
	return false;
}

/* Puts the watcher on the list; false when there are too many, or the end is near. */
static bool add_watcher(struct watch_hub *hub, struct watcher *watcher)
{
	LOCK_SCOPE(&hub->mutex);
	if (hub->is_closed || hub->count >= WATCH_MAX)
		return false;
	watcher->next = hub->watchers;
	hub->watchers = watcher;
	hub->count++;
	return true;
}

void bundle_watch_open(struct http_request *request, struct http_response *response)
{
	struct watch_hub *hub = rest_of(request)->watches;
	struct str source = http_request_parameter(request, "source", 0);
	struct watcher *watcher;
	int64_t cursor;

	if (!read_cursor(request, response, &cursor))
		return;
	if (source.len >= SOURCE_MAX) {
		rest_fail(request, response, REST_BAD_REQUEST, "source is longer than %d bytes",
			SOURCE_MAX - 1);
		return;
	}
	watcher = calloc(1, sizeof(*watcher));
	if (watcher == NULL) {
		rest_fail(request, response, REST_GENERAL, "no memory for a watch");
		return;
	}
	watcher->cursor = cursor;
	watcher->has_source = source.len > 0;
	memcpy(watcher->source, source.len > 0 ? source.ptr : "", source.len);
	watcher->includes_bundle =
		str_eq_c(http_request_parameter(request, "include", 0), "bundle");
	watcher->stream =
		http_stream_open(request, response, 200, "application/x-ndjson", NULL, NULL);
	if (watcher->stream == NULL) {
		free(watcher);
		rest_fail(request, response, REST_GENERAL, "the watch could not be opened");
		return;
	}
	send_heartbeat(watcher);
	if (watcher->is_over || !add_watcher(hub, watcher)) {
		free_watcher(watcher);
		return;
	}
	stop_poke(&hub->wake);
}
