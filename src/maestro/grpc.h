/*
 * grpc.h - io.cloudevents.v1.CloudEventService for sources: Publish specifications, Subscribe to
 * statuses.
 *
 * What the official client library of Maestro speaks, in clear text. Failures of Publish are status
 * Unknown with the original's sentences, because clients look into them.
 */
#ifndef REEVE_MAESTRO_GRPC_H
#define REEVE_MAESTRO_GRPC_H

#include "maestro/server.h"
#include "net/grpc.h"

#define MAESTRO_GRPC_HEARTBEAT_US (10 * CLOCK_US_PER_S)

/* host NULL: 127.0.0.1; port 0: any free. Stop it with grpc_server_stop. */
int maestro_grpc_start(struct grpc_server **ret, struct maestro_server *server, const char *host,
	uint16_t port, struct error *err);

#endif
