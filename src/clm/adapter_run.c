/*
 * adapter_run.c - the phases in their order.
 */
#include "clm/adapter_run.h"

#include "clm/adapter_params.h"
#include "clm/adapter_post.h"
#include "clm/adapter_resources.h"

/* What a precondition's value says: a bool itself, any other value whether it is something. */
static bool is_met(const struct json *value)
{
	if (json_is_null(value))
		return false;
	switch (json_type(value)) {
	case JSON_BOOL:
		return json_bool(value, false);
	case JSON_STRING:
		return !str_is_empty(json_str(value));
	case JSON_ARRAY:
	case JSON_OBJECT:
		return json_count(value) > 0;
	default:
		return true;
	}
}

/* Whether all preconditions are met; what cannot be evaluated is not. */
static bool check_preconditions(struct adapter_scope *scope)
{
	const struct adapter_task *task = scope->context->task;
	for (size_t i = 0; i < task->precondition_count; i++) {
		const struct adapter_precondition *precondition = &task->preconditions[i];
		struct json *value = NULL;
		struct error err = {.message = "its expression is false"};
		if (adapter_scope_eval(scope, precondition->expression, &value, &err) == 0 &&
			is_met(value))
			continue;
		adapter_scope_skip(
			scope, arena_printf(scope->arena, "precondition '%" STR_F "' not met: %s",
				       STR_A(precondition->name), err.message));
		return false;
	}
	return true;
}

enum adapter_outcome adapter_run(const struct adapter_context *context, struct arena *arena,
	struct str event, struct error *ret_error)
{
	struct adapter_scope scope;
	bool is_gone = false;
	if (adapter_scope_init(&scope, context, arena, event, ret_error) != 0)
		return ADAPTER_FAILED;
	if (adapter_params_resolve(&scope, &is_gone) != 0) {
		if (is_gone)
			return ADAPTER_SKIPPED;
		adapter_scope_skip(&scope, arena_str(arena, str_of(scope.error.message)));
	} else if (check_preconditions(&scope)) {
		adapter_resources_run(&scope);
	}
	adapter_post_run(&scope);
	if (!scope.has_failed && arena_is_exhausted(arena)) {
		error_set(ret_error, ERROR_MEMORY,
			"the execution needs more memory than it may have");
		return ADAPTER_FAILED;
	}
	if (scope.has_failed)
		*ret_error = scope.error;
	return scope.has_failed	   ? ADAPTER_FAILED
	       : scope.has_skipped ? ADAPTER_SKIPPED
				   : ADAPTER_SUCCEEDED;
}
