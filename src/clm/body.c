/*
 * body.c - see body.h.
 *
 * A failed check fills the problem and returns false, so that each request reads as one chain of
 * checks in the order in which the original makes them.
 */
#include "clm/body.h"

#include "base/clock.h"
#include "clm/document.h"

#define LABEL_KEY_MAX 255u
#define LABEL_PREFIX_MAX 253u
#define LABEL_PART_MAX 63u
#define GO_ZERO_TIME_US INT64_C(-62135596800000000) /* the year 1: what Go sends for "no time" */

struct reading {
	struct arena *arena;
	struct problem_details *problem;
};

static bool refuse(const struct reading *reading, enum problem problem, struct str detail)
{
	*reading->problem = (struct problem_details){.problem = problem, .detail = detail};
	return false;
}

static bool invalid(const struct reading *reading, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static bool invalid(const struct reading *reading, const char *format, ...)
{
	va_list ap;
	struct str detail;

	va_start(ap, format);
	detail = arena_vprintf(reading->arena, format, ap);
	va_end(ap);
	return refuse(reading, PROBLEM_VALIDATION, detail);
}

/* --- members --------------------------------------------------------------------------------- */

struct member_type {
	const char *name;
	enum json_type type;
	const char *expected; /* "an object" */
};

static bool check_types(const struct reading *reading, const struct json *body,
	const struct member_type *types, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct json *value = json_get_any_case(body, types[i].name);

		if (value != NULL && !json_is(value, types[i].type))
			return invalid(
				reading, "field '%s' must be %s", types[i].name, types[i].expected);
	}
	return true;
}

static struct str canonical(const struct reading *reading, const struct json *document)
{
	return json_text(reading->arena, document, JSON_WRITE_SORTED);
}

static bool parse_object(
	const struct reading *reading, struct str text, struct json **ret, struct error *err)
{
	static const struct json_limits limits = {
		.max_bytes = JSON_MAX_BYTES, .max_depth = JSON_MAX_DEPTH, .last_key_wins = true};

	if (json_parse(reading->arena, text, &limits, ret, err) != 0)
		return false;
	if (document_check(*ret, err) != 0)
		return false;
	if (json_is(*ret, JSON_OBJECT))
		return true;
	error_set(err, ERROR_INVALID, "the body is %s instead of an object",
		json_type_name(json_type(*ret)));
	return false;
}

/* HyperFleet's sentence says no more than that; what is wrong, and where, stands in `errors`. */
static bool parse_or_tell(const struct reading *reading, struct str text, struct json **ret)
{
	struct violation *violation;
	struct error err = {.message = ""};

	if (parse_object(reading, text, ret, &err))
		return true;
	violation = arena_new_of(reading->arena, struct violation);
	*reading->problem = (struct problem_details){
		.problem = PROBLEM_MALFORMED, .detail = STR("Invalid JSON in request body")};
	if (violation) {
		*violation = (struct violation){.field = STR("body"),
			.message = arena_str(reading->arena, str_of(err.message)),
			.constraint = STR("format")};
		reading->problem->violations = violation;
		reading->problem->violation_count = 1;
	}
	return false;
}

static bool check_enough_memory(const struct reading *reading)
{
	if (arena_is_exhausted(reading->arena))
		return refuse(reading, PROBLEM_VALIDATION,
			STR("the request's documents are larger than this server takes"));
	return true;
}

/* --- spec ------------------------------------------------------------------------------------ */

