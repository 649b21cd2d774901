/*
 * fuzz_condition_map.c - any text as the `conditions:` of a kind. What is refused has a sentence;
 * what is taken gives, of a fixed report, conditions by type and within their limits, the same each
 * time, and never a secret; what fails while running says so.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "clm/condition_map.h"
#include "clm/registry_conditions.h"

#define SECRET "xK9-zq" /* the value of every sensitive member below */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool contains(struct str text, struct str part)
{
	for (size_t at = 0; at + part.len <= text.len; at++) {
		if (str_eq(str_slice(text, at, part.len), part))
			return true;
	}
	return false;
}

static bool run(struct arena *arena, const struct kind *kind, struct condition_list *ret)
{
	static struct reported_condition said[] = {
		{STR("Available"), STR("True"), STR("R"), STR("m"), 5}};
	static struct report items[] = {{.adapter = STR("dns"),
		.observed_generation = 1,
		.last_report_us = 5,
		.conditions = said,
		.condition_count = 1,
		.data = STR("{\"ready\":true,\"zone\":[{\"name\":\"a\"}],\"list\":[{\"token\":"
			    "\"" SECRET "\"}],\"dbPassword\":\"" SECRET "\"}")}};
	static const struct report_list reports = {items, 1};
	static const struct resource resource = {
		.id = STR("1"),
		.kind = STR("Cluster"),
		.name = STR("c"),
		.href = STR("/clusters/1"),
		.tenancy = STR("{}"),
		.spec = STR("{\"n\":3,\"text\":\"h\xC3\xA9llo\",\"cert\":{\"a\":\"" SECRET "\"}}"),
		.generation = 1,
		.created_us = 1,
		.updated_us = 2,
	};
	const struct condition_list none = {0};
	struct error err = {0};

	*ret = none;
	if (condition_map_apply(kind->mappings, kind->mapping_count, arena, &resource, &reports,
		    &none, MAPPING_FAILS, ret, &err) == 0)
		return true;
	require(err.code != ERROR_NONE && err.message[0] != '\0');
	return false;
}

static void check_list(struct arena *arena, const struct condition_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct condition *item = &list->items[i];

		require(i == 0 || str_cmp(list->items[i - 1].type, item->type) < 0);
		require(item->type.len <= REGISTRY_MAX_CONDITION_TYPE);
		require(item->reason.len <= CONDITION_MAP_MAX_REASON);
		require(item->message.len <= CONDITION_MAP_MAX_MESSAGE);
		require(!contains(item->reason, STR(SECRET)));
		require(!contains(item->message, STR(SECRET)));
	}
	require(!str_is_null(condition_list_text(arena, list)) || arena_is_exhausted(arena));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct arena *arena = arena_new((size_t)64 << 20);
	struct str text = str_n((const char *)bytes, size);
	struct condition_list first, second;
	struct kind kind = {.name = STR("Cluster")};
	struct error err = {0};
	struct json *document;

	if (arena == NULL || contains(text, STR(SECRET)) ||
		json_parse(arena, text, NULL, &document, &err) != 0) {
		arena_free(arena);
		return 0;
	}
	if (registry_read_conditions(arena, document, &kind, &err) != 0) {
		require(err.code != ERROR_NONE && err.message[0] != '\0');
	} else if (run(arena, &kind, &first)) {
		check_list(arena, &first);
		require(run(arena, &kind, &second) ? condition_list_says_same(&first, &second)
						   : arena_is_exhausted(arena));
	}
	arena_free(arena);
	return 0;
}
