/*
 * check_resources.c - each resource by itself: its documents, its href, what its conditions say.
 */
#include "clm/check_list.h"
#include "clm/lifecycle.h"
#include "clm/report.h"
#include "store/tables.h"

#define NO_CONDITIONS "[]"

struct walk {
	struct check *check;
	struct check_finding *documents, *kind, *parent, *href, *conditions, *reports;
};

static bool is_document(struct arena *arena, struct str text, enum json_type type)
{
	struct json *document;

	return json_parse(arena, text, NULL, &document, NULL) == 0 && json_is(document, type);
}

static bool has_documents(struct arena *arena, const struct resource *resource)
{
	return is_document(arena, resource->tenancy, JSON_OBJECT) &&
	       is_document(arena, resource->spec, JSON_OBJECT) &&
	       is_document(arena, resource->labels, JSON_OBJECT) &&
	       is_document(arena, resource->references, JSON_OBJECT) &&
	       is_document(arena, resource->conditions, JSON_ARRAY);
}

static void check_names(struct walk *walk, const struct resource *resource, const struct kind *kind)
{
	struct check *check = walk->check;
	struct str owner_kind = kind->parent ? kind->parent->name : STR("");
	struct str begin =
		str_is_null(resource->owner_href) ? STR(RESOURCE_BASE_PATH) : resource->owner_href;
	struct str href = arena_printf(check->scratch, "%" STR_F "/%" STR_F "/%" STR_F,
		STR_A(begin), STR_A(kind->plural), STR_A(resource->id));

	if (!str_eq(owner_kind, resource->owner_kind))
		check_found(check, walk->parent, resource->id);
	if (!str_eq(href, resource->href))
		check_found(check, walk->href, resource->id);
}

/* What a report on it would make of its conditions: the same, but for when they were confirmed. */
static int check_conditions(struct walk *walk, const struct resource *resource, struct error *err)
{
	struct check *check = walk->check;
	struct change change = {
		.catalog = &check->catalog, .sql = check->sql, .arena = check->scratch};
	struct resource copy = *resource;
	struct report_list reports;
	enum lifecycle_effect effect;
	struct error failed;

	if (report_load(check->sql, check->scratch, resource->id, &reports, &failed) != 0) {
		if (failed.code != ERROR_INVALID)
			return error_set(err, failed.code, "%s", failed.message);
		return 0; /* named by the check of reports */
	}
	if (lifecycle_aggregate(&change, &copy, &reports, MAPPING_KEEPS, &effect, &failed) != 0) {
		if (failed.code != ERROR_INVALID)
			return error_set(err, failed.code, "%s", failed.message);
		effect = LIFECYCLE_CHANGED;
	}
	if (effect == LIFECYCLE_CHANGED)
		check_found(check, walk->conditions, resource->id);
	return 0;
}

static int check_kind(
	struct walk *walk, const struct resource *resource, bool is_readable, struct error *err)
{
	const struct kind *kind = registry_find(walk->check->catalog.registry, resource->kind);

	if (!kind) {
		check_found(walk->check, walk->kind, resource->id);
		return 0;
	}
	check_names(walk, resource, kind);
	/* Without required adapters there are none until the first report. */
	if (is_readable &&
		(kind->required_count > 0 || !str_eq_c(resource->conditions, NO_CONDITIONS)))
		return check_conditions(walk, resource, err);
	return 0;
}

static int take(struct sql_rows *rows, void *argument, struct error *err)
{
	struct walk *walk = argument;
	struct check *check = walk->check;
	struct resource resource;

	arena_reset(check->scratch);
	check->report->resources++;
	resource_from_row(rows, check->scratch, &resource);
	bool is_readable = has_documents(check->scratch, &resource);
	if (!is_readable)
		check_found(check, walk->documents, resource.id);
	return check->catalog.registry ? check_kind(walk, &resource, is_readable, err) : 0;
}

static int take_report(struct sql_rows *rows, void *argument, struct error *err)
{
	struct walk *walk = argument;
	struct check *check = walk->check;
	struct arena *scratch = check->scratch;

	(void)err;
	arena_reset(scratch);
	struct str metadata = sql_str_copy(rows, 3, scratch);
	if (!is_document(scratch, sql_str_copy(rows, 1, scratch), JSON_ARRAY) ||
		!is_document(scratch, sql_str_copy(rows, 2, scratch), JSON_OBJECT) ||
		(!str_is_null(metadata) && !is_document(scratch, metadata, JSON_OBJECT)))
		check_found(check, walk->reports, sql_str(rows, 0));
	return 0;
}

int check_resources(struct check *check, struct error *err)
{
	struct walk walk = {
		.check = check,
		.documents = check_invariant(
			check, "documents", "a resource's documents are JSON of the right type"),
		.reports = check_invariant(check, "status-documents",
			"a report's documents are JSON of the right type"),
	};

	if (check->catalog.registry) {
		walk.kind = check_invariant(
			check, "kind-known", "a resource is of a kind that is configured");
		walk.parent = check_invariant(check, "parent-kind",
			"a resource's owner is of the kind that its kind says");
		walk.href = check_invariant(
			check, "href", "an href is the owner's, the kind's plural and the id");
		walk.conditions = check_invariant(check, "conditions",
			"conditions are what the reports on the resource make of them");
	}

	/* Reports first: conditions are made of those that can be read. */
	if (tables_scan(check->sql,
		    "SELECT resource_id, conditions, data, metadata FROM adapter_statuses ORDER BY "
		    "1",
		    take_report, &walk, err) != 0)
		return -1;
	return tables_scan(check->sql, "SELECT " RESOURCE_COLUMNS " FROM resources ORDER BY id",
		take, &walk, err);
}
