/*
 * jwk_set.c - see jwk_set.h.
 */
#include "net/jwk_set.h"

#include <stdlib.h>

#include "base/cleanup.h"

struct jwk_set {
	size_t count;
	struct jwk *keys[JWK_SET_MAX_KEYS];
};

static int add_all(struct jwk_set *set, const struct json *keys, struct error *err)
{
	const struct json *item;
	struct error skipped = {0};

	json_for_each (keys, i, item) {
		struct jwk *key;

		if (jwk_new(&key, item, &skipped) == 0)
			set->keys[set->count++] = key;
		else if (skipped.code == ERROR_MEMORY)
			return error_set(err, ERROR_MEMORY, "no memory for keys");
	}
	if (set->count > 0)
		return 0;
	if (skipped.code == ERROR_NONE)
		return error_set(err, ERROR_INVALID, "the key set is empty");
	return error_set(err, ERROR_INVALID, "the key set has no key to verify with; the last: %s",
		skipped.message);
}

int jwk_set_parse(struct jwk_set **ret, struct str text, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct json *document, *keys;

	if (text.len > JWK_SET_MAX_BYTES)
		return error_set(err, ERROR_TOO_LARGE, "the key set is longer than %zu bytes",
			JWK_SET_MAX_BYTES);
	if (!arena)
		return error_set(err, ERROR_MEMORY, "no memory for keys");
	if (json_parse(arena, text, NULL, &document, err) != 0)
		return error_prefix(err, "the key set is not JSON");
	keys = json_get(document, "keys");
	if (!json_is(keys, JSON_ARRAY))
		return error_set(err, ERROR_INVALID,
			"the key set has to be an object with an array `keys` (RFC 7517)");
	if (json_count(keys) > JWK_SET_MAX_KEYS)
		return error_set(err, ERROR_TOO_LARGE,
			"the key set has %zu keys; at most %u are possible", json_count(keys),
			JWK_SET_MAX_KEYS);
	struct jwk_set *set = calloc(1, sizeof(*set));
	if (!set)
		return error_set(err, ERROR_MEMORY, "no memory for keys");
	if (add_all(set, keys, err) != 0) {
		jwk_set_free(set);
		return -1;
	}
	*ret = set;
	return 0;
}

void jwk_set_free(struct jwk_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->count; i++)
		jwk_free(set->keys[i]);
	free(set);
}

size_t jwk_set_count(const struct jwk_set *set)
{
	return set ? set->count : 0;
}

enum jwk_match jwk_set_find(const struct jwk_set *set, struct str id, enum jwk_algorithm algorithm,
	struct jwk **ret_key)
{
	struct jwk *found = NULL;
	bool is_known = false;

	for (size_t i = 0; set && i < set->count; i++) {
		struct jwk *key = set->keys[i];
		struct str own = jwk_id(key);

		if (!str_is_null(id) && (str_is_null(own) || !str_eq(id, own)))
			continue;
		is_known = is_known || !str_is_null(id);
		if (!jwk_serves(key, algorithm))
			continue;
		if (found)
			return JWK_UNFIT; /* which one is not for us to guess */
		found = key;
	}
	if (!found)
		return is_known ? JWK_UNFIT : JWK_ABSENT;
	*ret_key = jwk_hold(found);
	return JWK_FOUND;
}
