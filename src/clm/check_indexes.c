/*
 * check_indexes.c - rows that repeat what documents say: references and labels; and the room on
 * management clusters.
 *
 * Each row must be in the document, and there are as many rows as the document has entries: so they
 * agree, with two passes and no query for a single resource.
 */
#include "clm/check_list.h"
#include "clm/placement.h"
#include "store/tables.h"

struct compare {
	struct check *check;
	struct check_finding *finding;
	/* How many entries the document has, and whether one of them is this row's. */
	size_t (*count)(const struct json *document);
	bool (*has)(const struct json *document, struct str first, struct str second);
};

static size_t count_labels(const struct json *labels)
{
	return json_count(labels);
}

static bool has_label(const struct json *labels, struct str key, struct str value)
{
	return str_eq(json_str(json_get_str(labels, key)), value);
}

static size_t count_references(const struct json *references)
{
	size_t count = 0;

	for (size_t i = 0; i < json_count(references); i++)
		count += json_count(json_at(references, i));
	return count;
}

static bool has_reference(const struct json *references, struct str type, struct str target)
{
	const struct json *item, *targets = json_get_str(references, type);

	json_for_each (targets, i, item)
		if (str_eq(json_get_text(item, "id"), target))
			return true;
	return false;
}

/* NULL when it is no JSON, which the check of documents names. */
static struct json *document_of(struct check *check, struct sql_rows *rows, int column)
{
	struct json *document;

	arena_reset(check->scratch);
	return json_parse(check->scratch, sql_str_copy(rows, column, check->scratch), NULL,
		       &document, NULL) == 0
		       ? document
		       : NULL;
}

/* id, document, count of rows */
static int take_count(struct sql_rows *rows, void *argument, struct error *err)
{
	struct compare *compare = argument;
	struct json *document = document_of(compare->check, rows, 1);

	(void)err;
	if (document && compare->count(document) != (size_t)sql_int(rows, 2))
		check_found(compare->check, compare->finding, sql_str(rows, 0));
	return 0;
}

/* id, document, two columns of the row */
static int take_row(struct sql_rows *rows, void *argument, struct error *err)
{
	struct compare *compare = argument;
	struct json *document = document_of(compare->check, rows, 1);

	(void)err;
	if (document && !compare->has(document, sql_str(rows, 2), sql_str(rows, 3)))
		check_found(compare->check, compare->finding, sql_str(rows, 0));
	return 0;
}

static int check_labels(struct check *check, struct error *err)
{
	struct compare compare = {.check = check,
		.finding = check_invariant(
			check, "labels-indexed", "the index of labels says what the labels say"),
		.count = count_labels,
		.has = has_label};

	if (tables_scan(check->sql,
		    "SELECT r.id, r.labels, coalesce(x.n, 0) FROM resources r LEFT JOIN "
		    "(SELECT resource_id, count(*) AS n FROM resource_labels GROUP BY resource_id) "
		    "x "
		    "ON x.resource_id = r.id ORDER BY r.id",
		    take_count, &compare, err) != 0)
		return -1;
	return tables_scan(check->sql,
		"SELECT r.id, r.labels, x.key, x.value FROM resource_labels x "
		"JOIN resources r ON r.id = x.resource_id ORDER BY r.id",
		take_row, &compare, err);
}

static int check_references(struct check *check, struct error *err)
{
	struct compare compare = {.check = check,
		.finding = check_invariant(check, "references-agree",
			"a resource's references are the same in its document and in their table"),
		.count = count_references,
		.has = has_reference};

	if (tables_scan(check->sql,
		    "SELECT r.id, r.refs, coalesce(x.n, 0) FROM resources r LEFT JOIN "
		    "(SELECT resource_id, count(*) AS n FROM resource_references "
		    "GROUP BY resource_id) x ON x.resource_id = r.id ORDER BY r.id",
		    take_count, &compare, err) != 0)
		return -1;
	return tables_scan(check->sql,
		"SELECT r.id, r.refs, x.ref_type, x.target_id FROM resource_references x "
		"JOIN resources r ON r.id = x.resource_id ORDER BY r.id",
		take_row, &compare, err);
}

/* id, spec, how many clusters are placed there */
static int take_room(struct sql_rows *rows, void *argument, struct error *err)
{
	struct compare *compare = argument;
	struct json *spec = document_of(compare->check, rows, 1);

	(void)err;
	if (spec &&
		sql_int(rows, 2) > json_int(json_find(spec, "capacity", "hostedClusters", NULL), 0))
		check_found(compare->check, compare->finding, sql_str(rows, 0));
	return 0;
}

static int check_room(struct check *check, struct error *err)
{
	struct compare compare = {.check = check,
		.finding = check_invariant(check, "placement-room",
			"a management cluster has no more clusters placed on it than it has room")};

	return tables_scan(check->sql,
		"SELECT m.id, m.spec, p.n FROM resources m JOIN (SELECT management_cluster, "
		"count(*) AS n FROM placements GROUP BY management_cluster) p "
		"ON p.management_cluster = m.name WHERE m.kind = 'ManagementCluster' "
		"AND m.owner_id IS NULL AND m.tenancy = '{}' AND m.deleted_time IS NULL "
		"ORDER BY m.id",
		take_room, &compare, err);
}

int check_indexes(struct check *check, struct error *err)
{
	return check_labels(check, err) < 0 || check_references(check, err) < 0 ||
			       check_room(check, err) < 0
		       ? -1
		       : 0;
}
