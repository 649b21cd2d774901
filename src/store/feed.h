/*
 * feed.h - the change feed: what was committed, in commit order, to be read with a cursor.
 *
 * The feed row is written in the writer's transaction. A reader keeps its own cursor (the last
 * sequence it has acted on) and never misses or reorders a committed row: it gets the next one, or
 * is told that it is gone. Rows are kept by count and age, as the product says (feed_compact).
 * Readers are not registered: one that went away for good would hold the feed for ever. A product
 * spares the cursors of the readers it serves.
 */
#ifndef REEVE_STORE_FEED_H
#define REEVE_STORE_FEED_H

#include "base/thread.h"
#include "store/store.h"

struct feed;

#define FEED_KEEP_ROWS 200000 /* default of feed_retention.max_rows */
#define FEED_READ_MAX 1000    /* rows per feed_read */

struct feed_row {
	int64_t sequence; /* set on reading */
	int64_t epoch;	  /* set on reading: raised by each restore */
	int64_t time_us;
	struct str topic;  /* what kind of thing: "Cluster" */
	struct str id;	   /* which one */
	struct str owner;  /* its parent, or null */
	struct str event;  /* what happened: "created", "updated", "status", "deleted", "gone",
			      "wake" */
	int64_t version;   /* its generation or version */
	struct str detail; /* small JSON text, or null */
};

/* The feed of a product in this store; makes nothing in the database (the product's migrations
 * include FEED_MIGRATION_SQL with its table name). `table`: "changes". */
int feed_new(struct feed **ret, struct store *store, const char *table, struct error *err);
void feed_free(struct feed *feed);

/* The table, for a migration: FEED_TABLE_SQL("changes"). */
#define FEED_TABLE_SQL(table)                                                           \
	"CREATE TABLE " table " (sequence INTEGER PRIMARY KEY, epoch BIGINT NOT NULL, " \
	"time_us BIGINT NOT NULL, topic TEXT NOT NULL, id TEXT NOT NULL, owner TEXT, "  \
	"event TEXT NOT NULL, version BIGINT NOT NULL, detail TEXT);"

/* Inside a write: appends, to be seen by readers when the transaction has committed. `ret`: the
 * row's sequence, if the transaction is; NULL accepted. */
int feed_append(struct sql *sql, struct feed *feed, const struct feed_row *row, int64_t *ret,
	struct error *err);

/* Rows after `after`, oldest first, at most `max`; copies live in the arena. ERROR_GONE when
 * `after` is older than the oldest row kept (the sentence names that one). */
int feed_read(struct feed *feed, struct arena *arena, int64_t after, size_t max,
	struct feed_row **ret, size_t *ret_count, struct error *err);

/* The newest sequence in the transaction's snapshot; 0 when there is none. */
int feed_newest(struct sql *sql, const struct feed *feed, int64_t *ret, struct error *err);

/* The newest committed sequence; 0 when there is none. */
int64_t feed_last(struct feed *feed);

/* Waits until a row after `after` is committed, a stop is requested, or the time is over; true in
 * the first case. */
bool feed_wait(struct feed *feed, int64_t after, struct stop *stop, int64_t timeout_us);

/* Calls `ring` after each commit with feed rows, on a writing thread or, for those of other
 * processes, on the feed's: schedule work, do not do it. */
int feed_listen(struct feed *feed, void (*ring)(void *context, int64_t last), void *context);
void feed_unlisten(struct feed *feed, void *context);

struct feed_retention {
	int64_t after;	   /* a cursor: rows after it stay */
	int64_t max_rows;  /* 0: FEED_KEEP_ROWS; older ones go */
	int64_t before_us; /* rows from before this time go; 0: none for its age */
};
/* Removes old rows, but never the newest, in batches between which other writes run. */
int feed_compact(struct feed *feed, const struct feed_retention *retention, struct error *err);

#endif
