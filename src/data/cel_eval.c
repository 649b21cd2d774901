/*
 * cel_eval.c - walk a parsed expression.
 *
 * Recursive over the tree, whose depth the parser bounds. Every node costs one step, and whoever
 * loops over data charges for what it touches, so the cost limit bounds time as well as memory.
 *
 * && and ||, all() and exists() absorb errors as cel-spec asks: an operand that decides wins over
 * one that fails. Only ERROR_INVALID is absorbed; running out of cost or memory ends the run.
 */
#include "data/cel_walk.h"

/* --- names and members --------------------------------------------------------------------- */

static const char *const type_names[] = {"null_type", "bool", "int", "uint", "double", "string",
	"bytes", "list", "map", "type", "optional_type", "google.protobuf.Timestamp",
	"google.protobuf.Duration"};

static int read_scope(struct cel_run *run, const struct cel_scope *scope, struct cel_value *ret)
{
	struct cel_lazy *lazy = scope->lazy;

	if (lazy == NULL) {
		*ret = scope->value;
		return 0;
	}
	if (!lazy->is_known && cel_evaluate(run, scope->up, lazy->node, &lazy->value) != 0)
		return -1;
	lazy->is_known = true;
	*ret = lazy->value;
	if (cel_spend(run, lazy->cost) != 0)
		return -1;
	lazy->cost = 0;
	return 0;
}

static bool find_binding(
	const struct cel_bindings *bindings, struct str name, struct cel_value *ret)
{
	const struct cel_binding_entry *entry = bindings ? bindings->last : NULL;

	for (; entry != NULL; entry = entry->before) {
		if (str_eq(entry->name, name)) {
			*ret = entry->value;
			return true;
		}
	}
	return false;
}

static int evaluate_name(
	struct cel_run *run, const struct cel_scope *scope, struct str name, struct cel_value *ret)
{
	const struct json *variable;

	for (; scope != NULL; scope = scope->up) {
		if (str_eq(scope->name, name))
			return read_scope(run, scope, ret) != 0 ? -1 : cel_spend(run, COST_NAME);
	}
	if (find_binding(run->env->bindings, name, ret))
		return cel_spend(run, COST_NAME);
	variable = json_get_str(run->env->variables, name);
	if (variable != NULL) {
		*ret = cel_from_json(variable);
		return cel_spend(run, COST_NAME);
	}
	if (str_eq_c(name, "now")) {
		*ret = cel_timestamp_from_us(run->env->now_us);
		return cel_spend(run, COST_NAME);
	}
	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
		if (str_eq_c(name, type_names[i])) {
			*ret = (struct cel_value){.type = CEL_TYPE, .as.text = name};
			return 0;
		}
	}
	return cel_fail(run, "undeclared reference to '%" STR_F "'", STR_A(name));
}

/*
 * target[key] for every form of selection. An optional target, and the ? forms, give an optional:
 * none where the member, or a value that could have members, is missing. An optional target stays
 * optional through plain selections too.
 */
static int get_member(struct cel_run *run, struct cel_value target, const struct cel_value *key,
	bool is_optional, struct cel_value *ret)
{
	struct cel_value value;
	bool is_present;

	if (target.type != CEL_OPTIONAL && !is_optional)
		return cel_index(run, &target, key, NULL, ret);
	*ret = (struct cel_value){.type = CEL_OPTIONAL};
	if (target.type == CEL_OPTIONAL) {
		if (target.as.optional == NULL)
			return 0;
		target = *target.as.optional;
	}
	if (target.type != CEL_MAP && target.type != CEL_LIST)
		return 0;
	if (cel_index(run, &target, key, &is_present, &value) != 0)
		return -1;
	return is_present ? cel_optional_of(run, &value, ret) : 0;
}

static bool is_chain(const struct cel_node *node)
{
	return node->type == CEL_NODE_SELECT || node->type == CEL_NODE_INDEX ||
	       node->type == CEL_NODE_HAS;
}

/* Of a member: more when it is the first of something made by the expression. */
static uint64_t member_cost(const struct cel_node *node)
{
	const struct cel_node *target = node->target;
	bool is_made = !is_chain(target) && target->type != CEL_NODE_NAME &&
		       target->type != CEL_NODE_CONDITIONAL;

	return COST_MEMBER + (is_made ? 1u : 0u);
}

