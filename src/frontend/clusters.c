/*
 * clusters.c - create, list, get, update and delete clusters on a customer's behalf.
 *
 * What a cluster may hold is decided once, by CLM's schema; its field errors are passed on with our
 * code. Here are only the rules that are the frontend's own: who may set which field, the name's
 * length, deletion protection, and merging an update onto what is stored.
 */
#include "frontend/clusters.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/id.h"
#include "data/merge.h"
#include "frontend/service.h"
#include "frontend/view.h"

#define LIST_LIMIT 50
#define LIST_LIMIT_MAX 100
/* The control plane's namespace is cluster-<36>-<name>, and a namespace has at most 63 characters.
 */
#define NAME_MAX_BYTES 18
#define ACCOUNT_LABEL "hyperfleet.io/account-id"

/* The codes of one operation; NULL where it has none of its own. */
struct codes {
	const char *body, *missing, *not_found, *failed, *conflict, *refused;
};

static const struct codes list_codes = {.failed = "CLUSTERS-MGMT-LIST-001"};
static const struct codes get_codes = {
	.not_found = "CLUSTERS-MGMT-GET-001", .failed = "CLUSTERS-MGMT-GET-002"};
static const struct codes status_codes = {
	.not_found = "CLUSTERS-MGMT-STATUS-001", .failed = "CLUSTERS-MGMT-STATUS-002"};
static const struct codes create_codes = {.body = "CLUSTERS-MGMT-CREATE-001",
	.missing = "CLUSTERS-MGMT-CREATE-002",
	.failed = "CLUSTERS-MGMT-CREATE-003",
	.conflict = "CLUSTERS-MGMT-CREATE-005",
	.refused = "CLUSTERS-MGMT-CREATE-006"};
static const struct codes update_codes = {.body = "CLUSTERS-MGMT-UPDATE-001",
	.missing = "CLUSTERS-MGMT-UPDATE-002",
	.not_found = "CLUSTERS-MGMT-UPDATE-003",
	.failed = "CLUSTERS-MGMT-UPDATE-004",
	.conflict = "CLUSTERS-MGMT-UPDATE-006",
	.refused = "CLUSTERS-MGMT-UPDATE-005"};
static const struct codes delete_codes = {.not_found = "CLUSTERS-MGMT-DELETE-001",
	.failed = "CLUSTERS-MGMT-DELETE-002",
	.conflict = "CLUSTERS-MGMT-DELETE-003"};

#define VALIDATION_CODE "CLUSTERS-MGMT-VALIDATION-001"
#define NOT_FOUND "Cluster not found"
#define CHANGED_BY_OTHERS "the cluster is being changed by others; read it and try again"
#define VALIDATION_REASON "The cluster's fields are not valid"

/* --- refusals ------------------------------------------------------------------------------ */

static void fail_error(struct http_request *request, struct http_response *response,
	const char *code, const struct error *err)
{
	service_fail(request, response, error_http_status(err->code), code, str_of(err->message));
}

/* CLM refused: the same in our envelope. */
static void relay(struct http_request *request, struct http_response *response,
	const struct codes *codes, const struct service_answer *answer)
{
	struct json *fields = service_clm_fields(request, answer);
	struct str detail = service_clm_detail(request, answer);

	if (answer->status == 400 && fields)
		service_fail_fields(
			request, response, 422, VALIDATION_CODE, VALIDATION_REASON, fields);
	else if (answer->status == 404 && codes->not_found)
		service_fail(request, response, 404, codes->not_found, STR(NOT_FOUND));
	else if (answer->status == 409 && codes->conflict)
		service_fail(request, response, 409, codes->conflict, detail);
	else if (answer->status == 400 && codes->refused)
		service_fail(request, response, 400, codes->refused, detail);
	else
		service_fail(request, response,
			answer->status >= 500 || answer->status == 429 ? answer->status : 500,
			codes->failed, detail);
}

/* CLM's answer, when it is a success; otherwise the response is filled and false returned. */
static bool call(struct http_request *request, struct http_response *response,
	const struct codes *codes, const char *method, struct str path, struct service_answer *ret)
{
	struct error err;

	if (service_call_clm(request, method, path, NULL, STR_NULL, false, ret, &err) < 0) {
		fail_error(request, response, codes->failed, &err);
		return false;
	}
	if (ret->status < 300)
		return true;
	relay(request, response, codes, ret);
	return false;
}

/* --- reading a request --------------------------------------------------------------------- */

