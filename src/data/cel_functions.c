/*
 * cel_functions.c - the standard functions: conversions, size, text tests, optionals.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "data/cel_tree.h"
#include "data/pattern.h"

#define DOUBLE_TEXT_MAX 400 /* longer numbers are plain decimals */

static size_t count_characters(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
	return count;
}

static int call_size(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct cel_value *value = &arguments[0];

	if (value->type == CEL_STRING)
		*ret = cel_int((int64_t)count_characters(value->as.text));
	else if (value->type == CEL_BYTES)
		*ret = cel_int((int64_t)value->as.text.len);
	else if (value->type == CEL_LIST || value->type == CEL_MAP)
		*ret = cel_int((int64_t)cel_count(value));
	else
		return cel_no_overload(run, "size", arguments, count);
	return 0;
}

/* --- conversions --------------------------------------------------------------------------- */

static int bad_conversion(struct cel_run *run, const char *to, const struct cel_value *value)
{
	if (value->type == CEL_STRING)
		return cel_fail(
			run, "\"%" STR_F "\" does not read as %s", STR_A(value->as.text), to);
	return cel_fail(run, "the %s is out of range of %s", cel_type_name(value), to);
}

static int call_int(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct cel_value *value = &arguments[0];
	int64_t integer;

	switch (value->type) {
	case CEL_INT:
		*ret = cel_int(value->as.integer); /* whatever it was in its document */
		return 0;
	case CEL_UINT:
		if (value->as.natural > INT64_MAX)
			return bad_conversion(run, "int", value);
		*ret = cel_int((int64_t)value->as.natural);
		return 0;
	case CEL_DOUBLE:
		if (!(value->as.number > -9223372036854775808.0 &&
			    value->as.number < 9223372036854775808.0))
			return bad_conversion(run, "int", value);
		*ret = cel_int((int64_t)value->as.number);
		return 0;
	case CEL_STRING:
		if (!str_to_int64(value->as.text, &integer))
			return bad_conversion(run, "int", value);
		*ret = cel_int(integer);
		return 0;
	case CEL_TIMESTAMP:
		*ret = cel_int(value->as.time.seconds);
		return 0;
	case CEL_DURATION:
		*ret = cel_int(value->as.integer);
		return 0;
	default:
		return cel_no_overload(run, "int", arguments, count);
	}
}

static bool parse_natural(struct str text, uint64_t *ret)
{
	uint64_t value = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9' ||
			__builtin_mul_overflow(value, 10u, &value) ||
			__builtin_add_overflow(value, (uint64_t)(text.ptr[i] - '0'), &value))
			return false;
	}
	*ret = value;
	return text.len > 0;
}

static int call_uint(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct cel_value *value = &arguments[0];
	uint64_t natural = 0;
	bool fits = true;

	if (value->type == CEL_UINT)
		natural = value->as.natural;
	else if (value->type == CEL_INT)
		fits = value->as.integer >= 0, natural = (uint64_t)value->as.integer;
	else if (value->type == CEL_DOUBLE)
		fits = value->as.number >= 0 && value->as.number < 18446744073709551616.0;
	else if (value->type == CEL_STRING)
		fits = parse_natural(value->as.text, &natural);
	else
		return cel_no_overload(run, "uint", arguments, count);
	if (!fits)
		return bad_conversion(run, "uint", value);
	if (value->type == CEL_DOUBLE)
		natural = (uint64_t)value->as.number;
	*ret = (struct cel_value){.type = CEL_UINT, .as.natural = natural};
	return 0;
}

/* As Go's strconv.ParseFloat: decimal with _ between digits, hexadecimal, Inf, NaN. */
static bool parse_double(struct str text, double *ret)
{
	char plain[DOUBLE_TEXT_MAX], *end;
	size_t len = 0, start;

	if (text.len >= sizeof(plain))
		return str_to_double(text, ret);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '_')
			plain[len++] = text.ptr[i];
		else if (i == 0 || i + 1 == text.len || !isdigit((unsigned char)text.ptr[i - 1]) ||
			 !isdigit((unsigned char)text.ptr[i + 1]))
			return false;
	}
	plain[len] = '\0';
	if (str_to_double(str_n(plain, len), ret))
		return true;
	start = plain[0] == '+' || plain[0] == '-';
	if (strcasecmp(plain + start, "inf") != 0 && strcasecmp(plain + start, "infinity") != 0 &&
		strcasecmp(plain, "nan") != 0 &&
		(strncasecmp(plain + start, "0x", 2) != 0 || strpbrk(plain, "pP") == NULL))
		return false;
	*ret = strtod(plain, &end);
	return *end == '\0';
}

