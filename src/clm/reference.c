/*
 * reference.c - see reference.h.
 */
#include "clm/reference.h"

#include <stdlib.h>

#include "clm/resource.h"

#define NAMED_MAX_BYTES 256u /* of those who hold a resource, in an error */

/* --- a request ------------------------------------------------------------------------------- */

static bool has_target(const struct reference_list *list, const struct reference *wanted)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->items[i].rule == wanted->rule &&
			str_eq(list->items[i].target, wanted->target))
			return true;
	return false;
}

static int parse_item(const struct reference_rule *rule, const struct json *item,
	struct reference_list *list, struct error *err)
{
	struct str kind = json_str(json_get_any_case(item, "kind"));
	struct reference reference = {rule, json_str(json_get_any_case(item, "id"))};

	if (!json_is(item, JSON_OBJECT))
		return error_set(err, ERROR_INVALID,
			"field 'references.%" STR_F "' must be an array of objects",
			STR_A(rule->type));
	if (str_is_empty(reference.target))
		return error_set(err, ERROR_INVALID, "reference '%" STR_F "' needs the target's id",
			STR_A(rule->type));
	if (!str_is_empty(kind) && !str_eq(kind, rule->target_name))
		return error_set(err, ERROR_INVALID,
			"reference '%" STR_F "' must point to kind %" STR_F ", not to %" STR_F,
			STR_A(rule->type), STR_A(rule->target_name), STR_A(kind));
	if (has_target(list, &reference))
		return error_set(err, ERROR_INVALID,
			"reference '%" STR_F "' names the target '%" STR_F "' twice",
			STR_A(rule->type), STR_A(reference.target));
	list->items[list->count++] = reference;
	return 0;
}

static int parse_rule(const struct reference_rule *rule, const struct json *targets,
	struct reference_list *list, struct error *err)
{
	size_t count = json_count(targets);
	const struct json *item;

	if (!json_is_null(targets) && !json_is(targets, JSON_ARRAY))
		return error_set(err, ERROR_INVALID,
			"field 'references.%" STR_F "' must be an array", STR_A(rule->type));
	if (count < rule->min)
		return error_set(err, ERROR_INVALID,
			"reference '%" STR_F "' needs at least %zu target(s), has %zu",
			STR_A(rule->type), rule->min, count);
	if (count > REGISTRY_MAX_TARGETS || (rule->max != 0 && count > rule->max))
		return error_set(err, ERROR_INVALID,
			"reference '%" STR_F "' takes at most %zu target(s), has %zu",
			STR_A(rule->type), rule->max != 0 ? rule->max : REGISTRY_MAX_TARGETS,
			count);
	json_for_each (targets, i, item)
		if (parse_item(rule, item, list, err) != 0)
			return -1;
	return 0;
}

static int check_types(const struct kind *kind, const struct json *references, size_t *ret_targets,
	struct error *err)
{
	*ret_targets = 0;
	for (size_t i = 0; i < json_count(references); i++) {
		struct str type = json_key_at(references, i);

		if (registry_find_rule(kind, type) == NULL)
			return error_set(err, ERROR_INVALID, "unknown reference type '%" STR_F "'",
				STR_A(type));
		*ret_targets += json_count(json_at(references, i));
	}
	return 0;
}

int reference_parse(struct arena *arena, const struct kind *kind, const struct json *references,
	struct reference_list *ret, struct error *err)
{
	struct reference_list list = {0};
	size_t targets;

	if (check_types(kind, references, &targets, err) != 0)
		return -1;
	list.items = arena_calloc(arena, targets + 1, sizeof(*list.items));
	if (list.items == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the references");
	for (size_t i = 0; kind != NULL && i < kind->reference_count; i++) {
		const struct reference_rule *rule = &kind->references[i];

		if (parse_rule(rule, json_get_str(references, rule->type), &list, err) != 0)
			return -1;
	}
	*ret = list;
	return 0;
}

/* --- targets --------------------------------------------------------------------------------- */

/* Within the tenant, or the region's own: what is referred to is held, and who has it is told by
 * what. */
static bool may_refer(struct str tenancy, const struct resource *target)
{
	return str_eq(target->tenancy, tenancy) || str_eq_c(target->tenancy, RESOURCE_NO_TENANCY);
}

static int find_target(struct change *change, const struct reference_view *view,
	const struct reference *reference, struct error *err)
{
	const struct scope scope = {.tenancy = view->caller_tenancy};
	const struct reference_rule *rule = reference->rule;
	struct resource target;
	struct error failed;

	int found = resource_find(
		change->sql, change->arena, &scope, reference->target, &target, &failed);

	if (found != 0 && failed.code != ERROR_NOT_FOUND)
		return error_set(err, failed.code, "%s", failed.message);
	if (found != 0 || !may_refer(view->own_tenancy, &target))
		return error_set(err, ERROR_INVALID,
			"reference '%" STR_F "': %" STR_F " with id='%" STR_F "' not found",
			STR_A(rule->type), STR_A(rule->target_name), STR_A(reference->target));
	if (!str_eq(target.kind, rule->target_name))
		return error_set(err, ERROR_INVALID,
			"reference '%" STR_F "' must point to kind %" STR_F ", '%" STR_F
			"' is of kind %" STR_F,
			STR_A(rule->type), STR_A(rule->target_name), STR_A(reference->target),
			STR_A(target.kind));
	if (resource_is_deleting(&target))
		return error_set(err, ERROR_INVALID,
			"reference '%" STR_F "': %" STR_F " '%" STR_F "' is marked for deletion",
			STR_A(rule->type), STR_A(target.kind), STR_A(target.id));
	return 0;
}

static struct json *target_document(struct arena *arena, const struct reference *reference)
{
	const struct reference_rule *rule = reference->rule;
	struct json *document = json_new_object(arena);

