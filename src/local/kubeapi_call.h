/*
 * kubeapi_call.h - one request for objects, as it is understood, and its answer.
 */
#ifndef REEVE_LOCAL_KUBEAPI_CALL_H
#define REEVE_LOCAL_KUBEAPI_CALL_H

#include "local/kubeapi_server.h"
#include "local/kubeapi_view.h"
#include "local/kubeapi_write.h"

struct kubeapi_call {
	struct kubeapi *server;
	struct http_request *request;
	struct http_response *response;
	struct arena *arena;
	struct kubeapi_type *type;		  /* owned by the arena */
	struct str name_space, name, subresource; /* "" where there is none */
	struct kubeapi_view view;
	struct kubeapi_failure failure;
};

/* A query parameter; null when absent. */
struct str kubeapi_parameter(const struct kubeapi_call *call, const char *name);
bool kubeapi_parameter_is_true(const struct kubeapi_call *call, const char *name);

/* The body as a document, JSON or YAML by its content type; 400 or 415. */
int kubeapi_call_body(struct kubeapi_call *call, struct json **ret);

/* A write for this call's object with the options of the query (dryRun, fieldManager,
 * fieldValidation). -1: an option is wrong. */
int kubeapi_call_write(struct kubeapi_call *call, struct kubeapi_write *ret);

/* --- answers ------------------------------------------------------------------------------- */

void kubeapi_answer_failure(struct kubeapi_call *call);
void kubeapi_answer_json(struct kubeapi_call *call, int status, const struct json *body);
void kubeapi_answer_text(struct kubeapi_call *call, int status, struct str text);

/* The object in the form that the client wants, with the write's warning. */
void kubeapi_answer_object(struct kubeapi_call *call, int status, int64_t version, struct str body);
void kubeapi_answer_write(struct kubeapi_call *call, const struct kubeapi_write *write);
void kubeapi_answer_warning(struct kubeapi_call *call, struct str warning);

#endif
