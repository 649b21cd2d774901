/*
 * adapter_params.c - resolving params.
 *
 * HyperFleet's adapter ends an execution whose required param fails without a report, so that a
 * user sees an old status and no reason. Here the failure is an execution that has failed, and is
 * reported.
 */
#include "clm/adapter_params.h"

#include "clm/adapter_call.h"

/* The value at "a.b.c", or NULL. */
static struct json *at_path(struct json *root, struct str path)
{
	while (root && !str_is_null(path))
		root = json_get_str(root, str_cut(&path, '.'));
	return root;
}

static int need(struct json *value, const char *where, struct str path, struct json **ret,
	struct error *err)
{
	if (!value)
		return error_set(err, ERROR_NOT_FOUND, "there is no %s%" STR_F, where, STR_A(path));
	*ret = value;
	return 0;
}

static int from_param(
	struct adapter_scope *scope, struct str path, struct json **ret, struct error *err)
{
	struct str rest = path;
	struct json *root = json_get_str(scope->template_variables, str_cut(&rest, '.'));
	if (!root)
		return need(at_path(scope->event, path), "event.", path, ret, err);
	return need(at_path(root, rest), "", path, ret, err);
}

static int from_file(struct adapter_scope *scope, const struct adapter_param *param,
	struct json **ret, struct error *err)
{
	struct str text;
	if (settings_read(scope->arena, arena_cstr(scope->arena, param->path), &text, err) != 0)
		return -1;
	if (!param->is_untrimmed)
		text = str_trim(text);
	if (str_is_empty(text) && param->is_required)
		return error_set(err, ERROR_INVALID, "%" STR_F " is empty", STR_A(param->path));
	*ret = json_new_string(scope->arena, text);
	return 0;
}

static int from_expression(struct adapter_scope *scope, const struct adapter_param *param,
	struct json **ret, struct error *err)
{
	struct json *value = NULL;
	if (adapter_scope_eval(scope, param->expression, &value, err) != 0)
		return -1;
	*ret = value ? value : json_new_null(scope->arena);
	return 0;
}

static int from_call(struct adapter_scope *scope, const struct adapter_param *param,
	struct json **ret, bool *ret_is_gone, struct error *err)
{
	struct json *body = NULL;
	if (adapter_call(scope, param->call, &body, ret_is_gone, err) != 0)
		return -1;
	if (!json_is(body, JSON_OBJECT))
		return error_set(err, ERROR_INVALID, "the answer is not a JSON object");
	*ret = body;
	return 0;
}

static int read_source(struct adapter_scope *scope, const struct adapter_param *param,
	struct json **ret, bool *ret_is_gone, struct error *err)
{
	const struct adapter_context *context = scope->context;
	switch (param->source) {
	case ADAPTER_SOURCE_EVENT:
		return need(at_path(scope->event, param->path), "event.", param->path, ret, err);
	case ADAPTER_SOURCE_ENV:
		return need(json_get_str(context->env, param->path), "environment variable ",
			param->path, ret, err);
	case ADAPTER_SOURCE_CONFIG:
		return need(at_path(context->settings->document, param->path), "config.",
			param->path, ret, err);
	case ADAPTER_SOURCE_PARAM:
		return from_param(scope, param->path, ret, err);
	case ADAPTER_SOURCE_CALL:
		return from_call(scope, param, ret, ret_is_gone, err);
	case ADAPTER_SOURCE_EXPRESSION:
		return from_expression(scope, param, ret, err);
	case ADAPTER_SOURCE_FILE:
		return from_file(scope, param, ret, err);
	}
	return error_set(err, ERROR_INTERNAL, "a param has no source");
}

/* --- types ----------------------------------------------------------------------------------- */

static struct json *to_bool(struct arena *arena, struct json *value)
{
	static const char *const yes[] = {"true", "yes", "on", "1"};
	static const char *const no[] = {"false", "no", "off", "0"};
	struct str text = json_is(value, JSON_NUMBER) ? json_number_text(value) : json_str(value);
	if (json_is(value, JSON_BOOL))
		return value;
	for (size_t i = 0; i < SETTINGS_COUNT(yes); i++) {
		if (str_casecmp(text, str_of(yes[i])) == 0)
			return json_new_bool(arena, true);
		if (str_casecmp(text, str_of(no[i])) == 0)
			return json_new_bool(arena, false);
	}
	return NULL;
}

