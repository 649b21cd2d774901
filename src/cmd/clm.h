/*
 * clm.h - `reeve clm`: CLM's database as an operator sees it: backup, restore, check.
 */
#ifndef REEVE_CMD_CLM_H
#define REEVE_CMD_CLM_H

#include "cmd/command.h"

extern const struct command CLM_COMMANDS[]; /* ends with a NULL name */

#endif
