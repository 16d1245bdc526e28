/* SPDX-License-Identifier: MIT */
/* The handing out of ASIDs under SVM: no two vCPUs share one on a CPU without a flush between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/hw/svm.h"
#include "arch/x86_64/virt/svm/asid.c"

/*
 * ASIDs against a model of a tagged TLB: each run makes an entry under the vCPU's tag, and the
 * entry records the vCPU and how often it was flushed. A run must not find an entry of another
 * vCPU, nor one from before its last flush.
 */
#define MODEL_CPUS  2
#define MODEL_VCPUS 5
#define MODEL_ASIDS 4

static struct model_entry {
	bool valid;
	unsigned int vcpu;
	unsigned int flushes;
} model_tlb[MODEL_CPUS][MODEL_ASIDS];
static struct asid_pool model_pool[MODEL_CPUS];
static struct virt_vcpu model_vcpu[MODEL_VCPUS];
static unsigned int model_flushes[MODEL_VCPUS];

static void model_run(unsigned int cpu, unsigned int index, bool by_asid, bool fails)
{
	struct virt_vcpu *who = &model_vcpu[index];
	u8 control = asid_prepare(&model_pool[cpu], who, by_asid);
	struct model_entry *entry;

	assert_in_range(who->tag, 1, MODEL_ASIDS - 1);
	if (fails)
		return;
	if (control == VMCB_TLB_FLUSH_ALL)
		memset(model_tlb[cpu], 0, sizeof(model_tlb[cpu]));
	entry = &model_tlb[cpu][who->tag];
	if (control == VMCB_TLB_FLUSH_ASID) {
		assert_true(by_asid);
		entry->valid = false;
	}
	if (entry->valid) {
		assert_int_equal(entry->vcpu, index);
		assert_int_equal(entry->flushes, model_flushes[index]);
	}
	*entry = (struct model_entry){true, index, model_flushes[index]};
	asid_entered(&model_pool[cpu], who);
	assert_false(who->flush);
}

static void model(bool by_asid)
{
	unsigned int seed = 1;

	memset(model_tlb, 0, sizeof(model_tlb));
	memset(model_vcpu, 0, sizeof(model_vcpu));
	for (u32 cpu = 0; cpu < MODEL_CPUS; cpu++) {
		asid_pool_init(&model_pool[cpu], cpu, MODEL_ASIDS);
		for (u32 i = 0; i < MODEL_ASIDS; i++) /* translations left by earlier guests */
			model_tlb[cpu][i] = (struct model_entry){true, 99, 0};
	}
	for (unsigned int i = 0; i < 200000; i++) {
		unsigned int index;

		seed = seed * 1103515245 + 12345;
		index = (seed >> 16) % MODEL_VCPUS;
		if ((seed >> 20) % 4 == 0) {
			model_vcpu[index].flush = true;
			model_flushes[index]++;
		}
		model_run((seed >> 24) % MODEL_CPUS, index, by_asid, (seed >> 8) % 16 == 0);
	}
}

static void test_asids(void **state)
{
	(void)state;
	model(false);
	model(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
