/*
 * peers.c - see peers.h.
 */
#include "peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/id.h"

#define BUNDLES "/api/maestro/v1/resource-bundles"
#define MAX_SCRIPTED 32
#define MAX_REQUESTS 512
#define MAX_STREAMS 8

struct scripted {
	struct str method, path, body;
	int status;
};

struct seen {
	struct str method, path, body;
};

struct peers {
	struct http_server *server;
	char url[64];
	pthread_mutex_t mutex; /* everything below */
	struct arena *arena;
	struct scripted scripted[MAX_SCRIPTED];
	size_t scripted_count;
	struct seen seen[MAX_REQUESTS];
	size_t seen_count;
	struct json *bundle;
	struct http_stream *streams[MAX_STREAMS];
	size_t stream_count;
	int64_t sequence;
};

static struct json *parse(struct peers *peers, struct str text)
{
	struct json *value = NULL;
	struct error err;
	if (json_parse(peers->arena, arena_str(peers->arena, text), NULL, &value, &err) != 0)
		fail_msg("%s", err.message);
	return value;
}

static void reply(
	struct http_request *request, struct http_response *response, int status, struct str body)
{
	response->status = status;
	response->body = arena_str(request->arena, body);
}

static void reply_bundle(struct peers *peers, struct http_request *request,
	struct http_response *response, int status)
{
	reply(request, response, status, json_text(request->arena, peers->bundle, 0));
}

/* --- Maestro --------------------------------------------------------------------------------- */

static void tell(struct peers *peers, const char *event, bool with_bundle)
{
	struct str id = json_get_text(peers->bundle, "id");
	struct str bundle = with_bundle ? json_text(peers->arena, peers->bundle, 0) : STR("null");
	struct str line = arena_printf(peers->arena,
		"{\"sequence\":%jd,\"epoch\":1,\"id\":\"%" STR_F
		"\",\"event\":\"%s\",\"bundle\":%" STR_F "}\n",
		(intmax_t)++peers->sequence, STR_A(id), event, STR_A(bundle));
	for (size_t i = 0; i < peers->stream_count; i++)
		http_stream_send(peers->streams[i], line);
}

static void bundle_create(
	struct peers *peers, struct http_request *request, struct http_response *response)
{
	char id[ID_UUID_SIZE];
	struct json *body = parse(peers, request->body);
	if (peers->bundle) {
		reply(request, response, 409, STR("{\"reason\":\"This Resource already exists\"}"));
		return;
	}
	id_uuid5_oid(id, arena_printf(peers->arena,
				 "%" STR_F "-manifestworks.work.open-cluster-management.io-%" STR_F
				 "-%" STR_F,
				 STR_A(json_get_text(body, "source")),
				 STR_A(json_get_text(body, "consumer_name")),
				 STR_A(json_str(json_find(body, "metadata", "name", NULL)))));
	json_set_text(body, "id", arena_str(peers->arena, str_of(id)));
	json_set_int(body, "version", 1);
	peers->bundle = body;
	tell(peers, "created", true);
	reply_bundle(peers, request, response, 201);
}

