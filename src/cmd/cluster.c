/*
 * cluster.c - `reeve cluster create|list|get|watch|delete`.
 *
 * A client like any other: it finds the region's URL and key in the state folder, signs, and talks
 * to /api/v0. A cluster is named by its id or by its name, which is unique in an account.
 *
 * Watching asks again and again: the contract of the platform has no stream, and a client that
 * needs none works behind API Gateway too.
 */
#include "cmd/cluster.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/thread.h"
#include "cmd/client.h"
#include "cmd/cluster_print.h"
#include "local/state.h"
#include "net/http_client.h"

#define API "/api/v0/clusters"
#define REQUEST_MAX ((size_t)4 << 20) /* of a file to create from; as the frontend takes */
#define ANSWER_MAX ((size_t)64 << 20)
#define LIST_PAGE 100
#define WATCH_POLL_US (250 * CLOCK_US_PER_MS)
#define WATCH_MAX_US (24 * 3600 * CLOCK_US_PER_S)

/* What every subcommand begins with and ends with. */
struct session {
	const struct command_line *line;
	struct client *client;
	struct arena *arena;
};

static void session_close(struct session *session)
{
	client_close(session->client);
	arena_free(session->arena);
}

static int session_open(struct session *session, const struct command_line *line, struct error *err)
{
	*session = (struct session){.line = line, .arena = arena_new(ANSWER_MAX)};
	if (!session->arena)
		return error_set(err, ERROR_MEMORY, "no memory");
	return client_open(&session->client, command_text(line, "dir"), NULL, err);
}

static int print_json(struct session *session, const struct json *document)
{
	struct str text = json_text(session->arena, document, JSON_WRITE_PRETTY);

	printf("%" STR_F "\n", STR_A(text));
	return 0;
}

/* The one argument that the subcommand takes. */
static int read_argument(const struct command_line *line, struct str *ret, struct error *err)
{
	if (line->argument_count != 1)
		return error_set(err, ERROR_INVALID, "`%s` takes one argument, %s; see `%s --help`",
			line->path, line->command->arguments, line->path);
	*ret = str_of(line->arguments[0]);
	return 0;
}

/* --- finding ------------------------------------------------------------------------------- */

static int list_all(struct session *session, struct json **ret, struct error *err)
{
	struct json *clusters = json_new_array(session->arena), *page, *cluster;
	int64_t total = 1;

	for (int64_t offset = 0; offset < total; offset += LIST_PAGE) {
		struct str path = arena_printf(
			session->arena, API "?limit=%d&offset=%lld", LIST_PAGE, (long long)offset);
		if (client_call(session->client, session->arena, "GET", path, NULL, &page, err) < 0)
			return -1;
		total = json_int(json_get(page, "total"), 0);
		json_for_each (json_get(page, "items"), i, cluster)
			json_append(clusters, cluster);
	}
	*ret = clusters;
	return 0;
}

/* The path of a cluster named by id or name. */
static int find_path(
	struct session *session, struct str id_or_name, struct str *ret, struct error *err)
{
	struct json *clusters, *cluster;

	if (id_is_uuid(id_or_name)) {
		*ret = arena_printf(session->arena, API "/%" STR_F, STR_A(id_or_name));
		return 0;
	}
	if (list_all(session, &clusters, err) < 0)
		return -1;
	json_for_each (clusters, i, cluster) {
		if (str_eq(json_get_text(cluster, "name"), id_or_name)) {
			*ret = arena_printf(session->arena, API "/%" STR_F,
				STR_A(http_encode(session->arena, json_get_text(cluster, "id"))));
			return 0;
		}
	}
	return error_set(err, ERROR_NOT_FOUND,
		"no cluster is named \"%" STR_F "\"; `reeve cluster list` shows those there are",
		STR_A(id_or_name));
}

/* --- create -------------------------------------------------------------------------------- */

static int read_request(
	struct session *session, struct str file, struct json **ret, struct error *err)
{
	const char *name = command_text(session->line, "name");
	bool is_stdin = str_eq(file, STR("-"));
	const char *source = is_stdin ? "standard input" : file.ptr;
	struct arena *arena = session->arena;
	struct str text;

