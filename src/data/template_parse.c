/*
 * template_parse.c - from text to tree: text, actions, blocks, pipelines.
 *
 * Unknown functions and undeclared variables
 * are errors here, so that a wrong file is refused when it is read, not when it is first used.
 *
 * Not here: define, template, block. Adapter files have no use for named templates, and recursion
 * is what would make rendering unbounded.
 */
#include "data/template_scan.h"
#include "data/template_tree.h"

#define MAX_DEPTH 100u	  /* blocks and parentheses */
#define MAX_VARIABLES 64u /* visible at once */

struct parser {
	struct template_scanner scan;
	unsigned depth;
	unsigned loops; /* enclosing range blocks */
	struct str variables[MAX_VARIABLES];
	size_t variable_count;
};

/* --- pipelines ----------------------------------------------------------------------------- */

static int parse_pipe(struct parser *p, enum template_token_type end, struct template_pipe **ret);

static bool is_declared(const struct parser *p, struct str name)
{
	for (size_t i = 0; i < p->variable_count; i++) {
		if (str_eq(p->variables[i], name))
			return true;
	}
	return false;
}

static int parse_fields(struct parser *p, struct template_operand *operand)
{
	struct template_field **tail = &operand->fields;

	while (*tail != NULL)
		tail = &(*tail)->next;
	while (p->scan.token.type == TEMPLATE_TOKEN_FIELD && !p->scan.token.after_space) {
		*tail = arena_new_of(p->scan.arena, struct template_field);
		if (*tail == NULL)
			return template_scan_no_memory(&p->scan);
		(*tail)->name = p->scan.token.text;
		tail = &(*tail)->next;
		if (template_scan_next(&p->scan) != 0)
			return -1;
	}
	return 0;
}

static int parse_parenthesis(struct parser *p, struct template_operand *operand)
{
	struct template_pipe *pipe;

	operand->type = TEMPLATE_PIPE;
	if (p->depth >= MAX_DEPTH)
		return template_scan_fail(&p->scan, "parentheses are nested too deeply");
	p->depth++;
	if (parse_pipe(p, TEMPLATE_TOKEN_RIGHT, &pipe) != 0)
		return -1;
	p->depth--;
	operand->pipe = pipe;
	return 0;
}

static int parse_name(struct parser *p, struct template_operand *operand)
{
	operand->name = p->scan.token.text;
	if (str_eq_c(p->scan.token.text, "nil")) {
		operand->type = TEMPLATE_NIL;
		return 0;
	}
	operand->type = TEMPLATE_FUNCTION;
	operand->function = template_find_function(p->scan.token.text);
	if (operand->function == NULL)
		return template_scan_fail(
			&p->scan, "function \"%" STR_F "\" not defined", STR_A(p->scan.token.text));
	return 0;
}

/* p->scan.token begins an operand; afterwards it is the token behind it. */
static int parse_operand(struct parser *p, struct template_operand **ret)
{
	struct template_operand *operand = arena_new_of(p->scan.arena, struct template_operand);
	enum template_token_type type = p->scan.token.type;

	if (operand == NULL)
		return template_scan_no_memory(&p->scan);
	*ret = operand;
	operand->line = p->scan.line;
	switch (type) {
	case TEMPLATE_TOKEN_DOT:
		operand->type = TEMPLATE_DOT;
		break;
	case TEMPLATE_TOKEN_FIELD:
		operand->type = TEMPLATE_DOT;
		p->scan.token.after_space = false;
		return parse_fields(p, operand);
	case TEMPLATE_TOKEN_VARIABLE:
		operand->type = TEMPLATE_VARIABLE;
		operand->name = p->scan.token.text;
		if (!is_declared(p, p->scan.token.text))
			return template_scan_fail(&p->scan, "undefined variable \"$%" STR_F "\"",
				STR_A(p->scan.token.text));
		break;
	case TEMPLATE_TOKEN_NAME:
		if (parse_name(p, operand) != 0)
			return -1;
		break;
	case TEMPLATE_TOKEN_LITERAL:
		operand->type = TEMPLATE_LITERAL;
		operand->literal = p->scan.token.literal;
		break;
	case TEMPLATE_TOKEN_LEFT:
		if (parse_parenthesis(p, operand) != 0)
			return -1;
		break;
	default:
		return template_scan_fail(&p->scan, "missing value for command");
	}
	if (template_scan_next(&p->scan) != 0)
		return -1;
	if (type == TEMPLATE_TOKEN_VARIABLE || type == TEMPLATE_TOKEN_LEFT)
		return parse_fields(p, operand);
	if (p->scan.token.type == TEMPLATE_TOKEN_FIELD && !p->scan.token.after_space)
		return template_scan_fail(
			&p->scan, "unexpected .%" STR_F, STR_A(p->scan.token.text));
	return 0;
}

