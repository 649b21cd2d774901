/*
 * yaml.h - YAML 1.1 as Kubernetes files use it, into JSON documents (libyaml).
 *
 * Scalars resolve by the YAML 1.2 core schema, plus the 1.1 forms that sigs.k8s.io/yaml takes
 * (true/false only as booleans; yes, no, on, off stay strings). Anchors and aliases are expanded up
 * to the node limit; duplicate keys, non-string keys and tags other than the core ones are errors
 * with line and column. Every value knows its line (json_line).
 */
#ifndef REEVE_DATA_YAML_H
#define REEVE_DATA_YAML_H

#include "data/json.h"

#define YAML_MAX_NODES 1000000u

/* One document; an empty text gives null. ERROR_INVALID: "line 4, column 2: ...". */
int yaml_parse(struct arena *arena, struct str text, struct json **ret, struct error *err);

/* All documents of a stream, as an array; empty documents are left out. */
int yaml_parse_all(struct arena *arena, struct str text, struct json **ret, struct error *err);

/* Block style, members in their order; strings quoted where a plain scalar would read otherwise. */
bool yaml_write(struct buf *out, const struct json *value);

#endif
