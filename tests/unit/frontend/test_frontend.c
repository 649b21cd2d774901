/*
 * test_frontend.c - the customers' API, signed by a real client, in front of a fake CLM.
 */
#include "fake_clm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/credentials.h"
#include "frontend/frontend.h"
#include "net/http_client.h"

#define ALICE_ACCOUNT "111111111111"
#define BOB_ACCOUNT "222222222222"
#define NOBODY "01900000-0000-7000-8000-000000000000"

struct fixture {
	struct fake_clm clm;
	struct frontend *frontend;
	struct http_client *client;
	struct arena *arena;
	struct key_ring_entry alice, bob;
	char keys[64], host[32];
};

struct reply {
	int status;
	struct json *body;
	struct str text;
	struct http_answer answer;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct key_ring *ring;
	struct error err;
	char url[64];

	fixture->arena = arena_new(0);
	fake_clm_start(&fixture->clm);
	snprintf(fixture->keys, sizeof(fixture->keys), "/tmp/reeve-keys-XXXXXX");
	close(mkstemp(fixture->keys));
	unlink(fixture->keys);
	assert_int_equal(key_ring_open(&ring, fixture->keys, &err), 0);
	assert_int_equal(key_ring_mint(ring, fixture->arena, STR(ALICE_ACCOUNT), STR("alice"),
				 &fixture->alice, &err),
		0);
	assert_int_equal(key_ring_mint(ring, fixture->arena, STR(BOB_ACCOUNT), STR("bob"),
				 &fixture->bob, &err),
		0);
	key_ring_close(ring);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", http_server_port(fixture->clm.server));
	struct frontend_config config = {.host = "127.0.0.1",
		.region = "us-east-1",
		.clm_url = url,
		.key_ring_file = fixture->keys};
	if (frontend_start(&fixture->frontend, &config, &err) < 0)
		fail_msg("%s", err.message);
	snprintf(fixture->host, sizeof(fixture->host), "127.0.0.1:%u",
		frontend_port(fixture->frontend));
	struct http_client_config client = {
		.base_url = arena_printf(fixture->arena, "http://%s", fixture->host).ptr};
	assert_int_equal(http_client_new(&fixture->client, &client, &err), 0);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	http_client_free(fixture->client);
	frontend_stop(fixture->frontend);
	fake_clm_stop(&fixture->clm);
	unlink(fixture->keys);
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

/* --- calls --------------------------------------------------------------------------------- */

static struct reply send_call(struct fixture *fixture, const char *method, const char *path,
	const char *body, struct http_header *headers, size_t count)
{
	struct http_call call = {.method = method,
		.path = str_of(path),
		.body = str_of(body),
		.headers = headers,
		.header_count = count};
	struct reply reply = {0};
	struct error err;

	if (http_client_call(fixture->client, fixture->arena, &call, &reply.answer, &err) < 0)
		fail_msg("%s", err.message);
	reply.status = reply.answer.status;
	reply.text = arena_str(fixture->arena, reply.answer.body);
	if (reply.text.len && json_parse(fixture->arena, reply.text, NULL, &reply.body, &err) < 0)
		fail_msg("%s: %" STR_F, err.message, STR_A(reply.text));
	return reply;
}

/* How a signature may be wrong. */
struct signing {
	const char *access_key, *secret, *region, *service;
	int64_t late_us;
	const char *late_header; /* added after signing */
	bool is_unsigned;
};

static struct reply call_signed(struct fixture *fixture, const struct key_ring_entry *who,
	const struct signing *wrong, const char *method, const char *path, const char *body)
{
	struct http_header host = {STR("host"), str_of(fixture->host)}, *headers;
	struct sigv4_request request = {.method = str_of(method),
		.target = str_of(path),
		.headers = &host,
		.header_count = 1,
		.body = body ? str_of(body) : STR("")};
	struct sigv4_credentials credentials = {
		.access_key = wrong->access_key ? str_of(wrong->access_key) : who->access_key,
		.secret_key = wrong->secret ? str_of(wrong->secret) : who->secret_key};
	struct http_header sent[8];
	size_t count;

	if (wrong->is_unsigned)
		return send_call(fixture, method, path, body, NULL, 0);
	assert_int_equal(
		sigv4_sign(fixture->arena, &request, &credentials,
			str_of(wrong->region ? wrong->region : "us-east-1"),
			str_of(wrong->service ? wrong->service : "execute-api"),
			clock_now_us(&clock_system) + wrong->late_us, true, &headers, &count, NULL),
		0);
	memcpy(sent, headers, count * sizeof(*headers));
	if (wrong->late_header)
		sent[count++] = (struct http_header){str_of(wrong->late_header), STR(BOB_ACCOUNT)};
	return send_call(fixture, method, path, body, sent, count);
}

static struct reply call_as(struct fixture *fixture, const struct key_ring_entry *who,
	const char *method, const char *path, const char *body)
{
	static const struct signing right;

	return call_signed(fixture, who, &right, method, path, body);
}

static struct reply call(
	struct fixture *fixture, const char *method, const char *path, const char *body)
{
	return call_as(fixture, &fixture->alice, method, path, body);
}

static void expect(const struct reply *reply, int status, const char *code)
{
	if (reply->status != status)
		fail_msg("%d instead of %d: %" STR_F, reply->status, status, STR_A(reply->text));
	if (!code)
		return;
	assert_true(str_eq(json_get_text(reply->body, "kind"), STR("Error")));
	if (!str_eq_c(json_get_text(reply->body, "code"), code))
		fail_msg("not %s: %" STR_F, code, STR_A(reply->text));
	assert_true(json_get_text(reply->body, "reason").len > 0);
}

/* The path of a new cluster. */
static const char *create(struct fixture *fixture, const char *name, const char *spec)
{
	struct str body = arena_printf(fixture->arena, "{\"name\":\"%s\",\"spec\":%s}", name, spec);
	struct reply reply = call(fixture, "POST", "/api/v0/clusters", body.ptr);

	expect(&reply, 201, NULL);
	return arena_printf(
		fixture->arena, "/api/v0/clusters/%" STR_F, STR_A(json_get_text(reply.body, "id")))
		.ptr;
}

static void expect_json(struct fixture *fixture, const struct json *value, const char *expected)
{
	struct str text = json_text(fixture->arena, value, JSON_WRITE_COMPACT | JSON_WRITE_SORTED);

	assert_string_equal(text.ptr, expected);
}

/* --- who calls ----------------------------------------------------------------------------- */

static void what_is_not_rightly_signed_is_refused_before_anything_else(void **state)
{
	static const struct {
		struct signing wrong;
		const char *code, *word;
	} rows[] = {
		{{.is_unsigned = true}, "AUTH-101", "not signed"},
		{{.access_key = "AKIAUNKNOWN"}, "AUTH-102", "AKIAUNKNOWN"},
		{{.secret = "wrong"}, "AUTH-103", "does not match"},
		{{.region = "eu-west-1"}, "AUTH-103", "eu-west-1"},
		{{.service = "s3"}, "AUTH-103", "service"},
		{{.late_us = -301 * CLOCK_US_PER_S}, "AUTH-103", "clock"},
		{{.late_us = 302 * CLOCK_US_PER_S}, "AUTH-103", "clock"},
		{{.late_header = "X-Amz-Account-Id"}, "AUTH-103", "x-amz-account-id"},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reply reply = call_signed(
			fixture, &fixture->alice, &rows[i].wrong, "GET", "/api/v0/clusters", NULL);
		expect(&reply, 403, rows[i].code);
		assert_non_null(strstr(reply.text.ptr, rows[i].word));
		assert_null(strstr(reply.text.ptr, fixture->alice.secret_key.ptr));
	}
	assert_int_equal(fixture->clm.calls, 0);
}

static void the_account_follows_from_the_key(void **state)
{
	struct fixture *fixture = *state;
	const char *path = create(fixture, "one", "{}");

	assert_true(str_eq(fixture->clm.account, STR(ALICE_ACCOUNT)));
	assert_true(str_eq(fixture->clm.arn, fixture->alice.arn));
	struct reply reply = call_as(fixture, &fixture->bob, "GET", path, NULL);
	expect(&reply, 404, "CLUSTERS-MGMT-GET-001");
	assert_true(str_eq(fixture->clm.account, STR(BOB_ACCOUNT)));
	reply = call_as(fixture, &fixture->bob, "DELETE", path, NULL);
	expect(&reply, 404, "CLUSTERS-MGMT-DELETE-001");
	reply = call_as(fixture, &fixture->bob, "PATCH", path, "{\"spec\":{}}");
	expect(&reply, 404, "CLUSTERS-MGMT-UPDATE-003");
	reply = call_as(fixture, &fixture->bob, "GET", "/api/v0/clusters", NULL);
	assert_int_equal(json_count(json_get(reply.body, "items")), 0);
}

static void health_needs_no_signature(void **state)
{
	struct fixture *fixture = *state;
	static const char *const paths[] = {"/api/v0/live", "/api/v0/ready"};

	for (size_t i = 0; i < 2; i++) {
		struct reply reply = send_call(fixture, "GET", paths[i], NULL, NULL, 0);
		expect(&reply, 200, NULL);
		assert_string_equal(reply.text.ptr, "{\"status\":\"ok\"}");
	}
}

static void what_no_route_takes_is_told_in_the_envelope(void **state)
{
	struct fixture *fixture = *state;
	struct reply reply = call(fixture, "GET", "/api/v0/nothing", NULL);

	expect(&reply, 404, "ROUTE-001");
	reply = call(fixture, "DELETE", "/api/v0/clusters", NULL);
	expect(&reply, 405, "ROUTE-002");
	assert_non_null(strstr(http_answer_header(&reply.answer, "Allow").ptr, "POST"));
}

/* --- create -------------------------------------------------------------------------------- */

static void a_cluster_is_created_and_stamped(void **state)
{
	struct fixture *fixture = *state;
	struct reply reply = call(fixture, "POST", "/api/v0/clusters",
		"{\"kind\":\"Cluster\",\"name\":\"one\",\"spec\":{\"displayName\":\"<&>\"}}");

	expect(&reply, 201, NULL);
	assert_non_null(strstr(reply.text.ptr, "\\u003c\\u0026\\u003e"));
	const struct json *spec = json_get(reply.body, "spec");
	assert_true(str_eq(json_get_text(spec, "accountId"), STR(ALICE_ACCOUNT)));
	assert_true(str_eq(json_get_text(spec, "creatorARN"), fixture->alice.arn));
	assert_int_equal(json_get_text(spec, "internalId").len, 36);
	assert_true(str_eq(json_get_text(spec, "displayName"), STR("<&>")));
	expect_json(fixture, json_get(fixture->clm.clusters[0].resource, "labels"),
		"{\"hyperfleet.io/account-id\":\"" ALICE_ACCOUNT "\"}");
}

static void a_bad_creation_is_refused_with_its_code(void **state)
{
	static const struct {
		const char *body;
		int status;
		const char *code, *word;
	} rows[] = {
		{"", 400, "CLUSTERS-MGMT-CREATE-001", "JSON"},
		{"{", 400, "CLUSTERS-MGMT-CREATE-001", "line 1"},
		{"[]", 400, "CLUSTERS-MGMT-CREATE-001", "object"},
		{"{\"name\":\"a\",\"spec\":{},\"spce\":1}", 400, "CLUSTERS-MGMT-CREATE-001",
			"spce"},
		{"{\"name\":1,\"spec\":{}}", 400, "CLUSTERS-MGMT-CREATE-001", "name"},
		{"{\"name\":\"a\",\"spec\":[]}", 400, "CLUSTERS-MGMT-CREATE-001", "spec"},
		{"{\"spec\":{}}", 400, "CLUSTERS-MGMT-CREATE-002", "name"},
		{"{\"name\":\"a\",\"spec\":null}", 400, "CLUSTERS-MGMT-CREATE-002", "spec"},
		{"{\"name\":\"a123456789012345678\",\"spec\":{}}", 400, "CLUSTERS-MGMT-CREATE-006",
			"18"},
		{"{\"name\":\"taken\",\"spec\":{}}", 409, "CLUSTERS-MGMT-CREATE-005", "taken"},
		{"{\"name\":\"a\",\"spec\":{\"bad\":1}}", 422, "CLUSTERS-MGMT-VALIDATION-001",
			"{\"field\":\"spec.bad\",\"reason\":\"is not known\"}"},
		{"{\"name\":\"a\",\"spec\":{\"accountId\":\"1\"}}", 422,
			"CLUSTERS-MGMT-VALIDATION-001", "spec.accountId"},
		{"{\"name\":\"a\",\"spec\":{\"creatorARN\":\"x\",\"internalId\":\"y\"}}", 422,
			"CLUSTERS-MGMT-VALIDATION-001", "spec.internalId"},
	};
	struct fixture *fixture = *state;

	create(fixture, "taken", "{}");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reply reply = call(fixture, "POST", "/api/v0/clusters", rows[i].body);
		expect(&reply, rows[i].status, rows[i].code);
		if (!strstr(reply.text.ptr, rows[i].word))
			fail_msg("no %s in %s", rows[i].word, reply.text.ptr);
	}
	assert_int_equal(fixture->clm.count, 1);
}

