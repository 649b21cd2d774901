/*
 * cel_value.c - values: from and to JSON, containers, equality, order, text.
 *
 * A list or map of a document stays a pointer into it; its items become values one at a time, when
 * somebody looks. That keeps `resource.spec.a == 1` from converting the whole resource.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "data/cel_tree.h"
#include "data/json_scan.h"

#define DOUBLE_DIGITS 17
#define DOUBLE_TEXT_MAX 40
#define MAX_PLAIN_EXPONENT 5 /* from 1e+06 on with an exponent, as Go */

/* --- failing ------------------------------------------------------------------------------- */

int cel_fail(struct cel_run *run, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error_vset(&run->error, ERROR_INVALID, format, ap);
	va_end(ap);
	return -1;
}

int cel_no_memory(struct cel_run *run)
{
	if (run->steps > CEL_MAX_STEPS) /* what gave up did so for the limit */
		return cel_charge(run, 0);
	return error_set(&run->error, ERROR_MEMORY, "out of memory while evaluating an expression");
}

int cel_charge(struct cel_run *run, uint64_t steps)
{
	run->steps += steps;
	if (run->steps > CEL_MAX_STEPS)
		return error_set(&run->error, ERROR_LIMITED,
			"the expression takes more than %u steps", CEL_MAX_STEPS);
	return 0;
}

int cel_spend(struct cel_run *run, uint64_t cost)
{
	if (__builtin_add_overflow(run->cost, cost, &run->cost))
		run->cost = UINT64_MAX;
	if (run->cost > run->cost_limit)
		return error_set(&run->error, ERROR_LIMITED, "the expression costs more than %llu",
			(unsigned long long)run->cost_limit);
	return 0;
}

const char *cel_type_name(const struct cel_value *value)
{
	static const char *const names[] = {"null_type", "bool", "int", "uint", "double", "string",
		"bytes", "list", "map", "google.protobuf.Timestamp", "google.protobuf.Duration",
		"type", "optional_type"};

	return names[value->type];
}

int cel_no_overload(
	struct cel_run *run, const char *name, const struct cel_value *arguments, size_t count)
{
	char list[200] = "";
	size_t len = 0;

	for (size_t i = 0; i < count && len < sizeof(list); i++)
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "",
			cel_type_name(&arguments[i]));
	return cel_fail(run, "no such overload: %s(%s)", name, list);
}

/* --- JSON ---------------------------------------------------------------------------------- */

static struct cel_value from_number(const struct json *json)
{
	struct str text = json_number_text(json);
	int64_t integer;

	if (str_to_int64(text, &integer))
		return (struct cel_value){.type = CEL_INT, .is_json = true, .as.integer = integer};
	return cel_double(json_double(json, 0));
}

struct cel_value cel_from_json(const struct json *json)
{
	struct cel_value value = {.type = CEL_NULL};

	switch (json_type(json)) {
	case JSON_NULL:
	case JSON_RAW:
		return value;
	case JSON_BOOL:
		return cel_bool(json_bool(json, false));
	case JSON_NUMBER:
		return from_number(json);
	case JSON_STRING:
		return cel_string(json_str(json));
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	value.type = json_is(json, JSON_ARRAY) ? CEL_LIST : CEL_MAP;
	value.as.list.json = json;
	return value;
}

static struct json *list_to_json(struct cel_run *run, const struct cel_value *list)
{
	struct json *array = json_new_array(run->arena);

	if (cel_charge(run, cel_count(list)) != 0)
		return NULL;
	for (size_t i = 0; i < cel_count(list); i++) {
		struct cel_value item = cel_item(list, i);
		struct json *json = cel_to_json(run, &item);

		if (json == NULL)
			return NULL;
		json_append(array, json);
	}
	return array;
}

/* Keys that are not strings become text, as in proto3's JSON. */
static struct str key_text(struct cel_run *run, const struct cel_value *key)
{
	struct json *json;

	if (key->type == CEL_STRING)
		return key->as.text;
	json = cel_to_json(run, key);
	return json ? json_text(run->arena, json, JSON_WRITE_COMPACT) : STR("");
}

static struct json *map_to_json(struct cel_run *run, const struct cel_value *map)
{
	struct json *object = json_new_object(run->arena);

