/* SPDX-License-Identifier: MIT */
/*
 * The command `vm translate`: shows the walk from a linear address through the guest's tables and
 * the second stage, level by level. Run by command.c; asks the monitor through inspect.c.
 */
#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/msr.h"
#include "arch/x86_64/hw/paging.h"
#include "vmm/manager/commands/inspect.h"
#include "vmm/manager/inspect/cpu_state.h"
#include "vmm/rt/format.h"

#define N(value) ((unsigned long long)(value))

static const struct bit_name entry_bits[] = {
	{0, "P", ""}, {1, "W", ""},  {2, "U", ""}, {3, "PWT", ""}, {4, "PCD", ""}, {5, "A", ""},
	{6, "D", ""}, {7, "PS", ""}, {8, "G", ""}, {63, "NX", ""}, {0, "", NULL},
};
static const struct bit_name leaf_bits[] = {
	{0, "P", ""}, {1, "W", ""},   {2, "U", ""}, {3, "PWT", ""}, {4, "PCD", ""}, {5, "A", ""},
	{6, "D", ""}, {7, "PAT", ""}, {8, "G", ""}, {63, "NX", ""}, {0, "", NULL},
};
static const struct bit_name ept_bits[] = {
	{0, "R", ""},  {1, "W", ""}, {2, "X", ""}, {6, "IPAT", ""},
	{7, "PS", ""}, {8, "A", ""}, {9, "D", ""}, {0, "", NULL},
};

static const char *command_vm_translate_level_name(u32 level)
{
	static const char names[6][8] = {"", "PT", "PD", "PDPT", "PML4", "PML5"};

	return names[level % 6];
}

/*
 * Returns the PAT entry that a leaf selects (SDM vol. 3, 12.12.3), or the first PAT entry if the
 * guest uses no paging.
 */
static u32 command_vm_translate_pat_index(const struct query_translation *walk)
{
	const struct query_level *leaf;
	u64 pat_bit;

	if (walk->level_count == 0)
		return 0;
	leaf = &walk->level[MIN(walk->level_count, QUERY_LEVELS_MAX) - 1];
	pat_bit = leaf->level == 1 ? PTE_PAT : PTE_LARGE_PAT;
	return (leaf->entry & PTE_PWT ? 1u : 0) | (leaf->entry & PTE_PCD ? 2u : 0) |
	       (leaf->entry & pat_bit ? 4u : 0);
}

/* Returns the memory type that the guest's tables ask for. */
static u64 command_vm_translate_guest_type(const struct query_translation *walk)
{
	return walk->pat >> (8 * command_vm_translate_pat_index(walk)) & 0xff;
}

/*
 * Returns the memory type in effect. EPT maps RAM as WB with IPAT: PAT and the guest's CD, which
 * the host owns, do not count (SDM vol. 3, 29.3.7.2). NPT maps it as WB too, and the guest's type
 * prevails over that (APM vol. 2, 15.25.8); CD makes it uncached.
 */
static const char *command_vm_translate_effective_type(const struct query_translation *walk)
{
	if (walk->mapping != QUERY_RAM)
		return "UC";
	if (!cpu_is_svm())
		return "WB";
	return (walk->cr0 & CR0_CD) != 0
		       ? "UC"
		       : cpu_state_memory_type(command_vm_translate_guest_type(walk));
}

static const char *command_vm_translate_entry_text(u64 entry, const struct bit_name *names,
						   u64 address, char *buffer, size_t size)
{
	return cpu_state_bits_text(names, entry & ~address & ~BITS(11, 9) & ~BITS(62, 52), buffer,
				   size);
}

static void command_vm_translate_show_levels(struct reply *reply,
					     const struct query_translation *walk)
{
	char set[96];

	if (walk->paging == 0)
		reply_line(reply, "paging is off: linear is guest-physical");
	for (u32 i = 0; i < MIN(walk->level_count, QUERY_LEVELS_MAX); i++) {
		const struct query_level *level = &walk->level[i];

		reply_line(reply, "%-5s at 0x%09llx  %016llx  %s%s",
			   command_vm_translate_level_name(level->level), N(level->at),
			   N(level->entry),
			   (level->entry & PTE_P) != 0
				   ? command_vm_translate_entry_text(level->entry,
								     level->level == 1 ? leaf_bits
										       : entry_bits,
								     PTE_ADDRESS, set, sizeof(set))
				   : "not present",
			   level->in_ram ? "" : " (no RAM there: reads as all ones)");
	}
}

static void command_vm_translate_show_second(struct reply *reply,
					     const struct query_translation *walk)
{
	char set[96];
	const char *kind = cpu_is_svm() ? "NPT" : "EPT";

	for (u32 i = 0; i < MIN(walk->second_count, 4u); i++) {
		u64 entry = walk->second[i].entry;
		u64 known = cpu_is_svm() ? PTE_ADDRESS : PTE_ADDRESS | EPT_MEMORY_TYPE;
		bool leaf = i + 1 == walk->second_count && entry != 0;

		if (entry == 0) {
			reply_line(reply, "%s level %u  not mapped yet, the first access does it",
				   kind, walk->second[i].level);
			continue;
		}
		reply_line(
			reply, "%s level %u  %016llx  %s%s%s", kind, walk->second[i].level,
			N(entry),
			command_vm_translate_entry_text(entry,
							!cpu_is_svm()		     ? ept_bits
							: walk->second[i].level == 1 ? leaf_bits
										     : entry_bits,
							known, set, sizeof(set)),
			leaf && !cpu_is_svm() ? " type " : "",
			leaf && !cpu_is_svm() ? cpu_state_memory_type(bits_get(entry, 5, 3)) : "");
	}
}

