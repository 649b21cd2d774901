/*
 * bundle.c - see bundle.h.
 */
#include "maestro/bundle.h"

#include "base/clock.h"
#include "maestro/manifest.h"

#define DEFAULT_SOURCE "maestro-rest" /* of a request that names none */
#define ID_FORMAT "%" STR_F "-manifestworks.work.open-cluster-management.io-%" STR_F "-%" STR_F

/* Members of the payload under their names in REST. */
static const struct {
	const char *rest;
	const char *payload;
	enum json_type type;
	bool may_be_removed;
} parts[] = {
	{"manifests", "manifests", JSON_ARRAY, false},
	{"delete_option", "deleteOption", JSON_OBJECT, true},
	{"manifest_configs", "manifestConfigs", JSON_ARRAY, true},
};
#define PART_COUNT (sizeof(parts) / sizeof(parts[0]))

void bundle_id(char out[ID_UUID_SIZE], struct str source, struct str consumer, struct str name)
{
	struct arena *arena = arena_new(0);

	id_uuid5_oid(
		out, arena_printf(arena, ID_FORMAT, STR_A(source), STR_A(consumer), STR_A(name)));
	arena_free(arena);
}

static struct json *parsed(struct arena *arena, struct str text)
{
	struct json *document = NULL;

	if (str_is_null(text) || json_parse(arena, text, NULL, &document, NULL) != 0)
		return NULL;
	return document;
}

/* Takes over the members that the request gives. */
static struct str change_data(struct arena *arena, struct json *data, const struct json *body)
{
	for (size_t i = 0; i < PART_COUNT; i++) {
		struct json *given = json_get(body, parts[i].rest);

		if (given == NULL)
			continue;
		if (json_is(given, JSON_NULL) && parts[i].may_be_removed)
			json_remove(data, str_of(parts[i].payload));
		else if (json_is(given, parts[i].type))
			json_set(data, parts[i].payload, given);
		else
			return arena_printf(arena, "%s is %s, not %s", parts[i].rest,
				json_type_name(json_type(given)), json_type_name(parts[i].type));
	}
	return manifests_delivery_problem(arena, json_get(data, "manifests"));
}

static struct str change_metadata(
	struct arena *arena, struct json *metadata, const struct json *given)
{
	static const char *const maps[] = {"labels", "annotations"};
	struct str problem = metadata_problem(arena, given);

	if (!str_is_null(problem))
		return problem;
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		struct json *map = json_get(given, maps[i]);

		if (json_count(map) > 0)
			json_set(metadata, maps[i], map);
		else if (map != NULL)
			json_remove(metadata, str_of(maps[i]));
	}
	if (json_text(arena, metadata, JSON_WRITE_COMPACT).len > BUNDLE_METADATA_MAX)
		return arena_printf(arena,
			"metadata is longer than %zu bytes; shorten its annotations",
			BUNDLE_METADATA_MAX);
	return STR_NULL;
}

/* A new event stands behind each version. */
static void stamp(struct arena *arena, struct bundle *bundle, int64_t now_us)
{
	char id[ID_UUID_SIZE];

	id_uuid4(id);
	bundle->event_id = arena_str(arena, str_of(id));
	bundle->event_time = clock_text(arena, now_us);
	bundle->updated_us = now_us;
}

static struct str check_identity(struct arena *arena, const struct json *body)
{
	struct json *source = json_get(body, "source");
	struct str problem;

	if (!json_is(body, JSON_OBJECT))
		return STR("the body must be a JSON object");
	problem = consumer_name_problem(arena, json_get_text(body, "consumer_name"));
	if (!str_is_null(problem))
		return problem;
	if (source != NULL && json_str(source).len == 0)
		return STR("source must be a string that is not empty");
	return bundle_name_problem(arena, json_get_text(json_get(body, "metadata"), "name"));
}

struct str bundle_from_request(
	struct arena *arena, const struct json *body, int64_t now_us, struct bundle *ret)
{
	struct json *metadata = json_new_object(arena);
	struct json *data = json_new_object(arena);
	struct bundle bundle = {.version = 1, .created_us = now_us};
	struct str problem = check_identity(arena, body);
	struct str name = json_get_text(json_get(body, "metadata"), "name");
	char id[ID_UUID_SIZE];

