/*
 * region.c - wires a whole region in one process, and its management clusters beside it.
 *
 * Order: broker, CLM, Maestro, adapters and sentinel, management clusters, frontend. Each step is
 * ready before the next begins, so a failure is told in the words of the part that failed, and
 * everything started so far is stopped in reverse. The parts talk REST and MQTT to each other as
 * they would on different machines.
 */
#include "cmd/region.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/credentials.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "clm/adapter.h"
#include "clm/clm.h"
#include "clm/sentinel.h"
#include "data/json.h"
#include "frontend/frontend.h"
#include "local/broker.h"
#include "local/process.h"
#include "local/state.h"
#include "maestro/maestro.h"
#include "net/http_client.h"

#define REGION_ARENA_MAX ((size_t)16 << 20)
#define REGION_ACCOUNT_ID "123456789012"
#define REGION_USER "admin"
#define URL_MAX 64
#define MANAGEMENT_CLUSTER_READY_US (INT64_C(60) * 1000000)
#define REGISTER_RETRIES 3
#define ADAPTER_COUNT 2
#define MANAGEMENT_CLUSTERS_KEY "management_clusters" /* of state.json */
#define MANAGEMENT_CLUSTER_PORT "kubernetes-mc-%u"    /* a port of state.json */
#define PORT_NAME_MAX 32

struct management_cluster {
	struct region *region;
	unsigned number; /* from 1 */
	char name[16];
	struct process *process;
	char kubeconfig[STATE_PATH_MAX];
	pid_t pid; /* under region->mutex */
};

struct region {
	struct region_config config;
	struct arena *arena; /* of the starting thread */
	struct state *state;
	int log_fd;
	struct log *log;
	struct broker *broker;
	uint16_t broker_port;
	struct clm *clm;
	struct maestro *maestro;
	struct sentinel *sentinel;
	struct adapter *adapters[ADAPTER_COUNT];
	struct frontend *frontend;
	struct key_ring_entry key;
	char clm_url[URL_MAX], maestro_url[URL_MAX], frontend_url[URL_MAX];
	char credentials_file[STATE_PATH_MAX], keys_file[STATE_PATH_MAX],
		region_file[STATE_PATH_MAX];

	/* Guards the pids of the management clusters and is_ready; region.json is written under it.
	 */
	pthread_mutex_t mutex;
	bool is_ready;
	struct management_cluster clusters[REGION_MAX_MANAGEMENT_CLUSTERS];
};

static void progress(struct region *region, const char *what, const char *detail)
{
	log_info(region->log, what, LOG_CSTR("detail", detail));
	if (region->config.progress)
		region->config.progress(region->config.context, what, detail);
}

/* DIR/name as a string of the region's arena; NULL with err set. */
static char *path_in(struct region *region, const char *name, struct error *err)
{
	char path[STATE_PATH_MAX];

	if (state_path(region->state, path, err, "%s", name) < 0)
		return NULL;
	return arena_cstr(region->arena, str_of(path));
}

static char *store_url(struct region *region, const char *name, struct error *err)
{
	char *path = path_in(region, name, err);

	if (!path)
		return NULL;
	return arena_cstr(region->arena, arena_printf(region->arena, "sqlite:%s", path));
}

