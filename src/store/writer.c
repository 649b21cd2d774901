/*
 * writer.c - group commit: the writes that wait run in one transaction.
 *
 * A commit that reaches the disk takes long, whatever it carries; so one caller at a time leads: it
 * takes all that has queued up while the last commit ran, its own among it, runs one piece of work
 * after the other, commits once and then answers them all; the first that has come meanwhile
 * leads next. A lone writer neither waits nor changes threads (a thread for writing costs two
 * switches for each write). Writers that come back as soon as they are answered would fall into two
 * groups that take turns, each flushing for half of them; so who leads next waits a moment, a
 * fraction of what a group takes, for as many as were there before.
 *
 * Most work succeeds, or is refused before it has written anything. A piece that fails later must
 * take back what it wrote and no more: then the group is rolled back and runs again with a
 * savepoint for each piece, as do the next groups, for where one name was taken the next may be as
 * well. Savepoints for all would cost a tenth of a write's work on SQLite and more on PostgreSQL.
 *
 * Where reading means an exchange with a server, a group first asks for what its pieces have said
 * they will read (prefetch.h), unless it runs with savepoints.
 *
 * Nothing is answered before the commit, not even a refusal: a name that is taken is taken only if
 * the write that took it lasts. When a group's commit fails, or the database drops the transaction
 * in the middle (a full disk does that), each piece runs again alone and gets the answer that it
 * alone deserves. Except where nobody knows whether the commit happened: then each is told so.
 */
#include "store/writer.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "store/prefetch.h"

#define CAREFUL_GROUPS 8 /* with savepoints, after a piece of work had to be taken back */

#define GATHER_MAX_US 200 /* most to wait for those who were there before */
#define GATHER_SHARE 4	  /* and no more than this part of the last group's time */

struct job {
	struct job *next;
	store_work prefetch; /* NULL: none */
	store_work work;
	void *argument;
	struct error *err;
	int result;
	bool is_read;
	bool is_done;
	pthread_cond_t done;
};

struct ring {
	void *owner;
	void (*call)(void *owner, int64_t value);
};

struct writer {
	struct sql *sql;  /* the leader's, while there is one, as are the next */
	unsigned careful; /* groups to come that use savepoints */
	struct prefetch prefetch;

	pthread_mutex_t mutex; /* all below */
	pthread_cond_t left;   /* the leader, or a caller */
	pthread_cond_t gathered;
	struct job *first, *last;
	size_t waiting;
	size_t callers;	 /* inside writer_run */
	size_t expected; /* the last group, and those that waited at its end */
	size_t wanted;	 /* by a leader that gathers; 0: none does */
	int64_t last_us; /* the last group's time */
	bool is_led;
	pthread_t leader;
	bool is_stopping;
	struct store_counters counters;
	struct store_measures measures;

	pthread_mutex_t rings_mutex; /* rings; held while they are called */
	struct ring rings[SQL_MAX_MARKS];
};

/* --- one group ----------------------------------------------------------------------------- */

static int call_work(struct writer *writer, struct job *job, bool is_careful)
{
	writer->sql->is_careful = is_careful;
	writer->sql->may_write = !job->is_read;
	int result = job->work(writer->sql, job->argument, job->err);
	writer->sql->may_write = true;
	if (!writer->sql->prefetch) /* else with the transaction: others' rows are open */
		writer->sql->driver->end_work(writer->sql);
	return result < 0 ? -1 : 0;
}

/* In a transaction of its own, which has begun. */
static int run_alone(struct writer *writer, struct job *job)
{
	const struct store_driver *driver = writer->sql->driver;

	if (call_work(writer, job, true) < 0) {
		driver->roll_back(writer->sql);
		return -1;
	}
	return driver->commit(writer->sql, job->err);
}

/* job->result as the work has it. -1: it failed with something to take back, or the transaction is
 * lost. */
static int run_plainly(struct writer *writer, struct job *job)
{
	struct sql *sql = writer->sql;

	sql->is_touched = false;
	job->result = call_work(writer, job, false);
	return sql->driver->is_open(sql) && (job->result == 0 || !sql->is_touched) ? 0 : -1;
}

