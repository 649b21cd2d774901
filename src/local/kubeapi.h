/*
 * kubeapi.h - a stand-in Kubernetes API server.
 *
 * Speaks Kubernetes REST well enough for kubectl, for controllers and for agents: discovery,
 * OpenAPI, CRDs with structural schemas, the usual built-in kinds, server-side apply with managed
 * fields, patches, watches with bookmarks, status and scale subresources, finalizers, garbage
 * collection by owner, Tables. Nothing runs behind it: no scheduler, no kubelet, no controllers of
 * workloads. Everyone who has the token may do everything.
 *
 * Objects live in the store, not in memory; an answered write is durable. resourceVersions grow
 * across restarts, and a watch may go on from one that it got before.
 */
#ifndef REEVE_LOCAL_KUBEAPI_H
#define REEVE_LOCAL_KUBEAPI_H

#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

struct kubeapi;

/* Handlers block while their write becomes durable, and writes that wait together share a flush. */
#define KUBEAPI_THREADS 16

struct kubeapi_config {
	const char *store_url;
	const char *host;
	uint16_t port;	   /* 0: any free */
	const char *token; /* bearer; NULL: no authentication */
	struct log *log;
	const struct clock *clock; /* NULL: the system's */
};

int kubeapi_start(struct kubeapi **ret, const struct kubeapi_config *config, struct error *err);
uint16_t kubeapi_port(const struct kubeapi *kubeapi);
void kubeapi_stop(struct kubeapi *kubeapi); /* NULL accepted */

/* A kubeconfig with one cluster, user and context, all called `name`; mode 0600, replaced as a
 * whole. token NULL: none. */
int kubeapi_write_kubeconfig(const char *path, const char *host, uint16_t port, const char *token,
	const char *name, struct error *err);

#endif
