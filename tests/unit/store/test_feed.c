/*
 * test_feed.c - rows in commit order, none missing, whoever writes and reads.
 */
#include "store_test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"

#define SECOND INT64_C(1000000)

struct change {
	struct feed *feed;
	const char *id;
	int64_t version;
	bool fails;
};

static int append(struct sql *sql, void *argument, struct error *err)
{
	const struct change *change = argument;
	const struct feed_row row = {.time_us = 5,
		.topic = STR("Cluster"),
		.id = str_of(change->id),
		.event = STR("updated"),
		.version = change->version};

	if (feed_append(sql, change->feed, &row, NULL, err) < 0)
		return -1;
	return change->fails ? error_set(err, ERROR_CONFLICT, "as asked") : 0;
}

static struct feed *open_feed(struct fixture *fixture)
{
	struct feed *feed;

	assert_int_equal(feed_new(&feed, fixture->store, "changes", NULL), 0);
	return feed;
}

/* --- one writer ---------------------------------------------------------------------------- */

static void rows_come_back_as_written(void **state)
{
	struct fixture *fixture = *state;
	struct feed *feed = open_feed(fixture);
	struct arena *arena = arena_new(0);
	struct change change = {feed, "a", 7};
	struct feed_row *rows;
	size_t count;

	assert_int_equal(feed_last(feed), 0);
	assert_int_equal(feed_read(feed, arena, 0, 10, &rows, &count, NULL), 0);
	assert_int_equal(count, 0);
	assert_int_equal(store_write(fixture->store, append, &change, NULL), 0);
	assert_int_equal(feed_last(feed), 1);
	assert_int_equal(feed_read(feed, arena, 0, 10, &rows, &count, NULL), 0);
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].sequence, 1);
	assert_int_equal(rows[0].epoch, 1);
	assert_int_equal(rows[0].time_us, 5);
	assert_int_equal(rows[0].version, 7);
	assert_true(str_eq(rows[0].topic, STR("Cluster")) && str_eq(rows[0].id, STR("a")) &&
		    str_eq(rows[0].event, STR("updated")));
	assert_true(str_is_null(rows[0].owner) && str_is_null(rows[0].detail));
	arena_free(arena);
	feed_free(feed);
}

static void a_change_that_fails_leaves_no_row_and_rings_no_bell(void **state)
{
	struct fixture *fixture = *state;
	struct feed *feed = open_feed(fixture);
	struct change change = {feed, "a", 1, .fails = true};

	assert_int_equal(store_write(fixture->store, append, &change, NULL), -1);
	assert_int_equal(feed_last(feed), 0);
	change.fails = false;
	assert_int_equal(store_write(fixture->store, append, &change, NULL), 0);
	assert_int_equal(feed_last(feed), 1);
	feed_free(feed);
}

static void the_newest_number_is_known_after_reopening(void **state)
{
	struct fixture *fixture = *state;
	struct feed *feed = open_feed(fixture);
	struct change change = {feed, "a", 1};

	for (int i = 0; i < 3; i++)
		assert_int_equal(store_write(fixture->store, append, &change, NULL), 0);
	feed_free(feed);
	store_close(fixture->store);
	fixture_open(fixture);
	feed = open_feed(fixture);
	assert_int_equal(feed_last(feed), 3);
	feed_free(feed);
}

/* --- waiting ------------------------------------------------------------------------------- */

struct later {
	struct fixture *fixture;
	struct change change;
	struct stop *stop; /* request it instead of writing */
};

static void *act_later(void *arg)
{
	struct later *later = arg;

	usleep(50000);
	if (later->stop)
		stop_request(later->stop);
	else
		store_write(later->fixture->store, append, &later->change, NULL);
	return NULL;
}

static void waiting_ends_with_a_row_a_stop_or_the_time(void **state)
{
	struct fixture *fixture = *state;
	struct feed *feed = open_feed(fixture);
	struct later later = {fixture, {feed, "a", 1}, NULL};
	struct stop stop;
	pthread_t thread;

	stop_init(&stop);
	assert_false(feed_wait(feed, 0, &stop, 1000));
	int64_t begun_us = clock_monotonic_us();
	pthread_create(&thread, NULL, act_later, &later);
	assert_true(feed_wait(feed, 0, &stop, 20 * SECOND));
	pthread_join(thread, NULL);
	assert_true(feed_wait(feed, 0, &stop, 0));
	later.stop = &stop;
	pthread_create(&thread, NULL, act_later, &later);
	assert_false(feed_wait(feed, 1, &stop, 20 * SECOND));
	pthread_join(thread, NULL);
	assert_true(clock_monotonic_us() - begun_us < 15 * SECOND);
	stop_destroy(&stop);
	feed_free(feed);
}

static void remember(void *context, int64_t last)
{
	atomic_store((_Atomic int64_t *)context, last);
}

static void a_listener_hears_of_commits_until_it_leaves(void **state)
{
	struct fixture *fixture = *state;
	struct feed *feed = open_feed(fixture);
	struct change change = {feed, "a", 1};
	_Atomic int64_t heard = 0, other = 0;

	assert_int_equal(feed_listen(feed, remember, &heard), 0);
	assert_int_equal(feed_listen(feed, remember, &other), 0);
	assert_int_equal(store_write(fixture->store, append, &change, NULL), 0);
	assert_int_equal(heard, 1);
	feed_unlisten(feed, &heard);
	assert_int_equal(store_write(fixture->store, append, &change, NULL), 0);
	assert_int_equal(heard, 1);
	assert_int_equal(other, 2);
	feed_free(feed);
}

/* --- many ---------------------------------------------------------------------------------- */

