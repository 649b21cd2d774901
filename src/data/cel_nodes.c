/*
 * cel_nodes.c - nodes of the tree, made while an expression is parsed.
 */
#include "data/cel_nodes.h"

#include <stdint.h>

#define MAX_ARGUMENTS 2048u /* of a call, items of a literal, terms of && and || */

int cel_parse_no_memory(struct cel_parser *p)
{
	return error_set(p->scan.err, ERROR_MEMORY, "out of memory while parsing an expression");
}

struct cel_node *cel_node_new(struct cel_parser *p, enum cel_node_type type)
{
	struct cel_node *node = arena_new_of(p->scan.arena, struct cel_node);

	if (node == NULL)
		return cel_parse_no_memory(p), NULL;
	node->type = type;
	node->position = p->scan.token.position;
	node->id = p->nodes++;
	return node;
}

/* Where a name of the text stands; names made here keep the node's place. */
void cel_node_place(const struct cel_parser *p, struct cel_node *node, struct str name)
{
	uintptr_t at = (uintptr_t)name.ptr, start = (uintptr_t)p->scan.text.ptr;

	if (at >= start && at < start + p->scan.text.len)
		node->position = (size_t)(at - start);
}

static void raise_depth(struct cel_node *node, const struct cel_node *child)
{
	if (child != NULL && child->depth >= node->depth)
		node->depth = child->depth + 1;
}

/* Gives the node its children and checks how deep that makes it. */
int cel_node_adopt(struct cel_parser *p, struct cel_node *node, const struct cel_node *target,
	const struct cel_node *const *arguments, size_t count)
{
	node->target = target;
	raise_depth(node, target);
	if (count > 0) {
		node->arguments = arena_calloc(p->scan.arena, count, sizeof(struct cel_node *));
		if (node->arguments == NULL)
			return cel_parse_no_memory(p);
	}
	for (size_t i = 0; i < count; i++) {
		node->arguments[i] = arguments[i];
		raise_depth(node, arguments[i]);
	}
	node->count = count;
	return node->depth > CEL_MAX_DEPTH
		       ? cel_scan_fail(&p->scan, "the expression is nested too deeply")
		       : 0;
}

int cel_node_make(struct cel_parser *p, enum cel_node_type type, size_t position,
	const struct cel_node *const *arguments, size_t count, const struct cel_node **ret)
{
	struct cel_node *node = cel_node_new(p, type);

	if (node == NULL || cel_node_adopt(p, node, NULL, arguments, count) != 0)
		return -1;
	node->position = position;
	*ret = node;
	return 0;
}

int cel_node_operator(struct cel_parser *p, enum cel_operator operation, size_t position,
	const struct cel_node *a, const struct cel_node *b, const struct cel_node **ret)
{
	const struct cel_node *arguments[] = {a, b};
	struct cel_node *node = cel_node_new(p, CEL_NODE_OPERATOR);

	if (node == NULL || cel_node_adopt(p, node, NULL, arguments, b ? 2 : 1) != 0)
		return -1;
	node->operation = operation;
	node->position = position;
	*ret = node;
	return 0;
}

static int grow(struct cel_parser *p, struct cel_node_list *list)
{
	size_t capacity = list->capacity ? list->capacity * 2 : 4;
	const struct cel_node **nodes =
		arena_calloc(p->scan.arena, capacity, sizeof(struct cel_node *));
	bool *optional = arena_calloc(p->scan.arena, capacity, sizeof(bool));

	if (nodes == NULL || optional == NULL)
		return cel_parse_no_memory(p);
	if (list->count > 0) {
		memcpy(nodes, list->nodes, list->count * sizeof(struct cel_node *));
		memcpy(optional, list->optional, list->count * sizeof(bool));
	}
	list->nodes = nodes;
	list->optional = optional;
	list->capacity = capacity;
	return 0;
}

int cel_node_list_add(struct cel_parser *p, struct cel_node_list *list, const struct cel_node *node,
	bool is_optional)
{
	if (list->count >= MAX_ARGUMENTS)
		return cel_scan_fail(&p->scan, "too many items in one list, call or condition");
	if (list->count == list->capacity && grow(p, list) != 0)
		return -1;
	list->nodes[list->count] = node;
	list->optional[list->count++] = is_optional;
	list->any_optional |= is_optional;
	return 0;
}

