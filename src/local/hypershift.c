/*
 * hypershift.c - the controller: follows both kinds, and does what hypershift_plan.h says, one
 * object at a time. It follows its own secrets, too, and makes again those that somebody deletes.
 *
 * Each object that has something to do holds a planned time; rescheduling is writing a time stamp.
 * Nothing is kept of an object that has nothing to do, so memory does not grow with the clusters.
 */
#include "local/hypershift.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/thread.h"
#include "kube/kube.h"
#include "local/hypershift_plan.h"

#define GROUP "hypershift.openshift.io"
#define GROUP_VERSION STR(GROUP "/v1beta1")
#define CLUSTER_LABEL GROUP "/hosted-cluster" /* of a secret */
#define KEY_MAX 400
#define PASS_ARENA_MAX ((size_t)64 << 20)
/* It changed under us, so look again; not at once, as a name space that is gone stays gone. */
#define CHANGED_RETRY_US (20 * CLOCK_US_PER_MS)
#define FOLLOW_RETRY_US (INT64_C(1) * CLOCK_US_PER_S)

enum kind {
	KIND_CLUSTER,
	KIND_POOL,
	KIND_SECRET, /* a job of it has its hosted cluster's name */
	KIND_COUNT
};

/* One object with something to do. The key is "KIND/NAMESPACE/NAME". */
struct job {
	int64_t due_us; /* monotonic; how late it is taken tells how many stages have passed */
	bool is_running;
	bool is_dirty;	 /* it changed while it ran */
	bool is_waiting; /* for others, and not for its step: a change is looked at at once */
};

struct follower {
	struct hypershift *hypershift;
	enum kind kind;
	struct thread *thread;
};

struct hypershift {
	struct hypershift_config config;
	struct kube *kube;
	struct kube_resource resources[KIND_COUNT];
	struct stop stop;
	struct follower followers[KIND_COUNT];
	struct thread *workers[HYPERSHIFT_MAX_THREADS];

	/* Guards the jobs. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct map *jobs;
};

/* --- jobs ---------------------------------------------------------------------------------- */

static void make_key(char key[KEY_MAX], enum kind kind, struct str name_space, struct str name)
{
	snprintf(key, KEY_MAX, "%d/%" STR_F "/%" STR_F, kind, STR_A(name_space), STR_A(name));
}

/* Something may be to do at that time. A job that waits for its step keeps its time: it will see
 * the change then. */
static void plan_job(struct hypershift *self, enum kind kind, struct str name_space,
	struct str name, int64_t due_us)
{
	char key[KEY_MAX];

	make_key(key, kind, name_space, name);
	LOCK_SCOPE(&self->mutex);
	struct job *job = map_get(self->jobs, str_of(key));
	if (!job) {
		job = calloc(1, sizeof(*job));
		if (!job || !map_put(self->jobs, str_of(key), job, NULL)) {
			free(job); /* the repair finds it */
			return;
		}
		job->due_us = due_us;
	} else if (job->is_running) {
		job->is_dirty = true;
	} else if (job->is_waiting && due_us < job->due_us) {
		job->due_us = due_us;
	}
	pthread_cond_signal(&self->changed);
}

/* The job that is due, marked as running, and its key; else the time of the next, in *ret_next_us.
 */
static struct job *due_job(
	struct hypershift *self, int64_t now_us, char key[KEY_MAX], int64_t *ret_next_us)
{
	struct str each;
	struct job *job, *found = NULL;

