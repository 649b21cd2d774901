/*
 * caller.h - who a request is from: the tenant whose resources it may see, and the name it is
 * recorded under.
 *
 * The name comes from a token (issuer.h) or, from a gateway that has proven who calls, in a header;
 * the tenant always comes in the gateway's headers. A gateway is whoever shows a certificate of the
 * clients' CA, or, where none is configured, whoever the network lets through. A request with a
 * tenant dimension's header sees and changes only that tenant's resources.
 *
 * Who carries none of the tenants' headers is the region's own, sees and changes all, and creates
 * what belongs to no tenant: everybody where no dimension is required (an operator on loopback, the
 * adapters), else only those on a list, who prove it by a certificate or a token. Never by a
 * header: a gateway that forgets one would hand out the region.
 */
#ifndef REEVE_CLM_CALLER_H
#define REEVE_CLM_CALLER_H

#include "clm/issuer.h"

#define CALLER_MAX_DIMENSIONS 8u
#define CALLER_MAX_VALUE 63u /* of a dimension */
#define CALLER_MAX_GATEWAYS 32u
#define CALLER_MAX_REGIONALS 32u
#define CALLER_NOBODY "system@hyperfleet.local"

/* X-Amz-Account-Id: 123 becomes tenancy {"account_id":"123"}. */
struct caller_dimension {
	const char *header;
	const char *key;
	bool is_required;
};

/* Who is the region's own: by a name in its certificate, or by the name that an issuer's token
 * claims. The other members are NULL. */
struct caller_regional {
	const char *certificate;
	const char *issuer; /* issuer_rule.url */
	const char *identity;
};

struct caller_rules {
	bool tenant_enabled;
	const char *system_header; /* NULL, or "true" in it: sees all, may write statuses only */
	const struct caller_dimension *dimensions;
	size_t dimension_count;
	const char *identity_header; /* of a gateway's caller; NULL: nobody's name is read */
	bool needs_token; /* from all but gateways with a certificate: of one of these issuers */
	const struct issuer_rule *issuers;
	size_t issuer_count;
	bool needs_certificate;	     /* to be a gateway */
	const char *const *gateways; /* names of theirs; none: every certificate of the CA */
	size_t gateway_count;
	const struct caller_regional *regionals; /* besides dimensions of which one is required */
	size_t regional_count;
};

/* Behind the region's frontend: tenants are AWS accounts, identities are ARNs. */
extern const struct caller_rules caller_rules_aws;

struct caller {
	struct str tenancy; /* JSON text with sorted members; null: sees all */
	struct str actor;
	const char *issuer; /* whose token claims `actor`; NULL: it comes from elsewhere */
	bool is_system;
	int64_t ends_us; /* until when this was proven; 0: it does not end */
};

/* Checks rules that come from configuration. */
int caller_check_rules(const struct caller_rules *rules, struct error *err);
/* What an operator should know of rules that are taken as they are; NULL: nothing. */
const char *caller_warning(const struct caller_rules *rules);

/* `issuers` are those of the rules, NULL when no token is needed; `changes` tells requests that
 * change something, which need a name where names are proven. False: ret_problem is filled. */
bool caller_resolve(const struct caller_rules *rules, struct issuers *issuers,
	struct http_request *request, bool changes, struct caller *ret,
	struct problem_details *ret_problem);

#endif
