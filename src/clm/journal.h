/*
 * journal.h - telling what has changed: to the feed, for those who follow, and to the history, for
 * those who ask later who did it.
 *
 * Both rows are written in the change's own transaction and have the same sequence. The feed is for
 * resuming after a pause and starts anew after a restore; the history belongs to its resource,
 * outlives it, and is kept for a time of its own.
 */
#ifndef REEVE_CLM_JOURNAL_H
#define REEVE_CLM_JOURNAL_H

#include "clm/report.h"
#include "clm/resource.h"

#define JOURNAL_MAX_PATCH ((size_t)16 << 10)			/* longer ones are left out */
#define JOURNAL_KEEP_FEED_US (INT64_C(168) * 3600 * 1000000)	/* default */
#define JOURNAL_KEEP_HISTORY_US (INT64_C(720) * 3600 * 1000000) /* default */
#define JOURNAL_FEED_MAX_ROWS 1000000				/* however young they are */

/* `event`: "created", "updated", "status", "deleted", "gone", or "wake" (the feed only: nothing has
 * changed, look again). `what`: JSON text for the history, or null. */
int journal_tell(struct change *change, const struct resource *resource, const char *event,
	struct str what, struct error *err);

/* --- `what`, in the change's arena; null when there is no room ----------------------------------
 */

/* {"changed": ["spec"], "patch": {"spec": {..}}}: the members that differ, and the merge patch from
 * `before` to `after` unless it is longer than JOURNAL_MAX_PATCH. */
struct str journal_of_update(struct change *change, const struct resource *before,
	const struct resource *after, struct error *err);
/* {"adapter": "dns", "conditions": {"Available": "True"}} */
struct str journal_of_report(struct arena *arena, const struct report *report);
/* {"reason": ".."} */
struct str journal_of_reason(struct arena *arena, struct str reason);

/* --- reading ---------------------------------------------------------------------------------- */

struct journal_page {
	struct scope scope;
	struct str id;
	int64_t before; /* only older ones than this sequence */
	int64_t size;
	int64_t ret_count; /* entries written */
	int64_t ret_next;  /* 0: there are no older ones; else `before` of the next page */
};
/* Appends the entries, newest first, with commas between. */
int journal_read(struct sql *sql, struct journal_page *page, struct buf *out, struct error *err);

/* --- keeping ---------------------------------------------------------------------------------- */

/* How long rows are kept, microseconds; 0: the default. */
struct journal_retention {
	int64_t feed_us;
	int64_t history_us;
};
/* Removes what is older, a batch at a time, but no row of the feed after the cursor `after`. */
int journal_compact(struct catalog *catalog, const struct journal_retention *retention,
	int64_t after, int64_t now_us, struct error *err);

#endif