	if (!str_is_null(problem))
		return problem;
	bundle.consumer_name = json_get_text(body, "consumer_name");
	bundle.source = json_get_text(body, "source");
	if (bundle.source.len == 0)
		bundle.source = STR(DEFAULT_SOURCE);
	bundle_id(id, bundle.source, bundle.consumer_name, name);
	bundle.id = arena_str(arena, str_of(id));
	json_set_text(metadata, "name", name);
	json_set_text(metadata, "namespace", bundle.consumer_name);
	json_set_text(metadata, "uid", bundle.id);
	json_set_text(metadata, "resourceVersion", STR("0"));
	problem = change_metadata(arena, metadata, json_get(body, "metadata"));
	if (str_is_null(problem))
		problem = change_data(arena, data, body);
	if (!str_is_null(problem))
		return problem;
	bundle.metadata = json_text(arena, metadata, JSON_WRITE_COMPACT);
	bundle.data = json_text(arena, data, JSON_WRITE_COMPACT);
	bundle.extensions = STR("{\"originalsource\":\"\",\"logtracing\":\"{}\"}");
	stamp(arena, &bundle, now_us);
	if (arena_is_exhausted(arena))
		return STR("the bundle is too large");
	*ret = bundle;
	return STR_NULL;
}

struct str bundle_change(struct arena *arena, struct bundle *bundle, const struct json *body,
	int64_t now_us, bool *ret_changed)
{
	struct json *metadata = parsed(arena, bundle->metadata);
	struct json *data = parsed(arena, bundle->data);
	struct json *given = json_get(body, "metadata");
	struct str name = json_get_text(given, "name");
	struct str problem = STR_NULL;

	if (!json_is(body, JSON_OBJECT))
		return STR("the body must be a JSON object");
	if (name.len > 0 && !str_eq(name, json_get_text(metadata, "name")))
		return arena_printf(arena,
			"metadata.name: Invalid value: \"%" STR_F "\": field is immutable",
			STR_A(name));
	if (given != NULL)
		problem = change_metadata(arena, metadata, given);
	if (str_is_null(problem))
		problem = change_data(arena, data, body);
	if (!str_is_null(problem))
		return problem;
	*ret_changed = !json_equal(metadata, parsed(arena, bundle->metadata)) ||
		       !json_equal(data, parsed(arena, bundle->data));
	if (!*ret_changed)
		return STR_NULL;
	bundle->metadata = json_text(arena, metadata, JSON_WRITE_COMPACT);
	bundle->data = json_text(arena, data, JSON_WRITE_COMPACT);
	stamp(arena, bundle, now_us);
	return arena_is_exhausted(arena) ? STR("the bundle is too large") : STR_NULL;
}

struct json *bundle_metadata(struct arena *arena, const struct bundle *bundle)
{
	struct json *metadata = parsed(arena, bundle->metadata);

	json_set_text(metadata, "creationTimestamp", clock_text_seconds(arena, bundle->created_us));
	if (bundle_is_deleting(bundle))
		json_set_text(metadata, "deletionTimestamp",
			clock_text_seconds(arena, bundle->deleted_us));
	return metadata;
}

static struct json *status_to_json(struct arena *arena, const struct bundle *bundle)
{
	const struct json *reported = parsed(arena, bundle->status);
	struct json *status = json_new_object(arena);
	struct json *value;

	json_set_int(status, "ObservedVersion", bundle->status_version);
	json_set_text(status, "SequenceID", bundle->status_sequence);
	json_for_each (reported, i, value)
		json_set_str(status, json_key_at(reported, i), value);
	return status;
}

struct json *bundle_to_json(struct arena *arena, const struct bundle *bundle)
{
	struct json *document = json_new_object(arena);
	const struct json *data = parsed(arena, bundle->data);

	json_set_text(document, "id", bundle->id);
	json_set_text(document, "kind", STR("ResourceBundle"));
	json_set_text(document, "href",
		arena_printf(arena, "/api/maestro/v1/resource-bundles/%" STR_F, STR_A(bundle->id)));
	json_set_text(document, "name", bundle->id);
	json_set_text(document, "consumer_name", bundle->consumer_name);
	json_set_int(document, "version", bundle->version);
	json_set_text(document, "created_at", clock_text(arena, bundle->created_us));
	json_set_text(document, "updated_at", clock_text(arena, bundle->updated_us));
	if (bundle_is_deleting(bundle))
		json_set_text(document, "deleted_at", clock_text(arena, bundle->deleted_us));
	json_set(document, "metadata", bundle_metadata(arena, bundle));
	for (size_t i = 0; i < PART_COUNT; i++)
		json_set(document, parts[i].rest, json_get(data, parts[i].payload));
	if (!str_is_null(bundle->status))
		json_set(document, "status", status_to_json(arena, bundle));
	return document;
}

bool bundle_status_is_deleted(const struct json *status)
{
	const struct json *conditions = json_get(status, "conditions");
	struct json *condition;

	json_for_each (conditions, i, condition) {
		if (str_eq_c(json_get_text(condition, "type"), "Deleted") &&
			str_eq_c(json_get_text(condition, "status"), "True"))
			return true;
	}
	return false;
}
