/*
 * test_http_server.c - the server against peers that are correct, careless and hostile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/id.h"
#include "base/thread.h"
#include "net/http_client.h"
#include "raw_socket.h"

#define BODY_LIMIT 1000

struct fixture {
	struct http_server *server;
	struct http_client *client;
	struct arena *arena;
	atomic_uint handled;
	char base_url[64];
};

static void count(struct http_request *request)
{
	struct fixture *fixture = request->context;
	atomic_fetch_add(&fixture->handled, 1);
}

static void echo(struct http_request *request, struct http_response *response)
{
	count(request);
	response->status = 200;
	response->content_type = STR("text/plain");
	response->body = request->body;
}

static void describe(struct http_request *request, struct http_response *response)
{
	count(request);
	struct json *body = json_new_object(request->arena);
	json_set_text(body, "method", request->method);
	json_set_text(body, "target", request->target);
	json_set_text(body, "path", request->path);
	json_set_text(body, "query", request->query);
	json_set_text(body, "id", request->id);
	json_set_text(body, "peer", request->peer);
	json_set_text(body, "name", request->variables[0]);
	json_set_text(body, "q", http_request_parameter(request, "q", 0));
	json_set_text(body, "custom", http_request_header(request, "x-custom"));
	for (int i = 0; i < 20; i++)
		http_response_header(request, response, arena_printf(request->arena, "X-%d", i),
			arena_printf(request->arena, "%d", i));
	http_response_json(request, response, 200, body);
}

static void fail_handler(struct http_request *request, struct http_response *response)
{
	struct error err;
	error_set(&err, ERROR_CONFLICT, "cluster \"a\" exists");
	http_response_error(request, response, &err);
}

static void silent(struct http_request *request, struct http_response *response)
{
}

static void exhaust(struct http_request *request, struct http_response *response)
{
	arena_alloc(request->arena, ARENA_DEFAULT_MAX + 1);
	response->status = 200;
}

static void slow(struct http_request *request, struct http_response *response)
{
	usleep(300000);
	echo(request, response);
}

static bool before(struct http_request *request, struct http_response *response)
{
	if (str_is_null(http_request_header(request, "X-Deny")))
		return true;
	response->status = 403;
	return false;
}

static const struct http_route routes[] = {
	{"POST", "/echo", echo, BODY_LIMIT, NULL},
	{"POST", "/big", echo, 0, NULL},
	{"GET", "/describe/{name}", describe, 0, NULL},
	{"GET", "/fail", fail_handler, 0, NULL},
	{"GET", "/silent", silent, 0, NULL},
	{"GET", "/exhaust", exhaust, 0, NULL},
	{"GET", "/slow", slow, 0, NULL},
};

static void start(struct fixture *fixture, struct http_server_config config)
{
	struct error err = {0};
	config.host = "127.0.0.1";
	config.routes = routes;
	config.route_count = sizeof(routes) / sizeof(routes[0]);
	config.context = fixture;
	config.before = before;
	fixture->arena = arena_new(0);
	if (http_server_start(&fixture->server, &config, &err) < 0)
		fail_msg("%s", err.message);
	snprintf(fixture->base_url, sizeof(fixture->base_url), "http://127.0.0.1:%u",
		http_server_port(fixture->server));
	struct http_client_config client = {.base_url = fixture->base_url};
	if (http_client_new(&fixture->client, &client, &err) < 0)
		fail_msg("%s", err.message);
}

static void end(struct fixture *fixture)
{
	http_client_free(fixture->client);
	http_server_stop(fixture->server);
	arena_free(fixture->arena);
}

static int connect_to(const struct fixture *fixture)
{
	int fd = raw_connect(http_server_port(fixture->server));
	assert_true(fd >= 0);
	return fd;
}

static struct http_answer call(
	struct fixture *fixture, const char *method, const char *path, struct str body)
{
	struct http_answer answer = {0};
	struct error err;
	struct http_call request = {.method = method, .path = str_of(path), .body = body};
	if (http_client_call(fixture->client, fixture->arena, &request, &answer, &err) < 0)
		fail_msg("%s", err.message);
	return answer;
}

static void a_handler_sees_the_request_as_sent_and_decoded(void **state)
{
	struct fixture fixture = {0};
	start(&fixture, (struct http_server_config){0});
	struct http_header header = {STR("X-Custom"), STR("yes")};
	struct http_call request = {.method = "GET",
		.path = STR("/describe/a%2Fb%20c?q=1+2&r=%25"),
		.headers = &header,
		.header_count = 1};
	struct json *body;
	struct http_answer answer;
	assert_int_equal(
		http_client_json(fixture.client, fixture.arena, &request, NULL, &body, NULL), 0);
	assert_true(str_eq_c(json_get_text(body, "target"), "/describe/a%2Fb%20c?q=1+2&r=%25"));
	assert_true(str_eq_c(json_get_text(body, "path"), "/describe/a/b c"));
	assert_true(str_eq_c(json_get_text(body, "query"), "q=1+2&r=%25"));
	assert_true(str_eq_c(json_get_text(body, "name"), "a/b c"));
	assert_true(str_eq_c(json_get_text(body, "q"), "1 2"));
	assert_true(str_eq_c(json_get_text(body, "custom"), "yes"));
	assert_true(str_eq_c(json_get_text(body, "peer"), "127.0.0.1"));
	answer = call(&fixture, "GET", "/describe/x", STR_NULL);
	assert_true(id_is_uuid(http_answer_header(&answer, "X-Request-ID")));
	assert_true(str_eq_c(http_answer_header(&answer, "Content-Type"), "application/json"));
	assert_true(str_eq_c(http_answer_header(&answer, "X-0"), "0"));
	assert_true(str_eq_c(http_answer_header(&answer, "X-19"), "19"));
	end(&fixture);
}

static void errors_are_problems_with_their_status(void **state)
{
	static const struct {
		const char *method, *path;
		int status;
		const char *detail;
	} rows[] = {
		{"GET", "/nothing", 404, "there is nothing at /nothing"},
		{"GET", "/a/../b", 400, "resolve it before sending"},
		{"GET", "/fail", 409, "cluster \\\"a\\\" exists"},
		{"GET", "/silent", 500, "the handler gave no answer"},
		{"GET", "/exhaust", 500, "more memory than it may have"},
		{"DELETE", "/echo", 405, "DELETE is not possible here, only POST"},
	};
	struct fixture fixture = {0};
	start(&fixture, (struct http_server_config){0});
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_answer answer = call(&fixture, rows[i].method, rows[i].path, STR_NULL);
		assert_int_equal(answer.status, rows[i].status);
		assert_true(str_eq_c(
			http_answer_header(&answer, "Content-Type"), "application/problem+json"));
		assert_true(str_find(answer.body, str_of(rows[i].detail)) >= 0);
		if (rows[i].status == 405)
			assert_true(str_eq_c(http_answer_header(&answer, "Allow"), "POST"));
	}
	struct http_server_counters counters;
	int64_t until_us = clock_monotonic_us() + 10 * CLOCK_US_PER_S;
	do { /* an answer is counted when it is out, which its reader may see first */
		http_server_count(fixture.server, &counters);
	} while (counters.errors_4xx < 4 && clock_monotonic_us() < until_us);
	assert_int_equal(counters.errors_4xx, 4);
	assert_int_equal(counters.errors_5xx, 2);
	assert_int_equal(counters.requests, 6);
	end(&fixture);
}

