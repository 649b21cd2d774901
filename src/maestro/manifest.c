/*
 * manifest.c - see manifest.h.
 *
 * Problems are collected in a list and joined the way Kubernetes joins them: one alone as it is,
 * several as "[a, b]".
 */
#include "maestro/manifest.h"

#include <ctype.h>

#include "base/map.h"

#define MAX_PROBLEMS 20 /* of one object; more would not be read */
#define LABEL_MAX 63
#define SUBDOMAIN_MAX 253
#define ANNOTATIONS_MAX ((size_t)256 << 10)

#define LABEL_TEXT                                                                                 \
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "   \
	"and "                                                                                     \
	"must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex " \
	"used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN_TEXT                                                                            \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' " \
	"or "                                                                                     \
	"'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex "  \
	"used for validation is "                                                                 \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define DNS1035_TEXT                                                                              \
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with " \
	"an "                                                                                     \
	"alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "      \
	"'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
#define NAME_PART_TEXT                                                                            \
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and " \
	"end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex " \
	"used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define QUALIFIED_TEXT                                                                          \
	"a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must "  \
	"start "                                                                                \
	"and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', " \
	"regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an "     \
	"optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
#define LABEL_VALUE_TEXT                                                                         \
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' " \
	"or "                                                                                    \
	"'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "       \
	"'my_value',  or '12345', regex used for validation is "                                 \
	"'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

struct problems {
	struct arena *arena;
	struct str texts[MAX_PROBLEMS];
	size_t count;
};

static void add(struct problems *problems, struct str text)
{
	if (problems->count < MAX_PROBLEMS)
		problems->texts[problems->count++] = text;
}

static void add_invalid(
	struct problems *problems, const char *field, struct str value, const char *why)
{
	add(problems, arena_printf(problems->arena, "%s: Invalid value: \"%" STR_F "\": %s", field,
			      STR_A(value), why));
}

static struct str joined(const struct problems *problems)
{
	struct str all = STR_NULL;

	if (problems->count <= 1)
		return problems->count == 0 ? STR_NULL : problems->texts[0];
	for (size_t i = 0; i < problems->count; i++)
		all = arena_printf(problems->arena, "%" STR_F "%s%" STR_F, STR_A(all),
			i == 0 ? "[" : ", ", STR_A(problems->texts[i]));
	return arena_printf(problems->arena, "%" STR_F "]", STR_A(all));
}

/* --- names ----------------------------------------------------------------------------------- */

static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_letter_or_digit(char c)
{
	return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

static bool is_label(struct str s)
{
	if (s.len == 0 || !is_lower_or_digit(s.ptr[0]) || !is_lower_or_digit(s.ptr[s.len - 1]))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!is_lower_or_digit(s.ptr[i]) && s.ptr[i] != '-')
			return false;
	}
	return true;
}

