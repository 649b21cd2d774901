/*
 * test_http_gzip.c - who takes gzip. That answers come back whole is shown by real clients.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/http_gzip.h"

static void accept_encoding_is_read_as_rfc_9110_has_it(void **state)
{
	static const struct {
		const char *value;
		bool is_accepted;
	} rows[] = {
		{"gzip", true},
		{"GZIP", true},
		{"x-gzip", true},
		{"deflate, gzip;q=1.0, *;q=0.5", true},
		{"*", true},
		{"br, * ; q=0.1", true},
		{"gzip;q=0", false},
		{"gzip; q=0.000, *", false},
		{"gzip;q=0.001", true},
		{"*;q=0", false},
		{"identity", false},
		{"gzipped", false},
		{"", false},
		{",,;", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (http_gzip_is_accepted(str_of(rows[i].value)) != rows[i].is_accepted)
			fail_msg("'%s' is %s", rows[i].value,
				rows[i].is_accepted ? "refused" : "taken");
	assert_false(http_gzip_is_accepted(STR_NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accept_encoding_is_read_as_rfc_9110_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
