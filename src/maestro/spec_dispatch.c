/*
 * spec_dispatch.c - see spec_dispatch.h.
 *
 * The cursor is written at most once a second, and when there is nothing else to do: writing it per
 * event would put a flush of the disk beside every one that an answered request waits for.
 */
#include "maestro/spec_dispatch.h"

#include <stdlib.h>

#include "base/map.h"
#include "maestro/bundle_store.h"

#define CURSOR "spec_events"
#define CURSOR_SAVE_US CLOCK_US_PER_S
#define IDLE_US (10 * CLOCK_US_PER_S)
#define COMPACT_US (60 * CLOCK_US_PER_S)
#define READY_WAIT_US (CLOCK_US_PER_S / 2)
#define RETRY_US (CLOCK_US_PER_S / 10)
#define RETRY_MAX_US (5 * CLOCK_US_PER_S)
#define FEED_ROWS 512 /* read at once */

struct spec_dispatch {
	struct maestro_server *server;
	struct thread *thread;
	int64_t cursor;
	int64_t saved_cursor;
	int64_t saved_at_us;
	int64_t compacted_at_us;
};

/* --- publishing -------------------------------------------------------------------------------- /
 */

struct load_orders {
	struct arena *arena;
	struct spec_order *orders;
	size_t count;
	struct bundle *bundles;
	bool *found;
};

static int load_bundles(struct sql *sql, void *argument, struct error *err)
{
	struct load_orders *load = argument;

	for (size_t i = 0; i < load->count; i++) {
		int found = 0;

		if (!load->orders[i].is_settled)
			found = bundle_load(
				sql, load->arena, load->orders[i].id, &load->bundles[i], err);
		if (found < 0)
			return -1;
		load->found[i] = found == 1;
	}
	return 0;
}

/* A row that has moved on since the order was made: another order follows, or nothing is left to
 * say. */
static bool is_needless(const struct bundle *bundle, enum spec_action action)
{
	switch (action) {
	case SPEC_CREATE:
	case SPEC_UPDATE:
		return bundle_is_deleting(bundle);
	case SPEC_DELETE:
		return !bundle_is_deleting(bundle);
	case SPEC_RESYNC:
		break;
	}
	return false;
}

static int begin(struct maestro_server *server, struct arena *arena, const struct bundle *bundle,
	enum spec_action action, struct mqtt_ticket **ret, struct error *err)
{
	struct cloudevent event;
	struct mqtt_message message;

	if (spec_event_make(arena, bundle, action, server->source_id, clock_now_us(server->clock),
		    &event, err) != 0 ||
		spec_event_to_message(arena, &event, server->source_id, bundle->consumer_name,
			&message, err) != 0)
		return -1;
	return mqtt_publish_begin(server->mqtt, &message, ret, err);
}

/* Whether the failure lies in the message or the right to send it: trying again would not help. */
static bool is_hopeless(enum error_code code)
{
	return code == ERROR_INVALID || code == ERROR_TOO_LARGE || code == ERROR_FORBIDDEN ||
	       code == ERROR_INTERNAL;
}

static void settle(struct maestro_server *server, struct spec_order *order, int rc,
	const struct error *failure, struct error *err, int *ret_rc)
{
	if (rc == 0) {
		order->is_settled = true;
		atomic_fetch_add(&server->events_published, 1);
	} else if (is_hopeless(failure->code)) {
		order->is_settled = true;
		atomic_fetch_add(&server->events_undeliverable, 1);
		log_error(server->log, "specification cannot be delivered",
			LOG_STR("id", order->id), LOG_ERROR(failure));
	} else {
		*ret_rc = error_set(err, failure->code, "%s", failure->message);
	}
}

int spec_dispatch_publish(
	struct maestro_server *server, struct spec_order *orders, size_t count, struct error *err)
{
	struct bundle bundles[SPEC_DISPATCH_BATCH];
	bool found[SPEC_DISPATCH_BATCH];
	struct mqtt_ticket *tickets[SPEC_DISPATCH_BATCH] = {NULL};
	struct arena *arena = arena_new((size_t)SPEC_DISPATCH_BATCH * MQTT_MAX_PAYLOAD_BYTES);
	struct load_orders load = {arena, orders, count, bundles, found};
	struct error failure;
	int rc = 0;

