/*
 * schema_validate.c - whether a value conforms, and every place where it does not.
 *
 * One recursive walk over value and schema. Branches of anyOf, oneOf and not are tried on a quiet
 * validation, which stops at the first violation and records nothing. A count of checks bounds what
 * branches inside branches could multiply to; running into it is a violation, not a pass.
 */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "data/schema_tree.h"

#define MAX_CHECKS 20000000u
#define MAX_DEPTH 1000u /* of the walk: values and branches */
#define MAX_SHOWN 120	/* bytes of a value or list in a message */

/* Where we are, as a chain on the stack; text is made of it only for a violation. */
struct place {
	const struct place *up;
	struct str member; /* null: the index */
	size_t index;
};

/* What the whole validation took, its quiet parts included. */
struct effort {
	uint64_t checks;
	bool exceeded;
};

struct validation {
	struct arena *arena;
	struct schema_report *report; /* NULL: quiet */
	struct str root;
	struct effort *effort;
	unsigned depth;
	bool violated;
};

static void check(struct validation *v, const struct schema *schema, const struct place *place,
	const struct json *value);

/* --- violations ---------------------------------------------------------------------------- */

struct str schema_join_path(struct arena *arena, struct str path, struct str member)
{
	if (str_is_empty(path))
		return arena_str(arena, member);
	return arena_printf(arena, "%" STR_F ".%" STR_F, STR_A(path), STR_A(member));
}

struct str schema_index_path(struct arena *arena, struct str path, size_t index)
{
	return arena_printf(arena, "%" STR_F "[%zu]", STR_A(path), index);
}

static struct str place_text(const struct validation *v, const struct place *place)
{
	struct str up;

	if (place->up == NULL)
		return v->root;
	up = place_text(v, place->up);
	return str_is_null(place->member) ? schema_index_path(v->arena, up, place->index)
					  : schema_join_path(v->arena, up, place->member);
}

static void violate(struct validation *v, const struct place *place, const char *type,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

static void violate(
	struct validation *v, const struct place *place, const char *type, const char *format, ...)
{
	struct schema_report *report = v->report;
	va_list ap;

	v->violated = true;
	if (report == NULL)
		return;
	if (report->count >= SCHEMA_MAX_VIOLATIONS) {
		report->truncated = true;
		return;
	}
	va_start(ap, format);
	report->items[report->count++] = (struct schema_violation){
		.field = place_text(v, place),
		.message = arena_vprintf(v->arena, format, ap),
		.type = str_of(type),
	};
	va_end(ap);
}

/* Nothing more to learn: a quiet validation wants one bit, a full report has no room. */
static bool is_done(const struct validation *v)
{
	return v->violated && (v->report == NULL || v->report->truncated);
}

static bool conforms(struct validation *v, const struct schema *schema, const struct place *place,
	const struct json *value)
{
	struct validation quiet = *v;

	quiet.report = NULL;
	quiet.violated = false;
	check(&quiet, schema, place, value);
	return !quiet.violated;
}

/* The value as short JSON, for a message. */
static struct str shown(struct validation *v, const struct json *value)
{
	struct str text;

	if (v->report == NULL)
		return STR("");
	text = json_text(v->arena, value, JSON_WRITE_COMPACT);
	if (text.len <= MAX_SHOWN)
		return text;
	text.len = MAX_SHOWN;
	while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xC0) == 0x80)
		text.len--;
	return arena_printf(v->arena, "%" STR_F "...", STR_A(text));
}

/* --- types --------------------------------------------------------------------------------- */

static bool is_integer(const struct json *value)
{
	struct str text = json_number_text(value);
	int64_t ignored;

	if (str_is_null(text))
		return false;
	return json_to_int(value, &ignored) ||
	       (str_index(text, '.') < 0 && str_index(text, 'e') < 0 && str_index(text, 'E') < 0);
}

static bool has_type(const struct json *value, unsigned types)
{
	switch (json_type(value)) {
	case JSON_BOOL:
		return (types & SCHEMA_TYPE_BOOLEAN) != 0;
	case JSON_NUMBER:
		return (types & SCHEMA_TYPE_NUMBER) != 0 ||
		       ((types & SCHEMA_TYPE_INTEGER) != 0 && is_integer(value));
	case JSON_STRING:
		return (types & SCHEMA_TYPE_STRING) != 0;
	case JSON_ARRAY:
		return (types & SCHEMA_TYPE_ARRAY) != 0;
	case JSON_OBJECT:
		return (types & SCHEMA_TYPE_OBJECT) != 0;
	case JSON_NULL:
	case JSON_RAW:
		break;
	}
	return false;
}

