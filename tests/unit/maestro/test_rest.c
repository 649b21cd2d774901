/*
 * test_rest.c - tests src/maestro/rest*.c: one conversation with a server, as a table. There is no
 * broker: REST does not need one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../postgres_test.h"
#include "maestro/maestro.h"
#include "net/http_client.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define C "/api/maestro/v1/consumers"
#define B "/api/maestro/v1/resource-bundles"
#define WORK1 "b36c830b-4868-5d1f-908a-e8e9d0428f29"
#define MANIFESTS                                                                              \
	"\"manifests\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":" \
	"\"c\"}}]"

struct step {
	const char *method;
	const char *path; /* @ stands for the id of the last consumer made */
	const char *body;
	int status;
	const char *contains[4];
};

static struct http_client *client;
static struct maestro *maestro;
static char path[64];

static int set_up(void **state)
{
	char url[192];
	char base[64];
	struct maestro_config config = {
		.store_url = url, .broker_host = "127.0.0.1", .broker_port = 1};
	struct http_client_config http = {.base_url = base};
	struct error err;

	snprintf(path, sizeof(path), "/tmp/reeve-rest-XXXXXX");
	if (mkdtemp(path) == NULL)
		return -1;
	if (!test_store_wipe(path, "rest"))
		return -1;
	test_store_url(url, sizeof(url), path, "rest");
	if (maestro_start(&maestro, &config, &err) != 0)
		return -1;
	snprintf(base, sizeof(base), "http://127.0.0.1:%u", maestro_port(maestro));
	return http_client_new(&client, &http, &err);
}

static int tear_down(void **state)
{
	char command[128];

	http_client_free(client);
	maestro_stop(maestro);
	snprintf(command, sizeof(command), "rm -rf %s", path);
	return system(command);
}

static struct str expand(struct arena *arena, const char *text, struct str id)
{
	const char *at = strchr(text, '@');

	if (at == NULL || at[1] == '>')
		return str_of(text);
	return arena_printf(arena, "%.*s%" STR_F "%s", (int)(at - text), text, STR_A(id), at + 1);
}

static void run(const struct step *steps, size_t count)
{
	struct arena *arena = arena_new(0);
	struct str id = STR("none");

	for (size_t i = 0; i < count; i++) {
		struct http_call call = {.method = steps[i].method, .body = str_of(steps[i].body)};
		struct http_answer answer;
		struct json *document;
		struct error err = {0};

		call.path = expand(arena, steps[i].path, id);
		if (http_client_call(client, arena, &call, &answer, &err) != 0)
			fail_msg("%s %s: %s", steps[i].method, steps[i].path, err.message);
		if (answer.status != steps[i].status)
			fail_msg("%s %s: %d: %" STR_F, steps[i].method, steps[i].path,
				answer.status, STR_A(answer.body));
		for (size_t j = 0; j < COUNT(steps[i].contains) && steps[i].contains[j]; j++) {
			struct str wanted = expand(arena, steps[i].contains[j], id);

			if (str_find(answer.body, wanted) < 0)
				fail_msg("%s %s: no %" STR_F " in %" STR_F, steps[i].method,
					steps[i].path, STR_A(wanted), STR_A(answer.body));
		}
		if (answer.status == 201 &&
			json_parse(arena, answer.body, NULL, &document, NULL) == 0 &&
			str_eq_c(json_get_text(document, "kind"), "Consumer"))
			id = json_get_text(document, "id");
	}
	arena_free(arena);
}

static void the_interface_describes_itself(void **state)
{
	static const struct step steps[] = {
		{"GET", "/api/maestro", NULL, 200, {"\"kind\":\"API\""}},
		{"GET", "/api/maestro/", NULL, 200, {"\"id\":\"v1\""}},
		{"GET", "/api/maestro/v1", NULL, 200, {"resource-bundles"}},
		{"GET", "/api/maestro/v1/errors", NULL, 200,
			{"\"kind\":\"ErrorList\"", "\"code\":\"maestro-7\""}},
		{"GET", "/api/maestro/v1/errors/8", NULL, 200, {"\"code\":\"maestro-8\""}},
		{"GET", "/api/maestro/v1/errors/77", NULL, 404, {"Error with id='77' not found"}},
		{"GET", "/nowhere", NULL, 404,
			{"\"type\":\"Error\"", "\"code\":\"maestro-404\"",
				"The requested resource '/nowhere' doesn't exist"}},
		{"PUT", C, "{}", 405, {NULL}},
		{"GET", "/healthcheck", NULL, 503, {"not ready"}},
	};

	run(steps, COUNT(steps));
}

