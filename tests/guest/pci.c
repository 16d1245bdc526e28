/* SPDX-License-Identifier: MIT */
/*
 * Shows that there is a PCI bus, that BARs move, and that a virtio rng answers by MSI-X and by its
 * pin.
 */
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/virtio.h"

#define LIMIT_US  5000000u
#define SHORT_US  20000u
#define RNG	  4u
#define ELSEWHERE 0xd0000000u /* an address in the 32-bit window */
#define PORTS_TOO 0xe000u
#define NO_VECTOR 0xffffu
#define PIN_FIRST 16u

static struct virtio rng;
static struct virtq queue;
static u8 buffer[256];
static volatile u32 *const count = &trap_count[VECTOR_IOAPIC];

static void test_configuration(void)
{
	check_equal("bridge", pci_get(0, PCI_SUBCLASS, 2), 0x0600);
	out32(0xcf8, 0x80000000);
	check_equal("address", in32(0xcf8), 0x80000000);
	check_equal("bytes", in8(0xcfc) | (u32)in8(0xcfd) << 8, in16(0xcfc));
	check_equal("words", in16(0xcfc) | (u32)in16(0xcfe) << 16, in32(0xcfc));
	check_equal("nothing", pci_get(29, 0, 4), 0xffffffff);
	check("mcfg", pci_ecam(0, 0) != 0, "there is no MCFG");
	check_equal("ecam", *register32(pci_ecam(rng.slot, 0)), pci_get(rng.slot, 0, 4));
	check_equal("ecam-byte", *(volatile u8 *)pci_ecam(rng.slot, 1), pci_get(rng.slot, 1, 1));
}

static void test_sizes(void)
{
	u32 bar = rng.common.bar;
	u64 address = pci_bar(rng.slot, bar);
	u64 bytes;

	pci_put(rng.slot, PCI_COMMAND, 2, 0);
	pci_set_bar(rng.slot, bar, ~0ull);
	bytes = ~pci_bar(rng.slot, bar) + 1;
	pci_set_bar(rng.slot, bar, address);
	check("size", bytes >= 16 && is_power_of_two(bytes), "no power of two");
	check_equal("restored", pci_bar(rng.slot, bar), address);
}

static bool get_random(void)
{
	u16 used = queue.used.index;
	u32 start = clock_ticks();

	for (u32 i = 0; i < sizeof(buffer); i++)
		buffer[i] = 0;
	queue.table[0] = (struct virtq_descriptor){(word)buffer, sizeof(buffer), VIRTQ_WRITE, 0};
	virtio_submit(&rng, 0, &queue, 0);
	while (queue.used.index == used)
		if (clock_us_since(start) > LIMIT_US)
			return false;
	return true;
}

static u32 bits_set(void)
{
	u32 bits = 0;

	for (u32 i = 0; i < sizeof(buffer); i++)
		for (u32 k = 0; k < 8; k++)
			bits += buffer[i] >> k & 1;
	return bits;
}

/* A rng has one queue. */
static bool answers(word common)
{
	return *(volatile u16 *)(common + 0x12) == 1;
}

static bool bring_up(u16 vector)
{
	return virtio_begin(&rng, VIRTIO_VERSION_1) == VIRTIO_VERSION_1 &&
	       virtio_add_queue(&rng, 0, &queue, vector) && virtio_start(&rng);
}

static void test_moved(void)
{
	u64 before = pci_bar(rng.slot, rng.common.bar);
	const struct virtio_place *ports = rng.doorbell.ports ? &rng.doorbell : &rng.doorbell_2;

	pci_set_bar(rng.slot, rng.common.bar, ELSEWHERE);
	if (ports->ports)
		pci_put(rng.slot, PCI_BAR + 4 * ports->bar, 4, PORTS_TOO);
	virtio_find(&rng, RNG);
	check_equal("moved", rng.common.at & ~0xffffu, ELSEWHERE);
	check("moved-answers", bring_up(NO_VECTOR) && get_random(), "no answer there");
	check_between("random", bits_set(), 800, 1250); /* about half of 2048 random bits are set */
	if (before < 0x100000000ull)
		check("gone", !answers((word)before), "it answers there too");
	pci_put(rng.slot, PCI_COMMAND, 2, PCI_COMMAND_BUS_MASTER);
	check("decode-off", !answers(ELSEWHERE), "it answers");
	virtio_find(&rng, RNG);
	check("decode-on", get_random(), "no answer");
	if (rng.doorbell.ports != rng.doorbell_2.ports) {
		rng.doorbell = rng.doorbell_2;
		check("second-doorbell", get_random(), "no answer");
		virtio_find(&rng, RNG);
	}
}

