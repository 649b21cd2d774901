/*
 * adapter_params.h - the first phase of an execution: giving names to what is known.
 */
#ifndef REEVE_CLM_ADAPTER_PARAMS_H
#define REEVE_CLM_ADAPTER_PARAMS_H

#include "clm/adapter_scope.h"

/*
 * Resolves the params in their order. One that cannot be resolved has its default, or is absent;
 * when it is required the phase fails there and -1 is returned with the scope told. ret_is_gone
 * tells that a required call was answered with "no such resource": then there is nothing to do and
 * nobody to report to.
 */
int adapter_params_resolve(struct adapter_scope *scope, bool *ret_is_gone);

/* ERROR_INVALID names a required param whose environment variable is not set; for the start. */
int adapter_params_check_env(
	const struct adapter_task *task, const struct json *env, struct error *err);

#endif
