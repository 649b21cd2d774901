/*
 * serve.h - the roles apart: `reeve serve ROLE`, each a process of its own.
 */
#ifndef REEVE_CMD_SERVE_H
#define REEVE_CMD_SERVE_H

#include "cmd/command.h"

extern const struct command SERVE_COMMANDS[]; /* ends with a NULL name */

#endif
