/*
 * kube_peer.c - objects in a list, each as text; every change is an event in a history that watches
 * read. Server-side apply is a merge, which is enough for one manager.
 */
#include "kube_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/id.h"
#include "data/merge.h"
#include "net/http_server.h"

#define MAX_OBJECTS 4096
#define MAX_EVENTS 65536
#define MAX_WATCHES 64

struct object {
	char *path; /* without the API's prefix, unique */
	char *text;
};

struct event {
	char *kind; /* collection path over all namespaces */
	char *line;
	int64_t version;
};

struct watch {
	char *kind;
	struct http_stream *stream;
};

struct kube_peer {
	pthread_mutex_t mutex; /* all below */
	struct http_server *server;
	struct object objects[MAX_OBJECTS];
	size_t object_count;
	struct event events[MAX_EVENTS];
	size_t event_count;
	struct watch watches[MAX_WATCHES];
	size_t watch_count;
	int64_t version;
	int fail_status;
	bool has_widgets;
	unsigned requests, gets, posts, puts, patches, deletes;
	char config[64];
};

static const struct {
	const char *api, *plural, *kind;
	bool namespaced;
} kinds[] = {
	{"/api/v1", "namespaces", "Namespace", false},
	{"/api/v1", "configmaps", "ConfigMap", true},
	{"/apis/work.open-cluster-management.io/v1", "appliedmanifestworks", "AppliedManifestWork",
		false},
	{"/apis/hypershift.openshift.io/v1beta1", "hostedclusters", "HostedCluster", true},
	{"/apis/example.com/v1", "widgets", "Widget", true},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* --- names --------------------------------------------------------------------------------- */

/* A request path taken apart. */
struct place {
	size_t kind;
	struct str name_space, name;
	bool is_status;
};

static bool place_parse(struct str path, struct place *ret)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct str rest = path;
		if (!str_starts_with(rest, str_of(kinds[i].api)))
			continue;
		rest = str_slice(rest, strlen(kinds[i].api) + 1, rest.len);
		*ret = (struct place){.kind = i};
		struct str part = str_cut(&rest, '/');
		if (kinds[i].namespaced && str_eq_c(part, "namespaces") && !str_is_null(rest)) {
			ret->name_space = str_cut(&rest, '/');
			part = str_cut(&rest, '/');
		}
		if (!str_eq_c(part, kinds[i].plural))
			continue;
		ret->name = str_cut(&rest, '/');
		ret->is_status = str_eq_c(rest, "status");
		/* Else it is a namespace with something in it. */
		if (str_is_null(rest) || ret->is_status)
			return true;
	}
	return false;
}

static struct str place_path(struct arena *arena, const struct place *place)
{
	return arena_printf(
		arena, "%zu/%.*s/%.*s", place->kind, STR_A(place->name_space), STR_A(place->name));
}

static struct object *object_find(struct kube_peer *peer, struct str path)
{
	for (size_t i = 0; i < peer->object_count; i++) {
		if (str_eq_c(path, peer->objects[i].path))
			return &peer->objects[i];
	}
	return NULL;
}

static char *duplicate(struct str text)
{
	return strndup(text.ptr, text.len);
}

/* --- changes ------------------------------------------------------------------------------- */

static void event_add(struct kube_peer *peer, struct arena *arena, const struct place *place,
	const char *type, const struct json *object)
{
	assert_true(peer->event_count < MAX_EVENTS);
	struct str text = json_text(arena, object, 0);
	struct str line =
		arena_printf(arena, "{\"type\":\"%s\",\"object\":%.*s}\n", type, STR_A(text));
	peer->events[peer->event_count++] =
		(struct event){strdup(kinds[place->kind].plural), duplicate(line), peer->version};
	for (size_t i = 0; i < peer->watch_count; i++) {
		if (strcmp(peer->watches[i].kind, kinds[place->kind].plural) == 0)
			http_stream_send(peer->watches[i].stream, line);
	}
}

