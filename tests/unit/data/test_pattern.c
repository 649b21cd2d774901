/* Tests src/data/pattern.c and pattern_syntax.c. */
#include "data_test.h"

#include "base/cleanup.h"
#include "data/pattern.h"

static void patterns_match_as_in_re2(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} rows[] = {
		{"b", "abc", true},
		{"^b", "abc", false},
		{"^a.c$", "a\nc", false},
		{"(?s)^a.c$", "a\nc", true},
		{"a$", "a\n", false},
		{"(?m)a$", "a\nb", true},
		{"^\\s$", "\v", false},
		{"^[\\s]$", "\t", true},
		{"^[\\S]$", "\v", true},
		{"^\\v$", "\v", true},
		{"^\\v$", "\n", false},
		{"^\\w$", "\xC3\xA9", false},
		{"^.$", "\xC3\xA9", true},
		{"^(?i:\xC3\x89)$", "\xC3\xA9", true},
		{"^\\pL+\\PL\\p{Greek}$", "ab1\xCE\xBB", true},
		{"^[[:alpha:]_-]+$", "a_-", true},
		{"^[]a]+$", "]a", true},
		{"^[\\d-z]+$", "1-z", true},
		{"^[[a]+$", "[a", true},
		{"^a{,2}$", "a{,2}", true},
		{"^a{2,}?$", "aaa", true},
		{"^{$", "{", true},
		{"^\\Qa.b\\E+$", "a.bb", true},
		{"^\\x41\\x{42}\\103\\0$", "ABC", false},
		{"^\\x41\\x{42}\\103$", "ABC", true},
		{"^(?P<x>a)(?<y>b)(?:c)$", "abc", true},
		{"", "", true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct pattern *pattern;
		struct error err = {0};
		bool matches = false;

		if (pattern_compile(*state, str_of(rows[i].pattern), &pattern, &err) != 0 ||
			pattern_match(pattern, str_of(rows[i].text), &matches, &err) != 0)
			fail_msg("%s: %s", rows[i].pattern, err.message);
		if (matches != rows[i].matches)
			fail_msg("%s: %s", rows[i].pattern, matches ? "matches" : "does not");
	}
}

static void what_re2_does_not_have_is_refused(void **state)
{
	static const struct {
		const char *pattern, *message;
	} rows[] = {
		{"(a)\\1", "pattern \"(a)\\1\": backreferences are not supported at offset 3"},
		{"a(?=b)",
			"pattern \"a(?=b)\": this kind of group is not supported (no lookaround, "
			"atomic groups or conditions) at offset 1"},
		{"a++", "pattern \"a++\": a repetition cannot be repeated at offset 2"},
		{"a|*", "pattern \"a|*\": nothing to repeat at offset 2"},
		{"a{1001}", "pattern \"a{1001}\": a repetition has a limit of 1000 at offset 1"},
		{"\\Z", "pattern \"\\Z\": invalid escape at offset 0"},
		{"\\p{Xan}", "pattern \"\\p{Xan}\": unknown property at offset 0"},
		{"[a", "pattern \"[a\": a bracket is not closed at offset 0"},
		{"a\\", "pattern \"a\\\": a backslash at the end at offset 1"},
	};
	static const char *const others[] = {"(?<!a)b", "(?>a)", "(?R)", "(?#x)", "(?x) a",
		"(*FAIL)", "(?(1)a)", "(?|a)", "\\G", "\\K", "\\h", "\\R", "\\k<a>", "\\xg",
		"(?P=a)", "(", "a)", "[[:nope:]]", "\\p{Nope}", "((a{1000}){1000}){1000}"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct pattern *pattern;
		struct error err = {0};

		assert_int_equal(
			pattern_compile(*state, str_of(rows[i].pattern), &pattern, &err), -1);
		assert_string_equal(err.message, rows[i].message);
		assert_int_equal(err.code, ERROR_INVALID);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct pattern *pattern;
		struct error err = {0};

		if (pattern_compile(*state, str_of(others[i]), &pattern, &err) == 0)
			fail_msg("%s is taken", others[i]);
		assert_int_equal(err.code, ERROR_INVALID);
	}
}

static void a_match_that_takes_too_long_is_an_error(void **state)
{
	const struct pattern *pattern;
	struct error err = {0};
	bool matches = false;

	assert_int_equal(pattern_compile(*state, STR("^(a|a|b)*(a|a)*$"), &pattern, &err), 0);
	assert_int_equal(
		pattern_match(pattern, STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaad"),
			&matches, &err),
		-1);
	assert_int_equal(err.code, ERROR_LIMITED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(patterns_match_as_in_re2),
		TEST(what_re2_does_not_have_is_refused),
		TEST(a_match_that_takes_too_long_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
