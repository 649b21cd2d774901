/*
 * server.h - a Kubernetes API server that follows a script: it expects these requests in this order
 * and answers each as written.
 */
#ifndef REEVE_TESTS_KUBE_SERVER_H
#define REEVE_TESTS_KUBE_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kube/kube.h"

struct exchange {
	const char *request; /* "GET /api/v1?limit=500" */
	const char *sends;   /* the body it must carry; NULL: any */
	int status;
	const char *answer;
	bool is_stream; /* the answer is sent line by line ... */
	bool is_held;	/* ... and the connection stays open until the server stops */
};

struct server;

struct server *server_start(const struct exchange *script, size_t count);
#define SERVER_START(script) server_start((script), sizeof(script) / sizeof((script)[0]))

/* A client of the server; `user` is the YAML of the kubeconfig's user, "{}" for none. */
struct kube *server_client(struct server *server, const char *user);

/* A header of the last request; lives until the next one. */
const char *server_last_header(struct server *server, const char *name);

/* How many requests of the script have been answered. */
size_t server_answered(struct server *server);

/* Fails the test when a request differed from the script or is still missing. */
void server_finish(struct server *server);

#endif
