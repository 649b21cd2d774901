/*
 * clock.c - clocks, and time as text.
 */
#include "base/clock.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>

static int64_t system_now_us(const struct clock *clock)
{
	struct timespec now;

	(void)clock;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * CLOCK_US_PER_S + now.tv_nsec / 1000;
}

const struct clock clock_system = {system_now_us};

static int64_t fake_now_us(const struct clock *clock)
{
	return ((const struct clock_fake *)clock)->now_us;
}

void clock_fake_init(struct clock_fake *fake, int64_t now_us)
{
	fake->clock.now_us = fake_now_us;
	fake->now_us = now_us;
}

int64_t clock_monotonic_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * CLOCK_US_PER_S + now.tv_nsec / 1000;
}

/* Seconds and the microseconds after them; floor for times before 1970. */
static time_t split(int64_t unix_us, int *ret_us)
{
	int64_t seconds = unix_us / CLOCK_US_PER_S, rest = unix_us % CLOCK_US_PER_S;

	if (rest < 0) {
		seconds--;
		rest += CLOCK_US_PER_S;
	}
	*ret_us = (int)rest;
	return (time_t)seconds;
}

/* A number of fixed width and what follows it. printf would take most of a list's time. */
static char *put_number(char *at, int number, int digits, char then)
{
	for (int i = digits - 1; i >= 0; i--, number /= 10)
		at[i] = (char)('0' + number % 10);
	at[digits] = then;
	return at + digits + 1;
}

size_t clock_format_seconds(char out[CLOCK_TEXT_MAX], int64_t unix_us)
{
	struct tm tm;
	int us;
	time_t seconds = split(unix_us, &us);
	char *at = out;

	gmtime_r(&seconds, &tm);
	if (tm.tm_year < -1900 || tm.tm_year > 9999 - 1900)
		return strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm);
	at = put_number(at, tm.tm_year + 1900, 4, '-');
	at = put_number(at, tm.tm_mon + 1, 2, '-');
	at = put_number(at, tm.tm_mday, 2, 'T');
	at = put_number(at, tm.tm_hour, 2, ':');
	at = put_number(at, tm.tm_min, 2, ':');
	at = put_number(at, tm.tm_sec, 2, 'Z');
	*at = '\0';
	return (size_t)(at - out);
}

size_t clock_format(char out[CLOCK_TEXT_MAX], int64_t unix_us)
{
	int us;
	size_t length = clock_format_seconds(out, unix_us);

	split(unix_us, &us);
	if (us == 0)
		return length;
	length--; /* over the Z */
	out[length++] = '.';
	put_number(out + length, us, 6, '\0');
	length += 6;
	while (out[length - 1] == '0')
		length--;
	out[length++] = 'Z';
	out[length] = '\0';
	return length;
}

struct str clock_text(struct arena *arena, int64_t unix_us)
{
	char text[CLOCK_TEXT_MAX];

	return arena_str(arena, str_n(text, clock_format(text, unix_us)));
}

struct str clock_text_seconds(struct arena *arena, int64_t unix_us)
{
	char text[CLOCK_TEXT_MAX];

	return arena_str(arena, str_n(text, clock_format_seconds(text, unix_us)));
}

/* Takes `digits` decimal digits off the front. */
static bool take_number(struct str *text, size_t digits, int *ret)
{
	int number = 0;

	if (text->len < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (text->ptr[i] < '0' || text->ptr[i] > '9')
			return false;
		number = number * 10 + (text->ptr[i] - '0');
	}
	*text = str_slice(*text, digits, text->len);
	*ret = number;
	return true;
}

static bool take_byte(struct str *text, const char *accepted)
{
	if (text->len == 0 || !text->ptr[0] || !strchr(accepted, text->ptr[0]))
		return false;
	*text = str_slice(*text, 1, text->len);
	return true;
}

static bool in_range(const struct tm *tm)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year = tm->tm_year + 1900;
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
	       tm->tm_mday <= days[tm->tm_mon] &&
	       !(tm->tm_mon == 1 && tm->tm_mday == 29 && !is_leap) && tm->tm_hour < 24 &&
	       tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* Digits after the point, cut to microseconds. */
