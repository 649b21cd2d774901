/*
 * http_route.h - finding the route of a request.
 *
 * Patterns are cut up once, at start, and sorted so that the first match is the most specific: a
 * literal segment goes before a variable one, and both before "{rest...}". Among equals the table's
 * order decides. Immutable after http_routes_new, so any thread may search.
 */
#ifndef REEVE_NET_HTTP_ROUTE_H
#define REEVE_NET_HTTP_ROUTE_H

#include "net/http_server.h"
#include "net/http_uri.h"

struct http_routes;

/* ERROR_INVALID names a pattern that does not begin with '/', has too many segments or variables,
 * or has "{rest...}" elsewhere than at the end. The table must outlive the result. */
int http_routes_new(
	struct http_routes **ret, const struct http_route *routes, size_t count, struct error *err);
void http_routes_free(struct http_routes *routes);

/*
 * The route, with variables filled in the pattern's order; HEAD takes a GET route when it has none
 * of its own. NULL when there is none; then ret_allow tells the methods that the path has ("GET,
 * HEAD"), null when no pattern matches it at all.
 */
const struct http_route *http_routes_find(const struct http_routes *routes, struct arena *arena,
	struct str method, const struct http_path *path,
	struct str variables[HTTP_MAX_PATH_VARIABLES], struct str *ret_allow);

#endif
