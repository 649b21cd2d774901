/*
 * test_kube.c - calls on objects: what goes over the wire, and what errors become.
 */
#include <unistd.h>

#include "base/cleanup.h"
#include "server.h"

static const struct kube_resource config_maps = {
	.version = "v1", .kind = "ConfigMap", .plural = "configmaps", .namespaced = true};
static const struct kube_resource hosted_clusters = {.group = "hypershift.openshift.io",
	.version = "v1beta1",
	.kind = "HostedCluster",
	.plural = "hostedclusters",
	.namespaced = true,
	.has_status = true};
static const struct kube_resource name_spaces = {
	.version = "v1", .kind = "Namespace", .plural = "namespaces"};

static struct json *document(struct arena *arena, const char *text)
{
	struct json *value = NULL;

	assert_int_equal(json_parse(arena, str_of(text), NULL, &value, NULL), 0);
	return value;
}

static void each_call_is_one_request(void **state)
{
	static const struct exchange script[] = {
		{"GET /api/v1/namespaces/ns/configmaps/a%2Fb", "", 200, "{\"kind\":\"ConfigMap\"}"},
		{"GET /api/v1/namespaces/ns", "", 200, "{}"},
		{"GET /apis/hypershift.openshift.io/v1beta1/namespaces/ns/hostedclusters/c/status",
			"", 200, "{}"},
		{"POST /api/v1/namespaces/ns/configmaps", "{\"a\":1}", 201, "{\"a\":2}"},
		{"POST /api/v1/namespaces", "{\"a\":1}", 201, "{}"},
		{"PUT /api/v1/namespaces/ns/configmaps/m", "{\"a\":1}", 200, "{}"},
		{"PATCH /api/v1/namespaces/ns/configmaps/m?fieldManager=work%20agent&force=true",
			"{\"a\":1}", 200, "{}"},
		{"PATCH /api/v1/namespaces/ns/configmaps/m", "{\"a\":1}", 200, "{}"},
		{"DELETE /api/v1/namespaces/ns/configmaps/m",
			"{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"propagationPolicy\":"
			"\"Foreground\",\"preconditions\":{\"uid\":\"u1\"}}",
			200, "{}"},
		{"DELETE /api/v1/namespaces/ns",
			"{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\"}", 200, ""},
	};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct server *server = SERVER_START(script);
	struct kube *kube = server_client(server, "{}");
	const struct kube_ref slash = {&config_maps, STR("ns"), STR("a/b"), NULL};
	const struct kube_ref map = {&config_maps, STR("ns"), STR("m"), ""};
	const struct kube_ref name_space = {&name_spaces, STR("ignored"), STR("ns"), NULL};
	const struct kube_ref status = {&hosted_clusters, STR("ns"), STR("c"), "status"};
	struct json *body = document(arena, "{\"a\":1}"), *answer;
	struct error err = {0};

	assert_int_equal(kube_get(kube, arena, &slash, &answer, &err), 0);
	assert_true(str_eq_c(json_get_text(answer, "kind"), "ConfigMap"));
	assert_string_equal(server_last_header(server, "User-Agent"), "test/1");
	assert_int_equal(kube_get(kube, arena, &name_space, NULL, &err), 0);
	assert_int_equal(kube_get(kube, arena, &status, &answer, &err), 0);
	assert_int_equal(kube_create(kube, arena, &map, body, &answer, &err), 0);
	assert_int_equal(json_int(json_get(answer, "a"), 0), 2);
	assert_int_equal(kube_create(kube, arena, &name_space, body, NULL, &err), 0);
	assert_int_equal(kube_update(kube, arena, &map, body, NULL, &err), 0);
	assert_int_equal(kube_apply(kube, arena, &map, body, "work agent", true, NULL, &err), 0);
	assert_string_equal(
		server_last_header(server, "Content-Type"), "application/apply-patch+yaml");
	assert_int_equal(kube_patch(kube, arena, &map, KUBE_PATCH_JSON, body, NULL, &err), 0);
	assert_string_equal(
		server_last_header(server, "Content-Type"), "application/json-patch+json");
	const struct kube_delete options = {.propagation = "Foreground", .uid = STR("u1")};
	assert_int_equal(kube_delete(kube, arena, &map, &options, &err), 0);
	assert_int_equal(kube_delete(kube, arena, &name_space, NULL, &err), 0);
	kube_close(kube);
	server_finish(server);
	(void)state;
}