static void set_version(struct kube_peer *peer, struct arena *arena, struct json *object)
{
	json_set_text(json_get(object, "metadata"), "resourceVersion",
		arena_printf(arena, "%lld", (long long)++peer->version));
}

static void object_remove(struct kube_peer *peer, struct arena *arena, const struct place *place,
	struct object *object, struct json *value)
{
	set_version(peer, arena, value);
	event_add(peer, arena, place, "DELETED", value);
	free(object->path);
	free(object->text);
	*object = peer->objects[--peer->object_count];
}

static struct json *parse(struct arena *arena, struct str text)
{
	struct json *value = NULL;
	struct error err;
	if (json_parse(arena, text, NULL, &value, &err) < 0)
		fail_msg("%s", err.message);
	return value;
}

static struct json *object_create(
	struct kube_peer *peer, struct arena *arena, const struct place *place, struct json *value)
{
	char uid[ID_UUID_SIZE];
	struct json *metadata = json_get(value, "metadata");
	id_uuid4(uid);
	json_set_text(metadata, "uid", arena_str(arena, str_of(uid)));
	json_set_int(metadata, "generation", 1);
	if (place->name_space.len > 0)
		json_set_text(metadata, "namespace", place->name_space);
	set_version(peer, arena, value);
	assert_true(peer->object_count < MAX_OBJECTS);
	peer->objects[peer->object_count++] = (struct object){
		duplicate(place_path(arena, place)), duplicate(json_text(arena, value, 0))};
	event_add(peer, arena, place, "ADDED", value);
	return value;
}

static struct json *object_change(struct kube_peer *peer, struct arena *arena,
	const struct place *place, struct object *object, struct json *value)
{
	struct json *old = parse(arena, arena_str(arena, str_of(object->text)));
	if (json_equal(old, value))
		return value;
	struct json *metadata = json_get(value, "metadata");
	if (!json_equal(json_get(old, "spec"), json_get(value, "spec")))
		json_set_int(
			metadata, "generation", json_int(json_get(metadata, "generation"), 0) + 1);
	if (json_get(metadata, "deletionTimestamp") &&
		json_count(json_get(metadata, "finalizers")) == 0) {
		object_remove(peer, arena, place, object, value);
		return value;
	}
	set_version(peer, arena, value);
	free(object->text);
	object->text = duplicate(json_text(arena, value, 0));
	event_add(peer, arena, place, "MODIFIED", value);
	return value;
}

static void object_delete(struct kube_peer *peer, struct arena *arena, const struct place *place,
	struct object *object)
{
	struct json *value = parse(arena, arena_str(arena, str_of(object->text)));
	struct json *metadata = json_get(value, "metadata");
	if (json_count(json_get(metadata, "finalizers")) == 0) {
		object_remove(peer, arena, place, object, value);
		return;
	}
	json_set_text(metadata, "deletionTimestamp", STR("2026-01-02T03:04:05Z"));
	object_change(peer, arena, place, object, value);
}

/* --- requests ------------------------------------------------------------------------------ */

static void answer_status(struct http_request *request, struct http_response *response, int status,
	const char *reason, struct str message)
{
	struct json *body = json_new_object(request->arena);
	json_set_text(body, "kind", STR("Status"));
	json_set_text(body, "apiVersion", STR("v1"));
	json_set_text(body, "status", status < 400 ? STR("Success") : STR("Failure"));
	json_set_text(body, "reason", str_of(reason));
	json_set_text(body, "message", message);
	json_set_int(body, "code", status);
	http_response_json(request, response, status, body);
}

