/*
 * sentinel_settings.c - from the file to struct sentinel_settings.
 *
 * Params are evaluated in the order in which they stand, each seeing those before it, as
 * HyperFleet's sentinel does; a rule that uses a name or a function that is not there, or types
 * that cannot fit, is refused here.
 */
#include "clm/sentinel_settings.h"

#include "base/clock.h"

static const struct settings_key root_keys[] = {
	{"sentinel", SETTINGS_MAP, true, NULL},
	{"clients", SETTINGS_MAP, true, NULL},
	{"resource_type", SETTINGS_TEXT, true, NULL},
	{"poll_interval", SETTINGS_ANY, false, NULL},
	{"message_decision", SETTINGS_MAP, false, NULL},
	{"message_data", SETTINGS_MAP, true, NULL},
	{"resource_selector", SETTINGS_ANY, false,
		"one sentinel watches all resources of its kind; remove it"},
	{"log", SETTINGS_ANY, false, "the program's own options choose the log; remove it"},
	{"debug_config", SETTINGS_ANY, false, "remove it"},
	{"tracing_enabled", SETTINGS_ANY, false, "there is no tracing; remove it"},
};

static const struct settings_key sentinel_keys[] = {{"name", SETTINGS_TEXT, false, NULL}};

static const struct settings_key client_keys[] = {
	{"hyperfleet_api", SETTINGS_MAP, true, NULL},
	{"broker", SETTINGS_MAP, true, NULL},
};

static const struct settings_key api_keys[] = {
	{"base_url", SETTINGS_TEXT, true, NULL},
	{"version", SETTINGS_TEXT, false, NULL},
	{"timeout", SETTINGS_ANY, false, NULL},
	{"page_size", SETTINGS_INTEGER, false, NULL},
	{"auth", SETTINGS_ANY, false, "CLM is called without a token here; remove it"},
};

static const struct settings_key broker_keys[] = {{"topic", SETTINGS_TEXT, true, NULL}};

static const struct settings_key decision_keys[] = {
	{"params", SETTINGS_LIST, false, NULL},
	{"result", SETTINGS_TEXT, true, NULL},
};

static const struct settings_key param_keys[] = {
	{"name", SETTINGS_TEXT, true, NULL},
	{"expr", SETTINGS_TEXT, true, NULL},
};

/* HyperFleet's own rules, for files that give none. */
static const struct {
	const char *name, *expression;
} default_params[] = {
	{"ref_time", "condition(\"Reconciled\").last_updated_time"},
	{"is_reconciled", "condition(\"Reconciled\").status == \"True\""},
	{"has_ref_time", "ref_time != \"\""},
	{"is_new_resource", "resource.generation == 1 && !has_ref_time"},
	{"generation_mismatch",
		"resource.generation > condition(\"Reconciled\").observed_generation"},
	{"reconciled_and_stale", "is_reconciled && has_ref_time && "
				 "now - timestamp(ref_time) > duration(\"30m\")"},
	{"not_reconciled_and_debounced", "!is_reconciled && has_ref_time && "
					 "now - timestamp(ref_time) > duration(\"10s\")"},
};
#define DEFAULT_RESULT                                                       \
	"is_new_resource || generation_mismatch || reconciled_and_stale || " \
	"not_reconciled_and_debounced"

static const char *const rule_functions[] = {"condition(string) map(string, dyn)"};

/* In a rule: the resource, the time, and the params that stand before it. */
static int parse_rule(struct arena *arena, const struct sentinel_settings *settings,
	struct str where, struct str text, const struct cel **ret, struct error *err)
{
	struct cel_variable variables[SENTINEL_MAX_PARAMS + 2] = {
		{"resource", "dyn"}, {"now", "timestamp"}};
	struct cel_check_env env = {.libraries = CEL_STRINGS,
		.variables = variables,
		.variable_count = 2,
		.functions = rule_functions,
		.function_count = SETTINGS_COUNT(rule_functions)};
	for (size_t i = 0; i < settings->param_count; i++) {
		const char *name = arena_cstr(arena, settings->params[i].name);
		if (!name)
			return error_set(err, ERROR_MEMORY, "no memory for %" STR_F, STR_A(where));
		variables[env.variable_count++] = (struct cel_variable){name, "dyn"};
	}
	return settings_checked_cel(arena, where, text, &env, ret, err);
}

