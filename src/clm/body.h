/*
 * body.h - what clients send, checked: create, patch, status and force-delete requests.
 *
 * Pure functions from the text of a body to a struct, or to the problem that HyperFleet API v1
 * answers for it, in its order of checks and its words. As there, member names match in any case
 * and of duplicate members the last counts; unknown members are ignored except in a patch.
 *
 * Documents come out as compact JSON text with sorted members, ready to be stored.
 */
#ifndef REEVE_CLM_BODY_H
#define REEVE_CLM_BODY_H

#include "clm/problem.h"
#include "clm/reference.h"
#include "clm/registry.h"
#include "clm/report.h"

#define BODY_MAX_CONDITIONS 64u /* in one report */
#define BODY_MAX_ADAPTER 255u	/* bytes of an adapter's name */
#define BODY_MAX_REASON 1024u	/* characters, of a force-delete */
#define BODY_OBSERVED_AHEAD_US (INT64_C(5) * 60 * 1000000)
#define BODY_OBSERVED_BEHIND_US (INT64_C(30) * 60 * 1000000)

struct create_body {
	const struct kind *kind;
	struct str name;
	struct str spec;
	struct str labels; /* "{}" when there are none */
	struct reference_list references;
};

/* `kind` NULL: the body's own decides. False: ret_problem is filled. */
bool body_parse_create(struct arena *arena, const struct registry *registry,
	const struct kind *kind, struct str text, struct create_body *ret,
	struct problem_details *ret_problem);

struct patch_body {
	struct str spec; /* null: not given, as the next */
	struct str labels;
	bool has_references;
	struct reference_list references;
};
/* The kind decides which schema the spec must conform to, and which references there may be; NULL:
 * the spec is not checked here, and there are no references. */
bool body_parse_patch(struct arena *arena, const struct kind *kind, struct str text,
	struct patch_body *ret, struct problem_details *ret_problem);

/* Times of conditions and of creation stay 0; last_report_us is the observed_time, or now. */
bool body_parse_status(struct arena *arena, struct str text, int64_t now_us, struct report *ret,
	struct problem_details *ret_problem);

bool body_parse_force_delete(struct arena *arena, struct str text, struct str *ret_reason,
	struct problem_details *ret_problem);

#endif