static const char *constraint_of(struct str type)
{
	static const struct {
		const char *type;
		const char *constraint;
	} names[] = {
		{"required", "required"},
		{"minimum", "min"},
		{"minItems", "min"},
		{"minProperties", "min"},
		{"maximum", "max"},
		{"maxItems", "max"},
		{"maxProperties", "max"},
		{"minLength", "min_length"},
		{"maxLength", "max_length"},
		{"pattern", "pattern"},
		{"enum", "enum"},
		{"format", "format"},
		{"unique", "unique"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (str_eq_c(type, names[i].type))
			return names[i].constraint;
	}
	return NULL;
}

static bool conforms(
	const struct reading *reading, const struct kind *kind, const struct json *spec)
{
	struct schema_report report = {0};
	struct violation *violations;

	if (kind->schema == NULL ||
		schema_validate(kind->schema, reading->arena, STR("spec"), spec, &report))
		return true;
	violations = arena_calloc(reading->arena, report.count + 1, sizeof(*violations));
	*reading->problem = (struct problem_details){
		.problem = PROBLEM_VALIDATION,
		.detail = arena_printf(reading->arena, "Invalid %" STR_F, STR_A(kind->schema_name)),
		.violations = violations,
	};
	for (size_t i = 0; violations != NULL && i < report.count; i++) {
		violations[i].field = report.items[i].field;
		violations[i].message = report.items[i].message;
		violations[i].constraint = str_of(constraint_of(report.items[i].type));
		reading->problem->violation_count++;
	}
	return false;
}

static bool check_spec(
	const struct reading *reading, const struct kind *kind, const struct json *body)
{
	const struct json *spec = json_get_any_case(body, "spec");

	if (spec == NULL || kind == NULL)
		return true;
	if (!json_is(spec, JSON_OBJECT))
		return refuse(reading, PROBLEM_VALIDATION, STR("spec field must be an object"));
	return conforms(reading, kind, spec);
}

/* --- labels ---------------------------------------------------------------------------------- */

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* [A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])? */
static bool is_label_word(struct str text)
{
	if (text.len == 0 || text.len > LABEL_PART_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool inside = i > 0 && i + 1 < text.len;

		if (!is_alphanumeric(c) && !(inside && (c == '.' || c == '_' || c == '-')))
			return false;
	}
	return true;
}

static bool is_dns_segment(struct str text)
{
	if (text.len == 0 || text.len > LABEL_PART_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		bool inside = i > 0 && i + 1 < text.len;
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!plain && !(inside && c == '-'))
			return false;
	}
	return true;
}

static bool is_label_key(struct str key)
{
	ptrdiff_t slash = str_index(key, '/');
	struct str prefix;

	if (key.len > LABEL_KEY_MAX)
		return false;
	if (slash < 0)
		return is_label_word(key);
	prefix = str_slice(key, 0, (size_t)slash);
	if (prefix.len == 0 || prefix.len > LABEL_PREFIX_MAX)
		return false;
	while (!str_is_null(prefix)) {
		if (!is_dns_segment(str_cut(&prefix, '.')))
			return false;
	}
	return is_label_word(str_slice(key, (size_t)slash + 1, key.len));
}

static void add_violation(
	const struct reading *reading, struct violation *violations, struct violation violation)
{
	violations[reading->problem->violation_count++] = violation;
}

static bool check_label_types(const struct reading *reading, const struct json *labels)
{
	for (size_t i = 0; i < json_count(labels); i++) {
		if (!json_is(json_at(labels, i), JSON_STRING))
			return invalid(reading, "field 'labels.%" STR_F "' must be a string",
				STR_A(json_key_at(labels, i)));
	}
	return true;
}

static bool check_labels(const struct reading *reading, const struct json *labels)
{
	struct violation *violations =
		arena_calloc(reading->arena, json_count(labels) * 2 + 1, sizeof(*violations));

	if (violations == NULL)
		return check_enough_memory(reading);
	*reading->problem = (struct problem_details){.problem = PROBLEM_VALIDATION,
		.detail = STR("label validation failed"),
		.violations = violations};
	for (size_t i = 0; i < json_count(labels); i++) {
		struct str key = json_key_at(labels, i);
		struct str value = json_str(json_at(labels, i));

		if (!is_label_key(key))
			add_violation(reading, violations,
				(struct violation){STR("labels"),
					STR("label keys are an optional DNS prefix and '/', then "
					    "at "
					    "most 63 letters, digits, '.', '_' or '-'"),
					key, STR("pattern")});
		if (value.len > 0 && !is_label_word(value))
			add_violation(reading, violations,
				(struct violation){arena_printf(reading->arena,
							   "labels[%" STR_F "]", STR_A(key)),
					STR("label values are at most 63 letters, digits, '.', '_' "
					    "or '-', with a letter or digit at both ends"),
					value, STR("pattern")});
	}
	return reading->problem->violation_count == 0;
}

/* --- references ------------------------------------------------------------------------------ */

