/*
 * test_processes.c - three API processes on one PostgreSQL database, killed at random: names stay
 * unique, what was answered is there, and the feed tells each creation once, in order. Runs under
 * tests/with-postgres alone.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../postgres_test.h"
#include "clm/clm.h"
#include "data/json.h"
#include "net/http_client.h"
#include "store/feed.h"

enum { SERVERS = 3, CLIENTS = 3, NAMES = 40, MAX_TRIES = 400 };

struct board {
	_Atomic int ports[SERVERS]; /* 0: not up */
	_Atomic int created[NAMES]; /* answers 201 for a name */
	_Atomic int refused[NAMES]; /* and 409 */
	_Atomic int unanswered;
	char problem[ERROR_MESSAGE_MAX];
};

static void be_server(const char *url, struct board *board, int number)
{
	struct clm_config config = {
		.store_url = url,
		.callers = caller_rules_aws,
		.entities_file = REEVE_SOURCE_DIR "/config/entities.yaml",
		.schema_file = REEVE_SOURCE_DIR "/config/openapi.yaml",
	};
	struct clm *clm;
	struct error err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (clm_start(&clm, &config, &err) != 0) {
		snprintf(board->problem, sizeof(board->problem), "%s", err.message);
		_exit(1);
	}
	board->ports[number] = clm_port(clm);
	for (;;)
		pause();
}

static pid_t start_server(const char *url, struct board *board, int number)
{
	board->ports[number] = 0;
	pid_t child = fork();

	if (child == 0)
		be_server(url, board, number);
	return child;
}

/* The status of one answer of that server; 0 when none came. */
static int call_server(
	struct arena *arena, int port, const struct http_call *call, struct http_answer *ret)
{
	char url[64];
	struct http_client_config config = {.base_url = url};
	struct http_client *client;

	if (port == 0)
		return 0;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
	if (http_client_new(&client, &config, NULL) != 0)
		return 0;
	int result = http_client_call(client, arena, call, ret, NULL);
	http_client_free(client);
	return result == 0 ? ret->status : 0;
}

/* Asks one server after the other until one has decided. */
static void claim(struct board *board, int client, int name)
{
	for (int i = 0; i < MAX_TRIES; i++) {
		struct arena *arena = arena_new(0);
		struct str body = arena_printf(arena,
			"{\"kind\":\"ManagementCluster\",\"name\":\"mc-%d\",\"spec\":{\"region\":"
			"\"us-east-1\",\"accountId\":\"123456789012\",\"capacity\":{"
			"\"hostedClusters\":1}}}",
			name);
		struct http_header type = {STR("Content-Type"), STR("application/json")};
		struct http_call call = {.method = "POST",
			.path = STR("/api/hyperfleet/v1/management_clusters"),
			.headers = &type,
			.header_count = 1,
			.body = body};
		struct http_answer answer;
		int status =
			call_server(arena, board->ports[(client + i) % SERVERS], &call, &answer);
		if (status == 201)
			board->created[name]++;
		else if (status == 409)
			board->refused[name]++;
		else if (status != 0 && status != 503)
			snprintf(board->problem, sizeof(board->problem), "%d %" STR_F, status,
				STR_A(answer.body));
		arena_free(arena);
		if (status == 201 || status == 409 || board->problem[0])
			return;
		board->unanswered++;
		usleep(10000);
	}
	snprintf(board->problem, sizeof(board->problem), "nobody decided on mc-%d", name);
}

static void be_client(struct board *board, int client)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int name = 0; name < NAMES; name++)
		claim(board, client, name);
	_exit(0);
}

/* --- what is left -------------------------------------------------------------------------- */

static int count_rows(struct sql *sql, void *argument, struct error *err)
{
	const struct board *board = argument;

	for (int name = 0; name < NAMES; name++) {
		char text[16];
		struct sql_rows *rows;
		snprintf(text, sizeof(text), "mc-%d", name);
		if (SQL_QUERY(sql, &rows, err,
			    "SELECT (SELECT count(*) FROM resources WHERE name = $1), "
			    "(SELECT count(*) FROM changes WHERE event = 'created' AND id IN "
			    "(SELECT id FROM resources WHERE name = $2))",
			    SQL_CSTR(text), SQL_CSTR(text)) < 0)
			return -1;
		assert_int_equal(sql_next(rows, err), 1);
		assert_int_equal(sql_int(rows, 0), 1);
		assert_int_equal(sql_int(rows, 1), 1);
		sql_end(rows);
		assert_in_range(board->created[name], 0, 1);
		assert_int_equal(board->created[name] + board->refused[name], CLIENTS);
	}
	return 0;
}

