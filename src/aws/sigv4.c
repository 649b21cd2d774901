/*
 * sigv4.c - AWS Signature Version 4 (algorithm AWS4-HMAC-SHA256), both sides.
 *
 * Everything is computed over what went over the wire: the undecoded target and the headers as
 * sent. Signing and verifying share the canonical request and the key derivation, so they cannot
 * drift apart. What a verifier must decide (window, scope, signed headers, payload) comes before
 * the signature, so the answer can say which part disagrees; the expected signature itself is never
 * shown.
 */
#include "aws/sigv4.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

#define ALGORITHM STR("AWS4-HMAC-SHA256")
#define UNSIGNED_PAYLOAD STR("UNSIGNED-PAYLOAD")
#define SCOPE_END STR("aws4_request")
#define MAX_PARAMETERS 256
#define DATE_LEN 8

/* The parts of a signature, from the header or from the query. */
struct signature {
	struct str access_key;
	struct str date; /* YYYYMMDD of the scope */
	struct str region;
	struct str service;
	struct str signed_headers;
	struct str value;
	struct str time_text;
	struct str security_token;
	int64_t signed_at_us;
	int64_t expires_s; /* presigned */
	bool is_presigned;
};

struct parameter {
	struct str name;
	struct str value;
};

static struct str header_of(const struct sigv4_request *request, struct str name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (str_casecmp(request->headers[i].name, name) == 0)
			return str_trim(request->headers[i].value);
	return STR_NULL;
}

/* --- encoding ------------------------------------------------------------------------------ */

static bool is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

/* Percent-encodes all but unreserved characters, and '/' when `keeps_slash`. */
static struct str encode(struct arena *arena, struct str text, bool keeps_slash)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(arena, text.len * 3 + 1);
	size_t used = 0;

	if (!out)
		return STR_NULL;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (is_unreserved((char)c) || (keeps_slash && c == '/')) {
			out[used++] = (char)c;
		} else {
			out[used++] = '%';
			out[used++] = digits[c >> 4];
			out[used++] = digits[c & 15];
		}
	}
	out[used] = '\0';
	return str_n(out, used);
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Undoes percent-encoding; a malformed escape stays as it is. */
static struct str decode(struct arena *arena, struct str text)
{
	char *out = arena_alloc(arena, text.len + 1);
	size_t used = 0;

	if (!out)
		return STR_NULL;
	for (size_t i = 0; i < text.len; i++) {
		int high = text.ptr[i] == '%' && i + 2 < text.len ? digit_of(text.ptr[i + 1]) : -1;
		int low = high >= 0 ? digit_of(text.ptr[i + 2]) : -1;
		if (low >= 0) {
			out[used++] = (char)(high << 4 | low);
			i += 2;
		} else {
			out[used++] = text.ptr[i];
		}
	}
	out[used] = '\0';
	return str_n(out, used);
}

static struct str path_of(struct str target)
{
	return str_cut(&target, '?');
}

static struct str query_of(struct str target)
{
	str_cut(&target, '?');
	return target.ptr ? target : STR("");
}

/* Removes "." and ".." segments and repeated slashes (RFC 3986 section 5.2.4), then encodes once
 * more what the client encoded, as every service but S3 does. */
static struct str canonical_path(struct arena *arena, struct str target)
{
	struct str rest = path_of(target);
	char *out = arena_alloc(arena, rest.len + 2);
	size_t used = 0;

	if (!out)
		return STR_NULL;
	bool ends_in_slash = rest.len == 0 || rest.ptr[rest.len - 1] == '/' ||
			     str_ends_with(rest, STR("/.")) || str_ends_with(rest, STR("/.."));
	while (!str_is_null(rest)) {
		struct str segment = str_cut(&rest, '/');
		if (segment.len == 0 || str_eq(segment, STR(".")))
			continue;
		if (str_eq(segment, STR(".."))) {
			while (used > 0 && out[--used] != '/')
				;
			continue;
		}
		out[used++] = '/';
		memcpy(out + used, segment.ptr, segment.len);
		used += segment.len;
	}
	if (used == 0 || ends_in_slash)
		out[used++] = '/';
	out[used] = '\0';
	return encode(arena, str_n(out, used), true);
}

