/*
 * grpc.c - see grpc.h.
 *
 * A subscriber is a thread that follows the change feed, like any other watcher: a slow one delays
 * nobody but itself.
 */
#include "maestro/grpc.h"

#include "base/id.h"
#include "maestro/bundle_store.h"
#include "maestro/bundle_write.h"
#include "maestro/cloudevent_pb.h"
#include "maestro/source_event.h"
#include "maestro/spec_event.h"

#define SERVICE "/io.cloudevents.v1.CloudEventService/"
#define HEARTBEAT_TYPE "io.open-cluster-management.cloudevents.heartbeat"
#define FEED_ROWS 256
#define EVENT_ARENA_MAX ((size_t)64 << 20)

/* --- Publish ---------------------------------------------------------------------------------- */

static struct str outcome_text(struct arena *arena, enum bundle_outcome outcome, struct str id,
	const struct bundle *current, struct str problem, const struct error *err)
{
	switch (outcome) {
	case BUNDLE_DONE:
		return STR_NULL;
	case BUNDLE_EXISTS:
		return STR("maestro-6: This Resource already exists");
	case BUNDLE_NOT_FOUND:
		return arena_printf(
			arena, "maestro-7: Resource with id='%" STR_F "' not found", STR_A(id));
	case BUNDLE_DELETING:
		return arena_printf(
			arena, "maestro-6: the resource is under deletion, id: %" STR_F, STR_A(id));
	case BUNDLE_STALE:
		return arena_printf(arena,
			"maestro-6: the resource version is not the latest, the latest version: "
			"%lld",
			(long long)current->version);
	case BUNDLE_INVALID:
		return arena_printf(arena,
			"maestro-8: the new manifest bundle in the resource is invalid, %" STR_F,
			STR_A(problem));
	case BUNDLE_BUSY:
		return STR("maestro-6: the resource is being changed by others without a pause");
	case BUNDLE_NO_CONSUMER:
	case BUNDLE_FAILED:
		break;
	}
	return arena_printf(arena, "maestro-9: %s", err->message);
}

static struct str create(struct maestro_server *server, struct arena *arena, struct bundle *bundle)
{
	struct str problem = source_event_problem(arena, bundle);
	struct error err;

	if (!str_is_null(problem))
		return arena_printf(arena,
			"failed to create resource: maestro-8: the manifest bundle in the resource "
			"is "
			"invalid, %" STR_F,
			STR_A(problem));
	if (bundle->version == 0)
		bundle->version = 1;
	problem = outcome_text(arena, bundle_write_create(server, bundle, &err), bundle->id, bundle,
		STR_NULL, &err);
	return str_is_null(problem)
		       ? STR_NULL
		       : arena_printf(arena, "failed to create resource: %" STR_F, STR_A(problem));
}

static struct str update(struct maestro_server *server, struct arena *arena, struct bundle *bundle)
{
	struct str problem = STR_NULL;
	struct bundle current;
	struct error err;
	enum bundle_outcome outcome = bundle_write_update(server, arena, bundle->id,
		bundle->version, source_event_change, bundle, &current, &problem, &err);

	problem = outcome_text(arena, outcome, bundle->id, &current, problem, &err);
	if (str_is_null(problem))
		return STR_NULL;
	return arena_printf(arena, "failed to %s resource: %" STR_F,
		outcome == BUNDLE_NOT_FOUND ? "get" : "update", STR_A(problem));
}

static struct str remove_bundle(
	struct maestro_server *server, struct arena *arena, struct bundle *bundle)
{
	struct error err;

	if (bundle_write_delete(server, bundle->id, 0, &err) == BUNDLE_DONE)
		return STR_NULL;
	return arena_printf(arena, "failed to delete resource: maestro-9: %s", err.message);
}

struct tell_work {
	struct maestro_server *server;
	struct arena *arena;
	struct str source;
	const struct json *hashes;
};

/* Whether the source knows this status: an empty list asks for all. */
static bool is_known(const struct tell_work *work, struct str id, struct str hash)
{
	struct json *item;

	if (json_count(work->hashes) == 0)
		return false;
	json_for_each (work->hashes, i, item) {
		if (str_eq(json_get_text(item, "resourceID"), id))
			return str_eq(json_get_text(item, "statusHash"), hash);
	}
	return true; /* not asked for */
}

