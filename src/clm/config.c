/*
 * config.c - see config.h. One table holds every key.
 */
#include "clm/config.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clm/config_identity.h"
#include "clm/config_keys.h"
#include "data/yaml.h"
#include "net/http_client.h"

#define VARIABLE_PREFIX "HYPERFLEET_"
#define VARIABLE_MAX 128
#define INTEGER_MAX 65535 /* ports, mostly */
#define REQUEST_MAX_US (3600 * CLOCK_US_PER_S)

#define FLAG(path, flag, type, fallback, has_no_effect, help) \
	{path, flag, type, fallback, has_no_effect},
#define PLAIN(path, type, has_no_effect) {path, NULL, type, NULL, has_no_effect},

static const struct config_key {
	const char *path; /* "server.host" */
	const char *flag; /* "server-host"; NULL: none */
	enum config_type {
		CONFIG_TEXT,
		CONFIG_BOOL,
		CONFIG_INTEGER, /* 0 to INTEGER_MAX */
		CONFIG_DURATION,
		CONFIG_NAMES,	/* a list of texts; with commas as a variable or flag */
		CONFIG_DOCUMENT /* a list; of the file only */
	} type;
	const char *fallback; /* NULL: absent */
	bool has_no_effect;   /* taken for the original's sake */
} keys[] = {CONFIG_KEY_ROWS(FLAG, PLAIN)};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

struct reading {
	struct arena *arena;
	const struct config_source *source;
	struct json *file;
	struct config *config;
	struct error *err;
};

/* --- the file -------------------------------------------------------------------------------- */

static const struct config_key *find_key(struct str path)
{
	for (const struct config_key *key = keys; key < keys + KEY_COUNT; key++)
		if (str_eq_c(path, key->path))
			return key;
	return NULL;
}

static bool is_section(struct arena *arena, struct str path)
{
	struct str prefix = arena_printf(arena, "%" STR_F ".", STR_A(path));

	for (const struct config_key *key = keys; key < keys + KEY_COUNT; key++)
		if (prefix.len > 0 && str_starts_with(str_of(key->path), prefix))
			return true;
	return false;
}

static int check_section(struct reading *reading, const struct json *map, struct str where)
{
	const char *file = reading->source->file;
	struct json *value;

	if (json_is_null(map))
		return 0;
	if (!json_is(map, JSON_OBJECT))
		return error_set(reading->err, ERROR_INVALID,
			"%s: line %u: %" STR_F " has to be a map", file, json_line(map),
			STR_A(where.len > 0 ? where : STR("the file")));
	json_for_each (map, i, value) {
		struct str path = arena_printf(reading->arena, "%" STR_F "%s%" STR_F, STR_A(where),
			where.len > 0 ? "." : "", STR_A(json_key_at(map, i)));
		if (find_key(path))
			continue;
		if (!is_section(reading->arena, path))
			return error_set(reading->err, ERROR_INVALID,
				"%s: line %u: %" STR_F " is not a key known here; `reeve serve clm "
				"--help` lists them",
				file, json_line(value), STR_A(path));
		if (check_section(reading, value, path) != 0)
			return -1;
	}
	return 0;
}

static struct json *find_in_file(const struct reading *reading, const char *path)
{
	struct str rest = str_of(path);
	struct json *value = reading->file;

	while (!str_is_null(rest))
		value = json_get_str(value, str_cut(&rest, '.'));
	return json_is_null(value) ? NULL : value;
}

/* --- one value ------------------------------------------------------------------------------- */

static void variable_of(char out[VARIABLE_MAX], const char *path)
{
	size_t len = (size_t)snprintf(out, VARIABLE_MAX, VARIABLE_PREFIX "%s", path);

	for (size_t i = strlen(VARIABLE_PREFIX); i < len && i < VARIABLE_MAX; i++)
		out[i] = out[i] == '.'			  ? '_'
			 : out[i] >= 'a' && out[i] <= 'z' ? out[i] - 0x20
							  : out[i];
}

/* The value as text, and where it was found, for messages; null when it is nowhere. */
static struct str look_up(
	struct reading *reading, const struct config_key *key, struct str *ret_where)
{
	const struct config_source *source = reading->source;
	char variable[VARIABLE_MAX];
	struct json *value;
	const char *text =
		key->flag && source->flag ? source->flag(source->context, key->flag) : NULL;

