/*
 * command.c - reads the command line by the table, and prints help from it.
 */
#include "cmd/command.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

#define PATH_TEXT_MAX 128
#define HELP_COLUMN 30

static const struct command *find(const struct command *table, const char *name)
{
	for (; table && table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static int option_index(const struct command *command, struct str name)
{
	for (int i = 0; command->options && command->options[i].name; i++)
		if (str_eq_c(name, command->options[i].name))
			return i;
	return -1;
}

const char *command_text(const struct command_line *line, const char *option)
{
	int index = option_index(line->command, str_of(option));

	if (index < 0)
		return NULL;
	return line->values[index] ? line->values[index] : line->command->options[index].fallback;
}

bool command_flag(const struct command_line *line, const char *option)
{
	return command_text(line, option) != NULL;
}

int command_number(const struct command_line *line, const char *option, int64_t least, int64_t most,
	int64_t *ret, struct error *err)
{
	const char *text = command_text(line, option);
	int64_t number;

	if (!str_to_int64(str_of(text), &number) || number < least || number > most)
		return error_set(err, ERROR_INVALID,
			"--%s %s is not a whole number from %lld to %lld", option, text ? text : "",
			(long long)least, (long long)most);
	*ret = number;
	return 0;
}

int command_fail(const struct error *err)
{
	fprintf(stderr, "reeve: %s\n", err->message);
	return error_exit_code(err->code);
}

static void print_entry(FILE *out, const char *left, const char *help)
{
	int width = (int)strlen(left);

	fprintf(out, "  %s%*s%s\n", left, width < HELP_COLUMN ? HELP_COLUMN - width : 1, "", help);
}

static void print_options(FILE *out, const struct command_option *options)
{
	fputs("\nOptions:\n", out);
	for (const struct command_option *option = options; option && option->name; option++) {
		char left[PATH_TEXT_MAX], help[512];

		snprintf(left, sizeof(left), "--%s%s%s", option->name, option->argument ? " " : "",
			option->argument ? option->argument : "");
		snprintf(help, sizeof(help), option->fallback ? "%s (default: %s)" : "%s",
			option->help, option->fallback);
		print_entry(out, left, help);
	}
	print_entry(out, "--help", "show this");
}

static void print_table_help(FILE *out, const struct command *table, const char *path)
{
	fprintf(out, "Usage: %s COMMAND [OPTION...]\n\nCommands:\n", path);
	for (; table->name; table++)
		print_entry(out, table->name, table->summary);
	fprintf(out, "\n`%s COMMAND --help` tells more.\n", path);
}

static void print_command_help(FILE *out, const struct command *command, const char *path)
{
	fprintf(out, "Usage: %s%s%s%s\n\n%s\n", path, command->options ? " [OPTION...]" : "",
		command->arguments ? " " : "", command->arguments ? command->arguments : "",
		command->summary);
	if (command->details)
		fprintf(out, "\n%s\n", command->details);
	print_options(out, command->options);
}

static int usage_error(const char *path, const char *format, const char *what)
{
	fputs("reeve: ", stderr);
	fprintf(stderr, format, what);
	fprintf(stderr, "; see `%s --help`\n", path);
	return COMMAND_EXIT_USAGE;
}

/* Reads argv[*at], an option, and its value. 0, or the exit code of wrong usage. */
static int read_option(struct command_line *line, int argc, char **argv, int *at)
{
	struct str rest = str_of(argv[*at] + 2);
	bool has_value = str_index(rest, '=') >= 0;
	struct str name = str_cut(&rest, '=');
	int index = option_index(line->command, name);

	if (index < 0)
		return usage_error(line->path, "unknown option %s", argv[*at]);
	const struct command_option *option = &line->command->options[index];
	if (!option->argument) {
		line->values[index] = "";
		return has_value
			       ? usage_error(line->path, "option --%s takes no value", option->name)
			       : 0;
	}
	const char *value = has_value ? rest.ptr : *at + 1 < argc ? argv[++*at] : NULL;
	if (!value)
		return usage_error(line->path, "option --%s needs a value", option->name);
	if (!value[0])
		return usage_error(line->path, "option --%s has an empty value", option->name);
	line->values[index] = value;
	return 0;
}

static int read_line(struct command_line *line, int argc, char **argv)
{
	bool options_end = false;

	for (int i = 0; i < argc; i++) {
		if (!options_end && strcmp(argv[i], "--") == 0) {
			options_end = true;
		} else if (!options_end && strncmp(argv[i], "--", 2) == 0) {
			int code = read_option(line, argc, argv, &i);
			if (code)
				return code;
		} else if (!line->command->arguments) {
			return usage_error(line->path, "unexpected argument \"%s\"", argv[i]);
		} else if (line->argument_count == COMMAND_MAX_ARGUMENTS) {
			return usage_error(line->path, "too many arguments at \"%s\"", argv[i]);
		} else {
			line->arguments[line->argument_count++] = argv[i];
		}
	}
	return 0;
}

static bool asks_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

/* Of the command, or of the table in which the next word would be looked up. */
static void print_help(
	FILE *out, const struct command *command, const struct command *table, const char *path)
{
	if (!command)
		fputs("Runs the control plane of one cloud region.\n\n", out);
	if (table)
		print_table_help(out, table, path);
	else
		print_command_help(out, command, path);
}

static int run_command(const struct command *table, int argc, char **argv)
{
	const struct command *command = NULL, *here = table;
	char path[PATH_TEXT_MAX] = "reeve", version[] = "version";
	int at = 1;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		argv[1] = version; /* as other programs are asked */
	for (; here && at < argc && argv[at][0] != '-'; at++) {
		const struct command *next = find(here, argv[at]);
		if (!next)
			return usage_error(path, "unknown command \"%s\"", argv[at]);
		command = next;
		here = next->children;
		snprintf(path + strlen(path), sizeof(path) - strlen(path), " %s", next->name);
	}
	if (asks_help(argc - at, argv + at)) {
		print_help(stdout, command, here, path);
		return 0;
	}
	if (here) {
		print_help(stderr, command, here, path);
		return COMMAND_EXIT_USAGE;
	}
	struct command_line line = {.table = table, .command = command, .path = path};
	int code = read_line(&line, argc - at, argv + at);
	return code ? code : command->run(&line);
}

int command_main(const struct command *table, int argc, char **argv)
{
	int code = run_command(table, argc, argv);

	if (fflush(stdout) != 0 && code == 0) {
		fprintf(stderr, "reeve: cannot write the output: %s\n", strerror(errno));
		return 1;
	}
	return code;
}