static int tell(struct sql *sql, void *argument, struct error *err)
{
	struct tell_work *work = argument;
	struct sql_rows *rows;
	int rc;

	if (SQL_QUERY(sql, &rows, err,
		    "SELECT " BUNDLE_COLUMNS
		    " FROM bundles WHERE source = $1 AND status IS NOT NULL",
		    SQL_STR(work->source)) != 0)
		return -1;
	while ((rc = sql_next(rows, err)) == 1) {
		struct bundle bundle;

		arena_reset(work->arena);
		bundle_from_row(work->arena, rows, &bundle);
		if (!is_known(work, bundle.id, bundle.status_hash) &&
			bundle_tell(sql, work->server->feed, &bundle, err) != 0) {
			rc = -1;
			break;
		}
	}
	sql_end(rows);
	return rc;
}

static struct str resync(
	struct maestro_server *server, struct arena *arena, const struct cloudevent *event)
{
	struct tell_work work = {
		.server = server, .arena = arena_new(EVENT_ARENA_MAX), .source = event->source};
	struct json *document = NULL;
	struct str problem = STR_NULL;
	struct error err = {0};

	if (json_parse(arena, event->data, NULL, &document, &err) != 0) {
		problem = arena_printf(arena, "failed to decode cloudevent: %s", err.message);
	} else {
		work.hashes = json_get(document, "statusHashes");
		if (work.arena == NULL || store_write(server->store, tell, &work, &err) != 0)
			problem = arena_printf(
				arena, "failed to respond resync status: %s", err.message);
	}
	arena_free(work.arena);
	return problem;
}

/* Null, or why not. */
static struct str publish_event(
	struct maestro_server *server, struct arena *arena, const struct cloudevent *event)
{
	static const struct {
		const char *action;
		struct str (*run)(
			struct maestro_server *server, struct arena *arena, struct bundle *bundle);
	} actions[] = {
		{"create_request", create},
		{"update_request", update},
		{"delete_request", remove_bundle},
	};
	struct str rest = str_slice(event->type, sizeof(SPEC_EVENT_TYPE_PREFIX) - 1, SIZE_MAX);
	struct str part = str_cut(&rest, '.');
	struct bundle bundle;
	struct error err;

	if (!str_starts_with(event->type, STR(SPEC_EVENT_TYPE_PREFIX)) ||
		(!str_eq_c(part, "spec") && !str_eq_c(part, "status")) || rest.len == 0)
		return arena_printf(
			arena, "failed to parse cloud event type %" STR_F, STR_A(event->type));
	if (str_eq_c(rest, "resync_request"))
		return resync(server, arena, event);
	if (source_event_read(arena, event, clock_now_us(server->clock), &bundle, &err) != 0)
		return arena_printf(arena, "%s", err.message);
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (str_eq_c(rest, actions[i].action))
			return actions[i].run(server, arena, &bundle);
	}
	return arena_printf(arena, "unsupported action %" STR_F, STR_A(rest));
}

static enum grpc_status publish(struct grpc_call *call, struct str *ret_message)
{
	struct arena *arena = grpc_call_arena(call);
	struct cloudevent event;
	struct error err;

	if (cloudevent_pb_read_publish(arena, grpc_call_request(call), &event, &err) != 0) {
		*ret_message = arena_printf(
			arena, "failed to convert protobuf to cloudevent: %s", err.message);
		return GRPC_UNKNOWN;
	}
	*ret_message = publish_event(grpc_call_context(call), arena, &event);
	if (!str_is_null(*ret_message))
		return GRPC_UNKNOWN;
	grpc_call_send(call, STR("")); /* google.protobuf.Empty */
	return GRPC_OK;
}

/* --- Subscribe -------------------------------------------------------------------------------- */

struct subscriber {
	struct maestro_server *server;
	struct grpc_call *call;
	struct str source;
	int64_t cursor;
	int64_t heartbeat_us;
};

