/*
 * test_adapter.c - a whole adapter between a real broker and stand-in peers: what wakes it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "../net/broker.h"
#include "clm/adapter.h"
#include "net/cloudevent.h"
#include "peers.h"

#define FOLDER REEVE_SOURCE_DIR "/config/adapters/hypershift"
#define ID "0198c0de-0000-7000-8000-000000000001"
#define EVENT "{\"id\":\"" ID "\",\"kind\":\"Cluster\",\"generation\":1}"
#define CLUSTER "/api/hyperfleet/v1/clusters/" ID
#define STATUSES CLUSTER "/statuses"
#define BUNDLES "/api/maestro/v1/resource-bundles"
#define WAIT_US (INT64_C(15) * 1000000)

struct watched {
	struct peers *peers;
	struct broker broker;
	struct mqtt *mqtt;
	struct adapter *adapter;
};

static void start_adapter(struct watched *watched)
{
	struct adapter_config config = {.config_file = FOLDER "/adapter-config.yaml",
		.task_file = FOLDER "/adapter-task.yaml",
		.clm_url = peers_url(watched->peers),
		.maestro_url = peers_url(watched->peers),
		.broker_host = "127.0.0.1",
		.broker_port = watched->broker.port};
	struct error err = {0};
	if (adapter_start(&watched->adapter, &config, &err) != 0)
		fail_msg("%s", err.message);
}

static int setup(void **state)
{
	struct watched *watched = calloc(1, sizeof(*watched));
	assert_non_null(watched);
	watched->peers = peers_start();
	peers_answer(watched->peers, "GET", CLUSTER, 200,
		"{\"id\":\"" ID "\",\"name\":\"one\",\"generation\":1,\"spec\":{\"hostedCluster\":{"
		"\"release\":{\"image\":\"i\"},\"platform\":{\"type\":\"None\"}}}}");
	peers_answer(watched->peers, "GET", STATUSES, 200,
		"{\"items\":[{\"adapter\":\"placement\",\"observed_generation\":1,"
		"\"data\":{\"managementCluster\":\"mc-1\"}}]}");
	peers_answer(watched->peers, "PUT", STATUSES, 201, "{}");
	broker_prepare(&watched->broker);
	broker_start(&watched->broker, "allow_anonymous true\n");
	struct mqtt_config mqtt = {
		.host = "127.0.0.1", .port = watched->broker.port, .client_id = "test"};
	assert_int_equal(mqtt_start(&watched->mqtt, &mqtt, NULL), 0);
	assert_int_equal(mqtt_wait_ready(watched->mqtt, WAIT_US, NULL), 0);
	start_adapter(watched);
	*state = watched;
	return 0;
}

static int teardown(void **state)
{
	struct watched *watched = *state;
	adapter_stop(watched->adapter);
	mqtt_stop(watched->mqtt);
	broker_stop(&watched->broker);
	peers_stop(watched->peers);
	free(watched);
	return 0;
}

static void publish(struct watched *watched, const char *data)
{
	struct arena *arena = arena_new(0);
	struct mqtt_message message = {0};
	struct cloudevent event = {.id = STR("e1"),
		.source = STR("test"),
		.type = STR("com.redhat.hyperfleet.cluster.reconcile"),
		.datacontenttype = STR("application/json"),
		.data = str_of(data)};
	assert_int_equal(cloudevent_to_mqtt_structured(arena, &event, &message, NULL), 0);
	message.topic = STR("clm/clusters");
	assert_int_equal(mqtt_publish(watched->mqtt, &message, NULL), 0);
	arena_free(arena);
}

static void wait_for_requests(
	struct watched *watched, const char *method, const char *path, size_t count)
{
	int64_t end_us = clock_monotonic_us() + WAIT_US;
	while (peers_count(watched->peers, method, path) < count) {
		if (clock_monotonic_us() > end_us)
			fail_msg("%s %s was not asked %zu times", method, path ? path : "anything",
				count);
		usleep(5000);
	}
}

/* The session that keeps events is there from the first subscription on. */
static void wait_for_subscription(struct watched *watched)
{
	for (size_t i = 0; peers_count(watched->peers, "PUT", STATUSES) == 0; i++) {
		assert_true(i < 100);
		publish(watched, EVENT);
		usleep(100000);
	}
}

static void an_event_runs_the_task(void **state)
{
	struct watched *watched = *state;
	wait_for_subscription(watched);
	assert_int_equal(peers_count(watched->peers, "POST", BUNDLES), 1);
	assert_non_null(peers_bundle(watched->peers));
}