static void test_msix(void)
{
	trap_set_hook(VECTOR_IOAPIC, lapic_end_of_interrupt);
	virtio_msix(&rng, 0, VECTOR_IOAPIC);
	*count = 0;
	interrupts_on();
	check("msix", bring_up(0) && get_random() && wait_count(count, 1, LIMIT_US), "no message");
	wait_us(SHORT_US);
	check_equal("msix-once", *count, 1);
	pci_put(rng.slot, pci_capability(rng.slot, PCI_CAP_MSIX, 0) + PCI_MSIX_CONTROL, 2,
		PCI_MSIX_ENABLE | PCI_MSIX_MASKED);
	check("msix-masked-answers", get_random(), "no answer");
	wait_us(SHORT_US);
	check_equal("msix-masked", *count, 1);
	pci_put(rng.slot, pci_capability(rng.slot, PCI_CAP_MSIX, 0) + PCI_MSIX_CONTROL, 2,
		PCI_MSIX_ENABLE);
	check("msix-unmasked", wait_count(count, 2, LIMIT_US), "the pending message is lost");
	interrupts_off();
	virtio_msix_off(&rng);
}

/* Ends a level interrupt: as long as the ISR status is not read, EOI brings the interrupt again. */
static void end_pin(struct trap_frame *frame)
{
	if (*count >= 3)
		(void)virtio_get(&rng.isr, 0, 1);
	lapic_end_of_interrupt(frame);
}

static void test_pin(void)
{
	u32 pin = PIN_FIRST + rng.slot % 8;

	(void)virtio_get(&rng.isr, 0, 1);
	trap_set_hook(VECTOR_IOAPIC, end_pin);
	ioapic_route(pin, VECTOR_IOAPIC | IOAPIC_ENTRY_LEVEL);
	*count = 0;
	interrupts_on();
	check("pin", bring_up(NO_VECTOR) && get_random() && wait_count(count, 3, LIMIT_US),
	      "no interrupt");
	wait_us(SHORT_US);
	check_equal("pin-until-read", *count, 3);
	pci_put(rng.slot, PCI_COMMAND, 2,
		PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER |
			PCI_COMMAND_INTX_OFF);
	check("pin-off-answers", get_random(), "no answer");
	wait_us(SHORT_US);
	check_equal("pin-off", *count, 3);
	check_equal("pin-status", pci_get(rng.slot, PCI_STATUS, 2) & PCI_STATUS_INTX,
		    PCI_STATUS_INTX);
	check_equal("pin-isr", virtio_get(&rng.isr, 0, 1), 1);
	check_equal("pin-status-read", pci_get(rng.slot, PCI_STATUS, 2) & PCI_STATUS_INTX, 0);
	interrupts_off();
	ioapic_route(pin, IOAPIC_ENTRY_MASKED);
}

/* A driver that breaks a rule is told, and can start again. */
static void test_broken(void)
{
	bring_up(NO_VECTOR);
	queue.table[0] = (struct virtq_descriptor){(word)buffer, 16, VIRTQ_NEXT | VIRTQ_WRITE, 0};
	virtio_submit(&rng, 0, &queue, 0);
	wait_us(SHORT_US);
	check_equal("needs-reset", virtio_status(&rng), 0x4f);
	check("starts-again", bring_up(NO_VECTOR) && get_random(), "no answer");
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	pic_mask_all();
	lapic_enable();
	check("rng", virtio_find(&rng, RNG), "there is none");
	test_configuration();
	test_sizes();
	virtio_find(&rng, RNG);
	test_moved();
	test_msix();
	test_broken();
	if (option("bare")) /* another board has other wires */
		absent("pin");
	else
		test_pin();
}
