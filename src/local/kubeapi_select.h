/*
 * kubeapi_select.h - label and field selectors.
 *
 * Labels: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, joined by commas; != and
 * notin also select objects without the label, as Kubernetes does. Fields: `path=value`,
 * `path!=value`, where the path is one that the kind allows.
 */
#ifndef REEVE_LOCAL_KUBEAPI_SELECT_H
#define REEVE_LOCAL_KUBEAPI_SELECT_H

#include "base/arena.h"
#include "base/error.h"
#include "data/json.h"

#define KUBEAPI_MAX_REQUIREMENTS 64u
#define KUBEAPI_MAX_VALUES 256u

enum kubeapi_operator {
	KUBEAPI_IN, /* also = and == */
	KUBEAPI_NOT_IN,
	KUBEAPI_HAS_KEY,
	KUBEAPI_LACKS_KEY
};

struct kubeapi_requirement {
	struct str key;
	enum kubeapi_operator relation;
	struct str *values;
	size_t value_count;
};

struct kubeapi_selector {
	struct kubeapi_requirement *items;
	size_t count;
};

/* ERROR_INVALID with the reason; a null or empty text selects everything. Texts are borrowed. */
int kubeapi_select_labels(
	struct arena *arena, struct str text, struct kubeapi_selector *ret, struct error *err);
int kubeapi_select_fields(
	struct arena *arena, struct str text, struct kubeapi_selector *ret, struct error *err);

/* The labels object of metadata, NULL for none. */
bool kubeapi_select_match_labels(
	const struct kubeapi_selector *selector, const struct json *labels);

/* Dotted paths into the object; booleans and numbers compare as their text, absent as "". */
bool kubeapi_select_match_fields(
	const struct kubeapi_selector *selector, const struct json *object);

/* The value at a dotted path as text. */
struct str kubeapi_select_field(const struct json *object, struct str path);

/* A copy that borrows nothing but the arena. */
struct kubeapi_selector kubeapi_selector_copy(
	struct arena *arena, const struct kubeapi_selector *selector);

#endif
