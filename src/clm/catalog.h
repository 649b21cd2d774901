/*
 * catalog.h - where everything about resources is kept: the tables, the feed, the kinds.
 *
 * A catalog is opened once and used by every thread. Whoever changes something does it inside one
 * write transaction, through a struct change: what the change is made with (statement handle,
 * arena, time, who asked). Rows of the feed and of the history are appended in that same
 * transaction (journal.h), so what a watcher hears and what a reader finds never disagree.
 *
 * A transaction may be run again from the start (see store.h), so a change only touches the
 * database, its arena and the struct that asked for it.
 */
#ifndef REEVE_CLM_CATALOG_H
#define REEVE_CLM_CATALOG_H

#include <stdatomic.h>

#include "base/log.h"
#include "clm/registry.h"
#include "store/feed.h"
#include "store/store.h"

struct catalog {
	struct store *store;
	struct feed *feed;
	const struct registry *registry; /* borrowed */
	/* Reconciliations begun, for the metrics: two for each kind, the second of deletions. */
	_Atomic uint64_t *started;
};

/* What opens the store of a CLM; `store_url` is borrowed. */
struct store_config catalog_store_config(const char *store_url, struct log *log);

int catalog_open(struct catalog *catalog, const char *store_url, const struct registry *registry,
	struct log *log, struct error *err);
void catalog_close(struct catalog *catalog);

struct change {
	const struct catalog *catalog;
	struct sql *sql; /* set while the transaction runs */
	struct arena *arena;
	int64_t now_us;
	struct str actor; /* who asked, for created_by and the like */
	struct change_started *started;
};

/* The work of a transaction begins here: it may run again from the start. */
static inline void change_begin(struct change *change, struct sql *sql)
{
	change->sql = sql;
	change->started = NULL;
}
/* A resource of the kind has something to be reconciled that it had not. */
void change_note_started(struct change *change, const struct kind *kind, bool is_delete);
/* The change is durable: what was noted counts. */
void change_count(const struct change *change);

/* Whose resources a request may touch. Null members do not restrict. */
struct scope {
	const struct kind *kind;
	struct str owner;   /* id of the parent, on nested routes */
	struct str tenancy; /* JSON text, as stored */
};

#endif
