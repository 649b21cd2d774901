/*
 * cloudevent_pb.c - see cloudevent_pb.h.
 *
 * protobuf-c unpacks into the arena, through an allocator that never frees.
 */
#include "maestro/cloudevent_pb.h"

#include "base/clock.h"
#include "maestro/cloudevents.pb-c.h"

#define PREFIX "ce-"
#define CONTENT_TYPE "contenttype"
#define STRUCTURED "application/cloudevents+json"

static void *allocate(void *arena, size_t size)
{
	return arena_alloc(arena, size);
}

static void release(void *arena, void *memory)
{
	/* The arena goes as a whole. */
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The text that stands for a value, as it would travel on MQTT; null when there is none. */
static struct str value_text(struct arena *arena, const Maestro__Pb__AttributeValue *value)
{
	if (value == NULL)
		return STR_NULL;
	switch (value->attr_case) {
	case MAESTRO__PB__ATTRIBUTE_VALUE__ATTR_CE_BOOLEAN:
		return value->ce_boolean ? STR("true") : STR("false");
	case MAESTRO__PB__ATTRIBUTE_VALUE__ATTR_CE_INTEGER:
		return arena_printf(arena, "%d", (int)value->ce_integer);
	case MAESTRO__PB__ATTRIBUTE_VALUE__ATTR_CE_STRING:
		return str_of(value->ce_string);
	case MAESTRO__PB__ATTRIBUTE_VALUE__ATTR_CE_BYTES:
		return str_n((const char *)value->ce_bytes.data, value->ce_bytes.len);
	case MAESTRO__PB__ATTRIBUTE_VALUE__ATTR_CE_URI:
		return str_of(value->ce_uri);
	case MAESTRO__PB__ATTRIBUTE_VALUE__ATTR_CE_URI_REF:
		return str_of(value->ce_uri_ref);
	case MAESTRO__PB__ATTRIBUTE_VALUE__ATTR_CE_TIMESTAMP:
		return clock_text(arena, value->ce_timestamp->seconds * CLOCK_US_PER_S +
						 value->ce_timestamp->nanos / 1000);
	case MAESTRO__PB__ATTRIBUTE_VALUE__ATTR__NOT_SET:
	case _MAESTRO__PB__ATTRIBUTE_VALUE__ATTR__CASE_IS_INT_SIZE:
		break;
	}
	return STR_NULL;
}

static int read_attribute(struct arena *arena, const Maestro__Pb__Attribute *attribute,
	struct cloudevent *event, struct error *err)
{
	struct str key = str_of(attribute->key);
	struct str value = value_text(arena, attribute->value);

	if (str_eq_c(key, CONTENT_TYPE)) {
		event->datacontenttype = value;
		return 0;
	}
	if (!str_starts_with(key, STR(PREFIX)) || str_is_null(value))
		return 0;
	key = str_slice(key, sizeof(PREFIX) - 1, SIZE_MAX);
	if (str_eq_c(key, "time"))
		event->time = value;
	else if (str_eq_c(key, "subject"))
		event->subject = value;
	else if (str_eq_c(key, "dataschema"))
		event->dataschema = value;
	else if (event->extension_count == CLOUDEVENT_MAX_EXTENSIONS)
		return error_set(
			err, ERROR_INVALID, "more than %d extensions", CLOUDEVENT_MAX_EXTENSIONS);
	else
		cloudevent_set_extension(event, key, value);
	return 0;
}

static int from_message(struct arena *arena, const Maestro__Pb__CloudEvent *message,
	struct cloudevent *ret, struct error *err)
{
	struct cloudevent event = {
		.id = str_of(message->id),
		.source = str_of(message->source),
		.type = str_of(message->type),
	};
	struct json *document;

	for (size_t i = 0; i < message->n_attributes; i++) {
		if (read_attribute(arena, message->attributes[i], &event, err) != 0)
			return -1;
	}
	if (message->data_case == MAESTRO__PB__CLOUD_EVENT__DATA_BINARY_DATA &&
		message->binary_data.len > 0)
		event.data =
			str_n((const char *)message->binary_data.data, message->binary_data.len);
	if (str_starts_with(event.datacontenttype, STR(STRUCTURED))) {
		if (json_parse(arena, event.data, NULL, &document, err) != 0)
			return -1;
		return cloudevent_from_json(arena, document, ret, err);
	}
	if (message->spec_version[0] == '\0' || event.id.len == 0 || event.source.len == 0 ||
		event.type.len == 0)
		return error_set(err, ERROR_INVALID,
			"id, source, spec_version and type are needed: it is no CloudEvent");
	*ret = event;
	return 0;
}

int cloudevent_pb_read_publish(
	struct arena *arena, struct str bytes, struct cloudevent *ret, struct error *err)
{
	ProtobufCAllocator allocator = {allocate, release, arena};
	Maestro__Pb__PublishRequest *request = maestro__pb__publish_request__unpack(
		&allocator, bytes.len, (const uint8_t *)bytes.ptr);

	if (request == NULL)
		return error_set(err, ERROR_INVALID, "the bytes are no PublishRequest");
	if (request->event == NULL)
		return error_set(err, ERROR_INVALID, "the request has no event");
	return from_message(arena, request->event, ret, err);
}

int cloudevent_pb_read_subscription(
	struct arena *arena, struct str bytes, struct str *ret_source, struct error *err)
{
	ProtobufCAllocator allocator = {allocate, release, arena};
	Maestro__Pb__SubscriptionRequest *request = maestro__pb__subscription_request__unpack(
		&allocator, bytes.len, (const uint8_t *)bytes.ptr);

	if (request == NULL)
		return error_set(err, ERROR_INVALID, "the bytes are no SubscriptionRequest");
	*ret_source = str_of(request->source);
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------- */

struct writing {
	struct arena *arena;
	Maestro__Pb__CloudEvent message;
	Maestro__Pb__Attribute **attributes;
	size_t count;
};

static void set_value(
	struct arena *arena, Maestro__Pb__AttributeValue *value, struct str name, struct str text)
{
	int64_t number;
	Maestro__Pb__Timestamp *time;

	if (str_eq_c(name, PREFIX "resourceversion") && str_to_int64(text, &number) &&
		number >= INT32_MIN && number <= INT32_MAX) {
		value->attr_case = MAESTRO__PB__ATTRIBUTE_VALUE__ATTR_CE_INTEGER;
		value->ce_integer = (int32_t)number;
		return;
	}
	if ((str_eq_c(name, PREFIX "time") || str_eq_c(name, PREFIX "deletiontimestamp")) &&
		clock_parse(text, &number) &&
		(time = arena_new_of(arena, Maestro__Pb__Timestamp))) {
		maestro__pb__timestamp__init(time);
		time->seconds = number / CLOCK_US_PER_S;
		time->nanos = (int32_t)(number % CLOCK_US_PER_S) * 1000;
		value->attr_case = MAESTRO__PB__ATTRIBUTE_VALUE__ATTR_CE_TIMESTAMP;
		value->ce_timestamp = time;
		return;
	}
	value->attr_case = MAESTRO__PB__ATTRIBUTE_VALUE__ATTR_CE_STRING;
	value->ce_string = arena_cstr(arena, text);
}

static void add_attribute(struct writing *writing, struct str name, struct str text)
{
	struct arena *arena = writing->arena;
	Maestro__Pb__Attribute *attribute = arena_new_of(arena, Maestro__Pb__Attribute);
	Maestro__Pb__AttributeValue *value = arena_new_of(arena, Maestro__Pb__AttributeValue);

	if (str_is_null(text) || attribute == NULL || value == NULL)
		return;
	maestro__pb__attribute__init(attribute);
	maestro__pb__attribute_value__init(value);
	set_value(arena, value, name, text);
	attribute->key = arena_cstr(arena, name);
	attribute->value = value;
	writing->attributes[writing->count++] = attribute;
}

struct str cloudevent_pb_write(struct arena *arena, const struct cloudevent *event)
{
	struct writing writing = {.arena = arena};
	uint8_t *bytes;
	size_t len;

	maestro__pb__cloud_event__init(&writing.message);
	writing.attributes =
		arena_calloc(arena, event->extension_count + 4, sizeof(Maestro__Pb__Attribute *));
	if (writing.attributes == NULL)
		return STR_NULL;
	writing.message.id = arena_cstr(arena, event->id);
	writing.message.source = event->source.len > 0 ? arena_cstr(arena, event->source) : "";
	writing.message.spec_version = "1.0";
	writing.message.type = arena_cstr(arena, event->type);
	add_attribute(&writing, STR(CONTENT_TYPE), event->datacontenttype);
	add_attribute(&writing, STR(PREFIX "time"), event->time);
	add_attribute(&writing, STR(PREFIX "subject"), event->subject);
	add_attribute(&writing, STR(PREFIX "dataschema"), event->dataschema);
	for (size_t i = 0; i < event->extension_count; i++)
		add_attribute(&writing,
			arena_printf(arena, PREFIX "%" STR_F, STR_A(event->extensions[i].name)),
			event->extensions[i].value);
	writing.message.n_attributes = writing.count;
	writing.message.attributes = writing.attributes;
	if (!str_is_null(event->data)) {
		writing.message.data_case = MAESTRO__PB__CLOUD_EVENT__DATA_BINARY_DATA;
		writing.message.binary_data.data = (uint8_t *)(uintptr_t)event->data.ptr;
		writing.message.binary_data.len = event->data.len;
	}
	if (arena_is_exhausted(arena))
		return STR_NULL;
	len = maestro__pb__cloud_event__get_packed_size(&writing.message);
	bytes = arena_alloc(arena, len + 1);
	if (bytes == NULL)
		return STR_NULL;
	maestro__pb__cloud_event__pack(&writing.message, bytes);
	return str_n((const char *)bytes, len);
}
