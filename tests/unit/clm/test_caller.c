/*
 * test_caller.c - whose headers are believed, and what they make of a request.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "clm/caller.h"
#include "net/http_exchange.h"

static const struct caller_dimension dimensions[] = {
	{"X-Org", "org", true}, {"X-Project", "a_project", false}};
static const char *const gateways[] = {"gw.example", "spiffe://r/gw"};

/* What a row's request shows; members that are NULL are not sent. */
struct shown {
	const char *org, *project, *system, *identity;
	const char *certificate; /* its name; "" for one without names */
	const char *again;	 /* a header that is there once more */
};

static const struct caller_regional regionals[] = {
	{.certificate = "ops.example"}, {.issuer = "https://i", .identity = "ann"}};

enum { OPEN = 0, TENANTS = 1, CERTIFIED = 2, NAMED = 4, REGION = 8 };

static struct caller_rules rules_of(unsigned what)
{
	struct caller_rules rules = {.identity_header = "X-Id"};

	if (what & TENANTS) {
		rules.tenant_enabled = true;
		rules.system_header = "X-System";
		rules.dimensions = dimensions;
		rules.dimension_count = 2;
	}
	rules.needs_certificate = (what & CERTIFIED) != 0;
	if (what & NAMED) {
		rules.gateways = gateways;
		rules.gateway_count = 2;
	}
	if (what & REGION) {
		rules.regionals = regionals;
		rules.regional_count = 2;
	}
	return rules;
}

static bool resolve(struct arena *arena, unsigned what, const struct shown *shown,
	struct caller *ret, struct problem_details *ret_problem)
{
	const struct caller_rules rules = rules_of(what);
	const struct {
		const char *name, *value;
	} sent[] = {{"x-org", shown->org}, {"X-Project", shown->project},
		{"X-System", shown->system}, {"X-ID", shown->identity},
		{shown->again, shown->again}};
	struct http_header headers[5];
	struct http_exchange exchange = {.headers = headers};
	struct str name = str_of(shown->certificate);

	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++)
		if (sent[i].value)
			headers[exchange.header_count++] =
				(struct http_header){str_of(sent[i].name), str_of(sent[i].value)};
	exchange.request.arena = arena;
	exchange.request.has_certificate = shown->certificate != NULL;
	exchange.request.certificate_names = &name;
	exchange.request.certificate_name_count = name.len > 0 ? 1 : 0;
	return caller_resolve(&rules, NULL, &exchange.request, true, ret, ret_problem);
}

