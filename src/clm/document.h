/*
 * document.h - what a document that arrives may hold, beyond being JSON, so that whoever reads it
 * later can: a database that indexes it, clients in languages with narrower types.
 *
 * No text or key holds U+0000 (PostgreSQL cannot look into such a document), and every number lies
 * within the doubles (RFC 8259, section 6: what most implementations take; Go's refuse a whole
 * document for one 1e400). Digits beyond a double's are kept as written.
 */
#ifndef REEVE_CLM_DOCUMENT_H
#define REEVE_CLM_DOCUMENT_H

#include "base/error.h"
#include "data/json.h"

/* ERROR_INVALID: `the body holds the number 1e400, which is too large to be read by
 * others`, or too small. */
int document_check(const struct json *document, struct error *err);

#endif