static bool take_fraction(struct str *text, int64_t *ret_us)
{
	int64_t scale = CLOCK_US_PER_S / 10;
	int digit;
	bool any = false;

	*ret_us = 0;
	if (!take_byte(text, "."))
		return true;
	while (take_number(text, 1, &digit)) {
		*ret_us += digit * scale;
		scale /= 10;
		any = true;
	}
	return any;
}

static bool take_offset(struct str *text, int64_t *ret_seconds)
{
	int hours, minutes;

	*ret_seconds = 0;
	if (take_byte(text, "Zz"))
		return true;
	int sign = text->len && text->ptr[0] == '-' ? -1 : 1;
	if (!take_byte(text, "+-") || !take_number(text, 2, &hours) || !take_byte(text, ":") ||
		!take_number(text, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

bool clock_parse(struct str text, int64_t *ret_unix_us)
{
	struct tm tm = {0};
	int64_t fraction_us, offset_s;

	if (!take_number(&text, 4, &tm.tm_year) || !take_byte(&text, "-") ||
		!take_number(&text, 2, &tm.tm_mon) || !take_byte(&text, "-") ||
		!take_number(&text, 2, &tm.tm_mday) || !take_byte(&text, "Tt ") ||
		!take_number(&text, 2, &tm.tm_hour) || !take_byte(&text, ":") ||
		!take_number(&text, 2, &tm.tm_min) || !take_byte(&text, ":") ||
		!take_number(&text, 2, &tm.tm_sec) || !take_fraction(&text, &fraction_us) ||
		!take_offset(&text, &offset_s) || text.len)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (!in_range(&tm))
		return false;
	*ret_unix_us = ((int64_t)timegm(&tm) - offset_s) * CLOCK_US_PER_S + fraction_us;
	return true;
}

size_t clock_format_basic(char out[CLOCK_TEXT_MAX], int64_t unix_us)
{
	struct tm tm;
	int us;
	time_t seconds = split(unix_us, &us);

	gmtime_r(&seconds, &tm);
	return strftime(out, CLOCK_TEXT_MAX, "%Y%m%dT%H%M%SZ", &tm);
}

bool clock_parse_basic(struct str text, int64_t *ret_unix_us)
{
	struct tm tm = {0};

	if (!take_number(&text, 4, &tm.tm_year) || !take_number(&text, 2, &tm.tm_mon) ||
		!take_number(&text, 2, &tm.tm_mday) || !take_byte(&text, "T") ||
		!take_number(&text, 2, &tm.tm_hour) || !take_number(&text, 2, &tm.tm_min) ||
		!take_number(&text, 2, &tm.tm_sec) || !take_byte(&text, "Z") || text.len)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	if (!in_range(&tm))
		return false;
	*ret_unix_us = (int64_t)timegm(&tm) * CLOCK_US_PER_S;
	return true;
}

/* The unit at the front, in nanoseconds; 0 when there is none. */
static double take_unit(struct str *text)
{
	static const struct {
		struct str name;
		double ns;
	} units[] = {{STR("ns"), 1}, {STR("us"), 1e3}, {STR("\xc2\xb5s"), 1e3}, {STR("ms"), 1e6},
		{STR("s"), 1e9}, {STR("m"), 60e9}, {STR("h"), 3600e9}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (str_starts_with(*text, units[i].name)) {
			*text = str_slice(*text, units[i].name.len, text->len);
			return units[i].ns;
		}
	return 0;
}

bool clock_parse_duration(struct str text, int64_t *ret_us)
{
	double total = 0;
	int sign = text.len && text.ptr[0] == '-' ? -1 : 1;

	take_byte(&text, "+-");
	if (str_eq(text, STR("0"))) {
		*ret_us = 0;
		return true;
	}
	if (text.len == 0)
		return false;
	while (text.len) {
		size_t digits = 0;
		double number;
		while (digits < text.len && strchr("0123456789.", text.ptr[digits]) &&
			text.ptr[digits])
			digits++;
		if (!str_to_double(str_slice(text, 0, digits), &number))
			return false;
		text = str_slice(text, digits, text.len);
		double unit = take_unit(&text);
		if (unit == 0)
			return false;
		total += number * unit;
	}
	if (total / 1e3 > (double)(INT64_MAX / 2))
		return false;
	*ret_us = sign * (int64_t)(total / 1e3);
	return true;
}
