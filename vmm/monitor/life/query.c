/* SPDX-License-Identifier: MIT */
/*
 * Answers the manager's questions (vmm/rt/query.h). Called by pending.c and todo.c while no vCPU is
 * in the guest; reads vCPUs, guest memory and devices, and changes these for a debugger.
 */
#include "vmm/monitor/life/query.h"

#include "arch/x86_64/hw/control.h"
#include "arch/x86_64/hw/paging.h"
#include "lib/string.h"
#include "vmm/monitor/state/inspect.h"
#include "vmm/monitor/vcpu/debugger.h"
#include "vmm/monitor/vcpu/trace.h"
#include "vmm/monitor/virtio/virtio_balloon.h"
#include "vmm/monitor/virtio/virtio_net.h"
#include "vmm/monitor/virtio/virtio_scsi.h"
#include "vmm/monitor/virtio/virtio_scsi_drive.h"
#include "vmm/monitor/memory/walk.h"
#include "vmm/monitor/x86/canonical.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/*
 * Returns the vCPU that the manager's question is about, with the registers in its page valid; NULL
 * if the VM has no such vCPU.
 */
static struct vcpu *query_find_vcpu(struct machine *machine, const struct query *query)
{
	struct vcpu *vcpu;

	if (query->vcpu >= machine->vcpu_count)
		return NULL;
	vcpu = &machine->vcpu[query->vcpu];
	vcpu_need(vcpu, VCPU_ALL & ~(u32)VCPU_EVENT);
	vcpu->page->cr8 = lapic_get_cr8(vcpu->lapic);
	return vcpu;
}

/*
 * Makes the kernel take over the monitor's changes of the vCPU page, also if the vCPU sleeps, by a
 * run that a kick ends at once, so that a dump of VMCS or VMCB shows the settings in force.
 */
static void query_take_over(struct vcpu *vcpu)
{
	const struct vcpu_exit exit = vcpu->page->exit;

	if ((vcpu->page->dirty & VCPU_TRAPS) == 0)
		return;
	(void)sys_vcpu_kick(vcpu->handle);
	if (sys_vcpu_run(vcpu->handle) == STATUS_OK)
		vcpu->page->exit = exit;
}

static enum status query_answer_registers(struct machine *machine, const struct query *query,
					  struct query_area *area)
{
	struct query_registers *answer = (struct query_registers *)(void *)area->answer;
	struct vcpu *vcpu;

	if (query->vcpu < machine->vcpu_count)
		query_take_over(&machine->vcpu[query->vcpu]);
	vcpu = query_find_vcpu(machine, query);
	if (vcpu == NULL)
		return STATUS_NOT_FOUND;
	if (sys_vcpu_get(vcpu->handle, VCPU_DUMP) != STATUS_OK)
		vcpu->page->dump_count = 0;
	answer->vcpu_count = machine->vcpu_count;
	answer->physical_bits = machine->physical_bits;
	answer->halted = vcpu->halted;
	memcpy(&answer->page, vcpu->page, sizeof(answer->page));
	if ((vcpu->page->request & REQUEST_ADVANCE) != 0) {
		answer->page.rip += vcpu->page->advance_length;
		answer->page.shadow &= ~(u32)(SHADOW_STI | SHADOW_MOV_SS);
	}
	area->bytes = sizeof(*answer);
	return STATUS_OK;
}

/*
 * Adds to the answer the walk through the second-stage page tables (EPT or NPT), from the top down
 * to a leaf or to an absent entry.
 */
static void query_show_second_stage(struct query_translation *answer)
{
	handle_t space = start_handle(START_VM_SPACE);
	u64 entry;

	for (u32 level = PT_LEVELS; level > 0; level--) {
		if (sys_space_entry(space, answer->gpa, level - 1, &entry) != STATUS_OK)
			return;
		answer->second[answer->second_count++] =
			(struct query_level){.level = level, .in_ram = 1, .entry = entry};
		if (entry == 0 || (level < PT_LEVELS && (entry & PTE_PS) != 0))
			return;
	}
}

static enum status query_answer_translate(struct machine *machine, const struct query *query,
					  struct query_area *area)
{
	struct query_translation *answer = (struct query_translation *)(void *)area->answer;
	struct vcpu *vcpu = query_find_vcpu(machine, query);
	struct walk_result result = {0};
	struct walk_path path;
	bool found;

