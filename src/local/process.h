/*
 * process.h - a child process that is kept running.
 *
 * A child belongs to one thread, which starts it, waits for it and starts it again (with backoff)
 * when it ends without having been told to. It dies with its parent, however that ends: the kernel
 * kills it (PR_SET_PDEATHSIG), so that nothing is left behind. Its output goes to a log file.
 *
 * A child that wants to say when it is ready gets descriptor PROCESS_READY_FD and writes one line
 * to it.
 */
#ifndef REEVE_LOCAL_PROCESS_H
#define REEVE_LOCAL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/log.h"
#include "base/thread.h"

struct process;

#define PROCESS_READY_FD 3
#define PROCESS_READY_LINE_MAX 1024
#define PROCESS_STOP_US (INT64_C(10) * 1000000) /* between the first SIGTERM and SIGKILL */
#define PROCESS_STOP_AGAIN_US INT64_C(200000)	/* between one SIGTERM and the next */
#define PROCESS_BACKOFF_US INT64_C(50000)
#define PROCESS_BACKOFF_MAX_US INT64_C(5000000)

struct process_config {
	const char *name;	 /* for the log and the thread */
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH. Copied. */
	const char *log_file;	 /* appended to; NULL: /dev/null */
	bool says_ready;	 /* writes a line to PROCESS_READY_FD */
	/* Each time the child has been started (and, when it says so, is ready). Runs on the
	 * process's own thread. `line`: what it said, without newline; "" otherwise. */
	void (*on_running)(void *context, pid_t pid, const char *line);
	void *context;
	struct stop *stop; /* ends the wait of process_start; NULL: none */
	struct log *log;
};

/* Starts it and returns once it runs (and is ready). ERROR_UNAVAILABLE when it cannot be started,
 * ends early, or is not ready within timeout_us; the sentence has the last line of its log.
 * ERROR_CANCELLED when `stop` came first. Unless it succeeds, no child is left. */
int process_start(struct process **ret, const struct process_config *config, int64_t timeout_us,
	struct error *err);

/* Tells it to end, with SIGTERM, and does not wait: process_stop() is still due. NULL accepted. */
void process_stop_begin(struct process *process);

/* SIGTERM, again and again, then SIGKILL; waits for its end. NULL accepted. */
void process_stop(struct process *process);

/* 0 while it is not running. */
pid_t process_pid(struct process *process);

int process_signal(struct process *process, int signal_number);

/* Runs a program to its end, without output; its exit code, or -1. */
int process_run(const char *const *argv, struct error *err);

/* Whether PATH has such a program; the result (or the name, if not found) in `out`. */
bool process_find(const char *name, char *out, size_t size);

#endif
