/*
 * test_sentinel_stream.c - what the sentinel does when CLM's stream ends, has a gap, or goes back
 * in time.
 *
 * CLM is scripted: each connection of the watch is answered by the next step. There is no broker;
 * what the sentinel would tell stands in its queue.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "clm/sentinel.h"
#include "net/http_server.h"

#define MAX_STEPS 4
#define WAIT_US (INT64_C(10) * 1000000)
#define ROW(sequence, id, reconciled)                                              \
	"{\"sequence\":" sequence ",\"epoch\":1,\"kind\":\"Cluster\",\"id\":\"" id \
	"\",\"event\":\"status\",\"resource\":" RESOURCE(id, reconciled) "}\n"
#define RESOURCE(id, reconciled)                                                                \
	"{\"id\":\"" id "\",\"kind\":\"Cluster\",\"generation\":2,\"status\":{\"conditions\":[" \
	"{\"type\":\"Reconciled\",\"status\":\"" reconciled "\",\"observed_generation\":2}]}}"
#define LIST(items, total) \
	"{\"items\":[" items "],\"page\":1,\"size\":" total ",\"total\":" total "}"

struct step {
	const char *lines; /* NULL: 410 */
	bool stays;	   /* the connection is kept open after the lines */
};

/* A list's answer to one query; NULL ends them. */
struct page {
	const char *query, *answer;
};

struct script {
	pthread_mutex_t mutex; /* everything below */
	const struct step *steps;
	size_t count, next;
	char queries[MAX_STEPS][128];
	const char *list;
	const struct page *pages; /* instead of `list` */
	struct http_stream *open[MAX_STEPS];
	size_t open_count;
};

static void watch(struct http_request *request, struct http_response *response)
{
	struct script *script = request->context;
	struct error gone = {.code = ERROR_GONE, .message = "too old"};
	LOCK_SCOPE(&script->mutex);
	if (script->next == script->count) {
		response->status = 503;
		return;
	}
	const struct step *step = &script->steps[script->next];
	snprintf(script->queries[script->next++], sizeof(script->queries[0]), "%" STR_F,
		STR_A(request->query));
	if (!step->lines) {
		http_response_error(request, response, &gone);
		return;
	}
	struct http_stream *stream =
		http_stream_open(request, response, 200, "application/x-ndjson", NULL, NULL);
	http_stream_send(stream, str_of(step->lines));
	if (step->stays)
		script->open[script->open_count++] = stream;
	else
		http_stream_close(stream);
}

static void list(struct http_request *request, struct http_response *response)
{
	struct script *script = request->context;
	LOCK_SCOPE(&script->mutex);
	response->status = 200;
	response->body = str_of(script->list);
	if (!script->pages)
		return;
	const struct page *page = script->pages;
	while (page->query && !str_eq_c(request->query, page->query))
		page++;
	response->status = page->query ? 200 : 400;
	response->body = str_of(page->answer);
}

static const struct http_route routes[] = {
	{.method = "GET", .pattern = "/api/hyperfleet/v1/clusters", .handler = list},
	{.method = "GET", .pattern = "/api/hyperfleet/v1/clusters/watch", .handler = watch},
};

struct played {
	struct script script;
	struct http_server *server;
	struct sentinel *sentinel;
};