	if (text) {
		*ret_where = arena_printf(reading->arena, "--%s", key->flag);
		return str_of(text);
	}
	variable_of(variable, key->path);
	text = source->variable ? source->variable(source->context, variable) : getenv(variable);
	if (text) {
		*ret_where = arena_str(reading->arena, str_of(variable));
		return str_of(text);
	}
	value = find_in_file(reading, key->path);
	*ret_where = arena_printf(
		reading->arena, "%s: line %u: %s", source->file, json_line(value), key->path);
	if (!value)
		return STR_NULL;
	if (json_is(value, JSON_STRING))
		return json_str(value);
	return json_text(reading->arena, value, JSON_WRITE_COMPACT); /* a number or a boolean */
}

/* `text` is what look_up() gave: a list of the file as JSON, or what else may have commas. */
static bool is_list_of_names(struct reading *reading, struct str text)
{
	struct json *list, *item;

	if (!str_starts_with(text, STR("[")))
		return !str_starts_with(text, STR("{"));
	if (json_parse(reading->arena, text, NULL, &list, NULL) != 0)
		return false;
	json_for_each (list, i, item)
		if (!json_is(item, JSON_STRING))
			return false;
	return true;
}

/* Given in the file, as a map or list; a variable or flag in its place is text. */
static bool is_of_parts(
	const struct reading *reading, const struct config_key *key, struct str text)
{
	const struct json *value = find_in_file(reading, key->path);

	return (json_is(value, JSON_OBJECT) && str_starts_with(text, STR("{"))) ||
	       (json_is(value, JSON_ARRAY) && str_starts_with(text, STR("[")));
}

static int check_value(
	struct reading *reading, const struct config_key *key, struct str text, struct str where)
{
	int64_t number;
	const char *wanted = NULL;

	if (key->type == CONFIG_BOOL && !str_eq_c(text, "true") && !str_eq_c(text, "false"))
		wanted = "true or false";
	else if (key->type == CONFIG_DURATION && !clock_parse_duration(text, &number))
		wanted = "a duration, as in 30s";
	else if (key->type == CONFIG_TEXT && is_of_parts(reading, key, text))
		wanted = "text";
	else if (key->type == CONFIG_NAMES && !is_list_of_names(reading, text))
		wanted = "a list of texts";
	if (wanted)
		return error_set(reading->err, ERROR_INVALID,
			"%" STR_F " has to be %s, is '%" STR_F "'", STR_A(where), wanted,
			STR_A(text));
	if (key->type == CONFIG_INTEGER &&
		(!str_to_int64(text, &number) || number < 0 || number > INTEGER_MAX))
		return error_set(reading->err, ERROR_INVALID,
			"%" STR_F " has to be a whole number from 0 to %d, is '%" STR_F "'",
			STR_A(where), INTEGER_MAX, STR_A(text));
	return 0;
}

/* The value of a key that was checked; its default otherwise. NULL when it has none. */
static const char *value_of(struct reading *reading, const char *path)
{
	const struct config_key *key = find_key(str_of(path));
	struct str where, text = look_up(reading, key, &where);

	return str_is_null(text) ? key->fallback : arena_cstr(reading->arena, text);
}

/* "c.yaml: line 3: server.host has to be ...": what is wrong with a key, and where it is given. */
__attribute__((format(printf, 3, 4))) static int refuse(
	struct reading *reading, const char *path, const char *format, ...)
{
	char sentence[ERROR_MESSAGE_MAX];
	struct str where, text = look_up(reading, find_key(str_of(path)), &where);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	if (str_is_null(text)) /* its default, or what it lacks */
		where = arena_printf(reading->arena, "%s: %s", reading->source->file, path);
	return error_set(reading->err, ERROR_INVALID, "%" STR_F " %s", STR_A(where), sentence);
}

static bool is_set(struct reading *reading, const char *path)
{
	const char *text = value_of(reading, path);
	return text && strcmp(text, "true") == 0;
}

static uint16_t port_of(struct reading *reading, const char *path)
{
	int64_t port = 0;

	(void)str_to_int64(str_of(value_of(reading, path)), &port);
	return (uint16_t)port;
}

