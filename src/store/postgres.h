/*
 * postgres.h - the PostgreSQL driver's parts: connections and transactions (postgres.c), statements
 * and rows (postgres_statement.c), errors (postgres_error.c).
 */
#ifndef REEVE_STORE_POSTGRES_H
#define REEVE_STORE_POSTGRES_H

#include <libpq-fe.h>
#include <stdatomic.h>

#include "store/driver.h"

struct postgres_statement;

/* A query's, from when it was sent. */
struct postgres_rows {
	struct sql_rows rows; /* first */
	struct postgres_connection *connection;
	PGresult *result; /* NULL before it came and after the end */
	int at;		  /* row; -1 before the first */
	uint64_t place;	  /* of the statement in the pipeline; 0: its answer was read */
	struct postgres_rows *next;
};

struct postgres_database {
	struct database database; /* first */
	char *url;		  /* may hold a password: for libpq alone */
	char *name;		  /* for messages: postgresql://host:port/database */
	_Atomic int writer_pid;	  /* the server's number for our writing connection */
};

struct postgres_connection {
	struct sql sql; /* first */
	struct postgres_database *database;
	PGconn *handle;	  /* NULL while there is none */
	int64_t retry_us; /* no new attempt to connect before this (monotonic) */
	struct postgres_statement *statements; /* most recently used first */
	size_t statement_count;
	uint64_t statement_number;  /* the last name given */
	struct postgres_rows *open; /* of the work that runs */
	struct arena *arena;	    /* for its rows */
	struct arena *values;	    /* for the values of one statement */
	uint64_t sent;		    /* statements through the pipeline; the last one's place */
	size_t queued; /* of them, those whose answers are not read: in pipeline mode */
	bool is_lost;  /* one of them failed, and the transaction with it */
};

/* Values as libpq takes them. */
struct postgres_parameters {
	int count;
	const char **texts;
	int *lengths;
	int *formats;
};

static inline struct postgres_connection *postgres_of(struct sql *sql)
{
	return (struct postgres_connection *)sql;
}

/* --- postgres_error.c --- */

/* Fills err from a failed result (NULL: from the connection); returns -1. `what`: a sentence's
 * beginning. Clears the result. */
int postgres_fail(struct postgres_connection *connection, PGresult *result, const char *what,
	struct error *err);

/* --- postgres_pipeline.c --- */

/* Most that is queued: their answers must fit into the sockets' buffers. */
#define POSTGRES_MAX_QUEUED 256

/* Sends a prepared statement whose answer is read later. -1: it could not be sent. */
int postgres_queue(struct postgres_connection *connection, const char *name,
	const struct postgres_parameters *parameters, struct error *err);
/* Runs a prepared statement, behind what is queued; the caller clears the result. */
int postgres_await(struct postgres_connection *connection, const char *name,
	const struct postgres_parameters *parameters, PGresult **ret, struct error *err);
/* Reads the answers to what is queued. -1: one failed, and the transaction is lost. */
int postgres_settle(struct postgres_connection *connection, struct error *err);
/* The same for who waits for rows: that their own query failed loses nothing else. */
int postgres_fetch(struct postgres_connection *connection, uint64_t place, struct error *err);

/* --- postgres_statement.c --- */

/* Statements without parameters or rows that matter, in one exchange. */
int postgres_run_script(struct sql *sql, const char *text, struct error *err);
/* Has the server prepare the statement, if it has not. */
int postgres_prepare(struct postgres_connection *connection, struct str text, struct error *err);
/* The caller clears the result. */
int postgres_execute(struct postgres_connection *connection, struct str text,
	const struct sql_value *values, size_t count, PGresult **ret, struct error *err);
int postgres_run(struct sql *sql, struct str text, const struct sql_value *values, size_t count,
	int64_t *ret_changed, struct error *err);
/* Queued: a failure comes with a later statement, or with the commit. */
int postgres_run_later(struct sql *sql, struct str text, const struct sql_value *values,
	size_t count, struct error *err);
int postgres_query(struct sql *sql, struct str text, const struct sql_value *values, size_t count,
	struct sql_rows **ret, struct error *err);
int postgres_next(struct sql_rows *rows, struct error *err);
void postgres_end(struct sql_rows *rows);
void postgres_end_work(struct sql *sql);
int postgres_columns(struct sql_rows *rows);
const char *postgres_column_name(struct sql_rows *rows, int column);
enum sql_type postgres_column_type(struct sql_rows *rows, int column);
bool postgres_is_null(struct sql_rows *rows, int column);
int64_t postgres_integer(struct sql_rows *rows, int column);
double postgres_real(struct sql_rows *rows, int column);
struct str postgres_text(struct sql_rows *rows, int column);
/* Those of a connection that is gone, or is about to be. */
void postgres_forget_statements(struct postgres_connection *connection);

#endif
