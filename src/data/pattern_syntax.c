/*
 * pattern_syntax.c - one pass over a pattern of RE2 that copies what PCRE2 reads the same, rewrites
 * what it reads otherwise and refuses what RE2 does not know.
 *
 * RE2 has only what can be matched in time linear in the text; keeping to it keeps a pattern's
 * meaning on a move from or to HyperFleet, and keeps out the constructs that blow up soonest.
 */
#include "data/pattern_syntax.h"

#include <ctype.h>
#include <string.h>

#include "data/pattern.h"

struct translation {
	struct str text;
	size_t at;
	struct buf *out;
	struct error *err;
};

/* What stands before a quantifier. */
enum before { NOTHING, SOMETHING, REPETITION };

static int peek(const struct translation *t, size_t offset)
{
	return t->at + offset < t->text.len ? (unsigned char)t->text.ptr[t->at + offset] : -1;
}

static bool looking_at(const struct translation *t, const char *mark)
{
	return str_starts_with(str_slice(t->text, t->at, t->text.len), str_of(mark));
}

static void copy(struct translation *t, size_t count)
{
	buf_add_str(t->out, str_slice(t->text, t->at, count));
	t->at += count;
}

static int refuse(struct translation *t, size_t from, const char *what)
{
	return error_set(t->err, ERROR_INVALID, "pattern \"%" STR_F "\": %s at offset %zu",
		STR_A(t->text), what, from);
}

/* --- escapes ------------------------------------------------------------------------------- */

/* \Q...\E, or to the end. */
static void literal_run(struct translation *t)
{
	t->at += 2;
	while (t->at < t->text.len && !looking_at(t, "\\E")) {
		if (ispunct(peek(t, 0)))
			buf_add_byte(t->out, '\\');
		copy(t, 1);
	}
	if (t->at < t->text.len)
		t->at += 2;
}

static int hexadecimal(struct translation *t, size_t from)
{
	size_t digits = 2;

	if (peek(t, 2) == '{') {
		for (digits = 3; isxdigit(peek(t, digits)); digits++)
			;
		if (peek(t, digits) != '}' || digits == 3)
			return refuse(t, from, "invalid escape");
		copy(t, digits + 1);
		return 0;
	}
	if (!isxdigit(peek(t, 2)) || !isxdigit(peek(t, 3)))
		return refuse(t, from, "invalid escape");
	copy(t, 4);
	return 0;
}

/* \123 or \0: as \x{..}, which has no other meaning. */
static int octal(struct translation *t, size_t from)
{
	unsigned value = 0;
	size_t digits = 0;

	if (peek(t, 1) != '0' && (peek(t, 2) < '0' || peek(t, 2) > '7'))
		return refuse(t, from, "backreferences are not supported");
	for (; digits < 3 && peek(t, 1 + digits) >= '0' && peek(t, 1 + digits) <= '7'; digits++)
		value = value * 8 + (unsigned)(peek(t, 1 + digits) - '0');
	t->at += 1 + digits;
	buf_printf(t->out, "\\x{%x}", value);
	return 0;
}

/* Properties that PCRE2 adds to Unicode's. */
static bool is_foreign_property(struct str name)
{
	return str_find(name, STR("&")) >= 0 || str_find(name, STR("=")) >= 0 ||
	       str_find(name, STR(":")) >= 0 ||
	       (name.len == 3 && (name.ptr[0] == 'X' || name.ptr[0] == 'x'));
}

static int property(struct translation *t, size_t from)
{
	struct str rest;

	if (peek(t, 2) != '{') {
		copy(t, peek(t, 2) < 0 ? 2 : 3);
		return 0;
	}
	rest = str_slice(t->text, t->at + 3, t->text.len);
	if (str_index(rest, '}') < 0 || is_foreign_property(str_cut(&rest, '}')))
		return refuse(t, from, "unknown property");
	copy(t, (size_t)(rest.ptr ? rest.ptr - t->text.ptr : (ptrdiff_t)t->text.len) - t->at);
	return 0;
}

/* At a backslash. */
static int escape(struct translation *t, bool in_class)
{
	static const char same[] = "dDwWafnrt";
	size_t from = t->at;
	int c = peek(t, 1);

	if (c < 0)
		return refuse(t, from, "a backslash at the end");
	if (c == 's')
		buf_add_cstr(t->out, in_class ? "\\t\\n\\f\\r " : "[\\t\\n\\f\\r ]");
	else if (c == 'S')
		buf_add_cstr(t->out, in_class ? "\\S\\x0B" : "[^\\t\\n\\f\\r ]");
	else if (c == 'v')
		buf_add_cstr(t->out, "\\x0B");
	else if (c == 'x')
		return hexadecimal(t, from);
	else if (c >= '0' && c <= '7')
		return octal(t, from);
	else if (c == 'p' || c == 'P')
		return property(t, from);
	else if (strchr(same, c) != NULL || (!in_class && strchr("bBAz", c) != NULL) ||
		 (c < 0x80 && ispunct(c)))
		buf_add_str(t->out, str_slice(t->text, t->at, 2));
	else
		return refuse(t, from, "invalid escape");
	t->at += 2;
	return 0;
}

/* --- classes ------------------------------------------------------------------------------- */

static bool at_named_class(const struct translation *t)
{
	struct str rest = str_slice(t->text, t->at, t->text.len);

	return str_starts_with(rest, STR("[:")) &&
	       str_find(str_slice(rest, 2, rest.len), STR(":]")) >= 0;
}

