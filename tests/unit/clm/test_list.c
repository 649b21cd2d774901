/*
 * test_list.c - lists against a real database: what a search finds, and what it refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "clm/resource.h"
#include "region.h"

/* name order: alpha, beta, gamma; gamma has no labels. */
static int setup(void **state)
{
	static const char *const bodies[] = {
		"{\"kind\":\"Cluster\",\"name\":\"alpha\",\"labels\":{\"team\":\"a\","
		"\"example.com/tier-1\":\"x\"},\"spec\":{\"size\":3,\"flag\":true,"
		"\"platform\":{\"type\":\"AWS\",\"zone count\":2}}}",
		"{\"kind\":\"Cluster\",\"name\":\"beta\",\"labels\":{\"team\":\"b\","
		"\"note\":\"New\"},\"spec\":{\"size\":10,\"flag\":false,"
		"\"platform\":{\"type\":\"aws\"},\"note\":\"it's 100%\"}}",
		"{\"kind\":\"Cluster\",\"name\":\"gamma\",\"spec\":{\"size\":\"big\"}}",
	};

	if (region_setup(state) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		region_create(*state, RESOURCE_BASE_PATH "/clusters", bodies[i]);
	return 0;
}

static struct answer list(struct region *region, const char *search)
{
	CLEANUP(buf_free) struct buf path = BUF_INITIALIZER(64 << 10);

	buf_add_cstr(&path, RESOURCE_BASE_PATH "/clusters?order=name&search=");
	buf_add_str(&path, http_encode(region->arena, str_of(search)));
	return region_get(region, region_path(region, "%s", path.ptr));
}

static void finds(struct region *region, const char *search, const char *names)
{
	CLEANUP(buf_free) struct buf found = BUF_INITIALIZER(1024);
	struct answer answer = list(region, search);
	const struct json *item;

	if (answer.status != 200)
		fail_msg("%s: %d %" STR_F, search, answer.status, STR_A(answer.body));
	json_for_each (json_get(answer.json, "items"), i, item)
		buf_printf(
			&found, "%s%" STR_F, i > 0 ? " " : "", STR_A(json_get_text(item, "name")));
	if (!str_eq_c(buf_str(&found), names))
		fail_msg("%s finds '%s', not '%s'", search, found.len ? found.ptr : "", names);
	assert_int_equal(json_int(json_get(answer.json, "total"), -1),
		json_count(json_get(answer.json, "items")));
}

static void a_search_finds_what_it_says(void **state)
{
	static const struct {
		const char *search;
		const char *names;
	} rows[] = {
		/* columns */
		{"name = 'alpha'", "alpha"},
		{"name == \"alpha\"", "alpha"},
		{"'alpha' = name", "alpha"},
		{"name != 'alpha'", "beta gamma"},
		{"name <> `alpha`", "beta gamma"},
		{"name > 'alpha' and name <= 'beta'", "beta"},
		{"'beta' < name", "gamma"},
		{"name in ['alpha', 'gamma',]", "alpha gamma"},
		{"name not in ['alpha', 'gamma']", "beta"},
		{"name between 'b' and 'h'", "beta gamma"},
		{"name not between 'b' and 'h'", "alpha"},
		{"name like '%a%m%'", "gamma"},
		{"name like 'ALPHA'", ""},
		{"name ilike 'ALPH_'", "alpha"},
		{"name not like '%eta'", "alpha gamma"},
		{"name like '*'", ""},
		{"generation = 1", "alpha beta gamma"},
		{"generation > -1 and generation < 1k", "alpha beta gamma"},
		{"1 < generation", ""},
		{"deleted_time is null", "alpha beta gamma"},
		{"deleted_time is not null", ""},
		{"created_time > 2020-01-01", "alpha beta gamma"},
		{"created_time < '2020-01-01T00:00:00+01:00'", ""},
		{"created_time between 2020-01-01T00:00:00Z and '2200-01-01'", "alpha beta gamma"},
		{"owner_id = null", ""},
		/* labels */
		{"labels.team = 'a'", "alpha"},
		{"labels.team != 'a'", "beta"},
		{"not labels.team = 'a'", "beta"},
		{"labels.team is null", "gamma"},
		{"labels.team in ['b', 'c']", "beta"},
		{"labels.team not in ['b', 'c']", "alpha"},
		{"labels.team in ['a', 'b'] and labels.note = 'New'", "beta"},
		{"labels.team = 'a' or labels.team = 'b'", "alpha beta"},
		{"labels.team = 'a' and labels.note = 'New'", ""},
		{"not (labels.team = 'a' or name = 'gamma')", "beta"},
		{"labels.example.com/tier-1 = 'x'", "alpha"},
		{"labels['example.com/tier-1'] = 'x'", "alpha"},
		{"labels.\"example.com/tier-1\" in ['x']", "alpha"},
		{"spec.note = 'it\\'s 100%'", "beta"},
		{"spec.note like '%100\\\\%'", "beta"},
		{"labels.note ilike 'NE_'", "beta"},
		{"labels.note like 'ne_'", ""},
		/* spec */
		{"spec.size = 3", "alpha"},
		{"spec.size > 3", "beta"},
		{"spec.size < 1e300 and spec.size > -1e300", "alpha beta"},
		{"name like 'a\\\\\\\\'", ""},
		{"spec.size between 1 and 5", "alpha"},
		{"spec.size in [3, 10]", "alpha beta"},
		{"spec.size = 'big'", "gamma"},
		{"spec.size = '10'", "beta"},
		{"spec.flag = true", "alpha"},
		{"spec.flag = 'false'", "beta"},
		{"spec.platform.type = 'AWS'", "alpha"},
		{"spec.platform.type ilike 'aws'", "alpha beta"},
		{"spec[\"platform\"][\"zone count\"] = 2", "alpha"},
		{"spec.platform is null", "gamma"},
		{"not spec.flag = true", "beta"},
		/* conditions: nobody has reported yet */
		{"status.conditions.Reconciled = 'False'", "alpha beta gamma"},
		{"status.conditions.Reconciled != 'False'", ""},
		{"not status.conditions.Reconciled = 'True'", "alpha beta gamma"},
		{"status.conditions.Reconciled in ['True', 'Unknown']", ""},
		{"status.conditions.Missing is null", "alpha beta gamma"},
		{"not status.conditions.Missing = 'True'", ""},
		{"status.conditions.Reconciled.observed_generation >= 1", "alpha beta gamma"},
		{"status.conditions.Reconciled.last_updated_time > 2020-01-01", "alpha beta gamma"},
		{"status.conditions.Reconciled.last_transition_time < 2020-01-01", ""},
		/* logic */
		{"name = 'alpha' or name = 'beta' and labels.team = 'x'", "alpha"},
		{"(name = 'alpha' or name = 'beta') and labels.team = 'b'", "beta"},
		{"not (name = 'alpha' or name = 'beta')", "gamma"},
		{"NOT NOT name = 'alpha'", "alpha"},
		{"name = 'it\\'s; DROP TABLE resources'", ""},
		{"labels.team = 'a\" OR 1=1 --'", ""},
		{"spec[\"x') OR 1=1 --\"] = 'a'", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		finds(*state, rows[i].search, rows[i].names);
}

static void a_search_that_makes_no_sense_is_refused(void **state)
{
	static const struct {
		const char *search;
		const char *sentence;
	} rows[] = {
		{"name ~= 'a'", "unsupported comparison operator: ~="},
		{"generation + 1 = 2", "unsupported comparison operator: +"},
		{"len name = 2", "unsupported comparison operator: len"},
		{"status.conditions.Ready < 'True'", "unsupported comparison operator: <"},
		{"status.conditions.Ready = 'Maybe'", "condition status must be True, False"},
		{"status.conditions.ready = 'True'", "a capital letter"},
		{"status.conditions.Ready.reason = 'x'", "cannot be searched"},
		{"generation = 'one'", "field 'generation' expects an integer"},
		{"generation = 1.5", "field 'generation' expects an integer"},
		{"created_time > 'yesterday'", "field 'created_time' expects a date"},
		{"name = 5", "field 'name' expects a quoted string"},
		{"name in 'a'", "IN needs a list"},
		{"name in []", "IN needs a list"},
		{"spec.size in [1, 'a']", "values of one type"},
		{"conditions = 'x'", "field 'conditions' cannot be searched"},
		{"resources.name = 'x'", "cannot be searched"},
		{"spec['a\"b'] = 'x'", "a key holds a quote"},
		{"name like 'a\\\\'", "does not end within an escape"},
		{"name", "expected a comparison"},
		{"name = ", "expected a field or a value"},
		{"'a' = 'b'", "expected a field"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer = list(*state, rows[i].search);

		if (answer.status != 400)
			fail_msg("%s: %d", rows[i].search, answer.status);
		if (str_find(json_get_text(answer.json, "detail"), str_of(rows[i].sentence)) < 0)
			fail_msg("%s: %" STR_F, rows[i].search, STR_A(answer.body));
		assert_true(str_eq_c(json_get_text(answer.json, "code"), "HYPERFLEET-VAL-005"));
	}
}

static void fields_choose_what_is_shown(void **state)
{
	static const struct {
		const char *fields, *item; /* of gamma; ID stands for its id */
	} rows[] = {
		{"name", "{\"id\":\"ID\",\"name\":\"gamma\"}"},
		{"spec,%20generation",
			"{\"id\":\"ID\",\"spec\":{\"size\":\"big\"},\"generation\":1}"},
		{"kind&fields=name", "{\"id\":\"ID\",\"kind\":\"Cluster\",\"name\":\"gamma\"}"},
		{"labels,deleted_time,owner_references.id", "{\"id\":\"ID\"}"},
		{"status.conditions.type,status.conditions.status",
			"{\"id\":\"ID\",\"status\":{\"conditions\":["
			"{\"type\":\"Reconciled\",\"status\":\"False\"},"
			"{\"type\":\"LastKnownReconciled\",\"status\":\"False\"}]}}"},
	};
	struct region *region = *state;
	struct str gamma = json_get_text(
		json_at(json_get(list(region, "name = 'gamma'").json, "items"), 0), "id");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(buf_free) struct buf item = BUF_INITIALIZER(4096);
		struct answer one = region_get(region,
			region_path(region, RESOURCE_BASE_PATH "/clusters/%" STR_F "?fields=%s",
				STR_A(gamma), rows[i].fields));
		struct answer all = region_get(region,
			region_path(region,
				RESOURCE_BASE_PATH "/clusters?search=name='gamma'&fields=%s",
				rows[i].fields));
		const char *id = strstr(rows[i].item, "ID");

		buf_printf(&item, "%.*s%" STR_F "%s", (int)(id - rows[i].item), rows[i].item,
			STR_A(gamma), id + strlen("ID"));
		if (one.status != 200 || !str_eq(one.body, buf_str(&item)))
			fail_msg("%s: %" STR_F, rows[i].fields, STR_A(one.body));
		assert_false(str_is_null(one.etag));
		if (all.status != 200 || str_find(all.body, buf_str(&item)) < 0)
			fail_msg("%s: %" STR_F, rows[i].fields, STR_A(all.body));
	}
	assert_true(str_starts_with(
		region_get(region, RESOURCE_BASE_PATH "/clusters?search=name='x'&fields=id").body,
		STR("{\"items\":[],")));
}

/* Through all of them two by two, while another comes that is newer than all. */
static void after_pages_by_what_was_seen_last(void **state)
{
	CLEANUP(buf_free) struct buf names = BUF_INITIALIZER(1024);
	struct region *region = *state;
	struct str after = STR("");
	const struct json *item;

	region_create(region, RESOURCE_BASE_PATH "/clusters",
		"{\"kind\":\"Cluster\",\"name\":\"delta\",\"spec\":{}}");
	for (size_t page = 0; page == 0 || after.len > 0; page++) {
		struct answer answer = region_get(region,
			region_path(region, RESOURCE_BASE_PATH "/clusters?size=2&after=%" STR_F,
				STR_A(after)));

		assert_int_equal(answer.status, 200);
		assert_int_equal(json_int(json_get(answer.json, "total"), 0), page == 0 ? 4 : 5);
		json_for_each (json_get(answer.json, "items"), i, item)
			buf_printf(&names, " %" STR_F, STR_A(json_get_text(item, "name")));
		after = json_get_text(answer.json, "next");
		if (page == 0)
			region_create(region, RESOURCE_BASE_PATH "/clusters",
				"{\"kind\":\"Cluster\",\"name\":\"late\",\"spec\":{}}");
	}
	assert_string_equal(names.ptr, " delta gamma beta alpha");
	static const char *const wrong[] = {
		"after=x", "after=.", "after=1.", "after=&page=1", "after=&order=name"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(
			region_get(region,
				region_path(region, RESOURCE_BASE_PATH "/clusters?%s", wrong[i]))
				.status,
			400);
}

static void a_batch_gives_what_there_is_and_names_what_there_is_not(void **state)
{
	struct region *region = *state;
	struct json *items = json_get(list(region, "name != 'beta'").json, "items");
	struct str alpha = json_get_text(json_at(items, 0), "id"),
		   gamma = json_get_text(json_at(items, 1), "id");
	const char *body =
		region_path(region, "{\"ids\": [\"%" STR_F "\", \"nobody\", \"%" STR_F "\"]}",
			STR_A(gamma), STR_A(alpha));
	const char *const paths[] = {"/clusters/batch", "/resources/batch", "/nodepools/batch"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct answer answer = region_call(region, "POST",
			region_path(region, RESOURCE_BASE_PATH "%s", paths[i]), body, NULL);
		bool are_clusters = i < 2;

		assert_int_equal(answer.status, 200);
		assert_int_equal(json_count(json_get(answer.json, "items")), are_clusters ? 2 : 0);
		assert_int_equal(
			json_count(json_get(answer.json, "missing")), are_clusters ? 1 : 3);
		if (are_clusters)
			assert_true(str_eq_c(
				json_get_text(json_at(json_get(answer.json, "items"), 0), "name"),
				"gamma"));
	}
	static const struct {
		const char *body, *detail;
	} wrong[] = {
		{"{\"ids\": 5}", "a batch is"},
		{"{\"ids\": [], \"x\": 1}", "a batch is"},
		{"{\"ids\": [1]}", "an id is text"},
		{"[]", "a batch is"},
		{"{", ""},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct answer answer = region_call(
			region, "POST", RESOURCE_BASE_PATH "/clusters/batch", wrong[i].body, NULL);

		assert_int_equal(answer.status, 400);
		assert_true(str_find(json_get_text(answer.json, "detail"),
				    str_of(wrong[i].detail)) >= 0);
	}
}

static void labels_are_found_as_they_are_now(void **state)
{
	struct region *region = *state;
	struct json *item = json_at(json_get(list(region, "name = 'alpha'").json, "items"), 0);
	const char *path = region_path(
		region, RESOURCE_BASE_PATH "/clusters/%" STR_F, STR_A(json_get_text(item, "id")));

	assert_int_equal(region_call(region, "PATCH", path,
				 "{\"labels\":{\"team\":\"c\",\"new\":\"\"}}", NULL)
				 .status,
		200);
	finds(region, "labels.team = 'a'", "");
	finds(region, "labels['example.com/tier-1'] = 'x'", "");
	finds(region, "labels.team = 'c'", "alpha");
	finds(region, "labels.new = ''", "alpha");
	assert_int_equal(region_call(region, "PATCH", path, "{\"labels\":{}}", NULL).status, 200);
	finds(region, "labels.new = ''", "");
	/* The index keeps nothing of what has gone: the same name and labels come again. */
	assert_int_equal(
		region_call(region, "PATCH", path, "{\"labels\":{\"team\":\"c\"}}", NULL).status,
		200);
	assert_int_equal(region_call(region, "DELETE", path, NULL, NULL).status, 202);
	finds(region, "labels.team = 'c'", "alpha");
	assert_int_equal(region_call(region, "POST", region_path(region, "%s/force-delete", path),
				 "{\"reason\":\"test\"}", NULL)
				 .status,
		204);
	finds(region, "labels.team = 'c'", "");
}

/* So many that the kind's index serves the search, not the label's. */
static void a_label_of_many_finds_them_all(void **state)
{
	enum { MANY = 1005 };
	struct region *region = *state;

	for (int i = 0; i < MANY; i++)
		region_create(region, RESOURCE_BASE_PATH "/clusters",
			region_path(region,
				"{\"kind\":\"Cluster\",\"name\":\"many%d\",\"labels\":"
				"{\"run\":\"many\"},\"spec\":{}}",
				i));
	struct answer answer = list(region, "labels.run = 'many'");

	assert_int_equal(json_int(json_get(answer.json, "total"), 0), MANY);
	assert_int_equal(json_count(json_get(answer.json, "items")), 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_search_finds_what_it_says, setup, region_teardown),
		cmocka_unit_test_setup_teardown(
			a_search_that_makes_no_sense_is_refused, setup, region_teardown),
		cmocka_unit_test_setup_teardown(
			fields_choose_what_is_shown, setup, region_teardown),
		cmocka_unit_test_setup_teardown(
			after_pages_by_what_was_seen_last, setup, region_teardown),
		cmocka_unit_test_setup_teardown(
			labels_are_found_as_they_are_now, setup, region_teardown),
		cmocka_unit_test_setup_teardown(
			a_label_of_many_finds_them_all, setup, region_teardown),
		cmocka_unit_test_setup_teardown(
			a_batch_gives_what_there_is_and_names_what_there_is_not, setup,
			region_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
