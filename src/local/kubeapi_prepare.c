/*
 * kubeapi_prepare.c - preparing an object for storage.
 */
#include "local/kubeapi_prepare.h"

#include "base/clock.h"
#include "base/id.h"
#include "local/kubeapi_kinds.h"
#include "local/kubeapi_select.h"

#define NAME_MAX_BYTES 253u
#define LABEL_MAX_BYTES 63u
#define GENERATED_SUFFIX 5u
#define GENERATED_NAME_MAX (LABEL_MAX_BYTES - GENERATED_SUFFIX)

/* --- identity ------------------------------------------------------------------------------ */

static int identify_type(struct kubeapi_draft *draft)
{
	const struct kubeapi_type *type = draft->type;
	struct str api_version = json_get_text(draft->object, "apiVersion");
	struct str kind = json_get_text(draft->object, "kind");

	if (api_version.len > 0 && !str_eq(api_version, type->api_version))
		return kubeapi_fail(draft->failure, 400,
			"the API version in the data (%" STR_F
			") does not match the expected API version (%" STR_F ")",
			STR_A(api_version), STR_A(type->api_version));
	if (kind.len > 0 && !str_eq(kind, type->kind))
		return kubeapi_fail(draft->failure, 400,
			"the kind in the data (%" STR_F
			") does not match the expected kind (%" STR_F ")",
			STR_A(kind), STR_A(type->kind));
	json_set_text(draft->object, "apiVersion", type->api_version);
	json_set_text(draft->object, "kind", type->kind);
	return 0;
}

int kubeapi_prepare_identify(struct kubeapi_draft *draft)
{
	struct json *metadata = json_get(draft->object, "metadata");
	struct str name, name_space;

	if (!json_is(draft->object, JSON_OBJECT))
		return kubeapi_fail(draft->failure, 400, "the body must be an object");
	if (identify_type(draft) < 0)
		return -1;
	if (!metadata) {
		metadata = json_new_object(draft->arena);
		json_set(draft->object, "metadata", metadata);
	}
	if (!json_is(metadata, JSON_OBJECT))
		return kubeapi_fail(draft->failure, 400, "metadata must be an object");
	name = json_get_text(metadata, "name");
	name_space = json_get_text(metadata, "namespace");
	if (name_space.len > 0 && !str_eq(name_space, draft->name_space))
		return kubeapi_fail(draft->failure, 400,
			"the namespace of the provided object does not match the namespace sent on "
			"the request");
	if (draft->name.len > 0 && name.len > 0 && !str_eq(name, draft->name))
		return kubeapi_fail(draft->failure, 400,
			"the name of the object (%" STR_F
			") does not match the name on the URL (%" STR_F ")",
			STR_A(name), STR_A(draft->name));
	if (draft->name.len > 0)
		json_set_text(metadata, "name", draft->name);
	if (draft->type->is_namespaced)
		json_set_text(metadata, "namespace", draft->name_space);
	else
		json_remove(metadata, STR("namespace"));
	return 0;
}

/* --- names --------------------------------------------------------------------------------- */

static bool is_lower_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 1123: labels of lower-case letters, digits and '-', joined by '.' when it is a subdomain. */
static bool is_dns_name(struct str name, bool is_subdomain)
{
	struct str label;

	if (name.len == 0 || name.len > (is_subdomain ? NAME_MAX_BYTES : LABEL_MAX_BYTES))
		return false;
	do {
		label = is_subdomain ? str_cut(&name, '.') : name;
		if (label.len == 0 || !is_lower_alphanumeric(label.ptr[0]) ||
			!is_lower_alphanumeric(label.ptr[label.len - 1]))
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!is_lower_alphanumeric(label.ptr[i]) && label.ptr[i] != '-')
				return false;
	} while (is_subdomain && !str_is_null(name));
	return true;
}

static void generate_name(struct kubeapi_draft *draft, struct json *metadata)
{
	static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789"; /* no words by accident */
	struct str prefix = json_get_text(metadata, "generateName");
	unsigned char random[GENERATED_SUFFIX];
	char suffix[GENERATED_SUFFIX + 1] = {0};

	id_random(random, sizeof(random));
	for (size_t i = 0; i < GENERATED_SUFFIX; i++)
		suffix[i] = alphabet[random[i] % (sizeof(alphabet) - 1)];
	json_set_text(metadata, "name",
		arena_printf(draft->arena, "%" STR_F "%s",
			STR_A(str_slice(prefix, 0, GENERATED_NAME_MAX)), suffix));
}

