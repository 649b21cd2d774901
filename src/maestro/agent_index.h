/*
 * agent_index.h - from an object on the cluster to the works that are about it.
 *
 * Finds by a 64-bit hash of the object's name: a collision only wakes a work that then finds
 * nothing to do. Entries are the caller's; the caller holds a lock around every call.
 */
#ifndef REEVE_MAESTRO_AGENT_INDEX_H
#define REEVE_MAESTRO_AGENT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"

struct agent_work;

/* An object that a work is about; the i-th belongs to the i-th manifest. */
struct agent_target {
	uint64_t key; /* agent_target_key(); 0: the manifest's kind is not known to the cluster */
	int64_t version;  /* resourceVersion last looked at; 0: none */
	uint32_t kind;	  /* the follower's number */
	bool is_unstable; /* the server never says quite what was written: see agent_manifest_holds
			   */
};

uint64_t agent_target_key(
	struct str group, struct str resource, struct str name_space, struct str name);

/* A target in the index. */
struct agent_tracked {
	struct agent_tracked *next; /* of the same key */
	struct agent_work *work;
	uint64_t listing; /* the last that showed it; 0: none yet */
	uint32_t ordinal;
	struct agent_target target;
};

struct agent_index {
	struct map *map; /* the key's bytes to the first entry */
};

bool agent_index_init(struct agent_index *index);
void agent_index_free(struct agent_index *index);

struct agent_tracked *agent_index_find(const struct agent_index *index, uint64_t key);
/* False when memory is out. */
bool agent_index_add(struct agent_index *index, struct agent_tracked *tracked);
void agent_index_remove(struct agent_index *index, struct agent_tracked *tracked);

#endif