static void answer_discovery(
	struct kube_peer *peer, struct http_request *request, struct http_response *response)
{
	struct arena *arena = request->arena;
	struct json *list = json_new_object(arena), *resources = json_new_array(arena);
	for (size_t i = 0; i < KINDS; i++) {
		bool is_hidden = strcmp(kinds[i].plural, "widgets") == 0 && !peer->has_widgets;
		if (!str_eq_c(request->path, kinds[i].api) || is_hidden)
			continue;
		for (int status = 0; status < 2; status++) {
			struct json *resource = json_new_object(arena);
			json_set_text(resource, "name",
				arena_printf(
					arena, "%s%s", kinds[i].plural, status ? "/status" : ""));
			json_set_text(resource, "kind", str_of(kinds[i].kind));
			json_set_bool(resource, "namespaced", kinds[i].namespaced);
			json_append(resources, resource);
		}
	}
	if (json_count(resources) == 0) {
		answer_status(request, response, 404, "NotFound", STR("404 page not found"));
		return;
	}
	json_set_text(list, "kind", STR("APIResourceList"));
	json_set(list, "resources", resources);
	http_response_json(request, response, 200, list);
}

/* "/apis/GROUP" */
static void answer_group(struct http_request *request, struct http_response *response)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct str api = str_of(kinds[i].api);
		if (!str_starts_with(api, request->path) || api.len <= request->path.len + 1)
			continue;
		struct str version = str_slice(api, request->path.len + 1, api.len);
		struct str group = str_slice(request->path, strlen("/apis/"), request->path.len);
		response->status = 200;
		response->body = arena_printf(request->arena,
			"{\"kind\":\"APIGroup\",\"name\":\"%.*s\",\"versions\":[{\"groupVersion\":"
			"\"%.*s/%.*s\",\"version\":\"%.*s\"}],\"preferredVersion\":{"
			"\"groupVersion\":\"%.*s/%.*s\",\"version\":\"%.*s\"}}",
			STR_A(group), STR_A(group), STR_A(version), STR_A(version), STR_A(group),
			STR_A(version), STR_A(version));
		return;
	}
	answer_status(request, response, 404, "NotFound", STR("404 page not found"));
}

static void answer_watch(struct kube_peer *peer, struct http_request *request,
	struct http_response *response, const struct place *place)
{
	int64_t from = 0;
	str_to_int64(http_request_parameter(request, "resourceVersion", 0), &from);
	struct http_stream *stream =
		http_stream_open(request, response, 200, "application/json", NULL, NULL);
	assert_true(peer->watch_count < MAX_WATCHES);
	peer->watches[peer->watch_count++] =
		(struct watch){strdup(kinds[place->kind].plural), stream};
	for (size_t i = 0; i < peer->event_count; i++) {
		if (peer->events[i].version > from &&
			strcmp(peer->events[i].kind, kinds[place->kind].plural) == 0)
			http_stream_send(stream, str_of(peer->events[i].line));
	}
}

static void answer_list(struct kube_peer *peer, struct http_request *request,
	struct http_response *response, const struct place *place)
{
	struct arena *arena = request->arena;
	struct json *list = json_new_object(arena), *items = json_new_array(arena);
	struct json *metadata = json_new_object(arena);
	struct str prefix = arena_printf(arena, "%zu/", place->kind);
	for (size_t i = 0; i < peer->object_count; i++) {
		if (str_starts_with(str_of(peer->objects[i].path), prefix))
			json_append(items,
				parse(arena, arena_str(arena, str_of(peer->objects[i].text))));
	}
	json_set_text(
		metadata, "resourceVersion", arena_printf(arena, "%lld", (long long)peer->version));
	json_set(list, "metadata", metadata);
	json_set(list, "items", items);
	http_response_json(request, response, 200, list);
}

static void answer_patch(struct kube_peer *peer, struct http_request *request,
	struct http_response *response, const struct place *place, struct object *object)
{
	struct arena *arena = request->arena;
	struct json *patch = parse(arena, request->body), *value;
	bool is_apply = str_starts_with(
		http_request_header(request, "Content-Type"), STR("application/apply-patch"));
	if (!object && !is_apply) {
		answer_status(request, response, 404, "NotFound", STR("not found"));
		return;
	}
	if (!object) {
		value = object_create(peer, arena, place, patch);
	} else {
		value = parse(arena, arena_str(arena, str_of(object->text)));
		struct str has = json_get_text(json_get(value, "metadata"), "resourceVersion");
		struct str wanted = json_get_text(json_get(patch, "metadata"), "resourceVersion");
		if (!str_is_null(wanted) && !str_eq(has, wanted)) {
			answer_status(request, response, 409, "Conflict", STR("changed"));
			return;
		}
		value = object_change(peer, arena, place, object, merge_patch(arena, value, patch));
	}
	http_response_json(request, response, object ? 200 : 201, value);
}

