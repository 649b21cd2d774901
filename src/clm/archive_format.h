/*
 * archive_format.h - what a writer and a reader of archives agree on.
 *
 *     {...,"crc32":"0a1b2c3d"}          a line: CRC-32 of all bytes before the comma
 *     {"rows":{...},"sha256":"..."}     the trailer: SHA-256 of all bytes before ","
 */
#ifndef REEVE_CLM_ARCHIVE_FORMAT_H
#define REEVE_CLM_ARCHIVE_FORMAT_H

#include <zlib.h>

#include "base/str.h"

#define ARCHIVE_CRC_FORMAT ",\"crc32\":\"%08x\"}"
#define ARCHIVE_CRC_BYTES (sizeof(",\"crc32\":\"01234567\"}") - 1)
#define ARCHIVE_TRAILER_BEGIN "{\"rows\":"
#define ARCHIVE_SHA_BEGIN ",\"sha256\":\""
#define ARCHIVE_SHA_END "\"}"
#define ARCHIVE_CHUNK ((size_t)64 << 10) /* bytes read or compressed at once */
#define ARCHIVE_STANDARD_OUTPUT "-"
#define ARCHIVE_GZIP_SUFFIX ".gz"

/* zlib's: a backup is gigabytes, and this one takes many bytes at a time. */
static inline unsigned archive_crc(struct str bytes)
{
	return (unsigned)crc32_z(0, (const unsigned char *)bytes.ptr, bytes.len);
}

#endif
