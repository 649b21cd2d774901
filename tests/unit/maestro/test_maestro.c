/*
 * test_maestro.c - tests src/maestro/maestro.c as a whole: REST on one side, a real broker and an
 * agent played by the test on the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../net/broker.h"
#include "../postgres_test.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "maestro/maestro.h"
#include "maestro/resync.h"
#include "maestro/spec_event.h"
#include "net/http_client.h"

#define WAIT_US (20 * CLOCK_US_PER_S)
#define CONSUMER "mc-1"
#define AGENT_TOPIC "sources/maestro/consumers/mc-1/agentevents"
#define MAX_EVENTS 4096

/* --- the world of a test ---------------------------------------------------------------------- */

/* A spec event or a status resync request that the agent received. */
struct received {
	char type[128];
	char id[40];
	char topic[96];
	int64_t version;
	bool is_deleting;
	bool has_data;
	struct cloudevent event; /* texts in the world's arena */
};

static struct world {
	struct broker broker;
	struct maestro *maestro;
	struct http_client *client;
	struct mqtt *agent;
	struct arena *arena; /* of the test's thread */
	char path[64];
	struct id_snowflake *sequence;

	pthread_mutex_t mutex; /* of what follows */
	struct arena *agent_arena;
	struct received events[MAX_EVENTS];
	size_t event_count;
	bool answers; /* statuses and Deleted by itself */
	atomic_int ready;
} world;

static void send_event(const struct cloudevent *event)
{
	struct arena *arena = arena_new(0);
	struct mqtt_message message;
	struct error err = {0};

	assert_int_equal(cloudevent_to_mqtt_binary(arena, event, &message, &err), 0);
	message.topic = STR(AGENT_TOPIC);
	if (mqtt_publish(world.agent, &message, &err) != 0)
		print_message("agent could not publish: %s\n", err.message);
	arena_free(arena);
}

struct report {
	const char *id;
	int64_t version;
	int64_t sequence; /* 0: the next */
	const char *hash; /* NULL: "hash" */
	const char *data;
	const char *consumer; /* NULL: CONSUMER */
	const char *source;   /* NULL: "maestro" */
	const char *type;     /* NULL: status.update_request */
};

static void send_report(struct report report)
{
	struct arena *arena = arena_new(0);
	struct cloudevent event = {
		.id = STR("e"),
		.source = STR(CONSUMER "-work-agent"),
		.type = arena_printf(arena, SPEC_EVENT_TYPE_PREFIX "%s",
			report.type == NULL ? "status.update_request" : report.type),
		.time = STR("2026-01-02T03:04:06.921082037Z"),
		.datacontenttype = STR("application/json"),
		.data = str_of(report.data),
	};
	int64_t sequence = report.sequence;

	if (sequence == 0)
		sequence = id_snowflake_next(world.sequence, clock_now_us(&clock_system));
	cloudevent_set_extension(&event, STR("resourceid"), str_of(report.id));
	cloudevent_set_extension(&event, STR("resourceversion"),
		arena_printf(arena, "%lld", (long long)report.version));
	cloudevent_set_extension(&event, STR("clustername"),
		str_of(report.consumer == NULL ? CONSUMER : report.consumer));
	cloudevent_set_extension(&event, STR("originalsource"),
		str_of(report.source == NULL ? "maestro" : report.source));
	cloudevent_set_extension(
		&event, STR("sequenceid"), arena_printf(arena, "%lld", (long long)sequence));
	cloudevent_set_extension(
		&event, STR("statushash"), str_of(report.hash == NULL ? "hash" : report.hash));
	cloudevent_set_extension(&event, STR("logtracing"), STR("{}"));
	send_event(&event);
	arena_free(arena);
}

#define APPLIED                                                                             \
	"{\"conditions\":[{\"type\":\"Applied\",\"status\":\"True\",\"reason\":"            \
	"\"AppliedManifestWorkComplete\",\"message\":\"ok\",\"lastTransitionTime\":"        \
	"\"2026-01-02T03:04:06Z\"}],\"resourceStatus\":[{\"resourceMeta\":{\"ordinal\":0}," \
	"\"statusFeedback\":{},\"conditions\":[]}]}"
