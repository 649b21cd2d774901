/*
 * fields.h - the `fields` parameter: which members of a resource an answer holds.
 *
 * A list of dotted names, repeated or with commas. Scalars and maps (spec, labels, tenancy,
 * references) are taken whole; of the objects status and owner_references a member is named:
 * status.conditions, status.conditions.type, status.*, owner_references.id. The id is always there.
 */
#ifndef REEVE_CLM_FIELDS_H
#define REEVE_CLM_FIELDS_H

#include "data/json.h"
#include "net/http_server.h"

#define FIELDS_MAX 64u /* names */

struct fields {
	struct str names[FIELDS_MAX];
	size_t count; /* 0: everything */
};

/* Reads the request's parameters. ERROR_INVALID names the fields that there are not. */
int fields_read(struct http_request *request, struct fields *ret, struct error *err);

/* A new document with the chosen members of the resource, in its order; parts are shared. NULL: no
 * memory. */
struct json *fields_project(
	const struct fields *fields, struct arena *arena, const struct json *resource);

#endif
