/*
 * hash.h - digests and checksums.
 */
#ifndef REEVE_BASE_HASH_H
#define REEVE_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

#define HASH_SHA256_SIZE 32
#define HASH_SHA256_HEX_SIZE 65

void hash_sha256(struct str data, uint8_t out[HASH_SHA256_SIZE]);
void hash_sha256_hex(struct str data, char out[HASH_SHA256_HEX_SIZE]); /* lower case, NUL */
void hash_hmac_sha256(struct str key, struct str data, uint8_t out[HASH_SHA256_SIZE]);

/* SHA-256 of what comes in pieces. */
struct hash_stream;
struct hash_stream *hash_stream_new(void); /* NULL: no memory */
void hash_stream_add(struct hash_stream *stream, struct str data);
void hash_stream_reset(struct hash_stream *stream); /* as new */
/* Of all that was added; nothing may be added afterwards but for a reset. */
void hash_stream_hex(struct hash_stream *stream, char out[HASH_SHA256_HEX_SIZE]);
void hash_stream_free(struct hash_stream *stream); /* NULL accepted */

/* Lower-case hex of any bytes; `out` takes 2 * len + 1. */
void hash_hex(const void *bytes, size_t len, char *out);

uint32_t hash_crc32(uint32_t seed, struct str data); /* IEEE 802.3; seed 0 to begin */
uint64_t hash_fnv1a(struct str data);

/* Standard alphabet with padding (RFC 4648 section 4). Decode gives null on bad input. */
struct str hash_base64(struct arena *arena, struct str data);
struct str hash_base64_decode(struct arena *arena, struct str text);

/* The URL-safe alphabet without padding (RFC 4648 section 5, as RFC 7515 wants it). Null on bad
 * input, unused bits that are not zero included: every value has one text. */
struct str hash_base64url_decode(struct arena *arena, struct str text);

/* Whether the two are equal, in time that does not depend on where they differ. */
bool hash_equal_secret(struct str a, struct str b);

#endif
