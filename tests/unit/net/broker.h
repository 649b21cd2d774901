/*
 * broker.h - a real mosquitto for one test: a child process on a free port, in its own directory.
 */
#ifndef REEVE_TESTS_NET_BROKER_H
#define REEVE_TESTS_NET_BROKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct broker {
	pid_t pid;
	uint16_t port;
	char directory[64];
};

bool broker_is_installed(void);

/* Writes the configuration ("@" in `more` stands for the directory) and starts it. */
void broker_start(struct broker *broker, const char *more);
/* A file in the broker's directory; before broker_start, after broker_prepare. */
void broker_prepare(struct broker *broker);
void broker_write_file(struct broker *broker, const char *name, const char *text);

void broker_kill(struct broker *broker);  /* SIGKILL: nothing is said to clients */
void broker_again(struct broker *broker); /* same port, same configuration */
void broker_stop(struct broker *broker);

#endif
