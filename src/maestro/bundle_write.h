/*
 * bundle_write.h - create, update and delete a bundle, for whichever interface it is asked.
 *
 * A change is computed on the caller's thread and committed with a compare on the version, so that
 * the store's one writer only writes. Returns once it is durable.
 */
#ifndef REEVE_MAESTRO_BUNDLE_WRITE_H
#define REEVE_MAESTRO_BUNDLE_WRITE_H

#include "maestro/bundle.h"
#include "maestro/server.h"

enum bundle_outcome {
	BUNDLE_DONE,
	BUNDLE_EXISTS,
	BUNDLE_NOT_FOUND,
	BUNDLE_NO_CONSUMER, /* err says which */
	BUNDLE_DELETING,
	BUNDLE_STALE,	/* the wanted version is not the latest */
	BUNDLE_INVALID, /* ret_problem says why */
	BUNDLE_BUSY,	/* others change it without a pause */
	BUNDLE_FAILED	/* err */
};

enum bundle_outcome bundle_write_create(
	struct maestro_server *server, const struct bundle *bundle, struct error *err);

/* Changes the bundle in place and says whether its content differs now; a null string, or what is
 * wrong with the change. May be called again with what the bundle has become meanwhile. */
typedef struct str (*bundle_change_fn)(struct arena *arena, struct bundle *bundle,
	const void *change, int64_t now_us, bool *ret_changed);

/* wanted_version 0: whatever it is. ret_bundle: as it is now, also for BUNDLE_STALE and
 * BUNDLE_DELETING. */
enum bundle_outcome bundle_write_update(struct maestro_server *server, struct arena *arena,
	struct str id, int64_t wanted_version, bundle_change_fn change_fn, const void *change,
	struct bundle *ret_bundle, struct str *ret_problem, struct error *err);

/* Marks it; nothing when it is gone or being deleted. wanted_version 0: whatever it is. */
enum bundle_outcome bundle_write_delete(
	struct maestro_server *server, struct str id, int64_t wanted_version, struct error *err);

/* 1 found, 0 not, -1 error. */
int bundle_read(struct maestro_server *server, struct arena *arena, struct str id,
	struct bundle *ret, struct error *err);

#endif
