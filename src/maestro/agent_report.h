/*
 * agent_report.h - what the agent sends to the server.
 */
#ifndef REEVE_MAESTRO_AGENT_REPORT_H
#define REEVE_MAESTRO_AGENT_REPORT_H

#include "maestro/agent_core.h"

/* Publishes a status and waits for the broker to have it. */
int agent_report_status(struct agent *agent, struct arena *arena, const struct agent_pass *pass,
	const struct json *status, const char *hash, bool is_resync, struct error *err);

/* Asks the server for all that is newer than, or missing from, what is in memory. */
int agent_report_resync(struct agent *agent, struct error *err);

#endif
