/*
 * server.c - the scripted API server, on our own HTTP server.
 *
 * A handler may not fail a test (it runs on another thread), so what went wrong is kept and told by
 * server_finish().
 */
#include "server.h"

#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "net/http_server.h"

#define STREAMS_MAX 8

struct server {
	struct http_server *http;
	const struct exchange *script;
	size_t count;
	pthread_mutex_t mutex; /* all below */
	size_t answered;
	char complaint[1024];
	char headers[4096]; /* of the last request: "name: value\n" */
	char value[1024];
	struct http_stream *streams[STREAMS_MAX];
	size_t stream_count;
	char kubeconfig[64];
};

static void note_headers(struct server *server, const struct http_request *request)
{
	const struct http_header *headers;
	size_t count = http_request_headers(request, &headers), used = 0;

	server->headers[0] = '\0';
	for (size_t i = 0; i < count && used < sizeof(server->headers); i++)
		used += (size_t)snprintf(server->headers + used, sizeof(server->headers) - used,
			"\n%" STR_F ": %" STR_F "\n", STR_A(headers[i].name),
			STR_A(headers[i].value));
}

static void answer_stream(struct server *server, const struct exchange *exchange,
	struct http_request *request, struct http_response *response)
{
	struct http_stream *stream = http_stream_open(
		request, response, exchange->status, "application/json", NULL, NULL);

	http_stream_send(stream, str_of(exchange->answer));
	if (exchange->is_held && server->stream_count < STREAMS_MAX)
		server->streams[server->stream_count++] = stream;
	else
		http_stream_close(stream);
}

static void answer(struct http_request *request, struct http_response *response)
{
	struct server *server = request->context;
	LOCK_SCOPE(&server->mutex);
	struct str got = arena_printf(request->arena, "%" STR_F " %" STR_F, STR_A(request->method),
		STR_A(request->target));

	note_headers(server, request);
	response->status = 500;
	response->body = STR("{\"message\":\"not in the script\"}");
	if (server->answered == server->count) {
		snprintf(server->complaint, sizeof(server->complaint), "not expected: %s", got.ptr);
		return;
	}
	const struct exchange *exchange = &server->script[server->answered];
	if (!str_eq_c(got, exchange->request)) {
		snprintf(server->complaint, sizeof(server->complaint), "expected %s, got %s",
			exchange->request, got.ptr);
		return;
	}
	if (exchange->sends && !str_eq_c(request->body, exchange->sends)) {
		snprintf(server->complaint, sizeof(server->complaint),
			"%s: expected <%s>, got <%" STR_F ">", got.ptr, exchange->sends,
			STR_A(request->body));
		return;
	}
	server->answered++;
	response->status = exchange->status;
	response->body = str_of(exchange->answer);
	if (exchange->is_stream) {
		response->body = STR_NULL;
		answer_stream(server, exchange, request, response);
	}
}

struct server *server_start(const struct exchange *script, size_t count)
{
	static const struct http_route routes[] = {{"*", "/{rest...}", answer, 0, NULL}};
	struct server *server = calloc(1, sizeof(*server));
	struct error err;

	assert_non_null(server);
	server->script = script;
	server->count = count;
	pthread_mutex_init(&server->mutex, NULL);
	const struct http_server_config config = {.host = "127.0.0.1",
		.routes = routes,
		.route_count = 1,
		.context = server,
		.threads = 2,
		.name = "fake"};
	if (http_server_start(&server->http, &config, &err) < 0)
		fail_msg("%s", err.message);
	return server;
}

struct kube *server_client(struct server *server, const char *user)
{
	struct kube *kube;
	struct error err;

	snprintf(server->kubeconfig, sizeof(server->kubeconfig), "/tmp/reeve-kube-XXXXXX");
	int fd = mkstemp(server->kubeconfig);
	assert_true(fd >= 0);
	dprintf(fd,
		"apiVersion: v1\nkind: Config\ncurrent-context: test\n"
		"contexts: [{name: test, context: {cluster: c, user: u}}]\n"
		"clusters: [{name: c, cluster: {server: \"http://127.0.0.1:%d/\"}}]\n"
		"users: [{name: u, user: %s}]\n",
		http_server_port(server->http), user);
	close(fd);
	if (kube_open(&kube, server->kubeconfig, "test/1", NULL, &err) < 0)
		fail_msg("%s", err.message);
	return kube;
}

const char *server_last_header(struct server *server, const char *name)
{
	char pattern[64];
	LOCK_SCOPE(&server->mutex);

	snprintf(pattern, sizeof(pattern), "\n%s: ", name);
	const char *found = strcasestr(server->headers, pattern);
	if (!found)
		return NULL;
	found += strlen(pattern);
	snprintf(server->value, sizeof(server->value), "%.*s", (int)strcspn(found, "\n"), found);
	return server->value;
}

size_t server_answered(struct server *server)
{
	LOCK_SCOPE(&server->mutex);
	return server->answered;
}

void server_finish(struct server *server)
{
	char complaint[1024];

	for (size_t i = 0; i < server->stream_count; i++)
		http_stream_close(server->streams[i]);
	http_server_stop(server->http);
	snprintf(complaint, sizeof(complaint), "%s", server->complaint);
	if (!complaint[0] && server->answered < server->count)
		snprintf(complaint, sizeof(complaint), "missing: %s",
			server->script[server->answered].request);
	if (server->kubeconfig[0])
		unlink(server->kubeconfig);
	pthread_mutex_destroy(&server->mutex);
	free(server);
	if (complaint[0])
		fail_msg("%s", complaint);
}
