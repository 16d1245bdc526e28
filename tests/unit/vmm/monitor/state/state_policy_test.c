/* SPDX-License-Identifier: MIT */
/* A state of another machine: what differs is said, down to a bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/monitor/state/policy.h"
#include "vmm/rt/format.h"

static struct policy_saved own;
static struct policy_saved saved;
static char text[96];

static int set_up(void **state)
{
	(void)state;
	own = (struct policy_saved){
		.ram_bytes = 128 << 20,
		.vcpu_count = 2,
		.physical_bits = 40,
		.xcr0 = 7,
		.leaf_count = 2,
		.leaf = {{1, 0, {1, 2, 3, 4}}, {7, 0, {0, 0x20, 0, 0}}},
	};
	saved = own;
	return 0;
}

static void expect(const char *words)
{
	assert_true(policy_differs(&saved, &own, text, sizeof(text)));
	assert_string_equal(text, words);
	saved = own;
}

static void differences(void **state)
{
	(void)state;
	assert_false(policy_differs(&saved, &own, text, sizeof(text)));
	saved.ram_bytes = 64 << 20;
	expect("bytes of RAM: in the state 67108864, here 134217728");
	saved.vcpu_count = 1;
	expect("vCPUs: in the state 1, here 2");
	saved.physical_bits = 39;
	expect("bits of physical addresses: in the state 39, here 40");
	saved.xcr0 = 3;
	expect("XCR0: in the state 3, here 7");
	saved.leaf[1].regs.ebx = 0;
	expect("CPUID 0x7.0 EBX bit 5: in the state 0, here 1");
	saved.leaf[0].regs.edx |= 1u << 31;
	expect("CPUID 0x1.0 EDX bit 31: in the state 1, here 0");
	saved.leaf[1].leaf = 6;
	expect("CPUID: the state has leaf 0x6.0, here it is 0x7.0");
	saved.leaf_count = ~0u;
	expect("leaves of CPUID: in the state 4294967295, here 2");
	saved.reserved = 1;
	expect("the padding of the policy is not zero");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(differences, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