static int parse_command(
	struct parser *p, enum template_token_type end, struct template_command **ret)
{
	struct template_command *command = arena_new_of(p->scan.arena, struct template_command);
	struct template_operand **tail;

	if (command == NULL)
		return template_scan_no_memory(&p->scan);
	tail = &command->operands;
	do {
		if (command->count >= TEMPLATE_ANY_COUNT)
			return template_scan_fail(&p->scan, "more than %u operands in one command",
				TEMPLATE_ANY_COUNT);
		if (parse_operand(p, tail) != 0)
			return -1;
		tail = &(*tail)->next;
		command->count++;
	} while (p->scan.token.type != end && p->scan.token.type != TEMPLATE_TOKEN_PIPE);
	if (command->count > 1 && command->operands->type != TEMPLATE_FUNCTION)
		return template_scan_fail(
			&p->scan, "can't give arguments to something that is not a function");
	*ret = command;
	return 0;
}

static int declare(struct parser *p, struct str name)
{
	if (p->variable_count >= MAX_VARIABLES)
		return template_scan_fail(&p->scan, "more than %u variables", MAX_VARIABLES);
	p->variables[p->variable_count++] = name;
	return 0;
}

/*
 * `$x :=`, `$x =`, `$i, $v :=`: recognised by looking ahead, and undone when it turns out to be an
 * operand. The variables become visible to the caller's block only after the pipeline.
 */
static int parse_declaration(struct parser *p, struct template_pipe *pipe)
{
	struct parser before = *p;
	struct str names[TEMPLATE_MAX_DECLARED];
	size_t count = 0;

	while (p->scan.token.type == TEMPLATE_TOKEN_VARIABLE && count < TEMPLATE_MAX_DECLARED) {
		names[count++] = p->scan.token.text;
		if (template_scan_next(&p->scan) != 0)
			return -1;
		if (p->scan.token.type != TEMPLATE_TOKEN_COMMA)
			break;
		if (template_scan_next(&p->scan) != 0)
			return -1;
	}
	if (count == 0 || (p->scan.token.type != TEMPLATE_TOKEN_DECLARE &&
				  p->scan.token.type != TEMPLATE_TOKEN_ASSIGN)) {
		*p = before;
		return 0;
	}
	pipe->assigns = p->scan.token.type == TEMPLATE_TOKEN_ASSIGN;
	pipe->declared_count = count;
	for (size_t i = 0; i < count; i++) {
		pipe->declared[i] = names[i];
		if (pipe->assigns && !is_declared(p, names[i]))
			return template_scan_fail(
				&p->scan, "undefined variable \"$%" STR_F "\"", STR_A(names[i]));
	}
	return template_scan_next(&p->scan);
}

/* Reads the pipeline up to `end`, which stays the current token. */
static int parse_pipe(struct parser *p, enum template_token_type end, struct template_pipe **ret)
{
	struct template_pipe *pipe = arena_new_of(p->scan.arena, struct template_pipe);
	struct template_command **tail;

	if (pipe == NULL)
		return template_scan_no_memory(&p->scan);
	pipe->line = p->scan.line;
	if (template_scan_next(&p->scan) != 0 || parse_declaration(p, pipe) != 0)
		return -1;
	tail = &pipe->commands;
	for (;;) {
		if (parse_command(p, end, tail) != 0)
			return -1;
		if (tail != &pipe->commands && (*tail)->operands->type != TEMPLATE_FUNCTION)
			return template_scan_fail(&p->scan, "only a function may follow |");
		tail = &(*tail)->next;
		if (p->scan.token.type == end)
			break;
		if (template_scan_next(&p->scan) != 0)
			return -1;
	}
	for (size_t i = 0; i < pipe->declared_count && !pipe->assigns; i++) {
		if (declare(p, pipe->declared[i]) != 0)
			return -1;
	}
	*ret = pipe;
	return 0;
}

/* --- blocks -------------------------------------------------------------------------------- */

enum stop { STOP_TEXT_END, STOP_END, STOP_ELSE };

static int parse_list(struct parser *p, struct template_node **ret, enum stop *ret_stop);

static struct template_node *new_node(struct parser *p, enum template_node_type type)
{
	struct template_node *node = arena_new_of(p->scan.arena, struct template_node);

	if (node != NULL) {
		node->type = type;
		node->line = p->scan.line;
	}
	return node;
}

