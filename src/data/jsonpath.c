/*
 * jsonpath.c - parse a path into a chain of steps, then apply the steps to a list of values.
 *
 * Each step maps a list of values to a list of values, so evaluation is one loop over the chain and
 * a union is the concatenation of its members' lists. Kubernetes' own implementation works the same
 * way; where it reports an error for data that does not fit the path (an index out of range, a
 * filter on an object) this one gives no result, since a feedback rule must not fail because a
 * resource is young.
 *
 * Rejected: walking the text during evaluation. It is shorter, but a filter would be parsed again
 * for every item, and a syntax error would show only when the data reaches it.
 */
#include "data/jsonpath.h"

enum step_type { STEP_FIELD, STEP_WILDCARD, STEP_DESCEND, STEP_SLICE, STEP_UNION, STEP_FILTER };

struct bound {
	bool given;
	int64_t value;
};

struct step {
	enum step_type type;
	struct step *next;
	struct str key;			/* FIELD */
	struct bound first, last, pace; /* SLICE; an index n is the slice n:n+1 */
	bool is_index;			/* SLICE */
	struct step *members;		/* UNION: each one step, chained by next */
	const struct filter *filter;	/* FILTER */
};

/* One side of a comparison: a literal, or a path from the item (or the root). */
struct operand {
	const struct json *literal;
	struct step *steps;
	bool from_root;
};

enum comparison {
	COMPARE_EXISTS,
	COMPARE_EQ,
	COMPARE_NE,
	COMPARE_LT,
	COMPARE_LE,
	COMPARE_GT,
	COMPARE_GE
};

struct filter {
	struct operand left, right;
	enum comparison comparison;
};

static const struct {
	struct str text;
	enum comparison comparison;
} comparisons[] = {
	{{"==", 2}, COMPARE_EQ},
	{{"!=", 2}, COMPARE_NE},
	{{"<=", 2}, COMPARE_LE},
	{{">=", 2}, COMPARE_GE},
	{{"<", 1}, COMPARE_LT},
	{{">", 1}, COMPARE_GT},
};

struct parser {
	struct arena *arena;
	struct error *err;
	struct str text;
	size_t position;
	unsigned depth; /* of filters */
};

/* --- parsing ------------------------------------------------------------------------------- */

static int parse_steps(struct parser *p, struct step **ret);

static char peek(const struct parser *p)
{
	return p->position < p->text.len ? p->text.ptr[p->position] : '\0';
}

static char peek_second(const struct parser *p)
{
	return p->position + 1 < p->text.len ? p->text.ptr[p->position + 1] : '\0';
}

static bool accept(struct parser *p, char byte)
{
	if (p->position >= p->text.len || p->text.ptr[p->position] != byte)
		return false;
	p->position++;
	return true;
}

static void skip_spaces(struct parser *p)
{
	while (peek(p) == ' ' || peek(p) == '\t' || peek(p) == '\n' || peek(p) == '\r')
		p->position++;
}

static int fail(struct parser *p, const char *what)
{
	return error_set(p->err, ERROR_INVALID, "path \"%" STR_F "\": column %zu: %s",
		STR_A(p->text), p->position + 1, what);
}

static int out_of_memory(struct error *err)
{
	return error_set(err, ERROR_MEMORY, "out of memory while evaluating a path");
}

static struct step *new_step(struct parser *p, enum step_type type)
{
	struct step *step = arena_new_of(p->arena, struct step);

	if (step == NULL)
		out_of_memory(p->err);
	else
		step->type = type;
	return step;
}

static bool ends_field(const struct parser *p)
{
	char c = peek(p);

	if (p->position >= p->text.len || strchr(" \t\r\n.,[]{}$@", c) != NULL)
		return true;
	return p->depth > 0 && strchr("=!<>()", c) != NULL;
}

