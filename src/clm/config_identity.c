/*
 * config_identity.c - see config_identity.h.
 */
#include "clm/config_identity.h"

#include <stdio.h>
#include <string.h>

#define HTTPS "https://"
#define HTTP "http://"
#define MAX_PATH_TEXT 128

/* One text of an entry, and where it goes in a struct. */
struct text_key {
	const char *name;
	size_t offset;
};

static const struct text_key issuer_keys[] = {
	{"issuer_url", offsetof(struct issuer_rule, url)},
	{"jwk_cert_url", offsetof(struct issuer_rule, key_url)},
	{"jwk_cert_file", offsetof(struct issuer_rule, key_file)},
	{"jwk_cert_ca_file", offsetof(struct issuer_rule, key_ca_file)},
	{"header", offsetof(struct issuer_rule, header)},
	{"audience", offsetof(struct issuer_rule, audience)},
	{"identity_claim", offsetof(struct issuer_rule, claim)},
	{"identity_claim_pattern", offsetof(struct issuer_rule, pattern)},
	{"identity_header", offsetof(struct issuer_rule, identity_header)},
};

static const struct text_key dimension_keys[] = {
	{"header", offsetof(struct caller_dimension, header)},
	{"key", offsetof(struct caller_dimension, key)},
};

static const struct text_key regional_keys[] = {
	{"certificate", offsetof(struct caller_regional, certificate)},
	{"issuer", offsetof(struct caller_regional, issuer)},
	{"identity", offsetof(struct caller_regional, identity)},
};

#define DIMENSION_REQUIRED "required"

/* Headers that carry a secret, or frame the request. */
static const char *const taken_headers[] = {"Authorization", "Cookie", "Set-Cookie", "X-Api-Key",
	"X-Auth-Token", "X-Forwarded-Authorization", "Proxy-Authorization", "Host", "Connection",
	"Content-Length", "Content-Type", "Transfer-Encoding", "If-Match"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- entries --------------------------------------------------------------------------------- */

/* An entry while it is read. */
struct entry {
	struct arena *arena;
	const struct config_place *place;
	size_t index;
	const struct json *map;
	struct error *err;
};

static int refuse(const struct entry *entry, const char *key, const char *wanted)
{
	const struct json *value = key ? json_get(entry->map, key) : NULL;

	return error_set(entry->err, ERROR_INVALID, "%s: line %u: %s[%zu]%s%s %s",
		entry->place->file, json_line(value ? value : entry->map), entry->place->path,
		entry->index, key ? "." : "", key ? key : "", wanted);
}

/* Reads the texts into `target`, and refuses whatever else there is but `other`. An empty text is
 * as none. */
static int read_texts(const struct entry *entry, const struct text_key *keys, size_t count,
	const char *other, void *target)
{
	struct json *value;

	if (!json_is(entry->map, JSON_OBJECT))
		return refuse(entry, NULL, "has to be a map");
	json_for_each (entry->map, i, value) {
		struct str name = json_key_at(entry->map, i);
		const struct text_key *key = keys;

		while (key < keys + count && !str_eq_c(name, key->name))
			key++;
		if (key == keys + count && other && str_eq_c(name, other))
			continue;
		if (key == keys + count)
			return refuse(
				entry, arena_cstr(entry->arena, name), "is not a key known here");
		if (!json_is_null(value) && !json_is(value, JSON_STRING))
			return refuse(entry, key->name, "has to be text");
		if (json_str(value).len > 0)
			*(const char **)(void *)((char *)target + key->offset) =
				arena_cstr(entry->arena, json_str(value));
	}
	return 0;
}

static int check_list(
	const struct config_place *place, const struct json *list, size_t most, struct error *err)
{
	if (!json_is_null(list) && !json_is(list, JSON_ARRAY))
		return error_set(
			err, ERROR_INVALID, "%s: %s has to be a list", place->file, place->path);
	if (json_count(list) > most)
		return error_set(err, ERROR_INVALID,
			"%s: %s has %zu entries; at most %zu are possible", place->file,
			place->path, json_count(list), most);
	return 0;
}

/* --- headers --------------------------------------------------------------------------------- */

/* RFC 9110 section 5.6.2: a token. */
static bool is_header_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			    (*c >= '0' && *c <= '9') || strchr("!#$%&'*+-.^_`|~", *c)))
			return false;
	return *name != '\0';
}

int config_check_identity_header(
	const char *file, const char *path, const char *name, struct error *err)
{
	if (!name)
		return 0;
	if (!is_header_name(name))
		return error_set(err, ERROR_INVALID,
			"%s: %s has to be the name of a header, is '%s'", file, path, name);
	for (size_t i = 0; i < COUNT(taken_headers); i++)
		if (str_casecmp(str_of(name), str_of(taken_headers[i])) == 0)
			return error_set(err, ERROR_INVALID,
				"%s: %s cannot be %s, which has another meaning; choose a header "
				"that only the gateway sets",
				file, path, taken_headers[i]);
	return 0;
}

