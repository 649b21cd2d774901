/*
 * test_kubeapi_managed.c - server-side apply: what is merged, owned, taken over and removed.
 *
 * Expectations are what a kube-apiserver does with the same schema.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "local/kubeapi_managed.h"

static const char schema_text[] =
	"{\"type\":\"object\",\"properties\":{\"apiVersion\":{\"type\":\"string\"},"
	"\"metadata\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},"
	"\"labels\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}}},"
	"\"spec\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"},"
	"\"map\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}},"
	"\"whole\":{\"type\":\"object\",\"x-kubernetes-map-type\":\"atomic\","
	"\"additionalProperties\":{\"type\":\"string\"}},"
	"\"list\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},"
	"\"set\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"set\",\"items\":{\"type\":"
	"\"string\"}},"
	"\"keyed\":{\"type\":\"array\",\"x-kubernetes-list-type\":\"map\","
	"\"x-kubernetes-list-map-keys\":[\"k\",\"p\"],\"items\":{\"type\":\"object\","
	"\"properties\":{\"k\":{\"type\":\"string\"},\"p\":{\"type\":\"string\",\"default\":"
	"\"TCP\"},\"v\":{\"type\":\"integer\"}}}}}},"
	"\"status\":{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":true}}}";

struct world {
	struct arena *arena;
	const struct schema *schema;
	struct kubeapi_managers managers;
	struct kubeapi_failure failure;
	struct json *live;
};

static struct json *parse(struct world *world, const char *text)
{
	struct json *json;

	assert_int_equal(json_parse(world->arena, str_of(text), NULL, &json, NULL), 0);
	return json;
}

static void begin(struct world *world)
{
	struct error err;

	memset(world, 0, sizeof(*world));
	world->arena = arena_new(0);
	struct json *document = parse(world, schema_text);
	assert_int_equal(
		schema_compile(world->arena, document, document, false, &world->schema, &err), 0);
	world->managers.arena = world->arena;
	kubeapi_failure_init(&world->failure, world->arena);
}

static struct kubeapi_writer writer(const char *name, const char *time)
{
	return (struct kubeapi_writer){str_of(name), STR("example.com/v1"), STR(""), str_of(time)};
}

static int apply(struct world *world, const char *manager, bool force, const char *config)
{
	struct kubeapi_writer who = writer(manager, "2024-01-01T00:00:00Z");
	struct json *result;

	kubeapi_failure_init(&world->failure, world->arena);
	if (kubeapi_managers_apply(&world->managers, world->schema, world->live,
		    parse(world, config), &who, force, &result, &world->failure) < 0)
		return -1;
	world->live = result;
	kubeapi_managers_write(&world->managers);
	return 0;
}

static void update(struct world *world, const char *manager, const char *object)
{
	struct kubeapi_writer who = writer(manager, "2024-01-02T00:00:00Z");
	struct json *to = parse(world, object);

	kubeapi_managers_update(&world->managers, world->schema, world->live, to, &who);
	world->live = to;
	kubeapi_managers_write(&world->managers);
}

static const char *live_text(struct world *world)
{
	return json_text(world->arena, world->live, 0).ptr;
}

static const char *owned(struct world *world, const char *manager)
{
	for (size_t i = 0; i < world->managers.count; i++)
		if (str_eq_c(world->managers.items[i].manager, manager))
			return json_text(world->arena,
				kubeapi_fields_write(world->arena, world->managers.items[i].fields),
				0)
				.ptr;
	return "nothing";
}

static void two_appliers_each_own_their_part(void **unused)
{
	struct world world;

	(void)unused;
	begin(&world);
	apply(&world, "a", false,
		"{\"metadata\":{\"name\":\"x\",\"labels\":{\"l\":\"1\"}},\"spec\":{\"n\":1,\"set\":"
		"[\"b\","
		"\"a\"]}}");
	apply(&world, "b", false, "{\"spec\":{\"set\":[\"c\"],\"map\":{\"k\":\"v\"},\"n\":1}}");
	assert_string_equal(live_text(&world), "{\"metadata\":{\"name\":\"x\",\"labels\":{\"l\":"
					       "\"1\"}},\"spec\":{\"n\":1,\"set\":[\"b\","
					       "\"a\",\"c\"],\"map\":{\"k\":\"v\"}}}");
	assert_string_equal(owned(&world, "a"), "{\"f:metadata\":{\"f:labels\":{\"f:l\":{}}},\"f:"
						"spec\":{\"f:n\":{},\"f:set\":{\"v:\\\"a\\\"\":"
						"{},\"v:\\\"b\\\"\":{}}}}");
	assert_string_equal(owned(&world, "b"),
		"{\"f:spec\":{\"f:map\":{\"f:k\":{}},\"f:n\":{},\"f:set\":{\"v:\\\"c\\\"\":{}}}}");
	arena_free(world.arena);
}

static void another_value_is_a_conflict_unless_forced(void **unused)
{
	struct world world;

	(void)unused;
	begin(&world);
	apply(&world, "a", false, "{\"spec\":{\"n\":1,\"list\":[1,2],\"whole\":{\"x\":\"1\"}}}");
	assert_int_equal(apply(&world, "b", false, "{\"spec\":{\"n\":2}}"), -1);
	assert_int_equal(world.failure.status, 409);
	assert_string_equal(world.failure.message.ptr,
		"Apply failed with 1 conflict: conflict with \"a\" using example.com/v1: .spec.n");
	/* The failed one has left nothing behind in what is stored; here it is put back by hand. */
	assert_int_equal(
		apply(&world, "b", false, "{\"spec\":{\"list\":[1],\"whole\":{\"y\":\"1\"}}}"), -1);
	assert_int_equal(world.failure.cause_count, 2);
	assert_int_equal(apply(&world, "b", true, "{\"spec\":{\"n\":2,\"list\":[1]}}"), 0);
	assert_string_equal(
		live_text(&world), "{\"spec\":{\"n\":2,\"list\":[1],\"whole\":{\"x\":\"1\"}}}");
	assert_string_equal(owned(&world, "a"), "{\"f:spec\":{\"f:whole\":{}}}");
	arena_free(world.arena);
}

