/*
 * test_sigv4.c - signing agrees with AWS's published example; verifying names the part that
 * disagrees.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "aws/sigv4.h"
#include "base/clock.h"

#define SECRET STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
#define REGION STR("us-east-1")
#define SERVICE STR("execute-api")

static int64_t at(const char *text)
{
	int64_t us;

	assert_true(clock_parse_basic(str_of(text), &us));
	return us;
}

static const struct sigv4_credentials example = {.access_key = STR("AKIDEXAMPLE"),
	.secret_key = STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")};

static void the_published_example_is_signed_as_published(void **unused)
{
	static const struct http_header host = {STR("host"), STR("example.amazonaws.com")};
	static const struct {
		const char *target;
		const char *signature;
	} cases[] = {
		{"/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"/?Param2=value2&Param1=value1",
			"b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new(0);
		struct http_header *headers;
		size_t count;
		struct error err;
		struct sigv4_request request = {.method = STR("GET"),
			.target = str_of(cases[i].target),
			.headers = &host,
			.header_count = 1};

		assert_int_equal(sigv4_sign(arena, &request, &example, REGION, STR("service"),
					 at("20150830T123600Z"), false, &headers, &count, &err),
			0);
		assert_true(str_ends_with(headers[count - 1].value, str_of(cases[i].signature)));
		arena_free(arena);
	}
}

struct tampering {
	const char *name;
	const char *method, *target, *body, *host;
	const char *region, *service, *now;
	const char *extra_header; /* added after signing */
	const char *secret;
	int expected;
	const char *word;
};

static const struct tampering table[] = {
	{.name = "as signed", .expected = 0},
	{.name = "method", .method = "PUT", .expected = -1, .word = "does not match"},
	{.name = "path",
		.target = "/api/v0/other?limit=1&b=%20",
		.expected = -1,
		.word = "does not match"},
	{.name = "query",
		.target = "/api/v0/clusters?limit=2&b=%20",
		.expected = -1,
		.word = "does not match"},
	{.name = "query in another order",
		.target = "/api/v0/clusters?b=%20&limit=1",
		.expected = 0},
	{.name = "body", .body = "{\"name\":\"y\"}", .expected = -1, .word = "body"},
	{.name = "host", .host = "other", .expected = -1, .word = "does not match"},
	{.name = "region", .region = "eu-west-1", .expected = -1, .word = "eu-west-1"},
	{.name = "service", .service = "s3", .expected = -1, .word = "service"},
	{.name = "early", .now = "20260101T115459Z", .expected = -1, .word = "clock"},
	{.name = "late", .now = "20260101T120501Z", .expected = -1, .word = "clock"},
	{.name = "within the window", .now = "20260101T120459Z", .expected = 0},
	{.name = "header added",
		.extra_header = "X-Amz-Account-Id",
		.expected = -1,
		.word = "x-amz-account-id"},
	{.name = "plain header added", .extra_header = "Accept", .expected = 0},
	{.name = "secret", .secret = "wrong", .expected = -1, .word = "AKIDEXAMPLE"},
};

static struct str or_else(const char *text, const char *fallback)
{
	return str_of(text ? text : fallback);
}

