/*
 * http_local_call.c - a call to a server of this process, on the caller's thread.
 */
#include <string.h>

#include "net/http_exchange.h"
#include "net/http_local.h"

#define LOCAL_HEADERS 3 /* Host, User-Agent, Content-Type: what libcurl adds to the caller's */

static void set_headers(struct http_exchange *exchange, const struct http_local_address *address,
	const struct http_call *call, struct str user_agent)
{
	struct arena *arena = exchange->request.arena;
	struct http_header *headers =
		arena_calloc(arena, call->header_count + LOCAL_HEADERS, sizeof(*headers));
	size_t count = 0;

	if (!headers)
		return;
	headers[count++] = (struct http_header){
		STR("Host"), arena_printf(arena, "%s:%u", address->host, address->port)};
	headers[count++] = (struct http_header){STR("User-Agent"), user_agent};
	if (!str_is_null(call->content_type))
		headers[count++] = (struct http_header){STR("Content-Type"), call->content_type};
	else if (call->body.len > 0)
		headers[count++] =
			(struct http_header){STR("Content-Type"), STR("application/json")};
	if (call->header_count > 0)
		memcpy(headers + count, call->headers, call->header_count * sizeof(*headers));
	exchange->headers = headers;
	exchange->header_count = count + call->header_count;
}

/* Out of the exchange, which goes back to its pool, into the caller's arena. */
static int copy_answer(struct http_exchange *exchange, struct arena *arena, struct http_answer *ret,
	struct error *err)
{
	const struct http_response *response = &exchange->response;
	bool is_head = str_eq(exchange->request.method, STR("HEAD"));
	struct http_header *headers =
		arena_calloc(arena, response->header_count + 2, sizeof(*headers));
	size_t count = 0;

	*ret = (struct http_answer){.status = response->status, .headers = headers};
	ret->body = arena_str(arena, is_head || !response->body.ptr ? STR("") : response->body);
	if (!headers || str_is_null(ret->body))
		return error_set(
			err, ERROR_MEMORY, "no memory for %zu bytes of answer", response->body.len);
	headers[count++] =
		(struct http_header){STR("X-Request-ID"), arena_str(arena, exchange->request.id)};
	if (!str_is_null(response->content_type) || response->body.len > 0)
		headers[count++] = (struct http_header){
			STR("Content-Type"), arena_str(arena, str_is_null(response->content_type)
								      ? STR("application/json")
								      : response->content_type)};
	for (size_t i = 0; i < response->header_count; i++)
		headers[count++] = (struct http_header){arena_str(arena, response->headers[i].name),
			arena_str(arena, response->headers[i].value)};
	ret->header_count = count;
	return arena_is_exhausted(arena)
		       ? error_set(err, ERROR_MEMORY, "no memory for the answer's headers")
		       : 0;
}

int http_local_call(struct http_local *local, struct str target, struct arena *arena,
	const struct http_call *call, struct str user_agent, struct http_answer *ret,
	struct error *err)
{
	struct http_exchange *exchange = http_server_begin(local->server);
	if (!exchange)
		return error_set(err, ERROR_MEMORY, "no memory for the request");
	struct http_request *request = &exchange->request;
	request->target = arena_str(request->arena, target);
	request->method = str_of(call->method);
	request->peer = STR("in-process");
	request->body = call->body.ptr ? call->body : STR("");
	set_headers(exchange, &local->address, call, user_agent);
	if (!http_server_refuse(local->server, exchange, call->body.len))
		http_server_handle(local->server, exchange);
	int result = copy_answer(exchange, arena, ret, err);
	http_server_end(local->server, exchange, true);
	return result;
}
