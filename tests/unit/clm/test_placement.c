/*
 * Placement: the choice of a management cluster as a table, then reserving, freeing and waking over
 * HTTP.
 */
#include "region.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/thread.h"
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

/* --- reserving ------------------------------------------------------------------------------- */

#define V1 "/api/hyperfleet/v1"
#define REPORT_DONE "Available=False,Applied=False,Health=True,Finalized=True"

static const char *create_management_cluster(
	struct region *region, const char *name, const char *spec)
{
	struct str id = region_create(region, V1 "/management_clusters",
		region_path(region, "{\"kind\":\"ManagementCluster\",\"name\":\"%s\",\"spec\":%s}",
			name, spec));

	return region_path(region, V1 "/management_clusters/%" STR_F, STR_A(id));
}

static const char *create_cluster(struct region *region, const char *name)
{
	struct str id = region_create_cluster(region, name);

	return region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
}

/* Where, or "-". */
static const char *place(struct region *region, const char *cluster)
{
	struct answer answer = region_call(
		region, "POST", region_path(region, "%s/placement", cluster), NULL, NULL);
	struct str where = json_get_text(answer.json, "management_cluster");

	assert_int_equal(answer.status, 200);
	if (!str_is_null(where))
		return arena_cstr(region->arena, where);
	assert_true(str_eq_c(json_get_text(answer.json, "reason"), "NoCapacity"));
	assert_true(json_is(json_get(answer.json, "management_cluster"), JSON_NULL));
	return "-";
}

/* What reading the cluster says. */
static const char *seen_at(struct region *region, const char *cluster)
{
	struct answer answer =
		region_get(region, region_path(region, "%s?include=statuses", cluster));
	struct str where =
		json_str(json_find(answer.json, "placement", "management_cluster", NULL));

	assert_int_equal(answer.status, 200);
	assert_int_equal(json_get(answer.json, "placement") != NULL, !str_is_null(where));
	return str_is_null(where) ? "-" : arena_cstr(region->arena, where);
}

static void free_place(struct region *region, const char *cluster)
{
	assert_int_equal(region_call(region, "DELETE", region_path(region, "%s/placement", cluster),
				 NULL, NULL)
				 .status,
		204);
}

/* How many "wake" rows the feed holds for the cluster at `path`. */
static size_t count_wakes(struct region *region, const char *path)
{
	struct answer metrics = region_get(region, "/metrics");
	ptrdiff_t at = str_find(metrics.body, STR("\nreeve_clm_feed_last_sequence "));
	struct str rest = str_slice(metrics.body, (size_t)at + 30, SIZE_MAX);
	struct str id = str_of(strrchr(path, '/') + 1);
	const struct json *lines;
	const struct json *line;
	int64_t last = 0;
	size_t wakes = 0;

	assert_true(at >= 0 && str_to_int64(str_cut(&rest, '\n'), &last));
	lines = region_watch(region, V1 "/resources/watch?after=0", NULL, (size_t)last + 1);
	json_for_each (lines, i, line) {
		if (str_eq_c(json_get_text(line, "event"), "wake") &&
			str_eq(json_get_text(line, "id"), id))
			wakes++;
	}
	return wakes;
}

static void a_place_is_reserved_once_and_answered_again(void **state)
{
	struct region *region = *state;
	const char *one = create_cluster(region, "one");
	const char *two = create_cluster(region, "two");

	create_management_cluster(region, "mc-1", "{\"capacity\":{\"hostedClusters\":1}}");
	assert_string_equal(place(region, one), "mc-1");
	assert_string_equal(place(region, one), "mc-1");
	assert_string_equal(place(region, two), "-");
	region_restart(region);
	assert_string_equal(place(region, one), "mc-1");
	free_place(region, one);
	free_place(region, one);
	assert_string_equal(place(region, two), "mc-1");
	assert_string_equal(place(region, one), "-");
}

