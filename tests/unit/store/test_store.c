/*
 * test_store.c - transactions, groups, ownership, crashes, migrations, damage.
 */
#include "store_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* --- work and values ----------------------------------------------------------------------- */

static int write_values(struct sql *sql, void *argument, struct error *err)
{
	(void)argument;
	return SQL_RUN(sql, err,
		       "CREATE TABLE mixed (a BIGINT, b DOUBLE PRECISION, "
		       "c TEXT, d TEXT, e TEXT)") < 0 ||
			       SQL_RUN(sql, err,
				       "INSERT INTO mixed (e, d, c, b, a) VALUES ($5, $4, $3, $2, "
				       "$1)",
				       SQL_INT(INT64_MIN), SQL_DOUBLE(0.5),
				       SQL_CSTR("gr\xc3\xbc\xc3\x9f"), SQL_STR(STR("")),
				       SQL_STR(STR_NULL)) < 0
		       ? -1
		       : 0;
}

static int check_values(struct sql *sql, void *argument, struct error *err)
{
	struct sql_rows *rows;

	(void)argument;
	if (sql_query_text(sql, STR("SELECT a, b, c, d, e FROM mixed"), NULL, 0, &rows, err) < 0)
		return -1;
	assert_int_equal(sql_next(rows, err), 1);
	assert_true(sql_int(rows, 0) == INT64_MIN);
	assert_true(sql_double(rows, 1) == 0.5);
	assert_true(str_eq(sql_str(rows, 2), STR("gr\xc3\xbc\xc3\x9f")));
	assert_true(!str_is_null(sql_str(rows, 3)) && sql_str(rows, 3).len == 0);
	assert_true(sql_is_null(rows, 4) && str_is_null(sql_str(rows, 4)));
	assert_false(sql_is_null(rows, 3));
	assert_int_equal(sql_next(rows, err), 0);
	assert_int_equal(sql_next(rows, err), 0);
	sql_end(rows);
	sql_end(rows);
	return 0;
}

static void values_come_back_by_their_parameter_numbers(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(store_write(fixture->store, write_values, NULL, NULL), 0);
	assert_int_equal(store_read(fixture->store, check_values, NULL, NULL), 0);
}

static int nest_query(struct sql *sql, void *argument, struct error *err)
{
	static const char text[] = "SELECT value FROM items ORDER BY name";
	struct sql_rows *outer, *inner;
	int64_t sum = 0;

	(void)argument;
	if (sql_query(sql, text, NULL, 0, &outer, err) < 0)
		return -1;
	while (sql_next(outer, err) == 1) {
		if (sql_query(sql, text, NULL, 0, &inner, err) < 0)
			return -1;
		while (sql_next(inner, err) == 1)
			sum += sql_int(outer, 0) * sql_int(inner, 0);
	}
	assert_int_equal(sum, (1 + 2 + 3) * (1 + 2 + 3));
	/* Left open on purpose: it ends with the work. */
	return sql_query(sql, text, NULL, 0, &outer, err) < 0 || sql_next(outer, err) < 0 ? -1 : 0;
}

