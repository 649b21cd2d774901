/*
 * adapter_task_post.h - the parts of a task file that say what is sent to the API: calls and
 * payloads.
 *
 * For adapter_task.c; everybody else reads struct adapter_task.
 */
#ifndef REEVE_CLM_ADAPTER_TASK_POST_H
#define REEVE_CLM_ADAPTER_TASK_POST_H

#include "clm/adapter_task.h"

/* What reading a task file needs at every step. */
struct adapter_reader {
	struct arena *arena;
	const struct adapter_settings *settings;
	struct str directory; /* of the task file, with the last '/' */
};

/* An api_call. */
int adapter_read_call(const struct adapter_reader *reader, const struct json *map, struct str where,
	struct adapter_call *ret, struct error *err);

/* The `post` section; `post` may be NULL. */
int adapter_read_post(const struct adapter_reader *reader, const struct json *post,
	struct adapter_task *task, struct error *err);

/* `when: {expression: text}`; an absent map leaves NULL. */
int adapter_read_when(const struct adapter_reader *reader, const struct json *map, struct str where,
	const struct cel **ret, struct error *err);

/* Text that is a template where it holds an action. */
int adapter_read_template(const struct adapter_reader *reader, struct str where, struct str text,
	struct template *ret, struct error *err);

/* The text of a file in the task's directory. */
int adapter_read_ref(const struct adapter_reader *reader, struct str where, struct str name,
	struct str *ret, struct error *err);

#endif