static void a_refusal_carries_the_servers_words(void **state)
{
	static const struct exchange script[] = {
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 404,
			"{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"configmaps "
			"\\\"m\\\" not found\",\"reason\":\"NotFound\",\"code\":404}"},
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 409, "{\"message\":\"busy\"}"},
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 403, "{\"message\":\"no\"}"},
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 410, "{\"message\":\"old\"}"},
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 422, "{\"message\":\"bad\"}"},
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 401, "Unauthorized"},
	};
	static const enum error_code codes[] = {ERROR_NOT_FOUND, ERROR_CONFLICT, ERROR_FORBIDDEN,
		ERROR_GONE, ERROR_UNPROCESSABLE, ERROR_UNAUTHENTICATED};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct server *server = SERVER_START(script);
	struct kube *kube = server_client(server, "{}");
	const struct kube_ref map = {&config_maps, STR("ns"), STR("m"), NULL};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct error err = {0};
		assert_int_equal(kube_get(kube, arena, &map, NULL, &err), -1);
		assert_int_equal(err.code, codes[i]);
		if (i == 0)
			assert_non_null(strstr(err.message, "configmaps \"m\" not found"));
	}
	kube_close(kube);
	server_finish(server);
	(void)state;
}

static void a_busy_server_is_asked_again_where_that_is_safe(void **state)
{
	static const struct exchange script[] = {
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 503, "{}"},
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 200, "{}"},
		{"POST /api/v1/namespaces/ns/configmaps", NULL, 503, "{}"},
	};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct server *server = SERVER_START(script);
	struct kube *kube = server_client(server, "{}");
	const struct kube_ref map = {&config_maps, STR("ns"), STR("m"), NULL};
	struct error err = {0};

	assert_int_equal(kube_get(kube, arena, &map, NULL, &err), 0);
	assert_int_equal(kube_create(kube, arena, &map, document(arena, "{}"), NULL, &err), -1);
	assert_int_equal(err.code, ERROR_UNAVAILABLE);
	kube_close(kube);
	server_finish(server);
	(void)state;
}

static void a_namespaced_object_needs_its_namespace(void **state)
{
	static const struct exchange script[] = {{"GET /version", NULL, 200, "{}"}};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct server *server = SERVER_START(script);
	struct kube *kube = server_client(server, "{}");
	const struct kube_ref map = {&config_maps, STR(""), STR("m"), NULL};
	struct error err = {0};

	assert_int_equal(kube_get(kube, arena, &map, NULL, &err), -1);
	assert_int_equal(err.code, ERROR_INVALID);
	assert_string_equal(
		err.message, "ConfigMap \"m\" needs a namespace: its kind is namespaced");
	assert_int_equal(kube_create(kube, arena, &map, document(arena, "{}"), NULL, &err), -1);
	assert_int_equal(kube_version(kube, arena, NULL, &err), 0);
	kube_close(kube);
	server_finish(server);
	(void)state;
}