static void a_query_may_run_inside_itself_and_be_left_open(void **state)
{
	struct fixture *fixture = *state;
	struct item items[] = {{"a", 1}, {"b", 2}, {"c", 3}};

	for (size_t i = 0; i < 3; i++)
		assert_int_equal(store_write(fixture->store, insert_item, &items[i], NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(store_read(fixture->store, nest_query, NULL, NULL), 0);
	assert_int_equal(store_write(fixture->store, nest_query, NULL, NULL), 0);
}

static int many_texts(struct sql *sql, void *argument, struct error *err)
{
	(void)argument;
	for (int i = 0; i < 3 * STORE_MAX_STATEMENTS; i++) {
		char text[64];
		struct sql_rows *rows;
		snprintf(text, sizeof(text), "SELECT %d", i);
		if (sql_query(sql, text, NULL, 0, &rows, err) < 0 || sql_next(rows, err) != 1)
			return -1;
		assert_int_equal(sql_int(rows, 0), i);
		if (i % 2)
			sql_end(rows); /* the others stay open and must survive */
	}
	return 0;
}

static void more_texts_than_are_kept_still_run(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 2; i++)
		assert_int_equal(store_read(fixture->store, many_texts, NULL, NULL), 0);
}

static int two_at_once(struct sql *sql, void *argument, struct error *err)
{
	return SQL_RUN(sql, err, "DELETE FROM items; DELETE FROM items");
}

static void one_call_runs_one_statement(void **state)
{
	struct fixture *fixture = *state;
	struct error err;

	assert_int_equal(store_write(fixture->store, two_at_once, NULL, &err), -1);
	assert_int_equal(err.code, ERROR_INTERNAL);
}

static void a_reader_may_not_write(void **state)
{
	struct fixture *fixture = *state;
	struct item item = {"a", 1};
	struct error err;

	assert_int_equal(store_read(fixture->store, insert_item, &item, &err), -1);
	assert_int_equal(err.code, ERROR_INTERNAL);
	assert_int_equal(items_in(fixture->store), 0);
}

static void a_taken_name_is_a_conflict_that_names_the_column(void **state)
{
	struct fixture *fixture = *state;
	struct item item = {"a", 1};
	struct error err;

	assert_int_equal(store_write(fixture->store, insert_item, &item, &err), 0);
	assert_int_equal(store_write(fixture->store, insert_item, &item, &err), -1);
	assert_int_equal(err.code, ERROR_CONFLICT);
	assert_non_null(strstr(err.message, "items.name"));
}

static int write_again(struct sql *sql, void *argument, struct error *err)
{
	struct item item = {"inner", 1};

	(void)sql;
	return store_write(argument, insert_item, &item, err);
}

static void a_write_inside_a_write_is_refused_not_a_deadlock(void **state)
{
	struct fixture *fixture = *state;
	struct error err;

	assert_int_equal(store_write(fixture->store, write_again, fixture->store, &err), -1);
	assert_int_equal(err.code, ERROR_INTERNAL);
}

/* --- groups -------------------------------------------------------------------------------- */

/* Holds the writer until the others have queued. */
struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool is_inside, is_open;
};

static int hold(struct sql *sql, void *argument, struct error *err)
{
	struct gate *gate = argument;

	(void)sql;
	(void)err;
	pthread_mutex_lock(&gate->mutex);
	gate->is_inside = true;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->is_open)
		pthread_cond_wait(&gate->changed, &gate->mutex);
	pthread_mutex_unlock(&gate->mutex);
	return 0;
}

struct call {
	pthread_t thread;
	struct store *store;
	store_work prefetch;
	store_work work;
	void *argument;
	int result;
	struct error err;
};

static void *call_store(void *arg)
{
	struct call *call = arg;

	call->result = store_write_ahead(
		call->store, call->prefetch, call->work, call->argument, &call->err);
	return NULL;
}

/* Runs the calls in one group, behind a gate. */
static void run_group(struct fixture *fixture, struct call *calls, size_t count)
{
	struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
	struct call holder = {.store = fixture->store, .work = hold, .argument = &gate};

	pthread_create(&holder.thread, NULL, call_store, &holder);
	pthread_mutex_lock(&gate.mutex);
	while (!gate.is_inside)
		pthread_cond_wait(&gate.changed, &gate.mutex);
	pthread_mutex_unlock(&gate.mutex);
	for (size_t i = 0; i < count; i++) {
		calls[i].store = fixture->store;
		pthread_create(&calls[i].thread, NULL, call_store, &calls[i]);
		usleep(20000); /* so that they queue in this order */
	}
	pthread_mutex_lock(&gate.mutex);
	gate.is_open = true;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.mutex);
	for (size_t i = 0; i < count; i++)
		pthread_join(calls[i].thread, NULL);
	pthread_join(holder.thread, NULL);
}

