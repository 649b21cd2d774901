/*
 * kubeapi_call.c - reading requests and writing answers.
 */
#include "local/kubeapi_call.h"

#include "data/yaml.h"
#include "local/kubeapi_protobuf.h"

struct str kubeapi_parameter(const struct kubeapi_call *call, const char *name)
{
	return http_request_parameter(call->request, name, 0);
}

bool kubeapi_parameter_is_true(const struct kubeapi_call *call, const char *name)
{
	struct str value = kubeapi_parameter(call, name);

	return str_eq_c(value, "true") || str_eq_c(value, "1");
}

static bool is_yaml(struct str type)
{
	return str_ends_with(type, STR("yaml"));
}

int kubeapi_call_body(struct kubeapi_call *call, struct json **ret)
{
	static const struct json_limits limits = {
		.max_bytes = JSON_MAX_BYTES, .max_depth = JSON_MAX_DEPTH, .last_key_wins = true};
	struct str rest = http_request_header(call->request, "Content-Type");
	struct str type = str_trim(str_cut(&rest, ';'));
	struct error err;
	int result;

	if (str_eq_c(type, "application/vnd.kubernetes.protobuf") && call->type->is_builtin &&
		kubeapi_protobuf_read(call->arena, kubeapi_types_document(call->server->types),
			call->request->body, ret, &err) == 0)
		return 0;
	if (str_find(type, STR("protobuf")) >= 0 || str_find(type, STR("cbor")) >= 0)
		return kubeapi_fail(&call->failure, 415,
			"the body of the request was in an unknown format - accepted media types "
			"include: application/json, application/yaml");
	/* Apply patches say yaml also when they are JSON, which parses ten times as fast. */
	struct str text = str_trim(call->request->body);
	result = is_yaml(type) && !str_starts_with(text, STR("{"))
			 ? yaml_parse(call->arena, text, ret, &err)
			 : json_parse(call->arena, text, &limits, ret, &err);
	if (result < 0 && is_yaml(type))
		result = yaml_parse(call->arena, text, ret, &err);
	if (result < 0)
		return kubeapi_fail(&call->failure, 400,
			"the object provided is unrecognized (must be of type %" STR_F ": %s)",
			STR_A(call->type->kind), err.message);
	return 0;
}

/* --- writes -------------------------------------------------------------------------------- */

static int read_manager(struct kubeapi_call *call, struct str *ret)
{
	struct str manager = kubeapi_parameter(call, "fieldManager");

	if (manager.len > KUBEAPI_MANAGER_NAME_MAX)
		return kubeapi_fail(&call->failure, 422,
			"fieldManager: Invalid value: \"%" STR_F "\": may not be longer than %u",
			STR_A(manager), KUBEAPI_MANAGER_NAME_MAX);
	if (manager.len == 0) {
		struct str agent = http_request_header(call->request, "User-Agent");
		manager = str_cut(&agent, '/');
		manager = str_slice(manager, 0, KUBEAPI_MANAGER_NAME_MAX);
	}
	*ret = manager.len > 0 ? manager : STR("unknown");
	return 0;
}

static int read_validation(struct kubeapi_call *call, enum kubeapi_validation *ret)
{
	struct str value = kubeapi_parameter(call, "fieldValidation");

	if (value.len == 0 || str_eq_c(value, "Warn"))
		*ret = KUBEAPI_WARN;
	else if (str_eq_c(value, "Strict"))
		*ret = KUBEAPI_STRICT;
	else if (str_eq_c(value, "Ignore"))
		*ret = KUBEAPI_IGNORE;
	else
		return kubeapi_fail(&call->failure, 422,
			"fieldValidation: Unsupported value: \"%" STR_F
			"\": supported values: \"Ignore\", \"Strict\", \"Warn\"",
			STR_A(value));
	return 0;
}

int kubeapi_call_write(struct kubeapi_call *call, struct kubeapi_write *ret)
{
	struct str dry_run = kubeapi_parameter(call, "dryRun");

	*ret = (struct kubeapi_write){.objects = call->server->objects,
		.types = call->server->types,
		.type = call->type,
		.arena = call->arena,
		.name_space = call->name_space,
		.name = call->name,
		.subresource = call->subresource,
		.now_us = clock_now_us(call->server->clock),
		.is_dry_run = dry_run.len > 0,
		.failure = &call->failure};
	ret->writer = (struct kubeapi_writer){.api_version = call->type->api_version,
		.subresource = call->subresource,
		.time = clock_text_seconds(call->arena, ret->now_us)};
	if (dry_run.len > 0 && !str_eq_c(dry_run, "All"))
		return kubeapi_fail(&call->failure, 422,
			"dryRun: Unsupported value: \"%" STR_F "\": supported values: \"All\"",
			STR_A(dry_run));
	if (read_validation(call, &ret->validation) < 0)
		return -1;
	return read_manager(call, &ret->writer.manager);
}

/* --- answers ------------------------------------------------------------------------------- */

void kubeapi_answer_json(struct kubeapi_call *call, int status, const struct json *body)
{
	kubeapi_answer_text(call, status, json_text(call->arena, body, JSON_WRITE_COMPACT));
}

void kubeapi_answer_text(struct kubeapi_call *call, int status, struct str text)
{
	call->response->status = str_is_null(text) ? 500 : status;
	call->response->body = text;
}

void kubeapi_answer_failure(struct kubeapi_call *call)
{
	if (call->failure.retry_after_s > 0)
		http_response_header(call->request, call->response, STR("Retry-After"),
			arena_printf(call->arena, "%u", call->failure.retry_after_s));
	kubeapi_answer_json(
		call, call->failure.status, kubeapi_failure_status(call->arena, &call->failure));
}

static void free_buf(void *arg)
{
	buf_free(arg);
}

void kubeapi_answer_object(struct kubeapi_call *call, int status, int64_t version, struct str body)
{
	struct buf *out;

	if (call->view.form == KUBEAPI_WHOLE) {
		kubeapi_answer_text(call, status,
			kubeapi_object_text(call->arena, call->type->prefix, version, body));
		return;
	}
	out = arena_new_of(call->arena, struct buf);
	if (!out)
		return;
	buf_init(out, 0);
	arena_defer(call->arena, free_buf, out);
	if (kubeapi_view_write(out, call->arena, &call->view, call->type, version, body, NULL,
		    clock_now_us(call->server->clock)))
		kubeapi_answer_text(call, status, buf_str(out));
}

void kubeapi_answer_warning(struct kubeapi_call *call, struct str warning)
{
	struct buf quoted;

	if (warning.len == 0)
		return;
	buf_init(&quoted, 0);
	buf_add_cstr(&quoted, "299 - ");
	json_write_string(&quoted, warning, 0);
	http_response_header(call->request, call->response, STR("Warning"),
		arena_str(call->arena, buf_str(&quoted)));
	buf_free(&quoted);
}

void kubeapi_answer_write(struct kubeapi_call *call, const struct kubeapi_write *write)
{
	kubeapi_answer_warning(call, write->warning);
	kubeapi_answer_object(call, write->is_created ? 201 : 200, write->version, write->body);
}
