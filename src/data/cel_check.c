/*
 * cel_check.c - the type of every part of an expression, from the leaves up.
 *
 * Overloads are tried in the order of their rows; when several fit with different results (an
 * operand is dyn), the result is dyn. Macros are checked as what cel-go expands them to, without
 * expanding them.
 */
#include "data/cel_check.h"

#include <stdarg.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "data/cel_check_format.h"
#include "data/cel_overloads.h"
#include "data/cel_tree.h"
#include "data/cel_types.h"

#define MAX_SHOWN ((size_t)1024)

struct variable {
	const struct variable *up;
	struct str name;
	const struct cel_static *type;
};

struct checker {
	struct cel_types types;
	const struct cel_check_env *env;
	struct str text;
	unsigned char *overloads;
};

typedef const struct cel_static *static_type; /* NULL: failed, and the error is set */

static static_type check(
	struct checker *c, const struct variable *variables, const struct cel_node *node);

static static_type fail(struct checker *c, const struct cel_node *node, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static static_type fail(struct checker *c, const struct cel_node *node, const char *format, ...)
{
	va_list ap;

	if (c->types.failed) /* that came first */
		return NULL;
	va_start(ap, format);
	error_vset(c->types.err, ERROR_INVALID, format, ap);
	va_end(ap);
	cel_locate(c->text, node->position, c->types.err);
	return NULL;
}

static static_type simple(enum cel_static_kind kind)
{
	return cel_static(kind);
}

static static_type known(struct checker *c, static_type type)
{
	return cel_static_known(&c->types, type, false);
}

static bool fits(struct checker *c, static_type from, static_type to)
{
	return cel_static_assign(&c->types, &from, &to, 1);
}

/* A whole type from text that the host wrote. */
static static_type read_type(struct checker *c, const char *text)
{
	struct cel_letters letters = {0};
	struct str rest = str_of(text);
	static_type type = cel_static_read(&c->types, &rest, &letters);

	if (type == NULL || rest.len > 0) {
		error_set(c->types.err, ERROR_INVALID, "\"%s\" is not a type of CEL", text);
		return NULL;
	}
	return type;
}

/* --- overloads ----------------------------------------------------------------------------- */

static static_type no_overload(struct checker *c, const struct cel_node *node, const char *shown,
	struct cel_search *search)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(MAX_SHOWN);

	for (size_t i = 0; i < search->count; i++) {
		if (i > 0)
			buf_add_cstr(&out, i == 1 && search->is_method ? ".(" : ", ");
		buf_add_str(&out, cel_static_text(&c->types, search->operands[i]));
	}
	if (search->is_method)
		buf_add_cstr(&out, search->count == 1 ? ".()" : ")");
	return fail(c, node,
		search->is_method ? "found no matching overload for '%s' applied to '%s'"
				  : "found no matching overload for '%s' applied to '(%s)'",
		shown, out.ptr ? out.ptr : "");
}

/* The result of calling `name` with such operands; `shown` is the name in errors. */
static static_type resolve(struct checker *c, const struct cel_node *node, const char *name,
	const char *shown, bool is_method, const static_type *operands, size_t count)
{
	struct cel_search search = {
		.name = str_of(name), .is_method = is_method, .operands = operands, .count = count};

	cel_overloads_search(&c->types, c->env, &search);
	if (c->types.failed)
		return NULL;
	if (!search.is_known)
		return fail(c, node, "undeclared reference to '%s'", shown);
	c->overloads[node->id] = search.matches == 1 ? CEL_OVERLOAD_ONE : CEL_OVERLOAD_SEVERAL;
	return search.result ? search.result : no_overload(c, node, shown, &search);
}

/* --- leaves and members -------------------------------------------------------------------- */

