/*
 * feed.c - the change feed: rows in the writer's transaction, a bell after its commit.
 *
 * A row's number is the newest one plus one. Since writers take turns (also those of several
 * processes on one database), numbers are given and committed in the same order and without a gap,
 * and a reader that asks for what follows its cursor misses nothing. The newest number committed is
 * kept in memory, set by the bell, so that waiting and asking for it cost no query. Where other
 * processes may commit, a thread waits for the database's doorbell, looks for itself now and then
 * in case one was lost, and rings our bell.
 */
#include "store/feed.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "store/driver.h"

#define COMPACT_BATCH 1000 /* rows removed in one transaction */
#define MAX_TABLE_NAME 48
#define LOOK_INTERVAL_MS 1000 /* for the commits of other processes whose doorbell was lost */

/* The statements, made once for the table. */
enum { APPEND, APPEND_NEXT, READ, BOUNDS, COMPACT, STATEMENT_COUNT };
static const char *const patterns[STATEMENT_COUNT] = {
	[APPEND] = "INSERT INTO %1$s (sequence, epoch, time_us, topic, id, owner, event, version, "
		   "detail) VALUES ((SELECT coalesce(max(sequence), 0) + 1 FROM %1$s), "
		   "$1, $2, $3, $4, $5, $6, $7, $8) RETURNING sequence",
	[APPEND_NEXT] = "INSERT INTO %1$s (epoch, time_us, topic, id, owner, event, version, "
			"detail, sequence) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
	[READ] = "SELECT sequence, epoch, time_us, topic, id, owner, event, version, detail "
		 "FROM %1$s WHERE sequence > $1 ORDER BY sequence LIMIT $2",
	[BOUNDS] = "SELECT coalesce((SELECT min(sequence) FROM %1$s), 0), "
		   "coalesce((SELECT max(sequence) FROM %1$s), 0)",
	[COMPACT] = "DELETE FROM %1$s WHERE sequence IN (SELECT sequence FROM "
		    "(SELECT sequence, time_us FROM %1$s ORDER BY sequence LIMIT $1) AS oldest "
		    "WHERE sequence <= $2 AND (sequence <= $3 OR time_us < $4))",
};

struct listener {
	struct listener *next;
	void (*ring)(void *context, int64_t last);
	void *context;
};

/* One thread in feed_wait; its stop's condition is what it waits on. */
struct waiter {
	struct waiter *next;
	struct stop *stop;
};

struct feed {
	struct store *store;
	char *sql[STATEMENT_COUNT];
	_Atomic int64_t last; /* committed */

	/* Where other processes may commit. */
	struct sql *doorbell; /* the follower's; NULL where there is none */
	struct thread *follower;
	struct stop stop;

	pthread_mutex_t mutex; /* all below; taken before a stop's */
	struct listener *listeners;
	struct waiter *waiters;
};

/* --- the bell and the statements ----------------------------------------------------------- */

/* On a writing thread, after the commit; and on the follower's: either may come late. */
static void on_commit(void *owner, int64_t committed)
{
	struct feed *feed = owner;
	int64_t last = atomic_load(&feed->last);

	while (last < committed && !atomic_compare_exchange_weak(&feed->last, &last, committed))
		;
	if (last >= committed)
		return;
	LOCK_SCOPE(&feed->mutex);
	last = atomic_load(&feed->last);
	for (struct waiter *waiter = feed->waiters; waiter; waiter = waiter->next) {
		pthread_mutex_lock(&waiter->stop->mutex);
		pthread_cond_broadcast(&waiter->stop->changed);
		pthread_mutex_unlock(&waiter->stop->mutex);
	}
	for (struct listener *listener = feed->listeners; listener; listener = listener->next)
		listener->ring(listener->context, last);
}

static bool is_table_name(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz_");

	return length > 0 && length <= MAX_TABLE_NAME && name[length] == '\0';
}

