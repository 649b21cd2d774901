/*
 * test_agent_spec.c - which spec events are taken, and what each does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "maestro/agent.h"
#include "maestro/agent_spec.h"

#define ID "b36c830b-4868-5d1f-908a-e8e9d0428f29"
#define GOOD                                                                                    \
	"{\"manifests\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":" \
	"\"a\""                                                                                 \
	"}}]}"

static struct cloudevent event_new(const char *action, const char *version, const char *data)
{
	static char type[128];
	struct cloudevent event = {.id = STR("1"), .source = STR("maestro")};
	snprintf(type, sizeof(type), AGENT_DATA_TYPE ".%s", action);
	event.type = str_of(type);
	event.data = str_of(data);
	cloudevent_set_extension(&event, STR("resourceid"), STR(ID));
	cloudevent_set_extension(&event, STR("resourceversion"), str_of(version));
	cloudevent_set_extension(&event, STR("clustername"), STR("mc-1"));
	cloudevent_set_extension(&event, STR("metadata"), STR("{\"name\":\"x\"}"));
	return event;
}

static void message_kinds_follow_the_type(void **state)
{
	static const struct {
		const char *action;
		enum agent_message kind;
	} rows[] = {
		{"spec.create_request", AGENT_MESSAGE_SPEC},
		{"spec.update_request", AGENT_MESSAGE_SPEC},
		{"spec.delete_request", AGENT_MESSAGE_SPEC},
		{"spec.resync_response", AGENT_MESSAGE_SPEC},
		{"spec.resync_request", AGENT_MESSAGE_FOREIGN},
		{"status.resync_request", AGENT_MESSAGE_STATUS_RESYNC},
		{"status.update_request", AGENT_MESSAGE_FOREIGN},
	};
	enum agent_message kind;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cloudevent event = event_new(rows[i].action, "1", GOOD);
		assert_int_equal(agent_message_kind(&event, &kind, NULL), 0);
		assert_int_equal(kind, rows[i].kind);
	}
	struct cloudevent event = {
		.type = STR("io.open-cluster-management.addons.v1.x.spec.create_request")};
	assert_int_equal(agent_message_kind(&event, &kind, NULL), -1);
}

static void a_malformed_spec_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *name, *value, *data, *words;
	} rows[] = {
		{"resourceid", "", GOOD, "resourceid"},
		{"resourceid", "UPPER", GOOD, "resourceid"},
		{"resourceid", "../etc", GOOD, "resourceid"},
		{"resourceversion", "", GOOD, "resourceversion"},
		{"resourceversion", "x", GOOD, "resourceversion"},
		{"resourceversion", "-1", GOOD, "resourceversion"},
		{"clustername", "mc-2", GOOD, "unmatched cluster name mc-2"},
		{"deletiontimestamp", "soon", GOOD, "deletiontimestamp"},
		{"metadata", "[]", GOOD, "metadata"},
		{"metadata", "{", GOOD, "metadata"},
		{"x", "x", "{}", "Workload manifests should not be empty"},
		{"x", "x", "{\"manifests\":[]}", "Workload manifests should not be empty"},
		{"x", "x", "nonsense", "not JSON"},
		{"x", "x", NULL, "not JSON"},
		{"x", "x", "{\"manifests\":[{\"kind\":\"A\",\"apiVersion\":\"v1\"}]}", "no name"},
		{"x", "x", "{\"manifests\":[{\"metadata\":{\"name\":\"a\"}}]}", "apiVersion"},
		{"x", "x",
			"{\"manifests\":[{\"kind\":\"A\",\"apiVersion\":\"v1\",\"metadata\":{"
			"\"name\":\"a\",\"generateName\":\"b\"}}]}",
			"generateName"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct cloudevent event = event_new("spec.create_request", "1", rows[i].data);
		struct agent_spec spec;
		struct error err = {0};
		cloudevent_set_extension(&event, str_of(rows[i].name), str_of(rows[i].value));
		assert_int_equal(agent_spec_read(arena, &event, "mc-1", &spec, &err), -1);
		if (!strstr(err.message, rows[i].words))
			fail_msg("row %zu: %s", i, err.message);
		arena_free(arena);
	}
}

static void manifests_over_the_limit_are_refused(void **state)
{
	struct arena *arena = arena_new(0);
	char *data = malloc(AGENT_MAX_MANIFEST_BYTES + 2);
	memset(data, ' ', AGENT_MAX_MANIFEST_BYTES + 1);
	memcpy(data, GOOD, sizeof(GOOD) - 1);
	data[AGENT_MAX_MANIFEST_BYTES + 1] = '\0';
	struct cloudevent event = event_new("spec.create_request", "1", data);
	struct agent_spec spec;
	struct error err;
	assert_int_equal(agent_spec_read(arena, &event, "mc-1", &spec, &err), -1);
	assert_string_equal(err.message,
		"the size of manifests is 512001 bytes which exceeds the 512000 limit");
	event.data.len--;
	assert_int_equal(agent_spec_read(arena, &event, "mc-1", &spec, &err), 0);
	free(data);
	arena_free(arena);
}

static void a_stub_is_a_deletion_without_content_in_a_resync(void **state)
{
	static const struct {
		const char *action, *metadata, *data;
		bool is_stub;
	} rows[] = {
		{"spec.resync_response", "", NULL, true},
		{"spec.resync_response", "{\"name\":\"x\"}", GOOD, false},
		{"spec.resync_response", "{\"name\":\"x\"}", NULL, false},
		{"spec.delete_request", "", NULL, false},
		{"spec.delete_request", "{\"name\":\"x\"}", GOOD, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct cloudevent event = event_new(rows[i].action, "3", rows[i].data);
		struct agent_spec spec;
		cloudevent_set_extension(&event, STR("metadata"), str_of(rows[i].metadata));
		cloudevent_set_extension(
			&event, STR("deletiontimestamp"), STR("2026-01-02T03:09:05.123456Z"));
		assert_int_equal(agent_spec_read(arena, &event, "mc-1", &spec, NULL), 0);
		assert_true(spec.is_deleting);
		assert_int_equal(spec.is_stub, rows[i].is_stub);
		assert_int_equal(spec.generation, 3);
		arena_free(arena);
	}
}

static void specs_are_decided_by_what_is_known(void **state)
{
	static const struct {
		const char *name;
		bool is_known, known_deleting;
		int64_t known_generation;
		bool deleting, stub;
		int64_t generation;
		const char *payload;
		enum agent_action expected;
	} rows[] = {
		{"new", false, false, 0, false, false, 1, "a", AGENT_ADD},
		{"new, deleting", false, false, 0, true, false, 1, "a", AGENT_MARK_DELETING},
		{"new stub", false, false, 0, true, true, 1, NULL, AGENT_MARK_DELETING},
		{"known, deleting", true, false, 2, true, false, 2, "a", AGENT_MARK_DELETING},
		{"deleting is not stale", true, false, 5, true, false, 2, "a", AGENT_MARK_DELETING},
		{"stub removes nothing", true, false, 2, true, true, 2, NULL, AGENT_REFUSE_STUB},
		{"asked again", true, true, 2, true, false, 2, "a", AGENT_RETRY_DELETE},
		{"stub for a deleting one", true, true, 2, true, true, 2, NULL, AGENT_RETRY_DELETE},
		{"spec for a deleting one", true, true, 2, false, false, 3, "b", AGENT_LATER},
		{"older", true, false, 5, false, false, 4, "b", AGENT_STALE},
		{"newer", true, false, 5, false, false, 6, "b", AGENT_REPLACE},
		{"newer, equal content", true, false, 5, false, false, 6, "a", AGENT_REPLACE},
		{"same", true, false, 5, false, false, 5, "a", AGENT_SAME},
		{"same version, other content", true, false, 5, false, false, 5, "b",
			AGENT_REPLACE},
		{"no version", true, false, 5, false, false, 0, "b", AGENT_REPLACE},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct agent_known known = {.generation = rows[i].known_generation,
			.is_deleting = rows[i].known_deleting,
			.payload = STR("a")};
		struct agent_spec spec = {.generation = rows[i].generation,
			.is_deleting = rows[i].deleting,
			.is_stub = rows[i].stub,
			.payload = str_of(rows[i].payload)};
		enum agent_action action =
			agent_spec_decide(rows[i].is_known ? &known : NULL, &spec);
		if (action != rows[i].expected)
			fail_msg("%s: %d", rows[i].name, action);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_kinds_follow_the_type),
		cmocka_unit_test(a_malformed_spec_is_refused_with_its_reason),
		cmocka_unit_test(manifests_over_the_limit_are_refused),
		cmocka_unit_test(a_stub_is_a_deletion_without_content_in_a_resync),
		cmocka_unit_test(specs_are_decided_by_what_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
