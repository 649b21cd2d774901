/*
 * api_resource.c - requests on one resource: create, read, patch, delete, place.
 *
 * Each handler checks the body, runs one transaction, and answers when it is durable.
 */
#include "base/id.h"
#include "clm/api.h"
#include "clm/body.h"
#include "clm/fields.h"
#include "clm/lifecycle.h"
#include "clm/placement.h"
#include "clm/status.h"

/* `prefetch`: what the work reads first, or NULL. `change`: that of the argument. */
static bool write_or_fail(struct api_request *request, store_work prefetch, store_work work,
	void *argument, const struct change *change)
{
	struct error err = {0};

	if (store_write_ahead(request->api->catalog->store, prefetch, work, argument, &err) == 0) {
		change_count(change);
		return true;
	}
	api_fail(request, &err);
	return false;
}

/* --- create ---------------------------------------------------------------------------------- */

static bool refuse_child(struct api_request *request, const struct kind *kind)
{
	problem_say(request->http, request->response, PROBLEM_CHILD_KIND,
		arena_printf(request->http->arena,
			"kind \"%" STR_F "\" is a child kind; create it via /%" STR_F
			"/{id}/%" STR_F,
			STR_A(kind->name), STR_A(kind->parent->plural), STR_A(kind->plural)));
	return false;
}

static bool read_create(struct api_request *request, struct create_body *ret)
{
	struct problem_details problem;

	if (!body_parse_create(request->http->arena, request->api->catalog->registry,
		    request->endpoint->kind, request->http->body, ret, &problem)) {
		api_refuse(request, &problem);
		return false;
	}
	if (ret->kind->parent != NULL && !request->endpoint->is_nested)
		return refuse_child(request, ret->kind);
	return true;
}

void api_create(struct api_request *request)
{
	char id[ID_UUID_SIZE];
	struct create_body body;
	struct creation creation;
	struct error err = {0};

	if (!read_create(request, &body))
		return;
	id_uuid7(id, request->http->now_us);
	creation = (struct creation){
		.change = api_change(request),
		.kind = body.kind,
		.parent_scope = api_parent_scope(request),
		.parent = request->parent,
		.name = body.name,
		.spec = body.spec,
		.labels = body.labels,
		.references = body.references,
		.tenancy = str_is_null(request->caller.tenancy) ? STR(RESOURCE_NO_TENANCY)
								: request->caller.tenancy,
		.id = str_of(id),
	};
	if (lifecycle_prepare(&creation, &err) == 0 &&
		store_write(request->api->catalog->store, lifecycle_create, &creation, &err) == 0) {
		change_count(&creation.change);
		api_answer_resource(request, 201, &creation.ret_resource);
	} else if (creation.ret_is_duplicate)
		problem_say(request->http, request->response, PROBLEM_EXISTS,
			arena_str(request->http->arena, str_of(err.message)));
	else
		api_fail(request, &err);
}

/* --- read ------------------------------------------------------------------------------------ */

struct reading {
	struct api_request *request;
	struct resource resource;
	struct report_list reports;
	struct str management_cluster; /* null: not placed */
	bool includes_statuses;
};

/* A store_work. A nested resource is looked for only under a parent that is there. */
static int find(struct sql *sql, void *argument, struct error *err)
{
	struct reading *reading = argument;
	struct api_request *request = reading->request;
	struct scope scope = api_scope(request);
	struct scope parent_scope = api_parent_scope(request);
	struct resource parent;

	if (!str_is_null(request->parent) && resource_find(sql, request->http->arena, &parent_scope,
						     request->parent, &parent, err) != 0)
		return -1;
	if (resource_find(
		    sql, request->http->arena, &scope, request->id, &reading->resource, err) != 0)
		return -1;
	if (!reading->includes_statuses)
		return 0;
	if (report_load(sql, request->http->arena, request->id, &reading->reports, err) != 0)
		return -1;
	return placement_find(
		sql, request->http->arena, request->id, &reading->management_cluster, err);
}

/* The resource, where it is placed and what adapters report on it, as of one moment: what an
 * adapter needs of them. */
static void answer_with_statuses(struct api_request *request, const struct reading *reading)
{
	struct api_page all = {.page = 1, .size = STATUS_MAX_ADAPTERS};
	struct buf body;

	buf_init(&body, 0);
	resource_write(&body, &reading->resource);
	if (body.len > 0)
		body.len--; /* the closing brace */
	if (!str_is_null(reading->management_cluster)) {
		buf_add_cstr(&body, ",\"placement\":{\"management_cluster\":");
		json_write_string(&body, reading->management_cluster, JSON_WRITE_COMPACT);
		buf_add_byte(&body, '}');
	}
	buf_add_cstr(&body, ",\"statuses\":");
	api_write_statuses(&body, &reading->reports, &all);
	buf_add_byte(&body, '}');
	api_answer_buffer(request, 200, &body);
	http_response_header(request->http, request->response, STR("ETag"),
		api_etag(request, &reading->resource));
}

/* The body holds what was chosen; the ETag is the resource's all the same. */
static void answer_with_fields(
	struct api_request *request, const struct reading *reading, const struct fields *fields)
{
	struct arena *arena = request->http->arena;
	struct buf body;
	struct json *whole, *chosen = NULL;
	struct error err = {0};

