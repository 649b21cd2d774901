/*
 * fake_clm.c - the fake CLM's handlers.
 */
#include "fake_clm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/id.h"
#include "data/merge.h"

static struct fake_clm *fake_of(const struct http_request *request)
{
	return request->context;
}

static void problem(struct http_request *request, struct http_response *response, int status,
	const char *detail, const char *errors)
{
	response->status = status;
	response->content_type = STR("application/problem+json");
	response->body = arena_printf(request->arena, "{\"status\":%d,\"detail\":\"%s\"%s%s}",
		status, detail, errors ? ",\"errors\":" : "", errors ? errors : "");
}

/* Notes the call; true: refused, as asked for. */
static bool note(struct http_request *request, struct http_response *response)
{
	struct fake_clm *clm = fake_of(request);

	clm->calls++;
	clm->account = arena_str(clm->arena, http_request_header(request, "X-Amz-Account-Id"));
	clm->arn = arena_str(clm->arena, http_request_header(request, "X-Amz-Caller-Arn"));
	clm->path = arena_str(clm->arena, request->path);
	if (clm->refusal)
		problem(request, response, clm->refusal, "as asked for", NULL);
	return clm->refusal != 0;
}

static struct fake_cluster *find(struct http_request *request)
{
	struct fake_clm *clm = fake_of(request);

	for (size_t i = 0; i < clm->count; i++)
		if (str_eq(json_get_text(clm->clusters[i].resource, "id"), request->variables[0]) &&
			str_eq(clm->clusters[i].account, clm->account))
			return &clm->clusters[i];
	return NULL;
}

static void answer(struct http_request *request, struct http_response *response, int status,
	const struct fake_cluster *cluster)
{
	http_response_json(request, response, status, cluster->resource);
	http_response_header(request, response, STR("ETag"),
		arena_printf(request->arena, "\"%lld\"", (long long)cluster->version));
}

static bool is_stale(struct http_request *request, const struct fake_cluster *cluster)
{
	struct str given = http_request_header(request, "If-Match");

	return given.len && !str_eq(given, arena_printf(request->arena, "\"%lld\"",
						   (long long)cluster->version));
}

static void list(struct http_request *request, struct http_response *response)
{
	struct fake_clm *clm = fake_of(request);
	struct json *body = json_new_object(request->arena),
		    *items = json_new_array(request->arena);
	int64_t page = 1, size = 20, position = 0;

	LOCK_SCOPE(&clm->mutex);
	if (note(request, response))
		return;
	str_to_int64(http_request_parameter(request, "page", 0), &page);
	str_to_int64(http_request_parameter(request, "size", 0), &size);
	for (size_t i = 0; i < clm->count; i++) {
		if (!str_eq(clm->clusters[i].account, clm->account))
			continue;
		if (position >= (page - 1) * size && position < page * size)
			json_append(items, clm->clusters[i].resource);
		position++;
	}
	json_set(body, "items", items);
	json_set_int(body, "total", position);
	http_response_json(request, response, 200, body);
}

static void create(struct http_request *request, struct http_response *response)
{
	struct fake_clm *clm = fake_of(request);
	struct json *given;
	char id[ID_UUID_SIZE];

	LOCK_SCOPE(&clm->mutex);
	if (note(request, response))
		return;
	struct str body = arena_str(clm->arena, request->body);
	assert_int_equal(json_parse(clm->arena, body, NULL, &given, NULL), 0);
	if (json_find(given, "spec", "bad", NULL)) {
		problem(request, response, 400, "validation failed",
			"[{\"field\":\"spec.bad\",\"message\":\"is not known\"}]");
		return;
	}
	for (size_t i = 0; i < clm->count; i++) {
		if (str_eq(json_get_text(clm->clusters[i].resource, "name"),
			    json_get_text(given, "name"))) {
			problem(request, response, 409, "exists", NULL);
			return;
		}
	}
	id_uuid7(id, request->now_us);
	json_set_text(given, "id", arena_str(clm->arena, str_of(id)));
	json_set_int(given, "generation", 1);
	struct fake_cluster *cluster = &clm->clusters[clm->count++];
	*cluster = (struct fake_cluster){given, clm->account, 1};
	answer(request, response, 201, cluster);
}

