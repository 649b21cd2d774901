/*
 * template_scan.c - names, literals and marks of a template's actions.
 *
 * Whether white space stands before a token matters (".a.b" is one operand, ".a .b" are two), so
 * each token carries it. Literals follow Go: strings with its escapes, raw strings in backquotes,
 * character constants as numbers.
 */
#include "data/template_scan.h"

#include <stdarg.h>

#include "base/cleanup.h"
#include "data/template.h"

int template_scan_fail(struct template_scanner *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error_vset(s->err, ERROR_INVALID, format, ap);
	va_end(ap);
	return error_prefix(s->err, "line %u", s->line);
}

int template_scan_no_memory(struct template_scanner *s)
{
	return error_set(s->err, ERROR_MEMORY, "out of memory while parsing a template");
}

struct str template_scan_rest(const struct template_scanner *s)
{
	return str_slice(s->text, s->position, s->text.len - s->position);
}

void template_scan_advance(struct template_scanner *s, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (s->text.ptr[s->position++] == '\n')
			s->line++;
	}
}

static char peek(const struct template_scanner *s)
{
	return s->position < s->text.len ? s->text.ptr[s->position] : '\0';
}

bool template_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool template_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static void add_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_add_byte(out, (char)c);
	} else if (c < 0x800) {
		buf_add_byte(out, (char)(0xC0 | (c >> 6)));
		buf_add_byte(out, (char)(0x80 | (c & 0x3F)));
	} else if (c < 0x10000) {
		buf_add_byte(out, (char)(0xE0 | (c >> 12)));
		buf_add_byte(out, (char)(0x80 | ((c >> 6) & 0x3F)));
		buf_add_byte(out, (char)(0x80 | (c & 0x3F)));
	} else {
		buf_add_byte(out, (char)(0xF0 | (c >> 18)));
		buf_add_byte(out, (char)(0x80 | ((c >> 12) & 0x3F)));
		buf_add_byte(out, (char)(0x80 | ((c >> 6) & 0x3F)));
		buf_add_byte(out, (char)(0x80 | (c & 0x3F)));
	}
}

static int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* The number of `digits` digits at the position, or -1. */
static int64_t take_digits(struct template_scanner *s, unsigned digits, int base)
{
	int64_t value = 0;

	for (unsigned i = 0; i < digits; i++) {
		if (digit_value(peek(s)) >= base)
			return -1;
		value = value * base + digit_value(peek(s));
		s->position++;
	}
	return value;
}

/* What follows a backslash; the text need not stay UTF-8 in Go, here it must. */
static int scan_escape(struct template_scanner *s, struct buf *out)
{
	static const char names[] = "abfnrtv\\\"'";
	static const char values[] = "\a\b\f\n\r\t\v\\\"'";
	char c = peek(s);
	const char *known = c ? strchr(names, c) : NULL;
	int64_t code;

	if (known != NULL) {
		s->position++;
		buf_add_byte(out, values[known - names]);
		return 0;
	}
	if (c == 'x' || c == 'u' || c == 'U') {
		s->position++;
		code = take_digits(s, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16);
	} else {
		code = take_digits(s, 3, 8);
	}
	if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ||
		((c == 'x' || is_digit(c)) && code >= 0x80))
		return template_scan_fail(s, "invalid escape in a string");
	add_utf8(out, (uint32_t)code);
	return 0;
}

static int scan_quoted(struct template_scanner *s, struct str *ret)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(TEMPLATE_MAX_OUTPUT);
	char quote = s->text.ptr[s->position++];

	while (s->position < s->text.len && peek(s) != quote) {
		if (peek(s) == '\n')
			return template_scan_fail(s, "unterminated string");
		if (peek(s) == '\\') {
			s->position++;
			if (scan_escape(s, &out) != 0)
				return -1;
		} else {
			buf_add_byte(&out, s->text.ptr[s->position++]);
		}
	}
	if (s->position >= s->text.len)
		return template_scan_fail(s, "unterminated string");
	s->position++;
	*ret = arena_str(s->arena, buf_str(&out));
	return out.failed || str_is_null(*ret) ? template_scan_no_memory(s) : 0;
}

static int scan_raw(struct template_scanner *s, struct str *ret)
{
	struct str rest;
	ptrdiff_t end;

	s->position++;
	rest = template_scan_rest(s);
	end = str_index(rest, '`');
	if (end < 0)
		return template_scan_fail(s, "unterminated raw string");
	*ret = str_slice(rest, 0, (size_t)end);
	template_scan_advance(s, (size_t)end + 1);
	return 0;
}

static uint32_t first_character(struct str s)
{
	unsigned char c = (unsigned char)s.ptr[0];
	size_t len = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
	uint32_t code = len == 1 ? c : (uint32_t)(c & (0xFF >> (len + 1)));

	for (size_t i = 1; i < len && i < s.len; i++)
		code = (code << 6) | ((unsigned char)s.ptr[i] & 0x3F);
	return code;
}

