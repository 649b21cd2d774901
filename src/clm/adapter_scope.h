/*
 * adapter_scope.h - one execution of a task: what is known so far, and how it goes.
 *
 * Two sets of variables grow side by side. Templates and CEL see the same params, payloads,
 * `event`, `env` and `config`; but `adapter` is {name, version} in templates and the execution's
 * own course in CEL, and only CEL sees `resources`. Everything lives in the execution's arena and
 * belongs to its thread.
 */
#ifndef REEVE_CLM_ADAPTER_SCOPE_H
#define REEVE_CLM_ADAPTER_SCOPE_H

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "clm/adapter_task.h"
#include "net/http_client.h"

/* What all executions of an adapter share; nothing in it changes after start. */
struct adapter_context {
	const struct adapter_settings *settings;
	const struct adapter_task *task;
	struct json *env;	     /* name -> text */
	struct http_client *api;     /* takes full URLs */
	struct http_client *maestro; /* NULL when the settings have none */
	const struct clock *clock;
	struct stop *stop;
	struct log *log;
};

enum adapter_phase {
	ADAPTER_PHASE_PARAMS,
	ADAPTER_PHASE_PRECONDITIONS,
	ADAPTER_PHASE_RESOURCES,
	ADAPTER_PHASE_POST
};

struct adapter_scope {
	const struct adapter_context *context;
	struct arena *arena;
	struct str event_text; /* the event's data as it came */
	struct json *event;
	struct json *template_variables;
	struct json *cel_variables;
	struct json *resources; /* name -> object */
	struct json *course;	/* CEL's `adapter` */
	bool has_failed;
	bool has_skipped;   /* the resources */
	struct error error; /* the first failure */
};

/* ERROR_INVALID when the event is not a JSON object. */
int adapter_scope_init(struct adapter_scope *scope, const struct adapter_context *context,
	struct arena *arena, struct str event, struct error *err);

/* Adds a variable for templates and CEL. */
void adapter_scope_set(struct adapter_scope *scope, struct str name, struct json *value);

/* The execution has failed at this step; the first failure is the one that is told. */
void adapter_scope_fail(struct adapter_scope *scope, enum adapter_phase phase, struct str step,
	const struct error *error);

/* The resources were left alone, and why. */
void adapter_scope_skip(struct adapter_scope *scope, struct str reason);

int adapter_scope_eval(struct adapter_scope *scope, const struct cel *expression, struct json **ret,
	struct error *err);
int adapter_scope_eval_bool(
	struct adapter_scope *scope, const struct cel *expression, bool *ret, struct error *err);

int adapter_scope_render(struct adapter_scope *scope, const struct template *template,
	struct str *ret, struct error *err);

#endif