static void bundle_update(
	struct peers *peers, struct http_request *request, struct http_response *response)
{
	static const char *const parts[] = {
		"metadata", "manifests", "manifest_configs", "delete_option"};
	struct json *body = parse(peers, request->body);
	int64_t version = json_int(json_get(body, "version"), 0);
	int64_t current = json_int(json_get(peers->bundle, "version"), 0);
	if (version != 0 && version != current) {
		reply(request, response, 409, STR("{\"reason\":\"not the latest version\"}"));
		return;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		json_set(peers->bundle, parts[i], json_get(body, parts[i]));
	json_set_int(peers->bundle, "version", current + 1);
	tell(peers, "updated", true);
	reply_bundle(peers, request, response, 200);
}

static void bundle_delete(
	struct peers *peers, struct http_request *request, struct http_response *response)
{
	json_set_text(peers->bundle, "deleted_at", STR("2026-01-02T03:04:05Z"));
	tell(peers, "deleted", true);
	reply(request, response, 204, STR(""));
}

static void bundle_watch(
	struct peers *peers, struct http_request *request, struct http_response *response)
{
	struct http_stream *stream =
		http_stream_open(request, response, 200, "application/x-ndjson", NULL, NULL);
	assert_true(peers->stream_count < MAX_STREAMS);
	peers->streams[peers->stream_count++] = stream;
	http_stream_send(stream,
		arena_printf(peers->arena, "{\"heartbeat\":%jd}\n", (intmax_t)peers->sequence));
}

static void bundle_list(
	struct peers *peers, struct http_request *request, struct http_response *response)
{
	struct str item = peers->bundle ? json_text(request->arena, peers->bundle, 0) : STR("");
	reply(request, response, 200,
		arena_printf(request->arena,
			"{\"kind\":\"ResourceBundleList\",\"page\":1,\"size\":%d,\"total\":%d,"
			"\"items\":[%" STR_F "]}",
			peers->bundle != NULL, peers->bundle != NULL, STR_A(item)));
}

static void maestro(
	struct peers *peers, struct http_request *request, struct http_response *response)
{
	struct str rest = str_slice(request->path, sizeof(BUNDLES) - 1, request->path.len);
	struct str id = str_slice(rest, 1, rest.len);
	if (str_eq(id, STR("watch")))
		bundle_watch(peers, request, response);
	else if (str_is_empty(rest) && str_eq(request->method, STR("POST")))
		bundle_create(peers, request, response);
	else if (str_is_empty(rest))
		bundle_list(peers, request, response);
	else if (!peers->bundle || !str_eq(id, json_get_text(peers->bundle, "id")))
		reply(request, response, 404, STR("{\"kind\":\"Error\",\"reason\":\"not found\"}"));
	else if (str_eq(request->method, STR("GET")))
		reply_bundle(peers, request, response, 200);
	else if (str_eq(request->method, STR("PATCH")))
		bundle_update(peers, request, response);
	else
		bundle_delete(peers, request, response);
}

/* --- all ------------------------------------------------------------------------------------- */

static const struct scripted *find_scripted(
	const struct peers *peers, struct str method, struct str path)
{
	/* The last one counts. */
	for (size_t i = peers->scripted_count; i-- > 0;) {
		const struct scripted *scripted = &peers->scripted[i];
		if (str_eq(scripted->method, method) && str_eq(scripted->path, path))
			return scripted;
	}
	return NULL;
}

/* As CLM answers include=statuses: with what GET of the path's /statuses is scripted to say. */
static struct str body_of(
	const struct peers *peers, struct http_request *request, const struct scripted *scripted)
{
	struct str path = arena_printf(request->arena, "%" STR_F "/statuses", STR_A(request->path));
	const struct scripted *statuses = find_scripted(peers, request->method, path);
	if (!str_eq_c(http_request_parameter(request, "include", 0), "statuses") ||
		scripted->status != 200 || !statuses || statuses->status != 200)
		return scripted->body;
	return arena_printf(request->arena, "%" STR_F ",\"statuses\":%" STR_F "}",
		STR_A(str_slice(scripted->body, 0, scripted->body.len - 1)), STR_A(statuses->body));
}

static void handle(struct http_request *request, struct http_response *response)
{
	struct peers *peers = request->context;
	LOCK_SCOPE(&peers->mutex);
	assert_true(peers->seen_count < MAX_REQUESTS);
	peers->seen[peers->seen_count++] = (struct seen){arena_str(peers->arena, request->method),
		arena_str(peers->arena, request->path), arena_str(peers->arena, request->body)};
	const struct scripted *scripted = find_scripted(peers, request->method, request->path);
	if (scripted)
		reply(request, response, scripted->status, body_of(peers, request, scripted));
	else if (str_starts_with(request->path, STR(BUNDLES)))
		maestro(peers, request, response);
	else
		reply(request, response, 404,
			STR("{\"code\":\"HYPERFLEET-NTF-001\",\"detail\":\"no such resource\"}"));
}

struct peers *peers_start(void)
{
	static const struct http_route routes[] = {
		{.method = "*", .pattern = "/{rest...}", .handler = handle}};
	struct peers *peers = calloc(1, sizeof(*peers));
	assert_non_null(peers);
	struct http_server_config config = {.host = "127.0.0.1",
		.routes = routes,
		.route_count = 1,
		.context = peers,
		.name = "peers"};
	pthread_mutex_init(&peers->mutex, NULL);
	peers->arena = arena_new(0);
	assert_int_equal(http_server_start(&peers->server, &config, NULL), 0);
	snprintf(peers->url, sizeof(peers->url), "http://127.0.0.1:%u",
		http_server_port(peers->server));
	return peers;
}

void peers_stop(struct peers *peers)
{
	http_server_stop(peers->server);
	for (size_t i = 0; i < peers->stream_count; i++)
		http_stream_close(peers->streams[i]);
	pthread_mutex_destroy(&peers->mutex);
	arena_free(peers->arena);
	free(peers);
}

const char *peers_url(const struct peers *peers)
{
	return peers->url;
}

void peers_answer(
	struct peers *peers, const char *method, const char *path, int status, const char *body)
{
	LOCK_SCOPE(&peers->mutex);
	assert_true(peers->scripted_count < MAX_SCRIPTED);
	peers->scripted[peers->scripted_count++] = (struct scripted){
		arena_str(peers->arena, str_of(method)), arena_str(peers->arena, str_of(path)),
		arena_str(peers->arena, str_of(body ? body : "")), status};
}

static bool matches(const struct seen *seen, const char *method, const char *path)
{
	return (!method || str_eq_c(seen->method, method)) && (!path || str_eq_c(seen->path, path));
}

size_t peers_count(struct peers *peers, const char *method, const char *path)
{
	size_t count = 0;
	LOCK_SCOPE(&peers->mutex);
	for (size_t i = 0; i < peers->seen_count; i++)
		count += matches(&peers->seen[i], method, path);
	return count;
}

struct json *peers_body(struct peers *peers, const char *method, const char *path)
{
	LOCK_SCOPE(&peers->mutex);
	for (size_t i = peers->seen_count; i-- > 0;)
		if (matches(&peers->seen[i], method, path))
			return parse(peers, peers->seen[i].body);
	return NULL;
}

void peers_clear(struct peers *peers)
{
	LOCK_SCOPE(&peers->mutex);
	peers->seen_count = 0;
}

struct json *peers_bundle(struct peers *peers)
{
	LOCK_SCOPE(&peers->mutex);
	return peers->bundle;
}

void peers_bundle_status(struct peers *peers, const char *status)
{
	LOCK_SCOPE(&peers->mutex);
	assert_non_null(peers->bundle);
	json_set(peers->bundle, "status", parse(peers, str_of(status)));
	tell(peers, "status", true);
}

void peers_bundle_gone(struct peers *peers)
{
	LOCK_SCOPE(&peers->mutex);
	assert_non_null(peers->bundle);
	tell(peers, "gone", false);
	peers->bundle = NULL;
}