static void credentials_go_with_each_request(void **state)
{
	static const struct {
		const char *user, *authorization;
	} rows[] = {
		{"{}", NULL},
		{"{token: abc}", "Bearer abc"},
		{"{username: jo, password: 'p:w'}", "Basic am86cDp3"},
	};
	static const struct exchange script[] = {{"GET /version", NULL, 200, "{}"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct server *server = SERVER_START(script);
		struct kube *kube = server_client(server, rows[i].user);
		assert_int_equal(kube_version(kube, arena, NULL, NULL), 0);
		const char *sent = server_last_header(server, "Authorization");
		if (rows[i].authorization)
			assert_string_equal(sent, rows[i].authorization);
		else
			assert_null(sent);
		kube_close(kube);
		server_finish(server);
	}
	(void)state;
}

static void a_token_is_read_from_its_file(void **state)
{
	static const struct exchange script[] = {{"GET /version", NULL, 200, "{}"}};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	char path[] = "/tmp/reeve-token-XXXXXX", user[64];
	int fd = mkstemp(path);
	struct server *server = SERVER_START(script);

	assert_true(dprintf(fd, "from-a-file\n") > 0);
	snprintf(user, sizeof(user), "{tokenFile: %s}", path);
	struct kube *kube = server_client(server, user);
	assert_int_equal(kube_version(kube, arena, NULL, NULL), 0);
	assert_string_equal(server_last_header(server, "Authorization"), "Bearer from-a-file");
	kube_close(kube);
	server_finish(server);
	close(fd);
	unlink(path);
	(void)state;
}

static void a_finalizer_is_added_and_removed_under_guard(void **state)
{
	static const struct exchange script[] = {
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 200,
			"{\"metadata\":{\"resourceVersion\":\"5\",\"finalizers\":[\"other\"]}}"},
		{"PATCH /api/v1/namespaces/ns/configmaps/m",
			"{\"metadata\":{\"finalizers\":[\"other\",\"mine\"],"
			"\"resourceVersion\":\"5\"}}",
			409, "{}"},
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 200,
			"{\"metadata\":{\"resourceVersion\":\"6\"}}"},
		{"PATCH /api/v1/namespaces/ns/configmaps/m",
			"{\"metadata\":{\"finalizers\":[\"mine\"],\"resourceVersion\":\"6\"}}", 200,
			"{}"},
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 200,
			"{\"metadata\":{\"resourceVersion\":\"7\",\"finalizers\":[\"mine\"]}}"},
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 200,
			"{\"metadata\":{\"resourceVersion\":\"7\",\"finalizers\":[\"mine\"]}}"},
		{"PATCH /api/v1/namespaces/ns/configmaps/m",
			"{\"metadata\":{\"finalizers\":[],\"resourceVersion\":\"7\"}}", 200, "{}"},
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 404, "{}"},
		{"GET /api/v1/namespaces/ns/configmaps/m", NULL, 404, "{}"},
	};
	struct server *server = SERVER_START(script);
	struct kube *kube = server_client(server, "{}");
	const struct kube_ref map = {&config_maps, STR("ns"), STR("m"), NULL};
	struct error err = {0};

	assert_int_equal(kube_add_finalizer(kube, &map, STR("mine"), &err), 0);
	assert_int_equal(kube_add_finalizer(kube, &map, STR("mine"), &err), 0);
	assert_int_equal(kube_remove_finalizer(kube, &map, STR("mine"), &err), 0);
	assert_int_equal(kube_remove_finalizer(kube, &map, STR("mine"), &err), 0);
	assert_int_equal(kube_add_finalizer(kube, &map, STR("mine"), &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	kube_close(kube);
	server_finish(server);
	(void)state;
}

static void a_server_that_is_away_is_named(void **state)
{
	static const struct exchange script[] = {{"GET /version", NULL, 200, "{}"}};
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct server *server = SERVER_START(script);
	struct kube *kube = server_client(server, "{}");
	struct error err = {0};

	assert_int_equal(kube_version(kube, arena, NULL, &err), 0);
	server_finish(server);
	assert_int_equal(kube_version(kube, arena, NULL, &err), -1);
	assert_int_equal(err.code, ERROR_UNAVAILABLE);
	assert_non_null(strstr(err.message, "does not answer"));
	kube_close(kube);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_is_one_request),
		cmocka_unit_test(a_refusal_carries_the_servers_words),
		cmocka_unit_test(a_busy_server_is_asked_again_where_that_is_safe),
		cmocka_unit_test(a_namespaced_object_needs_its_namespace),
		cmocka_unit_test(credentials_go_with_each_request),
		cmocka_unit_test(a_token_is_read_from_its_file),
		cmocka_unit_test(a_finalizer_is_added_and_removed_under_guard),
		cmocka_unit_test(a_server_that_is_away_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