	if (cel_charge(run, cel_count(map)) != 0)
		return NULL;
	for (size_t i = 0; i < cel_count(map); i++) {
		struct cel_value key = cel_key(map, i), value = cel_entry(map, i);
		struct json *json = cel_to_json(run, &value);

		if (json == NULL)
			return NULL;
		json_set_str(object, key_text(run, &key), json);
	}
	return object;
}

static struct json *natural_to_json(struct cel_run *run, uint64_t natural)
{
	return json_new_number(
		run->arena, arena_printf(run->arena, "%llu", (unsigned long long)natural));
}

struct json *cel_to_json(struct cel_run *run, const struct cel_value *value)
{
	struct arena *arena = run->arena;
	struct cel_time time;

	switch (value->type) {
	case CEL_NULL:
		return json_new_null(arena);
	case CEL_BOOL:
		return json_new_bool(arena, value->as.boolean);
	case CEL_INT:
		return json_new_int(arena, value->as.integer);
	case CEL_UINT:
		return natural_to_json(run, value->as.natural);
	case CEL_DOUBLE:
		return json_new_double(arena, value->as.number);
	case CEL_STRING:
	case CEL_TYPE:
		return json_new_string(arena, value->as.text);
	case CEL_BYTES:
		return json_new_string(arena, hash_base64(arena, value->as.text));
	case CEL_TIMESTAMP:
		time = value->as.time;
		time.offset = 0;
		return json_new_string(arena, cel_timestamp_text(arena, &time));
	case CEL_DURATION:
		return json_new_string(arena, cel_duration_text(arena, value->as.integer));
	case CEL_OPTIONAL:
		return value->as.optional ? cel_to_json(run, value->as.optional)
					  : json_new_null(arena);
	case CEL_LIST:
	case CEL_MAP:
		break;
	}
	if (value->as.list.json != NULL)
		return (struct json *)value->as.list.json;
	return value->type == CEL_LIST ? list_to_json(run, value) : map_to_json(run, value);
}

/* --- containers ---------------------------------------------------------------------------- */

size_t cel_count(const struct cel_value *container)
{
	size_t count;

	if (container->as.list.json != NULL)
		return json_count(container->as.list.json);
	count = container->as.list.items->count;
	return container->type == CEL_MAP ? count / 2 : count;
}

struct cel_value cel_item(const struct cel_value *list, size_t index)
{
	if (list->as.list.json != NULL)
		return cel_from_json(json_at(list->as.list.json, index));
	return list->as.list.items->values[index];
}

struct cel_value cel_key(const struct cel_value *map, size_t index)
{
	if (map->as.list.json != NULL)
		return cel_string(json_key_at(map->as.list.json, index));
	return map->as.list.items->values[2 * index];
}

struct cel_value cel_entry(const struct cel_value *map, size_t index)
{
	if (map->as.list.json != NULL)
		return cel_from_json(json_at(map->as.list.json, index));
	return map->as.list.items->values[2 * index + 1];
}

static bool is_number(const struct cel_value *value)
{
	return value->type == CEL_INT || value->type == CEL_UINT || value->type == CEL_DOUBLE;
}

/* Keys are bools, numbers and strings, so no deep comparison is needed. */
static bool keys_equal(const struct cel_value *a, const struct cel_value *b)
{
	int order;

	if (a->type == CEL_STRING || b->type == CEL_STRING)
		return a->type == b->type && str_eq(a->as.text, b->as.text);
	return (is_number(a) == is_number(b)) && cel_order(a, b, &order) && order == 0;
}

bool cel_lookup(const struct cel_value *map, const struct cel_value *key, struct cel_value *ret)
{
	if (map->as.list.json != NULL) {
		const struct json *member;

		if (key->type != CEL_STRING)
			return false;
		member = json_get_str(map->as.list.json, key->as.text);
		if (member != NULL)
			*ret = cel_from_json(member);
		return member != NULL;
	}
	for (size_t i = 0; i < cel_count(map); i++) {
		struct cel_value known = cel_key(map, i);

		if (keys_equal(&known, key)) {
			*ret = cel_entry(map, i);
			return true;
		}
	}
	return false;
}

struct cel_items *cel_new_items(struct cel_run *run, size_t capacity)
{
	struct cel_items *items = arena_new_of(run->arena, struct cel_items);

