/*
 * test_agent_status.c - conditions, summaries and the status hash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "maestro/agent_status.h"

#define T1 STR("2026-01-02T03:04:05Z")
#define T2 STR("2026-01-02T03:05:00Z")

static struct json *parse(struct arena *arena, const char *text)
{
	struct json *value = NULL;
	struct error err;
	if (json_parse(arena, str_of(text), NULL, &value, &err) < 0)
		fail_msg("%s", err.message);
	return value;
}

static void the_hash_is_that_of_the_original_agent(void **state)
{
	/* The first is that of an agent that has nothing to say; the second the original's
	 * published rules over a text with everything that is escaped. */
	static const struct {
		const char *status, *hash;
	} rows[] = {
		{"{}", "3a4ba43801251ccdf889a3154674d23a35ab996aacfc00de92e61dbb2f5cf189"},
		{"{\"conditions\":null,\"resourceStatus\":[]}",
			"3a4ba43801251ccdf889a3154674d23a35ab996aacfc00de92e61dbb2f5cf189"},
		{"{\"conditions\":[{\"type\":\"Applied\",\"status\":\"True\","
		 "\"observedGeneration\":"
		 "3,"
		 "\"lastTransitionTime\":\"2026-01-02T03:04:05Z\",\"reason\":"
		 "\"AppliedManifestWorkComplete\",\"message\":\"Apply manifest work complete\"}],"
		 "\"resourceStatus\":[{\"resourceMeta\":{\"ordinal\":0,\"group\":\"\",\"version\":"
		 "\"v1\","
		 "\"kind\":\"ConfigMap\",\"resource\":\"configmaps\",\"name\":\"cm-a\","
		 "\"namespace\":\"ns-a\"},\"statusFeedback\":{},\"conditions\":[{\"type\":"
		 "\"Applied\","
		 "\"status\":\"True\",\"observedGeneration\":3,\"lastTransitionTime\":"
		 "\"2026-01-02T03:04:05Z\",\"reason\":\"AppliedManifestComplete\",\"message\":"
		 "\"Apply <b> & \\\"c\\\"\"}]}]}",
			"3af01101a9e9e4751b9c940e8cb87c4a8e0eb448c07e1e1e4f187e5aa1e1d0c1"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		char hash[HASH_SHA256_HEX_SIZE];
		agent_status_hash(arena, parse(arena, rows[i].status), hash);
		assert_string_equal(hash, rows[i].hash);
		arena_free(arena);
	}
}

static void time_moves_only_with_the_status_of_a_condition(void **state)
{
	static const struct {
		const char *status, *time;
	} rows[] = {
		{"True", "2026-01-02T03:04:05Z"},
		{"False", "2026-01-02T03:05:00Z"},
	};
	for (size_t i = 0; i < 2; i++) {
		struct arena *arena = arena_new(0);
		struct json *conditions = json_new_array(arena);
		struct agent_condition condition = {"A", "True", "Old", STR("old"), 1};
		agent_condition_set(conditions, &condition, T1);
		condition = (struct agent_condition){"A", rows[i].status, "New", STR("new"), 2};
		agent_condition_set(conditions, &condition, T2);
		assert_int_equal(json_count(conditions), 1);
		const struct json *has = json_at(conditions, 0);
		assert_true(str_eq_c(json_get_text(has, "lastTransitionTime"), rows[i].time));
		assert_true(str_eq_c(json_get_text(has, "reason"), "New"));
		assert_true(str_eq_c(json_get_text(has, "message"), "new"));
		assert_int_equal(json_int(json_get(has, "observedGeneration"), 0), 2);
		arena_free(arena);
	}
}

static const struct agent_resource_meta meta_a = {
	0, {"", 0}, {"v1", 2}, {"ConfigMap", 9}, {"configmaps", 10}, {"a", 1}, {"ns", 2}};
static const struct agent_resource_meta meta_b = {
	1, {"", 0}, {"v1", 2}, {"ConfigMap", 9}, {"configmaps", 10}, {"b", 1}, {"ns", 2}};

static struct json *status_new(struct arena *arena)
{
	const struct agent_resource_meta metas[] = {meta_a, meta_b};
	struct json *status = json_new_object(arena);
	json_set(status, "conditions", json_new_array(arena));
	json_set(status, "resourceStatus", agent_status_match(arena, NULL, metas, 2));
	return status;
}

