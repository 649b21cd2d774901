/*
 * service.c - authentication, the envelope, and calls to CLM.
 */
#include "frontend/service.h"

#include "aws/sigv4.h"
#include "base/cleanup.h"

#define CLM_BASE "/api/hyperfleet/v1"

static struct frontend *frontend_of(const struct http_request *request)
{
	return request->context;
}

/* --- answers ------------------------------------------------------------------------------- */

void service_answer(struct http_request *request, struct http_response *response, int status,
	const struct json *body)
{
	response->status = status;
	response->body = json_text(request->arena, body, JSON_WRITE_HTML);
	response->content_type = STR("application/json");
}

static struct json *envelope(struct http_request *request, const char *code, struct str reason)
{
	struct json *body = json_new_object(request->arena);

	json_set_text(body, "kind", STR("Error"));
	json_set_text(body, "code", str_of(code));
	json_set_text(body, "reason", reason);
	return body;
}

void service_fail(struct http_request *request, struct http_response *response, int status,
	const char *code, struct str reason)
{
	/* The reason is often the text of a struct error on somebody's stack. */
	service_answer(request, response, status,
		envelope(request, code, arena_str(request->arena, reason)));
}

void service_fail_fields(struct http_request *request, struct http_response *response, int status,
	const char *code, const char *reason, struct json *errors)
{
	struct json *body = envelope(request, code, str_of(reason));

	json_set(body, "errors", errors);
	service_answer(request, response, status, body);
}

void service_server_error(
	struct http_request *request, struct http_response *response, int status, struct str detail)
{
	static const struct {
		int status;
		const char *code;
	} codes[] = {{404, "ROUTE-001"}, {405, "ROUTE-002"}, {408, "REQUEST-001"},
		{413, "REQUEST-002"}, {414, "REQUEST-003"}, {431, "REQUEST-003"},
		{400, "REQUEST-004"}, {503, "INTERNAL-002"}};
	const char *code = "INTERNAL-001";

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].status == status)
			code = codes[i].code;
	service_fail(request, response, status, code, detail);
}

/* --- who calls ----------------------------------------------------------------------------- */

bool service_authenticate(struct http_request *request, struct http_response *response)
{
	struct frontend *frontend = frontend_of(request);
	struct sigv4_request signed_request = {
		.method = request->method, .target = request->target, .body = request->body};
	struct sigv4_claim claim;
	struct key_ring_entry *key = arena_new_of(request->arena, struct key_ring_entry);
	struct error err;

	signed_request.header_count = http_request_headers(request, &signed_request.headers);
	if (!key) {
		service_fail(request, response, 500, "AUTH-003",
			STR("no memory to check the signature"));
		return false;
	}
	if (sigv4_claim(request->arena, &signed_request, &claim, &err) < 0) {
		service_fail(request, response, 403, "AUTH-101", str_of(err.message));
		return false;
	}
	if (key_ring_find(frontend->keys, request->arena, claim.access_key, key, &err) < 0) {
		service_fail(request, response, 403, "AUTH-102", str_of(err.message));
		return false;
	}
	if (sigv4_verify(request->arena, &signed_request, key->secret_key,
		    str_of(frontend->config.region), STR("execute-api"), request->now_us,
		    &err) < 0) {
		service_fail(request, response, 403, "AUTH-103", str_of(err.message));
		return false;
	}
	request->principal = key->arn;
	request->caller = key;
	return true;
}

/* --- CLM ----------------------------------------------------------------------------------- */

static size_t identity_headers(struct http_request *request, struct str if_match, bool is_regional,
	struct http_header headers[4])
{
	const struct key_ring_entry *caller = request->caller;
	size_t count = 0;

	if (!is_regional)
		headers[count++] =
			(struct http_header){STR("X-Amz-Account-Id"), caller->account_id};
	headers[count++] = (struct http_header){STR("X-Amz-Caller-Arn"), caller->arn};
	if (if_match.len)
		headers[count++] = (struct http_header){STR("If-Match"), if_match};
	return count;
}

int service_call_clm(struct http_request *request, const char *method, struct str path,
	const struct json *body, struct str if_match, bool is_regional, struct service_answer *ret,
	struct error *err)
{
	struct http_header headers[4];
	struct http_call call = {.method = method,
		.path = arena_printf(request->arena, CLM_BASE "%" STR_F, STR_A(path)),
		.headers = headers,
		.header_count = identity_headers(request, if_match, is_regional, headers),
		.timeout_us = FRONTEND_CLM_TIMEOUT_US,
		.retries = str_eq_c(STR("GET"), method) ? 2 : 0};
	struct http_answer answer;

	if (body)
		call.body = json_text(request->arena, body, JSON_WRITE_COMPACT);
	if (http_client_call(frontend_of(request)->clm, request->arena, &call, &answer, err) < 0)
		return -1;
	*ret = (struct service_answer){
		.status = answer.status, .etag = http_answer_header(&answer, "ETag")};
	if (answer.body.len && json_parse(request->arena, answer.body, NULL, &ret->body, err) < 0)
		return error_prefix(err, "CLM's answer to %s %" STR_F, method, STR_A(path));
	return 0;
}

struct str service_clm_detail(struct http_request *request, const struct service_answer *answer)
{
	struct str detail = json_get_text(answer->body, "detail");

	if (detail.len)
		return detail;
	return arena_printf(
		request->arena, "the cluster lifecycle manager answered %d", answer->status);
}

struct json *service_clm_fields(struct http_request *request, const struct service_answer *answer)
{
	const struct json *given = json_get(answer->body, "errors"), *item;
	struct json *errors = json_new_array(request->arena);

	json_for_each (given, i, item) {
		struct json *error = json_new_object(request->arena);
		json_set_text(error, "field", json_get_text(item, "field"));
		json_set_text(error, "reason", json_get_text(item, "message"));
		json_append(errors, error);
	}
	return json_count(errors) ? errors : NULL;
}