	if (items == NULL)
		return NULL;
	items->values = arena_calloc(run->arena, capacity + 1, sizeof(struct cel_value));
	return items->values ? items : NULL;
}

struct cel_value cel_list(const struct cel_items *items)
{
	return (struct cel_value){.type = CEL_LIST, .as.list.items = items};
}

struct cel_value cel_map(const struct cel_items *items)
{
	return (struct cel_value){.type = CEL_MAP, .as.list.items = items};
}

int cel_optional_of(struct cel_run *run, const struct cel_value *value, struct cel_value *ret)
{
	struct cel_value *copy = arena_new_of(run->arena, struct cel_value);

	if (copy == NULL)
		return cel_no_memory(run);
	*copy = *value;
	*ret = (struct cel_value){.type = CEL_OPTIONAL, .as.optional = copy};
	return 0;
}

/* --- equality and order -------------------------------------------------------------------- */

static int lists_equal(
	struct cel_run *run, const struct cel_value *a, const struct cel_value *b, bool *ret)
{
	size_t count = cel_count(a);

	*ret = count == cel_count(b);
	for (size_t i = 0; i < count && *ret; i++) {
		struct cel_value x = cel_item(a, i), y = cel_item(b, i);

		if (cel_equal(run, &x, &y, ret) != 0)
			return -1;
	}
	return 0;
}

static int maps_equal(
	struct cel_run *run, const struct cel_value *a, const struct cel_value *b, bool *ret)
{
	size_t count = cel_count(a);

	*ret = count == cel_count(b);
	for (size_t i = 0; i < count && *ret; i++) {
		struct cel_value key = cel_key(a, i), x = cel_entry(a, i), y;

		if (b->as.list.json == NULL && cel_charge(run, count) != 0)
			return -1;
		*ret = cel_lookup(b, &key, &y);
		if (*ret && cel_equal(run, &x, &y, ret) != 0)
			return -1;
	}
	return 0;
}

static int optionals_equal(
	struct cel_run *run, const struct cel_value *a, const struct cel_value *b, bool *ret)
{
	*ret = (a->as.optional == NULL) == (b->as.optional == NULL);
	if (a->as.optional == NULL || b->as.optional == NULL)
		return 0;
	return cel_equal(run, a->as.optional, b->as.optional, ret);
}

int cel_equal(struct cel_run *run, const struct cel_value *a, const struct cel_value *b, bool *ret)
{
	int order;

	if (cel_charge(run, 1) != 0)
		return -1;
	if (is_number(a) && is_number(b)) {
		*ret = cel_order(a, b, &order) && order == 0;
		return 0;
	}
	*ret = a->type == b->type;
	if (!*ret)
		return 0;
	switch (a->type) {
	case CEL_LIST:
		return lists_equal(run, a, b, ret);
	case CEL_MAP:
		return maps_equal(run, a, b, ret);
	case CEL_OPTIONAL:
		return optionals_equal(run, a, b, ret);
	case CEL_TYPE:
		*ret = str_eq(a->as.text, b->as.text);
		return 0;
	case CEL_NULL:
		return 0;
	default:
		*ret = cel_order(a, b, &order) && order == 0;
		return 0;
	}
}

static int sign_of_int64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* An int against a double, exact where the int does not fit the double's 53 bits. */
static int order_int_double(int64_t integer, double number)
{
	if (number >= 9223372036854775808.0)
		return -1;
	if (number < -9223372036854775808.0)
		return 1;
	if (integer != (int64_t)number)
		return sign_of_int64(integer, (int64_t)number);
	return number > trunc(number) ? -1 : number < trunc(number) ? 1 : 0;
}

static int order_uint_double(uint64_t natural, double number)
{
	if (number >= 18446744073709551616.0)
		return -1;
	if (number < 0)
		return 1;
	if (natural != (uint64_t)number)
		return natural > (uint64_t)number ? 1 : -1;
	return number > trunc(number) ? -1 : 0;
}

static int order_int_uint(int64_t integer, uint64_t natural)
{
	if (integer < 0 || natural > INT64_MAX)
		return -1;
	return sign_of_int64(integer, (int64_t)natural);
}

static bool order_numbers(const struct cel_value *a, const struct cel_value *b, int *ret)
{
	if (a->type > b->type) {
		if (!order_numbers(b, a, ret))
			return false;
		*ret = -*ret;
		return true;
	}
	if (b->type == CEL_DOUBLE && isnan(b->as.number))
		return false;
	if (a->type == CEL_INT)
		*ret = b->type == CEL_INT    ? sign_of_int64(a->as.integer, b->as.integer)
		       : b->type == CEL_UINT ? order_int_uint(a->as.integer, b->as.natural)
					     : order_int_double(a->as.integer, b->as.number);
	else if (a->type == CEL_UINT)
		*ret = b->type == CEL_UINT
			       ? (a->as.natural > b->as.natural) - (a->as.natural < b->as.natural)
			       : order_uint_double(a->as.natural, b->as.number);
	else if (isnan(a->as.number))
		return false;
	else
		*ret = (a->as.number > b->as.number) - (a->as.number < b->as.number);
	return true;
}

bool cel_order(const struct cel_value *a, const struct cel_value *b, int *ret)
{
	if (is_number(a) && is_number(b))
		return order_numbers(a, b, ret);
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case CEL_BOOL:
		*ret = a->as.boolean - b->as.boolean;
		return true;
	case CEL_STRING:
	case CEL_BYTES:
		*ret = str_cmp(a->as.text, b->as.text);
		return true;
	case CEL_TIMESTAMP:
		*ret = sign_of_int64(a->as.time.seconds, b->as.time.seconds);
		if (*ret == 0)
			*ret = sign_of_int64(a->as.time.nanos, b->as.time.nanos);
		return true;
	case CEL_DURATION:
		*ret = sign_of_int64(a->as.integer, b->as.integer);
		return true;
	default:
		return false;
	}
}

