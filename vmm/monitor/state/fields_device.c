/* SPDX-License-Identifier: MIT */
/*
 * The tables of fields in the devices' saved states. Called by fields_machine.c; constant data
 * only.
 */
#include "vmm/monitor/dev/acpi_pm.h"
#include "vmm/monitor/dev/crtc.h"
#include "vmm/monitor/dev/debug.h"
#include "vmm/monitor/dev/firmware_log.h"
#include "vmm/monitor/dev/flash.h"
#include "vmm/monitor/dev/fw_cfg.h"
#include "vmm/monitor/dev/hpet.h"
#include "vmm/monitor/dev/pit.h"
#include "vmm/monitor/dev/pvpanic.h"
#include "vmm/monitor/dev/reset.h"
#include "vmm/monitor/dev/rtc.h"
#include "vmm/monitor/dev/serial.h"
#include "vmm/monitor/dev/test_device.h"
#include "vmm/monitor/dev/watchdog.h"
#include "vmm/monitor/dev/window.h"
#include "vmm/monitor/irqchip/irqchip.h"
#include "vmm/monitor/pci/pci_bus.h"
#include "vmm/monitor/state/fields_table.h"
#include "vmm/monitor/virtio/virtio_balloon.h"
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/monitor/virtio/virtio_console.h"
#include "vmm/monitor/virtio/virtio_net.h"
#include "vmm/monitor/virtio/virtio_vsock.h"

static const struct state_field of_ioapic_state[] = {
	ARRAY(ioapic_state, entry, FIELD_HEX),
	FIELD(ioapic_state, select, FIELD_HEX),
	FIELD(ioapic_state, id, FIELD_HEX),
	FIELD(ioapic_state, line, FIELD_HEX),
};
STRUCT(ioapic_state);

static const struct state_field of_pic_chip[] = {
	FIELD(pic_chip, line, FIELD_HEX),
	FIELD(pic_chip, edge, FIELD_HEX),
	FIELD(pic_chip, isr, FIELD_HEX),
	FIELD(pic_chip, imr, FIELD_HEX),
	FIELD(pic_chip, elcr, FIELD_HEX),
	FIELD(pic_chip, elcr_mask, FIELD_HEX),
	FIELD(pic_chip, vector_base, FIELD_HEX),
	FIELD(pic_chip, lowest, FIELD_NUMBER),
	FIELD(pic_chip, init_step, FIELD_NUMBER),
	FIELD(pic_chip, wants_icw4, FIELD_NUMBER),
	FIELD(pic_chip, single, FIELD_NUMBER),
	FIELD(pic_chip, level_mode, FIELD_NUMBER),
	FIELD(pic_chip, auto_eoi, FIELD_NUMBER),
	FIELD(pic_chip, rotate_on_aeoi, FIELD_NUMBER),
	FIELD(pic_chip, special_nested, FIELD_NUMBER),
	FIELD(pic_chip, special_mask, FIELD_NUMBER),
	FIELD(pic_chip, read_isr, FIELD_NUMBER),
	FIELD(pic_chip, poll, FIELD_NUMBER),
};
STRUCT(pic_chip);

static const struct state_field of_pic_state[] = {
	INNERS(pic_state, chip, pic_chip),
	FIELD(pic_state, output, FIELD_NUMBER),
};
STRUCT(pic_state);

static const struct state_field of_hpet_timer[] = {
	FIELD(hpet_timer, comparator, FIELD_HEX),
	FIELD(hpet_timer, period, FIELD_NUMBER),
	FIELD(hpet_timer, config, FIELD_HEX),
};
STRUCT(hpet_timer);

static const struct state_field of_hpet_state[] = {
	INNERS(hpet_state, timer, hpet_timer), FIELD(hpet_state, base, FIELD_NUMBER),
	FIELD(hpet_state, seen, FIELD_NUMBER), FIELD(hpet_state, config, FIELD_HEX),
	FIELD(hpet_state, status, FIELD_HEX),
};
STRUCT(hpet_state);

