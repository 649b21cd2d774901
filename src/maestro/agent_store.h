/*
 * agent_store.h - the bundles that an agent knows, and whose turn it is.
 *
 * A work is a bundle as this agent holds it: the spec as received, the status as last computed, and
 * the objects that it is about. Everything here happens under one lock, for moments: threads take a
 * pass over one work (a copy of what they need), work without the lock, and bring the outcome back.
 * A work is with at most one thread at a time; what arrives meanwhile is kept and gives it another
 * turn, so no change is ever overwritten by an older one.
 *
 * A work waits in one of two places: ready, in order of arrival, or delayed until a time (a retry
 * after a failure, or the slow repair). Any thread may call.
 */
#ifndef REEVE_MAESTRO_AGENT_STORE_H
#define REEVE_MAESTRO_AGENT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "maestro/agent_index.h"
#include "maestro/agent_spec.h"

struct agent_store;

/* Between the turns of a work that only look at observed changes: one status tells what happened
 * meanwhile. (The original's agent looks every ten seconds.) */
#define AGENT_OBSERVE_PAUSE_US INT64_C(200000)
#define AGENT_RETRY_US INT64_C(100000)
#define AGENT_RETRY_MAX_US (INT64_C(60) * 1000000)
/* A work whose objects keep being changed back is repaired ever more rarely, after the first few
 * times, down to the maximum; after as long a peace it counts as new. */
#define AGENT_FREE_REPAIRS 3u
#define AGENT_REPAIR_US INT64_C(1000000)
#define AGENT_REPAIR_MAX_US (INT64_C(60) * 1000000)

enum {
	AGENT_DO_APPLY = 1 << 0, /* write every manifest */
	AGENT_DO_REPORT =
		1 << 1,		/* send the status even if nothing changed: a resync asks for it */
	AGENT_DO_SEND = 1 << 2, /* send the status if it has not been sent */
	AGENT_DO_VERIFY = 1 << 3, /* trust nothing that is remembered about the cluster */
};

/* What a follower saw happen to a target. */
struct agent_observation {
	size_t ordinal;
	int64_t version;
	struct str object; /* JSON; null: it is gone */
};

/* One turn. All text is in the arena given to agent_store_take(). */
struct agent_pass {
	struct agent_work *work;
	unsigned todo; /* AGENT_DO_... */
	struct str id;
	int64_t generation;
	bool is_deleting;
	struct str source, metadata, log_tracing, payload;
	struct str status;     /* null: none yet */
	bool is_sent;	       /* the status has reached the broker */
	struct str owner_uid;  /* of the AppliedManifestWork; null: not known */
	uint64_t applied_hash; /* of the appliedResources that it has; 0: not known */
	struct agent_target *targets;
	size_t target_count;
	struct agent_observation *observations;
	size_t observation_count;
	unsigned repairs; /* of late */
};

struct agent_outcome {
	struct str status; /* null: as it was */
	bool is_sent;
	char hash[HASH_SHA256_HEX_SIZE]; /* of the status, when there is one */
	struct str owner_uid;		 /* null: as it was */
	uint64_t applied_hash;
	const struct agent_target *targets; /* NULL: as they were */
	size_t target_count;
	bool is_forgotten; /* deleted and acknowledged: remove it */
	bool is_failed;	   /* apply again, after a wait that grows */
	bool has_repaired;
	int64_t repair_after_us; /* drift that may not be repaired yet: apply again then; 0: none */
};

/* resync_us: a work that nothing happens to is applied again after 1 to 1.5 times this. NULL: no
 * memory. */
struct agent_store *agent_store_new(int64_t resync_us);
/* After agent_store_stop() and with no pass out. NULL accepted. */
void agent_store_free(struct agent_store *store);

/* Takes a received spec by agent_spec_decide(). -1: ERROR_LIMITED over AGENT_MAX_WORKS,
 * ERROR_MEMORY. */
int agent_store_receive(struct agent_store *store, const struct agent_spec *spec,
	enum agent_action *ret, struct error *err);

/* Waits for a turn; false once stopped. */
bool agent_store_take(struct agent_store *store, struct arena *arena, struct agent_pass *ret);
/* Says which objects the pass is about, before it touches them: changes from now on are observed.
 */
void agent_store_track(struct agent_store *store, const struct agent_pass *pass,
	const struct agent_target *targets, size_t count);
/* Ends the turn. *ret_wants_spec: a spec was turned away meanwhile (AGENT_LATER) and the work is
 * gone. */
void agent_store_finish(struct agent_store *store, const struct agent_pass *pass,
	const struct agent_outcome *outcome, bool *ret_wants_spec);

/* From a follower: an object has this version now; `listing` numbers the listing that showed it (0:
 * it came by watch). True when a work has not seen it yet; then call agent_store_observe(). */
bool agent_store_sees(
	struct agent_store *store, uint64_t key, uint64_t listing, int64_t version, bool is_gone);
void agent_store_observe(
	struct agent_store *store, uint64_t key, int64_t version, struct str object);
/* A listing is complete: works whose objects of that kind an earlier one showed and this one did
 * not are applied again. */
void agent_store_listed(struct agent_store *store, uint32_t kind, uint64_t listing);

/* A status resync: reports the work if its status has another hash; unknown ids are nothing. */
void agent_store_report(struct agent_store *store, struct str id, struct str hash);
/* Reports all works that have a status. */
void agent_store_report_all(struct agent_store *store);
/* Sends again what did not reach the broker. */
void agent_store_send_unsent(struct agent_store *store);

/* Calls for each work, under the lock. */
void agent_store_each(struct agent_store *store,
	void (*each)(void *arg, struct str id, int64_t generation), void *arg);
size_t agent_store_count(struct agent_store *store);

/* Ends agent_store_take() for all threads. */
void agent_store_stop(struct agent_store *store);

#endif