bool cel_is_zero(const struct cel_value *value)
{
	switch (value->type) {
	case CEL_NULL:
		return true;
	case CEL_BOOL:
		return !value->as.boolean;
	case CEL_INT:
	case CEL_DURATION:
		return value->as.integer == 0;
	case CEL_UINT:
		return value->as.natural == 0;
	case CEL_DOUBLE:
		return value->as.number == 0;
	case CEL_STRING:
	case CEL_BYTES:
		return value->as.text.len == 0;
	case CEL_LIST:
	case CEL_MAP:
		return cel_count(value) == 0;
	case CEL_OPTIONAL: /* even an empty one is something */
	case CEL_TIMESTAMP:
	case CEL_TYPE:
		break;
	}
	return false;
}

/* --- text ---------------------------------------------------------------------------------- */

struct str cel_double_text(struct arena *arena, double number, bool is_plain)
{
	char text[DOUBLE_TEXT_MAX];
	int exponent, digits;
	char *mark;

	if (isnan(number))
		return STR("NaN");
	if (isinf(number) && is_plain)
		return number > 0 ? STR("Infinity") : STR("-Infinity");
	if (isinf(number))
		return number > 0 ? STR("+Inf") : STR("-Inf");
	for (int precision = 0; precision < DOUBLE_DIGITS; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, number);
		if (strtod(text, NULL) == number)
			break;
	}
	mark = strchr(text, 'e');
	exponent = (int)strtol(mark + 1, NULL, 10);
	digits = (int)(mark - text) - (text[0] == '-') - (strchr(text, '.') != NULL);
	if (!is_plain && (exponent < -4 || exponent > MAX_PLAIN_EXPONENT))
		return arena_printf(arena, "%s", text);
	if (exponent > DOUBLE_DIGITS) /* beyond them are zeros, not what the bits would give */
		return arena_printf(arena, "%s%c%.*s%0*d", number < 0 ? "-" : "", text[number < 0],
			digits - 1, text + (number < 0) + 2, exponent - digits + 1, 0);
	return arena_printf(
		arena, "%.*f", digits - 1 > exponent ? digits - 1 - exponent : 0, number);
}

bool cel_is_utf8(struct str text)
{
	for (size_t at = 0, length; at < text.len; at += length) {
		length = json_utf8_length(text.ptr + at, text.ptr + text.len);
		if (length == 0)
			return false;
	}
	return true;
}
