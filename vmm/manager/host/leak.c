/* SPDX-License-Identifier: MIT */
/*
 * Judges which known leaks a CPU has, and whether they are closed. Called by the command `cpu`;
 * holds no state. Sources: Intel, "Affected Processors: Transient Execution Attacks and Related
 * Security Issues by CPU", and SDM vol. 4, table 2-2; AMD's security bulletins SB-1036, 1037, 7005,
 * 7008 and 7029. The lists of models are for leaks of which a CPU itself says nothing; models are
 * those of family 6.
 */
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/speculation.h"
#include "kernel/abi/pages.h"
#include "vmm/hw/cpuid.h"
#include "vmm/manager/host/leak.h"

#define DONE(cpu, what)	    (((cpu)->done >> HOST_SPECULATION_SHIFT & (what)) != 0)
#define MODEL_IN(cpu, list) leak_model_in(cpu, list, ARRAY_COUNT(list))

#define FAMILY_ZEN  0x17u /* family 17h: Zen to Zen 2; 18h is Hygon's */
#define FAMILY_ZEN3 0x19u /* family 19h: Zen 3 and Zen 4 */
#define FAMILY_ZEN5 0x1au

/* cores that execute in order, or nearly so: Bonnell to Airmont, Xeon Phi */
static const u8 small_cores[] = {0x1c, 0x26, 0x27, 0x35, 0x36, 0x37, 0x4a,
				 0x4c, 0x4d, 0x57, 0x5a, 0x75, 0x85};
/* the small cores above in which no load bypasses an earlier store */
static const u8 no_bypass[] = {0x1c, 0x26, 0x27, 0x35, 0x36, 0x37, 0x4a, 0x4c, 0x4d, 0x57, 0x85};
static const u8 goldmont[] = {0x5c, 0x5f, 0x7a};
static const u8 tremont_server[] = {0x86};
/* the models open to Retbleed: Skylake to Rocket Lake, with Lakefield */
static const u8 retbleed[] = {0x4e, 0x55, 0x5e, 0x66, 0x7e, 0x8a, 0x8e, 0x9e, 0xa5, 0xa6, 0xa7};
/* the models open to Downfall: Skylake to Tiger Lake and Rocket Lake */
static const u8 downfall[] = {0x4e, 0x55, 0x5e, 0x6a, 0x6c, 0x7e, 0x8c,
			      0x8d, 0x8e, 0x9e, 0xa5, 0xa6, 0xa7};
/*
 * the models open to SRBDS: desktop CPUs from Ivy Bridge to Comet Lake; Ice Lake and Tremont's
 * mobile ones
 */
static const u8 srbds[] = {0x3a, 0x3c, 0x3d, 0x45, 0x46, 0x47, 0x4e, 0x5e,
			   0x7e, 0x8a, 0x8e, 0x96, 0x9c, 0x9e, 0xa5, 0xa6};
/* the models open to RFDS: Goldmont to Gracemont, and CPUs with Gracemont cores beside others */
static const u8 rfds[] = {0x5c, 0x5f, 0x7a, 0x86, 0x96, 0x97, 0x9a, 0x9c, 0xb7, 0xba, 0xbe, 0xbf};
/*
 * the models without the leak of stale MMIO data that cannot report this themselves: Goldmont,
 * Tiger Lake, Alder Lake
 */
static const u8 mmio_safe[] = {0x5c, 0x5f, 0x7a, 0x8c, 0x8d, 0x97, 0x9a};

static const struct its_model {
	u8 model;
	u8 from_stepping;
} its[] = {
	{0x55, 6},  {0x6a, 0},	{0x6c, 0}, {0x7e, 0}, {0x8c, 0}, {0x8d, 0},
	{0x8e, 12}, {0x9e, 13}, {0xa5, 0}, {0xa6, 0}, {0xa7, 0},
};

/*
 * For AMD's CPUs: the patch level of the microcode from which on a leak is closed, for one stepping
 * or all.
 */
#define ANY_STEPPING 0xff
struct fixed_by {
	u8 first;
	u8 last;
	u8 stepping;
	u32 microcode;
};

static const struct fixed_by zenbleed[] = {
	{0x30, 0x3f, ANY_STEPPING, 0x0830107b}, {0x40, 0x4f, ANY_STEPPING, ~0u},
	{0x60, 0x67, ANY_STEPPING, 0x0860010c}, {0x68, 0x6f, ANY_STEPPING, 0x08608107},
	{0x70, 0x7f, ANY_STEPPING, 0x08701033}, {0x90, 0x91, ANY_STEPPING, ~0u},
	{0xa0, 0xaf, ANY_STEPPING, 0x08a00009},
};

