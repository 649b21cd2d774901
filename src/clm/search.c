/*
 * search.c - see search.h.
 *
 * Labels and conditions are columns of compact JSON text (catalog.c), so an equality is a search
 * for the member's text: `"team":"a"` occurs in the labels, `"type":"Ready","status":"True"` in the
 * conditions, exactly when they hold, because quotes inside JSON strings are escaped. instr() is
 * SQLite's; PostgreSQL names the same function strpos().
 */
#include "clm/search.h"

#include "base/cleanup.h"
#include "data/json.h"

enum token_type { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_SYMBOL };

struct token {
	enum token_type type;
	struct str text; /* a string's content, unescaped */
};

struct parser {
	struct arena *arena;
	struct search_clause *clause;
	struct str rest;
	struct token token; /* the next one, not yet taken */
	size_t terms;
	unsigned depth;
	struct error *err;
};

/* --- tokens ---------------------------------------------------------------------------------- */

static bool is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '/' || c == '-';
}

static int fail(struct parser *parser, const char *problem, struct str at)
{
	return error_set(parser->err, ERROR_INVALID,
		"failed to parse search query: %s at '%" STR_F "'", problem, STR_A(at));
}

static int lex_string(struct parser *parser)
{
	char quote = parser->rest.ptr[0];
	char *text = arena_alloc(parser->arena, parser->rest.len);
	size_t len = 0;
	size_t i = 1;

	if (text == NULL)
		return error_set(parser->err, ERROR_MEMORY, "no room for a search");
	while (i < parser->rest.len && parser->rest.ptr[i] != quote) {
		if (parser->rest.ptr[i] == '\\' && i + 1 < parser->rest.len)
			i++;
		text[len++] = parser->rest.ptr[i++];
	}
	if (i == parser->rest.len)
		return fail(parser, "a string without end", parser->rest);
	parser->token = (struct token){TOKEN_STRING, {text, len}};
	parser->rest = str_slice(parser->rest, i + 1, parser->rest.len);
	return 0;
}

static int lex(struct parser *parser)
{
	size_t len = 0;
	char c;

	parser->rest = str_trim(parser->rest);
	if (parser->rest.len == 0) {
		parser->token = (struct token){TOKEN_END, STR("end")};
		return 0;
	}
	c = parser->rest.ptr[0];
	if (c == '\'' || c == '"' || c == '`')
		return lex_string(parser);
	while (len < parser->rest.len && is_word_byte(parser->rest.ptr[len]))
		len++;
	parser->token.type = len > 0 ? TOKEN_WORD : TOKEN_SYMBOL;
	/* Operators of two characters are one token, so that a message names them whole. */
	if (len == 0) {
		len = 1;
		while (len < parser->rest.len && str_index(STR("=!<>~"), c) >= 0 &&
			str_index(STR("=<>~!"), parser->rest.ptr[len]) >= 0)
			len++;
	}
	parser->token.text = str_slice(parser->rest, 0, len);
	parser->rest = str_slice(parser->rest, len, parser->rest.len);
	return 0;
}

static bool is_keyword(const struct token *token, const char *keyword)
{
	return token->type == TOKEN_WORD && str_casecmp(token->text, str_of(keyword)) == 0;
}

static bool is_symbol(const struct token *token, const char *symbol)
{
	return token->type == TOKEN_SYMBOL && str_eq_c(token->text, symbol);
}

/* --- clause ---------------------------------------------------------------------------------- */

static void append(struct arena *arena, struct search_clause *clause, const char *text)
{
	clause->text = arena_printf(arena, "%" STR_F "%s", STR_A(clause->text), text);
}

static void append_test(struct arena *arena, struct search_clause *clause, const char *before,
	struct str value, const char *after)
{
	clause->values[clause->value_count++] = SQL_STR(value);
	clause->text = arena_printf(arena, "%" STR_F "%s$%zu%s", STR_A(clause->text), before,
		clause->value_count, after);
}

void search_require(
	struct arena *arena, struct search_clause *clause, const char *column, struct str value)
{
	if (clause->text.len > 0)
		append(arena, clause, " AND ");
	append(arena, clause, column);
	append_test(arena, clause, " = ", value, "");
}

/* --- terms ----------------------------------------------------------------------------------- */

/* first "key" second "value" third, with both as JSON strings */
static struct str member_text(struct arena *arena, const char *first, struct str key,
	const char *second, struct str value)
{
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(2 * SEARCH_MAX_LENGTH);

	buf_add_cstr(&text, first);
	json_write_string(&text, key, JSON_WRITE_COMPACT);
	buf_add_cstr(&text, second);
	json_write_string(&text, value, JSON_WRITE_COMPACT);
	return text.failed ? STR_NULL : arena_str(arena, buf_str(&text));
}

static bool is_condition_type(struct str type)
{
	for (size_t i = 0; i < type.len; i++) {
		char c = type.ptr[i];

		if (c == '_' || c == '.' || c == '/' || c == '-')
			return false;
	}
	return type.len > 0 && type.ptr[0] >= 'A' && type.ptr[0] <= 'Z';
}

