/*
 * catalog.c - see catalog.h.
 *
 * One table holds resources of every kind. Documents (spec, labels, conditions, tenancy,
 * references) are JSON text, compact and with sorted members, so that equal documents are nearly
 * always equal text and an answer is made by splicing. Labels are indexed beside it (label.h), for
 * customers choose by them among many; conditions are not: a report would cost one write more for
 * each, and the searches that exist are equalities, which text answers (search.c).
 */
#include "clm/catalog.h"

#include <stdlib.h>
#include <string.h>

static const struct store_migration migrations[] = {
	{1, "resources, statuses, placements and the feed",
		"CREATE TABLE resources ("
		" id TEXT PRIMARY KEY,"
		" kind TEXT NOT NULL,"
		" name TEXT NOT NULL,"
		" href TEXT NOT NULL,"
		" owner_id TEXT,"
		" owner_kind TEXT,"
		" owner_href TEXT,"
		" tenancy TEXT NOT NULL,"
		" spec TEXT NOT NULL,"
		" labels TEXT NOT NULL,"
		" conditions TEXT NOT NULL,"
		" generation BIGINT NOT NULL,"
		" version BIGINT NOT NULL,"
		" created_time BIGINT NOT NULL,"
		" updated_time BIGINT NOT NULL,"
		" deleted_time BIGINT,"
		" created_by TEXT NOT NULL,"
		" updated_by TEXT NOT NULL,"
		" deleted_by TEXT);"
		"CREATE UNIQUE INDEX resources_root_name ON resources (kind, name, tenancy)"
		" WHERE deleted_time IS NULL AND owner_id IS NULL;"
		"CREATE UNIQUE INDEX resources_child_name ON resources (owner_id, kind, name)"
		" WHERE deleted_time IS NULL AND owner_id IS NOT NULL;"
		"CREATE INDEX resources_owner ON resources (owner_id) WHERE owner_id IS NOT NULL;"
		"CREATE INDEX resources_created ON resources (kind, created_time, id);"
		"CREATE TABLE adapter_statuses ("
		" resource_id TEXT NOT NULL,"
		" adapter TEXT NOT NULL,"
		" observed_generation BIGINT NOT NULL,"
		" created_time BIGINT NOT NULL,"
		" last_report_time BIGINT NOT NULL,"
		" conditions TEXT NOT NULL,"
		" data TEXT NOT NULL,"
		" metadata TEXT,"
		" PRIMARY KEY (resource_id, adapter));"
		"CREATE TABLE placements ("
		" cluster_id TEXT PRIMARY KEY,"
		" management_cluster TEXT NOT NULL,"
		" placed_time BIGINT NOT NULL);"
		"CREATE INDEX placements_management_cluster ON placements (management_cluster);"
		"CREATE TABLE placement_waiters ("
		" cluster_id TEXT PRIMARY KEY,"
		" since_time BIGINT NOT NULL);" FEED_TABLE_SQL("changes")},
	{2, "references between resources",
		"ALTER TABLE resources ADD COLUMN refs TEXT NOT NULL DEFAULT '{}';"
		"CREATE TABLE resource_references ("
		" resource_id TEXT NOT NULL,"
		" ref_type TEXT NOT NULL,"
		" target_id TEXT NOT NULL,"
		" PRIMARY KEY (resource_id, ref_type, target_id));"
		"CREATE INDEX resource_references_target ON resource_references"
		" (target_id, ref_type);"},
	{3, "index of labels",
		"CREATE TABLE resource_labels ("
		" key TEXT NOT NULL,"
		" value TEXT NOT NULL,"
		" resource_id TEXT NOT NULL,"
		" PRIMARY KEY (key, value, resource_id));",
		{[SQL_SQLITE] = "INSERT INTO resource_labels SELECT label.key, label.value, "
				"resources.id "
				"FROM resources, json_each(labels) AS label;",
			[SQL_POSTGRESQL] =
				"INSERT INTO resource_labels SELECT label.key, label.value, "
				"resources.id "
				"FROM resources, jsonb_each_text(labels::jsonb) AS label;"}},
	{4, "history of resources",
		"CREATE TABLE history ("
		" sequence INTEGER PRIMARY KEY,"
		" resource_id TEXT NOT NULL,"
		" kind TEXT NOT NULL,"
		" owner_id TEXT,"
		" tenancy TEXT NOT NULL,"
		" epoch BIGINT NOT NULL,"
		" time_us BIGINT NOT NULL,"
		" event TEXT NOT NULL,"
		" actor TEXT NOT NULL,"
		" generation BIGINT NOT NULL,"
		" what TEXT);"
		"CREATE INDEX history_resource ON history (resource_id, sequence);"},
	{5, "places taken on each management cluster",
		"CREATE TABLE placement_use ("
		" management_cluster TEXT PRIMARY KEY,"
		" taken BIGINT NOT NULL);"
		"INSERT INTO placement_use SELECT management_cluster, count(*) FROM placements"
		" GROUP BY management_cluster;"},
};

struct store_config catalog_store_config(const char *store_url, struct log *log)
{
	return (struct store_config){
		.url = store_url,
		.migrations = migrations,
		.migration_count = sizeof(migrations) / sizeof(migrations[0]),
		.product = "clm",
		.log = log,
	};
}

int catalog_open(struct catalog *catalog, const char *store_url, const struct registry *registry,
	struct log *log, struct error *err)
{
	const struct store_config config = catalog_store_config(store_url, log);
	struct catalog opened = {.registry = registry};

	if (registry != NULL) {
		opened.started = calloc(2 * registry->count + 1, sizeof(*opened.started));
		if (opened.started == NULL)
			return error_set(err, ERROR_MEMORY, "no room for the catalog");
	}
	if (store_open(&opened.store, &config, err) != 0 ||
		feed_new(&opened.feed, opened.store, "changes", err) != 0) {
		catalog_close(&opened);
		return -1;
	}
	*catalog = opened;
	return 0;
}

void catalog_close(struct catalog *catalog)
{
	feed_free(catalog->feed);
	store_close(catalog->store);
	free(catalog->started);
	memset(catalog, 0, sizeof(*catalog));
}

/* --- what a change has begun --------------------------------------------------------------------
 */

struct change_started {
	struct change_started *next;
	size_t index; /* into catalog->started */
};

void change_note_started(struct change *change, const struct kind *kind, bool is_delete)
{
	struct change_started *started = arena_new_of(change->arena, struct change_started);

	if (started == NULL)
		return;
	started->next = change->started;
	started->index = 2 * (size_t)(kind - change->catalog->registry->kinds) + is_delete;
	change->started = started;
}

void change_count(const struct change *change)
{
	for (const struct change_started *each = change->started; each != NULL; each = each->next)
		atomic_fetch_add(&change->catalog->started[each->index], 1);
}
