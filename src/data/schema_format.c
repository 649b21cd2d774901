/*
 * schema_format.c - the formats of strings and numbers that schemas name.
 *
 * Strict where a standard is short (RFC 3339, RFC 9562, RFC 4648), and a sanity check where the
 * full grammar would refuse what other systems accept (email, uri).
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "data/schema_tree.h"

#define MAX_HOSTNAME 253u
#define MAX_LABEL 63u
#define MAX_ADDRESS 64u

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_date_time(struct str text)
{
	int64_t ignored;

	return clock_parse(text, &ignored);
}

static bool is_date(struct str text)
{
	char full[CLOCK_TEXT_MAX];
	int64_t ignored;

	if (text.len != 10)
		return false;
	memcpy(full, text.ptr, 10);
	memcpy(full + 10, "T00:00:00Z", 10);
	return clock_parse(str_n(full, 20), &ignored);
}

static bool is_email(struct str text)
{
	ptrdiff_t at = str_index(text, '@');

	return at > 0 && (size_t)at + 1 < text.len && str_index(text, ' ') < 0 &&
	       str_index(str_slice(text, (size_t)at + 1, text.len), '@') < 0;
}

/* scheme ":" something, without spaces and control characters (RFC 3986 section 3), or an absolute
 * path, as Go's url.ParseRequestURI accepts it. */
static bool is_uri(struct str text)
{
	size_t scheme = 0;

	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7F)
			return false;
	}
	if (text.len > 0 && text.ptr[0] == '/')
		return true;
	while (scheme < text.len &&
		(is_letter(text.ptr[scheme]) ||
			(scheme > 0 &&
				(is_digit(text.ptr[scheme]) || strchr("+-.", text.ptr[scheme])))))
		scheme++;
	return scheme > 0 && scheme + 1 < text.len && text.ptr[scheme] == ':';
}

/* RFC 1123 section 2.1. */
static bool is_hostname(struct str text)
{
	size_t label = 0;

	if (text.len == 0 || text.len > MAX_HOSTNAME)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '.') {
			if (label == 0 || text.ptr[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!is_letter(c) && !is_digit(c) && (c != '-' || label == 0))
			return false;
		if (++label > MAX_LABEL)
			return false;
	}
	return label > 0 && text.ptr[text.len - 1] != '-';
}

static bool parse_address(struct str text, int family)
{
	char copy[MAX_ADDRESS];
	unsigned char address[sizeof(struct in6_addr)];

	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return inet_pton(family, copy, address) == 1;
}

static bool is_ipv4(struct str text)
{
	return parse_address(text, AF_INET);
}

static bool is_ipv6(struct str text)
{
	return parse_address(text, AF_INET6);
}

static bool is_cidr(struct str text)
{
	ptrdiff_t slash = str_index(text, '/');
	struct str address, prefix;
	int64_t bits;

	if (slash < 0)
		return false;
	address = str_slice(text, 0, (size_t)slash);
	prefix = str_slice(text, (size_t)slash + 1, text.len);
	if (prefix.len == 0 || !is_digit(prefix.ptr[0]) || !str_to_int64(prefix, &bits))
		return false;
	return (is_ipv4(address) && bits <= 32) || (is_ipv6(address) && bits <= 128);
}

/* Base64 with padding (RFC 4648 section 4). */
static bool is_base64(struct str text)
{
	size_t padding = 0;

	if (text.len % 4 != 0)
		return false;
	while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < text.len - padding; i++) {
		char c = text.ptr[i];

		if (!is_letter(c) && !is_digit(c) && c != '+' && c != '/')
			return false;
	}
	return true;
}

static bool is_duration(struct str text)
{
	int64_t ignored;

	return clock_parse_duration(text, &ignored);
}

static const struct schema_format formats[] = {
	{"date-time", "must be an RFC 3339 time such as 2026-01-31T12:00:00Z", is_date_time, 0, 0},
	{"date", "must be a date such as 2026-01-31", is_date, 0, 0},
	{"duration", "must be a duration such as 1h30m", is_duration, 0, 0},
	{"uuid", "must be a UUID", id_is_uuid, 0, 0},
	{"email", "must be an email address", is_email, 0, 0},
	{"uri", "must be a URI", is_uri, 0, 0},
	{"hostname", "must be a host name", is_hostname, 0, 0},
	{"ipv4", "must be an IPv4 address", is_ipv4, 0, 0},
	{"ipv6", "must be an IPv6 address", is_ipv6, 0, 0},
	{"cidr", "must be an address with prefix length such as 10.0.0.0/16", is_cidr, 0, 0},
	{"byte", "must be base64", is_base64, 0, 0},
	{"int32", "must fit 32 bits", NULL, INT32_MIN, INT32_MAX},
	{"int64", "must fit 64 bits", NULL, INT64_MIN, INT64_MAX},
	{"float", "", NULL, 0, 0},
	{"double", "", NULL, 0, 0},
	{"password", "", NULL, 0, 0},
};

const struct schema_format *schema_find_format(struct str name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (str_eq_c(name, formats[i].name))
			return &formats[i];
	}
	return NULL;
}

bool schema_format_conforms(const struct schema_format *format, const struct json *value)
{
	int64_t integer;

	if (format->conforms != NULL)
		return !json_is(value, JSON_STRING) || format->conforms(json_str(value));
	if (format->min == format->max || !json_is(value, JSON_NUMBER))
		return true;
	return json_to_int(value, &integer) && integer >= format->min && integer <= format->max;
}
