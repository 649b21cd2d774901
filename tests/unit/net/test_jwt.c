/*
 * test_jwt.c - tokens and keys: the examples of the standards, made ones, and forged ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/hmac.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "net/jwk_set.h"
#include "net/jwt.h"
#include "signer.h"

#define NOW_S INT64_C(1800000000)
#define NOW_US (NOW_S * 1000000)
#define GOOD_CLAIMS "{\"iss\":\"https://i\",\"exp\":1800000600}"

/* RFC 7515 appendices A.2 and A.3: the same claims, signed with RSA and on P-256. */
#define RFC_CLAIMS                                                                                 \
	"eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0" \
	"cnVlfQ"
#define RFC_RSA_KEY                                                                               \
	"{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfH" \
	"Qp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9" \
	"wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQ" \
	"Y4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAc" \
	"DTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}"
#define RFC_RSA_TOKEN                                                                            \
	"eyJhbGciOiJSUzI1NiJ9." RFC_CLAIMS                                                       \
	".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_" \
	"O8W"                                                                                    \
	"2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"                                 \
	"nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSj"                                                    \
	"tQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"                                 \
	"eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6"                                                   \
	"IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define RFC_EC_KEY                                                                                 \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define RFC_EC_TOKEN                       \
	"eyJhbGciOiJFUzI1NiJ9." RFC_CLAIMS \
	".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

struct fixture {
	struct arena *arena;
	struct signer rsa, p256, p384;
};

static int setup(void **state)
{
	static struct fixture fixture;

	fixture.arena = arena_new(0);
	signer_init(&fixture.rsa, NULL, "r");
	signer_init(&fixture.p256, "P-256", "e");
	signer_init(&fixture.p384, "P-384", "f");
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	signer_destroy(&fixture->rsa);
	signer_destroy(&fixture->p256);
	signer_destroy(&fixture->p384);
	arena_free(fixture->arena);
	return 0;
}

static struct jwk *key_of(struct arena *arena, const char *text)
{
	struct json *document;
	struct jwk *key;
	struct error err;

	assert_int_equal(json_parse(arena, str_of(text), NULL, &document, NULL), 0);
	if (jwk_new(&key, document, &err) != 0)
		fail_msg("%s", err.message);
	return key;
}

static bool is_signed_by(struct arena *arena, struct str text, const char *key_text)
{
	struct jwk *key = key_of(arena, key_text);
	struct jwt token;
	struct error err;

	if (jwt_parse(arena, text, &token, &err) != 0)
		fail_msg("%s", err.message);
	bool holds = jwt_verify(&token, key);
	jwk_free(key);
	return holds;
}

/* --- signatures ------------------------------------------------------------------------------ */

static void the_examples_of_the_standard_verify(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->arena;
	const struct jwt_wish joe = {.issuer = STR("joe")};
	struct jwt token;

	assert_true(is_signed_by(arena, str_of(RFC_RSA_TOKEN), RFC_RSA_KEY));
	assert_true(is_signed_by(arena, str_of(RFC_EC_TOKEN), RFC_EC_KEY));
	assert_int_equal(jwt_parse(arena, str_of(RFC_EC_TOKEN), &token, NULL), 0);
	assert_int_equal(jwt_judge(&token, &joe, INT64_C(1300819000) * 1000000, NULL), JWT_GOOD);
	assert_int_equal(jwt_judge(&token, &joe, NOW_US, NULL), JWT_EXPIRED);
	assert_true(json_bool(json_get(token.claims, "http://example.com/is_root"), false));
}

