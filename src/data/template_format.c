/*
 * template_format.c - how Go writes values and strings in quotes.
 *
 * Adapter files were written against Go's text/template, so what a value looks like in the output
 * is part of the contract: maps as map[a:1 b:2] with sorted keys, lists as [1 2], nothing as <no
 * value>, floats with the shortest text that reads back.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/template_tree.h"

#define FLOAT_DIGITS_MAX 17
#define FLOAT_DIGITS 6	/* before the point, until Go takes the exponent form */
#define WHOLE_DIGITS 21 /* the same for whole numbers: ours, see template_exec.c */

static void print_json(struct buf *out, const struct json *value);

/* The shortest %e text that reads back as the same number. */
static void shortest_float(double number, char out[40])
{
	for (int precision = 0; precision < FLOAT_DIGITS_MAX; precision++) {
		snprintf(out, 40, "%.*e", precision, number);
		if (strtod(out, NULL) == number)
			return;
	}
}

/* strconv.FormatFloat(number, 'g', -1, 64), but whole numbers stay whole. */
static void print_float(struct buf *out, double number)
{
	char text[40] = "0e+00";
	int exponent, digits;
	char *mark;

	if (number == 0 || isinf(number) || isnan(number)) {
		buf_add_cstr(out, isnan(number) ? "NaN"
				  : number > 0	? "+Inf"
				  : number < 0	? "-Inf"
						: "0");
		return;
	}
	shortest_float(number, text);
	mark = strchr(text, 'e');
	exponent = (int)strtol(mark + 1, NULL, 10);
	digits = (int)(mark - text) - (text[0] == '-') - (strchr(text, '.') != NULL);
	if (exponent < -4 || exponent >= (digits <= exponent + 1 ? WHOLE_DIGITS : FLOAT_DIGITS))
		buf_add_cstr(out, text);
	else
		buf_printf(out, "%.*f", digits - 1 > exponent ? digits - 1 - exponent : 0, number);
}

static void print_number(struct buf *out, const struct json *value)
{
	struct str text = json_number_text(value);
	int64_t integer;

	if (str_to_int64(text, &integer))
		buf_printf(out, "%" PRId64, integer);
	else
		print_float(out, json_double(value, 0));
}

struct member {
	struct str key;
	const struct json *value;
};

static int compare_members(const void *a, const void *b)
{
	return str_cmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static void print_map(struct buf *out, const struct json *map)
{
	size_t count = json_count(map);
	CLEANUP(cleanup_free) struct member *members = calloc(count + 1, sizeof(struct member));

	if (members == NULL) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++)
		members[i] = (struct member){json_key_at(map, i), json_at(map, i)};
	qsort(members, count, sizeof(struct member), compare_members);
	buf_add_cstr(out, "map[");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_byte(out, ' ');
		buf_add_str(out, members[i].key);
		buf_add_byte(out, ':');
		print_json(out, members[i].value);
	}
	buf_add_byte(out, ']');
}

static void print_list(struct buf *out, const struct json *list)
{
	const struct json *item;

	buf_add_byte(out, '[');
	json_for_each (list, i, item) {
		if (i > 0)
			buf_add_byte(out, ' ');
		print_json(out, item);
	}
	buf_add_byte(out, ']');
}

static void print_json(struct buf *out, const struct json *value)
{
	switch (json_type(value)) {
	case JSON_BOOL:
		buf_add_cstr(out, json_bool(value, false) ? "true" : "false");
		return;
	case JSON_NUMBER:
		print_number(out, value);
		return;
	case JSON_STRING:
		buf_add_str(out, json_str(value));
		return;
	case JSON_ARRAY:
		print_list(out, value);
		return;
	case JSON_OBJECT:
		print_map(out, value);
		return;
	case JSON_RAW:
		json_write(out, value, JSON_WRITE_COMPACT);
		return;
	case JSON_NULL:
		buf_add_cstr(out, "<nil>");
	}
}

void template_print(struct buf *out, const struct template_value *value)
{
	if (value->is_time)
		template_format_time(
			out, STR("2006-01-02 15:04:05.999999999 -0700 MST"), value->time_us);
	else if (json_is_null(value->json))
		buf_add_cstr(out, "<no value>");
	else
		print_json(out, value->json);
}

const char *template_type_name(const struct template_value *value)
{
	if (value->is_time)
		return "a time";
	return value->json == NULL ? "nothing" : json_type_name(json_type(value->json));
}

bool template_is_true(const struct template_value *value)
{
	if (value->is_time)
		return true;
	switch (json_type(value->json)) {
	case JSON_NULL:
		return false;
	case JSON_BOOL:
		return json_bool(value->json, false);
	case JSON_NUMBER:
		return json_double(value->json, 1) != 0;
	case JSON_STRING:
		return json_str(value->json).len > 0;
	case JSON_RAW:
		return true;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	return json_count(value->json) > 0;
}

void template_quote(struct buf *out, struct str text)
{
	static const char bytes[] = "\a\b\f\n\r\t\v\\\"";
	static const char names[] = "abfnrtv\\\"";

	buf_add_byte(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		const char *known = c ? strchr(bytes, c) : NULL;

		if (known != NULL) {
			buf_add_byte(out, '\\');
			buf_add_byte(out, names[known - bytes]);
		} else if ((unsigned char)c < ' ' || c == 0x7F) {
			buf_printf(out, "\\x%02x", (unsigned)c);
		} else {
			buf_add_byte(out, c);
		}
	}
	buf_add_byte(out, '"');
}
