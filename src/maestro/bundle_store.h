/*
 * bundle_store.h - bundles and consumers as rows, and the feed row that goes with each change.
 *
 * All functions run inside a store_write or store_read. A change and its feed row commit together.
 */
#ifndef REEVE_MAESTRO_BUNDLE_STORE_H
#define REEVE_MAESTRO_BUNDLE_STORE_H

#include "maestro/bundle.h"
#include "store/feed.h"
#include "store/store.h"

/* Ids of bundles that are gone are kept, so that an agent that still reports one can be told; the
 * oldest beyond this many are forgotten, and then left alone. */
#define TOMBSTONES_MAX 100000

extern const struct store_migration bundle_migrations[];
extern const size_t bundle_migration_count;

/* What happened, as the feed says it. */
#define BUNDLE_EVENT_CREATED "created"
#define BUNDLE_EVENT_UPDATED "updated"
#define BUNDLE_EVENT_STATUS "status"
#define BUNDLE_EVENT_DELETED "deleted" /* marked */
#define BUNDLE_EVENT_GONE "gone"
#define BUNDLE_EVENT_RESEND \
	"resend" /* our own: nothing changed, but the agent must hear it again */

#define BUNDLE_EVENT_TELL "tell" /* our own: sources that ask again are to hear the status */

#define BUNDLE_COLUMNS                                                                             \
	"id, source, consumer_name, version, created_us, updated_us, deleted_us, status_version, " \
	"status_sequence, status_hash, event_id, event_time, extensions, metadata, data, status, " \
	"status_event"

/* The row that sql_next gave for BUNDLE_COLUMNS, copied. */
void bundle_from_row(struct arena *arena, struct sql_rows *rows, struct bundle *ret);

/* 1 found, 0 not, -1 error. */
int bundle_load(
	struct sql *sql, struct arena *arena, struct str id, struct bundle *ret, struct error *err);

/* As bundle_load, without the two large texts that a status does not touch: data, status_event. */
int bundle_load_for_status(
	struct sql *sql, struct arena *arena, struct str id, struct bundle *ret, struct error *err);

/* ERROR_CONFLICT: the id exists; ERROR_NOT_FOUND: the consumer does not. */
int bundle_insert(
	struct sql *sql, struct feed *feed, const struct bundle *bundle, struct error *err);

/* Writes what belongs to the specification: version, metadata, data, event. */
int bundle_save_spec(struct sql *sql, struct feed *feed, const struct bundle *bundle,
	const char *event, struct error *err);

/* The same content under a higher version. */
int bundle_raise_version(struct sql *sql, struct feed *feed, struct bundle *bundle, int64_t version,
	struct error *err);

int bundle_save_status(
	struct sql *sql, struct feed *feed, const struct bundle *bundle, struct error *err);

/* Marks it deleting. */
int bundle_mark_deleting(struct sql *sql, struct feed *feed, const struct bundle *bundle,
	int64_t now_us, struct error *err);

/* Removes the row and leaves a tombstone. The feed row carries the last metadata and status. */
int bundle_remove(struct sql *sql, struct feed *feed, const struct bundle *bundle,
	struct arena *arena, int64_t now_us, struct error *err);

/* Whether watchers are told of this event: all but our own. */
bool bundle_event_is_public(struct str event);

/* The detail of a feed row that says "gone": what was known at the end. False: it is not one. */
bool bundle_from_detail(struct arena *arena, const struct feed_row *row, struct bundle *ret);

/* The source of the bundle that a feed row is about; null when it does not say. */
struct str bundle_source_of(struct arena *arena, const struct feed_row *row);

/* Tells a source's subscribers the status again. */
int bundle_tell(struct sql *sql, struct feed *feed, const struct bundle *bundle, struct error *err);

/* Asks the dispatcher to send the bundle again. */
int bundle_resend(
	struct sql *sql, struct feed *feed, const struct bundle *bundle, struct error *err);

/* 1 when this id was a bundle of this consumer and is gone, 0 when we know nothing of it. */
int bundle_has_tombstone(
	struct sql *sql, struct str id, struct str consumer_name, struct error *err);

/* Cursors of the dispatcher; 0 when there is none. */
int cursor_load(struct sql *sql, const char *name, int64_t *ret, struct error *err);
int cursor_save(struct sql *sql, const char *name, int64_t sequence, struct error *err);

struct consumer {
	struct str id;
	struct str name;
	struct str labels; /* JSON object, or null */
	int64_t created_us;
	int64_t updated_us;
};

#define CONSUMER_COLUMNS "id, name, labels, created_us, updated_us"

void consumer_from_row(struct arena *arena, struct sql_rows *rows, struct consumer *ret);
int consumer_load(struct sql *sql, struct arena *arena, struct str id, struct consumer *ret,
	struct error *err);
int consumer_insert(struct sql *sql, const struct consumer *consumer, struct error *err);
int consumer_save_labels(struct sql *sql, const struct consumer *consumer, struct error *err);
/* ERROR_FORBIDDEN while bundles name it. */
int consumer_remove(struct sql *sql, struct str id, struct error *err);
struct json *consumer_to_json(struct arena *arena, const struct consumer *consumer);

#endif
