/*
 * adapter_task_post.c - reading calls, payloads and post actions from a task file.
 */
#include "clm/adapter_task_post.h"

#include "data/jsonpath.h"
#include "data/template.h"
#include "data/yaml.h"

#define LOG_REFUSED "failures are logged without it; remove it"

static const struct settings_key when_keys[] = {{"expression", SETTINGS_TEXT, true, NULL}};

static const struct settings_key call_keys[] = {
	{"method", SETTINGS_TEXT, true, NULL},
	{"url", SETTINGS_TEXT, true, NULL},
	{"body", SETTINGS_TEXT, false, NULL},
	{"headers", SETTINGS_LIST, false, NULL},
	{"timeout", SETTINGS_ANY, false, NULL},
	{"retry_attempts", SETTINGS_INTEGER, false, NULL},
	{"retry_backoff", SETTINGS_TEXT, false, NULL},
};

static const struct settings_key header_keys[] = {
	{"name", SETTINGS_TEXT, true, NULL},
	{"value", SETTINGS_TEXT, true, NULL},
};

static const struct settings_key post_keys[] = {
	{"payloads", SETTINGS_LIST, false, NULL},
	{"post_actions", SETTINGS_LIST, false, NULL},
};

static const struct settings_key payload_keys[] = {
	{"name", SETTINGS_TEXT, true, NULL},
	{"build", SETTINGS_MAP, false, NULL},
	{"build_ref", SETTINGS_TEXT, false, NULL},
	{"when", SETTINGS_MAP, false, NULL},
};

static const struct settings_key action_keys[] = {
	{"name", SETTINGS_TEXT, true, NULL},
	{"when", SETTINGS_MAP, false, NULL},
	{"api_call", SETTINGS_MAP, true, NULL},
	{"log", SETTINGS_ANY, false, LOG_REFUSED},
};

int adapter_read_template(const struct adapter_reader *reader, struct str where, struct str text,
	struct template *ret, struct error *err)
{
	if (template_compile(reader->arena, text, ret, err) != 0)
		return error_prefix(err, "%" STR_F, STR_A(where));
	return 0;
}

int adapter_read_when(const struct adapter_reader *reader, const struct json *map, struct str where,
	const struct cel **ret, struct error *err)
{
	if (json_is_null(map))
		return 0;
	if (settings_check(map, where, when_keys, SETTINGS_COUNT(when_keys), err) != 0)
		return -1;
	return settings_cel(reader->arena, settings_path(reader->arena, where, "expression"),
		json_get_text(map, "expression"), ret, err);
}

int adapter_read_ref(const struct adapter_reader *reader, struct str where, struct str name,
	struct str *ret, struct error *err)
{
	if (str_starts_with(name, STR("/")) || str_eq(name, STR("..")) ||
		str_starts_with(name, STR("../")) || str_find(name, STR("/../")) >= 0 ||
		str_ends_with(name, STR("/..")))
		return error_set(err, ERROR_INVALID,
			"%" STR_F " \"%" STR_F "\" must stay inside the task file's directory",
			STR_A(where), STR_A(name));
	struct str path = arena_printf(
		reader->arena, "%" STR_F "%" STR_F, STR_A(reader->directory), STR_A(name));
	if (str_is_null(path))
		return error_set(err, ERROR_MEMORY, "no memory for %" STR_F, STR_A(where));
	if (settings_read(reader->arena, path.ptr, ret, err) != 0)
		return error_prefix(err, "%" STR_F, STR_A(where));
	return 0;
}

/* --- calls ----------------------------------------------------------------------------------- */

static int read_headers(const struct adapter_reader *reader, const struct json *headers,
	struct str where, struct adapter_call *call, struct error *err)
{
	const struct json *header;
	call->header_count = json_count(headers);
	if (call->header_count > ADAPTER_MAX_HEADERS)
		return error_set(err, ERROR_TOO_LARGE, "%" STR_F " has more than %u headers",
			STR_A(where), ADAPTER_MAX_HEADERS);
	call->headers = arena_calloc(reader->arena, call->header_count + 1, sizeof(*call->headers));
	if (!call->headers)
		return error_set(err, ERROR_MEMORY, "no memory for %" STR_F, STR_A(where));
	json_for_each (headers, i, header) {
		struct str item = settings_item(reader->arena, where, i);
		if (settings_check(header, item, header_keys, SETTINGS_COUNT(header_keys), err) !=
			0)
			return -1;
		call->headers[i].name = json_get_text(header, "name");
		if (adapter_read_template(reader, item, json_get_text(header, "value"),
			    &call->headers[i].value, err) != 0)
			return -1;
	}
	return 0;
}