/* The microcode levels from which on VERW clears anything for TSA. */
static const struct fixed_by tsa[] = {
	{0x01, 0x01, 1, 0x0a0011d7}, {0x01, 0x01, 2, 0x0a00123b}, {0x08, 0x08, 2, 0x0a00820d},
	{0x11, 0x11, 1, 0x0a10114c}, {0x11, 0x11, 2, 0x0a10124c}, {0x18, 0x18, 1, 0x0a108109},
	{0x21, 0x21, 0, 0x0a20102e}, {0x21, 0x21, 2, 0x0a201211}, {0x44, 0x44, 1, 0x0a404108},
	{0x50, 0x50, 0, 0x0a500012}, {0x61, 0x61, 2, 0x0a60120a}, {0x74, 0x74, 1, 0x0a704108},
	{0x75, 0x75, 2, 0x0a705208}, {0x78, 0x78, 0, 0x0a708008}, {0x7c, 0x7c, 0, 0x0a70c008},
	{0xa0, 0xa0, 2, 0x0aa00216},
};

/* Return the CPU's family, model and stepping (SDM vol. 2 and APM vol. 3, CPUID). */
static u32 leak_family_of(const struct leak_cpu *cpu)
{
	return speculation_family(&cpu->is);
}

static u32 leak_model_of(const struct leak_cpu *cpu)
{
	return (cpu->is.version >> 4 & 0xf) | (cpu->is.version >> 12 & 0xf0);
}

static u32 leak_stepping_of(const struct leak_cpu *cpu)
{
	return cpu->is.version & 0xf;
}

static bool leak_model_in(const struct leak_cpu *cpu, const u8 *list, size_t count)
{
	if (cpu->is.amd || leak_family_of(cpu) != 6)
		return false;
	for (size_t i = 0; i < count; i++)
		if (leak_model_of(cpu) == list[i])
			return true;
	return false;
}

/*
 * Returns the entry of the list for the CPU's family, model and stepping, or NULL if there is none.
 */
static const struct fixed_by *leak_find(const struct leak_cpu *cpu, const struct fixed_by *list,
					size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (leak_model_of(cpu) >= list[i].first && leak_model_of(cpu) <= list[i].last &&
		    (list[i].stepping == ANY_STEPPING || list[i].stepping == leak_stepping_of(cpu)))
			return &list[i];
	return NULL;
}

static bool leak_is_fixed(const struct leak_cpu *cpu, const struct fixed_by *fixed)
{
	return fixed != NULL && cpu->is.microcode >= fixed->microcode;
}

static bool leak_says(const struct leak_cpu *cpu, u64 capability)
{
	return (cpu->is.capabilities & capability) == capability;
}

static struct leak leak_absent(const char *why)
{
	return (struct leak){.state = LEAK_ABSENT, .by = why};
}

static struct leak leak_closed(const char *by)
{
	return (struct leak){.state = LEAK_CLOSED, .by = by};
}

static struct leak leak_open(const char *why)
{
	return (struct leak){.state = LEAK_OPEN, .by = why};
}

/*
 * Judges a leak that VERW closes, or the flush of the L1 cache, which does the same with microcode
 * that knows VERW.
 */
static struct leak leak_closed_by_verw(const struct leak_cpu *cpu, bool works)
{
	if (!works)
		return leak_open("old microcode: VERW clears nothing");
	if (DONE(cpu, HOST_VERW))
		return leak_closed("verw");
	return DONE(cpu, HOST_L1D_FLUSH) ? leak_closed("l1d-flush") : leak_open("no verw");
}

static struct leak leak_judge_meltdown(const struct leak_cpu *cpu)
{
	if (cpu->is.amd)
		return leak_absent("AMD");
	if (leak_says(cpu, ARCH_CAP_RDCL_NO))
		return leak_absent("RDCL_NO");
	return cpu->done & HOST_SPLIT_TABLES ? leak_closed("split-tables") : leak_open("one table");
}

static struct leak leak_judge_spectre_v2(const struct leak_cpu *cpu)
{
	if (DONE(cpu, HOST_IBRS))
		return leak_closed("ibrs");
	return leak_open(DONE(cpu, HOST_IBRS_ON_EXIT) ? "ibrs after exits only, not at system calls"
						      : "no ibrs that may stay on, no retpolines");
}

/*
 * Judges entries of guests and processes in the return stack; automatic IBRS clears it (APM vol. 2,
 * 3.2.9).
 */
