/*
 * agent_apply.c - Update, CreateOnly, ServerSideApply, ReadOnly.
 *
 * Server-side apply carries the owner reference in the same request, so a manifest costs one. The
 * other strategies create first what they have not seen before, and read first what they have.
 */
#include "maestro/agent_apply.h"

/* Someone else wrote between our read and our write; they cannot do so for ever. */
#define APPLY_TRIES 4u
#define APPLY_RETRY_US INT64_C(10000)
#define APPLY_RETRY_MAX_US INT64_C(200000)

struct kube_ref agent_apply_ref(const struct agent_apply *apply)
{
	return (struct kube_ref){.resource = apply->resource,
		.name_space = apply->meta->name_space,
		.name = apply->meta->name,
		.subresource = ""};
}

static int apply_create(struct agent *agent, struct arena *arena, const struct agent_apply *apply,
	struct json **ret, struct error *err)
{
	struct kube_ref ref = agent_apply_ref(apply);
	struct json *body =
		agent_manifest_body(arena, apply->manifest, apply->is_orphan ? NULL : apply->owner);
	return kube_create(agent->kube, arena, &ref, body, ret, err);
}

static int apply_server_side(struct agent *agent, struct arena *arena,
	const struct agent_apply *apply, struct json **ret, struct error *err)
{
	struct kube_ref ref = agent_apply_ref(apply);
	struct json *body =
		agent_manifest_body(arena, apply->manifest, apply->is_orphan ? NULL : apply->owner);
	char *manager = arena_cstr(arena, apply->config->field_manager);
	if (!manager)
		return error_set(err, ERROR_MEMORY, "no memory for the field manager's name");
	return kube_apply(
		agent->kube, arena, &ref, body, manager, apply->config->is_forced, ret, err);
}

static int update_existing(struct agent *agent, struct arena *arena,
	const struct agent_apply *apply, struct json *live, struct json **ret, struct error *err)
{
	struct kube_ref ref = agent_apply_ref(apply);
	struct json *body = agent_manifest_update(
		arena, apply->manifest, live, apply->owner, !apply->is_orphan);
	*ret = live;
	return body ? kube_update(agent->kube, arena, &ref, body, ret, err) : 0;
}

static int own_existing(struct agent *agent, struct arena *arena, const struct agent_apply *apply,
	struct json *live, struct json **ret, struct error *err)
{
	struct kube_ref ref = agent_apply_ref(apply);
	struct json *owners = agent_owners_change(arena, live, apply->owner, !apply->is_orphan);
	*ret = live;
	if (!owners)
		return 0;
	struct json *patch = json_new_object(arena), *metadata = json_new_object(arena);
	json_set(metadata, "ownerReferences", owners);
	json_set_text(metadata, "resourceVersion",
		json_get_text(json_get(live, "metadata"), "resourceVersion"));
	json_set(patch, "metadata", metadata);
	return kube_patch(agent->kube, arena, &ref, KUBE_PATCH_MERGE, patch, ret, err);
}

/* Creates what is missing and hands what exists to `existing`. */
static int create_or(struct agent *agent, struct arena *arena, const struct agent_apply *apply,
	bool create_first,
	int (*existing)(struct agent *, struct arena *, const struct agent_apply *, struct json *,
		struct json **, struct error *),
	struct json **ret, struct error *err)
{
	struct kube_ref ref = agent_apply_ref(apply);
	struct json *live;
	struct error created;
	if (create_first) {
		if (apply_create(agent, arena, apply, ret, &created) == 0)
			return 0;
		if (created.code != ERROR_CONFLICT) {
			*err = created;
			return -1;
		}
	}
	if (kube_get(agent->kube, arena, &ref, &live, err) == 0)
		return existing(agent, arena, apply, live, ret, err);
	return err->code == ERROR_NOT_FOUND ? apply_create(agent, arena, apply, ret, err) : -1;
}

static int apply_read(struct agent *agent, struct arena *arena, const struct agent_apply *apply,
	struct json **ret, struct error *err)
{
	struct kube_ref ref = agent_apply_ref(apply);
	*ret = NULL;
	if (kube_get(agent->kube, arena, &ref, ret, err) == 0)
		return 0;
	return err->code == ERROR_NOT_FOUND ? 0 : -1;
}

int agent_apply_manifest(struct agent *agent, struct arena *arena, const struct agent_apply *apply,
	struct json **ret_live, struct error *err)
{
	if (apply->config->strategy == AGENT_STRATEGY_READ_ONLY)
		return apply_read(agent, arena, apply, ret_live, err);
	if (apply->config->strategy == AGENT_STRATEGY_SERVER_SIDE_APPLY)
		return apply_server_side(agent, arena, apply, ret_live, err);
	bool is_update = apply->config->strategy == AGENT_STRATEGY_UPDATE;
	bool create_first = apply->is_new;
	for (unsigned attempt = 0;; attempt++) {
		int result = create_or(agent, arena, apply, create_first,
			is_update ? update_existing : own_existing, ret_live, err);
		if (result == 0 || err->code != ERROR_CONFLICT || attempt + 1 == APPLY_TRIES)
			return result;
		create_first = false;
		if (stop_sleep(&agent->stop,
			    thread_backoff_us(attempt, APPLY_RETRY_US, APPLY_RETRY_MAX_US)))
			return error_set(err, ERROR_CANCELLED, "stopped");
	}
}