static void every_algorithm_verifies_with_its_key_only(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->arena;
	const struct {
		const char *header, *digest;
		const struct signer *signer;
	} rows[] = {
		{"{\"alg\":\"RS256\"}", "SHA256", &fixture->rsa},
		{"{\"alg\":\"RS384\"}", "SHA384", &fixture->rsa},
		{"{\"alg\":\"RS512\"}", "SHA512", &fixture->rsa},
		{"{\"alg\":\"ES256\"}", "SHA256", &fixture->p256},
		{"{\"alg\":\"ES384\"}", "SHA384", &fixture->p384},
	};
	const struct signer *signers[] = {&fixture->rsa, &fixture->p256, &fixture->p384};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str text = signer_token(
			arena, rows[i].signer, rows[i].digest, rows[i].header, GOOD_CLAIMS);

		for (size_t j = 0; j < 3; j++)
			assert_int_equal(
				is_signed_by(arena, text, signer_jwk(arena, signers[j], "")),
				rows[i].signer == signers[j]);
	}
	/* The header's digest is the one that counts. */
	assert_false(is_signed_by(arena,
		signer_token(arena, &fixture->rsa, "SHA384", "{\"alg\":\"RS256\"}", GOOD_CLAIMS),
		signer_jwk(arena, &fixture->rsa, "")));
	/* A key that names its algorithm serves no other. */
	assert_false(is_signed_by(arena,
		signer_token(arena, &fixture->rsa, "SHA512", "{\"alg\":\"RS512\"}", GOOD_CLAIMS),
		signer_jwk(arena, &fixture->rsa, ",\"alg\":\"RS256\"")));
}

static void every_changed_character_is_noticed(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->arena;
	struct str text = signer_token(
		arena, &fixture->p256, "SHA256", "{\"alg\":\"ES256\",\"kid\":\"e\"}", GOOD_CLAIMS);
	struct jwk *key = key_of(arena, signer_jwk(arena, &fixture->p256, ""));

	for (size_t i = 0; i < text.len; i++) {
		CLEANUP(cleanup_arena) struct arena *scratch = arena_new(0);
		char *changed = arena_cstr(scratch, text);
		struct jwt token;

		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		if (jwt_parse(scratch, str_n(changed, text.len), &token, NULL) == 0 &&
			jwt_verify(&token, key))
			fail_msg("character %zu may be changed", i);
	}
	jwk_free(key);
}

static void a_signature_has_one_form(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->arena;
	struct jwk *key = key_of(arena, RFC_EC_KEY);
	struct jwt token;
	char zeros[64] = {0}, longer[65] = {0};

	assert_int_equal(jwt_parse(arena, str_of(RFC_EC_TOKEN), &token, NULL), 0);
	struct str good = token.signature;
	memcpy(longer, good.ptr, good.len);
	const struct str bad[] = {
		str_n(zeros, sizeof(zeros)), str_n(longer, 65), str_n(good.ptr, 63), STR("")};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		token.signature = bad[i];
		assert_false(jwt_verify(&token, key));
	}
	token.signature = good;
	assert_true(jwt_verify(&token, key));
	jwk_free(key);
}

/* The oldest trick: the public key, which all know, as the secret of an HMAC. */
static void an_hmac_with_the_public_key_is_no_signature(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->arena;
	const char *key = signer_jwk(arena, &fixture->rsa, "");
	unsigned char digest[32];
	unsigned len = sizeof(digest);
	struct str text = arena_printf(arena, "%" STR_F ".%" STR_F,
		STR_A(signer_base64url(arena, STR("{\"alg\":\"HS256\"}"))),
		STR_A(signer_base64url(arena, STR(GOOD_CLAIMS))));
	struct jwt token;
	struct error err;

	HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text.ptr, text.len, digest,
		&len);
	text = arena_printf(arena, "%" STR_F ".%" STR_F, STR_A(text),
		STR_A(signer_base64url(arena, str_n((const char *)digest, len))));
	assert_int_equal(jwt_parse(arena, text, &token, &err), -1);
	assert_int_equal(err.code, ERROR_UNAUTHENTICATED);
	assert_non_null(strstr(err.message, "alg"));
}

/* --- form ------------------------------------------------------------------------------------ */

