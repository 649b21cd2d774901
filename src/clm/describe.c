/*
 * describe.c - see describe.h.
 *
 * The template is a document with marks in its texts, <kind> and the like. Describing a kind is
 * copying the template's paths and schemas with the marks replaced.
 */
#include "clm/describe.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "clm/placement.h"
#include "data/yaml.h"

#define SCHEMA_REF "#/components/schemas/"
#define ANY_SPEC "AnySpec"
#define OPERATOR_PREFIX                                                           \
	"Operator." /* of a schema of the operator's that has the name of another \
		     */
#define EXTENSION "x-"

/* By tools/embed.py, from openapi.yaml and openapi.html. */
extern const char describe_template[];
extern const char describe_html[];

struct mark {
	const char *name;
	struct str text;
};
#define MARK_COUNT 4u

struct describing {
	struct arena *arena;
	const struct registry *registry;
	struct json *template;
	struct json *document;
	struct json *paths;
	struct json *schemas;	       /* ours, and the operator's as far as they are used */
	struct json *operator_schemas; /* all there are; NULL: none */
	struct error *err;
};

/* --- copying with marks replaced ------------------------------------------------------------- */

static const struct mark *mark_at(struct str text, const struct mark *marks)
{
	for (size_t i = 0; i < MARK_COUNT; i++)
		if (str_starts_with(text, str_of(marks[i].name)))
			return &marks[i];
	return NULL;
}

static struct str replace_marks(struct arena *arena, struct str text, const struct mark *marks)
{
	CLEANUP(buf_free) struct buf out = BUF_INITIALIZER(BUF_DEFAULT_MAX);

	for (size_t i = 0; i < text.len;) {
		const struct mark *mark = mark_at(str_slice(text, i, text.len), marks);

		if (mark == NULL) {
			buf_add_byte(&out, text.ptr[i++]);
			continue;
		}
		buf_add_str(&out, mark->text);
		i += strlen(mark->name);
	}
	return out.failed ? STR_NULL : arena_str(arena, buf_str(&out));
}

static struct json *fill(struct arena *arena, const struct json *value, const struct mark *marks)
{
	struct json *item, *copy;

	if (json_is(value, JSON_STRING))
		return json_new_string(arena, replace_marks(arena, json_str(value), marks));
	if (!json_is(value, JSON_OBJECT) && !json_is(value, JSON_ARRAY))
		return json_copy(arena, value);
	copy = json_is(value, JSON_OBJECT) ? json_new_object(arena) : json_new_array(arena);
	json_for_each (value, i, item) {
		if (json_is(value, JSON_ARRAY))
			json_append(copy, fill(arena, item, marks));
		else
			json_set_str(copy, replace_marks(arena, json_key_at(value, i), marks),
				fill(arena, item, marks));
	}
	return copy;
}

/* --- the operator's schemas ------------------------------------------------------------------ */

static struct str take_schema(struct describing *d, struct str name);

/* A copy whose references lead to what the document holds, which is taken along. */
static struct json *take(struct describing *d, const struct json *value)
{
	struct json *item, *copy;

	if (!json_is(value, JSON_OBJECT) && !json_is(value, JSON_ARRAY))
		return json_copy(d->arena, value);
	copy = json_is(value, JSON_OBJECT) ? json_new_object(d->arena) : json_new_array(d->arena);
	json_for_each (value, i, item) {
		struct str key = json_is(value, JSON_OBJECT) ? json_key_at(value, i) : STR_NULL;
		struct str text = json_str(item);

		if (json_is(value, JSON_ARRAY))
			json_append(copy, take(d, item));
		else if (str_eq_c(key, "$ref") && str_starts_with(text, STR(SCHEMA_REF)))
			json_set_text(copy, "$ref",
				take_schema(d, str_slice(text, sizeof(SCHEMA_REF) - 1, text.len)));
		else
			json_set_str(copy, key, take(d, item));
	}
	return copy;
}

