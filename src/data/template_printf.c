/*
 * template_printf.c - Go's formatted printing, the verbs that text needs.
 *
 * Where Go writes "%!d(string=x)" into the output and goes on, this fails: a manifest with such a
 * text in it would be applied.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "data/template.h"
#include "data/template_tree.h"

#define MAX_WIDTH 1000u /* of a field, and its precision */
#define NUMBER_TEXT_MAX                                                          \
	1400u /* %f of the largest double with MAX_WIDTH digits behind the point \
	       */

struct verb {
	char name;
	bool minus, plus, sharp, zero, space;
	bool has_precision;
	unsigned width, precision;
};

static size_t parse_number(struct str format, size_t at, unsigned *ret)
{
	*ret = 0;
	while (at < format.len && format.ptr[at] >= '0' && format.ptr[at] <= '9') {
		*ret = *ret * 10 + (unsigned)(format.ptr[at++] - '0');
		if (*ret > MAX_WIDTH)
			*ret = MAX_WIDTH;
	}
	return at;
}

/* The verb behind the % at `at - 1`; returns the position behind it, 0 at the end of the text. */
static size_t parse_verb(struct str format, size_t at, struct verb *ret)
{
	struct verb verb = {0};

	for (; at < format.len && strchr("-+# 0", format.ptr[at]) != NULL; at++) {
		verb.minus |= format.ptr[at] == '-';
		verb.plus |= format.ptr[at] == '+';
		verb.sharp |= format.ptr[at] == '#';
		verb.zero |= format.ptr[at] == '0';
		verb.space |= format.ptr[at] == ' ';
	}
	at = parse_number(format, at, &verb.width);
	if (at < format.len && format.ptr[at] == '.') {
		verb.has_precision = true;
		at = parse_number(format, at + 1, &verb.precision);
	}
	if (at >= format.len)
		return 0;
	verb.name = format.ptr[at];
	*ret = verb;
	return at + 1;
}

static size_t count_characters(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
	return count;
}

/* The first `count` characters. */
static struct str cut_characters(struct str text, size_t count)
{
	size_t seen = 0, i;

	for (i = 0; i < text.len; i++) {
		if (((unsigned char)text.ptr[i] & 0xC0) != 0x80 && seen++ == count)
			break;
	}
	return str_slice(text, 0, i);
}

static void add_padded(struct buf *out, const struct verb *verb, struct str text)
{
	size_t len = count_characters(text);
	size_t missing = verb->width > len ? verb->width - len : 0;

	if (verb->minus)
		buf_add_str(out, text);
	for (size_t i = 0; i < missing; i++)
		buf_add_byte(out, ' ');
	if (!verb->minus)
		buf_add_str(out, text);
}

static void add_hex(struct buf *out, const struct verb *verb, struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_printf(out, verb->name == 'x' ? "%02x" : "%02X", (unsigned char)text.ptr[i]);
}

static void add_text_verb(
	struct buf *out, const struct verb *verb, const struct template_value *value)
{
	CLEANUP(buf_free) struct buf plain = BUF_INITIALIZER(TEMPLATE_MAX_OUTPUT);
	CLEANUP(buf_free) struct buf shown = BUF_INITIALIZER(TEMPLATE_MAX_OUTPUT);
	struct str text;

	template_print(&plain, value);
	text = buf_str(&plain);
	if (verb->has_precision)
		text = cut_characters(text, verb->precision);
	if (verb->name == 'q')
		template_quote(&shown, text);
	else if (verb->name == 'x' || verb->name == 'X')
		add_hex(&shown, verb, text);
	else
		buf_add_str(&shown, text);
	if (plain.failed || shown.failed)
		out->failed = true;
	add_padded(out, verb, buf_str(&shown));
}

/* The C conversion of the same meaning: flags, width, precision, then `conversion`. */
static void c_format(char out[32], const struct verb *verb, const char *conversion)
{
	char precision[16] = "";
	char width[16] = "";

	if (verb->has_precision)
		snprintf(precision, sizeof(precision), ".%u", verb->precision);
	if (verb->width > 0)
		snprintf(width, sizeof(width), "%u", verb->width);
	snprintf(out, 32, "%%%s%s%s%s%s%s%s%s", verb->minus ? "-" : "", verb->plus ? "+" : "",
		verb->sharp ? "#" : "", verb->zero ? "0" : "", verb->space ? " " : "", width,
		precision, conversion);
}

static void add_binary(struct buf *out, const struct verb *verb, int64_t integer)
{
	char digits[66];
	size_t at = sizeof(digits);
	uint64_t rest = integer < 0 ? 0 - (uint64_t)integer : (uint64_t)integer;

	do {
		digits[--at] = (char)('0' + (rest & 1));
		rest >>= 1;
	} while (rest > 0);
	if (integer < 0)
		digits[--at] = '-';
	add_padded(out, verb, str_n(digits + at, sizeof(digits) - at));
}