static void what_is_no_token_is_refused_in_words(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->arena;
	static const struct {
		const char *header, *claims, *signature, *word;
	} rows[] = {
		{"{\"alg\":\"none\"}", GOOD_CLAIMS, "AAAA", "alg"},
		{"{\"alg\":\"None\"}", GOOD_CLAIMS, "AAAA", "alg"},
		{"{\"alg\":\"rs256\"}", GOOD_CLAIMS, "AAAA", "alg"},
		{"{\"alg\":\"PS256\"}", GOOD_CLAIMS, "AAAA", "alg"},
		{"{\"alg\":[\"RS256\"]}", GOOD_CLAIMS, "AAAA", "alg"},
		{"{}", GOOD_CLAIMS, "AAAA", "alg"},
		{"[]", GOOD_CLAIMS, "AAAA", "JSON object"},
		{"{\"alg\":\"RS256\",\"alg\":\"RS256\"}", GOOD_CLAIMS, "AAAA", "duplicate"},
		{"{\"alg\":\"RS256\",\"crit\":[\"exp\"],\"exp\":1}", GOOD_CLAIMS, "AAAA", "crit"},
		{"{\"alg\":\"RS256\",\"kid\":7}", GOOD_CLAIMS, "AAAA", "kid"},
		{"{\"alg\":\"RS256\"}", "\"text\"", "AAAA", "claims"},
		{"{\"alg\":\"RS256\"}", "{\"iss\":1,\"iss\":2}", "AAAA", "claims"},
		{"{\"alg\":\"RS256\"}", GOOD_CLAIMS, "", "three parts"},
		{"{\"alg\":\"RS256\"}", GOOD_CLAIMS, "AAAA.AAAA", "three parts"},
		{"{\"alg\":\"RS256\"}", GOOD_CLAIMS, "AAAA=", "base64url"},
		{"{\"alg\":\"RS256\"}", GOOD_CLAIMS, "AA+A", "base64url"},
		{"{\"alg\":\"RS256\"}", GOOD_CLAIMS, "AAAAA", "base64url"},
		{"{\"alg\":\"RS256\"}", GOOD_CLAIMS, "AB", "base64url"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str text = arena_printf(arena, "%" STR_F ".%" STR_F ".%s",
			STR_A(signer_base64url(arena, str_of(rows[i].header))),
			STR_A(signer_base64url(arena, str_of(rows[i].claims))), rows[i].signature);
		struct jwt token;
		struct error err;

		if (jwt_parse(arena, text, &token, &err) == 0)
			fail_msg("row %zu is taken", i);
		assert_int_equal(err.code, ERROR_UNAUTHENTICATED);
		if (!strstr(err.message, rows[i].word))
			fail_msg("row %zu: %s", i, err.message);
	}
	static const char *const others[] = {"", ".", "..", "...", "a.b.c", "\n.\n.\n"};
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct jwt token;
		assert_int_equal(jwt_parse(arena, str_of(others[i]), &token, NULL), -1);
	}
}

static void a_token_over_the_limit_is_refused(void **state)
{
	struct fixture *fixture = *state;
	char *text = arena_alloc(fixture->arena, JWT_MAX_BYTES + 1);
	struct jwt token;
	struct error err;

	memset(text, 'A', JWT_MAX_BYTES + 1);
	assert_int_equal(
		jwt_parse(fixture->arena, str_n(text, JWT_MAX_BYTES + 1), &token, &err), -1);
	assert_non_null(strstr(err.message, "longer than"));
}

/* --- claims ---------------------------------------------------------------------------------- */

