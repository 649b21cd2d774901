/*
 * adapter_settings.h - HyperFleet's AdapterConfig: who the adapter is, and its peers.
 *
 * Keys of HyperFleet's that Reeve does not have (gRPC to Maestro, the Kubernetes transport, tokens,
 * the log) are refused with the reason.
 */
#ifndef REEVE_CLM_ADAPTER_SETTINGS_H
#define REEVE_CLM_ADAPTER_SETTINGS_H

#include "clm/settings.h"

#define ADAPTER_TIMEOUT_US (INT64_C(10) * 1000000)
#define ADAPTER_BASE_DELAY_US (INT64_C(1) * 1000000)
#define ADAPTER_MAX_DELAY_US (INT64_C(30) * 1000000)
#define ADAPTER_ATTEMPTS 3
#define ADAPTER_MAX_ATTEMPTS 100

enum adapter_backoff { ADAPTER_EXPONENTIAL, ADAPTER_LINEAR, ADAPTER_CONSTANT };

struct adapter_settings {
	struct str name;
	struct str version;    /* empty when the file has none */
	struct json *document; /* the file with the overrides: what `config.` sources read */

	struct str api_url;
	struct str api_version; /* "v1" */
	int64_t timeout_us;
	int64_t attempts;
	enum adapter_backoff backoff;
	int64_t base_delay_us;
	int64_t max_delay_us;
	const struct json *default_headers; /* name -> text, or NULL */

	struct str subscription_id;
	struct str topic;

	struct str maestro_url; /* null: the adapter has no transport */
	struct str source_id;
	int64_t maestro_timeout_us;
};

/* URLs that the program knows better than the file; NULL: the file's. */
struct adapter_overrides {
	const char *clm_url;
	const char *maestro_url;
};

int adapter_settings_load(struct arena *arena, const char *path,
	const struct adapter_overrides *overrides, struct adapter_settings *ret, struct error *err);
int adapter_settings_parse(struct arena *arena, struct json *document,
	const struct adapter_overrides *overrides, struct adapter_settings *ret, struct error *err);

/* "exponential", "linear" or "constant". */
int adapter_backoff_parse(
	struct str where, struct str text, enum adapter_backoff *ret, struct error *err);

#endif
