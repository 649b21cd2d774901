/*
 * up.c - `reeve up`: starts the region, shows its progress, creates a first cluster, waits for
 * Ctrl-C.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cmd/client.h"
#include "cmd/commands.h"
#include "cmd/region.h"
#include "local/state.h"

#define FIRST_CLUSTER_NAME "first"
#define FIRST_CLUSTER_WAIT_US (INT64_C(120) * CLOCK_US_PER_S)
#define FIRST_CLUSTER_POLL_US (20 * CLOCK_US_PER_MS)
#define FIRST_CLUSTER_ARENA_MAX ((size_t)4 << 20)
#define CREATE_FILE_MAX ((size_t)1 << 20)

struct up {
	int64_t began_us;
	bool is_terminal;
	struct stop stop;
	const char *example_file;
};

static void show(void *context, const char *what, const char *detail)
{
	const struct up *up = context;
	double seconds = (double)(clock_monotonic_us() - up->began_us) / (double)CLOCK_US_PER_S;

	printf("%7.2fs  %s%-34s%s %s\n", seconds, up->is_terminal ? "\033[1m" : "", what,
		up->is_terminal ? "\033[0m" : "", detail);
	fflush(stdout);
}

static int read_options(const struct command_line *line, struct region_config *config, char dir[],
	struct error *err)
{
	int64_t port, count = 0;
	const char *step = command_text(line, "step");

	config->dir = command_text(line, "dir");
	if (!config->dir) {
		if (state_default_dir(dir, err) < 0)
			return -1;
		config->dir = dir;
	}
	if (command_number(line, "port", 0, 65535, &port, err) < 0 ||
		(command_text(line, "management-clusters") &&
			command_number(line, "management-clusters", 1,
				REGION_MAX_MANAGEMENT_CLUSTERS, &count, err) < 0))
		return -1;
	if (command_text(line, "capacity") &&
		command_number(line, "capacity", 1, REGION_MAX_CAPACITY, &config->capacity, err) <
			0)
		return -1;
	config->port = (uint16_t)port;
	config->management_clusters = (unsigned)count;
	config->kubeconfig = command_text(line, "kubeconfig");
	config->step_us = -1;
	if (step && (!clock_parse_duration(str_of(step), &config->step_us) || config->step_us < 0))
		return error_set(err, ERROR_INVALID,
			"--step %s is not a duration such as 500ms or 2s", step);
	if (!log_level_parse(str_of(command_text(line, "log-level")), &config->log_level))
		return error_set(err, ERROR_INVALID,
			"--log-level %s is not one of debug, info, warn, error",
			command_text(line, "log-level"));
	if (config->kubeconfig && config->management_clusters > 1)
		return error_set(err, ERROR_INVALID,
			"--kubeconfig names one cluster; use it without --management-clusters");
	if (config->kubeconfig && access(config->kubeconfig, R_OK) < 0)
		return error_set(
			err, ERROR_NOT_FOUND, "--kubeconfig %s cannot be read", config->kubeconfig);
	return 0;
}

static const struct json *find_condition(const struct json *cluster, const char *type)
{
	const struct json *condition;

	json_for_each (json_get(json_get(cluster, "status"), "conditions"), i, condition)
		if (str_eq_c(json_get_text(condition, "type"), type))
			return condition;
	return NULL;
}

static bool is_true(const struct json *cluster, const char *type)
{
	return str_eq_c(json_get_text(find_condition(cluster, type), "status"), "True");
}

/* Shows Reconciled and Available when they come. 0 when both are there, -1 on failure, 1 when
 * stopped. */
static int watch_first(struct up *up, struct client *client, struct str id, struct error *err)
{
	static const char *const awaited[] = {"Available", "Reconciled"};
	bool seen[2] = {false, false};
	int64_t until_us = clock_monotonic_us() + FIRST_CLUSTER_WAIT_US;

	CLEANUP(cleanup_arena) struct arena *arena = arena_new(FIRST_CLUSTER_ARENA_MAX);
	CLEANUP(cleanup_arena) struct arena *pass = arena_new(FIRST_CLUSTER_ARENA_MAX);
	if (!arena || !pass)
		return error_set(err, ERROR_MEMORY, "no memory to watch the first cluster");
	struct str path = arena_printf(arena, "/api/v0/clusters/%" STR_F, STR_A(id));
	while (clock_monotonic_us() < until_us) {
		struct json *cluster;
		if (client_call(client, pass, "GET", path, NULL, &cluster, err) < 0)
			return -1;
		for (int i = 0; i < 2; i++)
			if (!seen[i] && is_true(cluster, awaited[i])) {
				struct str version =
					json_get_text(json_get(cluster, "status"), "version");
				struct str detail = arena_printf(pass, "cluster %s%s%" STR_F,
					FIRST_CLUSTER_NAME, version.len ? ", version " : "",
					STR_A(version));
				show(up, awaited[i], detail.ptr);
				seen[i] = true;
			}
		if (seen[0] && seen[1])
			return 0;
		arena_reset(pass);
		if (stop_sleep(&up->stop, FIRST_CLUSTER_POLL_US))
			return 1;
	}
	return error_set(err, ERROR_TIMEOUT,
		"the first cluster is not available after %d s; see `reeve cluster "
		"get %" STR_F "` and the logs in the state folder",
		(int)(FIRST_CLUSTER_WAIT_US / CLOCK_US_PER_S), STR_A(id));
}