static static_type type_of_literal(const struct cel_value *literal)
{
	static const enum cel_static_kind types[] = {
		[CEL_NULL] = CEL_STATIC_NULL,
		[CEL_BOOL] = CEL_STATIC_BOOL,
		[CEL_INT] = CEL_STATIC_INT,
		[CEL_UINT] = CEL_STATIC_UINT,
		[CEL_DOUBLE] = CEL_STATIC_DOUBLE,
		[CEL_STRING] = CEL_STATIC_STRING,
		[CEL_BYTES] = CEL_STATIC_BYTES,
	};

	return simple(types[literal->type]);
}

/* Names of types, as values. */
static static_type type_name(struct checker *c, struct str name)
{
	static const struct {
		const char *name, *type;
	} names[] = {
		{"bool", "type(bool)"},
		{"bytes", "type(bytes)"},
		{"double", "type(double)"},
		{"google.protobuf.Duration", "type(duration)"},
		{"google.protobuf.Timestamp", "type(timestamp)"},
		{"int", "type(int)"},
		{"list", "type(list(dyn))"},
		{"map", "type(map(dyn, dyn))"},
		{"null_type", "type(null)"},
		{"string", "type(string)"},
		{"type", "type"},
		{"uint", "type(uint)"},
		{"optional_type", "type(optional(dyn))"},
	};
	size_t count = sizeof(names) / sizeof(names[0]) -
		       ((c->env->libraries & CEL_OPTIONALS) == 0); /* the last is theirs */

	for (size_t i = 0; i < count; i++) {
		if (str_eq_c(name, names[i].name))
			return read_type(c, names[i].type);
	}
	return NULL;
}

static static_type check_name(
	struct checker *c, const struct variable *variables, const struct cel_node *node)
{
	static_type type;

	for (; variables != NULL; variables = variables->up) {
		if (str_eq(variables->name, node->name))
			return variables->type;
	}
	for (size_t i = 0; i < c->env->variable_count; i++) {
		if (str_eq_c(node->name, c->env->variables[i].name))
			return read_type(c, c->env->variables[i].type);
	}
	type = type_name(c, node->name);
	return type ? type
		    : fail(c, node, "undeclared reference to '%" STR_F "'", STR_A(node->name));
}

static bool may_be_optional(struct checker *c, const struct cel_node *node)
{
	if ((c->env->libraries & CEL_OPTIONALS) != 0)
		return true;
	fail(c, node, "unsupported syntax '?'");
	return false;
}

static static_type check_select(
	struct checker *c, const struct variable *variables, const struct cel_node *node)
{
	bool is_optional = node->type == CEL_NODE_SELECT && node->is_optional;
	static_type target = check(c, variables, node->target), result;

	if (target == NULL || (is_optional && !may_be_optional(c, node)))
		return NULL;
	target = known(c, target);
	if (target->kind == CEL_STATIC_OPTIONAL) {
		is_optional = true;
		target = target->parts[0];
	}
	result = simple(CEL_STATIC_DYN);
	if (target->kind == CEL_STATIC_MAP)
		result = target->parts[1];
	else if (target->kind == CEL_STATIC_PARAMETER)
		fits(c, simple(CEL_STATIC_DYN), target);
	else if (target->kind != CEL_STATIC_DYN)
		return fail(c, node, "type '%" STR_F "' does not support field selection",
			STR_A(cel_static_text(&c->types, target)));
	if (node->type == CEL_NODE_HAS)
		return simple(CEL_STATIC_BOOL);
	return is_optional ? cel_static_of(&c->types, CEL_STATIC_OPTIONAL, result, NULL) : result;
}

/* --- literals ------------------------------------------------------------------------------ */

/* The common type of items, `so_far` NULL at the first. */
static static_type join(struct checker *c, static_type so_far, static_type item)
{
	if (so_far == NULL)
		return item;
	if (fits(c, so_far, item))
		return cel_static_general(&c->types, so_far, item);
	return simple(CEL_STATIC_DYN);
}