static int make_statements(struct feed *feed, const char *table)
{
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		if (asprintf(&feed->sql[i], patterns[i], table) < 0) {
			feed->sql[i] = NULL;
			return -1;
		}
	return 0;
}

static int read_bounds(struct sql *sql, const struct feed *feed, int64_t *ret_oldest,
	int64_t *ret_newest, struct error *err)
{
	struct sql_rows *rows;

	if (sql_query(sql, feed->sql[BOUNDS], NULL, 0, &rows, err) < 0)
		return -1;
	int found = sql_next(rows, err);
	if (found == 1) {
		*ret_oldest = sql_int(rows, 0);
		*ret_newest = sql_int(rows, 1);
	}
	sql_end(rows);
	return found == 1 ? 0 : -1;
}

int feed_newest(struct sql *sql, const struct feed *feed, int64_t *ret, struct error *err)
{
	int64_t oldest;

	return read_bounds(sql, feed, &oldest, ret, err);
}

static int read_last(struct sql *sql, void *argument, struct error *err)
{
	struct feed *feed = argument;
	int64_t oldest, newest;

	if (read_bounds(sql, feed, &oldest, &newest, err) < 0)
		return -1;
	on_commit(feed, newest);
	return 0;
}

/* --- other processes ----------------------------------------------------------------------- */

static void follow(void *arg)
{
	struct feed *feed = arg;

	while (!stop_requested(&feed->stop)) {
		feed->doorbell->driver->wait_for_others(
			feed->doorbell, stop_fd(&feed->stop), LOOK_INTERVAL_MS);
		/* A database that does not answer is looked at again after the interval. */
		if (!stop_requested(&feed->stop))
			(void)!store_read(feed->store, read_last, feed, NULL);
	}
}

static int start_following(struct feed *feed, struct error *err)
{
	if (store_listen(feed->store, &feed->doorbell, err) < 0)
		return -1;
	return feed->doorbell ? thread_start(&feed->follower, "feed-follower", follow, feed, err)
			      : 0;
}

static void stop_following(struct feed *feed)
{
	stop_request(&feed->stop);
	thread_join(feed->follower);
	if (feed->doorbell)
		feed->doorbell->driver->disconnect(feed->doorbell);
}

/* --- life ---------------------------------------------------------------------------------- */

int feed_new(struct feed **ret, struct store *store, const char *table, struct error *err)
{
	struct feed *feed;

	if (!is_table_name(table))
		return error_set(err, ERROR_INVALID,
			"\"%s\" is no table for a feed (lower-case letters and '_')", table);
	feed = calloc(1, sizeof(*feed));
	if (!feed)
		return error_set(err, ERROR_MEMORY, "no memory for a feed");
	feed->store = store;
	pthread_mutex_init(&feed->mutex, NULL);
	stop_init(&feed->stop);
	if (make_statements(feed, table) < 0) {
		feed_free(feed);
		return error_set(err, ERROR_MEMORY, "no memory for a feed");
	}
	if (store_read(store, read_last, feed, err) < 0 || start_following(feed, err) < 0) {
		feed_free(feed);
		return -1;
	}
	if (!store_on_commit(store, feed, on_commit)) {
		feed_free(feed);
		return error_set(
			err, ERROR_TOO_LARGE, "more than %d feeds in one store", SQL_MAX_MARKS);
	}
	*ret = feed;
	return 0;
}

void feed_free(struct feed *feed)
{
	if (!feed)
		return;
	stop_following(feed);
	store_on_commit(feed->store, feed, NULL);
	while (feed->listeners)
		feed_unlisten(feed, feed->listeners->context);
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		free(feed->sql[i]);
	stop_destroy(&feed->stop);
	pthread_mutex_destroy(&feed->mutex);
	free(feed);
}

/* --- rows ---------------------------------------------------------------------------------- */

