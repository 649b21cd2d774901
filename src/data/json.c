/*
 * json.c - reading and building documents.
 *
 * Absent stays absent: each reader takes NULL or a value of another type and answers with nothing,
 * each builder passes NULL on, so code that follows a path or builds a tree is a straight line.
 */
#include "data/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/json_node.h"

#define ITEMS_FIRST 4u
#define ITEMS_MAX (UINT32_MAX / 4)
#define NUMBER_TEXT_MAX 32

/* --- reading ------------------------------------------------------------------------------- */

unsigned json_line(const struct json *value)
{
	return value ? value->line : 0;
}

void json_set_line(struct json *value, unsigned line)
{
	if (value)
		value->line = line;
}

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
	return json_type(value) == JSON_NULL;
}

const char *json_type_name(enum json_type type)
{
	static const char *const names[] = {
		"null", "a boolean", "a number", "a string", "an array", "an object", "JSON text"};

	return names[type];
}

struct json *json_get_str(const struct json *object, struct str key)
{
	if (!json_is(object, JSON_OBJECT))
		return NULL;
	struct json_member *member = json_object_find(object, key);
	return member ? member->value : NULL;
}

struct json *json_get(const struct json *object, const char *key)
{
	return json_get_str(object, str_of(key));
}

struct json *json_get_any_case(const struct json *object, const char *key)
{
	struct json *found = NULL;

	for (size_t i = 0; json_is(object, JSON_OBJECT) && i < json_count(object); i++) {
		if (str_casecmp(json_key_at(object, i), str_of(key)) == 0)
			found = json_at(object, i);
	}
	return json_is_null(found) ? NULL : found;
}

struct json *json_find(const struct json *object, ...)
{
	struct json *found = (struct json *)object;
	const char *key;
	va_list keys;

	va_start(keys, object);
	while ((key = va_arg(keys, const char *)) != NULL)
		found = json_get(found, key);
	va_end(keys);
	return found;
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
	return json_is(object, JSON_OBJECT) && index < object->count ? object->members[index].key
								     : STR_NULL;
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
	return json_is(value, JSON_BOOL) ? value->is_true : fallback;
}

bool json_to_int(const struct json *value, int64_t *ret)
{
	return json_is(value, JSON_NUMBER) && json_number_to_int(value->text, ret);
}

int64_t json_int(const struct json *value, int64_t fallback)
{
	json_to_int(value, &fallback);
	return fallback;
}

double json_double(const struct json *value, double fallback)
{
	if (json_is(value, JSON_NUMBER))
		str_to_double(value->text, &fallback);
	return fallback;
}

struct str json_get_text(const struct json *object, const char *key)
{
	return json_str(json_get(object, key));
}

static bool containers_equal(const struct json *a, const struct json *b)
{
	if (a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->count; i++) {
		bool is_array = a->type == JSON_ARRAY;
		const struct json *other =
			is_array ? b->items[i] : json_get_str(b, a->members[i].key);
		if (!other || !json_equal(json_at(a, i), other))
			return false;
	}
	return true;
}

bool json_equal(const struct json *a, const struct json *b)
{
	if (a == b)
		return true;
	if (json_type(a) != json_type(b))
		return false;
	switch (json_type(a)) {
	case JSON_BOOL:
		return a->is_true == b->is_true;
	case JSON_NUMBER:
		return json_number_equal(a->text, b->text);
	case JSON_STRING:
	case JSON_RAW:
		return str_eq(a->text, b->text);
	case JSON_ARRAY:
	case JSON_OBJECT:
		return containers_equal(a, b);
	case JSON_NULL:
		break;
	}
	return true;
}

/* --- building ------------------------------------------------------------------------------ */

static struct json *new_value(struct arena *arena, enum json_type type)
{
	struct json *value = arena_new_of(arena, struct json);

	if (value)
		value->type = (uint8_t)type;
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
	struct json *value = str_is_null(text) ? NULL : new_value(arena, type);

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
	return str_is_null(text) ? json_new_null(arena) : new_text(arena, JSON_STRING, text);
}

struct json *json_new_cstr(struct arena *arena, const char *text)
{
	return json_new_string(arena, str_of(text));
}

struct json *json_new_number(struct arena *arena, struct str text)
{
	return new_text(arena, JSON_NUMBER, text);
}

struct json *json_new_raw(struct arena *arena, struct str text)
{
	return new_text(arena, JSON_RAW, text);
}

struct json *json_new_int(struct arena *arena, int64_t number)
{
	char digits[NUMBER_TEXT_MAX];
	char *at = digits + sizeof(digits);
	uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (number < 0)
		*--at = '-';
	return json_new_number(
		arena, arena_str(arena, str_n(at, (size_t)(digits + sizeof(digits) - at))));
}

