/*
 * kubeapi_protobuf.c - from protobuf (proto2, as gogo/protobuf writes it) to JSON.
 *
 * Driven by the same types as everything else about built-in kinds, whose fields carry their
 * numbers. A struct that is embedded inline in Go is a message of its own on the wire: its fields
 * have numbers like "2.7", and land in the object around it.
 */
#include "local/kubeapi_protobuf.h"

#include "base/clock.h"
#include "base/hash.h"
#include "local/kubeapi_notation.h"

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct input {
	const unsigned char *at, *end;
};

struct field {
	uint64_t number;
	enum wire wire;
	uint64_t value;	  /* of a varint or a fixed one */
	struct str bytes; /* else */
};

struct reader {
	struct arena *arena;
	const struct json *schemas;
	struct error *err;
	unsigned depth;
};

static struct input input_of(struct str bytes)
{
	const unsigned char *at = (const unsigned char *)bytes.ptr;

	return (struct input){at, at + bytes.len};
}

static int damaged(struct reader *r)
{
	return error_set(r->err, ERROR_INVALID, "the protobuf message is damaged");
}

static bool read_varint(struct input *in, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
		unsigned char byte = *in->at++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

static bool read_fixed(struct input *in, size_t size, uint64_t *ret)
{
	*ret = 0;
	if ((size_t)(in->end - in->at) < size)
		return false;
	for (size_t i = 0; i < size; i++)
		*ret |= (uint64_t)*in->at++ << (8 * i);
	return true;
}

static bool read_field(struct input *in, struct field *ret)
{
	uint64_t tag;

	if (!read_varint(in, &tag))
		return false;
	ret->number = tag >> 3;
	ret->wire = (enum wire)(tag & 7);
	ret->bytes = STR("");
	switch (ret->wire) {
	case WIRE_VARINT:
		return read_varint(in, &ret->value);
	case WIRE_FIXED64:
		return read_fixed(in, 8, &ret->value);
	case WIRE_FIXED32:
		return read_fixed(in, 4, &ret->value);
	case WIRE_BYTES:
		if (!read_varint(in, &ret->value) || ret->value > (uint64_t)(in->end - in->at))
			return false;
		ret->bytes = str_n((const char *)in->at, (size_t)ret->value);
		in->at += ret->value;
		return true;
	}
	return false;
}

/* The last field with this number and type, as a parser of the message would see it. */
static bool find_field(struct str message, uint64_t number, enum wire wire, struct field *ret)
{
	struct input in = input_of(message);
	struct field field;
	bool is_found = false;

	while (in.at < in.end && read_field(&in, &field)) {
		if (field.number == number && field.wire == wire) {
			*ret = field;
			is_found = true;
		}
	}
	return is_found;
}

/* --- messages that JSON has as one value ---------------------------------------------------- */

/* meta/v1 Time and MicroTime: {seconds 1, nanos 2}; without either it is the zero time. */
static struct json *time_value(struct reader *r, struct str message, bool is_exact)
{
	struct field seconds = {0}, nanos = {0};
	int64_t us;

	if (!find_field(message, 1, WIRE_VARINT, &seconds) &&
		!find_field(message, 2, WIRE_VARINT, &nanos))
		return NULL;
	find_field(message, 2, WIRE_VARINT, &nanos);
	if (__builtin_mul_overflow((int64_t)seconds.value, CLOCK_US_PER_S, &us))
		return NULL;
	if (!is_exact)
		return json_new_string(r->arena, clock_text_seconds(r->arena, us));
	return json_new_string(r->arena, clock_text(r->arena, us + (int64_t)(nanos.value / 1000)));
}

/* util/intstr IntOrString: {type 1, intVal 2, strVal 3}. */
static struct json *int_or_string(struct reader *r, struct str message)
{
	struct field type = {0}, number = {0}, text = {.bytes = STR("")};

	find_field(message, 1, WIRE_VARINT, &type);
	find_field(message, 2, WIRE_VARINT, &number);
	find_field(message, 3, WIRE_BYTES, &text);
	return type.value == 1 ? json_new_string(r->arena, text.bytes)
			       : json_new_int(r->arena, (int64_t)number.value);
}

/* api/resource Quantity: {string 1}. */
static struct json *quantity(struct reader *r, struct str message)
{
	struct field text = {.bytes = STR("0")};

	find_field(message, 1, WIRE_BYTES, &text);
	return json_new_string(r->arena, text.bytes);
}

/* RawExtension and FieldsV1: {raw 1}, JSON. */
static struct json *raw(struct reader *r, struct str message)
{
	struct field text = {0};
	struct json *value;

	if (!find_field(message, 1, WIRE_BYTES, &text) || text.bytes.len == 0 ||
		json_parse(r->arena, text.bytes, NULL, &value, NULL) < 0)
		return NULL;
	return value;
}

static struct json *special(struct reader *r, struct str wire, struct str message)
{
	if (str_eq_c(wire, "time"))
		return time_value(r, message, false);
	if (str_eq_c(wire, "microtime"))
		return time_value(r, message, true);
	if (str_eq_c(wire, "intstr"))
		return int_or_string(r, message);
	return str_eq_c(wire, "quantity") ? quantity(r, message) : raw(r, message);
}

/* --- values -------------------------------------------------------------------------------- */

static int read_message(struct reader *r, const struct json *schema, struct str prefix,
	struct str message, struct json *object);

static const struct json *resolve(struct reader *r, const struct json *schema)
{
	struct str reference = json_get_text(schema, "$ref");
	const size_t prefix = sizeof(KUBEAPI_SCHEMA_REFERENCE) - 1;

	return str_is_null(reference)
		       ? schema
		       : json_get_str(r->schemas, str_slice(reference, prefix, reference.len));
}

static double double_of(uint64_t bits)
{
	double number;

	memcpy(&number, &bits, sizeof(number));
	return number;
}

/* With *ret NULL: a value that Go leaves out. */
static int read_scalar(struct reader *r, const struct json *schema, const struct field *field,
	bool keeps_zero, struct json **ret)
{
	struct str type = json_get_text(schema, "type");
	bool is_string = str_eq_c(type, "string");
	bool is_zero = field->wire == WIRE_BYTES ? field->bytes.len == 0 : field->value == 0;

	*ret = NULL;
	if (is_string != (field->wire == WIRE_BYTES))
		return damaged(r);
	if (is_zero && !keeps_zero)
		return 0;
	if (is_string && str_eq_c(json_get_text(schema, "format"), "byte"))
		*ret = json_new_string(r->arena, hash_base64(r->arena, field->bytes));
	else if (is_string)
		*ret = json_new_string(r->arena, field->bytes);
	else if (str_eq_c(type, "boolean"))
		*ret = json_new_bool(r->arena, field->value != 0);
	else if (str_eq_c(type, "number"))
		*ret = json_new_double(r->arena, double_of(field->value));
	else
		*ret = json_new_int(r->arena, (int64_t)field->value);
	return 0;
}

static int read_value(struct reader *r, const struct json *schema, const struct field *field,
	bool keeps_zero, struct json **ret)
{
	struct str wire = json_get_text(schema, KUBEAPI_SCHEMA_WIRE);
	const struct json *type = resolve(r, schema);

	if (!str_is_null(wire)) {
		if (field->wire != WIRE_BYTES)
			return damaged(r);
		*ret = special(r, wire, field->bytes);
		return 0;
	}
	if (!str_eq_c(json_get_text(type, "type"), "object"))
		return read_scalar(r, type, field, keeps_zero, ret);
	if (field->wire != WIRE_BYTES)
		return damaged(r);
	*ret = json_new_object(r->arena);
	return read_message(r, type, STR(""), field->bytes, *ret);
}

/* An entry of a map: {key 1, value 2}. */
static int read_entry(
	struct reader *r, const struct json *schema, const struct field *field, struct json *map)
{
	struct field key = {.bytes = STR("")};
	struct field value = {.wire = WIRE_BYTES, .bytes = STR("")};
	struct json *item = NULL;

	if (field->wire != WIRE_BYTES)
		return damaged(r);
	find_field(field->bytes, 1, WIRE_BYTES, &key);
	find_field(field->bytes, 2, WIRE_BYTES, &value);
	if (read_value(r, schema, &value, true, &item) < 0)
		return -1;
	json_set_str(map, key.bytes.ptr ? key.bytes : STR(""), item);
	return 0;
}

static struct json *container(struct json *object, struct str name, bool is_list)
{
	struct json *value = json_get_str(object, name);

	if (!value) {
		value = is_list ? json_new_array(json_arena(object))
				: json_new_object(json_arena(object));
		json_set_str(object, name, value);
	}
	return value;
}

static int read_property(struct reader *r, const struct json *schema, struct str name,
	const struct field *field, struct json *object)
{
	const struct json *values = json_get(schema, "additionalProperties");
	const struct json *items = json_get(schema, "items");
	struct json *value = NULL;

	if (values)
		return read_entry(r, values, field, container(object, name, false));
	if (read_value(r, items ? items : schema, field,
		    items || json_bool(json_get(schema, KUBEAPI_SCHEMA_POINTER), false),
		    &value) < 0)
		return -1;
	if (items)
		json_append(container(object, name, true), value);
	else
		json_set_str(object, name, value);
	return 0;
}

/* --- messages ------------------------------------------------------------------------------ */

static int read_member(struct reader *r, const struct json *schema, struct str prefix,
	const struct field *field, struct json *object)
{
	const struct json *properties = json_get(schema, "properties");
	struct str number = arena_printf(
		r->arena, "%" STR_F "%llu", STR_A(prefix), (unsigned long long)field->number);
	struct str inside = arena_printf(r->arena, "%" STR_F ".", STR_A(number));
	struct json *property;

	json_for_each (properties, i, property) {
		struct str each = json_get_text(property, KUBEAPI_SCHEMA_NUMBER);
		if (str_eq(each, number))
			return read_property(
				r, property, json_key_at(properties, i), field, object);
		if (str_starts_with(each, inside) && field->wire == WIRE_BYTES)
			return read_message(r, schema, inside, field->bytes, object);
	}
	return 0; /* a field that is newer than we are */
}

static int read_message(struct reader *r, const struct json *schema, struct str prefix,
	struct str message, struct json *object)
{
	struct input in = input_of(message);
	struct field field;
	int result = 0;

	if (r->depth == KUBEAPI_PROTOBUF_MAX_DEPTH)
		return error_set(r->err, ERROR_INVALID, "the protobuf message is too deep");
	r->depth++;
	while (in.at < in.end && result == 0)
		result = read_field(&in, &field) ? read_member(r, schema, prefix, &field, object)
						 : damaged(r);
	r->depth--;
	return result;
}

/* Field 1 of every kind is its metadata, which the types of kinds do not list. */
static int read_metadata(struct reader *r, struct str message, struct json *object)
{
	const struct json *schema = json_get(r->schemas, "ObjectMeta");
	struct json *metadata = json_new_object(r->arena);
	struct field field;

	if (!find_field(message, 1, WIRE_BYTES, &field))
		return 0;
	json_set(object, "metadata", metadata);
	return read_message(r, schema, STR(""), field.bytes, metadata);
}

int kubeapi_protobuf_read(struct arena *arena, const struct json *document, struct str body,
	struct json **ret, struct error *err)
{
	struct reader r = {.arena = arena,
		.schemas = json_find(document, "components", "schemas", NULL),
		.err = err};
	struct str magic = str_n("k8s\0", 4), unknown = str_slice(body, 4, body.len);
	struct field type = {.bytes = STR("")}, message = {.bytes = STR("")};
	struct field api_version = {.bytes = STR("")}, kind = {.bytes = STR("")};
	struct json *object = json_new_object(arena);

	if (!str_starts_with(body, magic))
		return error_set(err, ERROR_INVALID, "the body does not begin with \"k8s\\0\"");
	find_field(unknown, 1, WIRE_BYTES, &type);
	find_field(unknown, 2, WIRE_BYTES, &message);
	find_field(type.bytes, 1, WIRE_BYTES, &api_version);
	find_field(type.bytes, 2, WIRE_BYTES, &kind);
	const struct json *schema = json_get_str(r.schemas, kind.bytes);
	const struct json *first = json_at(json_get(schema, "properties"), 0);
	if (!json_get(first, KUBEAPI_SCHEMA_NUMBER))
		return error_set(err, ERROR_INVALID,
			"kind \"%" STR_F "\" is not read from protobuf", STR_A(kind.bytes));
	json_set_text(object, "apiVersion", api_version.bytes);
	json_set_text(object, "kind", kind.bytes);
	if (!str_eq_c(kind.bytes, "DeleteOptions") && read_metadata(&r, message.bytes, object) < 0)
		return -1;
	if (read_message(&r, schema, STR(""), message.bytes, object) < 0)
		return -1;
	/* Protobuf's strings may hold any bytes; a document may not. */
	return json_parse(arena, json_text(arena, object, JSON_WRITE_COMPACT), NULL, ret, err);
}
