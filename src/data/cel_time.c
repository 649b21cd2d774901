/*
 * cel_time.c - functions of timestamps and durations.
 *
 * Getters read the clock of UTC, of a fixed offset ("+05:30") or of a zone by its name.
 */
#include <time.h>

#include "data/cel_tree.h"

#define NS_PER_MS INT64_C(1000000)
#define MAX_OFFSET_HOURS 23
#define ZONE_COST 100 /* of reading a zone's file */

static int call_timestamp(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct cel_value *value = &arguments[0];
	struct cel_time time = {0};

	if (value->type == CEL_TIMESTAMP) {
		*ret = *value;
		return 0;
	}
	if (value->type == CEL_INT)
		time.seconds = value->as.integer;
	else if (value->type != CEL_STRING)
		return cel_no_overload(run, "timestamp", arguments, count);
	else if (!cel_timestamp_parse(value->as.text, &time))
		return cel_fail(
			run, "\"%" STR_F "\" is not a timestamp (RFC 3339)", STR_A(value->as.text));
	if (!cel_timestamp_is_valid(&time))
		return cel_fail(run, "timestamp overflow");
	*ret = (struct cel_value){.type = CEL_TIMESTAMP, .as.time = time};
	return 0;
}

static int call_duration(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct cel_value *value = &arguments[0];
	int64_t ns;

	if (value->type == CEL_DURATION) {
		*ret = *value;
		return 0;
	}
	if (value->type != CEL_STRING)
		return cel_no_overload(run, "duration", arguments, count);
	if (!cel_duration_parse(value->as.text, &ns))
		return cel_fail(run, "\"%" STR_F "\" is not a duration such as 1h30m",
			STR_A(value->as.text));
	*ret = (struct cel_value){.type = CEL_DURATION, .as.integer = ns};
	return 0;
}

/* Digits up to `end`, one or two of them. */
static bool read_number(struct str text, int *ret)
{
	*ret = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		*ret = *ret * 10 + (text.ptr[i] - '0');
	}
	return text.len == 1 || text.len == 2;
}

/* "+05:30", "-8:00", "05:30". */
static bool parse_offset(struct str zone, int32_t *ret)
{
	bool is_negative = str_starts_with(zone, STR("-"));
	int hours, minutes;

	if (is_negative || str_starts_with(zone, STR("+")))
		zone = str_slice(zone, 1, zone.len);
	if (!read_number(str_cut(&zone, ':'), &hours) || !read_number(zone, &minutes) ||
		hours > MAX_OFFSET_HOURS || minutes > 59)
		return false;
	*ret = (is_negative ? -1 : 1) * (hours * 3600 + minutes * 60);
	return true;
}

static int find_offset(
	struct cel_run *run, struct str zone, const struct cel_time *time, int32_t *ret)
{
	*ret = 0;
	if (str_is_empty(zone) || str_eq_c(zone, "UTC"))
		return 0;
	if (cel_charge(run, ZONE_COST) != 0)
		return -1;
	if (str_index(zone, ':') >= 0 ? parse_offset(zone, ret)
				      : cel_zone_offset(run->arena, zone, time->seconds, ret))
		return 0;
	return cel_fail(run,
		"time zone \"%" STR_F "\" is neither a zone known here, such as Europe/Berlin, nor "
		"an offset such as +05:30",
		STR_A(zone));
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

static int64_t part_of_timestamp(enum part part, const struct cel_time *time, int32_t offset)
{
	time_t seconds = (time_t)(time->seconds + offset);
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
	return time->nanos / NS_PER_MS;
}

/* A duration's parts are the whole of it in that unit. */
static bool part_of_duration(enum part part, int64_t ns, int64_t *ret)
{
	switch (part) {
	case HOURS:
		*ret = ns / (3600 * CEL_NS_PER_S);
		return true;
	case MINUTES:
		*ret = ns / (60 * CEL_NS_PER_S);
		return true;
	case SECONDS:
		*ret = ns / CEL_NS_PER_S;
		return true;
	case MILLISECONDS:
		*ret = ns / NS_PER_MS;
		return true;
	default:
		return false;
	}
}

static int get_part(struct cel_run *run, const char *name, enum part part,
	const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	int32_t offset = 0;
	int64_t result;

	if (arguments[0].type == CEL_DURATION && count == 1 &&
		part_of_duration(part, arguments[0].as.integer, &result)) {
		*ret = cel_int(result);
		return 0;
	}
	if (arguments[0].type != CEL_TIMESTAMP || (count > 1 && arguments[1].type != CEL_STRING))
		return cel_no_overload(run, name, arguments, count);
	if (count > 1 &&
		find_offset(run, arguments[1].as.text, &arguments[0].as.time, &offset) != 0)
		return -1;
	*ret = cel_int(part_of_timestamp(part, &arguments[0].as.time, offset));
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
