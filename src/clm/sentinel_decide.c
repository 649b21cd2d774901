/*
 * sentinel_decide.c - the sentinel's decisions.
 *
 * HyperFleet's sentinel knows only its rules, and polls: a change is noticed ten seconds late. Here
 * the stream tells each change at once, so rows are not put through the rules; those remain for
 * what a full list finds, where nobody said what happened.
 */
#include "clm/sentinel_decide.h"

#include "base/hash.h"

#include "base/clock.h"

#define REASON_MATCHED STR("message decision matched")
#define REASON_NOT_MATCHED STR("message decision result is false")

/* What rules and message_data may see of a resource. */
static const char *const visible[] = {"id", "href", "kind", "name", "created_time", "updated_time",
	"generation", "status", "spec", "labels", "owner_references", "references"};

static struct json *visible_part(struct arena *arena, const struct json *resource)
{
	struct json *part = json_new_object(arena);
	for (size_t i = 0; i < SETTINGS_COUNT(visible); i++)
		json_set(part, visible[i], json_get(resource, visible[i]));
	return part;
}

static const struct json *find_condition(const struct json *resource, struct str type)
{
	const struct json *condition;
	const struct json *conditions = json_find(resource, "status", "conditions", NULL);
	json_for_each (conditions, i, condition)
		if (str_eq(json_get_text(condition, "type"), type))
			return condition;
	return NULL;
}

static void set_text_or_empty(struct json *map, const struct json *from, const char *key)
{
	struct str text = json_get_text(from, key);
	json_set_text(map, key, str_is_null(text) ? STR("") : text);
}

/* condition("Reconciled"): a map that has every member, whether the condition is there or not. */
static int call_condition(struct arena *arena, void *context, struct json **arguments,
	struct json **ret, struct error *err)
{
	const struct json *condition = find_condition(context, json_str(arguments[0]));
	struct json *map = json_new_object(arena);
	set_text_or_empty(map, condition, "status");
	json_set_int(map, "observed_generation",
		json_int(json_get(condition, "observed_generation"), 0));
	set_text_or_empty(map, condition, "last_updated_time");
	set_text_or_empty(map, condition, "last_transition_time");
	set_text_or_empty(map, condition, "reason");
	set_text_or_empty(map, condition, "message");
	*ret = map;
	return 0;
}

static int evaluate_rules(const struct sentinel_settings *settings, struct arena *arena,
	const struct json *resource, int64_t now_us, bool *ret, struct error *err)
{
	struct json *variables = json_new_object(arena);
	struct cel_function condition = {"condition", 1, call_condition, (void *)resource};
	struct cel_bindings params = {0};
	struct cel_env env = {.variables = variables,
		.bindings = &params,
		.now_us = now_us,
		.functions = &condition,
		.function_count = 1};
	json_set(variables, "resource", visible_part(arena, resource));
	for (size_t i = 0; i < settings->param_count; i++) {
		const struct sentinel_param *param = &settings->params[i];
		if (cel_eval_bind(param->expression, arena, &env, param->name, &params, err) != 0)
			return error_prefix(err, "param %" STR_F, STR_A(param->name));
	}
	return cel_eval_bool(settings->result, arena, &env, ret, err);
}

void sentinel_decide(const struct sentinel_settings *settings, struct arena *arena,
	const struct json *resource, int64_t now_us, struct sentinel_verdict *ret)
{
	struct error err = {0};
	bool publish = false;
	if (evaluate_rules(settings, arena, resource, now_us, &publish, &err) != 0)
		*ret = (struct sentinel_verdict){false, arena_str(arena, str_of(err.message))};
	else
		*ret = (struct sentinel_verdict){
			publish, publish ? REASON_MATCHED : REASON_NOT_MATCHED};
}

bool sentinel_is_settled(const struct json *resource)
{
	const struct json *reconciled = find_condition(resource, STR("Reconciled"));
	if (!json_is_null(json_get(resource, "deleted_time")))
		return false;
	return !reconciled || str_eq(json_get_text(reconciled, "status"), STR("True"));
}

uint64_t sentinel_progress(const struct json *resource)
{
	const struct json *condition;
	uint64_t progress = 1;

	json_for_each (json_find(resource, "status", "conditions", NULL), i, condition)
		if (str_eq(json_get_text(condition, "status"), STR("True")))
			progress = progress * 31 + hash_fnv1a(json_get_text(condition, "type"));
	return progress;
}

enum sentinel_step sentinel_on_row(struct str event, const struct json *resource)
{
	static const char *const calls_for_work[] = {"created", "updated", "deleted", "wake"};
	if (str_eq_c(event, "gone"))
		return SENTINEL_FORGET;
	if (json_is_null(resource)) /* already gone; its "gone" row follows */
		return SENTINEL_IGNORE;
	for (size_t i = 0; i < SETTINGS_COUNT(calls_for_work); i++)
		if (str_eq_c(event, calls_for_work[i]))
			return SENTINEL_PUBLISH;
	if (!str_eq_c(event, "status"))
		return SENTINEL_IGNORE;
	/* Adapters wait for each other's conditions. */
	return sentinel_is_settled(resource) ? SENTINEL_FORGET : SENTINEL_PUBLISH;
}

static struct json *evaluate_leaf(
	struct arena *arena, const struct sentinel_leaf *leaf, const struct cel_env *env)
{
	struct json *value = NULL;
	if (leaf->literal)
		return leaf->literal;
	if (leaf->expression)
		return cel_eval(leaf->expression, arena, env, &value, NULL) == 0 ? value : NULL;
	value = json_new_object(arena);
	for (size_t i = 0; i < leaf->count; i++)
		json_set_str(value, leaf->children[i].key,
			evaluate_leaf(arena, &leaf->children[i], env));
	return json_count(value) > 0 ? value : NULL;
}

struct str sentinel_data(const struct sentinel_settings *settings, struct arena *arena,
	const struct json *resource, struct str reason)
{
	struct json *variables = json_new_object(arena);
	struct cel_env env = {.variables = variables};
	json_set(variables, "resource", visible_part(arena, resource));
	json_set_text(variables, "reason", reason);
	struct json *data = evaluate_leaf(arena, &settings->data, &env);
	return data ? json_text(arena, data, JSON_WRITE_COMPACT) : STR("{}");
}
