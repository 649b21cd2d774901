/*
 * kubeapi_objects.c - SQL for objects.
 */
#include "local/kubeapi_objects.h"

#include <stdio.h>
#include <stdlib.h>

#include "local/kubeapi_tables.h"

#define VERSION_TEXT_MAX 48

static const struct store_migration migrations[] = {
	{1, "objects",
		"CREATE TABLE objects (id INTEGER PRIMARY KEY, resource TEXT NOT NULL, "
		"namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, "
		"version BIGINT NOT NULL, created BIGINT NOT NULL, deleting INTEGER NOT NULL, "
		"body TEXT NOT NULL);"
		"CREATE UNIQUE INDEX objects_name ON objects (resource, namespace, name);"
		"CREATE INDEX objects_version ON objects (version);"
		"CREATE INDEX objects_uid ON objects (uid);"
		"CREATE INDEX objects_deleting ON objects (deleting) WHERE deleting = 1;"
		"CREATE TABLE owners (owner TEXT NOT NULL, object TEXT NOT NULL, "
		"PRIMARY KEY (owner, object));"
		"CREATE INDEX owners_object ON owners (object);"
		"CREATE TABLE tombstones (version INTEGER PRIMARY KEY, resource TEXT NOT NULL, "
		"namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, "
		"created BIGINT NOT NULL, body TEXT NOT NULL);"
		"CREATE TABLE counter (id INTEGER PRIMARY KEY, version BIGINT NOT NULL, "
		"floor BIGINT NOT NULL);"
		"INSERT INTO counter (id, version, floor) VALUES (1, 1, 0);"},
};

#define VERSION_TEXT_MAX 48

/* --- life ---------------------------------------------------------------------------------- */

int kubeapi_tables_versions(struct sql *sql, void *argument, struct error *err)
{
	struct kubeapi_versions *versions = argument;
	struct sql_rows *rows;
	int found;

	if (sql_query(sql, "SELECT version, floor FROM counter WHERE id = 1", NULL, 0, &rows, err) <
		0)
		return -1;
	found = sql_next(rows, err);
	if (found == 1) {
		versions->last = sql_int(rows, 0);
		versions->floor = sql_int(rows, 1);
	}
	sql_end(rows);
	return found == 1 ? 0 : found < 0 ? -1 : error_set(err, ERROR_INTERNAL, "no counter");
}

int kubeapi_objects_versions(
	struct kubeapi_objects *objects, int64_t *ret_last, int64_t *ret_floor, struct error *err)
{
	struct kubeapi_versions versions = {0};

	if (store_read(objects->store, kubeapi_tables_versions, &versions, err) < 0)
		return -1;
	*ret_last = versions.last;
	*ret_floor = versions.floor;
	return 0;
}

/* Tombstones from the oldest on go when there are twice as many as are kept. */
int kubeapi_tables_compact(struct sql *sql, void *argument, struct error *err)
{
	struct sql_rows *rows;
	int64_t floor = 0;

	if (SQL_QUERY(sql, &rows, err,
		    "SELECT version FROM tombstones ORDER BY version DESC LIMIT 1 OFFSET $1",
		    SQL_INT(KUBEAPI_TOMBSTONES_KEPT)) < 0)
		return -1;
	if (sql_next(rows, err) == 1)
		floor = sql_int(rows, 0);
	sql_end(rows);
	if (floor == 0)
		return 0;
	if (SQL_RUN(sql, err, "DELETE FROM tombstones WHERE version <= $1", SQL_INT(floor)) < 0)
		return -1;
	return SQL_RUN(sql, err, "UPDATE counter SET floor = $1 WHERE id = 1", SQL_INT(floor));
}

int kubeapi_objects_open(
	struct kubeapi_objects **ret, const char *store_url, struct log *log, struct error *err)
{
	struct kubeapi_objects *objects = calloc(1, sizeof(*objects));
	struct store_config config = {.url = store_url,
		.migrations = migrations,
		.migration_count = sizeof(migrations) / sizeof(migrations[0]),
		.product = "kubeapi",
		.log = log};
	int64_t last, floor;

