/*
 * clusters.h - the handlers of /api/v0/clusters.
 */
#ifndef REEVE_FRONTEND_CLUSTERS_H
#define REEVE_FRONTEND_CLUSTERS_H

#include "net/http_server.h"

void clusters_list(struct http_request *request, struct http_response *response);
void clusters_create(struct http_request *request, struct http_response *response);
void clusters_get(struct http_request *request, struct http_response *response);
void clusters_update(struct http_request *request, struct http_response *response);
void clusters_delete(struct http_request *request, struct http_response *response);
void clusters_statuses(struct http_request *request, struct http_response *response);

#endif
