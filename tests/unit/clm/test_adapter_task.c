/*
 * test_adapter_task.c - the adapter's two files: what is read, and what is refused in which words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "clm/adapter_task.h"
#include "data/yaml.h"

#define ADAPTERS REEVE_SOURCE_DIR "/config/adapters/"
#define CONFIG                                         \
	"adapter: {name: a}\n"                         \
	"clients:\n"                                   \
	"  hyperfleet_api: {base_url: 'http://clm'}\n" \
	"  broker: {subscription_id: s, topic: t}\n"
#define CONFIG_MAESTRO                                                                       \
	CONFIG "  maestro: {http_server_address: 'http://maestro', source_id: a, insecure: " \
	       "true}\n"

static int parse_settings(struct arena *arena, const char *yaml,
	const struct adapter_overrides *overrides, struct adapter_settings *ret, struct error *err)
{
	struct json *document = NULL;
	assert_int_equal(yaml_parse(arena, str_of(yaml), &document, err), 0);
	return adapter_settings_parse(arena, document, overrides, ret, err);
}

static struct adapter_settings good_settings(struct arena *arena)
{
	struct adapter_settings settings;
	struct adapter_overrides none = {0};
	struct error err = {0};
	if (parse_settings(arena, CONFIG_MAESTRO, &none, &settings, &err) != 0)
		fail_msg("%s", err.message);
	return settings;
}

/* Reads a task from a file of its own. */
static int load_task(
	struct arena *arena, const char *yaml, struct adapter_task *ret, struct error *err)
{
	struct adapter_settings *settings = arena_new_of(arena, struct adapter_settings);
	char path[] = "/tmp/reeve-task-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	close(fd);
	*settings = good_settings(arena);
	int rc = adapter_task_load(arena, path, settings, ret, err);
	unlink(path);
	return rc;
}

static void a_configuration_gets_hyperfleets_defaults(void **state)
{
	struct arena *arena = arena_new(0);
	struct adapter_settings settings = good_settings(arena);
	assert_int_equal(settings.timeout_us, 10 * CLOCK_US_PER_S);
	assert_int_equal(settings.attempts, 3);
	assert_int_equal(settings.backoff, ADAPTER_EXPONENTIAL);
	assert_true(str_eq_c(settings.api_version, "v1"));
	assert_true(str_eq_c(settings.source_id, "a"));
	arena_free(arena);
}

static void what_the_program_knows_overrides_the_file(void **state)
{
	struct arena *arena = arena_new(0);
	struct adapter_settings settings;
	struct adapter_overrides overrides = {"http://127.0.0.1:1/", "https://m"};
	assert_int_equal(parse_settings(arena, CONFIG_MAESTRO, &overrides, &settings, NULL), 0);
	assert_true(str_eq_c(settings.api_url, "http://127.0.0.1:1"));
	assert_true(str_eq_c(settings.maestro_url, "https://m"));
	assert_true(str_eq_c(json_str(json_find(settings.document, "clients", "hyperfleet_api",
				     "base_url", NULL)),
		"http://127.0.0.1:1/"));
	/* An adapter without a transport gets none from outside. */
	assert_int_equal(parse_settings(arena, CONFIG, &overrides, &settings, NULL), 0);
	assert_true(str_is_null(settings.maestro_url));
	arena_free(arena);
}

