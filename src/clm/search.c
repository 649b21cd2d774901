/*
 * search.c - a search's tree becomes a WHERE clause.
 *
 * Equality of a label or of a condition's status is what clients ask for all the time. Labels have
 * an index (label.h). Conditions are a column of compact JSON text (catalog.c), so that it is a
 * search for the members' text: `"type":"Ready","status":"True"` occurs in the conditions exactly
 * when it holds, because quotes inside JSON strings are escaped. Only under a NOT, where absent and
 * different are not the same, the value itself is read.
 */
#include "clm/search.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "clm/search_field.h"
#include "data/json.h"

#define MEMBER_TEXT_MAX (8 * TSL_MAX_LENGTH) /* a text may grow sixfold as a JSON string */

struct compiler {
	struct arena *arena;
	struct search_clause *clause;
	unsigned nots, ors; /* around the node */
	struct error *err;
};

static void put(struct compiler *c, const char *text)
{
	search_append(c->arena, c->clause, text);
}

void search_require(
	struct arena *arena, struct search_clause *clause, const char *column, struct str value)
{
	search_append(arena, clause, clause->text.len > 0 ? " AND " : "");
	search_append(arena, clause, column);
	search_append(arena, clause, " = ");
	/* The server's own come first and are few. */
	(void)search_bind(arena, clause, SQL_STR(value), "", NULL);
}

void search_require_reference(
	struct arena *arena, struct search_clause *clause, struct str type, struct str target)
{
	search_append(arena, clause, clause->text.len > 0 ? " AND " : "");
	search_append(arena, clause,
		"id IN (SELECT resource_id FROM resource_references WHERE target_id = ");
	(void)search_bind(arena, clause, SQL_STR(target), "", NULL);
	search_append(arena, clause, " AND ref_type = ");
	(void)search_bind(arena, clause, SQL_STR(type), "", NULL);
	search_append(arena, clause, ")");
}

static int unsupported(struct compiler *c, struct str operator)
{
	return error_set(
		c->err, ERROR_INVALID, "unsupported comparison operator: %" STR_F, STR_A(operator));
}

static int expects(struct compiler *c, const struct field *field, const char *what)
{
	return error_set(
		c->err, ERROR_INVALID, "field '%" STR_F "' expects %s", STR_A(field->name), what);
}

/* --- values ---------------------------------------------------------------------------------- */

static int status_value(struct compiler *c, const struct tsl *value, struct sql_value *ret)
{
	bool is_status = value->type == TSL_STRING &&
			 (str_eq_c(value->text, "True") || str_eq_c(value->text, "False") ||
				 str_eq_c(value->text, "Unknown"));

	if (!is_status)
		return error_set(c->err, ERROR_INVALID,
			"condition status must be True, False or Unknown, is '%" STR_F "'",
			STR_A(value->text));
	*ret = SQL_STR(value->text);
	return 0;
}

static int integer_value(struct compiler *c, const struct field *field, const struct tsl *value,
	struct sql_value *ret)
{
	if (value->type != TSL_NUMBER || !value->is_integer)
		return expects(c, field, "an integer");
	*ret = SQL_INT(value->integer);
	return 0;
}

static int time_value(struct compiler *c, const struct field *field, const struct tsl *value,
	struct sql_value *ret)
{
	struct str text;

	if (value->type != TSL_STRING || !value->has_time)
		return expects(c, field, "a date or an RFC 3339 time");
	if (field->type == FIELD_TIME) {
		*ret = SQL_INT(value->time_us);
		return 0;
	}
	text = clock_text(c->arena, value->time_us);
	if (str_is_null(text))
		return error_set(c->err, ERROR_MEMORY, "no room for a search");
	*ret = SQL_STR(str_slice(text, 0, text.len - 1)); /* without the Z, as the field is read */
	return 0;
}

