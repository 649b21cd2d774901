/* Tests the template_*.c files of src/data. */
#include "data_test.h"

#include "base/clock.h"
#include "data/template.h"

/* 2026-08-22T13:04:05.678Z, a Saturday. */
#define NOW_US (INT64_C(1787403845) * 1000000 + 678000)

static const char variables[] = "{'name':'reeve','n':3,'big':1000000,'f':2.5,'yes':true,'no':false,"
				"'empty':'','nothing':null,"
				"'list':['a','b','c'],'none':[],'map':{'z':1,'a':'x','m':[1,2]},"
				"'pools':[{'name':'p1','replicas':2},{'name':'p2','replicas':0}],"
				"'time':'2026-01-31T23:05:06Z','html':'<&>'}";

struct row {
	const char *template;
	const char *expected;
};

static int render(struct arena *arena, struct str text, const struct json *document,
	struct str *ret, struct error *err)
{
	struct template template;

	if (template_compile(arena, text, &template, err) != 0)
		return -1;
	return template_run(&template, arena, document, NOW_US, ret, err);
}

static void renders(void **state, const struct row *rows, size_t count)
{
	struct json *root = test_document(*state, variables);

	for (size_t i = 0; i < count; i++) {
		struct error err = {0};
		struct str out;

		if (render(*state, str_of(rows[i].template), root, &out, &err) != 0)
			fail_msg("%s: %s", rows[i].template, err.message);
		test_row_equals(rows[i].template, out, rows[i].expected);
	}
}

#define RENDERS(rows) renders(state, rows, sizeof(rows) / sizeof(rows[0]))

static void text_and_actions_alternate(void **state)
{
	static const struct row rows[] = {
		{"", ""},
		{"plain } text }}", "plain } text }}"},
		{"{{.name}}", "reeve"},
		{"a {{ .name }} b {{ .n }} c", "a reeve b 3 c"},
		{"a  {{- .name -}}  b", "areeveb"},
		{"a\n\t {{- /* note */ -}} \n b", "ab"},
		{"a {{/* note\n more */}} b", "a  b"},
		{"{{- 3}} {{-3}}", "3 -3"},
		{"{{.map.a}} {{.map.m}}", "x [1 2]"},
		{"{{$.name}} {{(.map).a}} {{(index .pools 0).name}}", "reeve x p1"},
		{"{{\"}}\"}} {{`{{`}}", "}} {{"},
	};

	RENDERS(rows);
}

static void values_print_as_in_go(void **state)
{
	static const struct row rows[] = {
		{"{{.big}} {{.f}} {{.yes}} {{.nothing}}", "1000000 2.5 true <no value>"},
		{"{{.list}} {{.none}}", "[a b c] []"},
		{"{{.map}}", "map[a:x m:[1 2] z:1]"},
		{"{{1e-7}} {{1234567.5}} {{1e21}} {{0.1}} {{123456.75}}",
			"1e-07 1.2345675e+06 1e+21 0.1 123456.75"},
		{"{{0x1F}} {{'a'}} {{\"\\u00e9\\n\"}}", "31 97 \xC3\xA9\n"},
		{"{{now}}", "2026-08-22 13:04:05.678 +0000 UTC"},
		{"{{print 1 2}} {{print \"a\" 1}} {{print \"a\" \"b\"}}", "1 2 a1 ab"},
		{"{{println 1 \"x\"}}", "1 x\n"},
	};

	RENDERS(rows);
}

static void conditions_choose(void **state)
{
	static const struct row rows[] = {
		{"{{if .yes}}A{{else}}B{{end}}", "A"},
		{"{{if .no}}A{{else}}B{{end}}", "B"},
		{"{{if .empty}}A{{else if .none}}B{{else if eq .n 3}}C{{else}}D{{end}}!", "C!"},
		{"{{if .nothing}}A{{end}}", ""},
		{"{{if 0}}A{{else}}B{{end}}{{if 0.0}}A{{else}}B{{end}}", "BB"},
		{"{{with .map}}{{.a}}{{end}} {{with .empty}}A{{else}}B{{end}}", "x B"},
		{"{{with $x := .map.a}}{{$x}}{{.}}{{end}}", "xx"},
		{"{{with .empty}}A{{else with .name}}{{.}}{{end}}", "reeve"},
		{"{{if and .yes (eq .name \"reeve\")}}A{{end}}", "A"},
		{"{{if or .no .empty}}A{{else}}B{{end}}", "B"},
		{"{{if not .no}}A{{end}}", "A"},
		{"{{or .empty \"x\"}} {{and .n \"\"}}|{{and 1 2}}", "x |2"},
		{"{{or .yes .missing}} {{and .no .missing}}", "true false"},
	};

	RENDERS(rows);
}

