/* SPDX-License-Identifier: MIT */
/*
 * Captures a network's frames for one reader, through a mirror port of the switch. Called by `net
 * capture` and the event loop. Owns the one capture and its link, which the switch's group pays
 * for.
 */
#include "vmm/manager/net/capture.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

#define LEAVE_NS (50 * NS_PER_MS)
/* The capture ends this long after its reader last called capture_keep. */
#define KEEP_NS (2 * NS_PER_S)

static struct driver_link *link; /* the link of the capture's port; NULL: there is no capture */
static struct link_end end;
static u64 at; /* address at which the link is mapped in the manager; 0: it is not mapped */
static u64 until;
static bool leaving;

static u64 capture_bytes_mapped(void)
{
	return align_up(FRAMES_LINK_BYTES, PAGE_SIZE);
}

/*
 * Opens the manager's end of the link: the reader gets the frames that the switch puts into its
 * ring from now on.
 */
static bool capture_open_end(char *problem, size_t size)
{
	enum status status = sys_space_map(start_handle(START_SPACE), 0, link->ends.memory, 0,
					   capture_bytes_mapped(), RIGHT_READ | RIGHT_WRITE, &at);

	if (status != STATUS_OK) {
		format(problem, size, "the kernel says \"%s\" while mapping the capture",
		       status_text(status));
		return false;
	}
	frames_open(&end, (struct link_memory *)(uintptr_t)at, LINK_CLIENT);
	return true;
}

void capture_keep(void)
{
	until = clock_tsc() + clock_ns_to_tsc(KEEP_NS);
}

bool capture_begin(u32 number, char *problem, size_t size)
{
	const struct net *net = net_at(number);
	struct driver_link wanted = {
		.section = number, .user = "capture", .port = {.flags = NET_PORT_MIRROR}};

	if (link != NULL) {
		format(problem, size,
		       "another capture is under way, and there can be only one at a time");
		return false;
	}
	if (net->bridge == NULL || net->bridge->life != DRIVER_LIFE_READY) {
		format(problem, size, "its switch is not ready, `net list` says why");
		return false;
	}
	wanted.port.limit.weight = 1;
	link = driver_link_make(net->bridge, net->bridge->group, &wanted, problem, size);
	if (link == NULL)
		return false;
	leaving = false;
	capture_keep();
	if (capture_open_end(problem, size))
		return true;
	capture_end();
	return false;
}

bool capture_take(u8 bytes[PCAPNG_SNAP_BYTES], u32 *kept, u32 *length)
{
	struct frame_header header;
	const u8 *frame;

	if (link == NULL || leaving)
		return false;
	if (link_renewed(&end))
		sys_event_signal(link->ends.doorbell);
	if (!frames_next(&end, &header, &frame))
		return false;
	*length = header.bytes;
	*kept = MIN(header.bytes, PCAPNG_SNAP_BYTES);
	memcpy(bytes, frame, *kept);
	frames_drop(&end, &header);
	if (link_publish(&end))
		sys_event_signal(link->ends.doorbell);
	return true;
}

void capture_end(void)
{
	leaving = link != NULL;
}

/*
 * Ends the capture's link in steps: its memory is freed once neither the switch nor the manager
 * uses it.
 */
bool capture_step(void)
{
	if (link == NULL)
		return false;
	leaving |= clock_tsc() >= until;
	if (!leaving)
		return false;
	if (at != 0)
		sys_space_unmap(start_handle(START_SPACE), at, capture_bytes_mapped());
	at = 0;
	if (driver_link_end(link))
		link = NULL;
	return false;
}

u64 capture_deadline(void)
{
	if (link == NULL)
		return ~0ull;
	return leaving ? clock_tsc() + clock_ns_to_tsc(LEAVE_NS) : until;
}
