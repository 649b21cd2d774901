/*
 * json_node.h - how a JSON value is laid out; for the json_*.c files and merge.c only.
 *
 * A value is 32 bytes. Containers hold pointers, so a value keeps its address when its container
 * grows or gives it to another. The parser allocates each container's storage and the nodes in it
 * as one block: one allocation per container, and neighbours in memory are neighbours in the text.
 */
#ifndef REEVE_DATA_JSON_NODE_H
#define REEVE_DATA_JSON_NODE_H

#include "data/json.h"

struct json_member {
	struct str key;
	struct json *value;
};

struct json {
	uint8_t type;	    /* enum json_type */
	bool is_true;	    /* of a bool */
	bool is_plain;	    /* of a string: nothing in it needs an escape or a UTF-8 check */
	uint8_t index_bits; /* of an object: see json_object.c; 0: searched in a row */
	uint32_t count;
	uint32_t capacity;
	uint32_t line; /* of a file; 0: unknown. Fills what alignment would leave empty */
	union {
		struct str text; /* string: its characters; number, raw: as written */
		struct {
			struct arena *arena;
			union {
				struct json **items;
				struct json_member *members; /* then the index */
			};
		};
	};
};

/* A member, or an item without key, that the parser has read but not yet placed. */
struct json_entry {
	struct str key;
	struct json value;
};

/* --- json_object.c ------------------------------------------------------------------------- */

enum json_fill { JSON_FILL_DONE, JSON_FILL_DUPLICATE, JSON_FILL_NO_MEMORY };

/* Makes *object an object of the entries (which are scratch: they may be changed). On a duplicate,
 * unless the last one shall win, *ret_duplicate is its key. */
enum json_fill json_object_fill(struct json *object, struct arena *arena,
	struct json_entry *entries, size_t count, bool last_key_wins, struct str *ret_duplicate);

struct json_member *json_object_find(const struct json *object, struct str key);

/* Adds a member that is known not to be there; false when memory is out. */
bool json_object_add(struct json *object, struct str key, struct json *value);

/* Room for `count` members in all. */
bool json_object_reserve(struct json *object, size_t count);

/* Takes out the members whose value is NULL, in one pass: removing many one by one would be
 * quadratic. */
void json_object_compact(struct json *object);

/* --- json_number.c ------------------------------------------------------------------------- */

/* Whether two number texts have the same value, exactly, at any size. */
bool json_number_equal(struct str a, struct str b);

/* Whether the text is an integer in range, however it is written. */
bool json_number_to_int(struct str text, int64_t *ret);

#endif
