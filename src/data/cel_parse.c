/*
 * cel_parse.c - expressions by recursive descent, after the grammar of cel-spec.
 *
 * Macros are recognised here and kept as nodes of their own: expanding them into the spec's general
 * comprehension would need accumulators and hidden variables for nothing that we use. Chains of &&
 * and || become one node with many arguments, so that a long condition is not a deep one; every
 * other nesting counts against CEL_MAX_DEPTH, which is what bounds the evaluator's stack.
 *
 * Message construction (T{field: x}) is refused: there are no messages here, only documents.
 */
#include "data/cel_nodes.h"

#define PRECEDENCES 3 /* relations, addition, multiplication */

static int parse_expression(struct cel_parser *p, const struct cel_node **ret);

static int fail(struct cel_parser *p, const char *what)
{
	return cel_scan_fail(&p->scan, "%s", what);
}

static bool at_mark(const struct cel_parser *p, const char *mark)
{
	return p->scan.token.type == CEL_TOKEN_MARK && str_eq_c(p->scan.token.text, mark);
}

/* Consumes the mark if it is there: 1; 0 if not; -1 when the next token is malformed. */
static int accept(struct cel_parser *p, const char *mark)
{
	if (!at_mark(p, mark))
		return 0;
	return cel_scan(&p->scan) != 0 ? -1 : 1;
}

static int expect(struct cel_parser *p, const char *mark)
{
	if (!at_mark(p, mark))
		return cel_scan_fail(&p->scan, "expected \"%s\"", mark);
	return cel_scan(&p->scan);
}

/* Expressions between commas up to the closing mark, which is consumed. */
static int parse_list(
	struct cel_parser *p, const char *close, bool may_be_optional, struct cel_node_list *list)
{
	const struct cel_node *node;
	int is_optional;

	while (!at_mark(p, close)) {
		is_optional = may_be_optional ? accept(p, "?") : 0;
		if (is_optional < 0 || parse_expression(p, &node) != 0 ||
			cel_node_list_add(p, list, node, is_optional == 1) != 0)
			return -1;
		if (!at_mark(p, ","))
			break;
		if (cel_scan(&p->scan) != 0)
			return -1;
	}
	return expect(p, close);
}

/* --- calls and macros ---------------------------------------------------------------------- */

/* name( was read: its arguments, and what it means. */
static int parse_call(struct cel_parser *p, struct str name, const struct cel_node *target,
	const struct cel_node **ret)
{
	size_t position = p->scan.token.position;
	struct cel_node *node;
	struct cel_node_list list = {0};
	int made;

	if (parse_list(p, ")", false, &list) != 0)
		return -1;
	if (target != NULL && (made = cel_node_macro(p, name, target, &list, ret)) != 0)
		return made < 0 ? -1 : 0;
	if (target == NULL && str_eq_c(name, "has"))
		return cel_node_has(p, &list, ret);
	if (target == NULL && str_eq_c(name, "cel.bind"))
		return cel_node_bind(p, &list, ret);
	node = cel_node_new(p, CEL_NODE_CALL);
	if (node == NULL)
		return -1;
	node->name = name;
	node->position = position;
	cel_node_place(p, node, name);
	node->is_method = target != NULL;
	if (target != NULL) {
		if (cel_node_list_add(p, &list, NULL, false) != 0)
			return -1;
		memmove(list.nodes + 1, list.nodes, (list.count - 1) * sizeof(struct cel_node *));
		list.nodes[0] = target;
	}
	if (cel_node_adopt(p, node, NULL, list.nodes, list.count) != 0)
		return -1;
	cel_node_compile_pattern(p, node);
	*ret = node;
	return 0;
}

/* --- primaries and members ----------------------------------------------------------------- */

/* Names in front of functions that are not variables: optional.of(x) is one name. */
static bool is_name_space(struct str name)
{
	return str_eq_c(name, "optional") || str_eq_c(name, "lists") || str_eq_c(name, "strings") ||
	       str_eq_c(name, "cel");
}