static struct json *to_number(struct arena *arena, struct json *value, bool is_whole)
{
	int64_t whole;
	double number;
	struct str text = json_is(value, JSON_NUMBER) ? json_number_text(value) : json_str(value);
	if (str_to_int64(text, &whole))
		return json_new_int(arena, whole);
	if (!str_to_double(text, &number))
		return NULL;
	return is_whole ? json_new_int(arena, (int64_t)number) : json_new_double(arena, number);
}

static struct json *to_string(struct arena *arena, struct json *value)
{
	if (json_is(value, JSON_STRING))
		return value;
	return json_new_string(arena, json_text(arena, value, JSON_WRITE_COMPACT));
}

static int convert(struct arena *arena, const struct adapter_param *param, struct json **value,
	struct error *err)
{
	static const char *const names[] = {"", "text", "a whole number", "a number", "a bool"};
	struct json *converted = *value;
	/* Calls and expressions have types of their own. */
	if (json_is_null(*value) || param->source == ADAPTER_SOURCE_CALL ||
		param->source == ADAPTER_SOURCE_EXPRESSION)
		return 0;
	if (param->type == ADAPTER_TYPE_STRING)
		converted = to_string(arena, *value);
	else if (param->type == ADAPTER_TYPE_INT)
		converted = to_number(arena, *value, true);
	else if (param->type == ADAPTER_TYPE_FLOAT)
		converted = to_number(arena, *value, false);
	else if (param->type == ADAPTER_TYPE_BOOL)
		converted = to_bool(arena, *value);
	if (!converted)
		return error_set(err, ERROR_INVALID, "%" STR_F " is not %s",
			STR_A(json_text(arena, *value, JSON_WRITE_COMPACT)), names[param->type]);
	*value = converted;
	return 0;
}

/* --- the phase ------------------------------------------------------------------------------- */

static int resolve(struct adapter_scope *scope, const struct adapter_param *param,
	struct json **ret, bool *ret_is_gone, struct error *err)
{
	bool is_wanted = true;
	struct json *value = NULL;
	if (param->when && adapter_scope_eval_bool(scope, param->when, &is_wanted, err) != 0)
		return error_prefix(err, "when");
	if (is_wanted && (read_source(scope, param, &value, ret_is_gone, err) != 0 ||
				 convert(scope->arena, param, &value, err) != 0))
		return -1;
	bool is_empty = json_is(value, JSON_STRING) && str_is_empty(json_str(value));
	if (param->fallback && (json_is_null(value) || is_empty))
		value = param->fallback;
	*ret = value;
	return 0;
}

int adapter_params_resolve(struct adapter_scope *scope, bool *ret_is_gone)
{
	const struct adapter_task *task = scope->context->task;
	for (size_t i = 0; i < task->param_count; i++) {
		const struct adapter_param *param = &task->params[i];
		struct json *value = param->fallback;
		struct error err = {0};
		bool is_gone = false;
		if (resolve(scope, param, &value, &is_gone, &err) != 0 && param->is_required) {
			*ret_is_gone = is_gone;
			error_prefix(&err, "param %" STR_F, STR_A(param->name));
			adapter_scope_fail(scope, ADAPTER_PHASE_PARAMS, param->name, &err);
			return -1;
		}
		adapter_scope_set(scope, param->name, value);
	}
	return 0;
}

int adapter_params_check_env(
	const struct adapter_task *task, const struct json *env, struct error *err)
{
	for (size_t i = 0; i < task->param_count; i++) {
		const struct adapter_param *param = &task->params[i];
		if (param->source == ADAPTER_SOURCE_ENV && param->is_required && !param->fallback &&
			!json_get_str(env, param->path))
			return error_set(err, ERROR_INVALID,
				"param %" STR_F " needs the environment variable %" STR_F
				", which is not set",
				STR_A(param->name), STR_A(param->path));
	}
	return 0;
}
