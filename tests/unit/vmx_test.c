/* SPDX-License-Identifier: MIT */
/* The VMX back end over a fake VMCS: what it writes, what it makes of exits, and what it refuses.
 */
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
static struct cpu fake_cpu;

/* By bits 14:13 of an encoding: SDM vol. 3, table 25-21. */
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
static inline void int_machine_check(void)
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
#include "arch/x86_64/virt/reset.c"
#include "arch/x86_64/virt/vm.c"
#include "arch/x86_64/virt/vmx/capability.c"
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

/* --- the kernel around it --- */

u64 direct_map_base;
struct pt_format format_ept;
struct cpu_features features = {.rdtscp = true};
static bool pages_gone;
static unsigned int pages_out;
static u64 guest_table[4] = {0x11, 0x21, 0x31, 0x41};

u64 tsc_from_ns(u64 ns)
{
	return ns; /* 1 GHz */
}

void panic(const char *text, ...)
{
	fail_msg("panic: %s", text);
	abort();
}

enum page_owner page_owner(hpa_t hpa)
{
	(void)hpa;
	return PAGE_GUEST;
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

bool table_lookup(const struct table *table, u64 at, struct pt_leaf *leaf)
{
	assert_int_equal(table->root.kernel.value, 0x7000);
	*leaf = (struct pt_leaf){.at = at, .hpa = HPA((u64)guest_table)};
	return at == 0x5000;
}

static unsigned int clear_count;
void speculation_clear(const struct speculation *speculation)
{
	(void)speculation;
	clear_count++;
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

/* Each run of the fake guest is one of these exits; the last one repeats. */
static unsigned int run_count;
static void (*run_hook)(void);
const u8 *virt_code_find(struct virt_vcpu *of, const struct pt_format *format, u64 cr3, u64 rip)
{
	(void)of, (void)format, (void)cr3, (void)rip;
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

/* As a CPU of 2015 reports them; Bochs's Skylake-X is close. */
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

static int set_up(void **state)
{
	(void)state;
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
	assert_null(vmx_capability_judge(&good_msrs, &vmx_capability));

	page = calloc(1, sizeof(*page));
	vm.second_stage_root = HPA(0x7000);
	vcpu.vm = &vm;
	vcpu.page = page;
	assert_int_equal(vmx_vm_init(&vm), STATUS_OK);
	assert_int_equal(vmx_vcpu_init(&vcpu), STATUS_OK);
	vmx_vcpu_load(&vcpu);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vmx_vcpu_unload(&vcpu);
	virt_vcpu_free(&vcpu);
	virt_vm_free(&vm);
	free(page);
	assert_int_equal(pages_out, 0);
	return 0;
}

static bool decode(u32 reason, u64 qualification)
{
	field[VMCS_EXIT_REASON] = reason;
	field[VMCS_EXIT_QUALIFICATION] = qualification;
	return vmx_exit_decode(&vcpu, 0);
}

static void enter_protected_mode(void)
{
	field[VMCS_GUEST_CR0] |= CR0_PE;
}

/* --- capabilities --- */

static void capability_words_obey_both_halves(void **state)
{
	struct vmx_capability c = {0};

	(void)state;
	assert_null(vmx_capability_judge(&good_msrs, &c));
	assert_int_equal(c.pin, 0x16 | 0x1 | 0x8 | 0x20 | 0x40);
	assert_int_equal(c.primary & (u32)good_msrs.primary, (u32)good_msrs.primary);
	assert_int_equal(c.primary & ~(u32)(good_msrs.primary >> 32), 0);
	assert_true(c.primary & PRIMARY_SECONDARY);
	assert_false(c.primary & (PRIMARY_CR3_LOAD_EXITING | PRIMARY_INVLPG_EXITING |
				  PRIMARY_CR8_LOAD_EXITING | PRIMARY_MOV_DR_EXITING));
	assert_true(c.secondary & SECONDARY_UNRESTRICTED_GUEST);
	assert_false(c.secondary & SECONDARY_XSAVES);
	assert_false(c.exit & EXIT_ACKNOWLEDGE_INTERRUPT);
	assert_false(c.entry & ENTRY_IA32E_GUEST);
	assert_int_equal(c.timer_shift, 5);
	assert_int_equal(c.cr0_fixed, CR0_NE);
	assert_int_equal(c.ept_leaf_levels, 7);
}

static void capability_missing_is_said(void **state)
{
	struct vmx_capability c;
	struct vmx_capability_msrs m;

	(void)state;
#define WITHOUT(word, bits, text)                                                                  \
	do {                                                                                       \
		m = good_msrs;                                                                     \
		m.word &= ~(u64)(bits);                                                            \
		assert_non_null(vmx_capability_judge(&m, &c));                                     \
		assert_non_null(strstr(vmx_capability_judge(&m, &c), text));                       \
	} while (0)
	WITHOUT(basic, BIT(55), "too old");
	WITHOUT(basic, BITS(53, 50), "unknown form");
	WITHOUT(pin, (u64)PIN_VIRTUAL_NMIS << 32, "virtual NMIs");
	WITHOUT(primary, (u64)PRIMARY_USE_TPR_SHADOW << 32, "TPR shadow");
	WITHOUT(secondary, (u64)SECONDARY_EPT << 32, "EPT");
	WITHOUT(secondary, (u64)SECONDARY_VPID << 32, "VPID");
	WITHOUT(secondary, (u64)SECONDARY_UNRESTRICTED_GUEST << 32, "real mode");
	WITHOUT(exit, (u64)EXIT_SAVE_EFER << 32, "EFER");
	WITHOUT(entry, (u64)ENTRY_LOAD_PAT << 32, "PAT");
	WITHOUT(ept_vpid, EPT_CAP_2M, "2-MiB");
	WITHOUT(ept_vpid, VPID_CAP_INVVPID, "flush");
	WITHOUT(misc, VMX_MISC_STORES_LMA, "long mode");
#undef WITHOUT
	m = good_msrs;
	m.primary |= PRIMARY_CR3_LOAD_EXITING;
	assert_non_null(vmx_capability_judge(&m, &c));
	m = good_msrs;
	m.pin &= ~((u64)PIN_PREEMPTION_TIMER << 32);
	assert_null(vmx_capability_judge(&m, &c));
	assert_false(c.pin & PIN_PREEMPTION_TIMER);
	m = good_msrs;
	m.ept_vpid &= ~(EPT_CAP_INVEPT_SINGLE | VPID_CAP_INVVPID_SINGLE);
	assert_null(vmx_capability_judge(&m, &c));
	assert_int_equal(c.invept_type, INVALIDATE_ALL_CONTEXTS);
	assert_int_equal(c.invvpid_type, INVALIDATE_ALL_CONTEXTS);
}

/* --- set-up --- */

static bool msr_exits(u32 msr, bool write)
{
	const struct vmx_msr_bitmap *b = vm.msr_bitmap;
	const u8 *bits = msr >= VMX_MSR_HIGH_BASE ? (write ? b->write_high : b->read_high)
						  : (write ? b->write_low : b->read_low);
	u32 bit = msr & 0x1fff;

	return bits[bit / 8] >> bit % 8 & 1;
}

static void msr_bitmap_passes_the_guests_own(void **state)
{
	static const u32 free_msrs[] = {0x174,	    0x175,	0x176,	    0x277,
					0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,
					0xc0000100, 0xc0000101, 0xc0000102};
	u32 open = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(free_msrs); i++) {
		assert_false(msr_exits(free_msrs[i], false));
		assert_false(msr_exits(free_msrs[i], true));
	}
	assert_false(msr_exits(MSR_TSC, false));
	assert_true(msr_exits(MSR_TSC, true));
	assert_true(msr_exits(MSR_EFER, false));
	assert_true(msr_exits(MSR_EFER, true));
	assert_true(msr_exits(MSR_APIC_BASE, true));
	assert_true(msr_exits(MSR_X2APIC_BASE + 0x30, false));
	for (u32 i = 0; i < sizeof(struct vmx_msr_bitmap); i++)
		open += 8 - (u32)__builtin_popcount(((u8 *)vm.msr_bitmap)[i]);
	assert_int_equal(open, 2 * ARRAY_COUNT(free_msrs) + 1);
}

static void init_without_pages_gives_all_back(void **state)
{
	struct virt_vcpu other = {.vm = &vm, .page = page};
	unsigned int before = pages_out;

	(void)state;
	pages_gone = true;
	pages_out = 0;
	assert_int_equal(vmx_vcpu_init(&other), STATUS_NO_MEMORY);
	assert_int_equal(pages_out, 0);
	pages_out = before;
	pages_gone = false;
}

static void reset_state_is_the_manuals(void **state)
{
	(void)state;
	vmx_get(&vcpu, VCPU_ALL);
	assert_int_equal(page->rip, 0xfff0);
	assert_int_equal(page->segment[SEG_CS].base, 0xffff0000);
	assert_int_equal(page->cr0, 0x60000010);
	assert_int_equal(page->dr[6], 0xffff0ff0);
	assert_int_equal(page->dr[7], 0x400);
	assert_int_equal(page->msr[VMSR_PAT], PAT_RESET);
	assert_int_equal(field[VMCS_GUEST_CR0], CR0_NE | CR0_ET);
	assert_int_equal(field[VMCS_GUEST_CR4], CR4_VMXE | CR4_MCE);
	assert_int_equal(field[VMCS_EPT_POINTER], 0x7000 | 3 << 3 | 6);
	assert_int_equal(field[VMCS_LINK_POINTER], ~0ull);
	assert_true(field[VMCS_HOST_CR0] & CR0_TS);
	assert_int_equal(field[VMCS_PRIMARY_CONTROLS] & 3u << 24, 1u << 24); /* every port exits */
}

static void state_comes_back_as_it_was_set(void **state)
{
	u8 *bytes = (u8 *)&page->rip;
	size_t size = offsetof(struct vcpu_page, dump_count) - offsetof(struct vcpu_page, rip);
	struct vcpu_page copy;

	(void)state;
	vmx_get(&vcpu, VCPU_ALL);
	page->rip = 0x123456789;
	page->rflags = 0x246;
	page->shadow = SHADOW_STI | SHADOW_NMI;
	page->cr0 = 0xe0050033;
	page->cr2 = 0xdead000;
	page->cr3 = 0x9000;
	page->cr4 = CR4_PAE | CR4_PGE;
	page->efer = EFER_LME | EFER_LMA | EFER_SCE;
	page->tsc_offset = ~0ull - 5;
	for (u32 i = 0; i < SEG_COUNT; i++)
		page->segment[i] = (struct vcpu_segment_state){.base = i << 20,
							       .limit = i << 12,
							       .access = 0x93,
							       .selector = (u16)(i * 8)};
	page->segment[SEG_FS].access = SEGMENT_UNUSABLE;
	page->gdtr = (struct vcpu_table_state){.base = 0x1000, .limit = 0x7f};
	page->idtr = (struct vcpu_table_state){.base = 0x2000, .limit = 0xfff};
	for (u32 i = 0; i < 4; i++)
		page->dr[i] = i + 7;
	page->dr[6] = 0xffff4ff1;
	page->dr[7] = 0x401;
	for (u32 i = 0; i < VMSR_COUNT; i++)
		page->msr[i] = i + 100;
	memcpy(&copy, page, sizeof(copy));

	vmx_set(&vcpu, VCPU_ALL);
	memset(bytes, 0xa5, size);
	vmx_get(&vcpu, VCPU_ALL);
	for (u32 i = 0; i < SEG_COUNT; i++)
		memset(page->segment[i].reserved, 0, sizeof(page->segment[i].reserved));
	page->gdtr.reserved = page->idtr.reserved = page->reserved = 0;
	page->dr[4] = page->dr[5] = 0;
	assert_memory_equal(bytes, &copy.rip, size);
}

static void msrs_go_in_by_the_load_area_once(void **state)
{
	const struct vmx_scratch *scratch = vcpu.scratch;

	(void)state;
	page->msr[VMSR_LSTAR] = 0x8000000000000000;
	vmx_set(&vcpu, VCPU_MSRS);
	assert_int_equal(field[VMCS_ENTRY_MSR_LOAD_COUNT], 6);
	assert_int_equal(scratch->msr_load[1].index, 0xc0000082);
	assert_int_equal(scratch->msr_load[1].value, 0x8000000000000000);
	assert_int_equal(field[VMCS_ENTRY_MSR_LOAD],
			 vcpu.control_hpa.value + PAGE_SIZE +
				 offsetof(struct vmx_scratch, msr_load));

	/* A failed entry has not loaded them. */
	decode(EXIT_REASON_ENTRY_FAILURE | VMX_EXIT_MSR_LOADING, 2);
	assert_int_equal(vcpu.exit.reason, EXIT_ENTRY_FAILED);
	assert_int_equal(vcpu.exit.qualification, 2);
	assert_int_equal(field[VMCS_ENTRY_MSR_LOAD_COUNT], 6);
	decode(VMX_EXIT_HLT, 0);
	assert_int_equal(field[VMCS_ENTRY_MSR_LOAD_COUNT], 0);
	/* From now on the CPU's are the guest's. */
	vmx_get(&vcpu, VCPU_MSRS);
	assert_int_equal(page->msr[VMSR_LSTAR], 2);
	assert_int_equal(page->msr[VMSR_TSC_AUX], 6);
}

/* --- control registers --- */

static void long_mode_follows_lme_and_pg(void **state)
{
	(void)state;
	page->cr0 = CR0_PE | CR0_ET;
	page->cr4 = CR4_PAE;
	page->efer = EFER_LME | EFER_LMA;
	vmx_set(&vcpu, VCPU_CONTROL);
	assert_int_equal(field[VMCS_GUEST_EFER], EFER_LME);
	assert_false(field[VMCS_ENTRY_CONTROLS] & ENTRY_IA32E_GUEST);
	page->cr0 |= CR0_PG;
	vcpu.flush = false;
	vmx_set(&vcpu, VCPU_CONTROL);
	assert_int_equal(field[VMCS_GUEST_EFER], EFER_LME | EFER_LMA);
	assert_true(field[VMCS_ENTRY_CONTROLS] & ENTRY_IA32E_GUEST);
	assert_true(vcpu.flush);
}

static void pae_paging_takes_its_pdptes_from_memory(void **state)
{
	(void)state;
	page->cr0 = CR0_PE | CR0_PG | CR0_ET;
	page->cr3 = 0x5000;
	page->cr4 = CR4_PAE;
	page->efer = 0;
	vmx_set(&vcpu, VCPU_CONTROL);
	for (u32 i = 0; i < 4; i++)
		assert_int_equal(field[VMCS_GUEST_PDPTE0 + 2 * i], guest_table[i]);
	/* The same CR3 again: those that the CPU holds stay. */
	field[VMCS_GUEST_PDPTE0] = 0x91;
	page->efer = EFER_NXE;
	vmx_set(&vcpu, VCPU_CONTROL);
	assert_int_equal(field[VMCS_GUEST_PDPTE0], 0x91);
	/* Nothing is there. */
	page->cr3 = 0x6000;
	vmx_set(&vcpu, VCPU_CONTROL);
	assert_int_equal(field[VMCS_GUEST_PDPTE0], 0);
}

static void host_owned_bits_live_in_the_shadow(void **state)
{
	(void)state;
	page->gpr[GPR_RBX] = CR0_PE | CR0_PG | CR0_CD | CR0_ET;
	field[VMCS_GUEST_RIP] = 0x100;
	assert_true(decode(VMX_EXIT_CR_ACCESS, GPR_RBX << 8));
	assert_int_equal(vmx_cr0_get() & (CR0_CD | CR0_NW | CR0_NE), CR0_CD);
	assert_int_equal(field[VMCS_GUEST_CR0] & (CR0_CD | CR0_NE), CR0_NE);
	assert_int_equal(field[VMCS_GUEST_RIP], 0x100); /* it runs again */
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0);

	page->gpr[GPR_RBX] = CR4_MCE | CR4_PAE;
	assert_true(decode(VMX_EXIT_CR_ACCESS, GPR_RBX << 8 | 4));
	assert_true(vmx_cr4_get() & CR4_MCE);
	page->gpr[GPR_RBX] = CR4_PAE;
	assert_true(decode(VMX_EXIT_CR_ACCESS, GPR_RBX << 8 | 4));
	assert_false(vmx_cr4_get() & CR4_MCE);
	assert_true(field[VMCS_GUEST_CR4] & CR4_MCE);
}

static void bad_control_registers_are_general_protection(void **state)
{
	static const struct {
		u64 number;
		u64 value;
	} bad[] = {{0, CR0_NW},
		   {0, CR0_PG | CR0_CD},
		   {4, CR4_VMXE},
		   {4, CR4_SMXE | CR4_MCE},
		   {4, BIT(25)}};

	(void)state;
	enter_protected_mode();
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		field[VMCS_ENTRY_INTERRUPTION_INFO] = 0;
		page->gpr[GPR_RAX] = bad[i].value;
		assert_true(decode(VMX_EXIT_CR_ACCESS, bad[i].number));
		assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x80000b0d);
	}
	/* The upper half counts in 64-bit mode alone. */
	page->gpr[GPR_RAX] = BIT(40) | CR0_PE;
	field[VMCS_ENTRY_INTERRUPTION_INFO] = 0;
	assert_true(decode(VMX_EXIT_CR_ACCESS, 0));
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0);
	field[VMCS_GUEST_EFER] = EFER_LMA;
	field[VMCS_GUEST_CS_ACCESS] |= SEGMENT_L;
	assert_true(decode(VMX_EXIT_CR_ACCESS, 0));
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x80000b0d);
	/* What the masks never let exit is not settled. */
	assert_false(decode(VMX_EXIT_CR_ACCESS, 3));
	assert_int_equal(vcpu.exit.reason, EXIT_CR);
}

