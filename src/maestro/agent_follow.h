/*
 * agent_follow.h - watches of the kinds that works are about, one thread each.
 */
#ifndef REEVE_MAESTRO_AGENT_FOLLOW_H
#define REEVE_MAESTRO_AGENT_FOLLOW_H

#include "maestro/agent_core.h"

/* The number of the kind's follower, which is started when there is none yet. AGENT_MAX_FOLLOWERS
 * when there are too many: then the kind is not watched. */
uint32_t agent_follow_kind(struct agent *agent, const struct kube_resource *resource);

/* A followed kind by its group and plural name, without asking the server. */
bool agent_follow_find(
	struct agent *agent, struct str group, struct str plural, struct kube_resource *ret);

/* Ends them all; agent->stop has been requested. */
void agent_follow_stop(struct agent *agent);

/* resourceVersion as a number; 0 when it is none, then versions cannot be compared. */
int64_t agent_object_version(const struct json *object);

#endif
