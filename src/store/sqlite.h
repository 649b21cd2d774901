/*
 * sqlite.h - the SQLite driver's own structs; for the files sqlite*.c only.
 */
#ifndef REEVE_STORE_SQLITE_H
#define REEVE_STORE_SQLITE_H

#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>

#include "base/thread.h"
#include "store/driver.h"

#define SQLITE_STATEMENT_SLOTS 256 /* a power of two; prepared statements kept per connection */
#define SQLITE_TEXT_SLOTS 32	   /* of statements that are built at run time */
#define SQLITE_CACHE_KIB 2048	   /* page cache per connection */
#define SQLITE_CHECK_MAX_BYTES \
	(64 << 20) /* larger databases are not checked page by page at start */

struct sqlite_statement {
	const void *key; /* the text's address */
	char *text;	 /* of one that was built at run time */
	sqlite3_stmt *statement;
	bool in_use;
	uint64_t used_at;
};

struct sqlite_connection {
	struct sql sql; /* first: what work gets */
	sqlite3 *db;
	bool is_writer;
	uint64_t ticks;
	struct sqlite_statement by_address[SQLITE_STATEMENT_SLOTS];
	struct sqlite_statement by_text[SQLITE_TEXT_SLOTS];
	struct sqlite_connection *next_free;
};

struct sqlite_job {
	store_work work;
	void *argument;
	struct error err;
	int result;
	sem_t done;
	struct sqlite_job *next;
};

struct sqlite_store {
	struct store store; /* first */
	bool is_memory;
	int lock_fd;

	/* The writer: guards the queue and `closing`. */
	pthread_mutex_t queue_mutex;
	pthread_cond_t queue_changed;
	struct sqlite_job *first, *last;
	size_t waiting;
	bool closing;
	struct sqlite_connection *writer;
	struct thread *writer_thread;
	pthread_t writer_self; /* set before the first work runs */

	/* The readers: guards the free list and their number. */
	pthread_mutex_t readers_mutex;
	pthread_cond_t reader_freed;
	struct sqlite_connection *free_readers;
	unsigned reader_count;

	uint64_t writes, commits, reads, largest_group; /* atomic */
};

/* sqlite_statement.c */
int sqlite_error(sqlite3 *db, int code, struct error *err);
int sqlite_simple(struct sqlite_connection *connection, const char *text, struct error *err);
void sqlite_forget_statements(struct sqlite_connection *connection);
int sqlite_run(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	int64_t *ret_changed, struct error *err);
int sqlite_query(struct sql *sql, struct str text, bool is_long_lived,
	const struct sql_value *values, size_t count, struct sql_rows **ret, struct error *err);
int sqlite_next(struct sql_rows *rows, struct error *err);
void sqlite_end(struct sql_rows *rows);
bool sqlite_is_null(struct sql_rows *rows, int column);
int64_t sqlite_integer(struct sql_rows *rows, int column);
double sqlite_real(struct sql_rows *rows, int column);
struct str sqlite_text(struct sql_rows *rows, int column);

/* sqlite_writer.c */
int sqlite_writer_start(struct sqlite_store *store, struct error *err);
void sqlite_writer_stop(struct sqlite_store *store);
bool sqlite_writer_is_here(const struct sqlite_store *store); /* whether this is the writer's thread */
int sqlite_write(struct store *store, store_work work, void *argument, struct error *err);

#endif
