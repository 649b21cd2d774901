/*
 * kubeapi_view.h - in which form a client wants objects: whole, as metadata, or as a Table.
 */
#ifndef REEVE_LOCAL_KUBEAPI_VIEW_H
#define REEVE_LOCAL_KUBEAPI_VIEW_H

#include "local/kubeapi_objects.h"
#include "local/kubeapi_types.h"

enum kubeapi_form { KUBEAPI_WHOLE, KUBEAPI_METADATA, KUBEAPI_TABLE };
enum kubeapi_include { KUBEAPI_INCLUDE_METADATA, KUBEAPI_INCLUDE_OBJECT, KUBEAPI_INCLUDE_NONE };

struct kubeapi_view {
	enum kubeapi_form form;
	enum kubeapi_include include; /* what a row of a Table carries */
};

/* From the Accept header and the parameter includeObject. False: nothing that is asked for can be
 * made. */
bool kubeapi_view_choose(struct str accept, struct str include, struct kubeapi_view *ret);

/* One object in this form. `parsed` (NULL: not yet) spares parsing the text again. */
bool kubeapi_view_write(struct buf *out, struct arena *arena, const struct kubeapi_view *view,
	const struct kubeapi_type *type, int64_t version, struct str body,
	const struct json *parsed, int64_t now_us);

/* The row or the partial metadata of an object, to be put in a list; NULL when memory is out. */
struct json *kubeapi_view_item(struct arena *arena, const struct kubeapi_view *view,
	const struct kubeapi_type *type, const struct json *object, int64_t now_us);

#endif
