/* SPDX-License-Identifier: MIT */
/*
 * Shows that the known MSRs keep what may be written to them, and that every other MSR raises #GP.
 */
#include "tests/guest/rt/cpu.h"
#include "vmm/hw/cpuid.h"

#define NON_CANONICAL	    0x0000800000000000ull
#define MSR_KVM_WALL_CLOCK  0x4b564d00u
#define MSR_KVM_SYSTEM_TIME 0x4b564d01u

struct access {
	u32 index;
	u64 value;
};

static void do_read(void *context)
{
	read_msr(((struct access *)context)->index);
}

static void do_write(void *context)
{
	const struct access *access = context;

	write_msr(access->index, access->value);
}

static void refuse(const char *name, u32 index, u64 value)
{
	struct access access = {index, value};

	trap_catch(do_write, &access);
	check_trap(name, VECTOR_GP, 0);
}

static void test_keeps(void)
{
	static const struct {
		const char *name;
		u32 index;
		u64 value;
	} known[] = {
		{"star", MSR_STAR, 0x0018001000000000},
		{"lstar", MSR_LSTAR, 0xffff800012345678},
		{"cstar", MSR_CSTAR, 0x00007fff12345678},
		{"sfmask", MSR_SFMASK, 0x700},
		{"kernel-gs-base", MSR_KERNEL_GS_BASE, 0xffff888000001000},
		{"fs-base", MSR_FS_BASE, 0x00007f0000001000},
		{"gs-base", MSR_GS_BASE, 0xffff888000002000},
		{"sysenter-cs", MSR_SYSENTER_CS, 0x8},
		{"sysenter-esp", MSR_SYSENTER_ESP, 0xffff800000003000},
		{"sysenter-eip", MSR_SYSENTER_EIP, 0xffff800000004000},
		{"pat", MSR_PAT, 0x0007010600070106},
		{"tsc-aux", MSR_TSC_AUX, 0x12345678},
		{"misc-enable", MSR_MISC_ENABLE, 0x400c51809},
		{"mtrr-def-type", MSR_MTRR_DEF_TYPE, 0xc06},
		{"mtrr-base-0", MSR_MTRR_PHYS_BASE0, 0xc0000000},
		{"mtrr-fix-64k", MSR_MTRR_FIX_64K_00000, 0x0606060606060606},
	};

	for (u32 i = 0; i < ARRAY_COUNT(known); i++) {
		u64 before = read_msr(known[i].index);

		write_msr(known[i].index, known[i].value);
		cpuid(0, 0); /* an exit must not lose the value */
		check_equal(known[i].name, read_msr(known[i].index), known[i].value);
		write_msr(known[i].index, before);
		if (read_msr(known[i].index) != before)
			fail(known[i].name, "the old value cannot be put back");
	}
}

static void test_effects(void)
{
	u32 value = 0;
	u64 tsc;

	write_msr(MSR_FS_BASE, (word)&value);
	asm volatile("movl $77, %%fs:0" ::: "memory");
	check_equal("fs-base-works", *(volatile u32 *)&value, 77);
	write_msr(MSR_FS_BASE, 0);
	write_msr(MSR_KERNEL_GS_BASE, 0x1234000);
	asm volatile("swapgs");
	check_equal("swapgs", read_msr(MSR_GS_BASE), 0x1234000);
	asm volatile("swapgs");
	write_msr(MSR_TSC_AUX, 0x5a5a);
	if ((cpuid(CPUID_EXTENDED_VERSION, 0).edx & CPUID_81_EDX_RDTSCP) != 0) {
		asm volatile("rdtscp" : "=c"(value)::"eax", "edx");
		check_equal("rdtscp", value, 0x5a5a);
	} else {
		absent("rdtscp");
	}
	if (option("bare")) {
		absent("tsc-write");
		return;
	}
	write_msr(MSR_TSC, 1000);
	tsc = read_tsc();
	check_between("tsc-write", tsc, 1000, 1ull << 40);
	tsc = read_tsc();
	write_msr(MSR_TSC_ADJUST, read_msr(MSR_TSC_ADJUST) + (1ull << 44));
	check_between("tsc-adjust", read_tsc(), tsc + (1ull << 44), tsc + (1ull << 45));
}

