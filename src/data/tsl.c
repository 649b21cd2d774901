/*
 * tsl.c - tokens and a parser by recursive descent, one function for each level of precedence.
 */
#include "data/tsl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum token_type { TOKEN_END, TOKEN_NAME, TOKEN_LITERAL, TOKEN_SYMBOL };

struct token {
	enum token_type type;
	struct str text;     /* as written */
	struct tsl *literal; /* or name */
};

struct parser {
	struct arena *arena;
	struct str rest;
	struct token token; /* the next one, not yet taken */
	unsigned depth, nodes;
	struct error *err;
};

static int fail(struct parser *p, const char *problem, struct str at)
{
	return error_set(p->err, ERROR_INVALID, "failed to parse search query: %s at '%" STR_F "'",
		problem, STR_A(str_slice(at, 0, at.len < 64 ? at.len : 64)));
}

static struct tsl *new_node(struct parser *p, enum tsl_type type, struct str text)
{
	struct tsl *node = arena_new_of(p->arena, struct tsl);

	if (node == NULL) {
		error_set(p->err, ERROR_MEMORY, "no room for a search");
		return NULL;
	}
	if (p->nodes++ == TSL_MAX_NODES) {
		error_set(p->err, ERROR_INVALID,
			"failed to parse search query: it has more than %u parts", TSL_MAX_NODES);
		return NULL;
	}
	node->type = type;
	node->text = text;
	return node;
}

/* --- tokens ---------------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_byte(char c)
{
	return is_name_start(c) || is_digit(c) || c == '/' || c == '-';
}

static bool is_quote(char c)
{
	return c == '\'' || c == '"' || c == '`';
}

/* The content of the string at the start of the rest, which is taken. */
static int take_quoted(struct parser *p, struct str *ret)
{
	char quote = p->rest.ptr[0];
	char *text = arena_alloc(p->arena, p->rest.len);
	size_t len = 0, i = 1;

	if (text == NULL)
		return error_set(p->err, ERROR_MEMORY, "no room for a search");
	for (; i < p->rest.len && p->rest.ptr[i] != quote; i++) {
		if (p->rest.ptr[i] == '\\' && i + 1 < p->rest.len)
			i++;
		text[len++] = p->rest.ptr[i];
	}
	if (i == p->rest.len)
		return fail(p, "a string without end", p->rest);
	p->rest = str_slice(p->rest, i + 1, p->rest.len);
	*ret = str_n(text, len);
	return 0;
}

/* "2026-08-21", which is midnight UTC, or RFC 3339. */
static bool parse_time(struct parser *p, struct str text, int64_t *ret_us)
{
	if (text.len == strlen("2026-08-21"))
		text = arena_printf(p->arena, "%" STR_F "T00:00:00Z", STR_A(text));
	return text.len > strlen("2026-08-21T") && clock_parse(text, ret_us);
}

static int lex_string(struct parser *p)
{
	struct str from = p->rest, text;
	struct tsl *node;

	if (take_quoted(p, &text) != 0 || (node = new_node(p, TSL_STRING, text)) == NULL)
		return -1;
	node->has_time = parse_time(p, text, &node->time_us);
	p->token = (struct token){TOKEN_LITERAL, str_slice(from, 0, from.len - p->rest.len), node};
	return 0;
}

static double si_factor(struct str *rest)
{
	static const char letters[] = "kmgtp";
	char c = rest->len > 0 ? (char)(rest->ptr[0] | 0x20) : '\0';
	const char *at = c ? strchr(letters, c) : NULL;

	if (at == NULL)
		return 1;
	*rest = str_slice(*rest, 1, rest->len);
	bool is_binary = rest->len > 0 && rest->ptr[0] == 'i';
	if (is_binary)
		*rest = str_slice(*rest, 1, rest->len);
	return pow(is_binary ? 1024 : 1000, (double)(at - letters + 1));
}