/* Who reads a new cluster finds its place there, without asking; who waits goes first. */
static void a_new_cluster_has_its_place_from_the_start(void **state)
{
	struct region *region = *state;

	create_management_cluster(region, "mc-1", "{\"capacity\":{\"hostedClusters\":1}}");
	const char *one = create_cluster(region, "one");
	const char *two = create_cluster(region, "two");
	assert_string_equal(seen_at(region, one), "mc-1");
	assert_string_equal(seen_at(region, two), "-");
	assert_string_equal(place(region, one), "mc-1");
	assert_string_equal(place(region, two), "-");
	create_management_cluster(region, "mc-2", "{\"capacity\":{\"hostedClusters\":1}}");
	const char *three = create_cluster(region, "three");
	assert_string_equal(seen_at(region, three), "-");
	assert_string_equal(place(region, two), "mc-2");
	free_place(region, one);
	const char *four = create_cluster(region, "four");
	assert_string_equal(seen_at(region, four), "mc-1");
}

static void placing_needs_a_cluster_that_lives(void **state)
{
	struct region *region = *state;
	const char *one = create_cluster(region, "one");
	struct answer answer = region_call(region, "POST", V1 "/clusters/x/placement", NULL, NULL);

	assert_int_equal(answer.status, 404);
	create_management_cluster(region, "mc-1", "{\"capacity\":{\"hostedClusters\":1}}");
	region_call(region, "DELETE", one, NULL, NULL);
	answer = region_call(region, "POST", region_path(region, "%s/placement", one), NULL, NULL);
	assert_int_equal(answer.status, 409);
}

static void a_tenant_cannot_offer_a_management_cluster(void **state)
{
	struct region *region = *state;
	const char *one = create_cluster(region, "one");

	assert_int_equal(region_call(region, "POST", V1 "/management_clusters",
				 "{\"kind\":\"ManagementCluster\",\"name\":\"mc-9\",\"spec\":{"
				 "\"capacity\":{\"hostedClusters\":100}}}",
				 "X-Amz-Account-Id: 666")
				 .status,
		201);
	assert_string_equal(place(region, one), "-");
}

static void room_that_appears_wakes_who_waits(void **state)
{
	struct region *region = *state;
	const char *first = create_cluster(region, "first");
	const char *second = create_cluster(region, "second");
	const char *third = create_cluster(region, "third");
	const char *target;

	assert_string_equal(place(region, first), "-");
	assert_string_equal(place(region, second), "-");
	assert_string_equal(place(region, third), "-");
	/* A new management cluster with one place: the one that has waited longest. */
	target = create_management_cluster(region, "mc-1", "{\"capacity\":{\"hostedClusters\":1}}");
	assert_int_equal(count_wakes(region, first), 1);
	assert_int_equal(count_wakes(region, second), 0);
	assert_string_equal(place(region, first), "mc-1");
	/* A raised capacity, but cordoned; then uncordoned. */
	region_call(region, "PATCH", target,
		"{\"spec\":{\"capacity\":{\"hostedClusters\":2},\"cordoned\":true}}", NULL);
	assert_int_equal(count_wakes(region, second), 0);
	region_call(region, "PATCH", target,
		"{\"spec\":{\"capacity\":{\"hostedClusters\":2},\"cordoned\":false}}", NULL);
	assert_int_equal(count_wakes(region, second), 1);
	assert_string_equal(place(region, second), "mc-1");
	/* A reservation that is freed. */
	assert_int_equal(count_wakes(region, third), 0);
	free_place(region, first);
	assert_int_equal(count_wakes(region, third), 1);
	assert_string_equal(place(region, third), "mc-1");
	assert_int_equal(count_wakes(region, first), 1);
}

static void a_cluster_that_goes_frees_its_place(void **state)
{
	struct region *region = *state;
	const char *one = create_cluster(region, "one");
	const char *two = create_cluster(region, "two");

	create_management_cluster(region, "mc-1", "{\"capacity\":{\"hostedClusters\":1}}");
	assert_string_equal(place(region, one), "mc-1");
	assert_string_equal(place(region, two), "-");
	region_call(region, "DELETE", one, NULL, NULL);
	assert_int_equal(region_report(region, one, "placement", 2, REPORT_DONE), 201);
	assert_int_equal(count_wakes(region, two), 0);
	assert_int_equal(region_report(region, one, "hypershift", 2, REPORT_DONE), 201);
	assert_int_equal(count_wakes(region, two), 1);
	assert_string_equal(place(region, two), "mc-1");
}