	if (!objects)
		return error_set(err, ERROR_MEMORY, "no memory for the objects");
	if (store_open(&objects->store, &config, err) < 0 ||
		kubeapi_objects_versions(objects, &last, &floor, err) < 0)
		goto failed;
	objects->ring = kubeapi_ring_new(last + 1);
	if (!objects->ring) {
		error_set(err, ERROR_MEMORY, "no memory for the events");
		goto failed;
	}
	if (store_write(objects->store, kubeapi_tables_compact, NULL, err) < 0)
		goto failed;
	*ret = objects;
	return 0;
failed:
	kubeapi_objects_close(objects);
	return -1;
}

void kubeapi_objects_close(struct kubeapi_objects *objects)
{
	if (!objects)
		return;
	store_close(objects->store);
	kubeapi_ring_free(objects->ring);
	free(objects);
}

struct kubeapi_ring *kubeapi_objects_ring(struct kubeapi_objects *objects)
{
	return objects->ring;
}

/* --- reading ------------------------------------------------------------------------------- */

/* Of a row with KUBEAPI_RECORD_COLUMNS; lives as long as the row. */
static struct kubeapi_record row_record(struct sql_rows *rows)
{
	return (struct kubeapi_record){.resource = sql_str(rows, 0),
		.name_space = sql_str(rows, 1),
		.name = sql_str(rows, 2),
		.uid = sql_str(rows, 3),
		.version = sql_int(rows, 4),
		.created = sql_int(rows, 5),
		.is_deleting = sql_int(rows, 6) != 0,
		.body = sql_str(rows, 7)};
}

struct reading {
	const struct kubeapi_query *query;
	struct str text; /* uid */
	int64_t after;
	kubeapi_on_record call;
	void *context;
	struct kubeapi_versions versions;
};

/* Hands out the rows; 1 when the reader has had enough. */
static int each_row(
	struct sql_rows *rows, struct reading *reading, bool is_history, struct error *err)
{
	int more;

	while ((more = sql_next(rows, err)) == 1) {
		struct kubeapi_record record = row_record(rows);
		enum kubeapi_event_type type = KUBEAPI_ADDED;
		if (is_history)
			type = sql_int(rows, 8)			 ? KUBEAPI_DELETED
			       : record.created > reading->after ? KUBEAPI_ADDED
								 : KUBEAPI_MODIFIED;
		if (!reading->call(reading->context, type, &record)) {
			more = 1;
			break;
		}
	}
	sql_end(rows);
	return more;
}

static int read_list(struct sql *sql, void *argument, struct error *err)
{
	struct reading *reading = argument;
	const struct kubeapi_query *query = reading->query;
	struct str after = query->after_name_space.ptr ? query->after_name_space : STR("");
	struct str after_name = query->after_name.ptr ? query->after_name : STR("");
	struct sql_rows *rows;
	int result;

	if (kubeapi_tables_versions(sql, &reading->versions, err) < 0)
		return -1;
	if (query->name_space.len > 0 && query->name.len > 0)
		result = SQL_QUERY(sql, &rows, err,
			"SELECT " KUBEAPI_RECORD_COLUMNS " FROM objects WHERE resource = $1 AND "
			"namespace = $2 AND name = $3",
			SQL_STR(query->resource), SQL_STR(query->name_space), SQL_STR(query->name));
	else if (query->name_space.len > 0)
		result = SQL_QUERY(sql, &rows, err,
			"SELECT " KUBEAPI_RECORD_COLUMNS " FROM objects WHERE resource = $1 AND "
			"namespace = $2 AND name > $3 ORDER BY name",
			SQL_STR(query->resource), SQL_STR(query->name_space), SQL_STR(after_name));
	else if (query->name.len > 0)
		result = SQL_QUERY(sql, &rows, err,
			"SELECT " KUBEAPI_RECORD_COLUMNS " FROM objects WHERE resource = $1 AND "
			"name = $2 AND (namespace, name) > ($3, $4) ORDER BY namespace, name",
			SQL_STR(query->resource), SQL_STR(query->name), SQL_STR(after),
			SQL_STR(after_name));
	else
		result = SQL_QUERY(sql, &rows, err,
			"SELECT " KUBEAPI_RECORD_COLUMNS " FROM objects WHERE resource = $1 AND "
			"(namespace, name) > ($2, $3) ORDER BY namespace, name",
			SQL_STR(query->resource), SQL_STR(after), SQL_STR(after_name));
	if (result < 0)
		return -1;
	return each_row(rows, reading, false, err) < 0 ? -1 : 0;
}

