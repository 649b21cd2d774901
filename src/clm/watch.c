/*
 * watch.c - see watch.h.
 *
 * The dispatcher owns the streams; handlers only put new ones on a list (`arrivals`) and wake it. A
 * pass serves every stream whose cursor is behind the feed: it reads one batch for each distinct
 * cursor and gives it to all streams that stand there, so up-to-date streams cost one read
 * together.
 *
 * A stream that catches up is not given more than WATCH_BURST_BYTES within WATCH_REST_US, else it
 * rests: its queue has a ceiling, and a dispatcher that reads faster than the network would
 * cut off every reader that begins far in the past.
 */
#include "clm/watch.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"
#include "clm/resource.h"

#define WATCH_BURST_BYTES ((size_t)1 << 20)
#define WATCH_REST_US INT64_C(50000)
#define WATCH_NAP_US INT64_C(1000) /* the shortest sleep of the dispatcher */
#define WATCH_LINE_MAX ((size_t)8 << 20)
#define WATCH_BATCH_BYTES                                                       \
	((size_t)8 << 20) /* of lines; the batch is cut behind the one too many \
			   */

struct stream {
	struct stream *next;
	struct http_stream *http;
	const struct kind *kind; /* NULL: every kind */
	bool includes_resource;
	int64_t cursor;	      /* everything up to here has been sent */
	int64_t epoch;	      /* the store's */
	int64_t heartbeat_us; /* monotonic: when the next is due */
	int64_t ends_us;      /* monotonic: whoever reads has to prove again who it is */
	int64_t rest_us;      /* monotonic: nothing before this */
	int64_t burst_us;     /* monotonic: when the burst began */
	size_t burst;	      /* bytes sent since then */
	struct str owner;     /* null, or bytes after this struct */
	struct str tenancy;
	char bytes[];
};

/* Rows after one cursor, and their lines once somebody wants them. */
struct batch {
	struct arena *arena;
	int64_t after;
	struct feed_row *rows;
	size_t count;
	struct str *plain; /* lines, null until rendered */
	struct str *full;  /* lines with the resource */
};

struct watch {
	struct catalog *catalog;
	struct journal_retention retention;
	struct log *log;
	struct thread *thread;
	struct stop stop;
	pthread_mutex_t arrivals_mutex; /* arrivals, is_closing */
	struct stream *arrivals;
	bool is_closing;
	_Atomic size_t count;
	struct stream *streams; /* of the dispatcher only, as all below */
	struct batch batch;
	int64_t compact_us;
};

/* --- one stream ------------------------------------------------------------------------------ */

static bool wants(const struct stream *stream, const struct feed_row *row)
{
	return (stream->kind == NULL || str_eq(stream->kind->name, row->topic)) &&
	       (str_is_null(stream->owner) || str_eq(stream->owner, row->owner)) &&
	       (str_is_null(stream->tenancy) || str_eq(stream->tenancy, row->detail));
}

static bool send_heartbeat(struct stream *stream, int64_t now_us)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "{\"heartbeat\":%lld,\"epoch\":%lld}\n",
		(long long)stream->cursor, (long long)stream->epoch);

	stream->heartbeat_us = now_us + WATCH_HEARTBEAT_US;
	return http_stream_send(stream->http, str_n(line, (size_t)len));
}

static struct stream *stream_new(const struct watch_wish *wish, int64_t cursor, int64_t epoch)
{
	size_t size = sizeof(struct stream) + wish->owner.len + wish->tenancy.len;
	struct stream *stream = calloc(1, size);

	if (stream == NULL)
		return NULL;
	stream->kind = wish->kind;
	stream->includes_resource = wish->includes_resource;
	stream->ends_us = wish->ends_us == 0 ? INT64_MAX
					     : clock_monotonic_us() + wish->ends_us - wish->now_us;
	stream->cursor = cursor;
	stream->epoch = epoch;
	if (!str_is_null(wish->owner)) {
		memcpy(stream->bytes, wish->owner.ptr, wish->owner.len);
		stream->owner = str_n(stream->bytes, wish->owner.len);
	}
	if (!str_is_null(wish->tenancy)) {
		memcpy(stream->bytes + wish->owner.len, wish->tenancy.ptr, wish->tenancy.len);
		stream->tenancy = str_n(stream->bytes + wish->owner.len, wish->tenancy.len);
	}
	return stream;
}

static void stream_free(struct watch *watch, struct stream *stream)
{
	http_stream_close(stream->http);
	free(stream);
	atomic_fetch_sub(&watch->count, 1);
}

/* --- batches --------------------------------------------------------------------------------- */

