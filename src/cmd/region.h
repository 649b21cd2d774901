/*
 * region.h - a whole region in this process: what `reeve up` starts, in order, and stops.
 */
#ifndef REEVE_CMD_REGION_H
#define REEVE_CMD_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "base/thread.h"

struct region;

#define REGION_MAX_MANAGEMENT_CLUSTERS 64
#define REGION_DEFAULT_CAPACITY 80 /* hosted clusters per management cluster */
#define REGION_MAX_CAPACITY 10000
#define REGION_NAME "us-east-1"
#define REGION_HOST "127.0.0.1"
#define REGION_SOURCE_ID "maestro"

struct region_config {
	const char *dir;
	uint16_t port;		      /* of the frontend; 0: any free */
	unsigned management_clusters; /* 0: as many as the region has, or 1 */
	int64_t capacity; /* hosted clusters per management cluster; 0: as registered, else the
			     default */
	const char *kubeconfig; /* a real cluster instead of the stand-in; NULL */
	int64_t step_us;	/* of the HyperShift stand-in; < 0: its default */
	enum log_level log_level;
	struct stop *stop; /* ends the start early; NULL: none */
	void (*progress)(void *context, const char *what, const char *detail);
	void *context;
};

/* Starts everything, telling progress; region.json is there when it returns 0. ERROR_CANCELLED when
 * config->stop came first; then, as after any failure, nothing is left running. */
int region_start(struct region **ret, const struct region_config *config, struct error *err);
void region_stop(struct region *region); /* NULL accepted */

const char *region_dir(const struct region *region);
const char *region_url(const struct region *region); /* of the frontend */
const char *region_credentials_file(const struct region *region);
const char *region_access_key(const struct region *region);
const char *region_secret_key(const struct region *region);
const char *region_kubeconfig(const struct region *region, unsigned index);
struct log *region_log(const struct region *region);

#endif