static const struct state_field of_pit_channel[] = {
	FIELD(pit_channel, run_tick, FIELD_NUMBER),
	FIELD(pit_channel, elapsed, FIELD_NUMBER),
	FIELD(pit_channel, count, FIELD_NUMBER),
	FIELD(pit_channel, next_count, FIELD_NUMBER),
	FIELD(pit_channel, latch, FIELD_NUMBER),
	FIELD(pit_channel, control, FIELD_HEX),
	FIELD(pit_channel, mode, FIELD_NUMBER),
	FIELD(pit_channel, access, FIELD_NUMBER),
	FIELD(pit_channel, bcd, FIELD_NUMBER),
	FIELD(pit_channel, gate, FIELD_NUMBER),
	FIELD(pit_channel, loaded, FIELD_NUMBER),
	FIELD(pit_channel, running, FIELD_NUMBER),
	FIELD(pit_channel, write_high, FIELD_NUMBER),
	FIELD(pit_channel, write_low, FIELD_HEX),
	FIELD(pit_channel, read_high, FIELD_NUMBER),
	FIELD(pit_channel, latched, FIELD_NUMBER),
	FIELD(pit_channel, status_latched, FIELD_NUMBER),
	FIELD(pit_channel, status, FIELD_HEX),
};
STRUCT(pit_channel);

static const struct state_field of_pit_state[] = {
	INNERS(pit_state, channel, pit_channel),    FIELD(pit_state, edge_tick, FIELD_NUMBER),
	FIELD(pit_state, repay_tick, FIELD_NUMBER), FIELD(pit_state, owed, FIELD_NUMBER),
	FIELD(pit_state, speaker, FIELD_HEX),	    FIELD(pit_state, held, FIELD_NUMBER),
};
STRUCT(pit_state);

static const struct state_field of_rtc_state[] = {
	FIELD(rtc_state, offset_s, FIELD_HEX),	 FIELD(rtc_state, phase_ns, FIELD_NUMBER),
	FIELD(rtc_state, last_ns, FIELD_NUMBER), ROWS(rtc_state, byte),
	FIELD(rtc_state, index, FIELD_HEX),
};
STRUCT(rtc_state);

static const struct state_field of_serial_state[] = {
	FIELD(serial_state, timeout_ns, FIELD_NUMBER),
	FIELD(serial_state, divisor, FIELD_NUMBER),
	FIELD(serial_state, ier, FIELD_HEX),
	FIELD(serial_state, fcr, FIELD_HEX),
	FIELD(serial_state, lcr, FIELD_HEX),
	FIELD(serial_state, mcr, FIELD_HEX),
	FIELD(serial_state, lsr, FIELD_HEX),
	FIELD(serial_state, msr, FIELD_HEX),
	FIELD(serial_state, scr, FIELD_HEX),
	FIELD(serial_state, thr_pending, FIELD_NUMBER),
	FIELD(serial_state, timed_out, FIELD_NUMBER),
	FIELD(serial_state, rx_first, FIELD_NUMBER),
	FIELD(serial_state, rx_count, FIELD_NUMBER),
	ROWS(serial_state, rx),
};
STRUCT(serial_state);

static const struct state_field of_acpi_pm_state[] = {
	FIELD(acpi_pm_state, timer_tick, FIELD_NUMBER), FIELD(acpi_pm_state, status, FIELD_HEX),
	FIELD(acpi_pm_state, enable, FIELD_HEX),	FIELD(acpi_pm_state, control, FIELD_HEX),
	FIELD(acpi_pm_state, gpe_status, FIELD_HEX),	FIELD(acpi_pm_state, gpe_enable, FIELD_HEX),
	FIELD(acpi_pm_state, pressed, FIELD_NUMBER),
};
STRUCT(acpi_pm_state);

