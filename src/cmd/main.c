/*
 * main.c - the program's entry: everything is in the command table.
 */
#include "cmd/command.h"

int main(int argc, char **argv)
{
	return command_main(argc, argv);
}
