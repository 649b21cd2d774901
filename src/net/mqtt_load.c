/*
 * mqtt_load.c - see mqtt_load.h.
 */
#include "net/mqtt_load.h"

#include <mqtt_protocol.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* A NUL-terminated copy of a text that may stand in an MQTT packet (MQTT 5, section 1.5.4). */
static int copy_text(const char *what, struct str text, char **ret, struct error *err)
{
	char *copy;

	if (text.len > UINT16_MAX)
		return error_set(err, ERROR_TOO_LARGE,
			"the %s is %zu bytes long; an MQTT string may have 65535", what, text.len);
	if (text.len > 0 && mosquitto_validate_utf8(text.ptr, (int)text.len) != MOSQ_ERR_SUCCESS)
		return error_set(err, ERROR_INVALID,
			"the %s has a control character or is not UTF-8, which MQTT forbids", what);
	copy = strndup(text.ptr == NULL ? "" : text.ptr, text.len);
	if (copy == NULL)
		return error_set(err, ERROR_MEMORY, "no memory for a message");
	*ret = copy;
	return 0;
}

static int add_property(
	mosquitto_property **list, const struct mqtt_property *property, struct error *err)
{
	CLEANUP(cleanup_free) char *name = NULL;
	CLEANUP(cleanup_free) char *value = NULL;

	if (copy_text("name of a property", property->name, &name, err) != 0)
		return -1;
	if (copy_text(name, property->value, &value, err) != 0)
		return error_prefix(err, "property");
	if (mosquitto_property_add_string_pair(list, MQTT_PROP_USER_PROPERTY, name, value) !=
		MOSQ_ERR_SUCCESS)
		return error_set(err, ERROR_MEMORY, "no memory for property %s", name);
	return 0;
}

static int add_properties(
	struct mqtt_load *load, const struct mqtt_message *message, struct error *err)
{
	CLEANUP(cleanup_free) char *content_type = NULL;

	if (message->property_count > MQTT_MAX_PROPERTIES)
		return error_set(err, ERROR_TOO_LARGE, "%zu properties; a message may have %d",
			message->property_count, MQTT_MAX_PROPERTIES);
	if (!str_is_null(message->content_type)) {
		if (copy_text("content type", message->content_type, &content_type, err) != 0)
			return -1;
		if (mosquitto_property_add_string(&load->properties, MQTT_PROP_CONTENT_TYPE,
			    content_type) != MOSQ_ERR_SUCCESS)
			return error_set(err, ERROR_MEMORY, "no memory for a message");
	}
	for (size_t i = 0; i < message->property_count; i++) {
		if (add_property(&load->properties, &message->properties[i], err) != 0)
			return -1;
	}
	return 0;
}

static int set_payload(struct mqtt_load *load, struct str payload, bool copy, struct error *err)
{
	if (payload.len > MQTT_MAX_PAYLOAD_BYTES)
		return error_set(err, ERROR_TOO_LARGE,
			"a payload of %zu bytes; a message may have %zu", payload.len,
			MQTT_MAX_PAYLOAD_BYTES);
	load->payload_len = (int)payload.len;
	load->payload = payload.ptr;
	if (!copy || payload.len == 0)
		return 0;
	load->owned_payload = malloc(payload.len);
	if (load->owned_payload == NULL)
		return error_set(err, ERROR_MEMORY, "no memory for a message");
	memcpy(load->owned_payload, payload.ptr, payload.len);
	load->payload = load->owned_payload;
	return 0;
}

int mqtt_load_init(struct mqtt_load *load, const struct mqtt_message *message, bool copy_payload,
	struct error *err)
{
	*load = (struct mqtt_load){.retain = message->retain};
	if (copy_text("topic", message->topic, &load->topic, err) != 0)
		return -1;
	if (mosquitto_pub_topic_check(load->topic) != MOSQ_ERR_SUCCESS || message->topic.len == 0) {
		error_set(err, ERROR_INVALID,
			"topic \"%s\" cannot be published to (empty, or has + or #)", load->topic);
		goto failed;
	}
	if (set_payload(load, message->payload, copy_payload, err) != 0 ||
		add_properties(load, message, err) != 0)
		goto failed;
	return 0;
failed:
	mqtt_load_destroy(load);
	return -1;
}

void mqtt_load_destroy(void *argument)
{
	struct mqtt_load *load = argument;

	free(load->topic);
	free(load->owned_payload);
	mosquitto_property_free_all(&load->properties);
	*load = (struct mqtt_load){0};
}

bool mqtt_load_read(const struct mosquitto_message *received, const mosquitto_property *properties,
	struct mqtt_property storage[MQTT_MAX_PROPERTIES], char **ret_content_type,
	struct mqtt_message *ret)
{
	const mosquitto_property *property = properties;
	size_t count = 0;
	bool skip = false;

	mosquitto_property_read_string(properties, MQTT_PROP_CONTENT_TYPE, ret_content_type, false);
	for (;; skip = true) {
		char *name = NULL;
		char *value = NULL;

		property = mosquitto_property_read_string_pair(
			property, MQTT_PROP_USER_PROPERTY, &name, &value, skip);
		if (property == NULL)
			break;
		if (count == MQTT_MAX_PROPERTIES) {
			free(name);
			free(value);
			mqtt_load_free_properties(storage, count);
			return false;
		}
		storage[count++] = (struct mqtt_property){str_of(name), str_of(value)};
	}
	*ret = (struct mqtt_message){
		.topic = str_of(received->topic),
		.content_type = str_of(*ret_content_type),
		.properties = storage,
		.property_count = count,
		.payload = str_n(received->payload, (size_t)received->payloadlen),
		.retain = received->retain,
	};
	return true;
}

void mqtt_load_free_properties(struct mqtt_property *properties, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free((char *)(uintptr_t)properties[i].name.ptr);
		free((char *)(uintptr_t)properties[i].value.ptr);
	}
}
