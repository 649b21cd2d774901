/*
 * bundle.h - a resource bundle: what one source wants on one management cluster, and what was
 * reported.
 *
 * A bundle is kept as the JSON texts that arrived, so that an event is made of it without encoding
 * anything again. This file knows its documents (pure); bundle_store.h knows its rows.
 *
 * Versions: 1 when created, +1 with every change of content, never with an equal one. A bundle is
 * *deleting* from the request to delete until its agent has confirmed that nothing is left.
 */
#ifndef REEVE_MAESTRO_BUNDLE_H
#define REEVE_MAESTRO_BUNDLE_H

#include "base/id.h"
#include "data/json.h"

/* The metadata travels as one MQTT user property of at most 65535 bytes, with what is added to it.
 */
#define BUNDLE_METADATA_MAX ((size_t)60000)

/* The highest version taken from a peer: agents hold them in 32 bits. */
#define BUNDLE_VERSION_MAX (INT64_C(1) << 30)

struct bundle {
	struct str id;
	struct str source;
	struct str consumer_name;
	int64_t version;
	int64_t created_us;
	int64_t updated_us;
	int64_t deleted_us;  /* 0: not deleting */
	struct str metadata; /* JSON object: ObjectMeta as its source gave it */
	struct str data;     /* JSON object: manifests, manifestConfigs, deleteOption, executer */
	struct str event_id; /* of the event that brought this version */
	struct str event_time;
	struct str extensions; /* JSON object: its other extensions, sent on as they came */

	struct str status; /* JSON object: conditions, resourceStatus; null before the first */
	struct str status_event; /* JSON object: attributes and extensions of that event */
	int64_t status_version;	 /* 0 before the first */
	struct str status_sequence;
	struct str status_hash;
};

static inline bool bundle_is_deleting(const struct bundle *bundle)
{
	return bundle->deleted_us != 0;
}

/* The id that the official client library computes for a ManifestWork. */
void bundle_id(char out[ID_UUID_SIZE], struct str source, struct str consumer, struct str name);

/*
 * A new bundle from the body of a create request: {"consumer_name", "source"?, "metadata",
 * "manifests", "manifest_configs"?, "delete_option"?}. A null problem: made, version 1. Otherwise
 * what is wrong.
 */
struct str bundle_from_request(
	struct arena *arena, const struct json *body, int64_t now_us, struct bundle *ret);

/*
 * The bundle after an update request with any of "metadata", "manifests", "manifest_configs",
 * "delete_option" (null removes the last two). ret_changed is false when the content is equal; then
 * `bundle` is as before. Neither version nor deletion is looked at.
 */
struct str bundle_change(struct arena *arena, struct bundle *bundle, const struct json *body,
	int64_t now_us, bool *ret_changed);

/* As REST shows it. */
struct json *bundle_to_json(struct arena *arena, const struct bundle *bundle);

/* The stored metadata with creationTimestamp, and deletionTimestamp when deleting; NULL when
 * damaged. */
struct json *bundle_metadata(struct arena *arena, const struct bundle *bundle);

/* Whether a status reports that everything has been deleted. */
bool bundle_status_is_deleted(const struct json *status);

#endif
