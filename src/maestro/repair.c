/*
 * repair.c - see repair.h.
 *
 * Each piece of work reads a page, publishes it with several messages in flight, and goes on; it
 * can be given up at any point, because the next (re)subscription or scan begins anew.
 */
#include "maestro/repair.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "maestro/bundle_store.h"
#include "maestro/resync.h"
#include "maestro/spec_dispatch.h"

struct repair_request {
	struct repair_request *next;
	struct arena *arena;
	struct str consumer_name;
	struct resync_reported *reported;
	size_t count;
};

struct repair {
	struct maestro_server *server;
	struct thread *thread;
	struct stop wake;	 /* only ever poked or requested: the thread's bell */
	int64_t scanned_us;	 /* wall clock: compared with times of rows */
	int64_t status_asked_us; /* monotonic */

	pthread_mutex_t mutex; /* of what follows */
	bool is_resubscribed;
	struct repair_request *first;
	struct repair_request *last;
	size_t waiting;
};

/* --- publishing ------------------------------------------------------------------------------ */

/* Publishes a batch of orders; false when the rest of the work is to be given up. */
static bool publish_orders(struct repair *repair, struct spec_order *orders, size_t count)
{
	struct error err;

	if (count == 0)
		return true;
	if (stop_requested(repair->server->stop))
		return false;
	if (spec_dispatch_publish(repair->server, orders, count, &err) == 0)
		return true;
	log_warn(repair->server->log, "repair given up until the next time", LOG_ERROR(&err));
	return false;
}

static bool publish_event(struct repair *repair, struct arena *arena,
	const struct cloudevent *event, struct str consumer_name)
{
	struct maestro_server *server = repair->server;
	struct mqtt_message message;
	struct error err;

	if (stop_requested(server->stop))
		return false;
	if (spec_event_to_message(arena, event, server->source_id, consumer_name, &message, &err) ==
			0 &&
		mqtt_publish(server->mqtt, &message, &err) == 0)
		return true;
	log_warn(server->log, "repair given up until the next time",
		LOG_STR("consumer", consumer_name), LOG_ERROR(&err));
	return false;
}

/* --- spec resync: an agent asks -------------------------------------------------------------- */

struct spec_diff {
	struct repair_request *request;
	struct maestro_server *server;
	struct arena *arena;
	struct map *reported; /* id -> struct resync_reported */
	struct spec_order *orders;
	size_t order_count;
	size_t order_capacity;
	bool has_to_raise;
	bool raising; /* write the versions that are to be raised */
};

static int add_order(struct spec_diff *diff, struct str id, struct error *err)
{
	if (diff->order_count == diff->order_capacity) {
		size_t capacity = diff->order_capacity == 0 ? 256 : 2 * diff->order_capacity;
		struct spec_order *grown = realloc(diff->orders, capacity * sizeof(*grown));

		if (grown == NULL)
			return error_set(err, ERROR_MEMORY, "no memory for a spec resync");
		diff->orders = grown;
		diff->order_capacity = capacity;
	}
	diff->orders[diff->order_count++] =
		(struct spec_order){.id = arena_str(diff->arena, id), .action = SPEC_RESYNC};
	return 0;
}

static int compare_row(
	struct spec_diff *diff, struct sql *sql, struct sql_rows *rows, struct error *err)
{
	struct str id = sql_str(rows, 0);
	struct resync_reported *reported = map_get(diff->reported, id);
	int64_t known = reported == NULL ? 0 : reported->version;

	if (reported != NULL)
		reported->is_ours = true;
	switch (resync_decide(sql_int(rows, 1), sql_int(rows, 2) != 0, known)) {
	case RESYNC_SEND:
		return add_order(diff, id, err);
	case RESYNC_RAISE:
		diff->has_to_raise = true;
		break;
	case RESYNC_NOTHING:
		break;
	}
	return 0;
}

static int compare_rows(struct sql *sql, void *argument, struct error *err)
{
	struct spec_diff *diff = argument;
	struct sql_rows *rows;
	int rc;

	diff->order_count = 0;
	diff->has_to_raise = false;
	if (SQL_QUERY(sql, &rows, err,
		    "SELECT id, version, deleted_us FROM bundles WHERE consumer_name = $1",
		    SQL_STR(diff->request->consumer_name)) != 0)
		return -1;
	while ((rc = sql_next(rows, err)) == 1) {
		if (compare_row(diff, sql, rows, err) != 0) {
			rc = -1;
			break;
		}
	}
	sql_end(rows);
	return rc;
}