static void a_woken_cluster_that_is_deleted_passes_the_place_on(void **state)
{
	struct region *region = *state;
	const char *one = create_cluster(region, "one");
	const char *two = create_cluster(region, "two");

	assert_string_equal(place(region, one), "-");
	assert_string_equal(place(region, two), "-");
	create_management_cluster(region, "mc-1", "{\"capacity\":{\"hostedClusters\":1}}");
	assert_int_equal(count_wakes(region, two), 0);
	region_call(region, "DELETE", one, NULL, NULL);
	assert_int_equal(count_wakes(region, two), 1);
}

static void a_management_cluster_in_use_cannot_be_deleted(void **state)
{
	struct region *region = *state;
	const char *one = create_cluster(region, "one");
	const char *target =
		create_management_cluster(region, "mc-1", "{\"capacity\":{\"hostedClusters\":1}}");
	struct answer answer;

	place(region, one);
	answer = region_call(region, "DELETE", target, NULL, NULL);
	assert_int_equal(answer.status, 409);
	assert_true(str_eq_c(json_get_text(answer.json, "code"), "HYPERFLEET-CNF-003"));
	free_place(region, one);
	assert_int_equal(region_call(region, "DELETE", target, NULL, NULL).status, 202);
	assert_int_equal(region_get(region, target).status, 404);
}

/* --- all at once ----------------------------------------------------------------------------- */

#define RACERS 16
#define PLACES 7

struct racer {
	struct region *region;
	const char *path;
	struct thread *thread;
	struct arena *arena;
	bool is_placed;
};

static void race(void *arg)
{
	struct racer *racer = arg;
	const struct http_call call = {.method = "POST", .path = str_of(racer->path)};
	struct json *body = NULL;
	int status = 0;

	if (http_client_json(racer->region->client, racer->arena, &call, &status, &body, NULL) == 0)
		racer->is_placed = !str_is_null(json_get_text(body, "management_cluster"));
}

static void places_are_never_given_twice(void **state)
{
	struct region *region = *state;
	struct racer racers[RACERS];
	int placed = 0;

	create_management_cluster(region, "mc-1", "{\"capacity\":{\"hostedClusters\":3}}");
	create_management_cluster(region, "mc-2", "{\"capacity\":{\"hostedClusters\":4}}");
	for (int i = 0; i < RACERS; i++)
		racers[i] = (struct racer){.region = region,
			.path = region_path(region, "%s/placement",
				create_cluster(region, region_path(region, "c-%d", i))),
			.arena = arena_new(0)};
	for (int i = 0; i < RACERS; i++)
		assert_int_equal(
			thread_start(&racers[i].thread, "racer", race, &racers[i], NULL), 0);
	for (int i = 0; i < RACERS; i++) {
		thread_join(racers[i].thread);
		arena_free(racers[i].arena);
		placed += racers[i].is_placed;
	}
	assert_int_equal(placed, PLACES);
}

int main(void)
{
#define WITH_REGION(test) cmocka_unit_test_setup_teardown(test, region_setup, region_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_choice_holds),
		cmocka_unit_test(a_long_explanation_is_cut),
		WITH_REGION(a_place_is_reserved_once_and_answered_again),
		WITH_REGION(a_new_cluster_has_its_place_from_the_start),
		WITH_REGION(placing_needs_a_cluster_that_lives),
		WITH_REGION(a_tenant_cannot_offer_a_management_cluster),
		WITH_REGION(room_that_appears_wakes_who_waits),
		WITH_REGION(a_cluster_that_goes_frees_its_place),
		WITH_REGION(a_woken_cluster_that_is_deleted_passes_the_place_on),
		WITH_REGION(a_management_cluster_in_use_cannot_be_deleted),
		WITH_REGION(places_are_never_given_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