/* A member that an optional does not have is free. */
static int spend_on_member(
	struct cel_run *run, const struct cel_node *node, const struct cel_value *member)
{
	bool is_missing = member->type == CEL_OPTIONAL && member->as.optional == NULL;

	return cel_spend(run, member_cost(node) - (is_missing ? COST_MEMBER : 0));
}

/* A branch of a conditional, or an index: its variable, or what its members are of, is free. */
static int evaluate_inner(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, struct cel_value *ret)
{
	const struct cel_node *root = node;
	uint64_t before = run->cost;

	if (cel_evaluate(run, scope, node, ret) != 0)
		return -1;
	while (is_chain(root))
		root = root->target;
	if (root->type == CEL_NODE_NAME || (is_chain(node) && root->type != CEL_NODE_CONDITIONAL))
		run->cost -= run->cost > before;
	return 0;
}

static int evaluate_select(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, struct cel_value *ret)
{
	struct cel_value target, key = cel_string(node->name);

	if (cel_evaluate(run, scope, node->target, &target) != 0)
		return -1;
	if (target.type != CEL_MAP && target.type != CEL_OPTIONAL && !node->is_optional)
		return cel_fail(run, "no such field: %" STR_F " of a %s", STR_A(node->name),
			cel_type_name(&target));
	if (get_member(run, target, &key, node->is_optional, ret) != 0)
		return cel_count_failure(run, member_cost(node));
	return spend_on_member(run, node, ret);
}

static int evaluate_has(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, struct cel_value *ret)
{
	struct cel_value target, member, key = cel_string(node->name);

	if (cel_evaluate(run, scope, node->target, &target) != 0)
		return -1;
	if (get_member(run, target, &key, true, &member) != 0)
		return -1;
	*ret = cel_bool(member.as.optional != NULL);
	if (target.type == CEL_OPTIONAL && target.as.optional == NULL)
		return 0;
	return cel_spend(run, member_cost(node));
}

static int evaluate_index(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, struct cel_value *ret)
{
	struct cel_value target, key;

	if (cel_evaluate(run, scope, node->target, &target) != 0 ||
		evaluate_inner(run, scope, node->arguments[0], &key) != 0)
		return -1;
	if (get_member(run, target, &key, node->is_optional, ret) != 0)
		return cel_count_failure(run, member_cost(node));
	return spend_on_member(run, node, ret);
}

/* --- literals ------------------------------------------------------------------------------ */

/* An optional entry: 1 with its content, 0 for none, -1 when it is no optional. */
static int unwrap(struct cel_run *run, struct cel_value *value)
{
	if (value->type != CEL_OPTIONAL)
		return cel_fail(run, "cannot use a %s as an optional entry", cel_type_name(value));
	if (value->as.optional == NULL)
		return 0;
	*value = *value->as.optional;
	return 1;
}

static bool is_optional_argument(const struct cel_node *node, size_t index)
{
	return node->optional_arguments != NULL && node->optional_arguments[index];
}

static int evaluate_list(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, struct cel_value *ret)
{
	struct cel_items *items = cel_new_items(run, node->count);
	int present = 1;

	if (items == NULL)
		return cel_no_memory(run);
	for (size_t i = 0; i < node->count; i++) {
		struct cel_value *item = &items->values[items->count];

		if (cel_evaluate(run, scope, node->arguments[i], item) != 0)
			return cel_count_failure(run, COST_LIST);
		present = is_optional_argument(node, i) ? unwrap(run, item) : 1;
		if (present < 0)
			return -1;
		items->count += (size_t)present;
	}
	*ret = cel_list(items);
	return cel_spend(run, COST_LIST);
}

static int check_key(struct cel_run *run, const struct cel_items *items, struct cel_value *key)
{
	const struct cel_value map = cel_map(items);
	struct cel_value ignored;

	if (key->type != CEL_STRING && key->type != CEL_BOOL && key->type != CEL_INT &&
		key->type != CEL_UINT)
		return cel_fail(run, "a %s cannot be a key", cel_type_name(key));
	if (cel_lookup(&map, key, &ignored))
		return cel_fail(run, "a key appears twice in a map literal");
	return cel_charge(run, 1 + items->count / 2);
}

