/* SPDX-License-Identifier: MIT */
/*
 * The C library's free() and realloc() for skerryd, which clear the memory that they free.
 * Requests, credentials, and the commands and input of runs pass through buffers of this program
 * and of its libraries; no freed memory may still hold them. The linker uses these functions
 * instead of the library's.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void __libc_free(void *place);

void free(void *place)
{
	if (!place)
		return;
	explicit_bzero(place, malloc_usable_size(place));
	__libc_free(place);
}

void *realloc(void *place, size_t size)
{
	size_t has = place ? malloc_usable_size(place) : 0;
	void *larger;

	if (size && size <= has && has - size < 4096)
		return place;
	larger = malloc(size);
	if (!larger || !place)
		return larger;
	memcpy(larger, place, size < has ? size : has);
	free(place);
	return larger;
}
