/*
 * totals.c - see totals.h.
 */
#include "clm/totals.h"

#include <string.h>

#include "base/cleanup.h"

void totals_init(struct totals *totals)
{
	memset(totals, 0, sizeof(*totals));
	pthread_mutex_init(&totals->mutex, NULL);
}

void totals_destroy(struct totals *totals)
{
	pthread_mutex_destroy(&totals->mutex);
}

static struct total *find(struct totals *totals, struct str key)
{
	for (size_t i = 0; i < TOTALS_MAX; i++) {
		struct total *entry = &totals->entries[i];

		if (entry->key_len > 0 && str_eq(str_n(entry->key, entry->key_len), key))
			return entry;
	}
	return NULL;
}

bool totals_find(struct totals *totals, struct str key, int64_t sequence, int64_t *ret)
{
	const struct total *entry;

	LOCK_SCOPE(&totals->mutex);
	entry = find(totals, key);
	if (entry == NULL || entry->sequence != sequence)
		return false;
	*ret = entry->total;
	return true;
}

void totals_keep(struct totals *totals, struct str key, int64_t sequence, int64_t total)
{
	struct total *entry;

	if (key.len == 0 || key.len > TOTALS_KEY_MAX)
		return;
	LOCK_SCOPE(&totals->mutex);
	entry = find(totals, key);
	if (entry == NULL)
		entry = &totals->entries[totals->next++ % TOTALS_MAX]; /* the oldest gives way */
	memcpy(entry->key, key.ptr, key.len);
	entry->key_len = key.len;
	entry->sequence = sequence;
	entry->total = total;
}
