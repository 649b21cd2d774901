/*
 * http_listener.c - see http_listener.h.
 */
#include "net/http_listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024
#define REST_US INT64_C(20000) /* while no connection can be taken: no descriptor, or too many */

static int bind_failed(const char *host, uint16_t port, int errnum, struct error *err)
{
	if (errnum == EADDRINUSE)
		return error_set(err, ERROR_UNAVAILABLE,
			"port %u on %s is in use by another program; choose another", port, host);
	return error_set(err, error_from_errno(errnum), "cannot listen on %s port %u: %s", host,
		port, strerror(errnum));
}

int http_listener_open(
	struct http_listener *listener, const char *host, uint16_t port, struct error *err)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *found;
	struct sockaddr_storage address = {0};
	int on = 1;

	int failed = getaddrinfo(host, NULL, &hints, &found);
	if (failed)
		return error_set(err, ERROR_INVALID,
			"host \"%s\" is not an address to listen on: %s", host,
			gai_strerror(failed));
	socklen_t len = found->ai_addrlen;
	memcpy(&address, found->ai_addr, len);
	freeaddrinfo(found);
	/* The port is at the same place in both families. */
	((struct sockaddr_in *)(void *)&address)->sin_port = htons(port);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return bind_failed(host, port, errno, err);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Accepted sockets inherit it: an answer or a stream's line leaves at once. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, len) < 0 || listen(fd, BACKLOG) < 0 ||
		getsockname(fd, (struct sockaddr *)&address, &len) < 0) {
		int errnum = errno;
		close(fd);
		return bind_failed(host, port, errnum, err);
	}
	listener->fd = fd;
	listener->port = ntohs(((struct sockaddr_in *)(void *)&address)->sin_port);
	return 0;
}

/* All that wait. False: the rest must wait a moment longer. */
static bool accept_all(struct http_listener *listener)
{
	while (listener->may_accept(listener->context)) {
		struct sockaddr_storage address;
		socklen_t len = sizeof(address);
		int fd = accept4(listener->fd, (struct sockaddr *)&address, &len,
			SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			return errno == EAGAIN;
		listener->on_socket(listener->context, fd, (struct sockaddr *)&address, len);
	}
	return false;
}

static void run(void *arg)
{
	struct http_listener *listener = arg;
	struct pollfd fd = {.fd = listener->fd, .events = POLLIN};

	while (!stop_requested(&listener->stop)) {
		poll(&fd, 1, -1);
		if (!stop_requested(&listener->stop) && !accept_all(listener))
			stop_sleep(&listener->stop, REST_US);
	}
}

int http_listener_start(struct http_listener *listener, const char *name, struct error *err)
{
	stop_init(&listener->stop);
	if (thread_start(&listener->thread, name, run, listener, err) == 0)
		return 0;
	stop_destroy(&listener->stop);
	return -1;
}

void http_listener_close(struct http_listener *listener)
{
	if (listener->thread) {
		stop_request(&listener->stop);
		shutdown(listener->fd, SHUT_RDWR); /* wakes the poll */
		thread_join(listener->thread);
		stop_destroy(&listener->stop);
		listener->thread = NULL;
	}
	if (listener->fd >= 0)
		close(listener->fd);
	listener->fd = -1;
}
