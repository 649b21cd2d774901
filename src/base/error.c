/*
 * error.c - the table of errors.
 */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	int http_status;
	int exit_code;
	const char *label;
	bool is_transient;
} errors[ERROR_CODE_COUNT] = {
	[ERROR_NONE] = {200, 0, "none", false},
	[ERROR_INVALID] = {400, 2, "invalid", false},
	[ERROR_UNAUTHENTICATED] = {401, 3, "unauthenticated", false},
	[ERROR_FORBIDDEN] = {403, 3, "forbidden", false},
	[ERROR_NOT_FOUND] = {404, 4, "not_found", false},
	[ERROR_CONFLICT] = {409, 5, "conflict", false},
	[ERROR_PRECONDITION] = {412, 5, "precondition", false},
	[ERROR_TOO_LARGE] = {413, 2, "too_large", false},
	[ERROR_UNPROCESSABLE] = {422, 2, "unprocessable", false},
	[ERROR_LIMITED] = {429, 6, "limited", true},
	[ERROR_INTERNAL] = {500, 1, "internal", false},
	[ERROR_UNAVAILABLE] = {503, 6, "unavailable", true},
	[ERROR_TIMEOUT] = {504, 6, "timeout", true},
	[ERROR_NO_SPACE] = {507, 6, "no_space", true},
	[ERROR_MEMORY] = {500, 1, "memory", true},
	[ERROR_CANCELLED] = {503, 1, "cancelled", true},
	[ERROR_GONE] = {410, 4, "gone", false},
	[ERROR_DOUBTFUL] = {503, 6, "doubtful", false},
};

/* Not in the middle of a UTF-8 character. */
static void cut_at_character(char *message)
{
	size_t length = strlen(message);

	if (length < ERROR_MESSAGE_MAX - 1)
		return;
	size_t start = length;
	while (start > 0 && ((unsigned char)message[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && ((unsigned char)message[start - 1] & 0x80))
		message[start - 1] = '\0';
}

/* The names of some functions stand in parentheses because for the analyzer they are macros too. */

/* Messages quote what strangers sent; a line of the log or a terminal must not follow it. */
static void keep_to_one_line(char *message)
{
	for (; *message; message++)
		if ((unsigned char)*message < 0x20 || *message == 0x7f)
			*message = ' ';
}

int(error_vset)(struct error *err, enum error_code code, const char *format, va_list ap)
{
	if (err) {
		char message[ERROR_MESSAGE_MAX]; /* the arguments may point into *err */
		vsnprintf(message, sizeof(message), format, ap);
		cut_at_character(message);
		keep_to_one_line(message);
		memcpy(err->message, message, sizeof(message));
		err->code = code;
	}
	return -1;
}

int(error_set)(struct error *err, enum error_code code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error_vset(err, code, format, ap);
	va_end(ap);
	return -1;
}

int(error_prefix)(struct error *err, const char *format, ...)
{
	char prefix[ERROR_MESSAGE_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(prefix, sizeof(prefix), format, ap);
	va_end(ap);
	if (err)
		error_set(err, err->code, "%s: %s", prefix, err->message);
	return -1;
}

int error_http_status(enum error_code code)
{
	return errors[code < ERROR_CODE_COUNT ? code : ERROR_INTERNAL].http_status;
}

int error_exit_code(enum error_code code)
{
	return errors[code < ERROR_CODE_COUNT ? code : ERROR_INTERNAL].exit_code;
}

const char *error_label(enum error_code code)
{
	return errors[code < ERROR_CODE_COUNT ? code : ERROR_INTERNAL].label;
}

bool error_is_transient(enum error_code code)
{
	return errors[code < ERROR_CODE_COUNT ? code : ERROR_INTERNAL].is_transient;
}

enum error_code error_from_http_status(int status)
{
	static const struct {
		int status;
		enum error_code code;
	} others[] = {{405, ERROR_INVALID}, {408, ERROR_TIMEOUT}, {415, ERROR_INVALID},
		{431, ERROR_TOO_LARGE}, {502, ERROR_UNAVAILABLE}};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].status == status)
			return others[i].code;
	for (int code = ERROR_INVALID; code < ERROR_CODE_COUNT; code++)
		if (errors[code].http_status == status)
			return (enum error_code)code;
	return ERROR_INTERNAL;
}

enum error_code error_from_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
		return ERROR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERROR_FORBIDDEN;
	case EEXIST:
		return ERROR_CONFLICT;
	case ENOSPC:
	case EDQUOT:
		return ERROR_NO_SPACE;
	case ENOMEM:
		return ERROR_MEMORY;
	case EINVAL:
	case ENOTDIR:
	case EISDIR:
	case ENAMETOOLONG:
		return ERROR_INVALID;
	case ETIMEDOUT:
		return ERROR_TIMEOUT;
	case ECONNREFUSED:
	case ECONNRESET:
	case EADDRINUSE:
	case EAGAIN:
		return ERROR_UNAVAILABLE;
	default:
		return ERROR_INTERNAL;
	}
}
