/*
 * placement.c - see placement.h.
 *
 * Capacity is read from the specs of the management clusters, each time: there are tens of them.
 * How many of their places are taken is kept beside the placements: counting thousands of rows for
 * each cluster made would hold up all other writes. `clm check` tells whether the two agree.
 */
#include "clm/placement.h"

#include "clm/journal.h"

/* Beyond this a region has been split long ago. */
#define PLACEMENT_MAX_CANDIDATES 1024u

/* The message names this many management clusters. */
#define PLACEMENT_EXPLAIN_MAX 8u

/* --- the choice ------------------------------------------------------------------------------ */

const struct placement_candidate *placement_choose(
	const struct placement_candidate *candidates, size_t count)
{
	const struct placement_candidate *best = NULL;

	for (size_t i = 0; i < count; i++) {
		int64_t room = placement_free(&candidates[i]);

		if (room == 0)
			continue;
		if (best == NULL || room > placement_free(best) ||
			(room == placement_free(best) &&
				str_cmp(candidates[i].name, best->name) < 0))
			best = &candidates[i];
	}
	return best;
}

struct str placement_explain(
	struct arena *arena, const struct placement_candidate *candidates, size_t count)
{
	struct str text = STR("no management cluster has room: ");

	if (count == 0)
		return STR("no management cluster is registered");
	for (size_t i = 0; i < count && i < PLACEMENT_EXPLAIN_MAX; i++) {
		const struct placement_candidate *candidate = &candidates[i];

		text = arena_printf(arena, "%" STR_F "%s%" STR_F, STR_A(text), i > 0 ? ", " : "",
			STR_A(candidate->name));
		if (candidate->is_cordoned)
			text = arena_printf(arena, "%" STR_F " is cordoned", STR_A(text));
		else
			text = arena_printf(arena, "%" STR_F " has %lld of %lld places taken",
				STR_A(text), (long long)candidate->used,
				(long long)candidate->capacity);
	}
	if (count > PLACEMENT_EXPLAIN_MAX)
		text = arena_printf(arena, "%" STR_F ", and %zu more", STR_A(text),
			(size_t)(count - PLACEMENT_EXPLAIN_MAX));
	return text;
}

/* --- reading the state ----------------------------------------------------------------------- */

struct candidates {
	struct placement_candidate *items;
	size_t count, capacity;
};

/* NULL: no memory. */
static struct placement_candidate *add_candidate(struct arena *arena, struct candidates *list)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
		struct placement_candidate *larger = arena_calloc(arena, capacity, sizeof(*larger));

		if (larger == NULL)
			return NULL;
		if (list->count > 0)
			memcpy(larger, list->items, list->count * sizeof(*larger));
		list->items = larger;
		list->capacity = capacity;
	}
	return &list->items[list->count++];
}

static int read_candidate(struct sql_rows *rows, struct arena *arena,
	struct placement_candidate *candidate, struct error *err)
{
	struct json *spec;

	candidate->name = sql_str_copy(rows, 0, arena);
	candidate->used = sql_int(rows, 2);
	if (json_parse(arena, sql_str_copy(rows, 1, arena), NULL, &spec, err) != 0)
		return error_prefix(err, "the spec of management cluster \"%" STR_F "\"",
			STR_A(candidate->name));
	candidate->capacity = json_int(json_find(spec, "capacity", "hostedClusters", NULL), 0);
	candidate->is_cordoned = json_bool(json_get(spec, "cordoned"), false);
	return 0;
}

static int load_candidates(struct change *change, struct candidates *ret, struct error *err)
{
	struct candidates list = {0};
	struct sql_rows *rows;
	int more;

	if (SQL_QUERY(change->sql, &rows, err,
		    "SELECT name, spec, coalesce(taken, 0) FROM resources "
		    "LEFT JOIN placement_use ON management_cluster = name "
		    "WHERE kind = $1 AND deleted_time IS NULL AND owner_id IS NULL "
		    "AND tenancy = $2 ORDER BY name LIMIT $3",
		    SQL_CSTR(PLACEMENT_TARGET_KIND), SQL_CSTR(RESOURCE_NO_TENANCY),
		    SQL_INT(PLACEMENT_MAX_CANDIDATES)) != 0)
		return -1;
	while ((more = sql_next(rows, err)) == 1) {
		struct placement_candidate *candidate = add_candidate(change->arena, &list);

		if (candidate == NULL)
			more = error_set(err, ERROR_MEMORY, "no room for the management clusters");
		else if (read_candidate(rows, change->arena, candidate, err) != 0)
			more = -1;
		if (more < 0)
			break;
	}
	sql_end(rows);
	if (more < 0)
		return -1;
	*ret = list;
	return 0;
}

