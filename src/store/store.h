/*
 * store.h - one small SQL interface over a database.
 *
 * The driver is chosen by the URL: "sqlite:/path/to/file.db" ("sqlite::memory:" for tests) or
 * "postgresql://user@host:5432/database" (what libpq reads, PostgreSQL 13 or newer). A write is a
 * function that runs inside a transaction: store_write() returns once what it wrote is durable, or
 * after nothing was written. Writes take turns on one connection; those that wait meanwhile run in
 * one transaction (group commit), on the thread of one of them. Reads run side by side,
 * each on a snapshot.
 *
 * SQL text is the common subset of SQLite and PostgreSQL; parameters are $1, $2, ... Statements are
 * prepared once per connection and cached by their text; the least recently used give way. instr
 * and json_extract (as text) exist in both, and INTEGER PRIMARY KEY is a number of 64 bits. After a
 * statement has failed, work must fail too: PostgreSQL runs no other in that transaction.
 *
 * An SQLite file belongs to one process at a time. A PostgreSQL database may be shared by several,
 * whose writes take turns as those of one process do; LC_COLLATE "C" gives both databases the same
 * order of texts. A process opens a database once. Any thread may
 * call; work that runs inside store_write may not call store_write or store_read of the same store.
 */
#ifndef REEVE_STORE_STORE_H
#define REEVE_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/str.h"

struct store;
struct sql; /* a running transaction, or a reading snapshot */

/* For the rare statement that cannot be written for both. */
enum sql_dialect { SQL_SQLITE, SQL_POSTGRESQL, SQL_DIALECT_COUNT };
enum sql_dialect sql_dialect_of(const struct sql *sql);
enum sql_dialect store_dialect(const struct store *store);

#define STORE_MAX_READERS 8	    /* connections for reading */
#define STORE_MAX_GROUP 256	    /* writes that share one commit */
#define STORE_MAX_WAITING 4096	    /* queued writes; past it ERROR_LIMITED */
#define STORE_BUSY_TIMEOUT_MS 10000 /* for a free reader, and for a database that others lock */
#define STORE_MAX_STATEMENTS 96	    /* prepared and kept, per connection */
#define STORE_CACHE_KIB 2048	    /* pages kept by the writing connection */
#define STORE_READER_CACHE_KIB 512  /* and by each that reads: the system's cache is behind them */
#define STORE_CHECK_MAX_BYTES                                              \
	(INT64_C(64) << 20) /* larger databases are not checked on opening \
			     */

struct store_migration {
	unsigned number; /* 1, 2, 3 ... without gaps */
	const char *name;
	const char *sql; /* several statements */
	/* What follows on one database only, by enum sql_dialect; NULL: nothing. */
	const char *also[SQL_DIALECT_COUNT];
};

struct store_config {
	const char *url;
	const struct store_migration *migrations; /* of this product; must outlive the store */
	size_t migration_count;
	const char *product; /* "clm": one database may hold several products' tables */
	struct log *log;
};

/*
 * Opens, checks (quick integrity check, up to STORE_CHECK_MAX_BYTES) and migrates. Errors:
 * ERROR_INVALID (URL), ERROR_CONFLICT (a newer schema: `database x was written by a newer reeve
 * (schema 7, this one knows 5)`), ERROR_UNAVAILABLE (damaged: names the file and the backup to
 * restore; or locked by another process; or its server does not answer). No message shows a URL's
 * password.
 */
int store_open(struct store **ret, const struct store_config *config, struct error *err);
/* The same for reading beside the processes that serve it, which are not held up: nothing is
 * checked, owned or migrated, and only store_read may be called. ERROR_NOT_FOUND: no database is
 * there, or it has no tables of this product; ERROR_CONFLICT: a newer schema. */
int store_open_reading(struct store **ret, const struct store_config *config, struct error *err);
void store_close(struct store *store); /* ends waiting writes with ERROR_CANCELLED; NULL accepted */

/*
 * Runs `work` in a write transaction. `work` returns 0 to commit, -1 to roll back its own changes
 * (its error is then store_write's). It may run on another caller's thread, and again from the
 * start after a failed commit of its group, so it must only touch the database and its own
 * argument, idempotently. Returns after the commit is durable. ERROR_NO_SPACE on a full disk,
 * ERROR_LIMITED, ERROR_CANCELLED. ERROR_UNAVAILABLE when the server was lost, ERROR_DOUBTFUL when
 * that was during the commit, so that the change may have been made.
 */
typedef int (*store_work)(struct sql *sql, void *argument, struct error *err);
int store_write(struct store *store, store_work work, void *argument, struct error *err);

/* The same for work whose first reads are known: `prefetch` asks for them (sql_prefetch and nothing
 * else), with the same argument; NULL accepted. It is called where that saves an exchange with a
 * server, before the work, and on SQLite never. */
int store_write_ahead(struct store *store, store_work prefetch, store_work work, void *argument,
	struct error *err);

/* Runs `work` on a snapshot; it may not write. */
int store_read(struct store *store, store_work work, void *argument, struct error *err);

/* --- inside work --------------------------------------------------------------------------- */

