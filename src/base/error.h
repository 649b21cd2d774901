/*
 * error.h - what went wrong, in one table and one sentence.
 *
 * A function that can fail returns 0 or -1 (or a bool, or NULL) and fills the caller's struct
 * error, always the last parameter, NULL accepted. The code comes from one table, which maps it
 * once to an HTTP status, an exit code of the command line and a metric label. The sentence names
 * the thing, the value and the remedy.
 */
#ifndef REEVE_BASE_ERROR_H
#define REEVE_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum error_code {
	ERROR_NONE = 0,
	ERROR_INVALID,	       /* the input is malformed or breaks a rule */
	ERROR_UNAUTHENTICATED, /* who is calling is not proven */
	ERROR_FORBIDDEN,       /* proven, but may not */
	ERROR_NOT_FOUND,
	ERROR_CONFLICT,	     /* the state does not allow it: exists, deleting, newer version */
	ERROR_PRECONDITION,  /* If-Match and friends */
	ERROR_TOO_LARGE,     /* over a written limit */
	ERROR_UNPROCESSABLE, /* well-formed, but refused by a schema or policy */
	ERROR_LIMITED,	     /* too many, try later */
	ERROR_INTERNAL,
	ERROR_UNAVAILABLE, /* a peer does not answer, try later */
	ERROR_TIMEOUT,
	ERROR_NO_SPACE,	 /* the disk is full */
	ERROR_MEMORY,	 /* an arena or buffer ceiling, or the machine's memory */
	ERROR_CANCELLED, /* told to stop */
	ERROR_GONE,	 /* a cursor older than what is kept */
	ERROR_DOUBTFUL,	 /* a peer was lost before it said whether it was done */
	ERROR_CODE_COUNT
};

#define ERROR_MESSAGE_MAX 512

struct error {
	enum error_code code;
	char message[ERROR_MESSAGE_MAX]; /* one sentence, no newline, cut at a character's end */
};

/* Fills *err (NULL accepted) and returns -1, so that `return error_set(...)` reads well. */
int error_set(struct error *err, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int error_vset(struct error *err, enum error_code code, const char *format, va_list ap);

/* Puts "prefix: " before the message there is; returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The static analyzer sees no other file: without this it follows failures as if they were
 * successes. */
#ifdef __clang_analyzer__
#define error_set(...) ((error_set)(__VA_ARGS__), -1)
#define error_vset(...) ((error_vset)(__VA_ARGS__), -1)
#define error_prefix(...) ((error_prefix)(__VA_ARGS__), -1)
#endif

int error_http_status(enum error_code code);
int error_exit_code(enum error_code code);
const char *error_label(enum error_code code); /* "not_found", for metrics and logs */

/* The code for an HTTP status that a peer answered; ERROR_INTERNAL for one the table lacks. */
enum error_code error_from_http_status(int status);

/* Whether trying the same again later may succeed. */
bool error_is_transient(enum error_code code);

/* ENOSPC and the like as a code. */
enum error_code error_from_errno(int errnum);

#endif
