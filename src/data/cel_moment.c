/*
 * cel_moment.c - timestamps and durations: text, ranges, nanoseconds.
 *
 * A timestamp has seconds and nanoseconds because 64 bits of nanoseconds do not reach from year 1
 * to 9999; a duration is nanoseconds and therefore at most 292 years, as in cel-go.
 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "data/cel_tree.h"

#define SECONDS_PER_DAY 86400
#define MAX_OFFSET_HOURS 23
#define NANO_DIGITS 9

/* Days since 1970 of a date of the Gregorian calendar; March begins the year of the count. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t era, of_era, of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	of_era = year - era * 400;
	of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
	return era * 146097 + of_era - 719468;
}

static int days_in(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && is_leap);
}

/* --- timestamps ---------------------------------------------------------------------------- */

/* Exactly `count` digits. */
static bool take_number(struct str *text, size_t count, int *ret)
{
	*ret = 0;
	if (text->len < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (text->ptr[i] < '0' || text->ptr[i] > '9')
			return false;
		*ret = *ret * 10 + (text->ptr[i] - '0');
	}
	*text = str_slice(*text, count, text->len);
	return true;
}

static bool take_mark(struct str *text, char mark)
{
	if (text->len == 0 || text->ptr[0] != mark)
		return false;
	*text = str_slice(*text, 1, text->len);
	return true;
}

/* The digits of a fraction as nanoseconds; what is finer is cut. */
static bool take_fraction(struct str *text, int32_t *ret)
{
	int32_t nanos = 0;
	size_t count = 0;

	for (; count < text->len && text->ptr[count] >= '0' && text->ptr[count] <= '9'; count++) {
		if (count < NANO_DIGITS)
			nanos = nanos * 10 + (text->ptr[count] - '0');
	}
	for (size_t i = count; i < NANO_DIGITS; i++)
		nanos *= 10;
	*text = str_slice(*text, count, text->len);
	*ret = nanos;
	return count > 0;
}

static bool take_offset(struct str *text, int32_t *ret)
{
	int hours, minutes;
	int sign = 1;

	*ret = 0;
	if (take_mark(text, 'Z'))
		return true;
	if (take_mark(text, '-'))
		sign = -1;
	else if (!take_mark(text, '+'))
		return false;
	if (!take_number(text, 2, &hours) || !take_mark(text, ':') ||
		!take_number(text, 2, &minutes) || hours > MAX_OFFSET_HOURS || minutes > 59)
		return false;
	*ret = sign * (hours * 3600 + minutes * 60);
	return true;
}

bool cel_timestamp_parse(struct str text, struct cel_time *ret)
{
	int year, month, day, hour, minute, second;

	*ret = (struct cel_time){0};
	if (!take_number(&text, 4, &year) || !take_mark(&text, '-') ||
		!take_number(&text, 2, &month) || !take_mark(&text, '-') ||
		!take_number(&text, 2, &day) || !take_mark(&text, 'T') ||
		!take_number(&text, 2, &hour) || !take_mark(&text, ':') ||
		!take_number(&text, 2, &minute) || !take_mark(&text, ':') ||
		!take_number(&text, 2, &second))
		return false;
	if (take_mark(&text, '.') && !take_fraction(&text, &ret->nanos))
		return false;
	if (!take_offset(&text, &ret->offset) || text.len > 0)
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 ||
		minute > 59 || second > 59)
		return false;
	ret->seconds = days_of(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 +
		       second - ret->offset;
	return true;
}

bool cel_timestamp_is_valid(const struct cel_time *time)
{
	return time->seconds >= CEL_TIMESTAMP_MIN && time->seconds <= CEL_TIMESTAMP_MAX;
}

struct cel_value cel_timestamp_from_us(int64_t us)
{
	int64_t rest = (us % CLOCK_US_PER_S + CLOCK_US_PER_S) % CLOCK_US_PER_S;

	return (struct cel_value){.type = CEL_TIMESTAMP,
		.as.time = {
			.seconds = (us - rest) / CLOCK_US_PER_S, .nanos = (int32_t)rest * 1000}};
}