static bool is_reserved(struct str name)
{
	static const char *const words[] = {"in", "as", "break", "const", "continue", "else", "for",
		"function", "if", "import", "let", "loop", "package", "namespace", "return", "var",
		"void", "while"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_eq_c(name, words[i]))
			return true;
	}
	return false;
}

static int parse_name(struct cel_parser *p, const struct cel_node **ret)
{
	struct str name = p->scan.token.text;
	struct cel_node *node;

	if (is_reserved(name))
		return cel_scan_fail(&p->scan, "\"%" STR_F "\" is a reserved word", STR_A(name));
	if (cel_scan(&p->scan) != 0)
		return -1;
	if (str_eq_c(name, "true") || str_eq_c(name, "false"))
		return cel_node_literal(p, cel_bool(name.ptr[0] == 't'), ret);
	if (str_eq_c(name, "null"))
		return cel_node_literal(p, (struct cel_value){.type = CEL_NULL}, ret);
	if (at_mark(p, "("))
		return cel_scan(&p->scan) != 0 ? -1 : parse_call(p, name, NULL, ret);
	if (at_mark(p, "{"))
		return fail(p, "messages are not supported");
	node = cel_node_new(p, CEL_NODE_NAME);
	if (node == NULL)
		return -1;
	node->name = name;
	cel_node_place(p, node, name);
	*ret = node;
	return 0;
}

/* An integer token holds its magnitude; here it becomes an int, or stays a uint with its u. */
static int parse_literal(struct cel_parser *p, bool is_negative, const struct cel_node **ret)
{
	struct cel_value value = p->scan.token.literal;
	struct str text = p->scan.token.text;
	uint64_t limit = (uint64_t)INT64_MAX + is_negative;
	bool is_natural = text.len > 0 && (text.ptr[text.len - 1] | 0x20) == 'u';

	if (value.type == CEL_UINT && !is_natural) {
		if (value.as.natural > limit)
			return fail(p, "the number is out of range");
		value = cel_int((int64_t)(is_negative ? 0 - value.as.natural : value.as.natural));
	} else if (is_negative && value.type == CEL_DOUBLE) {
		value.as.number = -value.as.number;
	} else if (is_negative) {
		return fail(p, "only numbers can be negative");
	}
	return cel_scan(&p->scan) != 0 ? -1 : cel_node_literal(p, value, ret);
}

static int parse_list_literal(struct cel_parser *p, const struct cel_node **ret)
{
	struct cel_node_list list = {0};
	struct cel_node *node = cel_node_new(p, CEL_NODE_LIST);

	if (node == NULL)
		return -1;
	if (parse_list(p, "]", true, &list) != 0 ||
		cel_node_adopt(p, node, NULL, list.nodes, list.count) != 0)
		return -1;
	if (list.any_optional)
		node->optional_arguments = list.optional;
	*ret = node;
	return 0;
}

static int parse_map_entry(struct cel_parser *p, struct cel_node_list *list)
{
	const struct cel_node *key, *value;
	int is_optional = accept(p, "?");

	if (is_optional < 0 || parse_expression(p, &key) != 0 || expect(p, ":") != 0 ||
		parse_expression(p, &value) != 0)
		return -1;
	return cel_node_list_add(p, list, key, is_optional == 1) != 0
		       ? -1
		       : cel_node_list_add(p, list, value, false);
}

static int parse_map_literal(struct cel_parser *p, const struct cel_node **ret)
{
	struct cel_node_list list = {0};
	struct cel_node *node = cel_node_new(p, CEL_NODE_MAP);

	if (node == NULL)
		return -1;
	while (!at_mark(p, "}")) {
		if (parse_map_entry(p, &list) != 0)
			return -1;
		if (!at_mark(p, ","))
			break;
		if (cel_scan(&p->scan) != 0)
			return -1;
	}
	if (expect(p, "}") != 0 || cel_node_adopt(p, node, NULL, list.nodes, list.count) != 0)
		return -1;
	if (list.any_optional)
		node->optional_arguments = list.optional;
	*ret = node;
	return 0;
}