/* A bare name; a backslash takes the next byte as it is. */
static int parse_field(struct parser *p, struct step **ret)
{
	size_t start = p->position, len = 0;
	char *key;

	while (!ends_field(p)) {
		if (peek(p) == '\\' && p->position + 1 < p->text.len)
			p->position++;
		p->position++;
	}
	if (p->position == start)
		return fail(p, "expected a field name");
	key = arena_alloc(p->arena, p->position - start);
	*ret = new_step(p, STEP_FIELD);
	if (key == NULL || *ret == NULL)
		return out_of_memory(p->err);
	for (size_t i = start; i < p->position; i++) {
		if (p->text.ptr[i] == '\\' && i + 1 < p->position)
			i++;
		key[len++] = p->text.ptr[i];
	}
	(*ret)->key = str_n(key, len);
	return 0;
}

static int parse_quoted(struct parser *p, struct str *ret)
{
	char quote = p->text.ptr[p->position++];
	char *out = arena_alloc(p->arena, p->text.len - p->position + 1);
	size_t len = 0;

	if (out == NULL)
		return out_of_memory(p->err);
	while (p->position < p->text.len && peek(p) != quote) {
		if (peek(p) == '\\' && (peek_second(p) == quote || peek_second(p) == '\\'))
			p->position++;
		out[len++] = p->text.ptr[p->position++];
	}
	if (!accept(p, quote))
		return fail(p, "unterminated string");
	*ret = str_n(out, len);
	return 0;
}

static int parse_bound(struct parser *p, struct bound *ret)
{
	size_t start = p->position;

	skip_spaces(p);
	start = p->position;
	if (peek(p) == '-')
		p->position++;
	while (peek(p) >= '0' && peek(p) <= '9')
		p->position++;
	if (p->position > start) {
		if (!str_to_int64(str_slice(p->text, start, p->position - start), &ret->value))
			return fail(p, "expected a number");
		ret->given = true;
	}
	skip_spaces(p);
	return 0;
}

static int parse_slice(struct parser *p, struct step **ret)
{
	struct step *step = new_step(p, STEP_SLICE);

	if (step == NULL || parse_bound(p, &step->first) != 0)
		return -1;
	*ret = step;
	if (!accept(p, ':')) {
		step->is_index = true;
		return step->first.given ? 0 : fail(p, "expected an index, a quoted key, * or ?(");
	}
	if (parse_bound(p, &step->last) != 0)
		return -1;
	if (accept(p, ':') && parse_bound(p, &step->pace) != 0)
		return -1;
	if (step->pace.given && step->pace.value <= 0)
		return fail(p, "a slice's step must be positive");
	return 0;
}

static int parse_literal(struct parser *p, struct operand *ret)
{
	size_t start = p->position;
	struct str word;
	double number;

	if (peek(p) == '"' || peek(p) == '\'') {
		if (parse_quoted(p, &word) != 0)
			return -1;
		ret->literal = json_new_string(p->arena, word);
		return ret->literal ? 0 : out_of_memory(p->err);
	}
	while (p->position < p->text.len && strchr(" \t\r\n=!<>)]", peek(p)) == NULL)
		p->position++;
	word = str_slice(p->text, start, p->position - start);
	if (str_eq_c(word, "true") || str_eq_c(word, "false"))
		ret->literal = json_new_bool(p->arena, str_eq_c(word, "true"));
	else if (str_eq_c(word, "null") || str_eq_c(word, "nil"))
		ret->literal = json_new_null(p->arena);
	else if (str_to_double(word, &number))
		ret->literal = json_new_double(p->arena, number);
	else
		return fail(p, "expected @, a string in quotes, a number, true or false");
	return ret->literal ? 0 : out_of_memory(p->err);
}

static int parse_operand(struct parser *p, struct operand *ret)
{
	skip_spaces(p);
	if (peek(p) != '@' && peek(p) != '$' && peek(p) != '.')
		return parse_literal(p, ret);
	ret->from_root = accept(p, '$');
	if (!ret->from_root)
		accept(p, '@');
	return parse_steps(p, &ret->steps);
}

static enum comparison parse_comparison(struct parser *p)
{
	struct str rest = str_slice(p->text, p->position, p->text.len);

	for (size_t i = 0; i < sizeof(comparisons) / sizeof(comparisons[0]); i++) {
		if (str_starts_with(rest, comparisons[i].text)) {
			p->position += comparisons[i].text.len;
			return comparisons[i].comparison;
		}
	}
	return COMPARE_EXISTS;
}

