/*
 * http_local_call.c - a call to a server of this process, on the caller's thread.
 */
#include <string.h>

#include "net/http_exchange.h"
#include "net/http_local.h"

#define LOCAL_HEADERS 5 /* those of add_own_headers */

static bool has_header(const struct http_call *call, struct str name)
{
	for (size_t i = 0; i < call->header_count; i++)
		if (str_casecmp(call->headers[i].name, name) == 0)
			return true;
	return false;
}

/* What libcurl would add, unless the caller says it itself. */
static void add_own_headers(struct http_exchange *exchange,
	const struct http_local_address *address, const struct http_call *call,
	struct str user_agent)
{
	struct arena *arena = exchange->request.arena;
	struct str type =
		str_is_null(call->content_type) ? STR("application/json") : call->content_type;
	bool has_type = !str_is_null(call->content_type) || call->body.len > 0;
	const struct http_header own[LOCAL_HEADERS] = {
		{STR("Host"), arena_printf(arena, "%s:%u", address->host, address->port)},
		{STR("User-Agent"), user_agent},
		{STR("Accept"), STR("*/*")},
		{STR("Content-Type"), has_type ? type : STR_NULL},
		{STR("Content-Length"),
			call->body.len > 0 ? arena_printf(arena, "%zu", call->body.len) : STR_NULL},
	};

	for (size_t i = 0; i < LOCAL_HEADERS; i++)
		if (!str_is_null(own[i].value) && !has_header(call, own[i].name))
			exchange->headers[exchange->header_count++] = own[i];
}

/* An exhausted arena is found by http_server_handle, before any handler. */
static void set_headers(struct http_exchange *exchange, const struct http_local_address *address,
	const struct http_call *call, struct str user_agent)
{
	exchange->header_count = 0;
	exchange->headers = arena_calloc(exchange->request.arena,
		call->header_count + LOCAL_HEADERS, sizeof(*exchange->headers));
	if (!exchange->headers)
		return;
	add_own_headers(exchange, address, call, user_agent);
	if (call->header_count > 0)
		memcpy(exchange->headers + exchange->header_count, call->headers,
			call->header_count * sizeof(*call->headers));
	exchange->header_count += call->header_count;
}

/* Out of the exchange, which goes back to its pool, into the caller's arena. */
static int copy_answer(struct http_exchange *exchange, struct arena *arena, struct http_answer *ret,
	struct error *err)
{
	const struct http_response *response = &exchange->response;
	bool is_head = str_eq(exchange->request.method, STR("HEAD"));
	struct http_answer answer = {.status = response->status};

	if (response->body.len > HTTP_CLIENT_MAX_ANSWER)
		return error_set(err, ERROR_TOO_LARGE,
			"the answer has %zu bytes, which exceeds the limit of %zu",
			response->body.len, HTTP_CLIENT_MAX_ANSWER);
	answer.body = arena_str(arena, is_head || !response->body.ptr ? STR("") : response->body);
	answer.headers = arena_calloc(arena, response->header_count + 2, sizeof(*answer.headers));
	if (!answer.headers || str_is_null(answer.body))
		return error_set(
			err, ERROR_MEMORY, "no memory for %zu bytes of answer", response->body.len);
	answer.headers[answer.header_count++] =
		(struct http_header){STR("X-Request-ID"), arena_str(arena, exchange->request.id)};
	if (!str_is_null(response->content_type) || response->body.len > 0)
		answer.headers[answer.header_count++] = (struct http_header){
			STR("Content-Type"), arena_str(arena, str_is_null(response->content_type)
								      ? STR("application/json")
								      : response->content_type)};
	for (size_t i = 0; i < response->header_count; i++)
		answer.headers[answer.header_count++] =
			(struct http_header){arena_str(arena, response->headers[i].name),
				arena_str(arena, response->headers[i].value)};
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no memory for the answer's headers");
	*ret = answer;
	return 0;
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
