/*
 * merge_json_patch.c - JSON Patch (RFC 6902).
 *
 * The target is copied first and the copy is changed, so an operation that fails half-way leaves
 * nothing behind. Values are copied in: a later operation may reach into what an earlier one added,
 * and the patch stays the caller's. Depth is checked at every addition, because "copy" could double
 * it each time.
 */
#include "data/json.h"
#include "data/merge.h"

struct operation {
	struct arena *arena;
	struct json *root; /* changes when the path is "" */
	size_t index;	   /* in the patch, for messages */
	struct str name, path, from;
	const struct json *value;
	struct error *err;
};

/* A place in the document: the container and the key or item in it. The root has no container. */
struct place {
	struct json *container;
	struct str token;   /* still escaped */
	size_t index;	    /* of an item; the count for one behind the last */
	struct json *value; /* NULL: nothing there */
};

static int refuse(struct operation *op, enum error_code code, const char *what)
{
	return error_set(op->err, code, "operation %zu (%.*s \"%.*s\"): %s", op->index,
		(int)(op->name.len < 20 ? op->name.len : 20), op->name.ptr ? op->name.ptr : "",
		(int)(op->path.len < 200 ? op->path.len : 200), op->path.ptr ? op->path.ptr : "",
		what);
}

static int refuse_memory(struct operation *op)
{
	return refuse(op, ERROR_MEMORY, "the result does not fit into the memory for this work");
}

/* --- places -------------------------------------------------------------------------------- */

static ptrdiff_t last_slash(struct str pointer)
{
	for (size_t i = pointer.len; i > 0; i--)
		if (pointer.ptr[i - 1] == '/')
			return (ptrdiff_t)i - 1;
	return -1;
}

/* Finds where the pointer leads; the last step need not exist. */
static int locate(struct operation *op, struct str pointer, struct place *ret)
{
	*ret = (struct place){.value = op->root};
	if (pointer.len == 0)
		return 0;
	size_t slash = (size_t)last_slash(pointer);
	ret->container = merge_pointer(op->root, str_slice(pointer, 0, slash));
	ret->token = str_slice(pointer, slash + 1, pointer.len);
	ret->value = merge_pointer(op->root, pointer);
	if (json_is(ret->container, JSON_OBJECT))
		return 0;
	if (!json_is(ret->container, JSON_ARRAY))
		return refuse(op, ERROR_UNPROCESSABLE,
			"the path leads through something that is not there");
	ret->index = json_count(ret->container);
	if (str_eq(ret->token, STR("-")))
		return 0;
	if (!merge_pointer_index(ret->token, &ret->index))
		return refuse(op, ERROR_UNPROCESSABLE, "an array needs an index in the path");
	return 0;
}

static struct str unescape(struct arena *arena, struct str token)
{
	if (str_index(token, '~') < 0)
		return arena_str(arena, token);
	char *key = arena_alloc(arena, token.len + 1);
	size_t length = 0;
	if (!key)
		return STR_NULL;
	for (size_t i = 0; i < token.len; i++)
		key[length++] = token.ptr[i] != '~'	? token.ptr[i]
				: token.ptr[++i] == '0' ? '~'
							: '/';
	key[length] = '\0';
	return str_n(key, length);
}

/* --- the steps ----------------------------------------------------------------------------- */

static bool is_within_depth(const struct json *value, size_t levels)
{
	struct json *child;

	if (levels == 0 && json_count(value))
		return false;
	json_for_each (value, i, child)
		if (!is_within_depth(child, levels - 1))
			return false;
	return true;
}

static size_t pointer_depth(struct str pointer)
{
	size_t depth = 0;

	for (size_t i = 0; i < pointer.len; i++)
		depth += pointer.ptr[i] == '/';
	return depth;
}

/* Puts the value, which belongs to the result, at the path (RFC 6902 section 4.1). */
static int put(struct operation *op, struct json *value)
{
	struct place place;
	size_t depth = pointer_depth(op->path);

	if (!value)
		return refuse_memory(op);
	if (depth > JSON_MAX_DEPTH || !is_within_depth(value, JSON_MAX_DEPTH - depth))
		return refuse(op, ERROR_UNPROCESSABLE, "the result would be nested too deep");
	if (locate(op, op->path, &place) < 0)
		return -1;
	if (!place.container) {
		op->root = value;
	} else if (json_is(place.container, JSON_ARRAY)) {
		if (place.index > json_count(place.container))
			return refuse(
				op, ERROR_UNPROCESSABLE, "the index is behind the array's end");
		json_insert_at(place.container, place.index, value);
	} else {
		struct str key = unescape(op->arena, place.token);
		if (str_is_null(key))
			return refuse_memory(op);
		json_set_str(place.container, key, value);
	}
	return arena_is_exhausted(op->arena) ? refuse_memory(op) : 0;
}

