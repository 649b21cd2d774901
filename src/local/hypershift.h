/*
 * hypershift.h - what stands in for HyperShift on one machine.
 *
 * A controller on a Kubernetes API: it brings HostedClusters and NodePools up through the
 * conditions that the real one writes, in the same order, one stage after another, follows new
 * releases and replica counts, and takes them down with finalizers: node pools first. It runs no
 * control planes.
 *
 * The annotation `reeve.dev/fail: CONDITION` (or CONDITION=REASON) on a HostedCluster keeps that
 * condition False, and the cluster from getting further, until it is taken away.
 */
#ifndef REEVE_LOCAL_HYPERSHIFT_H
#define REEVE_LOCAL_HYPERSHIFT_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

struct hypershift;

#define HYPERSHIFT_DEFAULT_STEP_US (20 * CLOCK_US_PER_MS)
#define HYPERSHIFT_DEFAULT_THREADS 2
#define HYPERSHIFT_MAX_THREADS 16
#define HYPERSHIFT_RETRY_US (500 * CLOCK_US_PER_MS)
#define HYPERSHIFT_REPAIR_US \
	(INT64_C(5) * CLOCK_US_PER_S) /* how often one that waits for another looks again */

struct hypershift_config {
	const char *kubeconfig;
	int64_t step_us;  /* how long each stage takes */
	unsigned threads; /* 0: HYPERSHIFT_DEFAULT_THREADS */
	struct log *log;
	const struct clock *clock; /* NULL: the system's */
};

/* ERROR_NOT_FOUND when the cluster does not know HostedCluster and NodePool. */
int hypershift_start(
	struct hypershift **ret, const struct hypershift_config *config, struct error *err);
void hypershift_stop(struct hypershift *hypershift); /* NULL accepted */

#endif
