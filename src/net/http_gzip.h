/*
 * http_gzip.h - answers in gzip (RFC 1952) for clients that take it (RFC 9110 section 12.5.3).
 */
#ifndef REEVE_NET_HTTP_GZIP_H
#define REEVE_NET_HTTP_GZIP_H

#include "net/http_server.h"

#define HTTP_GZIP_LEAST ((size_t)1400) /* bytes; a shorter body is one packet as it is */

/* Whether "Accept-Encoding: <value>" takes gzip; a null value does not. */
bool http_gzip_is_accepted(struct str value);

/* Packs the response's body when the client takes it and it becomes smaller; says so in its
 * headers. Leaves streams and what a handler has encoded itself alone. */
void http_gzip_answer(struct http_request *request, struct http_response *response);

#endif