/* What an item [?x] or entry {?k: x} contributes. */
static static_type unwrap(struct checker *c, const struct cel_node *node, static_type type)
{
	if (!may_be_optional(c, node))
		return NULL;
	type = known(c, type);
	if (type->kind == CEL_STATIC_OPTIONAL)
		return type->parts[0];
	if (type->kind == CEL_STATIC_DYN)
		return type;
	return fail(c, node, "expected type 'optional(%" STR_F ")' but found '%" STR_F "'",
		STR_A(cel_static_text(&c->types, type)), STR_A(cel_static_text(&c->types, type)));
}

static static_type check_literal_list(
	struct checker *c, const struct variable *variables, const struct cel_node *node)
{
	size_t step = node->type == CEL_NODE_MAP ? 2 : 1;
	static_type joined[2] = {NULL, NULL};

	for (size_t i = 0; i < node->count; i++) {
		const struct cel_node *argument = node->arguments[i];
		static_type type = check(c, variables, argument);
		bool is_value = i % step == step - 1;

		if (type != NULL && is_value && node->optional_arguments != NULL &&
			node->optional_arguments[i - i % step])
			type = unwrap(c, argument, type);
		if (type == NULL)
			return NULL;
		joined[i % step] = join(c, joined[i % step], type);
	}
	for (size_t i = 0; i < step; i++) {
		if (joined[i] == NULL)
			joined[i] = cel_static_new_parameter(&c->types);
	}
	return cel_static_of(
		&c->types, step == 2 ? CEL_STATIC_MAP : CEL_STATIC_LIST, joined[0], joined[1]);
}

/* --- operators and calls ------------------------------------------------------------------- */

static static_type check_logic(
	struct checker *c, const struct variable *variables, const struct cel_node *node)
{
	for (size_t i = 0; i < node->count; i++) {
		static_type type = check(c, variables, node->arguments[i]);

		if (type == NULL)
			return NULL;
		if (!fits(c, type, simple(CEL_STATIC_BOOL)))
			return fail(c, node->arguments[i],
				"expected type 'bool' but found '%" STR_F "'",
				STR_A(cel_static_text(&c->types, type)));
	}
	return simple(CEL_STATIC_BOOL);
}

static static_type check_operands(struct checker *c, const struct variable *variables,
	const struct cel_node *node, const char *name, const char *shown, bool is_method)
{
	static_type operands[CEL_MAX_OPERANDS];

	for (size_t i = 0; i < node->count; i++) {
		static_type type = check(c, variables, node->arguments[i]);

		if (type == NULL)
			return NULL;
		if (i < CEL_MAX_OPERANDS)
			operands[i] = type;
	}
	if (node->count > CEL_MAX_OPERANDS)
		return fail(c, node, "'%s' has %zu arguments, no function has more than %u", shown,
			node->count, CEL_MAX_OPERANDS);
	return resolve(c, node, name, shown, is_method, operands, node->count);
}

static static_type check_operator(
	struct checker *c, const struct variable *variables, const struct cel_node *node)
{
	const char *shown = cel_operator_name(node->operation);
	const char *name = shown;

	if (node->operation == CEL_NOT_EQUAL)
		name = cel_operator_name(CEL_EQUAL);
	else if (node->operation >= CEL_LESS && node->operation <= CEL_GREATER_EQUAL)
		name = cel_operator_name(CEL_LESS);
	return check_operands(c, variables, node, name, shown, false);
}

static static_type check_index(
	struct checker *c, const struct variable *variables, const struct cel_node *node)
{
	const char *name = node->is_optional ? "_[?_]" : "_[_]";
	static_type operands[2];

	if (node->is_optional && !may_be_optional(c, node))
		return NULL;
	operands[0] = check(c, variables, node->target);
	operands[1] = operands[0] ? check(c, variables, node->arguments[0]) : NULL;
	return operands[1] ? resolve(c, node, name, name, false, operands, 2) : NULL;
}