/* The first of a transaction asks for the sequence that has come so far. */
static int append_first(struct sql *sql, const struct feed *feed, const struct sql_value *values,
	size_t count, int64_t *ret, struct error *err)
{
	struct sql_rows *rows;

	if (sql_query(sql, feed->sql[APPEND], values, count, &rows, err) < 0 ||
		sql_next(rows, err) != 1)
		return -1;
	*ret = sql_int(rows, 0);
	sql_end(rows);
	return 0;
}

int feed_append(struct sql *sql, struct feed *feed, const struct feed_row *row, int64_t *ret,
	struct error *err)
{
	enum { COLUMNS = 8 };
	struct sql_value values[COLUMNS + 1] = {SQL_INT(sql->epoch), SQL_INT(row->time_us),
		SQL_STR(row->topic), SQL_STR(row->id), SQL_STR(row->owner), SQL_STR(row->event),
		SQL_INT(row->version), SQL_STR(row->detail)};
	int64_t sequence;
	int result;

	if (!sql->may_write)
		return error_set(err, ERROR_INTERNAL, "a reading snapshot cannot append to a feed");
	if (sql_find_mark(sql, feed, &sequence)) {
		values[COLUMNS] = SQL_INT(++sequence);
		result = sql_run_later(sql, feed->sql[APPEND_NEXT], values, COLUMNS + 1, err);
	} else {
		result = append_first(sql, feed, values, COLUMNS, &sequence, err);
	}
	if (result < 0)
		return -1;
	if (!sql_mark(sql, feed, sequence))
		return error_set(
			err, ERROR_TOO_LARGE, "more than %d feeds in one store", SQL_MAX_MARKS);
	if (ret)
		*ret = sequence;
	return 0;
}

struct read {
	struct feed *feed;
	struct arena *arena;
	int64_t after;
	size_t max;
	struct feed_row *rows;
	size_t count;
};

static int check_cursor(struct sql *sql, const struct read *read, struct error *err)
{
	int64_t oldest, newest;

	if (read_bounds(sql, read->feed, &oldest, &newest, err) < 0)
		return -1;
	if (read->after < oldest - 1)
		return error_set(err, ERROR_GONE,
			"sequence %lld is older than the oldest kept (%lld); read everything anew",
			(long long)read->after, (long long)oldest);
	if (read->after > newest)
		return error_set(err, ERROR_GONE,
			"sequence %lld is newer than the newest (%lld): the database was "
			"restored; read everything anew",
			(long long)read->after, (long long)newest);
	return 0;
}

static void copy_row(struct sql_rows *rows, struct arena *arena, struct feed_row *ret)
{
	*ret = (struct feed_row){
		.sequence = sql_int(rows, 0),
		.epoch = sql_int(rows, 1),
		.time_us = sql_int(rows, 2),
		.topic = sql_str_copy(rows, 3, arena),
		.id = sql_str_copy(rows, 4, arena),
		.owner = sql_str_copy(rows, 5, arena),
		.event = sql_str_copy(rows, 6, arena),
		.version = sql_int(rows, 7),
		.detail = sql_str_copy(rows, 8, arena),
	};
}

static int read_rows(struct sql *sql, void *argument, struct error *err)
{
	struct read *read = argument;
	struct sql_rows *rows;
	int found;

	if (check_cursor(sql, read, err) < 0 ||
		SQL_QUERY(sql, &rows, err, read->feed->sql[READ], SQL_INT(read->after),
			SQL_INT(read->max)) < 0)
		return -1;
	while ((found = sql_next(rows, err)) == 1 && read->count < read->max)
		copy_row(rows, read->arena, &read->rows[read->count++]);
	sql_end(rows);
	return found < 0 ? -1 : 0;
}

