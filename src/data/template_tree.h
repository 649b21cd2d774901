/*
 * template_tree.h - a parsed template, shared by the files of the template engine only.
 *
 * The parser (template_parse.c) makes the tree in an arena, the interpreter (template_exec.c) walks
 * it, the functions (template_functions.c) and the printer (template_format.c) work on values.
 */
#ifndef REEVE_DATA_TEMPLATE_TREE_H
#define REEVE_DATA_TEMPLATE_TREE_H

#include "data/json.h"

struct template_pipe;

enum template_operand_type {
	TEMPLATE_DOT,	   /* . and .a.b: the fields follow */
	TEMPLATE_NIL,	   /* nil */
	TEMPLATE_VARIABLE, /* $x.a.b; "$" is the root */
	TEMPLATE_FUNCTION, /* a name; only first in a command, or alone */
	TEMPLATE_LITERAL,
	TEMPLATE_PIPE /* ( ... ).a.b */
};

struct template_operand {
	enum template_operand_type type;
	struct template_operand *next;
	struct str name;
	const struct json *literal;
	const struct template_pipe *pipe;
	const struct template_function *function;
	struct template_field *fields;
	unsigned line;
};

struct template_field {
	struct str name;
	struct template_field *next;
};

struct template_command {
	struct template_operand *operands;
	size_t count;
	struct template_command *next;
};

#define TEMPLATE_MAX_DECLARED 2u

struct template_pipe {
	struct str declared[TEMPLATE_MAX_DECLARED]; /* $i, $v := */
	size_t declared_count;
	bool assigns; /* = instead of := */
	struct template_command *commands;
	unsigned line;
};

enum template_node_type {
	TEMPLATE_NODE_TEXT,
	TEMPLATE_NODE_ACTION,
	TEMPLATE_NODE_IF,
	TEMPLATE_NODE_RANGE,
	TEMPLATE_NODE_WITH,
	TEMPLATE_NODE_BREAK,
	TEMPLATE_NODE_CONTINUE
};

struct template_node {
	enum template_node_type type;
	unsigned line;
	struct str text;
	struct template_pipe *pipe;
	struct template_node *body, *otherwise;
	struct template_node *next;
};

/* ERROR_INVALID with the line. */
int template_parse(
	struct arena *arena, struct str text, struct template_node **ret, struct error *err);

/* What an expression gives: a JSON value, a time, or (json NULL) nothing. */
struct template_value {
	const struct json *json;
	bool is_time;
	int64_t time_us;
};

/* Where a function runs: what it may use, and where its error goes. */
struct template_call {
	struct arena *arena;
	int64_t now_us;
	unsigned line;
	struct error *err;
};

#define TEMPLATE_ANY_COUNT 32u

struct template_function {
	const char *name;
	size_t min, max; /* arguments */
	/* NULL: `and` and `or`, which the interpreter evaluates itself, one argument after another.
	 */
	int (*call)(struct template_call *call, const struct template_value *arguments,
		size_t count, struct template_value *ret);
};

const struct template_function *template_find_function(struct str name);

/* `line 3: <what>`; returns -1. */
int template_fail(const struct template_call *call, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int template_no_memory(const struct template_call *call);

/* "a string", "a time", "nothing": for messages. */
const char *template_type_name(const struct template_value *value);
bool template_is_true(const struct template_value *value);

/* As Go's fmt verb %v prints the value. */
void template_print(struct buf *out, const struct template_value *value);

/* Go's strconv.Quote. */
void template_quote(struct buf *out, struct str text);

/* fmt.Sprintf for the verbs %v %s %q %d %x %X %o %b %c %f %e %g %t %T %%, with flags, width and
 * precision. A verb that does not fit its argument is an error, not Go's "%!d(string=x)". */
int template_printf(struct template_call *call, const struct template_value *arguments,
	size_t count, struct buf *out);

/* time.Time.Format in UTC. */
void template_format_time(struct buf *out, struct str layout, int64_t unix_us);

#endif
