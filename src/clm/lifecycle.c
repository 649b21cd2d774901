/*
 * lifecycle.c - see lifecycle.h.
 *
 * Deleting walks the tree of ownership: a resource is written when its children have been, because
 * whether any is left decides if it goes at once and what its conditions say. Those count every
 * child that still has a row, marked or not, so a parent never reads as reconciled while something
 * of it is left.
 */
#include "clm/lifecycle.h"

#include "clm/journal.h"
#include "clm/label.h"
#include "clm/placement.h"

#define NO_CONDITIONS "[]" /* as stored */

/* --- conditions ------------------------------------------------------------------------------ */

static int gather(struct change *change, const struct resource *resource,
	const struct report_list *reports, struct aggregate_input *input, struct error *err)
{
	const struct kind *kind = registry_find(change->catalog->registry, resource->kind);

	*input = (struct aggregate_input){
		.generation = resource->generation,
		.reference_us = resource->updated_us,
		.is_deleting = resource_is_deleting(resource),
		.required = kind != NULL ? kind->required_adapters : NULL,
		.required_count = kind != NULL ? kind->required_count : 0,
		.reports = report_digests(change->arena, reports),
		.report_count = reports->count,
	};
	if (input->reports == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the reports on a resource");
	if (input->is_deleting && kind != NULL && kind->child_count > 0)
		return resource_has_children(change->sql, resource->id, &input->has_children, err);
	return 0;
}

/* Reconciled is False, and was not. */
static bool begins(const struct condition_list *before, const struct condition_list *now)
{
	const struct condition *was = condition_find(before, STR(CONDITION_RECONCILED));
	const struct condition *is = condition_find(now, STR(CONDITION_RECONCILED));

	return is != NULL && !is->is_true && (was == NULL || was->is_true);
}

int lifecycle_aggregate(struct change *change, struct resource *resource,
	const struct report_list *reports, enum mapping_failure failure, enum lifecycle_effect *ret,
	struct error *err)
{
	const struct kind *kind = registry_find(change->catalog->registry, resource->kind);
	struct condition_list previous;
	struct condition_list now;
	struct aggregate_input input;
	struct str text;

	if (gather(change, resource, reports, &input, err) != 0 ||
		condition_list_parse(change->arena, resource->conditions, &previous, err) != 0)
		return -1;
	input.previous = &previous;
	if (aggregate_conditions(change->arena, &input, &now, err) != 0)
		return -1;
	if (kind != NULL && kind->mapping_count > 0 &&
		condition_map_apply(kind->mappings, kind->mapping_count, change->arena, resource,
			reports, &previous, failure, &now, err) != 0)
		return -1;
	if (change->sql != NULL && begins(&previous, &now))
		change_note_started(change, kind, input.is_deleting);
	text = condition_list_text(change->arena, &now);
	if (arena_is_exhausted(change->arena))
		return error_set(err, ERROR_MEMORY, "no room for the conditions of a resource");
	if (str_eq(text, resource->conditions))
		*ret = LIFECYCLE_SAME;
	else
		*ret = condition_list_says_same(&previous, &now) ? LIFECYCLE_REFRESHED
								 : LIFECYCLE_CHANGED;
	resource->conditions = text;
	return 0;
}

/* Kinds that require no adapter have no conditions until one reports; then they follow changes. */
static bool has_conditions(const struct kind *kind, const struct resource *resource)
{
	return kind != NULL && (kind->required_count > 0 || kind->mapping_count > 0 ||
				       !str_eq_c(resource->conditions, NO_CONDITIONS));
}

/* After a change of the resource itself. */
static int aggregate_stored(struct change *change, struct resource *resource, struct error *err)
{
	const struct kind *kind = registry_find(change->catalog->registry, resource->kind);
	struct report_list reports;
	enum lifecycle_effect effect;

	if (!has_conditions(kind, resource))
		return 0;
	if (report_load(change->sql, change->arena, resource->id, &reports, err) != 0)
		return -1;
	return lifecycle_aggregate(change, resource, &reports, MAPPING_KEEPS, &effect, err);
}

/* --- create ---------------------------------------------------------------------------------- */

static int deleting_error(const struct resource *resource, struct error *err)
{
	return error_set(err, ERROR_CONFLICT, "%" STR_F " '%" STR_F "' is marked for deletion",
		STR_A(resource->kind), STR_A(resource->id));
}

/* A child belongs to the tenant of its parent, whoever makes it. */
static int adopt(struct creation *creation, struct resource *resource, struct error *err)
{
	struct resource parent;

	if (resource_find(creation->change.sql, creation->change.arena, &creation->parent_scope,
		    creation->parent, &parent, err) != 0)
		return -1;
	if (resource_is_deleting(&parent))
		return deleting_error(&parent, err);
	resource->owner_id = parent.id;
	resource->owner_kind = parent.kind;
	resource->owner_href = parent.href;
	resource->tenancy = parent.tenancy;
	return 0;
}

static int refer(struct creation *creation, struct resource *resource, struct error *err)
{
	struct change *change = &creation->change;
	const struct reference_view view = {creation->parent_scope.tenancy, resource->tenancy};

	if (reference_resolve(change, &view, &creation->references, &resource->references, err) !=
		0)
		return -1;
	return reference_store(change, resource->id, &creation->references, err);
}

static void fill_new(const struct creation *creation, struct resource *resource)
{
	const struct change *change = &creation->change;

	*resource = (struct resource){
		.id = creation->id,
		.kind = creation->kind->name,
		.name = creation->name,
		.tenancy = creation->tenancy,
		.spec = creation->spec,
		.labels = creation->labels,
		.conditions = creation->conditions,
		.references = STR(RESOURCE_NO_REFERENCES),
		.generation = 1,
		.version = 1,
		.created_us = change->now_us,
		.updated_us = change->now_us,
		.created_by = change->actor,
		.updated_by = change->actor,
	};
}

int lifecycle_prepare(struct creation *creation, struct error *err)
{
	const struct report_list none = {0};
	enum lifecycle_effect effect;
	struct resource resource;

	creation->conditions = STR(NO_CONDITIONS);
	/* Mappings want the resource as it will be, which is known in the transaction. */
	if (creation->kind->required_count == 0 || creation->kind->mapping_count > 0)
		return 0;
	fill_new(creation, &resource);
	if (lifecycle_aggregate(&creation->change, &resource, &none, MAPPING_FAILS, &effect, err) !=
		0)
		return -1;
	creation->conditions = resource.conditions;
	return 0;
}

int lifecycle_create(struct sql *sql, void *argument, struct error *err)
{
	struct creation *creation = argument;
	struct change *change = &creation->change;
	struct resource *resource = &creation->ret_resource;

	change_begin(change, sql);
	creation->ret_is_duplicate = false;
	fill_new(creation, resource);
	if (!str_is_null(creation->parent) && adopt(creation, resource, err) != 0)
		return -1;
	if (creation->references.count > 0 && refer(creation, resource, err) != 0)
		return -1;
	resource->href = arena_printf(change->arena, "%" STR_F "/%" STR_F "/%" STR_F,
		STR_A(str_is_null(resource->owner_href) ? STR(RESOURCE_BASE_PATH)
							: resource->owner_href),
		STR_A(creation->kind->plural), STR_A(resource->id));
	if (creation->kind->mapping_count > 0 && creation->kind->required_count > 0 &&
		aggregate_stored(change, resource, err) != 0)
		return -1;
	if (creation->kind->mapping_count == 0 && creation->kind->required_count > 0)
		change_note_started(change, creation->kind, false); /* by lifecycle_prepare */
	if (resource_insert(change, resource, err) != 0) {
		if (err == NULL || err->code != ERROR_CONFLICT)
			return -1;
		creation->ret_is_duplicate = true;
		return error_set(err, ERROR_CONFLICT, "This %" STR_F " already exists",
			STR_A(resource->kind));
	}
	if (label_index(change, resource->id, resource->labels, err) != 0 ||
		journal_tell(change, resource, "created", STR_NULL, err) != 0)
		return -1;
	return placement_resource_created(change, resource, err);
}

/* --- patch ----------------------------------------------------------------------------------- */

/* Equal text is equal; other text may still be (1 and 1.0). */
static int documents_differ(
	struct arena *arena, struct str a, struct str b, bool *ret, struct error *err)
{
	struct json *left;
	struct json *right;

	if (str_eq(a, b)) {
		*ret = false;
		return 0;
	}
	if (json_parse(arena, a, NULL, &left, err) != 0 ||
		json_parse(arena, b, NULL, &right, err) != 0)
		return error_prefix(err, "a stored document");
	*ret = !json_equal(left, right);
	return 0;
}

static int apply_references(
	struct patch *patch, struct resource *resource, bool *ret, struct error *err)
{
	struct change *change = &patch->change;
	const struct reference_view view = {patch->scope.tenancy, resource->tenancy};
	struct str document;

	if (reference_resolve(change, &view, &patch->references, &document, err) != 0 ||
		documents_differ(change->arena, resource->references, document, ret, err) != 0)
		return -1;
	if (!*ret)
		return 0;
	resource->references = document;
	return reference_store(change, resource->id, &patch->references, err);
}

static int replace_labels(
	struct change *change, struct resource *resource, struct str labels, struct error *err)
{
	if (label_unindex(change, resource->id, resource->labels, err) != 0)
		return -1;
	resource->labels = labels;
	return label_index(change, resource->id, labels, err);
}

/* Replaces what the patch gives and tells whether that made a difference. */
static int apply_patch(struct patch *patch, struct resource *resource, bool *ret, struct error *err)
{
	struct arena *arena = patch->change.arena;
	bool spec_differs = false;
	bool labels_differ = false;
	bool references_differ = false;

	if (!str_is_null(patch->spec) &&
		documents_differ(arena, resource->spec, patch->spec, &spec_differs, err) != 0)
		return -1;
	if (!str_is_null(patch->labels) &&
		documents_differ(arena, resource->labels, patch->labels, &labels_differ, err) != 0)
		return -1;
	if (patch->has_references &&
		apply_references(patch, resource, &references_differ, err) != 0)
		return -1;
	if (spec_differs)
		resource->spec = patch->spec;
	if (labels_differ && replace_labels(&patch->change, resource, patch->labels, err) != 0)
		return -1;
	*ret = spec_differs || labels_differ || references_differ;
	return 0;
}

int lifecycle_prefetch_patch(struct sql *sql, void *argument, struct error *err)
{
	struct patch *patch = argument;

	return resource_prefetch(sql, patch->id, err) != 0 ? -1
							   : report_prefetch(sql, patch->id, err);
}

int lifecycle_patch(struct sql *sql, void *argument, struct error *err)
{
	struct patch *patch = argument;
	struct change *change = &patch->change;
	struct resource *resource = &patch->ret_resource;
	struct resource before;
	struct str what;
	bool differs;

	change_begin(change, sql);
	if (resource_find(sql, change->arena, &patch->scope, patch->id, resource, err) != 0)
		return -1;
	if (resource_is_deleting(resource))
		return deleting_error(resource, err);
	before = *resource;
	if (resource_check_match(change, resource, patch->if_match, err) != 0 ||
		apply_patch(patch, resource, &differs, err) != 0)
		return -1;
	if (!differs)
		return 0;
	what = journal_of_update(change, &before, resource, err);
	if (str_is_null(what))
		return -1;
	resource->generation++;
	resource->updated_us = change->now_us;
	resource->updated_by = change->actor;
	if (aggregate_stored(change, resource, err) != 0 ||
		resource_update(change, resource, err) != 0 ||
		journal_tell(change, resource, "updated", what, err) != 0)
		return -1;
	return placement_resource_changed(change, resource, err);
}

/* --- remove ---------------------------------------------------------------------------------- */

static int remove_now(
	struct change *change, const struct resource *resource, struct str what, struct error *err)
{
	if (report_remove_all(change, resource->id, err) != 0 ||
		label_unindex(change, resource->id, resource->labels, err) != 0 ||
		resource_remove(change, resource, err) != 0 ||
		placement_resource_gone(change, resource, err) != 0)
		return -1;
	return journal_tell(change, resource, "gone", what, err);
}

static int is_done(struct change *change, const struct resource *resource,
	const struct report_list *reports, bool *ret, struct error *err)
{
	struct aggregate_input input;

	if (gather(change, resource, reports, &input, err) != 0)
		return -1;
	*ret = input.is_deleting && !input.has_children && aggregate_is_finalized(&input);
	return 0;
}

static int wake(struct change *change, struct resource *parent, struct error *err)
{
	struct str before = parent->conditions;

	if (aggregate_stored(change, parent, err) != 0)
		return -1;
	if (!str_eq(before, parent->conditions) &&
		resource_update_conditions(change, parent, err) != 0)
		return -1;
	return journal_tell(change, parent, "wake", STR_NULL, err);
}

/* A child has gone. Nothing to do for a parent that lives, or that has other children. */
static int wake_parent(struct change *change, const struct resource *child, struct error *err)
{
	const struct scope anywhere = {0};
	struct report_list reports;
	struct resource parent;
	bool has_children;
	bool removed;

	if (str_is_null(child->owner_id))
		return 0;
	if (resource_find(change->sql, change->arena, &anywhere, child->owner_id, &parent, err) !=
			0 ||
		resource_has_children(change->sql, parent.id, &has_children, err) != 0)
		return -1;
	if (!resource_is_deleting(&parent) || has_children)
		return 0;
	if (report_load(change->sql, change->arena, parent.id, &reports, err) != 0 ||
		lifecycle_try_remove(change, &parent, &reports, &removed, err) != 0)
		return -1;
	return removed ? 0 : wake(change, &parent, err);
}

int lifecycle_try_remove(struct change *change, struct resource *resource,
	const struct report_list *reports, bool *ret_removed, struct error *err)
{
	bool done;

	if (is_done(change, resource, reports, &done, err) != 0)
		return -1;
	*ret_removed = done;
	if (!done)
		return 0;
	if (remove_now(change, resource, STR_NULL, err) != 0)
		return -1;
	return wake_parent(change, resource, err);
}

/* --- delete ---------------------------------------------------------------------------------- */

static int check_restricting(struct change *change, const struct resource *resource,
	const struct resource *children, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct kind *kind =
			registry_find(change->catalog->registry, children[i].kind);

		if (kind != NULL && kind->is_cascading)
			continue;
		if (!resource_is_deleting(&children[i]))
			return error_set(err, ERROR_CONFLICT,
				"Cannot delete %" STR_F " '%" STR_F "': active %" STR_F "(s) exist",
				STR_A(resource->kind), STR_A(resource->id),
				STR_A(children[i].kind));
	}
	return 0;
}