/* --- read ---------------------------------------------------------------------------------- */

static void a_cluster_is_read_with_its_status(void **state)
{
	struct fixture *fixture = *state;
	const char *path = create(fixture, "one", "{}");
	struct reply reply = call(fixture, "GET", path, NULL);

	expect(&reply, 200, NULL);
	struct json *status = json_get(reply.body, "status");
	assert_true(str_eq(json_get_text(status, "phase"), STR("Provisioning")));
	reply = call(fixture, "GET", arena_printf(fixture->arena, "%s/statuses", path).ptr, NULL);
	expect(&reply, 200, NULL);
	assert_true(json_equal(json_get(reply.body, "status"), status));
	assert_true(str_ends_with(str_of(path), json_get_text(reply.body, "cluster_id")));
}

static void a_list_is_a_window(void **state)
{
	static const struct {
		const char *query, *names;
		int64_t limit, offset;
	} rows[] = {
		{"", "c0 c1 c2 c3 c4 c5 c6", 50, 0},
		{"?limit=3", "c0 c1 c2", 3, 0},
		{"?limit=3&offset=3", "c3 c4 c5", 3, 3},
		{"?limit=3&offset=2", "c2 c3 c4", 3, 2},
		{"?limit=3&offset=5", "c5 c6", 3, 5},
		{"?limit=3&offset=7", "", 3, 7},
		{"?limit=100&offset=6", "c6", 100, 6},
		{"?limit=0&offset=-1", "c0 c1 c2 c3 c4 c5 c6", 50, 0},
		{"?limit=101&offset=x", "c0 c1 c2 c3 c4 c5 c6", 50, 0},
	};
	struct fixture *fixture = *state;

	for (int i = 0; i < 7; i++)
		create(fixture, arena_printf(fixture->arena, "c%d", i).ptr, "{}");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str names = STR("");
		const struct json *item;
		struct reply reply = call(fixture, "GET",
			arena_printf(fixture->arena, "/api/v0/clusters%s", rows[i].query).ptr,
			NULL);
		expect(&reply, 200, NULL);
		json_for_each (json_get(reply.body, "items"), j, item)
			names = arena_printf(fixture->arena, "%" STR_F "%s%" STR_F, STR_A(names),
				j ? " " : "", STR_A(json_get_text(item, "name")));
		assert_string_equal(names.ptr, rows[i].names);
		assert_int_equal(json_int(json_get(reply.body, "limit"), -1), rows[i].limit);
		assert_int_equal(json_int(json_get(reply.body, "offset"), -1), rows[i].offset);
		assert_int_equal(json_int(json_get(reply.body, "total"), -1), 7);
	}
}

