/*
 * jwk.c - see jwk.h. OpenSSL does the mathematics; the algorithm decides padding and digest, never
 * the token alone: the key has to serve it.
 */
#include "net/jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"

#define EC_POINT_UNCOMPRESSED '\4' /* SEC 1 section 2.3.3 */
#define EC_MAX_COORDINATE 48u

static const struct algorithm {
	const char *name;
	const char *key_type;
	const char *curve; /* as a JWK says it; NULL: RSA */
	const char *group; /* as OpenSSL says it */
	const char *digest;
	size_t coordinate; /* bytes of one, and of R and S each */
} algorithms[] = {
	[JWK_RS256] = {"RS256", "RSA", NULL, NULL, "SHA256", 0},
	[JWK_RS384] = {"RS384", "RSA", NULL, NULL, "SHA384", 0},
	[JWK_RS512] = {"RS512", "RSA", NULL, NULL, "SHA512", 0},
	[JWK_ES256] = {"ES256", "EC", "P-256", "prime256v1", "SHA256", 32},
	[JWK_ES384] = {"ES384", "EC", "P-384", "secp384r1", "SHA384", EC_MAX_COORDINATE},
};

#define ALGORITHM_COUNT (sizeof(algorithms) / sizeof(algorithms[0]))

struct jwk {
	atomic_uint holders;
	EVP_PKEY *key;
	bool serves[ALGORITHM_COUNT];
	bool has_id;
	size_t id_len;
	char id[JWK_MAX_KID];
};

enum jwk_algorithm jwk_algorithm_of(struct str name)
{
	for (size_t i = JWK_RS256; i < ALGORITHM_COUNT; i++)
		if (str_eq_c(name, algorithms[i].name))
			return (enum jwk_algorithm)i;
	return JWK_UNKNOWN;
}

/* --- reading --------------------------------------------------------------------------------- */

static struct str member_bytes(struct arena *arena, const struct json *document, const char *name)
{
	struct str text = json_get_text(document, name);

	return text.len > 0 ? hash_base64url_decode(arena, text) : STR_NULL;
}

static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (!params || !context || EVP_PKEY_fromdata_init(context) != 1 ||
		EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	return key;
}

static int read_rsa(
	struct arena *arena, const struct json *document, EVP_PKEY **ret, struct error *err)
{
	struct str modulus = member_bytes(arena, document, "n");
	struct str exponent = member_bytes(arena, document, "e");

