/*
 * template_exec.c - walk a parsed template and write its text.
 *
 * The interpreter is a recursive walk over the tree; its depth is bounded by the parser, its work
 * by a count of steps, its output by the buffer's ceiling. Variables live on a stack that each
 * block cuts back, as Go does it.
 *
 * An integer in a document is an int here. Go's decoder makes it a float64, so that the original
 * prints 1000000 as 1e+06; nobody wants that in a manifest.
 */
#include "data/template.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/template_tree.h"

#define MAX_STACK 256u /* variables of all open blocks */

enum jump { JUMP_NONE, JUMP_BREAK, JUMP_CONTINUE };

struct variable {
	struct str name;
	struct template_value value;
};

struct execution {
	struct template_call call;
	struct buf *out;
	struct template_value dot;
	uint64_t steps;
	struct variable variables[MAX_STACK];
	size_t variable_count;
};

static int evaluate_pipe(
	struct execution *e, const struct template_pipe *pipe, struct template_value *ret);
static int run_list(struct execution *e, const struct template_node *node, enum jump *ret_jump);

static int count_step(struct execution *e, unsigned line)
{
	e->call.line = line;
	if (++e->steps > TEMPLATE_MAX_STEPS)
		return template_fail(&e->call, ERROR_LIMITED,
			"the template takes more than %u steps", TEMPLATE_MAX_STEPS);
	return 0;
}

/* --- expressions --------------------------------------------------------------------------- */

static int get_field(struct execution *e, struct str name, struct template_value *value)
{
	const struct json *member;

	if (!value->is_time && json_is_null(value->json))
		return template_fail(&e->call, ERROR_INVALID,
			"nil pointer evaluating interface {}.%" STR_F, STR_A(name));
	if (value->is_time || !json_is(value->json, JSON_OBJECT))
		return template_fail(&e->call, ERROR_INVALID,
			"can't evaluate field %" STR_F " in %s", STR_A(name),
			template_type_name(value));
	member = json_get_str(value->json, name);
	if (member == NULL)
		return template_fail(&e->call, ERROR_INVALID,
			"map has no entry for key \"%" STR_F "\"", STR_A(name));
	value->json = member;
	return 0;
}

static struct variable *find_variable(struct execution *e, struct str name)
{
	for (size_t i = e->variable_count; i-- > 0;) {
		if (str_eq(e->variables[i].name, name))
			return &e->variables[i];
	}
	return NULL;
}

static int call_function(struct execution *e, const struct template_operand *operand,
	const struct template_value *final, struct template_value *ret);

static int evaluate_operand(
	struct execution *e, const struct template_operand *operand, struct template_value *ret)
{
	struct template_value value = {0};
	const struct variable *variable;

	if (count_step(e, operand->line) != 0)
		return -1;
	switch (operand->type) {
	case TEMPLATE_DOT:
		value = e->dot;
		break;
	case TEMPLATE_NIL:
		break;
	case TEMPLATE_VARIABLE:
		variable = find_variable(e, operand->name);
		if (variable != NULL)
			value = variable->value;
		break;
	case TEMPLATE_FUNCTION:
		return call_function(e, operand, NULL, ret);
	case TEMPLATE_LITERAL:
		value.json = operand->literal;
		break;
	case TEMPLATE_PIPE:
		if (evaluate_pipe(e, operand->pipe, &value) != 0)
			return -1;
		break;
	}
	for (const struct template_field *field = operand->fields; field; field = field->next) {
		e->call.line = operand->line;
		if (get_field(e, field->name, &value) != 0)
			return -1;
	}
	*ret = value;
	return 0;
}

/* `and` and `or`: the first argument that decides, or the last; what follows is not evaluated. */
static int call_logic(struct execution *e, const struct template_operand *operand,
	const struct template_value *final, struct template_value *ret)
{
	bool deciding = operand->function->name[0] == 'o';

	for (const struct template_operand *argument = operand->next; argument;
		argument = argument->next) {
		if (evaluate_operand(e, argument, ret) != 0)
			return -1;
		if (template_is_true(ret) == deciding)
			return 0;
	}
	if (final != NULL)
		*ret = *final;
	return 0;
}

/* The arguments are the operands behind the name; the piped value comes last. */
static int call_function(struct execution *e, const struct template_operand *operand,
	const struct template_value *final, struct template_value *ret)
{
	const struct template_function *function = operand->function;
	struct template_value arguments[TEMPLATE_ANY_COUNT + 1];
	size_t count = final != NULL;

	for (const struct template_operand *next = operand->next; next; next = next->next)
		count++;
	if (count < function->min || count > function->max)
		return template_fail(&e->call, ERROR_INVALID,
			"wrong number of args for %s: want %s%zu, got %zu", function->name,
			function->max > function->min ? "at least " : "", function->min, count);
	if (function->call == NULL)
		return call_logic(e, operand, final, ret);
	count = 0;
	for (const struct template_operand *next = operand->next; next; next = next->next) {
		if (evaluate_operand(e, next, &arguments[count++]) != 0)
			return -1;
	}
	if (final != NULL)
		arguments[count++] = *final;
	e->call.line = operand->line;
	return function->call(&e->call, arguments, count, ret);
}