static void a_wrong_configuration_is_refused_with_the_place(void **state)
{
	static const struct {
		const char *yaml, *message;
	} cases[] = {
		{"{}", "adapter is missing"},
		{CONFIG "log: {level: info}\n", "log is not supported: "},
		{CONFIG "  kubernetes: {}\n", "clients.kubernetes is not supported: "},
		{CONFIG "  maestro: {http_server_address: 'http://m', source_id: a}\n",
			"clients.maestro.http_server_address \"http://m\" must be https"},
		{CONFIG "  maestro: {http_server_address: 'https://m', source_id: a, "
			"grpc_server_address: m}\n",
			"clients.maestro.grpc_server_address is not supported: Maestro is called "
			"by "
			"REST"},
		{"adapter: {name: a, nmae: b}\nclients: {}\n",
			"adapter.nmae is not a key known here (known: name, version)"},
		{"adapter: {name: a}\nclients: {hyperfleet_api: {base_url: 'http://c', "
		 "retry_backoff: never}, broker: {subscription_id: s, topic: t}}\n",
			"clients.hyperfleet_api.retry_backoff \"never\" must be exponential, "
			"linear "
			"or constant"},
		{"adapter: {name: a}\nclients: {hyperfleet_api: {base_url: 'http://c'}, "
		 "broker: {topic: t}}\n",
			"clients.broker.subscription_id is missing"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new(0);
		struct adapter_settings settings;
		struct adapter_overrides none = {0};
		struct error err = {0};
		assert_int_equal(parse_settings(arena, cases[i].yaml, &none, &settings, &err), -1);
		if (str_find(str_of(err.message), str_of(cases[i].message)) < 0)
			fail_msg("case %zu: \"%s\" instead of \"%s\"", i, err.message,
				cases[i].message);
		arena_free(arena);
	}
}

#define RESOURCE                                                            \
	"resources:\n"                                                      \
	"  - name: work\n"                                                  \
	"    transport: {client: maestro, maestro: {target_cluster: mc}}\n" \
	"    manifest: {kind: ManifestWork}\n"                              \
	"    discovery: {by_name: x}\n"

static void a_task_is_read_as_a_whole(void **state)
{
	struct arena *arena = arena_new(0);
	struct adapter_task task;
	struct error err = {0};
	int rc = load_task(arena,
		"params:\n"
		"  - {name: id, source: event.id, type: string, required: true}\n"
		"  - {name: region, source: env.REGION, default: us-east-1}\n"
		"  - {name: owner, source: cluster.spec.owner}\n"
		"  - {name: sum, source: {expression: '1 + 1'}, when: {expression: 'true'}}\n"
		"  - name: cluster\n"
		"    source: {api_call: {method: GET, url: '/clusters/{{ .id }}', timeout: 60s,\n"
		"      retry_attempts: 5, retry_backoff: linear}}\n"
		"preconditions:\n"
		"  - {name: ready, expression: 'sum == 2'}\n" RESOURCE "    nested_discoveries:\n"
		"      - {name: inner, discovery: {by_name: y, namespace: z}}\n"
		"    lifecycle: {delete: {propagationPolicy: Background, when: {expression: "
		"'true'}}}\n"
		"post:\n"
		"  payloads:\n"
		"    - name: report\n"
		"      when: {expression: 'true'}\n"
		"      build: {a: 1, b: '{{ .id }}', c: {expression: sum, default: 3}, d: [{field: "
		"x}]}\n"
		"  post_actions:\n"
		"    - name: send\n"
		"      api_call: {method: PUT, url: /x, body: '{{ .report }}',\n"
		"        headers: [{name: A, value: b}]}\n",
		&task, &err);
	if (rc != 0)
		fail_msg("%s", err.message);
	assert_int_equal(task.param_count, 5);
	assert_int_equal(task.params[0].source, ADAPTER_SOURCE_EVENT);
	assert_true(str_eq_c(task.params[0].path, "id"));
	assert_int_equal(task.params[1].source, ADAPTER_SOURCE_ENV);
	assert_int_equal(task.params[2].source, ADAPTER_SOURCE_PARAM);
	assert_non_null(task.params[3].when);
	assert_int_equal(task.params[4].call->attempts, 5);
	assert_int_equal(task.params[4].call->backoff, ADAPTER_LINEAR);
	/* A call may not take longer than the client's own timeout. */
	assert_int_equal(task.params[4].call->timeout_us, 10 * CLOCK_US_PER_S);
	assert_true(task.has_lifecycle);
	assert_int_equal(task.resources[0].nested_count, 1);
	assert_int_equal(task.payloads[0].build.count, 4);
	assert_int_equal(task.payloads[0].build.children[0].kind, ADAPTER_BUILD_LITERAL);
	assert_int_equal(task.payloads[0].build.children[1].kind, ADAPTER_BUILD_TEMPLATE);
	assert_int_equal(task.payloads[0].build.children[2].kind, ADAPTER_BUILD_EXPRESSION);
	assert_int_equal(task.payloads[0].build.children[3].kind, ADAPTER_BUILD_LIST);
	arena_free(arena);
}

static void a_wrong_task_is_refused_with_the_place(void **state)
{
	static const struct {
		const char *yaml, *message;
	} cases[] = {
		{"parms: []\n", "parms is not a key known here"},
		{"params: [{name: a}]\n", "params[0].source is missing"},
		{"params: [{name: a, source: {expression: '1', file: {path: x}}}]\n",
			"params[0].source must have exactly one of api_call, expression and file"},
		{"params: [{name: a, source: {expression: '(('}}]\n",
			"params[0].source.expression: "},
		{"params: [{name: a, source: event.b, type: map}]\n",
			"params[0].type \"map\" must be string, int"},
		{"params: [{name: a, source: {api_call: {method: GET, url: '{{ .x'}}}]\n",
			"params[0].source.api_call.url: "},
		{"params: [{name: a, source: {api_call: {method: HEAD, url: /x}}}]\n",
			"params[0].source.api_call.method \"HEAD\" must be GET"},
		{"preconditions: [{name: Ready, expression: 'true'}]\n",
			"preconditions[0].name \"Ready\" must match"},
		{"preconditions: [{name: ready, expression: 'true', api_call: {}}]\n",
			"preconditions[0].api_call is not supported: use a param with api_call"},
		{RESOURCE "    recreate_on_change: true\n",
			"resources[0].recreate_on_change is not supported: "},
		{RESOURCE "    lifecycle: {recreate: {}}\n",
			"resources[0].lifecycle.recreate is not a key known here (known: create, "
			"delete)"},
		{RESOURCE "    lifecycle: {delete: {}}\n",
			"resources[0].lifecycle.delete.when is missing"},
		{RESOURCE "    lifecycle: {delete: {propagationPolicy: Now, when: {expression: "
			  "'true'}}}\n",
			"resources[0].lifecycle.delete.propagationPolicy \"Now\" must be "
			"Background"},
		{"resources:\n  - name: work\n    transport: {client: kubernetes, maestro: "
		 "{target_cluster: mc}}\n    manifest: {a: b}\n    discovery: {by_name: x}\n",
			"resources[0].transport.client must be maestro"},
		{"resources:\n  - name: work\n    transport: {client: maestro, maestro: "
		 "{target_cluster: mc}}\n    manifest: {ref: ../secret.yaml}\n    discovery: "
		 "{by_name: x}\n",
			"resources[0].manifest.ref \"../secret.yaml\" must stay inside"},
		{"resources:\n  - name: work\n    transport: {client: maestro, maestro: "
		 "{target_cluster: mc}}\n    manifest: {ref: reeve-no-such-file}\n    discovery: "
		 "{by_name: x}\n",
			"resources[0].manifest.ref: there is no file"},
		{"resources:\n  - name: work\n    transport: {client: maestro, maestro: "
		 "{target_cluster: mc}}\n    manifest: {a: b}\n    discovery: {by_selectors: {}}\n",
			"resources[0].discovery.by_selectors is not supported: use by_name"},
		{"post: {payloads: [{name: p}]}\n",
			"post.payloads[0] needs either build or build_ref"},
		{"post: {payloads: [{name: p, build: {a: {expression: 1}}}]}\n",
			"post.payloads[0].build.a: expression must be text"},
		{"post: {payloads: [{name: p, build: {a: [{expression: '['}]}}]}\n",
			"post.payloads[0].build.a[0]: "},
		{"post: {post_actions: [{name: a}]}\n", "post.post_actions[0].api_call is missing"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new(0);
		struct adapter_task task;
		struct error err = {0};
		assert_int_equal(load_task(arena, cases[i].yaml, &task, &err), -1);
		/* The file's path stands before it. */
		if (str_find(str_of(err.message), str_of(cases[i].message)) < 0)
			fail_msg("case %zu: \"%s\" instead of \"%s\"", i, err.message,
				cases[i].message);
		arena_free(arena);
	}
}

static void the_shipped_files_are_read(void **state)
{
	static const char *const names[] = {"placement", "hypershift"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct arena *arena = arena_new(0);
		struct adapter_settings settings;
		struct adapter_overrides none = {0};
		struct adapter_task task;
		struct error err = {0};
		const char *config =
			arena_printf(arena, ADAPTERS "%s/adapter-config.yaml", names[i]).ptr;
		const char *file =
			arena_printf(arena, ADAPTERS "%s/adapter-task.yaml", names[i]).ptr;
		if (adapter_settings_load(arena, config, &none, &settings, &err) != 0 ||
			adapter_task_load(arena, file, &settings, &task, &err) != 0)
			fail_msg("%s", err.message);
		assert_true(str_eq_c(settings.name, names[i]));
		assert_int_equal(task.payload_count, 1);
		arena_free(arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration_gets_hyperfleets_defaults),
		cmocka_unit_test(what_the_program_knows_overrides_the_file),
		cmocka_unit_test(a_wrong_configuration_is_refused_with_the_place),
		cmocka_unit_test(a_task_is_read_as_a_whole),
		cmocka_unit_test(a_wrong_task_is_refused_with_the_place),
		cmocka_unit_test(the_shipped_files_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