static void writes_that_wait_share_one_commit(void **state)
{
	enum { COUNT = 20 };
	struct fixture *fixture = *state;
	struct item items[COUNT];
	struct call calls[COUNT] = {0};
	char names[COUNT][8];
	struct store_counters before, after;

	for (size_t i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "n%zu", i);
		items[i] = (struct item){names[i], (int64_t)i};
		calls[i] = (struct call){.work = insert_item, .argument = &items[i]};
	}
	store_count(fixture->store, &before);
	run_group(fixture, calls, COUNT);
	store_count(fixture->store, &after);
	for (size_t i = 0; i < COUNT; i++)
		assert_int_equal(calls[i].result, 0);
	assert_int_equal(items_in(fixture->store), COUNT);
	assert_int_equal(after.writes - before.writes, COUNT + 1);
	assert_int_equal(after.commits - before.commits, 2); /* the holder's and the group's */
	assert_int_equal(after.largest_group, COUNT);
}

static void one_write_that_fails_leaves_the_others_of_its_group(void **state)
{
	struct fixture *fixture = *state;
	struct item items[] = {{"a", 1}, {"b", 2, .fails = true}, {"b", 3}, {"a", 4}, {"d", 5}};
	struct call calls[5] = {0};

	for (size_t i = 0; i < 5; i++)
		calls[i] = (struct call){.work = insert_item, .argument = &items[i]};
	run_group(fixture, calls, 5);
	assert_int_equal(calls[0].result, 0);
	assert_int_equal(calls[1].result, -1);
	assert_int_equal(calls[1].err.code, ERROR_UNPROCESSABLE);
	assert_int_equal(calls[2].result, 0); /* the name is free again */
	assert_int_equal(calls[3].result, -1);
	assert_int_equal(calls[3].err.code, ERROR_CONFLICT);
	assert_int_equal(calls[4].result, 0);
	assert_int_equal(items_in(fixture->store), 3);
}

static int insert_item_later(struct sql *sql, void *argument, struct error *err)
{
	const struct item *item = argument;

	return SQL_RUN_LATER(sql, err, "INSERT INTO items (name, value) VALUES ($1, $2)",
		SQL_CSTR(item->name), SQL_INT(item->value));
}

/* Nobody waits for the answer to the one that fails: its neighbours are not told what is untrue. */
static void a_statement_run_later_fails_its_own_work_only(void **state)
{
	struct fixture *fixture = *state;
	struct item items[] = {{"a", 1}, {"b", 2}, {"a", 3}, {"c", 4}, {"b", 5}, {"d", 6}};
	enum { COUNT = sizeof(items) / sizeof(items[0]) };
	struct call calls[COUNT] = {0};

	for (size_t i = 0; i < COUNT; i++)
		calls[i] = (struct call){.work = i % 2 == 0 ? insert_item_later : insert_item,
			.argument = &items[i]};
	run_group(fixture, calls, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		bool is_taken = i == 2 || i == 4;

		assert_int_equal(calls[i].result, is_taken ? -1 : 0);
		if (is_taken)
			assert_int_equal(calls[i].err.code, ERROR_CONFLICT);
	}
	assert_int_equal(items_in(fixture->store), 4);
	/* Alone it is told with the commit. */
	assert_int_equal(store_write(fixture->store, insert_item_later, &items[0], NULL), -1);
	assert_int_equal(store_read(fixture->store, insert_item_later, &items[0], NULL), -1);
	assert_int_equal(items_in(fixture->store), 4);
}

/* Ends the whole transaction behind the store's back, as a full disk does. */
static int lose_transaction(struct sql *sql, void *argument, struct error *err)
{
	_Atomic int *tries = argument;

	if (atomic_fetch_add(tries, 1) < 2)
		return SQL_RUN(sql, err, "ROLLBACK");
	return error_set(err, ERROR_NO_SPACE, "still full");
}

struct addition {
	const char *name;
	const char *other; /* read, too; NULL: none */
	bool is_refused;   /* once it has read */
	unsigned prefetched;
	int64_t *ret; /* for who only reads */
};

static const char value_of[] = "SELECT value FROM items WHERE name = $1";

