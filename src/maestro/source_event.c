/*
 * source_event.c - see source_event.h.
 */
#include "maestro/source_event.h"

#include "base/clock.h"
#include "maestro/manifest.h"

/* Extensions that a bundle has columns for; the others are kept and sent on as they came. */
static const char *const known[] = {
	"resourceid", "resourceversion", "clustername", "metadata", "deletiontimestamp"};

static int need(
	const struct cloudevent *event, const char *name, struct str *ret, struct error *err)
{
	*ret = cloudevent_extension(event, name);
	if (ret->len == 0)
		return error_set(err, ERROR_INVALID,
			"failed to decode cloudevent: failed to get %s extension: it is missing",
			name);
	return 0;
}

static struct str other_extensions(struct arena *arena, const struct cloudevent *event)
{
	struct json *others = json_new_object(arena);

	for (size_t i = 0; i < event->extension_count; i++) {
		bool is_known = false;

		for (size_t j = 0; j < sizeof(known) / sizeof(known[0]); j++)
			is_known = is_known || str_eq_c(event->extensions[i].name, known[j]);
		if (!is_known)
			json_set_str(others, event->extensions[i].name,
				json_new_string(arena, event->extensions[i].value));
	}
	return json_text(arena, others, JSON_WRITE_COMPACT);
}

/* JSON objects only; `fallback` for none. */
static int read_object(struct arena *arena, const char *what, struct str text, const char *fallback,
	struct str *ret, struct error *err)
{
	struct json *document;

	*ret = str_of(fallback);
	if (text.len == 0)
		return 0;
	if (json_parse(arena, text, NULL, &document, err) != 0)
		return error_prefix(err, "failed to decode cloudevent: %s", what);
	if (!json_is(document, JSON_OBJECT))
		return error_set(err, ERROR_INVALID,
			"failed to decode cloudevent: %s is %s, not an object", what,
			json_type_name(json_type(document)));
	*ret = json_text(arena, document, JSON_WRITE_COMPACT);
	return 0;
}

int source_event_read(struct arena *arena, const struct cloudevent *event, int64_t now_us,
	struct bundle *ret, struct error *err)
{
	struct bundle bundle = {
		.source = event->source,
		.created_us = now_us,
		.updated_us = now_us,
		.event_id = event->id,
		.event_time = str_is_null(event->time) ? clock_text(arena, now_us) : event->time,
		.extensions = other_extensions(arena, event),
	};
	struct str version = STR_NULL;

	if (need(event, "clustername", &bundle.consumer_name, err) != 0 ||
		need(event, "resourceid", &bundle.id, err) != 0 ||
		need(event, "resourceversion", &version, err) != 0)
		return -1;
	if (!str_to_int64(version, &bundle.version) || bundle.version < 0 ||
		bundle.version > BUNDLE_VERSION_MAX)
		return error_set(err, ERROR_INVALID,
			"failed to decode cloudevent: failed to get resourceversion extension: "
			"\"%" STR_F "\" is not an integer",
			STR_A(version));
	if (read_object(arena, "metadata", cloudevent_extension(event, "metadata"), "{}",
		    &bundle.metadata, err) != 0 ||
		read_object(arena, "data", event->data, NULL, &bundle.data, err) != 0)
		return -1;
	if (bundle.metadata.len > BUNDLE_METADATA_MAX)
		return error_set(err, ERROR_INVALID,
			"failed to decode cloudevent: metadata is longer than %zu bytes",
			BUNDLE_METADATA_MAX);
	*ret = bundle;
	return 0;
}

struct str source_event_problem(struct arena *arena, const struct bundle *bundle)
{
	struct json *data;

	if (str_is_null(bundle->data) || json_parse(arena, bundle->data, NULL, &data, NULL) != 0 ||
		json_count(data) == 0)
		return STR("manifest bundle is empty");
	return manifests_problem(arena, json_get(data, "manifests"));
}

static bool is_equal_json(struct arena *arena, struct str a, struct str b)
{
	struct json *left;
	struct json *right;

	return str_eq(a, b) ||
	       (json_parse(arena, a, NULL, &left, NULL) == 0 &&
		       json_parse(arena, b, NULL, &right, NULL) == 0 && json_equal(left, right));
}

struct str source_event_change(struct arena *arena, struct bundle *bundle, const void *change,
	int64_t now_us, bool *ret_changed)
{
	const struct bundle *wanted = change;
	struct str problem = source_event_problem(arena, wanted);

	if (!str_is_null(problem))
		return problem;
	*ret_changed = !is_equal_json(arena, bundle->data, wanted->data) ||
		       !is_equal_json(arena, bundle->metadata, wanted->metadata);
	if (!*ret_changed)
		return STR_NULL;
	bundle->data = wanted->data;
	bundle->metadata = wanted->metadata;
	bundle->extensions = wanted->extensions;
	bundle->event_id = wanted->event_id;
	bundle->event_time = wanted->event_time;
	bundle->updated_us = now_us;
	return STR_NULL;
}

int source_event_make_status(
	struct arena *arena, const struct bundle *bundle, struct cloudevent *ret, struct error *err)
{
	struct json *data = json_new_object(arena);
	struct json *event;
	struct json *status;
	struct json *value;

	if (str_is_null(bundle->status) || str_is_null(bundle->status_event))
		return error_set(err, ERROR_NOT_FOUND, "bundle %" STR_F " has no status yet",
			STR_A(bundle->id));
	if (json_parse(arena, bundle->status_event, NULL, &event, err) != 0 ||
		json_parse(arena, bundle->status, NULL, &status, err) != 0 ||
		cloudevent_from_json(arena, event, ret, err) != 0)
		return error_prefix(err, "stored status of %" STR_F, STR_A(bundle->id));
	if (!str_is_null(bundle->data))
		json_set(data, "manifestBundle", json_new_raw(arena, bundle->data));
	json_for_each (status, i, value)
		json_set_str(data, json_key_at(status, i), value);
	ret->datacontenttype = STR("application/json");
	ret->data = json_text(arena, data, JSON_WRITE_COMPACT);
	cloudevent_set_extension(ret, STR("metadata"),
		json_text(arena, bundle_metadata(arena, bundle), JSON_WRITE_SORTED));
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no room for a status");
	return 0;
}