static const char *types_name(unsigned types)
{
	return types & SCHEMA_TYPE_BOOLEAN   ? "a boolean"
	       : types & SCHEMA_TYPE_INTEGER ? "an integer"
	       : types & SCHEMA_TYPE_NUMBER  ? "a number"
	       : types & SCHEMA_TYPE_STRING  ? "a string"
	       : types & SCHEMA_TYPE_ARRAY   ? "an array"
					     : "an object";
}

/* False when the rest of the keywords make no sense for the value. */
static bool check_type(struct validation *v, const struct schema *schema, const struct place *place,
	const struct json *value)
{
	unsigned types = schema->types;

	if (schema->int_or_string) {
		if (has_type(value, SCHEMA_TYPE_INTEGER | SCHEMA_TYPE_STRING) ||
			(json_is_null(value) && schema->nullable))
			return !json_is_null(value);
		violate(v, place, "type", "must be an integer or a string, is %s",
			json_type_name(json_type(value)));
		return false;
	}
	if (json_is_null(value)) {
		if (types != 0 && !schema->nullable)
			violate(v, place, "type", "must be %s, is null", types_name(types));
		return types == 0;
	}
	if (types == 0 || has_type(value, types))
		return true;
	violate(v, place, "type", "must be %s, is %" STR_F, types_name(types),
		STR_A(json_is(value, JSON_NUMBER) ? shown(v, value)
						  : str_of(json_type_name(json_type(value)))));
	return false;
}

/* --- scalars ------------------------------------------------------------------------------- */

static size_t count_characters(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
	return count;
}

static void check_string(struct validation *v, const struct schema *schema,
	const struct place *place, const struct json *value)
{
	struct str text = json_str(value);
	bool matches = true;

	if (schema->min_length != SCHEMA_NO_LIMIT || schema->max_length != SCHEMA_NO_LIMIT) {
		int64_t length = (int64_t)count_characters(text);

		if (length < schema->min_length)
			violate(v, place, "minLength", "must have at least %" PRId64 " characters",
				schema->min_length);
		if (schema->max_length != SCHEMA_NO_LIMIT && length > schema->max_length)
			violate(v, place, "maxLength",
				"must have at most %" PRId64 " characters, has %" PRId64,
				schema->max_length, length);
	}
	if (schema->pattern == NULL)
		return;
	if (pattern_match(schema->pattern, text, &matches, NULL) != 0)
		violate(v, place, "pattern", "is too complex to match against %" STR_F,
			STR_A(schema->pattern_text));
	else if (!matches)
		violate(v, place, "pattern", "must match %" STR_F, STR_A(schema->pattern_text));
}

static int compare_numbers(const struct json *a, const struct json *b)
{
	int64_t x, y;
	double p, q;

	if (json_to_int(a, &x) && json_to_int(b, &y))
		return (x > y) - (x < y);
	p = json_double(a, 0);
	q = json_double(b, 0);
	return (p > q) - (p < q);
}

static bool is_multiple(const struct json *value, const struct json *of)
{
	int64_t x, y;
	double quotient;

	if (json_to_int(value, &x) && json_to_int(of, &y) && y > 0)
		return x % y == 0;
	quotient = json_double(value, 0) / json_double(of, 1);
	return quotient == rint(quotient);
}

static void check_number(struct validation *v, const struct schema *schema,
	const struct place *place, const struct json *value)
{
	int order;

	if (schema->minimum != NULL) {
		order = compare_numbers(value, schema->minimum);
		if (order < 0 || (order == 0 && schema->excludes_minimum))
			violate(v, place, "minimum", "must be %s %" STR_F,
				schema->excludes_minimum ? "greater than" : "at least",
				STR_A(json_number_text(schema->minimum)));
	}
	if (schema->maximum != NULL) {
		order = compare_numbers(value, schema->maximum);
		if (order > 0 || (order == 0 && schema->excludes_maximum))
			violate(v, place, "maximum", "must be %s %" STR_F,
				schema->excludes_maximum ? "less than" : "at most",
				STR_A(json_number_text(schema->maximum)));
	}
	if (schema->multiple_of != NULL && !is_multiple(value, schema->multiple_of))
		violate(v, place, "multipleOf", "must be a multiple of %" STR_F,
			STR_A(json_number_text(schema->multiple_of)));
}