static struct leak leak_judge_return_stack(const struct leak_cpu *cpu)
{
	if (cpu->is.amd && (cpu->is.leaf_821_eax & CPUID_821_EAX_AUTOMATIC_IBRS))
		return leak_closed("ibrs");
	if (leak_says(cpu, ARCH_CAP_IBRS_ALL | ARCH_CAP_PBRSB_NO))
		return leak_absent("PBRSB_NO");
	return DONE(cpu, HOST_RETURN_STACK) ? leak_closed("filled after exits")
					    : leak_open("not filled after exits");
}

/* Judges branch history injection; without IBRS that stays on, spectre-v2 is easier. */
static struct leak leak_judge_bhi(const struct leak_cpu *cpu)
{
	if (cpu->is.amd)
		return leak_absent("AMD");
	if (leak_says(cpu, ARCH_CAP_BHI_NO))
		return leak_absent("BHI_NO");
	if (!leak_says(cpu, ARCH_CAP_IBRS_ALL))
		return leak_absent("as spectre-v2");
	if (DONE(cpu, HOST_BHI_DIS))
		return leak_closed("bhi_dis_s");
	return DONE(cpu, HOST_HISTORY) ? leak_closed("history overwritten")
				       : leak_open("history is kept");
}

static struct leak leak_judge_its(const struct leak_cpu *cpu)
{
	if (cpu->is.amd)
		return leak_absent("AMD");
	if (leak_says(cpu, ARCH_CAP_ITS_NO))
		return leak_absent("ITS_NO");
	for (size_t i = 0; i < ARRAY_COUNT(its); i++)
		if (leak_model_in(cpu, &its[i].model, 1) &&
		    leak_stepping_of(cpu) >= its[i].from_stepping)
			return leak_open("no thunks");
	return leak_absent("model");
}

static struct leak leak_judge_retbleed(const struct leak_cpu *cpu)
{
	u32 family = leak_family_of(cpu);

	if (cpu->is.amd && (family < 0x15 || family >= FAMILY_ZEN3))
		return leak_absent("family");
	if (cpu->is.leaf_88_ebx & CPUID_88_EBX_BTC_NO)
		return leak_absent("BTC_NO");
	if (cpu->is.amd)
		return leak_open("no thunks");
	if (!MODEL_IN(cpu, retbleed) && !leak_says(cpu, ARCH_CAP_RSBA))
		return leak_absent("model");
	if (DONE(cpu, HOST_IBRS))
		return leak_closed("ibrs");
	return leak_open(DONE(cpu, HOST_IBRS_ON_EXIT) ? "ibrs after exits only, not at system calls"
						      : "no ibrs");
}

/* Judges Inception; on Zen 5 it exists only between a guest and the host. */
static struct leak leak_judge_inception(const struct leak_cpu *cpu)
{
	u32 family = leak_family_of(cpu);

	if (!cpu->is.amd)
		return leak_absent("not AMD");
	if (family < FAMILY_ZEN || family > FAMILY_ZEN5)
		return leak_absent("family");
	if (cpu->is.leaf_821_eax & CPUID_821_EAX_SRSO_NO)
		return leak_absent("SRSO_NO");
	return leak_open("no safe returns");
}

static struct leak leak_judge_ssb(const struct leak_cpu *cpu)
{
	if (cpu->is.amd ? (cpu->is.leaf_88_ebx & CPUID_88_EBX_SSB_NO) != 0
			: leak_says(cpu, ARCH_CAP_SSB_NO))
		return leak_absent("SSB_NO");
	if (MODEL_IN(cpu, no_bypass))
		return leak_absent("model");
	return DONE(cpu, HOST_SSBD) ? leak_closed("ssbd") : leak_open("no ssbd");
}

static struct leak leak_judge_l1tf(const struct leak_cpu *cpu)
{
	if (cpu->is.amd)
		return leak_absent("AMD");
	if (leak_says(cpu, ARCH_CAP_RDCL_NO))
		return leak_absent("RDCL_NO");
	if (MODEL_IN(cpu, small_cores) || MODEL_IN(cpu, goldmont))
		return leak_absent("model");
	if (leak_says(cpu, ARCH_CAP_SKIP_L1DFL_VMENTRY))
		return leak_closed("SKIP_L1DFL_VMENTRY");
	return DONE(cpu, HOST_L1D_FLUSH) ? leak_closed("l1d-flush")
					 : leak_open("old microcode: no flush");
}

