/*
 * arena.h - memory for one piece of work.
 *
 * A request, a message or one pass of a loop allocates from its arena, and the arena is freed as a
 * whole: nothing inside is freed alone. An arena belongs to one thread at a time.
 *
 * Every arena has a ceiling. Past it arena_alloc() returns NULL and the arena stays *exhausted*:
 * builders (arena_printf, json_set, buf_*) then pass NULL along, so straight-line code may build a
 * whole document and ask arena_is_exhausted() once before the result leaves it. An exhausted arena
 * fails its request, never the process.
 */
#ifndef REEVE_BASE_ARENA_H
#define REEVE_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct arena;

/* Ceiling for work without a better number: one request's documents many times over. */
#define ARENA_DEFAULT_MAX ((size_t)64 << 20)

/* A new arena that may hold `max` bytes (0: ARENA_DEFAULT_MAX); NULL when memory is out. It takes
 * no block until the first allocation, so an unused one is cheap. */
struct arena *arena_new(size_t max);

/* Runs the deferred functions, newest first, then frees everything. NULL is accepted. */
void arena_free(struct arena *arena);

/* As arena_free, but keeps one block for the next piece of work. */
void arena_reset(struct arena *arena);

/* `size` bytes, aligned for any object, not cleared; NULL when the ceiling is reached. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_calloc(struct arena *arena, size_t count, size_t size);
#define arena_new_of(arena, type) ((type *)arena_calloc((arena), 1, sizeof(type)))

/* Copies; the result is followed by a NUL that len does not count. Null stays null. */
struct str arena_str(struct arena *arena, struct str s);
char *arena_cstr(struct arena *arena, struct str s);

/* Formatted text, NUL after it. A null str when the ceiling is reached. */
struct str arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
struct str arena_vprintf(struct arena *arena, const char *format, va_list ap);

/* Calls fn(arg) when the arena is freed or reset. If it cannot be remembered, fn runs at once and
 * false is returned. */
bool arena_defer(struct arena *arena, void (*fn)(void *arg), void *arg);

/* Whether an allocation has failed since the arena was made or reset. */
bool arena_is_exhausted(const struct arena *arena);

/* Bytes handed out since the arena was made or reset. */
size_t arena_used(const struct arena *arena);

#endif
