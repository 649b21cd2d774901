/*
 * cel_macros.c - all, exists, exists_one, map, filter, sortBy, optMap, optFlatMap and cel.bind.
 */
#include "data/cel_walk.h"

int cel_evaluate_bool(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, const char *what, bool *ret)
{
	struct cel_value value;

	if (run->evaluate(run, scope, node, &value) != 0)
		return -1;
	if (value.type != CEL_BOOL)
		return cel_no_overload(run, what, &value, 1);
	*ret = value.as.boolean;
	return 0;
}

/* What a macro walks over: items of a list, keys of a map. */
static struct cel_value range_item(const struct cel_value *range, size_t index)
{
	return range->type == CEL_MAP ? cel_key(range, index) : cel_item(range, index);
}

static int evaluate_exists_one(struct cel_run *run, const struct cel_scope *up,
	const struct cel_node *node, const struct cel_value *range, struct cel_value *ret)
{
	struct cel_scope scope = {.up = up, .name = node->name};
	size_t matches = 0;

	for (size_t i = 0; i < cel_count(range); i++) {
		bool value = false;

		scope.value = range_item(range, i);
		if (cel_evaluate_bool(run, &scope, node->arguments[0], "macro", &value) != 0 ||
			cel_spend(run, value ? COST_NAME + COST_CALL : 0) != 0)
			return -1;
		matches += value;
	}
	*ret = cel_bool(matches == 1);
	return cel_spend(run, COST_NAME + COST_CALL);
}

/* all() and exists(). */
static int evaluate_quantifier(struct cel_run *run, const struct cel_scope *up,
	const struct cel_node *node, const struct cel_value *range, struct cel_value *ret)
{
	struct cel_scope scope = {.up = up, .name = node->name};
	bool deciding = node->macro == CEL_MACRO_EXISTS;
	uint64_t test = deciding ? COST_TEST_EXISTS : COST_TEST_ALL;
	bool has_failed = false;

	for (size_t i = 0; i < cel_count(range); i++) {
		bool value = false;

		scope.value = range_item(range, i);
		if (cel_spend(run, test + COST_NAME) != 0)
			return -1;
		if (cel_evaluate_bool(run, &scope, node->arguments[0], "macro", &value) != 0) {
			if (!cel_is_absorbed(run))
				return -1;
			has_failed = true;
		} else if (value == deciding) {
			*ret = cel_bool(deciding);
			return cel_spend(run, COST_NAME + (i + 1 < cel_count(range) ? test : 0));
		}
	}
	*ret = cel_bool(!deciding);
	return has_failed ? cel_count_failure(run, COST_NAME) : cel_spend(run, COST_NAME);
}

/* map(x, f), map(x, p, f) and filter(x, p). */
static int evaluate_map_filter(struct cel_run *run, const struct cel_scope *up,
	const struct cel_node *node, const struct cel_value *range, struct cel_value *ret)
{
	struct cel_scope scope = {.up = up, .name = node->name};
	bool is_filter = node->macro == CEL_MACRO_FILTER;
	const struct cel_node *predicate =
		is_filter || node->count == 2 ? node->arguments[0] : NULL;
	struct cel_items *items = cel_new_items(run, cel_count(range));

	if (items == NULL)
		return cel_no_memory(run);
	for (size_t i = 0; i < cel_count(range); i++) {
		struct cel_value *item = &items->values[items->count];
		bool is_taken = true;

		scope.value = *item = range_item(range, i);
		if (predicate != NULL &&
			cel_evaluate_bool(run, &scope, predicate, "macro", &is_taken) != 0)
			return -1;
		if (!is_taken)
			continue;
		if (!is_filter &&
			run->evaluate(run, &scope, node->arguments[node->count - 1], item) != 0)
			return cel_count_failure(
				run, COST_APPEND + COST_LIST + COST_NAME * (cel_count(range) - i));
		if (cel_spend(run, COST_APPEND + (is_filter ? COST_NAME : 0)) != 0)
			return -1;
		items->count++;
	}
	*ret = cel_list(items);
	return cel_spend(run, COST_LIST + COST_NAME);
}

