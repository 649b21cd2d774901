/*
 * kubeapi_ring.h - the most recent changes, in the order of their versions.
 *
 * Versions are dense: each committed write takes the next one. Writers publish after their commit,
 * in whatever order their threads run; readers see an event only when all before it are there.
 * Bounded by count and bytes: who has fallen behind the ring reads the tables instead.
 */
#ifndef REEVE_LOCAL_KUBEAPI_RING_H
#define REEVE_LOCAL_KUBEAPI_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define KUBEAPI_RING_EVENTS 4096u
#define KUBEAPI_RING_MAX_BYTES ((size_t)6 << 20)

enum kubeapi_event_type { KUBEAPI_ADDED, KUBEAPI_MODIFIED, KUBEAPI_DELETED };

struct kubeapi_event {
	atomic_uint owners;
	enum kubeapi_event_type type;
	int64_t version;
	size_t bytes;
	struct str resource, name_space, name, uid;
	struct str body;     /* the object's text after its prefix */
	struct str previous; /* the same before, when selectors may tell the two apart; else null */
};

struct kubeapi_ring;

/* The first event published will have version `next`. NULL: no memory. */
struct kubeapi_ring *kubeapi_ring_new(int64_t next);
void kubeapi_ring_free(struct kubeapi_ring *ring);

/* Copies what the event points to. Without memory for it the ring forgets all before it, so that
 * readers turn to the tables. */
void kubeapi_ring_publish(struct kubeapi_ring *ring, const struct kubeapi_event *event);

/* Events after `after`, each with one more owner. False when the ring no longer reaches back that
 * far. */
bool kubeapi_ring_take(struct kubeapi_ring *ring, int64_t after, size_t max,
	struct kubeapi_event **ret, size_t *ret_count);
void kubeapi_event_release(struct kubeapi_event *event);

/* The newest version that readers may see. */
int64_t kubeapi_ring_last(struct kubeapi_ring *ring);

/* Waits for an event after `after`, a poke or the time. A poke ends one wait of each waiter, the
 * current or the next: `pokes`, at first 0, is the waiter's own count of those it has seen. */
void kubeapi_ring_wait(
	struct kubeapi_ring *ring, int64_t after, uint64_t *pokes, int64_t timeout_us);
void kubeapi_ring_poke(struct kubeapi_ring *ring);

#endif