/* The body as an object whose members are all among `known`. */
static struct json *read_body(struct http_request *request, struct http_response *response,
	const struct codes *codes, const char *const *known)
{
	struct json *body;
	struct error err;

	if (json_parse(request->arena, request->body, NULL, &body, &err) < 0) {
		error_prefix(&err, "the body is not JSON");
		fail_error(request, response, codes->body, &err);
		return NULL;
	}
	if (!json_is(body, JSON_OBJECT)) {
		error_set(&err, ERROR_INVALID, "the body must be an object, it is %s",
			json_type_name(json_type(body)));
		fail_error(request, response, codes->body, &err);
		return NULL;
	}
	for (size_t i = 0; i < json_count(body); i++) {
		struct str key = json_key_at(body, i);
		size_t at = 0;
		while (known[at] && !str_eq_c(key, known[at]))
			at++;
		if (!known[at]) {
			error_set(&err, ERROR_INVALID,
				"the body has an unknown member \"%" STR_F "\"", STR_A(key));
			fail_error(request, response, codes->body, &err);
			return NULL;
		}
	}
	return body;
}

static bool is_zero(const struct json *value)
{
	switch (json_type(value)) {
	case JSON_NULL:
		return true;
	case JSON_BOOL:
		return !json_bool(value, true);
	case JSON_STRING:
		return json_str(value).len == 0;
	default:
		return json_is(value, JSON_NUMBER) ? json_int(value, 1) == 0
						   : json_count(value) == 0;
	}
}

/* Fields that only the platform sets. */
static const char *const service_set[] = {"accountId", "creatorARN", "internalId"};
#define SERVICE_SET_COUNT (sizeof(service_set) / sizeof(service_set[0]))

/* Equal to what is stored they are let through, so that what was read can be sent back. */
static struct json *service_set_errors(
	struct arena *arena, const struct json *spec, const struct json *stored)
{
	struct json *errors = json_new_array(arena);

	for (size_t i = 0; i < SERVICE_SET_COUNT; i++) {
		const struct json *value = json_get(spec, service_set[i]);
		if (is_zero(value) ||
			(stored && json_equal(value, json_get(stored, service_set[i]))))
			continue;
		struct json *error = json_new_object(arena);
		json_set_text(error, "field", arena_printf(arena, "spec.%s", service_set[i]));
		json_set_text(error, "reason",
			STR("field is platform-managed and cannot be set by customers"));
		json_append(errors, error);
	}
	return json_count(errors) ? errors : NULL;
}

/* A null or empty one passes as "not set" above; merged in, it would take the platform's away. */
static struct json *without_service_set(struct arena *arena, const struct json *spec)
{
	struct json *copy = json_copy(arena, spec);

	for (size_t i = 0; i < SERVICE_SET_COUNT; i++)
		json_remove(copy, str_of(service_set[i]));
	return copy;
}

/* Whether the path may name a cluster at all. Ids are UUIDs: no other text gets into CLM's paths.
 */
static bool names_cluster(
	struct http_request *request, struct http_response *response, const struct codes *codes)
{
	if (id_is_uuid(request->variables[0]))
		return true;
	service_fail(request, response, 404, codes->not_found, STR(NOT_FOUND));
	return false;
}

static struct str cluster_path(struct http_request *request, const char *below)
{
	return arena_printf(request->arena, "/clusters/%" STR_F "%s",
		STR_A(http_encode(request->arena, request->variables[0])), below);
}

/* --- answers ------------------------------------------------------------------------------- */

/* The adapters' reports on a cluster; false: the response is filled. */
static bool read_reports(struct http_request *request, struct http_response *response,
	const struct codes *codes, struct str id, struct json **ret)
{
	struct service_answer answer;
	struct str path = arena_printf(request->arena, "/clusters/%" STR_F "/statuses?size=100",
		STR_A(http_encode(request->arena, id)));

	if (!call(request, response, codes, "GET", path, &answer))
		return false;
	*ret = json_get(answer.body, "items");
	return true;
}

static void answer_cluster(struct http_request *request, struct http_response *response, int status,
	const struct codes *codes, const struct json *resource)
{
	struct json *reports;

	if (!read_reports(request, response, codes, json_get_text(resource, "id"), &reports))
		return;
	service_answer(request, response, status, view_cluster(request->arena, resource, reports));
}

void clusters_get(struct http_request *request, struct http_response *response)
{
	struct service_answer answer;

	if (names_cluster(request, response, &get_codes) &&
		call(request, response, &get_codes, "GET", cluster_path(request, ""), &answer))
		answer_cluster(request, response, 200, &get_codes, answer.body);
}

void clusters_statuses(struct http_request *request, struct http_response *response)
{
	struct service_answer answer;
	struct json *reports, *body = json_new_object(request->arena);

	if (!names_cluster(request, response, &status_codes) ||
		!call(request, response, &status_codes, "GET", cluster_path(request, ""),
			&answer) ||
		!read_reports(request, response, &status_codes, json_get_text(answer.body, "id"),
			&reports))
		return;
	json_set(body, "cluster_id", json_get(answer.body, "id"));
	json_set(body, "status",
		json_get(view_cluster(request->arena, answer.body, reports), "status"));
	service_answer(request, response, 200, body);
}