/* Where the cluster is placed; null when nowhere. */
static int find_placement(struct change *change, struct str id, struct str *ret, struct error *err)
{
	struct sql_rows *rows;
	int more;

	if (SQL_QUERY(change->sql, &rows, err,
		    "SELECT management_cluster FROM placements WHERE cluster_id = $1",
		    SQL_STR(id)) != 0)
		return -1;
	more = sql_next(rows, err);
	*ret = more == 1 ? sql_str_copy(rows, 0, change->arena) : STR_NULL;
	sql_end(rows);
	if (more == 1 && str_is_null(*ret))
		return error_set(err, ERROR_MEMORY, "no room for a placement");
	return more < 0 ? -1 : 0;
}

/* --- waking ---------------------------------------------------------------------------------- */

static int tell_waiters(struct change *change, int64_t room, struct error *err)
{
	struct sql_rows *rows;
	int more;

	if (SQL_QUERY(change->sql, &rows, err,
		    "SELECT r.id, r.owner_id, r.generation, r.tenancy FROM placement_waiters w "
		    "JOIN resources r ON r.id = w.cluster_id "
		    "ORDER BY w.since_time, w.cluster_id LIMIT $1",
		    SQL_INT(room)) != 0)
		return -1;
	while ((more = sql_next(rows, err)) == 1) {
		const struct resource waiter = {
			.kind = STR(PLACEMENT_KIND),
			.id = sql_str_copy(rows, 0, change->arena),
			.owner_id = sql_str_copy(rows, 1, change->arena),
			.generation = sql_int(rows, 2),
			.tenancy = sql_str_copy(rows, 3, change->arena),
		};

		if (journal_tell(change, &waiter, "wake", STR_NULL, err) != 0) {
			more = -1;
			break;
		}
	}
	sql_end(rows);
	return more < 0 ? -1 : 0;
}

static int has_waiters(struct change *change, bool *ret, struct error *err)
{
	struct sql_rows *rows;
	int more;

	if (sql_query(change->sql, "SELECT 1 FROM placement_waiters LIMIT 1", NULL, 0, &rows,
		    err) != 0)
		return -1;
	more = sql_next(rows, err);
	sql_end(rows);
	*ret = more == 1;
	return more < 0 ? -1 : 0;
}

static int wake_waiters(struct change *change, struct error *err)
{
	struct candidates candidates;
	int64_t room = 0;
	bool waiting;

	if (has_waiters(change, &waiting, err) != 0)
		return -1;
	if (!waiting)
		return 0;
	if (load_candidates(change, &candidates, err) != 0)
		return -1;
	for (size_t i = 0; i < candidates.count; i++)
		room += placement_free(&candidates.items[i]);
	return room > 0 ? tell_waiters(change, room, err) : 0;
}

static int stop_waiting(struct change *change, struct str id, int64_t *ret_count, struct error *err)
{
	const struct sql_value values[] = {SQL_STR(id)};

	return sql_run(change->sql, "DELETE FROM placement_waiters WHERE cluster_id = $1", values,
		1, ret_count, err);
}

/* --- reserving ------------------------------------------------------------------------------- */

static int wait_for_room(
	struct placement_request *request, const struct candidates *candidates, struct error *err)
{
	struct change *change = &request->change;

	request->ret_message =
		placement_explain(change->arena, candidates->items, candidates->count);
	return SQL_RUN(change->sql, err,
		"INSERT INTO placement_waiters (cluster_id, since_time) VALUES ($1, $2) "
		"ON CONFLICT (cluster_id) DO NOTHING",
		SQL_STR(request->id), SQL_INT(change->now_us));
}

static int take_place(struct change *change, struct str id,
	const struct placement_candidate *chosen, struct error *err)
{
	if (SQL_RUN_LATER(change->sql, err,
		    "INSERT INTO placements (cluster_id, management_cluster, placed_time) "
		    "VALUES ($1, $2, $3)",
		    SQL_STR(id), SQL_STR(chosen->name), SQL_INT(change->now_us)) != 0)
		return -1;
	return SQL_RUN_LATER(change->sql, err,
		"INSERT INTO placement_use (management_cluster, taken) VALUES ($1, 1) "
		"ON CONFLICT (management_cluster) DO UPDATE SET taken = placement_use.taken + 1",
		SQL_STR(chosen->name));
}

static int give_place(struct change *change, struct str id, int64_t *ret_freed, struct error *err)
{
	const struct sql_value values[] = {SQL_STR(id)};

	if (SQL_RUN_LATER(change->sql, err,
		    "UPDATE placement_use SET taken = taken - 1 WHERE management_cluster = "
		    "(SELECT management_cluster FROM placements WHERE cluster_id = $1)",
		    SQL_STR(id)) != 0)
		return -1;
	return sql_run(change->sql, "DELETE FROM placements WHERE cluster_id = $1", values, 1,
		ret_freed, err);
}

static int take_room(struct placement_request *request, struct error *err)
{
	struct change *change = &request->change;
	const struct placement_candidate *chosen;
	struct candidates candidates;

	if (load_candidates(change, &candidates, err) != 0)
		return -1;
	chosen = placement_choose(candidates.items, candidates.count);
	if (chosen == NULL)
		return wait_for_room(request, &candidates, err);
	request->ret_management_cluster = chosen->name;
	if (stop_waiting(change, request->id, NULL, err) != 0)
		return -1;
	return take_place(change, request->id, chosen, err);
}

