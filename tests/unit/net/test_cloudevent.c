/*
 * test_cloudevent.c - tests src/net/cloudevent.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "net/cloudevent.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct arena *arena;

static int set_up(void **state)
{
	arena = arena_new(0);
	return arena == NULL;
}

static int tear_down(void **state)
{
	arena_free(arena);
	return 0;
}

static void assert_str(struct str actual, const char *expected)
{
	if (expected == NULL ? !str_is_null(actual)
			     : !str_eq_c(actual, expected) || str_is_null(actual))
		fail_msg("\"%" STR_F "\" instead of \"%s\"", STR_A(actual),
			expected == NULL ? "nothing" : expected);
}

static struct cloudevent full_event(void)
{
	struct cloudevent event = {
		.id = STR("3f0c2a8e-6a55-4c57-9d0c-3b7a3d1c8f10"),
		.source = STR("maestro"),
		.type = STR("io.open-cluster-management.works.v1alpha1.manifestbundles.spec.create_"
			    "request"),
		.time = STR("2026-01-02T03:04:05.308693Z"),
		.datacontenttype = STR("application/json"),
		.data = STR("{\"manifests\":[]}"),
	};

	cloudevent_set_extension(&event, STR("originalsource"), STR(""));
	cloudevent_set_extension(&event, STR("resourceversion"), STR("1"));
	cloudevent_set_extension(&event, STR("metadata"), STR("{\"name\":\"\xc3\xa4\"}"));
	return event;
}

static void assert_same(const struct cloudevent *a, const struct cloudevent *b)
{
	assert_true(str_eq(a->id, b->id));
	assert_true(str_eq(a->source, b->source));
	assert_true(str_eq(a->type, b->type));
	assert_true(str_eq(a->time, b->time));
	assert_true(str_eq(a->subject, b->subject));
	assert_true(str_eq(a->dataschema, b->dataschema));
	assert_true(str_eq(a->datacontenttype, b->datacontenttype));
	assert_true(str_eq(a->data, b->data));
	assert_true(str_is_null(a->data) == str_is_null(b->data));
	assert_int_equal(a->extension_count, b->extension_count);
	for (size_t i = 0; i < a->extension_count; i++) {
		assert_true(str_eq(a->extensions[i].name, b->extensions[i].name));
		assert_true(str_eq(a->extensions[i].value, b->extensions[i].value));
	}
}

/* The exact user properties that Maestro's peers look for. */
static void binary_mode_is_as_maestro_writes_it(void **state)
{
	static const char *const expected[][2] = {
		{"ce-specversion", "1.0"},
		{"ce-id", "3f0c2a8e-6a55-4c57-9d0c-3b7a3d1c8f10"},
		{"ce-source", "maestro"},
		{"ce-type", "io.open-cluster-management.works.v1alpha1.manifestbundles.spec.create_"
			    "request"},
		{"ce-time", "2026-01-02T03:04:05.308693Z"},
		{"ce-originalsource", ""},
		{"ce-resourceversion", "1"},
		{"ce-metadata", "{\"name\":\"\xc3\xa4\"}"},
	};
	struct cloudevent event = full_event();
	struct cloudevent back;
	struct mqtt_message message;
	struct error err;

	assert_int_equal(cloudevent_to_mqtt_binary(arena, &event, &message, &err), 0);
	assert_str(message.content_type, "application/json");
	assert_str(message.payload, "{\"manifests\":[]}");
	assert_int_equal(message.property_count, COUNT(expected));
	for (size_t i = 0; i < COUNT(expected); i++) {
		assert_str(message.properties[i].name, expected[i][0]);
		assert_str(message.properties[i].value, expected[i][1]);
	}
	assert_int_equal(cloudevent_from_mqtt(arena, &message, &back, &err), 0);
	assert_same(&event, &back);
}

static void structured_mode_brings_the_event_back(void **state)
{
	struct cloudevent event = full_event();
	struct cloudevent back;
	struct mqtt_message message;
	struct error err;

	assert_int_equal(cloudevent_to_mqtt_structured(arena, &event, &message, &err), 0);
	assert_str(message.content_type, "application/cloudevents+json");
	assert_int_equal(message.property_count, 0);
	assert_int_equal(cloudevent_from_mqtt(arena, &message, &back, &err), 0);
	assert_same(&event, &back);
}

