/*
 * status_event.h - what an agent reports, and what is done with it. Pure.
 */
#ifndef REEVE_MAESTRO_STATUS_EVENT_H
#define REEVE_MAESTRO_STATUS_EVENT_H

#include "maestro/bundle.h"
#include "net/cloudevent.h"

struct status_event {
	struct str id;
	struct str consumer_name;
	int64_t version;
	struct str sequence; /* snowflake; null when the agent gave none */
	struct str hash;     /* the agent's; null when it gave none */
	struct str status;   /* JSON, members sorted: equal content is equal text */
	struct str event;    /* JSON: the event without its data */
	bool is_deleted;
};

/* ERROR_INVALID: not a status for this server, and why. */
int status_event_read(struct arena *arena, const struct cloudevent *event, struct str source_id,
	struct status_event *ret, struct error *err);

enum status_action {
	STATUS_IGNORE, /* stale, equal, or nothing of ours */
	STATUS_STORE,
	STATUS_REMOVE, /* everything is deleted, as we asked */
	STATUS_RESEND, /* deleted although nobody asked: the agent must hear what should be there */
	STATUS_RAISE   /* the agent knows a newer version than we do: ours must go above it */
};

/* bundle NULL: there is none. ret_reason: for the log. */
enum status_action status_decide(
	const struct bundle *bundle, const struct status_event *event, const char **ret_reason);

/* Whether a snowflake was made after another; anything is newer than none or than what is not one.
 */
bool status_sequence_is_newer(struct str sequence, struct str last);

#endif