static void a_caller_is_who_a_believed_header_says(void **state)
{
	static const struct {
		unsigned what;
		struct shown shown;
		const char *actor, *tenancy; /* NULL: sees all */
		bool is_system;
	} rows[] = {
		{OPEN, {0}, CALLER_NOBODY, NULL, false},
		{OPEN, {.identity = " ann "}, "ann", NULL, false},
		{OPEN, {.identity = "  ", .org = "a"}, CALLER_NOBODY, NULL, false},
		{TENANTS, {.org = "a"}, CALLER_NOBODY, "{\"org\":\"a\"}", false},
		{TENANTS, {.org = "a", .project = "b.C_-9"}, CALLER_NOBODY,
			"{\"a_project\":\"b.C_-9\",\"org\":\"a\"}", false},
		{TENANTS, {.system = "true"}, CALLER_NOBODY, NULL, true},
		{OPEN, {.org = "a", .again = "x-org"}, CALLER_NOBODY, NULL,
			false}, /* means nothing */
		{TENANTS, {.system = "true", .org = "?"}, CALLER_NOBODY, NULL, true},
		{TENANTS, {.system = "false", .org = "a"}, CALLER_NOBODY, "{\"org\":\"a\"}", false},
		{CERTIFIED, {.certificate = "x", .identity = "ann"}, "ann", NULL, false},
		{CERTIFIED, {.certificate = ""}, CALLER_NOBODY, NULL, false},
		{CERTIFIED | NAMED, {.certificate = "gw.example"}, CALLER_NOBODY, NULL, false},
		{CERTIFIED | NAMED | TENANTS, {.certificate = "spiffe://r/gw", .org = "a"},
			CALLER_NOBODY, "{\"org\":\"a\"}", false},
		{CERTIFIED | NAMED | TENANTS | REGION, {.certificate = "ops.example"},
			"ops.example", NULL, false},
		{CERTIFIED | NAMED | TENANTS | REGION,
			{.certificate = "ops.example", .identity = "ann"}, "ops.example", NULL,
			false},
		{CERTIFIED | TENANTS | REGION, {.certificate = "ops.example", .identity = "ann"},
			"ann", NULL, false},
		{CERTIFIED | TENANTS | REGION, {.certificate = "ops.example", .org = "a"},
			"ops.example", "{\"org\":\"a\"}", false},
		{CERTIFIED | TENANTS | REGION, {.certificate = "ops.example", .system = "true"},
			"ops.example", NULL, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct problem_details problem;
		struct caller caller;

		if (!resolve(arena, rows[i].what, &rows[i].shown, &caller, &problem))
			fail_msg("row %zu: %.*s", i, STR_A(problem.detail));
		if (!str_eq_c(caller.actor, rows[i].actor) ||
			!str_eq_c(caller.tenancy, rows[i].tenancy) ||
			str_is_null(caller.tenancy) != !rows[i].tenancy ||
			caller.is_system != rows[i].is_system)
			fail_msg("row %zu: %.*s, %.*s", i, STR_A(caller.actor),
				STR_A(caller.tenancy));
	}
}

static void nobody_else_gets_in(void **state)
{
	static const struct {
		unsigned what;
		struct shown shown;
		enum problem problem;
	} rows[] = {
		{OPEN, {.identity = "a\x01"}, PROBLEM_VALIDATION},
		{TENANTS, {0}, PROBLEM_FORBIDDEN},
		{TENANTS, {.project = "p"}, PROBLEM_FORBIDDEN},
		{TENANTS, {.org = ""}, PROBLEM_FORBIDDEN},
		{TENANTS, {.org = "a b"}, PROBLEM_FORBIDDEN},
		{TENANTS, {.org = "a\"}"}, PROBLEM_FORBIDDEN},
		{TENANTS, {.org = "a", .project = ""}, PROBLEM_FORBIDDEN},
		{TENANTS, {.org = "a", .again = "X-ORG"}, PROBLEM_FORBIDDEN},
		{TENANTS, {.org = "a", .project = "p", .again = "x-project"}, PROBLEM_FORBIDDEN},
		{TENANTS, {.system = "true", .again = "x-system"}, PROBLEM_FORBIDDEN},
		{OPEN, {.identity = "ann", .again = "x-id"}, PROBLEM_FORBIDDEN},
		{TENANTS, {.system = "TRUE"}, PROBLEM_FORBIDDEN},
		{TENANTS, {.system = "true "}, PROBLEM_FORBIDDEN},
		{CERTIFIED, {.identity = "ann"}, PROBLEM_UNAUTHENTICATED},
		{CERTIFIED | TENANTS, {.system = "true"}, PROBLEM_UNAUTHENTICATED},
		{CERTIFIED | NAMED, {.certificate = "x"}, PROBLEM_UNAUTHENTICATED},
		{CERTIFIED | NAMED, {.certificate = ""}, PROBLEM_UNAUTHENTICATED},
		{CERTIFIED | NAMED, {.certificate = "GW.example"}, PROBLEM_UNAUTHENTICATED},
		{CERTIFIED | NAMED, {.certificate = "gw.example.org"}, PROBLEM_UNAUTHENTICATED},
		{CERTIFIED | NAMED | TENANTS, {.certificate = "gw.example"}, PROBLEM_FORBIDDEN},
		{CERTIFIED | NAMED | TENANTS | REGION, {.certificate = "gw.example"},
			PROBLEM_FORBIDDEN},
		{CERTIFIED | TENANTS | REGION, {.certificate = "x"}, PROBLEM_FORBIDDEN},
		{CERTIFIED | TENANTS | REGION, {.certificate = "ops.example", .org = ""},
			PROBLEM_FORBIDDEN},
		{CERTIFIED | TENANTS | REGION, {.certificate = "ops.example", .project = "p"},
			PROBLEM_FORBIDDEN},
		{CERTIFIED | TENANTS | REGION, {.certificate = "ops.example", .system = "false"},
			PROBLEM_FORBIDDEN},
		{CERTIFIED | NAMED | TENANTS | REGION, {.certificate = "ops.example", .org = "a"},
			PROBLEM_FORBIDDEN},
		{CERTIFIED | NAMED | TENANTS | REGION,
			{.certificate = "ops.example", .system = "true"}, PROBLEM_FORBIDDEN},
		/* A header proves nothing. */
		{TENANTS | REGION, {.identity = "ann"}, PROBLEM_FORBIDDEN},
		{CERTIFIED | TENANTS | REGION, {.certificate = "x", .identity = "ann"},
			PROBLEM_FORBIDDEN},
		{TENANTS | REGION, {.identity = "ops.example"}, PROBLEM_FORBIDDEN},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct problem_details problem;
		struct caller caller;

		if (resolve(arena, rows[i].what, &rows[i].shown, &caller, &problem))
			fail_msg("row %zu gets in", i);
		if (problem.problem != rows[i].problem || problem.detail.len == 0)
			fail_msg("row %zu: %.*s", i, STR_A(problem.detail));
	}
}

/* Without the tenant a caller would see all: better no answer. */
static void a_tenant_that_finds_no_room_is_refused(void **state)
{
	const struct shown shown = {.org = "a", .project = "b"};

	for (size_t room = 1; room < 4096; room += 61) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(room);
		struct problem_details problem = {0};
		struct caller caller = {0};

		if (resolve(arena, TENANTS, &shown, &caller, &problem))
			assert_string_equal(
				caller.tenancy.ptr, "{\"a_project\":\"b\",\"org\":\"a\"}");
		else
			assert_int_equal(problem.problem, PROBLEM_INTERNAL);
	}
}

static void tenants_by_token_alone_are_warned_of(void **state)
{
	struct caller_rules rules = rules_of(TENANTS);

	(void)state;
	assert_null(caller_warning(&rules));
	rules.needs_token = true;
	assert_non_null(strstr(caller_warning(&rules), "client_ca_file"));
	rules.needs_certificate = true;
	assert_null(caller_warning(&rules));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tenants_by_token_alone_are_warned_of),
		cmocka_unit_test(a_caller_is_who_a_believed_header_says),
		cmocka_unit_test(nobody_else_gets_in),
		cmocka_unit_test(a_tenant_that_finds_no_room_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
