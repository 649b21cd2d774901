/*
 * list.h - one page of a list; kube_list gathers them, kube_follow hands them on.
 */
#ifndef REEVE_KUBE_LIST_H
#define REEVE_KUBE_LIST_H

#include "kube/client.h"

/* Selectors and the rest of a collection's URL: "PATH?labelSelector=...&", to be continued. */
int kube_collection(struct arena *arena, const struct kube_resource *resource,
	const struct kube_list *options, struct str *ret, struct error *err);

/* The page behind `token` (null: the first; is_whole: all in one). Each item carries apiVersion and
 * kind. */
int kube_list_page(struct kube *kube, struct arena *arena, const struct kube_resource *resource,
	const struct kube_list *options, struct str token, bool is_whole, struct json **ret,
	struct error *err);

#endif