/* The fewest digits that read back as the same number. */
struct json *json_new_double(struct arena *arena, double number)
{
	char text[NUMBER_TEXT_MAX];

	if (!isfinite(number))
		return json_new_null(arena);
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	return json_new_number(arena, arena_str(arena, str_of(text)));
}

struct json *json_new_bool(struct arena *arena, bool boolean)
{
	struct json *value = new_value(arena, JSON_BOOL);

	if (value)
		value->is_true = boolean;
	return value;
}

struct json *json_new_null(struct arena *arena)
{
	return new_value(arena, JSON_NULL);
}

static bool reserve_items(struct json *array, size_t count)
{
	if (count <= array->capacity)
		return true;
	size_t capacity = array->capacity ? (size_t)array->capacity * 2 : ITEMS_FIRST;
	if (capacity < count)
		capacity = count;
	struct json **items = arena_alloc(
		array->arena, capacity > ITEMS_MAX ? SIZE_MAX : capacity * sizeof(*items));
	if (!items)
		return false;
	if (array->count)
		memcpy(items, array->items, array->count * sizeof(*items));
	array->items = items;
	array->capacity = (uint32_t)capacity;
	return true;
}

static struct json *copy_container(struct arena *arena, const struct json *value)
{
	struct json *copy = new_container(arena, json_type(value));

	if (!copy)
		return NULL;
	if (!(value->type == JSON_ARRAY ? reserve_items(copy, value->count)
					: json_object_reserve(copy, value->count)))
		return NULL;
	for (uint32_t i = 0; i < value->count; i++) {
		struct json *child = json_copy(arena, json_at(value, i));
		if (!child)
			return NULL;
		if (value->type == JSON_ARRAY) {
			copy->items[copy->count++] = child;
			continue;
		}
		struct str key = arena_str(arena, value->members[i].key);
		if (str_is_null(key) || !json_object_add(copy, key, child))
			return NULL;
	}
	return copy;
}

struct json *json_copy(struct arena *arena, const struct json *value)
{
	struct json *copy;

	if (!value)
		return NULL;
	switch (json_type(value)) {
	case JSON_ARRAY:
	case JSON_OBJECT:
		return copy_container(arena, value);
	case JSON_STRING:
	case JSON_NUMBER:
	case JSON_RAW:
		copy = new_text(arena, json_type(value), arena_str(arena, value->text));
		if (copy)
			copy->is_plain = value->is_plain;
		return copy;
	default:
		copy = new_value(arena, json_type(value));
		if (copy)
			copy->is_true = value->is_true;
		return copy;
	}
}

void json_set_str(struct json *object, struct str key, struct json *value)
{
	if (!value || !json_is(object, JSON_OBJECT))
		return;
	struct json_member *member = json_object_find(object, key);
	if (member)
		member->value = value;
	else
		json_object_add(object, key, value);
}

void json_set(struct json *object, const char *key, struct json *value)
{
	json_set_str(object, str_of(key), value);
}

void json_set_text(struct json *object, const char *key, struct str text)
{
	if (json_is(object, JSON_OBJECT) && !str_is_null(text))
		json_set(object, key, json_new_string(object->arena, text));
}

void json_set_int(struct json *object, const char *key, int64_t number)
{
	if (json_is(object, JSON_OBJECT))
		json_set(object, key, json_new_int(object->arena, number));
}

void json_set_bool(struct json *object, const char *key, bool boolean)
{
	if (json_is(object, JSON_OBJECT))
		json_set(object, key, json_new_bool(object->arena, boolean));
}

bool json_remove(struct json *object, struct str key)
{
	struct json_member *member =
		json_is(object, JSON_OBJECT) ? json_object_find(object, key) : NULL;

	if (!member)
		return false;
	member->value = NULL;
	json_object_compact(object);
	return true;
}

void json_insert_at(struct json *array, size_t index, struct json *item)
{
	if (!item || !json_is(array, JSON_ARRAY) || !reserve_items(array, (size_t)array->count + 1))
		return;
	if (index > array->count)
		index = array->count;
	struct json **place = array->items + index;
	memmove(place + 1, place, (array->count - index) * sizeof(*place));
	*place = item;
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
	struct json **place = array->items + index;
	memmove(place, place + 1, (array->count - index - 1) * sizeof(*place));
	array->count--;
}

void json_replace_at(struct json *container, size_t index, struct json *value)
{
	if (!value || index >= json_count(container))
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
