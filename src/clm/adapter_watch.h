/*
 * adapter_watch.h - what happens to an adapter's bundles, as Maestro tells it.
 *
 * Reads Maestro's watch stream for one source. A bundle whose status changed, or that is gone,
 * gives the event it was written for (its annotation), so that the task runs again without waiting
 * for a sentinel. A stream that cannot continue where it ended is followed by one list of all
 * bundles; each is then a repair.
 */
#ifndef REEVE_CLM_ADAPTER_WATCH_H
#define REEVE_CLM_ADAPTER_WATCH_H

#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "base/str.h"
#include "base/thread.h"
#include "clm/adapter_queue.h"
#include "net/http_client.h"

struct adapter_watch;

struct adapter_watch_config {
	struct http_client *maestro; /* outlives the watch */
	struct str source;
	struct stop *stop; /* request it before adapter_watch_stop */
	/* From the watch's thread; `event` lives until it returns, and may wait. */
	void (*on_event)(void *context, struct str event, enum adapter_line line);
	void *context;
	struct log *log;
};

int adapter_watch_start(
	struct adapter_watch **ret, const struct adapter_watch_config *config, struct error *err);
void adapter_watch_stop(struct adapter_watch *watch); /* NULL accepted */

uint64_t adapter_watch_rows(const struct adapter_watch *watch); /* NULL: 0 */

#endif
