/*
 * The API over HTTP: the life of a resource, and the answer to each mistake.
 */
#include "region.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define V1 "/api/hyperfleet/v1"
#define REPORT_GOOD "Available=True,Applied=True,Health=True"
#define REPORT_DONE "Available=False,Applied=False,Health=True,Finalized=True"

static void assert_text(const struct json *object, const char *member, const char *expected)
{
	struct str text = json_get_text(object, member);

	if (!str_eq_c(text, expected))
		fail_msg("%s is \"%" STR_F "\", not \"%s\"", member, STR_A(text), expected);
}

/* --- documents ------------------------------------------------------------------------------- */

static void a_created_resource_reads_back(void **state)
{
	struct region *region = *state;
	struct answer made = region_call(region, "POST", V1 "/clusters",
		"{\"kind\":\"Cluster\",\"name\":\"one\",\"spec\":{\"b\":1.0,\"a\":\"x\"},"
		"\"labels\":{\"team\":\"a\"}}",
		"X-Amz-Caller-Arn: arn:aws:iam::1:user/u");
	struct str id = json_get_text(made.json, "id");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	struct answer read = region_get(region, path);

	assert_int_equal(made.status, 201);
	assert_int_equal(read.status, 200);
	assert_true(str_eq(made.body, read.body));
	assert_true(str_eq_c(read.etag, "\"1-1-1\""));
	assert_true(str_eq_c(read.content_type, "application/json"));
	assert_text(read.json, "kind", "Cluster");
	assert_text(read.json, "name", "one");
	assert_text(read.json, "href", path);
	assert_text(read.json, "created_by", "arn:aws:iam::1:user/u");
	assert_text(read.json, "updated_by", "arn:aws:iam::1:user/u");
	assert_int_equal(json_int(json_get(read.json, "generation"), 0), 1);
	assert_true(json_is(json_get(read.json, "tenancy"), JSON_OBJECT));
	assert_text(json_get(read.json, "labels"), "team", "a");
	assert_null(json_get(read.json, "deleted_time"));
	assert_null(json_get(read.json, "owner_references"));
	assert_true(str_eq(json_get_text(read.json, "created_time"),
		json_get_text(read.json, "updated_time")));
	assert_true(str_eq_c(region_condition(region, path, "Reconciled"), "False"));
	assert_true(str_eq_c(region_condition(region, path, "LastKnownReconciled"), "False"));
}

static void kinds_without_adapters_have_no_conditions(void **state)
{
	struct region *region = *state;
	struct answer made = region_call(region, "POST", V1 "/management_clusters/",
		"{\"kind\":\"ManagementCluster\",\"name\":\"mc-1\",\"spec\":{}}", NULL);

	assert_int_equal(made.status, 201);
	assert_int_equal(json_count(json_find(made.json, "status", "conditions", NULL)), 0);
	assert_null(json_get(made.json, "labels"));
	assert_text(made.json, "created_by", "system@hyperfleet.local");
}

static void resources_survive_a_restart(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");

	region_restart(region);
	assert_int_equal(
		region_get(region, region_path(region, V1 "/resources/%" STR_F, STR_A(id))).status,
		200);
}

/* --- mistakes -------------------------------------------------------------------------------- */

