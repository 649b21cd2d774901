/*
 * fields.c - see fields.h.
 */
#include "clm/fields.h"

#define CONDITIONS "status.conditions"
#define OWNER "owner_references"

/* All names there are. */
static const char *const known[] = {"id", "kind", "name", "href", "generation", "created_time",
	"updated_time", "deleted_time", "created_by", "updated_by", "deleted_by", "spec", "labels",
	"tenancy", "references", OWNER ".*", OWNER ".id", OWNER ".kind", OWNER ".href", "status.*",
	CONDITIONS, CONDITIONS ".*", CONDITIONS ".type", CONDITIONS ".status", CONDITIONS ".reason",
	CONDITIONS ".message", CONDITIONS ".observed_generation", CONDITIONS ".created_time",
	CONDITIONS ".last_updated_time", CONDITIONS ".last_transition_time"};

static bool is_known(struct str name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_eq_c(name, known[i]))
			return true;
	return false;
}

static int add_names(
	struct fields *fields, struct arena *arena, struct str names, struct str *unknown)
{
	while (!str_is_null(names)) {
		struct str name = str_trim(str_cut(&names, ','));

		if (name.len == 0)
			continue;
		if (!is_known(name))
			*unknown = arena_printf(arena, "%" STR_F "%s%" STR_F, STR_A(*unknown),
				unknown->len > 0 ? ", " : "", STR_A(name));
		if (fields->count == FIELDS_MAX)
			return -1;
		fields->names[fields->count++] = name;
	}
	return 0;
}

int fields_read(struct http_request *request, struct fields *ret, struct error *err)
{
	struct str names, unknown = STR("");

	ret->count = 0;
	for (size_t i = 0; !str_is_null(names = http_request_parameter(request, "fields", i)); i++)
		if (add_names(ret, request->arena, names, &unknown) != 0)
			return error_set(
				err, ERROR_INVALID, "fields has more than %u names", FIELDS_MAX);
	if (unknown.len > 0)
		return error_set(err, ERROR_INVALID,
			"The following field(s) doesn't exist in `Resource`: %" STR_F,
			STR_A(unknown));
	return 0;
}

static bool has(const struct fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->count; i++)
		if (str_eq_c(fields->names[i], name))
			return true;
	return false;
}

/* Whether the member of `where` is chosen, by name or by the star. */
static bool has_member(const struct fields *fields, const char *where, struct str member)
{
	struct str prefix = str_of(where);

	for (size_t i = 0; i < fields->count; i++) {
		struct str name = fields->names[i];
		if (!str_starts_with(name, prefix) || name.len < prefix.len + 2 ||
			name.ptr[prefix.len] != '.')
			continue;
		struct str last = str_slice(name, prefix.len + 1, name.len);
		if (str_eq_c(last, "*") || str_eq(last, member))
			return true;
	}
	return false;
}

/* NULL when nothing of the object is chosen. */
static struct json *project_object(const struct fields *fields, struct arena *arena,
	const char *where, const struct json *object)
{
	struct json *chosen = json_new_object(arena), *member;

	json_for_each (object, i, member)
		if (has_member(fields, where, json_key_at(object, i)))
			json_set_str(chosen, json_key_at(object, i), member);
	return json_count(chosen) > 0 ? chosen : NULL;
}

static struct json *project_status(
	const struct fields *fields, struct arena *arena, struct json *status)
{
	struct json *chosen, *list, *condition;

	if (has(fields, "status.*") || has(fields, CONDITIONS) || has(fields, CONDITIONS ".*"))
		return status;
	list = json_new_array(arena);
	json_for_each (json_get(status, "conditions"), i, condition) {
		struct json *item = project_object(fields, arena, CONDITIONS, condition);
		if (item != NULL)
			json_append(list, item);
	}
	if (json_count(list) == 0)
		return NULL;
	chosen = json_new_object(arena);
	json_set(chosen, "conditions", list);
	return chosen;
}

struct json *fields_project(
	const struct fields *fields, struct arena *arena, const struct json *resource)
{
	struct json *chosen = json_new_object(arena), *member;

	if (chosen == NULL)
		return NULL;
	json_for_each (resource, i, member) {
		struct str key = json_key_at(resource, i);
		struct json *part = NULL;

		if (str_eq_c(key, "status"))
			part = project_status(fields, arena, member);
		else if (str_eq_c(key, OWNER))
			part = project_object(fields, arena, OWNER, member);
		else if (str_eq_c(key, "id"))
			part = member;
		for (size_t k = 0; part == NULL && k < fields->count; k++)
			if (str_eq(fields->names[k], key))
				part = member;
		if (part != NULL)
			json_set_str(chosen, key, part);
	}
	return arena_is_exhausted(arena) ? NULL : chosen;
}
