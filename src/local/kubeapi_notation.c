/*
 * kubeapi_notation.c - reads the notation of types.
 */
#include "local/kubeapi_notation.h"

#include <ctype.h>

struct reader {
	struct arena *arena;
	struct str text;
	size_t at;
	struct error *err;
};

static int bad(struct reader *r, const char *what)
{
	return error_set(r->err, ERROR_INVALID, "types: %s at \"%.*s\"", what, 24,
		r->at < r->text.len ? r->text.ptr + r->at : "the end");
}

static char peek(const struct reader *r)
{
	return r->at < r->text.len ? r->text.ptr[r->at] : '\0';
}

static bool take(struct reader *r, char c)
{
	if (peek(r) != c)
		return false;
	r->at++;
	return true;
}

static void skip_spaces(struct reader *r)
{
	while (peek(r) == ' ')
		r->at++;
}

static struct str word(struct reader *r)
{
	size_t start = r->at;

	while (r->at < r->text.len && isalnum((unsigned char)r->text.ptr[r->at]))
		r->at++;
	return str_slice(r->text, start, r->at - start);
}

#define WIRE(type) "\"" KUBEAPI_SCHEMA_WIRE "\":\"" type "\""
#define ANY_OBJECT "{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true"

static const struct {
	const char *name, *schema;
} scalars[] = {
	{"string", "{\"type\":\"string\"}"},
	{"int", "{\"type\":\"integer\",\"format\":\"int32\"}"},
	{"long", "{\"type\":\"integer\",\"format\":\"int64\"}"},
	{"bool", "{\"type\":\"boolean\"}"},
	{"number", "{\"type\":\"number\"}"},
	{"time", "{\"type\":\"string\",\"format\":\"date-time\"," WIRE("time") "}"},
	{"microtime", "{\"type\":\"string\",\"format\":\"date-time\"," WIRE("microtime") "}"},
	{"bytes", "{\"type\":\"string\",\"format\":\"byte\"}"},
	{"quantity", "{\"x-kubernetes-int-or-string\":true," WIRE("quantity") "}"},
	{"intstr", "{\"x-kubernetes-int-or-string\":true," WIRE("intstr") "}"},
	{"any", ANY_OBJECT "}"},
	{"raw", ANY_OBJECT "," WIRE("raw") "}"},
};

static int read_type(struct reader *r, struct json **ret);

static int read_name(struct reader *r, struct json **ret)
{
	struct str name = word(r);
	struct json *schema;

	if (name.len == 0)
		return bad(r, "expected a type");
	for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++)
		if (str_eq_c(name, scalars[i].name))
			return json_parse(r->arena, str_of(scalars[i].schema), NULL, ret, r->err);
	schema = json_new_object(r->arena);
	json_set_text(schema, "$ref",
		arena_printf(r->arena, KUBEAPI_SCHEMA_REFERENCE "%" STR_F, STR_A(name)));
	*ret = schema;
	return 0;
}

static int read_map(struct reader *r, struct json **ret)
{
	struct json *schema = json_new_object(r->arena), *values;

	if (read_type(r, &values) < 0)
		return -1;
	if (!take(r, '}'))
		return bad(r, "expected }");
	json_set(schema, "type", json_new_cstr(r->arena, "object"));
	json_set(schema, "additionalProperties", values);
	if (take(r, '!'))
		json_set(schema, "x-kubernetes-map-type", json_new_cstr(r->arena, "atomic"));
	*ret = schema;
	return 0;
}

static int read_keys(struct reader *r, struct json *schema)
{
	struct json *keys = json_new_array(r->arena);

	do {
		json_append(keys, json_new_string(r->arena, word(r)));
	} while (take(r, ' '));
	if (!take(r, ')'))
		return bad(r, "expected )");
	json_set(schema, "x-kubernetes-list-type", json_new_cstr(r->arena, "map"));
	json_set(schema, "x-kubernetes-list-map-keys", keys);
	return 0;
}

static int read_list(struct reader *r, struct json **ret)
{
	struct json *schema = json_new_object(r->arena), *items;

	if (read_type(r, &items) < 0)
		return -1;
	if (!take(r, ']'))
		return bad(r, "expected ]");
	json_set(schema, "type", json_new_cstr(r->arena, "array"));
	json_set(schema, "items", items);
	*ret = schema;
	if (take(r, '('))
		return read_keys(r, schema);
	json_set(schema, "x-kubernetes-list-type",
		json_new_cstr(r->arena, take(r, '*') ? "set" : "atomic"));
	return 0;
}

