/*
 * problem.h - the error answers of HyperFleet API v1: problem+json (RFC 9457) with codes of its
 * own.
 *
 * One table ties each problem to its code, status, type and title; handlers name the problem.
 */
#ifndef REEVE_CLM_PROBLEM_H
#define REEVE_CLM_PROBLEM_H

#include "net/http_server.h"

enum problem {
	PROBLEM_VALIDATION,	 /* VAL-000 */
	PROBLEM_CHILD_KIND,	 /* VAL-000 as 422 */
	PROBLEM_BAD_REQUEST,	 /* VAL-005 */
	PROBLEM_MALFORMED,	 /* VAL-006 */
	PROBLEM_UNAUTHENTICATED, /* AUT-001 */
	PROBLEM_BAD_TOKEN,	 /* AUT-002 */
	PROBLEM_EXPIRED_TOKEN,	 /* AUT-003 */
	PROBLEM_FORBIDDEN,	 /* AUZ-001 */
	PROBLEM_NO_ENDPOINT,	 /* NTF-000 */
	PROBLEM_NOT_FOUND,	 /* NTF-001 */
	PROBLEM_EXISTS,		 /* CNF-001 */
	PROBLEM_VERSION,	 /* CNF-002: If-Match, as 412 */
	PROBLEM_STATE,		 /* CNF-003 */
	PROBLEM_GONE,		 /* VAL-005 as 410: a cursor that was compacted away */
	PROBLEM_LIMITED,	 /* LMT-001 */
	PROBLEM_INTERNAL,	 /* INT-001 */
	PROBLEM_UNAVAILABLE,	 /* SVC-001 */
	PROBLEM_TIMEOUT,	 /* SVC-002 */
	PROBLEM_NO_SPACE,	 /* SVC-001 as 507: the database's disk is full */
	PROBLEM_COUNT
};

/* One member of `errors`. */
struct violation {
	struct str field;
	struct str message;
	struct str value;      /* null: the member is left out */
	struct str constraint; /* required, min, max, pattern, ...; null: left out */
};

struct problem_details {
	enum problem problem;
	struct str detail;
	const struct violation *violations;
	size_t violation_count;
};

void problem_answer(struct http_request *request, struct http_response *response,
	const struct problem_details *details);
/* Without violations. */
void problem_say(struct http_request *request, struct http_response *response, enum problem problem,
	struct str detail);
/* What an error of a lower layer means to a client; an internal one is not told in detail. */
void problem_answer_error(
	struct http_request *request, struct http_response *response, const struct error *err);

/* The server's http_error_writer. */
void problem_write_server_error(struct http_request *request, struct http_response *response,
	int status, struct str detail);

#endif
