/*
 * broker.c - see broker.h.
 */
#include "broker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TRIES 500
#define START_PAUSE_US 10000

static const char *const places[] = {
	"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"};

static const char *program(void)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (access(places[i], X_OK) == 0)
			return places[i];
	}
	return NULL;
}

static int open_socket(struct sockaddr_in *address, uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	*address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	return fd;
}

static uint16_t free_port(void)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	int fd = open_socket(&address, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

static bool accepts(uint16_t port)
{
	struct sockaddr_in address;
	int fd = open_socket(&address, port);
	bool ok = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return ok;
}

static void path_of(const struct broker *broker, const char *name, char *out, size_t size)
{
	assert_true((size_t)snprintf(out, size, "%s/%s", broker->directory, name) < size);
}

static void write_config(struct broker *broker, const char *more)
{
	char path[256];
	FILE *file;

	path_of(broker, "mosquitto.conf", path, sizeof(path));
	file = fopen(path, "we");
	assert_non_null(file);
	/* As another user it would outlive this test: a change of user clears the death signal. */
	fprintf(file, "listener %u 127.0.0.1\nlog_dest none\nmax_queued_messages 0\nuser root\n",
		broker->port);
	if (strstr(more, "password_file") == NULL)
		fputs("allow_anonymous true\n", file);
	for (; *more != '\0'; more++) {
		if (*more == '@')
			fputs(broker->directory, file);
		else
			fputc(*more, file);
	}
	assert_int_equal(fclose(file), 0);
}

bool broker_is_installed(void)
{
	return program() != NULL;
}

void broker_prepare(struct broker *broker)
{
	*broker = (struct broker){.port = free_port()};
	strncpy(broker->directory, "/tmp/reeve-broker-XXXXXX", sizeof(broker->directory) - 1);
	assert_non_null(mkdtemp(broker->directory));
}

void broker_write_file(struct broker *broker, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	path_of(broker, name, path, sizeof(path));
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

void broker_start(struct broker *broker, const char *more)
{
	if (broker->directory[0] == '\0')
		broker_prepare(broker);
	write_config(broker, more == NULL ? "" : more);
	broker_again(broker);
}

void broker_again(struct broker *broker)
{
	char path[256];
	pid_t parent = getpid();

	path_of(broker, "mosquitto.conf", path, sizeof(path));
	broker->pid = fork();
	assert_true(broker->pid >= 0);
	if (broker->pid == 0) {
		int null = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, 1);
		dup2(null, 2);
		if (getppid() == parent)
			execl(program(), "mosquitto", "-c", path, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < START_TRIES; i++) {
		if (accepts(broker->port))
			return;
		usleep(START_PAUSE_US);
	}
	fail_msg("mosquitto did not start on port %u", broker->port);
}

void broker_kill(struct broker *broker)
{
	if (broker->pid <= 0)
		return;
	kill(broker->pid, SIGKILL);
	waitpid(broker->pid, NULL, 0);
	broker->pid = 0;
}

void broker_stop(struct broker *broker)
{
	static const char *const files[] = {"mosquitto.conf", "passwords", "acl", "ca.crt",
		"ca.key", "server.crt", "server.key", "mosquitto.db"};
	char path[256];

	broker_kill(broker);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		path_of(broker, files[i], path, sizeof(path));
		unlink(path);
	}
	rmdir(broker->directory);
}
