/*
 * kubeapi_objects_change.c - one change of one object: compare, swap, count, remember, publish.
 */
#include "local/kubeapi_tables.h"

struct changing {
	struct kubeapi_change *change;
	enum kubeapi_outcome outcome;
};

static int give_up(struct changing *changing, enum kubeapi_outcome outcome)
{
	changing->outcome = outcome;
	return -1;
}

/* Objects live in a namespace that exists and is not about to go. */
static int check_namespace(struct sql *sql, struct changing *changing, struct error *err)
{
	struct str name_space = changing->change->record.name_space;
	struct sql_rows *rows;
	int found;

	if (name_space.len == 0)
		return 0;
	if (SQL_QUERY(sql, &rows, err,
		    "SELECT deleting FROM objects WHERE resource = 'namespaces' AND namespace = '' "
		    "AND name = $1",
		    SQL_STR(name_space)) < 0)
		return -1;
	found = sql_next(rows, err);
	bool is_deleting = found == 1 && sql_int(rows, 0) != 0;
	sql_end(rows);
	if (found < 0)
		return -1;
	if (found == 0)
		return give_up(changing, KUBEAPI_NO_NAMESPACE);
	return is_deleting ? give_up(changing, KUBEAPI_NAMESPACE_ENDS) : 0;
}

static int insert(struct sql *sql, struct changing *changing, struct error *err)
{
	struct kubeapi_record *record = &changing->change->record;
	int64_t changed;

	if (check_namespace(sql, changing, err) < 0)
		return -1;
	record->created = record->version;
	const struct sql_value values[] = {SQL_STR(record->resource), SQL_STR(record->name_space),
		SQL_STR(record->name), SQL_STR(record->uid), SQL_INT(record->version),
		SQL_INT(record->created), SQL_INT(record->is_deleting), SQL_STR(record->body)};
	if (sql_run(sql,
		    "INSERT INTO objects (" KUBEAPI_RECORD_COLUMNS
		    ") VALUES ($1, $2, $3, $4, $5, $6, $7, "
		    "$8) ON CONFLICT (resource, namespace, name) DO NOTHING",
		    values, sizeof(values) / sizeof(values[0]), &changed, err) < 0)
		return -1;
	return changed == 1 ? 0 : give_up(changing, KUBEAPI_EXISTS);
}

static int update(struct sql *sql, struct changing *changing, struct error *err)
{
	struct kubeapi_record *record = &changing->change->record;
	const struct sql_value values[] = {SQL_STR(record->resource), SQL_STR(record->name_space),
		SQL_STR(record->name), SQL_INT(changing->change->expected),
		SQL_INT(record->version), SQL_INT(record->is_deleting), SQL_STR(record->body)};
	int64_t changed;

	if (sql_run(sql,
		    "UPDATE objects SET version = $5, deleting = $6, body = $7 WHERE resource = $1 "
		    "AND namespace = $2 AND name = $3 AND version = $4",
		    values, sizeof(values) / sizeof(values[0]), &changed, err) < 0)
		return -1;
	return changed == 1 ? 0 : give_up(changing, KUBEAPI_CHANGED);
}

static int erase(struct sql *sql, struct changing *changing, struct error *err)
{
	struct kubeapi_record *record = &changing->change->record;
	const struct sql_value key[] = {SQL_STR(record->resource), SQL_STR(record->name_space),
		SQL_STR(record->name), SQL_INT(changing->change->expected)};
	int64_t changed;

	if (sql_run(sql,
		    "DELETE FROM objects WHERE resource = $1 AND namespace = $2 AND name = $3 AND "
		    "version = $4",
		    key, 4, &changed, err) < 0)
		return -1;
	if (changed != 1)
		return give_up(changing, KUBEAPI_CHANGED);
	return SQL_RUN(sql, err,
		"INSERT INTO tombstones (version, resource, namespace, name, uid, created, body) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7)",
		SQL_INT(record->version), SQL_STR(record->resource), SQL_STR(record->name_space),
		SQL_STR(record->name), SQL_STR(record->uid), SQL_INT(record->created),
		SQL_STR(record->body));
}

static int write_owners(struct sql *sql, const struct kubeapi_change *change, struct error *err)
{
	bool is_gone = change->type == KUBEAPI_DELETED;

	if (change->type != KUBEAPI_ADDED &&
		SQL_RUN(sql, err, "DELETE FROM owners WHERE object = $1",
			SQL_STR(change->record.uid)) < 0)
		return -1;
	for (size_t i = 0; i < change->owner_count && !is_gone; i++)
		if (SQL_RUN(sql, err,
			    "INSERT INTO owners (owner, object) VALUES ($1, $2) ON CONFLICT "
			    "(owner, "
			    "object) DO NOTHING",
			    SQL_STR(change->owners[i]), SQL_STR(change->record.uid)) < 0)
			return -1;
	return 0;
}

static int run_change(struct sql *sql, void *argument, struct error *err)
{
	struct changing *changing = argument;
	struct kubeapi_change *change = changing->change;
	struct kubeapi_versions versions;
	int result;

	changing->outcome = KUBEAPI_FAILED;
	if (kubeapi_tables_versions(sql, &versions, err) < 0)
		return -1;
	change->record.version = versions.last + 1;
	result = change->type == KUBEAPI_ADDED	    ? insert(sql, changing, err)
		 : change->type == KUBEAPI_MODIFIED ? update(sql, changing, err)
						    : erase(sql, changing, err);
	if (result < 0)
		return changing->outcome == KUBEAPI_FAILED
			       ? -1
			       : error_set(err, ERROR_CONFLICT, "not as it was expected");
	if ((change->changes_owners || change->type == KUBEAPI_DELETED) &&
		write_owners(sql, change, err) < 0)
		return -1;
	if (SQL_RUN(sql, err, "UPDATE counter SET version = $1 WHERE id = 1",
		    SQL_INT(change->record.version)) < 0)
		return -1;
	changing->outcome = KUBEAPI_DONE;
	return 0;
}

enum kubeapi_outcome kubeapi_objects_change(
	struct kubeapi_objects *objects, struct kubeapi_change *change, struct error *err)
{
	struct changing changing = {.change = change, .outcome = KUBEAPI_FAILED};

	if (store_write(objects->store, run_change, &changing, err) < 0)
		return changing.outcome == KUBEAPI_DONE ? KUBEAPI_FAILED : changing.outcome;
	const struct kubeapi_event event = {.type = change->type,
		.version = change->record.version,
		.resource = change->record.resource,
		.name_space = change->record.name_space,
		.name = change->record.name,
		.uid = change->record.uid,
		.body = change->record.body,
		.previous = change->previous};
	kubeapi_ring_publish(objects->ring, &event);
	/* A failed compaction is tried again as many deletions later. */
	if (change->type == KUBEAPI_DELETED &&
		atomic_fetch_add(&objects->deletions, 1) % KUBEAPI_TOMBSTONES_KEPT ==
			KUBEAPI_TOMBSTONES_KEPT - 1)
		(void)!store_write(objects->store, kubeapi_tables_compact, NULL, NULL);
	return KUBEAPI_DONE;
}
