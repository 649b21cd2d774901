/*
 * json_scan.h - the inner loops over text that parser and writer share.
 */
#ifndef REEVE_DATA_JSON_SCAN_H
#define REEVE_DATA_JSON_SCAN_H

#include <stdint.h>
#include <string.h>

#define JSON_ONES UINT64_C(0x0101010101010101)
#define JSON_HIGHS UINT64_C(0x8080808080808080)

/* The high bit of each byte that is '"', '\\', below 0x20 or not ASCII. The subtractions may also
 * flag a byte above a flagged one, which costs nothing: the loop below takes the lowest. */
static inline uint64_t json_special_bytes(uint64_t word)
{
	uint64_t quote = word ^ (JSON_ONES * '"');
	uint64_t backslash = word ^ (JSON_ONES * '\\');

	return ((quote - JSON_ONES) | (backslash - JSON_ONES) | (word - JSON_ONES * 0x20) | word) &
	       JSON_HIGHS;
}

/* The first byte that does not stand for itself in a JSON string, or `end`. */
static inline const char *json_skip_plain(const char *at, const char *end)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	while (end - at >= 8) {
		uint64_t word;
		memcpy(&word, at, sizeof(word));
		uint64_t special = json_special_bytes(word);
		if (special)
			return at + (__builtin_ctzll(special) >> 3);
		at += 8;
	}
#endif
	while (at < end && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80 && *at != '"' &&
		*at != '\\')
		at++;
	return at;
}

/* The length of the well-formed character at `at` (RFC 3629: no surrogates, no overlong forms), or
 * 0. */
static inline size_t json_utf8_length(const char *at, const char *end)
{
	const unsigned char *byte = (const unsigned char *)at;
	size_t left = (size_t)(end - at), length;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */

	if (left == 0)
		return 0;
	if (byte[0] < 0x80)
		return 1;
	if (byte[0] < 0xc2 || byte[0] > 0xf4)
		return 0;
	length = byte[0] < 0xe0 ? 2 : byte[0] < 0xf0 ? 3 : 4;
	if (byte[0] == 0xe0)
		low = 0xa0;
	else if (byte[0] == 0xed)
		high = 0x9f;
	else if (byte[0] == 0xf0)
		low = 0x90;
	else if (byte[0] == 0xf4)
		high = 0x8f;
	if (left < length || byte[1] < low || byte[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

#endif
