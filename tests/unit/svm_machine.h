/* SPDX-License-Identifier: MIT */
#pragma once

/* The SVM back end without a CPU: the test says what a fake VMRUN does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/msr.h"

struct cpu_features features;
static u64 mcg_status;
static unsigned int machine_checks;
static unsigned int switched_in;
static unsigned int switched_out;

static u64 fake_rdmsr(u32 index)
{
	assert_true(features.machine_check);
	assert_int_equal(index, MSR_MCG_STATUS);
	return mcg_status;
}

static void fake_int_machine_check(void)
{
	/* the machine check's IST stack needs the host's TR */
	assert_int_equal(switched_in, switched_out);
	machine_checks++;
}

#define rdmsr		  fake_rdmsr
#define int_machine_check fake_int_machine_check

#include "arch/x86_64/virt/svm/asid.c"
#include "arch/x86_64/virt/svm/dump.c"
#include "arch/x86_64/virt/svm/enter.c"
#include "arch/x86_64/virt/svm/exit.c"
#include "arch/x86_64/virt/svm/inject.c"
#include "arch/x86_64/virt/svm/segment.h"

struct svm_capabilities svm_capabilities = {.asid_count = 8};
static struct svm_cpu fake_cpu;
static struct vmcb vmcb;
static struct vcpu_page page;
static struct lapic_page apic;
static struct virt_vm vm;
static struct virt_vcpu vcpu;
u64 direct_map_base;
static struct vcpu_exit exit_;
static struct vcpu_event event;

/* The actions of the fake CPU with the guest on the next run: */
static u64 next_code;
static u64 next_rip;
static u64 next_rax;
static u64 entered_rax;
static u8 entered_tlb_control;
static u64 injected;
static u64 flags_entered;
static u32 exceptions_entered;
static unsigned int run_count;
static bool shadow_dropped; /* VMRUN has dropped the shadow */

struct svm_cpu *svm_cpu(void)
{
	return &fake_cpu;
}

static u32 code_length;

void svm_switch_in(u64 vmcb_hpa)
{
	(void)vmcb_hpa;
	assert_int_equal(switched_in++, switched_out);
}

void svm_switch_out(u64 vmcb_hpa, u64 host_area_hpa)
{
	(void)vmcb_hpa;
	(void)host_area_hpa;
	assert_int_equal(++switched_out, switched_in);
}

void svm_get(struct virt_vcpu *of, u32 groups)
{
	(void)of;
	(void)groups;
	fail();
}

u32 svm_code_length(struct virt_vcpu *of)
{
	(void)of;
	return code_length;
}

void svm_run(u64 vmcb_hpa, u64 gpr[GPR_COUNT])
{
	(void)vmcb_hpa;
	(void)gpr;
	assert_int_equal(switched_in, switched_out + 1);
	/* in this state QEMU's CPU does not survive a MOV to CR8 (docs/platforms.md) */
	if ((vmcb.control.virtual_interrupt & VMCB_V_IRQ) && !svm_capabilities.nrip_save)
		assert_true(vmcb.control.intercept_cr_write & SVM_INTERCEPT_CR8);
	run_count++;
	injected = vmcb.control.event_injection;
	flags_entered = vmcb.save.rflags;
	exceptions_entered = vmcb.control.intercept_exceptions;
	vmcb.control.exit_code = next_code;
	vmcb.save.rip = next_rip;
	if (shadow_dropped)
		vmcb.control.interrupt_shadow = 0;
	entered_rax = vmcb.save.rax;
	entered_tlb_control = vmcb.control.tlb_control;
	vmcb.save.rax = next_rax;
}

static int setup(void **state)
{
	(void)state;
	memset(&vmcb, 0, sizeof(vmcb));
	memset(&page, 0, sizeof(page));
	memset(&vcpu, 0, sizeof(vcpu));
	svm_of(&vcpu)->cpu = &fake_cpu;
	vcpu.vm = &vm;
	switched_in = switched_out = 0;
	code_length = 0;
	vcpu.control = &vmcb;
	vcpu.page = &page;
	apic = (struct lapic_page){0};
	vcpu.apic = &apic;
	asid_pool_init(&fake_cpu.asids, 0, 8);
	run_count = 0;
	shadow_dropped = false;
	features.machine_check = false;
	mcg_status = 0;
	machine_checks = 0;
	return 0;
}

static UNUSED void decode(u64 code, u64 info1, u64 info2)
{
	vmcb.control.exit_code = code;
	vmcb.control.exit_info1 = info1;
	vmcb.control.exit_info2 = info2;
	svm_exit_decode(&vmcb, &exit_, &event);
}

static UNUSED void run(u64 code, u64 rip)
{
	next_code = code;
	next_rip = rip;
	svm_enter(&vcpu, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

static UNUSED void inject(u8 type, u8 vector, bool has_error_code, u32 error_code, u32 length)
{
	const struct vcpu_event what = {1, type, vector, has_error_code, error_code, length, 0};

	svm_request(&vcpu, &what, 0);
}
