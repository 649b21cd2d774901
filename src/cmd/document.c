/*
 * document.c - the man page and the shell completions, printed from the command table.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/commands.h"

static void man_text(const char *text)
{
	for (const char *c = text; *c; c++) {
		if (*c == '-')
			fputs("\\-", stdout);
		else if (*c == '\\')
			fputs("\\e", stdout);
		else if (*c == '.' && (c == text || c[-1] == '\n'))
			fputs("\\&.", stdout);
		else
			putchar(*c);
	}
}

static void man_command(const struct command *command, const char *parent)
{
	char path[128];

	snprintf(path, sizeof(path), "%s %s", parent, command->name);
	for (const struct command *child = command->children; child && child->name; child++)
		man_command(child, path);
	if (command->children)
		return;
	printf(".SS ");
	man_text(path);
	printf("%s%s\n", command->arguments ? " " : "",
		command->arguments ? command->arguments : "");
	man_text(command->summary);
	printf(".\n");
	if (command->details) {
		printf(".PP\n");
		man_text(command->details);
		printf("\n");
	}
	for (const struct command_option *option = command->options; option && option->name;
		option++) {
		printf(".TP\n\\fB\\-\\-");
		man_text(option->name);
		printf("\\fR%s\\fI%s\\fR\n", option->argument ? " " : "",
			option->argument ? option->argument : "");
		man_text(option->help);
		if (option->fallback) {
			printf(" (default: ");
			man_text(option->fallback);
			printf(")");
		}
		printf("\n");
	}
}

int man_run(const struct command_line *line)
{
	printf(".TH REEVE 1 \"\" \"reeve %s\" \"User Commands\"\n"
	       ".SH NAME\nreeve \\- runs the control plane of one cloud region\n"
	       ".SH SYNOPSIS\n\\fBreeve\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH COMMANDS\n",
		REEVE_VERSION);
	for (const struct command *command = line->table; command->name; command++)
		man_command(command, "reeve");
	printf(".SH EXIT STATUS\n0 on success; 2 for wrong usage or input; other codes tell the "
	       "kind of "
	       "failure: 3 not allowed, 4 not found, 5 conflict, 6 unavailable, 1 anything "
	       "else.\n");
	return 0;
}

static void bash_words(const struct command *table)
{
	for (; table && table->name; table++)
		printf("%s ", table->name);
}

static void bash_case(const struct command *command, const char *parent)
{
	char path[128];

	snprintf(path, sizeof(path), "%s %s", parent, command->name);
	for (const struct command *child = command->children; child && child->name; child++)
		bash_case(child, path);
	printf("\t\"%s\") words=\"", path);
	bash_words(command->children);
	for (const struct command_option *option = command->options; option && option->name;
		option++)
		printf("--%s ", option->name);
	printf("--help\" ;;\n");
}

static void print_bash(const struct command *table)
{
	printf("# bash completion of reeve: source <(reeve completion bash)\n"
	       "_reeve() {\n\tlocal words path=reeve word\n"
	       "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	       "\t\t[[ $word == -* ]] || path=\"$path $word\"\n\tdone\n\tcase $path in\n"
	       "\treeve) words=\"");
	bash_words(table);
	printf("--help\" ;;\n");
	for (const struct command *command = table; command->name; command++)
		bash_case(command, "reeve");
	printf("\t*) words=--help ;;\n\tesac\n"
	       "\tCOMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n"
	       "\t[[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- "
	       "\"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
	       "complete -F _reeve reeve\n");
}

static void print_zsh(const struct command *table)
{
	printf("#compdef reeve\n# zsh completion of reeve: source <(reeve completion zsh)\n"
	       "autoload -U +X bashcompinit && bashcompinit\n");
	print_bash(table);
}

int completion_run(const struct command_line *line)
{
	const char *shell = line->argument_count == 1 ? line->arguments[0] : "";

	if (strcmp(shell, "bash") == 0)
		print_bash(line->table);
	else if (strcmp(shell, "zsh") == 0)
		print_zsh(line->table);
	else {
		fprintf(stderr, "reeve: name one shell, bash or zsh: reeve completion bash\n");
		return COMMAND_EXIT_USAGE;
	}
	return 0;
}
