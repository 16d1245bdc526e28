/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What CPUs say of themselves, what the kernel is to do about it, and what they leak nevertheless:
 * each leak that the CPU has is named open or closed. The microcode is late unless stated
 * otherwise.
 */
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/speculation.h"

struct cpu_image {
	const char *name;
	struct speculation_cpu is;
	u64 spec_ctrl, done; /* the fields of struct speculation */
	u64 guests;	     /* what VMX and SVM add for guests */
	const char *open, *closed;
};

/* Never affected by any of the kinds that IA32_ARCH_CAPABILITIES knows. */
#define NO_MELTDOWN                                                                                \
	(ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SKIP_L1DFL_VMENTRY | ARCH_CAP_MDS_NO)
#define NO_DATA (NO_MELTDOWN | ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | ARCH_CAP_MMIO_NO)

#define OLD_INTEL	(HOST_IBRS_ON_EXIT | HOST_IBPB | HOST_STIBP | HOST_SSBD | HOST_RETURN_STACK)
#define NEW_INTEL	(HOST_IBRS | HOST_IBPB | HOST_STIBP | HOST_SSBD | HOST_RETURN_STACK)
#define SMALL_OLD_INTEL (OLD_INTEL | HOST_SMALL_CODE)
#define SMALL_NEW_INTEL (NEW_INTEL | HOST_SMALL_CODE)
#define AUTO_IBRS	(HOST_IBRS | HOST_AUTO_IBRS)
#define BHI_CTRL	0x10