static void what_was_changed_after_signing_is_named(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct tampering *row = &table[i];
		struct arena *arena = arena_new(0);
		struct http_header sent[8] = {{STR("Host"), STR("127.0.0.1:8000")}}, *added;
		struct sigv4_request request = {.method = STR("POST"),
			.target = STR("/api/v0/clusters?limit=1&b=%20"),
			.headers = sent,
			.header_count = 1,
			.body = STR("{\"name\":\"x\"}")};
		size_t count;
		struct error err = {0};

		assert_int_equal(sigv4_sign(arena, &request, &example, REGION, SERVICE,
					 at("20260101T120000Z"), true, &added, &count, &err),
			0);
		memcpy(sent + 1, added, count * sizeof(*added));
		request.header_count = count + 1;
		if (row->extra_header)
			sent[request.header_count++] =
				(struct http_header){str_of(row->extra_header), STR("1")};
		request.method = or_else(row->method, "POST");
		request.target = or_else(row->target, "/api/v0/clusters?limit=1&b=%20");
		request.body = or_else(row->body, "{\"name\":\"x\"}");
		sent[0].value = or_else(row->host, "127.0.0.1:8000");
		int result = sigv4_verify(arena, &request,
			or_else(row->secret, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
			or_else(row->region, "us-east-1"), or_else(row->service, "execute-api"),
			at(row->now ? row->now : "20260101T120000Z"), &err);
		if (result != row->expected || (row->word && !strstr(err.message, row->word)))
			fail_msg("%s: %d, %s", row->name, result, err.message);
		assert_null(strstr(err.message, "wJalrXUtnFEMI"));
		arena_free(arena);
	}
}

