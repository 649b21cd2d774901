/*
 * http_stream.c - answers that go on: a bounded queue between any thread and a suspended
 * connection.
 *
 * libmicrohttpd asks for bytes; when the queue is empty the connection is suspended and costs
 * nothing until http_stream_send() resumes it. A suspended connection is not polled, so a peer that
 * hangs up would go unnoticed until the next heartbeat: the server's watch thread has the socket in
 * an epoll set of its own for that.
 *
 * A stream has two owners, whoever opened it and libmicrohttpd's response, and dies with the later
 * one. Who opened it may outlive the server: after the response is gone nothing of the server is
 * touched.
 *
 * A reader that falls HTTP_STREAM_MAX_QUEUE behind is cut off in the middle of the chunked coding,
 * so that it cannot take the end for a real one; it comes back with its cursor. Waiting for it was
 * rejected: one slow reader would hold up the feed of all.
 */
#include "net/http_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "net/http_exchange.h"

#define STREAM_BLOCK ((size_t)16 << 10)
#define STREAM_KEPT_QUEUE ((size_t)64 << 10) /* an empty queue larger than this is freed */
#define STREAM_EVENTS 32
#define STREAM_STOP_SERIAL 0 /* in the epoll set: no stream's, but the stop's descriptor */

struct http_stream {
	pthread_mutex_t mutex;
	pthread_cond_t told; /* is_telling became false */
	unsigned owners;
	struct http_streams *set; /* NULL once the response is gone */
	struct http_stream *previous, *next;
	uint64_t serial;
	struct MHD_Connection *mhd;
	int fd;
	char id[ID_UUID_SIZE]; /* of its request */
	struct buf queue;
	size_t sent; /* bytes of the queue that are out already */
	bool is_suspended;
	bool is_ended;	 /* closed by its opener, or the server stops: drain, then end */
	bool is_closed;	 /* by its opener */
	bool is_gone;	 /* the peer is, or it was cut off */
	bool is_told;	 /* on_gone was called, or is not due any more */
	bool is_telling; /* on_gone is running */
	void (*on_gone)(void *arg);
	void *arg;
};

int http_streams_init(struct http_streams *set, struct stop *stop,
	void (*on_cut)(void *arg, struct str request_id, size_t behind), void *arg,
	struct error *err)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = STREAM_STOP_SERIAL};

	*set = (struct http_streams){
		.next_serial = STREAM_STOP_SERIAL + 1, .on_cut = on_cut, .arg = arg};
	set->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (set->epoll < 0)
		return error_set(err, error_from_errno(errno),
			"cannot make an epoll descriptor: %s", strerror(errno));
	/* Without it a stop waits for the end of a watch; no reason to refuse. */
	(void)!epoll_ctl(set->epoll, EPOLL_CTL_ADD, stop_fd(stop), &event);
	pthread_mutex_init(&set->mutex, NULL);
	return 0;
}

void http_streams_destroy(struct http_streams *set)
{
	close(set->epoll);
	pthread_mutex_destroy(&set->mutex);
}

static void stream_release(struct http_stream *stream)
{
	pthread_mutex_lock(&stream->mutex);
	bool is_last = --stream->owners == 0;
	pthread_mutex_unlock(&stream->mutex);
	if (!is_last)
		return;
	buf_free(&stream->queue);
	pthread_cond_destroy(&stream->told);
	pthread_mutex_destroy(&stream->mutex);
	free(stream);
}

/* With the stream's mutex held: lets libmicrohttpd ask for bytes again. */
static void stream_resume(struct http_stream *stream)
{
	if (!stream->is_suspended)
		return;
	stream->is_suspended = false;
	MHD_resume_connection(stream->mhd);
}

/* The peer has gone: says so once, without holding the mutex, so that on_gone may take locks that a
 * sender holds. A close that comes meanwhile waits. */
static void stream_tell_gone(struct http_stream *stream)
{
	pthread_mutex_lock(&stream->mutex);
	stream->is_gone = true;
	bool is_due = !stream->is_told && !stream->is_closed && stream->on_gone;
	stream->is_told = true;
	if (is_due)
		stream->is_telling = true;
	stream_resume(stream);
	pthread_mutex_unlock(&stream->mutex);
	if (!is_due)
		return;
	stream->on_gone(stream->arg);
	pthread_mutex_lock(&stream->mutex);
	stream->is_telling = false;
	pthread_cond_broadcast(&stream->told);
	pthread_mutex_unlock(&stream->mutex);
}

/* --- libmicrohttpd's side ------------------------------------------------------------------ */

