/*
 * json_parse.c - text to document, by recursive descent.
 *
 * Speed comes from three choices: strings are scanned eight bytes at a time and borrowed, not
 * copied, unless they hold an escape; numbers are only checked, and converted when somebody asks;
 * and values are read onto one stack of entries, from which each container is built in a single
 * allocation when it closes and its size is known. Rejected: a tape of tokens (documents are
 * changed in place here, and a tape is not), and SIMD by instruction set (one more code path per
 * machine for documents of a few kilobytes).
 */
#include <stdio.h>

#include "data/json_node.h"
#include "data/json_scan.h"

#define FIRST_ENTRIES 64 /* on the C stack, enough for most documents */

struct parser {
	struct arena *arena;
	const char *start, *at, *end;
	unsigned depth, max_depth;
	bool last_key_wins;
	struct error *err;
	struct json_entry *entries; /* values read, of the containers still open */
	size_t used, capacity;
	struct json_entry first_entries[FIRST_ENTRIES];
};

static bool parse_value(struct parser *p, struct json *ret);

/* --- failing ------------------------------------------------------------------------------- */

static bool fail_at(struct parser *p, const char *at, enum error_code code, const char *what)
{
	size_t line = 1, column = 1;

	for (const char *c = p->start; c < at; c++)
		if (*c == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)*c & 0xc0) != 0x80) {
			column++;
		}
	error_set(p->err, code, "line %zu, column %zu: %s", line, column, what);
	return false;
}

static bool fail(struct parser *p, const char *what)
{
	return fail_at(p, p->at, ERROR_INVALID, what);
}

static bool fail_memory(struct parser *p)
{
	error_set(p->err, ERROR_MEMORY, "the document does not fit into the memory for this work");
	return false;
}

static bool fail_unexpected(struct parser *p, const char *expected)
{
	char what[128];
	unsigned char byte = p->at < p->end ? (unsigned char)*p->at : 0;

	if (p->at == p->end)
		snprintf(what, sizeof(what), "the text ends where %s should be", expected);
	else if (byte > 0x20 && byte < 0x7f)
		snprintf(what, sizeof(what), "found '%c' where %s should be", byte, expected);
	else
		snprintf(
			what, sizeof(what), "found byte 0x%02x where %s should be", byte, expected);
	return fail(p, what);
}

static bool fail_duplicate(struct parser *p, struct str key)
{
	char what[ERROR_MESSAGE_MAX];
	/* A key that was borrowed tells its place; one that was unescaped does not. */
	bool is_borrowed = key.ptr > p->start && key.ptr < p->end;

	snprintf(what, sizeof(what), "duplicate key \"%" STR_F "\"", STR_A(str_slice(key, 0, 200)));
	return fail_at(p, is_borrowed ? key.ptr - 1 : p->at, ERROR_INVALID, what);
}

/* --- strings ------------------------------------------------------------------------------- */

static bool parse_hex4(struct parser *p, const char *at, uint32_t *ret)
{
	uint32_t unit = 0;

	if (p->end - at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		uint32_t digit;
		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (uint32_t)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (uint32_t)(c - 'A') + 10;
		else
			return false;
		unit = unit << 4 | digit;
	}
	*ret = unit;
	return true;
}

