/*
 * sqlite_error.c - what SQLite's result codes mean to whoever called the store.
 */
#include "store/sqlite.h"

enum error_code sqlite_error_code(sqlite3 *handle, int result)
{
	switch (result & 0xff) {
	case SQLITE_FULL:
		return ERROR_NO_SPACE;
	case SQLITE_IOERR:
		return handle && error_from_errno(sqlite3_system_errno(handle)) == ERROR_NO_SPACE
			       ? ERROR_NO_SPACE
			       : ERROR_UNAVAILABLE;
	case SQLITE_CONSTRAINT:
		return result == SQLITE_CONSTRAINT_CHECK || result == SQLITE_CONSTRAINT_NOTNULL
			       ? ERROR_INVALID
			       : ERROR_CONFLICT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return ERROR_UNAVAILABLE;
	case SQLITE_NOMEM:
		return ERROR_MEMORY;
	case SQLITE_TOOBIG:
		return ERROR_TOO_LARGE;
	case SQLITE_INTERRUPT:
		return ERROR_CANCELLED;
	default:
		return ERROR_INTERNAL;
	}
}

int sqlite_fail_damaged(const char *path, const char *reason, struct error *err)
{
	return error_set(err, ERROR_UNAVAILABLE,
		"database %s is damaged (%s); move it away and put its newest backup there", path,
		reason);
}

int sqlite_fail(
	struct sqlite_connection *connection, int result, const char *what, struct error *err)
{
	const char *reason = sqlite3_errmsg(connection->handle);
	enum error_code code = sqlite_error_code(connection->handle, result);

	if ((result & 0xff) == SQLITE_CORRUPT || (result & 0xff) == SQLITE_NOTADB)
		return sqlite_fail_damaged(connection->file->path, reason, err);
	if (code == ERROR_CONFLICT || code == ERROR_INVALID)
		return error_set(err, code, "%s", reason);
	if (code == ERROR_NO_SPACE)
		return error_set(err, code, "no space left on the disk of database %s",
			connection->file->path);
	return error_set(err, code, "database %s: %s: %s", connection->file->path, what, reason);
}
