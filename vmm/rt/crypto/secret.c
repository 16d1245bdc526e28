/* SPDX-License-Identifier: MIT */
/*
 * Handles secrets in memory: overwrites and compares them. Called by the other files here, the
 * manager's channels and save keys; the operations survive the compiler's optimizations.
 */
#include "vmm/rt/crypto/secret.h"

void secret_forget(void *bytes, size_t count)
{
	volatile u8 *at = bytes;

	while (count-- > 0)
		*at++ = 0;
}

bool secret_same(const u8 *a, const u8 *b, size_t count)
{
	u8 difference = 0;

	for (size_t i = 0; i < count; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}
