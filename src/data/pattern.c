/*
 * pattern.c - PCRE2 on translated patterns, with limits.
 *
 * The match data is made per match: a pattern is shared by threads, and a block of fixed small size
 * costs less than a lock.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "data/pattern.h"

#include <pcre2.h>

#include "base/cleanup.h"
#include "data/pattern_syntax.h"

#define MAX_TRANSLATED (16 * (size_t)PATTERN_MAX_TEXT) /* bytes; \\s grows most */

struct pattern {
	pcre2_code *code;
	pcre2_match_context *limits;
	struct str text;
};

static void free_pattern(void *arg)
{
	struct pattern *pattern = arg;

	pcre2_match_context_free(pattern->limits);
	pcre2_code_free(pattern->code);
}

int pattern_compile(
	struct arena *arena, struct str text, const struct pattern **ret, struct error *err)
{
	CLEANUP(buf_free) struct buf translated = BUF_INITIALIZER(MAX_TRANSLATED);
	struct pattern *pattern;
	PCRE2_UCHAR reason[128];
	PCRE2_SIZE offset;
	int code;

	if (text.len > PATTERN_MAX_TEXT)
		return error_set(err, ERROR_INVALID,
			"the pattern has %zu bytes, at most %u are allowed", text.len,
			PATTERN_MAX_TEXT);
	if (pattern_translate(text, &translated, err) != 0)
		return -1;
	pattern = arena_new_of(arena, struct pattern);
	if (pattern == NULL || translated.failed)
		return error_set(err, ERROR_MEMORY, "out of memory while compiling a pattern");
	pattern->text = arena_str(arena, text);
	pattern->code = pcre2_compile((PCRE2_SPTR)buf_str(&translated).ptr, translated.len,
		PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C, &code, &offset, NULL);
	if (pattern->code == NULL) {
		pcre2_get_error_message(code, reason, sizeof(reason));
		return error_set(err, ERROR_INVALID, "pattern \"%" STR_F "\": %s at offset %zu",
			STR_A(text), (const char *)reason, offset);
	}
	pattern->limits = pcre2_match_context_create(NULL);
	if (!arena_defer(arena, free_pattern, pattern) || pattern->limits == NULL)
		return error_set(err, ERROR_MEMORY, "out of memory while compiling a pattern");
	pcre2_set_match_limit(pattern->limits, PATTERN_MATCH_LIMIT);
	pcre2_set_depth_limit(pattern->limits, PATTERN_DEPTH_LIMIT);
	pcre2_set_heap_limit(pattern->limits, PATTERN_HEAP_LIMIT_KIB);
	*ret = pattern;
	return 0;
}

int pattern_match(const struct pattern *pattern, struct str text, bool *ret, struct error *err)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	PCRE2_UCHAR reason[128];
	int result;

	if (data == NULL)
		return error_set(err, ERROR_MEMORY, "out of memory while matching a pattern");
	result = pcre2_match(pattern->code, (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, 0, 0,
		data, pattern->limits);
	pcre2_match_data_free(data);
	if (result >= 0 || result == PCRE2_ERROR_NOMATCH) {
		*ret = result >= 0;
		return 0;
	}
	pcre2_get_error_message(result, reason, sizeof(reason));
	return error_set(err, ERROR_LIMITED, "pattern \"%" STR_F "\": %s", STR_A(pattern->text),
		(const char *)reason);
}
