/*
 * test_http_client.c - calls: retries, deadlines, words of errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http_client.h"
#include "raw_socket.h"

struct fixture {
	struct http_server *server;
	struct http_client *client;
	struct arena *arena;
	struct stop stop;
	atomic_uint handled;
	pthread_t caller;
	char base_url[64];
};

static void flaky(struct http_request *request, struct http_response *response)
{
	struct fixture *fixture = request->context;
	unsigned count = atomic_fetch_add(&fixture->handled, 1);
	response->status = count < 2 ? 503 : 200;
	response->body = STR("{\"ok\":true}");
	struct str after = http_request_parameter(request, "after", 0);
	if (!str_is_null(after))
		http_response_header(request, response, STR("Retry-After"), after);
}

static void conflict(struct http_request *request, struct http_response *response)
{
	response->status = 409;
	response->body = http_request_parameter(request, "body", 0);
}

static void headers(struct http_request *request, struct http_response *response)
{
	struct str type = http_request_header(request, "Content-Type");
	struct str token = http_request_header(request, "Authorization");
	response->status = 200;
	response->body = arena_printf(request->arena, "%" STR_F "|%" STR_F "|%" STR_F "|%zu",
		STR_A(request->method), STR_A(type), STR_A(token), request->body.len);
}

static void hang(struct http_request *request, struct http_response *response)
{
	struct fixture *fixture = request->context;
	atomic_fetch_add(&fixture->handled, 1);
	usleep(1500000);
	response->status = 204;
}

static void told(struct http_request *request, struct http_response *response)
{
	struct fixture *fixture = request->context;
	atomic_fetch_add(&fixture->handled, 1);
	response->status = 200;
	response->body = arena_printf(request->arena, "%" STR_F "|%" STR_F,
		STR_A(http_request_header(request, "User-Agent")),
		STR_A(http_request_header(request, "Content-Length")));
}

static void whoami(struct http_request *request, struct http_response *response)
{
	struct fixture *fixture = request->context;
	struct str host = http_request_header(request, "Host");
	response->status = 200;
	http_response_header(request, response, STR("X-Colour"), STR("green"));
	response->body = arena_printf(request->arena, "%d|%d|%" STR_F "|%" STR_F "|%" STR_F,
		pthread_equal(fixture->caller, pthread_self()) != 0,
		str_eq_c(host, fixture->base_url + strlen("http://")), STR_A(request->target),
		STR_A(http_request_header(request, "Content-Type")), STR_A(request->body));
}

static void open_stream(struct http_request *request, struct http_response *response)
{
	response->status =
		http_stream_open(request, response, 200, "text/plain", NULL, NULL) ? 500 : 503;
}

static const struct http_route routes[] = {
	{"GET", "/flaky", flaky, 0, NULL},
	{"GET", "/conflict", conflict, 0, NULL},
	{"GET", "/hang", hang, 0, NULL},
	{"*", "/headers", headers, 0, NULL},
	{"POST", "/whoami", whoami, 0, NULL},
	{"POST", "/small", whoami, 16, NULL},
	{"POST", "/told", told, 0, NULL},
	{"GET", "/stream", open_stream, 0, NULL},
};

static void start_server(struct fixture *fixture, bool in_process)
{
	struct error err = {0};
	struct http_server_config config = {.host = "127.0.0.1",
		.in_process = in_process,
		.routes = routes,
		.route_count = sizeof(routes) / sizeof(routes[0]),
		.context = fixture};
	stop_init(&fixture->stop);
	fixture->arena = arena_new(0);
	if (http_server_start(&fixture->server, &config, &err) < 0)
		fail_msg("%s", err.message);
	snprintf(fixture->base_url, sizeof(fixture->base_url), "http://127.0.0.1:%u",
		http_server_port(fixture->server));
}

static void start_client(struct fixture *fixture, const char *base_url, const char *token)
{
	struct http_client_config client = {
		.base_url = base_url, .bearer_token = token, .stop = &fixture->stop};
	struct error err;
	assert_int_equal(http_client_new(&fixture->client, &client, &err), 0);
}

static void start(struct fixture *fixture)
{
	start_server(fixture, false);
	start_client(fixture, fixture->base_url, "secret");
}

static void end(struct fixture *fixture)
{
	http_client_free(fixture->client);
	http_server_stop(fixture->server);
	stop_destroy(&fixture->stop);
	arena_free(fixture->arena);
}

static void a_call_is_tried_again_as_often_as_asked(void **state)
{
	static const struct {
		const char *path;
		unsigned retries;
		int64_t timeout_us;
		int status;
		unsigned handled;
	} rows[] = {
		{"/flaky", 0, 0, 503, 1},
		{"/flaky", 1, 0, 503, 2},
		{"/flaky", 2, 0, 200, 3},
		{"/flaky", 9, 0, 200, 3},
		/* The server asks for more time than there is: its answer stands. */
		{"/flaky?after=60", 9, 500000, 503, 1},
		{"/flaky?after=Fri,+31+Dec+2199+23:59:59+GMT", 9, 500000, 503, 1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture fixture = {0};
		start(&fixture);
		struct http_call call = {.method = "GET",
			.path = str_of(rows[i].path),
			.retries = rows[i].retries,
			.timeout_us = rows[i].timeout_us};
		struct http_answer answer = {0};
		assert_int_equal(
			http_client_call(fixture.client, fixture.arena, &call, &answer, NULL), 0);
		assert_int_equal(answer.status, rows[i].status);
		assert_int_equal(atomic_load(&fixture.handled), rows[i].handled);
		end(&fixture);
	}
}

