/*
 * config.h - the configuration of a CLM that runs by itself: the original's file, variables, flags.
 *
 * A value comes from a flag (--db-host), else from HYPERFLEET_ and its path in capitals
 * (HYPERFLEET_DATABASE_HOST), else from the YAML file (database.host), else it has its default. The
 * file's lists (entities, tenant dimensions) have neither flag nor variable. A key of the file that
 * is not known is an error. Ours are retention.feed and retention.history, and database.url
 * (--db-url), which stands for the others of its section: "sqlite:/var/lib/reeve/clm.db" or
 * "postgresql://...".
 */
#ifndef REEVE_CLM_CONFIG_H
#define REEVE_CLM_CONFIG_H

#include "base/arena.h"
#include "clm/clm.h"

#define CONFIG_MAX_KEYS 64u

/* The flag's value, or NULL when it was not given. */
typedef const char *(*config_flag)(void *context, const char *flag);
/* As getenv(). */
typedef const char *(*config_variable)(void *context, const char *name);

struct config_source {
	const char *file; /* for messages, and where `entities` are read from */
	struct str text;
	config_flag flag;
	config_variable variable; /* NULL: getenv() */
	void *context;
};

struct config {
	struct clm_config clm; /* but for the log */
	enum log_level log_level;
	enum log_format log_format;
	bool logs_to_stderr;
	const char *idle[CONFIG_MAX_KEYS]; /* paths that are given and have no effect */
	size_t idle_count;
};

/* Texts live in the arena. ERROR_INVALID names file and key, variable or flag, and what may stand
 * there. */
int config_read(struct arena *arena, const struct config_source *source, struct config *ret,
	struct error *err);

#endif