static int count_feed(struct sql *sql, void *argument, struct error *err)
{
	struct sql_rows *rows;

	(void)argument;
	if (sql_query(sql, "SELECT count(*), max(sequence) FROM changes", NULL, 0, &rows, err) < 0)
		return -1;
	assert_int_equal(sql_next(rows, err), 1);
	assert_int_equal(sql_int(rows, 0), sql_int(rows, 1)); /* no gap */
	sql_end(rows);
	return 0;
}

static void check_database(const char *url, struct board *board)
{
	/* No migrations of its own: it reads what the servers have made. */
	struct store_config config = {.url = url, .product = "check"};
	struct store *store;
	struct error err;

	if (store_open(&store, &config, &err) != 0 ||
		store_read(store, count_rows, board, &err) != 0 ||
		store_read(store, count_feed, NULL, &err) != 0)
		fail_msg("%s", err.message);
	store_close(store);
}

static void names_are_given_once_while_servers_are_killed(void **state)
{
	struct board *board = mmap(
		NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t servers[SERVERS], clients[CLIENTS];
	char url[192];
	int status, kills = 0;

	(void)state;
	assert_true(board != MAP_FAILED);
	assert_true(postgres_test_create("processes"));
	postgres_test_url(url, sizeof(url), "processes");
	for (int i = 0; i < SERVERS; i++)
		servers[i] = start_server(url, board, i);
	for (int i = 0; i < CLIENTS; i++)
		if ((clients[i] = fork()) == 0)
			be_client(board, i);
	for (int ended = 0; ended < CLIENTS;) {
		int victim = kills++ % SERVERS;
		usleep(300000);
		kill(servers[victim], SIGKILL);
		waitpid(servers[victim], &status, 0);
		servers[victim] = start_server(url, board, victim);
		while (ended < CLIENTS && waitpid(clients[ended], &status, WNOHANG) > 0)
			ended++;
	}
	for (int i = 0; i < SERVERS; i++) {
		kill(servers[i], SIGKILL);
		waitpid(servers[i], &status, 0);
	}
	assert_string_equal(board->problem, "");
	assert_true(board->unanswered > 0);
	check_database(url, board);
	munmap(board, sizeof(*board));
}

static void a_lost_database_is_answered_with_503_and_a_time(void **state)
{
	struct board *board = mmap(
		NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const struct http_call call = {
		.method = "GET", .path = STR("/api/hyperfleet/v1/management_clusters")};
	struct arena *arena = arena_new(0);
	struct http_answer answer = {0};
	char url[192];
	int status;

	(void)state;
	assert_true(board != MAP_FAILED);
	assert_true(postgres_test_create("lost"));
	postgres_test_url(url, sizeof(url), "lost");
	pid_t server = start_server(url, board, 0);
	for (int i = 0; i < MAX_TRIES && board->ports[0] == 0; i++)
		usleep(50000);
	assert_int_equal(call_server(arena, board->ports[0], &call, &answer), 200);
	assert_true(
		postgres_test_run("postgres", "ALTER DATABASE lost WITH ALLOW_CONNECTIONS false"));
	assert_true(postgres_test_run("postgres",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'lost'"));
	assert_int_equal(call_server(arena, board->ports[0], &call, &answer), 503);
	/* Where the database is, is nobody's business. */
	assert_true(str_find(answer.body, STR("postgresql://")) < 0);
	assert_true(str_find(answer.body, STR("nothing was changed")) >= 0);
	assert_true(str_eq_c(http_answer_header(&answer, "Retry-After"), "1"));
	kill(server, SIGKILL);
	waitpid(server, &status, 0);
	arena_free(arena);
	munmap(board, sizeof(*board));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_given_once_while_servers_are_killed),
		cmocka_unit_test(a_lost_database_is_answered_with_503_and_a_time),
	};

	return cmocka_run_group_tests_name("processes", tests, NULL, NULL);
}
