/*
 * http_local.c - the table of this process's servers.
 */
#include "net/http_local.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* Guards the list and the entries' callers. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t left = PTHREAD_COND_INITIALIZER; /* a caller has */
static struct http_local *first;

void http_local_add(
	struct http_local *local, struct http_server *server, const char *host, uint16_t port)
{
	*local = (struct http_local){.server = server, .address.port = port};
	snprintf(local->address.host, sizeof(local->address.host), "%s", host);
	LOCK_SCOPE(&mutex);
	local->next = first;
	first = local;
}

void http_local_remove(struct http_local *local)
{
	LOCK_SCOPE(&mutex);
	for (struct http_local **at = &first; *at; at = &(*at)->next) {
		if (*at == local) {
			*at = local->next;
			break;
		}
	}
	while (local->callers > 0)
		pthread_cond_wait(&left, &mutex);
}

void http_local_parse(struct http_local_address *ret, struct str *ret_target, const char *url)
{
	struct str rest = str_of(url), scheme = STR("http://");
	int64_t port;

	*ret = (struct http_local_address){0};
	if (!str_starts_with(rest, scheme))
		return;
	rest = str_slice(rest, scheme.len, rest.len);
	ptrdiff_t slash = str_index(rest, '/');
	struct str place = slash < 0 ? rest : str_slice(rest, 0, (size_t)slash);
	struct str host = str_cut(&place, ':');
	if (host.len == 0 || host.len >= sizeof(ret->host) || !str_to_int64(place, &port) ||
		port <= 0 || port > UINT16_MAX)
		return;
	memcpy(ret->host, host.ptr, host.len);
	ret->port = (uint16_t)port;
	*ret_target = slash < 0 ? STR("/") : str_slice(rest, (size_t)slash, rest.len);
}

struct http_local *http_local_take(const struct http_local_address *address)
{
	if (!address->host[0])
		return NULL;
	LOCK_SCOPE(&mutex);
	for (struct http_local *local = first; local; local = local->next) {
		if (local->address.port == address->port &&
			strcmp(local->address.host, address->host) == 0) {
			local->callers++;
			return local;
		}
	}
	return NULL;
}

void http_local_give(struct http_local *local)
{
	LOCK_SCOPE(&mutex);
	if (--local->callers == 0)
		pthread_cond_broadcast(&left);
}