static void check_enum(struct validation *v, const struct schema *schema, const struct place *place,
	const struct json *value)
{
	const struct json *allowed;

	json_for_each (schema->enumeration, i, allowed) {
		if (json_equal(allowed, value))
			return;
	}
	violate(v, place, "enum", "must be one of %" STR_F ", is %" STR_F,
		STR_A(shown(v, schema->enumeration)), STR_A(shown(v, value)));
}

/* --- containers ---------------------------------------------------------------------------- */

static void check_count(struct validation *v, const struct place *place, const char *what,
	const char *type_min, const char *type_max, int64_t min, int64_t max, size_t count)
{
	if ((int64_t)count < min)
		violate(v, place, type_min, "must have at least %" PRId64 " %s, has %zu", min, what,
			count);
	if (max != SCHEMA_NO_LIMIT && (int64_t)count > max)
		violate(v, place, type_max, "must have at most %" PRId64 " %s, has %zu", max, what,
			count);
}

static void check_unique(struct validation *v, const struct schema *schema,
	const struct place *place, const struct json *value)
{
	bool is_map = schema->list_merge == SCHEMA_MERGE_MAP;
	struct place at = {.up = place};
	ptrdiff_t index;

	if (!schema->has_unique_items && schema->list_merge == SCHEMA_MERGE_ATOMIC)
		return;
	index = schema_find_duplicate(v->arena, value, is_map ? schema->map_keys : NULL,
		is_map ? schema->map_key_count : 0);
	if (index == -1)
		return;
	at.index = index < 0 ? 0 : (size_t)index;
	violate(v, &at, "unique", "%s",
		index < 0 ? "could not be compared: out of memory"
		: is_map  ? "has the same keys as an item before it"
			  : "equals an item before it");
}

static void check_array(struct validation *v, const struct schema *schema,
	const struct place *place, const struct json *value)
{
	const struct json *item;

	check_count(v, place, "items", "minItems", "maxItems", schema->min_items, schema->max_items,
		json_count(value));
	check_unique(v, schema, place, value);
	if (schema->items == NULL)
		return;
	json_for_each (value, i, item) {
		struct place at = {.up = place, .index = i};

		if (is_done(v))
			return;
		check(v, schema->items, &at, item);
	}
}

const struct schema *schema_find_property(const struct schema *schema, struct str name)
{
	size_t low = 0, high = schema->property_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = str_cmp(name, schema->properties[middle].name);

		if (order == 0)
			return schema->properties[middle].schema;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool any_names_member(const struct schema_list *list, struct str name, unsigned depth);

/* Whether the schema, or a branch of it that applies to the same value, names the member. */
static bool names_member(const struct schema *schema, struct str name, unsigned depth)
{
	if (schema_find_property(schema, name) != NULL || schema->preserves_unknown ||
		(schema->additional != SCHEMA_ADDITIONAL_ABSENT &&
			schema->additional != SCHEMA_ADDITIONAL_FORBIDDEN))
		return true;
	return depth < MAX_DEPTH && (any_names_member(&schema->all_of, name, depth + 1) ||
					    any_names_member(&schema->any_of, name, depth + 1) ||
					    any_names_member(&schema->one_of, name, depth + 1));
}

static bool any_names_member(const struct schema_list *list, struct str name, unsigned depth)
{
	for (size_t i = 0; i < list->count; i++) {
		if (names_member(list->items[i], name, depth))
			return true;
	}
	return false;
}

/* What every object of Kubernetes has, and the API server itself looks after. */
static bool is_object_header(struct str name)
{
	return str_eq_c(name, "apiVersion") || str_eq_c(name, "kind") || str_eq_c(name, "metadata");
}

static void check_additional(struct validation *v, const struct schema *schema,
	const struct place *place, struct str name, const struct json *value)
{
	if (schema->additional == SCHEMA_ADDITIONAL_SCHEMA) {
		check(v, schema->additional_schema, place, value);
		return;
	}
	if (schema->is_embedded && is_object_header(name))
		return;
	if (schema->additional == SCHEMA_ADDITIONAL_FORBIDDEN ||
		(schema->strict && !schema->in_place && !names_member(schema, name, 0)))
		violate(v, place, "unknown", "is not a field that the schema knows");
}

static void check_header(struct validation *v, const struct place *place, const struct json *value)
{
	static const char *const names[] = {"apiVersion", "kind"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct place at = {.up = place, .member = str_of(names[i])};

		if (str_is_empty(json_get_text(value, names[i])))
			violate(v, &at, "required", "is required");
	}
}

static void check_object(struct validation *v, const struct schema *schema,
	const struct place *place, const struct json *value)
{
	const struct json *member;

	check_count(v, place, "members", "minProperties", "maxProperties", schema->min_properties,
		schema->max_properties, json_count(value));
	if (schema->is_embedded)
		check_header(v, place, value);
	for (size_t i = 0; i < schema->required_count; i++) {
		struct place at = {.up = place, .member = schema->required[i]};

		if (json_get_str(value, schema->required[i]) == NULL)
			violate(v, &at, "required", "is required");
	}
	json_for_each (value, i, member) {
		struct place at = {.up = place, .member = json_key_at(value, i)};
		const struct schema *property = schema_find_property(schema, at.member);

		if (is_done(v))
			return;
		if (property == NULL)
			check_additional(v, schema, &at, at.member, member);
		else if (!schema->is_embedded || !str_eq_c(at.member, "metadata"))
			check(v, property, &at, member);
	}
}

/* --- branches ------------------------------------------------------------------------------ */

static size_t count_conforming(struct validation *v, const struct schema_list *list,
	const struct place *place, const struct json *value, size_t enough)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count && count < enough; i++)
		count += conforms(v, list->items[i], place, value);
	return count;
}

