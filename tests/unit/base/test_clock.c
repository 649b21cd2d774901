/*
 * test_clock.c - time as text and back.
 */
#include "base/clock.h"

#include "base/cleanup.h"
#include "base_test.h"

#define T INT64_C(1700000000000000) /* 2023-11-14T22:13:20Z */

static void times_are_written_as_rfc_3339(void **state)
{
	static const struct {
		int64_t us;
		const char *text, *seconds;
	} rows[] = {
		{0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{T, "2023-11-14T22:13:20Z", "2023-11-14T22:13:20Z"},
		{T + 120000, "2023-11-14T22:13:20.12Z", "2023-11-14T22:13:20Z"},
		{T + 1, "2023-11-14T22:13:20.000001Z", "2023-11-14T22:13:20Z"},
		{-1, "1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59Z"},
	};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[CLOCK_TEXT_MAX];
		int64_t back;
		assert_int_equal(clock_format(text, rows[i].us), strlen(rows[i].text));
		assert_string_equal(text, rows[i].text);
		assert_string_equal(clock_text(arena, rows[i].us).ptr, rows[i].text);
		assert_string_equal(clock_text_seconds(arena, rows[i].us).ptr, rows[i].seconds);
		assert_true(clock_parse(str_of(text), &back));
		assert_true(back == rows[i].us);
	}
	(void)state;
}

static void times_are_read_with_any_offset_and_fraction(void **state)
{
	static const struct {
		const char *text;
		bool is_time;
		int64_t us;
	} rows[] = {
		{"2023-11-14T22:13:20+00:00", true, T},
		{"2023-11-15T00:13:20+02:00", true, T},
		{"2023-11-14T16:43:20-05:30", true, T},
		{"2023-11-14t22:13:20z", true, T},
		{"2023-11-14T22:13:20.5Z", true, T + 500000},
		{"2023-11-14T22:13:20.123456789Z", true, T + 123456},
		{"2024-02-29T00:00:00Z", true, INT64_C(1709164800000000)},
		{"2023-02-29T00:00:00Z", false, 0},
		{"1900-02-29T00:00:00Z", false, 0},
		{"2023-13-01T00:00:00Z", false, 0},
		{"2023-00-01T00:00:00Z", false, 0},
		{"2023-04-31T00:00:00Z", false, 0},
		{"2023-11-14T24:00:00Z", false, 0},
		{"2023-11-14T22:60:00Z", false, 0},
		{"2023-11-14T22:13:20", false, 0},
		{"2023-11-14T22:13:20.Z", false, 0},
		{"2023-11-14T22:13:20+0200", false, 0},
		{"2023-11-14T22:13:20Zx", false, 0},
		{"2023-11-14", false, 0},
		{"", false, 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t us = 0;
		if (clock_parse(str_of(rows[i].text), &us) != rows[i].is_time)
			fail_msg("%s", rows[i].text);
		assert_true(us == rows[i].us);
	}
	(void)state;
}

static void the_basic_form_goes_both_ways(void **state)
{
	char text[CLOCK_TEXT_MAX];
	int64_t us;

	clock_format_basic(text, T + 999);
	assert_string_equal(text, "20231114T221320Z");
	assert_true(clock_parse_basic(str_of(text), &us));
	assert_true(us == T);
	assert_false(clock_parse_basic(STR("20231114T221320"), &us));
	assert_false(clock_parse_basic(STR("20231314T221320Z"), &us));
	assert_false(clock_parse_basic(STR("2023-1-4T221320Z"), &us));
	(void)state;
}

static void durations_are_gos(void **state)
{
	static const struct {
		const char *text;
		bool is_duration;
		int64_t us;
	} rows[] = {
		{"0", true, 0},
		{"10s", true, 10000000},
		{"1h30m", true, INT64_C(5400000000)},
		{"500ms", true, 500000},
		{"1.5s", true, 1500000},
		{"-2m", true, -120000000},
		{"+1us", true, 1},
		{"1\xc2\xb5s", true, 1},
		{"1500ns", true, 1},
		{"", false, 0},
		{"-", false, 0},
		{"10", false, 0},
		{"s", false, 0},
		{"1.2.3s", false, 0},
		{"1d", false, 0},
		{"1s 2s", false, 0},
		{"99999999999999h", false, 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t us = 0;
		if (clock_parse_duration(str_of(rows[i].text), &us) != rows[i].is_duration)
			fail_msg("%s", rows[i].text);
		assert_true(us == rows[i].us);
	}
	(void)state;
}

static void a_test_sets_its_own_clock(void **state)
{
	struct clock_fake fake;

	clock_fake_init(&fake, T);
	assert_true(clock_now_us(&fake.clock) == T);
	fake.now_us += 5;
	assert_true(clock_now_us(&fake.clock) == T + 5);
	assert_true(clock_now_us(&clock_system) > T);
	int64_t before = clock_monotonic_us();
	assert_true(clock_monotonic_us() >= before);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_as_rfc_3339),
		cmocka_unit_test(times_are_read_with_any_offset_and_fraction),
		cmocka_unit_test(the_basic_form_goes_both_ways),
		cmocka_unit_test(durations_are_gos),
		cmocka_unit_test(a_test_sets_its_own_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