static void an_id_that_is_none_never_reaches_clm(void **state)
{
	static const struct {
		const char *method, *path, *body, *code;
	} rows[] = {
		{"GET", "/api/v0/clusters/x", NULL, "CLUSTERS-MGMT-GET-001"},
		{"GET", "/api/v0/clusters/..%2Fmanagement_clusters", NULL, "CLUSTERS-MGMT-GET-001"},
		{"GET", "/api/v0/clusters/a%3Fsize=1/statuses", NULL, "CLUSTERS-MGMT-STATUS-001"},
		{"PATCH", "/api/v0/clusters/x", "{\"spec\":{}}", "CLUSTERS-MGMT-UPDATE-003"},
		{"DELETE", "/api/v0/clusters/" NOBODY "0", NULL, "CLUSTERS-MGMT-DELETE-001"},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reply reply = call(fixture, rows[i].method, rows[i].path, rows[i].body);
		expect(&reply, 404, rows[i].code);
	}
	assert_int_equal(fixture->clm.calls, 0);
}

/* --- update -------------------------------------------------------------------------------- */

static void an_update_is_merged_onto_what_is_stored(void **state)
{
	static const struct {
		const char *given, *stored; /* without what the platform sets */
	} rows[] = {
		{"{}", "{\"a\":{\"x\":1,\"y\":2},\"list\":[1,2,3]}"},
		{"{\"a\":{\"x\":9}}", "{\"a\":{\"x\":9,\"y\":2},\"list\":[1,2,3]}"},
		{"{\"list\":[7]}", "{\"a\":{\"x\":9,\"y\":2},\"list\":[7]}"},
		{"{\"a\":{\"y\":null}}", "{\"a\":{\"x\":9},\"list\":[7]}"},
		{"{\"a\":null,\"b\":true}", "{\"b\":true,\"list\":[7]}"},
	};
	struct fixture *fixture = *state;
	const char *path = create(fixture, "one", "{\"a\":{\"x\":1,\"y\":2},\"list\":[1,2,3]}");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str body = arena_printf(fixture->arena, "{\"spec\":%s}", rows[i].given);
		struct reply reply = call(fixture, i % 2 ? "PUT" : "PATCH", path, body.ptr);
		expect(&reply, 200, NULL);
		struct json *spec = json_get(reply.body, "spec");
		assert_true(json_remove(spec, STR("accountId")));
		assert_true(json_remove(spec, STR("creatorARN")));
		assert_true(json_remove(spec, STR("internalId")));
		expect_json(fixture, spec, rows[i].stored);
	}
}

