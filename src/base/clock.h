/*
 * clock.h - time, as values that tests can choose.
 *
 * Decisions take `now`; only loops read a clock, and they read the one they were given. Unix time
 * is in microseconds, int64_t, named ..._us. Durations and deadlines use the monotonic clock.
 */
#ifndef REEVE_BASE_CLOCK_H
#define REEVE_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

#define CLOCK_US_PER_S INT64_C(1000000)
#define CLOCK_US_PER_MS INT64_C(1000)

struct clock {
	int64_t (*now_us)(const struct clock *clock);
};

extern const struct clock clock_system;

/* A clock that tests set by hand. */
struct clock_fake {
	struct clock clock;
	int64_t now_us;
};
void clock_fake_init(struct clock_fake *fake, int64_t now_us);

static inline int64_t clock_now_us(const struct clock *clock)
{
	return clock->now_us(clock);
}

int64_t clock_monotonic_us(void);

/* Room for any text below, NUL included. */
#define CLOCK_TEXT_MAX 40

/* RFC 3339 in UTC with Z: microseconds with trailing zeros trimmed (as Go's RFC3339Nano), or whole
 * seconds. Returns the length. */
size_t clock_format(char out[CLOCK_TEXT_MAX], int64_t unix_us);
size_t clock_format_seconds(char out[CLOCK_TEXT_MAX], int64_t unix_us);
struct str clock_text(struct arena *arena, int64_t unix_us);
struct str clock_text_seconds(struct arena *arena, int64_t unix_us);

/* RFC 3339 section 5.6, any offset, any fraction (cut to microseconds). */
bool clock_parse(struct str text, int64_t *ret_unix_us);

/* SigV4's basic form YYYYMMDD'T'HHMMSS'Z'. */
size_t clock_format_basic(char out[CLOCK_TEXT_MAX], int64_t unix_us);
bool clock_parse_basic(struct str text, int64_t *ret_unix_us);

/* Go's duration text: "1h30m", "500ms", "10s". */
bool clock_parse_duration(struct str text, int64_t *ret_us);

#endif
