/*
 * adapter_call.c - calling the API as a task file says.
 *
 * The HTTP client has retries of its own with one fixed backoff; a task chooses among three, so
 * they are done here. HyperFleet's adapter drops the query of a relative URL; here it is sent.
 */
#include "clm/adapter_call.h"

#define UNKNOWN_ENDPOINT "HYPERFLEET-NTF-000" /* 404 for a path that CLM does not have */
#define JITTER_PART 10			      /* a wait varies by a tenth */

static struct str full_url(struct adapter_scope *scope, struct str url)
{
	const struct adapter_settings *settings = scope->context->settings;
	if (str_starts_with(url, STR("http://")) || str_starts_with(url, STR("https://")))
		return url;
	if (str_starts_with(url, STR("/")))
		url = str_slice(url, 1, url.len);
	if (str_starts_with(url, STR("api/")))
		return arena_printf(
			scope->arena, "%" STR_F "/%" STR_F, STR_A(settings->api_url), STR_A(url));
	return arena_printf(scope->arena, "%" STR_F "/api/hyperfleet/%" STR_F "/%" STR_F,
		STR_A(settings->api_url), STR_A(settings->api_version), STR_A(url));
}

static int render_headers(struct adapter_scope *scope, const struct adapter_call *call,
	struct http_call *request, struct error *err)
{
	const struct json *defaults = scope->context->settings->default_headers, *value;
	size_t count = 0, room = json_count(defaults) + call->header_count;
	struct http_header *headers = arena_calloc(scope->arena, room + 1, sizeof(*headers));
	if (!headers)
		return error_set(err, ERROR_MEMORY, "no memory for the call's headers");
	json_for_each (defaults, i, value)
		headers[count++] = (struct http_header){json_key_at(defaults, i), json_str(value)};
	for (size_t i = 0; i < call->header_count; i++) {
		struct http_header *header = &headers[count];
		header->name = call->headers[i].name;
		if (adapter_scope_render(scope, &call->headers[i].value, &header->value, err) != 0)
			return error_prefix(err, "header %" STR_F, STR_A(header->name));
		if (str_casecmp(header->name, STR("Content-Type")) == 0)
			request->content_type = header->value;
		else
			count++;
	}
	request->headers = headers;
	request->header_count = count;
	return 0;
}

static int64_t delay_us(
	const struct adapter_settings *settings, enum adapter_backoff backoff, int64_t attempt)
{
	int64_t delay = settings->base_delay_us, max = settings->max_delay_us;
	if (backoff == ADAPTER_LINEAR)
		delay = delay > max / attempt ? max : delay * attempt;
	for (int64_t i = 1; backoff == ADAPTER_EXPONENTIAL && i < attempt && delay < max; i++)
		delay *= 2;
	if (delay > max)
		delay = max;
	/* From part to twice part, stretched to what lies a part below and above the delay. */
	int64_t part = delay / JITTER_PART;
	return delay + 2 * thread_backoff_us(0, 2 * part, 2 * part) - 3 * part;
}

static bool may_retry(int rc, int status)
{
	return rc != 0 || status >= 500 || status == 408 || status == 429;
}

/* Calls until it works, fails for good or the attempts are used up. */
static int call_with_retries(struct adapter_scope *scope, const struct adapter_call *call,
	const struct http_call *request, struct http_answer *answer, struct error *err)
{
	const struct adapter_context *context = scope->context;
	for (int64_t attempt = 1;; attempt++) {
		*answer = (struct http_answer){0};
		int rc = http_client_call(context->api, scope->arena, request, answer, err);
		if (!may_retry(rc, answer->status) || attempt >= call->attempts)
			return rc;
		if (stop_sleep(context->stop, delay_us(context->settings, call->backoff, attempt)))
			return error_set(err, ERROR_CANCELLED, "told to stop");
	}
}

/* What the answer itself says is wrong. */
static struct str complaint(const struct json *body)
{
	static const char *const members[] = {"detail", "reason", "message", "title"};
	for (size_t i = 0; i < SETTINGS_COUNT(members); i++) {
		struct str text = json_get_text(body, members[i]);
		if (!str_is_empty(text))
			return text;
	}
	return STR("");
}

int adapter_call(struct adapter_scope *scope, const struct adapter_call *call, struct json **ret,
	bool *ret_is_gone, struct error *err)
{
	struct http_answer answer;
	struct json *body = NULL;
	struct str url;
	struct http_call request = {
		.method = arena_cstr(scope->arena, call->method), .timeout_us = call->timeout_us};
	if (adapter_scope_render(scope, &call->url, &url, err) != 0 ||
		adapter_scope_render(scope, &call->body, &request.body, err) != 0 ||
		render_headers(scope, call, &request, err) != 0)
		return -1;
	request.path = full_url(scope, url);
	if (arena_is_exhausted(scope->arena))
		return error_set(err, ERROR_MEMORY, "no memory for the call");
	if (call_with_retries(scope, call, &request, &answer, err) != 0)
		return -1;
	bool is_json =
		answer.body.len > 0 && json_parse(scope->arena, answer.body, NULL, &body, err) == 0;
	if (answer.status >= 400) {
		if (ret_is_gone)
			*ret_is_gone = answer.status == 404 &&
				       !str_eq_c(json_get_text(body, "code"), UNKNOWN_ENDPOINT);
		struct str why = complaint(body);
		return error_set(err, error_from_http_status(answer.status),
			"%s %" STR_F " answered %d%s%" STR_F, request.method, STR_A(request.path),
			answer.status, why.len ? ": " : "", STR_A(why));
	}
	if (answer.body.len > 0 && !is_json)
		return error_prefix(err, "%s %" STR_F, request.method, STR_A(request.path));
	*ret = body;
	return 0;
}
