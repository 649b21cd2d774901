/*
 * test_discovery.c - kinds to resources: asked once, remembered, asked again for what is missing.
 */
#include <unistd.h>

#include "server.h"

#define CORE                                                                            \
	"{\"resources\":["                                                              \
	"{\"name\":\"namespaces\",\"kind\":\"Namespace\",\"namespaced\":false},"        \
	"{\"name\":\"namespaces/status\",\"kind\":\"Namespace\",\"namespaced\":false}," \
	"{\"name\":\"pods/eviction\",\"kind\":\"Eviction\",\"namespaced\":true},"       \
	"{\"name\":\"secrets\",\"kind\":\"Secret\",\"namespaced\":true}]}"

static void a_kind_is_asked_for_once(void **state)
{
	static const struct exchange script[] = {{"GET /api/v1", NULL, 200, CORE}};
	struct server *server = SERVER_START(script);
	struct kube *kube = server_client(server, "{}");
	struct kube_resource resource;
	struct error err;

	assert_int_equal(kube_find_kind(kube, STR("v1"), STR("Namespace"), &resource, &err), 0);
	assert_string_equal(resource.plural, "namespaces");
	assert_string_equal(resource.group, "");
	assert_string_equal(resource.version, "v1");
	assert_false(resource.namespaced);
	assert_true(resource.has_status);
	assert_int_equal(kube_find_kind(kube, STR("v1"), STR("Secret"), &resource, &err), 0);
	assert_true(resource.namespaced);
	assert_false(resource.has_status);
	assert_int_equal(kube_find_plural(kube, STR(""), STR("secrets"), &resource, &err), 0);
	assert_string_equal(resource.kind, "Secret");
	/* Subresources are not kinds; and asking again at once does not reach the server. */
	assert_int_equal(kube_find_kind(kube, STR("v1"), STR("Eviction"), &resource, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	assert_string_equal(
		err.message, "the server doesn't have a resource type \"Eviction\" in v1");
	kube_close(kube);
	server_finish(server);
	(void)state;
}

static void a_missing_kind_is_asked_for_again_later(void **state)
{
	static const struct exchange script[] = {
		{"GET /apis/a.b/v1", NULL, 404, "{\"message\":\"404 page not found\"}"},
		{"GET /apis/a.b/v1", NULL, 200,
			"{\"resources\":[{\"name\":\"things\",\"kind\":\"Thing\",\"namespaced\":"
			"true}]}"},
	};
	struct server *server = SERVER_START(script);
	struct kube *kube = server_client(server, "{}");
	struct kube_resource resource;
	struct error err;

	assert_int_equal(kube_find_kind(kube, STR("a.b/v1"), STR("Thing"), &resource, &err), -1);
	assert_int_equal(kube_find_kind(kube, STR("a.b/v1"), STR("Thing"), &resource, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	assert_int_equal(server_answered(server), 1);
	usleep((useconds_t)KUBE_DISCOVERY_RETRY_US + 50000);
	assert_int_equal(kube_find_kind(kube, STR("a.b/v1"), STR("Thing"), &resource, &err), 0);
	assert_string_equal(resource.group, "a.b");
	assert_string_equal(resource.version, "v1");
	kube_close(kube);
	server_finish(server);
	(void)state;
}

static void a_plural_is_looked_for_in_the_preferred_version_first(void **state)
{
	static const struct exchange script[] = {
		{"GET /apis/a.b", NULL, 200,
			"{\"versions\":[{\"groupVersion\":\"a.b/v1beta1\"},{\"groupVersion\":\"a.b/"
			"v1\"}]"
			",\"preferredVersion\":{\"groupVersion\":\"a.b/v1\"}}"},
		{"GET /apis/a.b/v1", NULL, 200,
			"{\"resources\":[{\"name\":\"things\",\"kind\":\"Thing\"}]}"},
		{"GET /apis/a.b", NULL, 200,
			"{\"versions\":[{\"groupVersion\":\"a.b/v1beta1\"},{\"groupVersion\":\"a.b/"
			"v1\"}]"
			",\"preferredVersion\":{\"groupVersion\":\"a.b/v1\"}}"},
		{"GET /apis/a.b/v1beta1", NULL, 200,
			"{\"resources\":[{\"name\":\"olds\",\"kind\":\"Old\"}]}"},
		{"GET /apis/c.d", NULL, 404, "{}"},
	};
	struct server *server = SERVER_START(script);
	struct kube *kube = server_client(server, "{}");
	struct kube_resource resource;
	struct error err;

	assert_int_equal(kube_find_plural(kube, STR("a.b"), STR("things"), &resource, &err), 0);
	assert_string_equal(resource.version, "v1");
	assert_int_equal(kube_find_plural(kube, STR("a.b"), STR("olds"), &resource, &err), 0);
	assert_string_equal(resource.version, "v1beta1");
	assert_int_equal(kube_find_plural(kube, STR("c.d"), STR("x"), &resource, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	kube_close(kube);
	server_finish(server);
	(void)state;
}

static void a_failing_server_is_not_remembered(void **state)
{
	static const struct exchange script[] = {
		{"GET /api/v1", NULL, 403, "{\"message\":\"not you\"}"},
		{"GET /api/v1", NULL, 200, CORE},
	};
	struct server *server = SERVER_START(script);
	struct kube *kube = server_client(server, "{}");
	struct kube_resource resource;
	struct error err;

	assert_int_equal(kube_find_kind(kube, STR("v1"), STR("Secret"), &resource, &err), -1);
	assert_int_equal(err.code, ERROR_FORBIDDEN);
	assert_int_equal(kube_find_kind(kube, STR("v1"), STR("Secret"), &resource, &err), 0);
	kube_close(kube);
	server_finish(server);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kind_is_asked_for_once),
		cmocka_unit_test(a_missing_kind_is_asked_for_again_later),
		cmocka_unit_test(a_plural_is_looked_for_in_the_preferred_version_first),
		cmocka_unit_test(a_failing_server_is_not_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
