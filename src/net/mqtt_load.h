/*
 * mqtt_load.h - a message made ready for libmosquitto, on the publisher's thread.
 *
 * libmosquitto wants NUL-terminated texts and its own property list, and a broker closes the
 * connection on a text it finds malformed, taking every other message in flight with it. So texts
 * are checked here, before the network thread sees them. The payload is borrowed unless it was
 * copied.
 */
#ifndef REEVE_NET_MQTT_LOAD_H
#define REEVE_NET_MQTT_LOAD_H

#include <mosquitto.h>

#include "base/error.h"
#include "net/mqtt.h"

struct mqtt_load {
	char *topic;
	mosquitto_property *properties;
	const void *payload;
	void *owned_payload;
	int payload_len;
	bool retain;
};

/* ERROR_INVALID: a text that MQTT does not allow; ERROR_TOO_LARGE: payload over
 * MQTT_MAX_PAYLOAD_BYTES, a property over 65535 bytes, more than MQTT_MAX_PROPERTIES. */
int mqtt_load_init(struct mqtt_load *load, const struct mqtt_message *message, bool copy_payload,
	struct error *err);
void mqtt_load_destroy(void *load);

/* A received message: fills `ret` with texts that borrow from libmosquitto's, but for the user
 * properties, which libmosquitto hands out as copies: free them with mqtt_load_free_properties. */
bool mqtt_load_read(const struct mosquitto_message *received, const mosquitto_property *properties,
	struct mqtt_property storage[MQTT_MAX_PROPERTIES], char **ret_content_type,
	struct mqtt_message *ret);
void mqtt_load_free_properties(struct mqtt_property *properties, size_t count);

#endif
