/*
 * kubeapi_change.h - create, update, patch, apply and delete.
 */
#ifndef REEVE_LOCAL_KUBEAPI_CHANGE_H
#define REEVE_LOCAL_KUBEAPI_CHANGE_H

#include "local/kubeapi_call.h"

void kubeapi_change_create(struct kubeapi_call *call);
void kubeapi_change_update(struct kubeapi_call *call);
void kubeapi_change_patch(struct kubeapi_call *call);
void kubeapi_change_delete(struct kubeapi_call *call);
void kubeapi_change_delete_all(struct kubeapi_call *call);

#endif
