/*
 * sentinel.h - tells the adapters which resources need work.
 *
 * One sentinel watches the resources of one kind. CLM's watch stream wakes it: each change of a
 * resource becomes a CloudEvent of a few bytes (HyperFleet's sentinel's attributes and data, MQTT
 * structured mode, topic clm/<topic>) within the time of two messages. A slow full list repairs
 * what the stream may have lost. Resources that stay unreconciled are told again, with growing
 * distance.
 *
 * The sentinel keeps nothing on disk: where it begins anew it lists everything and tells every
 * unreconciled resource once. Telling twice is harmless, an adapter looks at the resource itself.
 */
#ifndef REEVE_CLM_SENTINEL_H
#define REEVE_CLM_SENTINEL_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

struct sentinel;

/* Strings are copied. */
struct sentinel_config {
	const char *config_file; /* as config/sentinels/clusters.yaml */
	const char *clm_url;	 /* overrides the file's clients.hyperfleet_api.base_url; NULL: the
				    file's */
	const char *broker_host;
	uint16_t broker_port;
	const char *username; /* NULL: none, with the password */
	const char *password;
	struct log *log;
	const struct clock *clock; /* NULL: the system's */
};

/* Reads the file and begins to work; peers that are not there yet are waited for. ERROR_INVALID
 * names the key of the file that is wrong. */
int sentinel_start(struct sentinel **ret, const struct sentinel_config *config, struct error *err);
void sentinel_stop(struct sentinel *sentinel); /* NULL accepted */

struct sentinel_counters {
	uint64_t rows;	    /* of the watch stream */
	uint64_t lists;	    /* full lists that succeeded */
	uint64_t published; /* messages that the broker has acknowledged */
	uint64_t repeated;  /* of these, for a resource that stayed unreconciled */
	uint64_t failed;    /* messages that the broker did not take; each is tried again */
	uint64_t waiting;   /* resources that are unreconciled now */
};
void sentinel_count(struct sentinel *sentinel, struct sentinel_counters *ret);

#endif
