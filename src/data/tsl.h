/*
 * tsl.h - the search language of HyperFleet's lists (TSL), as a tree.
 *
 *	labels.team = 'a' and (generation > 3 or not status.conditions.Ready = 'True')
 *
 * Words, strings in ' " or ` with backslash escapes, numbers with an optional SI suffix (5k, 2Mi),
 * dates and RFC 3339 times (quoted or bare), lists in brackets; AND OR NOT IN LIKE ILIKE BETWEEN
 * IS NULL TRUE FALSE in any case; = == != <> < <= > >= ~= ~! + - * / %. From the loosest: OR, AND,
 * NOT, comparisons, + -, * / %, unary minus. What the tree means is its reader's business.
 *
 * A name is written as it is (labels.example.com/tier-1), or its parts are quoted:
 * labels."a key", labels["a key"]. Pure.
 */
#ifndef REEVE_DATA_TSL_H
#define REEVE_DATA_TSL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define TSL_MAX_LENGTH 4096u
#define TSL_MAX_DEPTH 32u   /* of parentheses, NOT and minus */
#define TSL_MAX_NODES 1024u /* of a tree */
#define TSL_MAX_PARTS 16u   /* of a name */

enum tsl_type {
	TSL_AND, /* left and right, as in all operators with two sides */
	TSL_OR,
	TSL_NOT,     /* left */
	TSL_COMPARE, /* text: the operator, "==" as "=" and "<>" as "!=" */
	TSL_LIKE,
	TSL_ILIKE,
	TSL_IN,	     /* right: a list */
	TSL_BETWEEN, /* left; right and its `next` are the bounds */
	TSL_IS_NULL, /* left */
	TSL_MATH,    /* text: + - * / % */
	TSL_NAME,
	TSL_STRING,
	TSL_NUMBER,
	TSL_BOOL,
	TSL_NULL,
	TSL_LIST /* left is the first item, each item's `next` the following */
};

struct tsl {
	enum tsl_type type;
	bool is_negated; /* of IN, LIKE, ILIKE, BETWEEN, IS NULL: with NOT */
	bool is_true;	 /* of a bool */
	bool has_time;	 /* a string, or a bare date or time */
	bool is_integer; /* a number without fraction */
	struct str text; /* as written: an operator, a name; a string's content */
	double number;
	int64_t integer;
	int64_t time_us;
	struct str *parts; /* of a name: split at dots that are not quoted */
	size_t part_count;
	bool is_quoted; /* some part of the name is */
	struct tsl *left, *right, *next;
};

/* ERROR_INVALID: `failed to parse search query: ...` and where. */
int tsl_parse(struct arena *arena, struct str text, struct tsl **ret, struct error *err);

#endif
