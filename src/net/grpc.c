/*
 * grpc.c - see grpc.h.
 *
 * The listening thread accepts, and joins the connections that have ended.
 */
#include "net/grpc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/grpc_connection.h"

#define BACKLOG 128
#define TICK_MS 200 /* ended connections are joined at least this often */

struct grpc_server {
	struct grpc_server_config config;
	int fd;
	uint16_t port;
	struct thread *thread;
	atomic_bool stopping;
	struct grpc_connection *connections[GRPC_MAX_CONNECTIONS];
	size_t count;
};

static void join_ended(struct grpc_server *server)
{
	for (size_t i = 0; i < server->count;) {
		if (!grpc_connection_is_over(server->connections[i])) {
			i++;
			continue;
		}
		grpc_connection_stop(server->connections[i]);
		server->connections[i] = server->connections[--server->count];
	}
}

static void accept_one(struct grpc_server *server)
{
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
	const int on = 1;

	if (fd < 0)
		return;
	if (server->count == GRPC_MAX_CONNECTIONS) {
		close(fd); /* the peer sees "unavailable" and tries again */
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (grpc_connection_start(&server->connections[server->count], fd, &server->config, NULL) ==
		0)
		server->count++;
}

static void run(void *argument)
{
	struct grpc_server *server = argument;

	while (!atomic_load(&server->stopping)) {
		struct pollfd fd = {.fd = server->fd, .events = POLLIN};

		if (poll(&fd, 1, TICK_MS) == 1)
			accept_one(server);
		join_ended(server);
	}
	while (server->count > 0)
		grpc_connection_stop(server->connections[--server->count]);
}

static int listen_on(struct grpc_server *server, struct error *err)
{
	const char *host = server->config.host == NULL ? "127.0.0.1" : server->config.host;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(server->config.port)};
	socklen_t len = sizeof(address);
	const int on = 1;

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
		return error_set(
			err, ERROR_INVALID, "\"%s\" is not an IPv4 address to listen on", host);
	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->fd < 0)
		return error_set(err, error_from_errno(errno), "socket: %s", strerror(errno));
	setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(server->fd, (struct sockaddr *)&address, len) != 0 ||
		listen(server->fd, BACKLOG) != 0 ||
		getsockname(server->fd, (struct sockaddr *)&address, &len) != 0)
		return error_set(err, ERROR_UNAVAILABLE,
			errno == EADDRINUSE
				? "port %u on %s is in use by another program; choose another"
				: "port %u on %s cannot be listened on",
			(unsigned)server->config.port, host);
	server->port = ntohs(address.sin_port);
	return 0;
}

int grpc_server_start(
	struct grpc_server **ret, const struct grpc_server_config *config, struct error *err)
{
	struct grpc_server *server = calloc(1, sizeof(*server));

	if (server == NULL)
		return error_set(err, ERROR_MEMORY, "no memory for a gRPC server");
	server->config = *config;
	server->fd = -1;
	if (listen_on(server, err) == 0 &&
		thread_start(&server->thread, config->name == NULL ? "grpc" : config->name, run,
			server, err) == 0) {
		*ret = server;
		return 0;
	}
	grpc_server_stop(server);
	return -1;
}

uint16_t grpc_server_port(const struct grpc_server *server)
{
	return server->port;
}

void grpc_server_stop(struct grpc_server *server)
{
	if (server == NULL)
		return;
	atomic_store(&server->stopping, true);
	if (server->fd >= 0)
		shutdown(server->fd, SHUT_RDWR); /* ends the poll */
	thread_join(server->thread);
	if (server->fd >= 0)
		close(server->fd);
	free(server);
}
