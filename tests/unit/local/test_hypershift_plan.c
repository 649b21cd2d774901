/*
 * test_hypershift_plan.c - what the stand-in HyperShift does next: (object, now) -> action, stage.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "local/hypershift_plan.h"

#define NOW_US (INT64_C(1767323045) * CLOCK_US_PER_S)
#define IN_TIME ((struct hypershift_moment){NOW_US, 1})
#define ARENA_MAX ((size_t)4 << 20)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FINALIZERS "\"finalizers\":[\"" HYPERSHIFT_FINALIZER "\"]"
#define OBJECT(metadata, spec, status)                                                \
	"{\"metadata\":{\"name\":\"c\",\"namespace\":\"n\",\"generation\":1" metadata \
	"},\"spec\":{" spec "},\"status\":{" status "}}"
#define RELEASE(version) "\"release\":{\"image\":\"quay.io/x/ocp-release:" version "-x86_64\"}"
#define CONDITION(type) "{\"type\":\"" type "\",\"status\":\"True\",\"observedGeneration\":1}"
#define HISTORY(version, state)                                                 \
	"\"version\":{\"history\":[{\"image\":\"quay.io/x/ocp-release:" version \
	"-x86_64\",\"startedTime\":\"2026-01-01T00:00:00Z\",\"state\":\"" state "\"}]}"
#define INFRASTRUCTURE CONDITION("InfrastructureReady") "," CONDITION("EtcdAvailable")
#define API_SERVER INFRASTRUCTURE "," CONDITION("KubeAPIServerAvailable")
#define UP API_SERVER "," CONDITION("Available")
#define FAIL(what) ",\"annotations\":{\"" HYPERSHIFT_FAIL_ANNOTATION "\":\"" what "\"}," FINALIZERS
#define DELETING ",\"deletionTimestamp\":\"2026-01-02T00:00:00Z\""

static struct json *parse(struct arena *arena, const char *text)
{
	struct json *document = NULL;
	struct error err;

	if (json_parse(arena, str_of(text), NULL, &document, &err) < 0)
		fail_msg("%s: %s", text, err.message);
	return document;
}

/* "True", "False", "Unknown"; "" when there is no such condition. */
static struct str condition(const struct json *status, const char *type)
{
	const struct json *item;

	json_for_each (json_get(status, "conditions"), i, item)
		if (str_eq_c(json_get_text(item, "type"), type))
			return json_get_text(item, "status");
	return STR("");
}

/* What tells one stage from another. */
struct shown {
	const char *infrastructure, *api_server, *available, *progressing, *release;
};

static const struct shown ACCEPTED = {"Unknown", "Unknown", "False", "True", "Partial"};
static const struct shown INFRA = {"True", "Unknown", "False", "True", "Partial"};
static const struct shown BROKEN = {"True", "False", "False", "True", "Partial"};
static const struct shown SERVING = {"True", "True", "False", "True", "Partial"};
static const struct shown COMPLETE = {"True", "True", "True", "False", "Completed"};
static const struct shown UPDATING = {"True", "True", "True", "True", "Partial"};

static void assert_shown(const char *name, const struct json *status, const struct shown *shown)
{
	const struct {
		const char *what;
		struct str is;
		const char *expected;
	} each[] = {
		{"InfrastructureReady", condition(status, "InfrastructureReady"),
			shown->infrastructure},
		{"KubeAPIServerAvailable", condition(status, "KubeAPIServerAvailable"),
			shown->api_server},
		{"Available", condition(status, "Available"), shown->available},
		{"Progressing", condition(status, "Progressing"), shown->progressing},
		{"release",
			json_get_text(
				json_at(json_find(status, "version", "history", NULL), 0), "state"),
			shown->release},
	};

	for (size_t i = 0; i < COUNT(each); i++)
		if (!str_eq_c(each[i].is, each[i].expected))
			fail_msg("%s: %s is %" STR_F ", not %s", name, each[i].what,
				STR_A(each[i].is), each[i].expected);
}

