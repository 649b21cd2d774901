/*
 * bundle_store.c - see bundle_store.h.
 *
 * Small columns come first in the table: SQLite keeps what does not fit a page on overflow pages,
 * and a scan that needs only small ones then never touches the documents.
 */
#include "maestro/bundle_store.h"

#include "base/clock.h"
#include "store/lease.h"

const struct store_migration bundle_migrations[] = {
	{1, "consumers and bundles",
		"CREATE TABLE consumers (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, labels "
		"TEXT, "
		"created_us BIGINT NOT NULL, updated_us BIGINT NOT NULL);"
		"CREATE TABLE bundles (id TEXT PRIMARY KEY, source TEXT NOT NULL, "
		"consumer_name TEXT NOT NULL REFERENCES consumers(name), version BIGINT NOT NULL, "
		"created_us BIGINT NOT NULL, updated_us BIGINT NOT NULL, "
		"deleted_us BIGINT NOT NULL DEFAULT 0, status_version BIGINT NOT NULL DEFAULT 0, "
		"status_sequence TEXT, status_hash TEXT, event_id TEXT NOT NULL, "
		"event_time TEXT NOT NULL, extensions TEXT NOT NULL, metadata TEXT NOT NULL, "
		"data TEXT NOT NULL, status TEXT, status_event TEXT);"
		"CREATE INDEX bundles_consumer ON bundles(consumer_name);"
		"CREATE INDEX bundles_source ON bundles(source);"
		"CREATE INDEX bundles_created ON bundles(created_us, id);"
		"CREATE INDEX bundles_unsettled ON bundles(updated_us) "
		"WHERE deleted_us <> 0 OR status_version < version;"
		"CREATE TABLE tombstones (id TEXT PRIMARY KEY, consumer_name TEXT NOT NULL, "
		"gone_us BIGINT NOT NULL);"
		"CREATE INDEX tombstones_gone ON tombstones(gone_us);"
		"CREATE TABLE cursors (name TEXT PRIMARY KEY, sequence BIGINT NOT "
		"NULL);" FEED_TABLE_SQL("changes") LEASE_TABLE_SQL},
};
const size_t bundle_migration_count = sizeof(bundle_migrations) / sizeof(bundle_migrations[0]);

/* --- bundles ----------------------------------------------------------------------------------- /
 */

void bundle_from_row(struct arena *arena, struct sql_rows *rows, struct bundle *ret)
{
	*ret = (struct bundle){
		.id = sql_str_copy(rows, 0, arena),
		.source = sql_str_copy(rows, 1, arena),
		.consumer_name = sql_str_copy(rows, 2, arena),
		.version = sql_int(rows, 3),
		.created_us = sql_int(rows, 4),
		.updated_us = sql_int(rows, 5),
		.deleted_us = sql_int(rows, 6),
		.status_version = sql_int(rows, 7),
		.status_sequence = sql_str_copy(rows, 8, arena),
		.status_hash = sql_str_copy(rows, 9, arena),
		.event_id = sql_str_copy(rows, 10, arena),
		.event_time = sql_str_copy(rows, 11, arena),
		.extensions = sql_str_copy(rows, 12, arena),
		.metadata = sql_str_copy(rows, 13, arena),
		.data = sql_str_copy(rows, 14, arena),
		.status = sql_str_copy(rows, 15, arena),
		.status_event = sql_str_copy(rows, 16, arena),
	};
}

static int load(struct sql *sql, const char *query, struct arena *arena, struct str id,
	struct bundle *ret, struct error *err)
{
	struct sql_rows *rows;
	int found;

