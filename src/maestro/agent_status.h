/*
 * agent_status.h - conditions, their summary, and the hash of a status. Pure.
 *
 * A status is the document that travels: {"conditions":[...],"resourceStatus":[...]}, one entry of
 * resourceStatus per manifest. The builders below change it in place, in its own arena.
 */
#ifndef REEVE_MAESTRO_AGENT_STATUS_H
#define REEVE_MAESTRO_AGENT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "data/json.h"

struct agent_condition {
	const char *type;
	const char *status; /* "True", "False", "Unknown" */
	const char *reason;
	struct str message;
	int64_t observed_generation; /* 0: none */
};

/* Sets or adds; lastTransitionTime moves to `now` only when the condition's status changes. */
void agent_condition_set(
	struct json *conditions, const struct agent_condition *condition, struct str now);
/* NULL when absent. */
struct json *agent_condition_find(const struct json *conditions, const char *type);
bool agent_condition_is(const struct json *conditions, const char *type, const char *status);

/* Which object a manifest is about. resource is empty while its kind cannot be mapped. */
struct agent_resource_meta {
	size_t ordinal;
	struct str group, version, kind, resource, name, name_space;
};

/*
 * The entries for the manifests, in order: an entry of `old` is carried over when its whole
 * resourceMeta matches, else when it matches but for the ordinal and is the only one. Entries of
 * manifests that are no more disappear. The result is a new array in `arena`; old entries are
 * shared.
 */
struct json *agent_status_match(struct arena *arena, const struct json *old,
	const struct agent_resource_meta *manifests, size_t count);

/* What happened to a manifest in this pass. */
struct agent_manifest_outcome {
	bool was_applied;	/* tried to; then apply_error says whether it failed */
	struct str apply_error; /* null: none */
	enum agent_presence {
		AGENT_PRESENCE_UNKNOWN, /* not looked at: nothing changes */
		AGENT_PRESENT,
		AGENT_ABSENT,
		AGENT_UNREADABLE, /* read_error says why */
		AGENT_UNMAPPED	  /* its kind is not known to the cluster */
	} presence;
	struct str read_error;
	bool has_feedback_rules;
	struct json *feedback; /* array of values; NULL: none were read */
	struct str feedback_error;
};

/* Updates one entry (conditions Applied, Available, StatusFeedbackSynced, and the values). */
void agent_status_set_manifest(struct json *entry, const struct agent_manifest_outcome *outcome,
	int64_t generation, struct str now);

/* Updates the work's Applied and Available from the entries. */
void agent_status_summarize(struct json *status, int64_t generation, struct str now);

/* Conditions of a deletion. */
void agent_status_set_deleting(struct json *status, int64_t generation, struct str now);
void agent_status_set_deleted(
	struct json *status, const char *consumer, int64_t generation, struct str now);

/* Hex SHA-256 over the ManifestWork status that this document stands for, members sorted at every
 * level, written as Go writes JSON: what the original agent calls the status hash. */
void agent_status_hash(
	struct arena *arena, const struct json *status, char out[HASH_SHA256_HEX_SIZE]);

#endif
