/*
 * test_sentinel_decide.c - when a message is due, and what it says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "clm/sentinel_decide.h"
#include "data/yaml.h"

#define NOW "2026-03-01T12:00:00Z"
#define CLIENTS                                                                   \
	"sentinel: {}\n"                                                          \
	"clients: {hyperfleet_api: {base_url: 'http://h'}, broker: {topic: t}}\n" \
	"resource_type: clusters\n"
#define CONDITION(status, updated, generation)                                      \
	"{type: Reconciled, status: '" status "', observed_generation: " generation \
	", last_updated_time: '" updated "'}"

static struct sentinel_settings settings_of(struct arena *arena, const char *more)
{
	struct json *document = NULL;
	struct sentinel_settings settings = {0};
	struct error err = {0};
	struct str yaml = arena_printf(arena, CLIENTS "%s", more);
	if (yaml_parse(arena, yaml, &document, &err) != 0 ||
		sentinel_settings_parse(arena, document, &settings, &err) != 0)
		fail_msg("%s", err.message);
	return settings;
}

static struct json *resource_of(struct arena *arena, const char *yaml)
{
	struct json *resource = NULL;
	assert_int_equal(yaml_parse(arena, str_of(yaml), &resource, NULL), 0);
	return resource;
}

static void hyperfleets_rules_decide(void **state)
{
	static const struct {
		const char *name, *resource;
		bool publish;
	} cases[] = {
		{"just created, not yet ten seconds",
			"{generation: 1, status: {conditions: [" CONDITION(
				"False", "2026-03-01T11:59:51Z", "1") "]}}",
			false},
		{"unreconciled for more than ten seconds",
			"{generation: 1, status: {conditions: [" CONDITION(
				"False", "2026-03-01T11:59:49Z", "1") "]}}",
			true},
		{"reconciled",
			"{generation: 3, status: {conditions: [" CONDITION(
				"True", "2026-03-01T11:31:00Z", "3") "]}}",
			false},
		{"reconciled for half an hour",
			"{generation: 3, status: {conditions: [" CONDITION(
				"True", "2026-03-01T11:29:59Z", "3") "]}}",
			true},
		{"a generation that nobody has seen",
			"{generation: 4, status: {conditions: [" CONDITION(
				"True", "2026-03-01T11:59:59Z", "3") "]}}",
			true},
		{"new, without conditions", "{generation: 1, status: {conditions: []}}", true},
		{"no generation: the rule fails", "{status: {conditions: []}}", false},
	};
	struct arena *arena = arena_new(0);
	struct sentinel_settings settings = settings_of(arena, "message_data: {id: resource.id}\n");
	int64_t now_us;
	assert_true(clock_parse(STR(NOW), &now_us));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sentinel_verdict verdict;
		sentinel_decide(
			&settings, arena, resource_of(arena, cases[i].resource), now_us, &verdict);
		if (verdict.publish != cases[i].publish)
			fail_msg("%s: %" STR_F, cases[i].name, STR_A(verdict.reason));
	}
	arena_free(arena);
}

static void a_rule_that_fails_means_no_message_and_says_why(void **state)
{
	static const struct {
		const char *rules, *reason;
	} cases[] = {
		{"message_decision: {result: 'resource.nope == 1'}\n", "nope"},
		{"message_decision: {result: '1 + 1'}\n", "bool"},
		{"message_decision: {params: [{name: a, expr: '1 / 0'}], result: 'true'}\n",
			"param a: "},
		{"message_decision: {result: 'has(resource.deleted_time)'}\n",
			"message decision result is false"},
		{"message_decision: {params: [{name: age, expr: 'now - "
		 "timestamp(\"2026-01-01T00:00:00Z\")'}], result: 'age > duration(\"1h\")'}\n",
			"message decision matched"},
		{"message_decision: {result: 'now > timestamp(\"2026-01-01T00:00:00Z\")'}\n",
			"message decision matched"},
	};
	struct arena *arena = arena_new(0);
	struct json *resource =
		resource_of(arena, "{id: x, generation: 1, deleted_time: '" NOW "'}");
	int64_t now_us;
	assert_true(clock_parse(STR(NOW), &now_us));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sentinel_verdict verdict;
		struct sentinel_settings settings = settings_of(arena,
			arena_printf(arena, "message_data: {id: resource.id}\n%s", cases[i].rules)
				.ptr);
		sentinel_decide(&settings, arena, resource, now_us, &verdict);
		if (str_find(verdict.reason, str_of(cases[i].reason)) < 0)
			fail_msg("case %zu: %" STR_F, i, STR_A(verdict.reason));
	}
	arena_free(arena);
}

static void a_row_of_the_stream_says_what_to_do(void **state)
{
	static const char unreconciled[] =
		"{status: {conditions: [{type: Reconciled, status: 'False'}]}}";
	static const char reconciled[] =
		"{status: {conditions: [{type: Reconciled, status: 'True'}]}}";
	static const char deleting[] =
		"{deleted_time: x, status: {conditions: [{type: Reconciled, status: 'True'}]}}";
	static const struct {
		const char *event, *resource;
		enum sentinel_step step;
	} cases[] = {
		{"created", unreconciled, SENTINEL_PUBLISH},
		{"updated", unreconciled, SENTINEL_PUBLISH},
		{"deleted", deleting, SENTINEL_PUBLISH},
		{"wake", unreconciled, SENTINEL_PUBLISH},
		{"wake", reconciled, SENTINEL_PUBLISH},
		{"status", unreconciled, SENTINEL_PUBLISH},
		{"status", reconciled, SENTINEL_FORGET},
		{"status", deleting, SENTINEL_PUBLISH},
		{"status", "{}", SENTINEL_FORGET},
		{"gone", "null", SENTINEL_FORGET},
		{"updated", "null", SENTINEL_IGNORE},
		{"something", unreconciled, SENTINEL_IGNORE},
	};
	struct arena *arena = arena_new(0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (sentinel_on_row(str_of(cases[i].event),
			    resource_of(arena, cases[i].resource)) != cases[i].step)
			fail_msg("case %zu", i);
	arena_free(arena);
}

static void the_message_holds_what_the_file_says(void **state)
{
	struct arena *arena = arena_new(0);
	struct sentinel_settings settings =
		settings_of(arena, "message_data:\n"
				   "  id: resource.id\n"
				   "  generation: resource.generation\n"
				   "  fixed: 3\n"
				   "  missing: resource.nope\n"
				   "  owner_references: {id: resource.owner_references.id}\n"
				   "  why: reason\n");
	struct str data = sentinel_data(&settings, arena,
		resource_of(arena, "{id: x, generation: 2, deleted_time: t}"), STR("created"));
	assert_true(
		str_eq_c(data, "{\"id\":\"x\",\"generation\":2,\"fixed\":3,\"why\":\"created\"}"));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hyperfleets_rules_decide),
		cmocka_unit_test(a_rule_that_fails_means_no_message_and_says_why),
		cmocka_unit_test(a_row_of_the_stream_says_what_to_do),
		cmocka_unit_test(the_message_holds_what_the_file_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