static int compare_parameters(const void *a, const void *b)
{
	const struct parameter *x = a, *y = b;
	int order = str_cmp(x->name, y->name);

	return order ? order : str_cmp(x->value, y->value);
}

/* The query sorted by encoded name and value; without X-Amz-Signature when presigned. What does not
 * fit is an error: it would not be covered by the signature. */
static int canonical_query(
	struct arena *arena, struct str target, struct str *ret, struct error *err)
{
	struct str rest = query_of(target), out = STR("");
	struct parameter parameters[MAX_PARAMETERS];
	size_t count = 0;

	while (!str_is_null(rest) && rest.len) {
		struct str value = str_cut(&rest, '&'), name = str_cut(&value, '=');
		if (str_eq(name, STR("X-Amz-Signature")) || (name.len == 0 && str_is_null(value)))
			continue;
		if (count == MAX_PARAMETERS)
			return error_set(err, ERROR_TOO_LARGE,
				"the query has more than %d parameters", MAX_PARAMETERS);
		parameters[count++] = (struct parameter){encode(arena, decode(arena, name), false),
			encode(arena, decode(arena, value.ptr ? value : STR("")), false)};
	}
	qsort(parameters, count, sizeof(parameters[0]), compare_parameters);
	for (size_t i = 0; i < count; i++)
		out = arena_printf(arena, "%" STR_F "%s%" STR_F "=%" STR_F, STR_A(out),
			i ? "&" : "", STR_A(parameters[i].name), STR_A(parameters[i].value));
	*ret = out;
	return 0;
}

/* A header's value with runs of spaces as one; all values of a repeated header, joined by commas.
 */
static struct str canonical_value(
	struct arena *arena, const struct sigv4_request *request, struct str name)
{
	size_t total = 1, used = 0;
	bool is_first = true;

	for (size_t i = 0; i < request->header_count; i++)
		if (str_casecmp(request->headers[i].name, name) == 0)
			total += request->headers[i].value.len + 1;
	char *out = arena_alloc(arena, total);
	if (!out)
		return STR_NULL;
	for (size_t i = 0; i < request->header_count; i++) {
		if (str_casecmp(request->headers[i].name, name) != 0)
			continue;
		struct str value = str_trim(request->headers[i].value);
		if (!is_first)
			out[used++] = ',';
		is_first = false;
		for (size_t j = 0; j < value.len; j++)
			if (value.ptr[j] != ' ' || out[used - 1] != ' ' || j == 0)
				out[used++] = value.ptr[j];
	}
	out[used] = '\0';
	return str_n(out, used);
}

int sigv4_canonical_request(struct arena *arena, const struct sigv4_request *request,
	struct str signed_headers, struct str payload_hash, struct str *ret, struct error *err)
{
	struct str headers = STR(""), rest = signed_headers, query;
	size_t count = 0;

	if (canonical_query(arena, request->target, &query, err) < 0)
		return -1;
	while (!str_is_null(rest)) {
		struct str name = str_cut(&rest, ';');
		if (++count > SIGV4_MAX_SIGNED_HEADERS)
			return error_set(err, ERROR_TOO_LARGE, "more than %d signed headers",
				SIGV4_MAX_SIGNED_HEADERS);
		headers = arena_printf(arena, "%" STR_F "%" STR_F ":%" STR_F "\n", STR_A(headers),
			STR_A(name), STR_A(canonical_value(arena, request, name)));
	}
	*ret = arena_printf(arena,
		"%" STR_F "\n%" STR_F "\n%" STR_F "\n%" STR_F "\n%" STR_F "\n%" STR_F,
		STR_A(request->method), STR_A(canonical_path(arena, request->target)), STR_A(query),
		STR_A(headers), STR_A(signed_headers), STR_A(payload_hash));
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no memory to check the signature");
	return 0;
}

