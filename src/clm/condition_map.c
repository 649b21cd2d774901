/*
 * condition_map.c - see condition_map.h.
 */
#include "clm/condition_map.h"

#include "base/clock.h"
#include "clm/redact.h"
#include "data/cel.h"

struct mapping_run {
	struct arena *arena;
	const struct resource *resource;
	const struct condition_list *previous;
	struct cel_env env;
	struct error *err;
};

/* --- what expressions see --------------------------------------------------------------------- */

static bool has_unknown(const struct report *report)
{
	for (size_t i = 0; i < report->condition_count; i++)
		if (str_eq_c(report->conditions[i].status, "Unknown"))
			return true;
	return false;
}

static struct json *conditions_of(struct arena *arena, const struct report *report)
{
	struct json *list = json_new_array(arena);

	for (size_t i = 0; i < report->condition_count; i++) {
		const struct reported_condition *condition = &report->conditions[i];
		struct json *item = json_new_object(arena);

		json_set_text(item, "type", condition->type);
		json_set_text(item, "status", condition->status);
		json_set_text(item, "reason",
			str_is_null(condition->reason) ? STR("") : condition->reason);
		json_set_text(item, "message",
			str_is_null(condition->message) ? STR("") : condition->message);
		json_append(list, item);
	}
	return list;
}

static int add_document(struct arena *arena, struct json *object, const char *name, struct str text,
	struct error *err)
{
	struct json *document;

	if (json_parse(arena, text, NULL, &document, err) != 0)
		return error_prefix(err, "a stored document");
	redact(arena, document);
	json_set(object, name, document);
	return 0;
}

static int add_statuses(struct arena *arena, const struct report_list *reports,
	struct json *variables, struct error *err)
{
	struct json *list = json_new_array(arena);

	for (size_t i = 0; i < reports->count; i++) {
		const struct report *report = &reports->items[i];
		struct json *item;

		if (has_unknown(report))
			continue;
		item = json_new_object(arena);
		json_set_text(item, "adapter", report->adapter);
		json_set_int(item, "observed_generation", report->observed_generation);
		json_set(item, "conditions", conditions_of(arena, report));
		if (add_document(arena, item, "data", report->data, err) != 0)
			return -1;
		json_append(list, item);
	}
	json_set(variables, "statuses", list);
	return 0;
}

static void add_time(struct arena *arena, struct json *object, const char *name, int64_t time_us)
{
	json_set(object, name,
		time_us == 0 ? json_new_null(arena)
			     : json_new_string(arena, clock_text(arena, time_us)));
}

static void add_text(struct arena *arena, struct json *object, const char *name, struct str text)
{
	json_set(object, name,
		str_is_null(text) ? json_new_null(arena) : json_new_string(arena, text));
}

static int add_resource(struct arena *arena, const struct resource *resource,
	struct json *variables, struct error *err)
{
	struct json *object = json_new_object(arena);

	add_text(arena, object, "ID", resource->id);
	add_time(arena, object, "CreatedTime", resource->created_us);
	add_time(arena, object, "UpdatedTime", resource->updated_us);
	add_time(arena, object, "DeletedTime", resource->deleted_us);
	add_text(arena, object, "kind", resource->kind);
	add_text(arena, object, "name", resource->name);
	add_text(arena, object, "href", resource->href);
	add_text(arena, object, "owner_id", resource->owner_id);
	add_text(arena, object, "owner_kind", resource->owner_kind);
	add_text(arena, object, "owner_href", resource->owner_href);
	json_set_int(object, "generation", resource->generation);
	json_set(variables, "resource", object);
	return add_document(arena, object, "spec", resource->spec, err) != 0 ||
			       add_document(arena, object, "tenancy", resource->tenancy, err) != 0
		       ? -1
		       : 0;
}

/* --- one mapping ------------------------------------------------------------------------------ */

static int failed(struct mapping_run *run, const struct condition_mapping *mapping,
	const char *part, const char *why)
{
	return error_set(run->err, ERROR_INTERNAL,
		"condition %" STR_F " of kind %" STR_F ": %s: %s", STR_A(mapping->type),
		STR_A(run->resource->kind), part, why);
}