static int open_state(struct region *region, struct error *err)
{
	char log_file[STATE_PATH_MAX];

	if (state_open(&region->state, region->config.dir, err) < 0 ||
		state_path(region->state, log_file, err, "reeve.log") < 0 ||
		state_path(region->state, region->region_file, err, "region.json") < 0 ||
		state_path(region->state, region->keys_file, err, "keys.json") < 0 ||
		state_path(region->state, region->credentials_file, err, "credentials") < 0)
		return -1;
	unlink(region->region_file); /* of a region that was killed */
	region->log_fd = open(log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (region->log_fd < 0)
		return error_set(err, ERROR_UNAVAILABLE, "cannot open %s", log_file);
	region->log = log_new(region->log_fd, LOG_FORMAT_JSON, region->config.log_level);
	return 0;
}

static int start_broker(struct region *region, struct error *err)
{
	const char *names[REGION_MAX_MANAGEMENT_CLUSTERS];
	char detail[URL_MAX];

	for (unsigned i = 0; i < region->config.management_clusters; i++)
		names[i] = region->clusters[i].name;
	struct broker_config config = {.folder = path_in(region, "broker", err),
		.host = REGION_HOST,
		.source_id = REGION_SOURCE_ID,
		.management_clusters = names,
		.management_cluster_count = region->config.management_clusters,
		.stop = region->config.stop,
		.log = log_child(region->log, "broker")};
	/* The same port for ever: the agents' identity on their clusters is made from it. */
	if (!config.folder || state_port(region->state, "broker", &region->broker_port, err) < 0)
		return -1;
	config.port = region->broker_port;
	if (broker_start(&region->broker, &config, err) < 0)
		return -1;
	snprintf(detail, sizeof(detail), "mqtt://%s:%u", REGION_HOST, region->broker_port);
	progress(region, "broker ready", detail);
	return 0;
}

static int start_clm(struct region *region, struct error *err)
{
	char entities[STATE_PATH_MAX], schemas[STATE_PATH_MAX];
	struct clm_config config = {.store_url = store_url(region, "clm.db", err),
		.host = REGION_HOST,
		.entities_file = entities,
		.schema_file = schemas,
		.callers = caller_rules_aws,
		.log = log_child(region->log, "clm")};

	if (!config.store_url || state_port_free(region->state, "clm", &config.port, err) < 0 ||
		state_find_shipped("config/entities.yaml", entities, err) < 0 ||
		state_find_shipped("config/openapi.yaml", schemas, err) < 0 ||
		clm_start(&region->clm, &config, err) < 0)
		return error_prefix(err, "CLM");
	snprintf(region->clm_url, sizeof(region->clm_url), "http://%s:%u", REGION_HOST,
		clm_port(region->clm));
	progress(region, "CLM ready", region->clm_url);
	return 0;
}

static int start_maestro(struct region *region, struct error *err)
{
	struct maestro_config config = {.store_url = store_url(region, "maestro.db", err),
		.host = REGION_HOST,
		.broker_host = REGION_HOST,
		.broker_port = region->broker_port,
		.username = "maestro",
		.password = broker_password(region->broker, "maestro"),
		.client_id = "maestro",
		.source_id = REGION_SOURCE_ID,
		.subscription = "statussubscribers",
		.log = log_child(region->log, "maestro")};

	if (!config.store_url || state_port_free(region->state, "maestro", &config.port, err) < 0 ||
		state_port_free(region->state, "maestro-grpc", &config.grpc_port, err) < 0 ||
		maestro_start(&region->maestro, &config, err) < 0)
		return error_prefix(err, "Maestro");
	snprintf(region->maestro_url, sizeof(region->maestro_url), "http://%s:%u", REGION_HOST,
		maestro_port(region->maestro));
	progress(region, "Maestro ready", region->maestro_url);
	return 0;
}

static int start_adapter(struct region *region, unsigned index, const char *name, struct error *err)
{
	char config_file[STATE_PATH_MAX], task_file[STATE_PATH_MAX], file[STATE_PATH_MAX];
	struct adapter_config config = {.config_file = config_file,
		.task_file = task_file,
		.clm_url = region->clm_url,
		.maestro_url = region->maestro_url,
		.broker_host = REGION_HOST,
		.broker_port = region->broker_port,
		.username = "clm",
		.password = broker_password(region->broker, "clm"),
		.log = log_child(region->log, name)};

	snprintf(file, sizeof(file), "config/adapters/%s/adapter-config.yaml", name);
	if (state_find_shipped(file, config_file, err) < 0)
		return -1;
	snprintf(file, sizeof(file), "config/adapters/%s/adapter-task.yaml", name);
	if (state_find_shipped(file, task_file, err) < 0 ||
		adapter_start(&region->adapters[index], &config, err) < 0)
		return error_prefix(err, "adapter %s", name);
	return 0;
}

static int start_sentinel(struct region *region, struct error *err)
{
	char config_file[STATE_PATH_MAX];
	struct sentinel_config config = {.config_file = config_file,
		.clm_url = region->clm_url,
		.broker_host = REGION_HOST,
		.broker_port = region->broker_port,
		.username = "clm",
		.password = broker_password(region->broker, "clm"),
		.log = log_child(region->log, "sentinel")};

	if (state_find_shipped("config/sentinels/clusters.yaml", config_file, err) < 0 ||
		sentinel_start(&region->sentinel, &config, err) < 0)
		return error_prefix(err, "sentinel");
	return 0;
}

/* POST that takes 409 (it is there already) as success; ret_is_new tells which. */
static int post_once(struct region *region, const char *url, const char *path,
	const struct json *body, bool *ret_is_new, struct error *err)
{
	struct http_client *http = NULL;
	struct http_client_config config = {.base_url = url, .stop = region->config.stop};
	struct http_call call = {.method = "POST",
		.path = str_of(path),
		.body = json_text(region->arena, body, JSON_WRITE_COMPACT),
		.retries = REGISTER_RETRIES};
	struct http_answer answer;

	if (http_client_new(&http, &config, err) < 0)
		return -1;
	int result = http_client_call(http, region->arena, &call, &answer, err);
	http_client_free(http);
	if (result < 0)
		return -1;
	*ret_is_new = answer.status == 201;
	if (answer.status != 201 && answer.status != 409)
		return error_set(err, error_from_http_status(answer.status),
			"POST %s%s answered %d: %" STR_F, url, path, answer.status,
			STR_A(answer.body));
	return 0;
}

static struct json *management_cluster_document(
	struct region *region, const struct management_cluster *self)
{
	struct arena *arena = region->arena;
	struct json *document = json_new_object(arena), *spec = json_new_object(arena);
	struct json *capacity = json_new_object(arena);
	unsigned number = (unsigned)(self - region->clusters) + 1;
	int64_t hosted =
		region->config.capacity ? region->config.capacity : REGION_DEFAULT_CAPACITY;

	json_set_int(capacity, "hostedClusters", hosted);
	json_set_text(spec, "region", STR(REGION_NAME));
	json_set_text(spec, "accountId", arena_printf(arena, "%012u", number));
	json_set(spec, "capacity", capacity);
	json_set_text(document, "kind", STR("ManagementCluster"));
	json_set_text(document, "name", str_of(self->name));
	json_set(document, "spec", spec);
	return document;
}

/* A capacity named on the command line replaces the one registered earlier. */
static int update_capacity(struct region *region, const struct management_cluster *self,
	const struct json *document, struct error *err)
{
	struct http_client *http = NULL;
	struct http_client_config config = {
		.base_url = region->clm_url, .stop = region->config.stop};
	struct json *list = NULL, *patch = json_new_object(region->arena);
	struct http_call find = {.method = "GET",
		.path = arena_printf(region->arena,
			"/api/hyperfleet/v1/management_clusters?search=name%%3D%%27%s%%27",
			self->name)};
	int status;

	if (http_client_new(&http, &config, err) < 0)
		return -1;
	int result = http_client_json(http, region->arena, &find, &status, &list, err);
	struct str id = json_get_text(json_at(json_get(list, "items"), 0), "id");
	if (result == 0 && id.len) {
		json_set(patch, "spec", json_get(document, "spec"));
		struct http_call call = {.method = "PATCH",
			.path = arena_printf(region->arena,
				"/api/hyperfleet/v1/management_clusters/%" STR_F, STR_A(id)),
			.body = json_text(region->arena, patch, JSON_WRITE_COMPACT)};
		result = http_client_json(http, region->arena, &call, &status, &list, err);
	}
	http_client_free(http);
	return result;
}

static int register_management_cluster(
	struct region *region, const struct management_cluster *self, struct error *err)
{
	struct json *consumer = json_new_object(region->arena);
	struct json *document = management_cluster_document(region, self);
	bool is_new;

	json_set_text(consumer, "name", str_of(self->name));
	if (post_once(region, region->maestro_url, "/api/maestro/v1/consumers", consumer, &is_new,
		    err) < 0 ||
		post_once(region, region->clm_url, "/api/hyperfleet/v1/management_clusters",
			document, &is_new, err) < 0)
		return -1;
	return is_new || !region->config.capacity ? 0
						  : update_capacity(region, self, document, err);
}

static struct json *region_document(struct region *region, struct arena *arena)
{
	struct json *document = json_new_object(arena), *frontend = json_new_object(arena);
	struct json *clm = json_new_object(arena), *maestro = json_new_object(arena);
	struct json *mqtt = json_new_object(arena), *clusters = json_new_array(arena);

	json_set_text(frontend, "url", str_of(region->frontend_url));
	json_set_text(frontend, "region", STR(REGION_NAME));
	json_set_text(frontend, "credentials_file", str_of(region->credentials_file));
	json_set_text(frontend, "account_id", region->key.account_id);
	json_set_text(clm, "url", str_of(region->clm_url));
	json_set_text(maestro, "rest", str_of(region->maestro_url));
	json_set_text(maestro, "grpc",
		arena_printf(arena, "%s:%u", REGION_HOST, maestro_grpc_port(region->maestro)));
	json_set_text(mqtt, "host", STR(REGION_HOST));
	json_set_int(mqtt, "port", region->broker_port);
	for (unsigned i = 0; i < region->config.management_clusters; i++) {
		struct json *cluster = json_new_object(arena);
		json_set_text(cluster, "name", str_of(region->clusters[i].name));
		json_set_text(cluster, "kubeconfig", str_of(region->clusters[i].kubeconfig));
		json_set_int(cluster, "pid", region->clusters[i].pid);
		json_append(clusters, cluster);
	}
	json_set(document, "frontend", frontend);
	json_set(document, "clm", clm);
	json_set(document, "maestro", maestro);
	json_set(document, "mqtt", mqtt);
	json_set(document, "management_clusters", clusters);
	json_set_int(document, "pid", getpid());
	return document;
}

/* Under region->mutex. */
static int write_region_file(struct region *region, struct error *err)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(REGION_ARENA_MAX);

	if (!arena)
		return error_set(err, ERROR_MEMORY, "no memory for the region file");
	return state_write(region->region_file, region_document(region, arena), err);
}

