/*
 * prefetch.c - see prefetch.h.
 *
 * Work takes what was asked for in the order in which it was asked, so looking from the first that
 * is left finds it at once.
 */
#include "store/prefetch.h"

#include "base/hash.h"

static bool is_of(const struct prefetched *item, struct str key, uint64_t hash)
{
	return item->rows && item->hash == hash && str_eq(item->key, key);
}

static void skip_taken(struct prefetch *prefetch)
{
	while (prefetch->first < prefetch->count && !prefetch->items[prefetch->first].rows)
		prefetch->first++;
}

void prefetch_add(
	struct prefetch *prefetch, const char *text, struct str key, struct sql_rows *rows)
{
	prefetch->items[prefetch->count++] = (struct prefetched){rows, text, key, hash_fnv1a(key)};
}

struct sql_rows *prefetch_take(struct prefetch *prefetch, const char *text, struct str key)
{
	uint64_t hash = hash_fnv1a(key);

	for (size_t i = prefetch->first; i < prefetch->count; i++) {
		struct prefetched *item = &prefetch->items[i];
		struct sql_rows *rows = item->rows;

		if (item->text != text || !is_of(item, key, hash))
			continue;
		item->rows = NULL;
		skip_taken(prefetch);
		return rows;
	}
	return NULL;
}

void prefetch_forget(struct prefetch *prefetch, struct str key)
{
	uint64_t hash = hash_fnv1a(key);

	for (size_t i = prefetch->first; i < prefetch->count; i++) {
		struct prefetched *item = &prefetch->items[i];

		if (!is_of(item, key, hash))
			continue;
		item->rows->sql->driver->end(item->rows);
		item->rows = NULL;
	}
	skip_taken(prefetch);
}