static int batch_load(struct watch *watch, int64_t after, struct error *err)
{
	struct batch *batch = &watch->batch;

	arena_reset(batch->arena);
	batch->after = after;
	batch->count = 0;
	if (feed_read(watch->catalog->feed, batch->arena, after, WATCH_BATCH_ROWS, &batch->rows,
		    &batch->count, err) != 0)
		return -1;
	batch->plain = arena_calloc(batch->arena, batch->count + 1, sizeof(*batch->plain));
	batch->full = arena_calloc(batch->arena, batch->count + 1, sizeof(*batch->full));
	if (batch->plain == NULL || batch->full == NULL)
		return error_set(err, ERROR_MEMORY, "no room for a batch of the feed");
	return 0;
}

static void write_member(struct buf *line, const char *member, struct str text)
{
	buf_printf(line, ",\"%s\":", member);
	if (str_is_null(text))
		buf_add_cstr(line, "null");
	else
		json_write_string(line, text, JSON_WRITE_COMPACT);
}

/* The line without its end, which is "}" or the resource and "}". */
static void write_row(struct buf *line, const struct feed_row *row)
{
	char time[CLOCK_TEXT_MAX];

	clock_format(time, row->time_us);
	buf_printf(line, "{\"sequence\":%lld,\"epoch\":%lld", (long long)row->sequence,
		(long long)row->epoch);
	write_member(line, "kind", row->topic);
	write_member(line, "id", row->id);
	write_member(line, "owner", row->owner);
	write_member(line, "event", row->event);
	buf_printf(line, ",\"generation\":%lld,\"time\":\"%s\"", (long long)row->version, time);
}

struct rendering {
	struct watch *watch;
	const struct stream *stream;
};

static int write_resource(
	struct sql *sql, struct batch *batch, size_t index, struct buf *line, struct error *err)
{
	const struct scope anywhere = {0};
	struct resource resource;
	struct error missing = {0};

	if (resource_find(sql, batch->arena, &anywhere, batch->rows[index].id, &resource,
		    &missing) == 0) {
		resource_write(line, &resource);
		return 0;
	}
	if (missing.code != ERROR_NOT_FOUND)
		return error_set(err, missing.code, "%s", missing.message);
	buf_add_cstr(line, "null");
	return 0;
}

/* A store_work: the lines with resources that a stream wants, of one snapshot. */
static int render_full(struct sql *sql, void *argument, struct error *err)
{
	struct rendering *rendering = argument;
	struct batch *batch = &rendering->watch->batch;
	size_t bytes = 0;
	CLEANUP(buf_free) struct buf line = BUF_INITIALIZER(WATCH_LINE_MAX);

	for (size_t i = 0; i < batch->count; i++) {
		if (!str_is_null(batch->full[i]) || !wants(rendering->stream, &batch->rows[i]))
			continue;
		buf_clear(&line);
		write_row(&line, &batch->rows[i]);
		buf_add_cstr(&line, ",\"resource\":");
		if (write_resource(sql, batch, i, &line, err) != 0)
			return -1;
		buf_add_cstr(&line, "}\n");
		batch->full[i] = line.failed ? STR_NULL : arena_str(batch->arena, buf_str(&line));
		if (str_is_null(batch->full[i]))
			return error_set(err, ERROR_MEMORY, "no room for a batch of the feed");
		bytes += line.len;
		if (bytes > WATCH_BATCH_BYTES)
			batch->count = i + 1;
	}
	return 0;
}

static int render_plain(struct watch *watch, const struct stream *stream, struct error *err)
{
	struct batch *batch = &watch->batch;
	CLEANUP(buf_free) struct buf line = BUF_INITIALIZER(WATCH_LINE_MAX);

	for (size_t i = 0; i < batch->count; i++) {
		if (!str_is_null(batch->plain[i]) || !wants(stream, &batch->rows[i]))
			continue;
		buf_clear(&line);
		write_row(&line, &batch->rows[i]);
		buf_add_cstr(&line, "}\n");
		batch->plain[i] = line.failed ? STR_NULL : arena_str(batch->arena, buf_str(&line));
		if (str_is_null(batch->plain[i]))
			return error_set(err, ERROR_MEMORY, "no room for a batch of the feed");
	}
	return 0;
}

/* --- serving --------------------------------------------------------------------------------- */

/* Sends what the batch holds for a stream, up to its burst. False when the stream is at its end. */
static bool send_batch(struct watch *watch, struct stream *stream, int64_t now_us)
{
	const struct batch *batch = &watch->batch;
	const struct str *lines = stream->includes_resource ? batch->full : batch->plain;

	if (now_us - stream->burst_us >= WATCH_REST_US) {
		stream->burst_us = now_us;
		stream->burst = 0;
	}
	for (size_t i = 0; i < batch->count; i++) {
		if (wants(stream, &batch->rows[i])) {
			if (!http_stream_send(stream->http, lines[i]))
				return false;
			stream->burst += lines[i].len;
		}
		stream->cursor = batch->rows[i].sequence;
		if (stream->burst >= WATCH_BURST_BYTES) {
			stream->rest_us = stream->burst_us + WATCH_REST_US;
			break;
		}
	}
	return true;
}