#define FAILED                                                                          \
	"{\"conditions\":[{\"type\":\"Applied\",\"status\":\"False\",\"reason\":\"x\"," \
	"\"message\":\"no\",\"lastTransitionTime\":\"2026-01-02T03:04:06Z\"}]}"
#define DELETED                                                                  \
	"{\"conditions\":[{\"type\":\"Deleted\",\"status\":\"True\",\"reason\":" \
	"\"ManifestsDeleted\",\"message\":\"gone\",\"lastTransitionTime\":"      \
	"\"2026-01-02T03:04:06Z\"}]}"

static void copy_event(struct arena *arena, struct cloudevent *event)
{
	event->id = arena_str(arena, event->id);
	event->source = arena_str(arena, event->source);
	event->type = arena_str(arena, event->type);
	event->time = arena_str(arena, event->time);
	event->datacontenttype = arena_str(arena, event->datacontenttype);
	event->data = arena_str(arena, event->data);
	for (size_t i = 0; i < event->extension_count; i++) {
		event->extensions[i].name = arena_str(arena, event->extensions[i].name);
		event->extensions[i].value = arena_str(arena, event->extensions[i].value);
	}
}

static void agent_message(void *context, struct arena *arena, const struct mqtt_message *message)
{
	struct received received = {.version = -1};
	struct cloudevent event;
	bool answers;

	if (cloudevent_from_mqtt(arena, message, &event, NULL) != 0)
		return;
	snprintf(received.type, sizeof(received.type), "%" STR_F, STR_A(event.type));
	snprintf(received.topic, sizeof(received.topic), "%" STR_F, STR_A(message->topic));
	snprintf(received.id, sizeof(received.id), "%" STR_F,
		STR_A(cloudevent_extension(&event, "resourceid")));
	str_to_int64(cloudevent_extension(&event, "resourceversion"), &received.version);
	received.is_deleting = !str_is_null(cloudevent_extension(&event, "deletiontimestamp"));
	received.has_data = !str_is_null(event.data);
	pthread_mutex_lock(&world.mutex);
	copy_event(world.agent_arena, &event);
	received.event = event;
	if (world.event_count < MAX_EVENTS)
		world.events[world.event_count++] = received;
	answers = world.answers;
	pthread_mutex_unlock(&world.mutex);
	if (answers && received.id[0] != '\0')
		send_report((struct report){.id = received.id,
			.version = received.version,
			.data = received.is_deleting ? DELETED : APPLIED});
}

static void agent_ready(void *context)
{
	atomic_fetch_add(&world.ready, 1);
}

static void start_maestro(void)
{
	char url[192];
	char base[64];
	struct maestro_config config = {
		.store_url = url,
		.broker_host = "127.0.0.1",
		.broker_port = world.broker.port,
		.subscription = "statussubscribers",
	};
	struct http_client_config client = {.base_url = base};
	struct error err = {0};

	test_store_url(url, sizeof(url), world.path, "maestro");
	if (maestro_start(&world.maestro, &config, &err) != 0)
		fail_msg("maestro_start: %s", err.message);
	snprintf(base, sizeof(base), "http://127.0.0.1:%u", maestro_port(world.maestro));
	http_client_free(world.client);
	assert_int_equal(http_client_new(&world.client, &client, &err), 0);
}

static void start_agent(void)
{
	struct mqtt_config config = {
		.host = "127.0.0.1",
		.port = world.broker.port,
		.client_id = CONSUMER "-work-agent-client",
		.filter = "sources/maestro/consumers/" CONSUMER "/sourceevents",
		.on_message = agent_message,
		.on_ready = agent_ready,
	};
	struct error err;

	assert_int_equal(mqtt_start(&world.agent, &config, &err), 0);
	assert_int_equal(mqtt_wait_ready(world.agent, WAIT_US, &err), 0);
}

static struct json *call(const char *method, const char *path, const char *body, int expected)
{
	struct http_call request = {
		.method = method,
		.path = str_of(path),
		.body = str_of(body),
	};
	struct http_answer answer;
	struct json *document = NULL;
	struct error err = {0};