	if ((is_stdin ? state_read_fd(arena, STDIN_FILENO, source, REQUEST_MAX, &text, err)
		      : state_read_file(arena, source, REQUEST_MAX, &text, err)) < 0)
		return -1;
	if (json_parse(arena, text, NULL, ret, err) < 0)
		return error_prefix(err, "%s", source);
	if (!json_is(*ret, JSON_OBJECT))
		return error_set(err, ERROR_INVALID,
			"%s holds %s; it must be an object {\"name\", \"spec\"}", source,
			json_type_name(json_type(*ret)));
	json_set_text(*ret, "name", str_of(name));
	return 0;
}

static int create(struct session *session, struct error *err)
{
	struct json *request, *cluster;
	struct str file;

	if (read_argument(session->line, &file, err) < 0 ||
		read_request(session, file, &request, err) < 0 ||
		client_call(session->client, session->arena, "POST", STR(API), request, &cluster,
			err) < 0)
		return -1;
	if (command_flag(session->line, "json"))
		return print_json(session, cluster);
	printf("cluster %" STR_F " is being made, id %" STR_F "\n",
		STR_A(json_get_text(cluster, "name")), STR_A(json_get_text(cluster, "id")));
	return 0;
}

/* --- list, get, delete --------------------------------------------------------------------- */

static int list(struct session *session, struct error *err)
{
	struct json *clusters;

	if (list_all(session, &clusters, err) < 0)
		return -1;
	if (command_flag(session->line, "json")) {
		struct json *document = json_new_object(session->arena);
		json_set(document, "items", clusters);
		json_set_int(document, "total", (int64_t)json_count(clusters));
		return print_json(session, document);
	}
	cluster_print_list(stdout, session->arena, clusters);
	return 0;
}

static int get(struct session *session, struct error *err)
{
	struct str id_or_name, path;
	struct json *cluster;

	if (read_argument(session->line, &id_or_name, err) < 0 ||
		find_path(session, id_or_name, &path, err) < 0 ||
		client_call(session->client, session->arena, "GET", path, NULL, &cluster, err) < 0)
		return -1;
	if (command_flag(session->line, "json"))
		return print_json(session, cluster);
	cluster_print_one(stdout, session->arena, cluster);
	return 0;
}

static int delete (struct session *session, struct error *err)
{
	struct str id_or_name, path;
	struct json *answer;

	if (read_argument(session->line, &id_or_name, err) < 0 ||
		find_path(session, id_or_name, &path, err) < 0 ||
		client_call(session->client, session->arena, "DELETE", path, NULL, &answer, err) <
			0)
		return -1;
	if (command_flag(session->line, "json"))
		return print_json(session, answer);
	printf("cluster %" STR_F " is being deleted\n", STR_A(id_or_name));
	return 0;
}

/* --- watch --------------------------------------------------------------------------------- */

struct watch {
	struct session *session;
	struct str path;
	int64_t until_us;	 /* monotonic */
	struct arena *arenas[2]; /* of the answer now, and of the one before it */
	unsigned turn;
	const struct json *before; /* the status last shown */
};

static void show_change(struct watch *watch, struct arena *arena, const struct json *status)
{
	if (!command_flag(watch->session->line, "json")) {
		struct str time = clock_text_seconds(arena, clock_now_us(&clock_system));
		cluster_print_changes(stdout, time, watch->before, status);
		return;
	}
	if (watch->before && json_equal(watch->before, status))
		return;
	struct str text = json_text(arena, status, JSON_WRITE_COMPACT);
	printf("%" STR_F "\n", STR_A(text));
	fflush(stdout);
}

/* 1: go on; 0: Ready or gone; -1: error. */
static int watch_once(struct watch *watch, struct error *err)
{
	struct arena *arena = watch->arenas[watch->turn];
	struct json *cluster;

	arena_reset(arena);
	if (client_call(watch->session->client, arena, "GET", watch->path, NULL, &cluster, err) <
		0) {
		/* A region that restarts comes back. */
		if (error_is_transient(err->code))
			return 1;
		if (err->code != ERROR_NOT_FOUND || !watch->before)
			return -1;
		puts(command_flag(watch->session->line, "json") ? "null" : "the cluster is gone");
		return 0;
	}
	const struct json *status = json_get(cluster, "status");
	show_change(watch, arena, status);
	watch->before = status;
	watch->turn = !watch->turn;
	return str_eq(json_get_text(status, "phase"), STR("Ready")) ? 0 : 1;
}

