/*
 * http_client.h - HTTP requests (libcurl) that block, with reuse, deadlines and retries.
 *
 * One client serves any number of threads; it keeps idle connections for the next call.
 *
 * A call to a server of the same process that allows it (http_server_config.in_process) runs its
 * handler on this thread: timeout and stop then bound the waits before and between tries, not the
 * handler, which has bounds of its own (the store's, chiefly).
 */
#ifndef REEVE_NET_HTTP_CLIENT_H
#define REEVE_NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "base/thread.h"
#include "net/http_server.h" /* struct http_header */

struct http_client;

#define HTTP_CLIENT_MAX_ANSWER ((size_t)64 << 20)
#define HTTP_CLIENT_TIMEOUT_US (INT64_C(30) * 1000000)
#define HTTP_CLIENT_CONNECT_TIMEOUT_MS 5000L
#define HTTP_CLIENT_BACKOFF_US INT64_C(100000)
#define HTTP_CLIENT_BACKOFF_MAX_US INT64_C(8000000)

/* Strings are copied; all but base_url may be NULL. */
struct http_client_config {
	const char *base_url; /* "http://127.0.0.1:8000"; requests give the rest. NULL: full URLs */
	const char *user_agent;
	const char *bearer_token;
	const char *ca_file;
	const char *ca_pem; /* certificates as text, instead of a file */
	const char *client_cert_pem;
	const char *client_key_pem;
	bool insecure;	   /* do not verify the server (kubeconfig's insecure-skip-tls-verify) */
	struct stop *stop; /* when requested, calls and retries end with ERROR_CANCELLED */
};

int http_client_new(
	struct http_client **ret, const struct http_client_config *config, struct error *err);
void http_client_free(struct http_client *client);

struct http_call {
	const char *method; /* "GET" */
	struct str path;    /* appended to base_url: path and query, already encoded */
	const struct http_header *headers;
	size_t header_count;
	struct str body;
	struct str content_type; /* null: application/json when there is a body */
	int64_t timeout_us;	 /* whole call, retries included; 0: HTTP_CLIENT_TIMEOUT_US */
	unsigned retries; /* on transport errors, 408, 429, 502, 503, 504: honours Retry-After */
};

struct http_answer {
	int status;
	struct str body; /* in the call's arena */
	struct http_header *headers;
	size_t header_count;
};

/* 0 when an answer arrived, whatever its status. -1: ERROR_UNAVAILABLE (refused, reset, DNS, TLS),
 * ERROR_TIMEOUT, ERROR_TOO_LARGE, ERROR_CANCELLED; the sentence names method, URL and cause. */
int http_client_call(struct http_client *client, struct arena *arena, const struct http_call *call,
	struct http_answer *ret, struct error *err);

/* As http_client_call, parses the body as JSON (empty body: NULL; `ret` NULL: not at all) and turns
 * a status >= 400 into an error whose sentence carries the answer's detail, reason or message. */
int http_client_json(struct http_client *client, struct arena *arena, const struct http_call *call,
	int *ret_status, struct json **ret, struct error *err);

/* Reads a stream line by line (newline-delimited JSON) until the server ends it, `stop` is
 * requested or on_line returns false. timeout_us bounds the silence between bytes. A status >= 400
 * is an error as in http_client_json, and ret_status (NULL accepted) tells it. */
int http_client_lines(struct http_client *client, const struct http_call *call, struct stop *stop,
	bool (*on_line)(void *arg, struct str line), void *arg, int *ret_status, struct error *err);

struct str http_answer_header(const struct http_answer *answer, const char *name);

/* Percent-encodes everything but unreserved characters (RFC 3986 section 2.3). */
struct str http_encode(struct arena *arena, struct str text);
/* Decodes %XX (and '+' as space when `form`); null on a malformed escape. */
struct str http_decode(struct arena *arena, struct str text, bool form);

#endif