static void range_walks_lists_maps_and_numbers(void **state)
{
	static const struct row rows[] = {
		{"{{range .list}}<{{.}}>{{end}}", "<a><b><c>"},
		{"{{range .none}}x{{else}}none{{end}}", "none"},
		{"{{range .nothing}}x{{else}}none{{end}}", "none"},
		{"{{range $i, $v := .list}}{{$i}}={{$v}};{{end}}", "0=a;1=b;2=c;"},
		{"{{range $v := .list}}{{$v}}{{end}}", "abc"},
		{"{{range $k, $v := .map}}{{$k}}:{{$v}} {{end}}", "a:x m:[1 2] z:1 "},
		{"{{range 3}}{{.}}{{end}} {{range $i := .n}}{{$i}}{{end}}", "012 012"},
		{"{{range .pools}}{{.name}}:{{$.name}} {{end}}", "p1:reeve p2:reeve "},
		{"{{range .list}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}", "ac"},
		{"{{range .list}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}!", "a!"},
		{"{{range .list}}{{range $.list}}{{break}}{{end}}{{.}}{{end}}", "abc"},
		{"{{$n := 0}}{{range .list}}{{$n = .}}{{end}}{{$n}}", "c"},
		{"{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"},
		{"{{range $i, $p := .pools}}{{if $i}}, {{end}}{{$p.name}}{{end}}", "p1, p2"},
	};

	RENDERS(rows);
}

static void builtins_compare_and_index(void **state)
{
	static const struct row rows[] = {
		{"{{eq .n 3}} {{eq .n 3.0}} {{eq .name \"x\" \"reeve\"}} {{ne 1 2}}",
			"true true true true"},
		{"{{lt 1 2}} {{le 2 2}} {{gt \"b\" \"a\"}} {{ge 1.5 2}}", "true true true false"},
		{"{{eq .nothing nil}} {{eq .name nil}}", "true false"},
		{"{{len .list}} {{len .map}} {{len .name}}", "3 3 5"},
		{"{{index .list 1}} {{index .map \"m\" 0}} {{index .map \"q\"}}", "b 1 <no value>"},
		{"{{slice .name 1 3}} {{slice .list 1}}", "ee [b c]"},
		{"{{printf \"%s-%03d|%-5v|%5s|%q|%.2f|%x|%t|%%|%v\" .name .n 1 \"é\" \"a\\\"b\" "
		 ".f 255 true .list}}",
			"reeve-003|1    |    \xC3\xA9|\"a\\\"b\"|2.50|ff|true|%|[a b c]"},
		{"{{\"x\" | printf \"%s-%s\" .name | upper}}", "REEVE-X"},
		{"{{printf \"%c%c\" 65 233}}{{printf \"%b\" 5}}{{printf \"%x\" \"hi\"}}",
			"A\xC3\xA9"
			"1016869"},
	};

	RENDERS(rows);
}

static void functions_of_adapters(void **state)
{
	static const struct row rows[] = {
		{"{{lower \"AbC\"}} {{upper .name}} {{title \"ab cd-e\"}}", "abc REEVE Ab Cd-E"},
		{"[{{trim \"  x \"}}] {{trimPrefix \"abc\" \"a\"}} {{trimSuffix \"abc\" \"bc\"}}",
			"[x] bc a"},
		{"{{replace \"a.b.c\" \".\" \"-\"}}", "a-b-c"},
		{"{{contains .name \"eev\"}} {{hasPrefix .name \"re\"}} {{hasSuffix .name \"re\"}}",
			"true true false"},
		{"{{quote .name}} {{quote 3}}", "\"reeve\" \"3\""},
		{"{{default \"d\" .empty}} {{default \"d\" .nothing}} {{.n | default 9}}", "d d 3"},
		{"{{int \"42\"}} {{int 3.9}} {{int64 true}} {{int \"x\"}} {{float \"2.5\"}}",
			"42 3 1 0 2.5"},
		{"{{string .n | len}}", "1"},
		{"{{toJson .map}} {{toJson .html}}", "{\"a\":\"x\",\"m\":[1,2],\"z\":1} \"<&>\""},
		{"{{now | date \"2006-01-02T15:04:05Z07:00\"}}", "2026-08-22T13:04:05Z"},
		{"{{dateFormat \"Mon Jan _2 3:04PM 2006 .000 MST\" now}}",
			"Sat Aug 22 1:04PM 2026 .678 UTC"},
		{"{{dateFormat \"Monday, 02-January-06 15h\" .time}}",
			"Saturday, 31-January-26 23h"},
	};

	RENDERS(rows);
}

