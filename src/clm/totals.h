/*
 * totals.h - how many resources a list has, remembered while nothing changes.
 *
 * Counting walks an index from end to end; clients page through the same list again and again. What
 * is counted holds as long as the feed's newest sequence is the same in the snapshot that asks:
 * nothing comes, goes or changes without a row there, whichever process writes it, but for
 * the times at which conditions were confirmed.
 */
#ifndef REEVE_CLM_TOTALS_H
#define REEVE_CLM_TOTALS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define TOTALS_MAX 64u	    /* lists remembered */
#define TOTALS_KEY_MAX 240u /* longer keys are not remembered */

struct totals {
	pthread_mutex_t mutex;
	struct total {
		char key[TOTALS_KEY_MAX];
		size_t key_len; /* 0: empty */
		int64_t sequence;
		int64_t total;
	} entries[TOTALS_MAX];
	size_t next;
};

void totals_init(struct totals *totals);
void totals_destroy(struct totals *totals);

/* `key`: what tells the list apart. `sequence`: the newest of the feed in the caller's snapshot. */
bool totals_find(struct totals *totals, struct str key, int64_t sequence, int64_t *ret);
void totals_keep(struct totals *totals, struct str key, int64_t sequence, int64_t total);

#endif
