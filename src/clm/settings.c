/*
 * settings.c - reading and checking settings files; the keys are the callers' tables.
 */
#include "clm/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "data/yaml.h"

#define KNOWN_KEYS_TEXT_MAX 300 /* of the list of known keys in a message */

static const enum json_type json_types[] = {
	[SETTINGS_TEXT] = JSON_STRING,
	[SETTINGS_BOOL] = JSON_BOOL,
	[SETTINGS_INTEGER] = JSON_NUMBER,
	[SETTINGS_LIST] = JSON_ARRAY,
	[SETTINGS_MAP] = JSON_OBJECT,
};

static const char *const type_names[] = {
	[SETTINGS_TEXT] = "text",
	[SETTINGS_BOOL] = "true or false",
	[SETTINGS_INTEGER] = "a whole number",
	[SETTINGS_LIST] = "a list",
	[SETTINGS_MAP] = "a map",
};

/* --- files ----------------------------------------------------------------------------------- */

static int read_descriptor(
	struct arena *arena, int fd, const char *path, struct str *ret, struct error *err)
{
	struct stat status;
	if (fstat(fd, &status) != 0)
		return error_set(err, error_from_errno(errno), "%s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERROR_INVALID, "%s is not a file", path);
	if ((uintmax_t)status.st_size > SETTINGS_MAX_FILE_BYTES)
		return error_set(err, ERROR_TOO_LARGE, "%s has %jd bytes; at most %zu are read",
			path, (intmax_t)status.st_size, SETTINGS_MAX_FILE_BYTES);
	size_t size = (size_t)status.st_size, have = 0;
	char *bytes = arena_alloc(arena, size + 1);
	if (!bytes)
		return error_set(err, ERROR_MEMORY, "no memory to read %s", path);
	while (have < size) {
		ssize_t n = read(fd, bytes + have, size - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(
				err, error_from_errno(errno), "%s: %s", path, strerror(errno));
		if (n == 0)
			break;
		have += (size_t)n;
	}
	bytes[have] = '\0';
	*ret = str_n(bytes, have);
	return 0;
}

int settings_read(struct arena *arena, const char *path, struct str *ret, struct error *err)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return error_set(err, ERROR_NOT_FOUND, "there is no file %s", path);
	if (fd < 0)
		return error_set(err, error_from_errno(errno), "%s: %s", path, strerror(errno));
	return read_descriptor(arena, fd, path, ret, err);
}

int settings_load(struct arena *arena, const char *path, struct json **ret, struct error *err)
{
	struct str text;
	struct json *document = NULL;
	if (settings_read(arena, path, &text, err) != 0)
		return -1;
	if (yaml_parse(arena, text, &document, err) != 0)
		return error_prefix(err, "%s", path);
	if (!json_is(document, JSON_OBJECT))
		return error_set(err, ERROR_INVALID, "%s must hold a map of keys", path);
	*ret = document;
	return 0;
}

int settings_at(const struct json *value, struct error *err)
{
	return json_line(value) ? error_prefix(err, "line %u", json_line(value)) : -1;
}

/* --- tables ---------------------------------------------------------------------------------- */

static const struct settings_key *find_key(
	const struct settings_key *keys, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_c(name, keys[i].name))
			return &keys[i];
	return NULL;
}

static const char *dot(struct str where)
{
	return str_is_empty(where) ? "" : ".";
}

static int refuse_unknown(struct str where, struct str name, const struct settings_key *keys,
	size_t count, struct error *err)
{
	char known[KNOWN_KEYS_TEXT_MAX] = "";
	CLEANUP(buf_free) struct buf list = BUF_INITIALIZER(sizeof(known) - 1);
	for (size_t i = 0; i < count; i++)
		if (!keys[i].refused)
			buf_printf(&list, "%s%s", list.len ? ", " : "", keys[i].name);
	memcpy(known, buf_str(&list).ptr, list.len);
	return error_set(err, ERROR_INVALID,
		"%" STR_F "%s%" STR_F " is not a key known here (known: %s)", STR_A(where),
		dot(where), STR_A(name), known);
}

static bool has_type(const struct json *value, enum settings_type type)
{
	int64_t number;
	if (type == SETTINGS_ANY)
		return true;
	return json_is(value, json_types[type]) &&
	       (type != SETTINGS_INTEGER || json_to_int(value, &number));
}

