/* SPDX-License-Identifier: MIT */
/*
 * Puts into words why a state was refused. Called by handover.c and restore.c; writes the caller's
 * text only.
 */
#include "lib/bits.h"
#include "vmm/monitor/state/list.h"
#include "vmm/rt/format.h"

static const char *const kind_names[] = {
	[STATE_LAPIC] = "lapic",
	[STATE_IRQCHIP] = "irqchip",
	[STATE_BUS] = "bus",
	[STATE_IOAPIC] = "ioapic",
	[STATE_PIC] = "pic",
	[STATE_HPET] = "hpet",
	[STATE_PIT] = "pit",
	[STATE_RTC] = "rtc",
	[STATE_SERIAL] = "serial",
	[STATE_ACPI_PM] = "acpi_pm",
	[STATE_RESET] = "reset",
	[STATE_DEBUG] = "debug",
	[STATE_CRTC] = "crtc",
	[STATE_FW_CFG] = "fw_cfg",
	[STATE_TEST_DEVICE] = "test_device",
	[STATE_PVPANIC] = "pvpanic",
	[STATE_WATCHDOG] = "watchdog",
	[STATE_PCI_BUS] = "pci",
	[STATE_VIRTIO_RNG] = "virtio_rng",
	[STATE_VIRTIO_BALLOON] = "virtio_balloon",
	[STATE_VIRTIO_VSOCK] = "virtio_vsock",
	[STATE_WINDOW] = "window",
	[STATE_VIRTIO_CONSOLE] = "virtio_console",
	[STATE_VIRTIO_BLK] = "virtio_blk",
	[STATE_VIRTIO_SCSI] = "virtio_scsi",
	[STATE_VIRTIO_SCSI_HOST] = "virtio_scsi_host",
	[STATE_VIRTIO_SCSI_DISK] = "virtio_scsi_disk",
	[STATE_VIRTIO_NET] = "virtio_net",
	[STATE_POLICY] = "policy",
	[STATE_TIME] = "time",
	[STATE_WALL] = "wall",
	[STATE_VCPU] = "vcpu",
	[STATE_XSAVE] = "xsave",
	[STATE_END] = "end",
	[STATE_FW_CFG_DMA] = "fw_cfg_dma",
	[STATE_FIRMWARE_LOG] = "firmware_log",
	[STATE_FLASH] = "flash",
	[STATE_FLASH_CONTENT] = "flash_content",
};

const char *state_kind_name(u32 kind)
{
	return kind < ARRAY_COUNT(kind_names) && kind_names[kind] != NULL ? kind_names[kind]
									  : "unknown";
}

static const char *const fault_texts[STATE_FAULT_COUNT] = {
	[STATE_FINE] = "nothing is wrong",
	[STATE_SHORT] = "the state ends within it",
	[STATE_NO_STATE] = "this is no saved state",
	[STATE_OTHER_MAJOR] = "format",
	[STATE_NOT_ZERO] = "a reserved field is in use",
	[STATE_OTHER_CHECK] = "its checksum is wrong",
	[STATE_OUT_OF_ORDER] = "records are out of order",
	[STATE_TOO_LONG] = "it is longer than a record may be",
	[STATE_BAD_END] = "it does not agree with what comes before it",
	[STATE_SURPLUS] = "the machine has no place for it",
	[STATE_MISSING] = "it is missing",
	[STATE_OTHER_VENDOR] = "vendor (1: VMX, 2: SVM)",
	[STATE_OTHER_VERSION] = "version",
	[STATE_OTHER_SIZE] = "bytes",
	[STATE_INVALID] = "no machine can be in that state",
};

void state_problem_text(const struct state_problem *problem, char *text, size_t size)
{
	const char *what = fault_texts[problem->fault < STATE_FAULT_COUNT ? problem->fault : 0];
	char where[64] = "header";

	if (problem->fault == STATE_MISSING)
		format(where, sizeof(where), "%s %u", state_kind_name(problem->type),
		       problem->instance);
	else if (problem->record != ~0u)
		format(where, sizeof(where), "record %u (%s %u)", problem->record,
		       state_kind_name(problem->type), problem->instance);
	switch (problem->fault) {
	case STATE_OTHER_MAJOR:
	case STATE_OTHER_VENDOR:
	case STATE_OTHER_VERSION:
	case STATE_OTHER_SIZE:
		format(text, size, "%s: %s: it is %u, but has to be %u", where, what,
		       problem->found, problem->wanted);
		break;
	case STATE_INVALID:
		format(text, size, "%s: %s", where,
		       problem->reason != NULL ? problem->reason : what);
		break;
	default:
		format(text, size, "%s: %s", where, what);
		break;
	}
}
