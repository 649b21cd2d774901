/*
 * sqlite_file.h - a database's file: which one it is whatever name it is asked for by, and that one
 * process owns it.
 *
 * Ownership is a lock on PATH.lock, where PATH is the file's own name with every symbolic link
 * followed; the kernel drops it when the process ends however it ends. SQLite's own locks would let
 * a second process in, whose commits our feed would not see. A file with a second hard link is
 * refused: SQLite finds the log that belongs to it by name, so two names are two histories.
 */
#ifndef REEVE_STORE_SQLITE_FILE_H
#define REEVE_STORE_SQLITE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

#define SQLITE_FILE_MODE 0600 /* of a new one; SQLite gives its log and index the same */

struct sqlite_file {
	char *path; /* as it was asked for, until found or owned */
	dev_t device;
	ino_t inode; /* 0: in memory */
	int lock_fd; /* -1: not owned */
};

/* Also for ":memory:". ERROR_MEMORY. */
int sqlite_file_name(struct sqlite_file *file, const char *path, struct error *err);
void sqlite_file_close(struct sqlite_file *file);

/* One that is there with something in it. ERROR_NOT_FOUND, or ERROR_UNAVAILABLE: not a file, or one
 * with two names. */
int sqlite_file_find(struct sqlite_file *file, struct error *err);
/* Makes the file when it is missing. ERROR_UNAVAILABLE: as above, or another process owns it (named
 * by its number), or the folder cannot be written; ERROR_NO_SPACE. */
int sqlite_file_own(struct sqlite_file *file, struct error *err);
/* That its name still leads to it: what is committed to a file without a name is lost.
 * ERROR_UNAVAILABLE. */
int sqlite_file_check(const struct sqlite_file *file, struct error *err);

#endif