/* --- exits --- */

static void io_is_decoded(void **state)
{
	(void)state;
	field[VMCS_EXIT_INSTRUCTION_LENGTH] = 2;
	assert_false(decode(VMX_EXIT_IO, 0x3f8ull << 16 | 3 | BIT(3) | BIT(4) | BIT(5)));
	assert_int_equal(vcpu.exit.reason, EXIT_IO);
	assert_int_equal(vcpu.exit.io_port, 0x3f8);
	assert_int_equal(vcpu.exit.io_size, 4);
	assert_int_equal(vcpu.exit.io_flags, IO_IN | IO_STRING | IO_REP);
	assert_int_equal(vcpu.exit.instruction_length, 2);
	assert_false(decode(VMX_EXIT_IO, 0x80ull << 16));
	assert_int_equal(vcpu.exit.io_size, 1);
	assert_int_equal(vcpu.exit.io_flags, 0);
}

static void ept_violation_is_decoded(void **state)
{
	(void)state;
	field[VMCS_GUEST_PHYSICAL_ADDRESS] = 0xfee00030;
	field[VMCS_GUEST_LINEAR_ADDRESS] = 0xffff8000fee00030;
	decode(VMX_EXIT_EPT_VIOLATION, BIT(1) | BIT(7) | BIT(8));
	assert_int_equal(vcpu.exit.reason, EXIT_MEMORY);
	assert_int_equal(vcpu.exit.gpa, 0xfee00030);
	assert_int_equal(vcpu.exit.gva, 0xffff8000fee00030);
	assert_int_equal(vcpu.exit.access, ACCESS_WRITE);
	decode(VMX_EXIT_EPT_VIOLATION, BIT(0) | BIT(7));
	assert_int_equal(vcpu.exit.access, ACCESS_READ | ACCESS_TABLE_WALK);
	decode(VMX_EXIT_EPT_VIOLATION, BIT(2));
	assert_int_equal(vcpu.exit.access, ACCESS_EXECUTE);
	assert_int_equal(vcpu.exit.gva, 0);
	assert_false(field[VMCS_GUEST_INTERRUPTIBILITY] & INTERRUPTIBILITY_NMI);
	decode(VMX_EXIT_EPT_VIOLATION, BIT(0) | BIT(12));
	assert_true(field[VMCS_GUEST_INTERRUPTIBILITY] & INTERRUPTIBILITY_NMI);
	/* Not when the exit came in the delivery of an event. */
	field[VMCS_GUEST_INTERRUPTIBILITY] = 0;
	field[VMCS_IDT_VECTORING_INFO] = INTERRUPTION_VALID | 0x30;
	decode(VMX_EXIT_EPT_VIOLATION, BIT(0) | BIT(12));
	assert_int_equal(field[VMCS_GUEST_INTERRUPTIBILITY], 0);
}

