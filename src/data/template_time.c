/*
 * template_time.c - times by Go's reference layout ("2006-01-02T15:04:05Z07:00").
 *
 * Times are UTC here, so every form of the zone is constant.
 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "data/template_tree.h"

static const char *const month_names[] = {"January", "February", "March", "April", "May", "June",
	"July", "August", "September", "October", "November", "December"};
static const char *const day_names[] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

enum layout {
	LAYOUT_MONTH_NAME,
	LAYOUT_MONTH_SHORT,
	LAYOUT_DAY_NAME,
	LAYOUT_DAY_SHORT,
	LAYOUT_ZONE_NAME,
	LAYOUT_ZONE,
	LAYOUT_ZONE_COLON,
	LAYOUT_ZONE_Z,
	LAYOUT_YEAR,
	LAYOUT_YEAR_SHORT,
	LAYOUT_YEAR_DAY,
	LAYOUT_MONTH_PADDED,
	LAYOUT_DAY_PADDED,
	LAYOUT_HOUR12_PADDED,
	LAYOUT_MINUTE_PADDED,
	LAYOUT_SECOND_PADDED,
	LAYOUT_HOUR,
	LAYOUT_DAY_SPACED,
	LAYOUT_MONTH,
	LAYOUT_DAY,
	LAYOUT_HOUR12,
	LAYOUT_MINUTE,
	LAYOUT_SECOND,
	LAYOUT_PM,
	LAYOUT_PM_LOWER
};

/* Longer forms stand before their own beginnings. */
static const struct {
	struct str text;
	enum layout layout;
} layouts[] = {
	{{"January", 7}, LAYOUT_MONTH_NAME},
	{{"Jan", 3}, LAYOUT_MONTH_SHORT},
	{{"Monday", 6}, LAYOUT_DAY_NAME},
	{{"Mon", 3}, LAYOUT_DAY_SHORT},
	{{"MST", 3}, LAYOUT_ZONE_NAME},
	{{"-07:00", 6}, LAYOUT_ZONE_COLON},
	{{"-0700", 5}, LAYOUT_ZONE},
	{{"Z07:00", 6}, LAYOUT_ZONE_Z},
	{{"Z0700", 5}, LAYOUT_ZONE_Z},
	{{"2006", 4}, LAYOUT_YEAR},
	{{"002", 3}, LAYOUT_YEAR_DAY},
	{{"01", 2}, LAYOUT_MONTH_PADDED},
	{{"02", 2}, LAYOUT_DAY_PADDED},
	{{"03", 2}, LAYOUT_HOUR12_PADDED},
	{{"04", 2}, LAYOUT_MINUTE_PADDED},
	{{"05", 2}, LAYOUT_SECOND_PADDED},
	{{"06", 2}, LAYOUT_YEAR_SHORT},
	{{"15", 2}, LAYOUT_HOUR},
	{{"_2", 2}, LAYOUT_DAY_SPACED},
	{{"1", 1}, LAYOUT_MONTH},
	{{"2", 1}, LAYOUT_DAY},
	{{"3", 1}, LAYOUT_HOUR12},
	{{"4", 1}, LAYOUT_MINUTE},
	{{"5", 1}, LAYOUT_SECOND},
	{{"PM", 2}, LAYOUT_PM},
	{{"pm", 2}, LAYOUT_PM_LOWER},
};

