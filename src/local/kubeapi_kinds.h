/*
 * kubeapi_kinds.h - what is particular about single built-in kinds.
 */
#ifndef REEVE_LOCAL_KUBEAPI_KINDS_H
#define REEVE_LOCAL_KUBEAPI_KINDS_H

#include "local/kubeapi_draft.h"

/* Called after the general rules, before storing. */
int kubeapi_kind_create(struct kubeapi_draft *draft);
int kubeapi_kind_update(struct kubeapi_draft *draft);

/* Names that must be one label (RFC 1123), as they become host names. */
bool kubeapi_kind_has_label_name(const struct kubeapi_type *type);

#endif
