/*
 * watch.h - the change feed as streams of JSON lines.
 *
 * One dispatcher thread reads the feed and pushes into the streams. Every stream has its own
 *cursor; streams that are up to date share each batch that is read, and one that began in the past
 *catches up a batch at a time between them. Lines are rendered once per batch, not once per stream.
 *
 *	{"sequence":12,"epoch":1,"kind":"Cluster","id":"..","owner":null,"event":"created",
 *	 "generation":1,"time":"..","resource":{..}}        with include=resource
 *	{"heartbeat":12,"epoch":1}                          at once, and every WATCH_HEARTBEAT_US
 *
 * A heartbeat says that everything up to that sequence has been sent; whoever is cut off resumes
 * after the last number it saw. A reader too slow for its queue is cut off.
 */
#ifndef REEVE_CLM_WATCH_H
#define REEVE_CLM_WATCH_H

#include "clm/journal.h"
#include "net/http_server.h"

#define WATCH_MAX_STREAMS 1000u
#define WATCH_BATCH_ROWS 256u
#define WATCH_HEARTBEAT_US (INT64_C(10) * 1000000)
/* Between compactions: as long as the shortest retention, within these. */
#define WATCH_COMPACT_MIN_US (INT64_C(1) * 1000000)
#define WATCH_COMPACT_MAX_US (INT64_C(600) * 1000000)

struct watch;

/* Its thread also removes what is not to be kept any longer. */
int watch_start(struct watch **ret, struct catalog *catalog,
	const struct journal_retention *retention, struct log *log, struct error *err);

/* Ends every stream, and those opened from now on at once: before the HTTP server stops, while the
 * last handlers may still run. watch_free comes after it has. NULL is accepted by both. */
void watch_stop(struct watch *watch);
void watch_free(struct watch *watch);

/* What one reader wants. */
struct watch_wish {
	const struct kind *kind; /* NULL: every kind */
	struct str owner;	 /* null, or only children of this one */
	struct str tenancy;	 /* null, or only this tenant's */
	int64_t now_us;
	int64_t ends_us; /* the stream ends then; 0: it does not */
	bool includes_resource;
	bool has_after;
	int64_t after; /* the first line is of the row after this one; without has_after: from now
			*/
};

/* Opens the stream as the answer to the request. ERROR_GONE when rows after the cursor are not kept
 * (or the cursor is ahead of the feed, as after a restore): list again. ERROR_LIMITED. */
int watch_open(struct watch *watch, struct http_request *request, struct http_response *response,
	const struct watch_wish *wish, struct error *err);

size_t watch_count(struct watch *watch);

#endif
