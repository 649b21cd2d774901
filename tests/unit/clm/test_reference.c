/*
 * References: what a kind's rules allow, and how trees of resources that refer to each other go.
 */
#include "region.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "clm/reference.h"

#define V1 "/api/hyperfleet/v1"

/* --- rules ----------------------------------------------------------------------------------- */

static void a_request_is_checked_against_the_rules(void **state)
{
	static const struct {
		const char *references; /* NULL: the member is absent */
		const char *sentence;	/* NULL: accepted */
		size_t count;
	} rows[] = {
		{"{\"one\":[{\"id\":\"a\"}]}", NULL, 1},
		{"{\"one\":[{\"id\":\"a\"},{\"id\":\"b\"}],\"any\":[{\"id\":\"a\"}]}", NULL, 3},
		{"{\"any\":null,\"one\":[{\"ID\":\"a\",\"KIND\":\"B\"}]}", NULL, 1},
		{NULL, "reference 'one' needs at least 1 target(s), has 0", 0},
		{"{}", "reference 'one' needs at least 1 target(s), has 0", 0},
		{"{\"one\":[]}", "reference 'one' needs at least 1 target(s), has 0", 0},
		{"{\"any\":[{\"id\":\"a\"}]}", "reference 'one' needs at least 1 target(s), has 0",
			0},
		{"{\"one\":[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"c\"}]}",
			"reference 'one' takes at most 2 target(s), has 3", 0},
		{"{\"one\":[{\"id\":\"a\"},{\"id\":\"a\"}]}",
			"reference 'one' names the target 'a' twice", 0},
		{"{\"one\":[{\"id\":\"a\",\"kind\":\"A\"}]}",
			"reference 'one' must point to kind B, not to A", 0},
		{"{\"two\":[]}", "unknown reference type 'two'", 0},
		{"{\"one\":5}", "field 'references.one' must be an array", 0},
		{"{\"one\":[5]}", "field 'references.one' must be an array of objects", 0},
		{"{\"one\":[{\"href\":\"x\"}]}", "reference 'one' needs the target's id", 0},
	};
	struct registry *registry = NULL;

	assert_int_equal(registry_parse(&registry,
				 STR("entities:\n"
				     "  - kind: A\n"
				     "    plural: as\n"
				     "    references:\n"
				     "      - {ref_type: one, target_kind: B, min: 1, max: 2}\n"
				     "      - {ref_type: any, target_kind: B}\n"
				     "  - {kind: B, plural: bs}\n"),
				 STR("openapi: 3.0.3\n"), NULL),
		0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct json *references = NULL;
		struct reference_list list = {0};
		struct error err = {0};
		int result;

		if (rows[i].references != NULL)
			assert_int_equal(json_parse(arena, str_of(rows[i].references), NULL,
						 &references, NULL),
				0);
		result = reference_parse(arena, &registry->kinds[0], references, &list, &err);
		if ((result == 0) != (rows[i].sentence == NULL))
			fail_msg("%s: %s", rows[i].references, err.message);
		if (result == 0)
			assert_int_equal(list.count, rows[i].count);
		else
			assert_string_equal(err.message, rows[i].sentence);
	}
	registry_free(registry);
}

/* --- trees ----------------------------------------------------------------------------------- */

struct family {
	const char *cluster; /* path */
	const char *pools;
	struct str one; /* ids */
	struct str two;
};

static struct str make_pool(
	struct region *region, const char *pools, const char *name, struct str peer)
{
	return region_create(region, pools,
		region_path(region,
			"{\"kind\":\"NodePool\",\"name\":\"%s\",\"spec\":{},\"references\":{"
			"\"peer\":[%s%" STR_F "%s]}}",
			name, peer.len > 0 ? "{\"id\":\"" : "", STR_A(peer),
			peer.len > 0 ? "\"}" : ""));
}

static struct family make_family(struct region *region, const char *name)
{
	struct str id = region_create_cluster(region, name);
	struct family family = {.cluster = region_path(region, V1 "/clusters/%" STR_F, STR_A(id))};

	family.pools = region_path(region, "%s/nodepools", family.cluster);
	family.one = make_pool(region, family.pools, "one", STR(""));
	family.two = make_pool(region, family.pools, "two", family.one);
	return family;
}

static const char *pool_path(struct region *region, struct str id)
{
	return region_path(region, V1 "/nodepools/%" STR_F, STR_A(id));
}

static void what_goes_together_does_not_hold_itself(void **state)
{
	struct region *region = *state;
	struct family family = make_family(region, "one");
	struct answer answer;

	assert_int_equal(
		region_call(region, "DELETE", pool_path(region, family.one), NULL, NULL).status,
		409);
	assert_int_equal(region_call(region, "DELETE", family.cluster, NULL, NULL).status, 202);
	answer = region_get(region, pool_path(region, family.two));
	assert_non_null(json_get(answer.json, "deleted_time"));
	assert_null(json_get(answer.json, "references"));
}

