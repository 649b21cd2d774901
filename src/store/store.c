/*
 * store.c - a store: its driver, its one writer, its pool of readers.
 *
 * Connections for reading are opened when first needed and kept; with all of them busy a reader
 * waits its turn. A pool of STORE_MAX_READERS is enough for two cores many times over, and bounds
 * memory: connections cache STORE_CACHE_KIB and STORE_READER_CACHE_KIB of pages.
 */
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "store/driver.h"
#include "store/measure.h"
#include "store/migrate.h"
#include "store/tables.h"
#include "store/writer.h"

static const struct {
	const char *scheme;
	const struct store_driver *driver;
} drivers[] = {
	{"sqlite:", &sqlite_driver},
	{"postgresql://", &postgres_driver},
	{"postgres://", &postgres_driver},
};

struct store {
	const struct store_driver *driver;
	struct database *database;
	struct writer *writer;
	int64_t epoch;

	pthread_mutex_t mutex; /* all below */
	pthread_cond_t freed;
	struct sql *free_readers[STORE_MAX_READERS];
	size_t free_count;
	size_t open_count;
	uint64_t reads;

	struct store_measures reading;
};

/* --- opening ------------------------------------------------------------------------------- */

const struct store_driver *store_driver_of(const char *url, struct error *err)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (str_starts_with(str_of(url), str_of(drivers[i].scheme)))
			return drivers[i].driver;
	/* What follows the scheme may hold a password. */
	error_set(err, ERROR_INVALID,
		"store URL \"%.*s...\" has no driver; write sqlite:/path/to/file.db or "
		"postgresql://user@host:5432/database",
		(int)strcspn(url, ":@/?"), url);
	return NULL;
}

/* The writer takes the connection over, or it is closed here. */
static int start_writer(struct store *store, const struct store_config *config, struct error *err)
{
	struct sql *sql;

	if (store->driver->connect(store->database, true, &sql, err) < 0)
		return -1;
	if (migrate_run(sql, config, store->database->name, err) == 0 &&
		migrate_read_epoch(sql, &store->epoch, err) == 0) {
		sql->epoch = store->epoch;
		if (writer_new(&store->writer, sql, err) == 0)
			return 0;
	}
	store->driver->disconnect(sql);
	return -1;
}

static struct store *store_new(const char *url, struct error *err)
{
	const struct store_driver *driver = store_driver_of(url, err);
	struct store *store = driver ? calloc(1, sizeof(*store)) : NULL;
	pthread_condattr_t attributes;

	if (!store) {
		if (driver)
			error_set(err, ERROR_MEMORY, "no memory to open a store");
		return NULL;
	}
	store->driver = driver;
	pthread_mutex_init(&store->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&store->freed, &attributes);
	pthread_condattr_destroy(&attributes);
	return store;
}

int store_open(struct store **ret, const struct store_config *config, struct error *err)
{
	struct store *store = store_new(config->url, err);

	if (!store)
		return -1;
	if (store->driver->open(&store->database, config->url, err) < 0 ||
		start_writer(store, config, err) < 0) {
		store_close(store);
		return -1;
	}
	*ret = store;
	return 0;
}

static int look_at_schema(struct sql *sql, void *argument, struct error *err)
{
	const struct store_config *config = argument;
	struct store_state state;

	if (tables_read_state(sql, config->product, &state, err) < 0)
		return -1;
	if (state.schema == 0)
		return error_set(
			err, ERROR_NOT_FOUND, "the database has no tables of %s", config->product);
	if (state.schema > (int64_t)config->migration_count)
		return error_set(err, ERROR_CONFLICT,
			"the database was written by a newer reeve (schema %lld of %s, this one "
			"knows %zu); run that version",
			(long long)state.schema, config->product, config->migration_count);
	return 0;
}

int store_open_reading(struct store **ret, const struct store_config *config, struct error *err)
{
	struct store *store = store_new(config->url, err);

	if (!store)
		return -1;
	if (store->driver->open_beside(&store->database, config->url, err) < 0) {
		store_close(store);
		return -1;
	}
	if (store_read(store, look_at_schema, (void *)(uintptr_t)config, err) < 0) {
		error_prefix(err, "%s", store->database->name);
		store_close(store);
		return -1;
	}
	*ret = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < store->free_count; i++)
		store->driver->disconnect(store->free_readers[i]);
	/* The writer last: SQLite's last connection folds the log into the file. */
	writer_free(store->writer);
	if (store->database)
		store->driver->close(store->database);
	pthread_cond_destroy(&store->freed);
	pthread_mutex_destroy(&store->mutex);
	free(store);
}