	if (arena == NULL)
		return error_set(err, ERROR_MEMORY, "no memory to publish");
	if (store_read(server->store, load_bundles, &load, err) != 0) {
		arena_free(arena);
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		if (orders[i].is_settled)
			continue;
		if (!found[i] || is_needless(&bundles[i], orders[i].action))
			orders[i].is_settled = true;
		else if (begin(server, arena, &bundles[i], orders[i].action, &tickets[i],
				 &failure) != 0)
			settle(server, &orders[i], -1, &failure, err, &rc);
	}
	for (size_t i = 0; i < count; i++) {
		if (tickets[i] == NULL)
			continue;
		settle(server, &orders[i], mqtt_publish_end(server->mqtt, tickets[i], &failure),
			&failure, err, &rc);
	}
	arena_free(arena);
	return rc;
}

/* Until all are settled; false when a stop was requested before. */
static bool publish_all(struct maestro_server *server, struct spec_order *orders, size_t count)
{
	struct error err;

	for (unsigned attempt = 0;; attempt++) {
		while (mqtt_wait_ready(server->mqtt, READY_WAIT_US, &err) != 0) {
			if (stop_requested(server->stop))
				return false;
		}
		if (spec_dispatch_publish(server, orders, count, &err) == 0)
			return true;
		log_warn(server->log, "specifications not delivered yet", LOG_ERROR(&err));
		if (stop_sleep(server->stop, thread_backoff_us(attempt, RETRY_US, RETRY_MAX_US)))
			return false;
	}
}

/* --- following the feed ------------------------------------------------------------------------ /
 */

static bool action_of(struct str event, enum spec_action *ret)
{
	static const struct {
		const char *event;
		enum spec_action action;
	} rows[] = {
		{BUNDLE_EVENT_CREATED, SPEC_CREATE},
		{BUNDLE_EVENT_UPDATED, SPEC_UPDATE},
		{BUNDLE_EVENT_DELETED, SPEC_DELETE},
		{BUNDLE_EVENT_RESEND, SPEC_RESYNC},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (str_eq_c(event, rows[i].event)) {
			*ret = rows[i].action;
			return true;
		}
	}
	return false;
}

/* The last event of each bundle among `rows`, up to a full batch. Returns how many rows that
 * covers. */
static size_t orders_from_rows(const struct feed_row *rows, size_t row_count, struct map *seen,
	struct spec_order *orders, size_t *ret_count)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < row_count; i++) {
		enum spec_action action;
		struct spec_order *earlier;

		if (!action_of(rows[i].event, &action))
			continue;
		earlier = map_get(seen, rows[i].id);
		if (earlier != NULL) {
			earlier->action = action;
			continue;
		}
		if (count == SPEC_DISPATCH_BATCH)
			break;
		orders[count] = (struct spec_order){.id = rows[i].id, .action = action};
		map_put(seen, rows[i].id, &orders[count], NULL);
		count++;
	}
	*ret_count = count;
	return i;
}

static int save_cursor(struct sql *sql, void *argument, struct error *err)
{
	return cursor_save(sql, CURSOR, *(int64_t *)argument, err);
}

static void save(struct spec_dispatch *dispatch)
{
	struct error err;

	if (dispatch->cursor == dispatch->saved_cursor)
		return;
	dispatch->saved_at_us = clock_monotonic_us();
	if (store_write(dispatch->server->store, save_cursor, &dispatch->cursor, &err) == 0)
		dispatch->saved_cursor = dispatch->cursor;
	else
		log_warn(dispatch->server->log, "cursor not saved", LOG_ERROR(&err));
}

static void save_when_due(struct spec_dispatch *dispatch)
{
	int64_t now_us = clock_monotonic_us();
	struct feed_retention retention = {0};
	struct error err;

	if (now_us - dispatch->saved_at_us >= CURSOR_SAVE_US)
		save(dispatch);
	retention.after = dispatch->saved_cursor;
	if (now_us - dispatch->compacted_at_us < COMPACT_US)
		return;
	dispatch->compacted_at_us = now_us;
	if (feed_compact(dispatch->server->feed, &retention, &err) != 0)
		log_warn(dispatch->server->log, "feed not compacted", LOG_ERROR(&err));
}