static void interrupted_delivery_comes_back(void **state)
{
	(void)state;
	field[VMCS_IDT_VECTORING_INFO] = INTERRUPTION_VALID | 0x80 | 4 << 8;
	field[VMCS_EXIT_INSTRUCTION_LENGTH] = 2;
	decode(VMX_EXIT_EPT_VIOLATION, 1);
	assert_true(vcpu.event.valid);
	assert_int_equal(vcpu.event.type, EVENT_SOFTWARE_INTERRUPT);
	assert_int_equal(vcpu.event.vector, 0x80);
	assert_int_equal(vcpu.event.instruction_length, 2);
	field[VMCS_IDT_VECTORING_INFO] = INTERRUPTION_VALID | INTERRUPTION_ERROR_CODE | 14 | 3 << 8;
	field[VMCS_IDT_VECTORING_ERROR_CODE] = 6;
	decode(VMX_EXIT_TASK_SWITCH, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_TASK_SWITCH);
	assert_int_equal(vcpu.event.error_code, 6);
	assert_int_equal(vcpu.event.instruction_length, 0);
	field[VMCS_IDT_VECTORING_INFO] = 0;
	decode(VMX_EXIT_HLT, 0);
	assert_false(vcpu.event.valid);
}

static void every_reason_has_a_name(void **state)
{
	static const struct {
		u32 vmx;
		u32 reason;
	} pairs[] = {
		{VMX_EXIT_EXTERNAL_INTERRUPT, EXIT_HOST_INTERRUPT},
		{VMX_EXIT_CPUID, EXIT_CPUID},
		{VMX_EXIT_TRIPLE_FAULT, EXIT_TRIPLE_FAULT},
		{VMX_EXIT_HLT, EXIT_HLT},
		{VMX_EXIT_RDMSR, EXIT_RDMSR},
		{VMX_EXIT_WRMSR, EXIT_WRMSR},
		{VMX_EXIT_VMCALL, EXIT_HYPERCALL},
		{VMX_EXIT_VMXON, EXIT_INVALID_OPCODE},
		{VMX_EXIT_WBINVD, EXIT_INVD},
		{VMX_EXIT_XSETBV, EXIT_XSETBV},
		{VMX_EXIT_INTERRUPT_WINDOW, EXIT_INTERRUPT_WINDOW},
		{VMX_EXIT_NMI_WINDOW, EXIT_NMI_WINDOW},
		{VMX_EXIT_MWAIT, EXIT_MWAIT},
		{VMX_EXIT_EPT_MISCONFIGURATION, EXIT_UNKNOWN},
		{35, EXIT_UNKNOWN},
		{VMX_EXIT_XRSTORS, EXIT_UNKNOWN},
		{0xfff, EXIT_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
		decode(pairs[i].vmx, 0);
		assert_int_equal(vcpu.exit.reason, pairs[i].reason);
		assert_int_equal(vcpu.exit.vendor_code, pairs[i].vmx);
	}
	for (u32 i = 0; i < 80; i++) {
		decode(i, 0);
		assert_in_range(vcpu.exit.reason, EXIT_NONE + 1, EXIT_REASON_COUNT - 1);
	}
}

static void host_nmi_and_machine_check_reach_the_host(void **state)
{
	unsigned int nmis = nmi_count;
	unsigned int checks = machine_check_count;

	(void)state;
	field[VMCS_EXIT_INTERRUPTION_INFO] = INTERRUPTION_VALID | 2 << 8 | 2;
	assert_false(decode(VMX_EXIT_EXCEPTION_NMI, 0));
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_int_equal(nmi_count, nmis + 1);
	field[VMCS_EXIT_INTERRUPTION_INFO] = INTERRUPTION_VALID | 3 << 8 | 18;
	assert_false(decode(VMX_EXIT_EXCEPTION_NMI, 0));
	assert_int_equal(machine_check_count, checks + 1);
	decode(EXIT_REASON_ENTRY_FAILURE | VMX_EXIT_MACHINE_CHECK, 0);
	assert_int_equal(machine_check_count, checks + 2);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	decode(EXIT_REASON_ENTRY_FAILURE | VMX_EXIT_INVALID_GUEST_STATE, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_ENTRY_FAILED);
	assert_int_equal(vcpu.exit.vendor_code, 0x80000021);
}

static void debug_exception_goes_back_to_the_guest(void **state)
{
	(void)state;
	field[VMCS_GUEST_DR7] = 0x400 | DR7_GD;
	field[VMCS_EXIT_INTERRUPTION_INFO] = INTERRUPTION_VALID | 3 << 8 | 1;
	assert_true(decode(VMX_EXIT_EXCEPTION_NMI, BIT(14) | BIT(0)));
	assert_int_equal(fake_dr6, DR6_RESET | BIT(14) | BIT(0));
	assert_int_equal(field[VMCS_GUEST_DR7], 0x400);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], INTERRUPTION_VALID | 3 << 8 | 1);
	/* INT1 is delivered as what it is. */
	field[VMCS_EXIT_INTERRUPTION_INFO] = INTERRUPTION_VALID | 5 << 8 | 1;
	field[VMCS_EXIT_INSTRUCTION_LENGTH] = 1;
	assert_true(decode(VMX_EXIT_EXCEPTION_NMI, 0));
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], INTERRUPTION_VALID | 5 << 8 | 1);
	assert_int_equal(field[VMCS_ENTRY_INSTRUCTION_LENGTH], 1);
}

