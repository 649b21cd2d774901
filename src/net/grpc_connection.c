/*
 * grpc_connection.c - see grpc_connection.h.
 *
 * The thread waits for the socket or the bell. Handlers that have something to send put their call
 * on the list of rung ones and ring; the thread then lets nghttp2 read from the call's queue, as
 * far as the peer's window goes.
 */
#include "net/grpc_connection.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "net/grpc_call.h"

#define READ_BYTES ((size_t)64 << 10)
#define WINDOW_BYTES (1 << 20)
#define MAX_NV (GRPC_MAX_RESPONSE_HEADERS + 4)
#define GOODBYE_MS 200 /* to write what is left when the server stops */

struct grpc_connection {
	const struct grpc_server_config *config;
	int fd;
	int bell;
	struct thread *thread;
	atomic_bool stopping;
	atomic_bool is_over;
	nghttp2_session *session;
	struct grpc_call *calls;
	uint8_t buffer[READ_BYTES];

	pthread_mutex_t mutex; /* of the list of rung calls */
	struct grpc_call *rung;
};

static void ring(void *argument, struct grpc_call *call)
{
	struct grpc_connection *connection = argument;
	const uint64_t one = 1;

	pthread_mutex_lock(&connection->mutex);
	if (!call->is_rung) {
		call->is_rung = true;
		call->next_rung = connection->rung;
		connection->rung = call;
	}
	pthread_mutex_unlock(&connection->mutex);
	if (write(connection->bell, &one, sizeof(one)) < 0)
		return; /* rung 2^64 times already */
}

/* --- answers --------------------------------------------------------------------------------- */

static nghttp2_nv header(const char *name, struct str value)
{
	return (nghttp2_nv){
		.name = (uint8_t *)(uintptr_t)name,
		.value = (uint8_t *)(uintptr_t)(value.ptr == NULL ? "" : value.ptr),
		.namelen = strlen(name),
		.valuelen = value.len,
	};
}

/* Status-message: percent-encoded but for printable ASCII. */
static struct str encode_message(struct arena *arena, struct str message)
{
	struct buf out = BUF_INITIALIZER(BUF_DEFAULT_MAX);
	struct str text;

	for (size_t i = 0; i < message.len; i++) {
		unsigned char c = (unsigned char)message.ptr[i];

		if (c >= 0x20 && c <= 0x7e && c != '%')
			buf_add_byte(&out, (char)c);
		else
			buf_printf(&out, "%%%02X", c);
	}
	text = arena_str(arena, buf_str(&out));
	buf_free(&out);
	return text;
}

/* grpc-status and, when there is one, grpc-message. The handler has returned: its arena is ours. */
static size_t status_headers(struct grpc_call *call, nghttp2_nv nv[2])
{
	size_t count = 0;

	nv[count++] = header("grpc-status", arena_printf(call->arena, "%d", (int)call->status));
	if (call->status != GRPC_OK)
		nv[count++] =
			header("grpc-message", encode_message(call->arena, call->status_message));
	return count;
}

static ssize_t read_answer(nghttp2_session *session, int32_t stream_id, uint8_t *out, size_t size,
	uint32_t *flags, nghttp2_data_source *source, void *user_data)
{
	struct grpc_call *call = source->ptr;
	nghttp2_nv nv[2];
	bool is_last;
	size_t len = grpc_call_take(call, out, size, &is_last);

	if (is_last) {
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		nghttp2_submit_trailer(session, stream_id, nv, status_headers(call, nv));
	} else if (len == 0) {
		return NGHTTP2_ERR_DEFERRED;
	}
	return (ssize_t)len;
}

static void respond(struct grpc_connection *connection, struct grpc_call *call, bool is_finished)
{
	nghttp2_nv nv[MAX_NV];
	size_t count = 0;
	nghttp2_data_provider provider = {.source.ptr = call, .read_callback = read_answer};
	bool has_output;

	nv[count++] = header(":status", STR("200"));
	nv[count++] = header("content-type", STR("application/grpc"));
	pthread_mutex_lock(&call->mutex);
	has_output = call->is_started;
	for (size_t i = 0; i < call->header_count; i++)
		nv[count++] = header(call->headers[i].name.ptr, call->headers[i].value);
	pthread_mutex_unlock(&call->mutex);
	if (is_finished && !has_output)
		count += status_headers(call, nv + count);
	nghttp2_submit_response(connection->session, call->stream_id, nv, count,
		is_finished && !has_output ? NULL : &provider);
	call->is_responded = true;
}