static int check_header_of(const struct entry *entry, const char *key, const char *name)
{
	char path[MAX_PATH_TEXT];

	snprintf(path, sizeof(path), "%s[%zu].%s", entry->place->path, entry->index, key);
	return config_check_identity_header(entry->place->file, path, name, entry->err);
}

/* --- issuers --------------------------------------------------------------------------------- */

/* https, or http where nobody is on the way. */
static bool is_safe_url(const char *text)
{
	static const char *const local[] = {"localhost", "127.0.0.1", "[::1]"};
	struct str url = str_of(text);

	if (str_starts_with(url, STR(HTTPS)))
		return url.len > strlen(HTTPS);
	if (!str_starts_with(url, STR(HTTP)))
		return false;
	struct str host = str_slice(url, strlen(HTTP), url.len);
	for (size_t i = 0; i < COUNT(local); i++) {
		struct str name = str_of(local[i]);
		struct str rest = str_slice(host, name.len, host.len);

		if (str_starts_with(host, name) &&
			(rest.len == 0 || rest.ptr[0] == ':' || rest.ptr[0] == '/'))
			return str_index(host, '@') < 0;
	}
	return false;
}

static int check_issuer(const struct entry *entry, const struct issuer_rule *rule)
{
	if (!rule->url || !is_safe_url(rule->url))
		return refuse(entry, "issuer_url", "has to be https://..., or http:// on loopback");
	if (!rule->key_url && !rule->key_file)
		return refuse(entry, NULL, "needs jwk_cert_url or jwk_cert_file");
	if (rule->key_url && !is_safe_url(rule->key_url))
		return refuse(
			entry, "jwk_cert_url", "has to be https://..., or http:// on loopback");
	if (rule->header && (!is_header_name(rule->header) ||
				    str_casecmp(str_of(rule->header), STR("Cookie")) == 0))
		return refuse(entry, "header", "has to be the name of a header, and not Cookie");
	return check_header_of(entry, "identity_header", rule->identity_header);
}

int config_read_issuers(struct arena *arena, const struct config_place *place,
	const struct json *list, struct caller_rules *rules, struct error *err)
{
	struct entry entry = {.arena = arena, .place = place, .err = err};
	struct issuer_rule *issuers;

	if (check_list(place, list, ISSUER_MAX, err) != 0)
		return -1;
	if (json_count(list) == 0)
		return error_set(err, ERROR_INVALID,
			"%s: server.jwt.enabled is true and %s names no issuer; name one, with "
			"issuer_url and jwk_cert_url or jwk_cert_file, or set server.jwt.enabled "
			"to false and let only the gateway reach this server",
			place->file, place->path);
	issuers = arena_calloc(arena, json_count(list), sizeof(*issuers));
	if (!issuers)
		return error_set(err, ERROR_MEMORY, "no room for the configuration");
	for (; (entry.map = json_at(list, entry.index)) != NULL; entry.index++)
		if (read_texts(&entry, issuer_keys, COUNT(issuer_keys), NULL,
			    &issuers[entry.index]) != 0 ||
			check_issuer(&entry, &issuers[entry.index]) != 0)
			return -1;
	rules->needs_token = true;
	rules->issuers = issuers;
	rules->issuer_count = entry.index;
	return 0;
}

/* --- tenants --------------------------------------------------------------------------------- */

static int check_dimension(const struct entry *entry, const struct caller_rules *rules,
	const struct caller_dimension *all)
{
	const struct caller_dimension *own = &all[entry->index];

	if (!own->header || !own->key)
		return refuse(entry, NULL, "needs header and key");
	if (check_header_of(entry, "header", own->header) != 0)
		return -1;
	if (rules->system_header &&
		str_casecmp(str_of(own->header), str_of(rules->system_header)) == 0)
		return refuse(entry, "header", "is server.tenant.system_header, too");
	for (size_t i = 0; i < entry->index; i++) {
		if (str_casecmp(str_of(own->header), str_of(all[i].header)) == 0)
			return refuse(entry, "header", "is another entry's, too");
		if (strcmp(own->key, all[i].key) == 0)
			return refuse(entry, "key", "is another entry's, too");
	}
	return 0;
}