static void nobody_takes_the_platforms_fields_away(void **state)
{
	static const struct {
		const char *given;
		int status;
	} rows[] = {
		{"{\"accountId\":null,\"creatorARN\":null,\"internalId\":null}", 200},
		{"{\"accountId\":\"\",\"creatorARN\":\"\"}", 200},
		{"{\"accountId\":\"" ALICE_ACCOUNT "\"}", 200}, /* as it was read */
		{"{\"accountId\":\"" BOB_ACCOUNT "\"}", 422},
		{"{\"creatorARN\":\"arn:aws:iam::1:user/x\"}", 422},
		{"{\"internalId\":{\"a\":1}}", 422},
	};
	struct fixture *fixture = *state;
	const char *path = create(fixture, "one", "{}");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str body = arena_printf(fixture->arena, "{\"spec\":%s}", rows[i].given);
		struct reply reply = call(fixture, "PATCH", path, body.ptr);
		expect(&reply, rows[i].status,
			rows[i].status == 422 ? "CLUSTERS-MGMT-VALIDATION-001" : NULL);
		reply = call(fixture, "GET", path, NULL);
		const struct json *spec = json_get(reply.body, "spec");
		assert_true(str_eq(json_get_text(spec, "accountId"), STR(ALICE_ACCOUNT)));
		assert_true(str_eq(json_get_text(spec, "creatorARN"), fixture->alice.arn));
		assert_int_equal(json_get_text(spec, "internalId").len, 36);
	}
}

