/*
 * archive_read.c - see archive.h: reading.
 *
 * Inflates by itself rather than through gzread(), which takes a file that ends in something else
 * after the compressed data for a whole one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/hash.h"
#include "clm/archive.h"
#include "clm/archive_format.h"

#define TRAILER_END_BYTES \
	(sizeof(ARCHIVE_SHA_BEGIN) + sizeof(ARCHIVE_SHA_END) - 2 + HASH_SHA256_HEX_SIZE - 1)
#define GZIP_WINDOW (15 + 16) /* the largest, with gzip's frame */

struct archive_reader {
	char *path;
	int fd;
	bool is_gzip;
	bool is_inflated; /* to the end of the compressed data */
	z_stream zip;
	struct hash_stream *hash;
	uint8_t *input;
	char *chunk; /* bytes not yet taken into a line: at .. end */
	size_t at, end;
	struct buf line;
	size_t number;
};

/* --- bytes ----------------------------------------------------------------------------------- */

int archive_refuse(const struct archive_reader *reader, struct error *err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	error_vset(err, ERROR_INVALID, format, arguments);
	va_end(arguments);
	error_prefix(err, "%s, line %zu", reader->path, reader->number);
	return -1;
}

/* The file's next bytes; 0 at its end. */
static ssize_t read_raw(struct archive_reader *reader, void *into, size_t size, struct error *err)
{
	ssize_t got;

	do {
		got = read(reader->fd, into, size);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		error_set(err, error_from_errno(errno), "cannot read %s: %s", reader->path,
			strerror(errno));
	return got;
}

static int inflate_more(struct archive_reader *reader, struct error *err)
{
	z_stream *zip = &reader->zip;

	zip->next_out = (Bytef *)reader->chunk;
	zip->avail_out = ARCHIVE_CHUNK;
	while (zip->avail_out == ARCHIVE_CHUNK) {
		if (zip->avail_in == 0) {
			ssize_t got = read_raw(reader, reader->input, ARCHIVE_CHUNK, err);
			if (got < 0)
				return -1;
			if (got == 0 && reader->is_inflated)
				return 0;
			if (got == 0)
				return archive_refuse(
					reader, err, "the compressed data is cut off");
			zip->next_in = reader->input;
			zip->avail_in = (unsigned)got;
		}
		if (reader->is_inflated)
			return archive_refuse(
				reader, err, "something follows the end of the compressed data");
		int result = inflate(zip, Z_NO_FLUSH);
		if (result != Z_OK && result != Z_STREAM_END)
			return archive_refuse(reader, err, "the compressed data is damaged (%s)",
				zip->msg ? zip->msg : "no end");
		reader->is_inflated = result == Z_STREAM_END;
	}
	reader->end = ARCHIVE_CHUNK - zip->avail_out;
	return 1;
}

/* Fills the empty chunk: 1, or 0 at the end. */
static int fill(struct archive_reader *reader, struct error *err)
{
	reader->at = reader->end = 0;
	if (reader->is_gzip)
		return inflate_more(reader, err);
	ssize_t got = read_raw(reader, reader->chunk, ARCHIVE_CHUNK, err);
	reader->end = got > 0 ? (size_t)got : 0;
	return got < 0 ? -1 : got > 0;
}

/* --- lines ----------------------------------------------------------------------------------- */

/* The next line without its newline into reader->line: 1, or 0 at the end. */
static int read_line(struct archive_reader *reader, struct error *err)
{
	buf_clear(&reader->line);
	reader->number++;
	for (;;) {
		if (reader->at == reader->end) {
			int more = fill(reader, err);
			if (more < 0)
				return -1;
			if (more == 0 && reader->line.len > 0)
				return archive_refuse(reader, err, "the line is cut off");
			if (more == 0)
				return 0;
		}
		struct str rest = str_n(reader->chunk + reader->at, reader->end - reader->at);
		ptrdiff_t newline = str_index(rest, '\n');
		size_t length = newline >= 0 ? (size_t)newline : rest.len;
		buf_add(&reader->line, rest.ptr, length);
		if (reader->line.failed)
			return archive_refuse(reader, err,
				"the line is longer than %zu bytes, or than memory",
				ARCHIVE_MAX_LINE);
		reader->at += length + (newline >= 0);
		if (newline >= 0)
			return 1;
	}
}

/* {"rows":{...},"sha256":"..."} and then nothing. */
static int read_trailer(
	struct archive_reader *reader, struct str line, struct str *ret, struct error *err)
{
	char end[TRAILER_END_BYTES + 1];
	char digest[HASH_SHA256_HEX_SIZE];

	size_t said = line.len > TRAILER_END_BYTES ? line.len - TRAILER_END_BYTES : 0;
	hash_stream_add(reader->hash, str_slice(line, 0, said));
	hash_stream_hex(reader->hash, digest);
	hash_stream_reset(reader->hash);
	snprintf(end, sizeof(end), "%s%s%s", ARCHIVE_SHA_BEGIN, digest, ARCHIVE_SHA_END);
	if (!str_eq_c(str_slice(line, said, line.len), end))
		return archive_refuse(reader, err,
			"the checksum is not that of the lines before: the file is damaged");
	size_t begin = strlen(ARCHIVE_TRAILER_BEGIN);
	*ret = said > begin ? str_slice(line, begin, said - begin) : STR("");
	if (reader->at == reader->end) {
		int more = fill(reader, err);
		if (more <= 0)
			return more;
	}
	reader->number++;
	return archive_refuse(reader, err, "something follows the end of the backup");
}

int archive_next(struct archive_reader *reader, struct str *ret, struct error *err)
{
	char crc[ARCHIVE_CRC_BYTES + 1];
	int more = read_line(reader, err);
	struct str line = buf_str(&reader->line);

	if (more < 0)
		return -1;
	if (more == 0)
		return archive_refuse(
			reader, err, "the backup ends without its last line: it is not whole");
	if (str_starts_with(line, STR(ARCHIVE_TRAILER_BEGIN)))
		return read_trailer(reader, line, ret, err);
	if (line.len <= ARCHIVE_CRC_BYTES)
		return archive_refuse(reader, err, "this is not a line of a backup");
	struct str object = str_slice(line, 0, line.len - ARCHIVE_CRC_BYTES);
	snprintf(crc, sizeof(crc), ARCHIVE_CRC_FORMAT, archive_crc(object));
	if (!str_ends_with(line, str_of(crc)))
		return archive_refuse(reader, err, "the line is damaged: its checksum is not %.8s",
			crc + strlen(",\"crc32\":\""));
	hash_stream_add(reader->hash, line);
	hash_stream_add(reader->hash, STR("\n"));
	/* What is left of the checksum becomes the end of the object. */
	reader->line.ptr[object.len] = '}';
	*ret = str_n(object.ptr, object.len + 1);
	return 1;
}

size_t archive_line(const struct archive_reader *reader)
{
	return reader->number;
}

/* --- life ------------------------------------------------------------------------------------ */

static bool allocate(struct archive_reader *reader, const char *path)
{
	buf_init(&reader->line, ARCHIVE_MAX_LINE);
	reader->path = strdup(path);
	reader->hash = hash_stream_new();
	reader->input = malloc(ARCHIVE_CHUNK);
	reader->chunk = malloc(ARCHIVE_CHUNK);
	return reader->path && reader->hash && reader->input && reader->chunk &&
	       inflateInit2(&reader->zip, GZIP_WINDOW) == Z_OK;
}

static int open_file(struct archive_reader *reader, struct error *err)
{
	struct stat status;
	uint8_t magic[2] = {0};

	reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC);
	if (reader->fd < 0 || fstat(reader->fd, &status) < 0)
		return error_set(err, error_from_errno(errno), "cannot read %s: %s", reader->path,
			strerror(errno));
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERROR_INVALID,
			"%s is not a regular file; a backup is read twice, so write it to one "
			"first",
			reader->path);
	if (read_raw(reader, magic, sizeof(magic), err) < 0)
		return -1;
	reader->is_gzip = magic[0] == 0x1f && magic[1] == 0x8b;
	return archive_rewind(reader, err);
}