static struct leak leak_judge_mds(const struct leak_cpu *cpu)
{
	if (cpu->is.amd)
		return leak_absent("AMD");
	if (leak_says(cpu, ARCH_CAP_MDS_NO))
		return leak_absent("MDS_NO");
	if (MODEL_IN(cpu, goldmont))
		return leak_absent("model");
	return leak_closed_by_verw(cpu, cpu->is.leaf_7_edx & CPUID_7_EDX_MD_CLEAR);
}

static struct leak leak_judge_taa(const struct leak_cpu *cpu)
{
	if (cpu->is.amd)
		return leak_absent("AMD");
	if (leak_says(cpu, ARCH_CAP_TAA_NO))
		return leak_absent("TAA_NO");
	if (!(cpu->is.leaf_7_ebx & CPUID_7_EBX_RTM))
		return leak_absent("no transactions");
	return leak_closed_by_verw(cpu, cpu->is.leaf_7_edx & CPUID_7_EDX_MD_CLEAR);
}

/*
 * Judges stale data of MMIO; instructions that clear the buffers of MDS and the L1 cache clear
 * these too.
 */
static struct leak leak_judge_mmio(const struct leak_cpu *cpu)
{
	const u32 both = (u32)(CPUID_7_EDX_MD_CLEAR | CPUID_7_EDX_L1D_FLUSH);

	if (cpu->is.amd)
		return leak_absent("AMD");
	if (leak_says(cpu, ARCH_CAP_MMIO_NO))
		return leak_absent("SBDR_SSDP_NO, FBSDP_NO, PSDP_NO");
	if (MODEL_IN(cpu, mmio_safe))
		return leak_absent("model");
	return leak_closed_by_verw(cpu, leak_says(cpu, ARCH_CAP_FB_CLEAR) ||
						(!leak_says(cpu, ARCH_CAP_MDS_NO) &&
						 (cpu->is.leaf_7_edx & both) == both));
}

static struct leak leak_judge_rfds(const struct leak_cpu *cpu)
{
	if (cpu->is.amd)
		return leak_absent("AMD");
	if (leak_says(cpu, ARCH_CAP_RFDS_NO))
		return leak_absent("RFDS_NO");
	if (!MODEL_IN(cpu, rfds) && !leak_says(cpu, ARCH_CAP_RFDS_CLEAR))
		return leak_absent("model");
	return leak_closed_by_verw(cpu, leak_says(cpu, ARCH_CAP_RFDS_CLEAR));
}

static struct leak leak_judge_tsa(const struct leak_cpu *cpu)
{
	const u32 both = (u32)(CPUID_821_ECX_TSA_SQ_NO | CPUID_821_ECX_TSA_L1_NO);

	if (!cpu->is.amd)
		return leak_absent("not AMD");
	if (leak_family_of(cpu) != FAMILY_ZEN3)
		return leak_absent("family");
	if ((cpu->is.leaf_821_ecx & both) == both)
		return leak_absent("TSA_SQ_NO, TSA_L1_NO");
	return leak_closed_by_verw(
		cpu, (cpu->is.leaf_821_eax & CPUID_821_EAX_VERW_CLEAR) ||
			     leak_is_fixed(cpu, leak_find(cpu, tsa, ARRAY_COUNT(tsa))));
}

static struct leak leak_judge_downfall(const struct leak_cpu *cpu)
{
	if (cpu->is.amd)
		return leak_absent("AMD");
	if (leak_says(cpu, ARCH_CAP_GDS_NO))
		return leak_absent("GDS_NO");
	if (!MODEL_IN(cpu, downfall))
		return leak_absent("model");
	if (!leak_says(cpu, ARCH_CAP_GDS_CTRL))
		return leak_open("old microcode");
	return cpu->is.opt_ctrl & MCU_OPT_GDS_MITG_DIS ? leak_open("the firmware has turned it off")
						       : leak_closed("microcode");
}

static struct leak leak_judge_srbds(const struct leak_cpu *cpu)
{
	if (cpu->is.amd)
		return leak_absent("AMD");
	if (!MODEL_IN(cpu, srbds))
		return leak_absent("model");
	if (!(cpu->is.leaf_7_edx & CPUID_7_EDX_SRBDS_CTRL))
		return leak_open("old microcode");
	return cpu->is.opt_ctrl & MCU_OPT_RNGDS_MITG_DIS
		       ? leak_open("the firmware has turned it off")
		       : leak_closed("microcode");
}

static struct leak leak_judge_zenbleed(const struct leak_cpu *cpu)
{
	const struct fixed_by *fixed = leak_find(cpu, zenbleed, ARRAY_COUNT(zenbleed));