static void mistakes_are_answered_as_problems(void **state)
{
	static const struct {
		const char *method;
		const char *path;
		const char *body;
		int status;
		const char *code;
		const char *title;
		const char *detail;
	} rows[] = {
		{"GET", "/nowhere", NULL, 404, "HYPERFLEET-NTF-000", "Endpoint Not Found",
			"The requested endpoint '/nowhere' does not exist"},
		{"GET", V1 "/clusters/x", NULL, 404, "HYPERFLEET-NTF-001", "Resource Not Found",
			"Cluster with id='x' not found"},
		{"GET", V1 "/resources/x", NULL, 404, "HYPERFLEET-NTF-001", "Resource Not Found",
			"Resource with id='x' not found"},
		{"GET", V1 "/clusters/x/nodepools", NULL, 404, "HYPERFLEET-NTF-001",
			"Resource Not Found", "Cluster with id='x' not found"},
		{"PATCH", V1 "/clusters/x", "{\"spec\":{}}", 404, "HYPERFLEET-NTF-001",
			"Resource Not Found", "Cluster with id='x' not found"},
		{"DELETE", V1 "/clusters/x", NULL, 404, "HYPERFLEET-NTF-001", "Resource Not Found",
			"Cluster with id='x' not found"},
		{"GET", V1 "/clusters/x/statuses", NULL, 404, "HYPERFLEET-NTF-001",
			"Resource Not Found", "Cluster with id='x' not found"},
		{"POST", V1 "/clusters", "", 400, "HYPERFLEET-VAL-006", "Malformed Request",
			"Invalid JSON in request body"},
		{"POST", V1 "/clusters", "{}", 400, "HYPERFLEET-VAL-000", "Validation Failed",
			"kind is required"},
		{"POST", V1 "/clusters/x/nodepools",
			"{\"kind\":\"NodePool\",\"name\":\"p\",\"spec\":{}}", 404,
			"HYPERFLEET-NTF-001", "Resource Not Found",
			"Cluster with id='x' not found"},
		{"POST", V1 "/nodepools", "{\"kind\":\"NodePool\",\"name\":\"p\",\"spec\":{}}", 422,
			"HYPERFLEET-VAL-000", "Validation Failed",
			"kind \"NodePool\" is a child kind; create it via "
			"/clusters/{id}/nodepools"},
		{"POST", V1 "/resources", "{\"kind\":\"NodePool\",\"name\":\"p\",\"spec\":{}}", 422,
			"HYPERFLEET-VAL-000", "Validation Failed",
			"kind \"NodePool\" is a child kind; create it via "
			"/clusters/{id}/nodepools"},
		{"POST", V1 "/resources", "{\"kind\":\"Nope\",\"name\":\"p\",\"spec\":{}}", 400,
			"HYPERFLEET-VAL-000", "Validation Failed", "Unknown entity kind: Nope"},
		{"GET", V1 "/resources?kind=Nope", NULL, 400, "HYPERFLEET-VAL-000",
			"Validation Failed", "Unknown entity kind: Nope"},
		{"GET", V1 "/clusters?page=0&size=x", NULL, 400, "HYPERFLEET-VAL-000",
			"Validation Failed", "Invalid query parameters"},
		{"GET", V1 "/clusters?order=spec", NULL, 400, "HYPERFLEET-VAL-005", "Bad Request",
			"invalid field in search or order query"},
		{"GET", V1 "/clusters?order=id,id,id,id,id,id,id,id,id,id,id,id,id,id,id,id,id",
			NULL, 400, "HYPERFLEET-VAL-005", "Bad Request",
			"order has at most 16 items"},
		{"GET", V1 "/clusters?search=name", NULL, 400, "HYPERFLEET-VAL-005", "Bad Request",
			"failed to parse search query: expected a comparison at 'name'"},
		{"GET", V1 "/clusters?fields=id,nope&fields=status,spec.a", NULL, 400,
			"HYPERFLEET-VAL-000", "Validation Failed",
			"The following field(s) doesn't exist in `Resource`: nope, status, spec.a"},
		{"GET", V1 "/clusters/watch?after=-1", NULL, 400, "HYPERFLEET-VAL-005",
			"Bad Request", "after must be a sequence number, is '-1'"},
		{"GET", V1 "/clusters/watch?after=9999", NULL, 410, "HYPERFLEET-VAL-005", "Gone",
			NULL},
	};
	struct region *region = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer =
			region_call(region, rows[i].method, rows[i].path, rows[i].body, NULL);

		if (answer.status != rows[i].status)
			fail_msg("%s %s: %d %" STR_F, rows[i].method, rows[i].path, answer.status,
				STR_A(answer.body));
		assert_true(str_eq_c(answer.content_type, "application/problem+json"));
		assert_text(answer.json, "code", rows[i].code);
		assert_text(answer.json, "title", rows[i].title);
		if (rows[i].detail != NULL)
			assert_text(answer.json, "detail", rows[i].detail);
		assert_int_equal(json_int(json_get(answer.json, "status"), 0), rows[i].status);
		assert_int_equal(json_get_text(answer.json, "trace_id").len, 36);
		assert_true(str_starts_with(
			str_of(rows[i].path), json_get_text(answer.json, "instance")));
	}
}

