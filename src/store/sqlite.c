/*
 * sqlite.c - SQLite as a store: opening, owning and checking a file; connections; transactions.
 *
 * Journal in WAL mode, so readers keep their snapshot while the writer commits, and
 * synchronous=FULL, so a commit has reached the disk when it answers. One process owns the file: a
 * lock on FILE.lock, which the kernel drops when the process ends however it ends. SQLite's own
 * locks would let a second process in, whose commits our feed would not see.
 *
 * "sqlite::memory:" keeps everything in the one writing connection: reads take turns with writes
 * on the one connection. A shared cache would let them run side by side, but with table locks that
 * a file does not have, so tests would see another database than production.
 */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SCHEME "sqlite:"
#define IN_MEMORY ":memory:"
#define WAL_MAX_BYTES "67108864" /* a log grown past this by a long reader shrinks again */
#define BACKUP_BUSY_RETRIES 100
#define BACKUP_BUSY_WAIT_MS 50

struct sqlite_database {
	struct database database; /* first */
	char *path;
	int lock_fd;
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
	connection->path = str_of(self->path);
	int result = sqlite3_open_v2(self->path, &connection->handle,
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
	if (self->lock_fd >= 0)
		close(self->lock_fd);
	free(self->path);
	free(self);
}

static void read_owner(int fd, char out[32])
{
	ssize_t length = pread(fd, out, 31, 0);

	out[length > 0 ? length : 0] = '\0';
}

static int lock_file(struct sqlite_database *self, struct error *err)
{
	CLEANUP(cleanup_free) char *path = NULL;
	char owner[32];

	if (asprintf(&path, "%s.lock", self->path) < 0) {
		path = NULL;
		return error_set(err, ERROR_MEMORY, "no memory to open %s", self->path);
	}
	self->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (self->lock_fd < 0)
		return error_set(err, errno == ENOSPC ? ERROR_NO_SPACE : ERROR_UNAVAILABLE,
			"cannot open %s: %s", path, strerror(errno));
	if (flock(self->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		read_owner(self->lock_fd, owner);
		return error_set(err, ERROR_UNAVAILABLE,
			"database %s is in use by process %s; stop it first, or choose another "
			"directory",
			self->path, owner[0] ? owner : "(unknown)");
	}
	int length = snprintf(owner, sizeof(owner), "%ld", (long)getpid());
	/* Only for the sentence above: without it the lock still holds. */
	if (ftruncate(self->lock_fd, 0) == 0 && pwrite(self->lock_fd, owner, (size_t)length, 0) < 0)
		errno = 0;
	return 0;
}

/* PRAGMA quick_check answers "ok", or what it found first. */
static int check(struct sqlite_database *self, struct error *err)
{
	struct stat status;
	struct sql *sql = NULL;
	struct sql_rows *rows;

	if (stat(self->path, &status) < 0 || status.st_size == 0)
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
			result = sqlite_fail_damaged(str_of(self->path), reason, err);
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
	if (!self || !(self->path = strdup(address))) {
		free(self);
		return error_set(err, ERROR_MEMORY, "no memory to open %s", address);
	}
	self->lock_fd = -1;
	self->database.driver = &sqlite_driver;
	self->database.name = self->path;
	if (strcmp(address, IN_MEMORY) != 0)
		self->database.max_readers = STORE_MAX_READERS;
	*ret = self;
	return 0;
}

/* The owner goes on writing: in WAL mode a reader's snapshot does not hold it. */
static int sqlite_open_beside(struct database **ret, const char *url, struct error *err)
{
	struct sqlite_database *self;
	struct stat status;

	if (make_database(&self, url, err) < 0)
		return -1;
	if (self->database.max_readers == 0 || stat(self->path, &status) < 0 ||
		status.st_size == 0) {
		error_set(err, ERROR_NOT_FOUND, "there is no database %s", self->path);
		sqlite_close(&self->database);
		return -1;
	}
	*ret = &self->database;
	return 0;
}

static int sqlite_open(struct database **ret, const char *url, struct error *err)
{
	struct sqlite_database *self;

	if (make_database(&self, url, err) < 0)
		return -1;
	if (self->database.max_readers > 0) {
		if (lock_file(self, err) < 0 || check(self, err) < 0) {
			sqlite_close(&self->database);
			return -1;
		}
	}
	*ret = &self->database;
	return 0;
}

/* --- transactions -------------------------------------------------------------------------- */

static int sqlite_begin(struct sql *sql, struct error *err)
{
	return sqlite_step_plain(
		connection_of(sql), sql->may_write ? "BEGIN IMMEDIATE" : "BEGIN", err);
}

static void sqlite_roll_back(struct sql *sql)
{
	struct sqlite_connection *connection = connection_of(sql);

	sqlite_end_work(sql);
	/* A full disk and some other failures have rolled back already. */
	if (!sqlite3_get_autocommit(connection->handle))
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

/* --- backup -------------------------------------------------------------------------------- */

static int copy_pages(struct sqlite_connection *from, sqlite3 *to, struct error *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from->handle, "main");
	int result;

	if (!backup)
		return error_set(
			err, ERROR_INTERNAL, "cannot begin the backup: %s", sqlite3_errmsg(to));
	/* All pages in one step: one snapshot, while writers go on in the log. */
	for (int tries = 0;; tries++) {
		result = sqlite3_backup_step(backup, -1);
		if ((result != SQLITE_BUSY && result != SQLITE_LOCKED) ||
			tries == BACKUP_BUSY_RETRIES)
			break;
		sqlite3_sleep(BACKUP_BUSY_WAIT_MS);
	}
	sqlite3_backup_finish(backup);
	if (result != SQLITE_DONE)
		return error_set(err, sqlite_error_code(to, result), "cannot write the backup: %s",
			sqlite3_errstr(result));
	return 0;
}

static int write_backup(struct database *database, const char *path, struct error *err)
{
	struct sql *source;
	sqlite3 *target = NULL;

	if (sqlite_connect(database, false, &source, err) < 0)
		return -1;
	int result =
		sqlite3_open_v2(path, &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
	if (result != SQLITE_OK)
		result = error_set(err, sqlite_error_code(target, result),
			"cannot write the backup %s: %s", path, sqlite3_errmsg(target));
	else
		result = copy_pages(connection_of(source), target, err);
	sqlite3_close_v2(target);
	sqlite_disconnect(source);
	return result;
}

static int sqlite_back_up(struct database *database, const char *path, struct error *err)
{
	CLEANUP(cleanup_free) char *partial = NULL;

	if (database->max_readers == 0)
		return error_set(err, ERROR_INVALID, "a database in memory has no backup");
	if (asprintf(&partial, "%s.partial", path) < 0) {
		partial = NULL;
		return error_set(err, ERROR_MEMORY, "no memory to write the backup %s", path);
	}
	unlink(partial);
	if (write_backup(database, partial, err) < 0) {
		unlink(partial);
		return -1;
	}
	if (rename(partial, path) < 0)
		return error_set(err, error_from_errno(errno), "cannot name the backup %s: %s",
			path, strerror(errno));
	return 0;
}

const struct store_driver sqlite_driver = {
	.dialect = SQL_SQLITE,
	.open = sqlite_open,
	.open_beside = sqlite_open_beside,
	.close = sqlite_close,
	.back_up = sqlite_back_up,
	.connect = sqlite_connect,
	.disconnect = sqlite_disconnect,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.roll_back = sqlite_roll_back,
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
