/*
 * agent_status.c - statuses as the OCM work agent writes them; reasons and messages verbatim,
 * because clients compare them.
 */
#include "maestro/agent_status.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- conditions ---------------------------------------------------------------------------- */

struct json *agent_condition_find(const struct json *conditions, const char *type)
{
	struct json *each;
	json_for_each (conditions, i, each) {
		if (str_eq_c(json_get_text(each, "type"), type))
			return each;
	}
	return NULL;
}

bool agent_condition_is(const struct json *conditions, const char *type, const char *status)
{
	const struct json *condition = agent_condition_find(conditions, type);
	return condition && str_eq_c(json_get_text(condition, "status"), status);
}

void agent_condition_set(
	struct json *conditions, const struct agent_condition *condition, struct str now)
{
	struct arena *arena = json_arena(conditions);
	struct json *old = agent_condition_find(conditions, condition->type);
	struct str since = json_get_text(old, "lastTransitionTime");
	if (!str_eq_c(json_get_text(old, "status"), condition->status) || str_is_null(since))
		since = now;
	struct json *object = old ? old : json_new_object(arena);
	json_set_text(object, "type", str_of(condition->type));
	json_set_text(object, "status", str_of(condition->status));
	if (condition->observed_generation != 0)
		json_set_int(object, "observedGeneration", condition->observed_generation);
	json_set_text(object, "lastTransitionTime", since);
	json_set_text(object, "reason", str_of(condition->reason));
	json_set_text(
		object, "message", str_is_null(condition->message) ? STR("") : condition->message);
	if (!old)
		json_append(conditions, object);
}

static void condition_remove(struct json *conditions, const char *type)
{
	struct json *each;
	json_for_each (conditions, i, each) {
		if (str_eq_c(json_get_text(each, "type"), type)) {
			json_remove_at(conditions, i);
			return;
		}
	}
}

static struct json *array_of(struct json *object, const char *member)
{
	struct json *array = json_get(object, member);
	if (json_is(array, JSON_ARRAY))
		return array;
	array = json_new_array(json_arena(object));
	json_set(object, member, array);
	return array;
}

/* --- entries of manifests ------------------------------------------------------------------ */

static bool meta_matches(
	const struct json *entry, const struct agent_resource_meta *wanted, bool with_ordinal)
{
	const struct json *meta = json_get(entry, "resourceMeta");
	const struct {
		const char *member;
		struct str value;
	} rows[] = {
		{"group", wanted->group},
		{"version", wanted->version},
		{"kind", wanted->kind},
		{"resource", wanted->resource},
		{"name", wanted->name},
		{"namespace", wanted->name_space},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!str_eq(json_get_text(meta, rows[i].member), rows[i].value))
			return false;
	}
	return !with_ordinal || json_int(json_get(meta, "ordinal"), -1) == (int64_t)wanted->ordinal;
}

static struct json *entry_find(const struct json *old, const struct agent_resource_meta *wanted)
{
	struct json *each, *found = NULL;
	size_t matches = 0;
	json_for_each (old, i, each) {
		if (meta_matches(each, wanted, true))
			return each;
	}
	json_for_each (old, k, each) {
		if (meta_matches(each, wanted, false)) {
			found = each;
			matches++;
		}
	}
	return matches == 1 ? found : NULL;
}

static struct json *meta_new(struct arena *arena, const struct agent_resource_meta *from)
{
	struct json *meta = json_new_object(arena);
	json_set_int(meta, "ordinal", (int64_t)from->ordinal);
	json_set_text(meta, "group", from->group);
	json_set_text(meta, "version", from->version);
	json_set_text(meta, "kind", from->kind);
	json_set_text(meta, "resource", from->resource);
	json_set_text(meta, "name", from->name);
	json_set_text(meta, "namespace", from->name_space);
	return meta;
}

struct json *agent_status_match(struct arena *arena, const struct json *old,
	const struct agent_resource_meta *manifests, size_t count)
{
	struct json *entries = json_new_array(arena);
	for (size_t i = 0; i < count; i++) {
		struct json *found = entry_find(old, &manifests[i]);
		struct json *entry = json_new_object(arena);
		struct json *feedback = json_get(found, "statusFeedback");
		struct json *conditions = json_get(found, "conditions");
		json_set(entry, "resourceMeta", meta_new(arena, &manifests[i]));
		json_set(entry, "statusFeedback", feedback ? feedback : json_new_object(arena));
		json_set(entry, "conditions", conditions ? conditions : json_new_array(arena));
		json_append(entries, entry);
	}
	return entries;
}

/* --- one manifest -------------------------------------------------------------------------- */

static void set_applied(struct json *conditions, const struct agent_manifest_outcome *outcome,
	int64_t generation, struct str now)
{
	struct agent_condition condition = {"Applied", "True", "AppliedManifestComplete",
		STR("Apply manifest complete"), generation};
	if (!str_is_null(outcome->apply_error)) {
		condition.status = "False";
		condition.reason = "AppliedManifestFailed";
		condition.message = arena_printf(json_arena(conditions),
			"Failed to apply manifest: %" STR_F, STR_A(outcome->apply_error));
	}
	agent_condition_set(conditions, &condition, now);
}

