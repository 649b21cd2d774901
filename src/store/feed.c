/*
 * feed.c - the change feed on a table of its own.
 *
 * On SQLite there is one writer, so sequence order is commit order and a reader that asks for
 * "after N" can miss nothing. Readers that wait are woken by the writer's doorbell, after the
 * commit is durable; the row number they wait for is asked of the table then, so a rolled-back
 * append can never be announced.
 */
#include "store/feed.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "store/driver.h"

#define FEED_TABLE_NAME_MAX 64
#define FEED_STATEMENT_MAX 512
#define FEED_MAX_LISTENERS 32
#define FEED_STOP_CHECK_US (100 * CLOCK_US_PER_MS) /* how soon a waiting reader sees its stop */

struct feed {
	struct store *store;
	int64_t epoch;
	char append[FEED_STATEMENT_MAX];
	char select[FEED_STATEMENT_MAX];
	char bounds[FEED_STATEMENT_MAX];
	char compact[FEED_STATEMENT_MAX];

	/* Guards last and the listeners, which are called with it held. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	int64_t last;
	struct {
		void (*ring)(void *context, int64_t last);
		void *context;
	} listeners[FEED_MAX_LISTENERS];
	size_t listener_count;
};

struct bounds {
	struct feed *feed;
	int64_t oldest, newest, epoch; /* 0 when there is none */
};

static int read_bounds(struct sql *sql, void *argument, struct error *err)
{
	struct bounds *bounds = argument;
	struct sql_rows *rows;

	if (sql_query(sql, bounds->feed->bounds, NULL, 0, &rows, err) < 0)
		return -1;
	int result = sql_next(rows, err);
	if (result > 0) {
		bounds->oldest = sql_int(rows, 0);
		bounds->newest = sql_int(rows, 1);
		bounds->epoch = sql_int(rows, 2);
	}
	sql_end(rows);
	return result < 0 ? -1 : 0;
}

/* After a commit, on the writer's thread. */
static void on_commit(void *context)
{
	struct feed *feed = context;
	struct bounds bounds = {.feed = feed};

	/* A reading connection sees the commit: it is durable before the doorbell rings. */
	if (store_read(feed->store, read_bounds, &bounds, NULL) < 0)
		return;
	LOCK_SCOPE(&feed->mutex);
	if (bounds.newest <= feed->last)
		return;
	feed->last = bounds.newest;
	pthread_cond_broadcast(&feed->changed);
	for (size_t i = 0; i < feed->listener_count; i++)
		feed->listeners[i].ring(feed->listeners[i].context, feed->last);
}

static void write_statements(struct feed *feed, const char *table)
{
	snprintf(feed->append, sizeof(feed->append),
		"INSERT INTO %s (epoch, time_us, topic, id, owner, event, version, detail) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
		table);
	snprintf(feed->select, sizeof(feed->select),
		"SELECT sequence, epoch, time_us, topic, id, owner, event, version, detail FROM %s "
		"WHERE sequence > $1 ORDER BY sequence LIMIT $2",
		table);
	/* Three lookups of one row each; MIN and MAX together would read the whole table. */
	snprintf(feed->bounds, sizeof(feed->bounds),
		"SELECT COALESCE((SELECT MIN(sequence) FROM %s), 0), COALESCE((SELECT "
		"MAX(sequence) FROM %s), 0), "
		"COALESCE((SELECT epoch FROM %s ORDER BY sequence DESC LIMIT 1), 1)",
		table, table, table);
	snprintf(
		feed->compact, sizeof(feed->compact), "DELETE FROM %s WHERE sequence <= $1", table);
}

