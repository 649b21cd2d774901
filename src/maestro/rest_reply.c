/*
 * rest_reply.c - see rest_reply.h.
 */
#include "maestro/rest_reply.h"

static const struct {
	int code;
	int status;
	const char *reason;
} codes[] = {
	{1, 403, "Invalid token provided"},
	{REST_FORBIDDEN, 403, "Forbidden to perform this action"},
	{REST_CONFLICT, 409, "An entity with the specified unique values already exists"},
	{REST_NOT_FOUND, 404, "Resource not found"},
	{REST_VALIDATION, 400, "General validation failure"},
	{REST_GENERAL, 500, "Unspecified error"},
	{10, 405, "HTTP Method not implemented for this endpoint"},
	{11, 403, "Account is unauthorized to perform this action"},
	{15, 401, "Account authentication could not be verified"},
	{REST_MALFORMED, 400, "Unable to read request body"},
	{REST_BAD_REQUEST, 400, "Bad request"},
	{23, 400, "Failed to parse search query"},
	{26, 500, "Database advisory lock error"},
	{REST_PRECONDITION, 412, "The version that was asked for is not the current one"},
};
#define CODE_COUNT (sizeof(codes) / sizeof(codes[0]))

static struct json *error_document(struct arena *arena, int code, struct str reason)
{
	struct json *document = json_new_object(arena);

	json_set_text(document, "id", arena_printf(arena, "%d", code));
	json_set_text(document, "kind", STR("Error"));
	json_set_text(document, "href", arena_printf(arena, REST_BASE "/errors/%d", code));
	json_set_text(document, "code", arena_printf(arena, "maestro-%d", code));
	json_set_text(document, "reason", reason);
	return document;
}

static void reply_error(struct http_request *request, struct http_response *response, int status,
	int code, struct str reason)
{
	struct json *document = error_document(request->arena, code, reason);
	struct str operation = http_request_header(request, "X-Operation-ID");

	json_set_text(document, "operation_id", operation.len > 0 ? operation : request->id);
	http_response_json(request, response, status, document);
}

void rest_fail(struct http_request *request, struct http_response *response, enum rest_code code,
	const char *format, ...)
{
	struct str reason;
	va_list ap;
	int status = 500;

	for (size_t i = 0; i < CODE_COUNT; i++) {
		if (codes[i].code == (int)code)
			status = codes[i].status;
	}
	va_start(ap, format);
	reason = arena_vprintf(request->arena, format, ap);
	va_end(ap);
	reply_error(request, response, status, code, reason);
}

void rest_fail_with(struct http_request *request, struct http_response *response, const char *what,
	const struct error *err)
{
	enum rest_code code;

	switch (err->code) {
	case ERROR_FORBIDDEN:
		code = REST_FORBIDDEN;
		break;
	case ERROR_CONFLICT:
		code = REST_CONFLICT;
		break;
	case ERROR_INVALID:
		code = REST_BAD_REQUEST;
		break;
	default:
		reply_error(request, response, error_http_status(err->code), REST_GENERAL,
			arena_printf(request->arena, "%s: %s", what, err->message));
		return;
	}
	rest_fail(request, response, code, "%s", err->message);
}

void rest_write_error(
	struct http_request *request, struct http_response *response, int status, struct str detail)
{
	struct arena *arena = request->arena;

	if (status == 405) {
		response->status = status;
		response->body = STR("");
	} else if (status == 404) {
		struct json *document = json_new_object(arena);

		json_set_text(document, "type", STR("Error"));
		json_set_text(document, "id", STR("404"));
		json_set_text(document, "href", STR(REST_BASE "/errors/404"));
		json_set_text(document, "code", STR("maestro-404"));
		json_set_text(document, "reason",
			arena_printf(arena, "The requested resource '%" STR_F "' doesn't exist",
				STR_A(request->path)));
		http_response_json(request, response, status, document);
	} else {
		reply_error(request, response, status,
			status < 500 ? REST_BAD_REQUEST : REST_GENERAL, detail);
	}
}

bool rest_read_body(struct http_request *request, struct http_response *response, struct json **ret)
{
	struct error err;

	if (json_parse(request->arena, request->body, NULL, ret, &err) != 0) {
		rest_fail(request, response, REST_MALFORMED, "Invalid request format: %s",
			err.message);
		return false;
	}
	return true;
}

static int64_t number_parameter(struct http_request *request, const char *name, int64_t fallback)
{
	struct str text = http_request_parameter(request, name, 0);
	int64_t number = fallback;

	str_to_int64(text, &number);
	return number;
}

bool rest_read_list(struct http_request *request, struct http_response *response,
	enum search_table table, struct rest_list *ret)
{
	struct error err;

	ret->page = number_parameter(request, "page", 1);
	ret->size = number_parameter(request, "size", REST_DEFAULT_PAGE_SIZE);
	if (ret->page < 1)
		ret->page = 1;
	if (ret->size < 0 || ret->size > REST_MAX_PAGE_SIZE)
		ret->size = REST_MAX_PAGE_SIZE;
	if (ret->page > INT64_MAX / REST_MAX_PAGE_SIZE) {
		rest_fail(request, response, REST_BAD_REQUEST, "page is too large");
		return false;
	}
	if (search_compile(request->arena, http_request_parameter(request, "search", 0), table,
		    &ret->search, &err) != 0 ||
		search_order(request->arena, http_request_parameter(request, "orderBy", 0), table,
			&ret->order, &err) != 0) {
		rest_fail(request, response, REST_BAD_REQUEST, "%s", err.message);
		return false;
	}
	return true;
}

void rest_reply_list(struct http_request *request, struct http_response *response, const char *kind,
	const struct rest_list *list, int64_t total, struct json *items)
{
	struct json *document = json_new_object(request->arena);

	json_set_text(document, "kind", str_of(kind));
	json_set_int(document, "page", list->page);
	json_set_int(document, "size", (int64_t)json_count(items));
	json_set_int(document, "total", total);
	json_set(document, "items", items);
	http_response_json(request, response, 200, document);
}

void rest_errors(struct http_request *request, struct http_response *response)
{
	struct json *items = json_new_array(request->arena);
	struct rest_list list = {.page = 1};

	for (size_t i = 0; i < CODE_COUNT; i++)
		json_append(items,
			error_document(request->arena, codes[i].code, str_of(codes[i].reason)));
	rest_reply_list(request, response, "ErrorList", &list, CODE_COUNT, items);
}

void rest_error(struct http_request *request, struct http_response *response)
{
	int64_t code;

	for (size_t i = 0; str_to_int64(request->variables[0], &code) && i < CODE_COUNT; i++) {
		if (codes[i].code == code) {
			http_response_json(request, response, 200,
				error_document(
					request->arena, codes[i].code, str_of(codes[i].reason)));
			return;
		}
	}
	rest_fail(request, response, REST_NOT_FOUND, "Error with id='%" STR_F "' not found",
		STR_A(request->variables[0]));
}
