/*
 * test_store.c - transactions, group commit, refusals in words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "store/feed.h"
#include "store/lease.h"
#include "store/store.h"

#define WRITERS 32
#define WRITES_EACH 50
#define READERS 4

static const struct store_migration migrations[] = {
	{1, "first",
		"CREATE TABLE things (id TEXT PRIMARY KEY, value BIGINT NOT NULL);" FEED_TABLE_SQL(
			"changes")},
	{2, "leases", LEASE_TABLE_SQL},
	{3, "notes", "ALTER TABLE things ADD COLUMN note TEXT;"},
};
#define MIGRATIONS (sizeof(migrations) / sizeof(migrations[0]))

struct fixture {
	char folder[64];
	char url[128];
	char path[128];
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/reeve-store-XXXXXX");
	if (!mkdtemp(fixture->folder))
		return -1;
	snprintf(fixture->path, sizeof(fixture->path), "%s/test.db", fixture->folder);
	snprintf(fixture->url, sizeof(fixture->url), "sqlite:%s", fixture->path);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", fixture->folder);
	int result = system(command);
	free(fixture);
	return result;
}

static int try_open(struct fixture *fixture, size_t count, struct store **ret, struct error *err)
{
	struct store_config config = {.url = fixture->url,
		.migrations = migrations,
		.migration_count = count,
		.product = "test"};

	return store_open(ret, &config, err);
}

static struct store *open_store(struct fixture *fixture)
{
	struct store *store;
	struct error err;

	if (try_open(fixture, MIGRATIONS, &store, &err) < 0)
		fail_msg("%s", err.message);
	return store;
}

struct thing {
	const char *id;
	int64_t value;
	bool fails;
};

static int insert(struct sql *sql, void *argument, struct error *err)
{
	const struct thing *thing = argument;

	if (SQL_RUN(sql, err, "INSERT INTO things (id, value) VALUES ($1, $2)", SQL_CSTR(thing->id),
		    SQL_INT(thing->value)) < 0)
		return -1;
	return thing->fails ? error_set(err, ERROR_UNPROCESSABLE, "asked to fail") : 0;
}

static int count_things(struct sql *sql, void *argument, struct error *err)
{
	struct sql_rows *rows;

	if (sql_query(sql, "SELECT COUNT(*) FROM things", NULL, 0, &rows, err) < 0)
		return -1;
	assert_int_equal(sql_next(rows, err), 1);
	*(int64_t *)argument = sql_int(rows, 0);
	sql_end(rows);
	return 0;
}

static int64_t count(struct store *store)
{
	int64_t number = -1;
	struct error err;

	assert_int_equal(store_read(store, count_things, &number, &err), 0);
	return number;
}

static void what_was_written_is_there_after_reopening(void **state)
{
	struct store *store = open_store(*state);
	struct thing thing = {"a", 1, false};
	struct error err;

	assert_int_equal(store_write(store, insert, &thing, &err), 0);
	store_close(store);
	store = open_store(*state);
	assert_int_equal(count(store), 1);
	store_close(store);
}

static void a_failed_write_leaves_nothing_and_tells_why(void **state)
{
	struct store *store = open_store(*state);
	struct thing fails = {"a", 1, true}, works = {"a", 1, false};
	struct error err;

	assert_int_equal(store_write(store, insert, &fails, &err), -1);
	assert_int_equal(err.code, ERROR_UNPROCESSABLE);
	assert_int_equal(count(store), 0);
	assert_int_equal(store_write(store, insert, &works, &err), 0);
	assert_int_equal(store_write(store, insert, &works, &err), -1);
	assert_int_equal(err.code, ERROR_CONFLICT);
	assert_non_null(strstr(err.message, "things.id"));
	assert_int_equal(count(store), 1);
	store_close(store);
}

static void a_reader_may_not_write(void **state)
{
	struct store *store = open_store(*state);
	struct thing thing = {"a", 1, false};
	struct error err;

	assert_int_equal(store_read(store, insert, &thing, &err), -1);
	assert_int_equal(count(store), 0);
	store_close(store);
}

static void a_second_process_is_refused(void **state)
{
	struct store *store = open_store(*state), *other;
	struct error err;

	assert_int_equal(try_open(*state, MIGRATIONS, &other, &err), -1);
	assert_non_null(strstr(err.message, "in use"));
	store_close(store);
}

static void every_earlier_schema_is_brought_up(void **state)
{
	for (size_t from = 0; from <= MIGRATIONS; from++) {
		struct fixture *fixture;
		struct store *store;
		struct error err;

		assert_int_equal(setup((void **)&fixture), 0);
		assert_int_equal(try_open(fixture, from, &store, &err), 0);
		store_close(store);
		assert_int_equal(try_open(fixture, MIGRATIONS, &store, &err), 0);
		assert_int_equal(count(store), 0);
		store_close(store);
		teardown((void **)&fixture);
	}
	(void)state;
}

static void a_newer_schema_is_refused(void **state)
{
	struct store *store = open_store(*state);
	struct error err;

	store_close(store);
	assert_int_equal(try_open(*state, 1, &store, &err), -1);
	assert_int_equal(err.code, ERROR_CONFLICT);
	assert_non_null(strstr(err.message, "newer"));
}

static void a_damaged_file_is_named(void **state)
{
	struct fixture *fixture = *state;
	struct store *store;
	struct error err;
	FILE *file = fopen(fixture->path, "w");

	for (int i = 0; i < 1000; i++)
		fputs("this is not a database\n", file);
	fclose(file);
	assert_int_equal(try_open(fixture, MIGRATIONS, &store, &err), -1);
	assert_int_equal(err.code, ERROR_UNAVAILABLE);
	assert_non_null(strstr(err.message, fixture->path));
	assert_non_null(strstr(err.message, "damaged"));
}

static void an_unknown_url_is_refused(void **state)
{
	struct store *store;
	struct error err;
	struct store_config config = {.url = "mysql://x"};

	(void)state;
	assert_int_equal(store_open(&store, &config, &err), -1);
	assert_int_equal(err.code, ERROR_INVALID);
	assert_non_null(strstr(err.message, "mysql://x"));
}

/* --- many writers, many readers ------------------------------------------------------------- */