static void what_an_applier_leaves_out_goes_unless_others_have_it(void **unused)
{
	static const struct {
		const char *first, *other, *second, *live;
	} cases[] = {
		{"{\"spec\":{\"n\":1,\"map\":{\"a\":\"1\",\"b\":\"2\"}}}", NULL,
			"{\"spec\":{\"map\":{\"b\":\"2\"}}}", "{\"spec\":{\"map\":{\"b\":\"2\"}}}"},
		{"{\"spec\":{\"n\":1}}", "{\"spec\":{\"n\":1}}", "{\"spec\":{}}",
			"{\"spec\":{\"n\":1}}"},
		{"{\"spec\":{\"set\":[\"a\",\"b\"]}}", NULL, "{\"spec\":{\"set\":[\"b\"]}}",
			"{\"spec\":{\"set\":[\"b\"]}}"},
		{"{\"spec\":{\"keyed\":[{\"k\":\"a\",\"v\":1},{\"k\":\"b\"}]}}", NULL,
			"{\"spec\":{\"keyed\":[{\"k\":\"b\"}]}}",
			"{\"spec\":{\"keyed\":[{\"k\":\"b\"}]}}"},
		{"{\"spec\":{\"keyed\":[{\"k\":\"a\",\"v\":1}]}}",
			"{\"spec\":{\"keyed\":[{\"k\":\"a\"}]}}", "{\"spec\":{\"n\":1}}",
			"{\"spec\":{\"keyed\":[{\"k\":\"a\"}],\"n\":1}}"},
		{"{\"spec\":{\"n\":1,\"map\":{\"a\":\"1\"}}}", NULL, "{\"spec\":{\"n\":1}}",
			"{\"spec\":{\"n\":1}}"},
		{"{\"spec\":{\"whole\":{\"a\":\"1\"}}}", NULL, "{\"spec\":{\"n\":1}}",
			"{\"spec\":{\"n\":1}}"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world world;
		begin(&world);
		assert_int_equal(apply(&world, "a", false, cases[i].first), 0);
		if (cases[i].other)
			assert_int_equal(apply(&world, "b", false, cases[i].other), 0);
		assert_int_equal(apply(&world, "a", false, cases[i].second), 0);
		assert_string_equal(live_text(&world), cases[i].live);
		arena_free(world.arena);
	}
}

static void items_are_known_by_keys_and_defaults(void **unused)
{
	struct world world;

	(void)unused;
	begin(&world);
	apply(&world, "a", false,
		"{\"spec\":{\"keyed\":[{\"k\":\"x\",\"p\":\"TCP\",\"v\":1},{\"k\":\"z\"}]}}");
	apply(&world, "b", false, "{\"spec\":{\"keyed\":[{\"k\":\"y\"},{\"k\":\"x\",\"v\":1}]}}");
	assert_string_equal(live_text(&world), "{\"spec\":{\"keyed\":[{\"k\":\"y\"},{\"k\":\"x\","
					       "\"p\":\"TCP\",\"v\":1},{\"k\":\"z\"}]}}");
	assert_string_equal(owned(&world, "b"),
		"{\"f:spec\":{\"f:keyed\":{\"k:{\\\"k\\\":\\\"x\\\",\\\"p\\\":\\\"TCP\\\"}\":{\"."
		"\":{},\"f:k\":{},"
		"\"f:v\":{}},\"k:{\\\"k\\\":\\\"y\\\",\\\"p\\\":\\\"TCP\\\"}\":{\".\":{},\"f:k\":{}"
		"}}}}");
	arena_free(world.arena);
}

static void an_update_takes_what_it_changes(void **unused)
{
	struct world world;

	(void)unused;
	begin(&world);
	apply(&world, "a", false, "{\"spec\":{\"n\":1,\"map\":{\"k\":\"v\",\"l\":\"w\"}}}");
	update(&world, "hand", "{\"spec\":{\"n\":2,\"map\":{\"k\":\"v\"},\"list\":[1]}}");
	assert_string_equal(owned(&world, "a"), "{\"f:spec\":{\"f:map\":{\"f:k\":{}}}}");
	assert_string_equal(owned(&world, "hand"), "{\"f:spec\":{\"f:list\":{},\"f:n\":{}}}");
	update(&world, "hand", "{\"spec\":{\"map\":{\"k\":\"v\"}}}");
	assert_string_equal(owned(&world, "hand"), "nothing");
	arena_free(world.arena);
}

static void the_oldest_of_many_updaters_are_put_together(void **unused)
{
	struct world world;
	char name[32], object[64];

	(void)unused;
	begin(&world);
	for (int i = 0; i < 15; i++) {
		snprintf(name, sizeof(name), "m%02d", i);
		snprintf(object, sizeof(object), "{\"spec\":{\"map\":{\"k%02d\":\"v\"}}}", i);
		struct json *to = json_copy(world.arena, parse(&world, object));
		struct kubeapi_writer who =
			writer(arena_cstr(world.arena, str_of(name)), "2024-01-02T00:00:00Z");
		to = kubeapi_topology_merge(world.arena, world.schema, world.live, to);
		kubeapi_managers_update(&world.managers, world.schema, world.live, to, &who);
		world.live = to;
		kubeapi_managers_write(&world.managers);
	}
	assert_int_equal(world.managers.count, KUBEAPI_MAX_UPDATERS);
	assert_non_null(strstr(owned(&world, "ancient-changes"), "f:k00"));
	assert_string_equal(owned(&world, "m00"), "nothing");
	arena_free(world.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_appliers_each_own_their_part),
		cmocka_unit_test(another_value_is_a_conflict_unless_forced),
		cmocka_unit_test(what_an_applier_leaves_out_goes_unless_others_have_it),
		cmocka_unit_test(items_are_known_by_keys_and_defaults),
		cmocka_unit_test(an_update_takes_what_it_changes),
		cmocka_unit_test(the_oldest_of_many_updaters_are_put_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
