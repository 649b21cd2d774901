/*
 * kubeapi_table.c - cells from JSONPaths and, for built-in kinds, from a table of words.
 */
#include "local/kubeapi_table.h"

#include "base/clock.h"
#include "data/jsonpath.h"

struct str kubeapi_table_age(struct arena *arena, int64_t us)
{
	long long s = us / CLOCK_US_PER_S, m = s / 60, h = m / 60, d = h / 24, y = d / 365;

	if (s < -1)
		return STR("<invalid>");
	if (s < 0)
		return STR("0s");
	if (s < 120)
		return arena_printf(arena, "%llds", s);
	if (m < 10)
		return s % 60 ? arena_printf(arena, "%lldm%llds", m, s % 60)
			      : arena_printf(arena, "%lldm", m);
	if (m < 180)
		return arena_printf(arena, "%lldm", m);
	if (h < 8)
		return m % 60 ? arena_printf(arena, "%lldh%lldm", h, m % 60)
			      : arena_printf(arena, "%lldh", h);
	if (h < 48)
		return arena_printf(arena, "%lldh", h);
	if (d < 8)
		return h % 24 ? arena_printf(arena, "%lldd%lldh", d, h % 24)
			      : arena_printf(arena, "%lldd", d);
	if (y < 2)
		return arena_printf(arena, "%lldd", d);
	if (y < 8 && d % 365)
		return arena_printf(arena, "%lldy%lldd", y, d % 365);
	return arena_printf(arena, "%lldy", y);
}

/* --- words of built-in kinds --------------------------------------------------------------- */

static struct str count_text(struct arena *arena, size_t count)
{
	return arena_printf(arena, "%zu", count);
}

static struct str cell_data(struct arena *arena, const struct json *o)
{
	return count_text(
		arena, json_count(json_get(o, "data")) + json_count(json_get(o, "binaryData")));
}

static struct str cell_secrets(struct arena *arena, const struct json *o)
{
	return count_text(arena, json_count(json_get(o, "secrets")));
}

/* Texts of the list's items' member, joined by commas. */
static struct str join(struct arena *arena, const struct json *list, const char *key)
{
	struct str text = STR_NULL;
	struct json *item;

	json_for_each (list, i, item)
		text = arena_printf(arena, "%" STR_F "%s%" STR_F, STR_A(text), i ? "," : "",
			STR_A(json_get_text(item, key)));
	return text;
}

static struct str cell_external(struct arena *arena, const struct json *o)
{
	const struct json *ingress =
		json_get(json_find(o, "status", "loadBalancer", NULL), "ingress");
	struct str hosts = join(arena, ingress, "hostname");

	if (hosts.len > 0)
		return hosts;
	if (json_count(ingress) > 0)
		return join(arena, ingress, "ip");
	return str_eq_c(json_get_text(json_get(o, "spec"), "type"), "LoadBalancer")
		       ? STR("<pending>")
		       : STR_NULL;
}

static struct str cell_ports(struct arena *arena, const struct json *o)
{
	struct str text = STR_NULL;
	struct json *port;

	json_for_each (json_find(o, "spec", "ports", NULL), i, port) {
		struct str node = json_number_text(json_get(port, "nodePort"));
		text = arena_printf(arena, "%" STR_F "%s%" STR_F "%s%" STR_F "/%" STR_F,
			STR_A(text), i ? "," : "", STR_A(json_number_text(json_get(port, "port"))),
			node.len ? ":" : "", STR_A(node), STR_A(json_get_text(port, "protocol")));
	}
	return text;
}

static struct str cell_selector(struct arena *arena, const struct json *o)
{
	const struct json *selector = json_find(o, "spec", "selector", NULL), *labels;
	struct str text = STR_NULL;
	struct json *value;

	labels = json_get(selector, "matchLabels");
	labels = json_is(labels, JSON_OBJECT) ? labels : selector;
	json_for_each (labels, i, value)
		text = arena_printf(arena, "%" STR_F "%s%" STR_F "=%" STR_F, STR_A(text),
			i ? "," : "", STR_A(json_key_at(labels, i)), STR_A(json_str(value)));
	return text;
}

static struct str cell_pod_ready(struct arena *arena, const struct json *o)
{
	struct json *status;
	size_t ready = 0;

	json_for_each (json_find(o, "status", "containerStatuses", NULL), i, status)
		ready += json_bool(json_get(status, "ready"), false);
	return arena_printf(
		arena, "%zu/%zu", ready, json_count(json_find(o, "spec", "containers", NULL)));
}

static struct str cell_pod_status(struct arena *arena, const struct json *o)
{
	const struct json *status = json_get(o, "status");
	struct str reason = json_get_text(status, "reason");