int kubeapi_objects_list(struct kubeapi_objects *objects, const struct kubeapi_query *query,
	kubeapi_on_record call, void *context, int64_t *ret_version, struct error *err)
{
	struct reading reading = {.query = query, .call = call, .context = context};

	if (store_read(objects->store, read_list, &reading, err) < 0)
		return -1;
	*ret_version = reading.versions.last;
	return 0;
}

static int read_since(struct sql *sql, void *argument, struct error *err)
{
	struct reading *reading = argument;
	struct str name_space = reading->query->name_space;
	struct sql_rows *rows;

	if (kubeapi_tables_versions(sql, &reading->versions, err) < 0)
		return -1;
	if (reading->after < reading->versions.floor)
		return error_set(err, ERROR_GONE, "too old resource version: %lld (%lld)",
			(long long)reading->after, (long long)reading->versions.floor);
	if (SQL_QUERY(sql, &rows, err,
		    "SELECT resource, namespace, name, uid, version, created, deleting, body, 0 AS "
		    "gone FROM objects WHERE version > $1 AND resource = $2 AND ($3 = '' OR "
		    "namespace = $3) UNION ALL "
		    "SELECT resource, namespace, name, uid, version, created, 1, body, 1 "
		    "FROM tombstones WHERE version > $1 AND resource = $2 AND ($3 = '' OR "
		    "namespace = $3) ORDER BY 5",
		    SQL_INT(reading->after), SQL_STR(reading->query->resource),
		    SQL_STR(name_space.ptr ? name_space : STR(""))) < 0)
		return -1;
	return each_row(rows, reading, true, err) < 0 ? -1 : 0;
}

int kubeapi_objects_since(struct kubeapi_objects *objects, struct str resource,
	struct str name_space, int64_t after, kubeapi_on_record call, void *context,
	int64_t *ret_version, struct error *err)
{
	struct kubeapi_query query = {.resource = resource, .name_space = name_space};
	struct reading reading = {
		.query = &query, .after = after, .call = call, .context = context};

	if (store_read(objects->store, read_since, &reading, err) < 0)
		return -1;
	*ret_version = reading.versions.last;
	return 0;
}

struct getting {
	struct arena *arena;
	struct kubeapi_query query;
	struct kubeapi_record record;
	bool found;
};

static bool keep_record(
	void *context, enum kubeapi_event_type type, const struct kubeapi_record *record)
{
	struct getting *getting = context;
	struct arena *arena = getting->arena;

	getting->record = *record;
	getting->record.resource = arena_str(arena, record->resource);
	getting->record.name_space = arena_str(arena, record->name_space);
	getting->record.name = arena_str(arena, record->name);
	getting->record.uid = arena_str(arena, record->uid);
	getting->record.body = arena_str(arena, record->body);
	getting->found = true;
	return false;
}

static int read_one(struct sql *sql, void *argument, struct error *err)
{
	struct getting *getting = argument;
	struct reading reading = {.call = keep_record, .context = getting};
	struct sql_rows *rows;

	if (SQL_QUERY(sql, &rows, err,
		    "SELECT " KUBEAPI_RECORD_COLUMNS
		    " FROM objects WHERE resource = $1 AND namespace = $2 "
		    "AND name = $3",
		    SQL_STR(getting->query.resource), SQL_STR(getting->query.name_space),
		    SQL_STR(getting->query.name)) < 0)
		return -1;
	return each_row(rows, &reading, false, err) < 0 ? -1 : 0;
}

int kubeapi_objects_get(struct kubeapi_objects *objects, struct arena *arena, struct str resource,
	struct str name_space, struct str name, struct kubeapi_record *ret, struct error *err)
{
	struct getting getting = {.arena = arena,
		.query = {.resource = resource,
			.name_space = name_space.ptr ? name_space : STR(""),
			.name = name}};

	if (store_read(objects->store, read_one, &getting, err) < 0)
		return -1;
	if (!getting.found)
		return error_set(err, ERROR_NOT_FOUND, "%" STR_F " \"%" STR_F "\" not found",
			STR_A(resource), STR_A(name));
	if (!getting.record.body.ptr)
		return error_set(err, ERROR_MEMORY, "no memory for an object");
	*ret = getting.record;
	return 0;
}