/* --- reading ------------------------------------------------------------------------------- */

/* A free connection, or NULL when one more may be opened, which is then counted already. */
static int wait_for_reader(struct store *store, struct sql **ret, struct error *err)
{
	int64_t until_us = clock_monotonic_us() + STORE_BUSY_TIMEOUT_MS * CLOCK_US_PER_MS;
	struct timespec until = {.tv_sec = (time_t)(until_us / CLOCK_US_PER_S),
		.tv_nsec = (long)(until_us % CLOCK_US_PER_S * 1000)};

	LOCK_SCOPE(&store->mutex);
	while (store->free_count == 0 && store->open_count == store->database->max_readers)
		if (pthread_cond_timedwait(&store->freed, &store->mutex, &until) == ETIMEDOUT)
			return error_set(err, ERROR_LIMITED,
				"all %u readers of the database are busy; try again later",
				store->database->max_readers);
	store->reads++;
	*ret = NULL;
	if (store->free_count > 0)
		*ret = store->free_readers[--store->free_count];
	else
		store->open_count++;
	return 0;
}

static int take_reader(struct store *store, struct sql **ret, struct error *err)
{
	if (wait_for_reader(store, ret, err) < 0)
		return -1;
	if (*ret || store->driver->connect(store->database, false, ret, err) == 0) {
		(*ret)->epoch = store->epoch;
		return 0;
	}
	LOCK_SCOPE(&store->mutex);
	store->open_count--;
	pthread_cond_signal(&store->freed);
	return -1;
}

static void give_reader(struct store *store, struct sql *sql)
{
	LOCK_SCOPE(&store->mutex);
	store->free_readers[store->free_count++] = sql;
	pthread_cond_signal(&store->freed);
}

static int read_now(struct store *store, store_work work, void *argument, struct error *err)
{
	struct sql *sql;

	if (store->database->max_readers == 0)
		return writer_run(store->writer, NULL, work, argument, true, err);
	if (take_reader(store, &sql, err) < 0)
		return -1;
	int result = store->driver->begin(sql, err);
	if (result == 0) {
		result = work(sql, argument, err) < 0 ? -1 : 0;
		store->driver->roll_back(sql);
	}
	give_reader(store, sql);
	return result;
}

int store_read(struct store *store, store_work work, void *argument, struct error *err)
{
	int64_t began_us = clock_monotonic_us();
	struct error own;
	int result;

	err = err ? err : &own;
	err->code = ERROR_NONE;
	result = read_now(store, work, argument, err);
	store_measure(&store->reading, began_us, result, err);
	return result;
}

/* --- writing ------------------------------------------------------------------------------- */

int store_write(struct store *store, store_work work, void *argument, struct error *err)
{
	struct error own;

	return writer_run(store->writer, NULL, work, argument, false, err ? err : &own);
}

int store_write_ahead(struct store *store, store_work prefetch, store_work work, void *argument,
	struct error *err)
{
	struct error own;

	return writer_run(store->writer, prefetch, work, argument, false, err ? err : &own);
}

bool store_on_commit(struct store *store, void *owner, void (*ring)(void *owner, int64_t value))
{
	return writer_on_commit(store->writer, owner, ring);
}

int store_listen(struct store *store, struct sql **ret, struct error *err)
{
	*ret = NULL;
	return store->driver->listen ? store->driver->listen(store->database, ret, err) : 0;
}

enum sql_dialect store_dialect(const struct store *store)
{
	return store->driver->dialect;
}

/* --- the whole ----------------------------------------------------------------------------- */

void store_count(struct store *store, struct store_counters *ret)
{
	bool is_writing = writer_count(store->writer, ret);

	LOCK_SCOPE(&store->mutex);
	ret->reads = store->reads;
	ret->connections_open = store->open_count + 1; /* the writer's */
	ret->connections_in_use = store->open_count - store->free_count + (is_writing ? 1 : 0);
	for (size_t code = 0; code < ERROR_CODE_COUNT; code++) {
		ret->errors[0][code] = atomic_load(&store->reading.errors[code]);
		ret->errors[1][code] = atomic_load(&writer_measures(store->writer)->errors[code]);
	}
}

const struct histogram *store_durations(const struct store *store, bool of_writes)
{
	return of_writes ? &writer_measures(store->writer)->durations : &store->reading.durations;
}

int64_t store_epoch(const struct store *store)
{
	return store->epoch;
}
