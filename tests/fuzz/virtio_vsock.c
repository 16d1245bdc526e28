/* SPDX-License-Identifier: MIT */
/*
 * A socket device between a guest and a manager of any kind: packets, rings, marks and indices of
 * any value, states that are loaded. Every packet to the guest is one that the specification knows,
 * bytes stay inside the rings, and an honest manager sees only steps that can follow each other.
 */
/*
 * Counted elsewhere: vmm/monitor/virtio/virtq vmm/monitor/virtio/virtio_transport
 * vmm/monitor/virtio/virtio_add vmm/monitor/virtio/virtio_rng vmm/monitor/virtio/virtio_console
 * vmm/monitor/virtio/virtio_blk vmm/monitor/virtio/virtio_net vmm/monitor/virtio/virtio_balloon
 * vmm/monitor/pci/ vmm/monitor/dev/ vmm/monitor/bus vmm/monitor/guest_memory
 */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/virtio_vsock_fixture.h"

static struct fuzz *input;
static u32 ports_of_host[4]; /* the ports of the host as the guest has learnt them */

/* Returns a slot of either half; few slots are used, so that connections meet. */
static u32 any_slot(void)
{
	u8 byte = fuzz_u8(input);

	return byte % 3 + (byte & 0x80 ? VSOCK_SLOTS_MANAGER : 0);
}

static void learn(void)
{
	while (packets_waiting() != 0) {
		u32 entry = rx_seen++ % SIZE;
		u32 head = used_head(VSOCK_QUEUE_RECEIVE, entry);
		u32 written = used_written(VSOCK_QUEUE_RECEIVE, entry);
		struct vio_vsock_header header;

		CHECK_THAT(head < SIZE && written >= HEADER);
		memcpy(&header, ram + RX_BUFFERS + head * BUFFER_BYTES, sizeof(header));
		CHECK_THAT(header.target_cid == CID && header.type == VIO_VSOCK_TYPE_STREAM);
		CHECK_THAT(header.operation >= VIO_VSOCK_REQUEST &&
			   header.operation <= VIO_VSOCK_CREDIT_REQUEST);
		CHECK_THAT(written == HEADER + header.bytes && header.bytes <= VSOCK_RING_BYTES);
		CHECK_THAT(header.bytes == 0 || header.operation == VIO_VSOCK_RW);
		CHECK_THAT(header.operation == VIO_VSOCK_RST || header.room == VSOCK_RING_BYTES);
		ports_of_host[header.operation % ARRAY_COUNT(ports_of_host)] = header.source_port;
	}
}

static void guest_sends(u8 what)
{
	struct vio_vsock_header header = packet(what >> 4, fuzz_u8(input) % 4, 0);
	u8 shape = fuzz_u8(input);
	u32 length = shape & 1 ? fuzz_u8(input) : shape & 2 ? BUFFER_BYTES - (u32)HEADER : 0;
	static const u8 bytes[BUFFER_BYTES];

	header.target_port = shape & 4 ? ports_of_host[shape >> 6] : fuzz_u8(input) % 4 + 1;
	if ((shape & 0xc0) == 0xc0)
		header.target_cid = CID - 1 + fuzz_u8(input) % 4;
	header.bytes = shape & 8 ? (u32)fuzz_number(input) : length;
	header.room = (u32)fuzz_number(input);
	header.taken = (u32)fuzz_number(input);
	header.flags = fuzz_u8(input);
	if ((shape & 0x30) == 0x30)
		((u8 *)&header)[fuzz_u8(input) % sizeof(header)] = fuzz_u8(input);
	offer_packet(&header, bytes, length);
	if ((shape & 0x30) != 0x20)
		kick(VSOCK, VSOCK_QUEUE_TRANSMIT);
}

static void guest_gives(u8 what)
{
	if (what & 0x40) {
		put_descriptor(VSOCK_QUEUE_EVENT, 0, RAM_BYTES - 64, fuzz_u8(input) % 6, WRITE, 0);
		offer(VSOCK_QUEUE_EVENT, SIZE, 0);
		kick(VSOCK, VSOCK_QUEUE_EVENT);
		return;
	}
	for (u32 i = what >> 4 & 3; i > 0 && rx_given - rx_seen < SIZE; i--)
		give_buffer((what & 0x80) != 0 ? fuzz_u16(input) % BUFFER_BYTES : BUFFER_BYTES);
	kick(VSOCK, VSOCK_QUEUE_RECEIVE);
}

