/*
 * view.h - a cluster as customers see it, made from what CLM holds. Pure.
 */
#ifndef REEVE_FRONTEND_VIEW_H
#define REEVE_FRONTEND_VIEW_H

#include "data/json.h"

/* `resource`: CLM's Cluster; `reports`: its adapters' statuses (an array; NULL: none yet). Parts
 * are shared with the arguments. */
struct json *view_cluster(
	struct arena *arena, const struct json *resource, const struct json *reports);

#endif
