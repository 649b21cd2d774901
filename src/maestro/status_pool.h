/*
 * status_pool.h - statuses on their way into the store.
 *
 * A few threads, each with a bounded queue; a bundle's statuses always go to the same one. So
 * commits of different bundles share a flush while the order within a bundle stays. A transient
 * failure of the store is retried by the thread that met it, which holds back only its own queue.
 */
#ifndef REEVE_MAESTRO_STATUS_POOL_H
#define REEVE_MAESTRO_STATUS_POOL_H

#include "maestro/server.h"
#include "net/cloudevent.h"

#define STATUS_POOL_THREADS 8
#define STATUS_POOL_QUEUE 256 /* of each thread; past it the caller waits */

struct status_pool;

int status_pool_start(struct status_pool **ret, struct maestro_server *server, struct error *err);

/* Copies the event. Blocks while the queue is full; drops once closed. */
void status_pool_put(struct status_pool *pool, const struct cloudevent *event);

/* Ends every wait in status_pool_put: before the connection that calls it is stopped. NULL
 * accepted. */
void status_pool_close(struct status_pool *pool);

/* After server->stop was requested. NULL accepted. */
void status_pool_stop(struct status_pool *pool);

#endif