/* The same, and takes it back itself. -1: the transaction is lost. */
static int run_in_savepoint(struct writer *writer, struct job *job)
{
	struct sql *sql = writer->sql;
	struct sql_mark marks[SQL_MAX_MARKS];
	size_t mark_count = sql->mark_count;

	memcpy(marks, sql->marks, sizeof(marks));
	if (sql->driver->savepoint(sql, NULL) < 0)
		return -1;
	job->result = call_work(writer, job, true);
	if (job->result == 0)
		return sql->driver->release(sql, NULL);
	memcpy(sql->marks, marks, sizeof(marks));
	sql->mark_count = mark_count;
	return sql->driver->undo(sql, NULL);
}

/* -1: the transaction is lost. */
static int prefetch_all(struct writer *writer, struct job *jobs)
{
	struct sql *sql = writer->sql;

	if (!sql->driver->run_later) /* nothing travels */
		return 0;
	writer->prefetch.count = writer->prefetch.first = 0;
	sql->prefetch = &writer->prefetch;
	for (struct job *job = jobs; job; job = job->next)
		if (job->prefetch && job->prefetch(sql, job->argument, NULL) < 0)
			return -1;
	return 0;
}

static int run_jobs(
	struct writer *writer, struct job *jobs, int (*run)(struct writer *writer, struct job *job))
{
	if (run == run_plainly && prefetch_all(writer, jobs) < 0)
		return -1;
	for (struct job *job = jobs; job; job = job->next) {
		if (job->err)
			*job->err = (struct error){.code = ERROR_NONE};
		if (run(writer, job) < 0)
			return -1;
	}
	return 0;
}

static int begin_together(struct writer *writer, int (*run)(struct writer *writer, struct job *job))
{
	const struct store_driver *driver = writer->sql->driver;

	writer->sql->mark_count = 0;
	return run == run_plainly && driver->begin_later ? driver->begin_later(writer->sql, NULL)
							 : driver->begin(writer->sql, NULL);
}

/* All of them in one transaction. -1: none of it happened. */
static int run_together(
	struct writer *writer, struct job *jobs, int (*run)(struct writer *writer, struct job *job))
{
	const struct store_driver *driver = writer->sql->driver;

	if (begin_together(writer, run) < 0)
		return -1;
	int result = run_jobs(writer, jobs, run);
	writer->sql->prefetch = NULL;
	if (result < 0) {
		driver->roll_back(writer->sql);
		return -1;
	}
	return driver->commit(writer->sql, NULL);
}

/* --- answering ----------------------------------------------------------------------------- */

static void ring_all(struct writer *writer)
{
	struct sql *sql = writer->sql;

	if (sql->mark_count == 0)
		return;
	LOCK_SCOPE(&writer->rings_mutex);
	for (size_t i = 0; i < sql->mark_count; i++)
		for (size_t j = 0; j < SQL_MAX_MARKS; j++)
			if (writer->rings[j].call && writer->rings[j].owner == sql->marks[i].owner)
				writer->rings[j].call(sql->marks[i].owner, sql->marks[i].value);
	sql->mark_count = 0;
}

/* The caller may be gone with its job as soon as the lock is. */
static void answer(struct writer *writer, struct job *jobs)
{
	size_t written = 0;

	LOCK_SCOPE(&writer->mutex);
	for (struct job *job = jobs, *next; job; job = next) {
		next = job->next;
		written += job->result == 0 && !job->is_read;
		job->is_done = true;
		pthread_cond_signal(&job->done);
	}
	writer->counters.writes += written;
	if (written) {
		writer->counters.commits++;
		if (written > writer->counters.largest_group)
			writer->counters.largest_group = written;
	}
}

/* The group's commit may have happened: to run it again would meet its own changes. A refusal may
 * rest on a neighbour's change, so it is none either. */
static void answer_unknown(struct writer *writer, struct job *jobs)
{
	for (struct job *job = jobs; job; job = job->next)
		job->result = job->result == 0 && !job->is_read
				      ? error_set(job->err, ERROR_DOUBTFUL, STORE_DOUBT)
				      : error_set(job->err, ERROR_UNAVAILABLE,
						"the connection to the database was lost before "
						"this was decided; try again");
	answer(writer, jobs);
}

