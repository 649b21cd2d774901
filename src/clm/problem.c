/*
 * problem.c - see problem.h.
 */
#include "clm/problem.h"

#define TYPE_BASE "https://api.hyperfleet.io/errors/"
#define RETRY_AFTER_S "1" /* a lost database is tried again several times a second */
#define CODE_PREFIX "HYPERFLEET-"
#define REALM "hyperfleet"

static const struct {
	int status;
	const char *code;
	const char *type;
	const char *title;
} problems[PROBLEM_COUNT] = {
	[PROBLEM_VALIDATION] = {400, "VAL-000", "validation-error", "Validation Failed"},
	[PROBLEM_CHILD_KIND] = {422, "VAL-000", "validation-error", "Validation Failed"},
	[PROBLEM_BAD_REQUEST] = {400, "VAL-005", "bad-request", "Bad Request"},
	[PROBLEM_MALFORMED] = {400, "VAL-006", "malformed-request", "Malformed Request"},
	[PROBLEM_UNAUTHENTICATED] = {401, "AUT-001", "authentication-error",
		"Authentication Required"},
	[PROBLEM_BAD_TOKEN] = {401, "AUT-002", "authentication-error", "Invalid Credentials"},
	[PROBLEM_EXPIRED_TOKEN] = {401, "AUT-003", "authentication-error", "Invalid Token"},
	[PROBLEM_FORBIDDEN] = {403, "AUZ-001", "permission-denied", "Permission Denied"},
	[PROBLEM_NO_ENDPOINT] = {404, "NTF-000", "not-found", "Endpoint Not Found"},
	[PROBLEM_NOT_FOUND] = {404, "NTF-001", "not-found", "Resource Not Found"},
	[PROBLEM_EXISTS] = {409, "CNF-001", "conflict", "Resource Conflict"},
	[PROBLEM_VERSION] = {412, "CNF-002", "conflict", "Version Conflict"},
	[PROBLEM_STATE] = {409, "CNF-003", "conflict", "State Conflict"},
	[PROBLEM_GONE] = {410, "VAL-005", "bad-request", "Gone"},
	[PROBLEM_LIMITED] = {429, "LMT-001", "rate-limit", "Rate Limit Exceeded"},
	[PROBLEM_INTERNAL] = {500, "INT-001", "internal-error", "Internal Server Error"},
	[PROBLEM_UNAVAILABLE] = {503, "SVC-001", "service-unavailable", "Service Unavailable"},
	[PROBLEM_TIMEOUT] = {504, "SVC-002", "service-unavailable", "Service Timeout"},
	[PROBLEM_NO_SPACE] = {507, "SVC-001", "service-unavailable", "Insufficient Storage"},
};

static struct json *violations_json(struct arena *arena, const struct problem_details *details)
{
	struct json *array = json_new_array(arena);

	for (size_t i = 0; i < details->violation_count; i++) {
		const struct violation *violation = &details->violations[i];
		struct json *item = json_new_object(arena);

		json_set_text(item, "field", violation->field);
		json_set_text(item, "message", violation->message);
		json_set_text(item, "value", violation->value);
		json_set_text(item, "constraint", violation->constraint);
		json_append(array, item);
	}
	return array;
}

/* RFC 6750 section 3: what is to be shown, and what was wrong with what was. */
static struct str challenge(struct arena *arena, const struct problem_details *details)
{
	if (details->problem == PROBLEM_UNAUTHENTICATED)
		return STR("Bearer realm=\"" REALM "\"");
	for (size_t i = 0; i < details->detail.len; i++) {
		char c = details->detail.ptr[i];

		if (c < ' ' || c > '~' || c == '"' || c == '\\')
			return STR("Bearer realm=\"" REALM "\", error=\"invalid_token\"");
	}
	return arena_printf(arena,
		"Bearer realm=\"" REALM "\", error=\"invalid_token\", "
		"error_description=\"%" STR_F "\"",
		STR_A(details->detail));
}

