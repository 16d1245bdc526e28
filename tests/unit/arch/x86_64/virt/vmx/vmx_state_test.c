/* SPDX-License-Identifier: MIT */
/* What the VMX back end requires of a CPU, and the guest's state in the VMCS. */
#include "tests/unit/vmx_machine.h"

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
}

/* A CPU's SGX and detection of bus locks are used; this CPU lacks the latter. */
static void what_is_there_is_used(void **state)
{
	struct vmx_capability_msrs msrs = good_msrs;

	assert_int_equal(field[VMCS_SECONDARY_CONTROLS] &
				 (SECONDARY_ENCLS_EXITING | SECONDARY_ENCLV_EXITING |
				  SECONDARY_BUS_LOCK_DETECTION),
			 SECONDARY_ENCLS_EXITING);
	assert_int_equal(field[VMCS_ENCLS_BITMAP], ~0ull);
	assert_int_equal(field[VMCS_ENCLV_BITMAP], 0);
	tear_down(state);
	msrs.secondary |= (u64)(SECONDARY_ENCLV_EXITING | SECONDARY_BUS_LOCK_DETECTION) << 32;
	set_up_on(&msrs);
	assert_true(field[VMCS_SECONDARY_CONTROLS] & SECONDARY_BUS_LOCK_DETECTION);
	assert_int_equal(field[VMCS_ENCLV_BITMAP], ~0ull);
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
	WITHOUT(basic, BITS(53, 50), "unsupported size");
	WITHOUT(pin, (u64)PIN_VIRTUAL_NMIS << 32, "virtual NMIs");
	WITHOUT(primary, (u64)PRIMARY_USE_TPR_SHADOW << 32, "TPR shadow");
	WITHOUT(secondary, (u64)SECONDARY_EPT << 32, "EPT");
	WITHOUT(secondary, (u64)SECONDARY_VPID << 32, "VPID");
	WITHOUT(secondary, (u64)SECONDARY_UNRESTRICTED_GUEST << 32, "real mode");
	WITHOUT(exit, (u64)EXIT_SAVE_EFER << 32, "EFER");
	WITHOUT(entry, (u64)ENTRY_LOAD_PAT << 32, "PAT");
	WITHOUT(ept_vpid, EPT_CAP_2M, "2-MiB");
	WITHOUT(ept_vpid, VPID_CAP_INVVPID, "flush");
	WITHOUT(misc, VMX_MISC_STORES_LMA, "EFER.LMA");
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
	assert_int_equal(field[VMCS_PIN_CONTROLS], vmx_capability.pin);
	assert_int_equal(field[VMCS_PRIMARY_CONTROLS], vmx_capability.primary);
	assert_int_equal(field[VMCS_SECONDARY_CONTROLS], vmx_capability.secondary);
	assert_int_equal(field[VMCS_EXCEPTION_BITMAP], VMX_EXCEPTIONS);
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
	const struct vmx_scratch *scratch = vmx_of(&vcpu)->scratch;

	(void)state;
	page->msr[VMSR_LSTAR] = 0x8000000000000000;
	page->msr[VMSR_TSC_AUX] = 9;
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
	/* From now on the guest's values are in the CPU's MSRs. */
	vmx_get(&vcpu, VCPU_MSRS);
	assert_int_equal(page->msr[VMSR_LSTAR], 2);
	assert_int_equal(page->msr[VMSR_KERNEL_GS_BASE], 5);
	/* TSC_AUX is excepted, as the guest cannot write it. */
	assert_int_equal(page->msr[VMSR_TSC_AUX], 9);
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

/* Setting registers after a failed entry drops the event that it was to inject. */
static void a_failed_entry_keeps_no_event(void **state)
{
	(void)state;
	field[VMCS_ENTRY_INTERRUPTION_INFO] = INTERRUPTION_VALID | 0x30e;
	vmx_set(&vcpu, VCPU_RIP);
	assert_int_not_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0);
	vcpu.exit.reason = EXIT_ENTRY_FAILED;
	vmx_set(&vcpu, VCPU_RIP);
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0);
}

