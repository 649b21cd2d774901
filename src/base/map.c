/*
 * map.c - open addressing with linear probing; removal moves the followers back, so there are no
 * tombstones and lookups stay short.
 */
#include "base/map.h"

#include <stdlib.h>

#include "base/hash.h"

#define MAP_FIRST 16 /* slots; always a power of two, at most three quarters used */

struct slot {
	char *key; /* NULL: empty */
	size_t key_len;
	uint64_t hash;
	void *value;
};

struct map {
	struct slot *slots;
	size_t capacity;
	size_t count;
};

struct map *map_new(void)
{
	return calloc(1, sizeof(struct map));
}

void map_free(struct map *map, void (*free_value)(void *value))
{
	if (!map)
		return;
	for (size_t i = 0; i < map->capacity; i++) {
		if (map->slots[i].key && free_value)
			free_value(map->slots[i].value);
		free(map->slots[i].key);
	}
	free(map->slots);
	free(map);
}

size_t map_count(const struct map *map)
{
	return map->count;
}

/* The slot that holds the key, or the empty one where it belongs. The map has slots. */
static struct slot *find(const struct map *map, struct str key, uint64_t hash)
{
	size_t mask = map->capacity - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct slot *slot = &map->slots[i];
		if (!slot->key ||
			(slot->hash == hash && str_eq(str_n(slot->key, slot->key_len), key)))
			return slot;
	}
}

void *map_get(const struct map *map, struct str key)
{
	if (!map || map->count == 0)
		return NULL;
	struct slot *slot = find(map, key, hash_fnv1a(key));
	return slot->key ? slot->value : NULL;
}

static bool grow(struct map *map)
{
	size_t capacity = map->capacity ? map->capacity * 2 : MAP_FIRST;
	struct map bigger = {.slots = calloc(capacity, sizeof(struct slot)), .capacity = capacity};

	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < map->capacity; i++) {
		struct slot *slot = &map->slots[i];
		if (slot->key)
			*find(&bigger, str_n(slot->key, slot->key_len), slot->hash) = *slot;
	}
	free(map->slots);
	map->slots = bigger.slots;
	map->capacity = capacity;
	return true;
}

bool map_put(struct map *map, struct str key, void *value, void **ret_old)
{
	uint64_t hash = hash_fnv1a(key);

	if (map->count + 1 > map->capacity / 4 * 3 && !grow(map))
		return false;
	struct slot *slot = find(map, key, hash);
	if (ret_old)
		*ret_old = slot->key ? slot->value : NULL;
	if (!slot->key) {
		char *copy = malloc(key.len + 1);
		if (!copy)
			return false;
		if (key.len)
			memcpy(copy, key.ptr, key.len);
		copy[key.len] = '\0';
		*slot = (struct slot){.key = copy, .key_len = key.len, .hash = hash};
		map->count++;
	}
	slot->value = value;
	return true;
}

void *map_remove(struct map *map, struct str key)
{
	if (!map || map->count == 0)
		return NULL;
	size_t mask = map->capacity - 1;
	struct slot *slot = find(map, key, hash_fnv1a(key));
	if (!slot->key)
		return NULL;
	void *value = slot->value;
	size_t hole = (size_t)(slot - map->slots);
	free(slot->key);
	map->count--;
	/* Moves each follower back whose home is not between the hole and itself. */
	for (size_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
		size_t home = map->slots[i].hash & mask;
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole] = (struct slot){0};
	return value;
}

bool map_next(const struct map *map, size_t *position, struct str *ret_key, void **ret_value)
{
	for (; map && *position < map->capacity; (*position)++) {
		const struct slot *slot = &map->slots[*position];
		if (slot->key) {
			*ret_key = str_n(slot->key, slot->key_len);
			*ret_value = slot->value;
			(*position)++;
			return true;
		}
	}
	return false;
}