/* Its handler may ring until its thread has ended; only then is it certain that nobody knows the
 * call. */
static void remove_call(struct grpc_connection *connection, struct grpc_call *call)
{
	struct grpc_call **link = &connection->calls;

	while (*link != call)
		link = &(*link)->next;
	*link = call->next;
	grpc_call_join(call);
	pthread_mutex_lock(&connection->mutex);
	for (link = &connection->rung; call->is_rung && *link != call; link = &(*link)->next_rung)
		continue;
	if (call->is_rung)
		*link = call->next_rung;
	pthread_mutex_unlock(&connection->mutex);
	grpc_call_free(call);
}

static struct grpc_call *take_rung(struct grpc_connection *connection)
{
	struct grpc_call *call;

	LOCK_SCOPE(&connection->mutex);
	call = connection->rung;
	if (call != NULL) {
		connection->rung = call->next_rung;
		call->is_rung = false;
	}
	return call;
}

static void serve_rung(struct grpc_connection *connection)
{
	struct grpc_call *call;

	while ((call = take_rung(connection)) != NULL) {
		bool is_started;
		bool is_finished;

		pthread_mutex_lock(&call->mutex);
		is_started = call->is_started;
		is_finished = call->is_finished;
		pthread_mutex_unlock(&call->mutex);
		if (call->is_closed) {
			if (is_finished)
				remove_call(connection, call);
		} else if (call->is_responded) {
			nghttp2_session_resume_data(connection->session, call->stream_id);
		} else if (is_started || is_finished) {
			respond(connection, call, is_finished);
		}
	}
}

/* --- requests -------------------------------------------------------------------------------- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct grpc_connection *connection = user_data;
	struct grpc_call *call;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	call = grpc_call_new(frame->hd.stream_id, connection->config->context, ring, connection);
	if (call == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	call->next = connection->calls;
	connection->calls = call;
	nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, call);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
	size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *user_data)
{
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	struct grpc_header *added;

	/* Trailers of a request (after its message) are of no interest. */
	if (call == NULL || call->thread != NULL)
		return 0;
	call->header_bytes += name_len + value_len;
	if (call->header_bytes > GRPC_MAX_HEADER_BYTES || call->metadata_count == GRPC_MAX_METADATA)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	added = &call->metadata[call->metadata_count++];
	added->name = arena_str(call->arena, str_n((const char *)name, name_len));
	added->value = arena_str(call->arena, str_n((const char *)value, value_len));
	if (str_eq_c(added->name, ":path"))
		call->path = added->value;
	else if (str_eq_c(added->name, "content-type"))
		call->content_type = added->value;
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
	size_t len, void *user_data)
{
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, stream_id);

	if (call != NULL && call->thread == NULL)
		buf_add(&call->request, data, len);
	return 0;
}

static void begin_call(struct grpc_connection *connection, struct grpc_call *call)
{
	const struct grpc_server_config *config = connection->config;
	nghttp2_nv unsupported = header(":status", STR("415"));

	if (!str_starts_with(call->content_type, STR("application/grpc"))) {
		nghttp2_submit_response(
			connection->session, call->stream_id, &unsupported, 1, NULL);
		return;
	}
	for (size_t i = 0; i < config->method_count; i++) {
		if (str_eq_c(call->path, config->methods[i].path))
			call->method = &config->methods[i];
	}
	grpc_call_begin(call);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user_data)
{
	struct grpc_call *call;

	if ((frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) ||
		!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	call = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (call != NULL)
		begin_call(user_data, call);
	return 0;
}

/* A call whose handler still runs stays until it has noticed. */
static int on_stream_close(
	nghttp2_session *session, int32_t stream_id, uint32_t error_code, void *user_data)
{
	struct grpc_call *call = nghttp2_session_get_stream_user_data(session, stream_id);

	if (call == NULL)
		return 0;
	call->is_closed = true;
	grpc_call_abandon(call);
	/* Ended by serve_rung, outside of nghttp2. */
	if (call->thread == NULL) {
		pthread_mutex_lock(&call->mutex);
		call->is_finished = true;
		pthread_mutex_unlock(&call->mutex);
	}
	ring(user_data, call);
	return 0;
}

/* --- the thread ------------------------------------------------------------------------------ */

static int open_session(struct grpc_connection *connection)
{
	const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, GRPC_MAX_STREAMS},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, GRPC_MAX_HEADER_BYTES},
	};
	nghttp2_session_callbacks *callbacks;
	int rc;

	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return -1;
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	rc = nghttp2_session_server_new(&connection->session, callbacks, connection);
	nghttp2_session_callbacks_del(callbacks);
	if (rc == 0)
		rc = nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings,
			sizeof(settings) / sizeof(settings[0]));
	if (rc == 0)
		rc = nghttp2_session_set_local_window_size(
			connection->session, NGHTTP2_FLAG_NONE, 0, 4 * WINDOW_BYTES);
	return rc;
}