	if (vcpu == NULL)
		return STATUS_NOT_FOUND;
	if ((vcpu->page->efer & EFER_LMA) != 0 &&
	    !is_canonical(query->address, walk_linear_bits(vcpu->page)))
		return STATUS_BAD_ADDRESS;
	*answer = (struct query_translation){
		.cr0 = vcpu->page->cr0, .cr3 = vcpu->page->cr3, .pat = vcpu->page->msr[VMSR_PAT]};
	area->bytes = sizeof(*answer);
	found = walk_trace(&machine->memory, vcpu->page, GVA(query->address), &path, &result);
	answer->paging = path.levels;
	for (u32 level = path.levels; level > 0 && level >= path.last; level--)
		answer->level[answer->level_count++] = (struct query_level){
			.level = level,
			.in_ram = path.step[level].host != NULL,
			.at = path.step[level].gpa,
			.entry = path.step[level].entry,
		};
	answer->error_code = result.error_code;
	if (!found)
		return STATUS_OK;
	answer->writable = path.levels == 0 || (path.rights & PTE_W) != 0;
	answer->user = path.levels == 0 || (path.rights & PTE_U) != 0;
	answer->executable = path.levels == 0 || (path.rights & PTE_NX) == 0;
	answer->gpa = result.gpa.value;
	answer->page_bytes = result.page_bytes;
	answer->mapping = QUERY_DEVICE;
	if (guest_memory_pointer(&machine->memory, result.gpa, 1) != NULL) {
		answer->mapping = QUERY_RAM;
		query_show_second_stage(answer);
	}
	return STATUS_OK;
}

/*
 * Returns the monitor's pointer to the byte at a guest's address; *length is cut to the bytes in
 * the same page.
 */
static u8 *query_find_bytes(struct machine *machine, const struct vcpu *vcpu, u64 address,
			    u64 *length)
{
	struct walk_result result = {.gpa = GPA(address)};

	*length = MIN(*length, PAGE_SIZE - (address & PAGE_MASK));
	if (vcpu != NULL &&
	    (!is_canonical(address, walk_linear_bits(vcpu->page)) ||
	     !walk(&machine->memory, vcpu->page, GVA(address), WALK_PROBE, &result)))
		return NULL;
	return guest_memory_pointer(&machine->memory, result.gpa, *length);
}

static enum status query_answer_read(struct machine *machine, const struct query *query,
				     struct query_area *area)
{
	const struct vcpu *vcpu = NULL;
	u32 wanted = MIN(query->length, QUERY_BYTES);

	if ((query->flags & QUERY_LINEAR) != 0) {
		vcpu = query_find_vcpu(machine, query);
		if (vcpu == NULL)
			return STATUS_NOT_FOUND;
	}
	while (area->bytes < wanted) {
		u64 length = wanted - area->bytes;
		const u8 *bytes =
			query_find_bytes(machine, vcpu, query->address + area->bytes, &length);

		if (bytes == NULL)
			break;
		debugger_read(machine, bytes, area->answer + area->bytes, length);
		area->bytes += (u32)length;
	}
	return area->bytes > 0 || wanted == 0 ? STATUS_OK : STATUS_BAD_ADDRESS;
}

static enum status query_answer_write(struct machine *machine, const struct query *query,
				      struct query_area *area)
{
	const struct vcpu *vcpu = NULL;
	u32 wanted = MIN(query->length, QUERY_INPUT_BYTES);
	u32 done = 0;

	if ((query->flags & QUERY_LINEAR) != 0) {
		vcpu = query_find_vcpu(machine, query);
		if (vcpu == NULL)
			return STATUS_NOT_FOUND;
	}
	while (done < wanted) {
		u64 length = wanted - done;
		u8 *bytes = query_find_bytes(machine, vcpu, query->address + done, &length);

		if (bytes == NULL)
			return STATUS_BAD_ADDRESS;
		debugger_write(machine, bytes, area->input + done, length);
		done += (u32)length;
	}
	return STATUS_OK;
}

static enum status query_answer_set(struct machine *machine, const struct query *query,
				    const struct query_area *area)
{
	struct vcpu *vcpu = query_find_vcpu(machine, query);

	if (vcpu == NULL)
		return STATUS_NOT_FOUND;
	debugger_registers_set(vcpu, (const struct vcpu_page *)(const void *)area->input,
			       query->flags);
	return STATUS_OK;
}

/*
 * Answers a debugger's question, after fetching the registers of all vCPUs, as a debugger acts on
 * all of them.
 */
static enum status query_answer_debug(struct machine *machine, const struct query *query)
{
	for (u32 i = 0; i < machine->vcpu_count; i++)
		vcpu_need(&machine->vcpu[i], VCPU_ALL & ~(u32)VCPU_EVENT);
	return debugger_answer(machine, query);
}

static enum status query_answer_trace(struct machine *machine, const struct query *query,
				      struct query_area *area)
{
	struct query_trace *answer = (struct query_trace *)(void *)area->answer;

