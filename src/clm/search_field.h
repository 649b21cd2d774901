/*
 * search_field.h - what a name in a search stands for, and how SQL reads it; for search.c only.
 */
#ifndef REEVE_CLM_SEARCH_FIELD_H
#define REEVE_CLM_SEARCH_FIELD_H

#include "clm/search.h"

enum field_type {
	FIELD_TEXT, /* a column, as the next two */
	FIELD_INTEGER,
	FIELD_TIME, /* microseconds */
	FIELD_LABEL,
	FIELD_SPEC,
	FIELD_STATUS, /* of a condition */
	FIELD_CONDITION_TIME,
	FIELD_CONDITION_GENERATION
};

struct field {
	enum field_type type;
	struct str name;    /* as written, for messages */
	const char *column; /* a column's, or a condition's member; ours, never the client's text */
	struct str key;	    /* the label's key, or the condition's type */
	const struct str *path; /* within the spec */
	size_t path_count;
};

/* ERROR_INVALID when there is no such field. */
int search_field_find(const struct tsl *name, struct field *ret, struct error *err);

/* Appends an expression that reads the field; `as_number`: NULL where the spec has no number. */
int search_field_append(struct arena *arena, struct search_clause *clause,
	const struct field *field, bool as_number, struct error *err);

void search_append(struct arena *arena, struct search_clause *clause, const char *text);
/* Appends $n, with `cast` behind it on PostgreSQL ("::text" where it could not know; ""). */
int search_bind(struct arena *arena, struct search_clause *clause, struct sql_value value,
	const char *cast, struct error *err);

#endif
