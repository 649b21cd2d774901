/*
 * test_settings.c - reading settings files, and checking values by tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "clm/settings.h"
#include "data/yaml.h"

static const struct settings_key keys[] = {
	{"text", SETTINGS_TEXT, true, NULL},
	{"whole", SETTINGS_INTEGER, false, NULL},
	{"list", SETTINGS_LIST, false, NULL},
	{"any", SETTINGS_ANY, false, NULL},
	{"old", SETTINGS_ANY, false, "use text"},
};

static struct json *yaml(struct arena *arena, const char *text)
{
	struct json *value = NULL;
	assert_int_equal(yaml_parse(arena, str_of(text), &value, NULL), 0);
	return value;
}

static void a_map_is_checked_by_its_table(void **state)
{
	static const struct {
		const char *yaml, *message; /* NULL: it is right */
	} cases[] = {
		{"{text: a}", NULL},
		{"{text: a, whole: 5, list: [], any: {b: c}}", NULL},
		{"{text: a, whole: null}", NULL},
		{"{text: null}", "at.text is missing"},
		{"{}", "at.text is missing"},
		{"{text: 5}", "line 1: at.text must be text"},
		{"{text: a, whole: 1.5}", "line 1: at.whole must be a whole number"},
		{"{text: a, list: {}}", "line 1: at.list must be a list"},
		{"{text: a, old: 1}", "line 1: at.old is not supported: use text"},
		{"{text: a, other: 1}",
			"line 1: at.other is not a key known here (known: text, whole, list, any)"},
		{"text: a\nany:\n  - b\nother:\n  c: d\n",
			"line 4: at.other is not a key known here (known: text, whole, list, any)"},
		{"[]", "at must be a map"},
	};
	struct arena *arena = arena_new(0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		int rc = settings_check(
			yaml(arena, cases[i].yaml), STR("at"), keys, SETTINGS_COUNT(keys), &err);
		assert_int_equal(rc, cases[i].message ? -1 : 0);
		if (cases[i].message)
			assert_string_equal(err.message, cases[i].message);
	}
	arena_free(arena);
}

static void values_have_bounds(void **state)
{
	struct arena *arena = arena_new(0);
	const struct json *map = yaml(arena, "{d: 1m30s, bad: soon, n: 7, big: 99}");
	struct error err;
	int64_t value = -1;
	assert_int_equal(settings_duration(map, STR(""), "d", 1, &value, &err), 0);
	assert_int_equal(value, 90 * CLOCK_US_PER_S);
	assert_int_equal(settings_duration(map, STR(""), "absent", 1, &value, &err), 0);
	assert_int_equal(value, 1);
	assert_int_equal(settings_duration(map, STR("x"), "bad", 1, &value, &err), -1);
	assert_string_equal(err.message, "x.bad must be a duration such as \"10s\" or \"1m30s\"");
	assert_int_equal(settings_integer(map, STR(""), "n", 1, 1, 10, &value, &err), 0);
	assert_int_equal(value, 7);
	assert_int_equal(settings_integer(map, STR(""), "big", 1, 1, 10, &value, &err), -1);
	assert_string_equal(err.message, "big must be a whole number from 1 to 10");
	assert_int_equal(value, 7);
	arena_free(arena);
}

static void urls_are_absolute(void **state)
{
	static const struct {
		const char *text, *url; /* NULL: refused */
	} cases[] = {
		{"http://h", "http://h"},
		{"https://h:1/a/", "https://h:1/a"},
		{"h", NULL},
		{"http://", NULL},
		{"ftp://h", NULL},
		{"http://h?a", NULL},
		{"http://h#a", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct str url = STR_NULL;
		int rc = settings_url(STR("u"), str_of(cases[i].text), &url, NULL);
		assert_int_equal(rc, cases[i].url ? 0 : -1);
		assert_true(str_eq(url, str_of(cases[i].url)));
	}
}

static void names_are_plain(void **state)
{
	assert_true(settings_is_name(STR("aB_9")));
	assert_false(settings_is_name(STR("")));
	assert_false(settings_is_name(STR("Ab")));
	assert_false(settings_is_name(STR("a-b")));
	assert_false(settings_is_name(STR("9a")));
}

static void a_file_is_read_whole_or_told_why_not(void **state)
{
	struct arena *arena = arena_new(0);
	char path[] = "/tmp/reeve-settings-XXXXXX";
	struct json *document = NULL;
	struct error err = {0};
	int fd = mkstemp(path);
	assert_int_equal(write(fd, "a: 1\n", 5), 5);
	assert_int_equal(settings_load(arena, path, &document, &err), 0);
	assert_int_equal(json_int(json_get(document, "a"), 0), 1);
	assert_int_equal(write(fd, "a: 2\n", 5), 5);
	assert_int_equal(settings_load(arena, path, &document, &err), -1);
	assert_true(str_starts_with(str_of(err.message), str_of(path)));
	assert_non_null(strstr(err.message, "line 2"));
	assert_int_equal(ftruncate(fd, (off_t)SETTINGS_MAX_FILE_BYTES + 1), 0);
	assert_int_equal(settings_load(arena, path, &document, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	close(fd);
	unlink(path);
	assert_int_equal(settings_load(arena, path, &document, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	assert_int_equal(settings_load(arena, "/tmp", &document, &err), -1);
	assert_string_equal(err.message, "/tmp is not a file");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_is_checked_by_its_table),
		cmocka_unit_test(values_have_bounds),
		cmocka_unit_test(urls_are_absolute),
		cmocka_unit_test(names_are_plain),
		cmocka_unit_test(a_file_is_read_whole_or_told_why_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
