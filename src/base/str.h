/*
 * str.h - strings that carry their length.
 *
 * A struct str borrows bytes: it owns nothing, and whoever made the bytes decides how long they
 * live (an arena, a literal, a parsed document). The bytes need not end in NUL. A NULL ptr with
 * length 0 means "absent", which str_is_null() tells from "empty".
 */
#ifndef REEVE_BASE_STR_H
#define REEVE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *ptr;
	size_t len;
};

/* A literal as a str: STR("abc"). */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NULL ((struct str){NULL, 0})

/* printf: printf("name %" STR_F, STR_A(name)). */
#define STR_F ".*s"
#define STR_A(s) (int)(s).len, (s).ptr ? (s).ptr : ""

static inline struct str str_of(const char *cstr)
{
	return cstr ? (struct str){cstr, strlen(cstr)} : STR_NULL;
}

static inline struct str str_n(const char *ptr, size_t len)
{
	return (struct str){ptr, len};
}

static inline bool str_is_null(struct str s)
{
	return s.ptr == NULL;
}

static inline bool str_is_empty(struct str s)
{
	return s.len == 0;
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_eq_c(struct str a, const char *b)
{
	return str_eq(a, str_of(b));
}

static inline bool str_starts_with(struct str s, struct str prefix)
{
	return s.len >= prefix.len &&
	       (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool str_ends_with(struct str s, struct str suffix)
{
	return s.len >= suffix.len &&
	       (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* The part from `start` on, at most `len` bytes; both are clamped to the string. */
struct str str_slice(struct str s, size_t start, size_t len);

/* Byte order, shorter first on a common prefix: <0, 0, >0 as memcmp. */
int str_cmp(struct str a, struct str b);
int str_casecmp(struct str a, struct str b); /* ASCII letters only */

/* Index of the first `byte`, or -1. */
ptrdiff_t str_index(struct str s, char byte);

/* Index of the first `needle`, or -1; an empty needle is at 0. */
ptrdiff_t str_find(struct str s, struct str needle);

/* Without ASCII white space at both ends. */
struct str str_trim(struct str s);

/*
 * Cuts the part before the first `separator` off the front of *rest and returns it; with no
 * separator left, returns all of *rest and makes it null. Loop while !str_is_null(rest).
 */
struct str str_cut(struct str *rest, char separator);

/* Whole-string decimal numbers. False (and *ret untouched) on anything else: sign rules of strtoll,
 * no white space, no overflow, no "inf" or "nan". */
bool str_to_int64(struct str s, int64_t *ret);
bool str_to_double(struct str s, double *ret);

#endif
