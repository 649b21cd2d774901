/*
 * cel_types.c - unification of types, with the exceptions that CEL makes for dyn and null.
 */
#include "data/cel_types.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "data/cel.h"

#define MAX_TYPE_TEXT ((size_t)4096)
#define MAX_TYPE_DEPTH 20u /* of what is read from text */

/* What a parameter was bound to before. */
struct cel_binding {
	size_t parameter;
	const struct cel_static *was;
};

static const struct {
	const char *name;
	unsigned parts;
} kinds[] = {
	[CEL_STATIC_DYN] = {"dyn", 0},
	[CEL_STATIC_BOOL] = {"bool", 0},
	[CEL_STATIC_INT] = {"int", 0},
	[CEL_STATIC_UINT] = {"uint", 0},
	[CEL_STATIC_DOUBLE] = {"double", 0},
	[CEL_STATIC_STRING] = {"string", 0},
	[CEL_STATIC_BYTES] = {"bytes", 0},
	[CEL_STATIC_NULL] = {"null", 0},
	[CEL_STATIC_TIMESTAMP] = {"timestamp", 0},
	[CEL_STATIC_DURATION] = {"duration", 0},
	[CEL_STATIC_TYPE] = {"type", 1},
	[CEL_STATIC_LIST] = {"list", 1},
	[CEL_STATIC_MAP] = {"map", 2},
	[CEL_STATIC_OPTIONAL] = {"optional", 1},
	[CEL_STATIC_PARAMETER] = {"dyn", 0},
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

static void *out_of_memory(struct cel_types *types)
{
	types->failed = true;
	error_set(types->err, ERROR_MEMORY, "out of memory while checking an expression");
	return NULL;
}

/* One step; false when there were too many. */
static bool work(struct cel_types *types)
{
	if (!types->failed && ++types->work > CEL_CHECK_MAX_WORK) {
		types->failed = true;
		error_set(types->err, ERROR_INVALID, "the types of the expression are too large");
	}
	return !types->failed;
}

/* --- making -------------------------------------------------------------------------------- */

const struct cel_static *cel_static(enum cel_static_kind kind)
{
	static const struct cel_static simple[] = {
		[CEL_STATIC_DYN] = {.kind = CEL_STATIC_DYN},
		[CEL_STATIC_BOOL] = {.kind = CEL_STATIC_BOOL},
		[CEL_STATIC_INT] = {.kind = CEL_STATIC_INT},
		[CEL_STATIC_UINT] = {.kind = CEL_STATIC_UINT},
		[CEL_STATIC_DOUBLE] = {.kind = CEL_STATIC_DOUBLE},
		[CEL_STATIC_STRING] = {.kind = CEL_STATIC_STRING},
		[CEL_STATIC_BYTES] = {.kind = CEL_STATIC_BYTES},
		[CEL_STATIC_NULL] = {.kind = CEL_STATIC_NULL},
		[CEL_STATIC_TIMESTAMP] = {.kind = CEL_STATIC_TIMESTAMP},
		[CEL_STATIC_DURATION] = {.kind = CEL_STATIC_DURATION},
		[CEL_STATIC_TYPE] = {.kind = CEL_STATIC_TYPE},
	};

	return &simple[kind];
}

const struct cel_static *cel_static_of(struct cel_types *types, enum cel_static_kind kind,
	const struct cel_static *first, const struct cel_static *second)
{
	struct cel_static *type = arena_new_of(types->arena, struct cel_static);

	if (type == NULL) {
		out_of_memory(types);
		return cel_static(CEL_STATIC_DYN);
	}
	*type = (struct cel_static){.kind = kind, .parts = {first, second}};
	return type;
}

const struct cel_static *cel_static_new_parameter(struct cel_types *types)
{
	struct cel_static *type = arena_new_of(types->arena, struct cel_static);

	if (type != NULL && types->count == types->capacity) {
		size_t capacity = types->capacity ? 2 * types->capacity : 64;
		const struct cel_static **bound =
			arena_calloc(types->arena, capacity, sizeof(struct cel_static *));

		if (bound != NULL && types->count > 0)
			memcpy(bound, types->bound, types->count * sizeof(struct cel_static *));
		types->bound = bound;
		types->capacity = bound ? capacity : 0;
	}
	if (type == NULL || types->bound == NULL) {
		types->count = types->capacity = 0;
		out_of_memory(types);
		return cel_static(CEL_STATIC_DYN);
	}
	type->kind = CEL_STATIC_PARAMETER;
	type->parameter = types->count;
	types->bound[types->count++] = NULL;
	return type;
}

/* --- reading ------------------------------------------------------------------------------- */

static bool take(struct str *text, const char *word)
{
	struct str prefix = str_of(word);

	if (!str_starts_with(*text, prefix))
		return false;
	*text = str_slice(*text, prefix.len, text->len);
	return true;
}

static bool at_letter(struct str text)
{
	return text.len > 0 && ((text.ptr[0] >= 'a' && text.ptr[0] <= 'z') || text.ptr[0] == '_');
}

static const struct cel_static *read_letter(
	struct cel_types *types, struct str *text, struct cel_letters *letters)
{
	const struct cel_static **known = &letters->of[text->ptr[0] - 'A'];

	if (*known == NULL)
		*known = cel_static_new_parameter(types);
	*text = str_slice(*text, 1, text->len);
	return *known;
}

static const struct cel_static *read_type(
	struct cel_types *types, struct str *text, struct cel_letters *letters, unsigned depth)
{
	const struct cel_static *parts[2] = {NULL, NULL};
	struct str rest;

	if (depth == MAX_TYPE_DEPTH || text->len == 0)
		return NULL;
	if (text->ptr[0] >= 'A' && text->ptr[0] <= 'Z')
		return read_letter(types, text, letters);
	for (size_t kind = 0; kind < CEL_STATIC_PARAMETER; kind++) {
		rest = *text;
		if (!take(&rest, kinds[kind].name))
			continue;
		if (kind == CEL_STATIC_NULL)
			take(&rest, "_type");
		if (at_letter(rest) || (kinds[kind].parts > 0 && kind != CEL_STATIC_TYPE &&
					       !str_starts_with(rest, STR("("))))
			continue;
		for (unsigned i = 0; i < kinds[kind].parts; i++) {
			if (!take(&rest, i == 0 ? "(" : ", ")) {
				*text = rest; /* `type` alone */
				return cel_static(CEL_STATIC_TYPE);
			}
			parts[i] = read_type(types, &rest, letters, depth + 1);
			if (parts[i] == NULL)
				return NULL;
		}
		if (kinds[kind].parts > 0 && !take(&rest, ")"))
			return NULL;
		*text = rest;
		return kinds[kind].parts > 0 ? cel_static_of(types, (enum cel_static_kind)kind,
						       parts[0], parts[1])
					     : cel_static((enum cel_static_kind)kind);
	}
	return NULL;
}

const struct cel_static *cel_static_read(
	struct cel_types *types, struct str *text, struct cel_letters *letters)
{
	return read_type(types, text, letters, 0);
}

/* --- looking ------------------------------------------------------------------------------- */

static const struct cel_static *bound_to(
	const struct cel_types *types, const struct cel_static *type)
{
	return type->kind == CEL_STATIC_PARAMETER ? types->bound[type->parameter] : NULL;
}

/* Through bound parameters to what they stand for. */
static const struct cel_static *resolve(struct cel_types *types, const struct cel_static *type)
{
	for (const struct cel_static *next; (next = bound_to(types, type)) != NULL && work(types);)
		type = next;
	return type;
}

const struct cel_static *cel_static_known(
	struct cel_types *types, const struct cel_static *type, bool to_dyn)
{
	const struct cel_static *parts[2];

	type = resolve(types, type);
	if (!work(types))
		return cel_static(CEL_STATIC_DYN);
	if (type->kind == CEL_STATIC_PARAMETER)
		return to_dyn ? cel_static(CEL_STATIC_DYN) : type;
	if (type->parts[0] == NULL)
		return type;
	for (size_t i = 0; i < 2; i++)
		parts[i] = type->parts[i] ? cel_static_known(types, type->parts[i], to_dyn) : NULL;
	if (parts[0] == type->parts[0] && parts[1] == type->parts[1])
		return type;
	return cel_static_of(types, type->kind, parts[0], parts[1]);
}

bool cel_static_same(
	struct cel_types *types, const struct cel_static *a, const struct cel_static *b)
{
	if (a == b)
		return true;
	if (!work(types) || a->kind != b->kind)
		return false;
	if (a->kind == CEL_STATIC_PARAMETER)
		return a->parameter == b->parameter;
	for (size_t i = 0; i < 2; i++) {
		if ((a->parts[i] == NULL) != (b->parts[i] == NULL) ||
			(a->parts[i] && !cel_static_same(types, a->parts[i], b->parts[i])))
			return false;
	}
	return true;
}

static bool occurs_in(
	struct cel_types *types, const struct cel_static *parameter, const struct cel_static *type)
{
	if (!work(types) || cel_static_same(types, parameter, type))
		return true;
	if (type->kind == CEL_STATIC_PARAMETER) {
		const struct cel_static *bound = bound_to(types, type);

		return bound != NULL && occurs_in(types, parameter, bound);
	}
	return (type->parts[0] && occurs_in(types, parameter, type->parts[0])) ||
	       (type->parts[1] && occurs_in(types, parameter, type->parts[1]));
}

/* Whether a says no more than b: dyn, a parameter, or the same around such. */
static bool is_general(
	struct cel_types *types, const struct cel_static *a, const struct cel_static *b)
{
	if (!work(types) || a->kind == CEL_STATIC_DYN || a->kind == CEL_STATIC_PARAMETER)
		return true;
	if (b->kind == CEL_STATIC_DYN || b->kind == CEL_STATIC_PARAMETER || a->kind != b->kind)
		return false;
	if (a->kind == CEL_STATIC_TYPE)
		return true;
	return (a->parts[0] == NULL || is_general(types, a->parts[0], b->parts[0])) &&
	       (a->parts[1] == NULL || is_general(types, a->parts[1], b->parts[1]));
}

const struct cel_static *cel_static_general(
	struct cel_types *types, const struct cel_static *a, const struct cel_static *b)
{
	return is_general(types, a, b) ? a : b;
}

/* --- assigning ----------------------------------------------------------------------------- */

static bool bind(struct cel_types *types, size_t parameter, const struct cel_static *type)
{
	if (types->undo_count == types->undo_capacity) {
		size_t capacity = types->undo_capacity ? 2 * types->undo_capacity : 64;
		struct cel_binding *undo =
			arena_calloc(types->arena, capacity, sizeof(struct cel_binding));

		if (undo == NULL)
			return out_of_memory(types) != NULL;
		if (types->undo_count > 0)
			memcpy(undo, types->undo, types->undo_count * sizeof(*undo));
		types->undo = undo;
		types->undo_capacity = capacity;
	}
	types->undo[types->undo_count++] = (struct cel_binding){parameter, types->bound[parameter]};
	types->bound[parameter] = type;
	return true;
}

static bool assign(
	struct cel_types *types, const struct cel_static *from, const struct cel_static *to);

/* Whether the parameter can stand for the type; *ret_was_bound: it already stood for something. */
static bool substitute(struct cel_types *types, const struct cel_static *type,
	const struct cel_static *parameter, bool *ret_was_bound)
{
	const struct cel_static *bound = bound_to(types, parameter), *general;

	*ret_was_bound = true;
	if (cel_static_same(types, type, parameter))
		return true;
	if (bound == NULL) {
		*ret_was_bound = false;
		return !occurs_in(types, parameter, type) &&
		       bind(types, parameter->parameter, type);
	}
	if (cel_static_same(types, type, bound))
		return true;
	if (!assign(types, type, bound))
		return false;
	general = cel_static_general(types, type, bound);
	return occurs_in(types, parameter, general) ? !types->failed
						    : bind(types, parameter->parameter, general);
}

static bool takes_null(const struct cel_static *type)
{
	return type->kind == CEL_STATIC_NULL || type->kind == CEL_STATIC_TIMESTAMP ||
	       type->kind == CEL_STATIC_DURATION || type->kind == CEL_STATIC_OPTIONAL;
}

static bool assign(
	struct cel_types *types, const struct cel_static *from, const struct cel_static *to)
{
	bool was_bound;

	if (!work(types))
		return false;
	if (to->kind == CEL_STATIC_PARAMETER) {
		if (substitute(types, from, to, &was_bound))
			return true;
		if (was_bound)
			return false;
	}
	if (from->kind == CEL_STATIC_PARAMETER)
		return substitute(types, to, from, &was_bound);
	if (from->kind == CEL_STATIC_DYN || to->kind == CEL_STATIC_DYN)
		return true;
	if (from->kind == CEL_STATIC_NULL || to->kind == CEL_STATIC_NULL)
		return takes_null(from->kind == CEL_STATIC_NULL ? to : from);
	if (from->kind != to->kind)
		return false;
	if (from->kind == CEL_STATIC_TYPE)
		return true;
	return (from->parts[0] == NULL || assign(types, from->parts[0], to->parts[0])) &&
	       (from->parts[1] == NULL || assign(types, from->parts[1], to->parts[1]));
}

bool cel_static_assign(struct cel_types *types, const struct cel_static *const *from,
	const struct cel_static *const *to, size_t count)
{
	types->undo_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (assign(types, from[i], to[i]))
			continue;
		while (types->undo_count > 0) {
			const struct cel_binding *last = &types->undo[--types->undo_count];

			types->bound[last->parameter] = last->was;
		}
		return false;
	}
	return !types->failed;
}

/* --- text ---------------------------------------------------------------------------------- */

static void add_text(struct cel_types *types, struct buf *out, const struct cel_static *type)
{
	type = resolve(types, type);
	if (!work(types) || out->failed)
		return;
	buf_add_cstr(out, kinds[type->kind].name);
	if (type->parts[0] == NULL)
		return;
	buf_add_byte(out, '(');
	add_text(types, out, type->parts[0]);
	if (type->parts[1] != NULL) {
		buf_add_cstr(out, ", ");
		add_text(types, out, type->parts[1]);
	}
	buf_add_byte(out, ')');
}

struct str cel_static_text(struct cel_types *types, const struct cel_static *type)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(MAX_TYPE_TEXT);
	struct str text;

	add_text(types, &out, type);
	if (out.failed)
		return STR("a large type");
	text = arena_str(types->arena, buf_str(&out));
	if (str_is_null(text))
		out_of_memory(types);
	return str_is_null(text) ? STR("") : text;
}