static int watch_to_end(struct watch *watch, const char *timeout, struct error *err)
{
	struct str phase;
	int more;

	while ((more = watch_once(watch, err)) == 1 && clock_monotonic_us() < watch->until_us)
		usleep(WATCH_POLL_US);
	if (more <= 0)
		return more;
	phase = json_get_text(watch->before, "phase");
	if (!watch->before)
		return -1; /* err says why no answer came */
	return error_set(err, ERROR_TIMEOUT, "the cluster is still %" STR_F " after %s",
		STR_A(phase), timeout);
}

static int watch(struct session *session, struct error *err)
{
	const char *timeout = command_text(session->line, "timeout");
	struct watch watch = {.session = session};
	struct str id_or_name;
	int64_t timeout_us;

	if (!clock_parse_duration(str_of(timeout), &timeout_us) || timeout_us <= 0 ||
		timeout_us > WATCH_MAX_US)
		return error_set(err, ERROR_INVALID,
			"--timeout %s is not a duration such as 90s or 15m, up to 24h", timeout);
	if (read_argument(session->line, &id_or_name, err) < 0 ||
		find_path(session, id_or_name, &watch.path, err) < 0)
		return -1;
	watch.until_us = clock_monotonic_us() + timeout_us;
	CLEANUP(cleanup_arena) struct arena *first = arena_new(ANSWER_MAX);
	CLEANUP(cleanup_arena) struct arena *second = arena_new(ANSWER_MAX);
	if (!first || !second)
		return error_set(err, ERROR_MEMORY, "no memory");
	watch.arenas[0] = first;
	watch.arenas[1] = second;
	return watch_to_end(&watch, timeout, err);
}

/* --- the table ----------------------------------------------------------------------------- */

static int run(const struct command_line *line, int (*what)(struct session *, struct error *))
{
	struct session session;
	struct error err = {.code = ERROR_NONE};

	int result = session_open(&session, line, &err);
	if (result == 0)
		result = what(&session, &err);
	session_close(&session);
	return result == 0 ? 0 : command_fail(&err);
}

static int run_create(const struct command_line *line)
{
	return run(line, create);
}

static int run_list(const struct command_line *line)
{
	return run(line, list);
}

static int run_get(const struct command_line *line)
{
	return run(line, get);
}

static int run_watch(const struct command_line *line)
{
	return run(line, watch);
}

static int run_delete(const struct command_line *line)
{
	return run(line, delete);
}

#define OPTION_DIR                                                                             \
	{                                                                                      \
		"dir", "DIR", "the region's folder, instead of $REEVE_DIR or its usual place", \
			NULL                                                                   \
	}
#define OPTION_JSON                                                   \
	{                                                             \
		"json", NULL, "print it as the frontend's JSON", NULL \
	}

static const struct command_option plain_options[] = {OPTION_DIR, OPTION_JSON, {NULL}};

static const struct command_option create_options[] = {
	{"name", "NAME", "the cluster's name, instead of the file's", NULL},
	OPTION_DIR,
	OPTION_JSON,
	{NULL},
};

static const struct command_option watch_options[] = {
	{"timeout", "DURATION", "how long to wait", "15m"},
	OPTION_DIR,
	{"json", NULL, "print each status as a line of JSON; null when the cluster is gone", NULL},
	{NULL},
};

const struct command CLUSTER_COMMANDS[] = {
	{.name = "create",
		.arguments = "FILE",
		.summary =
			"Creates a cluster from a file {\"name\", \"spec\"}; - is standard input",
		.options = create_options,
		.run = run_create},
	{.name = "list",
		.summary = "Lists the account's clusters",
		.options = plain_options,
		.run = run_list},
	{.name = "get",
		.arguments = "CLUSTER",
		.summary = "Shows a cluster, named by its name or id",
		.options = plain_options,
		.run = run_get},
	{.name = "watch",
		.arguments = "CLUSTER",
		.summary = "Prints what changes in a cluster's status until it is Ready or gone",
		.options = watch_options,
		.run = run_watch},
	{.name = "delete",
		.arguments = "CLUSTER",
		.summary = "Deletes a cluster, named by its name or id",
		.options = plain_options,
		.run = run_delete},
	{.name = NULL},
};
