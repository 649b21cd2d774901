/*
 * http_gzip.c - see http_gzip.h.
 */
#include "net/http_gzip.h"

#include <limits.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* 32 KiB, with gzip's header instead of zlib's */
#define GZIP_MEMORY_LEVEL 8
#define WEIGHT_ZERO "q=0"

/* "q=0", "q=0.000": not wanted. */
static bool is_refused(struct str parameters)
{
	struct str weight = str_trim(parameters);

	if (!str_starts_with(weight, STR(WEIGHT_ZERO)))
		return false;
	for (size_t i = sizeof(WEIGHT_ZERO) - 1; i < weight.len; i++)
		if (weight.ptr[i] != '.' && weight.ptr[i] != '0')
			return false;
	return true;
}

bool http_gzip_is_accepted(struct str value)
{
	bool takes_any = false;

	while (!str_is_null(value)) {
		struct str parameters = str_cut(&value, ',');
		struct str coding = str_trim(str_cut(&parameters, ';'));
		bool is_taken = !is_refused(parameters);

		if (str_casecmp(coding, STR("gzip")) == 0 ||
			str_casecmp(coding, STR("x-gzip")) == 0)
			return is_taken;
		if (str_eq_c(coding, "*"))
			takes_any = is_taken;
	}
	return takes_any;
}

/* Null when it does not become smaller, or there is no memory. */
static struct str pack(struct arena *arena, struct str body)
{
	z_stream stream = {0};
	char *out = arena_alloc(arena, body.len);
	struct str packed = STR_NULL;

	if (!out || body.len > UINT_MAX ||
		deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY_LEVEL,
			Z_DEFAULT_STRATEGY) != Z_OK)
		return STR_NULL;
	stream.next_in = (Bytef *)(uintptr_t)body.ptr;
	stream.avail_in = (uInt)body.len;
	stream.next_out = (Bytef *)out;
	stream.avail_out = (uInt)body.len - 1;
	if (deflate(&stream, Z_FINISH) == Z_STREAM_END)
		packed = str_n(out, stream.total_out);
	deflateEnd(&stream);
	return packed;
}

static bool has_header(const struct http_response *response, const char *name)
{
	for (size_t i = 0; i < response->header_count; i++)
		if (str_casecmp(response->headers[i].name, str_of(name)) == 0)
			return true;
	return false;
}

void http_gzip_answer(struct http_request *request, struct http_response *response)
{
	if (response->stream || response->body.len < HTTP_GZIP_LEAST ||
		has_header(response, "Content-Encoding"))
		return;
	http_response_header(request, response, STR("Vary"), STR("Accept-Encoding"));
	if (!http_gzip_is_accepted(http_request_header(request, "Accept-Encoding")))
		return;
	struct str packed = pack(request->arena, response->body);
	if (str_is_null(packed))
		return;
	size_t count = response->header_count;
	http_response_header(request, response, STR("Content-Encoding"), STR("gzip"));
	if (response->header_count > count) /* there was memory to say so */
		response->body = packed;
}