	json_set_text(document, "id", reference->target);
	json_set_text(document, "kind", rule->target_name);
	json_set_text(document, "href",
		arena_printf(arena, RESOURCE_BASE_PATH "/%" STR_F "/%" STR_F,
			STR_A(rule->target->plural), STR_A(reference->target)));
	return document;
}

int reference_resolve(struct change *change, const struct reference_view *view,
	const struct reference_list *list, struct str *ret_document, struct error *err)
{
	struct arena *arena = change->arena;
	struct json *document = json_new_object(arena);

	for (size_t i = 0; i < list->count; i++) {
		const struct reference *reference = &list->items[i];
		struct json *targets = json_get_str(document, reference->rule->type);

		if (find_target(change, view, reference, err) != 0)
			return -1;
		if (targets == NULL) {
			targets = json_new_array(arena);
			json_set_str(document, reference->rule->type, targets);
		}
		json_append(targets, target_document(arena, reference));
	}
	*ret_document = json_text(arena, document, JSON_WRITE_COMPACT);
	return arena_is_exhausted(arena)
		       ? error_set(err, ERROR_MEMORY, "no room for the references")
		       : 0;
}

/* --- rows ------------------------------------------------------------------------------------ */

int reference_store(struct change *change, struct str resource, const struct reference_list *list,
	struct error *err)
{
	if (SQL_RUN(change->sql, err, "DELETE FROM resource_references WHERE resource_id = $1",
		    SQL_STR(resource)) != 0)
		return -1;
	for (size_t i = 0; i < list->count; i++)
		if (SQL_RUN(change->sql, err,
			    "INSERT INTO resource_references (resource_id, ref_type, target_id) "
			    "VALUES ($1, $2, $3)",
			    SQL_STR(resource), SQL_STR(list->items[i].rule->type),
			    SQL_STR(list->items[i].target)) != 0)
			return -1;
	return 0;
}

int reference_drop_tree(struct change *change, struct str root, struct error *err)
{
	return SQL_RUN(change->sql, err,
		"DELETE FROM resource_references WHERE resource_id IN ("
		"WITH RECURSIVE tree(id) AS (SELECT CAST($1 AS TEXT) UNION ALL "
		"SELECT r.id FROM resources r JOIN tree t ON r.owner_id = t.id) "
		"SELECT id FROM tree)",
		SQL_STR(root));
}

/* Appends `Kind "name"`, or counts it when the sentence is long enough. */
static void name_holder(struct buf *holders, size_t *unnamed, struct sql_rows *rows)
{
	if (holders->len > NAMED_MAX_BYTES) {
		(*unnamed)++;
		return;
	}
	buf_printf(holders, "%s%" STR_F " \"%" STR_F "\"", holders->len > 0 ? ", " : "",
		STR_A(sql_str(rows, 0)), STR_A(sql_str(rows, 1)));
}

static int read_holders(
	struct change *change, struct str id, struct buf *holders, struct error *err)
{
	struct sql_rows *rows;
	size_t unnamed = 0;
	int more;

	if (SQL_QUERY(change->sql, &rows, err,
		    "SELECT DISTINCT r.kind, r.name, r.id FROM resource_references x "
		    "JOIN resources r ON r.id = x.resource_id "
		    "WHERE x.target_id = $1 AND r.deleted_time IS NULL ORDER BY r.id",
		    SQL_STR(id)) != 0)
		return -1;
	while ((more = sql_next(rows, err)) == 1)
		name_holder(holders, &unnamed, rows);
	sql_end(rows);
	if (unnamed > 0)
		buf_printf(holders, " and %zu more", unnamed);
	return more;
}

int reference_check_free(struct change *change, const struct kind *kind, struct str id,
	struct str name, struct error *err)
{
	struct buf holders;
	int result;

	if (kind == NULL || !kind->is_referenced)
		return 0;
	buf_init(&holders, 0);
	result = read_holders(change, id, &holders, err);
	if (result == 0 && holders.failed)
		result = error_set(err, ERROR_MEMORY, "no room for the names of what refers to it");
	else if (result == 0 && holders.len > 0)
		result = error_set(err, ERROR_CONFLICT,
			"cannot delete %" STR_F " \"%" STR_F "\": referenced by %" STR_F
			" \xe2\x80\x94 remove the reference(s) before deleting",
			STR_A(kind->name), STR_A(name), STR_A(buf_str(&holders)));
	buf_free(&holders);
	return result;
}
