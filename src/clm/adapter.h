/*
 * adapter.h - one adapter: it does, for each event of a resource, what its task file says.
 *
 * Woken from two sides: by the sentinel's CloudEvents on clm/<topic> (a shared subscription, whose
 * session is kept so that events wait while the adapter is away) and by Maestro's watch stream,
 * when the status of one of its bundles changes. Either way the same task runs for the resource,
 * never two at a time for one resource, and again after a wait when it failed.
 *
 * The files are HyperFleet's AdapterConfig and AdapterTaskConfig; adapter_task.h says what of them
 * is read.
 */
#ifndef REEVE_CLM_ADAPTER_H
#define REEVE_CLM_ADAPTER_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

struct adapter;

#define ADAPTER_THREADS 4u
#define ADAPTER_MAX_THREADS 64u
#define ADAPTER_SESSION_S                                                      \
	86400u /* how long the broker keeps events for an adapter that is away \
		*/

/* What the task's `env.` sources may read; nothing else of the environment is visible. */
struct adapter_env {
	const char *name;
	const char *value;
};

/* Strings are copied. */
struct adapter_config {
	const char *config_file;
	const char *task_file;
	const char *clm_url;	 /* overrides the file's URL; NULL: the file's */
	const char *maestro_url; /* likewise */
	const char *broker_host;
	uint16_t broker_port;
	const char *username; /* NULL: none, with the password */
	const char *password;
	unsigned threads; /* 0: ADAPTER_THREADS */
	const struct adapter_env *env;
	size_t env_count;
	struct log *log;
	const struct clock *clock; /* NULL: the system's */
};

/* Reads the files and begins to work; peers that are not there yet are waited for. ERROR_INVALID
 * names the key of the file that is wrong, or the environment variable that is missing. */
int adapter_start(struct adapter **ret, const struct adapter_config *config, struct error *err);

/* Lets the executions that run end, at most for the timeout of one call. NULL accepted. */
void adapter_stop(struct adapter *adapter);

struct adapter_counters {
	uint64_t events;	/* from the sentinel */
	uint64_t bundle_events; /* from Maestro */
	uint64_t succeeded;
	uint64_t skipped;
	uint64_t failed;
	uint64_t dropped; /* failed too often, or unreadable; the sentinel's next event is another
			     try */
	uint64_t waiting; /* resources queued, running or planned now */
};
void adapter_count(struct adapter *adapter, struct adapter_counters *ret);

#endif