	*ret_next_us = now_us + CLOCK_US_PER_S;
	map_for_each (self->jobs, position, each, job) {
		if (job->is_running)
			continue;
		if (job->due_us <= now_us) {
			found = job;
			snprintf(key, KEY_MAX, "%" STR_F, STR_A(each));
			break;
		}
		if (job->due_us < *ret_next_us)
			*ret_next_us = job->due_us;
	}
	if (found)
		found->is_running = true;
	return found;
}

static bool take_job(struct hypershift *self, char key[KEY_MAX], int64_t *ret_late_us)
{
	LOCK_SCOPE(&self->mutex);
	while (!stop_requested(&self->stop)) {
		int64_t next_us, now_us = clock_monotonic_us();
		const struct job *job = due_job(self, now_us, key, &next_us);
		if (job) {
			*ret_late_us = now_us - job->due_us;
			return true;
		}
		struct timespec wake = {.tv_sec = (time_t)(next_us / CLOCK_US_PER_S),
			.tv_nsec = (long)(next_us % CLOCK_US_PER_S * 1000)};
		pthread_cond_timedwait(&self->changed, &self->mutex, &wake);
	}
	return false;
}

/* again_us < 0: nothing more to do, unless it changed meanwhile. 0: at once, as late as it was. */
static void end_job(struct hypershift *self, const char *key, int64_t again_us)
{
	LOCK_SCOPE(&self->mutex);
	struct job *job = map_get(self->jobs, str_of(key));
	job->is_running = false;
	if (again_us < 0 && !job->is_dirty) {
		map_remove(self->jobs, str_of(key));
		free(job);
	} else {
		job->is_waiting = again_us == HYPERSHIFT_REPAIR_US;
		if (again_us < 0 || (job->is_waiting && job->is_dirty))
			job->due_us = clock_monotonic_us();
		else if (again_us > 0)
			job->due_us = clock_monotonic_us() + again_us;
		job->is_dirty = false;
		pthread_cond_signal(&self->changed);
	}
}

/* --- acting -------------------------------------------------------------------------------- */

static struct kube_ref ref_of(struct hypershift *self, enum kind kind, const struct json *object)
{
	return (struct kube_ref){.resource = &self->resources[kind],
		.name_space = json_str(json_find(object, "metadata", "namespace", NULL)),
		.name = json_str(json_find(object, "metadata", "name", NULL)),
		.subresource = ""};
}

/* The node pools of a hosted cluster; all of them are in its name space. */
static int list_pools(struct hypershift *self, struct arena *arena, const struct json *cluster,
	struct json **ret, struct error *err)
{
	struct str name = json_str(json_find(cluster, "metadata", "name", NULL));
	struct kube_list options = {
		.name_space = json_str(json_find(cluster, "metadata", "namespace", NULL))};
	struct json *list, *pool;

	if (kube_list(self->kube, arena, &self->resources[KIND_POOL], &options, &list, err) < 0)
		return -1;
	*ret = json_new_array(arena);
	json_for_each (json_get(list, "items"), i, pool)
		if (str_eq(json_str(json_find(pool, "spec", "clusterName", NULL)), name))
			json_append(*ret, pool);
	return 0;
}

static int delete_pools(
	struct hypershift *self, struct arena *arena, const struct json *pools, struct error *err)
{
	const struct json *pool;

	json_for_each (pools, i, pool) {
		struct kube_ref ref = ref_of(self, KIND_POOL, pool);
		struct kube_delete options = {0};
		if (json_find(pool, "metadata", "deletionTimestamp", NULL))
			continue;
		if (kube_delete(self->kube, arena, &ref, &options, err) < 0 &&
			(!err || err->code != ERROR_NOT_FOUND))
			return -1;
	}
	return 0;
}

static int create_secret(struct hypershift *self, struct arena *arena, const struct json *cluster,
	struct str name, const char *key, struct str value, struct error *err)
{
	struct json *secret = json_new_object(arena), *metadata = json_new_object(arena);
	struct json *data = json_new_object(arena), *labels = json_new_object(arena);
	struct kube_ref ref = {.resource = &self->resources[KIND_SECRET],
		.name_space = json_str(json_find(cluster, "metadata", "namespace", NULL)),
		.name = name,
		.subresource = ""};