static int lex_number(struct parser *p)
{
	char text[64];
	struct str from = p->rest;
	size_t len = 0;
	char *end;

	/* A date or time is made of more than a number is; it goes first. */
	while (len < from.len && (is_digit(from.ptr[len]) || strchr("-:.TZ+", from.ptr[len])))
		len++;
	struct tsl *node = new_node(p, TSL_NUMBER, str_slice(from, 0, len));
	if (node == NULL)
		return -1;
	if (parse_time(p, node->text, &node->time_us)) {
		node->type = TSL_STRING;
		node->has_time = true;
		p->rest = str_slice(from, len, from.len);
		p->token = (struct token){TOKEN_LITERAL, node->text, node};
		return 0;
	}
	len = from.len < sizeof(text) - 1 ? from.len : sizeof(text) - 1;
	for (size_t i = 0; i < len; i++) /* strtod() reads hexadecimal numbers, too */
		if (from.ptr[i] == 'x' || from.ptr[i] == 'X')
			len = i;
	memcpy(text, from.ptr, len);
	text[len] = '\0';
	node->number = strtod(text, &end);
	p->rest = str_slice(from, (size_t)(end - text), from.len);
	node->number *= si_factor(&p->rest);
	if (!isfinite(node->number) || (p->rest.len > 0 && is_name_byte(p->rest.ptr[0])))
		return fail(p, "not a number", from);
	node->is_integer = node->number == floor(node->number) && fabs(node->number) < 9e15;
	node->integer = node->is_integer ? (int64_t)node->number : 0;
	node->text = str_slice(from, 0, from.len - p->rest.len);
	p->token = (struct token){TOKEN_LITERAL, node->text, node};
	return 0;
}

/* One part of a name after its dot or bracket; false: none there. */
static int take_part(struct parser *p, struct str *ret, bool *ret_quoted)
{
	size_t len = 0;

	*ret_quoted = p->rest.len > 0 && is_quote(p->rest.ptr[0]);
	if (*ret_quoted)
		return take_quoted(p, ret);
	while (len < p->rest.len && is_name_byte(p->rest.ptr[len]))
		len++;
	if (len == 0)
		return fail(p, "a name ends in the middle", p->rest);
	*ret = str_slice(p->rest, 0, len);
	p->rest = str_slice(p->rest, len, p->rest.len);
	return 0;
}

static int take_bracket(struct parser *p)
{
	if (p->rest.len == 0 || p->rest.ptr[0] != ']')
		return fail(p, "expected ']'", p->rest);
	p->rest = str_slice(p->rest, 1, p->rest.len);
	return 0;
}

static int lex_name(struct parser *p)
{
	struct str from = p->rest;
	struct tsl *node = new_node(p, TSL_NAME, from);
	bool quoted = false, in_bracket = false;

	if (node == NULL)
		return -1;
	node->parts = arena_calloc(p->arena, TSL_MAX_PARTS, sizeof(*node->parts));
	if (node->parts == NULL)
		return error_set(p->err, ERROR_MEMORY, "no room for a search");
	for (;;) {
		if (node->part_count == TSL_MAX_PARTS)
			return fail(p, "a name has too many parts", from);
		if (take_part(p, &node->parts[node->part_count++], &quoted) != 0 ||
			(in_bracket && take_bracket(p) != 0))
			return -1;
		node->is_quoted = node->is_quoted || quoted || in_bracket;
		char next = p->rest.len > 0 ? p->rest.ptr[0] : '\0';
		if (next != '.' && next != '[')
			break;
		in_bracket = next == '[';
		p->rest = str_slice(p->rest, 1, p->rest.len);
	}
	node->text = str_slice(from, 0, from.len - p->rest.len);
	p->token = (struct token){TOKEN_NAME, node->text, node};
	return 0;
}

static int lex_symbol(struct parser *p)
{
	static const char *const pairs[] = {"==", "!=", "<>", "<=", ">=", "~=", "~!"};
	size_t len = 1;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (str_starts_with(p->rest, str_of(pairs[i])))
			len = 2;
	p->token = (struct token){TOKEN_SYMBOL, str_slice(p->rest, 0, len), NULL};
	p->rest = str_slice(p->rest, len, p->rest.len);
	return 0;
}

static bool is_word(const struct parser *p, const char *keyword)
{
	return p->token.type == TOKEN_NAME && str_casecmp(p->token.text, str_of(keyword)) == 0;
}

static int lex(struct parser *p)
{
	p->rest = str_trim(p->rest);
	if (p->rest.len == 0) {
		p->token = (struct token){TOKEN_END, STR("end"), NULL};
		return 0;
	}
	if (is_quote(p->rest.ptr[0]))
		return lex_string(p);
	if (is_digit(p->rest.ptr[0]))
		return lex_number(p);
	if (!is_name_start(p->rest.ptr[0]))
		return lex_symbol(p);
	if (lex_name(p) != 0)
		return -1;
	struct tsl *node = p->token.literal;
	bool is_bool = is_word(p, "true") || is_word(p, "false");
	if (!is_bool && !is_word(p, "null"))
		return 0;
	node->type = is_bool ? TSL_BOOL : TSL_NULL;
	node->is_true = is_word(p, "true");
	p->token.type = TOKEN_LITERAL;
	return 0;
}

static bool is_symbol(const struct parser *p, const char *symbol)
{
	return p->token.type == TOKEN_SYMBOL && str_eq_c(p->token.text, symbol);
}

