/*
 * http_connection.c - connections in a list, swept for slow senders.
 *
 * A timer per connection would cost more than a sweep per second over a list. The deadline is
 * atomic because the sweep and the connection's own thread meet there: whoever changes it first
 * decides whether the request is served or cut.
 */
#include "net/http_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* A connection at rest is closed by libmicrohttpd, without a word, when it stays silent; the sweep
 * comes after that, for those who send their request line drop by drop. */
#define HTTP_REST_GRACE_US INT64_C(1500000)

void http_connections_init(struct http_connections *set, unsigned max, int64_t timeout_us)
{
	*set = (struct http_connections){.max = max, .timeout_us = timeout_us};
	pthread_mutex_init(&set->mutex, NULL);
}

void http_connections_destroy(struct http_connections *set)
{
	pthread_mutex_destroy(&set->mutex);
}

unsigned http_connections_count(struct http_connections *set)
{
	LOCK_SCOPE(&set->mutex);
	return set->count;
}

static void peer_text(char out[HTTP_PEER_MAX], const struct sockaddr *address)
{
	if (address && address->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
			out, HTTP_PEER_MAX);
	else if (address && address->sa_family == AF_INET6)
		inet_ntop(AF_INET6,
			&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, out,
			HTTP_PEER_MAX);
}

struct http_connection *http_connection_add(
	struct http_connections *set, int fd, const struct sockaddr *address)
{
	struct http_connection *connection = calloc(1, sizeof(*connection));
	if (!connection)
		return NULL;
	connection->fd = fd;
	connection->tls = set->tls;
	/* Set by the first http_connection_rest(). */
	atomic_init(&connection->deadline_us, HTTP_DEADLINE_NONE);
	peer_text(connection->peer, address);
	LOCK_SCOPE(&set->mutex);
	connection->is_surplus = ++set->count > set->max;
	connection->next = set->first;
	if (set->first)
		set->first->previous = connection;
	set->first = connection;
	return connection;
}

void http_connection_remove(struct http_connections *set, struct http_connection *connection)
{
	if (!connection)
		return;
	pthread_mutex_lock(&set->mutex);
	set->count--;
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		set->first = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	pthread_mutex_unlock(&set->mutex);
	free(connection->peer_certificate);
	free(connection);
}

/* Changes the deadline unless the sweep was faster. */
static bool deadline_set(struct http_connection *connection, int64_t deadline_us)
{
	int64_t seen = atomic_load(&connection->deadline_us);
	while (seen != HTTP_DEADLINE_CUT) {
		if (atomic_compare_exchange_weak(&connection->deadline_us, &seen, deadline_us))
			return true;
	}
	return false;
}

bool http_connection_begin(
	struct http_connections *set, struct http_connection *connection, int64_t now_us)
{
	return deadline_set(connection, now_us + set->timeout_us);
}

bool http_connection_serve(struct http_connection *connection)
{
	return deadline_set(connection, HTTP_DEADLINE_NONE);
}

void http_connection_rest(
	struct http_connections *set, struct http_connection *connection, int64_t now_us)
{
	deadline_set(connection, now_us + set->timeout_us + HTTP_REST_GRACE_US);
}

void http_connections_sweep(struct http_connections *set, int64_t now_us)
{
	LOCK_SCOPE(&set->mutex);
	for (struct http_connection *each = set->first; each; each = each->next) {
		int64_t deadline = atomic_load(&each->deadline_us);
		if (deadline == HTTP_DEADLINE_CUT || deadline > now_us)
			continue;
		if (!atomic_compare_exchange_strong(
			    &each->deadline_us, &deadline, HTTP_DEADLINE_CUT))
			continue;
		http_connection_answer(each, 408, STR("the request took too long to arrive"));
		shutdown(each->fd, SHUT_RDWR);
	}
}

size_t http_connection_format(char out[HTTP_PLAIN_ANSWER_MAX], int status, struct str detail)
{
	const char *title = status == 408 ? "Request Timeout" : "Content Too Large";
	char body[512];
	int body_len = snprintf(body, sizeof(body),
		"{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%" STR_F
		"\"}",
		title, status, STR_A(detail));
	if (body_len <= 0 || (size_t)body_len >= sizeof(body))
		return 0;
	int len = snprintf(out, HTTP_PLAIN_ANSWER_MAX,
		"HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\n"
		"Content-Length: %d\r\nConnection: close\r\n\r\n%s",
		status, title, body_len, body);
	return len > 0 && len < HTTP_PLAIN_ANSWER_MAX ? (size_t)len : 0;
}

void http_connection_answer(const struct http_connection *connection, int status, struct str detail)
{
	char text[HTTP_PLAIN_ANSWER_MAX];
	size_t len = http_connection_format(text, status, detail);
	/* Best effort: who does not read what we send him is closed all the same. */
	if (!connection->tls && len > 0)
		(void)!send(connection->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}
