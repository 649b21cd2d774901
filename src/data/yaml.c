/*
 * yaml.c - YAML to documents: libyaml's events, composed.
 *
 * libyaml has a composer of its own, but it builds a second tree on the heap and lets aliases share
 * nodes, so that nine short lines become a billion values when somebody walks them. Here an alias
 * is a copy, every node counts, and the count has a limit.
 */
#include "data/yaml.h"

#include <stdio.h>
#include <yaml.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "data/yaml_scalar.h"

#define TAG_PREFIX "tag:yaml.org,2002:"

struct composer {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	struct arena *arena;
	struct map *anchors; /* name to value, of this document */
	size_t nodes;
	struct error *err;
};

static bool compose(struct composer *c, unsigned depth, struct json **ret);

/* --- events -------------------------------------------------------------------------------- */

static bool fail_at(struct composer *c, yaml_mark_t mark, enum error_code code, const char *format,
	...) __attribute__((format(printf, 4, 5)));

static bool fail_at(
	struct composer *c, yaml_mark_t mark, enum error_code code, const char *format, ...)
{
	char what[ERROR_MESSAGE_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	error_set(c->err, code, "line %zu, column %zu: %s", mark.line + 1, mark.column + 1, what);
	return false;
}

#define FAIL(c, ...) fail_at((c), (c)->event.start_mark, ERROR_INVALID, __VA_ARGS__)

static bool fail_memory(struct composer *c)
{
	error_set(c->err, ERROR_MEMORY, "the YAML does not fit into the memory for this work");
	return false;
}

static bool next_event(struct composer *c)
{
	yaml_event_delete(&c->event);
	if (yaml_parser_parse(&c->parser, &c->event))
		return true;
	memset(&c->event, 0, sizeof(c->event));
	if (c->parser.error == YAML_MEMORY_ERROR)
		return fail_memory(c);
	bool has_mark = c->parser.error != YAML_READER_ERROR;
	return fail_at(c, has_mark ? c->parser.problem_mark : c->parser.mark, ERROR_INVALID, "%s",
		c->parser.problem ? c->parser.problem : "not YAML");
}

static bool count_nodes(struct composer *c, size_t count)
{
	c->nodes += count;
	if (c->nodes > YAML_MAX_NODES)
		return fail_at(c, c->event.start_mark, ERROR_TOO_LARGE,
			"more than %u values, aliases expanded", YAML_MAX_NODES);
	return true;
}

static bool fail_deep(struct composer *c)
{
	return fail_at(c, c->event.start_mark, ERROR_TOO_LARGE, "nested deeper than %u levels",
		JSON_MAX_DEPTH);
}

/* --- tags ---------------------------------------------------------------------------------- */

/* The name of a core tag; null when there is none. False for any other tag. */
static bool core_tag(struct composer *c, const yaml_char_t *tag, struct str *ret)
{
	static const char *const known[] = {"str", "int", "float", "bool", "null", "map", "seq"};
	struct str text = str_of((const char *)tag);

	*ret = STR_NULL;
	if (str_is_null(text))
		return true;
	if (str_eq(text, STR("!"))) {
		*ret = STR("str");
		return true;
	}
	struct str name = str_slice(text, sizeof(TAG_PREFIX) - 1, text.len);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_starts_with(text, STR(TAG_PREFIX)) && str_eq_c(name, known[i])) {
			*ret = name;
			return true;
		}
	return FAIL(c, "the tag %.100s is not one that JSON can hold", text.ptr);
}

static bool expect_tag(struct composer *c, const yaml_char_t *tag, const char *expected)
{
	struct str name;

	if (!core_tag(c, tag, &name))
		return false;
	return str_is_null(name) || str_eq_c(name, expected) || str_eq(name, STR("str")) ||
	       FAIL(c, "a value tagged !!%" STR_F " must not be a %s", STR_A(name),
		       expected[0] == 'm' ? "mapping" : "sequence");
}

/* --- scalars ------------------------------------------------------------------------------- */

static struct json *scalar_value(struct composer *c, enum yaml_scalar kind, struct str text)
{
	switch (kind) {
	case YAML_SCALAR_NULL:
		return json_new_null(c->arena);
	case YAML_SCALAR_TRUE:
	case YAML_SCALAR_FALSE:
		return json_new_bool(c->arena, kind == YAML_SCALAR_TRUE);
	case YAML_SCALAR_INT:
	case YAML_SCALAR_FLOAT:
		return json_new_number(c->arena, yaml_scalar_number(c->arena, text));
	default:
		text = arena_str(c->arena, text);
		return str_is_null(text) ? NULL : json_new_string(c->arena, text);
	}
}

/* Whether a scalar of this kind may carry the tag. */
static bool fits_tag(enum yaml_scalar kind, struct str tag)
{
	if (str_eq(tag, STR("null")))
		return kind == YAML_SCALAR_NULL;
	if (str_eq(tag, STR("bool")))
		return kind == YAML_SCALAR_TRUE || kind == YAML_SCALAR_FALSE;
	if (str_eq(tag, STR("int")))
		return kind == YAML_SCALAR_INT;
	return str_eq(tag, STR("float")) && (kind == YAML_SCALAR_INT || kind == YAML_SCALAR_FLOAT ||
						    kind == YAML_SCALAR_NOT_FINITE);
}

