/*
 * sqlite_writer.c - one writer, many commits: group commit on SQLite.
 *
 * Writers queue their work and sleep. The writer thread takes all that wait, runs each as a
 * savepoint of one transaction, commits once (one flush of the disk), and then answers them all.
 * While it flushes, the next group gathers, so the group grows by itself with the load and a lone
 * writer waits for nobody.
 *
 * A group whose commit fails, or which SQLite rolled back as a whole (disk full, out of memory), is
 * run again one by one, so that each writer gets the answer for its own work.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "store/sqlite.h"

static bool in_transaction(const struct sqlite_connection *writer)
{
	return !sqlite3_get_autocommit(writer->db);
}

static void roll_back(struct sqlite_connection *writer)
{
	if (in_transaction(writer))
		sqlite_simple(writer, "ROLLBACK", NULL);
}

/* One job in its own transaction. */
static void run_alone(struct sqlite_store *store, struct sqlite_job *job)
{
	struct sqlite_connection *writer = store->writer;

	writer->sql.rings = false;
	job->result = sqlite_simple(writer, "BEGIN IMMEDIATE", &job->err);
	if (job->result < 0)
		return;
	job->result = job->work(&writer->sql, job->argument, &job->err);
	if (job->result == 0)
		job->result = sqlite_simple(writer, "COMMIT", &job->err);
	if (job->result < 0) {
		roll_back(writer);
		return;
	}
	__atomic_add_fetch(&store->commits, 1, __ATOMIC_RELAXED);
	if (writer->sql.rings)
		store_ring(&store->store);
}

/* One job as a savepoint of the group's transaction; false when SQLite ended the whole transaction.
 */
static bool run_in_group(struct sqlite_connection *writer, struct sqlite_job *job)
{
	bool rang = writer->sql.rings;

	if (sqlite_simple(writer, "SAVEPOINT job", &job->err) < 0)
		return false;
	job->result = job->work(&writer->sql, job->argument, &job->err);
	if (!in_transaction(writer))
		return false;
	if (job->result < 0) {
		writer->sql.rings = rang;
		if (sqlite_simple(writer, "ROLLBACK TO job", NULL) < 0)
			return false;
	}
	return sqlite_simple(writer, "RELEASE job", NULL) == 0;
}

static bool commit_group(struct sqlite_store *store, struct sqlite_job *jobs)
{
	struct sqlite_connection *writer = store->writer;
	struct error err;

	writer->sql.rings = false;
	if (sqlite_simple(writer, "BEGIN IMMEDIATE", &err) < 0)
		return false;
	for (struct sqlite_job *job = jobs; job; job = job->next)
		if (!run_in_group(writer, job)) {
			roll_back(writer);
			return false;
		}
	if (sqlite_simple(writer, "COMMIT", &err) < 0) {
		roll_back(writer);
		return false;
	}
	__atomic_add_fetch(&store->commits, 1, __ATOMIC_RELAXED);
	if (writer->sql.rings)
		store_ring(&store->store);
	return true;
}

static void answer(struct sqlite_job *jobs)
{
	while (jobs) {
		struct sqlite_job *next = jobs->next; /* the job is gone once it is posted */
		sem_post(&jobs->done);
		jobs = next;
	}
}

/* Takes at most STORE_MAX_GROUP jobs off the queue; NULL when closing. */
static struct sqlite_job *take_group(struct sqlite_store *store, size_t *ret_count)
{
	LOCK_SCOPE(&store->queue_mutex);
	while (!store->first && !store->closing)
		pthread_cond_wait(&store->queue_changed, &store->queue_mutex);
	if (store->closing)
		return NULL;
	struct sqlite_job *group = store->first, *end = group;
	size_t count = 1;
	while (end->next && count < STORE_MAX_GROUP) {
		end = end->next;
		count++;
	}
	store->first = end->next;
	if (!store->first)
		store->last = NULL;
	end->next = NULL;
	store->waiting -= count;
	*ret_count = count;
	return group;
}

static void write_loop(void *argument)
{
	struct sqlite_store *store = argument;
	struct sqlite_job *group;
	size_t count;

	store->writer_self = pthread_self();
	while ((group = take_group(store, &count))) {
		if (count > __atomic_load_n(&store->largest_group, __ATOMIC_RELAXED))
			__atomic_store_n(&store->largest_group, count, __ATOMIC_RELAXED);
		__atomic_add_fetch(&store->writes, count, __ATOMIC_RELAXED);
		if (count == 1)
			run_alone(store, group);
		else if (!commit_group(store, group))
			for (struct sqlite_job *job = group; job; job = job->next)
				run_alone(store, job);
		answer(group);
	}
}

bool sqlite_writer_is_here(const struct sqlite_store *store)
{
	return pthread_equal(store->writer_self, pthread_self());
}

int sqlite_writer_start(struct sqlite_store *store, struct error *err)
{
	return thread_start(&store->writer_thread, "store-writer", write_loop, store, err);
}

void sqlite_writer_stop(struct sqlite_store *store)
{
	pthread_mutex_lock(&store->queue_mutex);
	store->closing = true;
	pthread_cond_broadcast(&store->queue_changed);
	pthread_mutex_unlock(&store->queue_mutex);
	thread_join(store->writer_thread);
	for (struct sqlite_job *job = store->first; job; job = job->next)
		job->result = error_set(&job->err, ERROR_CANCELLED, "the store is closing");
	answer(store->first);
	store->first = store->last = NULL;
}

int sqlite_write(struct store *base, store_work work, void *argument, struct error *err)
{
	struct sqlite_store *store = (struct sqlite_store *)base;
	struct sqlite_job job = {.work = work, .argument = argument};

	sem_init(&job.done, 0, 0);
	pthread_mutex_lock(&store->queue_mutex);
	bool is_refused = store->closing || store->waiting >= STORE_MAX_WAITING;
	bool closing = store->closing;
	if (!is_refused) {
		if (store->last)
			store->last->next = &job;
		else
			store->first = &job;
		store->last = &job;
		store->waiting++;
		pthread_cond_signal(&store->queue_changed);
	}
	pthread_mutex_unlock(&store->queue_mutex);
	if (is_refused) {
		sem_destroy(&job.done);
		if (closing)
			return error_set(err, ERROR_CANCELLED, "the store is closing");
		return error_set(err, ERROR_LIMITED,
			"%d writes are waiting already; try again later", STORE_MAX_WAITING);
	}
	while (sem_wait(&job.done) < 0)
		;
	sem_destroy(&job.done);
	if (job.result < 0 && err)
		*err = job.err;
	return job.result;
}
