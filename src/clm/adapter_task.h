/*
 * adapter_task.h - HyperFleet's AdapterTaskConfig: what one adapter does for one event.
 *
 * Four parts, run in this order: params (name what is known), preconditions (may the work be done
 * now?), resources (what must exist, through Maestro), post (what to report). This header is the
 * file as a structure: every CEL expression and every template is compiled when the file is read,
 * so that a mistake ends the start and not the first event.
 *
 * Reeve reads what its own adapters need. Of the rest - preconditions with api_call or conditions,
 * the Kubernetes transport, discovery by selectors, recreate_on_change, log steps - each key is
 * refused with the remedy. One key is added: a param may have `when: {expression}`; where it is
 * false the param has its default, or is absent, and no call is made.
 */
#ifndef REEVE_CLM_ADAPTER_TASK_H
#define REEVE_CLM_ADAPTER_TASK_H

#include "clm/adapter_settings.h"
#include "data/template.h"

#define ADAPTER_MAX_STEPS 128u	/* params, preconditions, resources, payloads, actions: of each */
#define ADAPTER_MAX_DEPTH 32u	/* of a payload's build */
#define ADAPTER_MAX_NESTED 64u	/* discoveries of one resource */
#define ADAPTER_MAX_HEADERS 32u /* of one call */

struct adapter_header {
	struct str name;
	struct template value;
};

struct adapter_call {
	struct str method;
	struct template url;
	struct template body; /* null: none */
	struct adapter_header *headers;
	size_t header_count;
	int64_t timeout_us;
	int64_t attempts;
	enum adapter_backoff backoff;
};

enum adapter_source {
	ADAPTER_SOURCE_EVENT,
	ADAPTER_SOURCE_ENV,
	ADAPTER_SOURCE_CONFIG,
	ADAPTER_SOURCE_PARAM, /* of an earlier param; else of the event */
	ADAPTER_SOURCE_CALL,
	ADAPTER_SOURCE_EXPRESSION,
	ADAPTER_SOURCE_FILE
};

enum adapter_type {
	ADAPTER_TYPE_NONE,
	ADAPTER_TYPE_STRING,
	ADAPTER_TYPE_INT,
	ADAPTER_TYPE_FLOAT,
	ADAPTER_TYPE_BOOL
};

struct adapter_param {
	struct str name;
	enum adapter_source source;
	enum adapter_type type;
	struct str path; /* "a.b" after the source's own name, or the file's path */
	bool is_untrimmed;
	struct adapter_call *call;
	const struct cel *expression;
	const struct cel *when; /* NULL: always */
	struct json *fallback;	/* NULL: none */
	bool is_required;
};

struct adapter_precondition {
	struct str name;
	const struct cel *expression;
};

struct adapter_discovery {
	struct str name; /* the key under `resources`; of a nested one */
	struct template by_name;
	struct template namespace; /* null: any */
};

struct adapter_resource {
	struct str name;
	struct template target;	  /* the consumer's name */
	struct template manifest; /* the ManifestWork, YAML */
	struct adapter_discovery discovery;
	struct adapter_discovery *nested;
	size_t nested_count;
	const struct cel *create_when;
	const struct cel *delete_when;
};

/* What a payload is built from. */
enum adapter_build_kind {
	ADAPTER_BUILD_MAP,
	ADAPTER_BUILD_LIST,
	ADAPTER_BUILD_TEMPLATE,
	ADAPTER_BUILD_LITERAL,
	ADAPTER_BUILD_EXPRESSION,
	ADAPTER_BUILD_FIELD /* text: a JSONPath over all variables */
};

struct adapter_build {
	enum adapter_build_kind kind;
	struct template key;	  /* of a map's member */
	struct template template; /* of the value */
	struct str text;	  /* of an expression or a field */
	const struct cel *expression;
	struct json *literal; /* or the default of expression and field */
	struct adapter_build *children;
	size_t count;
};

struct adapter_payload {
	struct str name;
	const struct cel *when;
	struct adapter_build build;
};

struct adapter_action {
	struct str name;
	const struct cel *when;
	struct adapter_call call;
};

struct adapter_task {
	struct adapter_param *params;
	size_t param_count;
	struct adapter_precondition *preconditions;
	size_t precondition_count;
	struct adapter_resource *resources;
	size_t resource_count;
	bool has_lifecycle; /* any resource has: all are looked up before the first is worked on */
	struct adapter_payload *payloads;
	size_t payload_count;
	struct adapter_action *actions;
	size_t action_count;
};

/* `settings` gives the calls' defaults. Files that the task refers to are read from its own
 * directory. */
int adapter_task_load(struct arena *arena, const char *path,
	const struct adapter_settings *settings, struct adapter_task *ret, struct error *err);

#endif
