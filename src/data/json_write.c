/*
 * json_write.c - document to text.
 *
 * A string that the parser found to need no escape is copied without another look. Text of unknown
 * origin is checked: bytes that are not UTF-8 come out as U+FFFD, as Go writes them, so that what
 * leaves is always JSON.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "data/json_node.h"
#include "data/json_scan.h"

#define SORT_ON_STACK 64 /* members that are sorted without asking for memory */

struct writer {
	struct buf *out;
	unsigned flags;
	unsigned depth;
};

static void write_value(struct writer *w, const struct json *value);

/* buf_add without its call and NUL while there is room; json_write adds the NUL. */
static inline void put(struct writer *w, const char *bytes, size_t length)
{
	struct buf *out = w->out;

	if (length >= out->capacity - out->len && !buf_reserve(out, length))
		return;
	memcpy(out->ptr + out->len, bytes, length);
	out->len += length;
}

static inline void put_byte(struct writer *w, char byte)
{
	put(w, &byte, 1);
}

static void put_escaped(struct writer *w, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";
	static const char bytes[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	const char *known = memchr(bytes, byte, sizeof(bytes) - 1);
	char text[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};

	if (known) {
		text[1] = names[known - bytes];
		put(w, text, 2);
	} else {
		put(w, text, sizeof(text));
	}
}

/* One character that is not ASCII, or a byte that is not UTF-8; returns what comes after it. */
static const char *put_character(struct writer *w, const char *at, const char *end)
{
	size_t length = json_utf8_length(at, end);

	if (length == 0) {
		put(w, "\\ufffd", 6);
		return at + 1;
	}
	if ((w->flags & JSON_WRITE_HTML) && length == 3 && memcmp(at, "\xe2\x80", 2) == 0 &&
		((unsigned char)at[2] & 0xfe) == 0xa8)
		put(w, at[2] & 1 ? "\\u2029" : "\\u2028", 6);
	else
		put(w, at, length);
	return at + length;
}

/* Where plain text ends for this writer. */
static const char *skip_plain(const struct writer *w, const char *at, const char *end)
{
	const char *stop = json_skip_plain(at, end);

	if (w->flags & JSON_WRITE_HTML)
		for (; at < stop; at++)
			if (*at == '<' || *at == '>' || *at == '&')
				return at;
	return stop;
}

static void write_text(struct writer *w, struct str text)
{
	const char *at = text.ptr, *end = text.ptr + text.len;

	put_byte(w, '"');
	while (text.len) {
		const char *stop = skip_plain(w, at, end);
		put(w, at, (size_t)(stop - at));
		if (stop == end)
			break;
		if ((unsigned char)*stop < 0x80) {
			put_escaped(w, (unsigned char)*stop);
			at = stop + 1;
		} else {
			at = put_character(w, stop, end);
		}
	}
	put_byte(w, '"');
}

static void write_newline(struct writer *w)
{
	if (!(w->flags & JSON_WRITE_PRETTY))
		return;
	put_byte(w, '\n');
	for (unsigned i = 0; i < w->depth; i++)
		put(w, "  ", 2);
}

static void write_member(struct writer *w, const struct json_member *member)
{
	write_text(w, member->key);
	put(w, ": ", w->flags & JSON_WRITE_PRETTY ? 2 : 1);
	write_value(w, member->value);
}

static int compare_members(const void *a, const void *b)
{
	return str_cmp((*(const struct json_member *const *)a)->key,
		(*(const struct json_member *const *)b)->key);
}

static void write_sorted(struct writer *w, const struct json *object)
{
	const struct json_member *few[SORT_ON_STACK];
	CLEANUP(cleanup_free) const struct json_member **many = NULL;
	const struct json_member **members = few;

	if (object->count > SORT_ON_STACK) {
		many = malloc(object->count * sizeof(*many));
		if (!many) {
			w->out->failed = true;
			return;
		}
		members = many;
	}
	for (uint32_t i = 0; i < object->count; i++)
		members[i] = &object->members[i];
	qsort(members, object->count, sizeof(members[0]), compare_members);
	for (uint32_t i = 0; i < object->count; i++) {
		if (i)
			put_byte(w, ',');
		write_newline(w);
		write_member(w, members[i]);
	}
}

static void write_object(struct writer *w, const struct json *object)
{
	put_byte(w, '{');
	w->depth++;
	if (w->flags & JSON_WRITE_SORTED)
		write_sorted(w, object);
	else
		for (uint32_t i = 0; i < object->count; i++) {
			if (i)
				put_byte(w, ',');
			write_newline(w);
			write_member(w, &object->members[i]);
		}
	w->depth--;
	if (object->count)
		write_newline(w);
	put_byte(w, '}');
}

static void write_array(struct writer *w, const struct json *array)
{
	put_byte(w, '[');
	w->depth++;
	for (uint32_t i = 0; i < array->count; i++) {
		if (i)
			put_byte(w, ',');
		write_newline(w);
		write_value(w, array->items[i]);
	}
	w->depth--;
	if (array->count)
		write_newline(w);
	put_byte(w, ']');
}

static void write_plain(struct writer *w, struct str text)
{
	put_byte(w, '"');
	put(w, text.ptr, text.len);
	put_byte(w, '"');
}

static void write_value(struct writer *w, const struct json *value)
{
	switch (json_type(value)) {
	case JSON_NULL:
		put(w, "null", 4);
		break;
	case JSON_BOOL:
		put(w, value->is_true ? "true" : "false", value->is_true ? 4 : 5);
		break;
	case JSON_NUMBER:
	case JSON_RAW:
		put(w, value->text.ptr, value->text.len);
		break;
	case JSON_STRING:
		if (value->is_plain && !(w->flags & JSON_WRITE_HTML))
			write_plain(w, value->text);
		else
			write_text(w, value->text);
		break;
	case JSON_ARRAY:
		write_array(w, value);
		break;
	case JSON_OBJECT:
		write_object(w, value);
		break;
	}
}

/* Ends the text and tells whether all of it is there. */
static bool finish(struct buf *out)
{
	return buf_add(out, NULL, 0);
}

bool json_write(struct buf *out, const struct json *value, unsigned flags)
{
	struct writer w = {out, flags, 0};

	write_value(&w, value);
	return finish(out);
}

bool json_write_string(struct buf *out, struct str text, unsigned flags)
{
	struct writer w = {out, flags, 0};

	write_text(&w, text);
	return finish(out);
}

struct str json_text(struct arena *arena, const struct json *value, unsigned flags)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(0);

	if (!json_write(&out, value, flags)) {
		arena_alloc(arena, SIZE_MAX); /* marks it exhausted: the caller asks there */
		return STR_NULL;
	}
	return arena_str(arena, buf_str(&out));
}
