/*
 * agent_feedback.h - the values that feedback rules read from an object. Pure.
 */
#ifndef REEVE_MAESTRO_AGENT_FEEDBACK_H
#define REEVE_MAESTRO_AGENT_FEEDBACK_H

#include "data/json.h"

#define AGENT_MAX_JSON_RAW ((size_t)1048576) /* of one JsonRaw value */

/*
 * Evaluates the rules (manifestConfigs[].feedbackRules) over the object, in their order. ret_values
 * gets the values {"name","fieldValue":{"type",...}}; paths that lead nowhere are left out.
 * ret_error gets the words of all that went wrong, null when nothing did; values are given all the
 * same.
 */
void agent_feedback_read(struct arena *arena, const struct json *rules, const struct json *object,
	struct json **ret_values, struct str *ret_error);

#endif
