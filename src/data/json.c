/*
 * json.c - reading and building JSON values.
 *
 * Containers are arrays in the arena; objects are searched from the front, which for the sizes that
 * occur (a handful of members) beats any index and keeps the order as written. Growing a container
 * leaves its old array to the arena.
 */
#include "data/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "data/json_value.h"

#define CONTAINER_FIRST 4u
#define EXACT_DOUBLE 9007199254740992.0 /* 2^53: integers up to here are exact */

enum json_type json_type(const struct json *value)
{
	return value ? (enum json_type)value->type : JSON_NULL;
}

bool json_is(const struct json *value, enum json_type type)
{
	return value && value->type == type;
}

bool json_is_null(const struct json *value)
{
	return !value || value->type == JSON_NULL;
}

const char *json_type_name(enum json_type type)
{
	static const char *const names[] = {[JSON_NULL] = "null",
		[JSON_BOOL] = "a boolean",
		[JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string",
		[JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
		[JSON_RAW] = "raw text"};

	return names[type];
}

static struct json_member *find_member(const struct json *object, struct str key)
{
	if (!json_is(object, JSON_OBJECT))
		return NULL;
	for (uint32_t i = 0; i < object->count; i++)
		if (str_eq(object->members[i].key, key))
			return &object->members[i];
	return NULL;
}

struct json *json_get_str(const struct json *object, struct str key)
{
	const struct json_member *member = find_member(object, key);

	return member ? member->value : NULL;
}

struct json *json_get(const struct json *object, const char *key)
{
	return json_get_str(object, str_of(key));
}

struct json *json_find(const struct json *object, ...)
{
	struct json *value = (struct json *)object;
	const char *key;
	va_list ap;

	va_start(ap, object);
	while (value && (key = va_arg(ap, const char *)))
		value = json_get(value, key);
	va_end(ap);
	return value;
}

size_t json_count(const struct json *container)
{
	return json_is(container, JSON_ARRAY) || json_is(container, JSON_OBJECT) ? container->count
										 : 0;
}

struct json *json_at(const struct json *container, size_t index)
{
	if (index >= json_count(container))
		return NULL;
	return container->type == JSON_ARRAY ? container->items[index]
					     : container->members[index].value;
}

struct str json_key_at(const struct json *object, size_t index)
{
	if (!json_is(object, JSON_OBJECT) || index >= object->count)
		return STR_NULL;
	return object->members[index].key;
}

struct str json_str(const struct json *value)
{
	return json_is(value, JSON_STRING) ? value->text : STR_NULL;
}

struct str json_number_text(const struct json *value)
{
	return json_is(value, JSON_NUMBER) ? value->text : STR_NULL;
}

bool json_bool(const struct json *value, bool fallback)
{
	return json_is(value, JSON_BOOL) ? value->boolean : fallback;
}

bool json_to_int(const struct json *value, int64_t *ret)
{
	double number;

	if (!json_is(value, JSON_NUMBER))
		return false;
	if (str_to_int64(value->text, ret))
		return true;
	if (!str_to_double(value->text, &number) || number != trunc(number) ||
		fabs(number) > EXACT_DOUBLE)
		return false;
	*ret = (int64_t)number;
	return true;
}

int64_t json_int(const struct json *value, int64_t fallback)
{
	int64_t number;

	return json_to_int(value, &number) ? number : fallback;
}

double json_double(const struct json *value, double fallback)
{
	double number;

	return json_is(value, JSON_NUMBER) && str_to_double(value->text, &number) ? number
										  : fallback;
}

struct str json_get_text(const struct json *object, const char *key)
{
	return json_str(json_get(object, key));
}

static bool equal_numbers(struct str a, struct str b)
{
	int64_t x, y;
	double u, v;

	if (str_eq(a, b))
		return true;
	if (str_to_int64(a, &x) && str_to_int64(b, &y))
		return x == y;
	return str_to_double(a, &u) && str_to_double(b, &v) && !(u < v) && !(u > v);
}

static bool equal_arrays(const struct json *a, const struct json *b)
{
	for (uint32_t i = 0; i < a->count; i++)
		if (!json_equal(a->items[i], b->items[i]))
			return false;
	return true;
}

static bool equal_objects(const struct json *a, const struct json *b)
{
	for (uint32_t i = 0; i < a->count; i++) {
		struct str key = a->members[i].key;
		/* Mostly both have the same order. */
		const struct json *other =
			str_eq(b->members[i].key, key) ? b->members[i].value : json_get_str(b, key);
		if (!other || !json_equal(a->members[i].value, other))
			return false;
	}
	return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
	if (a == b || (json_is_null(a) && json_is_null(b)))
		return true;
	if (json_type(a) != json_type(b))
		return false;
	switch ((enum json_type)a->type) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return a->boolean == b->boolean;
	case JSON_NUMBER:
		return equal_numbers(a->text, b->text);
	case JSON_STRING:
	case JSON_RAW:
		return str_eq(a->text, b->text);
	case JSON_ARRAY:
		return a->count == b->count && equal_arrays(a, b);
	case JSON_OBJECT:
		return a->count == b->count && equal_objects(a, b);
	}
	return false;
}

static struct json *new_value(struct arena *arena, enum json_type type)
{
	struct json *value = arena_alloc(arena, sizeof(*value));

	if (value)
		*value = (struct json){.type = (uint8_t)type};
	return value;
}

static struct json *new_container(struct arena *arena, enum json_type type)
{
	struct json *value = new_value(arena, type);

	if (value)
		value->arena = arena;
	return value;
}

static struct json *new_text(struct arena *arena, enum json_type type, struct str text)
{
	struct json *value = text.ptr ? new_value(arena, type) : NULL;

	if (value)
		value->text = text;
	return value;
}

struct json *json_new_object(struct arena *arena)
{
	return new_container(arena, JSON_OBJECT);
}

struct json *json_new_array(struct arena *arena)
{
	return new_container(arena, JSON_ARRAY);
}

struct json *json_new_string(struct arena *arena, struct str text)
{
	return text.ptr ? new_text(arena, JSON_STRING, text) : json_new_null(arena);
}

struct json *json_new_cstr(struct arena *arena, const char *text)
{
	return json_new_string(arena, str_of(text));
}

struct json *json_new_int(struct arena *arena, int64_t number)
{
	return new_text(arena, JSON_NUMBER, arena_printf(arena, "%lld", (long long)number));
}

struct json *json_new_double(struct arena *arena, double number)
{
	char text[40];

	if (!isfinite(number))
		return json_new_null(arena);
	for (int digits = 15; digits <= 17; digits++) {
		double back;
		int length = snprintf(text, sizeof(text), "%.*g", digits, number);
		if (str_to_double(str_n(text, (size_t)length), &back) && !(back < number) &&
			!(back > number))
			break;
	}
	return new_text(arena, JSON_NUMBER, arena_str(arena, str_of(text)));
}

struct json *json_new_number(struct arena *arena, struct str text)
{
	return new_text(arena, JSON_NUMBER, text);
}

struct json *json_new_bool(struct arena *arena, bool boolean)
{
	struct json *value = new_value(arena, JSON_BOOL);

	if (value)
		value->boolean = boolean;
	return value;
}

struct json *json_new_null(struct arena *arena)
{
	return new_value(arena, JSON_NULL);
}

struct json *json_new_raw(struct arena *arena, struct str text)
{
	return new_text(arena, JSON_RAW, text);
}

struct json *json_copy(struct arena *arena, const struct json *value)
{
	struct json *copy;

	if (!value)
		return NULL;
	switch ((enum json_type)value->type) {
	case JSON_NULL:
	case JSON_BOOL:
		copy = new_value(arena, (enum json_type)value->type);
		if (copy)
			copy->boolean = value->boolean;
		return copy;
	case JSON_NUMBER:
	case JSON_STRING:
	case JSON_RAW:
		return new_text(arena, (enum json_type)value->type, arena_str(arena, value->text));
	case JSON_ARRAY:
		copy = json_new_array(arena);
		for (uint32_t i = 0; i < value->count; i++)
			json_append(copy, json_copy(arena, value->items[i]));
		return copy;
	case JSON_OBJECT:
		break;
	}
	copy = json_new_object(arena);
	for (uint32_t i = 0; i < value->count; i++)
		json_set_str(copy, arena_str(arena, value->members[i].key),
			json_copy(arena, value->members[i].value));
	return copy;
}

/* Room for one more; false when the arena has none. */
static bool make_room(struct json *container, size_t element)
{
	if (container->count < container->capacity)
		return true;
	uint32_t capacity = container->capacity ? container->capacity * 2 : CONTAINER_FIRST;
	if (capacity < container->capacity)
		return false;
	void *grown = arena_alloc(container->arena, capacity * element);
	if (!grown)
		return false;
	if (container->count)
		memcpy(grown, container->items, container->count * element);
	container->items = grown;
	container->capacity = capacity;
	return true;
}

void json_set_str(struct json *object, struct str key, struct json *value)
{
	if (!json_is(object, JSON_OBJECT) || !value || !key.ptr)
		return;
	struct json_member *member = find_member(object, key);
	if (member)
		member->value = value;
	else if (make_room(object, sizeof(struct json_member)))
		object->members[object->count++] = (struct json_member){key, value};
}

void json_set(struct json *object, const char *key, struct json *value)
{
	json_set_str(object, str_of(key), value);
}

void json_set_text(struct json *object, const char *key, struct str text)
{
	if (object && text.ptr)
		json_set(object, key, json_new_string(object->arena, text));
}

void json_set_int(struct json *object, const char *key, int64_t number)
{
	if (object)
		json_set(object, key, json_new_int(object->arena, number));
}

void json_set_bool(struct json *object, const char *key, bool boolean)
{
	if (object)
		json_set(object, key, json_new_bool(object->arena, boolean));
}

bool json_remove(struct json *object, struct str key)
{
	struct json_member *member = find_member(object, key);

	if (!member)
		return false;
	size_t after = object->count - (size_t)(member - object->members) - 1;
	memmove(member, member + 1, after * sizeof(*member));
	object->count--;
	return true;
}

void json_insert_at(struct json *array, size_t index, struct json *item)
{
	if (!json_is(array, JSON_ARRAY) || !item || !make_room(array, sizeof(item)))
		return;
	if (index > array->count)
		index = array->count;
	memmove(array->items + index + 1, array->items + index,
		(array->count - index) * sizeof(item));
	array->items[index] = item;
	array->count++;
}

void json_append(struct json *array, struct json *item)
{
	json_insert_at(array, SIZE_MAX, item);
}

void json_remove_at(struct json *array, size_t index)
{
	if (!json_is(array, JSON_ARRAY) || index >= array->count)
		return;
	memmove(array->items + index, array->items + index + 1,
		(array->count - index - 1) * sizeof(array->items[0]));
	array->count--;
}

void json_replace_at(struct json *container, size_t index, struct json *value)
{
	if (index >= json_count(container) || !value)
		return;
	if (container->type == JSON_ARRAY)
		container->items[index] = value;
	else
		container->members[index].value = value;
}

struct arena *json_arena(const struct json *container)
{
	return json_is(container, JSON_ARRAY) || json_is(container, JSON_OBJECT) ? container->arena
										 : NULL;
}
