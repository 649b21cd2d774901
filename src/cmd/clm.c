/*
 * clm.c - `reeve clm backup`, `reeve clm restore`, `reeve clm check`.
 */
#include "cmd/clm.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "clm/check.h"
#include "clm/restore.h"
#include "cmd/clm_source.h"

#define STANDARD_OUTPUT "-"
#define CHECK_EXIT_BROKEN 1
#define CHECK_EXIT_FAILED 2

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

static const struct command_option check_options[] = {
	CLM_SOURCE_OPTIONS,
	{"json", NULL, "print every invariant with its count and ids as JSON", NULL},
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

static void print_findings(const struct check_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct check_finding *finding = &report->findings[i];
		if (finding->count == 0)
			continue;
		printf("%s: %llu broken (%s):", finding->name, (unsigned long long)finding->count,
			finding->says);
		for (size_t k = 0; k < finding->id_count; k++)
			printf(" %" STR_F, STR_A(finding->ids[k]));
		printf("%s\n", finding->count > finding->id_count ? " ..." : "");
	}
	printf("%llu resources, %zu invariants checked, %llu broken\n",
		(unsigned long long)report->resources, report->count,
		(unsigned long long)report->broken);
}

static int check(const struct command_line *line, struct arena *arena, struct check_report *ret,
	struct error *err)
{
	struct registry *registry = NULL;
	struct clm_source source;

	if (clm_source_read(line, arena, &source, err) < 0 ||
		(source.entities_file && registry_load(&registry, source.entities_file,
						 source.schema_file, err) < 0))
		return -1;
	int result = check_run(source.store_url, registry, arena, ret, err);
	registry_free(registry);
	return result;
}

/* As grep and diff: 0 nothing found, 1 something, 2 it could not be told. */
static int check_run_command(const struct command_line *line)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct check_report report;
	struct error err = {0};

	if (!arena)
		error_set(&err, ERROR_MEMORY, "no memory to check a database");
	if (!arena || check(line, arena, &report, &err) < 0) {
		command_fail(&err);
		return CHECK_EXIT_FAILED;
	}
	if (command_flag(line, "json"))
		printf("%" STR_F "\n",
			STR_A(json_text(arena, check_document(arena, &report), JSON_WRITE_PRETTY)));
	else
		print_findings(&report);
	if (!command_flag(line, "json") && !command_text(line, "config"))
		printf("kinds, hrefs and conditions were not checked: add --config FILE of the "
		       "database's CLM\n");
	return report.broken > 0 ? CHECK_EXIT_BROKEN : 0;
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
	{.name = "check",
		.summary = "Tells whether all that CLM holds agrees with itself",
		.details =
			"Reads one snapshot, while CLM serves: owners, names, hrefs, references, "
			"labels, reports, conditions, places, the feed. Ends with 0 when nothing "
			"is broken, with 1 when something is, with 2 when it could not tell.",
		.options = check_options,
		.run = check_run_command},
	{.name = NULL},
};