static int read_type(struct reader *r, struct json **ret)
{
	if (take(r, '{'))
		return read_map(r, ret);
	if (take(r, '['))
		return read_list(r, ret);
	return read_name(r, ret);
}

static int read_default(struct reader *r, struct json *schema)
{
	size_t start = r->at;
	struct json *value;

	while (r->at < r->text.len && peek(r) != ',' && peek(r) != '\n')
		r->at++;
	if (json_parse(r->arena, str_slice(r->text, start, r->at - start), NULL, &value, r->err) <
		0)
		return -1;
	json_set(schema, "default", value);
	return 0;
}

/* "12:" or "2.12:" in front of a field; null when there is none. */
static struct str read_number(struct reader *r)
{
	size_t start = r->at;

	while (isdigit((unsigned char)peek(r)) || peek(r) == '.')
		r->at++;
	struct str number = str_slice(r->text, start, r->at - start);
	return take(r, ':') ? number : STR_NULL;
}

static int read_field(struct reader *r, struct json *properties, struct json *required)
{
	struct str number = read_number(r), name = word(r);
	struct json *schema;

	if (name.len == 0)
		return bad(r, "expected a field");
	if (take(r, '+'))
		json_append(required, json_new_string(r->arena, name));
	bool is_pointer = take(r, '?');
	skip_spaces(r);
	if (read_type(r, &schema) < 0)
		return -1;
	json_set_text(schema, KUBEAPI_SCHEMA_NUMBER, number);
	if (is_pointer)
		json_set_bool(schema, KUBEAPI_SCHEMA_POINTER, true);
	if (take(r, '=') && read_default(r, schema) < 0)
		return -1;
	json_set_str(properties, name, schema);
	return 0;
}

static int read_fields(struct reader *r, struct json *type)
{
	struct json *properties = json_new_object(r->arena);
	struct json *required = json_new_array(r->arena);

	do {
		skip_spaces(r);
		if (read_field(r, properties, required) < 0)
			return -1;
	} while (take(r, ','));
	json_set(type, "type", json_new_cstr(r->arena, "object"));
	json_set(type, "properties", properties);
	if (json_count(required) > 0)
		json_set(type, "required", required);
	return 0;
}

/* What stands beside a $ref does not count (OpenAPI 3.0, Reference Object): a field with a default
 * gets the type itself in the reference's place. */
static void inline_defaults(struct arena *arena, struct json *schemas)
{
	const size_t prefix = sizeof(KUBEAPI_SCHEMA_REFERENCE) - 1;
	struct json *type, *field;

	json_for_each (schemas, i, type) {
		struct json *properties = json_get(type, "properties");
		json_for_each (properties, k, field) {
			struct str reference = json_get_text(field, "$ref");
			if (str_is_null(reference) || !json_get(field, "default"))
				continue;
			struct json *copy = json_copy(arena,
				json_get_str(schemas, str_slice(reference, prefix, reference.len)));
			json_set(copy, "default", json_get(field, "default"));
			json_set(copy, KUBEAPI_SCHEMA_NUMBER,
				json_get(field, KUBEAPI_SCHEMA_NUMBER));
			json_replace_at(properties, k, copy);
		}
	}
}

int kubeapi_notation_read(
	struct arena *arena, struct str text, struct json **ret, struct error *err)
{
	struct reader r = {.arena = arena, .text = text, .err = err};
	struct json *document = json_new_object(arena), *schemas = json_new_object(arena);
	struct json *components = json_new_object(arena);

	while (r.at < text.len) {
		struct json *type = json_new_object(arena);
		struct str name = word(&r);
		if (take(&r, '!'))
			json_set(type, "x-kubernetes-map-type", json_new_cstr(arena, "atomic"));
		if (name.len == 0 || !take(&r, ':'))
			return bad(&r, "expected `Name:`");
		if (read_fields(&r, type) < 0)
			return -1;
		if (!take(&r, '\n'))
			return bad(&r, "expected a comma or the end of the line");
		json_set_str(schemas, name, type);
	}
	inline_defaults(arena, schemas);
	json_set(components, "schemas", schemas);
	json_set(document, "components", components);
	*ret = document;
	return arena_is_exhausted(arena) ? error_set(err, ERROR_MEMORY, "no memory for types") : 0;
}
