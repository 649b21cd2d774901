/*
 * agent_manifest.c - the decisions about one manifest.
 *
 * Drift is found by asking whether the object still contains the manifest, not by comparing what
 * was sent with what is there: servers add defaults, controllers fill in their own members, and
 * none of that is drift. A list must be equal item by item; where a server sorts or normalises, the
 * manifest never "holds", which agent_apply.c takes into account.
 */
#include "maestro/agent_manifest.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- configuration ------------------------------------------------------------------------- */

/* '*' stands for any run of characters. */
static bool wildcard_matches(struct str pattern, struct str text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;
	while (t < text.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			mark = t;
		} else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

static bool identifier_matches(
	const struct json *identifier, const struct agent_resource_meta *meta)
{
	return str_eq(json_get_text(identifier, "group"), meta->group) &&
	       str_eq(json_get_text(identifier, "resource"), meta->resource) &&
	       wildcard_matches(json_get_text(identifier, "namespace"), meta->name_space) &&
	       wildcard_matches(json_get_text(identifier, "name"), meta->name);
}

static int strategy_read(
	const struct json *strategy, struct agent_manifest_config *config, struct error *err)
{
	static const struct {
		const char *name;
		enum agent_strategy strategy;
	} rows[] = {
		{"", AGENT_STRATEGY_UPDATE},
		{"Update", AGENT_STRATEGY_UPDATE},
		{"CreateOnly", AGENT_STRATEGY_CREATE_ONLY},
		{"ServerSideApply", AGENT_STRATEGY_SERVER_SIDE_APPLY},
		{"ReadOnly", AGENT_STRATEGY_READ_ONLY},
	};
	struct str type = json_get_text(strategy, "type");
	size_t row = 0;
	while (row < COUNT(rows) && !str_eq_c(type, rows[row].name))
		row++;
	if (row == COUNT(rows))
		return error_set(err, ERROR_UNPROCESSABLE,
			"unsupported update strategy \"%" STR_F "\"", STR_A(type));
	config->strategy = rows[row].strategy;
	const struct json *options = json_get(strategy, "serverSideApply");
	struct str manager = json_get_text(options, "fieldManager");
	if (manager.len > 0)
		config->field_manager = manager;
	config->is_forced = json_bool(json_get(options, "force"), false);
	if (json_count(json_get(options, "ignoreFields")) > 0)
		return error_set(err, ERROR_UNPROCESSABLE,
			"serverSideApply.ignoreFields is not supported by this agent");
	return 0;
}

int agent_manifest_configure(const struct json *bundle, const struct agent_resource_meta *meta,
	struct agent_manifest_config *ret, struct error *err)
{
	struct agent_manifest_config config = {.field_manager = STR(AGENT_FIELD_MANAGER)};
	const struct json *each, *strategy = NULL;
	json_for_each (json_get(bundle, "manifestConfigs"), i, each) {
		if (!identifier_matches(json_get(each, "resourceIdentifier"), meta))
			continue;
		if (!config.feedback_rules && json_count(json_get(each, "feedbackRules")) > 0)
			config.feedback_rules = json_get(each, "feedbackRules");
		if (!strategy)
			strategy = json_get(each, "updateStrategy");
	}
	if (strategy_read(strategy, &config, err) < 0)
		return -1;
	if (json_get(json_get(bundle, "executer"), "subject"))
		return error_set(err, ERROR_UNPROCESSABLE,
			"an executor is not supported by this agent, and without its check nothing "
			"is applied");
	*ret = config;
	return 0;
}

bool agent_manifest_is_orphan(const struct json *bundle, const struct agent_resource_meta *meta)
{
	const struct json *option = json_get(bundle, "deleteOption"), *rule;
	struct str policy = json_get_text(option, "propagationPolicy");
	if (str_eq_c(policy, "Orphan"))
		return true;
	if (!str_eq_c(policy, "SelectivelyOrphan"))
		return false;
	json_for_each (json_find(option, "selectivelyOrphans", "orphaningRules", NULL), i, rule) {
		if (str_eq(json_get_text(rule, "group"), meta->group) &&
			str_eq(json_get_text(rule, "resource"), meta->resource) &&
			str_eq(json_get_text(rule, "namespace"), meta->name_space) &&
			str_eq(json_get_text(rule, "name"), meta->name))
			return true;
	}
	return false;
}

static struct str text_or_empty(struct str text)
{
	return str_is_null(text) ? STR("") : text;
}

struct agent_resource_meta agent_manifest_meta(const struct json *manifest, size_t ordinal)
{
	struct str version = json_get_text(manifest, "apiVersion");
	struct str group = str_cut(&version, '/');
	if (str_is_null(version)) {
		version = group;
		group = STR("");
	}
	const struct json *metadata = json_get(manifest, "metadata");
	return (struct agent_resource_meta){
		.ordinal = ordinal,
		.group = group,
		.version = version,
		.kind = text_or_empty(json_get_text(manifest, "kind")),
		.resource = STR(""),
		.name = text_or_empty(json_get_text(metadata, "name")),
		.name_space = text_or_empty(json_get_text(metadata, "namespace")),
	};
}

/* --- owners -------------------------------------------------------------------------------- */

struct json *agent_owner_new(struct arena *arena, struct str name, struct str uid)
{
	struct json *owner = json_new_object(arena);
	json_set_text(owner, "apiVersion", STR(AGENT_WORK_GROUP "/v1"));
	json_set_text(owner, "kind", STR("AppliedManifestWork"));
	json_set_text(owner, "name", name);
	json_set_text(owner, "uid", uid);
	return owner;
}

struct json *agent_owners_change(
	struct arena *arena, const struct json *live, const struct json *owner, bool is_owned)
{
	struct json *old = json_find(live, "metadata", "ownerReferences", NULL), *each;
	struct json *owners = json_new_array(arena);
	bool was_owned = false;
	json_for_each (old, i, each) {
		if (str_eq(json_get_text(each, "uid"), json_get_text(owner, "uid")))
			was_owned = true;
		else
			json_append(owners, each);
	}
	if (was_owned == is_owned)
		return NULL;
	if (is_owned)
		json_append(owners, json_copy(arena, owner));
	return owners;
}

/* --- bodies -------------------------------------------------------------------------------- */

static void creation_times_drop(struct json *value)
{
	struct json *each;
	if (json_is(value, JSON_OBJECT)) {
		struct json *time = json_get(value, "creationTimestamp");
		if (time && json_type(time) == JSON_NULL)
			json_remove(value, STR("creationTimestamp"));
	}
	json_for_each (value, i, each)
		creation_times_drop(each);
}

/* Labels or annotations without those whose key ends in '-': there is nothing to remove yet. */
static void removals_drop(struct json *metadata, const char *member)
{
	struct json *map = json_get(metadata, member);
	for (size_t i = json_count(map); i-- > 0;) {
		struct str key = json_key_at(map, i);
		if (str_ends_with(key, STR("-")))
			json_remove(map, key);
	}
}

struct json *agent_manifest_body(
	struct arena *arena, const struct json *manifest, struct json *owner)
{
	struct json *body = json_copy(arena, manifest);
	struct json *metadata = json_get(body, "metadata");
	creation_times_drop(body);
	json_remove(metadata, STR("uid"));
	json_remove(metadata, STR("resourceVersion"));
	json_remove(metadata, STR("ownerReferences"));
	removals_drop(metadata, "labels");
	removals_drop(metadata, "annotations");
	if (owner) {
		struct json *owners = json_new_array(arena);
		json_append(owners, owner);
		json_set(metadata, "ownerReferences", owners);
	}
	return body;
}

/* Merges labels or annotations into the live object's; true when something changed. */
static bool names_merge(struct json *metadata, const struct json *wanted, const char *member)
{
	const struct json *from = json_get(wanted, member);
	struct json *to = json_get(metadata, member), *value;
	bool is_changed = false;
	json_for_each (from, i, value) {
		struct str key = json_key_at(from, i);
		if (str_ends_with(key, STR("-"))) {
			is_changed |= json_remove(to, str_slice(key, 0, key.len - 1));
			continue;
		}
		if (json_equal(json_get_str(to, key), value))
			continue;
		if (!json_is(to, JSON_OBJECT)) {
			to = json_new_object(json_arena(metadata));
			json_set(metadata, member, to);
		}
		json_set_str(to, key, value);
		is_changed = true;
	}
	return is_changed;
}

/* Whether the objects differ apart from metadata and status. */
static bool body_differs(const struct json *manifest, const struct json *live)
{
	const struct json *sides[] = {manifest, live};
	for (size_t side = 0; side < 2; side++) {
		const struct json *value;
		json_for_each (sides[side], i, value) {
			struct str key = json_key_at(sides[side], i);
			if (str_eq_c(key, "metadata") || str_eq_c(key, "status"))
				continue;
			if (!json_equal(value, json_get_str(sides[1 - side], key)))
				return true;
		}
	}
	return false;
}

struct json *agent_manifest_update(struct arena *arena, const struct json *manifest,
	const struct json *live, struct json *owner, bool is_owned)
{
	struct json *body = json_copy(arena, manifest);
	struct json *metadata = json_copy(arena, json_get(live, "metadata"));
	const struct json *wanted = json_get(manifest, "metadata");
	struct json *owners = agent_owners_change(arena, live, owner, is_owned);
	bool is_changed = owners != NULL;
	is_changed |= names_merge(metadata, wanted, "labels");
	is_changed |= names_merge(metadata, wanted, "annotations");
	if (owners)
		json_set(metadata, "ownerReferences", owners);
	if (!is_changed && !body_differs(manifest, live))
		return NULL;
	creation_times_drop(json_get(body, "spec"));
	json_set(body, "metadata", metadata);
	return body;
}

/* --- drift --------------------------------------------------------------------------------- */

static bool value_holds(const struct json *wanted, const struct json *live)
{
	const struct json *each;
	if (json_is_null(wanted))
		return json_is_null(live);
	if (json_is(wanted, JSON_OBJECT)) {
		/* An empty object and an absent one are the same to most servers. */
		if (!live)
			return json_count(wanted) == 0;
		json_for_each (wanted, i, each) {
			if (!value_holds(each, json_get_str(live, json_key_at(wanted, i))))
				return false;
		}
		return json_is(live, JSON_OBJECT);
	}
	if (json_is(wanted, JSON_ARRAY)) {
		if (json_count(wanted) != json_count(live))
			return false;
		json_for_each (wanted, k, each) {
			if (!value_holds(each, json_at(live, k)))
				return false;
		}
		return true;
	}
	return json_equal(wanted, live);
}

static bool names_hold(const struct json *wanted, const struct json *live)
{
	const struct json *value;
	json_for_each (wanted, i, value) {
		struct str key = json_key_at(wanted, i);
		bool is_removal = str_ends_with(key, STR("-"));
		struct str name = is_removal ? str_slice(key, 0, key.len - 1) : key;
		const struct json *has = json_get_str(live, name);
		if (is_removal ? has != NULL : !json_equal(value, has))
			return false;
	}
	return true;
}

bool agent_manifest_holds(const struct json *manifest, const struct json *live)
{
	const struct json *wanted = json_get(manifest, "metadata"), *value;
	const struct json *has = json_get(live, "metadata");
	if (!names_hold(json_get(wanted, "labels"), json_get(has, "labels")) ||
		!names_hold(json_get(wanted, "annotations"), json_get(has, "annotations")))
		return false;
	json_for_each (manifest, i, value) {
		struct str key = json_key_at(manifest, i);
		/* stringData is written only; the server turns it into data. */
		if (str_eq_c(key, "metadata") || str_eq_c(key, "status") ||
			str_eq_c(key, "stringData"))
			continue;
		if (!value_holds(value, json_get_str(live, key)))
			return false;
	}
	return true;
}
