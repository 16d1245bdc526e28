/* SPDX-License-Identifier: MIT */
/*
 * The command `vm regs`: shows the registers of a VM's vCPUs. Run by command.c; asks the monitor
 * through inspect.c.
 */
#include "arch/x86_64/hw/control.h"
#include "vmm/manager/commands/inspect.h"
#include "vmm/manager/inspect/cpu_state.h"
#include "vmm/rt/format.h"

#define HEX	 "%016llx"
#define N(value) ((unsigned long long)(value))

static const char gpr_names[GPR_COUNT][4] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp",
					     "rsi", "rdi", "r8",  "r9",	 "r10", "r11",
					     "r12", "r13", "r14", "r15"};
static const char segment_names[SEG_COUNT][5] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
static const char msr_names[VMSR_COUNT][16] = {
	"star",	       "lstar",	       "cstar",	       "sfmask", "kernel_gs_base",
	"sysenter_cs", "sysenter_esp", "sysenter_eip", "pat",	 "tsc_aux"};

static void command_vm_regs_show_general(struct reply *reply,
					 const struct query_registers *registers)
{
	static const u8 order[GPR_COUNT] = {GPR_RAX, GPR_RBX, GPR_RCX, GPR_RDX, GPR_RSI, GPR_RDI,
					    GPR_RBP, GPR_RSP, 8,       9,	10,	 11,
					    12,	     13,      14,      15};
	const struct vcpu_page *page = &registers->page;
	char flags[96];

	for (u32 i = 0; i < GPR_COUNT; i += 4)
		reply_line(reply, "%-4s" HEX "  %-4s" HEX "  %-4s" HEX "  %-4s" HEX,
			   gpr_names[order[i]], N(page->gpr[order[i]]), gpr_names[order[i + 1]],
			   N(page->gpr[order[i + 1]]), gpr_names[order[i + 2]],
			   N(page->gpr[order[i + 2]]), gpr_names[order[i + 3]],
			   N(page->gpr[order[i + 3]]));
	reply_line(reply, "rip " HEX "  rflags " HEX "  %s%s%s%s", N(page->rip), N(page->rflags),
		   cpu_state_bits_text(rflags_bits, page->rflags & ~(RFLAGS_FIXED | RFLAGS_IOPL),
				       flags, sizeof(flags)),
		   (page->shadow & SHADOW_STI) != 0 ? " [STI shadow]" : "",
		   (page->shadow & SHADOW_MOV_SS) != 0 ? " [MOV SS shadow]" : "",
		   (page->shadow & SHADOW_NMI) != 0 ? " [NMIs blocked]" : "");
}

static void command_vm_regs_show_segments(struct reply *reply, const struct vcpu_page *page)
{
	for (u32 i = 0; i < SEG_COUNT; i++) {
		const struct vcpu_segment_state *segment = &page->segment[i];

		if ((segment->access & SEGMENT_UNUSABLE) != 0 || (segment->access & SEGMENT_P) == 0)
			reply_line(reply, "%-4s %04x  base " HEX "  unusable", segment_names[i],
				   segment->selector, N(segment->base));
		else
			reply_line(reply,
				   "%-4s %04x  base " HEX "  limit %08x  access %05x  dpl %u%s%s",
				   segment_names[i], segment->selector, N(segment->base),
				   segment->limit, segment->access,
				   segment->access >> SEGMENT_DPL_SHIFT & 3,
				   (segment->access & SEGMENT_DB) != 0 ? " 32" : "",
				   (segment->access & SEGMENT_L) != 0 ? " 64" : "");
	}
	reply_line(reply, "gdtr       base " HEX "  limit %04x", N(page->gdtr.base),
		   page->gdtr.limit);
	reply_line(reply, "idtr       base " HEX "  limit %04x", N(page->idtr.base),
		   page->idtr.limit);
}

static void command_vm_regs_show_system(struct reply *reply, const struct vcpu_page *page)
{
	reply_line(reply, "cr0 " HEX "  cr2 " HEX "  cr3 " HEX, N(page->cr0), N(page->cr2),
		   N(page->cr3));
	reply_line(reply, "cr4 " HEX "  cr8 " HEX "  efer " HEX, N(page->cr4), N(page->cr8),
		   N(page->efer));
	reply_line(reply, "dr0 " HEX "  dr1 " HEX "  dr2 " HEX, N(page->dr[0]), N(page->dr[1]),
		   N(page->dr[2]));
	reply_line(reply, "dr3 " HEX "  dr6 " HEX "  dr7 " HEX, N(page->dr[3]), N(page->dr[6]),
		   N(page->dr[7]));
	for (u32 i = 0; i < VMSR_COUNT; i += 2)
		reply_line(reply, "%-15s" HEX "  %-15s" HEX, msr_names[i], N(page->msr[i]),
			   msr_names[i + 1], N(page->msr[i + 1]));
	reply_line(reply, "%-15s" HEX "  %-15s" HEX, "xcr0", N(page->xcr0), "tsc_offset",
		   N(page->tsc_offset));
}

