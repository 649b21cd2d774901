/*
 * yaml_scalar.h - what a plain YAML scalar means; for the yaml*.c files only.
 */
#ifndef REEVE_DATA_YAML_SCALAR_H
#define REEVE_DATA_YAML_SCALAR_H

#include "data/json.h"

enum yaml_scalar {
	YAML_SCALAR_STRING,
	YAML_SCALAR_NULL,
	YAML_SCALAR_TRUE,
	YAML_SCALAR_FALSE,
	YAML_SCALAR_INT,
	YAML_SCALAR_FLOAT,
	YAML_SCALAR_NOT_FINITE /* .inf, .nan: has no JSON form */
};

/* What an unquoted scalar without a tag resolves to. */
enum yaml_scalar yaml_scalar_resolve(struct str text);

/* An INT or FLOAT as the text of a JSON number, in the arena; null when memory is out. */
struct str yaml_scalar_number(struct arena *arena, struct str text);

#endif
