/*
 * archive_write.c - see archive.h: writing.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "clm/archive.h"
#include "clm/archive_format.h"

struct archive_writer {
	char *path;    /* NULL: standard output */
	char *partial; /* the name until then */
	int fd;
	gzFile file; /* compresses, or only buffers */
	struct hash_stream *hash;
	struct buf line;
};

static const char *name_of(const struct archive_writer *writer)
{
	return writer->path ? writer->path : "standard output";
}

static int fail_writing(const struct archive_writer *writer, int errnum, struct error *err)
{
	return error_set(err, error_from_errno(errnum), "cannot write %s: %s", name_of(writer),
		errnum ? strerror(errnum) : "compression failed");
}

static void writer_free(struct archive_writer *writer)
{
	if (writer->file)
		gzclose(writer->file);
	if (writer->fd >= 0)
		close(writer->fd);
	if (writer->partial)
		unlink(writer->partial);
	hash_stream_free(writer->hash);
	buf_free(&writer->line);
	free(writer->partial);
	free(writer->path);
	free(writer);
}

static int open_file(struct archive_writer *writer, const char *path, struct error *err)
{
	bool is_gzip = str_ends_with(str_of(path), STR(ARCHIVE_GZIP_SUFFIX));

	if (strcmp(path, ARCHIVE_STANDARD_OUTPUT) == 0) {
		writer->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	} else {
		writer->path = strdup(path);
		if (!writer->path || asprintf(&writer->partial, "%s.XXXXXX", path) < 0) {
			writer->partial = NULL;
			return error_set(err, ERROR_MEMORY, "no memory to write %s", path);
		}
		writer->fd = mkostemp(writer->partial, O_CLOEXEC);
	}
	if (writer->fd < 0) {
		fail_writing(writer, errno, err);
		free(writer->partial);
		writer->partial = NULL;
		return -1;
	}
	int own = fcntl(writer->fd, F_DUPFD_CLOEXEC, 0); /* gzclose closes it */
	writer->file = own >= 0 ? gzdopen(own, is_gzip ? "wb" : "wbT") : NULL;
	if (!writer->file) {
		if (own >= 0)
			close(own);
		return error_set(err, ERROR_MEMORY, "no memory to write %s", path);
	}
	gzbuffer(writer->file, ARCHIVE_CHUNK);
	return 0;
}

int archive_create(struct archive_writer **ret, const char *path, struct error *err)
{
	struct archive_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return error_set(err, ERROR_MEMORY, "no memory to write %s", path);
	writer->fd = -1;
	buf_init(&writer->line, ARCHIVE_MAX_LINE);
	writer->hash = hash_stream_new();
	if (!writer->hash)
		error_set(err, ERROR_MEMORY, "no memory to write %s", path);
	if (!writer->hash || open_file(writer, path, err) < 0) {
		writer_free(writer);
		return -1;
	}
	*ret = writer;
	return 0;
}

static int put(struct archive_writer *writer, struct error *err)
{
	struct str line = buf_str(&writer->line);

	if (writer->line.failed)
		return error_set(err, ERROR_TOO_LARGE,
			"a row is larger than the %zu bytes that a line of a backup may have",
			ARCHIVE_MAX_LINE);
	errno = 0;
	if (gzwrite(writer->file, line.ptr, (unsigned)line.len) != (int)line.len)
		return fail_writing(writer, errno, err);
	hash_stream_add(writer->hash, line);
	return 0;
}

int archive_add(struct archive_writer *writer, struct str object, struct error *err)
{
	struct str open = str_slice(object, 0, object.len - 1); /* without its last brace */

	buf_clear(&writer->line);
	buf_add_str(&writer->line, open);
	buf_printf(&writer->line, ARCHIVE_CRC_FORMAT "\n", archive_crc(open));
	return put(writer, err);
}

/* The name, too, must outlive a power failure. */
static int sync_folder(const struct archive_writer *writer, struct error *err)
{
	CLEANUP(cleanup_free) char *copy = strdup(writer->path);

	if (!copy)
		return error_set(err, ERROR_MEMORY, "no memory to write %s", writer->path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = fd < 0 || fsync(fd) < 0 ? fail_writing(writer, errno, err) : 0;
	if (fd >= 0)
		close(fd);
	return result;
}

static int close_file(struct archive_writer *writer, struct error *err)
{
	gzFile file = writer->file;

	writer->file = NULL;
	errno = 0;
	if (gzclose(file) != Z_OK)
		return fail_writing(writer, errno, err);
	if (!writer->path)
		return 0;
	if (fsync(writer->fd) < 0 || rename(writer->partial, writer->path) < 0)
		return fail_writing(writer, errno, err);
	free(writer->partial);
	writer->partial = NULL;
	return sync_folder(writer, err);
}

int archive_finish(struct archive_writer *writer, struct str rows, struct error *err)
{
	char digest[HASH_SHA256_HEX_SIZE];

	buf_clear(&writer->line);
	buf_printf(&writer->line, "%s%" STR_F, ARCHIVE_TRAILER_BEGIN, STR_A(rows));
	hash_stream_add(writer->hash, buf_str(&writer->line));
	hash_stream_hex(writer->hash, digest);
	hash_stream_reset(writer->hash);
	buf_printf(&writer->line, "%s%s%s\n", ARCHIVE_SHA_BEGIN, digest, ARCHIVE_SHA_END);
	int result = put(writer, err);
	if (result == 0)
		result = close_file(writer, err);
	writer_free(writer);
	return result;
}

void archive_abandon(struct archive_writer *writer)
{
	if (writer)
		writer_free(writer);
}
