/*
 * map.h - a hash table from string to pointer.
 *
 * Keys are copied; values are the caller's. Not thread-safe: whoever owns the map owns the lock.
 * Order of iteration is unspecified; removing while iterating is not allowed.
 */
#ifndef REEVE_BASE_MAP_H
#define REEVE_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct map;

struct map *map_new(void);

/* Calls free_value on each value when given. NULL map accepted. */
void map_free(struct map *map, void (*free_value)(void *value));

size_t map_count(const struct map *map);
void *map_get(const struct map *map, struct str key);

/* Sets, and returns through ret_old (NULL accepted) what was there. False when memory is out. */
bool map_put(struct map *map, struct str key, void *value, void **ret_old);

/* Takes out and returns the value, or NULL. */
void *map_remove(struct map *map, struct str key);

/* Begin with *position = 0; false at the end. The key lives as long as its entry. */
bool map_next(const struct map *map, size_t *position, struct str *ret_key, void **ret_value);

#define map_for_each(map, position, key, value) \
	for (size_t position = 0; map_next((map), &position, &(key), (void **)&(value));)

#endif
