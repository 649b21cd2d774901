/*
 * postgres_pipeline.c - statements that are queued, and sent with the next whose answer somebody
 * waits for (libpq's pipeline mode).
 *
 * Each wait is an exchange with the server. Queries wait when their first row is asked for, so
 * several that are begun one after the other cost one exchange; what always succeeds need not be
 * waited for at all. A queued statement that fails all the same takes the transaction with it: its
 * neighbours in the pipeline were skipped by the server, so what the work believes to have done is
 * not there. From then on every statement and the commit fail, until the transaction is rolled
 * back; the writer runs each piece of work again alone.
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

static void leave_pipeline(struct postgres_connection *connection)
{
	PQclear(PQgetResult(connection->handle)); /* the answer to the sync */
	/* It fails when the connection is lost, as what follows then does. */
	(void)PQexitPipelineMode(connection->handle);
}

/* Gives an answer to the rows that wait for it. */
static void deliver(struct postgres_connection *connection, uint64_t place, PGresult *answer)
{
	for (struct postgres_rows *rows = connection->open; rows; rows = rows->next) {
		if (rows->place == place) {
			rows->place = 0;
			rows->result = answer;
			return;
		}
	}
	PQclear(answer);
}

/* Reads the answers to all that is queued. Returns the first that failed, or NULL; one that is not
 * the caller's own loses the transaction, as does an answer that never came. */
static PGresult *read_queued(struct postgres_connection *connection, uint64_t own, PGresult **ret)
{
	PGresult *failed = NULL;

	for (; connection->queued > 0; connection->queued--) {
		uint64_t place = connection->sent - connection->queued + 1;
		PGresult *answer = read_answer(connection);

		if (is_good(answer) && place == own && ret) {
			*ret = answer;
		} else if (is_good(answer)) {
			deliver(connection, place, answer);
		} else {
			connection->is_lost |= place != own || !answer;
			if (failed)
				PQclear(answer);
			else
				failed = answer;
		}
	}
	return failed;
}

static int settle(
	struct postgres_connection *connection, uint64_t own, PGresult **ret, struct error *err)
{
	PGresult *answer = NULL, *failed;

	if (connection->queued > 0) {
		PQpipelineSync(connection->handle);
		failed = read_queued(connection, own, ret ? &answer : NULL);
		leave_pipeline(connection);
		if (failed) {
			PQclear(answer);
			return postgres_fail(connection, failed, "cannot run", err);
		}
	}
	if (connection->is_lost) {
		PQclear(answer);
		return postgres_fail(connection, NULL, lost, err);
	}
	if (ret)
		*ret = answer;
	return 0;
}

int postgres_settle(struct postgres_connection *connection, struct error *err)
{
	return settle(connection, 0, NULL, err);
}

int postgres_fetch(struct postgres_connection *connection, uint64_t place, struct error *err)
{
	return settle(connection, place, NULL, err);
}

int postgres_queue(struct postgres_connection *connection, const char *name,
	const struct postgres_parameters *parameters, struct error *err)
{
	if (connection->queued == POSTGRES_MAX_QUEUED && postgres_settle(connection, err) < 0)
		return -1;
	if (connection->is_lost)
		return postgres_fail(connection, NULL, lost, err);
	if ((connection->queued == 0 && !PQenterPipelineMode(connection->handle)) ||
		!PQsendQueryPrepared(connection->handle, name, parameters->count, parameters->texts,
			parameters->lengths, parameters->formats, 0)) {
		connection->is_lost = true;
		return postgres_fail(connection, NULL, "cannot send a statement", err);
	}
	connection->sent++;
	connection->queued++;
	return 0;
}

int postgres_await(struct postgres_connection *connection, const char *name,
	const struct postgres_parameters *parameters, PGresult **ret, struct error *err)
{
	PGresult *answer;

	if (connection->queued > 0 || connection->is_lost)
		return postgres_queue(connection, name, parameters, err) < 0
			       ? -1
			       : settle(connection, connection->sent, ret, err);
	answer = PQexecPrepared(connection->handle, name, parameters->count, parameters->texts,
		parameters->lengths, parameters->formats, 0);
	if (!is_good(answer))
		return postgres_fail(connection, answer, "cannot run", err);
	*ret = answer;
	return 0;
}