static bool send_heartbeat(struct subscriber *subscriber, struct arena *arena)
{
	char id[ID_UUID_SIZE];
	struct cloudevent event = {.type = STR(HEARTBEAT_TYPE)};

	id_uuid4(id);
	event.id = str_of(id);
	subscriber->heartbeat_us = clock_monotonic_us() + MAESTRO_GRPC_HEARTBEAT_US;
	return grpc_call_send(subscriber->call, cloudevent_pb_write(arena, &event));
}

static bool is_about_status(const struct feed_row *row)
{
	return str_eq_c(row->event, BUNDLE_EVENT_STATUS) ||
	       str_eq_c(row->event, BUNDLE_EVENT_TELL) || str_eq_c(row->event, BUNDLE_EVENT_GONE);
}

/* False when the peer has gone. What cannot be told is passed over. */
static bool send_row(struct subscriber *subscriber, struct arena *arena, const struct feed_row *row)
{
	struct cloudevent event;
	struct bundle bundle;
	struct error err;

	if (!is_about_status(row) || !str_eq(bundle_source_of(arena, row), subscriber->source))
		return true;
	if (!bundle_from_detail(arena, row, &bundle) &&
		bundle_read(subscriber->server, arena, row->id, &bundle, &err) != 1)
		return true;
	if (source_event_make_status(arena, &bundle, &event, &err) != 0)
		return true;
	return grpc_call_send(subscriber->call, cloudevent_pb_write(arena, &event));
}

/* False when the stream is over. */
static bool send_changes(struct subscriber *subscriber, struct arena *arena, struct error *err)
{
	struct feed_row *rows;
	size_t count;

	if (feed_read(subscriber->server->feed, arena, subscriber->cursor, FEED_ROWS, &rows, &count,
		    err) != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct arena *own = arena_new(EVENT_ARENA_MAX);
		bool ok = own != NULL && send_row(subscriber, own, &rows[i]);

		arena_free(own);
		if (!ok)
			return false;
		subscriber->cursor = rows[i].sequence;
	}
	return true;
}

static void follow(struct subscriber *subscriber, struct error *err)
{
	struct arena *arena = arena_new(EVENT_ARENA_MAX);
	struct stop *stop = grpc_call_stop(subscriber->call);
	bool ok = arena != NULL;

	while (ok && !stop_requested(stop)) {
		int64_t left_us = subscriber->heartbeat_us - clock_monotonic_us();

		arena_reset(arena);
		if (left_us <= 0)
			ok = send_heartbeat(subscriber, arena);
		else if (feed_wait(subscriber->server->feed, subscriber->cursor, stop, left_us))
			ok = send_changes(subscriber, arena, err);
	}
	arena_free(arena);
}

static enum grpc_status subscribe(struct grpc_call *call, struct str *ret_message)
{
	struct arena *arena = grpc_call_arena(call);
	struct subscriber subscriber = {
		.server = grpc_call_context(call),
		.call = call,
		.heartbeat_us = clock_monotonic_us() + MAESTRO_GRPC_HEARTBEAT_US,
	};
	char id[ID_UUID_SIZE];
	struct error err = {.message = "the stream has ended"};

	if (cloudevent_pb_read_subscription(
		    arena, grpc_call_request(call), &subscriber.source, &err) != 0) {
		*ret_message = arena_printf(arena, "%s", err.message);
		return GRPC_INVALID_ARGUMENT;
	}
	subscriber.cursor = feed_last(subscriber.server->feed);
	id_uuid4(id);
	grpc_call_set_header(call, "subscription-id", str_of(id));
	grpc_call_start(call);
	follow(&subscriber, &err);
	*ret_message = arena_printf(arena, "%s", err.message);
	return GRPC_UNAVAILABLE;
}

int maestro_grpc_start(struct grpc_server **ret, struct maestro_server *server, const char *host,
	uint16_t port, struct error *err)
{
	static const struct grpc_method methods[] = {
		{SERVICE "Publish", publish},
		{SERVICE "Subscribe", subscribe},
	};
	const struct grpc_server_config config = {
		.host = host,
		.port = port,
		.methods = methods,
		.method_count = sizeof(methods) / sizeof(methods[0]),
		.context = server,
		.name = "maestro-grpc",
	};

	return grpc_server_start(ret, &config, err);
}