/* False: nothing was changed, or answered. */
static bool run_and_answer(
	struct writer *writer, struct job *jobs, int (*run)(struct writer *writer, struct job *job))
{
	if (run_together(writer, jobs, run) == 0) {
		ring_all(writer);
		answer(writer, jobs);
		return true;
	}
	if (!writer->sql->is_outcome_unknown)
		return false;
	answer_unknown(writer, jobs);
	return true;
}

static void refuse_all(struct writer *writer, struct job *jobs, const struct error *why)
{
	for (struct job *job = jobs; job; job = job->next)
		job->result = error_set(job->err, why->code, "%s", why->message);
	answer(writer, jobs);
}

/* A transaction that cannot begin is no fault of what would run in it: the others would wait for
 * the same, one after the other. */
static void run_one_by_one(struct writer *writer, struct job *jobs)
{
	for (struct job *job = jobs, *next; job; job = next) {
		struct error err = {.code = ERROR_NONE};

		writer->sql->mark_count = 0;
		if (writer->sql->driver->begin(writer->sql, &err) < 0) {
			refuse_all(writer, job, &err);
			return;
		}
		next = job->next;
		job->next = NULL;
		if (job->err)
			*job->err = err;
		job->result = run_alone(writer, job);
		if (job->result == 0)
			ring_all(writer);
		answer(writer, job);
	}
}

static void run_group(struct writer *writer, struct job *jobs, size_t count)
{
	if (count > 1) {
		if (writer->careful == 0 && run_and_answer(writer, jobs, run_plainly))
			return;
		writer->careful = writer->careful ? writer->careful - 1 : CAREFUL_GROUPS;
		if (run_and_answer(writer, jobs, run_in_savepoint))
			return;
	}
	run_one_by_one(writer, jobs);
}

/* --- the queue ----------------------------------------------------------------------------- */

/* What waits, oldest first; there is something. */
static struct job *take_group(struct writer *writer, size_t *ret_count)
{
	struct job *jobs = writer->first, *last = jobs;
	size_t count = 1;

	while (last->next && count < STORE_MAX_GROUP) {
		last = last->next;
		count++;
	}
	writer->first = last->next;
	last->next = NULL;
	writer->waiting -= count;
	*ret_count = count;
	return jobs;
}

/* For as many as were there before; the lock is held before and after. */
static void gather(struct writer *writer)
{
	int64_t most_us = writer->last_us / GATHER_SHARE;
	struct timespec until;

	if (writer->waiting >= writer->expected)
		return;
	if (most_us > GATHER_MAX_US)
		most_us = GATHER_MAX_US;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += most_us * 1000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	writer->wanted = writer->expected;
	while (writer->waiting < writer->wanted && !writer->is_stopping)
		if (pthread_cond_timedwait(&writer->gathered, &writer->mutex, &until) != 0)
			break;
	writer->wanted = 0;
}

/* Runs one group; the lock is held before and after. */
static void lead(struct writer *writer)
{
	writer->is_led = true;
	writer->leader = pthread_self();
	gather(writer);
	if (writer->first) { /* else all were cancelled meanwhile */
		size_t count;
		struct job *jobs = take_group(writer, &count);
		int64_t began_us = clock_monotonic_us();
		pthread_mutex_unlock(&writer->mutex);
		run_group(writer, jobs, count);
		pthread_mutex_lock(&writer->mutex);
		writer->last_us = clock_monotonic_us() - began_us;
		writer->expected = count + writer->waiting;
	}
	writer->is_led = false;
	if (writer->is_stopping)
		pthread_cond_broadcast(&writer->left);
	else if (writer->first)
		pthread_cond_signal(&writer->first->done);
}

