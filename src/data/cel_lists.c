/*
 * cel_lists.c - the lists extension of cel-go: distinct, sort, slice, flatten, reverse, first,
 * last, lists.range. sortBy is a macro and sorts in cel_eval.c.
 */
#include "data/cel_tree.h"

#define MAX_RANGE 100000
#define MAX_FLATTEN_DEPTH 100

static int call_distinct(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct cel_value *list = &arguments[0];
	struct cel_items *items;

	if (list->type != CEL_LIST)
		return cel_no_overload(run, "distinct", arguments, count);
	items = cel_new_items(run, cel_count(list));
	if (items == NULL)
		return cel_no_memory(run);
	for (size_t i = 0; i < cel_count(list); i++) {
		struct cel_value item = cel_item(list, i);
		bool is_known = false;

		for (size_t j = 0; j < items->count && !is_known; j++) {
			if (cel_equal(run, &item, &items->values[j], &is_known) != 0)
				return -1;
		}
		if (!is_known)
			items->values[items->count++] = item;
	}
	*ret = cel_list(items);
	return 0;
}

/* One type, or a document's ints among doubles. */
static bool are_of_one_kind(const struct cel_value *a, const struct cel_value *b)
{
	return a->type == b->type || (a->is_json && b->type == CEL_DOUBLE) ||
	       (b->is_json && a->type == CEL_DOUBLE);
}

static bool has_order(const struct cel_value *value)
{
	int order;

	return cel_order(value, value, &order) || value->type == CEL_DOUBLE;
}

int cel_sort(struct cel_run *run, struct cel_value *keys, struct cel_value *values, size_t count)
{
	struct cel_value *room = arena_calloc(run->arena, 2 * count + 1, sizeof(struct cel_value));

	if (room == NULL)
		return cel_no_memory(run);
	for (size_t i = 0; i < count; i++) {
		if (!has_order(&keys[i]))
			return cel_fail(run, "a %s has no order", cel_type_name(&keys[i]));
	}
	for (size_t width = 1; width < count; width *= 2) {
		if (cel_charge(run, count) != 0)
			return -1;
		for (size_t start = 0; start < count; start += 2 * width) {
			size_t middle = start + width < count ? start + width : count;
			size_t end = start + 2 * width < count ? start + 2 * width : count;
			size_t a = start, b = middle;

			for (size_t out = start; out < end; out++) {
				int order = 0;
				size_t from;

				if (a < middle && b < end &&
					(!are_of_one_kind(&keys[a], &keys[b]) ||
						!cel_order(&keys[a], &keys[b], &order)))
					return cel_fail(run, "a %s and a %s have no order",
						cel_type_name(&keys[a]), cel_type_name(&keys[b]));
				from = b >= end || (a < middle && order <= 0) ? a++ : b++;
				room[2 * out] = keys[from];
				room[2 * out + 1] = values[from];
			}
		}
		for (size_t i = 0; i < count; i++) {
			keys[i] = room[2 * i];
			values[i] = room[2 * i + 1];
		}
	}
	return 0;
}

static int call_sort(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct cel_value *list = &arguments[0];
	struct cel_items *keys, *items;

	if (list->type != CEL_LIST)
		return cel_no_overload(run, "sort", arguments, count);
	keys = cel_new_items(run, cel_count(list));
	items = cel_new_items(run, cel_count(list));
	if (keys == NULL || items == NULL)
		return cel_no_memory(run);
	for (size_t i = 0; i < cel_count(list); i++)
		keys->values[i] = items->values[i] = cel_item(list, i);
	items->count = cel_count(list);
	*ret = cel_list(items);
	return cel_sort(run, keys->values, items->values, items->count);
}

