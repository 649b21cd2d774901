/*
 * test_sentinel.c - the whole sentinel between a real CLM and a real broker.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "../net/broker.h"
#include "base/cleanup.h"
#include "clm/sentinel.h"
#include "net/cloudevent.h"
#include "region.h"

#define FILE_PATH REEVE_SOURCE_DIR "/config/sentinels/clusters.yaml"
/* Longer than the first repetition: a broker that was killed has forgotten its subscribers. */
#define WAIT_US (INT64_C(20) * 1000000)
#define MAX_EVENTS 64

struct watched {
	struct region *region;
	struct broker broker;
	struct mqtt *mqtt;
	struct sentinel *sentinel;
	pthread_mutex_t mutex; /* the events */
	pthread_cond_t changed;
	struct arena *arena;
	struct json *events[MAX_EVENTS];
	size_t count;
};

static void on_message(void *context, struct arena *arena, const struct mqtt_message *message)
{
	struct watched *watched = context;
	struct json *event = NULL;
	LOCK_SCOPE(&watched->mutex);
	assert_true(str_eq_c(message->topic, "clm/clusters"));
	assert_true(str_starts_with(message->content_type, STR("application/cloudevents+json")));
	assert_int_equal(json_parse(watched->arena, arena_str(watched->arena, message->payload),
				 NULL, &event, NULL),
		0);
	if (watched->count < MAX_EVENTS)
		watched->events[watched->count++] = event;
	pthread_cond_broadcast(&watched->changed);
}

static void start_sentinel(struct watched *watched)
{
	struct sentinel_config config = {.config_file = FILE_PATH,
		.clm_url = watched->region->base_url,
		.broker_host = "127.0.0.1",
		.broker_port = watched->broker.port};
	struct error err = {0};
	if (sentinel_start(&watched->sentinel, &config, &err) != 0)
		fail_msg("%s", err.message);
}

static int setup(void **state)
{
	struct watched *watched = calloc(1, sizeof(*watched));
	void *region = NULL;
	assert_non_null(watched);
	region_setup(&region);
	watched->region = region;
	watched->arena = arena_new(0);
	pthread_mutex_init(&watched->mutex, NULL);
	pthread_cond_init(&watched->changed, NULL);
	broker_prepare(&watched->broker);
	broker_start(&watched->broker, "allow_anonymous true\n");
	struct mqtt_config mqtt = {.host = "127.0.0.1",
		.port = watched->broker.port,
		.client_id = "test",
		.keep_session = true,
		.session_expiry_s = 60,
		.on_message = on_message,
		.context = watched};
	assert_int_equal(mqtt_start(&watched->mqtt, &mqtt, NULL), 0);
	assert_int_equal(mqtt_subscribe(watched->mqtt, "clm/#", NULL), 0);
	assert_int_equal(mqtt_wait_ready(watched->mqtt, WAIT_US, NULL), 0);
	*state = watched;
	return 0;
}

static int teardown(void **state)
{
	struct watched *watched = *state;
	void *region = watched->region;
	sentinel_stop(watched->sentinel);
	mqtt_stop(watched->mqtt);
	broker_stop(&watched->broker);
	region_teardown(&region);
	pthread_cond_destroy(&watched->changed);
	pthread_mutex_destroy(&watched->mutex);
	arena_free(watched->arena);
	free(watched);
	return 0;
}

/* Event number `index`; fails the test when it does not come. */
static struct json *event_at(struct watched *watched, size_t index)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_US / CLOCK_US_PER_S;
	LOCK_SCOPE(&watched->mutex);
	while (watched->count <= index)
		if (pthread_cond_timedwait(&watched->changed, &watched->mutex, &until) != 0)
			fail_msg("event %zu did not come", index);
	return watched->events[index];
}

static void wait_for_list(struct watched *watched)
{
	struct sentinel_counters counters = {0};
	for (int i = 0; i < 500 && counters.lists == 0; i++) {
		usleep(20000);
		sentinel_count(watched->sentinel, &counters);
	}
	assert_true(counters.lists > 0);
}

static void assert_event(const struct json *event, struct str id, int64_t generation)
{
	const struct json *data = json_get(event, "data");
	assert_true(
		str_eq_c(json_get_text(event, "type"), "com.redhat.hyperfleet.cluster.reconcile"));
	assert_true(str_eq_c(json_get_text(event, "source"), "hyperfleet-sentinel"));
	assert_true(str_eq_c(json_get_text(event, "specversion"), "1.0"));
	assert_null(json_get(event, "time"));
	assert_null(json_get(event, "subject"));
	assert_true(str_eq(json_get_text(data, "id"), id));
	assert_true(str_eq_c(json_get_text(data, "kind"), "Cluster"));
	assert_int_equal(json_int(json_get(data, "generation"), 0), generation);
	assert_true(str_ends_with(json_get_text(data, "href"), id));
}

static void a_change_is_told_at_once(void **state)
{
	struct watched *watched = *state;
	struct region *region = watched->region;
	start_sentinel(watched);
	wait_for_list(watched);
	int64_t begun_us = clock_monotonic_us();
	struct str id = region_create_cluster(region, "one");
	assert_event(event_at(watched, 0), id, 1);
	assert_true(clock_monotonic_us() - begun_us < CLOCK_US_PER_S);

	const char *path = region_path(region, "/api/hyperfleet/v1/clusters/%" STR_F, STR_A(id));
	region_call(region, "PATCH", path, "{\"spec\":{\"a\":2}}", NULL);
	assert_event(event_at(watched, 1), id, 2);
	/* An adapter's report wakes the others while the cluster is unreconciled. */
	const char *statuses = region_path(region, "%s/statuses", path);
	region_report(region, statuses, "placement", 2, "Available=True,Applied=True,Health=True");
	assert_event(event_at(watched, 2), id, 2);
	region_report(region, statuses, "hypershift", 2, "Available=True,Applied=True,Health=True");
	region_call(region, "DELETE", path, NULL, NULL);
	assert_event(event_at(watched, 3), id, 3);

	struct sentinel_counters counters;
	sentinel_count(watched->sentinel, &counters);
	assert_int_equal(counters.waiting, 1);
}

static void what_is_unreconciled_is_told_at_the_start(void **state)
{
	struct watched *watched = *state;
	struct str id = region_create_cluster(watched->region, "before");
	start_sentinel(watched);
	assert_event(event_at(watched, 0), id, 1);
}

static void nothing_is_lost_while_the_broker_is_away(void **state)
{
	struct watched *watched = *state;
	start_sentinel(watched);
	wait_for_list(watched);
	broker_kill(&watched->broker);
	struct str id = region_create_cluster(watched->region, "alone");
	usleep(300000);
	broker_again(&watched->broker);
	assert_event(event_at(watched, 0), id, 1);
}

static void a_wrong_file_ends_the_start(void **state)
{
	struct sentinel *sentinel = NULL;
	struct sentinel_config config = {
		.config_file = "/nowhere.yaml", .broker_host = "127.0.0.1", .broker_port = 1};
	struct error err = {0};
	assert_int_equal(sentinel_start(&sentinel, &config, &err), -1);
	assert_string_equal(err.message, "there is no file /nowhere.yaml");
	assert_null(sentinel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_change_is_told_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_unreconciled_is_told_at_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(
			nothing_is_lost_while_the_broker_is_away, setup, teardown),
		cmocka_unit_test(a_wrong_file_ends_the_start),
	};
	if (!broker_is_installed())
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
