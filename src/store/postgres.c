/*
 * postgres.c - PostgreSQL as a store: connections, transactions, what several processes share.
 *
 * Writers take turns, in this process (writer.c) and between processes: a write transaction begins
 * by taking the database's write lock, an advisory lock that ends with the transaction, after its
 * changes are visible. So code above sees on PostgreSQL what it sees on SQLite: nothing changes
 * under a write, no transaction has to be tried again, and numbers are given in the order of
 * commits, which the feed rests on. What is lost, writers side by side, is made up by the group:
 * each turn carries all writes that wait (docs/postgresql.md tells what was rejected).
 *
 * A connection that is lost is opened anew at the next transaction. A transaction whose COMMIT was
 * sent and not answered may have happened or not: its writers are told ERROR_UNAVAILABLE and are
 * never run again, since they would meet their own changes.
 */
#include "store/postgres.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define CONNECT_TIMEOUT_S "5"
#define NETWORK_TIMEOUT_MS "15000"     /* for what the peer's machine does not acknowledge */
#define RETRY_US (CLOCK_US_PER_S / 4)  /* between attempts to connect */
#define LOCK_TIMEOUT_MS "10000"	       /* for our turn: STORE_BUSY_TIMEOUT_MS */
#define IDLE_IN_TRANSACTION_MS "60000" /* a process that stopped in the middle gives way */
#define CLAIM_TIMEOUT_MS 2000
#define CLAIM_INTERVAL_MS 50
#define MIN_SERVER_VERSION 130000

/* Keys of advisory locks: "reev" and a number. They are a database's own. */
#define WRITE_LOCK "1919247734, 1"
#define SCHEMA_LOCK "1919247734, 2"
#define OPEN_LOCK "1919247734, 3" /* shared by all who have the database open for writing */
#define CHANNEL "reeve_commits"

/* For every connection. synchronous_commit: the server's setting may be weaker than our promise. */
#define SETTINGS                                                                 \
	"SET synchronous_commit = on; "                                          \
	"SET lock_timeout = " LOCK_TIMEOUT_MS "; "                               \
	"SET idle_in_transaction_session_timeout = " IDLE_IN_TRANSACTION_MS "; " \
	"SET statement_timeout = 0; "                                            \
	"SET client_min_messages = error;"

/* Writes find rows by key: planning them anew for their values is a tenth of their time. */
#define WRITER_SETTINGS SETTINGS " SET plan_cache_mode = force_generic_plan;"

/* The functions of SQLite that statements above this folder use, by the same names. */
static const char functions[] =
	"CREATE OR REPLACE FUNCTION instr(text, text) RETURNS integer LANGUAGE sql IMMUTABLE "
	"STRICT "
	"PARALLEL SAFE AS 'SELECT strpos($1, $2)';"
	"CREATE OR REPLACE FUNCTION json_extract(text, text) RETURNS text LANGUAGE sql IMMUTABLE "
	"STRICT PARALLEL SAFE AS "
	"'SELECT jsonb_path_query_first($1::jsonb, $2::jsonpath) #>> ''{}''';";

/* --- connections --------------------------------------------------------------------------- */

static struct postgres_database *database_of(struct database *database)
{
	return (struct postgres_database *)database;
}

static void drop(struct postgres_connection *connection)
{
	postgres_end_work(&connection->sql);
	postgres_forget_statements(connection);
	PQfinish(connection->handle);
	connection->handle = NULL;
	connection->queued = 0;
	connection->is_lost = false;
}

static void postgres_disconnect(struct sql *sql)
{
	struct postgres_connection *connection = postgres_of(sql);

	if (!connection)
		return;
	drop(connection);
	arena_free(connection->values);
	arena_free(connection->arena);
	free(connection);
}

static void ignore_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

