/*
 * cloudevent_pb.h - CloudEvents as protobuf messages, in the binding that Maestro's gRPC interface
 * uses.
 *
 * Not the CloudEvents protobuf format, although the messages are the same: attributes other than
 * the four with their own field have the prefix "ce-", the content type is "contenttype", data are
 * always bytes. Values of any type are read; numbers and times are written as such where the
 * official client does.
 */
#ifndef REEVE_MAESTRO_CLOUDEVENT_PB_H
#define REEVE_MAESTRO_CLOUDEVENT_PB_H

#include "net/cloudevent.h"

/* The event of a PublishRequest. Texts live in the arena. ERROR_INVALID: what is wrong. */
int cloudevent_pb_read_publish(
	struct arena *arena, struct str bytes, struct cloudevent *ret, struct error *err);

/* The source of a SubscriptionRequest. */
int cloudevent_pb_read_subscription(
	struct arena *arena, struct str bytes, struct str *ret_source, struct error *err);

/* A CloudEvent's bytes; null when the arena is exhausted. */
struct str cloudevent_pb_write(struct arena *arena, const struct cloudevent *event);

#endif
