/*
 * adapter_post.h - the last phase of an execution: building payloads and sending them.
 */
#ifndef REEVE_CLM_ADAPTER_POST_H
#define REEVE_CLM_ADAPTER_POST_H

#include "clm/adapter_scope.h"

/*
 * Builds all payloads, then makes the calls in their order; the first failure ends the phase. An
 * action whose body refers to a payload that its `when` left out is left out too. When an answer
 * says that the resource is gone the remaining actions are left out, which is no failure.
 */
void adapter_post_run(struct adapter_scope *scope);

/* A payload's document. */
int adapter_post_build(struct adapter_scope *scope, const struct adapter_build *build,
	struct json **ret, struct error *err);

#endif
