/*
 * test_sentinel_queue.c - planned messages: one per resource, at once after a change, later and
 * later after.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clm/sentinel_queue.h"

#define SECOND INT64_C(1000000)
#define KIND STR("Cluster")

static size_t take_one(struct sentinel_queue *queue, int64_t now_us, struct sentinel_message *ret)
{
	return sentinel_queue_take(queue, now_us, ret, 1);
}

static void assert_nothing_due(struct sentinel_queue *queue, int64_t now_us)
{
	struct sentinel_message message;
	assert_int_equal(take_one(queue, now_us, &message), 0);
}

static void assert_due(struct sentinel_queue *queue, int64_t now_us, const char *data,
	struct sentinel_message *ret)
{
	assert_int_equal(take_one(queue, now_us, ret), 1);
	assert_true(str_eq_c(ret->data, data));
}

static void a_burst_of_changes_is_one_message_with_the_last_content(void **state)
{
	struct sentinel_queue *queue = sentinel_queue_new();
	struct sentinel_message message;
	sentinel_queue_push(queue, STR("a"), KIND, STR("1"), true);
	sentinel_queue_push(queue, STR("b"), KIND, STR("9"), true);
	sentinel_queue_push(queue, STR("a"), KIND, STR("2"), true);
	sentinel_queue_push(queue, STR("a"), KIND, STR("3"), true);
	assert_due(queue, SECOND, "3", &message);
	assert_true(str_eq_c(message.id, "a"));
	sentinel_queue_sent(queue, message.entry, SECOND);
	assert_due(queue, SECOND, "9", &message);
	sentinel_queue_sent(queue, message.entry, SECOND);
	assert_nothing_due(queue, SECOND);
	sentinel_queue_free(queue);
}

static void a_change_while_a_message_is_on_its_way_makes_another(void **state)
{
	struct sentinel_queue *queue = sentinel_queue_new();
	struct sentinel_message message;
	sentinel_queue_push(queue, STR("a"), KIND, STR("1"), true);
	assert_due(queue, SECOND, "1", &message);
	sentinel_queue_push(queue, STR("a"), KIND, STR("2"), true);
	assert_true(str_eq_c(message.data, "1")); /* still readable while it is sent */
	sentinel_queue_sent(queue, message.entry, SECOND);
	assert_due(queue, SECOND, "2", &message);
	sentinel_queue_sent(queue, message.entry, SECOND);
	assert_nothing_due(queue, SECOND);
	sentinel_queue_free(queue);
}

static void what_stays_unreconciled_is_repeated_with_growing_distance(void **state)
{
	static const int64_t expected_s[] = {10, 20, 40, 80, 160, 300, 300};
	struct sentinel_queue *queue = sentinel_queue_new();
	struct sentinel_message message;
	int64_t now_us = SECOND;
	sentinel_queue_push(queue, STR("a"), KIND, STR("1"), true);
	assert_due(queue, now_us, "1", &message);
	for (unsigned i = 0; i < sizeof(expected_s) / sizeof(expected_s[0]); i++) {
		sentinel_queue_sent(queue, message.entry, now_us);
		assert_nothing_due(queue, now_us + expected_s[i] * SECOND - SECOND);
		now_us += expected_s[i] * SECOND + SENTINEL_SWEEP_US;
		assert_due(queue, now_us, "1", &message);
		assert_int_equal(message.attempt, i + 1);
	}
	sentinel_queue_sent(queue, message.entry, now_us);
	sentinel_queue_push(queue, STR("a"), KIND, STR("2"), true);
	assert_due(queue, now_us, "2", &message);
	assert_int_equal(message.attempt, 0); /* a change begins anew */
	sentinel_queue_sent(queue, message.entry, now_us);
	sentinel_queue_free(queue);
}

