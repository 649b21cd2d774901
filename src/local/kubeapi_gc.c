/*
 * kubeapi_gc.c - what happens after a deletion.
 *
 * One thread follows the ring. A deleted object's dependents are looked up by its uid. Objects that
 * wait for others (a namespace for its contents, a CRD for its instances, an owner for its
 * dependents) are kept in a map and looked at again when one of those has gone. At the start, every
 * minute, and when the ring has moved on without it, everything is looked at.
 */
#include "local/kubeapi_gc.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/thread.h"
#include "local/kubeapi_crd.h"
#include "local/kubeapi_write.h"

#define BATCH 128u
#define ROUND_US (INT64_C(1) * CLOCK_US_PER_S)

struct kubeapi_gc {
	struct kubeapi_objects *objects;
	struct kubeapi_types *types;
	struct kubeapi_ring *ring;
	const struct clock *clock;
	struct log *log;
	struct thread *thread;
	atomic_bool is_stopping;
	/* The thread's own: */
	int64_t cursor, rescan_us;
	struct map *waiting; /* by key: see waiting_key */
	struct arena *arena; /* of one step */
	struct arena *lists; /* of what a step goes through */
};

/* An object that is marked for deletion and waits for others. */
struct waiting {
	bool is_due;
	struct str resource, name_space, name;
	char text[];
};

struct found {
	struct str resource, name_space, name, uid, body;
	bool is_deleting;
};

struct finding {
	struct arena *arena;
	struct found *items;
	size_t count, capacity;
};

static bool find_record(
	void *context, enum kubeapi_event_type type, const struct kubeapi_record *record)
{
	struct finding *finding = context;
	struct arena *arena = finding->arena;

	if (finding->count == finding->capacity) {
		size_t capacity = finding->capacity ? finding->capacity * 2 : 16;
		struct found *grown = arena_calloc(arena, capacity, sizeof(*grown));
		if (!grown)
			return false;
		if (finding->count)
			memcpy(grown, finding->items, finding->count * sizeof(*grown));
		finding->items = grown;
		finding->capacity = capacity;
	}
	finding->items[finding->count++] = (struct found){arena_str(arena, record->resource),
		arena_str(arena, record->name_space), arena_str(arena, record->name),
		arena_str(arena, record->uid), arena_str(arena, record->body), record->is_deleting};
	return true;
}

static struct json *parse(struct kubeapi_gc *gc, struct str body)
{
	struct json *object = NULL;

	if (json_parse(gc->arena, kubeapi_object_text(gc->arena, STR("{\"metadata\":{"), 0, body),
		    NULL, &object, NULL) < 0)
		return NULL;
	return object;
}

static void complain(struct kubeapi_gc *gc, const char *what, struct str name,
	const struct kubeapi_failure *failure)
{
	log_warn(gc->log, what, LOG_STR("name", name), LOG_STR("error", failure->message));
}

/* --- writing ------------------------------------------------------------------------------- */

static bool begin_write(struct kubeapi_gc *gc, const struct kubeapi_type *type,
	struct str name_space, struct str name, struct kubeapi_failure *failure,
	struct kubeapi_write *ret)
{
	kubeapi_failure_init(failure, gc->arena);
	*ret = (struct kubeapi_write){.objects = gc->objects,
		.types = gc->types,
		.type = type,
		.arena = gc->arena,
		.name_space = name_space,
		.name = name,
		.subresource = STR(""),
		.now_us = clock_now_us(gc->clock),
		.validation = KUBEAPI_IGNORE,
		.failure = failure};
	ret->writer = (struct kubeapi_writer){.manager = STR("kube-controller-manager"),
		.api_version = type->api_version,
		.subresource = STR(""),
		.time = clock_text_seconds(gc->arena, ret->now_us)};
	return true;
}