	if (http_client_call(world.client, world.arena, &request, &answer, &err) != 0)
		fail_msg("%s %s: %s", method, path, err.message);
	if (answer.status != expected)
		fail_msg("%s %s: %d instead of %d: %" STR_F, method, path, answer.status, expected,
			STR_A(answer.body));
	if (answer.body.len > 0)
		assert_int_equal(json_parse(world.arena, answer.body, NULL, &document, &err), 0);
	return document;
}

static int set_up(void **state)
{
	world = (struct world){.answers = false};
	if (!broker_is_installed())
		return 0;
	pthread_mutex_init(&world.mutex, NULL);
	snprintf(world.path, sizeof(world.path), "/tmp/reeve-maestro-XXXXXX");
	assert_non_null(mkdtemp(world.path));
	assert_true(test_store_wipe(world.path, "maestro"));
	world.arena = arena_new(0);
	world.agent_arena = arena_new(0);
	world.sequence = id_snowflake_new(1);
	broker_start(&world.broker, NULL);
	start_maestro();
	call("POST", "/api/maestro/v1/consumers", "{\"name\":\"" CONSUMER "\"}", 201);
	start_agent();
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	if (!broker_is_installed())
		return 0;
	mqtt_stop(world.agent);
	maestro_stop(world.maestro);
	http_client_free(world.client);
	broker_stop(&world.broker);
	id_snowflake_free(world.sequence);
	arena_free(world.arena);
	arena_free(world.agent_arena);
	pthread_mutex_destroy(&world.mutex);
	snprintf(command, sizeof(command), "rm -rf %s", world.path);
	return system(command) == 0 ? 0 : -1;
}

#define NEEDS_BROKER()                                                          \
	do {                                                                    \
		if (!broker_is_installed()) {                                   \
			print_message("skipped: mosquitto is not installed\n"); \
			skip();                                                 \
		}                                                               \
	} while (0)

static void set_answers(bool answers)
{
	LOCK_SCOPE(&world.mutex);
	world.answers = answers;
}

/* Waits for the event with this type's end and id from position `from` on; fails after a while. */
static struct received wait_event(size_t from, const char *action, const char *id)
{
	int64_t deadline_us = clock_monotonic_us() + WAIT_US;
	char type[160];

	snprintf(type, sizeof(type), SPEC_EVENT_TYPE_PREFIX "%s", action);
	while (clock_monotonic_us() < deadline_us) {
		pthread_mutex_lock(&world.mutex);
		for (size_t i = from; i < world.event_count; i++) {
			if (strcmp(world.events[i].type, type) == 0 &&
				(id == NULL || strcmp(world.events[i].id, id) == 0)) {
				struct received found = world.events[i];

				pthread_mutex_unlock(&world.mutex);
				return found;
			}
		}
		pthread_mutex_unlock(&world.mutex);
		usleep(1000);
	}
	fail_msg("no %s for %s", action, id == NULL ? "anything" : id);
	return (struct received){0};
}

static size_t event_count(void)
{
	LOCK_SCOPE(&world.mutex);
	return world.event_count;
}

/* What else comes, and when, is not the test's: a server whose connection is up late asks for
 * statuses in the middle of it. */
static size_t events_of(const char *action, const char *id)
{
	char type[160];
	size_t count = 0;

	snprintf(type, sizeof(type), SPEC_EVENT_TYPE_PREFIX "%s", action);
	LOCK_SCOPE(&world.mutex);
	for (size_t i = 0; i < world.event_count; i++)
		count += strcmp(world.events[i].type, type) == 0 &&
			 strcmp(world.events[i].id, id) == 0;
	return count;
}

static struct json *get_bundle(const char *id, int expected)
{
	char path[128];

	snprintf(path, sizeof(path), "/api/maestro/v1/resource-bundles/%s", id);
	return call("GET", path, NULL, expected);
}

