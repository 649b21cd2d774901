/*
 * json_number.c - number text by value, without rounding.
 *
 * A document may hold 12345678901234567890 or 0.1000; whoever reads it decides what fits. So
 * numbers stay text, and these functions answer about the text exactly: neither goes through a
 * double, which would call 9007199254740993 and 9007199254740992 equal.
 */
#include "data/json_node.h"

#define EXPONENT_MAX INT64_C(1000000000000000) /* saturates: far beyond what digits can balance */

/* Significant digits, without zeros at either end, and where the point is: 0.d1d2d3... * 10^point.
 * The digits may be interrupted by the '.' of the text. */
struct decimal {
	bool is_negative;
	const char *first;
	size_t digits; /* 0: the number is zero */
	int64_t point;
};

static int64_t parse_exponent(const char *at, const char *end)
{
	bool is_negative = at < end && *at == '-';
	int64_t exponent = 0;

	if (at < end && (*at == '-' || *at == '+'))
		at++;
	for (; at < end; at++)
		if (exponent < EXPONENT_MAX)
			exponent = exponent * 10 + (*at - '0');
	return is_negative ? -exponent : exponent;
}

static struct decimal decimal_of(struct str text)
{
	struct decimal number = {.is_negative = text.len && text.ptr[0] == '-'};
	const char *at = text.ptr + (number.is_negative ? 1 : 0), *end = text.ptr + text.len;
	const char *mantissa_end = at;
	bool is_after_point = false;
	size_t trailing_zeros = 0;

	while (mantissa_end < end && *mantissa_end != 'e' && *mantissa_end != 'E')
		mantissa_end++;
	for (; at < mantissa_end; at++) {
		if (*at == '.') {
			is_after_point = true;
			continue;
		}
		if (number.digits == 0 && *at == '0') {
			number.point -= is_after_point;
			continue;
		}
		if (number.digits == 0)
			number.first = at;
		number.digits++;
		number.point += !is_after_point;
		trailing_zeros = *at == '0' ? trailing_zeros + 1 : 0;
	}
	number.digits -= trailing_zeros;
	if (mantissa_end < end)
		number.point += parse_exponent(mantissa_end + 1, end);
	return number;
}

static char next_digit(const char **at)
{
	if (**at == '.')
		(*at)++;
	return *(*at)++;
}

bool json_number_equal(struct str a, struct str b)
{
	if (str_eq(a, b))
		return true;
	struct decimal left = decimal_of(a), right = decimal_of(b);
	if (left.digits != right.digits)
		return false;
	if (left.digits == 0)
		return true; /* -0 is 0 */
	if (left.is_negative != right.is_negative || left.point != right.point)
		return false;
	for (size_t i = 0; i < left.digits; i++)
		if (next_digit(&left.first) != next_digit(&right.first))
			return false;
	return true;
}

bool json_number_to_int(struct str text, int64_t *ret)
{
	struct decimal number = decimal_of(text);
	uint64_t value = 0, limit = (uint64_t)INT64_MAX + number.is_negative;

	if (number.digits == 0) {
		*ret = 0;
		return true;
	}
	if (number.point < (int64_t)number.digits || number.point > 19)
		return false; /* has a fraction, or is far out of range */
	for (int64_t i = 0; i < number.point; i++) {
		uint64_t digit = i < (int64_t)number.digits
					 ? (uint64_t)(next_digit(&number.first) - '0')
					 : 0;
		if (value > (limit - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*ret = number.is_negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}
