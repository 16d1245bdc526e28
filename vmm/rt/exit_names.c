/* SPDX-License-Identifier: MIT */
/*
 * The names of exit reasons for texts. Called by the manager's commands and log and by the
 * monitor's exits.c; has a constant table only.
 */
#include "vmm/rt/exit_names.h"

static const char names[EXIT_REASON_COUNT][20] = {
	[EXIT_NONE] = "none",
	[EXIT_HOST_INTERRUPT] = "host-interrupt",
	[EXIT_KICK] = "kick",
	[EXIT_DEADLINE] = "deadline",
	[EXIT_INTERRUPT_WINDOW] = "interrupt-window",
	[EXIT_NMI_WINDOW] = "nmi-window",
	[EXIT_IO] = "io",
	[EXIT_MEMORY] = "memory",
	[EXIT_CPUID] = "cpuid",
	[EXIT_HLT] = "hlt",
	[EXIT_RDMSR] = "rdmsr",
	[EXIT_WRMSR] = "wrmsr",
	[EXIT_CR] = "cr",
	[EXIT_DR] = "dr",
	[EXIT_XSETBV] = "xsetbv",
	[EXIT_EXCEPTION] = "exception",
	[EXIT_HYPERCALL] = "hypercall",
	[EXIT_TRIPLE_FAULT] = "triple-fault",
	[EXIT_INVALID_OPCODE] = "invalid-opcode",
	[EXIT_INVD] = "invd",
	[EXIT_PAUSE] = "pause",
	[EXIT_MONITOR] = "monitor",
	[EXIT_MWAIT] = "mwait",
	[EXIT_RDPMC] = "rdpmc",
	[EXIT_RDTSC] = "rdtsc",
	[EXIT_INVLPG] = "invlpg",
	[EXIT_TASK_SWITCH] = "task-switch",
	[EXIT_DESCRIPTOR_TABLE] = "descriptor-table",
	[EXIT_INIT] = "init",
	[EXIT_SIPI] = "sipi",
	[EXIT_SMI] = "smi",
	[EXIT_EOI] = "eoi",
	[EXIT_TPR] = "tpr",
	[EXIT_APIC_ACCESS] = "apic-access",
	[EXIT_ENTRY_FAILED] = "entry-failed",
	[EXIT_UNKNOWN] = "unknown",
	[EXIT_NO_MEMORY] = "no-memory",
	[EXIT_APIC_WRITE] = "apic-write",
	[EXIT_BUS_LOCK] = "bus-lock",
};

const char *exit_name(u32 reason)
{
	return reason < EXIT_REASON_COUNT && names[reason][0] != '\0' ? names[reason] : "unknown";
}
