/*
 * jwt.h - signed tokens (JWT, RFC 7519, as compact JWS, RFC 7515): reading and judging them.
 *
 * Three steps, so that nothing is believed too early: jwt_parse() reads the form, jwt_verify() says
 * whether a key signed it, jwt_judge() holds the claims against what is wanted. Pure: which key,
 * and what time it is, are the caller's. Nothing in a token's header leads anywhere: "jku", "jwk",
 * "x5u" and "x5c" are not looked at, and "crit" is refused.
 */
#ifndef REEVE_NET_JWT_H
#define REEVE_NET_JWT_H

#include "net/jwk.h"

#define JWT_MAX_BYTES ((size_t)12 << 10)      /* of the whole token; headers have 16 KiB together */
#define JWT_MAX_DEPTH 16u		      /* of header and claims as JSON */
#define JWT_LEEWAY_US (INT64_C(30) * 1000000) /* between our clock and the issuer's */

struct jwt {
	enum jwk_algorithm algorithm;
	struct str key_id; /* null: the header names none */
	struct json *claims;
	struct str signed_text; /* header and claims as sent */
	struct str signature;
};

/* Borrows from the text. ERROR_UNAUTHENTICATED says what is wrong with the form; ERROR_MEMORY. */
int jwt_parse(struct arena *arena, struct str text, struct jwt *ret, struct error *err);

/* Whether this key signed it, with an algorithm that is the key's. */
bool jwt_verify(const struct jwt *token, const struct jwk *key);

struct jwt_wish {
	struct str issuer;   /* "iss", byte for byte */
	struct str audience; /* to be "aud" or in it; null: any */
};

enum jwt_verdict { JWT_GOOD, JWT_EXPIRED, JWT_BAD };

/* "exp" has to be there; "nbf" and "iat" may not lie in the future. `err` says what is wrong. Of
 * several faults the expiry is told last. */
enum jwt_verdict jwt_judge(
	const struct jwt *token, const struct jwt_wish *wish, int64_t now_us, struct error *err);

/* Until when a good token is taken: its "exp" and the leeway. */
int64_t jwt_end_us(const struct jwt *token);

#endif
