#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Takes out each invalidation, and each check of what a peer says, in turn: the unit test that models
a tagged TLB, or a peer that lies, must fail each time.
"""
import concurrent.futures
import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import older  # noqa: E402
from mutate import Lost, mutated  # noqa: E402
from mutants_mm import MUTANTS_MM  # noqa: E402

# The first check that fails is enough.
AT_ONCE = {**os.environ, "CMOCKA_TEST_ABORT": "1"}
CC = os.environ.get("CC", "gcc")
COMPILE = ("-std=gnu17", "-O0", "-w", "-fno-strict-aliasing")

# (what is gone, file, function, the expression there, what takes its place, the test that notices)
MUTANTS = MUTANTS_MM + (
    ("a write that took its page from others faults again", "kernel/guest/vcpu_memory.c", "vcpu_handle_write",
     "if (status == STATUS_AGAIN)", "if (0)", "vcpu_run_test"),
    ("a process that must wait is begun", "kernel/group/process.c", "process_must_wait",
     "return status == STATUS_AGAIN;", "return false;", "sys_process_test"),
    ("a lost page ends those whose memory has it alone", "kernel/cpu/machine_check.c",
     "machine_check_end_groups", "at = at->below;", "at = NULL;", "machine_check_test"),
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
    # The mistakes by which a peer that lies would gain something: the tests in
    # tests/system/test_liars.py show that it gains nothing, these that each check is there for a
    # reason that a test knows.
    ("an impossible index of a link's other end is believed", "vmm/io/link.h", "link_waiting",
     "if (unlikely(waiting > end->size)) end->broken = true;", "", "link_test"),
    ("what another life has written is read", "vmm/io/link.h", "link_peer_is_there",
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
     "request->sectors > client_sectors_max(unit, request->window == 0))", "false)", "driver_client_test"),
    ("a request may have more pages than its disk takes", "vmm/driver/disk/core/client.c", "client_sectors_max",
     "MIN(unit->direct_pages, BLOCK_DIRECT_PAGES)", "BLOCK_DIRECT_PAGES", "driver_window_test"),
    ("a driver names how many pages a request has", "vmm/monitor/disk/disk_client.c", "disk_client_direct_pages",
     "return MIN(pages, BLOCK_DIRECT_PAGES)", "return pages", "virtio_blk_direct_test"),
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
    ("a guest speaks in another's name", "vmm/monitor/virtio/virtio_vsock_receive.c", "virtio_vsock_take",
     "header.source_cid != vsock->cid", "false", "virtio_vsock_test"),
    ("a guest reaches another port of a guest than those of its peers", "vmm/monitor/virtio/virtio_vsock_slots.c",
     "virtio_vsock_listens", "host ? vsock->area->listen : vsock->area->peer", "vsock->area->listen", "virtio_vsock_test"),
    ("a guest reaches an address by its low half", "vmm/monitor/virtio/virtio_vsock_slots.c",
     "virtio_vsock_listens", "cid > ~0u ||", "", "virtio_vsock_test"),
    ("packets to one address belong to another's connection", "vmm/monitor/virtio/virtio_vsock_receive.c",
     "virtio_vsock_find", "connection->peer_cid == header->target_cid &&", "", "virtio_vsock_test"),
    ("a guest calls a VM that does not name it", "vmm/manager/vm/vm_peers.c", "vm_peers_state",
     "|| vm_peers_find(*peer, vm, vm->config.vsock_peer[entry].port) == VSOCK_PEERS_MAX", "", "vm_peers_test"),
    ("a guest calls a VM that its own VM does not name", "vmm/manager/vm/vm_peers.c", "vm_peers_find",
     "!string_equal(vm->config.vsock_peer[i].name, other->config.name)", "false", "vm_peers_test"),
    ("a port of a peer is all its ports", "vmm/manager/vm/vm_peers.c", "vm_peers_find",
     "vm->config.vsock_peer[i].port != port ||", "", "vm_peers_test"),
    ("bytes of a peer that has closed are lost", "vmm/manager/vm/vm_peers.c", "vm_peers_is_done",
     "(other->ended && vm_vsock_room(other) == VSOCK_RING_BYTES)", "other->ended", "vm_peers_test"),
    ("bytes without end leave the manager no rest", "vmm/manager/vm/vm_peers.c", "vm_peers_move",
     "vm_vsock_has_bytes(from)) return false;", "vm_vsock_has_bytes(from)) return count != 0;", "vm_peers_test"),
    ("a guest's call is answered after it has given up", "vmm/manager/vm/vm_peers.c", "vm_peers_answer",
     "callee == VM_VSOCK_WAITS && vm_vsock_still_asks(&link->caller)", "callee == VM_VSOCK_WAITS", "vm_peers_test"),
    ("packets of any type are taken", "vmm/monitor/virtio/virtio_vsock_receive.c", "virtio_vsock_take",
     "header.type != VIO_VSOCK_TYPE_STREAM", "false", "virtio_vsock_test"),
    ("a guest connects to where nobody listens", "vmm/monitor/virtio/virtio_vsock_receive.c",
     "virtio_vsock_take_request", "virtio_vsock_listens(vsock, header->target_cid, header->target_port) ?", "1 ?", "virtio_vsock_test"),
    ("a guest sends more than it has credit for", "vmm/monitor/virtio/virtio_vsock_receive.c",
     "virtio_vsock_take_bytes", "header->bytes > VSOCK_RING_BYTES - held ||", "", "virtio_vsock_test"),
    ("a packet has more bytes than its buffer", "vmm/monitor/virtio/virtio_vsock_receive.c",
     "virtio_vsock_take_bytes", "|| !virtio_vsock_copy(vsock, slot, chain, header->bytes)",
     "|| (virtio_vsock_copy(vsock, slot, chain, header->bytes), false)", "virtio_vsock_test"),
    ("a guest sends after its end", "vmm/monitor/virtio/virtio_vsock_receive.c", "virtio_vsock_take_bytes",
     "connection->guest_ended ||", "", "virtio_vsock_test"),
    ("an RST is answered by an RST", "vmm/monitor/virtio/virtio_vsock_receive.c", "virtio_vsock_refuse",
     "header->operation == VIO_VSOCK_RST ||", "", "virtio_vsock_test"),
    ("a guest answers before it was called", "vmm/monitor/virtio/virtio_vsock_receive.c",
     "virtio_vsock_take_known", "|| connection->owed != 0", "", "virtio_vsock_test"),
    ("more is sent than the guest has credit for", "vmm/monitor/virtio/virtio_vsock_send.c",
     "virtio_vsock_send_one", "MIN(virtio_vsock_waiting(vsock, slot), virtio_vsock_credit(connection))",
     "virtio_vsock_waiting(vsock, slot)", "virtio_vsock_test"),
    ("a guest that lies about what it took is believed", "vmm/monitor/virtio/virtio_vsock_send.c",
     "virtio_vsock_credit", "under_way < connection->guest_room ? connection->guest_room - under_way : 0",
     "connection->guest_room - under_way", "virtio_vsock_test"),
    ("a buffer has no room for a header", "vmm/monitor/virtio/virtio_vsock_send.c", "virtio_vsock_take_buffer",
     "chain->writable_bytes >= sizeof(struct vio_vsock_header)", "1", "virtio_vsock_test"),
    ("an end overtakes bytes", "vmm/monitor/virtio/virtio_vsock_send.c", "virtio_vsock_send_end",
     "virtio_vsock_waiting(vsock, slot) != 0 ||", "", "virtio_vsock_test"),
    ("the manager counts more than a ring as waiting", "vmm/monitor/virtio/virtio_vsock_slots.c",
     "virtio_vsock_waiting", "count <= VSOCK_RING_BYTES ? count : 0", "count", "virtio_vsock_state_test"),
    ("the manager has read what was not written", "vmm/monitor/virtio/virtio_vsock_slots.c", "virtio_vsock_taken",
     "written - read <= VSOCK_RING_BYTES ? read : written - VSOCK_RING_BYTES", "read", "virtio_vsock_state_test"),
    ("a slot is used again before the manager has seen its end", "vmm/monitor/virtio/virtio_vsock_slots.c",
     "virtio_vsock_free",
     "connection->phase == VSOCK_PHASE_NONE && vsock_load(&vsock->area->slot[i].manager_word) == "
     "vsock_word(connection->use, VSOCK_GONE)", "connection->phase == VSOCK_PHASE_NONE", "virtio_vsock_state_test"),
    ("a guest without a driver is called", "vmm/monitor/virtio/virtio_vsock_slots.c",
     "virtio_vsock_look_at_other_use", "&& virtio_vsock_has_driver(vsock)", "", "virtio_vsock_state_test"),
    ("a slot waits for a driver that is gone", "vmm/monitor/virtio/virtio_vsock_slots.c",
     "virtio_vsock_look_at_gone", "(connection->phase != VSOCK_PHASE_NONE && !virtio_vsock_has_driver(vsock))",
     "false", "virtio_vsock_state_test"),
    ("the device takes packets without room for their answers", "vmm/monitor/virtio/virtio_vsock.c",
     "virtio_vsock_transmit", "vsock->stray_count < VIRTIO_VSOCK_STRAYS &&", "", "virtio_vsock_state_test"),
    ("nobody tells a loaded guest that its connections are gone", "vmm/monitor/virtio/virtio_vsock.c",
     "virtio_vsock_loaded", "vsock->state.reset_owed = 1;", ";", "virtio_vsock_state_test"),
    ("a loaded device keeps its connections", "vmm/monitor/virtio/virtio_vsock.c", "virtio_vsock_loaded",
     "vsock->stale = true;", "", "virtio_vsock_state_test"),
    ("packets overtake the event of a reset", "vmm/monitor/virtio/virtio_vsock.c", "virtio_vsock_work",
     "vsock->state.reset_owed == 0 &&", "", "virtio_vsock_state_test"),
    ("a driver that begins anew finds old connections", "vmm/monitor/virtio/virtio_vsock.c",
     "virtio_vsock_restart", "vsock->stale = true;", "", "virtio_vsock_state_test"),
    ("a monitor has written more than a ring to a client", "vmm/manager/vm/vm_vsock.c", "vm_vsock_state",
     "vm_vsock_readable(vm, end) > VSOCK_RING_BYTES ||", "", "channel_vsock_test"),
    ("a monitor has read what no client wrote", "vmm/manager/vm/vm_vsock.c", "vm_vsock_state",
     "|| vm_vsock_unread(vm, end) > VSOCK_RING_BYTES", "", "channel_vsock_test"),
    ("a connection goes on in another area", "vmm/manager/vm/vm_vsock.c", "vm_vsock_vm",
     "&& vm->vsock.generation == end->generation", "", "channel_vsock_test"),
    ("the manager touches rings that nobody pays for", "vmm/manager/vm/vm_vsock.c", "vm_vsock_begin",
     "if (vm_vsock_populate(vm, rings, rings + sizeof(struct vsock_rings)) != STATUS_OK) return false;", "",
     "channel_vsock_test"),
    ("a client sends more than it has credit for", "vmm/manager/channel/channel_vsock.c",
     "channel_vsock_take_bytes", "request->bytes > socket->allowed ||", "", "channel_vsock_test"),
    ("a client sends after its end", "vmm/manager/channel/channel_vsock.c", "channel_vsock_take_bytes",
     "socket->end.ended ||", "", "channel_vsock_test"),
    ("a client ends at another place", "vmm/manager/channel/channel_vsock.c", "channel_vsock_take_line",
     "|| request->bytes != socket->taken", "", "channel_vsock_test"),
    ("one guest takes all places of a channel", "vmm/manager/channel/channel_vsock.c", "channel_vsock_is_full",
     " || own >= CHANNEL_SOCKETS_ACCEPTED - count", "", "channel_vsock_test"),
    ("the first stream of a channel has every turn", "vmm/manager/channel/channel_stream.c",
     "channel_streams_step", "channel->next_stream = place + 1;", "", "channel_vsock_test"),
    ("a guest's bytes go without a client's credit", "vmm/manager/channel/channel_vsock.c",
     "channel_vsock_send_bytes", "(u32)MIN(socket->credit, CHANNEL_PIECE_BYTES)", "CHANNEL_PIECE_BYTES",
     "channel_vsock_test"),
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
    ("a report of a store is read in the middle of its change", "vmm/io/store.h", "store_page_copy",
     "(u32)turn == offset ? page->fresh : report", "report", "store_tell_test"),
    ("a report of a store changes before its turn", "vmm/driver/disk/layers/store/store_tell.c", "store_tell_report",
     "store_tell_turn(page, (u64)((u8 *)report - (u8 *)page));", "", "store_tell_test"),
    ("a block beyond the disk is restored", "vmm/monitor/save/restorer.c", "restorer_read_number",
     "return *number < restorer_blocks_of(disk_bytes)", "return true", "restorer_test"),
    ("a backup that does not follow is restored", "vmm/monitor/save/restorer.c", "restorer_check_follows",
     "memcmp(label->base, before->id, sizeof(label->base)) == 0 &&", "", "restorer_test"),
    ("a dead driver's messages are switched off while its card holds one back", "vmm/manager/pci/pci_msi.c",
     "pci_messages_off", "PCI_MSIX_MASKED, true);", "PCI_MSIX_ENABLE, false);", "host_pci_test"),
    ("an earlier driver's messages are let through", "vmm/manager/pci/pci_msi.c", "pci_msix_set",
     "pci_mask_others(entry, table.entries);", "", "host_pci_test"),
    ("data that begin within a page go as the whole page", "vmm/monitor/virtio/virtio_blk_pages.c", "blk_find_pages",
     "at % PAGE_SIZE != 0 ||", "", "virtio_blk_chains_test"),
    ("an encrypted disk's device is shown the guest's RAM", "vmm/monitor/virtio/virtio_blk_request.c",
     "blk_make_direct", "|| blk->cipher != NULL", "", "virtio_blk_secret_test"),
    ("an encrypted disk's data goes into the link as it is", "vmm/monitor/virtio/virtio_blk_request.c",
     "blk_copy_out", "if (blk->cipher != NULL)", "if (false)", "virtio_blk_secret_test"),
    ("the disk fills encrypted blocks with zeros", "vmm/monitor/virtio/virtio_blk_take.c",
     "blk_may_unmap", "return blk->cipher == NULL || blk->cipher->sparse;", "return true;", "virtio_blk_secret_test"),
    ("a part of an encrypted block is written", "vmm/monitor/virtio/virtio_blk_take.c", "blk_understand",
     "|| !blk_is_whole(blk, request))", ")", "virtio_blk_secret_test"),
    ("a SCSI command may move more than it has room for", "vmm/monitor/virtio/virtio_scsi_host.c", "scsi_host_has_room",
     "bytes <= room &&", "", "virtio_scsi_disk_test"),
    ("a SCSI command reaches beyond its disk", "vmm/monitor/virtio/virtio_scsi_disk.c", "disk_has_blocks",
     "first <= all - blocks", "first <= all", "virtio_scsi_disk_test"),
    ("an abort is answered before the disk has ended", "vmm/monitor/virtio/virtio_scsi_host.c", "scsi_host_manage",
     "if (blk_is_awaited(blk))", "if (false)", "virtio_scsi_host_test"),
    ("an abort waits for what comes after it", "vmm/monitor/virtio/virtio_scsi_host.c", "scsi_host_manage",
     "if (!has_waited)", "if (true)", "virtio_scsi_host_test"),
    ("a saved request leads to the header of an encrypted disk", "vmm/monitor/virtio/virtio_blk.c", "blk_sectors_valid",
     "request->sector > BLK_SECTORS_MAX - request->sectors", "false", "virtio_blk_secret_test"),
    ("all blocks have one tweak", "vmm/monitor/disk/disk_cipher.c", "disk_cipher_tweak",
     "memcpy(tweak, &sector, sizeof(sector));", "", "virtio_blk_secret_test"),
    ("a wrong key opens a disk", "vmm/monitor/disk/disk_cipher.c", "disk_cipher_open",
     "right = secret_same(check, header->check, sizeof(check));", "right = true;", "virtio_blk_secret_test"),
    ("all disks of a key have one key", "vmm/manager/config/disk_key.c", "disk_key_make",
     '"skerry disk 1 of %s", disk);', '"skerry disk 1");', "disk_key_test"),
    ("a typed key stays", "vmm/manager/config/disk_key.c", "disk_key_forget",
     "secret_forget(typed_keys, sizeof(typed_keys));", "", "disk_key_test"),
    ("a listed packet goes to a neighbour", "vmm/switch/forward.c", "forward_send_listed",
     "(allowed & BIT(port)) == 0", "false", "switch_egress_test"),
    ("a fragment passes a list", "vmm/switch/egress.c", "egress_allows_ipv4",
     "(bytes_get16(ip + IPV4_FRAGMENT_AT) & IPV4_WHOLE_MASK) != 0", "false", "switch_egress_test"),
    ("ARP carries a message past a list", "vmm/switch/egress.c", "egress_is_plain_arp",
     "(asked == 0 || asked == to ||", "(true || asked == to ||", "switch_egress_test"),
    ("a second tag passes", "vmm/switch/vlan.c", "vlan_enter_tagged", "|| vlan_is_tag(inner)", "",
     "switch_vlan_test"),
)


def make_library(pool, folder):
    """Compiles the sources of library.txt as the mutants' tests are; returns the archive of their objects."""
    def make_object(source):
        made = folder / source.replace("/", "_").replace(".c", ".o")
        subprocess.run([CC, *COMPILE, "-I", ROOT, "-c", "-o", made, ROOT / source], check=True)
        return made

    library = folder / "library.a"
    sources = (ROOT / "tests/unit/library.txt").read_text().split()
    subprocess.run(["ar", "rcs", library, *pool.map(make_object, sources)], check=True)
    return library


