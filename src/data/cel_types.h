/*
 * cel_types.h - types as the checker sees them: read from text, unified, shown. For cel_check*.c
 * only.
 *
 * A parameter stands for a type not yet known. Assigning binds parameters; what a failed attempt
 * bound is taken back. Rules of dyn, null and the more general of two types are cel-go's.
 */
#ifndef REEVE_DATA_CEL_TYPES_H
#define REEVE_DATA_CEL_TYPES_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

enum cel_static_kind {
	CEL_STATIC_DYN,
	CEL_STATIC_BOOL,
	CEL_STATIC_INT,
	CEL_STATIC_UINT,
	CEL_STATIC_DOUBLE,
	CEL_STATIC_STRING,
	CEL_STATIC_BYTES,
	CEL_STATIC_NULL,
	CEL_STATIC_TIMESTAMP,
	CEL_STATIC_DURATION,
	CEL_STATIC_TYPE,     /* parts[0], may be NULL */
	CEL_STATIC_LIST,     /* parts[0] */
	CEL_STATIC_MAP,	     /* parts[0], parts[1] */
	CEL_STATIC_OPTIONAL, /* parts[0] */
	CEL_STATIC_PARAMETER
};

struct cel_static {
	enum cel_static_kind kind;
	size_t parameter;
	const struct cel_static *parts[2];
};

struct cel_types {
	struct arena *arena;
	struct error *err;
	const struct cel_static **bound; /* of each parameter, NULL while unknown */
	size_t count, capacity;
	struct cel_binding *undo;
	size_t undo_count, undo_capacity;
	unsigned work;
	bool failed; /* out of memory or work; err says which */
};

const struct cel_static *cel_static(enum cel_static_kind kind); /* one without parts */
const struct cel_static *cel_static_of(struct cel_types *types, enum cel_static_kind kind,
	const struct cel_static *first, const struct cel_static *second);
const struct cel_static *cel_static_new_parameter(struct cel_types *types);

/* Takes a type from the front of the text; capital letters are looked up in, or added to, letters.
 * NULL when there is none. */
struct cel_letters {
	const struct cel_static *of[26];
};
const struct cel_static *cel_static_read(
	struct cel_types *types, struct str *text, struct cel_letters *letters);

/* With what is known of its parameters; those unknown become dyn when to_dyn. */
const struct cel_static *cel_static_known(
	struct cel_types *types, const struct cel_static *type, bool to_dyn);

/* Whether each `from` may stand where its `to` is asked for; binds parameters only if so. */
bool cel_static_assign(struct cel_types *types, const struct cel_static *const *from,
	const struct cel_static *const *to, size_t count);

/* The more general of two types that are assignable. */
const struct cel_static *cel_static_general(
	struct cel_types *types, const struct cel_static *a, const struct cel_static *b);
bool cel_static_same(
	struct cel_types *types, const struct cel_static *a, const struct cel_static *b);

/* `map(string, dyn)`. */
struct str cel_static_text(struct cel_types *types, const struct cel_static *type);

#endif
