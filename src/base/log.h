/*
 * log.h - one line per event, with typed fields.
 *
 * main makes one struct log and hands it down; it may be used by any thread. Library code (below
 *the products) returns errors and does not log. Whoever decides what happens next logs once.
 *
 *	log_info(log, "bundle stored", LOG_STR("id", id), LOG_INT("version", version));
 */
#ifndef REEVE_BASE_LOG_H
#define REEVE_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

enum log_format {
	LOG_FORMAT_JSON, /* JSON lines: time, level, component, message, fields */
	LOG_FORMAT_HUMAN /* 12:00:00.123 INFO  component  message  key=value */
};

enum log_field_type { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_DOUBLE, LOG_FIELD_BOOL };

struct log_field {
	const char *key;
	enum log_field_type type;
	union {
		struct str str;
		int64_t integer;
		double number;
		bool boolean;
	} value;
};

#define LOG_STR(k, v) ((struct log_field){(k), LOG_FIELD_STR, {.str = (v)}})
#define LOG_CSTR(k, v) ((struct log_field){(k), LOG_FIELD_STR, {.str = str_of(v)}})
#define LOG_INT(k, v) ((struct log_field){(k), LOG_FIELD_INT, {.integer = (int64_t)(v)}})
#define LOG_DOUBLE(k, v) ((struct log_field){(k), LOG_FIELD_DOUBLE, {.number = (v)}})
#define LOG_BOOL(k, v) ((struct log_field){(k), LOG_FIELD_BOOL, {.boolean = (v)}})
/* The error's label and sentence: reads well as the last field. */
#define LOG_ERROR(err) ((struct log_field){"error", LOG_FIELD_STR, {.str = str_of((err)->message)}})

struct log;

/* Writes to the descriptor, which stays the caller's. NULL when memory is out. */
struct log *log_new(int fd, enum log_format format, enum log_level level);

/* The same output under another component name (a string that outlives it). */
struct log *log_child(struct log *log, const char *component);

void log_free(struct log *log);

bool log_is_on(const struct log *log, enum log_level level);

/* A NULL log drops the line. */
void log_write(struct log *log, enum log_level level, const char *message,
	const struct log_field *fields, size_t count);

#define LOG_WRITE(log, level, message, ...)                              \
	do {                                                             \
		const struct log_field log_fields_[] = {__VA_ARGS__};    \
		log_write((log), (level), (message), log_fields_,        \
			sizeof(log_fields_) / sizeof(struct log_field)); \
	} while (0)

#define log_debug(log, ...) LOG_WRITE_(log, LOG_LEVEL_DEBUG, __VA_ARGS__, )
#define log_info(log, ...) LOG_WRITE_(log, LOG_LEVEL_INFO, __VA_ARGS__, )
#define log_warn(log, ...) LOG_WRITE_(log, LOG_LEVEL_WARN, __VA_ARGS__, )
#define log_error(log, ...) LOG_WRITE_(log, LOG_LEVEL_ERROR, __VA_ARGS__, )
/* The comma after __VA_ARGS__ above lets a message stand alone. */
#define LOG_WRITE_(log, level, message, ...) LOG_WRITE(log, level, message, __VA_ARGS__)

bool log_level_parse(struct str text, enum log_level *ret);

#endif
