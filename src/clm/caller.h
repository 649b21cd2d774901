/*
 * caller.h - who a request is from: the tenant whose resources it may see, and the name it is
 * recorded under.
 *
 * A gateway in front of the API has proven who calls and says so in headers. A request that carries
 * a tenant dimension's header sees and changes only that tenant's resources; one that carries none
 * is the region's own (an operator on loopback, the adapters) and sees all.
 */
#ifndef REEVE_CLM_CALLER_H
#define REEVE_CLM_CALLER_H

#include "clm/problem.h"

#define CALLER_MAX_DIMENSIONS 8u
#define CALLER_MAX_VALUE 63u	 /* of a dimension */
#define CALLER_MAX_IDENTITY 256u /* of the identity header */
#define CALLER_NOBODY "system@hyperfleet.local"

/* X-Amz-Account-Id: 123 becomes tenancy {"account_id":"123"}. */
struct caller_dimension {
	const char *header;
	const char *key;
	bool is_required;
};

struct caller_rules {
	bool tenant_enabled;
	const char *system_header; /* NULL, or "true" in it: sees all, may write statuses only */
	const struct caller_dimension *dimensions;
	size_t dimension_count;
	const char *identity_header; /* NULL: everyone is CALLER_NOBODY */
};

/* Behind the region's frontend: tenants are AWS accounts, identities are ARNs. */
extern const struct caller_rules caller_rules_aws;

struct caller {
	struct str tenancy; /* JSON text with sorted members; null: sees all */
	struct str actor;
	bool is_system;
};

/* Checks rules that come from configuration. */
int caller_check_rules(const struct caller_rules *rules, struct error *err);

/* False: ret_problem is filled. */
bool caller_resolve(const struct caller_rules *rules, struct http_request *request,
	struct caller *ret, struct problem_details *ret_problem);

#endif
