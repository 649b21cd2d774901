/*
 * issuer.c - see issuer.h.
 */
#include "clm/issuer.h"

#include <stdlib.h>

#include "data/pattern.h"
#include "net/jwks.h"
#include "net/jwt.h"

struct issuer {
	const struct issuer_rule *rule;
	const struct pattern *pattern; /* NULL: any name */
	struct jwks *keys;
	struct log *log;
};

struct issuers {
	struct arena *arena; /* patterns */
	size_t count;
	struct issuer list[ISSUER_MAX];
};

/* --- life ------------------------------------------------------------------------------------ */

static void tell_failure(void *arg, const struct error *err)
{
	struct issuer *issuer = arg;

	log_warn(issuer->log, "an issuer's keys cannot be read; those that are known stay",
		LOG_CSTR("issuer", issuer->rule->url), LOG_ERROR(err));
}

static int open_one(
	struct issuers *issuers, const struct issuer_rule *rule, struct log *log, struct error *err)
{
	struct issuer *issuer = &issuers->list[issuers->count];
	const struct jwks_config keys = {.url = rule->key_url,
		.file = rule->key_file,
		.ca_file = rule->key_ca_file,
		.on_failure = tell_failure,
		.arg = issuer};

	*issuer = (struct issuer){.rule = rule, .log = log};
	if (rule->pattern &&
		pattern_compile(issuers->arena, str_of(rule->pattern), &issuer->pattern, err) != 0)
		return error_prefix(err, "identity_claim_pattern of issuer %s", rule->url);
	if (jwks_new(&issuer->keys, &keys, err) != 0)
		return error_prefix(err, "issuer %s", rule->url);
	issuers->count++;
	return 0;
}

int issuers_open(struct issuers **ret, const struct issuer_rule *rules, size_t count,
	struct log *log, struct error *err)
{
	struct issuers *issuers = calloc(1, sizeof(*issuers));

	if (!issuers || (issuers->arena = arena_new(0)) == NULL) {
		free(issuers);
		return error_set(err, ERROR_MEMORY, "no room for the issuers");
	}
	for (size_t i = 0; i < count && i < ISSUER_MAX; i++) {
		if (open_one(issuers, &rules[i], log, err) == 0)
			continue;
		issuers_close(issuers);
		return -1;
	}
	*ret = issuers;
	return 0;
}

void issuers_close(struct issuers *issuers)
{
	if (!issuers)
		return;
	for (size_t i = 0; i < issuers->count; i++)
		jwks_free(issuers->list[i].keys);
	arena_free(issuers->arena);
	free(issuers);
}

/* --- one token ------------------------------------------------------------------------------- */

/* From what is told rather than the next to what is told least. */
enum fault { FAULT_EXPIRED, FAULT_UNAVAILABLE, FAULT_INVALID, FAULT_NOT_BEARER, FAULT_MISSING };

static enum fault fault_of(const struct error *err)
{
	return err->code == ERROR_UNAUTHENTICATED ? FAULT_INVALID : FAULT_UNAVAILABLE;
}

/* The token after "Bearer"; null for another scheme. */
static struct str bearer_of(struct str header)
{
	struct str token = str_trim(header);
	struct str scheme = str_cut(&token, ' ');

	if (str_casecmp(scheme, STR("Bearer")) != 0 || str_is_null(token))
		return STR_NULL;
	token = str_trim(token);
	return token.len > 0 && str_index(token, ' ') < 0 ? token : STR_NULL;
}

/* Whether this issuer gave out the token; otherwise what is wrong. */
static bool vouches(const struct issuer *issuer, const struct jwt *token, int64_t now_us,
	enum fault *ret_fault, struct error *err)
{
	const struct jwt_wish wish = {
		.issuer = str_of(issuer->rule->url), .audience = str_of(issuer->rule->audience)};
	struct jwk *key;

	/* A token of somebody else is no reason to fetch keys. */
	enum jwt_verdict verdict = jwt_judge(token, &wish, now_us, err);
	*ret_fault = FAULT_INVALID;
	if (verdict == JWT_BAD)
		return false;
	struct error trouble = {0};
	if (jwks_find(issuer->keys, token->key_id, token->algorithm, &key, &trouble) != 0) {
		*err = trouble;
		*ret_fault = fault_of(&trouble);
		return false;
	}
	bool is_signed = jwt_verify(token, key);
	jwk_free(key);
	if (!is_signed)
		error_set(err, ERROR_UNAUTHENTICATED, "the token's signature is not its key's");
	else if (verdict == JWT_EXPIRED)
		*ret_fault = FAULT_EXPIRED;
	return is_signed && verdict == JWT_GOOD;
}