	json_set_text(metadata, "name", name);
	json_set_text(metadata, "namespace", ref.name_space);
	json_set_text(
		labels, CLUSTER_LABEL, json_str(json_find(cluster, "metadata", "name", NULL)));
	json_set(metadata, "labels", labels);
	json_set_text(secret, "apiVersion", STR("v1"));
	json_set_text(secret, "kind", STR("Secret"));
	json_set(secret, "metadata", metadata);
	json_set_text(data, key, value);
	json_set(secret, "stringData", data);
	struct error failed;
	if (kube_create(self->kube, arena, &ref, secret, NULL, &failed) == 0)
		return 0;
	if (failed.code != ERROR_CONFLICT) {
		*err = failed;
		return -1;
	}
	/* It is there, perhaps without the label that lets us see it go. */
	struct json *patch = json_new_object(arena), *label = json_new_object(arena);
	json_set(label, "labels", labels);
	json_set(patch, "metadata", label);
	return kube_patch(self->kube, arena, &ref, KUBE_PATCH_MERGE, patch, NULL, err);
}

/* The administrator's kubeconfig and password of a cluster that is up. */
static int create_secrets(struct hypershift *self, struct arena *arena, const struct json *cluster,
	const struct json *status, struct error *err)
{
	struct str host = json_str(json_find(status, "controlPlaneEndpoint", "host", NULL));
	struct str kubeconfig = arena_printf(arena,
		"apiVersion: v1\nkind: Config\nclusters:\n- name: cluster\n  cluster:\n    server: "
		"https://%" STR_F
		":443\ncontexts:\n- name: admin\n  context: {cluster: cluster, user: admin}\n"
		"current-context: admin\nusers:\n- name: admin\n  user: {}\n",
		STR_A(host));

	if (create_secret(self, arena, cluster,
		    json_str(json_find(status, "kubeconfig", "name", NULL)), "kubeconfig",
		    kubeconfig, err) < 0)
		return -1;
	return create_secret(self, arena, cluster,
		json_str(json_find(status, "kubeadminPassword", "name", NULL)), "password",
		STR("stand-in"), err);
}

static int write_status(struct hypershift *self, struct arena *arena, enum kind kind,
	const struct json *object, struct json *status, struct error *err)
{
	struct kube_ref ref = ref_of(self, kind, object);
	struct json *patch = json_new_object(arena);

	ref.subresource = "status";
	json_set(patch, "status", status);
	return kube_patch(self->kube, arena, &ref, KUBE_PATCH_MERGE, patch, NULL, err);
}

/* Node pools wait for their cluster's ignition endpoint; all of them are in its name space. */
static void wake_pools(struct hypershift *self, const struct json *cluster)
{
	char prefix[KEY_MAX];
	int64_t now_us = clock_monotonic_us();
	struct str key;
	struct job *job;

	make_key(prefix, KIND_POOL, json_str(json_find(cluster, "metadata", "namespace", NULL)),
		STR(""));
	LOCK_SCOPE(&self->mutex);
	map_for_each (self->jobs, position, key, job) {
		if (!str_starts_with(key, str_of(prefix)))
			continue;
		if (job->is_running)
			job->is_dirty = true;
		else if (job->is_waiting)
			job->due_us = now_us;
	}
	pthread_cond_broadcast(&self->changed);
}

/* When to look again; < 0: when it changes. */
static int act(struct hypershift *self, struct arena *arena, enum kind kind,
	const struct json *object, const struct hypershift_plan *plan, const struct json *pools,
	int64_t *ret_again_us, struct error *err)
{
	struct kube_ref ref = ref_of(self, kind, object);

	*ret_again_us = -1;
	switch (plan->action) {
	case HYPERSHIFT_NOTHING:
		return 0;
	case HYPERSHIFT_ADD_FINALIZER:
		*ret_again_us = 0;
		return kube_add_finalizer(self->kube, &ref, STR(HYPERSHIFT_FINALIZER), err);
	case HYPERSHIFT_WRITE_STATUS:
		*ret_again_us = self->config.step_us;
		if (kind == KIND_CLUSTER && plan->is_complete &&
			create_secrets(self, arena, object, plan->status, err) < 0)
			return -1;
		if (write_status(self, arena, kind, object, plan->status, err) < 0)
			return -1;
		if (kind == KIND_CLUSTER)
			wake_pools(self, object);
		return 0;
	case HYPERSHIFT_WAIT:
		*ret_again_us = HYPERSHIFT_REPAIR_US;
		return 0;
	case HYPERSHIFT_DELETE_NODE_POOLS:
		*ret_again_us =
			HYPERSHIFT_REPAIR_US; /* a pool that has gone wakes its cluster at once */
		return delete_pools(self, arena, pools, err);
	case HYPERSHIFT_REMOVE_FINALIZER:
		return kube_remove_finalizer(self->kube, &ref, STR(HYPERSHIFT_FINALIZER), err);
	}
	return 0;
}

static int get(struct hypershift *self, struct arena *arena, enum kind kind, struct str name_space,
	struct str name, struct json **ret, struct error *err)
{
	struct kube_ref ref = {.resource = &self->resources[kind],
		.name_space = name_space,
		.name = name,
		.subresource = ""};

	*ret = NULL;
	if (kube_get(self->kube, arena, &ref, ret, err) == 0)
		return 0;
	return err->code == ERROR_NOT_FOUND ? 0 : -1;
}

/* Makes the secrets of a hosted cluster again, when it is up and means to stay. */
static int restore_secrets(struct hypershift *self, struct arena *arena, struct str name_space,
	struct str name, struct error *err)
{
	struct json *cluster;