	if (json_parse(arena, resource_text(arena, &reading->resource), NULL, &whole, &err) == 0)
		chosen = fields_project(fields, arena, whole);
	if (chosen == NULL) {
		error_set(&err, ERROR_MEMORY, "no room for a resource");
		api_fail(request, &err);
		return;
	}
	buf_init(&body, JSON_MAX_BYTES);
	json_write(&body, chosen, JSON_WRITE_COMPACT);
	api_answer_buffer(request, 200, &body);
	http_response_header(request->http, request->response, STR("ETag"),
		api_etag(request, &reading->resource));
}

void api_get(struct api_request *request)
{
	struct str include = http_request_parameter(request->http, "include", 0);
	struct reading reading = {.request = request};
	struct fields fields;
	struct error err = {0};

	if (fields_read(request->http, &fields, &err) != 0) {
		problem_say(request->http, request->response, PROBLEM_VALIDATION,
			arena_str(request->http->arena, str_of(err.message)));
		return;
	}
	reading.includes_statuses = str_eq_c(include, "statuses");
	if (!str_is_null(include) && !reading.includes_statuses) {
		problem_say(request->http, request->response, PROBLEM_BAD_REQUEST,
			arena_printf(request->http->arena,
				"include can only be 'statuses', is '%" STR_F "'", STR_A(include)));
		return;
	}
	if (store_read(request->api->catalog->store, find, &reading, &err) != 0)
		api_fail(request, &err);
	else if (fields.count > 0)
		answer_with_fields(request, &reading, &fields);
	else if (reading.includes_statuses)
		answer_with_statuses(request, &reading);
	else
		api_answer_resource(request, 200, &reading.resource);
}

/* --- patch ----------------------------------------------------------------------------------- */

/* Under /resources the row decides which schema the spec must conform to. */
static bool find_kind(struct api_request *request, const struct kind **ret)
{
	struct reading reading = {.request = request};
	struct error err = {0};

	*ret = request->endpoint->kind;
	if (*ret != NULL)
		return true;
	if (store_read(request->api->catalog->store, find, &reading, &err) != 0) {
		api_fail(request, &err);
		return false;
	}
	*ret = registry_find(request->api->catalog->registry, reading.resource.kind);
	return true;
}

void api_patch(struct api_request *request)
{
	struct problem_details problem;
	const struct kind *kind;
	struct patch_body body;
	struct patch patch;

	if (!find_kind(request, &kind))
		return;
	if (!body_parse_patch(request->http->arena, kind, request->http->body, &body, &problem)) {
		api_refuse(request, &problem);
		return;
	}
	patch = (struct patch){
		.change = api_change(request),
		.scope = api_scope(request),
		.id = request->id,
		.spec = body.spec,
		.labels = body.labels,
		.has_references = body.has_references,
		.references = body.references,
		.if_match = http_request_header(request->http, "If-Match"),
	};
	if (write_or_fail(
		    request, lifecycle_prefetch_patch, lifecycle_patch, &patch, &patch.change))
		api_answer_resource(request, 200, &patch.ret_resource);
}

/* --- delete ---------------------------------------------------------------------------------- */

void api_delete(struct api_request *request)
{
	struct deletion deletion = {
		.change = api_change(request),
		.scope = api_scope(request),
		.id = request->id,
		.if_match = http_request_header(request->http, "If-Match"),
	};

	if (write_or_fail(request, lifecycle_prefetch_deletion, lifecycle_delete, &deletion,
		    &deletion.change))
		api_answer_resource(request, 202, &deletion.ret_resource);
}

static void force_delete(struct api_request *request, struct deletion *deletion)
{
	struct str children;

	if (!write_or_fail(request, lifecycle_prefetch_deletion, lifecycle_force_delete, deletion,
		    &deletion->change))
		return;
	children = buf_str(&deletion->ret_children);
	log_warn(request->api->log, "resource removed by force",
		LOG_STR("kind", deletion->ret_resource.kind), LOG_STR("id", request->id),
		LOG_STR("children", str_slice(children, 1, children.len)),
		LOG_STR("caller", request->caller.actor), LOG_STR("reason", deletion->reason));
	request->response->status = 204;
}

void api_force_delete(struct api_request *request)
{
	struct deletion deletion = {
		.change = api_change(request),
		.scope = api_scope(request),
		.id = request->id,
		.if_match = http_request_header(request->http, "If-Match"),
	};
	struct problem_details problem;

	if (!body_parse_force_delete(
		    request->http->arena, request->http->body, &deletion.reason, &problem)) {
		api_refuse(request, &problem);
		return;
	}
	buf_init(&deletion.ret_children, 0);
	force_delete(request, &deletion);
	buf_free(&deletion.ret_children);
}

/* --- placement ------------------------------------------------------------------------------- */

static struct placement_request placement_of(struct api_request *request)
{
	return (struct placement_request){
		.change = api_change(request),
		.scope = api_scope(request),
		.id = request->id,
	};
}

void api_reserve_placement(struct api_request *request)
{
	struct placement_request placement = placement_of(request);
	struct arena *arena = request->http->arena;
	struct json *body = json_new_object(arena);

	if (!write_or_fail(request, NULL, placement_reserve, &placement, &placement.change))
		return;
	if (str_is_null(placement.ret_management_cluster)) {
		json_set(body, "management_cluster", json_new_null(arena));
		json_set_text(body, "reason", STR("NoCapacity"));
		json_set_text(body, "message", placement.ret_message);
	} else {
		json_set_text(body, "management_cluster", placement.ret_management_cluster);
	}
	http_response_json(request->http, request->response, 200, body);
}

void api_free_placement(struct api_request *request)
{
	struct placement_request placement = placement_of(request);

	if (write_or_fail(request, NULL, placement_free_request, &placement, &placement.change))
		request->response->status = 204;
}