static int prefetch_value(struct sql *sql, void *argument, struct error *err)
{
	struct addition *addition = argument;

	addition->prefetched++;
	return sql_prefetch(sql, value_of, str_of(addition->name), err);
}

static int read_value(struct sql *sql, const char *name, int64_t *ret, struct error *err)
{
	struct sql_rows *rows;

	*ret = 0;
	if (sql_query_key(sql, value_of, str_of(name), &rows, err) < 0 || sql_next(rows, err) < 0)
		return -1;
	*ret = sql_int(rows, 0);
	sql_end(rows);
	return 0;
}

static int add(struct sql *sql, void *argument, struct error *err)
{
	struct addition *addition = argument;
	int64_t value, other = 0;

	if (read_value(sql, addition->name, &value, err) < 0 ||
		(addition->other && read_value(sql, addition->other, &other, err) < 0))
		return -1;
	if (addition->is_refused)
		return error_set(err, ERROR_UNPROCESSABLE, "refused");
	sql_changed(sql, str_of(addition->name));
	return SQL_RUN_LATER(sql, err,
		"INSERT INTO items (name, value) VALUES ($1, $2) "
		"ON CONFLICT (name) DO UPDATE SET value = excluded.value",
		SQL_CSTR(addition->name), SQL_INT(value + other + 1));
}

static int read_addition(struct sql *sql, void *argument, struct error *err)
{
	const struct addition *addition = argument;

	return read_value(sql, addition->name, addition->ret, err);
}

static int64_t value_in(struct store *store, const char *name)
{
	int64_t value = -1;
	struct addition addition = {.name = name, .ret = &value};

	assert_int_equal(store_read(store, read_addition, &addition, NULL), 0);
	return value;
}

/* What the group asked for at its beginning is not what its later pieces read, where earlier ones
 * have changed it. */
static void what_was_asked_ahead_is_read_anew_once_it_changed(void **state)
{
	enum { COUNT = 12 };
	struct fixture *fixture = *state;
	struct addition additions[COUNT];
	struct call calls[COUNT] = {0};

	for (size_t i = 0; i < COUNT; i++) {
		additions[i] = (struct addition){.name = i % 3 == 0 ? "a" : "b",
			.other = i == 7 ? "a" : NULL,
			.is_refused = i == 2};
		calls[i] = (struct call){
			.prefetch = prefetch_value, .work = add, .argument = &additions[i]};
	}
	calls[5].prefetch = NULL; /* reads when it runs */
	run_group(fixture, calls, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(calls[i].result, i == 2 ? -1 : 0);
		assert_int_equal(additions[i].prefetched, is_on_postgres() && i != 5 ? 1 : 0);
	}
	assert_int_equal(calls[2].err.code, ERROR_UNPROCESSABLE);
	assert_int_equal(value_in(fixture->store, "a"), 4);
	assert_int_equal(
		value_in(fixture->store, "b"), 7 + 3); /* a was 3 when the eighth read it */
}

/* The group is rolled back and runs again with savepoints: nothing of the first time is left. */
static void what_was_asked_ahead_is_forgotten_when_the_group_runs_again(void **state)
{
	struct fixture *fixture = *state;
	struct item taken[] = {{"t", 1}, {"t", 2}};
	struct addition additions[] = {{.name = "a"}, {.name = "a"}, {.name = "a"}};
	struct call calls[5] = {
		{.prefetch = prefetch_value, .work = add, .argument = &additions[0]},
		{.work = insert_item_later, .argument = &taken[0]},
		{.prefetch = prefetch_value, .work = add, .argument = &additions[1]},
		{.work = insert_item_later, .argument = &taken[1]},
		{.prefetch = prefetch_value, .work = add, .argument = &additions[2]},
	};

	run_group(fixture, calls, 5);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(calls[i].result, i == 3 ? -1 : 0);
	assert_int_equal(value_in(fixture->store, "a"), 3);
}

