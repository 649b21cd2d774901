/*
 * kubeapi_read.h - get, list and watch.
 */
#ifndef REEVE_LOCAL_KUBEAPI_READ_H
#define REEVE_LOCAL_KUBEAPI_READ_H

#include "local/kubeapi_call.h"

#define KUBEAPI_LIST_MAX_BYTES ((size_t)256 << 20) /* past it: ask in pages (limit) */

void kubeapi_read_get(struct kubeapi_call *call);
void kubeapi_read_list(struct kubeapi_call *call); /* watch=true: a watch */

/* What a call's labelSelector and fieldSelector select; name and namespace go into the query. */
struct kubeapi_selection {
	struct kubeapi_query query;
	struct kubeapi_selector labels, fields;
	bool is_impossible; /* two different names are asked for */
};
int kubeapi_read_selection(struct kubeapi_call *call, struct kubeapi_selection *ret);

/* Whether an object of the query is selected by the rest; *ret_parsed is set when it was parsed. */
bool kubeapi_selection_has(const struct kubeapi_selection *selection, struct arena *arena,
	const struct kubeapi_type *type, const struct kubeapi_record *record,
	struct json **ret_parsed);

#endif
