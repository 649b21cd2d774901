/*
 * manifest.h - whether a bundle's manifests may be sent to a management cluster.
 *
 * Pure. The texts are the ones that Kubernetes' field validation gives, because clients of Maestro
 * look into them. They may be longer than a struct error holds, so they are strings in the arena; a
 * null string means that nothing is wrong.
 */
#ifndef REEVE_MAESTRO_MANIFEST_H
#define REEVE_MAESTRO_MANIFEST_H

#include "data/json.h"

/* What the official client library and every agent refuse above: the sum of the manifests' texts.
 */
#define MANIFEST_MAX_BYTES ((size_t)500 << 10)

/* One object. */
struct str manifest_problem(struct arena *arena, const struct json *manifest);

/* The `manifests` of a bundle: each object, and none twice. An empty or missing list passes, as it
 * does in Maestro's event interface. */
struct str manifests_problem(struct arena *arena, const struct json *manifests);

/* As manifests_problem, and what an agent would refuse without a word: none at all, or too much. */
struct str manifests_delivery_problem(struct arena *arena, const struct json *manifests);

/* A consumer's name: RFC 1123 label. */
struct str consumer_name_problem(struct arena *arena, struct str name);

/* The name of a bundle: RFC 1123 subdomain. */
struct str bundle_name_problem(struct arena *arena, struct str name);

/* metadata.labels and metadata.annotations of a bundle or an object. */
struct str metadata_problem(struct arena *arena, const struct json *metadata);

#endif
