/*
 * thread.h - named threads and a way to stop them.
 *
 * Loops run on their own thread and block. To end one, request its struct stop and join it: every
 * wait in a loop is either stop_sleep(), a poll that has stop_fd() in it, or a call with a
 * deadline.
 */
#ifndef REEVE_BASE_THREAD_H
#define REEVE_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* The stack of a thread that handles work: deep enough for recursive documents at their depth
 * limit, small enough that idle threads cost little. */
#define THREAD_STACK_BYTES ((size_t)1 << 20)

struct thread;

/* `name` is cut at 15 bytes (Linux). The thread has all signals blocked. */
int thread_start(struct thread **ret, const char *name, void (*run)(void *arg), void *arg,
	struct error *err);
void thread_join(struct thread *thread); /* frees it; NULL accepted */

/* From now on the calling thread, and those that it starts, give way to those that somebody waits
 * for: where processors are short they run after them, at a third of their share, but are never
 * starved. For what reacts to an answered request, and for what stands in for other machines; a
 * second call is a step further. Cannot be undone; what the system refuses is let be. Such a thread
 * may hold a lock that a prompt one waits for, so it holds locks briefly and calls nobody
 * meanwhile. */
void thread_yield_to_others(void);

struct stop {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool requested;
	bool poked;
	int fd; /* of stop_fd(), -1 before its first call */
};

void stop_init(struct stop *stop);
void stop_destroy(struct stop *stop);
void stop_request(struct stop *stop);
bool stop_requested(struct stop *stop);

/* A descriptor that is readable once a stop was requested, for whoever waits in a poll; -1 when the
 * system has none to give. Made by the first call, closed by stop_destroy(). Not to be read. */
int stop_fd(struct stop *stop);

/* Ends one stop_sleep early (the current one, or else the next), without stopping. */
void stop_poke(struct stop *stop);

/* Waits at most `us` microseconds; true when a stop was requested, false after the time or a poke.
 */
bool stop_sleep(struct stop *stop, int64_t us);

/* Exponential backoff with jitter: the wait before try `attempt` (0 first), between base/2 and
 * min(base << attempt, max). */
int64_t thread_backoff_us(unsigned attempt, int64_t base_us, int64_t max_us);

#endif
