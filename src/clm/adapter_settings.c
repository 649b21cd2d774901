/*
 * adapter_settings.c - from the file to struct adapter_settings.
 */
#include "clm/adapter_settings.h"

static const struct settings_key root_keys[] = {
	{"adapter", SETTINGS_MAP, true, NULL},
	{"clients", SETTINGS_MAP, true, NULL},
	{"log", SETTINGS_ANY, false, "the program's own options choose the log; remove it"},
	{"debug_config", SETTINGS_ANY, false, "remove it"},
};

static const struct settings_key adapter_keys[] = {
	{"name", SETTINGS_TEXT, true, NULL},
	{"version", SETTINGS_TEXT, false, NULL},
};

static const struct settings_key client_keys[] = {
	{"hyperfleet_api", SETTINGS_MAP, true, NULL},
	{"broker", SETTINGS_MAP, true, NULL},
	{"maestro", SETTINGS_MAP, false, NULL},
	{"kubernetes", SETTINGS_ANY, false, "objects travel by Maestro only; use clients.maestro"},
};

static const struct settings_key api_keys[] = {
	{"base_url", SETTINGS_TEXT, true, NULL},
	{"version", SETTINGS_TEXT, false, NULL},
	{"timeout", SETTINGS_ANY, false, NULL},
	{"retry_attempts", SETTINGS_INTEGER, false, NULL},
	{"retry_backoff", SETTINGS_TEXT, false, NULL},
	{"base_delay", SETTINGS_ANY, false, NULL},
	{"max_delay", SETTINGS_ANY, false, NULL},
	{"default_headers", SETTINGS_MAP, false, NULL},
	{"auth", SETTINGS_ANY, false, "CLM is called without a token here; remove it"},
};

static const struct settings_key broker_keys[] = {
	{"subscription_id", SETTINGS_TEXT, true, NULL},
	{"topic", SETTINGS_TEXT, true, NULL},
};

#define BY_REST "Maestro is called by REST; give http_server_address and remove it"
static const struct settings_key maestro_keys[] = {
	{"http_server_address", SETTINGS_TEXT, true, NULL},
	{"source_id", SETTINGS_TEXT, true, NULL},
	{"timeout", SETTINGS_ANY, false, NULL},
	{"insecure", SETTINGS_BOOL, false, NULL},
	{"grpc_server_address", SETTINGS_ANY, false, BY_REST},
	{"client_id", SETTINGS_ANY, false, BY_REST},
	{"keepalive", SETTINGS_ANY, false, BY_REST},
	{"server_healthiness_timeout", SETTINGS_ANY, false, BY_REST},
	{"retry_attempts", SETTINGS_ANY, false,
		"a task that could not reach Maestro is run again; remove it"},
	{"auth", SETTINGS_ANY, false, "Maestro is called without credentials; remove it"},
};

int adapter_backoff_parse(
	struct str where, struct str text, enum adapter_backoff *ret, struct error *err)
{
	static const char *const names[] = {"exponential", "linear", "constant"};
	for (size_t i = 0; i < SETTINGS_COUNT(names); i++) {
		if (str_eq_c(text, names[i])) {
			*ret = (enum adapter_backoff)i;
			return 0;
		}
	}
	return error_set(err, ERROR_INVALID,
		"%" STR_F " \"%" STR_F "\" must be exponential, linear or constant", STR_A(where),
		STR_A(text));
}

static int read_headers(const struct json *headers, struct error *err)
{
	const struct json *value;
	json_for_each (headers, i, value)
		if (!json_is(value, JSON_STRING))
			return error_set(err, ERROR_INVALID,
				"clients.hyperfleet_api.default_headers.%" STR_F " must be text",
				STR_A(json_key_at(headers, i)));
	return 0;
}

static int read_api(const struct json *api, struct adapter_settings *settings, struct error *err)
{
	struct str where = STR("clients.hyperfleet_api");
	struct str backoff = json_get_text(api, "retry_backoff");
	if (settings_check(api, where, api_keys, SETTINGS_COUNT(api_keys), err) != 0)
		return -1;
	if (settings_duration(
		    api, where, "timeout", ADAPTER_TIMEOUT_US, &settings->timeout_us, err) != 0)
		return -1;
	if (settings_duration(api, where, "base_delay", ADAPTER_BASE_DELAY_US,
		    &settings->base_delay_us, err) != 0)
		return -1;
	if (settings_duration(api, where, "max_delay", ADAPTER_MAX_DELAY_US,
		    &settings->max_delay_us, err) != 0)
		return -1;
	if (settings_integer(api, where, "retry_attempts", ADAPTER_ATTEMPTS, 1,
		    ADAPTER_MAX_ATTEMPTS, &settings->attempts, err) != 0)
		return -1;
	if (!str_is_null(backoff) &&
		adapter_backoff_parse(STR("clients.hyperfleet_api.retry_backoff"), backoff,
			&settings->backoff, err) != 0)
		return -1;
	settings->default_headers = json_get(api, "default_headers");
	if (read_headers(settings->default_headers, err) != 0)
		return -1;
	settings->api_version = json_get_text(api, "version");
	if (str_is_empty(settings->api_version))
		settings->api_version = STR("v1");
	return settings_url(STR("clients.hyperfleet_api.base_url"), json_get_text(api, "base_url"),
		&settings->api_url, err);
}

