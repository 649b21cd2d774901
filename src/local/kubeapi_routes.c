/*
 * kubeapi_routes.c - the URL space of a Kubernetes API.
 *
 * Below a group's version everything looks the same, [namespaces/NS/]RESOURCE[/NAME[/SUBRESOURCE]],
 * so there is one route for all of it, and one table from method and shape to a handler.
 */
#include "local/kubeapi_routes.h"

#include "base/hash.h"
#include "local/kubeapi_change.h"
#include "local/kubeapi_discovery.h"
#include "local/kubeapi_openapi.h"
#include "local/kubeapi_read.h"
#include "local/kubeapi_scale.h"

#define PATH_PARTS 6u
/* Asked for as v2@v1.0; but '@' may not stand in a media type, and Go's parser refuses it. */
#define PROTOBUF_V2 "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

static void begin(
	struct kubeapi_call *call, struct http_request *request, struct http_response *response)
{
	memset(call, 0, offsetof(struct kubeapi_call, failure));
	call->server = request->context;
	call->request = request;
	call->response = response;
	call->arena = request->arena;
	call->name_space = call->name = call->subresource = STR("");
	kubeapi_failure_init(&call->failure, request->arena);
}

static void answer_not_served(struct kubeapi_call *call)
{
	kubeapi_fail(&call->failure, 404, "the server could not find the requested resource");
	kubeapi_answer_failure(call);
}

void kubeapi_write_error(
	struct http_request *request, struct http_response *response, int status, struct str detail)
{
	struct kubeapi_call call;

	begin(&call, request, response);
	if (status == 404)
		detail = STR("the server could not find the requested resource");
	kubeapi_fail(&call.failure, status, "%" STR_F, STR_A(detail));
	kubeapi_answer_failure(&call);
}

/* The credential of `Bearer TOKEN`, or the password of `Basic USER:PASSWORD`: clients keep their
 * bearer tokens to themselves where there is no TLS, but do send a password that stands in the
 * server's URL. */
static struct str credential(struct http_request *request)
{
	struct str header = http_request_header(request, "Authorization");
	struct str scheme = str_cut(&header, ' ');

	if (str_casecmp(scheme, STR("Bearer")) == 0)
		return str_trim(header);
	if (str_casecmp(scheme, STR("Basic")) != 0)
		return STR_NULL;
	header = hash_base64_decode(request->arena, str_trim(header));
	str_cut(&header, ':');
	return header;
}

bool kubeapi_authenticate(struct http_request *request, struct http_response *response)
{
	struct kubeapi *server = request->context;

	if (!server->token)
		return true;
	if (hash_equal_secret(credential(request), str_of(server->token))) {
		request->principal = STR("admin");
		return true;
	}
	kubeapi_write_error(request, response, 401, STR("Unauthorized"));
	return false;
}

/* --- objects ------------------------------------------------------------------------------- */

enum shape { SHAPE_COLLECTION, SHAPE_OBJECT, SHAPE_SCALE };

static const struct {
	const char *method;
	enum shape shape;
	void (*handler)(struct kubeapi_call *call);
} handlers[] = {
	{"GET", SHAPE_COLLECTION, kubeapi_read_list},
	{"POST", SHAPE_COLLECTION, kubeapi_change_create},
	{"DELETE", SHAPE_COLLECTION, kubeapi_change_delete_all},
	{"GET", SHAPE_OBJECT, kubeapi_read_get},
	{"PUT", SHAPE_OBJECT, kubeapi_change_update},
	{"PATCH", SHAPE_OBJECT, kubeapi_change_patch},
	{"DELETE", SHAPE_OBJECT, kubeapi_change_delete},
	{"GET", SHAPE_SCALE, kubeapi_scale_call},
	{"PUT", SHAPE_SCALE, kubeapi_scale_call},
	{"PATCH", SHAPE_SCALE, kubeapi_scale_call},
};

/* The parts of a path. More than PATH_PARTS: 0. */
static size_t split(struct str rest, struct str parts[PATH_PARTS])
{
	size_t count = 0;

	while (!str_is_null(rest)) {
		struct str part = str_cut(&rest, '/');
		if (part.len == 0 && str_is_null(rest))
			break;
		if (part.len == 0 || count == PATH_PARTS)
			return 0;
		parts[count++] = part;
	}
	return count;
}

