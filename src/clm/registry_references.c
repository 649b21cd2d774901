/*
 * registry_references.c - see registry_references.h.
 */
#include "clm/registry_references.h"

const struct reference_rule *registry_find_rule(const struct kind *kind, struct str type)
{
	for (size_t i = 0; kind != NULL && i < kind->reference_count; i++) {
		if (str_eq(kind->references[i].type, type))
			return &kind->references[i];
	}
	return NULL;
}

/* --- one kind -------------------------------------------------------------------------------- */

static int read_count(
	const struct json *item, const char *key, struct str type, size_t *ret, struct error *err)
{
	const struct json *value = json_get(item, key);
	int64_t count = 0;

	if (!json_is_null(value) &&
		(!json_to_int(value, &count) || count < 0 || count > REGISTRY_MAX_TARGETS))
		return error_set(err, ERROR_INVALID,
			"%s of reference \"%" STR_F "\" must be a number from 0 to %u", key,
			STR_A(type), REGISTRY_MAX_TARGETS);
	*ret = (size_t)count;
	return 0;
}

static int check_keys(const struct json *item, struct error *err)
{
	static const char *const known[] = {"ref_type", "target_kind", "min", "max"};

	for (size_t i = 0; i < json_count(item); i++) {
		struct str key = json_key_at(item, i);
		bool found = false;

		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			found = found || str_eq_c(key, known[k]);
		if (!found)
			return error_set(err, ERROR_INVALID,
				"a reference has an unknown key \"%" STR_F "\"", STR_A(key));
	}
	return 0;
}

static int read_rule(const struct json *item, const struct kind *kind, struct reference_rule *rule,
	struct error *err)
{
	if (!json_is(item, JSON_OBJECT))
		return error_set(err, ERROR_INVALID, "a reference must be a mapping");
	if (check_keys(item, err) != 0)
		return -1;
	rule->type = json_get_text(item, "ref_type");
	rule->target_name = json_get_text(item, "target_kind");
	if (str_is_empty(rule->type) || str_is_empty(rule->target_name))
		return error_set(err, ERROR_INVALID, "a reference needs ref_type and target_kind");
	if (read_count(item, "min", rule->type, &rule->min, err) != 0 ||
		read_count(item, "max", rule->type, &rule->max, err) != 0)
		return -1;
	if (rule->max != 0 && rule->max < rule->min)
		return error_set(err, ERROR_INVALID,
			"max of reference \"%" STR_F "\" is less than its min", STR_A(rule->type));
	if (registry_find_rule(kind, rule->type) != NULL)
		return error_set(err, ERROR_INVALID, "reference \"%" STR_F "\" is listed twice",
			STR_A(rule->type));
	return 0;
}

int registry_read_references(
	struct arena *arena, const struct json *list, struct kind *kind, struct error *err)
{
	const struct json *item;

	if (!json_is(list, JSON_ARRAY) || json_count(list) > REGISTRY_MAX_REFERENCES)
		return error_set(err, ERROR_INVALID, "references must be a list of at most %u",
			REGISTRY_MAX_REFERENCES);
	kind->references = arena_calloc(arena, json_count(list) + 1, sizeof(*kind->references));
	if (kind->references == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the entity registry");
	json_for_each (list, i, item) {
		if (read_rule(item, kind, &kind->references[i], err) != 0)
			return -1;
		kind->reference_count++;
	}
	return 0;
}

/* --- all of them ----------------------------------------------------------------------------- */

static int find_target(struct registry *registry, struct kind *kind, struct reference_rule *rule,
	struct error *err)
{
	for (size_t i = 0; i < registry->count; i++) {
		struct kind *target = &registry->kinds[i];

		if (!str_eq(target->name, rule->target_name))
			continue;
		rule->target = target;
		target->is_referenced = true;
		registry->has_references = true;
		return 0;
	}
	return error_set(err, ERROR_INVALID,
		"entity \"%" STR_F "\": the target_kind \"%" STR_F "\" of reference \"%" STR_F
		"\" is not in the list",
		STR_A(kind->name), STR_A(rule->target_name), STR_A(rule->type));
}

/* Whether each kind that this one requires could exist already. */
static bool can_be_made(
	const struct registry *registry, const struct kind *kind, const bool *possible)
{
	for (size_t i = 0; i < kind->reference_count; i++) {
		const struct reference_rule *rule = &kind->references[i];

		if (rule->min > 0 && !possible[rule->target - registry->kinds])
			return false;
	}
	return true;
}

/* Starts from kinds that require nothing; what is never reached stands in a circle or needs one. */
static int check_circles(const struct registry *registry, struct error *err)
{
	bool possible[REGISTRY_MAX_KINDS] = {false};
	bool moved = true;

	while (moved) {
		moved = false;
		for (size_t i = 0; i < registry->count; i++) {
			if (possible[i] || !can_be_made(registry, &registry->kinds[i], possible))
				continue;
			possible[i] = true;
			moved = true;
		}
	}
	for (size_t i = 0; i < registry->count; i++)
		if (!possible[i])
			return error_set(err, ERROR_INVALID,
				"entity \"%" STR_F
				"\": its required references lead into a circle; set min to 0 on "
				"one of them",
				STR_A(registry->kinds[i].name));
	return 0;
}

int registry_tie_references(struct registry *registry, struct error *err)
{
	for (size_t i = 0; i < registry->count; i++) {
		struct kind *kind = &registry->kinds[i];

		for (size_t k = 0; k < kind->reference_count; k++)
			if (find_target(registry, kind, &kind->references[k], err) != 0)
				return -1;
	}
	return check_circles(registry, err);
}