static void answer(struct http_request *request, struct http_response *response,
	const struct problem_details *details, int status)
{
	struct arena *arena = request->arena;
	enum problem problem = details->problem;
	struct json *body = json_new_object(arena);

	json_set_text(body, "type", arena_printf(arena, TYPE_BASE "%s", problems[problem].type));
	json_set_text(body, "title", str_of(problems[problem].title));
	json_set_int(body, "status", status);
	json_set_text(body, "detail", details->detail);
	json_set_text(body, "instance", request->path);
	json_set_text(body, "code", arena_printf(arena, CODE_PREFIX "%s", problems[problem].code));
	json_set_text(body, "timestamp", clock_text_seconds(arena, request->now_us));
	json_set_text(body, "trace_id", request->id);
	if (details->violation_count > 0)
		json_set(body, "errors", violations_json(arena, details));
	http_response_json(request, response, status, body);
	if (status == 503)
		http_response_header(request, response, STR("Retry-After"), STR(RETRY_AFTER_S));
	if (status == 401)
		http_response_header(
			request, response, STR("WWW-Authenticate"), challenge(arena, details));
	response->content_type = STR("application/problem+json");
}

void problem_answer(struct http_request *request, struct http_response *response,
	const struct problem_details *details)
{
	answer(request, response, details, problems[details->problem].status);
}

void problem_say(struct http_request *request, struct http_response *response, enum problem problem,
	struct str detail)
{
	const struct problem_details details = {.problem = problem, .detail = detail};

	problem_answer(request, response, &details);
}

static enum problem problem_of(enum error_code code)
{
	switch (code) {
	case ERROR_INVALID:
	case ERROR_UNPROCESSABLE:
	case ERROR_TOO_LARGE:
		return PROBLEM_VALIDATION;
	case ERROR_UNAUTHENTICATED:
		return PROBLEM_UNAUTHENTICATED;
	case ERROR_FORBIDDEN:
		return PROBLEM_FORBIDDEN;
	case ERROR_NOT_FOUND:
		return PROBLEM_NOT_FOUND;
	case ERROR_CONFLICT:
		return PROBLEM_STATE;
	case ERROR_PRECONDITION:
		return PROBLEM_VERSION;
	case ERROR_GONE:
		return PROBLEM_GONE;
	case ERROR_LIMITED:
		return PROBLEM_LIMITED;
	case ERROR_UNAVAILABLE:
	case ERROR_DOUBTFUL:
	case ERROR_CANCELLED:
		return PROBLEM_UNAVAILABLE;
	case ERROR_NO_SPACE:
		return PROBLEM_NO_SPACE;
	case ERROR_TIMEOUT:
		return PROBLEM_TIMEOUT;
	default:
		return PROBLEM_INTERNAL;
	}
}

void problem_answer_error(
	struct http_request *request, struct http_response *response, const struct error *err)
{
	struct str detail = arena_str(request->arena, str_of(err->message));

	/* What went wrong inside, and where the database is, is for the log. */
	if (problem_of(err->code) == PROBLEM_INTERNAL)
		detail = STR("The request could not be carried out; its trace_id finds the reason "
			     "in the log");
	else if (err->code == ERROR_UNAVAILABLE)
		detail = STR("Database connection unavailable; nothing was changed: try again");
	else if (err->code == ERROR_NO_SPACE)
		detail = STR("No space is left on the database's disk, and nothing was changed; "
			     "make room");
	problem_say(request, response, problem_of(err->code), detail);
}

void problem_write_server_error(
	struct http_request *request, struct http_response *response, int status, struct str detail)
{
	struct problem_details details = {PROBLEM_BAD_REQUEST, detail, NULL, 0};

	if (status == 405) { /* as the original's router says it */
		response->status = status;
		response->content_type = STR("text/plain; charset=utf-8");
		response->body = STR("Method Not Allowed\n");
		return;
	}
	if (status == 404) {
		details.problem = PROBLEM_NO_ENDPOINT;
		details.detail = arena_printf(request->arena,
			"The requested endpoint '%" STR_F "' does not exist", STR_A(request->path));
	} else if (status == 503) {
		details.problem = PROBLEM_UNAVAILABLE;
	} else if (status >= 500) {
		details.problem = PROBLEM_INTERNAL;
	}
	answer(request, response, &details, status);
}
