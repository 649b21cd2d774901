/*
 * agent_owner.c - AppliedManifestWorks and the removal of what they own.
 *
 * An object is removed only when it is the one that was applied (same uid) and this work alone owns
 * it. Other works' owner references keep it; then only ours is taken away. Not owned at all, it is
 * forgotten: somebody said that it should stay.
 */
#include "maestro/agent_owner.h"

#include <stdlib.h>
#include <string.h>

#include "maestro/agent_follow.h"
#include "maestro/agent_manifest.h"

static struct kube_ref owner_ref(const struct agent_owner *owner, const char *subresource)
{
	return (struct kube_ref){
		.resource = &owner->resource, .name = owner->name, .subresource = subresource};
}

static int owner_init(struct agent *agent, struct arena *arena, struct str id,
	struct agent_owner *owner, struct error *err)
{
	*owner = (struct agent_owner){0};
	owner->name = arena_printf(arena, "%s-%" STR_F, agent->hub_hash, STR_A(id));
	if (kube_find_kind(agent->kube, STR(AGENT_WORK_GROUP "/v1"), STR("AppliedManifestWork"),
		    &owner->resource, err) == 0)
		return 0;
	if (err->code == ERROR_NOT_FOUND)
		error_prefix(
			err, "the cluster lacks the AppliedManifestWork definition (config/crds)");
	return -1;
}

static void owner_read(struct agent_owner *owner, const struct json *live)
{
	owner->uid = json_get_text(json_get(live, "metadata"), "uid");
	owner->applied = json_find(live, "status", "appliedResources", NULL);
	if (!owner->applied)
		owner->applied = json_new_array(json_arena(live));
}

static bool is_terminating(const struct json *live)
{
	return !str_is_null(json_get_text(json_get(live, "metadata"), "deletionTimestamp"));
}

/* --- making it ----------------------------------------------------------------------------- */

static struct json *owner_body(struct agent *agent, struct arena *arena,
	const struct agent_pass *pass, const struct agent_owner *owner)
{
	struct json *body = json_new_object(arena), *metadata = json_new_object(arena);
	struct json *spec = json_new_object(arena), *finalizers = json_new_array(arena);
	struct json *work = NULL;
	if (!str_is_null(pass->metadata))
		(void)json_parse(arena, pass->metadata, NULL, &work, NULL);
	json_set_text(body, "apiVersion", STR(AGENT_WORK_GROUP "/v1"));
	json_set_text(body, "kind", STR("AppliedManifestWork"));
	json_set_text(metadata, "name", owner->name);
	if (json_count(json_get(work, "labels")) > 0)
		json_set(metadata, "labels", json_get(work, "labels"));
	json_append(finalizers, json_new_cstr(arena, AGENT_APPLIED_FINALIZER));
	json_set(metadata, "finalizers", finalizers);
	json_set(body, "metadata", metadata);
	json_set_text(spec, "hubHash", str_of(agent->hub_hash));
	json_set_text(spec, "agentID", str_of(agent->hub_hash));
	json_set_text(spec, "manifestWorkName", pass->id);
	json_set(body, "spec", spec);
	return body;
}

int agent_owner_ensure(struct agent *agent, struct arena *arena, const struct agent_pass *pass,
	struct agent_owner *ret, struct error *err)
{
	struct json *live;
	if (owner_init(agent, arena, pass->id, ret, err) < 0)
		return -1;
	/* Objects that had to be repaired may have lost their owner. */
	bool is_trusted = !(pass->todo & AGENT_DO_VERIFY) && pass->repairs == 0;
	if (!str_is_null(pass->owner_uid) && is_trusted) {
		ret->uid = pass->owner_uid;
		return 0;
	}
	struct kube_ref ref = owner_ref(ret, "");
	struct json *body = owner_body(agent, arena, pass, ret);
	if (kube_create(agent->kube, arena, &ref, body, &live, err) < 0) {
		if (err->code != ERROR_CONFLICT)
			return -1;
		if (kube_get(agent->kube, arena, &ref, &live, err) < 0)
			return -1;
	}
	if (!is_terminating(live)) {
		owner_read(ret, live);
		return 0;
	}
	/* Someone deleted it; its objects go with it, and then all is made anew. */
	kube_remove_finalizer(agent->kube, &ref, STR(AGENT_APPLIED_FINALIZER), NULL);
	return error_set(err, ERROR_CONFLICT, "AppliedManifestWork %" STR_F " is being deleted",
		STR_A(ret->name));
}

/* --- applied resources --------------------------------------------------------------------- */

static struct str text_or_empty(struct str text)
{
	return str_is_null(text) ? STR("") : text;
}

struct json *agent_applied_new(
	struct arena *arena, const struct kube_resource *resource, const struct json *live)
{
	const struct json *metadata = json_get(live, "metadata");
	struct json *applied = json_new_object(arena);
	json_set_text(applied, "group", arena_str(arena, str_of(resource->group)));
	json_set_text(applied, "version", arena_str(arena, str_of(resource->version)));
	json_set_text(applied, "resource", arena_str(arena, str_of(resource->plural)));
	json_set_text(applied, "name", json_get_text(metadata, "name"));
	json_set_text(applied, "namespace", text_or_empty(json_get_text(metadata, "namespace")));
	json_set_text(applied, "uid", json_get_text(metadata, "uid"));
	return applied;
}

