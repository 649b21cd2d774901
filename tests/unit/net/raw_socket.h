/*
 * raw_socket.h - a TCP peer that says exactly what a test wants it to, well-formed or not.
 */
#ifndef REEVE_TESTS_RAW_SOCKET_H
#define REEVE_TESTS_RAW_SOCKET_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define RAW_TIMEOUT_S 10

static inline int raw_connect(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval timeout = {.tv_sec = RAW_TIMEOUT_S};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static inline bool raw_send(int fd, const char *text)
{
	size_t len = strlen(text);
	return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Reads until `needle` has come, the peer closed, or the time is up; the text read, with NUL. */
static inline bool raw_read_until(int fd, char *out, size_t size, const char *needle)
{
	size_t len = 0;
	out[0] = '\0';
	while (len + 1 < size && !(needle && strstr(out, needle))) {
		ssize_t got = recv(fd, out + len, size - 1 - len, 0);
		if (got <= 0)
			break;
		len += (size_t)got;
		out[len] = '\0';
	}
	return needle && strstr(out, needle) != NULL;
}

/* Whether the peer closes (or resets) within the time; bytes before that are skipped. */
static inline bool raw_is_closed(int fd)
{
	char bytes[4096];
	for (;;) {
		ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
		if (got == 0)
			return true;
		if (got < 0)
			return errno == ECONNRESET || errno == EPIPE;
	}
}

#endif
