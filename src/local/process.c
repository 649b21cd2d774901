/*
 * process.c - keeps a child process running.
 *
 * One thread per child, because PR_SET_PDEATHSIG fires when the *thread* that forked ends: the
 * thread that forks must live as long as the child. Between fork and exec only async-signal-safe
 * calls are made, as the parent has other threads.
 */
#include "local/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/thread.h"

#define PATH_TEXT_MAX 4096
#define POLL_MS 100
#define END_TEXT_MAX 256
#define STOP_CHECK_US (20 * CLOCK_US_PER_MS) /* between looks at the caller's stop */

struct process {
	char *name;
	char **argv;
	char *log_file;
	bool says_ready;
	void (*on_running)(void *context, pid_t pid, const char *line);
	void *context;
	struct log *log;
	struct thread *thread;
	struct stop stop;

	/* Guards what follows; `changed` is told of each change. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	pid_t pid;
	bool started; /* has been running (and ready) once */
	bool failed;  /* the first start did not succeed */
	bool ended;   /* the thread is done: there is no child and comes none */
	struct error failure;
};

bool process_find(const char *name, char *out, size_t size)
{
	/* Debian keeps daemons in sbin, which is not in everybody's PATH. */
	static const char *const extra = "/usr/local/sbin:/usr/sbin:/sbin";
	const char *path = getenv("PATH");
	char search[PATH_TEXT_MAX];

	snprintf(out, size, "%s", name);
	if (strchr(name, '/'))
		return access(name, X_OK) == 0;
	snprintf(search, sizeof(search), "%s:%s", path ? path : "/usr/bin:/bin", extra);
	struct str rest = str_of(search);
	while (!str_is_null(rest)) {
		struct str folder = str_cut(&rest, ':');
		snprintf(out, size, "%" STR_F "/%s", STR_A(folder), name);
		if (folder.len && access(out, X_OK) == 0)
			return true;
	}
	snprintf(out, size, "%s", name);
	return false;
}

/* In the child: only async-signal-safe calls. */
static void become(const char *program, char *const *argv, int log_fd, int ready_fd, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	/* A terminal's Ctrl-C goes to the parent, which stops its children in order. */
	setpgid(0, 0);
	dup2(log_fd, STDOUT_FILENO);
	dup2(log_fd, STDERR_FILENO);
	if (ready_fd >= 0 && ready_fd != PROCESS_READY_FD)
		dup2(ready_fd, PROCESS_READY_FD);
	if (ready_fd == PROCESS_READY_FD)
		fcntl(PROCESS_READY_FD, F_SETFD, 0);
	execv(program, argv);
	_exit(127);
}

static pid_t spawn(char *const *argv, const char *log_file, int ready_fd, struct error *err)
{
	char program[PATH_TEXT_MAX];
	pid_t parent = getpid();

	if (!process_find(argv[0], program, sizeof(program))) {
		error_set(err, ERROR_UNAVAILABLE,
			"program \"%s\" is not installed (Debian: apt-get install %s)", argv[0],
			argv[0]);
		return -1;
	}
	const char *output = log_file ? log_file : "/dev/null";
	CLEANUP(cleanup_fd)
	int log_fd = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0) {
		error_set(err, error_from_errno(errno), "cannot open %s: %s", output,
			strerror(errno));
		return -1;
	}
	pid_t pid = fork();
	if (pid == 0)
		become(program, argv, log_fd, ready_fd, parent);
	if (pid < 0)
		error_set(err, ERROR_UNAVAILABLE, "cannot start %s: %s", argv[0], strerror(errno));
	return pid;
}

int process_run(const char *const *argv, struct error *err)
{
	int status;
	pid_t pid = spawn((char *const *)argv, NULL, -1, err);

	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return error_set(err, ERROR_INTERNAL, "cannot wait for %s: %s", argv[0],
				strerror(errno));
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return error_set(
		err, ERROR_UNAVAILABLE, "%s was ended by signal %d", argv[0], WTERMSIG(status));
}

/* How much the log holds; 0 when there is none. */
static off_t log_size(const char *path)
{
	struct stat info;

	return path && stat(path, &info) == 0 ? info.st_size : 0;
}

/* The last line of the log behind `begin`, to tell why a child ended. */
static void last_line(const char *path, off_t begin, char *out, size_t size)
{
	char tail[2048];

	out[0] = '\0';
	CLEANUP(cleanup_fd) int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	off_t end = lseek(fd, 0, SEEK_END);
	off_t from = end - begin > (off_t)sizeof(tail) ? end - (off_t)sizeof(tail) : begin;
	ssize_t got = pread(fd, tail, sizeof(tail), from);
	if (got <= 0)
		return;
	struct str text = str_trim(str_n(tail, (size_t)got));
	for (size_t i = text.len; i > 0; i--)
		if (text.ptr[i - 1] == '\n') {
			text = str_slice(text, i, text.len);
			break;
		}
	snprintf(out, size, "%" STR_F, STR_A(text));
}

