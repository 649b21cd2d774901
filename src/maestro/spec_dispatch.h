/*
 * spec_dispatch.h - from the change feed to the agents: every change of a specification is
 * published.
 *
 * One thread follows the feed and keeps several messages in flight on one connection, so a bundle's
 * events leave in the order of its commits. Its cursor is kept in the store and passes a change
 * only after PUBACK; what a crash repeats, an agent recognises by its version. What is sent is
 * always the row as it is, so a burst of changes costs one message.
 */
#ifndef REEVE_MAESTRO_SPEC_DISPATCH_H
#define REEVE_MAESTRO_SPEC_DISPATCH_H

#include "maestro/server.h"
#include "maestro/spec_event.h"

#define SPEC_DISPATCH_BATCH 64 /* messages in flight */

struct spec_dispatch;

int spec_dispatch_start(
	struct spec_dispatch **ret, struct maestro_server *server, struct error *err);

/* After server->stop was requested. NULL accepted. */
void spec_dispatch_stop(struct spec_dispatch *dispatch);

/* What is to be published: a bundle as it is when its turn comes, unless it is gone. */
struct spec_order {
	struct str id;
	enum spec_action action;
	bool is_settled; /* published, or needless, or refused for what it is */
};

/*
 * Publishes orders (at most SPEC_DISPATCH_BATCH) and marks the settled ones. -1 when some failed by
 * something that may pass (no connection, no PUBACK): try those again. Any thread.
 */
int spec_dispatch_publish(
	struct maestro_server *server, struct spec_order *orders, size_t count, struct error *err);

#endif
