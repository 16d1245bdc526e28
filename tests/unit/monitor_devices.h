/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Devices, interrupt controllers and emulator for the machine of monitor_fixture.h, which includes
 * this file: they return what the test has set, and record how they are called.
 */

static u32 irq_pending[VCPUS_MADE];
static int irq_vector;
static u8 sipi_vector;
static u32 delivered[IRQCHIP_CPU_MAX]; /* vector | mode << 8 */
static bool eoi_private;
static u32 eois;
static u64 device_deadline;
static u32 nmis_taken;
static u32 nmis_more; /* the NMIs that wait besides the one that irq_pending shows */
static u64 port_value;
static u16 port_written;
static u64 port_written_value;
static enum emulate_result emulate_answer;
static struct vcpu_event emulate_event;
static u32 serial_room;
static char typed[64];
static u32 buttons;

/* Answers at all addresses. */
#define PORT_REGION 3u
static struct device *port_device;
static u64 port_base;

bool bus_search_plain(struct bus *bus, u64 address, u32 size)
{
	(void)size;
	port_base = address / PAGE_SIZE * PAGE_SIZE;
	bus->recent.device = port_device;
	bus->recent.base = port_base;
	bus->recent.region = PORT_REGION;
	return port_device != NULL;
}

u64 bus_read(struct bus *bus, u64 address, u32 size)
{
	(void)bus, (void)address, (void)size;
	return port_value;
}

void bus_write(struct bus *bus, u64 address, u32 size, u64 value)
{
	(void)bus, (void)size;
	port_written = (u16)address;
	port_written_value = value;
}

u64 platform_memory_read(struct platform *platform, u32 cpu, u64 gpa, u32 size)
{
	(void)platform, (void)cpu, (void)gpa, (void)size;
	return 0;
}

void platform_memory_write(struct platform *platform, u32 cpu, u64 gpa, u32 size, u64 value)
{
	(void)platform, (void)cpu, (void)gpa, (void)size, (void)value;
}

void platform_reset(struct platform *platform)
{
	platform->events = (struct machine_events){0};
}

void platform_firmware(struct platform *platform)
{
	(void)platform;
}

void platform_tick(struct platform *platform, u32 cpu)
{
	(void)platform, (void)cpu;
}

u64 platform_deadline(const struct platform *platform, u32 cpu)
{
	(void)platform;
	return cpu == 0 ? device_deadline : DEADLINE_NONE;
}

u32 irqchip_pending(const struct irqchip *irqchip, u32 cpu)
{
	(void)irqchip;
	return irq_pending[cpu];
}

int irqchip_take_interrupt(struct irqchip *irqchip, u32 cpu)
{
	(void)irqchip;
	irq_pending[cpu] &= ~(u32)PENDING_MASKABLE;
	return irq_vector;
}

static u32 put_back; /* the only vector that gives way, and then is here 0 */

bool irqchip_put_back(struct irqchip *irqchip, u32 cpu, u32 vector)
{
	(void)irqchip;
	if (put_back == 0 || vector != put_back)
		return false;
	put_back = 0;
	return true;
}

void irqchip_take_nmi(struct irqchip *irqchip, u32 cpu)
{
	(void)irqchip;
	if (nmis_more > 0)
		nmis_more--;
	else
		irq_pending[cpu] &= ~(u32)PENDING_NMI;
	nmis_taken++;
}

void irqchip_latch_nmi(struct irqchip *irqchip, u32 cpu)
{
	(void)irqchip;
	(void)cpu;
	nmis_more = 0;
}

void irqchip_take_init(struct irqchip *irqchip, u32 cpu)
{
	(void)irqchip;
	irq_pending[cpu] = cpu == 0 ? 0 : PENDING_WAIT;
}

u8 irqchip_take_sipi(struct irqchip *irqchip, u32 cpu)
{
	(void)irqchip;
	irq_pending[cpu] = 0;
	return sipi_vector;
}

bool lapic_deliver(struct lapic *lapic, u32 mode, u32 vector, bool level)
{
	delivered[lapic - machine.platform.irqchip.lapic] = vector | mode << 8;
	return !level;
}

void lapic_eoi(struct lapic *lapic)
{
	(void)lapic;
	eois++;
}

static u32 ended;
static u32 lapic_written_at;
static u32 recalls;

void lapic_eoi_broadcast(struct lapic *lapic, u32 vector)
{
	(void)lapic;
	ended = vector;
}

void lapic_page_lend(struct lapic *lapic)
{
	lapic->lent = true;
}

void lapic_page_recall(struct lapic *lapic)
{
	recalls++;
	lapic->lent = false;
}

void lapic_finish_write(struct lapic *lapic, u32 offset)
{
	(void)lapic;
	lapic_written_at = offset;
}

static u16 interrupt_status;

u16 lapic_interrupt_status(const struct lapic *lapic)
{
	(void)lapic;
	return interrupt_status;
}

void lapic_levels(const struct lapic *lapic, u64 levels[4])
{
	for (u32 i = 0; i < 4; i++)
		levels[i] = lapic_get(lapic, LAPIC_TMR + i * 0x20);
}

