/*
 * rest_fields.h - the `fields` parameter: which members of a bundle or consumer an answer holds.
 *
 * A list of names, repeated or with commas; members are taken whole, and the id is always there.
 */
#ifndef REEVE_MAESTRO_REST_FIELDS_H
#define REEVE_MAESTRO_REST_FIELDS_H

#include "maestro/rest_reply.h"

#define REST_MAX_FIELDS 32u

struct rest_fields {
	struct str names[REST_MAX_FIELDS];
	size_t count; /* 0: everything */
};

/* False when the response is filled: a name that there is not, or too many. */
bool rest_read_fields(struct http_request *request, struct http_response *response,
	enum search_table table, struct rest_fields *ret);

/* The document itself, or a new one with the chosen members; parts are shared. */
struct json *rest_project(
	const struct rest_fields *fields, struct arena *arena, struct json *document);

#endif