/* The reference to a schema of the operator's. Its place is taken before its content is looked at,
 * since schemas may refer to themselves. */
static struct str take_schema(struct describing *d, struct str name)
{
	struct json *ours = json_find(d->template, "components", "schemas", NULL);
	const struct json *schema = json_get_str(d->operator_schemas, name);
	struct str as = name;

	if (schema == NULL)
		return STR(SCHEMA_REF ANY_SPEC);
	if (json_get_str(ours, name) != NULL)
		as = arena_printf(d->arena, OPERATOR_PREFIX "%" STR_F, STR_A(name));
	if (json_get_str(d->schemas, as) == NULL) {
		json_set_str(d->schemas, as, json_new_null(d->arena));
		json_set_str(d->schemas, as, take(d, schema));
	}
	return arena_printf(d->arena, SCHEMA_REF "%" STR_F, STR_A(as));
}

/* --- one kind -------------------------------------------------------------------------------- */

static int add_kind_schemas(
	struct describing *d, struct str kind, const struct mark *marks, struct error *err)
{
	struct json *filled = fill(d->arena, json_get(d->template, "x-kind-schemas"), marks),
		    *schema;

	json_for_each (filled, i, schema) {
		struct str name = json_key_at(filled, i);

		if (json_get_str(d->schemas, name) != NULL)
			return error_set(err, ERROR_INVALID,
				"entity \"%" STR_F "\": the API's description has a schema "
				"\"%" STR_F "\" already; rename the kind",
				STR_A(kind), STR_A(name));
		json_set_str(d->schemas, name, schema);
	}
	return 0;
}

static void add_paths(struct describing *d, const char *section, struct str base,
	const struct mark *marks, bool is_nested)
{
	struct json *filled = fill(d->arena, json_get(d->template, section), marks), *item;

	json_for_each (filled, i, item) {
		if (is_nested) {
			struct json *parameter = json_new_object(d->arena);
			struct json *list = json_new_array(d->arena);

			json_set_text(parameter, "$ref", STR("#/components/parameters/ParentId"));
			json_append(list, parameter);
			json_set(item, "parameters", list);
		}
		json_set_str(d->paths,
			arena_printf(d->arena, "%" STR_F "%" STR_F, STR_A(base),
				STR_A(json_key_at(filled, i))),
			item);
	}
}

static void add_flat(struct describing *d, const struct kind *kind, const struct mark *marks)
{
	struct str base = arena_printf(d->arena, "/%" STR_F, STR_A(kind->plural));

	add_paths(d, "paths", base, marks, false);
	if (str_eq_c(kind->name, PLACEMENT_KIND))
		add_paths(d, "x-placed-paths", base, marks, false);
	if (kind->parent != NULL) /* it is refused there, which nobody needs to read about */
		json_remove(json_get_str(d->paths, base), STR("post"));
}

static void add_nested(struct describing *d, const struct kind *kind, struct mark *marks)
{
	marks[2].text = arena_printf(
		d->arena, "%" STR_F "_%" STR_F, STR_A(kind->parent->plural), STR_A(kind->plural));
	add_paths(d, "paths",
		arena_printf(d->arena, "/%" STR_F "/{parent_id}/%" STR_F,
			STR_A(kind->parent->plural), STR_A(kind->plural)),
		marks, true);
}

static int add_kind(struct describing *d, const struct kind *kind)
{
	struct mark marks[MARK_COUNT] = {
		{"<kind>", kind->name},
		{"<kinds>", kind->plural},
		{"<operation>", kind->plural},
		{"<spec>", STR(SCHEMA_REF ANY_SPEC)},
	};

	if (!str_is_null(kind->schema_name))
		marks[3].text = take_schema(d, kind->schema_name);
	if (add_kind_schemas(d, kind->name, marks, d->err) != 0)
		return -1;
	add_flat(d, kind, marks);
	if (kind->parent != NULL)
		add_nested(d, kind, marks);
	return 0;
}