/* --- the signature ------------------------------------------------------------------------- */

/* Lower-case hex of HMAC(key of the scope, string to sign). */
static struct str compute(struct arena *arena, const struct signature *signature, struct str secret,
	struct str canonical)
{
	uint8_t key[HASH_SHA256_SIZE], digest[HASH_SHA256_SIZE];
	char canonical_hash[HASH_SHA256_HEX_SIZE], hex[HASH_SHA256_HEX_SIZE];
	struct str parts[] = {signature->date, signature->region, signature->service, SCOPE_END};
	struct str first = arena_printf(arena, "AWS4%" STR_F, STR_A(secret));

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		hash_hmac_sha256(i ? str_n((char *)key, sizeof(key)) : first, parts[i], digest);
		memcpy(key, digest, sizeof(key));
	}
	hash_sha256_hex(canonical, canonical_hash);
	struct str text = arena_printf(arena,
		"%" STR_F "\n%" STR_F "\n%" STR_F "/%" STR_F "/%" STR_F "/%" STR_F "\n%s",
		STR_A(ALGORITHM), STR_A(signature->time_text), STR_A(signature->date),
		STR_A(signature->region), STR_A(signature->service), STR_A(SCOPE_END),
		canonical_hash);
	hash_hmac_sha256(str_n((char *)key, sizeof(key)), text, digest);
	hash_hex(digest, sizeof(digest), hex);
	return arena_str(arena, str_of(hex));
}

/* --- reading a request's signature --------------------------------------------------------- */

static int parse_credential(struct str credential, struct signature *ret, struct error *err)
{
	struct str rest = credential;

	ret->access_key = str_cut(&rest, '/');
	ret->date = str_cut(&rest, '/');
	ret->region = str_cut(&rest, '/');
	ret->service = str_cut(&rest, '/');
	if (!ret->access_key.len || ret->date.len != DATE_LEN || !ret->region.len ||
		!ret->service.len || !str_eq(rest, SCOPE_END))
		return error_set(err, ERROR_UNAUTHENTICATED,
			"the signature's Credential \"%" STR_F
			"\" is not KEY/YYYYMMDD/REGION/SERVICE/aws4_request",
			STR_A(credential));
	return 0;
}

static int parse_time(struct signature *signature, struct error *err)
{
	if (str_is_null(signature->time_text))
		return error_set(
			err, ERROR_UNAUTHENTICATED, "the signed request has no X-Amz-Date");
	if (!clock_parse_basic(signature->time_text, &signature->signed_at_us))
		return error_set(err, ERROR_UNAUTHENTICATED,
			"X-Amz-Date \"%" STR_F "\" is not YYYYMMDDTHHMMSSZ",
			STR_A(signature->time_text));
	if (!str_eq(str_slice(signature->time_text, 0, DATE_LEN), signature->date))
		return error_set(err, ERROR_UNAUTHENTICATED,
			"the date in Credential (%" STR_F ") is not that of X-Amz-Date (%" STR_F
			")",
			STR_A(signature->date), STR_A(signature->time_text));
	return 0;
}

static int parse_header(const struct sigv4_request *request, struct str text, struct signature *ret,
	struct error *err)
{
	struct str credential = STR_NULL, rest = str_trim(str_slice(text, ALGORITHM.len, text.len));

	while (!str_is_null(rest)) {
		struct str value = str_trim(str_cut(&rest, ',')), name = str_cut(&value, '=');
		if (str_eq(name, STR("Credential")))
			credential = value;
		else if (str_eq(name, STR("SignedHeaders")))
			ret->signed_headers = value;
		else if (str_eq(name, STR("Signature")))
			ret->value = value;
	}
	if (!credential.len || !ret->signed_headers.len || !ret->value.len)
		return error_set(err, ERROR_UNAUTHENTICATED, "the Authorization header lacks %s",
			!credential.len		   ? "Credential"
			: !ret->signed_headers.len ? "SignedHeaders"
						   : "Signature");
	ret->time_text = header_of(request, STR("x-amz-date"));
	ret->security_token = header_of(request, STR("x-amz-security-token"));
	if (parse_credential(credential, ret, err) < 0)
		return -1;
	return parse_time(ret, err);
}