enum { WRITERS = 32, READERS = 4, EACH = 25 };

struct party {
	pthread_t thread;
	struct fixture *fixture;
	struct feed *feed;
	int number;
	const char *problem;
};

static void *write_many(void *arg)
{
	struct party *party = arg;
	char id[16];

	snprintf(id, sizeof(id), "%d", party->number);
	for (int i = 1; i <= EACH; i++) {
		/* Every fifth fails and must leave no trace. */
		struct change change = {party->feed, id, i, .fails = false};
		if (i % 5 == 0) {
			struct change bad = {party->feed, "bad", i, .fails = true};
			store_write(party->fixture->store, append, &bad, NULL);
		}
		if (store_write(party->fixture->store, append, &change, NULL) < 0)
			party->problem = "a write failed";
	}
	return NULL;
}

static void *read_many(void *arg)
{
	struct party *party = arg;
	int64_t versions[WRITERS] = {0}, cursor = 0;
	struct stop stop;

	stop_init(&stop);
	while (cursor < WRITERS * EACH && !party->problem) {
		struct arena *arena = arena_new(0);
		struct feed_row *rows;
		size_t count = 0;
		if (!feed_wait(party->feed, cursor, &stop, 20 * SECOND))
			party->problem = "no row came";
		else if (feed_read(party->feed, arena, cursor, 7, &rows, &count, NULL) < 0)
			party->problem = "reading failed";
		for (size_t i = 0; i < count; i++) {
			int64_t writer = -1;
			str_to_int64(rows[i].id, &writer);
			if (rows[i].sequence != ++cursor)
				party->problem = "a number is missing";
			else if (writer < 0 || rows[i].version != ++versions[writer])
				party->problem = "out of order";
		}
		arena_free(arena);
	}
	stop_destroy(&stop);
	return NULL;
}

static void many_writers_and_readers_miss_and_reorder_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct feed *feed = open_feed(fixture);
	struct party parties[READERS + WRITERS];
	struct store_counters counters;

	for (int i = 0; i < READERS + WRITERS; i++) {
		parties[i] =
			(struct party){.fixture = fixture, .feed = feed, .number = i - READERS};
		pthread_create(&parties[i].thread, NULL, i < READERS ? read_many : write_many,
			&parties[i]);
	}
	for (int i = 0; i < READERS + WRITERS; i++)
		pthread_join(parties[i].thread, NULL);
	for (int i = 0; i < READERS + WRITERS; i++)
		if (parties[i].problem)
			fail_msg("%d: %s", i, parties[i].problem);
	store_count(fixture->store, &counters);
	assert_int_equal(counters.writes, WRITERS * EACH);
	assert_true(counters.commits < counters.writes / 2);
	feed_free(feed);
}

/* --- compaction ---------------------------------------------------------------------------- */

static int fill(struct sql *sql, void *argument, struct error *err)
{
	return sql_run(sql,
		"INSERT INTO changes (sequence, epoch, time_us, topic, id, event, version) "
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) "
		"SELECT i, 1, 0, 'Cluster', 'x', 'updated', i FROM n",
		argument, 1, NULL, err);
}

static int compact(struct feed *feed, int64_t after)
{
	const struct feed_retention retention = {.after = after};

	return feed_compact(feed, &retention, NULL);
}

static void compaction_keeps_enough_and_old_cursors_are_told(void **state)
{
	static const struct {
		int64_t after;
		int code;
	} rows[] = {
		{0, ERROR_GONE},
		{6999, ERROR_GONE},
		{7000, 0},
		{FEED_KEEP_ROWS + 9000, 0},
		{FEED_KEEP_ROWS + 9001, ERROR_GONE},
	};
	struct fixture *fixture = *state;
	struct sql_value count = SQL_INT(FEED_KEEP_ROWS + 9000);
	struct arena *arena = arena_new(0);
	struct feed_row *found;
	size_t found_count;
	struct error err;

	assert_int_equal(store_write(fixture->store, fill, &count, &err), 0);
	struct feed *feed = open_feed(fixture);
	assert_int_equal(compact(feed, 7000), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int result = feed_read(feed, arena, rows[i].after, 1, &found, &found_count, &err);
		assert_int_equal(result, rows[i].code ? -1 : 0);
		if (rows[i].code)
			assert_int_equal(err.code, rows[i].code);
	}
	assert_int_equal(compact(feed, INT64_MAX), 0);
	assert_int_equal(feed_read(feed, arena, 9000, 1, &found, &found_count, &err), 0);
	assert_int_equal(found[0].sequence, 9001);
	assert_int_equal(feed_read(feed, arena, 8999, 1, &found, &found_count, &err), -1);
	assert_non_null(strstr(err.message, "oldest kept (9001)"));
	arena_free(arena);
	feed_free(feed);
}

static void a_table_name_is_checked(void **state)
{
	struct fixture *fixture = *state;
	struct feed *feed;
	struct error err;

	assert_int_equal(feed_new(&feed, fixture->store, "x; DROP TABLE items", &err), -1);
	assert_int_equal(err.code, ERROR_INVALID);
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, fixture_setup_open, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(rows_come_back_as_written),
		OPENED(a_change_that_fails_leaves_no_row_and_rings_no_bell),
		OPENED(the_newest_number_is_known_after_reopening),
		OPENED(waiting_ends_with_a_row_a_stop_or_the_time),
		OPENED(a_listener_hears_of_commits_until_it_leaves),
		OPENED(many_writers_and_readers_miss_and_reorder_nothing),
		OPENED(compaction_keeps_enough_and_old_cursors_are_told),
		OPENED(a_table_name_is_checked),
	};

	return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