static bool is_one_of(const struct parser *p, const char *const *symbols, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_symbol(p, symbols[i]))
			return true;
	return false;
}

static bool is_reserved(const struct parser *p)
{
	static const char *const words[] = {"and", "or", "not", "in", "like", "ilike", "between",
		"is", "len", "any", "all", "sum"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (is_word(p, words[i]))
			return true;
	return false;
}

static int deeper(struct parser *p)
{
	return p->depth++ < TSL_MAX_DEPTH ? 0 : fail(p, "nested too deeply", p->token.text);
}

/* --- values ---------------------------------------------------------------------------------- */

static int parse_or(struct parser *p, struct tsl **ret);
static int parse_sum(struct parser *p, struct tsl **ret);

static int parse_list(struct parser *p, struct tsl **ret)
{
	struct tsl *list = new_node(p, TSL_LIST, STR("[]")), **tail;

	if (list == NULL || lex(p) != 0)
		return -1;
	tail = &list->left;
	while (!is_symbol(p, "]")) {
		if (parse_sum(p, tail) != 0)
			return -1;
		tail = &(*tail)->next;
		if (is_symbol(p, ",")) {
			if (lex(p) != 0)
				return -1;
		} else if (!is_symbol(p, "]")) {
			return fail(p, "expected ',' or ']'", p->token.text);
		}
	}
	*ret = list;
	return lex(p);
}

static int parse_group(struct parser *p, struct tsl **ret)
{
	if (deeper(p) != 0 || lex(p) != 0 || parse_or(p, ret) != 0)
		return -1;
	if (is_symbol(p, ","))
		return fail(p, "a list is written ['a', 'b']; expected ')'", p->token.text);
	if (!is_symbol(p, ")"))
		return fail(p, "expected ')'", p->token.text);
	p->depth--;
	return lex(p);
}

static int parse_minus(struct parser *p, struct tsl **ret)
{
	struct str at = p->token.text;

	if (deeper(p) != 0 || lex(p) != 0)
		return -1;
	if (p->token.type != TOKEN_LITERAL || p->token.literal->type != TSL_NUMBER)
		return fail(p, "expected a number after '-'", at);
	struct tsl *node = p->token.literal;
	node->number = -node->number;
	node->integer = -node->integer;
	p->depth--;
	*ret = node;
	return lex(p);
}

static int parse_value(struct parser *p, struct tsl **ret)
{
	if (is_symbol(p, "("))
		return parse_group(p, ret);
	if (is_symbol(p, "["))
		return parse_list(p, ret);
	if (is_symbol(p, "-"))
		return parse_minus(p, ret);
	if (is_word(p, "len") || is_word(p, "any") || is_word(p, "all") || is_word(p, "sum"))
		return error_set(p->err, ERROR_INVALID, "unsupported comparison operator: %" STR_F,
			STR_A(p->token.text));
	if (p->token.type == TOKEN_SYMBOL || p->token.type == TOKEN_END || is_reserved(p))
		return fail(p, "expected a field or a value", p->token.text);
	*ret = p->token.literal;
	return lex(p);
}

static int parse_binary(struct parser *p, struct tsl **ret, const char *const *symbols,
	size_t count, int (*parse_side)(struct parser *, struct tsl **))
{
	if (parse_side(p, ret) != 0)
		return -1;
	while (is_one_of(p, symbols, count)) {
		struct tsl *node = new_node(p, TSL_MATH, p->token.text);
		if (node == NULL || lex(p) != 0 || parse_side(p, &node->right) != 0)
			return -1;
		node->left = *ret;
		*ret = node;
	}
	return 0;
}

static int parse_product(struct parser *p, struct tsl **ret)
{
	static const char *const symbols[] = {"*", "/", "%"};
	return parse_binary(p, ret, symbols, 3, parse_value);
}

static int parse_sum(struct parser *p, struct tsl **ret)
{
	static const char *const symbols[] = {"+", "-"};
	return parse_binary(p, ret, symbols, 2, parse_product);
}

/* --- comparisons ----------------------------------------------------------------------------- */

static int parse_between(struct parser *p, struct tsl *node)
{
	if (parse_sum(p, &node->right) != 0)
		return -1;
	if (!is_word(p, "and"))
		return fail(p, "expected 'and'", p->token.text);
	return lex(p) != 0 ? -1 : parse_sum(p, &node->right->next);
}

static int parse_is_null(struct parser *p, struct tsl *node)
{
	node->is_negated = is_word(p, "not");
	if (node->is_negated && lex(p) != 0)
		return -1;
	if (p->token.type != TOKEN_LITERAL || p->token.literal->type != TSL_NULL)
		return fail(p, "expected 'null'", p->token.text);
	return lex(p);
}

/* The operator in words that comes next, perhaps after a NOT which is taken. */
static int find_word_operator(struct parser *p, bool *ret_negated, enum tsl_type *ret)
{
	static const struct {
		const char *word;
		enum tsl_type type;
	} words[] = {{"in", TSL_IN}, {"like", TSL_LIKE}, {"ilike", TSL_ILIKE},
		{"between", TSL_BETWEEN}, {"is", TSL_IS_NULL}};

	*ret_negated = is_word(p, "not");
	if (*ret_negated && lex(p) != 0)
		return -1;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		*ret = words[i].type;
		if (is_word(p, words[i].word) && !(*ret_negated && *ret == TSL_IS_NULL))
			return 1;
	}
	return *ret_negated ? fail(p, "expected in, like, ilike or between", p->token.text) : 0;
}

