/* SPDX-License-Identifier: MIT */
/*
 * The command `vm cr0`: shows CR0, CR3, CR4 and EFER bit by bit: the guest's view, the value in
 * force, and whether the guest or the host owns the bit. Run by command.c; asks the monitor through
 * inspect.c.
 */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/svm.h"
#include "arch/x86_64/hw/vmx.h"
#include "vmm/manager/commands/inspect.h"
#include "vmm/manager/inspect/cpu_state.h"
#include "vmm/rt/format.h"

#define HEX	 "%016llx"
#define N(value) ((unsigned long long)(value))

/* A control register as the guest reads it and as the CPU holds it. */
struct control_view {
	const char *name;
	const struct bit_name *bits;
	u64 value;
	u64 real;   /* the register's value in the CPU while the guest runs */
	u64 mask;   /* bits of the register that the host owns */
	u64 shadow; /* values that the guest reads of the bits in `mask` */
};

static u64 command_vm_cr0_word(const struct vcpu_page *page, u32 id)
{
	u64 value = 0;

	(void)cpu_dump_word(page, id, &value);
	return value;
}

/*
 * Fills the views for SVM, which has no masks: all bits are the guest's, except EFER.SVME, which
 * VMRUN requires.
 */
static void command_vm_cr0_view_svm(const struct vcpu_page *page, struct control_view view[3])
{
	const u32 save = offsetof(struct vmcb, save);

	view[0].real = command_vm_cr0_word(page, save + offsetof(struct vmcb_save, cr0));
	view[1].real = command_vm_cr0_word(page, save + offsetof(struct vmcb_save, cr4));
	view[2].real = command_vm_cr0_word(page, save + offsetof(struct vmcb_save, efer));
	view[2].mask = EFER_SVME;
}

static void command_vm_cr0_view_vmx(const struct vcpu_page *page, struct control_view view[3])
{
	view[0].real = command_vm_cr0_word(page, VMCS_GUEST_CR0);
	view[0].mask = command_vm_cr0_word(page, VMCS_CR0_MASK);
	view[0].shadow = command_vm_cr0_word(page, VMCS_CR0_SHADOW);
	view[1].real = command_vm_cr0_word(page, VMCS_GUEST_CR4);
	view[1].mask = command_vm_cr0_word(page, VMCS_CR4_MASK);
	view[1].shadow = command_vm_cr0_word(page, VMCS_CR4_SHADOW);
	view[2].real = command_vm_cr0_word(page, VMCS_GUEST_EFER);
}

static void command_vm_cr0_fill_views(const struct vcpu_page *page, struct control_view view[3])
{
	view[0] = (struct control_view){"cr0", cr0_bits, page->cr0, 0, 0, 0};
	view[1] = (struct control_view){"cr4", cr4_bits, page->cr4, 0, 0, 0};
	view[2] = (struct control_view){"efer", efer_bits, page->efer, 0, 0, 0};
	if (cpu_is_svm())
		command_vm_cr0_view_svm(page, view);
	else
		command_vm_cr0_view_vmx(page, view);
}

static void command_vm_cr0_show_register(struct reply *reply, const struct control_view *view)
{
	char set[256];

	reply_line(reply, "%s " HEX "  %s", view->name, N(view->value),
		   cpu_state_bits_text(view->bits, view->value, set, sizeof(set)));
	if (view->real != view->value)
		reply_line(reply, "  in the CPU " HEX "  %s", N(view->real),
			   cpu_state_bits_text(view->bits, view->real, set, sizeof(set)));
	for (const struct bit_name *bit = view->bits; bit->name[0] != '\0'; bit++) {
		u64 mask = BIT(bit->bit);
		bool host = (view->mask & mask) != 0;

		reply_line(reply, "  %2u %-10s %u  %-5s%s  %s", bit->bit, bit->name,
			   (view->value & mask) != 0, host ? "host" : "guest",
			   host && ((view->value ^ view->real) & mask) != 0 ? " (differs)" : "",
			   bit->meaning);
	}
}