int archive_open(struct archive_reader **ret, const char *path, struct error *err)
{
	struct archive_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return error_set(err, ERROR_MEMORY, "no memory to read %s", path);
	reader->fd = -1;
	if (!allocate(reader, path)) {
		error_set(err, ERROR_MEMORY, "no memory to read %s", path);
		archive_close(reader);
		return -1;
	}
	if (open_file(reader, err) < 0) {
		archive_close(reader);
		return -1;
	}
	*ret = reader;
	return 0;
}

int archive_rewind(struct archive_reader *reader, struct error *err)
{
	if (lseek(reader->fd, 0, SEEK_SET) < 0)
		return error_set(err, error_from_errno(errno), "cannot read %s again: %s",
			reader->path, strerror(errno));
	inflateReset(&reader->zip);
	reader->zip.avail_in = 0;
	hash_stream_reset(reader->hash);
	reader->is_inflated = false;
	reader->at = reader->end = 0;
	reader->number = 0;
	return 0;
}

void archive_close(struct archive_reader *reader)
{
	if (!reader)
		return;
	inflateEnd(&reader->zip);
	if (reader->fd >= 0)
		close(reader->fd);
	hash_stream_free(reader->hash);
	buf_free(&reader->line);
	free(reader->chunk);
	free(reader->input);
	free(reader->path);
	free(reader);
}