	if (query->vcpu >= machine->vcpu_count)
		return STATUS_NOT_FOUND;
	answer->seen = trace_count(&machine->vcpu[query->vcpu].trace);
	answer->count = trace_copy(&machine->vcpu[query->vcpu].trace, answer->entry);
	area->bytes = sizeof(*answer);
	return STATUS_OK;
}

static enum status query_answer_costs(const struct machine *machine, struct query_area *area)
{
	struct query_costs *answer = (struct query_costs *)(void *)area->answer;

	memset(answer, 0, sizeof(*answer));
	for (u32 cpu = 0; cpu < machine->vcpu_count; cpu++)
		trace_costs(&machine->vcpu[cpu].trace, answer->cost);
	area->bytes = sizeof(*answer);
	return STATUS_OK;
}

static enum status query_answer_cards(const struct machine *machine, struct query_area *area)
{
	struct net_cards *answer = (struct net_cards *)(void *)area->answer;

	*answer = (struct net_cards){.count = machine->net_count};
	for (u32 i = 0; i < machine->net_count; i++)
		answer->card[i] = machine->net[i].counts;
	area->bytes = sizeof(*answer);
	return STATUS_OK;
}
_Static_assert(sizeof(struct net_cards) <= QUERY_BYTES, "it fits");

static enum status query_answer_balloon(const struct machine *machine, const struct query *query,
					struct query_area *area)
{
	struct virtio_balloon *balloon = machine->platform.virtio_balloon;
	enum status status = STATUS_OK;

	if (balloon == NULL)
		return STATUS_NOT_FOUND;
	if ((query->flags & QUERY_AIM) != 0)
		status = virtio_balloon_aim(balloon, query->address);
	if (status != STATUS_OK)
		return status;
	virtio_balloon_look(balloon, (struct query_balloon *)(void *)area->answer);
	area->bytes = sizeof(struct query_balloon);
	return STATUS_OK;
}

static enum status query_answer_drive(struct machine *machine, const struct query *query,
				      struct query_area *area)
{
	struct query_drive *answer = (struct query_drive *)(void *)area->answer;
	struct virtio_blk *blk = NULL;
	struct drive_state *drive;

	for (u32 i = 0; i < machine->blk_count; i++)
		if (machine->blk[i].number == query->address && machine->blk[i].is_drive)
			blk = &machine->blk[i];
	if (blk == NULL)
		return STATUS_NOT_FOUND;
	drive = &blk->scsi.drive;
	if ((query->flags & QUERY_AIM) != 0)
		virtio_scsi_insert(blk);
	else
		drive_eject(drive);
	*answer = (struct query_drive){
		.full = drive->tray == TRAY_FULL,
		.kept = (query->flags & QUERY_AIM) == 0 && drive->tray == TRAY_FULL,
		/* waiting reads count, too: they would go to the disk that the link has by then */
		.reads = blk->client.outstanding + blk->waiting,
	};
	area->bytes = sizeof(*answer);
	return STATUS_OK;
}

static enum status query_answer_question(struct machine *machine, const struct query *query,
					 struct query_area *area)
{
	switch (query->kind) {
	case QUERY_REGISTERS:
		return query_answer_registers(machine, query, area);
	case QUERY_TRANSLATE:
		return query_answer_translate(machine, query, area);
	case QUERY_READ:
		return query_answer_read(machine, query, area);
	case QUERY_TRACE:
		return query_answer_trace(machine, query, area);
	case QUERY_COSTS:
		return query_answer_costs(machine, area);
	case QUERY_CARDS:
		return query_answer_cards(machine, area);
	case QUERY_BALLOON:
		return query_answer_balloon(machine, query, area);
	case QUERY_DRIVE:
		return query_answer_drive(machine, query, area);
	case QUERY_STATE:
		return state_inspect(machine, query, area);
	case QUERY_WRITE:
		return query_answer_write(machine, query, area);
	case QUERY_SET:
		return query_answer_set(machine, query, area);
	default:
		return query_answer_debug(machine, query);
	}
}

void query_answer(struct machine *machine)
{
	struct query_area *area = &machine->channel->question;
	const struct query query = area->query;

	area->bytes = 0;
	area->status = query_answer_question(machine, &query, area);
	__atomic_store_n(&area->answered, machine->heard, __ATOMIC_RELEASE);
	machine->signal = true;
}

void query_take(struct machine *machine)
{
	u32 asked = __atomic_load_n(&machine->channel->question.asked, __ATOMIC_ACQUIRE);

	if (asked == machine->heard || machine->todo != 0)
		return;
	machine->heard = asked;
	machine_query(machine);
}
