/*
 * watch.h - GET /resource-bundles/watch: the change feed of bundles as a stream of JSON lines.
 *
 *	{"sequence":12,"epoch":1,"id":"..","event":"updated","consumer_name":"mc-1","version":2,
 *	 "time":"..","bundle":{..}|null}
 *	{"heartbeat":12}
 *
 * Parameters: after=SEQUENCE (from there; else from now on), source=S (only that source's bundles),
 * include=bundle (the bundle as it is now). A heartbeat is sent at once and then every
 *WATCH_HEARTBEAT_US. 410 when `after` is older than what is kept: list, then watch from now on.
 *
 * One thread reads the feed for all watchers. A reader that is too slow is cut off, and resumes.
 */
#ifndef REEVE_MAESTRO_WATCH_H
#define REEVE_MAESTRO_WATCH_H

#include "maestro/server.h"
#include "net/http_server.h"

#define WATCH_HEARTBEAT_US (10 * CLOCK_US_PER_S)
#define WATCH_MAX 1000 /* streams at once */

struct watch_hub;

int watch_hub_start(struct watch_hub **ret, struct maestro_server *server, struct error *err);

/* Closes every stream, and from now on each new one at once: before the HTTP server is stopped. */
void watch_hub_close(struct watch_hub *hub); /* NULL accepted */
void watch_hub_free(struct watch_hub *hub);  /* after it; NULL accepted */

/* The handler. */
void bundle_watch_open(struct http_request *request, struct http_response *response);

#endif
