/*
 * http_uri.c - percent-encoding and request targets.
 *
 * A path is cut at '/' first and decoded after, segment by segment: a name that contains an encoded
 * slash stays one name. libmicrohttpd would decode first, which is why the server takes the raw
 * target and does this itself (SigV4 needs the raw target anyway).
 */
#include "net/http_uri.h"

#include <string.h>

#include "net/http_client.h"

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

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

struct str http_encode(struct arena *arena, struct str text)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(arena, text.len * 3 + 1);
	if (!out)
		return STR_NULL;
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		if (is_unreserved(text.ptr[i])) {
			out[len++] = text.ptr[i];
			continue;
		}
		out[len++] = '%';
		out[len++] = digits[byte >> 4];
		out[len++] = digits[byte & 15];
	}
	out[len] = '\0';
	return str_n(out, len);
}

struct str http_decode(struct arena *arena, struct str text, bool form)
{
	if (str_is_null(text))
		return text;
	if (str_index(text, '%') < 0 && !(form && str_index(text, '+') >= 0))
		return text;
	char *out = arena_alloc(arena, text.len + 1);
	if (!out)
		return STR_NULL;
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '%') {
			int high = i + 1 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
			int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
			if (high < 0 || low < 0)
				return STR_NULL;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (form && c == '+') {
			c = ' ';
		}
		out[len++] = c;
	}
	out[len] = '\0';
	return str_n(out, len);
}

/* Bytes of the UTF-8 sequence at the start of `text`; 0 when malformed or NUL. */
static size_t utf8_length(const unsigned char *text, size_t len)
{
	/* First byte's range, length, and the range of the second byte (RFC 3629 section 4). */
	static const struct {
		unsigned char from, to, length, second_from, second_to;
	} rows[] = {
		{0x01, 0x7f, 1, 0x00, 0x00},
		{0xc2, 0xdf, 2, 0x80, 0xbf},
		{0xe0, 0xe0, 3, 0xa0, 0xbf},
		{0xe1, 0xec, 3, 0x80, 0xbf},
		{0xed, 0xed, 3, 0x80, 0x9f},
		{0xee, 0xef, 3, 0x80, 0xbf},
		{0xf0, 0xf0, 4, 0x90, 0xbf},
		{0xf1, 0xf3, 4, 0x80, 0xbf},
		{0xf4, 0xf4, 4, 0x80, 0x8f},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (text[0] < rows[i].from || text[0] > rows[i].to)
			continue;
		if (rows[i].length > len)
			return 0;
		for (size_t k = 1; k < rows[i].length; k++) {
			unsigned char low = k == 1 ? rows[i].second_from : 0x80;
			unsigned char high = k == 1 ? rows[i].second_to : 0xbf;
			if (text[k] < low || text[k] > high)
				return 0;
		}
		return rows[i].length;
	}
	return 0;
}

bool http_text_is_clean(struct str text)
{
	for (size_t i = 0; i < text.len;) {
		size_t length = utf8_length((const unsigned char *)text.ptr + i, text.len - i);
		if (length == 0)
			return false;
		i += length;
	}
	return true;
}

/* "http://host:port/a?b" to "/a?b"; origin-form stays. Null for other forms. */
static struct str origin_form(struct str target)
{
	if (target.len > 0 && target.ptr[0] == '/')
		return target;
	ptrdiff_t scheme = str_find(target, STR("://"));
	if (scheme <= 0)
		return STR_NULL;
	struct str rest = str_slice(target, (size_t)scheme + 3, target.len);
	for (size_t i = 0; i < rest.len; i++) {
		if (rest.ptr[i] == '/')
			return str_slice(rest, i, rest.len);
		if (rest.ptr[i] == '?')
			return STR_NULL;
	}
	return STR("/");
}

static int path_add(struct arena *arena, struct str raw, struct http_path *path, char *decoded,
	struct error *err)
{
	if (path->count == HTTP_MAX_SEGMENTS)
		return error_set(err, ERROR_NOT_FOUND, "the path has more than %d segments",
			HTTP_MAX_SEGMENTS);
	struct str segment = http_decode(arena, raw, false);
	if (str_is_null(segment) || !http_text_is_clean(segment))
		return error_set(err, ERROR_INVALID,
			"the path has a malformed percent escape, or text that is not UTF-8");
	if (str_eq_c(segment, ".") || str_eq_c(segment, ".."))
		return error_set(err, ERROR_INVALID,
			"the path has a \".\" or \"..\" segment; resolve it before sending");
	decoded[path->decoded.len++] = '/';
	path->offsets[path->count] = path->decoded.len;
	memcpy(decoded + path->decoded.len, segment.ptr, segment.len);
	path->segments[path->count++] = str_n(decoded + path->decoded.len, segment.len);
	path->decoded.len += segment.len;
	return 0;
}

int http_path_parse(struct arena *arena, struct str target, bool lenient_slash,
	struct http_path *ret, struct error *err)
{
	struct str origin = origin_form(target);
	if (str_is_null(origin))
		return error_set(
			err, ERROR_INVALID, "the request target must be a path such as /a/b");
	struct str query = origin;
	struct str path = str_cut(&query, '?');
	if (str_is_null(query))
		query = STR("");
	struct str decoded_query = http_decode(arena, query, true);
	if (str_is_null(decoded_query) || !http_text_is_clean(decoded_query))
		return error_set(err, ERROR_INVALID,
			"the query has a malformed percent escape, or text that is not UTF-8");
	if (lenient_slash && path.len > 1 && path.ptr[path.len - 1] == '/')
		path.len--;
	char *decoded = arena_alloc(arena, path.len + 1);
	if (!decoded)
		return error_set(err, ERROR_MEMORY, "no memory for the path");
	*ret = (struct http_path){.decoded = {decoded, 0}, .query = query};
	struct str rest = str_slice(path, 1, path.len);
	if (path.len == 1)
		rest = STR("");
	while (!str_is_null(rest)) {
		if (path_add(arena, str_cut(&rest, '/'), ret, decoded, err) < 0)
			return -1;
	}
	decoded[ret->decoded.len] = '\0';
	return 0;
}

struct str http_query_get(struct arena *arena, struct str query, struct str name, size_t index)
{
	struct str rest = query.len > 0 ? query : STR_NULL;
	while (!str_is_null(rest)) {
		struct str value = str_cut(&rest, '&');
		struct str key = http_decode(arena, str_cut(&value, '='), true);
		if (!str_eq(key, name))
			continue;
		if (index-- == 0)
			return str_is_null(value) ? STR("") : http_decode(arena, value, true);
	}
	return STR_NULL;
}