static int evaluate_command(struct execution *e, const struct template_command *command,
	const struct template_value *final, struct template_value *ret)
{
	if (command->operands->type != TEMPLATE_FUNCTION)
		return evaluate_operand(e, command->operands, ret);
	if (count_step(e, command->operands->line) != 0)
		return -1;
	return call_function(e, command->operands, final, ret);
}

static int push_variable(struct execution *e, struct str name, const struct template_value *value)
{
	if (e->variable_count >= MAX_STACK)
		return template_fail(
			&e->call, ERROR_LIMITED, "more than %u variables at once", MAX_STACK);
	e->variables[e->variable_count++] = (struct variable){name, *value};
	return 0;
}

static int bind(struct execution *e, const struct template_pipe *pipe, size_t index,
	const struct template_value *value)
{
	struct variable *variable;

	if (!pipe->assigns)
		return push_variable(e, pipe->declared[index], value);
	variable = find_variable(e, pipe->declared[index]);
	if (variable != NULL)
		variable->value = *value;
	return 0;
}

static int evaluate_commands(
	struct execution *e, const struct template_pipe *pipe, struct template_value *ret)
{
	struct template_value value = {0}, piped;

	for (const struct template_command *command = pipe->commands; command;
		command = command->next) {
		piped = value;
		if (evaluate_command(
			    e, command, command == pipe->commands ? NULL : &piped, &value) != 0)
			return -1;
	}
	*ret = value;
	return 0;
}

static int evaluate_pipe(
	struct execution *e, const struct template_pipe *pipe, struct template_value *ret)
{
	if (evaluate_commands(e, pipe, ret) != 0)
		return -1;
	return pipe->declared_count > 0 ? bind(e, pipe, 0, ret) : 0;
}

/* --- blocks -------------------------------------------------------------------------------- */

static int run_with_dot(struct execution *e, const struct template_node *list,
	const struct template_value *dot, enum jump *ret_jump)
{
	struct template_value outer = e->dot;
	int result;

	e->dot = *dot;
	result = run_list(e, list, ret_jump);
	e->dot = outer;
	return result;
}

static int run_condition(struct execution *e, const struct template_node *node, enum jump *ret_jump)
{
	size_t mark = e->variable_count;
	struct template_value value;
	int result;

	if (evaluate_pipe(e, node->pipe, &value) != 0)
		return -1;
	if (!template_is_true(&value))
		result = run_list(e, node->otherwise, ret_jump);
	else if (node->type == TEMPLATE_NODE_WITH)
		result = run_with_dot(e, node->body, &value, ret_jump);
	else
		result = run_list(e, node->body, ret_jump);
	e->variable_count = mark;
	return result;
}

/* One turn of a range; with one variable it is the item, with two the key comes first. */
static int run_turn(struct execution *e, const struct template_node *node, const struct json *key,
	const struct json *item, enum jump *ret_jump)
{
	struct template_value values[] = {{.json = key}, {.json = item}};
	size_t mark = e->variable_count;
	size_t declared = node->pipe->declared_count;

	if (count_step(e, node->line) != 0)
		return -1;
	if (key == NULL || item == NULL)
		return template_no_memory(&e->call);
	for (size_t i = 0; i < declared; i++) {
		if (bind(e, node->pipe, i, &values[declared == 1 ? 1 : i]) != 0)
			return -1;
	}
	if (run_with_dot(e, node->body, &values[1], ret_jump) != 0)
		return -1;
	if (*ret_jump == JUMP_CONTINUE)
		*ret_jump = JUMP_NONE;
	e->variable_count = mark;
	return 0;
}

struct member {
	struct str key;
	const struct json *value;
};

