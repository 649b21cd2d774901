/*
 * test_kubeconfig.c - what a kubeconfig says, and how one that is wrong is told.
 */
#include "kube/kubeconfig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define HEAD "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"

struct place {
	struct arena *arena;
	char folder[32], path[64];
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	*state = place;
	snprintf(place->folder, sizeof(place->folder), "/tmp/reeve-config-XXXXXX");
	place->arena = arena_new(0);
	if (!mkdtemp(place->folder))
		return -1;
	snprintf(place->path, sizeof(place->path), "%s/config", place->folder);
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	unlink(place->path);
	rmdir(place->folder);
	arena_free(place->arena);
	free(place);
	return 0;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void all_of_the_current_context_is_taken(void **state)
{
	struct place *place = *state;
	struct kubeconfig config;
	struct error err = {0};
	char ca[64];

	snprintf(ca, sizeof(ca), "%s/ca.pem", place->folder);
	write_file(ca, "CA");
	write_file(place->path,
		"apiVersion: v1\nkind: Config\ncurrent-context: b\n"
		"contexts:\n"
		"- {name: a, context: {cluster: other, user: other}}\n"
		"- {name: b, context: {cluster: c, user: u}}\n"
		"clusters:\n"
		"- {name: other, cluster: {server: 'https://other'}}\n"
		"- {name: c, cluster: {server: 'https://c:6443/x/', certificate-authority: "
		"ca.pem}}\n"
		"users:\n"
		"- {name: u, user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ, "
		"token: t, tokenFile: rel, username: n, password: p}}\n");
	if (kubeconfig_load(place->arena, place->path, &config, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(config.server, "https://c:6443/x");
	assert_string_equal(config.ca_pem, "CA");
	assert_string_equal(config.client_cert_pem, "CERT");
	assert_string_equal(config.client_key_pem, "KEY");
	assert_string_equal(config.token, "t");
	assert_string_equal(config.username, "n");
	assert_string_equal(config.password, "p");
	assert_true(str_ends_with(str_of(config.token_file), STR("/rel")));
	assert_false(config.insecure);
	unlink(ca);
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"a: [", "line 2, column 1: did not find expected node content"},
		{"a: 1", "current-context is missing"},
		{"current-context: x", "contexts has no entry named \"x\""},
		{HEAD, "clusters has no entry named \"c\""},
		{HEAD "clusters: [{name: c, cluster: {server: 'https://h'}}]",
			"users has no entry named \"u\""},
		{HEAD "clusters: [{name: c, cluster: {}}]\nusers: [{name: u}]",
			"cluster.server is missing"},
		{HEAD "clusters: [{name: c, cluster: {server: h}}]\nusers: [{name: u}]",
			"cluster.server \"h\" must begin with https:// or http://"},
		{HEAD "clusters: [{name: c, cluster: {server: 5}}]\nusers: [{name: u}]",
			"cluster.server must be a string, not a number"},
		{HEAD "clusters: [{name: c, cluster: {server: 'https://h', "
		      "certificate-authority-data: '*'}}]\nusers: [{name: u}]",
			"cluster.certificate-authority-data is not base64"},
		{HEAD "clusters: [{name: c, cluster: {server: 'https://h', proxy-url: x}}]\n"
		      "users: [{name: u}]",
			"cluster.proxy-url is not supported"},
		{HEAD "clusters: [{name: c, cluster: {server: 'https://h'}}]\n"
		      "users: [{name: u, user: {exec: {command: aws}}}]",
			"user.exec is not supported"},
		{HEAD "clusters: [{name: c, cluster: {server: 'https://h'}}]\n"
		      "users: [{name: u, user: {client-key-data: S0VZ}}]",
			"user.client-certificate and user.client-key must come together"},
		{HEAD "clusters: [{name: c, cluster: {server: 'https://h', "
		      "certificate-authority: /nonexistent}}]\nusers: [{name: u}]",
			"cluster.certificate-authority: /nonexistent cannot be read: No such file "
			"or directory"},
	};
	struct place *place = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kubeconfig config;
		struct error err = {0};
		char expected[ERROR_MESSAGE_MAX];
		write_file(place->path, rows[i].text);
		assert_int_equal(kubeconfig_load(place->arena, place->path, &config, &err), -1);
		snprintf(expected, sizeof(expected), "kubeconfig %s: %s", place->path,
			rows[i].message);
		assert_string_equal(err.message, expected);
	}
}

static void a_missing_or_huge_file_is_refused(void **state)
{
	struct place *place = *state;
	struct kubeconfig config;
	struct error err;

	assert_int_equal(kubeconfig_load(place->arena, "/nonexistent", &config, &err), -1);
	assert_int_equal(err.code, ERROR_NOT_FOUND);
	write_file(place->path, "");
	assert_int_equal(truncate(place->path, (off_t)KUBECONFIG_MAX_BYTES + 1), 0);
	assert_int_equal(kubeconfig_load(place->arena, place->path, &config, &err), -1);
	assert_int_equal(err.code, ERROR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			all_of_the_current_context_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(a_missing_or_huge_file_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