static bool has_condition(const struct json *bundle, const char *type, const char *status)
{
	const struct json *conditions = json_find(bundle, "status", "conditions", NULL);
	struct json *condition;

	json_for_each (conditions, i, condition) {
		if (str_eq_c(json_get_text(condition, "type"), type) &&
			str_eq_c(json_get_text(condition, "status"), status))
			return true;
	}
	return false;
}

static struct json *wait_condition(const char *id, const char *type, const char *status)
{
	int64_t deadline_us = clock_monotonic_us() + WAIT_US;

	while (clock_monotonic_us() < deadline_us) {
		struct json *bundle = get_bundle(id, 200);

		if (has_condition(bundle, type, status))
			return bundle;
		usleep(2000);
	}
	fail_msg("%s never got %s=%s", id, type, status);
	return NULL;
}

static void wait_gone(const char *id)
{
	int64_t deadline_us = clock_monotonic_us() + WAIT_US;
	char path[128];

	snprintf(path, sizeof(path), "/api/maestro/v1/resource-bundles/%s", id);
	while (clock_monotonic_us() < deadline_us) {
		struct http_call request = {.method = "GET", .path = str_of(path)};
		struct http_answer answer;
		struct error err;

		assert_int_equal(
			http_client_call(world.client, world.arena, &request, &answer, &err), 0);
		if (answer.status == 404)
			return;
		usleep(2000);
	}
	fail_msg("%s is still there", id);
}

/* Statuses are handled in order per bundle: when this one is seen, the earlier ones have been. */
static void settle(const char *id, int64_t version)
{
	static int round;
	char type[32];
	char data[160];

	snprintf(type, sizeof(type), "Settled%d", ++round);
	snprintf(data, sizeof(data), "{\"conditions\":[{\"type\":\"%s\",\"status\":\"True\"}]}",
		type);
	send_report((struct report){.id = id, .version = version, .data = data});
	wait_condition(id, type, "True");
}

#define MANIFEST(name, value)                                                          \
	"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"" name \
	"\",\"namespace\":\"default\"},\"data\":{\"k\":\"" value "\"}}"

static const char *create(const char *name)
{
	char body[512];
	struct json *bundle;

	snprintf(body, sizeof(body),
		"{\"consumer_name\":\"" CONSUMER
		"\",\"source\":\"src-a\",\"metadata\":{\"name\":\"%s\","
		"\"labels\":{\"app\":\"demo\"}},\"manifests\":[" MANIFEST("cm", "v") "]}",
		name);
	bundle = call("POST", "/api/maestro/v1/resource-bundles", body, 201);
	return arena_cstr(world.arena, json_get_text(bundle, "id"));
}

static struct json *patch(const char *id, const char *body, int expected)
{
	char path[128];

	snprintf(path, sizeof(path), "/api/maestro/v1/resource-bundles/%s", id);
	return call("PATCH", path, body, expected);
}

static void delete_bundle(const char *id)
{
	char path[128];

	snprintf(path, sizeof(path), "/api/maestro/v1/resource-bundles/%s", id);
	call("DELETE", path, NULL, 204);
}

static void assert_text(struct str actual, const char *expected)
{
	if (!str_eq_c(actual, expected))
		fail_msg("\"%" STR_F "\" instead of \"%s\"", STR_A(actual), expected);
}

/* --- tests -------------------------------------------------------------------------------------
 */

