/*
 * http_exchange.h - one request and its answer, inside the server.
 *
 * A struct http_request that a handler sees is the first member of an exchange. Exchanges are taken
 * from a pool and go back after the answer is out; each keeps its arena's first block, so a request
 * costs no allocation of its own.
 */
#ifndef REEVE_NET_HTTP_EXCHANGE_H
#define REEVE_NET_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <pthread.h>

#include "base/buf.h"
#include "base/id.h"
#include "net/http_connection.h"
#include "net/http_server.h"

#define HTTP_POOL_MAX 256		  /* exchanges kept for reuse */
#define HTTP_KEPT_BODY ((size_t)64 << 10) /* a larger body buffer is not kept with its exchange */

struct http_streams;

struct http_exchange {
	struct http_request request; /* first: a handler's pointer is a pointer to its exchange */
	struct http_response response;
	struct http_exchange *next; /* in the pool */
	struct MHD_Connection *mhd;
	struct http_connection *connection;
	struct http_streams *streams;
	http_error_writer error_writer;
	struct http_header *headers;
	size_t header_count;
	struct buf body;
	size_t max_body;
	int64_t started_us; /* monotonic */
	bool has_begun;
	bool is_refused; /* the answer is there already, whatever the handler */
	bool is_answered;
	char id[ID_UUID_SIZE];
};

struct http_exchange_pool {
	pthread_mutex_t mutex; /* first and count */
	struct http_exchange *first;
	size_t count;
};

void http_exchange_pool_init(struct http_exchange_pool *pool);
void http_exchange_pool_destroy(struct http_exchange_pool *pool);
struct http_exchange *http_exchange_take(struct http_exchange_pool *pool); /* NULL: no memory */
void http_exchange_give(struct http_exchange_pool *pool, struct http_exchange *exchange);

static inline struct http_exchange *http_exchange_of(struct http_request *request)
{
	return (struct http_exchange *)request;
}

/*
 * The steps of every request's life, whichever way it came in: http_server.c from a connection,
 * http_local_call.c from a caller of the same process (then `mhd` and `connection` are NULL).
 */
struct http_exchange *http_server_begin(struct http_server *server); /* NULL: no memory */
/* Screens the request, finds its route and compares the body's length with the limit. True:
 * refused, and the response says why. */
bool http_server_refuse(
	struct http_server *server, struct http_exchange *exchange, size_t body_length);
void http_server_handle(struct http_server *server, struct http_exchange *exchange);
/* Counts, logs and gives the exchange back. */
void http_server_end(struct http_server *server, struct http_exchange *exchange, bool is_whole);

/* Reads the headers of the MHD connection into the exchange. */
void http_exchange_read_headers(struct http_exchange *exchange);

/* Fills the response with an error by the server's writer. */
void http_exchange_error(struct http_exchange *exchange, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "Not Found"; the digits' class for one that is not in the table. */
const char *http_status_title(int status);

#endif
