/*
 * sentinel_settings.h - the file of one sentinel: which resources it watches, when a message is
 * due, and what the message says. The keys are those of HyperFleet's sentinel.
 *
 * `message_decision` is optional and defaults to HyperFleet's rules. `message_data` is a tree whose
 * text leaves are CEL expressions over `resource` and `reason`; numbers and booleans stand for
 * themselves.
 */
#ifndef REEVE_CLM_SENTINEL_SETTINGS_H
#define REEVE_CLM_SENTINEL_SETTINGS_H

#include "clm/settings.h"

#define SENTINEL_TIMEOUT_US (INT64_C(10) * 1000000)
#define SENTINEL_POLL_US (INT64_C(30) * 1000000)
#define SENTINEL_PAGE_SIZE 100 /* also the most that HyperFleet API v1 gives */
#define SENTINEL_MAX_PARAMS 64u
#define SENTINEL_MAX_DATA_DEPTH 8u

struct sentinel_param {
	struct str name;
	const struct cel *expression;
};

/* A node of message_data: exactly one of expression, literal and children is there. */
struct sentinel_leaf {
	struct str key;
	const struct cel *expression;
	struct json *literal;
	struct sentinel_leaf *children;
	size_t count;
};

struct sentinel_settings {
	struct str name;
	struct str base_url; /* of CLM; may be overridden by the program */
	int64_t timeout_us;
	int64_t page_size;
	struct str topic;
	struct str resource_type; /* plural: the segment of the URL */
	int64_t poll_us;
	struct sentinel_param *params;
	size_t param_count;
	const struct cel *result;
	struct sentinel_leaf data; /* the root: only children */
};

int sentinel_settings_load(
	struct arena *arena, const char *path, struct sentinel_settings *ret, struct error *err);
/* The same from the parsed document. */
int sentinel_settings_parse(struct arena *arena, const struct json *document,
	struct sentinel_settings *ret, struct error *err);

#endif