static int check_name(struct kubeapi_draft *draft, struct json *metadata)
{
	struct str name = json_get_text(metadata, "name");
	bool is_label = kubeapi_kind_has_label_name(draft->type);
	bool is_path = str_eq_c(draft->type->group, "rbac.authorization.k8s.io");

	if (name.len == 0)
		kubeapi_failure_cause(draft->failure, "FieldValueRequired", STR("metadata.name"),
			"Required value: name or generateName is required");
	else if (is_path ? (str_index(name, '/') >= 0 || str_index(name, '%') >= 0)
			 : !is_dns_name(name, !is_label))
		kubeapi_failure_cause(draft->failure, "FieldValueInvalid", STR("metadata.name"),
			"Invalid value: \"%" STR_F "\": %s", STR_A(name),
			is_label ? "a lowercase RFC 1123 label must consist of lower case "
				   "alphanumeric characters or '-', and must start and end with an "
				   "alphanumeric character"
				 : "a lowercase RFC 1123 subdomain must consist of lower case "
				   "alphanumeric characters, '-' or '.', and must start and end "
				   "with "
				   "an alphanumeric character");
	return draft->failure->cause_count ? -1 : 0;
}

/* --- content ------------------------------------------------------------------------------- */

/* Whether Go would leave it out of JSON: null, or a list or map (not a struct) with nothing in it.
 */
static bool is_left_out(const struct schema *schema, const struct json *value)
{
	bool is_map = schema_child(schema, STR("any other name")) != NULL;

	return json_is_null(value) || (json_is(value, JSON_ARRAY) && json_count(value) == 0) ||
	       (json_is(value, JSON_OBJECT) && is_map && json_count(value) == 0);
}

/* Built-in types are structs in the real server: absent, null and empty are the same to them. */
static void tidy(const struct schema *schema, struct json *value)
{
	struct json *item;

	if (json_is(value, JSON_OBJECT)) {
		bool is_map = schema_child(schema, STR("any other name")) != NULL;
		for (size_t i = 0; i < json_count(value);) {
			struct str name = json_key_at(value, i);
			const struct schema *child = schema_child(schema, name);
			tidy(child, json_at(value, i));
			if (child && (is_map ? json_is_null(json_at(value, i))
					     : is_left_out(child, json_at(value, i))))
				json_remove(value, name);
			else
				i++;
		}
	} else if (json_is(value, JSON_ARRAY) && schema_items(schema)) {
		json_for_each (value, i, item)
			tidy(schema_items(schema), item);
	}
}

int kubeapi_prepare_prune(struct kubeapi_draft *draft)
{
	const struct kubeapi_type *type = draft->type;
	struct str removed = STR_NULL;

	if (type->is_builtin)
		tidy(type->schema, draft->object);
	else
		tidy(schema_child(type->schema, STR("metadata")),
			json_get(draft->object, "metadata"));
	schema_prune(type->schema, draft->object, draft->arena, &removed);
	if (str_is_null(removed) || draft->validation == KUBEAPI_IGNORE)
		return 0;
	if (draft->validation == KUBEAPI_STRICT)
		return kubeapi_fail(draft->failure, 400,
			"%" STR_F " in version \"%" STR_F "\" cannot be handled as a %" STR_F
			": strict decoding error: unknown field \"%" STR_F "\"",
			STR_A(type->kind), STR_A(type->version), STR_A(type->kind), STR_A(removed));
	draft->warning = arena_printf(draft->arena, "unknown field \"%" STR_F "\"", STR_A(removed));
	return 0;
}

static const struct {
	const char *type, *reason, *title;
} violation_reasons[] = {
	{"required", "FieldValueRequired", "Required value"},
	{"enum", "FieldValueNotSupported", "Unsupported value"},
	{"type", "FieldValueTypeInvalid", "Invalid value"},
	{"max", "FieldValueInvalid", "Invalid value"},
	{"unique", "FieldValueDuplicate", "Duplicate value"},
};

static void add_violation(struct kubeapi_failure *failure, const struct schema_violation *violation)
{
	const char *reason = "FieldValueInvalid", *title = "Invalid value";

	for (size_t i = 0; i < sizeof(violation_reasons) / sizeof(violation_reasons[0]); i++) {
		if (str_eq_c(violation->type, violation_reasons[i].type)) {
			reason = violation_reasons[i].reason;
			title = violation_reasons[i].title;
		}
	}
	kubeapi_failure_cause(
		failure, reason, violation->field, "%s: %" STR_F, title, STR_A(violation->message));
}