/* The word that opens the action, if it is one of the keywords; the position stays. */
static struct str keyword_ahead(struct parser *p)
{
	struct str rest = template_scan_rest(&p->scan);
	size_t start = 0, end;

	while (start < rest.len && template_is_space(rest.ptr[start]))
		start++;
	for (end = start; end < rest.len && template_is_word(rest.ptr[end]);)
		end++;
	return str_slice(rest, start, end - start);
}

static void skip_keyword(struct parser *p, struct str word)
{
	template_scan_advance(
		&p->scan, (size_t)(word.ptr - p->scan.text.ptr) - p->scan.position + word.len);
}

static int expect_end(struct parser *p)
{
	if (template_scan_next(&p->scan) != 0)
		return -1;
	return p->scan.token.type == TEMPLATE_TOKEN_END
		       ? 0
		       : template_scan_fail(&p->scan, "unexpected text in an action");
}

static int parse_block(struct parser *p, enum template_node_type type, struct template_node **ret);

/* What follows {{else: the end of the action, or a further if (or with) that ends with ours. */
static int parse_else(struct parser *p, struct template_node *node)
{
	struct str word = keyword_ahead(p);
	enum stop stop;

	if (str_eq_c(word, "if") || str_eq_c(word, "with")) {
		skip_keyword(p, word);
		return parse_block(p, str_eq_c(word, "if") ? TEMPLATE_NODE_IF : TEMPLATE_NODE_WITH,
			&node->otherwise);
	}
	if (expect_end(p) != 0 || parse_list(p, &node->otherwise, &stop) != 0)
		return -1;
	if (stop != STOP_END)
		return template_scan_fail(
			&p->scan, stop == STOP_ELSE ? "unexpected {{else}}" : "missing {{end}}");
	return expect_end(p);
}

static int parse_block(struct parser *p, enum template_node_type type, struct template_node **ret)
{
	struct template_node *node = new_node(p, type);
	size_t outside = p->variable_count, inside;
	enum stop stop;

	if (node == NULL)
		return template_scan_no_memory(&p->scan);
	if (p->depth >= MAX_DEPTH)
		return template_scan_fail(&p->scan, "blocks are nested too deeply");
	p->depth++;
	p->loops += type == TEMPLATE_NODE_RANGE;
	if (parse_pipe(p, TEMPLATE_TOKEN_END, &node->pipe) != 0)
		return -1;
	if (node->pipe->declared_count > 1 && type != TEMPLATE_NODE_RANGE)
		return template_scan_fail(&p->scan, "only range declares two variables");
	inside = p->variable_count;
	if (parse_list(p, &node->body, &stop) != 0)
		return -1;
	p->variable_count = inside;
	p->loops -= type == TEMPLATE_NODE_RANGE;
	if (stop == STOP_TEXT_END)
		return template_scan_fail(
			&p->scan, "missing {{end}} of the block of line %u", node->line);
	if ((stop == STOP_ELSE ? parse_else(p, node) : expect_end(p)) != 0)
		return -1;
	p->variable_count = outside;
	p->depth--;
	*ret = node;
	return 0;
}

static int parse_jump(
	struct parser *p, struct str word, enum template_node_type type, struct template_node **ret)
{
	if (p->loops == 0)
		return template_scan_fail(
			&p->scan, "{{%" STR_F "}} outside of {{range}}", STR_A(word));
	*ret = new_node(p, type);
	return *ret ? expect_end(p) : template_scan_no_memory(&p->scan);
}

static const struct {
	const char *word;
	enum template_node_type type;
} keywords[] = {
	{"if", TEMPLATE_NODE_IF},
	{"range", TEMPLATE_NODE_RANGE},
	{"with", TEMPLATE_NODE_WITH},
	{"break", TEMPLATE_NODE_BREAK},
	{"continue", TEMPLATE_NODE_CONTINUE},
};

/* After "{{". For end and else the keyword is consumed and ret_stop tells. */
static int parse_action(struct parser *p, struct template_node **ret, enum stop *ret_stop)
{
	struct str word = keyword_ahead(p);
	size_t i = 0;

	if (str_eq_c(word, "end") || str_eq_c(word, "else")) {
		*ret_stop = str_eq_c(word, "end") ? STOP_END : STOP_ELSE;
		skip_keyword(p, word);
		return 0;
	}
	if (str_eq_c(word, "define") || str_eq_c(word, "template") || str_eq_c(word, "block"))
		return template_scan_fail(&p->scan,
			"named templates ({{%" STR_F "}}) are not supported", STR_A(word));
	while (i < sizeof(keywords) / sizeof(keywords[0]) && !str_eq_c(word, keywords[i].word))
		i++;
	if (i < sizeof(keywords) / sizeof(keywords[0])) {
		skip_keyword(p, word);
		if (keywords[i].type == TEMPLATE_NODE_BREAK ||
			keywords[i].type == TEMPLATE_NODE_CONTINUE)
			return parse_jump(p, word, keywords[i].type, ret);
		return parse_block(p, keywords[i].type, ret);
	}
	*ret = new_node(p, TEMPLATE_NODE_ACTION);
	if (*ret == NULL)
		return template_scan_no_memory(&p->scan);
	if (parse_pipe(p, TEMPLATE_TOKEN_END, &(*ret)->pipe) != 0)
		return -1;
	return (*ret)->pipe->declared_count > 1
		       ? template_scan_fail(&p->scan, "only range declares two variables")
		       : 0;
}