/* namespaces/NS/RESOURCE... is a resource in a namespace; namespaces/NS and namespaces/NS/status
 * are the namespace itself. */
static bool read_path(struct kubeapi_call *call, struct str rest, struct str *ret_resource)
{
	struct str parts[PATH_PARTS];
	size_t count = split(rest, parts), at = 0;

	if (count >= 3 && str_eq_c(parts[0], "namespaces") && !str_eq_c(parts[2], "status") &&
		!str_eq_c(parts[2], "finalize")) {
		call->name_space = parts[1];
		at = 2;
	}
	if (count == 0 || count - at > 3)
		return false;
	*ret_resource = parts[at];
	if (count - at > 1)
		call->name = parts[at + 1];
	if (count - at > 2)
		call->subresource = parts[at + 2];
	return true;
}

static void release_type(void *type)
{
	kubeapi_type_release(type);
}

static bool find_type(
	struct kubeapi_call *call, struct str group, struct str version, struct str resource)
{
	call->type = kubeapi_types_find(call->server->types, group, version, resource);
	if (!call->type || !arena_defer(call->arena, release_type, call->type))
		return false;
	if (call->name_space.len > 0 && !call->type->is_namespaced)
		return false;
	/* One object of a namespaced kind is in some namespace. */
	return call->name.len == 0 || call->name_space.len > 0 || !call->type->is_namespaced;
}

static bool find_shape(const struct kubeapi_call *call, enum shape *ret)
{
	const struct kubeapi_type *type = call->type;

	if (call->subresource.len == 0) {
		*ret = call->name.len > 0 ? SHAPE_OBJECT : SHAPE_COLLECTION;
		return true;
	}
	if (str_eq_c(call->subresource, "status") && type->has_status) {
		*ret = SHAPE_OBJECT;
		return !str_eq_c(call->request->method, "DELETE");
	}
	if (str_eq_c(call->subresource, "finalize") && str_eq_c(type->qualified, "namespaces")) {
		*ret = SHAPE_OBJECT;
		return str_eq_c(call->request->method, "PUT");
	}
	*ret = SHAPE_SCALE;
	return str_eq_c(call->subresource, "scale") && type->scale_spec.len > 0;
}

static void dispatch(struct kubeapi_call *call, enum shape shape)
{
	struct str method = call->request->method;

	if (str_eq_c(method, "HEAD"))
		method = STR("GET");
	if (!kubeapi_view_choose(http_request_header(call->request, "Accept"),
		    kubeapi_parameter(call, "includeObject"), &call->view)) {
		kubeapi_fail(&call->failure, 406,
			"only the following media types are accepted: application/json");
		kubeapi_answer_failure(call);
		return;
	}
	kubeapi_answer_warning(call, call->type->deprecation);
	for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (handlers[i].shape != shape || !str_eq_c(method, handlers[i].method))
			continue;
		/* Objects are created where they will be. */
		if (str_eq_c(method, "POST") && call->type->is_namespaced &&
			call->name_space.len == 0)
			break;
		handlers[i].handler(call);
		return;
	}
	kubeapi_fail(&call->failure, 405,
		"the server does not allow this method on the requested resource");
	kubeapi_answer_failure(call);
}

static void objects_call(struct http_request *request, struct http_response *response,
	struct str group, struct str version, struct str rest)
{
	struct kubeapi_call call;
	struct str resource;
	enum shape shape;

	begin(&call, request, response);
	if (!read_path(&call, rest, &resource) || !find_type(&call, group, version, resource) ||
		!find_shape(&call, &shape))
		answer_not_served(&call);
	else
		dispatch(&call, shape);
}

static void core_objects(struct http_request *request, struct http_response *response)
{
	objects_call(request, response, STR(""), STR("v1"), request->variables[0]);
}

static void group_objects(struct http_request *request, struct http_response *response)
{
	objects_call(request, response, request->variables[0], request->variables[1],
		request->variables[2]);
}

/* --- documents ----------------------------------------------------------------------------- */

static void answer_document(
	struct http_request *request, struct http_response *response, const struct json *document)
{
	struct kubeapi_call call;

	begin(&call, request, response);
	if (document)
		kubeapi_answer_json(&call, 200, document);
	else
		answer_not_served(&call);
}