int cel_node_literal(struct cel_parser *p, struct cel_value literal, const struct cel_node **ret)
{
	struct cel_node *node = cel_node_new(p, CEL_NODE_LITERAL);

	if (node == NULL)
		return -1;
	node->literal = literal;
	*ret = node;
	return 0;
}

/* A literal pattern of matches() is compiled once. One that does not compile is an error of the
 * evaluation, as in cel-go. */
void cel_node_compile_pattern(struct cel_parser *p, struct cel_node *node)
{
	const struct cel_node *literal = node->count == 2 ? node->arguments[1] : NULL;
	struct error ignored;

	if (literal != NULL && str_eq_c(node->name, "matches") &&
		literal->type == CEL_NODE_LITERAL && literal->literal.type == CEL_STRING &&
		pattern_compile(
			p->scan.arena, literal->literal.as.text, &node->pattern, &ignored) != 0)
		node->pattern = NULL;
}

static const struct {
	const char *name;
	enum cel_macro macro;
	size_t min, max; /* arguments, the variable included */
} macros[] = {
	{"all", CEL_MACRO_ALL, 2, 2},
	{"exists", CEL_MACRO_EXISTS, 2, 2},
	{"exists_one", CEL_MACRO_EXISTS_ONE, 2, 2},
	{"map", CEL_MACRO_MAP, 2, 3},
	{"filter", CEL_MACRO_FILTER, 2, 2},
	{"sortBy", CEL_MACRO_SORT_BY, 2, 2},
	{"optMap", CEL_MACRO_OPT_MAP, 2, 2},
	{"optFlatMap", CEL_MACRO_OPT_FLAT_MAP, 2, 2},
};

static int make_macro(struct cel_parser *p, size_t index, struct str name,
	const struct cel_node *target, const struct cel_node_list *list,
	const struct cel_node **ret)
{
	struct cel_node *node = cel_node_new(p, CEL_NODE_MACRO);

	if (node == NULL)
		return -1;
	cel_node_place(p, node, name);
	if (list->nodes[0]->type != CEL_NODE_NAME)
		return cel_scan_fail(&p->scan, "the first argument of a macro must be a name");
	node->macro = macros[index].macro;
	node->name = list->nodes[0]->name;
	if (cel_node_adopt(p, node, target, list->nodes + 1, list->count - 1) != 0)
		return -1;
	*ret = node;
	return 0;
}

int cel_node_macro(struct cel_parser *p, struct str name, const struct cel_node *target,
	const struct cel_node_list *list, const struct cel_node **ret)
{
	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++) {
		if (str_eq_c(name, macros[i].name) && list->count >= macros[i].min &&
			list->count <= macros[i].max)
			return make_macro(p, i, name, target, list, ret) != 0 ? -1 : 1;
	}
	return 0;
}

/* cel.bind(name, value, expression). */
int cel_node_bind(
	struct cel_parser *p, const struct cel_node_list *list, const struct cel_node **ret)
{
	struct cel_node *node = cel_node_new(p, CEL_NODE_MACRO);

	if (node == NULL)
		return -1;
	if (list->count != 3 || list->nodes[0]->type != CEL_NODE_NAME)
		return cel_scan_fail(
			&p->scan, "cel.bind() takes a name, its value and an expression");
	node->macro = CEL_MACRO_BIND;
	node->name = list->nodes[0]->name;
	node->position = list->nodes[0]->position;
	if (cel_node_adopt(p, node, list->nodes[1], list->nodes + 2, 1) != 0)
		return -1;
	*ret = node;
	return 0;
}

int cel_node_has(
	struct cel_parser *p, const struct cel_node_list *list, const struct cel_node **ret)
{
	const struct cel_node *select = list->count == 1 ? list->nodes[0] : NULL;
	struct cel_node *node = cel_node_new(p, CEL_NODE_HAS);

	if (node == NULL)
		return -1;
	if (select == NULL || select->type != CEL_NODE_SELECT || select->is_optional)
		return cel_scan_fail(&p->scan, "has() takes one field selection such as has(a.b)");
	node->name = select->name;
	node->position = select->position;
	if (cel_node_adopt(p, node, select->target, NULL, 0) != 0)
		return -1;
	*ret = node;
	return 0;
}