int placement_reserve(struct sql *sql, void *argument, struct error *err)
{
	struct placement_request *request = argument;
	struct change *change = &request->change;
	struct resource cluster;

	change_begin(change, sql);
	request->ret_message = STR_NULL;
	if (resource_find(sql, change->arena, &request->scope, request->id, &cluster, err) != 0 ||
		find_placement(change, request->id, &request->ret_management_cluster, err) != 0)
		return -1;
	if (!str_is_null(request->ret_management_cluster))
		return 0;
	if (resource_is_deleting(&cluster))
		return error_set(err, ERROR_CONFLICT,
			"%" STR_F " '%" STR_F "' is marked for deletion", STR_A(cluster.kind),
			STR_A(cluster.id));
	return take_room(request, err);
}

static int free_room(struct change *change, struct str id, struct error *err)
{
	int64_t freed = 0;
	int64_t waited = 0;

	if (give_place(change, id, &freed, err) != 0 || stop_waiting(change, id, &waited, err) != 0)
		return -1;
	/* One that waited may have been the one that was woken for a place: pass it on. */
	return freed + waited > 0 ? wake_waiters(change, err) : 0;
}

int placement_free_request(struct sql *sql, void *argument, struct error *err)
{
	struct placement_request *request = argument;
	struct resource cluster;

	change_begin(&request->change, sql);
	if (resource_find(
		    sql, request->change.arena, &request->scope, request->id, &cluster, err) != 0)
		return -1;
	return free_room(&request->change, request->id, err);
}

/* --- inside other changes -------------------------------------------------------------------- */

int placement_resource_created(
	struct change *change, const struct resource *resource, struct error *err)
{
	const struct placement_candidate *chosen;
	struct candidates candidates;
	bool waiting;

	if (!str_eq_c(resource->kind, PLACEMENT_KIND))
		return placement_resource_changed(change, resource, err);
	if (registry_find(change->catalog->registry, STR(PLACEMENT_TARGET_KIND)) == NULL)
		return 0;
	if (has_waiters(change, &waiting, err) != 0)
		return -1;
	if (waiting)
		return 0;
	struct error failed;
	if (load_candidates(change, &candidates, &failed) != 0) {
		/* A management cluster that cannot be read is no reason to refuse a customer: the
		 * cluster waits, and the placement adapter says for what. */
		if (failed.code == ERROR_INVALID)
			return 0;
		if (err != NULL)
			*err = failed;
		return -1;
	}
	chosen = placement_choose(candidates.items, candidates.count);
	return chosen == NULL ? 0 : take_place(change, resource->id, chosen, err);
}

int placement_find(
	struct sql *sql, struct arena *arena, struct str id, struct str *ret, struct error *err)
{
	struct change change = {.sql = sql, .arena = arena};

	return find_placement(&change, id, ret, err);
}

int placement_resource_changed(
	struct change *change, const struct resource *resource, struct error *err)
{
	if (!str_eq_c(resource->kind, PLACEMENT_TARGET_KIND) ||
		!str_eq_c(resource->tenancy, RESOURCE_NO_TENANCY))
		return 0;
	return wake_waiters(change, err);
}

static int refuse_when_used(
	struct change *change, const struct resource *resource, struct error *err)
{
	struct sql_rows *rows;
	int64_t used = 0;
	int more;

	if (SQL_QUERY(change->sql, &rows, err,
		    "SELECT COUNT(*) FROM placements WHERE management_cluster = $1",
		    SQL_STR(resource->name)) != 0)
		return -1;
	more = sql_next(rows, err);
	if (more == 1)
		used = sql_int(rows, 0);
	sql_end(rows);
	if (more < 0)
		return -1;
	if (used > 0)
		return error_set(err, ERROR_CONFLICT,
			"Cannot delete %" STR_F " '%" STR_F
			"': %lld cluster(s) are placed on it; delete or move them first",
			STR_A(resource->kind), STR_A(resource->name), (long long)used);
	return 0;
}

int placement_resource_deleting(
	struct change *change, const struct resource *resource, struct error *err)
{
	int64_t waited = 0;

	if (str_eq_c(resource->kind, PLACEMENT_TARGET_KIND) &&
		str_eq_c(resource->tenancy, RESOURCE_NO_TENANCY))
		return refuse_when_used(change, resource, err);
	if (!str_eq_c(resource->kind, PLACEMENT_KIND))
		return 0;
	if (stop_waiting(change, resource->id, &waited, err) != 0)
		return -1;
	return waited > 0 ? wake_waiters(change, err) : 0;
}

int placement_resource_gone(
	struct change *change, const struct resource *resource, struct error *err)
{
	return str_eq_c(resource->kind, PLACEMENT_KIND) ? free_room(change, resource->id, err) : 0;
}
