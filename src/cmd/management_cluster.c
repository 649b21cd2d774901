/*
 * management_cluster.c - `reeve management-cluster`: one management cluster as its own process.
 *
 * The stand-in Kubernetes API and HyperShift (or, with a kubeconfig, a real cluster) and the
 * Maestro agent. It may be killed at any time: everything it knows is in its folder and on the
 * broker's other side. `reeve up` starts one per management cluster, again when it ends.
 *
 * Its configuration file, written by `reeve up`:
 *	{"name", "folder", "source_id", "broker": {"host", "port", "username", "password"},
 *	 "kubernetes": {"port"} | "kubeconfig": FILE, "step_us"?}
 * The stand-in listens on the loopback address only and asks for no token: kubectl sends none over
 * plain HTTP.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "cmd/commands.h"
#include "data/json.h"
#include "data/yaml.h"
#include "kube/kube.h"
#include "local/hypershift.h"
#include "local/kubeapi.h"
#include "local/process.h"
#include "local/state.h"
#include "maestro/agent.h"

#define CONFIG_MAX ((size_t)64 << 10)
#define CRD_FILE_MAX ((size_t)4 << 20)
#define CRD_ARENA_MAX ((size_t)64 << 20)
#define CRD_WAIT_US (INT64_C(10) * CLOCK_US_PER_S)

struct management_cluster {
	struct arena *arena;
	const struct json *config;
	struct log *log;
	struct kubeapi *kubeapi;
	struct hypershift *hypershift;
	struct agent *agent;
	char kubeconfig[STATE_PATH_MAX];
};

static char *text(struct management_cluster *self, const struct json *object, const char *key)
{
	return arena_cstr(self->arena, json_get_text(object, key));
}

static int load(struct management_cluster *self, const char *path, struct error *err)
{
	struct str content;
	struct json *document;

	if (state_read_file(self->arena, path, CONFIG_MAX, &content, err) < 0)
		return -1;
	if (json_parse(self->arena, content, NULL, &document, err) < 0)
		return error_prefix(err, "%s", path);
	const struct json *broker = json_get(document, "broker");
	if (!text(self, document, "name") || !text(self, document, "folder") ||
		!text(self, broker, "host") || json_int(json_get(broker, "port"), 0) <= 0)
		return error_set(err, ERROR_INVALID,
			"%s lacks name, folder, broker.host or broker.port", path);
	self->config = document;
	return 0;
}

static int apply_crd(
	struct management_cluster *self, struct kube *kube, const char *name, struct error *err)
{
	char file[64], path[STATE_PATH_MAX];
	struct kube_resource crds;
	struct str content;
	struct json *document;

	CLEANUP(cleanup_arena) struct arena *arena = arena_new(CRD_ARENA_MAX);
	if (!arena)
		return error_set(err, ERROR_MEMORY, "no memory to install %s", name);
	snprintf(file, sizeof(file), "config/crds/%s.yaml", name);
	if (state_find_shipped(file, path, err) < 0 ||
		state_read_file(arena, path, CRD_FILE_MAX, &content, err) < 0)
		return -1;
	if (yaml_parse(arena, content, &document, err) < 0)
		return error_prefix(err, "%s", path);
	if (kube_find_kind(kube, STR("apiextensions.k8s.io/v1"), STR("CustomResourceDefinition"),
		    &crds, err) < 0)
		return -1;
	struct kube_ref ref = {
		.resource = &crds, .name = json_str(json_find(document, "metadata", "name", NULL))};
	if (kube_apply(kube, arena, &ref, document, "reeve", true, NULL, err) < 0)
		return error_prefix(err, "cannot install %s", path);
	return 0;
}

/* On a real cluster only the agent's own kind is ours to install. */
static int install_crds(struct management_cluster *self, bool is_stand_in, struct error *err)
{
	static const char *const names[] = {"appliedmanifestworks", "hostedclusters", "nodepools"};
	struct kube *kube = NULL;
	int result = kube_open(&kube, self->kubeconfig, "reeve/" REEVE_VERSION, NULL, err);

	if (result == 0)
		result = kube_version(kube, self->arena, NULL, err);
	for (size_t i = 0; result == 0 && i < (is_stand_in ? 3 : 1); i++)
		result = apply_crd(self, kube, names[i], err);
	kube_close(kube);
	return result;
}

