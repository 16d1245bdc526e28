/* SPDX-License-Identifier: MIT */
/*
 * The command `vm stat`: shows a VM's exits, pages, cards, balloon and control words. Run by
 * command.c. Reads the kernel's account and the channel, then asks the monitor through inspect.c.
 */
#include "arch/x86_64/hw/svm.h"
#include "arch/x86_64/hw/vmx.h"
#include "vmm/io/net_cards.h"
#include "vmm/manager/commands/inspect.h"
#include "vmm/manager/inspect/cpu_state.h"
#include "vmm/rt/exit_names.h"
#include "vmm/manager/inspect/page_names.h"
#include "vmm/manager/vm/vm_query.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define N(value) ((unsigned long long)(value))

/*
 * A control word that selects exits: its VMCS encoding or VMCB offset, the bits shown of it, and
 * their names.
 */
struct control_word {
	const char *name;
	u16 id;
	u8 shift;
	u8 bits;
	/* the names of the word's bits; NULL: the bits have no names */
	const struct bit_name *names;
};

static const struct bit_name pin_bits[] = {
	{0, "interrupts", ""},	     {3, "nmi", ""}, {5, "virtual-nmi", ""},
	{6, "preemption-timer", ""}, {0, "", NULL},
};
static const struct bit_name primary_bits[] = {
	{2, "intr-window", ""}, {3, "tsc-offset", ""},	 {7, "hlt", ""},
	{9, "invlpg", ""},	{10, "mwait", ""},	 {11, "rdpmc", ""},
	{12, "rdtsc", ""},	{15, "cr3-load", ""},	 {16, "cr3-store", ""},
	{19, "cr8-load", ""},	{20, "cr8-store", ""},	 {21, "tpr-shadow", ""},
	{22, "nmi-window", ""}, {23, "mov-dr", ""},	 {24, "io", ""},
	{25, "io-bitmaps", ""}, {28, "msr-bitmaps", ""}, {29, "monitor", ""},
	{30, "pause", ""},	{31, "secondary", ""},	 {0, "", NULL},
};
static const struct bit_name secondary_bits[] = {
	{0, "apic-access", ""}, {1, "ept", ""},
	{3, "rdtscp", ""},	{4, "x2apic", ""},
	{5, "vpid", ""},	{6, "wbinvd", ""},
	{7, "unrestrict", ""},	{8, "apic-registers", ""},
	{9, "interrupts", ""},	{12, "invpcid", ""},
	{20, "xsaves", ""},	{0, "", NULL},
};

static const struct control_word vmx_words[] = {
	{"pin-controls", VMCS_PIN_CONTROLS, 0, 32, pin_bits},
	{"primary-controls", VMCS_PRIMARY_CONTROLS, 0, 32, primary_bits},
	{"secondary-controls", VMCS_SECONDARY_CONTROLS, 0, 32, secondary_bits},
	{"exit-controls", VMCS_EXIT_CONTROLS, 0, 32, NULL},
	{"entry-controls", VMCS_ENTRY_CONTROLS, 0, 32, NULL},
	{"exception-bitmap", VMCS_EXCEPTION_BITMAP, 0, 32, NULL},
	{"cr3-target-count", VMCS_CR3_TARGET_COUNT, 0, 32, NULL},
	{"vpid", VMCS_VPID, 0, 16, NULL},
};

static const struct control_word svm_words[] = {
	{"intercept-cr-read", 0, 0, 16, NULL},
	{"intercept-cr-write", 0, 16, 16, NULL},
	{"intercept-dr-read", 0, 32, 16, NULL},
	{"intercept-dr-write", 0, 48, 16, NULL},
	{"intercept-exceptions", 8, 0, 32, NULL},
	{"intercept-1", 8, 32, 32, NULL},
	{"intercept-2", 16, 0, 32, NULL},
	{"asid", offsetof(struct vmcb_control, guest_asid), 0, 32, NULL},
	{"tlb-control", offsetof(struct vmcb_control, guest_asid), 32, 8, NULL},
	{"np-control", offsetof(struct vmcb_control, np_control), 0, 32, NULL},
};

