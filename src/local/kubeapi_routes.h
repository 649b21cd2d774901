/*
 * kubeapi_routes.h - from paths to handlers.
 */
#ifndef REEVE_LOCAL_KUBEAPI_ROUTES_H
#define REEVE_LOCAL_KUBEAPI_ROUTES_H

#include "local/kubeapi_server.h"

size_t kubeapi_routes(const struct http_route **ret);

/* Refuses requests without the token. */
bool kubeapi_authenticate(struct http_request *request, struct http_response *response);

/* Errors of the HTTP server itself, as Status documents. */
void kubeapi_write_error(struct http_request *request, struct http_response *response, int status,
	struct str detail);

#endif
