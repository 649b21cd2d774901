/*
 * cel_zone.c - the offset of a named time zone at a moment, from the system's tz database.
 *
 * Reads the compiled file of the zone (RFC 9636, "TZif") anew each time: getters with a zone are
 * rare, the file is small and in the page cache, and nothing needs to be shared or freed. Times
 * behind the last listed change follow the rule in the file's footer (POSIX TZ).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "data/cel_tree.h"

#define ZONE_FOLDER "/usr/share/zoneinfo/"
#define MAX_ZONE_NAME 64
#define MAX_ZONE_FILE 65536 /* bytes; the largest is about 4 kB */
#define HEADER 44
#define SECONDS_PER_DAY 86400

static bool is_zone_name(struct str name)
{
	if (name.len == 0 || name.len > MAX_ZONE_NAME || name.ptr[0] == '/' || name.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    strchr("_+-/", c)) ||
			c == '\0')
			return false;
	}
	return true;
}

static bool read_file(struct arena *arena, struct str name, struct str *ret)
{
	char path[sizeof(ZONE_FOLDER) + MAX_ZONE_NAME];
	char *bytes = arena_alloc(arena, MAX_ZONE_FILE);
	ssize_t got;
	int file;

	snprintf(path, sizeof(path), ZONE_FOLDER "%" STR_F, STR_A(name));
	file = bytes ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (file < 0)
		return false;
	got = read(file, bytes, MAX_ZONE_FILE);
	close(file);
	*ret = str_n(bytes, got > 0 ? (size_t)got : 0);
	return got > HEADER && str_starts_with(*ret, STR("TZif"));
}

static int64_t big_endian(const char *bytes, size_t size)
{
	uint64_t value = (unsigned char)bytes[0] & 0x80 ? UINT64_MAX : 0;

	for (size_t i = 0; i < size; i++)
		value = (value << 8) | (unsigned char)bytes[i];
	return (int64_t)value;
}

/* --- the footer's rule --------------------------------------------------------------------- */

static bool take_digits(struct str *text, int *ret)
{
	size_t count = 0;

	*ret = 0;
	while (count < text->len && count < 4 && text->ptr[count] >= '0' &&
		text->ptr[count] <= '9') {
		*ret = *ret * 10 + (text->ptr[count] - '0');
		count++;
	}
	*text = str_slice(*text, count, text->len);
	return count > 0;
}

static bool take(struct str *text, char c)
{
	if (text->len == 0 || text->ptr[0] != c)
		return false;
	*text = str_slice(*text, 1, text->len);
	return true;
}

/* CET, <+0330> */
static bool take_label(struct str *text)
{
	bool is_quoted = take(text, '<');
	size_t count = 0;

	while (count < text->len &&
		(is_quoted ? text->ptr[count] != '>'
			   : (text->ptr[count] | 0x20) >= 'a' && (text->ptr[count] | 0x20) <= 'z'))
		count++;
	*text = str_slice(*text, count, text->len);
	return count > 0 && (!is_quoted || take(text, '>'));
}

/* [+-]hh[:mm[:ss]] in seconds */
static bool take_clock(struct str *text, int *ret)
{
	int sign = take(text, '-') ? -1 : 1, unit = 3600, part;

	if (sign > 0)
		take(text, '+');
	*ret = 0;
	do {
		if (!take_digits(text, &part))
			return false;
		*ret += sign * part * unit;
		unit /= 60;
	} while (unit > 0 && take(text, ':'));
	return true;
}

static int64_t start_of_year(int year)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mday = 1};

	return (int64_t)timegm(&tm);
}

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Mm.w.d: weekday d of week w (5: the last) of month m. */
static int64_t day_of_week_rule(int year, int month, int week, int weekday)
{
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = 1};
	int64_t first = (int64_t)timegm(&tm);
	int64_t day = first + (weekday - tm.tm_wday + 7) % 7 * SECONDS_PER_DAY +
		      (week - 1) * 7 * SECONDS_PER_DAY;

	tm = (struct tm){.tm_year = year - 1900, .tm_mon = month, .tm_mday = 1};
	while (day >= (int64_t)timegm(&tm))
		day -= 7 * SECONDS_PER_DAY;
	return day;
}

