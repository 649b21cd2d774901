/*
 * cel_walk.h - what the walk over an expression (cel_eval.c), the macros (cel_macros.c) and the
 * public functions (cel_run.c) share. The macros call the walk through `run->evaluate`.
 */
#ifndef REEVE_DATA_CEL_WALK_H
#define REEVE_DATA_CEL_WALK_H

#include "data/cel_tree.h"

/* One of the host's typed variables. */
struct cel_binding_entry {
	const struct cel_binding_entry *before;
	struct str name;
	struct cel_value value;
};

/* Variables of macros, innermost first. */
struct cel_scope {
	const struct cel_scope *up;
	struct str name;
	struct cel_value value;
	struct cel_lazy *lazy; /* of cel.bind: the value is not known yet */
};

/* Evaluated when it is first asked for. */
struct cel_lazy {
	const struct cel_node *node;
	bool is_known;
	uint64_t cost; /* of the first use of what is known */
	struct cel_value value;
};

/* What cel-go's expansion of the macros costs: loops keep their result in a variable (1 to read),
 * test it before each item, and make lists. */
enum {
	COST_NAME = 1,
	COST_CALL = 1,
	COST_MEMBER = 1,
	COST_LIST = 10,
	COST_MAP = 30,
	COST_BIND = COST_LIST,
	COST_TEST_ALL = COST_NAME + COST_CALL,
	COST_TEST_EXISTS = COST_NAME + 2 * COST_CALL,
	COST_APPEND = COST_NAME + COST_LIST + COST_CALL
};

static inline bool cel_is_absorbed(const struct cel_run *run)
{
	return run->error.code == ERROR_INVALID;
}

/* cel-go counts a call that fails, unless an argument failed before the last was looked at. */
static inline int cel_count_failure(struct cel_run *run, uint64_t cost)
{
	run->cost += cel_is_absorbed(run) ? cost : 0;
	return -1;
}

static inline bool cel_is_resolved(const struct cel_run *run, const struct cel_node *node)
{
	return run->overloads[node->id] != CEL_OVERLOAD_SEVERAL;
}

/* A node that must give a bool. */
int cel_evaluate_bool(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, const char *what, bool *ret);
int cel_evaluate_macro(struct cel_run *run, const struct cel_scope *scope,
	const struct cel_node *node, struct cel_value *ret);
int cel_evaluate(struct cel_run *run, const struct cel_scope *scope, const struct cel_node *node,
	struct cel_value *ret);

#endif