static const struct state_field of_reset_state[] = {
	FIELD(reset_state, control, FIELD_HEX), FIELD(reset_state, control_a, FIELD_HEX),
	FIELD(reset_state, config, FIELD_HEX),	FIELD(reset_state, expects, FIELD_HEX),
	FIELD(reset_state, status, FIELD_HEX),	FIELD(reset_state, output, FIELD_HEX),
};
STRUCT(reset_state);

static const struct state_field of_debug_state[] = {
	FIELD(debug_state, code, FIELD_HEX),
};
STRUCT(debug_state);

static const struct state_field of_crtc_state[] = {
	FIELD(crtc_state, index, FIELD_HEX),
	ROWS(crtc_state, value),
};
STRUCT(crtc_state);

static const struct state_field of_fw_cfg_state[] = {
	FIELD(fw_cfg_state, offset, FIELD_NUMBER),
	FIELD(fw_cfg_state, key, FIELD_HEX),
};
STRUCT(fw_cfg_state);

static const struct state_field of_fw_cfg_dma_state[] = {
	FIELD(fw_cfg_dma_state, address_high, FIELD_HEX),
};
STRUCT(fw_cfg_dma_state);

static const struct state_field of_firmware_log_state[] = {
	FIELD(firmware_log_state, used, FIELD_NUMBER),
	ROWS(firmware_log_state, line),
};
STRUCT(firmware_log_state);

static const struct state_field of_flash_state[] = {
	FIELD(flash_state, mode, FIELD_NUMBER),
	FIELD(flash_state, status, FIELD_HEX),
};
STRUCT(flash_state);

static const struct state_field of_test_device_state[] = {
	ROWS(test_device_state, port),
	ROWS(test_device_state, memory),
};
STRUCT(test_device_state);

static const struct state_field of_pvpanic_state[] = {
	FIELD(pvpanic_state, told, FIELD_HEX),
};
STRUCT(pvpanic_state);

static const struct state_field of_watchdog_state[] = {
	FIELD(watchdog_state, expires_ns, FIELD_NUMBER),
	FIELD(watchdog_state, count, FIELD_NUMBER),
	FIELD(watchdog_state, control, FIELD_HEX),
};
STRUCT(watchdog_state);

static const struct state_field of_msix_entry[] = {
	FIELD(msix_entry, address, FIELD_HEX),
	FIELD(msix_entry, data, FIELD_HEX),
	FIELD(msix_entry, control, FIELD_HEX),
};
STRUCT(msix_entry);

static const struct state_field of_pci_function_state[] = {
	ROWS(pci_function_state, config),
	FIELD(pci_function_state, msix_pending, FIELD_HEX),
	FIELD(pci_function_state, message_refused_count, FIELD_NUMBER),
	FIELD(pci_function_state, intx, FIELD_NUMBER),
	INNERS(pci_function_state, msix, msix_entry),
};
STRUCT(pci_function_state);

static const struct state_field of_pci_bus_state[] = {
	INNER(pci_bus_state, bridge, pci_function_state),
	FIELD(pci_bus_state, address, FIELD_HEX),
};
STRUCT(pci_bus_state);

static const struct state_field of_virtqueue_state[] = {
	FIELD(virtqueue_state, descriptors, FIELD_HEX),
	FIELD(virtqueue_state, available, FIELD_HEX),
	FIELD(virtqueue_state, used, FIELD_HEX),
	FIELD(virtqueue_state, size, FIELD_NUMBER),
	FIELD(virtqueue_state, enabled, FIELD_NUMBER),
	FIELD(virtqueue_state, vector, FIELD_HEX),
	FIELD(virtqueue_state, available_next, FIELD_NUMBER),
	FIELD(virtqueue_state, used_next, FIELD_NUMBER),
	FIELD(virtqueue_state, used_announced, FIELD_NUMBER),
	ARRAY(virtqueue_state, in_flight, FIELD_HEX),
};
STRUCT(virtqueue_state);

