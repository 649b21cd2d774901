/*
 * fuzz_tsl.c - any text as a search: what is refused has a sentence, and what is taken becomes SQL
 * of our own words only, with as many placeholders as values.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "clm/search.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(struct str text, enum sql_dialect dialect)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new((size_t)64 << 20);
	struct search_clause clause = {.dialect = dialect};
	struct error err = {0};
	long depth = 0;

	if (search_add(arena, &clause, text, &err) != 0) {
		require(err.code != ERROR_NONE && err.message[0]);
		return;
	}
	require(clause.value_count <= SEARCH_MAX_VALUES);
	for (size_t i = 0; i < clause.text.len; i++) {
		char c = clause.text.ptr[i];
		require(c >= ' ' && c < 127 && c != ';' && c != '`');
		depth += c == '(' ? 1 : c == ')' ? -1 : 0;
		require(depth >= 0);
	}
	require(depth == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct str text = str_n((const char *)bytes, size);

	check(text, SQL_SQLITE);
	check(text, SQL_POSTGRESQL);
	return 0;
}