static void claims_are_held_against_the_wish(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->arena;
	static const struct {
		const char *claims;
		enum jwt_verdict verdict;
		const char *word;
	} rows[] = {
		{"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000001}", JWT_GOOD, NULL},
		{"{\"iss\":\"i\",\"aud\":[\"b\",\"a\"],\"exp\":1800000001.5}", JWT_GOOD, NULL},
		{"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1799999971}", JWT_GOOD, NULL}, /* leeway */
		{"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1799999970}", JWT_EXPIRED, "expired"},
		{"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":0}", JWT_EXPIRED, "expired"},
		{"{\"iss\":\"i\",\"aud\":\"a\"}", JWT_BAD, "exp"},
		{"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":\"1800000001\"}", JWT_BAD, "exp"},
		{"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1e300}", JWT_BAD, "exp"},
		{"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1e999}", JWT_BAD, "exp"},
		{"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":null}", JWT_BAD, "exp"},
		{"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000001,\"nbf\":1800000030}", JWT_GOOD,
			NULL},
		{"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000001,\"nbf\":1800000031}", JWT_BAD,
			"nbf"},
		{"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000001,\"iat\":1800000031}", JWT_BAD,
			"iat"},
		{"{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1800000001,\"iat\":\"now\"}", JWT_BAD,
			"iat"},
		{"{\"iss\":\"I\",\"aud\":\"a\",\"exp\":1800000001}", JWT_BAD, "iss"},
		{"{\"iss\":[\"i\"],\"aud\":\"a\",\"exp\":1800000001}", JWT_BAD, "iss"},
		{"{\"aud\":\"a\",\"exp\":1800000001}", JWT_BAD, "iss"},
		{"{\"iss\":\"i\",\"aud\":\"ab\",\"exp\":1800000001}", JWT_BAD, "aud"},
		{"{\"iss\":\"i\",\"aud\":[],\"exp\":1800000001}", JWT_BAD, "aud"},
		{"{\"iss\":\"i\",\"aud\":{\"x\":\"a\"},\"exp\":1800000001}", JWT_BAD, "aud"},
		{"{\"iss\":\"i\",\"exp\":1800000001}", JWT_BAD, "aud"},
		/* The expiry is told only of what is good otherwise. */
		{"{\"iss\":\"x\",\"aud\":\"a\",\"exp\":1}", JWT_BAD, "iss"},
	};
	const struct jwt_wish wish = {.issuer = STR("i"), .audience = STR("a")};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str text = signer_token(
			arena, &fixture->p256, "SHA256", "{\"alg\":\"ES256\"}", rows[i].claims);
		struct jwt token;
		struct error err = {0};

		assert_int_equal(jwt_parse(arena, text, &token, &err), 0);
		if (jwt_judge(&token, &wish, NOW_US, &err) != rows[i].verdict)
			fail_msg("row %zu: %s", i, err.message);
		if (rows[i].word && !strstr(err.message, rows[i].word))
			fail_msg("row %zu: %s", i, err.message);
	}
}

/* --- keys ------------------------------------------------------------------------------------ */

static void a_key_that_is_not_for_us_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->arena;
	const struct {
		const char *text;
		enum error_code code;
	} rows[] = {
		{"{\"kty\":\"oct\",\"k\":\"AAAA\",\"alg\":\"HS256\"}", ERROR_UNPROCESSABLE},
		{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}", ERROR_UNPROCESSABLE},
		{"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AA\",\"y\":\"AA\"}",
			ERROR_UNPROCESSABLE},
		{signer_jwk(arena, &fixture->rsa, ",\"use\":\"enc\""), ERROR_UNPROCESSABLE},
		{signer_jwk(arena, &fixture->rsa, ",\"key_ops\":[\"encrypt\"]"),
			ERROR_UNPROCESSABLE},
		{signer_jwk(arena, &fixture->rsa, ",\"alg\":\"PS256\""), ERROR_UNPROCESSABLE},
		{signer_jwk(arena, &fixture->rsa, ",\"alg\":\"ES256\""), ERROR_UNPROCESSABLE},
		{signer_jwk(arena, &fixture->rsa, ",\"alg\":\"HS256\""), ERROR_UNPROCESSABLE},
		{signer_jwk(arena, &fixture->p384, ",\"alg\":\"ES256\""), ERROR_UNPROCESSABLE},
		{"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", ERROR_INVALID}, /* weak */
		{"{\"kty\":\"RSA\",\"n\":\"!\",\"e\":\"AQAB\"}", ERROR_INVALID},
		{"{\"kty\":\"RSA\",\"e\":\"AQAB\"}", ERROR_INVALID},
		/* On no curve. */
		{"{\"kty\":\"EC\",\"crv\":\"P-256\","
		 "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
		 "\"y\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"}",
			ERROR_INVALID},
		{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}", ERROR_INVALID},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json *document;
		struct jwk *key;
		struct error err = {0};

		assert_int_equal(json_parse(arena, str_of(rows[i].text), NULL, &document, NULL), 0);
		if (jwk_new(&key, document, &err) == 0)
			fail_msg("row %zu is taken", i);
		if (err.code != rows[i].code)
			fail_msg("row %zu: %s", i, err.message);
	}
}

