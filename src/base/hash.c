/*
 * hash.c - digests (OpenSSL), checksums, text encodings of bytes.
 */
#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

void hash_sha256(struct str data, uint8_t out[HASH_SHA256_SIZE])
{
	SHA256((const unsigned char *)(data.ptr ? data.ptr : ""), data.len, out);
}

void hash_hex(const void *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *at = bytes;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[at[i] >> 4];
		out[2 * i + 1] = digits[at[i] & 15];
	}
	out[2 * len] = '\0';
}

void hash_sha256_hex(struct str data, char out[HASH_SHA256_HEX_SIZE])
{
	uint8_t digest[HASH_SHA256_SIZE];

	hash_sha256(data, digest);
	hash_hex(digest, sizeof(digest), out);
}

struct hash_stream {
	EVP_MD_CTX *context;
};

struct hash_stream *hash_stream_new(void)
{
	struct hash_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->context = EVP_MD_CTX_new();
	if (!stream->context || EVP_DigestInit_ex(stream->context, EVP_sha256(), NULL) != 1) {
		hash_stream_free(stream);
		return NULL;
	}
	return stream;
}

void hash_stream_add(struct hash_stream *stream, struct str data)
{
	if (data.len > 0)
		EVP_DigestUpdate(stream->context, data.ptr, data.len);
}

void hash_stream_reset(struct hash_stream *stream)
{
	EVP_DigestInit_ex(stream->context, NULL, NULL);
}

void hash_stream_hex(struct hash_stream *stream, char out[HASH_SHA256_HEX_SIZE])
{
	uint8_t digest[HASH_SHA256_SIZE] = {0};

	EVP_DigestFinal_ex(stream->context, digest, NULL);
	hash_hex(digest, sizeof(digest), out);
}

void hash_stream_free(struct hash_stream *stream)
{
	if (!stream)
		return;
	EVP_MD_CTX_free(stream->context);
	free(stream);
}

void hash_hmac_sha256(struct str key, struct str data, uint8_t out[HASH_SHA256_SIZE])
{
	unsigned length = HASH_SHA256_SIZE;

	HMAC(EVP_sha256(), key.ptr ? key.ptr : "", (int)key.len,
		(const unsigned char *)(data.ptr ? data.ptr : ""), data.len, out, &length);
}

uint32_t hash_crc32(uint32_t seed, struct str data)
{
	uint32_t crc = ~seed;

	for (size_t i = 0; i < data.len; i++) {
		crc ^= (uint8_t)data.ptr[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

uint64_t hash_fnv1a(struct str data)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < data.len; i++)
		hash = (hash ^ (uint8_t)data.ptr[i]) * UINT64_C(0x100000001b3);
	return hash;
}

struct str hash_base64(struct arena *arena, struct str data)
{
	char *out = arena_alloc(arena, (data.len + 2) / 3 * 4 + 1);

	if (!out)
		return STR_NULL;
	int length = EVP_EncodeBlock(
		(unsigned char *)out, (const unsigned char *)data.ptr, (int)data.len);
	return str_n(out, (size_t)length);
}

static bool is_base64(struct str text)
{
	size_t padding = 0;

	if (text.len % 4)
		return false;
	while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < text.len - padding; i++) {
		char c = text.ptr[i];
		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			    c == '+' || c == '/'))
			return false;
	}
	return true;
}

struct str hash_base64_decode(struct arena *arena, struct str text)
{
	if (!is_base64(text))
		return STR_NULL;
	char *out = arena_alloc(arena, text.len / 4 * 3 + 1);
	if (!out)
		return STR_NULL;
	int length = EVP_DecodeBlock(
		(unsigned char *)out, (const unsigned char *)text.ptr, (int)text.len);
	if (length < 0)
		return STR_NULL;
	for (size_t i = text.len; i > 0 && text.ptr[i - 1] == '='; i--)
		length--;
	out[length] = '\0';
	return str_n(out, (size_t)length);
}

static int base64url_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

struct str hash_base64url_decode(struct arena *arena, struct str text)
{
	uint32_t bits = 0;
	unsigned count = 0; /* of bits that wait */
	size_t length = 0;

	if (text.len % 4 == 1)
		return STR_NULL;
	char *out = arena_alloc(arena, text.len / 4 * 3 + 3);
	if (!out)
		return STR_NULL;
	for (size_t i = 0; i < text.len; i++) {
		int digit = base64url_digit(text.ptr[i]);
		if (digit < 0)
			return STR_NULL;
		bits = bits << 6 | (uint32_t)digit;
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[length++] = (char)(bits >> count & 0xff);
			bits &= (1u << count) - 1;
		}
	}
	out[length] = '\0';
	return bits == 0 ? str_n(out, length) : STR_NULL;
}

bool hash_equal_secret(struct str a, struct str b)
{
	return a.len == b.len && CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}