int feed_read(struct feed *feed, struct arena *arena, int64_t after, size_t max,
	struct feed_row **ret, size_t *ret_count, struct error *err)
{
	if (max > FEED_READ_MAX)
		max = FEED_READ_MAX;
	struct read read = {.feed = feed, .arena = arena, .after = after, .max = max};
	read.rows = arena_calloc(arena, max ? max : 1, sizeof(*read.rows));
	if (!read.rows)
		return error_set(err, ERROR_MEMORY, "no memory to read the feed");
	if (store_read(feed->store, read_rows, &read, err) < 0)
		return -1;
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no memory to read the feed");
	*ret = read.rows;
	*ret_count = read.count;
	return 0;
}

/* --- waiting and listening ----------------------------------------------------------------- */

int64_t feed_last(struct feed *feed)
{
	return atomic_load(&feed->last);
}

static void add_waiter(struct feed *feed, struct waiter *waiter)
{
	LOCK_SCOPE(&feed->mutex);
	waiter->next = feed->waiters;
	feed->waiters = waiter;
}

static void remove_waiter(struct feed *feed, struct waiter *waiter)
{
	LOCK_SCOPE(&feed->mutex);
	for (struct waiter **at = &feed->waiters; *at; at = &(*at)->next) {
		if (*at == waiter) {
			*at = waiter->next;
			break;
		}
	}
}

bool feed_wait(struct feed *feed, int64_t after, struct stop *stop, int64_t timeout_us)
{
	int64_t until_us = clock_monotonic_us() + (timeout_us > 0 ? timeout_us : 0);
	struct timespec until = {.tv_sec = (time_t)(until_us / CLOCK_US_PER_S),
		.tv_nsec = (long)(until_us % CLOCK_US_PER_S * 1000)};
	struct waiter waiter = {.stop = stop};

	if (feed_last(feed) > after)
		return true;
	add_waiter(feed, &waiter);
	pthread_mutex_lock(&stop->mutex);
	while (feed_last(feed) <= after && !stop->requested)
		if (pthread_cond_timedwait(&stop->changed, &stop->mutex, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&stop->mutex);
	remove_waiter(feed, &waiter);
	return feed_last(feed) > after;
}

int feed_listen(struct feed *feed, void (*ring)(void *context, int64_t last), void *context)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (!listener)
		return -1;
	LOCK_SCOPE(&feed->mutex);
	*listener = (struct listener){feed->listeners, ring, context};
	feed->listeners = listener;
	return 0;
}

void feed_unlisten(struct feed *feed, void *context)
{
	LOCK_SCOPE(&feed->mutex);
	for (struct listener **at = &feed->listeners; *at; at = &(*at)->next) {
		if ((*at)->context != context)
			continue;
		struct listener *found = *at;
		*at = found->next;
		free(found);
		break;
	}
}

/* --- compaction ---------------------------------------------------------------------------- */

struct compaction {
	struct feed *feed;
	int64_t after;	 /* rows after this one stay */
	int64_t surplus; /* this row and older ones are too many */
	int64_t before_us;
	int64_t removed;
};

/* The oldest rows are looked at, so what is left is told by one batch. */
static int remove_batch(struct sql *sql, void *argument, struct error *err)
{
	struct compaction *compaction = argument;
	const struct sql_value values[] = {SQL_INT(COMPACT_BATCH), SQL_INT(compaction->after),
		SQL_INT(compaction->surplus), SQL_INT(compaction->before_us)};

	return sql_run(sql, compaction->feed->sql[COMPACT], values, 4, &compaction->removed, err);
}

int feed_compact(struct feed *feed, const struct feed_retention *retention, struct error *err)
{
	int64_t most = retention->max_rows > 0 ? retention->max_rows : FEED_KEEP_ROWS;
	int64_t last = feed_last(feed);
	/* The newest row stays, whatever its age: the next one's number follows from it. */
	struct compaction compaction = {
		.feed = feed,
		.after = retention->after < last ? retention->after : last - 1,
		.surplus = last - most,
		.before_us = retention->before_us,
	};

	do {
		if (store_write(feed->store, remove_batch, &compaction, err) < 0)
			return -1;
	} while (compaction.removed == COMPACT_BATCH);
	return 0;
}
