/*
 * cel_check_format.c - a literal format with a literal list: each verb has its argument, of a type
 * that it takes, and each argument its verb.
 */
#include "data/cel_check_format.h"

static const struct {
	char verb;
	const char *takes; /* letters of kinds */
} verbs[] = {
	{'s', "*"},
	{'d', "iud"},
	{'f', "iud"},
	{'e', "iud"},
	{'b', "iub"},
	{'x', "iusB"},
	{'X', "iusB"},
	{'o', "iu"},
};

static char letter_of(enum cel_static_kind kind)
{
	switch (kind) {
	case CEL_STATIC_INT:
		return 'i';
	case CEL_STATIC_UINT:
		return 'u';
	case CEL_STATIC_DOUBLE:
		return 'd';
	case CEL_STATIC_BOOL:
		return 'b';
	case CEL_STATIC_STRING:
		return 's';
	case CEL_STATIC_BYTES:
		return 'B';
	default:
		return '-';
	}
}

static bool takes(const char *letters, enum cel_static_kind kind)
{
	if (kind == CEL_STATIC_DYN || kind == CEL_STATIC_PARAMETER)
		return true;
	if (letters[0] == '*')
		return kind != CEL_STATIC_OPTIONAL;
	return strchr(letters, letter_of(kind)) != NULL;
}

static const char *find_verb(char verb)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (verbs[i].verb == verb)
			return verbs[i].takes;
	}
	return NULL;
}

/* Behind the digits of a precision, if there is one. */
static size_t skip_precision(struct str format, size_t at)
{
	size_t start = at + 1;

	if (at >= format.len || format.ptr[at] != '.')
		return at;
	for (at = start; at < format.len && format.ptr[at] >= '0' && format.ptr[at] <= '9'; at++)
		;
	return at > start ? at : start - 1;
}

const char *cel_check_format(struct str format, const enum cel_static_kind *kinds, size_t count)
{
	size_t used = 0;

	for (size_t at = 0; at < format.len; at++) {
		const char *letters;

		if (format.ptr[at] != '%')
			continue;
		at++;
		if (at < format.len && format.ptr[at] == '%')
			continue;
		at = skip_precision(format, at);
		if (at >= format.len)
			return "the format ends within a verb";
		letters = find_verb(format.ptr[at]);
		if (letters == NULL)
			return "the format has a verb that is none of %s %d %f %e %b %x %X %o";
		if (used == count)
			return "the format has more verbs than there are arguments";
		if (!takes(letters, kinds[used++]))
			return "a verb of the format does not take the type of its argument";
	}
	return used < count ? "the format has fewer verbs than there are arguments" : NULL;
}
