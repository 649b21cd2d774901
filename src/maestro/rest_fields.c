/*
 * rest_fields.c - see rest_fields.h.
 */
#include "maestro/rest_fields.h"

static const struct {
	const char *type;
	const char *names[16]; /* up to NULL */
} tables[] = {
	[SEARCH_BUNDLES] = {"ResourceBundle",
		{"id", "kind", "href", "name", "consumer_name", "version", "created_at",
			"updated_at", "deleted_at", "metadata", "manifests", "manifest_configs",
			"delete_option", "status"}},
	[SEARCH_CONSUMERS] = {"Consumer",
		{"id", "kind", "href", "name", "labels", "created_at", "updated_at"}},
};

static bool is_known(enum search_table table, struct str name)
{
	for (const char *const *known = tables[table].names; *known != NULL; known++)
		if (str_eq_c(name, *known))
			return true;
	return false;
}

/* Adds the names of one parameter; those that there are not are added to `unknown`. */
static bool add_names(struct rest_fields *fields, struct arena *arena, enum search_table table,
	struct str names, struct str *unknown)
{
	while (!str_is_null(names)) {
		struct str name = str_trim(str_cut(&names, ','));

		if (name.len == 0)
			continue;
		if (fields->count == REST_MAX_FIELDS)
			return false;
		if (!is_known(table, name))
			*unknown = arena_printf(arena, "%" STR_F "%s%" STR_F, STR_A(*unknown),
				unknown->len > 0 ? ", " : "", STR_A(name));
		fields->names[fields->count++] = name;
	}
	return true;
}

bool rest_read_fields(struct http_request *request, struct http_response *response,
	enum search_table table, struct rest_fields *ret)
{
	struct str names, unknown = STR("");

	ret->count = 0;
	for (size_t i = 0; !str_is_null(names = http_request_parameter(request, "fields", i));
		i++) {
		if (add_names(ret, request->arena, table, names, &unknown))
			continue;
		rest_fail(request, response, REST_VALIDATION, "fields has more than %u names",
			REST_MAX_FIELDS);
		return false;
	}
	if (unknown.len == 0)
		return true;
	rest_fail(request, response, REST_VALIDATION,
		"The following field(s) doesn't exist in `%s`: %" STR_F, tables[table].type,
		STR_A(unknown));
	return false;
}

static bool is_chosen(const struct rest_fields *fields, struct str name)
{
	for (size_t i = 0; i < fields->count; i++)
		if (str_eq(fields->names[i], name))
			return true;
	return str_eq_c(name, "id");
}

struct json *rest_project(
	const struct rest_fields *fields, struct arena *arena, struct json *document)
{
	struct json *chosen, *member;

	if (fields->count == 0)
		return document;
	chosen = json_new_object(arena);
	json_for_each (document, i, member)
		if (is_chosen(fields, json_key_at(document, i)))
			json_set_str(chosen, json_key_at(document, i), member);
	return chosen;
}
