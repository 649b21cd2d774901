/*
 * sqlite.c - the SQLite driver: opening, the readers, backup.
 *
 * WAL with synchronous=FULL: a commit is one flush of the log, readers never wait for the writer
 * nor it for them. One process owns the file (a lock file beside it), which is what lets the one
 * writer thread be the only writer there is. An in-memory database has one connection, so its reads
 * take the writer's place in the queue.
 */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PATH_TEXT_MAX 4096

static void close_connection(struct sqlite_connection *connection)
{
	if (!connection)
		return;
	sqlite_forget_statements(connection);
	sqlite3_close(connection->db);
	free(connection);
}

static int configure(struct sqlite_connection *connection, bool is_writer, struct error *err)
{
	char text[256];

	snprintf(text, sizeof(text),
		"PRAGMA busy_timeout = %d; PRAGMA cache_size = -%d; PRAGMA foreign_keys = ON; "
		"PRAGMA temp_store = MEMORY; %s",
		STORE_BUSY_TIMEOUT_MS, SQLITE_CACHE_KIB,
		is_writer ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA "
			    "journal_size_limit = 16777216"
			  : "PRAGMA query_only = ON");
	return sqlite_simple(connection, text, err);
}

static int open_connection(struct sqlite_store *store, bool is_writer,
	struct sqlite_connection **ret, struct error *err)
{
	struct sqlite_connection *connection = calloc(1, sizeof(*connection));
	int flags =
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (is_writer ? SQLITE_OPEN_CREATE : 0);

	if (!connection)
		return error_set(
			err, ERROR_MEMORY, "no memory for a connection to %s", store->store.place);
	connection->sql.store = &store->store;
	connection->is_writer = is_writer;
	int code = sqlite3_open_v2(store->store.place, &connection->db, flags, NULL);
	if (code != SQLITE_OK) {
		sqlite_error(connection->db, code, err);
		error_prefix(err, "cannot open database %s", store->store.place);
	} else if (configure(connection, is_writer, err) < 0) {
		error_prefix(err, "database %s", store->store.place);
		code = SQLITE_ERROR;
	}
	if (code != SQLITE_OK) {
		close_connection(connection);
		return -1;
	}
	*ret = connection;
	return 0;
}

static int take_lock(struct sqlite_store *store, struct error *err)
{
	char path[PATH_TEXT_MAX];

	snprintf(path, sizeof(path), "%s.lock", store->store.place);
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return error_set(
			err, error_from_errno(errno), "cannot open %s: %s", path, strerror(errno));
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, ERROR_UNAVAILABLE, "database %s is in use by another process",
			store->store.place);
	return 0;
}

/* Reads every page of a database that is not too large; any complaint means damage. */
static int check(struct sqlite_store *store, struct error *err)
{
	struct stat info;
	struct sql_rows *rows;

	if (store->is_memory || stat(store->store.place, &info) < 0 ||
		info.st_size > SQLITE_CHECK_MAX_BYTES)
		return 0;
	if (sqlite_query(&store->writer->sql, STR("PRAGMA quick_check(1)"), false, NULL, 0, &rows,
		    err) < 0)
		return error_prefix(err, "database %s", store->store.place);
	int result = sqlite_next(rows, err);
	if (result > 0 && !str_eq(sqlite_text(rows, 0), STR("ok")))
		result = error_set(err, ERROR_UNAVAILABLE,
			"database %s is damaged (%" STR_F "); restore a backup", store->store.place,
			STR_A(sqlite_text(rows, 0)));
	else if (result < 0)
		error_prefix(err, "database %s", store->store.place);
	sqlite_end(rows);
	return result < 0 ? -1 : 0;
}

static void sqlite_close(struct store *base)
{
	struct sqlite_store *store = (struct sqlite_store *)base;

	if (store->writer_thread)
		sqlite_writer_stop(store);
	while (store->free_readers) {
		struct sqlite_connection *reader = store->free_readers;
		store->free_readers = reader->next_free;
		close_connection(reader);
	}
	close_connection(store->writer);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	pthread_mutex_destroy(&store->queue_mutex);
	pthread_cond_destroy(&store->queue_changed);
	pthread_mutex_destroy(&store->readers_mutex);
	pthread_cond_destroy(&store->reader_freed);
	pthread_mutex_destroy(&store->store.listeners_mutex);
	free(store->store.place);
	free(store);
}