static void a_deadline_ends_a_call(void **state)
{
	struct fixture fixture = {0};
	struct http_answer answer;
	struct error err;
	start(&fixture);
	struct http_call call = {
		.method = "GET", .path = STR("/hang"), .timeout_us = 200000, .retries = 5};
	int64_t began = clock_monotonic_us();
	assert_int_equal(http_client_call(fixture.client, fixture.arena, &call, &answer, &err), -1);
	assert_int_equal(err.code, ERROR_TIMEOUT);
	assert_true(clock_monotonic_us() - began < 1200000);
	assert_int_equal(atomic_load(&fixture.handled), 1);
	end(&fixture);
}

static void a_stop_ends_calls_and_waits(void **state)
{
	struct fixture fixture = {0};
	struct http_answer answer;
	struct error err;
	start(&fixture);
	stop_request(&fixture.stop);
	struct http_call call = {.method = "GET", .path = STR("/hang"), .retries = 5};
	assert_int_equal(http_client_call(fixture.client, fixture.arena, &call, &answer, &err), -1);
	assert_int_equal(err.code, ERROR_CANCELLED);
	end(&fixture);
}

static void request_stop(void *arg)
{
	usleep(50000); /* the call is waiting */
	stop_request(arg);
}

static void a_stop_ends_a_call_that_waits_at_once(void **state)
{
	struct fixture fixture = {0};
	struct thread *stopper;
	struct http_answer answer;
	struct error err;
	start(&fixture);
	struct http_call call = {.method = "GET", .path = STR("/hang")};
	int64_t began_us = clock_monotonic_us();
	assert_int_equal(thread_start(&stopper, "stopper", request_stop, &fixture.stop, &err), 0);
	assert_int_equal(http_client_call(fixture.client, fixture.arena, &call, &answer, &err), -1);
	assert_int_equal(err.code, ERROR_CANCELLED);
	assert_true(clock_monotonic_us() - began_us < 180 * CLOCK_US_PER_MS);
	thread_join(stopper);
	end(&fixture);
}

static void a_refused_connection_names_the_url(void **state)
{
	struct fixture fixture = {0};
	struct http_answer answer;
	struct error err;
	start(&fixture);
	http_server_stop(fixture.server);
	fixture.server = NULL;
	struct http_call call = {.method = "GET", .path = STR("/flaky"), .retries = 1};
	assert_int_equal(http_client_call(fixture.client, fixture.arena, &call, &answer, &err), -1);
	assert_int_equal(err.code, ERROR_UNAVAILABLE);
	assert_non_null(strstr(err.message, "GET http://127.0.0.1:"));
	assert_non_null(strstr(err.message, "/flaky"));
	end(&fixture);
}

