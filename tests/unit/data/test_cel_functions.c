/* Tests src/data/cel_functions.c, cel_strings.c, cel_lists.c, cel_time.c and cel_adapter.c. */
#include "cel_test.h"

static const char variables[] =
	"{'n':5,'s':'text','conditions':[{'type':'Ready','status':'True','last_transition_time':"
	"'2026-08-22T13:00:05Z'},{'type':'Old','status':'False','lastTransitionTime':'never'}],"
	"'feedback':{'values':[{'name':'phase','fieldValue':{'type':'String','string':'Up'}},"
	"{'name':'n','fieldValue':{'type':'Integer','integer':3}}]},"
	"'deep':{'a':{'b':[{'c':7}]}}}";

static void conversions_keep_or_refuse(void **state)
{
	static const struct cel_row rows[] = {
		{"int('42') + int(3.9) + int(2u) + int(timestamp('1970-01-01T00:00:01Z'))", "48"},
		{"int(-3.9)", "-3"},
		{"uint(5) == 5u && uint('7') == 7u && uint(2.9) == 2u", "true"},
		{"double('2.5') + double(1) + double(2u)", "5.5"},
		{"string(1) + string(2u) + string(true) + string(1.5) + string(5.0)",
			"\"12true1.55\""},
		{"string(1e21) + ' ' + string(0.00001)", "\"1e+21 1e-05\""},
		{"string(b'abc')", "\"abc\""},
		{"string(timestamp('2026-01-02T03:04:05.5+01:00'))",
			"\"2026-01-02T03:04:05.5+01:00\""},
		{"string(duration('1h1.5s'))", "\"3601.5s\""},
		{"bytes('abc') == b'abc'", "true"},
		{"bool('true') && bool('1') && !bool('False')", "true"},
		{"dyn(1)", "1"},
		{"type(1) == int && type('') == string && type(null) == null_type", "true"},
		{"type(1u) == uint && type([]) == list && type({}) == map", "true"},
		{"type(type(1)) == type", "true"},
		{"type(1.5)", "\"double\""},
		{"size('h\xC3\xA9') + size(b'\xC3\xA9') + size([1]) + {'a': 1}.size()", "6"},
	};
	static const struct cel_row failures[] = {
		{"int('x')", "\"x\" does not read as int"},
		{"int(1e30)", "the double is out of range of int"},
		{"uint(-1)", "the int is out of range of uint"},
		{"double('x')", "\"x\" does not read as double"},
		{"bool('yes')", "\"yes\" does not read as bool"},
		{"string(b'\\xff')", "the bytes are not UTF-8"},
		{"string([])", "no such overload: string(list)"},
		{"size(1)", "no such overload: size(int)"},
	};

	CEL_GIVES(variables, rows);
	CEL_FAILS(variables, failures);
}

static void text_is_tested(void **state)
{
	static const struct cel_row rows[] = {
		{"s.contains('ex') && s.startsWith('te') && s.endsWith('xt')", "true"},
		{"s.contains('q') || s.startsWith('x')", "false"},
		{"s.matches('^t.*t$') && matches(s, 'ex')", "true"},
		{"s.matches('^x')", "false"},
		{"'a\\n'.matches('^a$')", "false"},
	};
	static const struct cel_row failures[] = {
		{"s.matches('(')", "pattern \"(\": missing closing parenthesis at offset 1"},
		{"s.contains(1)", "no such overload: contains(string, int)"},
	};

	CEL_GIVES(variables, rows);
	CEL_FAILS(variables, failures);
}

static void a_pattern_that_explodes_is_stopped(void **state)
{
	struct cel_env env = cel_test_env(*state, "{}");
	struct error err = {0};
	struct json *value;

	assert_int_equal(cel_test_eval(*state, &env,
				 "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')",
				 &value, &err),
		-1);
	assert_int_equal(err.code, ERROR_LIMITED);
}

