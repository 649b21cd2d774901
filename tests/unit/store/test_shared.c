/*
 * test_shared.c - one PostgreSQL database and several processes, any of which may be killed; and a
 * server that is. Runs under tests/with-postgres alone: a file belongs to one process.
 */
#include "store_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"

#define SECOND INT64_C(1000000)

enum { PROCESSES = 2, THREADS = 16, WRITERS = PROCESSES * THREADS, READERS = 4, EACH = 100 };

/* What a reader keeps between its lives. Two of them, so that a kill never leaves a half. */
struct progress {
	int64_t cursor;
	int64_t versions[WRITERS];
};

struct reader {
	struct progress kept[2];
	_Atomic int current;
	_Atomic int lives;
	char problem[100];
};

struct board {
	struct reader readers[READERS];
	_Atomic int64_t opened, failed, won, conflicts;
	_Atomic bool is_over;
	char problem[ERROR_MESSAGE_MAX];
};

static struct board *new_board(void)
{
	struct board *board = mmap(
		NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(board != MAP_FAILED);
	return board;
}

static int setup(void **state)
{
	fixture_setup(state);
	fixture_open(*state); /* makes the tables */
	store_close(((struct fixture *)*state)->store);
	((struct fixture *)*state)->store = NULL;
	return 0;
}

/* In a child, which goes with its parent: no cmocka, whose jumps are the parent's. */
static struct store *open_or_exit(const struct fixture *fixture, struct board *board)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	struct store_config config = fixture_config(fixture);
	struct store *store;
	struct error err;

	if (store_open(&store, &config, &err) == 0)
		return store;
	snprintf(board->problem, sizeof(board->problem), "%s", err.message);
	_exit(1);
}

static void wait_for(const pid_t *children, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int status;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
}

/* --- the feed ------------------------------------------------------------------------------ */

struct change {
	pthread_t thread;
	struct store *store;
	struct feed *feed;
	int writer;
	int64_t version;
	struct board *board;
};

static int append(struct sql *sql, void *argument, struct error *err)
{
	const struct change *change = argument;
	char id[16];
	const struct feed_row row = {.topic = STR("Cluster"),
		.id = str_n(id, (size_t)snprintf(id, sizeof(id), "%d", change->writer)),
		.event = STR("updated"),
		.version = change->version};

	if (feed_append(sql, change->feed, &row, NULL, err) < 0)
		return -1;
	/* Some fail after having taken a number. */
	return change->version < 0 ? error_set(err, ERROR_UNPROCESSABLE, "as asked") : 0;
}

static void *write_many(void *arg)
{
	struct change *change = arg;
	struct error err;

	for (int64_t i = 1; i <= EACH; i++) {
		change->version = -i;
		if (store_write(change->store, append, change, &err) == 0 ||
			err.code != ERROR_UNPROCESSABLE)
			snprintf(change->board->problem, sizeof(change->board->problem), "%s",
				err.message);
		change->version = i;
		if (store_write(change->store, append, change, &err) < 0)
			snprintf(change->board->problem, sizeof(change->board->problem), "%s",
				err.message);
	}
	return NULL;
}