/* "..".format([..]), both literal. */
static bool is_literal_format(const struct checker *c, const struct cel_node *node)
{
	return (c->env->libraries & CEL_STRINGS) != 0 && node->is_method && node->count == 2 &&
	       str_eq_c(node->name, "format") && node->arguments[0]->type == CEL_NODE_LITERAL &&
	       node->arguments[0]->literal.type == CEL_STRING &&
	       node->arguments[1]->type == CEL_NODE_LIST &&
	       node->arguments[1]->optional_arguments == NULL;
}

static static_type check_literal_format(
	struct checker *c, const struct variable *variables, const struct cel_node *node)
{
	const struct cel_node *list = node->arguments[1];
	enum cel_static_kind *kinds = arena_calloc(c->types.arena, list->count + 1, sizeof(*kinds));
	const char *wrong;

	for (size_t i = 0; kinds != NULL && i < list->count; i++) {
		static_type type = check(c, variables, list->arguments[i]);

		if (type == NULL)
			return NULL;
		kinds[i] = known(c, type)->kind;
	}
	wrong = kinds ? cel_check_format(node->arguments[0]->literal.as.text, kinds, list->count)
		      : "there is no memory to check it";
	c->overloads[node->id] = CEL_OVERLOAD_ONE;
	return wrong ? fail(c, node, "format: %s", wrong) : simple(CEL_STATIC_STRING);
}

static static_type check_call(
	struct checker *c, const struct variable *variables, const struct cel_node *node)
{
	const char *name = arena_cstr(c->types.arena, node->name);

	if (is_literal_format(c, node))
		return check_literal_format(c, variables, node);
	if (name == NULL) {
		c->types.failed = true;
		error_set(c->types.err, ERROR_MEMORY, "out of memory while checking an expression");
		return NULL;
	}
	return check_operands(c, variables, node, name, name, node->is_method);
}

/* --- macros -------------------------------------------------------------------------------- */

static static_type check_bool(
	struct checker *c, const struct variable *variables, const struct cel_node *node)
{
	static_type type = check(c, variables, node);

	if (type == NULL || fits(c, type, simple(CEL_STATIC_BOOL)))
		return type;
	return fail(c, node, "expected type 'bool' but found '%" STR_F "'",
		STR_A(cel_static_text(&c->types, type)));
}

/* What a macro's variable is, over this range. */
static static_type item_type(struct checker *c, const struct cel_node *node, static_type range)
{
	range = known(c, range);
	switch (range->kind) {
	case CEL_STATIC_LIST:
	case CEL_STATIC_MAP:
		return range->parts[0];
	case CEL_STATIC_PARAMETER:
		fits(c, simple(CEL_STATIC_DYN), range);
		return simple(CEL_STATIC_DYN);
	case CEL_STATIC_DYN:
		return range;
	default:
		return fail(c, node,
			"expression of type '%" STR_F
			"' cannot be range of a comprehension (must be list, map, or dynamic)",
			STR_A(cel_static_text(&c->types, range)));
	}
}

static static_type check_optional_macro(
	struct checker *c, const struct variable *up, const struct cel_node *node)
{
	struct variable variable = {.up = up, .name = node->name};
	bool is_flat = node->macro == CEL_MACRO_OPT_FLAT_MAP;
	static_type target = check(c, up, node->target), value, branches[3];

	if (target == NULL)
		return NULL;
	if (resolve(c, node, "hasValue", "hasValue", true, &target, 1) == NULL)
		return NULL;
	variable.type = resolve(c, node, "value", "value", true, &target, 1);
	value = variable.type ? check(c, &variable, node->arguments[0]) : NULL;
	if (value == NULL)
		return NULL;
	branches[0] = simple(CEL_STATIC_BOOL);
	branches[1] = is_flat ? value : cel_static_of(&c->types, CEL_STATIC_OPTIONAL, value, NULL);
	branches[2] = cel_static_of(
		&c->types, CEL_STATIC_OPTIONAL, cel_static_new_parameter(&c->types), NULL);
	return resolve(c, node, "_?_:_", "_?_:_", false, branches, 3);
}

