/*
 * adapter_call.h - an api_call of a task, made.
 */
#ifndef REEVE_CLM_ADAPTER_CALL_H
#define REEVE_CLM_ADAPTER_CALL_H

#include "clm/adapter_scope.h"

/*
 * Renders URL, headers and body, calls, and tries again on transport errors, 408, 429 and 5xx as
 * the task says. A relative URL is CLM's: one that begins with api/ from its root, any other below
 * /api/hyperfleet/<version>/. Gives the answer's JSON body (NULL when it has none). Any status of
 * 400 or more is an error; ret_is_gone (NULL accepted) then tells whether the answer was that the
 * *resource* does not exist, unlike a path that does not.
 */
int adapter_call(struct adapter_scope *scope, const struct adapter_call *call, struct json **ret,
	bool *ret_is_gone, struct error *err);

#endif
