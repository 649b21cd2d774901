/*
 * data_test.h - what the tests of this folder share: documents from literals, an arena per test.
 */
#ifndef REEVE_TESTS_DATA_TEST_H
#define REEVE_TESTS_DATA_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "data/json.h"

/* A document from a literal; single quotes stand for double ones where there are no double ones. */
static inline struct json *test_document(struct arena *arena, const char *text)
{
	struct error err = {0};
	struct str source = arena_str(arena, str_of(text));
	struct json *value = NULL;

	if (strchr(text, '"') == NULL) {
		for (char *p = (char *)source.ptr; *p != '\0'; p++)
			*p = *p == '\'' ? '"' : *p;
	}
	if (json_parse(arena, source, NULL, &value, &err) != 0)
		fail_msg("%s: %s", text, err.message);
	return value;
}

/* setup and teardown of tests whose state is an arena. */
static inline int test_arena_new(void **state)
{
	*state = arena_new(0);
	return *state == NULL;
}

static inline int test_arena_free(void **state)
{
	arena_free(*state);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, test_arena_new, test_arena_free)

/* Fails the test, naming the row of a table, unless the two texts are equal. */
#define test_row_equals(row, actual, expected)                                             \
	do {                                                                               \
		struct str actual_ = (actual);                                             \
		if (!str_eq_c(actual_, (expected)))                                        \
			fail_msg("%s: got <%" STR_F ">, want <%s>", (row), STR_A(actual_), \
				(expected));                                               \
	} while (0)

#endif