static void command_vm_stat_show(struct reply *reply, const char *reason, u64 count,
				 const struct query_cost *cost)
{
	bool measured = cost != NULL && cost->count != 0;

	if (count == 0)
		return;
	if (!reply->json) {
		if (measured)
			reply_line(reply, "%-24s %12llu %12llu cycles each", reason, N(count),
				   N(cost->tsc / cost->count));
		else
			reply_line(reply, "%-24s %12llu", reason, N(count));
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "reason", reason);
	json_u64(&reply->object, "count", count);
	if (measured)
		json_u64(&reply->object, "instructions", cost->tsc / cost->count);
	else
		json_null(&reply->object, "instructions");
	reply_object_end(reply);
}

static void command_vm_stat_show_count(struct reply *reply, const char *reason, u64 count)
{
	command_vm_stat_show(reply, reason, count, NULL);
}

/* Shows how many of the guest's accesses no device answered, and the address of the last. */
static void command_vm_stat_show_unknown(struct reply *reply, const char *reason, u64 count,
					 u64 last)
{
	char name[32];

	command_vm_stat_show_count(reply, reason, count);
	format(name, sizeof(name), "%s-last", reason);
	if (count == 0)
		return;
	if (reply->json)
		command_vm_stat_show_count(reply, name, last);
	else
		reply_line(reply, "%-24s   0x%08llx", name, N(last));
}

/*
 * Shows the VM's counts of exits and pages. The kernel and the monitor write them at any time: each
 * is read once.
 */
static void command_vm_stat_show_counts(struct reply *reply, const struct vm *vm,
					const struct query_costs *costs)
{
	static const char *const trapped[VM_TRAP_COUNT] = {
		"trapped-cr", "trapped-dr", "trapped-exceptions", "trapped-msr", "trapped-io"};
	const struct group_page *account = vm_account(vm);

	for (u32 i = 0; i < ARRAY_COUNT(account->exits_by_reason); i++)
		command_vm_stat_show(reply, exit_name(i), account->exits_by_reason[i],
				     costs != NULL && i < EXIT_REASON_COUNT ? &costs->cost[i]
									    : NULL);
	command_vm_stat_show_count(reply, "exits", vm_exits(vm));
	command_vm_stat_show_count(reply, "exits-settled-in-kernel", account->kernel_exits);
	command_vm_stat_show_count(reply, "injected", account->injected);
	command_vm_stat_show_count(reply, "cpu-time-ns", clock_tsc_to_ns(account->cpu_tsc));
	command_vm_stat_show_count(reply, "guest-time-ns", clock_tsc_to_ns(account->guest_tsc));
	command_vm_stat_show_count(reply, "steal-time-ns", clock_tsc_to_ns(account->waited_tsc));
	command_vm_stat_show_count(reply, "reserved-permille", account->reserved_permille);
	command_vm_stat_show_count(reply, "missed-deadlines", account->missed);
	for (u32 i = PAGE_FREE + 1; i < PAGE_OWNER_COUNT; i++)
		command_vm_stat_show_count(reply, page_owner_name_pages(i), account->pages[i]);
	command_vm_stat_show_count(reply, "pages-resident", vm_resident_bytes(vm) / PAGE_SIZE);
	command_vm_stat_show_count(reply, "pages-trimmed", vm->trim.given_all);
	command_vm_stat_show_count(reply, "pages-used", account->used_pages);
	command_vm_stat_show_count(reply, "pages-allowed", account->quota_pages);
	if (vm->channel == NULL)
		return;
	command_vm_stat_show_count(reply, "resets", vm->channel->reset_count);
	command_vm_stat_show_unknown(reply, "unknown-ports", vm->channel->unknown_ports,
				     vm->channel->unknown_port_last);
	command_vm_stat_show_unknown(reply, "unknown-memory", vm->channel->unknown_memory,
				     vm->channel->unknown_memory_last);
	command_vm_stat_show_count(reply, "timer-expirations", vm->channel->timer_expirations);
	for (u32 i = 0; i < VM_TRAP_COUNT; i++)
		command_vm_stat_show_count(reply, trapped[i], vm->channel->trapped[i]);
}

