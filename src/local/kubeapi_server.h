/*
 * kubeapi_server.h - the parts of a running server, for its handlers.
 */
#ifndef REEVE_LOCAL_KUBEAPI_SERVER_H
#define REEVE_LOCAL_KUBEAPI_SERVER_H

#include "local/kubeapi_gc.h"
#include "local/kubeapi_objects.h"
#include "local/kubeapi_types.h"
#include "local/kubeapi_watch.h"
#include "net/http_server.h"

struct kubeapi {
	struct kubeapi_objects *objects;
	struct kubeapi_types *types;
	struct kubeapi_watches *watches;
	struct kubeapi_gc *gc;
	struct http_server *http;
	const struct clock *clock;
	struct log *log;
	char *token; /* NULL: anyone may call */
};

#endif
