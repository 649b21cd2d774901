/*
 * test_lease.c - one holder at a time, and numbers that only grow.
 */
#include "store_test.h"

#define SECOND INT64_C(1000000)

struct checked {
	int64_t token;
};

static int check(struct sql *sql, void *argument, struct error *err)
{
	return lease_check(sql, STR("sentinel"), ((struct checked *)argument)->token, err);
}

static void a_lease_has_one_holder_and_a_growing_number(void **state)
{
	static const struct {
		const char *holder;
		int64_t now_s; /* taken for 10 s */
		int64_t token; /* 0: refused */
	} rows[] = {
		{"a", 100, 1}, {"a", 105, 1},				    /* renewed until 115 */
		{"b", 114, 0}, {"b", 115, 2}, {"a", 116, 0}, {"b", 120, 2}, /* until 130 */
		{"b", 131, 3}, /* it had run out, another might have had it */
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {.message = ""};
		int64_t token = 0;
		int result = lease_take(fixture->store, STR("sentinel"), str_of(rows[i].holder),
			rows[i].now_s * SECOND, 10 * SECOND, &token, &err);
		assert_int_equal(result, rows[i].token ? 0 : -1);
		assert_int_equal(token, rows[i].token);
		if (result < 0)
			assert_int_equal(err.code, ERROR_CONFLICT);
	}
}

static void a_refusal_names_the_holder_and_the_time_left(void **state)
{
	struct fixture *fixture = *state;
	struct error err;
	int64_t token;

	assert_int_equal(
		lease_take(fixture->store, STR("x"), STR("first"), 0, 10 * SECOND, &token, &err),
		0);
	assert_int_equal(
		lease_take(fixture->store, STR("x"), STR("second"), 7500000, SECOND, &token, &err),
		-1);
	assert_non_null(strstr(err.message, "held by first for 2.500 s more"));
}

static void a_released_lease_is_free_at_once_under_a_new_number(void **state)
{
	struct fixture *fixture = *state;
	struct checked checked;
	struct error err;
	int64_t token;

	assert_int_equal(lease_take(fixture->store, STR("sentinel"), STR("a"), SECOND, 10 * SECOND,
				 &token, &err),
		0);
	checked.token = token;
	assert_int_equal(store_write(fixture->store, check, &checked, &err), 0);
	assert_int_equal(lease_release(fixture->store, STR("sentinel"), token + 1, &err), 0);
	assert_int_equal(lease_take(fixture->store, STR("sentinel"), STR("b"), 2 * SECOND,
				 10 * SECOND, &token, &err),
		-1);
	assert_int_equal(lease_release(fixture->store, STR("sentinel"), token, &err), 0);
	assert_int_equal(lease_take(fixture->store, STR("sentinel"), STR("b"), 2 * SECOND,
				 10 * SECOND, &token, &err),
		0);
	assert_int_equal(token, 2);
	assert_int_equal(store_write(fixture->store, check, &checked, &err), -1);
	assert_int_equal(err.code, ERROR_PRECONDITION);
}

#define OPENED(test) cmocka_unit_test_setup_teardown(test, fixture_setup_open, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPENED(a_lease_has_one_holder_and_a_growing_number),
		OPENED(a_refusal_names_the_holder_and_the_time_left),
		OPENED(a_released_lease_is_free_at_once_under_a_new_number),
	};

	return cmocka_run_group_tests_name("lease", tests, NULL, NULL);
}
