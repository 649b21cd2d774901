/*
 * bundle_write.c - see bundle_write.h.
 */
#include "maestro/bundle_write.h"

#include "maestro/bundle_store.h"

/* Tries of an update that names no version, when others update the same bundle. */
#define UPDATE_TRIES 20

struct work {
	struct maestro_server *server;
	struct arena *arena;
	struct str id;
	struct bundle *bundle;
	const struct bundle *created;
	int found;
	int64_t base_version; /* that the change was computed from, or a deletion wants; 0: any */
	bool is_saved;
	bool is_stale;
	int64_t now_us;
};

static int read_work(struct sql *sql, void *argument, struct error *err)
{
	struct work *work = argument;

	work->found = bundle_load(sql, work->arena, work->id, work->bundle, err);
	return work->found < 0 ? -1 : 0;
}

int bundle_read(struct maestro_server *server, struct arena *arena, struct str id,
	struct bundle *ret, struct error *err)
{
	struct work work = {.arena = arena, .id = id, .bundle = ret};

	return store_read(server->store, read_work, &work, err) == 0 ? work.found : -1;
}

static int create_work(struct sql *sql, void *argument, struct error *err)
{
	struct work *work = argument;

	return bundle_insert(sql, work->server->feed, work->created, err);
}

enum bundle_outcome bundle_write_create(
	struct maestro_server *server, const struct bundle *bundle, struct error *err)
{
	struct work work = {.server = server, .created = bundle};
	struct error failure;

	if (store_write(server->store, create_work, &work, &failure) == 0)
		return BUNDLE_DONE;
	error_set(err, failure.code, "%s", failure.message);
	if (failure.code == ERROR_CONFLICT)
		return BUNDLE_EXISTS;
	return failure.code == ERROR_NOT_FOUND ? BUNDLE_NO_CONSUMER : BUNDLE_FAILED;
}

/* Writes the change unless the bundle has moved on. */
static int update_work(struct sql *sql, void *argument, struct error *err)
{
	struct work *work = argument;
	struct bundle current;
	int found = bundle_load_for_status(sql, work->arena, work->id, &current, err);

	work->is_saved = false;
	if (found < 0)
		return -1;
	if (found == 0 || current.version != work->base_version || bundle_is_deleting(&current))
		return 0;
	work->bundle->version = work->base_version + 1;
	work->is_saved = true;
	return bundle_save_spec(sql, work->server->feed, work->bundle, BUNDLE_EVENT_UPDATED, err);
}

enum bundle_outcome bundle_write_update(struct maestro_server *server, struct arena *arena,
	struct str id, int64_t wanted_version, bundle_change_fn change_fn, const void *change,
	struct bundle *ret_bundle, struct str *ret_problem, struct error *err)
{
	struct work work = {
		.server = server,
		.arena = arena,
		.id = id,
		.bundle = ret_bundle,
		.now_us = clock_now_us(server->clock),
	};

	for (int i = 0; i < UPDATE_TRIES; i++) {
		bool is_changed = false;

		if (store_read(server->store, read_work, &work, err) != 0)
			return BUNDLE_FAILED;
		if (work.found == 0)
			return BUNDLE_NOT_FOUND;
		if (bundle_is_deleting(ret_bundle))
			return BUNDLE_DELETING;
		if (wanted_version != 0 && wanted_version != ret_bundle->version)
			return BUNDLE_STALE;
		work.base_version = ret_bundle->version;
		*ret_problem = change_fn(arena, ret_bundle, change, work.now_us, &is_changed);
		if (!str_is_null(*ret_problem))
			return BUNDLE_INVALID;
		if (!is_changed)
			return BUNDLE_DONE;
		if (store_write(server->store, update_work, &work, err) != 0)
			return BUNDLE_FAILED;
		if (work.is_saved)
			return BUNDLE_DONE;
	}
	return BUNDLE_BUSY;
}

static int delete_work(struct sql *sql, void *argument, struct error *err)
{
	struct work *work = argument;
	struct bundle bundle;
	int found = bundle_load_for_status(sql, work->arena, work->id, &bundle, err);

	work->is_stale = false;
	if (found <= 0 || bundle_is_deleting(&bundle))
		return found < 0 ? -1 : 0;
	work->is_stale = work->base_version != 0 && bundle.version != work->base_version;
	if (work->is_stale)
		return 0;
	return bundle_mark_deleting(sql, work->server->feed, &bundle, work->now_us, err);
}

enum bundle_outcome bundle_write_delete(
	struct maestro_server *server, struct str id, int64_t wanted_version, struct error *err)
{
	struct arena *arena = arena_new(0);
	struct work work = {
		.server = server,
		.arena = arena,
		.id = id,
		.base_version = wanted_version,
		.now_us = clock_now_us(server->clock),
	};
	int rc = -1;

	if (arena == NULL)
		error_set(err, ERROR_MEMORY, "no memory to delete a bundle");
	else
		rc = store_write(server->store, delete_work, &work, err);
	arena_free(arena);
	if (rc != 0)
		return BUNDLE_FAILED;
	return work.is_stale ? BUNDLE_STALE : BUNDLE_DONE;
}
