/*
 * id.h - identifiers: UUIDs (RFC 9562 versions 4, 5, 7), snowflakes, and random bytes.
 */
#ifndef REEVE_BASE_ID_H
#define REEVE_BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define ID_UUID_LEN 36
#define ID_UUID_SIZE (ID_UUID_LEN + 1)

/* Lower-case text with NUL. Version 7 is monotonic within the process: ids made later by any thread
 * sort later. */
void id_uuid4(char out[ID_UUID_SIZE]);
void id_uuid7(char out[ID_UUID_SIZE], int64_t now_us);

/* Version 5 (SHA-1) of `name` in the OID name space of RFC 9562 appendix A. */
void id_uuid5_oid(char out[ID_UUID_SIZE], struct str name);

bool id_is_uuid(struct str text);

/*
 * Snowflake as the sequence ids of Maestro's agents (bwmarrin/snowflake):
 * (ms since 1288834974657) << 22 | node << 12 | step. Monotonic within one generator even when the
 * wall clock steps back. Thread-safe.
 */
struct id_snowflake;
struct id_snowflake *id_snowflake_new(unsigned node); /* 0..1023 */
void id_snowflake_free(struct id_snowflake *generator);
int64_t id_snowflake_next(struct id_snowflake *generator, int64_t now_us);

void id_random(void *out, size_t len);

#endif