static void what_is_reconciled_is_not_kept(void **state)
{
	struct sentinel_queue *queue = sentinel_queue_new();
	struct sentinel_message message;
	sentinel_queue_push(queue, STR("a"), KIND, STR("1"), false);
	assert_due(queue, SECOND, "1", &message);
	sentinel_queue_sent(queue, message.entry, SECOND);
	assert_int_equal(sentinel_queue_count(queue), 0);

	sentinel_queue_push(queue, STR("b"), KIND, STR("1"), true);
	assert_due(queue, SECOND, "1", &message);
	sentinel_queue_forget(queue, STR("b")); /* while on its way */
	sentinel_queue_sent(queue, message.entry, SECOND);
	sentinel_queue_push(queue, STR("c"), KIND, STR("1"), true);
	sentinel_queue_forget(queue, STR("c"));
	assert_int_equal(sentinel_queue_count(queue), 0);
	assert_nothing_due(queue, 100 * SECOND);
	sentinel_queue_free(queue);
}

static void what_the_broker_did_not_take_goes_first_and_in_its_order(void **state)
{
	struct sentinel_queue *queue = sentinel_queue_new();
	struct sentinel_message messages[2], message;
	sentinel_queue_push(queue, STR("a"), KIND, STR("1"), true);
	sentinel_queue_push(queue, STR("b"), KIND, STR("2"), true);
	assert_int_equal(sentinel_queue_take(queue, SECOND, messages, 2), 2);
	sentinel_queue_push(queue, STR("c"), KIND, STR("3"), true);
	sentinel_queue_failed(queue, messages[1].entry);
	sentinel_queue_failed(queue, messages[0].entry);
	assert_due(queue, SECOND, "1", &message);
	assert_due(queue, SECOND, "2", &message);
	assert_due(queue, SECOND, "3", &message);
	sentinel_queue_free(queue);
}

static void a_list_adds_what_is_missing_and_drops_what_is_not_in_it(void **state)
{
	struct sentinel_queue *queue = sentinel_queue_new();
	struct sentinel_message messages[4];
	sentinel_queue_push(queue, STR("stale"), KIND, STR("1"), true);
	sentinel_queue_push(queue, STR("kept"), KIND, STR("2"), true);
	assert_int_equal(sentinel_queue_take(queue, SECOND, messages, 4), 2);
	sentinel_queue_sent(queue, messages[0].entry, SECOND);
	sentinel_queue_sent(queue, messages[1].entry, SECOND);

	sentinel_queue_list_begin(queue);
	sentinel_queue_list_keep(queue, STR("kept"));
	sentinel_queue_offer(queue, STR("lost"), KIND, STR("3"));
	sentinel_queue_push(queue, STR("new"), KIND, STR("4"), true); /* by the stream meanwhile */
	sentinel_queue_list_end(queue);
	assert_int_equal(sentinel_queue_count(queue), 3);
	assert_int_equal(sentinel_queue_take(queue, SECOND, messages, 4), 2);
	assert_true(str_eq_c(messages[0].id, "lost"));
	assert_true(str_eq_c(messages[1].id, "new"));
	sentinel_queue_free(queue);
}

static void an_offer_does_not_hurry_what_is_planned(void **state)
{
	struct sentinel_queue *queue = sentinel_queue_new();
	struct sentinel_message message;
	sentinel_queue_offer(queue, STR("a"), KIND, STR("1"));
	assert_due(queue, SECOND, "1", &message);
	sentinel_queue_sent(queue, message.entry, SECOND);
	sentinel_queue_offer(queue, STR("a"), KIND, STR("1"));
	assert_nothing_due(queue, 5 * SECOND);
	assert_due(queue, 12 * SECOND, "1", &message);
	sentinel_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_burst_of_changes_is_one_message_with_the_last_content),
		cmocka_unit_test(a_change_while_a_message_is_on_its_way_makes_another),
		cmocka_unit_test(what_stays_unreconciled_is_repeated_with_growing_distance),
		cmocka_unit_test(what_is_reconciled_is_not_kept),
		cmocka_unit_test(what_the_broker_did_not_take_goes_first_and_in_its_order),
		cmocka_unit_test(a_list_adds_what_is_missing_and_drops_what_is_not_in_it),
		cmocka_unit_test(an_offer_does_not_hurry_what_is_planned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