static void page_mistakes_name_field_and_constraint(void **state)
{
	struct answer answer = region_get(*state, V1 "/clusters?page=0&size=101");
	const struct json *errors = json_get(answer.json, "errors");

	assert_int_equal(json_count(errors), 2);
	assert_text(json_at(errors, 0), "field", "page");
	assert_text(json_at(errors, 0), "constraint", "min");
	assert_text(json_at(errors, 0), "message", "page must be at least 1");
	assert_text(json_at(errors, 1), "field", "size");
	assert_text(json_at(errors, 1), "constraint", "max");
	assert_text(json_at(errors, 1), "value", "101");
}

static void the_wrong_method_is_refused_in_plain_text(void **state)
{
	struct answer answer = region_call(*state, "PUT", V1 "/clusters/x", "{}", NULL);

	assert_int_equal(answer.status, 405);
	assert_true(str_starts_with(answer.content_type, STR("text/plain")));
}

static void the_shipped_schema_guards_specs(void **state)
{
	struct answer answer = region_call(*state, "POST", V1 "/clusters",
		"{\"kind\":\"Cluster\",\"name\":\"one\",\"spec\":{\"hostedCluster\":{\"release\":"
		"{\"image\":\"q\"},\"platform\":{\"type\":\"AWS\"},\"relese\":1}}}",
		NULL);
	const struct json *errors = json_get(answer.json, "errors");

	assert_int_equal(answer.status, 400);
	assert_text(answer.json, "detail", "Invalid ClusterSpec");
	assert_int_equal(json_count(errors), 1);
	assert_text(json_at(errors, 0), "field", "spec.hostedCluster.relese");
}

/* --- names ----------------------------------------------------------------------------------- */

static void a_name_is_taken_once_and_free_after_deletion(void **state)
{
	struct region *region = *state;
	const char *body = "{\"kind\":\"Cluster\",\"name\":\"one\",\"spec\":{}}";
	struct str id = region_create(region, V1 "/clusters", body);
	struct answer answer = region_call(region, "POST", V1 "/clusters", body, NULL);
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));

	assert_int_equal(answer.status, 409);
	assert_text(answer.json, "code", "HYPERFLEET-CNF-001");
	assert_text(answer.json, "detail", "This Cluster already exists");
	assert_int_equal(region_call(region, "DELETE", path, NULL, NULL).status, 202);
	assert_int_equal(region_call(region, "POST", V1 "/clusters", body, NULL).status, 201);
	/* Both are there: the marked one until its adapters are done. */
	answer = region_get(region, V1 "/clusters");
	assert_int_equal(json_int(json_get(answer.json, "total"), 0), 2);
}

static void tenants_may_use_the_same_name(void **state)
{
	struct region *region = *state;
	const char *body = "{\"kind\":\"Cluster\",\"name\":\"one\",\"spec\":{}}";

	assert_int_equal(
		region_call(region, "POST", V1 "/clusters", body, "X-Amz-Account-Id: 111").status,
		201);
	assert_int_equal(
		region_call(region, "POST", V1 "/clusters", body, "X-Amz-Account-Id: 222").status,
		201);
	assert_int_equal(
		region_call(region, "POST", V1 "/clusters", body, "X-Amz-Account-Id: 111").status,
		409);
}

/* --- tenants --------------------------------------------------------------------------------- */

