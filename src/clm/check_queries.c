/*
 * check_queries.c - invariants that one query over the tables decides: it gives the ids that break
 * them.
 */
#include "clm/check_list.h"
#include "store/tables.h"

static const struct {
	const char *name;
	const char *says;
	const char *sql;
} queries[] = {
	{"owner-exists", "a resource's owner exists",
		"SELECT r.id FROM resources r LEFT JOIN resources o ON o.id = r.owner_id "
		"WHERE r.owner_id IS NOT NULL AND o.id IS NULL ORDER BY r.id"},
	{"owner-lives", "a resource that lives has an owner that lives",
		"SELECT r.id FROM resources r JOIN resources o ON o.id = r.owner_id "
		"WHERE r.deleted_time IS NULL AND o.deleted_time IS NOT NULL ORDER BY r.id"},
	{"owner-agrees", "a resource repeats its owner's kind, href and tenancy",
		"SELECT r.id FROM resources r LEFT JOIN resources o ON o.id = r.owner_id "
		"WHERE (o.id IS NOT NULL AND (coalesce(r.owner_kind, '') <> o.kind "
		"OR coalesce(r.owner_href, '') <> o.href OR r.tenancy <> o.tenancy)) "
		"OR (r.owner_id IS NULL AND (r.owner_kind IS NOT NULL OR r.owner_href IS NOT "
		"NULL)) "
		"ORDER BY r.id"},
	{"root-name-unique", "a name is once among the living roots of a kind and tenant",
		"SELECT min(id) FROM resources WHERE deleted_time IS NULL AND owner_id IS NULL "
		"GROUP BY kind, name, tenancy HAVING count(*) > 1 ORDER BY 1"},
	{"child-name-unique", "a name is once among the living children of a kind",
		"SELECT min(id) FROM resources WHERE deleted_time IS NULL AND owner_id IS NOT NULL "
		"GROUP BY owner_id, kind, name HAVING count(*) > 1 ORDER BY 1"},
	{"numbers", "generation is at least 1 and at most the version",
		"SELECT id FROM resources WHERE generation < 1 OR version < generation ORDER BY "
		"id"},
	{"times", "a resource is not changed or deleted before it is created",
		"SELECT id FROM resources WHERE updated_time < created_time "
		"OR coalesce(deleted_time, created_time) < created_time ORDER BY id"},
	{"deletion", "who deleted is known when it was deleted, and only then",
		"SELECT id FROM resources WHERE (deleted_time IS NULL AND deleted_by IS NOT NULL) "
		"OR (deleted_time IS NOT NULL AND deleted_by IS NULL) ORDER BY id"},
	{"status-resource", "a report is about a resource that exists",
		"SELECT DISTINCT s.resource_id FROM adapter_statuses s "
		"LEFT JOIN resources r ON r.id = s.resource_id WHERE r.id IS NULL ORDER BY 1"},
	{"status-generation", "a report is not about a generation to come",
		"SELECT DISTINCT r.id FROM adapter_statuses s "
		"JOIN resources r ON r.id = s.resource_id "
		"WHERE s.observed_generation > r.generation OR s.observed_generation < 0 "
		"ORDER BY 1"},
	{"reference-resource", "what refers exists and is not marked for deletion",
		"SELECT DISTINCT x.resource_id FROM resource_references x "
		"LEFT JOIN resources r ON r.id = x.resource_id "
		"WHERE r.id IS NULL OR r.deleted_time IS NOT NULL ORDER BY 1"},
	{"reference-target", "what is referred to exists and is not marked for deletion",
		"SELECT DISTINCT x.resource_id FROM resource_references x "
		"LEFT JOIN resources r ON r.id = x.target_id "
		"WHERE r.id IS NULL OR r.deleted_time IS NOT NULL ORDER BY 1"},
	{"label-resource", "an indexed label is of a resource that exists",
		"SELECT DISTINCT x.resource_id FROM resource_labels x "
		"LEFT JOIN resources r ON r.id = x.resource_id WHERE r.id IS NULL ORDER BY 1"},
	{"placement-cluster", "a place is of a cluster that exists",
		"SELECT p.cluster_id FROM placements p LEFT JOIN resources r ON r.id = "
		"p.cluster_id "
		"WHERE r.id IS NULL OR r.kind <> 'Cluster' ORDER BY 1"},
	{"placement-target", "a place is on a management cluster that exists and lives",
		"SELECT p.cluster_id FROM placements p LEFT JOIN resources m "
		"ON m.name = p.management_cluster AND m.kind = 'ManagementCluster' "
		"AND m.owner_id IS NULL AND m.tenancy = '{}' AND m.deleted_time IS NULL "
		"WHERE m.id IS NULL ORDER BY 1"},
	{"placement-use", "as many places are taken on a management cluster as are given there",
		"SELECT p.management_cluster FROM (SELECT management_cluster, count(*) AS taken "
		"FROM placements GROUP BY management_cluster) p LEFT JOIN placement_use u "
		"ON u.management_cluster = p.management_cluster "
		"WHERE coalesce(u.taken, 0) <> p.taken "
		"UNION SELECT u.management_cluster FROM placement_use u LEFT JOIN placements p "
		"ON p.management_cluster = u.management_cluster "
		"WHERE p.cluster_id IS NULL AND u.taken <> 0 ORDER BY 1"},
	{"waiter-cluster", "what waits for a place is a cluster that lives and has none",
		"SELECT w.cluster_id FROM placement_waiters w "
		"LEFT JOIN resources r ON r.id = w.cluster_id "
		"LEFT JOIN placements p ON p.cluster_id = w.cluster_id "
		"WHERE r.id IS NULL OR r.kind <> 'Cluster' OR r.deleted_time IS NOT NULL "
		"OR p.cluster_id IS NOT NULL ORDER BY 1"},
	{"feed-last", "the last that the feed tells of an object is as its row is",
		"SELECT l.id FROM (SELECT id, max(sequence) AS last FROM changes GROUP BY id) l "
		"JOIN changes c ON c.sequence = l.last LEFT JOIN resources r ON r.id = l.id "
		"WHERE c.event <> 'restored' AND ((r.id IS NULL AND c.event <> 'gone') "
		"OR (r.id IS NOT NULL AND (c.event = 'gone' OR r.generation <> c.version "
		"OR r.kind <> c.topic OR coalesce(r.owner_id, '') <> coalesce(c.owner, '')))) "
		"ORDER BY l.id"},
	{"feed-whole", "a feed that was never shortened tells of every resource",
		"SELECT r.id FROM resources r LEFT JOIN (SELECT DISTINCT id FROM changes) c "
		"ON c.id = r.id WHERE c.id IS NULL "
		"AND coalesce((SELECT min(sequence) FROM changes), 1) = 1 ORDER BY r.id"},
};

struct asking {
	struct check *check;
	struct check_finding *finding;
};

static int take(struct sql_rows *rows, void *argument, struct error *err)
{
	struct asking *asking = argument;

	(void)err;
	check_found(asking->check, asking->finding, sql_str(rows, 0));
	return 0;
}

int check_queries(struct check *check, struct error *err)
{
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct asking asking = {
			check, check_invariant(check, queries[i].name, queries[i].says)};
		if (tables_scan(check->sql, queries[i].sql, take, &asking, err) != 0)
			return error_prefix(err, "invariant %s", queries[i].name);
	}
	return 0;
}
