/*
 * kubeapi_managed.c - ownership of fields, for plain writes and for server-side apply.
 *
 * The rules are those of structured-merge-diff's updater: a write takes what it changed; others
 * lose what was removed or, when it is forced, what was changed; an apply that no longer names a
 * field which nobody else manages removes it.
 */
#include "local/kubeapi_managed.h"

#include <stdlib.h>

/* --- reading and writing ------------------------------------------------------------------- */

static int read_entry(struct arena *arena, const struct json *entry, struct kubeapi_manager *ret,
	struct kubeapi_failure *failure)
{
	struct error err;

	*ret = (struct kubeapi_manager){.manager = json_get_text(entry, "manager"),
		.operation = json_get_text(entry, "operation"),
		.api_version = json_get_text(entry, "apiVersion"),
		.time = json_get_text(entry, "time"),
		.subresource = json_get_text(entry, "subresource")};
	if (!str_eq_c(ret->operation, "Apply") && !str_eq_c(ret->operation, "Update"))
		return kubeapi_fail(failure, 422,
			"metadata.managedFields.operation: Invalid value: must be `Apply` or "
			"`Update`");
	if (!json_get(entry, "fieldsV1"))
		return 0;
	if (kubeapi_fields_parse(arena, json_get(entry, "fieldsV1"), &ret->fields, &err) < 0)
		return kubeapi_fail(
			failure, 400, "metadata.managedFields.fieldsV1: %s", err.message);
	return 0;
}

int kubeapi_managers_read(struct arena *arena, const struct json *list,
	struct kubeapi_managers *ret, struct kubeapi_failure *failure)
{
	struct json *entry;

	ret->arena = arena;
	ret->count = 0;
	json_for_each (list, i, entry) {
		if (json_count(entry) == 0)
			continue;
		if (ret->count == KUBEAPI_MAX_MANAGERS)
			return kubeapi_fail(failure, 422,
				"metadata.managedFields: an object has at most %u managers",
				KUBEAPI_MAX_MANAGERS);
		if (read_entry(arena, entry, &ret->items[ret->count], failure) < 0)
			return -1;
		ret->count++;
	}
	return 0;
}

static int compare_managers(const void *left, const void *right)
{
	const struct kubeapi_manager *a = left, *b = right;
	int order = str_cmp(a->operation, b->operation); /* Apply before Update */

	if (!order)
		order = str_cmp(a->time, b->time);
	if (!order)
		order = str_cmp(a->manager, b->manager);
	return order ? order : str_cmp(a->subresource, b->subresource);
}

/* The oldest updaters are merged into one, so that many short-lived names do not fill the object.
 */
static void cap_updaters(struct kubeapi_managers *managers)
{
	size_t first = 0;

	while (first < managers->count && str_eq_c(managers->items[first].operation, "Apply"))
		first++;
	while (managers->count - first > KUBEAPI_MAX_UPDATERS) {
		struct kubeapi_manager *oldest = &managers->items[first];
		struct kubeapi_manager *second = oldest + 1;
		second->fields =
			kubeapi_fields_union(managers->arena, oldest->fields, second->fields);
		second->manager = STR("ancient-changes");
		second->subresource = STR_NULL;
		memmove(oldest, second, (managers->count - first - 1) * sizeof(*oldest));
		managers->count--;
	}
}

struct json *kubeapi_managers_write(struct kubeapi_managers *managers)
{
	struct arena *arena = managers->arena;
	struct json *list = json_new_array(arena);
	size_t kept = 0;

	for (size_t i = 0; i < managers->count; i++)
		if (!kubeapi_fields_is_empty(managers->items[i].fields))
			managers->items[kept++] = managers->items[i];
	managers->count = kept;
	qsort(managers->items, kept, sizeof(managers->items[0]), compare_managers);
	cap_updaters(managers);
	for (size_t i = 0; i < managers->count; i++) {
		const struct kubeapi_manager *manager = &managers->items[i];
		struct json *entry = json_new_object(arena);
		json_set_text(entry, "manager", manager->manager);
		json_set_text(entry, "operation", manager->operation);
		json_set_text(entry, "apiVersion", manager->api_version);
		json_set_text(entry, "time", manager->time);
		json_set(entry, "fieldsType", json_new_cstr(arena, "FieldsV1"));
		json_set(entry, "fieldsV1", kubeapi_fields_write(arena, manager->fields));
		if (manager->subresource.len > 0)
			json_set_text(entry, "subresource", manager->subresource);
		json_append(list, entry);
	}
	return list;
}

/* --- who ----------------------------------------------------------------------------------- */

