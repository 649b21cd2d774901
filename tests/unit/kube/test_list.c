/*
 * test_list.c - lists: pages become one list, items know their kind.
 */
#include "base/cleanup.h"
#include "server.h"

static const struct kube_resource pods = {
	.version = "v1", .kind = "Pod", .plural = "pods", .namespaced = true};

static void pages_become_one_list(void **state)
{
	static const struct exchange script[] = {
		{"GET /api/v1/pods?limit=500", NULL, 200,
			"{\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"t=1\","
			"\"remainingItemCount\":2},\"items\":[{\"n\":1}]}"},
		{"GET /api/v1/pods?limit=500&continue=t%3D1", NULL, 200,
			"{\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"t=2\"},"
			"\"items\":[{\"n\":2,\"kind\":\"Own\"}]}"},
		{"GET /api/v1/pods?limit=500&continue=t%3D2", NULL, 200,
			"{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[{\"n\":3}]}"},
	};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct server *server = SERVER_START(script);
	struct kube *kube = server_client(server, "{}");
	struct json *list;

	assert_int_equal(kube_list(kube, arena, &pods, NULL, &list, NULL), 0);
	assert_string_equal(json_text(arena, list, 0).ptr,
		"{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":["
		"{\"n\":1,\"kind\":\"Pod\",\"apiVersion\":\"v1\"},"
		"{\"n\":2,\"kind\":\"Own\",\"apiVersion\":\"v1\"},"
		"{\"n\":3,\"kind\":\"Pod\",\"apiVersion\":\"v1\"}]}");
	kube_close(kube);
	server_finish(server);
	(void)state;
}

static void an_expired_token_asks_for_all_at_once(void **state)
{
	static const struct exchange script[] = {
		{"GET /api/v1/namespaces/ns/pods?limit=500", NULL, 200,
			"{\"metadata\":{\"continue\":\"t\"},\"items\":[{\"n\":1}]}"},
		{"GET /api/v1/namespaces/ns/pods?limit=500&continue=t", NULL, 410, "{}"},
		{"GET /api/v1/namespaces/ns/pods?", NULL, 200, "{\"items\":[{\"n\":1},{\"n\":2}]}"},
	};
	static const struct kube_list options = {.name_space = STR("ns")};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct server *server = SERVER_START(script);
	struct kube *kube = server_client(server, "{}");
	struct json *list;

	assert_int_equal(kube_list(kube, arena, &pods, &options, &list, NULL), 0);
	assert_int_equal(json_count(json_get(list, "items")), 2);
	kube_close(kube);
	server_finish(server);
	(void)state;
}

static void an_answer_that_is_no_list_is_refused(void **state)
{
	static const struct exchange script[] = {
		{"GET /api/v1/pods?limit=500", NULL, 200, "{\"items\":{}}"},
	};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct server *server = SERVER_START(script);
	struct kube *kube = server_client(server, "{}");
	struct json *list;
	struct error err;

	assert_int_equal(kube_list(kube, arena, &pods, NULL, &list, &err), -1);
	assert_int_equal(err.code, ERROR_INTERNAL);
	kube_close(kube);
	server_finish(server);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_become_one_list),
		cmocka_unit_test(an_expired_token_asks_for_all_at_once),
		cmocka_unit_test(an_answer_that_is_no_list_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
