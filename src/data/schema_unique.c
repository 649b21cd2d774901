/*
 * schema_unique.c - find an item of a list that equals an earlier one.
 *
 * Comparing all pairs takes minutes on a list of the size that a request may have, so items are
 * sorted into a hash table by a hash that equal values share, whatever the order of their members
 * and the form of their numbers.
 */
#include "base/hash.h"
#include "data/schema_tree.h"

struct slot {
	uint64_t hash;
	size_t item; /* index + 1; 0: free */
};

static uint64_t mix(uint64_t hash)
{
	/* The finalizer of MurmurHash3: spreads every bit over the word. */
	hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
	hash = (hash ^ (hash >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
	return hash ^ (hash >> 33);
}

static uint64_t hash_number(const struct json *value)
{
	double number = json_double(value, 0);
	uint64_t bits;

	if (number == 0)
		number = 0; /* -0 equals 0 */
	memcpy(&bits, &number, sizeof(bits));
	return bits;
}

static uint64_t hash_value(const struct json *value)
{
	const struct json *item;
	uint64_t hash = (uint64_t)json_type(value) + 1;

	switch (json_type(value)) {
	case JSON_NUMBER:
		return mix(hash ^ hash_number(value));
	case JSON_STRING:
		return mix(hash ^ hash_fnv1a(json_str(value)));
	case JSON_BOOL:
		return mix(hash + (json_bool(value, false) ? 16 : 32));
	case JSON_ARRAY:
		json_for_each (value, i, item)
			hash = mix(hash + hash_value(item));
		return hash;
	case JSON_OBJECT:
		json_for_each (value, i, item)
			hash += mix(hash_fnv1a(json_key_at(value, i)) + 3 * hash_value(item));
		return mix(hash);
	case JSON_NULL:
	case JSON_RAW:
		break;
	}
	return mix(hash);
}

static uint64_t hash_item(const struct json *item, const struct str *keys, size_t key_count)
{
	uint64_t hash = 0;

	if (key_count == 0)
		return hash_value(item);
	for (size_t i = 0; i < key_count; i++)
		hash = mix(hash + hash_value(json_get_str(item, keys[i])));
	return hash;
}

static bool items_equal(
	const struct json *a, const struct json *b, const struct str *keys, size_t key_count)
{
	if (key_count == 0)
		return json_equal(a, b);
	for (size_t i = 0; i < key_count; i++) {
		const struct json *x = json_get_str(a, keys[i]), *y = json_get_str(b, keys[i]);

		if ((x == NULL) != (y == NULL) || (x != NULL && !json_equal(x, y)))
			return false;
	}
	return true;
}

ptrdiff_t schema_find_duplicate(
	struct arena *arena, const struct json *list, const struct str *keys, size_t key_count)
{
	size_t count = json_count(list), capacity = 8;
	struct slot *slots;

	if (count < 2)
		return -1;
	while (capacity < 2 * count)
		capacity *= 2;
	slots = arena_calloc(arena, capacity, sizeof(struct slot));
	if (slots == NULL)
		return -2;
	for (size_t i = 0; i < count; i++) {
		const struct json *item = json_at(list, i);
		uint64_t hash = hash_item(item, keys, key_count);
		size_t at = hash & (capacity - 1);

		for (; slots[at].item != 0; at = (at + 1) & (capacity - 1)) {
			if (slots[at].hash == hash &&
				items_equal(
					item, json_at(list, slots[at].item - 1), keys, key_count))
				return (ptrdiff_t)i;
		}
		slots[at] = (struct slot){hash, i + 1};
	}
	return -1;
}
