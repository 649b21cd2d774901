/*
 * driver.h - what a database must be able to do to serve as a store; inside this folder only.
 *
 * A driver embeds struct sql at the start of its connection and struct database at the start of
 * its database. A connection belongs to one thread at a time; the store sees to that. The
 * generic side (store.c, writer.c) knows transactions, groups and pools, and no SQL dialect.
 */
#ifndef REEVE_STORE_DRIVER_H
#define REEVE_STORE_DRIVER_H

#include "store/store.h"

#define SQL_MAX_MARKS 4 /* feeds of one store */

/* ERROR_DOUBTFUL */
#define STORE_DOUBT                                                                       \
	"the connection to the database was lost during the commit: the change may have " \
	"been made or not; look before you try again"

struct store_driver;
struct prefetch;

/* Remembered with the transaction: forgotten with the changes it goes with. */
struct sql_mark {
	void *owner;
	int64_t value;
};

struct sql {
	const struct store_driver *driver;
	int64_t epoch;
	bool may_write;	 /* what the work that runs may do */
	bool is_writer;	 /* what the connection may do */
	bool is_careful; /* what runs can be taken back alone, so its failure must be seen */
	bool is_touched; /* since it was set to false: something was written, or failed */
	bool is_outcome_unknown;   /* the last commit was sent, and its answer was lost */
	struct prefetch *prefetch; /* of the group that runs; NULL: nothing was asked ahead */
	struct sql_mark marks[SQL_MAX_MARKS];
	size_t mark_count;
};

struct database {
	const struct store_driver *driver;
	const char *name;     /* for messages: without a password */
	unsigned max_readers; /* 0: reads take turns with the writes */
};

struct store_driver {
	enum sql_dialect dialect;

	/* Takes ownership of the database against other processes, where only one may have it, and
	 * checks that it is sound. */
	int (*open)(struct database **ret, const char *url, struct error *err);
	/* The same for reading beside the process that owns it. ERROR_NOT_FOUND: there is none. */
	int (*open_beside)(struct database **ret, const char *url, struct error *err);
	void (*close)(struct database *database);

	int (*connect)(
		struct database *database, bool may_write, struct sql **ret, struct error *err);
	void (*disconnect)(struct sql *sql);

	/* Where several processes share a database, or NULL: one at a time makes tables; and a
	 * connection that waits until another process has committed (or so it may be), the time is
	 * over or stop_fd is readable. */
	int (*lock_schema)(struct sql *sql, struct error *err);
	void (*unlock_schema)(struct sql *sql);
	/* ERROR_CONFLICT while another process has the database open; until the connection ends,
	 * none opens it. */
	int (*claim)(struct sql *sql, struct error *err);
	int (*listen)(struct database *database, struct sql **ret, struct error *err);
	void (*wait_for_others)(struct sql *sql, int stop_fd, int timeout_ms);

	/* Opens a lost connection anew. */
	int (*begin)(struct sql *sql, struct error *err);
	/* As begin for a write, but the answer is not awaited: that the connection was lost shows
	 * later. NULL where that saves nothing. */
	int (*begin_later)(struct sql *sql, struct error *err);
	/* On failure: rolled back, or is_outcome_unknown. */
	int (*commit)(struct sql *sql, struct error *err);
	void (*roll_back)(struct sql *sql);
	/* That the transaction has not ended by itself. */
	bool (*is_open)(struct sql *sql);
	/* Within a transaction: one piece of work. A failure means that the transaction as a whole
	 * is lost. */
	int (*savepoint)(struct sql *sql, struct error *err);
	int (*release)(struct sql *sql, struct error *err);
	int (*undo)(struct sql *sql, struct error *err);
	/* Ends the rows that a piece of work left open, or a whole group's. */
	void (*end_work)(struct sql *sql);

	int (*run_script)(struct sql *sql, const char *text, struct error *err);
	int (*run)(struct sql *sql, struct str text, const struct sql_value *values, size_t count,
		int64_t *ret_changed, struct error *err);
	/* As run, but the answer is not awaited; NULL where that saves nothing. */
	int (*run_later)(struct sql *sql, struct str text, const struct sql_value *values,
		size_t count, struct error *err);
	int (*query)(struct sql *sql, struct str text, const struct sql_value *values, size_t count,
		struct sql_rows **ret, struct error *err);
	int (*next)(struct sql_rows *rows, struct error *err);
	void (*end)(struct sql_rows *rows);
	int (*columns)(struct sql_rows *rows);
	const char *(*column_name)(struct sql_rows *rows, int column);
	enum sql_type (*column_type)(struct sql_rows *rows, int column);
	bool (*is_null)(struct sql_rows *rows, int column);
	int64_t (*integer)(struct sql_rows *rows, int column);
	double (*real)(struct sql_rows *rows, int column);
	struct str (*text)(struct sql_rows *rows, int column);
};

/* The first member of a driver's rows. */
struct sql_rows {
	struct sql *sql;
};

extern const struct store_driver sqlite_driver;
extern const struct store_driver postgres_driver;

/* Inside a write: once it is durable, the function that `owner` registered is called with the
 * newest value. False: more than SQL_MAX_MARKS owners. */
bool sql_mark(struct sql *sql, void *owner, int64_t value);
/* False: no mark of the owner's yet. */
bool sql_find_mark(const struct sql *sql, const void *owner, int64_t *ret);

/* The first column of the one row of a query. */
int sql_read_number(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	int64_t *ret, struct error *err);

/* Calls `ring` on a writing thread after each durable commit that carries a mark of `owner`.
 * A NULL ring takes the registration back. False: more than SQL_MAX_MARKS owners. */
bool store_on_commit(struct store *store, void *owner, void (*ring)(void *owner, int64_t value));

/* By the scheme of the URL; NULL: there is none. */
const struct store_driver *store_driver_of(const char *url, struct error *err);

/* A connection for driver->wait_for_others, to be disconnected by its caller; NULL where no other
 * process can commit. */
int store_listen(struct store *store, struct sql **ret, struct error *err);

#endif