static void command_vm_stat_show_card(struct reply *reply, u32 number,
				      const struct virtio_net_counts *counts)
{
	static const char *const lost[NET_LOSS_COUNT] = {
		[NET_LOSS_SHORT] = "lost-short",       [NET_LOSS_LONG] = "lost-long",
		[NET_LOSS_HEADER] = "lost-header",     [NET_LOSS_NOBODY] = "lost-nobody",
		[NET_LOSS_FILTERED] = "lost-filtered", [NET_LOSS_REFUSED] = "lost-refused",
		[NET_LOSS_BUFFERS] = "lost-buffers",   [NET_LOSS_EARLY] = "lost-early",
	};
	const struct {
		const char *name;
		u64 count;
	} rows[] = {
		{"sent-frames", counts->sent_frames},
		{"sent-bytes", counts->sent_bytes},
		{"received-frames", counts->received_frames},
		{"received-bytes", counts->received_bytes},
	};
	char name[32];

	for (u32 i = 0; i < ARRAY_COUNT(rows); i++) {
		format(name, sizeof(name), "card-%u-%s", number, rows[i].name);
		command_vm_stat_show_count(reply, name, rows[i].count);
	}
	for (u32 i = 0; i < NET_LOSS_COUNT; i++) {
		format(name, sizeof(name), "card-%u-%s", number, lost[i]);
		command_vm_stat_show_count(reply, name, counts->lost[i]);
	}
}

/*
 * Shows the VM's network cards. The monitor may report any number of cards: it is limited to the
 * array's size.
 */
static void command_vm_stat_show_cards(struct reply *reply, const struct net_cards *cards)
{
	for (u32 i = 0; cards != NULL && i < MIN(cards->count, NET_CARDS_MAX); i++)
		command_vm_stat_show_card(reply, i, &cards->card[i]);
}

/* Shows the balloon of a VM that has one, and the statistics that its guest has ever given. */
static void command_vm_stat_show_balloon(struct reply *reply, const struct query_balloon *balloon)
{
	static const char *const stats[BALLOON_STATS] = {
		"guest-swapped-in-bytes",  "guest-swapped-out-bytes", "guest-major-faults",
		"guest-minor-faults",	   "guest-free-bytes",	      "guest-memory-bytes",
		"guest-available-bytes",   "guest-cache-bytes",	      "guest-huge-pages",
		"guest-huge-pages-failed",
	};

	if (balloon == NULL)
		return;
	command_vm_stat_show_count(reply, "balloon-target-pages", balloon->target);
	command_vm_stat_show_count(reply, "balloon-pages", balloon->actual);
	command_vm_stat_show_count(reply, "balloon-inflated-pages", balloon->inflated);
	command_vm_stat_show_count(reply, "balloon-reported-pages", balloon->reported);
	command_vm_stat_show_count(reply, "balloon-refused-pages", balloon->refused);
	for (u32 i = 0; i < BALLOON_STATS; i++)
		if ((balloon->stats_seen & BIT(i)) != 0)
			command_vm_stat_show_count(reply, stats[i], balloon->stats[i]);
	if (balloon->stats_seen != 0)
		command_vm_stat_show_count(reply, "guest-said-ns-ago", balloon->stats_age_ns);
}

static void command_vm_stat_show_word(struct reply *reply, const struct control_word *word,
				      u64 value)
{
	char set[256] = "";

	value = value >> word->shift & BITS(word->bits - 1, 0);
	if (reply->json) {
		reply_object_begin(reply);
		json_string(&reply->object, "reason", word->name);
		json_u64(&reply->object, "count", value);
		json_null(&reply->object, "instructions");
		reply_object_end(reply);
		return;
	}
	if (word->names != NULL)
		cpu_state_bits_text(word->names, value, set, sizeof(set));
	reply_line(reply, "%-24s   0x%08llx  %s", word->name, N(value), set);
}