static int parse_filter(struct parser *p, struct step **ret)
{
	struct filter *filter = arena_new_of(p->arena, struct filter);
	struct step *step = new_step(p, STEP_FILTER);

	if (filter == NULL || step == NULL)
		return out_of_memory(p->err);
	if (!accept(p, '('))
		return fail(p, "expected ( after ?");
	if (p->depth >= JSONPATH_MAX_DEPTH)
		return fail(p, "filters are nested too deeply");
	p->depth++;
	if (parse_operand(p, &filter->left) != 0)
		return -1;
	skip_spaces(p);
	filter->comparison = parse_comparison(p);
	if (filter->comparison != COMPARE_EXISTS && parse_operand(p, &filter->right) != 0)
		return -1;
	skip_spaces(p);
	p->depth--;
	if (!accept(p, ')'))
		return fail(p, "expected a comparison or ) in the filter");
	step->filter = filter;
	*ret = step;
	return 0;
}

static int parse_bracket_member(struct parser *p, struct step **ret)
{
	skip_spaces(p);
	if (accept(p, '*')) {
		*ret = new_step(p, STEP_WILDCARD);
	} else if (accept(p, '?')) {
		return parse_filter(p, ret);
	} else if (peek(p) == '\'' || peek(p) == '"') {
		*ret = new_step(p, STEP_FIELD);
		if (*ret != NULL && parse_quoted(p, &(*ret)->key) != 0)
			return -1;
	} else {
		return parse_slice(p, ret);
	}
	return *ret ? 0 : -1;
}

/* What follows "[": one member, or several between commas. */
static int parse_bracket(struct parser *p, struct step **ret)
{
	struct step *first = NULL, **tail = &first;

	do {
		if (parse_bracket_member(p, tail) != 0)
			return -1;
		tail = &(*tail)->next;
		skip_spaces(p);
	} while (accept(p, ','));
	if (!accept(p, ']'))
		return fail(p, "expected ]");
	*ret = first;
	if (first->next == NULL)
		return 0;
	*ret = new_step(p, STEP_UNION);
	if (*ret == NULL)
		return -1;
	(*ret)->members = first;
	return 0;
}

static int parse_after_dot(struct parser *p, struct step **ret)
{
	if (accept(p, '*')) {
		*ret = new_step(p, STEP_WILDCARD);
		return *ret ? 0 : -1;
	}
	if (accept(p, '['))
		return parse_bracket(p, ret);
	return parse_field(p, ret);
}

/* Steps until a byte that begins none. "." alone is the value itself. */
static int parse_steps(struct parser *p, struct step **ret)
{
	struct step *first = NULL, **tail = &first;

	while (peek(p) == '.' || peek(p) == '[') {
		if (accept(p, '[')) {
			if (parse_bracket(p, tail) != 0)
				return -1;
		} else if (peek_second(p) == '.') {
			p->position += 2;
			*tail = new_step(p, STEP_DESCEND);
			if (*tail == NULL || parse_after_dot(p, &(*tail)->next) != 0)
				return -1;
			tail = &(*tail)->next;
		} else {
			p->position++;
			if (first == NULL && ends_field(p) && peek(p) != '[')
				break;
			if (parse_after_dot(p, tail) != 0)
				return -1;
		}
		tail = &(*tail)->next;
	}
	*ret = first;
	return 0;
}

static int parse_path(struct arena *arena, struct str path, struct step **ret, struct error *err)
{
	struct parser p = {.arena = arena, .err = err, .text = str_trim(path)};
	bool is_braced;

	if (path.len > JSONPATH_MAX_TEXT)
		return error_set(err, ERROR_INVALID,
			"the path has %zu bytes, at most %u are allowed", path.len,
			JSONPATH_MAX_TEXT);
	is_braced = accept(&p, '{');
	skip_spaces(&p);
	if (!accept(&p, '$'))
		accept(&p, '@');
	*ret = NULL;
	if (peek(&p) != '.' && peek(&p) != '[' && !ends_field(&p)) {
		struct step *first = NULL;

		if (parse_field(&p, &first) != 0 || parse_steps(&p, &first->next) != 0)
			return -1;
		*ret = first;
	} else if (parse_steps(&p, ret) != 0) {
		return -1;
	}
	skip_spaces(&p);
	if (is_braced && !accept(&p, '}'))
		return fail(&p, "expected }");
	if (p.position != p.text.len)
		return fail(&p, "unexpected text after the path");
	return 0;
}

