/*
 * adapter_post.c - payloads and post actions.
 *
 * For templates a payload is JSON text under its name, because an action's body is a template:
 * "{{ .statusPayload }}". For expressions it is the document, so that an action's `when` can
 * compare it with what was reported before.
 */
#include "clm/adapter_post.h"

#include "clm/adapter_call.h"
#include "data/jsonpath.h"

/* A JSONPath over all variables: one hit is that value, several are a list; no hit, or empty text,
 * is nothing. */
static int evaluate_field(struct adapter_scope *scope, const struct adapter_build *build,
	struct json **ret, struct error *err)
{
	struct json *hits = NULL;
	if (jsonpath_eval(scope->arena, build->text, scope->cel_variables, &hits, err) != 0)
		return -1;
	struct json *value = json_count(hits) == 1 ? json_at(hits, 0) : hits;
	bool is_nothing = json_count(hits) == 0 ||
			  (json_is(value, JSON_STRING) && str_is_empty(json_str(value)));
	*ret = is_nothing ? NULL : value;
	return 0;
}

/* The value that field or expression gives; what gives none has its default, or is null. */
static int build_value(struct adapter_scope *scope, const struct adapter_build *build,
	struct json **ret, struct error *err)
{
	struct json *value = NULL;
	if (build->kind == ADAPTER_BUILD_FIELD) {
		if (evaluate_field(scope, build, &value, err) != 0)
			return -1;
	} else if (adapter_scope_eval(scope, build->expression, &value, err) != 0) {
		log_debug(scope->context->log, "an expression of a payload gives nothing",
			LOG_STR("expression", build->text), LOG_ERROR(err));
		value = NULL;
	}
	if (!value)
		value = build->literal ? build->literal : json_new_null(scope->arena);
	*ret = value;
	return 0;
}

static int build_container(struct adapter_scope *scope, const struct adapter_build *build,
	struct json **ret, struct error *err)
{
	bool is_map = build->kind == ADAPTER_BUILD_MAP;
	struct json *container =
		is_map ? json_new_object(scope->arena) : json_new_array(scope->arena);
	for (size_t i = 0; i < build->count; i++) {
		const struct adapter_build *child = &build->children[i];
		struct json *value = NULL;
		struct str key = STR("");
		if (is_map && adapter_scope_render(scope, &child->key, &key, err) != 0)
			return -1;
		if (adapter_post_build(scope, child, &value, err) != 0)
			return is_map ? error_prefix(err, "%" STR_F, STR_A(key)) : -1;
		if (is_map)
			json_set_str(container, key, value);
		else
			json_append(container, value);
	}
	*ret = container;
	return 0;
}

int adapter_post_build(struct adapter_scope *scope, const struct adapter_build *build,
	struct json **ret, struct error *err)
{
	struct str text;
	switch (build->kind) {
	case ADAPTER_BUILD_MAP:
	case ADAPTER_BUILD_LIST:
		return build_container(scope, build, ret, err);
	case ADAPTER_BUILD_LITERAL:
		*ret = build->literal;
		return 0;
	case ADAPTER_BUILD_TEMPLATE:
		if (adapter_scope_render(scope, &build->template, &text, err) != 0)
			return -1;
		*ret = json_new_string(scope->arena, text);
		return 0;
	case ADAPTER_BUILD_EXPRESSION:
	case ADAPTER_BUILD_FIELD:
		return build_value(scope, build, ret, err);
	}
	return error_set(err, ERROR_INTERNAL, "a payload has no kind");
}

/* Whether a step's `when` lets it happen. */
static int is_wanted(
	struct adapter_scope *scope, const struct cel *when, bool *ret, struct error *err)
{
	*ret = true;
	if (when && adapter_scope_eval_bool(scope, when, ret, err) != 0)
		return error_prefix(err, "when");
	return 0;
}

static int build_payload(struct adapter_scope *scope, const struct adapter_payload *payload,
	bool *ret_skipped, struct error *err)
{
	bool wanted;
	struct json *document = NULL;
	if (is_wanted(scope, payload->when, &wanted, err) != 0)
		return -1;
	*ret_skipped = !wanted;
	if (!wanted)
		return 0;
	if (adapter_post_build(scope, &payload->build, &document, err) != 0)
		return -1;
	struct str text = json_text(scope->arena, document, JSON_WRITE_COMPACT);
	if (arena_is_exhausted(scope->arena))
		return error_set(err, ERROR_MEMORY, "no memory for the payload");
	json_set_str(scope->template_variables, payload->name, json_new_string(scope->arena, text));
	json_set_str(scope->cel_variables, payload->name, document);
	return 0;
}

/* Whether the template reads the variable: ".name" that is not part of a longer one. */
static bool refers_to(struct arena *arena, struct str text, struct str name)
{
	struct str reference = arena_printf(arena, ".%" STR_F, STR_A(name));
	ptrdiff_t at;
	while (!str_is_empty(reference) && (at = str_find(text, reference)) >= 0) {
		text = str_slice(text, (size_t)at + reference.len, text.len);
		char next = text.len ? text.ptr[0] : ' ';
		bool goes_on = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
			       (next >= '0' && next <= '9') || next == '_';
		if (!goes_on)
			return true;
	}
	return false;
}

static bool needs_skipped(struct adapter_scope *scope, const struct adapter_action *action,
	const bool skipped[ADAPTER_MAX_STEPS])
{
	const struct adapter_task *task = scope->context->task;
	for (size_t i = 0; i < task->payload_count; i++)
		if (skipped[i] &&
			refers_to(scope->arena, action->call.body.text, task->payloads[i].name))
			return true;
	return false;
}

static int run_action(struct adapter_scope *scope, const struct adapter_action *action,
	bool *ret_is_gone, struct error *err)
{
	bool wanted;
	struct json *answer = NULL;
	if (is_wanted(scope, action->when, &wanted, err) != 0)
		return -1;
	return wanted ? adapter_call(scope, &action->call, &answer, ret_is_gone, err) : 0;
}

void adapter_post_run(struct adapter_scope *scope)
{
	const struct adapter_task *task = scope->context->task;
	bool skipped[ADAPTER_MAX_STEPS] = {false};
	struct error err = {0};
	for (size_t i = 0; i < task->payload_count; i++) {
		const struct adapter_payload *payload = &task->payloads[i];
		if (build_payload(scope, payload, &skipped[i], &err) != 0) {
			error_prefix(&err, "payload %" STR_F, STR_A(payload->name));
			adapter_scope_fail(scope, ADAPTER_PHASE_POST, payload->name, &err);
			return;
		}
	}
	for (size_t i = 0; i < task->action_count; i++) {
		const struct adapter_action *action = &task->actions[i];
		bool is_gone = false;
		if (needs_skipped(scope, action, skipped))
			continue;
		if (run_action(scope, action, &is_gone, &err) == 0)
			continue;
		if (!is_gone)
			adapter_scope_fail(scope, ADAPTER_PHASE_POST, action->name, &err);
		return;
	}
}