static bool is_subdomain(struct str s)
{
	struct str rest = s;

	if (s.len == 0)
		return false;
	while (!str_is_null(rest)) {
		if (!is_label(str_cut(&rest, '.')))
			return false;
	}
	return true;
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9] */
static bool is_name_part(struct str s)
{
	if (s.len == 0 || !is_letter_or_digit(s.ptr[0]) || !is_letter_or_digit(s.ptr[s.len - 1]))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!is_letter_or_digit(c) && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

static void check_label(struct problems *problems, const char *field, struct str value)
{
	if (value.len > LABEL_MAX)
		add_invalid(problems, field, value, "must be no more than 63 characters");
	if (!is_label(value))
		add_invalid(problems, field, value, LABEL_TEXT);
}

static void check_subdomain(
	struct problems *problems, const char *field, struct str shown, struct str value)
{
	if (value.len > SUBDOMAIN_MAX)
		add_invalid(problems, field, shown, "must be no more than 253 characters");
	if (!is_subdomain(value))
		add_invalid(problems, field, shown, SUBDOMAIN_TEXT);
}

static void check_qualified_name(struct problems *problems, const char *field, struct str key)
{
	ptrdiff_t slash = str_index(key, '/');
	struct str name = slash < 0 ? key : str_slice(key, (size_t)slash + 1, SIZE_MAX);

	if (str_index(name, '/') >= 0) {
		add_invalid(problems, field, key, QUALIFIED_TEXT);
		return;
	}
	if (slash == 0)
		add_invalid(problems, field, key, "prefix part must be non-empty");
	else if (slash > SUBDOMAIN_MAX)
		add_invalid(
			problems, field, key, "prefix part must be no more than 253 characters");
	else if (slash > 0 && !is_subdomain(str_slice(key, 0, (size_t)slash)))
		add_invalid(problems, field, key, "prefix part " SUBDOMAIN_TEXT);
	if (name.len == 0)
		add_invalid(problems, field, key, "name part must be non-empty");
	else if (name.len > LABEL_MAX)
		add_invalid(problems, field, key, "name part must be no more than 63 characters");
	if (!is_name_part(name))
		add_invalid(problems, field, key, NAME_PART_TEXT);
}

/* --- parts of an object ---------------------------------------------------------------------- */

static void check_api_version(struct problems *problems, struct str text)
{
	ptrdiff_t slash = str_index(text, '/');
	struct str version = slash < 0 ? text : str_slice(text, (size_t)slash + 1, SIZE_MAX);

	if (text.len == 0) {
		add(problems, STR("apiVersion: Required value: field not set"));
		return;
	}
	if (str_index(version, '/') >= 0) {
		add_invalid(problems, "apiVersion", text, "bad format");
		return;
	}
	if (slash == 0)
		add_invalid(problems, "apiVersion", text, "group not set");
	else if (slash > 0)
		check_subdomain(problems, "apiVersion", text, str_slice(text, 0, (size_t)slash));
	if (version.len == 0)
		add_invalid(problems, "apiVersion", text, "version not set");
	else if (!is_label(version) || isdigit((unsigned char)version.ptr[0]))
		add_invalid(problems, "apiVersion", text, DNS1035_TEXT);
	else if (version.len > LABEL_MAX)
		add_invalid(problems, "apiVersion", text, "must be no more than 63 characters");
}

static void check_labels(struct problems *problems, const struct json *labels)
{
	struct json *value;

	json_for_each (labels, i, value) {
		struct str key = json_key_at(labels, i);
		struct str text = json_str(value);

		check_qualified_name(problems, "metadata.labels", key);
		if (str_is_null(text))
			add_invalid(problems, "metadata.labels", key,
				"must have a string as its value");
		else if (text.len > LABEL_MAX)
			add_invalid(problems, "metadata.labels", text,
				"must be no more than 63 characters");
		if (text.len > 0 && !is_name_part(text))
			add_invalid(problems, "metadata.labels", text, LABEL_VALUE_TEXT);
	}
}

static void check_annotations(struct problems *problems, const struct json *annotations)
{
	struct json *value;
	size_t total = 0;

	json_for_each (annotations, i, value) {
		struct str key = json_key_at(annotations, i);
		char *lower = arena_cstr(problems->arena, key);

		for (size_t j = 0; lower != NULL && j < key.len; j++)
			lower[j] = (char)tolower((unsigned char)lower[j]);
		if (lower != NULL)
			check_qualified_name(
				problems, "metadata.annotations", str_n(lower, key.len));
		if (!json_is(value, JSON_STRING))
			add_invalid(problems, "metadata.annotations", key,
				"must have a string as its value");
		total += key.len + json_str(value).len;
	}
	if (total > ANNOTATIONS_MAX)
		add(problems,
			STR("metadata.annotations: Too long: must have at most 262144 bytes"));
}

static void check_finalizers(struct problems *problems, const struct json *finalizers)
{
	struct json *value;

	json_for_each (finalizers, i, value)
		check_qualified_name(problems, "metadata.finalizers", json_str(value));
}

static void check_metadata(struct problems *problems, const struct json *metadata)
{
	if (json_get_text(metadata, "generateName").len > 0)
		add(problems, STR("metadata.generateName: Forbidden: field cannot be set"));
	if (json_get_text(metadata, "resourceVersion").len > 0)
		add(problems, STR("metadata.resourceVersion: Forbidden: field cannot be set"));
	if (!json_is_null(json_get(metadata, "deletionGracePeriodSeconds")))
		add(problems,
			STR("metadata.deletionGracePeriodSeconds: Forbidden: field cannot be set"));
	check_annotations(problems, json_get(metadata, "annotations"));
	check_finalizers(problems, json_get(metadata, "finalizers"));
	check_labels(problems, json_get(metadata, "labels"));
}

/* --- public ---------------------------------------------------------------------------------- */

struct str manifest_problem(struct arena *arena, const struct json *manifest)
{
	struct problems problems = {.arena = arena};
	const struct json *metadata = json_get(manifest, "metadata");
	struct str name_space = json_get_text(metadata, "namespace");

	if (json_count(manifest) == 0)
		return STR("manifest is empty");
	check_api_version(&problems, json_get_text(manifest, "apiVersion"));
	if (json_get_text(manifest, "kind").len == 0)
		add(&problems, STR("kind: Required value: field not set"));
	if (json_get_text(metadata, "name").len == 0)
		add(&problems, STR("metadata.name: Required value: field not set"));
	if (name_space.len > 0)
		check_label(&problems, "metadata.namespace", name_space);
	check_metadata(&problems, metadata);
	return joined(&problems);
}

/* Null, or the complaint that the object is there twice. */
static struct str check_repeated(struct arena *arena, struct map *seen, const struct json *manifest)
{
	const struct json *metadata = json_get(manifest, "metadata");
	struct str version = json_get_text(manifest, "apiVersion");
	struct str kind = json_get_text(manifest, "kind");
	struct str name_space = json_get_text(metadata, "namespace");
	struct str name = json_get_text(metadata, "name");
	struct str key = arena_printf(arena, "%" STR_F "\n%" STR_F "\n%" STR_F "\n%" STR_F,
		STR_A(version), STR_A(kind), STR_A(name_space), STR_A(name));

	if (map_get(seen, key) != NULL)
		return arena_printf(arena,
			"duplicate manifest for resource %" STR_F "/%" STR_F
			" with resource type %" STR_F ", Kind=%" STR_F,
			STR_A(name_space), STR_A(name), STR_A(version), STR_A(kind));
	map_put(seen, key, seen, NULL);
	return STR_NULL;
}

struct str manifests_problem(struct arena *arena, const struct json *manifests)
{
	struct map *seen;
	struct str problem = STR_NULL;
	struct json *manifest;

	if (!json_is_null(manifests) && !json_is(manifests, JSON_ARRAY))
		return arena_printf(arena, "manifests is %s, not an array",
			json_type_name(json_type(manifests)));
	seen = map_new();
	if (seen == NULL)
		return STR("no memory to check the manifests");
	json_for_each (manifests, i, manifest) {
		problem = manifest_problem(arena, manifest);
		if (str_is_null(problem))
			problem = check_repeated(arena, seen, manifest);
		if (!str_is_null(problem))
			break;
	}
	map_free(seen, NULL);
	return problem;
}

struct str manifests_delivery_problem(struct arena *arena, const struct json *manifests)
{
	struct json *manifest;
	size_t total = 0;

	if (json_count(manifests) == 0)
		return STR("Workload manifests should not be empty");
	json_for_each (manifests, i, manifest)
		total += json_text(arena, manifest, JSON_WRITE_COMPACT).len;
	if (total > MANIFEST_MAX_BYTES)
		return arena_printf(arena,
			"the size of manifests is %zu bytes which exceeds the %zu limit", total,
			MANIFEST_MAX_BYTES);
	return manifests_problem(arena, manifests);
}

struct str consumer_name_problem(struct arena *arena, struct str name)
{
	struct problems problems = {.arena = arena};

	check_label(&problems, "consumer.name", name);
	return joined(&problems);
}

struct str bundle_name_problem(struct arena *arena, struct str name)
{
	struct problems problems = {.arena = arena};

	if (name.len == 0)
		return STR("metadata.name: Required value: field not set");
	check_subdomain(&problems, "metadata.name", name, name);
	return joined(&problems);
}

struct str metadata_problem(struct arena *arena, const struct json *metadata)
{
	struct problems problems = {.arena = arena};
	static const char *const maps[] = {"labels", "annotations"};

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		const struct json *map = json_get(metadata, maps[i]);

		if (!json_is_null(map) && !json_is(map, JSON_OBJECT))
			return arena_printf(arena, "metadata.%s is %s, not an object", maps[i],
				json_type_name(json_type(map)));
	}
	check_metadata(&problems, metadata);
	return joined(&problems);
}
