/*
 * The choice of a management cluster; reserving and waking are tested with a database in
 * test_lifecycle.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "clm/placement.h"

struct row {
	const char *name;
	struct {
		const char *name;
		int64_t capacity;
		int64_t used;
		bool cordoned;
	} candidates[3];
	const char *chosen; /* NULL: none */
	const char *explanation;
};

static const struct row rows[] = {
	{"nowhere without management clusters", {{0}}, NULL, "no management cluster is registered"},
	{"the only one", {{"mc-1", 1, 0, false}}, "mc-1", NULL},
	{"not a full one", {{"mc-1", 2, 2, false}}, NULL,
		"no management cluster has room: mc-1 has 2 of 2 places taken"},
	{"not a cordoned one", {{"mc-1", 2, 0, true}}, NULL,
		"no management cluster has room: mc-1 is cordoned"},
	{"the one with most room, not the largest",
		{{"mc-1", 100, 98, false}, {"mc-2", 10, 7, false}, {"mc-3", 5, 3, false}}, "mc-2",
		NULL},
	{"by name when several have the same room",
		{{"mc-3", 5, 1, false}, {"mc-1", 4, 0, false}, {"mc-2", 6, 2, false}}, "mc-1",
		NULL},
	{"a cordoned one does not win by its room", {{"mc-1", 100, 0, true}, {"mc-2", 2, 1, false}},
		"mc-2", NULL},
	{"more used than capacity, after it was lowered, is full",
		{{"mc-1", 2, 5, false}, {"mc-2", 0, 0, false}}, NULL,
		"no management cluster has room: mc-1 has 5 of 2 places taken, mc-2 has 0 of 0 "
		"places taken"},
};

static void every_choice_holds(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct placement_candidate candidates[3];
		const struct placement_candidate *chosen;
		size_t count = 0;

		for (; count < 3 && rows[i].candidates[count].name != NULL; count++)
			candidates[count] = (struct placement_candidate){
				str_of(rows[i].candidates[count].name),
				rows[i].candidates[count].capacity, rows[i].candidates[count].used,
				rows[i].candidates[count].cordoned};
		chosen = placement_choose(candidates, count);
		if ((chosen == NULL) != (rows[i].chosen == NULL) ||
			(chosen != NULL && !str_eq_c(chosen->name, rows[i].chosen)))
			fail_msg("%s: %" STR_F, rows[i].name,
				STR_A(chosen != NULL ? chosen->name : STR("none")));
		if (rows[i].explanation != NULL &&
			!str_eq_c(placement_explain(arena, candidates, count), rows[i].explanation))
			fail_msg("%s: %" STR_F, rows[i].name,
				STR_A(placement_explain(arena, candidates, count)));
	}
}

static void a_long_explanation_is_cut(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct placement_candidate candidates[10];

	for (size_t i = 0; i < 10; i++)
		candidates[i] = (struct placement_candidate){STR("mc"), 0, 0, true};
	assert_non_null(strstr(placement_explain(arena, candidates, 10).ptr, ", and 2 more"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_choice_holds),
		cmocka_unit_test(a_long_explanation_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