static struct played *play_pages(
	const struct step *steps, size_t count, const char *listed, const struct page *pages)
{
	struct played *played = calloc(1, sizeof(*played));
	char url[64];
	assert_non_null(played);
	pthread_mutex_init(&played->script.mutex, NULL);
	played->script.steps = steps;
	played->script.count = count;
	played->script.list = listed;
	played->script.pages = pages;
	struct http_server_config server = {.host = "127.0.0.1",
		.routes = routes,
		.route_count = 2,
		.context = &played->script,
		.name = "clm"};
	assert_int_equal(http_server_start(&played->server, &server, NULL), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", http_server_port(played->server));
	struct sentinel_config config = {
		.config_file = REEVE_SOURCE_DIR "/config/sentinels/clusters.yaml",
		.clm_url = url,
		.broker_host = "127.0.0.1",
		.broker_port = 1};
	assert_int_equal(sentinel_start(&played->sentinel, &config, NULL), 0);
	return played;
}

static struct played *play(const struct step *steps, size_t count, const char *listed)
{
	return play_pages(steps, count, listed, NULL);
}

static void end(struct played *played)
{
	sentinel_stop(played->sentinel);
	http_server_stop(played->server);
	for (size_t i = 0; i < played->script.open_count; i++)
		http_stream_close(played->script.open[i]);
	pthread_mutex_destroy(&played->script.mutex);
	free(played);
}

/* Waits until the sentinel has read so many rows and lists, and holds so many resources. */
static void assert_reaches(struct played *played, uint64_t rows, uint64_t lists, uint64_t waiting)
{
	struct sentinel_counters counters;
	int64_t end_us = clock_monotonic_us() + WAIT_US;
	do {
		usleep(10000);
		sentinel_count(played->sentinel, &counters);
	} while (
		(counters.rows != rows || counters.lists != lists || counters.waiting != waiting) &&
		clock_monotonic_us() < end_us);
	assert_int_equal(counters.rows, rows);
	assert_int_equal(counters.lists, lists);
	assert_int_equal(counters.waiting, waiting);
}

static void assert_query(struct played *played, size_t step, const char *expected)
{
	LOCK_SCOPE(&played->script.mutex);
	assert_string_equal(played->script.queries[step], expected);
}

static void a_stream_that_ends_goes_on_at_its_cursor(void **state)
{
	static const struct step steps[] = {
		{"{\"heartbeat\":5}\n" ROW("6", "a", "False"), false},
		{"{\"heartbeat\":6}\n" ROW("7", "b", "False"), true},
	};
	struct played *played = play(steps, 2, LIST("", "0"));
	/* One list when it was opened, none when it went on. */
	assert_reaches(played, 2, 1, 2);
	assert_query(played, 0, "include=resource");
	assert_query(played, 1, "include=resource&after=6");
	end(played);
}

static void a_cursor_that_is_too_old_makes_a_list(void **state)
{
	static const struct step steps[] = {
		{"{\"heartbeat\":5}\n" ROW("6", "a", "False"), false},
		{NULL, false},
		{"{\"heartbeat\":90}\n", true},
	};
	struct played *played = play(steps, 3,
		LIST(RESOURCE("a", "False") "," RESOURCE("lost", "False") "," RESOURCE("c", "True"),
			"3"));
	assert_reaches(played, 1, 2, 2);
	assert_query(played, 2, "include=resource");
	end(played);
}

static void a_feed_that_went_back_makes_a_list(void **state)
{
	static const struct step steps[] = {
		{"{\"heartbeat\":50}\n" ROW("51", "a", "False"), false},
		{"{\"heartbeat\":3}\n" ROW("4", "b", "False"), true},
	};
	struct played *played = play(steps, 2, LIST(RESOURCE("a", "False"), "1"));
	assert_reaches(played, 2, 2, 2);
	end(played);
}

static void another_epoch_makes_a_list(void **state)
{
	static const struct step steps[] = {
		{"{\"heartbeat\":5}\n" ROW("6", "a", "False"), false},
		{"{\"heartbeat\":6}\n{\"sequence\":7,\"epoch\":2,\"id\":\"x\",\"event\":\"gone\"}"
		 "\n",
			true},
	};
	struct played *played = play(steps, 2, LIST(RESOURCE("a", "False"), "1"));
	assert_reaches(played, 2, 2, 1);
	end(played);
}

static void a_row_that_cannot_be_read_makes_a_list(void **state)
{
	static const struct step steps[] = {
		{"{\"heartbeat\":5}\n", false},
		{"{\"heartbeat\":5}\nhello\n", true},
	};
	struct played *played = play(steps, 2, LIST(RESOURCE("a", "False"), "1"));
	struct sentinel_counters counters;
	assert_reaches(played, 0, 2, 1);
	sentinel_count(played->sentinel, &counters);
	assert_int_equal(counters.published, 0);
	end(played);
}

static void a_list_goes_first_where_there_is_no_stream(void **state)
{
	struct played *played = play(NULL, 0, LIST(RESOURCE("a", "False"), "1"));
	assert_reaches(played, 0, 1, 1);
	end(played);
}

/* Reeve's CLM gives what the next page is asked by; HyperFleet's is asked for its number. */
static void all_pages_are_read(void **state)
{
	static const struct page by_cursor[] = {
		{"size=100&after=", "{\"items\":[" RESOURCE("a", "False") "],\"total\":3,\"next\":"
									  "\"7.a\"}"},
		{"size=100&after=7.a", "{\"items\":[" RESOURCE("b", "False") "," RESOURCE(
					       "c", "False") "],\"total\":3}"},
		{NULL, NULL}};
	static const struct page by_number[] = {
		{"size=100&after=", LIST(RESOURCE("a", "False"), "3")},
		{"size=100&page=2", LIST(RESOURCE("b", "False"), "3")},
		{"size=100&page=3", LIST(RESOURCE("c", "False"), "3")}, {NULL, NULL}};
	static const struct page *const listings[] = {by_cursor, by_number};

	for (size_t i = 0; i < 2; i++) {
		struct played *played = play_pages(NULL, 0, NULL, listings[i]);
		assert_reaches(played, 0, 1, 3);
		end(played);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_that_ends_goes_on_at_its_cursor),
		cmocka_unit_test(a_cursor_that_is_too_old_makes_a_list),
		cmocka_unit_test(a_feed_that_went_back_makes_a_list),
		cmocka_unit_test(another_epoch_makes_a_list),
		cmocka_unit_test(a_row_that_cannot_be_read_makes_a_list),
		cmocka_unit_test(a_list_goes_first_where_there_is_no_stream),
		cmocka_unit_test(all_pages_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
