/*
 * pattern_syntax.h - RE2's patterns in PCRE2's words. For pattern.c only.
 */
#ifndef REEVE_DATA_PATTERN_SYNTAX_H
#define REEVE_DATA_PATTERN_SYNTAX_H

#include "base/buf.h"
#include "base/error.h"

/*
 * Writes to `out` a pattern that PCRE2 reads as RE2 reads `text`. ERROR_INVALID for what RE2 does
 * not have: backreferences, lookaround, possessive and atomic groups, recursion, conditions,
 * comments, verbs, repetition of repetition or above PATTERN_MAX_REPEAT, unknown escapes.
 * What both refuse (an open parenthesis, an unknown property) is left to PCRE2.
 */
int pattern_translate(struct str text, struct buf *out, struct error *err);

#endif
