/*
 * cluster.h - `reeve cluster`: a customer's clusters, over the frontend's API.
 */
#ifndef REEVE_CMD_CLUSTER_H
#define REEVE_CMD_CLUSTER_H

#include "cmd/command.h"

extern const struct command CLUSTER_COMMANDS[]; /* ends with a NULL name */

#endif
