/*
 * signer.c - see signer.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/hash.h"
#include "signer.h"

#define MAX_SIGNATURE 1024

struct str signer_base64url(struct arena *arena, struct str bytes)
{
	struct str text = hash_base64(arena, bytes);
	char *c = arena_cstr(arena, text);

	for (size_t i = 0; c[i]; i++)
		c[i] = c[i] == '+' ? '-' : c[i] == '/' ? '_' : c[i] == '=' ? '\0' : c[i];
	return str_of(c);
}

void signer_init(struct signer *signer, const char *curve, const char *id)
{
	*signer = (struct signer){.curve = curve, .id = id};
	signer->key = curve ? EVP_EC_gen(curve) : EVP_RSA_gen(2048);
	assert_non_null(signer->key);
}

void signer_destroy(struct signer *signer)
{
	EVP_PKEY_free(signer->key);
}

/* A number of the key as so many bytes (0: as many as it has). */
static struct str number(
	struct arena *arena, const struct signer *signer, const char *name, size_t size)
{
	BIGNUM *value = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(signer->key, name, &value), 1);
	if (size == 0)
		size = (size_t)BN_num_bytes(value);
	unsigned char *bytes = arena_alloc(arena, size);
	assert_int_equal(BN_bn2binpad(value, bytes, (int)size), (int)size);
	BN_free(value);
	return signer_base64url(arena, str_n((const char *)bytes, size));
}

static size_t coordinate(const struct signer *signer)
{
	return strcmp(signer->curve, "P-256") == 0 ? 32 : 48;
}

const char *signer_jwk(struct arena *arena, const struct signer *signer, const char *more)
{
	struct str id = signer->id ? arena_printf(arena, ",\"kid\":\"%s\"", signer->id) : STR("");
	struct str text;

	if (signer->curve)
		text = arena_printf(arena,
			"{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%" STR_F "\",\"y\":\"%" STR_F
			"\"%" STR_F "%s}",
			signer->curve,
			STR_A(number(arena, signer, OSSL_PKEY_PARAM_EC_PUB_X, coordinate(signer))),
			STR_A(number(arena, signer, OSSL_PKEY_PARAM_EC_PUB_Y, coordinate(signer))),
			STR_A(id), more);
	else
		text = arena_printf(arena,
			"{\"kty\":\"RSA\",\"n\":\"%" STR_F "\",\"e\":\"%" STR_F "\"%" STR_F "%s}",
			STR_A(number(arena, signer, OSSL_PKEY_PARAM_RSA_N, 0)),
			STR_A(number(arena, signer, OSSL_PKEY_PARAM_RSA_E, 0)), STR_A(id), more);
	return arena_cstr(arena, text);
}

/* OpenSSL's DER as R and S side by side. */
static size_t pair_of(unsigned char *signature, size_t len, size_t size)
{
	const unsigned char *at = signature;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);

	assert_non_null(pair);
	BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, (int)size);
	BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + size, (int)size);
	ECDSA_SIG_free(pair);
	return 2 * size;
}

struct str signer_token(struct arena *arena, const struct signer *signer, const char *digest,
	const char *header, const char *claims)
{
	struct str text = arena_printf(arena, "%" STR_F ".%" STR_F,
		STR_A(signer_base64url(arena, str_of(header))),
		STR_A(signer_base64url(arena, str_of(claims))));
	unsigned char signature[MAX_SIGNATURE];
	size_t len = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	assert_int_equal(
		EVP_DigestSignInit_ex(context, NULL, digest, NULL, NULL, signer->key, NULL), 1);
	assert_int_equal(
		EVP_DigestSign(context, signature, &len, (const unsigned char *)text.ptr, text.len),
		1);
	EVP_MD_CTX_free(context);
	if (signer->curve)
		len = pair_of(signature, len, coordinate(signer));
	return arena_printf(arena, "%" STR_F ".%" STR_F, STR_A(text),
		STR_A(signer_base64url(arena, str_n((const char *)signature, len))));
}