static void a_tenant_sees_only_its_own(void **state)
{
	static const char mine[] = "X-Amz-Account-Id: 111";
	static const char theirs[] = "X-Amz-Account-Id: 222";
	struct region *region = *state;
	struct answer made = region_call(region, "POST", V1 "/clusters",
		"{\"kind\":\"Cluster\",\"name\":\"one\",\"spec\":{}}", mine);
	struct str id = json_get_text(made.json, "id");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	const char *pools = region_path(region, "%s/nodepools", path);
	const char *pool = "{\"kind\":\"NodePool\",\"name\":\"p\",\"spec\":{}}";
	struct answer answer;

	assert_text(json_get(made.json, "tenancy"), "account_id", "111");
	assert_int_equal(region_call(region, "GET", path, NULL, mine).status, 200);
	assert_int_equal(region_call(region, "GET", path, NULL, NULL).status, 200);
	assert_int_equal(region_call(region, "GET", path, NULL, theirs).status, 404);
	assert_int_equal(
		region_call(region, "PATCH", path, "{\"spec\":{\"x\":1}}", theirs).status, 404);
	assert_int_equal(region_call(region, "DELETE", path, NULL, theirs).status, 404);
	assert_int_equal(region_call(region, "POST", pools, pool, theirs).status, 404);
	assert_int_equal(region_call(region, "GET", pools, NULL, theirs).status, 404);
	assert_int_equal(
		region_call(region, "GET", region_path(region, "%s/statuses", path), NULL, theirs)
			.status,
		404);
	assert_int_equal(
		region_call(region, "POST", region_path(region, "%s/placement", path), NULL, theirs)
			.status,
		404);
	answer = region_call(region, "GET", V1 "/clusters", NULL, theirs);
	assert_int_equal(json_int(json_get(answer.json, "total"), -1), 0);
	answer = region_call(region, "GET", V1 "/clusters", NULL, mine);
	assert_int_equal(json_int(json_get(answer.json, "total"), -1), 1);
	/* A child that the region makes belongs to its parent's tenant. */
	answer = region_call(region, "POST", pools, pool, NULL);
	assert_text(json_get(answer.json, "tenancy"), "account_id", "111");
	answer = region_call(region, "GET", path, NULL, "X-Amz-Account-Id: a b");
	assert_int_equal(answer.status, 403);
	assert_text(answer.json, "code", "HYPERFLEET-AUZ-001");
}

/* --- patch ----------------------------------------------------------------------------------- */

static void a_patch_replaces_and_counts_once(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	struct answer answer = region_call(region, "PATCH", path,
		"{\"spec\":{\"m\":2},\"labels\":{\"a\":\"b\"}}", "X-Amz-Caller-Arn: me");

	assert_int_equal(answer.status, 200);
	assert_int_equal(json_int(json_get(answer.json, "generation"), 0), 2);
	assert_null(json_find(answer.json, "spec", "n", NULL));
	assert_int_equal(json_int(json_find(answer.json, "spec", "m", NULL), 0), 2);
	assert_text(answer.json, "updated_by", "me");
	answer = region_call(region, "PATCH", path, "{\"labels\":{}}", NULL);
	assert_int_equal(json_int(json_get(answer.json, "generation"), 0), 3);
	assert_null(json_get(answer.json, "labels"));
}

static void a_patch_without_difference_moves_nothing(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	struct answer before = region_get(region, path);
	struct answer after = region_call(
		region, "PATCH", path, "{\"spec\":{\"n\":1.0}}", "X-Amz-Caller-Arn: me");

	assert_int_equal(after.status, 200);
	assert_true(str_eq(before.body, after.body));
	assert_true(str_eq(before.etag, after.etag));
	assert_true(str_eq(before.body, region_get(region, path).body));
}

static void a_stale_if_match_is_refused(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	const char *body = "{\"spec\":{\"m\":2}}";
	struct answer answer = region_call(region, "PATCH", path, body, "If-Match: \"1-1-1\"");

	assert_int_equal(answer.status, 200);
	answer = region_call(region, "PATCH", path, "{\"spec\":{\"m\":3}}", "If-Match: \"1-1-1\"");
	assert_int_equal(answer.status, 412);
	assert_text(answer.json, "code", "HYPERFLEET-CNF-002");
	assert_int_equal(
		region_call(region, "DELETE", path, NULL, "If-Match: \"1-1-1\"").status, 412);
	assert_int_equal(region_call(region, "DELETE", path, NULL, "If-Match: *").status, 202);
}

