/* SPDX-License-Identifier: MIT */
/*
 * The gate: a template is frozen while its init waits here, and each clone goes on from here. The
 * init calls it once; nothing of the guest's random numbers is used before the host has sown.
 */
#include "iso/init/gate.h"

#include <linux/random.h>
#include <linux/reboot.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <linux/vm_sockets.h>

enum { GATE_ID_BYTES = 16 };

_Noreturn void gate_power_off(void)
{
	for (;;)
		CALL(reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF);
}

static bool gate_write(int file, const uint8_t *bytes, uint32_t count)
{
	while (count > 0) {
		long done = CALL(write, file, bytes, count);

		if (done <= 0)
			return false;
		bytes += done;
		count -= (uint32_t)done;
	}
	return true;
}

bool gate_send(struct gate *gate, enum gate_frame kind, const void *bytes, uint32_t count)
{
	uint8_t frame[4 + GATE_OUTPUT] = {(uint8_t)kind, (uint8_t)count, (uint8_t)(count >> 8), 0};

	if (count > GATE_OUTPUT)
		return false;
	for (uint32_t i = 0; i < count; i++)
		frame[4 + i] = ((const uint8_t *)bytes)[i];
	return gate_write(gate->connection, frame, 4 + count);
}

/* The bytes of the frame of which the head has come. */
static uint32_t gate_count(const struct gate *gate)
{
	return gate->bytes[1] | (uint32_t)gate->bytes[2] << 8 | (uint32_t)gate->bytes[3] << 16;
}

int gate_read(struct gate *gate, uint32_t *count)
{
	uint32_t wanted;
	long done;

	if (gate->count >= 4 && gate->count == 4 + gate_count(gate))
		gate->count = 0; /* it has been used */
	wanted = gate->count < 4 ? 4 : 4 + gate_count(gate);
	if (wanted > sizeof(gate->bytes))
		return -1;
	done = CALL(read, gate->connection, gate->bytes + gate->count, wanted - gate->count);
	if (done <= 0)
		return -1;
	gate->count += (uint32_t)done;
	if (gate->count < 4 || gate->count < 4 + gate_count(gate))
		return 0;
	*count = gate_count(gate);
	return gate->bytes[0];
}

static void gate_write_id(void)
{
	char text[2 * GATE_ID_BYTES + 1];
	uint8_t id[GATE_ID_BYTES];
	long file = CALL(open, "/etc/machine-id", O_WRONLY | O_CREAT | O_TRUNC, 0444);

	if (file < 0)
		return;
	if (CALL(getrandom, id, sizeof(id)) == sizeof(id)) {
		for (uint32_t i = 0; i < sizeof(id); i++) {
			text[2 * i] = "0123456789abcdef"[id[i] >> 4];
			text[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
		}
		text[sizeof(text) - 1] = '\n';
		CALL(write, file, text, sizeof(text));
	}
	CALL(close, file);
}

/*
 * The kernel begins its random numbers anew with what the host has sent, whether or not it has
 * heard of the clone's generation ID by now. What the template has drawn before is in all clones:
 * it has drawn no ID.
 */
static bool gate_sow(const uint8_t *seed)
{
	struct {
		int bits, bytes;
		uint8_t seed[GATE_SEED_BYTES];
	} pool = {8 * GATE_SEED_BYTES, GATE_SEED_BYTES, {0}};
	long file = CALL(open, "/dev/random", O_WRONLY | O_CLOEXEC);
	bool done;

	for (uint32_t i = 0; i < GATE_SEED_BYTES; i++)
		pool.seed[i] = seed[i];
	done = file >= 0 && CALL(ioctl, file, RNDADDENTROPY, &pool) == 0 &&
	       CALL(ioctl, file, RNDRESEEDCRNG) == 0;
	CALL(close, file);
	if (done)
		gate_write_id();
	return done;
}

/* Makes a file that the host has sent, and the folders above it. */
static bool gate_put_file(char *bytes, uint32_t count)
{
	uint32_t end = 0;
	long file;
	bool done;

	while (end < count && bytes[end] != '\0')
		end++;
	if (end == count || bytes[0] != '/')
		return false;
	for (uint32_t i = 1; i < end; i++) {
		if (bytes[i] != '/')
			continue;
		bytes[i] = '\0';
		CALL(mkdir, bytes, 0755);
		bytes[i] = '/';
	}
	file = CALL(open, bytes, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	done = file >= 0 && gate_write((int)file, (uint8_t *)bytes + end + 1, count - end - 1);
	CALL(close, file);
	return done;
}

/* Returns true when the host has said what to run, and false when it has gone. */
static bool gate_serve(struct gate *gate, struct words *words)
{
	uint8_t version = GATE_VERSION;
	bool seeded = false;

	gate->count = 0;
	if (!gate_send(gate, GATE_HELLO, &version, 1))
		return false;
	for (;;) {
		uint32_t count;
		int kind = gate_read(gate, &count);

		if (kind == 0)
			continue;
		if (kind == GATE_SEED && count == GATE_SEED_BYTES) {
			seeded = gate_sow(gate->bytes + 4);
			if (!seeded || !gate_send(gate, GATE_SEEDED, NULL, 0))
				return false;
		} else if (kind == GATE_FILE && seeded) {
			if (gate_put_file((char *)gate->bytes + 4, count))
				continue;
			gate_send(gate, GATE_REFUSED, "no file", 7);
			gate_power_off();
		} else if (kind == GATE_COMMAND && seeded) {
			static char kept[WORDS_BYTES];

			for (uint32_t i = 0; i < count; i++)
				kept[i] = (char)gate->bytes[4 + i];
			if (words_take(words, kept, count, true) && words->argument_count > 0)
				return true;
			gate_send(gate, GATE_REFUSED, "no command", 10);
			gate_power_off();
		} else {
			return false;
		}
	}
}

void gate_wait(struct gate *gate, struct words *words)
{
	struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_port = GATE_PORT, .svm_cid = VMADDR_CID_ANY};
	long listener = CALL(socket, AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC);

	if (listener < 0 || CALL(bind, listener, &address, sizeof(address)) != 0 ||
	    CALL(listen, listener, 4) != 0) {
		print("init: there is no socket device: the VM needs `vsock = yes`\n");
		gate_power_off();
	}
	print("init: at the gate\n");
	for (;;) {
		long connection = CALL(accept4, listener, NULL, NULL, SOCK_CLOEXEC);

		if (connection < 0)
			continue;
		gate->connection = (int)connection;
		if (gate_serve(gate, words))
			break;
		CALL(close, connection);
	}
	CALL(close, listener);
}
