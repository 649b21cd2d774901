/*
 * agent_index.c - hashes of names in a map, entries of one hash in a list.
 */
#include "maestro/agent_index.h"

#include "base/buf.h"
#include "base/hash.h"

uint64_t agent_target_key(
	struct str group, struct str resource, struct str name_space, struct str name)
{
	struct buf text;
	buf_init(&text, 0);
	buf_printf(&text, "%" STR_F "/%" STR_F "/%" STR_F "/%" STR_F, STR_A(group), STR_A(resource),
		STR_A(name_space), STR_A(name));
	uint64_t key = hash_fnv1a(buf_str(&text));
	buf_free(&text);
	return key != 0 ? key : 1;
}

static struct str key_text(const uint64_t *key)
{
	return str_n((const char *)key, sizeof(*key));
}

bool agent_index_init(struct agent_index *index)
{
	index->map = map_new();
	return index->map != NULL;
}

void agent_index_free(struct agent_index *index)
{
	map_free(index->map, NULL);
	index->map = NULL;
}

struct agent_tracked *agent_index_find(const struct agent_index *index, uint64_t key)
{
	return map_get(index->map, key_text(&key));
}

bool agent_index_add(struct agent_index *index, struct agent_tracked *tracked)
{
	tracked->next = agent_index_find(index, tracked->target.key);
	return map_put(index->map, key_text(&tracked->target.key), tracked, NULL);
}

void agent_index_remove(struct agent_index *index, struct agent_tracked *tracked)
{
	struct str key = key_text(&tracked->target.key);
	struct agent_tracked *each = map_get(index->map, key);
	if (each == tracked && !tracked->next) {
		map_remove(index->map, key);
		return;
	}
	if (each == tracked) {
		/* Replaces in place, which needs no memory. */
		(void)map_put(index->map, key, tracked->next, NULL);
		return;
	}
	while (each && each->next != tracked)
		each = each->next;
	if (each)
		each->next = tracked->next;
}