static int create_first(struct up *up, struct client *client, struct arena *arena,
	struct str *ret_id, struct error *err)
{
	struct str text;
	struct json *request, *cluster;

	if (state_read_file(arena, up->example_file, CREATE_FILE_MAX, &text, err) < 0 ||
		json_parse(arena, text, NULL, &request, err) < 0)
		return error_prefix(err, "%s", up->example_file);
	json_set_text(request, "name", STR(FIRST_CLUSTER_NAME));
	if (client_call(client, arena, "POST", STR("/api/v0/clusters"), request, &cluster, err) < 0)
		return -1;
	*ret_id = json_get_text(cluster, "id");
	show(up, "first cluster created", arena_cstr(arena, *ret_id));
	return 0;
}

/* A new region gets one cluster; a region with clusters is left as it is. */
static int first_cluster(struct up *up, const struct region *region, struct error *err)
{
	struct client *client = NULL;
	struct json *list = NULL;
	struct str id;

	CLEANUP(cleanup_arena) struct arena *arena = arena_new(FIRST_CLUSTER_ARENA_MAX);
	if (!arena)
		return error_set(err, ERROR_MEMORY, "no memory for the first cluster");
	if (client_open_url(&client, region_url(region), REGION_NAME,
		    region_credentials_file(region), &up->stop, err) < 0)
		return -1;
	int result = client_call(
		client, arena, "GET", STR("/api/v0/clusters?limit=1"), NULL, &list, err);
	int64_t total = json_int(json_get(list, "total"), 0);
	if (result == 0 && total > 0) {
		show(up, "clusters found",
			arena_cstr(arena, arena_printf(arena, "%lld", (long long)total)));
	} else if (result == 0) {
		result = create_first(up, client, arena, &id, err);
		if (result == 0)
			result = watch_first(up, client, id, err);
	}
	client_close(client);
	return result;
}

static void show_hints(const struct region *region, const struct up *up)
{
	char program[STATE_PATH_MAX] = "reeve";
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[length > 0 ? length : 5] = '\0';
	const char *dir = region_dir(region);
	printf("\nThe region is up. Try, in another terminal:\n\n"
	       "  # a signed request, as any AWS client makes it\n"
	       "  curl -s --aws-sigv4 aws:amz:%s:execute-api --user %s:%s %s/api/v0/clusters\n\n"
	       "  # the same through reeve\n"
	       "  %s cluster create --dir %s --name second %s\n"
	       "  %s cluster list --dir %s\n"
	       "  %s cluster watch --dir %s second\n"
	       "  %s cluster get --dir %s second\n"
	       "  %s cluster delete --dir %s second\n\n"
	       "  # the management cluster\n"
	       "  kubectl --kubeconfig %s get hostedclusters,nodepools -A\n\n"
	       "Everything else is in %s/region.json. Ctrl-C stops the region; its state stays.\n",
		REGION_NAME, region_access_key(region), region_secret_key(region),
		region_url(region), program, dir, up->example_file, program, dir, program, dir,
		program, dir, program, dir, region_kubeconfig(region, 0), dir);
	fflush(stdout);
}

/* Turns the first SIGINT, SIGTERM or SIGHUP into a stop, also while the region is still starting.
 */
static void await_signal(void *argument)
{
	struct up *up = argument;
	sigset_t ending;
	int signal_number;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigwait(&ending, &signal_number);
	stop_request(&up->stop);
}

static int run(
	struct up *up, const struct region_config *config, bool wants_cluster, struct error *err)
{
	struct region *region = NULL;

	if (region_start(&region, config, err) < 0) {
		if (!stop_requested(&up->stop) || err->code != ERROR_CANCELLED)
			return -1;
		printf("\nStopped.\n");
		return 0;
	}
	int result = stop_requested(&up->stop) ? 1 : 0;
	if (result == 0 && wants_cluster)
		result = first_cluster(up, region, err);
	if (result < 0 && stop_requested(&up->stop) && err->code == ERROR_CANCELLED)
		result = 1;
	if (result < 0) {
		fprintf(stderr, "reeve: %s\n", err->message);
		result = 0; /* the region itself is up: keep it, to be looked at */
	}
	if (result == 0) {
		show_hints(region, up);
		while (!stop_sleep(&up->stop, CLOCK_US_PER_S * 3600))
			;
	}
	printf("\nStopping.\n");
	fflush(stdout);
	region_stop(region);
	return 0;
}

int up_run(const struct command_line *line)
{
	struct up up = {
		.began_us = clock_monotonic_us(), .is_terminal = isatty(STDOUT_FILENO) == 1};
	struct region_config config = {.progress = show, .context = &up, .stop = &up.stop};
	char dir[STATE_PATH_MAX], example[STATE_PATH_MAX];
	struct thread *signals;
	struct error err = {0};
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (read_options(line, &config, dir, &err) < 0 ||
		state_find_shipped("docs/examples/cluster.json", example, &err) < 0)
		return command_fail(&err);
	char *resolved = realpath(example, NULL);
	up.example_file = resolved ? resolved : example;
	stop_init(&up.stop);
	if (thread_start(&signals, "signals", await_signal, &up, &err) < 0) {
		stop_destroy(&up.stop);
		free(resolved);
		return command_fail(&err);
	}
	int result = run(&up, &config, !command_flag(line, "no-first-cluster"), &err);
	kill(getpid(), SIGTERM); /* ends the signal thread, if no signal has */
	thread_join(signals);
	stop_destroy(&up.stop);
	free(resolved);
	return result < 0 ? command_fail(&err) : 0;
}
