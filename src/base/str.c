/*
 * str.c - operations on borrowed strings.
 */
#include "base/str.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#define NUMBER_TEXT_MAX 64

struct str str_slice(struct str s, size_t start, size_t len)
{
	if (start > s.len)
		start = s.len;
	if (len > s.len - start)
		len = s.len - start;
	return (struct str){s.ptr ? s.ptr + start : NULL, len};
}

int str_cmp(struct str a, struct str b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;

	if (order)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

int str_casecmp(struct str a, struct str b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter ? strncasecmp(a.ptr, b.ptr, shorter) : 0;

	if (order)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

ptrdiff_t str_index(struct str s, char byte)
{
	const char *at = s.len ? memchr(s.ptr, byte, s.len) : NULL;

	return at ? at - s.ptr : -1;
}

ptrdiff_t str_find(struct str s, struct str needle)
{
	if (needle.len == 0)
		return 0;
	const char *at = s.len ? memmem(s.ptr, s.len, needle.ptr, needle.len) : NULL;

	return at ? at - s.ptr : -1;
}

static bool is_space(char byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

struct str str_trim(struct str s)
{
	while (s.len && is_space(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len && is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct str str_cut(struct str *rest, char separator)
{
	ptrdiff_t at = str_index(*rest, separator);
	struct str front = *rest;

	if (at < 0) {
		*rest = STR_NULL;
		return front;
	}
	front.len = (size_t)at;
	rest->ptr += at + 1;
	rest->len -= (size_t)at + 1;
	return front;
}

/* strtoll and strtod need a NUL, and skip white space that we refuse. */
static bool number_text(struct str s, char text[NUMBER_TEXT_MAX])
{
	if (s.len == 0 || s.len >= NUMBER_TEXT_MAX || is_space(s.ptr[0]))
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	return true;
}

bool str_to_int64(struct str s, int64_t *ret)
{
	char text[NUMBER_TEXT_MAX], *end;

	if (!number_text(s, text))
		return false;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (errno || end != text + s.len)
		return false;
	*ret = number;
	return true;
}

bool str_to_double(struct str s, double *ret)
{
	char text[NUMBER_TEXT_MAX * 8], *end;

	if (s.len == 0 || s.len >= sizeof(text) || is_space(s.ptr[0]))
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	/* strtod takes names ("inf", "nan") and hexadecimal too. */
	if (strspn(text, "0123456789+-.eE") != s.len)
		return false;
	errno = 0;
	double number = strtod(text, &end);
	if (end != text + s.len || (errno == ERANGE && isinf(number)))
		return false;
	*ret = number;
	return true;
}
