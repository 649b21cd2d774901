/*
 * search.h - the `search` parameter of Maestro's lists, as a condition in SQL. Pure.
 *
 * Two languages in one grammar: comparisons of columns joined by and, or, not and parentheses
 *(TSL), and steps into the labels as the official client library writes them:
 *
 *	source='S' and (consumer_name='a' or consumer_name='b')
 *	payload->'metadata'->'labels'@>'{"a":"b"}'
 *	payload->'metadata'->'labels'->>'env'in('a','b')
 *
 * Operators: = != <> < <= > >= in, not in, is null, is not null, @>. Every value, and every label,
 *is a bound parameter; columns come from a table here. A missing label compares as NULL does in
 *SQL: the row is not found, also not by <>.
 */
#ifndef REEVE_MAESTRO_SEARCH_H
#define REEVE_MAESTRO_SEARCH_H

#include "data/json.h"
#include "store/store.h"

#define SEARCH_MAX_BYTES 16384
#define SEARCH_MAX_VALUES 500
#define SEARCH_MAX_DEPTH 32

enum search_table { SEARCH_BUNDLES, SEARCH_CONSUMERS };

struct search {
	struct str condition; /* with $1, $2, ...; "1 = 1" for an empty search */
	struct sql_value values[SEARCH_MAX_VALUES + 2]; /* room for the caller's limit and offset */
	size_t count;
};

/* ERROR_INVALID: `Failed to parse search query: ...`, and where. Texts live in the arena. */
int search_compile(struct arena *arena, struct str text, enum search_table table,
	struct search *ret, struct error *err);

/* `orderBy`: "name asc,created_at desc" as SQL; never null. ERROR_INVALID: `bad order value '...'`.
 */
int search_order(struct arena *arena, struct str text, enum search_table table, struct str *ret,
	struct error *err);

#endif
