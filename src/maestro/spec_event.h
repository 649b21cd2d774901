/*
 * spec_event.h - the CloudEvents that tell an agent what it should have. Pure.
 *
 * Everything on the wire is as Maestro's server writes it, so that agents of the original
 * understand it.
 */
#ifndef REEVE_MAESTRO_SPEC_EVENT_H
#define REEVE_MAESTRO_SPEC_EVENT_H

#include "maestro/bundle.h"
#include "net/cloudevent.h"

#define SPEC_EVENT_TYPE_PREFIX "io.open-cluster-management.works.v1alpha1.manifestbundles."

enum spec_action { SPEC_CREATE, SPEC_UPDATE, SPEC_DELETE, SPEC_RESYNC };

/* The event for the bundle as it is; a deleting one gets a new id and time and its
 * deletiontimestamp. -1 when the stored documents cannot be read. */
int spec_event_make(struct arena *arena, const struct bundle *bundle, enum spec_action action,
	struct str source_id, int64_t now_us, struct cloudevent *ret, struct error *err);

/* The answer to an agent that reports a bundle that is known to be gone. */
void spec_event_make_stub(struct arena *arena, struct str id, int64_t reported_version,
	struct str consumer_name, struct str source_id, int64_t now_us, struct cloudevent *ret);

/* sources/<source id>/consumers/<consumer>/sourceevents */
struct str spec_event_topic(struct arena *arena, struct str source_id, struct str consumer_name);

/* Event and topic as one message. */
int spec_event_to_message(struct arena *arena, const struct cloudevent *event, struct str source_id,
	struct str consumer_name, struct mqtt_message *ret, struct error *err);

#endif
