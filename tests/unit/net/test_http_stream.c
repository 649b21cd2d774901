/*
 * test_http_stream.c - streamed answers: order, ends, hang-ups, slow readers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "net/http_client.h"
#include "raw_socket.h"

struct fixture {
	struct http_server *server;
	struct http_client *client;
	char base_url[64];
	struct http_stream *_Atomic stream; /* the last that was opened */
	atomic_uint gone;
	unsigned lines;
	unsigned wanted;
	bool is_in_order;
	struct log *log;
};

static void on_gone(void *arg)
{
	struct fixture *fixture = arg;
	atomic_fetch_add(&fixture->gone, 1);
}

static void watch(struct http_request *request, struct http_response *response)
{
	struct fixture *fixture = request->context;
	struct http_stream *stream =
		http_stream_open(request, response, 200, "application/x-ndjson", on_gone, fixture);
	http_stream_send(stream, STR("0\n"));
	atomic_store(&fixture->stream, stream);
}

static const struct http_route routes[] = {{"GET", "/watch", watch, 0, NULL}};

static void start_with_timeout(struct fixture *fixture, unsigned timeout_s)
{
	struct error err = {0};
	struct http_server_config config = {.host = "127.0.0.1",
		.request_timeout_s = timeout_s,
		.routes = routes,
		.route_count = 1,
		.threads = 2,
		.log = fixture->log,
		.context = fixture};
	if (http_server_start(&fixture->server, &config, &err) < 0)
		fail_msg("%s", err.message);
	snprintf(fixture->base_url, sizeof(fixture->base_url), "http://127.0.0.1:%u",
		http_server_port(fixture->server));
	struct http_client_config client = {.base_url = fixture->base_url};
	assert_int_equal(http_client_new(&fixture->client, &client, &err), 0);
	fixture->is_in_order = true;
}

static void start(struct fixture *fixture)
{
	start_with_timeout(fixture, 0);
}

static void end(struct fixture *fixture)
{
	http_client_free(fixture->client);
	http_server_stop(fixture->server);
}

static struct http_stream *opened(struct fixture *fixture)
{
	for (int i = 0; i < 500; i++) {
		struct http_stream *stream = atomic_exchange(&fixture->stream, NULL);
		if (stream)
			return stream;
		usleep(10000);
	}
	fail_msg("no stream was opened");
	return NULL;
}

static bool on_line(void *arg, struct str line)
{
	struct fixture *fixture = arg;
	int64_t number = -1;
	if (!str_to_int64(line, &number) || number != fixture->lines)
		fixture->is_in_order = false;
	fixture->lines++;
	return fixture->wanted == 0 || fixture->lines < fixture->wanted;
}

static void send_lines(void *arg)
{
	struct fixture *fixture = arg;
	struct http_stream *stream = opened(fixture);
	for (int i = 1; i < 20000; i++) {
		char line[32];
		int len = snprintf(line, sizeof(line), "%d\n", i);
		http_stream_send(stream, str_n(line, (size_t)len));
		if (i % 5000 == 0)
			usleep(20000); /* let the connection fall asleep */
	}
	http_stream_close(stream);
}

static void lines_arrive_in_order_and_then_the_end(void **state)
{
	struct fixture fixture = {0};
	struct thread *thread;
	start(&fixture);
	assert_int_equal(thread_start(&thread, "sender", send_lines, &fixture, NULL), 0);
	struct http_call call = {.method = "GET", .path = STR("/watch")};
	struct error err = {0};
	int status = 0;
	if (http_client_lines(fixture.client, &call, NULL, on_line, &fixture, &status, &err) < 0)
		fail_msg("%s", err.message);
	thread_join(thread);
	assert_int_equal(status, 200);
	assert_int_equal(fixture.lines, 20000);
	assert_true(fixture.is_in_order);
	assert_int_equal(atomic_load(&fixture.gone), 0);
	end(&fixture);
}

static void a_line_leaves_at_once(void **state)
{
	struct fixture fixture = {0};
	char text[1024];
	start(&fixture);
	int fd = raw_connect(http_server_port(fixture.server));
	raw_send(fd, "GET /watch HTTP/1.1\r\nHost: a\r\n\r\n");
	struct http_stream *stream = opened(&fixture);
	assert_true(raw_read_until(fd, text, sizeof(text), "0\n"));
	int64_t least = INT64_MAX;
	for (int i = 0; i < 20; i++) {
		int64_t began = clock_monotonic_us();
		assert_true(http_stream_send(stream, STR("line\n")));
		assert_true(raw_read_until(fd, text, sizeof(text), "line\n"));
		int64_t took = clock_monotonic_us() - began;
		least = took < least ? took : least;
	}
	/* Nagle's algorithm with a delayed acknowledgement would take 40 ms. */
	assert_true(least < 20000);
	http_stream_close(stream);
	close(fd);
	end(&fixture);
}