static bool check_references(const struct reading *reading, const struct kind *kind,
	const struct json *body, struct reference_list *ret)
{
	struct error err;

	if (reference_parse(
		    reading->arena, kind, json_get_any_case(body, "references"), ret, &err) == 0)
		return true;
	return err.code == ERROR_MEMORY ? check_enough_memory(reading)
					: invalid(reading, "%s", err.message);
}

/* --- create ---------------------------------------------------------------------------------- */

static const struct member_type create_types[] = {
	{"kind", JSON_STRING, "a string"},
	{"name", JSON_STRING, "a string"},
	{"spec", JSON_OBJECT, "an object"},
	{"labels", JSON_OBJECT, "an object"},
	{"references", JSON_OBJECT, "an object"},
};

static bool is_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool inside = i > 0 && i + 1 < name.len;
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!plain && !(inside && c == '-'))
			return false;
	}
	return name.len > 0;
}

static bool check_name(const struct reading *reading, const struct kind *kind, struct str name)
{
	if (str_is_empty(name))
		return invalid(reading, "name is required");
	if (name.len < kind->name_min)
		return invalid(reading, "name must be at least %zu characters", kind->name_min);
	if (name.len > kind->name_max)
		return invalid(reading, "name must be at most %zu characters", kind->name_max);
	if (!is_name(name))
		return invalid(reading,
			"name must start and end with lowercase letter or number, and contain only "
			"lowercase letters, numbers, and hyphens");
	return true;
}

static bool check_kind(const struct reading *reading, const struct kind *kind, struct str given)
{
	if (str_is_empty(given))
		return invalid(reading, "kind is required");
	if (!str_eq(given, kind->name))
		return invalid(reading, "kind must be '%" STR_F "'", STR_A(kind->name));
	return true;
}

static bool find_kind(const struct reading *reading, const struct kind *found, struct str given)
{
	if (str_is_empty(given))
		return invalid(reading, "kind is required");
	return found != NULL || invalid(reading, "Unknown entity kind: %" STR_F, STR_A(given));
}

static bool check_content(const struct reading *reading, const struct json *body)
{
	if (json_get_any_case(body, "spec") == NULL)
		return invalid(reading, "spec is required");
	return check_labels(reading, json_get_any_case(body, "labels"));
}

/* A child kind's name is not looked at: its creation is refused here, whatever the name. */
static bool check_for_any(
	const struct reading *reading, const struct kind *kind, const struct json *body)
{
	return check_content(reading, body) &&
	       find_kind(reading, kind, json_str(json_get_any_case(body, "kind"))) &&
	       (kind->parent != NULL ||
		       check_name(reading, kind, json_str(json_get_any_case(body, "name"))));
}

static bool check_for_kind(
	const struct reading *reading, const struct kind *kind, const struct json *body)
{
	return check_kind(reading, kind, json_str(json_get_any_case(body, "kind"))) &&
	       check_name(reading, kind, json_str(json_get_any_case(body, "name"))) &&
	       check_content(reading, body);
}

bool body_parse_create(struct arena *arena, const struct registry *registry,
	const struct kind *kind, struct str text, struct create_body *ret,
	struct problem_details *ret_problem)
{
	const struct reading reading = {arena, ret_problem};
	bool is_any = kind == NULL;
	struct reference_list references;
	const struct json *labels;
	struct json *body;

	if (!parse_or_tell(&reading, text, &body))
		return false;
	if (is_any)
		kind = registry_find(registry, json_str(json_get_any_case(body, "kind")));
	labels = json_get_any_case(body, "labels");
	if (!check_spec(&reading, kind, body) ||
		!check_types(&reading, body, create_types,
			sizeof(create_types) / sizeof(create_types[0])) ||
		!check_label_types(&reading, labels) ||
		!(is_any ? check_for_any : check_for_kind)(&reading, kind, body) ||
		!check_references(&reading, kind, body, &references))
		return false;
	*ret = (struct create_body){
		.references = references,
		.kind = kind,
		.name = json_str(json_get_any_case(body, "name")),
		.spec = canonical(&reading, json_get_any_case(body, "spec")),
		.labels = labels != NULL ? canonical(&reading, labels) : STR("{}"),
	};
	return check_enough_memory(&reading);
}

/* --- patch ----------------------------------------------------------------------------------- */

