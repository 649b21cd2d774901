/*
 * cel_adapter.c - the functions that HyperFleet's adapters add: conditions and feedback of
 * documents.
 */
#include "base/clock.h"
#include "data/cel_tree.h"

/* now() as text; the variable `now` is the timestamp. */
static int call_now(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	*ret = cel_string(clock_text_seconds(run->arena, run->env->now_us));
	return str_is_null(ret->as.text) ? cel_no_memory(run) : 0;
}

static int call_to_json(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	struct json *json = cel_to_json(run, &arguments[0]);

	if (json == NULL)
		return cel_no_memory(run);
	*ret = cel_string(json_text(run->arena, json, JSON_WRITE_SORTED));
	if (str_is_null(ret->as.text))
		return cel_no_memory(run);
	return cel_charge(run, ret->as.text.len / 16);
}

/* dig(x, "a.b.0"): null where something is missing. */
static int call_dig(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	struct cel_value value = arguments[0];
	struct str path = arguments[1].as.text;

	if (arguments[1].type != CEL_STRING)
		return cel_no_overload(run, "dig", arguments, count);
	*ret = (struct cel_value){.type = CEL_NULL};
	while (!str_is_null(path)) {
		struct cel_value key = cel_string(str_cut(&path, '.'));
		bool is_present = false;

		if (value.type == CEL_LIST && str_to_int64(key.as.text, &key.as.integer))
			key.type = CEL_INT;
		else if (value.type != CEL_MAP)
			return 0;
		if (cel_index(run, &value, &key, &is_present, &value) != 0)
			return -1;
		if (!is_present)
			return 0;
	}
	*ret = value;
	return 0;
}

/* The member as text; null when the value is no map, or the member no string. */
static struct str member_text(const struct cel_value *value, struct str name)
{
	struct cel_value key = cel_string(name), member;

	if (value->type != CEL_MAP || !cel_lookup(value, &key, &member) ||
		member.type != CEL_STRING)
		return STR_NULL;
	return member.as.text;
}

/* The item of a list whose `member` is `text`. */
static bool find_item(const struct cel_value *list, struct str member, const struct cel_value *text,
	struct cel_value *ret)
{
	if (list->type != CEL_LIST || text->type != CEL_STRING)
		return false;
	for (size_t i = 0; i < cel_count(list); i++) {
		struct cel_value item = cel_item(list, i);

		if (str_eq(member_text(&item, member), text->as.text)) {
			*ret = item;
			return true;
		}
	}
	return false;
}

static int call_condition_status(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	struct cel_value condition;
	struct str status = STR_NULL;

	if (find_item(&arguments[0], STR("type"), &arguments[1], &condition))
		status = member_text(&condition, STR("status"));
	*ret = cel_string(str_is_null(status) ? STR("Unknown") : status);
	return 0;
}

/* Whole seconds since the condition's last transition; -1 without one. */
static int64_t condition_age(
	struct cel_run *run, const struct cel_value *list, const struct cel_value *type)
{
	static const char *const members[] = {"last_transition_time", "lastTransitionTime"};
	struct cel_value condition;
	int64_t since;

	if (!find_item(list, STR("type"), type, &condition))
		return -1;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (clock_parse(member_text(&condition, str_of(members[i])), &since))
			return (run->env->now_us - since) / CLOCK_US_PER_S;
	}
	return -1;
}

static int call_condition_age(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	*ret = cel_int(condition_age(run, &arguments[0], &arguments[1]));
	return 0;
}

static int call_stable_for(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	struct cel_value condition, seconds = arguments[2];
	int64_t age = condition_age(run, &arguments[0], &arguments[1]);
	struct cel_value known = cel_int(age);
	int order;

	if (!cel_order(&known, &seconds, &order))
		return cel_no_overload(run, "stableFor", arguments, count);
	*ret = cel_bool(age >= 0 && order >= 0 &&
			find_item(&arguments[0], STR("type"), &arguments[1], &condition) &&
			str_eq_c(member_text(&condition, STR("status")), "True"));
	return 0;
}

/* statusFeedbackValue(feedback, name): values[?name].fieldValue.string, or "". */
static int call_feedback_value(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	struct cel_value key = cel_string(STR("values"));
	struct cel_value field = cel_string(STR("fieldValue"));
	struct cel_value values, item, value;
	struct str text = STR_NULL;

	if (arguments[0].type == CEL_MAP && cel_lookup(&arguments[0], &key, &values) &&
		find_item(&values, STR("name"), &arguments[1], &item) &&
		cel_lookup(&item, &field, &value))
		text = member_text(&value, STR("string"));
	*ret = cel_string(str_is_null(text) ? STR("") : text);
	return 0;
}

/* triState(isTrue, isFalse). */
static int call_tri_state(
	struct cel_run *run, const struct cel_value *arguments, size_t count, struct cel_value *ret)
{
	if (arguments[0].type != CEL_BOOL || arguments[1].type != CEL_BOOL)
		return cel_no_overload(run, "triState", arguments, count);
	*ret = cel_string(arguments[0].as.boolean   ? STR("True")
			  : arguments[1].as.boolean ? STR("False")
						    : STR("Unknown"));
	return 0;
}

const struct cel_builtin cel_adapter_functions[] = {
	{"now", CEL_GLOBAL, 0, 0, call_now},
	{"toJson", CEL_GLOBAL, 1, 1, call_to_json},
	{"dig", CEL_GLOBAL, 2, 2, call_dig},
	{"conditionStatus", CEL_GLOBAL, 2, 2, call_condition_status},
	{"conditionAge", CEL_GLOBAL, 2, 2, call_condition_age},
	{"stableFor", CEL_GLOBAL, 3, 3, call_stable_for},
	{"statusFeedbackValue", CEL_GLOBAL, 2, 2, call_feedback_value},
	{"triState", CEL_GLOBAL, 2, 2, call_tri_state},
	{NULL, 0, 0, 0, NULL},
};