/* Deletes one object. Whether nothing of it is left. */
static bool delete_found(struct kubeapi_gc *gc, const struct found *found)
{
	struct kubeapi_type *type = kubeapi_types_find_stored(gc->types, found->resource);
	struct kubeapi_deletion deletion = {.uid = found->uid};
	struct kubeapi_failure failure;
	struct kubeapi_write write;
	bool is_gone = false;

	if (!type)
		return false;
	begin_write(gc, type, found->name_space, found->name, &failure, &write);
	if (kubeapi_write_delete(&write, &deletion) == 0)
		is_gone = write.is_gone;
	else if (failure.status == 404 || failure.status == 409)
		is_gone = failure.status == 404;
	else
		complain(gc, "cannot collect an object", found->name, &failure);
	kubeapi_type_release(type);
	arena_reset(gc->arena);
	return is_gone;
}

/* What a change of the collector takes out of an object. */
struct removal {
	const char *finalizer; /* NULL: none */
	struct str owner;      /* of ownerReferences; null: none */
	bool frees_namespace;  /* spec.finalizers */
};

static int take_out(struct kubeapi_write *write, struct json *live,
	struct kubeapi_managers *managers, void *argument, struct json **ret, bool *ret_is_managed)
{
	const struct removal *removal = argument;
	struct json *object = json_copy(write->arena, live), *item;
	struct json *metadata = json_get(object, "metadata");
	struct json *finalizers = json_get(metadata, "finalizers");
	struct json *owners = json_get(metadata, "ownerReferences");

	json_for_each (finalizers, i, item)
		if (removal->finalizer && str_eq_c(json_str(item), removal->finalizer))
			json_remove_at(finalizers, i);
	for (size_t i = json_count(owners); i > 0; i--)
		if (removal->owner.ptr &&
			str_eq(json_get_text(json_at(owners, i - 1), "uid"), removal->owner))
			json_remove_at(owners, i - 1);
	if (finalizers && json_count(finalizers) == 0)
		json_remove(metadata, STR("finalizers"));
	if (owners && json_count(owners) == 0)
		json_remove(metadata, STR("ownerReferences"));
	if (removal->frees_namespace)
		json_remove(json_get(object, "spec"), STR("finalizers"));
	*ret = object;
	return 0;
}

static bool change_found(
	struct kubeapi_gc *gc, const struct found *found, const struct removal *removal)
{
	struct kubeapi_type *type = kubeapi_types_find_stored(gc->types, found->resource);
	struct kubeapi_failure failure;
	struct kubeapi_write write;
	bool is_done;

	if (!type)
		return false;
	begin_write(gc, type, found->name_space, found->name, &failure, &write);
	if (removal->frees_namespace)
		write.subresource = STR("finalize");
	is_done = kubeapi_write_modify(&write, take_out, (void *)(uintptr_t)removal) == 0;
	if (!is_done && failure.status != 404)
		complain(gc, "cannot let an object go", found->name, &failure);
	kubeapi_type_release(type);
	arena_reset(gc->arena);
	return is_done;
}

/* --- dependents ---------------------------------------------------------------------------- */

/* Whether an owner other than this one still exists. */
static bool has_other_owner(struct kubeapi_gc *gc, const struct found *found, struct str owner)
{
	struct json *reference;

	json_for_each (json_find(parse(gc, found->body), "metadata", "ownerReferences", NULL), i,
		reference) {
		struct str uid = json_get_text(reference, "uid");
		if (!str_eq(uid, owner) && kubeapi_objects_has_uid(gc->objects, uid))
			return true;
	}
	return false;
}

static struct finding find_dependents(struct kubeapi_gc *gc, struct str owner)
{
	struct finding finding = {.arena = gc->lists};
	struct error err;

	if (kubeapi_objects_dependents(gc->objects, owner, find_record, &finding, &err) < 0)
		log_warn(gc->log, "cannot read an owner's dependents", LOG_ERROR(&err));
	return finding;
}

/* The owner is gone: so are those that only it owned. */
static void collect_dependents(struct kubeapi_gc *gc, struct str owner)
{
	struct finding finding = find_dependents(gc, owner);
	struct removal removal = {.owner = owner};

	for (size_t i = 0; i < finding.count; i++) {
		bool is_owned = has_other_owner(gc, &finding.items[i], owner);
		if (is_owned)
			change_found(gc, &finding.items[i], &removal);
		else if (!finding.items[i].is_deleting)
			delete_found(gc, &finding.items[i]);
		arena_reset(gc->arena);
	}
}

