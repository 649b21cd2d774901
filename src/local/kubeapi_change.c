/*
 * kubeapi_change.c - requests that change objects.
 */
#include "local/kubeapi_change.h"

#include "data/merge.h"
#include "local/kubeapi_prepare.h"
#include "local/kubeapi_read.h"
#include "local/kubeapi_strategic.h"

/* --- create and update --------------------------------------------------------------------- */

static int create(struct kubeapi_call *call)
{
	struct kubeapi_write write;
	struct json *object;

	if (kubeapi_call_write(call, &write) < 0 || kubeapi_call_body(call, &object) < 0 ||
		kubeapi_write_create(&write, object) < 0)
		return -1;
	kubeapi_answer_write(call, &write);
	return 0;
}

void kubeapi_change_create(struct kubeapi_call *call)
{
	if (create(call) < 0)
		kubeapi_answer_failure(call);
}

static int replace(struct kubeapi_write *write, struct json *live,
	struct kubeapi_managers *managers, void *argument, struct json **ret, bool *ret_is_managed)
{
	*ret = argument;
	return 0;
}

static int update(struct kubeapi_call *call)
{
	struct kubeapi_write write;
	struct json *object;

	if (kubeapi_call_write(call, &write) < 0 || kubeapi_call_body(call, &object) < 0 ||
		kubeapi_write_modify(&write, replace, object) < 0)
		return -1;
	kubeapi_answer_write(call, &write);
	return 0;
}

void kubeapi_change_update(struct kubeapi_call *call)
{
	if (update(call) < 0)
		kubeapi_answer_failure(call);
}

/* --- patches ------------------------------------------------------------------------------- */

static int patch_json(struct kubeapi_write *write, struct json *live,
	struct kubeapi_managers *managers, void *argument, struct json **ret, bool *ret_is_managed)
{
	struct error err;

	if (merge_json_patch(write->arena, live, argument, ret, &err) == 0)
		return 0;
	return kubeapi_fail(write->failure, err.code == ERROR_UNPROCESSABLE ? 422 : 400,
		"the server rejected our request due to an error in our request: %s", err.message);
}

static int patch_merge(struct kubeapi_write *write, struct json *live,
	struct kubeapi_managers *managers, void *argument, struct json **ret, bool *ret_is_managed)
{
	if (!json_is(argument, JSON_OBJECT))
		return kubeapi_fail(write->failure, 400, "a merge patch must be an object");
	*ret = merge_patch(write->arena, json_copy(write->arena, live), argument);
	return 0;
}

static int patch_strategic(struct kubeapi_write *write, struct json *live,
	struct kubeapi_managers *managers, void *argument, struct json **ret, bool *ret_is_managed)
{
	struct error err;

	if (kubeapi_strategic_patch(write->arena, write->type->schema, live, argument, ret, &err) ==
		0)
		return 0;
	return kubeapi_fail(write->failure, 400, "%s", err.message);
}

/* --- server-side apply --------------------------------------------------------------------- */

struct applying {
	struct json *config;
	bool force;
};

static int apply(struct kubeapi_write *write, struct json *live, struct kubeapi_managers *managers,
	void *argument, struct json **ret, bool *ret_is_managed)
{
	struct applying *applying = argument;

	*ret_is_managed = true;
	return kubeapi_managers_apply(managers, write->type->schema, live, applying->config,
		&write->writer, applying->force, ret, write->failure);
}

/* The part of the configuration that this endpoint writes. */
static struct json *own_side(struct kubeapi_write *write, struct json *config)
{
	struct json *part, *member;

	if (!str_eq_c(write->subresource, "status")) {
		if (write->type->has_status)
			json_remove(config, STR("status"));
		return config;
	}
	part = json_new_object(write->arena);
	json_for_each (config, i, member) {
		struct str name = json_key_at(config, i);
		if (str_eq_c(name, "apiVersion") || str_eq_c(name, "kind") ||
			str_eq_c(name, "metadata") || str_eq_c(name, "status"))
			json_set_str(part, name, member);
	}
	return part;
}

