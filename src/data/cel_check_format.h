/*
 * cel_check_format.h - the verbs of string.format() against the types of its arguments. For
 * cel_check.c only.
 */
#ifndef REEVE_DATA_CEL_CHECK_FORMAT_H
#define REEVE_DATA_CEL_CHECK_FORMAT_H

#include "data/cel_types.h"

/* What is wrong, or NULL. */
const char *cel_check_format(struct str format, const enum cel_static_kind *kinds, size_t count);

#endif
