/*
 * test_adapter_queue.c - one turn at a time for each resource, and another where one is due.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>

#include "base/clock.h"
#include "base/thread.h"
#include "clm/adapter_queue.h"

static struct adapter_item *take(struct adapter_queue *queue, const char *expected)
{
	struct str event;
	struct adapter_item *item = adapter_queue_take(queue, &event);
	assert_non_null(item);
	assert_true(str_eq_c(event, expected));
	return item;
}

static void put(struct adapter_queue *queue, const char *id, const char *event)
{
	assert_true(adapter_queue_put(queue, str_of(id), str_of(event), ADAPTER_LINE_EVENT));
}

static void a_waiting_event_is_replaced_by_a_newer_one(void **state)
{
	struct adapter_queue *queue = adapter_queue_new(0);
	put(queue, "a", "1");
	put(queue, "b", "2");
	put(queue, "a", "3");
	assert_int_equal(adapter_queue_count(queue), 2);
	adapter_queue_done(queue, take(queue, "3"), false);
	adapter_queue_done(queue, take(queue, "2"), false);
	assert_int_equal(adapter_queue_count(queue), 0);
	adapter_queue_free(queue);
}

static void events_during_a_turn_make_one_more_turn(void **state)
{
	struct adapter_queue *queue = adapter_queue_new(0);
	put(queue, "a", "1");
	struct adapter_item *first = take(queue, "1");
	put(queue, "a", "2");
	put(queue, "a", "3");
	put(queue, "b", "4"); /* another resource is not held up */
	struct adapter_item *other = take(queue, "4");
	adapter_queue_done(queue, other, false);
	adapter_queue_done(queue, first, true); /* the newer event is the retry */
	adapter_queue_done(queue, take(queue, "3"), false);
	assert_int_equal(adapter_queue_count(queue), 0);
	adapter_queue_free(queue);
}

static void events_go_before_repairs(void **state)
{
	struct adapter_queue *queue = adapter_queue_new(0);
	adapter_queue_put(queue, STR("a"), STR("repair a"), ADAPTER_LINE_REPAIR);
	adapter_queue_put(queue, STR("b"), STR("repair b"), ADAPTER_LINE_REPAIR);
	put(queue, "c", "event c");
	put(queue, "b", "event b");
	adapter_queue_done(queue, take(queue, "event c"), false);
	adapter_queue_done(queue, take(queue, "event b"), false);
	adapter_queue_done(queue, take(queue, "repair a"), false);
	adapter_queue_free(queue);
}

static void a_failure_gets_another_turn_after_a_wait(void **state)
{
	struct adapter_queue *queue = adapter_queue_new(0);
	put(queue, "a", "1");
	int64_t begun_us = clock_monotonic_us();
	assert_true(adapter_queue_done(queue, take(queue, "1"), true));
	adapter_queue_done(queue, take(queue, "1"), false);
	assert_true(clock_monotonic_us() - begun_us >= ADAPTER_RETRY_US / 2);
	assert_int_equal(adapter_queue_count(queue), 0);
	adapter_queue_free(queue);
}

static void an_event_ends_the_wait_after_a_failure(void **state)
{
	struct adapter_queue *queue = adapter_queue_new(0);
	put(queue, "a", "1");
	int64_t begun_us = clock_monotonic_us();
	adapter_queue_done(queue, take(queue, "1"), true);
	put(queue, "a", "2");
	adapter_queue_done(queue, take(queue, "2"), false);
	assert_true(clock_monotonic_us() - begun_us < ADAPTER_RETRY_US / 2);
	adapter_queue_free(queue);
}

static void waits_grow_to_a_minute(void **state)
{
	static const int64_t expected_s[] = {1, 2, 4, 8, 16, 32, 60, 60};
	for (unsigned i = 0; i < sizeof(expected_s) / sizeof(expected_s[0]); i++)
		assert_int_equal(adapter_retry_us(i + 1), expected_s[i] * CLOCK_US_PER_S);
}

struct putter {
	struct adapter_queue *queue;
	atomic_bool is_done;
};

static void put_one(void *arg)
{
	struct putter *putter = arg;
	adapter_queue_put(putter->queue, STR("b"), STR("2"), ADAPTER_LINE_EVENT);
	atomic_store(&putter->is_done, true);
}

static void a_full_queue_holds_back_whoever_puts(void **state)
{
	struct putter putter = {.queue = adapter_queue_new(1)};
	struct thread *thread;
	struct stop stop;
	stop_init(&stop);
	put(putter.queue, "a", "1");
	put(putter.queue, "a", "1"); /* the same resource needs no more room */
	assert_int_equal(thread_start(&thread, "put", put_one, &putter, NULL), 0);
	stop_sleep(&stop, 50 * CLOCK_US_PER_MS);
	assert_false(atomic_load(&putter.is_done));
	adapter_queue_done(putter.queue, take(putter.queue, "1"), false);
	adapter_queue_done(putter.queue, take(putter.queue, "2"), false);
	thread_join(thread);
	stop_destroy(&stop);
	adapter_queue_free(putter.queue);
}

static void closing_ends_all_waiting(void **state)
{
	struct str event;
	struct adapter_queue *queue = adapter_queue_new(1);
	put(queue, "a", "1");
	adapter_queue_close(queue);
	assert_null(adapter_queue_take(queue, &event));
	assert_false(adapter_queue_put(queue, STR("b"), STR("2"), ADAPTER_LINE_EVENT));
	adapter_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_waiting_event_is_replaced_by_a_newer_one),
		cmocka_unit_test(events_during_a_turn_make_one_more_turn),
		cmocka_unit_test(events_go_before_repairs),
		cmocka_unit_test(a_failure_gets_another_turn_after_a_wait),
		cmocka_unit_test(an_event_ends_the_wait_after_a_failure),
		cmocka_unit_test(waits_grow_to_a_minute),
		cmocka_unit_test(a_full_queue_holds_back_whoever_puts),
		cmocka_unit_test(closing_ends_all_waiting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
