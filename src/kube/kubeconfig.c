/*
 * kubeconfig.c - reading kubeconfig files (kind Config, v1).
 *
 * Taken: server, certificate authority, client certificate, token, basic auth, each as data or as a
 * file. Programs that fetch credentials (exec, auth-provider), proxies and other TLS names are
 * refused in words rather than ignored: a connection that skips one of them would fail later, and
 * say less.
 */
#include "kube/kubeconfig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "data/yaml.h"

struct source {
	struct arena *arena;
	const char *path; /* of the kubeconfig */
	struct error *err;
};

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

int kubeconfig_read_file(struct arena *arena, const char *path, struct str *ret, struct error *err)
{
	__attribute__((cleanup(close_file))) FILE *file = fopen(path, "re");
	struct buf text;

	if (!file)
		return error_set(err, error_from_errno(errno), "%s cannot be read: %s", path,
			strerror(errno));
	buf_init(&text, KUBECONFIG_MAX_BYTES);
	for (;;) {
		char piece[4096];
		size_t got = fread(piece, 1, sizeof(piece), file);
		buf_add(&text, piece, got);
		if (got < sizeof(piece))
			break;
	}
	bool is_broken = ferror(file), is_large = text.failed;
	struct str copy = arena_str(arena, buf_str(&text));
	buf_free(&text);
	if (is_broken)
		return error_set(err, ERROR_INVALID, "%s cannot be read", path);
	if (is_large)
		return error_set(err, ERROR_TOO_LARGE, "%s has more than %zu bytes", path,
			KUBECONFIG_MAX_BYTES);
	if (str_is_null(copy))
		return error_set(err, ERROR_MEMORY, "no memory for %s", path);
	*ret = copy;
	return 0;
}