/* SDM vol. 3, 27.3.1.5: otherwise the entry fails; without TF or shadow no step is pending. */
static void a_step_in_the_shadow_of_mov_ss_is_pending(void **state)
{
	(void)state;
	page->rflags = RFLAGS_FIXED | RFLAGS_TF;
	page->shadow = SHADOW_MOV_SS;
	field[VMCS_GUEST_PENDING_DEBUG] = BIT(0);
	vmx_set(&vcpu, VCPU_RIP);
	assert_int_equal(field[VMCS_GUEST_INTERRUPTIBILITY], INTERRUPTIBILITY_MOV_SS);
	assert_int_equal(field[VMCS_GUEST_PENDING_DEBUG], PENDING_DEBUG_BS | BIT(0));
	page->rflags = RFLAGS_FIXED;
	vmx_set(&vcpu, VCPU_RIP);
	assert_int_equal(field[VMCS_GUEST_PENDING_DEBUG], BIT(0));
	page->rflags = RFLAGS_FIXED | RFLAGS_TF;
	vmx_set(&vcpu, VCPU_RIP);
	page->shadow = 0;
	vmx_set(&vcpu, VCPU_RIP);
	assert_int_equal(field[VMCS_GUEST_PENDING_DEBUG], BIT(0));
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
	/* The same CR3 is loaded again: the CPU's PDPTEs are kept. */
	field[VMCS_GUEST_PDPTE0] = 0x91;
	page->efer = EFER_NXE;
	vmx_set(&vcpu, VCPU_CONTROL);
	assert_int_equal(field[VMCS_GUEST_PDPTE0], 0x91);
	/* There is no memory at that address. */
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
	assert_int_equal(field[VMCS_GUEST_RIP], 0x100); /* the instruction is executed again */
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
	/* The register's upper half counts in 64-bit mode only. */
	page->gpr[GPR_RAX] = BIT(40) | CR0_PE;
	field[VMCS_ENTRY_INTERRUPTION_INFO] = 0;
	assert_true(decode(VMX_EXIT_CR_ACCESS, 0));
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0);
	field[VMCS_GUEST_EFER] = EFER_LMA;
	field[VMCS_GUEST_CS_ACCESS] |= SEGMENT_L;
	assert_true(decode(VMX_EXIT_CR_ACCESS, 0));
	assert_int_equal(field[VMCS_ENTRY_INTERRUPTION_INFO], 0x80000b0d);
	/* An access that the masks never let exit is not settled. */
	assert_false(decode(VMX_EXIT_CR_ACCESS, 3));
	assert_int_equal(vcpu.exit.reason, EXIT_CR);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capability_words_obey_both_halves),
		cmocka_unit_test(capability_missing_is_said),
		TEST_WITH_VCPU(what_is_there_is_used),
		TEST_WITH_VCPU(msr_bitmap_passes_the_guests_own),
		TEST_WITH_VCPU(init_without_pages_gives_all_back),
		TEST_WITH_VCPU(reset_state_is_the_manuals),
		TEST_WITH_VCPU(state_comes_back_as_it_was_set),
		TEST_WITH_VCPU(msrs_go_in_by_the_load_area_once),
		TEST_WITH_VCPU(long_mode_follows_lme_and_pg),
		TEST_WITH_VCPU(a_failed_entry_keeps_no_event),
		TEST_WITH_VCPU(a_step_in_the_shadow_of_mov_ss_is_pending),
		TEST_WITH_VCPU(pae_paging_takes_its_pdptes_from_memory),
		TEST_WITH_VCPU(host_owned_bits_live_in_the_shadow),
		TEST_WITH_VCPU(bad_control_registers_are_general_protection),
		TEST_WITH_VCPU(dump_fits_and_keeps_host_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
