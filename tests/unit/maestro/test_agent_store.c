/*
 * test_agent_store.c - turns: one at a time for each work, nothing lost in between, memory bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/thread.h"
#include "maestro/agent.h"
#include "maestro/agent_queue.h"
#include "maestro/agent_store.h"

#define RESYNC_US INT64_C(3600000000)
#define ITEMS 500

static void delayed_items_come_in_order_of_their_time(void **state)
{
	struct agent_queue queue = {0};
	struct agent_queue_item items[ITEMS] = {0};
	int64_t due_us, last = 0;
	for (size_t i = 0; i < ITEMS; i++) {
		agent_queue_ready(&queue, &items[i]);
		assert_ptr_equal(agent_queue_take(&queue, 0, &due_us), &items[i]);
		agent_queue_done(&queue, &items[i], 1 + (int64_t)(i * 7919 % 1000));
	}
	/* Some are called earlier, out of the heap's middle. */
	for (size_t i = 0; i < ITEMS; i += 7) {
		assert_true(agent_queue_ready(&queue, &items[i]));
		assert_ptr_equal(agent_queue_take(&queue, 0, &due_us), &items[i]);
		agent_queue_done(&queue, &items[i], 2000);
	}
	for (size_t taken = 0; taken < ITEMS; taken++) {
		struct agent_queue_item *item = agent_queue_take(&queue, 0, &due_us);
		if (!item)
			item = agent_queue_take(&queue, due_us, &due_us);
		assert_non_null(item);
		assert_true(item->due_us >= last);
		last = item->due_us;
		agent_queue_forget(&queue, item);
	}
	assert_null(agent_queue_take(&queue, INT64_MAX, &due_us));
	assert_int_equal(due_us, INT64_MAX);
	agent_queue_free(&queue);
}

static void give(struct agent_store *store, const char *id, int64_t generation, const char *payload)
{
	struct agent_spec spec = {.id = str_of(id),
		.generation = generation,
		.source = STR("maestro"),
		.payload = str_of(payload)};
	enum agent_action action;
	assert_int_equal(agent_store_receive(store, &spec, &action, NULL), 0);
}

static void finish(struct agent_store *store, const struct agent_pass *pass,
	const struct agent_outcome *outcome)
{
	bool wants_spec;
	agent_store_finish(store, pass, outcome, &wants_spec);
}

static void what_arrives_during_a_turn_gives_another(void **state)
{
	struct agent_store *store = agent_store_new(RESYNC_US);
	struct arena *arena = arena_new(0);
	struct agent_pass pass;
	struct agent_outcome outcome = {.is_sent = true};
	give(store, "a", 1, "one");
	assert_true(agent_store_take(store, arena, &pass));
	assert_true(str_eq_c(pass.payload, "one"));
	assert_int_equal(pass.todo, AGENT_DO_APPLY);
	give(store, "a", 2, "two");
	/* The turn under way keeps what it began with, and ends without touching the new spec. */
	assert_true(str_eq_c(pass.payload, "one"));
	outcome.status = STR("{\"s\":1}");
	finish(store, &pass, &outcome);
	assert_true(agent_store_take(store, arena, &pass));
	assert_true(str_eq_c(pass.payload, "two"));
	assert_int_equal(pass.generation, 2);
	assert_true(str_eq_c(pass.status, "{\"s\":1}"));
	finish(store, &pass, &(struct agent_outcome){.is_sent = true});
	agent_store_free(store);
	arena_free(arena);
}

static void a_deletion_during_a_turn_is_not_overwritten(void **state)
{
	struct agent_store *store = agent_store_new(RESYNC_US);
	struct arena *arena = arena_new(0);
	struct agent_pass pass;
	struct agent_spec deletion = {.id = STR("a"), .generation = 1, .is_deleting = true};
	enum agent_action action;
	bool wants_spec;
	give(store, "a", 1, "one");
	assert_true(agent_store_take(store, arena, &pass));
	assert_int_equal(agent_store_receive(store, &deletion, &action, NULL), 0);
	finish(store, &pass, &(struct agent_outcome){.status = STR("{}"), .is_sent = true});
	assert_true(agent_store_take(store, arena, &pass));
	assert_true(pass.is_deleting);
	assert_true(str_eq_c(pass.payload, "one"));
	/* A spec meanwhile is asked for once it is gone. */
	give(store, "a", 2, "two");
	agent_store_finish(
		store, &pass, &(struct agent_outcome){.is_forgotten = true}, &wants_spec);
	assert_true(wants_spec);
	assert_int_equal(agent_store_count(store), 0);
	agent_store_free(store);
	arena_free(arena);
}

