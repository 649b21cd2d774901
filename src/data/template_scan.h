/*
 * template_scan.h - the tokens of a template's actions, one at a time.
 *
 * Text outside of actions has no tokens, so the parser asks for a token only inside one, and reads
 * text and keywords itself by the position. Used by template_parse.c only.
 */
#ifndef REEVE_DATA_TEMPLATE_SCAN_H
#define REEVE_DATA_TEMPLATE_SCAN_H

#include "data/json.h"

enum template_token_type {
	TEMPLATE_TOKEN_END, /* }} */
	TEMPLATE_TOKEN_DOT,
	TEMPLATE_TOKEN_FIELD,
	TEMPLATE_TOKEN_VARIABLE,
	TEMPLATE_TOKEN_NAME,
	TEMPLATE_TOKEN_LITERAL,
	TEMPLATE_TOKEN_PIPE,
	TEMPLATE_TOKEN_LEFT,
	TEMPLATE_TOKEN_RIGHT,
	TEMPLATE_TOKEN_DECLARE,
	TEMPLATE_TOKEN_ASSIGN,
	TEMPLATE_TOKEN_COMMA
};

struct template_token {
	enum template_token_type type;
	struct str text;
	const struct json *literal;
	bool after_space;
};

struct template_scanner {
	struct arena *arena;
	struct error *err;
	struct str text;
	size_t position;
	unsigned line;
	bool trim_next; /* the last action ended in -}} */
	struct template_token token;
};

/* Reads the next token of the action into scanner->token. ERROR_INVALID with the line. */
int template_scan_next(struct template_scanner *scanner);

/* What is left of the text. */
struct str template_scan_rest(const struct template_scanner *scanner);

/* Moves the position on, counting lines. */
void template_scan_advance(struct template_scanner *scanner, size_t count);

bool template_is_space(char c);
bool template_is_word(char c); /* letters, digits, _ and everything beyond ASCII */

/* `line 3: <what>`, ERROR_INVALID; returns -1. */
int template_scan_fail(struct template_scanner *scanner, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int template_scan_no_memory(struct template_scanner *scanner);

#endif
