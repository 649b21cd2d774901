/*
 * cloudevent.c - see cloudevent.h.
 *
 * The attributes that CloudEvents names itself are fields; a table joins them to their names, so
 * that the three forms (MQTT binary, MQTT structured, JSON) are each one loop.
 */
#include "net/cloudevent.h"

#include "base/clock.h"
#include "base/hash.h"
#include "data/json_scan.h"

#define PREFIX "ce-"
#define SPEC_VERSION "1.0"
#define STRUCTURED_TYPE "application/cloudevents+json"

struct attribute {
	const char *name;
	size_t offset; /* of a struct str in struct cloudevent */
	bool required;
};

/* datacontenttype is apart: on MQTT it is the packet's Content Type. */
static const struct attribute attributes[] = {
	{"id", offsetof(struct cloudevent, id), true},
	{"source", offsetof(struct cloudevent, source), true},
	{"type", offsetof(struct cloudevent, type), true},
	{"time", offsetof(struct cloudevent, time), false},
	{"subject", offsetof(struct cloudevent, subject), false},
	{"dataschema", offsetof(struct cloudevent, dataschema), false},
};
#define ATTRIBUTE_COUNT (sizeof(attributes) / sizeof(attributes[0]))

static struct str *attribute_of(struct cloudevent *event, const struct attribute *attribute)
{
	return (struct str *)(void *)((char *)event + attribute->offset);
}

static struct str value_of(const struct cloudevent *event, const struct attribute *attribute)
{
	return *(const struct str *)(const void *)((const char *)event + attribute->offset);
}

static int check_event(const struct cloudevent *event, struct error *err)
{
	int64_t unused_us;

	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
		if (attributes[i].required && value_of(event, &attributes[i]).len == 0)
			return error_set(err, ERROR_INVALID,
				"not a CloudEvent: attribute %s is missing", attributes[i].name);
	}
	if (!str_is_null(event->time) && !clock_parse(event->time, &unused_us))
		return error_set(err, ERROR_INVALID,
			"not a CloudEvent: time \"%" STR_F "\" is not in the form of RFC 3339",
			STR_A(event->time));
	return 0;
}

static int check_version(struct str version, struct error *err)
{
	if (str_is_null(version))
		return error_set(
			err, ERROR_INVALID, "not a CloudEvent: attribute specversion is missing");
	if (!str_eq_c(version, SPEC_VERSION))
		return error_set(err, ERROR_INVALID,
			"CloudEvents version \"%" STR_F "\" is not known; version 1.0 is",
			STR_A(version));
	return 0;
}

/* A null content type stands for JSON (section 3.1 of the JSON format). */
static bool is_json_type(struct str type)
{
	struct str rest = type;
	struct str media = str_trim(str_cut(&rest, ';'));

	return str_is_null(type) || str_casecmp(media, STR("application/json")) == 0 ||
	       str_casecmp(media, STR("text/json")) == 0 || str_ends_with(media, STR("+json"));
}

static struct mqtt_property *find_extension(struct cloudevent *event, struct str name)
{
	for (size_t i = 0; i < event->extension_count; i++) {
		if (str_eq(event->extensions[i].name, name))
			return &event->extensions[i];
	}
	return NULL;
}

/* An attribute or extension as received; a later one replaces an earlier one. */
static int set_attribute(
	struct cloudevent *event, struct str name, struct str value, struct error *err)
{
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
		if (str_eq_c(name, attributes[i].name)) {
			*attribute_of(event, &attributes[i]) = value;
			return 0;
		}
	}
	if (event->extension_count == CLOUDEVENT_MAX_EXTENSIONS &&
		find_extension(event, name) == NULL)
		return error_set(err, ERROR_INVALID, "a CloudEvent with more than %d extensions",
			CLOUDEVENT_MAX_EXTENSIONS);
	cloudevent_set_extension(event, name, value);
	return 0;
}

struct str cloudevent_extension(const struct cloudevent *event, const char *name)
{
	for (size_t i = 0; i < event->extension_count; i++) {
		if (str_eq_c(event->extensions[i].name, name))
			return event->extensions[i].value;
	}
	return STR_NULL;
}