static void an_event_without_data_stays_without(void **state)
{
	struct cloudevent event = {.id = STR("1"), .source = STR("s"), .type = STR("t")};
	struct cloudevent back;
	struct mqtt_message message;
	struct error err;

	assert_int_equal(cloudevent_to_mqtt_binary(arena, &event, &message, &err), 0);
	assert_str(message.content_type, NULL);
	assert_int_equal(cloudevent_from_mqtt(arena, &message, &back, &err), 0);
	assert_same(&event, &back);
	assert_int_equal(cloudevent_to_mqtt_structured(arena, &event, &message, &err), 0);
	assert_int_equal(cloudevent_from_mqtt(arena, &message, &back, &err), 0);
	assert_same(&event, &back);
}

static void properties_of_others_are_ignored_and_later_ones_win(void **state)
{
	static const struct mqtt_property properties[] = {
		{{"ce-specversion", 14}, {"1.0", 3}},
		{{"ce-id", 5}, {"first", 5}},
		{{"traceparent", 11}, {"00-1", 4}},
		{{"ce-", 3}, {"nameless", 8}},
		{{"ce-source", 9}, {"s", 1}},
		{{"ce-type", 7}, {"t", 1}},
		{{"ce-x", 4}, {"1", 1}},
		{{"ce-id", 5}, {"second", 6}},
		{{"ce-x", 4}, {"2", 1}},
	};
	struct mqtt_message message = {
		.properties = properties, .property_count = COUNT(properties)};
	struct cloudevent event;
	struct error err;

	assert_int_equal(cloudevent_from_mqtt(arena, &message, &event, &err), 0);
	assert_str(event.id, "second");
	assert_int_equal(event.extension_count, 1);
	assert_str(cloudevent_extension(&event, "x"), "2");
	assert_str(cloudevent_extension(&event, "y"), NULL);
	assert_str(event.data, NULL);
}