static int validate(struct kubeapi_draft *draft)
{
	const struct kubeapi_type *type = draft->type;
	struct json *metadata = json_get(draft->object, "metadata");
	struct schema_report report = {0};

	if (schema_validate(type->schema, draft->arena, STR(""), draft->object, &report))
		return 0;
	for (size_t i = 0; i < report.count; i++) {
		const struct schema_violation *violation = &report.items[i];
		bool is_shape =
			str_eq_c(violation->type, "type") &&
			(type->is_builtin || str_starts_with(violation->field, STR("metadata")));
		if (is_shape)
			return kubeapi_fail(draft->failure, 400,
				"%" STR_F " in version \"%" STR_F
				"\" cannot be handled as a %" STR_F ": %" STR_F " %" STR_F,
				STR_A(type->kind), STR_A(type->version), STR_A(type->kind),
				STR_A(violation->field), STR_A(violation->message));
		add_violation(draft->failure, violation);
	}
	return kubeapi_fail_invalid(
		draft->failure, type->group, type->kind, json_get_text(metadata, "name"));
}

/* Everything but identity and what someone else writes. */
static bool same_desire(const struct kubeapi_type *type, const struct json *a, const struct json *b)
{
	size_t counted = 0, matched = 0;
	struct json *member;

	json_for_each (a, i, member) {
		struct str name = json_key_at(a, i);
		if (str_eq_c(name, "metadata") || (type->has_status && str_eq_c(name, "status")))
			continue;
		counted++;
		if (!json_equal(member, json_get_str(b, name)))
			return false;
	}
	for (size_t i = 0; i < json_count(b); i++) {
		struct str name = json_key_at(b, i);
		matched += !str_eq_c(name, "metadata") &&
			   !(type->has_status && str_eq_c(name, "status"));
	}
	return counted == matched;
}

/* --- creating ------------------------------------------------------------------------------ */

int kubeapi_prepare_create(struct kubeapi_draft *draft)
{
	static const char *const cleared[] = {
		"selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"};
	struct json *metadata = json_get(draft->object, "metadata");
	char uid[ID_UUID_SIZE];

	if (json_get_text(metadata, "resourceVersion").len > 0)
		return kubeapi_fail(draft->failure, 400,
			"resourceVersion should not be set on objects to be created");
	for (size_t i = 0; i < sizeof(cleared) / sizeof(cleared[0]); i++)
		json_remove(metadata, str_of(cleared[i]));
	if (json_get_text(metadata, "name").len == 0 &&
		json_get_text(metadata, "generateName").len > 0)
		generate_name(draft, metadata);
	if (check_name(draft, metadata) < 0)
		return kubeapi_fail_invalid(draft->failure, draft->type->group, draft->type->kind,
			json_get_text(metadata, "name"));
	id_uuid4(uid);
	json_set_text(metadata, "uid", arena_str(draft->arena, str_of(uid)));
	json_set_text(
		metadata, "creationTimestamp", clock_text_seconds(draft->arena, draft->now_us));
	json_remove(metadata, STR("generation"));
	if (draft->type->has_generation)
		json_set_int(metadata, "generation", 1);
	if (draft->type->has_status)
		json_remove(draft->object, STR("status"));
	schema_default(draft->type->schema, draft->object);
	if (validate(draft) < 0)
		return -1;
	return kubeapi_kind_create(draft);
}

/* --- updating ------------------------------------------------------------------------------ */

static void keep_member(struct json *to, const struct json *from, const char *name)
{
	struct json *member = json_get(from, name);

	if (member)
		json_set(to, name, json_copy(json_arena(to), member));
	else
		json_remove(to, str_of(name));
}

/* What the server decides about an object's identity is not for writers to change. */
static void keep_identity(struct kubeapi_draft *draft)
{
	static const char *const kept[] = {"name", "namespace", "uid", "creationTimestamp",
		"deletionTimestamp", "deletionGracePeriodSeconds", "generation", "selfLink"};
	struct json *metadata = json_get(draft->object, "metadata");

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		keep_member(metadata, json_get(draft->old, "metadata"), kept[i]);
}

/* A write of the status changes the status, and nothing else; any other write changes the rest. */
static void keep_other_side(struct kubeapi_draft *draft)
{
	struct json *metadata = json_get(draft->object, "metadata"), *member;
	struct json *managed = json_get(metadata, "managedFields");
	struct json *merged;

	if (!str_eq_c(draft->subresource, "status")) {
		if (draft->type->has_status)
			keep_member(draft->object, draft->old, "status");
		return;
	}
	merged = json_copy(draft->arena, draft->old);
	member = json_get(draft->object, "status");
	if (member)
		json_set(merged, "status", member);
	else
		json_remove(merged, STR("status"));
	metadata = json_get(merged, "metadata");
	if (managed)
		json_set(metadata, "managedFields", managed);
	else
		json_remove(metadata, STR("managedFields"));
	draft->object = merged;
}