static ssize_t stream_read(void *arg, uint64_t position, char *out, size_t max)
{
	struct http_stream *stream = arg;
	LOCK_SCOPE(&stream->mutex);
	size_t waiting = stream->queue.len - stream->sent;
	if (stream->is_gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (waiting == 0 && stream->is_ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (waiting == 0) {
		stream->is_suspended = true;
		MHD_suspend_connection(stream->mhd);
		return 0;
	}
	size_t len = waiting < max ? waiting : max;
	memcpy(out, stream->queue.ptr + stream->sent, len);
	stream->sent += len;
	if (stream->sent == stream->queue.len) {
		if (stream->queue.capacity > STREAM_KEPT_QUEUE)
			buf_free(&stream->queue);
		buf_clear(&stream->queue);
		stream->sent = 0;
	}
	return (ssize_t)len;
}

/* The response is being freed: the server is left behind. */
static void stream_detach(void *arg)
{
	struct http_stream *stream = arg;
	struct http_streams *set = stream->set;
	pthread_mutex_lock(&set->mutex);
	epoll_ctl(set->epoll, EPOLL_CTL_DEL, stream->fd, NULL);
	if (stream->previous)
		stream->previous->next = stream->next;
	else
		set->first = stream->next;
	if (stream->next)
		stream->next->previous = stream->previous;
	set->open--;
	pthread_mutex_lock(&stream->mutex);
	stream->is_suspended = false;
	stream->set = NULL;
	stream->mhd = NULL;
	pthread_mutex_unlock(&stream->mutex);
	pthread_mutex_unlock(&set->mutex);
	stream_tell_gone(stream);
	stream_release(stream);
}

struct MHD_Response *http_stream_response(struct http_stream *stream)
{
	struct MHD_Response *response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, stream, stream_detach);
	if (!response)
		stream_detach(stream);
	return response;
}

/* --- the server's watch -------------------------------------------------------------------- */

/* The stream with this serial, with one more owner; events of the past may name one that is no
 * more. */
static struct http_stream *stream_find(struct http_streams *set, uint64_t serial)
{
	LOCK_SCOPE(&set->mutex);
	for (struct http_stream *each = set->first; each; each = each->next) {
		if (each->serial != serial)
			continue;
		pthread_mutex_lock(&each->mutex);
		each->owners++;
		pthread_mutex_unlock(&each->mutex);
		return each;
	}
	return NULL;
}

void http_streams_watch(struct http_streams *set, int timeout_ms)
{
	struct epoll_event events[STREAM_EVENTS];
	int count = epoll_wait(set->epoll, events, STREAM_EVENTS, timeout_ms);
	for (int i = 0; i < count; i++) {
		struct http_stream *stream = stream_find(set, events[i].data.u64);
		if (!stream)
			continue;
		stream_tell_gone(stream);
		stream_release(stream);
	}
}

void http_streams_close(struct http_streams *set)
{
	LOCK_SCOPE(&set->mutex);
	set->is_closing = true;
	for (struct http_stream *each = set->first; each; each = each->next) {
		pthread_mutex_lock(&each->mutex);
		each->is_ended = true;
		stream_resume(each);
		pthread_mutex_unlock(&each->mutex);
	}
}

void http_streams_count(struct http_streams *set, uint64_t *ret_open, uint64_t *ret_cut)
{
	LOCK_SCOPE(&set->mutex);
	*ret_open = set->open;
	*ret_cut = atomic_load(&set->cut);
}

/* --- the opener's side --------------------------------------------------------------------- */

struct http_stream *http_stream_open(struct http_request *request, struct http_response *response,
	int status, const char *content_type, void (*on_gone)(void *arg), void *arg)
{
	struct http_exchange *exchange = http_exchange_of(request);
	struct http_streams *set = exchange->streams;
	/* A call within the process waits for the whole answer; it cannot be a stream. */
	struct http_stream *stream = exchange->mhd ? calloc(1, sizeof(*stream)) : NULL;
	if (!stream)
		return NULL;
	*stream = (struct http_stream){.owners = 2,
		.set = set,
		.mhd = exchange->mhd,
		.fd = exchange->connection->fd,
		.on_gone = on_gone,
		.arg = arg};
	memcpy(stream->id, exchange->id, sizeof(stream->id));
	pthread_mutex_init(&stream->mutex, NULL);
	pthread_cond_init(&stream->told, NULL);
	buf_init(&stream->queue, 2 * HTTP_STREAM_MAX_QUEUE);
	pthread_mutex_lock(&set->mutex);
	stream->serial = set->next_serial++;
	stream->is_ended = set->is_closing;
	stream->next = set->first;
	if (set->first)
		set->first->previous = stream;
	set->first = stream;
	set->open++;
	struct epoll_event event = {
		.events = EPOLLRDHUP | EPOLLONESHOT, .data.u64 = stream->serial};
	/* Without the watch the peer's end shows at the next send; no reason to refuse. */
	(void)!epoll_ctl(set->epoll, EPOLL_CTL_ADD, stream->fd, &event);
	pthread_mutex_unlock(&set->mutex);
	response->status = status;
	response->content_type = str_of(content_type);
	response->stream = stream;
	return stream;
}

/* With the mutex held: appends, moving what is unsent to the front when that makes the room. */
static bool stream_append(struct http_stream *stream, struct str bytes)
{
	size_t waiting = stream->queue.len - stream->sent;
	if (waiting + bytes.len > HTTP_STREAM_MAX_QUEUE)
		return false;
	if (stream->sent > waiting) {
		memmove(stream->queue.ptr, stream->queue.ptr + stream->sent, waiting);
		stream->queue.len = waiting;
		stream->sent = 0;
	}
	return buf_add_str(&stream->queue, bytes);
}

static void count_cut(const struct http_stream *stream)
{
	atomic_fetch_add(&stream->set->cut, 1);
	stream->set->on_cut(stream->set->arg, str_of(stream->id), stream->queue.len - stream->sent);
}

bool http_stream_send(struct http_stream *stream, struct str bytes)
{
	LOCK_SCOPE(&stream->mutex);
	bool is_open = !stream->is_gone && !stream->is_ended;
	if (is_open && !stream_append(stream, bytes)) {
		is_open = false;
		stream->is_gone = true;
		stream->is_told = true;
		if (stream->set)
			count_cut(stream);
	}
	stream_resume(stream);
	return is_open;
}

bool http_stream_is_gone(struct http_stream *stream)
{
	LOCK_SCOPE(&stream->mutex);
	return stream->is_gone;
}

void http_stream_close(struct http_stream *stream)
{
	if (!stream)
		return;
	pthread_mutex_lock(&stream->mutex);
	while (stream->is_telling)
		pthread_cond_wait(&stream->told, &stream->mutex);
	stream->is_closed = true;
	stream->is_ended = true;
	stream_resume(stream);
	pthread_mutex_unlock(&stream->mutex);
	stream_release(stream);
}
