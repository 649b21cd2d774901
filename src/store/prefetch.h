/*
 * prefetch.h - what a group of writes will read, asked for before the first of them runs; inside
 * this folder only.
 *
 * Each wait for rows is an exchange with the database's server, and a piece of work mostly reads
 * one thing by its key before it writes. Asked for together, the reads of a whole group cost one
 * exchange. What an earlier piece of work in the group changes meanwhile is forgotten by its key,
 * and so is read anew by who needs it (sql_prefetch, sql_query_key and sql_changed in store.h).
 */
#ifndef REEVE_STORE_PREFETCH_H
#define REEVE_STORE_PREFETCH_H

#include "store/driver.h"

#define PREFETCH_MAX (STORE_MAX_GROUP * 2)

struct prefetched {
	struct sql_rows *rows; /* NULL: taken, or forgotten */
	const char *text;      /* the very pointer */
	struct str key;	       /* its job's, which waits */
	uint64_t hash;
};

/* Of one group; zeroed at its beginning. */
struct prefetch {
	struct prefetched items[PREFETCH_MAX];
	size_t count;
	size_t first; /* that may have rows */
};

/* There is room (count < PREFETCH_MAX). */
void prefetch_add(
	struct prefetch *prefetch, const char *text, struct str key, struct sql_rows *rows);
/* The rows, which are the caller's then; NULL: none, or no longer true. */
struct sql_rows *prefetch_take(struct prefetch *prefetch, const char *text, struct str key);
void prefetch_forget(struct prefetch *prefetch, struct str key);

#endif
