/*
 * test_bundle.c - tests src/maestro/bundle.c and src/maestro/spec_event.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "maestro/bundle.h"
#include "maestro/spec_event.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW INT64_C(1767323045000500) /* 2026-01-02T03:04:05.0005Z */
#define CM                                                                             \
	"{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"cm\"," \
	"\"namespace\":\"default\"}}"
#define REQUEST                                                                                  \
	"{\"consumer_name\":\"cluster1\",\"source\":\"src-a\",\"metadata\":{\"name\":\"work1\"," \
	"\"labels\":{\"app\":\"demo\"}},\"manifests\":[" CM "],"                                 \
	"\"delete_option\":{\"propagationPolicy\":\"Orphan\"}}"

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

static struct json *parse(const char *text)
{
	struct json *document = NULL;
	struct error err;

	if (json_parse(arena, str_of(text), NULL, &document, &err) != 0)
		fail_msg("%s: %s", text, err.message);
	return document;
}

static void assert_text(struct str actual, const char *expected)
{
	if (!str_eq_c(actual, expected))
		fail_msg("\"%" STR_F "\" instead of \"%s\"", STR_A(actual), expected);
}

static struct bundle made(void)
{
	struct bundle bundle;
	struct str problem = bundle_from_request(arena, parse(REQUEST), NOW, &bundle);

	if (!str_is_null(problem))
		fail_msg("%" STR_F, STR_A(problem));
	return bundle;
}