static const struct state_field of_virtio_state[] = {
	INNER(virtio_state, pci, pci_function_state),
	FIELD(virtio_state, driver_features, FIELD_HEX),
	FIELD(virtio_state, device_feature_select, FIELD_NUMBER),
	FIELD(virtio_state, driver_feature_select, FIELD_NUMBER),
	FIELD(virtio_state, queue_select, FIELD_NUMBER),
	FIELD(virtio_state, config_vector, FIELD_HEX),
	FIELD(virtio_state, status, FIELD_HEX),
	FIELD(virtio_state, isr, FIELD_HEX),
	FIELD(virtio_state, config_generation, FIELD_NUMBER),
	INNERS(virtio_state, queue, virtqueue_state),
};
STRUCT(virtio_state);

static const struct state_field of_virtio_console_state[] = {
	INNER(virtio_console_state, virtio, virtio_state),
	ROWS(virtio_console_state, messages),
	ROWS(virtio_console_state, open),
};
STRUCT(virtio_console_state);

static const struct state_field of_virtio_balloon_state[] = {
	INNER(virtio_balloon_state, virtio, virtio_state),
	FIELD(virtio_balloon_state, target, FIELD_NUMBER),
	FIELD(virtio_balloon_state, actual, FIELD_NUMBER),
	FIELD(virtio_balloon_state, stats_held, FIELD_NUMBER),
	FIELD(virtio_balloon_state, stats_head, FIELD_NUMBER),
	FIELD(virtio_balloon_state, stats_seen, FIELD_HEX),
	ARRAY(virtio_balloon_state, stats, FIELD_NUMBER),
	FIELD(virtio_balloon_state, stats_ns, FIELD_NUMBER),
	FIELD(virtio_balloon_state, asked_ns, FIELD_NUMBER),
	FIELD(virtio_balloon_state, inflated, FIELD_NUMBER),
	FIELD(virtio_balloon_state, reported, FIELD_NUMBER),
	FIELD(virtio_balloon_state, refused, FIELD_NUMBER),
};
STRUCT(virtio_balloon_state);

static const struct state_field of_virtio_segment[] = {
	FIELD(virtio_segment, gpa, FIELD_HEX),
	FIELD(virtio_segment, bytes, FIELD_NUMBER),
};
STRUCT(virtio_segment);

static const struct state_field of_blk_request[] = {
	FIELD(blk_request, phase, FIELD_NUMBER),
	FIELD(blk_request, operation, FIELD_NUMBER),
	FIELD(blk_request, queue, FIELD_NUMBER),
	FIELD(blk_request, head, FIELD_NUMBER),
	FIELD(blk_request, readable_count, FIELD_NUMBER),
	FIELD(blk_request, segment_count, FIELD_NUMBER),
	FIELD(blk_request, asked, FIELD_NUMBER),
	FIELD(blk_request, sectors, FIELD_NUMBER),
	FIELD(blk_request, done, FIELD_NUMBER),
	FIELD(blk_request, sector, FIELD_NUMBER),
	INNERS(blk_request, segment, virtio_segment),
};
STRUCT(blk_request);

static const struct state_field of_virtio_blk_state[] = {
	INNER(virtio_blk_state, virtio, virtio_state),
	FIELD(virtio_blk_state, capacity, FIELD_NUMBER),
	INNERS(virtio_blk_state, request, blk_request),
};
STRUCT(virtio_blk_state);

static const struct state_field of_drive_state[] = {
	FIELD(drive_state, tray, FIELD_NUMBER),	  FIELD(drive_state, attention, FIELD_NUMBER),
	FIELD(drive_state, locked, FIELD_NUMBER), FIELD(drive_state, event, FIELD_NUMBER),
	FIELD(drive_state, taken, FIELD_NUMBER),
};
STRUCT(drive_state);

static const struct state_field of_virtio_scsi_state[] = {
	INNER(virtio_scsi_state, disk, virtio_blk_state),
	INNER(virtio_scsi_state, drive, drive_state),
};
STRUCT(virtio_scsi_state);