static int fail(struct source *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int fail(struct source *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	error_vset(s->err, ERROR_INVALID, format, ap);
	va_end(ap);
	return error_prefix(s->err, "kubeconfig %s", s->path);
}

/* The member `inner` of the entry called `name` in the list `list`. */
static int find_entry(struct source *s, const struct json *config, const char *list,
	const char *inner, struct str name, struct json **ret)
{
	const struct json *entries = json_get(config, list);
	struct json *entry;

	json_for_each (entries, i, entry)
		if (str_eq(json_get_text(entry, "name"), name)) {
			*ret = json_get(entry, inner);
			return 0;
		}
	return fail(s, "%s has no entry named \"%" STR_F "\"", list, STR_A(name));
}

static int refuse_fields(struct source *s, const struct json *entry, const char *where,
	const char *const names[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!json_is_null(json_get(entry, names[i])))
			return fail(s, "%s.%s is not supported", where, names[i]);
	return 0;
}

static int take_text(struct source *s, const struct json *entry, const char *where,
	const char *name, const char **ret)
{
	const struct json *value = json_get(entry, name);

	if (json_is_null(value))
		return 0;
	if (!json_is(value, JSON_STRING))
		return fail(s, "%s.%s must be a string, not %s", where, name,
			json_type_name(json_type(value)));
	if (json_str(value).len && !(*ret = arena_cstr(s->arena, json_str(value))))
		return error_set(s->err, ERROR_MEMORY, "no memory for kubeconfig %s", s->path);
	return 0;
}

/* Paths in a kubeconfig are relative to it. */
static int take_path(struct source *s, const struct json *entry, const char *where,
	const char *name, const char **ret)
{
	const char *text = NULL, *slash = strrchr(s->path, '/');

	if (take_text(s, entry, where, name, &text) < 0)
		return -1;
	if (text && text[0] != '/' && slash)
		text = arena_printf(s->arena, "%.*s/%s", (int)(slash - s->path), s->path, text).ptr;
	if (text)
		*ret = text;
	return 0;
}

/* PEM from `name`-data in base64, or from the file that `name` names; data goes first. */
static int take_pem(struct source *s, const struct json *entry, const char *where, const char *name,
	const char **ret)
{
	char data_name[64];
	const char *data = NULL, *path = NULL;
	struct str text;

	snprintf(data_name, sizeof(data_name), "%s-data", name);
	if (take_text(s, entry, where, data_name, &data) < 0 ||
		take_path(s, entry, where, name, &path) < 0)
		return -1;
	if (data) {
		text = hash_base64_decode(s->arena, str_of(data));
		if (str_is_null(text))
			return fail(s, "%s.%s is not base64", where, data_name);
	} else if (path) {
		if (kubeconfig_read_file(s->arena, path, &text, s->err) < 0)
			return error_prefix(s->err, "kubeconfig %s: %s.%s", s->path, where, name);
	} else {
		return 0;
	}
	*ret = text.ptr;
	return 0;
}

static int take_cluster(struct source *s, const struct json *cluster, struct kubeconfig *ret)
{
	static const char *const refused[] = {"proxy-url", "tls-server-name"};

	if (refuse_fields(s, cluster, "cluster", refused, 2) < 0 ||
		take_text(s, cluster, "cluster", "server", &ret->server) < 0 ||
		take_pem(s, cluster, "cluster", "certificate-authority", &ret->ca_pem) < 0)
		return -1;
	ret->insecure = json_bool(json_get(cluster, "insecure-skip-tls-verify"), false);
	if (!ret->server)
		return fail(s, "cluster.server is missing");
	if (strncmp(ret->server, "http://", 7) != 0 && strncmp(ret->server, "https://", 8) != 0)
		return fail(s, "cluster.server \"%s\" must begin with https:// or http://",
			ret->server);
	struct str server = str_of(ret->server);
	while (str_ends_with(server, STR("/")))
		server.len--;
	ret->server = arena_cstr(s->arena, server);
	return 0;
}

static int take_user(struct source *s, const struct json *user, struct kubeconfig *ret)
{
	static const char *const refused[] = {"exec", "auth-provider", "as"};

	if (refuse_fields(s, user, "user", refused, 3) < 0 ||
		take_text(s, user, "user", "token", &ret->token) < 0 ||
		take_path(s, user, "user", "tokenFile", &ret->token_file) < 0 ||
		take_text(s, user, "user", "username", &ret->username) < 0 ||
		take_text(s, user, "user", "password", &ret->password) < 0 ||
		take_pem(s, user, "user", "client-certificate", &ret->client_cert_pem) < 0 ||
		take_pem(s, user, "user", "client-key", &ret->client_key_pem) < 0)
		return -1;
	if (!ret->client_cert_pem != !ret->client_key_pem)
		return fail(s, "user.client-certificate and user.client-key must come together");
	return 0;
}

int kubeconfig_load(
	struct arena *arena, const char *path, struct kubeconfig *ret, struct error *err)
{
	struct source s = {arena, path, err};
	struct kubeconfig loaded = {0};
	struct json *config, *context = NULL, *cluster = NULL, *user = NULL;
	struct str text;

	if (kubeconfig_read_file(arena, path, &text, err) < 0)
		return error_prefix(err, "kubeconfig");
	if (yaml_parse(arena, text, &config, err) < 0)
		return error_prefix(err, "kubeconfig %s", path);
	struct str current = json_get_text(config, "current-context");
	if (current.len == 0)
		return fail(&s, "current-context is missing");
	if (find_entry(&s, config, "contexts", "context", current, &context) < 0 ||
		find_entry(&s, config, "clusters", "cluster", json_get_text(context, "cluster"),
			&cluster) < 0)
		return -1;
	struct str user_name = json_get_text(context, "user");
	if (user_name.len && find_entry(&s, config, "users", "user", user_name, &user) < 0)
		return -1;
	if (take_cluster(&s, cluster, &loaded) < 0 || take_user(&s, user, &loaded) < 0)
		return -1;
	if (arena_is_exhausted(arena))
		return error_set(err, ERROR_MEMORY, "no memory for kubeconfig %s", path);
	*ret = loaded;
	return 0;
}
