/*
 * test_source_event.c - tests src/maestro/source_event.c and src/maestro/cloudevent_pb.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "maestro/cloudevent_pb.h"
#include "maestro/source_event.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW INT64_C(1767323045000500)
#define DATA                                                                                    \
	"{\"manifests\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":" \
	"\"cm\"}}]}"

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

static void assert_text(struct str actual, const char *expected)
{
	if (!str_eq_c(actual, expected))
		fail_msg("\"%" STR_F "\" instead of \"%s\"", STR_A(actual), expected);
}

static struct cloudevent source_event(void)
{
	struct cloudevent event = {
		.id = STR("e1"),
		.source = STR("src-a"),
		.type = STR("io.open-cluster-management.works.v1alpha1.manifestbundles.spec.create_"
			    "request"),
		.time = STR("2026-01-02T03:04:05.0005Z"),
		.datacontenttype = STR("application/json"),
		.data = STR(DATA),
	};

	cloudevent_set_extension(&event, STR("resourceid"), STR("b"));
	cloudevent_set_extension(&event, STR("resourceversion"), STR("0"));
	cloudevent_set_extension(&event, STR("clustername"), STR("mc-1"));
	cloudevent_set_extension(&event, STR("originalsource"), STR(""));
	cloudevent_set_extension(&event, STR("custom"), STR("kept"));
	cloudevent_set_extension(&event, STR("metadata"), STR("{\"name\":\"work1\"}"));
	return event;
}

static void a_bundle_is_read_from_its_event(void **state)
{
	struct cloudevent event = source_event();
	struct bundle bundle;
	struct error err;

	assert_int_equal(source_event_read(arena, &event, NOW, &bundle, &err), 0);
	assert_text(bundle.id, "b");
	assert_text(bundle.source, "src-a");
	assert_text(bundle.consumer_name, "mc-1");
	assert_int_equal(bundle.version, 0);
	assert_text(bundle.metadata, "{\"name\":\"work1\"}");
	assert_text(bundle.data, DATA);
	assert_text(bundle.extensions, "{\"originalsource\":\"\",\"custom\":\"kept\"}");
	assert_text(bundle.event_id, "e1");
	assert_true(str_is_null(source_event_problem(arena, &bundle)));
}

static void an_event_that_lacks_something_is_refused_in_words(void **state)
{
	static const struct {
		const char *extension;
		const char *value;
		const char *data;
		const char *message;
	} rows[] = {
		{"clustername", "", DATA,
			"failed to decode cloudevent: failed to get clustername extension: it is "
			"missing"},
		{"resourceid", "", DATA,
			"failed to decode cloudevent: failed to get resourceid extension: it is "
			"missing"},
		{"resourceversion", "", DATA,
			"failed to decode cloudevent: failed to get resourceversion extension: it "
			"is missing"},
		{"resourceversion", "x", DATA,
			"failed to decode cloudevent: failed to get resourceversion extension: "
			"\"x\" is not "
			"an integer"},
		{"metadata", "[]", DATA,
			"failed to decode cloudevent: metadata is an array, not an object"},
		{NULL, NULL, "7", "failed to decode cloudevent: data is a number, not an object"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cloudevent event = source_event();
		struct bundle bundle;
		struct error err;

		if (rows[i].extension != NULL)
			cloudevent_set_extension(
				&event, str_of(rows[i].extension), str_of(rows[i].value));
		event.data = str_of(rows[i].data);
		assert_int_equal(source_event_read(arena, &event, NOW, &bundle, &err), -1);
		assert_string_equal(err.message, rows[i].message);
	}
}

static void a_published_equal_is_no_change(void **state)
{
	static const struct {
		const char *metadata;
		const char *data;
		bool is_changed;
	} rows[] = {
		{"{\"name\":\"work1\"}", DATA, false},
		{"{ \"name\": \"work1\" }", DATA, false},
		{"{\"name\":\"work1\",\"labels\":{\"a\":\"b\"}}", DATA, true},
		{"{\"name\":\"work1\"}", "{\"manifests\":[]}", true},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cloudevent event = source_event();
		struct bundle bundle;
		struct bundle wanted;
		bool is_changed = false;
		struct error err;

		assert_int_equal(source_event_read(arena, &event, NOW, &bundle, &err), 0);
		event.id = STR("e2");
		event.data = str_of(rows[i].data);
		cloudevent_set_extension(&event, STR("metadata"), str_of(rows[i].metadata));
		assert_int_equal(source_event_read(arena, &event, NOW + 1, &wanted, &err), 0);
		assert_true(str_is_null(
			source_event_change(arena, &bundle, &wanted, NOW + 1, &is_changed)));
		assert_int_equal(is_changed, rows[i].is_changed);
		assert_text(bundle.event_id, is_changed ? "e2" : "e1");
	}
}

static void a_source_hears_the_status_with_its_own_names(void **state)
{
	struct cloudevent event = source_event();
	struct bundle bundle;
	struct error err;

	assert_int_equal(source_event_read(arena, &event, NOW, &bundle, &err), 0);
	assert_int_equal(source_event_make_status(arena, &bundle, &event, &err), -1);
	bundle.status = STR("{\"conditions\":[],\"resourceStatus\":[]}");
	bundle.status_event =
		STR("{\"specversion\":\"1.0\",\"id\":\"s1\",\"source\":\"mc-1-work-agent\","
		    "\"type\":\"t\",\"resourceid\":\"b\",\"resourceversion\":\"1\","
		    "\"sequenceid\":\"7\",\"metadata\":\"{\\\"name\\\":\\\"b\\\"}\"}");
	assert_int_equal(source_event_make_status(arena, &bundle, &event, &err), 0);
	assert_text(event.source, "mc-1-work-agent");
	assert_text(event.id, "s1");
	assert_text(cloudevent_extension(&event, "sequenceid"), "7");
	assert_text(cloudevent_extension(&event, "metadata"),
		"{\"creationTimestamp\":\"2026-01-02T03:04:05Z\",\"name\":\"work1\"}");
	assert_text(event.data,
		"{\"manifestBundle\":" DATA ",\"conditions\":[],\"resourceStatus\":[]}");
}

/* A PublishRequest is its event as field 1. */
static struct str publish_request(struct str event)
{
	struct buf out = BUF_INITIALIZER(BUF_DEFAULT_MAX);
	struct str bytes;