void cloudevent_set_extension(struct cloudevent *event, struct str name, struct str value)
{
	struct mqtt_property *found = find_extension(event, name);

	if (found != NULL)
		found->value = value;
	else if (event->extension_count < CLOUDEVENT_MAX_EXTENSIONS)
		event->extensions[event->extension_count++] = (struct mqtt_property){name, value};
}

/* --- MQTT ------------------------------------------------------------------------------------ */

/* "ce-" and the name, which may hold any byte (so not by printf). */
static struct str prefixed(struct arena *arena, struct str name)
{
	size_t len = sizeof(PREFIX) - 1;
	char *text = arena_alloc(arena, len + name.len);

	if (text == NULL)
		return STR_NULL;
	memcpy(text, PREFIX, len);
	if (name.len > 0)
		memcpy(text + len, name.ptr, name.len);
	return str_n(text, len + name.len);
}

int cloudevent_to_mqtt_binary(struct arena *arena, const struct cloudevent *event,
	struct mqtt_message *ret, struct error *err)
{
	size_t max = 1 + ATTRIBUTE_COUNT + event->extension_count;
	struct mqtt_property *properties = arena_calloc(arena, max, sizeof(*properties));
	size_t count = 0;

	if (check_event(event, err) != 0)
		return -1;
	if (properties == NULL)
		return error_set(err, ERROR_MEMORY, "no room for an event");
	properties[count++] = (struct mqtt_property){STR(PREFIX "specversion"), STR(SPEC_VERSION)};
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
		struct str value = value_of(event, &attributes[i]);

		if (!str_is_null(value))
			properties[count++] = (struct mqtt_property){
				prefixed(arena, str_of(attributes[i].name)), value};
	}
	for (size_t i = 0; i < event->extension_count; i++)
		properties[count++] = (struct mqtt_property){
			prefixed(arena, event->extensions[i].name), event->extensions[i].value};
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no room for an event");
	*ret = (struct mqtt_message){
		.content_type = event->datacontenttype,
		.properties = properties,
		.property_count = count,
		.payload = event->data,
	};
	return 0;
}

int cloudevent_to_mqtt_structured(struct arena *arena, const struct cloudevent *event,
	struct mqtt_message *ret, struct error *err)
{
	struct str text;

	if (check_event(event, err) != 0)
		return -1;
	text = json_text(arena, cloudevent_to_json(arena, event), JSON_WRITE_COMPACT);
	if (str_is_null(text) || arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no room for an event");
	*ret = (struct mqtt_message){.content_type = STR(STRUCTURED_TYPE), .payload = text};
	return 0;
}

/* MQTT 5.0, section 1.5.4, promises it; not every peer keeps it. */
static bool is_utf8(struct str text)
{
	size_t at = 0, length = 1;

	for (; at < text.len && length > 0; at += length)
		length = json_utf8_length(text.ptr + at, text.ptr + text.len);
	return length > 0;
}

static int from_binary(
	const struct mqtt_message *message, struct cloudevent *event, struct error *err)
{
	struct str version = STR_NULL;

	for (size_t i = 0; i < message->property_count; i++) {
		const struct mqtt_property *property = &message->properties[i];
		struct str name = str_slice(property->name, sizeof(PREFIX) - 1, SIZE_MAX);

		if (!str_starts_with(property->name, STR(PREFIX)) || name.len == 0)
			continue;
		if (!is_utf8(property->name) || !is_utf8(property->value))
			return error_set(
				err, ERROR_INVALID, "not a CloudEvent: an attribute is not UTF-8");
		if (str_eq_c(name, "specversion"))
			version = property->value;
		else if (set_attribute(event, name, property->value, err) != 0)
			return -1;
	}
	if (check_version(version, err) != 0)
		return -1;
	event->datacontenttype = message->content_type;
	event->data = message->payload.len > 0 ? message->payload : STR_NULL;
	return check_event(event, err);
}

int cloudevent_from_mqtt(struct arena *arena, const struct mqtt_message *message,
	struct cloudevent *ret, struct error *err)
{
	struct cloudevent event = {0};
	struct json *document;