/* --- objects that wait --------------------------------------------------------------------- */

static bool has_finalizer(const struct json *object, const char *name)
{
	struct json *finalizer;

	json_for_each (json_find(object, "metadata", "finalizers", NULL), i, finalizer)
		if (str_eq_c(json_str(finalizer), name))
			return true;
	return false;
}

static void waiting_key(struct buf *out, const char *kind, struct str text)
{
	buf_clear(out);
	buf_printf(out, "%s/%" STR_F, kind, STR_A(text));
}

static void mark_due(struct kubeapi_gc *gc, const char *kind, struct str text)
{
	struct buf key;
	struct waiting *waiting;

	if (map_count(gc->waiting) == 0 || text.len == 0)
		return;
	buf_init(&key, 0);
	waiting_key(&key, kind, text);
	waiting = map_get(gc->waiting, buf_str(&key));
	if (waiting)
		waiting->is_due = true;
	buf_free(&key);
}

static const char *waits_as(const struct found *found, const struct json *object)
{
	if (str_eq_c(found->resource, "namespaces"))
		return "namespace";
	if (str_eq_c(found->resource, KUBEAPI_CRD_RESOURCE) &&
		has_finalizer(object, KUBEAPI_CRD_FINALIZER))
		return "crd";
	return has_finalizer(object, "orphan") || has_finalizer(object, "foregroundDeletion")
		       ? "owner"
		       : NULL;
}

static struct waiting *waiting_new(const struct found *found)
{
	size_t texts = found->resource.len + found->name_space.len + found->name.len;
	struct waiting *waiting = calloc(1, sizeof(*waiting) + texts + 1);
	char *at;

	if (!waiting)
		return NULL;
	at = waiting->text;
	waiting->resource =
		str_n(memcpy(at, found->resource.ptr, found->resource.len), found->resource.len);
	at += found->resource.len;
	waiting->name_space = str_n(at, found->name_space.len);
	if (found->name_space.len)
		memcpy(at, found->name_space.ptr, found->name_space.len);
	at += found->name_space.len;
	waiting->name = str_n(memcpy(at, found->name.ptr, found->name.len), found->name.len);
	waiting->is_due = true;
	return waiting;
}

/* An object was marked for deletion (or still is). */
static void note_deleting(struct kubeapi_gc *gc, const struct found *found)
{
	struct json *object = parse(gc, found->body);
	const char *kind = waits_as(found, object);
	struct waiting *waiting;
	void *old = NULL;
	struct buf key;

	if (kind && json_find(object, "metadata", "deletionTimestamp", NULL) &&
		(waiting = waiting_new(found))) {
		buf_init(&key, 0);
		waiting_key(&key, kind, strcmp(kind, "owner") == 0 ? found->uid : found->name);
		if (!map_put(gc->waiting, buf_str(&key), waiting, &old))
			free(waiting);
		free(old);
		buf_free(&key);
	}
	arena_reset(gc->arena);
}

/* Deletes all objects of the resource (in the namespace). How many are left. */
static size_t delete_contents(struct kubeapi_gc *gc, struct str resource, struct str name_space)
{
	struct finding finding = {.arena = gc->lists};
	struct kubeapi_query query = {.resource = resource, .name_space = name_space};
	int64_t version;
	size_t left = 0;
	struct error err;

	if (kubeapi_objects_list(gc->objects, &query, find_record, &finding, &version, &err) < 0) {
		log_warn(gc->log, "cannot read what is to be deleted", LOG_ERROR(&err));
		return 1;
	}
	for (size_t i = 0; i < finding.count; i++)
		left += finding.items[i].is_deleting || !delete_found(gc, &finding.items[i]);
	return left;
}

