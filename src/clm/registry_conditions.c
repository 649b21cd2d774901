/*
 * registry_conditions.c - see registry_conditions.h.
 */
#include "clm/registry_conditions.h"

#include <stdlib.h>

#include "clm/aggregate.h"
#include "data/cel_check.h"

enum result { RESULT_BOOL, RESULT_STATUS, RESULT_TEXT };

static const struct cel_variable variables[] = {
	{"statuses", "list(dyn)"}, {"resource", "map(string, dyn)"}};
static const char *const functions[] = {"toJson(dyn) string", "dig(dyn, string) dyn"};
static const struct cel_check_env environment = {
	.libraries = CEL_OPTIONALS,
	.variables = variables,
	.variable_count = sizeof(variables) / sizeof(variables[0]),
	.functions = functions,
	.function_count = sizeof(functions) / sizeof(functions[0]),
};

static bool fits(enum result result, struct str type)
{
	if (str_eq_c(type, "dyn"))
		return true;
	return (result != RESULT_TEXT && str_eq_c(type, "bool")) ||
	       (result != RESULT_BOOL && str_eq_c(type, "string"));
}

/* {expression: ...} */
static int read_expression(struct arena *arena, const struct json *value, const char *where,
	enum result result, const struct cel **ret, struct error *err)
{
	static const char *const wanted[] = {"a bool", "a bool or a string", "a string"};
	struct str text = json_get_text(value, "expression"), type;

	if (!json_is(value, JSON_OBJECT) || json_count(value) != 1 || str_is_empty(text))
		return error_set(
			err, ERROR_INVALID, "%s must be {expression: a CEL expression}", where);
	if (cel_parse(arena, text, ret, err) != 0 ||
		cel_check(*ret, arena, &environment, &type, err) != 0)
		return error_prefix(err, "%s", where);
	if (!fits(result, type))
		return error_set(err, ERROR_INVALID, "%s must give %s, gives %" STR_F, where,
			wanted[result], STR_A(type));
	return 0;
}

static int check_members(
	const struct json *object, const char *where, const char *const *known, struct error *err)
{
	if (!json_is(object, JSON_OBJECT))
		return error_set(err, ERROR_INVALID, "%s must be a mapping", where);
	for (size_t i = 0; i < json_count(object); i++) {
		struct str key = json_key_at(object, i);
		size_t k = 0;

		while (known[k] != NULL && !str_eq_c(key, known[k]))
			k++;
		if (known[k] == NULL)
			return error_set(err, ERROR_INVALID, "%s: unknown key \"%" STR_F "\"",
				where, STR_A(key));
	}
	return 0;
}

static int read_mapping(struct arena *arena, const struct json *item,
	struct condition_mapping *mapping, struct error *err)
{
	static const char *const members[] = {"type", "when", "output", NULL};
	static const char *const outputs[] = {"status", "reason", "message", NULL};
	const struct json *output = json_get(item, "output");
	const struct json *reason = json_get(output, "reason");
	const struct json *message = json_get(output, "message");

	if (check_members(item, "a condition", members, err) != 0)
		return -1;
	mapping->type = json_get_text(item, "type");
	if (mapping->type.len == 0 || mapping->type.len > REGISTRY_MAX_CONDITION_TYPE)
		return error_set(err, ERROR_INVALID,
			"the type of a condition must have 1 to %u characters",
			REGISTRY_MAX_CONDITION_TYPE);
	if (check_members(output, "output", outputs, err) != 0 ||
		read_expression(arena, json_get(item, "when"), "when", RESULT_BOOL, &mapping->when,
			err) != 0 ||
		read_expression(arena, json_get(output, "status"), "output.status", RESULT_STATUS,
			&mapping->status, err) != 0 ||
		(reason != NULL && read_expression(arena, reason, "output.reason", RESULT_TEXT,
					   &mapping->reason, err) != 0) ||
		(message != NULL && read_expression(arena, message, "output.message", RESULT_TEXT,
					    &mapping->message, err) != 0))
		return error_prefix(err, "condition \"%" STR_F "\"", STR_A(mapping->type));
	return 0;
}

static int by_type(const void *a, const void *b)
{
	const struct condition_mapping *left = a, *right = b;

	return str_cmp(left->type, right->type);
}

int registry_read_conditions(
	struct arena *arena, const struct json *list, struct kind *kind, struct error *err)
{
	const struct json *item;

	if (!json_is(list, JSON_ARRAY) || json_count(list) > REGISTRY_MAX_CONDITIONS)
		return error_set(err, ERROR_INVALID, "conditions must be a list of at most %u",
			REGISTRY_MAX_CONDITIONS);
	kind->mappings = arena_calloc(arena, json_count(list) + 1, sizeof(*kind->mappings));
	if (kind->mappings == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the entity registry");
	json_for_each (list, i, item)
		if (read_mapping(arena, item, &kind->mappings[kind->mapping_count++], err) != 0)
			return -1;
	qsort(kind->mappings, kind->mapping_count, sizeof(*kind->mappings), by_type);
	for (size_t i = 1; i < kind->mapping_count; i++)
		if (str_eq(kind->mappings[i - 1].type, kind->mappings[i].type))
			return error_set(err, ERROR_INVALID,
				"condition \"%" STR_F "\" is listed twice",
				STR_A(kind->mappings[i].type));
	return 0;
}

static bool is_given(struct arena *arena, const struct kind *kind, struct str type)
{
	if (str_eq_c(type, CONDITION_RECONCILED) || str_eq_c(type, CONDITION_LAST_KNOWN))
		return true;
	for (size_t i = 0; i < kind->required_count; i++)
		if (str_eq(type, aggregate_successful_type(arena, kind->required_adapters[i])))
			return true;
	return false;
}

int registry_check_conditions(struct arena *arena, const struct kind *kind, struct error *err)
{
	for (size_t i = 0; i < kind->mapping_count; i++)
		if (is_given(arena, kind, kind->mappings[i].type))
			return error_set(err, ERROR_INVALID,
				"condition \"%" STR_F
				"\" is one that aggregation gives; choose another type",
				STR_A(kind->mappings[i].type));
	return 0;
}
