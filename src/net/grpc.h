/*
 * grpc.h - a gRPC server over HTTP/2 in clear text (h2c, prior knowledge), on libnghttp2.
 *
 * No C interface of gRPC is stable upstream; the protocol over HTTP/2 is small (gRPC over HTTP2,
 * the specification of that name). Unary calls and calls that stream answers; requests are one
 * message. A handler runs on its own thread, as straight-line code, and may block. Messages are
 * bytes: encoding them is the caller's.
 *
 * Each connection has one thread that alone touches its nghttp2 session; handlers meet it in the
 * call's queue.
 */
#ifndef REEVE_NET_GRPC_H
#define REEVE_NET_GRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "base/thread.h"

#define GRPC_MAX_MESSAGE ((size_t)4 << 20) /* of a request */
#define GRPC_MAX_QUEUE ((size_t)4 << 20)   /* unsent answers of a call; past it sending waits */
#define GRPC_MAX_CONNECTIONS 256
#define GRPC_MAX_STREAMS 100 /* calls at once on a connection */
#define GRPC_MAX_METADATA 64 /* request headers kept */
#define GRPC_MAX_HEADER_BYTES ((size_t)32 << 10)

enum grpc_status {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
};

struct grpc_server;
struct grpc_call;

/* Sends answers with grpc_call_send and returns the status; *ret_message (in the call's arena) goes
 * with a status that is not GRPC_OK. */
typedef enum grpc_status (*grpc_handler)(struct grpc_call *call, struct str *ret_message);

struct grpc_method {
	const char *path; /* "/package.Service/Method" */
	grpc_handler handler;
};

struct grpc_server_config {
	const char *host;		   /* address to bind */
	uint16_t port;			   /* 0: any free */
	const struct grpc_method *methods; /* must outlive the server */
	size_t method_count;
	void *context;
	const char *name; /* thread names */
};

/* ERROR_UNAVAILABLE when the port is taken. */
int grpc_server_start(
	struct grpc_server **ret, const struct grpc_server_config *config, struct error *err);
uint16_t grpc_server_port(const struct grpc_server *server);
/* Ends every call and connection. NULL accepted. */
void grpc_server_stop(struct grpc_server *server);

/* --- inside a handler, on its thread --------------------------------------------------------- */

struct arena *grpc_call_arena(struct grpc_call *call);
void *grpc_call_context(struct grpc_call *call);
struct str grpc_call_request(struct grpc_call *call);			 /* the message's bytes */
struct str grpc_call_metadata(struct grpc_call *call, const char *name); /* null when absent */

/* Requested when the peer has gone or the server stops: wait on it. */
struct stop *grpc_call_stop(struct grpc_call *call);

/* Response metadata; before the first grpc_call_send or grpc_call_start. */
void grpc_call_set_header(struct grpc_call *call, const char *name, struct str value);

/* Sends the headers now, without a message. */
void grpc_call_start(struct grpc_call *call);

/* Queues one message; waits while the queue is full. False when the peer has gone. */
bool grpc_call_send(struct grpc_call *call, struct str message);

#endif