static void a_lost_group_is_tried_again_one_by_one(void **state)
{
	struct fixture *fixture = *state;
	_Atomic int tries = 0;
	struct item items[] = {{"a", 1}, {"b", 2}};
	struct call calls[3] = {
		{.work = insert_item, .argument = &items[0]},
		{.work = lose_transaction, .argument = &tries},
		{.work = insert_item, .argument = &items[1]},
	};

	run_group(fixture, calls, 3);
	assert_int_equal(calls[0].result, 0);
	assert_int_equal(calls[1].result, -1);
	assert_int_equal(calls[1].err.code, ERROR_NO_SPACE);
	assert_int_equal(calls[2].result, 0);
	assert_int_equal(items_in(fixture->store), 2);
	assert_int_equal(tries, 3); /* together, with savepoints, alone */
}

static void *close_store(void *store)
{
	store_close(store);
	return NULL;
}

static void closing_cancels_what_waits(void **state)
{
	struct fixture *fixture = *state;
	struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false};
	struct call holder = {.store = fixture->store, .work = hold, .argument = &gate};
	struct item item = {"late", 1};
	struct call late = {.store = fixture->store, .work = insert_item, .argument = &item};
	pthread_t closer;

	pthread_create(&holder.thread, NULL, call_store, &holder);
	pthread_mutex_lock(&gate.mutex);
	while (!gate.is_inside)
		pthread_cond_wait(&gate.changed, &gate.mutex);
	pthread_mutex_unlock(&gate.mutex);
	pthread_create(&late.thread, NULL, call_store, &late);
	usleep(50000);
	pthread_create(&closer, NULL, close_store, fixture->store);
	usleep(50000);
	pthread_mutex_lock(&gate.mutex);
	gate.is_open = true;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.mutex);
	pthread_join(holder.thread, NULL);
	pthread_join(late.thread, NULL);
	pthread_join(closer, NULL);
	fixture->store = NULL;
	assert_int_equal(holder.result, 0);
	assert_int_equal(late.result, -1);
	assert_int_equal(late.err.code, ERROR_CANCELLED);
}

/* --- the disk ------------------------------------------------------------------------------ */

static int insert_blob(struct sql *sql, void *argument, struct error *err)
{
	static const char bytes[200000];

	return SQL_RUN(sql, err, "INSERT INTO items (name, value) VALUES ($1, 1)",
		SQL_STR(str_n(bytes, sizeof(bytes) - *(size_t *)argument)));
}

static int limit_pages(struct sql *sql, void *argument, struct error *err)
{
	char text[64];

	snprintf(text, sizeof(text), "PRAGMA max_page_count=%d", *(int *)argument);
	return sql_run(sql, text, NULL, 0, NULL, err);
}

static void a_full_database_says_so_and_recovers(void **state)
{
	struct fixture *fixture = *state;
	struct item small = {"small", 1};
	struct store *store = fixture->store;
	struct error err;
	size_t less = 0;

	assert_int_equal(store_write(store, insert_item, &small, &err), 0);
	int pages = 40;
	assert_int_equal(store_write(store, limit_pages, &pages, &err), 0);
	assert_int_equal(store_write(store, insert_blob, &less, &err), -1);
	assert_int_equal(err.code, ERROR_NO_SPACE);
	small.name = "small2";
	assert_int_equal(store_write(store, insert_item, &small, &err), 0);
	pages = 100000;
	assert_int_equal(store_write(store, limit_pages, &pages, &err), 0);
	assert_int_equal(store_write(store, insert_blob, &less, &err), 0);
	assert_int_equal(items_in(store), 3);
}

