/*
 * config_keys.h - every key of the configuration, in one table: config.c reads by it, the command
 * line has its flags.
 *
 * FLAG(path, flag, type, default or NULL, has no effect, help); PLAIN(path, type, has no effect)
 * has neither flag nor default.
 */
#ifndef REEVE_CLM_CONFIG_KEYS_H
#define REEVE_CLM_CONFIG_KEYS_H

/* clang-format off */
#define CONFIG_KEY_ROWS(FLAG, PLAIN) \
	FLAG("server.host", "server-host", CONFIG_TEXT, "localhost", false, "address of the API; default: localhost") \
	FLAG("server.port", "server-port", CONFIG_INTEGER, "8000", false, "port of the API, 0: any free one; default: 8000") \
	FLAG("server.hostname", "server-hostname", CONFIG_TEXT, NULL, true, "taken, without effect") \
	FLAG("server.openapi_schema_path", "server-openapi-schema-path", CONFIG_TEXT, "openapi/openapi.yaml", false, "schemas of the specs; default: openapi/openapi.yaml") \
	FLAG("server.timeouts.read", "server-read-timeout", CONFIG_DURATION, "30s", false, "for a request to arrive as a whole, and for an idle connection; default: 30s") \
	FLAG("server.timeouts.write", "server-write-timeout", CONFIG_DURATION, NULL, true, "taken, without effect") \
	FLAG("server.tls.enabled", "server-https-enabled", CONFIG_BOOL, "false", false, "the API speaks HTTPS; default: false") \
	FLAG("server.tls.cert_file", "server-https-cert-file", CONFIG_TEXT, NULL, false, "its certificate with the chain, as PEM; read again when it changes") \
	FLAG("server.tls.key_file", "server-https-key-file", CONFIG_TEXT, NULL, false, "the key of the certificate, as PEM") \
	FLAG("server.tls.client_ca_file", "server-https-client-ca-file", CONFIG_TEXT, NULL, false, "CA of clients' certificates; whose is of it is a gateway, and its identity headers are believed") \
	PLAIN("server.tls.client_names", CONFIG_DOCUMENT, false) \
	FLAG("server.tls.min_version", "server-https-min-version", CONFIG_TEXT, "1.2", false, "oldest TLS that is spoken, 1.2 or 1.3; default: 1.2") \
	FLAG("server.identity_header", "server-identity-header", CONFIG_TEXT, NULL, false, "header in which a gateway with a certificate names the caller") \
	FLAG("server.jwt.enabled", "server-jwt-enabled", CONFIG_BOOL, "true", false, "callers show tokens of the issuers in server.jwt.configs; default: true") \
	PLAIN("server.jwt.configs", CONFIG_DOCUMENT, false) \
	FLAG("server.tenant.enabled", "server-tenant-enabled", CONFIG_BOOL, "false", false, "tenants, by headers; default: false") \
	FLAG("server.tenant.system_header", "server-tenant-system-header", CONFIG_TEXT, NULL, false, "header of callers that see all tenants") \
	PLAIN("server.tenant.dimensions", CONFIG_DOCUMENT, false) \
	PLAIN("server.tenant.region_callers", CONFIG_DOCUMENT, false) \
	FLAG("database.url", "db-url", CONFIG_TEXT, NULL, false, "sqlite:FILE or postgresql://..., instead of the other db- flags") \
	FLAG("database.dialect", "db-dialect", CONFIG_TEXT, "postgres", false, "default: postgres") \
	FLAG("database.host", "db-host", CONFIG_TEXT, "localhost", false, "default: localhost") \
	FLAG("database.port", "db-port", CONFIG_INTEGER, "5432", false, "default: 5432") \
	FLAG("database.name", "db-name", CONFIG_TEXT, "hyperfleet", false, "default: hyperfleet") \
	FLAG("database.username", "db-username", CONFIG_TEXT, "hyperfleet", false, "default: hyperfleet") \
	FLAG("database.password", "db-password", CONFIG_TEXT, "", false, "default: none; better given by the variable") \
	FLAG("database.ssl.mode", "db-ssl-mode", CONFIG_TEXT, "disable", false, "disable, require, verify-ca or verify-full; default: disable") \
	FLAG("database.ssl.root_cert_file", "db-root-cert-file", CONFIG_TEXT, NULL, false, "the database's CA") \
	FLAG("database.debug", "db-debug", CONFIG_BOOL, NULL, true, "taken, without effect") \
	FLAG("database.pool.max_connections", "db-max-open-connections", CONFIG_INTEGER, NULL, true, "taken, without effect") \
	PLAIN("database.pool.max_idle_connections", CONFIG_INTEGER, true) \
	PLAIN("database.pool.conn_max_lifetime", CONFIG_DURATION, true) \
	PLAIN("database.pool.conn_max_idle_time", CONFIG_DURATION, true) \
	PLAIN("database.pool.request_timeout", CONFIG_DURATION, true) \
	PLAIN("database.pool.conn_retry_attempts", CONFIG_INTEGER, true) \
	PLAIN("database.pool.conn_retry_interval", CONFIG_DURATION, true) \
	FLAG("retention.feed", "retention-feed", CONFIG_DURATION, "168h", false, "how long watches can resume; default: 168h") \
	FLAG("retention.history", "retention-history", CONFIG_DURATION, "720h", false, "how long histories are kept; default: 720h") \
	FLAG("logging.level", "log-level", CONFIG_TEXT, "info", false, "debug, info, warn or error; default: info") \
	FLAG("logging.format", "log-format", CONFIG_TEXT, "json", false, "json or text; default: json") \
	FLAG("logging.output", "log-output", CONFIG_TEXT, "stdout", false, "stdout or stderr; default: stdout") \
	FLAG("logging.masking.enabled", "log-masking-enabled", CONFIG_BOOL, NULL, true, "taken, without effect") \
	FLAG("logging.masking.headers", "log-masking-sensitive-headers", CONFIG_NAMES, NULL, true, "taken, without effect") \
	FLAG("logging.masking.fields", "log-masking-sensitive-fields", CONFIG_NAMES, NULL, true, "taken, without effect") \
	FLAG("metrics.host", "metrics-host", CONFIG_TEXT, "localhost", false, "address of the metrics; default: localhost") \
	FLAG("metrics.port", "metrics-port", CONFIG_INTEGER, "9090", false, "port of the metrics, 0: any free one; default: 9090") \
	FLAG("metrics.label_metrics_inclusion_duration", "metrics-label-metrics-inclusion-duration", CONFIG_DURATION, NULL, true, "taken, without effect") \
	FLAG("metrics.reconciliation_stuck_threshold", "metrics-reconciliation-stuck-threshold", CONFIG_DURATION, "10m", false, "not reconciled for so long is stuck; default: 10m") \
	FLAG("health.host", "health-host", CONFIG_TEXT, "localhost", false, "address of the health checks; default: localhost") \
	FLAG("health.port", "health-port", CONFIG_INTEGER, "8080", false, "port of the health checks, 0: any free one; default: 8080") \
	FLAG("health.shutdown_timeout", "health-shutdown-timeout", CONFIG_DURATION, NULL, true, "taken, without effect") \
	FLAG("health.db_ping_timeout", "health-db-ping-timeout", CONFIG_DURATION, NULL, true, "taken, without effect") \
	PLAIN("entities", CONFIG_DOCUMENT, false)
/* clang-format on */

#endif