static int call_slice(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	const struct cel_value *list = &arguments[0];
	int64_t first, last;
	struct cel_items *items;

	if (list->type != CEL_LIST || arguments[1].type != CEL_INT || arguments[2].type != CEL_INT)
		return cel_no_overload(run, "slice", arguments, count);
	first = arguments[1].as.integer;
	last = arguments[2].as.integer;
	if (first < 0 || last < first || (uint64_t)last > cel_count(list))
		return cel_fail(run, "slice(%lld, %lld) is outside of a list of %zu",
			(long long)first, (long long)last, cel_count(list));
	items = cel_new_items(run, (size_t)(last - first));
	if (items == NULL)
		return cel_no_memory(run);
	for (int64_t i = first; i < last; i++)
		items->values[items->count++] = cel_item(list, (size_t)i);
	*ret = cel_list(items);
	return cel_charge(run, items->count);
}

/* How many items the flattened list has. */
static int count_flat(
	struct cel_run *run, const struct cel_value *list, int64_t depth, size_t *total)
{
	for (size_t i = 0; i < cel_count(list); i++) {
		struct cel_value item = cel_item(list, i);

		if (cel_charge(run, 1) != 0)
			return -1;
		if (item.type != CEL_LIST || depth <= 0)
			++*total;
		else if (count_flat(run, &item, depth - 1, total) != 0)
			return -1;
	}
	return 0;
}

static void add_flat(struct cel_items *items, const struct cel_value *list, int64_t depth)
{
	for (size_t i = 0; i < cel_count(list); i++) {
		struct cel_value item = cel_item(list, i);

		if (item.type != CEL_LIST || depth <= 0)
			items->values[items->count++] = item;
		else
			add_flat(items, &item, depth - 1);
	}
}

static int call_flatten(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	int64_t depth = 1;
	size_t total = 0;
	struct cel_items *items;

	if (arguments[0].type != CEL_LIST || (count > 1 && arguments[1].type != CEL_INT))
		return cel_no_overload(run, "flatten", arguments, count);
	if (count > 1)
		depth = arguments[1].as.integer;
	if (depth < 0 || depth > MAX_FLATTEN_DEPTH)
		return cel_fail(run, "flatten: the depth must be 0 to %d", MAX_FLATTEN_DEPTH);
	if (count_flat(run, &arguments[0], depth, &total) != 0)
		return -1;
	items = cel_new_items(run, total);
	if (items == NULL)
		return cel_no_memory(run);
	add_flat(items, &arguments[0], depth);
	*ret = cel_list(items);
	return 0;
}

static int call_range(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	struct cel_items *items;

	if (arguments[0].type != CEL_INT)
		return cel_no_overload(run, "lists.range", arguments, count);
	if (arguments[0].as.integer < 0 || arguments[0].as.integer > MAX_RANGE)
		return cel_fail(run, "lists.range: the count must be 0 to %d", MAX_RANGE);
	items = cel_new_items(run, (size_t)arguments[0].as.integer);
	if (items == NULL)
		return cel_no_memory(run);
	for (int64_t i = 0; i < arguments[0].as.integer; i++)
		items->values[items->count++] = cel_int(i);
	*ret = cel_list(items);
	return cel_charge(run, items->count);
}

static int end_of_list(struct cel_run *run, const char *name, bool is_last,
	const struct cel_value *list, struct cel_value *ret)
{
	struct cel_value item;

	if (list->type != CEL_LIST)
		return cel_no_overload(run, name, list, 1);
	*ret = (struct cel_value){.type = CEL_OPTIONAL};
	if (cel_count(list) == 0)
		return 0;
	item = cel_item(list, is_last ? cel_count(list) - 1 : 0);
	return cel_optional_of(run, &item, ret);
}

static int call_first(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	return end_of_list(run, "first", false, &arguments[0], ret);
}

static int call_last(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	return end_of_list(run, "last", true, &arguments[0], ret);
}

const struct cel_builtin cel_list_functions[] = {
	{"distinct", CEL_METHOD, 1, 1, call_distinct},
	{"sort", CEL_METHOD, 1, 1, call_sort},
	{"slice", CEL_METHOD, 3, 3, call_slice},
	{"flatten", CEL_METHOD, 1, 2, call_flatten},
	{"lists.range", CEL_GLOBAL, 1, 1, call_range},
	{"first", CEL_METHOD, 1, 1, call_first},
	{"last", CEL_METHOD, 1, 1, call_last},
	{NULL, 0, 0, 0, NULL},
};