struct crowd {
	struct store *store;
	struct feed *feed;
	int number;
	int64_t seen;
	int64_t wrong;
	struct stop *stop;
};

static int append(struct sql *sql, void *argument, struct error *err)
{
	const struct crowd *writer = argument;
	struct feed *feed = writer->feed;
	struct feed_row row = {.topic = STR("Thing"),
		.id = STR("x"),
		.event = STR("created"),
		.version = writer->seen};

	if (feed_append(sql, feed, &row, err) < 0)
		return -1;
	/* Every seventh gives up after appending: readers must never see those. */
	return writer->seen % 7 == 6 ? error_set(err, ERROR_CONFLICT, "gives up") : 0;
}

static void write_many(void *argument)
{
	struct crowd *writer = argument;
	struct error err;

	for (writer->seen = 0; writer->seen < WRITES_EACH; writer->seen++)
		store_write(writer->store, append, writer, &err);
}

static void read_all(void *argument)
{
	struct crowd *reader = argument;
	int64_t cursor = 0;

	for (;;) {
		struct arena *arena = arena_new(0);
		struct feed_row *rows;
		size_t number;
		struct error err;
		bool more = feed_wait(reader->feed, cursor, reader->stop, CLOCK_US_PER_S * 20);

		if (feed_read(reader->feed, arena, cursor, 10, &rows, &number, &err) < 0)
			reader->wrong++;
		for (size_t i = 0; i < number; i++) {
			reader->wrong += rows[i].sequence != cursor + 1 || rows[i].version % 7 == 6;
			cursor = rows[i].sequence;
			reader->seen++;
		}
		arena_free(arena);
		if (!more && number == 0)
			return;
	}
}