static int parse_data(struct arena *arena, struct str where, struct str text,
	const struct cel **ret, struct error *err)
{
	static const struct cel_variable variables[] = {{"resource", "dyn"}, {"reason", "string"}};
	struct cel_check_env env = {
		.variables = variables, .variable_count = SETTINGS_COUNT(variables)};
	return settings_checked_cel(arena, where, text, &env, ret, err);
}

static int add_param(struct arena *arena, struct sentinel_settings *settings, struct str where,
	struct str name, struct str text, struct error *err)
{
	if (str_is_empty(name) || str_is_empty(str_trim(text)))
		return error_set(
			err, ERROR_INVALID, "%" STR_F " needs a name and an expr", STR_A(where));
	for (size_t i = 0; i < settings->param_count; i++)
		if (str_eq(settings->params[i].name, name))
			return error_set(err, ERROR_INVALID,
				"%" STR_F ": there is already a param \"%" STR_F "\"", STR_A(where),
				STR_A(name));
	struct sentinel_param *param = &settings->params[settings->param_count];
	if (parse_rule(arena, settings, where, text, &param->expression, err) != 0)
		return -1;
	param->name = name;
	settings->param_count++;
	return 0;
}

static int read_default_decision(
	struct arena *arena, struct sentinel_settings *settings, struct error *err)
{
	for (size_t i = 0; i < SETTINGS_COUNT(default_params); i++)
		if (add_param(arena, settings, STR("message_decision"),
			    str_of(default_params[i].name), str_of(default_params[i].expression),
			    err) != 0)
			return -1;
	return parse_rule(arena, settings, STR("message_decision.result"), STR(DEFAULT_RESULT),
		&settings->result, err);
}

static int read_decision(struct arena *arena, const struct json *decision,
	struct sentinel_settings *settings, struct error *err)
{
	struct str where = STR("message_decision.params");
	const struct json *params = json_get(decision, "params"), *param;
	if (settings_check(decision, STR("message_decision"), decision_keys,
		    SETTINGS_COUNT(decision_keys), err) != 0)
		return -1;
	if (json_count(params) > SENTINEL_MAX_PARAMS)
		return error_set(err, ERROR_TOO_LARGE, "%" STR_F " has more than %u entries",
			STR_A(where), SENTINEL_MAX_PARAMS);
	json_for_each (params, i, param) {
		struct str item = settings_item(arena, where, i);
		if (settings_check(param, item, param_keys, SETTINGS_COUNT(param_keys), err) != 0 ||
			add_param(arena, settings, item, json_get_text(param, "name"),
				json_get_text(param, "expr"), err) != 0)
			return -1;
	}
	return parse_rule(arena, settings, STR("message_decision.result"),
		json_get_text(decision, "result"), &settings->result, err);
}

static int read_data(struct arena *arena, struct json *map, struct str where, unsigned depth,
	struct sentinel_leaf *leaf, struct error *err)
{
	struct json *value;
	if (depth == SENTINEL_MAX_DATA_DEPTH)
		return error_set(err, ERROR_TOO_LARGE, "%" STR_F " is nested deeper than %u levels",
			STR_A(where), SENTINEL_MAX_DATA_DEPTH);
	leaf->count = json_count(map);
	leaf->children = arena_calloc(arena, leaf->count + 1, sizeof(*leaf->children));
	if (!leaf->children)
		return error_set(err, ERROR_MEMORY, "no memory for %" STR_F, STR_A(where));
	json_for_each (map, i, value) {
		struct sentinel_leaf *child = &leaf->children[i];
		child->key = json_key_at(map, i);
		struct str path =
			arena_printf(arena, "%" STR_F ".%" STR_F, STR_A(where), STR_A(child->key));
		int rc = 0;
		if (json_is(value, JSON_OBJECT))
			rc = read_data(arena, value, path, depth + 1, child, err);
		else if (json_is(value, JSON_STRING))
			rc = parse_data(arena, path, json_str(value), &child->expression, err);
		else if (json_is(value, JSON_NUMBER) || json_is(value, JSON_BOOL))
			child->literal = value;
		else
			rc = error_set(err, ERROR_INVALID,
				"%" STR_F " must be an expression, a number, true, false or a map",
				STR_A(path));
		if (rc != 0)
			return -1;
	}
	return 0;
}

