/*
 * kubeapi_view.c - content negotiation, and the forms.
 */
#include "local/kubeapi_view.h"

#include "local/kubeapi_table.h"

/* The value of a parameter of a media type: "as" in "application/json;as=Table". */
static struct str media_parameter(struct str media, const char *name)
{
	while (!str_is_null(media)) {
		struct str value = str_trim(str_cut(&media, ';'));
		struct str key = str_cut(&value, '=');
		if (str_eq_c(str_trim(key), name) && !str_is_null(value))
			return str_trim(value);
	}
	return STR_NULL;
}

static bool choose(struct str media, struct kubeapi_view *ret)
{
	struct str rest = media, type = str_trim(str_cut(&rest, ';'));
	struct str as = media_parameter(media, "as");

	if (!str_eq_c(type, "application/json") && !str_eq_c(type, "*/*") &&
		!str_eq_c(type, "application/*"))
		return false;
	if (str_eq_c(as, "Table"))
		ret->form = KUBEAPI_TABLE;
	else if (str_starts_with(as, STR("PartialObjectMetadata")))
		ret->form = KUBEAPI_METADATA;
	else if (str_is_null(as))
		ret->form = KUBEAPI_WHOLE;
	else
		return false;
	return true;
}

bool kubeapi_view_choose(struct str accept, struct str include, struct kubeapi_view *ret)
{
	*ret = (struct kubeapi_view){.form = KUBEAPI_WHOLE};
	if (str_eq_c(include, "Object"))
		ret->include = KUBEAPI_INCLUDE_OBJECT;
	else if (str_eq_c(include, "None"))
		ret->include = KUBEAPI_INCLUDE_NONE;
	if (accept.len == 0)
		return true;
	while (!str_is_null(accept))
		if (choose(str_trim(str_cut(&accept, ',')), ret))
			return true;
	return false;
}

static struct json *partial_metadata(struct arena *arena, const struct json *object)
{
	struct json *partial = json_new_object(arena);

	json_set(partial, "kind", json_new_cstr(arena, "PartialObjectMetadata"));
	json_set(partial, "apiVersion", json_new_cstr(arena, "meta.k8s.io/v1"));
	json_set(partial, "metadata", json_get(object, "metadata"));
	return partial;
}

struct json *kubeapi_view_item(struct arena *arena, const struct kubeapi_view *view,
	const struct kubeapi_type *type, const struct json *object, int64_t now_us)
{
	struct json *row;

	if (view->form == KUBEAPI_METADATA)
		return partial_metadata(arena, object);
	row = kubeapi_table_row(arena, type, object, now_us);
	if (view->include == KUBEAPI_INCLUDE_METADATA)
		json_set(row, "object", partial_metadata(arena, object));
	else if (view->include == KUBEAPI_INCLUDE_OBJECT)
		json_set(row, "object", (struct json *)object);
	return row;
}

bool kubeapi_view_write(struct buf *out, struct arena *arena, const struct kubeapi_view *view,
	const struct kubeapi_type *type, int64_t version, struct str body,
	const struct json *parsed, int64_t now_us)
{
	struct json *object, *item;

	if (view->form == KUBEAPI_WHOLE)
		return kubeapi_object_write(out, type->prefix, version, body);
	if (!parsed) {
		if (json_parse(arena, kubeapi_object_text(arena, type->prefix, version, body), NULL,
			    &object, NULL) < 0)
			return false;
		parsed = object;
	}
	item = kubeapi_view_item(arena, view, type, parsed, now_us);
	if (view->form == KUBEAPI_TABLE) {
		struct json *table = kubeapi_table_new(arena, type);
		json_set(json_get(table, "metadata"), "resourceVersion",
			json_new_string(arena, arena_printf(arena, "%lld", (long long)version)));
		json_append(json_get(table, "rows"), item);
		item = table;
	}
	return json_write(out, item, JSON_WRITE_COMPACT);
}