static void a_bad_update_is_refused_with_its_code(void **state)
{
	static const struct {
		const char *body, *code;
	} rows[] = {
		{"", "CLUSTERS-MGMT-UPDATE-001"},
		{"{\"spec\":{}} x", "CLUSTERS-MGMT-UPDATE-001"},
		{"{\"spec\":1}", "CLUSTERS-MGMT-UPDATE-001"},
		{"{\"specs\":{}}", "CLUSTERS-MGMT-UPDATE-001"},
		{"{}", "CLUSTERS-MGMT-UPDATE-002"},
		{"{\"spec\":null}", "CLUSTERS-MGMT-UPDATE-002"},
	};
	struct fixture *fixture = *state;
	const char *path = create(fixture, "one", "{}");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reply reply = call(fixture, "PUT", path, rows[i].body);
		expect(&reply, 400, rows[i].code);
	}
	struct reply reply = call(fixture, "PUT", "/api/v0/clusters/" NOBODY, "{\"spec\":{}}");
	expect(&reply, 404, "CLUSTERS-MGMT-UPDATE-003");
}

static void an_update_that_loses_a_race_is_tried_on_the_new_state(void **state)
{
	struct fixture *fixture = *state;
	const char *path = create(fixture, "one", "{\"mine\":1,\"theirs\":1}");
	struct json *racer;

	assert_int_equal(
		json_parse(fixture->clm.arena, STR("{\"theirs\":2}"), NULL, &racer, NULL), 0);
	fixture->clm.racer = racer;
	fixture->clm.races = 2;
	struct reply reply = call(fixture, "PATCH", path, "{\"spec\":{\"mine\":2}}");
	expect(&reply, 200, NULL);
	const struct json *spec = json_get(reply.body, "spec");
	assert_int_equal(json_int(json_get(spec, "mine"), 0), 2);
	assert_int_equal(json_int(json_get(spec, "theirs"), 0), 2);
	fixture->clm.races = FRONTEND_UPDATE_TRIES;
	reply = call(fixture, "PATCH", path, "{\"spec\":{\"mine\":3}}");
	expect(&reply, 409, "CLUSTERS-MGMT-UPDATE-006");
	reply = call(fixture, "GET", path, NULL);
	spec = json_get(reply.body, "spec");
	assert_int_equal(json_int(json_get(spec, "mine"), 0), 2);
}