static void process_namespace(struct kubeapi_gc *gc, const struct found *found)
{
	struct removal removal = {.frees_namespace = true};
	size_t count, left = 0;
	struct kubeapi_type **all = kubeapi_types_all(gc->types, gc->lists, &count);

	for (size_t i = 0; i < count; i++)
		if (all[i]->is_namespaced && all[i]->is_preferred)
			left += delete_contents(gc, all[i]->qualified, found->name);
	if (left == 0)
		change_found(gc, found, &removal);
}

static void process_crd(struct kubeapi_gc *gc, const struct found *found)
{
	struct removal removal = {.finalizer = KUBEAPI_CRD_FINALIZER};

	if (delete_contents(gc, found->name, STR("")) == 0)
		change_found(gc, found, &removal);
}

static bool blocks(struct kubeapi_gc *gc, const struct found *dependent, struct str owner)
{
	struct json *reference;

	json_for_each (json_find(parse(gc, dependent->body), "metadata", "ownerReferences", NULL),
		i, reference)
		if (str_eq(json_get_text(reference, "uid"), owner))
			return json_bool(json_get(reference, "blockOwnerDeletion"), false);
	return false;
}

static void process_owner(struct kubeapi_gc *gc, const struct found *found, bool orphans)
{
	struct finding finding = find_dependents(gc, found->uid);
	struct removal from_dependent = {.owner = found->uid};
	struct removal removal = {.finalizer = orphans ? "orphan" : "foregroundDeletion"};
	size_t left = 0;

	for (size_t i = 0; i < finding.count; i++) {
		const struct found *dependent = &finding.items[i];
		if (orphans)
			left += !change_found(gc, dependent, &from_dependent);
		else
			left += (dependent->is_deleting || !delete_found(gc, dependent)) &&
				blocks(gc, dependent, found->uid);
		arena_reset(gc->arena);
	}
	if (left == 0)
		change_found(gc, found, &removal);
}

/* False when it does not wait any more. */
static bool process(struct kubeapi_gc *gc, const struct waiting *waiting)
{
	struct kubeapi_record record;
	struct json *object;
	struct error err;

	if (kubeapi_objects_get(gc->objects, gc->lists, waiting->resource, waiting->name_space,
		    waiting->name, &record, &err) < 0)
		return err.code != ERROR_NOT_FOUND;
	const struct found found = {record.resource, record.name_space, record.name, record.uid,
		record.body, record.is_deleting};
	object = parse(gc, record.body);
	const char *kind = record.is_deleting ? waits_as(&found, object) : NULL;
	bool orphans = has_finalizer(object, "orphan");
	arena_reset(gc->arena);
	if (!kind)
		return false;
	if (strcmp(kind, "namespace") == 0)
		process_namespace(gc, &found);
	else if (strcmp(kind, "crd") == 0)
		process_crd(gc, &found);
	else
		process_owner(gc, &found, orphans);
	return true;
}

/* One at a time, as the map may not change while it is gone through. */
static void process_due(struct kubeapi_gc *gc)
{
	for (bool again = true; again && !atomic_load(&gc->is_stopping);) {
		struct waiting *waiting = NULL;
		struct str key = STR_NULL;
		again = false;
		map_for_each (gc->waiting, position, key, waiting)
			if (waiting->is_due) {
				again = true;
				break;
			}
		if (!again)
			break;
		waiting->is_due = false;
		if (!process(gc, waiting)) {
			key = arena_str(gc->lists, key);
			free(map_remove(gc->waiting, key));
		}
		arena_reset(gc->lists);
	}
}

/* --- events -------------------------------------------------------------------------------- */

static bool mentions(struct str body, const char *member)
{
	return str_find(body, str_of(member)) >= 0;
}

static void each_owner(struct kubeapi_gc *gc, struct str body, bool is_gone)
{
	struct json *references, *reference;

	if (!mentions(body, "\"ownerReferences\""))
		return;
	references = json_copy(
		gc->lists, json_find(parse(gc, body), "metadata", "ownerReferences", NULL));
	json_for_each (references, i, reference) {
		struct str uid = json_get_text(reference, "uid");
		if (is_gone)
			mark_due(gc, "owner", uid);
		else if (!kubeapi_objects_has_uid(gc->objects, uid))
			collect_dependents(gc, uid);
	}
}

