/*
 * http_server.h - an HTTP/1.1 server (libmicrohttpd) with routes as a table.
 *
 * Connections live in an epoll pool of a few threads; a handler runs on a pool thread as
 * straight-line code and may block for a commit, never longer. Answers that take long are streams:
 * the handler opens one and returns, the connection is suspended, and any thread may push bytes
 * into it later.
 *
 * The server answers by itself: 404 (no route), 405 with Allow, 413, 414/431, 408, 503 (too many
 * connections), as problem+json or by the product's own error writer. Each request gets a UUIDv7
 * id, in X-Request-ID and in the access log.
 */
#ifndef REEVE_NET_HTTP_SERVER_H
#define REEVE_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/str.h"
#include "data/json.h"

struct http_server;
struct http_request;
struct http_stream;

#define HTTP_MAX_PATH_VARIABLES 8
#define HTTP_MAX_BODY ((size_t)4 << 20)		 /* default; a route may say less or more */
#define HTTP_MAX_DRAIN ((size_t)64 << 20)	 /* of a refused body, read and dropped */
#define HTTP_MAX_HEADER_BYTES ((size_t)16 << 10) /* request line and headers together */
#define HTTP_MAX_TARGET_BYTES ((size_t)8 << 10)	 /* path and query */
#define HTTP_REQUEST_TIMEOUT_S 30 /* to send the whole request, and idle keep-alive */
#define HTTP_MAX_CONNECTIONS 10000
#define HTTP_STREAM_MAX_QUEUE \
	((size_t)4 << 20) /* a slower reader is cut off, and resumes by cursor */

/* A header of a request or an answer. */
struct http_header {
	struct str name;
	struct str value;
};

/* What a handler sees. All strings live until the handler's answer has been sent. */
struct http_request {
	struct arena *arena; /* for the work of this request */
	struct str method;
	struct str target; /* as sent: path and query, undecoded (SigV4 needs it) */
	struct str path;   /* decoded, without query */
	struct str query;  /* undecoded, without '?'; may be empty */
	struct str body;
	struct str id;				       /* UUIDv7 */
	struct str peer;			       /* address */
	struct str variables[HTTP_MAX_PATH_VARIABLES]; /* of {name} in the route, in order */
	const struct http_route *route;
	void *context;	      /* http_server_config.context */
	int64_t now_us;	      /* when it arrived */
	struct str principal; /* for the access log: set it when known */
	bool has_certificate; /* the client's, of the CA in http_server_tls; for the next two */
	const struct str *certificate_names; /* its alternative names, else its common name */
	size_t certificate_name_count;
	const void *caller; /* the product's own: what its `before` found out */
};

/* First value, name case-insensitive; null when absent. */
struct str http_request_header(const struct http_request *request, const char *name);
/* All headers as sent, in order. */
size_t http_request_headers(const struct http_request *request, const struct http_header **ret);
/* Decoded query parameter, null when absent; index counts repeats (0 first). */
struct str http_request_parameter(
	const struct http_request *request, const char *name, size_t index);

/* What a handler fills. Zeroed before; status 0 is an internal error. The body must live in the
 * request's arena or be static. */
struct http_response {
	int status;
	struct str content_type; /* null: application/json, when there is a body */
	struct str body;
	struct http_header *headers; /* in the request's arena; use http_response_header */
	size_t header_count;
	struct http_stream *stream; /* set by http_stream_open */
};

void http_response_header(struct http_request *request, struct http_response *response,
	struct str name, struct str value);
void http_response_json(struct http_request *request, struct http_response *response, int status,
	const struct json *body);

typedef void (*http_handler)(struct http_request *request, struct http_response *response);

struct http_route {
	const char *method; /* "GET"; "*" takes any */
	const char
		*pattern; /* "/clusters/{id}/statuses"; a last segment "{rest...}" takes the rest */
	http_handler handler;
	size_t max_body; /* 0: the server's */
	const void
		*argument; /* the product's own, e.g. the entity kind: request->route->argument */
};

/* Writes the body of an error that the server itself answers, and of http_response_error(). NULL in
 * the config: RFC 9457 problem+json {"type","title","status","detail","instance"}. */
typedef void (*http_error_writer)(struct http_request *request, struct http_response *response,
	int status, struct str detail);

/* HTTPS. PEM files; certificate and key are read again when they change. */
struct http_server_tls {
	const char *cert_file; /* the server's own first, then what leads to the root */
	const char *key_file;
	const char *client_ca_file; /* clients are asked for a certificate of this CA, and may come
				     * without: see has_certificate. NULL: they are not asked */
	bool is_tls13_only;	    /* else TLS 1.2, too; nothing older */
};

struct http_server_config {
	const char *host;		 /* address to bind, "127.0.0.1" */
	uint16_t port;			 /* 0: any free */
	unsigned threads;		 /* 0: 4 */
	unsigned max_connections;	 /* 0: HTTP_MAX_CONNECTIONS */
	size_t max_body;		 /* 0: HTTP_MAX_BODY */
	unsigned request_timeout_s;	 /* 0: HTTP_REQUEST_TIMEOUT_S */
	const struct http_route *routes; /* must outlive the server */
	size_t route_count;
	http_error_writer error_writer;
	/* Runs before the route's handler; false: the response is already filled. */
	bool (*before)(struct http_request *request, struct http_response *response);
	/* Strip one trailing '/' before matching. */
	bool lenient_slash;
	/* Clients of the same process (http_client.h) call the handlers on their own thread,
	 * without a socket. Such a call is not cut at its deadline. */
	bool in_process;
	const struct http_server_tls *tls; /* NULL: plain HTTP; used during the start only */
	bool gzip; /* packs larger answers for clients that take it; never those in-process */
	void *context;
	struct log *log;	   /* access log at info level; NULL: none */
	const struct clock *clock; /* NULL: the system's */
	const char *name;	   /* thread names */
};

/* ERROR_UNAVAILABLE when the port is taken: `port 8000 on 127.0.0.1 is in use by another program;
 * choose another`. */
int http_server_start(
	struct http_server **ret, const struct http_server_config *config, struct error *err);
uint16_t http_server_port(const struct http_server *server);

/* Stops accepting, lets running handlers end (at most 10 s), closes streams, frees. NULL accepted.
 */
void http_server_stop(struct http_server *server);

/* Fills the response through the server's error writer; status by error_http_status(). */
void http_response_error(
	struct http_request *request, struct http_response *response, const struct error *err);

struct http_server_counters {
	uint64_t requests, errors_4xx, errors_5xx, refused, streams_open, streams_cut;
};
void http_server_count(const struct http_server *server, struct http_server_counters *ret);

/*
 * A streamed answer (chunked). Open it in the handler; the answer's status and headers are sent at
 * once. http_stream_send may be called from any thread until http_stream_close, which whoever
 * opened it must call exactly once, also after send said false (peer gone, or its queue over
 * HTTP_STREAM_MAX_QUEUE). `on_gone` (NULL accepted) is called once, from a server thread, when the
 * peer leaves first; it must not call back into the stream but may schedule its close. A close
 * waits for an on_gone that is running, so do not close with a lock held that on_gone takes.
 * Closing after http_server_stop() is allowed.
 */
struct http_stream *http_stream_open(struct http_request *request, struct http_response *response,
	int status, const char *content_type, void (*on_gone)(void *arg), void *arg);
bool http_stream_send(struct http_stream *stream, struct str bytes);
bool http_stream_is_gone(struct http_stream *stream);
void http_stream_close(struct http_stream *stream);

#endif
