/*
 * cel_scan.c - the tokens of an expression: names, literals, marks.
 */
#include <math.h>
#include <stdarg.h>

#include "base/cleanup.h"
#include "data/cel_tree.h"

static char at(const struct cel_scanner *s, size_t offset)
{
	return s->position + offset < s->text.len ? s->text.ptr[s->position + offset] : '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_';
}

int cel_locate(struct str text, size_t position, struct error *err)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < position && i < text.len; i++) {
		column = text.ptr[i] == '\n' ? 1 : column + 1;
		line += text.ptr[i] == '\n';
	}
	return error_prefix(err, "line %zu, column %zu", line, column);
}

int cel_scan_fail(struct cel_scanner *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error_vset(s->err, ERROR_INVALID, format, ap);
	va_end(ap);
	return cel_locate(s->text, s->token.position, s->err);
}

static int out_of_memory(struct cel_scanner *s)
{
	return error_set(s->err, ERROR_MEMORY, "out of memory while parsing an expression");
}

/* White space and comments. */
static void skip(struct cel_scanner *s)
{
	for (;;) {
		while (s->position < s->text.len && strchr(" \t\r\n\f", at(s, 0)) != NULL &&
			at(s, 0) != '\0')
			s->position++;
		if (at(s, 0) != '/' || at(s, 1) != '/')
			return;
		while (s->position < s->text.len && at(s, 0) != '\n')
			s->position++;
	}
}

/* --- strings ------------------------------------------------------------------------------- */

static void add_character(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_add_byte(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_add_byte(out, (char)(0xC0 | (c >> 6)));
	} else if (c < 0x10000) {
		buf_add_byte(out, (char)(0xE0 | (c >> 12)));
		buf_add_byte(out, (char)(0x80 | ((c >> 6) & 0x3F)));
	} else {
		buf_add_byte(out, (char)(0xF0 | (c >> 18)));
		buf_add_byte(out, (char)(0x80 | ((c >> 12) & 0x3F)));
		buf_add_byte(out, (char)(0x80 | ((c >> 6) & 0x3F)));
	}
	buf_add_byte(out, (char)(0x80 | (c & 0x3F)));
}

static int digit_value(char c)
{
	return is_digit(c)	      ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : 99;
}

/* `count` digits at the position as a number, or -1. */
static int64_t take_digits(struct cel_scanner *s, int count, int base)
{
	int64_t value = 0;

	for (int i = 0; i < count; i++) {
		if (digit_value(at(s, 0)) >= base)
			return -1;
		value = value * base + digit_value(at(s, 0));
		s->position++;
	}
	return value;
}

/* What follows a backslash. In bytes, \x and octal are bytes; in strings, code points. */
static int scan_escape(struct cel_scanner *s, bool is_bytes, struct buf *out)
{
	static const char names[] = "abfnrtv\\?\"'`";
	static const char values[] = "\a\b\f\n\r\t\v\\?\"'`";
	char c = at(s, 0);
	const char *known = c ? strchr(names, c) : NULL;
	bool is_long = c == 'u' || c == 'U';
	int64_t code;

	if (known != NULL) {
		s->position++;
		buf_add_byte(out, values[known - names]);
		return 0;
	}
	if (c == 'x' || c == 'X' || is_long) {
		s->position++;
		code = take_digits(s, c == 'u' ? 4 : c == 'U' ? 8 : 2, 16);
	} else {
		code = take_digits(s, 3, 8);
	}
	if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ||
		(is_bytes && (is_long || code > 0xFF)))
		return cel_scan_fail(s, "invalid escape in a string");
	if (is_bytes)
		buf_add_byte(out, (char)code);
	else
		add_character(out, (uint32_t)code);
	return 0;
}

/* "..", '..', """..""" and '''..''', with r (raw) and b (bytes) before; the position is at the
 * quote. */
static int scan_string(struct cel_scanner *s, bool is_raw, bool is_bytes)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(CEL_MAX_TEXT);
	char quote = at(s, 0);
	bool is_triple = at(s, 1) == quote && at(s, 2) == quote;

	s->position += is_triple ? 3 : 1;
	for (;;) {
		if (s->position >= s->text.len || (!is_triple && at(s, 0) == '\n'))
			return cel_scan_fail(s, "unterminated string");
		if (at(s, 0) == quote && (!is_triple || (at(s, 1) == quote && at(s, 2) == quote)))
			break;
		if (at(s, 0) == '\\' && !is_raw) {
			s->position++;
			if (scan_escape(s, is_bytes, &out) != 0)
				return -1;
			continue;
		}
		buf_add_byte(&out, s->text.ptr[s->position++]);
	}
	s->position += is_triple ? 3 : 1;
	s->token.type = CEL_TOKEN_LITERAL;
	s->token.literal = cel_string(arena_str(s->arena, buf_str(&out)));
	if (is_bytes)
		s->token.literal.type = CEL_BYTES;
	return out.failed || str_is_null(s->token.literal.as.text) ? out_of_memory(s) : 0;
}

/* --- numbers ------------------------------------------------------------------------------- */

static int scan_hex(struct cel_scanner *s)
{
	size_t start = s->position;
	uint64_t value = 0;

	while (digit_value(at(s, 0)) < 16) {
		value = (value << 4) | (uint64_t)digit_value(at(s, 0));
		s->position++;
	}
	if (s->position == start || s->position - start > 16)
		return cel_scan_fail(s, "invalid hexadecimal number");
	s->token.literal = (struct cel_value){.type = CEL_UINT, .as.natural = value};
	return 0;
}

