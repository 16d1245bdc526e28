/* SPDX-License-Identifier: MIT */
/*
 * Says on 'g' what would tell it from its twins: the generation ID, how often it was told of
 * another one, and bytes of virtio-rng. NONE: the tables have no such ID. Ends on 'q'.
 */
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/virtio.h"

#define TYPE_ENTROPY  4u
#define NO_VECTOR     0xffffu
#define FADT_DSDT     40u
#define FADT_GPE0     80u
#define TABLE_LENGTH  4u
#define ADDRESS_AT    8u /* the offset behind "ADDR": package, its length, 2 elements, DWordConst */
#define SCI_VECTOR    (VECTOR_PIC_SLAVE + 1)
#define PIT_1000_HZ   ((u16)(PIT_HZ / 1000))
#define PRINTED_BYTES 16u

static struct virtio entropy;
static struct virtq queue;
static u64 bytes[PRINTED_BYTES / 8];
static u16 gpe_port;
static volatile u32 told;

static u32 word_at(word address)
{
	u32 value;

	__builtin_memcpy(&value, (const void *)address, sizeof(value));
	return value;
}

/*
 * Finds the generation ID in the tables: Name (ADDR, Package (2) {low, high}). NULL: the tables
 * have none.
 */
static const volatile u64 *find_id(void)
{
	word fadt = acpi_find(0x50434146); /* the signature "FACP" */
	word dsdt = word_at(fadt + FADT_DSDT);

	gpe_port = (u16)word_at(fadt + FADT_GPE0);
	for (word at = dsdt; at < dsdt + word_at(dsdt + TABLE_LENGTH); at++)
		if (word_at(at) == 0x52444441) /* the name "ADDR" */
			return (const volatile u64 *)(word)word_at(at + ADDRESS_AT);
	return NULL;
}

static void hear(struct trap_frame *frame)
{
	if ((in8(gpe_port) & 1) != 0) {
		out8(gpe_port, 1);
		told++;
	}
	pic_end_of_interrupt(frame);
}

static bool start_entropy(void)
{
	if (!virtio_find(&entropy, TYPE_ENTROPY) || virtio_begin(&entropy, VIRTIO_VERSION_1) == 0 ||
	    !virtio_add_queue(&entropy, 0, &queue, NO_VECTOR))
		return false;
	queue.available.flags = 1; /* the device shall send no interrupts */
	return virtio_start(&entropy);
}

static void draw(void)
{
	u16 before = queue.used.index;

	queue.table[0] = (struct virtq_descriptor){(word)bytes, sizeof(bytes), VIRTQ_WRITE, 0};
	virtio_submit(&entropy, 0, &queue, 0);
	while (queue.used.index == before)
		;
}

static void tell(const volatile u64 *id)
{
	print("ID ");
	print_hex(id[0]);
	print(" ");
	print_hex(id[1]);
	say(" TOLD ", told);
	draw();
	print("DRAWN ");
	print_hex(bytes[0]);
	print(" ");
	print_hex(bytes[1]);
	print("\n");
}

void guest_main(void)
{
	const volatile u64 *id = find_id();
	char key;

	if (id == NULL)
		print("NONE\n");
	trap_set_hook(VECTOR_PIC_MASTER, pic_end_of_interrupt);
	trap_set_hook(SCI_VECTOR, hear);
	pic_start(0xfa, 0xfd);
	pit_start(0, PIT_MODE_RATE, PIT_1000_HZ);
	if (id != NULL) {
		check("entropy", start_entropy(), "there is no such device");
		out8((u16)(gpe_port + 2), 1);
	}
	interrupts_on();
	pass("started");
	while ((key = typed()) != 'q') {
		if (key == 'g' && id != NULL)
			tell(id);
		asm volatile("hlt");
	}
	interrupts_off();
	finish();
}