/* Writes what the session has to say; false when the connection is dead. *ret_is_blocked: the
 * socket is full and `left` holds the rest. */
struct unsent {
	const uint8_t *bytes;
	size_t len;
};

static bool write_out(struct grpc_connection *connection, struct unsent *unsent)
{
	for (;;) {
		ssize_t written;

		if (unsent->len == 0) {
			ssize_t len = nghttp2_session_mem_send(connection->session, &unsent->bytes);

			if (len <= 0)
				return len == 0;
			unsent->len = (size_t)len;
		}
		written = send(
			connection->fd, unsent->bytes, unsent->len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (written < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
		unsent->bytes += written;
		unsent->len -= (size_t)written;
	}
}

static bool read_in(struct grpc_connection *connection)
{
	ssize_t len = recv(connection->fd, connection->buffer, READ_BYTES, MSG_DONTWAIT);

	if (len == 0)
		return false;
	if (len < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	return nghttp2_session_mem_recv(connection->session, connection->buffer, (size_t)len) ==
	       len;
}

static void serve(struct grpc_connection *connection)
{
	struct unsent unsent = {NULL, 0};

	while (!atomic_load(&connection->stopping)) {
		struct pollfd fds[2] = {
			{.fd = connection->bell, .events = POLLIN},
			{.fd = connection->fd, .events = POLLIN},
		};
		uint64_t rings;

		serve_rung(connection);
		if (!write_out(connection, &unsent))
			return;
		if (unsent.len > 0)
			fds[1].events |= POLLOUT;
		else if (!nghttp2_session_want_read(connection->session) &&
			 !nghttp2_session_want_write(connection->session))
			return;
		poll(fds, 2, -1);
		if (fds[0].revents != 0 && read(connection->bell, &rings, sizeof(rings)) < 0)
			continue;
		if ((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) && !read_in(connection))
			return;
	}
	/* Tell the peer, if it listens. */
	nghttp2_session_terminate_session(connection->session, NGHTTP2_NO_ERROR);
	if (poll(&(struct pollfd){.fd = connection->fd, .events = POLLOUT}, 1, GOODBYE_MS) == 1)
		write_out(connection, &unsent);
}

static void run(void *argument)
{
	struct grpc_connection *connection = argument;

	if (open_session(connection) == 0)
		serve(connection);
	for (struct grpc_call *call = connection->calls; call != NULL; call = call->next)
		grpc_call_abandon(call);
	while (connection->calls != NULL)
		remove_call(connection, connection->calls);
	nghttp2_session_del(connection->session);
	shutdown(connection->fd, SHUT_RDWR);
	atomic_store(&connection->is_over, true);
}

int grpc_connection_start(struct grpc_connection **ret, int fd,
	const struct grpc_server_config *config, struct error *err)
{
	struct grpc_connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL) {
		close(fd);
		return error_set(err, ERROR_MEMORY, "no memory for a connection");
	}
	connection->config = config;
	connection->fd = fd;
	connection->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_mutex_init(&connection->mutex, NULL);
	if (connection->bell < 0)
		error_set(err, error_from_errno(errno), "eventfd: %s", strerror(errno));
	else if (thread_start(&connection->thread, "grpc-conn", run, connection, err) == 0) {
		*ret = connection;
		return 0;
	}
	grpc_connection_stop(connection);
	return -1;
}

bool grpc_connection_is_over(struct grpc_connection *connection)
{
	return atomic_load(&connection->is_over);
}

void grpc_connection_stop(struct grpc_connection *connection)
{
	const uint64_t one = 1;

	atomic_store(&connection->stopping, true);
	if (connection->bell >= 0 && write(connection->bell, &one, sizeof(one)) < 0)
		shutdown(connection->fd, SHUT_RDWR);
	thread_join(connection->thread);
	close(connection->fd);
	if (connection->bell >= 0)
		close(connection->bell);
	pthread_mutex_destroy(&connection->mutex);
	free(connection);
}
