/*
 * kubeapi_fields.c - FieldsV1 as a tree with set operations.
 *
 * Children are found by looking through them: nodes have a handful, and a sorted array or a hash
 * would cost more to keep than it saves. They are sorted once, when written.
 */
#include "local/kubeapi_fields.h"

#include <stdlib.h>

#define CHILDREN_FIRST 4u

struct kubeapi_fields *kubeapi_fields_new(struct arena *arena)
{
	return arena_new_of(arena, struct kubeapi_fields);
}

static bool element_equal(struct kubeapi_element a, struct kubeapi_element b)
{
	return a.kind == b.kind && str_eq(a.text, b.text);
}

struct kubeapi_fields *kubeapi_fields_child(
	const struct kubeapi_fields *set, struct kubeapi_element element)
{
	if (!set)
		return NULL;
	for (size_t i = 0; i < set->count; i++)
		if (element_equal(set->children[i].element, element))
			return set->children[i].node;
	return NULL;
}

static void append(struct arena *arena, struct kubeapi_fields *set, struct kubeapi_element element,
	struct kubeapi_fields *node)
{
	if (!set || !node)
		return;
	if (set->count == set->capacity) {
		size_t capacity = set->capacity ? set->capacity * 2 : CHILDREN_FIRST;
		struct kubeapi_fields_child *grown = arena_calloc(arena, capacity, sizeof(*grown));
		if (!grown)
			return;
		if (set->count)
			memcpy(grown, set->children, set->count * sizeof(*grown));
		set->children = grown;
		set->capacity = capacity;
	}
	set->children[set->count++] = (struct kubeapi_fields_child){element, node};
}

struct kubeapi_fields *kubeapi_fields_add(
	struct arena *arena, struct kubeapi_fields *set, struct kubeapi_element element)
{
	struct kubeapi_fields *node = kubeapi_fields_child(set, element);

	if (node || !set)
		return node;
	node = kubeapi_fields_new(arena);
	append(arena, set, element, node);
	return node;
}

/* --- FieldsV1 ------------------------------------------------------------------------------ */

/* Keys and values are compared as text, so they are brought into one form. */
static int canonical(struct arena *arena, struct str text, struct str *ret, struct error *err)
{
	struct json *value;

	if (json_parse(arena, text, NULL, &value, err) < 0)
		return -1;
	*ret = json_text(arena, value, JSON_WRITE_SORTED);
	return 0;
}

static int parse_element(
	struct arena *arena, struct str text, struct kubeapi_element *ret, struct error *err)
{
	struct str rest = str_slice(text, 2, text.len);
	int64_t index;

	if (text.len < 2 || text.ptr[1] != ':' || !strchr("fkvi", text.ptr[0]))
		return error_set(
			err, ERROR_INVALID, "\"%" STR_F "\" is not a path element", STR_A(text));
	if (text.ptr[0] == 'i' && (!str_to_int64(rest, &index) || index < 0))
		return error_set(err, ERROR_INVALID, "\"%" STR_F "\" is not an index", STR_A(text));
	*ret = (struct kubeapi_element){text.ptr[0], rest};
	if (text.ptr[0] == 'k' && (rest.len == 0 || rest.ptr[0] != '{'))
		return error_set(err, ERROR_INVALID, "\"%" STR_F "\" has no keys", STR_A(text));
	if (text.ptr[0] == 'k' || text.ptr[0] == 'v')
		return canonical(arena, rest, &ret->text, err);
	return 0;
}

