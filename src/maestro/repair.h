/*
 * repair.h - the slow half of delivery: what was lost is found and sent again.
 *
 * One thread. It answers agents that ask what they should have (spec resync), asks agents what they
 * have reported (status resync) whenever our subscription is new and every REPAIR_STATUS_US, and
 * sends again what an agent has not answered. Correctness rests on this thread, speed on the
 * others.
 */
#ifndef REEVE_MAESTRO_REPAIR_H
#define REEVE_MAESTRO_REPAIR_H

#include "maestro/server.h"
#include "net/cloudevent.h"

#define REPAIR_SCAN_US (10 * CLOCK_US_PER_S)	/* for bundles without an answer */
#define REPAIR_STATUS_US (600 * CLOCK_US_PER_S) /* status resync of every consumer */
#define REPAIR_MAX_REQUESTS 1024 /* waiting; an agent asks again when it reconnects */

struct repair;

int repair_start(struct repair **ret, struct maestro_server *server, struct error *err);

/* Our subscription is new: ask every consumer for the statuses that we have missed. */
void repair_resubscribed(struct repair *repair);

/* An agent's spec resync request; copied. */
void repair_requested(struct repair *repair, const struct cloudevent *event);

/* After server->stop was requested. NULL accepted. */
void repair_stop(struct repair *repair);

#endif