	if (SQL_QUERY(sql, &rows, err, query, SQL_STR(id)) != 0)
		return -1;
	found = sql_next(rows, err);
	if (found == 1)
		bundle_from_row(arena, rows, ret);
	sql_end(rows);
	if (found == 1 && arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no room for bundle %" STR_F, STR_A(id));
	return found;
}

int bundle_load(
	struct sql *sql, struct arena *arena, struct str id, struct bundle *ret, struct error *err)
{
	return load(
		sql, "SELECT " BUNDLE_COLUMNS " FROM bundles WHERE id = $1", arena, id, ret, err);
}

int bundle_load_for_status(
	struct sql *sql, struct arena *arena, struct str id, struct bundle *ret, struct error *err)
{
	return load(sql,
		"SELECT id, source, consumer_name, version, created_us, updated_us, deleted_us, "
		"status_version, status_sequence, status_hash, event_id, event_time, extensions, "
		"metadata, NULL, status, NULL FROM bundles WHERE id = $1",
		arena, id, ret, err);
}

static int append(struct sql *sql, struct feed *feed, const struct bundle *bundle,
	const char *event, int64_t time_us, struct str detail, struct error *err)
{
	const struct feed_row row = {
		.time_us = time_us,
		.topic = STR("bundle"),
		.id = bundle->id,
		.owner = bundle->consumer_name,
		.event = str_of(event),
		.version = bundle->version,
		.detail = detail,
	};

	return feed_append(sql, feed, &row, NULL, err);
}

/* {"source":"..."}: what a watcher may filter by. */
static int append_with_source(struct sql *sql, struct feed *feed, const struct bundle *bundle,
	const char *event, int64_t time_us, struct error *err)
{
	struct arena *arena = arena_new(0);
	struct json *detail = json_new_object(arena);
	int rc;

	json_set_text(detail, "source", bundle->source);
	rc = append(sql, feed, bundle, event, time_us, json_text(arena, detail, JSON_WRITE_COMPACT),
		err);
	arena_free(arena);
	return rc;
}

static int consumer_exists(struct sql *sql, struct str name, struct error *err)
{
	struct sql_rows *rows;
	int found;

	if (SQL_QUERY(sql, &rows, err, "SELECT 1 FROM consumers WHERE name = $1", SQL_STR(name)) !=
		0)
		return -1;
	found = sql_next(rows, err);
	sql_end(rows);
	return found;
}

int bundle_insert(
	struct sql *sql, struct feed *feed, const struct bundle *bundle, struct error *err)
{
	int known = consumer_exists(sql, bundle->consumer_name, err);

	if (known < 0)
		return -1;
	if (known == 0)
		return error_set(err, ERROR_NOT_FOUND,
			"Unable to create Resource: consumer \"%" STR_F
			"\" does not exist; create it first",
			STR_A(bundle->consumer_name));
	if (SQL_RUN(sql, err,
		    "INSERT INTO bundles (id, source, consumer_name, version, created_us, "
		    "updated_us, "
		    "event_id, event_time, extensions, metadata, data) "
		    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
		    SQL_STR(bundle->id), SQL_STR(bundle->source), SQL_STR(bundle->consumer_name),
		    SQL_INT(bundle->version), SQL_INT(bundle->created_us),
		    SQL_INT(bundle->updated_us), SQL_STR(bundle->event_id),
		    SQL_STR(bundle->event_time), SQL_STR(bundle->extensions),
		    SQL_STR(bundle->metadata), SQL_STR(bundle->data)) != 0)
		return -1;
	if (SQL_RUN(sql, err, "DELETE FROM tombstones WHERE id = $1", SQL_STR(bundle->id)) != 0)
		return -1;
	return append_with_source(sql, feed, bundle, BUNDLE_EVENT_CREATED, bundle->created_us, err);
}

int bundle_save_spec(struct sql *sql, struct feed *feed, const struct bundle *bundle,
	const char *event, struct error *err)
{
	if (SQL_RUN(sql, err,
		    "UPDATE bundles SET version = $2, updated_us = $3, event_id = $4, event_time = "
		    "$5, "
		    "extensions = $6, metadata = $7, data = $8 WHERE id = $1",
		    SQL_STR(bundle->id), SQL_INT(bundle->version), SQL_INT(bundle->updated_us),
		    SQL_STR(bundle->event_id), SQL_STR(bundle->event_time),
		    SQL_STR(bundle->extensions), SQL_STR(bundle->metadata),
		    SQL_STR(bundle->data)) != 0)
		return -1;
	return append_with_source(sql, feed, bundle, event, bundle->updated_us, err);
}

int bundle_raise_version(struct sql *sql, struct feed *feed, struct bundle *bundle, int64_t version,
	struct error *err)
{
	bundle->version = version;
	if (SQL_RUN(sql, err, "UPDATE bundles SET version = $2, updated_us = $3 WHERE id = $1",
		    SQL_STR(bundle->id), SQL_INT(version), SQL_INT(bundle->updated_us)) != 0)
		return -1;
	return append_with_source(sql, feed, bundle, BUNDLE_EVENT_UPDATED, bundle->updated_us, err);
}

int bundle_save_status(
	struct sql *sql, struct feed *feed, const struct bundle *bundle, struct error *err)
{
	if (SQL_RUN(sql, err,
		    "UPDATE bundles SET status = $2, status_event = $3, status_version = $4, "
		    "status_sequence = $5, status_hash = $6, updated_us = $7 WHERE id = $1",
		    SQL_STR(bundle->id), SQL_STR(bundle->status), SQL_STR(bundle->status_event),
		    SQL_INT(bundle->status_version), SQL_STR(bundle->status_sequence),
		    SQL_STR(bundle->status_hash), SQL_INT(bundle->updated_us)) != 0)
		return -1;
	return append_with_source(sql, feed, bundle, BUNDLE_EVENT_STATUS, bundle->updated_us, err);
}

int bundle_mark_deleting(struct sql *sql, struct feed *feed, const struct bundle *bundle,
	int64_t now_us, struct error *err)
{
	if (SQL_RUN(sql, err, "UPDATE bundles SET deleted_us = $2, updated_us = $2 WHERE id = $1",
		    SQL_STR(bundle->id), SQL_INT(now_us)) != 0)
		return -1;
	return append_with_source(sql, feed, bundle, BUNDLE_EVENT_DELETED, now_us, err);
}

static int write_tombstone(
	struct sql *sql, const struct bundle *bundle, int64_t now_us, struct error *err)
{
	if (SQL_RUN(sql, err,
		    "INSERT INTO tombstones (id, consumer_name, gone_us) VALUES ($1, $2, $3) "
		    "ON CONFLICT (id) DO UPDATE SET consumer_name = $2, gone_us = $3",
		    SQL_STR(bundle->id), SQL_STR(bundle->consumer_name), SQL_INT(now_us)) != 0)
		return -1;
	return SQL_RUN(sql, err,
		"DELETE FROM tombstones WHERE gone_us < (SELECT gone_us FROM tombstones "
		"ORDER BY gone_us DESC LIMIT 1 OFFSET $1)",
		SQL_INT(TOMBSTONES_MAX));
}

int bundle_remove(struct sql *sql, struct feed *feed, const struct bundle *bundle,
	struct arena *arena, int64_t now_us, struct error *err)
{
	struct json *detail = json_new_object(arena);