static int check_member(const struct json *value, struct str name, struct str where,
	const struct settings_key *keys, size_t count, struct error *err)
{
	const struct settings_key *key = find_key(keys, count, name);
	if (!key)
		return refuse_unknown(where, name, keys, count, err);
	if (key->refused)
		return error_set(err, ERROR_INVALID, "%" STR_F "%s%" STR_F " is not supported: %s",
			STR_A(where), dot(where), STR_A(name), key->refused);
	if (!json_is_null(value) && !has_type(value, key->type))
		return error_set(err, ERROR_INVALID, "%" STR_F "%s%" STR_F " must be %s",
			STR_A(where), dot(where), STR_A(name), type_names[key->type]);
	return 0;
}

int settings_check(const struct json *map, struct str where, const struct settings_key *keys,
	size_t count, struct error *err)
{
	const struct json *value;
	if (!json_is(map, JSON_OBJECT))
		return error_set(err, ERROR_INVALID, "%" STR_F " must be a map", STR_A(where));
	json_for_each (map, i, value)
		if (check_member(value, json_key_at(map, i), where, keys, count, err) != 0)
			return settings_at(value, err);
	for (size_t i = 0; i < count; i++)
		if (keys[i].required && json_is_null(json_get(map, keys[i].name)))
			return error_set(err, ERROR_INVALID, "%" STR_F "%s%s is missing",
				STR_A(where), dot(where), keys[i].name);
	return 0;
}

struct str settings_path(struct arena *arena, struct str where, const char *key)
{
	return arena_printf(arena, "%" STR_F "%s%s", STR_A(where), dot(where), key);
}

struct str settings_item(struct arena *arena, struct str where, size_t index)
{
	return arena_printf(arena, "%" STR_F "[%zu]", STR_A(where), index);
}

/* --- values ---------------------------------------------------------------------------------- */

int settings_duration(const struct json *map, struct str where, const char *key, int64_t fallback,
	int64_t *ret_us, struct error *err)
{
	const struct json *value = json_get(map, key);
	int64_t duration_us = fallback;
	if (!json_is_null(value) &&
		(!clock_parse_duration(json_str(value), &duration_us) || duration_us < 0))
		return error_set(err, ERROR_INVALID,
			"%" STR_F "%s%s must be a duration such as \"10s\" or \"1m30s\"",
			STR_A(where), dot(where), key);
	*ret_us = duration_us;
	return 0;
}

int settings_integer(const struct json *map, struct str where, const char *key, int64_t fallback,
	int64_t minimum, int64_t maximum, int64_t *ret, struct error *err)
{
	const struct json *value = json_get(map, key);
	int64_t number = fallback;
	if (!json_is_null(value) &&
		(!json_to_int(value, &number) || number < minimum || number > maximum))
		return error_set(err, ERROR_INVALID,
			"%" STR_F "%s%s must be a whole number from %jd to %jd", STR_A(where),
			dot(where), key, (intmax_t)minimum, (intmax_t)maximum);
	*ret = number;
	return 0;
}

int settings_url(struct str where, struct str text, struct str *ret, struct error *err)
{
	bool is_http = str_starts_with(text, STR("http://")) && text.len > 7;
	bool is_https = str_starts_with(text, STR("https://")) && text.len > 8;
	if ((!is_http && !is_https) || str_index(text, '?') >= 0 || str_index(text, '#') >= 0)
		return error_set(err, ERROR_INVALID,
			"%" STR_F " \"%" STR_F
			"\" must be a URL beginning with http:// or https://, without a query",
			STR_A(where), STR_A(text));
	if (str_ends_with(text, STR("/")))
		text.len--;
	*ret = text;
	return 0;
}

int settings_cel(struct arena *arena, struct str where, struct str text, const struct cel **ret,
	struct error *err)
{
	if (cel_parse(arena, text, ret, err) != 0)
		return error_prefix(err, "%" STR_F, STR_A(where));
	return 0;
}

int settings_checked_cel(struct arena *arena, struct str where, struct str text,
	const struct cel_check_env *env, const struct cel **ret, struct error *err)
{
	const struct cel *expression;
	if (settings_cel(arena, where, text, &expression, err) != 0)
		return -1;
	if (cel_check(expression, arena, env, NULL, err) != 0)
		return error_prefix(err, "%" STR_F, STR_A(where));
	*ret = expression;
	return 0;
}

bool settings_is_name(struct str text)
{
	if (str_is_empty(text) || text.ptr[0] < 'a' || text.ptr[0] > 'z')
		return false;
	for (size_t i = 1; i < text.len; i++) {
		char c = text.ptr[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!is_letter && !(c >= '0' && c <= '9') && c != '_')
			return false;
	}
	return true;
}