static int read_method(struct str where, struct str method, struct error *err)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
	for (size_t i = 0; i < SETTINGS_COUNT(methods); i++)
		if (str_eq_c(method, methods[i]))
			return 0;
	return error_set(err, ERROR_INVALID,
		"%" STR_F ".method \"%" STR_F "\" must be GET, POST, PUT, PATCH or DELETE",
		STR_A(where), STR_A(method));
}

static int read_retries(const struct adapter_reader *reader, const struct json *map,
	struct str where, struct adapter_call *call, struct error *err)
{
	const struct adapter_settings *settings = reader->settings;
	struct str backoff = json_get_text(map, "retry_backoff");
	call->backoff = settings->backoff;
	if (!str_is_null(backoff) &&
		adapter_backoff_parse(settings_path(reader->arena, where, "retry_backoff"), backoff,
			&call->backoff, err) != 0)
		return -1;
	if (settings_integer(map, where, "retry_attempts", settings->attempts, 1,
		    ADAPTER_MAX_ATTEMPTS, &call->attempts, err) != 0)
		return -1;
	if (settings_duration(
		    map, where, "timeout", settings->timeout_us, &call->timeout_us, err) != 0)
		return -1;
	if (call->timeout_us > settings->timeout_us) /* HyperFleet's adapter caps it so, too */
		call->timeout_us = settings->timeout_us;
	return 0;
}

int adapter_read_call(const struct adapter_reader *reader, const struct json *map, struct str where,
	struct adapter_call *ret, struct error *err)
{
	struct adapter_call call = {.method = json_get_text(map, "method")};
	if (settings_check(map, where, call_keys, SETTINGS_COUNT(call_keys), err) != 0)
		return -1;
	if (read_method(where, call.method, err) != 0)
		return -1;
	if (adapter_read_template(reader, settings_path(reader->arena, where, "url"),
		    json_get_text(map, "url"), &call.url, err) != 0)
		return -1;
	if (str_is_empty(call.url.text))
		return error_set(
			err, ERROR_INVALID, "%" STR_F ".url must not be empty", STR_A(where));
	if (adapter_read_template(reader, settings_path(reader->arena, where, "body"),
		    json_get_text(map, "body"), &call.body, err) != 0)
		return -1;
	if (read_headers(reader, json_get(map, "headers"),
		    settings_path(reader->arena, where, "headers"), &call, err) != 0)
		return -1;
	if (read_retries(reader, map, where, &call, err) != 0)
		return -1;
	*ret = call;
	return 0;
}

/* --- payloads -------------------------------------------------------------------------------- */

static int read_build(const struct adapter_reader *reader, struct json *value, struct str where,
	unsigned depth, struct adapter_build *ret, struct error *err);

static int read_children(const struct adapter_reader *reader, const struct json *container,
	struct str where, unsigned depth, struct adapter_build *ret, struct error *err)
{
	struct json *value;
	bool is_map = json_is(container, JSON_OBJECT);
	if (depth == ADAPTER_MAX_DEPTH)
		return error_set(err, ERROR_TOO_LARGE, "%" STR_F " is nested deeper than %u levels",
			STR_A(where), ADAPTER_MAX_DEPTH);
	ret->kind = is_map ? ADAPTER_BUILD_MAP : ADAPTER_BUILD_LIST;
	ret->count = json_count(container);
	ret->children = arena_calloc(reader->arena, ret->count + 1, sizeof(*ret->children));
	if (!ret->children)
		return error_set(err, ERROR_MEMORY, "no memory for %" STR_F, STR_A(where));
	json_for_each (container, i, value) {
		struct str item = settings_item(reader->arena, where, i);
		if (is_map) {
			struct str key = json_key_at(container, i);
			item = arena_printf(
				reader->arena, "%" STR_F ".%" STR_F, STR_A(where), STR_A(key));
			if (adapter_read_template(reader, item, key, &ret->children[i].key, err) !=
				0)
				return -1;
		}
		if (read_build(reader, value, item, depth + 1, &ret->children[i], err) != 0)
			return -1;
	}
	return 0;
}

/* A map is a value definition when it holds nothing but field or expression, and default. */
static bool is_definition(const struct json *value)
{
	size_t named = (json_get(value, "field") != NULL) + (json_get(value, "expression") != NULL);
	return named == 1 && json_count(value) == named + (json_get(value, "default") != NULL);
}

static int read_definition(const struct adapter_reader *reader, const struct json *value,
	struct str where, struct adapter_build *ret, struct error *err)
{
	struct json *expression = json_get(value, "expression"), *hits;
	ret->literal = json_get(value, "default");
	ret->text = json_str(expression ? expression : json_get(value, "field"));
	if (str_is_null(ret->text))
		return error_set(err, ERROR_INVALID, "%" STR_F ": %s must be text", STR_A(where),
			expression ? "expression" : "field");
	if (expression) {
		ret->kind = ADAPTER_BUILD_EXPRESSION;
		return settings_cel(reader->arena, where, ret->text, &ret->expression, err);
	}
	ret->kind = ADAPTER_BUILD_FIELD;
	if (jsonpath_eval(reader->arena, ret->text, json_new_object(reader->arena), &hits, err) !=
		0)
		return error_prefix(err, "%" STR_F, STR_A(where));
	return 0;
}

