/*
 * agent_feedback.c - JSONPaths and the well-known statuses.
 *
 * Types follow the original: an integer is Integer, text String, a boolean Boolean; objects, lists
 * and fractions travel as JsonRaw, compact with sorted members.
 */
#include "maestro/agent_feedback.h"

#include "data/jsonpath.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct feedback {
	struct arena *arena;
	const struct json *object;
	struct json *values;
	struct str error;
};

static void feedback_fail(struct feedback *feedback, struct str words)
{
	if (str_is_null(feedback->error))
		feedback->error = words;
	else
		feedback->error = arena_printf(feedback->arena, "%" STR_F ", %" STR_F,
			STR_A(feedback->error), STR_A(words));
}

/* {"type": T, member: value}; NULL for a null. */
static struct json *field_value(struct feedback *feedback, struct str name, struct json *value)
{
	struct arena *arena = feedback->arena;
	struct json *field = json_new_object(arena);
	int64_t integer;
	struct str number = json_number_text(value);
	bool is_whole = !str_is_null(number) && str_to_int64(number, &integer);
	if (json_is_null(value))
		return NULL;
	if (is_whole) {
		json_set_text(field, "type", STR("Integer"));
		json_set(field, "integer", value);
	} else if (json_is(value, JSON_STRING)) {
		json_set_text(field, "type", STR("String"));
		json_set(field, "string", value);
	} else if (json_is(value, JSON_BOOL)) {
		json_set_text(field, "type", STR("Boolean"));
		json_set(field, "boolean", value);
	} else {
		struct str raw = json_text(arena, value, JSON_WRITE_SORTED | JSON_WRITE_HTML);
		if (raw.len > AGENT_MAX_JSON_RAW) {
			feedback_fail(feedback,
				arena_printf(arena,
					"the length of returned json raw string for name %" STR_F
					" is larger than the maximum length %zu",
					STR_A(name), AGENT_MAX_JSON_RAW));
			return NULL;
		}
		json_set_text(field, "type", STR("JsonRaw"));
		json_set_text(field, "jsonRaw", raw);
	}
	return field;
}

static void value_add(struct feedback *feedback, struct str name, struct json *value)
{
	struct json *field = field_value(feedback, name, value);
	if (!field)
		return;
	struct json *entry = json_new_object(feedback->arena);
	json_set_text(entry, "name", name);
	json_set(entry, "fieldValue", field);
	json_append(feedback->values, entry);
}

/* "apps/v1" is version "v1". */
static struct str version_of(struct str api_version)
{
	ptrdiff_t slash = str_index(api_version, '/');
	return slash < 0 ? api_version : str_slice(api_version, (size_t)slash + 1, api_version.len);
}

static void path_read(struct feedback *feedback, const struct json *rule)
{
	struct arena *arena = feedback->arena;
	struct str name = json_get_text(rule, "name");
	struct str version = json_get_text(rule, "version");
	struct str has = version_of(json_get_text(feedback->object, "apiVersion"));
	if (version.len > 0 && !str_eq(version, has)) {
		feedback_fail(feedback,
			arena_printf(arena,
				"version set in the path %" STR_F " is not matched for the related "
				"resource: %" STR_F " instead of %" STR_F,
				STR_A(name), STR_A(has), STR_A(version)));
		return;
	}
	struct str path = arena_printf(arena, "{%" STR_F "}", STR_A(json_get_text(rule, "path")));
	struct json *found;
	struct error err;
	if (jsonpath_eval(arena, path, feedback->object, &found, &err) < 0) {
		feedback_fail(
			feedback, arena_printf(arena,
					  "failed to parse json path %" STR_F " of %" STR_F ": %s",
					  STR_A(path), STR_A(name), err.message));
		return;
	}
	if (json_count(found) > 0)
		value_add(feedback, name, json_count(found) == 1 ? json_at(found, 0) : found);
}

/* The status of the condition of a type, "" when there is none. */
static struct json *condition_status(const struct json *object, const char *type)
{
	struct json *each;
	json_for_each (json_find(object, "status", "conditions", NULL), i, each) {
		if (str_eq_c(json_get_text(each, "type"), type))
			return json_get(each, "status");
	}
	return NULL;
}

static void well_known_read(struct feedback *feedback)
{
	static const struct {
		const char *api_version, *kind, *name;
		const char *field;     /* of status */
		const char *condition; /* or a condition's status */
	} rows[] = {
		{"apps/v1", "Deployment", "ReadyReplicas", "readyReplicas", NULL},
		{"apps/v1", "Deployment", "Replicas", "replicas", NULL},
		{"apps/v1", "Deployment", "AvailableReplicas", "availableReplicas", NULL},
		{"apps/v1", "DaemonSet", "NumberReady", "numberReady", NULL},
		{"apps/v1", "DaemonSet", "DesiredNumberScheduled", "desiredNumberScheduled", NULL},
		{"apps/v1", "DaemonSet", "NumberAvailable", "numberAvailable", NULL},
		{"batch/v1", "Job", "JobComplete", NULL, "Complete"},
		{"batch/v1", "Job", "JobSucceeded", "succeeded", NULL},
		{"v1", "Pod", "PodReady", NULL, "Ready"},
		{"v1", "Pod", "PodPhase", "phase", NULL},
	};
	struct str api_version = json_get_text(feedback->object, "apiVersion");
	struct str kind = json_get_text(feedback->object, "kind");
	const struct json *status = json_get(feedback->object, "status");
	bool is_known = false;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!str_eq_c(api_version, rows[i].api_version) || !str_eq_c(kind, rows[i].kind))
			continue;
		is_known = true;
		value_add(feedback, str_of(rows[i].name),
			rows[i].field ? json_get(status, rows[i].field)
				      : condition_status(feedback->object, rows[i].condition));
	}
	if (!is_known)
		feedback_fail(feedback,
			arena_printf(feedback->arena,
				"cannot find the wellknown statuses for resource with gvk %" STR_F
				", Kind=%" STR_F,
				STR_A(api_version), STR_A(kind)));
}

void agent_feedback_read(struct arena *arena, const struct json *rules, const struct json *object,
	struct json **ret_values, struct str *ret_error)
{
	struct feedback feedback = {arena, object, json_new_array(arena), STR_NULL};
	struct json *rule, *path;
	json_for_each (rules, i, rule) {
		struct str type = json_get_text(rule, "type");
		if (str_eq_c(type, "WellKnownStatus"))
			well_known_read(&feedback);
		if (!str_eq_c(type, "JSONPaths"))
			continue;
		json_for_each (json_get(rule, "jsonPaths"), k, path)
			path_read(&feedback, path);
	}
	*ret_values = feedback.values;
	*ret_error = feedback.error;
}
