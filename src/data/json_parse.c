/*
 * json_parse.c - text to values (RFC 8259), in one pass.
 *
 * Strings without escapes borrow from the text. Members and items are collected on a stack of the
 * parser's own and copied into the arena once, when their container closes, so nothing is left
 * behind by growing. Line and column are computed only when there is an error to tell.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/json.h"
#include "data/json_value.h"

#define STACK_FIRST 64u
#define LINEAR_KEYS 16u /* up to here duplicate keys are found by comparing all pairs */

struct pending {
	struct str key;
	const char *key_at; /* in the text, for messages */
	struct json *value;
};

struct parser {
	struct arena *arena;
	const char *begin;
	const char *at;
	const char *end;
	struct json_limits limits;
	struct pending *stack;
	size_t used, capacity;
	struct error *err;
};

static int fail_at(struct parser *parser, const char *at, const char *what, struct str detail)
{
	size_t line = 1, column = 1;

	for (const char *c = parser->begin; c < at; c++) {
		column++;
		if (*c == '\n') {
			line++;
			column = 1;
		}
	}
	if (detail.ptr)
		return error_set(parser->err, ERROR_INVALID,
			"line %zu, column %zu: %s \"%" STR_F "\"", line, column, what,
			(int)(detail.len < 80 ? detail.len : 80), detail.ptr);
	return error_set(
		parser->err, ERROR_INVALID, "line %zu, column %zu: %s", line, column, what);
}

static int fail(struct parser *parser, const char *what)
{
	if (parser->at >= parser->end)
		return fail_at(parser, parser->end, "the text ends too early", STR_NULL);
	return fail_at(parser, parser->at, what, STR_NULL);
}

static int fail_memory(struct parser *parser)
{
	return error_set(parser->err, ERROR_MEMORY, "the document needs more memory than allowed");
}

static void skip_space(struct parser *parser)
{
	while (parser->at < parser->end && (*parser->at == ' ' || *parser->at == '\n' ||
						   *parser->at == '\r' || *parser->at == '\t'))
		parser->at++;
}

/* Whether any of the eight bytes is a quote, a backslash, a control character or not ASCII. */
static bool has_special(uint64_t bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
	uint64_t quote = bytes ^ (ones * '"'), backslash = bytes ^ (ones * '\\');
	uint64_t found = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
			 (bytes - ones * 0x20) | bytes;

	return (found & highs) != 0;
}

/* Length of the UTF-8 character at `at`, 0 when it is not one (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF). */
static size_t utf8_length(const char *at, const char *end)
{
	const uint8_t *byte = (const uint8_t *)at;
	size_t left = (size_t)(end - at), length;
	uint8_t least = 0x80, most = 0xbf;

	if (byte[0] >= 0xc2 && byte[0] <= 0xdf)
		length = 2;
	else if ((byte[0] & 0xf0) == 0xe0)
		length = 3;
	else if (byte[0] >= 0xf0 && byte[0] <= 0xf4)
		length = 4;
	else
		return 0;
	if (byte[0] == 0xe0)
		least = 0xa0;
	else if (byte[0] == 0xed)
		most = 0x9f;
	else if (byte[0] == 0xf0)
		least = 0x90;
	else if (byte[0] == 0xf4)
		most = 0x8f;
	if (left < length || byte[1] < least || byte[1] > most)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four digits after \u, or -1. */
static int32_t hex4(const char *at, const char *end)
{
	int32_t code = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(at[i]);
		if (digit < 0)
			return -1;
		code = code * 16 + digit;
	}
	return code;
}

