/*
 * client.c - requests: paths, credentials, bodies.
 *
 * A token in a file (a pod's service account) is rotated by others, so it is read again once a
 * minute, as client-go does, and goes out as a header of each request instead of being part of the
 * client.
 */
#include "kube/client.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "kube/kubeconfig.h"

#define TOKEN_AGE_MAX_US (60 * CLOCK_US_PER_S)

/* A file that cannot be read leaves the token as it was: it may still be good. */
static void refresh_token(struct kube_token *token, struct arena *arena)
{
	struct str text;

	if (token->value && clock_monotonic_us() - token->read_us < TOKEN_AGE_MAX_US)
		return;
	if (kubeconfig_read_file(arena, token->file, &text, NULL) < 0)
		return;
	text = str_trim(text);
	char *value = strndup(text.ptr, text.len);
	if (!value)
		return;
	free(token->value);
	token->value = value;
	token->read_us = clock_monotonic_us();
}

static struct str bearer(struct kube_token *token, struct arena *arena)
{
	/* Reading a small file under the lock is meant: the others wait for the new token. */
	LOCK_SCOPE(&token->mutex);
	refresh_token(token, arena);
	return token->value ? arena_printf(arena, "Bearer %s", token->value) : STR_NULL;
}

size_t kube_headers(
	struct kube *kube, struct arena *arena, struct http_header headers[KUBE_MAX_CALL_HEADERS])
{
	size_t count = 0;
	struct str authorization = str_of(kube->authorization);

	headers[count++] = (struct http_header){STR("Accept"), STR("application/json")};
	if (kube->token.file)
		authorization = bearer(&kube->token, arena);
	if (!str_is_null(authorization))
		headers[count++] = (struct http_header){STR("Authorization"), authorization};
	return count;
}

int kube_path(struct arena *arena, const struct kube_resource *resource, struct str name_space,
	struct str name, const char *subresource, struct str *ret, struct error *err)
{
	bool is_scoped = resource->namespaced && name_space.len;

	if (resource->namespaced && name.len && !name_space.len)
		return error_set(err, ERROR_INVALID,
			"%s \"%" STR_F "\" needs a namespace: its kind is namespaced",
			resource->kind, STR_A(name));
	struct str path = arena_printf(arena, "%s%s/%s%s%" STR_F "/%s%s%" STR_F "%s%s",
		resource->group[0] ? "/apis/" : "/api", resource->group, resource->version,
		is_scoped ? "/namespaces/" : "",
		STR_A(is_scoped ? http_encode(arena, name_space) : STR("")), resource->plural,
		name.len ? "/" : "", STR_A(http_encode(arena, name)),
		subresource && subresource[0] ? "/" : "", subresource ? subresource : "");
	if (str_is_null(path))
		return error_set(err, ERROR_MEMORY, "no memory for a path");
	*ret = path;
	return 0;
}

int kube_call(struct kube *kube, struct arena *arena, const struct kube_call *call,
	struct json **ret, struct error *err)
{
	struct http_header headers[KUBE_MAX_CALL_HEADERS];
	struct http_call request = {
		.method = call->method,
		.path = call->path,
		.headers = headers,
		.header_count = kube_headers(kube, arena, headers),
		.content_type = call->content_type,
		.timeout_us = KUBE_TIMEOUT_US,
		.retries = call->may_repeat ? KUBE_RETRIES : 0,
	};

	if (call->body)
		request.body = json_text(arena, call->body, JSON_WRITE_COMPACT);
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no memory for the request %s %" STR_F,
			call->method, STR_A(call->path));
	return http_client_json(kube->http, arena, &request, NULL, ret, err);
}