static void before_may_answer_instead_of_the_handler(void **state)
{
	struct fixture fixture = {0};
	start(&fixture, (struct http_server_config){0});
	struct http_header header = {STR("X-Deny"), STR("1")};
	struct http_call request = {
		.method = "GET", .path = STR("/describe/x"), .headers = &header, .header_count = 1};
	struct http_answer answer;
	assert_int_equal(
		http_client_call(fixture.client, fixture.arena, &request, &answer, NULL), 0);
	assert_int_equal(answer.status, 403);
	assert_int_equal(atomic_load(&fixture.handled), 0);
	end(&fixture);
}

static void head_has_the_headers_of_get_and_no_body(void **state)
{
	struct fixture fixture = {0};
	char text[4096];
	start(&fixture, (struct http_server_config){0});
	int fd = connect_to(&fixture);
	raw_send(fd, "HEAD /describe/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	raw_read_until(fd, text, sizeof(text), NULL);
	assert_non_null(strstr(text, "HTTP/1.1 200"));
	assert_null(strstr(text, "\"method\""));
	char *end_of_head = strstr(text, "\r\n\r\n");
	assert_non_null(end_of_head);
	assert_string_equal(end_of_head, "\r\n\r\n");
	close(fd);
	end(&fixture);
}

static void large_bodies_go_both_ways(void **state)
{
	struct fixture fixture = {0};
	start(&fixture, (struct http_server_config){0});
	size_t len = 3 << 20;
	char *bytes = malloc(len);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)('a' + i % 26);
	struct http_answer answer = call(&fixture, "POST", "/big", str_n(bytes, len));
	assert_int_equal(answer.status, 200);
	assert_true(str_eq(answer.body, str_n(bytes, len)));
	free(bytes);
	end(&fixture);
}