static int text_value(struct compiler *c, const struct field *field, const struct tsl *value,
	struct sql_value *ret)
{
	if (value->type == TSL_BOOL && field->type == FIELD_SPEC)
		*ret = value->is_true ? SQL_CSTR("true") : SQL_CSTR("false");
	else if (value->type == TSL_NUMBER && field->type == FIELD_SPEC)
		*ret = SQL_DOUBLE(value->number);
	else if (value->type == TSL_STRING)
		*ret = SQL_STR(value->text);
	else
		return expects(c, field, "a quoted string");
	return 0;
}

/* What to bind for a value that the field is compared with. */
static int value_of(struct compiler *c, const struct field *field, const struct tsl *value,
	struct sql_value *ret)
{
	if (value->type == TSL_MATH)
		return unsupported(c, value->text);
	if (value->type == TSL_NULL) {
		*ret = SQL_NONE;
		return 0;
	}
	switch (field->type) {
	case FIELD_STATUS:
		return status_value(c, value, ret);
	case FIELD_INTEGER:
	case FIELD_CONDITION_GENERATION:
		return integer_value(c, field, value, ret);
	case FIELD_TIME:
	case FIELD_CONDITION_TIME:
		return time_value(c, field, value, ret);
	case FIELD_TEXT:
	case FIELD_LABEL:
	case FIELD_SPEC:
		return text_value(c, field, value, ret);
	}
	return error_set(c->err, ERROR_INTERNAL, "a field without a type");
}

/* PostgreSQL has to be told what a placeholder beside an expression is. */
static const char *cast_of(const struct field *field, bool as_number)
{
	if (field->type == FIELD_INTEGER || field->type == FIELD_TIME ||
		field->type == FIELD_CONDITION_GENERATION)
		return "::bigint";
	return as_number ? "::numeric" : "::text";
}

static int put_value(
	struct compiler *c, const struct field *field, const struct tsl *value, bool as_number)
{
	struct sql_value bound;

	if (value_of(c, field, value, &bound) != 0)
		return -1;
	return search_bind(c->arena, c->clause, bound, cast_of(field, as_number), c->err);
}

static int put_field(struct compiler *c, const struct field *field, bool as_number)
{
	return search_field_append(c->arena, c->clause, field, as_number, c->err);
}

/* --- comparisons ----------------------------------------------------------------------------- */

/* first "key" second "value", with both as JSON strings */
static struct str member_text(struct arena *arena, const char *first, struct str key,
	const char *second, struct str value)
{
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(MEMBER_TEXT_MAX);

	buf_add_cstr(&text, first);
	json_write_string(&text, key, JSON_WRITE_COMPACT);
	buf_add_cstr(&text, second);
	json_write_string(&text, value, JSON_WRITE_COMPACT);
	return text.failed ? STR_NULL : arena_str(arena, buf_str(&text));
}

static int put_status(struct compiler *c, const struct field *field, const struct tsl *value)
{
	struct sql_value checked;
	struct str text;

	if (value_of(c, field, value, &checked) != 0)
		return -1;
	text = member_text(c->arena, "\"type\":", field->key, ",\"status\":", value->text);
	if (str_is_null(text))
		return error_set(c->err, ERROR_MEMORY, "no room for a search");
	put(c, c->clause->dialect == SQL_SQLITE ? "instr(" : "strpos(");
	put(c, "conditions, ");
	if (search_bind(c->arena, c->clause, SQL_STR(text), "::text", c->err) != 0)
		return -1;
	put(c, ") > 0");
	return 0;
}

/* One of the values, which are strings. */
static int put_label(struct compiler *c, const struct field *field, const struct tsl *first)
{
	put(c, "id IN (SELECT resource_id FROM resource_labels WHERE key = ");
	if (search_bind(c->arena, c->clause, SQL_STR(field->key), "", c->err) != 0)
		return -1;
	put(c, " AND value IN (");
	for (const struct tsl *value = first; value != NULL; value = value->next) {
		if (search_bind(c->arena, c->clause, SQL_STR(value->text), "", c->err) != 0)
			return -1;
		put(c, value->next != NULL ? ", " : "))");
	}
	if (c->ors == 0 && first->next == NULL) {
		c->clause->label_key = field->key;
		c->clause->label_value = first->text;
	}
	return 0;
}

