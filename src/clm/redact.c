/*
 * redact.c - see redact.h.
 */
#include "clm/redact.h"

static const char *const words[] = {"password", "secret", "token", "apikey", "api_key",
	"privatekey", "secretkey", "accesskey", "sshkey", "encryptionkey", "accountkey",
	"servicekey", "registrykey", "signingkey", "credential", "passphrase", "private", "auth",
	"connection", "cert", "kubeconfig", "bearer"};

static bool is_sensitive(struct str name)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct str word = str_of(words[i]);

		for (size_t at = 0; at + word.len <= name.len; at++)
			if (str_casecmp(str_slice(name, at, word.len), word) == 0)
				return true;
	}
	return false;
}

static bool is_container(const struct json *value)
{
	return json_is(value, JSON_OBJECT) || json_is(value, JSON_ARRAY);
}

static void redact_below(struct arena *arena, struct json *container, unsigned depth)
{
	struct json *item;

	json_for_each (container, i, item) {
		bool is_member = json_is(container, JSON_OBJECT);
		bool is_too_deep = is_container(item) && depth == REDACT_MAX_DEPTH;

		if (is_too_deep || (is_member && is_sensitive(json_key_at(container, i))))
			json_replace_at(container, i, json_new_string(arena, STR(REDACT_TEXT)));
		else if (is_container(item))
			redact_below(arena, item, depth + 1);
	}
}

void redact(struct arena *arena, struct json *document)
{
	if (is_container(document))
		redact_below(arena, document, 1);
}