static void get(struct http_request *request, struct http_response *response)
{
	struct fake_clm *clm = fake_of(request);

	LOCK_SCOPE(&clm->mutex);
	if (note(request, response))
		return;
	struct fake_cluster *cluster = find(request);
	if (!cluster) {
		problem(request, response, 404, "no such cluster", NULL);
		return;
	}
	answer(request, response, 200, cluster);
	if (clm->races > 0) {
		clm->races--;
		cluster->version++;
		if (clm->racer)
			json_set(cluster->resource, "spec",
				merge_patch(clm->arena, json_get(cluster->resource, "spec"),
					clm->racer));
	}
}

static void patch(struct http_request *request, struct http_response *response)
{
	struct fake_clm *clm = fake_of(request);
	struct json *given;

	LOCK_SCOPE(&clm->mutex);
	if (note(request, response))
		return;
	struct fake_cluster *cluster = find(request);
	if (!cluster || is_stale(request, cluster)) {
		problem(request, response, cluster ? 412 : 404, "no", NULL);
		return;
	}
	struct str body = arena_str(clm->arena, request->body);
	assert_int_equal(json_parse(clm->arena, body, NULL, &given, NULL), 0);
	json_set(cluster->resource, "spec", json_get(given, "spec"));
	cluster->version++;
	answer(request, response, 200, cluster);
}

static void delete (struct http_request *request, struct http_response *response)
{
	struct fake_clm *clm = fake_of(request);

	LOCK_SCOPE(&clm->mutex);
	if (note(request, response))
		return;
	struct fake_cluster *cluster = find(request);
	if (!cluster || is_stale(request, cluster)) {
		problem(request, response, cluster ? 412 : 404, "no", NULL);
		return;
	}
	json_set_text(cluster->resource, "deleted_time", STR("2026-01-01T00:00:00Z"));
	cluster->version++;
	answer(request, response, 202, cluster);
}

static void statuses(struct http_request *request, struct http_response *response)
{
	struct fake_clm *clm = fake_of(request);

	LOCK_SCOPE(&clm->mutex);
	if (note(request, response))
		return;
	response->status = 200;
	response->body = STR("{\"items\":[{\"adapter\":\"placement\",\"conditions\":[{\"type\":"
			     "\"Available\",\"status\":\"True\"}],\"data\":{\"managementCluster\":"
			     "\"mc-1\"}}]}");
}

static void list_management_clusters(struct http_request *request, struct http_response *response)
{
	struct fake_clm *clm = fake_of(request);

	LOCK_SCOPE(&clm->mutex);
	if (note(request, response))
		return;
	response->status = 200;
	response->body =
		STR("{\"total\":2,\"items\":[{\"name\":\"mc-1\",\"spec\":{\"region\":\"r\","
		    "\"accountId\":\"111111111111\",\"capacity\":{\"hostedClusters\":9}}},"
		    "{\"name\":\"mc-2\",\"spec\":{\"region\":\"r\",\"accountId\":"
		    "\"222222222222\"}}]}");
}

#define BASE "/api/hyperfleet/v1"
static const struct http_route routes[] = {
	{"GET", BASE "/clusters", list, 0, NULL},
	{"POST", BASE "/clusters", create, 0, NULL},
	{"GET", BASE "/clusters/{id}", get, 0, NULL},
	{"PATCH", BASE "/clusters/{id}", patch, 0, NULL},
	{"DELETE", BASE "/clusters/{id}", delete, 0, NULL},
	{"GET", BASE "/clusters/{id}/statuses", statuses, 0, NULL},
	{"GET", BASE "/management_clusters", list_management_clusters, 0, NULL},
};

void fake_clm_start(struct fake_clm *clm)
{
	struct http_server_config config = {.host = "127.0.0.1",
		.threads = 2,
		.routes = routes,
		.route_count = sizeof(routes) / sizeof(routes[0]),
		.context = clm,
		.name = "fake-clm"};
	struct error err;

	*clm = (struct fake_clm){.arena = arena_new(0)};
	pthread_mutex_init(&clm->mutex, NULL);
	if (http_server_start(&clm->server, &config, &err) < 0)
		fail_msg("%s", err.message);
}

void fake_clm_stop(struct fake_clm *clm)
{
	http_server_stop(clm->server);
	pthread_mutex_destroy(&clm->mutex);
	arena_free(clm->arena);
}