static void no_reader_misses_or_reorders_a_committed_row(void **state)
{
	struct store *store = open_store(*state);
	struct crowd writers[WRITERS], readers[READERS];
	struct thread *threads[WRITERS + READERS];
	struct store_counters counters;
	struct feed *feed;
	struct stop stop;
	struct error err;
	int64_t expected = WRITERS * (WRITES_EACH - WRITES_EACH / 7);

	stop_init(&stop);
	assert_int_equal(feed_new(&feed, store, "changes", &err), 0);
	for (int i = 0; i < READERS; i++) {
		readers[i] = (struct crowd){store, feed, i, 0, 0, &stop};
		assert_int_equal(
			thread_start(&threads[WRITERS + i], "reader", read_all, &readers[i], &err),
			0);
	}
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct crowd){store, feed, i, 0, 0, &stop};
		assert_int_equal(
			thread_start(&threads[i], "writer", write_many, &writers[i], &err), 0);
	}
	for (int i = 0; i < WRITERS; i++)
		thread_join(threads[i]);
	assert_int_equal(feed_last(feed), expected);
	stop_request(&stop);
	for (int i = 0; i < READERS; i++) {
		thread_join(threads[WRITERS + i]);
		assert_int_equal(readers[i].wrong, 0);
		assert_int_equal(readers[i].seen, expected);
	}
	store_count(store, &counters);
	assert_true(counters.largest_group > 1);
	assert_true(counters.commits < counters.writes); /* flushes were shared */
	feed_free(feed);
	store_close(store);
	stop_destroy(&stop);
}

static void a_cursor_older_than_what_is_kept_is_told(void **state)
{
	struct store *store = open_store(*state);
	struct crowd writer = {.store = store};
	struct feed_row *rows;
	size_t number;
	struct error err;
	struct arena *arena = arena_new(0);

	assert_int_equal(feed_new(&writer.feed, store, "changes", &err), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_write(store, append, &writer, &err), 0);
	assert_int_equal(feed_read(writer.feed, arena, 0, 10, &rows, &number, &err), 0);
	assert_int_equal(number, 3);
	assert_int_equal(feed_compact(writer.feed, 2, &err), 0);
	assert_int_equal(feed_read(writer.feed, arena, 0, 10, &rows, &number, &err), 0);
	assert_int_equal(number, 3); /* the newest FEED_KEEP_ROWS always stay */
	arena_free(arena);
	feed_free(writer.feed);
	store_close(store);
}

static void a_lease_has_one_holder_and_a_growing_number(void **state)
{
	struct store *store = open_store(*state);
	int64_t first, second, third;
	struct error err;

	assert_int_equal(lease_take(store, STR("x"), STR("a"), 1000, 500, &first, &err), 0);
	assert_int_equal(lease_take(store, STR("x"), STR("b"), 1100, 500, &second, &err), -1);
	assert_int_equal(err.code, ERROR_CONFLICT);
	assert_non_null(strstr(err.message, "\"a\""));
	assert_int_equal(lease_take(store, STR("x"), STR("a"), 1400, 500, &second, &err), 0);
	assert_int_equal(first, second);
	assert_int_equal(lease_take(store, STR("x"), STR("b"), 2000, 500, &third, &err), 0);
	assert_true(third > second);
	assert_int_equal(lease_release(store, STR("x"), third, &err), 0);
	assert_int_equal(lease_take(store, STR("x"), STR("a"), 2001, 500, &first, &err), 0);
	assert_true(first > third);
	store_close(store);
}

/* A child writes and says so after each answer, until it is killed. */
static void answered_writes_survive_a_kill(void **state)
{
	int said[2];
	char line[32];
	int64_t answered = 0;

	assert_int_equal(pipe(said), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct store *store = open_store(*state);
		for (int i = 0;; i++) {
			char id[16];
			struct thing thing = {id, i, false};
			struct error err;
			snprintf(id, sizeof(id), "%d", i);
			if (store_write(store, insert, &thing, &err) == 0 &&
				write(said[1], "x", 1) != 1)
				_exit(1);
		}
	}
	close(said[1]);
	while (answered < 200) {
		ssize_t got = read(said[0], line, sizeof(line));
		assert_true(got > 0);
		answered += got;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (ssize_t got; (got = read(said[0], line, sizeof(line))) > 0;)
		answered += got;
	close(said[0]);
	struct store *store = open_store(*state);
	assert_true(count(store) >= answered);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_was_written_is_there_after_reopening, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_failed_write_leaves_nothing_and_tells_why, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reader_may_not_write, setup, teardown),
		cmocka_unit_test_setup_teardown(a_second_process_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			every_earlier_schema_is_brought_up, setup, teardown),
		cmocka_unit_test_setup_teardown(a_newer_schema_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_file_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(an_unknown_url_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			no_reader_misses_or_reorders_a_committed_row, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_cursor_older_than_what_is_kept_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_lease_has_one_holder_and_a_growing_number, setup, teardown),
		cmocka_unit_test_setup_teardown(answered_writes_survive_a_kill, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
