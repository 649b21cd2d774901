/*
 * json_object.c - the members of an object, in their order and quickly found.
 *
 * Most objects have a handful of members, for which a walk over the keys beats any table. Above
 * INDEX_ABOVE members the storage ends in an index: an open-addressing table of member numbers, so
 * that no document, however hostile, makes parsing, merging or comparing quadratic. The index is
 * kept by those who write and never built by those who read, so an unchanged document can be read
 * by several threads. Its hash is keyed with the arena's address, which a sender cannot know.
 */
#include "data/json_node.h"

#define INDEX_ABOVE 16u
#define CAPACITY_FIRST 4u
#define CAPACITY_MAX (UINT32_MAX / 4)

/* Stands behind the members; entries are member number + 1, 0 is empty. */
static uint32_t *index_of(const struct json *object)
{
	return (uint32_t *)(object->members + object->capacity);
}

static uint8_t index_bits_for(size_t capacity)
{
	uint8_t bits = 0;

	if (capacity > INDEX_ABOVE)
		while (((size_t)1 << bits) < capacity * 2)
			bits++;
	return bits;
}

static size_t index_bytes(uint8_t bits)
{
	return bits ? sizeof(uint32_t) << bits : 0;
}

/* Multiplies 64-bit pieces into 128 bits and folds, as wyhash does. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_key(const struct json *object, struct str key)
{
	uint64_t hash = (uint64_t)(uintptr_t)object->arena ^ UINT64_C(0x9e3779b97f4a7c15);
	uint64_t word = 0;

	while (key.len > 8) {
		memcpy(&word, key.ptr, 8);
		hash = mix(hash ^ word, UINT64_C(0xa0761d6478bd642f));
		key = str_n(key.ptr + 8, key.len - 8);
	}
	word = 0;
	if (key.len)
		memcpy(&word, key.ptr, key.len);
	return mix(hash ^ word, UINT64_C(0xe7037ed1a0b428db) ^ key.len);
}

/* The index entry of the key, or the empty one where it belongs. */
static uint32_t *index_slot(const struct json *object, struct str key)
{
	uint32_t *index = index_of(object);
	size_t mask = ((size_t)1 << object->index_bits) - 1;
	size_t at = (size_t)hash_key(object, key) & mask;

	while (index[at] && !str_eq(object->members[index[at] - 1].key, key))
		at = (at + 1) & mask;
	return &index[at];
}

static void rebuild_index(struct json *object)
{
	if (!object->index_bits)
		return;
	memset(index_of(object), 0, index_bytes(object->index_bits));
	for (uint32_t i = 0; i < object->count; i++)
		*index_slot(object, object->members[i].key) = i + 1;
}

struct json_member *json_object_find(const struct json *object, struct str key)
{
	if (object->index_bits) {
		uint32_t number = *index_slot(object, key);
		return number ? &object->members[number - 1] : NULL;
	}
	for (uint32_t i = 0; i < object->count; i++)
		if (str_eq(object->members[i].key, key))
			return &object->members[i];
	return NULL;
}

bool json_object_reserve(struct json *object, size_t count)
{
	if (count <= object->capacity)
		return true;
	size_t capacity = object->capacity ? (size_t)object->capacity * 2 : CAPACITY_FIRST;
	if (capacity < count)
		capacity = count;
	uint8_t bits = index_bits_for(capacity);
	size_t bytes = capacity > CAPACITY_MAX
			       ? SIZE_MAX
			       : capacity * sizeof(struct json_member) + index_bytes(bits);
	struct json_member *members = arena_alloc(object->arena, bytes);
	if (!members)
		return false;
	if (object->count)
		memcpy(members, object->members, object->count * sizeof(*members));
	object->members = members;
	object->capacity = (uint32_t)capacity;
	object->index_bits = bits;
	rebuild_index(object);
	return true;
}

bool json_object_add(struct json *object, struct str key, struct json *value)
{
	if (!json_object_reserve(object, (size_t)object->count + 1))
		return false;
	if (object->index_bits)
		*index_slot(object, key) = object->count + 1;
	object->members[object->count++] = (struct json_member){key, value};
	return true;
}

void json_object_compact(struct json *object)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < object->count; i++)
		if (object->members[i].value)
			object->members[kept++] = object->members[i];
	if (kept == object->count)
		return;
	object->count = kept;
	rebuild_index(object);
}

/* One block: the members, the index, the values. */
static struct json *allocate_filled(struct json *object, struct arena *arena, size_t count)
{
	uint8_t bits = index_bits_for(count);
	size_t members_bytes = count * sizeof(struct json_member);
	char *block = count > CAPACITY_MAX
			      ? NULL
			      : arena_alloc(arena, members_bytes + index_bytes(bits) +
							   count * sizeof(struct json));

	*object = (struct json){.type = JSON_OBJECT, .index_bits = bits, .arena = arena};
	if (!block)
		return NULL;
	object->capacity = (uint32_t)count;
	object->members = (struct json_member *)block;
	if (bits)
		memset(index_of(object), 0, index_bytes(bits));
	return (struct json *)(block + members_bytes + index_bytes(bits));
}

enum json_fill json_object_fill(struct json *object, struct arena *arena,
	struct json_entry *entries, size_t count, bool last_key_wins, struct str *ret_duplicate)
{
	if (count == 0) {
		*object = (struct json){.type = JSON_OBJECT, .arena = arena};
		return JSON_FILL_DONE;
	}
	struct json *values = allocate_filled(object, arena, count);
	if (!values)
		return JSON_FILL_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		struct json_member *earlier = json_object_find(object, entries[i].key);
		if (earlier && !last_key_wins) {
			*ret_duplicate = entries[i].key;
			return JSON_FILL_DUPLICATE;
		}
		values[i] = entries[i].value;
		if (earlier)
			earlier->value = &values[i];
		else
			json_object_add(object, entries[i].key, &values[i]);
	}
	return JSON_FILL_DONE;
}
