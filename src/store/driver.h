/*
 * driver.h - what a database driver provides; for the files of this folder only.
 *
 * A driver embeds these structs as the first member of its own, and fills the tables. Everything
 * above the drivers (migrations, the feed, leases, the products) goes through store.h and knows
 * none of them.
 */
#ifndef REEVE_STORE_DRIVER_H
#define REEVE_STORE_DRIVER_H

#include <pthread.h>

#include "store/store.h"

struct store_driver {
	const char *scheme; /* of the URL: "sqlite" */
	/* `place` is the URL behind the scheme and its colon. */
	int (*open)(struct store **ret, struct str place, struct log *log, struct error *err);
	void (*close)(struct store *store);
	int (*write)(struct store *store, store_work work, void *argument, struct error *err);
	int (*read)(struct store *store, store_work work, void *argument, struct error *err);
	int (*backup)(struct store *store, const char *path, struct error *err);
	void (*count)(struct store *store, struct store_counters *ret);

	/* Inside work. `is_long_lived`: the text's address may serve as its key in the cache. */
	int (*run)(struct sql *sql, const char *text, const struct sql_value *values, size_t count,
		int64_t *ret_changed, struct error *err);
	int (*query)(struct sql *sql, struct str text, bool is_long_lived,
		const struct sql_value *values, size_t count, struct sql_rows **ret,
		struct error *err);
	int (*next)(struct sql_rows *rows, struct error *err);
	void (*end)(struct sql_rows *rows);
	bool (*is_null)(struct sql_rows *rows, int column);
	int64_t (*integer)(struct sql_rows *rows, int column);
	double (*real)(struct sql_rows *rows, int column);
	struct str (*text)(struct sql_rows *rows, int column);
};

extern const struct store_driver sqlite_driver;

#define STORE_MAX_LISTENERS 16

struct store {
	const struct store_driver *driver;
	char *place; /* the URL without its scheme, for messages */
	struct log *log;

	/* Guards the listeners. They are called with it held: store_on_commit waits for a running
	 * call. */
	pthread_mutex_t listeners_mutex;
	struct {
		void (*ring)(void *context);
		void *context;
	} listeners[STORE_MAX_LISTENERS];
	size_t listener_count;
};

struct sql {
	struct store *store;
	bool rings; /* a feed row was appended: ring the listeners after the commit */
};

struct sql_rows {
	struct sql *sql;
};

/* For drivers: after a durable commit in which a `rings` was set. */
void store_ring(struct store *store);

/* Brings the database to the newest schema that `config` knows. */
int store_migrate(struct store *store, const struct store_config *config, struct error *err);

#endif