static bool check_patch_members(const struct reading *reading, const struct json *body)
{
	static const char *const known[] = {"spec", "labels", "references"};
	bool given = false;

	for (size_t i = 0; i < json_count(body); i++) {
		struct str key = json_key_at(body, i);
		bool found = false;

		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			found = found || str_casecmp(key, str_of(known[k])) == 0;
		if (!found)
			return refuse(reading, PROBLEM_MALFORMED,
				arena_printf(reading->arena,
					"Invalid request format: json: unknown field \"%" STR_F
					"\"",
					STR_A(key)));
		given = given || !json_is_null(json_at(body, i));
	}
	if (!given)
		return refuse(reading, PROBLEM_BAD_REQUEST,
			STR("at least one field must be provided for update"));
	return true;
}

bool body_parse_patch(struct arena *arena, const struct kind *kind, struct str text,
	struct patch_body *ret, struct problem_details *ret_problem)
{
	const struct reading reading = {arena, ret_problem};
	struct reference_list references = {0};
	const struct json *spec;
	const struct json *labels;
	struct json *body;
	bool has_references;

	if (!parse_or_tell(&reading, text, &body))
		return false;
	spec = json_get_any_case(body, "spec");
	labels = json_get_any_case(body, "labels");
	has_references = json_get_any_case(body, "references") != NULL;
	if (!check_spec(&reading, kind, body) ||
		!check_types(&reading, body, create_types,
			sizeof(create_types) / sizeof(create_types[0])) ||
		!check_label_types(&reading, labels) || !check_patch_members(&reading, body) ||
		!check_labels(&reading, labels) ||
		(has_references && !check_references(&reading, kind, body, &references)))
		return false;
	*ret = (struct patch_body){
		.has_references = has_references,
		.references = references,
		.spec = spec != NULL ? canonical(&reading, spec) : STR_NULL,
		.labels = labels != NULL ? canonical(&reading, labels) : STR_NULL,
	};
	return check_enough_memory(&reading);
}

/* --- status ---------------------------------------------------------------------------------- */

static bool parse_body(const struct reading *reading, struct str text, struct json **ret)
{
	struct error err = {0};

	if (str_trim(text).len == 0)
		return refuse(
			reading, PROBLEM_MALFORMED, STR("Request body is required but was empty"));
	if (!parse_object(reading, text, ret, &err))
		return refuse(reading, PROBLEM_MALFORMED,
			arena_printf(reading->arena, "Invalid request format: %s", err.message));
	return true;
}

static bool parse_condition(
	const struct reading *reading, const struct json *item, size_t index, struct report *report)
{
	static const struct member_type types[] = {
		{"type", JSON_STRING, "a string"},
		{"status", JSON_STRING, "a string"},
		{"reason", JSON_STRING, "a string"},
		{"message", JSON_STRING, "a string"},
	};
	struct reported_condition *condition = &report->conditions[index];

	if (!json_is(item, JSON_OBJECT))
		return invalid(reading, "field 'conditions' must be an array of objects");
	if (!check_types(reading, item, types, sizeof(types) / sizeof(types[0])))
		return false;
	condition->type = json_str(json_get_any_case(item, "type"));
	condition->status = json_str(json_get_any_case(item, "status"));
	condition->reason = json_str(json_get_any_case(item, "reason"));
	condition->message = json_str(json_get_any_case(item, "message"));
	if (str_is_empty(condition->type))
		return invalid(reading, "condition type cannot be empty at index %zu", index);
	for (size_t i = 0; i < index; i++) {
		if (str_eq(report->conditions[i].type, condition->type))
			return invalid(reading,
				"duplicate condition type '%" STR_F "' at index %zu",
				STR_A(condition->type), index);
	}
	if (report_status_of(condition->status) == REPORT_ABSENT)
		return invalid(reading,
			"invalid status value '%" STR_F "' for condition at index %zu (type: "
			"%" STR_F "): must be 'True', 'False', or 'Unknown'",
			STR_A(condition->status), index, STR_A(condition->type));
	return true;
}