static int find(struct operation *op, struct str pointer, struct place *ret)
{
	if (locate(op, pointer, ret) < 0)
		return -1;
	return ret->value ? 0 : refuse(op, ERROR_UNPROCESSABLE, "nothing is there");
}

static int take_out(struct operation *op, struct str pointer, struct json **ret)
{
	struct place place;

	if (find(op, pointer, &place) < 0)
		return -1;
	if (!place.container)
		return refuse(op, ERROR_UNPROCESSABLE, "the whole document cannot be taken out");
	if (json_is(place.container, JSON_ARRAY)) {
		json_remove_at(place.container, place.index);
	} else {
		struct str key = unescape(op->arena, place.token);
		if (str_is_null(key))
			return refuse_memory(op);
		json_remove(place.container, key);
	}
	*ret = place.value;
	return 0;
}

/* --- the operations ------------------------------------------------------------------------ */

static int apply_add(struct operation *op)
{
	return put(op, json_copy(op->arena, op->value));
}

static int apply_remove(struct operation *op)
{
	struct json *removed;

	return take_out(op, op->path, &removed);
}

static int apply_replace(struct operation *op)
{
	struct place place;
	struct json *removed;

	if (find(op, op->path, &place) < 0)
		return -1;
	if (json_is(place.container, JSON_ARRAY) && take_out(op, op->path, &removed) < 0)
		return -1;
	return put(op, json_copy(op->arena, op->value));
}

static int apply_move(struct operation *op)
{
	struct place place;
	struct json *moved = NULL;

	if (str_eq(op->from, op->path))
		return find(op, op->from, &place);
	if (str_starts_with(op->path, op->from) && op->path.ptr[op->from.len] == '/')
		return refuse(op, ERROR_UNPROCESSABLE, "a value cannot be moved into itself");
	return take_out(op, op->from, &moved) < 0 ? -1 : put(op, moved);
}

static int apply_copy(struct operation *op)
{
	struct place place;

	if (find(op, op->from, &place) < 0)
		return -1;
	return put(op, json_copy(op->arena, place.value));
}

static int apply_test(struct operation *op)
{
	struct place place;

	if (find(op, op->path, &place) < 0)
		return -1;
	return json_equal(place.value, op->value)
		       ? 0
		       : refuse(op, ERROR_UNPROCESSABLE, "the value there is another");
}

static const struct {
	const char *name;
	bool needs_value, needs_from;
	int (*apply)(struct operation *op);
} operations[] = {
	{"add", true, false, apply_add},
	{"remove", false, false, apply_remove},
	{"replace", true, false, apply_replace},
	{"move", false, true, apply_move},
	{"copy", false, true, apply_copy},
	{"test", true, false, apply_test},
};

/* RFC 6901 section 3. */
static bool is_pointer(struct str text)
{
	if (str_is_null(text) || (text.len && text.ptr[0] != '/'))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '~' &&
			(i + 1 == text.len || (text.ptr[i + 1] != '0' && text.ptr[i + 1] != '1')))
			return false;
	return true;
}

static int apply(struct operation *op, const struct json *description)
{
	op->name = json_get_text(description, "op");
	op->path = json_get_text(description, "path");
	op->from = json_get_text(description, "from");
	op->value = json_get(description, "value");
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (!str_eq_c(op->name, operations[i].name))
			continue;
		if (!is_pointer(op->path))
			return refuse(op, ERROR_INVALID,
				"\"path\" must be a JSON pointer like \"/spec/replicas\"");
		if (operations[i].needs_from && !is_pointer(op->from))
			return refuse(op, ERROR_INVALID,
				"\"from\" must be a JSON pointer like \"/spec/replicas\"");
		if (operations[i].needs_value && !op->value)
			return refuse(op, ERROR_INVALID, "\"value\" is missing");
		return operations[i].apply(op);
	}
	return refuse(op, ERROR_INVALID, "\"op\" must be add, remove, replace, move, copy or test");
}

int merge_json_patch(struct arena *arena, const struct json *target, const struct json *patch,
	struct json **ret, struct error *err)
{
	struct operation op = {.arena = arena, .err = err};

	if (!json_is(patch, JSON_ARRAY))
		return error_set(err, ERROR_INVALID,
			"a JSON patch is an array of operations, not %s",
			json_type_name(json_type(patch)));
	if (json_count(patch) > MERGE_JSON_PATCH_MAX_OPERATIONS)
		return error_set(err, ERROR_TOO_LARGE,
			"the JSON patch has %zu operations, more than the %u allowed",
			json_count(patch), MERGE_JSON_PATCH_MAX_OPERATIONS);
	op.root = target ? json_copy(arena, target) : json_new_null(arena);
	if (!op.root)
		return error_set(err, ERROR_MEMORY, "no memory for a copy of the document");
	for (; op.index < json_count(patch); op.index++)
		if (apply(&op, json_at(patch, op.index)) < 0)
			return -1;
	*ret = op.root;
	return 0;
}
