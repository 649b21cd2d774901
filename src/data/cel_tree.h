/*
 * cel_tree.h - parsed expressions, values and the run of an evaluation, shared by the cel_*.c files
 * only.
 *
 * Layers, each using only those before it: cel_value (values), cel_operators, the tables of
 * functions (cel_functions, cel_strings, cel_lists, cel_time, cel_adapter), cel_macros, cel_eval
 * (the walk), cel_run.
 */
#ifndef REEVE_DATA_CEL_TREE_H
#define REEVE_DATA_CEL_TREE_H

#include "data/cel.h"
#include "data/json.h"
#include "data/pattern.h"

/* --- values -------------------------------------------------------------------------------- */

enum cel_type {
	CEL_NULL,
	CEL_BOOL,
	CEL_INT,
	CEL_UINT,
	CEL_DOUBLE,
	CEL_STRING,
	CEL_BYTES,
	CEL_LIST,
	CEL_MAP,
	CEL_TIMESTAMP,
	CEL_DURATION,
	CEL_TYPE,
	CEL_OPTIONAL
};

/* Year 1 to year 9999, what a timestamp may be, in seconds. */
#define CEL_TIMESTAMP_MIN INT64_C(-62135596800)
#define CEL_TIMESTAMP_MAX INT64_C(253402300799)
#define CEL_NS_PER_S INT64_C(1000000000)

struct cel_time {
	int64_t seconds; /* since 1970, UTC */
	int32_t nanos;
	int32_t offset; /* seconds east of UTC, as it was written: for its text only */
};

struct cel_value {
	enum cel_type type;
	bool is_json; /* INT: from a document, where 2 and 2.0 are one */
	union {
		bool boolean;
		int64_t integer; /* INT; DURATION in nanoseconds */
		struct cel_time time;
		uint64_t natural;
		double number;
		struct str text; /* STRING, BYTES, and the name of a TYPE */
		struct {
			const struct json *json;       /* a list or map from a document, or */
			const struct cel_items *items; /* one that the expression made */
		} list;
		const struct cel_value *optional; /* NULL: none */
	} as;
};

/* Items of a list; of a map, keys at even places and their values behind them. */
struct cel_items {
	struct cel_value *values;
	size_t count;
};

/* --- the run ------------------------------------------------------------------------------- */

struct cel_scope;
struct cel_node;

struct cel_run {
	int (*evaluate)(struct cel_run *run, const struct cel_scope *scope,
		const struct cel_node *node, struct cel_value *ret);
	struct arena *arena;
	const struct cel_env *env;
	uint64_t cost, cost_limit; /* as cel-go counts */
	uint64_t steps;		   /* as work and memory go; at most CEL_MAX_STEPS */
	const unsigned char *overloads;
	const struct pattern *pattern; /* of the call in hand, see struct cel_node */
	struct error error;	       /* why the last operation failed */
};

