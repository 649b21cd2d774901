/*
 * cel_time.c - timestamps and durations, in microseconds.
 *
 * Time zones are UTC or a fixed offset ("+05:30"): the names of the tz database would make the
 * answer depend on the machine.
 */
#include <math.h>
#include <time.h>

#include "base/clock.h"
#include "data/cel_tree.h"

#define US_PER_MINUTE (60 * CLOCK_US_PER_S)
#define US_PER_HOUR (3600 * CLOCK_US_PER_S)
#define MAX_OFFSET_HOURS 14

static int call_timestamp(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct cel_value *value = &arguments[0];
	int64_t us;

	if (value->type == CEL_TIMESTAMP) {
		*ret = *value;
		return 0;
	}
	if (value->type == CEL_INT) {
		if (__builtin_mul_overflow(value->as.integer, CLOCK_US_PER_S, &us))
			return cel_fail(run, "timestamp overflow");
	} else if (value->type != CEL_STRING) {
		return cel_no_overload(run, "timestamp", arguments, count);
	} else if (!clock_parse(value->as.text, &us)) {
		return cel_fail(
			run, "\"%" STR_F "\" is not a timestamp (RFC 3339)", STR_A(value->as.text));
	}
	if (us < CEL_TIMESTAMP_MIN || us > CEL_TIMESTAMP_MAX)
		return cel_fail(run, "timestamp overflow");
	*ret = (struct cel_value){.type = CEL_TIMESTAMP, .as.integer = us};
	return 0;
}

static int call_duration(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct cel_value *value = &arguments[0];
	int64_t us;

	if (value->type == CEL_DURATION) {
		*ret = *value;
		return 0;
	}
	if (value->type != CEL_STRING)
		return cel_no_overload(run, "duration", arguments, count);
	if (!clock_parse_duration(value->as.text, &us))
		return cel_fail(run, "\"%" STR_F "\" is not a duration such as 1h30m",
			STR_A(value->as.text));
	*ret = (struct cel_value){.type = CEL_DURATION, .as.integer = us};
	return 0;
}

static bool digits2(struct str text, size_t at, int *ret)
{
	if (at + 2 > text.len || text.ptr[at] < '0' || text.ptr[at] > '9' ||
		text.ptr[at + 1] < '0' || text.ptr[at + 1] > '9')
		return false;
	*ret = (text.ptr[at] - '0') * 10 + (text.ptr[at + 1] - '0');
	return true;
}

/* "UTC", "Z", "", "+05:30", "-08:00", "05:30". */
static bool parse_zone(struct str zone, int64_t *ret_offset_us)
{
	int hours, minutes, sign = 1;
	size_t at = 0;

	*ret_offset_us = 0;
	if (str_is_empty(zone) || str_eq_c(zone, "UTC") || str_eq_c(zone, "Z"))
		return true;
	if (zone.ptr[0] == '+' || zone.ptr[0] == '-') {
		sign = zone.ptr[0] == '-' ? -1 : 1;
		at = 1;
	}
	if (!digits2(zone, at, &hours) || zone.len != at + 5 || zone.ptr[at + 2] != ':' ||
		!digits2(zone, at + 3, &minutes) || hours > MAX_OFFSET_HOURS || minutes > 59)
		return false;
	*ret_offset_us = sign * (hours * US_PER_HOUR + minutes * US_PER_MINUTE);
	return true;
}

enum part {
	YEAR,
	MONTH,
	DAY_OF_YEAR,
	DAY_OF_MONTH,
	DATE,
	DAY_OF_WEEK,
	HOURS,
	MINUTES,
	SECONDS,
	MILLISECONDS
};

