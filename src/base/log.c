/*
 * log.c - formats a line in a buffer of its own and writes it with one write(2), so lines of
 * several threads do not mix and no lock is held.
 */
#include "base/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define LOG_LINE_MAX ((size_t)16 << 10)

struct log {
	int fd;
	enum log_format format;
	enum log_level level;
	const char *component;
	struct log *parent;
	struct log *children; /* freed with the parent; under the parent's mutex */
	struct log *next;
	pthread_mutex_t mutex;
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const level_labels[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};

struct log *log_new(int fd, enum log_format format, enum log_level level)
{
	struct log *log = calloc(1, sizeof(*log));

	if (!log)
		return NULL;
	log->fd = fd;
	log->format = format;
	log->level = level;
	log->component = "reeve";
	pthread_mutex_init(&log->mutex, NULL);
	return log;
}

struct log *log_child(struct log *log, const char *component)
{
	if (!log)
		return NULL;
	struct log *root = log->parent ? log->parent : log;
	struct log *child = log_new(root->fd, root->format, root->level);
	if (!child)
		return root;
	child->component = component;
	child->parent = root;
	LOCK_SCOPE(&root->mutex);
	child->next = root->children;
	root->children = child;
	return child;
}

void log_free(struct log *log)
{
	if (!log || log->parent)
		return;
	while (log->children) {
		struct log *child = log->children;
		log->children = child->next;
		pthread_mutex_destroy(&child->mutex);
		free(child);
	}
	pthread_mutex_destroy(&log->mutex);
	free(log);
}

bool log_is_on(const struct log *log, enum log_level level)
{
	return log && level >= log->level;
}

static void add_json_string(struct buf *line, struct str text)
{
	buf_add_byte(line, '"');
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		if (byte == '"' || byte == '\\')
			buf_printf(line, "\\%c", byte);
		else if (byte == '\n')
			buf_add_cstr(line, "\\n");
		else if (byte < 0x20 || byte == 0x7f)
			buf_printf(line, "\\u%04x", byte);
		else
			buf_add_byte(line, (char)byte);
	}
	buf_add_byte(line, '"');
}

/* Whether a person, or a terminal, would take the bare text for something else. */
static bool needs_quotes(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == '"' || text.ptr[i] == 0x7f)
			return true;
	return text.len == 0;
}

static void add_value(struct buf *line, const struct log_field *field, bool quotes)
{
	switch (field->type) {
	case LOG_FIELD_STR:
		if (quotes || needs_quotes(field->value.str))
			add_json_string(line, field->value.str);
		else
			buf_add_str(line, field->value.str);
		break;
	case LOG_FIELD_INT:
		buf_printf(line, "%lld", (long long)field->value.integer);
		break;
	case LOG_FIELD_DOUBLE:
		if (isfinite(field->value.number))
			buf_printf(line, "%.6g", field->value.number);
		else
			buf_add_cstr(line, "null");
		break;
	case LOG_FIELD_BOOL:
		buf_add_cstr(line, field->value.boolean ? "true" : "false");
		break;
	}
}

static void format_json(struct buf *line, const struct log *log, enum log_level level,
	const char *message, const struct log_field *fields, size_t count)
{
	char time_text[CLOCK_TEXT_MAX];

	clock_format(time_text, clock_now_us(&clock_system));
	buf_printf(line,
		"{\"time\":\"%s\",\"level\":\"%s\",\"component\":\"%s\",\"message\":", time_text,
		level_names[level], log->component);
	add_json_string(line, str_of(message));
	for (size_t i = 0; i < count; i++) {
		buf_add_byte(line, ',');
		add_json_string(line, str_of(fields[i].key));
		buf_add_byte(line, ':');
		add_value(line, &fields[i], true);
	}
	buf_add_cstr(line, "}\n");
}

static void format_human(struct buf *line, const struct log *log, enum log_level level,
	const char *message, const struct log_field *fields, size_t count)
{
	char time_text[CLOCK_TEXT_MAX];
	int64_t now_us = clock_now_us(&clock_system);

	clock_format_seconds(time_text, now_us);
	buf_printf(line, "%.8s.%03d %s %-10s %s", time_text + 11,
		(int)(now_us / CLOCK_US_PER_MS % 1000), level_labels[level], log->component,
		message);
	for (size_t i = 0; i < count; i++) {
		buf_printf(line, "  %s=", fields[i].key);
		add_value(line, &fields[i], false);
	}
	buf_add_byte(line, '\n');
}

void log_write(struct log *log, enum log_level level, const char *message,
	const struct log_field *fields, size_t count)
{
	if (!log_is_on(log, level))
		return;
	CLEANUP(buf_free) struct buf line = BUF_INITIALIZER(LOG_LINE_MAX);
	if (log->format == LOG_FORMAT_JSON)
		format_json(&line, log, level, message, fields, count);
	else
		format_human(&line, log, level, message, fields, count);
	if (line.failed) { /* too long: the message alone */
		buf_clear(&line);
		struct log_field cut = LOG_BOOL("fields_cut", true);
		if (log->format == LOG_FORMAT_JSON)
			format_json(&line, log, level, message, &cut, 1);
		else
			format_human(&line, log, level, message, &cut, 1);
	}
	ssize_t written = write(log->fd, line.ptr, line.len);
	(void)written; /* a full disk must not end the program for want of a log line */
}

bool log_level_parse(struct str text, enum log_level *ret)
{
	for (int level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++)
		if (str_eq_c(text, level_names[level])) {
			*ret = (enum log_level)level;
			return true;
		}
	return false;
}