enum sql_type { SQL_NULL, SQL_INTEGER, SQL_REAL, SQL_TEXT, SQL_BLOB };

struct sql_value {
	enum sql_type type;
	int64_t integer;
	double real;
	struct str text; /* text and blob; borrowed until the statement has run */
};

#define SQL_INT(v) ((struct sql_value){.type = SQL_INTEGER, .integer = (int64_t)(v)})
#define SQL_DOUBLE(v) ((struct sql_value){.type = SQL_REAL, .real = (v)})
#define SQL_STR(v) sql_text_or_null(v) /* a null str is NULL */
#define SQL_CSTR(v) sql_text_or_null(str_of(v))
#define SQL_NONE ((struct sql_value){.type = SQL_NULL})

static inline struct sql_value sql_text_or_null(struct str s)
{
	return (struct sql_value){.type = s.ptr ? SQL_TEXT : SQL_NULL, .text = s};
}

/* Runs a statement without rows. ret_changed (NULL accepted): rows changed. ERROR_CONFLICT on a
 * unique or foreign key violation, whose sentence names the constraint or columns. */
int sql_run(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	int64_t *ret_changed, struct error *err);

/* As sql_run, for what cannot fail while the data is sound: the answer may be awaited only with a
 * later statement or the commit, and a failure then fails the transaction. */
int sql_run_later(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	struct error *err);

/* As sql_run, for what seldom fails (a name is seldom taken). In a group it runs as by
 * sql_run_later; should it fail, the group runs again, and then the answer is awaited. */
int sql_run_likely(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	struct error *err);

/* Rows: sql_query (on PostgreSQL queries that are begun together travel together, and a failure
 * comes with sql_next), then sql_next until it gives 0 (1: a row, -1: error), or sql_end earlier;
 * sql_end after the last row does nothing, and rows left open end with the work. Several queries
 * may be open at once. Column text lives until the next sql_next or sql_end. */
struct sql_rows;
int sql_query(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	struct sql_rows **ret, struct error *err);
int sql_query_text(struct sql *sql, struct str text, const struct sql_value *values, size_t count,
	struct sql_rows **ret, struct error *err);
int sql_next(struct sql_rows *rows, struct error *err);
void sql_end(struct sql_rows *rows); /* NULL accepted */

/*
 * Reads by a key: `text` is a query, always the same pointer, whose one parameter is the key.
 * sql_prefetch asks for the rows ahead; sql_query_key gives those that were asked for, or asks now.
 * Whoever writes what a prefetched query reads calls sql_changed with the key, before or after;
 * rows that were asked for earlier are then not given out. The key is borrowed until the work ends.
 */
int sql_prefetch(struct sql *sql, const char *text, struct str key, struct error *err);
int sql_query_key(struct sql *sql, const char *text, struct str key, struct sql_rows **ret,
	struct error *err);
void sql_changed(struct sql *sql, struct str key);

/* Of rows that have not ended: how many columns (0: the query failed); then their names, the type
 * of a value. */
int sql_columns(struct sql_rows *rows);
const char *sql_column_name(struct sql_rows *rows, int column);
enum sql_type sql_column_type(struct sql_rows *rows, int column);

bool sql_is_null(struct sql_rows *rows, int column);
int64_t sql_int(struct sql_rows *rows, int column);
double sql_double(struct sql_rows *rows, int column);
struct str sql_str(struct sql_rows *rows, int column); /* null for NULL */
struct str sql_str_copy(struct sql_rows *rows, int column, struct arena *arena);

/* Shorthand with the values inline: SQL_RUN(sql, err, "INSERT ... $1 $2", SQL_INT(1), SQL_STR(s)).
 */
#define SQL_RUN(sql, err, text, ...)                                                              \
	sql_run((sql), (text), (const struct sql_value[]){__VA_ARGS__},                           \
		sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value), NULL, \
		(err))
#define SQL_RUN_LIKELY(sql, err, text, ...)                                    \
	sql_run_likely((sql), (text), (const struct sql_value[]){__VA_ARGS__}, \
		sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value), (err))
#define SQL_RUN_LATER(sql, err, text, ...)                                    \
	sql_run_later((sql), (text), (const struct sql_value[]){__VA_ARGS__}, \
		sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value), (err))
#define SQL_QUERY(sql, ret, err, text, ...)                                                        \
	sql_query((sql), (text), (const struct sql_value[]){__VA_ARGS__},                          \
		sizeof((const struct sql_value[]){__VA_ARGS__}) / sizeof(struct sql_value), (ret), \
		(err))

/* Raised by each restore: what was read under another epoch may never have been. */
int64_t store_epoch(const struct store *store);

struct store_counters {
	uint64_t writes, commits, reads, largest_group;
	uint64_t connections_open, connections_in_use;
	uint64_t errors[2]
		       [ERROR_CODE_COUNT]; /* of reads, of writes: what the database failed with */
};
void store_count(struct store *store, struct store_counters *ret);
/* How long store_write or store_read took, their waiting included. */
const struct histogram *store_durations(const struct store *store, bool of_writes);

#endif
