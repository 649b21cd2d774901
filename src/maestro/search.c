/*
 * search.c - see search.h.
 *
 * A recursive descent that writes SQL as it reads: nothing of the input but numbers of parameters
 * and names from the tables below gets into the text.
 */
#include "maestro/search.h"

#include <ctype.h>

#include "base/clock.h"

enum column_kind { COLUMN_TEXT, COLUMN_INTEGER, COLUMN_TIME, COLUMN_JSON };

struct column {
	const char *name;
	const char *sql;
	enum column_kind kind;
};

static const struct column bundle_columns[] = {
	{"id", "id", COLUMN_TEXT},
	{"name", "id", COLUMN_TEXT}, /* a bundle's row is named by its id */
	{"source", "source", COLUMN_TEXT},
	{"consumer_name", "consumer_name", COLUMN_TEXT},
	{"version", "version", COLUMN_INTEGER},
	{"created_at", "created_us", COLUMN_TIME},
	{"updated_at", "updated_us", COLUMN_TIME},
	{"deleted_at", "NULLIF(deleted_us, 0)", COLUMN_TIME},
	{"payload", NULL, COLUMN_JSON}, /* its first step chooses the column */
	{"status", "status", COLUMN_JSON},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct column consumer_columns[] = {
	{"id", "id", COLUMN_TEXT},
	{"name", "name", COLUMN_TEXT},
	{"created_at", "created_us", COLUMN_TIME},
	{"updated_at", "updated_us", COLUMN_TIME},
	{"labels", "labels", COLUMN_JSON},
	{NULL, NULL, COLUMN_TEXT},
};

static const struct {
	const char *prefix;
	const struct column *columns;
} tables[] = {
	[SEARCH_BUNDLES] = {"resources.", bundle_columns},
	[SEARCH_CONSUMERS] = {"consumers.", consumer_columns},
};

struct parser {
	struct arena *arena;
	struct str text;
	size_t position;
	enum search_table table;
	struct search *search;
	struct buf sql;
	unsigned depth;
	struct error *err;
};

/* --- reading --------------------------------------------------------------------------------- */

static int fail(struct parser *parser, const char *why)
{
	return error_set(parser->err, ERROR_INVALID,
		"Failed to parse search query: %s at character %zu of: %" STR_F, why,
		parser->position + 1, STR_A(parser->text));
}

static void skip_space(struct parser *parser)
{
	while (parser->position < parser->text.len &&
		isspace((unsigned char)parser->text.ptr[parser->position]))
		parser->position++;
}

static struct str rest(const struct parser *parser)
{
	return str_slice(parser->text, parser->position, SIZE_MAX);
}

static bool take_symbol(struct parser *parser, const char *symbol)
{
	skip_space(parser);
	if (!str_starts_with(rest(parser), str_of(symbol)))
		return false;
	parser->position += strlen(symbol);
	return true;
}

static bool is_word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.';
}

static struct str peek_word(struct parser *parser)
{
	struct str left;
	size_t len = 0;

	skip_space(parser);
	left = rest(parser);
	while (len < left.len && is_word_byte(left.ptr[len]))
		len++;
	return str_slice(left, 0, len);
}

static bool take_keyword(struct parser *parser, const char *keyword)
{
	if (str_casecmp(peek_word(parser), str_of(keyword)) != 0)
		return false;
	parser->position += strlen(keyword);
	return true;
}

/* 'text' with '' or \' for a quote. */
static int read_quoted(struct parser *parser, struct str *ret)
{
	struct str left = rest(parser);
	char *text = arena_alloc(parser->arena, left.len);
	size_t len = 0;
	size_t i = 1;

	if (text == NULL)
		return fail(parser, "too long");
	for (; i < left.len; i++) {
		bool escapes = (left.ptr[i] == '\'' || left.ptr[i] == '\\') && i + 1 < left.len &&
			       left.ptr[i + 1] == '\'';

		if (left.ptr[i] == '\'' && !escapes)
			break;
		i += escapes;
		text[len++] = left.ptr[i];
	}
	if (i >= left.len)
		return fail(parser, "a quote that is not closed");
	parser->position += i + 1;
	*ret = str_n(text, len);
	return 0;
}