static void a_bundle_lives_from_create_to_gone(void **state)
{
	struct received event;
	struct json *bundle;
	const char *id;
	char metadata[512];

	NEEDS_BROKER();
	id = create("work1");
	event = wait_event(0, "spec.create_request", id);
	assert_string_equal(event.topic, "sources/maestro/consumers/mc-1/sourceevents");
	assert_text(event.event.source, "maestro");
	assert_text(event.event.datacontenttype, "application/json");
	assert_text(cloudevent_extension(&event.event, "resourceversion"), "1");
	assert_text(cloudevent_extension(&event.event, "clustername"), CONSUMER);
	assert_text(cloudevent_extension(&event.event, "originalsource"), "");
	assert_false(str_is_null(cloudevent_extension(&event.event, "originalsource")));
	assert_text(cloudevent_extension(&event.event, "logtracing"), "{}");
	assert_text(event.event.data, "{\"manifests\":[" MANIFEST("cm", "v") "]}");
	bundle = get_bundle(id, 200);
	snprintf(metadata, sizeof(metadata),
		"{\"creationTimestamp\":\"%" STR_F
		"\",\"labels\":{\"app\":\"demo\"},\"name\":\"%s\","
		"\"namespace\":\"mc-1\",\"resourceVersion\":\"0\",\"uid\":\"%s\"}",
		STR_A(json_get_text(json_get(bundle, "metadata"), "creationTimestamp")), id, id);
	assert_text(cloudevent_extension(&event.event, "metadata"), metadata);
	assert_null(json_get(bundle, "status"));

	send_report((struct report){.id = id, .version = 1, .data = APPLIED});
	bundle = wait_condition(id, "Applied", "True");
	assert_int_equal(json_int(json_find(bundle, "status", "ObservedVersion", NULL), 0), 1);
	assert_true(json_get_text(json_get(bundle, "status"), "SequenceID").len > 0);
	assert_int_equal(json_count(json_find(bundle, "status", "resourceStatus", NULL)), 1);

	bundle = patch(id, "{\"version\":1,\"manifests\":[" MANIFEST("cm", "w") "]}", 200);
	assert_int_equal(json_int(json_get(bundle, "version"), 0), 2);
	event = wait_event(0, "spec.update_request", id);
	assert_int_equal(event.version, 2);
	assert_text(event.event.data, "{\"manifests\":[" MANIFEST("cm", "w") "]}");

	delete_bundle(id);
	event = wait_event(0, "spec.delete_request", id);
	assert_true(event.is_deleting);
	assert_true(event.has_data);
	bundle = get_bundle(id, 200);
	assert_true(json_get_text(bundle, "deleted_at").len > 0);
	assert_text(cloudevent_extension(&event.event, "deletiontimestamp"),
		arena_cstr(world.arena, json_get_text(bundle, "deleted_at")));
	assert_true(json_get_text(json_get(bundle, "metadata"), "deletionTimestamp").len > 0);
	patch(id, "{\"manifests\":[" MANIFEST("cm", "x") "]}", 409);
	send_report((struct report){.id = id, .version = 2, .data = DELETED});
	wait_gone(id);

	/* The same name again is a new life. */
	assert_string_equal(create("work1"), id);
	assert_int_equal(json_int(json_get(get_bundle(id, 200), "version"), 0), 1);
}

static void equal_content_makes_no_version_and_no_event(void **state)
{
	const char *id, *other;

	NEEDS_BROKER();
	id = create("same");
	wait_event(0, "spec.create_request", id);
	patch(id,
		"{\"manifests\":[" MANIFEST(
			"cm", "v") "],\"metadata\":{\"labels\":{\"app\":\"demo\"}}}",
		200);
	assert_int_equal(json_int(json_get(get_bundle(id, 200), "version"), 0), 1);
	other = create("other");
	wait_event(0, "spec.create_request", other);
	assert_int_equal(events_of("spec.update_request", id), 0);
}

static void old_foreign_and_repeated_statuses_change_nothing(void **state)
{
	int64_t early;
	const char *id;
	struct json *bundle;

	NEEDS_BROKER();
	id = create("statuses");
	patch(id, "{\"manifests\":[" MANIFEST("cm", "w") "]}", 200);
	early = id_snowflake_next(world.sequence, clock_now_us(&clock_system));
	send_report((struct report){.id = id, .version = 2, .data = APPLIED});
	bundle = wait_condition(id, "Applied", "True");
	/* Out of order, of an older version, of another consumer or source, not a status at all. */
	send_report((struct report){.id = id, .version = 2, .sequence = early, .data = FAILED});
	send_report((struct report){.id = id, .version = 1, .data = FAILED});
	send_report((struct report){.id = id, .version = 2, .data = FAILED, .consumer = "mc-2"});
	send_report((struct report){.id = id, .version = 2, .data = FAILED, .source = "other"});
	send_report((struct report){.id = id, .version = 2, .data = "{broken"});
	send_report((struct report){.id = id, .version = 2, .data = FAILED, .type = "status"});
	send_report((struct report){.id = "unknown", .version = 1, .data = APPLIED});
	/* Equal: not even updated_at moves. */
	send_report((struct report){.id = id, .version = 2, .data = APPLIED});
	usleep(100000);
	assert_true(json_equal(bundle, get_bundle(id, 200)));
	settle(id, 2);
}