static int check_metadata(struct kubeapi_draft *draft)
{
	const struct json *old = json_get(draft->old, "metadata");
	const struct json *metadata = json_get(draft->object, "metadata");
	struct str uid = json_get_text(metadata, "uid");

	if (uid.len > 0 && !str_eq(uid, json_get_text(old, "uid"))) {
		kubeapi_fail(draft->failure, 409,
			"Operation cannot be fulfilled on %" STR_F " \"%" STR_F
			"\": Precondition failed: UID in precondition: %" STR_F
			", UID in object meta: %" STR_F,
			STR_A(draft->type->qualified), STR_A(draft->name), STR_A(uid),
			STR_A(json_get_text(old, "uid")));
		return kubeapi_failure_about(
			draft->failure, draft->type->group, draft->type->plural, draft->name);
	}
	return 0;
}

/* An object that is going away takes no new finalizers. */
static void check_finalizers(struct kubeapi_draft *draft)
{
	const struct json *before = json_find(draft->old, "metadata", "finalizers", NULL);
	struct json *finalizer, *known;

	if (!json_find(draft->old, "metadata", "deletionTimestamp", NULL))
		return;
	json_for_each (json_find(draft->object, "metadata", "finalizers", NULL), i, finalizer) {
		bool is_new = true;
		json_for_each (before, k, known)
			is_new = is_new && !json_equal(known, finalizer);
		if (is_new)
			kubeapi_failure_cause(draft->failure, "FieldValueForbidden",
				STR("metadata.finalizers"),
				"Forbidden: no new finalizers can be added if the object is being "
				"deleted, found new finalizers []string{\"%" STR_F "\"}",
				STR_A(json_str(finalizer)));
	}
}

static const struct json *at_path(const struct json *object, struct str path)
{
	while (object && !str_is_null(path))
		object = json_get_str(object, str_cut(&path, '.'));
	return object;
}

static int check_immutable(struct kubeapi_draft *draft)
{
	struct str words = draft->type->immutable, path;

	check_finalizers(draft);
	while (!str_is_null(path = kubeapi_word(&words)))
		if (!json_equal(at_path(draft->old, path), at_path(draft->object, path)))
			kubeapi_failure_cause(draft->failure, "FieldValueInvalid", path,
				"Invalid value: field is immutable");
	if (draft->failure->cause_count == 0)
		return 0;
	return kubeapi_fail_invalid(
		draft->failure, draft->type->group, draft->type->kind, draft->name);
}

int kubeapi_prepare_update(struct kubeapi_draft *draft)
{
	struct json *metadata;

	if (check_metadata(draft) < 0)
		return -1;
	keep_identity(draft);
	keep_other_side(draft);
	metadata = json_get(draft->object, "metadata");
	json_remove(metadata, STR("resourceVersion"));
	schema_default(draft->type->schema, draft->object);
	if (kubeapi_kind_update(draft) < 0 || validate(draft) < 0 || check_immutable(draft) < 0)
		return -1;
	if (draft->type->has_generation && !same_desire(draft->type, draft->old, draft->object))
		json_set_int(metadata, "generation",
			json_int(json_find(draft->old, "metadata", "generation", NULL), 0) + 1);
	return 0;
}

bool kubeapi_prepare_is_released(const struct kubeapi_type *type, const struct json *object)
{
	const struct json *metadata = json_get(object, "metadata");

	return json_get(metadata, "deletionTimestamp") &&
	       json_count(json_get(metadata, "finalizers")) == 0 &&
	       !(str_eq_c(type->qualified, "namespaces") &&
		       json_count(json_find(object, "spec", "finalizers", NULL)) > 0);
}

bool kubeapi_prepare_same_selection(
	const struct kubeapi_type *type, const struct json *a, const struct json *b)
{
	struct str words = type->selectable, path;

	if (!json_equal(json_find(a, "metadata", "labels", NULL),
		    json_find(b, "metadata", "labels", NULL)))
		return false;
	while (!str_is_null(path = kubeapi_word(&words)))
		if (!str_eq(kubeapi_select_field(a, path), kubeapi_select_field(b, path)))
			return false;
	return true;
}
