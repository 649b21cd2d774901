/*
 * template_functions.c - the functions a template may call, as one table.
 *
 * Go's builtins behave as text/template documents them. HyperFleet's functions take their arguments
 * in the order of Go's strings package, the string first, which reads awkwardly behind a pipe but
 * is what the adapter files are written for.
 */
#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "data/template.h"
#include "data/template_tree.h"

static int give_json(
	struct template_call *call, const struct json *json, struct template_value *ret)
{
	if (json == NULL)
		return template_no_memory(call);
	*ret = (struct template_value){.json = json};
	return 0;
}

static int give_bool(struct template_call *call, bool boolean, struct template_value *ret)
{
	return give_json(call, json_new_bool(call->arena, boolean), ret);
}

static int give_int(struct template_call *call, int64_t integer, struct template_value *ret)
{
	return give_json(call, json_new_int(call->arena, integer), ret);
}

static int give_text(struct template_call *call, struct str text, struct template_value *ret)
{
	return give_json(call, json_new_string(call->arena, text), ret);
}

/* What the buffer holds, as a string. */
static int give_buf(struct template_call *call, const struct buf *buf, struct template_value *ret)
{
	if (buf->failed)
		return template_fail(
			call, ERROR_TOO_LARGE, "a value passes %zu bytes", TEMPLATE_MAX_OUTPUT);
	return give_text(call, arena_str(call->arena, buf_str(buf)), ret);
}

/* --- builtins: comparison ------------------------------------------------------------------ */

static int call_not(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	return give_bool(call, !template_is_true(&arguments[0]), ret);
}

static bool is_nothing(const struct template_value *value)
{
	return !value->is_time && json_is_null(value->json);
}

static bool same_kind(const struct template_value *a, const struct template_value *b)
{
	return a->is_time == b->is_time && json_type(a->json) == json_type(b->json);
}

/* <0, 0, >0 of numbers, strings or times of one kind. */
static int order(const struct template_value *a, const struct template_value *b)
{
	int64_t x = a->time_us, y = b->time_us;
	double p, q;

	if (json_is(a->json, JSON_STRING))
		return str_cmp(json_str(a->json), json_str(b->json));
	if (a->is_time || (json_to_int(a->json, &x) && json_to_int(b->json, &y)))
		return (x > y) - (x < y);
	p = json_double(a->json, 0);
	q = json_double(b->json, 0);
	return (p > q) - (p < q);
}

static int equals(struct template_call *call, const struct template_value *a,
	const struct template_value *b, bool *ret)
{
	if (is_nothing(a) || is_nothing(b)) {
		*ret = is_nothing(a) && is_nothing(b);
		return 0;
	}
	if (!same_kind(a, b))
		return template_fail(call, ERROR_INVALID,
			"incompatible types for comparison: %s and %s", template_type_name(a),
			template_type_name(b));
	if (json_is(a->json, JSON_ARRAY) || json_is(a->json, JSON_OBJECT))
		return template_fail(
			call, ERROR_INVALID, "non-comparable type: %s", template_type_name(a));
	*ret = a->is_time ? a->time_us == b->time_us : json_equal(a->json, b->json);
	return 0;
}

/* eq a b c: a equals b or a equals c. */
static int call_eq(struct template_call *call, const struct template_value *arguments, size_t count,
	struct template_value *ret)
{
	bool is_equal = false;

	for (size_t i = 1; i < count && !is_equal; i++) {
		if (equals(call, &arguments[0], &arguments[i], &is_equal) != 0)
			return -1;
	}
	return give_bool(call, is_equal, ret);
}

static int call_ne(struct template_call *call, const struct template_value *arguments, size_t count,
	struct template_value *ret)
{
	bool is_equal;

	if (equals(call, &arguments[0], &arguments[1], &is_equal) != 0)
		return -1;
	return give_bool(call, !is_equal, ret);
}

static int compare(struct template_call *call, const struct template_value *arguments, int *ret)
{
	const struct template_value *a = &arguments[0], *b = &arguments[1];

	if (!same_kind(a, b))
		return template_fail(call, ERROR_INVALID,
			"incompatible types for comparison: %s and %s", template_type_name(a),
			template_type_name(b));
	if (!a->is_time && !json_is(a->json, JSON_NUMBER) && !json_is(a->json, JSON_STRING))
		return template_fail(call, ERROR_INVALID, "invalid type for comparison: %s",
			template_type_name(a));
	*ret = order(a, b);
	return 0;
}

static int call_lt(struct template_call *call, const struct template_value *arguments, size_t count,
	struct template_value *ret)
{
	int result;

	return compare(call, arguments, &result) ? -1 : give_bool(call, result < 0, ret);
}

