/*
 * jwk.h - public keys as JSON (RFC 7517), and signatures made with their other half.
 *
 * Only asymmetric signatures exist here: RS256, RS384, RS512 and, on the curves that belong to
 * them, ES256 and ES384 (RFC 7518 section 3). A key serves the algorithms of its type, or the one
 * that its "alg" names; so neither "none" nor an HMAC keyed with a public key can be asked for.
 *
 * A key does not change; any thread may use it as long as it holds it.
 */
#ifndef REEVE_NET_JWK_H
#define REEVE_NET_JWK_H

#include "data/json.h"

#define JWK_MIN_RSA_BITS 2048 /* RFC 7518 section 3.3 */
#define JWK_MAX_RSA_BITS 8192 /* a larger one costs more time than it is worth */
#define JWK_MAX_KID 256u

enum jwk_algorithm {
	JWK_UNKNOWN, /* "none", "HS256", and whatever else there is */
	JWK_RS256,
	JWK_RS384,
	JWK_RS512,
	JWK_ES256,
	JWK_ES384
};

/* Names are case-sensitive (RFC 7515 section 4.1.1). */
enum jwk_algorithm jwk_algorithm_of(struct str name);

struct jwk;

/*
 * One key of a set. ERROR_INVALID for one that is malformed or weak, ERROR_UNPROCESSABLE for one
 * that is not for us: a type, curve or algorithm that is not above, a "use" that is not "sig",
 * "key_ops" without "verify". A private part, should there be one, is not looked at.
 */
int jwk_new(struct jwk **ret, const struct json *document, struct error *err);

/* One more holder; returns the key. */
struct jwk *jwk_hold(struct jwk *key);
void jwk_free(struct jwk *key); /* one holder less; NULL accepted */

/* Its "kid"; null when it has none. */
struct str jwk_id(const struct jwk *key);
bool jwk_serves(const struct jwk *key, enum jwk_algorithm algorithm);

/* Whether `signature` (as in RFC 7518: R and S side by side for ECDSA) is this key's on `text`.
 * False, too, for an algorithm that the key does not serve. */
bool jwk_verify(
	const struct jwk *key, enum jwk_algorithm algorithm, struct str text, struct str signature);

#endif