static void a_chunked_body_arrives_whole(void **state)
{
	struct fixture fixture = {0};
	char text[4096];
	start(&fixture, (struct http_server_config){0});
	int fd = connect_to(&fixture);
	raw_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "5\r\nhello\r\n");
	usleep(20000);
	raw_send(fd, "6\r\n world\r\n0\r\n\r\n");
	assert_true(raw_read_until(fd, text, sizeof(text), "hello world"));
	close(fd);
	end(&fixture);
}

static void a_body_over_the_limit_is_refused_unread(void **state)
{
	struct fixture fixture = {0};
	char text[4096];
	start(&fixture, (struct http_server_config){0});
	/* By its length: not a byte of the body is sent. */
	int fd = connect_to(&fixture);
	raw_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n"
		     "Expect: 100-continue\r\n\r\n");
	assert_true(raw_read_until(fd, text, sizeof(text), "exceeds the limit of 1000"));
	assert_non_null(strstr(text, "HTTP/1.1 413"));
	assert_true(raw_is_closed(fd));
	close(fd);
	fd = connect_to(&fixture);
	raw_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\n"
		     "Content-Length: 99999999999999999999999\r\n\r\n");
	raw_read_until(fd, text, sizeof(text), "HTTP/1.1 413");
	assert_non_null(strstr(text, "HTTP/1.1 413"));
	close(fd);
	/* By its bytes: the end never comes. */
	fd = connect_to(&fixture);
	raw_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	char chunk[600];
	memset(chunk, 'x', sizeof(chunk));
	memcpy(chunk, "250\r\n", 5); /* 592 bytes */
	chunk[597] = '\r';
	chunk[598] = '\n';
	chunk[599] = '\0';
	raw_send(fd, chunk);
	usleep(20000);
	raw_send(fd, chunk);
	assert_true(raw_read_until(fd, text, sizeof(text), "exceeds the limit"));
	assert_non_null(strstr(text, "HTTP/1.1 413 Content Too Large"));
	assert_true(raw_is_closed(fd));
	close(fd);
	assert_int_equal(atomic_load(&fixture.handled), 0);
	/* Exactly the limit is fine. */
	char body[BODY_LIMIT];
	memset(body, 'y', sizeof(body));
	assert_int_equal(call(&fixture, "POST", "/echo", str_n(body, sizeof(body))).status, 200);
	end(&fixture);
}

#define LARGE_BODY "5000000"

static void who_sends_all_of_a_refused_body_first_gets_the_answer(void **state)
{
	static const struct {
		const char *head, *answer;
	} rows[] = {
		{"POST /echo", "HTTP/1.1 413"},
		{"POST /nowhere", "HTTP/1.1 404"},
		{"POST /echo", "HTTP/1.1 413"},
	};
	struct fixture fixture = {0};
	char text[4096];
	size_t size = strtoul(LARGE_BODY, NULL, 10);
	char *body = calloc(1, size + 1);
	memset(body, 'x', size);
	start(&fixture, (struct http_server_config){0});
	int fd = connect_to(&fixture);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		raw_send(fd, rows[i].head);
		raw_send(fd, " HTTP/1.1\r\nHost: a\r\nContent-Length: " LARGE_BODY "\r\n\r\n");
		raw_send(fd, body);
		assert_true(raw_read_until(fd, text, sizeof(text), "}"));
		assert_non_null(strstr(text, rows[i].answer));
	}
	close(fd);
	free(body);
	assert_int_equal(atomic_load(&fixture.handled), 0);
	end(&fixture);
}

static void a_truncated_body_never_reaches_the_handler(void **state)
{
	static const char *const requests[] = {
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
		"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
		"chunked\r\n\r\n5\r\nhello\r\n",
		"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Le",
	};
	struct fixture fixture = {0};
	start(&fixture, (struct http_server_config){.request_timeout_s = 1});
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int fd = connect_to(&fixture);
		raw_send(fd, requests[i]);
		shutdown(fd, SHUT_WR);
		assert_true(raw_is_closed(fd));
		close(fd);
	}
	assert_int_equal(atomic_load(&fixture.handled), 0);
	end(&fixture);
}