static int delete_tree(
	struct change *change, struct resource *resource, bool *ret_gone, struct error *err);

/* Marks the cascading children. ret_left: whether any row of a child remains. */
static int delete_children(
	struct change *change, const struct resource *resource, bool *ret_left, struct error *err)
{
	struct resource *children;
	size_t count;

	*ret_left = false;
	if (resource_children(change->sql, change->arena, resource->id, &children, &count, err) !=
			0 ||
		check_restricting(change, resource, children, count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct kind *kind =
			registry_find(change->catalog->registry, children[i].kind);
		bool gone = false;

		if (kind != NULL && kind->is_cascading &&
			delete_tree(change, &children[i], &gone, err) != 0)
			return -1;
		*ret_left = *ret_left || !gone;
	}
	return 0;
}

static void mark(struct change *change, struct resource *resource)
{
	resource->deleted_us = change->now_us;
	resource->deleted_by = change->actor;
	resource->updated_us = change->now_us;
	resource->generation++;
	resource->references = STR(RESOURCE_NO_REFERENCES);
}

static int delete_tree(
	struct change *change, struct resource *resource, bool *ret_gone, struct error *err)
{
	const struct kind *kind = registry_find(change->catalog->registry, resource->kind);
	bool is_first = !resource_is_deleting(resource);
	bool children_left;