static int parse_node(struct arena *arena, const struct json *text, struct kubeapi_fields *node,
	struct error *err)
{
	if (!json_is(text, JSON_OBJECT))
		return error_set(err, ERROR_INVALID, "fieldsV1 must consist of objects");
	for (size_t i = 0; i < json_count(text); i++) {
		struct str key = json_key_at(text, i);
		const struct json *value = json_at(text, i);
		struct kubeapi_element element;
		if (str_eq_c(key, ".")) {
			node->is_member = true;
			continue;
		}
		if (parse_element(arena, key, &element, err) < 0)
			return -1;
		struct kubeapi_fields *child = kubeapi_fields_add(arena, node, element);
		if (!child)
			return error_set(err, ERROR_MEMORY, "no memory for fieldsV1");
		if (json_is(value, JSON_OBJECT) && json_count(value) == 0)
			child->is_member = true;
		else if (parse_node(arena, value, child, err) < 0)
			return -1;
	}
	return 0;
}

int kubeapi_fields_parse(struct arena *arena, const struct json *text, struct kubeapi_fields **ret,
	struct error *err)
{
	struct kubeapi_fields *root = kubeapi_fields_new(arena);

	if (!root)
		return error_set(err, ERROR_MEMORY, "no memory for fieldsV1");
	if (parse_node(arena, text, root, err) < 0)
		return -1;
	*ret = root;
	return 0;
}

static int element_rank(char kind)
{
	return kind == 'f' ? 0 : kind == 'k' ? 1 : kind == 'v' ? 2 : 3;
}

static int compare_children(const void *left, const void *right)
{
	const struct kubeapi_element *a = &((const struct kubeapi_fields_child *)left)->element;
	const struct kubeapi_element *b = &((const struct kubeapi_fields_child *)right)->element;
	int order = element_rank(a->kind) - element_rank(b->kind);

	return order ? order : str_cmp(a->text, b->text);
}

/* "f:name": formatted by hand, as every write of an object makes some dozens. */
static struct str element_name(struct arena *arena, struct kubeapi_element element)
{
	char *name = arena_alloc(arena, element.text.len + 2);

	if (!name)
		return STR_NULL;
	name[0] = element.kind;
	name[1] = ':';
	memcpy(name + 2, element.text.ptr, element.text.len);
	return str_n(name, element.text.len + 2);
}

struct json *kubeapi_fields_write(struct arena *arena, const struct kubeapi_fields *set)
{
	struct json *object = json_new_object(arena);

	if (!set || set->count == 0)
		return object;
	struct kubeapi_fields_child *sorted = arena_calloc(arena, set->count, sizeof(*sorted));
	if (!sorted)
		return object;
	memcpy(sorted, set->children, set->count * sizeof(*sorted));
	qsort(sorted, set->count, sizeof(*sorted), compare_children);
	if (set->is_member)
		json_set(object, ".", json_new_object(arena));
	for (size_t i = 0; i < set->count; i++) {
		struct kubeapi_element element = sorted[i].element;
		json_set_str(object, element_name(arena, element),
			kubeapi_fields_write(arena, sorted[i].node));
	}
	return object;
}

/* --- set operations ------------------------------------------------------------------------ */

bool kubeapi_fields_is_empty(const struct kubeapi_fields *set)
{
	if (!set)
		return true;
	if (set->is_member)
		return false;
	for (size_t i = 0; i < set->count; i++)
		if (!kubeapi_fields_is_empty(set->children[i].node))
			return false;
	return true;
}

static bool is_subset(const struct kubeapi_fields *a, const struct kubeapi_fields *b)
{
	if (kubeapi_fields_is_empty(a))
		return true;
	if (!b || (a->is_member && !b->is_member))
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!is_subset(
			    a->children[i].node, kubeapi_fields_child(b, a->children[i].element)))
			return false;
	return true;
}

bool kubeapi_fields_equal(const struct kubeapi_fields *a, const struct kubeapi_fields *b)
{
	return is_subset(a, b) && is_subset(b, a);
}

enum operation { OPERATION_UNION, OPERATION_INTERSECTION, OPERATION_DIFFERENCE, OPERATION_WITHOUT };

static bool holds(enum operation operation, bool a, bool b)
{
	switch (operation) {
	case OPERATION_UNION:
		return a || b;
	case OPERATION_INTERSECTION:
		return a && b;
	case OPERATION_DIFFERENCE:
	case OPERATION_WITHOUT:
		break;
	}
	return a && !b;
}