/* The child writes and tells each answered name; then it is killed at any point. */
static void write_until_killed(const struct fixture *fixture, int pipe_fd)
{
	struct fixture own = *fixture;

	fixture_open(&own);
	for (int64_t i = 0;; i++) {
		char name[32];
		snprintf(name, sizeof(name), "%lld", (long long)i);
		struct item item = {name, i};
		if (store_write(own.store, insert_item, &item, NULL) < 0 ||
			write(pipe_fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

static void what_was_answered_survives_a_kill(void **state)
{
	struct fixture *fixture = *state;
	int64_t answered_in_all = 0;

	for (int round = 0; round < 3; round++) {
		int fds[2];
		int64_t last = -1;
		fixture_wipe(fixture);
		assert_int_equal(pipe(fds), 0);
		pid_t child = fork();
		if (child == 0)
			write_until_killed(fixture, fds[1]);
		close(fds[1]);
		for (int i = 0; i < 20 + round * 7; i++)
			assert_int_equal(read(fds[0], &last, sizeof(last)), sizeof(last));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (read(fds[0], &last, sizeof(last)) == sizeof(last))
			;
		close(fds[0]);
		fixture_open(fixture);
		/* One more may have been written and not told. */
		assert_in_range(items_in(fixture->store), last + 1, last + 2);
		answered_in_all += last + 1;
		store_close(fixture->store);
		fixture->store = NULL;
	}
	assert_true(answered_in_all > 60);
}

static void a_second_process_is_told_who_owns_the_file(void **state)
{
	struct fixture *fixture = *state;
	struct store_config config = fixture_config(fixture);
	char expected[32];
	struct error err;
	struct store *second = NULL;

	assert_int_equal(store_open(&second, &config, &err), -1);
	assert_int_equal(err.code, ERROR_UNAVAILABLE);
	snprintf(expected, sizeof(expected), "process %ld", (long)getpid());
	assert_non_null(strstr(err.message, expected));
	store_close(fixture->store);
	fixture->store = NULL;
	fixture_open(fixture);
}

/* The owner is in this process, where flock tells two opens apart all the same. */
static void a_file_is_owned_whatever_its_name(void **state)
{
	struct fixture *fixture = *state;
	struct fixture other = *fixture;
	struct store_config config;
	struct error err;
	struct store *second = NULL;

	snprintf(other.path, sizeof(other.path), "%s/other.db", fixture->folder);
	snprintf(other.url, sizeof(other.url), "sqlite:%s", other.path);
	config = fixture_config(&other);
	assert_int_equal(symlink(fixture->path, other.path), 0);
	assert_int_equal(store_open(&second, &config, &err), -1);
	assert_int_equal(err.code, ERROR_UNAVAILABLE);
	assert_non_null(strstr(err.message, "in use by process"));
	assert_int_equal(store_open_reading(&second, &config, &err), 0);
	store_close(second);
	unlink(other.path);

	assert_int_equal(link(fixture->path, other.path), 0);
	assert_int_equal(store_open(&second, &config, &err), -1);
	assert_non_null(strstr(err.message, "2 names (hard links)"));
	assert_int_equal(store_open_reading(&second, &config, &err), -1);
	unlink(other.path);
}

static void a_new_file_is_for_its_owner_only(void **state)
{
	struct fixture *fixture = *state;
	char path[128];
	struct stat status;
	struct item item = {"a", 1};
	struct error err;

	assert_int_equal(store_write(fixture->store, insert_item, &item, &err), 0);
	for (const char *const *end = (const char *const[]){"", "-wal", "-shm", ".lock", NULL};
		*end; end++) {
		snprintf(path, sizeof(path), "%s%s", fixture->path, *end);
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_mode & 0777, 0600);
	}
}

static void a_file_that_was_removed_takes_no_more_writes(void **state)
{
	struct fixture *fixture = *state;
	char away[128];
	struct item item = {"a", 1};
	struct error err;

	snprintf(away, sizeof(away), "%s/away", fixture->folder);
	assert_int_equal(rename(fixture->path, away), 0);
	assert_int_equal(store_write(fixture->store, insert_item, &item, &err), -1);
	assert_int_equal(err.code, ERROR_UNAVAILABLE);
	assert_non_null(strstr(err.message, "removed or replaced"));
	assert_int_equal(rename(away, fixture->path), 0);
	assert_int_equal(store_write(fixture->store, insert_item, &item, &err), 0);
}

static void damage(const char *path, off_t offset, const char *bytes, size_t count)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, count, offset), count);
	close(fd);
}

