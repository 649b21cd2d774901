/*
 * buf.c - the growable buffer.
 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST 256

void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){.max = max ? max : BUF_DEFAULT_MAX};
}

void buf_free(struct buf *buf)
{
	free(buf->ptr);
	*buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->failed = false;
	if (buf->ptr)
		buf->ptr[0] = '\0';
}

bool buf_reserve(struct buf *buf, size_t len)
{
	size_t max = buf->max ? buf->max : BUF_DEFAULT_MAX;

	if (buf->failed)
		return false;
	if (len > max || buf->len > max - len) {
		buf->failed = true;
		return false;
	}
	size_t needed = buf->len + len + 1;
	if (needed <= buf->capacity)
		return true;
	size_t capacity = buf->capacity ? buf->capacity : BUF_FIRST;
	while (capacity < needed)
		capacity *= 2;
	if (capacity > max + 1)
		capacity = max + 1;
	char *grown = realloc(buf->ptr, capacity);
	if (!grown) {
		buf->failed = true;
		return false;
	}
	buf->ptr = grown;
	buf->capacity = capacity;
	return true;
}

bool buf_add(struct buf *buf, const void *bytes, size_t len)
{
	if (!buf_reserve(buf, len))
		return false;
	if (len)
		memcpy(buf->ptr + buf->len, bytes, len);
	buf->len += len;
	buf->ptr[buf->len] = '\0';
	return true;
}

bool buf_add_str(struct buf *buf, struct str s)
{
	return buf_add(buf, s.ptr, s.len);
}

bool buf_add_cstr(struct buf *buf, const char *s)
{
	return buf_add(buf, s, strlen(s));
}

bool buf_add_byte(struct buf *buf, char byte)
{
	return buf_add(buf, &byte, 1);
}

bool buf_vprintf(struct buf *buf, const char *format, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0 || !buf_reserve(buf, (size_t)length)) {
		buf->failed = true;
		return false;
	}
	vsnprintf(buf->ptr + buf->len, (size_t)length + 1, format, ap);
	buf->len += (size_t)length;
	return true;
}

bool buf_printf(struct buf *buf, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	bool result = buf_vprintf(buf, format, ap);
	va_end(ap);
	return result;
}
