/*
 * thread.c - threads with names, and stopping them.
 */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/id.h"

#define SLEEP_MAX_US                                                                \
	(INT64_C(366) * 24 * 3600 * CLOCK_US_PER_S) /* "for ever", without overflow \
						     */
#define NAME_MAX_BYTES 16			    /* with NUL; the kernel's limit */
#define YIELD_NICE 5 /* a third of the share of a thread that has not yielded */

struct thread {
	pthread_t handle;
	char name[NAME_MAX_BYTES];
	void (*run)(void *arg);
	void *arg;
};

static void *enter(void *argument)
{
	struct thread *thread = argument;

	pthread_setname_np(pthread_self(), thread->name);
	thread->run(thread->arg);
	return NULL;
}

int thread_start(
	struct thread **ret, const char *name, void (*run)(void *arg), void *arg, struct error *err)
{
	struct thread *thread = calloc(1, sizeof(*thread));
	pthread_attr_t attributes;
	sigset_t all, before;

	if (!thread)
		return error_set(err, ERROR_MEMORY, "no memory for thread %s", name);
	snprintf(thread->name, sizeof(thread->name), "%s", name);
	thread->run = run;
	thread->arg = arg;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failure = pthread_create(&thread->handle, &attributes, enter, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (failure) {
		free(thread);
		return error_set(err, ERROR_UNAVAILABLE, "cannot start thread %s: %s", name,
			strerror(failure));
	}
	*ret = thread;
	return 0;
}

void thread_join(struct thread *thread)
{
	if (!thread)
		return;
	pthread_join(thread->handle, NULL);
	free(thread);
}

/* On Linux a nice value is a thread's own, against POSIX. */
void thread_yield_to_others(void)
{
	setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + YIELD_NICE);
}

void stop_init(struct stop *stop)
{
	pthread_condattr_t attributes;

	*stop = (struct stop){.requested = false, .fd = -1};
	pthread_mutex_init(&stop->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&stop->changed, &attributes);
	pthread_condattr_destroy(&attributes);
}

void stop_destroy(struct stop *stop)
{
	pthread_cond_destroy(&stop->changed);
	pthread_mutex_destroy(&stop->mutex);
	if (stop->fd >= 0)
		close(stop->fd);
}

void stop_request(struct stop *stop)
{
	LOCK_SCOPE(&stop->mutex);
	stop->requested = true;
	pthread_cond_broadcast(&stop->changed);
	if (stop->fd >= 0)
		(void)!eventfd_write(stop->fd, 1); /* fails only when it is readable anyway */
}

bool stop_requested(struct stop *stop)
{
	LOCK_SCOPE(&stop->mutex);
	return stop->requested;
}

int stop_fd(struct stop *stop)
{
	LOCK_SCOPE(&stop->mutex);
	if (stop->fd < 0)
		stop->fd = eventfd(stop->requested ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK);
	return stop->fd;
}

void stop_poke(struct stop *stop)
{
	LOCK_SCOPE(&stop->mutex);
	stop->poked = true;
	pthread_cond_broadcast(&stop->changed);
}

bool stop_sleep(struct stop *stop, int64_t us)
{
	int64_t wait_us = us < 0 ? 0 : us > SLEEP_MAX_US ? SLEEP_MAX_US : us;
	int64_t until_us = clock_monotonic_us() + wait_us;
	struct timespec until = {.tv_sec = (time_t)(until_us / CLOCK_US_PER_S),
		.tv_nsec = (long)(until_us % CLOCK_US_PER_S * 1000)};

	LOCK_SCOPE(&stop->mutex);
	while (!stop->requested && !stop->poked)
		if (pthread_cond_timedwait(&stop->changed, &stop->mutex, &until) == ETIMEDOUT)
			break;
	stop->poked = false;
	return stop->requested;
}

int64_t thread_backoff_us(unsigned attempt, int64_t base_us, int64_t max_us)
{
	int64_t ceiling = base_us;
	uint32_t random;

	while (attempt-- > 0 && ceiling < max_us)
		ceiling = ceiling > max_us / 2 ? max_us : ceiling * 2;
	if (ceiling > max_us)
		ceiling = max_us;
	int64_t floor = base_us / 2 < ceiling ? base_us / 2 : ceiling;
	id_random(&random, sizeof(random));
	return floor + (int64_t)((double)(ceiling - floor) * random / UINT32_MAX);
}
