/* SPDX-License-Identifier: MIT */
/*
 * The C library's own names (memcpy, strlen and others), which the compiler may call by itself. All
 * of ring 0 and ring 3 is linked with it; host tests take theirs from the host instead. They touch
 * the given memory alone.
 */
#include "lib/string.h"

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
	void *result = to;
	size_t words = count / 8;

	/*
	 * Whole words first: emulators, and CPUs without fast short REP MOVSB, take a step per unit
	 * moved.
	 */
	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
	count %= 8;
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
	return result;
}

void *memmove(void *to, const void *from, size_t count)
{
	u8 *t = to;
	const u8 *f = from;

	if ((uintptr_t)t - (uintptr_t)f >= count)
		return memcpy(to, from, count);
	while (count-- > 0) {
		t[count] = f[count];
		__asm__ volatile("" : : : "memory");
	}
	return to;
}

void *memset(void *to, int value, size_t count)
{
	void *result = to;
	size_t words = count / 8;
	u64 pattern = (u8)value * 0x0101010101010101ull;

	__asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
	count %= 8;
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(pattern) : "memory");
	return result;
}

int memcmp(const void *a, const void *b, size_t count)
{
	const u8 *x = a;
	const u8 *y = b;

	for (size_t i = 0; i < count; i++) {
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	}
	return 0;
}

size_t strnlen(const char *text, size_t limit)
{
	size_t length = 0;

	while (length < limit && text[length] != '\0')
		length++;
	return length;
}

size_t strlen(const char *text)
{
	return strnlen(text, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t limit)
{
	for (size_t i = 0; i < limit; i++) {
		u8 x = (u8)a[i];
		u8 y = (u8)b[i];

		if (x != y)
			return x < y ? -1 : 1;
		if (x == 0)
			break;
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}
