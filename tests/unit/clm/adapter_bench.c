/*
 * adapter_bench.c - see adapter_bench.h.
 */
#include "adapter_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "data/yaml.h"

int bench_setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	assert_non_null(bench);
	bench->arena = arena_new(0);
	bench->peers = peers_start();
	stop_init(&bench->stop);
	*state = bench;
	return 0;
}

int bench_teardown(void **state)
{
	struct bench *bench = *state;
	http_client_free(bench->api);
	http_client_free(bench->maestro);
	peers_stop(bench->peers);
	stop_destroy(&bench->stop);
	arena_free(bench->arena);
	free(bench);
	return 0;
}

const char *bench_text(struct bench *bench, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	struct str text = arena_vprintf(bench->arena, format, ap);
	va_end(ap);
	return text.ptr;
}

static void must(int rc, const struct error *err)
{
	if (rc != 0)
		fail_msg("%s", err->message);
}

static void load(struct bench *bench, const char *path)
{
	struct json *env = json_new_object(bench->arena);
	struct http_client_config api = {.stop = &bench->stop};
	struct http_client_config maestro = {
		.base_url = peers_url(bench->peers), .stop = &bench->stop};
	struct error err = {0};
	must(adapter_task_load(bench->arena, path, &bench->settings, &bench->task, &err), &err);
	json_set_text(env, "REGION", STR("us-east-1"));
	if (!bench->api) {
		must(http_client_new(&bench->api, &api, &err), &err);
		must(http_client_new(&bench->maestro, &maestro, &err), &err);
	}
	bench->context = (struct adapter_context){.settings = &bench->settings,
		.task = &bench->task,
		.env = env,
		.api = bench->api,
		.maestro = bench->maestro,
		.clock = &clock_system,
		.stop = &bench->stop};
}

void bench_task(struct bench *bench, const char *yaml)
{
	const char *url = peers_url(bench->peers);
	struct adapter_overrides none = {0};
	struct json *document = NULL;
	struct error err = {0};
	char path[] = "/tmp/reeve-task-XXXXXX";
	const char *config = bench_text(bench,
		"adapter: {name: tester, version: '1.2'}\n"
		"clients:\n"
		"  hyperfleet_api: {base_url: '%s', retry_attempts: 2, base_delay: 1ms,\n"
		"    default_headers: {X-Default: d}}\n"
		"  broker: {subscription_id: s, topic: t}\n"
		"  maestro: {http_server_address: '%s', source_id: tester, insecure: true}\n",
		url, url);
	must(yaml_parse(bench->arena, str_of(config), &document, &err), &err);
	must(adapter_settings_parse(bench->arena, document, &none, &bench->settings, &err), &err);
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
	close(fd);
	load(bench, path);
	unlink(path);
}

void bench_shipped(struct bench *bench, const char *name)
{
	const char *url = peers_url(bench->peers);
	const char *folder = REEVE_SOURCE_DIR "/config/adapters";
	struct adapter_overrides overrides = {url, url};
	struct error err = {0};
	must(adapter_settings_load(bench->arena,
		     bench_text(bench, "%s/%s/adapter-config.yaml", folder, name), &overrides,
		     &bench->settings, &err),
		&err);
	bench->settings.base_delay_us = CLOCK_US_PER_MS;
	load(bench, bench_text(bench, "%s/%s/adapter-task.yaml", folder, name));
}

enum adapter_outcome bench_run(struct bench *bench, const char *event)
{
	bench->error = (struct error){0};
	return adapter_run(&bench->context, bench->arena, str_of(event), &bench->error);
}