static int scan_string(struct template_scanner *s, struct template_token *ret)
{
	char quote = peek(s);
	struct str text;

	if ((quote == '`' ? scan_raw(s, &text) : scan_quoted(s, &text)) != 0)
		return -1;
	if (quote == '\'') {
		if (text.len == 0)
			return template_scan_fail(s, "empty character constant");
		ret->literal = json_new_int(s->arena, first_character(text));
	} else {
		ret->literal = json_new_string(s->arena, text);
	}
	ret->type = TEMPLATE_TOKEN_LITERAL;
	return ret->literal ? 0 : template_scan_no_memory(s);
}

static int scan_number(struct template_scanner *s, struct template_token *ret)
{
	size_t start = s->position;
	struct str text;
	int64_t integer;
	double number;

	if (peek(s) == '+' || peek(s) == '-')
		s->position++;
	while (template_is_word(peek(s)) || peek(s) == '.' ||
		((peek(s) == '+' || peek(s) == '-') &&
			(s->text.ptr[s->position - 1] == 'e' ||
				s->text.ptr[s->position - 1] == 'E')))
		s->position++;
	text = str_slice(s->text, start, s->position - start);
	ret->type = TEMPLATE_TOKEN_LITERAL;
	if (text.ptr[0] == '+')
		text = str_slice(text, 1, text.len - 1);
	if (text.len > 2 && text.ptr[0] == '0' && (text.ptr[1] == 'x' || text.ptr[1] == 'X')) {
		s->position = start + 2;
		integer = text.len - 2 > 15 ? -1 : take_digits(s, (unsigned)text.len - 2, 16);
		if (integer < 0)
			return template_scan_fail(s, "bad number \"%" STR_F "\"", STR_A(text));
		ret->literal = json_new_int(s->arena, integer);
	} else if (str_to_int64(text, &integer)) {
		ret->literal = json_new_int(s->arena, integer);
	} else if (str_to_double(text, &number)) {
		ret->literal = json_new_double(s->arena, number);
	} else {
		return template_scan_fail(s, "bad number \"%" STR_F "\"", STR_A(text));
	}
	return ret->literal ? 0 : template_scan_no_memory(s);
}

static void scan_word(struct template_scanner *s, struct template_token *ret)
{
	size_t start = s->position;

	while (template_is_word(peek(s)))
		s->position++;
	ret->text = str_slice(s->text, start, s->position - start);
}

static int scan_dot_or_name(struct template_scanner *s, struct template_token *ret)
{
	char c = peek(s);

	if (c == '.' || c == '$')
		s->position++;
	scan_word(s, ret);
	if (c == '.')
		ret->type = ret->text.len > 0 ? TEMPLATE_TOKEN_FIELD : TEMPLATE_TOKEN_DOT;
	else
		ret->type = c == '$' ? TEMPLATE_TOKEN_VARIABLE : TEMPLATE_TOKEN_NAME;
	if (c != '$' && ret->type == TEMPLATE_TOKEN_NAME &&
		(str_eq_c(ret->text, "true") || str_eq_c(ret->text, "false"))) {
		ret->type = TEMPLATE_TOKEN_LITERAL;
		ret->literal = json_new_bool(s->arena, ret->text.ptr[0] == 't');
		return ret->literal ? 0 : template_scan_no_memory(s);
	}
	return 0;
}

static const struct {
	struct str text;
	enum template_token_type type;
} marks[] = {
	{{"}}", 2}, TEMPLATE_TOKEN_END},
	{{":=", 2}, TEMPLATE_TOKEN_DECLARE},
	{{"=", 1}, TEMPLATE_TOKEN_ASSIGN},
	{{"|", 1}, TEMPLATE_TOKEN_PIPE},
	{{"(", 1}, TEMPLATE_TOKEN_LEFT},
	{{")", 1}, TEMPLATE_TOKEN_RIGHT},
	{{",", 1}, TEMPLATE_TOKEN_COMMA},
};

int template_scan_next(struct template_scanner *s)
{
	struct template_token token = {0};
	struct str rest;
	char c;

	while (template_is_space(peek(s))) {
		template_scan_advance(s, 1);
		token.after_space = true;
	}
	rest = template_scan_rest(s);
	s->trim_next = token.after_space && str_starts_with(rest, STR("-}}"));
	if (s->trim_next)
		s->position++;
	rest = template_scan_rest(s);
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if (str_starts_with(rest, marks[i].text)) {
			s->position += marks[i].text.len;
			token.type = marks[i].type;
			s->token = token;
			return 0;
		}
	}
	c = peek(s);
	if (rest.len == 0)
		return template_scan_fail(s, "unclosed action");
	if (c == '"' || c == '`' || c == '\'') {
		if (scan_string(s, &token) != 0)
			return -1;
	} else if (is_digit(c) ||
		   ((c == '-' || c == '+' || c == '.') && rest.len > 1 && is_digit(rest.ptr[1]))) {
		if (scan_number(s, &token) != 0)
			return -1;
	} else if (c == '.' || c == '$' || template_is_word(c)) {
		if (scan_dot_or_name(s, &token) != 0)
			return -1;
	} else {
		return template_scan_fail(s, "unexpected character 0x%02x ('%c') in an action",
			(unsigned char)c, c > ' ' && c < 0x7F ? c : '?');
	}
	s->token = token;
	return 0;
}
