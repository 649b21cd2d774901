/*
 * agent_pass.h - one turn of one work: make it so, look at it, tell it.
 */
#ifndef REEVE_MAESTRO_AGENT_PASS_H
#define REEVE_MAESTRO_AGENT_PASS_H

#include "maestro/agent_core.h"

/* Runs the turn; everything is allocated from `arena`, which must live until the outcome is taken.
 */
void agent_pass_run(struct agent *agent, struct arena *arena, const struct agent_pass *pass,
	struct agent_outcome *ret);

#endif
