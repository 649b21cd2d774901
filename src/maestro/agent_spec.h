/*
 * agent_spec.h - a received spec event, and what to do with it. Pure.
 */
#ifndef REEVE_MAESTRO_AGENT_SPEC_H
#define REEVE_MAESTRO_AGENT_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "data/json.h"
#include "net/cloudevent.h"

#define AGENT_DATA_TYPE "io.open-cluster-management.works.v1alpha1.manifestbundles"
#define AGENT_MAX_ID 128

enum agent_message {
	AGENT_MESSAGE_SPEC,	     /* create, update, delete request, resync response */
	AGENT_MESSAGE_STATUS_RESYNC, /* the server tells the status hashes that it has */
	AGENT_MESSAGE_FOREIGN	     /* well-formed, but nothing to an agent */
};

/* By the event's type. ERROR_INVALID: not of the manifest bundles' data type. */
int agent_message_kind(const struct cloudevent *event, enum agent_message *ret, struct error *err);

/* All text borrows from the event. */
struct agent_spec {
	struct str id;
	int64_t generation; /* resourceversion; 0: unknown */
	bool is_deleting;
	bool is_stub; /* a deletion in a resync by a server that does not know the id: no tombstone
		       */
	struct str source;	/* who sent it; statuses name it as their original source */
	struct str metadata;	/* ObjectMeta as JSON; null when absent */
	struct str log_tracing; /* null when absent */
	struct str payload;	/* the manifest bundle as JSON; null for a deletion without one */
};

/* ERROR_INVALID (another consumer, missing or malformed attributes, invalid manifests) and
 * ERROR_TOO_LARGE in the words of the original agent. */
int agent_spec_read(struct arena *arena, const struct cloudevent *event, const char *consumer,
	struct agent_spec *ret, struct error *err);

/* What is in memory about an id. */
struct agent_known {
	int64_t generation;
	bool is_deleting;
	struct str payload, metadata;
};

enum agent_action {
	AGENT_ADD,	     /* a new work */
	AGENT_REPLACE,	     /* a newer spec of a known one */
	AGENT_MARK_DELETING, /* a known one, or a new one whose traces must go */
	AGENT_RETRY_DELETE,  /* asked again: do not wait for the backoff */
	AGENT_SAME,	     /* nothing changes */
	AGENT_STALE,	     /* older than what is known */
	AGENT_LATER, /* a spec for an id that is still being deleted: ask for it afterwards */
	AGENT_REFUSE_STUB
};

/* `known` NULL: not in memory. */
enum agent_action agent_spec_decide(const struct agent_known *known, const struct agent_spec *spec);

#endif
