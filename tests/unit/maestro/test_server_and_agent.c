/*
 * test_server_and_agent.c - Maestro's two halves on one broker, and what may happen to each of
 * them: whatever does, both sides agree in the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../net/broker.h"
#include "../postgres_test.h"
#include "base/clock.h"
#include "kube_peer.h"
#include "maestro/agent.h"
#include "maestro/maestro.h"
#include "net/http_client.h"

#define BUNDLES 40
#define PATIENCE_US (60 * CLOCK_US_PER_S)
#define API "/api/maestro/v1"
#define STORE_NAME "server"

struct region {
	struct broker broker;
	struct kube_peer *kube;
	struct maestro *server;
	struct agent *agent;
	struct http_client *client;
	struct arena *arena;
	char folder[64];
	char ids[BUNDLES][40];
};

static void start_server(struct region *region)
{
	struct error err;
	char url[192], base[64];
	test_store_url(url, sizeof(url), region->folder, STORE_NAME);
	struct maestro_config config = {.store_url = url,
		.broker_host = "127.0.0.1",
		.broker_port = region->broker.port,
		.subscription = "statussubscribers"};
	if (maestro_start(&region->server, &config, &err) < 0)
		fail_msg("%s", err.message);
	snprintf(base, sizeof(base), "http://127.0.0.1:%u", maestro_port(region->server));
	struct http_client_config client = {.base_url = base};
	assert_int_equal(http_client_new(&region->client, &client, &err), 0);
}

static void stop_server(struct region *region)
{
	http_client_free(region->client);
	maestro_stop(region->server);
}

static void remove_store(const struct region *region)
{
	assert_true(test_store_wipe(region->folder, STORE_NAME));
}

static void start_agent(struct region *region)
{
	struct error err;
	struct agent_config config = {.consumer_name = "mc-1",
		.kubeconfig = kube_peer_config(region->kube),
		.broker_host = "127.0.0.1",
		.broker_port = region->broker.port};
	if (agent_start(&region->agent, &config, &err) < 0)
		fail_msg("%s", err.message);
}

/* The status of the answer; its document in ret (NULL accepted). */
static int call(struct region *region, const char *method, const char *path, struct str body,
	struct json **ret)
{
	struct http_call request = {.method = method, .path = str_of(path), .body = body};
	struct http_answer answer = {0};
	struct json *document = NULL;
	struct error err;
	arena_reset(region->arena);
	if (http_client_call(region->client, region->arena, &request, &answer, &err) < 0)
		fail_msg("%s", err.message);
	if (answer.body.len > 0)
		(void)json_parse(region->arena, answer.body, NULL, &document, NULL);
	if (ret)
		*ret = document;
	return answer.status;
}

static void register_consumer(struct region *region)
{
	assert_int_equal(
		call(region, "POST", API "/consumers", STR("{\"name\":\"mc-1\"}"), NULL), 201);
}

static struct str bundle_body(char out[1024], int number, int value)
{
	int len = snprintf(out, 1024,
		"{\"consumer_name\":\"mc-1\",\"metadata\":{\"name\":\"b-%d\"},\"manifests\":[{"
		"\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"m%d\","
		"\"namespace\":\"ns-a\"},\"data\":{\"k\":\"%d\"}}],\"manifest_configs\":[{"
		"\"resourceIdentifier\":{\"group\":\"\",\"resource\":\"configmaps\",\"namespace\":"
		"\"*\",\"name\":\"*\"},\"updateStrategy\":{\"type\":\"ServerSideApply\"}}]}",
		number, number, value);
	return str_n(out, (size_t)len);
}

static void create_all(struct region *region, int value)
{
	for (int i = 0; i < BUNDLES; i++) {
		char body[1024];
		struct json *bundle;
		int status = call(region, "POST", API "/resource-bundles",
			bundle_body(body, i, value), &bundle);
		assert_int_equal(status, 201);
		struct str id = json_get_text(bundle, "id");
		snprintf(region->ids[i], sizeof(region->ids[i]), "%.*s", STR_A(id));
	}
}

static void update_all(struct region *region, int value)
{
	for (int i = 0; i < BUNDLES; i++) {
		char body[1024], path[128], patch[1024];
		bundle_body(body, i, value);
		/* Only manifests may be among what is patched here. */
		char *manifests = strstr(body, "\"manifests\"");
		snprintf(patch, sizeof(patch), "{%s", manifests);
		snprintf(path, sizeof(path), API "/resource-bundles/%s", region->ids[i]);
		assert_int_equal(call(region, "PATCH", path, str_of(patch), NULL), 200);
	}
}

static void delete_all(struct region *region)
{
	for (int i = 0; i < BUNDLES; i++) {
		char path[128];
		snprintf(path, sizeof(path), API "/resource-bundles/%s", region->ids[i]);
		assert_int_equal(call(region, "DELETE", path, STR_NULL, NULL), 204);
	}
}

/* Whether the server knows the bundle's newest version to be applied, and it is so on the cluster.
 */