static void answer_object(struct kube_peer *peer, struct http_request *request,
	struct http_response *response, const struct place *place)
{
	struct arena *arena = request->arena;
	struct object *object = object_find(peer, place_path(arena, place));
	if (str_eq_c(request->method, "PATCH")) {
		answer_patch(peer, request, response, place, object);
		return;
	}
	if (!object) {
		answer_status(request, response, 404, "NotFound",
			arena_printf(arena, "%s \"%.*s\" not found", kinds[place->kind].plural,
				STR_A(place->name)));
		return;
	}
	struct json *value = parse(arena, arena_str(arena, str_of(object->text)));
	if (str_eq_c(request->method, "PUT"))
		value = object_change(peer, arena, place, object, parse(arena, request->body));
	if (str_eq_c(request->method, "DELETE")) {
		struct json *options = request->body.len ? parse(arena, request->body) : NULL;
		struct str uid = json_get_text(json_get(options, "preconditions"), "uid");
		struct str has = json_get_text(json_get(value, "metadata"), "uid");
		if (!str_is_null(uid) && !str_eq(uid, has)) {
			answer_status(request, response, 409, "Conflict", STR("uid"));
			return;
		}
		object_delete(peer, arena, place, object);
	}
	http_response_json(request, response, 200, value);
}

static void count(struct kube_peer *peer, struct str method)
{
	peer->requests++;
	peer->gets += str_eq_c(method, "GET");
	peer->posts += str_eq_c(method, "POST");
	peer->puts += str_eq_c(method, "PUT");
	peer->patches += str_eq_c(method, "PATCH");
	peer->deletes += str_eq_c(method, "DELETE");
}

static void answer(struct http_request *request, struct http_response *response)
{
	struct kube_peer *peer = request->context;
	struct place place;
	LOCK_SCOPE(&peer->mutex);
	if (peer->fail_status) {
		answer_status(request, response, peer->fail_status, "InternalError",
			STR("the peer was told to fail"));
		return;
	}
	if (!place_parse(request->path, &place)) {
		struct str rest = str_slice(request->path, 1, request->path.len);
		str_cut(&rest, '/');
		bool is_group =
			str_starts_with(request->path, STR("/apis/")) && str_index(rest, '/') < 0;
		if (is_group)
			answer_group(request, response);
		else
			answer_discovery(peer, request, response);
		return;
	}
	if (str_eq_c(http_request_parameter(request, "watch", 0), "true")) {
		answer_watch(peer, request, response, &place);
		return;
	}
	if (place.name.len == 0 && str_eq_c(request->method, "GET")) {
		answer_list(peer, request, response, &place);
		return;
	}
	count(peer, request->method);
	if (place.name.len > 0) {
		answer_object(peer, request, response, &place);
		return;
	}
	struct json *value = parse(request->arena, request->body);
	place.name = json_get_text(json_get(value, "metadata"), "name");
	if (object_find(peer, place_path(request->arena, &place)))
		answer_status(request, response, 409, "AlreadyExists",
			arena_printf(request->arena, "%s \"%.*s\" already exists",
				kinds[place.kind].plural, STR_A(place.name)));
	else
		http_response_json(
			request, response, 201, object_create(peer, request->arena, &place, value));
}

static const struct http_route routes[] = {{"*", "/{rest...}", answer, 0, NULL}};

/* --- the tests' side ----------------------------------------------------------------------- */

