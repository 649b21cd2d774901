/*
 * test_buf.c - the growable buffer: contents, ceiling, stickiness of failure.
 */
#include "base/buf.h"

#include "base/cleanup.h"
#include "base_test.h"

static void appends_keep_a_nul_behind(void **state)
{
	CLEANUP(buf_free) struct buf buf;

	buf_init(&buf, 0);
	assert_string_equal(buf_str(&buf).ptr, "");
	assert_true(buf_add(&buf, "ab", 2));
	assert_true(buf_add_byte(&buf, 'c'));
	assert_true(buf_add_cstr(&buf, "de"));
	assert_true(buf_add_str(&buf, STR("f")));
	assert_true(buf_add_str(&buf, STR_NULL));
	assert_true(buf_printf(&buf, "%0*d", 1000, 7));
	assert_int_equal(buf.len, 1006);
	assert_int_equal(strlen(buf.ptr), 1006);
	assert_memory_equal(buf.ptr, "abcdef000", 9);
	(void)state;
}

static void at_the_ceiling_it_keeps_what_it_has(void **state)
{
	CLEANUP(buf_free) struct buf buf;

	buf_init(&buf, 5);
	assert_true(buf_add_cstr(&buf, "abc"));
	assert_false(buf_add_cstr(&buf, "def"));
	assert_true(buf.failed);
	assert_false(buf_add_byte(&buf, 'd'));
	assert_string_equal(buf.ptr, "abc");
	assert_false(buf_printf(&buf, "x"));
	buf_clear(&buf);
	assert_true(buf_add_cstr(&buf, "12345"));
	assert_false(buf_add_byte(&buf, '6'));
	assert_string_equal(buf.ptr, "12345");
	(void)state;
}

static void reserved_room_is_the_callers(void **state)
{
	CLEANUP(buf_free) struct buf buf = BUF_INITIALIZER(1000);

	assert_true(buf_reserve(&buf, 1000));
	memset(buf.ptr, 'x', 1000);
	buf.len = 1000;
	assert_true(buf_add(&buf, NULL, 0));
	assert_int_equal(strlen(buf.ptr), 1000);
	assert_false(buf_reserve(&buf, 1));
	buf_free(&buf);
	assert_true(buf_add_cstr(&buf, "again"));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_keep_a_nul_behind),
		cmocka_unit_test(at_the_ceiling_it_keeps_what_it_has),
		cmocka_unit_test(reserved_room_is_the_callers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
