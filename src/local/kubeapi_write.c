/*
 * kubeapi_write.c - the way of one change: read, change, prepare, own, compare and swap.
 */
#include "local/kubeapi_write.h"

#include "base/clock.h"
#include "local/kubeapi_crd.h"
#include "local/kubeapi_prepare.h"

/* Of documents that were checked when they came. */
static const struct json_limits stored_limits = {
	.max_bytes = JSON_MAX_BYTES, .max_depth = JSON_MAX_DEPTH};

static int about(struct kubeapi_write *write)
{
	return kubeapi_failure_about(
		write->failure, write->type->group, write->type->plural, write->name);
}

int kubeapi_write_not_found(struct kubeapi_write *write)
{
	kubeapi_fail(write->failure, 404, "%" STR_F " \"%" STR_F "\" not found",
		STR_A(write->type->qualified), STR_A(write->name));
	return about(write);
}

static int fail_conflict(struct kubeapi_write *write)
{
	kubeapi_fail(write->failure, 409,
		"Operation cannot be fulfilled on %" STR_F " \"%" STR_F
		"\": the object has been modified; please apply your changes to the latest version "
		"and try again",
		STR_A(write->type->qualified), STR_A(write->name));
	return about(write);
}

static struct kubeapi_draft draft_of(
	struct kubeapi_write *write, const struct json *old, struct json *object)
{
	return (struct kubeapi_draft){.type = write->type,
		.types = write->types,
		.arena = write->arena,
		.subresource = write->subresource,
		.name_space = write->name_space,
		.name = write->name,
		.now_us = write->now_us,
		.validation = write->validation,
		.old = old,
		.object = object,
		.failure = write->failure};
}

/* --- text ---------------------------------------------------------------------------------- */

/* The text to store: members in the order of the prefix, which is cut off. */
static int make_body(struct kubeapi_write *write)
{
	struct json *ordered = json_new_object(write->arena), *member;
	struct str prefix = write->type->prefix, text;

	json_set_text(ordered, "apiVersion", write->type->api_version);
	json_set_text(ordered, "kind", write->type->kind);
	json_set(ordered, "metadata", json_get(write->object, "metadata"));
	json_for_each (write->object, i, member)
		json_set_str(ordered, json_key_at(write->object, i), member);
	text = json_text(write->arena, ordered, JSON_WRITE_COMPACT);
	if (arena_is_exhausted(write->arena) || !str_starts_with(text, prefix))
		return kubeapi_fail(write->failure, 413, "the object is too large for one request");
	if (text.len > JSON_MAX_BYTES)
		return kubeapi_fail(write->failure, 413, "the object is larger than %zu bytes",
			(size_t)JSON_MAX_BYTES);
	write->object = ordered;
	write->body = str_slice(text, prefix.len, text.len);
	return 0;
}

struct str kubeapi_write_text(const struct kubeapi_write *write)
{
	return kubeapi_object_text(write->arena, write->type->prefix, write->version, write->body);
}

/* The stored object with its resourceVersion. */
static int parse_record(
	struct kubeapi_write *write, const struct kubeapi_record *record, struct json **ret)
{
	struct str text = kubeapi_object_text(
		write->arena, write->type->prefix, record->version, record->body);
	struct error err;

	if (json_parse(write->arena, text, &stored_limits, ret, &err) < 0)
		return kubeapi_fail_error(write->failure, &err);
	return 0;
}

/* --- storing ------------------------------------------------------------------------------- */

static void add_owners(struct kubeapi_change *change, const struct json *object)
{
	struct json *reference;

	json_for_each (json_find(object, "metadata", "ownerReferences", NULL), i, reference)
		if (change->owner_count < KUBEAPI_MAX_OWNERS)
			change->owners[change->owner_count++] = json_get_text(reference, "uid");
}