struct kube_peer *kube_peer_start(void)
{
	struct kube_peer *peer = calloc(1, sizeof(*peer));
	struct error err;
	pthread_mutex_init(&peer->mutex, NULL);
	struct http_server_config config = {.host = "127.0.0.1",
		.routes = routes,
		.route_count = 1,
		.context = peer,
		.threads = 2};
	if (http_server_start(&peer->server, &config, &err) < 0)
		fail_msg("%s", err.message);
	snprintf(peer->config, sizeof(peer->config), "/tmp/kube-peer-XXXXXX");
	int fd = mkstemp(peer->config);
	FILE *file = fdopen(fd, "w");
	fprintf(file,
		"apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- name: c\n"
		"  context: {cluster: k, user: u}\nclusters:\n- name: k\n  cluster:\n"
		"    server: http://127.0.0.1:%u\nusers:\n- name: u\n  user: {}\n",
		http_server_port(peer->server));
	fclose(file);
	return peer;
}

void kube_peer_stop(struct kube_peer *peer)
{
	http_server_stop(peer->server);
	for (size_t i = 0; i < peer->watch_count; i++) {
		http_stream_close(peer->watches[i].stream);
		free(peer->watches[i].kind);
	}
	for (size_t i = 0; i < peer->event_count; i++) {
		free(peer->events[i].kind);
		free(peer->events[i].line);
	}
	for (size_t i = 0; i < peer->object_count; i++) {
		free(peer->objects[i].path);
		free(peer->objects[i].text);
	}
	unlink(peer->config);
	pthread_mutex_destroy(&peer->mutex);
	free(peer);
}

const char *kube_peer_config(struct kube_peer *peer)
{
	return peer->config;
}

char *kube_peer_get(struct kube_peer *peer, const char *path)
{
	struct place place;
	struct arena *arena = arena_new(0);
	assert_true(place_parse(str_of(path), &place));
	pthread_mutex_lock(&peer->mutex);
	struct object *object = object_find(peer, place_path(arena, &place));
	char *text = object ? strdup(object->text) : NULL;
	pthread_mutex_unlock(&peer->mutex);
	arena_free(arena);
	return text;
}

void kube_peer_patch(struct kube_peer *peer, const char *path, const char *patch)
{
	struct place place;
	struct arena *arena = arena_new(0);
	assert_true(place_parse(str_of(path), &place));
	pthread_mutex_lock(&peer->mutex);
	struct object *object = object_find(peer, place_path(arena, &place));
	struct json *change = parse(arena, str_of(patch));
	if (object)
		object_change(peer, arena, &place, object,
			merge_patch(arena, parse(arena, arena_str(arena, str_of(object->text))),
				change));
	else
		object_create(peer, arena, &place, change);
	pthread_mutex_unlock(&peer->mutex);
	arena_free(arena);
}

void kube_peer_delete(struct kube_peer *peer, const char *path)
{
	struct place place;
	struct arena *arena = arena_new(0);
	assert_true(place_parse(str_of(path), &place));
	pthread_mutex_lock(&peer->mutex);
	struct object *object = object_find(peer, place_path(arena, &place));
	if (object)
		object_delete(peer, arena, &place, object);
	pthread_mutex_unlock(&peer->mutex);
	arena_free(arena);
}

void kube_peer_define_widgets(struct kube_peer *peer, bool is_defined)
{
	LOCK_SCOPE(&peer->mutex);
	peer->has_widgets = is_defined;
}

void kube_peer_fail(struct kube_peer *peer, int status)
{
	LOCK_SCOPE(&peer->mutex);
	peer->fail_status = status;
}

unsigned kube_peer_requests(struct kube_peer *peer, const char *method)
{
	LOCK_SCOPE(&peer->mutex);
	if (!method)
		return peer->requests;
	switch (method[0]) {
	case 'G':
		return peer->gets;
	case 'D':
		return peer->deletes;
	default:
		return strcmp(method, "POST") == 0  ? peer->posts
		       : strcmp(method, "PUT") == 0 ? peer->puts
						    : peer->patches;
	}
}
