/*
 * jwt.c - see jwt.h.
 */
#include "net/jwt.h"

#include <math.h>

#include "base/clock.h"
#include "base/hash.h"

/* Beyond it a NumericDate is nonsense, and microseconds would not fit (year 142,000). */
#define MAX_DATE_S 4.4e12

static int refuse(struct error *err, const char *what)
{
	return error_set(err, ERROR_UNAUTHENTICATED, "%s", what);
}

/* One part: base64url of a JSON object. */
static int read_object(struct arena *arena, struct str part, const char *name, struct json **ret,
	struct error *err)
{
	static const struct json_limits limits = {
		.max_bytes = JWT_MAX_BYTES, .max_depth = JWT_MAX_DEPTH};
	struct str text = hash_base64url_decode(arena, part);

	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no room for the token");
	if (str_is_null(text))
		return error_set(err, ERROR_UNAUTHENTICATED,
			"the token's %s is not base64url without padding", name);
	if (json_parse(arena, text, &limits, ret, NULL) != 0 || !json_is(*ret, JSON_OBJECT))
		return error_set(err, ERROR_UNAUTHENTICATED,
			"the token's %s is not a JSON object without duplicate members", name);
	return 0;
}

static int read_header(const struct json *header, struct jwt *token, struct error *err)
{
	const struct json *key_id = json_get(header, "kid");

	token->algorithm = jwk_algorithm_of(json_get_text(header, "alg"));
	token->key_id = json_str(key_id);
	if (token->algorithm == JWK_UNKNOWN)
		return refuse(err, "the token's alg has to be RS256, RS384, RS512, ES256 or ES384");
	if (json_get(header, "crit"))
		return refuse(err, "the token's header asks for extensions (crit)");
	if (key_id && str_is_null(token->key_id))
		return refuse(err, "the token's kid is not text");
	return 0;
}

int jwt_parse(struct arena *arena, struct str text, struct jwt *ret, struct error *err)
{
	struct jwt token = {0};
	struct str rest = text, header, claims, signature;
	struct json *document;

	if (text.len > JWT_MAX_BYTES)
		return error_set(err, ERROR_UNAUTHENTICATED, "the token is longer than %zu bytes",
			JWT_MAX_BYTES);
	header = str_cut(&rest, '.');
	claims = str_cut(&rest, '.');
	signature = rest;
	if (str_is_null(signature) || header.len == 0 || claims.len == 0 || signature.len == 0 ||
		str_index(signature, '.') >= 0)
		return refuse(err, "the token is not three parts with dots between them");
	if (read_object(arena, header, "header", &document, err) != 0 ||
		read_header(document, &token, err) != 0 ||
		read_object(arena, claims, "claims", &token.claims, err) != 0)
		return -1;
	token.signed_text = str_n(text.ptr, header.len + 1 + claims.len);
	token.signature = hash_base64url_decode(arena, signature);
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no room for the token");
	if (str_is_null(token.signature))
		return refuse(err, "the token's signature is not base64url without padding");
	*ret = token;
	return 0;
}

bool jwt_verify(const struct jwt *token, const struct jwk *key)
{
	return jwk_verify(key, token->algorithm, token->signed_text, token->signature);
}

/* --- claims ---------------------------------------------------------------------------------- */

/* A NumericDate (RFC 7519 section 2); false when it is absent or none. */
static bool read_date(const struct json *claims, const char *name, int64_t *ret_us)
{
	const struct json *value = json_get(claims, name);
	double seconds = json_double(value, NAN);

	if (!json_is(value, JSON_NUMBER) || !(fabs(seconds) <= MAX_DATE_S))
		return false;
	*ret_us = (int64_t)(seconds * (double)CLOCK_US_PER_S);
	return true;
}

static bool is_meant_for(const struct json *audience, struct str wanted)
{
	const struct json *item;

	if (json_is(audience, JSON_STRING))
		return str_eq(json_str(audience), wanted);
	json_for_each (audience, i, item)
		if (str_eq(json_str(item), wanted))
			return json_is(audience, JSON_ARRAY);
	return false;
}

enum jwt_verdict jwt_judge(
	const struct jwt *token, const struct jwt_wish *wish, int64_t now_us, struct error *err)
{
	static const char *const not_before[] = {"nbf", "iat"};
	struct str issuer = json_get_text(token->claims, "iss");
	int64_t date_us;

	if (str_is_null(issuer) || !str_eq(issuer, wish->issuer)) {
		refuse(err, "the token's iss is not an issuer configured here");
		return JWT_BAD;
	}
	if (!str_is_null(wish->audience) &&
		!is_meant_for(json_get(token->claims, "aud"), wish->audience)) {
		refuse(err, "the token's aud does not name this service");
		return JWT_BAD;
	}
	for (size_t i = 0; i < sizeof(not_before) / sizeof(not_before[0]); i++) {
		if (!json_get(token->claims, not_before[i]))
			continue;
		if (!read_date(token->claims, not_before[i], &date_us) ||
			date_us > now_us + JWT_LEEWAY_US) {
			error_set(err, ERROR_UNAUTHENTICATED,
				"the token's %s is not a time that has come", not_before[i]);
			return JWT_BAD;
		}
	}
	if (!read_date(token->claims, "exp", &date_us)) {
		refuse(err, "the token has no exp that is a time");
		return JWT_BAD;
	}
	if (date_us + JWT_LEEWAY_US > now_us)
		return JWT_GOOD;
	refuse(err, "the token has expired");
	return JWT_EXPIRED;
}

int64_t jwt_end_us(const struct jwt *token)
{
	int64_t date_us = 0;

	return read_date(token->claims, "exp", &date_us) ? date_us + JWT_LEEWAY_US : 0;
}