static const struct cpu_image cpu_images[] = {
	{"Xeon X5670 (Westmere)", .is.version = 0x206c2, .is.leaf_7_edx = 0x9c000000,
	 .spec_ctrl = 7, .done = SMALL_OLD_INTEL | HOST_L1D_FLUSH,
	 .open = "spectre-v2 mds mmio-stale-data bus-lock",
	 .closed = "meltdown return-stack ssb l1tf lazy-fp itlb-multihit cache-disable"},
	{"Xeon E5-2670 (Sandy Bridge)", .is.version = 0x206d7, .is.leaf_7_edx = 0x9c000400,
	 .spec_ctrl = 7, .done = SMALL_OLD_INTEL | HOST_L1D_FLUSH | HOST_VERW,
	 .open = "spectre-v2 bus-lock",
	 .closed = "meltdown return-stack ssb l1tf mds mmio-stale-data lazy-fp "
		   "itlb-multihit cache-disable"},
	{"Core i7-3770 (Ivy Bridge)", .is.version = 0x306a9, .is.leaf_7_ebx = 0x281,
	 .is.leaf_7_edx = 0x9c000600, .spec_ctrl = 7,
	 .done = SMALL_OLD_INTEL | HOST_L1D_FLUSH | HOST_VERW, .open = "spectre-v2 bus-lock",
	 .closed = "meltdown return-stack ssb l1tf mds mmio-stale-data srbds lazy-fp "
		   "itlb-multihit cache-disable"},
	{"Core i7-4770 (Haswell), as sold", .is.version = 0x306c3, .is.leaf_7_ebx = 0x27ab,
	 .done = HOST_SMALL_CODE,
	 .open = "spectre-v2 return-stack ssb l1tf mds mmio-stale-data srbds bus-lock",
	 .closed = "meltdown lazy-fp itlb-multihit cache-disable"},
	{"Core i7-4770 (Haswell)", .is.version = 0x306c3, .is.leaf_7_ebx = 0x27ab,
	 .is.leaf_7_edx = 0x9c000600, .spec_ctrl = 7,
	 .done = SMALL_OLD_INTEL | HOST_L1D_FLUSH | HOST_VERW, .open = "spectre-v2 bus-lock",
	 .closed = "meltdown return-stack ssb l1tf mds mmio-stale-data srbds lazy-fp "
		   "itlb-multihit cache-disable"},
	{"Xeon E5-2690 v4 (Broadwell)", .is.version = 0x406f1, .is.leaf_7_ebx = 0x21cbfbb,
	 .is.leaf_7_edx = 0x9c000400, .spec_ctrl = 7,
	 .done = SMALL_OLD_INTEL | HOST_L1D_FLUSH | HOST_VERW, .open = "spectre-v2 bus-lock",
	 .closed = "meltdown return-stack ssb l1tf mds taa mmio-stale-data lazy-fp "
		   "itlb-multihit cache-disable"},
	{"Pentium N3710 (Airmont)", .is.version = 0x406c4, .is.leaf_7_ebx = 0x2282,
	 .is.leaf_7_edx = 0x0c000400, .spec_ctrl = 3,
	 .done = HOST_SMALL_CODE | HOST_IBRS_ON_EXIT | HOST_IBPB | HOST_STIBP | HOST_VERW |
		 HOST_RETURN_STACK,
	 .open = "spectre-v2 mmio-stale-data bus-lock",
	 .closed = "meltdown return-stack mds lazy-fp cache-disable"},
	{"Xeon Gold 6148 (Skylake)", .is.version = 0x50654, .is.leaf_7_ebx = 0xd39ffffb,
	 .is.leaf_7_edx = 0xbc000400, .is.capabilities = ARCH_CAP_RSBA | ARCH_CAP_GDS_CTRL,
	 .spec_ctrl = 7, .done = SMALL_OLD_INTEL | HOST_L1D_FLUSH | HOST_VERW,
	 .open = "spectre-v2 retbleed bus-lock",
	 .closed = "meltdown return-stack ssb l1tf mds taa mmio-stale-data downfall "
		   "lazy-fp itlb-multihit cache-disable"},
	{"Core i7-8650U (Kaby Lake)", .is.version = 0x806ea, .is.leaf_7_ebx = 0x029c6fbf,
	 .is.leaf_7_edx = 0xbc000600, .is.capabilities = ARCH_CAP_RSBA | ARCH_CAP_GDS_CTRL,
	 .spec_ctrl = 7, .done = SMALL_OLD_INTEL | HOST_L1D_FLUSH | HOST_VERW, .guests = HOST_ENCLS,
	 .open = "spectre-v2 retbleed bus-lock",
	 .closed = "meltdown return-stack ssb l1tf mds taa mmio-stale-data downfall "
		   "srbds lazy-fp itlb-multihit cache-disable sgx"},
	{"Core i7-8650U, whose firmware does without", .is.version = 0x806ea,
	 .is.leaf_7_ebx = 0x029c6fbf, .is.leaf_7_edx = 0xbc000600, .is.opt_ctrl = 0x11,
	 .is.capabilities = ARCH_CAP_RSBA | ARCH_CAP_GDS_CTRL, .spec_ctrl = 7,
	 .done = SMALL_OLD_INTEL | HOST_L1D_FLUSH | HOST_VERW, .guests = HOST_ENCLS,
	 .open = "spectre-v2 retbleed downfall srbds bus-lock",
	 .closed = "meltdown return-stack ssb l1tf mds taa mmio-stale-data lazy-fp "
		   "itlb-multihit cache-disable sgx"},
	{"Xeon Gold 6252 (Cascade Lake)", .is.version = 0x50657, .is.leaf_7_ebx = 0xd39ffffb,
	 .is.leaf_7_edx = 0xbc000400,
	 .is.capabilities = NO_MELTDOWN | ARCH_CAP_TSX_CTRL | ARCH_CAP_FB_CLEAR | ARCH_CAP_GDS_CTRL,
	 .spec_ctrl = 7, .done = SMALL_NEW_INTEL | HOST_HISTORY | HOST_VERW, .open = "its bus-lock",
	 .closed = "spectre-v2 return-stack bhi retbleed ssb taa mmio-stale-data "
		   "downfall lazy-fp itlb-multihit cache-disable"},
	{"Xeon 8380 (Ice Lake)", .is.version = 0x606a6, .is.leaf_7_ebx = 0xf3bfbfef,
	 .is.leaf_7_edx = 0xbc040412,
	 .is.capabilities = NO_MELTDOWN | ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO |
			    ARCH_CAP_FB_CLEAR | ARCH_CAP_GDS_CTRL,
	 .spec_ctrl = 7, .done = NEW_INTEL | HOST_HISTORY | HOST_VERW, .guests = HOST_ENCLS,
	 .open = "its bus-lock",
	 .closed = "spectre-v2 return-stack bhi ssb mmio-stale-data downfall lazy-fp "
		   "cache-disable sgx"},
	{"Core i7-1185G7 (Tiger Lake)", .is.version = 0x806c1, .is.leaf_7_ebx = 0xf3bfa7eb,
	 .is.leaf_7_edx = 0xfc184410,
	 .is.capabilities =
		 NO_MELTDOWN | ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | ARCH_CAP_GDS_CTRL,
	 .spec_ctrl = 7, .done = NEW_INTEL | HOST_HISTORY | HOST_VERW, .open = "its bus-lock",
	 .closed = "spectre-v2 return-stack bhi ssb downfall lazy-fp cache-disable"},
	{"Core i9-12900K (Alder Lake)", .is.version = 0x90672, .is.leaf_7_ebx = 0x239ca7eb,
	 .is.leaf_7_edx = 0xfc18c410, .is.leaf_72_edx = BHI_CTRL,
	 .is.capabilities = NO_DATA | ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_CLEAR | ARCH_CAP_ITS_NO,
	 .spec_ctrl = 0x407, .done = NEW_INTEL | HOST_BHI_DIS | HOST_VERW, .open = "bus-lock",
	 .closed = "spectre-v2 return-stack bhi ssb rfds lazy-fp cache-disable"},
	{"Xeon 8480 (Sapphire Rapids)", .is.version = 0x806f8, .is.leaf_7_ebx = 0xf3bfbfeb,
	 .is.leaf_7_edx = 0xffd94432, .is.leaf_72_edx = BHI_CTRL,
	 .is.capabilities = NO_DATA | ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO | ARCH_CAP_ITS_NO,
	 .spec_ctrl = 0x407, .done = NEW_INTEL | HOST_BHI_DIS, .guests = HOST_BUS_LOCKS, .open = "",
	 .closed = "spectre-v2 return-stack bhi ssb lazy-fp cache-disable bus-lock"},
	{"Xeon 6980P (Granite Rapids)", .is.version = 0xa06d1, .is.leaf_7_ebx = 0xf3bfbfeb,
	 .is.leaf_7_edx = 0xffd94432, .is.leaf_72_edx = BHI_CTRL,
	 .is.capabilities =
		 NO_DATA | ARCH_CAP_PBRSB_NO | ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO | ARCH_CAP_ITS_NO,
	 .spec_ctrl = 0x407, .done = HOST_IBRS | HOST_IBPB | HOST_STIBP | HOST_SSBD | HOST_BHI_DIS,
	 .guests = HOST_BUS_LOCKS, .open = "",
	 .closed = "spectre-v2 bhi ssb lazy-fp cache-disable bus-lock"},
	{"Atom C3558 (Denverton)", .is.version = 0x506f1, .is.leaf_7_ebx = 0x2294e283,
	 .is.leaf_7_edx = 0xac000000,
	 .is.capabilities = ARCH_CAP_RDCL_NO | ARCH_CAP_SKIP_L1DFL_VMENTRY | ARCH_CAP_MDS_NO |
			    ARCH_CAP_TAA_NO | ARCH_CAP_MMIO_NO | ARCH_CAP_RFDS_CLEAR,
	 .spec_ctrl = 7, .done = SMALL_OLD_INTEL | HOST_VERW, .open = "spectre-v2 bus-lock",
	 .closed = "return-stack ssb rfds lazy-fp cache-disable"},
	{"an Intel that has none of it", .is.version = 0x90d00, .is.leaf_7_edx = 0xbc000400,
	 .is.capabilities = NO_DATA | ARCH_CAP_SSB_NO | ARCH_CAP_BHI_NO | ARCH_CAP_PBRSB_NO |
			    ARCH_CAP_GDS_NO | ARCH_CAP_RFDS_NO | ARCH_CAP_ITS_NO,
	 .spec_ctrl = 3, .done = HOST_IBRS | HOST_IBPB | HOST_STIBP, .open = "bus-lock",
	 .closed = "spectre-v2 lazy-fp cache-disable"},
	{"Bochs, Skylake-X", .is.version = 0x50654, .is.leaf_7_ebx = 0xd19f47a9,
	 .done = HOST_SMALL_CODE,
	 .open = "spectre-v2 return-stack retbleed ssb l1tf mds mmio-stale-data "
		 "downfall bus-lock",
	 .closed = "meltdown lazy-fp itlb-multihit cache-disable"},
	{"Bochs, Tiger Lake", .is.version = 0x806c1, .is.leaf_7_ebx = 0xf2bf27eb,
	 .is.leaf_7_edx = 0xac000510,
	 .is.capabilities = ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SSB_NO, .spec_ctrl = 3,
	 .done = HOST_SMALL_CODE | HOST_IBRS | HOST_IBPB | HOST_STIBP | HOST_VERW |
		 HOST_RETURN_STACK | HOST_HISTORY,
	 .open = "its downfall bus-lock",
	 .closed = "spectre-v2 return-stack bhi mds lazy-fp itlb-multihit cache-disable"},

	{"Opteron 6386 SE (Piledriver)", .is.amd = true, .is.version = 0x600f20,
	 .is.leaf_88_ebx = 0x1000, .done = HOST_IBPB,
	 .open = "spectre-v2 return-stack retbleed ssb cache-disable bus-lock",
	 .closed = "lazy-fp"},
	{"EPYC 7601 (Zen)", .is.amd = true, .is.version = 0x800f12, .is.leaf_88_ebx = 0x1007,
	 .is.microcode = 0x08001250, .done = HOST_IBPB,
	 .open = "spectre-v2 return-stack retbleed inception ssb cache-disable bus-lock",
	 .closed = "lazy-fp"},
	{"Hygon C86 7185", .is.amd = true, .is.version = 0x900f02, .is.leaf_88_ebx = 0x1007,
	 .done = HOST_IBPB,
	 .open = "spectre-v2 return-stack retbleed inception ssb cache-disable bus-lock",
	 .closed = "lazy-fp"},
	{"EPYC 7742 (Zen 2), as sold", .is.amd = true, .is.version = 0x830f10,
	 .is.leaf_88_ebx = 0x018cf757, .is.microcode = 0x08301034, .spec_ctrl = 6,
	 .done = HOST_IBPB | HOST_STIBP | HOST_SSBD,
	 .open = "spectre-v2 return-stack retbleed inception zenbleed cache-disable "
		 "bus-lock",
	 .closed = "ssb lazy-fp"},
	{"EPYC 7742 (Zen 2)", .is.amd = true, .is.version = 0x830f10, .is.leaf_88_ebx = 0x018cf757,
	 .is.microcode = 0x0830107c, .spec_ctrl = 6, .done = HOST_IBPB | HOST_STIBP | HOST_SSBD,
	 .open = "spectre-v2 return-stack retbleed inception cache-disable bus-lock",
	 .closed = "ssb zenbleed lazy-fp"},
	{"EPYC 7763 (Zen 3)", .is.amd = true, .is.version = 0xa00f11, .is.leaf_88_ebx = 0x111ef657,
	 .is.microcode = 0x0a0011de, .spec_ctrl = 6,
	 .done = HOST_IBPB | HOST_STIBP | HOST_SSBD | HOST_VERW,
	 .open = "spectre-v2 return-stack inception cache-disable bus-lock",
	 .closed = "ssb tsa lazy-fp"},
	{"EPYC 9654 (Zen 4), old microcode", .is.amd = true, .is.version = 0xa10f11,
	 .is.leaf_88_ebx = 0x791ef257, .is.leaf_821_eax = 0x62fcf, .is.microcode = 0x0a10113e,
	 .spec_ctrl = 6, .done = AUTO_IBRS | HOST_IBPB | HOST_STIBP | HOST_SSBD | HOST_VERW,
	 .open = "inception tsa cache-disable bus-lock",
	 .closed = "spectre-v2 return-stack ssb lazy-fp"},
	{"EPYC 9654 (Zen 4)", .is.amd = true, .is.version = 0xa10f11, .is.leaf_88_ebx = 0x791ef257,
	 .is.leaf_821_eax = 0x62fcf, .is.microcode = 0x0a101154, .spec_ctrl = 6,
	 .done = AUTO_IBRS | HOST_IBPB | HOST_STIBP | HOST_SSBD | HOST_VERW,
	 .open = "inception cache-disable bus-lock",
	 .closed = "spectre-v2 return-stack ssb tsa lazy-fp"},
	{"EPYC 9755 (Zen 5)", .is.amd = true, .is.version = 0xb00f21, .is.leaf_88_ebx = 0x791ef257,
	 .is.leaf_821_eax = 0xc1062fcf, .is.leaf_821_ecx = 6, .is.microcode = 0x0b002116,
	 .spec_ctrl = 6, .done = AUTO_IBRS | HOST_IBPB | HOST_STIBP | HOST_SSBD,
	 .guests = HOST_BUS_LOCKS, .open = "inception cache-disable",
	 .closed = "spectre-v2 return-stack ssb lazy-fp bus-lock"},
	{"an AMD that likes IBRS to stay on", .is.amd = true, .is.version = 0xa20f12,
	 .is.leaf_88_ebx = 0x0501d000, .is.leaf_821_ecx = 6, .is.microcode = 0x0a201211,
	 .spec_ctrl = 3, .done = HOST_IBRS | HOST_IBPB | HOST_STIBP,
	 .open = "return-stack inception cache-disable bus-lock", .closed = "spectre-v2 lazy-fp"},
	{"an AMD that has none of it", .is.amd = true, .is.version = 0xb00f21,
	 .is.leaf_88_ebx = 0x0400d000, .is.leaf_821_eax = 0x20000100, .is.leaf_821_ecx = 6,
	 .spec_ctrl = 2, .done = AUTO_IBRS | HOST_IBPB | HOST_STIBP,
	 .open = "cache-disable bus-lock", .closed = "spectre-v2 return-stack lazy-fp"},
	{"QEMU, EPYC", .is.amd = true, .is.version = 0x800f12,
	 .open = "spectre-v2 return-stack retbleed inception ssb cache-disable bus-lock",
	 .closed = "lazy-fp"},
};
