/*
 * test_http_client.c - calls: retries, deadlines, words of errors.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "net/http_client.h"
#include "raw_socket.h"

struct fixture {
	struct http_server *server;
	struct http_client *client;
	struct arena *arena;
	struct stop stop;
	atomic_uint handled;
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

static const struct http_route routes[] = {
	{"GET", "/flaky", flaky, 0, NULL},
	{"GET", "/conflict", conflict, 0, NULL},
	{"GET", "/hang", hang, 0, NULL},
	{"*", "/headers", headers, 0, NULL},
};

static void start(struct fixture *fixture)
{
	struct error err = {0};
	struct http_server_config config = {.host = "127.0.0.1",
		.routes = routes,
		.route_count = sizeof(routes) / sizeof(routes[0]),
		.context = fixture};
	stop_init(&fixture->stop);
	fixture->arena = arena_new(0);
	if (http_server_start(&fixture->server, &config, &err) < 0)
		fail_msg("%s", err.message);
	snprintf(fixture->base_url, sizeof(fixture->base_url), "http://127.0.0.1:%u",
		http_server_port(fixture->server));
	struct http_client_config client = {
		.base_url = fixture->base_url, .bearer_token = "secret", .stop = &fixture->stop};
	assert_int_equal(http_client_new(&fixture->client, &client, &err), 0);
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
		cmocka_unit_test(a_refused_connection_names_the_url),
		cmocka_unit_test(an_error_answer_speaks_in_its_own_words),
		cmocka_unit_test(requests_carry_type_token_and_body_as_told),
		cmocka_unit_test(a_stream_that_answers_an_error_is_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