static int call_le(struct template_call *call, const struct template_value *arguments, size_t count,
	struct template_value *ret)
{
	int result;

	return compare(call, arguments, &result) ? -1 : give_bool(call, result <= 0, ret);
}

static int call_gt(struct template_call *call, const struct template_value *arguments, size_t count,
	struct template_value *ret)
{
	int result;

	return compare(call, arguments, &result) ? -1 : give_bool(call, result > 0, ret);
}

static int call_ge(struct template_call *call, const struct template_value *arguments, size_t count,
	struct template_value *ret)
{
	int result;

	return compare(call, arguments, &result) ? -1 : give_bool(call, result >= 0, ret);
}

/* --- builtins: containers ------------------------------------------------------------------ */

static int wrong_argument(
	struct template_call *call, const char *function, const struct template_value *value)
{
	return template_fail(call, ERROR_INVALID, "%s: wrong type of argument: %s", function,
		template_type_name(value));
}

static int call_len(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	const struct json *value = arguments[0].json;

	if (json_is(value, JSON_STRING))
		return give_int(call, (int64_t)json_str(value).len, ret);
	if (!json_is(value, JSON_ARRAY) && !json_is(value, JSON_OBJECT))
		return wrong_argument(call, "len", &arguments[0]);
	return give_int(call, (int64_t)json_count(value), ret);
}

/* A position given as an argument: 0..limit. */
static int get_position(struct template_call *call, const char *function,
	const struct template_value *value, size_t limit, size_t *ret)
{
	int64_t position;

	if (!json_is(value->json, JSON_NUMBER) || !json_to_int(value->json, &position))
		return wrong_argument(call, function, value);
	if (position < 0 || (uint64_t)position > limit)
		return template_fail(call, ERROR_INVALID, "%s: index out of range: %lld", function,
			(long long)position);
	*ret = (size_t)position;
	return 0;
}

/* index m "a" 0: m["a"][0]. A missing key gives nothing, as Go's zero value of an interface. */
static int call_index(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	const struct json *value = arguments[0].json;
	size_t position;

	for (size_t i = 1; i < count; i++) {
		struct template_value current = {.json = value};

		if (json_is(value, JSON_OBJECT) && json_is(arguments[i].json, JSON_STRING)) {
			value = json_get_str(value, json_str(arguments[i].json));
			continue;
		}
		if (!json_is(value, JSON_ARRAY) || json_count(value) == 0)
			return json_is(value, JSON_ARRAY) ? template_fail(call, ERROR_INVALID,
								    "index: the list is empty")
							  : wrong_argument(call, "index", &current);
		if (get_position(call, "index", &arguments[i], json_count(value) - 1, &position))
			return -1;
		value = json_at(value, position);
	}
	*ret = (struct template_value){.json = value};
	return 0;
}

static int call_slice(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	const struct json *value = arguments[0].json;
	bool is_string = json_is(value, JSON_STRING);
	size_t size = is_string ? json_str(value).len : json_count(value);
	size_t first = 0, last = size;
	struct json *list;

	if (!is_string && !json_is(value, JSON_ARRAY))
		return wrong_argument(call, "slice", &arguments[0]);
	if ((count > 1 && get_position(call, "slice", &arguments[1], size, &first) != 0) ||
		(count > 2 && get_position(call, "slice", &arguments[2], size, &last) != 0))
		return -1;
	if (first > last)
		return template_fail(call, ERROR_INVALID, "slice: %zu is behind %zu", first, last);
	if (is_string)
		return give_text(call, str_slice(json_str(value), first, last - first), ret);
	list = json_new_array(call->arena);
	for (size_t i = first; i < last; i++)
		json_append(list, json_at(value, i));
	return give_json(call, list, ret);
}

/* --- builtins: printing -------------------------------------------------------------------- */

static bool is_string(const struct template_value *value)
{
	return !value->is_time && json_is(value->json, JSON_STRING);
}

/* fmt.Sprint: a space between two values when neither is a string. */
static int call_print(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(TEMPLATE_MAX_OUTPUT);

	for (size_t i = 0; i < count; i++) {
		if (i > 0 && !is_string(&arguments[i]) && !is_string(&arguments[i - 1]))
			buf_add_byte(&out, ' ');
		template_print(&out, &arguments[i]);
	}
	return give_buf(call, &out, ret);
}

static int call_println(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(TEMPLATE_MAX_OUTPUT);

	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_byte(&out, ' ');
		template_print(&out, &arguments[i]);
	}
	buf_add_byte(&out, '\n');
	return give_buf(call, &out, ret);
}

static int call_printf(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(TEMPLATE_MAX_OUTPUT);

	if (template_printf(call, arguments, count, &out) != 0)
		return -1;
	return give_buf(call, &out, ret);
}

