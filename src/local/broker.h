/*
 * broker.h - mosquitto as a child process, with its own accounts.
 *
 * Configuration, password file and access list are written anew at each start into one folder (mode
 * 0700). Every peer has a password of its own and may use its own topics only: an agent reads its
 * source events and writes its agent events; Maestro and CLM keep to theirs.
 */
#ifndef REEVE_LOCAL_BROKER_H
#define REEVE_LOCAL_BROKER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/log.h"
#include "base/thread.h"

struct broker;

#define BROKER_PASSWORD_MAX 33 /* 32 hex digits and NUL */
#define BROKER_READY_US (INT64_C(10) * 1000000)
#define BROKER_MAX_PACKET (4 << 20)
#define BROKER_MAX_QUEUED 100000 /* messages per session that is away */

struct broker_config {
	const char *folder; /* made when missing */
	const char *host;
	uint16_t port;
	const char *source_id; /* "maestro" */
	const char *const *management_clusters;
	size_t management_cluster_count;
	struct stop *stop; /* ends the wait of broker_start; NULL: none */
	struct log *log;
};

/* Returns when it accepts connections. ERROR_UNAVAILABLE: mosquitto is missing (and how to install
 * it), or the port is taken. ERROR_CANCELLED when `stop` came first. */
int broker_start(struct broker **ret, const struct broker_config *config, struct error *err);
void broker_stop(struct broker *broker); /* NULL accepted */

/* The password of "clm", "maestro" or "agent-<management cluster>"; NULL for another name. */
const char *broker_password(const struct broker *broker, const char *user);

pid_t broker_pid(struct broker *broker);

#endif
