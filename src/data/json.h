/*
 * json.h - JSON documents (RFC 8259) in an arena.
 *
 * Documents are what this program moves, so parsing, changing and writing them are fast and exact:
 * number text is kept as written, strings without escapes borrow from the source text, and
 * json_new_raw() splices text that is known to be JSON without looking into it. A document borrows
 * from the text it was parsed from: the text must live as long as the arena.
 *
 * Reading functions accept NULL (and a value of another type) and answer with "absent", so a chain
 * of json_get() needs no checks in between. Building functions accept NULL and pass it on; out of
 * memory shows in arena_is_exhausted().
 *
 * Not thread-safe; an unchanged document may be read by several threads.
 */
#ifndef REEVE_DATA_JSON_H
#define REEVE_DATA_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
	JSON_RAW /* only made by json_new_raw: written as it is, not read */
};

struct json;

/* Zero means the default. */
struct json_limits {
	size_t max_bytes; /* of text */
	unsigned max_depth;
	bool last_key_wins; /* duplicate keys: keep the last as Go does, instead of an error */
};

#define JSON_MAX_BYTES ((size_t)16 << 20)
#define JSON_MAX_DEPTH 128u

/*
 * Parses one document; anything but white space after it is an error. Limits NULL: the defaults
 * above, duplicate keys refused. Errors: ERROR_INVALID with line and column ("line 3, column 7:
 * duplicate key \"a\""; also bad UTF-8, lone surrogates, control characters, leading zeros),
 * ERROR_TOO_LARGE over a limit, ERROR_MEMORY.
 */
int json_parse(struct arena *arena, struct str text, const struct json_limits *limits,
	struct json **ret, struct error *err);

/* Where it stood in the file it was read from, counted from 1: of a member, its key's line. Only
 * YAML says so (yaml.h); 0 else. */
unsigned json_line(const struct json *value);
void json_set_line(struct json *value, unsigned line);

/* --- reading ------------------------------------------------------------------------------- */

enum json_type json_type(const struct json *value);	     /* JSON_NULL for NULL */
bool json_is(const struct json *value, enum json_type type); /* false for NULL */
bool json_is_null(const struct json *value);		     /* absent, or null */
const char *json_type_name(enum json_type type); /* "an object", "a string": for messages */

/* Member or NULL. */
struct json *json_get(const struct json *object, const char *key);
struct json *json_get_str(const struct json *object, struct str key);
/* As Go's decoder finds a field: its name in any case, the last one of several, null as absent. */
struct json *json_get_any_case(const struct json *object, const char *key);
/* The member at the end of a chain of keys: json_find(v, "spec", "release", NULL). */
struct json *json_find(const struct json *object, ...) __attribute__((sentinel));

size_t json_count(const struct json *container);		  /* items or members; else 0 */
struct json *json_at(const struct json *container, size_t index); /* item, or member's value */
struct str json_key_at(const struct json *object, size_t index);

/* for (item in container): index and value; for objects ask json_key_at(container, index). */
#define json_for_each(container, index, item) \
	for (size_t index = 0; ((item) = json_at((container), index)) != NULL; index++)

struct str json_str(const struct json *value);	       /* null unless a string */
struct str json_number_text(const struct json *value); /* as written; null unless a number */
bool json_bool(const struct json *value, bool fallback);
int64_t json_int(const struct json *value, int64_t fallback); /* integers in range only */
bool json_to_int(const struct json *value, int64_t *ret);     /* 5, 5.0 and 5e0 are 5 */
double json_double(const struct json *value, double fallback);

/* Convenience for json_str(json_get(o, key)). */
struct str json_get_text(const struct json *object, const char *key);

/* Deep equality: members in any order, numbers by value (1 equals 1.0). */
bool json_equal(const struct json *a, const struct json *b);

/* --- building ------------------------------------------------------------------------------ */

struct json *json_new_object(struct arena *arena);
struct json *json_new_array(struct arena *arena);
struct json *json_new_string(struct arena *arena, struct str text); /* borrows text; null -> null */
struct json *json_new_cstr(struct arena *arena, const char *text);
struct json *json_new_int(struct arena *arena, int64_t number);
struct json *json_new_double(
	struct arena *arena, double number); /* shortest text; NaN, Inf: null */
struct json *json_new_number(struct arena *arena, struct str text); /* text must be a JSON number */
struct json *json_new_bool(struct arena *arena, bool boolean);
struct json *json_new_null(struct arena *arena);
struct json *json_new_raw(struct arena *arena, struct str text);

/* Deep copy into another arena, strings included. */
struct json *json_copy(struct arena *arena, const struct json *value);

/* Sets or replaces a member, at the end when new. The key is borrowed. NULL value: nothing. */
void json_set(struct json *object, const char *key, struct json *value);
void json_set_str(struct json *object, struct str key, struct json *value);
/* Short forms for the common members; a null str sets nothing. */
void json_set_text(struct json *object, const char *key, struct str text);
void json_set_int(struct json *object, const char *key, int64_t number);
void json_set_bool(struct json *object, const char *key, bool boolean);

bool json_remove(struct json *object, struct str key);
void json_append(struct json *array, struct json *item);
void json_insert_at(struct json *array, size_t index, struct json *item); /* index clamped */
void json_remove_at(struct json *array, size_t index);
void json_replace_at(struct json *container, size_t index, struct json *value);

/* The arena that the container allocates from. */
struct arena *json_arena(const struct json *container);

/* --- writing ------------------------------------------------------------------------------- */

enum {
	JSON_WRITE_COMPACT = 0,
	JSON_WRITE_PRETTY = 1 << 0, /* two spaces */
	JSON_WRITE_SORTED = 1 << 1, /* members by key's bytes, at every level (raw text excepted) */
	JSON_WRITE_HTML = 1 << 2    /* as Go: < > & U+2028 U+2029 escaped */
};

bool json_write(struct buf *out, const struct json *value, unsigned flags);
struct str json_text(struct arena *arena, const struct json *value, unsigned flags);

/* One string, quoted and escaped. */
bool json_write_string(struct buf *out, struct str text, unsigned flags);

#endif
