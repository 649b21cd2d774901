/*
 * signer.h - makes keys and tokens signed with them, for tests.
 */
#ifndef REEVE_TESTS_NET_SIGNER_H
#define REEVE_TESTS_NET_SIGNER_H

#include <openssl/evp.h>

#include "base/arena.h"

struct signer {
	EVP_PKEY *key;
	const char *curve; /* "P-256", "P-384"; NULL: RSA */
	const char *id;	   /* NULL: none */
};

/* Fails the test when OpenSSL cannot. */
void signer_init(struct signer *signer, const char *curve, const char *id);
void signer_destroy(struct signer *signer);

/* The public key as a JWK; `more` is appended to its members, as `,"use":"sig"`. */
const char *signer_jwk(struct arena *arena, const struct signer *signer, const char *more);

/* A token with this header and these claims as they stand, signed with the digest ("SHA256"). */
struct str signer_token(struct arena *arena, const struct signer *signer, const char *digest,
	const char *header, const char *claims);

struct str signer_base64url(struct arena *arena, struct str bytes);

#endif
