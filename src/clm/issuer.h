/*
 * issuer.h - who issues the tokens that callers show, and the name that a token gives its bearer.
 *
 * Issuers are tried in the order of the configuration: the first whose header is there, whose keys
 * signed the token and whose wishes it meets. A header is `Bearer TOKEN`.
 */
#ifndef REEVE_CLM_ISSUER_H
#define REEVE_CLM_ISSUER_H

#include "base/log.h"
#include "clm/problem.h"

#define ISSUER_MAX 16u
#define ISSUER_MAX_IDENTITY 256u /* bytes of a caller's name */
#define ISSUER_HEADER "Authorization"
#define ISSUER_CLAIM "email"

/* One entry of server.jwt.configs; NULL means not given. */
struct issuer_rule {
	const char *url; /* what "iss" has to be */
	const char *key_url, *key_file, *key_ca_file;
	const char *header;	     /* NULL: ISSUER_HEADER */
	const char *audience;	     /* NULL: any */
	const char *claim;	     /* of the caller's name; NULL: ISSUER_CLAIM */
	const char *pattern;	     /* that the name has to match */
	const char *identity_header; /* a gateway's; where it is given, before the claim */
};

struct issuers;

/* Reads key files, begins to fetch keys. Errors name the issuer. The rules must outlive it. */
int issuers_open(struct issuers **ret, const struct issuer_rule *rules, size_t count,
	struct log *log, struct error *err);
void issuers_close(struct issuers *issuers); /* NULL accepted */

/* A caller's name as a header or claim says it: at most ISSUER_MAX_IDENTITY bytes without control
 * characters, blanks at its ends cut off. False: `err` says what is wrong with it. */
bool issuer_read_identity(struct str text, const char *source, struct str *ret, struct error *err);

struct issuer_finding {
	struct str identity; /* null: the token gives none, and `fault` says why */
	const char *issuer;  /* the url of its rule, when `identity` is the token's own claim; else
				NULL */
	struct error fault;
	int64_t ends_us; /* until when the token is good */
};

/* Whether the request shows a good token of one of the issuers. Identity headers are looked at only
 * when they are `trusted`. False: the problem is filled; missing tokens are
 * PROBLEM_UNAUTHENTICATED. */
bool issuers_verify(struct issuers *issuers, struct http_request *request, bool trusts_headers,
	struct issuer_finding *ret, struct problem_details *ret_problem);

#endif