	if (get(self, arena, KIND_CLUSTER, name_space, name, &cluster, err) < 0)
		return -1;
	if (json_find(cluster, "metadata", "deletionTimestamp", NULL) ||
		!json_find(cluster, "status", "kubeconfig", "name", NULL))
		return 0;
	return create_secrets(self, arena, cluster, json_get(cluster, "status"), err);
}

static struct hypershift_moment moment_of(const struct hypershift *self, int64_t late_us)
{
	const struct clock *clock = self->config.clock ? self->config.clock : &clock_system;

	return (struct hypershift_moment){.now_us = clock_now_us(clock),
		.stages = 1 + (self->config.step_us > 0 ? late_us / self->config.step_us : 0)};
}

/* One look at one object: reads it, plans, acts. */
static int look(struct hypershift *self, struct arena *arena, const char *key, int64_t late_us,
	int64_t *ret_again_us, struct error *err)
{
	struct str rest = str_of(key), kind_text = str_cut(&rest, '/'),
		   name_space = str_cut(&rest, '/');
	enum kind kind = (enum kind)(kind_text.ptr[0] - '0');
	struct json *object, *cluster = NULL, *pools = NULL;
	struct hypershift_plan plan;

	*ret_again_us = -1;
	if (kind == KIND_SECRET)
		return restore_secrets(self, arena, name_space, rest, err);
	if (get(self, arena, kind, name_space, rest, &object, err) < 0)
		return -1;
	if (!object)
		return 0;
	if (kind == KIND_CLUSTER) {
		if (json_find(object, "metadata", "deletionTimestamp", NULL) &&
			list_pools(self, arena, object, &pools, err) < 0)
			return -1;
		plan = hypershift_plan_cluster(
			arena, object, json_count(pools), moment_of(self, late_us));
	} else {
		struct str owner = json_str(json_find(object, "spec", "clusterName", NULL));
		if (get(self, arena, KIND_CLUSTER, name_space, owner, &cluster, err) < 0)
			return -1;
		plan = hypershift_plan_pool(arena, object, cluster, moment_of(self, late_us));
	}
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "the object is too large");
	return act(self, arena, kind, object, &plan, pools, ret_again_us, err);
}

static void work(void *argument)
{
	struct hypershift *self = argument;
	char key[KEY_MAX];
	int64_t late_us;

	thread_yield_to_others(); /* the cloud's work, which is done elsewhere */
	while (take_job(self, key, &late_us)) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(PASS_ARENA_MAX);
		struct error err = {0};
		int64_t again_us;
		int result = arena ? look(self, arena, key, late_us, &again_us, &err)
				   : error_set(&err, ERROR_MEMORY, "no memory");
		if (result < 0) {
			again_us = HYPERSHIFT_RETRY_US;
			if (err.code == ERROR_NOT_FOUND || err.code == ERROR_CONFLICT)
				again_us = CHANGED_RETRY_US;
			else if (err.code != ERROR_CANCELLED)
				log_warn(self->config.log,
					"hosted cluster or node pool failed, trying again",
					LOG_CSTR("object", key), LOG_ERROR(&err));
		}
		end_job(self, key, again_us);
	}
}

/* --- following ----------------------------------------------------------------------------- */

static bool on_event(void *argument, struct str type, struct json *object)
{
	struct follower *follower = argument;
	struct hypershift *self = follower->hypershift;
	struct kube_ref ref = ref_of(self, follower->kind, object);
	int64_t now_us = clock_monotonic_us();

	if (str_eq(type, STR("BOOKMARK")))
		return true;
	if (follower->kind == KIND_SECRET) {
		if (str_eq(type, STR("DELETED")))
			plan_job(self, KIND_SECRET, ref.name_space,
				json_str(json_find(
					object, "metadata", "labels", CLUSTER_LABEL, NULL)),
				now_us);
		return true;
	}
	if (follower->kind == KIND_POOL && str_eq(type, STR("DELETED"))) {
		/* Its cluster may be waiting for the last of them. */
		struct str owner = json_str(json_find(object, "spec", "clusterName", NULL));
		char key[KEY_MAX];
		make_key(key, KIND_CLUSTER, ref.name_space, owner);
		plan_job(self, KIND_CLUSTER, ref.name_space, owner, now_us);
		LOCK_SCOPE(&self->mutex);
		struct job *job = map_get(self->jobs, str_of(key));
		if (job && !job->is_running && job->due_us > now_us)
			job->due_us = now_us;
		return true;
	}
	if (str_eq(type, STR("DELETED")))
		return true;
	/* Listed and complete: its secrets may have gone while nobody looked. */
	if (follower->kind == KIND_CLUSTER && str_eq(type, STR("ADDED")) &&
		json_find(object, "status", "kubeconfig", "name", NULL))
		plan_job(self, KIND_SECRET, ref.name_space, ref.name, now_us);
	/* Deletion takes a step, too. */
	bool is_deleting = json_find(object, "metadata", "deletionTimestamp", NULL) != NULL;
	plan_job(self, follower->kind, ref.name_space, ref.name,
		now_us + (is_deleting ? self->config.step_us : 0));
	return true;
}

