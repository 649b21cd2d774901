/*
 * fuzz_agent_manifest.c - an agent's decisions about any bundle and any object.
 *
 * The input is two JSON documents with a NUL between: a bundle, and the object that its first
 * manifest is about. What Update writes must make the manifest's labels hold, and an object made
 * from a manifest must need no update.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "maestro/agent_feedback.h"
#include "maestro/agent_manifest.h"

#define ARENA_MAX ((size_t)64 << 20)

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(struct arena *arena, const struct json *bundle, const struct json *object)
{
	const struct json *manifest = json_at(json_get(bundle, "manifests"), 0);
	struct agent_resource_meta meta = agent_manifest_meta(manifest, 0);
	struct agent_manifest_config config = {0};
	struct json *owner = agent_owner_new(arena, STR("owner"), STR("uid"));
	struct json *values;
	struct str failure;

	if (!json_is(manifest, JSON_OBJECT) ||
		!json_is(json_get(manifest, "metadata"), JSON_OBJECT))
		return;
	(void)agent_manifest_is_orphan(bundle, &meta);
	if (agent_manifest_configure(bundle, &meta, &config, NULL) == 0 && config.feedback_rules)
		agent_feedback_read(arena, config.feedback_rules, object, &values, &failure);
	(void)agent_manifest_holds(manifest, object);
	if (json_is(object, JSON_OBJECT))
		(void)agent_manifest_update(arena, manifest, object, owner, true);

	struct json *made = agent_manifest_body(arena, manifest, owner);

	if (!arena_is_exhausted(arena))
		require(agent_owners_change(arena, made, owner, true) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct str object_text = str_n((const char *)data, size);
	struct str bundle_text = str_cut(&object_text, '\0');
	struct json *bundle = NULL, *object = NULL;

	if (arena && json_parse(arena, bundle_text, NULL, &bundle, NULL) == 0) {
		if (!str_is_null(object_text))
			(void)json_parse(arena, object_text, NULL, &object, NULL);
		check(arena, bundle, object);
	}
	arena_free(arena);
	return 0;
}
