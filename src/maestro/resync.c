/*
 * resync.c - see resync.h.
 *
 * An id that the agent reports and that we do not have is answered with a deletion only when we
 * remember that it is gone (the caller asks for its tombstone). The original deletes whatever it
 * does not know, and so would delete every workload after its database was lost.
 */
#include "maestro/resync.h"

#include "base/clock.h"
#include "maestro/spec_event.h"

#define STATUS_RESYNC_TYPE SPEC_EVENT_TYPE_PREFIX "status.resync_request"

int resync_read(struct arena *arena, const struct cloudevent *event, struct str *ret_consumer,
	struct resync_reported **ret, size_t *ret_count, struct error *err)
{
	struct str consumer = cloudevent_extension(event, "clustername");
	struct resync_reported *reported;
	struct json *document;
	struct json *list;
	struct json *item;

	if (consumer.len == 0)
		return error_set(
			err, ERROR_INVALID, "a spec resync request without extension clustername");
	if (json_parse(arena, event->data, NULL, &document, err) != 0)
		return error_prefix(err, "data of a spec resync request");
	list = json_get(document, "resourceVersions");
	if (!json_is_null(list) && !json_is(list, JSON_ARRAY))
		return error_set(err, ERROR_INVALID, "resourceVersions is %s, not an array",
			json_type_name(json_type(list)));
	if (json_count(list) > RESYNC_MAX_REPORTED)
		return error_set(err, ERROR_TOO_LARGE,
			"%zu resourceVersions; one request may have %d", json_count(list),
			RESYNC_MAX_REPORTED);
	reported = arena_calloc(arena, json_count(list) + 1, sizeof(*reported));
	if (reported == NULL)
		return error_set(err, ERROR_MEMORY, "no room for a spec resync request");
	json_for_each (list, i, item) {
		reported[i].id = json_get_text(item, "resourceID");
		reported[i].version = json_int(json_get(item, "resourceVersion"), 0);
	}
	*ret_consumer = consumer;
	*ret = reported;
	*ret_count = json_count(list);
	return 0;
}

enum resync_action resync_decide(int64_t version, bool is_deleting, int64_t reported)
{
	if (is_deleting)
		return RESYNC_SEND;
	if (reported > version && reported < BUNDLE_VERSION_MAX)
		return RESYNC_RAISE;
	return version > reported ? RESYNC_SEND : RESYNC_NOTHING;
}

void resync_make_status_request(struct arena *arena, const struct resync_hash *hashes, size_t count,
	struct str consumer_name, struct str source_id, int64_t now_us, struct cloudevent *ret)
{
	struct json *data = json_new_object(arena);
	struct json *list = json_new_array(arena);
	char id[ID_UUID_SIZE];

	for (size_t i = 0; i < count; i++) {
		struct json *item = json_new_object(arena);

		json_set_text(item, "resourceID", hashes[i].id);
		json_set_text(item, "statusHash",
			hashes[i].hash.len == 0 ? STR(RESYNC_NO_STATUS_HASH) : hashes[i].hash);
		json_append(list, item);
	}
	json_set(data, "statusHashes", list);
	id_uuid4(id);
	*ret = (struct cloudevent){
		.id = arena_str(arena, str_of(id)),
		.source = source_id,
		.type = STR(STATUS_RESYNC_TYPE),
		.time = clock_text(arena, now_us),
		.datacontenttype = STR("application/json"),
		.data = json_text(arena, data, JSON_WRITE_COMPACT),
	};
	cloudevent_set_extension(ret, STR("clustername"), consumer_name);
}

bool resync_is_due(int64_t since_us, int64_t last_us, int64_t now_us)
{
	int64_t wait_us = RESYNC_BACKOFF_US;
	int64_t due_us = since_us + wait_us;

	while (due_us <= last_us) {
		int64_t behind_us = last_us - due_us;

		wait_us = wait_us * 2 < RESYNC_BACKOFF_MAX_US ? wait_us * 2 : RESYNC_BACKOFF_MAX_US;
		/* Far behind: skip whole rounds of the longest wait. */
		due_us += wait_us == RESYNC_BACKOFF_MAX_US ? (behind_us / wait_us + 1) * wait_us
							   : wait_us;
	}
	return due_us <= now_us;
}