	if (modulus.len == 0 || exponent.len == 0 || modulus.len > JWK_MAX_RSA_BITS / 8 ||
		exponent.len > sizeof(uint32_t))
		return error_set(err, ERROR_INVALID,
			"an RSA key needs n of at most %d bits and e of at most 32, in base64url",
			JWK_MAX_RSA_BITS);
	BIGNUM *n = BN_bin2bn((const unsigned char *)modulus.ptr, (int)modulus.len, NULL);
	BIGNUM *e = BN_bin2bn((const unsigned char *)exponent.ptr, (int)exponent.len, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	int result = 0;

	if (n && e &&
		(BN_num_bits(n) < JWK_MIN_RSA_BITS || !BN_is_odd(n) || !BN_is_odd(e) ||
			BN_is_one(e)))
		result = error_set(err, ERROR_INVALID,
			"an RSA key needs an odd modulus of at least %d bits and an odd exponent "
			"over 1",
			JWK_MIN_RSA_BITS);
	else if (!n || !e || !build ||
		 OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
		 OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1 ||
		 (*ret = key_from("RSA", build)) == NULL)
		result = error_set(err, ERROR_INVALID, "n and e are not an RSA key");
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	return result;
}

static int read_ec(struct arena *arena, const struct json *document,
	const struct algorithm *algorithm, EVP_PKEY **ret, struct error *err)
{
	struct str x = member_bytes(arena, document, "x"), y = member_bytes(arena, document, "y");
	size_t size = algorithm->coordinate;
	unsigned char point[1 + 2 * EC_MAX_COORDINATE] = {EC_POINT_UNCOMPRESSED};

	if (str_is_null(x) || str_is_null(y) || x.len != size || y.len != size)
		return error_set(err, ERROR_INVALID,
			"a key on %s needs x and y of %zu bytes each, in base64url",
			algorithm->curve, size);
	memcpy(point + 1, x.ptr, size);
	memcpy(point + 1 + size, y.ptr, size);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	int result = 0;

	/* OpenSSL refuses a point that is not on the curve. */
	if (!build ||
		OSSL_PARAM_BLD_push_utf8_string(
			build, OSSL_PKEY_PARAM_GROUP_NAME, algorithm->group, 0) != 1 ||
		OSSL_PARAM_BLD_push_octet_string(
			build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * size) != 1 ||
		(*ret = key_from("EC", build)) == NULL)
		result = error_set(
			err, ERROR_INVALID, "x and y are not a point of %s", algorithm->curve);
	OSSL_PARAM_BLD_free(build);
	return result;
}

/* Whether the key says that it may verify signatures. */
static bool is_for_signatures(const struct json *document)
{
	const struct json *use = json_get(document, "use"),
			  *operations = json_get(document, "key_ops"), *item;

	if (use && !str_eq_c(json_str(use), "sig"))
		return false;
	if (!operations)
		return true;
	json_for_each (operations, i, item)
		if (str_eq_c(json_str(item), "verify"))
			return true;
	return false;
}

/* Marks the algorithms that type, curve and "alg" leave; the first of them, or NULL. */
static const struct algorithm *choose(struct jwk *key, const struct json *document)
{
	struct str type = json_get_text(document, "kty"), curve = json_get_text(document, "crv");
	const struct json *only = json_get(document, "alg");
	const struct algorithm *first = NULL;

	for (size_t i = JWK_RS256; i < ALGORITHM_COUNT; i++) {
		const struct algorithm *each = &algorithms[i];

		key->serves[i] = str_eq_c(type, each->key_type) &&
				 (!each->curve || str_eq_c(curve, each->curve)) &&
				 (!only || str_eq_c(json_str(only), each->name));
		if (key->serves[i] && !first)
			first = each;
	}
	return first;
}

static int read_key(struct jwk *key, const struct json *document, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct str id = json_get_text(document, "kid");
	const struct algorithm *algorithm = choose(key, document);

	if (!arena)
		return error_set(err, ERROR_MEMORY, "no memory for a key");
	if (id.len > JWK_MAX_KID || (json_get(document, "kid") && str_is_null(id)))
		return error_set(err, ERROR_INVALID,
			"a key's kid has to be text of at most %u bytes", JWK_MAX_KID);
	if (!algorithm || !is_for_signatures(document))
		return error_set(err, ERROR_UNPROCESSABLE,
			"the key is not for signatures with RS256, RS384, RS512, ES256 or ES384");
	key->has_id = !str_is_null(id);
	key->id_len = id.len;
	if (id.len > 0)
		memcpy(key->id, id.ptr, id.len);
	return algorithm->curve ? read_ec(arena, document, algorithm, &key->key, err)
				: read_rsa(arena, document, &key->key, err);
}

int jwk_new(struct jwk **ret, const struct json *document, struct error *err)
{
	struct jwk *key = calloc(1, sizeof(*key));

	if (!key)
		return error_set(err, ERROR_MEMORY, "no memory for a key");
	atomic_init(&key->holders, 1);
	if (read_key(key, document, err) != 0) {
		jwk_free(key);
		return -1;
	}
	*ret = key;
	return 0;
}

struct jwk *jwk_hold(struct jwk *key)
{
	atomic_fetch_add(&key->holders, 1);
	return key;
}

void jwk_free(struct jwk *key)
{
	if (!key || atomic_fetch_sub(&key->holders, 1) > 1)
		return;
	EVP_PKEY_free(key->key);
	free(key);
}

struct str jwk_id(const struct jwk *key)
{
	return key->has_id ? str_n(key->id, key->id_len) : STR_NULL;
}

bool jwk_serves(const struct jwk *key, enum jwk_algorithm algorithm)
{
	return algorithm != JWK_UNKNOWN && key->serves[algorithm];
}

/* --- verifying ------------------------------------------------------------------------------- */

/* R and S side by side, as OpenSSL's DER. NULL when they cannot be a signature; free it with
 * OPENSSL_free(). */
static unsigned char *der_of(struct str signature, size_t size, size_t *ret_len)
{
	const unsigned char *bytes = (const unsigned char *)signature.ptr;
	unsigned char *der = NULL;
	int length = -1;

	if (signature.len != 2 * size)
		return NULL;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(bytes, (int)size, NULL);
	BIGNUM *s = BN_bin2bn(bytes + size, (int)size, NULL);
	if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
		r = s = NULL; /* the pair's now */
		length = i2d_ECDSA_SIG(pair, &der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(pair);
	*ret_len = length > 0 ? (size_t)length : 0;
	return length > 0 ? der : NULL;
}

static bool check(EVP_PKEY *key, const struct algorithm *algorithm, struct str text,
	const unsigned char *signature, size_t len)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *padding = NULL;
	bool holds = context &&
		     EVP_DigestVerifyInit_ex(
			     context, &padding, algorithm->digest, NULL, NULL, key, NULL) == 1 &&
		     (algorithm->curve ||
			     EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PADDING) == 1) &&
		     EVP_DigestVerify(context, signature, len, (const unsigned char *)text.ptr,
			     text.len) == 1;

	EVP_MD_CTX_free(context);
	return holds;
}

bool jwk_verify(
	const struct jwk *key, enum jwk_algorithm algorithm, struct str text, struct str signature)
{
	if (!jwk_serves(key, algorithm) || signature.len == 0)
		return false;
	const struct algorithm *how = &algorithms[algorithm];
	if (!how->curve)
		return check(
			key->key, how, text, (const unsigned char *)signature.ptr, signature.len);
	size_t len;
	unsigned char *der = der_of(signature, how->coordinate, &len);
	bool holds = der && check(key->key, how, text, der, len);
	OPENSSL_free(der);
	return holds;
}
