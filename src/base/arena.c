/*
 * arena.c - memory in blocks that are freed together.
 *
 * Blocks grow from 4 KiB by doubling, so a small request takes one and a large document a few. A
 * large allocation gets a block of its own, behind the current one, so that the current one's rest
 * is not lost.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_FIRST ((size_t)4 << 10)
#define BLOCK_LARGEST ((size_t)256 << 10)
#define ALIGNMENT alignof(max_align_t)

struct block {
	struct block *next; /* older */
	size_t size;	    /* of data */
	size_t used;
	alignas(max_align_t) char data[];
};

struct deferred {
	struct deferred *next;
	void (*fn)(void *arg);
	void *arg;
};

struct arena {
	struct block *current;
	struct deferred *deferred;
	size_t max;
	size_t held; /* bytes of all blocks */
	size_t handed_out;
	size_t next_size;
	bool exhausted;
};

struct arena *arena_new(size_t max)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (arena) {
		arena->max = max ? max : ARENA_DEFAULT_MAX;
		arena->next_size = BLOCK_FIRST;
	}
	return arena;
}

static void run_deferred(struct arena *arena)
{
	while (arena->deferred) {
		struct deferred *newest = arena->deferred;
		arena->deferred = newest->next;
		newest->fn(newest->arg);
	}
}

static void free_blocks(struct block *block)
{
	while (block) {
		struct block *next = block->next;
		free(block);
		block = next;
	}
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	run_deferred(arena);
	free_blocks(arena->current);
	free(arena);
}

void arena_reset(struct arena *arena)
{
	run_deferred(arena);
	struct block *kept = arena->current;
	if (kept && kept->size > BLOCK_LARGEST) {
		free_blocks(kept);
		kept = NULL;
	} else if (kept) {
		free_blocks(kept->next);
		kept->next = NULL;
		kept->used = 0;
	}
	arena->current = kept;
	arena->held = kept ? kept->size : 0;
	arena->next_size = kept ? kept->size : BLOCK_FIRST;
	arena->handed_out = 0;
	arena->exhausted = false;
}

static struct block *new_block(struct arena *arena, size_t size)
{
	if (size > arena->max || arena->held > arena->max - size)
		return NULL;
	struct block *block = malloc(sizeof(*block) + size);
	if (!block)
		return NULL;
	block->size = size;
	block->used = 0;
	arena->held += size;
	return block;
}

/* A block with room for `size`; large pieces go behind the current block. */
static struct block *block_for(struct arena *arena, size_t size)
{
	bool is_large = size > BLOCK_LARGEST / 4;
	size_t wanted = size;

	if (!is_large)
		while (arena->next_size < size)
			arena->next_size *= 2;
	if (!is_large)
		wanted = arena->next_size;
	struct block *block = new_block(arena, wanted);
	if (!block && wanted > size)
		block = new_block(arena, size); /* the last bytes under the ceiling */
	if (!block)
		return NULL;
	if (is_large && arena->current) {
		block->next = arena->current->next;
		arena->current->next = block;
		return block;
	}
	block->next = arena->current;
	arena->current = block;
	if (!is_large && arena->next_size < BLOCK_LARGEST)
		arena->next_size *= 2;
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	if (!arena)
		return NULL;
	if (size > SIZE_MAX - ALIGNMENT) {
		arena->exhausted = true;
		return NULL;
	}
	size_t rounded = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	struct block *block = arena->current;

	if (!block || block->size - block->used < rounded)
		block = block_for(arena, rounded);
	if (!block) {
		arena->exhausted = true;
		return NULL;
	}
	void *memory = block->data + block->used;
	block->used += rounded;
	arena->handed_out += size;
	return memory;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		total = SIZE_MAX;
	void *memory = arena_alloc(arena, total);
	return memory ? memset(memory, 0, total) : NULL;
}

char *arena_cstr(struct arena *arena, struct str s)
{
	char *copy = s.ptr ? arena_alloc(arena, s.len + 1) : NULL;

	if (!copy)
		return NULL;
	memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}

struct str arena_str(struct arena *arena, struct str s)
{
	char *copy = arena_cstr(arena, s);

	return copy ? str_n(copy, s.len) : STR_NULL;
}

struct str arena_vprintf(struct arena *arena, const char *format, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	char *text = length < 0 ? NULL : arena_alloc(arena, (size_t)length + 1);
	if (!text)
		return STR_NULL;
	vsnprintf(text, (size_t)length + 1, format, ap);
	return str_n(text, (size_t)length);
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	struct str text = arena_vprintf(arena, format, ap);
	va_end(ap);
	return text;
}

bool arena_defer(struct arena *arena, void (*fn)(void *arg), void *arg)
{
	struct deferred *deferred = arena_alloc(arena, sizeof(*deferred));

	if (!deferred) {
		fn(arg);
		return false;
	}
	*deferred = (struct deferred){arena->deferred, fn, arg};
	arena->deferred = deferred;
	return true;
}

bool arena_is_exhausted(const struct arena *arena)
{
	return !arena || arena->exhausted;
}

size_t arena_used(const struct arena *arena)
{
	return arena->handed_out;
}