static int read_value(struct parser *parser, struct str *ret)
{
	struct str word = peek_word(parser);

	if (str_starts_with(rest(parser), STR("'")))
		return read_quoted(parser, ret);
	if (word.len == 0)
		return fail(parser, "a value is missing");
	parser->position += word.len;
	*ret = word;
	return 0;
}

/* --- writing --------------------------------------------------------------------------------- */

static int bind(struct parser *parser, struct sql_value value)
{
	if (parser->search->count == SEARCH_MAX_VALUES)
		return fail(parser, "more than 500 values");
	parser->search->values[parser->search->count++] = value;
	buf_printf(&parser->sql, "$%zu", parser->search->count);
	return 0;
}

static int bind_value(struct parser *parser, enum column_kind kind, struct str text)
{
	int64_t number;

	if (kind == COLUMN_INTEGER) {
		if (!str_to_int64(text, &number))
			return fail(parser, "not a number");
		return bind(parser, SQL_INT(number));
	}
	if (kind == COLUMN_TIME) {
		if (!clock_parse(text, &number))
			return fail(parser, "not a time of RFC 3339");
		return bind(parser, SQL_INT(number));
	}
	return bind(parser, SQL_STR(text));
}

/* --- operands -------------------------------------------------------------------------------- */

struct operand {
	const char *sql;
	enum column_kind kind;
	struct str path; /* of a JSON column: $."a"."b" */
	bool is_text;	 /* the last step was ->> */
};

static int find_column(struct parser *parser, struct operand *operand)
{
	struct str name = peek_word(parser);
	struct str prefix = str_of(tables[parser->table].prefix);

	if (name.len == 0 || !isalpha((unsigned char)name.ptr[0]))
		return fail(parser, "a column is missing");
	parser->position += name.len;
	if (name.len > prefix.len && str_casecmp(str_slice(name, 0, prefix.len), prefix) == 0)
		name = str_slice(name, prefix.len, SIZE_MAX);
	for (const struct column *column = tables[parser->table].columns; column->name; column++) {
		if (str_casecmp(name, str_of(column->name)) == 0) {
			operand->sql = column->sql;
			operand->kind = column->kind;
			return 0;
		}
	}
	parser->position -= name.len;
	return fail(parser, "a column that is not known");
}

static int add_step(struct parser *parser, struct operand *operand, struct str step)
{
	if (str_index(step, '"') >= 0 || step.len == 0)
		return fail(parser, "a member that cannot be looked for");
	if (operand->sql == NULL) {
		if (!str_eq_c(step, "metadata") && !str_eq_c(step, "data"))
			return fail(parser, "a member of the payload other than metadata and data");
		operand->sql = str_eq_c(step, "data") ? "data" : "metadata";
		return 0;
	}
	operand->path = arena_printf(
		parser->arena, "%" STR_F ".\"%" STR_F "\"", STR_A(operand->path), STR_A(step));
	return 0;
}

static int read_operand(struct parser *parser, struct operand *operand)
{
	*operand = (struct operand){.path = STR("$")};
	if (find_column(parser, operand) != 0)
		return -1;
	while (operand->kind == COLUMN_JSON && !operand->is_text && take_symbol(parser, "->")) {
		struct str step;

		operand->is_text = take_symbol(parser, ">");
		skip_space(parser);
		if (!str_starts_with(rest(parser), STR("'")))
			return fail(parser, "a quoted member is missing");
		if (read_quoted(parser, &step) != 0 || add_step(parser, operand, step) != 0)
			return -1;
	}
	if (operand->sql == NULL)
		return fail(parser, "a step into the payload is missing");
	return 0;
}

static int write_operand(struct parser *parser, const struct operand *operand)
{
	if (operand->kind != COLUMN_JSON) {
		buf_add_cstr(&parser->sql, operand->sql);
		return 0;
	}
	buf_printf(&parser->sql, "json_extract(%s, ", operand->sql);
	if (bind(parser, SQL_STR(operand->path)) != 0)
		return -1;
	buf_add_cstr(&parser->sql, ")");
	return 0;
}