static int call_quote(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	CLEANUP(buf_free) struct buf plain = BUF_INITIALIZER(TEMPLATE_MAX_OUTPUT);
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(TEMPLATE_MAX_OUTPUT);

	template_print(&plain, &arguments[0]);
	template_quote(&out, buf_str(&plain));
	out.failed |= plain.failed;
	return give_buf(call, &out, ret);
}

static int call_string(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(TEMPLATE_MAX_OUTPUT);

	template_print(&out, &arguments[0]);
	return give_buf(call, &out, ret);
}

static int call_to_json(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(TEMPLATE_MAX_OUTPUT);
	char text[CLOCK_TEXT_MAX];

	if (arguments[0].is_time)
		json_write_string(&out, str_n(text, clock_format(text, arguments[0].time_us)), 0);
	else if (arguments[0].json == NULL)
		buf_add_cstr(&out, "null");
	else
		json_write(&out, arguments[0].json, JSON_WRITE_SORTED);
	return give_buf(call, &out, ret);
}

/* --- strings ------------------------------------------------------------------------------- */

/* The arguments as strings; anything else is an error that names the function. */
static int get_strings(struct template_call *call, const char *function,
	const struct template_value *arguments, size_t count, struct str *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_string(&arguments[i]))
			return template_fail(call, ERROR_INVALID,
				"%s: wrong type for value; expected a string, got %s", function,
				template_type_name(&arguments[i]));
		ret[i] = json_str(arguments[i].json);
	}
	return 0;
}

enum letter_case { LETTERS_LOWER, LETTERS_UPPER, LETTERS_TITLE };

static char change_letter(char c, bool to_upper)
{
	if (to_upper)
		return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* ASCII letters only: names in manifests have no others. Title: the first letter of each word. */
static int change_case(struct template_call *call, const char *function, enum letter_case to,
	const struct template_value *arguments, struct template_value *ret)
{
	struct str text;
	char *out;
	bool at_start = true;

	if (get_strings(call, function, arguments, 1, &text) != 0)
		return -1;
	out = arena_alloc(call->arena, text.len + 1);
	if (out == NULL)
		return template_no_memory(call);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (to != LETTERS_TITLE || at_start)
			out[i] = change_letter(c, to != LETTERS_LOWER);
		else
			out[i] = c;
		at_start = !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '_' || c == '\'' ||
			     (unsigned char)c >= 0x80);
	}
	return give_text(call, str_n(out, text.len), ret);
}

static int call_lower(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	return change_case(call, "lower", LETTERS_LOWER, arguments, ret);
}

static int call_upper(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	return change_case(call, "upper", LETTERS_UPPER, arguments, ret);
}

static int call_title(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	return change_case(call, "title", LETTERS_TITLE, arguments, ret);
}

static int call_trim(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	struct str text;

	if (get_strings(call, "trim", arguments, 1, &text) != 0)
		return -1;
	return give_text(call, str_trim(text), ret);
}

static int call_trim_prefix(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	struct str s[2];

	if (get_strings(call, "trimPrefix", arguments, 2, s) != 0)
		return -1;
	if (str_starts_with(s[0], s[1]))
		s[0] = str_slice(s[0], s[1].len, s[0].len - s[1].len);
	return give_text(call, s[0], ret);
}

static int call_trim_suffix(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	struct str s[2];

	if (get_strings(call, "trimSuffix", arguments, 2, s) != 0)
		return -1;
	if (str_ends_with(s[0], s[1]))
		s[0] = str_slice(s[0], 0, s[0].len - s[1].len);
	return give_text(call, s[0], ret);
}

static int call_contains(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	struct str s[2];

	if (get_strings(call, "contains", arguments, 2, s) != 0)
		return -1;
	return give_bool(call, str_find(s[0], s[1]) >= 0, ret);
}

static int call_has_prefix(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	struct str s[2];

	if (get_strings(call, "hasPrefix", arguments, 2, s) != 0)
		return -1;
	return give_bool(call, str_starts_with(s[0], s[1]), ret);
}

static int call_has_suffix(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	struct str s[2];

	if (get_strings(call, "hasSuffix", arguments, 2, s) != 0)
		return -1;
	return give_bool(call, str_ends_with(s[0], s[1]), ret);
}

/* strings.ReplaceAll(s, old, new); an empty old stands between all characters, here bytes. */
static int call_replace(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(TEMPLATE_MAX_OUTPUT);
	struct str s[3];
	ptrdiff_t at;

	if (get_strings(call, "replace", arguments, 3, s) != 0)
		return -1;
	if (s[1].len == 0)
		return template_fail(call, ERROR_INVALID, "replace: the text to replace is empty");
	while ((at = str_find(s[0], s[1])) >= 0) {
		buf_add_str(&out, str_slice(s[0], 0, (size_t)at));
		buf_add_str(&out, s[2]);
		s[0] = str_slice(s[0], (size_t)at + s[1].len, s[0].len);
	}
	buf_add_str(&out, s[0]);
	return give_buf(call, &out, ret);
}