/* A management cluster runs (again): on its process's thread. */
static void on_running(void *context, pid_t pid, const char *line)
{
	struct management_cluster *self = context;
	struct region *region = self->region;
	struct error err;

	LOCK_SCOPE(&region->mutex);
	self->pid = pid;
	/* Written once: readers of the path take no lock, and a cluster keeps its path. */
	if (!self->kubeconfig[0])
		snprintf(self->kubeconfig, sizeof(self->kubeconfig), "%s", line);
	log_info(region->log, "management cluster runs", LOG_CSTR("name", self->name),
		LOG_INT("pid", pid));
	if (region->is_ready && write_region_file(region, &err) < 0)
		log_error(region->log, "cannot write the region file", LOG_ERROR(&err));
}

/* Writes the management cluster's configuration file; its path, or NULL. */
static char *configure(struct region *region, struct management_cluster *self, const char *folder,
	struct error *err)
{
	struct arena *arena = region->arena;
	struct json *document = json_new_object(arena), *broker = json_new_object(arena);
	struct json *kubernetes = json_new_object(arena);
	char user[32], port_name[32];
	uint16_t port;

	snprintf(user, sizeof(user), "agent-%s", self->name);
	snprintf(port_name, sizeof(port_name), MANAGEMENT_CLUSTER_PORT, self->number);
	json_set_text(broker, "host", STR(REGION_HOST));
	json_set_int(broker, "port", region->broker_port);
	json_set_text(broker, "username", arena_str(arena, str_of(user)));
	json_set_text(broker, "password", str_of(broker_password(region->broker, user)));
	json_set_text(document, "name", str_of(self->name));
	json_set_text(document, "folder", arena_str(arena, str_of(folder)));
	json_set_text(document, "source_id", STR(REGION_SOURCE_ID));
	json_set(document, "broker", broker);
	if (region->config.step_us >= 0)
		json_set_int(document, "step_us", region->config.step_us);
	if (region->config.kubeconfig) {
		json_set_text(document, "kubeconfig", str_of(region->config.kubeconfig));
	} else {
		if (state_port_free(region->state, port_name, &port, err) < 0)
			return NULL;
		json_set_int(kubernetes, "port", port);
		json_set(document, "kubernetes", kubernetes);
	}
	char *path = arena_cstr(arena, arena_printf(arena, "%s/config.json", folder));
	if (!path || state_write(path, document, err) < 0)
		return NULL;
	return path;
}

