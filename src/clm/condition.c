/*
 * condition.c - see condition.h.
 */
#include "clm/condition.h"

#include "base/clock.h"

static int parse_time(const struct json *item, const char *member, int64_t *ret, struct error *err)
{
	struct str text = json_get_text(item, member);

	if (!clock_parse(text, ret))
		return error_set(err, ERROR_INTERNAL, "a stored condition has %s \"%" STR_F "\"",
			member, STR_A(text));
	return 0;
}

static int parse_condition(const struct json *item, struct condition *ret, struct error *err)
{
	ret->type = json_get_text(item, "type");
	ret->is_true = str_eq_c(json_get_text(item, "status"), "True");
	ret->reason = json_get_text(item, "reason");
	ret->message = json_get_text(item, "message");
	ret->observed_generation = json_int(json_get(item, "observed_generation"), 0);
	if (parse_time(item, "created_time", &ret->created_us, err) != 0 ||
		parse_time(item, "last_updated_time", &ret->last_updated_us, err) != 0)
		return -1;
	return parse_time(item, "last_transition_time", &ret->last_transition_us, err);
}

int condition_list_parse(
	struct arena *arena, struct str text, struct condition_list *ret, struct error *err)
{
	struct condition_list list = {0};
	struct json *document;
	const struct json *item;

	if (json_parse(arena, text, NULL, &document, err) != 0)
		return error_prefix(err, "stored conditions");
	list.items = arena_calloc(arena, json_count(document) + 1, sizeof(*list.items));
	if (list.items == NULL)
		return error_set(err, ERROR_MEMORY, "no room for the conditions of a resource");
	json_for_each (document, i, item) {
		if (parse_condition(item, &list.items[list.count++], err) != 0)
			return -1;
	}
	*ret = list;
	return 0;
}

struct str condition_list_text(struct arena *arena, const struct condition_list *list)
{
	struct json *array = json_new_array(arena);

	for (size_t i = 0; i < list->count; i++) {
		const struct condition *condition = &list->items[i];
		struct json *item = json_new_object(arena);

		json_set_text(item, "type", condition->type);
		json_set_text(item, "status", condition->is_true ? STR("True") : STR("False"));
		json_set_text(item, "reason", condition->reason);
		json_set_text(item, "message", condition->message);
		json_set_int(item, "observed_generation", condition->observed_generation);
		json_set_text(item, "created_time", clock_text(arena, condition->created_us));
		json_set_text(
			item, "last_updated_time", clock_text(arena, condition->last_updated_us));
		json_set_text(item, "last_transition_time",
			clock_text(arena, condition->last_transition_us));
		json_append(array, item);
	}
	return json_text(arena, array, JSON_WRITE_COMPACT);
}

const struct condition *condition_find(const struct condition_list *list, struct str type)
{
	for (size_t i = 0; i < list->count; i++) {
		if (str_eq(list->items[i].type, type))
			return &list->items[i];
	}
	return NULL;
}

static bool says_same(const struct condition *a, const struct condition *b)
{
	return str_eq(a->type, b->type) && a->is_true == b->is_true &&
	       str_eq(a->reason, b->reason) && str_eq(a->message, b->message) &&
	       a->observed_generation == b->observed_generation && a->created_us == b->created_us &&
	       a->last_transition_us == b->last_transition_us;
}

bool condition_list_says_same(const struct condition_list *a, const struct condition_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		if (!says_same(&a->items[i], &b->items[i]))
			return false;
	}
	return true;
}