static void command_vm_translate_show_text(struct reply *reply,
					   const struct query_translation *walk)
{
	u64 linear = reply->asked.question.address;

	reply_line(reply, "%s vCPU %u: linear 0x%llx, cr3 0x%llx", reply->vm_name,
		   reply->asked.question.vcpu, N(linear), N(walk->cr3));
	command_vm_translate_show_levels(reply, walk);
	if (walk->mapping == QUERY_UNMAPPED) {
		reply_line(reply, "not mapped: an access raises #PF with error code 0x%x",
			   walk->error_code);
		return;
	}
	reply_line(reply, "guest-physical 0x%llx in a page of %llu KiB: read%s%s, %s", N(walk->gpa),
		   N(walk->page_bytes / KIB), walk->writable ? ", write" : "",
		   walk->executable ? ", execute" : "", walk->user ? "user" : "supervisor");
	if (walk->mapping == QUERY_DEVICE)
		reply_line(reply, "there is no RAM: the monitor's devices, or nothing");
	command_vm_translate_show_second(reply, walk);
	reply_line(reply, "memory type: the guest asks for %s (PAT entry %u), effective %s",
		   cpu_state_memory_type(command_vm_translate_guest_type(walk)),
		   command_vm_translate_pat_index(walk), command_vm_translate_effective_type(walk));
}

static void command_vm_translate_levels_json(struct json *json, const char *key,
					     const struct query_level *level, u32 count,
					     bool second)
{
	json_array_begin(json, key);
	for (u32 i = 0; i < count; i++) {
		json_object_begin(json, NULL);
		json_u64(json, "level", level[i].level);
		if (!second)
			json_u64(json, "address", level[i].at);
		json_u64(json, "entry", level[i].entry);
		json_object_end(json);
	}
	json_array_end(json);
}

static void command_vm_translate_show_json(struct reply *reply,
					   const struct query_translation *walk)
{
	struct json *json = &reply->object;

	reply_object_begin(reply);
	json_string(json, "name", reply->vm_name);
	json_u64(json, "cpu", reply->asked.question.vcpu);
	json_u64(json, "address", reply->asked.question.address);
	json_u64(json, "cr3", walk->cr3);
	command_vm_translate_levels_json(json, "guest", walk->level,
					 MIN(walk->level_count, QUERY_LEVELS_MAX), false);
	json_bool(json, "mapped", walk->mapping != QUERY_UNMAPPED);
	if (walk->mapping == QUERY_UNMAPPED) {
		json_u64(json, "error_code", walk->error_code);
	} else {
		json_u64(json, "physical", walk->gpa);
		json_u64(json, "page_bytes", walk->page_bytes);
		json_bool(json, "writable", walk->writable != 0);
		json_bool(json, "executable", walk->executable != 0);
		json_bool(json, "user", walk->user != 0);
		json_bool(json, "ram", walk->mapping == QUERY_RAM);
		command_vm_translate_levels_json(json, "second_stage", walk->second,
						 MIN(walk->second_count, 4u), true);
		json_string(json, "guest_type",
			    cpu_state_memory_type(command_vm_translate_guest_type(walk)));
		json_string(json, "type", command_vm_translate_effective_type(walk));
	}
	reply_object_end(reply);
}

static bool command_vm_translate_resume(struct reply *reply)
{
	const struct query_translation *walk;
	const struct vm_answer *answer;

	if (!inspect_take(reply, &answer))
		return false;
	if (answer == NULL)
		return true;
	if (answer->status == STATUS_BAD_ADDRESS) {
		reply_bad(reply, "address: 0x%llx is not canonical; use a linear address that is",
			  N(reply->asked.question.address));
		return true;
	}
	walk = inspect_data(reply, answer, sizeof(*walk));
	if (walk == NULL)
		return true;
	if (reply->json)
		command_vm_translate_show_json(reply, walk);
	else
		command_vm_translate_show_text(reply, walk);
	return true;
}

static void command_vm_translate(struct reply *reply, const struct arguments *arguments)
{
	struct query question = {.kind = QUERY_TRANSLATE};

	if (!inspect_number(reply, arguments->word[1], "address", &question.address))
		return;
	if (inspect_begin(reply, arguments->word[0], arguments->word[2], false, &question))
		reply->resume = command_vm_translate_resume;
}

COMMAND(vm_translate,
	.name = "vm translate",
	.right = MAY_INSPECT,
	.arguments = "NAME ADDRESS [VCPU]",
	.summary = "the walk from a linear address to memory",
	.detail = "Through the guest's page tables and the second stage, each level, with the "
		  "memory type that\nresults. By the tables of vCPU 0, or of the one with that "
		  "number.",
	.example = "vm translate alpha 0xffffffff81000000",
	.keys = "name cpu address cr3 guest mapped error_code physical page_bytes writable "
		"executable user ram second_stage guest_type type",
	.run = command_vm_translate,
	.minimum = 2,
	.maximum = 3,
	.completion = COMPLETE_VM);