static void command_vm_regs_show_text(struct reply *reply, const struct query_registers *registers)
{
	const struct vcpu_page *page = &registers->page;

	reply_line(reply, "%s vCPU %u: %s mode, paging %s%s", reply->vm_name,
		   reply->asked.question.vcpu, cpu_mode(page), cpu_paging(page),
		   registers->halted ? ", halted" : "");
	command_vm_regs_show_general(reply, registers);
	command_vm_regs_show_segments(reply, page);
	command_vm_regs_show_system(reply, page);
}

static void command_vm_regs_segments_json(struct json *json, const struct vcpu_page *page)
{
	json_object_begin(json, "segments");
	for (u32 i = 0; i < SEG_COUNT; i++) {
		json_object_begin(json, segment_names[i]);
		json_u64(json, "selector", page->segment[i].selector);
		json_u64(json, "base", page->segment[i].base);
		json_u64(json, "limit", page->segment[i].limit);
		json_u64(json, "access", page->segment[i].access);
		json_object_end(json);
	}
	json_object_end(json);
	json_object_begin(json, "gdtr");
	json_u64(json, "base", page->gdtr.base);
	json_u64(json, "limit", page->gdtr.limit);
	json_object_end(json);
	json_object_begin(json, "idtr");
	json_u64(json, "base", page->idtr.base);
	json_u64(json, "limit", page->idtr.limit);
	json_object_end(json);
}

static void command_vm_regs_show_json(struct reply *reply, const struct query_registers *registers)
{
	static const u8 debug[] = {0, 1, 2, 3, 6, 7};
	const struct vcpu_page *page = &registers->page;
	struct json *json = &reply->object;
	char name[8];

	reply_object_begin(reply);
	json_string(json, "name", reply->vm_name);
	json_u64(json, "cpu", reply->asked.question.vcpu);
	json_string(json, "mode", cpu_mode(page));
	json_string(json, "paging", cpu_paging(page));
	json_bool(json, "halted", registers->halted != 0);
	for (u32 i = 0; i < GPR_COUNT; i++)
		json_u64(json, gpr_names[i], page->gpr[i]);
	json_u64(json, "rip", page->rip);
	json_u64(json, "rflags", page->rflags);
	command_vm_regs_segments_json(json, page);
	json_u64(json, "cr0", page->cr0);
	json_u64(json, "cr2", page->cr2);
	json_u64(json, "cr3", page->cr3);
	json_u64(json, "cr4", page->cr4);
	json_u64(json, "cr8", page->cr8);
	json_u64(json, "efer", page->efer);
	for (u32 i = 0; i < ARRAY_COUNT(debug); i++) {
		format(name, sizeof(name), "dr%u", debug[i]);
		json_u64(json, name, page->dr[debug[i]]);
	}
	for (u32 i = 0; i < VMSR_COUNT; i++)
		json_u64(json, msr_names[i], page->msr[i]);
	json_u64(json, "xcr0", page->xcr0);
	json_u64(json, "tsc_offset", page->tsc_offset);
	reply_object_end(reply);
}

static bool command_vm_regs_resume(struct reply *reply)
{
	const struct query_registers *registers;

	if (!inspect_registers(reply, &registers))
		return false;
	if (registers == NULL)
		return true;
	if (reply->json)
		command_vm_regs_show_json(reply, registers);
	else
		command_vm_regs_show_text(reply, registers);
	return !inspect_next_cpu(reply);
}

static void command_vm_regs(struct reply *reply, const struct arguments *arguments)
{
	inspect_registers_begin(reply, arguments, command_vm_regs_resume);
}

COMMAND(vm_regs,
	.name = "vm regs",
	.right = MAY_INSPECT,
	.arguments = "NAME [VCPU]",
	.summary = "registers of a VM's vCPUs",
	.detail = "Of all its vCPUs, or of the one with that number. A running VM halts for a "
		  "moment.",
	.example = "vm regs alpha 0",
	.keys = "name cpu mode paging halted rax to r15 rip rflags segments gdtr idtr cr0 cr2 "
		"cr3 cr4 cr8 efer dr0 to dr7, the MSRs, xcr0 tsc_offset",
	.run = command_vm_regs,
	.minimum = 1,
	.maximum = 2,
	.completion = COMPLETE_VM);