/* SYSCALL to label 2: RCX and R11 hold the return address and RFLAGS. */
static void test_syscall(void)
{
	u64 rcx;
	u64 r11;
	u64 from;
	u64 efer = read_msr(MSR_EFER);

	write_msr(MSR_EFER, efer | EFER_SCE);
	check_equal("efer-sce", read_msr(MSR_EFER), efer | EFER_SCE);
	write_msr(MSR_STAR, 0x08ull << 32);
	write_msr(MSR_SFMASK, RFLAGS_CF);
	asm volatile("lea 2f(%%rip), %%rax\n\t"
		     "mov %%rax, %%rdx\n\t"
		     "shr $32, %%rdx\n\t"
		     "mov %[lstar], %%ecx\n\t"
		     "wrmsr\n\t"
		     "lea 1f(%%rip), %[from]\n\t"
		     "stc\n\t"
		     "syscall\n"
		     "1:\n\t"
		     "ud2\n"
		     "2:\n\t"
		     "mov %%rcx, %[rcx]\n\t"
		     "mov %%r11, %[r11]"
		     : [from] "=&r"(from), [rcx] "=&r"(rcx), [r11] "=&r"(r11)
		     : [lstar] "i"(MSR_LSTAR)
		     : "rax", "rdx", "rcx", "r11", "cc", "memory");
	check_equal("syscall-rcx", rcx, from);
	check_equal("syscall-r11", r11 & RFLAGS_CF, RFLAGS_CF);
	write_msr(MSR_EFER, efer);
}

/* These MSRs do not exit on SVM, and QEMU does not check them. */
static void test_canonical(void)
{
	if (lacks("canonical-checks")) {
		absent("canonical-checks");
		return;
	}
	refuse("lstar-non-canonical", MSR_LSTAR, NON_CANONICAL);
	refuse("gs-base-non-canonical", MSR_GS_BASE, NON_CANONICAL);
	refuse("kernel-gs-base-non-canonical", MSR_KERNEL_GS_BASE, NON_CANONICAL);
	refuse("sysenter-eip-non-canonical", MSR_SYSENTER_EIP, NON_CANONICAL);
}

static void test_refused(void)
{
	struct access unknown = {0x12345, 0};

	if (option("bare")) { /* QEMU's CPU gives #GP for few of these MSRs */
		absent("refusals");
		return;
	}
	trap_catch(do_read, &unknown);
	check_trap("unknown-read", VECTOR_GP, 0);
	refuse("unknown-write", 0x12345, 0);
	refuse("unknown-high-write", 0xc0009999, 0);
	unknown.index = 0x40000000;
	trap_catch(do_read, &unknown);
	check_trap("unknown-hyper-v-read", VECTOR_GP, 0);
	unknown.index = 0x480; /* VMX capabilities are not offered */
	trap_catch(do_read, &unknown);
	check_trap("vmx-basic-read", VECTOR_GP, 0);
	test_canonical();
	refuse("pat-bad-type", MSR_PAT, 0x0007040600070402);
	refuse("efer-reserved", MSR_EFER, read_msr(MSR_EFER) | BIT(1));
	refuse("efer-svme", MSR_EFER, read_msr(MSR_EFER) | EFER_SVME);
	refuse("mtrr-cap-write", MSR_MTRR_CAP, 0);
	refuse("apic-base-reserved", MSR_APIC_BASE, read_msr(MSR_APIC_BASE) | 1);
	refuse("apic-base-x2apic-while-off", MSR_APIC_BASE,
	       (read_msr(MSR_APIC_BASE) & ~APIC_BASE_EN) | APIC_BASE_EXTD);
	refuse("x2apic-msr-in-xapic", MSR_X2APIC_BASE + 0x0b, 0);
	check_equal("efer-after-refusals", read_msr(MSR_EFER) & (EFER_LME | EFER_LMA),
		    EFER_LME | EFER_LMA);
}

/* The record of KVM's clock, version 2, on which Linux guests rely. */
struct clock_record {
	volatile u32 version;
	u32 pad;
	volatile u64 tsc;
	volatile u64 system_ns;
	volatile u32 multiplier;
	volatile s8 shift;
	volatile u8 flags;
	u8 pad2[2];
} ALIGNED(32);

static void test_kvm_clock(void)
{
	static struct clock_record record;
	static volatile u32 wall[3] ALIGNED(16);

	if (option("bare")) {
		absent("kvm-clock");
		return;
	}
	write_msr(MSR_KVM_SYSTEM_TIME, (word)&record | 1);
	check("kvm-clock-version", record.version != 0 && record.version % 2 == 0, "odd or 0");
	check("kvm-clock-multiplier", record.multiplier != 0, "it is 0");
	check("kvm-clock-tsc", record.tsc <= read_tsc(), "it lies in the future");
	write_msr(MSR_KVM_WALL_CLOCK, (word)wall);
	check("kvm-wall-clock", wall[0] % 2 == 0 && wall[1] > 1600000000u, "not after 2020");
	write_msr(MSR_KVM_SYSTEM_TIME, 0);
}

void guest_main(void)
{
	test_keeps();
	test_effects();
	test_syscall();
	test_refused();
	test_kvm_clock();
}
