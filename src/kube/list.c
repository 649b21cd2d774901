/*
 * list.c - lists in pages.
 *
 * A page's continue token expires while the pages before it are worked on; the server says so with
 * 410, and then the list is asked for once more in one piece, as client-go's pager does.
 */
#include "kube/list.h"

int kube_collection(struct arena *arena, const struct kube_resource *resource,
	const struct kube_list *options, struct str *ret, struct error *err)
{
	static const struct kube_list all;
	struct str path;

	options = options ? options : &all;
	if (kube_path(arena, resource, options->name_space, STR(""), NULL, &path, err) < 0)
		return -1;
	struct str url = arena_printf(arena, "%" STR_F "?", STR_A(path));
	if (options->label_selector.len)
		url = arena_printf(arena, "%" STR_F "labelSelector=%" STR_F "&", STR_A(url),
			STR_A(http_encode(arena, options->label_selector)));
	if (options->field_selector.len)
		url = arena_printf(arena, "%" STR_F "fieldSelector=%" STR_F "&", STR_A(url),
			STR_A(http_encode(arena, options->field_selector)));
	if (str_is_null(url))
		return error_set(err, ERROR_MEMORY, "no memory for a list's URL");
	*ret = url;
	return 0;
}

/* Lists of built-in kinds leave out what all their items are. */
static void name_kind(struct arena *arena, const struct kube_resource *resource, struct json *list)
{
	struct json *items = json_get(list, "items"), *item;
	struct str api_version = kube_api_version(arena, resource);
	struct str kind = arena_str(arena, str_of(resource->kind));

	json_for_each (items, i, item) {
		if (!json_get(item, "kind"))
			json_set_text(item, "kind", kind);
		if (!json_get(item, "apiVersion"))
			json_set_text(item, "apiVersion", api_version);
	}
}

int kube_list_page(struct kube *kube, struct arena *arena, const struct kube_resource *resource,
	const struct kube_list *options, struct str token, bool is_whole, struct json **ret,
	struct error *err)
{
	struct kube_call call = {.method = "GET", .may_repeat = true};
	struct json *list;

	if (kube_collection(arena, resource, options, &call.path, err) < 0)
		return -1;
	if (!is_whole)
		call.path = arena_printf(arena, "%" STR_F "limit=%d%s%" STR_F, STR_A(call.path),
			KUBE_LIST_PAGE, token.len ? "&continue=" : "",
			STR_A(http_encode(arena, token)));
	if (kube_call(kube, arena, &call, &list, err) < 0)
		return -1;
	if (!json_is(json_get(list, "items"), JSON_ARRAY) && json_get(list, "items"))
		return error_set(err, ERROR_INTERNAL,
			"%s%" STR_F " answered something that is not a list", kube->server,
			STR_A(call.path));
	name_kind(arena, resource, list);
	*ret = list;
	return 0;
}

static struct str continue_token(const struct json *list)
{
	return json_get_text(json_get(list, "metadata"), "continue");
}

int kube_list(struct kube *kube, struct arena *arena, const struct kube_resource *resource,
	const struct kube_list *options, struct json **ret, struct error *err)
{
	struct json *list, *page, *item;
	struct error failed;

	if (kube_list_page(kube, arena, resource, options, STR_NULL, false, &list, err) < 0)
		return -1;
	struct json *items = json_get(list, "items");
	for (struct str token = continue_token(list); token.len; token = continue_token(page)) {
		if (kube_list_page(kube, arena, resource, options, token, false, &page, &failed) <
			0) {
			if (failed.code == ERROR_GONE)
				return kube_list_page(
					kube, arena, resource, options, STR_NULL, true, ret, err);
			if (err)
				*err = failed;
			return -1;
		}
		json_for_each (json_get(page, "items"), i, item)
			json_append(items, item);
	}
	json_remove(json_get(list, "metadata"), STR("continue"));
	json_remove(json_get(list, "metadata"), STR("remainingItemCount"));
	if (arena_is_exhausted(arena))
		return error_set(
			err, ERROR_MEMORY, "no memory for the list of %s", resource->plural);
	*ret = list;
	return 0;
}
