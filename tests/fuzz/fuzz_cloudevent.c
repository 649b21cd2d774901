/*
 * fuzz_cloudevent.c - any MQTT message is either refused or an event that survives both modes.
 *
 * The input is lines: the content type, then "name=value" properties, an empty line, the payload.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "net/cloudevent.h"

#define ARENA_MAX ((size_t)16 << 20)

static void read_message(
	struct str input, struct mqtt_property *properties, struct mqtt_message *ret)
{
	*ret = (struct mqtt_message){.properties = properties};
	ret->content_type = str_cut(&input, '\n');
	while (!str_is_null(input)) {
		struct str line = str_cut(&input, '\n');

		if (line.len == 0)
			break;
		if (ret->property_count == MQTT_MAX_PROPERTIES)
			continue;
		properties[ret->property_count].name = str_cut(&line, '=');
		properties[ret->property_count++].value = line;
	}
	ret->payload = input;
}

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* What was accepted once is written and accepted again, with the same identity. */
static void check_round_trips(struct arena *arena, const struct cloudevent *event)
{
	struct mqtt_message message;
	struct cloudevent back;
	struct error err;

	if (cloudevent_to_mqtt_binary(arena, event, &message, &err) == 0)
		require(cloudevent_from_mqtt(arena, &message, &back, &err) == 0 &&
			str_eq(back.id, event->id) &&
			back.extension_count == event->extension_count);
	if (cloudevent_to_mqtt_structured(arena, event, &message, &err) == 0 &&
		cloudevent_from_mqtt(arena, &message, &back, &err) == 0)
		require(str_eq(back.id, event->id) && str_eq(back.source, event->source));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct mqtt_property properties[MQTT_MAX_PROPERTIES];
	struct mqtt_message message;
	struct cloudevent event;
	struct error err;

	if (arena == NULL)
		return 0;
	read_message(str_n((const char *)data, size), properties, &message);
	if (cloudevent_from_mqtt(arena, &message, &event, &err) == 0)
		check_round_trips(arena, &event);
	arena_free(arena);
	return 0;
}