static int serve(struct watch *watch, struct stream *stream, int64_t now_us, bool *ret_alive,
	struct error *err)
{
	struct rendering rendering = {watch, stream};

	if (watch->batch.after != stream->cursor || watch->batch.count == 0) {
		if (batch_load(watch, stream->cursor, err) != 0)
			return -1;
	}
	if (stream->includes_resource
			? store_read(watch->catalog->store, render_full, &rendering, err) != 0
			: render_plain(watch, stream, err) != 0)
		return -1;
	*ret_alive = send_batch(watch, stream, now_us);
	return 0;
}

static bool is_due(const struct stream *stream, int64_t last, int64_t now_us)
{
	return stream->cursor < last && stream->rest_us <= now_us;
}

/* Takes in new streams, behind those that are there. */
static void adopt(struct watch *watch)
{
	struct stream **end = &watch->streams;

	LOCK_SCOPE(&watch->arrivals_mutex);
	while (*end != NULL)
		end = &(*end)->next;
	*end = watch->arrivals;
	watch->arrivals = NULL;
}

/* Ends a stream whose feed cannot be read: its reader comes back and is told why. */
static void give_up(struct watch *watch, const struct error *err)
{
	log_warn(watch->log, "the change feed could not be sent; its readers must resume",
		LOG_ERROR(err));
}

/* One batch for every stream that is behind; true while there is more to do. */
static bool pass(struct watch *watch)
{
	int64_t last = feed_last(watch->catalog->feed);
	int64_t now_us = clock_monotonic_us();
	bool more = false;

	watch->batch.count = 0;
	for (struct stream **place = &watch->streams; *place != NULL;) {
		struct stream *stream = *place;
		bool is_alive = !http_stream_is_gone(stream->http) && now_us < stream->ends_us;
		int64_t cursor = stream->cursor;
		struct error err = {0};

		if (is_alive && is_due(stream, last, now_us) &&
			serve(watch, stream, now_us, &is_alive, &err) != 0) {
			give_up(watch, &err);
			is_alive = false;
		}
		if (is_alive && stream->heartbeat_us <= now_us)
			is_alive = send_heartbeat(stream, now_us);
		if (!is_alive) {
			*place = stream->next;
			stream_free(watch, stream);
			continue;
		}
		more = more || (stream->cursor > cursor && is_due(stream, last, now_us));
		place = &stream->next;
	}
	return more;
}

/* Until the next heartbeat or end, or until a stream that is behind has rested. */
static int64_t time_to_sleep(const struct watch *watch)
{
	int64_t last = feed_last(watch->catalog->feed);
	int64_t now_us = clock_monotonic_us();
	int64_t until_us = now_us + WATCH_HEARTBEAT_US;

	for (const struct stream *stream = watch->streams; stream != NULL; stream = stream->next) {
		if (stream->heartbeat_us < until_us)
			until_us = stream->heartbeat_us;
		if (stream->ends_us < until_us)
			until_us = stream->ends_us;
		if (stream->cursor < last && stream->rest_us < until_us)
			until_us = stream->rest_us;
	}
	return until_us > now_us + WATCH_NAP_US ? until_us - now_us : WATCH_NAP_US;
}

static int64_t compact_interval(const struct journal_retention *retention)
{
	const int64_t kept_us[] = {retention->feed_us, retention->history_us};
	int64_t us = WATCH_COMPACT_MAX_US;

	for (size_t i = 0; i < sizeof(kept_us) / sizeof(kept_us[0]); i++)
		if (kept_us[i] > 0 && kept_us[i] < us) /* 0: the default, days */
			us = kept_us[i];
	return us > WATCH_COMPACT_MIN_US ? us : WATCH_COMPACT_MIN_US;
}

/* Spares what an open stream has not been sent yet. */
static void compact(struct watch *watch)
{
	int64_t now_us = clock_monotonic_us();
	int64_t after = feed_last(watch->catalog->feed);
	struct error err = {0};

	if (now_us < watch->compact_us)
		return;
	watch->compact_us = now_us + compact_interval(&watch->retention);
	for (const struct stream *stream = watch->streams; stream != NULL; stream = stream->next)
		after = stream->cursor < after ? stream->cursor : after;
	if (journal_compact(watch->catalog, &watch->retention, after, clock_now_us(&clock_system),
		    &err) != 0)
		log_warn(watch->log, "the change feed and the history were not compacted",
			LOG_ERROR(&err));
}

