/* SPDX-License-Identifier: MIT */
/* What `cpu` says of each leak on each CPU, with what the kernel decides to do about it there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* Compiled as all of ring 0 is: code that saves every register saves no vectors. */
#pragma GCC push_options
#pragma GCC target("general-regs-only")
#include "arch/x86_64/cpu/speculation.c"
#pragma GCC pop_options
#include "boot/init/speculation.c"
#include "tests/random.h"
#include "tests/unit/cpu_images.h"
#include "vmm/hw/cpuid.h"
#include "vmm/manager/host/leak.c"

struct cpu_features features;

/* Fills in what a CPU says, as features_read and kernel_page_init do. */
static struct leak_cpu see(const struct cpu_image *image)
{
	bool split = !image->is.amd && !(image->is.capabilities & ARCH_CAP_RDCL_NO);

	return (struct leak_cpu){
		.is = image->is,
		.svm = image->is.amd,
		.done = (speculation_decide(&image->is).done | image->guests)
				<< HOST_SPECULATION_SHIFT |
			(split ? HOST_SPLIT_TABLES : 0),
	};
}

static void names(const struct leak_cpu *cpu, enum leak_state state, char *text, size_t size)
{
	text[0] = '\0';
	for (u32 i = 0; i < LEAK_COUNT; i++) {
		struct leak leak = leak_judge(cpu, i);
		size_t length = strlen(text);

		if (leak.state == state)
			snprintf(text + length, size - length, "%s%s", length > 0 ? " " : "",
				 leak.name);
	}
}

static void known_cpus(void **state)
{
	char open[512], closed[512];

	(void)state;
	assert_true(ARRAY_COUNT(cpu_images) >= 24);
	for (size_t i = 0; i < ARRAY_COUNT(cpu_images); i++) {
		const struct cpu_image *image = &cpu_images[i];
		struct leak_cpu cpu = see(image);

		names(&cpu, LEAK_OPEN, open, sizeof(open));
		names(&cpu, LEAK_CLOSED, closed, sizeof(closed));
		if (strcmp(open, image->open) != 0 ||
		    strcmp(closed, image->closed ? image->closed : "") != 0)
			fail_msg("%s: open: %s; closed: %s", image->name, open, closed);
	}
}

/* Whatever a CPU says, each leak has a name that fits its column, a state and a reason. */
static void any_cpu(void **state)
{
	u64 seed = RANDOM_SEED;

	(void)state;
	for (u32 i = 0; i < 100000; i++) {
		struct leak_cpu cpu = {.is.amd = i & 1, .svm = i & 2};
		struct speculation_cpu *is = &cpu.is;
		u32 *words[] = {&is->version,	  &is->leaf_7_ebx,  &is->leaf_7_edx,
				&is->leaf_72_edx, &is->leaf_88_ebx, &is->leaf_821_eax,
				&is->leaf_821_ecx};

		for (size_t n = 0; n < ARRAY_COUNT(words); n++)
			*words[n] = (u32)(random_step(&seed) >> 16);
		is->capabilities = random_step(&seed);
		is->microcode = random_step(&seed) >> 32;
		is->opt_ctrl = random_step(&seed) >> 8;
		/* nothing is done about anything: whatever is closed was so by the CPU itself */
		for (u32 n = 0; n < LEAK_COUNT; n++) {
			struct leak leak = leak_judge(&cpu, n);

			assert_in_range(strlen(leak.name), 1, LEAK_NAME_BYTES - 1);
			assert_in_range(strlen(leak.by), 1, 50);
			assert_non_null(leak_state_name(leak.state));
			if (n == LEAK_MDS || n == LEAK_TAA || n == LEAK_MMIO || n == LEAK_RFDS ||
			    n == LEAK_TSA || n == LEAK_SPECTRE_V2 || n == LEAK_SSB)
				assert_int_not_equal(leak.state, LEAK_CLOSED);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_cpus),
		cmocka_unit_test(any_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
