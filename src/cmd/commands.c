/*
 * commands.c - the command table.
 */
#include "cmd/commands.h"

#include <stdio.h>

#include "cmd/clm.h"
#include "cmd/cluster.h"
#include "cmd/serve.h"

static const struct command_option up_options[] = {
	{"dir", "DIR",
		"state folder; default: $REEVE_DIR, $XDG_STATE_HOME/reeve or ~/.local/state/reeve",
		NULL},
	{"port", "N", "port of the customers' API; 0: any free one", "8000"},
	{"management-clusters", "N",
		"how many management clusters to run; default: 1, or as many as there were", NULL},
	{"capacity", "N",
		"hosted clusters that each management cluster has room for; default: 80, or as it "
		"was",
		NULL},
	{"kubeconfig", "FILE", "a real cluster as the management cluster, instead of the stand-in",
		NULL},
	{"no-first-cluster", NULL, "do not create a first cluster in a new region", NULL},
	{"step", "DURATION", "how long each step of the stand-in HyperShift takes, e.g. 2s", NULL},
	{"log-level", "LEVEL", "debug, info, warn or error; the log is DIR/reeve.log", "info"},
	{NULL},
};

static const struct command_option management_cluster_options[] = {
	{"config", "FILE", "its configuration, as written by `reeve up`", NULL},
	{NULL},
};

const struct command COMMANDS[] = {
	{.name = "up",
		.summary = "Runs a whole region on this machine until Ctrl-C",
		.details = "Starts a broker, CLM, Maestro, the adapters, the frontend and "
			   "management clusters, each "
			   "speaking its real protocol. All state is in one folder; the next start "
			   "finds it "
			   "again. While it runs, DIR/region.json tells where everything is.",
		.options = up_options,
		.run = up_run},
	{.name = "management-cluster",
		.summary = "Runs one management cluster; started by `reeve up`",
		.options = management_cluster_options,
		.run = management_cluster_run},
	{.name = "cluster",
		.summary = "Creates, shows, follows and deletes clusters",
		.children = CLUSTER_COMMANDS},
	{.name = "clm",
		.summary = "Backs up, restores and checks CLM's database",
		.children = CLM_COMMANDS},
	{.name = "serve",
		.summary = "Runs one role of the control plane by itself",
		.children = SERVE_COMMANDS},
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