/* --- entry --- */

static void alignment_check_for_ever(void)
{
	field[VMCS_EXIT_REASON] = VMX_EXIT_EXCEPTION_NMI;
	field[VMCS_EXIT_INTERRUPTION_INFO] =
		INTERRUPTION_VALID | INTERRUPTION_ERROR_CODE | 3 << 8 | 17;
}

static void no_guest_keeps_the_kernel_for_ever(void **state)
{
	(void)state;
	enter_protected_mode();
	run_hook = alignment_check_for_ever;
	gdt_limit = 0;
	vmx_enter(&vcpu, 0);
	assert_int_equal(run_count, VMX_ROUNDS);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_true(vcpu.event.valid);
	assert_int_equal(vcpu.event.vector, 17);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0);
	assert_int_equal(gdt_limit, 0);
	vmx_leave(&vcpu);
	assert_int_equal(gdt_limit, 0x47);
	gdt_limit = 0;
	vmx_leave(&vcpu);
	assert_int_equal(gdt_limit, 0);
}

static void timer_ends(void)
{
	field[VMCS_EXIT_REASON] = VMX_EXIT_PREEMPTION_TIMER;
	fake_tsc += 4000;
}

static void deadline_is_neither_early_nor_lost(void **state)
{
	(void)state;
	run_hook = timer_ends;
	fake_tsc = 1000;
	vmx_enter(&vcpu, 1000 + 10000);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT); /* 5000: early */
	assert_int_equal(run_count, 1);
	vmx_enter(&vcpu, 1000 + 10000);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	vmx_enter(&vcpu, 1000 + 10000);
	assert_int_equal(vcpu.exit.reason, EXIT_DEADLINE);
	assert_int_equal(field[VMCS_PREEMPTION_TIMER], ((11000 - 9000) >> 5) + 1);
	vmx_enter(&vcpu, 2);
	assert_int_equal(field[VMCS_PREEMPTION_TIMER], 0);
	/* Far off, or without one, the host looks for interrupts after a while. */
	vmx_enter(&vcpu, 1ull << 60);
	assert_int_equal(field[VMCS_PREEMPTION_TIMER], (STAY_MAX_NS >> 5) + 1);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	vmx_enter(&vcpu, 2);
	vmx_enter(&vcpu, 0);
	assert_int_equal(vcpu.exit.reason, EXIT_HOST_INTERRUPT);
	assert_int_equal(field[VMCS_PREEMPTION_TIMER], (STAY_MAX_NS >> 5) + 1);
}

