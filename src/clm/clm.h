/*
 * clm.h - the Cluster Lifecycle Manager's API: the one place that says what should be.
 *
 * Serves HyperFleet API v1 under /api/hyperfleet/v1, with /healthz, /readyz and /metrics on the
 * same port, or on ports of their own, too. Beyond the original: GET /{plural}/watch streams the
 * change feed (watch.h), and /clusters/{id}/placement reserves room on a management cluster
 * (placement.h).
 */
#ifndef REEVE_CLM_CLM_H
#define REEVE_CLM_CLM_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "clm/caller.h"
#include "clm/journal.h"

struct clm;

/* Strings are used during clm_start only, but for those in `callers`. */
struct clm_config {
	const char *store_url;	  /* "sqlite:/var/lib/reeve/clm.db" */
	const char *host;	  /* NULL: 127.0.0.1 */
	uint16_t port;		  /* 0: any free */
	const char *health_host;  /* NULL: with the API; else /healthz and /readyz, */
	uint16_t health_port;	  /* here (0: any free) */
	const char *metrics_host; /* the same for /metrics */
	uint16_t metrics_port;
	struct http_server_tls tls; /* of the API's port; without cert_file: plain HTTP */
	unsigned request_timeout_s; /* 0: HTTP_REQUEST_TIMEOUT_S */
	unsigned threads;	    /* 0: as many writes as shall share one commit */
	const char *entities_file;  /* config/entities.yaml */
	const char *schema_file;    /* config/openapi.yaml */
	int64_t stuck_us; /* after which a resource counts as stuck; 0: METRICS_STUCK_US */
	struct journal_retention retention;
	struct caller_rules callers; /* caller_rules_aws behind the frontend; zeroed: no tenants */
	struct log *log;
	const struct clock *clock; /* NULL: the system's */
};

/* Errors name the file and the remedy, or the port that is taken. */
int clm_start(struct clm **ret, const struct clm_config *config, struct error *err);
uint16_t clm_port(const struct clm *clm);
/* 0 when they are with the API. */
uint16_t clm_health_port(const struct clm *clm);
uint16_t clm_metrics_port(const struct clm *clm);
void clm_stop(struct clm *clm); /* NULL accepted */

#endif