static void a_status_of_the_bundle_runs_the_task_again(void **state)
{
	struct watched *watched = *state;
	wait_for_subscription(watched);
	wait_for_requests(watched, "GET", BUNDLES, 1); /* watching, and has listed */
	wait_for_requests(watched, "GET", BUNDLES "/watch", 2);
	usleep(100000);
	size_t before = peers_count(watched->peers, "PUT", STATUSES);
	peers_bundle_status(watched->peers, "{\"conditions\":[],\"resourceStatus\":[]}");
	wait_for_requests(watched, "PUT", STATUSES, before + 1);

	/* Being deleted, and then gone, as its cluster is. */
	peers_answer(watched->peers, "GET", CLUSTER, 200,
		"{\"id\":\"" ID "\",\"name\":\"one\",\"generation\":2,\"deleted_time\":\"t\","
		"\"spec\":{}}");
	publish(watched, EVENT);
	wait_for_requests(watched, "DELETE", NULL, 1);
	wait_for_requests(watched, "PUT", STATUSES, before + 2);
	usleep(100000);
	before = peers_count(watched->peers, "PUT", STATUSES);
	peers_bundle_gone(watched->peers);
	wait_for_requests(watched, "PUT", STATUSES, before + 1);
	const struct json *conditions =
		json_get(peers_body(watched->peers, "PUT", STATUSES), "conditions");
	assert_true(str_eq(json_get_text(json_at(conditions, 3), "status"), STR("True")));
}

static void what_changed_while_away_is_repaired_at_the_start(void **state)
{
	struct watched *watched = *state;
	wait_for_subscription(watched);
	adapter_stop(watched->adapter);
	watched->adapter = NULL;
	peers_bundle_status(watched->peers, "{\"conditions\":[],\"resourceStatus\":[]}");
	peers_clear(watched->peers);
	start_adapter(watched);
	wait_for_requests(watched, "PUT", STATUSES, 1);
}

static void events_wait_while_the_adapter_is_away(void **state)
{
	struct watched *watched = *state;
	wait_for_subscription(watched);
	adapter_stop(watched->adapter);
	watched->adapter = NULL;
	peers_bundle_gone(watched->peers); /* nothing for the list to repair */
	peers_clear(watched->peers);
	publish(watched, EVENT);
	start_adapter(watched);
	wait_for_requests(watched, "PUT", STATUSES, 1);
}

static void a_failed_execution_is_tried_again(void **state)
{
	struct watched *watched = *state;
	struct adapter_counters counters;
	peers_answer(watched->peers, "PUT", STATUSES, 409, "{\"detail\":\"not now\"}");
	wait_for_subscription(watched);
	peers_answer(watched->peers, "PUT", STATUSES, 201, "{}");
	int64_t end_us = clock_monotonic_us() + WAIT_US;
	do {
		usleep(20000);
		adapter_count(watched->adapter, &counters);
	} while (
		(counters.succeeded == 0 || counters.waiting > 0) && clock_monotonic_us() < end_us);
	assert_true(counters.failed > 0);
	assert_true(counters.succeeded > 0);
	assert_int_equal(counters.waiting, 0);
	assert_int_equal(counters.dropped, 0);
}

static void what_is_no_event_is_dropped(void **state)
{
	struct watched *watched = *state;
	struct adapter_counters counters;
	struct mqtt_message message = {.topic = STR("clm/clusters"), .payload = STR("hello")};
	wait_for_subscription(watched);
	assert_int_equal(mqtt_publish(watched->mqtt, &message, NULL), 0);
	publish(watched, "{\"kind\":\"Cluster\"}");
	int64_t end_us = clock_monotonic_us() + WAIT_US;
	do {
		usleep(20000);
		adapter_count(watched->adapter, &counters);
	} while (counters.dropped < 2 && clock_monotonic_us() < end_us);
	assert_int_equal(counters.dropped, 2);
}

static void a_wrong_file_or_a_missing_variable_ends_the_start(void **state)
{
	struct adapter *adapter = NULL;
	char path[] = "/tmp/reeve-task-XXXXXX";
	static const char task[] = "params: [{name: a, source: env.NOPE, required: true}]\n";
	struct adapter_config config = {.config_file = "/nowhere.yaml",
		.task_file = path,
		.broker_host = "127.0.0.1",
		.broker_port = 1};
	struct error err = {0};
	int fd = mkstemp(path);
	assert_int_equal(write(fd, task, sizeof(task) - 1), sizeof(task) - 1);
	close(fd);
	assert_int_equal(adapter_start(&adapter, &config, &err), -1);
	assert_string_equal(err.message, "there is no file /nowhere.yaml");
	config.config_file = FOLDER "/adapter-config.yaml";
	assert_int_equal(adapter_start(&adapter, &config, &err), -1);
	assert_non_null(strstr(err.message, "needs the environment variable NOPE"));
	assert_null(adapter);
	unlink(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_event_runs_the_task),
		TEST(a_status_of_the_bundle_runs_the_task_again),
		TEST(what_changed_while_away_is_repaired_at_the_start),
		TEST(events_wait_while_the_adapter_is_away),
		TEST(a_failed_execution_is_tried_again),
		TEST(what_is_no_event_is_dropped),
		cmocka_unit_test(a_wrong_file_or_a_missing_variable_ends_the_start),
	};
	if (!broker_is_installed())
		return 77; /* skipped */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