static void on_event(struct kubeapi_gc *gc, const struct kubeapi_event *event)
{
	const struct found found = {event->resource, event->name_space, event->name, event->uid,
		event->body, event->type != KUBEAPI_DELETED};

	if (event->type == KUBEAPI_DELETED) {
		collect_dependents(gc, event->uid);
		mark_due(gc, "namespace", event->name_space);
		mark_due(gc, "crd", event->resource);
		each_owner(gc, event->body, true);
	} else if (mentions(event->body, "\"deletionTimestamp\"")) {
		note_deleting(gc, &found);
	} else if (event->type == KUBEAPI_ADDED) {
		each_owner(gc, event->body, false);
	}
	arena_reset(gc->arena);
	arena_reset(gc->lists);
}

static void rescan(struct kubeapi_gc *gc)
{
	struct finding lost = {.arena = gc->lists}, deleting = {.arena = gc->lists};
	struct error err;

	gc->rescan_us = clock_monotonic_us() + KUBEAPI_GC_RESCAN_S * CLOCK_US_PER_S;
	if (kubeapi_objects_lost_owners(gc->objects, find_record, &lost, &err) < 0 ||
		kubeapi_objects_deleting(gc->objects, find_record, &deleting, &err) < 0)
		log_warn(gc->log, "cannot look for what is to be collected", LOG_ERROR(&err));
	for (size_t i = 0; i < lost.count; i++)
		collect_dependents(gc, lost.items[i].uid);
	for (size_t i = 0; i < deleting.count; i++)
		note_deleting(gc, &deleting.items[i]);
	arena_reset(gc->lists);
}

static void read_ring(struct kubeapi_gc *gc)
{
	struct kubeapi_event *events[BATCH];
	size_t count = 0;

	if (!kubeapi_ring_take(gc->ring, gc->cursor, BATCH, events, &count)) {
		gc->cursor = kubeapi_ring_last(gc->ring);
		rescan(gc);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (!atomic_load(&gc->is_stopping))
			on_event(gc, events[i]);
		gc->cursor = events[i]->version;
		kubeapi_event_release(events[i]);
	}
}

static void run(void *arg)
{
	struct kubeapi_gc *gc = arg;
	uint64_t pokes = 0;

	while (!atomic_load(&gc->is_stopping)) {
		if (clock_monotonic_us() >= gc->rescan_us)
			rescan(gc);
		read_ring(gc);
		process_due(gc);
		kubeapi_ring_wait(gc->ring, gc->cursor, &pokes, ROUND_US);
	}
}

/* --- public -------------------------------------------------------------------------------- */

int kubeapi_gc_start(struct kubeapi_gc **ret, struct kubeapi_objects *objects,
	struct kubeapi_types *types, const struct clock *clock, struct log *log, struct error *err)
{
	struct kubeapi_gc *gc = calloc(1, sizeof(*gc));

	if (!gc)
		return error_set(err, ERROR_MEMORY, "no memory for the collector");
	gc->objects = objects;
	gc->types = types;
	gc->ring = kubeapi_objects_ring(objects);
	gc->clock = clock;
	gc->log = log;
	gc->cursor = kubeapi_ring_last(gc->ring);
	gc->waiting = map_new();
	gc->arena = arena_new(0);
	gc->lists = arena_new(0);
	if (!gc->waiting || !gc->arena || !gc->lists) {
		kubeapi_gc_stop(gc);
		return error_set(err, ERROR_MEMORY, "no memory for the collector");
	}
	if (thread_start(&gc->thread, "kubeapi-gc", run, gc, err) < 0) {
		kubeapi_gc_stop(gc);
		return -1;
	}
	*ret = gc;
	return 0;
}

void kubeapi_gc_stop(struct kubeapi_gc *gc)
{
	if (!gc)
		return;
	atomic_store(&gc->is_stopping, true);
	kubeapi_ring_poke(gc->ring);
	thread_join(gc->thread);
	map_free(gc->waiting, free);
	arena_free(gc->arena);
	arena_free(gc->lists);
	free(gc);
}
