/*
 * What looks like a secret, and what does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "clm/redact.h"

static void members_go_by_their_names(void **state)
{
	static const struct {
		const char *before, *after;
	} rows[] = {
		{"{\"name\":\"password\"}", "{\"name\":\"password\"}"},
		{"{\"DBPassword1\":\"x\"}", "{\"DBPassword1\":\"***REDACTED***\"}"},
		{"{\"a\":[{\"api_key\":{\"b\":1},\"c\":2}]}",
			"{\"a\":[{\"api_key\":\"***REDACTED***\",\"c\":2}]}"},
		{"{\"kubeConfig\":1,\"BEARER\":null,\"sshKey\":true,\"cert\":[]}",
			"{\"kubeConfig\":\"***REDACTED***\",\"BEARER\":\"***REDACTED***\","
			"\"sshKey\":\"***REDACTED***\",\"cert\":\"***REDACTED***\"}"},
		{"[\"token\"]", "[\"token\"]"},
		{"\"token\"", "\"token\""},
		{"{\"pass\":1,\"ssh\":2,\"key\":3}", "{\"pass\":1,\"ssh\":2,\"key\":3}"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct json *document;

		assert_int_equal(
			json_parse(arena, str_of(rows[i].before), NULL, &document, NULL), 0);
		redact(arena, document);
		assert_string_equal(
			json_text(arena, document, JSON_WRITE_COMPACT).ptr, rows[i].after);
	}
}

static void what_lies_too_deep_goes_whole(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct json *document = json_new_string(arena, STR("deep"));
	struct str text;

	for (unsigned i = 0; i < REDACT_MAX_DEPTH + 1; i++) {
		struct json *outer = json_new_array(arena);

		json_append(outer, document);
		document = outer;
	}
	redact(arena, document);
	text = json_text(arena, document, JSON_WRITE_COMPACT);
	assert_true(str_find(text, STR("deep")) < 0);
	assert_true(str_find(text, STR(REDACT_TEXT)) >= 0);
	redact(arena, json_at(document, 0)); /* what is as deep as allowed stays */
	assert_true(str_find(json_text(arena, document, JSON_WRITE_COMPACT), STR("[[[")) >= 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_go_by_their_names),
		cmocka_unit_test(what_lies_too_deep_goes_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