static void a_damaged_file_is_refused_with_its_name(void **state)
{
	struct fixture *fixture = *state;
	struct store_config config = fixture_config(fixture);
	static char garbage[3000];
	struct error err;

	memset(garbage, 'x', sizeof(garbage));
	damage(fixture->path, 0, garbage, sizeof(garbage));
	assert_int_equal(store_open(&fixture->store, &config, &err), -1);
	assert_int_equal(err.code, ERROR_UNAVAILABLE);
	assert_non_null(strstr(err.message, fixture->path));
	assert_non_null(strstr(err.message, "damaged"));
	assert_non_null(strstr(err.message, "backup"));

	/* A real database with pages overwritten in the middle. */
	unlink(fixture->path);
	fixture_open(fixture);
	size_t less = 0;
	for (less = 0; less < 5; less++)
		assert_int_equal(store_write(fixture->store, insert_blob, &less, &err), 0);
	store_close(fixture->store);
	fixture->store = NULL;
	for (off_t page = 2; page < 9; page++)
		damage(fixture->path, page * 4096, garbage, sizeof(garbage));
	assert_int_equal(store_open(&fixture->store, &config, &err), -1);
	assert_int_equal(err.code, ERROR_UNAVAILABLE);
	assert_non_null(strstr(err.message, "damaged"));
}

