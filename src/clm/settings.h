/*
 * settings.h - the files that tell a sentinel or an adapter what to do: YAML, checked by a table.
 *
 * Each level of such a file has a table of the keys it may hold. A key that is not in the table is
 * an error rather than ignored, because a misspelt key that is ignored means a rule that silently
 * does not apply. A key of HyperFleet's that Reeve does not have is in the table with the reason
 * and the remedy. Errors name the key by its path: `resources[0].lifecycle.recreate is not a key
 * known here`.
 */
#ifndef REEVE_CLM_SETTINGS_H
#define REEVE_CLM_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/cel_check.h"
#include "data/json.h"

#define SETTINGS_MAX_FILE_BYTES ((size_t)1 << 20)

enum settings_type {
	SETTINGS_ANY,
	SETTINGS_TEXT,
	SETTINGS_BOOL,
	SETTINGS_INTEGER,
	SETTINGS_LIST,
	SETTINGS_MAP
};

struct settings_key {
	const char *name;
	enum settings_type type;
	bool required;
	const char *refused; /* why the key may not be used, and what to do instead */
};

#define SETTINGS_COUNT(keys) (sizeof(keys) / sizeof((keys)[0]))

/* The whole file; ERROR_NOT_FOUND, ERROR_TOO_LARGE, or what reading it met. */
int settings_read(struct arena *arena, const char *path, struct str *ret, struct error *err);

/* The file's YAML, which must be a map. Errors begin with the path. */
int settings_load(struct arena *arena, const char *path, struct json **ret, struct error *err);

/* Puts "line 7" before a sentence about the value, where its line is known. Returns -1. */
int settings_at(const struct json *value, struct error *err);

/* Whether `map` is a map that holds only these keys, each of its type, and all required ones.
 * `where` is the path of the map itself, empty for the file. A null value counts as absent. Errors
 * begin with the line. */
int settings_check(const struct json *map, struct str where, const struct settings_key *keys,
	size_t count, struct error *err);

/* "a.b" or "b": the path of a member, for messages. */
struct str settings_path(struct arena *arena, struct str where, const char *key);
struct str settings_item(struct arena *arena, struct str where, size_t index);

/* Go's duration text at `key`; `fallback` when absent. */
int settings_duration(const struct json *map, struct str where, const char *key, int64_t fallback,
	int64_t *ret_us, struct error *err);

/* An integer between the bounds at `key`; `fallback` when absent. */
int settings_integer(const struct json *map, struct str where, const char *key, int64_t fallback,
	int64_t minimum, int64_t maximum, int64_t *ret, struct error *err);

/* An absolute http(s) URL without query, one trailing slash removed. */
int settings_url(struct str where, struct str text, struct str *ret, struct error *err);

/* A CEL expression, parsed; its error says where it stands. */
int settings_cel(struct arena *arena, struct str where, struct str text, const struct cel **ret,
	struct error *err);

/* The same, type-checked as well. */
int settings_checked_cel(struct arena *arena, struct str where, struct str text,
	const struct cel_check_env *env, const struct cel **ret, struct error *err);

/* Whether the text is a name as steps have it: ^[a-z][a-zA-Z0-9_]*$ */
bool settings_is_name(struct str text);

#endif