/* Versions above ours: overtaken in the store, and published from there by the dispatcher. */
static int raise_versions(struct sql *sql, void *argument, struct error *err)
{
	struct spec_diff *diff = argument;

	for (size_t i = 0; i < diff->request->count; i++) {
		const struct resync_reported *reported = &diff->request->reported[i];
		struct bundle bundle;
		int found;

		if (!reported->is_ours)
			continue;
		found = bundle_load_for_status(sql, diff->arena, reported->id, &bundle, err);
		if (found < 0)
			return -1;
		if (found == 0 || resync_decide(bundle.version, bundle_is_deleting(&bundle),
					  reported->version) != RESYNC_RAISE)
			continue;
		if (bundle_raise_version(
			    sql, diff->server->feed, &bundle, reported->version + 1, err) != 0)
			return -1;
	}
	return 0;
}

/* Marks what we do not have but remember to be gone: is_ours then says "known to be gone". */
static int find_tombstones(struct sql *sql, void *argument, struct error *err)
{
	struct spec_diff *diff = argument;

	for (size_t i = 0; i < diff->request->count; i++) {
		struct resync_reported *reported = &diff->request->reported[i];
		int found;

		if (reported->is_ours) {
			reported->is_ours = false;
			continue;
		}
		found = bundle_has_tombstone(sql, reported->id, diff->request->consumer_name, err);
		if (found < 0)
			return -1;
		reported->is_ours = found == 1;
	}
	return 0;
}

static bool send_stubs(struct repair *repair, struct spec_diff *diff)
{
	struct repair_request *request = diff->request;

	for (size_t i = 0; i < request->count; i++) {
		struct cloudevent event;

		if (!request->reported[i].is_ours)
			continue;
		spec_event_make_stub(diff->arena, request->reported[i].id,
			request->reported[i].version, request->consumer_name,
			repair->server->source_id, clock_now_us(repair->server->clock), &event);
		if (!publish_event(repair, diff->arena, &event, request->consumer_name))
			return false;
	}
	return true;
}

static void answer(struct repair *repair, struct repair_request *request)
{
	struct maestro_server *server = repair->server;
	struct spec_diff diff = {.request = request, .server = server, .arena = request->arena};
	struct error err = {0};
	bool ok;

	diff.reported = map_new();
	for (size_t i = 0; diff.reported != NULL && i < request->count; i++)
		map_put(diff.reported, request->reported[i].id, &request->reported[i], NULL);
	ok = diff.reported != NULL && store_read(server->store, compare_rows, &diff, &err) == 0 &&
	     (!diff.has_to_raise || store_write(server->store, raise_versions, &diff, &err) == 0) &&
	     store_read(server->store, find_tombstones, &diff, &err) == 0;
	if (!ok)
		log_error(server->log, "spec resync not answered",
			LOG_STR("consumer", request->consumer_name), LOG_ERROR(&err));
	for (size_t i = 0; ok && i < diff.order_count; i += SPEC_DISPATCH_BATCH) {
		size_t left = diff.order_count - i;

		ok = publish_orders(repair, &diff.orders[i],
			left < SPEC_DISPATCH_BATCH ? left : SPEC_DISPATCH_BATCH);
	}
	if (ok && send_stubs(repair, &diff))
		log_info(server->log, "spec resync answered",
			LOG_STR("consumer", request->consumer_name),
			LOG_INT("reported", request->count), LOG_INT("sent", diff.order_count));
	map_free(diff.reported, NULL);
	free(diff.orders);
}

/* --- status resync: we ask ------------------------------------------------------------------- */

struct read_consumers {
	struct arena *arena;
	struct str *names;
	size_t count;
	size_t capacity;
};

static int read_consumers(struct sql *sql, void *argument, struct error *err)
{
	struct read_consumers *read = argument;
	struct sql_rows *rows;
	int rc;

	read->count = 0;
	if (sql_query(sql, "SELECT name FROM consumers ORDER BY name", NULL, 0, &rows, err) != 0)
		return -1;
	while ((rc = sql_next(rows, err)) == 1) {
		if (read->count == read->capacity) {
			size_t capacity = read->capacity == 0 ? 64 : 2 * read->capacity;
			struct str *grown = realloc(read->names, capacity * sizeof(*grown));

			if (grown == NULL) {
				rc = error_set(err, ERROR_MEMORY, "no memory for the consumers");
				break;
			}
			read->names = grown;
			read->capacity = capacity;
		}
		read->names[read->count++] = sql_str_copy(rows, 0, read->arena);
	}
	sql_end(rows);
	return rc;
}

