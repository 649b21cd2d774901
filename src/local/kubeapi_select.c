/*
 * kubeapi_select.c - selectors: one scanner for labels, one for fields, one way to match.
 */
#include "local/kubeapi_select.h"

#define LABEL_NAME_MAX 63u
#define LABEL_PREFIX_MAX 253u

/* --- scanning ------------------------------------------------------------------------------ */

struct scanner {
	struct arena *arena;
	struct str text;
	size_t at;
	struct error *err;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char peek(struct scanner *scan)
{
	while (scan->at < scan->text.len && is_space(scan->text.ptr[scan->at]))
		scan->at++;
	return scan->at < scan->text.len ? scan->text.ptr[scan->at] : '\0';
}

static bool take(struct scanner *scan, char c)
{
	if (peek(scan) != c || scan->at == scan->text.len)
		return false;
	scan->at++;
	return true;
}

static struct str word(struct scanner *scan)
{
	size_t start;

	peek(scan);
	start = scan->at;
	while (scan->at < scan->text.len && !strchr("=!,()", scan->text.ptr[scan->at]) &&
		!is_space(scan->text.ptr[scan->at]))
		scan->at++;
	return str_slice(scan->text, start, scan->at - start);
}

static int bad(struct scanner *scan, const char *what)
{
	return error_set(scan->err, ERROR_INVALID,
		"unable to parse requirement: %s, at character %zu of \"%" STR_F "\"", what,
		scan->at + 1, STR_A(scan->text));
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A qualified name's last part, and a value: [A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?, 63 bytes. */
static bool is_label_text(struct str text)
{
	if (text.len > LABEL_NAME_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!is_alphanumeric(text.ptr[i]) && !strchr("-_.", text.ptr[i]))
			return false;
	return text.len == 0 ||
	       (is_alphanumeric(text.ptr[0]) && is_alphanumeric(text.ptr[text.len - 1]));
}

static bool is_label_key(struct str key)
{
	struct str name = key;
	struct str prefix = STR("-");

	if (str_index(key, '/') >= 0)
		prefix = str_cut(&name, '/');
	return name.len > 0 && is_label_text(name) && prefix.len > 0 &&
	       prefix.len <= LABEL_PREFIX_MAX;
}

static int add_value(
	struct scanner *scan, struct kubeapi_requirement *requirement, struct str value)
{
	if (requirement->value_count == KUBEAPI_MAX_VALUES)
		return bad(scan, "too many values");
	if (!is_label_text(value))
		return bad(scan, "a value of a label is at most 63 letters, digits, '-', '_', '.'");
	requirement->values[requirement->value_count++] = value;
	return 0;
}

static int scan_values(struct scanner *scan, struct kubeapi_requirement *requirement)
{
	if (!take(scan, '('))
		return bad(scan, "expected: '('");
	do {
		if (add_value(scan, requirement, word(scan)) < 0)
			return -1;
	} while (take(scan, ','));
	return take(scan, ')') ? 0 : bad(scan, "expected: ',' or ')'");
}

static int scan_operator(struct scanner *scan, struct kubeapi_requirement *requirement)
{
	char next = peek(scan);

	if (next == '\0' || next == ',') {
		requirement->relation = KUBEAPI_HAS_KEY;
		return 0;
	}
	requirement->values = arena_calloc(scan->arena, KUBEAPI_MAX_VALUES, sizeof(struct str));
	if (!requirement->values)
		return error_set(scan->err, ERROR_MEMORY, "no memory for a selector");
	if (next == '=' || next == '!') {
		scan->at++;
		if (next == '!' && !take(scan, '='))
			return bad(scan, "expected: '!='");
		if (next == '=' && scan->at < scan->text.len && scan->text.ptr[scan->at] == '=')
			scan->at++;
		requirement->relation = next == '!' ? KUBEAPI_NOT_IN : KUBEAPI_IN;
		return add_value(scan, requirement, word(scan));
	}
	struct str name = word(scan);
	if (!str_eq_c(name, "in") && !str_eq_c(name, "notin"))
		return bad(scan, "expected: in, notin, =, ==, !=");
	requirement->relation = name.len == 2 ? KUBEAPI_IN : KUBEAPI_NOT_IN;
	return scan_values(scan, requirement);
}

static int scan_requirement(struct scanner *scan, struct kubeapi_requirement *requirement)
{
	bool is_negated = take(scan, '!');

	requirement->key = word(scan);
	if (!is_label_key(requirement->key))
		return bad(scan, "expected: a label's key");
	if (!is_negated)
		return scan_operator(scan, requirement);
	requirement->relation = KUBEAPI_LACKS_KEY;
	return 0;
}

int kubeapi_select_labels(
	struct arena *arena, struct str text, struct kubeapi_selector *ret, struct error *err)
{
	struct scanner scan = {.arena = arena, .text = text, .err = err};
	struct kubeapi_selector selector = {0};

	if (peek(&scan) == '\0') {
		*ret = selector;
		return 0;
	}
	selector.items = arena_calloc(arena, KUBEAPI_MAX_REQUIREMENTS, sizeof(*selector.items));
	if (!selector.items)
		return error_set(err, ERROR_MEMORY, "no memory for a selector");
	do {
		if (selector.count == KUBEAPI_MAX_REQUIREMENTS)
			return bad(&scan, "too many requirements");
		if (scan_requirement(&scan, &selector.items[selector.count++]) < 0)
			return -1;
	} while (take(&scan, ','));
	if (peek(&scan) != '\0' || scan.at < text.len)
		return bad(&scan, "expected: ',' or the end");
	*ret = selector;
	return 0;
}

/* --- fields -------------------------------------------------------------------------------- */

/* Up to an unescaped ','; "\," and "\=" and "\\" are the characters themselves. */
static struct str field_term(struct arena *arena, struct str *rest)
{
	char *out = arena_alloc(arena, rest->len + 1);
	size_t len = 0, at = 0;

	if (!out)
		return STR_NULL;
	while (at < rest->len && rest->ptr[at] != ',') {
		if (rest->ptr[at] == '\\' && at + 1 < rest->len)
			at++;
		out[len++] = rest->ptr[at++];
	}
	*rest = at < rest->len ? str_slice(*rest, at + 1, rest->len) : STR_NULL;
	return str_n(out, len);
}

static int field_requirement(struct arena *arena, struct str term,
	struct kubeapi_requirement *requirement, struct error *err)
{
	ptrdiff_t equals = str_index(term, '=');
	size_t end;

	if (equals <= 0)
		return error_set(err, ERROR_INVALID,
			"invalid selector: '%" STR_F "'; can't understand '%" STR_F "'",
			STR_A(term), STR_A(term));
	end = (size_t)equals;
	requirement->relation = KUBEAPI_IN;
	if (term.ptr[end - 1] == '!') {
		requirement->relation = KUBEAPI_NOT_IN;
		end--;
	}
	size_t value = (size_t)equals + 1;
	if (value < term.len && term.ptr[value] == '=')
		value++;
	requirement->key = str_trim(str_slice(term, 0, end));
	requirement->values = arena_calloc(arena, 1, sizeof(struct str));
	if (!requirement->values)
		return error_set(err, ERROR_MEMORY, "no memory for a selector");
	requirement->values[0] = str_slice(term, value, term.len);
	requirement->value_count = 1;
	return 0;
}

int kubeapi_select_fields(
	struct arena *arena, struct str text, struct kubeapi_selector *ret, struct error *err)
{
	struct kubeapi_selector selector = {0};

	selector.items = arena_calloc(arena, KUBEAPI_MAX_REQUIREMENTS, sizeof(*selector.items));
	if (!selector.items)
		return error_set(err, ERROR_MEMORY, "no memory for a selector");
	while (text.len > 0) {
		struct str term = str_trim(field_term(arena, &text));
		if (term.len == 0)
			continue;
		if (selector.count == KUBEAPI_MAX_REQUIREMENTS)
			return error_set(err, ERROR_INVALID,
				"a field selector has at most %u terms", KUBEAPI_MAX_REQUIREMENTS);
		if (field_requirement(arena, term, &selector.items[selector.count++], err) < 0)
			return -1;
	}
	*ret = selector;
	return 0;
}

/* --- matching ------------------------------------------------------------------------------ */

static bool has_value(const struct kubeapi_requirement *requirement, struct str value)
{
	for (size_t i = 0; i < requirement->value_count; i++)
		if (str_eq(requirement->values[i], value))
			return true;
	return false;
}

bool kubeapi_select_match_labels(const struct kubeapi_selector *selector, const struct json *labels)
{
	for (size_t i = 0; i < selector->count; i++) {
		const struct kubeapi_requirement *requirement = &selector->items[i];
		const struct json *label = json_get_str(labels, requirement->key);
		bool has = label != NULL;
		bool matches = requirement->relation == KUBEAPI_HAS_KEY	    ? has
			       : requirement->relation == KUBEAPI_LACKS_KEY ? !has
			       : requirement->relation == KUBEAPI_IN
				       ? has && has_value(requirement, json_str(label))
				       : !has || !has_value(requirement, json_str(label));
		if (!matches)
			return false;
	}
	return true;
}

struct str kubeapi_select_field(const struct json *object, struct str path)
{
	const struct json *value = object;

	while (!str_is_null(path) && value)
		value = json_get_str(value, str_cut(&path, '.'));
	if (json_is(value, JSON_STRING))
		return json_str(value);
	if (json_is(value, JSON_NUMBER))
		return json_number_text(value);
	if (json_is(value, JSON_BOOL))
		return json_bool(value, false) ? STR("true") : STR("false");
	return STR("");
}

bool kubeapi_select_match_fields(const struct kubeapi_selector *selector, const struct json *object)
{
	for (size_t i = 0; i < selector->count; i++) {
		const struct kubeapi_requirement *requirement = &selector->items[i];
		struct str value = kubeapi_select_field(object, requirement->key);
		if (has_value(requirement, value) != (requirement->relation == KUBEAPI_IN))
			return false;
	}
	return true;
}

struct kubeapi_selector kubeapi_selector_copy(
	struct arena *arena, const struct kubeapi_selector *selector)
{
	struct kubeapi_selector copy = {0};

	copy.items = arena_calloc(arena, selector->count + 1, sizeof(*copy.items));
	for (size_t i = 0; copy.items && i < selector->count; i++) {
		const struct kubeapi_requirement *from = &selector->items[i];
		struct kubeapi_requirement *to = &copy.items[copy.count++];
		*to = (struct kubeapi_requirement){
			arena_str(arena, from->key), from->relation, NULL, 0};
		to->values = arena_calloc(arena, from->value_count + 1, sizeof(struct str));
		for (size_t v = 0; to->values && v < from->value_count; v++)
			to->values[to->value_count++] = arena_str(arena, from->values[v]);
	}
	return copy;
}
