/*
 * The change feed as a stream: what is told, to whom, in which order.
 */
#include "region.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/thread.h"

#define V1 "/api/hyperfleet/v1"
#define REPORT_GOOD "Available=True,Applied=True,Health=True"
#define REPORT_BAD "Available=False,Applied=True,Health=True"
#define REPORT_DONE "Available=False,Applied=False,Health=True,Finalized=True"

static void assert_events(const struct json *lines, const char *const *events, size_t count)
{
	assert_int_equal(json_count(lines), count);
	for (size_t i = 0; i < count; i++) {
		struct str event = json_get_text(json_at(lines, i), "event");

		if (str_is_null(event))
			event = STR("heartbeat");
		if (!str_eq_c(event, events[i]))
			fail_msg("line %zu is %" STR_F ", not %s", i, STR_A(event), events[i]);
	}
}

#define ASSERT_EVENTS(lines, ...)                                  \
	assert_events((lines), (const char *const[]){__VA_ARGS__}, \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void a_life_is_told_in_order(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	const struct json *lines;
	const struct json *line;

	region_report(region, path, "placement", 1, REPORT_GOOD);
	region_report(region, path, "hypershift", 1, REPORT_GOOD);
	region_call(region, "PATCH", path, "{\"spec\":{\"n\":2}}", NULL);
	region_call(region, "PATCH", path, "{\"spec\":{\"n\":2}}", NULL); /* nothing new */
	region_call(region, "DELETE", path, NULL, NULL);
	region_call(region, "DELETE", path, NULL, NULL); /* nothing new */
	region_report(region, path, "placement", 3, REPORT_DONE);
	region_report(region, path, "hypershift", 3, REPORT_DONE);
	lines = region_watch(region, V1 "/clusters/watch?after=0&include=resource", NULL, 8);
	ASSERT_EVENTS(lines, "heartbeat", "created", "status", "status", "updated", "deleted",
		"status", "gone");
	assert_int_equal(json_int(json_get(json_at(lines, 0), "heartbeat"), -1), 0);
	for (size_t i = 1; i < 8; i++) {
		line = json_at(lines, i);
		assert_int_equal(json_int(json_get(line, "sequence"), 0), i);
		assert_true(str_eq(json_get_text(line, "id"), id));
		assert_true(str_eq_c(json_get_text(line, "kind"), "Cluster"));
		assert_non_null(json_get(line, "epoch"));
		assert_true(json_is(json_get(line, "owner"), JSON_NULL));
		/* It is gone by now, whatever the line told. */
		assert_true(json_is(json_get(line, "resource"), JSON_NULL));
	}
	assert_int_equal(json_int(json_get(json_at(lines, 1), "generation"), 0), 1);
	assert_int_equal(json_int(json_get(json_at(lines, 4), "generation"), 0), 2);
	assert_int_equal(json_int(json_get(json_at(lines, 5), "generation"), 0), 3);
}

static void a_line_carries_the_resource_when_asked(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	struct answer read =
		region_get(region, region_path(region, V1 "/clusters/%" STR_F, STR_A(id)));
	const struct json *lines =
		region_watch(region, V1 "/clusters/watch?after=0&include=resource", NULL, 2);
	const struct json *plain = region_watch(region, V1 "/clusters/watch?after=0", NULL, 2);

	assert_true(json_equal(json_get(json_at(lines, 1), "resource"), read.json));
	assert_null(json_get(json_at(plain, 1), "resource"));
}

static void an_unchanged_report_is_not_told(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	struct str before, after;
	const struct json *item;

	region_report(region, path, "placement", 1, REPORT_GOOD);
	item = json_at(json_get(region_get(region, region_path(region, "%s/statuses", path)).json,
			       "items"),
		0);
	before = json_get_text(item, "last_report_time");
	region_report(region, path, "placement", 1, REPORT_GOOD);
	item = json_at(json_get(region_get(region, region_path(region, "%s/statuses", path)).json,
			       "items"),
		0);
	after = json_get_text(item, "last_report_time");
	assert_false(str_eq(before, after));
	region_report(region, path, "placement", 1, REPORT_BAD);
	/* An adapter that is not required is told as well. */
	region_report(region, path, "other", 1, "Available=Unknown,Applied=True,Health=True");
	region_create_cluster(region, "end");
	ASSERT_EVENTS(region_watch(region, V1 "/clusters/watch?after=0", NULL, 6), "heartbeat",
		"created", "status", "status", "status", "created");
}

static void a_watch_hears_only_its_kind_owner_and_tenant(void **state)
{
	struct region *region = *state;
	const struct json *lines;
	struct str id;
	const char *path;

	region_create(region, V1 "/management_clusters",
		"{\"kind\":\"ManagementCluster\",\"name\":\"mc-1\",\"spec\":{}}");
	id = region_create_cluster(region, "one");
	path = region_path(region, V1 "/clusters/%" STR_F "/nodepools", STR_A(id));
	region_create(region, path, "{\"kind\":\"NodePool\",\"name\":\"p\",\"spec\":{}}");
	region_call(region, "POST", V1 "/clusters",
		"{\"kind\":\"Cluster\",\"name\":\"theirs\",\"spec\":{}}", "X-Amz-Account-Id: 111");
	lines = region_watch(region, V1 "/clusters/watch?after=0", NULL, 3);
	assert_int_equal(json_int(json_get(json_at(lines, 1), "sequence"), 0), 2);
	assert_int_equal(json_int(json_get(json_at(lines, 2), "sequence"), 0), 4);
	lines = region_watch(region, V1 "/nodepools/watch?after=0", NULL, 2);
	assert_true(str_eq(json_get_text(json_at(lines, 1), "owner"), id));
	lines = region_watch(region, region_path(region, "%s/watch?after=0", path), NULL, 2);
	assert_int_equal(json_int(json_get(json_at(lines, 1), "sequence"), 0), 3);
	lines = region_watch(region, V1 "/clusters/watch?after=0", "X-Amz-Account-Id: 111", 2);
	assert_int_equal(json_int(json_get(json_at(lines, 1), "sequence"), 0), 4);
	lines = region_watch(region, V1 "/resources/watch?after=0", NULL, 5);
	assert_int_equal(json_int(json_get(json_at(lines, 4), "sequence"), 0), 4);
}

static void without_a_cursor_it_begins_now(void **state)
{
	struct region *region = *state;
	const struct json *lines;

	region_create_cluster(region, "one");
	region_create_cluster(region, "two");
	lines = region_watch(region, V1 "/clusters/watch", NULL, 1);
	assert_int_equal(json_int(json_get(json_at(lines, 0), "heartbeat"), 0), 2);
}

/* Some 6 MB behind, more than a stream's queue holds. */
static void a_watch_far_behind_catches_up(void **state)
{
	struct region *region = *state;
	char *filler = calloc(1, 60001);
	const struct json *lines;

	assert_non_null(filler);
	memset(filler, 'x', 60000);
	for (int i = 0; i < 100; i++)
		region_create(region, V1 "/clusters",
			region_path(region,
				"{\"kind\":\"Cluster\",\"name\":\"c-%d\",\"spec\":{\"f\":\"%s\"}}",
				i, filler));
	free(filler);
	lines = region_watch(region, V1 "/clusters/watch?after=0&include=resource", NULL, 101);
	assert_int_equal(json_int(json_get(json_at(lines, 100), "sequence"), 0), 100);
}

struct counting {
	size_t lines;
	size_t wanted;
};

static bool count_line(void *arg, struct str line)
{
	struct counting *counting = arg;

	if (!str_starts_with(line, STR("{\"heartbeat\"")))
		counting->lines++;
	return counting->lines < counting->wanted;
}

/* 40 documents of nearly the size that a request may have. */
static void the_largest_documents_are_listed_and_watched_in_parts(void **state)
{
	static const size_t size = 900000;
	struct region *region = *state;
	struct counting counting = {.wanted = 40};
	const struct http_call call = {.method = "GET",
		.path = STR(V1 "/clusters/watch?after=0&include=resource"),
		.timeout_us = 30000000};
	char *body = calloc(1, size + 100);
	struct stop never;
	struct answer answer;

	assert_non_null(body);
	for (int i = 0; i < 40; i++) {
		int start = snprintf(
			body, 100, "{\"kind\":\"Cluster\",\"name\":\"c-%d\",\"spec\":{\"f\":\"", i);

		memset(body + start, 'x', size);
		snprintf(body + start + size, 8, "\"}}");
		answer = region_call(region, "POST", V1 "/clusters", body, NULL);
		assert_int_equal(answer.status, 201);
		arena_reset(region->arena);
	}
	free(body);
	answer = region_get(region, V1 "/clusters?size=40");
	assert_int_equal(answer.status, 400);
	assert_true(str_find(answer.body, STR("ask for a smaller size")) >= 0);
	answer = region_get(region, V1 "/clusters?size=15&page=2");
	assert_int_equal(answer.status, 200);
	assert_int_equal(json_count(json_get(answer.json, "items")), 15);
	stop_init(&never);
	http_client_lines(region->client, &call, &never, count_line, &counting, NULL, NULL);
	stop_destroy(&never);
	assert_int_equal(counting.lines, 40);
}

/* --- all at once ----------------------------------------------------------------------------- */

#define WRITERS 16
#define CREATES 20

struct writer {
	struct region *region;
	struct thread *thread;
	struct arena *arena;
	int number;
	struct str ids[CREATES];
};

static void write_all(void *arg)
{
	struct writer *writer = arg;

	for (int i = 0; i < CREATES; i++) {
		const struct http_call call = {
			.method = "POST",
			.path = STR(V1 "/clusters"),
			.body = arena_printf(writer->arena,
				"{\"kind\":\"Cluster\",\"name\":\"w-%d-%d\",\"spec\":{}}",
				writer->number, i),
		};
		struct json *body = NULL;
		int status = 0;

		if (http_client_json(writer->region->client, writer->arena, &call, &status, &body,
			    NULL) == 0)
			writer->ids[i] = json_get_text(body, "id");
	}
}

struct listener {
	struct region *region;
	struct thread *thread;
	struct stop stop;
	struct map *seen;
	int64_t last;
	bool is_in_order;
	_Atomic bool is_listening;
};

static bool on_line(void *arg, struct str line)
{
	struct listener *listener = arg;
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct json *row = NULL;
	int64_t sequence;

	if (json_parse(arena, line, NULL, &row, NULL) != 0)
		return false;
	atomic_store(&listener->is_listening, true);
	if (json_get(row, "heartbeat") != NULL)
		return true;
	sequence = json_int(json_get(row, "sequence"), 0);
	listener->is_in_order = listener->is_in_order && sequence == listener->last + 1;
	listener->last = sequence;
	map_put(listener->seen, json_get_text(row, "id"), listener, NULL);
	return map_count(listener->seen) < WRITERS * CREATES;
}

static void listen(void *arg)
{
	struct listener *listener = arg;
	const struct http_call call = {
		.method = "GET", .path = STR(V1 "/clusters/watch"), .timeout_us = 30000000};

	http_client_lines(
		listener->region->client, &call, &listener->stop, on_line, listener, NULL, NULL);
}

static void every_committed_row_is_heard_in_order(void **state)
{
	struct region *region = *state;
	struct writer writers[WRITERS];
	struct listener listener = {.region = region, .seen = map_new(), .is_in_order = true};

	stop_init(&listener.stop);
	assert_int_equal(thread_start(&listener.thread, "listener", listen, &listener, NULL), 0);
	while (!atomic_load(&listener.is_listening))
		stop_sleep(&listener.stop, 1000);
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){.region = region, .arena = arena_new(0), .number = i};
		assert_int_equal(
			thread_start(&writers[i].thread, "writer", write_all, &writers[i], NULL),
			0);
	}
	for (int i = 0; i < WRITERS; i++)
		thread_join(writers[i].thread);
	thread_join(listener.thread);
	assert_true(listener.is_in_order);
	assert_int_equal(listener.last, WRITERS * CREATES);
	for (int i = 0; i < WRITERS; i++) {
		for (int k = 0; k < CREATES; k++)
			assert_non_null(map_get(listener.seen, writers[i].ids[k]));
		arena_free(writers[i].arena);
	}
	map_free(listener.seen, NULL);
	stop_destroy(&listener.stop);
}