/* --- delete -------------------------------------------------------------------------------- */

static void a_protected_cluster_is_not_deleted(void **state)
{
	struct fixture *fixture = *state;
	const char *path = create(fixture, "one", "{\"deleteProtection\":true}");

	struct reply reply = call(fixture, "DELETE", path, NULL);
	expect(&reply, 409, "CLUSTERS-MGMT-DELETE-003");
	assert_null(json_get(fixture->clm.clusters[0].resource, "deleted_time"));
	reply = call(fixture, "PATCH", path, "{\"spec\":{\"deleteProtection\":false}}");
	expect(&reply, 200, NULL);
	reply = call(fixture, "DELETE", path, NULL);
	expect(&reply, 202, NULL);
	assert_true(
		str_eq(json_get_text(reply.body, "message"), STR("Cluster deletion initiated")));
	assert_true(str_ends_with(str_of(path), json_get_text(reply.body, "cluster_id")));
	reply = call(fixture, "GET", path, NULL);
	assert_true(
		str_eq(json_str(json_find(reply.body, "status", "phase", NULL)), STR("Deleting")));
}

static void protection_switched_on_meanwhile_counts(void **state)
{
	struct fixture *fixture = *state;
	const char *path = create(fixture, "one", "{}");

	assert_int_equal(json_parse(fixture->clm.arena, STR("{\"deleteProtection\":true}"), NULL,
				 &fixture->clm.racer, NULL),
		0);
	fixture->clm.races = 1;
	struct reply reply = call(fixture, "DELETE", path, NULL);
	expect(&reply, 409, "CLUSTERS-MGMT-DELETE-003");
	assert_null(json_get(fixture->clm.clusters[0].resource, "deleted_time"));
}