static int parse_presigned(struct arena *arena, const struct sigv4_request *request,
	struct signature *ret, struct error *err)
{
	struct str rest = query_of(request->target), credential = STR_NULL, algorithm = STR_NULL,
		   expires = STR_NULL;

	while (!str_is_null(rest)) {
		struct str value = str_cut(&rest, '&'), name = str_cut(&value, '=');
		value = decode(arena, value);
		if (str_eq(name, STR("X-Amz-Algorithm")))
			algorithm = value;
		else if (str_eq(name, STR("X-Amz-Credential")))
			credential = value;
		else if (str_eq(name, STR("X-Amz-SignedHeaders")))
			ret->signed_headers = value;
		else if (str_eq(name, STR("X-Amz-Signature")))
			ret->value = value;
		else if (str_eq(name, STR("X-Amz-Date")))
			ret->time_text = value;
		else if (str_eq(name, STR("X-Amz-Expires")))
			expires = value;
		else if (str_eq(name, STR("X-Amz-Security-Token")))
			ret->security_token = value;
	}
	ret->is_presigned = true;
	if (!str_eq(algorithm, ALGORITHM))
		return error_set(err, ERROR_UNAUTHENTICATED,
			"X-Amz-Algorithm \"%" STR_F "\" is not %" STR_F, STR_A(algorithm),
			STR_A(ALGORITHM));
	if (!str_to_int64(expires, &ret->expires_s) || ret->expires_s < 1 ||
		ret->expires_s > SIGV4_MAX_EXPIRES_S)
		return error_set(err, ERROR_UNAUTHENTICATED,
			"X-Amz-Expires \"%" STR_F "\" is not a number of seconds from 1 to %d",
			STR_A(expires), SIGV4_MAX_EXPIRES_S);
	if (!ret->signed_headers.len)
		return error_set(err, ERROR_UNAUTHENTICATED, "the query lacks X-Amz-SignedHeaders");
	if (parse_credential(credential, ret, err) < 0)
		return -1;
	return parse_time(ret, err);
}

static int parse(struct arena *arena, const struct sigv4_request *request, struct signature *ret,
	struct error *err)
{
	struct str authorization = header_of(request, STR("authorization"));

	*ret = (struct signature){0};
	if (str_starts_with(authorization, ALGORITHM))
		return parse_header(request, authorization, ret, err);
	if (authorization.len)
		return error_set(err, ERROR_UNAUTHENTICATED,
			"the Authorization header does not begin with %" STR_F, STR_A(ALGORITHM));
	if (str_find(query_of(request->target), STR("X-Amz-Signature=")) >= 0)
		return parse_presigned(arena, request, ret, err);
	return error_set(err, ERROR_UNAUTHENTICATED,
		"the request is not signed: it has no Authorization header; sign it with AWS "
		"Signature Version 4");
}

int sigv4_claim(struct arena *arena, const struct sigv4_request *request, struct sigv4_claim *ret,
	struct error *err)
{
	struct signature signature;

	if (parse(arena, request, &signature, err) < 0)
		return -1;
	*ret = (struct sigv4_claim){.access_key = signature.access_key,
		.region = signature.region,
		.service = signature.service,
		.security_token = signature.security_token,
		.signed_at_us = signature.signed_at_us,
		.is_presigned = signature.is_presigned};
	return 0;
}

/* --- verifying ----------------------------------------------------------------------------- */

static int check_scope(
	const struct signature *signature, struct str region, struct str service, struct error *err)
{
	if (!str_eq(signature->region, region))
		return error_set(err, ERROR_FORBIDDEN,
			"the signature is for region \"%" STR_F "\", this is \"%" STR_F "\"",
			STR_A(signature->region), STR_A(region));
	if (!str_eq(signature->service, service))
		return error_set(err, ERROR_FORBIDDEN,
			"the signature is for service \"%" STR_F "\", this is \"%" STR_F "\"",
			STR_A(signature->service), STR_A(service));
	return 0;
}