static void a_hosted_cluster_goes_through_its_stages(void **state)
{
	static const struct {
		const char *name, *object;
		size_t pools;
		enum hypershift_action action;
		const struct shown *shown;
		bool is_complete;
	} rows[] = {
		{"new", OBJECT("", RELEASE("4.17.3"), ""), 0, HYPERSHIFT_ADD_FINALIZER, NULL,
			false},
		{"with finalizer", OBJECT("," FINALIZERS, RELEASE("4.17.3"), ""), 0,
			HYPERSHIFT_WRITE_STATUS, &ACCEPTED, false},
		{"accepted",
			OBJECT("," FINALIZERS, RELEASE("4.17.3"), HISTORY("4.17.3", "Partial")), 0,
			HYPERSHIFT_WRITE_STATUS, &INFRA, false},
		{"infrastructure",
			OBJECT("," FINALIZERS, RELEASE("4.17.3"),
				"\"conditions\":[" INFRASTRUCTURE
				"]," HISTORY("4.17.3", "Partial")),
			0, HYPERSHIFT_WRITE_STATUS, &SERVING, false},
		{"API server",
			OBJECT("," FINALIZERS, RELEASE("4.17.3"),
				"\"conditions\":[" API_SERVER "]," HISTORY("4.17.3", "Partial")),
			0, HYPERSHIFT_WRITE_STATUS, &COMPLETE, true},
		{"up",
			OBJECT("," FINALIZERS, RELEASE("4.17.3"),
				"\"conditions\":[" UP "]," HISTORY("4.17.3", "Completed")),
			0, HYPERSHIFT_NOTHING, NULL, false},
		{"update begins",
			OBJECT("," FINALIZERS, RELEASE("4.18.1"),
				"\"conditions\":[" UP "]," HISTORY("4.17.3", "Completed")),
			0, HYPERSHIFT_WRITE_STATUS, &UPDATING, false},
		{"update ends",
			OBJECT("," FINALIZERS, RELEASE("4.18.1"),
				"\"conditions\":[" UP "]," HISTORY("4.18.1", "Partial")),
			0, HYPERSHIFT_WRITE_STATUS, &COMPLETE, true},
		{"told to fail before the API server",
			OBJECT(FAIL("KubeAPIServerAvailable=Broken"), RELEASE("4.17.3"),
				"\"conditions\":[" INFRASTRUCTURE
				"]," HISTORY("4.17.3", "Partial")),
			0, HYPERSHIFT_WRITE_STATUS, &BROKEN, false},
		{"told to fail when up",
			OBJECT(FAIL("Available"), RELEASE("4.17.3"),
				"\"conditions\":[" UP "]," HISTORY("4.17.3", "Completed")),
			0, HYPERSHIFT_WRITE_STATUS, &SERVING, false},
		{"deleting with pools", OBJECT(DELETING "," FINALIZERS, RELEASE("4.17.3"), ""), 2,
			HYPERSHIFT_DELETE_NODE_POOLS, NULL, false},
		{"deleting, pools gone", OBJECT(DELETING "," FINALIZERS, RELEASE("4.17.3"), ""), 0,
			HYPERSHIFT_REMOVE_FINALIZER, NULL, false},
		{"deleting, held by others", OBJECT(DELETING, RELEASE("4.17.3"), ""), 0,
			HYPERSHIFT_NOTHING, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(ARENA_MAX);
		struct hypershift_plan plan = hypershift_plan_cluster(
			arena, parse(arena, rows[i].object), rows[i].pools, IN_TIME);
		if (plan.action != rows[i].action || plan.is_complete != rows[i].is_complete)
			fail_msg("%s: action %d, complete %d", rows[i].name, plan.action,
				plan.is_complete);
		if (rows[i].shown)
			assert_shown(rows[i].name, plan.status, rows[i].shown);
		arena_free(arena);
	}
}

static void what_was_written_is_not_written_again(void **state)
{
	static const struct {
		const char *object;
		int64_t stages; /* that pass between two looks */
		unsigned writes;
	} rows[] = {
		{OBJECT("," FINALIZERS, RELEASE("4.17.3"), ""), 1, 4},
		{OBJECT("," FINALIZERS, RELEASE("4.17.3"), ""), 2, 2},
		{OBJECT("," FINALIZERS, RELEASE("4.17.3"), ""), 1000, 1},
		{OBJECT(FAIL("Available=Broken"), RELEASE("4.17.3"), ""), 1, 3},
		{OBJECT(FAIL("Available=Broken"), RELEASE("4.17.3"), ""), 1000, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(ARENA_MAX);
		struct json *object = parse(arena, rows[i].object);
		struct hypershift_plan plan;
		struct hypershift_moment moment = {NOW_US, rows[i].stages};
		unsigned writes = 0;
		for (;; moment.now_us += CLOCK_US_PER_S) {
			plan = hypershift_plan_cluster(arena, object, 0, moment);
			if (plan.action == HYPERSHIFT_NOTHING)
				break;
			assert_int_equal(plan.action, HYPERSHIFT_WRITE_STATUS);
			assert_true(++writes <= rows[i].writes);
			json_set(object, "status", plan.status);
		}
		assert_int_equal(writes, rows[i].writes);
		if (i < 3)
			assert_shown("in the end", json_get(object, "status"), &COMPLETE);
		arena_free(arena);
	}
}

#define CLUSTER_SERVES OBJECT("", "", "\"conditions\":[" CONDITION("IgnitionEndpointAvailable") "]")
#define SEEN "\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\"}]"

static void a_node_pool_joins_when_its_cluster_serves(void **state)
{
	static const struct {
		const char *name, *pool, *cluster;
		enum hypershift_action action;
		const char *ready;
		int64_t replicas;
		const char *version;
	} rows[] = {
		{"new", OBJECT("", "\"replicas\":2", ""), NULL, HYPERSHIFT_ADD_FINALIZER, NULL, 0,
			""},
		{"first look", OBJECT("," FINALIZERS, "\"replicas\":2," RELEASE("4.17.3"), ""),
			CLUSTER_SERVES, HYPERSHIFT_WRITE_STATUS, "False", 0, ""},
		{"no cluster", OBJECT("," FINALIZERS, "\"replicas\":2," RELEASE("4.17.3"), SEEN),
			NULL, HYPERSHIFT_WRITE_STATUS, "False", 0, ""},
		{"cluster serves",
			OBJECT("," FINALIZERS, "\"replicas\":2," RELEASE("4.17.3"), SEEN),
			CLUSTER_SERVES, HYPERSHIFT_WRITE_STATUS, "True", 2, "4.17.3"},
		{"scales by itself",
			OBJECT("," FINALIZERS,
				"\"autoScaling\":{\"min\":3,\"max\":5}," RELEASE("4.17.3"), SEEN),
			CLUSTER_SERVES, HYPERSHIFT_WRITE_STATUS, "True", 3, "4.17.3"},
		{"update",
			OBJECT("," FINALIZERS, "\"replicas\":2," RELEASE("4.18.1"),
				SEEN ",\"replicas\":2,\"version\":\"4.17.3\""),
			CLUSTER_SERVES, HYPERSHIFT_WRITE_STATUS, "True", 2, "4.18.1"},
		{"deleting", OBJECT(DELETING "," FINALIZERS, "\"replicas\":2", ""), CLUSTER_SERVES,
			HYPERSHIFT_REMOVE_FINALIZER, NULL, 0, ""},
		{"deleting, held by others", OBJECT(DELETING, "\"replicas\":2", ""), NULL,
			HYPERSHIFT_NOTHING, NULL, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(ARENA_MAX);
		struct json *cluster = rows[i].cluster ? parse(arena, rows[i].cluster) : NULL;
		struct hypershift_plan plan =
			hypershift_plan_pool(arena, parse(arena, rows[i].pool), cluster, IN_TIME);
		if (plan.action != rows[i].action)
			fail_msg("%s: action %d", rows[i].name, plan.action);
		if (rows[i].ready &&
			(!str_eq_c(condition(plan.status, "Ready"), rows[i].ready) ||
				json_int(json_get(plan.status, "replicas"), -1) !=
					rows[i].replicas ||
				!str_eq_c(json_get_text(plan.status, "version"), rows[i].version)))
			fail_msg("%s: another stage", rows[i].name);
		arena_free(arena);
	}
}

static void a_node_pool_without_its_cluster_waits(void **state)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct json *pool = parse(arena, OBJECT("," FINALIZERS, "\"replicas\":2", ""));

	(void)state;
	struct hypershift_plan plan = hypershift_plan_pool(arena, pool, NULL, IN_TIME);
	json_set(pool, "status", plan.status);
	plan = hypershift_plan_pool(
		arena, pool, NULL, (struct hypershift_moment){NOW_US + CLOCK_US_PER_S, 1});
	assert_int_equal(plan.action, HYPERSHIFT_WAIT);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hosted_cluster_goes_through_its_stages),
		cmocka_unit_test(what_was_written_is_not_written_again),
		cmocka_unit_test(a_node_pool_joins_when_its_cluster_serves),
		cmocka_unit_test(a_node_pool_without_its_cluster_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
