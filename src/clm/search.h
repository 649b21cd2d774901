/*
 * search.h - the `search` and `order` parameters of a list, as SQL.
 *
 * Of the search language (TSL) this takes equality on name, id, labels.<key> and
 * status.conditions.<Type>, joined by `and`, `or` and parentheses:
 *
 *	labels.team='a' and (status.conditions.Reconciled='False' or name="x")
 *
 * Whatever else the language has is refused in words, never ignored. What a client writes reaches
 *the database only as bound parameters.
 */
#ifndef REEVE_CLM_SEARCH_H
#define REEVE_CLM_SEARCH_H

#include "base/arena.h"
#include "base/error.h"
#include "store/store.h"

#define SEARCH_MAX_LENGTH 4096u
#define SEARCH_MAX_TERMS 64u
#define SEARCH_MAX_DEPTH 16u
#define SEARCH_MAX_VALUES (SEARCH_MAX_TERMS + 8u)

/* A WHERE clause under construction: text with $1.. and what they stand for. */
struct search_clause {
	struct str text;
	struct sql_value values[SEARCH_MAX_VALUES];
	size_t value_count;
};

/* Adds " AND column = $n" (or the first condition). `column` is a literal. */
void search_require(
	struct arena *arena, struct search_clause *clause, const char *column, struct str value);

/* Adds what the client asks for. ERROR_INVALID says which part is not understood. */
int search_add(
	struct arena *arena, struct search_clause *clause, struct str search, struct error *err);

/* "name desc, id": one item of `order` per call, appended. ERROR_INVALID on bad syntax or column.
 */
int search_add_order(struct arena *arena, struct str item, struct str *order, struct error *err);

#endif
