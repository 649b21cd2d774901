/*
 * kubeapi.c - starting and stopping the stand-in Kubernetes API server.
 */
#include "local/kubeapi.h"

#include <ctype.h>
#include <stdlib.h>

#include "local/kubeapi_crd.h"
#include "local/kubeapi_routes.h"
#include "local/kubeapi_write.h"
#include "local/state.h"

#define USER_NAME "admin"

static const char *const first_namespaces[] = {
	"default", "kube-system", "kube-public", "kube-node-lease"};

/* --- what is there from the start ---------------------------------------------------------- */

struct serving {
	struct kubeapi *kubeapi;
	struct arena *arena;
	struct error *err;
	int result;
};

static bool serve_crd(
	void *context, enum kubeapi_event_type type, const struct kubeapi_record *record)
{
	struct serving *serving = context;
	struct json *crd;

	arena_reset(serving->arena);
	serving->result = json_parse(serving->arena,
		kubeapi_object_text(serving->arena, STR("{\"metadata\":{"), 0, record->body), NULL,
		&crd, serving->err);
	if (serving->result == 0)
		serving->result = kubeapi_crd_serve(serving->kubeapi->types, crd, serving->err);
	return serving->result == 0;
}

static int serve_crds(struct kubeapi *kubeapi, struct error *err)
{
	struct kubeapi_query query = {.resource = STR(KUBEAPI_CRD_RESOURCE)};
	struct serving serving = {.kubeapi = kubeapi, .arena = arena_new(0), .err = err};
	int64_t version;

	if (!serving.arena)
		return error_set(err, ERROR_MEMORY, "no memory for CRDs");
	if (kubeapi_objects_list(kubeapi->objects, &query, serve_crd, &serving, &version, err) < 0)
		serving.result = -1;
	arena_free(serving.arena);
	return serving.result;
}

static int make_namespace(struct kubeapi *kubeapi, struct arena *arena, struct kubeapi_type *type,
	const char *name, struct error *err)
{
	struct kubeapi_failure failure;
	struct kubeapi_write write = {.objects = kubeapi->objects,
		.types = kubeapi->types,
		.type = type,
		.arena = arena,
		.name_space = STR(""),
		.name = str_of(name),
		.subresource = STR(""),
		.now_us = clock_now_us(kubeapi->clock),
		.failure = &failure};

	kubeapi_failure_init(&failure, arena);
	write.writer = (struct kubeapi_writer){.manager = STR("kube-apiserver"),
		.api_version = type->api_version,
		.subresource = STR(""),
		.time = clock_text_seconds(arena, write.now_us)};
	if (kubeapi_write_create(&write, json_new_object(arena)) == 0 || failure.status == 409)
		return 0;
	return error_set(err, ERROR_INTERNAL, "cannot make namespace %s: %" STR_F, name,
		STR_A(failure.message));
}

static int make_namespaces(struct kubeapi *kubeapi, struct error *err)
{
	struct kubeapi_type *type =
		kubeapi_types_find(kubeapi->types, STR(""), STR("v1"), STR("namespaces"));
	struct arena *arena = arena_new(0);
	int result = 0;

	for (size_t i = 0; result == 0 && arena && type &&
			   i < sizeof(first_namespaces) / sizeof(first_namespaces[0]);
		i++) {
		result = make_namespace(kubeapi, arena, type, first_namespaces[i], err);
		arena_reset(arena);
	}
	if (!arena || !type)
		result = error_set(err, ERROR_MEMORY, "no memory for namespaces");
	arena_free(arena);
	kubeapi_type_release(type);
	return result;
}

/* --- life ---------------------------------------------------------------------------------- */

static int start_http(
	struct kubeapi *kubeapi, const struct kubeapi_config *config, struct error *err)
{
	struct http_server_config http = {.host = config->host ? config->host : "127.0.0.1",
		.port = config->port,
		.threads = KUBEAPI_THREADS,
		.error_writer = kubeapi_write_error,
		.before = kubeapi_authenticate,
		.lenient_slash = true,
		.in_process = true,
		.context = kubeapi,
		.clock = kubeapi->clock,
		.name = "kubeapi"};

	http.route_count = kubeapi_routes(&http.routes);
	return http_server_start(&kubeapi->http, &http, err);
}