static bool are_strings(const struct tsl *first)
{
	for (const struct tsl *each = first; each != NULL; each = each->next)
		if (each->type != TSL_STRING)
			return false;
	return true;
}

/* The operator with its sides exchanged. */
static struct str mirrored(struct str operator)
{
	static const struct {
		const char *from, *to;
	} pairs[] = {{"<", ">"}, {"<=", ">="}, {">", "<"}, {">=", "<="}};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (str_eq_c(operator, pairs[i].from))
			return str_of(pairs[i].to);
	return operator;
}

/* Operators are taken over into SQL by name, from here. */
static const char *sql_operator(struct str operator)
{
	static const char *const known[] = {"=", "!=", "<", "<=", ">", ">="};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_eq_c(operator, known[i]))
			return known[i];
	return NULL;
}

static int compare(struct compiler *c, const struct tsl *node)
{
	const struct tsl *name = node->left, *value = node->right;
	struct str text = node->text;
	struct field field;

	if (name->type == TSL_MATH || value->type == TSL_MATH)
		return unsupported(c, name->type == TSL_MATH ? name->text : value->text);
	if (name->type != TSL_NAME) {
		name = node->right;
		value = node->left;
		text = mirrored(text);
	}
	const char *operator= sql_operator(text);
	if (operator== NULL)
		return unsupported(c, node->text);
	if (search_field_find(name, &field, c->err) != 0)
		return -1;
	bool is_equality = str_eq_c(text, "=") || str_eq_c(text, "!=");
	if (field.type == FIELD_STATUS && !is_equality)
		return unsupported(c, text);
	bool is_plain = str_eq_c(text, "=") && c->nots == 0 && value->type == TSL_STRING;
	if (is_plain && field.type == FIELD_STATUS)
		return put_status(c, &field, value);
	if (is_plain && field.type == FIELD_LABEL)
		return put_label(c, &field, value);
	bool as_number = field.type == FIELD_SPEC && value->type == TSL_NUMBER;
	if (put_field(c, &field, as_number) != 0)
		return -1;
	put(c, " ");
	put(c, operator);
	put(c, " ");
	return put_value(c, &field, value, as_number);
}

static bool all_numbers(const struct tsl *first)
{
	for (const struct tsl *each = first; each != NULL; each = each->next)
		if (each->type != TSL_NUMBER)
			return false;
	return first != NULL;
}

static int among(struct compiler *c, const struct tsl *node)
{
	struct field field;

	if (node->right->type != TSL_LIST || node->right->left == NULL)
		return error_set(c->err, ERROR_INVALID,
			"failed to parse search query: IN needs a list of values, as in ['a', "
			"'b']");
	if (search_field_find(node->left, &field, c->err) != 0)
		return -1;
	if (field.type == FIELD_LABEL && !node->is_negated && c->nots == 0 &&
		are_strings(node->right->left))
		return put_label(c, &field, node->right->left);
	bool as_number = field.type == FIELD_SPEC && all_numbers(node->right->left);
	if (put_field(c, &field, as_number) != 0)
		return -1;
	put(c, node->is_negated ? " NOT IN (" : " IN (");
	for (const struct tsl *item = node->right->left; item != NULL; item = item->next) {
		if (field.type == FIELD_SPEC && (item->type == TSL_NUMBER) != as_number)
			return expects(c, &field, "values of one type");
		if (put_value(c, &field, item, as_number) != 0)
			return -1;
		put(c, item->next != NULL ? ", " : ")");
	}
	return 0;
}

static int between(struct compiler *c, const struct tsl *node)
{
	const struct tsl *low = node->right, *high = node->right->next;
	struct field field;

	if (search_field_find(node->left, &field, c->err) != 0)
		return -1;
	if (field.type == FIELD_STATUS)
		return unsupported(c, STR("BETWEEN"));
	bool as_number = field.type == FIELD_SPEC && all_numbers(low);
	if (!as_number && field.type == FIELD_SPEC &&
		(low->type == TSL_NUMBER || high->type == TSL_NUMBER))
		return expects(c, &field, "values of one type");
	if (put_field(c, &field, as_number) != 0)
		return -1;
	put(c, node->is_negated ? " NOT BETWEEN " : " BETWEEN ");
	if (put_value(c, &field, low, as_number) != 0)
		return -1;
	put(c, " AND ");
	return put_value(c, &field, high, as_number);
}

