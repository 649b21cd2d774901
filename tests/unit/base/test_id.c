/*
 * test_id.c - identifiers: their form, their order, and that they do not repeat.
 */
#include "base/id.h"

#include <pthread.h>

#include "base_test.h"

#define THREADS 4
#define IDS_EACH 5000

static void uuids_have_their_version(void **state)
{
	char id[ID_UUID_SIZE], other[ID_UUID_SIZE];

	id_uuid4(id);
	id_uuid4(other);
	assert_true(id_is_uuid(str_of(id)));
	assert_int_equal(id[14], '4');
	assert_non_null(strchr("89ab", id[19]));
	assert_string_not_equal(id, other);
	id_uuid7(id, INT64_C(1645557742000000)); /* RFC 9562 appendix A.6 */
	assert_memory_equal(id, "017f22e2-79b0-7", 15);
	(void)state;
}

static void version_5_is_computed_from_the_name(void **state)
{
	char id[ID_UUID_SIZE];

	/* Python: uuid.uuid5(uuid.NAMESPACE_OID, "example"). */
	id_uuid5_oid(id, STR("example"));
	assert_string_equal(id, "5c9ef7cb-8c94-5df0-8168-aaa47e3d5da2");
	(void)state;
}

static void texts_that_are_no_uuids_are_told(void **state)
{
	assert_true(id_is_uuid(STR("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")));
	assert_false(id_is_uuid(STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398")));
	assert_false(id_is_uuid(STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398g")));
	assert_false(id_is_uuid(STR("017f22e2079b0-7cc3-98c4-dc0c0c07398f")));
	assert_false(id_is_uuid(STR_NULL));
	(void)state;
}

struct made {
	char ids[IDS_EACH][ID_UUID_SIZE];
};

static void *make_ids(void *arg)
{
	struct made *made = arg;

	for (int i = 0; i < IDS_EACH; i++)
		id_uuid7(made->ids[i], INT64_C(1000000)); /* a clock that stands still */
	return NULL;
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, ID_UUID_SIZE);
}

static void later_ids_sort_later_on_every_thread(void **state)
{
	struct made *made = calloc(THREADS, sizeof(*made));
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_ids, &made[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++)
		for (int k = 1; k < IDS_EACH; k++)
			assert_true(strcmp(made[i].ids[k - 1], made[i].ids[k]) < 0);
	char(*all)[ID_UUID_SIZE] = made[0].ids;
	qsort(all, (size_t)THREADS * IDS_EACH, ID_UUID_SIZE, compare_ids);
	for (int i = 1; i < THREADS * IDS_EACH; i++)
		assert_true(strcmp(all[i - 1], all[i]) < 0);
	free(made);
	(void)state;
}

static void snowflakes_hold_time_node_and_step(void **state)
{
	struct id_snowflake *generator = id_snowflake_new(5);
	int64_t now_us = INT64_C(1700000000000000);
	int64_t first = id_snowflake_next(generator, now_us);

	assert_true(first >> 22 == 1700000000000 - 1288834974657);
	assert_true((first >> 12 & 1023) == 5);
	assert_true((first & 4095) == 0);
	assert_true(id_snowflake_next(generator, now_us) == first + 1);
	/* The clock steps back, and the steps of a millisecond run out. */
	int64_t last = id_snowflake_next(generator, now_us - 1000000);
	assert_true(last == first + 2);
	for (int i = 0; i < 10000; i++) {
		int64_t next = id_snowflake_next(generator, now_us);
		assert_true(next > last);
		last = next;
	}
	id_snowflake_free(generator);
	id_snowflake_free(NULL);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uuids_have_their_version),
		cmocka_unit_test(version_5_is_computed_from_the_name),
		cmocka_unit_test(texts_that_are_no_uuids_are_told),
		cmocka_unit_test(later_ids_sort_later_on_every_thread),
		cmocka_unit_test(snowflakes_hold_time_node_and_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
