/*
 * fuzz_kubeapi_fields.c - managed fields and selectors: two sets of fields, one a line, and the
 * same lines as selectors.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "local/kubeapi_fields.h"
#include "local/kubeapi_select.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static bool read_set(struct arena *arena, struct str text, struct kubeapi_fields **ret)
{
	struct json *json;

	return json_parse(arena, text, NULL, &json, NULL) == 0 &&
	       kubeapi_fields_parse(arena, json, ret, NULL) == 0;
}

static void ignore(void *context, struct str path)
{
}

/* Laws of sets; a set also survives being written and read. */
static void check_sets(
	struct arena *arena, const struct kubeapi_fields *a, const struct kubeapi_fields *b)
{
	struct kubeapi_fields *either = kubeapi_fields_union(arena, a, b), *again;
	struct kubeapi_fields *both = kubeapi_fields_intersection(arena, a, b);
	struct kubeapi_fields *only_a = kubeapi_fields_difference(arena, a, b);

	kubeapi_fields_each(arena, either, ignore, NULL);
	kubeapi_fields_without(arena, a, b);
	if (arena_is_exhausted(arena))
		return;
	require(kubeapi_fields_equal(either, kubeapi_fields_union(arena, b, a)));
	require(kubeapi_fields_equal(a, kubeapi_fields_union(arena, both, only_a)));
	require(kubeapi_fields_is_empty(kubeapi_fields_intersection(arena, only_a, b)));
	if (a->is_member)
		return; /* FieldsV1 cannot say that of a root without children */
	again = NULL;
	require(read_set(arena, json_text(arena, kubeapi_fields_write(arena, only_a), 0), &again) ||
		arena_is_exhausted(arena));
	require(arena_is_exhausted(arena) || kubeapi_fields_equal(only_a, again));
}

static void check_selectors(struct arena *arena, struct str text)
{
	struct kubeapi_selector selector;
	struct json *labels = json_new_object(arena);

	json_set_text(labels, "a", STR("b"));
	if (kubeapi_select_labels(arena, text, &selector, NULL) == 0)
		kubeapi_select_match_labels(&selector, labels);
	if (kubeapi_select_fields(arena, text, &selector, NULL) == 0)
		kubeapi_select_match_fields(&selector, labels);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new((size_t)16 << 20);
	struct str rest = str_n((const char *)bytes, size), first = str_cut(&rest, '\n');
	struct kubeapi_fields *a, *b;

	check_selectors(arena, first);
	if (read_set(arena, first, &a) && read_set(arena, rest, &b))
		check_sets(arena, a, b);
	return 0;
}
