/*
 * store_test.h - a store of its own, for the tests of this folder: a file in a folder, or under
 * tests/with-postgres a database on its server.
 */
#ifndef REEVE_TEST_STORE_H
#define REEVE_TEST_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../postgres_test.h"
#include "store/feed.h"
#include "store/lease.h"
#include "store/store.h"

struct fixture {
	char folder[64];
	char path[96];
	char database[64]; /* on PostgreSQL */
	char url[192];
	struct store *store;
};

static const struct store_migration fixture_migrations[] = {
	{1, "items", "CREATE TABLE items (name TEXT PRIMARY KEY, value BIGINT NOT NULL);"},
	{2, "feed and leases", FEED_TABLE_SQL("changes") LEASE_TABLE_SQL},
};

static inline struct store_config fixture_config(const struct fixture *fixture)
{
	return (struct store_config){.url = fixture->url,
		.migrations = fixture_migrations,
		.migration_count = 2,
		.product = "test"};
}

static inline void fixture_open(struct fixture *fixture)
{
	struct store_config config = fixture_config(fixture);
	struct error err = {.message = ""};

	if (store_open(&fixture->store, &config, &err) < 0)
		fail_msg("%s", err.message);
}

static inline bool is_on_postgres(void)
{
	return postgres_test_folder() != NULL;
}

/* As if nothing had been written; the store is closed. */
static inline void fixture_wipe(struct fixture *fixture)
{
	if (is_on_postgres())
		assert_true(postgres_test_create(fixture->database));
	else
		unlink(fixture->path);
}

static inline int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/reeve-store-XXXXXX");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/test.db", fixture->folder);
	snprintf(fixture->url, sizeof(fixture->url), "sqlite:%s", fixture->path);
	if (is_on_postgres()) {
		snprintf(fixture->database, sizeof(fixture->database), "store_%ld", (long)getpid());
		postgres_test_url(fixture->url, sizeof(fixture->url), fixture->database);
		fixture_wipe(fixture);
	}
	*state = fixture;
	return 0;
}

static inline int fixture_setup_open(void **state)
{
	fixture_setup(state);
	fixture_open(*state);
	return 0;
}

static inline int fixture_teardown(void **state)
{
	static const char *const names[] = {"test.db", "test.db-wal", "test.db-shm", "test.db.lock",
		"copy.db", "copy.db.lock", "copy.db-wal", "copy.db-shm"};
	struct fixture *fixture = *state;
	char path[128];

	store_close(fixture->store);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", fixture->folder, names[i]);
		unlink(path);
	}
	rmdir(fixture->folder);
	if (is_on_postgres())
		assert_true(postgres_test_drop(fixture->database));
	free(fixture);
	return 0;
}

/* --- work ---------------------------------------------------------------------------------- */

struct item {
	const char *name;
	int64_t value;
	bool fails; /* after having written */
};

static inline int insert_item(struct sql *sql, void *argument, struct error *err)
{
	const struct item *item = argument;

	if (SQL_RUN(sql, err, "INSERT INTO items (name, value) VALUES ($1, $2)",
		    SQL_CSTR(item->name), SQL_INT(item->value)) < 0)
		return -1;
	return item->fails ? error_set(err, ERROR_UNPROCESSABLE, "as asked") : 0;
}

static inline int count_items(struct sql *sql, void *argument, struct error *err)
{
	struct sql_rows *rows;

	if (sql_query(sql, "SELECT count(*) FROM items", NULL, 0, &rows, err) < 0)
		return -1;
	int found = sql_next(rows, err);
	*(int64_t *)argument = found == 1 ? sql_int(rows, 0) : -1;
	sql_end(rows);
	return found == 1 ? 0 : -1;
}

static inline int64_t items_in(struct store *store)
{
	int64_t count = -1;
	struct error err;

	if (store_read(store, count_items, &count, &err) < 0)
		fail_msg("%s", err.message);
	return count;
}

#endif
