/*
 * kubeapi_column.h - one column of a Table (meta/v1 TableColumnDefinition) and where its cells come
 * from.
 */
#ifndef REEVE_LOCAL_KUBEAPI_COLUMN_H
#define REEVE_LOCAL_KUBEAPI_COLUMN_H

#define KUBEAPI_BUILTIN_COLUMNS 10
#define KUBEAPI_MAX_COLUMNS 64

struct kubeapi_column {
	const char *name;
	const char *type;   /* string, integer, number, boolean, date */
	const char *source; /* a JSONPath; or, with '=' first, a word for kubeapi_table.c */
	int priority;	    /* above 0: with -o wide only */
	const char *format;
	const char *description;
};

#endif
