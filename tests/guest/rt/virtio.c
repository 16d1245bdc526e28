/* SPDX-License-Identifier: MIT */
/*
 * A small driver's side of virtio over PCI: capabilities, features and queues. Called by blk.c,
 * net.c and the guests that test virtio.
 */
#include "tests/guest/rt/virtio.h"

#include "tests/guest/rt/devices.h"

/* Fields of a capability of virtio (virtio 1.2, 4.1.4) */
#define CAP_TYPE       3u
#define CAP_BAR	       4u
#define CAP_OFFSET     8u
#define CAP_MULTIPLIER 16u

enum cap { COMMON = 1, NOTIFY, ISR, DEVICE };

u32 virtio_get(const struct virtio_place *place, u32 offset, u32 size)
{
	word at = place->at + offset;

	if (place->ports)
		return size == 1 ? in8((u16)at) : size == 2 ? in16((u16)at) : in32((u16)at);
	return size == 1   ? *(volatile u8 *)at
	       : size == 2 ? *(volatile u16 *)at
			   : *(volatile u32 *)at;
}

void virtio_put(const struct virtio_place *place, u32 offset, u32 size, u32 value)
{
	word at = place->at + offset;

	if (place->ports && size == 2)
		out16((u16)at, (u16)value);
	else if (place->ports)
		out32((u16)at, value);
	else if (size == 1)
		*(volatile u8 *)at = (u8)value;
	else if (size == 2)
		*(volatile u16 *)at = (u16)value;
	else
		*(volatile u32 *)at = value;
}

static struct virtio_place place_of(u32 slot, u32 cap)
{
	u32 bar = pci_get(slot, cap + CAP_BAR, 1);

	return (struct virtio_place){
		.bar = bar,
		.ports = (pci_get(slot, PCI_BAR + 4 * bar, 4) & PCI_BAR_IO) != 0,
		.at = (word)pci_bar(slot, bar) + pci_get(slot, cap + CAP_OFFSET, 4),
	};
}

bool virtio_find(struct virtio *virtio, u32 type)
{
	return virtio_find_at(virtio, pci_find(0x1af4, 0x1040 + type));
}