static void an_error_answer_speaks_in_its_own_words(void **state)
{
	static const struct {
		const char *body, *words;
	} rows[] = {
		{"%7B%22detail%22:%22name+is+taken%22%7D", "name is taken (GET http://"},
		{"%7B%22message%22:%22configmaps+x+exists%22,%22reason%22:%22AlreadyExists%22%7D",
			"configmaps x exists (GET http://"},
		{"%7B%22reason%22:%22stale%22%7D", "stale (GET http://"},
		{"not+json", "answered 409"},
		{"", "answered 409"},
	};
	struct fixture fixture = {0};
	start(&fixture);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_call call = {.method = "GET",
			.path = arena_printf(fixture.arena, "/conflict?body=%s", rows[i].body)};
		struct json *body;
		struct error err;
		int status = 0;
		assert_int_equal(http_client_json(fixture.client, fixture.arena, &call, &status,
					 &body, &err),
			-1);
		assert_int_equal(status, 409);
		assert_int_equal(err.code, ERROR_CONFLICT);
		if (!strstr(err.message, rows[i].words))
			fail_msg("%s", err.message);
	}
	end(&fixture);
}

static void requests_carry_type_token_and_body_as_told(void **state)
{
	static const struct {
		const char *method, *body, *type, *expected;
	} rows[] = {
		{"GET", NULL, NULL, "GET||Bearer secret|0"},
		{"POST", "{}", NULL, "POST|application/json|Bearer secret|2"},
		{"POST", NULL, NULL, "POST||Bearer secret|0"},
		{"PATCH", "{}", "application/merge-patch+json",
			"PATCH|application/merge-patch+json|Bearer secret|2"},
		{"PUT", "abc", "text/plain", "PUT|text/plain|Bearer secret|3"},
		{"DELETE", NULL, NULL, "DELETE||Bearer secret|0"},
		{"DELETE", "{}", NULL, "DELETE|application/json|Bearer secret|2"},
	};
	struct fixture fixture = {0};
	start(&fixture);
	/* Twice: a reused handle must not remember. */
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		size_t row = i % (sizeof(rows) / sizeof(rows[0]));
		struct http_call call = {.method = rows[row].method,
			.path = STR("/headers"),
			.body = str_of(rows[row].body),
			.content_type = str_of(rows[row].type)};
		struct http_answer answer = {0};
		assert_int_equal(
			http_client_call(fixture.client, fixture.arena, &call, &answer, NULL), 0);
		if (!str_eq_c(answer.body, rows[row].expected))
			fail_msg("%.*s", STR_A(answer.body));
	}
	struct http_header split = {STR("X-A"), STR("b\r\nX-C: d")};
	struct http_call call = {
		.method = "GET", .path = STR("/headers"), .headers = &split, .header_count = 1};
	struct http_answer answer;
	struct error err;
	assert_int_equal(http_client_call(fixture.client, fixture.arena, &call, &answer, &err), -1);
	assert_int_equal(err.code, ERROR_INVALID);
	end(&fixture);
}

static struct http_answer call_local(
	struct fixture *fixture, const char *method, const char *path, const char *body)
{
	struct http_call call = {.method = method, .path = str_of(path), .body = str_of(body)};
	struct http_answer answer = {0};
	struct error err;
	if (http_client_call(fixture->client, fixture->arena, &call, &answer, &err) < 0)
		fail_msg("%s", err.message);
	return answer;
}

/* With and without a base URL, the handler runs on the thread that calls; with a token it does not.
 */
static void a_server_of_the_process_is_called_without_a_socket(void **state)
{
	static const struct {
		bool has_base, has_token, in_process;
		char local;
	} rows[] = {
		{true, false, true, '1'},
		{false, false, true, '1'},
		{true, true, true, '0'},
		{true, false, false, '0'},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture fixture = {.caller = pthread_self()};
		char url[96];
		start_server(&fixture, rows[i].in_process);
		start_client(&fixture, rows[i].has_base ? fixture.base_url : NULL,
			rows[i].has_token ? "secret" : NULL);
		snprintf(url, sizeof(url), "%s/whoami?a=b",
			rows[i].has_base ? "" : fixture.base_url);
		struct http_answer answer = call_local(&fixture, "POST", url, "{}");
		assert_int_equal(answer.status, 200);
		assert_int_equal(answer.body.ptr[0], rows[i].local);
		assert_true(str_eq_c(str_slice(answer.body, 1, answer.body.len),
			"|1|/whoami?a=b|application/json|{}"));
		assert_true(str_eq_c(http_answer_header(&answer, "x-colour"), "green"));
		assert_int_equal(http_answer_header(&answer, "X-Request-ID").len, 36);
		end(&fixture);
	}
}