static void a_deletion_that_nobody_asked_for_brings_the_specification_back(void **state)
{
	const char *id;
	size_t before;

	NEEDS_BROKER();
	id = create("live");
	wait_event(0, "spec.create_request", id);
	before = event_count();
	send_report((struct report){.id = id, .version = 1, .data = DELETED});
	assert_int_equal(wait_event(before, "spec.resync_response", id).version, 1);
	assert_true(str_is_null(json_get_text(get_bundle(id, 200), "deleted_at")));
}

static void a_version_above_ours_is_overtaken(void **state)
{
	const char *id;
	size_t before;

	NEEDS_BROKER();
	id = create("behind");
	wait_event(0, "spec.create_request", id);
	before = event_count();
	send_report((struct report){.id = id, .version = 7, .data = APPLIED});
	assert_int_equal(wait_event(before, "spec.update_request", id).version, 8);
	assert_int_equal(json_int(json_get(get_bundle(id, 200), "version"), 0), 8);
}

/* An agent that has nothing, or something older or gone, asks. */
static void an_agent_that_asks_gets_what_differs(void **state)
{
	struct cloudevent request = {.id = STR("r"),
		.source = STR(CONSUMER "-work-agent"),
		.type = STR(SPEC_EVENT_TYPE_PREFIX "spec.resync_request"),
		.datacontenttype = STR("application/json")};
	const char *current;
	const char *older;
	const char *deleting;
	const char *gone;
	const char *missing;
	struct received stub;
	size_t before;

	NEEDS_BROKER();
	current = create("current");
	older = create("older");
	deleting = create("deleting");
	gone = create("gone");
	missing = create("missing");
	patch(older, "{\"manifests\":[" MANIFEST("cm", "w") "]}", 200);
	delete_bundle(deleting);
	delete_bundle(gone);
	wait_event(0, "spec.delete_request", gone);
	send_report((struct report){.id = gone, .version = 1, .data = DELETED});
	wait_gone(gone);
	wait_event(0, "spec.delete_request", deleting);
	before = event_count();
	request.data = arena_printf(world.arena,
		"{\"resourceVersions\":[{\"resourceID\":\"%s\",\"resourceVersion\":1},"
		"{\"resourceID\":\"%s\",\"resourceVersion\":1},"
		"{\"resourceID\":\"%s\",\"resourceVersion\":1},"
		"{\"resourceID\":\"%s\",\"resourceVersion\":1},"
		"{\"resourceID\":\"never-ours\",\"resourceVersion\":1}]}",
		current, older, deleting, gone);
	cloudevent_set_extension(&request, STR("clustername"), STR(CONSUMER));
	cloudevent_set_extension(&request, STR("originalsource"), STR(""));
	send_event(&request);
	stub = wait_event(before, "spec.resync_response", gone);
	assert_true(stub.is_deleting);
	assert_false(stub.has_data);
	assert_true(str_is_null(cloudevent_extension(&stub.event, "metadata")));
	assert_int_equal(wait_event(before, "spec.resync_response", older).version, 2);
	assert_true(wait_event(before, "spec.resync_response", deleting).is_deleting);
	assert_int_equal(wait_event(before, "spec.resync_response", missing).version, 1);
	usleep(100000);
	assert_int_equal(events_of("spec.resync_response", current), 0);
	assert_int_equal(events_of("spec.resync_response", "never-ours"), 0);
}