/* An applier is known by its name, an updater also by the version it writes. */
static struct kubeapi_manager *find(struct kubeapi_managers *managers,
	const struct kubeapi_writer *writer, const char *operation)
{
	for (size_t i = 0; i < managers->count; i++) {
		struct kubeapi_manager *each = &managers->items[i];
		if (str_eq(each->manager, writer->manager) &&
			str_eq_c(each->operation, operation) &&
			str_eq(each->subresource, writer->subresource) &&
			(operation[0] == 'A' || str_eq(each->api_version, writer->api_version)))
			return each;
	}
	return NULL;
}

static struct kubeapi_manager *find_or_add(struct kubeapi_managers *managers,
	const struct kubeapi_writer *writer, const char *operation)
{
	struct kubeapi_manager *found = find(managers, writer, operation);

	if (!found && managers->count < KUBEAPI_MAX_MANAGERS) {
		found = &managers->items[managers->count++];
		*found = (struct kubeapi_manager){.manager = writer->manager,
			.operation = str_of(operation),
			.subresource = writer->subresource};
	}
	if (found)
		found->api_version = writer->api_version;
	return found;
}

/* What nobody manages: the object's identity, and what the server keeps. */
static struct kubeapi_fields *unmanaged(struct arena *arena)
{
	static const char *const in_metadata[] = {"name", "namespace", "generateName", "selfLink",
		"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
		"generation", "managedFields", "resourceVersion"};
	struct kubeapi_fields *root = kubeapi_fields_new(arena);
	struct kubeapi_fields *metadata =
		kubeapi_fields_add(arena, root, kubeapi_field(STR("metadata")));
	struct kubeapi_fields *nodes[] = {
		kubeapi_fields_add(arena, root, kubeapi_field(STR("apiVersion"))),
		kubeapi_fields_add(arena, root, kubeapi_field(STR("kind")))};

	for (size_t i = 0; i < 2; i++)
		if (nodes[i])
			nodes[i]->is_member = true;
	for (size_t i = 0; i < sizeof(in_metadata) / sizeof(in_metadata[0]); i++) {
		struct kubeapi_fields *node =
			kubeapi_fields_add(arena, metadata, kubeapi_field(str_of(in_metadata[i])));
		if (node)
			node->is_member = true;
	}
	return root;
}

static struct kubeapi_fields *managed_only(
	struct arena *arena, struct kubeapi_fields *fields, struct str subresource)
{
	struct kubeapi_fields *result = kubeapi_fields_without(arena, fields, unmanaged(arena));
	struct kubeapi_fields *metadata =
		kubeapi_fields_child(result, kubeapi_field(STR("metadata")));

	if (metadata)
		metadata->is_member = false;
	if (result)
		result->is_member = false;
	if (result && str_eq_c(subresource, "status")) {
		struct kubeapi_fields *only = kubeapi_fields_new(arena);
		struct kubeapi_fields *status =
			kubeapi_fields_child(result, kubeapi_field(STR("status")));
		struct kubeapi_fields *node =
			kubeapi_fields_add(arena, only, kubeapi_field(STR("status")));
		if (status && node)
			*node = *status;
		result = only;
	}
	return kubeapi_fields_union(arena, result, NULL);
}

/* --- plain writes -------------------------------------------------------------------------- */

void kubeapi_managers_update(struct kubeapi_managers *managers, const struct schema *schema,
	const struct json *from, const struct json *to, const struct kubeapi_writer *writer)
{
	struct arena *arena = managers->arena;
	struct json *nothing = json_new_object(arena);
	struct kubeapi_comparison comparison;
	struct kubeapi_fields *changed, *lost;
	struct kubeapi_manager *mine;

	kubeapi_topology_compare(arena, schema, from ? from : nothing, to, &comparison);
	changed = kubeapi_fields_union(arena, comparison.added, comparison.modified);
	lost = kubeapi_fields_union(arena, changed, comparison.removed);
	mine = find_or_add(managers, writer, "Update");
	for (size_t i = 0; i < managers->count; i++)
		if (&managers->items[i] != mine)
			managers->items[i].fields =
				kubeapi_fields_difference(arena, managers->items[i].fields, lost);
	if (!mine)
		return;
	struct kubeapi_fields *fields = kubeapi_fields_union(
		arena, kubeapi_fields_difference(arena, mine->fields, comparison.removed), changed);
	fields = managed_only(arena, fields, writer->subresource);
	if (!kubeapi_fields_equal(fields, mine->fields) || mine->time.len == 0)
		mine->time = writer->time;
	mine->fields = fields;
}

/* --- server-side apply --------------------------------------------------------------------- */

struct conflicts {
	struct kubeapi_failure *failure;
	const struct kubeapi_manager *manager;
	struct str lines;
	size_t count;
};