/* --- times, defaults, conversions ---------------------------------------------------------- */

static int call_now(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	*ret = (struct template_value){.is_time = true, .time_us = call->now_us};
	return 0;
}

/* dateFormat layout time; the time may also be RFC 3339 text, as documents carry it. */
static int call_date(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(TEMPLATE_MAX_OUTPUT);
	int64_t time_us = arguments[1].time_us;
	struct str layout;

	if (get_strings(call, "dateFormat", arguments, 1, &layout) != 0)
		return -1;
	if (!arguments[1].is_time && !clock_parse(json_str(arguments[1].json), &time_us))
		return wrong_argument(call, "dateFormat", &arguments[1]);
	template_format_time(&out, layout, time_us);
	return give_buf(call, &out, ret);
}

static int call_default(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	bool is_empty = is_nothing(&arguments[1]) ||
			(is_string(&arguments[1]) && json_str(arguments[1].json).len == 0);

	*ret = arguments[is_empty ? 0 : 1];
	return 0;
}

/* A number of the argument: numbers themselves, strings that read as one, true as 1; else 0. */
static double to_double(const struct template_value *value)
{
	double number = 0;

	if (value->is_time)
		return (double)(value->time_us / CLOCK_US_PER_S);
	if (json_is(value->json, JSON_BOOL))
		return json_bool(value->json, false);
	if (json_is(value->json, JSON_STRING))
		return str_to_double(json_str(value->json), &number) && isfinite(number) ? number
											 : 0;
	return json_double(value->json, 0);
}

static int call_int(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	int64_t integer;
	double number;

	if (json_is(arguments[0].json, JSON_NUMBER) && json_to_int(arguments[0].json, &integer))
		return give_int(call, integer, ret);
	if (is_string(&arguments[0]))
		return give_int(call,
			str_to_int64(json_str(arguments[0].json), &integer) ? integer : 0, ret);
	number = to_double(&arguments[0]);
	if (!(number > -9.2e18 && number < 9.2e18))
		return template_fail(call, ERROR_INVALID, "int: the number is out of range");
	return give_int(call, (int64_t)number, ret);
}

static int call_float(struct template_call *call, const struct template_value *arguments,
	size_t count, struct template_value *ret)
{
	return give_json(call, json_new_double(call->arena, to_double(&arguments[0])), ret);
}

/* --- the table ----------------------------------------------------------------------------- */

static const struct template_function functions[] = {
	{"and", 1, TEMPLATE_ANY_COUNT, NULL},
	{"or", 1, TEMPLATE_ANY_COUNT, NULL},
	{"not", 1, 1, call_not},
	{"eq", 2, TEMPLATE_ANY_COUNT, call_eq},
	{"ne", 2, 2, call_ne},
	{"lt", 2, 2, call_lt},
	{"le", 2, 2, call_le},
	{"gt", 2, 2, call_gt},
	{"ge", 2, 2, call_ge},
	{"len", 1, 1, call_len},
	{"index", 1, TEMPLATE_ANY_COUNT, call_index},
	{"slice", 1, 3, call_slice},
	{"print", 0, TEMPLATE_ANY_COUNT, call_print},
	{"printf", 1, TEMPLATE_ANY_COUNT, call_printf},
	{"println", 0, TEMPLATE_ANY_COUNT, call_println},
	{"now", 0, 0, call_now},
	{"date", 2, 2, call_date},
	{"dateFormat", 2, 2, call_date},
	{"lower", 1, 1, call_lower},
	{"upper", 1, 1, call_upper},
	{"title", 1, 1, call_title},
	{"trim", 1, 1, call_trim},
	{"trimPrefix", 2, 2, call_trim_prefix},
	{"trimSuffix", 2, 2, call_trim_suffix},
	{"replace", 3, 3, call_replace},
	{"contains", 2, 2, call_contains},
	{"hasPrefix", 2, 2, call_has_prefix},
	{"hasSuffix", 2, 2, call_has_suffix},
	{"quote", 1, 1, call_quote},
	{"default", 2, 2, call_default},
	{"int", 1, 1, call_int},
	{"int64", 1, 1, call_int},
	{"float", 1, 1, call_float},
	{"float64", 1, 1, call_float},
	{"string", 1, 1, call_string},
	{"toJson", 1, 1, call_to_json},
};

const struct template_function *template_find_function(struct str name)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (str_eq_c(name, functions[i].name))
			return &functions[i];
	}
	return NULL;
}