static void own_writes_are_no_news_and_others_are(void **state)
{
	struct agent_store *store = agent_store_new(RESYNC_US);
	struct arena *arena = arena_new(0);
	struct agent_pass pass;
	uint64_t key = agent_target_key(STR(""), STR("configmaps"), STR("ns"), STR("a"));
	struct agent_target target = {.key = key, .kind = 3};
	give(store, "a", 1, "one");
	assert_false(agent_store_sees(store, key, 1, 5, false));
	assert_true(agent_store_take(store, arena, &pass));
	agent_store_track(store, &pass, &target, 1);
	/* The watch is faster than the answer to our own write (6), and then sees another's (7). */
	assert_true(agent_store_sees(store, key, 0, 6, false));
	agent_store_observe(store, key, 6, STR("own"));
	target.version = 6;
	struct agent_outcome outcome = {.is_sent = true, .targets = &target, .target_count = 1};
	finish(store, &pass, &outcome);
	assert_false(agent_store_sees(store, key, 0, 6, false));
	assert_true(agent_store_sees(store, key, 0, 7, false));
	agent_store_observe(store, key, 7, STR("other"));
	assert_true(agent_store_take(store, arena, &pass));
	assert_int_equal(pass.todo, 0);
	assert_int_equal(pass.observation_count, 1);
	assert_true(str_eq_c(pass.observations[0].object, "other"));
	finish(store, &pass, &(struct agent_outcome){.is_sent = true});
	/* Gone, at the version that it had. */
	assert_true(agent_store_sees(store, key, 0, 7, true));
	agent_store_observe(store, key, 7, STR_NULL);
	assert_true(agent_store_take(store, arena, &pass));
	assert_true(str_is_null(pass.observations[0].object));
	finish(store, &pass, &(struct agent_outcome){.is_sent = true});
	agent_store_free(store);
	arena_free(arena);
}

static void what_a_new_listing_lacks_is_looked_after(void **state)
{
	struct agent_store *store = agent_store_new(RESYNC_US);
	struct arena *arena = arena_new(0);
	struct agent_pass pass;
	uint64_t key = agent_target_key(STR(""), STR("configmaps"), STR("ns"), STR("a"));
	struct agent_target target = {.key = key, .kind = 3, .version = 5};
	give(store, "a", 1, "one");
	assert_true(agent_store_take(store, arena, &pass));
	agent_store_track(store, &pass, &target, 1);
	struct agent_outcome outcome = {.is_sent = true, .targets = &target, .target_count = 1};
	finish(store, &pass, &outcome);
	/* Not listed so far: it may be younger than the listing. */
	agent_store_listed(store, 3, 1);
	agent_store_sees(store, key, 2, 5, false);
	agent_store_listed(store, 3, 2);
	/* Another kind's listing says nothing about it. */
	agent_store_listed(store, 4, 9);
	agent_store_report(store, STR("a"), STR("x"));
	agent_store_listed(store, 3, 3);
	assert_true(agent_store_take(store, arena, &pass));
	assert_int_equal(pass.todo, AGENT_DO_APPLY);
	finish(store, &pass, &outcome);
	agent_store_free(store);
	arena_free(arena);
}

static void failures_wait_ever_longer(void **state)
{
	struct agent_store *store = agent_store_new(RESYNC_US);
	struct arena *arena = arena_new(0);
	struct agent_pass pass;
	int64_t began = clock_monotonic_us();
	give(store, "a", 1, "one");
	for (int i = 0; i < 4; i++) {
		assert_true(agent_store_take(store, arena, &pass));
		assert_int_equal(pass.todo, AGENT_DO_APPLY);
		finish(store, &pass, &(struct agent_outcome){.is_failed = true});
	}
	/* Three waits, each of at least half the first. */
	assert_true(clock_monotonic_us() - began >= 3 * AGENT_RETRY_US / 2);
	/* A new spec does not wait. */
	began = clock_monotonic_us();
	give(store, "a", 2, "two");
	assert_true(agent_store_take(store, arena, &pass));
	assert_true(clock_monotonic_us() - began < AGENT_RETRY_US);
	finish(store, &pass, &(struct agent_outcome){0});
	agent_store_free(store);
	arena_free(arena);
}

