/*
 * http_session.h - one libcurl handle with its connections, driven until a deadline or a stop.
 *
 * Belongs to one call at a time; http_client.c keeps those at rest in a pool.
 */
#ifndef REEVE_NET_HTTP_SESSION_H
#define REEVE_NET_HTTP_SESSION_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/thread.h"
#include "net/http_client.h"

#define HTTP_USER_AGENT "reeve/" REEVE_VERSION /* unless the client has its own */
#define HTTP_CLIENT_MAX_HEADERS 128
#define HTTP_POLL_MS 1000 /* deadlines are looked at, and stops that have no descriptor */
#define HTTP_WAIT_STOPS 2

struct http_session {
	CURL *easy;
	CURLM *multi;
	struct http_session *next; /* in the pool */

	/* Of the call under way: */
	struct arena *arena; /* of the answer's headers; NULL: not wanted */
	struct buf body;
	struct http_answer answer;
	bool (*on_bytes)(void *arg, struct http_session *session); /* after the body has grown */
	void *arg;
	int64_t last_byte_us; /* monotonic */
	bool is_too_large;
	bool is_refused; /* on_bytes returned false */
	char detail[CURL_ERROR_SIZE];
};

/* The configuration as libcurl wants it, shared by all sessions of a client. */
struct http_identity {
	char *base_url, *user_agent, *bearer_token, *ca_file;
	char *ca_pem, *client_cert_pem, *client_key_pem;
	bool insecure;
};

/* NULL when memory is out. */
struct http_session *http_session_new(const struct http_identity *identity);
void http_session_free(struct http_session *session);

struct http_wait {
	int64_t deadline_us;		     /* monotonic; INT64_MAX: none */
	int64_t silence_us;		     /* longest time without a byte; 0: any */
	struct stop *stops[HTTP_WAIT_STOPS]; /* NULL: none */
};

/* Sends the request once. 0 when an answer arrived in whole; its status in session->answer, its
 * body in session->body. ERROR_CANCELLED when on_bytes refused. `url` names the peer in errors. */
int http_session_perform(struct http_session *session, const struct http_identity *identity,
	const struct http_call *call, const char *url, const struct http_wait *wait,
	struct error *err);

#endif