static int applied_compare(const void *left, const void *right)
{
	static const char *const members[] = {"group", "version", "resource", "namespace", "name"};
	const struct json *a = *(struct json *const *)left, *b = *(struct json *const *)right;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		int order = str_cmp(json_get_text(a, members[i]), json_get_text(b, members[i]));
		if (order != 0)
			return order;
	}
	return 0;
}

static struct json *applied_sort(struct arena *arena, const struct json *applied)
{
	size_t count = json_count(applied);
	struct json **items = arena_calloc(arena, count + 1, sizeof(*items));
	struct json *sorted = json_new_array(arena);
	for (size_t i = 0; items && i < count; i++)
		items[i] = json_at(applied, i);
	if (items)
		qsort(items, count, sizeof(*items), applied_compare);
	for (size_t i = 0; items && i < count; i++)
		json_append(sorted, items[i]);
	return sorted;
}

static const struct json *applied_find(const struct json *list, const struct json *wanted)
{
	static const char *const members[] = {"group", "resource", "namespace", "name"};
	const struct json *each;
	json_for_each (list, i, each) {
		size_t equal = 0;
		while (equal < sizeof(members) / sizeof(members[0]) &&
			str_eq(json_get_text(each, members[equal]),
				json_get_text(wanted, members[equal])))
			equal++;
		if (equal == sizeof(members) / sizeof(members[0]))
			return each;
	}
	return NULL;
}

/* --- removing ------------------------------------------------------------------------------ */

struct removal {
	struct kube_resource resource;
	struct kube_ref ref;
};

static int drop_owner(struct agent *agent, struct arena *arena, const struct removal *removal,
	const struct json *live, const struct json *owner, struct error *err)
{
	struct json *owners = agent_owners_change(arena, live, owner, false);
	struct json *patch = json_new_object(arena), *metadata = json_new_object(arena);
	json_set(metadata, "ownerReferences", owners);
	json_set_text(metadata, "resourceVersion",
		json_get_text(json_get(live, "metadata"), "resourceVersion"));
	json_set(patch, "metadata", metadata);
	return kube_patch(agent->kube, arena, &removal->ref, KUBE_PATCH_MERGE, patch, NULL, err);
}

enum owning { OWNED_NOT, OWNED_ALONE, OWNED_SHARED };

static enum owning owning_of(const struct json *live, struct str uid)
{
	const struct json *each;
	bool is_ours = false, has_others = false;
	json_for_each (json_find(live, "metadata", "ownerReferences", NULL), i, each) {
		if (str_eq(json_get_text(each, "uid"), uid))
			is_ours = true;
		else if (str_eq_c(json_get_text(each, "kind"), "AppliedManifestWork"))
			has_others = true;
	}
	if (!is_ours)
		return OWNED_NOT;
	return has_others ? OWNED_SHARED : OWNED_ALONE;
}

/* Reads the object; NULL when it, as the one that was applied, exists no more. */
static int removal_read(struct agent *agent, struct arena *arena, const struct json *applied,
	struct removal *removal, struct json **ret, struct error *err)
{
	*ret = NULL;
	struct str group = json_get_text(applied, "group");
	struct str resource = json_get_text(applied, "resource");
	/* A followed kind is known; only after a restart must the server be asked. */
	if (!agent_follow_find(agent, group, resource, &removal->resource) &&
		kube_find_plural(agent->kube, group, resource, &removal->resource, err) < 0)
		/* Without its kind no object exists either. */
		return err->code == ERROR_NOT_FOUND ? 0 : -1;
	removal->ref = (struct kube_ref){.resource = &removal->resource,
		.name_space = json_get_text(applied, "namespace"),
		.name = json_get_text(applied, "name"),
		.subresource = ""};
	struct json *live;
	if (kube_get(agent->kube, arena, &removal->ref, &live, err) < 0)
		return err->code == ERROR_NOT_FOUND ? 0 : -1;
	struct str uid = json_get_text(applied, "uid");
	if (uid.len == 0 || str_eq(uid, json_get_text(json_get(live, "metadata"), "uid")))
		*ret = live;
	return 0;
}