int kubeapi_start(struct kubeapi **ret, const struct kubeapi_config *config, struct error *err)
{
	struct kubeapi *kubeapi = calloc(1, sizeof(*kubeapi));

	if (!kubeapi)
		return error_set(err, ERROR_MEMORY, "no memory for a Kubernetes API");
	kubeapi->clock = config->clock ? config->clock : &clock_system;
	kubeapi->log = config->log;
	if (config->token && !(kubeapi->token = strdup(config->token))) {
		kubeapi_stop(kubeapi);
		return error_set(err, ERROR_MEMORY, "no memory for a Kubernetes API");
	}
	if (kubeapi_types_new(&kubeapi->types, err) < 0 ||
		kubeapi_objects_open(&kubeapi->objects, config->store_url, config->log, err) < 0 ||
		serve_crds(kubeapi, err) < 0 || make_namespaces(kubeapi, err) < 0 ||
		kubeapi_watches_start(&kubeapi->watches, kubeapi->objects, kubeapi->clock, err) <
			0 ||
		kubeapi_gc_start(&kubeapi->gc, kubeapi->objects, kubeapi->types, kubeapi->clock,
			kubeapi->log, err) < 0 ||
		start_http(kubeapi, config, err) < 0) {
		kubeapi_stop(kubeapi);
		return -1;
	}
	*ret = kubeapi;
	return 0;
}

uint16_t kubeapi_port(const struct kubeapi *kubeapi)
{
	return http_server_port(kubeapi->http);
}

void kubeapi_stop(struct kubeapi *kubeapi)
{
	if (!kubeapi)
		return;
	http_server_stop(kubeapi->http);
	kubeapi_gc_stop(kubeapi->gc);
	kubeapi_watches_stop(kubeapi->watches);
	kubeapi_objects_close(kubeapi->objects);
	kubeapi_types_free(kubeapi->types);
	free(kubeapi->token);
	free(kubeapi);
}

/* --- kubeconfig ---------------------------------------------------------------------------- */

/* RFC 3986: all but unreserved characters. */
static struct str percent_encode(struct arena *arena, struct str text)
{
	struct str out = STR("");

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool is_plain = isalnum(c) || strchr("-._~", c);
		out = arena_printf(
			arena, is_plain ? "%" STR_F "%c" : "%" STR_F "%%%02X", STR_A(out), c);
	}
	return out;
}

static struct json *named(
	struct arena *arena, const char *name, const char *key, struct json *value)
{
	struct json *list = json_new_array(arena), *entry = json_new_object(arena);

	json_set(entry, "name", json_new_cstr(arena, name));
	json_set(entry, key, value);
	json_append(list, entry);
	return list;
}

int kubeapi_write_kubeconfig(const char *path, const char *host, uint16_t port, const char *token,
	const char *name, struct error *err)
{
	struct json *config, *cluster, *user, *context;
	bool is_ipv6 = strchr(host, ':') != NULL;
	struct arena *arena = arena_new(0);
	int result;

	if (!arena)
		return error_set(err, ERROR_MEMORY, "no memory for %s", path);
	config = json_new_object(arena);
	cluster = json_new_object(arena);
	user = json_new_object(arena);
	context = json_new_object(arena);
	/* kubectl sends no bearer token without TLS, but a password in the URL it does send. */
	struct str user_info = STR("");
	if (token)
		user_info = arena_printf(arena, "%s:%" STR_F "@", USER_NAME,
			STR_A(percent_encode(arena, str_of(token))));
	json_set_text(cluster, "server",
		arena_printf(arena, "http://%" STR_F "%s%s%s:%u", STR_A(user_info),
			is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port));
	json_set_text(user, "token", str_of(token));
	json_set_text(context, "cluster", str_of(name));
	json_set_text(context, "user", str_of(name));
	json_set(config, "apiVersion", json_new_cstr(arena, "v1"));
	json_set(config, "kind", json_new_cstr(arena, "Config"));
	json_set(config, "clusters", named(arena, name, "cluster", cluster));
	json_set(config, "users", named(arena, name, "user", user));
	json_set(config, "contexts", named(arena, name, "context", context));
	json_set_text(config, "current-context", str_of(name));
	/* A kubeconfig is YAML, and JSON is YAML. */
	result = arena_is_exhausted(arena) ? error_set(err, ERROR_MEMORY, "no memory for %s", path)
					   : state_write(path, config, err);
	arena_free(arena);
	return result;
}