struct race {
	struct agent_store *store;
	_Atomic int turns, inside[8], clashes;
};

static void race_take(void *arg)
{
	struct race *race = arg;
	struct arena *arena = arena_new(0);
	struct agent_pass pass;
	while (agent_store_take(race->store, arena, &pass)) {
		int work = pass.id.ptr[0] - 'a';
		if (race->inside[work]++ != 0)
			race->clashes++;
		race->turns++;
		race->inside[work]--;
		finish(race->store, &pass, &(struct agent_outcome){.is_sent = true});
		arena_reset(arena);
	}
	arena_free(arena);
}

static void a_work_is_with_one_thread_at_a_time(void **state)
{
	struct race race = {.store = agent_store_new(RESYNC_US)};
	struct thread *threads[4];
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(thread_start(&threads[i], "taker", race_take, &race, NULL), 0);
	for (int version = 1; version <= 2000; version++) {
		char id[2] = {(char)('a' + version % 8), '\0'};
		give(race.store, id, version, "x");
	}
	for (int i = 0; i < 500 && race.turns < 8; i++)
		usleep(2000);
	agent_store_stop(race.store);
	for (size_t i = 0; i < 4; i++)
		thread_join(threads[i]);
	assert_int_equal(race.clashes, 0);
	assert_true(race.turns >= 8);
	agent_store_free(race.store);
}

static void a_sleeping_work_takes_little_more_than_its_packed_text(void **state)
{
	enum { WORKS = 1000, PAYLOAD = 3000, STATUS = 1500, TARGETS = 5 };
	struct agent_store *store = agent_store_new(RESYNC_US);
	struct arena *arena = arena_new(0);
	char *payload = calloc(1, PAYLOAD + 1), *status = calloc(1, STATUS + 1);
	memset(payload, 'p', PAYLOAD);
	memset(status, 's', STATUS);
	size_t before = mallinfo2().uordblks;
	for (int i = 0; i < WORKS; i++) {
		char id[48];
		struct agent_pass pass;
		struct agent_target targets[TARGETS];
		snprintf(id, sizeof(id), "b36c830b-4868-5d1f-908a-%012d", i);
		for (int k = 0; k < TARGETS; k++)
			targets[k] = (struct agent_target){.key = (uint64_t)(1 + i * TARGETS + k)};
		give(store, id, 1, payload);
		assert_true(agent_store_take(store, arena, &pass));
		assert_true(str_eq_c(pass.payload, payload)); /* as it came */
		agent_store_track(store, &pass, targets, TARGETS);
		finish(store, &pass,
			&(struct agent_outcome){.status = str_of(status), .is_sent = true});
		arena_reset(arena);
	}
	size_t each = (mallinfo2().uordblks - before) / WORKS;
#ifndef __SANITIZE_ADDRESS__
#ifndef __SANITIZE_THREAD__
	print_message("%zu bytes beside the status\n", each - STATUS);
	assert_in_range(each, STATUS, STATUS + 2048); /* this payload packs to almost nothing */
#endif
#endif
	(void)each;
	free(payload);
	free(status);
	agent_store_free(store);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delayed_items_come_in_order_of_their_time),
		cmocka_unit_test(what_arrives_during_a_turn_gives_another),
		cmocka_unit_test(a_deletion_during_a_turn_is_not_overwritten),
		cmocka_unit_test(own_writes_are_no_news_and_others_are),
		cmocka_unit_test(what_a_new_listing_lacks_is_looked_after),
		cmocka_unit_test(failures_wait_ever_longer),
		cmocka_unit_test(a_work_is_with_one_thread_at_a_time),
		cmocka_unit_test(a_sleeping_work_takes_little_more_than_its_packed_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