static void guest_lowers_cr8(void)
{
	struct vmx_scratch *scratch = vcpu.scratch;

	assert_int_equal(scratch->apic[0x20], 0x90);
	scratch->apic[0x20] = 0x30;
	fake_cr2 = 0x77000;
	field[VMCS_GUEST_RSP] = 0x5678;
	field[VMCS_EXIT_REASON] = VMX_EXIT_HLT;
}

static void live_registers_go_in_and_out(void **state)
{
	(void)state;
	page->cr8 = 9;
	page->gpr[GPR_RSP] = 0x1234;
	run_hook = guest_lowers_cr8;
	vmx_enter(&vcpu, 0);
	vmx_leave(&vcpu);
	assert_int_equal(page->cr8, 3);
	assert_int_equal(page->gpr[GPR_RSP], 0x5678);
	assert_int_equal(vcpu.cr2, 0x77000);
	assert_int_equal(field[VMCS_HOST_CR3], 0x1234000);
	assert_true(vcpu.launched);
}

/* SDM vol. 3, 27.2.1.1: one above the priority would fail the entry. */
static void threshold_follows_priority(void **state)
{
	(void)state;
	page->cr8 = 9;
	page->tpr_threshold = 5;
	vmx_enter(&vcpu, 0);
	assert_int_equal(field[VMCS_TPR_THRESHOLD], 5);
	vmx_leave(&vcpu);
	page->cr8 = 3;
	vmx_enter(&vcpu, 0);
	assert_int_equal(field[VMCS_TPR_THRESHOLD], 3);
	vmx_leave(&vcpu);
	page->tpr_threshold = 0;
	vmx_enter(&vcpu, 0);
	assert_int_equal(field[VMCS_TPR_THRESHOLD], 0);
}