static void a_peer_that_hangs_up_is_noticed_without_a_send(void **state)
{
	struct fixture fixture = {0};
	char text[1024];
	start(&fixture);
	int fd = raw_connect(http_server_port(fixture.server));
	raw_send(fd, "GET /watch HTTP/1.1\r\nHost: a\r\n\r\n");
	struct http_stream *stream = opened(&fixture);
	assert_true(raw_read_until(fd, text, sizeof(text), "0\n"));
	close(fd);
	for (int i = 0; i < 300 && atomic_load(&fixture.gone) == 0; i++)
		usleep(10000);
	assert_int_equal(atomic_load(&fixture.gone), 1);
	assert_true(http_stream_is_gone(stream));
	assert_false(http_stream_send(stream, STR("1\n")));
	http_stream_close(stream);
	struct http_server_counters counters;
	for (int i = 0; i < 300; i++) {
		http_server_count(fixture.server, &counters);
		if (counters.streams_open == 0)
			break;
		usleep(10000);
	}
	assert_int_equal(counters.streams_open, 0);
	assert_int_equal(atomic_load(&fixture.gone), 1);
	end(&fixture);
}

static void a_quiet_stream_outlives_the_time_for_requests(void **state)
{
	struct fixture fixture = {0};
	char text[1024];
	start_with_timeout(&fixture, 1);
	int fd = raw_connect(http_server_port(fixture.server));
	raw_send(fd, "GET /watch HTTP/1.1\r\nHost: a\r\n\r\n");
	struct http_stream *stream = opened(&fixture);
	assert_true(raw_read_until(fd, text, sizeof(text), "0\n"));
	for (int i = 0; i < 2; i++) {
		usleep(2800000);
		assert_true(http_stream_send(stream, STR("late\n")));
		assert_true(raw_read_until(fd, text, sizeof(text), "late\n"));
	}
	http_stream_close(stream);
	close(fd);
	end(&fixture);
}

static void a_reader_too_slow_is_cut_off(void **state)
{
	FILE *said = tmpfile();
	char line[512] = "";
	struct fixture fixture = {.log = log_new(fileno(said), LOG_FORMAT_JSON, LOG_LEVEL_WARN)};
	start(&fixture);
	int fd = raw_connect(http_server_port(fixture.server));
	raw_send(fd, "GET /watch HTTP/1.1\r\nHost: a\r\n\r\n");
	struct http_stream *stream = opened(&fixture);
	size_t len = 64 << 10;
	char *block = calloc(1, len);
	memset(block, 'x', len);
	size_t sent = 0;
	while (sent < 64 << 20 && http_stream_send(stream, str_n(block, len)))
		sent += len;
	assert_in_range(sent, HTTP_STREAM_MAX_QUEUE / 2, 32 << 20);
	struct http_server_counters counters;
	http_server_count(fixture.server, &counters);
	assert_int_equal(counters.streams_cut, 1);
	assert_int_equal(atomic_load(&fixture.gone), 0); /* send has said it */
	http_stream_close(stream);
	free(block);
	/* The chunked coding has no end, so the reader knows. */
	char *text = malloc(16 << 20);
	raw_read_until(fd, text, 16 << 20, "\r\n0\r\n\r\n");
	assert_null(strstr(text, "\r\n0\r\n\r\n"));
	free(text);
	close(fd);
	end(&fixture);
	rewind(said);
	assert_non_null(fgets(line, sizeof(line), said));
	assert_non_null(strstr(line, "too slow and is cut off"));
	assert_non_null(strstr(line, "behind_bytes"));
	log_free(fixture.log);
	fclose(said);
}

static void stopping_the_server_ends_its_streams(void **state)
{
	struct fixture fixture = {0};
	char text[1024];
	start(&fixture);
	int fd = raw_connect(http_server_port(fixture.server));
	raw_send(fd, "GET /watch HTTP/1.1\r\nHost: a\r\n\r\n");
	struct http_stream *stream = opened(&fixture);
	assert_true(raw_read_until(fd, text, sizeof(text), "0\n"));
	http_stream_send(stream, STR("last\n"));
	int64_t began = clock_monotonic_us();
	http_server_stop(fixture.server);
	assert_true(clock_monotonic_us() - began < 5 * CLOCK_US_PER_S);
	assert_true(raw_read_until(fd, text, sizeof(text), "\r\n0\r\n\r\n"));
	assert_non_null(strstr(text, "last\n"));
	assert_int_equal(atomic_load(&fixture.gone), 1);
	/* Who opened it may come late. */
	assert_false(http_stream_send(stream, STR("1\n")));
	http_stream_close(stream);
	close(fd);
	http_client_free(fixture.client);
}

