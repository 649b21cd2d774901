/*
 * json_write.c - values to text.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/json.h"
#include "data/json_value.h"

#define INDENT 2

/* Bytes at the front that can be written as they are. */
static size_t plain_length(struct str text, unsigned flags)
{
	size_t i = 0;

	for (; i < text.len; i++) {
		uint8_t byte = (uint8_t)text.ptr[i];
		if (byte < 0x20 || byte == '"' || byte == '\\')
			break;
		if ((flags & JSON_WRITE_HTML) &&
			(byte == '<' || byte == '>' || byte == '&' || byte == 0xe2))
			break;
	}
	return i;
}

/* Writes the escaped form of what plain_length stopped at; the bytes it took. */
static size_t write_escape(struct buf *out, struct str text)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *simple = text.ptr[0] ? strchr(from, text.ptr[0]) : NULL;

	if (simple) {
		buf_add_byte(out, '\\');
		buf_add_byte(out, to[simple - from]);
		return 1;
	}
	if ((uint8_t)text.ptr[0] == 0xe2) { /* U+2028 and U+2029 are e2 80 a8, e2 80 a9 */
		bool is_separator = text.len >= 3 && (uint8_t)text.ptr[1] == 0x80 &&
				    ((uint8_t)text.ptr[2] == 0xa8 || (uint8_t)text.ptr[2] == 0xa9);
		if (!is_separator) {
			buf_add_byte(out, text.ptr[0]);
			return 1;
		}
		buf_add_cstr(out, (uint8_t)text.ptr[2] == 0xa8 ? "\\u2028" : "\\u2029");
		return 3;
	}
	buf_printf(out, "\\u%04x", (unsigned)(uint8_t)text.ptr[0]);
	return 1;
}

bool json_write_string(struct buf *out, struct str text, unsigned flags)
{
	buf_add_byte(out, '"');
	while (text.len) {
		size_t plain = plain_length(text, flags);
		buf_add(out, text.ptr, plain);
		text = str_slice(text, plain, text.len);
		if (text.len) {
			size_t taken = write_escape(out, text);
			text = str_slice(text, taken, text.len);
		}
	}
	return buf_add_byte(out, '"');
}

static void new_line(struct buf *out, unsigned flags, unsigned depth)
{
	if (!(flags & JSON_WRITE_PRETTY))
		return;
	buf_add_byte(out, '\n');
	for (unsigned i = 0; i < depth * INDENT; i++)
		buf_add_byte(out, ' ');
}

static void write_value(struct buf *out, const struct json *value, unsigned flags, unsigned depth);

static void write_array(struct buf *out, const struct json *array, unsigned flags, unsigned depth)
{
	buf_add_byte(out, '[');
	for (uint32_t i = 0; i < array->count; i++) {
		if (i)
			buf_add_byte(out, ',');
		new_line(out, flags, depth + 1);
		write_value(out, array->items[i], flags, depth + 1);
	}
	if (array->count)
		new_line(out, flags, depth);
	buf_add_byte(out, ']');
}

static int compare_members(const void *a, const void *b)
{
	return str_cmp(((const struct json_member *)a)->key, ((const struct json_member *)b)->key);
}

static void write_members(struct buf *out, const struct json_member *members, uint32_t count,
	unsigned flags, unsigned depth)
{
	buf_add_byte(out, '{');
	for (uint32_t i = 0; i < count; i++) {
		if (i)
			buf_add_byte(out, ',');
		new_line(out, flags, depth + 1);
		json_write_string(out, members[i].key, flags);
		buf_add_byte(out, ':');
		if (flags & JSON_WRITE_PRETTY)
			buf_add_byte(out, ' ');
		write_value(out, members[i].value, flags, depth + 1);
	}
	if (count)
		new_line(out, flags, depth);
	buf_add_byte(out, '}');
}

static void write_object(struct buf *out, const struct json *object, unsigned flags, unsigned depth)
{
	if (!(flags & JSON_WRITE_SORTED) || object->count < 2) {
		write_members(out, object->members, object->count, flags, depth);
		return;
	}
	CLEANUP(cleanup_free) struct json_member *sorted = calloc(object->count, sizeof(*sorted));
	if (!sorted) {
		out->failed = true;
		return;
	}
	memcpy(sorted, object->members, object->count * sizeof(*sorted));
	qsort(sorted, object->count, sizeof(*sorted), compare_members);
	write_members(out, sorted, object->count, flags, depth);
}

static void write_value(struct buf *out, const struct json *value, unsigned flags, unsigned depth)
{
	switch (json_type(value)) {
	case JSON_NULL:
		buf_add(out, "null", 4);
		break;
	case JSON_BOOL:
		buf_add_cstr(out, value->boolean ? "true" : "false");
		break;
	case JSON_NUMBER:
	case JSON_RAW:
		buf_add_str(out, value->text);
		break;
	case JSON_STRING:
		json_write_string(out, value->text, flags);
		break;
	case JSON_ARRAY:
		write_array(out, value, flags, depth);
		break;
	case JSON_OBJECT:
		write_object(out, value, flags, depth);
		break;
	}
}

bool json_write(struct buf *out, const struct json *value, unsigned flags)
{
	write_value(out, value, flags, 0);
	return !out->failed;
}

struct str json_text(struct arena *arena, const struct json *value, unsigned flags)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(0);

	if (!json_write(&out, value, flags))
		return STR_NULL;
	return arena_str(arena, buf_str(&out));
}