	*ret_gone = false;
	if (is_first) {
		if (placement_resource_deleting(change, resource, err) != 0)
			return -1;
		mark(change, resource);
	}
	if (delete_children(change, resource, &children_left, err) != 0 ||
		(is_first &&
			reference_check_free(change, kind, resource->id, resource->name, err) != 0))
		return -1;
	if ((kind == NULL || kind->required_count == 0) && !children_left) {
		*ret_gone = true;
		return remove_now(change, resource, STR_NULL, err);
	}
	if (!is_first)
		return 0;
	if (aggregate_stored(change, resource, err) != 0 ||
		resource_update(change, resource, err) != 0)
		return -1;
	return journal_tell(change, resource, "deleted", STR_NULL, err);
}

/* What goes together does not hold itself: first the whole tree lets go of what it refers to. */
static int let_go(struct change *change, const struct resource *root, struct error *err)
{
	if (resource_is_deleting(root) || !change->catalog->registry->has_references)
		return 0;
	return reference_drop_tree(change, root->id, err);
}

int lifecycle_prefetch_deletion(struct sql *sql, void *argument, struct error *err)
{
	struct deletion *deletion = argument;

	return resource_prefetch(sql, deletion->id, err);
}

int lifecycle_delete(struct sql *sql, void *argument, struct error *err)
{
	struct deletion *deletion = argument;
	struct change *change = &deletion->change;
	struct resource *resource = &deletion->ret_resource;
	bool gone;

	change_begin(change, sql);
	if (resource_find(sql, change->arena, &deletion->scope, deletion->id, resource, err) != 0 ||
		resource_check_match(change, resource, deletion->if_match, err) != 0 ||
		let_go(change, resource, err) != 0 ||
		delete_tree(change, resource, &gone, err) != 0)
		return -1;
	return gone ? wake_parent(change, resource, err) : 0;
}

static int remove_tree(struct change *change, const struct resource *resource, struct str what,
	struct buf *ret_children, struct error *err)
{
	struct resource *children;
	size_t count;

	if (resource_children(change->sql, change->arena, resource->id, &children, &count, err) !=
		0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (remove_tree(change, &children[i], what, ret_children, err) != 0)
			return -1;
		buf_add_byte(ret_children, ',');
		buf_add_str(ret_children, children[i].id);
	}
	return remove_now(change, resource, what, err);
}

int lifecycle_force_delete(struct sql *sql, void *argument, struct error *err)
{
	struct deletion *deletion = argument;
	struct change *change = &deletion->change;
	struct resource *resource = &deletion->ret_resource;

	change_begin(change, sql);
	if (resource_find(sql, change->arena, &deletion->scope, deletion->id, resource, err) != 0 ||
		resource_check_match(change, resource, deletion->if_match, err) != 0)
		return -1;
	if (!resource_is_deleting(resource))
		return error_set(err, ERROR_CONFLICT,
			"%" STR_F " '%" STR_F "' is not in Finalizing state", STR_A(resource->kind),
			STR_A(resource->id));
	buf_clear(&deletion->ret_children); /* the work may run again */
	if (remove_tree(change, resource, journal_of_reason(change->arena, deletion->reason),
		    &deletion->ret_children, err) != 0)
		return -1;
	return wake_parent(change, resource, err);
}
