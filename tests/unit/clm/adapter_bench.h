/*
 * adapter_bench.h - a task set up to run against stand-in peers.
 */
#ifndef REEVE_TESTS_CLM_ADAPTER_BENCH_H
#define REEVE_TESTS_CLM_ADAPTER_BENCH_H

#include "clm/adapter_run.h"
#include "peers.h"

struct bench {
	struct arena *arena;
	struct peers *peers;
	struct adapter_settings settings;
	struct adapter_task task;
	struct adapter_context context;
	struct stop stop;
	struct http_client *api, *maestro;
	struct error error; /* of the last run */
};

/* A cmocka setup and teardown: *state is the struct bench, without a task. */
int bench_setup(void **state);
int bench_teardown(void **state);

/* A task from text, with Maestro as transport; fails the test when it is refused. */
void bench_task(struct bench *bench, const char *yaml);
/* A shipped adapter, by its directory's name. */
void bench_shipped(struct bench *bench, const char *name);

enum adapter_outcome bench_run(struct bench *bench, const char *event);

/* printf into the bench's arena. */
const char *bench_text(struct bench *bench, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
