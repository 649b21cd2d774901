/*
 * writer.h - the connection that writes; inside this folder only.
 */
#ifndef REEVE_STORE_WRITER_H
#define REEVE_STORE_WRITER_H

#include "base/thread.h"
#include "store/driver.h"
#include "store/measure.h"

struct writer;

/* Takes over the connection. */
int writer_new(struct writer **ret, struct sql *sql, struct error *err);

/* Ends waiting work with ERROR_CANCELLED, waits for the callers to leave, closes the connection. */
void writer_free(struct writer *writer); /* NULL accepted */

/* Returns when the work is durable, or has failed. It may run on another caller's thread.
 * `prefetch`: as store_write_ahead has it, or NULL. `err` is not NULL. `is_read`: the work only
 * reads, and shares the writer's connection because the database allows no other. */
int writer_run(struct writer *writer, store_work prefetch, store_work work, void *argument,
	bool is_read, struct error *err);

bool writer_on_commit(struct writer *writer, void *owner, void (*ring)(void *owner, int64_t value));

/* writes, commits and largest_group; the others stay as they are. Whether it writes just now. */
bool writer_count(struct writer *writer, struct store_counters *ret);
const struct store_measures *writer_measures(const struct writer *writer);

#endif
