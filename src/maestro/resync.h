/*
 * resync.h - what two sides that lost sight of each other say. Pure.
 *
 * Either side, when it has (re)subscribed, asks the other: an agent reports the versions that it
 * has (spec resync), the server the hashes of the statuses that it has (status resync); the other
 * side sends what differs.
 */
#ifndef REEVE_MAESTRO_RESYNC_H
#define REEVE_MAESTRO_RESYNC_H

#include "maestro/bundle.h"
#include "net/cloudevent.h"

#define RESYNC_MAX_HASHES 1000	   /* in one status resync request */
#define RESYNC_MAX_REPORTED 100000 /* bundles in one spec resync request */

/* The hash that stands for "no status yet": SHA-256 of nothing. */
#define RESYNC_NO_STATUS_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct resync_reported {
	struct str id;
	int64_t version;
	bool is_ours; /* for the caller: a row was found */
};

/* An agent's spec resync request. ERROR_INVALID: not one, and why. */
int resync_read(struct arena *arena, const struct cloudevent *event, struct str *ret_consumer,
	struct resync_reported **ret, size_t *ret_count, struct error *err);

enum resync_action {
	RESYNC_NOTHING,
	RESYNC_SEND,
	RESYNC_RAISE /* the agent has a version above ours: ours goes above it, and is sent */
};

/* reported 0: the agent does not know the bundle. */
enum resync_action resync_decide(int64_t version, bool is_deleting, int64_t reported);

/* One status resync request; hashes may be null. At most RESYNC_MAX_HASHES. */
struct resync_hash {
	struct str id;
	struct str hash;
};
void resync_make_status_request(struct arena *arena, const struct resync_hash *hashes, size_t count,
	struct str consumer_name, struct str source_id, int64_t now_us, struct cloudevent *ret);

/*
 * Whether a bundle that an agent has not answered since `since_us` is to be sent again at `now_us`,
 * when it was last looked at at `last_us`: after 30 s, 90 s, 210 s, ... then every
 * RESYNC_BACKOFF_MAX_US.
 */
#define RESYNC_BACKOFF_US (INT64_C(30) * 1000000)
#define RESYNC_BACKOFF_MAX_US (INT64_C(3600) * 1000000)
bool resync_is_due(int64_t since_us, int64_t last_us, int64_t now_us);

#endif
