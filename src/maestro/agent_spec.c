/*
 * agent_spec.c - which specs are taken, and in whose favour doubt is decided.
 *
 * Two decisions differ from the original agent's. A deletion that comes in a resync without
 * metadata and data says only that the server has no such bundle; a server that lost its database
 * says it too, so it removes nothing. And a spec for a bundle that is being deleted does not call
 * it back to life: its objects are half gone; the agent finishes, and then asks the server what it
 * wants.
 */
#include "maestro/agent_spec.h"

#include "base/clock.h"
#include "maestro/agent.h"

int agent_message_kind(const struct cloudevent *event, enum agent_message *ret, struct error *err)
{
	static const struct {
		const char *suffix;
		enum agent_message kind;
	} rows[] = {
		{".spec.create_request", AGENT_MESSAGE_SPEC},
		{".spec.update_request", AGENT_MESSAGE_SPEC},
		{".spec.delete_request", AGENT_MESSAGE_SPEC},
		{".spec.resync_response", AGENT_MESSAGE_SPEC},
		{".status.resync_request", AGENT_MESSAGE_STATUS_RESYNC},
	};
	if (!str_starts_with(event->type, STR(AGENT_DATA_TYPE ".")))
		return error_set(err, ERROR_INVALID, "unsupported event type \"%" STR_F "\"",
			STR_A(event->type));
	struct str suffix = str_slice(event->type, sizeof(AGENT_DATA_TYPE) - 1, event->type.len);
	*ret = AGENT_MESSAGE_FOREIGN;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (str_eq_c(suffix, rows[i].suffix))
			*ret = rows[i].kind;
	}
	return 0;
}

/* An id becomes part of an object's name, so it must be able to (RFC 1123 subdomain). */
static bool is_id(struct str id)
{
	if (id.len == 0 || id.len > AGENT_MAX_ID)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		char c = id.ptr[i];
		bool is_edge = i == 0 || i + 1 == id.len;
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (!is_plain && (is_edge || (c != '-' && c != '.')))
			return false;
	}
	return true;
}

static int attributes_read(const struct cloudevent *event, const char *consumer,
	struct agent_spec *spec, struct error *err)
{
	struct str version = cloudevent_extension(event, "resourceversion");
	struct str cluster = cloudevent_extension(event, "clustername");
	struct str deletion = cloudevent_extension(event, "deletiontimestamp");
	spec->id = cloudevent_extension(event, "resourceid");
	if (!is_id(spec->id))
		return error_set(err, ERROR_INVALID,
			"extension resourceid is missing or cannot be a name: \"%" STR_F "\"",
			STR_A(spec->id));
	if (!str_to_int64(version, &spec->generation) || spec->generation < 0)
		return error_set(err, ERROR_INVALID,
			"extension resourceversion is missing or no number: \"%" STR_F "\"",
			STR_A(version));
	if (!str_eq_c(cluster, consumer))
		return error_set(
			err, ERROR_INVALID, "unmatched cluster name %" STR_F, STR_A(cluster));
	int64_t when;
	if (!str_is_null(deletion) && !clock_parse(deletion, &when))
		return error_set(err, ERROR_INVALID,
			"extension deletiontimestamp is not a time: \"%" STR_F "\"",
			STR_A(deletion));
	spec->is_deleting = !str_is_null(deletion);
	spec->source = event->source;
	spec->log_tracing = cloudevent_extension(event, "logtracing");
	spec->metadata = cloudevent_extension(event, "metadata");
	if (spec->metadata.len == 0)
		spec->metadata = STR_NULL;
	return 0;
}

static int manifests_check(const struct json *manifests, struct error *err)
{
	struct json *manifest;
	if (json_count(manifests) == 0)
		return error_set(err, ERROR_INVALID, "Workload manifests should not be empty");
	if (json_count(manifests) > AGENT_MAX_MANIFESTS)
		return error_set(err, ERROR_TOO_LARGE, "%zu manifests exceed the limit of %d",
			json_count(manifests), AGENT_MAX_MANIFESTS);
	json_for_each (manifests, i, manifest) {
		const struct json *metadata = json_get(manifest, "metadata");
		if (json_get_text(metadata, "name").len == 0)
			return error_set(err, ERROR_INVALID, "manifest %zu has no name", i);
		if (json_get_text(metadata, "generateName").len > 0)
			return error_set(err, ERROR_INVALID, "manifest %zu has a generateName", i);
		if (json_get_text(manifest, "kind").len == 0 ||
			json_get_text(manifest, "apiVersion").len == 0)
			return error_set(
				err, ERROR_INVALID, "manifest %zu has no apiVersion and kind", i);
	}
	return 0;
}

static int payload_check(struct arena *arena, struct str payload, struct error *err)
{
	struct json *bundle;
	if (payload.len > AGENT_MAX_MANIFEST_BYTES)
		return error_set(err, ERROR_TOO_LARGE,
			"the size of manifests is %zu bytes which exceeds the %zu limit",
			payload.len, AGENT_MAX_MANIFEST_BYTES);
	if (json_parse(arena, payload, NULL, &bundle, err) < 0)
		return error_prefix(err, "the manifest bundle is not JSON");
	return manifests_check(json_get(bundle, "manifests"), err);
}

int agent_spec_read(struct arena *arena, const struct cloudevent *event, const char *consumer,
	struct agent_spec *ret, struct error *err)
{
	struct agent_spec spec = {.payload = event->data};
	if (attributes_read(event, consumer, &spec, err) < 0)
		return -1;
	struct json *metadata = NULL;
	if (!str_is_null(spec.metadata) &&
		(json_parse(arena, spec.metadata, NULL, &metadata, err) < 0 ||
			!json_is(metadata, JSON_OBJECT)))
		return error_set(err, ERROR_INVALID, "extension metadata is not a JSON object");
	if (spec.payload.len == 0)
		spec.payload = STR_NULL;
	/* What is to go needs no valid content. */
	if (!spec.is_deleting && payload_check(arena, spec.payload, err) < 0)
		return -1;
	bool is_resync = str_ends_with(event->type, STR(".resync_response"));
	spec.is_stub = spec.is_deleting && is_resync && str_is_null(spec.metadata) &&
		       str_is_null(spec.payload);
	*ret = spec;
	return 0;
}

enum agent_action agent_spec_decide(const struct agent_known *known, const struct agent_spec *spec)
{
	if (!known)
		return spec->is_deleting ? AGENT_MARK_DELETING : AGENT_ADD;
	if (spec->is_stub)
		return known->is_deleting ? AGENT_RETRY_DELETE : AGENT_REFUSE_STUB;
	if (spec->is_deleting)
		return known->is_deleting ? AGENT_RETRY_DELETE : AGENT_MARK_DELETING;
	if (known->is_deleting)
		return AGENT_LATER;
	if (spec->generation != 0 && spec->generation < known->generation)
		return AGENT_STALE;
	bool is_same = spec->generation == known->generation &&
		       str_eq(spec->payload, known->payload) &&
		       str_eq(spec->metadata, known->metadata);
	return is_same ? AGENT_SAME : AGENT_REPLACE;
}