static void set_available(
	struct json *conditions, const struct agent_manifest_outcome *outcome, struct str now)
{
	static const struct {
		enum agent_presence presence;
		struct agent_condition condition;
	} rows[] = {
		{AGENT_PRESENT, {"Available", "True", "ResourceAvailable",
					{"Resource is available", 21}, 0}},
		{AGENT_ABSENT, {"Available", "False", "ResourceNotAvailable",
				       {"Resource is not available", 25}, 0}},
		{AGENT_UNMAPPED, {"Available", "Unknown", "IncompleteResourceMeta",
					 {"Resource meta is incomplete", 27}, 0}},
		{AGENT_UNREADABLE,
			{"Available", "Unknown", "FetchingResourceFailed", {NULL, 0}, 0}},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].presence != outcome->presence)
			continue;
		struct agent_condition condition = rows[i].condition;
		if (outcome->presence == AGENT_UNREADABLE)
			condition.message = arena_printf(json_arena(conditions),
				"Failed to fetch resource: %" STR_F, STR_A(outcome->read_error));
		agent_condition_set(conditions, &condition, now);
	}
}

/* The time of StatusFeedbackSynced is that of the last change of a value. */
static void set_feedback(struct json *entry, struct json *conditions,
	const struct agent_manifest_outcome *outcome, struct str now)
{
	struct arena *arena = json_arena(conditions);
	struct agent_condition condition = {
		"StatusFeedbackSynced", "True", "StatusFeedbackSynced", STR(""), 0};
	struct json *feedback = json_new_object(arena);
	if (json_count(outcome->feedback) > 0)
		json_set(feedback, "values", outcome->feedback);
	if (!json_equal(feedback, json_get(entry, "statusFeedback"))) {
		json_set(entry, "statusFeedback", feedback);
		condition_remove(conditions, condition.type);
	}
	if (!outcome->has_feedback_rules)
		condition.reason = "NoStatusFeedbackSynced";
	if (!str_is_null(outcome->feedback_error)) {
		condition.status = "False";
		condition.reason = "StatusFeedbackSyncFailed";
		condition.message =
			arena_printf(arena, "Sync status feedback failed with error %" STR_F,
				STR_A(outcome->feedback_error));
	}
	agent_condition_set(conditions, &condition, now);
}

void agent_status_set_manifest(struct json *entry, const struct agent_manifest_outcome *outcome,
	int64_t generation, struct str now)
{
	struct json *conditions = array_of(entry, "conditions");
	if (outcome->was_applied)
		set_applied(conditions, outcome, generation, now);
	set_available(conditions, outcome, now);
	if (outcome->presence == AGENT_PRESENT)
		set_feedback(entry, conditions, outcome, now);
}

/* --- the work ------------------------------------------------------------------------------ */

static size_t count_condition(const struct json *entries, const char *type, const char *status)
{
	size_t count = 0;
	struct json *each;
	json_for_each (entries, i, each)
		count += agent_condition_is(json_get(each, "conditions"), type, status);
	return count;
}

static void summarize_applied(
	struct json *conditions, const struct json *entries, int64_t generation, struct str now)
{
	struct agent_condition condition = {"Applied", "True", "AppliedManifestWorkComplete",
		STR("Apply manifest work complete"), generation};
	if (count_condition(entries, "Applied", "False") > 0) {
		condition.status = "False";
		condition.reason = "AppliedManifestWorkFailed";
		condition.message = STR("Failed to apply manifest work");
	}
	agent_condition_set(conditions, &condition, now);
}

static void summarize_available(
	struct json *conditions, const struct json *entries, int64_t generation, struct str now)
{
	struct arena *arena = json_arena(conditions);
	size_t total = json_count(entries);
	size_t absent = count_condition(entries, "Available", "False");
	size_t present = count_condition(entries, "Available", "True");
	struct agent_condition condition = {"Available", "True", "ResourcesAvailable",
		STR("All resources are available"), generation};
	if (absent > 0) {
		condition.status = "False";
		condition.reason = "ResourcesNotAvailable";
		condition.message = arena_printf(
			arena, "%zu of %zu resources are not available", absent, total);
	} else if (present < total) {
		condition.status = "Unknown";
		condition.reason = "ResourcesStatusUnknown";
		condition.message = arena_printf(
			arena, "%zu of %zu resources have unknown status", total - present, total);
	}
	agent_condition_set(conditions, &condition, now);
}

void agent_status_summarize(struct json *status, int64_t generation, struct str now)
{
	struct json *conditions = array_of(status, "conditions");
	const struct json *entries = json_get(status, "resourceStatus");
	summarize_applied(conditions, entries, generation, now);
	summarize_available(conditions, entries, generation, now);
}

void agent_status_set_deleting(struct json *status, int64_t generation, struct str now)
{
	const struct agent_condition condition = {"Deleting", "True", "WorkDeleting",
		STR("ManifestWork is being deleted"), generation};
	agent_condition_set(array_of(status, "conditions"), &condition, now);
}

void agent_status_set_deleted(
	struct json *status, const char *consumer, int64_t generation, struct str now)
{
	struct agent_condition condition = {"Deleted", "True", "ManifestsDeleted",
		arena_printf(json_arena(status), "The manifests are deleted from the cluster %s",
			consumer),
		0};
	agent_condition_set(array_of(status, "conditions"), &condition, now);
}

void agent_status_hash(
	struct arena *arena, const struct json *status, char out[HASH_SHA256_HEX_SIZE])
{
	struct json *work = json_new_object(arena);
	struct json *resources = json_new_object(arena);
	struct json *conditions = json_get(status, "conditions");
	struct json *entries = json_get(status, "resourceStatus");
	if (json_count(conditions) > 0)
		json_set(work, "conditions", conditions);
	if (json_count(entries) > 0)
		json_set(resources, "manifests", entries);
	json_set(work, "resourceStatus", resources);
	hash_sha256_hex(json_text(arena, work, JSON_WRITE_SORTED | JSON_WRITE_HTML), out);
}