static void a_malformed_signature_is_named(void **unused)
{
	static const struct {
		const char *authorization, *date, *word;
	} cases[] = {
		{NULL, NULL, "not signed"},
		{"Bearer x", NULL, "AWS4-HMAC-SHA256"},
		{"AWS4-HMAC-SHA256 Credential=a/20260101/r/s/aws4_request", "20260101T000000Z",
			"SignedHeaders"},
		{"AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=x",
			"20260101T000000Z", "KEY/YYYYMMDD"},
		{"AWS4-HMAC-SHA256 Credential=a/20260101/r/s/aws4_request, SignedHeaders=host, "
		 "Signature=x",
			NULL, "X-Amz-Date"},
		{"AWS4-HMAC-SHA256 Credential=a/20260102/r/s/aws4_request, SignedHeaders=host, "
		 "Signature=x",
			"20260101T000000Z", "20260102"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new(0);
		struct http_header headers[3] = {{STR("Host"), STR("h")}};
		struct sigv4_request request = {.method = STR("GET"),
			.target = STR("/"),
			.headers = headers,
			.header_count = 1};
		struct sigv4_claim claim;
		struct error err;

		if (cases[i].authorization)
			headers[request.header_count++] = (struct http_header){
				STR("Authorization"), str_of(cases[i].authorization)};
		if (cases[i].date)
			headers[request.header_count++] =
				(struct http_header){STR("X-Amz-Date"), str_of(cases[i].date)};
		assert_int_equal(sigv4_claim(arena, &request, &claim, &err), -1);
		assert_int_equal(err.code, ERROR_UNAUTHENTICATED);
		assert_non_null(strstr(err.message, cases[i].word));
		arena_free(arena);
	}
}

/* Signatures that botocore 1.35 makes at 2026-01-01T12:00:00Z. */
static void foreign_signatures_are_the_same(void **unused)
{
	static const struct {
		const char *host, *target, *signature;
	} cases[] = {
		{"127.0.0.1:8000", "/api/v0/clusters/a%20b%2Fc?x=%C3%BC&x=1&y=~-._&z",
			"6fd1da8d47fd71311cd74f62d9f1284ab63a83fab893ece0df4bae656b4f03b6"},
		{"h", "/./a/../b//c/",
			"b2231f90b5f3996cf098ad3b2db437d5578366c53cf8c17b223644064c141dfe"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new(0);
		struct http_header host = {STR("host"), str_of(cases[i].host)}, *headers;
		struct sigv4_request request = {.method = STR("GET"),
			.target = str_of(cases[i].target),
			.headers = &host,
			.header_count = 1};
		size_t count;

		assert_int_equal(sigv4_sign(arena, &request, &example, REGION, SERVICE,
					 at("20260101T120000Z"), false, &headers, &count, NULL),
			0);
		assert_true(str_ends_with(headers[count - 1].value, str_of(cases[i].signature)));
		arena_free(arena);
	}
}

#define PRESIGNED                                                                           \
	"/api/v0/clusters?limit=1&name=a%20b%2Fc&X-Amz-Algorithm=AWS4-HMAC-SHA256"          \
	"&X-Amz-Credential=AKIDEXAMPLE%2F20260101%2Fus-east-1%2Fexecute-api%2Faws4_request" \
	"&X-Amz-Date=20260101T120000Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host"
#define PRESIGNED_BY \
	"&X-Amz-Signature=8544c70e20c6b67c622134c8f1484e9887affef1804d321e9cdf6b4294970305"

static void a_presigned_url_holds_for_its_time_and_for_nothing_else(void **unused)
{
	static const struct {
		const char *target, *now, *header;
		const char *word; /* NULL: accepted */
	} cases[] = {
		{PRESIGNED PRESIGNED_BY, "20260101T120000Z", NULL, NULL},
		{PRESIGNED PRESIGNED_BY, "20260101T121000Z", NULL, NULL},
		{PRESIGNED PRESIGNED_BY, "20260101T121001Z", NULL, "expired"},
		{PRESIGNED PRESIGNED_BY, "20260101T115459Z", NULL, "clock"},
		{PRESIGNED "&offset=1" PRESIGNED_BY, "20260101T120000Z", NULL, "does not match"},
		{PRESIGNED PRESIGNED_BY, "20260101T120000Z", "X-Amz-Account-Id", "not covered"},
		{PRESIGNED PRESIGNED_BY "0", "20260101T120000Z", NULL, "does not match"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new(0);
		struct http_header headers[2] = {
			{STR("Host"), STR("127.0.0.1:8000")}, {str_of(cases[i].header), STR("1")}};
		struct sigv4_request request = {.method = STR("GET"),
			.target = str_of(cases[i].target),
			.headers = headers,
			.header_count = cases[i].header ? 2 : 1};
		struct sigv4_claim claim;
		struct error err = {.message = ""};

		assert_int_equal(sigv4_claim(arena, &request, &claim, &err), 0);
		assert_true(claim.is_presigned);
		assert_true(str_eq(claim.access_key, STR("AKIDEXAMPLE")));
		int result = sigv4_verify(
			arena, &request, SECRET, REGION, SERVICE, at(cases[i].now), &err);
		if (result != (cases[i].word ? -1 : 0) ||
			(cases[i].word && !strstr(err.message, cases[i].word)))
			fail_msg("%zu: %d, %s", i, result, err.message);
		arena_free(arena);
	}
}

/* What the canonical query has no room for would not be covered by the signature. */
static void a_query_with_too_many_parameters_is_refused_not_cut(void **unused)
{
	static char target[4096];
	struct arena *arena = arena_new(0);
	struct http_header host = {STR("host"), STR("h")}, *headers;
	struct sigv4_request request = {.method = STR("GET"), .headers = &host, .header_count = 1};
	struct error err;
	size_t length = 2, count;

	(void)unused;
	memcpy(target, "/?", length);
	for (int i = 0; i < 257; i++, length += 4)
		memcpy(target + length, "&a=1", 4);
	request.target = str_n(target, length);
	assert_int_equal(sigv4_sign(arena, &request, &example, REGION, SERVICE, 0, false, &headers,
				 &count, &err),
		-1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
	request.target = str_n(target, length - 4);
	assert_int_equal(sigv4_sign(arena, &request, &example, REGION, SERVICE, 0, false, &headers,
				 &count, &err),
		0);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_example_is_signed_as_published),
		cmocka_unit_test(foreign_signatures_are_the_same),
		cmocka_unit_test(a_presigned_url_holds_for_its_time_and_for_nothing_else),
		cmocka_unit_test(a_query_with_too_many_parameters_is_refused_not_cut),
		cmocka_unit_test(what_was_changed_after_signing_is_named),
		cmocka_unit_test(a_malformed_signature_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