static char *put_utf8(char *out, uint32_t code)
{
	if (code < 0x80) {
		*out++ = (char)code;
		return out;
	}
	if (code < 0x800) {
		*out++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*out++ = (char)(0xe0 | code >> 12);
		} else {
			*out++ = (char)(0xf0 | code >> 18);
			*out++ = (char)(0x80 | (code >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (code & 0x3f));
	return out;
}

/* After "\u". Two units make a character outside the basic plane (RFC 8259 section 7). */
static char *parse_unicode(struct parser *p, char *out)
{
	uint32_t code, low;

	if (!parse_hex4(p, p->at + 2, &code)) {
		fail(p, "\\u must be followed by four hexadecimal digits");
		return NULL;
	}
	if (code >= 0xdc00 && code <= 0xdfff) {
		fail(p, "a low surrogate without its high one");
		return NULL;
	}
	if (code >= 0xd800 && code <= 0xdbff) {
		bool has_low = p->end - p->at >= 12 && p->at[6] == '\\' && p->at[7] == 'u' &&
			       parse_hex4(p, p->at + 8, &low) && low >= 0xdc00 && low <= 0xdfff;
		if (!has_low) {
			fail(p, "a high surrogate without its low one");
			return NULL;
		}
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		p->at += 6;
	}
	p->at += 6;
	return put_utf8(out, code);
}

static char *parse_escape(struct parser *p, char *out)
{
	static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";

	if (p->end - p->at < 2) {
		p->at = p->end;
		fail_unexpected(p, "the rest of a string");
		return NULL;
	}
	if (p->at[1] == 'u')
		return parse_unicode(p, out);
	const char *name = memchr(names, p->at[1], sizeof(names) - 1);
	if (!name) {
		fail(p, "an unknown escape in a string");
		return NULL;
	}
	*out++ = bytes[name - names];
	p->at += 2;
	return out;
}

/* Skips what stands for itself, and tells what ends it: '"', '\\', or 0 after a failure. */
static char skip_text(struct parser *p)
{
	for (;;) {
		p->at = json_skip_plain(p->at, p->end);
		if (p->at == p->end) {
			fail_unexpected(p, "the rest of a string");
			return 0;
		}
		unsigned char byte = (unsigned char)*p->at;
		if (byte == '"' || byte == '\\')
			return (char)byte;
		if (byte < 0x20) {
			fail(p, "a control character in a string must be escaped");
			return 0;
		}
		size_t length = json_utf8_length(p->at, p->end);
		if (length == 0) {
			fail(p, "a string is not valid UTF-8");
			return 0;
		}
		p->at += length;
	}
}

/* From the first escape on: the text before it is copied, and the rest decoded after it. */
static bool parse_escaped(struct parser *p, const char *start, struct str *ret)
{
	const char *closing = p->at;

	while (closing < p->end && *closing != '"')
		closing += *closing == '\\' && p->end - closing > 1 ? 2 : 1;
	/* No escape is shorter than what it stands for. */
	char *text = arena_alloc(p->arena, (size_t)(closing - start) + 1);
	if (!text)
		return fail_memory(p);
	char *out = text;
	for (;;) {
		size_t length = (size_t)(p->at - start);
		memcpy(out, start, length);
		out += length;
		if (*p->at == '"')
			break;
		out = parse_escape(p, out);
		if (!out)
			return false;
		start = p->at;
		if (!skip_text(p))
			return false;
	}
	p->at++;
	*out = '\0';
	*ret = str_n(text, (size_t)(out - text));
	return true;
}

static bool parse_string(struct parser *p, struct str *ret, bool *ret_is_plain)
{
	const char *start = ++p->at;
	char stop = skip_text(p);

	*ret_is_plain = stop == '"';
	if (stop == '\\')
		return parse_escaped(p, start, ret);
	*ret = str_n(start, (size_t)(p->at - start));
	p->at++;
	return stop != 0;
}

/* --- scalars ------------------------------------------------------------------------------- */

static bool skip_digits(struct parser *p)
{
	const char *start = p->at;

	while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
		p->at++;
	return p->at > start || fail_unexpected(p, "a digit");
}

static bool parse_number(struct parser *p, struct json *ret)
{
	const char *start = p->at;

	if (*p->at == '-')
		p->at++;
	const char *digits = p->at;
	if (!skip_digits(p))
		return false;
	if (*digits == '0' && p->at - digits > 1) {
		p->at = digits;
		return fail(p, "a number must not begin with a zero");
	}
	if (p->at < p->end && *p->at == '.') {
		p->at++;
		if (!skip_digits(p))
			return false;
	}
	if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
		p->at++;
		if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
			p->at++;
		if (!skip_digits(p))
			return false;
	}
	ret->type = JSON_NUMBER;
	ret->text = str_n(start, (size_t)(p->at - start));
	return true;
}

static bool parse_word(struct parser *p, struct str word, struct json *ret)
{
	if (!str_starts_with(str_n(p->at, (size_t)(p->end - p->at)), word))
		return fail_unexpected(p, "a value");
	ret->type = word.ptr[0] == 'n' ? JSON_NULL : JSON_BOOL;
	ret->is_true = word.ptr[0] == 't';
	p->at += word.len;
	return true;
}

/* --- containers ---------------------------------------------------------------------------- */

static void skip_space(struct parser *p)
{
	while (p->at < p->end &&
		(*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r'))
		p->at++;
}

static bool push(struct parser *p, struct str key, const struct json *value)
{
	if (p->used == p->capacity) {
		struct json_entry *grown =
			arena_alloc(p->arena, p->capacity * 2 * sizeof(*p->entries));
		if (!grown)
			return fail_memory(p);
		memcpy(grown, p->entries, p->used * sizeof(*grown));
		p->entries = grown;
		p->capacity *= 2;
	}
	p->entries[p->used++] = (struct json_entry){key, *value};
	return true;
}

/* Steps over the bracket; the entries from *ret_first on are the container's. */
static bool enter(struct parser *p, size_t *ret_first)
{
	char what[64];

	if (p->depth == p->max_depth) {
		snprintf(what, sizeof(what), "nested deeper than %u levels", p->max_depth);
		return fail_at(p, p->at, ERROR_TOO_LARGE, what);
	}
	p->depth++;
	p->at++;
	*ret_first = p->used;
	return true;
}

/* After a value: true at ',' with *ret_more, true at the bracket without. */
static bool parse_separator(struct parser *p, char bracket, bool *ret_more)
{
	skip_space(p);
	if (p->at == p->end || (*p->at != ',' && *p->at != bracket))
		return fail_unexpected(p, bracket == '}' ? "',' or '}'" : "',' or ']'");
	*ret_more = *p->at++ == ',';
	return true;
}

static bool close_array(struct parser *p, size_t first, struct json *ret)
{
	size_t count = p->used - first;
	struct json_entry *entries = p->entries + first;

	*ret = (struct json){.type = JSON_ARRAY, .arena = p->arena};
	p->used = first;
	p->depth--;
	if (count == 0)
		return true;
	if (count > UINT32_MAX / 4)
		return fail_memory(p);
	ret->items = arena_alloc(p->arena, count * (sizeof(struct json *) + sizeof(struct json)));
	if (!ret->items)
		return fail_memory(p);
	struct json *values = (struct json *)(ret->items + count);
	for (size_t i = 0; i < count; i++) {
		values[i] = entries[i].value;
		ret->items[i] = &values[i];
	}
	ret->count = ret->capacity = (uint32_t)count;
	return true;
}

static bool parse_array(struct parser *p, struct json *ret)
{
	size_t first;
	bool more = true;

	if (!enter(p, &first))
		return false;
	skip_space(p);
	if (p->at < p->end && *p->at == ']') {
		p->at++;
		more = false;
	}
	while (more) {
		struct json value = {0};
		if (!parse_value(p, &value) || !push(p, STR_NULL, &value) ||
			!parse_separator(p, ']', &more))
			return false;
	}
	return close_array(p, first, ret);
}

static bool close_object(struct parser *p, size_t first, struct json *ret)
{
	struct str duplicate;

	switch (json_object_fill(
		ret, p->arena, p->entries + first, p->used - first, p->last_key_wins, &duplicate)) {
	case JSON_FILL_DUPLICATE:
		return fail_duplicate(p, duplicate);
	case JSON_FILL_NO_MEMORY:
		return fail_memory(p);
	case JSON_FILL_DONE:
		break;
	}
	p->used = first;
	p->depth--;
	return true;
}

static bool parse_member(struct parser *p)
{
	struct json value = {0};
	struct str key;
	bool is_plain;

	skip_space(p);
	if (p->at == p->end || *p->at != '"')
		return fail_unexpected(p, "a key in quotes");
	if (!parse_string(p, &key, &is_plain))
		return false;
	skip_space(p);
	if (p->at == p->end || *p->at != ':')
		return fail_unexpected(p, "':'");
	p->at++;
	return parse_value(p, &value) && push(p, key, &value);
}

static bool parse_object(struct parser *p, struct json *ret)
{
	size_t first;
	bool more = true;

	if (!enter(p, &first))
		return false;
	skip_space(p);
	if (p->at < p->end && *p->at == '}') {
		p->at++;
		more = false;
	}
	while (more)
		if (!parse_member(p) || !parse_separator(p, '}', &more))
			return false;
	return close_object(p, first, ret);
}

/* --- the document -------------------------------------------------------------------------- */

static bool parse_value(struct parser *p, struct json *ret)
{
	skip_space(p);
	switch (p->at < p->end ? *p->at : '\0') {
	case '{':
		return parse_object(p, ret);
	case '[':
		return parse_array(p, ret);
	case '"':
		ret->type = JSON_STRING;
		return parse_string(p, &ret->text, &ret->is_plain);
	case 't':
		return parse_word(p, STR("true"), ret);
	case 'f':
		return parse_word(p, STR("false"), ret);
	case 'n':
		return parse_word(p, STR("null"), ret);
	case '-':
	case '0' ... '9':
		return parse_number(p, ret);
	default:
		return fail_unexpected(p, "a value");
	}
}

static void begin(struct parser *p, struct arena *arena, struct str text,
	const struct json_limits *limits, struct error *err)
{
	p->arena = arena;
	p->start = p->at = text.ptr ? text.ptr : "";
	p->end = p->start + text.len;
	p->depth = 0;
	p->max_depth = limits->max_depth ? limits->max_depth : JSON_MAX_DEPTH;
	p->last_key_wins = limits->last_key_wins;
	p->err = err;
	p->entries = p->first_entries;
	p->used = 0;
	p->capacity = FIRST_ENTRIES;
}

int json_parse(struct arena *arena, struct str text, const struct json_limits *limits,
	struct json **ret, struct error *err)
{
	static const struct json_limits defaults;
	struct parser p; /* not cleared: entries are written before they are read */
	struct json value = {0};

	limits = limits ? limits : &defaults;
	size_t max_bytes = limits->max_bytes ? limits->max_bytes : JSON_MAX_BYTES;
	if (text.len > max_bytes)
		return error_set(err, ERROR_TOO_LARGE,
			"the document has %zu bytes, more than the %zu allowed", text.len,
			max_bytes);
	begin(&p, arena, text, limits, err);
	if (!parse_value(&p, &value))
		return -1;
	skip_space(&p);
	if (p.at < p.end) {
		fail_unexpected(&p, "the end of the document");
		return -1;
	}
	struct json *root = arena_alloc(arena, sizeof(*root));
	if (!root) {
		fail_memory(&p);
		return -1;
	}
	*root = value;
	*ret = root;
	return 0;
}
