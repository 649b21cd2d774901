/*
 * cluster_print.h - clusters as tables and lines for people.
 */
#ifndef REEVE_CMD_CLUSTER_PRINT_H
#define REEVE_CMD_CLUSTER_PRINT_H

#include <stdio.h>

#include "data/json.h"

/* One line per cluster, under a heading. `clusters`: the frontend's objects. */
void cluster_print_list(FILE *out, struct arena *arena, const struct json *clusters);

/* Everything about one. */
void cluster_print_one(FILE *out, struct arena *arena, const struct json *cluster);

/* What is different in `now` (a cluster's status) from `before` (NULL: nothing known): a line for
 * the phase and for each condition, beginning with `time`. Returns the number of lines. */
size_t cluster_print_changes(
	FILE *out, struct str time, const struct json *before, const struct json *now);

#endif