static bool parse_conditions(
	const struct reading *reading, const struct json *array, struct report *report)
{
	const struct json *item;

	if (json_count(array) > BODY_MAX_CONDITIONS)
		return invalid(reading, "a report has at most %u conditions", BODY_MAX_CONDITIONS);
	report->conditions =
		arena_calloc(reading->arena, json_count(array) + 1, sizeof(*report->conditions));
	if (report->conditions == NULL)
		return check_enough_memory(reading);
	json_for_each (array, i, item) {
		if (!parse_condition(reading, item, i, report))
			return false;
		report->condition_count++;
	}
	return true;
}

static bool parse_observed_time(const struct reading *reading, const struct json *value,
	int64_t now_us, struct report *report)
{
	struct str text = json_str(value);

	report->last_report_us = now_us;
	if (str_is_null(text))
		return true;
	if (!clock_parse(text, &report->last_report_us))
		return refuse(reading, PROBLEM_MALFORMED,
			arena_printf(reading->arena,
				"Invalid request format: observed_time \"%" STR_F
				"\" is not in the form of RFC 3339",
				STR_A(text)));
	if (report->last_report_us == GO_ZERO_TIME_US) {
		report->last_report_us = now_us;
		return true;
	}
	if (report->last_report_us > now_us + BODY_OBSERVED_AHEAD_US)
		return invalid(reading, "observed_time must not be more than 5m0s in the future");
	if (report->last_report_us < now_us - BODY_OBSERVED_BEHIND_US)
		return invalid(reading, "observed_time must not be more than 30m0s in the past");
	return true;
}

static bool fill_status(const struct reading *reading, const struct json *body, int64_t now_us,
	struct report *report)
{
	const struct json *data = json_get_any_case(body, "data");
	const struct json *metadata = json_get_any_case(body, "metadata");

	report->adapter = json_str(json_get_any_case(body, "adapter"));
	if (str_is_empty(report->adapter))
		return invalid(reading, "adapter is required");
	if (report->adapter.len > BODY_MAX_ADAPTER)
		return invalid(reading, "adapter must be at most %u characters", BODY_MAX_ADAPTER);
	if (!json_to_int(
		    json_get_any_case(body, "observed_generation"), &report->observed_generation) ||
		report->observed_generation < 1)
		return invalid(reading, "observed_generation must be >= 1");
	report->data = data != NULL ? canonical(reading, data) : STR("{}");
	report->metadata = metadata != NULL ? canonical(reading, metadata) : STR_NULL;
	return parse_conditions(reading, json_get_any_case(body, "conditions"), report) &&
	       parse_observed_time(
		       reading, json_get_any_case(body, "observed_time"), now_us, report) &&
	       check_enough_memory(reading);
}

bool body_parse_status(struct arena *arena, struct str text, int64_t now_us, struct report *ret,
	struct problem_details *ret_problem)
{
	static const struct member_type types[] = {
		{"adapter", JSON_STRING, "a string"},
		{"observed_generation", JSON_NUMBER, "a number"},
		{"observed_time", JSON_STRING, "a string"},
		{"conditions", JSON_ARRAY, "an array"},
		{"data", JSON_OBJECT, "an object"},
		{"metadata", JSON_OBJECT, "an object"},
	};
	const struct reading reading = {arena, ret_problem};
	struct report report = {0};
	struct json *body;

	if (!parse_body(&reading, text, &body) ||
		!check_types(&reading, body, types, sizeof(types) / sizeof(types[0])) ||
		!fill_status(&reading, body, now_us, &report))
		return false;
	*ret = report;
	return true;
}

/* --- force-delete ---------------------------------------------------------------------------- */

static size_t count_characters(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return count;
}

bool body_parse_force_delete(struct arena *arena, struct str text, struct str *ret_reason,
	struct problem_details *ret_problem)
{
	static const struct member_type types[] = {{"reason", JSON_STRING, "a string"}};
	const struct reading reading = {arena, ret_problem};
	struct json *body;
	struct str reason;

	if (!parse_body(&reading, text, &body) || !check_types(&reading, body, types, 1))
		return false;
	reason = json_str(json_get_any_case(body, "reason"));
	if (str_trim(reason).len == 0)
		return invalid(&reading, "reason is required");
	if (count_characters(reason) > BODY_MAX_REASON)
		return invalid(&reading, "reason must be at most %u characters", BODY_MAX_REASON);
	*ret_reason = reason;
	return true;
}