static struct kubeapi_change change_of(struct kubeapi_write *write, enum kubeapi_event_type type)
{
	const struct json *metadata = json_get(write->object, "metadata");
	struct kubeapi_change change = {.type = type,
		.record = {.resource = write->type->qualified,
			.name_space = write->name_space,
			.name = json_get_text(metadata, "name"),
			.uid = json_get_text(metadata, "uid"),
			.is_deleting = json_get(metadata, "deletionTimestamp") != NULL,
			.body = write->body}};

	add_owners(&change, write->object);
	return change;
}

/* The registry follows the CRDs that are stored, whoever stored them last. */
static int follow_crd(struct kubeapi_write *write, struct str name)
{
	struct kubeapi_record record;
	struct json *crd;
	struct error err;
	int result = 0;

	if (!str_eq_c(write->type->qualified, KUBEAPI_CRD_RESOURCE))
		return 0;
	kubeapi_types_serving_begin(write->types);
	if (kubeapi_objects_get(write->objects, write->arena, write->type->qualified, STR(""), name,
		    &record, &err) < 0) {
		if (err.code == ERROR_NOT_FOUND)
			kubeapi_crd_withdraw(write->types, name);
		else
			result = kubeapi_fail_error(write->failure, &err);
	} else {
		result = parse_record(write, &record, &crd);
		if (result == 0 && kubeapi_crd_serve(write->types, crd, &err) < 0)
			result = kubeapi_fail_error(write->failure, &err);
	}
	kubeapi_types_serving_end(write->types);
	return result;
}

static int store_new(struct kubeapi_write *write, enum kubeapi_outcome *ret)
{
	struct kubeapi_change change = change_of(write, KUBEAPI_ADDED);
	struct error err;

	change.changes_owners = change.owner_count > 0;
	*ret = kubeapi_objects_change(write->objects, &change, &err);
	write->version = change.record.version;
	switch (*ret) {
	case KUBEAPI_DONE:
		return follow_crd(write, change.record.name);
	case KUBEAPI_EXISTS:
		kubeapi_fail_reason(write->failure, 409, "AlreadyExists",
			"%" STR_F " \"%" STR_F "\" already exists", STR_A(write->type->qualified),
			STR_A(change.record.name));
		return kubeapi_failure_about(write->failure, write->type->group,
			write->type->plural, change.record.name);
	case KUBEAPI_NO_NAMESPACE:
		kubeapi_fail(write->failure, 404, "namespaces \"%" STR_F "\" not found",
			STR_A(write->name_space));
		return kubeapi_failure_about(
			write->failure, STR(""), STR("namespaces"), write->name_space);
	case KUBEAPI_NAMESPACE_ENDS:
		kubeapi_failure_cause(write->failure, "NamespaceTerminating",
			STR("metadata.namespace"), "namespace %" STR_F " is being terminated",
			STR_A(write->name_space));
		kubeapi_fail(write->failure, 403,
			"%" STR_F " \"%" STR_F
			"\" is forbidden: unable to create new content in namespace %" STR_F
			" because it is being terminated",
			STR_A(write->type->qualified), STR_A(change.record.name),
			STR_A(write->name_space));
		return about(write);
	case KUBEAPI_CHANGED:
	case KUBEAPI_FAILED:
		break;
	}
	return kubeapi_fail_error(write->failure, &err);
}

/* 1: someone else was faster. */
static int store_changed(struct kubeapi_write *write, const struct kubeapi_record *record,
	const struct json *old, enum kubeapi_event_type type)
{
	struct kubeapi_change change = change_of(write, type);
	struct error err;

	change.expected = record->version;
	change.record.created = record->created;
	change.changes_owners = !json_equal(json_find(old, "metadata", "ownerReferences", NULL),
		json_find(write->object, "metadata", "ownerReferences", NULL));
	if (!kubeapi_prepare_same_selection(write->type, old, write->object))
		change.previous = record->body;
	write->version = record->version;
	if (write->is_dry_run)
		return 0;
	switch (kubeapi_objects_change(write->objects, &change, &err)) {
	case KUBEAPI_DONE:
		write->version = change.record.version;
		return follow_crd(write, change.record.name);
	case KUBEAPI_CHANGED:
		return 1;
	default:
		return kubeapi_fail_error(write->failure, &err);
	}
}

