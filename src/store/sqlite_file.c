/*
 * sqlite_file.c - see sqlite_file.h.
 */
#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define OWNER_MAX 32 /* a process's number as text */

int sqlite_file_name(struct sqlite_file *file, const char *path, struct error *err)
{
	*file = (struct sqlite_file){.path = strdup(path), .lock_fd = -1};
	if (!file->path)
		return error_set(err, ERROR_MEMORY, "no memory to open %s", path);
	return 0;
}

void sqlite_file_close(struct sqlite_file *file)
{
	if (file->lock_fd >= 0)
		close(file->lock_fd);
	free(file->path);
	*file = (struct sqlite_file){.lock_fd = -1};
}

static int fail_errno(const struct sqlite_file *file, struct error *err)
{
	enum error_code code = errno == ENOENT	 ? ERROR_NOT_FOUND
			       : errno == ENOSPC ? ERROR_NO_SPACE
						 : ERROR_UNAVAILABLE;

	return error_set(err, code, "cannot open %s: %s", file->path, strerror(errno));
}

/* Follows the name to the file, whose size it gives. */
static int find(struct sqlite_file *file, off_t *ret_size, struct error *err)
{
	struct stat status;
	char *path = realpath(file->path, NULL);

	if (!path)
		return fail_errno(file, err);
	free(file->path);
	file->path = path;
	if (stat(path, &status) < 0)
		return fail_errno(file, err);
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERROR_UNAVAILABLE, "%s is not a file; name one", path);
	if (status.st_nlink > 1)
		return error_set(err, ERROR_UNAVAILABLE,
			"database %s has %lu names (hard links), and each would have a log of its "
			"own; "
			"remove the others, or copy the file and open the copy",
			path, (unsigned long)status.st_nlink);
	file->device = status.st_dev;
	file->inode = status.st_ino;
	*ret_size = status.st_size;
	return 0;
}

int sqlite_file_find(struct sqlite_file *file, struct error *err)
{
	off_t size;

	if (find(file, &size, err) < 0) {
		if (err->code != ERROR_NOT_FOUND)
			return -1;
		size = 0;
	}
	if (size == 0)
		return error_set(err, ERROR_NOT_FOUND, "there is no database %s", file->path);
	return 0;
}

static int lock(struct sqlite_file *file, struct error *err)
{
	CLEANUP(cleanup_free) char *path = NULL;
	char owner[OWNER_MAX] = "";

	if (asprintf(&path, "%s.lock", file->path) < 0) {
		path = NULL;
		return error_set(err, ERROR_MEMORY, "no memory to open %s", file->path);
	}
	file->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, SQLITE_FILE_MODE);
	if (file->lock_fd < 0)
		return error_set(err, errno == ENOSPC ? ERROR_NO_SPACE : ERROR_UNAVAILABLE,
			"cannot open %s: %s", path, strerror(errno));
	if (flock(file->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t length = pread(file->lock_fd, owner, sizeof(owner) - 1, 0);

		owner[length > 0 ? length : 0] = '\0';
		return error_set(err, ERROR_UNAVAILABLE,
			"database %s is in use by process %s; stop it first, or choose another "
			"file",
			file->path, owner[0] ? owner : "(unknown)");
	}
	int length = snprintf(owner, sizeof(owner), "%ld", (long)getpid());
	/* Only for the sentence above: without it the lock still holds. */
	if (ftruncate(file->lock_fd, 0) == 0 && pwrite(file->lock_fd, owner, (size_t)length, 0) < 0)
		errno = 0;
	return 0;
}

/* Only a file that is not there is opened here: to close one that SQLite has open in this process
 * would drop its locks. */
static int make(const struct sqlite_file *file, struct error *err)
{
	struct stat status;

	if (stat(file->path, &status) == 0)
		return 0;
	int fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, SQLITE_FILE_MODE);
	if (fd < 0)
		return error_set(err, errno == ENOSPC ? ERROR_NO_SPACE : ERROR_UNAVAILABLE,
			"cannot make database %s: %s", file->path, strerror(errno));
	close(fd);
	return 0;
}

int sqlite_file_own(struct sqlite_file *file, struct error *err)
{
	off_t size;

	if (make(file, err) < 0 || find(file, &size, err) < 0)
		return -1;
	return lock(file, err);
}

int sqlite_file_check(const struct sqlite_file *file, struct error *err)
{
	struct stat status;

	if (file->inode == 0 || (stat(file->path, &status) == 0 && status.st_dev == file->device &&
					status.st_ino == file->inode))
		return 0;
	return error_set(err, ERROR_UNAVAILABLE,
		"database %s was removed or replaced while it was in use; stop reeve, put the "
		"newest "
		"backup there and start again",
		file->path);
}
