/*
 * commands.h - what each row of the command table runs.
 */
#ifndef REEVE_CMD_COMMANDS_H
#define REEVE_CMD_COMMANDS_H

#include "cmd/command.h"

int up_run(const struct command_line *line);
int management_cluster_run(const struct command_line *line);
int man_run(const struct command_line *line);
int completion_run(const struct command_line *line);
int version_run(const struct command_line *line);

#endif
