/*
 * Totals are remembered for one state of the feed, and for so many lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "clm/totals.h"

static void a_total_holds_until_the_feed_moves(void **state)
{
	struct totals totals;
	int64_t total = 0;

	totals_init(&totals);
	assert_false(totals_find(&totals, STR("a"), 1, &total));
	totals_keep(&totals, STR("a"), 1, 10);
	totals_keep(&totals, STR("b"), 1, 20);
	assert_true(totals_find(&totals, STR("a"), 1, &total));
	assert_int_equal(total, 10);
	assert_false(totals_find(&totals, STR("a"), 2, &total));
	assert_false(totals_find(&totals, STR("ab"), 1, &total));
	totals_keep(&totals, STR("a"), 2, 11);
	assert_true(totals_find(&totals, STR("a"), 2, &total));
	assert_int_equal(total, 11);
	assert_false(totals_find(&totals, STR("a"), 1, &total));
	assert_true(totals_find(&totals, STR("b"), 1, &total));
	totals_destroy(&totals);
}

static void the_oldest_list_gives_way_and_long_keys_are_not_kept(void **state)
{
	struct totals totals;
	char key[TOTALS_KEY_MAX + 1];
	int64_t total = 0;

	totals_init(&totals);
	for (unsigned i = 0; i <= TOTALS_MAX; i++) {
		snprintf(key, sizeof(key), "list %u", i);
		totals_keep(&totals, str_of(key), 1, i);
	}
	assert_false(totals_find(&totals, STR("list 0"), 1, &total));
	assert_true(totals_find(&totals, STR("list 1"), 1, &total));
	assert_true(totals_find(&totals, str_of(key), 1, &total));
	assert_int_equal(total, TOTALS_MAX);
	memset(key, 'x', sizeof(key));
	totals_keep(&totals, str_n(key, sizeof(key)), 1, 5);
	assert_false(totals_find(&totals, str_n(key, sizeof(key)), 1, &total));
	totals_keep(&totals, str_n(key, TOTALS_KEY_MAX), 1, 6);
	assert_true(totals_find(&totals, str_n(key, TOTALS_KEY_MAX), 1, &total));
	totals_keep(&totals, STR_NULL, 1, 7);
	assert_false(totals_find(&totals, STR_NULL, 1, &total));
	totals_destroy(&totals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_total_holds_until_the_feed_moves),
		cmocka_unit_test(the_oldest_list_gives_way_and_long_keys_are_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