static int parse_primary(struct cel_parser *p, bool is_negative, const struct cel_node **ret)
{
	struct cel_scanner *scan = &p->scan;

	if (scan->token.type == CEL_TOKEN_LITERAL)
		return parse_literal(p, is_negative, ret);
	if (at_mark(p, ".") && cel_scan(scan) != 0) /* a name from the root: all of ours are */
		return -1;
	if (scan->token.type == CEL_TOKEN_NAME)
		return parse_name(p, ret);
	if (at_mark(p, "(")) {
		if (cel_scan(scan) != 0 || parse_expression(p, ret) != 0)
			return -1;
		return expect(p, ")");
	}
	if (at_mark(p, "["))
		return cel_scan(scan) != 0 ? -1 : parse_list_literal(p, ret);
	if (at_mark(p, "{"))
		return cel_scan(scan) != 0 ? -1 : parse_map_literal(p, ret);
	return fail(p, scan->token.type == CEL_TOKEN_END ? "unexpected end of the expression"
							 : "expected a value");
}

/* google.protobuf.Timestamp and google.protobuf.Duration are names of types, not members. */
static bool names_time_type(const struct cel_node *target, struct str name)
{
	return (str_eq_c(name, "Timestamp") || str_eq_c(name, "Duration")) &&
	       target->type == CEL_NODE_SELECT && !target->is_optional &&
	       str_eq_c(target->name, "protobuf") && target->target->type == CEL_NODE_NAME &&
	       str_eq_c(target->target->name, "google");
}

static int make_type_name(struct cel_parser *p, struct str name, const struct cel_node **node)
{
	struct cel_node *type = cel_node_new(p, CEL_NODE_NAME);

	if (type == NULL)
		return -1;
	type->position = (*node)->target->position;
	type->name = arena_printf(p->scan.arena, "google.protobuf.%" STR_F, STR_A(name));
	*node = type;
	return str_is_null(type->name) ? cel_parse_no_memory(p) : 0;
}

/* Words of the grammar, which a field may have only in brackets. */
static bool is_keyword(struct str name)
{
	return str_eq_c(name, "in") || str_eq_c(name, "true") || str_eq_c(name, "false") ||
	       str_eq_c(name, "null");
}

/* After a dot: a field, or a method's call. */
static int parse_selection(struct cel_parser *p, const struct cel_node **node)
{
	int is_optional = accept(p, "?");
	struct str name = p->scan.token.text;
	struct cel_node *select;
	bool is_quoted;

	if (is_optional < 0)
		return -1;
	is_quoted = p->scan.token.type == CEL_TOKEN_QUOTED;
	if (!is_quoted && (p->scan.token.type != CEL_TOKEN_NAME || is_keyword(name)))
		return fail(p, "expected a field name after the dot");
	if (cel_scan(&p->scan) != 0)
		return -1;
	if (is_optional == 0 && !is_quoted && at_mark(p, "(")) {
		bool is_qualified = (*node)->type == CEL_NODE_NAME && is_name_space((*node)->name);
		struct str full = name;

		if (is_qualified)
			full = arena_printf(p->scan.arena, "%" STR_F ".%" STR_F,
				STR_A((*node)->name), STR_A(name));
		if (cel_scan(&p->scan) != 0)
			return -1;
		return parse_call(p, full, is_qualified ? NULL : *node, node);
	}
	if (names_time_type(*node, name))
		return make_type_name(p, name, node);
	select = cel_node_new(p, CEL_NODE_SELECT);
	if (select == NULL)
		return -1;
	select->name = name;
	cel_node_place(p, select, name);
	select->is_optional = is_optional == 1;
	if (cel_node_adopt(p, select, *node, NULL, 0) != 0)
		return -1;
	*node = select;
	return 0;
}