static int evaluate_map(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, struct cel_value *ret)
{
	struct cel_items *items = cel_new_items(run, node->count);
	int present;

	if (items == NULL)
		return cel_no_memory(run);
	for (size_t i = 0; i + 1 < node->count; i += 2) {
		struct cel_value *entry = &items->values[items->count];

		if (cel_evaluate(run, scope, node->arguments[i], &entry[0]) != 0 ||
			cel_evaluate(run, scope, node->arguments[i + 1], &entry[1]) != 0 ||
			check_key(run, items, &entry[0]) != 0)
			return cel_count_failure(run, COST_MAP);
		present = is_optional_argument(node, i) ? unwrap(run, &entry[1]) : 1;
		if (present < 0)
			return -1;
		items->count += 2 * (size_t)present;
	}
	*ret = cel_map(items);
	return cel_spend(run, COST_MAP);
}

/* --- logic --------------------------------------------------------------------------------- */

static int evaluate_logic(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, struct cel_value *ret)
{
	bool deciding = node->type == CEL_NODE_OR;
	bool has_failed = false;

	for (size_t i = 0; i < node->count; i++) {
		bool value = false;

		if (cel_evaluate_bool(run, scope, node->arguments[i], deciding ? "_||_" : "_&&_",
			    &value) != 0) {
			if (!cel_is_absorbed(run))
				return -1;
			has_failed = true;
		} else if (value == deciding) {
			*ret = cel_bool(deciding);
			return 0;
		}
	}
	*ret = cel_bool(!deciding);
	return has_failed ? -1 : 0;
}

static int evaluate_conditional(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, struct cel_value *ret)
{
	bool condition = false;

	if (cel_evaluate_bool(run, scope, node->arguments[0], "_?_:_", &condition) != 0)
		return -1;
	return evaluate_inner(run, scope, node->arguments[condition ? 1 : 2], ret);
}

static int evaluate_operator(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, struct cel_value *ret)
{
	struct cel_value operands[2] = {0};

	for (size_t i = 0; i < node->count; i++) {
		if (cel_evaluate(run, scope, node->arguments[i], &operands[i]) != 0)
			return cel_count_failure(run, i + 1 == node->count ? COST_CALL : 0);
	}
	if (cel_operate(run, node->operation, &operands[0], &operands[1], ret) != 0)
		return cel_count_failure(run, COST_CALL);
	return cel_spend(run, cel_operator_cost(node->operation, &operands[0], &operands[1],
				      cel_is_resolved(run, node)));
}

/* --- calls --------------------------------------------------------------------------------- */

static const struct cel_builtin *const tables[] = {cel_standard_functions, cel_time_functions,
	cel_string_functions, cel_list_functions, cel_adapter_functions};

/* Unchecked expressions may call a method as a function and the other way round, as in cel-go. */
static const struct cel_builtin *find_builtin(const struct cel_node *node)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct cel_builtin *entry = tables[i]; entry->name; entry++) {
			if (str_eq_c(node->name, entry->name))
				return entry;
		}
	}
	return NULL;
}

static const struct cel_function *find_host_function(
	const struct cel_run *run, const struct cel_node *node)
{
	for (size_t i = 0; i < run->env->function_count; i++) {
		const struct cel_function *function = &run->env->functions[i];

		if (!node->is_method && str_eq_c(node->name, function->name) &&
			node->count == function->arguments)
			return function;
	}
	return NULL;
}

static int call_host(struct cel_run *run, const struct cel_function *function,
	const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	struct json **json = arena_calloc(run->arena, count + 1, sizeof(struct json *));
	struct json *result = NULL;

	if (json == NULL)
		return cel_no_memory(run);
	for (size_t i = 0; i < count; i++) {
		json[i] = cel_to_json(run, &arguments[i]);
		if (json[i] == NULL)
			return cel_no_memory(run);
	}
	if (function->call(run->arena, function->context, json, &result, &run->error) != 0)
		return -1;
	*ret = cel_from_json(result);
	return cel_spend(run, COST_CALL);
}

