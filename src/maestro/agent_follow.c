/*
 * agent_follow.c - changes of applied objects, as they happen.
 *
 * A follower sees every object of its kind on the cluster and asks the index about each; few are
 * ours. What a work has not seen is kept for it as text, and the work gets a turn. A watch per
 * object would see less and cost thousands of connections.
 */
#include "maestro/agent_follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define FOLLOW_RETRY_US INT64_C(500000)
#define FOLLOW_RETRY_MAX_US (INT64_C(30) * 1000000)

struct agent_follower {
	struct agent *agent;
	struct kube_resource resource;
	struct thread *thread;
	uint32_t number;
	uint64_t listing; /* the number of the next complete one */
};

int64_t agent_object_version(const struct json *object)
{
	int64_t version = 0;
	str_to_int64(json_get_text(json_get(object, "metadata"), "resourceVersion"), &version);
	return version;
}

static bool on_event(void *arg, struct str type, struct json *object)
{
	struct agent_follower *follower = arg;
	struct agent *agent = follower->agent;
	const struct json *metadata = json_get(object, "metadata");
	if (str_eq_c(type, "BOOKMARK"))
		return true;
	bool is_gone = str_eq_c(type, "DELETED");
	uint64_t listing = str_eq_c(type, "ADDED") ? follower->listing : 0;
	int64_t version = agent_object_version(object);
	uint64_t key = agent_target_key(str_of(follower->resource.group),
		str_of(follower->resource.plural), json_get_text(metadata, "namespace"),
		json_get_text(metadata, "name"));
	if (!agent_store_sees(agent->store, key, listing, version, is_gone))
		return true;
	atomic_fetch_add(&agent->observed, 1);
	struct buf text;
	buf_init(&text, JSON_MAX_BYTES);
	bool is_written = is_gone || json_write(&text, object, JSON_WRITE_COMPACT);
	if (is_written)
		agent_store_observe(
			agent->store, key, version, is_gone ? STR_NULL : buf_str(&text));
	buf_free(&text);
	return true;
}

static void on_synced(void *arg)
{
	struct agent_follower *follower = arg;
	agent_store_listed(follower->agent->store, follower->number, follower->listing++);
}

static void follow(void *arg)
{
	struct agent_follower *follower = arg;
	struct agent *agent = follower->agent;
	for (unsigned attempt = 0; !stop_requested(&agent->stop); attempt++) {
		struct error err = {0};
		int result = kube_follow(agent->kube, &follower->resource, NULL, &agent->stop,
			on_event, on_synced, follower, &err);
		if (stop_requested(&agent->stop))
			return;
		if (result < 0)
			log_warn(agent->log, "watch failed, trying again",
				LOG_CSTR("resource", follower->resource.plural), LOG_ERROR(&err));
		stop_sleep(&agent->stop,
			thread_backoff_us(attempt, FOLLOW_RETRY_US, FOLLOW_RETRY_MAX_US));
	}
}

static bool is_same_kind(const struct kube_resource *a, const struct kube_resource *b)
{
	return strcmp(a->plural, b->plural) == 0 && strcmp(a->group, b->group) == 0;
}

/* With the lock held. */
static uint32_t follower_add(struct agent *agent, const struct kube_resource *resource)
{
	struct agent_follower *follower = calloc(1, sizeof(*follower));
	struct error err;
	if (!follower)
		return AGENT_MAX_FOLLOWERS;
	*follower = (struct agent_follower){.agent = agent,
		.resource = *resource,
		.number = agent->follower_count,
		.listing = 1};
	if (thread_start(&follower->thread, "agent-follow", follow, follower, &err) < 0) {
		log_error(agent->log, "cannot watch", LOG_CSTR("resource", resource->plural),
			LOG_ERROR(&err));
		free(follower);
		return AGENT_MAX_FOLLOWERS;
	}
	agent->followers[agent->follower_count] = follower;
	return agent->follower_count++;
}

uint32_t agent_follow_kind(struct agent *agent, const struct kube_resource *resource)
{
	uint32_t number = 0;
	pthread_mutex_lock(&agent->followers_mutex);
	while (number < agent->follower_count &&
		!is_same_kind(&agent->followers[number]->resource, resource))
		number++;
	if (number == agent->follower_count && number < AGENT_MAX_FOLLOWERS)
		number = follower_add(agent, resource);
	pthread_mutex_unlock(&agent->followers_mutex);
	return number;
}

bool agent_follow_find(
	struct agent *agent, struct str group, struct str plural, struct kube_resource *ret)
{
	bool is_found = false;
	LOCK_SCOPE(&agent->followers_mutex);
	for (uint32_t i = 0; i < agent->follower_count && !is_found; i++) {
		const struct kube_resource *resource = &agent->followers[i]->resource;
		is_found = str_eq_c(group, resource->group) && str_eq_c(plural, resource->plural);
		if (is_found)
			*ret = *resource;
	}
	return is_found;
}

void agent_follow_stop(struct agent *agent)
{
	for (uint32_t i = 0; i < agent->follower_count; i++) {
		thread_join(agent->followers[i]->thread);
		free(agent->followers[i]);
	}
	agent->follower_count = 0;
}
