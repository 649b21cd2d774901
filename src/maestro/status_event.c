/*
 * status_event.c - see status_event.h.
 *
 * Two rules differ from the original, which would lose data: a Deleted report removes only what was
 * asked to be deleted, and a version above ours (after our database was lost and built anew) is
 * overtaken instead of ignored, since an agent never goes back to a lower version.
 */
#include "maestro/status_event.h"

#include "maestro/spec_event.h"

#define SNOWFLAKE_TIME_SHIFT 22
#define SNOWFLAKE_STEP_MASK 0xfff

static int require(
	const struct cloudevent *event, const char *name, struct str *ret, struct error *err)
{
	struct str value = cloudevent_extension(event, name);

	if (value.len == 0)
		return error_set(err, ERROR_INVALID, "a status without extension %s", name);
	*ret = value;
	return 0;
}

/* Integers may come as "1" or "1.0". */
static int read_version(struct str text, int64_t *ret, struct error *err)
{
	double number;

	if (!str_to_int64(text, ret)) {
		if (!str_to_double(text, &number) ||
			!(number >= 0 && number <= BUNDLE_VERSION_MAX) ||
			number != (double)(int64_t)number)
			return error_set(err, ERROR_INVALID,
				"resourceversion \"%" STR_F "\" is not an integer", STR_A(text));
		*ret = (int64_t)number;
	}
	if (*ret < 0 || *ret > BUNDLE_VERSION_MAX)
		return error_set(err, ERROR_INVALID, "resourceversion %lld is out of range",
			(long long)*ret);
	return 0;
}

static int read_data(struct arena *arena, const struct cloudevent *event,
	struct status_event *status, struct error *err)
{
	const struct json_limits limits = {
		.max_bytes = JSON_MAX_BYTES,
		.max_depth = JSON_MAX_DEPTH,
		.last_key_wins = true,
	};
	struct cloudevent attributes = *event;
	struct json *document;

	if (str_is_null(event->data))
		return error_set(err, ERROR_INVALID, "a status without data");
	if (json_parse(arena, event->data, &limits, &document, err) != 0)
		return error_prefix(err, "data of a status");
	if (!json_is(document, JSON_OBJECT))
		return error_set(err, ERROR_INVALID, "data of a status is %s, not an object",
			json_type_name(json_type(document)));
	attributes.data = STR_NULL;
	status->is_deleted = bundle_status_is_deleted(document);
	status->status = json_text(arena, document, JSON_WRITE_SORTED);
	status->event =
		json_text(arena, cloudevent_to_json(arena, &attributes), JSON_WRITE_COMPACT);
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no room for a status");
	return 0;
}

int status_event_read(struct arena *arena, const struct cloudevent *event, struct str source_id,
	struct status_event *ret, struct error *err)
{
	struct status_event status = {
		.sequence = cloudevent_extension(event, "sequenceid"),
		.hash = cloudevent_extension(event, "statushash"),
	};
	struct str version = STR_NULL;
	struct str source = STR_NULL;

	if (require(event, "resourceid", &status.id, err) != 0 ||
		require(event, "clustername", &status.consumer_name, err) != 0 ||
		require(event, "resourceversion", &version, err) != 0 ||
		require(event, "originalsource", &source, err) != 0 ||
		read_version(version, &status.version, err) != 0)
		return -1;
	if (!str_eq(source, source_id))
		return error_set(err, ERROR_INVALID, "unmatched original source id \"%" STR_F "\"",
			STR_A(source));
	if (read_data(arena, event, &status, err) != 0)
		return -1;
	*ret = status;
	return 0;
}

bool status_sequence_is_newer(struct str sequence, struct str last)
{
	int64_t new_id;
	int64_t last_id;
	int64_t new_ms;
	int64_t last_ms;

	if (!str_to_int64(last, &last_id) || !str_to_int64(sequence, &new_id))
		return true;
	/* Not the node: an agent may have been replaced by one with another number. */
	new_ms = new_id >> SNOWFLAKE_TIME_SHIFT;
	last_ms = last_id >> SNOWFLAKE_TIME_SHIFT;
	if (new_ms != last_ms)
		return new_ms > last_ms;
	return (new_id & SNOWFLAKE_STEP_MASK) > (last_id & SNOWFLAKE_STEP_MASK);
}

enum status_action status_decide(
	const struct bundle *bundle, const struct status_event *event, const char **ret_reason)
{
	*ret_reason = NULL;
	if (bundle == NULL) {
		*ret_reason = "no such bundle";
		return STATUS_IGNORE;
	}
	if (!str_eq(bundle->consumer_name, event->consumer_name)) {
		*ret_reason = "the bundle belongs to another consumer";
		return STATUS_IGNORE;
	}
	if (event->is_deleted && bundle_is_deleting(bundle))
		return STATUS_REMOVE;
	if (event->is_deleted) {
		*ret_reason = "deleted although nobody asked for it";
		return STATUS_RESEND;
	}
	if (event->version < bundle->version) {
		*ret_reason = "of an older version";
		return STATUS_IGNORE;
	}
	if (event->version > bundle->version && !bundle_is_deleting(bundle)) {
		*ret_reason = "of a version that we do not know";
		return STATUS_RAISE;
	}
	if (bundle->status_version == event->version &&
		!status_sequence_is_newer(event->sequence, bundle->status_sequence)) {
		*ret_reason = "not newer than the last";
		return STATUS_IGNORE;
	}
	if (bundle->status_version == event->version && str_eq(bundle->status, event->status) &&
		str_eq(bundle->status_hash, event->hash)) {
		*ret_reason = "equal to the last";
		return STATUS_IGNORE;
	}
	return STATUS_STORE;
}