static void what_is_not_an_event_is_refused_in_words(void **state)
{
	static const struct {
		const char *content_type;
		const char *properties[4][2];
		const char *payload;
		const char *message;
	} rows[] = {
		{NULL, {{0}}, "{}", "not a CloudEvent: attribute specversion is missing"},
		{NULL, {{"ce-specversion", "0.3"}}, "",
			"CloudEvents version \"0.3\" is not known; version 1.0 is"},
		{NULL, {{"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-type", "t"}}, "",
			"not a CloudEvent: attribute source is missing"},
		{NULL,
			{{"ce-specversion", "1.0"}, {"ce-id", ""}, {"ce-source", "s"},
				{"ce-type", "t"}},
			"", "not a CloudEvent: attribute id is missing"},
		{NULL, {{"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-source", "c\x9b\xd2s"}}, "",
			"not a CloudEvent: an attribute is not UTF-8"},
		{"application/cloudevents+json; charset=utf-8", {{0}}, "[1]",
			"not a CloudEvent: an array instead of an object"},
		{"application/cloudevents+json", {{0}}, "{\"id\":\"1\"}",
			"not a CloudEvent: attribute specversion is missing"},
		{"application/cloudevents+json", {{0}},
			"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\","
			"\"time\":\"yesterday\"}",
			"not a CloudEvent: time \"yesterday\" is not in the form of RFC 3339"},
		{"application/cloudevents+json", {{0}},
			"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\","
			"\"x\":{}}",
			"not a CloudEvent: attribute x is an object"},
		{"application/cloudevents+json", {{0}},
			"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\","
			"\"data\":1,\"data_base64\":\"\"}",
			"not a CloudEvent: both data and data_base64"},
		{"application/cloudevents+json", {{0}},
			"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\","
			"\"data_base64\":\"*\"}",
			"not a CloudEvent: data_base64 is not base64"},
		{"application/cloudevents+json", {{0}},
			"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\","
			"\"datacontenttype\":\"text/plain\",\"data\":{}}",
			"not a CloudEvent: data is an object although datacontenttype is not JSON"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mqtt_property properties[4];
		struct mqtt_message message = {.content_type = str_of(rows[i].content_type),
			.properties = properties,
			.payload = str_of(rows[i].payload)};
		struct cloudevent event;
		struct error err = {0};

		for (; message.property_count < 4 && rows[i].properties[message.property_count][0];
			message.property_count++)
			properties[message.property_count] = (struct mqtt_property){
				str_of(rows[i].properties[message.property_count][0]),
				str_of(rows[i].properties[message.property_count][1])};
		assert_int_equal(cloudevent_from_mqtt(arena, &message, &event, &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
		assert_string_equal(err.message, rows[i].message);
	}
}

static void json_carries_any_data(void **state)
{
	static const struct {
		const char *type;
		const char *data;
		const char *json; /* the members after "type" */
	} rows[] = {
		{"application/json", "{\"a\": 1.50}",
			"\"datacontenttype\":\"application/json\",\"data\":{\"a\":1.50}"},
		{NULL, "[]", "\"data\":[]"},
		{"application/vnd.x+json; v=1", "\"s\"",
			"\"datacontenttype\":\"application/vnd.x+json; v=1\",\"data\":\"s\""},
		{"application/json", "{broken",
			"\"datacontenttype\":\"application/"
			"json\",\"data_base64\":\"e2Jyb2tlbg==\""},
		{"text/plain", "hi", "\"datacontenttype\":\"text/plain\",\"data_base64\":\"aGk=\""},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cloudevent event = {.id = STR("1"),
			.source = STR("s"),
			.type = STR("t"),
			.datacontenttype = str_of(rows[i].type),
			.data = str_of(rows[i].data)};
		struct str text =
			json_text(arena, cloudevent_to_json(arena, &event), JSON_WRITE_COMPACT);
		char expected[256];

		snprintf(expected, sizeof(expected),
			"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\",%s}",
			rows[i].json);
		assert_str(text, expected);
	}
}

/* Integers and booleans are extensions in JSON; on MQTT all are text. */
static void json_values_become_text(void **state)
{
	struct str text =
		STR("{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\","
		    "\"resourceversion\":7,\"flag\":true,\"absent\":null,"
		    "\"datacontenttype\":\"text/plain\",\"data\":\"hi\"}");
	struct cloudevent event;
	struct json *document;
	struct error err;

	assert_int_equal(json_parse(arena, text, NULL, &document, &err), 0);
	assert_int_equal(cloudevent_from_json(arena, document, &event, &err), 0);
	assert_str(cloudevent_extension(&event, "resourceversion"), "7");
	assert_str(cloudevent_extension(&event, "flag"), "true");
	assert_str(cloudevent_extension(&event, "absent"), NULL);
	assert_str(event.data, "hi");
}

static void too_many_extensions_are_refused(void **state)
{
	struct mqtt_property properties[4 + CLOUDEVENT_MAX_EXTENSIONS + 2] = {
		{STR("ce-specversion"), STR("1.0")},
		{STR("ce-id"), STR("1")},
		{STR("ce-source"), STR("s")},
		{STR("ce-type"), STR("t")},
	};
	struct mqtt_message message = {
		.properties = properties, .property_count = 4 + CLOUDEVENT_MAX_EXTENSIONS};
	struct cloudevent event;
	struct error err = {0};

	for (size_t i = 4; i < COUNT(properties); i++)
		properties[i] = (struct mqtt_property){arena_printf(arena, "ce-x%zu", i), STR("v")};
	assert_int_equal(cloudevent_from_mqtt(arena, &message, &event, &err), 0);
	/* A repeated one needs no room. */
	properties[message.property_count++] = properties[4];
	assert_int_equal(cloudevent_from_mqtt(arena, &message, &event, &err), 0);
	message.property_count++;
	assert_int_equal(cloudevent_from_mqtt(arena, &message, &event, &err), -1);
	assert_string_equal(err.message, "a CloudEvent with more than 32 extensions");
	/* Setting one more is silently nothing. */
	cloudevent_set_extension(&event, STR("new"), STR("v"));
	assert_str(cloudevent_extension(&event, "new"), NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(binary_mode_is_as_maestro_writes_it),
		TEST(structured_mode_brings_the_event_back),
		TEST(an_event_without_data_stays_without),
		TEST(properties_of_others_are_ignored_and_later_ones_win),
		TEST(what_is_not_an_event_is_refused_in_words),
		TEST(json_carries_any_data),
		TEST(json_values_become_text),
		TEST(too_many_extensions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
