/*
 * cel_strings.c - the strings extension of cel-go. Positions count characters (code points).
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "data/cel_tree.h"

#define MAX_RESULT ((size_t)1 << 20) /* bytes that one call may make */
#define MAX_PRECISION 100

static size_t character_size(char first)
{
	unsigned char c = (unsigned char)first;

	return c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

static size_t count_characters(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
	return count;
}

/* Where character `index` begins; the end of the text for one behind it. */
static size_t offset_of(struct str text, size_t index)
{
	size_t offset = 0;

	for (; index > 0 && offset < text.len; index--)
		offset += character_size(text.ptr[offset]);
	return offset < text.len ? offset : text.len;
}

static bool are(const struct cel_value *arguments, size_t first, size_t count, enum cel_type type)
{
	for (size_t i = first; i < count; i++) {
		if (arguments[i].type != type)
			return false;
	}
	return true;
}

/* The buffer's text as the result. */
static int give(struct cel_run *run, const struct buf *buf, struct cel_value *ret)
{
	if (buf->failed)
		return error_set(
			&run->error, ERROR_LIMITED, "a string passes %zu bytes", MAX_RESULT);
	*ret = cel_string(arena_str(run->arena, buf_str(buf)));
	return str_is_null(ret->as.text) ? cel_no_memory(run)
					 : cel_charge(run, 1 + ret->as.text.len / 16);
}

static int out_of_range(struct cel_run *run, const char *name, int64_t index)
{
	return cel_fail(run, "%s: index out of range: %lld", name, (long long)index);
}

/* --- positions ----------------------------------------------------------------------------- */

static int call_char_at(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	struct str text = arguments[0].as.text;
	int64_t index = arguments[1].as.integer;
	size_t at;

	if (arguments[0].type != CEL_STRING || arguments[1].type != CEL_INT)
		return cel_no_overload(run, "charAt", arguments, count);
	if (index < 0 || (uint64_t)index > count_characters(text))
		return out_of_range(run, "charAt", index);
	at = offset_of(text, (size_t)index);
	*ret = cel_string(
		at < text.len ? str_slice(text, at, character_size(text.ptr[at])) : STR(""));
	return 0;
}

static int call_index_of(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	struct str text = arguments[0].as.text;
	int64_t from = 0;
	ptrdiff_t found;
	size_t start;

	if (!are(arguments, 0, 2, CEL_STRING) || !are(arguments, 2, count, CEL_INT))
		return cel_no_overload(run, "indexOf", arguments, count);
	if (count > 2)
		from = arguments[2].as.integer;
	if (from < 0)
		return out_of_range(run, "indexOf", from);
	*ret = cel_int(-1);
	if ((uint64_t)from > count_characters(text))
		return 0;
	start = offset_of(text, (size_t)from);
	found = str_find(str_slice(text, start, text.len - start), arguments[1].as.text);
	*ret = cel_int(
		found < 0 ? -1
			  : (int64_t)count_characters(str_slice(text, 0, start + (size_t)found)));
	return cel_charge(run, text.len / 16);
}

static int call_last_index_of(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	struct str text = arguments[0].as.text, needle = arguments[1].as.text;
	size_t limit;

	if (!are(arguments, 0, 2, CEL_STRING) || !are(arguments, 2, count, CEL_INT))
		return cel_no_overload(run, "lastIndexOf", arguments, count);
	limit = text.len;
	if (count > 2) {
		int64_t last = arguments[2].as.integer;

		if (last < 0)
			return out_of_range(run, "lastIndexOf", last);
		*ret = cel_int(-1);
		if ((uint64_t)last >= count_characters(text))
			return 0;
		limit = offset_of(text, (size_t)last);
	}
	if (cel_charge(run, 1 + text.len * (needle.len / 16 + 1) / 16) != 0)
		return -1;
	*ret = cel_int(-1);
	for (size_t at = limit + 1; at-- > 0;) {
		if (at + needle.len <= text.len &&
			str_eq(str_slice(text, at, needle.len), needle)) {
			*ret = cel_int((int64_t)count_characters(str_slice(text, 0, at)));
			break;
		}
	}
	return 0;
}

static int call_substring(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	struct str text = arguments[0].as.text;
	int64_t first, last;
	size_t start;

	if (arguments[0].type != CEL_STRING || !are(arguments, 1, count, CEL_INT))
		return cel_no_overload(run, "substring", arguments, count);
	first = arguments[1].as.integer;
	last = count > 2 ? arguments[2].as.integer : (int64_t)count_characters(text);
	if (first < 0 || first > last || (uint64_t)last > count_characters(text))
		return out_of_range(run, "substring", first < 0 || first > last ? first : last);
	start = offset_of(text, (size_t)first);
	*ret = cel_string(str_slice(text, start, offset_of(text, (size_t)last) - start));
	return 0;
}

/* --- making text --------------------------------------------------------------------------- */

static int change_case(struct cel_run *run, const char *name, bool to_upper,
	const struct cel_value *arguments, struct cel_value *ret)
{
	struct str text = arguments[0].as.text;
	char *out;

	if (arguments[0].type != CEL_STRING)
		return cel_no_overload(run, name, arguments, 1);
	out = arena_alloc(run->arena, text.len + 1);
	if (out == NULL)
		return cel_no_memory(run);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (to_upper && c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		else if (!to_upper && c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		out[i] = c;
	}
	*ret = cel_string(str_n(out, text.len));
	return cel_charge(run, text.len / 16);
}

static int call_lower(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	return change_case(run, "lowerAscii", false, arguments, ret);
}

static int call_upper(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	return change_case(run, "upperAscii", true, arguments, ret);
}

/* The bytes of a white space of Unicode at the offset; 0 if there is none. */
static size_t space_at(struct str text, size_t at)
{
	static const char *const spaces[] = {" ", "\t", "\n", "\v", "\f", "\r", "\xC2\x85",
		"\xC2\xA0", "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82",
		"\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87",
		"\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9",
		"\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};
	struct str rest = str_slice(text, at, text.len);

	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		if (str_starts_with(rest, str_of(spaces[i])))
			return strlen(spaces[i]);
	}
	return 0;
}

static int call_trim(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	struct str text;
	size_t size;

	if (arguments[0].type != CEL_STRING)
		return cel_no_overload(run, "trim", arguments, count);
	text = arguments[0].as.text;
	while ((size = space_at(text, 0)) > 0)
		text = str_slice(text, size, text.len);
	while (text.len > 0) {
		size_t last = text.len - 1;

		while (last > 0 && ((unsigned char)text.ptr[last] & 0xC0) == 0x80)
			last--;
		if (space_at(text, last) == 0)
			break;
		text.len = last;
	}
	*ret = cel_string(text);
	return 0;
}

/* Of a string by characters; of a list by items. */
static int reverse_list(struct cel_run *run, const struct cel_value *list, struct cel_value *ret)
{
	size_t count = cel_count(list);
	struct cel_items *items = cel_new_items(run, count);

	if (items == NULL)
		return cel_no_memory(run);
	for (size_t i = count; i-- > 0;)
		items->values[items->count++] = cel_item(list, i);
	*ret = cel_list(items);
	return cel_charge(run, count);
}

static int call_reverse(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(MAX_RESULT);
	struct str text = arguments[0].as.text;
	size_t end;

	if (arguments[0].type == CEL_LIST)
		return reverse_list(run, &arguments[0], ret);
	if (arguments[0].type != CEL_STRING)
		return cel_no_overload(run, "reverse", arguments, count);
	end = text.len;
	while (end > 0) {
		size_t start = end - 1;

		while (start > 0 && ((unsigned char)text.ptr[start] & 0xC0) == 0x80)
			start--;
		buf_add(&out, text.ptr + start, end - start);
		end = start;
	}
	return give(run, &out, ret);
}

static int call_quote(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	static const char bytes[] = "\a\b\f\n\r\t\v\\\"";
	static const char names[] = "abfnrtv\\\"";
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(MAX_RESULT);
	struct str text = arguments[0].as.text;

	if (arguments[0].type != CEL_STRING)
		return cel_no_overload(run, "strings.quote", arguments, count);
	buf_add_byte(&out, '"');
	for (size_t i = 0; i < text.len; i++) {
		const char *known = text.ptr[i] ? strchr(bytes, text.ptr[i]) : NULL;

		if (known != NULL)
			buf_add_byte(&out, '\\');
		buf_add_byte(&out, known ? names[known - bytes] : text.ptr[i]);
	}
	buf_add_byte(&out, '"');
	return give(run, &out, ret);
}

/* An empty old stands before each character and at the end, as in Go. */
static int call_replace(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(MAX_RESULT);
	struct str rest = arguments[0].as.text, old = arguments[1].as.text;
	int64_t left = -1;

	if (!are(arguments, 0, 3, CEL_STRING) || !are(arguments, 3, count, CEL_INT))
		return cel_no_overload(run, "replace", arguments, count);
	if (count > 3)
		left = arguments[3].as.integer;
	for (; left != 0; left--) {
		ptrdiff_t at = str_find(rest, old);
		size_t taken;

		if (at < 0)
			break;
		buf_add_str(&out, str_slice(rest, 0, (size_t)at));
		buf_add_str(&out, arguments[2].as.text);
		taken = (size_t)at + old.len;
		if (old.len == 0) {
			if (rest.len == 0)
				break;
			taken = character_size(rest.ptr[0]);
			buf_add_str(&out, str_slice(rest, 0, taken));
		}
		rest = str_slice(rest, taken, rest.len);
		if (out.failed)
			break;
	}
	buf_add_str(&out, rest);
	return give(run, &out, ret);
}

static int call_split(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	struct str rest = arguments[0].as.text, separator = arguments[1].as.text;
	struct cel_items *items;
	int64_t left = -1;
	size_t most;

	if (!are(arguments, 0, 2, CEL_STRING) || !are(arguments, 2, count, CEL_INT))
		return cel_no_overload(run, "split", arguments, count);
	if (count > 2)
		left = arguments[2].as.integer;
	most = separator.len == 0 ? rest.len : rest.len / separator.len;
	if (cel_charge(run, 1 + most) != 0)
		return -1;
	items = cel_new_items(run, most + 1);
	if (items == NULL)
		return cel_no_memory(run);
	*ret = cel_list(items);
	if (left == 0)
		return 0;
	for (; left != 1; left--) {
		ptrdiff_t at = separator.len > 0 ? str_find(rest, separator)
			       : rest.len > 0	 ? (ptrdiff_t)character_size(rest.ptr[0])
						 : -1;

		if (at < 0 || (separator.len == 0 && (size_t)at >= rest.len))
			break;
		items->values[items->count++] = cel_string(str_slice(rest, 0, (size_t)at));
		rest = str_slice(rest, (size_t)at + separator.len, rest.len);
	}
	if (separator.len > 0 || rest.len > 0)
		items->values[items->count++] = cel_string(rest);
	return 0;
}

static int call_join(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(MAX_RESULT);

	if (arguments[0].type != CEL_LIST || !are(arguments, 1, count, CEL_STRING))
		return cel_no_overload(run, "join", arguments, count);
	for (size_t i = 0; i < cel_count(&arguments[0]); i++) {
		struct cel_value item = cel_item(&arguments[0], i);

		if (item.type != CEL_STRING)
			return cel_fail(run, "join: item %zu is a %s, not a string", i,
				cel_type_name(&item));
		if (i > 0 && count > 1)
			buf_add_str(&out, arguments[1].as.text);
		buf_add_str(&out, item.as.text);
		if (cel_charge(run, 1) != 0)
			return -1;
	}
	return give(run, &out, ret);
}

/* --- format -------------------------------------------------------------------------------- */

static void add_string(struct cel_run *run, struct buf *out, const struct cel_value *value);

/* The entries of a map in the order of their keys, as far as those have one. */
static struct cel_value sorted(struct cel_run *run, const struct cel_value *map)
{
	size_t count = cel_count(map);
	struct cel_items *keys = cel_new_items(run, count), *values = cel_new_items(run, count);
	struct cel_items *entries = cel_new_items(run, 2 * count);

	if (keys == NULL || values == NULL || entries == NULL)
		return *map;
	for (size_t i = 0; i < count; i++) {
		keys->values[i] = cel_key(map, i);
		values->values[i] = cel_entry(map, i);
	}
	if (cel_sort(run, keys->values, values->values, count) != 0)
		return *map;
	for (size_t i = 0; i < count; i++) {
		entries->values[2 * i] = keys->values[i];
		entries->values[2 * i + 1] = values->values[i];
	}
	entries->count = 2 * count;
	return cel_map(entries);
}

static void add_list(struct cel_run *run, struct buf *out, const struct cel_value *container)
{
	bool is_map = container->type == CEL_MAP;
	struct cel_value entries = is_map ? sorted(run, container) : *container;
	const struct cel_value *list = &entries;

	out->failed |= cel_charge(run, cel_count(list)) != 0;
	buf_add_byte(out, is_map ? '{' : '[');
	for (size_t i = 0; i < cel_count(list) && !out->failed; i++) {
		struct cel_value first = is_map ? cel_key(list, i) : cel_item(list, i);

		buf_add_cstr(out, i > 0 ? ", " : "");
		add_string(run, out, &first);
		if (is_map) {
			struct cel_value value = cel_entry(list, i);

			buf_add_cstr(out, ": ");
			add_string(run, out, &value);
		}
	}
	buf_add_byte(out, is_map ? '}' : ']');
}

static void add_string(struct cel_run *run, struct buf *out, const struct cel_value *value)
{
	struct json *json;

	switch (value->type) {
	case CEL_STRING:
	case CEL_BYTES:
	case CEL_TYPE:
		buf_add_str(out, value->as.text);
		return;
	case CEL_DOUBLE:
		buf_add_str(out, cel_double_text(run->arena, value->as.number, true));
		return;
	case CEL_LIST:
	case CEL_MAP:
		add_list(run, out, value);
		return;
	default:
		json = cel_to_json(run, value);
		if (json_is(json, JSON_STRING))
			buf_add_str(out, json_str(json));
		else
			json_write(out, json, JSON_WRITE_COMPACT);
	}
}

static void add_binary(struct buf *out, uint64_t magnitude)
{
	char digits[64];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + (magnitude & 1));
		magnitude >>= 1;
	} while (magnitude > 0);
	buf_add(out, digits + at, sizeof(digits) - at);
}

