/*
 * config_identity.h - the parts of the configuration that say who callers are: server.jwt.configs,
 * server.tenant.dimensions and their like, which are lists of the file.
 */
#ifndef REEVE_CLM_CONFIG_IDENTITY_H
#define REEVE_CLM_CONFIG_IDENTITY_H

#include "clm/caller.h"
#include "data/json.h"

/* Where a list stands, for messages: "config.yaml" and "server.jwt.configs". */
struct config_place {
	const char *file;
	const char *path;
};

/* Fills issuers and issuer_count. ERROR_INVALID names entry and key, and what may stand there. */
int config_read_issuers(struct arena *arena, const struct config_place *place,
	const struct json *list, struct caller_rules *rules, struct error *err);

/* Fills dimensions and dimension_count. */
int config_read_dimensions(struct arena *arena, const struct config_place *place,
	const struct json *list, struct caller_rules *rules, struct error *err);

/* Fills regionals and regional_count, after the issuers and gateways: an entry is {certificate},
 * not a gateway's, or {issuer, identity}, of an issuer that there is. */
int config_read_regionals(struct arena *arena, const struct config_place *place,
	const struct json *list, struct caller_rules *rules, struct error *err);

/* Fills gateways and gateway_count. */
int config_read_gateways(struct arena *arena, const struct config_place *place,
	const struct json *list, struct caller_rules *rules, struct error *err);

/* Whether a header may carry an identity: a name of a header, and none that has a meaning already.
 * NULL is fine. */
int config_check_identity_header(
	const char *file, const char *path, const char *name, struct error *err);

#endif