static int check_window(const struct signature *signature, int64_t now_us, struct error *err)
{
	char text[CLOCK_TEXT_MAX];
	int64_t age_us = now_us - signature->signed_at_us;
	int64_t oldest_us =
		signature->is_presigned ? signature->expires_s * CLOCK_US_PER_S : SIGV4_MAX_SKEW_US;

	if (age_us <= oldest_us && age_us >= -SIGV4_MAX_SKEW_US)
		return 0;
	clock_format_seconds(text, now_us);
	if (signature->is_presigned && age_us > 0)
		return error_set(err, ERROR_FORBIDDEN,
			"the presigned URL of %" STR_F " expired after %lld s; it is now %s",
			STR_A(signature->time_text), (long long)signature->expires_s, text);
	return error_set(err, ERROR_FORBIDDEN,
		"the request was signed at %" STR_F
		", more than %lld s from now (%s); set the clock right and sign again",
		STR_A(signature->time_text), (long long)(SIGV4_MAX_SKEW_US / CLOCK_US_PER_S), text);
}

static bool is_signed(const struct signature *signature, struct str name)
{
	struct str rest = signature->signed_headers;

	while (!str_is_null(rest))
		if (str_eq(str_cut(&rest, ';'), name))
			return true;
	return false;
}

/* Host must be signed, and every x-amz- header that is there: an unsigned one could have been
 * added. */
static int check_signed_headers(struct arena *arena, const struct sigv4_request *request,
	const struct signature *signature, struct error *err)
{
	struct str rest = signature->signed_headers;

	if (!is_signed(signature, STR("host")))
		return error_set(
			err, ERROR_FORBIDDEN, "the signature does not cover the host header");
	while (!str_is_null(rest)) {
		struct str name = str_cut(&rest, ';');
		if (str_is_null(header_of(request, name)))
			return error_set(err, ERROR_FORBIDDEN,
				"the signature covers header \"%" STR_F
				"\", which the request does not have",
				STR_A(name));
	}
	for (size_t i = 0; i < request->header_count; i++) {
		char *lower = arena_cstr(arena, request->headers[i].name);
		for (char *c = lower; c && *c; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c + ('a' - 'A'));
		struct str name = str_of(lower);
		if (str_starts_with(name, STR("x-amz-")) && !is_signed(signature, name) &&
			!(signature->is_presigned && str_eq(name, STR("x-amz-content-sha256"))))
			return error_set(err, ERROR_FORBIDDEN,
				"header \"%" STR_F "\" is not covered by the signature",
				STR_A(name));
	}
	return 0;
}

/* The payload hash the signature was made with; a named one must be that of the body. */
static int check_payload(struct arena *arena, const struct sigv4_request *request, struct str *ret,
	struct error *err)
{
	char hex[HASH_SHA256_HEX_SIZE];
	struct str named = header_of(request, STR("x-amz-content-sha256"));

	hash_sha256_hex(request->body, hex);
	*ret = arena_str(arena, str_of(hex));
	if (str_is_null(named) || str_eq(named, *ret))
		return 0;
	if (str_eq(named, UNSIGNED_PAYLOAD)) {
		*ret = named;
		return 0;
	}
	return error_set(err, ERROR_FORBIDDEN,
		"X-Amz-Content-Sha256 is not the SHA-256 of the body; the body was changed after "
		"signing");
}

int sigv4_verify(struct arena *arena, const struct sigv4_request *request, struct str secret,
	struct str region, struct str service, int64_t now_us, struct error *err)
{
	struct signature signature;
	struct str payload, canonical;

