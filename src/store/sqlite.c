/*
 * sqlite.c - SQLite as a store: opening, owning and checking a file; connections; transactions.
 *
 * Journal in WAL mode, so readers keep their snapshot while the writer commits, and
 * synchronous=FULL, so a commit has reached the disk when it answers. One process owns the file
 * (sqlite_file.h).
 *
 * "sqlite::memory:" keeps everything in the one writing connection: reads take turns with writes
 * on the one connection. A shared cache would let them run side by side, but with table locks that
 * a file does not have, so tests would see another database than production.
 */
#include "store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define SCHEME "sqlite:"
#define IN_MEMORY ":memory:"
#define WAL_MAX_BYTES "67108864" /* a log grown past this by a long reader shrinks again */

struct sqlite_database {
	struct database database; /* first */
	struct sqlite_file file;
};

static struct sqlite_database *database_of(struct database *database)
{
	return (struct sqlite_database *)database;
}

static struct sqlite_connection *connection_of(struct sql *sql)
{
	return (struct sqlite_connection *)sql;
}

/* --- connections --------------------------------------------------------------------------- */

static void sqlite_disconnect(struct sql *sql)
{
	struct sqlite_connection *connection = connection_of(sql);

	if (!connection)
		return;
	sqlite_end_work(sql);
	sqlite_forget_statements(connection);
	sqlite3_close_v2(connection->handle);
	arena_free(connection->arena);
	free(connection);
}

static int configure(struct sqlite_connection *connection, bool may_write, struct error *err)
{
	char cache[64];
	const char *const settings[] = {
		cache,
		"PRAGMA foreign_keys=ON",
		/* The first statement that reads the file: it finds out what is no database. */
		may_write ? "PRAGMA journal_mode=WAL" : "PRAGMA query_only=ON",
		"PRAGMA synchronous=FULL",
		"PRAGMA journal_size_limit=" WAL_MAX_BYTES,
	};

	snprintf(cache, sizeof(cache), "PRAGMA cache_size=-%d",
		may_write ? STORE_CACHE_KIB : STORE_READER_CACHE_KIB);
	sqlite3_busy_timeout(connection->handle, STORE_BUSY_TIMEOUT_MS);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (sqlite_run_script(&connection->sql, settings[i], err) < 0)
			return -1;
	return 0;
}

static int sqlite_connect(
	struct database *database, bool may_write, struct sql **ret, struct error *err)
{
	struct sqlite_database *self = database_of(database);
	struct sqlite_connection *connection = calloc(1, sizeof(*connection));

	if (!connection || !(connection->arena = arena_new(0))) {
		free(connection);
		return error_set(err, ERROR_MEMORY, "no memory for a database connection");
	}
	connection->sql.driver = &sqlite_driver;
	connection->sql.may_write = may_write;
	connection->sql.is_writer = may_write;
	connection->file = &self->file;
	int result = sqlite3_open_v2(self->file.path, &connection->handle,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
			SQLITE_OPEN_EXRESCODE,
		NULL);
	if (result != SQLITE_OK) {
		sqlite_fail(connection, result, "cannot open", err);
		sqlite_disconnect(&connection->sql);
		return -1;
	}
	if (configure(connection, may_write, err) < 0) {
		sqlite_disconnect(&connection->sql);
		return -1;
	}
	*ret = &connection->sql;
	return 0;
}

/* --- opening ------------------------------------------------------------------------------- */

static void sqlite_close(struct database *database)
{
	struct sqlite_database *self = database_of(database);

	if (!self)
		return;
	sqlite_file_close(&self->file);
	free(self);
}

/* PRAGMA quick_check answers "ok", or what it found first. */
static int check(struct sqlite_database *self, struct error *err)
{
	struct stat status;
	struct sql *sql = NULL;
	struct sql_rows *rows;

	if (stat(self->file.path, &status) < 0 || status.st_size == 0)
		return 0; /* new */
	if (sqlite_connect(&self->database, true, &sql, err) < 0)
		return -1;
	int result = 0;
	if (status.st_size <= STORE_CHECK_MAX_BYTES) {
		result = sqlite_query(sql, STR("PRAGMA quick_check(1)"), NULL, 0, &rows, err);
		if (result == 0)
			result = sqlite_next(rows, err) < 0 ? -1 : 0;
		if (result == 0 && !str_eq(sqlite_column_str(rows, 0), STR("ok"))) {
			char reason[200];
			snprintf(reason, sizeof(reason), "%" STR_F,
				STR_A(sqlite_column_str(rows, 0)));
			result = sqlite_fail_damaged(self->file.path, reason, err);
		}
	}
	sqlite_disconnect(sql);
	return result;
}

