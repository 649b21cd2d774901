/*
 * management_clusters.c - management clusters as customers see them: {id, region, accountId}.
 *
 * They belong to the region. Registering one is the region's own work (at CLM); a customer who
 * tries is refused.
 */
#include "frontend/management_clusters.h"

#include "frontend/service.h"

#define PAGE_SIZE 100
#define MAX_PAGES 100

static struct json *view(struct arena *arena, const struct json *resource)
{
	const struct json *spec = json_get(resource, "spec");
	struct json *body = json_new_object(arena);

	json_set_text(body, "id", json_get_text(resource, "name"));
	json_set_text(body, "region", json_get_text(spec, "region"));
	json_set_text(body, "accountId", json_get_text(spec, "accountId"));
	return body;
}

/* All of them; NULL: the response is filled. */
static struct json *read_all(
	struct http_request *request, struct http_response *response, const char *code)
{
	struct json *views = json_new_array(request->arena), *item;
	int64_t total = 1;

	for (int page = 1; page <= MAX_PAGES && (int64_t)json_count(views) < total; page++) {
		struct service_answer answer;
		struct error err;
		struct str path = arena_printf(
			request->arena, "/management_clusters?page=%d&size=%d", page, PAGE_SIZE);
		if (service_call_clm(request, "GET", path, NULL, STR_NULL, true, &answer, &err) <
			0) {
			service_fail(request, response, error_http_status(err.code), code,
				str_of(err.message));
			return NULL;
		}
		if (answer.status >= 300) {
			service_fail(
				request, response, 500, code, service_clm_detail(request, &answer));
			return NULL;
		}
		total = json_int(json_get(answer.body, "total"), 0);
		json_for_each (json_get(answer.body, "items"), i, item)
			json_append(views, view(request->arena, item));
	}
	return views;
}

void management_clusters_list(struct http_request *request, struct http_response *response)
{
	struct json *items = read_all(request, response, "MC-MGMT-LIST-001");
	struct json *body = json_new_object(request->arena);

	if (!items)
		return;
	json_set(body, "items", items);
	json_set_text(body, "kind", STR("ManagementClusterList"));
	json_set_int(body, "total", (int64_t)json_count(items));
	service_answer(request, response, 200, body);
}

void management_clusters_get(struct http_request *request, struct http_response *response)
{
	struct json *items = read_all(request, response, "MC-MGMT-GET-002"), *item;

	if (!items)
		return;
	json_for_each (items, i, item) {
		if (str_eq(json_get_text(item, "id"), request->variables[0])) {
			service_answer(request, response, 200, item);
			return;
		}
	}
	service_fail(
		request, response, 404, "MC-MGMT-GET-001", STR("Management cluster not found"));
}

void management_clusters_create(struct http_request *request, struct http_response *response)
{
	service_fail(request, response, 403, "AUTH-006",
		STR("management clusters are registered by the region itself, not by customers"));
}