static int parse_index(struct cel_parser *p, const struct cel_node **node)
{
	int is_optional = accept(p, "?");
	struct cel_node *index = cel_node_new(p, CEL_NODE_INDEX);
	const struct cel_node *key;

	if (is_optional < 0 || index == NULL || parse_expression(p, &key) != 0 ||
		expect(p, "]") != 0)
		return -1;
	index->is_optional = is_optional == 1;
	if (cel_node_adopt(p, index, *node, &key, 1) != 0)
		return -1;
	*node = index;
	return 0;
}

/* is_negative: a minus was read, and a number follows. */
static int parse_member(struct cel_parser *p, bool is_negative, const struct cel_node **ret)
{
	if (parse_primary(p, is_negative, ret) != 0)
		return -1;
	while (at_mark(p, ".") || at_mark(p, "[")) {
		bool is_index = at_mark(p, "[");

		if (cel_scan(&p->scan) != 0 ||
			(is_index ? parse_index(p, ret) : parse_selection(p, ret)) != 0)
			return -1;
	}
	return 0;
}

/* --- operators ----------------------------------------------------------------------------- */

/* An int or a double: a sign before a uint is an operator. */
static bool at_number(const struct cel_parser *p)
{
	struct str text = p->scan.token.text;

	return p->scan.token.type == CEL_TOKEN_LITERAL &&
	       ((p->scan.token.literal.type == CEL_UINT &&
			(text.ptr[text.len - 1] | 0x20) != 'u') ||
		       p->scan.token.literal.type == CEL_DOUBLE);
}

/* A chain of one sign, of which pairs are nothing, as in cel-go; a minus right before a number
 * belongs to the number. */
static int parse_unary(struct cel_parser *p, const struct cel_node **ret)
{
	size_t position = p->scan.token.position;
	bool is_not = at_mark(p, "!"), is_negative;
	unsigned count = 0;

	while (at_mark(p, is_not ? "!" : "-")) {
		if (cel_scan(&p->scan) != 0)
			return -1;
		if (++count > CEL_MAX_DEPTH)
			return fail(p, "the expression is nested too deeply");
	}
	is_negative = count == 1 && !is_not && at_number(p);
	if (parse_member(p, is_negative, ret) != 0)
		return -1;
	if (count % 2 == 0 || is_negative)
		return 0;
	return cel_node_operator(p, is_not ? CEL_NOT : CEL_NEGATE, position, *ret, NULL, ret);
}

static const struct {
	const char *mark;
	int precedence;
	enum cel_operator operation;
} operators[] = {
	{"==", 0, CEL_EQUAL},
	{"!=", 0, CEL_NOT_EQUAL},
	{"<", 0, CEL_LESS},
	{"<=", 0, CEL_LESS_EQUAL},
	{">", 0, CEL_GREATER},
	{">=", 0, CEL_GREATER_EQUAL},
	{"in", 0, CEL_IN},
	{"+", 1, CEL_ADD},
	{"-", 1, CEL_SUBTRACT},
	{"*", 2, CEL_MULTIPLY},
	{"/", 2, CEL_DIVIDE},
	{"%", 2, CEL_MODULO},
};

static enum cel_operator operator_at(const struct cel_parser *p, int precedence)
{
	bool is_word = p->scan.token.type == CEL_TOKEN_NAME;

	if (!is_word && p->scan.token.type != CEL_TOKEN_MARK)
		return CEL_OPERATOR_NONE;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (operators[i].precedence == precedence &&
			is_word == (operators[i].operation == CEL_IN) &&
			str_eq_c(p->scan.token.text, operators[i].mark))
			return operators[i].operation;
	}
	return CEL_OPERATOR_NONE;
}