static void outcomes_become_conditions_verbatim(void **state)
{
	static const struct {
		const char *name;
		struct agent_manifest_outcome outcome;
		const char *type, *status, *reason, *message;
	} rows[] = {
		{"applied", {.was_applied = true}, "Applied", "True", "AppliedManifestComplete",
			"Apply manifest complete"},
		{"not applied", {.was_applied = true, .apply_error = {"no", 2}}, "Applied", "False",
			"AppliedManifestFailed", "Failed to apply manifest: no"},
		{"present", {.presence = AGENT_PRESENT}, "Available", "True", "ResourceAvailable",
			"Resource is available"},
		{"absent", {.presence = AGENT_ABSENT}, "Available", "False", "ResourceNotAvailable",
			"Resource is not available"},
		{"unreadable", {.presence = AGENT_UNREADABLE, .read_error = {"down", 4}},
			"Available", "Unknown", "FetchingResourceFailed",
			"Failed to fetch resource: down"},
		{"unmapped", {.presence = AGENT_UNMAPPED}, "Available", "Unknown",
			"IncompleteResourceMeta", "Resource meta is incomplete"},
		{"no rules", {.presence = AGENT_PRESENT}, "StatusFeedbackSynced", "True",
			"NoStatusFeedbackSynced", ""},
		{"rules", {.presence = AGENT_PRESENT, .has_feedback_rules = true},
			"StatusFeedbackSynced", "True", "StatusFeedbackSynced", ""},
		{"rules fail",
			{.presence = AGENT_PRESENT,
				.has_feedback_rules = true,
				.feedback_error = {"bad path", 8}},
			"StatusFeedbackSynced", "False", "StatusFeedbackSyncFailed",
			"Sync status feedback failed with error bad path"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct json *entry = json_at(json_get(status_new(arena), "resourceStatus"), 0);
		agent_status_set_manifest(entry, &rows[i].outcome, 4, T1);
		const struct json *has =
			agent_condition_find(json_get(entry, "conditions"), rows[i].type);
		if (!has || !str_eq_c(json_get_text(has, "status"), rows[i].status) ||
			!str_eq_c(json_get_text(has, "reason"), rows[i].reason) ||
			!str_eq_c(json_get_text(has, "message"), rows[i].message))
			fail_msg("%s", rows[i].name);
		arena_free(arena);
	}
}

static void what_was_not_looked_at_stays(void **state)
{
	struct arena *arena = arena_new(0);
	struct json *entry = json_at(json_get(status_new(arena), "resourceStatus"), 0);
	struct agent_manifest_outcome outcome = {.was_applied = true, .presence = AGENT_PRESENT};
	agent_status_set_manifest(entry, &outcome, 4, T1);
	struct json *before = json_copy(arena, entry);
	agent_status_set_manifest(entry, &(struct agent_manifest_outcome){0}, 5, T2);
	assert_true(json_equal(before, entry));
	arena_free(arena);
}

static void feedback_moves_its_time_when_a_value_changes(void **state)
{
	struct arena *arena = arena_new(0);
	struct json *entry = json_at(json_get(status_new(arena), "resourceStatus"), 0);
	struct agent_manifest_outcome outcome = {.presence = AGENT_PRESENT,
		.has_feedback_rules = true,
		.feedback = parse(arena, "[{\"name\":\"x\",\"fieldValue\":{\"type\":\"Integer\","
					 "\"integer\":1}}]")};
	const char *const times[] = {
		"2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", "2026-01-02T03:05:00Z"};
	for (size_t i = 0; i < 3; i++) {
		if (i == 2)
			outcome.feedback = parse(arena,
				"[{\"name\":\"x\",\"fieldValue\":{\"type\":\"Integer\",\"integer\":"
				"2}}]");
		agent_status_set_manifest(entry, &outcome, 1, i == 0 ? T1 : T2);
		const struct json *has =
			agent_condition_find(json_get(entry, "conditions"), "StatusFeedbackSynced");
		assert_true(str_eq_c(json_get_text(has, "lastTransitionTime"), times[i]));
	}
	arena_free(arena);
}

static void a_work_is_the_sum_of_its_manifests(void **state)
{
	static const struct {
		bool fails;
		enum agent_presence first, second;
		const char *applied, *available, *reason, *message;
	} rows[] = {
		{false, AGENT_PRESENT, AGENT_PRESENT, "True", "True", "ResourcesAvailable",
			"All resources are available"},
		{true, AGENT_PRESENT, AGENT_PRESENT, "False", "True", "ResourcesAvailable",
			"All resources are available"},
		{false, AGENT_PRESENT, AGENT_ABSENT, "True", "False", "ResourcesNotAvailable",
			"1 of 2 resources are not available"},
		{false, AGENT_UNREADABLE, AGENT_ABSENT, "True", "False", "ResourcesNotAvailable",
			"1 of 2 resources are not available"},
		{false, AGENT_UNREADABLE, AGENT_UNREADABLE, "True", "Unknown",
			"ResourcesStatusUnknown", "2 of 2 resources have unknown status"},
		{false, AGENT_PRESENT, AGENT_UNMAPPED, "True", "Unknown", "ResourcesStatusUnknown",
			"1 of 2 resources have unknown status"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct json *status = status_new(arena);
		struct json *entries = json_get(status, "resourceStatus");
		struct agent_manifest_outcome first = {
			.was_applied = true, .presence = rows[i].first};
		struct agent_manifest_outcome second = {.was_applied = true,
			.presence = rows[i].second,
			.apply_error = rows[i].fails ? STR("no") : STR_NULL};
		agent_status_set_manifest(json_at(entries, 0), &first, 2, T1);
		agent_status_set_manifest(json_at(entries, 1), &second, 2, T1);
		agent_status_summarize(status, 2, T1);
		const struct json *conditions = json_get(status, "conditions");
		const struct json *available = agent_condition_find(conditions, "Available");
		assert_true(agent_condition_is(conditions, "Applied", rows[i].applied));
		assert_true(agent_condition_is(conditions, "Available", rows[i].available));
		assert_true(str_eq_c(json_get_text(available, "reason"), rows[i].reason));
		assert_true(str_eq_c(json_get_text(available, "message"), rows[i].message));
		arena_free(arena);
	}
}

static void entries_are_carried_over_when_manifests_move(void **state)
{
	struct arena *arena = arena_new(0);
	struct json *status = status_new(arena);
	struct json *entries = json_get(status, "resourceStatus");
	struct agent_manifest_outcome outcome = {.was_applied = true, .presence = AGENT_PRESENT};
	agent_status_set_manifest(json_at(entries, 1), &outcome, 1, T1);
	/* b moves to the front, a goes. */
	struct agent_resource_meta moved = meta_b;
	moved.ordinal = 0;
	struct json *after = agent_status_match(arena, entries, &moved, 1);
	assert_int_equal(json_count(after), 1);
	const struct json *entry = json_at(after, 0);
	assert_int_equal(json_int(json_find(entry, "resourceMeta", "ordinal", NULL), -1), 0);
	assert_true(agent_condition_is(json_get(entry, "conditions"), "Available", "True"));
	arena_free(arena);
}

static void a_deletion_is_acknowledged_in_the_original_words(void **state)
{
	struct arena *arena = arena_new(0);
	struct json *status = json_new_object(arena);
	agent_status_set_deleting(status, 3, T1);
	agent_status_set_deleted(status, "cluster1", 3, T2);
	struct json *expected = parse(arena,
		"[{\"type\":\"Deleting\",\"status\":\"True\",\"observedGeneration\":3,"
		"\"lastTransitionTime\":\"2026-01-02T03:04:05Z\",\"reason\":\"WorkDeleting\","
		"\"message\":\"ManifestWork is being deleted\"},"
		"{\"type\":\"Deleted\",\"status\":\"True\",\"lastTransitionTime\":"
		"\"2026-01-02T03:05:00Z\",\"reason\":\"ManifestsDeleted\",\"message\":"
		"\"The manifests are deleted from the cluster cluster1\"}]");
	assert_true(json_equal(json_get(status, "conditions"), expected));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_that_of_the_original_agent),
		cmocka_unit_test(time_moves_only_with_the_status_of_a_condition),
		cmocka_unit_test(outcomes_become_conditions_verbatim),
		cmocka_unit_test(what_was_not_looked_at_stays),
		cmocka_unit_test(feedback_moves_its_time_when_a_value_changes),
		cmocka_unit_test(a_work_is_the_sum_of_its_manifests),
		cmocka_unit_test(entries_are_carried_over_when_manifests_move),
		cmocka_unit_test(a_deletion_is_acknowledged_in_the_original_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