static void strings_count_characters(void **state)
{
	static const struct cel_row rows[] = {
		{"'h\xC3\xA9llo'.charAt(1)", "\"\xC3\xA9\""},
		{"'abc'.charAt(3)", "\"\""},
		{"'h\xC3\xA9llo'.indexOf('l')", "2"},
		{"'hello'.indexOf('l', 3)", "3"},
		{"'hello'.indexOf('q')", "-1"},
		{"'hello'.indexOf('')", "0"},
		{"'h\xC3\xA9llo'.lastIndexOf('l')", "3"},
		{"'hello'.lastIndexOf('l', 2)", "2"},
		{"'hello'.lastIndexOf('q')", "-1"},
		{"'hello'.lastIndexOf('')", "5"},
		{"'h\xC3\xA9llo'.substring(1)", "\"\xC3\xA9llo\""},
		{"'h\xC3\xA9llo'.substring(1, 3)", "\"\xC3\xA9l\""},
		{"'AbC'.lowerAscii() + 'AbC'.upperAscii()", "\"abcABC\""},
		{"'  x '.trim()", "\"x\""},
		{"'h\xC3\xA9'.reverse()", "\"\xC3\xA9h\""},
		{"strings.quote('a\"b\\n')", "\"\\\"a\\\\\\\"b\\\\n\\\"\""},
		{"'a.b.c'.replace('.', '-') + 'a.b.c'.replace('.', '-', 1)", "\"a-b-ca-b.c\""},
		{"'ab'.replace('', '-')", "\"-a-b-\""},
		{"'ab'.replace('', '-', 1)", "\"-ab\""},
		{"'a,b,c'.split(',')", "[\"a\",\"b\",\"c\"]"},
		{"'a,b,c'.split(',', 2)", "[\"a\",\"b,c\"]"},
		{"'a,b,c'.split(',', 0)", "[]"},
		{"'h\xC3\xA9'.split('')", "[\"h\",\"\xC3\xA9\"]"},
		{"''.split(',')", "[\"\"]"},
		{"['a', 'b'].join() + ['a', 'b'].join('-')", "\"aba-b\""},
		{"'%s|%d|%.2f|%x|%X|%b|%o|%e|%%'.format(['s', 5, 1.5, 255, 'hi', 5, 8, 1.0])",
			"\"s|5|1.50|ff|6869|101|10|1.000000e+00|%\""},
		{"'%s %s %s'.format([[1, 'a'], {'k': true}, duration('1s')])",
			"\"[1, a] {k: true} 1s\""},
	};
	static const struct cel_row failures[] = {
		{"'abc'.charAt(4)", "charAt: index out of range: 4"},
		{"'abc'.substring(2, 1)", "substring: index out of range: 2"},
		{"[1].join()", "join: item 0 is a int, not a string"},
		{"'%d'.format(['x'])", "format: verb 1 does not fit a string"},
		{"'%s'.format([])", "format: more verbs than arguments"},
		{"'%'.format([1])", "format: unfinished verb at the end"},
	};

	CEL_GIVES(variables, rows);
	CEL_FAILS(variables, failures);
}

static void lists_are_rearranged(void **state)
{
	static const struct cel_row rows[] = {
		{"[1, 2.0, 1.0, 2].distinct()", "[1,2]"},
		{"[3, 1, 2].sort()", "[1,2,3]"},
		{"['b', 'a'].sort()", "[\"a\",\"b\"]"},
		{"[].sort()", "[]"},
		{"[1, 2, 3].slice(1, 3)", "[2,3]"},
		{"[1, [2, [3]]].flatten()", "[1,2,[3]]"},
		{"[1, [2, [3]]].flatten(2)", "[1,2,3]"},
		{"lists.range(3)", "[0,1,2]"},
		{"[1, 2].reverse()", "[2,1]"},
		{"[1, 2].first().value() + [1, 2].last().value()", "3"},
		{"[].first().hasValue()", "false"},
		{"[[2, 'b'], [1, 'x'], [2, 'a']].sortBy(x, x[0])",
			"[[1,\"x\"],[2,\"b\"],[2,\"a\"]]"},
	};
	static const struct cel_row failures[] = {
		{"[1, 'a'].sort()", "a int and a string have no order"},
		{"[1].slice(0, 2)", "slice(0, 2) is outside of a list of 1"},
		{"lists.range(-1)", "lists.range: the count must be 0 to 100000"},
	};

	CEL_GIVES(variables, rows);
	CEL_FAILS(variables, failures);
}

