/*
 * A product's tables as a whole: the list that its migrations make, every row of a large one, and a
 * database opened for reading beside its owner.
 */
#include "store_test.h"

#include "store/tables.h"

#define ROWS 1234 /* several fetches, and a rest */

static void the_list_follows_the_migrations(void **state)
{
	static const struct store_migration migrations[] = {
		{1, "one",
			"CREATE TABLE a (x TEXT); CREATE INDEX a_x ON a (x);CREATE TABLE b (x "
			"TEXT);"},
		{2, "two", "ALTER TABLE a ADD COLUMN y TEXT; ALTER TABLE a RENAME TO c;"},
		{3, "three", "DROP TABLE b; CREATE TABLE d_e (x TEXT);"},
	};
	static const char *const expected[][3] = {
		{NULL}, {"a", "b", NULL}, {"c", "b", NULL}, {"c", "d_e", NULL}};
	const struct store_config config = {.migrations = migrations, .migration_count = 3};

	(void)state;
	for (size_t version = 0; version <= 3; version++) {
		struct table_list list;
		size_t count = 0;
		assert_int_equal(tables_list(&config, version, &list, NULL), 0);
		for (; expected[version][count]; count++)
			assert_true(str_eq_c(list.names[count], expected[version][count]));
		assert_int_equal(list.count, count);
		assert_int_equal(tables_have(&list, STR("d_e")), version == 3);
	}
}

static int insert_many(struct sql *sql, void *argument, struct error *err)
{
	char name[32];

	(void)argument;
	for (int i = 0; i < ROWS; i++) {
		snprintf(name, sizeof(name), "item-%04d", i);
		if (SQL_RUN(sql, err, "INSERT INTO items (name, value) VALUES ($1, $2)",
			    SQL_CSTR(name), SQL_INT(i)) < 0)
			return -1;
	}
	return 0;
}

struct seen {
	struct sql *sql;
	int count;
	int stop_at; /* 0: never */
};

/* In order, with names and types; and another query may run meanwhile. */
static int see(struct sql_rows *rows, void *argument, struct error *err)
{
	struct seen *seen = argument;
	int64_t count;

	assert_int_equal(sql_columns(rows), 2);
	assert_string_equal(sql_column_name(rows, 1), "value");
	assert_int_equal(sql_column_type(rows, 0), SQL_TEXT);
	assert_int_equal(sql_column_type(rows, 1), SQL_INTEGER);
	assert_int_equal(sql_int(rows, 1), seen->count);
	if (seen->count % 500 == 0) {
		assert_int_equal(count_items(seen->sql, &count, err), 0);
		assert_int_equal(count, ROWS);
	}
	seen->count++;
	return seen->stop_at == seen->count ? 7 : 0;
}

static int scan(struct sql *sql, void *argument, struct error *err)
{
	struct seen *seen = argument;
	const char *text = "SELECT * FROM items ORDER BY 1";

	seen->sql = sql;
	seen->stop_at = 3;
	assert_int_equal(tables_scan(sql, text, see, seen, err), 7);
	seen->stop_at = seen->count = 0;
	return tables_scan(sql, text, see, seen, err);
}

static void every_row_comes_in_order(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = {.count = 0};
	struct error err = {.message = ""};

	assert_int_equal(store_write(fixture->store, insert_many, NULL, &err), 0);
	if (store_read(fixture->store, scan, &seen, &err) != 0)
		fail_msg("%s", err.message);
	assert_int_equal(seen.count, ROWS);
}

static void reading_beside_the_owner_needs_a_database(void **state)
{
	struct fixture *fixture = *state;
	struct store_config config = fixture_config(fixture);
	struct store *beside;
	struct error err = {.message = ""};

	assert_int_equal(store_write(fixture->store, insert_many, NULL, &err), 0);
	if (store_open_reading(&beside, &config, &err) != 0)
		fail_msg("%s", err.message);
	assert_int_equal(items_in(beside), ROWS);
	store_close(beside);

	config.product = "other";
	assert_int_equal(store_open_reading(&beside, &config, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	config.product = "test";
	config.migration_count = 1;
	assert_int_equal(store_open_reading(&beside, &config, &err), -1);
	assert_int_equal(err.code, ERROR_CONFLICT);
	config.migration_count = 2;
	store_close(fixture->store);
	fixture->store = NULL;
	fixture_wipe(fixture);
	assert_int_equal(store_open_reading(&beside, &config, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
}

int main(void)
{
#define OPENED(test) cmocka_unit_test_setup_teardown(test, fixture_setup_open, fixture_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_follows_the_migrations),
		OPENED(every_row_comes_in_order),
		OPENED(reading_beside_the_owner_needs_a_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