/* A comment action: the position is behind "{{" and its trim marker. */
static int skip_comment(struct parser *p)
{
	struct str rest = template_scan_rest(&p->scan);
	ptrdiff_t end = str_find(rest, STR("*/"));

	if (end < 0)
		return template_scan_fail(&p->scan, "unclosed comment");
	template_scan_advance(&p->scan, (size_t)end + 2);
	rest = template_scan_rest(&p->scan);
	p->scan.trim_next = rest.len > 0 && template_is_space(rest.ptr[0]) &&
			    str_starts_with(str_slice(rest, 1, 3), STR("-}}"));
	if (p->scan.trim_next)
		p->scan.position += 2;
	if (!str_starts_with(template_scan_rest(&p->scan), STR("}}")))
		return template_scan_fail(&p->scan, "a comment must end its action");
	p->scan.position += 2;
	return 0;
}

static struct str trim_end(struct str text)
{
	while (text.len > 0 && template_is_space(text.ptr[text.len - 1]))
		text.len--;
	return text;
}

/* The text up to the next action, whose "{{" and trim marker are consumed; false at the end. */
static bool take_text(struct parser *p, struct str *ret)
{
	struct str rest = template_scan_rest(&p->scan);
	ptrdiff_t open = str_find(rest, STR("{{"));
	struct str text = str_slice(rest, 0, open < 0 ? rest.len : (size_t)open);
	struct str action = open < 0 ? STR_NULL : str_slice(rest, (size_t)open + 2, rest.len);
	bool trims = action.len > 1 && action.ptr[0] == '-' && template_is_space(action.ptr[1]);

	template_scan_advance(&p->scan, text.len);
	if (open >= 0)
		p->scan.position += trims ? 3 : 2;
	if (trims)
		text = trim_end(text);
	while (p->scan.trim_next && text.len > 0 && template_is_space(text.ptr[0]))
		text = str_slice(text, 1, text.len - 1);
	p->scan.trim_next = false;
	*ret = text;
	return open >= 0;
}

static bool comment_ahead(const struct parser *p)
{
	struct str rest = template_scan_rest(&p->scan);
	size_t spaces = 0;

	while (spaces < rest.len && template_is_space(rest.ptr[spaces]))
		spaces++;
	return str_starts_with(str_slice(rest, spaces, 2), STR("/*"));
}

/* Text and actions until {{end}}, {{else or the end of the text. */
static int parse_list(struct parser *p, struct template_node **ret, enum stop *ret_stop)
{
	struct template_node *first = NULL, **tail = &first;
	enum stop stop = STOP_TEXT_END;
	struct str text;
	bool is_action;

	do {
		struct template_node *node = NULL;

		is_action = take_text(p, &text);
		if (text.len > 0) {
			*tail = new_node(p, TEMPLATE_NODE_TEXT);
			if (*tail == NULL)
				return template_scan_no_memory(&p->scan);
			(*tail)->text = text;
			tail = &(*tail)->next;
		}
		if (!is_action)
			break;
		if ((comment_ahead(p) ? skip_comment(p) : parse_action(p, &node, &stop)) != 0)
			return -1;
		if (node != NULL) {
			*tail = node;
			tail = &node->next;
		}
	} while (stop == STOP_TEXT_END);
	*ret = first;
	*ret_stop = stop;
	return 0;
}

int template_parse(
	struct arena *arena, struct str text, struct template_node **ret, struct error *err)
{
	struct parser p = {.scan = {.arena = arena, .err = err, .text = text, .line = 1}};
	enum stop stop;

	p.variables[p.variable_count++] = STR(""); /* "$" */
	if (parse_list(&p, ret, &stop) != 0)
		return -1;
	if (stop != STOP_TEXT_END)
		return template_scan_fail(
			&p.scan, "unexpected {{%s}}", stop == STOP_END ? "end" : "else");
	return 0;
}