static void a_set_finds_by_id_and_algorithm(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = fixture->arena;
	struct signer twin = fixture->p256, other = fixture->p256;
	static const struct {
		const char *id;
		enum jwk_algorithm algorithm;
		enum jwk_match match;
	} rows[] = {
		{"r", JWK_RS256, JWK_FOUND},
		{"r", JWK_ES256, JWK_UNFIT},
		{"e", JWK_ES256, JWK_FOUND},
		{"e", JWK_RS256, JWK_UNFIT},
		{"e", JWK_UNKNOWN, JWK_UNFIT},
		{"x", JWK_RS256, JWK_ABSENT},
		{"", JWK_RS256, JWK_ABSENT},
		{NULL, JWK_RS256, JWK_FOUND}, /* the only one */
		{NULL, JWK_ES256, JWK_UNFIT}, /* two could be meant */
		{NULL, JWK_ES384, JWK_ABSENT},
		{"twice", JWK_ES256, JWK_UNFIT},
	};
	struct jwk_set *set;
	struct error err;

	twin.id = "twice";
	other.id = "twice";
	struct str text = arena_printf(arena,
		"{\"keys\":[%s,{\"kty\":\"oct\",\"k\":\"AA\",\"kid\":\"o\"},7,%s,%s,%s]}",
		signer_jwk(arena, &fixture->rsa, ""), signer_jwk(arena, &fixture->p256, ""),
		signer_jwk(arena, &twin, ""), signer_jwk(arena, &other, ""));
	if (jwk_set_parse(&set, text, &err) != 0)
		fail_msg("%s", err.message);
	assert_int_equal(jwk_set_count(set), 4);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct jwk *key = NULL;

		if (jwk_set_find(set, str_of(rows[i].id), rows[i].algorithm, &key) != rows[i].match)
			fail_msg("row %zu", i);
		jwk_free(key);
	}
	jwk_set_free(set);
}

static void a_set_that_is_none_is_refused(void **state)
{
	static const char *const rows[] = {"", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]}",
		"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}", "{\"keys\":[1]}"};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct jwk_set *set;
		struct error err = {0};

		assert_int_equal(jwk_set_parse(&set, str_of(rows[i]), &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_standard_verify),
		cmocka_unit_test(every_algorithm_verifies_with_its_key_only),
		cmocka_unit_test(every_changed_character_is_noticed),
		cmocka_unit_test(a_signature_has_one_form),
		cmocka_unit_test(an_hmac_with_the_public_key_is_no_signature),
		cmocka_unit_test(what_is_no_token_is_refused_in_words),
		cmocka_unit_test(a_token_over_the_limit_is_refused),
		cmocka_unit_test(claims_are_held_against_the_wish),
		cmocka_unit_test(a_key_that_is_not_for_us_is_refused),
		cmocka_unit_test(a_set_finds_by_id_and_algorithm),
		cmocka_unit_test(a_set_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