/* Reads the ready line; false when the child ended or a stop came first. */
static bool await_ready(struct process *process, int fd, char line[PROCESS_READY_LINE_MAX])
{
	size_t used = 0;

	while (!stop_requested(&process->stop)) {
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		if (poll(&poll_fd, 1, POLL_MS) <= 0)
			continue;
		ssize_t got = read(fd, line + used, PROCESS_READY_LINE_MAX - 1 - used);
		if (got <= 0)
			return false;
		used += (size_t)got;
		line[used] = '\0';
		char *newline = strchr(line, '\n');
		if (newline) {
			*newline = '\0';
			return true;
		}
		if (used == PROCESS_READY_LINE_MAX - 1)
			return false;
	}
	return false;
}

static void set_pid(struct process *process, pid_t pid, bool started)
{
	LOCK_SCOPE(&process->mutex);
	process->pid = pid;
	process->started = process->started || started;
	pthread_cond_broadcast(&process->changed);
}

static void tell_failure(struct process *process, const struct error *failure)
{
	LOCK_SCOPE(&process->mutex);
	if (!process->started && !process->failed) {
		process->failure = *failure;
		process->failed = true;
		pthread_cond_broadcast(&process->changed);
	}
}

/* Starts the child, waits until it is ready. Its pid, or -1. */
static pid_t start_child(struct process *process, struct error *err)
{
	char line[PROCESS_READY_LINE_MAX] = "";
	int ready[2] = {-1, -1};

	if (process->says_ready && pipe2(ready, O_CLOEXEC) < 0) {
		error_set(err, ERROR_UNAVAILABLE, "cannot make a pipe: %s", strerror(errno));
		return -1;
	}
	pid_t pid = spawn(process->argv, process->log_file, ready[1], err);
	if (ready[1] >= 0)
		close(ready[1]);
	if (pid > 0) {
		set_pid(process, pid, false);
		bool is_ready = !process->says_ready || await_ready(process, ready[0], line);
		if (is_ready && process->on_running)
			process->on_running(process->context, pid, line);
		if (is_ready)
			set_pid(process, pid, true);
		else
			kill(pid, SIGTERM); /* if it lives: without its line it is of no use */
	}
	if (ready[0] >= 0)
		close(ready[0]);
	return pid;
}

/* Waits for the child's end. It is reaped under the lock, so that nobody signals a process id that
 * the kernel has given to another. */
static int reap(struct process *process, pid_t pid)
{
	siginfo_t info;
	int status = 0;

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	LOCK_SCOPE(&process->mutex);
	waitpid(pid, &status, 0);
	process->pid = 0;
	pthread_cond_broadcast(&process->changed);
	return status;
}

static void describe_end(
	const struct process *process, int status, off_t log_begin, struct error *err)
{
	char line[END_TEXT_MAX];

	last_line(process->log_file, log_begin, line, sizeof(line));
	if (WIFSIGNALED(status))
		error_set(err, ERROR_UNAVAILABLE, "%s was ended by signal %d", process->name,
			WTERMSIG(status));
	else
		error_set(err, ERROR_UNAVAILABLE, "%s ended with code %d: %s", process->name,
			WEXITSTATUS(status), line[0] ? line : "it said nothing");
}

static void run(void *argument)
{
	struct process *process = argument;

	for (unsigned attempt = 0; !stop_requested(&process->stop); attempt++) {
		struct error err = {0};
		off_t log_begin = log_size(process->log_file);
		int64_t began_us = clock_monotonic_us();
		pid_t pid = start_child(process, &err);

		if (pid > 0) {
			if (stop_requested(&process->stop)) /* asked while it was being started */
				kill(pid, SIGTERM);
			describe_end(process, reap(process, pid), log_begin, &err);
		}
		if (stop_requested(&process->stop))
			break;
		tell_failure(process, &err);
		log_warn(process->log, "child ended, starting it again",
			LOG_CSTR("child", process->name), LOG_ERROR(&err));
		if (clock_monotonic_us() - began_us > PROCESS_BACKOFF_MAX_US)
			attempt = 0;
		stop_sleep(&process->stop,
			thread_backoff_us(attempt, PROCESS_BACKOFF_US, PROCESS_BACKOFF_MAX_US));
	}
	LOCK_SCOPE(&process->mutex);
	process->ended = true;
	pthread_cond_broadcast(&process->changed);
}