/* %d %b %o %x %X of ints and uints. */
static bool add_integer(struct buf *out, char verb, const struct cel_value *value)
{
	bool is_negative = value->type == CEL_INT && value->as.integer < 0;
	uint64_t magnitude = value->as.natural;

	if (value->type != CEL_INT && value->type != CEL_UINT)
		return false;
	if (is_negative) {
		magnitude = 0 - (uint64_t)value->as.integer;
		buf_add_byte(out, '-');
	}
	if (verb == 'b')
		add_binary(out, magnitude);
	else
		buf_printf(out,
			verb == 'd'   ? "%" PRIu64
			: verb == 'o' ? "%" PRIo64
			: verb == 'x' ? "%" PRIx64
				      : "%" PRIX64,
			magnitude);
	return true;
}

static bool add_float(struct buf *out, char verb, int precision, const struct cel_value *value)
{
	double number = value->type == CEL_INT	  ? (double)value->as.integer
			: value->type == CEL_UINT ? (double)value->as.natural
						  : value->as.number;

	if (value->type != CEL_INT && value->type != CEL_UINT && value->type != CEL_DOUBLE)
		return false;
	if (!isfinite(number)) {
		buf_add_cstr(out, isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
		return true;
	}
	buf_printf(out, verb == 'e' ? "%.*e" : "%.*f", precision, number);
	return true;
}

static void add_hex_text(struct buf *out, char verb, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_printf(out, verb == 'x' ? "%02x" : "%02X", (unsigned char)text.ptr[i]);
}

/* One verb with its argument; false when they do not fit. */
static bool add_verb(struct cel_run *run, struct buf *out, char verb, int precision,
	const struct cel_value *value)
{
	switch (verb) {
	case 's':
		add_string(run, out, value);
		return value->type != CEL_OPTIONAL;
	case 'f':
	case 'e':
		return add_float(out, verb, precision, value);
	case 'b':
		if (value->type == CEL_BOOL) {
			buf_add_byte(out, value->as.boolean ? '1' : '0');
			return true;
		}
		return add_integer(out, verb, value);
	case 'x':
	case 'X':
		if (value->type == CEL_STRING || value->type == CEL_BYTES) {
			add_hex_text(out, verb, value->as.text);
			return true;
		}
		return add_integer(out, verb, value);
	case 'd':
		if (value->type == CEL_DOUBLE) {
			add_string(run, out, value);
			return true;
		}
		return add_integer(out, verb, value);
	case 'o':
		return add_integer(out, verb, value);
	default:
		return false;
	}
}

/* Digits behind ".", at most MAX_PRECISION; the default is 6. The place of the dot itself when no
 * digit follows, which is no verb. */
static size_t take_precision(struct str format, size_t at, int *ret)
{
	*ret = 6;
	if (at >= format.len || format.ptr[at] != '.')
		return at;
	*ret = 0;
	if (at + 1 >= format.len || format.ptr[at + 1] < '0' || format.ptr[at + 1] > '9')
		return at;
	for (at++; at < format.len && format.ptr[at] >= '0' && format.ptr[at] <= '9'; at++) {
		*ret = *ret * 10 + (format.ptr[at] - '0');
		if (*ret > MAX_PRECISION)
			*ret = MAX_PRECISION;
	}
	return at;
}

static int call_format(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(MAX_RESULT);
	struct str format = arguments[0].as.text;
	size_t used = 0;

	if (arguments[0].type != CEL_STRING || arguments[1].type != CEL_LIST)
		return cel_no_overload(run, "format", arguments, count);
	for (size_t at = 0; at < format.len; at++) {
		struct cel_value value;
		int precision;

		if (format.ptr[at] != '%' ||
			(at + 1 < format.len && format.ptr[at + 1] == '%' && ++at)) {
			buf_add_byte(&out, format.ptr[at]);
			continue;
		}
		at = take_precision(format, at + 1, &precision);
		if (at >= format.len)
			return cel_fail(run, "format: unfinished verb at the end");
		if (used >= cel_count(&arguments[1]))
			return cel_fail(run, "format: more verbs than arguments");
		value = cel_item(&arguments[1], used++);
		if (!add_verb(run, &out, format.ptr[at], precision, &value))
			return cel_fail(run, "format: verb %zu does not fit a %s", used,
				cel_type_name(&value));
	}
	return give(run, &out, ret);
}

const struct cel_builtin cel_string_functions[] = {
	{"charAt", CEL_METHOD, 2, 2, call_char_at},
	{"indexOf", CEL_METHOD, 2, 3, call_index_of},
	{"lastIndexOf", CEL_METHOD, 2, 3, call_last_index_of},
	{"substring", CEL_METHOD, 2, 3, call_substring},
	{"lowerAscii", CEL_METHOD, 1, 1, call_lower},
	{"upperAscii", CEL_METHOD, 1, 1, call_upper},
	{"trim", CEL_METHOD, 1, 1, call_trim},
	{"reverse", CEL_METHOD, 1, 1, call_reverse},
	{"strings.quote", CEL_GLOBAL, 1, 1, call_quote},
	{"replace", CEL_METHOD, 3, 4, call_replace},
	{"split", CEL_METHOD, 2, 3, call_split},
	{"join", CEL_METHOD, 1, 2, call_join},
	{"format", CEL_METHOD, 2, 2, call_format},
	{NULL, 0, 0, 0, NULL},
};
