/*
 * kubeapi_failure.h - errors as a Kubernetes API server tells them (meta/v1 Status).
 *
 * Clients decide by `reason` and `details.causes`, so both are kept from where something is found
 * wrong to the answer; struct error has no room for them. Texts live in the failure's arena.
 */
#ifndef REEVE_LOCAL_KUBEAPI_FAILURE_H
#define REEVE_LOCAL_KUBEAPI_FAILURE_H

#include "base/arena.h"
#include "base/error.h"
#include "data/json.h"

#define KUBEAPI_MAX_CAUSES 64u

struct kubeapi_cause {
	const char *reason; /* "FieldValueRequired" */
	struct str message;
	struct str field;
};

struct kubeapi_failure {
	struct arena *arena;
	int status; /* HTTP; 0: nothing has failed */
	const char *reason;
	struct str message;
	struct str group, kind, name, uid; /* details; null where they do not apply */
	struct kubeapi_cause causes[KUBEAPI_MAX_CAUSES];
	size_t cause_count;
	unsigned retry_after_s;
};

void kubeapi_failure_init(struct kubeapi_failure *failure, struct arena *arena);

/* Fills the failure and returns -1. The reason follows from the status. */
int kubeapi_fail(struct kubeapi_failure *failure, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* As kubeapi_fail, with a reason of one's own ("Expired", "AlreadyExists"). */
int kubeapi_fail_reason(struct kubeapi_failure *failure, int status, const char *reason,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* An error of the layers below: disk full, too many writers, stopped. */
int kubeapi_fail_error(struct kubeapi_failure *failure, const struct error *err);

/* One more cause of a refusal; past KUBEAPI_MAX_CAUSES it is dropped. */
void kubeapi_failure_cause(struct kubeapi_failure *failure, const char *reason, struct str field,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* What the failure is about: a resource ("hostedclusters") or, for Invalid, a kind. Returns -1. */
int kubeapi_failure_about(
	struct kubeapi_failure *failure, struct str group, struct str kind, struct str name);

/* 422 Invalid from the causes collected: `Widget.example.com "w" is invalid: spec.size: ...`. */
int kubeapi_fail_invalid(
	struct kubeapi_failure *failure, struct str group, struct str kind, struct str name);

struct json *kubeapi_failure_status(struct arena *arena, const struct kubeapi_failure *failure);

/* "hostedclusters.hypershift.openshift.io", or "pods" for the core group. */
struct str kubeapi_qualified(struct arena *arena, struct str resource, struct str group);

#endif