/* One step towards the removal of one object. */
static int applied_remove(struct agent *agent, struct arena *arena, const struct agent_owner *owner,
	const struct json *applied, bool *ret_is_gone, struct error *err)
{
	struct removal removal;
	struct json *live;
	*ret_is_gone = false;
	if (removal_read(agent, arena, applied, &removal, &live, err) < 0)
		return -1;
	enum owning owning = live ? owning_of(live, owner->uid) : OWNED_NOT;
	*ret_is_gone = owning != OWNED_ALONE;
	if (owning == OWNED_SHARED)
		return drop_owner(agent, arena, &removal, live,
			agent_owner_new(arena, owner->name, owner->uid), err);
	if (owning == OWNED_NOT || is_terminating(live))
		return 0;
	struct kube_delete options = {.propagation = "Background",
		.uid = json_get_text(json_get(live, "metadata"), "uid")};
	if (kube_delete(agent->kube, arena, &removal.ref, &options, err) < 0 &&
		err->code != ERROR_NOT_FOUND && err->code != ERROR_CONFLICT)
		return -1;
	if (removal_read(agent, arena, applied, &removal, &live, err) < 0)
		return -1;
	*ret_is_gone = live == NULL;
	return 0;
}

/* One step for each; what remains is appended to `ret_left`. */
static int applied_remove_all(struct agent *agent, struct arena *arena,
	const struct agent_owner *owner, const struct json *removed, struct json *ret_left,
	struct error *err)
{
	struct json *each;
	struct error failed = {0};
	json_for_each (removed, i, each) {
		bool is_gone;
		struct error one = {0};
		if (applied_remove(agent, arena, owner, each, &is_gone, &one) < 0)
			failed = one;
		if (!is_gone)
			json_append(ret_left, each);
	}
	if (failed.code == ERROR_NONE)
		return 0;
	*err = failed;
	return -1;
}

/* --- recording ----------------------------------------------------------------------------- */

static int owner_fetch(
	struct agent *agent, struct arena *arena, struct agent_owner *owner, struct error *err)
{
	struct kube_ref ref = owner_ref(owner, "");
	struct json *live;
	if (owner->applied)
		return 0;
	if (kube_get(agent->kube, arena, &ref, &live, err) < 0)
		return -1;
	owner_read(owner, live);
	return 0;
}

static int owner_write(struct agent *agent, struct arena *arena, const struct agent_owner *owner,
	struct json *applied, struct error *err)
{
	if (json_equal(applied, owner->applied))
		return 0;
	struct kube_ref ref = owner_ref(owner, "status");
	struct json *patch = json_new_object(arena), *status = json_new_object(arena);
	json_set(status, "appliedResources", applied);
	json_set(patch, "status", status);
	return kube_patch(agent->kube, arena, &ref, KUBE_PATCH_MERGE, patch, NULL, err);
}

int agent_owner_record(struct agent *agent, struct arena *arena, const struct agent_pass *pass,
	struct agent_owner *owner, struct json *applied, const struct json *kept,
	uint64_t *ret_hash, struct error *err)
{
	struct json *list = applied_sort(arena, applied);
	uint64_t hash = hash_fnv1a(json_text(arena, list, JSON_WRITE_COMPACT));
	bool is_known = pass->applied_hash == hash && !owner->applied;
	*ret_hash = hash;
	if (is_known && kept && json_count(kept) == 0)
		return 0;
	*ret_hash = 0;
	if (owner_fetch(agent, arena, owner, err) < 0)
		return -1;
	struct json *removed = json_new_array(arena), *each;
	size_t kept_count = 0;
	json_for_each (owner->applied, i, each) {
		if (applied_find(applied, each))
			continue;
		bool is_kept = !kept || applied_find(kept, each);
		kept_count += is_kept;
		json_append(is_kept ? list : removed, each);
	}
	/* A removal that fails is still written down, so that it is not forgotten. */
	size_t before = json_count(list);
	int result = applied_remove_all(agent, arena, owner, removed, list, err);
	bool is_done = result == 0 && json_count(list) == before;
	if (owner_write(agent, arena, owner, applied_sort(arena, list), err) < 0)
		return -1;
	if (is_done && kept_count == 0)
		*ret_hash = hash;
	return result;
}

int agent_owner_delete(struct agent *agent, struct arena *arena, const struct agent_pass *pass,
	bool *ret_is_gone, struct error *err)
{
	struct agent_owner owner;
	struct json *live;
	*ret_is_gone = false;
	if (owner_init(agent, arena, pass->id, &owner, err) < 0)
		return -1;
	struct kube_ref ref = owner_ref(&owner, "");
	if (kube_get(agent->kube, arena, &ref, &live, err) < 0) {
		*ret_is_gone = err->code == ERROR_NOT_FOUND;
		return *ret_is_gone ? 0 : -1;
	}
	owner_read(&owner, live);
	struct kube_delete options = {.propagation = "Background", .uid = owner.uid};
	if (!is_terminating(live) && kube_delete(agent->kube, arena, &ref, &options, err) < 0 &&
		err->code != ERROR_NOT_FOUND)
		return -1;
	struct json *left = json_new_array(arena);
	if (applied_remove_all(agent, arena, &owner, owner.applied, left, err) < 0)
		return -1;
	if (json_count(left) > 0)
		return 0;
	if (kube_remove_finalizer(agent->kube, &ref, STR(AGENT_APPLIED_FINALIZER), err) < 0 &&
		err->code != ERROR_NOT_FOUND)
		return -1;
	*ret_is_gone = true;
	return 0;
}