/* --- events --- */

static void inject(u8 type, u8 vector, u8 has_error_code, u32 error_code, u32 length)
{
	const struct vcpu_event event = {.valid = 1,
					 .type = type,
					 .vector = vector,
					 .has_error_code = has_error_code,
					 .error_code = error_code,
					 .instruction_length = length};

	vmx_request(&vcpu, &event, 0, 0);
}

static void error_codes_follow_the_vector(void **state)
{
	(void)state;
	inject(EVENT_EXCEPTION, VECTOR_GP, 1, 8, 0);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x8000030d); /* real mode */
	enter_protected_mode();
	inject(EVENT_EXCEPTION, VECTOR_GP, 0, 8, 0);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x80000b0d);
	assert_int_equal(field[VMCS_ENTRY_ERROR_CODE], 8);
	inject(EVENT_EXCEPTION, VECTOR_PF, 1, 0xffffffff, 0);
	assert_int_equal(field[VMCS_ENTRY_ERROR_CODE], 0x7fff);
	inject(EVENT_EXCEPTION, VECTOR_UD, 0, 0, 0);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x80000306);
	inject(EVENT_INTERRUPT, 0xec, 0, 0, 0);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x800000ec);
	inject(EVENT_SOFTWARE_EXCEPTION, VECTOR_BP, 0, 0, 1);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x80000603);
	assert_int_equal(field[VMCS_ENTRY_INSTRUCTION_LENGTH], 1);
	field[VMCS_GUEST_INTERRUPTIBILITY] = INTERRUPTIBILITY_NMI;
	inject(EVENT_NMI, 2, 0, 0, 0);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x80000202);
	assert_int_equal(field[VMCS_GUEST_INTERRUPTIBILITY], 0);
	/* A type of more than three bits does not spill into the other fields. */
	inject(0xff, 3, 0, 0, 0);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x80000703);
}

static void windows_are_open_as_asked(void **state)
{
	static const struct vcpu_event none;
	u32 both = PRIMARY_INTERRUPT_WINDOW_EXITING | PRIMARY_NMI_WINDOW_EXITING;

	(void)state;
	vmx_request(&vcpu, &none, REQUEST_INTERRUPT_WINDOW | REQUEST_NMI_WINDOW, 0);
	assert_int_equal(field[VMCS_PRIMARY_CONTROLS] & both, both);
	decode(VMX_EXIT_INTERRUPT_WINDOW, 0);
	assert_int_equal(field[VMCS_PRIMARY_CONTROLS] & both, PRIMARY_NMI_WINDOW_EXITING);
	vmx_request(&vcpu, &none, 0, 0);
	assert_int_equal(field[VMCS_PRIMARY_CONTROLS], vmx_capability.primary);
}

