/*
 * grpc_connection.h - one HTTP/2 connection of a gRPC server, driven by one thread. Private to
 * grpc.
 */
#ifndef REEVE_NET_GRPC_CONNECTION_H
#define REEVE_NET_GRPC_CONNECTION_H

#include <stdatomic.h>

#include "net/grpc.h"

struct grpc_connection;

/* Takes the socket; starts the thread. */
int grpc_connection_start(struct grpc_connection **ret, int fd,
	const struct grpc_server_config *config, struct error *err);
/* Whether its thread has come to its end. */
bool grpc_connection_is_over(struct grpc_connection *connection);
/* Ends it and all its calls. */
void grpc_connection_stop(struct grpc_connection *connection);

#endif
