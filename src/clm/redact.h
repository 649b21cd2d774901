/*
 * redact.h - takes what looks like a secret out of a document, by the names of its members.
 */
#ifndef REEVE_CLM_REDACT_H
#define REEVE_CLM_REDACT_H

#include "data/json.h"

#define REDACT_TEXT "***REDACTED***"
#define REDACT_MAX_DEPTH 20u /* what lies deeper is taken out whole */

/* Members whose name holds "password", "token" and the like, in any case, anywhere in the document,
 * become REDACT_TEXT. The document is changed in place. */
void redact(struct arena *arena, struct json *document);

#endif