static size_t put_utf8(char *out, uint32_t code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* Decodes the escape after a backslash at parser->at. */
static int take_escape(struct parser *parser, char *out, size_t *used)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *start = parser->at - 1;

	if (parser->at >= parser->end)
		return fail(parser, "");
	char kind = *parser->at++;
	const char *simple = kind ? strchr(from, kind) : NULL;
	if (simple) {
		out[(*used)++] = to[simple - from];
		return 0;
	}
	if (kind != 'u')
		return fail_at(parser, start, "unknown escape", str_n(start, 2));
	int32_t code = hex4(parser->at, parser->end);
	if (code < 0)
		return fail_at(parser, start, "\\u needs four hexadecimal digits", STR_NULL);
	parser->at += 4;
	if (code >= 0xd800 && code <= 0xdbff && parser->end - parser->at >= 6 &&
		parser->at[0] == '\\' && parser->at[1] == 'u') {
		int32_t low = hex4(parser->at + 2, parser->end);
		if (low >= 0xdc00 && low <= 0xdfff) {
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
			parser->at += 6;
		}
	}
	if (code >= 0xd800 && code <= 0xdfff)
		return fail_at(parser, start, "lone surrogate", str_n(start, 6));
	*used += put_utf8(out + *used, (uint32_t)code);
	return 0;
}

/* Advances over plain characters; stops at a quote, a backslash, or what is wrong. */
static int skip_plain(struct parser *parser)
{
	while (parser->at < parser->end) {
		uint64_t bytes;
		if (parser->end - parser->at >= 8) {
			memcpy(&bytes, parser->at, sizeof(bytes));
			if (!has_special(bytes)) {
				parser->at += 8;
				continue;
			}
		}
		uint8_t byte = (uint8_t)*parser->at;
		if (byte == '"' || byte == '\\')
			return 0;
		if (byte < 0x20)
			return fail(
				parser, "control character in a string (write it as an escape)");
		if (byte < 0x80) {
			parser->at++;
			continue;
		}
		size_t length = utf8_length(parser->at, parser->end);
		if (length == 0)
			return fail(parser, "bytes that are not UTF-8");
		parser->at += length;
	}
	return fail(parser, "");
}

/* The rest of a string that has escapes; `start` is its first byte. */
static int take_escaped(struct parser *parser, const char *start, struct str *ret)
{
	/* A decoded string is never longer than its text. */
	const char *closing = parser->at;
	while (closing < parser->end && *closing != '"')
		closing += *closing == '\\' ? 2 : 1;
	if (closing >= parser->end) {
		parser->at = parser->end;
		return fail(parser, "");
	}
	char *out = arena_alloc(parser->arena, (size_t)(closing - start) + 1);
	if (!out)
		return fail_memory(parser);
	size_t used = (size_t)(parser->at - start);
	memcpy(out, start, used);
	while (*parser->at == '\\') {
		parser->at++;
		if (take_escape(parser, out, &used) < 0)
			return -1;
		const char *plain = parser->at;
		if (skip_plain(parser) < 0)
			return -1;
		memcpy(out + used, plain, (size_t)(parser->at - plain));
		used += (size_t)(parser->at - plain);
	}
	out[used] = '\0';
	*ret = str_n(out, used);
	parser->at++;
	return 0;
}

/* A string; parser->at is behind its opening quote. */
static int take_string(struct parser *parser, struct str *ret)
{
	const char *start = parser->at;

	if (skip_plain(parser) < 0)
		return -1;
	if (*parser->at == '\\')
		return take_escaped(parser, start, ret);
	*ret = str_n(start, (size_t)(parser->at - start));
	parser->at++;
	return 0;
}

static const char *skip_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

static int take_number(struct parser *parser, struct json **ret)
{
	const char *start = parser->at, *at = start, *digits;

	if (*at == '-')
		at++;
	digits = at;
	at = skip_digits(at, parser->end);
	if (at == digits)
		return fail(parser, "expected a value");
	if (*digits == '0' && at > digits + 1)
		return fail(parser, "a number may not begin with 0");
	if (at < parser->end && *at == '.') {
		digits = at + 1;
		at = skip_digits(digits, parser->end);
		if (at == digits)
			return fail(parser, "digits are missing after the decimal point");
	}
	if (at < parser->end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < parser->end && (*at == '+' || *at == '-'))
			at++;
		digits = at;
		at = skip_digits(digits, parser->end);
		if (at == digits)
			return fail(parser, "digits are missing in the exponent");
	}
	parser->at = at;
	*ret = json_new_number(parser->arena, str_n(start, (size_t)(at - start)));
	return *ret ? 0 : fail_memory(parser);
}