/* --- evaluation ---------------------------------------------------------------------------- */

struct list {
	struct json **items;
	size_t count, capacity;
};

struct evaluation {
	struct arena *arena;
	struct error *err;
	struct json *root;
	size_t visited;
};

static int list_add(struct evaluation *e, struct list *list, struct json *value)
{
	if (value == NULL)
		return 0;
	if (e->visited++ >= JSONPATH_MAX_VISITED)
		return error_set(e->err, ERROR_LIMITED, "the path visits more than %u values",
			JSONPATH_MAX_VISITED);
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 8;
		struct json **items = arena_alloc(e->arena, capacity * sizeof(struct json *));

		if (items == NULL)
			return out_of_memory(e->err);
		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof(struct json *));
		list->items = items;
		list->capacity = capacity;
	}
	list->items[list->count++] = value;
	return 0;
}

static int apply_steps(
	struct evaluation *e, const struct step *steps, struct json *from, struct list *out);

static bool is_container(const struct json *value)
{
	return json_is(value, JSON_ARRAY) || json_is(value, JSON_OBJECT);
}

static int apply_wildcard(struct evaluation *e, struct json *value, struct list *out)
{
	struct json *item;

	json_for_each (value, i, item) {
		if (list_add(e, out, item) != 0)
			return -1;
	}
	return 0;
}

/* The value and everything below it, parents first. Scalars have no fields, so they are left out.
 */