static const struct state_field of_net_addresses[] = {
	FIELD(net_addresses, count, FIELD_NUMBER),
	ARRAY(net_addresses, mac, FIELD_HEX),
};
STRUCT(net_addresses);

static const struct state_field of_virtio_net_state[] = {
	INNER(virtio_net_state, virtio, virtio_state),
	FIELD(virtio_net_state, mac, FIELD_HEX),
	FIELD(virtio_net_state, own_mac, FIELD_HEX),
	FIELD(virtio_net_state, mtu, FIELD_NUMBER),
	FIELD(virtio_net_state, link_up, FIELD_NUMBER),
	FIELD(virtio_net_state, announce, FIELD_NUMBER),
	FIELD(virtio_net_state, mode, FIELD_NUMBER),
	FIELD(virtio_net_state, pairs, FIELD_NUMBER),
	INNER(virtio_net_state, unicast, net_addresses),
	INNER(virtio_net_state, multicast, net_addresses),
	ARRAY(virtio_net_state, vlan, FIELD_HEX),
};
STRUCT(virtio_net_state);

static const struct state_field of_virtio_vsock_state[] = {
	INNER(virtio_vsock_state, virtio, virtio_state),
	FIELD(virtio_vsock_state, reset_owed, FIELD_NUMBER),
};
STRUCT(virtio_vsock_state);

static const struct state_field of_window_state[] = {
	INNER(window_state, pci, pci_function_state), FIELD(window_state, rung, FIELD_HEX),
	FIELD(window_state, value, FIELD_HEX),	      FIELD(window_state, status, FIELD_NUMBER),
	FIELD(window_state, call, FIELD_NUMBER),      FIELD(window_state, waiting, FIELD_HEX),
};
STRUCT(window_state);

static const struct state_fields *const device_fields[] = {
	[STATE_IOAPIC] = &fields_ioapic_state,
	[STATE_PIC] = &fields_pic_state,
	[STATE_HPET] = &fields_hpet_state,
	[STATE_PIT] = &fields_pit_state,
	[STATE_RTC] = &fields_rtc_state,
	[STATE_SERIAL] = &fields_serial_state,
	[STATE_ACPI_PM] = &fields_acpi_pm_state,
	[STATE_RESET] = &fields_reset_state,
	[STATE_DEBUG] = &fields_debug_state,
	[STATE_CRTC] = &fields_crtc_state,
	[STATE_FW_CFG] = &fields_fw_cfg_state,
	[STATE_FW_CFG_DMA] = &fields_fw_cfg_dma_state,
	[STATE_FIRMWARE_LOG] = &fields_firmware_log_state,
	[STATE_FLASH] = &fields_flash_state,
	[STATE_TEST_DEVICE] = &fields_test_device_state,
	[STATE_PVPANIC] = &fields_pvpanic_state,
	[STATE_WATCHDOG] = &fields_watchdog_state,
	[STATE_PCI_BUS] = &fields_pci_bus_state,
	[STATE_VIRTIO_RNG] = &fields_virtio_state,
	[STATE_VIRTIO_BALLOON] = &fields_virtio_balloon_state,
	[STATE_VIRTIO_CONSOLE] = &fields_virtio_console_state,
	[STATE_VIRTIO_BLK] = &fields_virtio_blk_state,
	[STATE_VIRTIO_SCSI] = &fields_virtio_scsi_state,
	[STATE_VIRTIO_SCSI_HOST] = &fields_virtio_state,
	[STATE_VIRTIO_SCSI_DISK] = &fields_virtio_scsi_state,
	[STATE_VIRTIO_NET] = &fields_virtio_net_state,
	[STATE_VIRTIO_VSOCK] = &fields_virtio_vsock_state,
	[STATE_WINDOW] = &fields_window_state,
};

const struct state_fields *state_fields_of_device(u32 kind)
{
	return kind < ARRAY_COUNT(device_fields) ? device_fields[kind] : NULL;
}
