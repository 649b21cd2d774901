/*
 * kubeapi_notation.h - a short notation for API types, turned into OpenAPI schemas.
 *
 * One type per line, `Name: field type, field type, ...`. A name with '!' is applied as a whole
 * (x-kubernetes-map-type: atomic). `7:field+? type`: the field's number in protobuf ("2.7": in the
 * message that is embedded as 2), '+' for a required one, '?' for one that Go has as a pointer,
 * whose zero is not the same as its absence. Types:
 *
 *	string int long bool number time microtime bytes  scalars
 *	quantity intstr			 a number or a string
 *	any raw				 an object of any shape; raw: JSON also in protobuf
 *	Name				 another line's type
 *	{type}   {type}!		 a map; merged as a whole
 *	[type]				 a list, applied as a whole
 *	[type]*  [type](key key)	 a set; a list whose items are known by keys
 *
 * each followed by `=JSON` (without a comma) for a default.
 */
#ifndef REEVE_LOCAL_KUBEAPI_NOTATION_H
#define REEVE_LOCAL_KUBEAPI_NOTATION_H

#include "base/arena.h"
#include "base/error.h"
#include "data/json.h"

/* Members that the notation adds to the schemas of fields, for kubeapi_protobuf.c. */
#define KUBEAPI_SCHEMA_NUMBER "x-protobuf-number" /* "7", "2.7" */
#define KUBEAPI_SCHEMA_POINTER "x-go-pointer"
#define KUBEAPI_SCHEMA_WIRE "x-protobuf-type" /* quantity, intstr, time, raw */

#define KUBEAPI_SCHEMA_REFERENCE "#/components/schemas/"

/* {"components":{"schemas":{Name: schema, ...}}}. `text` must outlive the arena. ERROR_INVALID
 * names the line's type and what is wrong with it. */
int kubeapi_notation_read(
	struct arena *arena, struct str text, struct json **ret, struct error *err);

#endif