static void one_from_outside_holds_the_whole_tree(void **state)
{
	struct region *region = *state;
	struct family family = make_family(region, "one");
	struct family other = make_family(region, "other");
	struct str outside = make_pool(region, other.pools, "outside", family.two);
	struct answer before = region_get(region, pool_path(region, family.two));
	struct answer answer = region_call(region, "DELETE", family.cluster, NULL, NULL);

	assert_int_equal(answer.status, 409);
	assert_true(str_eq_c(json_get_text(answer.json, "detail"),
		"cannot delete NodePool \"two\": referenced by NodePool \"outside\" "
		"\xe2\x80\x94 remove the reference(s) before deleting"));
	/* Nothing of it was done: not the marks, not the letting go. */
	answer = region_get(region, pool_path(region, family.two));
	assert_true(str_eq(answer.body, before.body));
	assert_null(json_get(region_get(region, family.cluster).json, "deleted_time"));
	assert_int_equal(
		region_call(region, "DELETE", pool_path(region, family.one), NULL, NULL).status,
		409);
	assert_int_equal(region_call(region, "PATCH", pool_path(region, outside),
				 "{\"references\":{}}", NULL)
				 .status,
		200);
	assert_int_equal(region_call(region, "DELETE", family.cluster, NULL, NULL).status, 202);
}

static void a_tenant_refers_to_its_own_only(void **state)
{
	struct region *region = *state;
	struct family family = make_family(region, "one");
	const char *body = region_path(
		region, "{\"references\":{\"peer\":[{\"id\":\"%" STR_F "\"}]}}", STR_A(family.one));
	struct answer answer = region_call(region, "POST", V1 "/clusters",
		"{\"kind\":\"Cluster\",\"name\":\"mine\",\"spec\":{}}", "X-Amz-Account-Id: 1");
	struct str id = json_get_text(answer.json, "id");
	struct str pool = make_pool(region,
		region_path(region, V1 "/clusters/%" STR_F "/nodepools", STR_A(id)), "p", STR(""));

	answer = region_call(region, "PATCH", pool_path(region, pool), body, "X-Amz-Account-Id: 1");
	assert_int_equal(answer.status, 400);
	assert_true(str_find(json_get_text(answer.json, "detail"), STR("not found")) >= 0);
	assert_int_equal(
		region_call(region, "PATCH", pool_path(region, pool), body, NULL).status, 200);
}

/* Else a tenant could not delete what it has, and would be told whose fault that is. */
static void nobody_lets_tenants_refer_to_each_other(void **state)
{
	struct region *region = *state;
	static const char *const tenants[] = {"X-Amz-Account-Id: 1", "X-Amz-Account-Id: 2", NULL};
	struct str pools[3], ids[3];

	for (size_t i = 0; i < 3; i++) {
		struct answer answer = region_call(region, "POST", V1 "/clusters",
			"{\"kind\":\"Cluster\",\"name\":\"mine\",\"spec\":{}}", tenants[i]);
		ids[i] = json_get_text(answer.json, "id");
		pools[i] = make_pool(region,
			region_path(region, V1 "/clusters/%" STR_F "/nodepools", STR_A(ids[i])),
			"p", STR(""));
	}
	for (size_t from = 0; from < 3; from++) {
		for (size_t to = 0; to < 3; to++) {
			if (from == to)
				continue;
			const char *body = region_path(region,
				"{\"references\":{\"peer\":[{\"id\":\"%" STR_F "\"}]}}",
				STR_A(pools[to]));
			int patched = region_call(
				region, "PATCH", pool_path(region, pools[from]), body, NULL)
					      .status;
			body = region_path(region,
				"{\"kind\":\"NodePool\",\"name\":\"q%zu\",\"spec\":{},"
				"\"references\":{\"peer\":[{\"id\":\"%" STR_F "\"}]}}",
				to, STR_A(pools[to]));
			int created = region_call(region, "POST",
				region_path(region, V1 "/clusters/%" STR_F "/nodepools",
					STR_A(ids[from])),
				body, NULL)
					      .status;
			assert_int_equal(patched, tenants[to] ? 400 : 200);
			assert_int_equal(created, tenants[to] ? 400 : 201);
		}
	}
}

static void references_survive_a_restart(void **state)
{
	struct region *region = *state;
	struct family family = make_family(region, "one");
	struct answer before = region_get(region, pool_path(region, family.two));

	assert_int_equal(json_count(json_find(before.json, "references", "peer", NULL)), 1);
	region_restart(region);
	assert_true(str_eq(before.body, region_get(region, pool_path(region, family.two)).body));
	assert_int_equal(
		region_call(region, "DELETE", pool_path(region, family.one), NULL, NULL).status,
		409);
}

int main(void)
{
#define WITH_REGION(test) cmocka_unit_test_setup_teardown(test, region_setup, region_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_checked_against_the_rules),
		WITH_REGION(what_goes_together_does_not_hold_itself),
		WITH_REGION(one_from_outside_holds_the_whole_tree),
		WITH_REGION(a_tenant_refers_to_its_own_only),
		WITH_REGION(nobody_lets_tenants_refer_to_each_other),
		WITH_REGION(references_survive_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