static bool compose_scalar(struct composer *c, struct json **ret)
{
	struct str text =
		str_n((const char *)c->event.data.scalar.value, c->event.data.scalar.length);
	enum yaml_scalar kind = YAML_SCALAR_STRING;
	struct str tag;

	if (!core_tag(c, c->event.data.scalar.tag, &tag))
		return false;
	if (str_is_null(tag)) {
		if (c->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
			kind = yaml_scalar_resolve(text);
	} else if (!str_eq(tag, STR("str"))) {
		kind = yaml_scalar_resolve(text);
		if (!fits_tag(kind, tag))
			return FAIL(c, "\"%.*s\" is not a value for the tag !!%" STR_F,
				(int)(text.len < 100 ? text.len : 100), text.ptr, STR_A(tag));
	}
	if (kind == YAML_SCALAR_NOT_FINITE)
		return FAIL(c, "%.20s has no form in JSON", text.ptr);
	*ret = scalar_value(c, kind, text);
	return *ret || fail_memory(c);
}

/* --- aliases ------------------------------------------------------------------------------- */

/* Counts the values in a tree; false when it is deeper than `levels`. */
static bool measure(const struct json *value, unsigned levels, size_t *count)
{
	struct json *child;

	(*count)++;
	if (levels == 0 && json_count(value))
		return false;
	json_for_each (value, i, child)
		if (!measure(child, levels - 1, count))
			return false;
	return true;
}

static bool compose_alias(struct composer *c, unsigned depth, struct json **ret)
{
	const char *name = (const char *)c->event.data.alias.anchor;
	const struct json *value = map_get(c->anchors, str_of(name));
	size_t count = 0;

	if (!value)
		return FAIL(c, "the alias *%.100s has no anchor before it", name);
	if (!measure(value, JSON_MAX_DEPTH - depth, &count))
		return fail_deep(c);
	if (!count_nodes(c, count))
		return false;
	*ret = json_copy(c->arena, value);
	return *ret || fail_memory(c);
}

static bool remember(struct composer *c, struct str anchor, struct json *value)
{
	return str_is_null(anchor) || map_put(c->anchors, anchor, value, NULL) || fail_memory(c);
}

static struct str take_anchor(struct composer *c, const yaml_char_t *anchor)
{
	return anchor ? arena_str(c->arena, str_of((const char *)anchor)) : STR_NULL;
}

/* --- collections --------------------------------------------------------------------------- */

static bool compose_sequence(struct composer *c, unsigned depth, struct json *array)
{
	struct json *item;

	if (depth == JSON_MAX_DEPTH)
		return fail_deep(c);
	for (;;) {
		if (!next_event(c))
			return false;
		if (c->event.type == YAML_SEQUENCE_END_EVENT)
			return true;
		if (!compose(c, depth + 1, &item))
			return false;
		json_append(array, item);
	}
}

/* Members of `from` that are not there yet: what the mapping says itself goes first. */
static bool merge_one(struct composer *c, struct json *into, struct json *from)
{
	struct json *value;

	if (!json_is(from, JSON_OBJECT))
		return FAIL(c, "<< takes a mapping or a sequence of mappings, not %s",
			json_type_name(json_type(from)));
	json_for_each (from, i, value)
		if (!json_get_str(into, json_key_at(from, i)))
			json_set_str(into, json_key_at(from, i), value);
	return true;
}

/* The merge key of YAML 1.1 (yaml.org/type/merge), which Kubernetes' reader knows. */
static bool merge(struct composer *c, struct json *into, struct json *from)
{
	struct json *one;

	if (!json_is(from, JSON_ARRAY))
		return merge_one(c, into, from);
	json_for_each (from, i, one)
		if (!merge_one(c, into, one))
			return false;
	return true;
}

static bool is_merge_key(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT &&
	       event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !event->data.scalar.tag &&
	       str_eq_c(STR("<<"), (const char *)event->data.scalar.value);
}

static bool compose_key(
	struct composer *c, unsigned depth, const struct json *object, struct str *ret)
{
	struct json *key;

	if (c->event.type != YAML_SCALAR_EVENT && c->event.type != YAML_ALIAS_EVENT)
		return FAIL(c, "a key must be a string, not a collection");
	yaml_mark_t mark = c->event.start_mark;
	if (!compose(c, depth, &key))
		return false;
	if (!json_is(key, JSON_STRING))
		return fail_at(c, mark, ERROR_INVALID,
			"a key must be a string, not %s: put it in quotes",
			json_type_name(json_type(key)));
	*ret = json_str(key);
	if (json_get_str(object, *ret))
		return fail_at(c, mark, ERROR_INVALID, "duplicate key \"%.*s\"",
			(int)(ret->len < 200 ? ret->len : 200), ret->ptr);
	return true;
}

static bool compose_mapping(struct composer *c, unsigned depth, struct json *object)
{
	struct json *value, *merged = NULL;
	struct str key;

	if (depth == JSON_MAX_DEPTH)
		return fail_deep(c);
	for (;;) {
		if (!next_event(c))
			return false;
		if (c->event.type == YAML_MAPPING_END_EVENT)
			return !merged || merge(c, object, merged);
		bool is_merge = is_merge_key(&c->event);
		unsigned line = (unsigned)c->event.start_mark.line + 1;
		if (is_merge && merged)
			return FAIL(c, "duplicate key \"<<\"");
		if (!is_merge && !compose_key(c, depth + 1, object, &key))
			return false;
		if (!next_event(c) || !compose(c, depth + 1, &value))
			return false;
		json_set_line(value, line);
		if (is_merge)
			merged = value;
		else
			json_set_str(object, key, value);
	}
}

/* --- documents ----------------------------------------------------------------------------- */

static bool compose_node(struct composer *c, unsigned depth, struct json **ret)
{
	switch (c->event.type) {
	case YAML_SCALAR_EVENT:
		return compose_scalar(c, ret);
	case YAML_SEQUENCE_START_EVENT:
		*ret = json_new_array(c->arena);
		return expect_tag(c, c->event.data.sequence_start.tag, "seq") &&
		       compose_sequence(c, depth, *ret);
	case YAML_MAPPING_START_EVENT:
		*ret = json_new_object(c->arena);
		return expect_tag(c, c->event.data.mapping_start.tag, "map") &&
		       compose_mapping(c, depth, *ret);
	default:
		return FAIL(c, "not a value");
	}
}

static bool compose(struct composer *c, unsigned depth, struct json **ret)
{
	struct str anchor = STR_NULL;

	if (c->event.type == YAML_ALIAS_EVENT)
		return compose_alias(c, depth, ret);
	if (c->event.type == YAML_SCALAR_EVENT)
		anchor = take_anchor(c, c->event.data.scalar.anchor);
	else if (c->event.type == YAML_SEQUENCE_START_EVENT)
		anchor = take_anchor(c, c->event.data.sequence_start.anchor);
	else if (c->event.type == YAML_MAPPING_START_EVENT)
		anchor = take_anchor(c, c->event.data.mapping_start.anchor);
	unsigned line = (unsigned)c->event.start_mark.line + 1;
	if (!count_nodes(c, 1) || !compose_node(c, depth, ret))
		return false;
	json_set_line(*ret, line);
	if (arena_is_exhausted(c->arena))
		return fail_memory(c);
	return remember(c, anchor, *ret);
}

/* After the start of a document, up to and with its end. */
static bool compose_document(struct composer *c, struct json **ret, bool *ret_is_empty)
{
	if (!next_event(c))
		return false;
	*ret_is_empty = c->event.type == YAML_SCALAR_EVENT && c->event.data.scalar.length == 0 &&
			c->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	map_free(c->anchors, NULL);
	c->anchors = map_new();
	if (!c->anchors)
		return fail_memory(c);
	return compose(c, 0, ret) && next_event(c); /* the document's end */
}

static bool compose_stream(struct composer *c, struct json *documents, bool only_one)
{
	struct json *document = NULL;
	bool is_empty;

	if (!next_event(c)) /* the stream's start */
		return false;
	for (;;) {
		if (!next_event(c))
			return false;
		if (c->event.type == YAML_STREAM_END_EVENT)
			return true;
		if (only_one && json_count(documents))
			return FAIL(c, "a second document, where one is expected");
		if (!compose_document(c, &document, &is_empty))
			return false;
		if (!is_empty)
			json_append(documents, document);
	}
}

static int parse_stream(
	struct arena *arena, struct str text, bool only_one, struct json **ret, struct error *err)
{
	struct composer c = {.arena = arena, .err = err};

	if (text.len > JSON_MAX_BYTES)
		return error_set(err, ERROR_TOO_LARGE,
			"the YAML has %zu bytes, more than the %zu allowed", text.len,
			JSON_MAX_BYTES);
	if (!yaml_parser_initialize(&c.parser))
		return error_set(err, ERROR_MEMORY, "no memory for a YAML parser");
	yaml_parser_set_encoding(&c.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&c.parser, (const unsigned char *)(text.ptr ? text.ptr : ""), text.len);
	struct json *documents = json_new_array(arena);
	bool done = compose_stream(&c, documents, only_one);
	if (done && arena_is_exhausted(arena))
		done = fail_memory(&c);
	map_free(c.anchors, NULL);
	yaml_event_delete(&c.event);
	yaml_parser_delete(&c.parser);
	if (done)
		*ret = documents;
	return done ? 0 : -1;
}

int yaml_parse_all(struct arena *arena, struct str text, struct json **ret, struct error *err)
{
	return parse_stream(arena, text, false, ret, err);
}

int yaml_parse(struct arena *arena, struct str text, struct json **ret, struct error *err)
{
	struct json *documents;

	if (parse_stream(arena, text, true, &documents, err) < 0)
		return -1;
	struct json *document =
		json_count(documents) ? json_at(documents, 0) : json_new_null(arena);
	if (!document)
		return error_set(err, ERROR_MEMORY, "no memory for a YAML document");
	*ret = document;
	return 0;
}
