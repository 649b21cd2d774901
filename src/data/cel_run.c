/*
 * cel_run.c - one evaluation: its limits, its result as JSON, as a variable, as a bool.
 */
#include "data/cel_walk.h"

static int run_expression(
	const struct cel *expression, struct cel_run *run, struct cel_value *ret, struct error *err)
{
	int result;

	run->evaluate = cel_evaluate;
	run->overloads = expression->overloads;
	run->cost_limit = run->env->cost_limit ? run->env->cost_limit : CEL_DEFAULT_COST;
	result = cel_evaluate(run, NULL, expression->root, ret);
	if (run->env->cost != NULL)
		*run->env->cost = run->cost;
	if (result == 0)
		return 0;
	return error_set(err, run->error.code, "%s", run->error.message);
}

int cel_eval(const struct cel *expression, struct arena *arena, const struct cel_env *env,
	struct json **ret, struct error *err)
{
	struct cel_run run = {.arena = arena, .env = env};
	struct cel_value value;
	struct json *json;

	if (run_expression(expression, &run, &value, err) != 0)
		return -1;
	if (value.type == CEL_OPTIONAL && value.as.optional == NULL) {
		*ret = NULL;
		return 0;
	}
	json = cel_to_json(&run, &value);
	if (json == NULL || arena_is_exhausted(arena)) {
		cel_no_memory(&run);
		return error_set(err, run.error.code, "%s", run.error.message);
	}
	*ret = json;
	return 0;
}

int cel_eval_bind(const struct cel *expression, struct arena *arena, const struct cel_env *env,
	struct str name, struct cel_bindings *bindings, struct error *err)
{
	struct cel_binding_entry *entry = arena_new_of(arena, struct cel_binding_entry);
	struct cel_run run = {.arena = arena, .env = env};

	if (entry == NULL)
		return error_set(err, ERROR_MEMORY, "out of memory while evaluating an expression");
	if (run_expression(expression, &run, &entry->value, err) != 0)
		return -1;
	entry->name = name;
	entry->before = bindings->last;
	bindings->last = entry;
	return 0;
}

int cel_eval_bool(const struct cel *expression, struct arena *arena, const struct cel_env *env,
	bool *ret, struct error *err)
{
	struct cel_run run = {.arena = arena, .env = env};
	struct cel_value value;

	if (run_expression(expression, &run, &value, err) != 0)
		return -1;
	if (value.type != CEL_BOOL)
		return error_set(err, ERROR_INVALID, "the expression must give a bool, gives a %s",
			cel_type_name(&value));
	*ret = value.as.boolean;
	return 0;
}