static int apply_descend(struct evaluation *e, struct json *value, struct list *out)
{
	struct json *item;

	if (!is_container(value))
		return 0;
	if (list_add(e, out, value) != 0)
		return -1;
	json_for_each (value, i, item) {
		if (apply_descend(e, item, out) != 0)
			return -1;
	}
	return 0;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static int apply_slice(
	struct evaluation *e, const struct step *step, struct json *value, struct list *out)
{
	int64_t count = (int64_t)json_count(value);
	int64_t first = step->first.value;
	int64_t last = step->last.given ? step->last.value : count;
	int64_t pace = step->pace.given ? step->pace.value : 1;

	if (!json_is(value, JSON_ARRAY))
		return 0;
	if (first < 0)
		first += count;
	if (step->is_index)
		return first < 0 || first >= count
			       ? 0
			       : list_add(e, out, json_at(value, (size_t)first));
	if (last < 0)
		last += count;
	first = clamp(first, 0, count);
	last = clamp(last, 0, count);
	for (int64_t i = first; i < last; i += pace) {
		if (list_add(e, out, json_at(value, (size_t)i)) != 0)
			return -1;
		if (pace >= count)
			break;
	}
	return 0;
}

/* The operand's one value, or NULL when it has none. */
static int operand_value(struct evaluation *e, const struct operand *operand, struct json *item,
	const struct json **ret)
{
	struct list list = {0};

	*ret = operand->literal;
	if (operand->literal != NULL)
		return 0;
	if (apply_steps(e, operand->steps, operand->from_root ? e->root : item, &list) != 0)
		return -1;
	if (list.count > 1)
		return error_set(e->err, ERROR_INVALID,
			"a filter compares one value at a time, its path selects %zu", list.count);
	*ret = list.count == 1 ? list.items[0] : NULL;
	return 0;
}

/* <0, 0, >0 through ret_order; false when the two have no order. */
static bool order_of(const struct json *a, const struct json *b, int *ret_order)
{
	int64_t x, y;
	double p, q;

	if (json_is(a, JSON_STRING) && json_is(b, JSON_STRING)) {
		*ret_order = str_cmp(json_str(a), json_str(b));
		return true;
	}
	if (!json_is(a, JSON_NUMBER) || !json_is(b, JSON_NUMBER))
		return false;
	if (json_to_int(a, &x) && json_to_int(b, &y)) {
		*ret_order = (x > y) - (x < y);
		return true;
	}
	p = json_double(a, 0);
	q = json_double(b, 0);
	*ret_order = (p > q) - (p < q);
	return true;
}

static bool compare(enum comparison comparison, const struct json *a, const struct json *b)
{
	int order = 0;

	if (comparison == COMPARE_EQ)
		return json_equal(a, b);
	if (comparison == COMPARE_NE)
		return !json_equal(a, b);
	if (!order_of(a, b, &order))
		return false;
	switch (comparison) {
	case COMPARE_LT:
		return order < 0;
	case COMPARE_LE:
		return order <= 0;
	case COMPARE_GT:
		return order > 0;
	default:
		return order >= 0;
	}
}

static int filter_matches(
	struct evaluation *e, const struct filter *filter, struct json *item, bool *ret)
{
	const struct json *left, *right;

	*ret = false;
	if (filter->comparison == COMPARE_EXISTS) {
		struct list list = {0};

		if (filter->left.literal != NULL) {
			*ret = json_bool(filter->left.literal, true);
			return 0;
		}
		if (apply_steps(e, filter->left.steps, filter->left.from_root ? e->root : item,
			    &list) != 0)
			return -1;
		*ret = list.count > 0;
		return 0;
	}
	if (operand_value(e, &filter->left, item, &left) != 0 ||
		operand_value(e, &filter->right, item, &right) != 0)
		return -1;
	*ret = left != NULL && right != NULL && compare(filter->comparison, left, right);
	return 0;
}

static int apply_filter(
	struct evaluation *e, const struct step *step, struct json *value, struct list *out)
{
	struct json *item;
	bool matches;

	if (!json_is(value, JSON_ARRAY))
		return 0;
	json_for_each (value, i, item) {
		if (filter_matches(e, step->filter, item, &matches) != 0 ||
			(matches && list_add(e, out, item) != 0))
			return -1;
	}
	return 0;
}

static int apply_step(
	struct evaluation *e, const struct step *step, struct json *value, struct list *out)
{
	switch (step->type) {
	case STEP_FIELD:
		return list_add(e, out, json_get_str(value, step->key));
	case STEP_WILDCARD:
		return apply_wildcard(e, value, out);
	case STEP_DESCEND:
		return apply_descend(e, value, out);
	case STEP_SLICE:
		return apply_slice(e, step, value, out);
	case STEP_FILTER:
		return apply_filter(e, step, value, out);
	case STEP_UNION:
		for (const struct step *member = step->members; member; member = member->next) {
			if (apply_step(e, member, value, out) != 0)
				return -1;
		}
		return 0;
	}
	return 0;
}

static int apply_steps(
	struct evaluation *e, const struct step *steps, struct json *from, struct list *out)
{
	struct list current = {0};

	if (list_add(e, &current, from) != 0)
		return -1;
	for (; steps != NULL; steps = steps->next) {
		struct list next = {0};

		for (size_t i = 0; i < current.count; i++) {
			if (apply_step(e, steps, current.items[i], &next) != 0)
				return -1;
		}
		current = next;
	}
	*out = current;
	return 0;
}

int jsonpath_eval(struct arena *arena, struct str path, const struct json *root, struct json **ret,
	struct error *err)
{
	struct evaluation e = {.arena = arena, .err = err, .root = (struct json *)root};
	struct list list = {0};
	struct step *steps;
	struct json *array;

	if (parse_path(arena, path, &steps, err) != 0)
		return -1;
	if (apply_steps(&e, steps, e.root, &list) != 0)
		return -1;
	array = json_new_array(arena);
	for (size_t i = 0; i < list.count; i++)
		json_append(array, list.items[i]);
	if (arena_is_exhausted(arena))
		return out_of_memory(err);
	*ret = array;
	return 0;
}

int jsonpath_check(struct arena *arena, struct str path, struct error *err)
{
	struct step *steps;

	return parse_path(arena, path, &steps, err);
}