	if (json_find(o, "metadata", "deletionTimestamp", NULL))
		return STR("Terminating");
	return reason.len > 0 ? reason : json_get_text(status, "phase");
}

static struct str cell_restarts(struct arena *arena, const struct json *o)
{
	struct json *status;
	int64_t count = 0;

	json_for_each (json_find(o, "status", "containerStatuses", NULL), i, status)
		count += json_int(json_get(status, "restartCount"), 0);
	return arena_printf(arena, "%lld", (long long)count);
}

static struct str cell_last_seen(struct arena *arena, const struct json *o)
{
	struct str seen = json_get_text(o, "lastTimestamp");

	if (seen.len == 0)
		seen = json_get_text(o, "eventTime");
	return seen.len > 0 ? seen : json_get_text(json_get(o, "metadata"), "creationTimestamp");
}

static struct str cell_involved(struct arena *arena, const struct json *o)
{
	const struct json *object = json_get(o, "involvedObject");
	char *kind = arena_cstr(arena, json_get_text(object, "kind"));

	for (char *c = kind; c && *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	return arena_printf(
		arena, "%s/%" STR_F, kind ? kind : "", STR_A(json_get_text(object, "name")));
}

static struct str condition_status(const struct json *o, const char *type)
{
	struct json *condition;

	json_for_each (json_find(o, "status", "conditions", NULL), i, condition)
		if (str_eq_c(json_get_text(condition, "type"), type))
			return json_get_text(condition, "status");
	return STR_NULL;
}

static struct str cell_node_status(struct arena *arena, const struct json *o)
{
	struct str ready = condition_status(o, "Ready");
	const char *text = str_eq_c(ready, "True") ? "Ready" : ready.len ? "NotReady" : "Unknown";
	bool is_cordoned = json_bool(json_find(o, "spec", "unschedulable", NULL), false);

	return arena_printf(arena, "%s%s", text, is_cordoned ? ",SchedulingDisabled" : "");
}

static struct str cell_roles(struct arena *arena, const struct json *o)
{
	const struct json *labels = json_find(o, "metadata", "labels", NULL);
	struct str prefix = STR("node-role.kubernetes.io/"), text = STR_NULL;

	for (size_t i = 0; i < json_count(labels); i++) {
		struct str key = json_key_at(labels, i);
		if (str_starts_with(key, prefix))
			text = arena_printf(arena, "%" STR_F "%s%" STR_F, STR_A(text),
				text.len ? "," : "", STR_A(str_slice(key, prefix.len, key.len)));
	}
	return text;
}

static long long status_number(const struct json *o, const char *key)
{
	return json_int(json_find(o, "status", key, NULL), 0);
}

static struct str cell_replicas(struct arena *arena, const struct json *o)
{
	return arena_printf(arena, "%lld/%lld", status_number(o, "readyReplicas"),
		(long long)json_int(json_find(o, "spec", "replicas", NULL), 0));
}

static struct str cell_updated(struct arena *arena, const struct json *o)
{
	return arena_printf(arena, "%lld", status_number(o, "updatedReplicas"));
}

static struct str cell_available(struct arena *arena, const struct json *o)
{
	return arena_printf(arena, "%lld", status_number(o, "availableReplicas"));
}

static struct str cell_current(struct arena *arena, const struct json *o)
{
	return arena_printf(arena, "%lld", status_number(o, "replicas"));
}

static struct str cell_ready(struct arena *arena, const struct json *o)
{
	return arena_printf(arena, "%lld", status_number(o, "readyReplicas"));
}

static const struct json *containers_of(const struct json *o)
{
	return json_get(json_get(json_find(o, "spec", "template", NULL), "spec"), "containers");
}

static struct str cell_containers(struct arena *arena, const struct json *o)
{
	return join(arena, containers_of(o), "name");
}

static struct str cell_images(struct arena *arena, const struct json *o)
{
	return join(arena, containers_of(o), "image");
}

static struct str cell_job_status(struct arena *arena, const struct json *o)
{
	if (str_eq_c(condition_status(o, "Complete"), "True"))
		return STR("Complete");
	if (str_eq_c(condition_status(o, "Failed"), "True"))
		return STR("Failed");
	return json_bool(json_find(o, "spec", "suspend", NULL), false) ? STR("Suspended")
								       : STR("Running");
}

static struct str cell_completions(struct arena *arena, const struct json *o)
{
	return arena_printf(arena, "%lld/%lld", status_number(o, "succeeded"),
		(long long)json_int(json_find(o, "spec", "completions", NULL), 1));
}

static struct str cell_role(struct arena *arena, const struct json *o)
{
	const struct json *role = json_get(o, "roleRef");