static int call_double(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct cel_value *value = &arguments[0];
	double number;

	switch (value->type) {
	case CEL_DOUBLE:
		*ret = *value;
		return 0;
	case CEL_INT:
		*ret = cel_double((double)value->as.integer);
		return 0;
	case CEL_UINT:
		*ret = cel_double((double)value->as.natural);
		return 0;
	case CEL_STRING:
		if (!parse_double(value->as.text, &number))
			return bad_conversion(run, "double", value);
		*ret = cel_double(number);
		return 0;
	default:
		return cel_no_overload(run, "double", arguments, count);
	}
}

/* As Go's Duration.Seconds(): what string() shows is a double. */
static double seconds_of(int64_t ns)
{
	return (double)(ns / CEL_NS_PER_S) + (double)(ns % CEL_NS_PER_S) / (double)CEL_NS_PER_S;
}

static int call_string(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct cel_value *value = &arguments[0];
	struct arena *arena = run->arena;
	struct str text;

	switch (value->type) {
	case CEL_STRING:
		text = value->as.text;
		break;
	case CEL_BYTES:
		text = value->as.text;
		if (!cel_is_utf8(text))
			return cel_fail(run, "the bytes are not UTF-8");
		break;
	case CEL_BOOL:
		text = value->as.boolean ? STR("true") : STR("false");
		break;
	case CEL_INT:
		text = arena_printf(arena, "%lld", (long long)value->as.integer);
		break;
	case CEL_UINT:
		text = arena_printf(arena, "%llu", (unsigned long long)value->as.natural);
		break;
	case CEL_DOUBLE:
		text = cel_double_text(arena, value->as.number, false);
		break;
	case CEL_TIMESTAMP:
		text = cel_timestamp_text(arena, &value->as.time);
		break;
	case CEL_DURATION:
		text = arena_printf(arena, "%" STR_F "s",
			STR_A(cel_double_text(arena, seconds_of(value->as.integer), true)));
		break;
	default:
		return cel_no_overload(run, "string", arguments, count);
	}
	*ret = cel_string(text);
	return str_is_null(text) ? cel_no_memory(run) : 0;
}

static int call_bool(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	static const char *const words[] = {
		"true", "1", "t", "T", "TRUE", "True", "false", "0", "f", "F", "FALSE", "False"};

	if (arguments[0].type == CEL_BOOL) {
		*ret = arguments[0];
		return 0;
	}
	if (arguments[0].type != CEL_STRING)
		return cel_no_overload(run, "bool", arguments, count);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (str_eq_c(arguments[0].as.text, words[i])) {
			*ret = cel_bool(i < sizeof(words) / sizeof(words[0]) / 2);
			return 0;
		}
	}
	return bad_conversion(run, "bool", &arguments[0]);
}

static int call_bytes(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	if (arguments[0].type != CEL_STRING && arguments[0].type != CEL_BYTES)
		return cel_no_overload(run, "bytes", arguments, count);
	*ret = arguments[0];
	ret->type = CEL_BYTES;
	return 0;
}

static int call_dyn(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	*ret = arguments[0];
	return 0;
}

static int call_type(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	*ret = (struct cel_value){
		.type = CEL_TYPE, .as.text = str_of(cel_type_name(&arguments[0]))};
	return 0;
}

/* --- text tests ---------------------------------------------------------------------------- */

static bool are_strings(const struct cel_value *arguments, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (arguments[i].type != CEL_STRING)
			return false;
	}
	return true;
}

static int call_contains(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	if (!are_strings(arguments, 2))
		return cel_no_overload(run, "contains", arguments, count);
	*ret = cel_bool(str_find(arguments[0].as.text, arguments[1].as.text) >= 0);
	return cel_charge(run, arguments[0].as.text.len / 16);
}

static int call_starts_with(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	if (!are_strings(arguments, 2))
		return cel_no_overload(run, "startsWith", arguments, count);
	*ret = cel_bool(str_starts_with(arguments[0].as.text, arguments[1].as.text));
	return 0;
}

static int call_ends_with(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	if (!are_strings(arguments, 2))
		return cel_no_overload(run, "endsWith", arguments, count);
	*ret = cel_bool(str_ends_with(arguments[0].as.text, arguments[1].as.text));
	return 0;
}

/* Compiling costs like 32 characters of text for each of the pattern; a map() with a pattern in its
 * body is stopped by the limit, not by patience. */