static void heads_over_their_limits_are_refused(void **state)
{
	struct fixture fixture = {0};
	char text[4096];
	start(&fixture, (struct http_server_config){0});
	static const struct {
		size_t path, header;
		const char *status;
	} rows[] = {
		{9000, 10, "HTTP/1.1 414"},
		{10, 16500, "HTTP/1.1 431"},
		{10, 100000, "HTTP/1.1 431"},
		{100000, 10, "HTTP/1.1 414"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf head = BUF_INITIALIZER(1 << 20);
		buf_add_cstr(&head, "GET /");
		for (size_t k = 0; k < rows[i].path; k++)
			buf_add_byte(&head, 'p');
		buf_add_cstr(&head, " HTTP/1.1\r\nHost: a\r\nX-Long: ");
		for (size_t k = 0; k < rows[i].header; k++)
			buf_add_byte(&head, 'h');
		buf_add_cstr(&head, "\r\n\r\n");
		int fd = connect_to(&fixture);
		raw_send(fd, head.ptr);
		raw_read_until(fd, text, sizeof(text), "\r\n\r\n");
		if (!strstr(text, rows[i].status))
			fail_msg("row %zu: %s", i, text);
		close(fd);
		buf_free(&head);
	}
	end(&fixture);
}

static void a_slow_sender_is_cut_off(void **state)
{
	static const char *const heads[] = {
		"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n",
		"POST /echo HTTP/1.1\r\nHost: a\r\nX-Slow: ",
	};
	struct fixture fixture = {0};
	start(&fixture, (struct http_server_config){.request_timeout_s = 1});
	for (size_t i = 0; i < 2; i++) {
		char text[2048];
		int fd = connect_to(&fixture);
		raw_send(fd, heads[i]);
		/* Never silent for a second, and never done. */
		for (int k = 0; k < 12 && raw_send(fd, "x"); k++)
			usleep(200000);
		raw_read_until(fd, text, sizeof(text), "too long to arrive");
		assert_non_null(strstr(text, "HTTP/1.1 408"));
		close(fd);
	}
	assert_int_equal(atomic_load(&fixture.handled), 0);
	end(&fixture);
}

static void connections_over_the_limit_are_told_so(void **state)
{
	struct fixture fixture = {0};
	char text[4096];
	start(&fixture, (struct http_server_config){.max_connections = 2});
	int held[2] = {connect_to(&fixture), connect_to(&fixture)};
	const char *request = "GET /describe/x HTTP/1.1\r\nHost: a\r\n\r\n";
	for (size_t i = 0; i < 2; i++) {
		raw_send(held[i], request);
		assert_true(raw_read_until(held[i], text, sizeof(text), "\"method\""));
	}
	int third = connect_to(&fixture);
	raw_send(third, request);
	assert_true(raw_read_until(third, text, sizeof(text), "maximum of 2 connections"));
	assert_non_null(strstr(text, "HTTP/1.1 503"));
	assert_true(raw_is_closed(third));
	close(third);
	close(held[0]);
	usleep(50000);
	third = connect_to(&fixture);
	raw_send(third, request);
	assert_true(raw_read_until(third, text, sizeof(text), "\"method\""));
	close(third);
	close(held[1]);
	end(&fixture);
}

static void a_connection_serves_many_requests(void **state)
{
	struct fixture fixture = {0};
	char text[8192];
	start(&fixture, (struct http_server_config){0});
	int fd = connect_to(&fixture);
	for (int i = 0; i < 3; i++) {
		raw_send(fd, "GET /describe/x HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_true(raw_read_until(fd, text, sizeof(text), "\"peer\""));
	}
	/* A refusal without a body does not end it either, and requests may be sent ahead. */
	raw_send(fd, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"
		     "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nahead");
	assert_true(raw_read_until(fd, text, sizeof(text), "ahead"));
	close(fd);
	end(&fixture);
}

static void a_port_in_use_is_named(void **state)
{
	struct fixture fixture = {0};
	start(&fixture, (struct http_server_config){0});
	struct http_server_config config = {
		.host = "127.0.0.1", .port = http_server_port(fixture.server), .routes = routes};
	struct http_server *second;
	struct error err;
	assert_int_equal(http_server_start(&second, &config, &err), -1);
	assert_int_equal(err.code, ERROR_UNAVAILABLE);
	char expected[128];
	snprintf(expected, sizeof(expected),
		"port %u on 127.0.0.1 is in use by another program; choose another", config.port);
	assert_string_equal(err.message, expected);
	end(&fixture);
}