static int enqueue(struct writer *writer, struct job *job, struct error *err)
{
	if (writer->is_stopping)
		return error_set(err, ERROR_CANCELLED, "the store is closing");
	if (writer->waiting >= STORE_MAX_WAITING)
		return error_set(err, ERROR_LIMITED,
			"%d writes are waiting for the disk already; try again later",
			STORE_MAX_WAITING);
	if (writer->first)
		writer->last->next = job;
	else
		writer->first = job;
	writer->last = job;
	writer->waiting++;
	if (writer->wanted != 0 && writer->waiting >= writer->wanted)
		pthread_cond_signal(&writer->gathered);
	return 0;
}

int writer_run(struct writer *writer, store_work prefetch, store_work work, void *argument,
	bool is_read, struct error *err)
{
	struct job job = {.prefetch = prefetch,
		.work = work,
		.argument = argument,
		.err = err,
		.is_read = is_read};
	int64_t began_us = clock_monotonic_us();

	err->code = ERROR_NONE;
	LOCK_SCOPE(&writer->mutex);
	if (writer->is_led && pthread_equal(writer->leader, pthread_self()))
		return error_set(err, ERROR_INTERNAL,
			"work inside a write began another transaction on the same store");
	if (enqueue(writer, &job, err) < 0)
		return -1;
	writer->callers++;
	pthread_cond_init(&job.done, NULL);
	while (!job.is_done) {
		if (writer->is_led || writer->is_stopping)
			pthread_cond_wait(&job.done, &writer->mutex);
		else
			lead(writer);
	}
	pthread_cond_destroy(&job.done);
	store_measure(&writer->measures, began_us, job.result, err);
	if (--writer->callers == 0 && writer->is_stopping)
		pthread_cond_broadcast(&writer->left);
	return job.result;
}

/* --- life ---------------------------------------------------------------------------------- */

int writer_new(struct writer **ret, struct sql *sql, struct error *err)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	pthread_condattr_t attributes;

	if (!writer)
		return error_set(err, ERROR_MEMORY, "no memory for the writer");
	writer->sql = sql;
	pthread_mutex_init(&writer->mutex, NULL);
	pthread_mutex_init(&writer->rings_mutex, NULL);
	pthread_cond_init(&writer->left, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->gathered, &attributes);
	pthread_condattr_destroy(&attributes);
	*ret = writer;
	return 0;
}

static void cancel_waiting(struct writer *writer)
{
	for (struct job *job = writer->first, *next; job; job = next) {
		next = job->next;
		job->result = error_set(job->err, ERROR_CANCELLED, "the store is closing");
		job->is_done = true;
		pthread_cond_signal(&job->done);
	}
	writer->first = NULL;
	writer->waiting = 0;
}

void writer_free(struct writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_lock(&writer->mutex);
	writer->is_stopping = true;
	pthread_cond_signal(&writer->gathered);
	cancel_waiting(writer);
	while (writer->is_led || writer->callers > 0)
		pthread_cond_wait(&writer->left, &writer->mutex);
	pthread_mutex_unlock(&writer->mutex);
	writer->sql->driver->disconnect(writer->sql);
	pthread_cond_destroy(&writer->gathered);
	pthread_cond_destroy(&writer->left);
	pthread_mutex_destroy(&writer->rings_mutex);
	pthread_mutex_destroy(&writer->mutex);
	free(writer);
}

bool writer_on_commit(struct writer *writer, void *owner, void (*ring)(void *owner, int64_t value))
{
	struct ring *place = NULL;

	LOCK_SCOPE(&writer->rings_mutex);
	for (size_t i = 0; i < SQL_MAX_MARKS && !place; i++)
		if (writer->rings[i].owner == owner)
			place = &writer->rings[i];
	for (size_t i = 0; i < SQL_MAX_MARKS && !place; i++)
		if (!writer->rings[i].owner)
			place = &writer->rings[i];
	if (place)
		*place = ring ? (struct ring){owner, ring} : (struct ring){NULL, NULL};
	return place != NULL;
}

bool writer_count(struct writer *writer, struct store_counters *ret)
{
	LOCK_SCOPE(&writer->mutex);
	ret->writes = writer->counters.writes;
	ret->commits = writer->counters.commits;
	ret->largest_group = writer->counters.largest_group;
	return writer->is_led;
}

const struct store_measures *writer_measures(const struct writer *writer)
{
	return &writer->measures;
}
