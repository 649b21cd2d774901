/*
 * grpc_call.h - one call, between its handler's thread and its connection's. Private to grpc.
 */
#ifndef REEVE_NET_GRPC_CALL_H
#define REEVE_NET_GRPC_CALL_H

#include <pthread.h>

#include "base/buf.h"
#include "net/grpc.h"

#define GRPC_PREFIX_BYTES 5 /* before each message: compressed?, length */
#define GRPC_MAX_RESPONSE_HEADERS 8

struct grpc_header {
	struct str name;
	struct str value;
};

struct grpc_call {
	struct grpc_call *next; /* on the connection */
	int32_t stream_id;
	const struct grpc_method *method; /* NULL: none of that path */
	void *context;
	struct arena *arena; /* the connection's until the handler starts, then the handler's */
	struct str path;
	struct grpc_header metadata[GRPC_MAX_METADATA];
	size_t metadata_count;
	size_t header_bytes;
	struct str content_type;
	struct buf request; /* with prefix */
	struct str message;
	struct stop stop;
	struct thread *thread;

	/* Called by the handler's side when the connection should look at this call. */
	void (*ring)(void *connection, struct grpc_call *call);
	void *connection;

	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t room;
	struct grpc_header headers[GRPC_MAX_RESPONSE_HEADERS];
	size_t header_count;
	bool is_started;  /* headers may go out */
	struct buf out;	  /* framed messages */
	size_t out_taken; /* of `out`, by the connection */
	bool is_finished; /* the handler has returned */
	enum grpc_status status;
	struct str status_message;
	bool is_gone; /* nobody reads any more */
	bool is_rung; /* on the connection's list already; the connection's lock */
	struct grpc_call *next_rung;

	/* The connection's own. */
	bool is_responded;
	bool is_closed; /* the stream is closed */
};

struct grpc_call *grpc_call_new(int32_t stream_id, void *context,
	void (*ring)(void *connection, struct grpc_call *call), void *connection);
/* Waits until its handler's thread has ended. */
void grpc_call_join(struct grpc_call *call);
void grpc_call_free(struct grpc_call *call);

/* The peer has gone: ends every wait of the handler. */
void grpc_call_abandon(struct grpc_call *call);

/* Checks the request and starts its handler. A status other than OK: the call is finished with it.
 */
void grpc_call_begin(struct grpc_call *call);

/* Copies what is to be sent; *ret_is_last when the handler has finished and nothing follows. */
size_t grpc_call_take(struct grpc_call *call, uint8_t *out, size_t size, bool *ret_is_last);

#endif