int feed_new(struct feed **ret, struct store *store, const char *table, struct error *err)
{
	struct feed *feed = calloc(1, sizeof(*feed));
	struct bounds bounds = {.feed = feed};
	pthread_condattr_t attributes;

	if (!feed || strlen(table) > FEED_TABLE_NAME_MAX) {
		free(feed);
		return error_set(err, ERROR_MEMORY, "no memory for feed %s", table);
	}
	feed->store = store;
	write_statements(feed, table);
	pthread_mutex_init(&feed->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&feed->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (store_read(store, read_bounds, &bounds, err) < 0) {
		feed_free(feed);
		return -1;
	}
	feed->last = bounds.newest;
	feed->epoch = bounds.epoch;
	store_on_commit(store, on_commit, feed);
	*ret = feed;
	return 0;
}

void feed_free(struct feed *feed)
{
	if (!feed)
		return;
	store_on_commit(feed->store, NULL, feed);
	pthread_mutex_destroy(&feed->mutex);
	pthread_cond_destroy(&feed->changed);
	free(feed);
}

int feed_append(struct sql *sql, struct feed *feed, const struct feed_row *row, struct error *err)
{
	sql->rings = true;
	return SQL_RUN(sql, err, feed->append, SQL_INT(feed->epoch), SQL_INT(row->time_us),
		SQL_STR(row->topic), SQL_STR(row->id), SQL_STR(row->owner), SQL_STR(row->event),
		SQL_INT(row->version), SQL_STR(row->detail));
}

struct reading {
	struct feed *feed;
	struct arena *arena;
	int64_t after;
	size_t max;
	struct feed_row *rows;
	size_t count;
};

static void copy_row(struct sql_rows *rows, struct arena *arena, struct feed_row *ret)
{
	*ret = (struct feed_row){.sequence = sql_int(rows, 0),
		.epoch = sql_int(rows, 1),
		.time_us = sql_int(rows, 2),
		.topic = sql_str_copy(rows, 3, arena),
		.id = sql_str_copy(rows, 4, arena),
		.owner = sql_str_copy(rows, 5, arena),
		.event = sql_str_copy(rows, 6, arena),
		.version = sql_int(rows, 7),
		.detail = sql_str_copy(rows, 8, arena)};
}

static int read_rows(struct sql *sql, void *argument, struct error *err)
{
	struct reading *reading = argument;
	struct bounds bounds = {.feed = reading->feed};
	struct sql_rows *rows;
	int result;

	reading->count = 0;
	if (read_bounds(sql, &bounds, err) < 0)
		return -1;
	if (bounds.oldest > 1 && reading->after < bounds.oldest - 1)
		return error_set(err, ERROR_GONE,
			"changes after %lld are no longer kept; the oldest is %lld: read "
			"everything again, then go "
			"on from %lld",
			(long long)reading->after, (long long)bounds.oldest,
			(long long)bounds.newest);
	if (SQL_QUERY(sql, &rows, err, reading->feed->select, SQL_INT(reading->after),
		    SQL_INT((int64_t)reading->max)) < 0)
		return -1;
	while ((result = sql_next(rows, err)) > 0)
		copy_row(rows, reading->arena, &reading->rows[reading->count++]);
	sql_end(rows);
	return result;
}

int feed_read(struct feed *feed, struct arena *arena, int64_t after, size_t max,
	struct feed_row **ret, size_t *ret_count, struct error *err)
{
	struct reading reading = {.feed = feed,
		.arena = arena,
		.after = after,
		.max = max < FEED_READ_MAX ? max : FEED_READ_MAX};

	reading.rows = arena_calloc(arena, reading.max, sizeof(*reading.rows));
	if (!reading.rows)
		return error_set(err, ERROR_MEMORY, "no memory to read changes");
	if (store_read(feed->store, read_rows, &reading, err) < 0)
		return -1;
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no memory to read changes");
	*ret = reading.rows;
	*ret_count = reading.count;
	return 0;
}

int64_t feed_last(struct feed *feed)
{
	LOCK_SCOPE(&feed->mutex);
	return feed->last;
}

bool feed_wait(struct feed *feed, int64_t after, struct stop *stop, int64_t timeout_us)
{
	int64_t until_us = clock_monotonic_us() + timeout_us;

	LOCK_SCOPE(&feed->mutex);
	while (feed->last <= after) {
		int64_t now_us = clock_monotonic_us(), wake_us = now_us + FEED_STOP_CHECK_US;
		if (now_us >= until_us || (stop && stop_requested(stop)))
			return false;
		if (wake_us > until_us)
			wake_us = until_us;
		struct timespec wake = {.tv_sec = (time_t)(wake_us / CLOCK_US_PER_S),
			.tv_nsec = (long)(wake_us % CLOCK_US_PER_S * 1000)};
		pthread_cond_timedwait(&feed->changed, &feed->mutex, &wake);
	}
	return true;
}

int feed_listen(struct feed *feed, void (*ring)(void *context, int64_t last), void *context)
{
	LOCK_SCOPE(&feed->mutex);
	if (feed->listener_count == FEED_MAX_LISTENERS)
		return -1;
	feed->listeners[feed->listener_count].ring = ring;
	feed->listeners[feed->listener_count++].context = context;
	return 0;
}

void feed_unlisten(struct feed *feed, void *context)
{
	LOCK_SCOPE(&feed->mutex);
	for (size_t i = 0; i < feed->listener_count; i++)
		if (feed->listeners[i].context == context) {
			feed->listeners[i] = feed->listeners[--feed->listener_count];
			return;
		}
}

struct compaction {
	struct feed *feed;
	int64_t upto;
};

static int delete_rows(struct sql *sql, void *argument, struct error *err)
{
	const struct compaction *compaction = argument;

	return SQL_RUN(sql, err, compaction->feed->compact, SQL_INT(compaction->upto));
}

int feed_compact(struct feed *feed, int64_t keep_after, struct error *err)
{
	struct compaction compaction = {feed, feed_last(feed) - FEED_KEEP_ROWS};

	if (compaction.upto > keep_after)
		compaction.upto = keep_after;
	/* The newest row always stays, so its number is never given out again. */
	if (compaction.upto <= 0)
		return 0;
	return store_write(feed->store, delete_rows, &compaction, err);
}