static bool verify_one(const struct issuer *issuer, struct http_request *request,
	struct jwt *ret_token, enum fault *ret_fault, struct error *err)
{
	const char *name = issuer->rule->header ? issuer->rule->header : ISSUER_HEADER;
	struct str header = http_request_header(request, name), text = bearer_of(header);

	if (str_is_empty(header)) {
		*ret_fault = FAULT_MISSING;
		return false;
	}
	if (str_is_null(text)) {
		*ret_fault = FAULT_NOT_BEARER;
		return false;
	}
	if (jwt_parse(request->arena, text, ret_token, err) != 0) {
		*ret_fault = fault_of(err);
		return false;
	}
	return vouches(issuer, ret_token, request->now_us, ret_fault, err);
}

/* --- the name it gives ----------------------------------------------------------------------- */

bool issuer_read_identity(struct str text, const char *source, struct str *ret, struct error *err)
{
	struct str identity = str_trim(text);

	if (identity.len > ISSUER_MAX_IDENTITY) {
		error_set(err, ERROR_INVALID, "%s is longer than %u bytes", source,
			ISSUER_MAX_IDENTITY);
		return false;
	}
	for (size_t i = 0; i < identity.len; i++) {
		unsigned char c = (unsigned char)identity.ptr[i];

		if (c < 0x20 || c == 0x7f) {
			error_set(err, ERROR_INVALID, "%s holds control characters", source);
			return false;
		}
	}
	*ret = identity.len > 0 ? identity : STR_NULL;
	return true;
}

static bool fits(const struct issuer *issuer, struct str identity, struct error *err)
{
	bool matches = true;

	if (!issuer->pattern)
		return true;
	if (pattern_match(issuer->pattern, identity, &matches, err) != 0)
		return false;
	if (!matches)
		error_set(err, ERROR_INVALID,
			"the caller's name does not match identity_claim_pattern");
	return matches;
}

static void find_identity(const struct issuer *issuer, struct http_request *request,
	const struct jwt *token, bool trusts_headers, struct issuer_finding *ret)
{
	const char *claim = issuer->rule->claim ? issuer->rule->claim : ISSUER_CLAIM;
	struct str identity = STR_NULL;

	if (trusts_headers && issuer->rule->identity_header &&
		!issuer_read_identity(http_request_header(request, issuer->rule->identity_header),
			issuer->rule->identity_header, &identity, &ret->fault))
		return;
	bool is_claim = str_is_null(identity);
	if (is_claim && !issuer_read_identity(json_get_text(token->claims, claim),
				"the claim of the caller's name", &identity, &ret->fault))
		return;
	if (str_is_null(identity))
		error_set(&ret->fault, ERROR_INVALID, "the token has no claim %s that is text",
			claim);
	else if (fits(issuer, identity, &ret->fault)) {
		ret->identity = identity;
		ret->issuer = is_claim ? issuer->rule->url : NULL;
	}
}

/* --- a request ------------------------------------------------------------------------------- */

static void explain(
	struct arena *arena, enum fault fault, const struct error *err, struct problem_details *ret)
{
	static const struct {
		enum problem problem;
		const char *detail; /* NULL: the error's */
	} answers[] = {
		[FAULT_EXPIRED] = {PROBLEM_EXPIRED_TOKEN, "JWT token has expired"},
		[FAULT_UNAVAILABLE] = {PROBLEM_UNAVAILABLE, NULL},
		[FAULT_INVALID] = {PROBLEM_BAD_TOKEN, NULL},
		[FAULT_NOT_BEARER] = {PROBLEM_BAD_TOKEN,
			"authorization header does not use Bearer scheme"},
		[FAULT_MISSING] = {PROBLEM_UNAUTHENTICATED, "missing authorization header"},
	};

	*ret = (struct problem_details){
		.problem = answers[fault].problem, .detail = str_of(answers[fault].detail)};
	if (fault == FAULT_INVALID)
		ret->detail = arena_printf(arena, "invalid JWT token: %s", err->message);
	else if (fault == FAULT_UNAVAILABLE)
		ret->detail = arena_str(arena, str_of(err->message));
}

bool issuers_verify(struct issuers *issuers, struct http_request *request, bool trusts_headers,
	struct issuer_finding *ret, struct problem_details *ret_problem)
{
	enum fault worst = FAULT_MISSING;
	struct error told = {0};

	for (size_t i = 0; i < issuers->count; i++) {
		const struct issuer *issuer = &issuers->list[i];
		struct jwt token;
		enum fault fault;
		struct error err = {0};

		if (verify_one(issuer, request, &token, &fault, &err)) {
			*ret = (struct issuer_finding){.ends_us = jwt_end_us(&token)};
			find_identity(issuer, request, &token, trusts_headers, ret);
			return true;
		}
		if (fault >= worst)
			continue;
		worst = fault;
		told = err;
	}
	explain(request->arena, worst, &told, ret_problem);
	return false;
}
