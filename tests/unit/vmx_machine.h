/* SPDX-License-Identifier: MIT */
#pragma once

/* The VMX back end over a fake VMCS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/hw/vmx.h"
#include "mm/address.h"

#define FIELD_COUNT 0x8000

/* --- the processor --- */

static u64 field[FIELD_COUNT];
static u64 current_vmcs = ~0ull;
static u16 invvpid_last;
static unsigned int invept_count, invvpid_count, invvpid_all_count, nmi_count, machine_check_count;
static u64 fake_cr4 = 1 << 6, fake_dr6 = 0xffff0ff0, fake_tsc = 1000, fake_cr2;
static u64 fake_msr[6] = {1, 2, 3, 4, 5, 6};
static struct cpu fake_cpu = {.gdtr = {.limit = 0x47}};

/* The field's width, by bits 14:13 of its encoding: SDM vol. 3, table 25-21. */
static u64 width_mask(u64 id)
{
	switch (id >> 13 & 3) {
	case 0:
		return 0xffff;
	case 2:
		return 0xffffffff;
	}
	return ~0ull;
}

#define VMX_INSTRUCTIONS_FAKED
static inline bool vmxon(u64 region)
{
	return region != 0;
}
static inline void vmxoff(void)
{
}
static inline bool vmclear(u64 vmcs)
{
	if (current_vmcs == vmcs)
		current_vmcs = ~0ull;
	return true;
}
static inline bool vmptrld(u64 vmcs)
{
	current_vmcs = vmcs;
	return true;
}
static inline u64 vmptrst(void)
{
	return current_vmcs;
}
static inline bool vmread(u64 id, u64 *value)
{
	*value = id < FIELD_COUNT ? field[id] : 0;
	return id < FIELD_COUNT && current_vmcs != ~0ull;
}
static inline bool vmwrite(u64 id, u64 value)
{
	if (id >= FIELD_COUNT || current_vmcs == ~0ull)
		return false;
	field[id] = value & width_mask(id);
	return true;
}
static inline bool invept(u64 type, u64 pointer)
{
	(void)type;
	(void)pointer;
	invept_count++;
	return true;
}
static inline bool invvpid(u64 type, u16 vpid)
{
	invvpid_last = vpid;
	if (type == INVALIDATE_ALL_CONTEXTS)
		invvpid_all_count++;
	else
		invvpid_count++;
	return true;
}
static inline void int_nmi(void)
{
	nmi_count++;
}
static void fake_int_machine_check(void)
{
	machine_check_count++;
}

static u64 fake_rdmsr(u32 index)
{
	switch (index) {
	case 0xc0000081:
	case 0xc0000082:
	case 0xc0000083:
	case 0xc0000084:
		return fake_msr[index - 0xc0000081];
	case 0xc0000102:
		return fake_msr[4];
	case 0xc0000103:
		return fake_msr[5];
	}
	return 0;
}

static u64 fake_dr[4];
#define this_cpu()	    (&fake_cpu)
#define rdmsr(index)	    fake_rdmsr(index)
#define wrmsr(index, value) ((void)(index), (void)(value))
#define rdtsc()		    fake_tsc
#define int_machine_check   fake_int_machine_check
#define read_cr0()	    0x80050033ull
#define write_cr0(value)    ((void)(value))
#define read_cr2()	    fake_cr2
#define write_cr2(value)    (fake_cr2 = (value))
#define read_cr3()	    0x1234000ull
#define read_cr4()	    fake_cr4
#define write_cr4(value)    (fake_cr4 = (value))
#define read_dr0()	    fake_dr[0]
#define read_dr1()	    fake_dr[1]
#define read_dr2()	    fake_dr[2]
#define read_dr3()	    fake_dr[3]
#define read_dr6()	    fake_dr6
#define write_dr0(value)    (fake_dr[0] = (value))
#define write_dr1(value)    (fake_dr[1] = (value))
#define write_dr2(value)    (fake_dr[2] = (value))
#define write_dr3(value)    (fake_dr[3] = (value))
#define write_dr6(value)    (fake_dr6 = (value))
#define lgdt(value)	    (gdt_limit = (value)->limit)
static u16 gdt_limit;

#include "arch/x86_64/virt/debug.c"
#include "arch/x86_64/virt/vm.c"
#include "boot/init/vmx_capability.c"
#include "arch/x86_64/virt/vmx/control.c"
#include "arch/x86_64/virt/vmx/cr.c"
#include "arch/x86_64/virt/vmx/dump.c"
#include "arch/x86_64/virt/vmx/enter.c"
#include "arch/x86_64/virt/vmx/exit.c"
#include "arch/x86_64/virt/vmx/host.c"
#include "arch/x86_64/virt/vmx/inject.c"
#include "arch/x86_64/virt/vmx/msr.c"
#include "arch/x86_64/virt/vmx/state.c"
#include "arch/x86_64/virt/vmx/vpid.c"
#include "vmm/monitor/load/start_state.c"

/* --- the kernel around it --- */

u64 direct_map_base;
const struct pt_format format_ept;
struct cpu_features features = {.rdtscp = true};
u32 tsc_rate_khz = 1000000;
static bool pages_gone;
static unsigned int pages_out;
static u64 guest_table[4] = {0x11, 0x21, 0x31, 0x41};