static int fail_connecting(struct postgres_connection *connection, struct error *err)
{
	const char *message =
		connection->handle ? PQerrorMessage(connection->handle) : "out of memory";

	error_set(err, ERROR_UNAVAILABLE, "cannot connect to database %s: %.*s",
		connection->database->name, (int)strcspn(message, "\n"), message);
	drop(connection);
	connection->retry_us = clock_monotonic_us() + RETRY_US;
	return -1;
}

/* Whoever lost its connection cannot keep the database from being restored meanwhile. What it would
 * write then belongs to a past that is no more. */
static int check_epoch(struct postgres_connection *connection, struct error *err)
{
	int64_t epoch = 0;

	if (connection->sql.epoch == 0)
		return 0; /* the first time: it is read afterwards */
	if (sql_read_number(&connection->sql, "SELECT value FROM store_facts WHERE name = 'epoch'",
		    NULL, 0, &epoch, err) < 0)
		return -1;
	if (epoch == connection->sql.epoch)
		return 0;
	return error_set(err, ERROR_UNAVAILABLE,
		"database %s was restored while this process had no connection to it; restart it",
		connection->database->name);
}

static int dial(struct postgres_connection *connection, struct error *err)
{
	/* What stands before dbname gives way to what the URL says; what follows does not. */
	static const char *const names[] = {"connect_timeout", "tcp_user_timeout",
		"keepalives_idle", "application_name", "dbname", "client_encoding", NULL};
	const char *const values[] = {CONNECT_TIMEOUT_S, NETWORK_TIMEOUT_MS, "10", "reeve",
		connection->database->url, "UTF8", NULL};

	if (clock_monotonic_us() < connection->retry_us)
		return error_set(err, ERROR_UNAVAILABLE, "database %s does not answer; try again",
			connection->database->name);
	connection->handle = PQconnectdbParams(names, values, 1);
	if (PQstatus(connection->handle) != CONNECTION_OK)
		return fail_connecting(connection, err);
	PQsetNoticeReceiver(connection->handle, ignore_notice, NULL);
	if (PQserverVersion(connection->handle) < MIN_SERVER_VERSION) {
		error_set(err, ERROR_UNAVAILABLE,
			"database %s is PostgreSQL %d; reeve needs 13 or newer",
			connection->database->name, PQserverVersion(connection->handle) / 10000);
		drop(connection);
		return -1;
	}
	if (postgres_run_script(&connection->sql,
		    connection->sql.is_writer ? WRITER_SETTINGS : SETTINGS, err) < 0) {
		drop(connection);
		return -1;
	}
	/* Waits for one who has claimed the database. */
	if (connection->sql.is_writer &&
		postgres_run_script(&connection->sql,
			"SELECT pg_advisory_lock_shared(" OPEN_LOCK ")", err) < 0) {
		error_prefix(err, "database %s is being restored", connection->database->name);
		drop(connection);
		return -1;
	}
	if (connection->sql.is_writer && check_epoch(connection, err) < 0) {
		drop(connection);
		return -1;
	}
	if (connection->sql.is_writer)
		atomic_store(&connection->database->writer_pid, PQbackendPID(connection->handle));
	return 0;
}

static int postgres_connect(
	struct database *database, bool may_write, struct sql **ret, struct error *err)
{
	struct postgres_connection *connection = calloc(1, sizeof(*connection));

	if (!connection || !(connection->arena = arena_new(0)) ||
		!(connection->values = arena_new(0))) {
		if (connection)
			arena_free(connection->arena);
		free(connection);
		return error_set(err, ERROR_MEMORY, "no memory for a database connection");
	}
	connection->sql.driver = &postgres_driver;
	connection->sql.may_write = may_write;
	connection->sql.is_writer = may_write;
	connection->database = database_of(database);
	if (dial(connection, err) < 0) {
		postgres_disconnect(&connection->sql);
		return -1;
	}
	*ret = &connection->sql;
	return 0;
}

/* --- opening ------------------------------------------------------------------------------- */

static void postgres_close(struct database *database)
{
	struct postgres_database *self = database_of(database);

	if (!self)
		return;
	free(self->url);
	free(self->name);
	free(self);
}