/* Whether the pattern ends with a backslash that has nothing to escape. */
static bool is_cut(struct str pattern)
{
	size_t count = 0;

	while (count < pattern.len && pattern.ptr[pattern.len - 1 - count] == '\\')
		count++;
	return count % 2 == 1;
}

/* SQLite's LIKE does not tell a from A; its GLOB does. */
static struct str glob_of(struct arena *arena, struct str pattern)
{
	CLEANUP(buf_free) struct buf glob = BUF_INITIALIZER(4 * TSL_MAX_LENGTH);

	for (size_t i = 0; i < pattern.len; i++) {
		char c = pattern.ptr[i];
		bool is_escaped = c == '\\' && i + 1 < pattern.len;

		if (is_escaped)
			c = pattern.ptr[++i];
		if (!is_escaped && (c == '%' || c == '_'))
			buf_add_byte(&glob, c == '%' ? '*' : '?');
		else if (c == '*' || c == '?' || c == '[')
			buf_printf(&glob, "[%c]", c);
		else
			buf_add_byte(&glob, c);
	}
	return glob.failed ? STR_NULL : arena_str(arena, glob.len > 0 ? buf_str(&glob) : STR(""));
}

static int like(struct compiler *c, const struct tsl *node)
{
	bool is_sqlite = c->clause->dialect == SQL_SQLITE, is_like = node->type == TSL_LIKE;
	struct str pattern = node->right->text;
	struct field field;

	if (search_field_find(node->left, &field, c->err) != 0)
		return -1;
	if (field.type != FIELD_TEXT && field.type != FIELD_LABEL && field.type != FIELD_SPEC)
		return unsupported(c, node->text);
	if (node->right->type != TSL_STRING)
		return expects(c, &field, "a quoted string");
	if (is_cut(pattern))
		return expects(c, &field, "a pattern that does not end within an escape");
	if (is_sqlite && is_like && str_is_null(pattern = glob_of(c->arena, pattern)))
		return error_set(c->err, ERROR_MEMORY, "no room for a search");
	if (put_field(c, &field, false) != 0)
		return -1;
	put(c, node->is_negated ? " NOT " : " ");
	put(c, !is_sqlite && !is_like ? "ILIKE " : is_sqlite && is_like ? "GLOB " : "LIKE ");
	if (search_bind(c->arena, c->clause, SQL_STR(pattern), "::text", c->err) != 0)
		return -1;
	if (is_sqlite && !is_like)
		put(c, " ESCAPE '\\'");
	return 0;
}

static int is_null(struct compiler *c, const struct tsl *node)
{
	struct field field;

	if (search_field_find(node->left, &field, c->err) != 0 || put_field(c, &field, false) != 0)
		return -1;
	put(c, node->is_negated ? " IS NOT NULL" : " IS NULL");
	return 0;
}

/* --- logic ----------------------------------------------------------------------------------- */

static int compile(struct compiler *c, const struct tsl *node);

/* How many parentheses stand in each other. */
static unsigned nesting(const struct tsl *node, enum tsl_type around)
{
	if (node->type == TSL_NOT)
		return 1 + nesting(node->left, TSL_NOT);
	if (node->type != TSL_AND && node->type != TSL_OR)
		return 0;
	unsigned left = nesting(node->left, node->type), right = nesting(node->right, node->type);
	return (left > right ? left : right) + (node->type != around);
}

/* Of the operands of a AND b AND c, however they are grouped. */
static const struct tsl *most_nested(const struct tsl *node, enum tsl_type type)
{
	if (node->type != type)
		return node;
	const struct tsl *left = most_nested(node->left, type),
			 *right = most_nested(node->right, type);
	return nesting(right, type) > nesting(left, type) ? right : left;
}