bool lapic_eoi_is_private(const struct lapic *lapic)
{
	(void)lapic;
	return eoi_private;
}

void lapic_set_cr8(struct lapic *lapic, u64 value)
{
	lapic_set(lapic, LAPIC_TPR, (u32)value << 4);
}

/* The local APIC at its power-on address; offset and value of the last write there. */
static u32 lapic_written;
static u32 lapic_written_value;
static u64 lapic_rearmed;
static bool lapic_rearms;

u32 lapic_read(struct lapic *lapic, u32 offset)
{
	(void)lapic;
	return 0xabc00000 | offset;
}

void lapic_write(struct lapic *lapic, u32 offset, u32 value)
{
	(void)lapic;
	lapic_written = offset;
	lapic_written_value = value;
}

bool lapic_timer_rearm(struct lapic *lapic, u64 tsc)
{
	(void)lapic;
	lapic_rearmed = tsc;
	return lapic_rearms;
}

bool lapic_timer_expire(struct lapic *lapic, u64 guest_tsc)
{
	(void)lapic;
	return lapic_rearmed != 0 && guest_tsc >= lapic_rearmed;
}

#define MSR_X2APIC_TPR (MSR_X2APIC_BASE + (LAPIC_TPR >> 4))

bool lapic_owns_msr(u32 msr)
{
	return msr == MSR_APIC_BASE || msr == MSR_X2APIC_TPR;
}

bool lapic_msr_read(struct lapic *lapic, u32 msr, u64 *value)
{
	(void)lapic, (void)msr;
	*value = 0x1122334455667788ull;
	return true;
}

bool lapic_msr_write(struct lapic *lapic, u32 msr, u64 value, u32 physical_bits)
{
	(void)physical_bits;
	if (msr == MSR_X2APIC_TPR)
		lapic_set(lapic, LAPIC_TPR, (u32)value);
	return value != 0;
}

bool serial_input(struct serial *serial, u8 byte)
{
	(void)serial;
	if (serial_room == 0)
		return false;
	serial_room--;
	typed[strlen(typed)] = (char)byte;
	return true;
}

/* The guest's virtio console takes input while this is set. */
static bool virtio_open;

bool virtio_console_is_open(const struct virtio_console *console, u32 port)
{
	(void)console;
	return virtio_open && port == 0;
}

u32 virtio_console_input(struct virtio_console *console, u32 port, const u8 *bytes, u32 count)
{
	(void)console, (void)port;
	for (u32 i = 0; i < count; i++)
		typed[strlen(typed)] = (char)bytes[i];
	return count;
}

bool virtio_blk_is_landing(struct virtio_blk *blk)
{
	(void)blk;
	return false;
}

void virtio_blk_poll_link(struct virtio_blk *blk)
{
	(void)blk;
}

void drive_eject(struct drive_state *drive)
{
	drive->tray = drive->locked != 0 ? TRAY_FULL : TRAY_EMPTY;
}

void virtio_scsi_insert(struct virtio_blk *blk)
{
	blk->scsi.drive.tray = TRAY_FULL;
}

void virtio_vsock_poll(struct virtio_vsock *vsock)
{
	(void)vsock;
}

static u64 balloon_target;

enum status virtio_balloon_aim(struct virtio_balloon *balloon, u64 pages)
{
	(void)balloon;
	if (pages > 1000)
		return STATUS_TOO_BIG;
	balloon_target = pages;
	return STATUS_OK;
}

void virtio_balloon_look(struct virtio_balloon *balloon, struct query_balloon *answer)
{
	(void)balloon;
	*answer = (struct query_balloon){.ram = 1000, .target = balloon_target};
}

void virtio_net_poll_link(struct virtio_net *net)
{
	(void)net;
}

void acpi_pm_power_button(struct acpi_pm *pm)
{
	(void)pm;
	buttons++;
}

/* The first number drawn; each draw is one more than the last. */
#define GENERATION_DRAWN 0x1d00u
static u32 drawn;
static u32 generations; /* the generations that the guest was told of */

void random_draw(void *bytes, size_t count)
{
	u64 value = GENERATION_DRAWN + ++drawn;

	memset(bytes, 0, count);
	memcpy(bytes, &value, sizeof(value));
}

void acpi_pm_generation(struct acpi_pm *pm)
{
	(void)pm;
	generations++;
}

enum emulate_result emulate(struct emulator *emulator, struct vcpu_event *event)
{
	(void)emulator;
	*event = emulate_event;
	return emulate_answer;
}

enum emulate_result emulate_io_string(struct emulator *emulator, struct vcpu_event *event)
{
	return emulate(emulator, event);
}

static struct x86_instruction decode_answer;

enum emulate_result emulate_decode(struct emulator *emulator, struct x86_instruction *out,
				   struct vcpu_event *event)
{
	*out = decode_answer;
	if (emulate_answer == EMULATE_FAULT)
		emulator->page->cr2 = ~0ull;
	return emulate(emulator, event);
}

enum emulate_result emulate_instruction_length(struct emulator *emulator, u32 *length,
					       struct vcpu_event *event)
{
	(void)emulator, (void)event;
	*length = 9;
	return emulate_answer;
}