static void check_branches(struct validation *v, const struct schema *schema,
	const struct place *place, const struct json *value)
{
	size_t count;

	for (size_t i = 0; i < schema->all_of.count && !is_done(v); i++)
		check(v, schema->all_of.items[i], place, value);
	if (schema->any_of.count > 0 && count_conforming(v, &schema->any_of, place, value, 1) == 0)
		violate(v, place, "anyOf", "must match at least one of the %zu forms allowed",
			schema->any_of.count);
	if (schema->one_of.count > 0) {
		count = count_conforming(v, &schema->one_of, place, value, 2);
		if (count != 1)
			violate(v, place, "oneOf",
				"must match exactly one of the %zu forms allowed, matches %s",
				schema->one_of.count, count == 0 ? "none" : "several");
	}
	if (schema->not_schema != NULL && conforms(v, schema->not_schema, place, value))
		violate(v, place, "not", "must not have the form that is excluded");
}

static void check_by_type(struct validation *v, const struct schema *schema,
	const struct place *place, const struct json *value)
{
	switch (json_type(value)) {
	case JSON_STRING:
		check_string(v, schema, place, value);
		break;
	case JSON_NUMBER:
		check_number(v, schema, place, value);
		break;
	case JSON_ARRAY:
		check_array(v, schema, place, value);
		break;
	case JSON_OBJECT:
		check_object(v, schema, place, value);
		break;
	case JSON_NULL:
	case JSON_BOOL:
	case JSON_RAW:
		break;
	}
}

static void check(struct validation *v, const struct schema *schema, const struct place *place,
	const struct json *value)
{
	if (++v->effort->checks > MAX_CHECKS || v->depth >= MAX_DEPTH) {
		v->effort->exceeded = true;
		v->violated = true;
		return;
	}
	v->depth++;
	if (check_type(v, schema, place, value)) {
		if (schema->enumeration != NULL)
			check_enum(v, schema, place, value);
		if (schema->format != NULL && !schema_format_conforms(schema->format, value))
			violate(v, place, "format", "%s", schema->format->remedy);
		check_by_type(v, schema, place, value);
		check_branches(v, schema, place, value);
	}
	v->depth--;
}

bool schema_validate(const struct schema *schema, struct arena *arena, struct str path,
	const struct json *value, struct schema_report *ret)
{
	struct place root = {0};
	struct effort effort = {0};
	struct validation v = {.arena = arena, .report = ret, .root = path, .effort = &effort};

	if (ret != NULL) {
		*ret = (struct schema_report){0};
		ret->items =
			arena_calloc(arena, SCHEMA_MAX_VIOLATIONS, sizeof(struct schema_violation));
		if (ret->items == NULL)
			return false;
	}
	check(&v, schema, &root, value);
	if (effort.exceeded)
		violate(&v, &root, "limit", "takes too long to check against the schema");
	return !v.violated;
}