/* The status's own words: True and False in any case, or a bool. */
static int read_status(struct mapping_run *run, const struct condition_mapping *mapping, bool *ret)
{
	struct json *value;
	struct error err;

	if (cel_eval(mapping->status, run->arena, &run->env, &value, &err) != 0)
		return failed(run, mapping, "status", err.message);
	if (json_is(value, JSON_BOOL))
		*ret = json_bool(value, false);
	else if (json_is(value, JSON_STRING) && str_casecmp(json_str(value), STR("True")) == 0)
		*ret = true;
	else if (json_is(value, JSON_STRING) && str_casecmp(json_str(value), STR("False")) == 0)
		*ret = false;
	else
		return failed(run, mapping, "status", "is neither True nor False");
	return 0;
}

static int read_text(struct mapping_run *run, const struct condition_mapping *mapping,
	const char *part, const struct cel *expression, struct str *ret)
{
	struct json *value;
	struct error err;

	*ret = STR("");
	if (expression == NULL)
		return 0;
	if (cel_eval(expression, run->arena, &run->env, &value, &err) != 0)
		return failed(run, mapping, part, err.message);
	if (!json_is(value, JSON_STRING))
		return failed(run, mapping, part, "is not text");
	*ret = json_str(value);
	return 0;
}

/* At most so many bytes, without half a character at the end. */
static struct str cut(struct str text, size_t most)
{
	if (text.len <= most)
		return text;
	while (most > 0 && ((unsigned char)text.ptr[most] & 0xc0) == 0x80)
		most--;
	return str_slice(text, 0, most);
}

static void set_times(const struct mapping_run *run, struct condition *now)
{
	const struct condition *before = condition_find(run->previous, now->type);

	now->observed_generation = run->resource->generation;
	now->last_updated_us = run->resource->updated_us;
	now->created_us = before != NULL ? before->created_us : run->resource->updated_us;
	now->last_transition_us = before != NULL && before->is_true == now->is_true
					  ? before->last_transition_us
					  : run->resource->updated_us;
}

static int map_one(struct mapping_run *run, const struct condition_mapping *mapping,
	struct condition_list *conditions)
{
	struct condition now = {.type = mapping->type};
	struct error err;
	bool applies;

	if (cel_eval_bool(mapping->when, run->arena, &run->env, &applies, &err) != 0)
		return failed(run, mapping, "when", err.message);
	if (!applies)
		return 0;
	if (read_status(run, mapping, &now.is_true) != 0 ||
		read_text(run, mapping, "reason", mapping->reason, &now.reason) != 0 ||
		read_text(run, mapping, "message", mapping->message, &now.message) != 0)
		return -1;
	if (now.reason.len > CONDITION_MAP_MAX_REASON)
		return 0;
	now.message = cut(now.message, CONDITION_MAP_MAX_MESSAGE);
	set_times(run, &now);
	conditions->items[conditions->count++] = now;
	return 0;
}

static void keep(const struct mapping_run *run, const struct condition_mapping *mapping,
	struct condition_list *conditions)
{
	const struct condition *before = condition_find(run->previous, mapping->type);

	if (before != NULL)
		conditions->items[conditions->count++] = *before;
}

int condition_map_apply(const struct condition_mapping *mappings, size_t count, struct arena *arena,
	const struct resource *resource, const struct report_list *reports,
	const struct condition_list *previous, enum mapping_failure failure,
	struct condition_list *conditions, struct error *err)
{
	struct condition_list list = {.count = conditions->count};
	struct json *variables = json_new_object(arena);
	struct mapping_run run = {
		.arena = arena,
		.resource = resource,
		.previous = previous,
		.env = {.variables = variables, .cost_limit = CONDITION_MAP_MAX_COST},
		.err = err,
	};

	list.items = arena_calloc(arena, list.count + count + 1, sizeof(*list.items));
	if (list.items == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the conditions of a resource");
	if (list.count > 0)
		memcpy(list.items, conditions->items, list.count * sizeof(*list.items));
	if (add_statuses(arena, reports, variables, err) != 0 ||
		add_resource(arena, resource, variables, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (map_one(&run, &mappings[i], &list) == 0)
			continue;
		if (failure == MAPPING_FAILS)
			return -1;
		keep(&run, &mappings[i], &list);
	}
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no room for the conditions of a resource");
	*conditions = list;
	return 0;
}