static void add_conflict(void *context, struct str path)
{
	struct conflicts *conflicts = context;
	const struct kubeapi_manager *manager = conflicts->manager;
	struct arena *arena = conflicts->failure->arena;
	struct str via = manager->subresource.len > 0
				 ? arena_printf(arena, " with subresource \"%" STR_F "\"",
					   STR_A(manager->subresource))
				 : STR("");

	kubeapi_failure_cause(conflicts->failure, "FieldManagerConflict", path,
		"conflict with \"%" STR_F "\"%" STR_F " using %" STR_F, STR_A(manager->manager),
		STR_A(via), STR_A(manager->api_version));
	conflicts->count++;
	conflicts->lines =
		arena_printf(arena, "%" STR_F "\n- %" STR_F, STR_A(conflicts->lines), STR_A(path));
}

/* The sentence as kubectl users know it: one conflict on one line, several as a list per manager.
 */
static int fail_conflicts(struct kubeapi_managers *managers, struct kubeapi_fields *const *sets,
	struct kubeapi_failure *failure)
{
	struct conflicts conflicts = {.failure = failure, .lines = STR("")};
	struct arena *arena = failure->arena;
	struct str text = STR("");
	size_t managers_named = 0;

	for (size_t i = 0; i < managers->count; i++) {
		if (!sets[i])
			continue;
		conflicts.manager = &managers->items[i];
		conflicts.lines = STR("");
		kubeapi_fields_each(arena, sets[i], add_conflict, &conflicts);
		text = arena_printf(arena,
			"%" STR_F "%sconflicts with \"%" STR_F "\" using %" STR_F ":%" STR_F,
			STR_A(text), managers_named++ ? "\n" : "",
			STR_A(managers->items[i].manager), STR_A(managers->items[i].api_version),
			STR_A(conflicts.lines));
	}
	if (conflicts.count == 1)
		text = arena_printf(arena, "%" STR_F ": %" STR_F, STR_A(failure->causes[0].message),
			STR_A(failure->causes[0].field));
	return kubeapi_fail(failure, 409, "Apply failed with %zu conflict%s: %" STR_F,
		conflicts.count, conflicts.count == 1 ? "" : "s", STR_A(text));
}

/* Takes from the others what was changed (a conflict unless forced) and what was removed. */
static int take_over(struct kubeapi_managers *managers, const struct kubeapi_manager *mine,
	const struct kubeapi_comparison *comparison, bool force, struct kubeapi_failure *failure)
{
	struct arena *arena = managers->arena;
	struct kubeapi_fields *conflicts[KUBEAPI_MAX_MANAGERS] = {NULL};
	struct kubeapi_fields *changed =
		kubeapi_fields_union(arena, comparison->added, comparison->modified);
	bool has_conflicts = false;

	for (size_t i = 0; i < managers->count; i++) {
		if (&managers->items[i] == mine)
			continue;
		conflicts[i] =
			kubeapi_fields_intersection(arena, managers->items[i].fields, changed);
		has_conflicts = has_conflicts || conflicts[i];
	}
	if (has_conflicts && !force)
		return fail_conflicts(managers, conflicts, failure);
	for (size_t i = 0; i < managers->count; i++) {
		struct kubeapi_manager *each = &managers->items[i];
		if (each == mine)
			continue;
		each->fields = kubeapi_fields_difference(arena, each->fields, conflicts[i]);
		each->fields = kubeapi_fields_difference(arena, each->fields, comparison->removed);
	}
	return 0;
}

int kubeapi_managers_apply(struct kubeapi_managers *managers, const struct schema *schema,
	struct json *live, struct json *config, const struct kubeapi_writer *writer, bool force,
	struct json **ret, struct kubeapi_failure *failure)
{
	struct arena *arena = managers->arena;
	struct json *merged = kubeapi_topology_merge(arena, schema, live, config);
	struct kubeapi_manager *mine = find_or_add(managers, writer, "Apply");
	struct kubeapi_fields *fields, *last, *all = NULL;
	struct kubeapi_comparison comparison;

	if (!mine)
		return kubeapi_fail(failure, 422, "the object has too many field managers");
	last = mine->fields;
	fields = managed_only(
		arena, kubeapi_topology_fields(arena, schema, config), writer->subresource);
	mine->fields = fields;
	if (!kubeapi_fields_is_empty(kubeapi_fields_difference(arena, last, fields))) {
		for (size_t i = 0; i < managers->count; i++)
			all = kubeapi_fields_union(arena, all, managers->items[i].fields);
		merged = json_copy(arena, merged);
		kubeapi_topology_remove(arena, schema, merged, last, all);
	}
	kubeapi_topology_compare(
		arena, schema, live ? live : json_new_object(arena), merged, &comparison);
	if (take_over(managers, mine, &comparison, force, failure) < 0)
		return -1;
	if (comparison.added || comparison.removed || comparison.modified ||
		!kubeapi_fields_equal(last, fields))
		mine->time = writer->time;
	*ret = merged;
	return 0;
}
