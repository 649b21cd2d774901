/*
 * test_sentinel_settings.c - the sentinel's file: what is read, and what is refused in which words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "clm/sentinel_settings.h"
#include "data/yaml.h"

#define GOOD_CLIENTS                                               \
	"clients:\n"                                               \
	"  hyperfleet_api: {base_url: 'http://127.0.0.1:8000/'}\n" \
	"  broker: {topic: clusters}\n"
#define GOOD                                                             \
	"sentinel: {name: s}\n" GOOD_CLIENTS "resource_type: clusters\n" \
	"message_data: {id: resource.id, fixed: 7, more: {kind: resource.kind}}\n"

static int parse(
	struct arena *arena, const char *yaml, struct sentinel_settings *ret, struct error *err)
{
	struct json *document = NULL;
	assert_int_equal(yaml_parse(arena, str_of(yaml), &document, err), 0);
	return sentinel_settings_parse(arena, document, ret, err);
}

static void a_file_gets_hyperfleets_defaults(void **state)
{
	struct arena *arena = arena_new(0);
	struct sentinel_settings settings;
	struct error err = {0};
	if (parse(arena, GOOD, &settings, &err) != 0)
		fail_msg("%s", err.message);
	assert_true(str_eq_c(settings.base_url, "http://127.0.0.1:8000"));
	assert_true(str_eq_c(settings.topic, "clusters"));
	assert_int_equal(settings.poll_us, 30 * CLOCK_US_PER_S);
	assert_int_equal(settings.timeout_us, 10 * CLOCK_US_PER_S);
	assert_int_equal(settings.page_size, 100);
	assert_int_equal(settings.param_count, 7);
	assert_non_null(settings.result);
	assert_int_equal(settings.data.count, 3);
	arena_free(arena);
}

static void the_shipped_file_is_read(void **state)
{
	struct arena *arena = arena_new(0);
	struct sentinel_settings settings;
	struct error err = {0};
	if (sentinel_settings_load(arena, REEVE_SOURCE_DIR "/config/sentinels/clusters.yaml",
		    &settings, &err) != 0)
		fail_msg("%s", err.message);
	assert_true(str_eq_c(settings.resource_type, "clusters"));
	assert_int_equal(settings.param_count, 7);
	assert_int_equal(settings.data.count, 4);
	arena_free(arena);
}

static void a_mistake_is_named_with_its_place(void **state)
{
	static const struct {
		const char *yaml, *message;
	} cases[] = {
		{"{}", "sentinel is missing"},
		{GOOD "poll: 5s\n",
			"poll is not a key known here (known: sentinel, clients, "
			"resource_type, poll_interval, message_decision, message_data)"},
		{GOOD "poll_interval: soon\n",
			"poll_interval must be a duration such as \"10s\" or \"1m30s\""},
		{GOOD "poll_interval: 10ms\n", "poll_interval must be at least 1s"},
		{GOOD "resource_selector: []\n", "resource_selector is not supported: one sentinel "
						 "watches all resources of its "
						 "kind; remove it"},
		{GOOD "message_decision: {result: 'a b'}\n", "message_decision.result: "},
		{GOOD "message_decision: {result: 'is_late'}\n",
			"message_decision.result: line 1, column 1: undeclared reference to "
			"'is_late'"},
		{GOOD "message_decision: {params: [{name: a, expr: 'b'}, {name: b, expr: '1'}], "
		      "result: 'true'}\n",
			"message_decision.params[0]: line 1, column 1: undeclared reference to "
			"'b'"},
		{GOOD "message_decision: {result: 'now > \"2026\"'}\n",
			"message_decision.result: line 1, column 5: found no matching overload "
			"for '_>_' applied to '(timestamp, string)'"},
		{GOOD "message_decision: {result: 'resource.?id.hasValue()'}\n",
			"message_decision.result: line 1, column 11: unsupported syntax '?'"},
		{"sentinel: {}\n" GOOD_CLIENTS
		 "resource_type: clusters\nmessage_data: {a: {b: 'now'}}\n",
			"message_data.a.b: line 1, column 1: undeclared reference to 'now'"},
		{GOOD "message_decision: {params: [{name: a, expr: '1'}, {name: a, expr: '2'}], "
		      "result: 'true'}\n",
			"message_decision.params[1]: there is already a param \"a\""},
		{GOOD "message_decision: {params: [{name: a, expression: '1'}], result: 'true'}\n",
			"message_decision.params[0].expression is not a key known here"},
		{"sentinel: {}\n" GOOD_CLIENTS "resource_type: clusters\nmessage_data: {}\n",
			"message_data must not be empty"},
		{"sentinel: {}\n" GOOD_CLIENTS
		 "resource_type: clusters\nmessage_data: {a: {b: '('}}\n",
			"message_data.a.b: "},
		{"sentinel: {}\n" GOOD_CLIENTS "resource_type: clusters\nmessage_data: {a: [1]}\n",
			"message_data.a must be an expression, a number, true, false or a map"},
		{"sentinel: {}\n" GOOD_CLIENTS "resource_type: a/b\nmessage_data: {a: '1'}\n",
			"resource_type \"a/b\" must be one segment of a URL"},
		{"sentinel: {}\nclients: {hyperfleet_api: {base_url: 'x'}, broker: {topic: t}}\n"
		 "resource_type: clusters\nmessage_data: {a: '1'}\n",
			"clients.hyperfleet_api.base_url \"x\" must be a URL"},
		{"sentinel: {}\n"
		 "clients: {hyperfleet_api: {base_url: 'http://h', page_size: 500}, broker: "
		 "{topic: "
		 "t}}\nresource_type: clusters\nmessage_data: {a: '1'}\n",
			"clients.hyperfleet_api.page_size must be a whole number from 1 to 100"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new(0);
		struct sentinel_settings settings;
		struct error err = {0};
		assert_int_equal(parse(arena, cases[i].yaml, &settings, &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
		if (str_find(str_of(err.message), str_of(cases[i].message)) < 0)
			fail_msg("case %zu: \"%s\" instead of \"%s\"", i, err.message,
				cases[i].message);
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_gets_hyperfleets_defaults),
		cmocka_unit_test(the_shipped_file_is_read),
		cmocka_unit_test(a_mistake_is_named_with_its_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