struct read_hashes {
	struct arena *arena;
	struct str consumer_name;
	struct str after; /* id */
	struct resync_hash hashes[RESYNC_MAX_HASHES];
	size_t count;
};

static int read_hashes(struct sql *sql, void *argument, struct error *err)
{
	struct read_hashes *read = argument;
	struct sql_rows *rows;
	int rc;

	read->count = 0;
	if (SQL_QUERY(sql, &rows, err,
		    "SELECT id, status_hash FROM bundles WHERE consumer_name = $1 AND id > $2 "
		    "ORDER BY id LIMIT $3",
		    SQL_STR(read->consumer_name), SQL_STR(read->after),
		    SQL_INT(RESYNC_MAX_HASHES)) != 0)
		return -1;
	while ((rc = sql_next(rows, err)) == 1)
		read->hashes[read->count++] = (struct resync_hash){
			sql_str_copy(rows, 0, read->arena), sql_str_copy(rows, 1, read->arena)};
	sql_end(rows);
	return rc;
}

/* At least one request, even without hashes: it means "send everything". */
static bool ask_consumer(struct repair *repair, struct str consumer_name)
{
	struct maestro_server *server = repair->server;
	struct read_hashes *read = calloc(1, sizeof(*read));
	struct arena *arena = arena_new(0);
	bool is_first = true;
	bool ok = read != NULL && arena != NULL;

	while (ok) {
		struct cloudevent event;
		struct error err;

		read->arena = arena;
		read->consumer_name = consumer_name;
		read->after = is_first ? STR("") : read->hashes[read->count - 1].id;
		ok = store_read(server->store, read_hashes, read, &err) == 0;
		if (!ok || (read->count == 0 && !is_first))
			break;
		resync_make_status_request(arena, read->hashes, read->count, consumer_name,
			server->source_id, clock_now_us(server->clock), &event);
		ok = publish_event(repair, arena, &event, consumer_name);
		is_first = false;
		if (read->count < RESYNC_MAX_HASHES)
			break;
	}
	arena_free(arena);
	free(read);
	return ok;
}

static void ask_everyone(struct repair *repair)
{
	struct maestro_server *server = repair->server;
	struct read_consumers read = {.arena = arena_new(0)};
	struct error err;

	if (read.arena != NULL && store_read(server->store, read_consumers, &read, &err) == 0) {
		for (size_t i = 0; i < read.count; i++) {
			if (!ask_consumer(repair, read.names[i]))
				break;
		}
		log_debug(server->log, "asked for statuses", LOG_INT("consumers", read.count));
	}
	free(read.names);
	arena_free(read.arena);
}

/* --- what was not answered ------------------------------------------------------------------- */

struct read_unsettled {
	struct arena *arena;
	int64_t last_us;
	int64_t now_us;
	struct str after; /* id */
	struct spec_order orders[SPEC_DISPATCH_BATCH];
	size_t count;
};

static int read_unsettled(struct sql *sql, void *argument, struct error *err)
{
	struct read_unsettled *read = argument;
	struct sql_rows *rows;
	int rc;

	read->count = 0;
	if (SQL_QUERY(sql, &rows, err,
		    "SELECT id, updated_us, deleted_us FROM bundles "
		    "WHERE (deleted_us <> 0 OR status_version < version) AND id > $1 ORDER BY id",
		    SQL_STR(read->after)) != 0)
		return -1;
	while (read->count < SPEC_DISPATCH_BATCH && (rc = sql_next(rows, err)) == 1) {
		int64_t deleted_us = sql_int(rows, 2);
		int64_t since_us = deleted_us != 0 ? deleted_us : sql_int(rows, 1);

		if (!resync_is_due(since_us, read->last_us, read->now_us))
			continue;
		read->orders[read->count++] = (struct spec_order){
			.id = sql_str_copy(rows, 0, read->arena),
			.action = deleted_us != 0 ? SPEC_DELETE : SPEC_RESYNC,
		};
	}
	if (read->count == SPEC_DISPATCH_BATCH)
		rc = 0;
	sql_end(rows);
	return rc;
}

