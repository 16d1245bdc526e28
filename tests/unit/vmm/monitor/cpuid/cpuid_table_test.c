/* SPDX-License-Identifier: MIT */
/* The CPUID table that the monitor fills, and what the kernel looks up there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/guest/cpuid.c"
#include "vmm/monitor/cpuid/cpuid_table.c"

static struct vcpu_cpuid_entry table[VCPU_CPUID_SLOTS];
static struct vcpu_page page;
static struct vcpu vcpu;

/* Answers each leaf with its own number. */
void cpuid_query(const struct cpuid_policy *policy, const struct cpuid_state *state, u32 leaf,
		 u32 subleaf, struct cpuid_regs *regs)
{
	(void)policy;
	*regs = (struct cpuid_regs){leaf, subleaf, state->apic_id, 0};
	if (leaf == CPUID_VERSION)
		regs->ecx = (u32)CPUID_1_ECX_XSAVE;
	if (leaf == CPUID_FEATURES)
		regs->ecx = (u32)CPUID_7_ECX_PKU;
}

static void get(struct virt_vcpu *of, u32 groups)
{
	(void)of;
	(void)groups;
}

static const struct virt_ops ops = {.get = get};
const struct virt_ops *virt = &ops;

static struct cpuid_policy policy;

static void add(u32 leaf, u32 subleaf, bool indexed)
{
	policy.entry[policy.count++] =
		(struct cpuid_entry){.leaf = leaf, .subleaf = subleaf, .indexed = indexed};
}

static int setup(void **state)
{
	(void)state;
	memset(&page, 0, sizeof(page));
	vcpu = (struct vcpu){.cpuid = table, .virt = {.page = &page}};
	vcpu.virt.exit.instruction_length = 2;
	policy.count = 0;
	for (u32 i = 0; i <= 0xf; i++)
		if (i != CPUID_CACHE && i != CPUID_FEATURES && i != CPUID_TOPOLOGY && i != 0xd)
			add(i, 0, false);
	for (u32 i = 0; i < 4; i++)
		add(CPUID_CACHE, i, true);
	add(CPUID_FEATURES, 0, true);
	add(CPUID_TOPOLOGY, 0, true);
	add(CPUID_TOPOLOGY, 1, true);
	for (u32 i = 0; i < 10; i++)
		add(CPUID_XSAVE, i, true);
	add(0x40000000, 0, false);
	add(0x40000001, 0, false);
	add(0x40000100, 0, false);
	for (u32 i = 0; i <= 0x1e; i++)
		add(0x80000000 + i, 0, false);
	cpuid_table_fill(table, &policy, 5, true);
	return 0;
}

static bool ask(u32 leaf, u32 subleaf)
{
	page.gpr[GPR_RAX] = 0xdead00000000ull | leaf;
	page.gpr[GPR_RCX] = 0xdead00000000ull | subleaf;
	return cpuid_handle(&vcpu);
}

static void test_all_are_found(void **state)
{
	(void)state;
	for (u32 i = 0; i < policy.count; i++) {
		const struct cpuid_entry *entry = &policy.entry[i];
		bool follows_xcr0 = entry->leaf == CPUID_XSAVE && entry->subleaf < 2;

		assert_int_equal(ask(entry->leaf, entry->subleaf), !follows_xcr0);
		if (follows_xcr0)
			continue;
		assert_true(page.gpr[GPR_RAX] == entry->leaf);
		assert_true(page.gpr[GPR_RBX] == entry->subleaf);
		assert_true(page.gpr[GPR_RDX] == 0);
	}
}

static void test_others_are_the_monitors(void **state)
{
	(void)state;
	assert_false(ask(0x20, 0));
	assert_false(ask(CPUID_CACHE, 4));
	assert_false(ask(0x80000020, 0));
	assert_true(page.gpr[GPR_RAX] == 0xdead80000020ull);
	assert_true(ask(0, 77)); /* a leaf without subleaves ignores ECX */
	vcpu.virt.exit.instruction_length = 0;
	assert_false(ask(0, 0));
	vcpu.cpuid = NULL;
	assert_false(ask(0, 0));
}

static void test_cr4_is_shown(void **state)
{
	(void)state;
	ask(CPUID_VERSION, 0);
	assert_true(page.gpr[GPR_RCX] == CPUID_1_ECX_XSAVE);
	ask(CPUID_FEATURES, 0);
	assert_true(page.gpr[GPR_RCX] == CPUID_7_ECX_PKU);
	page.cr4 = CR4_OSXSAVE | CR4_PKE;
	ask(CPUID_VERSION, 0);
	assert_true(page.gpr[GPR_RCX] == (CPUID_1_ECX_XSAVE | CPUID_1_ECX_OSXSAVE));
	ask(CPUID_FEATURES, 0);
	assert_true(page.gpr[GPR_RCX] == (CPUID_7_ECX_PKU | CPUID_7_ECX_OSPKE));
	ask(0x80000001, 0);
	assert_true(page.gpr[GPR_RCX] == 5);
}

/* A leaf that nobody has is answered by zeros once it was asked for; others stay as they are. */
static void test_none_is_learnt(void **state)
{
	(void)state;
	assert_false(ask(0x20, 3));
	cpuid_table_learn_none(table, 0x20, 0, false);
	assert_true(ask(0x20, 3));
	assert_true((page.gpr[GPR_RAX] | page.gpr[GPR_RBX] | page.gpr[GPR_RCX] |
		     page.gpr[GPR_RDX]) == 0);
	cpuid_table_learn_none(table, 0xd, 77, true);
	assert_true(ask(0xd, 77));
	assert_false(ask(0xd, 78));
	for (u32 i = 0; i < 10000; i++)
		cpuid_table_learn_none(table, 0x80000020 + i, i, i % 2 != 0);
	test_all_are_found(state);
}

/* The search ends whatever the table contains. */
static void test_hostile_table(void **state)
{
	(void)state;
	for (u32 i = 0; i < VCPU_CPUID_SLOTS; i++)
		table[i] = (struct vcpu_cpuid_entry){.flags = ~0u, .leaf = 0x1234};
	assert_false(ask(0, 0));
	assert_false(ask(0xffffffff, 0xffffffff));
}

static void test_hypercall(void **state)
{
	(void)state;
	page.gpr[GPR_RAX] = 3;
	assert_false(cpuid_handle_hypercall(&vcpu));
	page.settle = SETTLE_HYPERCALL;
	page.hypercalls = 1 << 3;
	page.hypercall_result = ~0ull - 999;
	assert_false(cpuid_handle_hypercall(&vcpu));
	page.gpr[GPR_RAX] = 64 + 3;
	assert_true(cpuid_handle_hypercall(&vcpu));
	assert_true(page.gpr[GPR_RAX] == ~0ull - 999);
	page.gpr[GPR_RAX] = 4;
	assert_true(cpuid_handle_hypercall(&vcpu));
	vcpu.virt.exit.vector = 3;
	assert_false(cpuid_handle_hypercall(&vcpu)); /* the call comes from the guest's ring 3 */
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

_Static_assert(offsetof(struct vcpu_page, settle) == 2952 &&
		       offsetof(struct vcpu_page, code_bytes) == 2976 &&
		       offsetof(struct vcpu_page, preempted_gpa) == 3000,
	       "docs/abi.md");

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_are_found), TEST(test_others_are_the_monitors),
		TEST(test_cr4_is_shown),  TEST(test_hostile_table),
		TEST(test_hypercall),	  TEST(test_none_is_learnt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