static const char *option_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val && options->val[0] ? options->val : NULL;
	return NULL;
}

/* The URL without what nobody may read. */
static int make_name(struct postgres_database *self, struct error *err)
{
	/* libpq's own sentence would quote the URL. */
	PQconninfoOption *options = PQconninfoParse(self->url, NULL);

	if (!options)
		return error_set(err, ERROR_INVALID,
			"the PostgreSQL URL is malformed; write "
			"postgresql://user@host:5432/database, with special characters as %%XX");
	const char *host = option_of(options, "host"), *port = option_of(options, "port"),
		   *name = option_of(options, "dbname");
	int length = asprintf(&self->name, "postgresql://%s%s%s/%s", host ? host : "",
		port ? ":" : "", port ? port : "", name ? name : "");
	PQconninfoFree(options);
	if (length < 0) {
		self->name = NULL;
		return error_set(err, ERROR_MEMORY, "no memory to open a database");
	}
	self->database.name = self->name;
	return 0;
}

static int postgres_open(struct database **ret, const char *url, struct error *err)
{
	struct postgres_database *self = calloc(1, sizeof(*self));

	if (!self || !(self->url = strdup(url))) {
		free(self);
		return error_set(err, ERROR_MEMORY, "no memory to open a database");
	}
	self->database.driver = &postgres_driver;
	self->database.max_readers = STORE_MAX_READERS;
	if (make_name(self, err) < 0) {
		postgres_close(&self->database);
		return -1;
	}
	*ret = &self->database;
	return 0;
}

/* One process at a time makes tables; the others wait as long as it takes. */
static int postgres_lock_schema(struct sql *sql, struct error *err)
{
	return postgres_run_script(sql,
		       "SET lock_timeout = 0; SELECT pg_advisory_lock(" SCHEMA_LOCK
		       "); SET lock_timeout = " LOCK_TIMEOUT_MS,
		       err) < 0 ||
			       postgres_run_script(sql, functions, err) < 0
		       ? -1
		       : 0;
}

static void postgres_unlock_schema(struct sql *sql)
{
	if (postgres_of(sql)->handle)
		postgres_run_script(sql, "SELECT pg_advisory_unlock(" SCHEMA_LOCK ")", NULL);
}

/* Our own share does not hinder us. */
static int try_to_claim(struct postgres_connection *connection, bool *ret, struct error *err)
{
	PGresult *result = PQexec(connection->handle, "SELECT pg_try_advisory_lock(" OPEN_LOCK ")");

	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		return postgres_fail(connection, result, "cannot claim the database", err);
	*ret = PQgetvalue(result, 0, 0)[0] == 't';
	PQclear(result);
	return 0;
}

/* The server notices the end of a process that has just been stopped a moment later. Waiting in the
 * server's queue instead would hold up those that may have the database. */
static int postgres_claim(struct sql *sql, struct error *err)
{
	struct postgres_connection *connection = postgres_of(sql);
	int64_t until_us = clock_monotonic_us() + CLAIM_TIMEOUT_MS * CLOCK_US_PER_MS;
	bool is_ours;

	for (;;) {
		if (try_to_claim(connection, &is_ours, err) < 0)
			return -1;
		if (is_ours)
			return 0;
		if (clock_monotonic_us() >= until_us)
			return error_set(err, ERROR_CONFLICT,
				"database %s is in use by another process; stop it first",
				connection->database->name);
		usleep(CLAIM_INTERVAL_MS * CLOCK_US_PER_MS);
	}
}

/* --- transactions -------------------------------------------------------------------------- */