static int64_t part_of_timestamp(enum part part, int64_t us)
{
	int64_t micros = ((us % CLOCK_US_PER_S) + CLOCK_US_PER_S) % CLOCK_US_PER_S;
	time_t seconds = (time_t)((us - micros) / CLOCK_US_PER_S);
	struct tm tm = {0};

	gmtime_r(&seconds, &tm);
	switch (part) {
	case YEAR:
		return tm.tm_year + 1900;
	case MONTH:
		return tm.tm_mon;
	case DAY_OF_YEAR:
		return tm.tm_yday;
	case DAY_OF_MONTH:
		return tm.tm_mday - 1;
	case DATE:
		return tm.tm_mday;
	case DAY_OF_WEEK:
		return tm.tm_wday;
	case HOURS:
		return tm.tm_hour;
	case MINUTES:
		return tm.tm_min;
	case SECONDS:
		return tm.tm_sec;
	case MILLISECONDS:
		break;
	}
	return micros / CLOCK_US_PER_MS;
}

/* A duration's parts are the whole of it in that unit. */
static bool part_of_duration(enum part part, int64_t us, int64_t *ret)
{
	switch (part) {
	case HOURS:
		*ret = us / US_PER_HOUR;
		return true;
	case MINUTES:
		*ret = us / US_PER_MINUTE;
		return true;
	case SECONDS:
		*ret = us / CLOCK_US_PER_S;
		return true;
	case MILLISECONDS:
		*ret = us / CLOCK_US_PER_MS;
		return true;
	default:
		return false;
	}
}

static int get_part(struct cel_run *run, const char *name, enum part part,
	const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	int64_t offset = 0, result;

	if (arguments[0].type == CEL_DURATION && count == 1 &&
		part_of_duration(part, arguments[0].as.integer, &result)) {
		*ret = cel_int(result);
		return 0;
	}
	if (arguments[0].type != CEL_TIMESTAMP || (count > 1 && arguments[1].type != CEL_STRING))
		return cel_no_overload(run, name, arguments, count);
	if (count > 1 && !parse_zone(arguments[1].as.text, &offset))
		return cel_fail(run,
			"time zone \"%" STR_F "\" is not UTC or an offset such as +05:30",
			STR_A(arguments[1].as.text));
	*ret = cel_int(part_of_timestamp(part, arguments[0].as.integer + offset));
	return 0;
}

#define PART_FUNCTION(function, name, part)                                                       \
	static int function(struct cel_run *run, const struct cel_value *arguments, size_t count, \
		struct cel_value *ret)                                                            \
	{                                                                                         \
		return get_part(run, name, part, arguments, count, ret);                          \
	}

PART_FUNCTION(call_year, "getFullYear", YEAR)
PART_FUNCTION(call_month, "getMonth", MONTH)
PART_FUNCTION(call_day_of_year, "getDayOfYear", DAY_OF_YEAR)
PART_FUNCTION(call_day_of_month, "getDayOfMonth", DAY_OF_MONTH)
PART_FUNCTION(call_date, "getDate", DATE)
PART_FUNCTION(call_day_of_week, "getDayOfWeek", DAY_OF_WEEK)
PART_FUNCTION(call_hours, "getHours", HOURS)
PART_FUNCTION(call_minutes, "getMinutes", MINUTES)
PART_FUNCTION(call_seconds, "getSeconds", SECONDS)
PART_FUNCTION(call_milliseconds, "getMilliseconds", MILLISECONDS)

const struct cel_builtin cel_time_functions[] = {
	{"timestamp", CEL_GLOBAL, 1, 1, call_timestamp},
	{"duration", CEL_GLOBAL, 1, 1, call_duration},
	{"getFullYear", CEL_METHOD, 1, 2, call_year},
	{"getMonth", CEL_METHOD, 1, 2, call_month},
	{"getDayOfYear", CEL_METHOD, 1, 2, call_day_of_year},
	{"getDayOfMonth", CEL_METHOD, 1, 2, call_day_of_month},
	{"getDate", CEL_METHOD, 1, 2, call_date},
	{"getDayOfWeek", CEL_METHOD, 1, 2, call_day_of_week},
	{"getHours", CEL_METHOD, 1, 2, call_hours},
	{"getMinutes", CEL_METHOD, 1, 2, call_minutes},
	{"getSeconds", CEL_METHOD, 1, 2, call_seconds},
	{"getMilliseconds", CEL_METHOD, 1, 2, call_milliseconds},
	{NULL, 0, 0, 0, NULL},
};
