/*
 * test_error.c - the table of errors, and sentences that fit.
 */
#include "base/error.h"

#include <errno.h>

#include "base_test.h"

static void each_code_has_a_status_an_exit_code_and_a_label(void **state)
{
	for (int code = ERROR_INVALID; code < ERROR_CODE_COUNT; code++) {
		assert_in_range(error_http_status((enum error_code)code), 400, 599);
		assert_in_range(error_exit_code((enum error_code)code), 1, 99);
		assert_true(strlen(error_label((enum error_code)code)) > 0);
		for (int other = ERROR_INVALID; other < code; other++)
			assert_string_not_equal(error_label((enum error_code)code),
				error_label((enum error_code)other));
	}
	assert_int_equal(error_exit_code(ERROR_NONE), 0);
	(void)state;
}

static void statuses_of_peers_become_codes(void **state)
{
	static const struct {
		int status;
		enum error_code code;
	} rows[] = {{400, ERROR_INVALID}, {401, ERROR_UNAUTHENTICATED}, {403, ERROR_FORBIDDEN},
		{404, ERROR_NOT_FOUND}, {405, ERROR_INVALID}, {408, ERROR_TIMEOUT},
		{409, ERROR_CONFLICT}, {410, ERROR_GONE}, {412, ERROR_PRECONDITION},
		{413, ERROR_TOO_LARGE}, {422, ERROR_UNPROCESSABLE}, {429, ERROR_LIMITED},
		{500, ERROR_INTERNAL}, {502, ERROR_UNAVAILABLE}, {503, ERROR_UNAVAILABLE},
		{504, ERROR_TIMEOUT}, {507, ERROR_NO_SPACE}, {418, ERROR_INTERNAL}};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(error_from_http_status(rows[i].status), rows[i].code);
	assert_int_equal(error_from_errno(ENOSPC), ERROR_NO_SPACE);
	assert_int_equal(error_from_errno(ENOENT), ERROR_NOT_FOUND);
	assert_int_equal(error_from_errno(EINTR), ERROR_INTERNAL);
	assert_true(error_is_transient(ERROR_UNAVAILABLE));
	assert_false(error_is_transient(ERROR_NOT_FOUND));
	(void)state;
}

static void a_sentence_may_be_built_from_itself(void **state)
{
	struct error err;

	assert_int_equal(error_set(&err, ERROR_NOT_FOUND, "no %s", "file"), -1);
	assert_int_equal(error_prefix(&err, "config %d", 5), -1);
	assert_string_equal(err.message, "config 5: no file");
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	error_set(&err, ERROR_INTERNAL, "again %s", err.message);
	assert_string_equal(err.message, "again config 5: no file");
	assert_int_equal(error_set(NULL, ERROR_INTERNAL, "x"), -1);
	assert_int_equal(error_prefix(NULL, "x"), -1);
	(void)state;
}

static void a_long_sentence_is_cut_between_characters(void **state)
{
	for (size_t shift = 0; shift < 3; shift++) {
		struct error err;
		char text[ERROR_MESSAGE_MAX * 2] = "";
		memset(text, 'a', shift);
		for (size_t at = shift; at + 3 < sizeof(text); at += 3)
			memcpy(text + at, "\xe2\x82\xac", 4);
		error_set(&err, ERROR_INVALID, "%s", text);
		size_t length = strlen(err.message);
		assert_true(length > ERROR_MESSAGE_MAX - 8);
		assert_int_equal((length - shift) % 3, 0);
	}
	(void)state;
}

static void a_sentence_is_one_line(void **state)
{
	struct error err;

	error_set(&err, ERROR_INVALID, "bad name \"%s\"", "a\nb\tc\x1b[1m");
	assert_string_equal(err.message, "bad name \"a b c [1m\"");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_code_has_a_status_an_exit_code_and_a_label),
		cmocka_unit_test(statuses_of_peers_become_codes),
		cmocka_unit_test(a_sentence_may_be_built_from_itself),
		cmocka_unit_test(a_long_sentence_is_cut_between_characters),
		cmocka_unit_test(a_sentence_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