static void free_argv(char **argv)
{
	for (char **word = argv; word && *word; word++)
		free(*word);
	free(argv);
}

static char **copy_argv(const char *const *argv)
{
	size_t count = 0;

	while (argv[count])
		count++;
	char **copy = calloc(count + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < count; i++)
		if (!(copy[i] = strdup(argv[i]))) {
			free_argv(copy);
			return NULL;
		}
	return copy;
}

static void process_free(struct process *process)
{
	free_argv(process->argv);
	free(process->name);
	free(process->log_file);
	stop_destroy(&process->stop);
	pthread_mutex_destroy(&process->mutex);
	pthread_cond_destroy(&process->changed);
	free(process);
}

/* That time from now on the clock of `changed`. */
static struct timespec deadline(int64_t timeout_us)
{
	int64_t until_us = clock_monotonic_us() + timeout_us;

	return (struct timespec){.tv_sec = (time_t)(until_us / CLOCK_US_PER_S),
		.tv_nsec = (long)(until_us % CLOCK_US_PER_S * 1000)};
}

static int await_start(
	struct process *process, struct stop *stop, int64_t timeout_us, struct error *err)
{
	int64_t until_us = clock_monotonic_us() + timeout_us;

	LOCK_SCOPE(&process->mutex);
	while (!process->started && !process->failed && clock_monotonic_us() < until_us) {
		/* A stop rings another bell than `changed`. */
		struct timespec soon = deadline(STOP_CHECK_US);
		if (stop && stop_requested(stop))
			return error_set(err, ERROR_CANCELLED, "told to stop before %s was ready",
				process->name);
		pthread_cond_timedwait(&process->changed, &process->mutex, &soon);
	}
	if (process->started)
		return 0;
	if (!process->failed)
		return error_set(err, ERROR_UNAVAILABLE, "%s was not ready within %d s; see %s",
			process->name, (int)(timeout_us / CLOCK_US_PER_S),
			process->log_file ? process->log_file : "its log");
	if (err)
		*err = process->failure;
	return -1;
}

int process_start(struct process **ret, const struct process_config *config, int64_t timeout_us,
	struct error *err)
{
	struct process *process = calloc(1, sizeof(*process));
	pthread_condattr_t attributes;

	if (!process)
		return error_set(err, ERROR_MEMORY, "no memory for process %s", config->name);
	process->name = strdup(config->name);
	process->argv = copy_argv(config->argv);
	process->log_file = config->log_file ? strdup(config->log_file) : NULL;
	process->says_ready = config->says_ready;
	process->on_running = config->on_running;
	process->context = config->context;
	process->log = config->log;
	stop_init(&process->stop);
	pthread_mutex_init(&process->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&process->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (!process->name || !process->argv || (config->log_file && !process->log_file)) {
		process_free(process);
		return error_set(err, ERROR_MEMORY, "no memory for process %s", config->name);
	}
	if (thread_start(&process->thread, config->name, run, process, err) < 0) {
		process_free(process);
		return -1;
	}
	if (await_start(process, config->stop, timeout_us, err) < 0) {
		process_stop(process);
		return -1;
	}
	*ret = process;
	return 0;
}

pid_t process_pid(struct process *process)
{
	LOCK_SCOPE(&process->mutex);
	return process->pid;
}

int process_signal(struct process *process, int signal_number)
{
	LOCK_SCOPE(&process->mutex);
	return process->pid > 0 ? kill(process->pid, signal_number) : -1;
}

/* Whether the thread, and with it the child, ended in time. */
static bool await_end(struct process *process, int64_t timeout_us)
{
	struct timespec until = deadline(timeout_us);
	int result = 0;

	LOCK_SCOPE(&process->mutex);
	while (!process->ended && result == 0)
		result = pthread_cond_timedwait(&process->changed, &process->mutex, &until);
	return process->ended;
}

void process_stop_begin(struct process *process)
{
	if (!process || stop_requested(&process->stop))
		return;
	stop_request(&process->stop);
	process_signal(process, SIGTERM);
}

void process_stop(struct process *process)
{
	if (!process)
		return;
	process_stop_begin(process);
	/* Told more than once: mosquitto forgets a SIGTERM that comes while it starts. */
	int64_t until_us = clock_monotonic_us() + PROCESS_STOP_US;
	while (!await_end(process, PROCESS_STOP_AGAIN_US))
		process_signal(process, clock_monotonic_us() < until_us ? SIGTERM : SIGKILL);
	thread_join(process->thread);
	process_free(process);
}