/* The digits at the position as an unsigned number; false on overflow. */
static bool scan_natural(struct cel_scanner *s, uint64_t *ret)
{
	uint64_t value = 0;
	bool fits = true;

	for (; is_digit(at(s, 0)); s->position++) {
		fits = fits && !__builtin_mul_overflow(value, 10u, &value) &&
		       !__builtin_add_overflow(value, (uint64_t)(at(s, 0) - '0'), &value);
	}
	*ret = value;
	return fits;
}

static bool scan_fraction(struct cel_scanner *s)
{
	size_t start = s->position;
	size_t sign;

	if (at(s, 0) == '.' && is_digit(at(s, 1))) {
		s->position++;
		while (is_digit(at(s, 0)))
			s->position++;
	}
	sign = at(s, 1) == '+' || at(s, 1) == '-';
	if ((at(s, 0) == 'e' || at(s, 0) == 'E') && is_digit(at(s, 1 + sign))) {
		s->position += 1 + sign;
		while (is_digit(at(s, 0)))
			s->position++;
	}
	return s->position > start;
}

/*
 * An integer comes out as a UINT that the parser turns into an INT (with its sign: the least INT
 * has no positive counterpart), unless a u follows, which stays part of the token's text.
 */
static int scan_number(struct cel_scanner *s)
{
	size_t start = s->position;
	uint64_t value = 0;
	double number;
	bool fits;

	s->token.type = CEL_TOKEN_LITERAL;
	if (at(s, 0) == '0' && (at(s, 1) == 'x' || at(s, 1) == 'X')) {
		s->position += 2;
		if (scan_hex(s) != 0)
			return -1;
	} else {
		fits = scan_natural(s, &value);
		if (scan_fraction(s)) {
			if (!str_to_double(
				    str_slice(s->text, start, s->position - start), &number) ||
				isinf(number))
				return cel_scan_fail(s, "invalid number");
			s->token.literal = cel_double(number);
			s->token.text = str_slice(s->text, start, s->position - start);
			return 0;
		}
		if (!fits)
			return cel_scan_fail(s, "the number is out of range");
		s->token.literal = (struct cel_value){.type = CEL_UINT, .as.natural = value};
	}
	if (at(s, 0) == 'u' || at(s, 0) == 'U')
		s->position++;
	s->token.text = str_slice(s->text, start, s->position - start);
	return is_word(at(s, 0)) ? cel_scan_fail(s, "invalid number") : 0;
}

/* --- tokens -------------------------------------------------------------------------------- */

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* r"..", b"..", br"..": the count of letters before the quote, or 0. */
static size_t string_prefix(const struct cel_scanner *s, bool *ret_raw, bool *ret_bytes)
{
	size_t count = 0;

	*ret_raw = *ret_bytes = false;
	for (; count < 2; count++) {
		char c = at(s, count);

		if ((c == 'r' || c == 'R') && !*ret_raw) /* the last */
			*ret_raw = true;
		else if ((c == 'b' || c == 'B') && !*ret_bytes && !*ret_raw)
			*ret_bytes = true;
		else
			break;
	}
	return count > 0 && is_quote(at(s, count)) ? count : 0;
}

/* `any-name`, after a dot. */
static int scan_quoted_name(struct cel_scanner *s)
{
	size_t start = ++s->position;

	while (is_word(at(s, 0)) || (at(s, 0) != '\0' && strchr("-./ ", at(s, 0)) != NULL))
		s->position++;
	if (at(s, 0) != '`' || s->position == start)
		return cel_scan_fail(
			s, "a name in backquotes has letters, digits, and _-./ or space");
	s->token.type = CEL_TOKEN_QUOTED;
	s->token.text = str_slice(s->text, start, s->position - start);
	s->position++;
	return 0;
}

static const struct str marks[] = {
	{"&&", 2},
	{"||", 2},
	{"==", 2},
	{"!=", 2},
	{"<=", 2},
	{">=", 2},
	{"<", 1},
	{">", 1},
	{"+", 1},
	{"-", 1},
	{"*", 1},
	{"/", 1},
	{"%", 1},
	{"!", 1},
	{"?", 1},
	{":", 1},
	{".", 1},
	{",", 1},
	{"(", 1},
	{")", 1},
	{"[", 1},
	{"]", 1},
	{"{", 1},
	{"}", 1},
};

static int scan_mark(struct cel_scanner *s)
{
	struct str rest = str_slice(s->text, s->position, s->text.len - s->position);
	unsigned char c = (unsigned char)rest.ptr[0];

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (str_starts_with(rest, marks[i])) {
			s->token.type = CEL_TOKEN_MARK;
			s->token.text = marks[i];
			s->position += marks[i].len;
			return 0;
		}
	}
	return cel_scan_fail(
		s, "unexpected character 0x%02x ('%c')", c, c > ' ' && c < 0x7F ? c : '?');
}

int cel_scan(struct cel_scanner *s)
{
	bool is_raw, is_bytes;
	size_t prefix;

	skip(s);
	s->token = (struct cel_token){.position = s->position};
	if (s->position >= s->text.len)
		return 0;
	prefix = string_prefix(s, &is_raw, &is_bytes);
	if (prefix > 0 || is_quote(at(s, 0))) {
		s->position += prefix;
		return scan_string(s, prefix > 0 && is_raw, prefix > 0 && is_bytes);
	}
	if (at(s, 0) == '`')
		return scan_quoted_name(s);
	if (is_digit(at(s, 0)) || (at(s, 0) == '.' && is_digit(at(s, 1))))
		return scan_number(s);
	if (!is_word(at(s, 0)))
		return scan_mark(s);
	while (is_word(at(s, 0)))
		s->position++;
	s->token.type = CEL_TOKEN_NAME;
	s->token.text = str_slice(s->text, s->token.position, s->position - s->token.position);
	return 0;
}
