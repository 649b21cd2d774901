/*
 * kubeapi_failure.c - from a finding to a Status document.
 */
#include "local/kubeapi_failure.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{400, "BadRequest"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "NotFound"},
	{405, "MethodNotAllowed"},
	{406, "NotAcceptable"},
	{409, "Conflict"},
	{410, "Gone"},
	{413, "RequestEntityTooLarge"},
	{415, "UnsupportedMediaType"},
	{422, "Invalid"},
	{429, "TooManyRequests"},
	{500, "InternalError"},
	{503, "ServiceUnavailable"},
	{504, "Timeout"},
};

static const char *reason_of(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "";
}

void kubeapi_failure_init(struct kubeapi_failure *failure, struct arena *arena)
{
	failure->arena = arena;
	failure->status = 0;
	failure->reason = "";
	failure->message = STR_NULL;
	failure->group = failure->kind = failure->name = failure->uid = STR_NULL;
	failure->cause_count = 0;
	failure->retry_after_s = 0;
}

static int fail(struct kubeapi_failure *failure, int status, const char *reason, const char *format,
	va_list ap)
{
	failure->status = status;
	failure->reason = reason;
	failure->message = arena_vprintf(failure->arena, format, ap);
	return -1;
}

int kubeapi_fail(struct kubeapi_failure *failure, int status, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fail(failure, status, reason_of(status), format, ap);
	va_end(ap);
	return -1;
}

int kubeapi_fail_reason(
	struct kubeapi_failure *failure, int status, const char *reason, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fail(failure, status, reason, format, ap);
	va_end(ap);
	return -1;
}

int kubeapi_fail_error(struct kubeapi_failure *failure, const struct error *err)
{
	int status = error_http_status(err->code);

	if (status != 503 && status != 429 && status != 413 && status != 504)
		status = 500;
	if (err->code == ERROR_LIMITED || err->code == ERROR_UNAVAILABLE)
		failure->retry_after_s = 1;
	return kubeapi_fail(failure, status, "%s", err->message);
}

void kubeapi_failure_cause(struct kubeapi_failure *failure, const char *reason, struct str field,
	const char *format, ...)
{
	va_list ap;

	if (failure->cause_count == KUBEAPI_MAX_CAUSES)
		return;
	va_start(ap, format);
	failure->causes[failure->cause_count++] =
		(struct kubeapi_cause){reason, arena_vprintf(failure->arena, format, ap), field};
	va_end(ap);
}

int kubeapi_failure_about(
	struct kubeapi_failure *failure, struct str group, struct str kind, struct str name)
{
	failure->group = group;
	failure->kind = kind;
	failure->name = name;
	return -1;
}

struct str kubeapi_qualified(struct arena *arena, struct str resource, struct str group)
{
	if (group.len == 0)
		return resource;
	return arena_printf(arena, "%" STR_F ".%" STR_F, STR_A(resource), STR_A(group));
}

static void write_causes(struct buf *out, const struct kubeapi_failure *failure)
{
	if (failure->cause_count > 1)
		buf_add_byte(out, '[');
	for (size_t i = 0; i < failure->cause_count; i++) {
		const struct kubeapi_cause *cause = &failure->causes[i];
		buf_printf(out, "%s%" STR_F ": %" STR_F, i ? ", " : "", STR_A(cause->field),
			STR_A(cause->message));
	}
	if (failure->cause_count > 1)
		buf_add_byte(out, ']');
}

int kubeapi_fail_invalid(
	struct kubeapi_failure *failure, struct str group, struct str kind, struct str name)
{
	struct str qualified = kubeapi_qualified(failure->arena, kind, group);
	struct buf causes;

	buf_init(&causes, 0);
	write_causes(&causes, failure);
	kubeapi_fail(failure, 422, "%" STR_F " \"%" STR_F "\" is invalid: %" STR_F,
		STR_A(qualified), STR_A(name), STR_A(buf_str(&causes)));
	buf_free(&causes);
	return kubeapi_failure_about(failure, group, kind, name);
}

static struct json *details_of(struct arena *arena, const struct kubeapi_failure *failure)
{
	struct json *details = json_new_object(arena);

	if (failure->name.len > 0)
		json_set_text(details, "name", failure->name);
	if (failure->group.len > 0)
		json_set_text(details, "group", failure->group);
	json_set_text(details, "kind", failure->kind);
	json_set_text(details, "uid", failure->uid);
	if (failure->cause_count > 0) {
		struct json *causes = json_new_array(arena);
		for (size_t i = 0; i < failure->cause_count; i++) {
			struct json *cause = json_new_object(arena);
			json_set_text(cause, "reason", str_of(failure->causes[i].reason));
			json_set_text(cause, "message", failure->causes[i].message);
			json_set_text(cause, "field", failure->causes[i].field);
			json_append(causes, cause);
		}
		json_set(details, "causes", causes);
	}
	if (failure->retry_after_s > 0)
		json_set_int(details, "retryAfterSeconds", failure->retry_after_s);
	return details;
}

struct json *kubeapi_failure_status(struct arena *arena, const struct kubeapi_failure *failure)
{
	struct json *status = json_new_object(arena);
	struct json *details = details_of(arena, failure);

	json_set(status, "kind", json_new_cstr(arena, "Status"));
	json_set(status, "apiVersion", json_new_cstr(arena, "v1"));
	json_set(status, "metadata", json_new_object(arena));
	json_set(status, "status", json_new_cstr(arena, "Failure"));
	json_set_text(status, "message", failure->message);
	json_set_text(status, "reason", str_of(failure->reason));
	if (json_count(details) > 0)
		json_set(status, "details", details);
	json_set_int(status, "code", failure->status);
	return status;
}