	if (str_starts_with(message->content_type, STR(STRUCTURED_TYPE))) {
		if (json_parse(arena, message->payload, NULL, &document, err) != 0)
			return error_prefix(err, "not a CloudEvent");
		return cloudevent_from_json(arena, document, ret, err);
	}
	if (from_binary(message, &event, err) != 0)
		return -1;
	*ret = event;
	return 0;
}

/* --- JSON ------------------------------------------------------------------------------------ */

static void set_data(struct arena *arena, struct json *document, const struct cloudevent *event)
{
	struct json *data;

	if (is_json_type(event->datacontenttype) &&
		json_parse(arena, event->data, NULL, &data, NULL) == 0)
		json_set(document, "data", data);
	else
		json_set_text(document, "data_base64", hash_base64(arena, event->data));
}

struct json *cloudevent_to_json(struct arena *arena, const struct cloudevent *event)
{
	struct json *document = json_new_object(arena);

	json_set_text(document, "specversion", STR(SPEC_VERSION));
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		json_set_text(document, attributes[i].name, value_of(event, &attributes[i]));
	json_set_text(document, "datacontenttype", event->datacontenttype);
	for (size_t i = 0; i < event->extension_count; i++)
		json_set_str(document, event->extensions[i].name,
			json_new_string(arena, event->extensions[i].value));
	if (!str_is_null(event->data))
		set_data(arena, document, event);
	return document;
}

static int get_data(struct arena *arena, const struct json *document, struct cloudevent *event,
	struct error *err)
{
	const struct json *data = json_get(document, "data");
	const struct json *encoded = json_get(document, "data_base64");

	if (data != NULL && encoded != NULL)
		return error_set(err, ERROR_INVALID, "not a CloudEvent: both data and data_base64");
	if (encoded != NULL) {
		event->data = hash_base64_decode(arena, json_str(encoded));
		if (str_is_null(event->data))
			return error_set(
				err, ERROR_INVALID, "not a CloudEvent: data_base64 is not base64");
	} else if (data != NULL && is_json_type(event->datacontenttype)) {
		event->data = json_text(arena, data, JSON_WRITE_COMPACT);
	} else if (data != NULL && json_is(data, JSON_STRING)) {
		event->data = json_str(data);
	} else if (data != NULL) {
		return error_set(err, ERROR_INVALID,
			"not a CloudEvent: data is %s although datacontenttype is not JSON",
			json_type_name(json_type(data)));
	}
	return 0;
}

/* The text that stands for the value of an attribute; null for a null value. */
static int attribute_text(struct arena *arena, struct str name, const struct json *value,
	struct str *ret, struct error *err)
{
	switch (json_type(value)) {
	case JSON_NULL:
		*ret = STR_NULL;
		return 0;
	case JSON_STRING:
		*ret = json_str(value);
		return 0;
	case JSON_BOOL:
	case JSON_NUMBER:
		*ret = json_text(arena, value, JSON_WRITE_COMPACT);
		return 0;
	default:
		return error_set(err, ERROR_INVALID, "not a CloudEvent: attribute %" STR_F " is %s",
			STR_A(name), json_type_name(json_type(value)));
	}
}

int cloudevent_from_json(
	struct arena *arena, const struct json *document, struct cloudevent *ret, struct error *err)
{
	struct cloudevent event = {0};

	if (!json_is(document, JSON_OBJECT))
		return error_set(err, ERROR_INVALID, "not a CloudEvent: %s instead of an object",
			json_type_name(json_type(document)));
	if (check_version(json_get_text(document, "specversion"), err) != 0)
		return -1;
	for (size_t i = 0; i < json_count(document); i++) {
		struct str name = json_key_at(document, i);
		struct str value;

		if (str_eq_c(name, "specversion") || str_eq_c(name, "data") ||
			str_eq_c(name, "data_base64"))
			continue;
		if (attribute_text(arena, name, json_at(document, i), &value, err) != 0)
			return -1;
		if (str_is_null(value))
			continue;
		if (str_eq_c(name, "datacontenttype"))
			event.datacontenttype = value;
		else if (set_attribute(&event, name, value, err) != 0)
			return -1;
	}
	if (get_data(arena, document, &event, err) != 0 || check_event(&event, err) != 0)
		return -1;
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no room for an event");
	*ret = event;
	return 0;
}