/* A connection found dead is opened anew, once: nothing has happened on it yet. */
static int postgres_begin(struct sql *sql, struct error *err)
{
	struct postgres_connection *connection = postgres_of(sql);
	const char *text = sql->is_writer ? "BEGIN; SELECT pg_advisory_xact_lock(" WRITE_LOCK ")"
					  : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

	sql->is_outcome_unknown = false;
	for (int tries = 0;; tries++) {
		bool is_old = connection->handle != NULL;
		if (!is_old && dial(connection, err) < 0)
			return -1;
		if (postgres_run_script(sql, text, err) == 0)
			return 0;
		if (PQstatus(connection->handle) == CONNECTION_OK) {
			PQclear(PQexec(connection->handle, "ROLLBACK"));
			return -1;
		}
		drop(connection);
		if (!is_old || tries > 0)
			return -1;
	}
}

/* Between transactions the server has nothing to say but farewell. */
static bool may_be_lost(struct postgres_connection *connection)
{
	struct pollfd fd = {.events = POLLIN};

	if (!connection->handle || PQstatus(connection->handle) != CONNECTION_OK)
		return true;
	fd.fd = PQsocket(connection->handle);
	return poll(&fd, 1, 0) != 0;
}

static int postgres_begin_later(struct sql *sql, struct error *err)
{
	if (may_be_lost(postgres_of(sql)))
		return postgres_begin(sql, err);
	sql->is_outcome_unknown = false;
	return postgres_run_later(sql, STR("BEGIN"), NULL, 0, err) < 0 ||
			       postgres_run_later(sql,
				       STR("SELECT pg_advisory_xact_lock(" WRITE_LOCK ")"), NULL, 0,
				       err) < 0
		       ? -1
		       : 0;
}

static void postgres_roll_back(struct sql *sql)
{
	struct postgres_connection *connection = postgres_of(sql);

	postgres_end_work(sql);
	if (!connection->handle)
		return;
	(void)postgres_settle(connection, NULL);
	connection->is_lost = false;
	if (PQtransactionStatus(connection->handle) != PQTRANS_IDLE)
		PQclear(PQexec(connection->handle, "ROLLBACK"));
	if (PQstatus(connection->handle) != CONNECTION_OK ||
		PQpipelineStatus(connection->handle) != PQ_PIPELINE_OFF ||
		PQtransactionStatus(connection->handle) != PQTRANS_IDLE)
		drop(connection);
}

/* Only the answer COMMIT to a COMMIT is a success: a transaction in which a statement failed
 * answers it with ROLLBACK, and no error. */
static int send_commit(struct postgres_connection *connection, struct error *err)
{
	PGresult *result;

	if (postgres_prepare(connection, STR("COMMIT"), err) < 0)
		return -1; /* not sent */
	if (postgres_execute(connection, STR("COMMIT"), NULL, 0, &result, err) < 0) {
		bool is_lost = PQstatus(connection->handle) != CONNECTION_OK;
		if (!is_lost)
			return -1;
		connection->sql.is_outcome_unknown = true;
		return error_set(err, ERROR_DOUBTFUL, STORE_DOUBT);
	}
	bool is_done = strcmp(PQcmdStatus(result), "COMMIT") == 0;
	PQclear(result);
	return is_done ? 0
		       : error_set(err, ERROR_INTERNAL, "database %s rolled the change back",
				 connection->database->name);
}

/* While statements are queued their answers will tell. */
static bool postgres_is_open(struct sql *sql)
{
	struct postgres_connection *connection = postgres_of(sql);

	return connection->queued > 0 || PQtransactionStatus(connection->handle) == PQTRANS_INTRANS;
}

static int postgres_commit(struct sql *sql, struct error *err)
{
	struct postgres_connection *connection = postgres_of(sql);

	postgres_end_work(sql);
	if (!postgres_is_open(sql)) {
		bool is_lost = PQstatus(connection->handle) != CONNECTION_OK;
		postgres_roll_back(sql);
		return error_set(err, is_lost ? ERROR_UNAVAILABLE : ERROR_INTERNAL,
			"database %s: the transaction was lost before its commit",
			connection->database->name);
	}
	if ((sql->mark_count > 0 &&
		    postgres_run_later(sql, STR("NOTIFY " CHANNEL), NULL, 0, err) < 0) ||
		send_commit(connection, err) < 0) {
		postgres_roll_back(sql);
		return -1;
	}
	return 0;
}

