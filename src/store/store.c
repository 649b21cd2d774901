/*
 * store.c - picks the driver by the URL and passes calls on.
 */
#include "store/store.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "store/driver.h"

static const struct store_driver *const drivers[] = {&sqlite_driver};

static const struct store_driver *find_driver(struct str *place)
{
	struct str scheme = str_cut(place, ':');

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (str_eq_c(scheme, drivers[i]->scheme))
			return drivers[i];
	return NULL;
}

int store_open(struct store **ret, const struct store_config *config, struct error *err)
{
	struct str place = str_of(config->url);
	const struct store_driver *driver = find_driver(&place);
	struct store *store;

	if (!driver || !place.len)
		return error_set(err, ERROR_INVALID,
			"store URL \"%s\" is not one we know; write it as sqlite:/path/to/file.db",
			config->url);
	if (driver->open(&store, place, config->log, err) < 0)
		return -1;
	if (store_migrate(store, config, err) < 0) {
		store_close(store);
		return -1;
	}
	*ret = store;
	return 0;
}

void store_close(struct store *store)
{
	if (store)
		store->driver->close(store);
}

int store_write(struct store *store, store_work work, void *argument, struct error *err)
{
	return store->driver->write(store, work, argument, err);
}

int store_read(struct store *store, store_work work, void *argument, struct error *err)
{
	return store->driver->read(store, work, argument, err);
}

int store_backup(struct store *store, const char *path, struct error *err)
{
	return store->driver->backup(store, path, err);
}

void store_count(struct store *store, struct store_counters *ret)
{
	store->driver->count(store, ret);
}

void store_on_commit(struct store *store, void (*ring)(void *context), void *context)
{
	LOCK_SCOPE(&store->listeners_mutex);
	for (size_t i = 0; i < store->listener_count; i++)
		if (store->listeners[i].context == context) {
			store->listeners[i] = store->listeners[--store->listener_count];
			break;
		}
	if (ring && store->listener_count < STORE_MAX_LISTENERS) {
		store->listeners[store->listener_count].ring = ring;
		store->listeners[store->listener_count++].context = context;
	}
}

void store_ring(struct store *store)
{
	LOCK_SCOPE(&store->listeners_mutex);
	for (size_t i = 0; i < store->listener_count; i++)
		store->listeners[i].ring(store->listeners[i].context);
}

int sql_run(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	int64_t *ret_changed, struct error *err)
{
	return sql->store->driver->run(sql, text, values, count, ret_changed, err);
}

int sql_query(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
	struct sql_rows **ret, struct error *err)
{
	return sql->store->driver->query(sql, str_of(text), true, values, count, ret, err);
}

int sql_query_text(struct sql *sql, struct str text, const struct sql_value *values, size_t count,
	struct sql_rows **ret, struct error *err)
{
	return sql->store->driver->query(sql, text, false, values, count, ret, err);
}

int sql_next(struct sql_rows *rows, struct error *err)
{
	return rows->sql->store->driver->next(rows, err);
}

void sql_end(struct sql_rows *rows)
{
	if (rows)
		rows->sql->store->driver->end(rows);
}

bool sql_is_null(struct sql_rows *rows, int column)
{
	return rows->sql->store->driver->is_null(rows, column);
}

int64_t sql_int(struct sql_rows *rows, int column)
{
	return rows->sql->store->driver->integer(rows, column);
}

double sql_double(struct sql_rows *rows, int column)
{
	return rows->sql->store->driver->real(rows, column);
}

struct str sql_str(struct sql_rows *rows, int column)
{
	return rows->sql->store->driver->text(rows, column);
}

struct str sql_str_copy(struct sql_rows *rows, int column, struct arena *arena)
{
	return arena_str(arena, sql_str(rows, column));
}
