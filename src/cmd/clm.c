/*
 * clm.c - `reeve clm backup`, `reeve clm restore`.
 */
#include "cmd/clm.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "clm/restore.h"
#include "cmd/clm_source.h"

#define STANDARD_OUTPUT "-"

static const struct command_option backup_options[] = {
	CLM_SOURCE_OPTIONS,
	{"out", "FILE", "the backup; gzip when it ends in .gz; - for standard output", NULL},
	{NULL},
};

static const struct command_option restore_options[] = {
	CLM_SOURCE_OPTIONS,
	{"in", "FILE", "the backup", NULL},
	{"replace", NULL, "lose what the database holds now", NULL},
	{"force", NULL,
		"restore a PostgreSQL database that other processes have open; restart them "
		"afterwards",
		NULL},
	{NULL},
};

static int read_options(const struct command_line *line, struct arena *arena, const char *option,
	struct clm_source *ret, struct error *err)
{
	if (!arena)
		return error_set(err, ERROR_MEMORY, "no memory to read the options");
	if (!command_text(line, option))
		return error_set(
			err, ERROR_INVALID, "name the file of the backup: --%s FILE", option);
	return clm_source_read(line, arena, ret, err);
}

static void tell(
	FILE *out, const char *what, const char *path, const struct backup_summary *summary)
{
	fprintf(out, "%s %s: %llu rows, schema %lld, epoch %lld, feed at %lld\n", what, path,
		(unsigned long long)summary->rows, (long long)summary->schema,
		(long long)summary->epoch, (long long)summary->feed);
}

static int backup_run(const struct command_line *line)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	const char *path = command_text(line, "out");
	struct backup_summary summary;
	struct clm_source source;
	struct error err = {0};

	signal(SIGPIPE, SIG_IGN); /* a reader that leaves is an error, and no file */
	if (read_options(line, arena, "out", &source, &err) < 0 ||
		backup_write(source.store_url, path, &clock_system, &summary, &err) < 0)
		return command_fail(&err);
	tell(strcmp(path, STANDARD_OUTPUT) == 0 ? stderr : stdout, "backed up to", path, &summary);
	return 0;
}

static int restore_run_command(const struct command_line *line)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct backup_summary summary;
	struct clm_source source;
	struct error err = {0};

	if (read_options(line, arena, "in", &source, &err) < 0)
		return command_fail(&err);
	const struct restore_config config = {
		.store_url = source.store_url,
		.path = command_text(line, "in"),
		.replaces = command_flag(line, "replace"),
		.ignores_others = command_flag(line, "force"),
		.clock = &clock_system,
	};
	if (restore_run(&config, &summary, &err) < 0)
		return command_fail(&err);
	tell(stdout, "restored from", config.path, &summary);
	return 0;
}

const struct command CLM_COMMANDS[] = {
	{.name = "backup",
		.summary = "Writes all that CLM holds to one file, while it serves",
		.details = "One snapshot of the database, SQLite or PostgreSQL, as JSON lines with "
			   "checksums. Writers are not held up. The file has its name only when it "
			   "is whole and on the disk.",
		.options = backup_options,
		.run = backup_run},
	{.name = "restore",
		.summary = "Makes an empty database from a backup",
		.details = "Stop CLM first. The backup is checked as a whole before anything "
			   "changes; then everything happens in one transaction. It may come from "
			   "the other kind of database, or from an older version. The epoch rises, "
			   "and readers of the feed start anew.",
		.options = restore_options,
		.run = restore_run_command},
	{.name = NULL},
};