static int check_all(struct reading *reading)
{
	struct config *config = reading->config;

	for (const struct config_key *key = keys; key < keys + KEY_COUNT; key++) {
		struct str where, text;

		if (key->type == CONFIG_DOCUMENT)
			continue;
		text = look_up(reading, key, &where);
		if (str_is_null(text))
			continue;
		if (check_value(reading, key, text, where) != 0)
			return -1;
		if (key->has_no_effect && config->idle_count < CONFIG_MAX_KEYS)
			config->idle[config->idle_count++] = key->path;
	}
	return 0;
}

/* --- sections -------------------------------------------------------------------------------- */

static int read_database(struct reading *reading)
{
	struct arena *arena = reading->arena;
	const char *url = value_of(reading, "database.url");
	const char *dialect = value_of(reading, "database.dialect");
	const char *root = value_of(reading, "database.ssl.root_cert_file");
	struct str text;

	if (!url && strcmp(dialect, "postgres") != 0)
		return refuse(reading, "database.dialect",
			"has to be postgres, is '%s'; for SQLite give database.url: sqlite:FILE",
			dialect);
	if (!url) {
		text = arena_printf(arena,
			"postgresql://%" STR_F ":%" STR_F "@%" STR_F ":%s/%" STR_F
			"?sslmode=%" STR_F "%s%" STR_F,
			STR_A(http_encode(arena, str_of(value_of(reading, "database.username")))),
			STR_A(http_encode(arena, str_of(value_of(reading, "database.password")))),
			STR_A(http_encode(arena, str_of(value_of(reading, "database.host")))),
			value_of(reading, "database.port"),
			STR_A(http_encode(arena, str_of(value_of(reading, "database.name")))),
			STR_A(http_encode(arena, str_of(value_of(reading, "database.ssl.mode")))),
			root ? "&sslrootcert=" : "",
			STR_A(root ? http_encode(arena, str_of(root)) : STR("")));
		url = arena_cstr(arena, text);
	}
	reading->config->clm.store_url = url;
	return 0;
}

/* As value_of(), but an empty text is none: the original's files spell defaults out so. */
static const char *text_of(struct reading *reading, const char *path)
{
	const char *text = value_of(reading, path);
	return text && *text ? text : NULL;
}

static const char about_certificates[] =
	"is about clients with certificates; name their CA in server.tls.client_ca_file";

static int read_callers(struct reading *reading)
{
	struct caller_rules *rules = &reading->config->clm.callers;
	const struct {
		struct config_place place;
		int (*read)(struct arena *arena, const struct config_place *place,
			const struct json *list, struct caller_rules *rules, struct error *err);
		bool is_wanted;
	} lists[] = {
		{{reading->source->file, "server.jwt.configs"}, config_read_issuers,
			is_set(reading, "server.jwt.enabled")},
		{{reading->source->file, "server.tenant.dimensions"}, config_read_dimensions,
			is_set(reading, "server.tenant.enabled")},
		{{reading->source->file, "server.tls.client_names"}, config_read_gateways, true},
		{{reading->source->file, "server.tenant.region_callers"}, config_read_regionals,
			is_set(reading, "server.tenant.enabled")},
	};

	rules->tenant_enabled = is_set(reading, "server.tenant.enabled");
	rules->system_header = text_of(reading, "server.tenant.system_header");
	rules->identity_header = text_of(reading, "server.identity_header");
	rules->needs_certificate = text_of(reading, "server.tls.client_ca_file") != NULL;
	if (config_check_identity_header(reading->source->file, "server.identity_header",
		    rules->identity_header, reading->err) != 0)
		return -1;
	if (!rules->needs_certificate && rules->identity_header)
		return refuse(reading, "server.identity_header", about_certificates);
	if (!rules->needs_certificate &&
		json_count(find_in_file(reading, "server.tls.client_names")) > 0)
		return refuse(reading, "server.tls.client_names", about_certificates);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (lists[i].is_wanted && lists[i].read(reading->arena, &lists[i].place,
						  find_in_file(reading, lists[i].place.path), rules,
						  reading->err) != 0)
			return -1;
	return 0;
}