static int parse_word_operator(
	struct parser *p, struct tsl **side, enum tsl_type type, bool is_negated)
{
	struct tsl *node = new_node(p, type, p->token.text);

	if (node == NULL || lex(p) != 0)
		return -1;
	node->left = *side;
	node->is_negated = is_negated;
	*side = node;
	if (type == TSL_IS_NULL)
		return parse_is_null(p, node);
	if (type == TSL_BETWEEN)
		return parse_between(p, node);
	return parse_sum(p, &node->right);
}

static int parse_comparison(struct parser *p, struct tsl **ret)
{
	static const char *const symbols[] = {
		"=", "==", "!=", "<>", "<", "<=", ">", ">=", "~=", "~!"};
	enum tsl_type type;
	bool is_negated;

	if (parse_sum(p, ret) != 0)
		return -1;
	for (;;) {
		if (is_one_of(p, symbols, sizeof(symbols) / sizeof(symbols[0]))) {
			struct str text = p->token.text;
			if (str_eq_c(text, "=="))
				text = STR("=");
			if (str_eq_c(text, "<>"))
				text = STR("!=");
			struct tsl *node = new_node(p, TSL_COMPARE, text);
			if (node == NULL || lex(p) != 0 || parse_sum(p, &node->right) != 0)
				return -1;
			node->left = *ret;
			*ret = node;
			continue;
		}
		int found = find_word_operator(p, &is_negated, &type);
		if (found <= 0)
			return found;
		if (parse_word_operator(p, ret, type, is_negated) != 0)
			return -1;
	}
}

/* --- logic ----------------------------------------------------------------------------------- */

/* NOT stands before a whole comparison. The original binds it to the comparison's left side only,
 * and then writes SQL that means the same as this. */
static int parse_not(struct parser *p, struct tsl **ret)
{
	if (!is_word(p, "not"))
		return parse_comparison(p, ret);
	struct tsl *node = new_node(p, TSL_NOT, p->token.text);
	if (node == NULL || deeper(p) != 0 || lex(p) != 0 || parse_not(p, &node->left) != 0)
		return -1;
	p->depth--;
	*ret = node;
	return 0;
}

static int parse_and(struct parser *p, struct tsl **ret)
{
	if (parse_not(p, ret) != 0)
		return -1;
	while (is_word(p, "and")) {
		struct tsl *node = new_node(p, TSL_AND, p->token.text);
		if (node == NULL || lex(p) != 0 || parse_not(p, &node->right) != 0)
			return -1;
		node->left = *ret;
		*ret = node;
	}
	return 0;
}

static int parse_or(struct parser *p, struct tsl **ret)
{
	if (parse_and(p, ret) != 0)
		return -1;
	while (is_word(p, "or")) {
		struct tsl *node = new_node(p, TSL_OR, p->token.text);
		if (node == NULL || lex(p) != 0 || parse_and(p, &node->right) != 0)
			return -1;
		node->left = *ret;
		*ret = node;
	}
	return 0;
}

int tsl_parse(struct arena *arena, struct str text, struct tsl **ret, struct error *err)
{
	struct parser p = {.arena = arena, .rest = text, .err = err};

	if (text.len > TSL_MAX_LENGTH)
		return error_set(
			err, ERROR_INVALID, "a search is at most %u characters", TSL_MAX_LENGTH);
	if (str_index(text, '\0') >= 0)
		return error_set(err, ERROR_INVALID,
			"failed to parse search query: it holds a NUL character");
	if (lex(&p) != 0 || parse_or(&p, ret) != 0)
		return -1;
	if (p.token.type != TOKEN_END)
		return fail(&p, "unexpected text", p.token.text);
	return 0;
}
