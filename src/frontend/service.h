/*
 * service.h - what the frontend's handlers share: who calls, answers in the envelope, calls to CLM.
 */
#ifndef REEVE_FRONTEND_SERVICE_H
#define REEVE_FRONTEND_SERVICE_H

#include "aws/credentials.h"
#include "data/json.h"
#include "frontend/frontend.h"
#include "net/http_client.h"
#include "net/http_server.h"

struct frontend {
	struct frontend_config config;
	struct http_server *server;
	struct http_client *clm;
	struct key_ring *keys;
};

/* --- who calls ----------------------------------------------------------------------------- */

/* Verifies the request's signature. False: the response is filled (403). */
bool service_authenticate(struct http_request *request, struct http_response *response);

/* --- answers ------------------------------------------------------------------------------- */

/* 403 with one of the AUTH codes. */
void service_fail(struct http_request *request, struct http_response *response, int status,
	const char *code, struct str reason);

/* With a list of {"field","reason"}. */
void service_fail_fields(struct http_request *request, struct http_response *response, int status,
	const char *code, const char *reason, struct json *errors);

void service_answer(struct http_request *request, struct http_response *response, int status,
	const struct json *body);

/* What the server itself refuses (404, 405, 413 ...). */
void service_server_error(struct http_request *request, struct http_response *response, int status,
	struct str detail);

/* --- CLM ----------------------------------------------------------------------------------- */

struct service_answer {
	int status;
	struct json *body; /* NULL when empty */
	struct str etag;   /* null when there is none */
};

/* One call on the caller's behalf, `path` behind /api/hyperfleet/v1. 0 when CLM answered, whatever
 * its status. With `is_regional` the caller's account is not named: for kinds that belong to the
 * region. */
int service_call_clm(struct http_request *request, const char *method, struct str path,
	const struct json *body, struct str if_match, bool is_regional, struct service_answer *ret,
	struct error *err);

/* CLM's sentence for a refusal (RFC 9457 detail), never empty. */
struct str service_clm_detail(struct http_request *request, const struct service_answer *answer);

/* CLM's field errors as ours; NULL when there are none. */
struct json *service_clm_fields(struct http_request *request, const struct service_answer *answer);

#endif
