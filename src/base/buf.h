/*
 * buf.h - a growable byte buffer, born with a ceiling.
 *
 * Lives on the heap, owned by whoever called buf_init. Failure is sticky: after an append that
 * would pass the ceiling (or finds no memory) the buffer is `failed`, keeps what it had, and
 * ignores further appends; ask once, at the end.
 */
#ifndef REEVE_BASE_BUF_H
#define REEVE_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct buf {
	char *ptr; /* NUL-terminated whenever not NULL */
	size_t len;
	size_t capacity;
	size_t max;
	bool failed;
};

#define BUF_DEFAULT_MAX ((size_t)64 << 20)

void buf_init(struct buf *buf, size_t max); /* max 0: BUF_DEFAULT_MAX */
void buf_free(struct buf *buf);		    /* usable again as after buf_init */
void buf_clear(struct buf *buf);	    /* keeps the memory, forgets the failure */

bool buf_add(struct buf *buf, const void *bytes, size_t len);
bool buf_add_str(struct buf *buf, struct str s);
bool buf_add_cstr(struct buf *buf, const char *s);
bool buf_add_byte(struct buf *buf, char byte);
bool buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct buf *buf, const char *format, va_list ap);

/* Room for `len` more bytes to be written at buf->ptr + buf->len by the caller, who then adds to
 * buf->len and terminates. */
bool buf_reserve(struct buf *buf, size_t len);

static inline struct str buf_str(const struct buf *buf)
{
	return (struct str){buf->ptr ? buf->ptr : "", buf->len};
}

/* For CLEANUP. */
#define BUF_INITIALIZER(max_bytes) \
	{                          \
		.max = (max_bytes) \
	}

#endif
