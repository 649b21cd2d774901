/*
 * schema.h - OpenAPI 3.0 schema objects and the structural schemas of Kubernetes CRDs.
 *
 * Compiled once, then used by any thread. Keywords: type, nullable, properties, required,
 * additionalProperties, items, enum, minimum/maximum (and exclusive), multipleOf, minLength,
 * maxLength, pattern (PCRE2, with match limits), format (date-time, date, duration, uuid, email,
 * uri, hostname, ipv4, ipv6, cidr, byte, int32, int64, float, double, password; unknown ones are
 * errors at compile time), minItems, maxItems, uniqueItems, minProperties, maxProperties, allOf,
 * anyOf, oneOf, not, default, $ref into the same document (recursion allowed),
 * x-kubernetes-preserve-unknown-fields, x-kubernetes-int-or-string, x-kubernetes-embedded-resource,
 * x-kubernetes-list-type, x-kubernetes-list-map-keys, x-kubernetes-map-type. Other x- keywords
 * (x-kubernetes-validations among them), titles, descriptions and examples are skipped; any other
 * keyword is an error at compile time.
 *
 * A CRD's schema describes apiVersion, kind and metadata only in outline: set
 * x-kubernetes-embedded-resource on the root node before compiling it, and they are required (kind,
 * apiVersion) and left alone (metadata), as in any embedded resource.
 */
#ifndef REEVE_DATA_SCHEMA_H
#define REEVE_DATA_SCHEMA_H

#include "data/json.h"

struct schema;

/* Compiles the schema at `node` of `document` ($ref is looked up in `document`). The schema borrows
 * from the arena, which must outlive it. `strict`: members that the schema does not name are errors
 * where additionalProperties is absent (off for plain OpenAPI). */
int schema_compile(struct arena *arena, const struct json *document, const struct json *node,
	bool strict, const struct schema **ret, struct error *err);

struct schema_violation {
	struct str field;   /* "spec.nodePools[0].replicas" */
	struct str message; /* "must be an integer, is a string" */
	struct str type;    /* the keyword, or "unknown" (a member), "unique", "limit" */
};

struct schema_report {
	struct schema_violation *items; /* in the arena given */
	size_t count;
	bool truncated; /* more than SCHEMA_MAX_VIOLATIONS */
};

#define SCHEMA_MAX_VIOLATIONS 64u

/* True when the value conforms. `path` is the field name of the value itself ("spec", or ""). ret
 * may be NULL, which is cheaper. A schema too complex to check against the value is a violation. */
bool schema_validate(const struct schema *schema, struct arena *arena, struct str path,
	const struct json *value, struct schema_report *ret);

/* Structural schemas, at places that properties, items and additionalProperties reach: removes
 * unknown members (honouring preserve-unknown-fields) and returns through ret_removed (NULL
 * accepted) the first removed path, or null; sets defaults (copies) where members are absent, or
 * null against the schema. */
void schema_prune(const struct schema *schema, struct json *value, struct arena *arena,
	struct str *ret_removed);
void schema_default(const struct schema *schema, struct json *value);

/* Topology for server-side apply: how the list or map at a child is merged. */
enum schema_merge {
	SCHEMA_MERGE_GRANULAR,
	SCHEMA_MERGE_ATOMIC,
	SCHEMA_MERGE_SET,
	SCHEMA_MERGE_MAP
};
const struct schema *schema_child(const struct schema *schema, struct str member); /* or NULL */
const struct schema *schema_items(const struct schema *schema);
/* ATOMIC for lists without a list type; for NULL, GRANULAR: treat an object so, and a list as
 * atomic. */
enum schema_merge schema_merge(const struct schema *schema);
size_t schema_map_keys(const struct schema *schema, const struct str **ret);

#endif