static void the_server_asks_for_the_statuses_that_it_missed(void **state)
{
	struct received request;
	struct json *document;
	const char *reported;
	const char *silent;
	struct json *list;
	size_t before;

	NEEDS_BROKER();
	reported = create("reported");
	silent = create("silent");
	send_report((struct report){.id = reported, .version = 1, .data = APPLIED, .hash = "abc"});
	wait_condition(reported, "Applied", "True");
	before = event_count();
	maestro_stop(world.maestro);
	start_maestro();
	request = wait_event(before, "status.resync_request", NULL);
	assert_text(request.event.source, "maestro");
	assert_text(cloudevent_extension(&request.event, "clustername"), CONSUMER);
	assert_int_equal(json_parse(world.arena, request.event.data, NULL, &document, NULL), 0);
	list = json_get(document, "statusHashes");
	assert_int_equal(json_count(list), 2);
	for (size_t i = 0; i < 2; i++) {
		bool is_silent = str_eq_c(json_get_text(json_at(list, i), "resourceID"), silent);

		assert_text(json_get_text(json_at(list, i), "statusHash"),
			is_silent ? RESYNC_NO_STATUS_HASH : "abc");
	}
}

static void what_was_made_without_a_broker_arrives_afterwards(void **state)
{
	const char *ids[50];
	struct error err;

	NEEDS_BROKER();
	set_answers(true);
	create("before");
	broker_kill(&world.broker);
	for (int i = 0; i < 50; i++) {
		char name[32];

		snprintf(name, sizeof(name), "meanwhile-%d", i);
		ids[i] = create(name);
	}
	delete_bundle(ids[0]);
	broker_again(&world.broker);
	assert_int_equal(mqtt_wait_ready(world.agent, WAIT_US, &err), 0);
	/* Session-less: what was published before the agent was back is lost, and it asks. */
	for (int i = 1; i < 50; i++) {
		struct cloudevent request = {.id = STR("r"),
			.source = STR("a"),
			.type = STR(SPEC_EVENT_TYPE_PREFIX "spec.resync_request"),
			.data = STR("{\"resourceVersions\":[]}")};

		if (i == 1) {
			cloudevent_set_extension(&request, STR("clustername"), STR(CONSUMER));
			usleep(500000);
			send_event(&request);
		}
		wait_condition(ids[i], "Applied", "True");
	}
	wait_gone(ids[0]);
}

static void a_restart_of_the_server_loses_nothing(void **state)
{
	const char *ids[20];

	NEEDS_BROKER();
	set_answers(true);
	broker_kill(&world.broker);
	for (int i = 0; i < 20; i++) {
		char name[32];

		snprintf(name, sizeof(name), "unsent-%d", i);
		ids[i] = create(name);
	}
	maestro_stop(world.maestro);
	broker_again(&world.broker);
	assert_int_equal(mqtt_wait_ready(world.agent, WAIT_US, NULL), 0);
	start_maestro();
	for (int i = 0; i < 20; i++)
		wait_condition(ids[i], "Applied", "True");
}

struct watch {
	struct stop stop;
	struct http_client *client;
	const char *path;
	char lines[64][2048];
	atomic_int count;
	int status;
};

static bool on_line(void *argument, struct str line)
{
	struct watch *watch = argument;
	int i = atomic_load(&watch->count);

	if (i < 64) {
		snprintf(watch->lines[i], sizeof(watch->lines[i]), "%" STR_F, STR_A(line));
		atomic_store(&watch->count, i + 1);
	}
	return true;
}

static void run_watch(void *argument)
{
	struct watch *watch = argument;
	struct http_call request = {
		.method = "GET", .path = str_of(watch->path), .timeout_us = 30 * CLOCK_US_PER_S};

	http_client_lines(
		world.client, &request, &watch->stop, on_line, watch, &watch->status, NULL);
}

static void wait_lines(struct watch *watch, int count)
{
	int64_t deadline_us = clock_monotonic_us() + WAIT_US;

	while (atomic_load(&watch->count) < count && clock_monotonic_us() < deadline_us)
		usleep(1000);
	assert_true(atomic_load(&watch->count) >= count);
}