static void add_character(struct buf *out, const struct verb *verb, int64_t code)
{
	struct verb plain = *verb;
	char text[4];
	size_t len = 1;

	if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
		code = 0xFFFD;
	if (code < 0x80) {
		text[0] = (char)code;
	} else {
		size_t rest = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
		static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};

		len = rest + 1;
		text[0] = (char)(lead[rest] | (unsigned char)(code >> (6 * rest)));
		for (size_t i = 1; i < len; i++)
			text[i] = (char)(0x80 | ((code >> (6 * (rest - i))) & 0x3F));
	}
	plain.zero = false;
	add_padded(out, &plain, str_n(text, len));
}

static int add_integer_verb(struct template_call *call, struct buf *out, const struct verb *verb,
	const struct template_value *value)
{
	static const struct {
		char verb;
		const char *conversion;
	} conversions[] = {{'d', PRId64}, {'x', PRIx64}, {'X', PRIX64}, {'o', PRIo64}};
	char format[32], text[NUMBER_TEXT_MAX];
	int64_t integer;

	if (value->is_time || !json_is(value->json, JSON_NUMBER) ||
		!json_to_int(value->json, &integer))
		return template_fail(call, ERROR_INVALID, "printf: %%%c needs an integer, got %s",
			verb->name, template_type_name(value));
	if (verb->name == 'c') {
		add_character(out, verb, integer);
		return 0;
	}
	if (verb->name == 'b') {
		add_binary(out, verb, integer);
		return 0;
	}
	for (size_t i = 0; i < sizeof(conversions) / sizeof(conversions[0]); i++) {
		if (conversions[i].verb == verb->name) {
			c_format(format, verb, conversions[i].conversion);
			snprintf(text, sizeof(text), format, integer);
			buf_add_cstr(out, text);
		}
	}
	return 0;
}

static int add_float_verb(struct template_call *call, struct buf *out, const struct verb *verb,
	const struct template_value *value)
{
	char format[32], conversion[2] = {verb->name, '\0'};
	char text[NUMBER_TEXT_MAX];

	if (value->is_time || !json_is(value->json, JSON_NUMBER))
		return template_fail(call, ERROR_INVALID, "printf: %%%c needs a number, got %s",
			verb->name, template_type_name(value));
	c_format(format, verb, conversion);
	snprintf(text, sizeof(text), format, json_double(value->json, 0));
	buf_add_cstr(out, text);
	return 0;
}

static int add_verb(struct template_call *call, struct buf *out, const struct verb *verb,
	const struct template_value *value)
{
	bool is_string = !value->is_time && json_is(value->json, JSON_STRING);

	switch (verb->name) {
	case 'v':
		add_text_verb(out, verb, value);
		return 0;
	case 's':
	case 'q':
		if (!is_string && !value->is_time)
			break;
		add_text_verb(out, verb, value);
		return 0;
	case 't':
		if (!json_is(value->json, JSON_BOOL))
			break;
		add_text_verb(out, verb, value);
		return 0;
	case 'T':
		add_padded(out, verb, str_of(template_type_name(value)));
		return 0;
	case 'x':
	case 'X':
		if (is_string) {
			add_text_verb(out, verb, value);
			return 0;
		}
		return add_integer_verb(call, out, verb, value);
	case 'd':
	case 'o':
	case 'b':
	case 'c':
		return add_integer_verb(call, out, verb, value);
	case 'f':
	case 'F':
	case 'e':
	case 'E':
	case 'g':
	case 'G':
		return add_float_verb(call, out, verb, value);
	default:
		return template_fail(call, ERROR_INVALID, "printf: unknown verb %%%c",
			verb->name > ' ' && verb->name < 0x7F ? verb->name : '?');
	}
	return template_fail(call, ERROR_INVALID, "printf: %%%c does not fit %s (%%v fits all)",
		verb->name, template_type_name(value));
}

int template_printf(struct template_call *call, const struct template_value *arguments,
	size_t count, struct buf *out)
{
	struct str format = json_str(arguments[0].json);
	size_t used = 1;

	if (str_is_null(format))
		return template_fail(call, ERROR_INVALID, "printf: the format must be a string");
	for (size_t at = 0; at < format.len;) {
		struct verb verb;

		if (format.ptr[at] != '%') {
			buf_add_byte(out, format.ptr[at++]);
			continue;
		}
		at = parse_verb(format, at + 1, &verb);
		if (at == 0)
			return template_fail(
				call, ERROR_INVALID, "printf: the format ends in a %%");
		if (verb.name == '%') {
			buf_add_byte(out, '%');
			continue;
		}
		if (used >= count)
			return template_fail(
				call, ERROR_INVALID, "printf: more verbs than arguments");
		if (add_verb(call, out, &verb, &arguments[used++]) != 0)
			return -1;
	}
	return used == count
		       ? 0
		       : template_fail(call, ERROR_INVALID, "printf: more arguments than verbs");
}
