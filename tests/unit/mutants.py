#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Takes out each invalidation, and each check of what a peer says, in turn: the unit test that models
a tagged TLB, or a peer that lies, must fail each time.
"""
import concurrent.futures
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from mutate import Lost, mutated  # noqa: E402

# The first check that fails is enough.
AT_ONCE = {**os.environ, "CMOCKA_TEST_ABORT": "1"}
COMPILE = ("-std=gnu17", "-O0", "-w", "-fno-strict-aliasing")

# (what is gone, file, function, the expression there, what takes its place, the test that notices)
MUTANTS = (
    ("unmapping does not flush", "mm/space.c", "space_mapping_remove", "layer_flush(mapping, WAIT_LATER);",
     "", "space_tlb_test"),
    ("a flush raises no generation", "mm/tlb.c", "tlb_flush_space",
     "__atomic_fetch_add(&space->generation, 1, __ATOMIC_SEQ_CST);", "", "space_tlb_test"),
    ("a flush for the CPU that makes it raises no generation", "mm/tlb.c", "tlb_flush_alone",
     "__atomic_fetch_add(&space->generation, 1, __ATOMIC_SEQ_CST);", "", "layer_test"),
    ("an exchange waits for nobody", "mm/tlb.c", "tlb_rest_passed", "if (!tlb_arch_kicked(cpu))", "if (1)",
     "layer_test"),
    ("a freeze waits for nobody who used an old mapping", "mm/space.c", "space_mapping_remove",
     "layer_flush(mapping, WAIT_LATER);", "tlb_flush_space(space);", "layer_test"),
    ("what devices reach is frozen", "mm/layer.c", "layer_freeze_check",
     "memory->device_mappings != 0 || memory->frozen)", "memory->frozen)", "layer_test"),
    ("a frozen page is mapped writable", "mm/space.c", "space_leaf_choose",
     "own ? mapping->rights : mapping->rights & ~(u32)PT_WRITE;", "mapping->rights;", "layer_test"),
    ("a page on its way is mapped again", "mm/memory.c", "memory_slot_search",
     "return *own || memory->breaking != index + 1;", "return true;", "layer_test"),
    ("a mapping that shows the page is left alone", "mm/layer.c", "layer_shown_elsewhere",
     "(READ_ONCE(other->shown) & layer_shown_bit(index)))", "false)", "layer_test"),
    ("what is still being frozen is taken as shown by nobody", "mm/layer.c", "layer_shown_elsewhere",
     "if (!mapping->memory->below->frozen) return true;", "", "layer_test"),
    ("who reads what is below is not noted", "mm/space.c", "space_leaf_put",
     "mapping->shown |= layer_shown_bit(space_index_of(mapping, address));", ";", "layer_test"),
    ("another CPU's old translation is left alone", "mm/tlb.c", "tlb_flush_alone", "return others == 0;",
     "return true;", "layer_test"),
    ("a reset leaves what is mapped", "mm/layer.c", "layer_hide",
     "layer_revoke_pages(memory, index, count, WAIT_ALL);", "", "layer_test"),
    ("a layer that others need is merged", "mm/layer.c", "layer_can_merge",
     "below->object.references == 1;", "true;", "merge_test"),
    ("what was merged stays read-only", "mm/layer.c", "layer_merge_step",
     "(void)layer_revoke(memory, &memory->cursor, end, WAIT_LATER);", "memory->cursor = end;",
     "merge_test"),
    ("what is given back stays mapped", "mm/discard.c", "discard_or_wait",
     "layer_revoke(memory, &revoked, first + *count, WAIT_PAGE) != STATUS_OK", "false", "discard_test"),
    ("a step that found no page is noted as made", "mm/discard.c", "discard_or_wait",
     "memory->breaking = waits ? first + 1 : 0; return waits ? STATUS_AGAIN : status;",
     "status = waits ? STATUS_AGAIN : status; memory->breaking = status == STATUS_AGAIN ? first + 1 : 0; "
     "return status;", "layer_bound_test"),
    ("what is given back waits for nobody", "mm/discard.c", "discard_or_wait",
     "waits = status == STATUS_OK && !tlb_all_passed(memory->awaited[WAIT_PAGE]);", "waits = false;",
     "discard_test"),
    ("what was written to while it was hidden goes", "mm/discard.c", "memory_trim_settle",
     "if (!gives || !memory_holds_zeros(*slot) ||", "if (!gives ||", "discard_test"),
    ("trimming waits for nobody", "mm/discard.c", "memory_trim_step",
     "if (!begins && !tlb_all_passed(memory->awaited[WAIT_PAGE]))", "if (0)", "discard_test"),
    ("what is trimmed stays mapped", "mm/discard.c", "memory_trim_step",
     "layer_revoke_pages(memory, index, found, WAIT_PAGE);", "", "discard_test"),
    ("what is trimmed is frozen as hidden", "mm/layer.c", "layer_freeze_begin",
     "(void)memory_trim_settle(memory, false);", "", "discard_test"),
    ("what was touched while it was hidden is cleared", "mm/memory.c", "memory_slot_populate",
     "if (!(*slot & SLOT_ASIDE))", "", "discard_test"),
    ("a step of giving back is made again", "mm/discard.c", "discard_or_wait",
     "if (memory->breaking == first + 1) {", "if (0) {", "discard_test"),
    ("what is given back is promised to nobody", "mm/discard.c", "memory_return_block",
     "page_reserve(count);", "STATUS_OK;", "discard_test"),
    ("what is on its way has no bound", "mm/discard.c", "discard_check",
     "tlb_pages_waiting() > WAITING_MAX", "0", "discard_test"),
    ("a device's page is given back", "mm/discard.c", "discard_check", "|| memory->held ||", "||",
     "discard_test"),
    ("a page over another is given back", "mm/discard.c", "discard_check", "|| memory->below != NULL", "",
     "discard_test"),
    ("a GiB with a piece that is not ready comes up as one", "mm/layer.c", "layer_take_huge",
     "|| memory_huge_unready(memory->below, number) != NULL", "", "layer_huge_test"),
    ("a GiB below some pages comes up as one", "mm/layer.c", "layer_take_huge", "above != 0 ||", "",
     "space_huge_test"),
    ("a GiB's pieces come up one by one", "mm/layer.c", "layer_take_chunk",
     "if ((*from & CHUNK_HUGE) && layer_take_huge(memory, number)) {", "if (0) {", "layer_huge_test"),
    ("a table is replaced and those below it are lost", "mm/table.c", "table_has_tables",
     "if ((entry[i] & format->present) && !(entry[i] & format->large))", "if (0)", "layer_huge_test"),
    ("a large leaf is wanted where small ones are", "mm/space.c", "space_leaf_put",
     "if (unlikely(leaf.level > walk.level)) {",
     "if (leaf.level > walk.level && leaf.level < PT_LEVEL_1G) return STATUS_OK; if (unlikely(leaf.level "
     "> walk.level)) {", "layer_huge_test"),
    ("what comes back later keeps what came before", "mm/quota.c", "quota_release",
     "&quota->returning[quota_still_returning(quota) != 0];", "&quota->returning[0];", "layer_bound_test"),
    ("a freeze waits for who unmaps meanwhile", "mm/space.c", "space_mapping_remove",
     "layer_flush(mapping, WAIT_LATER);", "layer_flush(mapping, WAIT_ALL);", "layer_bound_test"),
    ("a reset hides what is written meanwhile", "mm/layer.c", "layer_hide",
     "memory->hide_first = page->next;",
     "memory->hide_first = page->next; if (memory->hide_first == 0) { memory->hide_first = "
     "memory->own_first; memory->own_first = 0; }", "layer_bound_test"),
    ("a freeze awaits nothing that is unmapped between its steps", "mm/layer.c", "layer_freeze",
     "if (memory->cursor != memory->page_count)", "if (memory->cursor == 0)", "layer_bound_test"),
    ("a reset awaits nothing that is unmapped between its steps", "mm/layer.c", "layer_reset",
     "if (memory->hide_first != 0) layer_wait_begin(memory, WAIT_ALL);",
     "if (!memory->resetting) layer_wait_begin(memory, WAIT_ALL);", "layer_bound_test"),
    ("a page that was set aside is copied", "mm/layer.c", "layer_give_page", "flags & PAGE_FLAG_BAD))",
     "flags & 0))", "layer_bound_test"),
    ("an exchange forgets what was revoked before", "mm/layer.c", "layer_begin_breaking",
     "layer_wait_begin(memory, WAIT_PAGE); return", "; return", "layer_test"),
    ("a process that must wait is begun", "kernel/group/process.c", "process_must_wait",
     "return status == STATUS_AGAIN;", "return false;", "sys_process_test"),
    ("a lost page ends those whose memory has it alone", "kernel/cpu/machine_check.c",
     "machine_check_end_groups", "at = at->below;", "at = NULL;", "machine_check_test"),
    ("a GiB with a piece given back stays one", "mm/discard.c", "discard_step",
     "memory_huge_end(memory, first / MEMORY_CHUNK_PAGES);", ";", "space_huge_test"),
    ("a flush kicks nobody", "mm/tlb.c", "tlb_flush_space", "tlb_arch_kick(word * 64 + bit_lowest(mask));",
     ";", "space_tlb_test"),
    ("a vCPU does not look before it enters", "mm/tlb.c", "tlb_must_flush",
     "bool flush = *seen != generation;", "bool flush = false;", "space_tlb_test"),
    ("a process goes on with its old CR3", "mm/tlb.c", "tlb_process_enter",
     "if (tlb_must_flush(space, &self->seen) || enters)", "if (enters)", "space_tlb_test"),
    ("a CPU that passes does not look", "mm/tlb.c", "tlb_cpu_passed",
     "tlb_process_enter(self->space, cpu);", ";", "space_tlb_test"),
    ("a CPU is not known to run on the space", "mm/tlb.c", "tlb_process_enter",
     "tlb_space_enter(space, cpu); }", "}", "space_tlb_test"),
    ("a second pass frees nothing", "mm/tlb.c", "tlb_cpu_passed",
     "(tlb_cpu_behind(cpu) || (self->owes > 0 && tlb_may_free()))", "tlb_cpu_behind(cpu)", "space_tlb_test"),
    ("each pass takes the lock", "mm/tlb.c", "tlb_cpu_passed",
     "(tlb_cpu_behind(cpu) || (self->owes > 0 && tlb_may_free()))", "true",
     "space_tlb_test"),
    ("a pass that frees records nothing else", "mm/tlb.c", "tlb_cpu_passed",
     "(tlb_cpu_behind(cpu) || (self->owes > 0 && tlb_may_free()))", "tlb_may_free()", "space_tlb_test"),
    ("an idle CPU keeps its space", "mm/tlb.c", "tlb_cpu_idle", "if (idle) tlb_process_leave(cpu);", "",
     "space_tlb_test"),
    ("pages return at once", "mm/tlb.c", "", "#define EPOCHS_TO_WAIT 3", "#define EPOCHS_TO_WAIT 0",
     "space_tlb_test"),
    ("pages return an epoch early", "mm/tlb.c", "", "#define EPOCHS_TO_WAIT 3", "#define EPOCHS_TO_WAIT 2",
     "space_tlb_test"),
    ("epochs do not wait for all CPUs", "mm/tlb.c", "tlb_epoch_advance", "all = false;", "",
     "space_tlb_test"),
    ("a clock that is behind makes a kick an old one", "mm/tlb.c", "tlb_epoch_advance",
     "(s64)(now - cpus[cpu].kicked_ms)", "now - cpus[cpu].kicked_ms", "space_tlb_test"),
    ("a space's table returns at once", "mm/table.c", "table_free", "tlb_page_free(table->root.kernel,",
     "page_free(table->root.kernel,", "space_tlb_test"),
    ("an empty table returns at once", "mm/table.c", "table_unmap_entry", "tlb_page_free(", "page_free(",
     "space_tlb_test"),
    ("a merged table returns at once", "mm/table.c", "table_merge", "tlb_page_free(", "page_free(",
     "space_huge_test"),
    ("a table goes without a flush", "mm/table.c", "table_unmap_entry",
     "|| bytes != table_level_bytes(level);", ";", "table_test"),
    ("a space ends while a CPU is in it", "mm/space.c", "space_destroy",
     "if (space_running_anywhere(space)) {", "if (0) {", "space_tlb_test"),
    ("a device keeps what is unmapped", "mm/tlb.c", "tlb_flush_space", "space->devices->flush(space);", ";",
     "iommu_test"),
    ("a device keeps a space that ends", "mm/space.c", "space_destroy", "space->devices->end(space);", ";",
     "iommu_test"),
    ("VT-d keeps the domain's translations", "arch/x86_64/iommu/vtd.c", "vtd_forget",
     "iommu_command(unit, VTD_INV_DOMAIN | which | unit->drain, 0);", "", "iommu_test"),
    ("AMD-Vi keeps the domain's translations", "arch/x86_64/iommu/amdvi.c", "amdvi_forget",
     "iommu_command(unit, AMDVI_INV_PAGES | (u64)domain << AMDVI_INV_DOMAIN_SHIFT, AMDVI_INV_WHOLE);", "",
     "iommu_test"),
    ("a device behind VT-d raises another's interrupts", "arch/x86_64/iommu/vtd.c", "vtd_message",
     "message->source | VTD_MESSAGE_CHECKED", "message->source", "iommu_test"),
    ("VT-d lets messages of the old format pass", "arch/x86_64/hw/vtd.h", "",
     "(0x96ffffffu & ~(u32)VTD_PASS)", "0x96ffffffu", "iommu_test"),
    ("AMD-Vi lets interrupts of devices without a driver pass", "arch/x86_64/iommu/amdvi.c", "amdvi_start",
     "unit->devices[i + 2] = amdvi_messages(unit, 0);", "", "iommu_test"),
    ("a thread that is woken early is queued twice", "kernel/sched/sched.c", "sched_ready",
     "if (thread->run.runnable && thread->run.queue != NULL) {", "if (0) {", "sched_cpus_test"),
    ("a device keeps the interrupt of an irq that is gone", "kernel/sched/irq.c", "irq_release",
     "(void)!iommu_message(&irq->message, true, &irq->value);", "", "irq_test"),
    ("nobody waits for the unit", "arch/x86_64/iommu/iommu.c", "iommu_flush",
     "unit->ops->forget(unit, domain->source, space->domain); iommu_confirm(unit);",
     "unit->ops->forget(unit, domain->source, space->domain);", "iommu_test"),
    ("ASIDs are given out again unflushed", "arch/x86_64/virt/svm/asid.c", "asid_assign",
     "pool->next = 1; pool->flush_all = true;", "pool->next = 1;", "svm_asid_test"),
    ("an ASID of another CPU is kept", "arch/x86_64/virt/svm/asid.c", "asid_pool_init",
     "((u64)cpu + 1) << GENERATION_CPU_SHIFT", "1ull << GENERATION_CPU_SHIFT", "svm_asid_test"),
    ("a vCPU's flush is forgotten", "arch/x86_64/virt/svm/asid.c", "asid_prepare",
     "if (stale || (vcpu->flush && !flush_by_asid))", "if (stale)", "svm_asid_test"),
    ("a vCPU's flush by ASID is forgotten", "arch/x86_64/virt/svm/asid.c", "asid_prepare",
     "return vcpu->flush && flush_by_asid ? VMCB_TLB_FLUSH_ASID : VMCB_TLB_NOTHING;",
     "return VMCB_TLB_NOTHING;", "svm_asid_test"),
    ("VPIDs are given out again unflushed", "arch/x86_64/virt/vmx/vpid.c", "vmx_tag_assign",
     "CHECK(invvpid(INVALIDATE_ALL_CONTEXTS, 0));", "", "vmx_entry_test"),
    ("a VPID of another CPU is kept", "arch/x86_64/virt/vmx/vpid.c", "vmx_tag_assign",
     "__atomic_add_fetch(&generations, 1, __ATOMIC_RELAXED)", "tags[cpu].generation + 1", "vmx_entry_test"),
    ("a new VPID keeps translations by EPT", "arch/x86_64/virt/vmx/vpid.c", "vmx_tag_assign",
     "vcpu->flush = true;", "", "vmx_entry_test"),
    ("a vCPU's flush leaves its VPID", "arch/x86_64/virt/vmx/vpid.c", "vmx_tag_flush",
     "CHECK(invvpid(vmx_capability.invvpid_type, (u16)vcpu->tag));", "", "vmx_entry_test"),
    ("x2APIC MSRs are passed to a CPU that does not virtualize them", "arch/x86_64/virt/vmx/control.c",
     "vmx_apic_set", "if (vmx_capability.apic == 0) return;", "", "vmx_apic_test"),
    ("accesses to the APIC's memory are kept as RAM", "arch/x86_64/virt/vmx/control.c", "vmx_apic_set",
     "vcpu->flush = true;", "", "vmx_apic_test"),
    ("an APIC's page is written while the CPU has it", "vmm/monitor/irqchip/lapic_priority.c",
     "lapic_accept_fixed", "if (lapic->lent) lapic_post(lapic, vector, level); else", "",
     "lapic_lend_test"),
    ("a step ends in the handler of an interrupt", "vmm/monitor/vcpu/vapic.c", "vapic_tell_status",
     "hold ? status & 0xff00 : status", "status", "vapic_test"),
    ("an interrupt that IF holds back is left to the CPU", "vmm/monitor/vcpu/inject.c",
     "inject_keep_from_cpu", "lapic->words.requested != 0 && (taken || !inject_can_take_interrupt(vcpu))",
     "0", "vapic_test"),
    ("what can be taken is left to the CPU", "vmm/monitor/vcpu/inject.c", "inject_prepare",
     "if ((pending & PENDING_MASKABLE) != 0 ||",
     "if (lapic->by_cpu) pending &= ~(u32)PENDING_INTERRUPT; if ((pending & PENDING_MASKABLE) != 0 ||",
     "vapic_test"),
    ("a window for the CPU's interrupts is asked for once", "vmm/monitor/vcpu/inject.c", "inject_prepare",
     "&& (vcpu->page->request & REQUEST_INTERRUPT_WINDOW) == 0;", ";", "vapic_test"),
    ("an APIC's page is mapped for vCPUs that do not know", "vmm/monitor/vcpu/vapic.c", "vapic_map",
     "machine->guest_count != 0;", "false;", "vapic_test"),
    ("an INT3 whose delivery is cut short is lost", "arch/x86_64/virt/svm/enter.c", "enter_specially",
     "vmcb->save.rip = svm_of(vcpu)->moved_rip; svm_of(vcpu)->rip_moved", "; svm_of(vcpu)->rip_moved", "svm_entry_test"),
    ("RIP goes back to an INT3 that was delivered", "arch/x86_64/virt/svm/enter.c", "enter_specially",
     "&& vmcb->save.rip == rip)", ")", "svm_entry_test"),
    ("RIP is moved where the CPU saves the next one", "arch/x86_64/virt/svm/inject.c",
     "svm_pass_instruction", "svm_capabilities.nrip_save &&", "false &&", "svm_entry_test"),
    ("what has replaced an INT3 is taken for it", "vmm/monitor/exits/exits_exception.c",
     "exits_raise_software", "exit->instruction_length == 0 || exits_is_any_software(exit)", "true",
     "exits_exception_test"),
    ("what has replaced an INT n is taken for an INT3", "vmm/monitor/exits/exits_exception.c",
     "exits_identify", "return !exits_is_any_software(&vcpu->page->exit);", "return true;",
     "exits_exception_test"),
    ("the guest gets a debugger's INT3 that is gone", "vmm/monitor/vcpu/debugger.c",
     "debugger_software_remove", "exit->reason = EXIT_NONE;", ";", "debugger_test"),
    ("a vCPU's flush leaves the EPT", "arch/x86_64/virt/vmx/vpid.c", "vmx_tag_flush",
     "CHECK(invept(vmx_capability.invept_type, vmcs_read64(VMCS_EPT_POINTER)));", "", "vmx_entry_test"),
    # What a peer that lies would gain: the tests in tests/system/test_liars.py show that it gains
    # nothing, these that each check is there for a reason that a test knows.
    ("an impossible index of a link's other end is believed", "vmm/io/link.c", "link_waiting",
     "if (unlikely(waiting > end->size)) end->broken = true;", "", "link_test"),
    ("what another life has written is read", "vmm/io/link.c", "link_peer_is_there",
     "link_load(&link_peer_line(end)->generation) == end->generation;", "true;", "link_test"),
    ("a frame may be longer than what was written", "vmm/io/frames.h", "frames_read",
     "frames_record_bytes(header->bytes) <= MIN(waiting, FRAMES_RING_BYTES - at);", "true;", "frames_test"),
    ("a frame may be too short", "vmm/io/frames.h", "frames_read", "header->bytes >= FRAME_BYTES_MIN &&",
     "", "frames_test"),
    ("a frame may be too long", "vmm/io/frames.h", "frames_read", "header->bytes <= FRAME_BYTES_MAX &&", "",
     "frames_test"),
    ("an answer to nothing is taken", "vmm/monitor/disk/disk_client.c", "disk_client_accept",
     "!piece->used ||", "", "disk_client_test"),
    ("an answer to an earlier request is taken", "vmm/monitor/disk/disk_client.c", "disk_client_accept",
     "|| answer->id >> ID_PIECE_BITS != client->sequence[number]", "", "disk_client_test"),
    ("a status that does not exist is passed on", "vmm/monitor/disk/disk_client.c", "disk_client_answer",
     "answer.status < BLOCK_STATUS_COUNT", "true", "disk_client_test"),
    ("a request may lie beyond its partition", "vmm/driver/disk/core/client.c", "client_check",
     "request->sector > left - request->sectors)", "false)", "driver_client_test"),
    ("a disk that is only read is written", "vmm/driver/disk/core/client.c", "client_check",
     "client->given.disk.read_only &&", "false &&", "driver_client_test"),
    ("a request's data may lie outside the pool", "vmm/driver/disk/core/client.c", "client_check",
     "request->offset > BLOCK_POOL_BYTES - (u64)request->sectors * BLOCK_SECTOR_BYTES", "false",
     "driver_client_test"),
    ("a request may be longer than there is room for", "vmm/driver/disk/core/client.c", "client_check",
     "request->sectors > BLOCK_REQUEST_BYTES / BLOCK_SECTOR_BYTES)", "false)", "driver_client_test"),
    ("what a view's device brings comes to the pool", "vmm/io/block.h", "",
     "BLOCK_BOUNCE_OFFSET BLOCK_LINK_BYTES", "BLOCK_BOUNCE_OFFSET SLOT_POOL_OFFSET", "driver_bounce_test"),
    ("a view's device reaches its client's pool", "vmm/manager/driver/driver_link.c", "driver_link_pool_at",
     "link->hidden_bytes != 0 ?", "false ?", "driver_link_test"),
    ("two reads of a view come to one place", "vmm/driver/disk/layers/view.c", "view_is_bounced",
     "(bounced[page / 64] & BIT(page % 64)) != 0", "false", "driver_bounce_test"),
    ("what a view's failed read has brought stays", "vmm/driver/disk/layers/view.c", "view_finish",
     "memset(request->data, 0, bytes);", "", "driver_bounce_test"),
    ("a page outside the window is reached", "vmm/driver/disk/core/window.c", "window_check",
     "request->page[i] >= window->pages", "false", "driver_window_test"),
    ("a window that is closed is used", "vmm/driver/disk/core/window.c", "window_check",
     "window->number == 0 || request->window != window->number", "false", "driver_window_test"),
    ("a held request is not checked against the window again", "vmm/driver/disk/core/client.c", "client_take",
     "if (status == BLOCK_OK) status = client_check_window(client);",
     "if (status == BLOCK_OK && !client->has_held) status = client_check_window(client);", "driver_window_test"),
    ("a view's data may lie in its client's RAM", "vmm/driver/disk/layers/view.c", "", ".copies = true,", "",
     "driver_view_test"),
    ("a view's read comes to the pool", "vmm/driver/disk/layers/view.c", "view_begin",
     "request->data = view_bounce(client, (u64)(request->data - client_pool(client, 0)));",
     "request->data += 0;", "driver_bounce_test"),
    ("what a client that has left held is shown", "vmm/driver/disk/layers/undo_move.c", "undo_move_close",
     "*undo_kept_of(client) = (struct kept){0};", "(void)client;", "driver_view_test"),
    ("a write does not wait for what it overwrites", "vmm/driver/disk/layers/undo.c", "undo_keep",
     "return LAYER_WAITS;", "return LAYER_PASSES;", "driver_undo_test"),
    ("requests are taken while the disk goes back", "vmm/driver/disk/layers/undo.c", "undo_may_ask",
     "!undo_holds(client)", "client != NULL", "driver_undo_test"),
    ("what goes back is not noted as changed", "vmm/driver/disk/layers/undo_move.c", "undo_start",
     "layer_submit(undo_kept_of(client)->below, client, request)", "driver_ops.submit(request)",
     "driver_changes_test"),
    ("a move that finds no room counts as progress", "vmm/driver/disk/layers/undo_move.c", "undo_start",
     "request_release(request);", "request->done = NULL; request_finish(request, BLOCK_ERROR);",
     "driver_moves_test"),
    ("a piece that is written in part loses the rest", "vmm/driver/disk/ramdisk/ramdisk.c",
     "ramdisk_write_bytes", "ramdisk_prepare(piece, step == PIECE_BYTES);", "ramdisk_prepare(piece, true);",
     "ramdisk_test"),
    ("a list of pages begins with the first", "vmm/driver/disk/nvme/nvme_request.c", "nvme_set_data",
     "request->address + 1,", "request->address,", "nvme_test"),
    ("a controller ends what it was not given", "vmm/driver/disk/nvme/nvme_request.c", "nvme_finish",
     "|| slot->id != done->id", "", "nvme_test"),
    ("a device answers with a chain that it has not", "vmm/driver/virtio/virtio_ring.c", "virtio_ring_take",
     "|| ring->length[which] == 0", "", "virtio_host_test"),
    ("a disk that moved less than it was asked for is believed", "vmm/driver/disk/virtio_scsi/scsi_task.c",
     "vscsi_read_response", "&& response.residual != 0 &&", "&& false &&", "virtio_scsi_driver_test"),
    ("a sum may change what was decided on", "vmm/switch/offload.c", "offload_check_checksum",
     "transport == 0 || start < transport + tag", "transport == 0", "switch_offload_test"),
    ("a sum may be put behind the frame", "vmm/switch/offload.c", "offload_check_checksum",
     "header->checksum_offset > packet->head_bytes - start - 2", "false", "switch_offload_test"),
    ("a guest's word that a frame was checked counts", "vmm/switch/offload.c", "offload_accept",
     "} else if ((packet->from->flags & NET_PORT_UPLINK) != 0) {", "} else {", "switch_offload_test"),
    ("a segment may be longer than the MTU", "vmm/switch/offload.c", "offload_check_segments",
     "header->segment_bytes > mtu - (headers - IP_AT)", "false", "switch_offload_test"),
    ("anyone sends from any address", "vmm/switch/source.h", "source_is_allowed",
     "unlikely(mac != packet->from->only_mac) &&", "false &&", "switch_forward_test"),
    ("a port without an IPv4 address takes another's", "vmm/switch/source.h", "source_is_allowed",
     "return port_sets.addressed == 0 ||", "return true ||", "switch_source_test"),
    ("ARP of another form takes an address", "vmm/switch/source.c", "source_takes_no_address",
     "if (packet->type == ETHER_ARP)", "if (packet->type == ETHER_ARP && bytes_get32(l3) == ARP_FORM)",
     "switch_source_test"),
    ("a block beyond the disk is restored", "vmm/monitor/save/restorer.c", "restorer_read_number",
     "return *number < restorer_blocks_of(disk_bytes)", "return true", "restorer_test"),
    ("a backup that does not follow is restored", "vmm/monitor/save/restorer.c", "restorer_check_follows",
     "memcmp(label->base, before->id, sizeof(label->base)) == 0 &&", "", "restorer_test"),
    ("a second tag passes", "vmm/switch/vlan.c", "vlan_enter_tagged", "|| vlan_is_tag(inner)", "",
     "switch_vlan_test"),
)


def run(test, folder, extra):
    """(whether it compiles, whether it passes)"""
    program = folder / test
    done = subprocess.run([os.environ.get("CC", "gcc"), *COMPILE, *extra, "-I", ROOT, "-o", program,
                           ROOT / f"tests/unit/{test}.c", "-lcmocka"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        return done.stdout, False
    try:
        code = subprocess.run([program], env=AT_ONCE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=60).returncode
    except subprocess.TimeoutExpired:
        code = 1
    return "", code == 0


def survives(mutant):
    """What is wrong with the test, or nothing."""
    what, path, function, expression, instead, test = mutant
    try:
        text = mutated((ROOT / path).read_text(), function, expression, instead)
    except Lost as lost:
        return f"{what}: {path} has changed, this mutant must follow: {lost}"
    with tempfile.TemporaryDirectory() as name:
        changed = Path(name) / path
        changed.parent.mkdir(parents=True)
        changed.write_text(text)
        problem, passes = run(test, Path(name), ("-I", name))
    if problem:
        return f"{what}: does not compile:\n{problem}"
    return f"{what}: {test} does not notice" if passes else ""


def fails(test):
    """What is wrong with a test that nothing was taken from, or nothing."""
    with tempfile.TemporaryDirectory() as name:
        problem, passes = run(test, Path(name), ())
    return "" if passes else f"{test} fails as it is: {problem}"


def main():
    tests = sorted({mutant[5] for mutant in MUTANTS})
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = [problem for problem in (*pool.map(survives, MUTANTS), *pool.map(fails, tests))
                    if problem]
    print("\n".join(problems))
    good = len(MUTANTS) - len(problems)
    print(f"unit/mutants: {good} passed, {len(problems)} failed")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