/* From its registration on a management cluster may hold hosted clusters. */
static int keep_management_cluster(
	struct region *region, const struct management_cluster *self, struct error *err)
{
	if (state_number(region->state, MANAGEMENT_CLUSTERS_KEY, 0) >= self->number)
		return 0;
	return state_keep_number(region->state, MANAGEMENT_CLUSTERS_KEY, self->number, err);
}

static int start_management_cluster(
	struct region *region, struct management_cluster *self, struct error *err)
{
	char folder[STATE_PATH_MAX], log_file[STATE_PATH_MAX + 16], detail[STATE_PATH_MAX + 16];

	if (state_path(region->state, folder, err, "management-clusters/%s", self->name) < 0 ||
		state_make_folder(folder, err) < 0)
		return -1;
	snprintf(log_file, sizeof(log_file), "%s/reeve.log", folder);
	char *config_file = configure(region, self, folder, err);
	if (!config_file || keep_management_cluster(region, self, err) < 0 ||
		register_management_cluster(region, self, err) < 0)
		return error_prefix(err, "management cluster %s", self->name);
	char program[STATE_PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	program[length > 0 ? length : 0] = '\0';
	const char *const argv[] = {program, "management-cluster", "--config", config_file, NULL};
	struct process_config process = {.name = self->name,
		.argv = argv,
		.log_file = log_file,
		.says_ready = true,
		.on_running = on_running,
		.context = self,
		.stop = region->config.stop,
		.log = region->log};
	if (process_start(&self->process, &process, MANAGEMENT_CLUSTER_READY_US, err) < 0)
		return error_prefix(err, "management cluster %s", self->name);
	snprintf(detail, sizeof(detail), "%s", self->kubeconfig);
	char what[48];
	snprintf(what, sizeof(what), "management cluster %s registered", self->name);
	progress(region, what, detail);
	return 0;
}

static int open_keys(struct region *region, struct error *err)
{
	struct key_ring *ring;

	if (key_ring_open(&ring, region->keys_file, err) < 0)
		return -1;
	int result = key_ring_first(ring, region->arena, &region->key, NULL);
	if (result < 0)
		result = key_ring_mint(ring, region->arena, STR(REGION_ACCOUNT_ID),
			STR(REGION_USER), &region->key, err);
	key_ring_close(ring);
	if (result < 0)
		return -1;
	return credentials_save(
		region->credentials_file, "default", &region->key, STR(REGION_NAME), err);
}

static int start_frontend(struct region *region, struct error *err)
{
	struct frontend_config config = {.host = REGION_HOST,
		.port = region->config.port,
		.region = REGION_NAME,
		.clm_url = region->clm_url,
		.key_ring_file = region->keys_file,
		.log = log_child(region->log, "frontend")};

	if (open_keys(region, err) < 0)
		return -1;
	if (frontend_start(&region->frontend, &config, err) < 0)
		return error_prefix(err, "frontend");
	snprintf(region->frontend_url, sizeof(region->frontend_url), "http://%s:%u", REGION_HOST,
		frontend_port(region->frontend));
	progress(region, "frontend ready", region->frontend_url);
	return 0;
}

/* How many this folder has had; folders older than the number have a port for each. */
static int kept_management_clusters(struct region *region, unsigned *ret, struct error *err)
{
	int64_t kept = state_number(region->state, MANAGEMENT_CLUSTERS_KEY, 0);

	if (kept < 0 || kept > REGION_MAX_MANAGEMENT_CLUSTERS)
		return error_set(err, ERROR_CONFLICT,
			"state.json in %s is damaged: %s is %lld, but has to be 0 to %d; put the "
			"number of folders in management-clusters there",
			state_dir(region->state), MANAGEMENT_CLUSTERS_KEY, (long long)kept,
			REGION_MAX_MANAGEMENT_CLUSTERS);
	*ret = (unsigned)kept;
	for (unsigned i = *ret; i < REGION_MAX_MANAGEMENT_CLUSTERS; i++) {
		char name[PORT_NAME_MAX];
		snprintf(name, sizeof(name), MANAGEMENT_CLUSTER_PORT, i + 1);
		if (state_has_port(region->state, name))
			*ret = i + 1;
	}
	return 0;
}

/* As many as asked for, but never fewer than there are: hosted clusters may be on each of them. */
static int count_management_clusters(struct region *region, struct error *err)
{
	unsigned kept, *wanted = &region->config.management_clusters;

	if (kept_management_clusters(region, &kept, err) < 0)
		return -1;
	if (*wanted && *wanted < kept)
		return error_set(err, ERROR_CONFLICT,
			"--management-clusters %u is fewer than the %u of the region in %s; "
			"leave the option out, or start a new region with another --dir",
			*wanted, kept, state_dir(region->state));
	if (!*wanted)
		*wanted = kept ? kept : 1;
	if (region->config.kubeconfig && *wanted > 1)
		return error_set(err, ERROR_CONFLICT,
			"--kubeconfig names one cluster, and the region in %s has %u; start a new "
			"region with another --dir",
			state_dir(region->state), *wanted);
	for (unsigned i = 0; i < *wanted; i++) {
		region->clusters[i].region = region;
		region->clusters[i].number = i + 1;
		snprintf(
			region->clusters[i].name, sizeof(region->clusters[i].name), "mc-%u", i + 1);
	}
	return 0;
}

static int start_parts(struct region *region, struct error *err)
{
	if (open_state(region, err) < 0 || count_management_clusters(region, err) < 0 ||
		start_broker(region, err) < 0 || start_clm(region, err) < 0 ||
		start_maestro(region, err) < 0 || start_adapter(region, 0, "placement", err) < 0 ||
		start_adapter(region, 1, "hypershift", err) < 0 || start_sentinel(region, err) < 0)
		return -1;
	for (unsigned i = 0; i < region->config.management_clusters; i++)
		if (start_management_cluster(region, &region->clusters[i], err) < 0)
			return -1;
	if (start_frontend(region, err) < 0)
		return -1;
	LOCK_SCOPE(&region->mutex);
	region->is_ready = true;
	return write_region_file(region, err);
}

int region_start(struct region **ret, const struct region_config *config, struct error *err)
{
	struct region *region = calloc(1, sizeof(*region));

	if (!region || !(region->arena = arena_new(REGION_ARENA_MAX))) {
		free(region);
		return error_set(err, ERROR_MEMORY, "no memory for the region");
	}
	region->config = *config;
	region->log_fd = -1;
	pthread_mutex_init(&region->mutex, NULL);
	if (start_parts(region, err) < 0) {
		region_stop(region);
		return -1;
	}
	*ret = region;
	return 0;
}

void region_stop(struct region *region)
{
	if (!region)
		return;
	pthread_mutex_lock(&region->mutex);
	if (region->is_ready)
		unlink(region->region_file);
	region->is_ready = false;
	pthread_mutex_unlock(&region->mutex);
	/* They end by themselves meanwhile. */
	for (unsigned i = 0; i < region->config.management_clusters; i++)
		process_stop_begin(region->clusters[i].process);
	frontend_stop(region->frontend);
	sentinel_stop(region->sentinel);
	for (unsigned i = ADAPTER_COUNT; i > 0; i--)
		adapter_stop(region->adapters[i - 1]);
	maestro_stop(region->maestro);
	clm_stop(region->clm);
	for (unsigned i = 0; i < region->config.management_clusters; i++)
		process_stop(region->clusters[i].process);
	broker_stop(region->broker);
	log_free(region->log);
	if (region->log_fd >= 0)
		close(region->log_fd);
	state_close(region->state);
	arena_free(region->arena);
	pthread_mutex_destroy(&region->mutex);
	free(region);
}

const char *region_dir(const struct region *region)
{
	return state_dir(region->state);
}

const char *region_url(const struct region *region)
{
	return region->frontend_url;
}

const char *region_credentials_file(const struct region *region)
{
	return region->credentials_file;
}

const char *region_access_key(const struct region *region)
{
	return region->key.access_key.ptr;
}

const char *region_secret_key(const struct region *region)
{
	return region->key.secret_key.ptr;
}

const char *region_kubeconfig(const struct region *region, unsigned index)
{
	return region->clusters[index].kubeconfig;
}

struct log *region_log(const struct region *region)
{
	return region->log;
}
