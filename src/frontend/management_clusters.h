/*
 * management_clusters.h - the handlers of /api/v0/management_clusters: the region's clusters, read
 * only for customers.
 */
#ifndef REEVE_FRONTEND_MANAGEMENT_CLUSTERS_H
#define REEVE_FRONTEND_MANAGEMENT_CLUSTERS_H

#include "net/http_server.h"

void management_clusters_list(struct http_request *request, struct http_response *response);
void management_clusters_get(struct http_request *request, struct http_response *response);
void management_clusters_create(struct http_request *request, struct http_response *response);

#endif
