/*
 * kubeapi_gc.h - the controllers of an API server: garbage collection by owner, the orphan and
 * foreground policies of deletion, the contents of namespaces and of CRDs that are being deleted.
 */
#ifndef REEVE_LOCAL_KUBEAPI_GC_H
#define REEVE_LOCAL_KUBEAPI_GC_H

#include "base/clock.h"
#include "base/log.h"
#include "local/kubeapi_objects.h"
#include "local/kubeapi_types.h"

#define KUBEAPI_GC_RESCAN_S 60 /* all is looked at so often, in case something was missed */

struct kubeapi_gc;

int kubeapi_gc_start(struct kubeapi_gc **ret, struct kubeapi_objects *objects,
	struct kubeapi_types *types, const struct clock *clock, struct log *log, struct error *err);
void kubeapi_gc_stop(struct kubeapi_gc *gc); /* NULL accepted */

#endif