/* NULL for an empty result, so that no node without members stays behind. */
static struct kubeapi_fields *combine(struct arena *arena, enum operation operation,
	const struct kubeapi_fields *a, const struct kubeapi_fields *b)
{
	struct kubeapi_fields *result;

	if (operation == OPERATION_WITHOUT && b && b->is_member)
		return NULL;
	if (!a && (operation != OPERATION_UNION || !b))
		return NULL;
	result = kubeapi_fields_new(arena);
	if (!result)
		return NULL;
	result->is_member = holds(operation, a && a->is_member, b && b->is_member);
	for (size_t i = 0; a && i < a->count; i++) {
		struct kubeapi_element element = a->children[i].element;
		append(arena, result, element,
			combine(arena, operation, a->children[i].node,
				kubeapi_fields_child(b, element)));
	}
	for (size_t i = 0; operation == OPERATION_UNION && b && i < b->count; i++) {
		struct kubeapi_element element = b->children[i].element;
		if (!kubeapi_fields_child(a, element))
			append(arena, result, element,
				combine(arena, operation, NULL, b->children[i].node));
	}
	return result->is_member || result->count > 0 ? result : NULL;
}

struct kubeapi_fields *kubeapi_fields_union(
	struct arena *arena, const struct kubeapi_fields *a, const struct kubeapi_fields *b)
{
	return combine(arena, OPERATION_UNION, a, b);
}

struct kubeapi_fields *kubeapi_fields_intersection(
	struct arena *arena, const struct kubeapi_fields *a, const struct kubeapi_fields *b)
{
	return combine(arena, OPERATION_INTERSECTION, a, b);
}

struct kubeapi_fields *kubeapi_fields_difference(
	struct arena *arena, const struct kubeapi_fields *a, const struct kubeapi_fields *b)
{
	return combine(arena, OPERATION_DIFFERENCE, a, b);
}

struct kubeapi_fields *kubeapi_fields_without(
	struct arena *arena, const struct kubeapi_fields *a, const struct kubeapi_fields *b)
{
	return combine(arena, OPERATION_WITHOUT, a, b);
}

/* --- paths as text ------------------------------------------------------------------------- */

static struct str keys_text(struct arena *arena, struct str keys)
{
	struct json *object;
	struct str text = STR("");

	if (json_parse(arena, keys, NULL, &object, NULL) < 0)
		return keys;
	for (size_t i = 0; i < json_count(object); i++)
		text = arena_printf(arena, "%" STR_F "%s%" STR_F "=%" STR_F, STR_A(text),
			i ? "," : "", STR_A(json_key_at(object, i)),
			STR_A(json_text(arena, json_at(object, i), 0)));
	return text;
}

static struct str element_text(struct arena *arena, struct kubeapi_element element)
{
	switch (element.kind) {
	case 'f':
		return arena_printf(arena, ".%" STR_F, STR_A(element.text));
	case 'k':
		return arena_printf(arena, "[%" STR_F "]", STR_A(keys_text(arena, element.text)));
	case 'v':
		return arena_printf(arena, "[=%" STR_F "]", STR_A(element.text));
	default:
		return arena_printf(arena, "[%" STR_F "]", STR_A(element.text));
	}
}

static void each_below(struct arena *arena, const struct kubeapi_fields *node, struct str path,
	void (*call)(void *context, struct str path), void *context)
{
	if (node->is_member)
		call(context, path);
	for (size_t i = 0; i < node->count; i++) {
		struct str step = element_text(arena, node->children[i].element);
		each_below(arena, node->children[i].node,
			arena_printf(arena, "%" STR_F "%" STR_F, STR_A(path), STR_A(step)), call,
			context);
	}
}

void kubeapi_fields_each(struct arena *arena, const struct kubeapi_fields *set,
	void (*call)(void *context, struct str path), void *context)
{
	if (set)
		each_below(arena, set, STR(""), call, context);
}
