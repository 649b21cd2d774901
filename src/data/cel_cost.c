/*
 * cel_cost.c - what an operator or a call costs, in the units of cel-go's cost tracking.
 *
 * Most cost 1. Those that walk over texts cost a tenth of a character each, those that make a list
 * what a list costs. A call whose overload the checker could not tell costs 1, whatever it does;
 * so do these rules depend on the checker's notes (struct cel_node, id).
 */
#include "data/cel_tree.h"

#define TEXT_PART 10   /* characters for one */
#define PATTERN_PART 4 /* characters of a pattern for one */
#define LIST_COST 10

static uint64_t part(uint64_t size, uint64_t of)
{
	return (size + of - 1) / of;
}

static uint64_t size_of(const struct cel_value *value)
{
	uint64_t count = 0;

	switch (value->type) {
	case CEL_STRING:
		for (size_t i = 0; i < value->as.text.len; i++)
			count += ((unsigned char)value->as.text.ptr[i] & 0xC0) != 0x80;
		return count;
	case CEL_BYTES:
		return value->as.text.len;
	case CEL_LIST:
	case CEL_MAP:
		return cel_count(value);
	case CEL_OPTIONAL:
		return value->as.optional ? size_of(value->as.optional) : 1;
	default:
		return 1;
	}
}

/* --- operators ----------------------------------------------------------------------------- */

static bool is_text(const struct cel_value *value)
{
	return value->type == CEL_STRING || value->type == CEL_BYTES;
}

static uint64_t cost_of_least(const struct cel_value *a, const struct cel_value *b)
{
	uint64_t x = size_of(a), y = size_of(b);

	return part(x < y ? x : y, TEXT_PART);
}

uint64_t cel_operator_cost(enum cel_operator operation, const struct cel_value *a,
	const struct cel_value *b, bool is_resolved)
{
	switch (operation) {
	case CEL_EQUAL:
	case CEL_NOT_EQUAL:
		return cost_of_least(a, b);
	case CEL_LESS:
	case CEL_LESS_EQUAL:
	case CEL_GREATER:
	case CEL_GREATER_EQUAL:
		return is_resolved && is_text(a) ? cost_of_least(a, b) : 1;
	case CEL_ADD:
		return is_resolved && is_text(a) ? part(size_of(a) + size_of(b), TEXT_PART) : 1;
	case CEL_IN:
		return is_resolved && b->type == CEL_LIST ? size_of(b) : 1;
	default:
		return 1;
	}
}

/* --- calls --------------------------------------------------------------------------------- */

enum rule {
	TARGET,	   /* walks over the target */
	ARGUMENT,  /* walks over the argument */
	PRODUCT,   /* over one for each part of the other */
	SEARCH,	   /* over one for each character of the other */
	PATTERN,   /* with a pattern */
	TEXT,	   /* walks over the target, makes a text */
	CHARACTER, /* walks over the target, makes one character */
	REPLACED,  /* searches, makes a text */
	PIECES,	   /* walks over the target, makes a list */
	JOINED,	   /* makes a text of a list */
	ITEMS,	   /* makes a list */
	SQUARE	   /* makes a list by comparing each with each */
};

static const struct {
	const char *name;
	enum rule rule;
} rules[] = {
	{"format", TARGET},
	{"strings.quote", TARGET},
	{"startsWith", ARGUMENT},
	{"endsWith", ARGUMENT},
	{"contains", PRODUCT},
	{"indexOf", SEARCH},
	{"lastIndexOf", SEARCH},
	{"matches", PATTERN},
	{"charAt", CHARACTER},
	{"substring", TEXT},
	{"lowerAscii", TEXT},
	{"upperAscii", TEXT},
	{"trim", TEXT},
	{"replace", REPLACED},
	{"split", PIECES},
	{"join", JOINED},
	{"slice", ITEMS},
	{"flatten", ITEMS},
	{"lists.range", ITEMS},
	{"distinct", SQUARE},
	{"sort", SQUARE},
};

static uint64_t at_least_one(uint64_t size)
{
	return size > 0 ? size : 1;
}

static bool holds_text(const struct cel_value *list)
{
	struct cel_value first;

	if (list->type != CEL_LIST || cel_count(list) == 0)
		return false;
	first = cel_item(list, 0);
	return is_text(&first);
}

static uint64_t cost_by_rule(enum rule rule, const struct cel_value *arguments, size_t count,
	const struct cel_value *result)
{
	uint64_t size = size_of(&arguments[0]), walk = part(size, TEXT_PART);
	uint64_t argument = count > 1 ? size_of(&arguments[1]) : 0;

	switch (rule) {
	case TARGET:
		return walk;
	case ARGUMENT:
		return part(argument, TEXT_PART);
	case PRODUCT:
		return walk * part(argument, TEXT_PART);
	case SEARCH:
		return 1 + part(size * argument, TEXT_PART);
	case PATTERN:
		return part(1 + size, TEXT_PART) * part(argument, PATTERN_PART);
	case TEXT:
		return 1 + walk + size_of(result);
	case CHARACTER:
		return 1 + walk + 1;
	case REPLACED:
		return 1 + part(at_least_one(size) * at_least_one(argument), TEXT_PART) +
		       size_of(result);
	case PIECES:
		return 1 + part(size + 1, TEXT_PART) + LIST_COST + size_of(result);
	case JOINED:
		return 1 + part(size + 1, TEXT_PART) + size_of(result);
	case ITEMS:
		return 1 + LIST_COST + size_of(result);
	case SQUARE:
		return 1 + LIST_COST + 2 * size * size +
		       (holds_text(&arguments[0]) ? size * size / 10 : 0);
	}
	return 1;
}

uint64_t cel_call_cost(struct str name, const struct cel_value *arguments, size_t count,
	const struct cel_value *result, bool is_resolved)
{
	if (!is_resolved || count == 0)
		return 1;
	if (str_eq_c(name, "string") || str_eq_c(name, "bytes")) /* what was bytes, or becomes so */
		return arguments[0].type != result->type && is_text(&arguments[0])
			       ? part(size_of(&arguments[0]), TEXT_PART)
			       : 1;
	if (str_eq_c(name, "reverse"))
		return cost_by_rule(
			result->type == CEL_LIST ? ITEMS : TEXT, arguments, count, result);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (str_eq_c(name, rules[i].name))
			return cost_by_rule(rules[i].rule, arguments, count, result);
	}
	return 1;
}
