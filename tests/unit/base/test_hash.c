/*
 * test_hash.c - digests and encodings against the vectors of their standards.
 */
#include "base/hash.h"

#include "base/cleanup.h"
#include "base_test.h"

static void digests_match_their_standards(void **state)
{
	char hex[HASH_SHA256_HEX_SIZE];
	uint8_t mac[HASH_SHA256_SIZE];

	hash_sha256_hex(STR("abc"), hex); /* FIPS 180-2 appendix B.1 */
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_sha256_hex(STR_NULL, hex);
	assert_string_equal(
		hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	hash_hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), mac); /* RFC 4231, 4.3 */
	hash_hex(mac, sizeof(mac), hex);
	assert_string_equal(
		hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_int_equal(hash_crc32(0, STR("123456789")), 0xcbf43926);
	assert_int_equal(hash_crc32(hash_crc32(0, STR("12345")), STR("6789")), 0xcbf43926);
	assert_true(hash_fnv1a(STR("foobar")) == UINT64_C(0x85944171f73967e8));
	(void)state;
}

static void base64_goes_both_ways(void **state)
{
	/* RFC 4648 section 10. */
	static const struct {
		const char *text, *encoded;
	} rows[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
	static const char *const bad[] = {
		"Zg", "Zg=", "Zg===", "Z===", "====", "Z g=", "Zm9v\n", "Zm-_", "Zg==Zg=="};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);

	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_string_equal(hash_base64(arena, str_of(rows[i].text)).ptr, rows[i].encoded);
		struct str back = hash_base64_decode(arena, str_of(rows[i].encoded));
		assert_true(str_eq_c(back, rows[i].text));
		assert_false(str_is_null(back));
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!str_is_null(hash_base64_decode(arena, str_of(bad[i]))))
			fail_msg("\"%s\"", bad[i]);
	(void)state;
}

static void base64url_has_one_text_for_each_value(void **state)
{
	static const struct {
		const char *encoded, *text;
	} rows[] = {{"", ""}, {"Zg", "f"}, {"Zm8", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg", "foob"},
		{"-_-_", "\xfb\xff\xbf"}};
	static const char *const bad[] = {
		"Z", "Zm9vY", "Zg==", "Zh", "Zm9", "Zm+_", "Zm/_", "Z g", "Zm9v\n", "Z\xc3\xa4g"};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str back = hash_base64url_decode(arena, str_of(rows[i].encoded));
		assert_true(str_eq_c(back, rows[i].text));
		assert_false(str_is_null(back));
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		if (!str_is_null(hash_base64url_decode(arena, str_of(bad[i]))))
			fail_msg("\"%s\"", bad[i]);
	(void)state;
}

static void secrets_are_compared_whole(void **state)
{
	assert_true(hash_equal_secret(STR("abc"), STR("abc")));
	assert_false(hash_equal_secret(STR("abc"), STR("abd")));
	assert_false(hash_equal_secret(STR("abc"), STR("ab")));
	assert_true(hash_equal_secret(STR(""), STR_NULL));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_match_their_standards),
		cmocka_unit_test(base64_goes_both_ways),
		cmocka_unit_test(base64url_has_one_text_for_each_value),
		cmocka_unit_test(secrets_are_compared_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
