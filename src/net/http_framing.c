/*
 * http_framing.c - see http_framing.h.
 */
#include "net/http_framing.h"

static size_t count_of(const struct http_exchange *exchange, struct str name)
{
	size_t count = 0;
	for (size_t i = 0; i < exchange->header_count; i++)
		count += str_casecmp(exchange->headers[i].name, name) == 0 ? 1 : 0;
	return count;
}

/* A token (RFC 9110, section 5.6.2). */
static bool is_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool is_alphanumeric =
			(c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!is_alphanumeric && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return name.len > 0;
}

/* A line that goes on in the next is obsolete; libmicrohttpd adds its rest to the header's name. */
static bool is_folded(struct str name)
{
	static const struct str framing[] = {STR("Content-Length"), STR("Transfer-Encoding")};

	for (size_t i = 0; i < sizeof(framing) / sizeof(framing[0]); i++)
		if (name.len > framing[i].len &&
			str_casecmp(str_slice(name, 0, framing[i].len), framing[i]) == 0)
			return true;
	return false;
}

static bool has_control(struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if (((unsigned char)value.ptr[i] < ' ' && value.ptr[i] != '\t') ||
			value.ptr[i] == '\x7f')
			return true;
	return false;
}

static const char *header_fault(const struct http_header *header)
{
	if (!is_name(header->name))
		return "a header's name is not a token that the colon follows";
	if (is_folded(header->name))
		return "a header line is folded";
	return has_control(header->value) ? "a header holds a control character" : NULL;
}

const char *http_framing_fault(const struct http_exchange *exchange)
{
	for (size_t i = 0; i < exchange->header_count; i++) {
		const char *fault = header_fault(&exchange->headers[i]);
		if (fault)
			return fault;
	}
	if (count_of(exchange, STR("Host")) > 1)
		return "the request has more than one Host";
	size_t lengths = count_of(exchange, STR("Content-Length"));
	size_t encodings = count_of(exchange, STR("Transfer-Encoding"));

	if (lengths > 1)
		return "the request has more than one Content-Length";
	if (lengths > 0 && encodings > 0)
		return "the request has both Content-Length and Transfer-Encoding";
	if (encodings > 1)
		return "the request has more than one Transfer-Encoding";
	if (encodings == 1 &&
		str_casecmp(http_request_header(&exchange->request, "Transfer-Encoding"),
			STR("chunked")))
		return "the only Transfer-Encoding known here is chunked";
	return NULL;
}

bool http_framing_has_body(const struct http_exchange *exchange, size_t *ret_length)
{
	struct str length = http_request_header(&exchange->request, "Content-Length");
	int64_t bytes = 0;

	*ret_length = 0;
	if (!str_is_null(http_request_header(&exchange->request, "Transfer-Encoding")))
		return true;
	if (str_is_null(length))
		return false;
	/* More digits than 63 bits hold are more than any limit. */
	*ret_length = str_to_int64(length, &bytes) && bytes >= 0 ? (size_t)bytes : SIZE_MAX;
	return *ret_length > 0;
}

bool http_framing_is_bearable(const struct http_exchange *exchange, size_t length)
{
	const struct http_request *request = &exchange->request;

	return length > 0 && length <= HTTP_MAX_DRAIN &&
	       str_is_null(http_request_header(request, "Transfer-Encoding")) &&
	       str_is_null(http_request_header(request, "Expect"));
}

void http_framing_hide_query(const char *target)
{
	const char *query = strchr(target, '?');

	if (query)
		((char *)(uintptr_t)query)[1] = '\0';
}