static int call_matches(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct pattern *pattern = run->pattern;
	bool matches;

	if (!are_strings(arguments, 2))
		return cel_no_overload(run, "matches", arguments, count);
	if (cel_charge(run, 16 + arguments[0].as.text.len / 4 + 2 * arguments[1].as.text.len) != 0)
		return -1;
	if (pattern == NULL &&
		pattern_compile(run->arena, arguments[1].as.text, &pattern, &run->error) != 0)
		return -1;
	if (pattern_match(pattern, arguments[0].as.text, &matches, &run->error) != 0)
		return -1;
	*ret = cel_bool(matches);
	return 0;
}

/* --- optionals ----------------------------------------------------------------------------- */

static int call_optional_of(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	return cel_optional_of(run, &arguments[0], ret);
}

static int call_optional_none(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	*ret = (struct cel_value){.type = CEL_OPTIONAL};
	return 0;
}

static int call_optional_of_non_zero(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	if (cel_is_zero(&arguments[0]))
		return call_optional_none(run, arguments, count, ret);
	return cel_optional_of(run, &arguments[0], ret);
}

static int call_has_value(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	if (arguments[0].type != CEL_OPTIONAL)
		return cel_no_overload(run, "hasValue", arguments, count);
	*ret = cel_bool(arguments[0].as.optional != NULL);
	return 0;
}

static int call_value(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	if (arguments[0].type != CEL_OPTIONAL)
		return cel_no_overload(run, "value", arguments, count);
	if (arguments[0].as.optional == NULL)
		return cel_fail(run, "optional.none() dereference");
	*ret = *arguments[0].as.optional;
	return 0;
}

static int call_or(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	if (arguments[0].type != CEL_OPTIONAL || arguments[1].type != CEL_OPTIONAL)
		return cel_no_overload(run, "or", arguments, count);
	*ret = arguments[arguments[0].as.optional == NULL];
	return 0;
}

static int call_or_value(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	if (arguments[0].type != CEL_OPTIONAL)
		return cel_no_overload(run, "orValue", arguments, count);
	*ret = arguments[0].as.optional ? *arguments[0].as.optional : arguments[1];
	return 0;
}

/* The values that are there, of a list of optionals. */
static int call_unwrap(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct cel_value *list = &arguments[0];
	struct cel_items *items;

	if (list->type != CEL_LIST)
		return cel_no_overload(run, "optional.unwrap", arguments, count);
	if (cel_charge(run, cel_count(list)) != 0)
		return -1;
	items = cel_new_items(run, cel_count(list));
	if (items == NULL)
		return cel_no_memory(run);
	for (size_t i = 0; i < cel_count(list); i++) {
		struct cel_value item = cel_item(list, i);

		if (item.type != CEL_OPTIONAL)
			return cel_fail(run, "optional.unwrap: item %zu is a %s, not an optional",
				i, cel_type_name(&item));
		if (item.as.optional != NULL)
			items->values[items->count++] = *item.as.optional;
	}
	*ret = cel_list(items);
	return 0;
}

const struct cel_builtin cel_standard_functions[] = {
	{"size", CEL_GLOBAL | CEL_METHOD, 1, 1, call_size},
	{"int", CEL_GLOBAL, 1, 1, call_int},
	{"uint", CEL_GLOBAL, 1, 1, call_uint},
	{"double", CEL_GLOBAL, 1, 1, call_double},
	{"string", CEL_GLOBAL, 1, 1, call_string},
	{"bool", CEL_GLOBAL, 1, 1, call_bool},
	{"bytes", CEL_GLOBAL, 1, 1, call_bytes},
	{"dyn", CEL_GLOBAL, 1, 1, call_dyn},
	{"type", CEL_GLOBAL, 1, 1, call_type},
	{"contains", CEL_METHOD, 2, 2, call_contains},
	{"startsWith", CEL_METHOD, 2, 2, call_starts_with},
	{"endsWith", CEL_METHOD, 2, 2, call_ends_with},
	{"matches", CEL_GLOBAL | CEL_METHOD, 2, 2, call_matches},
	{"optional.of", CEL_GLOBAL, 1, 1, call_optional_of},
	{"optional.ofNonZeroValue", CEL_GLOBAL, 1, 1, call_optional_of_non_zero},
	{"optional.none", CEL_GLOBAL, 0, 0, call_optional_none},
	{"hasValue", CEL_METHOD, 1, 1, call_has_value},
	{"value", CEL_METHOD, 1, 1, call_value},
	{"optional.unwrap", CEL_GLOBAL, 1, 1, call_unwrap},
	{"unwrapOpt", CEL_METHOD, 1, 1, call_unwrap},
	{"or", CEL_METHOD, 2, 2, call_or},
	{"orValue", CEL_METHOD, 2, 2, call_or_value},
	{NULL, 0, 0, 0, NULL},
};
