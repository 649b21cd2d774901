/*
 * http_route.c - the table of routes, searched from the most specific on.
 *
 * A linear search over patterns that are already cut and sorted: tables have some dozens of rows
 * and most differ in segment count or first literals, so it costs well under a microsecond. A radix
 * tree was rejected: it is faster only for thousands of routes, and cannot tell the Allow list as
 * simply.
 */
#include "net/http_route.h"

#include <stdlib.h>
#include <string.h>

#define HTTP_MAX_ALLOW 256

enum segment_kind { SEGMENT_LITERAL, SEGMENT_VARIABLE, SEGMENT_REST };

struct segment {
	enum segment_kind kind;
	struct str text;
};

struct pattern {
	const struct http_route *route;
	size_t position; /* in the table */
	size_t count;
	struct segment segments[HTTP_MAX_SEGMENTS];
};

struct http_routes {
	size_t count;
	struct pattern patterns[];
};

static enum segment_kind segment_kind(struct str text)
{
	if (text.len < 2 || text.ptr[0] != '{' || text.ptr[text.len - 1] != '}')
		return SEGMENT_LITERAL;
	return str_ends_with(text, STR("...}")) ? SEGMENT_REST : SEGMENT_VARIABLE;
}

static int pattern_compile(struct pattern *pattern, struct error *err)
{
	const char *text = pattern->route->pattern;
	if (text[0] != '/')
		return error_set(err, ERROR_INVALID, "route \"%s\" must begin with '/'", text);
	size_t variables = 0;
	struct str rest = str_of(text + 1);
	while (!str_is_null(rest)) {
		struct str part = str_cut(&rest, '/');
		enum segment_kind kind = segment_kind(part);
		if (kind != SEGMENT_LITERAL && ++variables > HTTP_MAX_PATH_VARIABLES)
			return error_set(err, ERROR_INVALID,
				"route \"%s\" has more than %d variables", text,
				HTTP_MAX_PATH_VARIABLES);
		if (kind == SEGMENT_REST && !str_is_null(rest))
			return error_set(err, ERROR_INVALID,
				"route \"%s\" has {rest...} before its end", text);
		if (pattern->count == HTTP_MAX_SEGMENTS)
			return error_set(err, ERROR_INVALID,
				"route \"%s\" has more than %d segments", text, HTTP_MAX_SEGMENTS);
		pattern->segments[pattern->count++] = (struct segment){kind, part};
	}
	return 0;
}

static int pattern_compare(const void *left, const void *right)
{
	const struct pattern *a = left, *b = right;
	for (size_t i = 0; i < a->count && i < b->count; i++) {
		if (a->segments[i].kind != b->segments[i].kind)
			return a->segments[i].kind < b->segments[i].kind ? -1 : 1;
	}
	return a->position < b->position ? -1 : a->position > b->position;
}

int http_routes_new(
	struct http_routes **ret, const struct http_route *routes, size_t count, struct error *err)
{
	struct http_routes *table = calloc(1, sizeof(*table) + count * sizeof(table->patterns[0]));
	if (!table)
		return error_set(err, ERROR_MEMORY, "no memory for %zu routes", count);
	table->count = count;
	for (size_t i = 0; i < count; i++) {
		table->patterns[i].route = &routes[i];
		table->patterns[i].position = i;
		if (pattern_compile(&table->patterns[i], err) < 0) {
			free(table);
			return -1;
		}
	}
	qsort(table->patterns, count, sizeof(table->patterns[0]), pattern_compare);
	*ret = table;
	return 0;
}

void http_routes_free(struct http_routes *routes)
{
	free(routes);
}

static bool pattern_matches(const struct pattern *pattern, const struct http_path *path,
	struct str variables[HTTP_MAX_PATH_VARIABLES])
{
	size_t variable = 0;
	for (size_t i = 0; i < pattern->count; i++) {
		const struct segment *segment = &pattern->segments[i];
		if (i >= path->count)
			return false;
		if (segment->kind == SEGMENT_REST) {
			variables[variable] =
				str_slice(path->decoded, path->offsets[i], path->decoded.len);
			return true;
		}
		if (segment->kind == SEGMENT_LITERAL) {
			if (!str_eq(segment->text, path->segments[i]))
				return false;
			continue;
		}
		if (path->segments[i].len == 0)
			return false;
		variables[variable++] = path->segments[i];
	}
	return pattern->count == path->count;
}

static bool method_matches(const char *offered, struct str wanted)
{
	return str_eq_c(wanted, offered) || strcmp(offered, "*") == 0;
}

/* Adds a method to "GET, HEAD" unless it is there. */
static void allow_add(char allow[HTTP_MAX_ALLOW], const char *method)
{
	struct str rest = allow[0] ? str_of(allow) : STR_NULL;
	while (!str_is_null(rest)) {
		if (str_eq_c(str_trim(str_cut(&rest, ',')), method))
			return;
	}
	size_t len = strlen(allow), more = strlen(method);
	if (len + more + 3 > HTTP_MAX_ALLOW)
		return;
	if (len > 0) {
		memcpy(allow + len, ", ", 2);
		len += 2;
	}
	memcpy(allow + len, method, more + 1);
}

const struct http_route *http_routes_find(const struct http_routes *routes, struct arena *arena,
	struct str method, const struct http_path *path,
	struct str variables[HTTP_MAX_PATH_VARIABLES], struct str *ret_allow)
{
	char allow[HTTP_MAX_ALLOW] = "";
	const struct http_route *head = NULL;
	struct str found[HTTP_MAX_PATH_VARIABLES] = {STR_NULL};
	for (size_t i = 0; i < routes->count; i++) {
		const struct pattern *pattern = &routes->patterns[i];
		if (!pattern_matches(pattern, path, found))
			continue;
		const char *offered = pattern->route->method;
		bool is_head = str_eq_c(method, "HEAD") && strcmp(offered, "GET") == 0;
		bool matches = method_matches(offered, method);
		if (matches || (is_head && !head))
			memcpy(variables, found, sizeof(found));
		if (matches)
			return pattern->route;
		if (is_head && !head)
			head = pattern->route;
		allow_add(allow, offered);
		if (strcmp(offered, "GET") == 0)
			allow_add(allow, "HEAD");
	}
	*ret_allow = allow[0] ? arena_str(arena, str_of(allow)) : STR_NULL;
	return head;
}
