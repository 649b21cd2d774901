/*
 * describe.h - the API's description: an OpenAPI 3.0 document and a page that shows it.
 *
 * The document is completed once at start, from openapi.yaml beside this file (which the program
 * carries) and the registry: each kind with its paths, flat and nested, and its spec's schema with
 * all that schema refers to, from the operator's file.
 */
#ifndef REEVE_CLM_DESCRIBE_H
#define REEVE_CLM_DESCRIBE_H

#include "clm/registry.h"

/* JSON text in the arena. ERROR_INVALID when a kind has the name of one of the API's own schemas;
 * ERROR_MEMORY. */
int describe_api(
	struct arena *arena, const struct registry *registry, struct str *ret, struct error *err);

/* HTML that asks for the document beside it and for nothing else. */
struct str describe_page(void);

#endif