static void add_time_part(struct buf *out, enum layout layout, const struct tm *tm)
{
	int hour12 = tm->tm_hour % 12 == 0 ? 12 : tm->tm_hour % 12;

	switch (layout) {
	case LAYOUT_MONTH_NAME:
		buf_add_cstr(out, month_names[tm->tm_mon]);
		return;
	case LAYOUT_MONTH_SHORT:
		buf_add(out, month_names[tm->tm_mon], 3);
		return;
	case LAYOUT_DAY_NAME:
		buf_add_cstr(out, day_names[tm->tm_wday]);
		return;
	case LAYOUT_DAY_SHORT:
		buf_add(out, day_names[tm->tm_wday], 3);
		return;
	case LAYOUT_ZONE_NAME:
		buf_add_cstr(out, "UTC");
		return;
	case LAYOUT_ZONE:
		buf_add_cstr(out, "+0000");
		return;
	case LAYOUT_ZONE_COLON:
		buf_add_cstr(out, "+00:00");
		return;
	case LAYOUT_ZONE_Z:
		buf_add_byte(out, 'Z');
		return;
	case LAYOUT_YEAR:
		buf_printf(out, "%04d", tm->tm_year + 1900);
		return;
	case LAYOUT_YEAR_SHORT:
		buf_printf(out, "%02d", (tm->tm_year % 100 + 100) % 100);
		return;
	case LAYOUT_YEAR_DAY:
		buf_printf(out, "%03d", tm->tm_yday + 1);
		return;
	case LAYOUT_MONTH_PADDED:
		buf_printf(out, "%02d", tm->tm_mon + 1);
		return;
	case LAYOUT_DAY_PADDED:
		buf_printf(out, "%02d", tm->tm_mday);
		return;
	case LAYOUT_DAY_SPACED:
		buf_printf(out, "%2d", tm->tm_mday);
		return;
	case LAYOUT_HOUR12_PADDED:
		buf_printf(out, "%02d", hour12);
		return;
	case LAYOUT_MINUTE_PADDED:
		buf_printf(out, "%02d", tm->tm_min);
		return;
	case LAYOUT_SECOND_PADDED:
		buf_printf(out, "%02d", tm->tm_sec);
		return;
	case LAYOUT_HOUR:
		buf_printf(out, "%02d", tm->tm_hour);
		return;
	case LAYOUT_MONTH:
		buf_printf(out, "%d", tm->tm_mon + 1);
		return;
	case LAYOUT_DAY:
		buf_printf(out, "%d", tm->tm_mday);
		return;
	case LAYOUT_HOUR12:
		buf_printf(out, "%d", hour12);
		return;
	case LAYOUT_MINUTE:
		buf_printf(out, "%d", tm->tm_min);
		return;
	case LAYOUT_SECOND:
		buf_printf(out, "%d", tm->tm_sec);
		return;
	case LAYOUT_PM:
		buf_add_cstr(out, tm->tm_hour >= 12 ? "PM" : "AM");
		return;
	case LAYOUT_PM_LOWER:
		buf_add_cstr(out, tm->tm_hour >= 12 ? "pm" : "am");
	}
}

/* A fraction: ".000" keeps its digits, ".999" drops zeros at the end. Returns its length or 0. */
static size_t add_fraction(struct buf *out, struct str rest, int64_t micros)
{
	char digits[16];
	size_t len = 1, shown;

	if (rest.len < 2 || (rest.ptr[0] != '.' && rest.ptr[0] != ',') ||
		(rest.ptr[1] != '0' && rest.ptr[1] != '9'))
		return 0;
	while (len < rest.len && rest.ptr[len] == rest.ptr[1])
		len++;
	if (len > 10 || (len < rest.len && rest.ptr[len] >= '0' && rest.ptr[len] <= '9'))
		return 0;
	snprintf(digits, sizeof(digits), "%06d000", (int)micros);
	shown = len - 1;
	while (rest.ptr[1] == '9' && shown > 0 && digits[shown - 1] == '0')
		shown--;
	if (shown > 0) {
		buf_add_byte(out, rest.ptr[0]);
		buf_add(out, digits, shown);
	}
	return len;
}

void template_format_time(struct buf *out, struct str layout, int64_t unix_us)
{
	int64_t micros = unix_us % CLOCK_US_PER_S;
	time_t seconds;
	struct tm tm = {0};

	if (micros < 0)
		micros += CLOCK_US_PER_S;
	seconds = (time_t)((unix_us - micros) / CLOCK_US_PER_S);
	gmtime_r(&seconds, &tm);
	while (layout.len > 0) {
		size_t taken = add_fraction(out, layout, micros);

		for (size_t i = 0; taken == 0 && i < sizeof(layouts) / sizeof(layouts[0]); i++) {
			if (str_starts_with(layout, layouts[i].text)) {
				add_time_part(out, layouts[i].layout, &tm);
				taken = layouts[i].text.len;
			}
		}
		if (taken == 0) {
			buf_add_byte(out, layout.ptr[0]);
			taken = 1;
		}
		layout = str_slice(layout, taken, layout.len - taken);
	}
}