static int prepare_config(struct kubeapi_write *write, struct json **config)
{
	struct kubeapi_draft draft = {.type = write->type,
		.types = write->types,
		.arena = write->arena,
		.subresource = write->subresource,
		.name_space = write->name_space,
		.name = write->name,
		.now_us = write->now_us,
		.validation = write->validation,
		.object = *config,
		.failure = write->failure};

	if (kubeapi_prepare_identify(&draft) < 0)
		return -1;
	if (json_find(*config, "metadata", "managedFields", NULL))
		return kubeapi_fail(write->failure, 400, "metadata.managedFields must be nil");
	if (kubeapi_prepare_prune(&draft) < 0)
		return -1;
	write->warning = draft.warning;
	*config = own_side(write, draft.object);
	return 0;
}

static int apply_call(struct kubeapi_call *call, struct kubeapi_write *write, struct json *config)
{
	struct applying applying = {
		.config = config, .force = kubeapi_parameter_is_true(call, "force")};

	if (str_is_null(kubeapi_parameter(call, "fieldManager")))
		return kubeapi_fail(&call->failure, 422,
			"PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: "
			"is "
			"required for apply patch");
	if (prepare_config(write, &applying.config) < 0)
		return -1;
	return kubeapi_write_apply(write, apply, &applying);
}

static const struct {
	const char *type;
	kubeapi_mutation mutate;
} patch_types[] = {
	{"application/json-patch+json", patch_json},
	{"application/merge-patch+json", patch_merge},
	{"application/strategic-merge-patch+json", patch_strategic},
	{"application/apply-patch+yaml", apply},
};

static int patch(struct kubeapi_call *call)
{
	struct str rest = http_request_header(call->request, "Content-Type");
	struct str type = str_trim(str_cut(&rest, ';'));
	kubeapi_mutation mutate = NULL;
	struct kubeapi_write write;
	struct json *body;
	int result;

	for (size_t i = 0; i < sizeof(patch_types) / sizeof(patch_types[0]); i++)
		if (str_eq_c(type, patch_types[i].type))
			mutate = patch_types[i].mutate;
	if (!mutate || (mutate == patch_strategic && !call->type->is_builtin))
		return kubeapi_fail(&call->failure, 415,
			"the body of the request was in an unknown format - accepted media types "
			"include: application/json-patch+json, application/merge-patch+json, "
			"application/apply-patch+yaml");
	if (kubeapi_call_write(call, &write) < 0 || kubeapi_call_body(call, &body) < 0)
		return -1;
	result = mutate == apply ? apply_call(call, &write, body)
				 : kubeapi_write_modify(&write, mutate, body);
	if (result < 0)
		return -1;
	kubeapi_answer_write(call, &write);
	return 0;
}

void kubeapi_change_patch(struct kubeapi_call *call)
{
	if (patch(call) < 0)
		kubeapi_answer_failure(call);
}

/* --- delete -------------------------------------------------------------------------------- */

/* Options come in the body, in the query, or not at all. */
static int read_deletion(
	struct kubeapi_call *call, struct kubeapi_write *write, struct kubeapi_deletion *ret)
{
	struct json *options = NULL;

	if (str_trim(call->request->body).len > 0 && kubeapi_call_body(call, &options) < 0)
		return -1;
	*ret = (struct kubeapi_deletion){
		.uid = json_get_text(json_get(options, "preconditions"), "uid"),
		.version = json_get_text(json_get(options, "preconditions"), "resourceVersion"),
		.propagation = json_get_text(options, "propagationPolicy")};
	if (ret->propagation.len == 0)
		ret->propagation = kubeapi_parameter(call, "propagationPolicy");
	if (json_bool(json_get(options, "orphanDependents"), false))
		ret->propagation = STR("Orphan");
	if (json_count(json_get(options, "dryRun")) > 0)
		write->is_dry_run = true;
	if (ret->propagation.len > 0 && !str_eq_c(ret->propagation, "Background") &&
		!str_eq_c(ret->propagation, "Foreground") && !str_eq_c(ret->propagation, "Orphan"))
		return kubeapi_fail(&call->failure, 422,
			"DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported "
			"value: \"%" STR_F
			"\": supported values: \"Foreground\", \"Background\", \"Orphan\"",
			STR_A(ret->propagation));
	return 0;
}

