/*
 * commands.c - the command table.
 */
#include "cmd/commands.h"

#include <stdio.h>

#include "cmd/cluster.h"

const struct command COMMANDS[] = {
	{.name = "cluster",
		.summary = "Creates, shows, follows and deletes clusters",
		.children = CLUSTER_COMMANDS},
	{.name = "completion",
		.arguments = "SHELL",
		.summary = "Prints the completion script for bash or zsh",
		.run = completion_run},
	{.name = "man", .summary = "Prints the manual page (roff)", .run = man_run},
	{.name = "version", .summary = "Prints the version", .run = version_run},
	{.name = NULL},
};

int version_run(const struct command_line *line)
{
	(void)line;
	printf("reeve %s\n", REEVE_VERSION);
	return 0;
}
