/*
 * test_process.c - a child that is kept running: it comes back after a kill, says when it is ready,
 * ends when told to, and an early end is told in words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "local/process.h"

#define START_US (10 * CLOCK_US_PER_S)
#define WAIT_US (10 * CLOCK_US_PER_S)

struct runs {
	pthread_mutex_t mutex;
	unsigned count;
	pid_t pid;
	char line[64];
};

static void on_running(void *context, pid_t pid, const char *line)
{
	struct runs *runs = context;

	pthread_mutex_lock(&runs->mutex);
	runs->count++;
	runs->pid = pid;
	snprintf(runs->line, sizeof(runs->line), "%s", line);
	pthread_mutex_unlock(&runs->mutex);
}

static pid_t await_run(struct runs *runs, unsigned count)
{
	int64_t until_us = clock_monotonic_us() + WAIT_US;
	pid_t pid = 0;

	while (!pid && clock_monotonic_us() < until_us) {
		pthread_mutex_lock(&runs->mutex);
		pid = runs->count >= count ? runs->pid : 0;
		pthread_mutex_unlock(&runs->mutex);
		usleep(2000);
	}
	return pid;
}

/* Runs a line of shell. */
static int start(struct process **ret, struct runs *runs, const char *script, bool says_ready,
	const char *log_file, struct error *err)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct process_config config = {.name = "child",
		.argv = argv,
		.log_file = log_file,
		.says_ready = says_ready,
		.on_running = runs ? on_running : NULL,
		.context = runs};

	return process_start(ret, &config, START_US, err);
}

static void a_killed_child_is_started_again(void **state)
{
	struct runs runs = {.mutex = PTHREAD_MUTEX_INITIALIZER};
	struct process *process;
	struct error err;

	(void)state;
	assert_int_equal(start(&process, &runs, "exec sleep 60", false, NULL, &err), 0);
	pid_t first = await_run(&runs, 1);
	assert_int_equal(process_pid(process), first);
	assert_int_equal(process_signal(process, SIGKILL), 0);
	pid_t second = await_run(&runs, 2);
	assert_true(second > 0);
	assert_int_not_equal(second, first);
	process_stop(process);
	assert_int_equal(kill(second, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void its_ready_line_is_handed_on(void **state)
{
	struct runs runs = {.mutex = PTHREAD_MUTEX_INITIALIZER};
	struct process *process;
	struct error err;

	(void)state;
	assert_int_equal(
		start(&process, &runs, "echo here I am >&3; exec sleep 60", true, NULL, &err), 0);
	assert_true(await_run(&runs, 1) > 0);
	assert_string_equal(runs.line, "here I am");
	process_stop(process);
}

static void one_that_never_gets_ready_is_ended(void **state)
{
	struct process *process = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(start(&process, NULL, "exec sleep 60 3>&-", true, NULL, &err), -1);
	assert_null(process);
	assert_int_equal(err.code, ERROR_UNAVAILABLE);
	assert_string_equal(err.message, "child was ended by signal 15");
}

static void a_stop_ends_it_at_once(void **state)
{
	struct process *process;
	struct error err;

	(void)state;
	assert_int_equal(start(&process, NULL, "exec sleep 60", false, NULL, &err), 0);
	int64_t began_us = clock_monotonic_us();
	process_stop(process);
	assert_true(clock_monotonic_us() - began_us < PROCESS_STOP_US);
	process_stop(NULL);
}

static void one_that_forgets_the_first_signal_ends_at_the_next(void **state)
{
	static const char *const script =
		"n=0; trap 'n=$((n+1)); [ $n -lt 2 ] || exit 0' TERM; echo >&3;"
		"while :; do sleep 0.01; done";
	struct process *process;
	struct error err;

	(void)state;
	assert_int_equal(start(&process, NULL, script, true, NULL, &err), 0);
	int64_t began_us = clock_monotonic_us();
	process_stop(process);
	assert_true(clock_monotonic_us() - began_us < PROCESS_STOP_US / 2);
}

static void request_stop(void *stop)
{
	usleep(50000); /* the start is waiting */
	stop_request(stop);
}

static void a_stop_ends_a_start_that_waits(void **state)
{
	const char *const argv[] = {"sleep", "60", NULL};
	struct stop stop;
	struct process_config config = {
		.name = "child", .argv = argv, .says_ready = true, .stop = &stop};
	struct process *process = NULL;
	struct thread *stopper;
	struct error err = {0};

	(void)state;
	stop_init(&stop);
	assert_int_equal(thread_start(&stopper, "stopper", request_stop, &stop, &err), 0);
	int64_t began_us = clock_monotonic_us();
	assert_int_equal(process_start(&process, &config, 60 * CLOCK_US_PER_S, &err), -1);
	assert_int_equal(err.code, ERROR_CANCELLED);
	assert_null(process);
	assert_true(clock_monotonic_us() - began_us < 5 * CLOCK_US_PER_S);
	thread_join(stopper);
	stop_destroy(&stop);
}

static void an_early_end_is_told_in_its_own_words(void **state)
{
	static const struct {
		const char *script, *message;
	} rows[] = {
		{"echo first; echo the disk is full; exit 7",
			"child ended with code 7: the disk is full"},
		{"exit 3", "child ended with code 3: it said nothing"},
		{"kill -9 $$", "child was ended by signal 9"},
	};
	char log_file[] = "/tmp/reeve-process-XXXXXX";
	int fd = mkstemp(log_file);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct process *process = NULL;
		struct error err = {0};
		assert_int_equal(start(&process, NULL, rows[i].script, true, log_file, &err), -1);
		assert_string_equal(err.message, rows[i].message);
	}
	unlink(log_file);
}

static void a_program_that_is_missing_is_named(void **state)
{
	const char *const argv[] = {"reeve-no-such-program", NULL};
	struct error err = {0};

	(void)state;
	assert_int_equal(process_run(argv, &err), -1);
	assert_non_null(strstr(err.message, "\"reeve-no-such-program\" is not installed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_killed_child_is_started_again),
		cmocka_unit_test(its_ready_line_is_handed_on),
		cmocka_unit_test(one_that_never_gets_ready_is_ended),
		cmocka_unit_test(a_stop_ends_it_at_once),
		cmocka_unit_test(one_that_forgets_the_first_signal_ends_at_the_next),
		cmocka_unit_test(a_stop_ends_a_start_that_waits),
		cmocka_unit_test(an_early_end_is_told_in_its_own_words),
		cmocka_unit_test(a_program_that_is_missing_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
