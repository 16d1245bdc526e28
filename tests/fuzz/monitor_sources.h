/* SPDX-License-Identifier: MIT */
#pragma once

/* The whole monitor as it ships, and what of lib/ and vmm/rt it is linked with. */
#include "lib/chacha20.c"
#include "lib/entropy.c"
#include "lib/string.c"
#include "vmm/rt/format.c"
#include "vmm/rt/mutex.c"
#include "vmm/rt/status_text.c"

#define TEST 1 /* its state is saved and loaded when the target wants it */
#include "vmm/monitor/bus.c"
#include "vmm/monitor/command.c"
#include "vmm/monitor/console.c"
#include "vmm/monitor/cpuid/cpuid.c"
#define put put_entry
#include "vmm/monitor/cpuid/cpuid_table.c"
#undef put
#include "vmm/monitor/debugger.c"
#include "vmm/monitor/dev/acpi_pm.c"
#include "vmm/monitor/dev/crtc.c"
#include "vmm/monitor/dev/debug.c"
#include "vmm/monitor/dev/fw_cfg.c"
#include "vmm/monitor/dev/hpet.c"
#include "vmm/monitor/dev/pit.c"
#include "vmm/monitor/dev/pit_channel.c"
#include "vmm/monitor/dev/platform.c"
#include "vmm/monitor/dev/platform_add.c"
#include "vmm/monitor/dev/platform_state.c"
#include "vmm/monitor/dev/pvpanic.c"
#include "vmm/monitor/dev/reset.c"
#include "vmm/monitor/dev/rtc.c"
#include "vmm/rt/date.c"
#include "vmm/monitor/dev/serial.c"
#include "vmm/monitor/dev/test_device.c"
#include "vmm/monitor/dev/watchdog.c"
#include "vmm/monitor/emulate/emulate.c"
#include "vmm/monitor/emulate/emulate_0f.c"
#define add add_numbers
#include "vmm/monitor/emulate/emulate_alu.c"
#undef add
#include "vmm/monitor/emulate/emulate_arithmetic.c"
#include "vmm/monitor/emulate/emulate_bits.c"
#include "vmm/monitor/emulate/emulate_execute.c"
#include "vmm/monitor/emulate/emulate_memory.c"
#include "vmm/monitor/emulate/emulate_operand.c"
#include "vmm/monitor/emulate/emulate_stack.c"
#include "vmm/monitor/emulate/emulate_string.c"
#include "vmm/monitor/emulate/emulate_system.c"
#include "vmm/monitor/emulate/emulate_vector.c"
#include "vmm/monitor/emulate/emulate_vector_forms.c"
#include "vmm/monitor/emulate/emulate_x87.c"
#include "vmm/monitor/emulate/moves.c"
#include "vmm/monitor/emulate/x87_number.c"
#include "vmm/monitor/exits/brief.c"
#include "vmm/monitor/exits/exits.c"
#include "vmm/rt/exit_names.c"
#include "vmm/monitor/exits/exits_entry.c"
#include "vmm/monitor/exits/exits_exception.c"
#include "vmm/monitor/exits/exits_msr.c"
#include "vmm/monitor/exits/explain.c"
#include "vmm/monitor/exits/explain_svm.c"
#pragma push_macro("CHECK_THAT")
#undef CHECK_THAT
#include "vmm/monitor/exits/explain_vmx.c"
#undef CHECK_THAT
#pragma pop_macro("CHECK_THAT")
#include "vmm/monitor/exits/inject.c"
#include "vmm/monitor/exits/trace.c"
#include "vmm/monitor/exits/trap.c"
#include "vmm/monitor/guest_memory.c"
#include "vmm/monitor/irqchip/ioapic.c"
#include "vmm/monitor/irqchip/irqchip.c"
#include "vmm/monitor/irqchip/irqchip_message.c"
#include "vmm/monitor/irqchip/lapic.c"
#include "vmm/monitor/irqchip/lapic_lend.c"
#include "vmm/monitor/irqchip/lapic_msr.c"
#include "vmm/monitor/irqchip/lapic_priority.c"
#include "vmm/monitor/irqchip/lapic_save.c"
#include "vmm/monitor/irqchip/lapic_timer.c"
#include "vmm/monitor/irqchip/pic.c"
#include "vmm/monitor/load/acpi_tables.c"
#include "vmm/monitor/load/acpi_pci.c"
#include "vmm/monitor/load/aml.c"
#include "vmm/monitor/load/bios.c"
#include "vmm/monitor/load/bzimage.c"
#include "vmm/monitor/load/e820.c"
#include "vmm/monitor/load/elf.c"
#include "vmm/monitor/load/elf_pvh.c"
#include "vmm/monitor/load/load.c"
#define add add_part
#include "vmm/monitor/load/mp_table.c"
#undef add
#include "vmm/monitor/load/multiboot1.c"
#include "vmm/monitor/load/place.c"
#include "vmm/monitor/load/start_state.c"
#include "vmm/monitor/load/wdat.c"
#include "vmm/monitor/handover.c"
#include "vmm/monitor/save/restore.h"

/* Saves have a target of their own, state_stream. */
bool restore_wanted(void)
{
	return false;
}

bool restore_load(struct machine *machine)
{
	(void)machine;
	return false;
}

#include "vmm/monitor/machine.c"
#define queue_key setup_queue_key
#include "vmm/monitor/machine_setup.c"
#undef queue_key
#include "vmm/monitor/machine_time.c"
#include "vmm/monitor/msr.c"
#include "vmm/monitor/msr_mtrr.c"
#include "vmm/monitor/pv/hypercall.c"
#include "vmm/monitor/pv/pv_eoi.c"
#include "vmm/monitor/pv/pvclock.c"
#include "vmm/monitor/pv/steal_time.c"
#include "vmm/monitor/query.c"
#include "vmm/monitor/random.c"
#include "vmm/monitor/rebuild.c"
#include "vmm/monitor/state/fields_device.c"
#include "vmm/monitor/state/fields_machine.c"
#include "vmm/monitor/state/inspect.c"
#include "vmm/monitor/state/list.c"
#include "vmm/monitor/state/machine_state.c"
#include "vmm/monitor/state/policy.c"
#include "vmm/monitor/state/problem.c"
#include "vmm/monitor/state/record.c"
#include "vmm/monitor/state/vcpu_state.c"
#include "vmm/monitor/reserve.c"
#include "vmm/monitor/task/task_segment.c"
#include "vmm/monitor/task/task_switch.c"
#include "vmm/monitor/vapic.c"
#include "vmm/monitor/vcpu.c"
#include "vmm/monitor/walk.c"
#include "vmm/monitor/x86/decode.c"
#include "vmm/monitor/x86/prefix.c"
#include "vmm/monitor/x86/tables.c"
#include "vmm/monitor/xsave.c"
#include "vmm/monitor/disk/disk_open.c"
#include "vmm/monitor/net/net_open.c"
#define ask blk_ask
#define descriptor virtqueue_descriptor
#define load link_load
#define take blk_take
#include "tests/unit/pci_sources.h"
#undef ask
#undef descriptor
#undef load
#undef take
#undef TEST
