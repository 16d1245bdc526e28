/* SPDX-License-Identifier: MIT */
/*
 * Reads its disk when a key is typed: '0' to '9' reads sector 100 times that, however long it
 * takes, and says the sector's first and last word; 'w' writes to sector 1.
 */
#include "tests/guest/rt/blk.h"
#include "tests/guest/rt/devices.h"

#define WORDS	 (BLK_SECTOR / sizeof(u64))
#define PATIENCE 60u /* times five seconds: the driver may be dead for a while */

static struct blk blk;
static u64 sector[WORDS] ALIGNED(BLK_SECTOR);

static u8 transfer(u32 type, u64 number)
{
	blk_post(&blk, 0, 0, type, number, sector, BLK_SECTOR);
	for (u32 i = 0; i < PATIENCE; i++)
		if (blk_wait(&blk, 0))
			return blk.slot[0][0].status;
	return BLK_NO_ANSWER;
}

static void read_sector(u64 number)
{
	u8 status = transfer(BLK_IN, number);

	print("SECTOR ");
	print_hex(number);
	print(" ");
	print_hex(status);
	print(" ");
	print_hex(sector[0]);
	print(" ");
	print_hex(sector[WORDS - 1]);
	print("\n");
}

static void obey(char key)
{
	if (key >= '0' && key <= '9')
		read_sector((u64)(key - '0') * 100);
	if (key != 'w')
		return;
	print("WRITTEN ");
	print_hex(transfer(BLK_OUT, 1));
	print("\n");
}

void guest_main(void)
{
	check("pm-timer", clock_init(), "no FADT with a PM timer");
	check("disk", blk_find(&blk, 0) && blk_begin(&blk, 0, BLK_NO_VECTOR), "no disk");
	trap_set_hook(VECTOR_PIC_MASTER, pic_end_of_interrupt);
	pic_start(0xfe, 0xff);
	pit_start(0, PIT_MODE_RATE, (u16)(PIT_HZ / 100));
	print("READY\n");
	for (;;) {
		obey(typed());
		interrupts_on();
		asm volatile("hlt");
		interrupts_off();
	}
}
