/*
 * search.h - the `search` and `order` parameters of a list, as SQL.
 *
 * The search language is TSL (data/tsl.h). Its names are the columns of a resource (id, name, kind,
 * generation, created_time and so on); labels.<key>; spec.<a>.<b>, the text at that place of the
 * spec, compared as a number where the other side is one; status.conditions.<Type>, which is True,
 * False or Unknown, and its members last_updated_time, last_transition_time, observed_generation.
 * Any key can be written by quoting: labels."a key", spec["nodePools"].
 *
 * As in SQL, a comparison with what is absent is neither true nor false, also under NOT. What a
 * client writes reaches the database only as bound parameters.
 */
#ifndef REEVE_CLM_SEARCH_H
#define REEVE_CLM_SEARCH_H

#include "base/arena.h"
#include "base/error.h"
#include "data/tsl.h"
#include "store/store.h"

#define SEARCH_MAX_ORDER 16u   /* items of `order` */
#define SEARCH_MAX_VALUES 256u /* bound in one query, those of the server included */

/* A WHERE clause under construction: text with $1.. and what they stand for. */
struct search_clause {
	enum sql_dialect dialect;
	struct str text;
	struct sql_value values[SEARCH_MAX_VALUES];
	size_t value_count;
	bool is_fleeting;		   /* asks for what changes without a row in the feed */
	struct str label_key, label_value; /* that all found have; null: no such label is known */
};

/* Adds " AND column = $n" (or the first condition). `column` is a literal. */
void search_require(
	struct arena *arena, struct search_clause *clause, const char *column, struct str value);

/* Adds that a resource refers to another under the type. */
void search_require_reference(
	struct arena *arena, struct search_clause *clause, struct str type, struct str target);

/* Adds what the client asks for. ERROR_INVALID says which part is not understood. */
int search_add(
	struct arena *arena, struct search_clause *clause, struct str search, struct error *err);

/* "name desc, id": one item of `order` per call, appended. ERROR_INVALID on bad syntax or column.
 */
int search_add_order(struct arena *arena, struct str item, struct str *order, struct error *err);

#endif
