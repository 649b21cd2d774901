/*
 * cel_nodes.h - making nodes of the tree. For cel_parse.c and cel_nodes.c only.
 */
#ifndef REEVE_DATA_CEL_NODES_H
#define REEVE_DATA_CEL_NODES_H

#include "data/cel_tree.h"

struct cel_parser {
	struct cel_scanner scan;
	unsigned depth;
	size_t nodes;
};

/* Nodes while their number is not yet known. */
struct cel_node_list {
	const struct cel_node **nodes;
	bool *optional;
	size_t count, capacity;
	bool any_optional;
};

int cel_parse_no_memory(struct cel_parser *p);

/* At the current token; NULL without memory. */
struct cel_node *cel_node_new(struct cel_parser *p, enum cel_node_type type);
/* Where a name of the text stands; names made here keep the node's place. */
void cel_node_place(const struct cel_parser *p, struct cel_node *node, struct str name);
/* Gives the node its children and checks how deep that makes it. */
int cel_node_adopt(struct cel_parser *p, struct cel_node *node, const struct cel_node *target,
	const struct cel_node *const *arguments, size_t count);
int cel_node_make(struct cel_parser *p, enum cel_node_type type, size_t position,
	const struct cel_node *const *arguments, size_t count, const struct cel_node **ret);
int cel_node_operator(struct cel_parser *p, enum cel_operator operation, size_t position,
	const struct cel_node *a, const struct cel_node *b, const struct cel_node **ret);
int cel_node_literal(struct cel_parser *p, struct cel_value literal, const struct cel_node **ret);

int cel_node_list_add(struct cel_parser *p, struct cel_node_list *list, const struct cel_node *node,
	bool is_optional);

/* A literal pattern of matches() is compiled once. One that does not compile is an error of the
 * evaluation, as in cel-go. */
void cel_node_compile_pattern(struct cel_parser *p, struct cel_node *node);
/* target.name(list): 1 when that is a macro, 0 when not. */
int cel_node_macro(struct cel_parser *p, struct str name, const struct cel_node *target,
	const struct cel_node_list *list, const struct cel_node **ret);
/* cel.bind(name, value, expression), has(target.name) */
int cel_node_bind(
	struct cel_parser *p, const struct cel_node_list *list, const struct cel_node **ret);
int cel_node_has(
	struct cel_parser *p, const struct cel_node_list *list, const struct cel_node **ret);

#endif