static int read_build(const struct adapter_reader *reader, struct json *value, struct str where,
	unsigned depth, struct adapter_build *ret, struct error *err)
{
	if (json_is(value, JSON_OBJECT) && is_definition(value))
		return read_definition(reader, value, where, ret, err);
	if (json_is(value, JSON_OBJECT) || json_is(value, JSON_ARRAY))
		return read_children(reader, value, where, depth, ret, err);
	ret->kind = ADAPTER_BUILD_LITERAL;
	ret->literal = value;
	if (!json_is(value, JSON_STRING))
		return 0;
	ret->kind = ADAPTER_BUILD_TEMPLATE;
	return adapter_read_template(reader, where, json_str(value), &ret->template, err);
}

static int read_payload(const struct adapter_reader *reader, const struct json *map,
	struct str where, struct adapter_payload *ret, struct error *err)
{
	struct json *build = json_get(map, "build");
	struct str ref = json_get_text(map, "build_ref"), text;
	if (settings_check(map, where, payload_keys, SETTINGS_COUNT(payload_keys), err) != 0)
		return -1;
	if (json_is_null(build) == str_is_null(ref))
		return error_set(err, ERROR_INVALID, "%" STR_F " needs either build or build_ref",
			STR_A(where));
	ret->name = json_get_text(map, "name");
	if (!str_is_null(ref)) {
		struct str at = settings_path(reader->arena, where, "build_ref");
		if (adapter_read_ref(reader, at, ref, &text, err) != 0)
			return -1;
		if (yaml_parse(reader->arena, text, &build, err) != 0)
			return error_prefix(err, "%" STR_F, STR_A(ref));
	}
	if (!json_is(build, JSON_OBJECT))
		return error_set(
			err, ERROR_INVALID, "%" STR_F ".build must be a map", STR_A(where));
	if (adapter_read_when(reader, json_get(map, "when"),
		    settings_path(reader->arena, where, "when"), &ret->when, err) != 0)
		return -1;
	return read_build(
		reader, build, settings_path(reader->arena, where, "build"), 0, &ret->build, err);
}

static int read_action(const struct adapter_reader *reader, const struct json *map,
	struct str where, struct adapter_action *ret, struct error *err)
{
	if (settings_check(map, where, action_keys, SETTINGS_COUNT(action_keys), err) != 0)
		return -1;
	ret->name = json_get_text(map, "name");
	if (!settings_is_name(ret->name))
		return error_set(err, ERROR_INVALID,
			"%" STR_F ".name \"%" STR_F "\" must match ^[a-z][a-zA-Z0-9_]*$",
			STR_A(where), STR_A(ret->name));
	if (adapter_read_when(reader, json_get(map, "when"),
		    settings_path(reader->arena, where, "when"), &ret->when, err) != 0)
		return -1;
	return adapter_read_call(reader, json_get(map, "api_call"),
		settings_path(reader->arena, where, "api_call"), &ret->call, err);
}

int adapter_read_post(const struct adapter_reader *reader, const struct json *post,
	struct adapter_task *task, struct error *err)
{
	const struct json *payloads = json_get(post, "payloads");
	const struct json *actions = json_get(post, "post_actions"), *item;
	if (json_is_null(post))
		return 0;
	if (settings_check(post, STR("post"), post_keys, SETTINGS_COUNT(post_keys), err) != 0)
		return -1;
	if (json_count(payloads) > ADAPTER_MAX_STEPS || json_count(actions) > ADAPTER_MAX_STEPS)
		return error_set(
			err, ERROR_TOO_LARGE, "post has more than %u entries", ADAPTER_MAX_STEPS);
	task->payloads =
		arena_calloc(reader->arena, json_count(payloads) + 1, sizeof(*task->payloads));
	task->actions =
		arena_calloc(reader->arena, json_count(actions) + 1, sizeof(*task->actions));
	if (!task->payloads || !task->actions)
		return error_set(err, ERROR_MEMORY, "no memory for post");
	json_for_each (payloads, i, item) {
		struct str where = settings_item(reader->arena, STR("post.payloads"), i);
		if (read_payload(reader, item, where, &task->payloads[i], err) != 0)
			return -1;
		task->payload_count++;
	}
	json_for_each (actions, i, item) {
		struct str where = settings_item(reader->arena, STR("post.post_actions"), i);
		if (read_action(reader, item, where, &task->actions[i], err) != 0)
			return -1;
		task->action_count++;
	}
	return 0;
}