	if (SQL_RUN(sql, err, "DELETE FROM bundles WHERE id = $1", SQL_STR(bundle->id)) != 0 ||
		write_tombstone(sql, bundle, now_us, err) != 0)
		return -1;
	json_set_text(detail, "source", bundle->source);
	json_set_int(detail, "created_us", bundle->created_us);
	json_set_int(detail, "deleted_us", bundle->deleted_us);
	json_set_int(detail, "status_version", bundle->status_version);
	json_set(detail, "metadata", json_new_raw(arena, bundle->metadata));
	if (!str_is_null(bundle->status))
		json_set(detail, "status", json_new_raw(arena, bundle->status));
	if (!str_is_null(bundle->status_event))
		json_set(detail, "event", json_new_raw(arena, bundle->status_event));
	return append(sql, feed, bundle, BUNDLE_EVENT_GONE, now_us,
		json_text(arena, detail, JSON_WRITE_COMPACT), err);
}

int bundle_resend(
	struct sql *sql, struct feed *feed, const struct bundle *bundle, struct error *err)
{
	return append(sql, feed, bundle, BUNDLE_EVENT_RESEND, bundle->updated_us, STR_NULL, err);
}

int bundle_tell(struct sql *sql, struct feed *feed, const struct bundle *bundle, struct error *err)
{
	return append_with_source(sql, feed, bundle, BUNDLE_EVENT_TELL, bundle->updated_us, err);
}

bool bundle_event_is_public(struct str event)
{
	return !str_eq_c(event, BUNDLE_EVENT_RESEND) && !str_eq_c(event, BUNDLE_EVENT_TELL);
}

static struct str member_text(struct arena *arena, const struct json *document, const char *name)
{
	const struct json *member = json_get(document, name);

	return member == NULL ? STR_NULL : json_text(arena, member, JSON_WRITE_COMPACT);
}

bool bundle_from_detail(struct arena *arena, const struct feed_row *row, struct bundle *ret)
{
	struct json *detail;

	if (!str_eq_c(row->event, BUNDLE_EVENT_GONE) ||
		json_parse(arena, row->detail, NULL, &detail, NULL) != 0)
		return false;
	*ret = (struct bundle){
		.id = row->id,
		.source = json_get_text(detail, "source"),
		.consumer_name = row->owner,
		.version = row->version,
		.created_us = json_int(json_get(detail, "created_us"), 0),
		.deleted_us = json_int(json_get(detail, "deleted_us"), 0),
		.metadata = member_text(arena, detail, "metadata"),
		.status = member_text(arena, detail, "status"),
		.status_event = member_text(arena, detail, "event"),
		.status_version = json_int(json_get(detail, "status_version"), 0),
	};
	return true;
}

struct str bundle_source_of(struct arena *arena, const struct feed_row *row)
{
	struct json *detail;

	if (row->detail.len == 0 || json_parse(arena, row->detail, NULL, &detail, NULL) != 0)
		return STR_NULL;
	return json_get_text(detail, "source");
}

int bundle_has_tombstone(
	struct sql *sql, struct str id, struct str consumer_name, struct error *err)
{
	struct sql_rows *rows;
	int found;