/* --- creating ------------------------------------------------------------------------------ */

static int own_created(struct kubeapi_write *write, struct kubeapi_managers *managers)
{
	struct json *metadata = json_get(write->object, "metadata");

	json_remove(metadata, STR("managedFields"));
	if (!managers) {
		struct kubeapi_managers none = {.arena = write->arena};
		kubeapi_managers_update(
			&none, write->type->schema, NULL, write->object, &write->writer);
		json_set(metadata, "managedFields", kubeapi_managers_write(&none));
	} else {
		json_set(metadata, "managedFields", kubeapi_managers_write(managers));
	}
	return make_body(write);
}

/* managers NULL: the writer gets all. */
static int create(struct kubeapi_write *write, struct json *object,
	struct kubeapi_managers *managers, enum kubeapi_outcome *ret)
{
	struct kubeapi_draft draft = draft_of(write, NULL, object);

	if (kubeapi_prepare_create(&draft) < 0)
		return -1;
	write->object = draft.object;
	if (own_created(write, managers) < 0)
		return -1;
	write->is_created = true;
	*ret = KUBEAPI_DONE;
	return write->is_dry_run ? 0 : store_new(write, ret);
}

int kubeapi_write_create(struct kubeapi_write *write, struct json *object)
{
	struct kubeapi_draft draft = draft_of(write, NULL, object);
	enum kubeapi_outcome outcome = KUBEAPI_DONE;
	bool is_generated;

	if (kubeapi_prepare_identify(&draft) < 0 || kubeapi_prepare_prune(&draft) < 0)
		return -1;
	write->warning = draft.warning;
	is_generated = json_get_text(json_get(object, "metadata"), "name").len == 0;
	for (unsigned tries = 0; tries < KUBEAPI_MAX_TRIES; tries++) {
		if (create(write, object, NULL, &outcome) == 0)
			return 0;
		if (outcome != KUBEAPI_EXISTS || !is_generated)
			return -1;
		json_remove(json_get(object, "metadata"), STR("name"));
	}
	return -1;
}

/* --- changing ------------------------------------------------------------------------------ */

/* A client may hand back the managers that it was given, or [{}] to forget them. */
static int read_managers(struct kubeapi_write *write, const struct json *old,
	const struct json *object, struct kubeapi_managers *ret)
{
	const struct json *list = json_find(object, "metadata", "managedFields", NULL);

	if (json_count(list) == 0)
		list = json_find(old, "metadata", "managedFields", NULL);
	return kubeapi_managers_read(write->arena, list, ret, write->failure);
}

static int own_changed(struct kubeapi_write *write, const struct json *old,
	struct kubeapi_managers *managers, bool is_managed)
{
	struct json *metadata = json_get(write->object, "metadata");

	if (!is_managed) {
		if (read_managers(write, old, write->object, managers) < 0)
			return -1;
		kubeapi_managers_update(
			managers, write->type->schema, old, write->object, &write->writer);
	}
	struct json *list = kubeapi_managers_write(managers);
	if (json_count(list) > 0)
		json_set(metadata, "managedFields", list);
	else
		json_remove(metadata, STR("managedFields"));
	return 0;
}

static int check_version(
	struct kubeapi_write *write, const struct kubeapi_record *record, const struct json *object)
{
	struct str wanted = json_find(object, "metadata", "resourceVersion", NULL)
				    ? json_get_text(json_get(object, "metadata"), "resourceVersion")
				    : STR("");
	int64_t version;

	if (wanted.len == 0)
		return 0;
	if (!str_to_int64(wanted, &version))
		return kubeapi_fail(write->failure, 400,
			"metadata.resourceVersion: Invalid value: \"%" STR_F "\"", STR_A(wanted));
	return version == record->version ? 0 : fail_conflict(write);
}