/* --- conditions ------------------------------------------------------------------------------ */

/* @> '{"a":"b"}': every member is there and equal. */
static int write_contains(struct parser *parser, const struct operand *operand)
{
	struct json *document;
	struct json *value;
	struct str text;
	size_t count;

	skip_space(parser);
	if (operand->kind != COLUMN_JSON || operand->is_text)
		return fail(parser, "@> on something that is not an object");
	if (read_value(parser, &text) != 0)
		return -1;
	if (json_parse(parser->arena, text, NULL, &document, NULL) != 0 ||
		!json_is(document, JSON_OBJECT))
		return fail(parser, "@> needs a JSON object");
	count = json_count(document);
	buf_add_cstr(&parser->sql, count == 0 ? "1 = 1" : "(");
	json_for_each (document, i, value) {
		struct operand member = *operand;

		if (!json_is(value, JSON_STRING))
			return fail(parser, "@> compares strings only");
		if (add_step(parser, &member, json_key_at(document, i)) != 0 ||
			write_operand(parser, &member) != 0)
			return -1;
		buf_add_cstr(&parser->sql, " = ");
		if (bind(parser, SQL_STR(json_str(value))) != 0)
			return -1;
		buf_add_cstr(&parser->sql, i + 1 < count ? " AND " : ")");
	}
	return 0;
}

static int write_in(struct parser *parser, const struct operand *operand, bool is_negated)
{
	struct str value;

	if (!take_symbol(parser, "("))
		return fail(parser, "( is missing");
	if (write_operand(parser, operand) != 0)
		return -1;
	buf_add_cstr(&parser->sql, is_negated ? " NOT IN (" : " IN (");
	do {
		if (parser->sql.ptr[parser->sql.len - 1] != '(')
			buf_add_cstr(&parser->sql, ", ");
		if (read_value(parser, &value) != 0 ||
			bind_value(parser, operand->kind, value) != 0)
			return -1;
	} while (take_symbol(parser, ","));
	if (!take_symbol(parser, ")"))
		return fail(parser, ") is missing");
	buf_add_cstr(&parser->sql, ")");
	return 0;
}

static int write_is_null(struct parser *parser, const struct operand *operand)
{
	bool is_negated = take_keyword(parser, "not");

	if (!take_keyword(parser, "null"))
		return fail(parser, "null is missing");
	if (write_operand(parser, operand) != 0)
		return -1;
	buf_add_cstr(&parser->sql, is_negated ? " IS NOT NULL" : " IS NULL");
	return 0;
}

static int write_comparison(struct parser *parser, const struct operand *operand)
{
	/* Longer ones first. */
	static const char *const operators[][2] = {{"<>", "<>"}, {"!=", "<>"}, {"<=", "<="},
		{">=", ">="}, {"=", "="}, {"<", "<"}, {">", ">"}};
	struct str value;

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (!take_symbol(parser, operators[i][0]))
			continue;
		skip_space(parser);
		if (write_operand(parser, operand) != 0)
			return -1;
		buf_printf(&parser->sql, " %s ", operators[i][1]);
		if (read_value(parser, &value) != 0)
			return -1;
		return bind_value(parser, operand->kind, value);
	}
	return fail(parser, "an operator is missing");
}

static int parse_or(struct parser *parser);

