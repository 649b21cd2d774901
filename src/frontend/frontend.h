/*
 * frontend.h - the customers' API: /api/v0, as the ROSA regional platform's (generation 3).
 *
 * Every request is verified (AWS Signature Version 4, service execute-api) against the region's
 * access keys; the account and caller that follow from the key, never headers of the client, go on
 * to CLM, which keeps accounts apart. The frontend holds no state of its own.
 *
 * Errors are {"kind":"Error","code","reason","errors"?: [{"field","reason"}]}.
 */
#ifndef REEVE_FRONTEND_FRONTEND_H
#define REEVE_FRONTEND_FRONTEND_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

struct frontend;

#define FRONTEND_MAX_BODY ((size_t)4 << 20)
#define FRONTEND_THREADS 32u /* as many creates as shall share one commit of CLM */
#define FRONTEND_CLM_TIMEOUT_US (INT64_C(10) * CLOCK_US_PER_S)
#define FRONTEND_UPDATE_TRIES 5 /* when others change the same cluster meanwhile */

/* Strings must live as long as the frontend. */
struct frontend_config {
	const char *host;
	uint16_t port;	    /* 0: any free */
	const char *region; /* that signatures must name */
	const char *clm_url;
	const char *key_ring_file;
	struct log *log;
	const struct clock *clock; /* NULL: the system's */
};

int frontend_start(struct frontend **ret, const struct frontend_config *config, struct error *err);
uint16_t frontend_port(const struct frontend *frontend);
void frontend_stop(struct frontend *frontend); /* NULL accepted */

#endif
