/*
 * http_local.c - the table of this process's servers.
 */
#include "net/http_local.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/*
 * Global, since what it says is: a process has one set of addresses it serves, and a client finds
 * them by URL alone, as it would find them elsewhere.
 */
static pthread_mutex_t servers_mutex = PTHREAD_MUTEX_INITIALIZER; /* the list, entries' callers */
static pthread_cond_t caller_left = PTHREAD_COND_INITIALIZER;
static struct http_local *servers;

void http_local_add(
	struct http_local *local, struct http_server *server, const char *host, uint16_t port)
{
	*local = (struct http_local){.server = server, .address.port = port};
	snprintf(local->address.host, sizeof(local->address.host), "%s", host);
	LOCK_SCOPE(&servers_mutex);
	local->next = servers;
	servers = local;
}

void http_local_remove(struct http_local *local)
{
	LOCK_SCOPE(&servers_mutex);
	for (struct http_local **at = &servers; *at; at = &(*at)->next) {
		if (*at == local) {
			*at = local->next;
			break;
		}
	}
	while (local->callers > 0)
		pthread_cond_wait(&caller_left, &servers_mutex);
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
	*ret_target = str_cut(ret_target, '#'); /* a fragment stays with the client */
}

struct http_local *http_local_take(const struct http_local_address *address)
{
	if (!address->host[0])
		return NULL;
	LOCK_SCOPE(&servers_mutex);
	for (struct http_local *local = servers; local; local = local->next) {
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
	LOCK_SCOPE(&servers_mutex);
	if (--local->callers == 0)
		pthread_cond_broadcast(&caller_left);
}
