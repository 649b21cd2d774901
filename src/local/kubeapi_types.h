/*
 * kubeapi_types.h - the resources that are served at the moment.
 *
 * One struct kubeapi_type per group, version and resource: from the built-in table at start, and
 * from each served version of each CRD as it comes and goes. A type is immutable and counted:
 * whoever got it from the registry keeps it alive until kubeapi_type_release(), also after its CRD
 * has gone. The registry may be used by any thread.
 */
#ifndef REEVE_LOCAL_KUBEAPI_TYPES_H
#define REEVE_LOCAL_KUBEAPI_TYPES_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/error.h"
#include "data/json.h"
#include "data/schema.h"
#include "local/kubeapi_column.h"

#define KUBEAPI_MAX_TYPES 512u
#define KUBEAPI_TYPE_ARENA_MAX ((size_t)64 << 20)

struct kubeapi_type {
	atomic_uint owners;
	struct arena *arena; /* of all below */
	struct str group, version, api_version, kind, list_kind, plural, singular;
	struct str qualified;		    /* "pods", "widgets.example.com": the key in storage */
	struct str short_names, categories; /* words */
	bool is_builtin, is_namespaced, has_status, has_generation;
	bool is_preferred;	/* the version that the group recommends */
	struct str deprecation; /* warning of a deprecated version; null: none */
	struct str scale_spec, scale_status,
		scale_selector;		  /* JSONPaths; null: no scale subresource */
	struct str selectable, immutable; /* words: dotted paths */
	struct kubeapi_column *columns;
	size_t column_count;
	const struct json *schema_text; /* the OpenAPI schema, root included */
	const struct schema *schema;
	struct str prefix; /* {"apiVersion":"...","kind":"...","metadata":{ */
};

struct kubeapi_types;

/* With the built-in types. */
int kubeapi_types_new(struct kubeapi_types **ret, struct error *err);
void kubeapi_types_free(struct kubeapi_types *types);

/* The types with one more owner, or NULL. */
struct kubeapi_type *kubeapi_types_find(
	struct kubeapi_types *types, struct str group, struct str version, struct str plural);
struct kubeapi_type *kubeapi_types_find_kind(
	struct kubeapi_types *types, struct str api_version, struct str kind);
/* Any version, by the key in storage. */
struct kubeapi_type *kubeapi_types_find_stored(struct kubeapi_types *types, struct str qualified);
void kubeapi_type_release(struct kubeapi_type *type);

/* All types in order of registration, owned by the arena. */
struct kubeapi_type **kubeapi_types_all(
	struct kubeapi_types *types, struct arena *arena, size_t *ret_count);

/* Raised by every change; for ETags and hashes of documents. */
unsigned kubeapi_types_revision(struct kubeapi_types *types);

/* The built-in schemas: {"components":{"schemas":...}}. */
const struct json *kubeapi_types_document(const struct kubeapi_types *types);

/* A type to fill, with one owner and its arena. */
struct kubeapi_type *kubeapi_type_new(void);

/* Makes the names that follow from the others, adds apiVersion, kind and metadata to the schema and
 * compiles it. */
int kubeapi_type_finish(struct kubeapi_types *types, struct kubeapi_type *type, struct json *schema,
	struct error *err);

/* Puts these in the place of all types stored under the key (none: removes them). Takes the
 * caller's ownership of each. ERROR_LIMITED past KUBEAPI_MAX_TYPES. */
int kubeapi_types_replace(struct kubeapi_types *types, struct str qualified,
	struct kubeapi_type **with, size_t count, struct error *err);

/* Held while a CRD is read and its types are put into place, so that the latest one wins. */
void kubeapi_types_serving_begin(struct kubeapi_types *types);
void kubeapi_types_serving_end(struct kubeapi_types *types);

/* The next of space-separated words; null at the end. */
struct str kubeapi_word(struct str *rest);
bool kubeapi_has_word(struct str words, struct str word);

#endif
