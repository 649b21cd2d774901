/*
 * clm_bench.c - the measuring half of CLM's benchmarks: requests as fast as they are answered, and
 * the floors they are compared with. Each prints one JSON object. tests/bench/clm.py runs these,
 * computes ratios and writes the table.
 *
 *	requests PORT FILE CLIENTS    the file's lines, `METHOD PATH BODY`, each sent once, in
 *				      order, by so many connections; microseconds each
 *	answer FILE                   a server that answers every GET with the file, until its
 *				      standard input ends; prints its port first
 *	watch PORT PATH FILE          the lines by one connection, while another follows PATH:
 *				      sent to answered, sent to seen
 *	write FROM TO GROUP SELECT INTO [SELECT INTO...]
 *				      runs each INTO on TO with the rows of its SELECT on FROM,
 *				      row by row in step, GROUP steps a commit
 *	rows DB COUNT SQL             reads every column of every row, COUNT times
 *
 * The client is a bare socket, so that what is measured is the server: both share the processors.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"
#include "local/state.h"
#include "net/http_server.h"

#define FILE_MAX ((size_t)1 << 30)
#define MAX_CLIENTS 256
#define MAX_STATEMENTS 8
#define READ_SIZE ((size_t)64 << 10)

static void die(const char *what)
{
	fprintf(stderr, "clm_bench: %s\n", what);
	exit(1);
}

static struct str read_file(struct arena *arena, const char *path)
{
	struct str text;
	struct error err;

	if (state_read_file(arena, path, FILE_MAX, &text, &err) < 0)
		die(err.message);
	return text;
}

static double seconds_since(int64_t began_us)
{
	return (double)(clock_monotonic_us() - began_us) / (double)CLOCK_US_PER_S;
}

static size_t number_of(const char *text)
{
	int64_t number;

	if (!str_to_int64(str_of(text), &number) || number <= 0)
		die("a number is missing");
	return (size_t)number;
}

static void print_array(const char *name, const int64_t *numbers, size_t count)
{
	printf("\"%s\":[", name);
	for (size_t i = 0; i < count; i++)
		printf("%s%lld", i ? "," : "", (long long)numbers[i]);
	printf("]");
}

/* --- a client ------------------------------------------------------------------------------- */

struct connection {
	int fd;
	size_t start, end; /* of what is read and not yet taken */
	char buffer[READ_SIZE];
};

static struct connection *connect_to(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct connection *connection = calloc(1, sizeof(*connection));
	int yes = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connection == NULL)
		die("out of memory");
	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		die("cannot connect");
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return connection;
}

static void disconnect(struct connection *connection)
{
	close(connection->fd);
	free(connection);
}

static void send_all(struct connection *connection, struct str text)
{
	while (text.len > 0) {
		ssize_t sent = send(connection->fd, text.ptr, text.len, MSG_NOSIGNAL);

		if (sent <= 0)
			die("the server closed the connection");
		text = (struct str){text.ptr + sent, text.len - (size_t)sent};
	}
}

static void receive(struct connection *connection)
{
	ssize_t count;

	if (connection->start == connection->end)
		connection->start = connection->end = 0;
	if (connection->end == sizeof(connection->buffer))
		die("an answer's headers are too long");
	count = recv(connection->fd, connection->buffer + connection->end,
		sizeof(connection->buffer) - connection->end, 0);
	if (count <= 0)
		die("the server closed the connection");
	connection->end += (size_t)count;
}

/* Up to and with the line end; lives until the next call. */
static struct str take_line(struct connection *connection)
{
	for (;;) {
		char *from = connection->buffer + connection->start;
		char *found = memchr(from, '\n', connection->end - connection->start);

		if (found != NULL) {
			connection->start += (size_t)(found + 1 - from);
			return (struct str){from, (size_t)(found + 1 - from)};
		}
		if (connection->start > 0) {
			memmove(connection->buffer, from, connection->end - connection->start);
			connection->end -= connection->start;
			connection->start = 0;
		}
		receive(connection);
	}
}

static void skip(struct connection *connection, size_t count)
{
	while (count > 0) {
		size_t here = connection->end - connection->start;

		if (here == 0) {
			receive(connection);
			continue;
		}
		here = here < count ? here : count;
		connection->start += here;
		count -= here;
	}
}

/* The status; the body, of known length, is skipped. */
static int64_t await_answer(struct connection *connection)
{
	struct str first = take_line(connection);
	int64_t status = 0;
	size_t length = 0;
	struct str line;

	str_cut(&first, ' ');
	str_to_int64(str_cut(&first, ' '), &status);
	while ((line = str_trim(take_line(connection))).len > 0) {
		struct str name = str_cut(&line, ':');
		int64_t number;

		if (str_casecmp(name, STR("content-length")) == 0 &&
			str_to_int64(str_trim(line), &number))
			length = (size_t)number;
	}
	skip(connection, length);
	return status;
}

/* --- requests --------------------------------------------------------------------------------- */

struct load {
	struct str *requests; /* as sent */
	size_t count;
	uint16_t port;
	atomic_size_t next;
	atomic_size_t failed; /* answers of 400 and more */
	int64_t *us;
};