static void consumers_are_made_changed_and_removed(void **state)
{
	static const struct step steps[] = {
		{"POST", C, "{\"name\":\"mc-1\",\"labels\":{\"env\":\"dev\"}}", 201,
			{"\"kind\":\"Consumer\"", "\"name\":\"mc-1\"",
				"\"labels\":{\"env\":\"dev\"}", "\"created_at\":\"20"}},
		{"POST", C, "{\"name\":\"mc-1\"}", 409,
			{"\"code\":\"maestro-6\"", "This Consumer already exists",
				"\"operation_id\":"}},
		{"POST", C, "{\"id\":\"x\"}", 400, {"\"code\":\"maestro-8\"", "id must be empty"}},
		{"POST", C, "{broken", 400,
			{"\"code\":\"maestro-17\"", "Invalid request format: "}},
		{"POST", C, "{\"name\":\"_\"}", 400,
			{"Unable to create Consumer: consumer.name: Invalid value: \\\"_\\\": a "
			 "lowercase"}},
		{"POST", C, "{\"name\":\"a\",\"labels\":{\"a\":1}}", 400, {"label a is a number"}},
		{"GET", C "/@", NULL, 200, {"\"name\":\"mc-1\"", "\"href\":\"" C "/@\""}},
		{"GET", C "/none", NULL, 404,
			{"\"code\":\"maestro-7\"", "Consumer with id='none' not found"}},
		{"PATCH", C "/@", "{\"name\":\"other\"}", 200,
			{"\"name\":\"mc-1\"", "\"labels\":{\"env\":\"dev\"}"}},
		{"PATCH", C "/@", "{\"labels\":{\"tier\":\"a\"}}", 200,
			{"\"labels\":{\"tier\":\"a\"}"}},
		{"GET", C "?search=labels->>'tier'='a'", NULL, 200, {"\"total\":1"}},
		{"GET", C "?search=labels->>'env'='dev'", NULL, 200, {"\"total\":0"}},
		{"PATCH", C "/@", "{\"labels\":{}}", 200, {"\"name\":\"mc-1\",\"created_at\""}},
		{"PATCH", C "/none", "{}", 404, {"Consumer with id='none' not found"}},
		{"GET", C, NULL, 200,
			{"\"kind\":\"ConsumerList\"", "\"page\":1,\"size\":1,\"total\":1"}},
		{"POST", B,
			"{\"consumer_name\":\"mc-1\",\"metadata\":{\"name\":\"a\"}," MANIFESTS "}",
			201, {NULL}},
		{"DELETE", C "/@", NULL, 403,
			{"\"code\":\"maestro-4\"",
				"Unable to delete Consumer: ", "foreign key constraint"}},
		{"DELETE", C "/none", NULL, 204, {NULL}},
		{"POST", C, "{\"name\":\"unused\"}", 201, {NULL}},
		{"DELETE", C "/@", NULL, 204, {NULL}},
		{"GET", C "/@", NULL, 404, {NULL}},
		/* Without a name its id is its name. */
		{"POST", C, "{}", 201, {NULL}},
		{"GET", C "/@", NULL, 200, {"\"name\":\"@\""}},
	};

	run(steps, COUNT(steps));
}