static static_type list_of(struct checker *c, static_type item)
{
	return cel_static_of(&c->types, CEL_STATIC_LIST, item, NULL);
}

static static_type check_macro(
	struct checker *c, const struct variable *up, const struct cel_node *node)
{
	struct variable variable = {.up = up, .name = node->name};
	const struct cel_node *last = node->arguments[node->count - 1];
	static_type range, result, operands[2];

	if (node->macro == CEL_MACRO_OPT_MAP || node->macro == CEL_MACRO_OPT_FLAT_MAP)
		return check_optional_macro(c, up, node);
	if (node->macro == CEL_MACRO_BIND && (c->env->libraries & CEL_BINDINGS) == 0)
		return fail(c, node, "undeclared reference to 'cel.bind'");
	if (node->macro == CEL_MACRO_SORT_BY && (c->env->libraries & CEL_LISTS) == 0)
		return fail(c, node, "undeclared reference to 'sortBy'");
	range = check(c, up, node->target);
	if (range == NULL)
		return NULL;
	variable.type = node->macro == CEL_MACRO_BIND ? range : item_type(c, node->target, range);
	if (variable.type == NULL)
		return NULL;
	if (node->count == 2 && check_bool(c, &variable, node->arguments[0]) == NULL)
		return NULL;
	switch (node->macro) {
	case CEL_MACRO_MAP:
		result = check(c, &variable, last);
		return result ? list_of(c, result) : NULL;
	case CEL_MACRO_FILTER:
		return check_bool(c, &variable, last) ? list_of(c, variable.type) : NULL;
	case CEL_MACRO_SORT_BY:
		result = check(c, &variable, last);
		if (result == NULL)
			return NULL;
		operands[0] = range;
		operands[1] = list_of(c, result);
		return resolve(c, node, "@sortBy", "sortBy", true, operands, 2);
	case CEL_MACRO_BIND:
		return check(c, &variable, last);
	default:
		return check_bool(c, &variable, last) ? simple(CEL_STATIC_BOOL) : NULL;
	}
}

/* --- the walk ------------------------------------------------------------------------------ */

static static_type check(
	struct checker *c, const struct variable *variables, const struct cel_node *node)
{
	switch (node->type) {
	case CEL_NODE_LITERAL:
		return type_of_literal(&node->literal);
	case CEL_NODE_NAME:
		return check_name(c, variables, node);
	case CEL_NODE_SELECT:
	case CEL_NODE_HAS:
		return check_select(c, variables, node);
	case CEL_NODE_INDEX:
		return check_index(c, variables, node);
	case CEL_NODE_CALL:
		return check_call(c, variables, node);
	case CEL_NODE_LIST:
	case CEL_NODE_MAP:
		return check_literal_list(c, variables, node);
	case CEL_NODE_OPERATOR:
		return check_operator(c, variables, node);
	case CEL_NODE_AND:
	case CEL_NODE_OR:
		return check_logic(c, variables, node);
	case CEL_NODE_CONDITIONAL:
		return check_operands(c, variables, node, "_?_:_", "_?_:_", false);
	case CEL_NODE_MACRO:
		return check_macro(c, variables, node);
	}
	return NULL;
}

int cel_check(const struct cel *expression, struct arena *arena, const struct cel_check_env *env,
	struct str *ret_type, struct error *err)
{
	struct error ignored;
	struct checker c = {
		.env = env, .text = expression->text, .overloads = expression->overloads};
	static_type type;
	struct str text;

	c.types.arena = arena;
	c.types.err = err ? err : &ignored;
	type = check(&c, NULL, expression->root);
	if (type == NULL || c.types.failed)
		return -1;
	text = cel_static_text(&c.types, cel_static_known(&c.types, type, true));
	if (c.types.failed)
		return -1;
	if (ret_type != NULL)
		*ret_type = text;
	return 0;
}
