/*
 * test_kubeapi_strategic.c - strategic merge patches on the built-in types.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "local/kubeapi_strategic.h"
#include "local/kubeapi_types.h"

static int setup(void **state)
{
	return kubeapi_types_new((struct kubeapi_types **)state, NULL);
}

static int teardown(void **state)
{
	kubeapi_types_free(*state);
	return 0;
}

#define POD(containers) "{\"spec\":{\"containers\":[" containers "]}}"

static const struct {
	const char *target, *patch, *result;
} cases[] = {
	/* items by key */
	{POD("{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\"}"),
		POD("{\"name\":\"a\",\"image\":\"2\"}"),
		POD("{\"name\":\"a\",\"image\":\"2\"},{\"name\":\"b\"}")},
	{POD("{\"name\":\"a\"}"), POD("{\"name\":\"b\"}"),
		POD("{\"name\":\"a\"},{\"name\":\"b\"}")},
	{POD("{\"name\":\"a\"},{\"name\":\"b\"}"), POD("{\"$patch\":\"delete\",\"name\":\"a\"}"),
		POD("{\"name\":\"b\"}")},
	{POD("{\"name\":\"a\"},{\"name\":\"b\"}"), POD("{\"name\":\"c\"},{\"$patch\":\"replace\"}"),
		POD("{\"name\":\"c\"}")},
	{POD("{\"name\":\"a\",\"image\":\"1\",\"tty\":true}"),
		POD("{\"name\":\"a\",\"image\":\"2\",\"$patch\":\"replace\"}"),
		POD("{\"name\":\"a\",\"image\":\"2\"}")},
	/* nested ones, nulls, lists without keys */
	{POD("{\"name\":\"a\",\"env\":[{\"name\":\"x\",\"value\":\"1\"}],\"args\":[\"p\"],"
	     "\"image\":\"1\"}"),
		POD("{\"name\":\"a\",\"env\":[{\"name\":\"y\",\"value\":\"2\"}],\"args\":[\"q\"],"
		    "\"image\":null}"),
		POD("{\"name\":\"a\",\"env\":[{\"name\":\"x\",\"value\":\"1\"},{\"name\":\"y\","
		    "\"value\":\"2\"}],"
		    "\"args\":[\"q\"]}")},
	/* order */
	{POD("{\"name\":\"a\"},{\"name\":\"b\"}"),
		"{\"spec\":{\"$setElementOrder/containers\":[{\"name\":\"b\"},{\"name\":\"a\"}],"
		"\"containers\":[{\"name\":\"b\",\"image\":\"1\"}]}}",
		POD("{\"name\":\"b\",\"image\":\"1\"},{\"name\":\"a\"}")},
	/* sets */
	{"{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
		"{\"metadata\":{\"finalizers\":[\"c\",\"b\"]}}",
		"{\"metadata\":{\"finalizers\":[\"a\",\"b\",\"c\"]}}"},
	{"{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}",
		"{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"a\"]}}",
		"{\"metadata\":{\"finalizers\":[\"b\"]}}"},
	/* objects */
	{"{\"spec\":{\"nodeSelector\":{\"a\":\"1\",\"b\":\"2\"}}}",
		"{\"spec\":{\"nodeSelector\":{\"b\":null,\"c\":\"3\"}}}",
		"{\"spec\":{\"nodeSelector\":{\"a\":\"1\",\"c\":\"3\"}}}"},
	{"{\"spec\":{\"nodeSelector\":{\"a\":\"1\"}}}",
		"{\"spec\":{\"nodeSelector\":{\"$patch\":\"replace\",\"c\":\"3\"}}}",
		"{\"spec\":{\"nodeSelector\":{\"c\":\"3\"}}}"},
	{"{\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}}",
		"{\"spec\":{\"volumes\":[{\"name\":\"v\",\"$retainKeys\":[\"name\",\"secret\"],"
		"\"secret\":{}}]}}",
		"{\"spec\":{\"volumes\":[{\"name\":\"v\",\"secret\":{}}]}}"},
	/* refused */
	{POD("{\"name\":\"a\"}"), POD("{\"image\":\"1\"}"), NULL},
	{POD("{\"name\":\"a\"}"), "{\"spec\":{\"$patch\":\"vanish\"}}", NULL},
	{POD("{\"name\":\"a\"}"), "{\"$what\":1}", NULL},
	{POD("{\"name\":\"a\"}"), "[]", NULL},
};

static void patches_follow_the_types(void **state)
{
	struct kubeapi_type *pod = kubeapi_types_find(*state, STR(""), STR("v1"), STR("pods"));

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct json *target, *patch, *result;
		struct error err;
		assert_int_equal(
			json_parse(arena, str_of(cases[i].target), NULL, &target, NULL), 0);
		assert_int_equal(json_parse(arena, str_of(cases[i].patch), NULL, &patch, NULL), 0);
		int failed =
			kubeapi_strategic_patch(arena, pod->schema, target, patch, &result, &err);
		assert_int_equal(failed, cases[i].result ? 0 : -1);
		if (cases[i].result)
			assert_string_equal(json_text(arena, result, 0).ptr, cases[i].result);
		else
			assert_int_equal(err.code, ERROR_INVALID);
		assert_string_equal(json_text(arena, target, 0).ptr, cases[i].target);
	}
	kubeapi_type_release(pod);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patches_follow_the_types),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
