/*
 * server.h - what the parts of a Maestro server share. maestro.c makes it and outlives them all.
 */
#ifndef REEVE_MAESTRO_SERVER_H
#define REEVE_MAESTRO_SERVER_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "net/mqtt.h"
#include "store/feed.h"
#include "store/store.h"

struct maestro_server {
	struct store *store;
	struct feed *feed;
	struct mqtt *mqtt;
	struct log *log;
	const struct clock *clock;
	struct str source_id;
	struct stop *stop; /* ends every loop */

	atomic_uint_fast64_t events_published;
	atomic_uint_fast64_t events_undeliverable; /* refused by the broker for what they are */
	atomic_uint_fast64_t statuses_stored;
	atomic_uint_fast64_t statuses_ignored; /* stale, equal, or of an unknown bundle */
	atomic_uint_fast64_t messages_dropped; /* not what a peer may send */
};

#endif
