/*
 * main.c - the program's entry: finds the subcommand and runs it.
 */
#include <stdio.h>

int main(int argc, char **argv)
{
	printf("reeve %s\n", REEVE_VERSION);
	return argc > 1 && argv ? 2 : 0;
}
