/*
 * test_map.c - the hash table, against an array that does the same slowly.
 */
#include "base/map.h"

#include "base_test.h"

#define KEYS 300

static struct str key_of(int i, char text[16])
{
	return str_n(text, (size_t)snprintf(text, 16, "key-%d", i));
}

static void what_is_put_is_found(void **state)
{
	struct map *map = map_new();
	int values[2];
	void *old = &values;

	assert_null(map_get(map, STR("a")));
	assert_null(map_remove(map, STR("a")));
	assert_true(map_put(map, STR("a"), &values[0], &old));
	assert_null(old);
	assert_true(map_put(map, STR("a"), &values[1], &old));
	assert_ptr_equal(old, &values[0]);
	assert_true(map_put(map, STR(""), &values[0], NULL));
	assert_int_equal(map_count(map), 2);
	assert_ptr_equal(map_get(map, STR("a")), &values[1]);
	assert_ptr_equal(map_get(map, STR("")), &values[0]);
	assert_ptr_equal(map_remove(map, STR("a")), &values[1]);
	assert_null(map_get(map, STR("a")));
	assert_null(map_get(NULL, STR("a")));
	map_free(map, NULL);
	map_free(NULL, NULL);
	(void)state;
}

static void random_changes_match_an_array(void **state)
{
	struct map *map = map_new();
	void *model[KEYS] = {0};
	int cells[KEYS];
	unsigned seed = 3;

	for (int step = 0; step < 50000; step++) {
		int i = rand_r(&seed) % KEYS;
		char text[16];
		struct str key = key_of(i, text);
		if (rand_r(&seed) % 2) {
			assert_true(map_put(map, key, &cells[i], NULL));
			model[i] = &cells[i];
		} else {
			assert_ptr_equal(map_remove(map, key), model[i]);
			model[i] = NULL;
		}
		if (step % 100)
			continue;
		size_t count = 0;
		for (int k = 0; k < KEYS; k++) {
			assert_ptr_equal(map_get(map, key_of(k, text)), model[k]);
			count += model[k] != NULL;
		}
		assert_int_equal(map_count(map), count);
	}
	map_free(map, NULL);
	(void)state;
}

static void iteration_visits_each_entry_once(void **state)
{
	struct map *map = map_new();
	int seen[KEYS] = {0};
	struct str key;
	int *value;
	char text[16];

	for (int i = 0; i < KEYS; i++)
		map_put(map, key_of(i, text), &seen[i], NULL);
	map_for_each (map, position, key, value) {
		assert_true(str_eq(key, key_of((int)(value - seen), text)));
		(*value)++;
	}
	for (int i = 0; i < KEYS; i++)
		assert_int_equal(seen[i], 1);
	map_free(map, NULL);
	(void)state;
}

static void freeing_gives_back_the_values(void **state)
{
	struct map *map = map_new();

	map_put(map, STR("a"), malloc(5), NULL);
	map_put(map, STR("b"), malloc(5), NULL);
	map_free(map, free);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_is_found),
		cmocka_unit_test(random_changes_match_an_array),
		cmocka_unit_test(iteration_visits_each_entry_once),
		cmocka_unit_test(freeing_gives_back_the_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
