/*
 * http_listener.h - the server's listening socket, and the thread that accepts.
 *
 * libmicrohttpd could accept by itself: each thread of its pool then takes up to ten connections at
 * a time, so clients that come together share one thread and wait for each other's commits while
 * the rest of the pool is idle. One thread that accepts and deals out costs a switch per
 * connection, not per request.
 */
#ifndef REEVE_NET_HTTP_LISTENER_H
#define REEVE_NET_HTTP_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/thread.h"

struct http_listener {
	int fd; /* -1: closed */
	uint16_t port;
	struct thread *thread;
	struct stop stop;
	/* Whether another connection may come; if not, it waits in the backlog. */
	bool (*may_accept)(void *context);
	/* The socket is the callee's. */
	void (*on_socket)(void *context, int fd, const struct sockaddr *address, socklen_t length);
	void *context;
};

/* Binds by hand, because libmicrohttpd does not tell why it could not. Port 0: any free one.
 * ERROR_INVALID: no address of this machine; ERROR_UNAVAILABLE: `port 8000 on 127.0.0.1 is in use
 * by another program; choose another`. */
int http_listener_open(
	struct http_listener *listener, const char *host, uint16_t port, struct error *err);
/* Accepts from now on. `name`: the thread's. */
int http_listener_start(struct http_listener *listener, const char *name, struct error *err);
/* Nothing is accepted after it has returned. What was opened, started or neither. */
void http_listener_close(struct http_listener *listener);

#endif
