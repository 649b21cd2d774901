/*
 * adapter_scope.c - the variables and the course of one execution.
 */
#include "clm/adapter_scope.h"

static const struct {
	const char *id;	    /* as reports name the phase */
	const char *reason; /* the word for a failure there */
} phases[] = {
	[ADAPTER_PHASE_PARAMS] = {"param_extraction", "ParameterFailed"},
	[ADAPTER_PHASE_PRECONDITIONS] = {"preconditions", "PreconditionFailed"},
	[ADAPTER_PHASE_RESOURCES] = {"resources", "ResourceFailed"},
	[ADAPTER_PHASE_POST] = {"post_actions", "PostActionFailed"},
};

static struct json *new_course(struct arena *arena)
{
	struct json *course = json_new_object(arena);
	json_set_text(course, "executionStatus", STR("success"));
	json_set_bool(course, "resourcesSkipped", false);
	json_set_text(course, "skipReason", STR(""));
	json_set_text(course, "errorReason", STR(""));
	json_set_text(course, "errorMessage", STR(""));
	json_set(course, "executionError", json_new_null(arena));
	json_set(course, "resourceErrors", json_new_object(arena));
	return course;
}

int adapter_scope_init(struct adapter_scope *scope, const struct adapter_context *context,
	struct arena *arena, struct str event, struct error *err)
{
	const struct adapter_settings *settings = context->settings;
	struct json *document = NULL;
	if (json_parse(arena, event, NULL, &document, err) != 0)
		return error_prefix(err, "the event's data");
	if (!json_is(document, JSON_OBJECT))
		return error_set(err, ERROR_INVALID, "the event's data is not a JSON object");
	*scope = (struct adapter_scope){.context = context,
		.arena = arena,
		.event_text = event,
		.event = document,
		.template_variables = json_new_object(arena),
		.cel_variables = json_new_object(arena),
		.resources = json_new_object(arena),
		.course = new_course(arena)};
	struct json *self = json_new_object(arena);
	json_set_text(self, "name", settings->name);
	json_set_text(self, "version", settings->version);
	json_set(scope->template_variables, "adapter", self);
	adapter_scope_set(scope, STR("event"), document);
	adapter_scope_set(scope, STR("env"), context->env);
	adapter_scope_set(scope, STR("config"), settings->document);
	json_set(scope->cel_variables, "adapter", scope->course);
	json_set(scope->cel_variables, "resources", scope->resources);
	return 0;
}

void adapter_scope_set(struct adapter_scope *scope, struct str name, struct json *value)
{
	json_set_str(scope->template_variables, name, value);
	json_set_str(scope->cel_variables, name, value);
}

void adapter_scope_fail(struct adapter_scope *scope, enum adapter_phase phase, struct str step,
	const struct error *error)
{
	struct json *detail = json_new_object(scope->arena);
	struct str message = arena_str(scope->arena, str_of(error->message));
	json_set_text(detail, "phase", str_of(phases[phase].id));
	json_set_text(detail, "step", step);
	json_set_text(detail, "message", message);
	if (phase == ADAPTER_PHASE_RESOURCES)
		json_set_str(json_get(scope->course, "resourceErrors"), step, detail);
	if (scope->has_failed)
		return;
	scope->has_failed = true;
	scope->error = *error;
	json_set_text(scope->course, "executionStatus", STR("failed"));
	json_set_text(scope->course, "errorReason", str_of(phases[phase].reason));
	json_set_text(scope->course, "errorMessage", message);
	json_set(scope->course, "executionError", detail);
}

void adapter_scope_skip(struct adapter_scope *scope, struct str reason)
{
	scope->has_skipped = true;
	json_set_bool(scope->course, "resourcesSkipped", true);
	json_set_text(scope->course, "skipReason", reason);
}

static struct cel_env cel_env_of(const struct adapter_scope *scope)
{
	return (struct cel_env){
		.variables = scope->cel_variables, .now_us = clock_now_us(scope->context->clock)};
}

int adapter_scope_eval(struct adapter_scope *scope, const struct cel *expression, struct json **ret,
	struct error *err)
{
	struct cel_env env = cel_env_of(scope);
	return cel_eval(expression, scope->arena, &env, ret, err);
}

int adapter_scope_eval_bool(
	struct adapter_scope *scope, const struct cel *expression, bool *ret, struct error *err)
{
	struct cel_env env = cel_env_of(scope);
	return cel_eval_bool(expression, scope->arena, &env, ret, err);
}

int adapter_scope_render(struct adapter_scope *scope, const struct template *template,
	struct str *ret, struct error *err)
{
	return template_run(template, scope->arena, scope->template_variables,
		clock_now_us(scope->context->clock), ret, err);
}
