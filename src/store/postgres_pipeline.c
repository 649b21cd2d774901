/*
 * postgres_pipeline.c - statements whose answers nobody waits for, sent with the next that somebody
 * does (libpq's pipeline mode).
 *
 * A piece of work of a group is framed by a savepoint, and appends what always succeeds; to wait
 * for each answer would cost an exchange with the server each. One of these that fails all the same
 * takes the transaction with it: its neighbours in the pipeline were skipped by the server, so what
 * the work believes to have done is not there. From then on every statement and the commit fail,
 * until the transaction is rolled back; the writer runs each piece of work again alone.
 *
 * The connection is in pipeline mode only while something is queued.
 */
#include "store/postgres.h"

static const char lost[] = "an earlier statement of this transaction failed";

static bool is_good(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* The answer to one statement, with the end mark behind it. */
static PGresult *read_answer(struct postgres_connection *connection)
{
	PGresult *answer = PQgetResult(connection->handle);
	PGresult *more;

	while ((more = answer ? PQgetResult(connection->handle) : NULL) != NULL)
		PQclear(more);
	return answer;
}

/* Reads the answers to what was queued; the first that failed, or NULL. */
static PGresult *read_queued(struct postgres_connection *connection)
{
	PGresult *failed = NULL;

	for (; connection->queued > 0; connection->queued--) {
		PGresult *answer = read_answer(connection);
		if (!failed && !is_good(answer)) {
			connection->is_lost = true;
			failed = answer;
		} else {
			PQclear(answer);
		}
	}
	return failed;
}

static void leave_pipeline(struct postgres_connection *connection)
{
	PQclear(PQgetResult(connection->handle)); /* the answer to the sync */
	/* It fails when the connection is lost, as what follows then does. */
	(void)PQexitPipelineMode(connection->handle);
}

int postgres_queue(struct postgres_connection *connection, const char *name,
	const struct postgres_parameters *parameters, struct error *err)
{
	if (connection->is_lost)
		return postgres_fail(connection, NULL, lost, err);
	if ((connection->queued == 0 && !PQenterPipelineMode(connection->handle)) ||
		!PQsendQueryPrepared(connection->handle, name, parameters->count, parameters->texts,
			parameters->lengths, parameters->formats, 0)) {
		connection->is_lost = true;
		return postgres_fail(connection, NULL, "cannot send a statement", err);
	}
	connection->queued++;
	return 0;
}

int postgres_await(struct postgres_connection *connection, const char *name,
	const struct postgres_parameters *parameters, PGresult **ret, struct error *err)
{
	PGresult *answer, *failed;

	if (connection->queued == 0 && !connection->is_lost) {
		answer = PQexecPrepared(connection->handle, name, parameters->count,
			parameters->texts, parameters->lengths, parameters->formats, 0);
	} else {
		if (postgres_queue(connection, name, parameters, err) < 0)
			return -1;
		connection->queued--;
		PQpipelineSync(connection->handle);
		failed = read_queued(connection);
		answer = read_answer(connection);
		leave_pipeline(connection);
		if (failed) {
			PQclear(answer);
			answer = failed;
		}
	}
	if (!is_good(answer))
		return postgres_fail(connection, answer, "cannot run", err);
	*ret = answer;
	return 0;
}

int postgres_settle(struct postgres_connection *connection, struct error *err)
{
	PGresult *failed;

	if (connection->queued > 0) {
		PQpipelineSync(connection->handle);
		failed = read_queued(connection);
		leave_pipeline(connection);
		if (failed)
			return postgres_fail(connection, failed, "cannot run", err);
	}
	return connection->is_lost ? postgres_fail(connection, NULL, lost, err) : 0;
}