/* Left-associative operators of this precedence and those that bind tighter. */
static int parse_binary(struct cel_parser *p, int precedence, const struct cel_node **ret)
{
	const struct cel_node *right;
	enum cel_operator operation;
	size_t position;

	if (precedence == PRECEDENCES)
		return parse_unary(p, ret);
	if (parse_binary(p, precedence + 1, ret) != 0)
		return -1;
	while ((operation = operator_at(p, precedence)) != CEL_OPERATOR_NONE) {
		position = p->scan.token.position;
		if (cel_scan(&p->scan) != 0 || parse_binary(p, precedence + 1, &right) != 0 ||
			cel_node_operator(p, operation, position, *ret, right, ret) != 0)
			return -1;
	}
	return 0;
}

static int parse_logic(struct cel_parser *p, enum cel_node_type type, const struct cel_node **ret)
{
	const char *mark = type == CEL_NODE_OR ? "||" : "&&";
	struct cel_node_list list = {0};
	const struct cel_node *node;
	size_t position = 0;

	for (;;) {
		if ((type == CEL_NODE_OR ? parse_logic(p, CEL_NODE_AND, &node)
					 : parse_binary(p, 0, &node)) != 0)
			return -1;
		if (list.count == 0 && !at_mark(p, mark)) {
			*ret = node;
			return 0;
		}
		if (cel_node_list_add(p, &list, node, false) != 0)
			return -1;
		if (!at_mark(p, mark))
			return cel_node_make(p, type, position, list.nodes, list.count, ret);
		position = p->scan.token.position;
		if (cel_scan(&p->scan) != 0)
			return -1;
	}
}

static int parse_conditional(struct cel_parser *p, const struct cel_node **ret)
{
	const struct cel_node *arguments[3];
	size_t position;

	if (parse_logic(p, CEL_NODE_OR, &arguments[0]) != 0)
		return -1;
	if (!at_mark(p, "?")) {
		*ret = arguments[0];
		return 0;
	}
	position = p->scan.token.position;
	if (cel_scan(&p->scan) != 0 || parse_logic(p, CEL_NODE_OR, &arguments[1]) != 0 ||
		expect(p, ":") != 0 || parse_expression(p, &arguments[2]) != 0)
		return -1;
	return cel_node_make(p, CEL_NODE_CONDITIONAL, position, arguments, 3, ret);
}

static int parse_expression(struct cel_parser *p, const struct cel_node **ret)
{
	int result;

	if (p->depth >= CEL_MAX_DEPTH)
		return fail(p, "the expression is nested too deeply");
	p->depth++;
	result = parse_conditional(p, ret);
	p->depth--;
	return result;
}

int cel_parse(struct arena *arena, struct str text, const struct cel **ret, struct error *err)
{
	struct cel_parser p = {.scan = {.arena = arena, .err = err, .text = text}};
	struct cel *cel = arena_new_of(arena, struct cel);

	if (cel == NULL)
		return cel_parse_no_memory(&p);
	if (text.len > CEL_MAX_TEXT)
		return error_set(err, ERROR_INVALID,
			"the expression has %zu bytes, at most %u are allowed", text.len,
			CEL_MAX_TEXT);
	if (!cel_is_utf8(text))
		return error_set(err, ERROR_INVALID, "the expression is not UTF-8");
	cel->text = p.scan.text = arena_str(arena, text);
	if (str_is_null(cel->text))
		return cel_parse_no_memory(&p);
	if (cel_scan(&p.scan) != 0 || parse_expression(&p, &cel->root) != 0)
		return -1;
	if (p.scan.token.type != CEL_TOKEN_END)
		return fail(&p, "unexpected text after the expression");
	cel->overloads = arena_calloc(arena, p.nodes, 1);
	if (cel->overloads == NULL)
		return cel_parse_no_memory(&p);
	*ret = cel;
	return 0;
}