/* Whatever the server itself refuses, it refuses here in the same way. */
static void a_server_of_the_process_keeps_its_rules(void **state)
{
	static const struct {
		const char *method, *path;
		size_t length;
		int status;
	} rows[] = {
		{"GET", "/nothing", 0, 404},
		{"PUT", "/conflict", 2, 405},
		{"GET", "/conflict?body=%zz", 0, 400},
		{"POST", "/small", 17, 413},
		{"POST", "/small", 16, 200},
		{"GET", "/stream", 0, 503},
		{"HEAD", "/conflict?body=x", 0, 409},
	};
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		size_t row = i / 2;
		bool in_process = i % 2;
		struct fixture fixture = {0};
		struct http_server_counters counters;
		char body[32] = "";
		memset(body, 'x', rows[row].length);
		start_server(&fixture, in_process);
		start_client(&fixture, fixture.base_url, NULL);
		if (in_process || strcmp(rows[row].path, "/stream") != 0) {
			struct http_answer answer =
				call_local(&fixture, rows[row].method, rows[row].path, body);
			assert_int_equal(answer.status, rows[row].status);
			if (strcmp(rows[row].method, "HEAD") == 0)
				assert_int_equal(answer.body.len, 0);
		}
		http_server_count(fixture.server, &counters);
		assert_true(counters.requests <= 1);
		end(&fixture);
	}
}

/* The caller's own header wins; what a connection could not carry is refused; and what is too long
 * gets the server's words. Equal on both ways. */
static void headers_are_the_same_with_and_without_a_socket(void **state)
{
	static char long_value[HTTP_MAX_HEADER_BYTES];
	struct {
		struct http_header header;
		int status; /* 0: refused by the client */
		enum error_code code;
		const char *body;
	} rows[] = {
		{{STR("User-Agent"), STR("mine")}, 200, 0, "mine|2"},
		{{STR("X-Other"), STR("x")}, 200, 0, NULL},
		{{STR("X-Long"), str_n(long_value, sizeof(long_value) - 64)}, 431, 0, NULL},
		{{STR("X-Long"), str_n(long_value, sizeof(long_value))}, 0, ERROR_TOO_LARGE, NULL},
		{{STR("X-Split"), STR("a\r\nIf-Match: b")}, 0, ERROR_INVALID, NULL},
	};
	memset(long_value, 'x', sizeof(long_value));
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture fixture = {0};
		struct http_answer answer = {0};
		struct error err;
		size_t row = i / 2;
		start_server(&fixture, i % 2);
		start_client(&fixture, fixture.base_url, NULL);
		struct http_call call = {.method = "POST",
			.path = STR("/told#part"),
			.body = STR("{}"),
			.headers = &rows[row].header,
			.header_count = 1};
		int result = http_client_call(fixture.client, fixture.arena, &call, &answer, &err);
		assert_int_equal(result, rows[row].status ? 0 : -1);
		if (result < 0)
			assert_int_equal(err.code, rows[row].code);
		else
			assert_int_equal(answer.status, rows[row].status);
		if (rows[row].body)
			assert_true(str_eq_c(answer.body, rows[row].body));
		assert_int_equal(atomic_load(&fixture.handled), rows[row].status == 200);
		end(&fixture);
	}
}