/* When a change is in that year, in the clock that shows before it. */
static bool take_rule(struct str *text, int year, int64_t *ret)
{
	int month, week, day, clock = 2 * 3600;

	if (take(text, 'M')) {
		if (!take_digits(text, &month) || !take(text, '.') || !take_digits(text, &week) ||
			!take(text, '.') || !take_digits(text, &day) || month < 1 || month > 12 ||
			week < 1 || week > 5 || day > 6)
			return false;
		*ret = day_of_week_rule(year, month, week, day);
	} else if (take(text, 'J')) { /* 1 to 365, 29 February is never counted */
		if (!take_digits(text, &day))
			return false;
		*ret = start_of_year(year) +
		       (int64_t)(day - 1 + (is_leap(year) && day >= 60)) * SECONDS_PER_DAY;
	} else {
		if (!take_digits(text, &day))
			return false;
		*ret = start_of_year(year) + (int64_t)day * SECONDS_PER_DAY;
	}
	if (take(text, '/') && !take_clock(text, &clock))
		return false;
	*ret += clock;
	return true;
}

static bool offset_by_rule(struct str rule, int64_t seconds, int32_t *ret)
{
	int standard, summer, year;
	int64_t start, end;
	time_t local;
	struct tm tm = {0};
	bool is_summer;

	if (!take_label(&rule) || !take_clock(&rule, &standard))
		return false;
	standard = -standard; /* POSIX counts westwards */
	*ret = standard;
	if (rule.len == 0)
		return true;
	if (!take_label(&rule))
		return false;
	summer = standard + 3600;
	if (rule.len > 0 && rule.ptr[0] != ',') {
		if (!take_clock(&rule, &summer))
			return false;
		summer = -summer;
	}
	local = (time_t)(seconds + standard);
	gmtime_r(&local, &tm);
	year = tm.tm_year + 1900;
	if (!take(&rule, ',') || !take_rule(&rule, year, &start) || !take(&rule, ',') ||
		!take_rule(&rule, year, &end))
		return false;
	start -= standard;
	end -= summer;
	is_summer =
		start < end ? seconds >= start && seconds < end : seconds >= start || seconds < end;
	*ret = is_summer ? summer : standard;
	return true;
}

/* --- the list of changes ------------------------------------------------------------------- */

/* The counts of a header: isut, isstd, leap, times, types, characters. */
static bool read_counts(struct str bytes, size_t at, size_t counts[6])
{
	if (at + HEADER > bytes.len)
		return false;
	for (size_t i = 0; i < 6; i++) {
		int64_t count = big_endian(bytes.ptr + at + 20 + 4 * i, 4);

		if (count < 0 || count > MAX_ZONE_FILE)
			return false;
		counts[i] = (size_t)count;
	}
	return true;
}

static size_t body_size(const size_t counts[6], size_t time_size)
{
	return counts[3] * (time_size + 1) + counts[4] * 6 + counts[5] +
	       counts[2] * (time_size + 4) + counts[1] + counts[0];
}

static bool offset_in_file(struct str bytes, int64_t seconds, int32_t *ret)
{
	size_t counts[6], at, types, type = 0;
	struct str footer;

	if (bytes.ptr[4] < '2' || !read_counts(bytes, 0, counts))
		return false;
	at = HEADER + body_size(counts, 4);
	if (!read_counts(bytes, at, counts))
		return false;
	at += HEADER;
	types = at + counts[3] * 9;
	if (at + body_size(counts, 8) > bytes.len || counts[4] == 0)
		return false;
	footer = str_slice(bytes, at + body_size(counts, 8), bytes.len);
	if (counts[3] == 0 || seconds >= big_endian(bytes.ptr + at + (counts[3] - 1) * 8, 8)) {
		if (str_starts_with(footer, STR("\n")) && footer.len > 2)
			return offset_by_rule(str_slice(footer, 1, footer.len - 2), seconds, ret);
	}
	for (size_t i = 0; i < counts[3]; i++) {
		if (seconds < big_endian(bytes.ptr + at + i * 8, 8))
			break;
		type = (unsigned char)bytes.ptr[at + counts[3] * 8 + i];
	}
	if (type >= counts[4])
		return false;
	*ret = (int32_t)big_endian(bytes.ptr + types + type * 6, 4);
	return true;
}

bool cel_zone_offset(struct arena *arena, struct str name, int64_t seconds, int32_t *ret)
{
	struct str bytes;

	return is_zone_name(name) && read_file(arena, name, &bytes) &&
	       offset_in_file(bytes, seconds, ret);
}