static int add_condition(struct parser *parser, struct str type, struct str status)
{
	struct str text;

	if (!is_condition_type(type))
		return fail(parser, "a condition type begins with a capital letter", type);
	if (!str_eq_c(status, "True") && !str_eq_c(status, "False") && !str_eq_c(status, "Unknown"))
		return error_set(parser->err, ERROR_INVALID,
			"condition status must be True, False or Unknown, is '%" STR_F "'",
			STR_A(status));
	text = member_text(parser->arena, "\"type\":", type, ",\"status\":", status);
	append_test(parser->arena, parser->clause, "instr(conditions, ", text, ") > 0");
	return 0;
}

static int add_test(struct parser *parser, struct str field, struct str value)
{
	static const struct str label = {"labels.", 7};
	static const struct str condition = {"status.conditions.", 18};

	if (parser->terms++ == SEARCH_MAX_TERMS)
		return error_set(parser->err, ERROR_INVALID, "a search has at most %u comparisons",
			SEARCH_MAX_TERMS);
	if (str_eq_c(field, "name"))
		append_test(parser->arena, parser->clause, "name = ", value, "");
	else if (str_eq_c(field, "id"))
		append_test(parser->arena, parser->clause, "id = ", value, "");
	else if (str_starts_with(field, label) && field.len > label.len)
		append_test(parser->arena, parser->clause, "instr(labels, ",
			member_text(parser->arena, "", str_slice(field, label.len, field.len), ":",
				value),
			") > 0");
	else if (str_starts_with(field, condition))
		return add_condition(parser, str_slice(field, condition.len, field.len), value);
	else
		return error_set(parser->err, ERROR_INVALID,
			"field '%" STR_F "' cannot be searched; name, id, labels.<key> and "
			"status.conditions.<Type> can",
			STR_A(field));
	return 0;
}

static int parse_comparison(struct parser *parser)
{
	struct token field = parser->token;

	if (field.type != TOKEN_WORD)
		return fail(parser, "expected a field", field.text);
	if (is_keyword(&field, "not"))
		return error_set(
			parser->err, ERROR_INVALID, "unsupported comparison operator: NOT");
	if (lex(parser) != 0)
		return -1;
	if (!is_symbol(&parser->token, "=") && !is_symbol(&parser->token, "==")) {
		if (parser->token.type == TOKEN_END)
			return fail(parser, "expected '='", parser->token.text);
		return error_set(parser->err, ERROR_INVALID,
			"unsupported comparison operator: %" STR_F, STR_A(parser->token.text));
	}
	if (lex(parser) != 0)
		return -1;
	if (parser->token.type != TOKEN_STRING)
		return fail(parser, "expected a quoted string", parser->token.text);
	if (add_test(parser, field.text, parser->token.text) != 0)
		return -1;
	return lex(parser);
}

static int parse_any(struct parser *parser);

static int parse_group(struct parser *parser)
{
	if (!is_symbol(&parser->token, "("))
		return parse_comparison(parser);
	if (parser->depth++ == SEARCH_MAX_DEPTH)
		return fail(parser, "too many parentheses", parser->token.text);
	append(parser->arena, parser->clause, "(");
	if (lex(parser) != 0 || parse_any(parser) != 0)
		return -1;
	if (!is_symbol(&parser->token, ")"))
		return fail(parser, "expected ')'", parser->token.text);
	append(parser->arena, parser->clause, ")");
	parser->depth--;
	return lex(parser);
}

static int parse_all(struct parser *parser)
{
	if (parse_group(parser) != 0)
		return -1;
	while (is_keyword(&parser->token, "and")) {
		append(parser->arena, parser->clause, " AND ");
		if (lex(parser) != 0 || parse_group(parser) != 0)
			return -1;
	}
	return 0;
}

static int parse_any(struct parser *parser)
{
	if (parse_all(parser) != 0)
		return -1;
	while (is_keyword(&parser->token, "or")) {
		append(parser->arena, parser->clause, " OR ");
		if (lex(parser) != 0 || parse_all(parser) != 0)
			return -1;
	}
	return 0;
}

int search_add(
	struct arena *arena, struct search_clause *clause, struct str search, struct error *err)
{
	struct parser parser = {.arena = arena, .clause = clause, .rest = search, .err = err};

	if (search.len > SEARCH_MAX_LENGTH)
		return error_set(
			err, ERROR_INVALID, "a search is at most %u characters", SEARCH_MAX_LENGTH);
	append(arena, clause, clause->text.len > 0 ? " AND (" : "(");
	if (lex(&parser) != 0 || parse_any(&parser) != 0)
		return -1;
	if (parser.token.type != TOKEN_END)
		return fail(&parser, "unexpected text", parser.token.text);
	append(arena, clause, ")");
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
	*order = arena_printf(arena, "%" STR_F "%s%" STR_F " %" STR_F, STR_A(*order),
		order->len > 0 ? ", " : "", STR_A(column), STR_A(direction));
	return 0;
}
