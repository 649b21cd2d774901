/*
 * jwk_set.h - a set of public keys (RFC 7517 section 5), and the one a token is looked up in it by.
 */
#ifndef REEVE_NET_JWK_SET_H
#define REEVE_NET_JWK_SET_H

#include "net/jwk.h"

#define JWK_SET_MAX_BYTES ((size_t)256 << 10)
#define JWK_SET_MAX_KEYS 64u

struct jwk_set;

/* {"keys":[...]}. Keys that are not for us, or malformed, are passed over, as the standard wants.
 * ERROR_INVALID for another form and when no key is left, ERROR_TOO_LARGE over a limit. */
int jwk_set_parse(struct jwk_set **ret, struct str text, struct error *err);
void jwk_set_free(struct jwk_set *set); /* NULL accepted */

size_t jwk_set_count(const struct jwk_set *set); /* NULL: 0 */

enum jwk_match {
	JWK_FOUND,
	JWK_ABSENT, /* nothing is known of such a key */
	JWK_UNFIT   /* it is there and does not serve the algorithm, or several could be meant */
};

/* By id and algorithm; a null id finds the only key that serves the algorithm. `ret_key` is held
 * for the caller. A NULL set has no keys. */
enum jwk_match jwk_set_find(const struct jwk_set *set, struct str id, enum jwk_algorithm algorithm,
	struct jwk **ret_key);

#endif