int config_read_dimensions(struct arena *arena, const struct config_place *place,
	const struct json *list, struct caller_rules *rules, struct error *err)
{
	struct entry entry = {.arena = arena, .place = place, .err = err};
	struct caller_dimension *dimensions;
	bool has_required = false;

	if (check_list(place, list, CALLER_MAX_DIMENSIONS, err) != 0 ||
		config_check_identity_header(
			place->file, "server.tenant.system_header", rules->system_header, err) != 0)
		return -1;
	dimensions = arena_calloc(arena, json_count(list) + 1, sizeof(*dimensions));
	if (!dimensions)
		return error_set(err, ERROR_MEMORY, "no room for the configuration");
	for (; (entry.map = json_at(list, entry.index)) != NULL; entry.index++) {
		struct caller_dimension *own = &dimensions[entry.index];
		const struct json *required = json_get(entry.map, DIMENSION_REQUIRED);

		if (read_texts(&entry, dimension_keys, COUNT(dimension_keys), DIMENSION_REQUIRED,
			    own) != 0 ||
			check_dimension(&entry, rules, dimensions) != 0)
			return -1;
		if (!json_is_null(required) && !json_is(required, JSON_BOOL))
			return refuse(&entry, DIMENSION_REQUIRED, "has to be true or false");
		own->is_required = json_bool(required, false);
		has_required = has_required || own->is_required;
	}
	/* Who resolves no dimension sees everything: nobody may get by without one. */
	if (!has_required)
		return error_set(err, ERROR_INVALID,
			"%s: %s needs an entry with required: true while server.tenant.enabled is "
			"true",
			place->file, place->path);
	rules->dimensions = dimensions;
	rules->dimension_count = entry.index;
	return 0;
}

/* --- the region's own ------------------------------------------------------------------------ */

static bool is_issuer(const struct caller_rules *rules, const char *url)
{
	for (size_t i = 0; i < rules->issuer_count; i++)
		if (strcmp(rules->issuers[i].url, url) == 0)
			return true;
	return false;
}

static bool is_gateway(const struct caller_rules *rules, const char *certificate)
{
	for (size_t i = 0; i < rules->gateway_count; i++)
		if (strcmp(rules->gateways[i], certificate) == 0)
			return true;
	return false;
}

static int check_regional(const struct entry *entry, const struct caller_rules *rules,
	const struct caller_regional *own)
{
	bool is_token = own->issuer && own->identity;

	if (own->certificate ? own->issuer || own->identity : !is_token)
		return refuse(entry, NULL, "needs either certificate, or issuer and identity");
	if (own->certificate && !rules->needs_certificate)
		return refuse(entry, "certificate",
			"is about clients with certificates; name their CA in "
			"server.tls.client_ca_file");
	if (own->certificate && is_gateway(rules, own->certificate))
		return refuse(entry, "certificate",
			"is a gateway's, by server.tls.client_names: a header that it forgets "
			"would open the region");
	if (own->issuer && !is_issuer(rules, own->issuer))
		return refuse(
			entry, "issuer", "has to be an issuer_url of server.jwt.configs, in use");
	return 0;
}

int config_read_regionals(struct arena *arena, const struct config_place *place,
	const struct json *list, struct caller_rules *rules, struct error *err)
{
	struct entry entry = {.arena = arena, .place = place, .err = err};
	struct caller_regional *regionals;

	if (check_list(place, list, CALLER_MAX_REGIONALS, err) != 0)
		return -1;
	regionals = arena_calloc(arena, json_count(list) + 1, sizeof(*regionals));
	if (!regionals)
		return error_set(err, ERROR_MEMORY, "no room for the configuration");
	for (; (entry.map = json_at(list, entry.index)) != NULL; entry.index++)
		if (read_texts(&entry, regional_keys, COUNT(regional_keys), NULL,
			    &regionals[entry.index]) != 0 ||
			check_regional(&entry, rules, &regionals[entry.index]) != 0)
			return -1;
	rules->regionals = regionals;
	rules->regional_count = entry.index;
	return 0;
}

/* --- gateways -------------------------------------------------------------------------------- */

int config_read_gateways(struct arena *arena, const struct config_place *place,
	const struct json *list, struct caller_rules *rules, struct error *err)
{
	struct entry entry = {.arena = arena, .place = place, .err = err};
	const char **names;

	if (check_list(place, list, CALLER_MAX_GATEWAYS, err) != 0)
		return -1;
	names = arena_calloc(arena, json_count(list) + 1, sizeof(*names));
	if (!names)
		return error_set(err, ERROR_MEMORY, "no room for the configuration");
	for (; (entry.map = json_at(list, entry.index)) != NULL; entry.index++) {
		if (json_str(entry.map).len == 0)
			return refuse(&entry, NULL, "has to be a name in a certificate");
		names[entry.index] = arena_cstr(arena, json_str(entry.map));
	}
	rules->gateways = names;
	rules->gateway_count = entry.index;
	return 0;
}