static void advancing_ends_shadows_and_wraps(void **state)
{
	static const struct vcpu_event none;

	(void)state;
	field[VMCS_GUEST_RIP] = 0xffffffff;
	field[VMCS_GUEST_INTERRUPTIBILITY] = INTERRUPTIBILITY_STI | INTERRUPTIBILITY_NMI;
	vmx_request(&vcpu, &none, REQUEST_ADVANCE, 2);
	assert_int_equal(field[VMCS_GUEST_RIP], 1);
	assert_int_equal(field[VMCS_GUEST_INTERRUPTIBILITY], INTERRUPTIBILITY_NMI);
	assert_int_equal(field[VMCS_GUEST_PENDING_DEBUG], 0);
	field[VMCS_GUEST_EFER] = EFER_LMA;
	field[VMCS_GUEST_CS_ACCESS] |= SEGMENT_L;
	field[VMCS_GUEST_RIP] = 0xffffffff;
	field[VMCS_GUEST_RFLAGS] = RFLAGS_TF;
	vmx_request(&vcpu, &none, REQUEST_ADVANCE | REQUEST_FLUSH, 2);
	assert_int_equal(field[VMCS_GUEST_RIP], 0x100000001);
	assert_int_equal(field[VMCS_GUEST_PENDING_DEBUG], PENDING_DEBUG_BS);
	assert_true(vcpu.flush);
}

/* --- TLB tags --- */

static void tags_are_never_met_again(void **state)
{
	unsigned int flushes = invept_count;
	u32 first = vcpu.tag;

	(void)state;
	assert_int_not_equal(first, 0);
	vmx_enter(&vcpu, 0);
	assert_int_equal(invept_count, flushes + 1); /* a new tag begins clean */
	vmx_enter(&vcpu, 0);
	assert_int_equal(invept_count, flushes + 1);
	vmx_tag_assign(&vcpu);
	assert_int_equal(vcpu.tag, first);

	/* A flush takes what the tag has of the guest's tables and what there is of the EPT. */
	invvpid_last = 0;
	vcpu.flush = true;
	vmx_enter(&vcpu, 0);
	assert_int_equal(invept_count, flushes + 2);
	assert_int_equal(invvpid_last, first);
	assert_false(vcpu.flush);

	/* Away and back: another tag, for the old one may have gone stale. */
	vmx_vcpu_unload(&vcpu);
	fake_cpu.id = 1;
	vmx_vcpu_load(&vcpu);
	vmx_vcpu_unload(&vcpu);
	fake_cpu.id = 0;
	vmx_vcpu_load(&vcpu);
	assert_int_not_equal(vcpu.tag, first);
	assert_true(vcpu.flush);
	assert_int_equal(field[VMCS_VPID], vcpu.tag);

	/* All used up: one flush, then from the start. */
	flushes = invvpid_all_count;
	tags[0].last = VPID_MAX;
	vmx_tag_assign(&vcpu);
	assert_int_equal(invvpid_all_count, flushes + 1);
	assert_int_equal(vcpu.tag, 1);
}

static void making_a_vcpu_leaves_the_loaded_one_be(void **state)
{
	struct virt_vcpu other = {.vm = &vm, .page = page};
	u64 before = current_vmcs;

	(void)state;
	assert_int_equal(before, vcpu.control_hpa.value);
	assert_int_equal(vmx_vcpu_init(&other), STATUS_OK);
	assert_int_equal(current_vmcs, before);
	virt_vcpu_free(&other);
}

static void dump_fits_and_keeps_host_addresses(void **state)
{
	static const u32 secret[] = {VMCS_HOST_RIP, VMCS_HOST_RSP,    VMCS_HOST_GDTR_BASE,
				     VMCS_HOST_CR3, VMCS_EPT_POINTER, VMCS_MSR_BITMAP};

	(void)state;
	field[VMCS_GUEST_RIP] = 0x4242;
	vmx_dump(&vcpu);
	assert_in_range(page->dump_count, 90, ARRAY_COUNT(page->dump));
	for (u32 i = 0; i < page->dump_count; i++) {
		for (size_t s = 0; s < ARRAY_COUNT(secret); s++)
			assert_int_not_equal(page->dump[i].id, secret[s]);
		assert_int_equal(page->dump[i].value, field[page->dump[i].id]);
	}
}