static void times_add_and_show_their_parts(void **state)
{
	static const struct cel_row rows[] = {
		{"timestamp('2026-01-02T03:04:05Z') + duration('1h')", "\"2026-01-02T04:04:05Z\""},
		{"duration('1h') + timestamp('2026-01-02T03:04:05Z')", "\"2026-01-02T04:04:05Z\""},
		{"timestamp('2026-01-02T03:04:05Z') - timestamp('2026-01-01T03:04:05Z')",
			"\"86400s\""},
		{"duration('90s') - duration('1m') == duration('30s')", "true"},
		{"-duration('1.5s')", "\"-1.5s\""},
		{"now - timestamp('2026-08-22T12:34:05Z') > duration('30m')", "true"},
		{"now - timestamp('2026-08-22T12:34:06Z') > duration('30m')", "false"},
		{"timestamp(60)", "\"1970-01-01T00:01:00Z\""},
		{"timestamp('2026-08-22T13:04:05.678Z') == now", "true"},
		{"[now.getFullYear(), now.getMonth(), now.getDate(), now.getDayOfMonth()]",
			"[2026,7,22,21]"},
		{"[now.getHours(), now.getMinutes(), now.getSeconds(), now.getMilliseconds()]",
			"[13,4,5,678]"},
		{"[now.getDayOfWeek(), now.getDayOfYear()]", "[6,233]"},
		{"[now.getHours('+05:30'), now.getMinutes('+05:30'), now.getHours('-08:00')]",
			"[18,34,5]"},
		{"[duration('90m').getHours(), duration('90m').getMinutes()]", "[1,90]"},
	};
	static const struct cel_row failures[] = {
		{"timestamp('today')", "\"today\" is not a timestamp (RFC 3339)"},
		{"duration('soon')", "\"soon\" is not a duration such as 1h30m"},
		{"now.getHours('Europe/Paradise')",
			"time zone \"Europe/Paradise\" is neither a zone known here, such as "
			"Europe/Berlin, nor an offset such as +05:30"},
		{"now.getHours('../../../etc/passwd')",
			"time zone \"../../../etc/passwd\" is neither a zone known here, such as "
			"Europe/Berlin, nor an offset such as +05:30"},
		{"timestamp('9999-12-31T23:59:59Z') + duration('1s')", "timestamp overflow"},
		{"now + now", "no such overload: _+_(google.protobuf.Timestamp, "
			      "google.protobuf.Timestamp)"},
	};

	CEL_GIVES(variables, rows);
	CEL_FAILS(variables, failures);
}

static void adapters_read_conditions_and_feedback(void **state)
{
	static const struct cel_row rows[] = {
		{"now()", "\"2026-08-22T13:04:05Z\""},
		{"toJson({'b': 1, 'a': [null, 'x']})",
			"\"{\\\"a\\\":[null,\\\"x\\\"],\\\"b\\\":1}\""},
		{"dig(deep, 'a.b.0.c')", "7"},
		{"dig(deep, 'a.b.1.c')", "null"},
		{"dig(deep, 'a.q.0')", "null"},
		{"dig(s, 'a')", "null"},
		{"conditionStatus(conditions, 'Ready') + conditionStatus(conditions, 'Old')",
			"\"TrueFalse\""},
		{"conditionStatus(conditions, 'Missing') + conditionStatus(null, 'x')",
			"\"UnknownUnknown\""},
		{"conditionAge(conditions, 'Ready')", "240"},
		{"conditionAge(conditions, 'Old')", "-1"},
		{"conditionAge(conditions, 'Missing')", "-1"},
		{"stableFor(conditions, 'Ready', 240)", "true"},
		{"stableFor(conditions, 'Ready', 241)", "false"},
		{"stableFor(conditions, 'Old', 0)", "false"},
		{"statusFeedbackValue(feedback, 'phase')", "\"Up\""},
		{"statusFeedbackValue(feedback, 'n')", "\"\""},
		{"statusFeedbackValue({}, 'phase')", "\"\""},
		{"triState(true, false) + triState(false, true) + triState(false, false)",
			"\"TrueFalseUnknown\""},
	};

	CEL_GIVES(variables, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(conversions_keep_or_refuse),
		TEST(text_is_tested),
		TEST(a_pattern_that_explodes_is_stopped),
		TEST(strings_count_characters),
		TEST(lists_are_rearranged),
		TEST(times_add_and_show_their_parts),
		TEST(adapters_read_conditions_and_feedback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
