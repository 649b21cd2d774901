/*
 * rest_reply.h - what all handlers of Maestro's REST interface share: error bodies, lists,
 * parameters.
 */
#ifndef REEVE_MAESTRO_REST_REPLY_H
#define REEVE_MAESTRO_REST_REPLY_H

#include "maestro/search.h"
#include "maestro/server.h"
#include "net/http_server.h"

#define REST_BASE "/api/maestro/v1"
#define REST_MAX_PAGE_SIZE 65500
#define REST_DEFAULT_PAGE_SIZE 100

/* Maestro's error codes; the body names them, and each has one HTTP status. */
enum rest_code {
	REST_FORBIDDEN = 4,
	REST_CONFLICT = 6,
	REST_NOT_FOUND = 7,
	REST_VALIDATION = 8,
	REST_GENERAL = 9,
	REST_MALFORMED = 17,
	REST_BAD_REQUEST = 21,
	REST_PRECONDITION = 27, /* ours */
};

/* The context of every request. */
struct rest {
	struct maestro_server *server;
	struct watch_hub *watches;
};

static inline struct rest *rest_of(const struct http_request *request)
{
	return request->context;
}

void rest_fail(struct http_request *request, struct http_response *response, enum rest_code code,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* An error of the store or below, under `what`. */
void rest_fail_with(struct http_request *request, struct http_response *response, const char *what,
	const struct error *err);

/* http_server_config.error_writer: what the server itself refuses. */
void rest_write_error(struct http_request *request, struct http_response *response, int status,
	struct str detail);

/* The body as JSON; false when the response is filled with why not. */
bool rest_read_body(
	struct http_request *request, struct http_response *response, struct json **ret);

struct rest_list {
	struct search search;
	struct str order;
	int64_t page;
	int64_t size;
};

/* page, size, search and orderBy; false when the response is filled. */
bool rest_read_list(struct http_request *request, struct http_response *response,
	enum search_table table, struct rest_list *ret);

void rest_reply_list(struct http_request *request, struct http_response *response, const char *kind,
	const struct rest_list *list, int64_t total, struct json *items);

/* GET /errors and /errors/{id} */
void rest_errors(struct http_request *request, struct http_response *response);
void rest_error(struct http_request *request, struct http_response *response);

#endif