static void head_opens_no_stream_that_stays(void **state)
{
	struct fixture fixture = {0};
	char text[1024];
	start(&fixture);
	int fd = raw_connect(http_server_port(fixture.server));
	raw_send(fd, "HEAD /watch HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
	raw_read_until(fd, text, sizeof(text), NULL);
	assert_non_null(strstr(text, "HTTP/1.1 200"));
	struct http_stream *stream = opened(&fixture);
	assert_false(http_stream_send(stream, STR("1\n")));
	http_stream_close(stream);
	close(fd);
	end(&fixture);
}

static void request_stop(void *arg)
{
	usleep(100000);
	stop_request(arg);
}

static void a_reader_can_leave_by_answer_stop_or_silence(void **state)
{
	struct fixture fixture = {.wanted = 1};
	struct stop stop;
	struct error err = {0};
	struct http_call call = {.method = "GET", .path = STR("/watch")};
	start(&fixture);
	stop_init(&stop);
	/* on_line says enough. */
	assert_int_equal(
		http_client_lines(fixture.client, &call, &stop, on_line, &fixture, NULL, &err), 0);
	http_stream_close(opened(&fixture));
	/* Nothing comes. */
	fixture.wanted = 0;
	call.timeout_us = 300000;
	assert_int_equal(
		http_client_lines(fixture.client, &call, &stop, on_line, &fixture, NULL, &err), -1);
	assert_int_equal(err.code, ERROR_TIMEOUT);
	http_stream_close(opened(&fixture));
	/* Told to stop. */
	struct thread *thread;
	call.timeout_us = 0;
	assert_int_equal(thread_start(&thread, "stopper", request_stop, &stop, NULL), 0);
	int64_t began = clock_monotonic_us();
	assert_int_equal(
		http_client_lines(fixture.client, &call, &stop, on_line, &fixture, NULL, &err), -1);
	assert_int_equal(err.code, ERROR_CANCELLED);
	assert_true(clock_monotonic_us() - began < 2 * CLOCK_US_PER_S);
	http_stream_close(opened(&fixture));
	thread_join(thread);
	stop_destroy(&stop);
	end(&fixture);
}

#define CHURN_ROUNDS 60

static bool take_three(void *arg, struct str line)
{
	unsigned *lines = arg;
	return ++*lines < 3;
}

static void churn_open(void *arg)
{
	struct fixture *fixture = arg;
	for (int i = 0; i < CHURN_ROUNDS; i++) {
		unsigned lines = 0;
		struct http_call call = {
			.method = "GET", .path = STR("/watch"), .timeout_us = 2000000};
		http_client_lines(fixture->client, &call, NULL, take_three, &lines, NULL, NULL);
	}
}

static void churn_send(void *arg)
{
	struct fixture *fixture = arg;
	for (int i = 0; i < CHURN_ROUNDS; i++) {
		struct http_stream *stream = opened(fixture);
		for (int k = 0; k < 50 && http_stream_send(stream, STR("line\n")); k++)
			continue;
		http_stream_close(stream);
	}
}

static void opening_sending_and_leaving_may_race(void **state)
{
	struct fixture fixture = {0};
	struct thread *opener, *sender;
	start(&fixture);
	assert_int_equal(thread_start(&sender, "sender", churn_send, &fixture, NULL), 0);
	assert_int_equal(thread_start(&opener, "opener", churn_open, &fixture, NULL), 0);
	thread_join(opener);
	thread_join(sender);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_arrive_in_order_and_then_the_end),
		cmocka_unit_test(a_line_leaves_at_once),
		cmocka_unit_test(a_peer_that_hangs_up_is_noticed_without_a_send),
		cmocka_unit_test(a_quiet_stream_outlives_the_time_for_requests),
		cmocka_unit_test(a_reader_too_slow_is_cut_off),
		cmocka_unit_test(stopping_the_server_ends_its_streams),
		cmocka_unit_test(head_opens_no_stream_that_stays),
		cmocka_unit_test(a_reader_can_leave_by_answer_stop_or_silence),
		cmocka_unit_test(opening_sending_and_leaving_may_race),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