/* What the monitor wants to see: words in the VMCS, and accesses that are not settled here. */
static void traps_change_the_control_words(void **state)
{
	struct vcpu_page *page = vcpu.page;

	(void)state;
	page->cr0 = CR0_PE | CR0_PG | CR0_CD;
	page->cr4 = CR4_PAE;
	vmx_set(&vcpu, VCPU_CONTROL);
	page->trap = VTRAP_CR | VTRAP_DR | VTRAP_MSR | VTRAP_FLUSH | VTRAP_NO_TIMER;
	page->trap_exceptions = BIT(VECTOR_PF);
	page->cr3_target[1] = 0x7000;
	vmx_set(&vcpu, VCPU_TRAPS);
	assert_int_equal(field[VMCS_EXCEPTION_BITMAP], VMX_EXCEPTIONS | BIT(VECTOR_PF));
	assert_int_equal(field[VMCS_PRIMARY_CONTROLS],
			 (vmx_capability.primary | PRIMARY_CR3_LOAD_EXITING |
			  PRIMARY_MOV_DR_EXITING) &
				 ~PRIMARY_USE_MSR_BITMAPS);
	assert_int_equal(field[VMCS_SECONDARY_CONTROLS],
			 vmx_capability.secondary & ~SECONDARY_VPID);
	assert_int_equal(field[VMCS_PIN_CONTROLS], vmx_capability.pin & ~PIN_PREEMPTION_TIMER);
	assert_int_equal(field[VMCS_CR0_MASK], ~0ull);
	assert_int_equal(field[VMCS_CR4_MASK], ~0ull);
	/* the guest goes on reading what it has written */
	assert_int_equal(vmx_cr0_get(), CR0_PE | CR0_PG | CR0_CD);
	assert_int_equal(field[VMCS_CR0_SHADOW], CR0_PE | CR0_PG | CR0_CD);
	assert_int_equal(field[VMCS_CR3_TARGET_COUNT], vmx_capability.cr3_targets);
	if (vmx_capability.cr3_targets > 1)
		assert_int_equal(field[VMCS_CR3_TARGET0 + 2], 0x7000);
	assert_false(vmx_cr_settle(&vcpu, 4 | GPR_RAX << 8));

	page->trap = VTRAP_RESTRICTED;
	page->trap_exceptions = 0;
	vmx_set(&vcpu, VCPU_TRAPS);
	assert_int_equal(field[VMCS_SECONDARY_CONTROLS],
			 vmx_capability.secondary & ~SECONDARY_UNRESTRICTED_GUEST);
	assert_int_equal(field[VMCS_PRIMARY_CONTROLS], vmx_capability.primary);
	assert_true((field[VMCS_CR0_MASK] & (CR0_PE | CR0_PG)) == (CR0_PE | CR0_PG));
	page->gpr[GPR_RAX] = CR0_PE;
	assert_false(vmx_cr_settle(&vcpu, 0 | GPR_RAX << 8));
	page->trap = 0;
	vmx_set(&vcpu, VCPU_TRAPS);
	assert_true(vmx_cr_settle(&vcpu, 0 | GPR_RAX << 8));
}

#define TEST_WITH_VCPU(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Nothing of it where the CPU does not ask for it: set_up's has no speculation to speak of. */
static void what_speculation_asks_for(void **state)
{
	(void)state;
	clear_count = 0;
	field[VMCS_EXIT_REASON] = VMX_EXIT_HLT;
	vmx_enter(&vcpu, 0);
	assert_int_equal(clear_count, 0);
	assert_int_equal(field[VMCS_EXIT_MSR_LOAD_COUNT], 0);
	features.speculation = (struct speculation){
		.clear = true, .ibrs_on_exit = true, .spec_ctrl = 5};
	vmx_enter(&vcpu, 0);
	assert_int_equal(clear_count, 1);
	tear_down(state);
	set_up(state);
	assert_int_equal(field[VMCS_EXIT_MSR_LOAD_COUNT], 1);
	assert_int_equal(((const struct vmx_scratch *)vcpu.scratch)->exit_load[0].index, 0x48);
	assert_int_equal(((const struct vmx_scratch *)vcpu.scratch)->exit_load[0].value, 5);
	features.speculation = (struct speculation){0};
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capability_words_obey_both_halves),
		cmocka_unit_test(capability_missing_is_said),
		TEST_WITH_VCPU(msr_bitmap_passes_the_guests_own),
		TEST_WITH_VCPU(init_without_pages_gives_all_back),
		TEST_WITH_VCPU(reset_state_is_the_manuals),
		TEST_WITH_VCPU(state_comes_back_as_it_was_set),
		TEST_WITH_VCPU(msrs_go_in_by_the_load_area_once),
		TEST_WITH_VCPU(long_mode_follows_lme_and_pg),
		TEST_WITH_VCPU(pae_paging_takes_its_pdptes_from_memory),
		TEST_WITH_VCPU(host_owned_bits_live_in_the_shadow),
		TEST_WITH_VCPU(bad_control_registers_are_general_protection),
		TEST_WITH_VCPU(io_is_decoded),
		TEST_WITH_VCPU(ept_violation_is_decoded),
		TEST_WITH_VCPU(interrupted_delivery_comes_back),
		TEST_WITH_VCPU(every_reason_has_a_name),
		TEST_WITH_VCPU(host_nmi_and_machine_check_reach_the_host),
		TEST_WITH_VCPU(debug_exception_goes_back_to_the_guest),
		TEST_WITH_VCPU(no_guest_keeps_the_kernel_for_ever),
		TEST_WITH_VCPU(deadline_is_neither_early_nor_lost),
		TEST_WITH_VCPU(live_registers_go_in_and_out),
		TEST_WITH_VCPU(threshold_follows_priority),
		TEST_WITH_VCPU(error_codes_follow_the_vector),
		TEST_WITH_VCPU(windows_are_open_as_asked),
		TEST_WITH_VCPU(advancing_ends_shadows_and_wraps),
		TEST_WITH_VCPU(tags_are_never_met_again),
		TEST_WITH_VCPU(making_a_vcpu_leaves_the_loaded_one_be),
		TEST_WITH_VCPU(traps_change_the_control_words),
		TEST_WITH_VCPU(dump_fits_and_keeps_host_addresses),
		TEST_WITH_VCPU(what_speculation_asks_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