static void be_writers(const struct fixture *fixture, struct board *board, int process)
{
	struct change changes[THREADS];
	struct store *store = open_or_exit(fixture, board);
	struct feed *feed;

	if (feed_new(&feed, store, "changes", NULL) < 0)
		_exit(1);
	for (int i = 0; i < THREADS; i++) {
		changes[i] = (struct change){.store = store,
			.feed = feed,
			.writer = process * THREADS + i,
			.board = board};
		pthread_create(&changes[i].thread, NULL, write_many, &changes[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(changes[i].thread, NULL);
	feed_free(feed);
	store_close(store);
	_exit(board->problem[0] ? 1 : 0);
}

static const char *act_on(const struct feed_row *row, struct progress *progress)
{
	int64_t writer = -1;

	str_to_int64(row->id, &writer);
	if (row->sequence != progress->cursor + 1)
		return "a number is missing or comes twice";
	if (writer < 0 || writer >= WRITERS)
		return "a row that nobody wrote";
	if (row->version != progress->versions[writer] + 1)
		return "out of order";
	progress->cursor = row->sequence;
	progress->versions[writer] = row->version;
	return NULL;
}

static void be_reader(const struct fixture *fixture, struct board *board, struct reader *self)
{
	struct store *store = open_or_exit(fixture, board);
	struct feed *feed;
	struct stop stop;

	stop_init(&stop);
	if (feed_new(&feed, store, "changes", NULL) < 0)
		_exit(1);
	self->lives++;
	for (;;) {
		struct progress next = self->kept[self->current];
		struct arena *arena = arena_new(0);
		struct feed_row *rows = NULL;
		struct error err;
		size_t count = 0;
		if (next.cursor == WRITERS * EACH)
			_exit(0);
		if (!feed_wait(feed, next.cursor, &stop, 30 * SECOND))
			snprintf(self->problem, sizeof(self->problem), "no row came");
		else if (feed_read(feed, arena, next.cursor, 7, &rows, &count, &err) < 0)
			snprintf(self->problem, sizeof(self->problem), "%.90s", err.message);
		for (size_t i = 0; i < count; i++) {
			const char *problem = act_on(&rows[i], &next);
			if (problem)
				snprintf(self->problem, sizeof(self->problem), "%s", problem);
		}
		arena_free(arena);
		if (self->problem[0])
			_exit(1);
		self->kept[!self->current] = next;
		self->current = !self->current;
	}
}

static pid_t start_reader(const struct fixture *fixture, struct board *board, int number)
{
	pid_t child = fork();

	if (child == 0)
		be_reader(fixture, board, &board->readers[number]);
	return child;
}

/* Kills one reader after the other and starts it again, until the writers have ended. */
static void disturb(
	const struct fixture *fixture, struct board *board, pid_t *readers, const pid_t *writers)
{
	int status;

	for (int turn = 0, ended = 0; ended < PROCESSES; turn++) {
		int number = turn % READERS;
		usleep(40000);
		kill(readers[number], SIGKILL);
		waitpid(readers[number], &status, 0);
		readers[number] = start_reader(fixture, board, number);
		while (ended < PROCESSES && waitpid(writers[ended], &status, WNOHANG) > 0) {
			assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
			ended++;
		}
	}
}

static void readers_that_are_killed_miss_and_reorder_nothing(void **state)
{
	const struct fixture *fixture = *state;
	struct board *board = new_board();
	pid_t readers[READERS], writers[PROCESSES];

	for (int i = 0; i < READERS; i++)
		readers[i] = start_reader(fixture, board, i);
	for (int i = 0; i < PROCESSES; i++)
		if ((writers[i] = fork()) == 0)
			be_writers(fixture, board, i);
	disturb(fixture, board, readers, writers);
	wait_for(readers, READERS);
	assert_string_equal(board->problem, "");
	int lives = 0;
	for (int i = 0; i < READERS; i++) {
		const struct reader *reader = &board->readers[i];
		lives += reader->lives;
		assert_string_equal(reader->problem, "");
		assert_int_equal(reader->kept[reader->current].cursor, WRITERS * EACH);
		for (int j = 0; j < WRITERS; j++)
			assert_int_equal(reader->kept[reader->current].versions[j], EACH);
	}
	assert_true(lives > 2 * READERS); /* enough of them were killed */
	munmap(board, sizeof(*board));
}

static void a_commit_rings_in_the_other_processes_at_once(void **state)
{
	enum { ROUNDS = 5 };
	struct fixture *fixture = *state;
	struct board *board = new_board();
	pid_t child = fork();

	if (child == 0) {
		struct store *store = open_or_exit(fixture, board);
		struct change change = {.board = board};
		if (feed_new(&change.feed, store, "changes", NULL) < 0)
			_exit(1);
		for (change.version = 1; change.version <= ROUNDS; change.version++) {
			while (board->opened < change.version)
				usleep(1000);
			if (store_write(store, append, &change, NULL) < 0)
				_exit(1);
		}
		feed_free(change.feed);
		store_close(store);
		_exit(0);
	}
	struct feed *feed;
	struct stop stop;
	int64_t waited_us = 0;
	stop_init(&stop);
	fixture_open(fixture);
	assert_int_equal(feed_new(&feed, fixture->store, "changes", NULL), 0);
	for (int64_t i = 0; i < ROUNDS; i++) {
		usleep(50000); /* the thread that listens has begun to wait */
		int64_t begun_us = clock_monotonic_us();
		board->opened = i + 1;
		assert_true(feed_wait(feed, i, &stop, 20 * SECOND));
		waited_us += clock_monotonic_us() - begun_us;
	}
	wait_for(&child, 1);
	assert_true(waited_us < 2 * SECOND); /* looking once a second would take longer */
	feed_free(feed);
	stop_destroy(&stop);
	munmap(board, sizeof(*board));
}

/* --- rules --------------------------------------------------------------------------------- */

static void be_opener(const struct fixture *fixture, struct board *board)
{
	store_close(open_or_exit(fixture, board));
	_exit(0);
}

static void processes_that_start_together_make_the_tables_once(void **state)
{
	struct fixture *fixture = *state;
	struct board *board = new_board();
	pid_t children[6];

	fixture_wipe(fixture);
	for (int i = 0; i < 6; i++)
		if ((children[i] = fork()) == 0)
			be_opener(fixture, board);
	wait_for(children, 6);
	assert_string_equal(board->problem, "");
	munmap(board, sizeof(*board));
}

static void be_claimant(const struct fixture *fixture, struct board *board)
{
	struct store *store = open_or_exit(fixture, board);

	board->opened++;
	while (board->opened < 3)
		usleep(1000);
	for (int i = 0; i < 40; i++) {
		char name[16];
		struct item item = {name, i};
		struct error err;
		snprintf(name, sizeof(name), "n%d", i);
		if (store_write(store, insert_item, &item, &err) == 0)
			board->won++;
		else if (err.code == ERROR_CONFLICT && strstr(err.message, "items.name"))
			board->conflicts++;
		else
			snprintf(board->problem, sizeof(board->problem), "%s", err.message);
	}
	store_close(store);
	_exit(0);
}

static void a_name_is_given_to_one_process(void **state)
{
	struct fixture *fixture = *state;
	struct board *board = new_board();
	pid_t children[3];

	for (int i = 0; i < 3; i++)
		if ((children[i] = fork()) == 0)
			be_claimant(fixture, board);
	wait_for(children, 3);
	assert_string_equal(board->problem, "");
	assert_int_equal(board->won, 40);
	assert_int_equal(board->conflicts, 80);
	munmap(board, sizeof(*board));
}

/* --- a server that goes -------------------------------------------------------------------- */

struct load {
	pthread_t thread;
	struct store *store;
	int number;
	struct board *board;
	char answered[4000]; /* of each name: was it told to be written */
	int count;
};

static void load_name(const struct load *load, int i, char ret[32])
{
	snprintf(ret, 32, "w%d-%d", load->number, i);
}

static void *write_until_over(void *arg)
{
	struct load *load = arg;

	while (!load->board->is_over && load->count < (int)sizeof(load->answered)) {
		char name[32];
		struct item item = {name, 1};
		struct error err;
		load_name(load, load->count, name);
		int result = store_write(load->store, insert_item, &item, &err);
		load->answered[load->count++] = result == 0;
		if (result == 0)
			continue;
		load->board->failed++;
		if (err.code != ERROR_UNAVAILABLE && err.code != ERROR_DOUBTFUL)
			snprintf(load->board->problem, sizeof(load->board->problem), "%d: %s",
				err.code, err.message);
		usleep(1000);
	}
	return NULL;
}

static int check_answered(struct sql *sql, void *argument, struct error *err)
{
	const struct load *load = argument;

	for (int i = 0; i < load->count; i++) {
		char name[32];
		struct sql_rows *rows;
		load_name(load, i, name);
		if (SQL_QUERY(sql, &rows, err, "SELECT value FROM items WHERE name = $1",
			    SQL_CSTR(name)) < 0)
			return -1;
		if (sql_next(rows, err) == 0 && load->answered[i])
			return error_set(
				err, ERROR_INTERNAL, "%s was answered and is not there", name);
		sql_end(rows);
	}
	return 0;
}

/* Written in the end: a commit that was in doubt may have made it, then the name is taken. */
static bool is_written(struct store *store, const char *name)
{
	struct item item = {name, 1};
	bool is_in_doubt = false;

	for (int i = 0; i < 300; i++) {
		struct error err;
		if (store_write(store, insert_item, &item, &err) == 0)
			return true;
		is_in_doubt |= err.code == ERROR_DOUBTFUL;
		if (is_in_doubt && err.code == ERROR_CONFLICT)
			return true;
		usleep(50000);
	}
	return false;
}

static void no_write_is_answered_and_lost_when_the_server_restarts(void **state)
{
	struct fixture *fixture = *state;
	struct board *board = new_board();
	struct load *loads = calloc(THREADS, sizeof(*loads));
	struct error err = {.message = ""};

	fixture_open(fixture);
	for (int i = 0; i < THREADS; i++) {
		loads[i].store = fixture->store;
		loads[i].number = i;
		loads[i].board = board;
		pthread_create(&loads[i].thread, NULL, write_until_over, &loads[i]);
	}
	for (int i = 0; i < 3; i++) {
		char name[16];
		usleep(200000);
		assert_int_equal(system(getenv("REEVE_TEST_POSTGRES_RESTART")), 0);
		snprintf(name, sizeof(name), "after%d", i);
		assert_true(is_written(fixture->store, name));
	}
	board->is_over = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(loads[i].thread, NULL);
	assert_string_equal(board->problem, "");
	assert_true(board->failed > 0);
	for (int i = 0; i < THREADS; i++)
		if (store_read(fixture->store, check_answered, &loads[i], &err) < 0)
			fail_msg("%s", err.message);
	free(loads);
	munmap(board, sizeof(*board));
}

static void a_connection_that_was_closed_meanwhile_is_opened_anew(void **state)
{
	struct fixture *fixture = *state;
	struct item item = {"a", 1};

	fixture_open(fixture);
	assert_int_equal(items_in(fixture->store), 0);
	assert_true(postgres_test_run("postgres",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
		"WHERE application_name = 'reeve'"));
	assert_int_equal(items_in(fixture->store), 0);
	assert_int_equal(store_write(fixture->store, insert_item, &item, NULL), 0);
	assert_int_equal(items_in(fixture->store), 1);
}

struct slow {
	pthread_t thread;
	struct store *store;
	struct item item;
	int runs;
	int result;
	struct error err;
};

static int insert_slowly(struct sql *sql, void *argument, struct error *err)
{
	struct slow *slow = argument;

	slow->runs++;
	if (slow->item.value == 0) /* the first: meanwhile the others queue */
		usleep(200000);
	return insert_item(sql, &slow->item, err);
}

static void *write_slowly(void *arg)
{
	struct slow *slow = arg;

	slow->result = store_write(slow->store, insert_slowly, slow, &slow->err);
	return NULL;
}

static void a_commit_without_an_answer_is_no_success_and_not_run_again(void **state)
{
	enum { GROUP = 5 };
	static const char *const names[] = {"first", "a", "b", "c", "d"};
	struct fixture *fixture = *state;
	struct slow slow[GROUP] = {0};

	fixture_open(fixture);
	assert_true(postgres_test_run(fixture->database,
		"CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS "
		"'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"));
	assert_true(postgres_test_run(fixture->database,
		"CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON items DEFERRABLE INITIALLY "
		"DEFERRED FOR EACH ROW WHEN (NEW.value = 3) EXECUTE FUNCTION die()"));
	for (int i = 0; i < GROUP; i++) {
		slow[i].store = fixture->store;
		slow[i].item = (struct item){names[i], i};
		pthread_create(&slow[i].thread, NULL, write_slowly, &slow[i]);
		usleep(20000);
	}
	for (int i = 0; i < GROUP; i++)
		pthread_join(slow[i].thread, NULL);
	assert_int_equal(slow[0].result, 0);
	for (int i = 1; i < GROUP; i++) {
		assert_int_equal(slow[i].result, -1);
		assert_int_equal(slow[i].err.code, ERROR_DOUBTFUL);
		assert_non_null(strstr(slow[i].err.message, "may have been made"));
		assert_int_equal(slow[i].runs, 1);
	}
	slow[3].item.name = "alone";
	assert_int_equal(store_write(fixture->store, insert_slowly, &slow[3], &slow[3].err), -1);
	assert_non_null(strstr(slow[3].err.message, "may have been made"));
	assert_int_equal(items_in(fixture->store), 1);
}

/* --- errors -------------------------------------------------------------------------------- */

static int raise_state(struct sql *sql, void *argument, struct error *err)
{
	char text[128];

	snprintf(text, sizeof(text),
		"DO $$ BEGIN RAISE EXCEPTION 'as asked' USING ERRCODE = '%s'; END $$",
		(const char *)argument);
	return sql_run(sql, text, NULL, 0, NULL, err);
}

static void condition_codes_become_ours(void **state)
{
	static struct {
		char state[6];
		enum error_code code;
	} rows[] = {
		{"23505", ERROR_CONFLICT},
		{"23503", ERROR_CONFLICT},
		{"23502", ERROR_INVALID},
		{"23514", ERROR_INVALID},
		{"22021", ERROR_INVALID},
		{"53100", ERROR_NO_SPACE},
		{"53200", ERROR_UNAVAILABLE},
		{"40001", ERROR_UNAVAILABLE},
		{"40P01", ERROR_UNAVAILABLE},
		{"55P03", ERROR_UNAVAILABLE},
		{"25006", ERROR_UNAVAILABLE},
		{"54001", ERROR_TOO_LARGE},
		{"42P01", ERROR_INTERNAL},
	};
	struct fixture *fixture = *state;

	fixture_open(fixture);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err;
		assert_int_equal(store_write(fixture->store, raise_state, rows[i].state, &err), -1);
		assert_int_equal(err.code, rows[i].code);
	}
}

static int go_on_after_a_failure(struct sql *sql, void *argument, struct error *err)
{
	struct item item = {"a", 1};

	(void)argument;
	insert_item(sql, &item, NULL);
	insert_item(sql, &item, NULL); /* taken: the transaction is lost */
	(void)err;
	return 0;
}

static void work_that_hides_a_failure_is_no_success(void **state)
{
	struct fixture *fixture = *state;
	struct error err;

	fixture_open(fixture);
	assert_int_equal(store_write(fixture->store, go_on_after_a_failure, NULL, &err), -1);
	assert_int_equal(err.code, ERROR_INTERNAL);
	assert_int_equal(items_in(fixture->store), 0);
}

static int extract(struct sql *sql, void *argument, struct error *err)
{
	struct sql_rows *rows;

	(void)argument;
	if (SQL_QUERY(sql, &rows, err,
		    "SELECT instr($1, 'b'), json_extract('{\"a\":{\"b.c\":\"x\"}}', "
		    "'$.\"a\".\"b.c\"')",
		    SQL_CSTR("abc")) < 0)
		return -1;
	assert_int_equal(sql_next(rows, err), 1);
	assert_int_equal(sql_int(rows, 0), 2);
	assert_true(str_eq(sql_str(rows, 1), STR("x")));
	return 0;
}

static void the_functions_of_both_databases_are_there(void **state)
{
	struct fixture *fixture = *state;

	fixture_open(fixture);
	assert_int_equal(store_read(fixture->store, extract, NULL, NULL), 0);
}

#define SHARED(test) cmocka_unit_test_setup_teardown(test, setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHARED(readers_that_are_killed_miss_and_reorder_nothing),
		SHARED(a_commit_rings_in_the_other_processes_at_once),
		SHARED(processes_that_start_together_make_the_tables_once),
		SHARED(a_name_is_given_to_one_process),
		SHARED(no_write_is_answered_and_lost_when_the_server_restarts),
		SHARED(a_commit_without_an_answer_is_no_success_and_not_run_again),
		SHARED(a_connection_that_was_closed_meanwhile_is_opened_anew),
		SHARED(condition_codes_become_ours),
		SHARED(work_that_hides_a_failure_is_no_success),
		SHARED(the_functions_of_both_databases_are_there),
	};

	return cmocka_run_group_tests_name("shared", tests, NULL, NULL);
}