def run(test, folder, extra, library):
    """Returns (whether the test compiles, whether it passes)."""
    program = folder / test
    done = subprocess.run([CC, *COMPILE, *extra, "-I", ROOT, "-o", program,
                           next(ROOT.glob(f"tests/unit/**/{test}.c")), library, "-lcmocka"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        return done.stdout, False
    try:
        # time of the CPU: beside other work a test may take many times as long
        code = subprocess.run(["prlimit", "--cpu=60", program], env=AT_ONCE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=600).returncode
    except subprocess.TimeoutExpired:
        code = 1
    return "", code == 0


def survives(library, mutant):
    """Returns what is wrong with the test, or None."""
    what, path, function, expression, instead, test = mutant
    try:
        text = mutated((ROOT / path).read_text(), function, expression, instead)
    except Lost as lost:
        return f"{what}: {path} has changed, this mutant must follow: {lost}"
    with tempfile.TemporaryDirectory() as name:
        changed = Path(name) / path
        changed.parent.mkdir(parents=True)
        changed.write_text(text)
        problem, passes = run(test, Path(name), ("-I", name), library)
    if problem:
        return f"{what}: does not compile:\n{problem}"
    return f"{what}: {test} does not notice" if passes else ""


def fails(library, test):
    """Returns what is wrong with a test from which nothing was taken, or None."""
    with tempfile.TemporaryDirectory() as name:
        problem, passes = run(test, Path(name), (), library)
    return "" if passes else f"{test} fails as it is: {problem}"


def main():
    chosen = [mutant for mutant in MUTANTS if older.has_mutant(mutant[0])]
    tests = sorted({mutant[5] for mutant in chosen})
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool, tempfile.TemporaryDirectory() as name:
        library = make_library(pool, Path(name))
        problems = [problem for problem in (*pool.map(functools.partial(survives, library), chosen),
                                            *pool.map(functools.partial(fails, library), tests))
                    if problem]
    print("\n".join(problems))
    good = len(chosen) - len(problems)
    print(f"unit/mutants: {good} passed, {len(problems)} failed")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