static struct str request_of(struct arena *arena, struct str line)
{
	struct str method = str_cut(&line, ' ');
	struct str path = str_cut(&line, ' ');

	return arena_printf(arena,
		"%" STR_F " %" STR_F " HTTP/1.1\r\nHost: clm\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n%" STR_F,
		STR_A(method), STR_A(path), line.len, STR_A(line));
}

static void read_requests(struct arena *arena, const char *path, struct load *load)
{
	struct str text = read_file(arena, path);
	struct str rest = text;

	while (rest.len > 0) {
		str_cut(&rest, '\n');
		load->count++;
	}
	load->requests = arena_calloc(arena, load->count, sizeof(*load->requests));
	load->us = arena_calloc(arena, load->count, sizeof(*load->us));
	rest = text;
	for (size_t i = 0; i < load->count; i++)
		load->requests[i] = request_of(arena, str_cut(&rest, '\n'));
	if (arena_is_exhausted(arena))
		die("out of memory");
}

static void *send_requests(void *argument)
{
	struct load *load = argument;
	struct connection *connection = connect_to(load->port);
	size_t i;

	while ((i = atomic_fetch_add(&load->next, 1)) < load->count) {
		int64_t began_us = clock_monotonic_us();

		send_all(connection, load->requests[i]);
		if (await_answer(connection) >= 400)
			atomic_fetch_add(&load->failed, 1);
		load->us[i] = clock_monotonic_us() - began_us;
	}
	disconnect(connection);
	return NULL;
}

static int bench_requests(char **argv)
{
	struct arena *arena = arena_new(FILE_MAX);
	struct load load = {.port = (uint16_t)number_of(argv[0])};
	size_t clients = number_of(argv[2]);
	pthread_t threads[MAX_CLIENTS];
	int64_t began_us;

	if (clients > MAX_CLIENTS)
		die("CLIENTS is at most 256");
	read_requests(arena, argv[1], &load);
	began_us = clock_monotonic_us();
	for (size_t i = 0; i < clients; i++)
		if (pthread_create(&threads[i], NULL, send_requests, &load) != 0)
			die("cannot start a thread");
	for (size_t i = 0; i < clients; i++)
		pthread_join(threads[i], NULL);
	printf("{\"count\":%zu,\"failed\":%zu,\"seconds\":%.6f,", load.count,
		atomic_load(&load.failed), seconds_since(began_us));
	print_array("us", load.us, load.count);
	puts("}");
	arena_free(arena);
	return 0;
}

/* --- a fixed answer -------------------------------------------------------------------------- */

static void answer_fixed(struct http_request *request, struct http_response *response)
{
	const struct str *body = request->context;

	response->status = 200;
	response->body = *body;
}

static int bench_answer(char **argv)
{
	static const struct http_route routes[] = {{"GET", "/{rest...}", answer_fixed, 0, NULL}};
	struct arena *arena = arena_new(FILE_MAX);
	struct str body = read_file(arena, argv[0]);
	struct http_server_config config = {
		.host = "127.0.0.1", .routes = routes, .route_count = 1, .context = &body};
	struct http_server *server;
	struct error err;

	if (http_server_start(&server, &config, &err) != 0)
		die(err.message);
	printf("%u\n", http_server_port(server));
	fflush(stdout);
	while (getchar() != EOF) {
	}
	http_server_stop(server);
	arena_free(arena);
	return 0;
}

/* --- watch ------------------------------------------------------------------------------------ */

struct following {
	struct connection *connection;
	size_t count;
	int64_t *seen_us;
};

static void *follow(void *argument)
{
	struct following *following = argument;

	for (size_t i = 0; i < following->count;) {
		struct str line = take_line(following->connection);

		if (str_find(line, STR("\"event\":\"created\"")) >= 0)
			following->seen_us[i++] = clock_monotonic_us();
	}
	return NULL;
}

static int bench_watch(char **argv)
{
	struct arena *arena = arena_new(FILE_MAX);
	struct load load = {.port = (uint16_t)number_of(argv[0])};
	struct connection *connection = connect_to(load.port);
	struct following following = {.connection = connect_to(load.port)};
	int64_t *sent_us;
	pthread_t thread;

	read_requests(arena, argv[2], &load);
	following.count = load.count;
	following.seen_us = arena_calloc(arena, load.count, sizeof(*following.seen_us));
	sent_us = arena_calloc(arena, load.count, sizeof(*sent_us));
	send_all(following.connection,
		arena_printf(arena, "GET %s HTTP/1.1\r\nHost: clm\r\n\r\n", argv[1]));
	while (str_find(take_line(following.connection), STR("heartbeat")) < 0) {
	}
	if (pthread_create(&thread, NULL, follow, &following) != 0)
		die("cannot start a thread");
	for (size_t i = 0; i < load.count; i++) {
		sent_us[i] = clock_monotonic_us();
		send_all(connection, load.requests[i]);
		if (await_answer(connection) >= 400)
			die("a request failed");
		load.us[i] = clock_monotonic_us() - sent_us[i];
	}
	pthread_join(thread, NULL);
	for (size_t i = 0; i < load.count; i++)
		following.seen_us[i] -= sent_us[i];
	printf("{");
	print_array("answered", load.us, load.count);
	printf(",");
	print_array("seen", following.seen_us, load.count);
	puts("}");
	disconnect(connection);
	disconnect(following.connection);
	arena_free(arena);
	return 0;
}

