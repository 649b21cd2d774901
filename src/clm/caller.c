/*
 * caller.c - see caller.h.
 */
#include "clm/caller.h"

#include <string.h>

static const struct caller_dimension aws_dimensions[] = {
	{"X-Amz-Account-Id", "account_id", false},
};

const struct caller_rules caller_rules_aws = {
	.tenant_enabled = true,
	.system_header = NULL,
	.dimensions = aws_dimensions,
	.dimension_count = sizeof(aws_dimensions) / sizeof(aws_dimensions[0]),
	.identity_header = "X-Amz-Caller-Arn",
};

int caller_check_rules(const struct caller_rules *rules, struct error *err)
{
	if (rules->dimension_count > CALLER_MAX_DIMENSIONS)
		return error_set(err, ERROR_INVALID,
			"server.tenant.dimensions has %zu entries; at most %u are possible",
			rules->dimension_count, CALLER_MAX_DIMENSIONS);
	if (rules->tenant_enabled && rules->dimension_count == 0)
		return error_set(err, ERROR_INVALID,
			"server.tenant is enabled without dimensions; name at least one");
	for (size_t i = 0; i < rules->dimension_count; i++) {
		const struct caller_dimension *dimension = &rules->dimensions[i];

		if (str_is_empty(str_of(dimension->header)) || str_is_empty(str_of(dimension->key)))
			return error_set(err, ERROR_INVALID,
				"server.tenant.dimensions entry %zu needs a header and a key",
				i + 1);
	}
	return 0;
}

const char *caller_warning(const struct caller_rules *rules)
{
	if (rules->tenant_enabled && rules->needs_token && !rules->needs_certificate)
		return "every bearer of a token chooses its tenant by header, unless something in "
		       "front sets these headers; server.tls.client_ca_file takes them from "
		       "gateways with a certificate only";
	return NULL;
}

/* --- which tenant ---------------------------------------------------------------------------- */

static bool refuse(struct problem_details *ret_problem, enum problem problem, struct str detail)
{
	*ret_problem = (struct problem_details){.problem = problem, .detail = detail};
	return false;
}

static bool is_dimension_value(struct str value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '.' || c == '_' || c == '-'))
			return false;
	}
	return value.len > 0 && value.len <= CALLER_MAX_VALUE;
}

static bool resolve_tenant(const struct caller_rules *rules, struct http_request *request,
	struct caller *caller, struct problem_details *ret_problem)
{
	struct json *tenancy = json_new_object(request->arena);

	for (size_t i = 0; i < rules->dimension_count; i++) {
		const struct caller_dimension *dimension = &rules->dimensions[i];
		struct str value = http_request_header(request, dimension->header);

		if (str_is_null(value) && !dimension->is_required)
			continue;
		if (str_is_null(value))
			return refuse(ret_problem, PROBLEM_FORBIDDEN,
				arena_printf(request->arena, "missing required tenant header %s",
					dimension->header));
		if (!is_dimension_value(value))
			return refuse(ret_problem, PROBLEM_FORBIDDEN,
				arena_printf(request->arena,
					"tenant header %s must be 1 to 63 letters, digits, '.', "
					"'_' or '-'",
					dimension->header));
		json_set_text(tenancy, dimension->key, value);
	}
	if (json_count(tenancy) > 0)
		caller->tenancy = json_text(request->arena, tenancy, JSON_WRITE_SORTED);
	/* Out of memory must not read as "sees all". */
	if (arena_is_exhausted(request->arena))
		return refuse(ret_problem, PROBLEM_INTERNAL, STR("no room for the request"));
	return true;
}

/* --- who ------------------------------------------------------------------------------------- */

static bool has_certificate_of(const struct http_request *request, const char *name)
{
	for (size_t i = 0; i < request->certificate_name_count; i++)
		if (str_eq_c(request->certificate_names[i], name))
			return true;
	return false;
}

/* The name in a certificate that makes its bearer the region's own; NULL: this one does not. */
static const char *regional_certificate(
	const struct caller_rules *rules, const struct http_request *request)
{
	for (size_t i = 0; i < rules->regional_count; i++) {
		const char *name = rules->regionals[i].certificate;

		if (name && has_certificate_of(request, name))
			return name;
	}
	return NULL;
}

static bool is_regional(const struct caller_rules *rules, const struct http_request *request,
	const struct caller *caller)
{
	if (regional_certificate(rules, request))
		return true;
	for (size_t i = 0; caller->issuer && i < rules->regional_count; i++) {
		const struct caller_regional *each = &rules->regionals[i];

		if (each->issuer && strcmp(each->issuer, caller->issuer) == 0 &&
			str_eq_c(caller->actor, each->identity))
			return true;
	}
	return false;
}

/* Whether the connection is a gateway's: one that shows a certificate which is wanted. */
static bool is_gateway(const struct caller_rules *rules, const struct http_request *request)
{
	if (rules->gateway_count == 0)
		return request->has_certificate;
	for (size_t i = 0; i < rules->gateway_count; i++)
		if (has_certificate_of(request, rules->gateways[i]))
			return true;
	return false;
}

static bool has_tenant_header(const struct caller_rules *rules, const struct http_request *request)
{
	for (size_t i = 0; i < rules->dimension_count; i++)
		if (!str_is_null(http_request_header(request, rules->dimensions[i].header)))
			return true;
	return rules->system_header &&
	       !str_is_null(http_request_header(request, rules->system_header));
}