/* One try. 1: someone else was faster. */
static int modify(struct kubeapi_write *write, const struct kubeapi_record *record,
	kubeapi_mutation mutate, void *argument)
{
	struct kubeapi_managers managers;
	struct kubeapi_draft draft;
	struct json *old, *object;
	bool is_managed = false;

	if (parse_record(write, record, &old) < 0 ||
		read_managers(write, old, NULL, &managers) < 0 ||
		mutate(write, old, &managers, argument, &object, &is_managed) < 0)
		return -1;
	draft = draft_of(write, old, json_copy(write->arena, object));
	if (kubeapi_prepare_identify(&draft) < 0 ||
		check_version(write, record, draft.object) < 0 || kubeapi_prepare_prune(&draft) < 0)
		return -1;
	if (draft.warning.len > 0)
		write->warning = draft.warning;
	json_remove(json_get(old, "metadata"), STR("resourceVersion"));
	if (kubeapi_prepare_update(&draft) < 0)
		return -1;
	write->object = draft.object;
	if (own_changed(write, old, &managers, is_managed) < 0)
		return -1;
	write->is_gone = kubeapi_prepare_is_released(write->type, write->object);
	if (json_equal(old, write->object) && !write->is_gone) {
		write->version = record->version;
		write->body = record->body;
		return 0;
	}
	if (make_body(write) < 0)
		return -1;
	return store_changed(
		write, record, old, write->is_gone ? KUBEAPI_DELETED : KUBEAPI_MODIFIED);
}

static int create_applied(struct kubeapi_write *write, kubeapi_mutation mutate, void *argument)
{
	struct kubeapi_managers managers = {.arena = write->arena};
	enum kubeapi_outcome outcome = KUBEAPI_DONE;
	struct kubeapi_draft draft;
	struct json *object;
	bool is_managed = false;

	if (mutate(write, NULL, &managers, argument, &object, &is_managed) < 0)
		return -1;
	draft = draft_of(write, NULL, json_copy(write->arena, object));
	if (kubeapi_prepare_identify(&draft) < 0 || kubeapi_prepare_prune(&draft) < 0)
		return -1;
	if (create(write, draft.object, is_managed ? &managers : NULL, &outcome) == 0)
		return 0;
	return outcome == KUBEAPI_EXISTS ? 1 : -1;
}

static int write_object(
	struct kubeapi_write *write, kubeapi_mutation mutate, void *argument, bool may_create)
{
	for (unsigned tries = 0; tries < KUBEAPI_MAX_TRIES; tries++) {
		struct kubeapi_record record;
		struct error err;
		int result;
		kubeapi_failure_init(write->failure, write->arena);
		write->is_created = false;
		if (kubeapi_objects_get(write->objects, write->arena, write->type->qualified,
			    write->name_space, write->name, &record, &err) == 0)
			result = modify(write, &record, mutate, argument);
		else if (err.code != ERROR_NOT_FOUND)
			result = kubeapi_fail_error(write->failure, &err);
		else if (may_create && write->subresource.len == 0)
			result = create_applied(write, mutate, argument);
		else
			result = kubeapi_write_not_found(write);
		if (result <= 0)
			return result;
	}
	return fail_conflict(write);
}

int kubeapi_write_modify(struct kubeapi_write *write, kubeapi_mutation mutate, void *argument)
{
	return write_object(write, mutate, argument, false);
}

int kubeapi_write_apply(struct kubeapi_write *write, kubeapi_mutation mutate, void *argument)
{
	return write_object(write, mutate, argument, true);
}

/* --- deleting ------------------------------------------------------------------------------ */

static int check_preconditions(struct kubeapi_write *write, const struct kubeapi_record *record,
	const struct kubeapi_deletion *deletion)
{
	int64_t version = record->version;
	bool is_same_version =
		deletion->version.len == 0 ||
		(str_to_int64(deletion->version, &version) && version == record->version);

	if (is_same_version && (deletion->uid.len == 0 || str_eq(deletion->uid, record->uid)))
		return 0;
	kubeapi_fail(write->failure, 409,
		"Operation cannot be fulfilled on %" STR_F " \"%" STR_F
		"\": Precondition failed: %s in precondition: %" STR_F ", in object meta: %" STR_F,
		STR_A(write->type->qualified), STR_A(write->name),
		is_same_version ? "UID" : "ResourceVersion",
		STR_A(is_same_version ? deletion->uid : deletion->version),
		STR_A(is_same_version
				? record->uid
				: arena_printf(write->arena, "%lld", (long long)record->version)));
	return about(write);
}