static size_t thread_count(void)
{
	size_t threads = 0;
	DIR *tasks = opendir("/proc/self/task");
	for (struct dirent *entry; (entry = readdir(tasks)) != NULL;)
		threads += entry->d_name[0] != '.';
	closedir(tasks);
	return threads;
}

static void call_slow(void *arg)
{
	struct fixture *fixture = arg;
	struct arena *arena = arena_new(0);
	struct http_call request = {.method = "GET", .path = STR("/slow")};
	struct http_answer answer = {0};
	if (http_client_call(fixture->client, arena, &request, &answer, NULL) == 0 &&
		answer.status == 200)
		atomic_fetch_add(&fixture->handled, 100);
	arena_free(arena);
}

static void stop_lets_handlers_end_and_leaves_no_thread(void **state)
{
	size_t threads = thread_count();
	struct fixture fixture = {0};
	start(&fixture, (struct http_server_config){0});
	int idle = connect_to(&fixture);
	struct thread *thread;
	assert_int_equal(thread_start(&thread, "caller", call_slow, &fixture, NULL), 0);
	usleep(100000);
	http_server_stop(fixture.server);
	fixture.server = NULL;
	thread_join(thread);
	assert_int_equal(atomic_load(&fixture.handled), 101);
	assert_true(raw_is_closed(idle));
	close(idle);
	end(&fixture);
	/* A joined thread leaves the list of tasks a moment later. */
	for (int i = 0; i < 100 && thread_count() > threads; i++)
		usleep(10000);
	assert_int_equal(thread_count(), threads);
}

/* The sweep for slow senders comes every half second; a stop must not wait for it. */
static void an_idle_server_stops_at_once(void **state)
{
	for (int i = 0; i < 3; i++) {
		struct fixture fixture = {0};
		start(&fixture, (struct http_server_config){0});
		usleep(20000); /* the watch thread is in its wait */
		int64_t began_us = clock_monotonic_us();
		http_server_stop(fixture.server);
		assert_true(clock_monotonic_us() - began_us < 200 * CLOCK_US_PER_MS);
		http_client_free(fixture.client);
		arena_free(fixture.arena);
	}
}

#define CALLERS 8
#define CALLS 100

static void call_many(void *arg)
{
	struct fixture *fixture = arg;
	for (int i = 0; i < CALLS; i++) {
		struct arena *arena = arena_new(0);
		char id[ID_UUID_SIZE];
		id_uuid4(id);
		struct http_call request = {
			.method = "POST", .path = STR("/echo"), .body = str_of(id)};
		struct http_answer answer = {0};
		if (http_client_call(fixture->client, arena, &request, &answer, NULL) == 0 &&
			str_eq_c(answer.body, id))
			atomic_fetch_add(&fixture->handled, 1);
		arena_free(arena);
	}
}

static void many_callers_get_their_own_answers(void **state)
{
	struct fixture fixture = {0};
	start(&fixture, (struct http_server_config){0});
	struct thread *threads[CALLERS];
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(thread_start(&threads[i], "caller", call_many, &fixture, NULL), 0);
	for (int i = 0; i < CALLERS; i++)
		thread_join(threads[i]);
	assert_int_equal(atomic_load(&fixture.handled), 2 * CALLERS * CALLS);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handler_sees_the_request_as_sent_and_decoded),
		cmocka_unit_test(errors_are_problems_with_their_status),
		cmocka_unit_test(before_may_answer_instead_of_the_handler),
		cmocka_unit_test(head_has_the_headers_of_get_and_no_body),
		cmocka_unit_test(large_bodies_go_both_ways),
		cmocka_unit_test(a_chunked_body_arrives_whole),
		cmocka_unit_test(a_body_over_the_limit_is_refused_unread),
		cmocka_unit_test(who_sends_all_of_a_refused_body_first_gets_the_answer),
		cmocka_unit_test(a_truncated_body_never_reaches_the_handler),
		cmocka_unit_test(heads_over_their_limits_are_refused),
		cmocka_unit_test(a_slow_sender_is_cut_off),
		cmocka_unit_test(connections_over_the_limit_are_told_so),
		cmocka_unit_test(a_connection_serves_many_requests),
		cmocka_unit_test(a_port_in_use_is_named),
		cmocka_unit_test(stop_lets_handlers_end_and_leaves_no_thread),
		cmocka_unit_test(an_idle_server_stops_at_once),
		cmocka_unit_test(many_callers_get_their_own_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
