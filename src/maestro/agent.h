/*
 * agent.h - the Maestro agent: makes true on one management cluster what the Maestro server says.
 *
 * It is an OCM work agent with the CloudEvents driver over MQTT 5: it receives resource bundles,
 * applies their manifests, watches the applied objects, and answers with conditions and feedback.
 * What it must not forget lives on the cluster (AppliedManifestWork objects, CRD in config/crds);
 * all else is in memory and comes back by resync. No workload is ever removed for want of a peer:
 * only a deletion that the server asks for in so many words removes anything.
 *
 * One agent per management cluster. Thread-safe to count; start and stop from one thread.
 */
#ifndef REEVE_MAESTRO_AGENT_H
#define REEVE_MAESTRO_AGENT_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

struct agent;

#define AGENT_THREADS 4u
#define AGENT_MAX_THREADS 64u
#define AGENT_RESYNC_US (INT64_C(1800) * 1000000)
#define AGENT_MAX_MANIFEST_BYTES ((size_t)512000) /* of all manifests of one bundle */
#define AGENT_MAX_MANIFESTS 256
#define AGENT_MAX_WORKS 20000
#define AGENT_MAX_FOLLOWERS 64 /* kinds that are watched; others are repaired by resync alone */

/* Strings are copied. */
struct agent_config {
	const char *consumer_name; /* the management cluster's name with Maestro */
	const char *kubeconfig;	   /* file */
	const char *broker_host;
	uint16_t broker_port;
	const char *username, *password; /* NULL: none */
	const char *source_id;		 /* the server's; NULL: "maestro" */
	const char *client_id;		 /* NULL: <consumer>-work-agent */
	unsigned threads;		 /* 0: AGENT_THREADS */
	int64_t resync_us; /* each bundle is applied again this often, as repair; 0: AGENT_RESYNC_US
			    */
	struct log *log;
	const struct clock *clock; /* NULL: the system's */
};

/* Begins to connect and returns; broker and cluster may come later. ERROR_INVALID for a bad
 * kubeconfig or a consumer name that cannot stand in a topic ([a-z0-9-]). */
int agent_start(struct agent **ret, const struct agent_config *config, struct error *err);
/* Lets work under way end, then joins every thread. NULL accepted. */
void agent_stop(struct agent *agent);

struct agent_counters {
	uint64_t works;		/* in memory now */
	uint64_t received;	/* spec events accepted */
	uint64_t stale;		/* spec events older than what is known */
	uint64_t malformed;	/* messages dropped */
	uint64_t refused_stubs; /* deletions by a server that merely does not know the bundle */
	uint64_t applied;	/* manifests applied */
	uint64_t apply_errors;
	uint64_t repaired;  /* objects changed back after drift */
	uint64_t observed;  /* changes of applied objects seen by watch */
	uint64_t published; /* status messages */
	uint64_t publish_errors;
	uint64_t deleted; /* bundles gone and acknowledged */
	uint64_t resyncs; /* status resyncs answered */
};
void agent_count(struct agent *agent, struct agent_counters *ret);

#endif
