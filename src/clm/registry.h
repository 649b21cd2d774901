/*
 * registry.h - the kinds of resources that this region knows, which are configuration.
 *
 * Read once at start from two files: the entity list (entities.yaml, HyperFleet API v1's
 * `entities:`) and an OpenAPI 3.0 document whose components.schemas hold the schema of each kind's
 * spec. Both are checked as a whole; a mistake ends the start with a sentence that names the entity
 * and the remedy. Afterwards nothing changes, so any thread may read.
 */
#ifndef REEVE_CLM_REGISTRY_H
#define REEVE_CLM_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"
#include "data/schema.h"

#define REGISTRY_MAX_KINDS 64u
#define REGISTRY_MAX_ADAPTERS 32u   /* required by one kind */
#define REGISTRY_MAX_REFERENCES 16u /* kinds of reference of one kind */
#define REGISTRY_MAX_TARGETS 1000u  /* of one kind of reference */
#define REGISTRY_MAX_NAME 100u	    /* of a resource, whatever its kind says */
#define REGISTRY_MAX_FILE_BYTES ((size_t)8 << 20)
#define REGISTRY_ANY_PLURAL "resources" /* stands for every kind in paths */

struct cel;
struct kind;

/* How resources of a kind may refer to others. */
struct reference_rule {
	struct str type; /* "wif_config" */
	struct str target_name;
	const struct kind *target;
	size_t min;
	size_t max; /* 0: any number */
};

/* A condition that is derived from reports (condition_map.h). */
struct condition_mapping {
	struct str type;
	const struct cel *when, *status;
	const struct cel *reason, *message; /* NULL: none */
};

struct kind {
	struct str name;	   /* "Cluster" */
	struct str plural;	   /* "clusters" */
	const struct kind *parent; /* NULL for a root */
	bool is_cascading;	   /* goes with its parent; otherwise holds it back */
	struct str schema_name;	   /* null when specs are not checked */
	const struct schema *schema;
	struct str *required_adapters;
	size_t required_count;
	size_t name_min;
	size_t name_max;
	const struct kind **children;
	size_t child_count;
	struct condition_mapping *mappings; /* by type */
	size_t mapping_count;
	struct reference_rule *references;
	size_t reference_count;
	bool is_referenced; /* resources of some kind may refer to one */
};

struct registry {
	struct arena *arena;
	struct kind *kinds;
	size_t count;
	bool has_references; /* some kind may refer to another */
	struct str openapi;  /* the schema document as JSON text */
};

/* Errors: ERROR_INVALID, or what reading the file met. */
int registry_load(struct registry **ret, const char *entities_file, const char *schema_file,
	struct error *err);
/* The same from text. */
int registry_parse(
	struct registry **ret, struct str entities, struct str schemas, struct error *err);
void registry_free(struct registry *registry); /* NULL accepted */

const struct kind *registry_find(const struct registry *registry, struct str kind);
const struct kind *registry_find_plural(const struct registry *registry, struct str plural);

#endif