static int sqlite_open(struct store **ret, struct str place, struct log *log, struct error *err)
{
	struct sqlite_store *store = calloc(1, sizeof(*store));

	if (!store)
		return error_set(err, ERROR_MEMORY, "no memory for a store");
	store->store.driver = &sqlite_driver;
	store->store.place = strndup(place.ptr, place.len);
	store->store.log = log;
	store->lock_fd = -1;
	store->is_memory = str_eq(place, STR(":memory:"));
	pthread_mutex_init(&store->queue_mutex, NULL);
	pthread_cond_init(&store->queue_changed, NULL);
	pthread_mutex_init(&store->readers_mutex, NULL);
	pthread_cond_init(&store->reader_freed, NULL);
	pthread_mutex_init(&store->store.listeners_mutex, NULL);
	if ((!store->is_memory && take_lock(store, err) < 0) ||
		open_connection(store, true, &store->writer, err) < 0 || check(store, err) < 0 ||
		sqlite_writer_start(store, err) < 0) {
		sqlite_close(&store->store);
		return -1;
	}
	*ret = &store->store;
	return 0;
}

static int take_reader(
	struct sqlite_store *store, struct sqlite_connection **ret, struct error *err)
{
	pthread_mutex_lock(&store->readers_mutex);
	while (!store->free_readers && store->reader_count >= STORE_MAX_READERS)
		pthread_cond_wait(&store->reader_freed, &store->readers_mutex);
	struct sqlite_connection *reader = store->free_readers;
	if (reader)
		store->free_readers = reader->next_free;
	else
		store->reader_count++;
	pthread_mutex_unlock(&store->readers_mutex);
	if (reader) {
		*ret = reader;
		return 0;
	}
	if (open_connection(store, false, ret, err) == 0)
		return 0;
	LOCK_SCOPE(&store->readers_mutex);
	store->reader_count--;
	pthread_cond_signal(&store->reader_freed);
	return -1;
}

static void give_reader(struct sqlite_store *store, struct sqlite_connection *reader)
{
	LOCK_SCOPE(&store->readers_mutex);
	reader->next_free = store->free_readers;
	store->free_readers = reader;
	pthread_cond_signal(&store->reader_freed);
}

static int sqlite_read(struct store *base, store_work work, void *argument, struct error *err)
{
	struct sqlite_store *store = (struct sqlite_store *)base;
	struct sqlite_connection *reader;

	__atomic_add_fetch(&store->reads, 1, __ATOMIC_RELAXED);
	if (store->is_memory && sqlite_writer_is_here(store)) /* a doorbell that reads */
		return work(&store->writer->sql, argument, err);
	if (store->is_memory)
		return sqlite_write(base, work, argument, err);
	if (take_reader(store, &reader, err) < 0)
		return -1;
	int result = sqlite_simple(reader, "BEGIN", err);
	if (result == 0) {
		result = work(&reader->sql, argument, err);
		sqlite_simple(reader, "COMMIT", NULL);
	}
	give_reader(store, reader);
	return result;
}

struct backup {
	const char *path;
};

static int vacuum_into(struct sql *sql, void *argument, struct error *err)
{
	const struct backup *backup = argument;
	struct sqlite_connection *connection = (struct sqlite_connection *)sql;
	struct sql_value path = SQL_CSTR(backup->path);
	sqlite3_stmt *statement;
	int code = sqlite3_prepare_v2(connection->db, "VACUUM INTO ?1", -1, &statement, NULL);

	if (code != SQLITE_OK)
		return sqlite_error(connection->db, code, err);
	sqlite3_bind_text(statement, 1, path.text.ptr, (int)path.text.len, SQLITE_STATIC);
	code = sqlite3_step(statement);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? 0 : sqlite_error(connection->db, code, err);
}

/* On a connection of its own: VACUUM INTO may not run in a transaction, and reads a snapshot. */
static int sqlite_backup(struct store *base, const char *path, struct error *err)
{
	struct sqlite_store *store = (struct sqlite_store *)base;
	struct sqlite_connection *reader;
	struct backup backup = {path};

	if (store->is_memory)
		return error_set(err, ERROR_INVALID, "a database in memory has no backup");
	if (open_connection(store, false, &reader, err) < 0)
		return -1;
	int result = vacuum_into(&reader->sql, &backup, err);
	close_connection(reader);
	return result < 0 ? error_prefix(err, "backup to %s", path) : 0;
}

static void sqlite_count(struct store *base, struct store_counters *ret)
{
	struct sqlite_store *store = (struct sqlite_store *)base;

	*ret = (struct store_counters){.writes = __atomic_load_n(&store->writes, __ATOMIC_RELAXED),
		.commits = __atomic_load_n(&store->commits, __ATOMIC_RELAXED),
		.reads = __atomic_load_n(&store->reads, __ATOMIC_RELAXED),
		.largest_group = __atomic_load_n(&store->largest_group, __ATOMIC_RELAXED)};
}

const struct store_driver sqlite_driver = {
	.scheme = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.write = sqlite_write,
	.read = sqlite_read,
	.backup = sqlite_backup,
	.count = sqlite_count,
	.run = sqlite_run,
	.query = sqlite_query,
	.next = sqlite_next,
	.end = sqlite_end,
	.is_null = sqlite_is_null,
	.integer = sqlite_integer,
	.real = sqlite_real,
	.text = sqlite_text,
};
