/*
 * test_thread.c - threads, stopping them, waiting between tries.
 */
#include "base/thread.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base_test.h"

#define FOR_EVER INT64_MAX

struct loop {
	struct stop stop;
	unsigned wakes;
	char name[16];
	bool has_signals_blocked;
};

static void run_loop(void *arg)
{
	struct loop *loop = arg;
	sigset_t blocked;

	pthread_getname_np(pthread_self(), loop->name, sizeof(loop->name));
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	loop->has_signals_blocked = sigismember(&blocked, SIGTERM) == 1;
	while (!stop_sleep(&loop->stop, FOR_EVER))
		loop->wakes++;
}

static void a_request_ends_a_wait(void **state)
{
	struct loop loop = {.wakes = 0};
	struct thread *thread;
	struct error err;

	stop_init(&loop.stop);
	assert_int_equal(
		thread_start(&thread, "a-name-that-is-too-long", run_loop, &loop, &err), 0);
	assert_false(stop_requested(&loop.stop));
	stop_request(&loop.stop);
	thread_join(thread);
	assert_true(stop_requested(&loop.stop));
	assert_string_equal(loop.name, "a-name-that-is-");
	assert_true(loop.has_signals_blocked);
	assert_true(stop_sleep(&loop.stop, 0));
	stop_destroy(&loop.stop);
	thread_join(NULL);
	(void)state;
}

static void a_poke_ends_one_wait(void **state)
{
	struct stop stop;

	stop_init(&stop);
	stop_poke(&stop);
	assert_false(stop_sleep(&stop, FOR_EVER));
	int64_t begun_us = clock_monotonic_us();
	assert_false(stop_sleep(&stop, 20000));
	assert_true(clock_monotonic_us() - begun_us >= 20000);
	assert_false(stop_sleep(&stop, -1));
	stop_destroy(&stop);
	(void)state;
}

static bool is_readable(int fd)
{
	return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) == 1;
}

static void a_request_ends_a_poll(void **state)
{
	struct stop before, after;

	stop_init(&before);
	stop_init(&after);
	int fd = stop_fd(&before);
	assert_int_equal(stop_fd(&before), fd);
	stop_poke(&before);
	assert_false(is_readable(fd));
	stop_request(&before);
	stop_request(&before);
	assert_true(is_readable(fd));
	stop_request(&after);
	assert_true(is_readable(stop_fd(&after)));
	stop_destroy(&before);
	stop_destroy(&after);
	(void)state;
}

static void run_in_background(void *arg)
{
	thread_yield_to_others();
	*(int *)arg = getpriority(PRIO_PROCESS, 0);
}

static void a_background_thread_gives_way_alone(void **state)
{
	int before = getpriority(PRIO_PROCESS, 0), there = before;
	struct thread *thread;
	struct error err;

	assert_int_equal(thread_start(&thread, "background", run_in_background, &there, &err), 0);
	thread_join(thread);
	assert_true(there > before || before > 5);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), before);
	(void)state;
}

static void backoff_grows_to_its_ceiling(void **state)
{
	for (unsigned attempt = 0; attempt < 70; attempt++) {
		int64_t ceiling = attempt < 7 ? INT64_C(100) << attempt : 8000;
		if (ceiling > 8000)
			ceiling = 8000;
		for (int i = 0; i < 20; i++) {
			int64_t us = thread_backoff_us(attempt, 100, 8000);
			assert_true(us >= 50 && us <= ceiling);
		}
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_ends_a_wait),
		cmocka_unit_test(a_poke_ends_one_wait),
		cmocka_unit_test(a_request_ends_a_poll),
		cmocka_unit_test(a_background_thread_gives_way_alone),
		cmocka_unit_test(backoff_grows_to_its_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
