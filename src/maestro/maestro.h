/*
 * maestro.h - the Maestro server: keeps bundles, tells agents over MQTT, keeps what they report.
 *
 * Compatible with openshift-online/maestro on both sides: its REST interface (plus create, update
 * and watch) and its MQTT topics and events.
 */
#ifndef REEVE_MAESTRO_MAESTRO_H
#define REEVE_MAESTRO_MAESTRO_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

struct maestro;

/* Strings are copied or used only during the call. */
struct maestro_config {
	const char *store_url;
	const char *host;   /* to serve REST on; NULL: 127.0.0.1 */
	uint16_t port;	    /* 0: any free */
	uint16_t grpc_port; /* for sources, on the same host; 0: any free */
	const char *broker_host;
	uint16_t broker_port;
	const char *username; /* at the broker; NULL: none */
	const char *password;
	const char *client_id;	  /* NULL: "maestro" */
	const char *source_id;	  /* NULL: "maestro"; a segment of the topics */
	const char *subscription; /* group shared by the servers, "statussubscribers"; NULL: not
				     shared */
	struct log *log;
	const struct clock *clock; /* NULL: the system's */
};

/* Serves as soon as it returns. Does not wait for the broker: what must be sent waits in the store.
 */
int maestro_start(struct maestro **ret, const struct maestro_config *config, struct error *err);
uint16_t maestro_port(const struct maestro *maestro);
uint16_t maestro_grpc_port(const struct maestro *maestro);
void maestro_stop(struct maestro *maestro); /* NULL accepted */

#endif