static void a_mistake_is_told_with_its_line(void **state)
{
	static const struct {
		const char *template;
		const char *message;
	} rows[] = {
		{"a\n{{.x}}", "line 2: map has no entry for key \"x\""},
		{"\n\n{{.map.region}}", "line 3: map has no entry for key \"region\""},
		{"{{.nothing.x}}", "line 1: nil pointer evaluating interface {}.x"},
		{"{{.name.x}}", "line 1: can't evaluate field x in a string"},
		{"{{nope 1}}", "line 1: function \"nope\" not defined"},
		{"{{$x}}", "line 1: undefined variable \"$x\""},
		{"{{if .yes}}{{$x := 1}}{{end}}{{$x}}", "line 1: undefined variable \"$x\""},
		{"{{if .yes}}\n", "line 2: missing {{end}} of the block of line 1"},
		{"{{end}}", "line 1: unexpected {{end}}"},
		{"{{.name", "line 1: unclosed action"},
		{"{{\"x}}", "line 1: unterminated string"},
		{"{{}}", "line 1: missing value for command"},
		{"{{.name 1}}", "line 1: can't give arguments to something that is not a function"},
		{"{{.name | .n}}", "line 1: only a function may follow |"},
		{"{{len}}", "line 1: wrong number of args for len: want 1, got 0"},
		{"{{len 3}}", "line 1: len: wrong type of argument: a number"},
		{"{{eq 1 \"a\"}}",
			"line 1: incompatible types for comparison: a number and a string"},
		{"{{upper 3}}",
			"line 1: upper: wrong type for value; expected a string, got a number"},
		{"{{printf \"%d\" \"x\"}}", "line 1: printf: %d needs an integer, got a string"},
		{"{{printf \"%s\"}}", "line 1: printf: more verbs than arguments"},
		{"{{index .list 3}}", "line 1: index: index out of range: 3"},
		{"{{range .name}}{{end}}", "line 1: range can't iterate over a string"},
		{"{{define \"x\"}}{{end}}",
			"line 1: named templates ({{define}}) are not supported"},
		{"{{break}}", "line 1: {{break}} outside of {{range}}"},
		{"{{/* x }}", "line 1: unclosed comment"},
		{"{{true.x}}", "line 1: unexpected .x"},
	};
	struct json *root = test_document(*state, variables);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error err = {0};
		struct str out;

		if (render(*state, str_of(rows[i].template), root, &out, &err) == 0)
			fail_msg("%s was rendered", rows[i].template);
		assert_int_equal(err.code, ERROR_INVALID);
		test_row_equals(rows[i].template, str_of(err.message), rows[i].message);
	}
}

static void work_and_output_are_bounded(void **state)
{
	struct error err = {0};
	struct str out;

	assert_int_equal(render(*state, STR("{{range 100000000}}{{end}}"), NULL, &out, &err), -1);
	assert_int_equal(err.code, ERROR_LIMITED);
	assert_int_equal(render(*state,
				 STR("{{$x := \"0123456789abcdef\"}}{{range 30}}{{$x = print $x "
				     "$x}}{{end}}"),
				 NULL, &out, &err),
		-1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
}

static void compiling_sees_syntax_only(void **state)
{
	struct template template;
	struct error err = {0};

	assert_int_equal(template_compile(*state, STR("{{.not.there}}"), &template, &err), 0);
	assert_int_equal(template_compile(*state, STR("{{if}}"), &template, &err), -1);
}

static void a_compiled_template_runs_again_and_again(void **state)
{
	struct json *first = test_document(*state, "{\"a\": [1, 2]}");
	struct json *second = test_document(*state, "{\"a\": [3]}");
	struct template template;
	struct error err = {0};
	struct str out;

	assert_int_equal(
		template_compile(*state, STR("{{range .a}}<{{.}}>{{end}}"), &template, &err), 0);
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(template_run(&template, *state, first, NOW_US, &out, &err), 0);
		test_row_equals("first", out, "<1><2>");
		assert_int_equal(template_run(&template, *state, second, NOW_US, &out, &err), 0);
		test_row_equals("second", out, "<3>");
	}
}

static void a_null_text_stays_null(void **state)
{
	struct template template;
	struct error err = {0};
	struct str out = STR("something");

	assert_int_equal(template_compile(*state, STR_NULL, &template, &err), 0);
	assert_int_equal(template_run(&template, *state, NULL, NOW_US, &out, &err), 0);
	assert_true(str_is_null(out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_and_actions_alternate),
		TEST(values_print_as_in_go),
		TEST(conditions_choose),
		TEST(range_walks_lists_maps_and_numbers),
		TEST(builtins_compare_and_index),
		TEST(functions_of_adapters),
		TEST(a_mistake_is_told_with_its_line),
		TEST(work_and_output_are_bounded),
		TEST(compiling_sees_syntax_only),
		TEST(a_compiled_template_runs_again_and_again),
		TEST(a_null_text_stays_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