	if (SQL_QUERY(sql, &rows, err,
		    "SELECT 1 FROM tombstones WHERE id = $1 AND consumer_name = $2", SQL_STR(id),
		    SQL_STR(consumer_name)) != 0)
		return -1;
	found = sql_next(rows, err);
	sql_end(rows);
	return found;
}

int cursor_load(struct sql *sql, const char *name, int64_t *ret, struct error *err)
{
	struct sql_rows *rows;
	int found;

	if (SQL_QUERY(sql, &rows, err, "SELECT sequence FROM cursors WHERE name = $1",
		    SQL_CSTR(name)) != 0)
		return -1;
	found = sql_next(rows, err);
	if (found >= 0)
		*ret = found == 1 ? sql_int(rows, 0) : 0;
	sql_end(rows);
	return found < 0 ? -1 : 0;
}

int cursor_save(struct sql *sql, const char *name, int64_t sequence, struct error *err)
{
	return SQL_RUN(sql, err,
		"INSERT INTO cursors (name, sequence) VALUES ($1, $2) "
		"ON CONFLICT (name) DO UPDATE SET sequence = $2",
		SQL_CSTR(name), SQL_INT(sequence));
}

/* --- consumers --------------------------------------------------------------------------------- /
 */

void consumer_from_row(struct arena *arena, struct sql_rows *rows, struct consumer *ret)
{
	*ret = (struct consumer){
		.id = sql_str_copy(rows, 0, arena),
		.name = sql_str_copy(rows, 1, arena),
		.labels = sql_str_copy(rows, 2, arena),
		.created_us = sql_int(rows, 3),
		.updated_us = sql_int(rows, 4),
	};
}

int consumer_load(struct sql *sql, struct arena *arena, struct str id, struct consumer *ret,
	struct error *err)
{
	struct sql_rows *rows;
	int found;

	if (SQL_QUERY(sql, &rows, err, "SELECT " CONSUMER_COLUMNS " FROM consumers WHERE id = $1",
		    SQL_STR(id)) != 0)
		return -1;
	found = sql_next(rows, err);
	if (found == 1)
		consumer_from_row(arena, rows, ret);
	sql_end(rows);
	return found;
}

int consumer_insert(struct sql *sql, const struct consumer *consumer, struct error *err)
{
	return SQL_RUN(sql, err,
		"INSERT INTO consumers (id, name, labels, created_us, updated_us) "
		"VALUES ($1, $2, $3, $4, $5)",
		SQL_STR(consumer->id), SQL_STR(consumer->name), SQL_STR(consumer->labels),
		SQL_INT(consumer->created_us), SQL_INT(consumer->updated_us));
}

int consumer_save_labels(struct sql *sql, const struct consumer *consumer, struct error *err)
{
	return SQL_RUN(sql, err, "UPDATE consumers SET labels = $2, updated_us = $3 WHERE id = $1",
		SQL_STR(consumer->id), SQL_STR(consumer->labels), SQL_INT(consumer->updated_us));
}

int consumer_remove(struct sql *sql, struct str id, struct error *err)
{
	struct sql_rows *rows;
	int used;

	if (SQL_QUERY(sql, &rows, err,
		    "SELECT 1 FROM bundles WHERE consumer_name = "
		    "(SELECT name FROM consumers WHERE id = $1) LIMIT 1",
		    SQL_STR(id)) != 0)
		return -1;
	used = sql_next(rows, err);
	sql_end(rows);
	if (used < 0)
		return -1;
	if (used == 1)
		return error_set(err, ERROR_FORBIDDEN,
			"Unable to delete Consumer: resource bundles still name it, which violates "
			"foreign "
			"key constraint; delete them first");
	return SQL_RUN(sql, err, "DELETE FROM consumers WHERE id = $1", SQL_STR(id));
}

struct json *consumer_to_json(struct arena *arena, const struct consumer *consumer)
{
	struct json *document = json_new_object(arena);

	json_set_text(document, "id", consumer->id);
	json_set_text(document, "kind", STR("Consumer"));
	json_set_text(document, "href",
		arena_printf(arena, "/api/maestro/v1/consumers/%" STR_F, STR_A(consumer->id)));
	json_set_text(document, "name", consumer->name);
	if (!str_is_null(consumer->labels))
		json_set(document, "labels", json_new_raw(arena, consumer->labels));
	json_set_text(document, "created_at", clock_text(arena, consumer->created_us));
	json_set_text(document, "updated_at", clock_text(arena, consumer->updated_us));
	return document;
}