static void run(void *argument)
{
	struct watch *watch = argument;

	while (!stop_requested(&watch->stop)) {
		adopt(watch);
		if (pass(watch))
			continue;
		compact(watch);
		stop_sleep(&watch->stop, time_to_sleep(watch));
	}
	adopt(watch);
	while (watch->streams != NULL) {
		struct stream *stream = watch->streams;

		watch->streams = stream->next;
		stream_free(watch, stream);
	}
}

/* On a committing thread, which need not wait for a lock when nobody watches. */
static void ring(void *context, int64_t last)
{
	struct watch *watch = context;

	if (atomic_load(&watch->count) > 0)
		stop_poke(&watch->stop);
}

static void on_gone(void *argument)
{
	struct watch *watch = argument;

	stop_poke(&watch->stop);
}

/* --- public ---------------------------------------------------------------------------------- */

int watch_start(struct watch **ret, struct catalog *catalog,
	const struct journal_retention *retention, struct log *log, struct error *err)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (watch == NULL || (watch->batch.arena = arena_new(0)) == NULL) {
		free(watch);
		return error_set(err, ERROR_MEMORY, "no room for the watch");
	}
	watch->catalog = catalog;
	watch->retention = *retention;
	watch->log = log;
	watch->compact_us = clock_monotonic_us() + compact_interval(&watch->retention);
	pthread_mutex_init(&watch->arrivals_mutex, NULL);
	stop_init(&watch->stop);
	if (feed_listen(catalog->feed, ring, watch) != 0) {
		watch_free(watch);
		return error_set(err, ERROR_MEMORY, "no room for the watch");
	}
	if (thread_start(&watch->thread, "clm-watch", run, watch, err) != 0) {
		watch_stop(watch);
		watch_free(watch);
		return -1;
	}
	*ret = watch;
	return 0;
}

void watch_stop(struct watch *watch)
{
	if (watch == NULL)
		return;
	pthread_mutex_lock(&watch->arrivals_mutex);
	watch->is_closing = true;
	pthread_mutex_unlock(&watch->arrivals_mutex);
	feed_unlisten(watch->catalog->feed, watch);
	stop_request(&watch->stop);
	thread_join(watch->thread);
	watch->thread = NULL;
}

void watch_free(struct watch *watch)
{
	if (watch == NULL)
		return;
	stop_destroy(&watch->stop);
	pthread_mutex_destroy(&watch->arrivals_mutex);
	arena_free(watch->batch.arena);
	free(watch);
}

/* Against the database: another process may have committed rows that this one has not heard of. */
static int check_cursor(
	struct watch *watch, struct arena *arena, const struct watch_wish *wish, struct error *err)
{
	struct feed_row *rows;
	size_t count;

	return feed_read(watch->catalog->feed, arena, wish->after, 1, &rows, &count, err);
}

/* Hands the stream to the dispatcher, with its first heartbeat; false when that has ended. */
static bool hand_over(struct watch *watch, struct stream *stream)
{
	LOCK_SCOPE(&watch->arrivals_mutex);
	if (watch->is_closing)
		return false;
	send_heartbeat(stream, clock_monotonic_us());
	stream->next = watch->arrivals;
	watch->arrivals = stream;
	return true;
}

int watch_open(struct watch *watch, struct http_request *request, struct http_response *response,
	const struct watch_wish *wish, struct error *err)
{
	int64_t cursor = wish->after;
	struct stream *stream;

	if (wish->has_after) {
		if (check_cursor(watch, request->arena, wish, err) != 0)
			return -1;
	} else {
		cursor = feed_last(watch->catalog->feed);
	}
	if (atomic_fetch_add(&watch->count, 1) >= WATCH_MAX_STREAMS) {
		atomic_fetch_sub(&watch->count, 1);
		return error_set(err, ERROR_LIMITED,
			"%u watches are open, which is the most; close one", WATCH_MAX_STREAMS);
	}
	stream = stream_new(wish, cursor, store_epoch(watch->catalog->store));
	if (stream != NULL)
		stream->http = http_stream_open(
			request, response, 200, "application/x-ndjson", on_gone, watch);
	if (stream == NULL || stream->http == NULL) {
		free(stream);
		atomic_fetch_sub(&watch->count, 1);
		return error_set(err, ERROR_MEMORY, "no room for another watch");
	}
	if (!hand_over(watch, stream))
		stream_free(watch, stream);
	else
		stop_poke(&watch->stop);
	return 0;
}

size_t watch_count(struct watch *watch)
{
	return atomic_load(&watch->count);
}
