/*
 * caller.c - see caller.h.
 */
#include "clm/caller.h"

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

static bool resolve_actor(const struct caller_rules *rules, struct http_request *request,
	struct caller *caller, struct problem_details *ret_problem)
{
	struct str identity = STR_NULL;

	caller->actor = STR(CALLER_NOBODY);
	if (rules->identity_header != NULL)
		identity = http_request_header(request, rules->identity_header);
	if (str_is_empty(identity))
		return true;
	for (size_t i = 0; i < identity.len; i++) {
		unsigned char c = (unsigned char)identity.ptr[i];

		if (c < 0x20 || c == 0x7f || identity.len > CALLER_MAX_IDENTITY)
			return refuse(ret_problem, PROBLEM_VALIDATION,
				arena_printf(request->arena,
					"%s must be at most %u characters without control "
					"characters",
					rules->identity_header, CALLER_MAX_IDENTITY));
	}
	caller->actor = identity;
	return true;
}

bool caller_resolve(const struct caller_rules *rules, struct http_request *request,
	struct caller *ret, struct problem_details *ret_problem)
{
	struct caller caller = {0};

	if (!resolve_actor(rules, request, &caller, ret_problem))
		return false;
	if (rules->tenant_enabled && rules->system_header != NULL)
		caller.is_system =
			str_eq_c(http_request_header(request, rules->system_header), "true");
	if (rules->tenant_enabled && !caller.is_system &&
		!resolve_tenant(rules, request, &caller, ret_problem))
		return false;
	*ret = caller;
	return true;
}
