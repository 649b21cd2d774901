/*
 * hypershift_plan.h - what the stand-in HyperShift does next with an object. Pure.
 *
 * Where an object stands is read from its own status, so a controller that was killed goes on where
 * it was.
 */
#ifndef REEVE_LOCAL_HYPERSHIFT_PLAN_H
#define REEVE_LOCAL_HYPERSHIFT_PLAN_H

#include "data/json.h"

#define HYPERSHIFT_FINALIZER "hypershift.openshift.io/finalizer"
#define HYPERSHIFT_FAIL_ANNOTATION "reeve.dev/fail"

enum hypershift_action {
	HYPERSHIFT_NOTHING,
	HYPERSHIFT_ADD_FINALIZER,
	HYPERSHIFT_WRITE_STATUS,      /* then look again after a step */
	HYPERSHIFT_WAIT,	      /* for something else: its hosted cluster, its node pools */
	HYPERSHIFT_DELETE_NODE_POOLS, /* of this hosted cluster */
	HYPERSHIFT_REMOVE_FINALIZER
};

struct hypershift_plan {
	enum hypershift_action action;
	struct json *status; /* the whole new status */
	bool is_complete;    /* a hosted cluster has come up with this status */
};

struct hypershift_moment {
	int64_t now_us;
	/* Stages that have passed since the last look, 1 for a controller that keeps up; each is
	 * written while it does, and one that is late writes where things stand. */
	int64_t stages;
};

/* `node_pools`: how many NodePools of it there still are (asked only when it is being deleted). */
struct hypershift_plan hypershift_plan_cluster(struct arena *arena,
	const struct json *hosted_cluster, size_t node_pools, struct hypershift_moment moment);

/* `hosted_cluster`: the one it belongs to; NULL: there is none. */
struct hypershift_plan hypershift_plan_pool(struct arena *arena, const struct json *node_pool,
	const struct json *hosted_cluster, struct hypershift_moment moment);

/* "4.17.3" of "quay.io/x/ocp-release:4.17.3-x86_64"; the tag as it is when it is no version. */
struct str hypershift_version(struct str image);

#endif
