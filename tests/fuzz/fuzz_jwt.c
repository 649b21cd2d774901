/*
 * fuzz_jwt.c - any text as a token and as a key set: what is refused has a sentence, what is taken
 * is within its limits, and nothing that a fuzzer makes up is signed.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "net/jwk_set.h"
#include "net/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* RFC 7515 appendix A.3, whose private half is public; a fuzzer does not compute with it. */
#define KEY                                                      \
	"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","          \
	"\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}"
#define SIGNED                                                                                     \
	"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGx" \
	"lLmNvbS9pc19yb290Ijp0cnVlfQ"

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_token(struct str text)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new((size_t)1 << 20);
	const struct jwt_wish wish = {.issuer = STR("joe"), .audience = STR_NULL};
	struct jwk_set *set;
	struct jwk *key = NULL;
	struct jwt token;
	struct error err = {0};

	if (jwt_parse(arena, text, &token, &err) != 0) {
		require(err.code != ERROR_NONE && err.message[0]);
		return;
	}
	require(token.algorithm != JWK_UNKNOWN && json_is(token.claims, JSON_OBJECT));
	if (jwt_judge(&token, &wish, INT64_C(1300819000) * 1000000, &err) != JWT_GOOD)
		require(err.message[0]);
	require(jwk_set_parse(&set, STR(KEY), NULL) == 0);
	if (jwk_set_find(set, STR_NULL, token.algorithm, &key) == JWK_FOUND &&
		jwt_verify(&token, key))
		require(str_eq_c(token.signed_text, SIGNED));
	jwk_free(key);
	jwk_set_free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct str text = str_n((const char *)bytes, size);
	struct jwk_set *set;
	struct error err = {0};

	check_token(text);
	if (jwk_set_parse(&set, text, &err) == 0) {
		require(jwk_set_count(set) > 0 && jwk_set_count(set) <= JWK_SET_MAX_KEYS);
		jwk_set_free(set);
	} else {
		require(err.code != ERROR_NONE && err.message[0]);
	}
	return 0;
}
