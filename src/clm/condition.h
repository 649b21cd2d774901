/*
 * condition.h - the conditions of a resource: what is said about it, and since when.
 *
 * A condition list is kept as JSON text in the resource's row and spliced into answers as it is;
 * only whoever recomputes it reads it into this form. "type" and "status" are always written first
 * and side by side, which the list search relies on (search.c).
 */
#ifndef REEVE_CLM_CONDITION_H
#define REEVE_CLM_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "data/json.h"

struct condition {
	struct str type;
	bool is_true; /* aggregated conditions are never Unknown */
	struct str reason;
	struct str message;
	int64_t observed_generation;
	int64_t created_us;
	int64_t last_updated_us;
	int64_t last_transition_us;
};

struct condition_list {
	struct condition *items;
	size_t count;
};

/* From the JSON text of a row; the result borrows from it. */
int condition_list_parse(
	struct arena *arena, struct str text, struct condition_list *ret, struct error *err);
struct str condition_list_text(struct arena *arena, const struct condition_list *list);

const struct condition *condition_find(const struct condition_list *list, struct str type);

/* Whether the two say the same, whenever they were last confirmed: last_updated_us is left out. */
bool condition_list_says_same(const struct condition_list *a, const struct condition_list *b);

#endif