/* More headers than a request's arena holds: no handler sees a part of them. */
static void a_request_that_lost_its_headers_reaches_no_handler(void **state)
{
	size_t count = ARENA_DEFAULT_MAX / sizeof(struct http_header) + 1;
	struct http_header *many = calloc(count, sizeof(*many));
	struct fixture fixture = {0};
	struct http_answer answer = {0};
	struct error err;
	assert_non_null(many);
	for (size_t i = 0; i < count; i++)
		many[i] = (struct http_header){STR("X"), STR("y")};
	start_server(&fixture, true);
	start_client(&fixture, fixture.base_url, NULL);
	struct http_call call = {
		.method = "POST", .path = STR("/told"), .headers = many, .header_count = count};
	if (http_client_call(fixture.client, fixture.arena, &call, &answer, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(answer.status, 500);
	assert_int_equal(atomic_load(&fixture.handled), 0);
	free(many);
	end(&fixture);
}

static void call_hang(void *arg)
{
	struct fixture *fixture = arg;
	assert_int_equal(call_local(fixture, "GET", "/hang", "").status, 204);
}

/* The handler's server and context live until it has returned. */
static void a_server_stops_after_the_calls_of_its_process(void **state)
{
	struct fixture fixture = {0};
	struct thread *caller;
	struct error err;
	start_server(&fixture, true);
	start_client(&fixture, fixture.base_url, NULL);
	assert_int_equal(thread_start(&caller, "caller", call_hang, &fixture, &err), 0);
	while (atomic_load(&fixture.handled) == 0)
		usleep(1000);
	int64_t began_us = clock_monotonic_us();
	http_server_stop(fixture.server);
	fixture.server = NULL;
	assert_true(clock_monotonic_us() - began_us > 1000000);
	thread_join(caller);
	end(&fixture);
}

static void a_stopped_server_of_the_process_is_gone(void **state)
{
	struct fixture fixture = {0};
	struct http_answer answer;
	struct error err;
	start_server(&fixture, true);
	start_client(&fixture, fixture.base_url, NULL);
	struct http_call call = {.method = "GET", .path = STR("/conflict?body=x")};
	stop_request(&fixture.stop);
	assert_int_equal(http_client_call(fixture.client, fixture.arena, &call, &answer, &err), -1);
	assert_int_equal(err.code, ERROR_CANCELLED);
	http_client_free(fixture.client);
	struct http_client_config client = {.base_url = fixture.base_url};
	assert_int_equal(http_client_new(&fixture.client, &client, &err), 0);
	http_server_stop(fixture.server);
	fixture.server = NULL;
	assert_int_equal(http_client_call(fixture.client, fixture.arena, &call, &answer, &err), -1);
	assert_int_equal(err.code, ERROR_UNAVAILABLE);
	end(&fixture);
}

static bool any_line(void *arg, struct str line)
{
	return true;
}

static void a_stream_that_answers_an_error_is_one(void **state)
{
	struct fixture fixture = {0};
	struct error err;
	int status = 0;
	start(&fixture);
	struct http_call call = {
		.method = "GET", .path = STR("/conflict?body=%7B%22detail%22:%22too+old%22%7D")};
	assert_int_equal(
		http_client_lines(fixture.client, &call, NULL, any_line, NULL, &status, &err), -1);
	assert_int_equal(status, 409);
	assert_int_equal(err.code, ERROR_CONFLICT);
	assert_non_null(strstr(err.message, "too old"));
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_is_tried_again_as_often_as_asked),
		cmocka_unit_test(a_deadline_ends_a_call),
		cmocka_unit_test(a_stop_ends_calls_and_waits),
		cmocka_unit_test(a_stop_ends_a_call_that_waits_at_once),
		cmocka_unit_test(a_refused_connection_names_the_url),
		cmocka_unit_test(an_error_answer_speaks_in_its_own_words),
		cmocka_unit_test(requests_carry_type_token_and_body_as_told),
		cmocka_unit_test(a_server_of_the_process_is_called_without_a_socket),
		cmocka_unit_test(a_server_of_the_process_keeps_its_rules),
		cmocka_unit_test(headers_are_the_same_with_and_without_a_socket),
		cmocka_unit_test(a_request_that_lost_its_headers_reaches_no_handler),
		cmocka_unit_test(a_server_stops_after_the_calls_of_its_process),
		cmocka_unit_test(a_stopped_server_of_the_process_is_gone),
		cmocka_unit_test(a_stream_that_answers_an_error_is_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
