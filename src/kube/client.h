/*
 * client.h - one request to a Kubernetes API server; what the files of this folder share.
 */
#ifndef REEVE_KUBE_CLIENT_H
#define REEVE_KUBE_CLIENT_H

#include "kube/kube.h"
#include "net/http_client.h"

#define KUBE_RETRIES 2 /* of calls that may be repeated without harm */
#define KUBE_MAX_CALL_HEADERS 2

struct kube_discovery;

struct kube_token {
	const char *file;      /* NULL: the credential does not change */
	pthread_mutex_t mutex; /* value, read_us */
	char *value;
	int64_t read_us; /* monotonic */
};

struct kube {
	struct arena *arena; /* of what is set once, at open */
	struct http_client *http;
	const char *kubeconfig;
	const char *server;
	const char *authorization; /* basic auth; NULL: by token, certificate or not at all */
	struct kube_token token;
	struct kube_discovery *discovery;
};

struct kube_call {
	const char *method;
	struct str path; /* with query, encoded */
	const struct json *body;
	struct str content_type; /* null: application/json */
	bool may_repeat;
};

/* The answer as JSON (ret: NULL accepted). Errors as kube.h says. */
int kube_call(struct kube *kube, struct arena *arena, const struct kube_call *call,
	struct json **ret, struct error *err);

/* The path of an object, of a collection (empty name), with no query. */
int kube_path(struct arena *arena, const struct kube_resource *resource, struct str name_space,
	struct str name, const char *subresource, struct str *ret, struct error *err);

/* Credentials of this moment as headers; returns how many. */
size_t kube_headers(
	struct kube *kube, struct arena *arena, struct http_header headers[KUBE_MAX_CALL_HEADERS]);

#endif