void panic(const char *text, ...)
{
	fail_msg("panic: %s", text);
	abort();
}

enum status page_alloc_cleared(unsigned int order, enum page_owner owner, struct quota *quota,
			       void **pointer)
{
	(void)owner;
	(void)quota;
	if (pages_gone && pages_out == 1)
		return STATUS_NO_MEMORY;
	*pointer = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);
	memset(*pointer, 0, PAGE_SIZE << order);
	pages_out++;
	return STATUS_OK;
}

void page_free(hpa_t hpa, struct quota *quota)
{
	(void)quota;
	pages_out--;
	free((void *)hpa.value);
}

const void *virt_guest_pointer(const struct virt_vcpu *of, u64 gpa)
{
	assert_int_equal(of->vm->second_stage.root.kernel.value, 0x7000);
	return gpa == 0x5000 ? guest_table : NULL;
}

size_t fpu_area_bytes(void)
{
	return 2696;
}
void fpu_area_init(void *area)
{
	(void)area;
}
void fpu_load(const void *area, u64 xcr0)
{
	(void)area;
	(void)xcr0;
}
void fpu_save(void *area)
{
	(void)area;
}

/* The number of runs of the fake guest: each run is one of these exits; the last one repeats. */
static unsigned int run_count;
static void (*run_hook)(void);
const u8 *virt_code_find(struct virt_vcpu *of, u64 cr3, u64 rip)
{
	(void)of, (void)cr3, (void)rip;
	return NULL;
}

void virt_code_show(struct virt_vcpu *of, const u8 *bytes)
{
	(void)of, (void)bytes;
}

const char vmx_exited[1];
bool vmx_run(u64 gpr[GPR_COUNT], bool launched, u64 *host_rsp)
{
	(void)gpr;
	(void)launched;
	(void)host_rsp;
	run_count++;
	field[VMCS_ENTRY_INTERRUPTION_INFO] &= ~(u64)INTERRUPTION_VALID;
	if (run_hook)
		run_hook();
	return true;
}

/* --- a vCPU for each test --- */

#define BOTH(low, high) ((u64)(high) << 32 | (u32)(low))

/* As reported by a CPU of 2015; Bochs's Skylake-X is close. */
static const struct vmx_capability_msrs good_msrs = {
	.basic = 0x12 | 0x1000ull << 32 | 6ull << 50 | BIT(55),
	.pin = BOTH(0x16, 0x7f),
	.primary = BOTH(0x04006172, 0xfff9fffe),
	.secondary = BOTH(0, 0x001aefff),
	.exit = BOTH(0x00036dfb, 0x01ffffff),
	.entry = BOTH(0x000011fb, 0x0003ffff),
	.misc = 0x20 | 5,
	.cr0_fixed0 = 0x80000021,
	.cr4_fixed0 = 0x2000,
	.ept_vpid = BIT(6) | BIT(14) | BIT(16) | BIT(17) | BIT(20) | BIT(25) | BIT(26) | BIT(32) |
		    BIT(41) | BIT(42),
};

static struct virt_vm vm;
static struct virt_vcpu vcpu;
static struct vcpu_page *page;
static struct lapic_page *apic;

static void set_up_on(const struct vmx_capability_msrs *msrs)
{
	memset(field, 0, sizeof(field));
	memset(&vcpu, 0, sizeof(vcpu));
	memset(&vm, 0, sizeof(vm));
	memset(tags, 0, sizeof(tags));
	fake_cpu.id = 0;
	fake_dr6 = DR6_RESET;
	fake_cr4 = CR4_MCE;
	run_count = 0;
	run_hook = NULL;
	pages_gone = false;
	assert_null(vmx_capability_judge(msrs, &vmx_capability));

	page = calloc(1, sizeof(*page));
	start_state_reset(page);
	vm.second_stage.root.kernel = HPA(0x7000);
	vcpu.vm = &vm;
	vcpu.page = page;
	apic = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	memset(apic, 0, sizeof(*apic));
	vcpu.apic = apic;
	assert_int_equal(vmx_vm_init(&vm), STATUS_OK);
	assert_int_equal(vmx_vcpu_init(&vcpu), STATUS_OK);
	vmx_vcpu_load(&vcpu);
}

static int set_up(void **state)
{
	(void)state;
	set_up_on(&good_msrs);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vmx_vcpu_unload(&vcpu);
	virt_vcpu_free(&vcpu);
	virt_vm_free(&vm);
	free(page);
	free(apic);
	assert_int_equal(pages_out, 0);
	return 0;
}

static UNUSED bool decode(u32 reason, u64 qualification)
{
	field[VMCS_EXIT_REASON] = reason;
	field[VMCS_EXIT_QUALIFICATION] = qualification;
	vmx_of(&vcpu)->timer_tsc = 0;
	vcpu.event.valid = 0;
	return vmx_decode_exit(&vcpu);
}

static UNUSED void enter_protected_mode(void)
{
	field[VMCS_GUEST_CR0] |= CR0_PE;
}

#define TEST_WITH_VCPU(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