	return arena_printf(arena, "%" STR_F "/%" STR_F, STR_A(json_get_text(role, "kind")),
		STR_A(json_get_text(role, "name")));
}

static const struct {
	const char *name;
	struct str (*cell)(struct arena *arena, const struct json *object);
} cell_words[] = {
	{"=data", cell_data},
	{"=secrets", cell_secrets},
	{"=external", cell_external},
	{"=ports", cell_ports},
	{"=selector", cell_selector},
	{"=podready", cell_pod_ready},
	{"=podstatus", cell_pod_status},
	{"=restarts", cell_restarts},
	{"=lastseen", cell_last_seen},
	{"=involved", cell_involved},
	{"=nodestatus", cell_node_status},
	{"=roles", cell_roles},
	{"=replicas", cell_replicas},
	{"=updated", cell_updated},
	{"=available", cell_available},
	{"=current", cell_current},
	{"=ready", cell_ready},
	{"=containers", cell_containers},
	{"=images", cell_images},
	{"=jobstatus", cell_job_status},
	{"=completions", cell_completions},
	{"=role", cell_role},
};

/* --- cells --------------------------------------------------------------------------------- */

static struct json *word_value(struct arena *arena, const char *source, const struct json *object)
{
	for (size_t i = 0; i < sizeof(cell_words) / sizeof(cell_words[0]); i++)
		if (strcmp(cell_words[i].name, source) == 0)
			return json_new_string(arena, cell_words[i].cell(arena, object));
	return NULL;
}

static struct json *path_value(struct arena *arena, const char *source, const struct json *object)
{
	struct json *found;

	if (jsonpath_eval(arena, str_of(source), object, &found, NULL) < 0)
		return NULL;
	return json_at(found, 0);
}

static struct json *date_cell(struct arena *arena, const struct json *value, int64_t now_us)
{
	int64_t then_us;

	if (json_is_null(value))
		return json_new_cstr(arena, "<unknown>");
	if (!clock_parse(json_str(value), &then_us))
		return json_new_cstr(arena, "<invalid>");
	return json_new_string(arena, kubeapi_table_age(arena, now_us - then_us));
}

static struct json *cell(struct arena *arena, const struct kubeapi_type *type,
	const struct kubeapi_column *column, const struct json *object, int64_t now_us)
{
	struct json *value = column->source[0] == '=' ? word_value(arena, column->source, object)
						      : path_value(arena, column->source, object);
	int64_t number;

	if (strcmp(column->type, "date") == 0)
		return date_cell(arena, value, now_us);
	if (json_is_null(value))
		return !type->is_builtin		      ? json_new_null(arena)
		       : strcmp(column->type, "integer") == 0 ? json_new_int(arena, 0)
							      : json_new_cstr(arena, "<none>");
	if (strcmp(column->type, "integer") == 0 && str_to_int64(json_str(value), &number))
		return json_new_int(arena, number);
	if (strcmp(column->type, "string") == 0 && !json_is(value, JSON_STRING))
		return json_new_string(arena, json_text(arena, value, JSON_WRITE_COMPACT));
	return value;
}

struct json *kubeapi_table_row(struct arena *arena, const struct kubeapi_type *type,
	const struct json *object, int64_t now_us)
{
	struct json *row = json_new_object(arena), *cells = json_new_array(arena);

	for (size_t i = 0; i < type->column_count; i++)
		json_append(cells, cell(arena, type, &type->columns[i], object, now_us));
	json_set(row, "cells", cells);
	return row;
}

struct json *kubeapi_table_new(struct arena *arena, const struct kubeapi_type *type)
{
	struct json *table = json_new_object(arena), *definitions = json_new_array(arena);

	json_set(table, "kind", json_new_cstr(arena, "Table"));
	json_set(table, "apiVersion", json_new_cstr(arena, "meta.k8s.io/v1"));
	json_set(table, "metadata", json_new_object(arena));
	for (size_t i = 0; i < type->column_count; i++) {
		const struct kubeapi_column *column = &type->columns[i];
		struct json *definition = json_new_object(arena);
		json_set_text(definition, "name", str_of(column->name));
		json_set_text(definition, "type",
			strcmp(column->type, "date") == 0 && type->is_builtin
				? STR("string")
				: str_of(column->type));
		json_set_text(definition, "format", str_of(column->format ? column->format : ""));
		json_set_text(definition, "description",
			str_of(column->description ? column->description : ""));
		json_set_int(definition, "priority", column->priority);
		json_append(definitions, definition);
	}
	json_set(table, "columnDefinitions", definitions);
	json_set(table, "rows", json_new_array(arena));
	return table;
}