static int read_tls(struct reading *reading)
{
	struct http_server_tls *tls = &reading->config->clm.tls;
	const char *oldest = value_of(reading, "server.tls.min_version");
	const char *client_ca = text_of(reading, "server.tls.client_ca_file");

	if (strcmp(oldest, "1.2") != 0 && strcmp(oldest, "1.3") != 0)
		return refuse(
			reading, "server.tls.min_version", "has to be 1.2 or 1.3, is '%s'", oldest);
	if (!is_set(reading, "server.tls.enabled"))
		return !client_ca ? 0
				  : refuse(reading, "server.tls.client_ca_file",
					    "needs server.tls.enabled: true; without TLS nobody "
					    "shows a certificate");
	*tls = (struct http_server_tls){.cert_file = text_of(reading, "server.tls.cert_file"),
		.key_file = text_of(reading, "server.tls.key_file"),
		.client_ca_file = client_ca,
		.is_tls13_only = strcmp(oldest, "1.3") == 0};
	if (!tls->cert_file || !tls->key_file)
		return refuse(reading, "server.tls.enabled",
			"is true: name the certificate in server.tls.cert_file and its key in "
			"server.tls.key_file");
	return 0;
}

static int read_server(struct reading *reading)
{
	struct clm_config *clm = &reading->config->clm;

	clm->host = value_of(reading, "server.host");
	clm->port = port_of(reading, "server.port");
	clm->schema_file = value_of(reading, "server.openapi_schema_path");
	clm->entities_file = reading->source->file;
	clm->health_host = value_of(reading, "health.host");
	clm->health_port = port_of(reading, "health.port");
	clm->metrics_host = value_of(reading, "metrics.host");
	clm->metrics_port = port_of(reading, "metrics.port");
	return read_tls(reading) != 0 ? -1 : read_callers(reading);
}

static int read_times(struct reading *reading)
{
	struct journal_retention *retention = &reading->config->clm.retention;
	int64_t request_us;
	const struct {
		const char *key;
		int64_t *ret;
	} times[] = {{"retention.feed", &retention->feed_us},
		{"retention.history", &retention->history_us},
		{"metrics.reconciliation_stuck_threshold", &reading->config->clm.stuck_us},
		{"server.timeouts.read", &request_us}};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct str text = str_of(value_of(reading, times[i].key));

		if (!clock_parse_duration(text, times[i].ret) || *times[i].ret <= 0)
			return refuse(reading, times[i].key,
				"has to be longer than nothing, is '%" STR_F "'", STR_A(text));
	}
	if (request_us > REQUEST_MAX_US)
		return refuse(reading, "server.timeouts.read", "has to be an hour at most");
	/* Whole seconds, upwards. */
	reading->config->clm.request_timeout_s =
		(unsigned)((request_us + CLOCK_US_PER_S - 1) / CLOCK_US_PER_S);
	return 0;
}

static int read_logging(struct reading *reading)
{
	struct config *config = reading->config;
	const char *format = value_of(reading, "logging.format");
	const char *output = value_of(reading, "logging.output");

	if (!log_level_parse(str_of(value_of(reading, "logging.level")), &config->log_level))
		return refuse(reading, "logging.level",
			"has to be debug, info, warn or error, is '%s'",
			value_of(reading, "logging.level"));
	if (strcmp(format, "json") != 0 && strcmp(format, "text") != 0)
		return refuse(reading, "logging.format", "has to be json or text, is '%s'", format);
	if (strcmp(output, "stdout") != 0 && strcmp(output, "stderr") != 0)
		return refuse(
			reading, "logging.output", "has to be stdout or stderr, is '%s'", output);
	config->log_format = strcmp(format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_HUMAN;
	config->logs_to_stderr = strcmp(output, "stderr") == 0;
	return 0;
}

int config_read(struct arena *arena, const struct config_source *source, struct config *ret,
	struct error *err)
{
	struct reading reading = {.arena = arena, .source = source, .config = ret, .err = err};

	*ret = (struct config){0};
	if (yaml_parse(arena, source->text, &reading.file, err) != 0)
		return error_prefix(err, "%s", source->file);
	if (check_section(&reading, reading.file, STR("")) != 0 || check_all(&reading) != 0 ||
		read_server(&reading) != 0 || read_database(&reading) != 0 ||
		read_times(&reading) != 0 || read_logging(&reading) != 0)
		return -1;
	return arena_is_exhausted(arena)
		       ? error_set(err, ERROR_MEMORY, "no room for the configuration")
		       : 0;
}
