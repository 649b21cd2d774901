/*
 * test_status_event.c - tests src/maestro/status_event.c and src/maestro/resync.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "maestro/resync.h"
#include "maestro/spec_event.h"
#include "maestro/status_event.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define S(ms, node, step) (((int64_t)(ms) << 22) | ((int64_t)(node) << 12) | (step))

static struct arena *arena;

static int set_up(void **state)
{
	arena = arena_new(0);
	return arena == NULL;
}

static int tear_down(void **state)
{
	arena_free(arena);
	return 0;
}

static struct str number(int64_t n)
{
	return arena_printf(arena, "%lld", (long long)n);
}

static void a_later_snowflake_is_newer(void **state)
{
	const struct {
		const char *name;
		struct str sequence;
		struct str last;
		bool is_newer;
	} rows[] = {
		{"the first", number(S(5, 1, 0)), STR_NULL, true},
		{"later time", number(S(6, 1, 0)), number(S(5, 1, 9)), true},
		{"earlier time", number(S(4, 1, 9)), number(S(5, 1, 0)), false},
		{"later step", number(S(5, 1, 2)), number(S(5, 1, 1)), true},
		{"equal", number(S(5, 1, 1)), number(S(5, 1, 1)), false},
		{"another node, later", number(S(6, 0, 0)), number(S(5, 1, 0)), true},
		{"another node, earlier", number(S(4, 9, 0)), number(S(5, 1, 0)), false},
		{"the agent gives none", STR_NULL, number(S(5, 1, 0)), true},
		{"a published one", STR("2000808179721572352"), STR("1744926882802962432"), true},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		print_message("  %s\n", rows[i].name);
		assert_int_equal(
			status_sequence_is_newer(rows[i].sequence, rows[i].last), rows[i].is_newer);
	}
}

static void a_status_is_stored_only_when_it_says_something_new(void **state)
{
	const struct bundle row = {
		.id = STR("b"),
		.consumer_name = STR("mc-1"),
		.version = 3,
		.status = STR("{\"a\":1}"),
		.status_version = 3,
		.status_sequence = number(S(5, 1, 0)),
		.status_hash = STR("h"),
	};
	const struct status_event event = {
		.id = STR("b"),
		.consumer_name = STR("mc-1"),
		.version = 3,
		.sequence = number(S(6, 1, 0)),
		.hash = STR("h2"),
		.status = STR("{\"a\":2}"),
	};
	struct bundle deleting = row;
	struct bundle fresh = row;
	struct bundle behind = row;
	struct status_event deleted = event;
	struct status_event foreign = event;
	struct status_event old = event;
	struct status_event above = event;
	struct status_event late = event;
	struct status_event equal = event;
	struct status_event same_text = event;
	const struct {
		const char *name;
		const struct bundle *bundle;
		const struct status_event *event;
		enum status_action action;
	} rows[] = {
		{"no such bundle", NULL, &event, STATUS_IGNORE},
		{"Deleted, of no bundle", NULL, &deleted, STATUS_IGNORE},
		{"new content", &row, &event, STATUS_STORE},
		{"the first status", &fresh, &event, STATUS_STORE},
		{"another consumer's", &row, &foreign, STATUS_IGNORE},
		{"older version", &row, &old, STATUS_IGNORE},
		{"first of this version, made before the last of the former", &behind, &late,
			STATUS_STORE},
		{"newer version than ours", &row, &above, STATUS_RAISE},
		{"newer version, but it is being deleted", &deleting, &above, STATUS_STORE},
		{"out of order", &row, &late, STATUS_IGNORE},
		{"equal", &row, &equal, STATUS_IGNORE},
		{"equal content, another hash", &row, &same_text, STATUS_STORE},
		{"Deleted, as asked", &deleting, &deleted, STATUS_REMOVE},
		{"Deleted, unasked", &row, &deleted, STATUS_RESEND},
		{"while deleting", &deleting, &event, STATUS_STORE},
	};

	deleting.deleted_us = 1;
	fresh.status = STR_NULL;
	fresh.status_version = 0;
	fresh.status_sequence = STR_NULL;
	behind.status_version = 2;
	deleted.is_deleted = true;
	foreign.consumer_name = STR("mc-2");
	old.version = 2;
	above.version = 4;
	late.sequence = number(S(4, 1, 0));
	equal.status = row.status;
	equal.hash = row.status_hash;
	same_text.status = row.status;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *reason;

		print_message("  %s\n", rows[i].name);
		assert_int_equal(
			status_decide(rows[i].bundle, rows[i].event, &reason), rows[i].action);
	}
}

static struct cloudevent status_cloudevent(void)
{
	struct cloudevent event = {
		.id = STR("1"),
		.source = STR("mc-1-work-agent"),
		.type = STR(SPEC_EVENT_TYPE_PREFIX "status.update_request"),
		.datacontenttype = STR("application/json"),
		.data = STR("{\"resourceStatus\":[],\"conditions\":[{\"type\":\"Deleted\","
			    "\"status\":\"True\"}]}"),
	};

	cloudevent_set_extension(&event, STR("resourceid"), STR("b"));
	cloudevent_set_extension(&event, STR("resourceversion"), STR("3"));
	cloudevent_set_extension(&event, STR("clustername"), STR("mc-1"));
	cloudevent_set_extension(&event, STR("originalsource"), STR("maestro"));
	cloudevent_set_extension(&event, STR("sequenceid"), STR("7"));
	return event;
}

static void a_status_is_read_from_its_event(void **state)
{
	struct cloudevent event = status_cloudevent();
	struct status_event status;
	struct error err;

	assert_int_equal(status_event_read(arena, &event, STR("maestro"), &status, &err), 0);
	assert_true(str_eq_c(status.id, "b"));
	assert_int_equal(status.version, 3);
	assert_true(status.is_deleted);
	assert_true(str_eq_c(status.status, "{\"conditions\":[{\"status\":\"True\",\"type\":"
					    "\"Deleted\"}],\"resourceStatus\":[]}"));
	assert_true(str_is_null(status.hash));
}

static void a_malformed_status_is_refused_in_words(void **state)
{
	static const struct {
		const char *extension;
		const char *value;
		const char *data;
		const char *message;
	} rows[] = {
		{"resourceid", "", NULL, "a status without extension resourceid"},
		{"clustername", "", NULL, "a status without extension clustername"},
		{"originalsource", "", NULL, "a status without extension originalsource"},
		{"originalsource", "other", NULL, "unmatched original source id \"other\""},
		{"resourceversion", "x", NULL, "resourceversion \"x\" is not an integer"},
		{"resourceversion", "1.5", NULL, "resourceversion \"1.5\" is not an integer"},
		{"resourceversion", "-1", NULL, "resourceversion -1 is out of range"},
		{"resourceversion", "99999999999", NULL,
			"resourceversion 99999999999 is out of range"},
		{NULL, NULL, "[]", "data of a status is an array, not an object"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cloudevent event = status_cloudevent();
		struct status_event status;
		struct error err;

		if (rows[i].extension != NULL)
			cloudevent_set_extension(
				&event, str_of(rows[i].extension), str_of(rows[i].value));
		if (rows[i].data != NULL)
			event.data = str_of(rows[i].data);
		assert_int_equal(
			status_event_read(arena, &event, STR("maestro"), &status, &err), -1);
		assert_string_equal(err.message, rows[i].message);
	}
}

static void an_agent_gets_what_it_does_not_have(void **state)
{
	static const struct {
		const char *name;
		int64_t version;
		bool is_deleting;
		int64_t reported;
		enum resync_action action;
	} rows[] = {
		{"unknown to the agent", 1, false, 0, RESYNC_SEND},
		{"older at the agent", 3, false, 2, RESYNC_SEND},
		{"the same", 3, false, 3, RESYNC_NOTHING},
		{"newer at the agent", 3, false, 5, RESYNC_RAISE},
		{"beyond what versions may be", 3, false, INT64_MAX, RESYNC_NOTHING},
		{"deleting", 3, true, 3, RESYNC_SEND},
		{"deleting, newer at the agent", 3, true, 5, RESYNC_SEND},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		print_message("  %s\n", rows[i].name);
		assert_int_equal(
			resync_decide(rows[i].version, rows[i].is_deleting, rows[i].reported),
			rows[i].action);
	}
}

static void a_spec_resync_request_is_read(void **state)
{
	struct cloudevent event = {.data = STR("{\"resourceVersions\":[{\"resourceID\":\"a\","
					       "\"resourceVersion\":2},{\"resourceID\":\"b\"}]}")};
	struct resync_reported *reported;
	struct str consumer;
	struct error err;
	size_t count;

	assert_int_equal(resync_read(arena, &event, &consumer, &reported, &count, &err), -1);
	assert_string_equal(err.message, "a spec resync request without extension clustername");
	cloudevent_set_extension(&event, STR("clustername"), STR("mc-1"));
	assert_int_equal(resync_read(arena, &event, &consumer, &reported, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_true(str_eq_c(consumer, "mc-1"));
	assert_true(str_eq_c(reported[0].id, "a"));
	assert_int_equal(reported[0].version, 2);
	assert_int_equal(reported[1].version, 0);
	event.data = STR("{\"resourceVersions\":null}");
	assert_int_equal(resync_read(arena, &event, &consumer, &reported, &count, &err), 0);
	assert_int_equal(count, 0);
	event.data = STR("{\"resourceVersions\":{}}");
	assert_int_equal(resync_read(arena, &event, &consumer, &reported, &count, &err), -1);
	event.data = STR("");
	assert_int_equal(resync_read(arena, &event, &consumer, &reported, &count, &err), -1);
}

static void a_status_resync_request_has_the_hashes(void **state)
{
	static const struct resync_hash hashes[] = {
		{{"a", 1}, {"h1", 2}},
		{{"b", 1}, {NULL, 0}},
	};
	char nothing[HASH_SHA256_HEX_SIZE];
	struct cloudevent event;

	hash_sha256_hex(STR(""), nothing);
	assert_string_equal(nothing, RESYNC_NO_STATUS_HASH);
	resync_make_status_request(
		arena, hashes, COUNT(hashes), STR("mc-1"), STR("maestro"), 0, &event);
	assert_true(str_eq_c(event.type, SPEC_EVENT_TYPE_PREFIX "status.resync_request"));
	assert_true(str_eq_c(event.data,
		"{\"statusHashes\":[{\"resourceID\":\"a\",\"statusHash\":\"h1\"},"
		"{\"resourceID\":\"b\",\"statusHash\":\"" RESYNC_NO_STATUS_HASH "\"}]}"));
	resync_make_status_request(arena, hashes, 0, STR("mc-1"), STR("maestro"), 0, &event);
	assert_true(str_eq_c(event.data, "{\"statusHashes\":[]}"));
}

static void what_is_unanswered_is_sent_again_less_and_less_often(void **state)
{
	static const struct {
		int64_t last_s;
		int64_t now_s;
		bool is_due;
	} rows[] = {
		{0, 29, false},
		{20, 30, true},
		{30, 40, false},
		{80, 90, true},
		{90, 209, false},
		{200, 210, true},
		{0, 100000, true},
		/* From 3810 s on (the sixth wait) once an hour. */
		{86400, 86410, false},
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(resync_is_due(0, rows[i].last_s * CLOCK_US_PER_S,
					 rows[i].now_s * CLOCK_US_PER_S),
			rows[i].is_due);
	/* A day with a scan every 10 s: seldom, but never silent. */
	int sent = 0;
	for (int64_t s = 0; s < 86400; s += 10)
		sent += resync_is_due(0, s * CLOCK_US_PER_S, (s + 10) * CLOCK_US_PER_S);
	assert_in_range(sent, 25, 35);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_later_snowflake_is_newer),
		TEST(a_status_is_stored_only_when_it_says_something_new),
		TEST(a_status_is_read_from_its_event),
		TEST(a_malformed_status_is_refused_in_words),
		TEST(an_agent_gets_what_it_does_not_have),
		TEST(a_spec_resync_request_is_read),
		TEST(a_status_resync_request_has_the_hashes),
		TEST(what_is_unanswered_is_sent_again_less_and_less_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