static u64 command_vm_cr0_table_of(const struct vcpu_page *page)
{
	if ((page->cr0 & CR0_PG) != 0 && (page->efer & EFER_LMA) == 0 && (page->cr4 & CR4_PAE) != 0)
		return page->cr3 & BITS(31, 5);
	return page->cr3 & CR3_ADDRESS;
}

static void command_vm_cr0_show_cr3(struct reply *reply, const struct vcpu_page *page)
{
	if ((page->cr4 & CR4_PCIDE) != 0)
		reply_line(reply, "cr3 " HEX "  table 0x%llx, PCID %llu", N(page->cr3),
			   N(command_vm_cr0_table_of(page)), N(page->cr3 & CR3_PCID));
	else
		reply_line(reply, "cr3 " HEX "  table 0x%llx, PWT %u, PCD %u", N(page->cr3),
			   N(command_vm_cr0_table_of(page)), (page->cr3 & CR3_PWT) != 0,
			   (page->cr3 & CR3_PCD) != 0);
}

static void command_vm_cr0_show_cacheability(struct reply *reply, const struct vcpu_page *page)
{
	char types[64];
	size_t length = 0;

	for (u32 i = 0; i < 8 && length < sizeof(types); i++)
		length += format(types + length, sizeof(types) - length, " %s",
				 cpu_state_memory_type(page->msr[VMSR_PAT] >> (8 * i) & 0xff));
	reply_line(reply, "caching: CD %u, NW %u: %s", (page->cr0 & CR0_CD) != 0,
		   (page->cr0 & CR0_NW) != 0, cpu_caching(page->cr0));
	reply_line(reply, "pat " HEX " %s", N(page->msr[VMSR_PAT]), types);
	reply_line(reply, "effective: %s",
		   cpu_is_svm() ? "RAM is WB in the second stage, the guest's PAT and CD refine it"
				: "RAM is WB whatever CD and PAT say (EPT with IPAT)");
}

static void command_vm_cr0_show_control(struct reply *reply, const struct vcpu_page *page,
					const struct control_view view[3])
{
	if (cpu_is_svm()) {
		u64 first = command_vm_cr0_word(page, 0);
		u64 second = command_vm_cr0_word(page, 8);

		reply_line(reply,
			   "intercepts: CR read %04llx write %04llx, DR read %04llx write "
			   "%04llx, exceptions %08llx, CR0 writes except TS and MP %s",
			   N(first & 0xffff), N(first >> 16 & 0xffff), N(first >> 32 & 0xffff),
			   N(first >> 48), N(second & 0xffffffff),
			   (second >> 32 & VMCB_INTERCEPT1_CR0_SELECTIVE) != 0 ? "yes" : "no");
		return;
	}
	for (u32 i = 0; i < 2; i++)
		reply_line(reply, "%s: guest/host mask " HEX ", read shadow " HEX, view[i].name,
			   N(view[i].mask), N(view[i].shadow));
	reply_line(reply, "exceptions that exit %08llx, CR3-target values %llu",
		   N(command_vm_cr0_word(page, VMCS_EXCEPTION_BITMAP)),
		   N(command_vm_cr0_word(page, VMCS_CR3_TARGET_COUNT)));
}

static void command_vm_cr0_show_text(struct reply *reply, const struct vcpu_page *page,
				     const struct control_view view[3])
{
	reply_line(reply, "%s vCPU %u: %s mode, paging %s, %u-bit code", reply->vm_name,
		   reply->asked.question.vcpu, cpu_mode(page), cpu_paging(page),
		   (page->efer & EFER_LMA) != 0 && (page->segment[SEG_CS].access & SEGMENT_L) != 0
			   ? 64
		   : (page->segment[SEG_CS].access & SEGMENT_DB) != 0 ? 32
								      : 16);
	command_vm_cr0_show_register(reply, &view[0]);
	command_vm_cr0_show_cr3(reply, page);
	command_vm_cr0_show_register(reply, &view[1]);
	command_vm_cr0_show_register(reply, &view[2]);
	command_vm_cr0_show_cacheability(reply, page);
	command_vm_cr0_show_control(reply, page, view);
}

