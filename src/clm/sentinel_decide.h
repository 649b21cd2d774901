/*
 * sentinel_decide.h - whether a resource needs a message now, and what the message says.
 *
 * Pure: everything is in the arguments. Two decisions are made here. A row of CLM's watch stream
 * says what has just happened, and sentinel_on_row() tells what to do about it. A resource found in
 * a full list says only what it is, and sentinel_decide() applies the file's rules to it.
 */
#ifndef REEVE_CLM_SENTINEL_DECIDE_H
#define REEVE_CLM_SENTINEL_DECIDE_H

#include "clm/sentinel_settings.h"

struct sentinel_verdict {
	bool publish;
	struct str reason; /* in the arena; the evaluation's error when a rule failed */
};

/* The file's rules. A rule that fails, or a result that is no bool, means no message. The rules see
 * of the resource what HyperFleet's sentinel shows: deleted_time is not among it. */
void sentinel_decide(const struct sentinel_settings *settings, struct arena *arena,
	const struct json *resource, int64_t now_us, struct sentinel_verdict *ret);

enum sentinel_step {
	SENTINEL_IGNORE,
	SENTINEL_PUBLISH, /* a message now, and again until it is reconciled */
	SENTINEL_FORGET	  /* nothing is left to do for it */
};

/* Digest of which conditions are True: what an adapter may be waiting for. Never 0. */
uint64_t sentinel_progress(const struct json *resource);

/* What a row of the watch stream means; `resource` may be NULL or null. */
enum sentinel_step sentinel_on_row(struct str event, const struct json *resource);

/* Whether the control plane has done what the resource asks for: its Reconciled condition is True
 * and it is not being deleted. A resource without the condition has nobody to wait for. */
bool sentinel_is_settled(const struct json *resource);

/* The data of the event, as JSON text. Leaves that fail or give nothing are left out, and maps that
 * become empty. */
struct str sentinel_data(const struct sentinel_settings *settings, struct arena *arena,
	const struct json *resource, struct str reason);

#endif