/* --- lists ----------------------------------------------------------------------------------- */

static void lists_page_search_and_order(void **state)
{
	struct region *region = *state;
	struct answer answer;

	for (int i = 0; i < 5; i++)
		region_create(region, V1 "/clusters",
			region_path(region,
				"{\"kind\":\"Cluster\",\"name\":\"c-%d\",\"spec\":{},\"labels\":{"
				"\"even\":\"%s\"}}",
				i, i % 2 == 0 ? "yes" : "no"));
	answer = region_get(region, V1 "/clusters?size=2&page=2&order=name");
	assert_int_equal(json_int(json_get(answer.json, "total"), 0), 5);
	assert_int_equal(json_int(json_get(answer.json, "size"), 0), 2);
	assert_int_equal(json_int(json_get(answer.json, "page"), 0), 2);
	assert_text(json_at(json_get(answer.json, "items"), 0), "name", "c-2");
	answer = region_get(region, V1 "/clusters");
	assert_text(json_at(json_get(answer.json, "items"), 0), "name", "c-4");
	answer = region_get(region, V1 "/clusters?page=9");
	assert_int_equal(json_count(json_get(answer.json, "items")), 0);
	assert_true(json_is(json_get(answer.json, "items"), JSON_ARRAY));
	answer = region_get(region,
		V1 "/clusters?search=labels.even%3D'yes'%20and%20(name%3D'c-2'%20or%20"
		   "name%3D'c-3')");
	assert_int_equal(json_int(json_get(answer.json, "total"), 0), 1);
	assert_text(json_at(json_get(answer.json, "items"), 0), "name", "c-2");
	answer = region_get(
		region, V1 "/clusters?search=status.conditions.Reconciled%3D'False'&size=1");
	assert_int_equal(json_int(json_get(answer.json, "total"), 0), 5);
	answer = region_get(
		region, V1 "/clusters?search=labels.non_existing_label%3D'value'&size=1");
	assert_int_equal(answer.status, 200);
	assert_int_equal(json_int(json_get(answer.json, "total"), -1), 0);
	answer = region_get(region, V1 "/resources?kind=ManagementCluster");
	assert_int_equal(json_int(json_get(answer.json, "total"), -1), 0);
	answer = region_get(region, V1 "/resources");
	assert_int_equal(json_int(json_get(answer.json, "total"), -1), 5);
}

/* --- statuses -------------------------------------------------------------------------------- */

static void adapters_make_a_cluster_reconciled(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	struct answer answer;

	assert_int_equal(region_report(region, path, "placement", 1, REPORT_GOOD), 201);
	assert_true(str_eq_c(region_condition(region, path, "Reconciled"), "False"));
	assert_true(str_eq_c(region_condition(region, path, "PlacementSuccessful"), "True"));
	assert_int_equal(region_report(region, path, "hypershift", 1, REPORT_GOOD), 201);
	assert_true(str_eq_c(region_condition(region, path, "Reconciled"), "True"));
	assert_true(str_eq_c(region_condition(region, path, "LastKnownReconciled"), "True"));
	region_call(region, "PATCH", path, "{\"spec\":{\"n\":2}}", NULL);
	assert_true(str_eq_c(region_condition(region, path, "Reconciled"), "False"));
	assert_true(str_eq_c(region_condition(region, path, "LastKnownReconciled"), "True"));
	answer = region_get(region, region_path(region, "%s/statuses?size=1&page=2", path));
	assert_int_equal(json_int(json_get(answer.json, "total"), 0), 2);
	assert_int_equal(json_int(json_get(answer.json, "size"), 0), 1);
	assert_text(json_at(json_get(answer.json, "items"), 0), "adapter", "placement");
}

