/*
 * broker.c - writes mosquitto's configuration and keeps it running.
 *
 * Passwords are random and new at each start; everyone who needs one is started after the broker
 * and told by the caller. mosquitto_passwd hashes the file in place. Sessions are kept in memory
 * only: what a broker loses with its end is repaired by resync.
 */
#include "local/broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "local/process.h"
#include "local/state.h"

#define USER_MAX 96
#define PATH_TEXT_MAX 1024
#define CONFIG_TEXT_MAX ((size_t)1 << 20)
#define CONNECT_WAIT_US 2000

struct broker_user {
	char name[USER_MAX];
	char password[BROKER_PASSWORD_MAX];
};

struct broker {
	struct process *process;
	size_t user_count;
	struct broker_user users[];
};

static int write_file(const char *folder, const char *name, const struct buf *text,
	char path[PATH_TEXT_MAX], struct error *err)
{
	snprintf(path, PATH_TEXT_MAX, "%s/%s", folder, name);
	if (text->failed)
		return error_set(err, ERROR_MEMORY, "no memory to write %s", path);
	return state_write_text(path, buf_str(text), err);
}

static void make_users(struct broker *broker, const struct broker_config *config)
{
	static const char *const fixed[] = {"clm", "maestro"};

	for (size_t i = 0; i < broker->user_count; i++) {
		struct broker_user *user = &broker->users[i];
		uint8_t secret[(BROKER_PASSWORD_MAX - 1) / 2];

		if (i < 2)
			snprintf(user->name, sizeof(user->name), "%s", fixed[i]);
		else
			snprintf(user->name, sizeof(user->name), "agent-%s",
				config->management_clusters[i - 2]);
		id_random(secret, sizeof(secret));
		hash_hex(secret, sizeof(secret), user->password);
	}
}

static int write_passwords(const struct broker *broker, const char *folder,
	char path[PATH_TEXT_MAX], struct error *err)
{
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(CONFIG_TEXT_MAX);

	for (size_t i = 0; i < broker->user_count; i++)
		buf_printf(&text, "%s:%s\n", broker->users[i].name, broker->users[i].password);
	if (write_file(folder, "passwords", &text, path, err) < 0)
		return -1;
	const char *const argv[] = {"mosquitto_passwd", "-U", path, NULL};
	int code = process_run(argv, err);
	if (code > 0)
		return error_set(err, ERROR_INTERNAL, "mosquitto_passwd -U %s ended with code %d",
			path, code);
	return code;
}

static int write_access_list(
	const struct broker_config *config, char path[PATH_TEXT_MAX], struct error *err)
{
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(CONFIG_TEXT_MAX);

	buf_printf(&text,
		"user clm\ntopic readwrite clm/#\n\n"
		"user maestro\ntopic write sources/%s/consumers/+/sourceevents\n"
		"topic read sources/%s/consumers/+/agentevents\n",
		config->source_id, config->source_id);
	for (size_t i = 0; i < config->management_cluster_count; i++) {
		const char *name = config->management_clusters[i];
		buf_printf(&text,
			"\nuser agent-%s\ntopic read sources/%s/consumers/%s/sourceevents\n"
			"topic write sources/%s/consumers/%s/agentevents\n",
			name, config->source_id, name, config->source_id, name);
	}
	return write_file(config->folder, "access", &text, path, err);
}

static int write_config(const struct broker *broker, const struct broker_config *config,
	char path[PATH_TEXT_MAX], struct error *err)
{
	CLEANUP(buf_free) struct buf text = BUF_INITIALIZER(CONFIG_TEXT_MAX);
	char passwords[PATH_TEXT_MAX], access_list[PATH_TEXT_MAX];

	if (write_passwords(broker, config->folder, passwords, err) < 0 ||
		write_access_list(config, access_list, err) < 0)
		return -1;
	buf_printf(&text,
		"listener %u %s\nallow_anonymous false\npassword_file %s\nacl_file %s\n"
		"persistence false\nset_tcp_nodelay true\nmax_packet_size %d\n"
		"max_queued_messages %d\nmax_inflight_messages 200\n"
		"log_dest stdout\nlog_type error\nlog_type warning\nlog_type notice\n"
		"connection_messages false\n",
		config->port, config->host, passwords, access_list, BROKER_MAX_PACKET,
		BROKER_MAX_QUEUED);
	if (geteuid() == 0) /* or mosquitto gives up root and cannot read its files */
		buf_add_cstr(&text, "user root\n");
	return write_file(config->folder, "mosquitto.conf", &text, path, err);
}

static int try_connect(const struct broker_config *config)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(config->port)};

	if (inet_pton(AF_INET, config->host, &address.sin_addr) != 1)
		return -1;
	CLEANUP(cleanup_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

static int await_port(struct broker *broker, const struct broker_config *config,
	const char *log_file, struct error *err)
{
	int64_t until_us = clock_monotonic_us() + BROKER_READY_US;

	while (try_connect(config) < 0) {
		if (config->stop && stop_requested(config->stop))
			return error_set(
				err, ERROR_CANCELLED, "told to stop before the broker was ready");
		if (clock_monotonic_us() > until_us || process_pid(broker->process) == 0)
			return error_set(err, ERROR_UNAVAILABLE,
				"the broker does not accept connections on %s port %u; see %s",
				config->host, config->port, log_file);
		usleep(CONNECT_WAIT_US);
	}
	return 0;
}

int broker_start(struct broker **ret, const struct broker_config *config, struct error *err)
{
	char conf[PATH_TEXT_MAX], log_file[PATH_TEXT_MAX], program[PATH_TEXT_MAX];
	size_t users = 2 + config->management_cluster_count;

	if (!process_find("mosquitto", program, sizeof(program)))
		return error_set(err, ERROR_UNAVAILABLE,
			"mosquitto, the MQTT broker, is not installed: apt-get install mosquitto");
	if (mkdir(config->folder, 0700) < 0 && errno != EEXIST)
		return error_set(err, error_from_errno(errno), "cannot make %s: %s", config->folder,
			strerror(errno));
	if (try_connect(config) == 0)
		return error_set(err, ERROR_UNAVAILABLE,
			"port %u on %s, which this region's broker uses, is taken by another "
			"program; stop that "
			"program first",
			config->port, config->host);
	struct broker *broker = calloc(1, sizeof(*broker) + users * sizeof(broker->users[0]));
	if (!broker)
		return error_set(err, ERROR_MEMORY, "no memory for the broker");
	broker->user_count = users;
	make_users(broker, config);
	snprintf(log_file, sizeof(log_file), "%s/mosquitto.log", config->folder);
	const char *const argv[] = {program, "-c", conf, NULL};
	struct process_config process = {.name = "broker",
		.argv = argv,
		.log_file = log_file,
		.stop = config->stop,
		.log = config->log};
	if (write_config(broker, config, conf, err) < 0 ||
		process_start(&broker->process, &process, BROKER_READY_US, err) < 0 ||
		await_port(broker, config, log_file, err) < 0) {
		broker_stop(broker);
		return -1;
	}
	*ret = broker;
	return 0;
}

const char *broker_password(const struct broker *broker, const char *user)
{
	for (size_t i = 0; i < broker->user_count; i++)
		if (strcmp(broker->users[i].name, user) == 0)
			return broker->users[i].password;
	return NULL;
}

pid_t broker_pid(struct broker *broker)
{
	return process_pid(broker->process);
}

void broker_stop(struct broker *broker)
{
	if (!broker)
		return;
	process_stop(broker->process);
	free(broker);
}