static int take_word(struct parser *parser, struct str word, struct json *value, struct json **ret)
{
	if (!str_starts_with(str_n(parser->at, (size_t)(parser->end - parser->at)), word))
		return fail(parser, "expected a value");
	parser->at += word.len;
	*ret = value;
	return value ? 0 : fail_memory(parser);
}

static int push(struct parser *parser, struct pending pending)
{
	if (parser->used == parser->capacity) {
		size_t capacity = parser->capacity ? parser->capacity * 2 : STACK_FIRST;
		struct pending *grown = realloc(parser->stack, capacity * sizeof(*grown));
		if (!grown)
			return fail_memory(parser);
		parser->stack = grown;
		parser->capacity = capacity;
	}
	parser->stack[parser->used++] = pending;
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct pending *const *x = a, *const *y = b;
	int order = str_cmp((*x)->key, (*y)->key);

	if (order)
		return order;
	return (*x)->key_at < (*y)->key_at ? -1 : 1;
}

/* The later one of two members with the same key, or NULL. Sets *ret_failed when memory is out. */
static const struct pending *find_duplicate(
	const struct pending *members, size_t count, bool *ret_failed)
{
	if (count <= LINEAR_KEYS) {
		for (size_t i = 1; i < count; i++)
			for (size_t j = 0; j < i; j++)
				if (str_eq(members[i].key, members[j].key))
					return &members[i];
		return NULL;
	}
	CLEANUP(cleanup_free)
	const struct pending **sorted = calloc(count, sizeof(struct pending *));
	if (!sorted) {
		*ret_failed = true;
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		sorted[i] = &members[i];
	qsort(sorted, count, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < count; i++)
		if (str_eq(sorted[i]->key, sorted[i - 1]->key))
			return sorted[i];
	return NULL;
}

static int close_object(struct parser *parser, size_t base, struct json **ret)
{
	struct pending *members = parser->stack + base;
	size_t count = parser->used - base;
	bool failed = false;
	struct json *object = json_new_object(parser->arena);
	const struct pending *duplicate = find_duplicate(members, count, &failed);

	if (!object || failed)
		return fail_memory(parser);
	if (duplicate && !parser->limits.last_key_wins)
		return fail_at(parser, duplicate->key_at, "duplicate key", duplicate->key);
	if (count && !duplicate) {
		object->members = arena_alloc(parser->arena, count * sizeof(struct json_member));
		if (!object->members)
			return fail_memory(parser);
		object->capacity = (uint32_t)count;
	}
	for (size_t i = 0; i < count; i++) {
		if (duplicate)
			json_set_str(object, members[i].key, members[i].value);
		else
			object->members[object->count++] =
				(struct json_member){members[i].key, members[i].value};
	}
	parser->used = base;
	*ret = object;
	return arena_is_exhausted(parser->arena) ? fail_memory(parser) : 0;
}

static int close_array(struct parser *parser, size_t base, struct json **ret)
{
	size_t count = parser->used - base;
	struct json *array = json_new_array(parser->arena);

	if (!array)
		return fail_memory(parser);
	if (count) {
		array->items = arena_alloc(parser->arena, count * sizeof(struct json *));
		if (!array->items)
			return fail_memory(parser);
		array->capacity = array->count = (uint32_t)count;
	}
	for (size_t i = 0; i < count; i++)
		array->items[i] = parser->stack[base + i].value;
	parser->used = base;
	*ret = array;
	return 0;
}

static int take_value(struct parser *parser, unsigned depth, struct json **ret);

static int take_member(struct parser *parser, unsigned depth)
{
	struct pending member = {.key_at = parser->at};

	if (parser->at >= parser->end || *parser->at != '"')
		return fail(parser, "expected a key in double quotes");
	parser->at++;
	if (take_string(parser, &member.key) < 0)
		return -1;
	skip_space(parser);
	if (parser->at >= parser->end || *parser->at != ':')
		return fail(parser, "expected ':' after the key");
	parser->at++;
	if (take_value(parser, depth, &member.value) < 0)
		return -1;
	return push(parser, member);
}

static int take_item(struct parser *parser, unsigned depth)
{
	struct pending item = {.key_at = parser->at};

	if (take_value(parser, depth, &item.value) < 0)
		return -1;
	return push(parser, item);
}

/* An array or object; parser->at is behind its opening bracket. */
static int take_container(struct parser *parser, unsigned depth, bool is_object, struct json **ret)
{
	char closing = is_object ? '}' : ']';
	size_t base = parser->used;

	if (depth >= parser->limits.max_depth)
		return error_set(parser->err, ERROR_TOO_LARGE,
			"the document is nested deeper than %u levels", parser->limits.max_depth);
	skip_space(parser);
	bool is_empty = parser->at < parser->end && *parser->at == closing;
	while (!is_empty) {
		skip_space(parser);
		if ((is_object ? take_member(parser, depth + 1) : take_item(parser, depth + 1)) < 0)
			return -1;
		skip_space(parser);
		if (parser->at < parser->end && *parser->at == closing)
			break;
		if (parser->at >= parser->end || *parser->at != ',')
			return fail(
				parser, is_object ? "expected ',' or '}'" : "expected ',' or ']'");
		parser->at++;
	}
	parser->at++;
	return is_object ? close_object(parser, base, ret) : close_array(parser, base, ret);
}

static int take_value(struct parser *parser, unsigned depth, struct json **ret)
{
	struct str text;

	skip_space(parser);
	if (parser->at >= parser->end)
		return fail(parser, "");
	switch (*parser->at) {
	case '{':
	case '[':
		parser->at++;
		return take_container(parser, depth, parser->at[-1] == '{', ret);
	case '"':
		parser->at++;
		if (take_string(parser, &text) < 0)
			return -1;
		*ret = json_new_string(parser->arena, text);
		return *ret ? 0 : fail_memory(parser);
	case 't':
		return take_word(parser, STR("true"), json_new_bool(parser->arena, true), ret);
	case 'f':
		return take_word(parser, STR("false"), json_new_bool(parser->arena, false), ret);
	case 'n':
		return take_word(parser, STR("null"), json_new_null(parser->arena), ret);
	default:
		return take_number(parser, ret);
	}
}

int json_parse(struct arena *arena, struct str text, const struct json_limits *limits,
	struct json **ret, struct error *err)
{
	struct parser parser = {.arena = arena,
		.begin = text.ptr,
		.at = text.ptr,
		.end = text.ptr ? text.ptr + text.len : NULL,
		.limits = limits ? *limits : (struct json_limits){0},
		.err = err};
	struct json *value = NULL;

	if (!parser.limits.max_bytes)
		parser.limits.max_bytes = JSON_MAX_BYTES;
	if (!parser.limits.max_depth)
		parser.limits.max_depth = JSON_MAX_DEPTH;
	if (text.len > parser.limits.max_bytes)
		return error_set(err, ERROR_TOO_LARGE,
			"the document has %zu bytes, the limit is %zu", text.len,
			parser.limits.max_bytes);
	int result = take_value(&parser, 0, &value);
	if (result == 0) {
		skip_space(&parser);
		if (parser.at < parser.end)
			result = fail_at(
				&parser, parser.at, "unexpected text after the document", STR_NULL);
	}
	free(parser.stack);
	if (result == 0)
		*ret = value;
	return result;
}
