/*
 * http_stream.h - the server's side of streamed answers; http_server.h has the public one.
 */
#ifndef REEVE_NET_HTTP_STREAM_H
#define REEVE_NET_HTTP_STREAM_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "base/thread.h"
#include "net/http_server.h"

/* All streams of a server, and the epoll descriptor that tells when a peer hangs up. */
struct http_streams {
	pthread_mutex_t mutex; /* first, open, next_serial, is_closing; taken before a stream's */
	struct http_stream *first;
	uint64_t open, next_serial;
	_Atomic uint64_t cut; /* streams whose reader was too slow */
	bool is_closing;
	int epoll;
	/* Hears of readers that were too slow, by their request and how many bytes behind. */
	void (*on_cut)(void *arg, struct str request_id, size_t behind);
	void *arg;
};

/* `stop` ends the wait of http_streams_watch. */
int http_streams_init(struct http_streams *set, struct stop *stop,
	void (*on_cut)(void *arg, struct str request_id, size_t behind), void *arg,
	struct error *err);
void http_streams_destroy(struct http_streams *set);

/* Waits for hang-ups, at most `timeout_ms`, and tells their streams. */
void http_streams_watch(struct http_streams *set, int timeout_ms);

/* Ends all streams once what they hold is sent, and those opened from now on at once. */
void http_streams_close(struct http_streams *set);

void http_streams_count(struct http_streams *set, uint64_t *ret_open, uint64_t *ret_cut);

/* The libmicrohttpd response that sends the stream; destroying it tells the stream that it is gone.
 * NULL when memory is out, then the stream is gone already. */
struct MHD_Response *http_stream_response(struct http_stream *stream);

#endif