/* --- list ---------------------------------------------------------------------------------- */

static int64_t parameter(struct http_request *request, const char *name, int64_t least,
	int64_t most, int64_t fallback)
{
	int64_t number;
	bool is_number = str_to_int64(http_request_parameter(request, name, 0), &number);

	return is_number && number >= least && number <= most ? number : fallback;
}

/* CLM pages by number; a window that lies across two pages needs both. */
static bool read_window(struct http_request *request, struct http_response *response, int64_t limit,
	int64_t offset, struct json *ret_items, int64_t *ret_total)
{
	int64_t first = offset / limit + 1, last = (offset + limit - 1) / limit + 1;
	int64_t position = (first - 1) * limit;

	for (int64_t page = first; page <= last; page++) {
		struct service_answer answer;
		struct json *item;
		struct str path = arena_printf(request->arena, "/clusters?page=%lld&size=%lld",
			(long long)page, (long long)limit);
		if (!call(request, response, &list_codes, "GET", path, &answer))
			return false;
		*ret_total = json_int(json_get(answer.body, "total"), 0);
		json_for_each (json_get(answer.body, "items"), i, item) {
			if (position >= offset && position < offset + limit)
				json_append(ret_items, item);
			position++;
		}
	}
	return true;
}

void clusters_list(struct http_request *request, struct http_response *response)
{
	int64_t limit = parameter(request, "limit", 1, LIST_LIMIT_MAX, LIST_LIMIT);
	int64_t offset = parameter(request, "offset", 0, INT32_MAX, 0), total = 0;
	struct json *resources = json_new_array(request->arena), *resource;
	struct json *items = json_new_array(request->arena),
		    *body = json_new_object(request->arena);

	if (!read_window(request, response, limit, offset, resources, &total))
		return;
	json_for_each (resources, i, resource) {
		struct json *reports = NULL;
		struct http_response ignored = {
			0}; /* one that is gone meanwhile is shown as it was */
		read_reports(
			request, &ignored, &list_codes, json_get_text(resource, "id"), &reports);
		json_append(items, view_cluster(request->arena, resource, reports));
	}
	json_set(body, "items", items);
	json_set_int(body, "limit", limit);
	json_set_int(body, "offset", offset);
	json_set_int(body, "total", total);
	service_answer(request, response, 200, body);
}

/* --- create -------------------------------------------------------------------------------- */

/* CLM's request for a new cluster, with what the platform sets. */
static struct json *creation(struct http_request *request, struct str name, struct json *spec)
{
	const struct key_ring_entry *caller = request->caller;
	struct json *document = json_new_object(request->arena),
		    *labels = json_new_object(request->arena);
	char internal_id[ID_UUID_SIZE];

	id_uuid4(internal_id);
	json_set_text(spec, "accountId", caller->account_id);
	json_set_text(spec, "creatorARN", caller->arn);
	json_set_text(spec, "internalId", arena_str(request->arena, str_of(internal_id)));
	json_set_text(labels, ACCOUNT_LABEL, caller->account_id);
	json_set_text(document, "kind", STR("Cluster"));
	json_set_text(document, "name", name);
	json_set(document, "labels", labels);
	json_set(document, "spec", spec);
	return document;
}

static bool check_creation(
	struct http_request *request, struct http_response *response, struct json *body)
{
	const struct json *name = json_get(body, "name"), *spec = json_get(body, "spec");
	const char *missing = json_is_null(name) ? "name" : json_is_null(spec) ? "spec" : NULL;
	const char *mistyped = NULL;

	if (missing) {
		service_fail(request, response, 400, create_codes.missing,
			arena_printf(request->arena, "%s is required", missing));
		return false;
	}
	if (!json_is(name, JSON_STRING))
		mistyped = "name must be a string";
	else if (!json_is(spec, JSON_OBJECT))
		mistyped = "spec must be an object";
	if (mistyped) {
		service_fail(request, response, 400, create_codes.body, str_of(mistyped));
		return false;
	}
	if (json_str(name).len > NAME_MAX_BYTES) {
		service_fail(request, response, 400, create_codes.refused,
			arena_printf(request->arena,
				"Cluster name must be no more than %d characters", NAME_MAX_BYTES));
		return false;
	}
	struct json *errors = service_set_errors(request->arena, spec, NULL);
	if (errors) {
		service_fail_fields(
			request, response, 422, VALIDATION_CODE, VALIDATION_REASON, errors);
		return false;
	}
	return true;
}