/* `.5` with trailing zeros cut, or nothing. */
static void fraction_text(char out[16], int32_t nanos)
{
	int len = snprintf(out, 16, ".%09d", nanos);

	while (len > 1 && out[len - 1] == '0')
		len--;
	out[len > 1 ? len : 0] = '\0';
}

struct str cel_timestamp_text(struct arena *arena, const struct cel_time *time)
{
	time_t local = (time_t)(time->seconds + time->offset);
	int minutes = (time->offset < 0 ? -time->offset : time->offset) / 60;
	char fraction[16], zone[16] = "Z";
	struct tm tm = {0};

	gmtime_r(&local, &tm);
	fraction_text(fraction, time->nanos);
	if (time->offset != 0)
		snprintf(zone, sizeof(zone), "%c%02d:%02d", time->offset < 0 ? '-' : '+',
			minutes / 60 % 100, minutes % 60);
	return arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02d%s%s", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, fraction, zone);
}

/* --- durations ----------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{"ns", 1},
	{"us", 1000},
	{"\xC2\xB5s", 1000}, /* micro sign */
	{"\xCE\xBCs", 1000}, /* mu */
	{"ms", 1000000},
	{"s", CEL_NS_PER_S},
	{"m", 60 * CEL_NS_PER_S},
	{"h", 3600 * CEL_NS_PER_S},
};

static int64_t take_unit(struct str *text)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct str name = str_of(units[i].name);

		if (str_starts_with(*text, name)) {
			*text = str_slice(*text, name.len, text->len);
			return units[i].ns;
		}
	}
	return 0;
}

/* One number with its unit, as in 1.5h; ret in nanoseconds. */
static bool take_amount(struct str *text, uint64_t *ret)
{
	uint64_t whole = 0, fraction = 0;
	double scale = 1;
	size_t count = 0;
	int64_t unit;

	for (; text->len > 0 && text->ptr[0] >= '0' && text->ptr[0] <= '9'; count++) {
		if (__builtin_mul_overflow(whole, 10u, &whole) ||
			__builtin_add_overflow(whole, (uint64_t)(text->ptr[0] - '0'), &whole))
			return false;
		*text = str_slice(*text, 1, text->len);
	}
	if (take_mark(text, '.')) {
		for (; text->len > 0 && text->ptr[0] >= '0' && text->ptr[0] <= '9'; count++) {
			if (fraction < UINT64_C(100000000000000000)) {
				fraction = fraction * 10 + (uint64_t)(text->ptr[0] - '0');
				scale *= 10;
			}
			*text = str_slice(*text, 1, text->len);
		}
	}
	unit = take_unit(text);
	if (count == 0 || unit == 0 || __builtin_mul_overflow(whole, (uint64_t)unit, &whole))
		return false;
	*ret = whole + (uint64_t)((double)fraction * ((double)unit / scale));
	return *ret >= whole;
}

bool cel_duration_parse(struct str text, int64_t *ret_ns)
{
	bool is_negative = take_mark(&text, '-');
	uint64_t total = 0, amount;

	if (!is_negative)
		take_mark(&text, '+');
	*ret_ns = 0;
	if (str_eq_c(text, "0"))
		return true;
	if (text.len == 0)
		return false;
	while (text.len > 0) {
		if (!take_amount(&text, &amount) || __builtin_add_overflow(total, amount, &total) ||
			total > (uint64_t)INT64_MAX + is_negative)
			return false;
	}
	*ret_ns = is_negative ? (int64_t)(0 - total) : (int64_t)total;
	return true;
}

/* Seconds with a fraction and "s", as proto3's JSON. */
struct str cel_duration_text(struct arena *arena, int64_t ns)
{
	uint64_t rest = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	char fraction[16];

	fraction_text(fraction, (int32_t)(rest % CEL_NS_PER_S));
	return arena_printf(arena, "%s%llu%ss", ns < 0 ? "-" : "",
		(unsigned long long)(rest / CEL_NS_PER_S), fraction);
}