/* A hyphen after a class such as \d or [:alpha:] is one of the characters. */
static void hyphen(struct translation *t, bool after_class)
{
	if (after_class && peek(t, 1) != ']')
		buf_add_byte(t->out, '\\');
	copy(t, 1);
}

static int character_class(struct translation *t)
{
	size_t from = t->at;
	bool after_class = false;

	copy(t, 1);
	if (peek(t, 0) == '^')
		copy(t, 1);
	for (bool is_first = true; is_first || peek(t, 0) != ']'; is_first = false) {
		bool is_class = false;

		if (peek(t, 0) < 0)
			return refuse(t, from, "a bracket is not closed");
		if (peek(t, 0) == '\\') {
			is_class = peek(t, 1) > 0 && strchr("dDwWsSpP", peek(t, 1)) != NULL;
			if (escape(t, true) != 0)
				return -1;
		} else if (at_named_class(t)) {
			struct str rest = str_slice(t->text, t->at, t->text.len);

			is_class = true;
			copy(t, (size_t)str_find(rest, STR(":]")) + 2);
		} else if (peek(t, 0) == '-') {
			hyphen(t, after_class);
		} else {
			if (peek(t, 0) == '[' || (is_first && peek(t, 0) == ']'))
				buf_add_byte(t->out, '\\');
			copy(t, 1);
		}
		after_class = is_class;
	}
	copy(t, 1);
	return 0;
}

/* --- groups and repetition ----------------------------------------------------------------- */

/* (?flags) or (?flags: ; the count of bytes up to the closing mark, or 0. */
static size_t flags_length(const struct translation *t)
{
	size_t length = 2;
	bool has_minus = false, has_flag = false;

	for (;; length++) {
		int c = peek(t, length);

		if (c == '-' && !has_minus) {
			has_minus = true;
			has_flag = false;
		} else if (c > 0 && strchr("imsU", c) != NULL) {
			has_flag = true;
		} else {
			return (c == ')' || c == ':') && (has_flag || !has_minus) &&
					       (length > 2 || c == ':')
				       ? length + 1
				       : 0;
		}
	}
}

/* At an opening parenthesis; *ret: what stands before what follows. */
static int group(struct translation *t, enum before *ret)
{
	size_t from = t->at, length;

	*ret = NOTHING;
	if (peek(t, 1) != '?') {
		copy(t, 1);
		return 0;
	}
	if (looking_at(t, "(?P<") ||
		(looking_at(t, "(?<") && peek(t, 3) != '=' && peek(t, 3) != '!')) {
		copy(t, looking_at(t, "(?P<") ? 4 : 3);
		return 0;
	}
	length = flags_length(t);
	if (length == 0)
		return refuse(t, from,
			"this kind of group is not supported (no lookaround, atomic groups or "
			"conditions)");
	copy(t, length);
	return 0;
}

/* {n}, {n,}, {n,m}: its bytes, or 0; *ret_count is the greater number. */
static size_t repeat_length(const struct translation *t, unsigned *ret_count)
{
	size_t length = 1;

	*ret_count = 0;
	for (int part = 0; part < 2; part++) {
		unsigned count = 0;
		size_t start = length;

		for (; isdigit(peek(t, length)); length++) {
			if (count <= PATTERN_MAX_REPEAT)
				count = count * 10 + (unsigned)(peek(t, length) - '0');
		}
		if (part == 0 && length == start)
			return 0;
		if (count > *ret_count)
			*ret_count = count;
		if (peek(t, length) == '}')
			return length + 1;
		if (part > 0 || peek(t, length) != ',')
			return 0;
		length++;
	}
	return 0;
}

static int quantifier(struct translation *t, enum before *before)
{
	unsigned count = 0;
	size_t length = peek(t, 0) == '{' ? repeat_length(t, &count) : 1;

	if (length == 0) { /* a brace for itself */
		buf_add_byte(t->out, '\\');
		copy(t, 1);
		*before = SOMETHING;
		return 0;
	}
	if (*before != SOMETHING)
		return refuse(t, t->at,
			*before == NOTHING ? "nothing to repeat"
					   : "a repetition cannot be repeated");
	if (count > PATTERN_MAX_REPEAT)
		return refuse(t, t->at, "a repetition has a limit of 1000");
	if (peek(t, length) == '?')
		length++;
	copy(t, length);
	*before = REPETITION;
	return 0;
}

int pattern_translate(struct str text, struct buf *out, struct error *err)
{
	struct translation t = {.text = text, .out = out, .err = err};
	enum before before = NOTHING;
	int rc = 0;

	while (t.at < text.len && rc == 0) {
		switch (text.ptr[t.at]) {
		case '\\':
			if (peek(&t, 1) == 'Q')
				literal_run(&t);
			else
				rc = escape(&t, false);
			before = SOMETHING;
			break;
		case '[':
			rc = character_class(&t);
			before = SOMETHING;
			break;
		case '(':
			rc = group(&t, &before);
			break;
		case '|':
			copy(&t, 1);
			before = NOTHING;
			break;
		case '*':
		case '+':
		case '?':
		case '{':
			rc = quantifier(&t, &before);
			break;
		default:
			copy(&t, 1);
			before = SOMETHING;
		}
	}
	return rc;
}