/* ERROR_INVALID unless told otherwise; returns -1. */
int cel_fail(struct cel_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cel_no_memory(struct cel_run *run);
int cel_charge(struct cel_run *run, uint64_t steps);
int cel_spend(struct cel_run *run, uint64_t cost);

/* `no such overload: size(int)`. */
int cel_no_overload(
	struct cel_run *run, const char *name, const struct cel_value *arguments, size_t count);

/* --- cel_value.c --------------------------------------------------------------------------- */

const char *cel_type_name(const struct cel_value *value);
struct cel_value cel_from_json(const struct json *json);
/* NULL when memory or the cost limit is out: cel_no_memory() tells which. */
struct json *cel_to_json(struct cel_run *run, const struct cel_value *value);

static inline struct cel_value cel_bool(bool boolean)
{
	return (struct cel_value){.type = CEL_BOOL, .as.boolean = boolean};
}

static inline struct cel_value cel_int(int64_t integer)
{
	return (struct cel_value){.type = CEL_INT, .as.integer = integer};
}

static inline struct cel_value cel_double(double number)
{
	return (struct cel_value){.type = CEL_DOUBLE, .as.number = number};
}

static inline struct cel_value cel_string(struct str text)
{
	return (struct cel_value){.type = CEL_STRING, .as.text = text};
}

size_t cel_count(const struct cel_value *container); /* items or entries */
struct cel_value cel_item(const struct cel_value *list, size_t index);
struct cel_value cel_key(const struct cel_value *map, size_t index);
struct cel_value cel_entry(const struct cel_value *map, size_t index);
bool cel_lookup(const struct cel_value *map, const struct cel_value *key, struct cel_value *ret);

/* Room for `capacity` items; NULL when memory is out. */
struct cel_items *cel_new_items(struct cel_run *run, size_t capacity);
struct cel_value cel_list(const struct cel_items *items);
struct cel_value cel_map(const struct cel_items *items);
int cel_optional_of(struct cel_run *run, const struct cel_value *value, struct cel_value *ret);

/* Deep equality, numbers by value whatever their type; charges what it looks at. */
int cel_equal(struct cel_run *run, const struct cel_value *a, const struct cel_value *b, bool *ret);
/* <0, 0, >0; false when the two have no order (NaN included). */
bool cel_order(const struct cel_value *a, const struct cel_value *b, int *ret);
bool cel_is_utf8(struct str text);
bool cel_is_zero(const struct cel_value *value); /* null, false, 0, empty */

/* Text of a double as Go's strconv.FormatFloat(number, 'g', -1, 64) writes it, or, plain, without
 * exponent. */
struct str cel_double_text(struct arena *arena, double number, bool is_plain);

/* --- cel_moment.c, cel_zone.c -------------------------------------------------------------- */

/* RFC 3339 in capital letters, what is finer than nanoseconds cut; not checked for its range. */
bool cel_timestamp_parse(struct str text, struct cel_time *ret);
bool cel_timestamp_is_valid(const struct cel_time *time);
struct cel_value cel_timestamp_from_us(int64_t us);
struct str cel_timestamp_text(struct arena *arena, const struct cel_time *time);
/* Go's text: "1h30m". */
bool cel_duration_parse(struct str text, int64_t *ret_ns);
struct str cel_duration_text(struct arena *arena, int64_t ns);

/* Seconds east of UTC in a zone of the tz database ("Europe/Berlin"); false: no such zone. */
bool cel_zone_offset(struct arena *arena, struct str name, int64_t seconds, int32_t *ret);

/* --- expressions --------------------------------------------------------------------------- */

enum cel_operator {
	CEL_OPERATOR_NONE,
	CEL_ADD,
	CEL_SUBTRACT,
	CEL_MULTIPLY,
	CEL_DIVIDE,
	CEL_MODULO,
	CEL_EQUAL,
	CEL_NOT_EQUAL,
	CEL_LESS,
	CEL_LESS_EQUAL,
	CEL_GREATER,
	CEL_GREATER_EQUAL,
	CEL_IN,
	CEL_NEGATE,
	CEL_NOT
};

/* As the standard names them: `_+_`. */
const char *cel_operator_name(enum cel_operator operation);
/* cel_operators.c; b is ignored by the last two. */
int cel_operate(struct cel_run *run, enum cel_operator operation, const struct cel_value *a,
	const struct cel_value *b, struct cel_value *ret);
/* a[b] of lists and maps; is_present instead of an error for what is not there (ret_present not
 * NULL). */
int cel_index(struct cel_run *run, const struct cel_value *container, const struct cel_value *key,
	bool *ret_present, struct cel_value *ret);

enum cel_macro {
	CEL_MACRO_ALL,
	CEL_MACRO_EXISTS,
	CEL_MACRO_EXISTS_ONE,
	CEL_MACRO_MAP,
	CEL_MACRO_FILTER,
	CEL_MACRO_SORT_BY,
	CEL_MACRO_OPT_MAP,
	CEL_MACRO_OPT_FLAT_MAP,
	CEL_MACRO_BIND /* cel.bind(name, value, expression): the value is the target */
};

enum cel_node_type {
	CEL_NODE_LITERAL,
	CEL_NODE_NAME,
	CEL_NODE_SELECT, /* target.name, target.?name */
	CEL_NODE_HAS,	 /* has(target.name) */
	CEL_NODE_INDEX,	 /* target[arguments[0]], target[?...] */
	CEL_NODE_CALL,	 /* name(arguments); a method's target is the first */
	CEL_NODE_LIST,
	CEL_NODE_MAP, /* arguments: key, value, key, value */
	CEL_NODE_OPERATOR,
	CEL_NODE_AND, /* any number of arguments */
	CEL_NODE_OR,
	CEL_NODE_CONDITIONAL,
	CEL_NODE_MACRO /* target.macro(name, arguments...) */
};

struct cel_node {
	enum cel_node_type type;
	enum cel_operator operation;
	enum cel_macro macro;
	bool is_optional; /* SELECT, INDEX */
	bool is_method;	  /* CALL */
	unsigned depth;
	size_t position; /* in the text: what an error points at */
	size_t id;	 /* from 0, in the order of parsing */
	struct str name;
	struct cel_value literal;
	const struct pattern *pattern; /* CALL of matches() with a literal that compiles */
	const struct cel_node *target;
	const struct cel_node **arguments;
	bool *optional_arguments; /* LIST, MAP: [?x], {?k: v}; NULL when there is none */
	size_t count;
};

/* What the checker found of a call or operator; notes of an expression are written once, when it
 * is checked, before it is shared. */
enum { CEL_OVERLOAD_UNKNOWN, CEL_OVERLOAD_ONE, CEL_OVERLOAD_SEVERAL };

struct cel {
	const struct cel_node *root;
	struct str text;
	unsigned char *overloads; /* by node id */
};

/* Adds `line 1, column 5: ` in front of the error. */
int cel_locate(struct str text, size_t position, struct error *err);

/* --- cel_cost.c ---------------------------------------------------------------------------- */

/* is_resolved: the checker told one overload, or nothing was checked. */
uint64_t cel_operator_cost(enum cel_operator operation, const struct cel_value *a,
	const struct cel_value *b, bool is_resolved);
uint64_t cel_call_cost(struct str name, const struct cel_value *arguments, size_t count,
	const struct cel_value *result, bool is_resolved);

/* --- functions ----------------------------------------------------------------------------- */

typedef int cel_call_fn(struct cel_run *run, const struct cel_value *arguments, size_t count,
	struct cel_value *ret);

enum { CEL_GLOBAL = 1 << 0, CEL_METHOD = 1 << 1 };

struct cel_builtin {
	const char *name;
	unsigned forms;
	size_t min, max; /* arguments, a method's target included */
	cel_call_fn *call;
};

/* Each table ends in a NULL name. */
extern const struct cel_builtin cel_standard_functions[];
extern const struct cel_builtin cel_time_functions[];
extern const struct cel_builtin cel_string_functions[];
extern const struct cel_builtin cel_list_functions[];
extern const struct cel_builtin cel_adapter_functions[];

/* Sorts keys, and the values with them, ascending and stable; keys without an order are an error.
 */
int cel_sort(struct cel_run *run, struct cel_value *keys, struct cel_value *values, size_t count);

/* --- cel_scan.c ---------------------------------------------------------------------------- */

enum cel_token_type {
	CEL_TOKEN_END,
	CEL_TOKEN_NAME,
	CEL_TOKEN_QUOTED,
	CEL_TOKEN_LITERAL,
	CEL_TOKEN_MARK
};

struct cel_token {
	enum cel_token_type type;
	struct str text;
	struct cel_value literal;
	size_t position;
};

struct cel_scanner {
	struct arena *arena;
	struct error *err;
	struct str text;
	size_t position;
	struct cel_token token;
};

/* Reads the next token into scanner->token. */
int cel_scan(struct cel_scanner *scanner);
/* `expression, column 3: <what>`, at the current token. */
int cel_scan_fail(struct cel_scanner *scanner, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