static int join_others(struct compiler *c, const struct tsl *node, enum tsl_type type,
	const char *operator, const struct tsl * first)
{
	if (node->type == type)
		return join_others(c, node->left, type, operator, first) != 0
			       ? -1
			       : join_others(c, node->right, type, operator, first);
	if (node == first)
		return 0;
	put(c, operator);
	return compile(c, node);
}

/* SQLite's parser keeps what stands before an open parenthesis, and has room for a hundred symbols:
 * so operands of the same operator stand side by side, and the most nested one first. */
static int join(struct compiler *c, const struct tsl *node, const char *operator)
{
	const struct tsl *first = most_nested(node, node->type);

	put(c, "(");
	if (compile(c, first) != 0 || join_others(c, node, node->type, operator, first) != 0)
		return -1;
	put(c, ")");
	return 0;
}

static int either(struct compiler *c, const struct tsl *node)
{
	c->ors++;
	if (join(c, node, " OR ") != 0)
		return -1;
	c->ors--;
	return 0;
}

static int negate(struct compiler *c, const struct tsl *node)
{
	if (node->left->type == TSL_NOT) /* true, false and unknown stay what they are */
		return compile(c, node->left->left);
	put(c, "NOT (");
	c->nots++;
	if (compile(c, node->left) != 0)
		return -1;
	c->nots--;
	put(c, ")");
	return 0;
}

static int compile(struct compiler *c, const struct tsl *node)
{
	switch (node->type) {
	case TSL_AND:
		return join(c, node, " AND ");
	case TSL_OR:
		return either(c, node);
	case TSL_NOT:
		return negate(c, node);
	case TSL_COMPARE:
		return compare(c, node);
	case TSL_LIKE:
	case TSL_ILIKE:
		return like(c, node);
	case TSL_IN:
		return among(c, node);
	case TSL_BETWEEN:
		return between(c, node);
	case TSL_IS_NULL:
		return is_null(c, node);
	case TSL_MATH:
		return unsupported(c, node->text);
	default:
		return error_set(c->err, ERROR_INVALID,
			"failed to parse search query: expected a comparison at '%" STR_F "'",
			STR_A(node->text));
	}
}

int search_add(
	struct arena *arena, struct search_clause *clause, struct str search, struct error *err)
{
	struct compiler c = {.arena = arena, .clause = clause, .err = err};
	struct tsl *tree;

	if (tsl_parse(arena, search, &tree, err) != 0)
		return -1;
	put(&c, clause->text.len > 0 ? " AND (" : "(");
	if (compile(&c, tree) != 0)
		return -1;
	put(&c, ")");
	return 0;
}

/* --- order ----------------------------------------------------------------------------------- */

int search_add_order(struct arena *arena, struct str item, struct str *order, struct error *err)
{
	static const char *const columns[] = {"id", "name", "kind", "generation", "created_time",
		"updated_time", "deleted_time", "created_by", "updated_by", "deleted_by", "href",
		"owner_id", "owner_kind", "owner_href", "tenancy"};
	struct str rest = str_trim(item);
	struct str column = str_cut(&rest, ' ');
	struct str direction = str_trim(rest);
	bool known = false;

	if (str_is_empty(direction))
		direction = STR("asc");
	if (!str_eq_c(direction, "asc") && !str_eq_c(direction, "desc"))
		return error_set(err, ERROR_INVALID,
			"order '%" STR_F "' is not a column with asc or desc after it",
			STR_A(item));
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		known = known || str_eq_c(column, columns[i]);
	if (!known)
		return error_set(err, ERROR_INVALID, "invalid field in search or order query");
	/* Absent ones come last, and first when descending, as PostgreSQL has it. */
	bool may_be_absent =
		str_starts_with(column, STR("deleted_")) || str_starts_with(column, STR("owner_"));
	*order = arena_printf(arena, "%" STR_F "%s%" STR_F " %" STR_F "%s", STR_A(*order),
		order->len > 0 ? ", " : "", STR_A(column), STR_A(direction),
		!may_be_absent		     ? ""
		: str_eq_c(direction, "asc") ? " NULLS LAST"
					     : " NULLS FIRST");
	return 0;
}
