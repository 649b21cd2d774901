/*
 * http_local.h - calls between a client and a server of one process, without a socket.
 *
 * Roles that share a process talk HTTP to each other as they would from machine to machine; when a
 * server says `in_process`, a client's call to its address runs the handler on the caller's thread.
 * Route, limits, error texts, counters and access log are the same; only connection and parser are
 * left out, and with them two thread switches each way. Streams always take a socket.
 *
 * Running servers are found by address in one table of the process.
 */
#ifndef REEVE_NET_HTTP_LOCAL_H
#define REEVE_NET_HTTP_LOCAL_H

#include "net/http_client.h"

/* The place of a server: its address as URLs write it. */
struct http_local_address {
	char host[64]; /* empty: not a place that can be in this process */
	uint16_t port;
};

/* A server's entry in the table; its server embeds it. */
struct http_local {
	struct http_local *next;
	struct http_server *server;
	struct http_local_address address;
	unsigned callers; /* calls under way, which a removal waits for */
};

void http_local_add(
	struct http_local *local, struct http_server *server, const char *host, uint16_t port);
/* Waits until the calls under way have ended. Does nothing when it was not added. */
void http_local_remove(struct http_local *local);

/* Where a URL points; ret_target: its path and query, within the URL's text. */
void http_local_parse(struct http_local_address *ret, struct str *ret_target, const char *url);

/* The server at the address, held until http_local_give; NULL: none in this process. */
struct http_local *http_local_take(const struct http_local_address *address);
void http_local_give(struct http_local *local);

/* Runs the handler of `target`; the answer lives in the arena. ERROR_MEMORY. */
int http_local_call(struct http_local *local, struct str target, struct arena *arena,
	const struct http_call *call, struct str user_agent, struct http_answer *ret,
	struct error *err);

#endif
