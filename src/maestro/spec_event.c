/*
 * spec_event.c - see spec_event.h.
 */
#include "maestro/spec_event.h"

#include "base/clock.h"

static const char *const action_names[] = {
	[SPEC_CREATE] = "spec.create_request",
	[SPEC_UPDATE] = "spec.update_request",
	[SPEC_DELETE] = "spec.delete_request",
	[SPEC_RESYNC] = "spec.resync_response",
};

static struct str type_of(struct arena *arena, enum spec_action action)
{
	return arena_printf(arena, SPEC_EVENT_TYPE_PREFIX "%s", action_names[action]);
}

static void set_extension(struct cloudevent *event, const char *name, struct str value)
{
	cloudevent_set_extension(event, str_of(name), value);
}

static struct str new_id(struct arena *arena)
{
	char id[ID_UUID_SIZE];

	id_uuid4(id);
	return arena_str(arena, str_of(id));
}

/* The extensions that the source's event had, but for those that are set anew below. */
static int copy_extensions(
	struct arena *arena, struct str text, struct cloudevent *event, struct error *err)
{
	struct json *extensions;
	struct json *value;

	if (json_parse(arena, text, NULL, &extensions, err) != 0)
		return error_prefix(err, "stored extensions");
	json_for_each (extensions, i, value) {
		struct str text_value = json_str(value);

		if (str_is_null(text_value))
			text_value = json_text(arena, value, JSON_WRITE_COMPACT);
		cloudevent_set_extension(event, json_key_at(extensions, i), text_value);
	}
	return 0;
}

/* U+007F to U+009F may stand in JSON but not in an MQTT string: written as \u00XX. */
static struct str without_controls(struct arena *arena, struct str json_text_)
{
	struct buf out = BUF_INITIALIZER(BUF_DEFAULT_MAX);
	struct str result;

	for (size_t i = 0; i < json_text_.len; i++) {
		unsigned char c = (unsigned char)json_text_.ptr[i];
		unsigned char next =
			i + 1 < json_text_.len ? (unsigned char)json_text_.ptr[i + 1] : 0;

		if (c == 0x7f)
			buf_add_cstr(&out, "\\u007f");
		else if (c == 0xc2 && next >= 0x80 && next <= 0x9f && ++i > 0)
			buf_printf(&out, "\\u%04x", next);
		else
			buf_add_byte(&out, (char)c);
	}
	result = out.failed ? STR_NULL : arena_str(arena, buf_str(&out));
	buf_free(&out);
	return result;
}

/* The name is the id, so that it is unique on the agent whatever sources call their bundles. */
static struct str metadata_text(struct arena *arena, const struct bundle *bundle)
{
	struct json *metadata = NULL;

	if (json_parse(arena, bundle->metadata, NULL, &metadata, NULL) != 0)
		return STR_NULL;
	json_set_text(metadata, "name", bundle->id);
	json_set_text(metadata, "creationTimestamp", clock_text_seconds(arena, bundle->created_us));
	return without_controls(arena, json_text(arena, metadata, JSON_WRITE_SORTED));
}

int spec_event_make(struct arena *arena, const struct bundle *bundle, enum spec_action action,
	struct str source_id, int64_t now_us, struct cloudevent *ret, struct error *err)
{
	struct cloudevent event = {
		.id = bundle->event_id,
		.source = source_id,
		.type = type_of(arena, action),
		.time = bundle->event_time,
		.datacontenttype = STR("application/json"),
		.data = bundle->data,
	};
	struct str metadata = metadata_text(arena, bundle);

	if (copy_extensions(arena, bundle->extensions, &event, err) != 0)
		return -1;
	if (str_is_null(metadata))
		return error_set(err, ERROR_INTERNAL,
			"stored metadata of %" STR_F " cannot be read", STR_A(bundle->id));
	set_extension(&event, "resourceid", bundle->id);
	set_extension(
		&event, "resourceversion", arena_printf(arena, "%lld", (long long)bundle->version));
	set_extension(&event, "clustername", bundle->consumer_name);
	set_extension(&event, "metadata", metadata);
	if (bundle_is_deleting(bundle)) {
		event.id = new_id(arena);
		event.time = clock_text(arena, now_us);
		set_extension(&event, "deletiontimestamp", clock_text(arena, bundle->deleted_us));
	}
	if (arena_is_exhausted(arena))
		return error_set(
			err, ERROR_MEMORY, "no room for the event of %" STR_F, STR_A(bundle->id));
	*ret = event;
	return 0;
}

void spec_event_make_stub(struct arena *arena, struct str id, int64_t reported_version,
	struct str consumer_name, struct str source_id, int64_t now_us, struct cloudevent *ret)
{
	*ret = (struct cloudevent){
		.id = new_id(arena),
		.source = source_id,
		.type = type_of(arena, SPEC_RESYNC),
		.time = clock_text(arena, now_us),
	};
	set_extension(ret, "resourceid", id);
	set_extension(
		ret, "resourceversion", arena_printf(arena, "%lld", (long long)reported_version));
	set_extension(ret, "clustername", consumer_name);
	set_extension(ret, "originalsource", STR(""));
	set_extension(ret, "deletiontimestamp", clock_text(arena, now_us));
}

struct str spec_event_topic(struct arena *arena, struct str source_id, struct str consumer_name)
{
	return arena_printf(arena, "sources/%" STR_F "/consumers/%" STR_F "/sourceevents",
		STR_A(source_id), STR_A(consumer_name));
}

int spec_event_to_message(struct arena *arena, const struct cloudevent *event, struct str source_id,
	struct str consumer_name, struct mqtt_message *ret, struct error *err)
{
	if (cloudevent_to_mqtt_binary(arena, event, ret, err) != 0)
		return -1;
	ret->topic = spec_event_topic(arena, source_id, consumer_name);
	if (str_is_null(ret->topic))
		return error_set(err, ERROR_MEMORY, "no room for an event");
	return 0;
}