static bool follow(struct spec_dispatch *dispatch, const struct feed_row *rows, size_t count)
{
	size_t done = 0;

	while (done < count) {
		struct spec_order orders[SPEC_DISPATCH_BATCH];
		struct map *seen = map_new();
		size_t order_count = 0;
		bool is_published;

		if (seen == NULL)
			return false;
		done += orders_from_rows(rows + done, count - done, seen, orders, &order_count);
		map_free(seen, NULL);
		is_published =
			order_count == 0 || publish_all(dispatch->server, orders, order_count);
		if (!is_published)
			return false;
		dispatch->cursor = rows[done - 1].sequence;
		save_when_due(dispatch);
	}
	return true;
}

/* --- everything, when the feed no longer reaches back to the cursor -------------------------- */

struct load_page {
	struct arena *arena;
	struct str after;
	struct spec_order *orders;
	size_t count;
};

static int load_ids(struct sql *sql, void *argument, struct error *err)
{
	struct load_page *page = argument;
	struct sql_rows *rows;
	int rc;

	page->count = 0;
	if (SQL_QUERY(sql, &rows, err, "SELECT id FROM bundles WHERE id > $1 ORDER BY id LIMIT $2",
		    SQL_STR(page->after), SQL_INT(SPEC_DISPATCH_BATCH)) != 0)
		return -1;
	while ((rc = sql_next(rows, err)) == 1)
		page->orders[page->count++] = (struct spec_order){
			.id = sql_str_copy(rows, 0, page->arena), .action = SPEC_RESYNC};
	sql_end(rows);
	return rc;
}

static bool publish_everything(struct spec_dispatch *dispatch)
{
	struct maestro_server *server = dispatch->server;
	struct spec_order orders[SPEC_DISPATCH_BATCH];
	struct arena *arena = arena_new(0);
	struct load_page page = {.arena = arena, .after = STR(""), .orders = orders};
	int64_t last = feed_last(server->feed);
	struct error err;
	bool ok = arena != NULL;

	log_warn(
		server->log, "the feed no longer has what is unpublished: publishing every bundle");
	while (ok) {
		ok = store_read(server->store, load_ids, &page, &err) == 0;
		if (!ok || page.count == 0)
			break;
		page.after = orders[page.count - 1].id;
		ok = publish_all(server, orders, page.count);
	}
	arena_free(arena);
	if (ok)
		dispatch->cursor = last;
	return ok;
}

static int load_cursor(struct sql *sql, void *argument, struct error *err)
{
	return cursor_load(sql, CURSOR, argument, err);
}

static void run(void *argument)
{
	struct spec_dispatch *dispatch = argument;
	struct maestro_server *server = dispatch->server;
	struct arena *arena = arena_new(0);
	struct error err;

	while (arena != NULL && !stop_requested(server->stop)) {
		struct feed_row *rows;
		size_t count;
		bool is_dirty = dispatch->cursor != dispatch->saved_cursor;

		if (!feed_wait(server->feed, dispatch->cursor, server->stop,
			    is_dirty ? CURSOR_SAVE_US : IDLE_US)) {
			save_when_due(dispatch);
			continue;
		}
		arena_reset(arena);
		if (feed_read(server->feed, arena, dispatch->cursor, FEED_ROWS, &rows, &count,
			    &err) == 0) {
			follow(dispatch, rows, count);
		} else if (err.code == ERROR_GONE) {
			publish_everything(dispatch);
		} else {
			log_error(server->log, "feed not read", LOG_ERROR(&err));
			stop_sleep(server->stop, RETRY_MAX_US);
		}
	}
	save(dispatch);
	arena_free(arena);
}

int spec_dispatch_start(
	struct spec_dispatch **ret, struct maestro_server *server, struct error *err)
{
	struct spec_dispatch *dispatch = calloc(1, sizeof(*dispatch));

	if (dispatch == NULL)
		return error_set(err, ERROR_MEMORY, "no memory for the dispatcher");
	dispatch->server = server;
	dispatch->compacted_at_us = clock_monotonic_us();
	if (store_read(server->store, load_cursor, &dispatch->cursor, err) == 0) {
		dispatch->saved_cursor = dispatch->cursor;
		if (thread_start(&dispatch->thread, "maestro-spec", run, dispatch, err) == 0) {
			*ret = dispatch;
			return 0;
		}
	}
	free(dispatch);
	return -1;
}

void spec_dispatch_stop(struct spec_dispatch *dispatch)
{
	if (dispatch == NULL)
		return;
	thread_join(dispatch->thread);
	free(dispatch);
}