static int start_stand_in(
	struct management_cluster *self, const struct json *kubernetes, struct error *err)
{
	char store[STATE_PATH_MAX + 32];
	const char *folder = text(self, self->config, "folder"),
		   *name = text(self, self->config, "name");

	snprintf(store, sizeof(store), "sqlite:%s/kubernetes.db", folder);
	if (state_path_print(self->kubeconfig, err, "%s/kubeconfig", folder) < 0)
		return -1;
	struct kubeapi_config config = {.store_url = store,
		.host = "127.0.0.1",
		.port = (uint16_t)json_int(json_get(kubernetes, "port"), 0),
		.log = log_child(self->log, "kubernetes")};
	if (kubeapi_start(&self->kubeapi, &config, err) < 0)
		return -1;
	if (kubeapi_write_kubeconfig(self->kubeconfig, config.host, kubeapi_port(self->kubeapi),
		    NULL, name, err) < 0 ||
		install_crds(self, true, err) < 0)
		return -1;
	int64_t step_us = json_int(json_get(self->config, "step_us"), -1);
	struct hypershift_config hypershift = {.kubeconfig = self->kubeconfig,
		.step_us = step_us,
		.log = log_child(self->log, "hypershift")};
	if (step_us < 0)
		hypershift.step_us = HYPERSHIFT_DEFAULT_STEP_US;
	return hypershift_start(&self->hypershift, &hypershift, err);
}

static int start(struct management_cluster *self, struct error *err)
{
	const struct json *broker = json_get(self->config, "broker");
	char *kubeconfig = text(self, self->config, "kubeconfig");

	if (kubeconfig) {
		if (state_path_print(self->kubeconfig, err, "%s", kubeconfig) < 0 ||
			install_crds(self, false, err) < 0)
			return -1;
	} else if (start_stand_in(self, json_get(self->config, "kubernetes"), err) < 0) {
		return -1;
	}
	struct agent_config agent = {.consumer_name = text(self, self->config, "name"),
		.kubeconfig = self->kubeconfig,
		.broker_host = text(self, broker, "host"),
		.broker_port = (uint16_t)json_int(json_get(broker, "port"), 0),
		.username = text(self, broker, "username"),
		.password = text(self, broker, "password"),
		.source_id = text(self, self->config, "source_id"),
		.log = log_child(self->log, "agent")};
	return agent_start(&self->agent, &agent, err);
}

static void stop(struct management_cluster *self)
{
	agent_stop(self->agent);
	hypershift_stop(self->hypershift);
	kubeapi_stop(self->kubeapi);
	log_free(self->log);
	arena_free(self->arena);
}

/* Whether whoever started us listens. Asked before anything is opened: later the descriptor may be
 * a database of ours. */
static bool is_awaited(void)
{
	struct stat info;

	return fstat(PROCESS_READY_FD, &info) == 0 && S_ISFIFO(info.st_mode);
}

static void say_ready(const struct management_cluster *self)
{
	dprintf(PROCESS_READY_FD, "%s\n", self->kubeconfig);
	close(PROCESS_READY_FD);
}

int management_cluster_run(const struct command_line *line)
{
	struct management_cluster self = {0};
	struct error err = {0};
	const char *path = command_text(line, "config");
	bool awaited = is_awaited();
	sigset_t ending;
	int signal_number;

	signal(SIGPIPE, SIG_IGN);
	thread_yield_to_others(); /* it stands in for other machines */
	self.arena = arena_new(0);
	self.log = log_new(STDERR_FILENO, LOG_FORMAT_JSON, LOG_LEVEL_INFO);
	int code = 0;
	if (!path)
		error_set(&err, ERROR_INVALID, "name the configuration file: --config FILE");
	else if (!self.arena)
		error_set(&err, ERROR_MEMORY, "no memory for the management cluster");
	if (!path || !self.arena || load(&self, path, &err) < 0 || start(&self, &err) < 0) {
		code = command_fail(&err);
	} else {
		/* Until here a signal ends the process where it stands, which it survives as any
		 * other kill: a cluster that does not answer would keep it for long. */
		sigemptyset(&ending);
		sigaddset(&ending, SIGINT);
		sigaddset(&ending, SIGTERM);
		pthread_sigmask(SIG_BLOCK, &ending, NULL);
		if (awaited)
			say_ready(&self);
		sigwait(&ending, &signal_number);
	}
	stop(&self);
	return code;
}
