/*
 * yaml_scalar.c - the plain scalars of YAML's core schema, as Kubernetes' reader takes them.
 *
 * Beside the core schema of YAML 1.2 that is: octal with a leading 0 (files write `defaultMode:
 * 0644` and mean 420), 0b binary, and underscores between digits. The booleans of YAML 1.1 (yes,
 * no, on, off) are not taken: a country code must stay one.
 */
#include "data/yaml_scalar.h"

#include <stdlib.h>

#define DIGITS_MAX 64 /* of a number with a base; more do not fit 64 bits */

struct number {
	bool is_negative;
	struct str rest; /* without sign */
};

static struct number split_sign(struct str text)
{
	bool has_sign = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+');

	return (struct number){
		has_sign && text.ptr[0] == '-', str_slice(text, has_sign ? 1 : 0, text.len)};
}

static size_t skip_digits(struct str text, size_t at, bool *ret_any)
{
	for (; at < text.len &&
		((text.ptr[at] >= '0' && text.ptr[at] <= '9') || (text.ptr[at] == '_' && *ret_any));
		at++)
		*ret_any = true;
	return at;
}

/* The base that the prefix names, and the digits after it; 10 when there is none. */
static int take_base(struct str *digits)
{
	static const struct {
		struct str prefix;
		int base;
	} bases[] = {{STR("0x"), 16}, {STR("0X"), 16}, {STR("0o"), 8}, {STR("0b"), 2}};

	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		if (str_starts_with(*digits, bases[i].prefix)) {
			*digits = str_slice(*digits, 2, digits->len);
			return bases[i].base;
		}
	if (digits->len < 2 || digits->ptr[0] != '0')
		return 10;
	for (size_t i = 1; i < digits->len; i++)
		if ((digits->ptr[i] < '0' || digits->ptr[i] > '7') && digits->ptr[i] != '_')
			return 10;
	return 8;
}

static bool parse_based(struct str digits, int base, uint64_t *ret)
{
	char text[DIGITS_MAX + 1];
	size_t length = 0;
	char *end;

	for (size_t i = 0; i < digits.len; i++) {
		if (digits.ptr[i] == '_' && i > 0)
			continue;
		if (length == DIGITS_MAX || digits.ptr[i] == '-' || digits.ptr[i] == '+' ||
			digits.ptr[i] == 'x' || digits.ptr[i] == 'X')
			return false;
		text[length++] = digits.ptr[i];
	}
	text[length] = '\0';
	unsigned long long value = strtoull(text, &end, base);
	/* The largest is excluded too: strtoull answers with it on overflow. */
	if (length == 0 || end != text + length || text[0] == ' ' || value == UINT64_MAX)
		return false;
	*ret = value;
	return true;
}

/* Digits, at most one point, an exponent: YAML allows either side of the point to be empty. */
static enum yaml_scalar resolve_decimal(struct str text)
{
	bool any_digit = false, is_float = false;
	size_t at = skip_digits(text, 0, &any_digit);

	if (at < text.len && text.ptr[at] == '.') {
		is_float = true;
		at = skip_digits(text, at + 1, &any_digit);
	}
	if (!any_digit)
		return YAML_SCALAR_STRING;
	if (at < text.len && (text.ptr[at] == 'e' || text.ptr[at] == 'E')) {
		bool any_exponent = false;
		at++;
		if (at < text.len && (text.ptr[at] == '+' || text.ptr[at] == '-'))
			at++;
		at = skip_digits(text, at, &any_exponent);
		is_float = true;
		if (!any_exponent)
			return YAML_SCALAR_STRING;
	}
	if (at < text.len)
		return YAML_SCALAR_STRING;
	return is_float ? YAML_SCALAR_FLOAT : YAML_SCALAR_INT;
}

static bool is_word(struct str text, const char *const words[])
{
	for (size_t i = 0; words[i]; i++)
		if (str_eq_c(text, words[i]))
			return true;
	return false;
}

enum yaml_scalar yaml_scalar_resolve(struct str text)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	static const char *const infinities[] = {".inf", ".Inf", ".INF", NULL};
	static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};
	struct number number = split_sign(text);
	struct str digits = number.rest;
	uint64_t value;

	if (is_word(text, nulls))
		return YAML_SCALAR_NULL;
	if (is_word(text, trues))
		return YAML_SCALAR_TRUE;
	if (is_word(text, falses))
		return YAML_SCALAR_FALSE;
	if (is_word(text, nans) || is_word(digits, infinities))
		return YAML_SCALAR_NOT_FINITE;
	int base = take_base(&digits);
	if (base != 10)
		return parse_based(digits, base, &value) ? YAML_SCALAR_INT : YAML_SCALAR_STRING;
	return resolve_decimal(digits);
}

static bool is_digit(struct str text, size_t at)
{
	return at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9';
}

static struct str without_underscores(struct arena *arena, struct str text)
{
	char *out = arena_cstr(arena, text);
	size_t length = 0;

	if (!out)
		return STR_NULL;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != '_')
			out[length++] = text.ptr[i];
	return str_n(out, length);
}

/* "007." to "7", ".5" to "0.5": what JSON's grammar wants (RFC 8259 section 6). */
static struct str decimal_text(struct arena *arena, bool is_negative, struct str text)
{
	char *out = arena_alloc(arena, text.len + 3); /* sign, a zero before the point, NUL */
	size_t length = 0, at = 0;

	text = without_underscores(arena, text);
	if (!out || str_is_null(text))
		return STR_NULL;
	if (is_negative)
		out[length++] = '-';
	while (text.ptr[at] == '0' && is_digit(text, at + 1))
		at++;
	if (text.ptr[at] == '.')
		out[length++] = '0';
	for (; at < text.len; at++)
		if (text.ptr[at] != '.' || is_digit(text, at + 1))
			out[length++] = text.ptr[at];
	out[length] = '\0';
	return str_n(out, length);
}

struct str yaml_scalar_number(struct arena *arena, struct str text)
{
	struct number number = split_sign(text);
	struct str digits = number.rest;
	uint64_t value = 0;
	int base = take_base(&digits);

	if (base == 10)
		return decimal_text(arena, number.is_negative, digits);
	parse_based(digits, base, &value);
	return arena_printf(
		arena, "%s%llu", number.is_negative ? "-" : "", (unsigned long long)value);
}
