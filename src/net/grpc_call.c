/*
 * grpc_call.c - see grpc_call.h.
 */
#include "net/grpc_call.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define COMPACT_BYTES                                                              \
	((size_t)1 << 20) /* taken bytes in front of the queue, before it is moved \
			   */
#define CALL_ARENA_MAX ((size_t)64 << 20)

struct grpc_call *grpc_call_new(int32_t stream_id, void *context,
	void (*ring)(void *connection, struct grpc_call *call), void *connection)
{
	struct grpc_call *call = calloc(1, sizeof(*call));
	struct arena *arena = arena_new(CALL_ARENA_MAX);

	if (call == NULL || arena == NULL) {
		free(call);
		arena_free(arena);
		return NULL;
	}
	call->stream_id = stream_id;
	call->context = context;
	call->arena = arena;
	call->ring = ring;
	call->connection = connection;
	buf_init(&call->request, GRPC_MAX_MESSAGE + GRPC_PREFIX_BYTES);
	/* A message may be larger than the queue is meant to be: it then goes alone. */
	buf_init(&call->out, 2 * GRPC_MAX_QUEUE + GRPC_MAX_MESSAGE);
	stop_init(&call->stop);
	pthread_mutex_init(&call->mutex, NULL);
	pthread_cond_init(&call->room, NULL);
	return call;
}

void grpc_call_free(struct grpc_call *call)
{
	if (call == NULL)
		return;
	grpc_call_join(call);
	buf_free(&call->request);
	buf_free(&call->out);
	stop_destroy(&call->stop);
	pthread_cond_destroy(&call->room);
	pthread_mutex_destroy(&call->mutex);
	arena_free(call->arena);
	free(call);
}

void grpc_call_join(struct grpc_call *call)
{
	thread_join(call->thread);
	call->thread = NULL;
}

void grpc_call_abandon(struct grpc_call *call)
{
	pthread_mutex_lock(&call->mutex);
	call->is_gone = true;
	pthread_cond_broadcast(&call->room);
	pthread_mutex_unlock(&call->mutex);
	stop_request(&call->stop);
}

static void finish(struct grpc_call *call, enum grpc_status status, struct str message)
{
	pthread_mutex_lock(&call->mutex);
	call->status = status;
	call->status_message = message;
	call->is_finished = true;
	pthread_mutex_unlock(&call->mutex);
	call->ring(call->connection, call);
}

static void run(void *argument)
{
	struct grpc_call *call = argument;
	struct str message = STR_NULL;
	enum grpc_status status = call->method->handler(call, &message);

	finish(call, status, message);
}

/* The one message of the request, out of its frame. */
static bool unframe(struct grpc_call *call)
{
	const unsigned char *bytes = (const unsigned char *)call->request.ptr;
	size_t len;

	if (call->request.failed || call->request.len < GRPC_PREFIX_BYTES)
		return false;
	len = (size_t)bytes[1] << 24 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 8 | bytes[4];
	if (bytes[0] != 0 || len != call->request.len - GRPC_PREFIX_BYTES)
		return false;
	call->message = str_n(call->request.ptr + GRPC_PREFIX_BYTES, len);
	return true;
}

void grpc_call_begin(struct grpc_call *call)
{
	struct error err;

	if (call->method == NULL)
		finish(call, GRPC_UNIMPLEMENTED, STR("unknown method"));
	else if (call->request.failed)
		finish(call, GRPC_RESOURCE_EXHAUSTED,
			STR("the request is larger than 4194304 bytes"));
	else if (!unframe(call))
		finish(call, GRPC_INTERNAL, STR("the request is not one uncompressed message"));
	else if (thread_start(&call->thread, "grpc-call", run, call, &err) != 0)
		finish(call, GRPC_UNAVAILABLE, STR("no thread for the call"));
}

size_t grpc_call_take(struct grpc_call *call, uint8_t *out, size_t size, bool *ret_is_last)
{
	size_t len;

	LOCK_SCOPE(&call->mutex);
	len = call->out.len - call->out_taken;
	if (len > size)
		len = size;
	if (len > 0)
		memcpy(out, call->out.ptr + call->out_taken, len);
	call->out_taken += len;
	if (call->out_taken == call->out.len) {
		buf_clear(&call->out);
		call->out_taken = 0;
	} else if (call->out_taken >= COMPACT_BYTES) {
		call->out.len -= call->out_taken;
		memmove(call->out.ptr, call->out.ptr + call->out_taken, call->out.len);
		call->out_taken = 0;
	}
	if (call->out.len - call->out_taken < GRPC_MAX_QUEUE)
		pthread_cond_broadcast(&call->room);
	*ret_is_last = call->is_finished && call->out.len == 0;
	return len;
}

/* --- the handler's side ------------------------------------------------------------------------ /
 */

struct arena *grpc_call_arena(struct grpc_call *call)
{
	return call->arena;
}

void *grpc_call_context(struct grpc_call *call)
{
	return call->context;
}

struct str grpc_call_request(struct grpc_call *call)
{
	return call->message;
}

struct str grpc_call_metadata(struct grpc_call *call, const char *name)
{
	for (size_t i = 0; i < call->metadata_count; i++) {
		if (str_eq_c(call->metadata[i].name, name))
			return call->metadata[i].value;
	}
	return STR_NULL;
}

struct stop *grpc_call_stop(struct grpc_call *call)
{
	return &call->stop;
}

void grpc_call_set_header(struct grpc_call *call, const char *name, struct str value)
{
	LOCK_SCOPE(&call->mutex);
	if (!call->is_started && call->header_count < GRPC_MAX_RESPONSE_HEADERS)
		call->headers[call->header_count++] = (struct grpc_header){
			arena_str(call->arena, str_of(name)), arena_str(call->arena, value)};
}

void grpc_call_start(struct grpc_call *call)
{
	pthread_mutex_lock(&call->mutex);
	call->is_started = true;
	pthread_mutex_unlock(&call->mutex);
	call->ring(call->connection, call);
}

bool grpc_call_send(struct grpc_call *call, struct str message)
{
	unsigned char prefix[GRPC_PREFIX_BYTES] = {
		0,
		(unsigned char)(message.len >> 24),
		(unsigned char)(message.len >> 16),
		(unsigned char)(message.len >> 8),
		(unsigned char)message.len,
	};
	bool ok;

	pthread_mutex_lock(&call->mutex);
	while (!call->is_gone && call->out.len - call->out_taken >= GRPC_MAX_QUEUE)
		pthread_cond_wait(&call->room, &call->mutex);
	ok = !call->is_gone && message.len <= UINT32_MAX &&
	     buf_reserve(&call->out, sizeof(prefix) + message.len) &&
	     buf_add(&call->out, prefix, sizeof(prefix)) && buf_add_str(&call->out, message);
	call->is_started = true;
	pthread_mutex_unlock(&call->mutex);
	if (ok)
		call->ring(call->connection, call);
	return ok;
}
