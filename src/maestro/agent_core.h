/*
 * agent_core.h - what the parts of the agent share. Made by agent_start(), constant but for what
 * has a lock or is atomic.
 */
#ifndef REEVE_MAESTRO_AGENT_CORE_H
#define REEVE_MAESTRO_AGENT_CORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "base/id.h"
#include "base/thread.h"
#include "kube/kube.h"
#include "maestro/agent.h"
#include "maestro/agent_store.h"
#include "net/mqtt.h"

#define AGENT_MAX_CONSUMER 63 /* RFC 1123 label */

struct agent_follower;

struct agent {
	char *consumer;
	char *client_id; /* source of its events */
	char *source_id;
	char *topic_in, *topic_out;
	char hub_hash[HASH_SHA256_HEX_SIZE]; /* of "host:port": who owns the AppliedManifestWorks */
	int64_t resync_us;
	struct log *log;
	const struct clock *clock;

	struct agent_store *store;
	struct kube *kube;
	struct mqtt *mqtt;
	struct id_snowflake *sequence;
	struct stop stop;	 /* of kube calls and followers */
	struct stop resync_stop; /* of the resync thread; poked to ask for specs now */

	struct thread *workers[AGENT_MAX_THREADS];
	unsigned worker_count;
	struct thread *resync;

	pthread_mutex_t followers_mutex; /* followers, follower_count */
	struct agent_follower *followers[AGENT_MAX_FOLLOWERS];
	uint32_t follower_count;

	_Atomic uint64_t received, stale, malformed, refused_stubs, applied, apply_errors, repaired,
		observed, published, publish_errors, deleted, resyncs;
};

#endif
