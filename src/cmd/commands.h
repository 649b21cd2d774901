/*
 * commands.h - the program's command table, and what each row runs.
 *
 * Adding one: write `int NAME_run(const struct command_line *line)` in a file of its own, declare
 * it here and add the row to COMMANDS. Only main.c takes the table from here; everyone else finds
 * it in their struct command_line.
 */
#ifndef REEVE_CMD_COMMANDS_H
#define REEVE_CMD_COMMANDS_H

#include "cmd/command.h"

extern const struct command COMMANDS[]; /* ends with a NULL name */

int up_run(const struct command_line *line);
int management_cluster_run(const struct command_line *line);
int man_run(const struct command_line *line);
int completion_run(const struct command_line *line);
int version_run(const struct command_line *line);

#endif