static int read_clients(
	const struct json *clients, struct sentinel_settings *settings, struct error *err)
{
	const struct json *api = json_get(clients, "hyperfleet_api");
	const struct json *broker = json_get(clients, "broker");
	struct str where = STR("clients.hyperfleet_api");
	if (settings_check(
		    clients, STR("clients"), client_keys, SETTINGS_COUNT(client_keys), err) != 0)
		return -1;
	if (settings_check(api, where, api_keys, SETTINGS_COUNT(api_keys), err) != 0)
		return -1;
	if (settings_check(broker, STR("clients.broker"), broker_keys, SETTINGS_COUNT(broker_keys),
		    err) != 0)
		return -1;
	settings->topic = json_get_text(broker, "topic");
	if (str_is_empty(settings->topic))
		return error_set(err, ERROR_INVALID, "clients.broker.topic must not be empty");
	if (settings_duration(
		    api, where, "timeout", SENTINEL_TIMEOUT_US, &settings->timeout_us, err) != 0)
		return -1;
	if (settings_integer(api, where, "page_size", SENTINEL_PAGE_SIZE, 1, SENTINEL_PAGE_SIZE,
		    &settings->page_size, err) != 0)
		return -1;
	return settings_url(STR("clients.hyperfleet_api.base_url"), json_get_text(api, "base_url"),
		&settings->base_url, err);
}

int sentinel_settings_parse(struct arena *arena, const struct json *document,
	struct sentinel_settings *ret, struct error *err)
{
	struct sentinel_settings settings = {0};
	const struct json *sentinel = json_get(document, "sentinel");
	const struct json *decision = json_get(document, "message_decision");
	size_t params = json_count(json_get(decision, "params")) + SETTINGS_COUNT(default_params);
	if (settings_check(document, STR(""), root_keys, SETTINGS_COUNT(root_keys), err) != 0)
		return -1;
	if (settings_check(sentinel, STR("sentinel"), sentinel_keys, SETTINGS_COUNT(sentinel_keys),
		    err) != 0)
		return -1;
	if (read_clients(json_get(document, "clients"), &settings, err) != 0)
		return -1;
	settings.name = json_get_text(sentinel, "name");
	if (str_is_empty(settings.name))
		settings.name = STR("hyperfleet-sentinel");
	settings.resource_type = json_get_text(document, "resource_type");
	if (str_is_empty(settings.resource_type) || str_index(settings.resource_type, '/') >= 0)
		return error_set(err, ERROR_INVALID,
			"resource_type \"%" STR_F
			"\" must be one segment of a URL, as \"clusters\"",
			STR_A(settings.resource_type));
	if (settings_duration(document, STR(""), "poll_interval", SENTINEL_POLL_US,
		    &settings.poll_us, err) != 0)
		return -1;
	if (settings.poll_us < CLOCK_US_PER_S)
		return error_set(err, ERROR_INVALID, "poll_interval must be at least 1s");
	settings.params = arena_calloc(arena, params, sizeof(*settings.params));
	if (!settings.params)
		return error_set(err, ERROR_MEMORY, "no memory for message_decision");
	if (json_is_null(decision) ? read_default_decision(arena, &settings, err)
				   : read_decision(arena, decision, &settings, err))
		return -1;
	if (read_data(arena, json_get(document, "message_data"), STR("message_data"), 0,
		    &settings.data, err) != 0)
		return -1;
	if (settings.data.count == 0)
		return error_set(err, ERROR_INVALID, "message_data must not be empty");
	*ret = settings;
	return 0;
}

int sentinel_settings_load(
	struct arena *arena, const char *path, struct sentinel_settings *ret, struct error *err)
{
	struct json *document;
	if (settings_load(arena, path, &document, err) != 0)
		return -1;
	if (sentinel_settings_parse(arena, document, ret, err) != 0)
		return error_prefix(err, "%s", path);
	return 0;
}
