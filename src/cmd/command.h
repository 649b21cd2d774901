/*
 * command.h - the command line as a table.
 *
 * Every subcommand is one row of a table (commands.h): its name, options and sentence. Parsing,
 * --help, the man page and shell completion are made from the table, so they cannot disagree. The
 * table is handed in, so that nothing a row runs needs to know the table's file.
 */
#ifndef REEVE_CMD_COMMAND_H
#define REEVE_CMD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define COMMAND_MAX_OPTIONS 64
#define COMMAND_MAX_ARGUMENTS 64
#define COMMAND_EXIT_USAGE 2

struct command_option {
	const char *name;     /* "dir": given as --dir DIR or --dir=DIR */
	const char *argument; /* "DIR"; NULL: a flag */
	const char *help;
	const char *fallback; /* shown in the help; what command_text() answers when not given */
};

struct command_line;

struct command {
	const char *name;
	const char *arguments;		      /* "FILE", "ROLE..."; NULL: takes none */
	const char *summary;		      /* one line */
	const char *details;		      /* more, for --help and the man page; NULL */
	const struct command_option *options; /* ends with a NULL name */
	const struct command *children; /* subcommands, ends with a NULL name; then run is NULL */
	int (*run)(const struct command_line *line); /* gives the exit code */
};

struct command_line {
	const struct command *table; /* the whole program's, as given to command_main() */
	const struct command *command;
	const char *path;			 /* "reeve cluster create" */
	const char *values[COMMAND_MAX_OPTIONS]; /* in the order of command->options */
	const char *arguments[COMMAND_MAX_ARGUMENTS];
	size_t argument_count;
};

/* Finds the command in the table (ends with a NULL name), reads the options, runs it; the exit
 * code. Wrong usage: one sentence on stderr, code 2. */
int command_main(const struct command *table, int argc, char **argv);

/* The option's value: as given, else its fallback; NULL when it has neither. */
const char *command_text(const struct command_line *line, const char *option);
bool command_flag(const struct command_line *line, const char *option);
/* A whole number within bounds; else ERROR_INVALID naming option and value. */
int command_number(const struct command_line *line, const char *option, int64_t least, int64_t most,
	int64_t *ret, struct error *err);

/* Prints "reeve: message" to stderr and gives the error's exit code. */
int command_fail(const struct error *err);

#endif
