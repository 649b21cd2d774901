/*
 * Histograms: which bucket, and what is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/histogram.h"

static void samples_fall_into_their_buckets(void **state)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(8192);
	struct histogram histogram = {0};
	static const int64_t samples[] = {-5, 0, 5000, 5001, 999999, 10000000, 10000001};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		histogram_add(&histogram, samples[i]);
	assert_int_equal(histogram_count(&histogram), 7);
	histogram_write(&histogram, &out, "x_seconds", "a=\"b\"");
	static const char *const lines[] = {
		"x_seconds_bucket{a=\"b\",le=\"0.005\"} 3\n",
		"x_seconds_bucket{a=\"b\",le=\"0.01\"} 4\n",
		"x_seconds_bucket{a=\"b\",le=\"0.5\"} 4\n",
		"x_seconds_bucket{a=\"b\",le=\"1\"} 5\n",
		"x_seconds_bucket{a=\"b\",le=\"10\"} 6\n",
		"x_seconds_bucket{a=\"b\",le=\"+Inf\"} 7\n",
		"x_seconds_sum{a=\"b\"} 21.010001\n",
		"x_seconds_count{a=\"b\"} 7\n",
	};
	buf_add_byte(&out, '\0');
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (strstr(out.ptr, lines[i]) == NULL)
			fail_msg("%s is not in %s", lines[i], out.ptr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_fall_into_their_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
