/*
 * cloudevent.h - CloudEvents 1.0 and their two MQTT 5 modes.
 *
 * Binary mode as Maestro uses it: user properties with the prefix "ce-" (the CNCF binding has
 * none), Content Type = datacontenttype, payload = data. Structured mode: content type
 * application/cloudevents+json, payload = the JSON format of the event. Decoding tells them apart
 * by the content type.
 */
#ifndef REEVE_NET_CLOUDEVENT_H
#define REEVE_NET_CLOUDEVENT_H

#include "data/json.h"
#include "net/mqtt.h"

#define CLOUDEVENT_MAX_EXTENSIONS 32

struct cloudevent {
	struct str id;
	struct str source;
	struct str type;
	struct str subject;					    /* null when absent */
	struct str time;					    /* RFC 3339; null when absent */
	struct str datacontenttype;				    /* null when absent */
	struct str dataschema;					    /* null when absent */
	struct mqtt_property extensions[CLOUDEVENT_MAX_EXTENSIONS]; /* names without prefix */
	size_t extension_count;
	struct str data; /* bytes; JSON text for application/json; null when absent */
};

/* Value of an extension, null when absent. */
struct str cloudevent_extension(const struct cloudevent *event, const char *name);
/* Adds or replaces; silently nothing when full (CLOUDEVENT_MAX_EXTENSIONS). */
void cloudevent_set_extension(struct cloudevent *event, struct str name, struct str value);

/* Fills topic-less message fields; properties and payload live in the arena or borrow from the
 * event. */
int cloudevent_to_mqtt_binary(struct arena *arena, const struct cloudevent *event,
	struct mqtt_message *ret, struct error *err);
int cloudevent_to_mqtt_structured(struct arena *arena, const struct cloudevent *event,
	struct mqtt_message *ret, struct error *err);

/* ERROR_INVALID: not a CloudEvent, and why (missing attribute, bad JSON, other specversion). */
int cloudevent_from_mqtt(struct arena *arena, const struct mqtt_message *message,
	struct cloudevent *ret, struct error *err);

/* The JSON format (section 3 of its spec): data as JSON when it is JSON, else data_base64. */
struct json *cloudevent_to_json(struct arena *arena, const struct cloudevent *event);
int cloudevent_from_json(struct arena *arena, const struct json *document, struct cloudevent *ret,
	struct error *err);

#endif
