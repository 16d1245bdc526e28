/* SPDX-License-Identifier: MIT */
/*
 * Makes a clone's random numbers its own. The gate calls it with what the host has sown; what was
 * drawn before is in all clones of the template, which has drawn no ID.
 */
#include <linux/random.h>
#include <fcntl.h>

#include "iso/init/gate.h"

static void seed_write_id(void)
{
	uint8_t id[16];
	char text[2 * sizeof(id) + 1];

	if (CALL(getrandom, id, sizeof(id)) != sizeof(id))
		return;
	for (uint32_t i = 0; i < 2 * sizeof(id); i++)
		text[i] = "0123456789abcdef"[id[i / 2] >> 4 * (1 - i % 2) & 15];
	text[sizeof(text) - 1] = '\n';
	file_write("/etc/machine-id", text, sizeof(text));
}

/*
 * The kernel begins its random numbers anew with what the host has sent, whether or not it has
 * heard of the clone's generation ID by now.
 */
bool seed_take(const uint8_t seed[GATE_SEED_BYTES])
{
	struct {
		int bits, bytes;
		uint8_t seed[GATE_SEED_BYTES];
	} pool = {8 * GATE_SEED_BYTES, GATE_SEED_BYTES, {0}};
	long file = CALL(open, "/dev/random", O_WRONLY | O_CLOEXEC);
	bool done;

	memcpy(pool.seed, seed, GATE_SEED_BYTES);
	done = file >= 0 && CALL(ioctl, file, RNDADDENTROPY, &pool) == 0 &&
	       CALL(ioctl, file, RNDRESEEDCRNG) == 0;
	CALL(close, file);
	if (done)
		seed_write_id();
	return done;
}
