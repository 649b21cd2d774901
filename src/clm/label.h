/*
 * label.h - the index of labels: which resources have one.
 *
 * The labels themselves are a document of the resource's row; the index is for searches (search.h),
 * kept in the same transaction.
 */
#ifndef REEVE_CLM_LABEL_H
#define REEVE_CLM_LABEL_H

#include "clm/resource.h"

/* `labels`: the document, an object of strings. */
int label_index(struct change *change, struct str id, struct str labels, struct error *err);
/* As they were given to label_index. */
int label_unindex(struct change *change, struct str id, struct str labels, struct error *err);

/* How many resources have the label; counts to `most` only. */
int label_count(struct sql *sql, struct str key, struct str value, int64_t most, int64_t *ret,
	struct error *err);

#endif