static void answer_success(struct kubeapi_call *call, struct str uid)
{
	struct json *status = json_new_object(call->arena), *details = json_new_object(call->arena);

	json_set(status, "kind", json_new_cstr(call->arena, "Status"));
	json_set(status, "apiVersion", json_new_cstr(call->arena, "v1"));
	json_set(status, "metadata", json_new_object(call->arena));
	json_set(status, "status", json_new_cstr(call->arena, "Success"));
	if (call->name.len > 0)
		json_set_text(details, "name", call->name);
	if (call->type->group.len > 0)
		json_set_text(details, "group", call->type->group);
	json_set_text(details, "kind", call->type->plural);
	json_set_text(details, "uid", uid);
	json_set(status, "details", details);
	kubeapi_answer_json(call, 200, status);
}

static int delete_one(struct kubeapi_call *call)
{
	struct kubeapi_deletion deletion;
	struct kubeapi_write write;

	if (kubeapi_call_write(call, &write) < 0 || read_deletion(call, &write, &deletion) < 0 ||
		kubeapi_write_delete(&write, &deletion) < 0)
		return -1;
	if (write.is_gone)
		answer_success(call, json_get_text(json_get(write.object, "metadata"), "uid"));
	else
		kubeapi_answer_object(call, 200, write.version, write.body);
	return 0;
}

void kubeapi_change_delete(struct kubeapi_call *call)
{
	if (delete_one(call) < 0)
		kubeapi_answer_failure(call);
}

struct collecting {
	struct kubeapi_call *call;
	const struct kubeapi_selection *selection;
	struct json *found; /* [namespace, name, ...] */
};

static bool collect(
	void *context, enum kubeapi_event_type type, const struct kubeapi_record *record)
{
	struct collecting *collecting = context;
	struct arena *arena = collecting->call->arena;
	struct json *parsed;

	if (!kubeapi_selection_has(
		    collecting->selection, arena, collecting->call->type, record, &parsed))
		return true;
	json_append(
		collecting->found, json_new_string(arena, arena_str(arena, record->name_space)));
	json_append(collecting->found, json_new_string(arena, arena_str(arena, record->name)));
	return true;
}

static int delete_all(struct kubeapi_call *call)
{
	struct collecting collecting = {.call = call, .found = json_new_array(call->arena)};
	struct kubeapi_selection selection;
	struct kubeapi_deletion deletion;
	struct kubeapi_write write;
	struct error err;
	int64_t version;

	collecting.selection = &selection;
	if (kubeapi_read_selection(call, &selection) < 0 || kubeapi_call_write(call, &write) < 0 ||
		read_deletion(call, &write, &deletion) < 0)
		return -1;
	if (!selection.is_impossible &&
		kubeapi_objects_list(call->server->objects, &selection.query, collect, &collecting,
			&version, &err) < 0)
		return kubeapi_fail_error(&call->failure, &err);
	for (size_t i = 0; i + 1 < json_count(collecting.found); i += 2) {
		write.name_space = json_str(json_at(collecting.found, i));
		write.name = json_str(json_at(collecting.found, i + 1));
		kubeapi_failure_init(&call->failure, call->arena);
		/* Gone meanwhile is as good. */
		if (kubeapi_write_delete(&write, &deletion) < 0 && call->failure.status != 404)
			return -1;
	}
	answer_success(call, STR_NULL);
	return 0;
}

void kubeapi_change_delete_all(struct kubeapi_call *call)
{
	if (delete_all(call) < 0)
		kubeapi_answer_failure(call);
}