/* Shows the control words in force for vCPU 0 that decide about exits. */
static void command_vm_stat_show_controls(struct reply *reply, const struct vcpu_page *page)
{
	const struct control_word *words = cpu_is_svm() ? svm_words : vmx_words;
	u32 count = cpu_is_svm() ? ARRAY_COUNT(svm_words) : ARRAY_COUNT(vmx_words);
	u64 value;

	for (u32 i = 0; i < count; i++) {
		if (cpu_dump_word(page, words[i].id, &value))
			command_vm_stat_show_word(reply, &words[i], value);
	}
}

/*
 * Shows the monitor's answer to the last question; returns false if it has asked the next question.
 */
static bool command_vm_stat_show_answer(struct reply *reply, const struct vm *vm,
					const struct vm_answer *answer)
{
	const struct query_registers *registers;

	switch (reply->asked.question.kind) {
	case QUERY_COSTS:
		command_vm_stat_show_counts(reply, vm,
					    vm_answer_data(answer, sizeof(struct query_costs)));
		inspect_ask(reply, vm, &(struct query){.kind = QUERY_CARDS});
		return false;
	case QUERY_CARDS:
		command_vm_stat_show_cards(reply, vm_answer_data(answer, sizeof(struct net_cards)));
		inspect_ask(reply, vm,
			    &(struct query){.kind = vm->config.balloon ? QUERY_BALLOON
								       : QUERY_REGISTERS});
		return false;
	case QUERY_BALLOON:
		command_vm_stat_show_balloon(reply,
					     vm_answer_data(answer, sizeof(struct query_balloon)));
		inspect_ask(reply, vm, &(struct query){.kind = QUERY_REGISTERS});
		return false;
	default:
		registers = vm_answer_data(answer, sizeof(*registers));
		if (registers != NULL)
			command_vm_stat_show_controls(reply, &registers->page);
		return true;
	}
}

/*
 * Asks the VM's monitor one question after the other; if no monitor answers, only the counts are
 * shown.
 */
static bool command_vm_stat_resume(struct reply *reply)
{
	const struct vm_answer *answer = NULL;
	const struct vm *vm = command_vm_kept(reply);
	bool costs = reply->asked.question.kind == QUERY_COSTS;
	char problem[192];

	if (vm == NULL)
		return true;
	if (reply_room(reply) <= 2 * REPLY_LINE_BYTES)
		return false;
	switch (vm_query_step(&reply->asked, &answer, problem, sizeof(problem))) {
	case VM_QUERY_WAITS:
		return false;
	case VM_QUERY_FAILED:
		if (costs)
			command_vm_stat_show_counts(reply, vm, NULL);
		return true;
	case VM_QUERY_ANSWERED:
		break;
	}
	return command_vm_stat_show_answer(reply, vm, answer);
}

static void command_vm_stat(struct reply *reply, const struct arguments *arguments)
{
	const struct query question = {.kind = QUERY_COSTS};

	if (inspect_begin(reply, arguments->word[0], NULL, false, &question))
		reply->resume = command_vm_stat_resume;
}

COMMAND(vm_stat,
	.name = "vm stat",
	.right = MAY_VIEW,
	.arguments = "NAME",
	.summary = "exits by reason, pages, interrupts, cards, balloon, control words in force",
	.detail = "Counts are those since the VM's last boot; exits that the monitor handles have "
		  "what one\ncosts, in TSC cycles. The control words are those of vCPU 0. A guest "
		  "with a balloon is\nasked for news of its memory at most each 5 s: the next `vm "
		  "stat` has them.",
	.example = "vm stat alpha",
	.keys = "reason count instructions",
	.run = command_vm_stat,
	.minimum = 1,
	.maximum = 1,
	.completion = COMPLETE_VM);