static void a_resource_can_be_read_with_its_statuses(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	const char *both = region_path(region, "%s?include=statuses", path);
	struct answer answer = region_get(region, both);

	assert_int_equal(json_count(json_find(answer.json, "statuses", "items", NULL)), 0);
	assert_int_equal(region_report(region, path, "placement", 1, REPORT_GOOD), 201);
	answer = region_get(region, both);
	struct answer alone = region_get(region, path);
	struct answer list = region_get(region, region_path(region, "%s/statuses", path));
	assert_true(json_equal(json_get(answer.json, "statuses"), list.json));
	assert_true(json_equal(json_get(answer.json, "status"), json_get(alone.json, "status")));
	assert_int_equal(json_count(answer.json), json_count(alone.json) + 1);
	assert_true(str_eq(answer.etag, alone.etag));
	assert_int_equal(region_get(region, region_path(region, "%s?include=x", path)).status, 400);
}

static void a_report_is_answered_with_its_status(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F "/statuses", STR_A(id));
	struct answer answer = region_call(region, "PUT", path,
		"{\"adapter\":\"x\",\"observed_generation\":1,\"data\":{\"b\":1,\"a\":2},"
		"\"metadata\":{\"attempt\":1},\"conditions\":[{\"type\":\"Available\",\"status\":"
		"\"Unknown\",\"reason\":\"r\",\"message\":\"m\"},{\"type\":\"Applied\",\"status\":"
		"\"True\"},{\"type\":\"Health\",\"status\":\"True\"}]}",
		NULL);
	const struct json *condition = json_at(json_get(answer.json, "conditions"), 0);

	assert_int_equal(answer.status, 201);
	assert_text(answer.json, "adapter", "x");
	assert_int_equal(json_int(json_find(answer.json, "data", "a", NULL), 0), 2);
	assert_int_equal(json_int(json_find(answer.json, "metadata", "attempt", NULL), 0), 1);
	assert_text(condition, "status", "Unknown");
	assert_text(condition, "reason", "r");
	assert_true(str_eq(json_get_text(condition, "last_transition_time"),
		json_get_text(answer.json, "last_report_time")));
	assert_true(str_eq(json_get_text(answer.json, "created_time"),
		json_get_text(answer.json, "last_report_time")));
}

static void reports_that_do_not_count_are_discarded(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	struct answer answer;

	/* Of a generation to come, before anything else is looked at. */
	assert_int_equal(region_report(region, path, "x", 2, "Available=True"), 204);
	/* Then the mandatory conditions. */
	assert_int_equal(region_report(region, path, "x", 1, "Available=True"), 400);
	assert_int_equal(region_report(region, path, "x", 1, REPORT_GOOD), 201);
	/* Available=Unknown counts only once. */
	assert_int_equal(
		region_report(region, path, "x", 1, "Available=Unknown,Applied=True,Health=True"),
		204);
	answer = region_get(region, region_path(region, "%s/statuses", path));
	assert_int_equal(json_int(json_get(answer.json, "total"), 0), 1);
	/* Of a generation before the stored one. */
	region_call(region, "PATCH", path, "{\"spec\":{\"n\":2}}", NULL);
	assert_int_equal(region_report(region, path, "x", 2, REPORT_GOOD), 201);
	assert_int_equal(region_report(region, path, "x", 1, REPORT_GOOD), 204);
}

static void a_missing_mandatory_condition_is_named(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	struct answer answer = region_call(region, "PUT",
		region_path(region, V1 "/clusters/%" STR_F "/statuses", STR_A(id)),
		"{\"adapter\":\"x\",\"observed_generation\":1,\"conditions\":[{\"type\":"
		"\"Available\",\"status\":\"True\"}]}",
		NULL);

	assert_int_equal(answer.status, 400);
	assert_text(answer.json, "code", "HYPERFLEET-VAL-000");
	assert_text(answer.json, "detail",
		"missing mandatory condition 'Applied': all adapters must report Available, "
		"Applied, and Health");
}