	if (parse(arena, request, &signature, err) < 0 ||
		check_scope(&signature, region, service, err) < 0 ||
		check_window(&signature, now_us, err) < 0 ||
		check_signed_headers(arena, request, &signature, err) < 0 ||
		check_payload(arena, request, &payload, err) < 0 ||
		sigv4_canonical_request(
			arena, request, signature.signed_headers, payload, &canonical, err) < 0)
		return -1;
	if (hash_equal_secret(compute(arena, &signature, secret, canonical), signature.value))
		return 0;
	return error_set(err, ERROR_FORBIDDEN,
		"the signature does not match; check the secret key of \"%" STR_F
		"\", and that method, path, query, signed headers and body are sent as they were "
		"signed",
		STR_A(signature.access_key));
}

/* --- signing ------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return str_cmp(
		((const struct http_header *)a)->name, ((const struct http_header *)b)->name);
}

static struct str lower_case(struct arena *arena, struct str text)
{
	char *copy = arena_cstr(arena, text);

	for (char *c = copy; c && *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + ('a' - 'A'));
	return copy ? str_n(copy, text.len) : STR_NULL;
}

/* Names of all headers, lower case, sorted, once each, joined by ';'. */
static struct str sign_all(struct arena *arena, struct http_header *headers, size_t count)
{
	struct str out = STR("");

	for (size_t i = 0; i < count; i++)
		headers[i].name = lower_case(arena, headers[i].name);
	qsort(headers, count, sizeof(headers[0]), compare_names);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !str_eq(headers[i].name, headers[i - 1].name))
			out = arena_printf(arena, "%" STR_F "%s%" STR_F, STR_A(out), i ? ";" : "",
				STR_A(headers[i].name));
	return out;
}

int sigv4_sign(struct arena *arena, const struct sigv4_request *request,
	const struct sigv4_credentials *credentials, struct str region, struct str service,
	int64_t now_us, bool content_hash_header, struct http_header **ret, size_t *ret_count,
	struct error *err)
{
	char time_text[CLOCK_TEXT_MAX], hex[HASH_SHA256_HEX_SIZE];
	size_t given = request->header_count, added = 0;
	struct http_header *all = arena_calloc(arena, given + 4, sizeof(*all));
	struct http_header *out = arena_calloc(arena, 4, sizeof(*out));
	struct str canonical;

	if (!all || !out)
		return error_set(err, ERROR_MEMORY, "no memory to sign");
	clock_format_basic(time_text, now_us);
	hash_sha256_hex(request->body, hex);
	out[added++] = (struct http_header){STR("x-amz-date"), arena_str(arena, str_of(time_text))};
	if (content_hash_header)
		out[added++] = (struct http_header){
			STR("x-amz-content-sha256"), arena_str(arena, str_of(hex))};
	if (credentials->session_token.len)
		out[added++] = (struct http_header){
			STR("x-amz-security-token"), credentials->session_token};
	if (given)
		memcpy(all, request->headers, given * sizeof(*all));
	memcpy(all + given, out, added * sizeof(*all));
	struct str names = sign_all(arena, all, given + added);
	struct sigv4_request complete = *request;
	complete.headers = all;
	complete.header_count = given + added;
	struct signature signature = {.date = str_slice(out[0].value, 0, DATE_LEN),
		.region = region,
		.service = service,
		.time_text = out[0].value};
	if (sigv4_canonical_request(arena, &complete, names, str_of(hex), &canonical, err) < 0)
		return -1;
	struct str value = compute(arena, &signature, credentials->secret_key, canonical);
	out[added++] = (struct http_header){STR("authorization"),
		arena_printf(arena,
			"%" STR_F " Credential=%" STR_F "/%" STR_F "/%" STR_F "/%" STR_F "/%" STR_F
			", SignedHeaders=%" STR_F ", Signature=%" STR_F,
			STR_A(ALGORITHM), STR_A(credentials->access_key), STR_A(signature.date),
			STR_A(region), STR_A(service), STR_A(SCOPE_END), STR_A(names),
			STR_A(value))};
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no memory to sign");
	*ret = out;
	*ret_count = added;
	return 0;
}