bool virtio_find_at(struct virtio *virtio, u32 slot)
{
	*virtio = (struct virtio){.slot = slot};
	if (slot == PCI_NO_SLOT)
		return false;
	for (u32 cap = pci_capability(slot, PCI_CAP_VENDOR, 0); cap != 0;
	     cap = pci_capability(slot, PCI_CAP_VENDOR, cap)) {
		struct virtio_place place = place_of(slot, cap);

		switch (pci_get(slot, cap + CAP_TYPE, 1)) {
		case COMMON:
			virtio->common = place;
			break;
		case NOTIFY:
			virtio->doorbell_2 = place;
			if (virtio->doorbell.at != 0)
				break;
			virtio->doorbell = place;
			virtio->multiplier = pci_get(slot, cap + CAP_MULTIPLIER, 4);
			break;
		case ISR:
			virtio->isr = place;
			break;
		case DEVICE:
			virtio->device = place;
			break;
		default:
			break;
		}
	}
	pci_put(slot, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
	return virtio->common.at != 0 && virtio->doorbell.at != 0 && virtio->isr.at != 0;
}

u8 virtio_status(const struct virtio *virtio)
{
	return (u8)virtio_get(&virtio->common, VIRTIO_STATUS, 1);
}

u64 virtio_begin(const struct virtio *virtio, u64 features)
{
	const struct virtio_place *common = &virtio->common;
	u64 taken = 0;

	virtio_put(common, VIRTIO_STATUS, 1, 0);
	while (virtio_status(virtio) != 0)
		relax();
	virtio_put(common, VIRTIO_STATUS, 1, 1);
	virtio_put(common, VIRTIO_STATUS, 1, 3);
	for (u32 i = 0; i < 2; i++) {
		u32 half;

		virtio_put(common, VIRTIO_DEVICE_SELECT, 4, i);
		half = virtio_get(common, VIRTIO_DEVICE_FEATURE, 4) & (u32)(features >> 32 * i);
		virtio_put(common, VIRTIO_DRIVER_SELECT, 4, i);
		virtio_put(common, VIRTIO_DRIVER_FEATURE, 4, half);
		taken |= (u64)half << 32 * i;
	}
	virtio_put(common, VIRTIO_STATUS, 1, 0xb);
	return virtio_status(virtio) == 0xb ? taken : 0;
}

static void put_address(const struct virtio *virtio, u32 at, const void *address)
{
	virtio_put(&virtio->common, at, 4, (u32)(word)address);
	virtio_put(&virtio->common, at + 4, 4, 0); /* below 4 GiB */
}

bool virtio_add_queue(const struct virtio *virtio, u32 number, struct virtq *queue, u16 vector)
{
	return virtio_add_queue_of(virtio, number, queue, vector, VIRTQ_SIZE);
}

bool virtio_add_queue_of(const struct virtio *virtio, u32 number, struct virtq *queue, u16 vector,
			 u32 size)
{
	const struct virtio_place *common = &virtio->common;

	for (u32 i = 0; i < sizeof(*queue); i++)
		((volatile u8 *)queue)[i] = 0;
	queue->size = size;
	virtio_put(common, VIRTIO_QUEUE_SELECT, 2, number);
	if (virtio_get(common, VIRTIO_QUEUE_SIZE, 2) < size)
		return false;
	virtio_put(common, VIRTIO_QUEUE_SIZE, 2, size);
	virtio_put(common, VIRTIO_QUEUE_VECTOR, 2, vector);
	if (virtio_get(common, VIRTIO_QUEUE_VECTOR, 2) != vector)
		return false;
	put_address(virtio, VIRTIO_QUEUE_TABLE, queue->table);
	put_address(virtio, VIRTIO_QUEUE_AVAILABLE, &queue->available);
	put_address(virtio, VIRTIO_QUEUE_USED, &queue->used);
	virtio_put(common, VIRTIO_QUEUE_ENABLE, 2, 1);
	return virtio_get(common, VIRTIO_QUEUE_ENABLE, 2) == 1;
}

bool virtio_start(const struct virtio *virtio)
{
	virtio_put(&virtio->common, VIRTIO_STATUS, 1, 0xf);
	return virtio_status(virtio) == 0xf;
}

void virtio_submit(const struct virtio *virtio, u32 number, struct virtq *queue, u16 head)
{
	queue->available.head[queue->available.index % queue->size] = head;
	asm volatile("" ::: "memory");
	queue->available.index++;
	virtio_put(&virtio->doorbell, number * virtio->multiplier, 2, number);
}

static u32 msix_of(const struct virtio *virtio)
{
	return pci_capability(virtio->slot, PCI_CAP_MSIX, 0);
}

void virtio_msix(const struct virtio *virtio, u32 vector, u32 data)
{
	u32 cap = msix_of(virtio);
	u32 table = pci_get(virtio->slot, cap + PCI_MSIX_TABLE, 4);
	const struct virtio_place entry = {
		.at = (word)pci_bar(virtio->slot, table & 7) + (table & ~7u) +
		      vector * PCI_MSIX_ENTRY_BYTES,
	};

	virtio_put(&entry, 0, 4, LAPIC_DEFAULT_ADDRESS | lapic_get(LAPIC_ID) >> 24 << 12);
	virtio_put(&entry, 4, 4, 0);
	virtio_put(&entry, 8, 4, data);
	virtio_put(&entry, 12, 4, 0);
	pci_put(virtio->slot, cap + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE);
}

void virtio_msix_off(const struct virtio *virtio)
{
	pci_put(virtio->slot, msix_of(virtio) + PCI_MSIX_CONTROL, 2, 0);
}