static void command_vm_cr0_control_json(struct json *json, const struct vcpu_page *page,
					const struct control_view view[3])
{
	u64 first = command_vm_cr0_word(page, 0);
	u64 second = command_vm_cr0_word(page, 8);

	if (!cpu_is_svm()) {
		json_u64(json, "cr0_mask", view[0].mask);
		json_u64(json, "cr0_shadow", view[0].shadow);
		json_u64(json, "cr4_mask", view[1].mask);
		json_u64(json, "cr4_shadow", view[1].shadow);
		json_u64(json, "exceptions", command_vm_cr0_word(page, VMCS_EXCEPTION_BITMAP));
		return;
	}
	json_object_begin(json, "intercepts");
	json_u64(json, "cr_read", first & 0xffff);
	json_u64(json, "cr_write", first >> 16 & 0xffff);
	json_u64(json, "dr_read", first >> 32 & 0xffff);
	json_u64(json, "dr_write", first >> 48);
	json_u64(json, "exceptions", second & 0xffffffff);
	json_u64(json, "instructions1", second >> 32);
	json_u64(json, "instructions2", command_vm_cr0_word(page, 16) & 0xffffffff);
	json_object_end(json);
}

static void command_vm_cr0_show_json(struct reply *reply, const struct vcpu_page *page,
				     const struct control_view view[3])
{
	struct json *json = &reply->object;
	char key[16];

	reply_object_begin(reply);
	json_string(json, "name", reply->vm_name);
	json_u64(json, "cpu", reply->asked.question.vcpu);
	json_string(json, "mode", cpu_mode(page));
	json_string(json, "paging", cpu_paging(page));
	json_u64(json, "cr3", page->cr3);
	json_u64(json, "table", command_vm_cr0_table_of(page));
	for (u32 i = 0; i < 3; i++) {
		json_u64(json, view[i].name, view[i].value);
		format(key, sizeof(key), "%s_bits", view[i].name);
		cpu_state_bits_json(json, key, view[i].bits, view[i].value);
		format(key, sizeof(key), "%s_real", view[i].name);
		json_u64(json, key, view[i].real);
	}
	json_string(json, "caching", cpu_caching(page->cr0));
	json_array_begin(json, "pat");
	for (u32 i = 0; i < 8; i++)
		json_string(json, NULL,
			    cpu_state_memory_type(page->msr[VMSR_PAT] >> (8 * i) & 0xff));
	json_array_end(json);
	command_vm_cr0_control_json(json, page, view);
	reply_object_end(reply);
}

static bool command_vm_cr0_resume(struct reply *reply)
{
	const struct query_registers *registers;
	struct control_view view[3];

	if (!inspect_registers(reply, &registers))
		return false;
	if (registers == NULL)
		return true;
	command_vm_cr0_fill_views(&registers->page, view);
	if (reply->json)
		command_vm_cr0_show_json(reply, &registers->page, view);
	else
		command_vm_cr0_show_text(reply, &registers->page, view);
	return !inspect_next_cpu(reply);
}

static void command_vm_cr0(struct reply *reply, const struct arguments *arguments)
{
	inspect_registers_begin(reply, arguments, command_vm_cr0_resume);
}

COMMAND(vm_cr0,
	.name = "vm cr0",
	.right = MAY_INSPECT,
	.arguments = "NAME [VCPU]",
	.summary = "CR0, CR3, CR4 and EFER bit by bit, mode and cacheability",
	.detail = "Each bit with its value, its owner (guest or host) and what it means; then what "
		  "exits.",
	.example = "vm cr0 alpha",
	.keys = "name cpu mode paging cr3 table caching pat; of cr0 cr4 efer the value, _bits and "
		"_real; cr0_mask cr0_shadow cr4_mask cr4_shadow exceptions (VMX) or intercepts "
		"(SVM)",
	.run = command_vm_cr0,
	.minimum = 1,
	.maximum = 2,
	.completion = COMPLETE_VM);
