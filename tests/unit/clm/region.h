/*
 * region.h - a CLM server on a database in a temporary folder, and calls to it, for tests.
 *
 * Kinds: Cluster (adapters placement, hypershift; no schema), NodePool (child, cascading, adapter
 * hypershift; may refer to NodePools as `peer`), Version (child of Cluster, restricting, no
 * adapters) and ManagementCluster, unless the shipped files are asked for.
 */
#ifndef REEVE_TESTS_CLM_REGION_H
#define REEVE_TESTS_CLM_REGION_H

#include "base/clock.h"
#include "clm/clm.h"
#include "data/json.h"
#include "net/http_client.h"

struct region {
	char folder[64];
	char store_url[192];
	char base_url[64];
	struct clm *clm;
	struct http_client *client;
	struct arena *arena; /* of the answers; freed with the region */
	bool uses_shipped_files;
};

struct answer {
	int status;
	struct str body;
	struct json *json; /* NULL when the body is none */
	struct str etag;
	struct str content_type;
};

/* A cmocka setup and teardown: *state is the struct region. */
int region_setup(void **state);
int region_setup_shipped(void **state);
int region_teardown(void **state);

/* Ends the server; starts it on the same database; both. */
void region_stop(struct region *region);
void region_start(struct region *region);
void region_restart(struct region *region);

/* `headers`: "Name: value" lines or NULL. Fails the test when no answer comes. */
struct answer region_call(struct region *region, const char *method, const char *path,
	const char *body, const char *headers);
struct answer region_get(struct region *region, const char *path);

/* Creates and returns the id; fails the test unless 201. */
struct str region_create_cluster(struct region *region, const char *name);
struct str region_create(struct region *region, const char *path, const char *body);

/* PUTs a status: conditions as "Available=True,Applied=True,Health=True". Returns the HTTP status.
 */
int region_report(struct region *region, const char *path, const char *adapter, int64_t generation,
	const char *conditions);

/* Status of a condition of a resource: "True", "False", or "" when there is none. */
struct str region_condition(struct region *region, const char *path, const char *type);

/* printf into the region's arena. */
const char *region_path(struct region *region, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Everything the feed holds after a sequence, as an array of its lines; waits until `count` lines
 * have come (fails the test after ten seconds). */
struct json *region_watch(
	struct region *region, const char *path, const char *headers, size_t count);

#endif
