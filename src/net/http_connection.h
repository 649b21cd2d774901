/*
 * http_connection.h - the server's open connections and their deadlines.
 *
 * libmicrohttpd closes a connection that is silent for too long; it does not notice one that sends
 * a byte now and then. So each connection carries the time by which its request must be complete,
 * and the server's watch thread sweeps them.
 */
#ifndef REEVE_NET_HTTP_CONNECTION_H
#define REEVE_NET_HTTP_CONNECTION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/str.h"

#define HTTP_PEER_MAX 46 /* INET6_ADDRSTRLEN */

/* Deadlines beside times of the monotonic clock. */
#define HTTP_DEADLINE_NONE INT64_MAX /* a request is complete and being served */
#define HTTP_DEADLINE_CUT INT64_MIN  /* the sweep has answered 408 and shut the socket down */

struct http_exchange;
struct http_tls;
struct http_tls_peer;

struct http_connection {
	struct http_connection *previous, *next;
	int fd;
	struct http_tls *tls;			/* NULL: plain HTTP */
	struct http_tls_peer *peer_certificate; /* NULL: none was shown; owned */
	bool has_looked;			/* for it, with the first request */
	bool is_surplus;			/* over the limit: its requests are answered 503 */
	_Atomic int64_t deadline_us;
	struct http_exchange *exchange; /* under way; NULL: at rest */
	char peer[HTTP_PEER_MAX];
};

struct http_connections {
	struct http_tls *tls;  /* of all of them; NULL: plain HTTP */
	pthread_mutex_t mutex; /* the list and count */
	struct http_connection *first;
	unsigned count, max;
	int64_t timeout_us;
};

unsigned http_connections_count(struct http_connections *set);
void http_connections_init(struct http_connections *set, unsigned max, int64_t timeout_us);
void http_connections_destroy(struct http_connections *set);

/* NULL when memory is out. */
struct http_connection *http_connection_add(
	struct http_connections *set, int fd, const struct sockaddr *address);
void http_connection_remove(struct http_connections *set, struct http_connection *connection);

/* The request line is here: the rest has `timeout_us` from now. False: already cut. */
bool http_connection_begin(
	struct http_connections *set, struct http_connection *connection, int64_t now_us);
/* The request is complete. False: already cut. */
bool http_connection_serve(struct http_connection *connection);
/* The answer is out; the next request must begin in time. */
void http_connection_rest(
	struct http_connections *set, struct http_connection *connection, int64_t now_us);

/* Answers 408 to those past their deadline and shuts them down. */
void http_connections_sweep(struct http_connections *set, int64_t now_us);

/* Room for an answer of ours, head and body. */
#define HTTP_PLAIN_ANSWER_MAX 768

/* A whole answer as text, for where libmicrohttpd cannot answer: while a body is arriving. Returns
 * its length, 0 when it has no room. The connection must be closed after it. */
size_t http_connection_format(char out[HTTP_PLAIN_ANSWER_MAX], int status, struct str detail);

/* Sends such an answer on the socket; nothing where TLS would have to wrap it. Any thread. */
void http_connection_answer(
	const struct http_connection *connection, int status, struct str detail);

#endif
