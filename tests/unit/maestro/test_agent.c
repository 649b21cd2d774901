/*
 * test_agent.c - the agent between a real broker and a Kubernetes API, from the server's side.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../net/broker.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/id.h"
#include "kube_peer.h"
#include "maestro/agent.h"
#include "maestro/agent_spec.h"
#include "net/cloudevent.h"

#define ID "b36c830b-4868-5d1f-908a-e8e9d0428f29"
#define CM_A "/api/v1/namespaces/ns-a/configmaps/a"
#define CM_B "/api/v1/namespaces/ns-a/configmaps/b"
#define HC "/apis/hypershift.openshift.io/v1beta1/namespaces/ns-a/hostedclusters/c"
#define MAX_EVENTS 4096
#define PATIENCE_US INT64_C(30000000)
#define QUIET_US 400000

/* One event that the agent sent. */
struct sent {
	char action[64];
	char id[64], version[16], source[32], hash[HASH_SHA256_HEX_SIZE];
	int64_t sequence;
	char *data;
};

struct fixture {
	struct broker broker;
	struct kube_peer *kube;
	struct agent *agent;
	struct mqtt *server;
	pthread_mutex_t mutex; /* sent, count */
	struct sent sent[MAX_EVENTS];
	size_t count;
	size_t seen; /* by the test */
};

static void copy(char *out, size_t size, struct str text)
{
	snprintf(out, size, "%.*s", STR_A(text));
}

static void on_message(void *context, struct arena *arena, const struct mqtt_message *message)
{
	struct fixture *fixture = context;
	struct cloudevent event;
	struct error err;
	assert_int_equal(cloudevent_from_mqtt(arena, message, &event, &err), 0);
	LOCK_SCOPE(&fixture->mutex);
	assert_true(fixture->count < MAX_EVENTS);
	struct sent *sent = &fixture->sent[fixture->count++];
	copy(sent->action, sizeof(sent->action),
		str_slice(event.type, sizeof(AGENT_DATA_TYPE), event.type.len));
	copy(sent->id, sizeof(sent->id), cloudevent_extension(&event, "resourceid"));
	copy(sent->version, sizeof(sent->version), cloudevent_extension(&event, "resourceversion"));
	copy(sent->source, sizeof(sent->source), cloudevent_extension(&event, "originalsource"));
	copy(sent->hash, sizeof(sent->hash), cloudevent_extension(&event, "statushash"));
	str_to_int64(cloudevent_extension(&event, "sequenceid"), &sent->sequence);
	sent->data = strndup(event.data.ptr ? event.data.ptr : "", event.data.len);
}

/* The next event of the action, within PATIENCE_US; fails otherwise. */
static struct sent *await(struct fixture *fixture, const char *action)
{
	int64_t until = clock_monotonic_us() + PATIENCE_US;
	while (clock_monotonic_us() < until) {
		pthread_mutex_lock(&fixture->mutex);
		while (fixture->seen < fixture->count) {
			struct sent *sent = &fixture->sent[fixture->seen++];
			if (strcmp(sent->action, action) != 0)
				continue;
			pthread_mutex_unlock(&fixture->mutex);
			return sent;
		}
		pthread_mutex_unlock(&fixture->mutex);
		usleep(2000);
	}
	fail_msg("no %s came", action);
	return NULL;
}

static struct sent *await_status(struct fixture *fixture)
{
	return await(fixture, "status.update_request");
}

/* Waits for a status that has the text in it. */
static struct sent *await_status_with(struct fixture *fixture, const char *text)
{
	for (;;) {
		struct sent *sent = await_status(fixture);
		if (strstr(sent->data, text))
			return sent;
	}
}

static void expect_silence(struct fixture *fixture)
{
	usleep(QUIET_US);
	LOCK_SCOPE(&fixture->mutex);
	for (; fixture->seen < fixture->count; fixture->seen++) {
		const struct sent *sent = &fixture->sent[fixture->seen];
		if (strcmp(sent->action, "spec.resync_request") != 0)
			fail_msg("%s: %s", sent->action, sent->data);
	}
}