/* --- the store without CLM ----------------------------------------------------------------------
 */

static sqlite3 *open_database(const char *path)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
		sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", NULL, NULL,
			NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	return db;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	return statement;
}

/* Rows to write, kept, so that only writing is measured. */
struct rows {
	sqlite3_value **values;
	int columns;
	size_t count;
	sqlite3_stmt *into;
};

static void load_rows(sqlite3 *from, const char *sql, struct rows *rows)
{
	sqlite3_stmt *select = prepare(from, sql);
	size_t capacity = 0;

	rows->columns = sqlite3_column_count(select);
	while (sqlite3_step(select) == SQLITE_ROW) {
		if (rows->count == capacity) {
			capacity = capacity ? capacity * 2 : 1024;
			rows->values = realloc(rows->values,
				capacity * (size_t)rows->columns * sizeof(sqlite3_value *));
			if (rows->values == NULL)
				die("out of memory");
		}
		for (int i = 0; i < rows->columns; i++)
			rows->values[rows->count * (size_t)rows->columns + (size_t)i] =
				sqlite3_value_dup(sqlite3_column_value(select, i));
		rows->count++;
	}
	sqlite3_finalize(select);
}

static void write_row(sqlite3 *db, const struct rows *rows, size_t row)
{
	for (int i = 0; i < rows->columns; i++)
		sqlite3_bind_value(
			rows->into, i + 1, rows->values[row * (size_t)rows->columns + (size_t)i]);
	if (sqlite3_step(rows->into) != SQLITE_DONE)
		die(sqlite3_errmsg(db));
	sqlite3_reset(rows->into);
}

static int bench_write(int argc, char **argv)
{
	sqlite3 *from = open_database(argv[0]), *to = open_database(argv[1]);
	size_t group = number_of(argv[2]), kinds = ((size_t)argc - 3) / 2, count;
	struct rows rows[MAX_STATEMENTS] = {0};
	int64_t began_us, *us;
	size_t commits = 0;

	if (kinds > MAX_STATEMENTS)
		die("there are at most 8 statements");
	for (size_t i = 0; i < kinds; i++) {
		load_rows(from, argv[3 + 2 * i], &rows[i]);
		rows[i].into = prepare(to, argv[4 + 2 * i]);
	}
	count = rows[0].count;
	us = calloc(count + 1, sizeof(*us));
	if (us == NULL)
		die("out of memory");
	began_us = clock_monotonic_us();
	for (size_t row = 0; row < count; commits++) {
		int64_t start_us = clock_monotonic_us();

		sqlite3_exec(to, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		for (size_t i = 0; i < group && row < count; i++, row++)
			for (size_t kind = 0; kind < kinds; kind++)
				if (row < rows[kind].count)
					write_row(to, &rows[kind], row);
		if (sqlite3_exec(to, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
			die(sqlite3_errmsg(to));
		us[commits] = clock_monotonic_us() - start_us;
	}
	printf("{\"count\":%zu,\"seconds\":%.6f,", count, seconds_since(began_us));
	print_array("us", us, commits);
	puts("}");
	free(us);
	sqlite3_close(from); /* the rest goes with the process */
	return 0;
}

static size_t read_rows(sqlite3_stmt *select)
{
	size_t bytes = 0;

	while (sqlite3_step(select) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(select); i++)
			if (sqlite3_column_text(select, i) != NULL)
				bytes += (size_t)sqlite3_column_bytes(select, i);
	sqlite3_reset(select);
	return bytes;
}

static int bench_rows(char **argv)
{
	sqlite3 *db = open_database(argv[0]);
	size_t count = number_of(argv[1]), bytes = 0;
	sqlite3_stmt *select = prepare(db, argv[2]);
	int64_t *us = calloc(count, sizeof(*us));

	if (us == NULL)
		die("out of memory");
	for (size_t i = 0; i < count; i++) {
		int64_t began_us = clock_monotonic_us();

		bytes = read_rows(select);
		us[i] = clock_monotonic_us() - began_us;
	}
	printf("{\"bytes\":%zu,", bytes);
	print_array("us", us, count);
	puts("}");
	free(us);
	sqlite3_finalize(select);
	sqlite3_close(db);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "requests") == 0 && argc == 5)
		return bench_requests(argv + 2);
	if (strcmp(what, "answer") == 0 && argc == 3)
		return bench_answer(argv + 2);
	if (strcmp(what, "watch") == 0 && argc == 5)
		return bench_watch(argv + 2);
	if (strcmp(what, "write") == 0 && argc > 6)
		return bench_write(argc - 2, argv + 2);
	if (strcmp(what, "rows") == 0 && argc == 5)
		return bench_rows(argv + 2);
	die("run by tests/bench/clm.py; see the top of clm_bench.c");
	return 2;
}
