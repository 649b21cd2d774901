/*
 * peers.h - an HTTP server that stands in for an adapter's peers.
 *
 * Answers are scripted by method and path; what nobody scripted below
 * /api/maestro/v1/resource-bundles is answered as a small Maestro keeping bundles in memory, and
 * anything else with 404. include=statuses adds what GET of the path's /statuses is scripted to
 * say. Every request is kept.
 */
#ifndef REEVE_TESTS_CLM_PEERS_H
#define REEVE_TESTS_CLM_PEERS_H

#include "data/json.h"
#include "net/http_server.h"

struct peers;

struct peers *peers_start(void);
void peers_stop(struct peers *peers);
const char *peers_url(const struct peers *peers);

/* From now on; `body` NULL: empty. */
void peers_answer(
	struct peers *peers, const char *method, const char *path, int status, const char *body);

/* How many requests had this method and path (without query); NULL stands for any. */
size_t peers_count(struct peers *peers, const char *method, const char *path);
/* The body of the last such request, parsed; NULL when there was none. Lives as long as the peers.
 */
struct json *peers_body(struct peers *peers, const char *method, const char *path);
/* Forgets the requests, keeps the answers. */
void peers_clear(struct peers *peers);

/* The only bundle there is, or NULL. */
struct json *peers_bundle(struct peers *peers);
/* Reports a status for it, at its current version, and tells the watchers. */
void peers_bundle_status(struct peers *peers, const char *status);
/* The agent has confirmed its deletion. */
void peers_bundle_gone(struct peers *peers);

#endif
