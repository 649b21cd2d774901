/*
 * region.c - see region.h.
 */
#include "region.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../postgres_test.h"

#define MAX_HEADERS 4
#define WATCH_TIMEOUT_US (INT64_C(10) * 1000000)

static const char entities[] =
	"entities:\n"
	"  - {kind: Cluster, plural: clusters, name_min_len: 3, name_max_len: 53,\n"
	"     required_adapters: [placement, hypershift]}\n"
	"  - {kind: NodePool, plural: nodepools, parent_kind: Cluster, on_parent_delete: cascade,\n"
	"     required_adapters: [hypershift],\n"
	"     references: [{ref_type: peer, target_kind: NodePool}]}\n"
	"  - {kind: Version, plural: versions, parent_kind: Cluster}\n"
	"  - {kind: ManagementCluster, plural: management_clusters}\n";
static const char schemas[] = "openapi: 3.0.3\ninfo: {title: t, version: v}\npaths: {}\n";

static const char *write_file(struct region *region, const char *name, const char *text)
{
	const char *path = region_path(region, "%s/%s", region->folder, name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

void region_start(struct region *region)
{
	struct clm_config config = {
		.store_url = region->store_url,
		.callers = caller_rules_aws,
		.entities_file = REEVE_SOURCE_DIR "/config/entities.yaml",
		.schema_file = REEVE_SOURCE_DIR "/config/openapi.yaml",
	};
	struct http_client_config client = {.base_url = region->base_url};
	struct error err = {0};

	if (!region->uses_shipped_files) {
		config.entities_file = write_file(region, "entities.yaml", entities);
		config.schema_file = write_file(region, "openapi.yaml", schemas);
	}
	if (clm_start(&region->clm, &config, &err) != 0)
		fail_msg("%s", err.message);
	snprintf(region->base_url, sizeof(region->base_url), "http://127.0.0.1:%u",
		clm_port(region->clm));
	assert_int_equal(http_client_new(&region->client, &client, NULL), 0);
}

static int setup(void **state, bool uses_shipped_files)
{
	struct region *region = calloc(1, sizeof(*region));
	char database[64];

	assert_non_null(region);
	region->arena = arena_new(0);
	region->uses_shipped_files = uses_shipped_files;
	snprintf(region->folder, sizeof(region->folder), "%s", "/tmp/reeve-clm-XXXXXX");
	assert_non_null(mkdtemp(region->folder));
	snprintf(region->store_url, sizeof(region->store_url), "sqlite:%s/clm.db", region->folder);
	if (postgres_test_folder()) {
		snprintf(database, sizeof(database), "clm_%ld", (long)getpid());
		postgres_test_url(region->store_url, sizeof(region->store_url), database);
		assert_true(postgres_test_create(database));
	}
	region_start(region);
	*state = region;
	return 0;
}

int region_setup(void **state)
{
	return setup(state, false);
}

int region_setup_shipped(void **state)
{
	return setup(state, true);
}

void region_stop(struct region *region)
{
	http_client_free(region->client);
	clm_stop(region->clm);
	region->client = NULL;
	region->clm = NULL;
}

int region_teardown(void **state)
{
	static const char *const files[] = {"clm.db", "clm.db-wal", "clm.db-shm", "clm.db.lock",
		"clm.db-lock", "entities.yaml", "openapi.yaml"};
	struct region *region = *state;

	region_stop(region);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(region_path(region, "%s/%s", region->folder, files[i]));
	rmdir(region->folder);
	arena_free(region->arena);
	free(region);
	return 0;
}

void region_restart(struct region *region)
{
	region_stop(region);
	region_start(region);
}

const char *region_path(struct region *region, const char *format, ...)
{
	va_list ap;
	struct str text;

	va_start(ap, format);
	text = arena_vprintf(region->arena, format, ap);
	va_end(ap);
	assert_non_null(text.ptr);
	return text.ptr;
}

struct answer region_call(struct region *region, const char *method, const char *path,
	const char *body, const char *headers)
{
	struct http_header list[MAX_HEADERS];
	struct http_call call = {
		.method = method, .path = str_of(path), .headers = list, .body = str_of(body)};
	struct str rest = str_of(headers);
	struct http_answer got;
	struct answer answer = {0};
	struct error err = {0};

	while (!str_is_null(rest) && call.header_count < MAX_HEADERS) {
		struct str value = str_cut(&rest, '\n');
		struct str name = str_cut(&value, ':');

		list[call.header_count++] = (struct http_header){name, str_trim(value)};
	}
	if (http_client_call(region->client, region->arena, &call, &got, &err) != 0)
		fail_msg("%s %s: %s", method, path, err.message);
	answer.status = got.status;
	answer.body = got.body;
	answer.etag = http_answer_header(&got, "ETag");
	answer.content_type = http_answer_header(&got, "Content-Type");
	if (got.body.len > 0 && got.body.ptr[0] == '{' &&
		json_parse(region->arena, got.body, NULL, &answer.json, &err) != 0)
		fail_msg("%s %s: %s: %" STR_F, method, path, err.message, STR_A(got.body));
	return answer;
}

struct answer region_get(struct region *region, const char *path)
{
	return region_call(region, "GET", path, NULL, NULL);
}

struct str region_create(struct region *region, const char *path, const char *body)
{
	struct answer answer = region_call(region, "POST", path, body, NULL);

	if (answer.status != 201)
		fail_msg("POST %s: %d %" STR_F, path, answer.status, STR_A(answer.body));
	return json_get_text(answer.json, "id");
}

struct str region_create_cluster(struct region *region, const char *name)
{
	return region_create(region, "/api/hyperfleet/v1/clusters",
		region_path(
			region, "{\"kind\":\"Cluster\",\"name\":\"%s\",\"spec\":{\"n\":1}}", name));
}

int region_report(struct region *region, const char *path, const char *adapter, int64_t generation,
	const char *conditions)
{
	struct json *body = json_new_object(region->arena);
	struct json *array = json_new_array(region->arena);
	struct str rest = str_of(conditions);

	while (!str_is_null(rest)) {
		struct str status = str_cut(&rest, ',');
		struct str type = str_cut(&status, '=');
		struct json *item = json_new_object(region->arena);

		json_set_text(item, "type", type);
		json_set_text(item, "status", status);
		json_append(array, item);
	}
	json_set_text(body, "adapter", str_of(adapter));
	json_set_int(body, "observed_generation", generation);
	json_set(body, "conditions", array);
	return region_call(region, "PUT", region_path(region, "%s/statuses", path),
		json_text(region->arena, body, 0).ptr, NULL)
		.status;
}

struct str region_condition(struct region *region, const char *path, const char *type)
{
	struct answer answer = region_get(region, path);
	const struct json *conditions = json_find(answer.json, "status", "conditions", NULL);
	const struct json *item;

	assert_int_equal(answer.status, 200);
	json_for_each (conditions, i, item) {
		if (str_eq_c(json_get_text(item, "type"), type))
			return json_get_text(item, "status");
	}
	return STR("");
}

struct watching {
	struct region *region;
	struct json *lines;
	size_t count;
};

static bool on_line(void *arg, struct str line)
{
	struct watching *watching = arg;
	struct arena *arena = watching->region->arena;
	struct json *row = NULL;

	assert_int_equal(json_parse(arena, arena_str(arena, line), NULL, &row, NULL), 0);
	json_append(watching->lines, row);
	return json_count(watching->lines) < watching->count;
}

struct json *region_watch(
	struct region *region, const char *path, const char *headers, size_t count)
{
	struct watching watching = {region, json_new_array(region->arena), count};
	struct http_header header;
	struct http_call call = {
		.method = "GET", .path = str_of(path), .timeout_us = WATCH_TIMEOUT_US};
	struct str value = str_of(headers);
	struct error err = {0};
	struct stop never;

	if (headers != NULL) {
		header.name = str_cut(&value, ':');
		header.value = str_trim(value);
		call.headers = &header;
		call.header_count = 1;
	}
	stop_init(&never);
	http_client_lines(region->client, &call, &never, on_line, &watching, NULL, &err);
	stop_destroy(&never);
	if (json_count(watching.lines) < count)
		fail_msg("%s: %zu lines instead of %zu: %s", path, json_count(watching.lines),
			count, err.message);
	return watching.lines;
}