static void a_watch_tells_every_change_in_order(void **state)
{
	static const char *const events[] = {"created", "status", "updated", "deleted", "gone"};
	struct watch *watch = calloc(1, sizeof(*watch));
	struct thread *thread;
	struct error err;
	const char *id;
	int64_t last = 0;

	NEEDS_BROKER();
	stop_init(&watch->stop);
	watch->path = "/api/maestro/v1/resource-bundles/watch?source=src-a&include=bundle";
	assert_int_equal(thread_start(&thread, "watch", run_watch, watch, &err), 0);
	wait_lines(watch, 1);
	assert_memory_equal(watch->lines[0], "{\"heartbeat\":", 13);
	call("POST", "/api/maestro/v1/resource-bundles",
		"{\"consumer_name\":\"mc-1\",\"source\":\"other\",\"metadata\":{\"name\":\"a\"},"
		"\"manifests\":[" MANIFEST("cm", "v") "]}",
		201);
	id = create("watched");
	send_report((struct report){.id = id, .version = 1, .data = APPLIED});
	wait_lines(watch, 3);
	patch(id, "{\"manifests\":[" MANIFEST("cm", "w") "]}", 200);
	delete_bundle(id);
	wait_lines(watch, 5);
	send_report((struct report){.id = id, .version = 2, .data = DELETED});
	wait_lines(watch, 6);
	for (int i = 0; i < 5; i++) {
		struct json *line;
		int64_t sequence;

		assert_int_equal(
			json_parse(world.arena, str_of(watch->lines[i + 1]), NULL, &line, &err), 0);
		assert_text(json_get_text(line, "event"), events[i]);
		assert_text(json_get_text(line, "id"), id);
		assert_text(json_get_text(line, "consumer_name"), CONSUMER);
		sequence = json_int(json_get(line, "sequence"), 0);
		assert_true(sequence > last);
		last = sequence;
		assert_true(json_is(json_get(line, "bundle"), i == 4 ? JSON_NULL : JSON_OBJECT));
	}
	stop_request(&watch->stop);
	thread_join(thread);
	stop_destroy(&watch->stop);
	free(watch);
}

struct racer {
	const char *path;
	int number;
	int status;
};

static void race(void *argument)
{
	struct racer *racer = argument;
	struct arena *arena = arena_new(0);
	struct http_call request = {.method = "PATCH", .path = str_of(racer->path)};
	struct http_answer answer = {0};

	request.body = arena_printf(arena,
		"{\"version\":1,\"metadata\":{\"labels\":{\"racer\":\"%d\"}}}", racer->number);
	if (http_client_call(world.client, arena, &request, &answer, NULL) == 0)
		racer->status = answer.status;
	arena_free(arena);
}

static void twenty_racing_updates_with_one_version_have_one_winner(void **state)
{
	struct racer racers[20];
	struct thread *threads[20];
	char path[128];
	const char *id;
	int winners = 0;
	struct error err;

	NEEDS_BROKER();
	id = create("raced");
	snprintf(path, sizeof(path), "/api/maestro/v1/resource-bundles/%s", id);
	for (int i = 0; i < 20; i++) {
		racers[i] = (struct racer){.path = path, .number = i};
		assert_int_equal(thread_start(&threads[i], "racer", race, &racers[i], &err), 0);
	}
	for (int i = 0; i < 20; i++) {
		thread_join(threads[i]);
		winners += racers[i].status == 200;
		assert_true(racers[i].status == 200 || racers[i].status == 409);
	}
	assert_int_equal(winners, 1);
	assert_int_equal(json_int(json_get(get_bundle(id, 200), "version"), 0), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bundle_lives_from_create_to_gone),
		TEST(equal_content_makes_no_version_and_no_event),
		TEST(old_foreign_and_repeated_statuses_change_nothing),
		TEST(a_deletion_that_nobody_asked_for_brings_the_specification_back),
		TEST(a_version_above_ours_is_overtaken),
		TEST(an_agent_that_asks_gets_what_differs),
		TEST(the_server_asks_for_the_statuses_that_it_missed),
		TEST(what_was_made_without_a_broker_arrives_afterwards),
		TEST(a_restart_of_the_server_loses_nothing),
		TEST(a_watch_tells_every_change_in_order),
		TEST(twenty_racing_updates_with_one_version_have_one_winner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
