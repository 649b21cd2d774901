/*
 * rest.h - Maestro's REST interface, /api/maestro/v1: consumers and resource bundles.
 */
#ifndef REEVE_MAESTRO_REST_H
#define REEVE_MAESTRO_REST_H

#include "net/http_server.h"

extern const struct http_route rest_routes[];
extern const size_t rest_route_count;

void rest_create_consumer(struct http_request *request, struct http_response *response);
void rest_get_consumer(struct http_request *request, struct http_response *response);
void rest_list_consumers(struct http_request *request, struct http_response *response);
void rest_update_consumer(struct http_request *request, struct http_response *response);
void rest_delete_consumer(struct http_request *request, struct http_response *response);

void rest_create_bundle(struct http_request *request, struct http_response *response);
void rest_get_bundle(struct http_request *request, struct http_response *response);
void rest_list_bundles(struct http_request *request, struct http_response *response);
void rest_update_bundle(struct http_request *request, struct http_response *response);
void rest_delete_bundle(struct http_request *request, struct http_response *response);

#endif