static void stopping_the_server_ends_its_watches(void **state)
{
	struct region *region = *state;
	struct listener listener = {.region = region, .seen = map_new(), .is_in_order = true};

	stop_init(&listener.stop);
	assert_int_equal(thread_start(&listener.thread, "listener", listen, &listener, NULL), 0);
	while (!atomic_load(&listener.is_listening))
		stop_sleep(&listener.stop, 1000);
	clm_stop(region->clm);
	region->clm = NULL;
	thread_join(listener.thread);
	map_free(listener.seen, NULL);
	stop_destroy(&listener.stop);
}

int main(void)
{
#define WITH_REGION(test) cmocka_unit_test_setup_teardown(test, region_setup, region_teardown)
	const struct CMUnitTest tests[] = {
		WITH_REGION(a_life_is_told_in_order),
		WITH_REGION(a_line_carries_the_resource_when_asked),
		WITH_REGION(an_unchanged_report_is_not_told),
		WITH_REGION(a_watch_hears_only_its_kind_owner_and_tenant),
		WITH_REGION(without_a_cursor_it_begins_now),
		WITH_REGION(a_watch_far_behind_catches_up),
		WITH_REGION(the_largest_documents_are_listed_and_watched_in_parts),
		WITH_REGION(every_committed_row_is_heard_in_order),
		WITH_REGION(stopping_the_server_ends_its_watches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
