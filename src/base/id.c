/*
 * id.c - UUIDs and snowflakes.
 */
#include "base/id.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/hash.h"

#define SNOWFLAKE_EPOCH_MS INT64_C(1288834974657)
#define SNOWFLAKE_NODE_MAX 1023u
#define SNOWFLAKE_STEP_MAX 4095

void id_random(void *out, size_t len)
{
	char *at = out;

	while (len) {
		ssize_t got = getrandom(at, len, 0);
		if (got < 0)
			continue; /* interrupted */
		at += got;
		len -= (size_t)got;
	}
}

static void to_text(const uint8_t bytes[16], char out[ID_UUID_SIZE])
{
	char hex[33];

	hash_hex(bytes, 16, hex);
	memcpy(out, hex, 8);
	memcpy(out + 9, hex + 8, 4);
	memcpy(out + 14, hex + 12, 4);
	memcpy(out + 19, hex + 16, 4);
	memcpy(out + 24, hex + 20, 12);
	out[8] = out[13] = out[18] = out[23] = '-';
	out[ID_UUID_LEN] = '\0';
}

static void set_version(uint8_t bytes[16], unsigned version)
{
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | version << 4);
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
}

void id_uuid4(char out[ID_UUID_SIZE])
{
	uint8_t bytes[16];

	id_random(bytes, sizeof(bytes));
	set_version(bytes, 4);
	to_text(bytes, out);
}

/* 60 bits that only grow: milliseconds, then a 12-bit counter (RFC 9562 section 6.2, method 1). The
 * one exception to "no global state": ids must be ordered over the whole process. */
static uint64_t next_tick(int64_t now_us)
{
	static uint64_t last;
	uint64_t tick = (uint64_t)(now_us / 1000) << 12;
	uint64_t seen = __atomic_load_n(&last, __ATOMIC_RELAXED);
	uint64_t next;

	do {
		next = tick > seen ? tick : seen + 1;
	} while (!__atomic_compare_exchange_n(
		&last, &seen, next, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return next;
}

void id_uuid7(char out[ID_UUID_SIZE], int64_t now_us)
{
	uint64_t tick = next_tick(now_us), ms = tick >> 12;
	uint8_t bytes[16];

	id_random(bytes + 8, 8);
	for (int i = 0; i < 6; i++)
		bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
	bytes[6] = (uint8_t)(tick >> 8 & 0x0f);
	bytes[7] = (uint8_t)tick;
	set_version(bytes, 7);
	to_text(bytes, out);
}

void id_uuid5_oid(char out[ID_UUID_SIZE], struct str name)
{
	static const uint8_t oid[16] = {0x6b, 0xa7, 0xb8, 0x12, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4,
		0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	EVP_DigestInit_ex(context, EVP_sha1(), NULL);
	EVP_DigestUpdate(context, oid, sizeof(oid));
	EVP_DigestUpdate(context, name.ptr, name.len);
	EVP_DigestFinal_ex(context, digest, NULL);
	EVP_MD_CTX_free(context);
	set_version(digest, 5);
	to_text(digest, out);
}

bool id_is_uuid(struct str text)
{
	if (text.len != ID_UUID_LEN)
		return false;
	for (size_t i = 0; i < ID_UUID_LEN; i++) {
		char c = text.ptr[i];
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
		bool is_hex =
			(c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
		if (is_dash ? c != '-' : !is_hex)
			return false;
	}
	return true;
}

struct id_snowflake {
	pthread_mutex_t mutex;
	unsigned node;
	int64_t last_ms;
	int step;
};

struct id_snowflake *id_snowflake_new(unsigned node)
{
	struct id_snowflake *generator = calloc(1, sizeof(*generator));

	if (generator) {
		pthread_mutex_init(&generator->mutex, NULL);
		generator->node = node & SNOWFLAKE_NODE_MAX;
	}
	return generator;
}

void id_snowflake_free(struct id_snowflake *generator)
{
	if (!generator)
		return;
	pthread_mutex_destroy(&generator->mutex);
	free(generator);
}

int64_t id_snowflake_next(struct id_snowflake *generator, int64_t now_us)
{
	int64_t ms = now_us / 1000 - SNOWFLAKE_EPOCH_MS;

	LOCK_SCOPE(&generator->mutex);
	if (ms > generator->last_ms) {
		generator->last_ms = ms;
		generator->step = 0;
	} else if (++generator->step > SNOWFLAKE_STEP_MAX) {
		generator->last_ms++; /* borrow from the future rather than wait */
		generator->step = 0;
	}
	return generator->last_ms << 22 | (int64_t)generator->node << 12 | generator->step;
}