/* --- deletion -------------------------------------------------------------------------------- */

static void a_cluster_goes_when_its_adapters_are_done(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	struct answer marked = region_call(region, "DELETE", path, NULL, "X-Amz-Caller-Arn: me");
	struct answer again;

	assert_int_equal(marked.status, 202);
	assert_int_equal(json_int(json_get(marked.json, "generation"), 0), 2);
	assert_text(marked.json, "deleted_by", "me");
	again = region_call(region, "DELETE", path, NULL, NULL);
	assert_int_equal(again.status, 202);
	assert_true(str_eq(marked.body, again.body));
	again = region_call(region, "PATCH", path, "{\"spec\":{\"n\":9}}", NULL);
	assert_int_equal(again.status, 409);
	assert_text(again.json, "code", "HYPERFLEET-CNF-003");
	assert_int_equal(region_report(region, path, "placement", 2, REPORT_DONE), 201);
	assert_int_equal(region_report(region, path, "hypershift", 1, REPORT_DONE), 201);
	assert_int_equal(region_get(region, path).status, 200);
	assert_int_equal(region_report(region, path, "hypershift", 2, REPORT_DONE), 201);
	assert_int_equal(region_get(region, path).status, 404);
	assert_int_equal(region_report(region, path, "hypershift", 2, REPORT_DONE), 404);
}

static void a_parent_goes_with_its_last_child(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	const char *pools = region_path(region, "%s/nodepools", path);
	struct str pool_id =
		region_create(region, pools, "{\"kind\":\"NodePool\",\"name\":\"p\",\"spec\":{}}");
	const char *pool = region_path(region, "%s/%" STR_F, pools, STR_A(pool_id));
	struct answer answer = region_get(region, pool);

	assert_text(answer.json, "href", pool);
	assert_text(json_get(answer.json, "owner_references"), "kind", "Cluster");
	assert_text(json_get(answer.json, "owner_references"), "href", path);
	assert_int_equal(region_call(region, "DELETE", path, NULL, NULL).status, 202);
	answer = region_get(region, pool);
	assert_int_equal(json_int(json_get(answer.json, "generation"), 0), 2);
	assert_non_null(json_get(answer.json, "deleted_time"));
	assert_int_equal(region_call(region, "POST", pools,
				 "{\"kind\":\"NodePool\",\"name\":\"q\",\"spec\":{}}", NULL)
				 .status,
		409);
	assert_int_equal(region_report(region, path, "placement", 2, REPORT_DONE), 201);
	assert_int_equal(region_report(region, path, "hypershift", 2, REPORT_DONE), 201);
	/* Its adapters are done, but it waits, and says so. */
	assert_true(str_eq_c(region_condition(region, path, "Reconciled"), "False"));
	assert_int_equal(region_report(region, pool, "hypershift", 2, REPORT_DONE), 201);
	assert_int_equal(region_get(region, pool).status, 404);
	assert_int_equal(region_get(region, path).status, 404);
}

static void a_restricting_child_holds_its_parent(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	const char *versions = region_path(region, "%s/versions", path);
	struct str version = region_create(
		region, versions, "{\"kind\":\"Version\",\"name\":\"v\",\"spec\":{}}");
	struct answer answer = region_call(region, "DELETE", path, NULL, NULL);

	assert_int_equal(answer.status, 409);
	assert_text(answer.json, "code", "HYPERFLEET-CNF-003");
	assert_text(answer.json, "detail",
		region_path(region, "Cannot delete Cluster '%" STR_F "': active Version(s) exist",
			STR_A(id)));
	assert_null(json_get(region_get(region, path).json, "deleted_time"));
	/* It has no adapters, so it goes at once. */
	assert_int_equal(
		region_call(region, "DELETE",
			region_path(region, "%s/%" STR_F, versions, STR_A(version)), NULL, NULL)
			.status,
		202);
	assert_int_equal(region_call(region, "DELETE", path, NULL, NULL).status, 202);
}

