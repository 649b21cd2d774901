/*
 * test_kubeapi_ring.c - events are seen in order, and the ring stays within its bounds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/clock.h"
#include "local/kubeapi_ring.h"

static void publish(struct kubeapi_ring *ring, int64_t version, struct str body)
{
	const struct kubeapi_event event = {.version = version,
		.resource = STR("things"),
		.name_space = STR(""),
		.name = STR("x"),
		.uid = STR("u"),
		.body = body};

	kubeapi_ring_publish(ring, &event);
}

static size_t take(struct kubeapi_ring *ring, int64_t after, int64_t *ret_first)
{
	struct kubeapi_event *events[100];
	size_t count;

	assert_true(kubeapi_ring_take(ring, after, 100, events, &count));
	if (count > 0)
		*ret_first = events[0]->version;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(events[i]->version, events[0]->version + (int64_t)i);
		kubeapi_event_release(events[i]);
	}
	return count;
}

static void an_event_waits_for_those_before_it(void **unused)
{
	struct kubeapi_ring *ring = kubeapi_ring_new(5);
	int64_t first = 0;

	(void)unused;
	publish(ring, 7, STR("{}"));
	publish(ring, 6, STR("{}"));
	assert_int_equal(kubeapi_ring_last(ring), 4);
	assert_int_equal(take(ring, 4, &first), 0);
	publish(ring, 5, STR("{}"));
	assert_int_equal(kubeapi_ring_last(ring), 7);
	assert_int_equal(take(ring, 4, &first), 3);
	assert_int_equal(first, 5);
	assert_int_equal(take(ring, 6, &first), 1);
	kubeapi_ring_free(ring);
}

static void the_oldest_events_make_room(void **unused)
{
	struct kubeapi_ring *ring = kubeapi_ring_new(1);
	struct kubeapi_event *events[1];
	int64_t last = 3 * KUBEAPI_RING_EVENTS, first = 0;
	size_t count;

	(void)unused;
	for (int64_t version = 1; version <= last; version++)
		publish(ring, version, STR("{}"));
	assert_int_equal(kubeapi_ring_last(ring), last);
	assert_false(kubeapi_ring_take(ring, last - KUBEAPI_RING_EVENTS - 1, 1, events, &count));
	assert_int_equal(take(ring, last - 10, &first), 10);
	kubeapi_ring_free(ring);
}

static void large_events_make_room_by_their_bytes(void **unused)
{
	struct kubeapi_ring *ring = kubeapi_ring_new(1);
	struct kubeapi_event *events[1];
	size_t size = KUBEAPI_RING_MAX_BYTES / 4, count;
	char *body = calloc(1, size);
	int64_t first = 0;

	(void)unused;
	for (int64_t version = 1; version <= 8; version++)
		publish(ring, version, str_n(body, size));
	assert_false(kubeapi_ring_take(ring, 3, 1, events, &count));
	assert_int_equal(take(ring, 6, &first), 2);
	/* One that is larger than all of the ring is still passed on. */
	free(body);
	kubeapi_ring_free(ring);
}

static void a_poke_ends_one_wait_of_each_waiter(void **unused)
{
	struct kubeapi_ring *ring = kubeapi_ring_new(1);
	uint64_t first = 0, second = 0;
	int64_t began_us = clock_monotonic_us();

	(void)unused;
	kubeapi_ring_poke(ring);
	kubeapi_ring_wait(ring, 0, &first, 60 * CLOCK_US_PER_S);
	kubeapi_ring_wait(ring, 0, &second, 60 * CLOCK_US_PER_S);
	assert_true(clock_monotonic_us() - began_us < CLOCK_US_PER_S);
	began_us = clock_monotonic_us();
	kubeapi_ring_wait(ring, 0, &first, 20 * CLOCK_US_PER_MS);
	assert_true(clock_monotonic_us() - began_us >= 20 * CLOCK_US_PER_MS);
	kubeapi_ring_free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_waits_for_those_before_it),
		cmocka_unit_test(the_oldest_events_make_room),
		cmocka_unit_test(a_poke_ends_one_wait_of_each_waiter),
		cmocka_unit_test(large_events_make_room_by_their_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
