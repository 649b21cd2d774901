/*
 * cleanup.h - destructors on locals: CLEANUP(buf_free) struct buf b;
 */
#ifndef REEVE_BASE_CLEANUP_H
#define REEVE_BASE_CLEANUP_H

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"

#define CLEANUP(fn) __attribute__((cleanup(fn)))

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_arena(struct arena **arena)
{
	arena_free(*arena);
}

static inline void cleanup_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_unlock(pthread_mutex_t **mutex)
{
	pthread_mutex_unlock(*mutex);
}

/* Holds the mutex to the end of the block. */
#define LOCK_SCOPE(mutex_pointer)                                               \
	pthread_mutex_lock(mutex_pointer);                                      \
	CLEANUP(cleanup_unlock) pthread_mutex_t *lock_scope_ = (mutex_pointer); \
	(void)lock_scope_

#endif