static int evaluate_sort_by(struct cel_run *run, const struct cel_scope *up,
	const struct cel_node *node, const struct cel_value *list, struct cel_value *ret)
{
	struct cel_scope scope = {.up = up, .name = node->name};
	struct cel_items *keys = cel_new_items(run, cel_count(list));
	struct cel_items *items = cel_new_items(run, cel_count(list));
	struct cel_value sorted;

	if (keys == NULL || items == NULL)
		return cel_no_memory(run);
	for (size_t i = 0; i < cel_count(list); i++) {
		scope.value = items->values[i] = range_item(list, i);
		if (run->evaluate(run, &scope, node->arguments[0], &keys->values[i]) != 0 ||
			cel_spend(run, COST_APPEND) != 0)
			return -1;
	}
	items->count = keys->count = cel_count(list);
	*ret = cel_list(items);
	sorted = cel_list(keys);
	if (cel_sort(run, keys->values, items->values, items->count) != 0)
		return -1;
	return cel_spend(run,
		COST_BIND + 2 * COST_NAME + COST_LIST + COST_NAME +
			cel_call_cost(STR("sort"), &sorted, 1, ret, cel_is_resolved(run, node)));
}

static int evaluate_optional_macro(struct cel_run *run, const struct cel_scope *up,
	const struct cel_node *node, const struct cel_value *target, struct cel_value *ret)
{
	struct cel_lazy lazy = {.is_known = true, .cost = COST_NAME + COST_CALL};
	struct cel_scope scope = {.up = up, .name = node->name, .lazy = &lazy};
	struct cel_value value;

	if (target->type != CEL_OPTIONAL)
		return cel_no_overload(run, "optMap", target, 1);
	/* Asked hasValue(), bound to a name first unless it is one. */
	if (cel_spend(run,
		    COST_CALL +
			    (node->target->type == CEL_NODE_NAME ? 0 : COST_BIND + COST_NAME)) != 0)
		return -1;
	if (target->as.optional == NULL) {
		*ret = *target;
		return cel_spend(run, COST_CALL);
	}
	lazy.value = *target->as.optional;
	if (run->evaluate(run, &scope, node->arguments[0], &value) != 0 ||
		cel_spend(run, COST_BIND + (node->macro == CEL_MACRO_OPT_MAP ? COST_CALL : 0)) != 0)
		return -1;
	if (node->macro == CEL_MACRO_OPT_MAP)
		return cel_optional_of(run, &value, ret);
	*ret = value;
	return 0;
}

int cel_evaluate_macro(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, struct cel_value *ret)
{
	struct cel_lazy lazy = {.node = node->target};
	struct cel_scope bound = {.up = scope, .name = node->name, .lazy = &lazy};
	struct cel_value target;

	if (node->macro == CEL_MACRO_BIND)
		return run->evaluate(run, &bound, node->arguments[0], ret) != 0
			       ? -1
			       : cel_spend(run, COST_BIND);
	if (run->evaluate(run, scope, node->target, &target) != 0)
		return -1;
	if (node->macro == CEL_MACRO_OPT_MAP || node->macro == CEL_MACRO_OPT_FLAT_MAP)
		return evaluate_optional_macro(run, scope, node, &target, ret);
	if (target.type != CEL_LIST && (target.type != CEL_MAP || node->macro == CEL_MACRO_SORT_BY))
		return cel_no_overload(run, "macro", &target, 1);
	if (cel_charge(run, cel_count(&target)) != 0)
		return -1;
	switch (node->macro) {
	case CEL_MACRO_EXISTS_ONE:
		return evaluate_exists_one(run, scope, node, &target, ret);
	case CEL_MACRO_ALL:
	case CEL_MACRO_EXISTS:
		return evaluate_quantifier(run, scope, node, &target, ret);
	case CEL_MACRO_SORT_BY:
		return evaluate_sort_by(run, scope, node, &target, ret);
	default:
		return evaluate_map_filter(run, scope, node, &target, ret);
	}
}
