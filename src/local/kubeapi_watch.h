/*
 * kubeapi_watch.h - watches: streams of events to clients.
 *
 * One thread reads the ring and sends to all streams. A watch that starts from an older version, or
 * from nothing, first gets what the tables tell; all of that happens on the same thread, so a
 * stream sees versions in order and none twice.
 */
#ifndef REEVE_LOCAL_KUBEAPI_WATCH_H
#define REEVE_LOCAL_KUBEAPI_WATCH_H

#include "base/clock.h"
#include "local/kubeapi_failure.h"
#include "local/kubeapi_select.h"
#include "local/kubeapi_view.h"
#include "net/http_server.h"

#define KUBEAPI_WATCH_BOOKMARK_S 30
#define KUBEAPI_WATCH_MIN_TIMEOUT_S 1800 /* where the client names none; up to twice as long */
/* What a watch may be sent at its start before the client has read any of it. */
#define KUBEAPI_WATCH_MAX_REPLAY ((size_t)3 << 20)

struct kubeapi_watches;

struct kubeapi_watch_request {
	struct kubeapi_type *type;   /* one ownership of it is taken */
	struct str name_space, name; /* empty: any */
	struct kubeapi_selector labels, fields;
	struct kubeapi_view view;
	bool from_start;   /* begin with what exists, as ADDED */
	int64_t after;	   /* else: events after this version */
	bool bookmarks;	   /* now and then, and before the end */
	bool marks_start;  /* a bookmark after what exists (sendInitialEvents) */
	int64_t timeout_s; /* 0: the server's choice */
};

int kubeapi_watches_start(struct kubeapi_watches **ret, struct kubeapi_objects *objects,
	const struct clock *clock, struct error *err);

/* After the HTTP server has been stopped. NULL accepted. */
void kubeapi_watches_stop(struct kubeapi_watches *watches);

/* Opens the stream. -1 with a failure when it cannot. */
int kubeapi_watches_add(struct kubeapi_watches *watches, struct http_request *request,
	struct http_response *response, const struct kubeapi_watch_request *wanted,
	struct kubeapi_failure *failure);

#endif
