/*
 * test_arena.c - memory for one piece of work: alignment, ceilings, deferred functions.
 */
#include "base/arena.h"

#include "base/cleanup.h"
#include "base_test.h"

static void allocations_are_aligned_and_do_not_overlap(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	static const size_t sizes[] = {1, 3, 16, 100, 5000, 70000, 300000, 7};
	char *pieces[COUNT(sizes) * 20];

	for (size_t i = 0; i < COUNT(pieces); i++) {
		pieces[i] = arena_alloc(arena, sizes[i % COUNT(sizes)]);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % 16, 0);
		memset(pieces[i], (int)i, sizes[i % COUNT(sizes)]);
	}
	for (size_t i = 0; i < COUNT(pieces); i++)
		for (size_t k = 0; k < sizes[i % COUNT(sizes)]; k++)
			if (pieces[i][k] != (char)i)
				fail_msg("piece %zu was overwritten", i);
	(void)state;
}

static void past_the_ceiling_an_arena_stays_exhausted(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(10000);

	assert_non_null(arena_alloc(arena, 6000));
	assert_null(arena_alloc(arena, 6000));
	assert_true(arena_is_exhausted(arena));
	assert_non_null(arena_alloc(arena, 100));
	assert_true(arena_is_exhausted(arena));
	arena_reset(arena);
	assert_false(arena_is_exhausted(arena));
	assert_int_equal(arena_used(arena), 0);
	assert_non_null(arena_alloc(arena, 6000));
	assert_null(arena_calloc(arena, SIZE_MAX / 2, 4));
	assert_null(arena_alloc(arena, SIZE_MAX));
	(void)state;
}

static void a_small_ceiling_can_be_used_up(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(256);

	for (int i = 0; i < 16; i++)
		assert_non_null(arena_alloc(arena, 16));
	assert_null(arena_alloc(arena, 16));
	(void)state;
}

static void texts_are_copied_with_a_nul(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct str copy = arena_str(arena, str_n("abcdef", 3));

	assert_int_equal(copy.len, 3);
	assert_string_equal(copy.ptr, "abc");
	assert_true(str_is_null(arena_str(arena, STR_NULL)));
	assert_null(arena_cstr(arena, STR_NULL));
	assert_string_equal(arena_cstr(arena, STR("")), "");
	assert_string_equal(arena_printf(arena, "%d-%s", 5, "x").ptr, "5-x");
	assert_int_equal(arena_printf(arena, "%0*d", 5000, 1).len, 5000);
	assert_true(arena_used(arena) > 5000);
	(void)state;
}

static void note(void *arg)
{
	char **at = arg;

	*(*at)++ = '+';
}

struct order {
	char text[8];
	size_t used;
};

static void add_a(void *arg)
{
	struct order *order = arg;

	order->text[order->used++] = 'a';
}

static void add_b(void *arg)
{
	struct order *order = arg;

	order->text[order->used++] = 'b';
}

static void deferred_functions_run_newest_first(void **state)
{
	struct order order = {0};
	struct arena *arena = arena_new(0);

	assert_true(arena_defer(arena, add_a, &order));
	assert_true(arena_defer(arena, add_b, &order));
	arena_reset(arena);
	assert_string_equal(order.text, "ba");
	assert_true(arena_defer(arena, add_a, &order));
	arena_free(arena);
	assert_string_equal(order.text, "baa");
	arena_free(NULL);
	(void)state;
}

static void what_cannot_be_deferred_runs_at_once(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(8);
	char text[4] = {0}, *at = text;

	assert_false(arena_defer(arena, note, &at));
	assert_string_equal(text, "+");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocations_are_aligned_and_do_not_overlap),
		cmocka_unit_test(past_the_ceiling_an_arena_stays_exhausted),
		cmocka_unit_test(a_small_ceiling_can_be_used_up),
		cmocka_unit_test(texts_are_copied_with_a_nul),
		cmocka_unit_test(deferred_functions_run_newest_first),
		cmocka_unit_test(what_cannot_be_deferred_runs_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
