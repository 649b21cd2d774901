/*
 * fake_clm.h - as much of HyperFleet API v1 as the frontend calls, in memory, with faults on
 * demand.
 */
#ifndef REEVE_TESTS_FRONTEND_FAKE_CLM_H
#define REEVE_TESTS_FRONTEND_FAKE_CLM_H

#include <pthread.h>

#include "data/json.h"
#include "net/http_server.h"

#define FAKE_CLM_MAX_CLUSTERS 32

struct fake_cluster {
	struct json *resource; /* NULL: none */
	struct str account;
	int64_t version;
};

struct fake_clm {
	struct http_server *server;
	pthread_mutex_t mutex; /* guards all below */
	struct arena *arena;
	struct fake_cluster clusters[FAKE_CLM_MAX_CLUSTERS];
	size_t count;
	unsigned calls;
	struct str account, arn; /* of the last call; null when not sent */
	struct str path;
	int refusal;	    /* answer everything with this status; 0: work */
	unsigned races;	    /* so many reads are followed by somebody's change */
	struct json *racer; /* merged into the spec by each such change; NULL: only the version */
};

void fake_clm_start(struct fake_clm *clm);
void fake_clm_stop(struct fake_clm *clm);

#endif