static struct kubeapi_types *types_of(struct http_request *request)
{
	return ((struct kubeapi *)request->context)->types;
}

static void get_version(struct http_request *request, struct http_response *response)
{
	answer_document(request, response, kubeapi_discovery_version(request->arena));
}

/* Clients that can take all groups in one answer say so in Accept. */
static bool answer_aggregated(
	struct http_request *request, struct http_response *response, bool is_core)
{
	struct str accept = http_request_header(request, "Accept");

	if (str_find(accept, STR("v=v2;as=APIGroupDiscoveryList")) < 0)
		return false;
	answer_document(request, response,
		kubeapi_discovery_aggregated(types_of(request), request->arena, is_core));
	response->content_type =
		STR("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
	return true;
}

static void get_core(struct http_request *request, struct http_response *response)
{
	if (!answer_aggregated(request, response, true))
		answer_document(request, response, kubeapi_discovery_core(request->arena));
}

static void get_groups(struct http_request *request, struct http_response *response)
{
	if (!answer_aggregated(request, response, false))
		answer_document(request, response,
			kubeapi_discovery_groups(types_of(request), request->arena));
}

static void get_group(struct http_request *request, struct http_response *response)
{
	answer_document(request, response,
		kubeapi_discovery_group(types_of(request), request->arena, request->variables[0]));
}

static void get_core_resources(struct http_request *request, struct http_response *response)
{
	answer_document(request, response,
		kubeapi_discovery_resources(types_of(request), request->arena, STR(""), STR("v1")));
}

static void get_resources(struct http_request *request, struct http_response *response)
{
	answer_document(request, response,
		kubeapi_discovery_resources(types_of(request), request->arena,
			request->variables[0], request->variables[1]));
}

static void get_openapi_v2(struct http_request *request, struct http_response *response)
{
	struct str accept = http_request_header(request, "Accept");

	if (str_find(accept, STR("protobuf")) < 0) {
		answer_document(request, response, kubeapi_openapi_v2(request->arena));
		return;
	}
	response->status = 200;
	response->content_type = STR(PROTOBUF_V2);
	response->body = kubeapi_openapi_v2_protobuf(request->arena);
}

static void get_openapi_index(struct http_request *request, struct http_response *response)
{
	answer_document(
		request, response, kubeapi_openapi_index(types_of(request), request->arena));
}

static void get_openapi_core(struct http_request *request, struct http_response *response)
{
	answer_document(request, response,
		kubeapi_openapi_document(types_of(request), request->arena, STR(""), STR("v1")));
}

static void get_openapi_group(struct http_request *request, struct http_response *response)
{
	answer_document(request, response,
		kubeapi_openapi_document(types_of(request), request->arena, request->variables[0],
			request->variables[1]));
}

static void get_health(struct http_request *request, struct http_response *response)
{
	response->status = 200;
	response->content_type = STR("text/plain; charset=utf-8");
	response->body = STR("ok");
}

static const struct http_route routes[] = {
	{"GET", "/healthz", get_health, 0, NULL},
	{"GET", "/livez", get_health, 0, NULL},
	{"GET", "/readyz", get_health, 0, NULL},
	{"GET", "/version", get_version, 0, NULL},
	{"GET", "/openapi/v2", get_openapi_v2, 0, NULL},
	{"GET", "/openapi/v3", get_openapi_index, 0, NULL},
	{"GET", "/openapi/v3/api/v1", get_openapi_core, 0, NULL},
	{"GET", "/openapi/v3/apis/{group}/{version}", get_openapi_group, 0, NULL},
	{"GET", "/api", get_core, 0, NULL},
	{"GET", "/api/v1", get_core_resources, 0, NULL},
	{"*", "/api/v1/{rest...}", core_objects, 0, NULL},
	{"GET", "/apis", get_groups, 0, NULL},
	{"GET", "/apis/{group}", get_group, 0, NULL},
	{"GET", "/apis/{group}/{version}", get_resources, 0, NULL},
	{"*", "/apis/{group}/{version}/{rest...}", group_objects, 0, NULL},
};

size_t kubeapi_routes(const struct http_route **ret)
{
	*ret = routes;
	return sizeof(routes) / sizeof(routes[0]);
}