static void bundles_are_made_found_and_changed(void **state)
{
	static const struct step steps[] = {
		{"POST", C, "{\"name\":\"cluster1\"}", 201, {NULL}},
		{"POST", B,
			"{\"consumer_name\":\"cluster1\",\"source\":\"src-a\",\"metadata\":{"
			"\"name\":\"work1\","
			"\"labels\":{\"a.b/c\":\"d\",\"env\":\"x\"}}," MANIFESTS "}",
			201,
			{"\"id\":\"" WORK1 "\"", "\"version\":1", "\"name\":\"" WORK1 "\"",
				"\"consumer_name\":\"cluster1\""}},
		{"POST", B,
			"{\"consumer_name\":\"cluster1\",\"source\":\"src-a\",\"metadata\":{"
			"\"name\":\"work1\"}," MANIFESTS "}",
			409, {"\"code\":\"maestro-6\"", "This Resource already exists"}},
		{"POST", B,
			"{\"consumer_name\":\"none\",\"metadata\":{\"name\":\"w\"}," MANIFESTS "}",
			400, {"consumer \\\"none\\\" does not exist"}},
		{"POST", B,
			"{\"consumer_name\":\"cluster1\",\"metadata\":{\"name\":\"w\"},"
			"\"manifests\":[{}]}",
			400,
			{"\"code\":\"maestro-8\"", "the manifest bundle in the resource is "
						   "invalid, manifest is empty"}},
		{"POST", B,
			"{\"consumer_name\":\"cluster1\",\"source\":\"src-b\",\"metadata\":{"
			"\"name\":\"work2\"}," MANIFESTS "}",
			201, {NULL}},
		{"GET", B "/none", NULL, 404, {"Resource with id='none' not found"}},
		{"GET", B "?search=source%3D'src-a'%20and%20consumer_name%3D'cluster1'", NULL, 200,
			{"\"kind\":\"ResourceBundleList\",\"page\":1,\"size\":1,\"total\":1",
				WORK1}},
		{"GET", B "?search=payload-%3E'metadata'-%3E'labels'@>'%7B%22a.b/c%22:%22d%22%7D'",
			NULL, 200, {"\"total\":1"}},
		{"GET", B "?search=payload-%3E'metadata'-%3E'labels'-%3E%3E'env'in('x','y')", NULL,
			200, {"\"total\":1"}},
		{"GET", B "?search=payload-%3E'metadata'-%3E'labels'-%3E%3E'env'%3C%3E'y'", NULL,
			200, {"\"total\":1"}},
		{"GET", B "?search=id%20in%20('" WORK1 "')", NULL, 200, {"\"total\":1"}},
		{"GET", B "?search=nonsense", NULL, 400,
			{"\"code\":\"maestro-21\"", "search query"}},
		{"GET", B "?orderBy=version%20sideways", NULL, 400,
			{"bad order value 'version sideways'"}},
		{"GET", B "?size=1&orderBy=created_at", NULL, 200,
			{"\"size\":1,\"total\":2", WORK1}},
		{"GET", B "?size=1&page=2&orderBy=created_at%20desc", NULL, 200,
			{"\"page\":2,\"size\":1,\"total\":2", WORK1}},
		{"GET", B "?size=0", NULL, 200, {"\"size\":0,\"total\":2,\"items\":[]"}},
		{"GET", B "?page=9", NULL, 200, {"\"size\":0,\"total\":2"}},
		{"PATCH", B "/" WORK1, "{\"version\":1,\"metadata\":{\"labels\":{\"env\":\"z\"}}}",
			200, {"\"version\":2"}},
		{"PATCH", B "/" WORK1, "{\"version\":1,\"metadata\":{\"labels\":{\"env\":\"q\"}}}",
			409,
			{"\"code\":\"maestro-6\"",
				"the resource version is not the latest, the latest version: 2"}},
		{"PATCH", B "/" WORK1, "{\"version\":0,\"metadata\":{\"labels\":{\"env\":\"z\"}}}",
			200, {"\"version\":2"}},
		{"PATCH", B "/" WORK1, "{\"version\":\"x\"}", 400, {"\"code\":\"maestro-17\""}},
		{"PATCH", B "/" WORK1, "{\"manifests\":[{}]}", 400,
			{"the new manifest bundle in the resource is invalid, manifest is empty"}},
		{"PATCH", B "/none", "{}", 404, {"Resource with id='none' not found"}},
		{"DELETE", B "/" WORK1, NULL, 204, {NULL}},
		{"DELETE", B "/" WORK1, NULL, 204, {NULL}},
		{"DELETE", B "/none", NULL, 204, {NULL}},
		{"GET", B "/" WORK1, NULL, 200, {"\"deleted_at\":\"", "\"deletionTimestamp\":\""}},
		{"GET", B, NULL, 200, {"\"total\":2"}},
		{"PATCH", B "/" WORK1, "{}", 409, {"the resource is under deletion, id: " WORK1}},
		{"POST", B,
			"{\"consumer_name\":\"cluster1\",\"source\":\"src-a\",\"metadata\":{"
			"\"name\":\"work1\"}," MANIFESTS "}",
			409, {"This Resource already exists"}},
		{"GET", B "/watch?after=x", NULL, 400, {"after=x is not a sequence"}},
	};

	run(steps, COUNT(steps));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* One call with an If-Match header (NULL: without); the answer lives in the arena. */
static struct http_answer call_if(struct arena *arena, const char *method, struct str target,
	const char *body, const char *tag)
{
	struct http_header header = {STR("If-Match"), str_of(tag)};
	struct http_call call = {.method = method,
		.path = target,
		.body = str_of(body),
		.headers = &header,
		.header_count = tag != NULL};
	struct http_answer answer;
	struct error err = {0};

	if (http_client_call(client, arena, &call, &answer, &err) != 0)
		fail_msg("%s", err.message);
	return answer;
}

static void a_stale_version_changes_nothing(void **state)
{
	struct arena *arena = arena_new(0);
	struct json *made;
	struct http_answer answer;

	call_if(arena, "POST", STR(C), "{\"name\":\"mc-tags\"}", NULL);
	answer = call_if(arena, "POST", STR(B),
		"{\"consumer_name\":\"mc-tags\",\"metadata\":{\"name\":\"a\"}," MANIFESTS "}",
		NULL);
	assert_int_equal(answer.status, 201);
	assert_true(str_eq_c(http_answer_header(&answer, "ETag"), "\"1\""));
	assert_int_equal(json_parse(arena, answer.body, NULL, &made, NULL), 0);
	struct str target = arena_printf(arena, B "/%" STR_F, STR_A(json_get_text(made, "id")));
	const struct {
		const char *method, *tag, *body;
		int status;
		const char *version; /* afterwards */
	} rows[] = {
		{"PATCH", "\"2\"", "{\"metadata\":{\"name\":\"a\",\"labels\":{\"v\":\"b\"}}}", 412,
			"\"1\""},
		{"PATCH", "\"7\", \"1\"",
			"{\"metadata\":{\"name\":\"a\",\"labels\":{\"v\":\"b\"}}}", 200, "\"2\""},
		{"PATCH", "\"1\"", "{\"metadata\":{\"name\":\"a\",\"labels\":{\"v\":\"c\"}}}", 412,
			"\"2\""},
		{"PATCH", "*", "{\"metadata\":{\"name\":\"a\",\"labels\":{\"v\":\"c\"}}}", 200,
			"\"3\""},
		{"PATCH", "\"3\"",
			"{\"version\":2,\"metadata\":{\"name\":\"a\",\"labels\":{\"v\":\"d\"}}}",
			409, "\"3\""},
		{"DELETE", "\"2\"", NULL, 412, "\"3\""},
		{"DELETE", "\"3\"", NULL, 204, "\"3\""},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		answer = call_if(arena, rows[i].method, target, rows[i].body, rows[i].tag);
		if (answer.status != rows[i].status)
			fail_msg("row %zu: %d: %" STR_F, i, answer.status, STR_A(answer.body));
		if (answer.status == 412)
			assert_true(str_find(answer.body, STR("\"code\":\"maestro-27\"")) >= 0);
		answer = call_if(arena, "GET", target, NULL, NULL);
		assert_true(str_eq_c(http_answer_header(&answer, "ETag"), rows[i].version));
	}
	assert_int_equal(call_if(arena, "DELETE", STR(B "/none"), NULL, "*").status, 412);
	assert_int_equal(call_if(arena, "DELETE", STR(B "/none"), NULL, NULL).status, 204);
	arena_free(arena);
}

static void an_answer_holds_the_fields_that_were_asked_for(void **state)
{
	static const struct step steps[] = {
		{"POST", C, "{\"name\":\"mc-fields\",\"labels\":{\"a\":\"b\"}}", 201, {NULL}},
		{"GET", C "/@?fields=name", NULL, 200, {"{\"id\":\"@\",\"name\":\"mc-fields\"}"}},
		{"GET", C "?search=name='mc-fields'&fields=labels,id", NULL, 200,
			{"\"items\":[{\"id\":\"@\",\"labels\":{\"a\":\"b\"}}]"}},
		{"GET", C "?fields=nonsense,name,x", NULL, 400,
			{"\"code\":\"maestro-8\"", "The following field(s) doesn't exist in "
						   "`Consumer`: nonsense, x"}},
		{"POST", B,
			"{\"consumer_name\":\"mc-fields\",\"metadata\":{\"name\":\"a\"}," MANIFESTS
			"}",
			201, {NULL}},
		{"GET", B "?search=consumer_name='mc-fields'&fields=version&fields=consumer_name",
			NULL, 200, {",\"consumer_name\":\"mc-fields\",\"version\":1}]"}},
		{"GET", B "/none?fields=labels", NULL, 400, {"`ResourceBundle`: labels"}},
	};

	run(steps, COUNT(steps));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stale_version_changes_nothing),
		TEST(an_answer_holds_the_fields_that_were_asked_for),
		TEST(the_interface_describes_itself),
		TEST(consumers_are_made_changed_and_removed),
		TEST(bundles_are_made_found_and_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