	buf_add_byte(&out, 0x0a);
	for (size_t left = event.len;; left >>= 7) {
		buf_add_byte(&out, (char)((left & 0x7f) | (left > 0x7f ? 0x80 : 0)));
		if (left <= 0x7f)
			break;
	}
	buf_add_str(&out, event);
	bytes = arena_str(arena, buf_str(&out));
	buf_free(&out);
	return bytes;
}

static void an_event_survives_protobuf(void **state)
{
	struct cloudevent event = source_event();
	struct cloudevent back;
	struct error err;

	cloudevent_set_extension(
		&event, STR("deletiontimestamp"), STR("2026-01-02T03:09:05.123456Z"));
	assert_int_equal(cloudevent_pb_read_publish(arena,
				 publish_request(cloudevent_pb_write(arena, &event)), &back, &err),
		0);
	assert_true(str_eq(back.id, event.id));
	assert_true(str_eq(back.source, event.source));
	assert_true(str_eq(back.type, event.type));
	assert_true(str_eq(back.time, event.time));
	assert_true(str_eq(back.datacontenttype, event.datacontenttype));
	assert_true(str_eq(back.data, event.data));
	assert_int_equal(back.extension_count, event.extension_count);
	for (size_t i = 0; i < event.extension_count; i++) {
		assert_true(str_eq(back.extensions[i].name, event.extensions[i].name));
		assert_true(str_eq(back.extensions[i].value, event.extensions[i].value));
	}
}

static void bytes_that_are_no_request_are_refused(void **state)
{
	static const struct {
		struct str bytes;
		const char *message;
	} rows[] = {
		{{"\xff\xff", 2}, "the bytes are no PublishRequest"},
		{{"", 0}, "the request has no event"},
		{{"\x0a\x00", 2},
			"id, source, spec_version and type are needed: it is no CloudEvent"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cloudevent event;
		struct error err;

		assert_int_equal(
			cloudevent_pb_read_publish(arena, rows[i].bytes, &event, &err), -1);
		assert_string_equal(err.message, rows[i].message);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bundle_is_read_from_its_event),
		TEST(an_event_that_lacks_something_is_refused_in_words),
		TEST(a_published_equal_is_no_change),
		TEST(a_source_hears_the_status_with_its_own_names),
		TEST(an_event_survives_protobuf),
		TEST(bytes_that_are_no_request_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