static void scan(struct repair *repair)
{
	struct maestro_server *server = repair->server;
	struct read_unsettled read = {
		.arena = arena_new(0),
		.last_us = repair->scanned_us,
		.now_us = clock_now_us(server->clock),
		.after = STR(""),
	};
	struct error err;
	size_t total = 0;

	while (read.arena != NULL && store_read(server->store, read_unsettled, &read, &err) == 0 &&
		read.count > 0 && publish_orders(repair, read.orders, read.count)) {
		read.after = read.orders[read.count - 1].id;
		total += read.count;
		if (read.count < SPEC_DISPATCH_BATCH)
			break;
	}
	repair->scanned_us = read.now_us;
	if (total > 0)
		log_info(
			server->log, "sent again what was not answered", LOG_INT("bundles", total));
	arena_free(read.arena);
}

/* --- the thread ------------------------------------------------------------------------------ */

static struct repair_request *take_request(struct repair *repair)
{
	struct repair_request *request;

	LOCK_SCOPE(&repair->mutex);
	request = repair->first;
	if (request == NULL)
		return NULL;
	repair->first = request->next;
	if (repair->first == NULL)
		repair->last = NULL;
	repair->waiting--;
	return request;
}

static bool take_resubscribed(struct repair *repair)
{
	bool was;

	LOCK_SCOPE(&repair->mutex);
	was = repair->is_resubscribed;
	repair->is_resubscribed = false;
	return was;
}

static void free_request(struct repair_request *request)
{
	arena_free(request->arena);
	free(request);
}

static void run(void *argument)
{
	struct repair *repair = argument;

	repair->scanned_us = clock_now_us(repair->server->clock);
	while (!stop_sleep(&repair->wake, REPAIR_SCAN_US)) {
		struct repair_request *request;
		int64_t now_us = clock_monotonic_us();

		while ((request = take_request(repair)) != NULL) {
			if (!stop_requested(&repair->wake))
				answer(repair, request);
			free_request(request);
		}
		if (take_resubscribed(repair) ||
			now_us - repair->status_asked_us >= REPAIR_STATUS_US) {
			repair->status_asked_us = now_us;
			ask_everyone(repair);
		}
		if (clock_now_us(repair->server->clock) - repair->scanned_us >= REPAIR_SCAN_US)
			scan(repair);
	}
}

int repair_start(struct repair **ret, struct maestro_server *server, struct error *err)
{
	struct repair *repair = calloc(1, sizeof(*repair));

	if (repair == NULL)
		return error_set(err, ERROR_MEMORY, "no memory for the repair thread");
	repair->server = server;
	repair->status_asked_us = clock_monotonic_us();
	pthread_mutex_init(&repair->mutex, NULL);
	stop_init(&repair->wake);
	if (thread_start(&repair->thread, "maestro-repair", run, repair, err) != 0) {
		repair_stop(repair);
		return -1;
	}
	*ret = repair;
	return 0;
}

void repair_resubscribed(struct repair *repair)
{
	pthread_mutex_lock(&repair->mutex);
	repair->is_resubscribed = true;
	pthread_mutex_unlock(&repair->mutex);
	stop_poke(&repair->wake);
}

static bool enqueue(struct repair *repair, struct repair_request *request)
{
	LOCK_SCOPE(&repair->mutex);
	if (repair->waiting >= REPAIR_MAX_REQUESTS)
		return false;
	if (repair->last != NULL)
		repair->last->next = request;
	else
		repair->first = request;
	repair->last = request;
	repair->waiting++;
	return true;
}

void repair_requested(struct repair *repair, const struct cloudevent *event)
{
	struct repair_request *request = calloc(1, sizeof(*request));
	struct cloudevent copy = *event;
	struct error err;
	struct str consumer_name;

	if (request == NULL || (request->arena = arena_new(0)) == NULL) {
		free(request);
		return;
	}
	/* What is read borrows from the data. */
	copy.data = arena_str(request->arena, event->data);
	if (resync_read(request->arena, &copy, &consumer_name, &request->reported, &request->count,
		    &err) != 0) {
		atomic_fetch_add(&repair->server->messages_dropped, 1);
		log_warn(repair->server->log, "spec resync request dropped",
			LOG_STR("source", event->source), LOG_ERROR(&err));
		free_request(request);
		return;
	}
	request->consumer_name = arena_str(request->arena, consumer_name);
	if (!enqueue(repair, request)) {
		atomic_fetch_add(&repair->server->messages_dropped, 1);
		free_request(request);
		return;
	}
	stop_poke(&repair->wake);
}

void repair_stop(struct repair *repair)
{
	struct repair_request *request;

	if (repair == NULL)
		return;
	stop_request(&repair->wake);
	thread_join(repair->thread);
	while ((request = take_request(repair)) != NULL)
		free_request(request);
	stop_destroy(&repair->wake);
	pthread_mutex_destroy(&repair->mutex);
	free(repair);
}
