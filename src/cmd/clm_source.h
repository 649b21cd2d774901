/*
 * clm_source.h - which CLM a command is about: --store URL, or --config FILE of `reeve serve clm`.
 */
#ifndef REEVE_CMD_CLM_SOURCE_H
#define REEVE_CMD_CLM_SOURCE_H

#include "base/arena.h"
#include "cmd/command.h"

struct clm_source {
	const char *store_url;
	const char *entities_file; /* NULL with a store's URL alone, as the next */
	const char *schema_file;
};

/* Rows of a command's options. */
#define CLM_SOURCE_OPTIONS                                                                    \
	{"store", "URL",                                                                      \
		"the database: sqlite:/path/to/file.db or postgresql://user@host:5432/name",  \
		NULL},                                                                        \
	{                                                                                     \
		"config", "FILE",                                                             \
			"the configuration of the `reeve serve clm` that uses it; names the " \
			"database, too",                                                      \
			NULL                                                                  \
	}

/* Of both options --store names the database. Texts live in the arena. ERROR_INVALID: neither. */
int clm_source_read(const struct command_line *line, struct arena *arena, struct clm_source *ret,
	struct error *err);

#endif