static void ids_are_those_of_the_official_client(void **state)
{
	static const char *const rows[][4] = {
		{"mw-client-example", "7ff1a8f4-8811-49b4-8c19-9271bc51975e",
			"e44ec579-9646-549a-b679-db8d19d6da37",
			"55c61e54-a3f6-563d-9fec-b1fe297bdfdb"},
		{"src-a", "cluster1", "work1", "b36c830b-4868-5d1f-908a-e8e9d0428f29"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char id[ID_UUID_SIZE];

		bundle_id(id, str_of(rows[i][0]), str_of(rows[i][1]), str_of(rows[i][2]));
		assert_string_equal(id, rows[i][3]);
	}
}

static void a_request_becomes_a_bundle(void **state)
{
	struct bundle bundle = made();

	assert_text(bundle.id, "b36c830b-4868-5d1f-908a-e8e9d0428f29");
	assert_int_equal(bundle.version, 1);
	assert_text(bundle.metadata,
		"{\"name\":\"work1\",\"namespace\":\"cluster1\","
		"\"uid\":\"b36c830b-4868-5d1f-908a-e8e9d0428f29\",\"resourceVersion\":\"0\","
		"\"labels\":{\"app\":\"demo\"}}");
	assert_text(bundle.data,
		"{\"manifests\":[" CM "],\"deleteOption\":{\"propagationPolicy\":\"Orphan\"}}");
}

static void a_bad_request_is_refused_in_words(void **state)
{
	static const struct {
		const char *body;
		const char *problem;
	} rows[] = {
		{"[]", "the body must be a JSON object"},
		{"{\"consumer_name\":\"c\",\"manifests\":[" CM "]}",
			"metadata.name: Required value: field not set"},
		{"{\"consumer_name\":\"c\",\"source\":7,\"metadata\":{\"name\":\"a\"}}",
			"source must be a string that is not empty"},
		{"{\"consumer_name\":\"c\",\"metadata\":{\"name\":\"a\"}}",
			"Workload manifests should not be empty"},
		{"{\"consumer_name\":\"c\",\"metadata\":{\"name\":\"a\"},\"manifests\":{}}",
			"manifests is an object, not an array"},
		{"{\"consumer_name\":\"c\",\"metadata\":{\"name\":\"a\",\"labels\":[]},"
		 "\"manifests\":[" CM "]}",
			"metadata.labels is an array, not an object"},
		{"{\"consumer_name\":\"c\",\"metadata\":{\"name\":\"a\"},\"manifests\":[" CM "],"
		 "\"delete_option\":\"x\"}",
			"delete_option is a string, not an object"},
		{"{\"consumer_name\":\"c\",\"metadata\":{\"name\":\"a\"},\"manifests\":[" CM "," CM
		 "]}",
			"duplicate manifest for resource default/cm with resource type v1, "
			"Kind=ConfigMap"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bundle bundle;

		assert_text(bundle_from_request(arena, parse(rows[i].body), NOW, &bundle),
			rows[i].problem);
	}
}

static void only_a_change_of_content_is_a_change(void **state)
{
	static const struct {
		const char *body;
		bool is_changed;
		const char *problem;
	} rows[] = {
		{"{}", false, NULL},
		{"{\"manifests\":[" CM "]}", false, NULL},
		{"{\"manifests\":[{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{"
		 "\"namespace\":\"default\",\"name\":\"cm\"}}]}",
			false, NULL},
		{"{\"metadata\":{\"name\":\"work1\",\"labels\":{\"app\":\"demo\"}}}", false, NULL},
		{"{\"metadata\":{\"labels\":{\"app\":\"other\"}}}", true, NULL},
		{"{\"metadata\":{\"labels\":{}}}", true, NULL},
		{"{\"delete_option\":null}", true, NULL},
		{"{\"manifest_configs\":null}", false, NULL},
		{"{\"manifest_configs\":[{}]}", true, NULL},
		{"{\"manifests\":[]}", false, "Workload manifests should not be empty"},
		{"{\"metadata\":{\"name\":\"work2\"}}", false,
			"metadata.name: Invalid value: \"work2\": field is immutable"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bundle before = made();
		struct bundle after = before;
		bool is_changed = false;
		struct str problem =
			bundle_change(arena, &after, parse(rows[i].body), NOW + 1, &is_changed);

		print_message("  %s\n", rows[i].body);
		if (rows[i].problem != NULL)
			assert_text(problem, rows[i].problem);
		else
			assert_true(str_is_null(problem));
		assert_int_equal(is_changed, rows[i].is_changed);
		assert_int_equal(str_eq(before.event_id, after.event_id), !rows[i].is_changed);
	}
}

static void rest_shows_what_clients_read(void **state)
{
	struct bundle bundle = made();

	bundle.version = 3;
	bundle.deleted_us = NOW + CLOCK_US_PER_S;
	bundle.status = STR("{\"conditions\":[],\"resourceStatus\":[]}");
	bundle.status_version = 2;
	bundle.status_sequence = STR("1744926882802962432");
	assert_text(json_text(arena, bundle_to_json(arena, &bundle), JSON_WRITE_COMPACT),
		"{\"id\":\"b36c830b-4868-5d1f-908a-e8e9d0428f29\",\"kind\":\"ResourceBundle\","
		"\"href\":\"/api/maestro/v1/resource-bundles/"
		"b36c830b-4868-5d1f-908a-e8e9d0428f29\","
		"\"name\":\"b36c830b-4868-5d1f-908a-e8e9d0428f29\",\"consumer_name\":\"cluster1\","
		"\"version\":3,\"created_at\":\"2026-01-02T03:04:05.0005Z\","
		"\"updated_at\":\"2026-01-02T03:04:05.0005Z\","
		"\"deleted_at\":\"2026-01-02T03:04:06.0005Z\",\"metadata\":{\"name\":\"work1\","
		"\"namespace\":\"cluster1\",\"uid\":\"b36c830b-4868-5d1f-908a-e8e9d0428f29\","
		"\"resourceVersion\":\"0\",\"labels\":{\"app\":\"demo\"},"
		"\"creationTimestamp\":\"2026-01-02T03:04:05Z\","
		"\"deletionTimestamp\":\"2026-01-02T03:04:06Z\"},\"manifests\":[" CM "],"
		"\"delete_option\":{\"propagationPolicy\":\"Orphan\"},"
		"\"status\":{\"ObservedVersion\":2,\"SequenceID\":\"1744926882802962432\","
		"\"conditions\":[],\"resourceStatus\":[]}}");
}

static void deleted_is_a_condition_that_is_true(void **state)
{
	static const struct {
		const char *status;
		bool is_deleted;
	} rows[] = {
		{"{\"conditions\":[{\"type\":\"Deleted\",\"status\":\"True\"}]}", true},
		{"{\"conditions\":[{\"type\":\"Applied\",\"status\":\"True\"},"
		 "{\"type\":\"Deleted\",\"status\":\"True\"}]}",
			true},
		{"{\"conditions\":[{\"type\":\"Deleted\",\"status\":\"False\"}]}", false},
		{"{\"conditions\":null}", false},
		{"{}", false},
		{"[]", false},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
			bundle_status_is_deleted(parse(rows[i].status)), rows[i].is_deleted);
}

static void a_spec_event_is_as_agents_expect_it(void **state)
{
	static const struct {
		enum spec_action action;
		const char *type;
	} rows[] = {
		{SPEC_CREATE, "spec.create_request"},
		{SPEC_UPDATE, "spec.update_request"},
		{SPEC_DELETE, "spec.delete_request"},
		{SPEC_RESYNC, "spec.resync_response"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bundle bundle = made();
		struct cloudevent event;
		struct mqtt_message message;
		struct error err;

		bundle.version = 4;
		bundle.extensions =
			STR("{\"originalsource\":\"\",\"logtracing\":\"{}\",\"custom\":7}");
		assert_int_equal(spec_event_make(arena, &bundle, rows[i].action, STR("maestro"),
					 NOW + 5, &event, &err),
			0);
		assert_text(event.type,
			arena_cstr(arena,
				arena_printf(arena, SPEC_EVENT_TYPE_PREFIX "%s", rows[i].type)));
		/* Repeated sending is recognisable: the event stays the source's. */
		assert_true(str_eq(event.id, bundle.event_id));
		assert_text(event.time, "2026-01-02T03:04:05.0005Z");
		assert_text(event.source, "maestro");
		assert_true(str_eq(event.data, bundle.data));
		assert_text(cloudevent_extension(&event, "resourceid"),
			"b36c830b-4868-5d1f-908a-e8e9d0428f29");
		assert_text(cloudevent_extension(&event, "resourceversion"), "4");
		assert_text(cloudevent_extension(&event, "clustername"), "cluster1");
		assert_text(cloudevent_extension(&event, "originalsource"), "");
		assert_text(cloudevent_extension(&event, "custom"), "7");
		assert_text(cloudevent_extension(&event, "metadata"),
			"{\"creationTimestamp\":\"2026-01-02T03:04:05Z\",\"labels\":{\"app\":"
			"\"demo\"},"
			"\"name\":\"b36c830b-4868-5d1f-908a-e8e9d0428f29\",\"namespace\":"
			"\"cluster1\","
			"\"resourceVersion\":\"0\",\"uid\":\"b36c830b-4868-5d1f-908a-"
			"e8e9d0428f29\"}");
		assert_int_equal(spec_event_to_message(arena, &event, STR("maestro"),
					 bundle.consumer_name, &message, &err),
			0);
		assert_text(message.topic, "sources/maestro/consumers/cluster1/sourceevents");
	}
}

static void a_deleting_bundle_is_a_new_event_with_its_time(void **state)
{
	struct bundle bundle = made();
	struct cloudevent event;
	struct error err;

	bundle.deleted_us = NOW + 250000;
	assert_int_equal(spec_event_make(arena, &bundle, SPEC_DELETE, STR("maestro"), NOW + 300000,
				 &event, &err),
		0);
	assert_false(str_eq(event.id, bundle.event_id));
	assert_text(event.time, "2026-01-02T03:04:05.3005Z");
	assert_text(cloudevent_extension(&event, "deletiontimestamp"), "2026-01-02T03:04:05.2505Z");
	assert_true(str_eq(event.data, bundle.data));
}

/* A broker would close the connection on a control character in a property. */
static void controls_in_metadata_are_escaped(void **state)
{
	struct bundle bundle = made();
	struct mqtt_message message;
	struct cloudevent event;
	struct json *metadata;
	struct error err;

	bundle.metadata =
		STR("{\"name\":\"n\",\"annotations\":{\"a\":\"\x7f\xc2\x85\xc3\xa4\\n\"}}");
	assert_int_equal(
		spec_event_make(arena, &bundle, SPEC_CREATE, STR("maestro"), NOW, &event, &err), 0);
	assert_non_null(strstr(arena_cstr(arena, cloudevent_extension(&event, "metadata")),
		"\"a\":\"\\u007f\\u0085\xc3\xa4\\n\""));
	assert_int_equal(
		json_parse(arena, cloudevent_extension(&event, "metadata"), NULL, &metadata, &err),
		0);
	assert_text(
		json_get_text(json_get(metadata, "annotations"), "a"), "\x7f\xc2\x85\xc3\xa4\n");
	assert_int_equal(spec_event_to_message(arena, &event, STR("maestro"), bundle.consumer_name,
				 &message, &err),
		0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ids_are_those_of_the_official_client),
		TEST(a_request_becomes_a_bundle),
		TEST(a_bad_request_is_refused_in_words),
		TEST(only_a_change_of_content_is_a_change),
		TEST(rest_shows_what_clients_read),
		TEST(deleted_is_a_condition_that_is_true),
		TEST(a_spec_event_is_as_agents_expect_it),
		TEST(a_deleting_bundle_is_a_new_event_with_its_time),
		TEST(controls_in_metadata_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
