/*
 * cel_signatures.h - the overloads of each library as text. For cel_check.c only.
 */
#ifndef REEVE_DATA_CEL_SIGNATURES_H
#define REEVE_DATA_CEL_SIGNATURES_H

#include "data/cel_check.h"

/* Rows of one library, ended by NULL. */
struct cel_library {
	unsigned bit; /* 0: the standard, always there */
	const char *const *signatures;
};

extern const struct cel_library cel_libraries[];
extern const size_t cel_library_count;

#endif