static bool refuse_nameless(struct http_request *request, const struct error *fault,
	struct problem_details *ret_problem)
{
	if (fault->code == ERROR_NONE)
		return refuse(ret_problem, PROBLEM_UNAUTHENTICATED,
			STR("Caller identity is required for mutating requests but could not be "
			    "resolved"));
	return refuse(ret_problem, PROBLEM_UNAUTHENTICATED,
		arena_printf(
			request->arena, "Unable to resolve caller identity: %s", fault->message));
}

/* The name that the gateway's header gives; the actor stays as it is without one. */
static bool read_header_identity(const struct caller_rules *rules, struct http_request *request,
	struct caller *caller, struct problem_details *ret_problem)
{
	struct str identity = STR_NULL;
	struct error err = {0};

	if (rules->identity_header &&
		!issuer_read_identity(http_request_header(request, rules->identity_header),
			rules->identity_header, &identity, &err))
		return refuse(ret_problem, PROBLEM_VALIDATION,
			arena_str(request->arena, str_of(err.message)));
	if (!str_is_null(identity))
		caller->actor = identity;
	return true;
}

/* By token. A gateway with a certificate may do without one, when it names the caller itself. */
static bool resolve_bearer(const struct caller_rules *rules, struct issuers *issuers,
	struct http_request *request, bool trusts_headers, bool changes, struct caller *caller,
	struct problem_details *ret_problem)
{
	struct issuer_finding found = {0};
	bool is_proven = trusts_headers && rules->needs_certificate;

	if (issuers_verify(issuers, request, trusts_headers, &found, ret_problem))
		*caller = (struct caller){
			.actor = found.identity, .issuer = found.issuer, .ends_us = found.ends_us};
	else if (!is_proven || ret_problem->problem != PROBLEM_UNAUTHENTICATED ||
		 !read_header_identity(rules, request, caller, ret_problem))
		return false;
	if (str_is_null(caller->actor) && changes)
		return refuse_nameless(request, &found.fault, ret_problem);
	if (str_is_null(caller->actor))
		caller->actor = STR(CALLER_NOBODY);
	return true;
}

static bool resolve_actor(const struct caller_rules *rules, struct issuers *issuers,
	struct http_request *request, bool trusts_headers, bool changes, struct caller *caller,
	struct problem_details *ret_problem)
{
	caller->actor = str_of(regional_certificate(rules, request));
	if (!str_is_null(caller->actor) && !trusts_headers)
		return true; /* it speaks for itself alone */
	if (rules->needs_token)
		return resolve_bearer(
			rules, issuers, request, trusts_headers, changes, caller, ret_problem);
	if (!trusts_headers)
		return refuse(ret_problem, PROBLEM_UNAUTHENTICATED,
			STR("this server wants a client certificate, of a name that it knows"));
	if (str_is_null(caller->actor))
		caller->actor = STR(CALLER_NOBODY);
	return read_header_identity(rules, request, caller, ret_problem);
}

static bool is_repeated(const struct http_request *request, const char *name)
{
	const struct http_header *headers;
	size_t count = http_request_headers(request, &headers), found = 0;

	for (size_t i = 0; name && i < count; i++)
		if (str_casecmp(headers[i].name, str_of(name)) == 0)
			found++;
	return found > 1;
}

/* A gateway that adds its header to the client's, in place of replacing it, has two: which is whose
 * is not for us to guess. */
static const char *find_repeated(
	const struct caller_rules *rules, const struct http_request *request)
{
	const char *const own[] = {rules->system_header, rules->identity_header};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (is_repeated(request, own[i]))
			return own[i];
	for (size_t i = 0; i < rules->dimension_count; i++)
		if (is_repeated(request, rules->dimensions[i].header))
			return rules->dimensions[i].header;
	for (size_t i = 0; i < rules->issuer_count; i++) {
		const struct issuer_rule *issuer = &rules->issuers[i];
		const char *token = issuer->header ? issuer->header : ISSUER_HEADER;

		if (is_repeated(request, issuer->identity_header))
			return issuer->identity_header;
		if (is_repeated(request, token))
			return token;
	}
	return NULL;
}

bool caller_resolve(const struct caller_rules *rules, struct issuers *issuers,
	struct http_request *request, bool changes, struct caller *ret,
	struct problem_details *ret_problem)
{
	struct caller caller = {0};
	bool trusts_headers = !rules->needs_certificate || is_gateway(rules, request);
	const char *repeated = find_repeated(rules, request);

	if (repeated)
		return refuse(ret_problem, PROBLEM_FORBIDDEN,
			arena_printf(
				request->arena, "header %s is there more than once", repeated));
	if (!resolve_actor(rules, issuers, request, trusts_headers, changes, &caller, ret_problem))
		return false;
	bool is_of_tenants = has_tenant_header(rules, request);
	if (!rules->tenant_enabled || (!is_of_tenants && is_regional(rules, request, &caller))) {
		*ret = caller;
		return true;
	}
	/* Believing them would let every bearer of a token choose the tenant. */
	if (!trusts_headers && is_of_tenants)
		return refuse(ret_problem, PROBLEM_FORBIDDEN,
			STR("tenant headers are taken only with a client certificate of the "
			    "gateway"));
	if (rules->system_header)
		caller.is_system =
			str_eq_c(http_request_header(request, rules->system_header), "true");
	if (!caller.is_system && !resolve_tenant(rules, request, &caller, ret_problem))
		return false;
	*ret = caller;
	return true;
}