void clusters_create(struct http_request *request, struct http_response *response)
{
	/* kind, labels and target_project_id are sent by existing clients, and mean nothing here.
	 */
	static const char *const known[] = {
		"name", "spec", "kind", "labels", "target_project_id", NULL};
	struct json *body = read_body(request, response, &create_codes, known);
	struct service_answer answer;
	struct error err;

	if (!body || !check_creation(request, response, body))
		return;
	struct str name = json_get_text(body, "name");
	const struct json *document = creation(request, name, json_get(body, "spec"));
	if (service_call_clm(request, "POST", STR("/clusters"), document, STR_NULL, false, &answer,
		    &err) < 0)
		fail_error(request, response, create_codes.failed, &err);
	else if (answer.status == 409)
		service_fail(request, response, 409, create_codes.conflict,
			arena_printf(request->arena,
				"a cluster named \"%" STR_F "\" already exists in this account",
				STR_A(name)));
	else if (answer.status >= 300)
		relay(request, response, &create_codes, &answer);
	else
		service_answer(
			request, response, 201, view_cluster(request->arena, answer.body, NULL));
}

/* --- update -------------------------------------------------------------------------------- */

/* One try: read, merge, write if nobody else did meanwhile. 1: somebody did; 0: the response is
 * filled. */
static int try_update(
	struct http_request *request, struct http_response *response, const struct json *given)
{
	struct service_answer stored, answer;
	struct json *patch = json_new_object(request->arena);
	struct error err;

	if (!call(request, response, &update_codes, "GET", cluster_path(request, ""), &stored))
		return 0;
	const struct json *old = json_get(stored.body, "spec");
	struct json *errors = service_set_errors(request->arena, given, old);
	if (errors) {
		service_fail_fields(
			request, response, 422, VALIDATION_CODE, VALIDATION_REASON, errors);
		return 0;
	}
	json_set(patch, "spec",
		merge_patch(request->arena, json_copy(request->arena, old),
			without_service_set(request->arena, given)));
	if (service_call_clm(request, "PATCH", cluster_path(request, ""), patch, stored.etag, false,
		    &answer, &err) < 0) {
		fail_error(request, response, update_codes.failed, &err);
		return 0;
	}
	if (answer.status == 412)
		return 1;
	if (answer.status >= 300)
		relay(request, response, &update_codes, &answer);
	else
		answer_cluster(request, response, 200, &update_codes, answer.body);
	return 0;
}

void clusters_update(struct http_request *request, struct http_response *response)
{
	static const char *const known[] = {
		"spec", "name", "kind", "labels", "target_project_id", NULL};
	struct json *body;

	if (!names_cluster(request, response, &update_codes))
		return;
	body = read_body(request, response, &update_codes, known);
	if (!body)
		return;
	const struct json *spec = json_get(body, "spec");
	if (json_is_null(spec)) {
		service_fail(request, response, 400, update_codes.missing, STR("spec is required"));
		return;
	}
	if (!json_is(spec, JSON_OBJECT)) {
		service_fail(
			request, response, 400, update_codes.body, STR("spec must be an object"));
		return;
	}
	for (int i = 0; i < FRONTEND_UPDATE_TRIES; i++)
		if (try_update(request, response, spec) == 0)
			return;
	service_fail(request, response, 409, update_codes.conflict, STR(CHANGED_BY_OTHERS));
}

/* --- delete -------------------------------------------------------------------------------- */

/* One try, as try_update: protection may be switched on between reading and deleting. */
static int try_delete(struct http_request *request, struct http_response *response)
{
	struct service_answer stored, answer;
	struct json *body = json_new_object(request->arena);
	struct error err;

	if (!call(request, response, &delete_codes, "GET", cluster_path(request, ""), &stored))
		return 0;
	if (json_bool(json_find(stored.body, "spec", "deleteProtection", NULL), false)) {
		service_fail(request, response, 409, delete_codes.conflict,
			STR("the cluster is protected from deletion; set spec.deleteProtection to "
			    "false first"));
		return 0;
	}
	if (service_call_clm(request, "DELETE", cluster_path(request, ""), NULL, stored.etag, false,
		    &answer, &err) < 0) {
		fail_error(request, response, delete_codes.failed, &err);
		return 0;
	}
	if (answer.status == 412)
		return 1;
	if (answer.status >= 300) {
		relay(request, response, &delete_codes, &answer);
		return 0;
	}
	json_set_text(body, "cluster_id", request->variables[0]);
	json_set_text(body, "message", STR("Cluster deletion initiated"));
	service_answer(request, response, 202, body);
	return 0;
}

void clusters_delete(struct http_request *request, struct http_response *response)
{
	if (!names_cluster(request, response, &delete_codes))
		return;
	for (int i = 0; i < FRONTEND_UPDATE_TRIES; i++)
		if (try_delete(request, response) == 0)
			return;
	service_fail(request, response, 409, delete_codes.conflict, STR(CHANGED_BY_OTHERS));
}