static void force_removes_what_is_marked(void **state)
{
	struct region *region = *state;
	struct str id = region_create_cluster(region, "one");
	const char *path = region_path(region, V1 "/clusters/%" STR_F, STR_A(id));
	const char *force = region_path(region, "%s/force-delete", path);
	struct str pool = region_create(region, region_path(region, "%s/nodepools", path),
		"{\"kind\":\"NodePool\",\"name\":\"p\",\"spec\":{}}");
	struct answer answer = region_call(region, "POST", force, "{\"reason\":\"stuck\"}", NULL);

	assert_int_equal(answer.status, 409);
	assert_text(answer.json, "detail",
		region_path(region, "Cluster '%" STR_F "' is not in Finalizing state", STR_A(id)));
	region_call(region, "DELETE", path, NULL, NULL);
	assert_int_equal(region_call(region, "POST", force, "{}", NULL).status, 400);
	assert_int_equal(
		region_call(region, "POST", force, "{\"reason\":\"stuck\"}", NULL).status, 204);
	assert_int_equal(region_get(region, path).status, 404);
	assert_int_equal(
		region_get(region, region_path(region, V1 "/nodepools/%" STR_F, STR_A(pool)))
			.status,
		404);
}

/* --- the server ------------------------------------------------------------------------------ */

static void the_server_describes_itself(void **state)
{
	struct region *region = *state;
	struct answer answer = region_get(region, "/api/hyperfleet");

	assert_text(answer.json, "kind", "API");
	assert_text(region_get(region, "/healthz").json, "status", "ok");
	assert_text(region_get(region, "/readyz").json, "status", "ok");
	answer = region_get(region, V1 "/openapi");
	assert_text(answer.json, "openapi", "3.0.3");
	region_create_cluster(region, "one");
	answer = region_get(region, "/metrics");
	assert_int_equal(answer.status, 200);
	assert_true(
		str_find(answer.body,
			STR("method=\"POST\",path=\"/api/hyperfleet/v1/clusters\",code=\"201\"} "
			    "1\n")) >= 0);
	assert_true(str_find(answer.body, STR("\nreeve_clm_feed_last_sequence 1\n")) >= 0);
}

int main(void)
{
#define WITH_REGION(test) cmocka_unit_test_setup_teardown(test, region_setup, region_teardown)
	const struct CMUnitTest tests[] = {
		WITH_REGION(a_created_resource_reads_back),
		WITH_REGION(kinds_without_adapters_have_no_conditions),
		WITH_REGION(resources_survive_a_restart),
		WITH_REGION(mistakes_are_answered_as_problems),
		WITH_REGION(page_mistakes_name_field_and_constraint),
		WITH_REGION(the_wrong_method_is_refused_in_plain_text),
		cmocka_unit_test_setup_teardown(
			the_shipped_schema_guards_specs, region_setup_shipped, region_teardown),
		WITH_REGION(a_name_is_taken_once_and_free_after_deletion),
		WITH_REGION(tenants_may_use_the_same_name),
		WITH_REGION(a_tenant_sees_only_its_own),
		WITH_REGION(a_patch_replaces_and_counts_once),
		WITH_REGION(a_patch_without_difference_moves_nothing),
		WITH_REGION(a_stale_if_match_is_refused),
		WITH_REGION(lists_page_search_and_order),
		WITH_REGION(adapters_make_a_cluster_reconciled),
		WITH_REGION(a_resource_can_be_read_with_its_statuses),
		WITH_REGION(a_report_is_answered_with_its_status),
		WITH_REGION(reports_that_do_not_count_are_discarded),
		WITH_REGION(a_missing_mandatory_condition_is_named),
		WITH_REGION(a_cluster_goes_when_its_adapters_are_done),
		WITH_REGION(a_parent_goes_with_its_last_child),
		WITH_REGION(a_restricting_child_holds_its_parent),
		WITH_REGION(force_removes_what_is_marked),
		WITH_REGION(the_server_describes_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