static int compare_members(const void *a, const void *b)
{
	return str_cmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static int range_over_map(struct execution *e, const struct template_node *node,
	const struct json *map, enum jump *ret_jump)
{
	size_t count = json_count(map);
	struct member *members = arena_calloc(e->call.arena, count, sizeof(struct member));

	if (members == NULL)
		return template_no_memory(&e->call);
	for (size_t i = 0; i < count; i++)
		members[i] = (struct member){json_key_at(map, i), json_at(map, i)};
	qsort(members, count, sizeof(struct member), compare_members);
	for (size_t i = 0; i < count && *ret_jump == JUMP_NONE; i++) {
		if (run_turn(e, node, json_new_string(e->call.arena, members[i].key),
			    members[i].value, ret_jump) != 0)
			return -1;
	}
	return 0;
}

static int range_over_list(struct execution *e, const struct template_node *node,
	const struct json *list, enum jump *ret_jump)
{
	for (size_t i = 0; i < json_count(list) && *ret_jump == JUMP_NONE; i++) {
		if (run_turn(e, node, json_new_int(e->call.arena, (int64_t)i), json_at(list, i),
			    ret_jump) != 0)
			return -1;
	}
	return 0;
}

static int range_over_int(
	struct execution *e, const struct template_node *node, int64_t count, enum jump *ret_jump)
{
	for (int64_t i = 0; i < count && *ret_jump == JUMP_NONE; i++) {
		struct json *number = json_new_int(e->call.arena, i);

		if (run_turn(e, node, number, number, ret_jump) != 0)
			return -1;
	}
	return 0;
}

static int run_range(struct execution *e, const struct template_node *node, enum jump *ret_jump)
{
	struct template_value over;
	int64_t number;
	int result;

	if (evaluate_commands(e, node->pipe, &over) != 0)
		return -1;
	e->call.line = node->line;
	if (json_is(over.json, JSON_OBJECT) || json_is(over.json, JSON_ARRAY)) {
		if (json_count(over.json) == 0)
			return run_list(e, node->otherwise, ret_jump);
		result = json_is(over.json, JSON_OBJECT)
				 ? range_over_map(e, node, over.json, ret_jump)
				 : range_over_list(e, node, over.json, ret_jump);
	} else if (json_is(over.json, JSON_NUMBER) && json_to_int(over.json, &number)) {
		if (number <= 0)
			return run_list(e, node->otherwise, ret_jump);
		result = range_over_int(e, node, number, ret_jump);
	} else if (!over.is_time && json_is_null(over.json)) {
		return run_list(e, node->otherwise, ret_jump);
	} else {
		return template_fail(&e->call, ERROR_INVALID, "range can't iterate over %s",
			template_type_name(&over));
	}
	*ret_jump = JUMP_NONE; /* a break ends this loop only */
	return result;
}

static int run_action(struct execution *e, const struct template_node *node)
{
	struct template_value value;

	if (evaluate_pipe(e, node->pipe, &value) != 0)
		return -1;
	if (node->pipe->declared_count == 0)
		template_print(e->out, &value);
	return 0;
}

static int run_node(struct execution *e, const struct template_node *node, enum jump *ret_jump)
{
	switch (node->type) {
	case TEMPLATE_NODE_TEXT:
		buf_add_str(e->out, node->text);
		return 0;
	case TEMPLATE_NODE_ACTION:
		return run_action(e, node);
	case TEMPLATE_NODE_IF:
	case TEMPLATE_NODE_WITH:
		return run_condition(e, node, ret_jump);
	case TEMPLATE_NODE_RANGE:
		return run_range(e, node, ret_jump);
	case TEMPLATE_NODE_BREAK:
		*ret_jump = JUMP_BREAK;
		return 0;
	case TEMPLATE_NODE_CONTINUE:
		*ret_jump = JUMP_CONTINUE;
		return 0;
	}
	return 0;
}

static int run_list(struct execution *e, const struct template_node *node, enum jump *ret_jump)
{
	size_t mark = e->variable_count;

	for (; node != NULL && *ret_jump == JUMP_NONE; node = node->next) {
		if (count_step(e, node->line) != 0 || run_node(e, node, ret_jump) != 0)
			return -1;
		if (e->out->failed)
			return template_fail(&e->call, ERROR_TOO_LARGE,
				"the output passes %zu bytes", TEMPLATE_MAX_OUTPUT);
	}
	e->variable_count = mark;
	return 0;
}

int template_compile(struct arena *arena, struct str text, struct template *ret, struct error *err)
{
	struct template_node *tree = NULL;

	if (str_find(text, STR("{{")) >= 0 && template_parse(arena, text, &tree, err) != 0)
		return -1;
	*ret = (struct template){.text = text, .tree = tree};
	return 0;
}

int template_run(const struct template *template, struct arena *arena, const struct json *variables,
	int64_t now_us, struct str *ret, struct error *err)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(TEMPLATE_MAX_OUTPUT);
	struct execution e = {
		.call = {.arena = arena, .now_us = now_us, .line = 1, .err = err},
		.out = &out,
		.dot = {.json = variables},
	};
	enum jump jump = JUMP_NONE;
	struct str result = template->text;

	if (template->tree) {
		if (push_variable(&e, STR(""), &e.dot) != 0 ||
			run_list(&e, template->tree, &jump) != 0)
			return -1;
		result = arena_str(arena, buf_str(&out));
		if (str_is_null(result))
			return template_no_memory(&e.call);
	}
	*ret = result;
	return 0;
}
