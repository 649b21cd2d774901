/*
 * http_uri.h - request targets (RFC 3986, RFC 9112 section 3.2), taken apart.
 *
 * Percent-encoding itself (http_encode, http_decode) is public and declared in http_client.h.
 */
#ifndef REEVE_NET_HTTP_URI_H
#define REEVE_NET_HTTP_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#define HTTP_MAX_SEGMENTS 32

/* The path of a target, cut at '/' before decoding, so that %2F stays within its segment. */
struct http_path {
	struct str decoded; /* whole, with '/' */
	struct str query;   /* undecoded, without '?'; empty when there is none */
	struct str segments[HTTP_MAX_SEGMENTS]; /* decoded */
	size_t offsets[HTTP_MAX_SEGMENTS];	/* where each begins in `decoded` */
	size_t count;				/* "/" has one, empty, segment */
};

/*
 * Takes origin-form ("/a/b?c") and absolute-form ("http://host/a/b?c"). ERROR_INVALID for anything
 * else, for malformed escapes (path or query), for decoded text that is not UTF-8 or holds NUL, and
 * for
 * "." and ".." segments: a client resolves those before it sends, so here they are an attempt to
 * name one thing and reach another. `lenient_slash` drops one '/' at the end.
 */
int http_path_parse(struct arena *arena, struct str target, bool lenient_slash,
	struct http_path *ret, struct error *err);

/* The index-th decoded value of a query parameter; null when absent. */
struct str http_query_get(struct arena *arena, struct str query, struct str name, size_t index);

/* Whether the bytes are well-formed UTF-8 (RFC 3629) without NUL. */
bool http_text_is_clean(struct str text);

#endif
