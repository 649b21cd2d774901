/*
 * replay.c - stands in for libFuzzer where none is: runs a target on each file of a folder, and on
 * nothing at all.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* In memory of its own size, so that reading past its end is seen. */
static void run_file(const char *path)
{
	static uint8_t content[FILE_MAX];
	FILE *file = fopen(path, "rb");

	if (!file)
		return;
	size_t size = fread(content, 1, sizeof(content), file);
	uint8_t *bytes = malloc(size ? size : 1);
	fclose(file);
	if (!bytes)
		abort();
	for (size_t i = 0; i < size; i++)
		bytes[i] = content[i];
	LLVMFuzzerTestOneInput(bytes, size);
	free(bytes);
}

int main(int argc, char **argv)
{
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
	int count = 0;

	if (!folder) {
		fprintf(stderr, "replay: name a folder of inputs\n");
		return 2;
	}
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		char path[4096];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		run_file(path);
		count++;
	}
	closedir(folder);
	printf("%d inputs\n", count);
	return count > 0 ? 0 : 1;
}