/* a.or(b), a.orValue(b): b is evaluated only when a is empty. 1 when that was decided. */
static int evaluate_alternative(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, struct cel_value *ret)
{
	struct cel_value target;
	bool is_or = str_eq_c(node->name, "or");

	if (!node->is_method || node->count != 2 || (!is_or && !str_eq_c(node->name, "orValue")))
		return 0;
	if (cel_evaluate(run, scope, node->arguments[0], &target) != 0)
		return -1;
	if (target.type != CEL_OPTIONAL)
		return cel_no_overload(run, is_or ? "or" : "orValue", &target, 1);
	if (target.as.optional == NULL)
		return cel_evaluate(run, scope, node->arguments[1], ret) != 0 ? -1 : 1;
	*ret = is_or ? target : *target.as.optional;
	return 1;
}

/* A call without result; the last argument is null when it is what failed. */
static int count_failed_call(
	struct cel_run *run, const struct cel_node *node, const struct cel_value *arguments)
{
	const struct cel_value nothing = {.type = CEL_NULL};

	return cel_count_failure(run, cel_call_cost(node->name, arguments, node->count, &nothing,
					      cel_is_resolved(run, node)));
}

static int evaluate_call(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, struct cel_value *ret)
{
	const struct cel_function *host = find_host_function(run, node);
	const struct cel_builtin *builtin = host ? NULL : find_builtin(node);
	int decided = evaluate_alternative(run, scope, node, ret);
	struct cel_value *arguments;

	if (decided != 0)
		return decided < 0 ? -1 : 0;
	if (host == NULL && builtin == NULL)
		return cel_fail(
			run, "undeclared reference to function '%" STR_F "'", STR_A(node->name));
	arguments = arena_calloc(run->arena, node->count + 1, sizeof(struct cel_value));
	if (arguments == NULL)
		return cel_no_memory(run);
	for (size_t i = 0; i < node->count; i++) {
		if (cel_evaluate(run, scope, node->arguments[i], &arguments[i]) == 0)
			continue;
		if (i + 1 < node->count)
			return -1;
		arguments[i] = (struct cel_value){.type = CEL_NULL};
		return count_failed_call(run, node, arguments);
	}
	if (host != NULL)
		return call_host(run, host, arguments, node->count, ret);
	if (node->count < builtin->min || node->count > builtin->max)
		return cel_no_overload(run, builtin->name, arguments, node->count);
	run->pattern = node->pattern;
	if (builtin->call(run, arguments, node->count, ret) != 0)
		return count_failed_call(run, node, arguments);
	return cel_spend(run,
		cel_call_cost(node->name, arguments, node->count, ret, cel_is_resolved(run, node)));
}

/* --- the walk ------------------------------------------------------------------------------ */

int cel_evaluate(struct cel_run *run, const struct cel_scope *scope, const struct cel_node *node,
	struct cel_value *ret)
{
	if (cel_charge(run, 1) != 0)
		return -1;
	switch (node->type) {
	case CEL_NODE_LITERAL:
		*ret = node->literal;
		return 0;
	case CEL_NODE_NAME:
		return evaluate_name(run, scope, node->name, ret);
	case CEL_NODE_SELECT:
		return evaluate_select(run, scope, node, ret);
	case CEL_NODE_HAS:
		return evaluate_has(run, scope, node, ret);
	case CEL_NODE_INDEX:
		return evaluate_index(run, scope, node, ret);
	case CEL_NODE_CALL:
		return evaluate_call(run, scope, node, ret);
	case CEL_NODE_LIST:
		return evaluate_list(run, scope, node, ret);
	case CEL_NODE_MAP:
		return evaluate_map(run, scope, node, ret);
	case CEL_NODE_OPERATOR:
		return evaluate_operator(run, scope, node, ret);
	case CEL_NODE_AND:
	case CEL_NODE_OR:
		return evaluate_logic(run, scope, node, ret);
	case CEL_NODE_CONDITIONAL:
		return evaluate_conditional(run, scope, node, ret);
	case CEL_NODE_MACRO:
		return cel_evaluate_macro(run, scope, node, ret);
	}
	return 0;
}
