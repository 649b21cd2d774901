/*
 * test_config.c - where values come from, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "clm/config.h"

struct outside {
	const char *flag, *flag_value;
	const char *variable, *variable_value;
};

static const char *flag_of(void *context, const char *flag)
{
	const struct outside *outside = context;
	return outside->flag && strcmp(flag, outside->flag) == 0 ? outside->flag_value : NULL;
}

static const char *variable_of(void *context, const char *name)
{
	const struct outside *outside = context;
	return outside->variable && strcmp(name, outside->variable) == 0 ? outside->variable_value
									 : NULL;
}

static int read_config(struct arena *arena, const char *text, struct outside outside,
	struct config *ret, struct error *err)
{
	struct config_source source = {.file = "c.yaml",
		.text = str_of(text),
		.flag = flag_of,
		.variable = variable_of,
		.context = &outside};
	return config_read(arena, &source, ret, err);
}

#define JWT(entry) "server: {jwt: {configs: [{" entry "}]}}"
#define TENANT(entries)                                                                  \
	"server: {jwt: {enabled: false}, tenant: {enabled: true, system_header: x-sys, " \
	"dimensions: "                                                                   \
	"[" entries "]}}"
#define REGION(entry)                                                                           \
	"server: {jwt: {configs: [{issuer_url: \"https://i\", jwk_cert_file: /f}]}, tenant: "   \
	"{enabled: true, dimensions: [{header: X-A, key: a, required: true}], region_callers: " \
	"[" entry "]}}"
#define OPEN "server: {jwt: {enabled: false}}\n"

static void the_originals_defaults_hold(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct config config;
	struct error err = {0};

	if (read_config(arena, OPEN, (struct outside){0}, &config, &err) != 0)
		fail_msg("%s", err.message);
	assert_string_equal(config.clm.host, "localhost");
	assert_int_equal(config.clm.port, 8000);
	assert_int_equal(config.clm.health_port, 8080);
	assert_int_equal(config.clm.metrics_port, 9090);
	assert_string_equal(config.clm.schema_file, "openapi/openapi.yaml");
	assert_string_equal(config.clm.entities_file, "c.yaml");
	assert_string_equal(config.clm.store_url,
		"postgresql://hyperfleet:@localhost:5432/hyperfleet?sslmode=disable");
	assert_int_equal(config.log_level, LOG_LEVEL_INFO);
	assert_int_equal(config.log_format, LOG_FORMAT_JSON);
	assert_false(config.logs_to_stderr);
	assert_int_equal(config.idle_count, 0);
}

static void a_flag_goes_before_a_variable_before_the_file(void **state)
{
	static const struct {
		const char *text;
		struct outside outside;
		uint16_t port;
	} rows[] = {
		{"server: {jwt: {enabled: false}, port: 1}", {0}, 1},
		{"server: {jwt: {enabled: false}, port: \"2\"}", {0}, 2},
		{"server: {jwt: {enabled: false}, port: 1}",
			{.variable = "HYPERFLEET_SERVER_PORT", .variable_value = "3"}, 3},
		{"server: {jwt: {enabled: false}, port: 1}",
			{.variable = "HYPERFLEET_SERVER_PORT",
				.variable_value = "3",
				.flag = "server-port",
				.flag_value = "4"},
			4},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct config config;
		struct error err = {0};

		if (read_config(arena, rows[i].text, rows[i].outside, &config, &err) != 0)
			fail_msg("%s", err.message);
		assert_int_equal(config.clm.port, rows[i].port);
	}
}

static void the_database_is_one_url(void **state)
{
	static const struct {
		const char *text, *url;
	} rows[] = {
		{"database: {url: \"sqlite:/x.db\", host: h}", "sqlite:/x.db"},
		{"database: {host: h, port: 1, name: n, username: \"u@v\", password: \"p/:#\"}",
			"postgresql://u%40v:p%2F%3A%23@h:1/n?sslmode=disable"},
		{"database: {host: h, ssl: {mode: verify-full, root_cert_file: /ca.pem}}",
			"postgresql://hyperfleet:@h:5432/hyperfleet?sslmode=verify-full&"
			"sslrootcert=%2Fca.pem"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct config config;
		struct error err = {0};
		struct str text = arena_printf(arena, OPEN "%s\n", rows[i].text);

		if (read_config(arena, arena_cstr(arena, text), (struct outside){0}, &config,
			    &err) != 0)
			fail_msg("%s", err.message);
		assert_string_equal(config.clm.store_url, rows[i].url);
	}
}

static void tenants_and_idle_keys_are_read(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct config config;
	struct error err = {0};

	if (read_config(arena,
		    "server:\n"
		    "  jwt: {enabled: false}\n"
		    "  timeouts: {read: 4500ms, write: 5s}\n"
		    "  tenant:\n"
		    "    enabled: true\n"
		    "    system_header: X-System\n"
		    "    dimensions: [{header: X-Org, key: org, required: true}]\n"
		    "logging: {level: warn, format: text, output: stderr, masking: {headers: "
		    "[Cookie]}}\n",
		    (struct outside){.flag = "log-masking-sensitive-fields",
			    .flag_value = "password,secret"},
		    &config, &err) != 0)
		fail_msg("%s", err.message);
	assert_true(config.clm.callers.tenant_enabled);
	assert_string_equal(config.clm.callers.system_header, "X-System");
	assert_int_equal(config.clm.callers.dimension_count, 1);
	assert_string_equal(config.clm.callers.dimensions[0].header, "X-Org");
	assert_string_equal(config.clm.callers.dimensions[0].key, "org");
	assert_true(config.clm.callers.dimensions[0].is_required);
	assert_int_equal(config.idle_count, 3);
	assert_string_equal(config.idle[0], "server.timeouts.write");
	assert_string_equal(config.idle[1], "logging.masking.headers");
	assert_string_equal(config.idle[2], "logging.masking.fields");
	assert_int_equal(config.clm.request_timeout_s, 5);
	assert_int_equal(config.log_level, LOG_LEVEL_WARN);
	assert_int_equal(config.log_format, LOG_FORMAT_HUMAN);
	assert_true(config.logs_to_stderr);
}

static void issuers_are_read_in_order(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct config config;
	struct error err = {0};

	if (read_config(arena,
		    "server:\n"
		    "  tenant: {system_header: \"\"}\n"
		    "  jwt:\n"
		    "    configs:\n"
		    "    - {issuer_url: \"https://a\", jwk_cert_url: \"https://a/keys\",\n"
		    "       jwk_cert_ca_file: /ca, header: X-Token, audience: clm,\n"
		    "       identity_claim: sub, identity_claim_pattern: \"^s:\",\n"
		    "       identity_header: X-Id}\n"
		    "    - {issuer_url: \"http://127.0.0.1:80/b\", jwk_cert_file: /keys,\n"
		    "       audience: \"\"}\n",
		    (struct outside){0}, &config, &err) != 0)
		fail_msg("%s", err.message);
	const struct issuer_rule *issuers = config.clm.callers.issuers;
	assert_true(config.clm.callers.needs_token);
	assert_false(config.clm.callers.tenant_enabled);
	assert_int_equal(config.clm.callers.issuer_count, 2);
	assert_string_equal(issuers[0].url, "https://a");
	assert_string_equal(issuers[0].key_url, "https://a/keys");
	assert_string_equal(issuers[0].key_ca_file, "/ca");
	assert_string_equal(issuers[0].header, "X-Token");
	assert_string_equal(issuers[0].audience, "clm");
	assert_string_equal(issuers[0].claim, "sub");
	assert_string_equal(issuers[0].pattern, "^s:");
	assert_string_equal(issuers[0].identity_header, "X-Id");
	assert_string_equal(issuers[1].key_file, "/keys");
	assert_null(issuers[1].audience);
	assert_null(issuers[1].header);
}

static void gateways_are_read(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct config config;
	struct error err = {0};

	if (read_config(arena,
		    "server:\n"
		    "  jwt: {enabled: false}\n"
		    "  identity_header: X-Id\n"
		    "  tls: {enabled: true, cert_file: /c, key_file: /k, client_ca_file: /ca,\n"
		    "        client_names: [gateway, \"spiffe://a/b\"], min_version: 1.3}\n",
		    (struct outside){0}, &config, &err) != 0)
		fail_msg("%s", err.message);
	assert_string_equal(config.clm.tls.cert_file, "/c");
	assert_string_equal(config.clm.tls.key_file, "/k");
	assert_string_equal(config.clm.tls.client_ca_file, "/ca");
	assert_true(config.clm.tls.is_tls13_only);
	assert_true(config.clm.callers.needs_certificate);
	assert_int_equal(config.clm.callers.gateway_count, 2);
	assert_string_equal(config.clm.callers.gateways[1], "spiffe://a/b");
	assert_string_equal(config.clm.callers.identity_header, "X-Id");
	assert_int_equal(config.idle_count, 0);
}

static void callers_of_the_region_are_read(void **state)
{
	CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
	struct config config;
	struct error err = {0};

	(void)state;
	if (read_config(arena, REGION("{issuer: \"https://i\", identity: ann}"),
		    (struct outside){0}, &config, &err) != 0)
		fail_msg("%s", err.message);
	assert_int_equal(config.clm.callers.regional_count, 1);
	assert_string_equal(config.clm.callers.regionals[0].identity, "ann");
	assert_null(config.clm.callers.regionals[0].certificate);
}

static void a_mistake_is_told_with_its_place(void **state)
{
	static const struct {
		const char *text;
		struct outside outside;
		const char *sentence;
	} rows[] = {
		{"", {0}, "server.jwt.enabled is true"},
		{OPEN "sever: {port: 1}", {0}, "c.yaml: line 2: sever is not a key known here"},
		{OPEN "database: {hots: h}", {0},
			"c.yaml: line 2: database.hots is not a key known here"},
		{OPEN "database: 5", {0}, "c.yaml: line 2: database has to be a map"},
		{"[]", {0}, "c.yaml: line 1: the file has to be a map"},
		{OPEN "health: {port: 70000}", {0},
			"c.yaml: line 2: health.port has to be a whole number from 0 to 65535, is "
			"'70000'"},
		{OPEN, {.variable = "HYPERFLEET_HEALTH_PORT", .variable_value = "x"},
			"HYPERFLEET_HEALTH_PORT has to be a whole number"},
		{OPEN, {.flag = "health-port", .flag_value = "-1"},
			"--health-port has to be a whole number"},
		{OPEN "health: {db_ping_timeout: soon}", {0},
			"c.yaml: line 2: health.db_ping_timeout has to be a duration"},
		{"server: {jwt: {enabled: maybe}}", {0}, "has to be true or false, is 'maybe'"},
		{"server: {jwt: {enabled: false}, tls: {enabled: true}}", {0},
			"c.yaml: line 1: server.tls.enabled is true: name the certificate"},
		{"server: {jwt: {enabled: false}, tls: {client_ca_file: /ca}}", {0},
			"c.yaml: line 1: server.tls.client_ca_file needs server.tls.enabled"},
		{"server: {jwt: {enabled: false}, tls: {min_version: \"1.1\"}}", {0},
			"c.yaml: line 1: server.tls.min_version has to be 1.2 or 1.3, is '1.1'"},
		{OPEN "database: {dialect: mysql}", {0},
			"c.yaml: line 2: database.dialect has to be postgres"},
		{OPEN "logging: {level: loud}", {0},
			"c.yaml: line 2: logging.level has to be debug"},
		{OPEN "logging: {format: xml}", {0},
			"c.yaml: line 2: logging.format has to be json or text"},
		{"server: {jwt: {enabled: false}, tenant: {enabled: true, dimensions: [{key: "
		 "a}]}}",
			{0}, "server.tenant.dimensions[0] needs header and key"},
		{JWT("issuer_url: \"http://i\", jwk_cert_file: /f"), {0},
			"server.jwt.configs[0].issuer_url has to be https://"},
		{JWT("issuer_url: \"http://localhost.evil\", jwk_cert_file: /f"), {0},
			"issuer_url has to be https://"},
		{JWT("issuer_url: \"http://localhost:1@evil/\", jwk_cert_file: /f"), {0},
			"issuer_url has to be https://"},
		{JWT("issuer_url: \"https://i\""), {0}, "needs jwk_cert_url or jwk_cert_file"},
		{JWT("issuer_url: \"https://i\", jwk_cert_url: \"http://keys\""), {0},
			"jwk_cert_url has to be https://"},
		{JWT("issuer_url: \"https://i\", jwk_cert_file: /f, audiense: a"), {0},
			"c.yaml: line 1: server.jwt.configs[0].audiense is not a key known here"},
		{JWT("issuer_url: \"https://i\", jwk_cert_file: /f, audience: [a]"), {0},
			"server.jwt.configs[0].audience has to be text"},
		{JWT("issuer_url: \"https://i\", jwk_cert_file: /f, identity_header: cookie"), {0},
			"identity_header cannot be Cookie"},
		{JWT("issuer_url: \"https://i\", jwk_cert_file: /f, header: \"a b\""), {0},
			"header has to be the name of a header"},
		{"server: {jwt: {configs: {a: 1}}}", {0}, "server.jwt.configs has to be a list"},
		{TENANT("{header: X-A, key: a}"), {0}, "required: true"},
		{TENANT("{header: X-A, key: a, required: 1}"), {0}, "has to be true or false"},
		{TENANT("{header: X-A, key: a, required: true}, {header: x-a, key: b}"), {0},
			"dimensions[1].header is another entry's, too"},
		{TENANT("{header: X-A, key: a, required: true}, {header: X-B, key: a}"), {0},
			"dimensions[1].key is another entry's, too"},
		{TENANT("{header: X-Sys, key: a, required: true}"), {0},
			"dimensions[0].header is server.tenant.system_header, too"},
		{TENANT("{header: Authorization, key: a, required: true}"), {0},
			"header cannot be Authorization"},
		{REGION("{certificate: ops, issuer: \"https://i\"}"), {0},
			"region_callers[0] needs either certificate, or issuer and identity"},
		{REGION("{}"), {0}, "needs either certificate, or issuer and identity"},
		{REGION("{issuer: \"https://i\"}"), {0}, "needs either certificate, or issuer"},
		{REGION("{issuer: \"https://i\", identity: \"\"}"), {0}, "needs either"},
		{REGION("{certificate: ops}"), {0}, "name their CA in server.tls.client_ca_file"},
		{REGION("{issuer: \"https://j\", identity: ann}"), {0},
			"region_callers[0].issuer has to be an issuer_url"},
		{REGION("{issuer: \"https://i\", name: ann}"), {0}, "is not a key known here"},
		{"server: {tls: {enabled: true, cert_file: /c, key_file: /k, client_ca_file: /a, "
		 "client_names: [gw]}, jwt: {enabled: false}, tenant: {enabled: true, dimensions: "
		 "[{header: X-A, key: a, required: true}], region_callers: [{certificate: gw}]}}",
			{0}, "region_callers[0].certificate is a gateway's"},
		{"server: {jwt: {enabled: false}, identity_header: X-Id}", {0},
			"name their CA in server.tls.client_ca_file"},
		{"server: {jwt: {enabled: false}, tls: {client_names: [a]}}", {0},
			"name their CA in server.tls.client_ca_file"},
		{OPEN, {.flag = "log-output", .flag_value = "file"},
			"--log-output has to be stdout or stderr, is 'file'"},
		{OPEN "retention: {feed: 0s}", {0},
			"c.yaml: line 2: retention.feed has to be longer than nothing"},
		{OPEN, {.variable = "HYPERFLEET_SERVER_TIMEOUTS_READ", .variable_value = "61m"},
			"HYPERFLEET_SERVER_TIMEOUTS_READ has to be an hour at most"},
		{OPEN "health: {host: [a]}", {0}, "c.yaml: line 2: health.host has to be text"},
		{OPEN "database: {name: {a: b}}", {0},
			"c.yaml: line 2: database.name has to be text"},
		{OPEN "logging: {masking: {headers: {a: b}}}", {0},
			"c.yaml: line 2: logging.masking.headers has to be a list of texts"},
		{OPEN "logging: {masking: {fields: [a, [b]]}}", {0},
			"c.yaml: line 2: logging.masking.fields has to be a list of texts"},
		{"server: {port: 1", {0}, "c.yaml: line"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CLEANUP(cleanup_arena) struct arena *arena = arena_new(0);
		struct config config;
		struct error err = {0};

		if (read_config(arena, rows[i].text, rows[i].outside, &config, &err) == 0)
			fail_msg("accepted: %s", rows[i].text);
		if (!strstr(err.message, rows[i].sentence))
			fail_msg("%s: %s", rows[i].text, err.message);
		assert_int_equal(err.code, ERROR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_originals_defaults_hold),
		cmocka_unit_test(a_flag_goes_before_a_variable_before_the_file),
		cmocka_unit_test(the_database_is_one_url),
		cmocka_unit_test(tenants_and_idle_keys_are_read),
		cmocka_unit_test(issuers_are_read_in_order),
		cmocka_unit_test(gateways_are_read),
		cmocka_unit_test(callers_of_the_region_are_read),
		cmocka_unit_test(a_mistake_is_told_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