static bool is_converged(struct region *region, int number, int value)
{
	char path[128], wanted[32];
	struct json *bundle, *each;
	snprintf(path, sizeof(path), API "/resource-bundles/%s", region->ids[number]);
	if (call(region, "GET", path, STR_NULL, &bundle) != 200)
		return false;
	const struct json *status = json_get(bundle, "status");
	bool is_available = false;
	json_for_each (json_get(status, "conditions"), i, each) {
		if (str_eq_c(json_get_text(each, "type"), "Available") &&
			json_int(json_get(each, "observedGeneration"), 0) ==
				json_int(json_get(bundle, "version"), -1))
			is_available = str_eq_c(json_get_text(each, "status"), "True");
	}
	snprintf(path, sizeof(path), "/api/v1/namespaces/ns-a/configmaps/m%d", number);
	snprintf(wanted, sizeof(wanted), "\"k\":\"%d\"", value);
	char *object = kube_peer_get(region->kube, path);
	bool has_value = object && strstr(object, wanted);
	free(object);
	return is_available && has_value;
}

static bool is_gone(struct region *region, int number, int value)
{
	char path[128];
	snprintf(path, sizeof(path), API "/resource-bundles/%s", region->ids[number]);
	if (call(region, "GET", path, STR_NULL, NULL) != 404)
		return false;
	snprintf(path, sizeof(path), "/api/v1/namespaces/ns-a/configmaps/m%d", number);
	char *object = kube_peer_get(region->kube, path);
	free(object);
	return object == NULL;
}

static void await_all(struct region *region, bool (*is_done)(struct region *, int, int), int value)
{
	int64_t until = clock_monotonic_us() + PATIENCE_US;
	for (int i = 0; i < BUNDLES; i++) {
		while (!is_done(region, i, value)) {
			if (clock_monotonic_us() > until)
				fail_msg("bundle %d (%s), value %d", i, region->ids[i], value);
			usleep(5000);
		}
	}
}

static int setup(void **state)
{
	struct region *region = calloc(1, sizeof(*region));
	if (!broker_is_installed())
		fail_msg("mosquitto is not installed");
	broker_start(&region->broker, "set_tcp_nodelay true\n");
	region->kube = kube_peer_start();
	region->arena = arena_new(0);
	snprintf(region->folder, sizeof(region->folder), "/tmp/reeve-maestro-XXXXXX");
	assert_non_null(mkdtemp(region->folder));
	remove_store(region);
	start_server(region);
	register_consumer(region);
	start_agent(region);
	*state = region;
	return 0;
}

static int teardown(void **state)
{
	struct region *region = *state;
	char command[128];
	agent_stop(region->agent);
	stop_server(region);
	kube_peer_stop(region->kube);
	broker_stop(&region->broker);
	arena_free(region->arena);
	snprintf(command, sizeof(command), "rm -rf %s", region->folder);
	assert_int_equal(system(command), 0);
	free(region);
	return 0;
}

static void bundles_live_from_create_to_delete(void **state)
{
	struct region *region = *state;
	create_all(region, 1);
	await_all(region, is_converged, 1);
	update_all(region, 2);
	await_all(region, is_converged, 2);
	delete_all(region);
	await_all(region, is_gone, 0);
}

static void changes_without_a_broker_are_made_up_for(void **state)
{
	struct region *region = *state;
	create_all(region, 1);
	broker_kill(&region->broker);
	update_all(region, 2);
	broker_again(&region->broker);
	await_all(region, is_converged, 2);
	delete_all(region);
	broker_kill(&region->broker);
	broker_again(&region->broker);
	await_all(region, is_gone, 0);
}

static void changes_without_an_agent_are_made_up_for(void **state)
{
	struct region *region = *state;
	create_all(region, 1);
	agent_stop(region->agent);
	update_all(region, 2);
	start_agent(region);
	await_all(region, is_converged, 2);
	agent_stop(region->agent);
	delete_all(region);
	start_agent(region);
	await_all(region, is_gone, 0);
}

static void statuses_without_a_server_are_made_up_for(void **state)
{
	struct region *region = *state;
	create_all(region, 1);
	stop_server(region);
	usleep(300000);
	start_server(region);
	await_all(region, is_converged, 1);
}

static void a_server_without_its_database_loses_no_workload(void **state)
{
	struct region *region = *state;
	create_all(region, 1);
	update_all(region, 2);
	await_all(region, is_converged, 2);
	stop_server(region);
	remove_store(region);
	start_server(region);
	register_consumer(region);
	usleep(1500000);
	for (int i = 0; i < BUNDLES; i++) {
		char path[128];
		snprintf(path, sizeof(path), "/api/v1/namespaces/ns-a/configmaps/m%d", i);
		char *object = kube_peer_get(region->kube, path);
		assert_non_null(object);
		free(object);
	}
	/* The source writes its bundles again; the agent's versions are ahead by now. */
	create_all(region, 3);
	await_all(region, is_converged, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(bundles_live_from_create_to_delete),
		TEST(changes_without_a_broker_are_made_up_for),
		TEST(changes_without_an_agent_are_made_up_for),
		TEST(statuses_without_a_server_are_made_up_for),
		TEST(a_server_without_its_database_loses_no_workload),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