/* /resources: every kind, so of a list the kind can be chosen. */
static int add_any(struct describing *d)
{
	const struct mark marks[MARK_COUNT] = {
		{"<kind>", STR("Resource")},
		{"<kinds>", STR(REGISTRY_ANY_PLURAL)},
		{"<operation>", STR(REGISTRY_ANY_PLURAL)},
		{"<spec>", STR(SCHEMA_REF ANY_SPEC)},
	};
	static const char *const requests[] = {"Resource", "ResourceCreateRequest"};
	struct json *parameter = json_new_object(d->arena);

	if (add_kind_schemas(d, STR("Resource"), marks, d->err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		json_remove(json_find(json_at(json_find(d->schemas, requests[i], "allOf", NULL), 1),
				    "properties", "kind", NULL),
			STR("enum"));
	add_paths(d, "paths", STR("/" REGISTRY_ANY_PLURAL), marks, false);
	json_set_text(parameter, "$ref", STR("#/components/parameters/Kind"));
	json_append(
		json_find(d->paths, "/" REGISTRY_ANY_PLURAL, "get", "parameters", NULL), parameter);
	return 0;
}

/* --- all ------------------------------------------------------------------------------------- */

/* To each operation what any may answer, unless it says so itself. */
static void complete_responses(struct describing *d)
{
	const struct json *every = json_get(d->template, "x-every-response"), *response;
	struct json *path, *operation;

	json_for_each (d->paths, i, path)
		json_for_each (path, k, operation) {
			struct json *responses = json_get(operation, "responses");

			json_for_each (every, r, response)
				if (json_get_str(responses, json_key_at(every, r)) == NULL)
					json_set_str(responses, json_key_at(every, r),
						json_copy(d->arena, response));
		}
}

static void add_open(struct describing *d)
{
	struct json *open = json_get(d->template, "x-open-paths"), *item;

	json_for_each (open, i, item)
		json_set_str(d->paths, json_key_at(open, i), json_copy(d->arena, item));
}

/* The document begins as the template without its paths and what is only its own. */
static void begin(struct describing *d)
{
	struct json *member;

	d->document = json_new_object(d->arena);
	d->paths = json_new_object(d->arena);
	json_for_each (d->template, i, member) {
		struct str key = json_key_at(d->template, i);

		if (str_eq_c(key, "paths"))
			json_set(d->document, "paths", d->paths);
		else if (!str_starts_with(key, STR(EXTENSION)))
			json_set_str(d->document, key, json_copy(d->arena, member));
	}
	d->schemas = json_find(d->document, "components", "schemas", NULL);
}

static int describe(struct describing *d)
{
	struct json *operators;

	if (json_parse(d->arena, d->registry->openapi, NULL, &operators, d->err) != 0 ||
		yaml_parse(d->arena, str_of(describe_template), &d->template, d->err) != 0)
		return -1;
	d->operator_schemas = json_find(operators, "components", "schemas", NULL);
	begin(d);
	if (add_any(d) != 0)
		return -1;
	for (size_t i = 0; i < d->registry->count; i++)
		if (add_kind(d, &d->registry->kinds[i]) != 0)
			return -1;
	complete_responses(d);
	add_open(d);
	return 0;
}

int describe_api(
	struct arena *arena, const struct registry *registry, struct str *ret, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *working = arena_new(0);
	struct describing d = {.arena = working, .registry = registry, .err = err};
	struct str text;

	if (working == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the API's description");
	if (describe(&d) != 0)
		return error_prefix(err, "the API's description");
	text = arena_str(arena, json_text(working, d.document, JSON_WRITE_COMPACT));
	if (arena_is_exhausted(working) || str_is_null(text))
		return error_set(err, ERROR_MEMORY, "no room for the API's description");
	*ret = text;
	return 0;
}

struct str describe_page(void)
{
	return str_of(describe_html);
}