static int postgres_savepoint(struct sql *sql, struct error *err)
{
	return postgres_run_later(sql, STR("SAVEPOINT work"), NULL, 0, err);
}

static int postgres_release(struct sql *sql, struct error *err)
{
	return postgres_run_later(sql, STR("RELEASE work"), NULL, 0, err);
}

static int postgres_undo(struct sql *sql, struct error *err)
{
	return postgres_run_later(sql, STR("ROLLBACK TO work"), NULL, 0, err) < 0
		       ? -1
		       : postgres_run_later(sql, STR("RELEASE work"), NULL, 0, err);
}

/* --- other processes ----------------------------------------------------------------------- */

static bool was_told(struct postgres_connection *connection)
{
	int own = atomic_load(&connection->database->writer_pid);
	bool is_told = false;

	PQconsumeInput(connection->handle);
	for (PGnotify *notice; (notice = PQnotifies(connection->handle)) != NULL;) {
		is_told |= notice->be_pid != own;
		PQfreemem(notice);
	}
	return is_told;
}

/* A doorbell, not a promise: the caller looks for itself now and then. */
static void postgres_wait_for_others(struct sql *sql, int stop_fd, int timeout_ms)
{
	struct postgres_connection *connection = postgres_of(sql);
	int64_t until_us = clock_monotonic_us() + timeout_ms * CLOCK_US_PER_MS;
	struct pollfd fds[2] = {{.fd = -1, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};

	if (connection->handle && PQstatus(connection->handle) != CONNECTION_OK)
		drop(connection);
	if (!connection->handle && dial(connection, NULL) == 0)
		postgres_run_script(sql, "LISTEN " CHANNEL, NULL);
	for (;;) {
		int64_t left_us = until_us - clock_monotonic_us();
		if (left_us <= 0 || (connection->handle && was_told(connection)))
			return;
		fds[0].fd = connection->handle && PQstatus(connection->handle) == CONNECTION_OK
				    ? PQsocket(connection->handle)
				    : -1;
		poll(fds, 2, (int)(left_us / CLOCK_US_PER_MS) + 1);
		if (fds[1].revents)
			return;
	}
}

static int postgres_listen(struct database *database, struct sql **ret, struct error *err)
{
	if (postgres_connect(database, false, ret, err) < 0)
		return -1;
	if (postgres_run_script(*ret, "LISTEN " CHANNEL, err) == 0)
		return 0;
	postgres_disconnect(*ret);
	return -1;
}

const struct store_driver postgres_driver = {
	.dialect = SQL_POSTGRESQL,
	.open = postgres_open,
	.open_beside = postgres_open,
	.close = postgres_close,
	.connect = postgres_connect,
	.disconnect = postgres_disconnect,
	.lock_schema = postgres_lock_schema,
	.unlock_schema = postgres_unlock_schema,
	.claim = postgres_claim,
	.listen = postgres_listen,
	.wait_for_others = postgres_wait_for_others,
	.begin = postgres_begin,
	.begin_later = postgres_begin_later,
	.commit = postgres_commit,
	.roll_back = postgres_roll_back,
	.is_open = postgres_is_open,
	.savepoint = postgres_savepoint,
	.release = postgres_release,
	.undo = postgres_undo,
	.end_work = postgres_end_work,
	.run_script = postgres_run_script,
	.run = postgres_run,
	.run_later = postgres_run_later,
	.query = postgres_query,
	.next = postgres_next,
	.end = postgres_end,
	.columns = postgres_columns,
	.column_name = postgres_column_name,
	.column_type = postgres_column_type,
	.is_null = postgres_is_null,
	.integer = postgres_integer,
	.real = postgres_real,
	.text = postgres_text,
};
