/*
 * archive.h - a file of JSON lines that proves itself: what a backup is written to and read from.
 *
 * Each line is an object whose last member is the CRC-32 of the bytes before that member, so that a
 * damaged line can be named. The last line is the trailer: how many rows there are, and the SHA-256
 * of all bytes before that member. Nothing may follow it. A file that lacks any of this is refused,
 * wherever it was cut, changed or grown. A name that ends in ".gz" makes it gzip; reading finds
 * that out by itself.
 *
 * A writer's file has another name until it is finished and on the disk, so a file with the final
 * name is always whole. Memory: one line at a time, ARCHIVE_MAX_LINE at most.
 */
#ifndef REEVE_CLM_ARCHIVE_H
#define REEVE_CLM_ARCHIVE_H

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#define ARCHIVE_MAX_LINE ((size_t)64 << 20) /* bytes, newline included */

/* --- writing --------------------------------------------------------------------------------- */

struct archive_writer;

/* `path` "-": standard output, which has no other name. ERROR_NO_SPACE, ERROR_FORBIDDEN, ... */
int archive_create(struct archive_writer **ret, const char *path, struct error *err);

/* `object`: the JSON text of an object with at least one member. */
int archive_add(struct archive_writer *writer, struct str object, struct error *err);

/* Writes the trailer (`rows`: a JSON object), makes the file durable and gives it its name. The
 * writer is freed, also after an error, which leaves no file. */
int archive_finish(struct archive_writer *writer, struct str rows, struct error *err);

/* Ends it without a file. */
void archive_abandon(struct archive_writer *writer); /* NULL accepted */

/* --- reading --------------------------------------------------------------------------------- */

struct archive_reader;

/* `path`: a file that can be read twice, not a pipe. */
int archive_open(struct archive_reader **ret, const char *path, struct error *err);
void archive_close(struct archive_reader *reader); /* NULL accepted */

/*
 * The next line, with its CRC checked and the member taken off, until the next call. 1: a line; 0:
 * the end, with the trailer checked and its `rows` in *ret; -1: ERROR_INVALID names the file, the
 * line and what is wrong with it.
 */
int archive_next(struct archive_reader *reader, struct str *ret, struct error *err);

/* The line given last, from 1. */
size_t archive_line(const struct archive_reader *reader);

/* An error about the line given last: ERROR_INVALID; returns -1. */
int archive_refuse(const struct archive_reader *reader, struct error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* From the beginning again. */
int archive_rewind(struct archive_reader *reader, struct error *err);

#endif
