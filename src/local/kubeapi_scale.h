/*
 * kubeapi_scale.h - the scale subresource (autoscaling/v1 Scale) of kinds that have one.
 */
#ifndef REEVE_LOCAL_KUBEAPI_SCALE_H
#define REEVE_LOCAL_KUBEAPI_SCALE_H

#include "local/kubeapi_call.h"

/* GET, PUT and PATCH. */
void kubeapi_scale_call(struct kubeapi_call *call);

#endif