static void follow(void *argument)
{
	struct follower *follower = argument;
	struct hypershift *self = follower->hypershift;
	const struct kube_list own = {.label_selector = STR(CLUSTER_LABEL)};
	const struct kube_list *options = follower->kind == KIND_SECRET ? &own : NULL;
	struct error err;

	thread_yield_to_others();
	while (!stop_requested(&self->stop)) {
		if (kube_follow(self->kube, &self->resources[follower->kind], options, &self->stop,
			    on_event, NULL, follower, &err) < 0 &&
			!stop_requested(&self->stop))
			log_warn(self->config.log, "cannot follow, trying again", LOG_ERROR(&err));
		stop_sleep(&self->stop, FOLLOW_RETRY_US);
	}
}

static int find_kinds(struct hypershift *self, struct error *err)
{
	static const char *const kinds[] = {"HostedCluster", "NodePool"};

	for (int kind = KIND_CLUSTER; kind <= KIND_POOL; kind++) {
		int result = -1;
		/* A definition that was just installed is served a moment later. */
		for (int tries = 0; tries < 10 && result < 0; tries++) {
			result = kube_find_kind(self->kube, GROUP_VERSION, str_of(kinds[kind]),
				&self->resources[kind], err);
			if (result < 0 &&
				(err->code != ERROR_NOT_FOUND ||
					stop_sleep(&self->stop, KUBE_DISCOVERY_RETRY_US / 4)))
				break;
		}
		if (result < 0)
			return -1;
	}
	return kube_find_kind(
		self->kube, STR("v1"), STR("Secret"), &self->resources[KIND_SECRET], err);
}

static int start_threads(struct hypershift *self, struct error *err)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		self->followers[kind].hypershift = self;
		self->followers[kind].kind = (enum kind)kind;
		if (thread_start(&self->followers[kind].thread, "hs-follow", follow,
			    &self->followers[kind], err) < 0)
			return -1;
	}
	for (unsigned i = 0; i < self->config.threads; i++)
		if (thread_start(&self->workers[i], "hs-work", work, self, err) < 0)
			return -1;
	return 0;
}

int hypershift_start(
	struct hypershift **ret, const struct hypershift_config *config, struct error *err)
{
	struct hypershift *self = calloc(1, sizeof(*self));
	pthread_condattr_t attributes;

	if (!self || !(self->jobs = map_new())) {
		free(self);
		return error_set(err, ERROR_MEMORY, "no memory for HyperShift");
	}
	self->config = *config;
	if (!self->config.threads)
		self->config.threads = HYPERSHIFT_DEFAULT_THREADS;
	if (self->config.threads > HYPERSHIFT_MAX_THREADS)
		self->config.threads = HYPERSHIFT_MAX_THREADS;
	stop_init(&self->stop);
	pthread_mutex_init(&self->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&self->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (kube_open(&self->kube, config->kubeconfig, "hypershift/reeve-" REEVE_VERSION,
		    &self->stop, err) < 0 ||
		find_kinds(self, err) < 0 || start_threads(self, err) < 0) {
		error_prefix(err, "HyperShift");
		hypershift_stop(self);
		return -1;
	}
	*ret = self;
	return 0;
}

void hypershift_stop(struct hypershift *self)
{
	if (!self)
		return;
	stop_request(&self->stop);
	pthread_mutex_lock(&self->mutex);
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->mutex);
	for (unsigned i = 0; i < HYPERSHIFT_MAX_THREADS; i++)
		thread_join(self->workers[i]);
	for (int kind = 0; kind < KIND_COUNT; kind++)
		thread_join(self->followers[kind].thread);
	kube_close(self->kube);
	map_free(self->jobs, free);
	stop_destroy(&self->stop);
	pthread_mutex_destroy(&self->mutex);
	pthread_cond_destroy(&self->changed);
	free(self);
}