static int read_maestro(
	const struct json *maestro, struct adapter_settings *settings, struct error *err)
{
	struct str where = STR("clients.maestro");
	struct str url = json_get_text(maestro, "http_server_address");
	if (json_is_null(maestro))
		return 0;
	if (settings_check(maestro, where, maestro_keys, SETTINGS_COUNT(maestro_keys), err) != 0)
		return -1;
	if (settings_duration(maestro, where, "timeout", ADAPTER_TIMEOUT_US,
		    &settings->maestro_timeout_us, err) != 0)
		return -1;
	if (settings_url(STR("clients.maestro.http_server_address"), url, &settings->maestro_url,
		    err) != 0)
		return -1;
	if (!str_starts_with(url, STR("https://")) &&
		!json_bool(json_get(maestro, "insecure"), false))
		return error_set(err, ERROR_INVALID,
			"clients.maestro.http_server_address \"%" STR_F
			"\" must be https, unless clients.maestro.insecure is true",
			STR_A(url));
	settings->source_id = json_get_text(maestro, "source_id");
	if (str_is_empty(settings->source_id))
		return error_set(err, ERROR_INVALID, "clients.maestro.source_id must not be empty");
	return 0;
}

static int read_clients(
	const struct json *clients, struct adapter_settings *settings, struct error *err)
{
	const struct json *broker = json_get(clients, "broker");
	if (settings_check(
		    clients, STR("clients"), client_keys, SETTINGS_COUNT(client_keys), err) != 0)
		return -1;
	if (read_api(json_get(clients, "hyperfleet_api"), settings, err) != 0)
		return -1;
	if (settings_check(broker, STR("clients.broker"), broker_keys, SETTINGS_COUNT(broker_keys),
		    err) != 0)
		return -1;
	settings->subscription_id = json_get_text(broker, "subscription_id");
	settings->topic = json_get_text(broker, "topic");
	if (str_is_empty(settings->subscription_id) || str_is_empty(settings->topic))
		return error_set(err, ERROR_INVALID,
			"clients.broker.subscription_id and clients.broker.topic must not be "
			"empty");
	return read_maestro(json_get(clients, "maestro"), settings, err);
}

/* Puts what the program knows into the document, so that `config.` sources read it too. */
static void override(struct json *document, const struct adapter_overrides *overrides)
{
	struct json *clients = json_get(document, "clients");
	struct json *maestro = json_get(clients, "maestro");
	struct json *api = json_get(clients, "hyperfleet_api");
	if (overrides->clm_url && json_is(api, JSON_OBJECT))
		json_set_text(api, "base_url", str_of(overrides->clm_url));
	if (overrides->maestro_url && json_is(maestro, JSON_OBJECT)) {
		json_set_text(maestro, "http_server_address", str_of(overrides->maestro_url));
		json_set_bool(maestro, "insecure",
			str_starts_with(str_of(overrides->maestro_url), STR("http://")));
	}
}

int adapter_settings_parse(struct arena *arena, struct json *document,
	const struct adapter_overrides *overrides, struct adapter_settings *ret, struct error *err)
{
	struct adapter_settings settings = {.document = document};
	const struct json *adapter = json_get(document, "adapter");
	override(document, overrides);
	if (settings_check(document, STR(""), root_keys, SETTINGS_COUNT(root_keys), err) != 0)
		return -1;
	if (settings_check(
		    adapter, STR("adapter"), adapter_keys, SETTINGS_COUNT(adapter_keys), err) != 0)
		return -1;
	settings.name = json_get_text(adapter, "name");
	if (str_is_empty(settings.name))
		return error_set(err, ERROR_INVALID, "adapter.name must not be empty");
	settings.version = json_get_text(adapter, "version");
	if (str_is_null(settings.version))
		settings.version = STR("");
	if (read_clients(json_get(document, "clients"), &settings, err) != 0)
		return -1;
	*ret = settings;
	return 0;
}

int adapter_settings_load(struct arena *arena, const char *path,
	const struct adapter_overrides *overrides, struct adapter_settings *ret, struct error *err)
{
	struct json *document;
	if (settings_load(arena, path, &document, err) != 0)
		return -1;
	if (adapter_settings_parse(arena, document, overrides, ret, err) != 0)
		return error_prefix(err, "%s", path);
	return 0;
}
