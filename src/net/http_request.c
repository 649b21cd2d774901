/*
 * http_request.c - what a handler reads, and what it answers with.
 */
#include <stdlib.h>
#include <string.h>

#include "net/http_exchange.h"
#include "net/http_uri.h"

#define HTTP_FIRST_HEADERS 8

/* --- the pool ------------------------------------------------------------------------------ */

void http_exchange_pool_init(struct http_exchange_pool *pool)
{
	*pool = (struct http_exchange_pool){0};
	pthread_mutex_init(&pool->mutex, NULL);
}

static void exchange_free(struct http_exchange *exchange)
{
	buf_free(&exchange->body);
	arena_free(exchange->request.arena);
	free(exchange);
}

void http_exchange_pool_destroy(struct http_exchange_pool *pool)
{
	while (pool->first) {
		struct http_exchange *exchange = pool->first;
		pool->first = exchange->next;
		exchange_free(exchange);
	}
	pthread_mutex_destroy(&pool->mutex);
}

struct http_exchange *http_exchange_take(struct http_exchange_pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	struct http_exchange *exchange = pool->first;
	if (exchange) {
		pool->first = exchange->next;
		pool->count--;
	}
	pthread_mutex_unlock(&pool->mutex);
	if (exchange)
		return exchange;
	exchange = calloc(1, sizeof(*exchange));
	if (!exchange)
		return NULL;
	exchange->request.arena = arena_new(0);
	if (!exchange->request.arena) {
		free(exchange);
		return NULL;
	}
	buf_init(&exchange->body, 0);
	return exchange;
}

/* Empties all but what is worth keeping: the arena's block and a small body buffer. */
static void exchange_reset(struct http_exchange *exchange)
{
	struct arena *arena = exchange->request.arena;
	struct buf body = exchange->body;
	arena_reset(arena);
	if (body.capacity > HTTP_KEPT_BODY)
		buf_free(&body);
	buf_clear(&body);
	*exchange = (struct http_exchange){.request.arena = arena, .body = body};
}

void http_exchange_give(struct http_exchange_pool *pool, struct http_exchange *exchange)
{
	exchange_reset(exchange);
	pthread_mutex_lock(&pool->mutex);
	bool is_kept = pool->count < HTTP_POOL_MAX;
	if (is_kept) {
		exchange->next = pool->first;
		pool->first = exchange;
		pool->count++;
	}
	pthread_mutex_unlock(&pool->mutex);
	if (!is_kept)
		exchange_free(exchange);
}

/* --- reading ------------------------------------------------------------------------------- */

static enum MHD_Result read_header(void *arg, enum MHD_ValueKind kind, const char *key,
	size_t key_size, const char *value, size_t value_size)
{
	struct http_exchange *exchange = arg;
	exchange->headers[exchange->header_count++] = (struct http_header){
		str_n(key, key_size), value ? str_n(value, value_size) : STR("")};
	return MHD_YES;
}

void http_exchange_read_headers(struct http_exchange *exchange)
{
	int count = MHD_get_connection_values_n(exchange->mhd, MHD_HEADER_KIND, NULL, NULL);
	if (count <= 0)
		return;
	exchange->headers =
		arena_calloc(exchange->request.arena, (size_t)count, sizeof(*exchange->headers));
	if (exchange->headers)
		MHD_get_connection_values_n(exchange->mhd, MHD_HEADER_KIND, read_header, exchange);
}

struct str http_request_header(const struct http_request *request, const char *name)
{
	const struct http_header *headers;
	size_t count = http_request_headers(request, &headers);
	for (size_t i = 0; i < count; i++) {
		if (str_casecmp(headers[i].name, str_of(name)) == 0)
			return headers[i].value;
	}
	return STR_NULL;
}

size_t http_request_headers(const struct http_request *request, const struct http_header **ret)
{
	const struct http_exchange *exchange = (const struct http_exchange *)request;
	*ret = exchange->headers;
	return exchange->header_count;
}

struct str http_request_parameter(
	const struct http_request *request, const char *name, size_t index)
{
	return http_query_get(request->arena, request->query, str_of(name), index);
}

/* --- answering ----------------------------------------------------------------------------- */

void http_response_header(struct http_request *request, struct http_response *response,
	struct str name, struct str value)
{
	size_t count = response->header_count;
	/* Grows at powers of two, so the count alone tells the capacity. */
	bool is_full = count == 0 || (count >= HTTP_FIRST_HEADERS && (count & (count - 1)) == 0);
	if (is_full) {
		size_t capacity = count == 0 ? HTTP_FIRST_HEADERS : count * 2;
		struct http_header *grown = arena_calloc(request->arena, capacity, sizeof(*grown));
		if (!grown)
			return;
		if (count > 0)
			memcpy(grown, response->headers, count * sizeof(*grown));
		response->headers = grown;
	}
	response->headers[response->header_count++] = (struct http_header){name, value};
}

void http_response_json(struct http_request *request, struct http_response *response, int status,
	const struct json *body)
{
	response->status = status;
	response->body = json_text(request->arena, body, JSON_WRITE_COMPACT);
}

const char *http_status_title(int status)
{
	static const struct {
		int status;
		const char *title;
	} rows[] = {
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{415, "Unsupported Media Type"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{507, "Insufficient Storage"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].status == status)
			return rows[i].title;
	}
	return status >= 500 ? "Server Error" : "Error";
}

/* RFC 9457 section 3.1. */
static void problem_write(
	struct http_request *request, struct http_response *response, int status, struct str detail)
{
	struct json *problem = json_new_object(request->arena);
	json_set_text(problem, "type", STR("about:blank"));
	json_set_text(problem, "title", str_of(http_status_title(status)));
	json_set_int(problem, "status", status);
	json_set_text(problem, "detail", detail);
	json_set_text(problem, "instance", request->path);
	response->content_type = STR("application/problem+json");
	http_response_json(request, response, status, problem);
}

static void response_fail(
	struct http_request *request, struct http_response *response, int status, struct str detail)
{
	http_error_writer writer = http_exchange_of(request)->error_writer;
	(writer ? writer : problem_write)(request, response, status, detail);
	if (response->status == 0)
		response->status = status;
	if (!str_is_null(response->body) && !arena_is_exhausted(request->arena))
		return;
	/* No memory even for the error: a static text has to do. */
	response->content_type = STR("application/problem+json");
	response->body =
		STR("{\"type\":\"about:blank\",\"title\":\"Internal Server Error\","
		    "\"status\":500,\"detail\":\"the request needs more memory than it may "
		    "have\"}");
	response->status = 500;
}

void http_response_error(
	struct http_request *request, struct http_response *response, const struct error *err)
{
	struct str detail = arena_str(request->arena, str_of(err->message));
	response_fail(request, response, error_http_status(err->code), detail);
}

void http_exchange_error(struct http_exchange *exchange, int status, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	struct str detail = arena_vprintf(exchange->request.arena, format, ap);
	va_end(ap);
	struct http_response *response = &exchange->response;
	*response = (struct http_response){
		.headers = response->headers, .header_count = response->header_count};
	response_fail(&exchange->request, response, status, detail);
}