static int make_database(struct sqlite_database **ret, const char *url, struct error *err)
{
	const char *address = url + strlen(SCHEME);
	struct sqlite_database *self;

	if (!address[0])
		return error_set(err, ERROR_INVALID,
			"\"sqlite:\" names no file; write sqlite:/path/to/file.db");
	self = calloc(1, sizeof(*self));
	if (!self)
		return error_set(err, ERROR_MEMORY, "no memory to open %s", address);
	if (sqlite_file_name(&self->file, address, err) < 0) {
		free(self);
		return -1;
	}
	self->database.driver = &sqlite_driver;
	self->database.name = self->file.path;
	if (strcmp(address, IN_MEMORY) != 0)
		self->database.max_readers = STORE_MAX_READERS;
	*ret = self;
	return 0;
}

/* The owner goes on writing: in WAL mode a reader's snapshot does not hold it. */
static int sqlite_open_beside(struct database **ret, const char *url, struct error *err)
{
	struct sqlite_database *self;

	if (make_database(&self, url, err) < 0)
		return -1;
	if (sqlite_file_find(&self->file, err) < 0) {
		sqlite_close(&self->database);
		return -1;
	}
	self->database.name = self->file.path;
	*ret = &self->database;
	return 0;
}

static int sqlite_open(struct database **ret, const char *url, struct error *err)
{
	struct sqlite_database *self;

	if (make_database(&self, url, err) < 0)
		return -1;
	if (self->database.max_readers > 0) {
		if (sqlite_file_own(&self->file, err) < 0 || check(self, err) < 0) {
			sqlite_close(&self->database);
			return -1;
		}
		self->database.name = self->file.path;
	}
	*ret = &self->database;
	return 0;
}

/* --- transactions -------------------------------------------------------------------------- */

static int sqlite_begin(struct sql *sql, struct error *err)
{
	struct sqlite_connection *connection = connection_of(sql);

	if (sql->may_write && sqlite_file_check(connection->file, err) < 0)
		return -1;
	return sqlite_step_plain(connection, sql->may_write ? "BEGIN IMMEDIATE" : "BEGIN", err);
}

static bool sqlite_is_open(struct sql *sql)
{
	return !sqlite3_get_autocommit(connection_of(sql)->handle);
}

static void sqlite_roll_back(struct sql *sql)
{
	struct sqlite_connection *connection = connection_of(sql);

	sqlite_end_work(sql);
	/* A full disk and some other failures have rolled back already. */
	if (sqlite_is_open(sql))
		sqlite_step_plain(connection, "ROLLBACK", NULL);
}

static int sqlite_commit(struct sql *sql, struct error *err)
{
	sqlite_end_work(sql);
	if (sqlite_step_plain(connection_of(sql), "COMMIT", err) == 0)
		return 0;
	sqlite_roll_back(sql);
	return -1;
}

static int sqlite_savepoint(struct sql *sql, struct error *err)
{
	return sqlite_step_plain(connection_of(sql), "SAVEPOINT work", err);
}

static int sqlite_release(struct sql *sql, struct error *err)
{
	return sqlite_step_plain(connection_of(sql), "RELEASE work", err);
}

static int sqlite_undo(struct sql *sql, struct error *err)
{
	if (sqlite_step_plain(connection_of(sql), "ROLLBACK TO work", err) < 0)
		return -1;
	return sqlite_release(sql, err);
}

const struct store_driver sqlite_driver = {
	.dialect = SQL_SQLITE,
	.open = sqlite_open,
	.open_beside = sqlite_open_beside,
	.close = sqlite_close,
	.connect = sqlite_connect,
	.disconnect = sqlite_disconnect,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.roll_back = sqlite_roll_back,
	.is_open = sqlite_is_open,
	.savepoint = sqlite_savepoint,
	.release = sqlite_release,
	.undo = sqlite_undo,
	.end_work = sqlite_end_work,
	.run_script = sqlite_run_script,
	.run = sqlite_run,
	.query = sqlite_query,
	.next = sqlite_next,
	.end = sqlite_end,
	.columns = sqlite_columns,
	.column_name = sqlite_column_name,
	.column_type = sqlite_column_type,
	.is_null = sqlite_column_is_null,
	.integer = sqlite_column_integer,
	.real = sqlite_column_real,
	.text = sqlite_column_str,
};
