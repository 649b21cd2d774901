/*
 * source_event.h - the CloudEvents that sources publish and hear. Pure.
 */
#ifndef REEVE_MAESTRO_SOURCE_EVENT_H
#define REEVE_MAESTRO_SOURCE_EVENT_H

#include "maestro/bundle.h"
#include "net/cloudevent.h"

/*
 * The bundle in a source's event: resourceid, resourceversion (0 becomes 1), clustername, metadata
 * and data. ERROR_INVALID with `failed to decode cloudevent: ...` when the event lacks what it
 * needs. What is wrong with the manifests is another thing: source_event_problem.
 */
int source_event_read(struct arena *arena, const struct cloudevent *event, int64_t now_us,
	struct bundle *ret, struct error *err);

/* Null, or what is wrong with the manifests of a bundle that was read. */
struct str source_event_problem(struct arena *arena, const struct bundle *bundle);

/* As bundle_change: takes over the specification of `change` (a struct bundle that was read). */
struct str source_event_change(struct arena *arena, struct bundle *bundle, const void *change,
	int64_t now_us, bool *ret_changed);

/* The status of a bundle as its source hears it: the agent's event with the source's metadata and,
 * in the data, the specification. -1: there is no status to tell. */
int source_event_make_status(struct arena *arena, const struct bundle *bundle,
	struct cloudevent *ret, struct error *err);

#endif