static void start_agent(struct fixture *fixture)
{
	struct error err;
	struct agent_config config = {.consumer_name = "mc-1",
		.kubeconfig = kube_peer_config(fixture->kube),
		.broker_host = "127.0.0.1",
		.broker_port = fixture->broker.port,
		.log = getenv("AGENT_LOG") ? log_new(2, LOG_FORMAT_HUMAN, LOG_LEVEL_DEBUG) : NULL};
	if (agent_start(&fixture->agent, &config, &err) < 0)
		fail_msg("%s", err.message);
	struct sent *resync = await(fixture, "spec.resync_request");
	assert_string_equal(resync->data, "{\"resourceVersions\":[]}");
	assert_string_equal(resync->source, "");
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct error err;
	if (!broker_is_installed())
		fail_msg("mosquitto is not installed");
	pthread_mutex_init(&fixture->mutex, NULL);
	broker_start(&fixture->broker, "set_tcp_nodelay true\n");
	fixture->kube = kube_peer_start();
	struct mqtt_config config = {.host = "127.0.0.1",
		.port = fixture->broker.port,
		.client_id = "maestro",
		.filter = "sources/maestro/consumers/+/agentevents",
		.on_message = on_message,
		.context = fixture};
	if (mqtt_start(&fixture->server, &config, &err) < 0 ||
		mqtt_wait_ready(fixture->server, PATIENCE_US, &err) < 0)
		fail_msg("%s", err.message);
	start_agent(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	agent_stop(fixture->agent);
	mqtt_stop(fixture->server);
	kube_peer_stop(fixture->kube);
	broker_stop(&fixture->broker);
	for (size_t i = 0; i < fixture->count; i++)
		free(fixture->sent[i].data);
	pthread_mutex_destroy(&fixture->mutex);
	free(fixture);
	return 0;
}

/* --- what the server sends ----------------------------------------------------------------- */

#define SSA(group, resource)                                                        \
	"{\"resourceIdentifier\":{\"group\":\"" group "\",\"resource\":\"" resource \
	"\",\"namespace\":\"*\",\"name\":\"*\"},\"updateStrategy\":{\"type\":\"ServerSideApply\"}"
#define CONFIG_MAP(name, value)                                                        \
	"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"" name \
	"\",\"namespace\":\"ns-a\"},\"data\":{\"k\":\"" value "\"}}"
#define HOSTED_CLUSTER                                                                           \
	"{\"apiVersion\":\"hypershift.openshift.io/v1beta1\",\"kind\":\"HostedCluster\","        \
	"\"metadata\":{\"name\":\"c\",\"namespace\":\"ns-a\"},\"spec\":{\"release\":{\"image\":" \
	"\"i\"}}}"
#define HC_CONFIG                                                                             \
	SSA("hypershift.openshift.io", "hostedclusters")                                      \
	",\"feedbackRules\":[{\"type\":\"JSONPaths\",\"jsonPaths\":[{\"name\":\"available\"," \
	"\"path\":\".status.conditions[?(@.type==\\\"Available\\\")].status\"}]}]}"
#define BUNDLE(manifests)            \
	"{\"manifests\":[" manifests \
	"],\"manifestConfigs\":[" SSA("", "configmaps") "}," HC_CONFIG "]}"

static void publish(struct fixture *fixture, const struct cloudevent *event)
{
	struct arena *arena = arena_new(0);
	struct mqtt_message message;
	struct error err;
	assert_int_equal(cloudevent_to_mqtt_binary(arena, event, &message, &err), 0);
	message.topic = STR("sources/maestro/consumers/mc-1/sourceevents");
	if (mqtt_publish(fixture->server, &message, &err) < 0)
		fail_msg("%s", err.message);
	arena_free(arena);
}

static void send_spec(struct fixture *fixture, const char *action, const char *id, int version,
	const char *bundle)
{
	char type[128], number[16], metadata[256];
	snprintf(type, sizeof(type), AGENT_DATA_TYPE ".spec.%s", action);
	snprintf(number, sizeof(number), "%d", version);
	snprintf(metadata, sizeof(metadata), "{\"name\":\"%s\",\"labels\":{\"app\":\"demo\"}}", id);
	struct cloudevent event = {.id = STR("e"),
		.source = STR("maestro"),
		.type = str_of(type),
		.datacontenttype = bundle ? STR("application/json") : STR_NULL,
		.data = str_of(bundle)};
	cloudevent_set_extension(&event, STR("resourceid"), str_of(id));
	cloudevent_set_extension(&event, STR("resourceversion"), str_of(number));
	cloudevent_set_extension(&event, STR("clustername"), STR("mc-1"));
	cloudevent_set_extension(&event, STR("originalsource"), STR(""));
	if (bundle)
		cloudevent_set_extension(&event, STR("metadata"), str_of(metadata));
	if (strcmp(action, "delete_request") == 0 || !bundle)
		cloudevent_set_extension(
			&event, STR("deletiontimestamp"), STR("2026-01-02T03:09:05Z"));
	publish(fixture, &event);
}

static void send_status_resync(struct fixture *fixture, const char *payload)
{
	struct cloudevent event = {.id = STR("e"),
		.source = STR("maestro"),
		.type = STR(AGENT_DATA_TYPE ".status.resync_request"),
		.datacontenttype = STR("application/json"),
		.data = str_of(payload)};
	cloudevent_set_extension(&event, STR("clustername"), STR("mc-1"));
	publish(fixture, &event);
}

static char *owner_path(const struct fixture *fixture, const char *id)
{
	char broker[32], hash[HASH_SHA256_HEX_SIZE], *path = NULL;
	snprintf(broker, sizeof(broker), "127.0.0.1:%u", fixture->broker.port);
	hash_sha256_hex(str_of(broker), hash);
	assert_true(asprintf(&path,
			    "/apis/work.open-cluster-management.io/v1/appliedmanifestworks/%s-%s",
			    hash, id) > 0);
	return path;
}

static bool exists(struct fixture *fixture, const char *path)
{
	char *text = kube_peer_get(fixture->kube, path);
	free(text);
	return text != NULL;
}

/* Waits until the object has (or, `is_wanted` false, has not) the text; an absent one has none. */
static void await_object(
	struct fixture *fixture, const char *path, const char *part, bool is_wanted)
{
	int64_t until = clock_monotonic_us() + PATIENCE_US;
	while (clock_monotonic_us() < until) {
		char *text = kube_peer_get(fixture->kube, path);
		bool has = text && strstr(text, part);
		free(text);
		if (has == is_wanted)
			return;
		usleep(2000);
	}
	fail_msg("%s: %s", path, part);
}

static struct agent_counters counters(struct fixture *fixture)
{
	struct agent_counters all;
	agent_count(fixture->agent, &all);
	return all;
}

/* --- tests --------------------------------------------------------------------------------- */

static void a_bundle_is_applied_and_reported_in_one_message(void **state)
{
	struct fixture *fixture = *state;
	send_spec(
		fixture, "create_request", ID, 1, BUNDLE(CONFIG_MAP("a", "1") "," HOSTED_CLUSTER));
	struct sent *sent = await_status(fixture);
	assert_string_equal(sent->id, ID);
	assert_string_equal(sent->version, "1");
	assert_string_equal(sent->source, "maestro");
	assert_non_null(strstr(sent->data, "\"AppliedManifestWorkComplete\""));
	assert_non_null(strstr(sent->data, "\"ResourcesAvailable\""));
	assert_non_null(strstr(sent->data, "\"resource\":\"hostedclusters\""));
	assert_non_null(strstr(sent->data, "\"observedGeneration\":1"));
	char *path = owner_path(fixture, ID);
	await_object(fixture, path, "\"appliedResources\"", true);
	char *owner = kube_peer_get(fixture->kube, path);
	assert_non_null(
		strstr(owner, "cluster.open-cluster-management.io/applied-manifest-work-cleanup"));
	assert_non_null(strstr(owner, "\"manifestWorkName\":\"" ID "\""));
	assert_non_null(strstr(owner, "\"app\":\"demo\""));
	await_object(fixture, CM_A, "\"kind\":\"AppliedManifestWork\"", true);
	free(owner);
	free(path);
	expect_silence(fixture);
	/* Create and record the owner, apply two manifests, and nothing else. */
	assert_int_equal(kube_peer_requests(fixture->kube, "POST"), 1);
	assert_int_equal(kube_peer_requests(fixture->kube, "PATCH"), 3);
	assert_int_equal(kube_peer_requests(fixture->kube, NULL), 4);
}

static void an_equal_or_older_spec_moves_nothing(void **state)
{
	struct fixture *fixture = *state;
	const char *bundle = BUNDLE(CONFIG_MAP("a", "1"));
	send_spec(fixture, "create_request", ID, 2, bundle);
	await_status(fixture);
	expect_silence(fixture);
	unsigned requests = kube_peer_requests(fixture->kube, NULL);
	send_spec(fixture, "resync_response", ID, 2, bundle);
	send_spec(fixture, "update_request", ID, 1, BUNDLE(CONFIG_MAP("a", "old")));
	expect_silence(fixture);
	assert_int_equal(kube_peer_requests(fixture->kube, NULL), requests);
	assert_int_equal(counters(fixture).stale, 1);
	await_object(fixture, CM_A, "\"k\":\"1\"", true);
}

static void feedback_follows_the_object_without_being_asked(void **state)
{
	struct fixture *fixture = *state;
	send_spec(fixture, "create_request", ID, 1, BUNDLE(HOSTED_CLUSTER));
	await_status(fixture);
	expect_silence(fixture);
	unsigned requests = kube_peer_requests(fixture->kube, NULL);
	kube_peer_patch(fixture->kube, HC,
		"{\"status\":{\"conditions\":[{\"type\":\"Available\",\"status\":\"True\"}]}}");
	struct sent *sent = await_status(fixture);
	assert_non_null(strstr(sent->data,
		"{\"name\":\"available\",\"fieldValue\":{\"type\":\"String\",\"string\":\"True\"}"
		"}"));
	/* A change that no rule reads is nobody's news. */
	kube_peer_patch(fixture->kube, HC, "{\"status\":{\"other\":1}}");
	expect_silence(fixture);
	assert_int_equal(kube_peer_requests(fixture->kube, NULL), requests);
}

static void drift_is_repaired_at_once(void **state)
{
	struct fixture *fixture = *state;
	send_spec(fixture, "create_request", ID, 1, BUNDLE(CONFIG_MAP("a", "1")));
	await_status(fixture);
	expect_silence(fixture);
	kube_peer_patch(fixture->kube, CM_A, "{\"data\":{\"k\":\"wrong\"}}");
	await_object(fixture, CM_A, "\"k\":\"1\"", true);
	/* What the manifest does not mention is free. */
	kube_peer_patch(fixture->kube, CM_A, "{\"data\":{\"other\":\"x\"}}");
	expect_silence(fixture);
	assert_int_equal(counters(fixture).repaired, 1);
	kube_peer_delete(fixture->kube, CM_A);
	await_object(fixture, CM_A, "\"k\":\"1\"", true);
	/* It was away for less than a turn, which is no news. */
	expect_silence(fixture);
}

static void a_fight_over_an_object_slows_down(void **state)
{
	struct fixture *fixture = *state;
	send_spec(fixture, "create_request", ID, 1, BUNDLE(CONFIG_MAP("a", "1")));
	await_status(fixture);
	int64_t until = clock_monotonic_us() + 2 * CLOCK_US_PER_S;
	unsigned fights = 0;
	while (clock_monotonic_us() < until) {
		char patch[64];
		snprintf(patch, sizeof(patch), "{\"data\":{\"k\":\"wrong %u\"}}", fights++);
		kube_peer_patch(fixture->kube, CM_A, patch);
		usleep(5000);
	}
	assert_true(fights > 100);
	/* Three at once, and then after waits of half a second and more. */
	assert_in_range(kube_peer_requests(fixture->kube, "PATCH"), 4, 12);
	await_object(fixture, CM_A, "\"k\":\"1\"", true);
}

static void what_leaves_the_spec_leaves_the_cluster(void **state)
{
	struct fixture *fixture = *state;
	char *path = owner_path(fixture, ID);
	send_spec(fixture, "create_request", ID, 1,
		BUNDLE(CONFIG_MAP("a", "1") "," CONFIG_MAP("b", "1")));
	await_status(fixture);
	await_object(fixture, path, "\"name\":\"b\"", true);
	send_spec(fixture, "update_request", ID, 2, BUNDLE(CONFIG_MAP("a", "2")));
	struct sent *sent = await_status_with(fixture, "\"observedGeneration\":2");
	assert_null(strstr(sent->data, "\"name\":\"b\""));
	await_object(fixture, CM_B, "b", false);
	await_object(fixture, path, "\"name\":\"b\"", false);
	await_object(fixture, CM_A, "\"k\":\"2\"", true);
	free(path);
}

static void a_deletion_removes_all_and_is_acknowledged(void **state)
{
	struct fixture *fixture = *state;
	char *path = owner_path(fixture, ID);
	const char *bundle = BUNDLE(CONFIG_MAP("a", "1") "," HOSTED_CLUSTER);
	send_spec(fixture, "create_request", ID, 1, bundle);
	await_status(fixture);
	await_object(fixture, path, "\"appliedResources\"", true);
	/* HyperShift holds its object until it has taken it down. */
	kube_peer_patch(fixture->kube, HC, "{\"metadata\":{\"finalizers\":[\"hypershift\"]}}");
	send_spec(fixture, "delete_request", ID, 1, bundle);
	struct sent *sent = await_status_with(fixture, "\"WorkDeleting\"");
	assert_null(strstr(sent->data, "\"Deleted\""));
	await_object(fixture, CM_A, "a", false);
	await_object(fixture, HC, "deletionTimestamp", true);
	expect_silence(fixture);
	assert_int_equal(counters(fixture).works, 1);
	kube_peer_patch(fixture->kube, HC, "{\"metadata\":{\"finalizers\":null}}");
	sent = await_status_with(fixture, "\"Deleted\"");
	assert_non_null(strstr(sent->data, "The manifests are deleted from the cluster mc-1"));
	assert_false(exists(fixture, HC));
	assert_false(exists(fixture, path));
	for (int i = 0; i < 500 && counters(fixture).works > 0; i++)
		usleep(2000);
	assert_int_equal(counters(fixture).works, 0);
	free(path);
}

static void an_unknown_bundle_that_must_go_is_cleaned_up(void **state)
{
	struct fixture *fixture = *state;
	char *path = owner_path(fixture, ID);
	const char *bundle = BUNDLE(CONFIG_MAP("a", "1"));
	send_spec(fixture, "create_request", ID, 1, bundle);
	await_status(fixture);
	await_object(fixture, path, "\"appliedResources\"", true);
	agent_stop(fixture->agent);
	start_agent(fixture);
	assert_true(exists(fixture, CM_A));
	send_spec(fixture, "delete_request", ID, 1, bundle);
	await_status_with(fixture, "\"Deleted\"");
	assert_false(exists(fixture, CM_A));
	assert_false(exists(fixture, path));
	free(path);
}

static void a_server_that_forgot_removes_nothing(void **state)
{
	struct fixture *fixture = *state;
	send_spec(fixture, "create_request", ID, 1, BUNDLE(CONFIG_MAP("a", "1")));
	await_status(fixture);
	send_spec(fixture, "resync_response", ID, 1, NULL);
	expect_silence(fixture);
	assert_true(exists(fixture, CM_A));
	assert_int_equal(counters(fixture).refused_stubs, 1);
}

static void shared_and_orphaned_objects_survive(void **state)
{
	struct fixture *fixture = *state;
	static const char *const other = "c36c830b-4868-5d1f-908a-e8e9d0428f29";
	const char *orphaned =
		"{\"manifests\":[" CONFIG_MAP("b", "1") "],\"deleteOption\":{\"propagationPolicy\":"
							"\"Orphan\"}}";
	const char *shared = "{\"manifests\":[" CONFIG_MAP("a", "1") "]}";
	send_spec(fixture, "create_request", ID, 1, shared);
	await_status(fixture);
	send_spec(fixture, "create_request", other, 1, shared);
	await_status(fixture);
	await_object(fixture, CM_A, other, true);
	send_spec(fixture, "delete_request", ID, 1, shared);
	await_status_with(fixture, "\"Deleted\"");
	await_object(fixture, CM_A, "-" ID, false);
	await_object(fixture, CM_A, other, true);
	send_spec(fixture, "create_request", ID, 1, orphaned);
	await_status_with(fixture, "\"ResourcesAvailable\"");
	char *path = owner_path(fixture, ID);
	await_object(fixture, path, "\"appliedResources\"", true);
	free(path);
	send_spec(fixture, "delete_request", ID, 1, orphaned);
	await_status_with(fixture, "\"Deleted\"");
	assert_true(exists(fixture, CM_B));
}

static void statuses_are_sent_again_when_the_server_asks(void **state)
{
	struct fixture *fixture = *state;
	char payload[256];
	send_spec(fixture, "create_request", ID, 1, BUNDLE(CONFIG_MAP("a", "1")));
	struct sent *first = await_status(fixture);
	expect_silence(fixture);
	snprintf(payload, sizeof(payload),
		"{\"statusHashes\":[{\"resourceID\":\"%s\",\"statusHash\":\"%s\"},"
		"{\"resourceID\":\"unknown\",\"statusHash\":\"x\"}]}",
		ID, first->hash);
	send_status_resync(fixture, payload);
	expect_silence(fixture);
	send_status_resync(fixture,
		"{\"statusHashes\":[{\"resourceID\":\"" ID "\",\"statusHash\":\"other\"}]}");
	struct sent *again = await(fixture, "status.resync_response");
	assert_string_equal(again->data, first->data);
	assert_string_equal(again->hash, first->hash);
	assert_true(again->sequence > first->sequence);
	send_status_resync(fixture, "{\"statusHashes\":[]}");
	await(fixture, "status.resync_response");
}

static void what_happened_without_a_broker_is_told_afterwards(void **state)
{
	struct fixture *fixture = *state;
	send_spec(fixture, "create_request", ID, 3, BUNDLE(HOSTED_CLUSTER));
	await_status(fixture);
	expect_silence(fixture);
	broker_kill(&fixture->broker);
	usleep(100000);
	kube_peer_patch(fixture->kube, HC,
		"{\"status\":{\"conditions\":[{\"type\":\"Available\",\"status\":\"False\"}]}}");
	usleep(200000);
	broker_again(&fixture->broker);
	/* Whoever reconnects first, the server has asked for statuses by its own resync. */
	struct error err;
	assert_int_equal(mqtt_wait_ready(fixture->server, PATIENCE_US, &err), 0);
	for (int i = 0; i < 500 && counters(fixture).published < 2; i++)
		usleep(20000);
	send_status_resync(fixture, "{\"statusHashes\":[]}");
	struct sent *sent = await(fixture, "status.resync_response");
	assert_non_null(strstr(sent->data, "\"string\":\"False\""));
}

static void a_server_that_comes_back_is_told_what_is_known(void **state)
{
	struct fixture *fixture = *state;
	send_spec(fixture, "create_request", ID, 3, BUNDLE(CONFIG_MAP("a", "1")));
	await_status(fixture);
	broker_kill(&fixture->broker);
	broker_again(&fixture->broker);
	assert_int_equal(mqtt_wait_ready(fixture->server, PATIENCE_US, NULL), 0);
	/* The agent connects in its own time; a server asks again when it sees nothing. */
	for (int tries = 0; tries < 100; tries++) {
		send_status_resync(fixture, "{\"statusHashes\":[]}");
		usleep(100000);
		pthread_mutex_lock(&fixture->mutex);
		struct sent *last = NULL;
		for (size_t i = fixture->seen; i < fixture->count; i++) {
			if (strcmp(fixture->sent[i].action, "spec.resync_request") == 0)
				last = &fixture->sent[i];
		}
		pthread_mutex_unlock(&fixture->mutex);
		if (!last)
			continue;
		assert_string_equal(last->data, "{\"resourceVersions\":[{\"resourceID\":\"" ID
						"\",\"resourceVersion\":3}]}");
		return;
	}
	fail_msg("no resync request");
}

static void a_kind_that_comes_later_is_applied_then(void **state)
{
	struct fixture *fixture = *state;
	send_spec(fixture, "create_request", ID, 1,
		"{\"manifests\":[{\"apiVersion\":\"example.com/v1\",\"kind\":\"Widget\","
		"\"metadata\":{\"name\":\"w\",\"namespace\":\"ns-a\"}}," CONFIG_MAP("a", "1") "]}");
	struct sent *sent = await_status(fixture);
	assert_non_null(strstr(sent->data,
		"Failed to apply manifest: the server doesn't have a resource type "
		"\\\"Widget\\\""));
	assert_non_null(strstr(sent->data, "\"AppliedManifestWorkFailed\""));
	assert_true(exists(fixture, CM_A));
	kube_peer_define_widgets(fixture->kube, true);
	await_status_with(fixture, "\"AppliedManifestWorkComplete\"");
}

static void a_bundle_that_is_half_applied_goes_whole(void **state)
{
	struct fixture *fixture = *state;
	const char *bundle =
		"{\"manifests\":[{\"apiVersion\":\"example.com/v1\",\"kind\":\"Widget\","
		"\"metadata\":{\"name\":\"w\",\"namespace\":\"ns-a\"}}," CONFIG_MAP("a", "1") "]}";
	send_spec(fixture, "create_request", ID, 1, bundle);
	await_status_with(fixture, "\"AppliedManifestWorkFailed\"");
	char *path = owner_path(fixture, ID);
	await_object(fixture, path, "\"appliedResources\"", true);
	send_spec(fixture, "delete_request", ID, 1, bundle);
	await_status_with(fixture, "\"Deleted\"");
	assert_false(exists(fixture, CM_A));
	assert_false(exists(fixture, path));
	free(path);
}

static void a_cluster_that_fails_is_tried_until_it_works(void **state)
{
	struct fixture *fixture = *state;
	send_spec(fixture, "create_request", ID, 1, BUNDLE(CONFIG_MAP("a", "1")));
	await_status(fixture);
	kube_peer_fail(fixture->kube, 500);
	send_spec(fixture, "update_request", ID, 2, BUNDLE(CONFIG_MAP("a", "2")));
	await_status_with(fixture, "Failed to apply manifest: the peer was told to fail");
	kube_peer_fail(fixture->kube, 0);
	await_status_with(fixture, "\"AppliedManifestWorkComplete\"");
	await_object(fixture, CM_A, "\"k\":\"2\"", true);
}

static void strategies_write_what_they_may(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *strategy;
		const char *expected; /* in an object that exists with k=0 and more=x */
	} rows[] = {
		{"Update", "\"data\":{\"k\":\"1\"}"},
		{"CreateOnly", "\"data\":{\"k\":\"0\",\"more\":\"x\"}"},
		{"ReadOnly", "\"data\":{\"k\":\"0\",\"more\":\"x\"}"},
		{"ServerSideApply", "\"data\":{\"k\":\"1\",\"more\":\"x\"}"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char id[64], bundle[1024], path[128];
		snprintf(id, sizeof(id), "bundle-%zu", i);
		snprintf(path, sizeof(path), "/api/v1/namespaces/ns-a/configmaps/s%zu", i);
		snprintf(bundle, sizeof(bundle),
			"{\"manifests\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\""
			":{\"name\":\"s%zu\",\"namespace\":\"ns-a\"},\"data\":{\"k\":\"1\"}}],"
			"\"manifestConfigs\":[{\"resourceIdentifier\":{\"group\":\"\",\"resource\":"
			"\"configmaps\",\"namespace\":\"ns-a\",\"name\":\"s%zu\"},"
			"\"updateStrategy\":{\"type\":\"%s\"}}]}",
			i, i, rows[i].strategy);
		char patch[256];
		snprintf(patch, sizeof(patch),
			"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
			"\"s%zu\"},\"data\":{\"k\":\"0\",\"more\":\"x\"}}",
			i);
		kube_peer_patch(fixture->kube, path, patch);
		send_spec(fixture, "create_request", id, 1, bundle);
		await_status_with(fixture, "\"AppliedManifestWorkComplete\"");
		char *text = kube_peer_get(fixture->kube, path);
		if (!strstr(text, rows[i].expected))
			fail_msg("%s: %s", rows[i].strategy, text);
		bool is_owned = strstr(text, "AppliedManifestWork") != NULL;
		assert_int_equal(is_owned, strcmp(rows[i].strategy, "ReadOnly") != 0);
		free(text);
	}
}

static void malformed_messages_are_dropped_and_counted(void **state)
{
	struct fixture *fixture = *state;
	send_spec(fixture, "create_request", ID, 1, "{\"manifests\":[]}");
	send_spec(fixture, "create_request", "NOT AN ID", 1, BUNDLE(CONFIG_MAP("a", "1")));
	struct mqtt_message message = {.topic = STR("sources/maestro/consumers/mc-1/sourceevents"),
		.payload = STR("\xff\x00nonsense")};
	assert_int_equal(mqtt_publish(fixture->server, &message, NULL), 0);
	send_spec(fixture, "create_request", ID, 1, BUNDLE(CONFIG_MAP("a", "1")));
	await_status(fixture);
	assert_int_equal(counters(fixture).malformed, 3);
	assert_int_equal(counters(fixture).works, 1);
}

#define MANY 100

static void many_bundles_change_and_go_at_once(void **state)
{
	struct fixture *fixture = *state;
	static const char *const actions[] = {"create_request", "update_request", "delete_request"};
	for (int version = 1; version <= 3; version++) {
		for (int i = 0; i < MANY; i++) {
			char id[32], bundle[512];
			snprintf(id, sizeof(id), "many-%d", i);
			snprintf(bundle, sizeof(bundle),
				"{\"manifests\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
				"\"metadata\":{\"name\":\"m%d\",\"namespace\":\"ns-a\"},\"data\":{"
				"\"k\":\"%d\"}}],\"manifestConfigs\":[" SSA("", "configmaps") "}]}",
				i, version);
			send_spec(fixture, actions[version - 1], id, version, bundle);
		}
	}
	for (int i = 0; i < MANY; i++)
		await_status_with(fixture, "\"Deleted\"");
	for (int i = 0; i < MANY; i++) {
		char path[128];
		snprintf(path, sizeof(path), "/api/v1/namespaces/ns-a/configmaps/m%d", i);
		assert_false(exists(fixture, path));
	}
	for (int i = 0; i < 500 && counters(fixture).works > 0; i++)
		usleep(2000);
	assert_int_equal(counters(fixture).works, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_bundle_is_applied_and_reported_in_one_message),
		TEST(an_equal_or_older_spec_moves_nothing),
		TEST(feedback_follows_the_object_without_being_asked),
		TEST(drift_is_repaired_at_once),
		TEST(a_fight_over_an_object_slows_down),
		TEST(what_leaves_the_spec_leaves_the_cluster),
		TEST(a_deletion_removes_all_and_is_acknowledged),
		TEST(an_unknown_bundle_that_must_go_is_cleaned_up),
		TEST(a_server_that_forgot_removes_nothing),
		TEST(shared_and_orphaned_objects_survive),
		TEST(statuses_are_sent_again_when_the_server_asks),
		TEST(what_happened_without_a_broker_is_told_afterwards),
		TEST(a_server_that_comes_back_is_told_what_is_known),
		TEST(a_kind_that_comes_later_is_applied_then),
		TEST(a_bundle_that_is_half_applied_goes_whole),
		TEST(a_cluster_that_fails_is_tried_until_it_works),
		TEST(strategies_write_what_they_may),
		TEST(malformed_messages_are_dropped_and_counted),
		TEST(many_bundles_change_and_go_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
