/*
 * test_document.c - what a document may hold beyond being JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clm/document.h"

static int check(const char *text, struct error *err)
{
	struct arena *arena = arena_new(0);
	struct json *document;

	assert_int_equal(json_parse(arena, str_of(text), NULL, &document, err), 0);
	int result = document_check(document, err);
	arena_free(arena);
	return result;
}

static void what_others_can_read_passes(void **state)
{
	static const char *const texts[] = {"{}", "null", "[[],{\"a\":\"\\u0001\"}]",
		"{\"a\":[1e308,-1.7976931348623157e308,1e-308,0,-0.0,0e999,0.000e-999]}",
		"[123456789012345678901234567890123456789012345678901234567890]"};
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(check(texts[i], &err), 0);
}

static void what_others_cannot_read_is_named(void **state)
{
	static const struct {
		const char *text;
		const char *said;
	} rows[] = {
		{"{\"a\":{\"b\":[1e400]}}", "the number 1e400,"},
		{"[-1.8e308]", "the number -1.8e308,"},
		{"[-0.1e-20000]", "the number -0.1e-20000, which is too small"},
		{"1e99999999999999999999999999999999999999999999999",
			"the number 1e99999999999999999999999999999999999999...,"},
		{"{\"a\":[\"x\\u0000y\"]}", "a text of the body holds the character U+0000"},
		{"[{\"a\\u0000\":1}]", "a name in the body holds the character U+0000"},
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(check(rows[i].text, &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_non_null(strstr(err.message, rows[i].said));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_others_can_read_passes),
		cmocka_unit_test(what_others_cannot_read_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
