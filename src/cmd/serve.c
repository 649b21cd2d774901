/*
 * serve.c - `reeve serve clm`: CLM's API as a process, configured as the original is.
 */
#include "cmd/serve.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "clm/config.h"
#include "clm/config_keys.h"
#include "clm/settings.h"
#include "data/json.h"
#include "local/state.h"

#define CONFIG_FILE_VARIABLE "HYPERFLEET_CONFIG"

#define FLAG(path, flag, type, fallback, has_no_effect, help) {flag, "VALUE", help, NULL},
#define PLAIN(path, type, has_no_effect)

static const struct command_option clm_options[] = {
	{"config", "FILE",
		"configuration; default: $HYPERFLEET_CONFIG, /etc/hyperfleet/config.yaml or "
		"./configs/config.yaml",
		NULL},
	{"ready-file", "FILE", "written when the API answers, with its addresses; gone at the end",
		NULL},
	CONFIG_KEY_ROWS(FLAG, PLAIN){NULL},
};

/* --- configuration --------------------------------------------------------------------------- */

static const char *flag_of(void *context, const char *flag)
{
	return command_text(context, flag);
}

static const char *find_config(const struct command_line *line)
{
	static const char *const places[] = {
		"/etc/hyperfleet/config.yaml", "./configs/config.yaml"};
	const char *path = command_text(line, "config");

	if (!path)
		path = getenv(CONFIG_FILE_VARIABLE);
	for (size_t i = 0; !path && i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], R_OK) == 0)
			path = places[i];
	return path;
}

static int read_config(
	const struct command_line *line, struct arena *arena, struct config *ret, struct error *err)
{
	struct config_source source = {
		.file = find_config(line), .flag = flag_of, .context = (void *)(uintptr_t)line};

	if (!source.file)
		return error_set(err, ERROR_INVALID, "name the configuration file: --config FILE");
	if (settings_read(arena, source.file, &source.text, err) < 0)
		return -1;
	return config_read(arena, &source, ret, err);
}

/* --- running --------------------------------------------------------------------------------- */

static void tell_idle(struct log *log, const struct config *config)
{
	for (size_t i = 0; i < config->idle_count; i++)
		log_warn(log, "the key has no effect here", LOG_CSTR("key", config->idle[i]));
}

/* Whoever is on the way reads tokens, and can change what is asked and answered. */
static void tell_exposed(struct log *log, const struct clm_config *config)
{
	static const char *const near[] = {"localhost", "127.", "::1"};

	for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++)
		if (str_starts_with(str_of(config->host), str_of(near[i])))
			return;
	if (!config->tls.cert_file)
		log_warn(log, "the API listens beyond this machine without TLS; see server.tls",
			LOG_CSTR("host", config->host));
}

static int write_ready(const char *path, struct arena *arena, const struct clm *clm,
	const struct clm_config *config, struct error *err)
{
	struct json *document = json_new_object(arena);

	json_set_text(document, "url",
		arena_printf(arena, "%s://%s:%u", config->tls.cert_file ? "https" : "http",
			config->host, clm_port(clm)));
	json_set_text(document, "health",
		arena_printf(arena, "http://%s:%u", config->health_host, clm_health_port(clm)));
	json_set_text(document, "metrics",
		arena_printf(arena, "http://%s:%u", config->metrics_host, clm_metrics_port(clm)));
	json_set_int(document, "pid", getpid());
	return state_write(path, document, err);
}

static int serve(const struct command_line *line, struct arena *arena, struct config *config,
	struct error *err)
{
	const char *ready = command_text(line, "ready-file");
	struct log *log = log_new(config->logs_to_stderr ? STDERR_FILENO : STDOUT_FILENO,
		config->log_format, config->log_level);
	struct clm *clm = NULL;
	sigset_t ending;
	int signal_number;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ending, NULL);
	signal(SIGPIPE, SIG_IGN);
	config->clm.log = log_child(log, "clm");
	tell_idle(config->clm.log, config);
	tell_exposed(config->clm.log, &config->clm);
	if (ready)
		unlink(ready); /* of one that was killed */
	int result = clm_start(&clm, &config->clm, err);
	if (result == 0 && ready)
		result = write_ready(ready, arena, clm, &config->clm, err);
	if (result == 0) {
		log_info(config->clm.log, "CLM ready", LOG_CSTR("host", config->clm.host),
			LOG_INT("port", clm_port(clm)),
			LOG_INT("health_port", clm_health_port(clm)),
			LOG_INT("metrics_port", clm_metrics_port(clm)));
		sigwait(&ending, &signal_number);
		log_info(config->clm.log, "stopping", LOG_INT("signal", signal_number));
	}
	clm_stop(clm);
	if (ready)
		unlink(ready);
	log_free(log);
	return result;
}

static int clm_run(const struct command_line *line)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct config config;
	struct error err = {0};

	if (!arena)
		error_set(&err, ERROR_MEMORY, "no memory for the configuration");
	if (!arena || read_config(line, arena, &config, &err) < 0 ||
		serve(line, arena, &config, &err) < 0)
		return command_fail(&err);
	return 0;
}

const struct command SERVE_COMMANDS[] = {
	{.name = "clm",
		.summary = "Serves CLM's API (HyperFleet API v1) until SIGTERM",
		.details = "Takes the original's configuration file. Each flag may be given as a "
			   "variable, too: HYPERFLEET_ and the key's path in capitals, as in "
			   "HYPERFLEET_DATABASE_PASSWORD.",
		.options = clm_options,
		.run = clm_run},
	{.name = NULL},
};