/* --- CLM's failures ------------------------------------------------------------------------ */

static void what_clm_refuses_is_relayed_in_the_envelope(void **state)
{
	static const struct {
		int clm, ours;
	} rows[] = {{500, 500}, {503, 503}, {429, 429}, {403, 500}};
	struct fixture *fixture = *state;
	const char *path = create(fixture, "one", "{}");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fixture->clm.refusal = rows[i].clm;
		struct reply reply = call(fixture, "PATCH", path, "{\"spec\":{}}");
		expect(&reply, rows[i].ours, "CLUSTERS-MGMT-UPDATE-004");
		reply = call(fixture, "POST", "/api/v0/clusters", "{\"name\":\"b\",\"spec\":{}}");
		expect(&reply, rows[i].ours, "CLUSTERS-MGMT-CREATE-003");
		assert_non_null(strstr(reply.text.ptr, "as asked for"));
	}
}

static void without_clm_the_answer_is_unavailable(void **state)
{
	struct fixture *fixture = *state;

	http_server_stop(fixture->clm.server);
	fixture->clm.server = NULL;
	struct reply reply =
		call(fixture, "POST", "/api/v0/clusters", "{\"name\":\"b\",\"spec\":{}}");
	expect(&reply, 503, "CLUSTERS-MGMT-CREATE-003");
}

/* --- management clusters ------------------------------------------------------------------- */

static void management_clusters_are_the_regions(void **state)
{
	struct fixture *fixture = *state;
	struct reply reply = call(fixture, "GET", "/api/v0/management_clusters", NULL);

	expect(&reply, 200, NULL);
	expect_json(fixture, reply.body,
		"{\"items\":[{\"accountId\":\"111111111111\",\"id\":\"mc-1\",\"region\":\"r\"},"
		"{\"accountId\":\"222222222222\",\"id\":\"mc-2\",\"region\":\"r\"}],"
		"\"kind\":\"ManagementClusterList\",\"total\":2}");
	assert_true(str_is_null(fixture->clm.account)); /* nobody's own */
	reply = call(fixture, "GET", "/api/v0/management_clusters/mc-2", NULL);
	expect(&reply, 200, NULL);
	reply = call(fixture, "GET", "/api/v0/management_clusters/mc-3", NULL);
	expect(&reply, 404, "MC-MGMT-GET-001");
	reply = call(fixture, "POST", "/api/v0/management_clusters", "{\"id\":\"mc-3\"}");
	expect(&reply, 403, "AUTH-006");
}

#define STARTED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STARTED(what_is_not_rightly_signed_is_refused_before_anything_else),
		STARTED(the_account_follows_from_the_key),
		STARTED(health_needs_no_signature),
		STARTED(what_no_route_takes_is_told_in_the_envelope),
		STARTED(a_cluster_is_created_and_stamped),
		STARTED(a_bad_creation_is_refused_with_its_code),
		STARTED(a_cluster_is_read_with_its_status),
		STARTED(a_list_is_a_window),
		STARTED(an_id_that_is_none_never_reaches_clm),
		STARTED(an_update_is_merged_onto_what_is_stored),
		STARTED(nobody_takes_the_platforms_fields_away),
		STARTED(a_bad_update_is_refused_with_its_code),
		STARTED(an_update_that_loses_a_race_is_tried_on_the_new_state),
		STARTED(a_protected_cluster_is_not_deleted),
		STARTED(protection_switched_on_meanwhile_counts),
		STARTED(what_clm_refuses_is_relayed_in_the_envelope),
		STARTED(without_clm_the_answer_is_unavailable),
		STARTED(management_clusters_are_the_regions),
	};

	return cmocka_run_group_tests_name("frontend", tests, NULL, NULL);
}