static void wrong_urls_are_told_apart(void **state)
{
	static const struct {
		const char *url;
		enum error_code code;
	} rows[] = {
		{"mysql://x", ERROR_INVALID},
		{"sqlite:", ERROR_INVALID},
		{"", ERROR_INVALID},
		{"postgresql://[broken", ERROR_INVALID},
		{"postgres://x:hidden%zz@y/z", ERROR_INVALID},
		{"postgress://x:hidden@y/z", ERROR_INVALID},
		{"postgresql://x:hidden@/y?host=/nonexistent", ERROR_UNAVAILABLE},
		{"sqlite:/nonexistent/folder/x.db", ERROR_UNAVAILABLE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct store_config config = {.url = rows[i].url, .product = "test"};
		struct store *store = NULL;
		struct error err;
		assert_int_equal(store_open(&store, &config, &err), -1);
		assert_int_equal(err.code, rows[i].code);
		assert_null(strstr(err.message, "hidden")); /* nobody is shown a password */
		assert_null(store);
	}
}

/* --- migrations ---------------------------------------------------------------------------- */

static const struct store_migration history[] = {
	{1, "one", "CREATE TABLE items (name TEXT PRIMARY KEY, value BIGINT NOT NULL);"},
	{2, "two", "ALTER TABLE items ADD COLUMN note TEXT; UPDATE items SET note = 'old';"},
	{3, "three",
		"CREATE INDEX items_note ON items (note); INSERT INTO items VALUES('m',3,'n');",
		{"INSERT INTO items VALUES ('also', 4, 'sqlite');",
			"INSERT INTO items VALUES ('also', 4, 'postgresql');"}},
};

static void every_earlier_version_comes_up_to_date(void **state)
{
	struct fixture *fixture = *state;

	for (size_t from = 0; from <= 3; from++) {
		struct store_config config = {.url = fixture->url,
			.migrations = history,
			.migration_count = from,
			.product = "history"};
		struct error err;
		struct item item = {"kept", 1};
		assert_int_equal(store_open(&fixture->store, &config, &err), 0);
		if (from == 1)
			assert_int_equal(store_write(fixture->store, insert_item, &item, &err), 0);
		store_close(fixture->store);
		config.migration_count = 3;
		assert_int_equal(store_open(&fixture->store, &config, &err), 0);
		assert_int_equal(items_in(fixture->store), from == 1 ? 3 : 2);
		store_close(fixture->store);
		fixture->store = NULL;
		fixture_wipe(fixture);
	}
}

static void a_newer_schema_is_refused_and_left_alone(void **state)
{
	struct fixture *fixture = *state;
	struct store_config config = {.url = fixture->url,
		.migrations = history,
		.migration_count = 3,
		.product = "history"};
	struct error err;

	assert_int_equal(store_open(&fixture->store, &config, &err), 0);
	store_close(fixture->store);
	config.migration_count = 2;
	fixture->store = NULL;
	assert_int_equal(store_open(&fixture->store, &config, &err), -1);
	assert_int_equal(err.code, ERROR_CONFLICT);
	assert_non_null(strstr(err.message, "newer reeve (schema 3 of history, this one knows 2)"));
	config.migration_count = 3;
	assert_int_equal(store_open(&fixture->store, &config, &err), 0);
	assert_int_equal(items_in(fixture->store), 2);
}

static void a_migration_that_fails_changes_nothing(void **state)
{
	static const struct store_migration broken[] = {
		{1, "one", "CREATE TABLE items (name TEXT PRIMARY KEY, value BIGINT NOT NULL);"},
		{2, "bad", "INSERT INTO items VALUES ('x', 1); INSERT INTO nowhere VALUES (1);"},
	};
	struct fixture *fixture = *state;
	struct store_config config = {.url = fixture->url,
		.migrations = broken,
		.migration_count = 2,
		.product = "broken"};
	struct error err;

	assert_int_equal(store_open(&fixture->store, &config, &err), -1);
	assert_non_null(strstr(err.message, "migration 2 (bad) of broken"));
	config.migration_count = 1;
	assert_int_equal(store_open(&fixture->store, &config, &err), 0);
	assert_int_equal(items_in(fixture->store), 0);
}

/* --- memory, backup ------------------------------------------------------------------------ */

static void a_store_in_memory_serves_reads_and_writes(void **state)
{
	struct store_config config = {.url = "sqlite::memory:",
		.migrations = fixture_migrations,
		.migration_count = 2,
		.product = "test"};
	struct item item = {"a", 1};
	struct store *store;
	struct error err;

	(void)state;
	assert_int_equal(store_open(&store, &config, &err), 0);
	assert_int_equal(store_write(store, insert_item, &item, &err), 0);
	assert_int_equal(items_in(store), 1);
	item.name = "b";
	assert_int_equal(store_read(store, insert_item, &item, &err), -1);
	assert_int_equal(items_in(store), 1);
	store_close(store);
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, fixture_setup_open, fixture_teardown)
#define FRESH(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(values_come_back_by_their_parameter_numbers),
		OPENED(a_query_may_run_inside_itself_and_be_left_open),
		OPENED(more_texts_than_are_kept_still_run),
		OPENED(one_call_runs_one_statement),
		OPENED(a_reader_may_not_write),
		OPENED(a_taken_name_is_a_conflict_that_names_the_column),
		OPENED(a_write_inside_a_write_is_refused_not_a_deadlock),
		OPENED(writes_that_wait_share_one_commit),
		OPENED(one_write_that_fails_leaves_the_others_of_its_group),
		OPENED(a_statement_run_later_fails_its_own_work_only),
		OPENED(what_was_asked_ahead_is_read_anew_once_it_changed),
		OPENED(what_was_asked_ahead_is_forgotten_when_the_group_runs_again),
		OPENED(a_lost_group_is_tried_again_one_by_one),
		OPENED(closing_cancels_what_waits),
		FRESH(what_was_answered_survives_a_kill),
		cmocka_unit_test(wrong_urls_are_told_apart),
		FRESH(every_earlier_version_comes_up_to_date),
		FRESH(a_newer_schema_is_refused_and_left_alone),
		FRESH(a_migration_that_fails_changes_nothing),
	};
	const struct CMUnitTest of_files[] = {
		OPENED(a_full_database_says_so_and_recovers),
		OPENED(a_second_process_is_told_who_owns_the_file),
		OPENED(a_file_is_owned_whatever_its_name),
		OPENED(a_new_file_is_for_its_owner_only),
		OPENED(a_file_that_was_removed_takes_no_more_writes),
		FRESH(a_damaged_file_is_refused_with_its_name),
		cmocka_unit_test(a_store_in_memory_serves_reads_and_writes),
	};
	int failed = cmocka_run_group_tests_name("store", tests, NULL, NULL);

	if (!is_on_postgres())
		failed += cmocka_run_group_tests_name("store in a file", of_files, NULL, NULL);
	return failed;
}