static int parse_term(struct parser *parser)
{
	struct operand operand;
	int rc;

	if (take_keyword(parser, "not")) {
		buf_add_cstr(&parser->sql, "NOT ");
		if (++parser->depth > SEARCH_MAX_DEPTH)
			return fail(parser, "nested too deeply");
		rc = parse_term(parser);
		parser->depth--;
		return rc;
	}
	if (take_symbol(parser, "(")) {
		buf_add_cstr(&parser->sql, "(");
		if (++parser->depth > SEARCH_MAX_DEPTH)
			return fail(parser, "nested too deeply");
		if (parse_or(parser) != 0)
			return -1;
		parser->depth--;
		if (!take_symbol(parser, ")"))
			return fail(parser, ") is missing");
		buf_add_cstr(&parser->sql, ")");
		return 0;
	}
	if (read_operand(parser, &operand) != 0)
		return -1;
	if (take_symbol(parser, "@>"))
		return write_contains(parser, &operand);
	if (take_keyword(parser, "is"))
		return write_is_null(parser, &operand);
	if (take_keyword(parser, "in"))
		return write_in(parser, &operand, false);
	if (take_keyword(parser, "not")) {
		if (!take_keyword(parser, "in"))
			return fail(parser, "in is missing");
		return write_in(parser, &operand, true);
	}
	return write_comparison(parser, &operand);
}

static int parse_and(struct parser *parser)
{
	if (parse_term(parser) != 0)
		return -1;
	while (take_keyword(parser, "and")) {
		buf_add_cstr(&parser->sql, " AND ");
		if (parse_term(parser) != 0)
			return -1;
	}
	return 0;
}

static int parse_or(struct parser *parser)
{
	if (parse_and(parser) != 0)
		return -1;
	while (take_keyword(parser, "or")) {
		buf_add_cstr(&parser->sql, " OR ");
		if (parse_and(parser) != 0)
			return -1;
	}
	return 0;
}

/* --- public ---------------------------------------------------------------------------------- */

int search_compile(struct arena *arena, struct str text, enum search_table table,
	struct search *ret, struct error *err)
{
	struct parser parser = {
		.arena = arena,
		.text = str_trim(text),
		.table = table,
		.search = ret,
		.sql = BUF_INITIALIZER(BUF_DEFAULT_MAX),
		.err = err,
	};
	int rc;

	ret->count = 0;
	ret->condition = STR("1 = 1");
	if (parser.text.len == 0)
		return 0;
	if (parser.text.len > SEARCH_MAX_BYTES)
		return error_set(err, ERROR_INVALID,
			"Failed to parse search query: %zu bytes long; at most %d are read",
			parser.text.len, SEARCH_MAX_BYTES);
	rc = parse_or(&parser);
	skip_space(&parser);
	if (rc == 0 && parser.position < parser.text.len)
		rc = fail(&parser, "something unexpected");
	if (rc == 0)
		ret->condition = arena_str(arena, buf_str(&parser.sql));
	if (rc == 0 && (parser.sql.failed || arena_is_exhausted(arena)))
		rc = error_set(err, ERROR_MEMORY, "no room for the search");
	buf_free(&parser.sql);
	return rc;
}

static int add_order_term(struct arena *arena, struct str term, enum search_table table,
	struct str *order, struct error *err)
{
	struct str left = str_trim(term);
	struct str name = str_trim(str_cut(&left, ' '));
	struct str direction = str_trim(left);
	bool is_descending = str_casecmp(direction, STR("desc")) == 0;

	if (direction.len == 0 || is_descending || str_casecmp(direction, STR("asc")) == 0) {
		for (const struct column *column = tables[table].columns; column->name; column++) {
			if (column->sql == NULL || str_casecmp(name, str_of(column->name)) != 0)
				continue;
			*order = arena_printf(arena, "%" STR_F "%s %s, ", STR_A(*order),
				column->sql, is_descending ? "DESC" : "ASC");
			return 0;
		}
	}
	return error_set(err, ERROR_INVALID, "bad order value '%" STR_F "'", STR_A(str_trim(term)));
}

int search_order(struct arena *arena, struct str text, enum search_table table, struct str *ret,
	struct error *err)
{
	struct str order = STR("");
	struct str terms = str_trim(text);

	while (terms.len > 0) {
		if (add_order_term(arena, str_cut(&terms, ','), table, &order, err) != 0)
			return -1;
	}
	*ret = arena_printf(
		arena, "%" STR_F "%s", STR_A(order), order.len > 0 ? "id" : "created_us, id");
	return 0;
}