/* As vm_vsock.c does, with slots at the same places. */
static void manager_acts(u8 what)
{
	u32 slot = any_slot();
	struct vsock_slot *shared = &area.slot[slot];
	bool mine = slot < VSOCK_SLOTS_MANAGER;
	bool same = vsock_word_use(shared->manager_word) == vsock_word_use(shared->monitor_word);

	area.listen[fuzz_u8(input) % VSOCK_LISTEN_MAX] = fuzz_u8(input) % 5;
	area.peer[fuzz_u8(input) % VSOCK_PEERS_MAX] = fuzz_u8(input) % 5;
	switch (what >> 4) {
	case 0:
		if (mine && same && mark_of(slot) == VSOCK_GONE &&
		    vsock_word_mark(shared->manager_word) == VSOCK_GONE)
			call_guest(slot, fuzz_u8(input) % 4);
		break;
	case 1:
		if (!mine && (!same || vsock_word_mark(shared->manager_word) == VSOCK_ASKS))
			answer_guest(slot,
				     (const enum vsock_mark[]){VSOCK_OPEN, VSOCK_GONE,
							       VSOCK_ASKS}[fuzz_u8(input) % 3]);
		break;
	case 2:
		set_mark(slot, VSOCK_GONE);
		break;
	case 3:
		if (same && mark_of(slot) == VSOCK_OPEN)
			set_mark(slot, VSOCK_ENDED);
		break;
	case 4:
		if (same && bytes_waiting(slot) != 0)
			read_bytes(slot, MIN(fuzz_u16(input), bytes_waiting(slot)));
		break;
	default:
		if (same && shared->input_written - shared->input_read < 3000)
			write_bytes(slot, area.rings[slot].output, fuzz_u16(input) % 1000);
		break;
	}
}

/* Lets the manager write any value to the words of its own. */
static void manager_lies(void)
{
	struct vsock_slot *shared = &area.slot[any_slot()];
	u32 *const words[] = {&shared->manager_word, &shared->called_port, &shared->called_cid,
			      &shared->input_written, &shared->output_read};

	*words[fuzz_u8(input) % ARRAY_COUNT(words)] = (u32)fuzz_number(input);
	ring_bell();
}

static void save_and_load(void)
{
	static u64 saved[sizeof(struct virtio_vsock_state) / sizeof(u64)];
	struct device *device = &function_at(VSOCK)->device;

	CHECK_THAT(device_save(device, saved, sizeof(saved)) == STATUS_OK);
	for (u32 i = fuzz_u8(input) % 4; i > 0; i--)
		((u8 *)saved)[fuzz_u16(input) % sizeof(saved)] = fuzz_u8(input);
	(void)!device_load(device, saved, sizeof(saved));
}

static void check_all(void)
{
	const struct virtio_vsock *vsock = the_vsock();

	CHECK_THAT(vsock->stray_count <= VIRTIO_VSOCK_STRAYS);
	for (u32 i = 0; i < VSOCK_SLOTS; i++) {
		const struct vsock_connection *connection = &vsock->connection[i];

		CHECK_THAT(connection->phase <= VSOCK_PHASE_RESETS);
		CHECK_THAT(connection->phase != VSOCK_PHASE_NONE || connection->owed == 0);
		CHECK_THAT(connection->phase != VSOCK_PHASE_RESETS || connection->owed != 0);
		CHECK_THAT(vsock->stale || connection->phase != VSOCK_PHASE_OPEN ||
			   mark_of(i) == VSOCK_OPEN || mark_of(i) == VSOCK_ENDED);
		CHECK_THAT(vsock->stale || connection->phase != VSOCK_PHASE_NONE ||
			   mark_of(i) == VSOCK_GONE);
	}
}

/* The driver begins anew; a state that was loaded may leave it no device: then all does. */
static void begin_again(u32 buffers)
{
	rx_seen = rx_given = tx_given = 0;
	memset(ram, 0, VSOCK_QUEUES * RINGS);
	negotiate(VSOCK, VERSION_1 | VIO_VSOCK_F_STREAM);
	for (u32 i = 0; i < VSOCK_QUEUES; i++) {
		setup_queue(VSOCK, i, SIZE);
		enable_queue(VSOCK, i);
	}
	set_status(VSOCK, STATUS_UP);
	if (status_of(VSOCK) != STATUS_UP) {
		vsock_setup(NULL);
		vsock_up(buffers);
		return;
	}
	virtio_vsock_poll(the_vsock());
	give_buffers(buffers);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};

	input = &fuzz;
	vsock_setup(NULL);
	vsock_up(fuzz_u8(&fuzz) % 8);
	while (fuzz.left > 0) {
		u8 what = fuzz_u8(&fuzz);

		switch (what & 0xf) {
		case 0:
			if (what & 0x80)
				begin_again(what >> 4 & 7);
			break;
		case 1:
			save_and_load();
			break;
		case 2:
			manager_lies();
			break;
		case 3:
		case 4:
		case 5:
		case 6:
			manager_acts(what);
			break;
		case 7:
		case 8:
			guest_gives(what);
			break;
		case 9:
			virtio_vsock_poll(the_vsock());
			break;
		case 10:
			learn();
			break;
		default:
			guest_sends(what);
			break;
		}
		device_tick(&function_at(VSOCK)->device);
		if (status_of(VSOCK) != STATUS_UP)
			begin_again(4);
		check_all();
	}
	return 0;
}