static void set_finalizer(struct json *metadata, const char *name, bool is_wanted)
{
	struct json *finalizers = json_get(metadata, "finalizers"), *each;

	json_for_each (finalizers, i, each)
		if (str_eq_c(json_str(each), name)) {
			if (!is_wanted)
				json_remove_at(finalizers, i);
			return;
		}
	if (!is_wanted)
		return;
	if (!finalizers) {
		finalizers = json_new_array(json_arena(metadata));
		json_set(metadata, "finalizers", finalizers);
	}
	json_append(finalizers, json_new_cstr(json_arena(metadata), name));
}

/* Who waits for what: the collector acts on these finalizers. */
static void hold(struct kubeapi_write *write, struct json *metadata, struct str propagation)
{
	bool is_marked = json_get(metadata, "deletionTimestamp") != NULL;

	if (propagation.len > 0 || !is_marked) {
		set_finalizer(metadata, "orphan", str_eq_c(propagation, "Orphan"));
		set_finalizer(metadata, "foregroundDeletion", str_eq_c(propagation, "Foreground"));
	}
	if (!is_marked && str_eq_c(write->type->qualified, KUBEAPI_CRD_RESOURCE))
		set_finalizer(metadata, KUBEAPI_CRD_FINALIZER, true);
}

static void mark(struct kubeapi_write *write, struct json *metadata)
{
	struct json *generation = json_get(metadata, "generation");

	if (json_get(metadata, "deletionTimestamp"))
		return;
	json_set_text(
		metadata, "deletionTimestamp", clock_text_seconds(write->arena, write->now_us));
	json_set_int(metadata, "deletionGracePeriodSeconds", 0);
	if (generation)
		json_set_int(metadata, "generation", json_int(generation, 0) + 1);
	if (str_eq_c(write->type->qualified, "namespaces"))
		json_set(json_get(write->object, "status"), "phase",
			json_new_cstr(write->arena, "Terminating"));
}

static int delete_once(struct kubeapi_write *write, const struct kubeapi_record *record,
	const struct kubeapi_deletion *deletion)
{
	struct json *old, *metadata;

	if (check_preconditions(write, record, deletion) < 0 ||
		parse_record(write, record, &old) < 0)
		return -1;
	json_remove(json_get(old, "metadata"), STR("resourceVersion"));
	write->object = json_copy(write->arena, old);
	metadata = json_get(write->object, "metadata");
	hold(write, metadata, deletion->propagation);
	mark(write, metadata);
	write->is_gone = kubeapi_prepare_is_released(write->type, write->object);
	if (write->is_gone)
		/* The last state of an object that goes at once is the one it had. */
		write->object = old;
	else if (json_equal(old, write->object)) {
		write->version = record->version;
		write->body = record->body;
		return 0;
	}
	if (make_body(write) < 0)
		return -1;
	return store_changed(
		write, record, old, write->is_gone ? KUBEAPI_DELETED : KUBEAPI_MODIFIED);
}

int kubeapi_write_delete(struct kubeapi_write *write, const struct kubeapi_deletion *deletion)
{
	for (unsigned tries = 0; tries < KUBEAPI_MAX_TRIES; tries++) {
		struct kubeapi_record record;
		struct error err;
		int result;
		if (kubeapi_objects_get(write->objects, write->arena, write->type->qualified,
			    write->name_space, write->name, &record, &err) < 0)
			return err.code == ERROR_NOT_FOUND
				       ? kubeapi_write_not_found(write)
				       : kubeapi_fail_error(write->failure, &err);
		result = delete_once(write, &record, deletion);
		if (result <= 0)
			return result;
	}
	return fail_conflict(write);
}