static int read_dependents(struct sql *sql, void *argument, struct error *err)
{
	struct reading *reading = argument;
	struct sql_rows *rows;

	if (SQL_QUERY(sql, &rows, err,
		    "SELECT " KUBEAPI_RECORD_COLUMNS
		    " FROM objects WHERE uid IN (SELECT object FROM "
		    "owners WHERE owner = $1)",
		    SQL_STR(reading->text)) < 0)
		return -1;
	return each_row(rows, reading, false, err) < 0 ? -1 : 0;
}

int kubeapi_objects_dependents(struct kubeapi_objects *objects, struct str owner_uid,
	kubeapi_on_record call, void *context, struct error *err)
{
	struct reading reading = {.text = owner_uid, .call = call, .context = context};

	return store_read(objects->store, read_dependents, &reading, err);
}

static int read_deleting(struct sql *sql, void *argument, struct error *err)
{
	struct sql_rows *rows;

	if (sql_query(sql, "SELECT " KUBEAPI_RECORD_COLUMNS " FROM objects WHERE deleting = 1",
		    NULL, 0, &rows, err) < 0)
		return -1;
	return each_row(rows, argument, false, err) < 0 ? -1 : 0;
}

int kubeapi_objects_deleting(
	struct kubeapi_objects *objects, kubeapi_on_record call, void *context, struct error *err)
{
	struct reading reading = {.call = call, .context = context};

	return store_read(objects->store, read_deleting, &reading, err);
}

static int read_lost_owners(struct sql *sql, void *argument, struct error *err)
{
	struct sql_rows *rows;

	if (sql_query(sql,
		    "SELECT DISTINCT '', '', '', owner, 0, 0, 0, '' FROM owners WHERE NOT EXISTS "
		    "(SELECT 1 FROM objects WHERE uid = owner)",
		    NULL, 0, &rows, err) < 0)
		return -1;
	return each_row(rows, argument, false, err) < 0 ? -1 : 0;
}

int kubeapi_objects_lost_owners(
	struct kubeapi_objects *objects, kubeapi_on_record call, void *context, struct error *err)
{
	struct reading reading = {.call = call, .context = context};

	return store_read(objects->store, read_lost_owners, &reading, err);
}

static int read_uid(struct sql *sql, void *argument, struct error *err)
{
	struct reading *reading = argument;
	struct sql_rows *rows;

	if (SQL_QUERY(sql, &rows, err, "SELECT 1 FROM objects WHERE uid = $1",
		    SQL_STR(reading->text)) < 0)
		return -1;
	reading->after = sql_next(rows, err);
	sql_end(rows);
	return 0;
}

bool kubeapi_objects_has_uid(struct kubeapi_objects *objects, struct str uid)
{
	struct reading reading = {.text = uid};

	/* When in doubt it exists: the answer decides what is collected. */
	return store_read(objects->store, read_uid, &reading, NULL) < 0 || reading.after == 1;
}

/* --- text ---------------------------------------------------------------------------------- */

/* Nothing for 0: what a dry run has made was never stored. */
static size_t version_text(char out[VERSION_TEXT_MAX], int64_t version)
{
	if (version == 0)
		return 0;
	return (size_t)snprintf(
		out, VERSION_TEXT_MAX, "\"resourceVersion\":\"%lld\",", (long long)version);
}

bool kubeapi_object_write(struct buf *out, struct str prefix, int64_t version, struct str body)
{
	char number[VERSION_TEXT_MAX];
	size_t digits = version_text(number, version);

	return buf_add_str(out, prefix) && buf_add(out, number, digits) && buf_add_str(out, body);
}

struct str kubeapi_object_text(
	struct arena *arena, struct str prefix, int64_t version, struct str body)
{
	char number[VERSION_TEXT_MAX];
	size_t digits = version_text(number, version);
	size_t len = prefix.len + digits + body.len;
	char *text = arena_alloc(arena, len + 1);

	if (!text)
		return STR_NULL;
	memcpy(text, prefix.ptr, prefix.len);
	memcpy(text + prefix.len, number, digits);
	memcpy(text + prefix.len + digits, body.ptr, body.len);
	text[len] = '\0';
	return str_n(text, len);
}
