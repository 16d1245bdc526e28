/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Bytes of a format as they were when it was given its version: tests/unit/golden/. They have to
 * load for as long as the version is read. With GOLDEN=write in the environment a test writes what
 * it would have compared: for a new version, under a new name.
 */
#include <stdio.h>
#include <stdlib.h>

/* Returns whether the file holds these bytes; `from_file` gets the file's bytes. */
static bool golden_is(const char *path, const void *bytes, size_t count, void *from_file)
{
	const char *wish = getenv("GOLDEN");
	FILE *file = fopen(path, wish != NULL && strcmp(wish, "write") == 0 ? "w+b" : "rb");
	size_t read;

	if (file == NULL)
		return false;
	if (wish != NULL)
		fwrite(bytes, 1, count, file);
	rewind(file);
	read = fread(from_file, 1, count, file);
	read += fgetc(file) != EOF;
	fclose(file);
	return read == count && memcmp(from_file, bytes, count) == 0;
}
