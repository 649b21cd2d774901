/*
 * test_manifest.c - tests src/maestro/manifest.c: the texts are those of Kubernetes' validation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "maestro/manifest.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LABEL                                                                                      \
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "   \
	"and "                                                                                     \
	"must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex " \
	"used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define CM "\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\""
#define LONG63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct json *parse(struct arena *arena, const char *text)
{
	struct json *document = NULL;
	struct error err;

	if (json_parse(arena, str_of(text), NULL, &document, &err) != 0)
		fail_msg("%s: %s", text, err.message);
	return document;
}

static void assert_problem(struct str actual, const char *expected, const char *what)
{
	if (expected == NULL ? !str_is_null(actual) : !str_eq_c(actual, expected))
		fail_msg("%s: \"%" STR_F "\" instead of \"%s\"", what, STR_A(actual),
			expected == NULL ? "nothing" : expected);
}

static void an_object_is_judged_as_kubernetes_judges_it(void **state)
{
	static const struct {
		const char *manifest;
		const char *problem;
	} rows[] = {
		{"{" CM ",\"metadata\":{\"name\":\"test\",\"namespace\":\"test\"}}", NULL},
		{"{}", "manifest is empty"},
		{"{\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"t\"}}",
			"apiVersion: Required value: field not set"},
		{"{\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"t\"}}",
			"kind: Required value: field not set"},
		{"{" CM ",\"metadata\":{\"namespace\":\"t\"}}",
			"metadata.name: Required value: field not set"},
		{"{" CM "}", "metadata.name: Required value: field not set"},
		{"{\"metadata\":{\"x\":1}}", "[apiVersion: Required value: field not set, kind: "
					     "Required value: field not set, "
					     "metadata.name: Required value: field not set]"},
		{"{" CM ",\"metadata\":{\"name\":\"t\",\"generateName\":\"t\"}}",
			"metadata.generateName: Forbidden: field cannot be set"},
		{"{" CM ",\"metadata\":{\"name\":\"t\",\"resourceVersion\":\"123\"}}",
			"metadata.resourceVersion: Forbidden: field cannot be set"},
		{"{" CM ",\"metadata\":{\"name\":\"t\",\"deletionGracePeriodSeconds\":10}}",
			"metadata.deletionGracePeriodSeconds: Forbidden: field cannot be set"},
		{"{" CM ",\"metadata\":{\"name\":\"t\",\"namespace\":\"_\"}}",
			"metadata.namespace: Invalid value: \"_\": " LABEL},
		{"{\"apiVersion\":\"apps/\",\"kind\":\"D\",\"metadata\":{\"name\":\"t\"}}",
			"apiVersion: Invalid value: \"apps/\": version not set"},
		{"{\"apiVersion\":\"/v1\",\"kind\":\"D\",\"metadata\":{\"name\":\"t\"}}",
			"apiVersion: Invalid value: \"/v1\": group not set"},
		{"{\"apiVersion\":\"apps/v1/test\",\"kind\":\"D\",\"metadata\":{\"name\":\"t\"}}",
			"apiVersion: Invalid value: \"apps/v1/test\": bad format"},
		{"{\"apiVersion\":\"hypershift.openshift.io/v1beta1\",\"kind\":\"HostedCluster\","
		 "\"metadata\":{\"name\":\"t\"}}",
			NULL},
		{"{" CM ",\"metadata\":{\"name\":\"t\",\"labels\":{\"a\":\"-\"}}}",
			"metadata.labels: Invalid value: \"-\": a valid label must be an empty "
			"string or "
			"consist of alphanumeric characters, '-', '_' or '.', and must start and "
			"end with an "
			"alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
			"regex used for "
			"validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"},
		{"{" CM ",\"metadata\":{\"name\":\"t\",\"labels\":{\"a\":\"" LONG63 "a\"}}}",
			"metadata.labels: Invalid value: \"" LONG63
			"a\": must be no more than 63 characters"},
		{"{" CM
		 ",\"metadata\":{\"name\":\"t\",\"labels\":{\"app.kubernetes.io/name\":\"x\","
		 "\"empty\":\"\"},\"annotations\":{\"Example.com/MyName\":\"any \\n text\"},"
		 "\"finalizers\":[\"example.com/f\"]}}",
			NULL},
		{"{" CM ",\"metadata\":{\"name\":\"t\",\"labels\":{\"/a\":\"b\"}}}",
			"metadata.labels: Invalid value: \"/a\": prefix part must be non-empty"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(0);

		assert_problem(manifest_problem(arena, parse(arena, rows[i].manifest)),
			rows[i].problem, rows[i].manifest);
		arena_free(arena);
	}
}

static void the_same_object_twice_is_refused(void **state)
{
	static const struct {
		const char *manifests;
		const char *problem;
	} rows[] = {
		{"[]", NULL},
		{"null", NULL},
		{"{}", "manifests is an object, not an array"},
		{"[{" CM ",\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"}},"
		 "{" CM ",\"metadata\":{\"name\":\"a\",\"namespace\":\"m\"}}]",
			NULL},
		{"[{" CM ",\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"}},"
		 "{" CM ",\"metadata\":{\"name\":\"a\",\"namespace\":\"n\"}}]",
			"duplicate manifest for resource n/a with resource type v1, "
			"Kind=ConfigMap"},
		{"[{}]", "manifest is empty"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new(0);

		assert_problem(manifests_problem(arena, parse(arena, rows[i].manifests)),
			rows[i].problem, rows[i].manifests);
		arena_free(arena);
	}
}

static void what_an_agent_would_refuse_is_told_at_once(void **state)
{
	struct arena *arena = arena_new(0);
	char *large = malloc(MANIFEST_MAX_BYTES + 1);
	struct str text;

	assert_non_null(large);
	memset(large, 'x', MANIFEST_MAX_BYTES);
	large[MANIFEST_MAX_BYTES] = '\0';
	text = arena_printf(
		arena, "[{" CM ",\"metadata\":{\"name\":\"a\"},\"data\":{\"k\":\"%s\"}}]", large);
	assert_problem(manifests_delivery_problem(arena, parse(arena, text.ptr)),
		"the size of manifests is 512078 bytes which exceeds the 512000 limit", "large");
	assert_problem(manifests_delivery_problem(arena, parse(arena, "[]")),
		"Workload manifests should not be empty", "empty");
	free(large);
	arena_free(arena);
}

static void a_consumer_has_the_name_of_a_label(void **state)
{
	static const char *const rows[][2] = {
		{"mc-1", NULL},
		{LONG63, NULL},
		{"_", "consumer.name: Invalid value: \"_\": " LABEL},
		{LONG63 "a", "consumer.name: Invalid value: \"" LONG63
			     "a\": must be no more than 63 characters"},
	};
	struct arena *arena = arena_new(0);

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_problem(
			consumer_name_problem(arena, str_of(rows[i][0])), rows[i][1], rows[i][0]);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_object_is_judged_as_kubernetes_judges_it),
		cmocka_unit_test(the_same_object_twice_is_refused),
		cmocka_unit_test(what_an_agent_would_refuse_is_told_at_once),
		cmocka_unit_test(a_consumer_has_the_name_of_a_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