	if (!cpu->is.amd)
		return leak_absent("not AMD");
	if (leak_family_of(cpu) != FAMILY_ZEN || fixed == NULL)
		return leak_absent("family");
	return leak_is_fixed(cpu, fixed) ? leak_closed("microcode") : leak_open("old microcode");
}

/*
 * Judges whether a guest or process can read values that another one has left in registers: the
 * FPU's, by speculation (CVE-2018-3665), and TSC_AUX, XCR0 and selectors, by unprivileged
 * instructions.
 */
static struct leak leak_judge_lazy_fp(const struct leak_cpu *cpu)
{
	(void)cpu;
	return leak_closed("registers cleared between groups");
}

static struct leak leak_judge_itlb_multihit(const struct leak_cpu *cpu)
{
	if (cpu->is.amd)
		return leak_absent("AMD");
	if (leak_says(cpu, ARCH_CAP_PSCHANGE_MC_NO))
		return leak_absent("PSCHANGE_MC_NO");
	if (MODEL_IN(cpu, small_cores) || MODEL_IN(cpu, goldmont) || MODEL_IN(cpu, tremont_server))
		return leak_absent("model");
	return DONE(cpu, HOST_SMALL_CODE) ? leak_closed("large leaves without X")
					  : leak_open("large executable leaves");
}

/*
 * Judges CR0.CD, which leaks no data: a guest slows its neighbours. On SVM CR0 is the guest's (APM
 * vol. 2, 15.5.1).
 */
static struct leak leak_judge_cache_disable(const struct leak_cpu *cpu)
{
	return cpu->svm ? leak_open("CR0.CD is the guest's") : leak_closed("CR0.CD is the host's");
}

static struct leak leak_judge_bus_lock(const struct leak_cpu *cpu)
{
	return DONE(cpu, HOST_BUS_LOCKS) ? leak_closed("exits") : leak_open("no exits");
}

static struct leak leak_judge_sgx(const struct leak_cpu *cpu)
{
	if (!(cpu->is.leaf_7_ebx & CPUID_7_EBX_SGX) || cpu->svm)
		return leak_absent("no SGX");
	return DONE(cpu, HOST_ENCLS) ? leak_closed("exits") : leak_open("no exits");
}

static const struct {
	const char *name;
	struct leak (*judge)(const struct leak_cpu *cpu);
} leaks[LEAK_COUNT] = {
	[LEAK_MELTDOWN] = {"meltdown", leak_judge_meltdown},
	[LEAK_SPECTRE_V2] = {"spectre-v2", leak_judge_spectre_v2},
	[LEAK_RETURN_STACK] = {"return-stack", leak_judge_return_stack},
	[LEAK_BHI] = {"bhi", leak_judge_bhi},
	[LEAK_ITS] = {"its", leak_judge_its},
	[LEAK_RETBLEED] = {"retbleed", leak_judge_retbleed},
	[LEAK_INCEPTION] = {"inception", leak_judge_inception},
	[LEAK_SSB] = {"ssb", leak_judge_ssb},
	[LEAK_L1TF] = {"l1tf", leak_judge_l1tf},
	[LEAK_MDS] = {"mds", leak_judge_mds},
	[LEAK_TAA] = {"taa", leak_judge_taa},
	[LEAK_MMIO] = {"mmio-stale-data", leak_judge_mmio},
	[LEAK_RFDS] = {"rfds", leak_judge_rfds},
	[LEAK_TSA] = {"tsa", leak_judge_tsa},
	[LEAK_DOWNFALL] = {"downfall", leak_judge_downfall},
	[LEAK_SRBDS] = {"srbds", leak_judge_srbds},
	[LEAK_ZENBLEED] = {"zenbleed", leak_judge_zenbleed},
	[LEAK_LAZY_FP] = {"lazy-fp", leak_judge_lazy_fp},
	[LEAK_ITLB_MULTIHIT] = {"itlb-multihit", leak_judge_itlb_multihit},
	[LEAK_CACHE_DISABLE] = {"cache-disable", leak_judge_cache_disable},
	[LEAK_BUS_LOCK] = {"bus-lock", leak_judge_bus_lock},
	[LEAK_SGX] = {"sgx", leak_judge_sgx},
};

struct leak leak_judge(const struct leak_cpu *cpu, enum leak_number number)
{
	struct leak leak = leaks[number].judge(cpu);

	leak.name = leaks[number].name;
	return leak;
}

const char *leak_state_name(enum leak_state state)
{
	static const char *const names[] = {
		[LEAK_ABSENT] = "not applicable",
		[LEAK_CLOSED] = "closed",
		[LEAK_OPEN] = "open",
	};

	return names[state];
}
